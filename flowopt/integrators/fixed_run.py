"""One run of a method of fixed step."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.integrators.dense import Piece
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.methods import Explicit
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Structured

#: a path beyond this many bytes is refused, with the number
MOST_BYTES = 8 * 2**30


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
