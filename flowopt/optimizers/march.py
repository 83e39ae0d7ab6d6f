"""Many runs of an optimizer side by side that may end in different steps.

Blocks of lanes take compiled steps up to the next look; what has ended is put aside. No run sees
its company, so each gives the same bits as alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt.integrators import pool
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.fixed_job import block_width
from flowopt.integrators.status import Status
from flowopt.optimizers.stopping import Watch


class March:
    """The runs of an optimizer from starts y (N, m), each over a number of steps of its own.

    Attributes
    ----------
    y : ndarray, shape (N, m)
        The states reached; NaN where a run diverged.
    steps, status : ndarray, shape (N,)
        The steps taken, and how each run ended.
    fired : ndarray, shape (N,)
        The number of the watch that ended a run, or −1.
    first : ndarray, shape (N,), or None
        The steps that another optimizer took before: batches and dropout go on from there.
    """

    def __init__(self, optimizer: Any, field: Any, starts: np.ndarray, total: np.ndarray,
                 watches: Sequence[Watch], seeds: np.ndarray | None, seed: int,
                 numbers: np.ndarray, first: np.ndarray | None = None) -> None:
        self.optimizer, self.field, self.watches = optimizer, field, watches
        self.y, self.total = np.array(starts), total
        self.seeds, self.seed, self.numbers, self.first = seeds, seed, numbers, first
        count = len(starts)
        self.steps = np.zeros(count, dtype=np.int64)
        self.status = np.full(count, Status.CANCELLED, dtype=np.int64)
        self.fired = np.full(count, -1)
        self.width = block_width(field.m, count)
        self.stop = False

    def run(self, threads: int, progress: bool) -> None:
        """Run all."""
        pieces = [(low, min(low + self.width, len(self.y)))
                  for low in range(0, len(self.y), self.width)]
        self.field.address("rhs", self.width)
        plain = any(callable(w.rule.on) and not hasattr(w.rule.on, "value") for w in self.watches)
        pool.here(pieces, self.piece, self.cancel, 1 if plain else threads, None, progress)
        self.field.raise_pending()

    def cancel(self) -> None:
        """Stop at the next opportunity."""
        self.stop = True

    def piece(self, piece: tuple[int, int]) -> None:
        """Do the runs of a block; those with other numbers in between have blocks of their own."""
        if self.stop:
            return
        low, high = piece
        cuts = [low, high]
        method = self.optimizer.method
        if method.stochastic and self.seeds is None:
            cuts[1:1] = (np.nonzero(np.diff(self.numbers[low:high]) != 1)[0] + 1 + low).tolist()
        for a, b in zip(cuts[:-1], cuts[1:], strict=True):
            self._block(a, b)

    def _block(self, low: int, high: int) -> None:
        own = np.arange(low, high)
        total, field, method = self.total[low:high], self.field, self.optimizer.method
        most = int(total.max())
        p = np.repeat(field.p[None], high - low, axis=0)
        if self.first is not None and getattr(field.loss, "drawn", False):
            p[:, list(field.parameters).index("first")] += self.first[low:high]
        seed: Any = self.seed
        lane0 = int(self.numbers[low])
        if self.seeds is not None and method.stochastic:
            seed, lane0 = self.seeds[low:high], 0
        width = self.width if high - low > 1 else 1
        block = FixedBlock(field, method, self.y[low:high], p, 0.0, most * method.h, np.zeros(0),
                           width, lane0=lane0, seed=seed)
        alive = np.ones(high - low, dtype=bool)
        ends = np.unique(total)
        k = 0
        while k < most and alive.any() and not self.stop:
            k = self._next(k, most, ends)
            block.run(k)
            y = block.y[:, :high - low].T
            bad = block.bad[:high - low]
            self._put_aside(own, alive & (bad >= 0), bad, np.full_like(y, np.nan),
                            [block.failure(i) for i in range(high - low)])
            alive &= bad < 0
            for number, watch in enumerate(self.watches):
                if k % watch.every == 0 and alive.any():
                    running = own[alive]
                    states = y[alive].copy()
                    x = self.optimizer.reported(field, states, k)
                    stalled = np.zeros(high - low, dtype=bool)
                    stalled[alive] = watch.look(k, x, states, running)
                    self.fired[own[stalled]] = number
                    self._put_aside(own, stalled, np.full(high - low, k), y, Status.EVENT)
                    alive &= ~stalled
            done = alive & (total == k)
            self._put_aside(own, done, total, y, Status.REACHED_END)
            alive &= ~done

    def _next(self, k: int, most: int, ends: np.ndarray) -> int:
        """Return the next step at which there is something to do."""
        after = [w.every * (k // w.every + 1) for w in self.watches]
        after.append(int(ends[np.searchsorted(ends, k, side="right")]))
        return min(most, *after)

    def _put_aside(self, own: np.ndarray, which: np.ndarray, steps: np.ndarray, y: np.ndarray,
                   status: Any) -> None:
        """Keep the results of some lanes."""
        runs = own[which]
        self.y[runs], self.steps[runs] = y[which], steps[which]
        self.status[runs] = np.array(status)[which] if isinstance(status, list) else status
