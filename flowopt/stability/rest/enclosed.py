"""Eigenvalues of a matrix of intervals: Hurwitz's minors, and discs around approximations."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.stability.algebra.intervals import Interval

Matrix = list[list[Interval]]


def determinant(a: Matrix) -> Interval:
    """Return an enclosure of det a (by minors up to 3 × 3, by elimination beyond)."""
    n = len(a)
    if n == 0:
        return Interval(1.0)
    if n <= 3:
        total = Interval(0.0)
        for j in range(n):
            minor = [[row[k] for k in range(n) if k != j] for row in a[1:]]
            term = a[0][j] * determinant(minor)
            total = total + term if j % 2 == 0 else total - term
        return total
    rows = [list(r) for r in a]
    made = Interval(1.0)
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: _least(rows[i][k]))
        if _least(rows[pivot][k]) == 0.0:
            return Interval(-float("inf"), float("inf"))
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            made = -made
        made = made * rows[k][k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [u - factor * v for u, v in zip(rows[i], rows[k], strict=True)]
    return made


def _least(x: Interval) -> float:
    return 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))


def characteristic(a: Matrix) -> list[Interval]:
    """Return det(λ − a), ascending: (−1)^(n−k) times sums of principal minors."""
    import itertools

    n = len(a)
    made = []
    for k in range(n + 1):
        total = Interval(0.0)
        for kept in itertools.combinations(range(n), n - k):
            total = total + determinant([[a[i][j] for j in kept] for i in kept])
        made.append(total if (n - k) % 2 == 0 else -total)
    made[n] = Interval(1.0)
    return made


def minors(p: list[Interval]) -> list[Interval]:
    """Return Hurwitz's leading minors of a monic polynomial (ascending)."""
    n = len(p) - 1
    c = p[::-1]
    zero = Interval(0.0)
    rows = [[c[2 * j - i + 1] if 0 <= 2 * j - i + 1 <= n else zero for j in range(n)]
            for i in range(n)]
    return [determinant([row[:k] for row in rows[:k]]) for k in range(1, n + 1)]


def hurwitz(a: Matrix) -> tuple[bool, bool]:
    """Return whether all eigenvalues have real part < 0, and whether one has real part > 0.

    Examples
    --------
    >>> from flowopt.stability.algebra.intervals import Interval as I
    >>> hurwitz([[I(-1.0), I(0.5)], [I(0.0), I(-2.0, -1.5)]])
    (True, False)
    """
    p = characteristic(a)
    if all(m.low > 0 for m in minors(p)):
        return True, False
    size = max(1.0, max(abs(v.size) for row in a for v in row))
    for k in range(24):
        shift = Interval(2.0 ** -k * 2.0 ** np.floor(np.log2(size)))
        moved = list(p)
        for i in range(len(moved) - 1):
            for j in range(len(moved) - 2, i - 1, -1):
                moved[j] = moved[j] + moved[j + 1] * shift
        if any(m.high < 0 for m in minors(moved)):
            return False, True
    return False, False


def inertia(hessian: Matrix) -> str:
    """Return minimum, maximum or saddle, or degenerate where the intervals do not tell."""
    n = len(hessian)
    leading = [determinant([row[:k] for row in hessian[:k]]) for k in range(1, n + 1)]
    if all(m.low > 0 for m in leading):
        return "minimum"
    if all((m.high < 0 if k % 2 else m.low > 0) for k, m in enumerate(leading, start=1)):
        return "maximum"
    negative = [[-v for v in row] for row in hessian]
    # an eigenvalue > 0 and one < 0, none of them 0
    if _least(leading[-1]) > 0 and hurwitz(hessian)[1] and hurwitz(negative)[1]:
        return "saddle"
    return "degenerate"


def perturbed(a: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return approximate eigenvalues and radii of discs (Bauer and Fike) that hold exact ones.

    Every matrix in `a` is near + E with |E| bounded; with V from the approximate eigenvectors
    each eigenvalue lies within the norm of V⁻¹ (a V − V D) of an entry of D, and where the discs
    are apart each holds one.
    """
    near = np.array([[e.middle for e in row] for row in a])
    n = len(near)
    values, vectors = np.linalg.eig(near)
    order = np.lexsort((values.imag, values.real))
    values, vectors = values[order], vectors[:, order]
    spread = np.array([[e.width for e in row] for row in a])
    inverse = np.linalg.pinv(vectors)
    rest = np.abs(inverse) @ (spread + 1e-14 * np.abs(near)) @ np.abs(vectors)
    rest = rest + np.abs(inverse @ (near @ vectors - vectors * values)) + 1e-15 * n
    radius = float(rest.sum(axis=1).max()) * 1.001
    return values.astype(complex), np.full(n, radius if np.isfinite(radius) else np.inf)


__all__: list[Any] = ["characteristic", "determinant", "hurwitz", "inertia", "minors", "perturbed"]
