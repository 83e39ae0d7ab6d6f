"""The verb `ensemble`: many trajectories at once, in blocks of lanes over threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from flowopt import _check
from flowopt._evaluate import LANES
from flowopt.integrators import runner, singular, switching
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.integrate import (
    MOST_BYTES,
    AdaptiveRun,
    check_noise,
    checked_field,
    checked_saves,
    checked_seed,
    handover,
    step_budget,
)
from flowopt.integrators.methods import DOP853, Adaptive, Rodas5P, Taylor, checked_method
from flowopt.integrators.reduce import Bound
from flowopt.integrators.runner import Motion, Queue
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Structured


@dataclass(frozen=True)
class Ensemble:
    """What an ensemble returns; run i is row i.

    Attributes
    ----------
    y : ndarray, shape (N, m)
        Final states (NaN where a run of fixed step diverged or a step had no solution); `x` is
        their θ part (N, n).
    t : ndarray, shape (N,)
        The time each run reached.
    status : ndarray of int, shape (N,)
        A `Status` for each run.
    saved : ndarray, shape (N, k, n), or None
        θ at the times of `save_at`; `saved_y` (N, k, m) has the states too.
    reduced : ndarray (N,), or dict of them, or None
        What the reducers kept.
    steps : ndarray of int, shape (N,)
        Steps taken.
    stiff_from : ndarray, shape (N,)
        When the stability of an explicit adaptive method began to limit its step (NaN: never);
        with ``method=None``, Rodas5P took over from there.
    """

    y: np.ndarray
    t: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    n: int
    saved_y: np.ndarray | None = None
    reduced: Any = None
    seed: int | None = None
    vector_field: Any = field(default=None, repr=False)
    parameters: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    stiff_from: np.ndarray | None = None

    @property
    def x(self) -> np.ndarray:
        """Final θ: (N, n)."""
        return self.y[:, :self.n]

    @property
    def saved(self) -> np.ndarray | None:
        """θ at the times of `save_at`: (N, k, n)."""
        return None if self.saved_y is None else self.saved_y[:, :, :self.n]

    @cached_property
    def loss(self) -> np.ndarray:
        """The loss at the final θ: (N,)."""
        if self.vector_field.loss is None:
            raise ValueError("this ensemble has no loss: its field was given as equations")
        if set(self.parameters) & set(self.vector_field.loss.parameters):
            raise ValueError("the loss has a parameter that differs from run to run; evaluate it "
                             "with loss.with_parameters")
        return self.vector_field.loss.value(self.x)

    def count(self) -> dict[Status, int]:
        """Return how many runs ended in each way."""
        values, counts = np.unique(self.status, return_counts=True)
        return {Status(int(v)): int(c) for v, c in zip(values, counts, strict=True)}

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        how = ", ".join(f"{c} {s.name}" for s, c in self.count().items())
        return f"<Ensemble of {len(self)}: {how}>"


def ensemble(field: Any, x0s: Any, t: tuple[float, float], method: Any = None, *,
             parameters: Mapping[str, Any] | None = None, save_at: Any = None, reduce: Any = None,
             threads: int | None = None, progress: bool = False, seed: int | None = None,
             max_steps: int | None = None) -> Ensemble:
    """Integrate a vector field from many starts.

    Each run gives the same numbers, bit for bit, as it would alone: results depend neither on
    the number of threads nor on the company. Ctrl-C returns what is finished; the other runs
    have the status CANCELLED.

    Parameters
    ----------
    field : VectorField
        What to integrate.
    x0s : array_like, shape (N, n) or (N, m)
        The starts.
    t : (float, float)
        The span, in units of time.
    method : Method, optional
        As for `integrate`. By default ``DOP853()``, and ``Rodas5P()`` for each run from where it
        turns out to be stiff.
    parameters : mapping of str to float or array (N,), optional
        Values for parameters of the field, and for further names in the formula of a temperature,
        for all runs or one by one.
    save_at : array_like, shape (k,), optional
        Times at which states are kept.
    reduce : reducer or mapping of str to reducers, optional
        What to keep of each path, see `flowopt.reduce`; for methods of fixed step.
    threads : int, optional
        Default: the number of processors.
    progress : bool
        Show a progress bar.
    seed : int, optional
        For methods with noise; by default one is drawn, and recorded in the result.
    max_steps : int, optional
        The budget of steps of each run; by default a million for adaptive methods.

    Returns
    -------
    Ensemble

    Raises
    ------
    ValueError, TypeError
        When an argument is not what it must be; before any work starts.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.himmelblau())
    >>> ens = fo.ensemble(field, [[1.0, 1.0], [-1.0, 0.5]], t=(0.0, 40.0))
    >>> ens
    <Ensemble of 2: 2 REACHED_END>
    >>> ens.x.round(3)
    array([[ 3.584, -1.848],
           [-2.805,  3.131]])
    """
    field = checked_field(field)
    start, end = _check.span(t)
    starts = field.starts(_check.array("x0s", x0s, f"(N, {field.n})", (2,), finite=False))
    stiff = handover(method, field)
    method = DOP853() if method is None else checked_method(method)
    saves = checked_saves(save_at, start, end)
    limit = step_budget(max_steps, method, start, end)
    values, given = _parameters(field, method, parameters, len(starts))
    threads = os.cpu_count() or 1 if threads is None else _check.integer("threads", threads,
                                                                        at_least=1)
    adaptive = isinstance(method, Adaptive)
    if isinstance(method, Structured | Taylor):
        method.check(field)
    if reduce is not None and adaptive:
        raise ValueError(f"reduce needs a method of fixed step, got {method.name}; use save_at, or "
                         "a method such as fo.RK4(h=...)")
    if not adaptive:
        total = method.steps(start, end)[0]
        if total > limit:
            raise ValueError(f"max_steps={limit} is less than the {total} steps of "
                             f"h={method.h:g} over the span; raise one of them")
    seed = checked_seed(seed, method)
    if method.stochastic:
        check_noise(method, field, values, start, end)
    bound = None if reduce is None else Bound(field, reduce)
    size = len(starts) * len(saves) * field.m * 8
    if size > MOST_BYTES:
        raise ValueError(f"save_at would keep {size / 2**30:.1f} GB; keep fewer times or starts, "
                         "or use reduce")
    job = _Job(field, method, starts, values, start, end, saves, bound, limit, seed or 0,
               stiff)
    job.run(threads, progress)
    field.raise_pending()
    return job.result(seed, given, save_at is not None)


def _parameters(field: Any, method: Any, parameters: Mapping[str, Any] | None, count: int
                ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the parameters of every run (N, P), and those that were given as arrays.

    Behind the field's stand the names that only the temperature of a method with noise has.
    """
    values = np.repeat(field.p[None], count, axis=0)
    given = {}
    names = list(field.parameters)
    if method.stochastic:
        from flowopt.integrators.temperature import Heat

        heat = Heat(method.temperature, field)
        if not set(heat.extra) <= set(parameters or ()):
            heat.refuse_extra()
        names += heat.extra
        values = np.hstack([values, np.full((count, len(heat.extra)), np.nan)])
    for name, value in dict(parameters or {}).items():
        if name not in names:
            raise ValueError(f"parameters holds {name}, which the field has not; "
                             f"{_check.nearest(name, names or ['(none)'])}")
        array = _check.array(f"parameters[{name!r}]", value, f"() or ({count},)", (0, 1),
                             finite=False)
        if array.ndim and len(array) != count:
            raise ValueError(f"parameters[{name!r}] must be a number or have shape ({count},), "
                             f"got shape {array.shape}")
        if field.flow is not None and name in field.flow.positive and not (array > 0).all():
            raise ValueError(f"parameters[{name!r}] must be > 0, got {_check.shown(array.min())}")
        values[:, names.index(name)] = array
        given[name] = np.broadcast_to(array, (count,))
    return values, given


#: switches of a run beyond which it is finished by itself
MOST_TOGETHER = 1000
#: numbers of the state in a block of fixed step: the wider a block, the less the calls of a step
#: cost, as long as what it reads and writes stays in the first-level cache
WIDEST = 512


def block_width(m: int, count: int) -> int:
    """Return how many lanes a block of fixed step takes (a power of 2)."""
    width = LANES
    while width < count and 2 * width * m <= WIDEST:
        width *= 2
    return width


def lanes_of(method: Adaptive, m: int) -> int:
    """Return how many lanes a block of an adaptive method takes: with matrices, they must fit."""
    if method.stable or m <= 12 or isinstance(method, Taylor):
        return LANES
    return 8 if m <= 32 else 1


class _Job:
    """The runs of one ensemble: dealt out in pieces, each on a thread of its own."""

    def __init__(self, field: Any, method: Any, starts: np.ndarray, p: np.ndarray, start: float,
                 end: float, saves: np.ndarray, bound: Bound | None, max_steps: int,
                 seed: int, stiff: Rodas5P | None = None) -> None:
        self.field, self.method, self.bound, self.stiff = field, method, bound, stiff
        self.start, self.end, self.saves, self.max_steps, self.seed = (start, end, saves, max_steps,
                                                                       seed)
        self.p, count = p, len(starts)
        self.width = (lanes_of(method, field.m) if isinstance(method, Adaptive)
                      else block_width(field.m, count))
        self.y = starts.copy()
        self.t = np.full(count, start)
        self.steps = np.zeros(count, dtype=np.int64)
        self.status = np.full(count, Status.CANCELLED, dtype=np.int64)
        self.stiff_from = np.full(count, np.nan)
        self.saved = np.full((count, len(saves), field.m), np.nan)
        self.reduced = ({} if bound is None
                        else {name: np.full(count, np.nan) for name in bound.reducers})
        self.stop = False

    def run(self, threads: int, progress: bool) -> None:
        """Run all pieces; Ctrl-C stops the rest."""
        adaptive = isinstance(self.method, Adaptive)
        count = len(self.y)
        size = max(LANES, min(4096, -(-count // (4 * threads)))) if adaptive else self.width
        pieces = [(low, min(low + size, count)) for low in range(0, count, size)]
        self._compile(adaptive)
        bar = _bar(count) if progress else None
        work = self._adaptive if adaptive else self._fixed

        def one(piece: tuple[int, int]) -> int:
            if not self.stop:
                work(*piece)
            return piece[1] - piece[0]

        try:
            if threads == 1 or len(pieces) == 1:
                for piece in pieces:
                    done = one(piece)
                    if bar is not None:
                        bar.update(done)
                return
            with ThreadPoolExecutor(threads) as pool:
                try:
                    for done in pool.map(one, pieces):
                        if bar is not None:
                            bar.update(done)
                except KeyboardInterrupt:
                    self.stop = True
                    pool.shutdown(cancel_futures=True)
        except KeyboardInterrupt:
            self.stop = True
        finally:
            if bar is not None:
                bar.close()

    def _compile(self, adaptive: bool) -> None:
        """Compile on this thread, once, before the others start."""
        if adaptive and self.field.surfaces:
            self.field.address("smooth", self.width)
        self.field.address("rhs", self.width)
        if isinstance(self.method, Taylor):
            self.field.series(self.method.order, self.width)
        elif adaptive and not self.method.stable:
            self.field.derivative_address("jacobian", self.width)
        if isinstance(self.method, Structured):
            self.method.head(self.field, self.width)
        if self.bound is not None:
            self.bound.address(self.width)

    def _tick(self, *_: Any) -> bool:
        return not self.stop

    def _fixed(self, low: int, high: int) -> None:
        block = FixedBlock(self.field, self.method, self.y[low:high], self.p[low:high], self.start,
                           self.end, self.saves, self.width, reducer=self.bound, lane0=low,
                           seed=self.seed)
        reached = block.run(block.total, self._tick)
        lanes = high - low
        bad = block.bad[:lanes]
        if self.stop and reached < block.total and (bad < 0).any():
            return
        self.y[low:high] = block.y[:, :lanes].T
        self.t[low:high] = self.end
        self.steps[low:high] = block.total
        self.status[low:high] = Status.REACHED_END
        gone = np.nonzero(bad >= 0)[0]
        if len(gone):
            at = low + gone
            self.y[at] = np.nan
            self.t[at] = self.start + bad[gone] * block.h
            self.steps[at] = bad[gone]
            self.status[at] = [block.failure(lane) for lane in gone.tolist()]
        if len(self.saves):
            self.saved[low:high] = block.saved[:, :, :lanes].transpose(2, 0, 1)
        if self.bound is not None:
            for name, row in self.bound.finished(block.totals, block.total + 1).items():
                self.reduced[name][low:high] = row[:lanes]

    def _adaptive(self, low: int, high: int) -> None:
        field = self.field
        count = high - low
        queue = Queue(np.full(count, self.start), self.y[low:high].copy(), self.p[low:high],
                      np.ones((count, field.surfaces)), self.saves, self.saved[low:high])
        if self.method.h0 is not None:
            queue.h[:] = self.method.h0 * (1.0 if self.end > self.start else -1.0)
        final = np.full(count, Status.CANCELLED, dtype=np.int64)
        if field.surfaces:
            self._with_surfaces(queue, final, low)
        else:
            motion = Motion.free(field)
            self._advance(motion, queue)
            if self._begun(queue, final, low):
                self._advance(motion, queue)
            for i in range(count):
                if queue.status[i] == 99:
                    continue
                if queue.status[i] != 0:
                    final[i] = runner.status_of(queue.status[i])
        self.y[low:high], self.t[low:high], self.status[low:high] = queue.y, queue.t, final
        self.steps[low:high] = queue.count[:, 0]
        self.stiff_from[low:high] = queue.stiff

    def _advance(self, motion: Motion, queue: Queue) -> None:
        """Run everything that runs; what turns out to be stiff goes on with the stiff method."""
        count = len(queue.t)
        if self.stiff is None:
            runner.advance(motion, self.method, queue, 0, count, self.end, self.max_steps,
                           self.width, tick=self._tick, stiffness=1)
            return
        waiting = (queue.status == 0) & np.isfinite(queue.stiff)
        queue.status[waiting] = runner.IS_STIFF
        if not runner.advance(motion, self.method, queue, 0, count, self.end, self.max_steps,
                              self.width, tick=self._tick, stiffness=2):
            return
        queue.status[queue.status == runner.IS_STIFF] = 0
        if (queue.status == 0).any():
            runner.advance(motion, self.stiff, queue, 0, count, self.end, self.max_steps,
                           lanes_of(self.stiff, self.field.m), tick=self._tick)

    def _begun(self, queue: Queue, final: np.ndarray, low: int) -> bool:
        """Take the first steps of singular starts; return whether some trajectories go on."""
        some = False
        left = np.nonzero(runner.not_begun(queue))[0]
        most = max(1, 4_000_000 // (singular.FINE * self.field.m)**2)  # numbers of the matrices
        for first in range(0, len(left), most):
            if self.stop:
                break
            part = left[first:first + most]
            made = singular.first_steps(self.field, queue.p[part], self.start, queue.y[part],
                                        self.end, self.method, queue.sides[0])
            for i, start in ((int(part[k]), start) for k, start in made.items()):
                if start.resting.any():
                    self._alone(self._own(low + i), queue, final, i)
                    continue
                runner.begin(queue, i, start, self.end)
                queue.status[i] = queue.t[i] == self.end
                some |= queue.t[i] != self.end
        return some

    def _own(self, i: int) -> Any:
        """Return the field with the parameters of run i."""
        return self.field.with_parameters(**dict(zip(self.field.parameters, self.p[i].tolist(),
                                                     strict=True)))

    def _with_surfaces(self, queue: Queue, final: np.ndarray, low: int) -> None:
        """Run free pieces in lanes; what happens on a surface is decided run by run."""
        own = [self._own(i) for i in range(low, low + len(final))]
        direction = 1.0 if self.end > self.start else -1.0
        switches = np.zeros(len(final), dtype=np.int64)
        motion = Motion.free(self.field)
        for i, one in enumerate(own):
            if np.isfinite(queue.y[i]).all():
                queue.sides[i], on = switching.initial_sides(one, self.start, queue.y[i])
                if on:
                    self._alone(one, queue, final, i)
        while (queue.status == 0).any() and not self.stop:
            self._advance(motion, queue)
            for i in np.nonzero((final == Status.CANCELLED) & (queue.status != 0))[0].tolist():
                if runner.not_begun(queue)[i]:
                    self._alone(own[i], queue, final, i)
                    continue
                if queue.status[i] != runner.SWITCH:
                    final[i] = runner.status_of(queue.status[i])
                    continue
                switches[i] += 1
                t, y, which = float(queue.t[i]), queue.y[i], int(queue.which[i])
                if switches[i] < MOST_TOGETHER and switching.touched(
                        own[i], t, y, queue.sides[i]) in ([], [which]):
                    outcome = switching.Contact(own[i], t, y.copy(), queue.sides[i].copy(),
                                                [which], direction).outcome()
                    if outcome.kind == "move" and not outcome.active:
                        queue.sides[i] = outcome.sides
                        queue.h[i], queue.status[i] = 0.0, 0
                        continue
                self._alone(own[i], queue, final, i, which)

    def _alone(self, one: Any, queue: Queue, final: np.ndarray, i: int, which: int = -1) -> None:
        """Finish run i by itself: it rests or slides on a surface."""
        handed = self.stiff is not None and np.isfinite(queue.stiff[i])
        alone = AdaptiveRun(one, self.stiff if handed else self.method, queue.y[i],
                            float(queue.t[i]), self.end, self.saves, False, self.max_steps,
                            stiff=None if handed else self.stiff)
        alone.queue.saved = queue.saved[i:i + 1]
        alone.queue.save[0], alone.queue.count[0] = queue.save[i], queue.count[i]
        alone.queue.sides[0], alone.queue.stiff[0] = queue.sides[i], queue.stiff[i]
        alone.go(met=which)
        final[i], queue.status[i] = alone.status, 99
        queue.t[i], queue.y[i] = alone.queue.t[0], alone.queue.y[0]
        queue.count[i], queue.stiff[i] = alone.queue.count[0], alone.queue.stiff[0]

    def result(self, seed: int | None, given: dict[str, np.ndarray], saved: bool) -> Ensemble:
        """Return the ensemble."""
        reduced: Any = None
        if self.bound is not None:
            reduced = self.reduced["value"] if self.bound.single else self.reduced
        return Ensemble(self.y, self.t, self.status, self.steps, self.field.n,
                        self.saved if saved else None, reduced, seed, self.field, given,
                        self.stiff_from)


def _bar(total: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit="run", unit_scale=True)

