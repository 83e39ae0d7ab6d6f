"""Optimizers beside the flows that they tend to: paths, and the distance against the step.

For each optimizer the rates of its flow (friction, decay of the averages) are fixed, and the step h
of its clock, t = k h, is halved again and again; lr follows from h by the clock. The distance is
the largest over the run, max |x_k - x(k h)|, and the flow is integrated to 1e-11. Theory: order 1
for a splitting of order 1; 2 for the heavy ball in its own clock with a centred start; 1/2 for
Adagrad and RMSprop as torch has them, whose averages start at 0, for there 1/sqrt(v) is singular.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from dictionary_table import dictionary, entries
from optimizers_and_their_flows_figures import figures

import flowopt as fo
from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.quoting import Number, Quotes, count, decimal, scientific, slug
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "paper_tables",
           "run", "table"]

NAME = "optimizers-and-their-flows"
QUESTION = "How far is an optimizer from its flow, and how does that shrink with the step?"
QUICK = {"levels": 9}

H = 1e-3  # the step at which hyper-parameters are made from rates
TOLERANCE = 0.15  # of a slope
LAST = 4  # steps that the slope is measured on
SHOWN = (0, 2, 4)  # halvings of the steps that are drawn
MOST = 2000  # iterates of a path that are kept, about


@dataclass(frozen=True)
class Config(Options):
    levels: int = option(10, "step sizes, each half of the one before",
                         at_least=max(SHOWN) + 1, at_most=14)


@dataclass(frozen=True)
class Case:
    """An optimizer with rates for each loss; `setting`: loss -> (end T, longest step)."""

    make: Callable[..., Any]
    order: float
    setting: dict[str, tuple[float, float]]


def _central(gamma: float) -> Any:
    """The heavy ball of friction gamma: beta = (1 - gamma h/2)/(1 + gamma h/2)."""
    beta = (1 - gamma * H / 2) / (1 + gamma * H / 2)
    return fo.optimizers.heavy_ball(H * H * (1 + beta) / 2, momentum=beta, start="centred")


o = fo.optimizers
LOSSES = {"Rosenbrock": (fo.losses.rosenbrock, (-0.5, 1.5), {"gamma": 5.0, "b": 20.0}),
          "Himmelblau": (fo.losses.himmelblau, (0.0, 0.0), {"gamma": 3.0, "b": 1.0})}
CASES = {
    "gradient descent": Case(lambda gamma, b: o.gradient_descent(H), 1,
                             {"Rosenbrock": (2.0, 1.25e-3), "Himmelblau": (0.3, 0.02)}),
    "SGD with momentum": Case(lambda gamma, b: o.sgd(H * H, momentum=1 - gamma * H), 1,
                              {"Rosenbrock": (1.0, 0.02), "Himmelblau": (2.0, 0.08)}),
    "heavy ball, centred": Case(lambda gamma, b: _central(gamma), 2,
                                {"Rosenbrock": (1.0, 0.02), "Himmelblau": (2.0, 0.08)}),
    "Nesterov, r = 3": Case(lambda gamma, b: o.nesterov(H * H, r=3.0), 1,
                            {"Rosenbrock": (2.0, 0.04), "Himmelblau": (1.5, 0.06)}),
    "Adagrad": Case(lambda gamma, b: o.adagrad(math.sqrt(H)), 0.5,
                    {"Rosenbrock": (4.0, 0.04), "Himmelblau": (4.0, 0.1)}),
    "RMSprop": Case(lambda gamma, b: o.rmsprop(H, alpha=1 - b * H), 0.5,
                    {"Rosenbrock": (2.0, 0.0125), "Himmelblau": (3.0, 0.1)}),
    "Adam": Case(lambda gamma, b: o.adam(H, betas=(1 - 10 * H, 1 - b * H)), 1,
                 {"Rosenbrock": (2.0, 0.04), "Himmelblau": (3.0, 0.08)}),
    "Polyak step": Case(lambda gamma, b: o.polyak(H, max_learning_rate=10.0), 1,
                        {"Rosenbrock": (3.5, 0.25), "Himmelblau": (3.0, 0.2)}),
}


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    names = [f"{case} on {loss}" for loss in LOSSES for case in CASES]
    made = progress.pieces(names, lambda name: pair(config, *name.split(" on ")))
    return {"pairs": made, "landscapes": {name: landscape(name) for name in LOSSES},
            "shown": list(SHOWN)}


def pair(config: Config, case_name: str, loss_name: str) -> dict[str, Any]:
    """One optimizer on one loss: the flow, the runs, their distances, the slope."""
    case = CASES[case_name]
    make, x0, rates = LOSSES[loss_name]
    loss, (end, longest) = make(), case.setting[loss_name]
    optimizer = case.make(**rates)
    limit = optimizer.limit
    flow = fo.integrate(limit.on(loss), optimizer.limit_start(loss, x0), t=(0.0, end),
                        method=fo.DOP853(rtol=1e-11, atol=1e-13))
    if flow.status is not fo.Status.REACHED_END:
        raise RuntimeError(f"the flow of {case_name} on {loss_name}: {flow.message}")
    steps, distances, paths = [], [], []
    for level in range(config.levels):
        count = math.ceil(end / longest) * 2**level
        h = end / count
        path = optimizer.with_step(h).run(loss, x0, steps=count)
        whole = len(path.t) == count + 1
        exact = flow(np.minimum(path.t * h, end))[:, :2]
        steps.append(h)
        distances.append(float(np.linalg.norm(path.x - exact, axis=1).max()) if whole
                         else math.inf)
        if level in SHOWN:
            apart = next(2**m for m in range(level + 1) if m == level or count / 2**m <= MOST)
            paths.append(path.x[::apart])
    t = np.linspace(0.0, end, 601)
    return {"case": case_name, "loss": loss_name, "order": float(case.order), "end": end,
            "clock": optimizer.clock.formula, "flow": flow(t)[:, :2], "paths": paths,
            "h": steps, "distance": distances,
            "slope": estimates.slope(steps[-LAST:], distances[-LAST:])}


def landscape(name: str) -> dict[str, Any]:
    """The loss on a grid, for contours, with the start and the minima."""
    make, x0, _ = LOSSES[name]
    loss = make()
    low, high = {"Rosenbrock": ((-1.5, -0.7), (1.5, 2.3)),
                 "Himmelblau": ((-0.8, -0.6), (4.2, 3.4))}[name]
    x, y = np.linspace(low[0], high[0], 121), np.linspace(low[1], high[1], 121)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    inside = [list(m) for m in loss.minima if low[0] < m[0] < high[0] and low[1] < m[1] < high[1]]
    return {"x": x, "y": y, "value": loss.value(points).reshape(121, 121), "start": list(x0),
            "minima": inside}


def table(result: dict[str, Any]) -> Table:
    rows = []
    for case in CASES:
        of = [p for p in result["pairs"].values() if p["case"] == case]
        rows.append((case, of[0]["clock"], of[0]["order"],
                     *(v for p in of for v in (round(p["slope"], 3), p["h"][-1],
                                               p["distance"][-1]))))
    return Table("Distance of the optimizer from its flow, max |x_k - x(k h)|, against the step h "
                 "of its clock",
                 ("optimizer", "h", "order", *(v for loss in result["landscapes"] for v in (
                     f"{loss}: slope", "last h", "distance"))), rows)


def paper_tables(result: dict[str, Any]) -> dict[str, Table]:
    makes = {name: case.make(**LOSSES["Rosenbrock"][2]) for name, case in CASES.items()}
    return {"dictionary": dictionary(makes, result["pairs"])}


def claims(result: dict[str, Any]) -> list[Claim]:
    made = []
    for case in CASES:
        of = [p for p in result["pairs"].values() if p["case"] == case]
        made.append(Claim(f"{case}: slope of the distance on " + " and ".join(
            p["loss"] for p in of), " and ".join(f"{p['slope']:.3f}" for p in of),
            f"{of[0]['order']:g}", all(abs(p["slope"] - p["order"]) <= TOLERANCE for p in of),
            f"to {TOLERANCE:g}, on the last {LAST} steps"))
    return made


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    """Of each optimizer on each loss: the order, the slope, the distances and the steps."""
    made, pairs = Quotes(), result["pairs"].values()
    made.add("optimizers", count, len({p["case"] for p in pairs}))
    made.add("losses", count, len(result["landscapes"]))
    made.add("dictionary-entries", count, entries())
    made.add("levels", count, max(len(p["h"]) for p in pairs))
    made.add("slope-steps", count, LAST)
    made.add("slope-tolerance", decimal, TOLERANCE, 2)
    made.add("slope-off-most", decimal, max(abs(p["slope"] - p["order"]) for p in pairs), 3)
    for p in pairs:
        name = slug(f"{p['case']} {p['loss']}")
        made.add(f"{name}-order", decimal, p["order"], 1)
        made.add(f"{name}-slope", decimal, p["slope"], 3)
        made.add(f"{name}-end", decimal, p["end"], 1)
        for end, k in (("first", 0), ("last", -1)):
            made.add(f"{name}-step-{end}", scientific, p["h"][k], 2)
            made.add(f"{name}-distance-{end}", scientific, p["distance"][k], 2)
    return made
