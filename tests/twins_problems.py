"""Standard problems and the truth.

HNW is E. Hairer, S. P. Norsett, G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed.
"""

from __future__ import annotations

from collections.abc import Sequence

import mpmath
import numpy as np
import scipy.integrate
from twins_types import Rhs

LORENZ_Y0 = (1.0, 0.0, 0.0)
ARENSTORF_MU = 0.012277471
ARENSTORF_Y0 = (0.994, 0.0, 0.0, -2.00158510637908252240537862224)
ARENSTORF_PERIOD = 17.0652165601579625588917206249
VAN_DER_POL_Y0 = (2.0, 0.0)


def lorenz_rhs(t, y, sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3):
    """x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z (E. N. Lorenz, 1963).

    The exponent is about 0.906: a start known to 1e-16 says nothing past t of about 40.
    """
    return np.array([sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]])


def arenstorf_rhs(t, y):
    """Restricted three-body problem on y = (x1, x2, v1, v2): HNW (II.0.1), mu = 0.012277471."""
    mu, nu = ARENSTORF_MU, 1 - ARENSTORF_MU
    d1 = ((y[0] + mu) ** 2 + y[1] ** 2) ** 1.5
    d2 = ((y[0] - nu) ** 2 + y[1] ** 2) ** 1.5
    a1 = y[0] + 2 * y[3] - nu * (y[0] + mu) / d1 - mu * (y[0] - nu) / d2
    a2 = y[1] - 2 * y[2] - nu * y[1] / d1 - mu * y[1] / d2
    return np.array([y[2], y[3], a1, a2])


def van_der_pol_rhs(t, y, mu: float = 1.0):
    """x' = v, v' = mu (1 - x**2) v - x."""
    return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


def truth(rhs: Rhs, t_span: Sequence[float], y0, t=None) -> np.ndarray:
    """Solve with scipy's DOP853 at rtol = 1e-13, atol = 1e-14, and return y at the times t.

    The run is restarted at each time asked for, so that no value comes from the interpolant (order
    7, less accurate than the steps). Smooth right-hand sides only: it knows no switching surfaces.

    Parameters
    ----------
    t_span
        (t0, t1).
    t : array_like, optional
        Increasing times in t_span; default t1 alone, and then the answer has shape (n,).

    Returns
    -------
    ndarray, shape (len(t), n) or (n,)

    Raises
    ------
    RuntimeError
        If scipy does not report success.
    """
    now, y = float(t_span[0]), np.atleast_1d(np.array(y0, dtype=float))
    rows = []
    for goal in np.atleast_1d(t_span[1] if t is None else t):
        if goal != now:
            run = scipy.integrate.solve_ivp(
                rhs, (now, float(goal)), y, method="DOP853", rtol=1e-13, atol=1e-14
            )
            if not run.success:
                raise RuntimeError(f"no reference between {now} and {goal}: {run.message}")
            now, y = float(goal), run.y[:, -1]
        rows.append(y)
    return rows[0] if t is None else np.array(rows)


def lorenz_series(y, order: int, sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3):
    """Return the Taylor coefficients 0 … order of the Lorenz solution through y: (order + 1, 3).

    (k + 1) x_{k+1} = sigma (y_k - x_k), and so on, with (x z)_k = sum_j x_j z_{k-j}.
    """
    c = np.zeros((order + 1, 3))
    c[0] = y
    for k in range(order):
        x, y_, z = c[: k + 1].T
        c[k + 1, 0] = sigma * (y_[k] - x[k])
        c[k + 1, 1] = rho * x[k] - x @ z[::-1] - y_[k]
        c[k + 1, 2] = x @ y_[::-1] - beta * z[k]
        c[k + 1] /= k + 1
    return c


def taylor_run(series, y0, t_end: float, order: int, tol: float):
    """Return y(t_end) and the number of steps of the Taylor method with rtol = atol = tol.

    ``series(y, order)`` gives the coefficients. The step is 0.9 times the h at which the term of
    the order is tol (1 + |y|), or the one before e**1.5 times that (A. Jorba, M. Zou, Exp. Math. 14
    (2005) 99, section 3.2, with another order and margin).
    """
    t, y, steps = 0.0, np.array(y0, dtype=float), 0
    while t < t_end:
        c = series(y, order)
        size = np.abs(c / (tol * (1 + np.abs(y)))).max(axis=1)
        h = size[order] ** (-1 / order)
        h = 0.9 * min(h, (size[order - 1] / np.exp(1.5)) ** (-1 / (order - 1)))
        h = t_end - t if t_end - t <= 1.01 * h else h
        y = np.polynomial.polynomial.polyval(h, c)
        t, steps = (t_end if h == t_end - t else t + h), steps + 1
    return y, steps


def truth_mp(rhs, t0: float, y0, t: float, dps: int = 25) -> np.ndarray:
    """Return y(t) from mpmath's Taylor series solver at ``dps`` digits: slow, for short spans.

    ``rhs`` must use operators only, so that it also takes mpf entries.
    """
    with mpmath.workdps(dps):
        start = [mpmath.mpf(float(v)) for v in np.atleast_1d(y0)]
        solution = mpmath.odefun(lambda s, y: list(np.atleast_1d(rhs(s, np.array(y)))), t0, start)
        return np.array([float(v) for v in solution(t)])
