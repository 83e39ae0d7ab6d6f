"""The Kreiss constant of a matrix: a numerical value, and a lower bound in rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np


def _resolvent(matrix: np.ndarray, z: complex) -> float:
    """Return the least singular value of z − A."""
    return float(np.linalg.svd(z * np.eye(len(matrix)) - matrix, compute_uv=False)[-1])


def kreiss_constant(matrix: np.ndarray, radius: float) -> tuple[float, complex]:
    """Return the Kreiss constant and its z: a grid in (log(|z| − 1), angle), refined."""
    if radius > 1:
        return float("inf"), complex(radius)

    def ratio(u: float, angle: float) -> float:
        r = 1 + np.exp(u)
        least = _resolvent(matrix, r * np.exp(1j * angle))
        return float(np.exp(u) / least) if least > 0 else np.inf

    us, angles = np.linspace(-9.0, 4.0, 53), np.linspace(0.0, np.pi, 61)
    _, u, angle = max((ratio(u, a), u, a) for u in us for a in angles)
    wide, turn = 0.25, np.pi / 60
    best = ratio(u, angle)
    while wide > 1e-9:
        moved = [(ratio(u + i * wide, abs(angle + j * turn)), u + i * wide, abs(angle + j * turn))
                 for i in (-1, 0, 1) for j in (-1, 0, 1)]
        top = max(moved)
        if top[0] <= best:
            wide, turn = wide / 2, turn / 2
        else:
            best, u, angle = top
    return max(best, 1.0), complex((1 + np.exp(u)) * np.exp(1j * angle))


def certified_bound(matrix: np.ndarray, z: complex) -> tuple[Fraction, tuple[Any, Any]]:
    """Return a rational lower bound of K(A) with the z and v that show it."""
    shift = z * np.eye(len(matrix)) - matrix
    v = np.linalg.svd(shift)[2][-1].conj()
    at = (Fraction(round(z.real * 2**20), 2**20), Fraction(round(z.imag * 2**20), 2**20))
    vector = tuple((Fraction(round(c.real * 2**20), 2**20), Fraction(round(c.imag * 2**20), 2**20))
                   for c in map(complex, v))
    square = square_of_bound(matrix, at, vector)
    root = Fraction(int(np.floor(np.sqrt(float(square)) * 2**30 * (1 - 1e-12))), 2**30)
    while root**2 > square:
        root -= Fraction(1, 2**30)
    return max(root, Fraction(1)), (at, vector)


def square_of_bound(matrix: np.ndarray, z: Any, v: Any) -> Fraction:
    """Return a rational below ((|z| − 1)‖v‖/‖(z − A)v‖)², or 1, which K(A) always reaches."""
    if v is None:
        return Fraction(1)
    real, imaginary = z
    length = real**2 + imaginary**2
    scale = 2**40
    # a rational below |z|
    size = Fraction(int(np.floor(np.sqrt(float(length)) * scale * (1 - 1e-12))), scale)
    while size**2 > length:
        size -= Fraction(1, scale)
    if size <= 1:
        return Fraction(1)
    exact = [[Fraction(repr(float(c))) for c in row] for row in matrix]
    below, above = Fraction(0), Fraction(0)
    for i, row in enumerate(exact):
        a, b = v[i]
        x = real * a - imaginary * b - sum((c * w[0] for c, w in zip(row, v, strict=True)),
                                           Fraction(0))
        y = real * b + imaginary * a - sum((c * w[1] for c, w in zip(row, v, strict=True)),
                                           Fraction(0))
        below += x * x + y * y
        above += a * a + b * b
    return max(Fraction(1), (size - 1)**2 * above / below) if below else Fraction(1)
