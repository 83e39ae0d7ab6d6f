"""Four flows that jump, and one that does not, each with its exact solution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from two_minima_facts import (
    BARRIER,
    GOOD,
    POOR,
    curvature_of,
    exact_arrival,
    exact_place,
    loss_of,
)

import flowopt as fo


@dataclass(frozen=True)
class Problem:
    """A flow, its start and span, and its exact solution x(t)."""

    about: str
    field: Callable[[], Any]
    start: tuple[float, ...]
    end: float
    exact: Callable[[float], np.ndarray]


def sign_flow(t: float) -> np.ndarray:
    """x' = -sign(A x), A = [[1, 1/2], [1/2, 2]], from (1, 2/5).

    A x = (6/5, 13/10) falls at the rates 3/2 and 5/2: its second entry is 0 at t = 13/25, in
    (12/25, -3/25). There it stays: x' = (-1, 1/4), until x = 0 at t = 1.
    """
    if t < 0.52:
        return np.array([1 - t, 0.4 - t])
    return np.array([1 - t, (t - 1) / 4]) if t < 1 else np.zeros(2)


@cache
def arrival() -> float:
    return exact_arrival(4.0, 1000.0)[1]


def clipped_flow(t: float) -> np.ndarray:
    """The clipped loss-normalised flow of the two minima from 4, M = 1000: at 3 in finite time."""
    if t >= arrival():
        return np.array([3.0])
    x = exact_place(4.0, 1000.0, t)  # NaN where the clip acts, in the last 5e-8
    return np.array([x if math.isfinite(x) else 3 + 1000 * loss_of(3.0) * (arrival() - t)])


def normalised_flow(t: float) -> np.ndarray:
    """x' = -g/|g| on (x^2 + 2 y^2)/2 from (1, 1/2): (u, u^2/2), with |x'| = 1 along it.

    Time is length, from u = 1 down to u: the integral of sqrt(1 + u^2) du.
    """
    from scipy.optimize import brentq

    def length(u: float) -> float:
        return (u * math.sqrt(1 + u * u) + math.asinh(u)) / 2

    left = length(1.0) - t
    u = float(brentq(lambda u: length(u) - left, 0.0, 1.0, xtol=1e-15)) if left > 0 else 0.0
    return np.array([u, u * u / 2])


#: curvature d, centre a and start of each coordinate of the flow with an L1 penalty of weight 1:
#: one comes to rest at 0 and stays, one goes through 0, one starts beyond and comes to 0
SOFT = ((1.0, 1.0, -1.0), (2.0, -1.0, 1.0), (3.0, 0.1, 1.0))


def soft_threshold(t: float) -> np.ndarray:
    """x' = -d (x - a) - sign(x), coordinate by coordinate; at 0 it stays where |d a| <= 1."""
    return np.array([_soft(t, d, a, x) for d, a, x in SOFT])


def _soft(t: float, d: float, a: float, x: float) -> float:
    if x != 0.0:
        goal = a - math.copysign(1.0, x) / d
        if goal * x < 0.0 or goal == 0.0:
            until = math.log((x - goal) / -goal) / d if goal else math.inf
            if t >= until:
                return _soft(t - until, d, a, 0.0)
        return goal + (x - goal) * math.exp(-d * t)
    if abs(d * a) <= 1.0:
        return 0.0
    goal = a - math.copysign(1.0, a) / d
    return goal - goal * math.exp(-d * t)


def gradient_flow(t: float) -> np.ndarray:
    """x' = -L' of the two minima from 4, L' = 4 (x - 3)(x - p)(x - q): no jump.

    t = -sum of c_i ln((x - r_i)/(4 - r_i)) over the roots r_i, with c_i = 1/L''(r_i).
    """
    from scipy.optimize import brentq

    roots = (POOR, BARRIER, GOOD)

    def late(v: float) -> float:  # v = ln(x - 3)
        return -sum((v if r == POOR else math.log((3 + math.exp(v) - r) / (4 - r)))
                    / curvature_of(r) for r in roots) - t

    v = float(brentq(late, -15 * t - 5, 0.0, xtol=1e-13)) if t > 0 else 0.0
    return np.array([3 + math.exp(v)])


def soft_loss() -> str:
    """The quadratic loss with its L1 penalty."""
    return " + ".join(f"{d!r}*({v} - ({a!r}))**2/2 + Abs({v})"
                      for v, (d, a, _) in zip("xyz", SOFT, strict=True))


PROBLEMS = {
    "sign flow": Problem("slides, rests", lambda: fo.flows.SignFlow().on(
        "(x**2 + x*y + 2*y**2)/2"), (1.0, 0.4), 3.0, sign_flow),
    "clipped flow": Problem("rests", lambda: fo.flows.LossNormalizedFlow(
        M=1000.0).on(fo.losses.two_minima()), (4.0,), 25.0, clipped_flow),
    "normalised flow": Problem("rests", lambda: fo.flows.NormalizedFlow().on(
        "(x**2 + 2*y**2)/2"), (1.0, 0.5), 3.0, normalised_flow),
    "soft threshold": Problem("crosses, slides", lambda: fo.flows.GradientFlow().on(
        soft_loss()), tuple(x for _, _, x in SOFT), 5.0, soft_threshold),
    "gradient flow": Problem("smooth", lambda: fo.flows.GradientFlow().on(
        fo.losses.two_minima()), (4.0,), 2.0, gradient_flow),
}
