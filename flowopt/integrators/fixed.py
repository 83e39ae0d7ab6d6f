"""Runs of fixed step for a block of lanes: from objects to the compiled stepper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.integrators import plans, runner
from flowopt.integrators.methods import Explicit, SequentialEuler
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Head, Structured

#: evaluations of one lane's row between two looks at Ctrl-C and the progress bar
CHUNK = 2_000_000


def phases_of(field: Any, method: Any, width: int) -> np.ndarray:
    """Return the phases of a splitting as the stepper reads them."""
    phases = method.phases(field)
    made: list[int] = [len(phases)]
    for rows in phases:
        if field.is_kernel:  # the whole field, of which these rows are used
            made += [field.address("rhs", width), len(rows)]
            made += [v for r in rows for v in (r, r)]
        else:
            kind = "rows:" + ",".join(map(str, rows))
            made += [field.address(kind, width), len(rows)]
            made += [v for i, r in enumerate(rows) for v in (r, i)]
    return np.array(made, dtype=np.int64)


def lane_steps(h: np.ndarray, start: float, end: float
               ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `method.steps` says for each h (N,): steps, signed step, signed last step."""
    span = end - start
    count = abs(span) / h
    if count.max() > 2**53:
        raise ValueError(f"h must be larger: the span {abs(span):g} takes {count.max():.3g} steps "
                         f"of h={h.min():g}")
    total = np.maximum(1, np.ceil(count * (1 - 1e-15) - 1e-9)).astype(np.int64)
    signed = h if span > 0 else -h
    last = span - (total - 1) * signed
    return total, signed, np.where(np.abs(last - signed) <= 1e-9 * h, signed, last)


class FixedBlock:
    """A block of `width` lanes under a method of fixed step.

    With h (an array), each lane has a step of its own; nothing can then be saved.

    Attributes
    ----------
    y : ndarray, shape (m, width)
        The states reached.
    bad : ndarray, shape (width,)
        The number of the last finite step of a lane that diverged, or −1.
    path : ndarray, shape (keep + 1, m, width)
        The states of the first `keep` steps.
    saved : ndarray, shape (k, m, width)
        The states at the times to save.
    """

    def __init__(self, field: Any, method: Any, y0: np.ndarray, p: np.ndarray, start: float,
                 end: float, saves: np.ndarray, width: int, keep: int = 0,
                 reducer: Any = None, lane0: int = 0, seed: int | np.ndarray = 0,
                 h: np.ndarray | None = None) -> None:
        self.total, self.h, self.h_last = method.steps(start, end)
        field = field.paced(self.h if h is None else None)
        self.field, self.method, self.width = field, method, width
        self.start, self.end = start, end
        m = field.m
        self.y = np.empty((m, width))
        self.p = _native.aligned(max(p.shape[1], 1) * width).reshape(-1, width)
        self.bad = np.empty(width, dtype=np.int64)
        self.path = np.empty((keep + 1, m, width))
        self.keep = keep
        self._lay_out_saves(saves, end)
        self.context = field.context(width)
        self.reducer, self.totals = reducer, np.zeros((1, width))
        self.reducer_address, self.reducer_context = 0, np.zeros(4, dtype=np.int64)
        if reducer is not None:
            self.totals = reducer.begin(width)
            self.reducer_address = reducer.address(width)
        self.noise = None
        if hasattr(method, "apparatus"):
            lanes = np.minimum(np.arange(width), len(p) - 1)
            self.noise = method.apparatus(field, p[lanes], width, (start, end), lane0, seed)
        self.head: Head | None = None
        if isinstance(method, Structured):
            self.head = method.head(field, width)
        self.prepared: Any = None
        self.varied = h is not None
        if self.varied:
            self.lane_h, self.lane_total = np.empty((2, width)), np.empty(width, dtype=np.int64)
            self.done, self.done_totals = np.empty((m, width)), np.empty_like(self.totals)
        self.load(y0, p, h)

    def load(self, y0: np.ndarray, p: np.ndarray, h: np.ndarray | None = None) -> None:
        """Take these starts (at most `width`) from the beginning; spare lanes repeat the last."""
        count = len(y0)
        if h is not None:
            spare = np.minimum(np.arange(self.width), count - 1)
            self.lane_total[:], self.lane_h[0], self.lane_h[1] = (
                a[spare] for a in lane_steps(h, self.start, self.end))
            self.total = int(self.lane_total.max())
        for block, rows in ((self.y, y0.T), (self.p[:p.shape[1]], p[:count].T)):
            block[:, :count] = rows
            block[:, count:] = rows[:, -1:]
        self.bad.fill(-1)
        self.step = self.save = 0
        self.path[0] = self.y
        self.saved.fill(np.nan)
        if self.reducer is not None:
            self.totals[:] = self.reducer.begin(self.width)
            self.reducer.first(self.start, self.y, self.p, self.totals)

    def outcome(self, lanes: int) -> tuple[np.ndarray, ...]:
        """Return of the first lanes: states (lanes, m), times, steps, which diverged, totals."""
        y, totals = (self.done, self.done_totals) if self.varied else (self.y, self.totals)
        total = self.lane_total[:lanes] if self.varied else np.full(lanes, self.total)
        bad = self.bad[:lanes]
        gone = (bad >= 0) & (bad < total)
        steps = np.where(gone, bad, total)
        h = self.lane_h[0, :lanes] if self.varied else self.h
        t = np.where(gone, self.start + steps * h, self.end)
        return np.where(gone, np.nan, y[:, :lanes]).T, t, steps, gone, totals[:, :lanes]

    def failure(self, lane: int) -> Status:
        """Return why a lane ended early: it diverged, or its step has no solution."""
        return Status.DIVERGED if self.head is None else self.head.status(lane)

    def step_kernel(self) -> int:
        """Return the address of a kernel that does the whole step, or 0: there is none.

        That of a loss which is a kernel writes y⁺ over y.
        """
        if self.noise is not None:
            return getattr(self.noise, "whole", 0)
        explicit = isinstance(self.method, Explicit) and self.method.tableau.stages == 1
        if len(self.saves) or not (explicit or isinstance(self.method, SequentialEuler)):
            return 0
        if not self.field.is_kernel:
            return self.field.address("euler", self.width) if explicit else 0
        if not hasattr(self.field, "step_address"):
            return 0
        groups = [tuple(name for name, _, _ in self.field.blocks)] if explicit else \
            self.method.ordered(self.field)
        return int(self.field.step_address(groups, self.width, in_place=True))

    def _lay_out_saves(self, saves: np.ndarray, end: float) -> None:
        """Find for each time to save the step it lies in and its fraction of that step."""
        self.saves = saves
        self.saved = np.empty((max(len(saves), 1), self.field.m, self.width))
        if not len(saves):
            self.save_step, self.save_fraction = np.zeros(1, dtype=np.int64), np.zeros(1)
            return
        along = (saves - self.start) / self.h
        step = np.clip(np.floor(along + 1e-12).astype(np.int64), 0, self.total - 1)
        length = np.where(step == self.total - 1, self.h_last, self.h)
        fraction = (saves - (self.start + step * self.h)) / length
        fraction = np.clip(fraction, 0.0, 1.0)
        fraction[np.abs(fraction) < 1e-12] = 0.0
        fraction[(np.abs(fraction - 1) < 1e-12) | (saves == end)] = 1.0
        self.save_step, self.save_fraction = step, fraction

    def saved_count(self, reached: int) -> int:
        """Return how many saves lie within the first `reached` steps."""
        done = (self.save_step < reached) | ((self.save_step == reached)
                                             & (self.save_fraction == 0.0))
        return int(done.sum())

    def run(self, stop: int, tick: Callable[[int], bool] | None = None) -> int:
        """Take the steps up to `stop` and return the step reached."""
        if self.prepared is None:
            self.prepared = self._prepare()
        call, sizes, before, after, chunk, _ = self.prepared
        sizes[3], sizes[6] = self.total, self.save
        while self.step < stop:
            upto = min(stop, self.step + chunk)
            reached = call(*before, self.step, upto, *after)
            done, self.step = reached - self.step, reached
            self.save = int(sizes[6])
            if reached < upto or (tick is not None and not tick(done)):
                break
        if self.head is not None:
            self.head.raise_pending()
        return self.step

    def _prepare(self) -> tuple[Any, np.ndarray, list[Any], list[Any], int, Any]:
        """Return what a call needs, laid out once.

        The stepper, its sizes, its arguments before and after the range of steps, the number of
        steps between two looks at Ctrl-C, and the arrays to keep.
        """
        width, m = self.width, self.field.m
        explicit = isinstance(self.method, Explicit)
        stages = self.method.tableau.stages if explicit else 1
        degree = self.method.tableau.dense_array.shape[1] if explicit else 1
        sizes = np.array([m, stages, degree, self.total, len(self.saves), int(self.keep > 0),
                          self.save, not self.field.autonomous, 0, 0, 0, 0, 0, 0, 0],
                         dtype=np.int64)
        if self.varied:
            sizes[9:] = [1, *map(_native.address, (self.lane_h, self.lane_total, self.done,
                                                   self.done_totals)), len(self.totals)]
        work = _native.aligned((stages + 2) * m * width + 2 * width + stages + 4 * m * width + 64)
        head: tuple[Any, ...]
        if self.noise is not None:
            name, head, work = self.noise.name, self.noise.head, self.noise.work
            self.noise.sizes[3:8] = sizes[3:8]
            sizes = self.noise.sizes
            stages = self.noise.many
        elif whole := self.step_kernel():
            name = "in_place" if self.field.is_kernel else "euler"
            head = (whole, self.context, sizes)
        elif self.head is not None:
            name, implicit = self.head.stepper, self.head.stepper != "conformal"
            head = (*self.head.arguments, sizes, *[self.head.why] * implicit)
        elif explicit:
            plan = plans.plan_of(self.method.tableau, width)
            sizes[8] = len(plan.weight[0])
            name = "explicit"
            lines = plan.placed(m, width, _native.address(work))
            head = (self.field.address("rhs", width), self.context, sizes, lines, plan.weight,
                    plan.nodes, plan.dense)
        else:
            name = "sequential"
            head = (phases_of(self.field, self.method, width), self.context, sizes)
        before = (*head, self.p, self.y, self.bad)
        after = (self.start, self.h, self.h_last, self.path, self.save_step, self.save_fraction,
                 self.saved, self.reducer_address, self.reducer_context, self.totals, work)
        chunk = max(1, CHUNK // max(1, m * stages))
        if name in runner.IMPLICIT:  # some Newton steps for each lane, one after another
            chunk = max(1, chunk // (50 * m * width))
        return (runner.stepper(name, width), sizes, _native.addresses(before),
                _native.addresses(after), chunk, (before, after))
