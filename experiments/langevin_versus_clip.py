"""Langevin versus clip: what the clipped loss-normalised flow is worth beside Gaussian noise.

The essay that the clipped flow comes from says of it that it is pretty, and of no practical worth,
since Gaussian noise on gradient descent does as well. Here both have the same starts in the poor
well and the same budget of gradients, and as many settings to choose from. A run succeeds when it
ends within 0.1 of the good minimum. What the noise does in theory stands in noise_theory.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from escape_map_theory import walls
from escape_methods import cost
from escape_methods_ways import Problem, annealed, clipped, descend, noisy, problems
from langevin_versus_clip_figures import figures
from langevin_versus_clip_report import claims, numbers, table
from noise_theory import Diffusion, kramers_time, mean_time, passage_time, shifted_time
from two_minima_facts import BARRIER, GOOD, POOR, gibbs

import flowopt as fo
from flowopt.estimates import wilson
from flowopt.experiment import SILENT
from flowopt.options import Options, option
from flowopt.reporting import Reporter

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run", "table"]

NAME = "langevin-versus-clip"
QUESTION = "Does Gaussian noise on gradient descent do as well as the clipped flow, as was said?"
QUICK = {"runs": 60, "best_runs": 400, "passages": 100, "values": 4}

NEAR = 0.1  # success: an end within this distance of the good minimum
LAST = 0.1  # share of the budget that is plain descent, where there is one
BUDGETS = (160, 400, 1000, 2500)
CLIP_H = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
NOISE_H = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06)  # below 2/L'' at the good minimum, 0.134
CLIPS, HEATS = (1.0, 1e5), (0.1, 10.0)  # the ranges of M and of T
PASSAGE_T = (0.5, 0.65, 0.8, 1.2, 2.0)
PASSAGE_H = (0.001, 0.004, 0.016)
OFFSETS = (0.0, 0.1, 0.5, 3.0)  # what is added to the loss, for the valve
VALVE_H, VALVE_HM = 0.1, (0.05, 500.0)
LEAST_T = 0.3  # below, the law of the diffusion is lost to cancellation


@dataclass(frozen=True)
class Way:
    """A search with its setting (h, M or T), and whether plain descent ends it."""

    search: Callable[..., np.ndarray]
    setting: Callable[[float, float], dict[str, float]]
    steps: tuple[float, ...]
    range: tuple[float, float]
    descent: bool


def _clip(h: float, value: float) -> dict[str, float]:
    return {"h": h, "M": value}


def _noise(h: float, value: float) -> dict[str, float]:
    return {"lr": h, "s": math.sqrt(2 * value / h)}


def _cooling(h: float, value: float) -> dict[str, float]:
    return {"lr": h, "T0": value}


WAYS = {
    "clip": Way(clipped, _clip, CLIP_H, CLIPS, False),
    "clip, then descent": Way(clipped, _clip, CLIP_H, CLIPS, True),
    "noise": Way(noisy, _noise, NOISE_H, HEATS, False),
    "noise, then descent": Way(noisy, _noise, NOISE_H, HEATS, True),
    "annealed, then descent": Way(annealed, _cooling, NOISE_H, HEATS, True),
}


@dataclass(frozen=True)
class Config(Options):
    runs: int = option(400, "runs of each setting; half as many of the smaller budgets",
                       at_least=20, at_most=100_000)
    best_runs: int = option(4000, "fresh runs of the best setting", at_least=100,
                            at_most=1_000_000)
    values: int = option(16, "values of M, and of T", at_least=4, at_most=100)
    passages: int = option(2000, "passages over the barrier at each T and h", at_least=50,
                           at_most=100_000)
    seed: int = option(0, "for starts and noise", at_least=0, at_most=2**31)


@lru_cache
def landscape(budget: int) -> Problem:
    return problems(budget)["two minima"]


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    grids = [(way, budget, i) for way in WAYS for budget in BUDGETS for i in range(len(CLIP_H))]
    found = progress.pieces([f"{w} {b} {i}" for w, b, i in grids], lambda name: successes(
        config, *split(name)), 0.0, 0.6)
    ways: dict[str, Any] = {}
    for way in WAYS:
        ways[way] = {}
        for budget in BUDGETS:
            grid = np.array([found[f"{way} {budget} {i}"]["count"] for i in range(len(CLIP_H))])
            ways[way][str(budget)] = {"count": grid,
                                      "runs": found[f"{way} {budget} 0"]["runs"]}
    best = progress.pieces([f"best {w} {b}" for w in WAYS for b in BUDGETS], lambda name: best_of(
        config, *split(name[5:] + " 0")[:2], ways), 0.6, 0.72)
    for name, made in best.items():
        way, budget, _ = split(name[5:] + " 0")
        ways[way][str(budget)]["best"] = made
    valves = progress.pieces([f"valve {c:g}" for c in OFFSETS], lambda name: valve(
        config, float(name[6:])), 0.72, 0.78)
    passages = progress.pieces([f"T = {T:g}" for T in PASSAGE_T], lambda name: passage(
        config, PASSAGE_T.index(float(name[4:]))), 0.78, 0.88)
    progress(0.88, "theory")
    theory = progress.piece("theory", lambda: exact_success(config))
    heats = np.geomspace(PASSAGE_T[0], PASSAGE_T[-1], 60)
    return {"setting": asdict(config), "budgets": list(BUDGETS), "ways": ways,
            "h": {way: list(of.steps) for way, of in WAYS.items()},
            "values": {way: values_of(config, of) for way, of in WAYS.items()},
            "valve": {"h": VALVE_H, "cells": list(valves.values())},
            "passages": {"T": np.array(PASSAGE_T), "h": np.array(PASSAGE_H),
                         "cells": [row["cells"] for row in passages.values()],
                         "law": [row["law"] for row in passages.values()],
                         "curve": [heats, np.array([passage_time(T) for T in heats]),
                                   np.array([kramers_time(T) for T in heats])]},
            "theory": theory, "seeds": {"seed": config.seed}}


def split(name: str) -> tuple[str, int, int]:
    """The way, the budget and the number of the step in the name of a piece."""
    way, budget, number = name.rsplit(" ", 2)
    return way, int(budget), int(number)


def values_of(config: Config, way: Way) -> np.ndarray:
    """The values of M or T."""
    return np.geomspace(*way.range, config.values)


def search(problem: Problem, way: Way, h: float, value: float, starts: np.ndarray, seed: int,
           budget: int) -> np.ndarray:
    """Which runs succeed with a budget of gradients."""
    last = int(LAST * budget) if way.descent else 0
    ends = way.search(problem, starts, way.setting(h, value), seed, budget - last)
    if last:
        ends = descend(problem, ends, last)
    return np.abs(ends[:, 0] - GOOD) < NEAR  # NaN, a run that diverged, is no success


def successes(config: Config, name: str, budget: int, i: int) -> dict[str, Any]:
    """Successes of a way with one step, for every value of M or T; the ways share starts."""
    problem, way = landscape(budget), WAYS[name]
    runs = config.runs if budget == max(BUDGETS) else max(config.runs // 2, 20)
    starts = problem.starts(runs, np.random.default_rng([config.seed, budget, 0]))
    count = []
    for j, value in enumerate(values_of(config, way)):
        seed = noise_seed(config, name, budget, i, j)
        count.append(int(search(problem, way, way.steps[i], float(value), starts, seed,
                                budget).sum()))
    return {"count": np.array(count), "runs": runs}


def noise_seed(config: Config, name: str, *numbers: int) -> int:
    source = np.random.default_rng([config.seed, 1 + list(WAYS).index(name), *numbers])
    return int(source.integers(2**31))


def best_of(config: Config, name: str, budget: int, ways: dict[str, Any]) -> dict[str, Any]:
    """The setting with the most successes, run again with fresh starts and noise."""
    way, grid = WAYS[name], ways[name][str(budget)]["count"]
    i, j = (int(v) for v in np.unravel_index(np.argmax(grid), grid.shape))
    value = float(values_of(config, way)[j])
    problem = landscape(budget)
    starts = problem.starts(config.best_runs, np.random.default_rng([config.seed, budget, 1]))
    count = int(search(problem, way, way.steps[i], value, starts,
                       noise_seed(config, name, budget, 1000, 0), budget).sum())
    p = wilson(count, config.best_runs)
    return {"h": way.steps[i], "value": value, "p": p, "count": count, "cost": cost(budget, p)}


def valve(config: Config, c: float) -> dict[str, Any]:
    """The clipped flow on L + c over h M: success from the poor well, and runs that leave 0.41."""
    budget = max(BUDGETS)
    last = int(LAST * budget)
    problem = landscape(budget)
    raised = fo.Loss("x*(x - 1)*(x - 3)**2 + 1.62276 + c", variables=["x"], parameters={"c": c})
    field = fo.flows.LossNormalizedFlow(M=1.0).on(raised)
    rng = np.random.default_rng([config.seed, 7, OFFSETS.index(c)])
    hM = np.geomspace(*VALVE_HM, 3 * config.values)
    starts = problem.starts(config.runs * len(hM), rng)
    back = GOOD + 0.3 * rng.uniform(-1, 1, starts.shape)
    span = {"t": (0.0, (budget - last) * VALVE_H), "method": fo.Euler(VALVE_H),
            "parameters": {"M": np.repeat(hM / VALVE_H, config.runs)}}
    away = fo.ensemble(field, starts, reduce=fo.reduce.first_time(f"x < {BARRIER!r}"), **span)
    good = fo.ensemble(field, back, reduce=fo.reduce.first_time(f"x > {BARRIER!r}"), **span)
    ends = descend(problem, away.x, last)[:, 0]

    def of(which: np.ndarray) -> np.ndarray:
        return which.reshape(len(hM), config.runs).sum(axis=1)

    return {"c": c, "hM": hM, "runs": config.runs, "near": of(np.abs(ends - GOOD) < NEAR),
            "left": of(np.isfinite(away.reduced)), "back": of(np.isfinite(good.reduced)),
            "walls": list(walls(VALVE_H, c))}


def passage(config: Config, number: int) -> dict[str, Any]:
    """First passages from 3 over the barrier at one temperature, for every step."""
    T, cells, law = PASSAGE_T[number], [], np.empty(0)
    exact = passage_time(T)
    field = fo.flows.GradientFlow().on(fo.losses.two_minima())
    for i, h in enumerate(PASSAGE_H):
        end = round(4 * exact / h) * h
        made = fo.ensemble(field, np.full((config.passages, 1), POOR), t=(0.0, end),
                           method=fo.EulerMaruyama(h, temperature=T),
                           seed=int(np.random.default_rng([config.seed, 100, number, i])
                                    .integers(2**31)),
                           reduce=fo.reduce.first_time(f"x < {BARRIER!r}"))
        if (made.status == fo.Status.CANCELLED).any():
            raise KeyboardInterrupt
        t = np.where(np.isfinite(made.reduced), made.reduced, np.inf)
        law = np.sort(t) if i == 0 else law
        cells.append({"h": h, **mean_time(t, exact, end), "shifted": shifted_time(T, h)})
    return {"cells": cells, "law": {"T": T, "exact": exact, "mean": cells[0]["mean"],
                                    "runs": config.passages, "times": law[np.isfinite(law)]}}


def exact_success(config: Config) -> dict[str, Any]:
    """Success of the diffusion itself, by the Fokker-Planck equation, and its limit exp(-L/T)."""
    first, budget = landscape(max(BUDGETS)).first, max(BUDGETS)
    heats = values_of(config, WAYS["noise"])
    heats = np.sort(np.concatenate([heats, np.sqrt(heats[1:] * heats[:-1])]))
    heats = heats[(heats >= LEAST_T) & (heats <= 3.0)]
    laws = [Diffusion(float(T)) for T in heats]
    target = (GOOD - NEAR, GOOD + NEAR)
    return {"T": heats, "near": np.array([[law.share(budget * h, first, *target) for law in laws]
                                          for h in NOISE_H]),
            "gibbs_near": np.array([gibbs(T, *target) for T in heats]),
            "gibbs_well": np.array([gibbs(T, -math.inf, BARRIER) for T in heats]),
            "well": np.array([[law.share(0.9 * budget * h, first, -4.0, BARRIER) for law in laws]
                              for h in NOISE_H])}
