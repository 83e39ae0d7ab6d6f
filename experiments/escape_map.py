"""Escape map: at which steps h and clips M the Euler map of the two-minima flow leaves the well.

The clipped loss-normalised flow stays at the poor minimum for ever; its Euler step does not. Runs
from about x0 are counted that leave the well of 3 (x < 1.843) and that end near 0.41, over h and M,
and over x0. What is exact or known in a limit stands in escape_map_theory.py.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from escape_map_figures import figures
from escape_map_report import claims, numbers, table
from escape_map_theory import (
    WALL,
    cauchy_steps,
    escape_law,
    first_arrival,
    three_cycle_window,
    two_cycle_onset,
    wall_curve,
    wall_holds,
)
from two_minima_facts import BARRIER, GOOD, loss_of

import flowopt as fo
from flowopt.estimates import Z999, wilson
from flowopt.experiment import SILENT
from flowopt.options import Options, option
from flowopt.reporting import Reporter

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run", "table"]

NAME = "escape-map"
QUESTION = "At which steps and clips does discretisation help to escape a poor minimum?"
QUICK = {"points": 16, "starts": 60, "runs": 600, "places": 8}

NEAR = 0.1  # "near 0.41" means within this distance of the good minimum
STEPS_H, CLIPS_M = (1e-4, 20.0), (0.05, 1e5)  # the ranges of the map
RATES_H = (0.000625, 0.0025, 0.01)  # at which rates of leaving are measured
RATES_HM = (0.75, 0.85, 1.0, 1.5, 2.5, 5.0, 10.0, 100.0, 1000.0)
SETTLED, LAST = 6.0, 46.0  # times between which they are: the first is long after the arrival
LEAVES = fo.reduce.first_time(f"x < {BARRIER!r}")


@dataclass(frozen=True)
class Config(Options):
    x0: float = option(4.0, "start of the map", above=3.5, at_most=10.0)
    spread: float = option(0.3, "starts are drawn from x0 +- spread", at_least=0.0, at_most=0.4)
    h: float = option(0.01, "Euler step of the published run", at_least=0.001, at_most=0.1)
    M: float = option(1000.0, "its clip on 1/|L'|", at_least=100.0, at_most=1e6)
    steps: int = option(2500, "number of Euler steps", at_least=100, at_most=100_000)
    points: int = option(64, "steps h, and clips M, of the map", at_least=4, at_most=512)
    starts: int = option(400, "starts in each cell of the map", at_least=10, at_most=100_000)
    runs: int = option(4000, "starts of each rate; five times as many of the published setting",
                       at_least=100, at_most=100_000)
    places: int = option(60, "bins of x0", at_least=4, at_most=1000)
    seed: int = option(0, "for the starts", at_least=0, at_most=2**31)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    hs, clips = (np.geomspace(*ends, config.points) for ends in (STEPS_H, CLIPS_M))
    rows = progress.pieces([f"h {i}" for i in range(len(hs))], lambda name: map_row(
        config, float(hs[int(name[2:])]), clips, int(name[2:])), 0.0, 0.45)
    rates = progress.pieces([f"rate {j}" for j in range(len(RATES_HM))], lambda name: rates_of(
        config, RATES_HM[int(name[5:])], int(name[5:])), 0.45, 0.8)
    progress(0.8, "the published setting")
    law = progress.piece("law", lambda: published(config))
    sharp = progress.piece("sharp", lambda: sharpness(config))
    progress(0.86, "over x0")
    over = progress.piece("over", lambda: over_starts(config))
    curve = np.geomspace(WALL * 1.001, 2000.0, 80)
    steps = np.geomspace(*STEPS_H, 241)
    return {"setting": asdict(config), "h": hs, "M": clips,
            "map": {key: np.array([row[key] for row in rows.values()])
                    for key in next(iter(rows.values()))},
            "rates": {"hM": np.array(RATES_HM), "h": np.array(RATES_H),
                      "cells": [list(row) for row in rates.values()],
                      "theory": np.array([escape_law(v) for v in RATES_HM])},
            "law": law, "sharp": sharp, "over": over,
            "theory": {"wall": WALL, "wall_holds": wall_holds(),
                       "arrival": first_arrival(config.x0 - config.spread, config.steps),
                       "wall_curve": [steps, wall_curve(steps)],
                       "two_cycle": list(two_cycle_onset()),
                       "three_cycle": list(three_cycle_window()),
                       "rate_curve": [curve, np.array([escape_law(float(v))[0] for v in curve])]},
            "seeds": {"seed": config.seed}}


def stream(config: Config, use: int, number: int = 0) -> np.random.Generator:
    return np.random.default_rng([config.seed, use, number])


def paths(x0s: np.ndarray, h: float, M: Any, steps: int, **options: Any) -> Any:
    """The ensemble of Euler runs, unless Ctrl-C stopped it."""
    flow = fo.flows.LossNormalizedFlow(M=1.0).on(fo.losses.two_minima())
    made = fo.ensemble(flow, x0s[:, None], t=(0.0, steps * h), method=fo.Euler(h=h),
                       parameters={"M": M}, reduce=LEAVES, **options)
    if (made.status == fo.Status.CANCELLED).any():
        raise KeyboardInterrupt
    return made


def left_at(made: Any, h: float) -> np.ndarray:
    """The step at which each run left the well; infinite: it did not."""
    return np.where(np.isfinite(made.reduced), np.rint(made.reduced / h), np.inf)


# ------------------------------------------------------------------ the map over h and M
def map_row(config: Config, h: float, clips: np.ndarray, number: int) -> dict[str, Any]:
    """Counts of the runs with one step h, for every clip."""
    n = config.starts
    rng = stream(config, 0, number)
    x0s = config.x0 + config.spread * rng.uniform(-1, 1, n * len(clips))
    last = [(config.steps - back) * h for back in (3, 2, 1)]
    made = paths(x0s, h, np.repeat(clips, n), config.steps, save_at=last)
    x, (third, earlier, before) = made.x[:, 0], made.saved[:, :, 0].T
    left = left_at(made, h)
    with np.errstate(invalid="ignore"):
        cycle = np.isinf(left) & (np.abs(x - earlier) < 0.01 * np.abs(x - before)) & (
            (x - 3) * (before - 3) < 0)
        three = np.isinf(left) & (np.abs(x - third) < 1e-6) & (np.abs(x - before) > 0.1)
        near = np.abs(x - GOOD) < NEAR

    def of(which: np.ndarray) -> np.ndarray:
        return which.reshape(len(clips), n).sum(axis=1)

    return {"left": of(np.isfinite(left)), "near": of(near), "cycle": of(cycle), "three": of(three),
            "diverged": of(made.status == fo.Status.DIVERGED),
            "median": np.median(left.reshape(len(clips), n), axis=1)}


# ------------------------------------------------------------------ rates and laws
def rates_of(config: Config, hM: float, number: int) -> list[dict[str, float]]:
    """Runs that leave for each unit of time spent in the well, once it is settled."""
    made = []
    for i, h in enumerate(RATES_H):
        x0s = config.x0 + config.spread * stream(config, 1 + i, number).uniform(
            -1, 1, config.runs)
        t = left_at(paths(x0s, h, hM / h, round(LAST / h)), h) * h
        made.append({"h": h, **exposure(t, SETTLED, LAST)})
    return made


def exposure(t: np.ndarray, start: float, end: float) -> dict[str, float]:
    """Events and time at risk between two times, and the rate of a constant hazard."""
    risk = float((np.clip(t, start, end) - start).sum())
    events = int(((t > start) & (t <= end)).sum())
    return {"events": events, "risk": risk, "rate": events / risk if risk else math.nan}


def published(config: Config) -> dict[str, Any]:
    """Times of leaving at the published setting, with starts far enough apart to be independent."""
    count = 5 * config.runs
    x0s = config.x0 + config.spread * stream(config, 10).uniform(-1, 1, count)
    longest = 4 * config.steps
    left = left_at(paths(x0s, config.h, config.M, longest), config.h)
    settled = math.ceil(SETTLED / config.h)
    middle = (settled + longest) / 2
    kappa, share = escape_law(config.h * config.M)
    arrival = float(np.log(loss_of(config.x0) / loss_of(3.0))) / config.h
    # a constant hazard between the arrival and the end, from the mean of the runs that left
    return {"runs": count, "longest": longest, "steps": np.sort(left[np.isfinite(left)]),
            "probability": wilson(int((left <= config.steps).sum()), count),
            "median": float(np.median(left)), "settled": settled, "arrival": arrival,
            "early": exposure(left, settled, middle), "late": exposure(left, middle, longest),
            "whole": exposure(left, settled, longest), "kappa": kappa, "share": share,
            "cauchy_steps": cauchy_steps(config.h), "theory_steps": 1 / (kappa * config.h),
            "limit_probability": float(1 - share * math.exp(
                -kappa * config.h * (config.steps - arrival)))}


def sharpness(config: Config) -> dict[str, Any]:
    """The least h M at which some run leaves, by bisection, with the published h."""
    x0s = config.x0 + config.spread * stream(config, 11).uniform(-1, 1, config.runs)
    low, high = 0.5 * WALL, 2.0 * WALL
    for _ in range(16):
        middle = math.sqrt(low * high)
        left = paths(x0s, config.h, middle / config.h, 2 * config.steps).reduced
        low, high = (low, middle) if np.isfinite(left).any() else (middle, high)
    return {"hM": high, "below": low}


# ------------------------------------------------------------------ over x0
def over_starts(config: Config) -> dict[str, Any]:
    """How many runs leave, and end near 0.41, with starts drawn from bins of x0 in the well."""
    edges = np.linspace(BARRIER, 8.0, config.places + 1)
    n = max(50, config.runs // 4)
    x0s = (edges[:-1, None] + np.diff(edges)[:, None]
           * stream(config, 12).uniform(0, 1, (config.places, n)))
    made = paths(x0s.ravel(), config.h, config.M, config.steps)
    left = np.isfinite(made.reduced).reshape(x0s.shape).sum(axis=1)
    near = (np.abs(made.x[:, 0] - GOOD) < NEAR).reshape(x0s.shape).sum(axis=1)
    centres = (edges[:-1] + edges[1:]) / 2
    kappa, share = escape_law(config.h * config.M)
    arrival = np.log(loss_of(x0s) / loss_of(3.0))
    limit = 1 - share * np.exp(-kappa * (config.h * config.steps - arrival))
    return {"x0": centres, "starts": n, "left": [wilson(int(k), n) for k in left],
            "near": [wilson(int(k), n) for k in near], "limit": limit.mean(axis=1),
            "covered": int(sum(lo <= p <= hi for (_, lo, hi), p in zip(
                [wilson(int(k), n, Z999) for k in left], limit.mean(axis=1), strict=True)))}
