"""The verb `integrate`: one trajectory of a vector field."""

from __future__ import annotations

import secrets
import time as _time
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.integrators import runner, singular, switching
from flowopt.integrators.dense import Dense, Piece
from flowopt.integrators.events import Event, Watch
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.methods import DOP853, Adaptive, Explicit, Rodas5P, checked_method
from flowopt.integrators.runner import Motion, Path, Queue
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Structured
from flowopt.integrators.trajectory import Events, Stats, Trajectory

#: switches after which a run is called chattering
MOST_SWITCHES = 10_000
#: … or this many within 1e-11 of the time
MOST_ACCUMULATED = 100
#: steps between two looks for a terminal event
FEW_STEPS = 32
#: a path beyond this many bytes is refused, with the number
MOST_BYTES = 8 * 2**30
#: dimension up to which the Jacobian is a dense matrix
MOST_DENSE = 2000
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


def handover(method: Any, field: Any) -> Rodas5P | None:
    """Return the method that takes over where the default one finds the field to be stiff."""
    return Rodas5P() if method is None and field.m <= MOST_DENSE else None


def _check_fit(method: Any, field: Any) -> None:
    """Refuse a method whose tolerances or blocks do not fit the field."""
    if isinstance(method, Adaptive):
        method.tolerances(field.m)
    elif hasattr(method, "phases"):
        method.phases(field)
    elif isinstance(method, Structured):
        method.check(field)


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
        `Euler`, `Heun`, `Midpoint`, `RK4`, `SymplecticEuler`, `SequentialEuler`, `ImplicitEuler`,
        `ConformalLeapfrog`, `DiscreteGradient` (fixed step), `EulerMaruyama`, `SRA1`, `BAOAB`
        (fixed step, with noise), or `Dopri5`, `Tsit5`, `DOP853`, `Rodas5P` (adaptive). By default
        ``DOP853()``, which hands over to ``Rodas5P()`` where the field turns out to be stiff.
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
    stiff = handover(method, field)
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
                          rest is not None, stiff)
    else:
        run = FixedRun(field, method, y0, start, end, saves, keep or save_at is None, limit,
                       seed or 0)
    run.go()
    run.finish()
    field.raise_pending()
    times, states = run.times_and_states(save_at is not None)
    stats = Stats(*run.counts, _time.perf_counter() - clock)
    pieces = Dense(run.pieces, start, 1.0 if end > start else -1.0) if keep else None
    return Trajectory(times, states, run.status, stats, Events.of(run.found, field.m), field.n,
                      field.names, run.work, field.name, run.note, seed, pieces, field)


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
                 rests: bool = False, stiff: Rodas5P | None = None) -> None:
        if getattr(field, "nonsmooth", False):
            raise ValueError(f"{field.name} jumps or kinks, and its loss is a kernel, so the "
                             "surfaces cannot be located; give the loss as an expression, or use a "
                             "method of fixed step")
        self.field, self.method, self.end = field, method, end
        self.stiff, self.work = stiff, method.name
        self.direction = 1.0 if end > start else -1.0
        self.saves, self.keep, self.max_steps = saves, keep or not len(saves), max_steps
        self.watch = Watch(field, []) if watch is None else watch
        self.rests = rests
        self.motion = Motion.free(field)
        self.queue = Queue(np.array([start]), y0[None].copy(), field.p[None],
                           np.ones((1, field.surfaces)), saves,
                           np.full((1, len(saves), field.m), np.nan))
        self.start_t, self.start_y = start, y0
        self.status, self.note = Status.RUNNING, ""
        self.found: list[tuple[float, np.ndarray, int, str]] = []
        self.pieces: list[Piece] = []
        self.evaluations = 0
        self.resting = np.zeros(field.m, dtype=bool)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Steps accepted and rejected, evaluations of the field and of its Jacobian."""
        accepted, rejected, evaluations, jacobians = self.queue.count[0].tolist()
        return accepted, rejected, evaluations + self.evaluations, jacobians

    def go(self, met: int = -1) -> None:
        """Run to the end: off the surfaces, then on some of them, and so on.

        With `met`, the run starts on that surface, with the sides that its queue holds.
        """
        if self.method.h0 is not None:
            self.queue.h[0] = self.method.h0 * self.direction
        slide: switching.Slide | None = None
        if np.isfinite(self.start_y).all():
            self.watch.start(self.start_t, self.start_y)
            if self.rests and self.watch.signs[-1] < 0:
                self._end_at(self.watch.count - 1, self.start_t, self.start_y)
                return
            if met >= 0:
                slide = self._contact(self._touched(met))
            elif self.field.surfaces:
                self.queue.sides[0], on = switching.initial_sides(self.field, self.start_t,
                                                                  self.start_y)
                slide = self._contact(on, starts=True) if on else None
        last = deque([self.start_t], maxlen=MOST_ACCUMULATED)
        for _ in range(MOST_SWITCHES):
            if self.status is not Status.RUNNING:
                return
            slide = self._free_piece() if slide is None else self._sliding_piece(slide)
            t = float(self.queue.t[0])
            if len(last) == MOST_ACCUMULATED and abs(t - last[0]) <= 1e-11 * max(1.0, abs(t)):
                break
            last.append(t)
        if self.status is Status.RUNNING:
            self.status = Status.CHATTERING
            self.note = (f"{len(self.found)} switches were met by t={self.queue.t[0]:.9g}, the "
                         f"last {len(last)} of them within {abs(t - last[0]):.3g}.")

    def _piece(self, motion: Motion, sides: np.ndarray, slopes: Any) -> int:
        """Run one piece; return the surface that ended it, or −1."""
        queue, watch = self.queue, self.watch
        if self.stiff is not None and np.isfinite(queue.stiff[0]):
            self.method, self.stiff = self.stiff, None
            self.work += f" to t={queue.t[0]:.6g}, then {self.method.name}"
        path = Path() if self.keep or watch.count else None
        inner = Queue(queue.t, queue.y, queue.p, sides[None], queue.save_at, queue.saved)
        inner.h, inner.count, inner.save = queue.h, queue.count, queue.save
        inner.stiff = queue.stiff
        looked = 0

        def recorded() -> Piece:
            assert path is not None
            t, h, y = path.arrays(self.field.m)
            return Piece(t, h, y, float(queue.t[0]), queue.y[0].copy(), self.method.tableau,
                         slopes, path.polynomials(self.field.m))

        def look() -> bool:  # whether the run goes on: no terminal event is among the new steps
            nonlocal looked
            piece = recorded().since(looked)
            if len(piece.t):
                looked += len(piece.t)
                self._watch_steps(replace(piece, end=float(piece.t[-1] + piece.h[-1])))
            return self.status is Status.RUNNING

        done = runner.advance(motion, self.method, inner, 0, 1, self.end, self.max_steps, 1, path,
                              look if watch.ends else None, FEW_STEPS if watch.ends else 0,
                              stiffness=1 if self.stiff is None else 2)
        if path is not None:
            piece = recorded()
            if done and watch.count:
                self._watch_steps(piece.since(looked))
            if self.status is not Status.RUNNING:  # a terminal event: what lies beyond is dropped
                piece = piece.until(float(queue.t[0]), queue.y[0].copy())
            if self.keep:
                self.pieces.append(piece)
        if self.status is not Status.RUNNING:
            return -1
        if inner.status[0] == runner.SWITCH:
            queue.h[0] = 0.0  # a new piece estimates its own first step
            return int(inner.which[0])
        if inner.status[0] == runner.IS_STIFF:
            return -1
        if motion is self.motion and runner.not_begun(inner)[0]:
            self._singular_start()
            return -1
        self.status = runner.status_of(inner.status[0])
        if self.status in (Status.DIVERGED, Status.STEP_TOO_SMALL, Status.MAX_STEPS):
            self.note = f"This was at t={queue.t[0]:.12g}."
        return -1

    def finish(self) -> None:
        """Say in the note whether an explicit method met a stiff stretch."""
        if self.method.stable and np.isfinite(self.queue.stiff[0]):
            told = (f"From t={self.queue.stiff[0]:.6g} on the step was limited by the stability "
                    f"of {self.method.name}, not by accuracy: the field is stiff there, and "
                    "fo.Rodas5P takes longer steps.")
            self.note = f"{self.note} {told}".strip()

    def _singular_start(self) -> None:
        """Take the first step from a start at which the field is not finite."""
        queue, field = self.queue, self.field
        t0, y0 = float(queue.t[0]), queue.y[0].copy()
        made = singular.first_steps(field, queue.p, t0, queue.y, self.end, self.method,
                                    queue.sides[0]).get(0)
        if made is None:
            self.status, self.note = Status.DIVERGED, f"{singular.REFUSED} It is t={t0:.12g}."
            return
        runner.begin(queue, 0, made, self.end)
        queue.sides[0] = made.sides
        t1, y1 = float(queue.t[0]), queue.y[0].copy()
        piece = Piece(np.array([t0]), np.array([t1 - t0]), y0[None], t1, y1,
                      coefficients=made.coefficients[None], root=True)
        if self.watch.count:
            self._watch_steps(piece)
        if self.status is not Status.RUNNING:
            piece = piece.until(float(queue.t[0]), queue.y[0].copy())
        elif t1 == self.end:
            self.status = Status.REACHED_END
        if self.keep:
            self.pieces.append(piece)
        if made.resting.any():
            self.resting = made.resting
            self.motion = singular.guarded(self.motion, field, made.sides, made.resting)

    def _watch_steps(self, piece: Piece) -> None:
        """Take note of the user's events on some steps; a terminal one ends the run."""
        for found in self.watch.search(piece):
            event = self.watch.events[found.which]
            if event.direction not in (0, found.rising):
                continue
            if not (self.rests and found.which == self.watch.count - 1):
                self.found.append((found.t, found.y, found.which, "event"))
            if event.terminal:
                self._end_at(found.which, found.t, found.y)

    def _end_at(self, index: int, t: float, y: np.ndarray) -> None:
        """End the run at a terminal event, or where it has come to rest."""
        queue = self.queue
        queue.t[0], queue.y[0] = t, y
        along = self.direction * (self.saves - t)
        queue.save[0] = min(int(queue.save[0]), int((along <= 0.0).sum()))
        resting = self.rests and index == self.watch.count - 1
        self.status = Status.CONVERGED if resting else Status.EVENT
        self.note = f"This was at t={t:.12g}."

    def _free_piece(self) -> switching.Slide | None:
        field, queue = self.field, self.queue
        sides = queue.sides[0].copy()

        def slopes(t: np.ndarray, y: np.ndarray) -> np.ndarray:
            kind = "smooth" if field.surfaces else "rhs"
            rows = field._rows(kind, field.m, t, y, np.broadcast_to(sides, (len(t), len(sides))))
            return singular.at_rest(rows, self.resting)

        which = self._piece(self.motion, sides, slopes)
        if which < 0:
            return None
        return self._contact(self._touched(which))

    def _touched(self, *which: int) -> list[int]:
        """Return some surfaces, and those that the state lies on up to rounding."""
        queue = self.queue
        return sorted({*which, *switching.touched(self.field, float(queue.t[0]), queue.y[0],
                                                  queue.sides[0])})

    def _contact(self, candidates: list[int], before: tuple[int, ...] = (), starts: bool = False
                 ) -> switching.Slide | None:
        """Decide how the motion goes on where it meets surfaces; it slid on those of `before`."""
        field, queue = self.field, self.queue
        t, sides = float(queue.t[0]), queue.sides[0].copy()
        contact = switching.Contact(field, t, queue.y[0].copy(), sides, candidates, self.direction)
        outcome = contact.outcome(starts)
        self.evaluations += contact.evaluations
        if outcome.kind == "stop":
            self.status = Status.NOT_UNIQUE if outcome.many else Status.CHATTERING
            self.note = outcome.note
            return None
        resting = outcome.kind == "rest"
        y = self._move_to(contact.projected(tuple(candidates) if resting else outcome.active))
        for i in candidates:
            slides = i in outcome.active or (resting and not outcome.active)
            if slides and i not in before:
                self.found.append((t, y, i, "slide"))
            elif not slides and i in before:
                self.found.append((t, y, i, "leave"))
            elif not slides and not starts and outcome.sides[i] != sides[i]:
                self.found.append((t, y, i, "cross"))
        queue.sides[0] = outcome.sides
        if resting:
            self._rest(t, y)
            return None
        if not outcome.active:
            return None
        return switching.Slide(field, queue.sides[0].copy(), outcome.active)

    def _move_to(self, y: np.ndarray) -> np.ndarray:
        """Correct the state by a rounding, to put it on its surfaces."""
        self.queue.y[0] = y
        if self.pieces and self.pieces[-1].end == self.queue.t[0]:
            self.pieces[-1].last = y.copy()
        return y.copy()

    def _rest(self, t: float, y: np.ndarray) -> None:
        self.status = Status.STUCK
        place = ", ".join(f"{n}={v:.9g}" for n, v in zip(self.field.names, y, strict=True))
        self.note = f"This was at t={t:.9g}, {place}."
        queue = self.queue
        queue.saved[0, queue.save[0]:] = y  # at rest for ever: exact
        queue.save[0] = len(self.saves)

    def _sliding_piece(self, slide: switching.Slide) -> switching.Slide | None:
        field, queue = self.field, self.queue
        counted = int(queue.count[0, 2])
        ended = self._piece(slide.motion, slide.sides, slide.slopes)
        self.evaluations += slide.evaluations - (int(queue.count[0, 2]) - counted)
        if ended < 0:
            if self.status is Status.DIVERGED and np.isfinite(queue.y[0]).all():
                self._say_why_it_ended(slide)
            return slide if self.status is Status.RUNNING else None
        active = slide.active
        if ended >= 2 * len(active):
            other = slide.others[ended - 2 * len(active)]
            return self._contact(self._touched(other, *active), active)
        # λ_v has come to an end of [0, 1]: the motion leaves that surface, and keeps the others
        leaves = active[ended // 2]
        rest = tuple(i for i in active if i != leaves)
        sides = slide.regime.copy()
        if ended % 2:
            sides[leaves] = -sides[leaves]
        t = float(queue.t[0])
        contact = switching.Contact(field, t, queue.y[0].copy(), sides, list(active),
                                    self.direction)
        self.evaluations += contact.evaluations
        y = self._move_to(contact.projected(active))
        self.found.append((t, y, leaves, "leave"))
        queue.sides[0] = sides
        return switching.Slide(field, sides, rest) if rest else None

    def _say_why_it_ended(self, slide: switching.Slide) -> None:
        """A sliding field that is not finite where F is: the surfaces do not determine it."""
        t, y = float(self.queue.t[0]), self.queue.y[0]
        contact = switching.Contact(self.field, t, y, slide.regime, list(slide.active),
                                    self.direction)
        self.evaluations += contact.evaluations
        if np.isfinite(contact.F).all() and np.isfinite(contact.w).all():
            outcome = contact.outcome()
            self.status = Status.NOT_UNIQUE if outcome.many else Status.CHATTERING
            self.note = outcome.note or (f"Sliding on surfaces {slide.active} has no unique "
                                         f"velocity at t={t:.9g}.")

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
        self.work = method.name
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
            self.reached, self.status = bad, block.failure(0)
            last = "finite state" if self.status is Status.DIVERGED else "state"
            self.note = (f"This was in step {bad + 1}, after t={self._time(bad):.12g}; the last "
                         f"{last} is kept.")
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

    def finish(self) -> None:
        """Nothing is left to say."""

    def _block(self, keep: int) -> FixedBlock:
        return FixedBlock(self.field, self.method, self.y0[None], self.field.p[None], self.start,
                          self.end, self.saves, 1, keep=keep, seed=self.seed)

    def _last(self) -> np.ndarray:
        """The last finite state; a run that diverged is taken again up to there."""
        if self.block.bad[0] < 0:
            return self.block.y[:, 0].copy()
        again = self._block(0)
        again.run(self.reached)
        return again.y[:, 0].copy()

    def _slopes(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.field._rows("rhs", self.field.m, t, y)

    def _time(self, k: int) -> float:
        return self.end if k == self.total else self.start + k * self.h

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Steps accepted and rejected, evaluations of the field and of its Jacobian."""
        each, once = 1, 0
        if isinstance(self.method, Structured) and self.block.head is not None:
            counted, jacobians = self.block.head.evaluations
            return self.reached, 0, counted or self.reached + 1, jacobians
        if self.method.stochastic:
            each, once = self.method.cost
        elif isinstance(self.method, Explicit):
            each = self.method.tableau.stages
        elif self.field.is_kernel and not self.block.step_kernel():
            each = len(self.method.phases(self.field))  # each phase calls the whole kernel
        return self.reached, 0, (self.reached + (self.status is Status.DIVERGED)) * each + once, 0

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

