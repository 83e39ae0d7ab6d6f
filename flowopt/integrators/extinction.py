"""Arrival at a point where the field is divided by a norm that becomes zero there.

Normalised flow, ẋ = −g/‖g‖, runs into a minimum with speed 1 and has no direction left there. In
one dimension that is a switching surface; in more, the set g = 0 is a point, which no sign change
announces. Let r be the norm. The motion slowed down by r,

    dy/dτ = r F(y),    dt/dτ = r,

has the same path and no singularity (for normalised flow it is gradient flow). Next to the root y*
of r it is linear, dδ/dτ = B δ, so that the last bit of the way is a sum of exponentials and the
time of arrival the integral of r. The motion stays at y* if all modes decay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt.integrators.dense import Piece

#: the slowed motion is followed until it has come this much nearer
FALL = 1e-10
#: how far r F may be from linear on the last bit of the way
LINEAR = 1e-2
#: a mode that grows by less than this part of the fastest one runs along a set of rests
NEUTRAL = 1e-4


@dataclass(frozen=True)
class Arrival:
    """Where the run was cut, and the way from there to the point."""

    step: int  # of the piece that was looked at: the way begins at its start
    piece: Piece
    stable: bool  # whether the motion stays for ever
    far_before: bool  # whether the step before began far from the point


class Approach:
    """Watches one run for such an arrival.

    The part of its largest value to which the norm must fall is √rtol/10: what is not linear in
    the rest of the way is then below the tolerance. Where the way from there turns out not to lead
    to the point, it is tried again ten times nearer.
    """

    def __init__(self, field: Any, direction: float, rtol: float) -> None:
        self.field, self.direction = field, direction
        self.counts = field.meta.get("norms", [])
        self.threshold = min(max(np.sqrt(rtol) / 10, 1e-7), 1e-4)
        self.largest = np.zeros(len(self.counts))

    @property
    def possible(self) -> bool:
        """Whether a norm of the field is zero in points only, not along curves."""
        return any(count >= self.field.m for count in self.counts)

    def at_start(self, t: float, y: np.ndarray, sides: np.ndarray) -> bool | None:
        """Return whether a start at which a norm is zero stays there; None if no norm is."""
        first = 0
        for count in self.counts:
            place = slice(first, first + count)
            first += count
            terms = _rows(self.field, np.array([t]), y[None], sides)[0][0, place]
            if count >= self.field.m and not terms.any():
                with np.errstate(all="ignore"):
                    near = y + 1e-6 * max(1.0, float(np.abs(y).max())) * np.eye(len(y))[0]
                    modes = self._modes(t, near, y, sides, place, every=True)
                return modes is not None and bool(
                    modes[0].real.max() <= NEUTRAL * np.abs(modes[0]).max())
        return None

    def look(self, piece: Piece, sides: np.ndarray) -> Arrival | None:
        """Return the arrival that the steps of a piece lead to, or None."""
        first = 0
        for which, count in enumerate(self.counts):
            place = slice(first, first + count)
            first += count
            if count < self.field.m or not len(piece.t):
                continue
            r = np.linalg.norm(_rows(self.field, piece.t, piece.y, sides)[0][:, place], axis=1)
            self.largest[which] = max(self.largest[which], r.max())
            below = np.nonzero(r <= self.threshold * self.largest[which])[0]
            while len(below):
                k = int(below[0])
                found = None
                for rank in (1e-12, 1e-3):  # a point, or one of a set of them
                    found = found or self._way(float(piece.t[k]), piece.y[k], sides, place, rank)
                if found is not None:
                    before = self.threshold * self.largest[which]
                    return Arrival(k, *found, bool(k > 0 and r[k] < 1e-2 * r[k - 1]
                                                   and r[k - 1] > before))
                self.threshold = min(0.1 * self.threshold, r[k] / self.largest[which] / 10)
                below = np.nonzero(r <= self.threshold * self.largest[which])[0]
        return None

    def _way(self, t: float, y: np.ndarray, sides: np.ndarray, place: slice, rank: float
             ) -> tuple[Piece, bool] | None:
        """Return the path from y to the point, as a piece, and whether it is stable; or None."""
        with np.errstate(all="ignore"):
            point = _root(self.field, t, y, sides, place, rank)
            if point is None or not np.abs(y - point).max() > 0.0:
                return None
            modes = self._modes(t, y, point, sides, place)
            if modes is None:
                return None
            rates, vectors, parts, slope_of_r = modes
            tau = _grid(rates[parts != 0.0])
            nodes, weights = np.polynomial.legendre.leggauss(6)
            middle, half = (tau[1:] + tau[:-1]) / 2, np.diff(tau) / 2

            def away(at: np.ndarray) -> np.ndarray:  # δ at times τ (N,): (N, m)
                return np.asarray(((np.exp(np.multiply.outer(at, rates)) * parts) @ vectors.T).real)

            inner = away((middle[:, None] + half[:, None] * nodes).ravel())
            r = np.linalg.norm(inner @ slope_of_r.T, axis=1).reshape(-1, len(nodes))
            h = self.direction * half * (r @ weights)
            delta = away(tau)
            B = ((vectors * rates) @ np.linalg.inv(vectors)).real
            slopes = self.direction * (delta @ B.T) / np.linalg.norm(
                delta @ slope_of_r.T, axis=1)[:, None]
            left = self.direction * float(np.abs(delta[-1]).max() / np.abs(slopes[-1]).max())
            times = t + np.concatenate([[0.0], np.cumsum(h)])
            states = point + delta
            states[0] = y
            if not (np.isfinite(times).all() and np.isfinite(slopes).all()
                    and _sides_stay(self.field, times, states, sides)):
                return None
            stable = rates.real.max() <= NEUTRAL * np.abs(rates).max()
            return _hermite(times, h, states, slopes, point, left), bool(stable)

    def _modes(self, t: float, y: np.ndarray, point: np.ndarray, sides: np.ndarray, place: slice,
               every: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
        """Return the modes of r F at the point: rates, vectors, their parts in y − y*, and ∂f/∂y.

        None if r F is not linear there, or if y has a part that does not decay (unless `every`).
        """
        delta, m = y - point, self.field.m
        shifts = np.abs(delta).max() * np.eye(m)
        probes = np.concatenate([shifts, -shifts, [delta, 0.1 * delta]])
        at = np.full(len(probes), t)
        kind = "smooth" if self.field.surfaces else "rhs"
        F = self.field._rows(kind, m, at, point + probes,
                             np.broadcast_to(sides, (len(probes), len(sides))))
        terms, slope_of_r = _rows(self.field, at, point + probes, sides)
        r = np.linalg.norm(terms[:, place], axis=1)
        G = self.direction * r[:, None] * F
        if not np.isfinite(G).all():
            return None
        B = ((G[:m] - G[m:2 * m]) / (2 * np.abs(delta).max())).T
        for probe, value in zip(probes[-2:], G[-2:], strict=True):
            if np.abs(value - B @ probe).max() > LINEAR * np.abs(value).max():
                return None
        rates, vectors = np.linalg.eig(B)
        parts = np.linalg.solve(vectors, delta.astype(complex))
        grows = rates.real >= -NEUTRAL * 1e-2 * np.abs(rates).max()
        if not every and (np.abs(parts[grows]) > LINEAR * np.abs(parts).max()).any():
            return None
        parts[grows] = 0.0
        return rates, vectors, parts, slope_of_r[0, place]


def _rows(field: Any, t: np.ndarray, y: np.ndarray, sides: np.ndarray
          ) -> tuple[np.ndarray, np.ndarray]:
    """Return the terms of the norms (N, p) at points (N, m), and their derivatives (N, p, m)."""
    total = sum(field.meta["norms"])
    rows = field._rows("norms", total * (1 + field.m), t, y,
                       np.broadcast_to(sides, (len(t), len(sides))))
    return rows[:, :total], rows[:, total:].reshape(len(t), total, field.m)


def _root(field: Any, t: float, y: np.ndarray, sides: np.ndarray, place: slice, rank: float
          ) -> np.ndarray | None:
    """Return the point next to y at which the norm is zero (Gauss–Newton), or None.

    Singular values of ∂f/∂y below the part `rank` of the largest count as zero.
    """
    start, last, reach = y, np.inf, np.inf
    for _ in range(30):
        f, jacobian = (a[0, place] for a in _rows(field, np.array([t]), y[None], sides))
        if not (np.isfinite(f).all() and np.isfinite(jacobian).all()):
            return None
        step = np.linalg.lstsq(jacobian, f, rcond=rank)[0]
        size = float(np.abs(step).max())
        rounding = 1e-14 * float(np.abs(y).max())
        if size > 0.5 * last and size > rounding:
            return None
        y = y - step
        reach = 3.0 * size if last == np.inf else reach
        if np.abs(y - start).max() > reach:
            return None
        if size <= 1e-2 * rounding or size > 0.5 * last or size == 0.0:
            return y
        last = size
    return y


def _grid(rates: np.ndarray) -> np.ndarray:
    """Return times τ that resolve the fastest mode first and end when the slowest has decayed."""
    speeds = -rates.real
    end = -np.log(FALL) / speeds.min()
    first = 0.02 / np.abs(rates).max()
    count = int(np.log(end / first) / np.log(1.15)) + 2
    return np.concatenate([[0.0], np.geomspace(first, end, count)])


def _sides_stay(field: Any, times: np.ndarray, states: np.ndarray, sides: np.ndarray) -> bool:
    """Return whether the motion meets no switching surface on the way."""
    if not field.surfaces:
        return True
    psi = field._rows("surfaces", field.surfaces, times, states,
                      np.broadcast_to(sides, (len(times), len(sides))))
    return bool((psi * sides > 0.0).all())


def _hermite(t: np.ndarray, h: np.ndarray, y: np.ndarray, slopes: np.ndarray, point: np.ndarray,
             left: float) -> Piece:
    """Return the cubics through states with slopes, and a line from the last to the point."""
    h = np.append(h, left)
    rise = np.concatenate([y[1:], point[None]]) - y
    begin, end = slopes.copy(), np.concatenate([slopes[1:], slopes[-1:]])
    begin[-1] = end[-1] = rise[-1] / left
    a, b = h[:, None] * begin, h[:, None] * end
    coefficients = np.stack([a, 3 * rise - 2 * a - b, a + b - 2 * rise], axis=1)
    keep = np.append(np.diff(t) != 0.0, True)  # steps that time still resolves
    return Piece(t[keep], h[keep], y[keep], float(t[-1] + left), point.copy(),
                 coefficients=coefficients[keep])
