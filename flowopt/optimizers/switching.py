"""One optimizer after another: at a step, or when progress stalls (Adam, then SGD)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.flow import Flow
from flowopt.integrators.ensemble import Ensemble
from flowopt.integrators.integrate import checked_seed
from flowopt.integrators.status import Status
from flowopt.integrators.trajectory import Events, Stats, Trajectory
from flowopt.optimizers.optimizer import Clock, Optimizer, steps_of
from flowopt.optimizers.running import (
    WITH_STOP,
    WITHOUT,
    marched,
    refuse_with_stop,
    run_one,
    seeds_of,
    starts_of,
)
from flowopt.optimizers.stopping import Stall, checked_rule


class Switched(Optimizer):
    """One optimizer, then another one from where the first ended; made by `switch`.

    The second starts anew: at θ (what the first one reports), with the states, the bias corrections
    and the clock of its own beginning. Steps are counted on, and batches and dropout go on.

    Attributes
    ----------
    parts : (Optimizer, Optimizer)
        The two.
    at, stalls : int or None, Stall or None
        When the first one ends.
    """

    parts: tuple[Optimizer, Optimizer]
    at: int | None
    stalls: Stall | None

    def __init__(self, parts: tuple[Optimizer, Optimizer], at: int | None,
                 stalls: Stall | None) -> None:
        when = f"after {at} steps" if at is not None else "when progress stalls"
        made = {"parts": parts, "at": at, "stalls": stalls,
                "name": f"{parts[0].name} then {parts[1].name}",
                "hyper": {} if at is None else {"at": at}, "maps": {}, "initial": {}, "limits": {},
                "report": "", "note": f"the second {when}", "reference": "", "origins": {}}
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def _none(self, what: str) -> Any:
        raise ValueError(f"{self.name} has no single {what}: take opt.parts[0].{what} before the "
                         f"switch and opt.parts[1].{what} after it")

    @property
    def flow(self) -> Any:  # type: ignore[override]
        """Refuse: there are two."""
        return self._none("flow")

    @property
    def method(self) -> Any:  # type: ignore[override]
        """Refuse: there are two."""
        return self._none("method")

    @property
    def clock(self) -> Clock:  # type: ignore[override]
        """The clock, where both have the same time of a step."""
        one, two = (p.clock for p in self.parts)
        return one if one.step == two.step else self._none("clock")

    @property
    def noisy(self) -> bool:
        """Whether one of the parts draws random numbers."""
        return any(p.noisy for p in self.parts)

    def run(self, loss: Any, x0: Any, steps: int | None = None, *, save_every: int = 1,
            first: int = 0, seed: int | None = None, epochs: int | None = None,
            stop: Stall | None = None) -> Trajectory:
        """Take steps of the first optimizer, then of the second; see `Optimizer.run`.

        ``y`` holds θ only, as the two have other states. The event is the switch. A rule for
        stopping begins anew with the second optimizer.
        """
        steps = steps_of(loss, steps, epochs)
        every = _check.integer("save_every", save_every, at_least=1)
        if first != 0:
            raise ValueError(f"first must be 0 for {self.name}, whose state is not kept at its "
                             f"end, got {_check.shown(first)}; go on with one of opt.parts")
        seed = _seed(self, seed)
        one, two = self.parts
        before = steps if self.at is None else min(self.at, steps)
        rules = [] if stop is None else [("stop", stop)]
        own = [*rules] if self.stalls is None else [*rules, ("stalls", self.stalls)]
        a, fired, _ = _run(one, loss, x0, before, every, seed, 0, own)
        stalled = fired >= 0 and fired == len(rules)
        taken = int(a.t[-1])
        if stalled and taken == steps:  # nothing is left for the second, and nothing ended early
            a = replace(a, status=Status.REACHED_END, note="")
        if (a.status is not Status.REACHED_END and not stalled) or taken == steps:
            return _joined(self, [a], steps, seed)
        after = loss
        if getattr(loss, "drawn", False):
            after = loss.with_parameters(first=loss.parameters["first"] + taken)
        b, _, _ = _run(two, after, a.x[-1], steps - taken, every, seed, 1, rules)
        return _joined(self, [a, b], steps, seed)

    def ensemble(self, loss: Any, x0s: Any, steps: int = 1000, *, stop: Stall | None = None,
                 **options: Any) -> Ensemble:
        """Run from many starts at once, each with its own switch; see `Optimizer.ensemble`."""
        steps = _check.integer("steps", steps, at_least=1)
        unknown = set(options) - {*WITH_STOP, *WITHOUT}
        if unknown:
            raise TypeError(f"ensemble has no option {sorted(unknown)[0]} here; give the number "
                            "of steps as steps=")
        refuse_with_stop(options, "a switch")
        one, two = self.parts
        fields = [p.flow.on(loss) for p in self.parts]
        starts = starts_of(one, fields[0], x0s)
        count = len(starts)
        seed, seeds = seeds_of(self.noisy, options, count, _Noisy(self.noisy, self.name))
        before = steps if self.at is None else min(self.at, steps)
        rules = [] if stop is None else [checked_rule("stop", stop, fields[0].n)]
        own = [*rules] if self.stalls is None else [*rules, checked_rule("stalls", self.stalls,
                                                                         fields[0].n)]
        a = marched(one, fields[0], starts, np.full(count, before),
                    [r.watch(fields[0].loss, count, fields[0].m) for r in own],
                    *_part_seeds(seeds, seed, 0), np.arange(count), options)
        _best(a)
        x = one.reported(fields[0], a.y, a.steps)
        taken, status = a.steps.copy(), a.status.copy()
        goes_on = ((a.status == Status.REACHED_END) | (a.fired == len(rules))) & (taken < steps)
        if goes_on.any():
            which = np.nonzero(goes_on)[0]
            given = _part_seeds(None if seeds is None else seeds[which], seed, 1)
            b = marched(two, fields[1], starts_of(two, fields[1], x[which]), steps - taken[which],
                        [r.watch(fields[1].loss, len(which), fields[1].m) for r in rules],
                        *given, which, options, taken[which])
            _best(b)
            x[which] = two.reported(fields[1], b.y, b.steps)
            taken[which] += b.steps
            status[which] = b.status
        status[(status == Status.EVENT) & (a.fired == len(rules)) & (taken == steps)] = \
            Status.REACHED_END
        return Ensemble(x, taken.astype(float), status, taken, fields[0].n, seed=seed,
                        vector_field=fields[0])

    def _each(self, change: Any) -> Switched:
        return Switched((change(self.parts[0]), change(self.parts[1])), self.at, self.stalls)

    def with_l2(self, weight: float) -> Switched:
        """Return the switch between the two optimizers with that penalty."""
        return self._each(lambda p: p.with_l2(weight))

    def with_l1(self, weight: float, proximal: bool = False) -> Switched:
        """Return the switch between the two optimizers with that penalty."""
        return self._each(lambda p: p.with_l1(weight, proximal))

    def with_decay(self, weight: float) -> Switched:
        """Return the switch between the two optimizers with that decay."""
        return self._each(lambda p: p.with_decay(weight))

    def with_kicks(self, size: float, every: int | None = None,
                   probability: float | None = None) -> Switched:
        """Return the switch between the two optimizers with those kicks."""
        return self._each(lambda p: p.with_kicks(size, every, probability))

    def with_noise(self, eta: float = 0.01, gamma: float = 0.55) -> Optimizer:
        """Refuse: the scale of the noise would start anew."""
        return self._alone("with_noise")

    def with_average(self, average: Any) -> Optimizer:
        """Refuse: averages of the two are not one."""
        return self._alone("with_average")

    def with_step(self, step: float) -> Optimizer:
        """Refuse: there are two clocks."""
        return self._alone("with_step")

    def _alone(self, what: str) -> Optimizer:
        raise ValueError(f"{what} has no one meaning for {self.name}; apply it to the parts before "
                         "they are joined by switch")

    def __repr__(self) -> str:
        return f"<Optimizer {self.name}: {self.note}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Switched) and (self.parts, self.at, self.stalls) == (
            other.parts, other.at, other.stalls)

    def __hash__(self) -> int:
        return hash((self.name, self.at, self.stalls))


class _Noisy:
    """What the checks of seeds ask a method."""

    def __init__(self, stochastic: bool, name: str) -> None:
        self.stochastic, self.name, self.method = stochastic, name, self


def switch(one: Optimizer, two: Optimizer, *, at: int | None = None, stalls: Stall | None = None
           ) -> Switched:
    """Return the optimizer that is `one` up to a step, or until progress stalls, and then `two`.

    Source: Keskar & Socher, arXiv 1712.07628, for Adam and then SGD.

    Parameters
    ----------
    one, two : Optimizer
        The two, each with a flow of its own.
    at : int, >= 1, optional
        The number of steps of the first.
    stalls : Stall, optional
        Or: when it ends.

    Examples
    --------
    >>> import flowopt as fo
    >>> o = fo.optimizers
    >>> opt = o.switch(o.adam(lr=0.1), o.sgd(lr=0.1), at=30)
    >>> run = opt.run("x**2/2 + y**2", [1.0, 1.0], steps=100)
    >>> run.t[-1].item(), run.events.t.tolist(), bool(run.loss[-1] < 1e-6)
    (100.0, [30.0], True)
    """
    for name, part in (("one", one), ("two", two)):
        if not isinstance(part, Optimizer):
            raise TypeError(f"{name} must be an Optimizer, got {_check.shown(part)}")
        if isinstance(part, Switched) or not isinstance(part.flow, Flow):
            raise ValueError(f"{name} must be an optimizer with a flow of its own, and {part.name} "
                             "has none; run the two one after the other")
    if (at is None) == (stalls is None):
        raise ValueError(f"switch takes one of at (a number of steps) and stalls, got at={at} and "
                         f"stalls={_check.shown(stalls)}")
    if at is not None:
        at = _check.integer("at", at, at_least=1)
    else:
        checked_rule("stalls", stalls)
    return Switched((one, two), at, stalls)


def part_seed(seed: int, part: int) -> int:
    """Return the seed of a part of a run: the same numbers must not be drawn again.

    Part 0 has the seed itself; the next has a number made from it by SplitMix64 (Steele, Lea &
    Flood, OOPSLA 2014).
    """
    if part == 0:
        return seed
    mask = 2**64 - 1
    z = (seed + part * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1


def _part_seeds(seeds: np.ndarray | None, seed: int | None, part: int) -> tuple[Any, Any]:
    """Return the seeds, or the seed, of a part."""
    if seeds is not None:
        return np.array([part_seed(int(s), part) for s in seeds], dtype=np.int64), None
    return None, None if seed is None else part_seed(seed, part)


def _seed(switched: Switched, seed: int | None) -> int | None:
    return checked_seed(seed, _Noisy(switched.noisy, switched.name))


def _run(part: Optimizer, loss: Any, x0: Any, steps: int, every: int, seed: int | None,
         number: int, rules: Any) -> Any:
    own = part_seed(seed, number) if seed is not None and part.noisy else None
    return run_one(part, loss, x0, steps, every, 0, own, rules)


def _best(march: Any) -> None:
    """Give the best state where the rule asks for it."""
    for watch in march.watches:
        if watch.rule.keeps_best:
            some = np.isfinite(watch.best) & (march.status != Status.CANCELLED)
            march.y[some], march.steps[some] = watch.best_state[some], watch.best_step[some]


def _joined(switched: Switched, parts: list[Trajectory], steps: int, seed: int | None
            ) -> Trajectory:
    """Return the runs of the parts as one; y is θ."""
    last, n = parts[-1], parts[0].n
    t, x, found = parts[0].t, parts[0].x, []
    status, note = last.status, last.note
    if len(parts) > 1:
        at = float(t[-1])
        found.append((at, x[-1], 0, "event"))
        t, x = np.concatenate([t, last.t[1:] + at]), np.concatenate([x, last.x[1:]])
        note = f"{note} The switch was after step {at:g}.".strip()
    stats = [p.stats for p in parts]
    total = Stats(*(sum(getattr(s, name) for s in stats)
                    for name in ("n_steps", "n_rejected", "n_rhs", "n_jac", "seconds")))
    loss = parts[0].vector_field.loss
    return Trajectory(t, x, status, total, Events.of(found, n), n, tuple(loss.names),
                      switched.name, f"{switched.name} on {loss.name}", note, seed, None,
                      last.vector_field)
