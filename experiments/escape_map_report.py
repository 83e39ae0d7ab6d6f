"""What escape-map says in words: its table, its claims and the numbers that a text may quote."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from escape_map_theory import DIVERGENCE

from flowopt.estimates import Z999, wilson
from flowopt.experiment import Claim
from flowopt.quoting import Number, count, decimal, percent, scientific
from flowopt.reporting import Table

PER_ROOT = 2.0  # Richardson's weight of the smaller of two steps, h and 4 h, error O(sqrt h)
LONG = 25.0  # times after which runs have come to 3, whatever the clip


def extrapolated(cells: list[dict[str, float]]) -> tuple[float, float]:
    """The rate of leaving at h -> 0 from the two smallest steps, and its standard error."""
    a, b = (cell["rate"] for cell in cells[:2])
    errors = [cell["rate"] / math.sqrt(max(cell["events"], 1)) for cell in cells[:2]]
    return (PER_ROOT * a - (PER_ROOT - 1) * b,
            math.hypot(PER_ROOT * errors[0], (PER_ROOT - 1) * errors[1]))


def hazard(cell: dict[str, float]) -> tuple[float, float, float]:
    """A rate with its 95 % interval, by the square root of the number of events."""
    half = 1.96 / math.sqrt(max(cell["events"], 1))
    return cell["rate"], cell["rate"] * (1 - half), cell["rate"] * (1 + half)


def regions(result: dict[str, Any]) -> dict[str, np.ndarray]:
    """Which cells of the map lie where theory says something exact."""
    theory, steps = result["theory"], result["setting"]["steps"]
    h, M = np.meshgrid(result["h"], result["M"], indexing="ij")
    onset = np.interp(np.log(h), *(np.log(v) for v in theory["two_cycle"]), left=np.nan,
                      right=np.nan)
    settled = (h * M <= theory["wall"]) & (h < theory["wall_holds"]) & (h * steps >= LONG)
    low, high, clip = theory["three_cycle"]
    return {"wall": (h * M <= theory["wall"]) & (h <= theory["wall_holds"]),
            "slow": h <= theory["arrival"], "bounded": h < DIVERGENCE,
            "cycle": settled & (np.log(M) < onset), "chaos": settled & (np.log(M) > onset),
            "three": (h > low) & (h < high) & (M > clip)}


def memoryless(law: dict[str, Any]) -> float:
    """Late against early rate of leaving, in standard errors of their log-ratio."""
    a, b = law["early"], law["late"]
    if not (a["events"] and b["events"]):
        return math.nan
    return math.log(b["rate"] / a["rate"]) / math.sqrt(1 / a["events"] + 1 / b["events"])


def table(result: dict[str, Any]) -> Table:
    rates = result["rates"]
    rows = [(float(hM), float(kappa), *(hazard(cell) for cell in cells),
             extrapolated(cells)[0]) for hM, (kappa, _), cells in zip(
                 rates["hM"], rates["theory"], rates["cells"], strict=True)]
    return Table("Rate of leaving the well, for each unit of time spent in it", (
        "h M", "theory, h -> 0", *(f"h = {h:g}" for h in rates["h"]), "extrapolated"), rows)


def claims(result: dict[str, Any]) -> list[Claim]:
    of, at = result["map"], regions(result)
    n, law, sharp, theory = (result["setting"]["starts"], result["law"], result["sharp"],
                             result["theory"])

    def none(text: str, where: np.ndarray, key: str, note: str) -> Claim:
        seen = int(of[key][where].sum())
        return Claim(text, seen, 0, seen == 0 if where.any() else None,
                     f"proved; {int(where.sum()) * n} runs in {int(where.sum())} cells; {note}")

    made = [
        none(f"runs that leave while h M <= {theory['wall']:.6f} and h <= "
             f"{theory['wall_holds']:.4f}", at["wall"], "left",
             "no jump from the well reaches the barrier"),
        none(f"runs that leave while h <= {theory['arrival']:.4g}", at["slow"], "left",
             f"L >= (1 - h)^k L(x0) > L(3) for {result['setting']['steps']} steps"),
        none("runs that diverge while h < 8", at["bounded"], "diverged",
             "|x| shrinks by |1 - h/4| far away"),
        Claim("least h M at which a run leaves, by bisection", sharp["hM"], theory["wall"],
              bool(theory["wall"] * (1 - 1e-9) < sharp["hM"] < 1.01 * theory["wall"]),
              "never below the wall, and within 1 % above it, where the whole window |L'| < 1/M "
              "is thrown over the barrier")]
    in_cycle, in_chaos = (of["cycle"][at[key]] / n for key in ("cycle", "chaos"))
    made.append(Claim("below the curve of the stable 2-cycle: least share of runs in a 2-cycle",
                      float(in_cycle.min()) if in_cycle.size else math.nan, 1.0,
                      bool((in_cycle == 1).all()) if in_cycle.size else None,
                      "its stability is proved, that it draws all runs is not"))
    three = of["three"] / n
    made.append(Claim(
        "cells in the window of the stable 3-cycle where it holds runs",
        f"{int((three[at['three']] > 0).sum())} of {int(at['three'].sum())}", "all",
        bool((three[at["three"]] > 0).all()) if at["three"].any() else None,
        f"{theory['three_cycle'][0]:.4f} < h < {theory['three_cycle'][1]:.4f}"))
    rates = result["rates"]
    off = [(hM, abs(extrapolated(cells)[0] - kappa) / extrapolated(cells)[1]) for hM, (kappa, _),
           cells in zip(rates["hM"], rates["theory"], rates["cells"], strict=True)]
    worst = max(off, key=lambda pair: pair[1])
    enough = all(cell["events"] >= 1000 for cells in rates["cells"] for cell in cells)
    made.append(Claim("rate of leaving extrapolated to h -> 0: largest distance from the exact "
                      "limit, in standard errors", round(worst[1], 2), f"< {Z999:.2f}",
                      worst[1] < Z999 if enough else None, f"at h M = {worst[0]:g}"))
    z = memoryless(law)
    made.append(Claim("the law is geometric: late against early rate, in standard errors",
                      round(z, 2), f"between {-Z999:.2f} and {Z999:.2f}",
                      abs(z) < Z999 if law["late"]["events"] >= 100 else None))
    value, low, high = law["probability"]
    known = law["limit_probability"]
    wide = wilson(round(value * law["runs"]), law["runs"], Z999)
    made.append(Claim("probability of leaving in time, with the published h and M: the limit of "
                      "small h", f"{value:.4f} [{low:.4f}, {high:.4f}]", round(known, 4),
                      bool(wide[1] <= known <= wide[2]) if law["runs"] >= 10_000 else None,
                      "99.9 % interval; no parameter is fitted"))
    over, places = result["over"], len(result["over"]["x0"])
    missed, allowed = places - over["covered"], chance_misses(places)
    made.append(Claim("bins of x0 whose 99.9 % interval misses the limit of small h", missed,
                      f"at most {allowed} of {places}, by chance",
                      missed <= allowed if over["starts"] >= 500 else None))
    return made


def chance_misses(places: int) -> int:
    """How many of so many 99.9 % intervals miss, at most, but for a chance of 1e-3."""
    from scipy.special import bdtr

    return next(k for k in range(places + 1) if bdtr(k, places, 1e-3) >= 1 - 1e-3)


def whole(value: float) -> Number:
    """A number rounded to a whole one."""
    return count(round(value))


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    theory, law, of, at = result["theory"], result["law"], result["map"], regions(result)
    mean = 1 / law["whole"]["rate"]
    rounded_down = math.floor(1e4 * theory["wall_holds"]) / 1e4  # a bound stays one
    made = {"wall": decimal(theory["wall"], 4), "wall-largest-h": decimal(rounded_down, 4),
            "slowest-h": scientific(theory["arrival"], 3), "divergence-h": count(int(DIVERGENCE)),
            "sharp-hM": decimal(result["sharp"]["hM"], 4),
            "runs-below-wall": count(int(at["wall"].sum()) * result["setting"]["starts"]),
            "left-below-wall": count(int(of["left"][at["wall"]].sum())),
            "map-runs": count(result["setting"]["starts"] * of["left"].size),
            "map-points": count(len(result["h"])), "map-starts": count(result["setting"]["starts"]),
            "three-cycle-low": decimal(theory["three_cycle"][0], 3),
            "three-cycle-high": decimal(theory["three_cycle"][1], 3),
            "law-runs": count(law["runs"]), "kappa": decimal(law["kappa"], 4),
            "prefactor": decimal(law["share"], 3),
            "memoryless-z": decimal(memoryless(law), 2) if law["late"]["events"] else count(0)}
    # P(still in) = 1 %: A exp(-kappa h (k - arrival))
    last = law["arrival"] + law["theory_steps"] * math.log(100 * law["share"])
    for name, make, value in (
            ("probability", percent, law["probability"][0]),
            ("probability-low", percent, law["probability"][1]),
            ("probability-high", percent, law["probability"][2]),
            ("probability-theory", percent, law["limit_probability"]),
            ("mean-steps", whole, mean), ("theory-steps", whole, law["theory_steps"]),
            ("cauchy-steps", whole, law["cauchy_steps"]),
            ("cauchy-error", percent, law["cauchy_steps"] / mean - 1),
            ("theory-error", percent, abs(law["theory_steps"] / mean - 1)),
            ("steps-99-theory", whole, last)):
        if math.isfinite(value):  # runs may all arrive elsewhere, and then none is left to leave
            made[name] = make(value)
    if len(law["steps"]) > 0.99 * law["runs"]:
        made["steps-99"] = count(int(law["steps"][math.ceil(0.99 * law["runs"]) - 1]))
    if math.isfinite(law["median"]):
        made["median-steps"] = count(round(law["median"]))
    for hM, (kappa, _) in zip(result["rates"]["hM"], result["rates"]["theory"], strict=True):
        made[f"kappa-hM-{hM:g}"] = decimal(kappa, 4)
    return made
