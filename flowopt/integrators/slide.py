"""How a motion goes on from switching surfaces, and the motion on them as kernels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt import _native
from flowopt._evaluate import evaluate
from flowopt.integrators import runner, sides
from flowopt.integrators.kernels import sliding as places
from flowopt.integrators.runner import Motion


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


@dataclass
class Slide:
    """The motion on some surfaces, as kernels for the stepper (one lane).

    Its switching functions are the ends of the shares λ of each pattern of sides (positive while
    the motion slides; see kernels/sliding.py), and then ψ of the surfaces that are not active,
    those along which it runs moved away by what rounding and errors of integration may do.
    """

    vector_field: Any
    outcome: Outcome
    #: time and state at which it begins, and the size of the state on its way
    place: tuple[float, np.ndarray, float]
    #: how far the motion may get to the wrong side of each surface that it runs along; by default
    #: these are not heeded
    slack: np.ndarray | None = None
    others: list[int] = field(init=False)
    #: of its switching functions
    signs: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        made, active, held = self.vector_field, self.outcome.active, self.outcome.held
        k, m, total = len(active), made.m, made.surfaces
        self.others = [i for i in range(total) if i not in active]
        patterns = self._patterns()
        nested = bool(set(made.meta["inner"]) & set(held))
        looked = patterns if sides.jumping(made, held) else patterns[:1]
        self.signs = np.concatenate([np.ones(self.ends), *looked[:, self.others]])
        lengths = [(k + 1) * total, (k + 1) * m, total * (m + 1), k * k, k, k, total, total]
        numbers = np.zeros(sum(lengths))
        base, *rest = (np.cumsum([0, *lengths[:-1]]) * 8 + _native.address(numbers)).tolist()
        numbers[:lengths[0]] = patterns.ravel()
        if self.slack is not None:
            numbers[len(numbers) - total:][list(self.outcome.along)] = self.slack
        which = np.array([*active, *self.others], dtype=np.int64)
        inner = made.context(1)
        c = np.zeros(places.SLACK + 1, dtype=np.int64)
        c[:4] = (made.address("smooth", 1), made.address("surface_rates", 1),
                 made.address("surfaces", 1), _native.address(inner))
        simplex = self.outcome.patterns is not None
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
        along = list(self.outcome.along)
        psi = sides.psi_of(self.vector_field, np.array([t]), y[None], self.outcome.sides[None])
        close = np.abs(psi[0, along]) <= 2.0 * self.slack
        return [i for i, one in zip(along, close, strict=True) if one]

    @property
    def ends(self) -> int:
        """How many functions tell that a share has come to its end."""
        k = len(self.outcome.active)
        return 2 * k if self.outcome.patterns is None else k + 1

    def _patterns(self) -> np.ndarray:
        """Return the sides (k + 1, S) whose fields make up the motion."""
        outcome = self.outcome
        if outcome.patterns is not None:
            return outcome.patterns
        made = np.repeat(outcome.sides[None], len(outcome.active) + 1, axis=0)
        made[np.arange(1, len(made)), list(outcome.active)] *= -1.0
        t, y, size = self.place
        return sides.settled_at(self.vector_field, t, y, outcome.sides, made, outcome.active, size)

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
                      lambda _: runner.stepper("sliding_surfaces", 1).address, len(self.signs),
                      lambda _: self.context, timed=not self.vector_field.autonomous)
