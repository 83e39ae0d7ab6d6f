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
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt import _native
from flowopt._evaluate import evaluate
from flowopt.integrators import runner
from flowopt.integrators import sides as sides_
from flowopt.integrators.filippov import choices
from flowopt.integrators.hull import Carried, motions, realizable
from flowopt.integrators.kernels import sliding as places
from flowopt.integrators.runner import Motion

#: a velocity counts as zero below this part of the fields that make it up
REST = 1e-13
#: a jump counts as none below this part of the speed: it cannot stop the motion
NO_JUMP = 1e-10
#: for this many surfaces whose jumps multiply each other, all combinations of sides are looked at
MOST_MIXED = 8
EPS = 2.0**-52


@dataclass(frozen=True)
class Outcome:
    """How the motion goes on: "move" (with `active` empty: off the surfaces), "rest", or "stop".

    sides : ndarray, shape (S,)
        The sides from now on; those of active surfaces are the ones it came from.
    active : tuple of int
        The surfaces on which it slides.
    along : tuple of int
        Other surfaces along which it runs: nothing holds it there, and nothing leads it away.
    patterns : ndarray, shape (k + 1, S), or None
        For surfaces whose jumps multiply each other: the sides whose fields make up the motion.
        Otherwise they follow from the active surfaces.
    many : bool
        For "stop": whether there are several ways to go on, rather than none.
    note : str
        For "stop": why.
    """

    kind: str
    sides: np.ndarray
    active: tuple[int, ...] = ()
    along: tuple[int, ...] = ()
    patterns: np.ndarray | None = None
    many: bool = False
    note: str = ""

    @property
    def surfaces(self) -> tuple[int, ...]:
        """All surfaces that the motion stays on."""
        return tuple(sorted({*self.active, *self.along}))

    @property
    def held(self) -> tuple[int, ...]:
        """The surfaces on both sides of which the motion is made up: it slides on these."""
        if self.patterns is None:
            return self.active
        both = (self.patterns != self.patterns[0]).any(axis=0)
        return tuple(i for i in self.surfaces if both[i])


#: a velocity, and how the motion goes on with it
Way = tuple[np.ndarray, Outcome]


class Contact:
    """The field at one point, on every side of the candidate surfaces that matters."""

    def __init__(self, vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray,
                 candidates: list[int], direction: float, start: np.ndarray | None = None) -> None:
        self.field, self.t, self.y = vector_field, t, y
        #: the largest number of the state on its way, whose rounding it has
        self.size = float(np.abs(y if start is None else [y, start]).max())
        self.sides, self.candidates, self.direction = sides, candidates, direction
        self.evaluations = 0
        self.nested = bool(set(vector_field.meta["inner"]) & set(candidates))
        self.single = self._regimes([(), *((i,) for i in candidates)])
        self.F, self.w = self._at(self.single)

    def _regimes(self, flips: list[tuple[int, ...]]) -> np.ndarray:
        """Return all sides (V, S) with some flipped, and with them those that they determine."""
        regimes = np.repeat(self.sides[None], len(flips), axis=0)
        for row, flipped in zip(regimes, flips, strict=True):
            row[list(flipped)] *= -1.0
        return self._settled(regimes)

    def _settled(self, regimes: np.ndarray) -> np.ndarray:
        return settled_at(self.field, self.t, self.y, self.sides, regimes, self.candidates,
                          self.size)

    def _at(self, regimes: np.ndarray, slopes: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return F (V, m) and the candidates' speeds (V, k) on some sides (V, S).

        With `slopes`, return ∇ψ and ∂ψ/∂t (V, k, m + 1) instead of the speeds.
        """
        field, m, count = self.field, self.field.m, len(regimes)
        self.evaluations += count
        t, y = np.full(count, self.t), np.repeat(self.y[None], count, axis=0)
        F = field._rows("smooth", m, t, y, regimes)
        rows = slice(None) if self.nested else slice(0, 1)
        rates = field._rows("surface_rates", field.surfaces * (m + 1), t[rows], y[rows],
                            regimes[rows]).reshape(-1, field.surfaces, m + 1)
        self.gradients, self.moves = rates[0, :, :-1], rates[0, :, -1]
        rates = np.broadcast_to(rates[:, self.candidates], (count, len(self.candidates), m + 1))
        if slopes:
            return F, rates
        w = np.einsum("vij,vj->vi", rates[:, :, :-1], F) + rates[:, :, -1]
        return F, self.direction * w

    def _torn(self, regimes: np.ndarray) -> np.ndarray:
        """Return ψ of the candidates (V, k) where it is not zero on these sides; else 0.

        ψ itself jumps where it holds a derivative of |x|, as for sign flow on a loss with a kink.
        """
        if not sides_.jumping(self.field, self.candidates):
            return np.zeros((len(regimes), len(self.candidates)))
        t, y = np.full(len(regimes), self.t), np.repeat(self.y[None], len(regimes), axis=0)
        psi = sides_.psi_of(self.field, t, y, regimes)[:, self.candidates]
        slopes = sides_.slopes_of(self.field, t[:1], y[:1], self.sides[None])
        near = sides_.roundings(slopes, t[:1], np.full((1, self.field.m), self.size))
        near = near[0, self.candidates]
        jump = np.ptp(psi, axis=0)
        return np.where((jump > 1e3 * near) & (np.abs(psi) > 1e-3 * jump), psi, 0.0)

    def mixed(self) -> bool:
        """Return whether the jumps of two candidates multiply each other here."""
        if self._torn(self.single).any() or self._bends():
            return True
        chosen = set(self.candidates)
        pairs = [tuple(p) for p in self.field.meta["pairs"] if chosen.issuperset(p)]
        pairs += [tuple(sorted((i, j))) for i in chosen.intersection(self.field.meta["inner"])
                  for j in chosen if i != j]
        if not pairs:
            return False
        place = {i: n + 1 for n, i in enumerate(self.candidates)}
        both = self._at(self._regimes(sorted(set(pairs))))
        for one, row in ((self.F, both[0]), (self.w, both[1])):
            scale = np.abs(one).max(axis=0) + np.abs(row).max(axis=0)
            for values, (i, j) in zip(row, sorted(set(pairs)), strict=True):
                excess = np.abs(values - one[place[i]] - one[place[j]] + one[0])
                if (excess > NO_JUMP * scale).any():
                    return True
        return False

    def _bends(self) -> bool:
        """Return whether a candidate bends where it meets another one: ∇ψ holds its side.

        On a slide dψ/dt is then no mean of those on the sides, as ∇ψ differs between these.
        """
        if not self.nested or len(self.candidates) > MOST_MIXED:
            return False
        count, m = len(self.single), self.field.m
        t, y = np.full(count, self.t), np.repeat(self.y[None], count, axis=0)
        slopes = self.field._rows("surface_rates", self.field.surfaces * (m + 1), t, y, self.single)
        slopes = slopes.reshape(count, -1, m + 1)[:, self.candidates]
        return bool((np.ptp(slopes, axis=0) > NO_JUMP * np.abs(slopes).max(axis=0)).any())

    def outcome(self, starts: bool = False, without: np.ndarray | None = None) -> Outcome:
        """Return how the motion goes on, or how it can begin.

        `without` are sides whose field has come to have no share in the motion.
        """
        here = self.sides[self.candidates]
        if not starts and (here * self.w[0] > 0.0).all():  # it only touched them
            return Outcome("move", self.sides)
        if without is not None or (len(self.candidates) > 1 and self.mixed()):
            return self._outcome_of_mixed(without)
        jump, speed_jump = self.F[1:] - self.F[0], self.w[1:] - self.w[0]
        size = np.abs(self.w).max(axis=0)
        if self._bound(jump) or self._grazes(jump):
            return self._outcome_of_mixed(None)
        speed_jump[np.abs(speed_jump) <= NO_JUMP * size] = 0.0
        # side v of the candidates flips where the share (1 − here_v u_v)/2 of F_v is 1
        q = self.w[0] + speed_jump.sum(axis=0) / 2
        R = -(here[:, None] * speed_jump).T / 2
        found = choices(q, R, here)
        acts = np.abs(speed_jump).max(axis=1) > 0.0
        ways = [self._affine_way(u, self.F[0] + ((1 - here * u) / 2) @ jump, acts, size)
                for u in found.u]
        outcome = self._one_of(ways, np.abs(self.F).max())
        place = [self.candidates.index(i) for i in outcome.active]
        if outcome.kind == "move" and _singular(R[np.ix_(place, place)]):
            return self._outcome_of_mixed(None)  # more surfaces than conditions on their shares
        return outcome

    def _affine_way(self, u: np.ndarray, velocity: np.ndarray, acts: np.ndarray, size: np.ndarray
                    ) -> Way:
        """Return the motion of the sides u; `acts` where the field jumps, `size` of the speeds."""
        numbers, here = np.array(self.candidates), self.sides[self.candidates]
        inner = np.abs(u) < 1.0 - 1e-9
        sides = self.sides.copy()
        sides[numbers] = np.where(inner, here, np.where(u < 0, -1.0, 1.0))
        sides = self._settled(sides[None])[0]
        active = tuple(numbers[inner & acts].tolist())
        if self.field.autonomous and np.abs(velocity).max() <= REST * np.abs(self.F).sum():
            return velocity, Outcome("rest", sides, active)
        speed = self.direction * (self.gradients @ velocity + self.moves)[numbers]
        still = numbers[np.abs(speed) <= 1e-9 * size].tolist()
        return velocity, Outcome("move", sides, active, tuple(i for i in still if i not in active))

    def _bound(self, jump: np.ndarray) -> bool:
        """Return whether sides belong together, so that not every choice of them has a region.

        That is so where gradients depend on each other, as those of x and of sin(x) do. Where each
        jump J_i is along minus its own gradient, the box of all sides u still gives Filippov's set:
        a corner of {Σ u_i J_i}, where u_i = sign(d·J_i), is on the sides of the direction −d.
        """
        k = len(self.candidates)
        normals = np.column_stack([self.gradients, self.moves])[self.candidates]
        lengths = np.linalg.norm(normals, axis=1)
        if not 1 < k <= MOST_MIXED or not (lengths > 0.0).all():
            return False
        normals = normals / lengths[:, None]
        if np.linalg.matrix_rank(normals, tol=1e-9) == k:
            return False
        along = (self.sides[self.candidates] * jump.T).T  # −2 J
        parts = np.einsum("ij,ij->i", along, normals[:, :-1])
        rest = np.abs(along - parts[:, None] * normals[:, :-1]).max(axis=1)
        return bool((rest > NO_JUMP * np.abs(self.F).max()).any() or (parts < 0.0).any()
                    or normals[:, -1].any())

    def _grazes(self, jump: np.ndarray) -> bool:
        """Return whether the field is tangent to a surface on all sides, and jumps there.

        Then dψ/dt does not tell the sides apart, and d²ψ/dt² has to.
        """
        if self.nested or len(self.candidates) > MOST_MIXED:
            return False
        terms = np.abs(self.gradients[self.candidates]) @ np.abs(self.F).max(axis=0)
        terms += np.abs(self.moves[self.candidates])
        flat = np.abs(self.w).max(axis=0) <= 4 * EPS * terms.max()
        jumps = np.abs(jump).max(axis=1) > NO_JUMP * np.abs(self.F).max()
        return bool((flat & jumps).any())

    def _outcome_of_mixed(self, without: np.ndarray | None) -> Outcome:
        k = len(self.candidates)
        if k > MOST_MIXED:
            return self._stop(True, f"{k} surfaces meet whose jumps multiply each other; at most "
                              f"{MOST_MIXED} are looked at")
        cases = sorted(itertools.product((0, 1), repeat=k), key=sum)  # the nearest sides first
        flips = [tuple(i for i, f in zip(self.candidates, case, strict=True) if f)
                 for case in cases]
        regimes = self._regimes(flips)
        F, slopes = self._at(regimes, slopes=True)
        patterns, torn = regimes[:, self.candidates], self._torn(regimes)
        there = ~(torn * patterns < 0.0).any(axis=1)
        if torn.any():
            slopes = np.where((torn != 0.0)[:, :, None], 0.0, slopes)
        there[there] = realizable(patterns[there], slopes[there])
        if without is not None:
            there &= (patterns != without[self.candidates]).any(axis=1)
        F, slopes, regimes = F[there], slopes[there], regimes[there]
        patterns, torn = patterns[there], torn[there]
        if not np.isfinite(F).all() or not np.isfinite(slopes).all():
            return self._stop(False, "the field is not finite on one of their sides")
        flat = self._flat(F, slopes)
        if flat.any():
            slopes[:, flat] = self._second_slopes(np.array(self.candidates)[flat])
        found = motions(F, patterns, slopes, self.direction, ~flat, torn)
        if found is None:
            return self._stop(True)
        scale = np.abs(F).max()
        return self._one_of([self._mixed_way(one, regimes, scale) for one in found], scale)

    def _flat(self, F: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return to which surfaces the field is tangent on every side: (k,) of bool."""
        speeds = np.einsum("vij,vj->vi", slopes[:, :, :-1], F) + slopes[:, :, -1]
        terms = np.einsum("vij,vj->vi", np.abs(slopes[:, :, :-1]), np.abs(F))
        terms += np.abs(slopes[:, :, -1])
        inner = np.isin(self.candidates, self.field.meta["inner"])
        return ~inner & (np.abs(speeds).max(axis=0) <= 4 * EPS * terms.max())

    def _second_slopes(self, numbers: np.ndarray) -> np.ndarray:
        """Return the slopes, by differences, of dψ/dt: (len(numbers), m + 1).

        Where ψ and dψ/dt are zero on every side, d²ψ/dt² says to which side the motion goes.
        """
        m = self.field.m
        step = 1e-6 * (np.append(np.full(m, np.abs(self.y).max()), abs(self.t)) + 1e-3)
        shift = np.concatenate([np.diag(step), -np.diag(step)])
        y, t = self.y + shift[:, :m], self.t + shift[:, m]
        regimes = np.repeat(self.sides[None], len(t), axis=0)
        F = self.field._rows("smooth", m, t, y, regimes)
        rates = self.field._rows("surface_rates", self.field.surfaces * (m + 1), t, y,
                                 regimes).reshape(len(t), -1, m + 1)[:, numbers]
        w = np.einsum("vij,vj->vi", rates[:, :, :-1], F) + rates[:, :, -1]
        self.evaluations += len(t)
        return np.asarray(((w[:m + 1] - w[m + 1:]) / (2 * step[:, None])).T)

    def _mixed_way(self, one: Carried, regimes: np.ndarray, scale: float) -> Way:
        """Return a motion of the convex hull."""
        numbers, whole = np.array(self.candidates), regimes[list(one.support)]
        active = tuple(numbers[list(one.held)].tolist())
        stays = numbers[one.face == 0.0].tolist()
        if self.field.autonomous and np.abs(one.velocity).max() <= 10 * REST * scale:
            return one.velocity, Outcome("rest", self.sides, tuple(stays))
        along = tuple(i for i in stays if i not in active)
        return one.velocity, Outcome("move", whole[0], active, along, whole if active else None)

    def _one_of(self, ways: list[Way], scale: float) -> Outcome:
        """Return the way to go on if all are one motion, at least those that last."""
        def one(ways: list[Way]) -> bool:
            return all(np.abs(v - ways[0][0]).max() <= 1e-9 * scale for v, _ in ways[1:])

        if ways and not one(ways):
            ways = [way for way in ways if self._lasts(*way)]
        if not ways or not one(ways):
            return self._stop(bool(ways))
        return ways[0][1]

    def _lasts(self, velocity: np.ndarray, outcome: Outcome) -> bool:
        """Return whether ψ bends to the side that is assumed, where the motion is tangent to ψ = 0.

        That is the sign of d²ψ/dt², from the speed a little further on.
        """
        if outcome.kind == "rest" or not outcome.along:
            return True
        slide = Slide(self.field, outcome.sides, outcome.active, (), outcome.patterns, None,
                      (self.t, self.y, self.size))
        size = np.abs(self.y).max() or 1.0
        step = 1e-6 * size / np.abs(velocity).max() * self.direction
        t, y = np.array([self.t + step]), (self.y + step * velocity)[None]
        v = slide.slopes(t, y)[0]
        rates = self.field._rows("surface_rates", self.field.surfaces * (self.field.m + 1), t, y,
                                 outcome.sides[None]).reshape(-1, self.field.m + 1)
        along = list(outcome.along)
        terms = np.abs(rates[:, :-1]) @ np.abs(v) + np.abs(rates[:, -1])
        bend = (self.direction * outcome.sides * (rates[:, :-1] @ v + rates[:, -1]))[along]
        return not (bend < -1e-10 * terms[along]).any()

    def _stop(self, many: bool, why: str = "") -> Outcome:
        if not why:
            why = ("several Filippov motions leave it, and the field does not say which one"
                   if many else "no side and no convex combination of the fields carries the "
                   "motion on")
        which = ", ".join(str(i) for i in self.candidates)
        surfaces = f"surface {which}" if len(self.candidates) == 1 else f"surfaces {which}"
        return Outcome("stop", self.sides, many=many, note=
                       f"This is on {surfaces} at t={self.t:.9g}: {why}.")

    def slack(self, which: tuple[int, ...], method: Any) -> np.ndarray:
        """Return how far rounding, and a step's error, may lead off surfaces: (len(which),)."""
        slopes, moves = np.abs(self.gradients), np.abs(self.moves)
        error = method.tolerances(self.field.m) + method.rtol * np.abs(self.y)
        made = slopes @ (0.1 * error + 64 * EPS * np.abs(self.y)) + 64 * EPS * moves * abs(self.t)
        return np.asarray(made[list(which)])

    def projected(self, which: tuple[int, ...]) -> np.ndarray:
        """Return the point of the surfaces `which` next to y (Newton's method, least change)."""
        return projected(self.field, self.t, self.y, self.sides, self.gradients, list(which))


def projected(vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray,
              gradients: np.ndarray, which: list[int]) -> np.ndarray:
    """Return the point of some surfaces next to y; `gradients` (S, m) are those of all."""
    for _ in range(2):
        psi = sides_.psi_of(vector_field, np.array([t]), y[None], sides[None])[0, which]
        if not which or not psi.any():
            break
        change = np.linalg.lstsq(gradients[which], psi, rcond=1e-12)[0]
        if not np.abs(change).max() <= 1e-6 * max(1.0, np.abs(y).max()):
            break
        y = y - change
    return y


def settled_at(vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray, regimes: np.ndarray,
               chosen: Sequence[int], size: float) -> np.ndarray:
    """Return `flowopt.integrators.sides.settled` of several sides (V, S) at one point."""
    if not sides_.jumping(vector_field, chosen):
        return regimes
    count = len(regimes)
    which = np.isin(np.arange(regimes.shape[1]), list(chosen))
    return sides_.settled(vector_field, np.full(count, t), np.repeat(y[None], count, axis=0),
                          np.repeat(sides[None], count, axis=0), regimes,
                          np.repeat(which[None], count, axis=0), np.full(count, size))


def _singular(matrix: np.ndarray) -> bool:
    """Return whether a matrix (k, k) has no inverse, or a useless one, each row scaled to 1."""
    if len(matrix) < 2:
        return False
    rows = np.abs(matrix).max(axis=1, keepdims=True)
    return bool((rows == 0.0).any()) or bool(np.linalg.cond(matrix / rows) > 1e12)


def again(t: float, last: float) -> bool:
    """Return whether surfaces are met at t right after they were met: without any motion."""
    return bool(abs(t - last) <= 1e-9 * max(1.0, abs(t)))


def together(t: float, last: float) -> bool:
    """Return whether two times are one, as the limit of switches that accumulate is found."""
    return bool(abs(t - last) <= 1e-11 * max(1.0, abs(t)))


@dataclass
class Slide:
    """The motion on some surfaces, as kernels for the stepper (one lane).

    Its switching functions are the ends of the shares λ of each pattern of sides (positive while
    the motion slides; see kernels/sliding.py), and then ψ of the surfaces that are not active,
    those along which it runs moved away by what rounding and errors of integration may do.
    """

    vector_field: Any
    regime: np.ndarray
    active: tuple[int, ...]
    along: tuple[int, ...] = ()
    patterns: np.ndarray | None = None
    #: how far the motion may get to the wrong side of each surface `along`
    slack: np.ndarray | None = None
    #: time and state at which it begins, and the size of the state on its way
    place: tuple[float, np.ndarray, float] | None = None
    others: list[int] = field(init=False)
    sides: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        made, k, m = self.vector_field, len(self.active), self.vector_field.m
        total = made.surfaces
        self.others = [i for i in range(total) if i not in self.active]
        patterns = self._patterns()
        nested = bool(set(made.meta["inner"]) & set(self.held))
        looked = patterns if sides_.jumping(made, self.held) else patterns[:1]
        self.sides = np.concatenate([np.ones(self.ends), *looked[:, self.others]])
        lengths = [(k + 1) * total, (k + 1) * m, total * (m + 1), k * k, k, k, total, total]
        numbers = np.zeros(sum(lengths))
        base, *rest = (np.cumsum([0, *lengths[:-1]]) * 8 + _native.address(numbers)).tolist()
        numbers[:lengths[0]] = patterns.ravel()
        if self.slack is not None:
            numbers[len(numbers) - total:][list(self.along)] = self.slack
        which = np.array([*self.active, *self.others], dtype=np.int64)
        inner = made.context(1)
        c = np.zeros(places.SLACK + 1, dtype=np.int64)
        c[:4] = (made.address("smooth", 1), made.address("surface_rates", 1),
                 made.address("surfaces", 1), _native.address(inner))
        simplex = self.patterns is not None
        c[places.ROWS:places.EVALUATIONS + 1] = (m, total, k, simplex or not nested, simplex,
                                                 len(looked), 0)
        c[places.WHICH] = _native.address(which)
        c[places.OTHERS] = c[places.WHICH] + 8 * k
        c[places.SIDES:] = base, *rest
        self.context = c
        self._keep = numbers, which, inner

    def near(self, t: float, y: np.ndarray) -> list[int]:
        """Return which of the surfaces `along` the motion still runs along."""
        if self.slack is None:
            return []
        psi = sides_.psi_of(self.vector_field, np.array([t]), y[None],
                            self.regime[None])[0, list(self.along)]
        return [i for i, close in zip(self.along, np.abs(psi) <= 2.0 * self.slack, strict=True)
                if close]

    @property
    def ends(self) -> int:
        """How many functions tell that a share has come to its end."""
        k = len(self.active)
        return 2 * k if self.patterns is None else k + 1

    @property
    def held(self) -> tuple[int, ...]:
        """The surfaces on which the motion slides."""
        return Outcome("move", self.regime, self.active, self.along, self.patterns).held

    def _patterns(self) -> np.ndarray:
        """Return the sides (k + 1, S) whose fields make up the motion."""
        if self.patterns is not None:
            return self.patterns
        made = np.repeat(self.regime[None], len(self.active) + 1, axis=0)
        made[np.arange(1, len(made)), list(self.active)] *= -1.0
        if self.place is None:
            return made
        t, y, size = self.place
        return settled_at(self.vector_field, t, y, self.regime, made, self.active, size)

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
