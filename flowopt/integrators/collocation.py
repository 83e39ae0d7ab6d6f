"""Gauss collocation on [0, 1]: nodes, weights, and the polynomial through the slopes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Collocation:
    """Gauss's nodes c on [0, 1] and what belongs to them."""

    c: np.ndarray  # (K,)
    b: np.ndarray  # (K,) weights of the integral over [0, 1]
    a: np.ndarray  # (K, K) a[i, j] = ∫ of the j-th Lagrange polynomial from 0 to c[i]
    polynomial: np.ndarray  # (K, K) row d: the same integral from 0 to x, coefficient of x^(d+1)


@functools.cache
def collocation(count: int) -> Collocation:
    """Return the Gauss collocation with `count` nodes, from Legendre's polynomials.

    The j-th Lagrange polynomial is Σ_k (2k+1)/2 w_j P_k(x_j) P_k(x), exactly.
    """
    from numpy.polynomial import Polynomial, legendre

    nodes: Any = legendre.leggauss(count)
    x, w = nodes
    a = np.zeros((count, count))
    polynomial = np.zeros((count, count))
    for j in range(count):
        values = legendre.legvander(x[j:j + 1], count - 1)[0]
        series = (2 * np.arange(count) + 1) / 2 * w[j] * values
        integral: Any = legendre.legint(series, lbnd=-1.0)  # over [−1, 1]: twice that over [0, 1]
        a[:, j] = np.asarray(legendre.legval(x, integral)) / 2
        powers: Any = Polynomial(legendre.leg2poly(integral))(Polynomial([-1.0, 2.0]))
        polynomial[:, j] = np.resize(np.append(powers.coef[1:] / 2, np.zeros(count)), count)
    return Collocation((x + 1) / 2, w / 2, a, polynomial)


def summed(a: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return Σ_j a[i, j] values[:, j] in the order of j: (N, rows of a, m)."""
    made = np.zeros((len(values), len(a), values.shape[2]))
    for j in range(a.shape[1]):
        made += a[:, j][None, :, None] * values[:, j][:, None, :]
    return made


def powers(rows: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return Σ_d rows[:, d] x^(d+1) at x (k, 1): (N, k, m)."""
    made = np.zeros((len(rows), len(x), rows.shape[2]))
    for d in range(rows.shape[1] - 1, -1, -1):
        made = (made + rows[:, d][:, None, :]) * x
    return made
