"""The numbers of the two-minima experiment that a text may quote."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flowopt.quoting import Number, Quotes, count, decimal, percent, scientific, slug, word


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    """By name; a step h is named by its thousandths: h10 is the step 0.01, h0-3 is 0.0003."""
    made = Quotes()
    for part in (landscape, published, the_flow, comparison, escape, lyapunov, laws, jitter, noise):
        part(made, result)
    return made


def _step(h: float) -> str:
    return "h" + slug(f"{1000 * h:.6g}")


def landscape(made: Quotes, result: dict[str, Any]) -> None:
    s, land, well = result["setting"], result["landscape"], result["well"]
    for name, make, digits in (("x0", decimal, 1), ("h", decimal, 2), ("M", decimal, 0),
                               ("end", decimal, 0), ("spread", scientific, 1)):
        made.add({"x0": "start", "h": "step", "M": "clip"}.get(name, name), make, s[name], digits)
    for name in ("steps", "runs", "budget"):
        made.add(name, count, s[name])
    made.add("start-loss", decimal, land["start_loss"], 4)
    for name, x, L, k in zip(("good", "barrier", "poor"), land["points"], land["losses"],
                             land["curvatures"], strict=True):
        made.add(f"{name}-x", decimal, x, 4)
        made.add(f"{name}-x-long", decimal, x, 10)
        made.add(f"{name}-loss", *((scientific, L, 3) if L < 1e-3 else (decimal, L, 4)))
        made.add(f"{name}-loss-long", scientific, L, 7)
        made.add(f"{name}-curvature", decimal, k, 4)
    made.add("well-distance", decimal, well["distance"], 4)
    made.add("well-cauchy-scale", decimal, well["cauchy_scale"], 4)
    made.add("well-rate-quadratic", decimal, well["rate"], 4)
    made.add("least-hm", decimal, well["least_hM"], 4)


def published(made: Quotes, result: dict[str, Any]) -> None:
    p, land = result["published"], result["landscape"]
    made.add("published-last-x", decimal, p["last_x"], 16)
    made.add("published-last-x-short", decimal, p["last_x"], 4)
    made.add("published-last-loss", scientific, p["last_loss"], 17)
    made.add("published-last-loss-short", scientific, p["last_loss"], 3)
    made.add("published-last-distance", scientific, abs(p["last_x"] - land["points"][0]), 2)
    made.add("published-left-at-step", _count, p["left_at_step"])
    made.add("compiled-last-x", decimal, p["compiled_last_x"], 7)
    made.add("compiled-left-at-step", _count, p["compiled_left_at_step"])
    made.add("compiled-parted-at-step", _count, p["parted_at_step"])
    for name, of in p["variants"].items():
        for key in ("differs_at_step", "parted_at_step", "left_at_step"):
            made.add(f"variant-{slug(name)}-{slug(key)}", _count, of[key])
        made.add(f"variant-{slug(name)}-last-x", decimal, of["last_x"], 7)
    differ = [of["differs_at_step"] for of in p["variants"].values()
              if of["differs_at_step"] is not None]
    parted = [of["parted_at_step"] for of in p["variants"].values()
              if of["parted_at_step"] is not None]
    made.add("variants", count, len(p["variants"]))
    made.add("variants-differ-first", _count, min(differ, default=None))
    made.add("variants-part-first", _count, min(parted, default=None))
    made.add("variants-part-last", _count, max(parted, default=None))


def _count(value: Any) -> Number:
    return count(int(value))


def the_flow(made: Quotes, result: dict[str, Any]) -> None:
    f = result["flow"]
    made.add("flow-status", word, f["status"])
    made.add("flow-time", decimal, f["t"], 4)
    made.add("flow-time-long", decimal, f["t"], 11)
    made.add("flow-x", decimal, f["x"], 4)
    made.add("arrival", decimal, f["arrival_exact"], 4)
    made.add("arrival-long", decimal, f["arrival_exact"], 11)
    made.add("arrival-unclipped", decimal, f["arrival_unclipped"], 4)
    made.add("arrival-unclipped-long", decimal, f["arrival_unclipped"], 11)
    made.add("arrival-delay-of-the-clip", scientific, f["arrival_exact"] - f["arrival_unclipped"],
             2)
    if f["status"] == "STUCK":
        made.add("arrival-error", scientific, abs(f["t"] - f["arrival_exact"]), 1)
    made.add("flow-evaluations", count, f["n_rhs"])
    for t, place in f["x_at"].items():
        made.add(f"x-at-{slug(t)}", decimal, place["x"], 10)
        made.add(f"x-at-{slug(t)}-exact", decimal, place["exact"], 10)
        made.add(f"x-at-{slug(t)}-error", scientific, abs(place["x"] - place["exact"]), 1)


def comparison(made: Quotes, result: dict[str, Any]) -> None:
    rows = result["comparison"]["rows"]
    for row in rows:
        name = f"solver-{slug(row['label'].replace('rtol ', ''))}"
        made.add(f"{name}-reports", word, row["reports"])
        made.add(f"{name}-evaluations", count, row["n_rhs"])
        made.add(f"{name}-time", decimal, row["t"], 4)
        made.add(f"{name}-x", decimal, row["x"], 4)
        made.add(f"{name}-error", scientific, row["error"], 1)
        made.add(f"{name}-defect", scientific, row["dissipation"], 1)
    for verdict in ("right", "wrong", "no end", "gives up", "map"):
        made.add(f"solvers-{slug(verdict)}", count, sum(r["verdict"] == verdict for r in rows))
    made.add("solvers-scipy", count, sum(r["label"].startswith("scipy") for r in rows))
    made.add("solvers-deceive-the-check", count,
             sum(r["trustworthy"] for r in rows if r["verdict"] != "right"))


def escape(made: Quotes, result: dict[str, Any]) -> None:
    e = result["escape"]
    made.estimate("leave", percent, e["probability"])
    made.estimate("end-near", percent, e["end"]["near"])
    made.estimate("end-well", percent, e["end"]["well"])
    made.add("left", count, len(e["steps"]))
    made.add("diverged", count, e["diverged"])
    made.add("starts-apart", decimal, e["far"], 1)
    if len(e["steps"]):
        made.estimate("leave-step-median", _whole, e["median"])
        made.estimate("leave-step-mean", _whole, e["mean"])
        made.add("leave-step-first", _count, int(min(e["steps"])))
        made.add("leave-step-last", _count, int(max(e["steps"])))
        for q, step in e["quantiles"].items():
            made.add(f"leave-step-quantile-{q}", _whole, step)
    grid, near, apart = (np.asarray(e[key], dtype=float) for key in ("grid", "near", "apart"))
    for i, h in enumerate(e["h"]):
        for j, M in enumerate(e["M"]):
            cell = f"{_step(h)}-m{slug(format(M, 'g'))}"
            made.estimate(f"leave-{cell}", percent, list(map(float, grid[:, i, j])))
            made.estimate(f"end-near-{cell}", percent, list(map(float, near[:, i, j])))
        made.estimate(f"leave-apart-{_step(h)}", percent, list(map(float, apart[:, i])))


def _whole(value: float) -> Number:
    return decimal(value, 0)


def lyapunov(made: Quotes, result: dict[str, Any]) -> None:
    of = result["lyapunov"]
    made.add("exponent-starts", count, of["starts"])
    made.add("exponent-after", decimal, of["after"], 0)
    for row in of["rows"]:
        h = _step(row["h"])
        same = [h, ""] if row["h"] == result["setting"]["h"] else [h]
        for end in (f"-{h}" if h else "" for h in same):
            made.add(f"exponent-theory{end}", decimal, row["theory"], 4)
            made.estimate(f"exponent-quadratic{end}", decimal, row["quadratic"], 4)
            made.estimate(f"exponent-run{end}", decimal, row["run"], 4)


def laws(made: Quotes, result: dict[str, Any]) -> None:
    of, s = result["laws"], result["setting"]
    span = s["end"] - result["flow"]["arrival_unclipped"]
    made.add("law-time", decimal, of["well_time"], 1)
    made.add("leave-predicted-quadratic", percent, -math.expm1(-result["well"]["rate"] * span), 0)
    for row in of["rows"]:
        h = _step(row["h"])
        for end in (f"-{h}" if h else "" for h in ([h, ""] if row["h"] == s["h"] else [h])):
            made.add(f"cauchy-distance{end}", decimal, row["cauchy"], 3)
            made.estimate(f"cauchy-median{end}", decimal, row["median"], 3)
            made.add(f"law-distance{end}", decimal, row["law"], 3)
            made.add(f"law-distance-cauchy{end}", decimal, row["law_cauchy"], 3)
            made.add(f"law-critical{end}", decimal, row["law_critical"], 3)
            made.add(f"law-runs{end}", count, row["inside"])
            made.add(f"rate-theory{end}", decimal, row["rate_theory"], 4)
            made.estimate(f"rate{end}", decimal, row["rate"], 4)
            made.add(f"leave-predicted{end}", percent,
                     -math.expm1(-row["rate_theory"] * span), 1)
    if of["rows"]:
        made.add("cauchy-distance-greatest", decimal, max(r["cauchy"] for r in of["rows"]), 3)
        made.add("cauchy-critical", decimal, of["rows"][0]["critical"], 3)
        known = [r["law"] for r in of["rows"] if math.isfinite(r["law"])]
        made.add("law-distance-greatest", decimal, max(known, default=math.nan), 3)


def jitter(made: Quotes, result: dict[str, Any]) -> None:
    of = result["laws"]["jitter"]
    made.add("jitter-scale", scientific, of["scale"], 2)
    made.add("jitter-cycle", scientific, of["cycle"], 3)
    made.add("jitter-clip-zone", scientific, of["clip_zone"], 2)
    made.estimate("jitter-amplitude", scientific, of["amplitude"], 3)
    made.add("jitter-greatest", scientific, of["greatest"], 3)
    made.add("jitter-steps", count, of["steps"])
    made.estimate("jitter-unclipped", scientific, of["unclipped"], 2)
    made.add("jitter-unclipped-distance", decimal, of["unclipped_distance"], 3)
    made.add("jitter-unclipped-critical", decimal, of["unclipped_critical"], 3)


def noise(made: Quotes, result: dict[str, Any]) -> None:
    of = result["noise"]
    made.add("noise-starts", count, of["starts"])
    made.add("noise-gradients", count, of["gradients"])
    for row in of["rows"]:
        temperature = slug(format(row["T"], "g"))
        name = f"noise-{_step(row['h'])}-t{temperature}"
        for kind, where in (("hot", "well"), ("hot", "near"), ("cooled", "near")):
            made.estimate(f"{name}-{kind}-{where}", percent, row[kind][where])
        if "gibbs_near" in row:
            made.add(f"{name}-gibbs-near", percent, row["gibbs_near"])
            made.add(f"{name}-gibbs-well", percent, row["gibbs_well"])
    for h in sorted({row["h"] for row in of["rows"]}):
        best = max((r for r in of["rows"] if r["h"] == h), key=lambda r: r["cooled"]["near"][0])
        made.add(f"noise-best-{_step(h)}-temperature", decimal, best["T"], 1)
        made.add(f"noise-best-{_step(h)}-step", decimal, h, 2)
        made.estimate(f"noise-best-{_step(h)}-near", percent, best["cooled"]["near"])
        made.estimate(f"noise-best-{_step(h)}-well", percent, best["cooled"]["well"])
