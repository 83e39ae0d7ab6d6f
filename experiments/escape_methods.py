"""Escape from local minima: five known ways and the clipped flow, with equal budgets of gradients.

Every way has the same budget of gradients a run. A tenth of it is a polish, plain gradient descent,
so that only the well counts in which a way has ended. A run is a success when L - L* < GOAL after
the polish: no well but the global minimum's has a point so low. The settings of each way are chosen
on other starts and other noise than those of the evaluation. The cost of a success is the budget
over the probability: what to pay, on average, when runs are repeated until one succeeds.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from escape_methods_figures import figures
from escape_methods_ways import WAYS, Problem, Way, descend, problems, window

from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.quoting import Number, Quotes, count, decimal, percent, scientific, slug
from flowopt.reporting import Reporter, Table, cell

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run",
           "summary", "table"]

NAME = "escape-methods"
QUESTION = "Which way out of a local minimum is the cheapest, with equal budgets of gradients?"
QUICK = {"runs": 150, "tuning_runs": 12, "budget": 600}

GOAL = 0.01  # in units of the loss
POLISH = 0.1  # share of the budget


@dataclass(frozen=True)
class Config(Options):
    runs: int = option(2000, "runs of each way on each landscape", at_least=10, at_most=100_000)
    tuning_runs: int = option(100, "runs of each setting in the tuning",
                              at_least=5, at_most=100_000)
    budget: int = option(2500, "gradients of a run on the two minima; 4 times that on Rastrigin",
                         at_least=400, at_most=100_000)
    # the tuning draws from a stream of its own
    seed: int = option(0, "for starts and noise", at_least=0, at_most=2**31)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    landscapes = problems(config.budget)
    numbers = {(p, w): i for i, (p, w) in enumerate((p, w) for p in landscapes for w in WAYS)}
    made = progress.pieces([f"{p}: {w}" for p, w in numbers], lambda name: cell_of(
        config, landscapes[name.split(": ")[0]], WAYS[name.split(": ")[1]],
        numbers[tuple(name.split(": "))]))
    progress(0.9, "paths")
    return {"cells": made, "runs": config.runs, "goal": GOAL,
            "landscapes": {p.name: {"budget": p.budget, "n": p.n, "share": p.share,
                                    "first": list(p.first), "box": [p.low, p.high],
                                    "rate": p.rate} for p in landscapes.values()},
            "window": list(window()), "paths": paths(config, landscapes["two minima"], made),
            "seeds": {"seed": config.seed}}


def stream(config: Config, number: int, use: int) -> tuple[np.random.Generator, int]:
    """Starts (the same for all ways on a landscape), and a seed of noise for each use."""
    starts = np.random.default_rng([config.seed, number // len(WAYS), min(use, 1)])
    noise = int(np.random.default_rng([config.seed, 100 + number, use]).integers(2**31))
    return starts, noise


def finish(problem: Problem, way: Way, setting: Any, starts: np.ndarray, seed: int) -> np.ndarray:
    """L - L* after the search and the polish, (N,); infinite for a run that diverged."""
    polish = int(POLISH * problem.budget)
    ends = descend(problem, way.search(problem, starts, setting, seed, problem.budget - polish),
                   polish)
    excess = np.full(len(ends), np.inf)
    good = np.isfinite(ends).all(axis=1)
    if good.any():
        excess[good] = np.maximum(problem.loss.value(ends[good]) - problem.loss.minimum, 0.0)
    return excess


def cell_of(config: Config, problem: Problem, way: Way, number: int) -> dict[str, Any]:
    """Tune one way on one landscape, then evaluate it."""
    grid = way.grid(problem)
    grid = [s for s in grid if s.get("k", 1) * 10 <= (1 - POLISH) * problem.budget]
    scores = []
    if len(grid) > 1:
        for i, setting in enumerate(grid):
            rng, seed = stream(config, number, 1 + i)
            excess = finish(problem, way, setting, problem.starts(config.tuning_runs, rng), seed)
            scores.append((-(excess < GOAL).mean(), float(np.median(excess)), i))
    best = grid[min(scores)[2]] if scores else grid[0]
    rng, seed = stream(config, number, 0)
    excess = finish(problem, way, best, problem.starts(config.runs, rng), seed)
    count = int((excess < GOAL).sum())
    p = estimates.wilson(count, config.runs)
    low, middle, high = np.quantile(excess, (0.25, 0.5, 0.75), method="inverted_cdf")
    return {"problem": problem.name, "way": way.name, "setting": best, "successes": count, "p": p,
            "cost": cost(problem.budget, p), "excess": [middle, low, high],
            "tuning": [{"setting": s, "p": -score[0], "excess": score[1]}
                       for s, score in zip(grid, scores, strict=False)],
            "tuning_gradients": len(scores) * config.tuning_runs * problem.budget}


def cost(budget: int, p: tuple[float, float, float]) -> tuple[float, float, float]:
    """Gradients per success, with the interval that p's gives."""
    middle, high, low = (budget / v if v > 0 else math.inf for v in p)
    return middle, low, high


def paths(config: Config, problem: Problem, cells: dict[str, Any]) -> dict[str, Any]:
    """One run of each way on the two minima, from x = 3.6, with its chosen setting."""
    start = np.array([[3.6]])
    steps = problem.budget - int(POLISH * problem.budget)
    return {way.name: way.search(problem, start, cells[f"{problem.name}: {way.name}"]["setting"],
                                 config.seed, steps, path=True)[:, 0] for way in WAYS.values()}


# ------------------------------------------------------------------ what is printed
def summary(result: dict[str, Any]) -> str:
    low, high = result["window"]
    return "\n".join(textwrap.wrap(
        "Metropolis annealing uses values of the loss in place of gradients, as many. The "
        "returned point counts, with no knowledge of L* on the way. Fresh starts come from "
        "the box of the landscape, which the other ways do not know. A falling learning rate "
        "finds the minimum of Rastrigin for a reason of its own: the coordinates do not interact, "
        f"and at rates between {low:.6f} and {high:.6f} descent keeps to the well of 0 but leaks "
        "out of the wells of all other integers.", 96))


def table(result: dict[str, Any]) -> list[Table]:
    made = []
    for name, about in result["landscapes"].items():
        rows = [(c["way"], ", ".join(f"{k} = {cell(v)}" for k, v in c["setting"].items()),
                 tuple(c["p"]), tuple(c["cost"]), c["excess"][0], c["tuning_gradients"])
                for c in result["cells"].values() if c["problem"] == name]
        a, b = about["first"]
        power = f"^{about['n']}" if about["n"] > 1 else ""
        made.append(Table(
            f"{name}: {result['runs']} runs of {about['budget']} gradients, the last tenth plain "
            f"descent; starts uniform in ({a:g}, {b:g}){power}, success L - L* < "
            f"{result['goal']:g}",
            ("way", "setting, tuned on other seeds", "success", "gradients per success",
             "median L - L*", "tuning: gradients"), rows))
    return made


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    """Of each way on each landscape: success, gradients per success, settings, excess loss."""
    made = Quotes()
    made.add("runs", count, result["runs"])
    made.add("ways", count, len({c["way"] for c in result["cells"].values()}))
    made.add("landscapes", count, len(result["landscapes"]))
    made.add("goal", decimal, result["goal"], 2)
    made.add("polish", percent, POLISH, 0)
    for end, rate in zip(("low", "high"), result["window"], strict=True):
        made.add(f"window-{end}", decimal, rate, 6)
    for name, about in result["landscapes"].items():
        made.add(f"{slug(name)}-budget", count, about["budget"])
        made.add(f"{slug(name)}-share", scientific, about["share"], 3)
        made.add(f"{slug(name)}-dimension", count, about["n"])
    for c in result["cells"].values():
        name = slug(f"{c['problem']} {c['way']}")
        made.add(f"{name}-successes", count, c["successes"])
        made.estimate(f"{name}-success", share, c["p"])
        made.estimate(f"{name}-gradients", gradients, c["cost"])
        made.estimate(f"{name}-excess", scientific, c["excess"], 2)  # median and quartiles
        made.add(f"{name}-tuning-gradients", count, c["tuning_gradients"])
        for key, value in c["setting"].items():
            made.add(f"{name}-setting-{slug(key)}", shortest, value)
    return made


def share(value: float) -> Number:
    """A share in per cent: neither 0 nor all of it unless it is."""
    return percent(value, 1 if 1e-3 <= value < 0.9995 - 1e-9 or value in (0, 1) else 2)


def gradients(value: float) -> Number:
    """Gradients per success, rounded to one, or from 10 000 on to three digits."""
    return count(round(value)) if value < 1e4 else scientific(value, 3)


def shortest(value: float) -> Number:
    """A setting to four digits, without zeros at its end."""
    text = f"{value:.4g}"
    return scientific(value, 4) if "e" in text else decimal(value, len(text.partition(".")[2]))


def claims(result: dict[str, Any]) -> list[Claim]:
    cells, made = result["cells"], []
    poor = cells["two minima: gradient descent"]
    made.append(Claim("two minima: runs of plain descent that leave the poor well",
                      poor["successes"], 0, poor["successes"] == 0, "exact: the map is monotone"))
    for name, about in result["landscapes"].items():
        many = cells[f"{name}: many starts"]
        fresh = int(many["setting"]["k"]) - (name == "two minima")  # whose first cannot succeed
        known = -math.expm1(fresh * math.log1p(-about["share"]))
        _, low, high = estimates.wilson(many["successes"], result["runs"], estimates.Z999)
        made.append(Claim(f"{name}: success of many starts, 1 - (1 - share of the well)^starts",
                          round(many["p"][0], 4), f"{known:.4g}", bool(low <= known <= high),
                          "99.9 % interval"))
    low, high = result["window"]
    tuned = [result["cells"][f"{name}: learning-rate tuning"] for name in result["landscapes"]
             if name.startswith("Rastrigin")]
    rate = min(c["setting"]["lr"] for c in tuned)
    slow = min(about["budget"] for about in list(result["landscapes"].values())[1:]) >= 10_000
    made.append(Claim("Rastrigin: a rate that falls through the window in which only the well of 0 "
                      "holds, least success", min(c["p"][0] for c in tuned), "> 0.95",
                      min(c["p"][0] for c in tuned) > 0.95 if rate > high and slow else None,
                      f"from {rate:.4g} through ({low:.5f}, {high:.5f}), in 10000 steps or more"))
    for name in result["landscapes"]:
        clip = cells[f"{name}: clipped loss-normalised"]
        noise = max((cells[f"{name}: {way}"] for way in ("stochastic gradients",
                                                         "annealing (Langevin)")),
                    key=lambda c: c["p"][0])
        made.append(Claim(
            f"{name}: noise ({noise['way']}) does as well as the clipped flow, as the essay says",
            f"{cell(tuple(noise['p']))} against {cell(tuple(clip['p']))}", "not less",
            noise["p"][2] >= clip["p"][1] if noise["successes"] + clip["successes"] else None,
            "95 % intervals"))
    return made
