"""The runs of an ensemble: dealt out in pieces, to threads or to other processes."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np

from flowopt.integrators import pool
from flowopt.integrators.reducing import Bound
from flowopt.integrators.runs import Ensemble
from flowopt.integrators.status import Status


class Job(ABC):
    """The runs of one ensemble: dealt out in pieces, each on a thread of its own.

    A subclass knows how to do the runs of a piece, how many those should be, what to compile
    first, and which of its arguments, behind the ones here, the job of a piece takes.
    """

    width: int  # lanes of a block
    order: np.ndarray | None = None  # which run each row is, if they are not in order

    def __init__(self, field: Any, method: Any, starts: np.ndarray, p: np.ndarray, start: float,
                 end: float, saves: np.ndarray, bound: Bound | None, max_steps: int) -> None:
        self.field, self.method, self.bound = field, method, bound
        self.start, self.end, self.max_steps = start, end, max_steps
        self.p, self.y = p, np.array(starts)
        self.asked = self.saves = saves
        count = len(starts)
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
        self.lock = threading.Lock()

    @abstractmethod
    def size(self, threads: int) -> int:
        """Return how many runs a piece has."""

    @abstractmethod
    def compile(self) -> None:
        """Compile on this thread, once, before the others start."""

    @abstractmethod
    def runs(self, low: int, high: int) -> None:
        """Do the runs from `low` to `high`."""

    @abstractmethod
    def own(self, piece: slice) -> tuple[Any, ...]:
        """Return the last arguments of the job of a piece."""

    # ---------------------------------------------------------------- who runs what
    def run(self, threads: int, executor: Executor | None, progress: bool) -> None:
        """Run all pieces; Ctrl-C stops the rest."""
        count, size = len(self.y), self.size(threads)
        pieces = [(low, min(low + size, count)) for low in range(0, count, size)]
        self.compile()
        if executor is None or pool.shares_memory(executor):
            pool.here(pieces, self.piece, self.cancel, threads, executor, progress)
        else:
            pool.away(pieces, self.task, _away, self.take, executor, progress)

    def cancel(self) -> None:
        """Stop at the next opportunity."""
        self.stop = True

    def tick(self, *_: Any) -> bool:
        """Return whether a stepper is to go on."""
        return not self.stop

    def piece(self, piece: tuple[int, int]) -> None:
        """Do the runs of a piece."""
        if not self.stop:
            self.runs(*piece)

    def task(self, piece: tuple[int, int]) -> tuple[Any, ...]:
        """Return what another process needs for a piece."""
        own = slice(*piece)
        reducers = None if self.bound is None else (
            self.bound.reducers["value"] if self.bound.single else self.bound.reducers)
        return (type(self), reducers, self.field, self.method, self.y[own], self.p[own],
                self.start, self.end, self.asked, self.max_steps, self.own(own))

    def take(self, piece: tuple[int, int], part: tuple[Any, ...]) -> None:
        """Take the results of a piece that another process did."""
        own = slice(*piece)
        (self.y[own], self.t[own], self.status[own], self.steps[own], self.saved[own],
         self.stiff_from[own], kept) = part
        self.keep(*piece, kept)

    def part(self) -> tuple[Any, ...]:
        """Return the results for `take`."""
        return (self.y, self.t, self.status, self.steps, self.saved, self.stiff_from,
                self.reduced)

    def keep(self, low: int, high: int, kept: Mapping[str, np.ndarray]) -> None:
        """Store what the reducers kept of some runs."""
        with self.lock:
            for name, value in kept.items():
                if self.bound is not None and self.bound.reducers[name].pooled:
                    self.reduced[name] += value
                else:
                    self.reduced[name][low:high] = value

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
    kind, reducers, field, method, starts, p, start, end, saves, max_steps, own = task
    bound = None if reducers is None else Bound(field, reducers)
    job = kind(field, method, starts, p, start, end, saves, bound, max_steps, *own)
    job.order = None  # the runs of a piece are in order
    job.run(1, None, False)
    return job.part()
