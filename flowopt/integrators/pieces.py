"""A run of an adaptive method in pieces: one stretch under the same functions, and its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from flowopt.flows.field import LARGE
from flowopt.integrators import extinction, runner, singular
from flowopt.integrators.dense import Dense, Piece
from flowopt.integrators.events import Watch
from flowopt.integrators.methods import Rodas5P
from flowopt.integrators.runner import Motion, Path, Queue
from flowopt.integrators.status import Status
from flowopt.integrators.taylor import Taylor

#: steps between two looks for a terminal event
FEW_STEPS = 32
#: why a motion through a point without direction is not unique
NO_DIRECTION = ("At {}, a norm in the field is zero, and the field leads away from there in some "
                "direction.")


class Pieces:
    """The state of a run, its record so far, and how a piece is run.

    A piece ends at a surface, at a terminal event, where the field is singular, or at the end.
    """

    def __init__(self, field: Any, method: Any, y0: np.ndarray, start: float, end: float,
                 saves: np.ndarray, keep: bool, max_steps: int, watch: Watch | None = None,
                 rests: bool = False, stiff: Rodas5P | None = None) -> None:
        if getattr(field, "nonsmooth", False):
            raise ValueError(f"{field.name} jumps or kinks, and its loss is a kernel, so the "
                             "surfaces cannot be located; give the loss as an expression, or use a "
                             "method of fixed step")
        self.field, self.method, self.end = field, method, end
        self.stiff, self.work = stiff, method.name
        self.large = field.m > LARGE and not method.stable
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
        self.approach = extinction.Approach(field, self.direction, method.rtol)
        self.arrival: extinction.Arrival | None = None
        self.cut: int | None = None

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Steps accepted and rejected, evaluations of the field and of its Jacobian."""
        accepted, rejected, evaluations, jacobians = self.queue.count[0].tolist()
        return accepted, rejected, evaluations + self.evaluations, jacobians

    def _piece(self, motion: Motion, sides: np.ndarray, slopes: Any) -> int:
        """Run one piece; return the surface that ended it, or −1."""
        queue, watch = self.queue, self.watch
        if self.stiff is not None and np.isfinite(queue.stiff[0]):
            self.method, self.stiff = self.stiff, None
            self.work += f" to t={queue.t[0]:.6g}, then {self.method.name}"
        recorded = self.keep or watch.count or self.approach.possible
        record = Record(self, motion, sides, slopes) if recorded else None
        inner = queue.on(sides[None])  # the same run, under this piece's functions
        done = self._advance(motion, inner, record)
        if record is not None and self._take(record, done):
            return -1
        if self.status is not Status.RUNNING:
            return -1
        if inner.status[0] == runner.SWITCH:
            queue.h[0] = 0.0  # a new piece estimates its own first step
            return int(inner.which[0])
        if inner.status[0] == runner.IS_STIFF:
            return -1
        self.status = runner.status_of(inner.status[0])
        if (self.status is Status.DIVERGED and motion is self.motion
                and runner.not_begun(inner)[0]):
            self.status = Status.RUNNING
            self._singular_start()
            return -1
        if self.status in (Status.DIVERGED, Status.STEP_TOO_SMALL, Status.MAX_STEPS):
            self.note = f"This was at t={queue.t[0]:.12g}."
        return -1

    def _advance(self, motion: Motion, inner: Queue, record: Record | None) -> bool:
        """Let the stepper run the piece; return False where a look at its steps has ended it."""
        path = None if record is None else record.path
        if self.large:
            from flowopt.integrators import large

            large.advance(self.field, self.method, inner, self.end, self.max_steps, path)
            return True
        watches = record is not None and (self.watch.ends or self.approach.possible)
        return runner.advance(motion, self._method_for(motion), inner, 0, 1, self.end,
                              self.max_steps, 1, path,
                              record.look if watches and record is not None else None,
                              FEW_STEPS if watches else 0,
                              stiffness=1 if self.stiff is None else 2)

    def _take(self, record: Record, done: bool) -> bool:
        """Add a piece to the record; return whether it led to where the field is singular."""
        queue, piece = self.queue, record.piece()
        arrives = self.cut is not None or (done and self._arrives(piece, record.sides))
        if self.cut is not None:
            piece = self._cut_back(piece)
        if self.watch.count and self.status is Status.RUNNING:
            self._watch_steps(piece.since(record.looked))
        if self.status is not Status.RUNNING:  # a terminal event: what lies beyond is dropped
            piece = piece.until(float(queue.t[0]), queue.y[0].copy())
        if self.keep:
            self.pieces.append(piece)
        if not arrives or self.status is not Status.RUNNING:
            return False
        if self.arrival is not None:
            self._come_to_rest(self.arrival)
        return True

    def _method_for(self, motion: Motion) -> Any:
        """Return the method; another one where a Taylor series is not to be had."""
        if isinstance(self.method, Taylor) and motion.series is None:
            return self.method.instead
        return self.method

    def finish(self) -> None:
        """Take note of events at the very end, and of a stiff stretch that slowed the method."""
        if self.watch.count and self.status in (Status.REACHED_END, Status.STUCK):
            t, y = float(self.queue.t[0]), self.queue.y[0].copy()
            for found in self.watch.at_end(t, y):
                event = self.watch.events[found.which]
                if event.direction in (0, found.rising) and t != self.start_t:
                    self.found.append((t, y, found.which, "event"))
                    if event.terminal and self.status is Status.REACHED_END:
                        self.status, self.note = Status.EVENT, f"This was at t={t:.12g}."
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

    def _arrives(self, piece: Piece, sides: np.ndarray) -> bool:
        """Return whether the steps lead to a point where the field is singular; note it if so."""
        if not self.approach.possible or len(sides) != self.field.surfaces:  # not on a slide
            return False
        found = self.approach.look(piece, sides)
        if found is None or self.direction * (found.piece.end - self.end) > 0.0:
            return False
        k = self.cut = found.step
        if k > 0 and found.far_before:
            # a step that lands on the point is worth nothing where its last stages are: the
            # method goes there again in shorter steps, and stops before
            self.cut = k - 1
            shorter = abs(float(piece.h[k - 1])) / 8
            self.method = replace(self.method, max_step=shorter, h0=None)
        else:
            self.arrival = found
        return True

    def _cut_back(self, piece: Piece) -> Piece:
        """Go back to the start of a step, and return the piece up to there."""
        assert self.cut is not None
        queue, k, self.cut = self.queue, self.cut, None
        queue.t[0], queue.y[0], queue.h[0] = piece.t[k], piece.y[k], 0.0
        along = self.direction * (self.saves - piece.t[k])
        queue.save[0] = min(int(queue.save[0]), int((along <= 0.0).sum()))
        return piece.until(float(piece.t[k]), piece.y[k].copy())

    def _come_to_rest(self, arrival: extinction.Arrival) -> None:
        """Go the rest of the way to a point where the field is singular."""
        queue, piece = self.queue, arrival.piece
        if self.watch.count:
            self._watch_steps(piece)
            if self.status in (Status.EVENT, Status.CONVERGED):
                piece = piece.until(float(queue.t[0]), queue.y[0].copy())
        along = self.direction * (self.saves - piece.t[0])
        first = int((along <= 0.0).sum())
        inside = self.direction * (self.saves - piece.end) <= 0.0
        here = np.nonzero(inside & (along > 0.0))[0]
        if len(here):
            dense = Dense([piece], float(piece.t[0]), self.direction)
            queue.saved[0, here] = dense(self.saves[here], self.field.m)
        queue.save[0] = first + len(here)
        if self.keep:
            self.pieces.append(piece)
        if self.status in (Status.EVENT, Status.CONVERGED):
            return
        queue.t[0], queue.y[0] = piece.end, piece.last
        self.status = Status.STUCK if arrival.stable else Status.NOT_UNIQUE
        if arrival.stable:
            self._rest(piece.end, piece.last.copy())
            self.note += " It is a point where a norm in the field is zero."
        else:
            place = ", ".join(f"{n}={v:.9g}" for n, v in zip(self.field.names, piece.last,
                                                             strict=True))
            self.note = NO_DIRECTION.format(f"t={piece.end:.9g}, {place}")

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

    def times_and_states(self, saved: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return what the trajectory shows: the saved times, or every step."""
        if saved:
            count = int(self.queue.save[0])
            if count == 0:
                return np.array([self.queue.t[0]]), self.queue.y[:1].copy()
            return self.saves[:count], self.queue.saved[0, :count].copy()
        t = np.concatenate([*(p.t for p in self.pieces), [self.queue.t[0]]])
        y = np.concatenate([*(p.y for p in self.pieces), self.queue.y[:1]])
        fresh = np.concatenate([np.diff(t) != 0, [True]])  # the last state of each time
        return t[fresh], y[fresh]


class Record:
    """The steps of a piece as they are made, and a look at them now and then."""

    def __init__(self, run: Pieces, motion: Motion, sides: np.ndarray, slopes: Any) -> None:
        self.run, self.sides, self.slopes = run, sides, slopes
        self.method = run._method_for(motion)
        self.path = Path()
        self.looked = self.last_look = 0

    def piece(self) -> Piece:
        """Return the steps so far."""
        run, m = self.run, self.run.field.m
        t, h, y = self.path.arrays(m)
        return Piece(t, h, y, float(run.queue.t[0]), run.queue.y[0].copy(), self.method.tableau,
                     self.slopes, self.path.polynomials(m))

    def look(self) -> bool:
        """Look for events and arrivals; return whether the run goes on."""
        run, watch = self.run, self.run.watch
        if not watch.ends and self.path.count < 1.25 * self.last_look:
            return True
        piece = self.piece()
        self.last_look = len(piece.t)
        if run._arrives(piece, self.sides):
            return False
        upto = len(piece.t) - 1  # the last step may yet turn out to lead to an arrival
        if watch.count and upto > self.looked:
            run._watch_steps(piece.until(float(piece.t[upto]), piece.y[upto]).since(self.looked))
            self.looked = upto
        return run.status is Status.RUNNING
