"""Chaos in a well: the Boole-type map, and leaving the well at x = 3.

The map is Euler's for the unclipped loss-normalised flow on L0 + k u**2/2; the rate of leaving is
the small-step limit of the clipped Euler run on the two-minima example.
"""

from __future__ import annotations

from functools import lru_cache

import mpmath
import numpy as np
from twins_two_minima import mp_loss


def boole_map(u, h: float, L0: float = 1.0, k: float = 1.0):
    """u -> u - h (L0 + k u**2/2)/(k u) = (1 - h/2) u - h L0/(k u)."""
    return u - h * (L0 + k * u**2 / 2) / (k * u)


def boole_derivative(u, h: float, L0: float = 1.0, k: float = 1.0):
    """Derivative of the map: 1 - h/2 + h L0/(k u**2)."""
    return 1 - h / 2 + h * L0 / (k * u**2)


def boole_scale(L0: float, k: float) -> float:
    """Scale sqrt(2 L0/k) of the invariant Cauchy law; h does not enter.

    In w = u/scale the map is T(w) = a w - b/w with a = 1 - h/2, b = h/2. T(i) = a i + b i = i, and
    T sends the upper half-plane into itself, so Cauchy(0, 1), the harmonic measure of i, is kept.
    Cauchy(0, c) becomes Cauchy(0, a c + b/c): the scale relaxes by the factor |1 - h| a step.
    """
    return float(np.sqrt(2 * L0 / k))


def boole_exponent(h: float) -> float:
    """Lyapunov exponent 2 ln(sqrt(1 - h/2) + sqrt(h/2)), 0 < h < 2.

    The mean of ln(a w**2 + b) over Cauchy(0, 1) is 2 ln(sqrt a + sqrt b), that of ln w**2 is 0.
    It is symmetric under h -> 2 - h, is ln 2 at h = 1, and behaves as sqrt(2 h) for small h.

    Examples
    --------
    >>> round(boole_exponent(0.01), 6)
    0.131964
    """
    if not 0 < h < 2:
        raise ValueError(f"h must be in (0, 2), was {h}")
    return float(2 * np.log(np.sqrt(1 - h / 2) + np.sqrt(h / 2)))


BARRIER = (15 - mpmath.sqrt(33)) / 8  # 3 - (9 + sqrt 33)/8 = 1.1569..., distance to the maximum


def escape_threshold() -> float:
    """Return (3 - 1.843...)/L(3) = 0.7129...: no run leaves the well unless h M exceeds it.

    Near x = 3 the longest step is h M L(3), up to O(1/M); it must reach over the maximum at 1.843.

    Examples
    --------
    >>> round(escape_threshold(), 6)
    0.712939
    """
    return float(BARRIER / mpmath.mpf("1.62276"))


@lru_cache
def escape_rate(hM: float = np.inf) -> float:
    """Rate kappa, per unit of time, of leaving the well, for h -> 0 at fixed h M.

    Each passage of x = 3 throws the iterate to 3 + u with intensity du/u**2 on either side, cut to
    |u| <= U = h M L(3): the remaining mass 1/U sits at +-U. The return takes tau(u) =
    ln(L(3 + u)/L(3)), because dL/dt = -L; u < -d, d = 3 - 1.843..., leaves. So local time is a
    clock with jumps tau killed at rate 1/d, and P(still in at t) ~ exp(-kappa t) with

        int (exp(kappa tau(u)) - 1) nu(du) over the kicks that stay = 1/d.

    Our own derivation; the finite-h correction is O(sqrt h). 0 if h M <= `escape_threshold`.

    Examples
    --------
    >>> [round(escape_rate(v), 4) for v in (0.1, 1.0, 10.0, np.inf)]
    [0.0, 0.0947, 0.0742, 0.0704]
    """
    if not hM > escape_threshold():
        return 0.0
    U = mpmath.mpf(hM) * mpmath.mpf("1.62276")

    def ratio(u):
        return mp_loss(3 + u) / mpmath.mpf("1.62276")

    def balance(kappa):
        # 1/u = v on the right: the tail to infinity becomes a mild endpoint singularity
        left = mpmath.quad(lambda u: (ratio(u) ** kappa - 1) / u**2, [-BARRIER, -0.3, 0])
        near = mpmath.quad(lambda u: (ratio(u) ** kappa - 1) / u**2, [0, 0.5, min(U, 1)])
        far = mpmath.quad(lambda v: ratio(1 / v) ** kappa - 1, [1 / U, 1]) if U > 1 else 0
        atom = 0 if mpmath.isinf(U) else (ratio(U) ** kappa - 1) / U
        return left + near + far + atom - 1 / BARRIER

    with mpmath.workdps(15):
        return float(mpmath.findroot(balance, (0.01, 0.2), solver="anderson", tol=1e-8))


def exponent_in_well(h: float, hM: float = np.inf) -> float:
    """Lyapunov exponent per step of runs still in the well, to leading order in sqrt h.

    The exponent is proportional to local time per unit of time: kappa d here (see `escape_rate`),
    sqrt(2 L0/k)/(2 pi) on the quadratic. So it is boole_exponent(h) times
    2 pi kappa d/sqrt(2 L(3)/12): 1.037 times at h M = 10, 1.324 times at h M = 1. The quadratic
    formula is not its limit: the Cauchy scale 0.52 does not shrink with h, the well ends at 1.16.
    """
    scale = boole_scale(1.62276, 12.0)
    return boole_exponent(h) * 2 * np.pi * escape_rate(hM) * float(BARRIER) / scale
