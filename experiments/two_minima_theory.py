"""The poor well for short steps: the rate of leaving it, and the law of the iterates in it.

Each passage of the bottom, x = 3, throws the iterate to 3 + u with intensity du/u^2 per unit of
local time, on either side; the clip cuts this to |u| <= U = h M L(3), with the rest of the mass,
1/U, at +-U. The way back takes tau(u) = ln(L(3 + u)/L(3)), for dL/dt = -L. A throw to u < -d, with
d the distance of the barrier, leaves the well. So local time is a clock with jumps tau, stopped at
the rate 1/d, and the share of runs still in the well falls like exp(-kappa t), where

    integral over the throws that stay of (exp(kappa tau(u)) - 1) nu(du) = 1/d.

Those that are in it have at u the density |L'|/L times the intensity of the throws beyond u, each
weighted by exp(kappa (tau(v) - tau(u))). On a quadratic, without a barrier, this is Cauchy's law.
Both hold for h -> 0 at fixed h M; the corrections are of the order of sqrt(h).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from two_minima_facts import BARRIER, POOR, loss_of, slope_of

FLOOR = loss_of(POOR)
WALL = POOR - BARRIER  # d
FINEST, FARTHEST, POINTS = 1e-7, 1e9, 20_001


def _side(sign: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances from the bottom up to `reach`, on a grid even in their logarithm, and tau there."""
    v = np.geomspace(FINEST, reach, POINTS)
    u = sign * v  # L - L(3) without cancellation: u^2 (u^2 + 5 u + 6)
    return v, np.log1p(v * v * (u * u + 5 * u + 6) / FLOOR)


def _integral(v: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The integral of y dv/v from the first v to each, by the trapezoidal rule in ln v."""
    steps = np.diff(np.log(v))
    return np.concatenate([[0.0], np.cumsum(steps * (y[1:] + y[:-1]) / 2)])


def escape_rate(hM: float) -> float:
    """kappa, per unit of time; 0 where h M L(3) does not reach the barrier.

    Examples
    --------
    >>> [round(escape_rate(hM), 4) for hM in (0.1, 1.0, 10.0)]
    [0.0, 0.0947, 0.0742]
    """
    from scipy.optimize import brentq

    reach = hM * FLOOR
    if not reach > WALL:
        return 0.0
    sides = [_side(-1, WALL), _side(1, min(reach, FARTHEST))]

    def balance(kappa: float) -> float:
        total = -1 / WALL
        for v, tau in sides:
            total += float(_integral(v, np.expm1(kappa * tau) / v)[-1])
        v, tau = sides[1]
        return total + math.expm1(kappa * float(tau[-1])) / float(v[-1])

    return float(brentq(balance, 1e-6, 0.2, xtol=1e-12))


def law_in_well(hM: float) -> tuple[np.ndarray, np.ndarray]:
    """Places u = x - 3 in the well and the probability up to them, for runs that are in it."""
    kappa, reach = escape_rate(hM), min(hM * FLOOR, FARTHEST)
    halves = []
    for sign, end in ((-1, min(WALL, reach)), (1, reach)):
        v, tau = _side(sign, end)
        kept = _integral(v, np.exp(kappa * tau) / v)
        atom = math.exp(kappa * float(tau[-1])) / reach if end == reach else 0.0
        beyond = kept[-1] - kept + atom
        density = np.abs(slope_of(POOR + sign * v)) / loss_of(POOR + sign * v)
        halves.append((v, _integral(v, density * np.exp(-kappa * tau) * beyond * v)))
    (left, below), (right, above) = halves
    total = below[-1] + above[-1]
    return (np.concatenate([-left[::-1], right]),
            np.concatenate([below[-1] - below[::-1], below[-1] + above]) / total)


def distance_from(law: Any, values: np.ndarray) -> float:
    """The distance of Kolmogorov and Smirnov of values from a law, a function of a value."""
    values = np.sort(np.asarray(values, dtype=float))
    n, share = len(values), law(values)
    return float(max((np.arange(1, n + 1) / n - share).max(), (share - np.arange(n) / n).max()))
