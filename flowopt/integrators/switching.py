"""What happens on a switching surface: the motion crosses it, slides on it, or leaves it.

On ψ = 0 let F₊ and F₋ be the field on its two sides, and a± = ∇ψ·F± + ∂ψ/∂t the speeds at which
they move ψ. A motion that arrives from one side crosses when the other side carries it on. When
both sides push it back (a₊ < 0 < a₋) it slides with the convex combination that keeps ψ = 0,

    F_s = (a₋ F₊ − a₊ F₋) / (a₋ − a₊)          (Filippov 1988, §4, Eq. (7)),

until a₊ or a₋ changes sign. Where F_s = 0 the motion rests on the surface for ever. A run that
goes backwards in time meets the speeds with the opposite sign; F_s is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _adapters
from flowopt.integrators.runner import Motion

#: F_s counts as zero below this part of |F₊| + |F₋|: the rounding of the combination
REST = 1e-13


@dataclass(frozen=True)
class OneSided:
    """The field and its speeds on the two sides of one surface."""

    plus: np.ndarray  # F₊ (m,)
    minus: np.ndarray  # F₋ (m,)
    speed_plus: float  # a₊
    speed_minus: float  # a₋

    @property
    def attracts(self) -> bool:
        """Whether both sides push the motion to the surface."""
        return self.speed_plus < 0.0 < self.speed_minus

    @property
    def sliding(self) -> np.ndarray:
        """The sliding field F_s (m,)."""
        total = self.speed_minus - self.speed_plus
        return (self.speed_minus * self.plus - self.speed_plus * self.minus) / total

    @property
    def rests(self) -> bool:
        """Whether F_s is zero to rounding."""
        size = np.abs(self.plus).max() + np.abs(self.minus).max()
        return bool(np.abs(self.sliding).max() <= REST * size)


def speeds(field: Any, t: float, y: np.ndarray, sides: np.ndarray,
           F: np.ndarray) -> np.ndarray:
    """Return dψ/dt along F for every surface: (S,)."""
    rows = field._rows("surface_rates", field.surfaces * (field.m + 1), np.array([t]), y[None],
                       sides[None])[0].reshape(field.surfaces, field.m + 1)
    return rows[:, :-1] @ F + rows[:, -1]


def one_sided(field: Any, t: float, y: np.ndarray, sides: np.ndarray, which: int,
              direction: float = 1.0) -> OneSided:
    """Return the field on both sides of surface `which`, the other sides held fixed.

    The speeds are those of a run in the given `direction` of time (1 or −1).
    """
    found = []
    for side in (1.0, -1.0):
        regime = sides.copy()
        regime[which] = side
        F = field._rows("smooth", field.m, np.array([t]), y[None], regime[None])[0]
        found.append((F, direction * float(speeds(field, t, y, regime, F)[which])))
    return OneSided(found[0][0], found[1][0], found[0][1], found[1][1])


def decide(field: Any, t: float, y: np.ndarray, sides: np.ndarray, which: int,
           direction: float = 1.0) -> tuple[str, OneSided]:
    """Return 'cross', 'slide', 'rest' or 'graze' for a motion that meets surface `which`."""
    both = one_sided(field, t, y, sides, which, direction)
    here = sides[which]
    other_speed = -here * (both.speed_minus if here > 0 else both.speed_plus)
    here_speed = here * (both.speed_plus if here > 0 else both.speed_minus)
    if both.attracts:
        return ("rest" if both.rests and field.autonomous else "slide"), both
    if other_speed >= 0.0:
        other = both.minus if here > 0 else both.plus
        still = not np.abs(other).max() > 0.0
        return ("rest" if still and field.autonomous else "cross"), both
    return ("graze" if here_speed > 0.0 else "cross"), both


def initial_sides(field: Any, t: float, y: np.ndarray, direction: float = 1.0
                  ) -> tuple[np.ndarray, int]:
    """Return the sides at a start, and the surface on which it starts sliding (or −1).

    A start on a surface takes the side into which the field moves it. CHATTERING (−2) is returned
    when the start lies on a surface and no side is consistent.
    """
    sides = np.ones(field.surfaces)
    for i in range(field.surfaces):
        psi = field._rows("surfaces", field.surfaces, np.array([t]), y[None], sides[None])[0]
        sides[i] = np.sign(psi[i])
        if sides[i] == 0.0:
            sides[i] = 1.0
    psi = field._rows("surfaces", field.surfaces, np.array([t]), y[None], sides[None])[0]
    on = [i for i in range(field.surfaces) if psi[i] == 0.0]
    sliding = -1
    for i in on:
        both = one_sided(field, t, y, sides, i, direction)
        if both.attracts:
            if sliding >= 0:
                return sides, -2
            sliding = i
        elif both.speed_plus >= 0.0 and not both.speed_minus < 0.0:
            sides[i] = 1.0
        elif both.speed_minus <= 0.0 and not both.speed_plus > 0.0:
            sides[i] = -1.0
    return sides, sliding


class Slide:
    """The motion on one surface, as kernels: F_s, and the functions whose sign keeps it there.

    The first two functions are −a₊ and a₋ (both positive while the motion slides), the others
    are ψ of the other surfaces, and the last ones the user's events.
    """

    def __init__(self, field: Any, sides: np.ndarray, which: int, direction: float,
                 watch: Any) -> None:
        self.watch = watch
        self.field, self.which, self.direction = field, which, direction
        self.regime = sides.copy()
        self.others = [i for i in range(field.surfaces) if i != which]
        self.sides = np.array([1.0, 1.0, *(sides[i] for i in self.others)])
        count = len(self.sides) + watch.count
        parameters = len(field.parameters)
        self.rhs = {w: _adapters.callback(field.m, field.m, parameters, w, self._field)
                    for w in (1,)}
        self.functions = {w: _adapters.callback(field.m, count, parameters, w, self._functions)
                          for w in (1,)}

    def _field(self, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        return one_sided(self.field, t, y, self.regime, self.which).sliding

    def _functions(self, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        both = one_sided(self.field, t, y, self.regime, self.which, self.direction)
        psi = self.field._rows("surfaces", self.field.surfaces, np.array([t]), y[None],
                               self.regime[None])[0]
        return np.array([-both.speed_plus, both.speed_minus, *(psi[i] for i in self.others),
                         *self.watch.values(t, y, self.regime)])

    def slopes(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return F_s for a batch: what dense output needs."""
        return np.array([self._field(a, b, np.zeros(0)) for a, b in zip(t, y, strict=True)])

    @property
    def motion(self) -> Motion:
        """The motion on the surface, for the stepper (one lane)."""
        return Motion(self.field.m, lambda w: self.rhs[w].address,
                      lambda w: self.functions[w].address,
                      len(self.sides) + self.watch.count, self.field.context)

    def raise_pending(self) -> None:
        """Raise what went wrong in a callback."""
        for made in (*self.rhs.values(), *self.functions.values()):
            made.raise_pending("the sliding field")
