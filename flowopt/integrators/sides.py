"""On which sides of the switching surfaces points are, and which surfaces they lie on.

Everything takes points of many runs at once: times t (N,), states y (N, m), sides (N, S) and, where
runs have their own, parameters p (N, P); by default those of the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt._evaluate import evaluate

EPS = 2.0**-52


def rows(field: Any, kind: str, count: int, t: np.ndarray, y: np.ndarray, sides: np.ndarray,
         p: np.ndarray | None = None) -> np.ndarray:
    """Return a kernel's rows (N, count)."""
    out = evaluate(lambda width: field.address(kind, width), count, t, y,
                   field.p if p is None else p, sides, field.context)
    field.raise_pending()
    return out


def psi_of(field: Any, t: np.ndarray, y: np.ndarray, sides: np.ndarray,
           p: np.ndarray | None = None) -> np.ndarray:
    """Return the switching functions (N, S), the sides of inner ones held fixed."""
    return rows(field, "surfaces", field.surfaces, t, y, sides, p)


def slopes_of(field: Any, t: np.ndarray, y: np.ndarray, sides: np.ndarray,
              p: np.ndarray | None = None) -> np.ndarray:
    """Return ∇ψ and, last, ∂ψ/∂t: (N, S, m + 1)."""
    size = field.m + 1
    made = rows(field, "surface_rates", field.surfaces * size, t, y, sides, p)
    return made.reshape(-1, field.surfaces, size)


def speeds(slopes: np.ndarray, F: np.ndarray) -> np.ndarray:
    """Return dψ/dt = ∇ψ·F + ∂ψ/∂t (N, k) for slopes (N, k, m + 1) and fields (N, m)."""
    return np.asarray(np.einsum("nij,nj->ni", slopes[:, :, :-1], F) + slopes[:, :, -1])


def roundings(slopes: np.ndarray, t: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return how far ψ (N, S) is led off by roundings of states of `size` (N, m)."""
    terms = np.einsum("nsj,nj->ns", np.abs(slopes[:, :, :-1]), size)
    return np.asarray(16 * EPS * (terms + np.abs(slopes[:, :, -1] * t[:, None])))


def touched(field: Any, t: np.ndarray, y: np.ndarray, sides: np.ndarray, start: np.ndarray,
            direction: float, p: np.ndarray | None = None) -> np.ndarray:
    """Return which surfaces the points lie on, or beyond, up to rounding: (N, S) of bool.

    A state has the roundings of the largest one on its way, of which its start is one, and those
    of the surfaces it slid on; within them a surface counts if the motion comes to it before the
    time changes by more than rounding.
    """
    slopes = slopes_of(field, t, y, sides, p)
    psi = sides * psi_of(field, t, y, sides, p)
    near = roundings(slopes, t, np.abs(y))
    far = 4 * roundings(slopes, t, np.maximum(np.abs(y), np.abs(start)))
    on = (psi <= near) & (psi >= -1e6 * near)
    almost = ~on & (np.abs(psi) <= far)
    some = almost.any(axis=1)
    if some.any():
        F = np.zeros_like(y)
        F[some] = rows(field, "smooth", field.m, t[some], y[some], sides[some],
                       None if p is None else p[some])
        speed = direction * sides * speeds(slopes, F)
        soon = -speed * 64 * EPS * np.abs(t)[:, None]
        on |= almost & (speed < 0.0) & (np.abs(psi) <= soon)
    return on


def initial_sides(field: Any, t: np.ndarray, y: np.ndarray, p: np.ndarray | None = None
                  ) -> tuple[np.ndarray, np.ndarray]:
    """Return the sides of starts (N, S), and which surfaces they lie on exactly (N, S)."""
    sides = np.ones((len(y), field.surfaces))
    for i in range(field.surfaces):  # an inner surface has a lower number than an outer one
        side = np.sign(psi_of(field, t, y, sides, p)[:, i])
        sides[:, i] = np.where(side == 0.0, 1.0, side)
    return sides, psi_of(field, t, y, sides, p) == 0.0


def jumping(field: Any, chosen: Any) -> bool:
    """Return whether some ψ jumps where the sides of the chosen surfaces change."""
    return bool(field.meta["jumps"]) and not set(field.meta["inner"]).isdisjoint(chosen)


def settled(field: Any, t: np.ndarray, y: np.ndarray, sides: np.ndarray, regimes: np.ndarray,
            chosen: np.ndarray, size: np.ndarray, p: np.ndarray | None = None) -> np.ndarray:
    """Return other sides (N, S) in which those of surfaces not `chosen` (N, S) are as ψ has them.

    ψ of one surface may hold the side of another and jump there: g_i of a loss with |x_i| in it.
    `sides` are those on which the points are, `size` (N,) that of the states on their way.
    """
    if not jumping(field, np.nonzero(chosen.any(axis=0))[0].tolist()):
        return regimes
    near = roundings(slopes_of(field, t, y, sides, p), t, np.repeat(size[:, None], field.m, axis=1))
    before = psi_of(field, t, y, sides, p)
    regimes = regimes.copy()
    for _ in range(field.surfaces):  # a surface may hold the side of one that is moved itself
        psi = psi_of(field, t, y, regimes, p)
        moved = (psi * before < 0.0) & (np.minimum(np.abs(psi), np.abs(before)) > near)
        new = np.where(chosen, regimes, np.where(moved, -sides, sides))
        if (new == regimes).all():
            break
        regimes = new
    return regimes


def settled_at(vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray, regimes: np.ndarray,
               chosen: Sequence[int], size: float) -> np.ndarray:
    """Return what `settled` makes of several sides (V, S) at one point."""
    if not jumping(vector_field, chosen):
        return regimes
    count = len(regimes)
    which = np.isin(np.arange(regimes.shape[1]), list(chosen))
    return settled(vector_field, np.full(count, t), np.repeat(y[None], count, axis=0),
                          np.repeat(sides[None], count, axis=0), regimes,
                          np.repeat(which[None], count, axis=0), np.full(count, size))


def projected(vector_field: Any, t: float, y: np.ndarray, sides: np.ndarray,
              gradients: np.ndarray, which: list[int]) -> np.ndarray:
    """Return the point of some surfaces next to y; `gradients` (S, m) are those of all."""
    for _ in range(2):
        psi = psi_of(vector_field, np.array([t]), y[None], sides[None])[0, which]
        if not which or not psi.any():
            break
        change = np.linalg.lstsq(gradients[which], psi, rcond=1e-12)[0]
        if not np.abs(change).max() <= 1e-6 * max(1.0, np.abs(y).max()):
            break
        y = y - change
    return y
