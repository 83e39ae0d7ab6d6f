"""The largest margin of linear matrix inequalities, by a barrier method in NumPy.

maximise t over y subject to F⁰ₖ + Σᵢ yᵢ Fⁱₖ ⪰ t I for each block k and |y − y⁰| <= R. Newton's
method follows the analytic centre, whose point lies as deep in the cone as can be: what rounding
to rationals wants. The answer proposes, exact arithmetic decides: neither "feasible" nor
"infeasible" from here is ever believed.

References: S. Boyd, L. Vandenberghe, Convex Optimization (2004), §11.6.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: from this size of the Newton system on, the conic solver of the extra `sos` is asked first
LARGE = 150


@dataclass(frozen=True)
class Block:
    """A block F⁰ + Σ yᵢ Fⁱ ⪰ t I.

    Attributes
    ----------
    constant : ndarray (N, N)
        F⁰.
    slopes : ndarray (m, N, N)
        Fⁱ.
    """

    constant: np.ndarray
    slopes: np.ndarray


@dataclass(frozen=True)
class Margin:
    """What was found: y (m,), the margin t, and a bound on how far the largest is above it."""

    y: np.ndarray
    t: float
    gap: float


def maximise_margin(blocks: Sequence[Block], radius: float = 1e4, target: float = np.inf,
                    deadline: float = np.inf) -> Margin:
    """Return y with the largest margin t.

    Parameters
    ----------
    blocks : sequence of Block
        The inequalities, with one m.
    radius : float
        Bound on |yᵢ|.
    target : float
        A margin that is enough.
    deadline : float
        When to give up, by `time.monotonic`; what is there by then is returned.

    Examples
    --------
    >>> import numpy as np
    >>> found = maximise_margin([Block(np.eye(2), np.array([[[0.0, 1.0], [1.0, 0.0]]]))])
    >>> bool(0.98 < found.t < 1.0 and abs(found.y[0]) < 1e-3)
    True
    """
    m = blocks[0].slopes.shape[0]
    if m >= LARGE:
        made = _clarabel(blocks, radius, deadline)
        if made is not None:
            return made
    y = np.zeros(m)
    lowest = min(float(np.linalg.eigvalsh(b.constant)[0]) for b in blocks)
    scale = max(1.0, max(float(np.abs(b.constant).max()) for b in blocks))
    t = lowest - scale
    size = sum(b.constant.shape[0] for b in blocks) + 2 * m
    weight = 1.0 / scale
    best = Margin(y, lowest, np.inf)
    for _ in range(40):
        y, t, ok = _centre(blocks, y, t, weight, radius, deadline)
        best = Margin(y, t, size / weight)
        if (not ok or t > target or best.gap < 1e-10 * scale or time.monotonic() > deadline
                or (t > 0 and best.gap < 0.02 * t) or t + best.gap < -1e-7 * scale):
            break
        weight *= 8.0
    return best


def _centre(blocks: Sequence[Block], y: np.ndarray, t: float, weight: float, radius: float,
            deadline: float) -> tuple[np.ndarray, float, bool]:
    """Newton's method for −weight·t − Σ log det(Fₖ(y) − tI) − Σ log(R² − yᵢ²)."""
    m = len(y)
    for _ in range(60):
        gradient = np.zeros(m + 1)
        gradient[m] = -weight
        hessian = np.zeros((m + 1, m + 1))
        for b in blocks:
            n = b.constant.shape[0]
            S = b.constant + np.tensordot(y, b.slopes, 1) - t * np.eye(n)
            try:
                W = np.linalg.inv(np.linalg.cholesky(S))
            except np.linalg.LinAlgError:
                return y, t, False
            B = np.empty((m + 1, n * n))
            B[:m] = (W @ b.slopes @ W.T).reshape(m, n * n)
            B[m] = -(W @ W.T).ravel()
            gradient -= B[:, ::n + 1].sum(axis=1)
            hessian += B @ B.T
        low, high = 1.0 / (radius + y), 1.0 / (radius - y)
        gradient[:m] += high - low
        hessian[np.arange(m), np.arange(m)] += low**2 + high**2
        try:
            step = -np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return y, t, False
        decrement = float(-gradient @ step)
        if not np.isfinite(decrement) or time.monotonic() > deadline:
            return y, t, False
        if decrement < 1e-6:
            return y, t, True
        length = 1.0 / (1.0 + np.sqrt(decrement)) if decrement > 0.25 else 1.0
        length = _longest(blocks, y, t, step, length, radius, weight, gradient)
        if length == 0.0:
            return y, t, decrement < 1e-2
        y, t = y + length * step[:m], t + length * step[m]
    return y, t, False


def _value(blocks: Sequence[Block], y: np.ndarray, t: float, weight: float,
           radius: float) -> float:
    if np.any(np.abs(y) >= radius):
        return float("inf")
    total = -weight * t - float(np.log(radius**2 - y**2).sum())
    for b in blocks:
        S = b.constant + np.tensordot(y, b.slopes, 1) - t * np.eye(b.constant.shape[0])
        try:
            total -= 2 * float(np.log(np.diag(np.linalg.cholesky(S))).sum())
        except np.linalg.LinAlgError:
            return float("inf")
    return total


def _longest(blocks: Sequence[Block], y: np.ndarray, t: float, step: np.ndarray, damped: float,
             radius: float, weight: float, gradient: np.ndarray) -> float:
    """Return a step length: long ones are tried first, the damped one always decreases."""
    m = len(y)
    here = _value(blocks, y, t, weight, radius)
    slope = float(gradient @ step)
    length = 1.0
    while length > damped:
        if _value(blocks, y + length * step[:m], t + length * step[m], weight,
                  radius) <= here + 0.1 * length * slope:
            return length
        length *= 0.5
    length = damped
    for _ in range(30):
        if np.isfinite(_value(blocks, y + length * step[:m], t + length * step[m], weight,
                              radius)):
            return length
        length *= 0.5
    return 0.0


def _clarabel(blocks: Sequence[Block], radius: float, deadline: float) -> Margin | None:
    """Ask the interior-point solver clarabel, when it is installed."""
    try:
        import clarabel
        from scipy import sparse
    except ImportError:
        return None
    m = blocks[0].slopes.shape[0]
    rows, right, cones = [], [], []
    for b in blocks:  # svec(F⁰ + Σ yᵢFⁱ − tI) in the cone: A (y, t) + s = svec(F⁰)
        rows.append(np.column_stack([*(-_svec(f) for f in b.slopes),
                                     _svec(np.eye(b.constant.shape[0]))]))
        right.append(_svec(b.constant))
        cones.append(clarabel.PSDTriangleConeT(b.constant.shape[0]))
    bounds = np.zeros((2 * m, m + 1))
    bounds[:m, :m], bounds[m:, :m] = np.eye(m), -np.eye(m)
    rows.append(bounds)
    right.append(np.full(2 * m, radius))
    cones.append(clarabel.NonnegativeConeT(2 * m))
    settings: Any = clarabel.DefaultSettings()
    settings.verbose = False
    if np.isfinite(deadline):
        settings.time_limit = max(0.1, deadline - time.monotonic())
    aim = np.zeros(m + 1)
    aim[m] = -1.0
    solution = clarabel.DefaultSolver(
        sparse.csc_matrix((m + 1, m + 1)), aim, sparse.csc_matrix(np.vstack(rows)),
        np.concatenate(right), cones, settings).solve()
    x = np.array(solution.x)
    if x.shape != (m + 1,) or not np.all(np.isfinite(x)):
        return None
    return Margin(x[:m], float(x[m]), 1e-8)


def _svec(matrix: np.ndarray) -> np.ndarray:
    """Return the upper triangle by columns, off the diagonal times √2."""
    n = matrix.shape[0]
    columns, rows = np.tril_indices(n)
    return matrix[rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))
