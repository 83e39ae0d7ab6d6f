"""Derivatives by central differences, extrapolated, and by the complex step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from twins_types import Value


def _richardson(difference: Callable[[float], np.ndarray], h: float) -> np.ndarray:
    """Remove h**2 and h**4 from an even error expansion: steps h, h/2, h/4 give O(h**6)."""
    d1, d2, d4 = (np.asarray(difference(h / m)) for m in (1, 2, 4))
    e1, e2 = (4 * d2 - d1) / 3, (4 * d4 - d2) / 3
    return (16 * e2 - e1) / 15


def fd_jacobian(f: Callable[[np.ndarray], np.ndarray], x, h: float = 6e-3) -> np.ndarray:
    """J_ij = df_i/dx_j by central differences at h, h/2, h/4 times max(1, |x_j|), extrapolated.

    Good to about 1e-12 (relative to f near x) when f is smooth within h; make h small near a
    switching surface or a singularity. Returns shape (m, n).
    """
    x = np.atleast_1d(np.asarray(x, dtype=float))
    columns = []
    for j in range(len(x)):
        unit = np.zeros(len(x))
        unit[j] = 1.0

        def difference(step, unit=unit):
            ahead, behind = f(x + step * unit), f(x - step * unit)
            return (np.atleast_1d(ahead) - np.atleast_1d(behind)) / (2 * step)

        columns.append(_richardson(difference, h * max(1.0, abs(x[j]))))
    return np.stack(columns, axis=-1)


def fd_gradient(f: Value, x, h: float = 6e-3) -> np.ndarray:
    """Gradient of a scalar function, as `fd_jacobian`. Returns shape (n,)."""
    return fd_jacobian(lambda z: np.reshape(f(z), 1), x, h)[0]


def fd_hessian(f: Value, x, h: float = 2e-2) -> np.ndarray:
    """Hessian of a scalar function from values alone, extrapolated: good to about 1e-10 relative.

    H_ij = [f(++) - f(+-) - f(-+) + f(--)] / (4 h_i h_j), for i = j with steps h_i/2.
    Where a gradient is at hand, ``fd_jacobian(grad, x)`` is better by two digits.
    """
    x = np.atleast_1d(np.asarray(x, dtype=float))
    n = len(x)
    basis = np.diag(np.maximum(1.0, np.abs(x)))
    H = np.empty((n, n))
    for i in range(n):
        for j in range(i, n):
            # for i = j, with u half the step, the points are x +- 2u and x twice
            u, v = (basis[i], basis[j]) if i != j else (basis[i] / 2, basis[i] / 2)

            def difference(step, u=u, v=v):
                u, v = step * u, step * v
                four = f(x + u + v) - f(x + u - v) - f(x - u + v) + f(x - u - v)
                return np.squeeze(four) / (4 * np.sum(u) * np.sum(v))

            H[i, j] = H[j, i] = _richardson(difference, h)
    return H


def complex_gradient(f: Callable[[np.ndarray], complex], x) -> np.ndarray:
    """Gradient by the complex step Im f(x + i eps e_j)/eps, exact to rounding, eps = 1e-200.

    f must be analytic and take complex arrays (no abs, sign, min, max, norm).
    """
    x = np.atleast_1d(np.asarray(x, dtype=float))
    steps = 1e-200j * np.eye(len(x))
    return np.array([np.squeeze(f(x + step)).imag / 1e-200 for step in steps])
