"""What happens where switching surfaces meet the motion: it crosses, slides, leaves, or rests.

On the surfaces ψ_i = 0, i in a set of *candidates*, the field takes a value for each choice of
sides. Which of them, or which convex combination, carries the motion on is Filippov's problem of
`flowopt.integrators.filippov`; this module asks the field for its data, and makes the outcome a
set of sides and of *active* surfaces, on which the motion slides. For one surface with the speeds
a± = ∇ψ·F± + ∂ψ/∂t, the motion slides when a₊ < 0 < a₋, with

    F_s = (a₋ F₊ − a₊ F₋) / (a₋ − a₊)          (Filippov 1988, §4, Eq. (7)),

until a₊ or a₋ changes sign. Where F_s = 0 the motion rests for ever. A run that goes backwards in
time meets the speeds with the opposite sign; F_s is the same.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt import _native
from flowopt._evaluate import evaluate
from flowopt.integrators import runner
from flowopt.integrators.filippov import choices, hull_velocities
from flowopt.integrators.kernels import sliding as places
from flowopt.integrators.runner import Motion

#: a velocity counts as zero below this part of the fields that make it up
REST = 1e-13
#: a jump counts as none below this part of the speed: it cannot stop the motion
NO_JUMP = 1e-10
#: for this many surfaces whose jumps multiply each other, all combinations of sides are looked at
MOST_MIXED = 6
EPS = 2.0**-52


@dataclass(frozen=True)
class Outcome:
    """How the motion goes on: "move" (with `active` empty: off the surfaces), "rest", or "stop".

    sides : ndarray, shape (S,)
        The sides from now on; those of active surfaces are the ones it came from.
    active : tuple of int
        The surfaces on which it slides.
    many : bool
        For "stop": whether there are several ways to go on, rather than none.
    note : str
        For "stop": why.
    """

    kind: str
    sides: np.ndarray
    active: tuple[int, ...] = ()
    many: bool = False
    note: str = ""


class Contact:
    """The field at one point, on every side of the candidate surfaces that matters."""

    def __init__(self, vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray,
                 candidates: list[int], direction: float) -> None:
        self.field, self.t, self.y = vector_field, t, y
        self.sides, self.candidates, self.direction = sides, candidates, direction
        self.evaluations = 0
        single = [(), *((i,) for i in candidates)]
        self.F, self.w = self._at(single)

    def _at(self, flips: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
        """Return F (V, m) and the candidates' speeds (V, k) with some sides flipped."""
        field, m, count = self.field, self.field.m, len(flips)
        self.evaluations += count
        regimes = np.repeat(self.sides[None], count, axis=0)
        for row, flipped in zip(regimes, flips, strict=True):
            row[list(flipped)] *= -1.0
        t, y = np.full(count, self.t), np.repeat(self.y[None], count, axis=0)
        F = field._rows("smooth", m, t, y, regimes)
        alike = not set(field.meta["inner"]) & set(self.candidates)
        rows = slice(0, 1) if alike else slice(None)
        rates = field._rows("surface_rates", field.surfaces * (m + 1), t[rows], y[rows],
                            regimes[rows]).reshape(-1, field.surfaces, m + 1)
        self.gradients = rates[0, :, :-1]
        rates = np.broadcast_to(rates[:, self.candidates], (count, len(self.candidates), m + 1))
        w = np.einsum("vij,vj->vi", rates[:, :, :-1], F) + rates[:, :, -1]
        return F, self.direction * w

    def mixed(self) -> bool:
        """Return whether the jumps of two candidates multiply each other here."""
        chosen = set(self.candidates)
        pairs = [tuple(p) for p in self.field.meta["pairs"] if chosen.issuperset(p)]
        pairs += [tuple(sorted((i, j))) for i in chosen.intersection(self.field.meta["inner"])
                  for j in chosen if i != j]
        if not pairs:
            return False
        place = {i: n + 1 for n, i in enumerate(self.candidates)}
        both = self._at(sorted(set(pairs)))
        for one, row in ((self.F, both[0]), (self.w, both[1])):
            scale = np.abs(one).max(axis=0) + np.abs(row).max(axis=0)
            for values, (i, j) in zip(row, sorted(set(pairs)), strict=True):
                excess = np.abs(values - one[place[i]] - one[place[j]] + one[0])
                if (excess > NO_JUMP * scale).any():
                    return True
        return False

    def outcome(self, starts: bool = False) -> Outcome:
        """Return how the motion goes on, or how it can begin."""
        here = self.sides[self.candidates]
        if not starts and (here * self.w[0] > 0.0).all():  # it only touched them
            return Outcome("move", self.sides)
        if len(self.candidates) > 1 and self.mixed():
            return self._outcome_of_mixed()
        jump, speed_jump = self.F[1:] - self.F[0], self.w[1:] - self.w[0]
        size = np.abs(self.w).max(axis=0)
        speed_jump[np.abs(speed_jump) <= NO_JUMP * size] = 0.0
        # side v of the candidates flips where the share (1 − here_v u_v)/2 of F_v is 1
        q = self.w[0] + speed_jump.sum(axis=0) / 2
        R = -(here[:, None] * speed_jump).T / 2
        found = choices(q, R, here)
        moves = [(u, self.F[0] + ((1 - here * u) / 2) @ jump) for u in found.u]
        if not moves:
            return self._stop(False)
        scale = np.abs(self.F).max()
        first = moves[0][1]
        if any(np.abs(v - first).max() > 1e-9 * scale for _, v in moves[1:]):
            return self._stop(True)
        u, velocity = moves[0]
        inner = np.abs(u) < 1.0 - 1e-9
        acts = np.abs(speed_jump).max(axis=1) > 0.0
        sides = self.sides.copy()
        sides[self.candidates] = np.where(inner, here, np.where(u < 0, -1.0, 1.0))
        active = tuple(i for i, a in zip(self.candidates, inner & acts, strict=True) if a)
        if self.field.autonomous and np.abs(velocity).max() <= REST * np.abs(self.F).sum():
            return Outcome("rest", sides, active)
        return Outcome("move", sides, active)

    def _outcome_of_mixed(self) -> Outcome:
        k = len(self.candidates)
        if k > MOST_MIXED:
            return self._stop(True, f"{k} surfaces meet whose jumps multiply each other; at most "
                              f"{MOST_MIXED} are looked at")
        flips = [tuple(self.candidates[i] for i in range(k) if case[i])
                 for case in itertools.product((0, 1), repeat=k)]
        F, w = self._at(flips)
        into = [n for n, flipped in enumerate(flips) if all(
            w[n, i] * self.sides[c] * (-1.0 if c in flipped else 1.0) > 0.0
            for i, c in enumerate(self.candidates))]
        ends = hull_velocities(F, w)
        scale = np.abs(F).max()
        if len(into) == 1 and ends is None:
            sides = self.sides.copy()
            sides[list(flips[into[0]])] *= -1.0
            return Outcome("move", sides)
        if not into and ends is not None and np.abs(ends[1] - ends[0]).max() <= 1e-9 * scale:
            if self.field.autonomous and np.abs(ends[0]).max() <= 1e-9 * scale:
                return Outcome("rest", self.sides, tuple(self.candidates))
            return self._stop(False, "the jumps of the surfaces multiply each other, and motion "
                              "along such an intersection is not followed")
        if not into and ends is None:
            return self._stop(False)
        return self._stop(True)

    def _stop(self, many: bool, why: str = "") -> Outcome:
        if not why:
            why = ("several Filippov motions leave it, and the field does not say which one"
                   if many else "no side and no convex combination of the fields carries the "
                   "motion on")
        which = ", ".join(str(i) for i in self.candidates)
        surfaces = f"surface {which}" if len(self.candidates) == 1 else f"surfaces {which}"
        return Outcome("stop", self.sides, (), many,
                       f"This is on {surfaces} at t={self.t:.9g}: {why}.")

    def projected(self, which: tuple[int, ...]) -> np.ndarray:
        """Return the point of the surfaces `which` next to y (Newton's method, least change)."""
        y, numbers = self.y, list(which)
        for _ in range(2):
            psi = psi_at(self.field, self.t, y, self.sides)[numbers]
            if not numbers or not psi.any():
                break
            change = np.linalg.lstsq(self.gradients[numbers], psi, rcond=1e-12)[0]
            if not np.abs(change).max() <= 1e-6 * max(1.0, np.abs(y).max()):
                break
            y = y - change
        return y


def psi_at(vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return the switching functions (S,) at a point, the sides of inner ones held fixed."""
    return vector_field._rows("surfaces", vector_field.surfaces, np.array([t]), y[None],
                              sides[None])[0]


def touched(vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray, start: np.ndarray,
            direction: float) -> list[int]:
    """Return the surfaces that the point lies on, or beyond, up to rounding.

    The state has the roundings of the largest one on its way, of which the start is one; within
    them a surface counts if the motion comes to it before the time changes by more than rounding.
    """
    m, at = vector_field.m, np.array([t])
    rates = vector_field._rows("surface_rates", vector_field.surfaces * (m + 1), at,
                               y[None], sides[None])[0].reshape(-1, m + 1)
    slopes, moves = rates[:, :-1], rates[:, -1]
    psi = sides * psi_at(vector_field, t, y, sides)
    near, far = (16 * EPS * (np.abs(slopes) @ size + np.abs(moves * t))
                 for size in (np.abs(y), np.maximum(np.abs(y), np.abs(start))))
    on = (psi <= near) & (psi >= -1e6 * near)
    almost = ~on & (np.abs(psi) <= far)
    if almost.any():
        F = vector_field._rows("smooth", m, at, y[None], sides[None])[0]
        speed = direction * sides * (slopes @ F + moves)
        on |= almost & (speed < 0.0) & (np.abs(psi) <= -speed * 64 * EPS * abs(t))
    return [int(i) for i in np.nonzero(on)[0]]


def initial_sides(vector_field: Any, t: float, y: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the sides at a start, and the surfaces that it lies on exactly."""
    sides = np.ones(vector_field.surfaces)
    for i in range(vector_field.surfaces):  # an inner surface has a lower number than an outer one
        side = np.sign(psi_at(vector_field, t, y, sides)[i])
        sides[i] = 1.0 if side == 0.0 else side
    psi = psi_at(vector_field, t, y, sides)
    return sides, [int(i) for i in np.nonzero(psi == 0.0)[0]]


@dataclass
class Slide:
    """The motion on some active surfaces, as kernels for the stepper (one lane).

    Its switching functions are λ_v and 1 − λ_v of each active surface (both positive while the
    motion slides; see kernels/sliding.py), and then ψ of the other surfaces.
    """

    vector_field: Any
    regime: np.ndarray
    active: tuple[int, ...]
    others: list[int] = field(init=False)
    sides: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        made, k, m = self.vector_field, len(self.active), self.vector_field.m
        total = made.surfaces
        self.others = [i for i in range(total) if i not in self.active]
        self.sides = np.concatenate([np.ones(2 * k), self.regime[self.others]])
        lengths = [total, (k + 1) * m, total * (m + 1), k * k, k, k, total]
        numbers = np.zeros(sum(lengths))
        base, *rest = (np.cumsum([0, *lengths[:-1]]) * 8 + _native.address(numbers)).tolist()
        numbers[:total] = self.regime
        which = np.array([*self.active, *self.others], dtype=np.int64)
        inner = made.context(1)
        c = np.zeros(18, dtype=np.int64)
        c[:4] = (made.address("smooth", 1), made.address("surface_rates", 1),
                 made.address("surfaces", 1), _native.address(inner))
        alike = not set(made.meta["inner"]) & set(self.active)
        c[places.ROWS:places.EVALUATIONS + 1] = m, total, k, alike, 0
        c[places.WHICH] = _native.address(which)
        c[places.OTHERS] = c[places.WHICH] + 8 * k
        c[places.SIDES:] = base, *rest
        self.context = c
        self._keep = numbers, which, inner

    @property
    def evaluations(self) -> int:
        """How often F was evaluated so far."""
        return int(self.context[places.EVALUATIONS])

    def slopes(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return F_s for a batch: what dense output needs."""
        address = runner.stepper("sliding_field", 1).address
        return evaluate(lambda _: address, self.vector_field.m, t, y, self.vector_field.p, None,
                        lambda _: self.context, width=1)

    @property
    def motion(self) -> Motion:
        """The motion on the surfaces, for the stepper."""
        return Motion(self.vector_field.m, lambda _: runner.stepper("sliding_field", 1).address,
                      lambda _: runner.stepper("sliding_surfaces", 1).address, len(self.sides),
                      lambda _: self.context, timed=not self.vector_field.autonomous)
