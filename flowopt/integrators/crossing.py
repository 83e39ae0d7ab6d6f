"""What happens at one switching surface in many runs at once.

Where a run meets one surface, and the field on both sides of it leads to one side, it crosses;
where both fields lead to the surface and a convex combination of them is zero, it rests. These
are told for all runs together, by the same numbers as `flowopt.integrators.contact.Contact`
has for one; what is neither clear nor of one surface is left to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.integrators import sides as sides_
from flowopt.integrators.contact import NO_JUMP, REST

#: crossing is clear where both speeds are at least this part of the larger one
CLEAR = 1e-9


def crossings(field: Any, t: np.ndarray, y: np.ndarray, p: np.ndarray, sides: np.ndarray,
              which: np.ndarray, start: np.ndarray, direction: float
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which runs go on, which rest, and the sides (N, S) from now on.

    Parameters
    ----------
    t, y, p, sides, start : ndarray
        Of each run: where it is, its parameters, sides, and its start.
    which : ndarray, shape (N,)
        The surface that each run has met.
    """
    count = np.arange(len(t))
    chosen = np.zeros(sides.shape, dtype=bool)
    chosen[count, which] = True
    on = sides_.touched(field, t, y, sides, start, direction, p)
    single = ~(on & ~chosen).any(axis=1)
    size = np.maximum(np.abs(y).max(axis=1), np.abs(start).max(axis=1))
    other = np.where(chosen, -sides, sides)
    other = sides_.settled(field, t, y, sides, other, chosen, size, p)
    (F0, w0, terms0), (F1, w1, terms1) = (_speeds(field, t, y, s, which, p, direction)
                                          for s in (sides, other))
    here = sides[count, which]
    with np.errstate(all="ignore"):
        largest = np.maximum(np.abs(w0), np.abs(w1))
        single &= largest > 64 * sides_.EPS * np.maximum(terms0, terms1)  # it is not tangent
        touches = here * w0 > 0.0
        crosses = (here * w0 < -CLEAR * largest) & (here * w1 < -CLEAR * largest)
        q, R = (w0 + w1) / 2, -here * (w1 - w0) / 2
        slides = (R < 0.0) & (np.abs(w1 - w0) > NO_JUMP * largest)
        u = np.clip(-q / R, -1.0, 1.0)
        velocity = F0 + ((1.0 - here * u) / 2)[:, None] * (F1 - F0)
        total = np.abs(F0).sum(axis=1) + np.abs(F1).sum(axis=1)
        rests = slides & ~touches & field.autonomous & (
            np.abs(velocity).max(axis=1) <= 0.5 * REST * total)
    sides = np.where((crosses & ~touches)[:, None], other, sides)
    return single & (touches | crosses), single & rests & ~crosses, sides


def _speeds(field: Any, t: np.ndarray, y: np.ndarray, sides: np.ndarray, which: np.ndarray,
            p: np.ndarray, direction: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return F (N, m), dψ/dt of the surface that each run has met (N,), and its terms' size."""
    F = sides_.rows(field, "smooth", field.m, t, y, sides, p)
    slopes = sides_.slopes_of(field, t, y, sides, p)[np.arange(len(t)), which][:, None]
    speed, terms = sides_.speeds(slopes, F), sides_.speeds(np.abs(slopes), np.abs(F))
    return F, direction * speed[:, 0], terms[:, 0]
