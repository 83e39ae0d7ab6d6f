"""What langevin-versus-clip says in words: its tables, its claims, the numbers for a text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flowopt.estimates import Z999
from flowopt.experiment import Claim
from flowopt.quoting import Number, count, decimal, percent, scientific
from flowopt.reporting import Table, cell

PUBLISHED = 0.01, 1000.0  # h and M
NOISY = ("noise", "noise, then descent", "annealed, then descent")
CURVATURE = 12.0  # at the poor minimum: h times this is the size of the relative error of a step


def published(result: dict[str, Any], way: str = "clip") -> tuple[float, float, float]:
    """Success of the clipped flow with the published h and the M nearest to the published one."""
    from flowopt.estimates import wilson

    made = result["ways"][way][str(max(result["budgets"]))]
    i = result["h"][way].index(PUBLISHED[0])
    j = int(np.abs(np.log(np.asarray(result["values"][way]) / PUBLISHED[1])).argmin())
    return wilson(int(made["count"][i][j]), made["runs"])


def best(result: dict[str, Any], ways: Any) -> tuple[str, dict[str, Any]]:
    """The way of a set that succeeds most often with the largest budget, fresh runs."""
    found = {way: result["ways"][way][str(max(result["budgets"]))]["best"] for way in ways}
    name = max(found, key=lambda way: found[way]["p"][0])
    return name, found[name]


def cheapest(result: dict[str, Any], way: str) -> tuple[int, dict[str, Any]]:
    """The budget with the fewest gradients per success, and its best setting."""
    of = {int(b): made["best"] for b, made in result["ways"][way].items()}
    budget = min(of, key=lambda b: of[b]["cost"][0])
    return budget, of[budget]


def good_settings(result: dict[str, Any], way: str, least: float = 0.9) -> float:
    """The share of the settings tried with which at least 90 % of the runs succeed."""
    made = result["ways"][way][str(max(result["budgets"]))]
    return float((np.asarray(made["count"]) >= least * made["runs"]).mean())


def against_law(result: dict[str, Any]) -> tuple[float, float]:
    """Noise with the smallest step against the Fokker-Planck equation: largest score, its T."""
    made = result["ways"]["noise"][str(max(result["budgets"]))]
    theory, values = result["theory"], np.asarray(result["values"]["noise"])
    _, mine, its = np.intersect1d(values, theory["T"], return_indices=True)
    p = np.asarray(made["count"][0])[mine] / made["runs"]
    known = np.asarray(theory["near"][0])[its]
    score = np.abs(p - known) / np.sqrt(known * (1 - known) / made["runs"])
    return float(score.max()), float(values[mine[int(score.argmax())]])


def valve_counts(result: dict[str, Any]) -> tuple[int, int, tuple[int, int]]:
    """Runs that leave the poor well, and the good one, below their walls; and runs there."""
    poor = good = of_poor = of_good = 0
    for of in result["valve"]["cells"]:
        hM, (first, second) = np.asarray(of["hM"]), of["walls"]
        poor += int(np.asarray(of["left"])[hM < first].sum())
        good += int(np.asarray(of["back"])[hM < second].sum())
        of_poor += int((hM < first).sum()) * of["runs"]
        of_good += int((hM < second).sum()) * of["runs"]
    return poor, good, (of_poor, of_good)


def valve_success(of: dict[str, Any]) -> float:
    """The median of the success between the two walls, over h M."""
    hM, (first, second) = np.asarray(of["hM"]), of["walls"]
    between = (hM > first) & (hM < second)
    return float(np.median(np.asarray(of["near"])[between]) / of["runs"]
                 ) if between.any() else math.nan


def valve_least(result: dict[str, Any]) -> float:
    """The least success between the walls."""
    return min((float(near) / of["runs"] for of in result["valve"]["cells"]
                for hM, near in zip(of["hM"], of["near"], strict=True)
                if of["walls"][0] < hM < of["walls"][1]), default=math.nan)


def extrapolated(cells: list[dict[str, float]]) -> tuple[float, float]:
    """Mean time at h -> 0 from the steps h and 4 h, whose error is O(sqrt h)."""
    a, b = cells[:2]
    return 2 * a["mean"] - b["mean"], math.hypot(2 * a["error"], b["error"])


def table(result: dict[str, Any]) -> list[Table]:
    rows = [(way, int(b), made["best"]["h"], made["best"]["value"], tuple(made["best"]["p"]),
             tuple(made["best"]["cost"]))
            for way, of in result["ways"].items() for b, made in of.items()]
    passages = [(float(T), law["exact"],
                 *(f"{v['mean']:.3f} +- {1.96 * v['error']:.3f} ({v['shifted']:.3f})"
                   for v in c), extrapolated(c)[0])
                for T, c, law in zip(result["passages"]["T"], result["passages"]["cells"],
                                     result["passages"]["law"], strict=True)]
    walls = [(of["c"], *of["walls"], float(valve_success(of)))
             for of in result["valve"]["cells"]]
    return [Table("The best setting of each way, chosen on other starts and other noise", (
                "way", "gradients", "h", "M or T", "success", "gradients per success"), rows),
            Table(f"The clipped flow, then descent, on L + c, h = {result['valve']['h']:g}", (
                "c", "wall of the poor well, h M", "wall of the good well", "median success between"
                ), walls),
            Table("Mean time from 3 over the barrier (in brackets: with the barrier shifted)", (
                "T", "exact", *(f"h = {h:g}" for h in result["passages"]["h"]), "extrapolated"),
                passages)]


def claims(result: dict[str, Any]) -> list[Claim]:
    full = result["setting"]["best_runs"] >= 2000
    steady = result["ways"]["noise"][str(max(result["budgets"]))]["best"]
    noise_name, noise = best(result, NOISY)
    clip_name, clip = best(result, ("clip", "clip, then descent"))

    def compared(text: str, ours: Any, theirs: Any, sign: str, note: str) -> Claim:
        """Of two shares with their intervals: not below, or above beyond doubt."""
        holds = ours[2] >= theirs[1] if sign == "not below" else ours[1] > theirs[2]
        return Claim(text, cell(tuple(ours)), f"{sign} {cell(tuple(theirs))}",
                     bool(holds) if full else None, note)

    made = [
        compared("the essay's verdict, settings as published: noise that is off at the end does as "
                 "well as the clip", noise["p"], published(result), "not below",
                 f"{noise_name}, T = {noise['value']:.3g}; 95 % intervals"),
        compared("not so with both at their best: the clip does better than noise, against the "
                 "essay's verdict", clip["p"], noise["p"], "above",
                 f"{clip_name} with h = {clip['h']:g}, M = {clip['value']:.3g} against {noise_name}"
                 "; the clip is a valve: its jumps end where L is near 0, or short of the good "
                 "well's barrier"),
        compared("the published clip does better than noise that acts to the end",
                 published(result), steady["p"], "above", "noise does not stay near: at "
                 "temperature T x spreads by sqrt(T/L'') about the minimum")]
    poor, good, runs = valve_counts(result)
    made += [Claim("clip on L + c: runs that leave the poor well below its wall in h M", poor, 0,
                   poor == 0, f"no jump is long enough, over a fine grid; {runs[0]} runs"),
             Claim("clip on L + c: runs that leave the well of 0.41 below its own wall", good, 0,
                   good == 0, f"the same there; {runs[1]} runs"),
             Claim("clip on L + c, between the two walls: least success over c and h M",
                   valve_least(result), "> 0.99", valve_least(result) > 0.99
                   if result["setting"]["runs"] >= 200 else None,
                   "a valve: no jump leads back, and for c = 0 the 2250 steps are 16 mean times "
                   "of leaving")]
    score, T = against_law(result)
    runs = result["ways"]["noise"][str(max(result["budgets"]))]["runs"]
    made.append(Claim("noise to the end, least h, against the Fokker-Planck equation: largest "
                      "distance, in standard errors", round(score, 2), f"< {Z999:.2f}",
                      score < Z999 if runs >= 300 else None, f"at T = {T:.3g}"))
    of = result["passages"]
    enough = all(c["seen"] >= 1000 for row in of["cells"] for c in row)
    shifted = [abs(c["mean"] - c["shifted"]) / (Z999 * c["error"] + c["h"] * CURVATURE
                                                * c["shifted"])
               for row in of["cells"] for c in row[:2]]
    made.append(Claim("mean time over the barrier against the double integral with the shifted "
                      "barrier: largest distance, in allowances", round(max(shifted), 2), "< 1",
                      max(shifted) < 1 if enough else None,
                      "99.9 % interval plus h L''(3) of the time"))
    far = []
    for row, law in zip(of["cells"], of["law"], strict=True):
        value, error = extrapolated(row)
        far.append(abs(value - law["exact"]) / (Z999 * error + 2 * row[0]["h"] * CURVATURE
                                                * law["exact"]))
    made.append(Claim("the same extrapolated to h -> 0, against the exact double integral",
                      round(max(far), 2), "< 1", max(far) < 1 if enough else None,
                      "99.9 % interval plus 2 h L''(3) of the time, what O(h) leaves"))
    return made


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    made: dict[str, Number] = {"budget": count(max(result["budgets"])),
                               "settings": count(int(np.asarray(
                                   result["ways"]["clip"][str(max(result["budgets"]))]["count"]
                               ).size))}
    for way in result["ways"]:
        name = way.replace(", ", "-").replace(" ", "-")
        of = result["ways"][way][str(max(result["budgets"]))]["best"]
        budget, cheap = cheapest(result, way)
        made |= {f"{name}-success": percent(of["p"][0]), f"{name}-low": percent(of["p"][1]),
                 f"{name}-high": percent(of["p"][2]), f"{name}-h": decimal(of["h"], 2),
                 f"{name}-value": scientific(of["value"], 2),
                 f"{name}-good-settings": percent(good_settings(result, way), 0),
                 f"{name}-cheapest-budget": count(budget)}
        if math.isfinite(cheap["cost"][0]):
            made[f"{name}-cost"] = count(round(cheap["cost"][0]))
    middle, low, high = published(result)
    made |= {"published-success": percent(middle), "published-low": percent(low),
             "published-high": percent(high)}
    for of in result["valve"]["cells"]:
        made |= {f"valve-{of['c']:g}-poor-wall": decimal(of["walls"][0], 4),
                 f"valve-{of['c']:g}-good-wall": scientific(of["walls"][1], 3)}
        if math.isfinite(valve_success(of)):
            made[f"valve-{of['c']:g}-success"] = percent(valve_success(of))
    for T, row, law in zip(result["passages"]["T"], result["passages"]["cells"],
                           result["passages"]["law"], strict=True):
        made |= {f"passage-T-{T:g}-exact": decimal(law["exact"], 2),
                 f"passage-T-{T:g}-measured": decimal(row[0]["mean"], 2),
                 f"passage-T-{T:g}-shifted": decimal(row[0]["shifted"], 2)}
    ceiling = np.asarray(result["theory"]["well"])
    i, j = np.unravel_index(np.argmax(ceiling), ceiling.shape)
    made |= {"diffusion-best-well": percent(float(ceiling[i, j])),
             "diffusion-best-T": decimal(float(result["theory"]["T"][j]), 2)}
    made["law-score"] = decimal(against_law(result)[0], 2)
    made["passage-least-h"] = scientific(float(result["passages"]["h"][0]), 1)
    return made
