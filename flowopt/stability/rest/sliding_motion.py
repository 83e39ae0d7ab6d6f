"""Sign flow on a quadratic loss: how it slides, exactly, and how long it takes to come to rest.

With L = ½ xᵀHx − bᵀx, g = Hx − b and S = {i : gᵢ = 0} the motion of Filippov is ẋ = −u, ġ = −Hu,
with uᵢ = sign(gᵢ) off S, and on S the u in [−1, 1]^S that solves the complementarity problem

    (Hu)ᵢ = 0 where |uᵢ| < 1 (gᵢ stays 0: sliding),   uᵢ (Hu)ᵢ <= 0 where |uᵢ| = 1 (crossing).

These are the first-order conditions of min ½ uᵀHu over the box: u is unique when H_SS ≻ 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flowopt import _check
from flowopt.stability.exact import NotPSD, fraction, ldl

Matrix = list[list[Fraction]]
#: surfaces that are met at once, at most: 3^k cases are gone through
SURFACES = 9


@dataclass(frozen=True)
class Sliding:
    """The motions that go on from a point of sign flow on a quadratic loss.

    Attributes
    ----------
    u : tuple of tuple of Fraction
        Each solution; ẋ = −u.
    unique : bool
        Whether there is exactly one.
    slides, crosses : tuple of int
        For a unique solution, the coordinates of g that stay 0 and those that leave it at once.
    reason : str
        One sentence.
    """

    u: tuple[tuple[Fraction, ...], ...]
    unique: bool
    slides: tuple[int, ...]
    crosses: tuple[int, ...]
    reason: str


def sliding(H: Any, g: Any) -> Sliding:
    """Return how sign flow goes on from a point where the gradient of a quadratic loss is g.

    Parameters
    ----------
    H : (n, n) nested sequence of rationals
        The Hessian; floats count by their shortest decimals.
    g : (n,) sequence of rationals
        The gradient; its zeros are the surfaces that are met.

    Examples
    --------
    >>> sliding([[2, 1], [1, 2]], [0, 1]).u
    ((Fraction(-1, 2), Fraction(1, 1)),)
    >>> sliding([[1, 2], [2, 5]], [0, 1]).crosses
    (0,)
    """
    h, gradient = _matrix(H), [fraction(v) for v in g]
    n = len(h)
    if len(gradient) != n:
        raise ValueError(f"g must have {n} entries, one for each row of H, got {len(gradient)}")
    inside = [i for i in range(n) if gradient[i] == 0]
    if len(inside) > SURFACES:
        raise ValueError(f"g must have at most {SURFACES} zeros, got {len(inside)}")
    fixed = {i: Fraction((v > 0) - (v < 0)) for i, v in enumerate(gradient) if v}
    found, continuum = [], False
    for choice in itertools.product((0, -1, 1), repeat=len(inside)):
        values = {**fixed, **{i: Fraction(c) for i, c in zip(inside, choice, strict=True) if c}}
        free = [i for i, c in zip(inside, choice, strict=True) if not c]
        solution = solve([[h[i][j] for j in free] for i in free],
                          [-sum((h[i][j] * v for j, v in values.items()), Fraction(0))
                           for i in free])
        if solution is None:
            continue
        part, singular = solution
        u = {**values, **dict(zip(free, part, strict=True))}
        rates = {i: sum((h[i][j] * u[j] for j in range(n)), Fraction(0)) for i in inside}
        if singular:
            continuum = True
            continue
        if all(abs(u[i]) < 1 for i in free) and all(u[i] * rates[i] <= 0 for i in inside
                                                    if i not in free):
            found.append(tuple(u[i] for i in range(n)))
    distinct = tuple(dict.fromkeys(found))
    convex = _definite([[h[i][j] for j in inside] for i in inside])
    if convex and len(distinct) == 1:
        u = dict(enumerate(distinct[0]))
        rates = {i: sum((h[i][j] * u[j] for j in range(n)), Fraction(0)) for i in inside}
        slides = tuple(i for i in inside if rates[i] == 0)
        crosses = tuple(i for i in inside if rates[i] != 0)
        return Sliding(distinct, True, slides, crosses,
                       "H is positive definite on the surfaces that are met: the motion is unique")
    why = ("H is not positive definite on the surfaces that are met: "
           + (f"{len(distinct)} motions go on" if distinct else "no isolated motion goes on")
           + (", and a continuum of others may" if continuum else "")
           + (", of which sliding is not stable" if len(distinct) > 1 else ""))
    return Sliding(distinct, False, (), (), why)


def settling_bounds(H: Any, x0: Any, b: Any = None) -> tuple[float, float]:
    """Return bounds of the time in which sign flow on ½ xᵀHx − bᵀx comes to rest.

    Parameters
    ----------
    H : (n, n)
        Symmetric and positive definite.
    x0 : (n,)
        The start.
    b : (n,), optional
        Zero by default.

    Returns
    -------
    (lower, upper) : float
        Rounded outward: ‖x₀ − x*‖∞ and min(√(2V₀/μ), ‖g₀‖₁/μ), in units of time.

    Raises
    ------
    ValueError
        When H is not symmetric and positive definite.

    Examples
    --------
    >>> low, high = settling_bounds([[1, 0], [0, 1]], [3, 4])
    >>> round(low, 9), round(high, 9)
    (4.0, 5.0)
    """
    h = _matrix(H)
    n = len(h)
    start = [fraction(v) for v in x0]
    shift = [Fraction(0)] * n if b is None else [fraction(v) for v in b]
    if len(start) != n or len(shift) != n:
        raise ValueError(f"x0 and b must have {n} entries, one for each row of H, got "
                         f"{len(start)} and {len(shift)}")
    mu = least_eigenvalue(h)
    if mu is None:
        raise ValueError("H must be positive definite; otherwise sign flow may have no rest")
    rest = solve(h, shift)
    assert rest is not None
    e = [a - c for a, c in zip(start, rest[0], strict=True)]
    g = [sum((a * c for a, c in zip(row, e, strict=True)), Fraction(0)) for row in h]
    twice = sum((a * c for a, c in zip(e, g, strict=True)), Fraction(0)) / mu  # 2V/mu
    second = sum(map(abs, g), Fraction(0)) / mu
    root = math.nextafter(math.sqrt(math.nextafter(float(twice), math.inf)), math.inf)
    upper = min(root, math.nextafter(float(second), math.inf)) if twice else 0.0
    largest = float(max(map(abs, e)))
    return (max(0.0, math.nextafter(largest, 0.0)) if largest else 0.0), upper


def least_eigenvalue(h: Matrix) -> Fraction | None:
    """Return a rational μ > 0 with H − μ positive semidefinite, near the best; or None."""
    import numpy as np

    if not _definite(h):
        return None
    n = len(h)

    def holds(mu: Fraction) -> bool:
        return semidefinite([[h[i][j] - (mu if i == j else 0) for j in range(n)]
                              for i in range(n)])

    found = simplest(float(np.linalg.eigvalsh(np.array(h, dtype=float))[0]), holds)
    mu = sum((h[i][i] for i in range(n)), Fraction(0))
    while found is None:  # H is nearly singular: halve down from the trace
        mu = mu / 2
        found = mu if holds(mu) else None
    return found


def simplest(value: float, holds: Callable[[Fraction], bool]) -> Fraction | None:
    """Return a simple rational near a value, or a little below, that holds."""
    if not value > 0:
        return None
    for digits in range(10):
        near = Fraction(value).limit_denominator(10**digits)
        if near > 0 and abs(near - Fraction(value)) <= Fraction(value) / 10**9 and holds(near):
            return near
    near = Fraction(value * (1 - 2.0**-20)).limit_denominator(10**9)
    return near if near > 0 and holds(near) else None


def _matrix(H: Any) -> Matrix:
    rows = [[fraction(v) for v in row] for row in H]
    n = len(rows)
    if not n or any(len(row) != n for row in rows) or any(
            rows[i][j] != rows[j][i] for i in range(n) for j in range(i)):
        raise ValueError(f"H must be a symmetric square matrix, got {_check.shown(H)}")
    return rows


def semidefinite(h: Matrix) -> bool:
    """Return whether a symmetric matrix is positive semidefinite, exactly."""
    try:
        ldl(h)
    except NotPSD:
        return False
    return True


def _definite(h: Matrix) -> bool:
    try:
        return all(v > 0 for v in ldl(h)[1])
    except NotPSD:
        return False


def solve(a: Matrix, b: Sequence[Fraction]) -> tuple[list[Fraction], bool] | None:
    """Return a solution of a x = b and whether there are others; None when there is none."""
    n = len(a)
    rows = [[*row, v] for row, v in zip(a, b, strict=True)]
    pivots: list[int] = []
    for column in range(n):
        k = next((i for i in range(len(pivots), n) if rows[i][column]), None)
        if k is None:
            continue
        top = len(pivots)
        rows[top], rows[k] = rows[k], rows[top]
        rows[top] = [v / rows[top][column] for v in rows[top]]
        for i in range(n):
            if i != top and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [u - factor * v for u, v in zip(rows[i], rows[top], strict=True)]
        pivots.append(column)
    if any(row[n] for row in rows[len(pivots):]):
        return None
    x = [Fraction(0)] * n
    for row, column in zip(rows, pivots, strict=False):
        x[column] = row[n]
    return x, len(pivots) < n
