"""Explicit Euler or a splitting with noise of the gradient, kicks, and proximal L1 steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from flowopt import _check, _native
from flowopt.integrators.kernels.composed import MANY, OFFSET
from flowopt.integrators.methods import FixedStep, SequentialEuler
from flowopt.integrators.temperature import Heat, checked_temperature


@dataclass(frozen=True)
class Draw:
    """Normal numbers that are drawn in each step, N(0, variance) for each coordinate.

    Attributes
    ----------
    state : str
        The state of the flow that holds them, which the rules of the others read; or empty: they
        are added to θ behind the step.
    variance : float >= 0 or str
        A number, or a formula of time and of the flow's parameters.
    every : int, >= 1
        They are drawn in each so many-th step.
    chance : float in (0, 1]
        The probability that they are drawn in a step.
    diffuses : bool
        Whether the variance is that of a unit of time, and not of a step.
    """

    state: str
    variance: Any
    every: int = 1
    chance: float = 1.0
    diffuses: bool = False

    def of_step(self, h: float) -> Any:
        """Return the variance of a step of length h."""
        return f"{h!r}*({text_of(self.variance)})" if self.diffuses else self.variance


@dataclass(frozen=True)
class Shrink:
    """A proximal step of κ‖θ‖₁ behind each step: θᵢ moves towards 0 by κ h, and stays there.

    Attributes
    ----------
    parameter : str
        The flow's parameter of the penalty, whose term the step itself leaves out.
    speed : str
        κ as a formula of time and of the flow's parameters.
    """

    parameter: str
    speed: str


@dataclass(frozen=True)
class ComposedEuler(FixedStep):
    """A step of (Gauss–Seidel) Euler with what optimizers are composed with; order 1.

    Made by `Optimizer.with_noise`, `Optimizer.with_kicks` and ``Optimizer.with_l1(proximal=True)``.
    One step: the `draws` for states are made; the step is taken, without the term of `shrink`; the
    thresholds of `shrink` are applied (forward–backward splitting); the other draws are added.

    Random numbers come from a counter (see `EulerMaruyama`): they depend on the seed, the number
    of the run and that of the step alone.

    Source: Combettes & Wajs, Multiscale Model. Simul. 4 (2005) 1168, section 3, for the proximal
    step.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    groups : sequence of sequences of str, optional
        As for `SequentialEuler`; None is explicit Euler.
    draws : tuple of Draw
        Up to two.
    shrink : Shrink, optional
        The proximal step.
    """

    groups: tuple[tuple[str, ...], ...] | None = None
    draws: tuple[Draw, ...] = ()
    shrink: Shrink | None = None
    order: ClassVar[int] = 1
    #: what methods with a temperature have
    temperature: ClassVar[float] = 0.0
    cost: ClassVar[tuple[int, int]] = (1, 0)

    @property
    def stochastic(self) -> bool:  # type: ignore[override]
        """Whether it draws."""
        return bool(self.draws)

    def ordered(self, field: Any) -> list[tuple[str, ...]]:
        """Return the names of the blocks that are updated together, in their order."""
        if self.groups is None:
            return [tuple(name for name, _, _ in field.blocks)]
        return SequentialEuler(self.h, self.groups).ordered(field)

    def phases(self, field: Any) -> list[list[int]]:
        """Return the rows that are updated together, in the order in which they are updated."""
        ranges = {name: range(a, b) for name, a, b in field.blocks}
        return [[row for name in group for row in ranges[name]] for group in self.ordered(field)]

    def check(self, vector_field: Any, p: np.ndarray, start: float, end: float) -> None:
        """Refuse, before any work, a variance or a speed that is negative or no number."""
        if self.shrink is not None and end < start:
            raise ValueError("t must run forwards for a proximal step, which has no inverse, got "
                             f"({start:g}, {end:g})")
        formulas = [("variance of the noise", d.of_step(self.h)) for d in self.draws]
        formulas += [("threshold of L1", self.shrink.speed)] if self.shrink else []
        for what, formula in formulas:
            try:
                heat = heat_of(formula, vector_field)
                heat.refuse_extra()
                heat.check(p, start, self.steps(start, end), (0.0,))
            except (ValueError, TypeError) as error:
                raise type(error)(str(error).replace("temperature", f"the {what}")) from None

    def apparatus(self, field: Any, p: np.ndarray, width: int, span: tuple[float, float],
                  lane0: int, seed: Any) -> Extras:
        """Return what the compiled stepper needs for a block of lanes."""
        return Extras(self, field, p, width, span, lane0, seed)


class Extras:
    """What the compiled stepper of `ComposedEuler` needs for a block of lanes."""

    name = "composed"
    many = 1

    def __init__(self, method: ComposedEuler, field: Any, p: np.ndarray, width: int,
                 span: tuple[float, float], lane0: int, seed: Any) -> None:
        from flowopt.integrators.fixed import phases_of
        from flowopt.integrators.stochastic import buffered_steps, keys_of

        m, n = field.m, field.n
        ranges = {name: a for name, a, _ in field.blocks}
        held = buffered_steps(n, width)
        self.whole = self._whole(method, field, width)
        self.sizes = np.zeros(12, dtype=np.int64)
        self.sizes[[0, 1, 9]] = m, n, held
        self.sizes[MANY], self.sizes[OFFSET] = len(method.draws), round(span[0] / method.h)
        table, variance = [], np.zeros((2, width))
        for i, draw in enumerate(method.draws):
            heat = heat_of(draw.of_step(method.h), field)
            variance[i] = heat.values(span[0], p)
            table += [ranges[draw.state] if draw.state else -1,
                      heat.address(width) if heat.timed else 0, draw.every]
        chance = np.array([*(d.chance for d in method.draws), 1.0, 1.0])
        speed, heat_address, bare = np.zeros(width), 0, np.zeros((max(p.shape[1], 1), width))
        bare[:p.shape[1]] = p.T
        if method.shrink is not None:
            heat = heat_of(method.shrink.speed, field)
            speed[:] = heat.values(span[0], p)
            heat_address = heat.address(width) if heat.timed else 0
            bare[list(field.parameters).index(method.shrink.parameter)] = 0.0
        word = np.zeros(4 * max(width, held // 2, n if held == 2 else 1), dtype=np.int64)
        self.work = _native.aligned((2 * m + 8) * width + 2 * n * held * width)
        phases = np.zeros(1, dtype=np.int64) if self.whole else phases_of(field, method, width)
        self.head = (self.whole, phases, field.context(width), self.sizes,
                     keys_of(seed, lane0, width), np.array([*table, 0], dtype=np.int64), chance,
                     variance, heat_address, speed, int(method.shrink is not None), bare, word)

    @staticmethod
    def _whole(method: ComposedEuler, field: Any, width: int) -> int:
        """Return the address of a kernel that does the whole step, or 0: there is none."""
        if not field.is_kernel:
            return int(field.address("euler", width)) if method.groups is None else 0
        if not hasattr(field, "step_address"):
            return 0
        return int(field.step_address(method.ordered(field), width))


def text_of(formula: Any) -> str:
    """Return a number or a formula as text."""
    return formula if isinstance(formula, str) else \
        repr(float(formula)) if isinstance(formula, (int, float)) else str(formula)


def heat_of(formula: Any, field: Any) -> Heat:
    """Return a number or a formula of t and of the flow's parameters as a kernel."""
    if isinstance(formula, str):  # a loss may have a variable t
        formula = re.sub(r"\bt\b", field.time_name, formula)
    return Heat(checked_temperature(formula), field)


def checked_draws(draws: Sequence[Draw]) -> tuple[Draw, ...]:
    """Return up to two draws; refuse more."""
    if len(draws) > 2:
        raise ValueError(f"an optimizer takes at most two sources of noise, got {len(draws)}; "
                         f"{_check.shown([d.state or 'kick' for d in draws])}")
    return tuple(draws)
