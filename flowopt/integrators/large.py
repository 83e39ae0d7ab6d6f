"""Rodas5P for many equations: the same steps in numpy, the linear systems through scipy.

Beyond 2000 equations a dense matrix is the wrong tool. With a sparse Jacobian (a field of kernels
whose `jacobian` returns a scipy.sparse matrix) each step has one sparse LU (SuperLU). Without one,
the systems are solved by GMRES, which needs products J v only; these are differences of F. The
evaluations rule there, so the loop is plain Python.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flowopt.integrators.kernels import places
from flowopt.integrators.runner import Path, Queue

#: part of the tolerance to which GMRES solves, vectors that it keeps, and restarts
INNER, RESTART, RESTARTS = 1e-2, 60, 10
NEAR = float(np.cbrt(np.finfo(float).eps))


class Systems:
    """The matrix I/γ − hJ at a point, and ∂F/∂t: solve with it for any right-hand side."""

    def __init__(self, field: Any, method: Any, t: float, y: np.ndarray, slope: np.ndarray,
                 t_end: float) -> None:
        self.f, self.y, self.t, self.slope = field.rhs, y, t, slope
        self.gamma, self.rtol = method.tableau.gamma_value, method.rtol
        self.sparse = field.sparse_jacobian(t, y)
        self.evaluations = 2
        delta = min(max(0.5 * (t_end - t), -NEAR * max(1.0, abs(t))), NEAR * max(1.0, abs(t)))
        near, far = self.f(t + delta, y), self.f(t + 2 * delta, y)
        self.rate = (4 * (near - slope) - (far - slope)) / (2 * delta)

    def at(self, h: float) -> Any:
        """Return the function that solves for the step h, or None where the matrix is singular."""
        import scipy.sparse
        import scipy.sparse.linalg as linalg

        m = len(self.y)
        if self.sparse is None:
            self.matrix = linalg.LinearOperator((m, m), matvec=lambda v: self._product(h, v))
            return self._krylov
        matrix = (scipy.sparse.identity(m, format="csc") / self.gamma - h * self.sparse).tocsc()
        if not np.isfinite(matrix.data).all():
            return None
        try:
            return linalg.splu(matrix).solve
        except RuntimeError:  # SuperLU's word for a singular matrix
            return None
        except MemoryError:
            raise MemoryError(
                f"the LU factors of {m} equations with {matrix.nnz} entries do not fit into "
                "memory; leave out jacobian, and the systems are solved without a matrix (GMRES)"
            ) from None

    def _product(self, h: float, v: np.ndarray) -> np.ndarray:
        size = float(np.abs(v).max())
        if size == 0.0:
            return np.zeros_like(v)
        part = NEAR * max(1.0, float(np.abs(self.y).max())) / size
        self.evaluations += 2
        moved = self.f(self.t, self.y + part * v) - self.f(self.t, self.y - part * v)
        return v / self.gamma - h * moved / (2 * part)

    def _krylov(self, b: np.ndarray) -> np.ndarray | None:
        import scipy.sparse.linalg as linalg

        made, failed = linalg.gmres(self.matrix, b, rtol=max(INNER * self.rtol, 1e-12), atol=0.0,
                                    restart=RESTART, maxiter=RESTARTS)
        return None if failed else made


def advance(field: Any, method: Any, queue: Queue, t_end: float, max_steps: int,
            path: Path | None) -> None:
    """Run the one trajectory of the queue until it has a status; see `runner.advance`."""
    tableau, f = method.tableau, field.rhs
    atol, rtol = method.tolerances(field.m), method.rtol
    t, y, count = float(queue.t[0]), queue.y[0].copy(), queue.count[0]
    slope = f(t, y)
    count[places.EVALUATIONS] += 1
    h = float(queue.h[0])
    if h == 0.0:
        h = _first_step(f, t, y, slope, atol, rtol, t_end, method.max_step, tableau.order)
        count[places.EVALUATIONS] += 1
    status, systems, refused = places.RUNNING, None, False
    if not (np.isfinite(y).all() and np.isfinite(slope).all()):
        status = places.DIVERGED
    _save(queue, lambda theta: y, t, 0.0, t)
    while status == places.RUNNING:
        used = t_end - t if abs(t_end - t) <= 1.01 * abs(h) else h
        if systems is None:
            systems = Systems(field, method, t, y, slope, t_end)
            count[places.JACOBIANS] += 1
        before = systems.evaluations
        k = _stages(tableau, f, systems, t, y, slope, used)
        count[places.EVALUATIONS] += systems.evaluations - (before if refused else 0)
        count[places.EVALUATIONS] += tableau.stages - 1
        error = math.nan
        if k is not None:
            new = y + used * (tableau.b_array @ k)
            scale = atol + rtol * np.maximum(np.abs(y), np.abs(new))
            ratio = used * (tableau.error_array[0] @ k) / scale
            error = float(np.sqrt(np.mean(ratio * ratio)))
        known, power = error <= 1e300, -tableau.alpha64 / 64
        by_error = 0.9 * max(error, 1e-10) ** power if known else 0.1
        if known and error <= 1.0:
            assert k is not None
            count[places.ACCEPTED] += 1
            final = used == t_end - t
            end = t_end if final else t + used
            bend = used * (tableau.dense_array.T @ k)  # (degree, m)
            if path is not None:
                path.take(np.array([t]), np.array([used]), y[None], bend[None], 1)
            _save(queue, lambda theta, y=y, bend=bend: y + _polynomial(bend, theta), t, used, end)
            t, y = end, new
            h = used * min(max(by_error, 0.2), 1.0 if refused else 8.0)
            systems, refused = None, False
            if final:
                status = places.REACHED_END
            else:
                slope = f(t, y)
                count[places.EVALUATIONS] += 1
        else:
            count[places.REJECTED] += 1
            h, refused = used * min(max(by_error, 0.1), 0.9), True
            if abs(h) <= 4.0 * places.TINY * abs(t) or abs(h) < 1e-300:
                large = np.abs(y).max() > places.HUGE or not np.isfinite(slope).all()
                status = places.DIVERGED if large else places.STEP_TOO_SMALL
        h = min(max(h, -method.max_step), method.max_step)
        if status == places.RUNNING and count[:2].sum() >= max_steps:
            status = places.OUT_OF_STEPS
    queue.t[0], queue.y[0], queue.h[0], queue.status[0] = t, y, h, status


def _stages(tableau: Any, f: Any, systems: Systems, t: float, y: np.ndarray, slope: np.ndarray,
            h: float) -> np.ndarray | None:
    """Return the stages (S, m), or None where a linear system has no solution."""
    solve = systems.at(h)
    if solve is None:
        return None
    k = np.zeros((tableau.stages, len(y)))
    for s in range(tableau.stages):
        right = slope if s == 0 else f(t + tableau.c_array[s] * h,
                                       y + h * (tableau.a_array[s, :s] @ k[:s]))
        right = right + tableau.coupling_array[s, :s] @ k[:s] + (
            h * tableau.d_array[s]) * systems.rate
        found = solve(right) if np.isfinite(right).all() else None
        if found is None:
            return None
        k[s] = found
    return k


def _polynomial(bend: np.ndarray, theta: float) -> np.ndarray:
    value = np.zeros(bend.shape[1])
    for row in bend[::-1]:
        value = (value + row) * theta
    return value


def _save(queue: Queue, state: Any, t: float, used: float, end: float) -> None:
    """Keep the states at the times to save up to `end`."""
    while queue.save[0] < len(queue.save_at):
        when = queue.save_at[queue.save[0]]
        if (when - end) * (used or 1.0) > 0.0 or (used == 0.0 and when != end):
            return
        queue.saved[0, queue.save[0]] = state((when - t) / used if used else 0.0)
        queue.save[0] += 1


def _first_step(f: Any, t: float, y: np.ndarray, slope: np.ndarray, atol: np.ndarray, rtol: float,
                t_end: float, most: float, order: int) -> float:
    """Return the starting step of Hairer, Nørsett & Wanner I, II.4."""
    scale, span, direction = atol + rtol * np.abs(y), abs(t_end - t), math.copysign(1.0, t_end - t)
    d0, d1 = (float(np.sqrt(np.mean((v / scale) ** 2))) for v in (y, slope))
    h0 = min(1e-6 if d0 < 1e-5 or d1 < 1e-5 or not math.isfinite(d1) else 0.01 * d0 / d1, span)
    later = f(t + direction * h0, y + direction * h0 * slope)
    steepest = max(d1, float(np.sqrt(np.mean(((later - slope) / scale) ** 2))) / h0)
    h1 = h0
    if math.isfinite(steepest):
        h1 = (0.01 / steepest) ** (1.0 / order) if steepest > 1e-15 else max(1e-6, h0 * 1e-3)
    return direction * min(100.0 * h0, h1, span, most)
