"""What is known about the two-minima example in closed form, and the intervals of estimates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

GOOD, BARRIER, POOR = (9 - math.sqrt(33)) / 8, (9 + math.sqrt(33)) / 8, 3.0


def loss_of(x: Any) -> Any:
    return x * (x - 1) * (x - 3) ** 2 + 1.62276


def loss_above(x: float, bottom: float) -> float:
    """L(x) by Taylor's series at a minimum: exact, and without cancellation where L is small."""
    u = x - bottom
    least = 5.533617681076653e-07 if bottom == GOOD else 1.62276
    return least + u * u * (curvature_of(bottom) / 2 + u * (4 * bottom - 7 + u))


def slope_of(x: Any) -> Any:
    return (x - 3) * (4 * x**2 - 9 * x + 3)


def curvature_of(x: Any) -> Any:
    return 12 * x**2 - 42 * x + 30


def well(x0: float) -> dict[str, float]:
    """The well that x0 lies in, and what the quadratic at its bottom predicts.

    Near the bottom L = L0 + k u^2/2 and the Euler iterates follow a Cauchy law of scale
    s = sqrt(2 L0/k). A step from u throws x by h L0/(k u), which is past the barrier at distance d
    for 0 < u < h L0/(k d): a chance of h s/(2 pi d) a step, so a rate of s/(2 pi d) for any h.
    """
    bottom = POOR if x0 > BARRIER else GOOD
    scale = math.sqrt(2 * loss_of(bottom) / curvature_of(bottom))
    distance = abs(bottom - BARRIER)
    return {"bottom": bottom, "distance": distance, "cauchy_scale": scale,
            "rate": scale / (2 * math.pi * distance), "least_hM": distance / loss_of(bottom)}


def outside(path: np.ndarray, x0: float) -> np.ndarray:
    """Where a path is on the other side of the barrier."""
    return path < BARRIER if x0 > BARRIER else path > BARRIER


def exact_arrival(x0: float, M: float) -> tuple[float, float]:
    """The times at which the unclipped and the clipped flow reach the bottom of the well of x0.

    dt = max(|L'|, 1/M) dx/L. Where the clip is idle this integrates to ln(L(x0)/L(x)).
    """
    from scipy.integrate import quad

    bottom = POOR if x0 > BARRIER else GOOD
    if x0 == bottom:
        return 0.0, 0.0
    low, high = sorted((x0, bottom))
    corners = [r.real for sign in (1, -1) for r in np.roots([4, -21, 30, -9 - sign / M])
               if abs(r.imag) < 1e-12 and low < r.real < high]
    total = 0.0
    edges = [low, *sorted(corners), high]
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        if abs(slope_of((a + b) / 2)) * M > 1:
            total += abs(math.log(loss_above(b, bottom) / loss_above(a, bottom)))
        else:
            total += quad(lambda x: 1 / (M * loss_above(x, bottom)), a, b, epsabs=1e-13,
                          epsrel=1e-11)[0]
    return math.log(loss_above(x0, bottom) / loss_above(bottom, bottom)), total


def exact_place(x0: float, M: float, t: float) -> float:
    """x(t) of the flow while the clip is idle: the root of L(x) = L(x0) exp(-t); else NaN."""
    from scipy.optimize import brentq

    bottom = POOR if x0 > BARRIER else GOOD
    level = loss_of(x0) * math.exp(-t)
    if abs(slope_of(x0)) * M <= 1 or level <= loss_of(bottom):
        return math.nan
    x = brentq(lambda x: loss_of(x) - level, bottom, x0, xtol=1e-15, rtol=1e-15)
    return x if abs(slope_of(x)) * M > 1 else math.nan


def exponent(h: float) -> float:
    """Lambda(h) = 2 ln(sqrt(1 - h/2) + sqrt(h/2)): Euler on an offset quadratic, 0 < h < 2."""
    return 2 * math.log(math.sqrt(1 - h / 2) + math.sqrt(h / 2)) if h < 2 else math.nan


def gibbs(T: float, low: float, high: float) -> float:
    """The share of exp(-L/T) between low and high: where noise for ever would lead."""
    x = np.linspace(-6.0, 9.0, 150_001)
    weight = np.exp(-(loss_of(x) - loss_of(GOOD)) / T)
    return float(weight[(x > low) & (x < high)].sum() / weight.sum())


def ratio(total: np.ndarray, count: np.ndarray) -> tuple[float, float, float]:
    """Sum of totals over sum of counts, with its 95 % interval; runs are independent."""
    if not count.sum() > 0:
        return (math.nan,) * 3
    value = total.sum() / count.sum()
    spread = math.sqrt(((total - value * count) ** 2).sum() * len(count) / (len(count) - 1))
    half = 1.96 * spread / count.sum()
    return float(value), float(value - half), float(value + half)
