"""The verb `integrate`: one trajectory of a vector field."""

from __future__ import annotations

import secrets
import time as _time
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.integrators import runner, switching
from flowopt.integrators.dense import Dense, Piece
from flowopt.integrators.events import Event, Watch
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.methods import DOP853, Adaptive, Explicit, checked_method
from flowopt.integrators.runner import Motion, Path, Queue
from flowopt.integrators.status import Status
from flowopt.integrators.trajectory import Events, Stats, Trajectory

#: switches after which a run is called chattering
MOST_SWITCHES = 10_000
#: a path beyond this many bytes is refused, with the number
MOST_BYTES = 8 * 2**30
#: default budget of steps of an adaptive method
MAX_STEPS = 1_000_000


def checked_field(field: Any) -> Any:
    """Return `field` if it is a vector field, else refuse with what to do."""
    from flowopt.flows.field import VectorField
    from flowopt.flows.flow import Flow
    from flowopt.losses.loss import Loss

    if isinstance(field, Flow):
        raise TypeError(f"field must be a vector field, got the flow {field.name}; put it on a "
                        "loss with flow.on(loss)")
    if isinstance(field, Loss):
        raise TypeError("field must be a vector field, got a loss; put a flow on it, for example "
                        "fo.flows.GradientFlow().on(loss)")
    if not isinstance(field, VectorField):
        raise TypeError("field must be a vector field (flow.on(loss) or fo.VectorField), got "
                        f"{_check.shown(field)}")
    return field


def checked_saves(save_at: Any, start: float, end: float) -> np.ndarray:
    """Return the times to save at, checked: finite, in the span, in the order of the run."""
    if save_at is None:
        return np.zeros(0)
    times = _check.array("save_at", save_at, "(k,)", (1,))
    direction = 1.0 if end > start else -1.0
    if (np.diff(times) * direction <= 0).any():
        raise ValueError("save_at must be strictly "
                         f"{'increasing' if direction > 0 else 'decreasing'}, like the run")
    if direction * (times[0] - start) < 0 or direction * (end - times[-1]) < 0:
        raise ValueError(f"save_at must lie in the span from {start:g} to {end:g}, got "
                         f"{times[0]:g} to {times[-1]:g}")
    return times


def step_budget(max_steps: int | None, method: Any, start: float, end: float) -> int:
    """Return the budget of steps; by default enough for a method of fixed step."""
    if max_steps is not None:
        return _check.integer("max_steps", max_steps, at_least=1)
    return MAX_STEPS if isinstance(method, Adaptive) else method.steps(start, end)[0]


def _check_fit(method: Any, field: Any) -> None:
    """Refuse a method whose tolerances or blocks do not fit the field."""
    if isinstance(method, Adaptive):
        method.tolerances(field.m)
    elif hasattr(method, "phases"):
        method.phases(field)


def check_noise(method: Any, field: Any, p: np.ndarray, start: float, end: float) -> None:
    """Refuse a temperature or a field that a method with noise cannot take; p is (N, P)."""
    from flowopt.integrators.temperature import Heat

    if p.shape[1] == len(field.parameters):
        Heat(method.temperature, field).refuse_extra()
    method.check(field, p, start, end)


def checked_seed(seed: int | None, method: Any) -> int | None:
    """Return the seed of a method with noise (drawn when not given); refuse one without use."""
    if not method.stochastic:
        if seed is not None:
            raise ValueError(f"seed has no effect for {method.name}, which has no noise; leave "
                             "it out")
        return None
    if seed is None:
        return secrets.randbits(63)
    return _check.integer("seed", seed, at_least=0, at_most=2**63 - 1)


def integrate(field: Any, x0: Any, t: tuple[float, float], method: Any = None, *,
              save_at: Any = None, events: Any = (), rest: float | None = None,
              dense: bool | None = None, seed: int | None = None,
              max_steps: int | None = None) -> Trajectory:
    """Integrate a vector field from x0 over the span t.

    Adaptive methods locate every switching surface of the field and follow Filippov's motion:
    crossing, sliding, rest. Methods of fixed step are the discrete map itself and step over
    surfaces as the published optimizers do.

    Parameters
    ----------
    field : VectorField
        What to integrate: ``flow.on(loss)`` or a `VectorField`.
    x0 : array_like, shape (n,) or (m,)
        The start: θ alone (states start at 0), or θ and the states.
    t : (float, float)
        The span, in units of time; a reversed span runs backwards.
    method : Method, optional
        `Euler`, `Heun`, `Midpoint`, `RK4`, `SymplecticEuler`, `SequentialEuler` (fixed step),
        `EulerMaruyama`, `SRA1`, `BAOAB` (fixed step, with noise), or `Dopri5`, `Tsit5`, `DOP853`
        (adaptive). Default: ``DOP853()``.
    save_at : array_like, shape (k,), optional
        Times to keep; by default the start and every step.
    events : list of Event or str, optional
        Functions whose zeros are located on the dense output (adaptive methods); they appear in
        `traj.events` with the kind "event". A terminal one ends the run as EVENT.
    rest : float, optional
        End the run as CONVERGED where ‖F‖ falls to this value (adaptive methods).
    dense : bool, optional
        Keep every step for `traj(t)`; by default exactly when `save_at` is not given.
    seed : int, optional
        For methods with noise; by default one is drawn, and recorded in the result. The run is
        that of row 0 of an ensemble with this seed.
    max_steps : int, optional
        The budget of steps, rejected ones included; by default a million for adaptive methods,
        and as many as the span takes for those of fixed step.

    Returns
    -------
    Trajectory
        Whatever happened: a failure is a status, not an exception.

    Raises
    ------
    ValueError, TypeError
        When an argument is not what it must be; before any work starts.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    >>> traj = fo.integrate(field, [4.0], t=(0.0, 25.0), method=fo.DOP853(rtol=1e-12, atol=1e-13))
    >>> traj.status.name, round(float(traj.t[-1]), 6), round(float(traj.x[-1, 0]), 9)
    ('STUCK', 2.127614, 3.0)
    """
    field = checked_field(field)
    start, end = _check.span(t)
    y0 = field.start(x0)
    method = DOP853() if method is None else checked_method(method)
    _check_fit(method, field)
    saves = checked_saves(save_at, start, end)
    limit = step_budget(max_steps, method, start, end)
    if method.stochastic:
        check_noise(method, field, field.p[None], start, end)
    if dense not in (None, True, False):
        raise TypeError(f"dense must be True, False or None, got {_check.shown(dense)}")
    keep = save_at is None and not method.stochastic if dense is None else bool(dense)
    if method.stochastic and dense:
        raise ValueError(f"dense=True has no meaning for {method.name}: a Brownian path has no "
                         "polynomial between its steps")
    seed = checked_seed(seed, method)
    watch = _watch(field, method, events, rest)
    clock = _time.perf_counter()
    adaptive = isinstance(method, Adaptive)
    run: AdaptiveRun | FixedRun
    if adaptive:
        run = AdaptiveRun(field, method, y0, start, end, saves, keep, limit, watch,
                          rest is not None)
    else:
        run = FixedRun(field, method, y0, start, end, saves, keep or save_at is None, limit,
                       seed or 0)
    run.go()
    field.raise_pending()
    times, states = run.times_and_states(save_at is not None)
    stats = Stats(*run.counts, 0, _time.perf_counter() - clock)
    pieces = Dense(run.pieces, start, 1.0 if end > start else -1.0) if keep else None
    return Trajectory(times, states, run.status, stats, Events.of(run.found, field.m), field.n,
                      field.names, method.name, field.name, run.note, seed, pieces, field)


def _watch(field: Any, method: Any, events: Any, rest: float | None) -> Watch:
    """Return what to watch for: the user's events, and then rest as the last one."""
    watch = Watch(field, list(events) if isinstance(events, tuple) else events)
    if rest is not None:
        _check.real("rest", rest, above=0.0)
    if (watch.count or rest is not None) and not isinstance(method, Adaptive):
        raise ValueError(f"events and rest need an adaptive method, got {method.name}; a map has "
                         "no path between its steps (fo.reduce.first_time finds its first step in "
                         "a set)")
    if rest is None:
        return watch
    if field.is_kernel:
        raise ValueError(f"rest needs a field of expressions, and {field.name} is made of kernels")
    import sympy

    speed = sympy.Add(*[e**2 for e in field.equations]) - sympy.Rational(repr(float(rest))) ** 2
    return Watch(field, [*watch.events, Event(speed, terminal=True, direction=-1)])


class AdaptiveRun:
    """One run of an adaptive method, piece by piece between switches."""

    def __init__(self, field: Any, method: Any, y0: np.ndarray, start: float, end: float,
                 saves: np.ndarray, keep: bool, max_steps: int, watch: Watch | None = None,
                 rests: bool = False) -> None:
        if getattr(field, "nonsmooth", False):
            raise ValueError(f"{field.name} jumps or kinks, and its loss is a kernel, so the "
                             "surfaces cannot be located; give the loss as an expression, or use a "
                             "method of fixed step")
        self.field, self.method, self.end = field, method, end
        self.direction = 1.0 if end > start else -1.0
        self.saves, self.keep, self.max_steps = saves, keep or not len(saves), max_steps
        self.watch = Watch(field, []) if watch is None else watch
        self.rests = rests
        self.motion = Motion.free(field)
        if self.watch.count:
            self.motion = Motion(field.m, self.motion.rhs, self.watch.address,
                                 field.surfaces + self.watch.count, field.context)
        self.queue = Queue(np.array([start]), y0[None].copy(), field.p[None],
                           np.ones((1, field.surfaces)), saves,
                           np.full((1, len(saves), field.m), np.nan))
        self.start_t, self.start_y = start, y0
        self.event_sides: np.ndarray | None = None
        self.status, self.note = Status.RUNNING, ""
        self.found: list[tuple[float, np.ndarray, int, str]] = []
        self.pieces: list[Piece] = []
        self.evaluations = 0

    @property
    def counts(self) -> tuple[int, int, int]:
        """Steps accepted and rejected, and evaluations of the field."""
        accepted, rejected, evaluations = self.queue.count[0].tolist()
        return accepted, rejected, evaluations + self.evaluations

    def go(self, met: int = -1) -> None:
        """Run to the end: off the surfaces, then on one, and so on.

        With `met`, the run starts on that surface, which it has just met and does not cross.
        """
        if self.method.h0 is not None:
            self.queue.h[0] = self.method.h0 * self.direction
        sliding = met
        if met < 0 and self.field.surfaces and np.isfinite(self.start_y).all():
            self.queue.sides[0], sliding = switching.initial_sides(
                self.field, self.start_t, self.start_y, self.direction)
            if sliding == -2:
                self.status = Status.CHATTERING
                self.note = "The start lies on more than one attracting surface."
                return
        if self.watch.count and np.isfinite(self.start_y).all():
            self.event_sides = self.watch.sides(self.start_t, self.start_y, self.queue.sides[0],
                                                self.direction)
            if self.rests and self.event_sides[-1] < 0:
                self._at_event(self.watch.count - 1)
                return
        slide: switching.Slide | None = None
        if sliding >= 0:
            slide = self._slide(sliding)
        for _ in range(MOST_SWITCHES):
            if self.status is not Status.RUNNING:
                return
            if slide is None:
                slide = self._free_piece()
            else:
                slide = self._sliding_piece(slide)
        if self.status is Status.RUNNING:
            self.status = Status.CHATTERING
            self.note = f"{MOST_SWITCHES} switches were met by t={self.queue.t[0]:.9g}."

    def _piece(self, motion: Motion, sides: np.ndarray, slopes: Any) -> int:
        """Run one piece; return the surface that ended it, or −1."""
        queue = self.queue
        path = Path() if self.keep else None
        own = len(sides)
        if self.watch.count:
            sides = np.concatenate([sides, np.ones(self.watch.count) if self.event_sides is None
                                    else self.event_sides])
        inner = Queue(queue.t, queue.y, queue.p, sides[None], queue.save_at, queue.saved)
        inner.h, inner.count, inner.save = queue.h, queue.count, queue.save
        runner.advance(motion, self.method, inner, 0, 1, self.end, self.max_steps, 1, path)
        if path is not None:
            t, h, y = path.arrays(self.field.m)
            self.pieces.append(Piece(t, h, y, float(queue.t[0]), queue.y[0].copy(),
                                     self.method.tableau, slopes))
        if inner.status[0] == runner.SWITCH:
            which = int(inner.which[0])
            if which >= own:
                self._at_event(which - own)
                return -1
            queue.h[0] = 0.0  # a new piece estimates its own first step
            return which
        self.status = runner.status_of(inner.status[0])
        if self.status in (Status.DIVERGED, Status.STEP_TOO_SMALL, Status.MAX_STEPS):
            self.note = f"This was at t={queue.t[0]:.12g}."
        return -1

    def _at_event(self, index: int) -> None:
        """Take note of an event; end the run if it is terminal and in its direction."""
        event = self.watch.events[index]
        t, y = float(self.queue.t[0]), self.queue.y[0].copy()
        assert self.event_sides is not None
        rising = -self.event_sides[index]
        resting = self.rests and index == self.watch.count - 1
        if resting or event.direction in (0, rising):
            if not resting:
                self.found.append((t, y, index, "event"))
            if event.terminal:
                self.status = Status.CONVERGED if resting else Status.EVENT
                self.note = f"This was at t={t:.12g}."
        self.event_sides[index] = rising

    def _free_piece(self) -> switching.Slide | None:
        field, queue = self.field, self.queue
        sides = queue.sides[0].copy()

        def slopes(t: np.ndarray, y: np.ndarray) -> np.ndarray:
            kind = "smooth" if field.surfaces else "rhs"
            return field._rows(kind, field.m, t, y, np.broadcast_to(sides, (len(t), len(sides))))

        which = self._piece(self.motion, sides, slopes)
        if which < 0:  # the end, or an event after which the motion goes on as it was
            return None
        t, y = float(queue.t[0]), queue.y[0].copy()
        what, _ = switching.decide(field, t, y, sides, which, self.direction)
        self.evaluations += 2
        if what == "cross":
            self.found.append((t, y, which, "cross"))
            queue.sides[0, which] = -sides[which]
        elif what in ("slide", "rest"):
            return self._slide(which)
        return None

    def _slide(self, which: int) -> switching.Slide | None:
        """Start sliding on a surface, or rest on it; the event is recorded either way."""
        field, queue = self.field, self.queue
        t, y = float(queue.t[0]), queue.y[0].copy()
        self.found.append((t, y, which, "slide"))
        both = switching.one_sided(field, t, y, queue.sides[0], which, self.direction)
        still = both.rests if both.attracts else True
        if still and field.autonomous:
            self._rest(t, y)
            return None
        return switching.Slide(field, queue.sides[0], which, self.direction, self.watch)

    def _rest(self, t: float, y: np.ndarray) -> None:
        self.status = Status.STUCK
        place = ", ".join(f"{n}={v:.9g}" for n, v in zip(self.field.names, y, strict=True))
        self.note = f"This was at t={t:.9g}, {place}."
        queue = self.queue
        queue.saved[0, queue.save[0]:] = y  # at rest for ever: exact
        queue.save[0] = len(self.saves)

    def _sliding_piece(self, slide: switching.Slide) -> switching.Slide | None:
        field, queue = self.field, self.queue
        ended = self._piece(slide.motion, slide.sides, slide.slopes)
        slide.raise_pending()
        if ended < 0:
            return slide if self.status is Status.RUNNING else None
        t, y = float(queue.t[0]), queue.y[0].copy()
        if ended < 2:  # a₊ or a₋ has changed sign: the motion leaves to that side
            queue.sides[0, slide.which] = 1.0 if ended == 0 else -1.0
            self.found.append((t, y, slide.which, "leave"))
            return None
        other = slide.others[ended - 2]
        flipped = queue.sides[0].copy()
        flipped[other] = -flipped[other]
        across = switching.one_sided(field, t, y, flipped, slide.which, self.direction)
        if across.attracts:
            speed = switching.speeds(field, t, y, flipped, across.sliding)[other]
            if speed * self.direction * flipped[other] > 0.0:
                self.found.append((t, y, other, "cross"))
                queue.sides[0] = flipped
                return switching.Slide(field, flipped, slide.which, self.direction,
                                       self.watch)
        self.status = Status.CHATTERING
        self.note = (f"The motion slides on surface {slide.which} and meets surface {other} at "
                     f"t={t:.9g}; sliding on an intersection of surfaces is not supported yet.")
        return None

    def times_and_states(self, saved: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return what the trajectory shows: the saved times, or every step."""
        if saved:
            count = int(self.queue.save[0])
            if count == 0:
                return np.array([self.queue.t[0]]), self.queue.y[:1].copy()
            return self.saves[:count], self.queue.saved[0, :count].copy()
        t = np.concatenate([*(p.t for p in self.pieces), [self.queue.t[0]]])
        y = np.concatenate([*(p.y for p in self.pieces), self.queue.y[:1]])
        fresh = np.concatenate([[True], np.diff(t) != 0])
        return t[fresh], y[fresh]


class FixedRun:
    """One run of a method of fixed step."""

    def __init__(self, field: Any, method: Any, y0: np.ndarray, start: float, end: float,
                 saves: np.ndarray, keep: bool, max_steps: int, seed: int) -> None:
        self.field, self.method, self.start, self.end = field, method, start, end
        self.total, self.h, self.h_last = method.steps(start, end)
        self.saves, self.keep = saves, keep
        self.stop = min(self.total, max_steps)
        self.y0, self.seed = y0, seed
        size = self.stop * field.m * 8
        if keep and size > MOST_BYTES:
            raise ValueError(f"h={method.h:g} makes {self.stop:,} steps, whose states take "
                             f"{size / 2**30:.1f} GB; pass save_at to keep fewer")
        self.found: list[Any] = []
        self.pieces: list[Piece] = []
        self.status, self.note = Status.RUNNING, ""

    def go(self) -> None:
        """Take all steps."""
        block = self._block(self.stop if self.keep else 0)
        self.reached = block.run(self.stop)
        bad = int(block.bad[0])
        if bad >= 0:
            self.reached, self.status = bad, Status.DIVERGED
            self.note = (f"This was in step {bad + 1}, after t={self._time(bad):.12g}; the last "
                         "finite state is kept.")
        else:
            self.status = Status.REACHED_END if self.stop == self.total else Status.MAX_STEPS
            if self.status is Status.MAX_STEPS:
                self.note = f"This was at t={self._time(self.reached):.12g}."
        self.block = block
        if self.keep:
            self.states = block.path[:self.reached + 1, :, 0]
            t = np.array([self._time(k) for k in (0, self.reached)])
            steps = self.start + self.h * np.arange(self.reached)
            lengths = np.full(self.reached, self.h)
            if self.reached == self.total:
                lengths[-1] = self.h_last
            explicit = isinstance(self.method, Explicit)
            linear = not explicit or self.method.tableau.stages == 1
            self.pieces.append(Piece(steps, lengths, self.states[:-1], float(t[1]),
                                     self.states[-1], None if linear else self.method.tableau,
                                     None if linear else self._slopes))

    def _block(self, keep: int) -> FixedBlock:
        return FixedBlock(self.field, self.method, self.y0[None], self.field.p[None], self.start,
                          self.end, self.saves, 1, keep=keep, seed=self.seed)

    def _last(self) -> np.ndarray:
        """The last finite state; a run that diverged is taken again up to there."""
        if self.status is not Status.DIVERGED:
            return self.block.y[:, 0].copy()
        again = self._block(0)
        again.run(self.reached)
        return again.y[:, 0].copy()

    def _slopes(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.field._rows("rhs", self.field.m, t, y)

    def _time(self, k: int) -> float:
        return self.end if k == self.total else self.start + k * self.h

    @property
    def counts(self) -> tuple[int, int, int]:
        """Steps accepted and rejected, and evaluations of the field."""
        each, once = 1, 0
        if self.method.stochastic:
            each, once = self.method.cost
        elif isinstance(self.method, Explicit):
            each = self.method.tableau.stages
        elif self.field.is_kernel:
            each = len(self.method.phases(self.field))  # each phase calls the whole kernel
        return self.reached, 0, (self.reached + (self.status is Status.DIVERGED)) * each + once

    def times_and_states(self, saved: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return what the trajectory shows: the saved times, or every step."""
        if saved:
            count = self.block.saved_count(self.reached)
            if count == 0:
                return np.array([self._time(self.reached)]), self._last()[None]
            return self.saves[:count], self.block.saved[:count, :, 0].copy()
        times = self.start + self.h * np.arange(self.reached + 1)
        if self.reached == self.total:
            times[-1] = self.end
        return times, self.states.copy()

