"""The verb `ensemble`: many trajectories at once, in blocks of lanes over threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import numpy as np

from flowopt import _check
from flowopt._evaluate import FEW, LANES
from flowopt.flows.field import LARGE
from flowopt.integrators import memory, pool, runner, singular, switching
from flowopt.integrators.adaptive_run import AdaptiveRun
from flowopt.integrators.each import ROOM, checked_every, checked_lengths, checked_seeds
from flowopt.integrators.fixed import FixedBlock, lane_steps
from flowopt.integrators.integrate import (
    check_noise,
    checked_field,
    checked_saves,
    checked_seed,
    step_budget,
)
from flowopt.integrators.methods import (
    Adaptive,
    Explicit,
    Rodas5P,
    SequentialEuler,
    SymplecticEuler,
    chosen,
)
from flowopt.integrators.reducing import Bound
from flowopt.integrators.runner import Motion, Queue
from flowopt.integrators.runs import Ensemble
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Structured
from flowopt.integrators.taylor import Taylor


def ensemble(field: Any, x0s: Any, t: tuple[float, float], method: Any = None, *,
             parameters: Mapping[str, Any] | None = None, save_at: Any = None, reduce: Any = None,
             threads: int | None = None, progress: bool = False, seed: int | None = None,
             max_steps: int | None = None, h: Any = None, seeds: Any = None,
             every: float | None = None, executor: Executor | None = None) -> Ensemble:
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
        As for `integrate`. By default ``Automatic()``: DOP853, and Rodas5P for each run from where
        it turns out to be stiff.
    parameters : mapping of str to float or array (N,), optional
        Values for parameters of the field, and for further names in the formula of a temperature,
        for all runs or one by one.
    save_at : array_like, shape (k,), optional
        Times at which states are kept.
    reduce : reducer or mapping of str to reducers, optional
        What to keep of each path, see `flowopt.reduce`. A method of fixed step shows a reducer
        each of its states, an adaptive one its dense output at regular times.
    threads : int, optional
        Default: the number of processors.
    progress : bool
        Show a progress bar, with the rate and the time left.
    seed : int, optional
        For methods with noise; by default one is drawn, and recorded in the result.
    max_steps : int, optional
        The budget of steps of each run; by default a million for adaptive methods.
    h : array_like, shape (N,), optional
        The step of each run, in place of that of a method of fixed step.
    seeds : array_like of int, shape (N,), optional
        A seed for each run, in place of `seed`: run i is then `integrate` with seeds[i].
    every : float, optional
        The distance in time at which an adaptive method shows the state to `reduce`; by default
        a thousandth of the span.
    executor : concurrent.futures.Executor, optional
        Where to run, in place of threads of our own. It is not shut down. Processes compile
        nothing: they read the compile cache. A field made of kernels stays in this process.

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
    count = len(starts)
    method, stiff = chosen(method, field.m, LARGE)
    if isinstance(method, Rodas5P):
        field.check_jacobian(start, starts[0])
        if field.m > LARGE:
            raise ValueError(f"an ensemble of {method.name} takes at most {LARGE} equations, got "
                             f"{field.m}; use fo.integrate for each start")
    saves = checked_saves(save_at, start, end)
    values, given = _parameters(field, method, parameters, count)
    threads = pool.checked(threads, executor, field)
    adaptive = isinstance(method, Adaptive)
    if isinstance(method, Structured | Taylor):
        method.check(field)
    lengths = checked_lengths(h, method, count)
    if adaptive or lengths is None:
        limit = step_budget(max_steps, method, start, end)
    else:
        limit = 2**62 if max_steps is None else _check.integer("max_steps", max_steps, at_least=1)
    if not adaptive:
        used = np.array([method.h]) if lengths is None else lengths
        total = int(lane_steps(used, start, end)[0].max())
        if total > limit:
            raise ValueError(f"max_steps={limit} is less than the {total} steps of "
                             f"h={used.min():g} over the span; raise one of them")
    own = checked_seeds(seeds, seed, method, count)
    seed = checked_seed(seed, method) if own is None else None
    if hasattr(method, "apparatus"):
        check_noise(method, field, values, start, end)
    bound = None if reduce is None else Bound(field, reduce)
    looks = checked_every(every, bound, method, start, end)
    memory.check(count, len(saves), field.m, 0 if bound is None else bound.bytes_per_run)
    job = _Job(field, method, starts, values, start, end, saves, bound, limit, seed or 0, stiff,
               lengths, own, looks)
    job.run(threads, executor, progress)
    try:
        field.raise_pending()
    except KeyboardInterrupt:  # it met a Python function: what that said later is not known
        job.status[job.status == Status.DIVERGED] = Status.CANCELLED
    except RuntimeError as error:
        error.ensemble = job.result(seed, given, save_at is not None)  # type: ignore[attr-defined]
        raise
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
    """Return how many lanes a block of an adaptive method takes; LAPACK solves for one."""
    return LANES if method.stable or m <= runner.OWN_LU or isinstance(method, Taylor) else 1


class _Job:
    """The runs of one ensemble: dealt out in pieces, each on a thread of its own.

    Runs with steps of their own are put in the order of their steps, so that the lanes of a block
    end together; `order` says which run each is.
    """

    def __init__(self, field: Any, method: Any, starts: np.ndarray, p: np.ndarray, start: float,
                 end: float, saves: np.ndarray, bound: Bound | None, max_steps: int,
                 seed: int, stiff: Rodas5P | None = None, h: np.ndarray | None = None,
                 seeds: np.ndarray | None = None, every: np.ndarray | None = None,
                 number: np.ndarray | None = None) -> None:
        self.field, self.method, self.bound, self.stiff = field, method, bound, stiff
        self.start, self.end, self.max_steps, self.seed = start, end, max_steps, seed
        count = len(starts)
        number = np.arange(count) if number is None else number
        self.order = None if h is None else np.argsort(h, kind="stable")
        pick = slice(None) if self.order is None else self.order
        self.p, self.y, self.number = p[pick], np.array(starts[pick]), number[pick]
        self.h = None if h is None else h[pick]
        self.seeds = None if seeds is None else seeds[pick]
        self.asked, self.every = saves, every
        self.saves = saves if every is None else np.unique(np.concatenate([saves, every]))
        if end < start and every is not None:
            self.saves = self.saves[::-1].copy()
        self.width = (lanes_of(method, field.m) if isinstance(method, Adaptive)
                      else block_width(field.m, count))
        self.t = np.full(count, start)
        self.steps = np.zeros(count, dtype=np.int64)
        self.status = np.full(count, Status.CANCELLED, dtype=np.int64)
        self.stiff_from = np.full(count, np.nan)
        self.saved = np.full((count, len(saves), field.m), np.nan)
        self.reduced: dict[str, np.ndarray] = {}
        for name, reducer in ({} if bound is None else bound.reducers).items():
            self.reduced[name] = (np.zeros(reducer.shape) if reducer.pooled
                                  else np.full((count, *reducer.shape), np.nan))
        self.stop = False
        self.lock, self.blocks = threading.Lock(), threading.local()

    # ---------------------------------------------------------------- who runs what
    def run(self, threads: int, executor: Executor | None, progress: bool) -> None:
        """Run all pieces; Ctrl-C stops the rest."""
        count = len(self.y)
        if isinstance(self.method, Adaptive):
            size = max(LANES, min(4096, -(-count // (4 * threads))))
            if self.every is not None:
                each = 8 * len(self.saves) * self.field.m
                size = max(1, min(size, ROOM // each))
        else:
            size = self.width * max(1, count // (self.width * 16 * threads))
        pieces = [(low, min(low + size, count)) for low in range(0, count, size)]
        self.compile()
        if executor is None or pool.shares_memory(executor):
            pool.here(pieces, self.piece, self.cancel, threads, executor, progress)
        else:
            pool.away(pieces, self.task, _away, self.take, executor, progress)

    def cancel(self) -> None:
        """Stop at the next opportunity."""
        self.stop = True

    def piece(self, piece: tuple[int, int]) -> None:
        """Do the runs of a piece."""
        if not self.stop:
            (self._adaptive if isinstance(self.method, Adaptive) else self._fixed)(*piece)

    def task(self, piece: tuple[int, int]) -> tuple[Any, ...]:
        """Return what another process needs for a piece."""
        own = slice(*piece)
        h, seeds = (None if a is None else a[own] for a in (self.h, self.seeds))
        reducers = None if self.bound is None else (
            self.bound.reducers["value"] if self.bound.single else self.bound.reducers)
        return (self.field, self.method, self.y[own], self.p[own], self.start, self.end,
                self.asked, reducers, self.max_steps, self.seed, self.stiff, h, seeds, self.every,
                self.number[own])

    def take(self, piece: tuple[int, int], part: tuple[Any, ...]) -> None:
        """Take the results of a piece that another process did."""
        own = slice(*piece)
        (self.y[own], self.t[own], self.status[own], self.steps[own], self.saved[own],
         self.stiff_from[own], kept) = part
        self._keep(*piece, kept)

    def part(self) -> tuple[Any, ...]:
        """Return the results for `take`."""
        return (self.y, self.t, self.status, self.steps, self.saved, self.stiff_from,
                self.reduced)

    def _keep(self, low: int, high: int, kept: Mapping[str, np.ndarray]) -> None:
        """Store what the reducers kept of some runs."""
        with self.lock:
            for name, value in kept.items():
                if self.bound is not None and self.bound.reducers[name].pooled:
                    self.reduced[name] += value
                else:
                    self.reduced[name][low:high] = value

    def compile(self) -> None:
        """Compile on this thread, once, before the others start."""
        widths = {self.width, 1} if self.cuts is not None else {self.width}
        adaptive = isinstance(self.method, Adaptive)
        for width in widths:
            if adaptive and self.field.surfaces:
                self.field.address("smooth", width)
            self.field.address("rhs", width)
            if isinstance(self.method, Taylor):
                self.field.series(self.method.order, width)
            elif adaptive and not self.method.stable:
                self.field.derivative_address("jacobian", width)
            if isinstance(self.method, Structured):
                self.method.head(self.field, width)
            if self.bound is not None:
                self.bound.address(width)

    def _tick(self, *_: Any) -> bool:
        return not self.stop

    # ---------------------------------------------------------------- methods of fixed step
    @property
    def simple(self) -> bool:
        """Whether the stepper knows lanes with steps of their own, and its block can be reused."""
        return isinstance(self.method, (Explicit, SequentialEuler, SymplecticEuler))

    @property
    def cuts(self) -> np.ndarray | None:
        """Where a block must end because the runs behind have another step (None: nowhere)."""
        if self.h is None or (self.simple and not len(self.saves)):
            return None
        other = np.diff(self.h) != 0
        if self.method.stochastic and self.seeds is None:  # lanes have successive numbers
            other |= np.diff(self.number) != 1
        return np.nonzero(other)[0] + 1

    def _ranges(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield the blocks of a piece: from, to, and their width."""
        ends = [low, high]
        if (cuts := self.cuts) is not None:
            ends[1:1] = cuts[(cuts > low) & (cuts < high)].tolist()
        for a, b in zip(ends[:-1], ends[1:], strict=True):
            width = self.width
            if len(ends) > 2:
                width = 1 if b == a + 1 else min(width, block_width(self.field.m, b - a))
            for at in range(a, b, width):
                yield at, min(at + width, b), width

    def _fixed(self, low: int, high: int) -> None:
        for a, b, width in self._ranges(low, high):
            if self.stop:
                return
            self._block(a, b, width)

    def _block(self, low: int, high: int, width: int) -> None:
        lanes = high - low
        block = self._loaded(low, high, width)
        reached = block.run(block.total, self._tick)
        if self.stop and reached < block.total and (block.bad[:lanes] < 0).any():
            return
        y, t, steps, gone, totals = block.outcome(lanes)
        self.y[low:high], self.t[low:high], self.steps[low:high] = y, t, steps
        self.status[low:high] = Status.REACHED_END
        for lane in np.nonzero(gone)[0].tolist():
            self.status[low + lane] = block.failure(lane)
        if len(self.saves):
            self.saved[low:high] = block.saved[:, :, :lanes].transpose(2, 0, 1)
        if self.bound is not None:
            self._keep(low, high, self.bound.results(totals, self.status[low:high], t))

    def _loaded(self, low: int, high: int, width: int) -> FixedBlock:
        """Return a block with these runs; a thread uses one again and again."""
        y, p = self.y[low:high], self.p[low:high]
        varied = self.h is not None and self.simple and not len(self.saves)
        h = self.h[low:high] if varied and self.h is not None else None
        key = width, None if varied or self.h is None else self.h[low]
        if self.simple and getattr(self.blocks, "key", None) == key:
            self.blocks.block.load(y, p, h)
            return self.blocks.block
        method = self.method if key[1] is None else replace(self.method, h=float(key[1]))
        first = 0 if self.seeds is not None else int(self.number[low])
        seed = self.seed if self.seeds is None else self.seeds[low:high]
        self.blocks.key = key
        self.blocks.block = FixedBlock(self.field, method, y, p, self.start, self.end, self.saves,
                                       width, reducer=self.bound, lane0=first, seed=seed, h=h)
        return self.blocks.block

    # ---------------------------------------------------------------- adaptive methods
    def _adaptive(self, low: int, high: int) -> None:
        field = self.field
        count = high - low
        saved = self.saved[low:high]
        if self.every is not None:
            saved = np.full((count, len(self.saves), field.m), np.nan)
        queue = Queue(np.full(count, self.start), self.y[low:high].copy(), self.p[low:high],
                      np.ones((count, field.surfaces)), self.saves, saved)
        if self.method.h0 is not None:
            queue.h[:] = self.method.h0 * (1.0 if self.end > self.start else -1.0)
        final = np.full(count, Status.CANCELLED, dtype=np.int64)
        try:
            if any(norm >= field.m for norm in field.meta.get("norms", ())):
                for i in range(count):  # a run may arrive at a point where the field is singular
                    if not self.stop:
                        self._alone(self._own(low + i), queue, final, i)
            elif field.surfaces:
                self._with_surfaces(queue, final, low)
            else:
                motion = Motion.free(field)
                self._advance(motion, queue)
                if self._begun(queue, final, low):
                    self._advance(motion, queue)
        except KeyboardInterrupt:  # what is finished is kept
            self.stop = True
        if not field.surfaces:
            ended = (queue.status != runner.IS_STIFF) & ~(self.stop & runner.not_begun(queue))
            for code in set(queue.status.tolist()) - {0, runner.IS_STIFF, 99}:
                final[ended & (queue.status == code)] = runner.status_of(code)
        self.y[low:high], self.t[low:high], self.status[low:high] = queue.y, queue.t, final
        self.steps[low:high] = queue.count[:, 0]
        self.stiff_from[low:high] = queue.stiff
        if self.every is not None and self.bound is not None:
            if len(self.asked):
                self.saved[low:high] = saved[:, np.isin(self.saves, self.asked)]
            shown = np.isin(self.saves, self.every)
            totals = self.bound.fold(self.saves[shown], saved[:, shown] if len(self.asked)
                                     else saved, self.p[low:high])
            kept = self.bound.results(totals, final, queue.t)
            for name, value in kept.items():
                if not self.bound.reducers[name].pooled:
                    value[final == Status.CANCELLED] = np.nan
            self._keep(low, high, kept)

    def _advance(self, motion: Motion, queue: Queue) -> None:
        """Run everything that runs; what turns out to be stiff goes on with the stiff method."""
        count = len(queue.t)
        width = self.width if count >= FEW else 1
        if self.stiff is None:
            runner.advance(motion, self.method, queue, 0, count, self.end, self.max_steps,
                           width, tick=self._tick, stiffness=1)
            return
        waiting = (queue.status == 0) & np.isfinite(queue.stiff)
        queue.status[waiting] = runner.IS_STIFF
        whole = runner.advance(motion, self.method, queue, 0, count, self.end, self.max_steps,
                               width, tick=self._tick, stiffness=2)
        queue.status[queue.status == runner.IS_STIFF] = 0
        if whole and (queue.status == 0).any():
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
                        own[i], t, y, queue.sides[i], self.y[low + i], direction) in (
                            [], [which]):
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
        y, t, status, steps, kept = self.y, self.t, self.status, self.steps, self.saved
        stiff = self.stiff_from
        reduced: Any = self.reduced
        if self.order is not None:
            back = np.argsort(self.order)
            y, t, status, steps, kept, stiff = (a[back] for a in (y, t, status, steps, kept, stiff))
            if self.bound is not None:
                reduced = {name: value if self.bound.reducers[name].pooled else value[back]
                           for name, value in reduced.items()}
        if self.bound is None:
            reduced = None
        elif self.bound.single:
            reduced = reduced["value"]
        return Ensemble(y, t, status, steps, self.field.n, kept if saved else None, reduced, seed,
                        self.field, given, stiff)


def _away(task: tuple[Any, ...]) -> tuple[Any, ...]:
    """Do a piece in another process."""
    field, method, starts, p, start, end, saves, reducers, *rest = task
    bound = None if reducers is None else Bound(field, reducers)
    job = _Job(field, method, starts, p, start, end, saves, bound, *rest)
    job.order = None  # the runs of a piece are in order
    job.run(1, None, False)
    return job.part()
