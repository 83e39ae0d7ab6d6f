"""Starts where the field is not a number: 3/t at t = 0, g/√v at v = 0, m/(1 − e^{−at}) at t = 0.

The solution can be smooth all the same, in t or in √(t − t₀). With t = t₀ ± s² the equation is

    dy/ds = ± 2 s F(t₀ ± s², y),

and both kinds of solution are smooth in s. The first short step is taken by Gauss collocation in
s, whose nodes lie inside the step, so that F is never asked for at t₀ (Hairer, Nørsett & Wanner,
Solving ODEs I (1993), II.7). Two collocations, with 8 and with 6 nodes, must agree along the whole
step to a tenth of the tolerances; otherwise the step is cut to a quarter. A field whose solution
is not of this kind, as y' = 1/t, never agrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from flowopt import _adapters
from flowopt._evaluate import evaluate
from flowopt.integrators.collocation import collocation, powers, summed
from flowopt.integrators.runner import Motion

#: numbers of nodes of the two collocations
FINE, COARSE = 8, 6
#: most cuts of the first step to a quarter
CUTS = 30
#: what the note of a run without a smooth start says
REFUSED = ("The field is not finite at the start, and no start that is smooth in t or in the "
           "square root of t was found.")


@dataclass(frozen=True)
class Start:
    """The first step: its length H, the state after it, and its polynomial in √(t − t₀)/√H."""

    length: float
    y: np.ndarray  # (m,)
    coefficients: np.ndarray  # (K, m)
    sides: np.ndarray  # (S,)
    resting: np.ndarray  # (m,) components where F is 0/0 and that stay
    evaluations: int

    def at(self, y0: np.ndarray, elapsed: np.ndarray) -> np.ndarray:
        """Return the states after the times `elapsed` (k,): (k, m)."""
        x = np.sqrt(np.clip(elapsed / self.length, 0.0, 1.0))[:, None]
        value = np.zeros((len(x), len(y0)))
        for row in self.coefficients[::-1]:
            value = (value + row) * x
        made = y0 + value
        made[x[:, 0] == 1.0] = self.y
        return made


class Problem:
    """The equation in s from N starts; the sides of the surfaces are held fixed.

    Sums are written out, so that a run gives the same bits alone and in company.
    """

    def __init__(self, field: Any, p: np.ndarray, t0: float, y0: np.ndarray, direction: float,
                 method: Any, sides: np.ndarray) -> None:
        self.field, self.p, self.t0, self.y0 = field, p, t0, y0  # p (N, P), y0 (N, m)
        self.direction, self.m, self.sides = direction, field.m, sides
        self.atol, self.rtol = method.tolerances(field.m), method.rtol
        self.evaluations = np.zeros(len(y0), dtype=np.int64)
        self.resting = np.zeros(y0.shape, dtype=bool)

    def tolerance(self, runs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the tolerance of states y (N, K, m) of some runs."""
        return self.atol + self.rtol * np.maximum(np.abs(y), np.abs(self.y0[runs, None]))

    def rows(self, kind: str, count: int, runs: np.ndarray, t: np.ndarray, y: np.ndarray
             ) -> np.ndarray:
        """Return a kernel's result (N, K, count) at times (K,) and states (N, K, m) of runs."""
        nodes = y.shape[1]
        if not len(runs):
            return np.zeros((0, nodes, count))
        times, p = np.tile(t, len(runs)), np.repeat(self.p[runs], nodes, axis=0)
        sides = np.broadcast_to(self.sides, (len(times), len(self.sides)))
        made = evaluate(lambda width: self.field.address(kind, width), count, times,
                        y.reshape(-1, self.m), p, sides, self.field.context)
        self.field.raise_pending()
        return made.reshape(len(runs), nodes, count)

    def slopes(self, runs: np.ndarray, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return F (N, K, m), 0 in resting components."""
        self.evaluations[runs] += y.shape[1]
        made = self.rows("smooth" if self.field.surfaces else "rhs", self.m, runs, t, y)
        return at_rest(made, self.resting[runs, None])

    def jacobians(self, runs: np.ndarray, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return ∂F/∂y (N, K, m, m); by central differences if F is a kernel."""
        m = self.m
        if self.field.is_kernel:
            step = np.cbrt(np.finfo(float).eps) * np.maximum(1.0, np.abs(y))
            made = np.empty((*y.shape, m))
            for j in range(m):
                shift = np.zeros_like(y)
                shift[:, :, j] = step[:, :, j]
                made[:, :, :, j] = (self.slopes(runs, t, y + shift)
                                    - self.slopes(runs, t, y - shift)) / (2 * step[:, :, j:j + 1])
        else:
            made = self.rows("jacobian", m * m, runs, t, y).reshape(*y.shape, m)
        return np.where(self.resting[runs, None, :, None], 0.0, made)

    def nodes(self, count: int, root: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the times of the nodes (K,) and dt/ds there (K, 1)."""
        s = root * collocation(count).c
        return self.t0 + self.direction * s**2, self.direction * 2.0 * s[:, None]

    def guess(self, runs: np.ndarray, count: int, root: float) -> tuple[np.ndarray, np.ndarray]:
        """Return stages (N, K, m) by three sweeps, and F there.

        v must have moved before g/√v is a number; what is not a number does not move yet.
        """
        t, factor = self.nodes(count, root)
        y0 = self.y0[runs, None]
        y = np.repeat(y0, count, axis=1)
        slope = self.slopes(runs, t, y)
        for _ in range(3):
            moves = np.where(np.isfinite(slope), factor * slope, 0.0)
            y = y0 + root * summed(collocation(count).a, moves)
            slope = self.slopes(runs, t, y)
        return y, slope

    def solve(self, runs: np.ndarray, count: int, root: float, y: np.ndarray
              ) -> tuple[np.ndarray, np.ndarray]:
        """Solve the collocation on [0, root] by Newton's method from the stages y (N, K, m).

        Return dy/ds at the nodes (N, K, m), and for each run whether it is solved.
        """
        a, size = collocation(count).a, count * self.m
        t, factor = self.nodes(count, root)
        y, slopes = y.copy(), np.full_like(y, np.nan)
        solved = np.zeros(len(runs), dtype=bool)
        before = np.full(len(runs), np.inf)
        active = np.arange(len(runs))
        for _ in range(12):
            some, here = runs[active], y[active]
            slope = factor * self.slopes(some, t, here)
            jacobian = factor[:, :, None] * self.jacobians(some, t, here)
            good = (np.isfinite(slope).all(axis=(1, 2))
                    & np.isfinite(jacobian).all(axis=(1, 2, 3)))
            active, some, here = active[good], some[good], here[good]
            if not len(active):
                break
            residual = here - self.y0[some, None] - root * summed(a, slope[good])
            matrix = -root * a[None, :, None, :, None] * jacobian[good].swapaxes(1, 2)[:, None]
            matrix = matrix.reshape(-1, size, size) + np.eye(size)
            change = solutions(matrix, -residual.reshape(-1, size)).reshape(here.shape)
            y[active] = here + change
            moved = np.abs(change / self.tolerance(some, y[active])).max(axis=(1, 2))
            done = (moved <= 1e-3) | ((moved <= 1e-2) & (moved >= 0.25 * before[active]))
            before[active] = moved
            ended = active[done]
            slopes[ended] = factor * self.slopes(runs[ended], t, y[ended])
            solved[ended] = np.isfinite(slopes[ended]).all(axis=(1, 2))
            active = active[~done & np.isfinite(moved)]
        return slopes, solved

    def step(self, runs: np.ndarray, length: float) -> dict[int, Start]:
        """Return the first step of this length of the runs on which both collocations agree."""
        root = float(np.sqrt(length))
        t, _ = self.nodes(FINE, root)
        if t[0] == self.t0:
            return {}
        self.resting[runs] = False
        guess, slope = self.guess(runs, FINE, root)
        self.resting[runs] = self.stays(runs, t, guess, slope)
        clear = np.isfinite(at_rest(slope, self.resting[runs, None])).all(axis=(1, 2))
        runs, guess = runs[clear], guess[clear]
        fine, solved = self.solve(runs, FINE, root, guess)
        runs, fine = runs[solved], fine[solved]
        coarse, solved = self.solve(runs, COARSE, root, self.guess(runs, COARSE, root)[0])
        runs, fine, coarse = runs[solved], fine[solved], coarse[solved]
        rows = root * summed(collocation(FINE).polynomial, fine)
        others = root * summed(collocation(COARSE).polynomial, coarse)
        x = np.linspace(0.1, 1.0, 10)[:, None]
        states = self.y0[runs, None] + powers(rows, x)
        off = np.abs(powers(rows, x) - powers(others, x)) / self.tolerance(runs, states)
        good = off.max(axis=(1, 2), initial=0.0) <= 0.1
        inside = self.t0 + self.direction * length * x[:, 0]**2
        ends = self.y0[runs] + root * summed(collocation(FINE).b[None], fine)[:, 0]
        good &= np.isfinite(self.slopes(runs, inside[-1:], ends[:, None])).all(axis=(1, 2))
        if self.field.surfaces:
            psi = self.rows("surfaces", len(self.sides), runs, inside, states)
            good &= (psi * self.sides >= 0.0).all(axis=(1, 2))
        return {int(run): Start(length, ends[i], rows[i], self.sides, self.resting[run].copy(),
                                int(self.evaluations[run]))
                for i, run in enumerate(runs) if good[i]}

    def stays(self, runs: np.ndarray, t: np.ndarray, y: np.ndarray, slope: np.ndarray
              ) -> np.ndarray:
        """Return the components that are 0/0 at all nodes, and 0 when one state is moved.

        Such is −g/√v with g = v = 0: next to v = 0 it is 0, and so the component stays.
        """
        undefined = np.isnan(slope).all(axis=1)  # (N, m)
        some = undefined.any(axis=1)
        if some.any():
            shifts = 1e-6 * np.concatenate([np.eye(self.m), -np.eye(self.m)])
            near = self.slopes(runs[some], np.full(2 * self.m, t[-1]),
                               y[some, -1:] + shifts)
            undefined[some] &= (near == 0.0).any(axis=1)
        return undefined


def solutions(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solution of each linear system (N, k), NaN where a matrix is singular."""
    try:
        return np.asarray(np.linalg.solve(matrices, right[:, :, None]))[:, :, 0]
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(right, np.nan)
        return np.concatenate([solutions(a[None], b[None])
                               for a, b in zip(matrices, right, strict=True)])


def at_rest(slopes: np.ndarray, resting: np.ndarray) -> np.ndarray:
    """Return slopes with 0 where a resting component is 0/0."""
    if not resting.any():
        return slopes
    return np.where(np.isnan(slopes) & resting, 0.0, slopes)


def guarded(motion: Motion, field: Any, sides: np.ndarray, resting: np.ndarray) -> Motion:
    """Return a motion whose resting components have the slope 0 where they are 0/0 (one lane)."""
    kind = "smooth" if field.surfaces else "rhs"

    def point(t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return at_rest(field._rows(kind, field.m, np.array([t]), y[None], sides[None]), resting)[0]

    made = _adapters.callback(field.m, field.m, len(field.parameters), 1, point)
    return Guarded(motion.m, lambda width: made.address, motion.surface, motion.surfaces,
                   motion.context, motion.timed, made=made)


@dataclass(frozen=True)
class Guarded(Motion):
    """A motion with a callback, which it keeps alive."""

    made: Any = None


def first_steps(field: Any, p: np.ndarray, t0: float, y0: np.ndarray, end: float, method: Any,
                sides: np.ndarray) -> dict[int, Start]:
    """Return the first steps of the runs whose start has one, by the number of the run.

    Parameters
    ----------
    p, y0 : ndarray, shape (N, P) and (N, m)
        Parameters and starts of runs whose field is not finite at t0.
    method : Adaptive
        Its tolerances, h0 and max_step hold for this step.
    sides : ndarray, shape (S,)
        The sides at the start, of all runs; on a surface both are tried.
    """
    direction = 1.0 if end > t0 else -1.0
    longest = min(abs(end - t0), method.max_step, method.h0 or np.inf, 1.0)
    problems = [Problem(field, p, t0, y0, direction, method, choice)
                for choice in _choices(field, t0, y0, sides)]
    found: dict[int, Start] = {}
    with np.errstate(all="ignore"):
        for length in (longest * 0.25 ** np.arange(CUTS)).tolist():
            for problem in problems:
                left = np.array([i for i in range(len(y0)) if i not in found], dtype=int)
                if not len(left):
                    return found
                found |= problem.step(left, length)
    return found


def _choices(field: Any, t0: float, y0: np.ndarray, sides: np.ndarray) -> list[np.ndarray]:
    """Return the sides to try: both of each surface on which the start lies (at most six)."""
    if not field.surfaces:
        return [sides]
    psi = field._rows("surfaces", field.surfaces, np.array([t0]), y0[:1], sides[None])[0]
    free = [i for i in range(field.surfaces) if psi[i] == 0.0 or np.isnan(psi[i])]
    made = []
    for choice in product((1.0, -1.0), repeat=len(free) if len(free) <= 6 else 0):
        one = sides.copy()
        if choice:
            one[free] = choice
        made.append(one)
    return made
