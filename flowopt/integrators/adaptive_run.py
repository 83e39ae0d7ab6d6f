"""One run of an adaptive method, piece by piece between switches."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flowopt.integrators import singular
from flowopt.integrators.contact import Contact, again, together
from flowopt.integrators.pieces import NO_DIRECTION, Pieces
from flowopt.integrators.sides import initial_sides, settled_at, touched
from flowopt.integrators.slide import Outcome, Slide
from flowopt.integrators.status import Status

#: switches after which a run is called chattering
MOST_SWITCHES = 10_000
#: … or this many within 1e-11 of the time
MOST_ACCUMULATED = 100


class AdaptiveRun(Pieces):
    """One run of an adaptive method, piece by piece between switches."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.met = np.nan  # when it met surfaces last
        self.lately: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=MOST_ACCUMULATED)
        self.accumulated = np.nan  # where switches did so last

    def go(self, met: int = -1, before: Sequence[tuple[float, tuple[int, ...]]] = ()) -> None:
        """Run to the end: off the surfaces, then on some of them, and so on.

        With `met`, the run starts on that surface, with the sides that its queue holds, after it
        met others at the times of `before`.
        """
        self.lately.extend(before)
        contacts = len(before)
        if before:
            self.met = before[-1][0]
        if self.method.h0 is not None:
            self.queue.h[0] = self.method.h0 * self.direction
        slide: Slide | None = None
        if np.isfinite(self.start_y).all():
            self.watch.start(self.start_t, self.start_y)
            if self.rests and self.watch.signs[-1] < 0:
                self._end_at(self.watch.count - 1, self.start_t, self.start_y)
                return
            if met >= 0:
                slide = self._contact(self._touched(met))
            elif self.field.surfaces:
                self.queue.sides, on = initial_sides(self.field, self.queue.t, self.queue.y)
                slide = (self._contact(np.nonzero(on[0])[0].tolist(), starts=True) if on.any()
                         else None)
            if self.approach.possible and self.status is Status.RUNNING:
                self._start_at_a_norm_of_zero()
        while self.status is Status.RUNNING and contacts < MOST_SWITCHES:
            slide = self._free_piece() if slide is None else self._sliding_piece(slide)
            contacts += 1
            if self.status is Status.RUNNING and len(self.lately) == MOST_ACCUMULATED and (
                    together(self.lately[0][0], float(self.queue.t[0]))):
                if together(self.accumulated, self.lately[-1][0]):
                    break
                slide = self._accumulation()
        if self.status is Status.RUNNING:
            self.status = Status.CHATTERING
            self.note = f"Surfaces were met {contacts} times by t={self.queue.t[0]:.9g}."

    def _accumulation(self) -> Slide | None:
        """Go on from the limit of switches that accumulate, which is on all their surfaces."""
        queue = self.queue
        surfaces = sorted({i for _, some in self.lately for i in some})
        self.accumulated = self.lately[-1][0]
        self.lately.clear()
        limit = self._meeting(queue.sides[0].copy(), surfaces)
        self.evaluations += limit.evaluations
        self._move_to(limit.projected(tuple(surfaces)))
        slide = self._contact(surfaces)
        if self.status is not Status.RUNNING:
            self.note += " Switches without end led there."
        return slide

    def _start_at_a_norm_of_zero(self) -> None:
        stays = self.approach.at_start(self.start_t, self.start_y, self.queue.sides[0])
        if stays is None:
            return
        if stays:
            self._rest(self.start_t, self.start_y.copy())
        else:
            self.status = Status.NOT_UNIQUE
            self.note = NO_DIRECTION.format("the start")

    def _free_piece(self) -> Slide | None:
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
        on = touched(self.field, queue.t, queue.y, queue.sides, self.start_y[None], self.direction)
        return sorted({*which, *np.nonzero(on[0])[0].tolist()})

    def _meeting(self, sides: np.ndarray, candidates: list[int]) -> Contact:
        """Return the contact of where the run is with some surfaces, from those sides."""
        queue = self.queue
        return Contact(self.field, float(queue.t[0]), queue.y[0].copy(), sides, candidates,
                       self.direction, self.start_y)

    def _contact(self, candidates: list[int], before: tuple[int, ...] = (), starts: bool = False,
                 without: np.ndarray | None = None) -> Slide | None:
        """Decide how the motion goes on where it meets surfaces; it slid on those of `before`."""
        field, queue = self.field, self.queue
        t, sides = float(queue.t[0]), queue.sides[0].copy()
        contact = self._meeting(sides, candidates)
        outcome = contact.outcome(starts, without)
        self.evaluations += contact.evaluations
        at_once, self.met = again(t, self.met), t
        self.lately.append((t, tuple(candidates)))
        if outcome.kind == "stop":
            self.status = Status.NOT_UNIQUE if outcome.many else Status.CHATTERING
            self.note = outcome.note
            return None
        resting = outcome.kind == "rest"
        # a slide gets off the surfaces along it by its errors; a free motion that meets one at
        # once again, by rounding
        kept = outcome.along if at_once or outcome.active else ()
        onto = tuple(candidates) if resting else (*outcome.active, *kept)
        y = self._move_to(contact.projected(onto))
        held = outcome.held
        for i in candidates:
            slides = i in held or (resting and not held)
            if slides and i not in before:
                self.found.append((t, y, i, "slide"))
            elif not slides and i in before:
                self.found.append((t, y, i, "leave"))
            elif not slides and not starts and i not in kept and outcome.sides[i] != sides[i]:
                self.found.append((t, y, i, "cross"))
        queue.sides[0] = outcome.sides
        if resting:
            self._rest(t, y)
            return None
        if not outcome.active and not kept:
            return None
        slack = contact.slack(kept, self.method) if kept else None
        return Slide(field, replace(outcome, along=kept), (t, y, contact.size), slack)

    def _sliding_piece(self, slide: Slide) -> Slide | None:
        field, queue = self.field, self.queue
        counted = int(queue.count[0, 2])
        ended = self._piece(slide.motion, slide.signs, slide.slopes)
        self.evaluations += slide.evaluations - (int(queue.count[0, 2]) - counted)
        if ended < 0:
            if self.status is Status.DIVERGED and np.isfinite(queue.y[0]).all():
                self._say_why_it_ended(slide)
            return slide if self.status is Status.RUNNING else None
        outcome, on = slide.outcome, slide.near(queue.t[0], queue.y[0])
        active = outcome.active
        if ended >= slide.ends:
            other = slide.others[(ended - slide.ends) % len(slide.others)]
            return self._contact(self._touched(other, *active, *on), outcome.held)
        if outcome.patterns is not None:
            gone = outcome.patterns[(ended + 1) % len(outcome.patterns)]
            return self._contact(sorted({*active, *on}), outcome.held, without=gone)
        # λ_v has come to an end of [0, 1]: the motion leaves that surface, and keeps the others
        leaves = active[ended // 2]
        rest = tuple(i for i in active if i != leaves)
        t, sides = float(queue.t[0]), outcome.sides.copy()
        if ended % 2:
            sides[leaves] = -sides[leaves]
            size = float(np.abs([queue.y[0], self.start_y]).max())
            sides = settled_at(field, t, queue.y[0], outcome.sides, sides[None], active, size)[0]
        contact = self._meeting(sides, list(active))
        self.evaluations += contact.evaluations
        y = self._move_to(contact.projected(active))
        self.lately.append((t, (leaves,)))
        self.found.append((t, y, leaves, "leave"))
        queue.sides[0] = sides
        return Slide(field, Outcome("move", sides, rest), (t, y, contact.size)) if rest else None

    def _say_why_it_ended(self, slide: Slide) -> None:
        """A sliding field that is not finite where F is: the surfaces do not determine it."""
        t, outcome = float(self.queue.t[0]), slide.outcome
        contact = self._meeting(outcome.sides, list(outcome.active))
        self.evaluations += contact.evaluations
        if np.isfinite(contact.F).all() and np.isfinite(contact.w).all():
            found = contact.outcome()
            self.status = Status.NOT_UNIQUE if found.many else Status.CHATTERING
            self.note = found.note or (f"Sliding on surfaces {outcome.active} has no unique "
                                       f"velocity at t={t:.9g}.")
