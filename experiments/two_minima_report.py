"""What the two-minima experiment says in words: the printed summary and the claims."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Any

import numpy as np

from flowopt.experiment import Claim

PUBLISHED = {"x0": 4.0, "h": 0.01, "M": 1000.0, "steps": 2500}
LAST_X, LAST_LOSS = 0.4073933876787569, 2.1544115380578432e-06
VERDICTS = {"right": "right", "gives up": "gives up", "no end": "stopped: budget spent",
            "wrong": "NOT A SOLUTION, reports success", "map": "a map, not the flow"}


def summary(result: dict[str, Any]) -> str:
    """The five parts in words, for a reader who has not seen the essay."""
    parts = (opening, published, the_flow, comparison, escape, lyapunov, spread, noise)
    return "\n\n".join("\n".join(part(result)) for part in parts)


def _said(text: str, indent: str = "   ") -> str:
    return fill(" ".join(text.split()), 98, initial_indent=indent, subsequent_indent=indent)


def _percent(p: Sequence[float]) -> str:
    """A probability with its 95 % interval."""
    return f"{100 * p[0]:.1f} % ({100 * p[1]:.1f} to {100 * p[2]:.1f})"


def _number(p: Sequence[float], digits: int = 0) -> str:
    return f"{p[0]:.{digits}f} ({p[1]:.{digits}f} to {p[2]:.{digits}f})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [list(head), *map(list, rows)]
    wide = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return ["   " + "  ".join([line[0].ljust(wide[0]),
                               *(c.rjust(w) for c, w in zip(line[1:], wide[1:], strict=True))])
            for line in lines]


def opening(result: dict[str, Any]) -> list[str]:
    s, land = result["setting"], result["landscape"]
    good, barrier, poor = (f"x = {x:.4f} (L = {f'{L:.1e}' if L < 1e-3 else f'{L:.4f}'})"
                           for x, L in zip(land["points"], land["losses"], strict=True))
    return ["THE TWO-MINIMA EXAMPLE", _said(
        f"The loss L(x) = x (x - 1) (x - 3)^2 + 1.62276 has a good minimum at {good}, a poor one "
        f"at {poor}, and a barrier between them at {barrier}. The clipped loss-normalised flow, "
        "x' = -sign(L') min(1/|L'|, M) L, moves downhill so fast that L falls like exp(-t), "
        "except where |L'| < 1/M: there the clip M holds the speed down. The published run takes "
        f"Euler steps of it: x0 = {s['x0']:g}, h = {s['h']:g}, M = {s['M']:g}, {s['steps']} "
        f"steps, so time {s['end']:g}. Intervals in brackets are 95 %.", "")]


def published(result: dict[str, Any]) -> list[str]:
    p, s, bottom = result["published"], result["setting"], result["well"]["bottom"]
    head = "1. The run as published (plain NumPy, in the published order of operations)"
    if not math.isfinite(p["last_x"]):
        return [head, _said(
            "It is not a number at the end: the published formula divides 0 by 0 where L' = 0, "
            "and a start that is far away overflows.")]

    def told(step: int | None) -> str:
        return (f"stays in the well of x = {bottom:.4g}" if step is None
                else f"leaves the well of x = {bottom:.4g} at step {step}")

    parted = (f"they part at step {p['parted_at_step']}, and the compiled one "
              f"{told(p['compiled_left_at_step'])} and ends at {p['compiled_last_x']:.7g}: the "
              "run is chaotic, so only its distribution (part 4) means much"
              if p["parted_at_step"] is not None else "here the two stay together")
    return [head, _said(
        f"After {s['steps']} steps x = {p['last_x']!r} and L = {p['last_loss']!r}; the run "
        f"{told(p['left_at_step'])}. Compiled, with x*x*x for pow(x, 3) and in another order of "
        f"operations, the same steps differ in the last bit: {parted}.")]


def the_flow(result: dict[str, Any]) -> list[str]:
    f, w, s = result["flow"], result["well"], result["setting"]
    head = "2. The flow itself (DOP853 at 1e-12, switching surfaces located)"
    if f["status"] == "STUCK":
        text = (f"It reaches x = {f['x']:.10g} at t = {f['t']:.10f} and stays for ever (STUCK: on "
                "both sides the field points back). Exact time "
                f"{f['arrival_exact']:.10f}; without the clip ln(L({s['x0']:g})/"
                f"L({w['bottom']:.4g})) = {f['arrival_unclipped']:.10f}. So the flow never "
                "leaves its well: what leaves is its Euler step.")
    else:
        text = f"It ends at t = {f['t']:.6g}, x = {f['x']:.6g} ({f['status']}). {f['message']}"
    places = [f"x({t}) = {p['x']:.10f} (exact {p['exact']:.10f})"
              for t, p in f["x_at"].items() if math.isfinite(p["exact"])]
    way = [_said("On the way " + ", ".join(places) + ".")] if places else []
    return [head, _said(text), *way]


def comparison(result: dict[str, Any]) -> list[str]:
    rows = result["comparison"]["rows"]
    body = [(r["label"], r["reports"], f"{r['t']:.5g}", f"{r['x']:.6g}", f"{r['error']:.0e}",
             f"{r['dissipation']:.0e}", str(r["n_rhs"]), VERDICTS[r["verdict"]]) for r in rows]
    return ["3. Solvers on this flow", _said(
        "The defect is how far the loss that a path lost is from the loss that the flow dissipates "
        "along this very path, relative; above 1e-3 the path is no solution, whatever is reported. "
        "A stopped run had used its budget of evaluations."),
        *_table(("method", "reports", "t", "x", "error", "defect", "calls", "verdict"), body)]


def escape(result: dict[str, Any]) -> list[str]:
    e, s, w = result["escape"], result["setting"], result["well"]
    span = s["end"] - result["flow"]["arrival_unclipped"]
    lines = ["4. The distribution (compiled Euler runs)", _said(
        f"Of {s['runs']} runs from {s['x0']:g} +- {s['spread']:g}, {_percent(e['probability'])} "
        f"left the well of x = {w['bottom']:.4g} within {s['steps']} steps"
        + (f"; these left at step {_number(e['median'])} in the median and "
           f"{_number(e['mean'])} in the mean. " if "median" in e else ". ")
        + f"{_percent(e['end']['near'])} ended within 0.1 of the good minimum, "
        f"{_percent(e['end']['well'])} on its side of the barrier: a long jump takes long to come "
        "back from.")]
    cells = np.array(e["grid"][0])
    wide = np.array(e["apart"][0])
    body = [(f"{h:g}", *("-" if math.isnan(p) else f"{100 * p:.1f}" for p in [*row, out]))
            for h, row, out in zip(e["h"], cells, wide, strict=True)]
    lines += [_said(f"Left by t = {s['end']:g}, in percent (half-widths below "
                    f"{max(1, math.ceil(98 / math.sqrt(s['runs'])))} points); the last column has "
                    f"M = {s['M']:g} and starts spread over {s['x0']:g} +- {e['far']:g}:")]
    lines += _table(("h", *(f"M = {M:g}" for M in e["M"]), "spread"), body)
    if w["bottom"] == 3.0:
        estimate = (f": a quadratic well gives a rate of {w['rate']:.4f} for each unit of time, so "
                    f"{100 * (1 - math.exp(-w['rate'] * span)):.0f} %" if span > 0 else "")
        lines.append(_said(
            f"No run leaves while h M < {w['least_hM']:.4f}: the longest step, h M L, is then too "
            "short to reach the barrier. Above that h hardly matters, for the chance of a jump "
            f"over the barrier grows like h and the number of steps like 1/h{estimate}. Starts "
            "this close together share their first jumps, so that single cells stand out; starts "
            "that are spread do not."))
    return lines


def lyapunov(result: dict[str, Any]) -> list[str]:
    made, s = result["lyapunov"], result["setting"]
    body = [(f"{r['h']:g}", f"{r['theory']:.4f}", _number(r["quadratic"], 4), _number(r["run"], 4))
            for r in made["rows"]]
    if not body:
        return [_said("No Lyapunov exponent: the run is shorter than 100 steps.")]
    return [_said(
        f"Lyapunov exponent for each step (> 0: chaos), {made['starts']} runs: exactly "
        "Lambda(h) = 2 ln(sqrt(1 - h/2) + sqrt(h/2)) on an offset quadratic without clip. The "
        f"run itself (M = {s['M']:g}, after t = {made['after']:g}, while in the well) comes near "
        "it, and need not agree: its well is no quadratic, and the clip acts."),
        *_table(("h", "Lambda(h)", "quadratic, measured", "the run, measured"), body)]


def spread(result: dict[str, Any]) -> list[str]:
    of, j = result["laws"], result["laws"]["jitter"]
    body = [(f"{r['h']:g}", f"{r['cauchy']:.3f}",
             *("-" if math.isnan(r[key]) else f"{r[key]:.{digits}f}" for key, digits in (
                 ("law_cauchy", 3), ("law", 3), ("rate_theory", 4))),
             _number(r["rate"], 4)) for r in of["rows"]]
    cycle = (f", a cycle of two points at h M L/2 = {j['cycle']:.3g}" if j["is_cycle"] else "")
    text = [_said(
        f"How iterates are spread, by the distance of Kolmogorov and Smirnov, from "
        f"{result['setting']['runs']} starts spread over {result['setting']['x0']:g} +- "
        f"{result['escape']['far']:g}: on the quadratic without clip by Cauchy's law of scale "
        f"{of['scale']:.4f}; in the well (at t = {of['well_time']:g}) not, for its barrier is "
        "near, but by the law of short steps, which also gives the rate of leaving from then on:"),
        *_table(("h", "quadratic: Cauchy", "well: Cauchy", "well: short steps", "rate", "measured"),
                body)] if body else []
    return [*text, _said(
        f"At the good minimum the run never rests: after {j['steps']} steps there |x - x*| is "
        f"{j['amplitude'][0]:.3g} in the median{cycle}; without the clip {j['unclipped'][0]:.2g}, "
        f"where Cauchy's law has {j['scale']:.2g}.")]


def noise(result: dict[str, Any]) -> list[str]:
    rows, clipped = result["noise"]["rows"], result["escape"]["end"]
    hs = sorted({r["h"] for r in rows})
    head = ("T", *(f"{what}, h={h:g}" for h in hs for what in ("well", "near", "cooled")))
    by = {(r["h"], r["T"]): r for r in rows}
    body = [(f"{T:g}", *(f"{100 * by[h, T][kind][where][0]:.1f}" for h in hs for kind, where in
                         (("hot", "well"), ("hot", "near"), ("cooled", "near"))))
            for T in sorted({r["T"] for r in rows})]
    best = [max((r for r in rows if r["h"] == h), key=lambda r: r["cooled"]["near"][0])
            for h in hs]

    def told(r: dict[str, Any]) -> str:
        p, q = r["cooled"]["near"], clipped["near"]
        than = ("more often than" if p[1] > q[2] else "less often than" if p[2] < q[1]
                else "as often as")
        return (f"with step {r['h']:g} and T = {r['T']:g} it ends near 0.41 in {_percent(p)} of "
                f"the runs, {than} the clipped flow")

    return ["5. Noise instead of clipping (gradient descent with Gaussian noise, Langevin)", _said(
        f"{result['noise']['starts']} runs of {result['noise']['gradients']} gradients, as many "
        "as the clipped flow takes, which ends in the good well in "
        f"{_percent(clipped['well'])} and within 0.1 of 0.41 in {_percent(clipped['near'])}. In "
        "percent: in the good well and within 0.1 of 0.41 with noise of temperature T to the end, "
        "and within 0.1 when the noise is off for the last "
        "tenth of the steps (cooled). T = 0 is plain gradient descent."),
        *_table(head, body),
        _said("At its best noise, switched off at the end: " + "; ".join(map(told, best)) + ".")]


def claims(result: dict[str, Any]) -> list[Claim]:
    setting, flow, run_ = result["setting"], result["flow"], result["published"]
    same = all(setting[name] == value for name, value in PUBLISHED.items())
    libm = ("the digits hang on the C library's pow and are those of glibc; here it is "
            f"{' '.join(platform.libc_ver()).strip() or platform.system()}")
    made = []
    for text, computed, expected in (("last iterate as published", run_["last_x"], LAST_X),
                                     ("its loss", run_["last_loss"], LAST_LOSS)):
        holds = computed == expected if same else None
        made.append(Claim(text, computed, expected, holds, "" if holds is not False else libm))
    arrived = flow["status"] == "STUCK"
    made.append(Claim("the clipped flow reaches the bottom and stays, at t", flow["t"],
                      flow["arrival_exact"], abs(flow["t"] - flow["arrival_exact"]) < 1e-9
                      if arrived else None, "to 1e-9"))
    for t, place in flow["x_at"].items():
        known = math.isfinite(place["exact"])
        near = abs(place["x"] - place["exact"]) < 1e-9 * max(1.0, abs(place["x"]))
        made.append(Claim(f"x({t}) of the flow", place["x"], place["exact"],
                          near if known else None, "to 1e-9"))
    fooled = sum(row["trustworthy"] for row in result["comparison"]["rows"]
                 if row["verdict"] != "right")
    made.append(Claim("answers that are not right and pass the dissipation check", fooled, 0,
                      fooled == 0 if same else None))
    leaves = result["escape"]
    p = np.array(leaves["grid"][0], dtype=float)
    p = p[(np.multiply.outer(leaves["h"], leaves["M"]) < result["well"]["least_hM"])
          & np.isfinite(p)]
    made.append(Claim(f"greatest probability of leaving while h M < "
                      f"{result['well']['least_hM']:.4f}", float(p.max()) if len(p) else math.nan,
                      0.0, bool((p == 0).all())
                      if len(p) and result["well"]["bottom"] == 3.0 else None))
    rows = [r for r in result["lyapunov"]["rows"] if math.isfinite(r["theory"])]
    off = max((abs(r["quadratic"][0] - r["theory"]) / (r["quadratic"][2] - r["quadratic"][0])
               for r in rows), default=math.nan)
    made.append(Claim("Lyapunov exponents on the quadratic: largest distance from Lambda(h), in "
                      "half-widths of the 95 % interval", round(off, 2), "< 2",
                      off < 2 if rows and result["lyapunov"]["starts"] >= 100 else None))
    return [*made, *laws(result)]


def laws(result: dict[str, Any]) -> list[Claim]:
    """The claims on how iterates are spread."""
    rows, j = result["laws"]["rows"], result["laws"]["jitter"]
    many = result["setting"]["runs"] >= 100

    def claim(text: str, distance: float, most: float, applies: bool) -> Claim:
        applies = applies and many and math.isfinite(distance) and math.isfinite(most)
        return Claim(text, round(distance, 4), f"< {most:.3g}", distance < most if applies
                     else None, "what chance exceeds once in 1000 times")

    greatest = max(rows, key=lambda r: r["cauchy"], default=None)
    made = [] if greatest is None else [
        claim("Euler on the offset quadratic: largest distance of the iterates from Cauchy's law, "
              "whatever the step", greatest["cauchy"], greatest["critical"], True),
        claim(f"the law of iterates in the well, h = {rows[0]['h']:g}: distance from that of "
              "short steps", rows[0]["law"], rows[0]["law_critical"],
              rows[0]["h"] <= 1e-3 and rows[0]["inside"] >= 50)]
    known = [r for r in rows if math.isfinite(r["rate_theory"]) and r["rate"][2] > r["rate"][0]]
    off = max((abs(r["rate"][0] - r["rate_theory"]) / (r["rate"][2] - r["rate"][0])
               for r in known), default=math.nan)
    made.append(Claim("rates of leaving the well: largest distance from those of short steps, in "
                      "half-widths of the 95 % interval", round(off, 2), "< 2",
                      off < 2 if known and many else None))
    amplitude = j["amplitude"][0]
    made.append(Claim("the jitter at the good minimum is a cycle of two points, of amplitude "
                      "h M L/2", amplitude, j["cycle"],
                      abs(amplitude / j["cycle"] - 1) < 1e-3 if j["is_cycle"] else None,
                      "to 0.1 %"))
    made.append(claim("without the clip it follows Cauchy's law of scale sqrt(2 L/L''): distance",
                      j["unclipped_distance"], j["unclipped_critical"], True))
    return made
