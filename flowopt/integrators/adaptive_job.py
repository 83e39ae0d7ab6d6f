"""An ensemble by an adaptive method: free pieces in lanes, the rest run by run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt._evaluate import FEW, LANES
from flowopt.integrators import runner, sides, singular
from flowopt.integrators.adaptive_run import AdaptiveRun
from flowopt.integrators.contact import again
from flowopt.integrators.crossing import crossings
from flowopt.integrators.each import ROOM
from flowopt.integrators.job import Job
from flowopt.integrators.methods import Adaptive, Rodas5P
from flowopt.integrators.plans import OWN_LU
from flowopt.integrators.reducing import Bound
from flowopt.integrators.runner import Motion, Queue
from flowopt.integrators.status import Status
from flowopt.integrators.taylor import Taylor

#: switches of a run beyond which it is finished by itself
MOST_TOGETHER = 1000


def lanes_of(method: Adaptive, m: int) -> int:
    """Return how many lanes a block of an adaptive method takes; LAPACK solves for one."""
    return LANES if method.stable or m <= OWN_LU or isinstance(method, Taylor) else 1


class AdaptiveJob(Job):
    """The runs of one ensemble by an adaptive method.

    A run that turns out to be stiff goes on with the method `stiff`. The states at the times
    `every` are kept for the reducers, next to those that were asked for.
    """

    def __init__(self, field: Any, method: Any, starts: np.ndarray, p: np.ndarray, start: float,
                 end: float, saves: np.ndarray, bound: Bound | None, max_steps: int,
                 stiff: Rodas5P | None, every: np.ndarray | None) -> None:
        super().__init__(field, method, starts, p, start, end, saves, bound, max_steps)
        self.stiff, self.every = stiff, every
        self.saves = saves if every is None else np.unique(np.concatenate([saves, every]))
        if end < start and every is not None:
            self.saves = self.saves[::-1].copy()
        self.width = lanes_of(method, field.m)

    def size(self, threads: int) -> int:
        """Return how many runs a piece has: four pieces a thread, and room for their states."""
        size = max(LANES, min(4096, -(-len(self.y) // (4 * threads))))
        if self.every is None:
            return size
        return max(1, min(size, ROOM // (8 * len(self.saves) * self.field.m)))

    def own(self, piece: slice) -> tuple[Any, ...]:
        """Return the last arguments of the job of a piece."""
        return self.stiff, self.every

    def compile(self) -> None:
        """Compile on this thread, once, before the others start."""
        if self.field.surfaces:
            self.field.address("smooth", self.width)
        self.field.address("rhs", self.width)
        if isinstance(self.method, Taylor):
            self.field.series(self.method.order, self.width)
        elif not self.method.stable:
            self.field.derivative_address("jacobian", self.width)
        if self.bound is not None:
            self.bound.address(self.width)

    def runs(self, low: int, high: int) -> None:
        """Do the runs from `low` to `high`."""
        queue = self._queue(low, high)
        final = np.full(high - low, Status.CANCELLED, dtype=np.int64)
        try:
            self._go(queue, final, low)
        except KeyboardInterrupt:  # what is finished is kept
            self.stop = True
        if not self.field.surfaces:
            ended = (queue.status != runner.IS_STIFF) & ~(self.stop & runner.not_begun(queue))
            for code in set(queue.status.tolist()) - {0, runner.IS_STIFF, 99}:
                final[ended & (queue.status == code)] = runner.status_of(code)
        self.y[low:high], self.t[low:high], self.status[low:high] = queue.y, queue.t, final
        self.steps[low:high] = queue.count[:, 0]
        self.stiff_from[low:high] = queue.stiff
        if self.every is not None and self.bound is not None:
            self._show(queue, final, low, high)

    def _queue(self, low: int, high: int) -> Queue:
        """Return the trajectories of some runs, at their start."""
        count = high - low
        saved = self.saved[low:high]
        if self.every is not None:
            saved = np.full((count, len(self.saves), self.field.m), np.nan)
        queue = Queue(np.full(count, self.start), self.y[low:high].copy(), self.p[low:high],
                      np.ones((count, self.field.surfaces)), self.saves, saved)
        if self.method.h0 is not None:
            queue.h[:] = self.method.h0 * (1.0 if self.end > self.start else -1.0)
        return queue

    def _go(self, queue: Queue, final: np.ndarray, low: int) -> None:
        """Run all of the queue; the statuses of runs that are done alone go to `final`."""
        field = self.field
        if any(norm >= field.m for norm in field.meta.get("norms", ())):
            for i in range(len(final)):  # a run may arrive at a point where the field is singular
                if not self.stop:
                    self._alone(self._own(low + i), queue, final, i)
        elif field.surfaces:
            self._with_surfaces(queue, final, low)
        else:
            motion = Motion.free(field)
            self._advance(motion, queue)
            if self._begun(queue, final, low):
                self._advance(motion, queue)

    def _show(self, queue: Queue, final: np.ndarray, low: int, high: int) -> None:
        """Show the states at the times `every` to the reducers; keep those asked for."""
        assert self.bound is not None and self.every is not None
        saved = queue.saved
        if len(self.asked):
            self.saved[low:high] = saved[:, np.isin(self.saves, self.asked)]
        shown = np.isin(self.saves, self.every)
        totals = self.bound.fold(self.saves[shown], saved[:, shown] if len(self.asked)
                                 else saved, self.p[low:high])
        kept = self.bound.results(totals, final, queue.t)
        for name, value in kept.items():
            if not self.bound.reducers[name].pooled:
                value[final == Status.CANCELLED] = np.nan
        self.keep(low, high, kept)

    def _advance(self, motion: Motion, queue: Queue) -> None:
        """Run everything that runs; what turns out to be stiff goes on with the stiff method."""
        count = len(queue.t)
        width = self.width if count >= FEW else 1
        if self.stiff is None:
            runner.advance(motion, self.method, queue, 0, count, self.end, self.max_steps,
                           width, tick=self.tick, stiffness=1)
            return
        waiting = (queue.status == 0) & np.isfinite(queue.stiff)
        queue.status[waiting] = runner.IS_STIFF
        whole = runner.advance(motion, self.method, queue, 0, count, self.end, self.max_steps,
                               width, tick=self.tick, stiffness=2)
        queue.status[queue.status == runner.IS_STIFF] = 0
        if whole and (queue.status == 0).any():
            runner.advance(motion, self.stiff, queue, 0, count, self.end, self.max_steps,
                           lanes_of(self.stiff, self.field.m), tick=self.tick)

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
        """Run free pieces in lanes; tell crossing and rest together, and the rest run by run."""
        count = len(final)
        self.history: dict[int, list[tuple[float, tuple[int, ...]]]] = {}
        motion = Motion.free(self.field)
        good = np.isfinite(queue.y).all(axis=1)
        queue.sides[good], on = sides.initial_sides(self.field, queue.t[good], queue.y[good],
                                                    queue.p[good])
        for i in np.arange(count)[good][on.any(axis=1)].tolist():
            self._alone(self._own(low + i), queue, final, i)
        while (queue.status == 0).any() and not self.stop:
            self._advance(motion, queue)
            left = (final == Status.CANCELLED) & (queue.status != 0)
            met = left & (queue.status == runner.SWITCH)
            fresh = left & runner.not_begun(queue)
            for i in np.nonzero(left & ~met & ~fresh)[0].tolist():
                final[i] = runner.status_of(queue.status[i])
            for i in np.nonzero(fresh)[0].tolist():
                self._alone(self._own(low + i), queue, final, i)
            self._met(np.nonzero(met & ~fresh)[0], queue, final, low)

    def _met(self, runs: np.ndarray, queue: Queue, final: np.ndarray, low: int) -> None:
        """Decide how runs go on that have met a surface."""
        if not len(runs):
            return
        direction = 1.0 if self.end > self.start else -1.0
        t, which, start = queue.t[runs], queue.which[runs], self.y[low + runs]
        moves, rests, after = crossings(self.field, t, queue.y[runs], queue.p[runs],
                                        queue.sides[runs], which, start, direction)
        for k, i in enumerate(runs.tolist()):
            before = self.history.setdefault(i, [])
            at_once = bool(before) and again(float(t[k]), before[-1][0])
            if at_once or len(before) >= MOST_TOGETHER or not (moves[k] or rests[k]):
                self._alone(self._own(low + i), queue, final, i, int(which[k]), before, start[k])
            elif moves[k]:
                queue.sides[i], queue.h[i], queue.status[i] = after[k], 0.0, 0
                before.append((float(t[k]), (int(which[k]),)))
            else:
                self._rest(queue, final, i, low)

    def _rest(self, queue: Queue, final: np.ndarray, i: int, low: int) -> None:
        """Let a run rest on the surface that it has met."""
        own = self.field if not self.field.parameters else self._own(low + i)
        t, y, place = queue.t[i:i + 1], queue.y[i], queue.sides[i:i + 1]
        slopes = sides.slopes_of(own, t, y[None], place)[0]
        queue.y[i] = sides.projected(own, float(t[0]), y, place[0], slopes[:, :-1],
                                         [int(queue.which[i])])
        queue.saved[i, queue.save[i]:] = queue.y[i]
        queue.save[i] = len(self.saves)
        final[i], queue.status[i] = Status.STUCK, 99

    def _alone(self, one: Any, queue: Queue, final: np.ndarray, i: int, which: int = -1,
               before: Sequence[tuple[float, tuple[int, ...]]] = (),
               start: np.ndarray | None = None) -> None:
        """Finish run i by itself: it rests or slides on a surface.

        `before` are the times at which it met surfaces, and which, on its way from `start`.
        """
        handed = self.stiff is not None and np.isfinite(queue.stiff[i])
        alone = AdaptiveRun(one, self.stiff if handed else self.method, queue.y[i],
                            float(queue.t[i]), self.end, self.saves, False, self.max_steps,
                            stiff=None if handed else self.stiff)
        alone.queue.saved = queue.saved[i:i + 1]
        alone.queue.save[0], alone.queue.count[0] = queue.save[i], queue.count[i]
        alone.queue.sides[0], alone.queue.stiff[0] = queue.sides[i], queue.stiff[i]
        if start is not None:
            alone.start_y = start.copy()
        alone.go(which, before)
        final[i], queue.status[i] = alone.status, 99
        queue.t[i], queue.y[i] = alone.queue.t[0], alone.queue.y[0]
        queue.count[i], queue.stiff[i] = alone.queue.count[0], alone.queue.stiff[0]
