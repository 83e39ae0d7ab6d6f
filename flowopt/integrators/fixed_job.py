"""An ensemble by a method of fixed step: blocks of lanes that end together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from flowopt._evaluate import LANES
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.job import Job
from flowopt.integrators.methods import Explicit, SequentialEuler, SymplecticEuler
from flowopt.integrators.reducing import Bound
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Structured

#: numbers of the state in a block of fixed step: the wider a block, the less the calls of a step
#: cost, as long as what it reads and writes stays in the first-level cache
WIDEST = 512


def block_width(m: int, count: int) -> int:
    """Return how many lanes a block of fixed step takes (a power of 2)."""
    width = LANES
    while width < count and 2 * width * m <= WIDEST:
        width *= 2
    return width


class FixedJob(Job):
    """The runs of one ensemble by a method of fixed step.

    Runs with steps of their own are put in the order of their steps, so that the lanes of a block
    end together; `order` says which run each is, and `number` which stream of noise it has.
    """

    def __init__(self, field: Any, method: Any, starts: np.ndarray, p: np.ndarray, start: float,
                 end: float, saves: np.ndarray, bound: Bound | None, max_steps: int, seed: int,
                 h: np.ndarray | None, seeds: np.ndarray | None,
                 number: np.ndarray | None = None) -> None:
        order = None if h is None else np.argsort(h, kind="stable")
        pick = slice(None) if order is None else order
        super().__init__(field, method, starts[pick], p[pick], start, end, saves, bound, max_steps)
        self.order, self.seed = order, seed
        self.h = None if h is None else h[pick]
        self.seeds = None if seeds is None else seeds[pick]
        self.number = (np.arange(len(starts)) if number is None else number)[pick]
        self.width = block_width(field.m, len(starts))
        self.blocks = threading.local()

    def size(self, threads: int) -> int:
        """Return how many runs a piece has: whole blocks, and enough pieces for the threads."""
        return self.width * max(1, len(self.y) // (self.width * 16 * threads))

    def own(self, piece: slice) -> tuple[Any, ...]:
        """Return the last arguments of the job of a piece."""
        return (self.seed, *(None if a is None else a[piece] for a in (self.h, self.seeds)),
                self.number[piece])

    def compile(self) -> None:
        """Compile on this thread, once, before the others start."""
        for width in {self.width, 1} if self.cuts is not None else {self.width}:
            self.field.address("rhs", width)
            if isinstance(self.method, Structured):
                self.method.head(self.field, width)
            if self.bound is not None:
                self.bound.address(width)

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

    def runs(self, low: int, high: int) -> None:
        """Do the runs from `low` to `high`, block by block."""
        for a, b, width in self._ranges(low, high):
            if self.stop:
                return
            self._block(a, b, width)

    def _block(self, low: int, high: int, width: int) -> None:
        lanes = high - low
        block = self._loaded(low, high, width)
        reached = block.run(block.total, self.tick)
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
            self.keep(low, high, self.bound.results(totals, self.status[low:high], t))

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
