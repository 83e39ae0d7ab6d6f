"""The laws of the two-minima run: how its iterates are spread in the wells.

On an offset quadratic L0 + k u^2/2 the Euler iterates follow Cauchy's law of scale
sqrt(2 L0/k) without clip, whatever the step. Where h M L0/2 < 1/(k M) the clip acts at the bottom,
and leaves a cycle of two points, u = -+h M L0/2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from two_minima_facts import (
    BARRIER,
    GOOD,
    POOR,
    curvature_of,
    loss_above,
    loss_of,
    outside,
    well,
)
from two_minima_theory import distance_from, escape_rate, law_in_well

import flowopt as fo
from flowopt.estimates import median

JITTER_STEPS = 25_000  # at the good minimum: ten times what its cycle takes to settle as published


def cauchy(u: np.ndarray) -> np.ndarray:
    """The distribution function of Cauchy's standard law."""
    return 0.5 + np.arctan(u) / math.pi


def critical(n: int, of: int = 1) -> float:
    """What one of so many distances of Kolmogorov and Smirnov exceeds with probability 0.1 %.

    By the tail 2 exp(-2 n D^2) for samples of n.
    """
    return math.sqrt(math.log(2 * of / 1e-3) / (2 * n))


def laws(config: Any, flow: Any, starts: np.ndarray, steps_h: Sequence[float], seed: int
         ) -> dict[str, Any]:
    """Cauchy's law on the quadratic, the law and the rate in the well, the jitter at the end.

    The starts are spread widely, so that they share no jumps.
    """
    about = well(config.x0)
    bottom, scale = about["bottom"], about["cauchy_scale"]
    bowl = fo.Loss("c + k*x**2/2", variables=["x"], parameters={
        "c": float(loss_of(bottom)), "k": float(curvature_of(bottom))})
    free = fo.flows.LossNormalizedFlow(M=math.inf)
    rng = np.random.default_rng(seed)
    flat = scale * rng.uniform(-1.0, 1.0, (len(starts), 1))  # far from Cauchy's law
    hs = [float(h) for h in np.union1d(steps_h, config.h)  # the law forgets its start: exp(-t)
          if 100 <= config.end / h <= 1_000_000 and h <= 1.0 and config.end >= 10.0]
    rows = []
    for h in hs:
        run = {"t": (0.0, config.end), "method": fo.Euler(h=h)}
        u = fo.ensemble(free.on(bowl), flat, **run).x[:, 0] / scale
        rows.append({"h": h, "cauchy": distance_from(cauchy, u), "runs": len(u),
                     "critical": critical(len(u), len(hs)), "median": median(np.abs(u)),
                     **in_well(config, flow, starts, run, h * config.M, about)})
    return {"rows": rows, "scale": scale, "well_time": config.end / 2,
            "jitter": jitter(config, flow, free, len(starts), rng)}


def in_well(config: Any, flow: Any, starts: np.ndarray, run: dict[str, Any], hM: float,
            about: dict[str, float]) -> dict[str, Any]:
    """How those that are in the well half-way are spread, and the rate of leaving from then on."""
    bottom, scale = about["bottom"], about["cauchy_scale"]
    leaves = fo.reduce.first_time(f"x {'<' if config.x0 > BARRIER else '>'} {BARRIER!r}")
    ens = fo.ensemble(flow, starts, reduce=leaves, save_at=[config.end / 2], **run)
    x, half = ens.saved[:, 0, 0], config.end / 2  # by then they have forgotten their starts
    left = np.where(np.isfinite(ens.reduced), ens.reduced, math.inf)
    at_risk = np.clip(left, half, config.end).sum() - half * len(left)
    late = int(((left > half) & (left <= config.end)).sum())
    rate, wide = late / at_risk if at_risk > 0 else math.nan, 1.96 / math.sqrt(max(1, late))
    with np.errstate(invalid="ignore"):
        inside = (x[np.isfinite(x) & ~outside(x, config.x0)] - bottom) / scale
    made = {"rate": [float(rate), float(rate * (1 - wide)), float(rate * (1 + wide))],
            "rate_theory": math.nan, "law": math.nan, "law_cauchy": math.nan,
            "inside": len(inside), "law_critical": critical(max(1, len(inside)))}
    if len(inside):
        made["law_cauchy"] = distance_from(cauchy, inside)
    if len(inside) and bottom == POOR and hM > about["least_hM"]:
        places, share = law_in_well(hM)
        made |= {"rate_theory": escape_rate(hM), "law": distance_from(
            lambda u: np.interp(u, places / scale, share), inside)}
    return made


def jitter(config: Any, flow: Any, free: Any, runs: int, rng: np.random.Generator
           ) -> dict[str, Any]:
    """How far from the good minimum runs still move that came near it long ago."""
    level, k = loss_above(GOOD, GOOD), float(curvature_of(GOOD))
    scale, hop, h = math.sqrt(2 * level / k), config.h * config.M * level, config.h
    near = GOOD + scale * rng.uniform(-1.0, 1.0, (runs, 1))
    run = {"t": (0.0, JITTER_STEPS * h), "method": fo.Euler(h=h)}
    clipped = fo.ensemble(flow, near, **run).x[:, 0] - GOOD
    unclipped = fo.ensemble(free.on(fo.losses.two_minima()), near, **run).x[:, 0]
    with np.errstate(invalid="ignore"):
        stayed = unclipped[np.isfinite(unclipped) & ~outside(unclipped, GOOD)] - GOOD
    # on the cycle the clip acts; the slope of the map there is 1 - h M k h M L0/2
    is_cycle = hop / 2 < 1 / (k * config.M) and h * config.M * k * hop / 2 < 1
    settled = h * config.M * k * hop / 2 * JITTER_STEPS > 7 and h * JITTER_STEPS > 10
    return {"scale": scale, "cycle": hop / 2, "clip_zone": 1 / (k * config.M),
            "is_cycle": bool(is_cycle and settled), "steps": JITTER_STEPS, "runs": runs,
            "amplitude": median(np.abs(clipped)), "greatest": float(np.abs(clipped).max()),
            "unclipped": median(np.abs(stayed)), "unclipped_runs": len(stayed),
            "unclipped_distance": distance_from(cauchy, stayed / scale) if len(stayed)
            else math.nan,
            "unclipped_critical": critical(max(1, len(stayed))) if h < 1.0
            and h * JITTER_STEPS > 10 and len(stayed) > 0.99 * runs else math.nan}
