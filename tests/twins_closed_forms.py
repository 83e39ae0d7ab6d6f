"""Closed forms.

DETEST is T. E. Hull, W. H. Enright, B. M. Fellen, A. E. Sedgwick, *Comparing numerical methods for
ordinary differential equations*, SIAM J. Numer. Anal. 9 (1972) 603.
"""

from __future__ import annotations

import mpmath
import numpy as np
import scipy.linalg


def logistic_rhs(t, y):
    """y' = (y/4)(1 - y/20): DETEST A4."""
    return y / 4 * (1 - y / 20)


def logistic(t, y0: float = 1.0):
    """y(t) = 20 / (1 + (20/y0 - 1) exp(-t/4)): solves DETEST A4.

    Examples
    --------
    >>> float(logistic(20.0))
    17.73016648131484
    """
    return 20 / (1 + (20 / y0 - 1) * np.exp(-np.asarray(t) / 4))


def cubic_decay_rhs(t, y):
    """y' = -y**3/2: DETEST A2."""
    return -(y**3) / 2


def cubic_decay(t, y0: float = 1.0):
    """y(t) = y0 / sqrt(1 + y0**2 t): solves DETEST A2; y(20) = 1/sqrt(21) from y0 = 1."""
    return y0 / np.sqrt(1 + y0**2 * np.asarray(t))


def kepler_rhs(t, y):
    """x'' = -x/r**3 on y = (x1, x2, v1, v2): DETEST D1 to D5 (e = 0.1, 0.3, ..., 0.9)."""
    r3 = (y[0] ** 2 + y[1] ** 2) ** 1.5
    return np.array([y[2], y[3], -y[0] / r3, -y[1] / r3])


def kepler(t: float, e: float) -> np.ndarray:
    """Return (x1, x2, v1, v2) at time t of the Kepler ellipse with a = 1, at perihelion at t = 0.

    Kepler's equation E - e sin E = t, by bisection-guarded Newton at 40 digits, then
    x = (cos E - e, sqrt(1-e**2) sin E), v = (-sin E, sqrt(1-e**2) cos E)/(1 - e cos E).
    The period is 2 pi; 0 <= e < 1.

    Examples
    --------
    >>> [float(v) for v in kepler(0.0, 0.5)] == [0.5, 0.0, 0.0, 3**0.5]
    True
    """
    with mpmath.workdps(40):
        t, e = mpmath.mpf(t), mpmath.mpf(e)
        # E - t = e sin E lies in [-e, e], and E - e sin E increases: the root is bracketed
        low, high = t - e, t + e
        E = t + e * mpmath.sin(t)
        for _ in range(200):
            residual = E - e * mpmath.sin(E) - t
            low, high = (low, E) if residual > 0 else (E, high)
            new = E - residual / (1 - e * mpmath.cos(E))
            if not low <= new <= high:
                new = (low + high) / 2
            converged, E = abs(new - E) < mpmath.mpf(10) ** -35, new
            if converged:
                break
        b, rate = mpmath.sqrt(1 - e * e), 1 / (1 - e * mpmath.cos(E))
        sin, cos = mpmath.sin(E), mpmath.cos(E)
        return np.array([float(v) for v in (cos - e, b * sin, -sin * rate, b * cos * rate)])


def linear_heavy_ball(t, gamma: float, lam: float, y0: float, v0: float):
    """Return y(t), y'(t) of y'' + gamma y' + lam y = 0.

    With D = gamma**2/4 - lam, y = exp(-gamma t/2) (y0 C + (v0 + gamma y0/2) S) where C, S are
    cosh(s t), sinh(s t)/s for D = s**2 > 0; cos(w t), sin(w t)/w for D = -w**2 < 0; 1, t for D = 0.
    t >= 0.
    """
    t = np.asarray(t, dtype=float)
    D, slope = gamma**2 / 4 - lam, v0 + gamma * y0 / 2
    if D > 0:  # exponentials joined with the decay first, so that neither overflows
        s = np.sqrt(D)
        grow = np.exp((s - gamma / 2) * t)
        C, S = grow * (1 + np.exp(-2 * s * t)) / 2, -grow * np.expm1(-2 * s * t) / (2 * s)
    elif D < 0:
        w = np.sqrt(-D)
        C, S = np.exp(-gamma * t / 2) * np.cos(w * t), np.exp(-gamma * t / 2) * np.sin(w * t) / w
    else:
        C, S = np.exp(-gamma * t / 2), np.exp(-gamma * t / 2) * t
    # d/dt(e C) = -gamma/2 (e C) + D (e S),  d/dt(e S) = -gamma/2 (e S) + e C,  e = exp(-gamma t/2)
    y = y0 * C + slope * S
    v = y0 * (D * S - gamma / 2 * C) + slope * (C - gamma / 2 * S)
    return y, v


def quadratic_gradient_flow(t: float, A, x0, b=None) -> np.ndarray:
    """x(t) of x' = -(A x + b), the gradient flow of x.A.x/2 + b.x with A symmetric.

    The exponential of the augmented matrix [[-A, -b], [0, 0]] t also serves singular A.
    """
    A, x0 = np.atleast_2d(np.asarray(A, dtype=float)), np.atleast_1d(np.asarray(x0, dtype=float))
    n = len(x0)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n] = -A
    if b is not None:
        augmented[:n, n] = -np.asarray(b, dtype=float)
    return (scipy.linalg.expm(augmented * t) @ np.append(x0, 1.0))[:n]
