"""Losses on which a linear map is slow: quadratics, and cycles on losses of one variable."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt.stability.checks import loss_quadratic
from flowopt.stability.checks.root_radius import characteristic, inside, observed
from flowopt.stability.linear_step import LinearStep

#: the longest cycle that is looked for
LONGEST = 5


def quadratic_rate(step: LinearStep, mu: Fraction, ell: Fraction | None
                   ) -> tuple[Fraction, dict[str, Any] | None]:
    """Return a rate that some quadratic loss of the class attains, and that loss.

    For one variable it is the largest of all quadratics, exactly; for more it is that of the worst
    curvature found, rounded down.
    """
    if step.m == 1 and not step.radicand:
        ends = [mu, ell if ell is not None else _large(step, mu)]
        worst = max(ends, key=lambda lam: abs(step.loop(lam)[0][0].a))
        value = abs(step.loop(worst)[0][0].a)
        return value, _witness(step, worst)
    worst = _worst_curvature(step, mu, ell)
    M = step.loop(worst)
    if not observed(M):
        return Fraction(0), None
    p = characteristic(M)
    guess = _radius(step, float(worst))
    near = Fraction(guess).limit_denominator(10_000)
    if abs(float(near) - guess) < 1e-7 and near > 0 and not inside(p, near) and inside(
            p, near + Fraction(1, 10**12)):
        return near, _witness(step, worst)
    low, high = Fraction(0), Fraction(int(guess * 10**6) + 10**3, 10**6)
    for step_size in (10**3, 10**6, 10**9, 10**12):  # digit by digit, by exact tests
        k, top = int(low * step_size), int(high * step_size) + 1
        while top - k > 1:
            middle = (k + top) // 2
            if inside(p, Fraction(middle, step_size)):
                top = middle
            else:
                k = middle
        low, high = Fraction(k, step_size), Fraction(top, step_size)
    return low, _witness(step, worst)


def _witness(step: LinearStep, curvature: Fraction) -> dict[str, Any]:
    return {"curvature": str(curvature),
            "polynomial": loss_quadratic.written(characteristic(step.loop(curvature)))}


def _large(step: LinearStep, mu: Fraction) -> Fraction:
    scale = max(abs(step.B[0].a), abs(step.D.a)) or Fraction(1)
    return max(10**9 / scale, 2 * mu)


def _radius(step: LinearStep, curvature: float) -> float:
    A = np.array([[float(v) for v in row] for row in step.A])
    B, C = (np.array([float(v) for v in row]) for row in (step.B, step.C))
    gain = curvature / (1 - float(step.D) * curvature)
    return float(np.abs(np.linalg.eigvals(A + np.outer(B, gain * C))).max())


def _worst_curvature(step: LinearStep, mu: Fraction, ell: Fraction | None) -> Fraction:
    """Return the end of [μ, ℓ], or the rational inside, with the largest spectral radius."""
    high = ell if ell is not None else max(mu, Fraction(1)) * 10**6
    inner = np.linspace(float(mu), float(high), 65)[1:-1]
    radii = [_radius(step, x) for x in inner]
    best = max((mu, high), key=lambda x: _radius(step, float(x)))
    k = int(np.argmax(radii))
    if radii[k] <= _radius(step, float(best)) + 1e-9:
        return best
    width = inner[1] - inner[0]
    fine = np.linspace(inner[k] - width, inner[k] + width, 401)
    k = int(np.argmax([_radius(step, x) for x in fine]))
    return min(max(Fraction(float(fine[k])).limit_denominator(10**6), mu), high)


def find_cycle(step: LinearStep, mu: Fraction, ell: Fraction | None) -> dict[str, Any] | None:
    """Return a short cycle on a loss of one variable of the class, exactly; or None.

    For each order of the points along the line, that all slopes are in [μ, ℓ] is linear in the
    start and the gradients.
    """
    from scipy.optimize import linprog

    if step.radicand:
        return None
    for length in range(2, LONGEST + 1):
        basis, places = _cycles(step, length)
        if not basis:
            continue
        Z = np.array([[float(v) for v in row] for row in basis]).T  # (m + N, r)
        Y = np.array([[float(v) for v in row] for row in places]) @ Z
        G = Z[step.m:]
        scale = float(ell) if ell is not None else 1.0 + float(mu)
        for order in _orders(length):
            rows = []
            for a, b in itertools.pairwise(order):
                dy = _row(Y, b) - _row(Y, a)
                dg = _row(G, b) - _row(G, a)
                rows += [dy, (dg - float(mu) * dy) / scale]
                if ell is not None:
                    rows.append(dy - dg / float(ell))
            A = np.hstack([-np.array(rows), np.ones((len(rows), 1))])
            spread = _row(Y, order[-1]) - _row(Y, order[0])
            found = linprog(np.append(np.zeros(Z.shape[1]), -1.0), A_ub=A, b_ub=np.zeros(len(A)),
                            A_eq=np.append(spread, 0.0)[None], b_eq=[1.0],
                            bounds=[(None, None)] * Z.shape[1] + [(None, 1.0)])
            if found.status == 0 and found.x[-1] > 1e-7:
                made = _exact_cycle(step, basis, found.x[:-1], mu, ell)
                if made is not None:
                    return made
    return None


def _orders(length: int) -> Iterator[tuple[int, ...]]:
    """The orders of the points 0 … N−1 and the minimiser (−1), up to rotation and reflection."""
    seen: set[tuple[int, ...]] = set()
    for order in itertools.permutations((-1, *range(length))):
        if order in seen:
            continue
        for k in range(length):
            turned = tuple(x if x < 0 else (x + k) % length for x in order)
            seen.update((turned, turned[::-1]))
        yield order


def _row(values: np.ndarray, k: int) -> np.ndarray:
    return np.zeros(values.shape[1]) if k < 0 else values[k]


def _cycles(step: LinearStep, length: int) -> tuple[list[list[Fraction]], list[list[Fraction]]]:
    """Return a basis of (ζ₀, g₀ … g_{N−1}) that come back, and the points y_i as forms in them."""
    m, size = step.m, step.m + length
    unit = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    zeta, places = unit[:m], []
    for k in range(length):
        g = unit[m + k]
        places.append([sum((c.a * z[i] for c, z in zip(step.C, zeta, strict=True)),
                           step.D.a * g[i]) for i in range(size)])
        zeta = [[sum((a.a * z[i] for a, z in zip(row, zeta, strict=True)), b.a * g[i])
                 for i in range(size)] for row, b in zip(step.A, step.B, strict=True)]
    return null_space([[a - b for a, b in zip(z, u, strict=True)]
                       for z, u in zip(zeta, unit[:m], strict=True)]), places


def null_space(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Return a basis of the vectors that all rows annihilate.

    Examples
    --------
    >>> null_space([[Fraction(1), Fraction(2)]])
    [[Fraction(-2, 1), Fraction(1, 1)]]
    """
    rows, size = [list(r) for r in rows], len(rows[0])
    pivots: list[int] = []
    for column in range(size):
        k = len(pivots)
        found = next((i for i in range(k, len(rows)) if rows[i][column]), None)
        if found is None:
            continue
        rows[k], rows[found] = rows[found], rows[k]
        rows[k] = [v / rows[k][column] for v in rows[k]]
        for i in range(len(rows)):
            if i != k and rows[i][column]:
                rows[i] = [a - rows[i][column] * b for a, b in zip(rows[i], rows[k], strict=True)]
        pivots.append(column)
    made = []
    for free in (c for c in range(size) if c not in pivots):
        vector = [Fraction(int(c == free)) for c in range(size)]
        for k, column in enumerate(pivots):
            vector[column] = -rows[k][free]
        made.append(vector)
    return made


def _exact_cycle(step: LinearStep, basis: list[list[Fraction]], weights: np.ndarray, mu: Fraction,
                 ell: Fraction | None) -> dict[str, Any] | None:
    from flowopt.stability.checks import loss_cycle
    from flowopt.stability.exact import Refused

    for most in (10, 100, 10**4, 10**8):
        exact = [Fraction(float(w)).limit_denominator(most) for w in weights]
        point = [sum((w * v[i] for w, v in zip(exact, basis, strict=True)), Fraction(0))
                 for i in range(len(basis[0]))]
        data = {"start": [str(v) for v in point[:step.m]],
                "gradients": [str(v) for v in point[step.m:]]}
        try:
            return {**data, "slopes": loss_cycle.examine(step, mu, ell, data)}
        except Refused:
            continue
    return None
