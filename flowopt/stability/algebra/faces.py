"""Faces of the cone of positive semidefinite matrices: where the margin of an identity is zero."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt.stability.checks.algebra import number


def restricted(Q: np.ndarray, z: Sequence[Any]) -> list[Any] | None:
    """Return the basis on the face that a matrix of floats points at, when it is rational.

    Null vectors are guessed from the small eigenvalues; the basis becomes the part that is
    orthogonal to them. A wrong guess costs a proof, never a false one. None: no such face.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x", "y")); x, y = R.gens
    >>> restricted(np.array([[1.0, 2.0], [2.0, 4.0]]), [x, y])
    [1/2*x + y]
    """
    eigenvalues, vectors = np.linalg.eigh(Q)
    small = int((eigenvalues < 1e-4 * max(1e-2, float(eigenvalues[-1]))).sum())
    kept = _complement(vectors[:, :small].T) if small else None
    if kept is None:
        return None
    return [sum((c * e for c, e in zip(row, z, strict=True)), z[0].ring.zero) for row in kept]


def _complement(null: np.ndarray) -> list[list[Any]] | None:
    """Return rational rows that are orthogonal to the rows of `null`, or None."""
    rows = null.copy()
    pivots: list[int] = []
    for k in range(len(rows)):  # reduced row echelon form with the largest pivot
        rest = np.abs(rows[k:])
        rest[:, pivots] = 0.0
        i, j = np.unravel_index(int(rest.argmax()), rest.shape)
        if rest[i, j] < 1e-6:
            return None
        rows[[k, k + int(i)]] = rows[[k + int(i), k]]
        rows[k] /= rows[k, j]
        for other in range(len(rows)):
            if other != k:
                rows[other] -= rows[other, j] * rows[k]
        pivots.append(int(j))
    guess = [[Fraction(float(v)).limit_denominator(64) for v in row] for row in rows]
    if any(abs(float(g) - v) > 1e-2 for row, exact in zip(rows, guess, strict=True)
           for v, g in zip(row, exact, strict=True)):
        return None
    made = []
    for free in range(null.shape[1]):
        if free in pivots:
            continue
        row = [number(0)] * null.shape[1]
        row[free] = number(1)
        for line, pivot in zip(guess, pivots, strict=True):
            row[pivot] = number(-line[free])
        made.append(row)
    return made
