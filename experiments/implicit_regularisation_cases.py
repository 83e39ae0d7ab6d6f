"""The optimizers beside their modified flows: distances at a fixed time, against the step.

The modified equations come from `fo.modified_equation`, for any loss; where an optimizer has a
memory (momentum, averages) it is removed, and the run starts with the memory settled as the theory
supposes. From an empty memory the transient shifts the run by O(lr), whatever the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import flowopt as fo

SHARP = fo.DOP853(rtol=1e-13, atol=1e-15)
START = (0.6, -0.4)
MOMENTUM, BETAS, ROOT, GAMMA = 0.8, (0.6, 0.8), 0.1, 1.0
LABELS = ("its flow", "the flow with one term", "the flow with two")
KEYS = ("flow", "one-term", "two-terms")
o = fo.optimizers


def bowl() -> fo.Loss:
    """A loss whose Hessian neither is constant nor keeps its axes."""
    return fo.Loss("x**2/2 + y**2 + x**2*y**2/4 + x*y/3 + x**3/6")


@dataclass(frozen=True)
class Case:
    """An optimizer by its step, the terms that are asked for, the time, and the first step."""

    make: Callable[[float], Any]
    terms: int
    end: float
    first: float


#: the times and steps are such that h times the curvature, over 1 - beta, is below 1/10
CASES: dict[str, Case] = {
    "gradient descent": Case(lambda h: fo.Euler(h), 2, 0.5, 2.0**-5),
    "symplectic Euler": Case(lambda h: fo.SymplecticEuler(h), 2, 1.0, 2.0**-5),
    "heavy ball": Case(lambda h: o.sgd(lr=h, momentum=MOMENTUM), 2, 0.125, 2.0**-9),
    "Nesterov": Case(lambda h: o.sgd(lr=h, momentum=MOMENTUM, nesterov=True), 2, 0.125, 2.0**-9),
    "Adam": Case(lambda h: o.adam(lr=h, betas=BETAS, eps=0.0, eps_root=ROOT), 1, 0.5, 2.0**-7),
}


def errors_of(name: str, levels: int) -> dict[str, Any]:
    """The distances of one optimizer from each of its flows, at each step."""
    case, loss = CASES[name], bowl()
    h = case.first / 2.0 ** np.arange(levels)
    remembers = name in ("heavy ball", "Nesterov", "Adam")
    made = [equation(name, case, k) for k in range(case.terms + 1)]
    fields = [m.on(loss) for m in made]
    distance = np.zeros((case.terms + 1, levels))
    cold = np.zeros(levels)
    for i, step in enumerate(h):
        steps = round(case.end / step)
        start = state(name)
        ends = [fo.integrate(with_step(f, float(step)), start, (0.0, case.end), SHARP).y[-1]
                for f in fields]
        if remembers:
            opt = case.make(float(step))
            for k, m in enumerate(made):  # settled to the order of the flow
                y0 = m.settled(loss, START, h=float(step))
                distance[k, i] = np.linalg.norm(opt.run(loss, y0, steps=steps).x[-1] - ends[k])
            cold[i] = np.linalg.norm(opt.run(loss, START, steps=steps).x[-1] - ends[1])
        else:
            run = fo.integrate(plain(name).on(loss), start, (0.0, case.end),
                               case.make(float(step))).y[-1]
            distance[:, i] = [np.linalg.norm(run - end) for end in ends]
    lines = {KEYS[k]: {"label": LABELS[k], "order": k + 1, "distance": distance[k]}
             for k in range(case.terms + 1)}
    if name == "heavy ball":
        lines["from-rest"] = {"label": "the flow with one term, from rest", "order": 1,
                              "distance": cold}
    return {"h": h, "end": case.end, "lines": lines}


def plain(name: str) -> Any:
    return fo.flows.HeavyBall(gamma=GAMMA) if name == "symplectic Euler" else (
        fo.flows.GradientFlow())


def state(name: str) -> list[float]:
    return [*START, 0.2, 0.1] if name == "symplectic Euler" else list(START)


def equation(name: str, case: Case, terms: int) -> Any:
    """The modified equation with so many terms."""
    if name in ("gradient descent", "symplectic Euler"):
        return fo.modified_equation(plain(name), case.make(0.1), order=terms)
    return fo.modified_equation(case.make(0.01), order=terms, reduced=True)


def with_step(field: Any, step: float) -> Any:
    """The field with the step of the run, if it has one."""
    for name in ("h", "lr"):
        if name in field.parameters:
            return field.with_parameters(**{name: step})
    return field


def published(steps: list[float]) -> dict[str, Any]:
    """The distances of descent on x^2/2 + x^4/4 from x = 1 at t = 1."""
    flow, loss = fo.flows.GradientFlow(), fo.Loss("x**2/2 + x**4/4")
    fields = [fo.modified_equation(flow, fo.Euler(0.1), order=k).on(loss) for k in range(3)]
    distance = []
    for h in steps:
        end = fo.integrate(flow.on(loss), [1.0], (0.0, 1.0), fo.Euler(h)).x[-1, 0]
        distance.append([abs(float(fo.integrate(with_step(f, h), [1.0], (0.0, 1.0),
                                                SHARP).x[-1, 0]) - float(end)) for f in fields])
    return {"h": list(steps), "distance": np.array(distance)}
