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
from typing import Any

import numpy as np

from flowopt.integrators import sides as sides_
from flowopt.integrators.filippov import choices
from flowopt.integrators.hull import Carried, motions, realizable
from flowopt.integrators.slide import Outcome, Slide

#: a velocity counts as zero below this part of the fields that make it up
REST = 1e-13
#: a jump counts as none below this part of the speed: it cannot stop the motion
NO_JUMP = 1e-10
#: for this many surfaces whose jumps multiply each other, all combinations of sides are looked at
MOST_IN_HULL = 8
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
        self.F, self.slopes = self._at(self.single)
        self.w = self._speeds(self.slopes, self.F)
        self.gradients, self.moves = self.slopes[0, :, :-1], self.slopes[0, :, -1]

    def _regimes(self, flips: list[tuple[int, ...]]) -> np.ndarray:
        """Return all sides (V, S) with some flipped, and with them those that they determine."""
        regimes = np.repeat(self.sides[None], len(flips), axis=0)
        for row, flipped in zip(regimes, flips, strict=True):
            row[list(flipped)] *= -1.0
        return self._settled(regimes)

    def _settled(self, regimes: np.ndarray) -> np.ndarray:
        """Return some sides (V, S), those of other surfaces as these have them."""
        return sides_.settled_at(self.field, self.t, self.y, self.sides, regimes,
                                 self.candidates, self.size)

    def _at(self, regimes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return F (V, m), and ∇ψ and ∂ψ/∂t of all surfaces (V, S, m + 1), on some sides (V, S)."""
        count = len(regimes)
        self.evaluations += count
        t, y = np.full(count, self.t), np.repeat(self.y[None], count, axis=0)
        F = sides_.rows(self.field, "smooth", self.field.m, t, y, regimes)
        few = slice(None) if self.nested else slice(0, 1)  # else they do not depend on these sides
        slopes = sides_.slopes_of(self.field, t[few], y[few], regimes[few])
        return F, np.broadcast_to(slopes, (count, *slopes.shape[1:]))

    def _speeds(self, slopes: np.ndarray, F: np.ndarray) -> np.ndarray:
        """Return the candidates' dψ/dt along the run (V, k)."""
        return self.direction * sides_.speeds(slopes[:, self.candidates], F)

    def _torn(self, regimes: np.ndarray) -> np.ndarray:
        """Return ψ of the candidates (V, k) where it is not zero on these sides; else 0.

        ψ itself jumps where it holds a derivative of |x|, as for sign flow on a loss with a kink.
        """
        if not sides_.jumping(self.field, self.candidates):
            return np.zeros((len(regimes), len(self.candidates)))
        t, y = np.full(len(regimes), self.t), np.repeat(self.y[None], len(regimes), axis=0)
        psi = sides_.psi_of(self.field, t, y, regimes)[:, self.candidates]
        near = sides_.roundings(self.slopes[:1], t[:1], np.full((1, self.field.m), self.size))
        near = near[0, self.candidates]
        jump = np.ptp(psi, axis=0)
        return np.where((jump > 1e3 * near) & (np.abs(psi) > 1e-3 * jump), psi, 0.0)

    def _independent(self, jump: np.ndarray) -> bool:
        """Return whether the sides are a box of independent numbers, as `choices` takes them.

        The field and the speeds are then affine in them, every choice of sides has a region, and
        the speeds tell the sides apart.
        """
        if len(self.candidates) > 1 and (self._torn(self.single).any() or self._bends()
                                         or self._multiply()):
            return False
        return not (self._bound(jump) or self._grazes(jump))

    def _multiply(self) -> bool:
        """Return whether the jumps of two candidates multiply each other here."""
        chosen = set(self.candidates)
        pairs = [tuple(p) for p in self.field.meta["pairs"] if chosen.issuperset(p)]
        pairs += [tuple(sorted((i, j))) for i in chosen.intersection(self.field.meta["inner"])
                  for j in chosen if i != j]
        if not pairs:
            return False
        place = {i: n + 1 for n, i in enumerate(self.candidates)}
        F, slopes = self._at(self._regimes(sorted(set(pairs))))
        for one, row in ((self.F, F), (self.w, self._speeds(slopes, F))):
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
        if not self.nested or len(self.candidates) > MOST_IN_HULL:
            return False
        slopes = self.slopes[:, self.candidates]
        return bool((np.ptp(slopes, axis=0) > NO_JUMP * np.abs(slopes).max(axis=0)).any())

    def outcome(self, starts: bool = False, without: np.ndarray | None = None) -> Outcome:
        """Return how the motion goes on, or how it can begin.

        `without` are sides whose field has come to have no share in the motion.
        """
        here = self.sides[self.candidates]
        if not starts and (here * self.w[0] > 0.0).all():  # it only touched them
            return Outcome("move", self.sides)
        jump, speed_jump = self.F[1:] - self.F[0], self.w[1:] - self.w[0]
        if without is not None or not self._independent(jump):
            return self._from_hull(without)
        size = np.abs(self.w).max(axis=0)
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
            return self._from_hull(None)  # more surfaces than conditions on their shares
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
        if not 1 < k <= MOST_IN_HULL or not (lengths > 0.0).all():
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
        if self.nested or len(self.candidates) > MOST_IN_HULL:
            return False
        terms = np.abs(self.gradients[self.candidates]) @ np.abs(self.F).max(axis=0)
        terms += np.abs(self.moves[self.candidates])
        flat = np.abs(self.w).max(axis=0) <= 4 * sides_.EPS * terms.max()
        jumps = np.abs(jump).max(axis=1) > NO_JUMP * np.abs(self.F).max()
        return bool((flat & jumps).any())

    def _from_hull(self, without: np.ndarray | None) -> Outcome:
        """Return the outcome by `flowopt.integrators.hull`: nothing is asked of the sides."""
        k = len(self.candidates)
        if k > MOST_IN_HULL:
            return self._stop(True, f"{k} surfaces meet whose jumps multiply each other; at most "
                              f"{MOST_IN_HULL} are looked at")
        cases = sorted(itertools.product((0, 1), repeat=k), key=sum)  # the nearest sides first
        flips = [tuple(i for i, f in zip(self.candidates, case, strict=True) if f)
                 for case in cases]
        regimes = self._regimes(flips)
        F, slopes = self._at(regimes)
        slopes = slopes[:, self.candidates]
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
        return self._one_of([self._hull_way(one, regimes, scale) for one in found], scale)

    def _flat(self, F: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return to which surfaces the field is tangent on every side: (k,) of bool."""
        speeds, terms = sides_.speeds(slopes, F), sides_.speeds(np.abs(slopes), np.abs(F))
        inner = np.isin(self.candidates, self.field.meta["inner"])
        return ~inner & (np.abs(speeds).max(axis=0) <= 4 * sides_.EPS * terms.max())

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
        w = sides_.speeds(sides_.slopes_of(self.field, t, y, regimes)[:, numbers], F)
        self.evaluations += len(t)
        return np.asarray(((w[:m + 1] - w[m + 1:]) / (2 * step[:, None])).T)

    def _hull_way(self, one: Carried, regimes: np.ndarray, scale: float) -> Way:
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
        slide = Slide(self.field, outcome, (self.t, self.y, self.size))
        size = np.abs(self.y).max() or 1.0
        step = 1e-6 * size / np.abs(velocity).max() * self.direction
        t, y = np.array([self.t + step]), (self.y + step * velocity)[None]
        v = slide.slopes(t, y)
        along = list(outcome.along)
        slopes = sides_.slopes_of(self.field, t, y, outcome.sides[None])[:, along]
        terms = sides_.speeds(np.abs(slopes), np.abs(v))[0]
        bend = self.direction * outcome.sides[along] * sides_.speeds(slopes, v)[0]
        return not (bend < -1e-10 * terms).any()

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
        error = method.tolerances(self.field.m) + method.rtol * np.abs(self.y)
        rounding = sides_.roundings(self.slopes[:1], np.array([self.t]), np.abs(self.y)[None])[0]
        return np.asarray((0.1 * np.abs(self.gradients) @ error + 4 * rounding)[list(which)])

    def projected(self, which: tuple[int, ...]) -> np.ndarray:
        """Return the point of the surfaces `which` next to y (Newton's method, least change)."""
        return sides_.projected(self.field, self.t, self.y, self.sides, self.gradients,
                                list(which))


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


