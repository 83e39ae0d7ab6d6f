"""What theory says of Euler's map of the clipped loss-normalised flow in the well at 3.

The map is x -> x - h sign(g) min(1/|g|, M) L with g = L', on the two-minima loss. In the well,
x > B = 1.843..., it moves left for x > 3 and right for x < 3: a run leaves by one jump from the
right of 3, of length h min(1/g, M) L > x - B. Exact are `least_jump`, `first_arrival` and
`two_cycle_onset`; `escape_law` is the limit of small h at fixed h M.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from two_minima_facts import BARRIER, GOOD, POOR, curvature_of, loss_of, slope_of

GAP = POOR - BARRIER  # from the bottom to the barrier
LEVEL = float(loss_of(POOR))
#: no run leaves while h M <= WALL and h <= `wall_holds()`
WALL = GAP / LEVEL
#: no run diverges for h < 8: far away L/L' = x/4 + O(1), so that |x| shrinks by |1 - h/4| < 1
DIVERGENCE = 8.0


def reach(x: Any) -> Any:
    """(x - B)/L: the least h M with which the clipped step from x reaches the barrier."""
    return (x - BARRIER) / loss_of(x)


def free_reach(x: Any) -> Any:
    """(x - B) L'/L: the least h with which the unclipped step from x > 3 reaches the barrier."""
    return (x - BARRIER) * slope_of(x) / loss_of(x)


@lru_cache
def wall_holds() -> float:
    """The largest h for which h M <= WALL keeps every run in the well.

    The step is the smaller of the clipped and the unclipped one. `reach` rises from WALL at x = 3
    and falls through WALL again at one x1 only: between them the clipped step is too short. Beyond
    x1 the unclipped one is, while h <= the least value of `free_reach` there: it is that at x1,
    for the polynomial (x - B) L' - `free_reach`(x1) L has no root beyond.
    """
    x1 = second_root()
    least = float(free_reach(x1))
    loss = np.polynomial.Polynomial([1.62276, -9.0, 15.0, -7.0, 1.0])
    rest = np.polynomial.Polynomial([-BARRIER, 1.0]) * loss.deriv() - least * loss
    if any(abs(r.imag) < 1e-9 and r.real > x1 + 1e-6 for r in rest.roots()):
        raise ArithmeticError("the free step beyond x1 is not longest at x1")
    return least


def second_root() -> float:
    """x1 > 3 with (x1 - B)/L(x1) = WALL."""
    cubic = np.polynomial.Polynomial([6 * WALL, 5 * WALL, WALL])  # WALL (L - L(3))/u^2
    roots = (cubic * np.polynomial.Polynomial([0.0, 1.0]) - 1.0).roots()
    u = [r.real for r in roots if abs(r.imag) < 1e-9 and r.real > 0]
    if len(u) != 1:
        raise ArithmeticError(f"one root was expected, got {u}")
    return POOR + float(u[0])


def wall_curve(h: np.ndarray) -> np.ndarray:
    """The least M for which some point of the well leaves it in one step of length h.

    The infimum of `reach`/h over the points from which the unclipped step gets there.
    """
    x = POOR + np.concatenate([[0.0], np.geomspace(1e-9, 1e4, 40_001)])
    need, free = reach(x), free_reach(x)
    return np.array([need[_widened(free <= step)].min() / step for step in h])


def _widened(true: np.ndarray) -> np.ndarray:
    """With the neighbours of each point of the grid, so that the least value errs downwards."""
    made = true.copy()
    made[1:] |= true[:-1]
    made[:-1] |= true[1:]
    return made


def walls(h: float, c: float) -> tuple[float, float]:
    """The least h M with which a run leaves the well of 3, and that of 0.41, on L + c.

    As in `wall_curve`; the constant c lengthens every step, and those at 0.41 the most.
    """
    made = []
    u = np.concatenate([[0.0], np.geomspace(1e-9, 1e3, 120_001)])
    for x in (POOR + u, GOOD - u):
        length = np.abs(x - BARRIER) / (loss_of(x) + c)
        made.append(float(length[_widened(np.abs(slope_of(x)) * length <= h)].min()))
    return made[0], made[1]


def first_arrival(x0: float, steps: int) -> float:
    """The h up to which no run from x0 > 3 crosses 3, and so none leaves, within so many steps.

    L is convex for x > 2.5, so a step to the left that stays right of 3 leaves L >= (1 - h) L
    before it; and one that crosses 3 starts where L (1 - h) < L(3), by the tangent.
    """
    return float(-math.expm1(-math.log(loss_of(x0) / LEVEL) / steps))


def two_cycle_onset(points: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """The curve (h, M) below which the clipped map has a stable cycle a <-> b around 3.

    Both steps are clipped: a - b = h M L(a) = h M L(b), so the two lie at one level of L, and
    |L'| <= 1/M at both. Its multiplier (1 - h M |L'(a)|)(1 - h M |L'(b)|) is below 1. On the curve
    the larger of the two slopes is 1/M. For h -> 0 it is h M^2 = 1/(6 L(3)).
    """
    from scipy.optimize import brentq

    a = POOR + np.geomspace(1e-3, 1.0, points)
    a = a[loss_of(a) < loss_of(BARRIER)]
    b = np.array([brentq(lambda y, x=x: loss_of(y) - loss_of(x), BARRIER, POOR, xtol=1e-15)
                  for x in a])
    steep = np.maximum(slope_of(a), -slope_of(b))
    return (a - b) * steep / loss_of(a), 1 / steep


def three_cycle(h: float) -> tuple[np.ndarray, float]:
    """The cycle of three points around 3 of the unclipped map, and its multiplier."""
    from scipy.optimize import fsolve

    def gone_round(x: Any) -> Any:
        a, b, c = x
        return [x1 - h * loss_of(x1) / slope_of(x1) - x2 for x1, x2 in ((a, b), (b, c), (c, a))]

    x = fsolve(gone_round, [2.5238, 3.98716, 3.28448], xtol=1e-13)
    if np.abs(gone_round(x)).max() > 1e-9:
        raise ArithmeticError(f"no cycle of three was found at h = {h:g}")
    return x, float(np.prod(1 - h + h * loss_of(x) * curvature_of(x) / slope_of(x) ** 2))


@lru_cache
def three_cycle_window() -> tuple[float, float, float]:
    """The steps h between which the cycle of three is stable, and the clip M that leaves it be.

    It holds runs in the well for ever; its multiplier is -1 at both ends.
    """
    from scipy.optimize import brentq

    ends = [brentq(lambda h: three_cycle(h)[1] + 1, *sides, xtol=1e-12)
            for sides in ((1.3, 1.53), (1.53, 1.9))]
    least = min(np.abs(slope_of(three_cycle(h)[0])).min() for h in ends)
    return ends[0], ends[1], float(1 / least)


@lru_cache
def escape_law(hM: float) -> tuple[float, float]:
    """The law of the time in the well for h -> 0 at fixed h M: P(still in at t) ~ A exp(-kappa t).

    t counts from the arrival at 3. Each passage of 3 throws the point to 3 + u with intensity
    nu(du) = du/u^2, cut at |u| <= U = h M L(3), where the rest of the mass sits. From there it
    comes back after tau(u) = ln(L(3 + u)/L(3)), for dL/dt = -L; u < -d leaves, with intensity 1/d.
    So the time is a subordinator with jumps tau, stopped at rate 1/d:

        int (exp(kappa tau) - 1) nu(du) = 1/d over the kicks that stay,
        A = 1/(d kappa int tau exp(kappa tau) nu(du)).

    Zero, and A = 1, where no kick reaches the barrier.
    """
    from scipy.optimize import brentq

    if hM <= WALL:
        return 0.0, 1.0
    kappa = brentq(lambda rate: _over_kicks(hM, rate, 0) - 1 / GAP, 1e-3, 0.2, xtol=1e-14)
    return kappa, 1 / (GAP * kappa * _over_kicks(hM, kappa, 1))


def _over_kicks(hM: float, rate: float, power: int) -> float:
    """Integral of exp(rate tau) - 1, or of tau exp(rate tau), over the kicks that stay."""
    from scipy.integrate import quad

    def value(u: float) -> float:
        tau = math.log1p(u * u * (6 + u * (5 + u)) / LEVEL)
        return tau * math.exp(rate * tau) if power else math.expm1(rate * tau)

    def density(u: float) -> float:
        return value(u) / (u * u) if u else (1.0 if power else rate) * 6 / LEVEL

    most = hM * LEVEL
    total = quad(density, -GAP, 0)[0] + quad(density, 0, min(most, 1.0))[0]
    if most > 1:  # v = 1/u
        total += quad(lambda v: value(1 / v), 1 / most, 1.0, limit=200)[0]
    return float(total + (value(most) / most if math.isfinite(most) else 0.0))


def cauchy_steps(h: float) -> float:
    """The mean number of steps to leave if x - 3 always had the Cauchy law of the quadratic well.

    Its scale is s = sqrt(2 L(3)/12); a step from u > 0 passes the barrier where (1 - h/2) u -
    h s^2/(2u) < -d, that is for u below a root: P = arctan(root/s)/pi a step.
    """
    scale = math.sqrt(2 * LEVEL / 12)
    a = 1 - h / 2
    root = (-GAP + math.sqrt(GAP**2 + 2 * a * h * scale**2)) / (2 * a)
    return math.pi / math.atan(root / scale)
