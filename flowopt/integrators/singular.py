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

import functools
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from flowopt import _adapters
from flowopt.integrators.runner import Motion

#: numbers of nodes of the two collocations
FINE, COARSE = 8, 6
#: most cuts of the first step to a quarter
CUTS = 30
#: what the note of a run without a smooth start says
REFUSED = ("The field is not finite at the start, and no start that is smooth in t or in the "
           "square root of t was found.")


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
    """The equation in s from one start; the sides of the surfaces are held fixed."""

    def __init__(self, field: Any, t0: float, y0: np.ndarray, direction: float,
                 tolerance: Any) -> None:
        self.field, self.t0, self.y0, self.direction = field, t0, y0, direction
        self.tolerance = tolerance  # of a state: (m,)
        self.m, self.evaluations = field.m, 0
        self.sides = np.ones(field.surfaces)
        self.resting = np.zeros(self.m, dtype=bool)

    def slopes(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return F at (t, y) for a batch, 0 in resting components."""
        kind = "smooth" if self.field.surfaces else "rhs"
        sides = np.broadcast_to(self.sides, (len(t), len(self.sides)))
        self.evaluations += len(t)
        return at_rest(self.field._rows(kind, self.m, t, y, sides), self.resting)

    def jacobians(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return ∂F/∂y for a batch: (K, m, m)."""
        if self.field.is_kernel:
            made = self.field.jacobian(t, y)
        else:
            sides = np.broadcast_to(self.sides, (len(t), len(self.sides)))
            made = self.field._rows("jacobian", self.m**2, t, y, sides)
            made = made.reshape(-1, self.m, self.m)
        made[:, self.resting, :] = 0.0
        return made

    def guess(self, count: int, roots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return stages (R, K, m) for each root of a length, by three sweeps, and F there.

        v must have moved before g/√v is a number; what is not a number does not move yet.
        """
        rule, m = collocation(count), self.m
        s = roots[:, None] * rule.c  # (R, K)
        t = (self.t0 + self.direction * s**2).ravel()
        factor = self.direction * 2.0 * s[:, :, None] * roots[:, None, None]
        y = np.tile(self.y0, (*s.shape, 1))
        for sweep in range(4):
            slope = self.slopes(t, y.reshape(-1, m)).reshape(y.shape)
            if sweep < 3:
                moves = np.where(np.isfinite(slope), factor * slope, 0.0)
                y = self.y0 + np.einsum("ij,rjm->rim", rule.a, moves)
        return y, slope

    def solve(self, count: int, root: float, y: np.ndarray
              ) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the stages and slopes dy/ds of the collocation on [0, root], or None."""
        rule, m = collocation(count), self.m
        s = root * rule.c
        t = self.t0 + self.direction * s**2
        if (t == self.t0).any():
            return None
        factor = self.direction * 2.0 * s[:, None]
        before = np.inf
        for _ in range(30):
            slope = factor * self.slopes(t, y)
            jacobian = factor[:, :, None] * self.jacobians(t, y)
            if not (np.isfinite(slope).all() and np.isfinite(jacobian).all()):
                return None
            residual = y - self.y0 - root * rule.a @ slope
            matrix = -root * np.einsum("ij,jkl->ikjl", rule.a, jacobian)
            matrix = matrix.reshape(count * m, count * m) + np.eye(count * m)
            try:
                change = np.linalg.solve(matrix, -residual.ravel()).reshape(count, m)
            except np.linalg.LinAlgError:
                return None
            y = y + change
            size = float(np.abs(change / self.tolerance(y)).max())
            if size <= 1e-6 or (size <= 1e-2 and size >= 0.25 * before):
                slope = factor * self.slopes(t, y)
                return (y, slope) if np.isfinite(slope).all() else None
            before = size
        return None

    def step(self, length: float, guess: np.ndarray) -> Start | None:
        """Return the first step of a length if both collocations agree on it."""
        root = float(np.sqrt(length))
        fine = self.solve(FINE, root, guess)
        if fine is None:
            return None
        coarse = self.solve(COARSE, root, self.guess(COARSE, np.array([root]))[0][0])
        if coarse is None:
            return None
        found = [root * collocation(k).polynomial @ slope for k, slope in ((FINE, fine[1]),
                                                                           (COARSE, coarse[1]))]
        x = np.linspace(0.1, 1.0, 10)[:, None]
        states = [self.y0 + sum(row * x**(d + 1) for d, row in enumerate(rows)) for rows in found]
        off = np.abs(states[0] - states[1]) / self.tolerance(states[0])
        if not off.max() <= 0.1:
            return None
        inside = self.t0 + self.direction * length * x[:, 0]**2
        if not self._keeps_sides(inside, states[0]):
            return None
        end = self.y0 + root * collocation(FINE).b @ fine[1]
        if not np.isfinite(self.slopes(inside[-1:], end[None])).all():
            return None
        return Start(length, end, found[0], self.sides.copy(), self.resting.copy(),
                     self.evaluations)

    def _keeps_sides(self, t: np.ndarray, y: np.ndarray) -> bool:
        if not self.field.surfaces:
            return True
        sides = np.broadcast_to(self.sides, (len(t), len(self.sides)))
        psi = self.field._rows("surfaces", len(self.sides), t, y, sides)
        return bool((psi * self.sides >= 0.0).all())


def at_rest(slopes: np.ndarray, resting: np.ndarray) -> np.ndarray:
    """Return slopes (k, m) with 0 where a resting component is 0/0."""
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
                   motion.context, made)


@dataclass(frozen=True)
class Guarded(Motion):
    """A motion with a callback, which it keeps alive."""

    made: Any = None


def first_step(field: Any, t0: float, y0: np.ndarray, end: float, method: Any,
               sides: np.ndarray, checked: Any = None) -> Start | None:
    """Return the first step of a run whose field is not finite at its start, or None.

    Parameters
    ----------
    method : Adaptive
        Its tolerances, h0 and max_step hold for this step.
    sides : ndarray, shape (S,)
        The sides at the start; on a surface both are tried.
    checked : callable, optional
        ``checked(t, y)`` says of the states inside the step whether nothing happens to them.
    """
    direction, atol = (1.0 if end > t0 else -1.0), method.tolerances(field.m)
    problem = Problem(field, t0, y0, direction,
                      lambda y: atol + method.rtol * np.maximum(np.abs(y), np.abs(y0)))
    longest = min(abs(end - t0), method.max_step, method.h0 or np.inf, 1.0)
    lengths = longest * 0.25 ** np.arange(CUTS)
    lengths = lengths[np.abs(t0 + direction * lengths * collocation(FINE).c[0]**2 - t0) > 0.0]
    free = _on_surfaces(field, t0, y0, sides)
    if len(free) > 6:
        return None
    guesses = []
    for choice in product((1.0, -1.0), repeat=len(free)):
        problem.sides = sides.copy()
        problem.sides[free] = choice
        guesses.append((problem.sides, *problem.guess(FINE, np.sqrt(lengths))))
    x = np.linspace(0.1, 1.0, 10) ** 2
    for i, length in enumerate(lengths.tolist()):
        for held, y, slope in guesses:
            problem.sides = held
            problem.resting = _resting(problem, t0 + direction * length, y[i], slope[i])
            if not np.isfinite(at_rest(slope[i], problem.resting)).all():
                continue
            made = problem.step(length, y[i])
            problem.resting = np.zeros(field.m, dtype=bool)
            if made is not None and (checked is None or checked(
                    t0 + direction * length * x, made.at(y0, length * x))):
                return made
    return None


def _on_surfaces(field: Any, t0: float, y0: np.ndarray, sides: np.ndarray) -> list[int]:
    """Return the surfaces on which the start lies, or whose ψ is no number there."""
    if not field.surfaces:
        return []
    psi = field._rows("surfaces", field.surfaces, np.array([t0]), y0[None], sides[None])[0]
    return [i for i in range(field.surfaces) if psi[i] == 0.0 or np.isnan(psi[i])]


def _resting(problem: Problem, t: float, y: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return the components that are 0/0 along the whole step, and 0 when one state is moved.

    Such is −g/√v with g = v = 0: next to v = 0 it is 0, and so the component stays.
    """
    undefined = np.isnan(slope).all(axis=0)
    if not undefined.any():
        return undefined
    m = problem.m
    moved = np.repeat(y[-1:], 2 * m, axis=0)
    moved[np.arange(m), np.arange(m)] += 1e-6
    moved[m + np.arange(m), np.arange(m)] -= 1e-6
    near = problem.slopes(np.full(2 * m, t), moved)
    return undefined & (near == 0.0).any(axis=0)
