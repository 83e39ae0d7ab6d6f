"""The two-minima example: L(x) = x (x - 1) (x - 3)^2 + 1.62276, its published run and facts."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np


def two_minima_loss(x):
    """L = x (x-1) (x-3) (x-3) + 1.62276, multiplied from left to right as published."""
    return x * (x - 1) * (x - 3) * (x - 3) + 1.62276


def two_minima_grad(x):
    """L' = -9 + 30 x - 21 x**2 + 4 x**3, in the published order, with powers (not products)."""
    return -9 + 30 * x - 21 * x**2 + 4 * x**3


def two_minima_hess(x):
    """L'' = 30 - 42 x + 12 x**2."""
    return 30 - 42 * x + 12 * x**2


def published_two_minima(
    x0: float = 4.0,
    h: float = 0.01,
    M: float = 1000.0,
    steps: int = 2500,
    power: Callable[[float, int], float] | None = None,
) -> np.ndarray:
    """Return the published run, bit for bit: x += h * (-sign(g) min(|g|/g**2, M) L).

    The run is chaotic, so the last bit of every operation counts. What it takes:

    * x is a NumPy float64 *scalar* (a Python float or a 0-d array gives the same bits). An array of
      shape (1,) does not: array ``**`` uses products for squares and a vector routine for cubes,
      and parts from the scalar run at iterate 156 on a machine with AVX-512.
    * x**2 and x**3 call the C library's ``pow``. The digits are those of glibc, whose ``pow`` is
      not always correctly rounded; correctly rounded powers part at iterate 2419 and end at
      0.40739338767876226, and x*x*x parts at iterate 203 and ends at 0.40692901144053784.
    * |g|/g**2 and 1/|g| may be exchanged here: no iterate changes.

    Where g is exactly 0 (x0 = 3) the published formula gives 0/0 and the run is NaN.

    Parameters
    ----------
    x0, h, M, steps
        Start, step > 0, clip > 0, number of steps >= 1.
    power
        ``power(x, n)`` used for x**2 and x**3 only; default the scalar ``**``.

    Returns
    -------
    ndarray, shape (steps + 1,)
        The iterates, x0 first.

    Examples
    --------
    >>> float(published_two_minima(steps=1)[-1])
    3.9956055612903225
    """
    power = power or (lambda value, n: value**n)
    x = np.float64(x0)
    path = np.empty(steps + 1)
    path[0] = x
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for k in range(steps):
            L = x * (x - 1) * (x - 3) * (x - 3) + 1.62276
            g = -9 + 30 * x - 21 * power(x, 2) + 4 * power(x, 3)
            delta = -np.sign(g) * min(np.abs(g) / g**2, M) * L
            x = np.float64(x + delta * h)
            path[k + 1] = x
    return path


def mp_loss(x):
    return x * (x - 1) * (x - 3) ** 2 + mpmath.mpf("1.62276")


def mp_grad(x):
    return 4 * x**3 - 21 * x**2 + 30 * x - 9


def two_minima_facts(dps: int = 50) -> dict:
    """Critical points, values, curvatures and the times of the exact unclipped flow from x = 4.

    L' = 4 (x - 3)(x**2 - 9/4 x + 3/4), so the critical points are (9 -+ sqrt 33)/8 and 3. The flow
    x' = -L/L' gives dL/dt = -L, so it meets x = 3 at t_hit = ln(L(4)/L(3)) and ends there. Since
    L(4) = 12 + 1.62276, t_hit = ln(13.62276/1.62276).

    Returns
    -------
    dict of mpf
        ``points`` (left minimum, maximum, right minimum), ``losses`` and ``curvatures`` there,
        ``t_hit``, ``x1`` = x(1), ``x2`` = x(2).

    Examples
    --------
    >>> mpmath.nstr(two_minima_facts()["t_hit"], 15)
    '2.12761352007269'
    """
    with mpmath.workdps(dps + 10):
        root = mpmath.sqrt(33)
        points = [(9 - root) / 8, (9 + root) / 8, mpmath.mpf(3)]
        return {
            "points": points,
            "losses": [mp_loss(p) for p in points],
            "curvatures": [12 * p**2 - 42 * p + 30 for p in points],
            "t_hit": mpmath.log(mp_loss(mpmath.mpf(4)) / mp_loss(mpmath.mpf(3))),
            "x1": unclipped_position(1, dps),
            "x2": unclipped_position(2, dps),
        }


def unclipped_position(t, dps: int = 50):
    """x(t) of the unclipped flow from 4: the root of L(x) = L(4) exp(-t) in [3, 4].

    Raises
    ------
    ValueError
        If t is outside [0, t_hit]: the flow has no continuation there.
    """
    with mpmath.workdps(dps + 10):
        level = mp_loss(mpmath.mpf(4)) * mpmath.exp(-mpmath.mpf(t))
        if t < 0 or level < mp_loss(mpmath.mpf(3)):
            raise ValueError(f"t must be in [0, ln(L(4)/L(3))], was {t}")
        # L increases on [3, 4]
        return mpmath.findroot(lambda x: mp_loss(x) - level, (3, 4), solver="anderson")


def clipped_arrival_time(M, dps: int = 30):
    """Time at which x' = -sign(g) min(1/|g|, M) L, from x = 4, reaches x = 3 (an mpf).

    Unclipped until g(x_c) = 1/M, which takes ln(L(4)/L(x_c)); then x' = -M L, which takes
    int_3^{x_c} dx/(M L). With k = L''(3) = 12 the sum is

        t = ln(L(4)/L(3)) + 1/(2 k L(3) M**2) + O(M**-3),   1/(2 k L(3)) = 0.02567...

    so the clip costs 2.567e-8 at M = 1000.

    Examples
    --------
    >>> mpmath.nstr(clipped_arrival_time(1000), 12)
    '2.12761354575'
    """
    with mpmath.workdps(dps + 10):
        M, start = mpmath.mpf(M), mpmath.mpf(4)
        if not M > 0:
            raise ValueError(f"M must be > 0, was {M}")
        if 1 / M >= mp_grad(start):
            x_c = start  # clipped all the way: g increases on [3, 4]
        else:
            x_c = mpmath.findroot(lambda x: mp_grad(x) - 1 / M, (3, 4), solver="anderson")
        free = mpmath.log(mp_loss(start) / mp_loss(x_c))
        return free + mpmath.quad(lambda x: 1 / (M * mp_loss(x)), [3, x_c])
