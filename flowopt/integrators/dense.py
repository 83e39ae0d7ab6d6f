"""Dense output: the polynomial of each step, made when it is asked for.

A run keeps the start, the length and the state of every step; the stages of a step are computed
again from them on demand, for many steps at once (the steps are the lanes).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flowopt.integrators.tableaus import Tableau


@dataclass
class Piece:
    """Steps of one regime: starts t (K,), lengths h (K,), states y (K, m), and where it ends.

    coefficients : (K, degree, m) or None
        y(t + θh) = y + Σ_j coefficients[j] θ^(j+1); None until they are needed.
    slopes : callable or None
        ``slopes(t, y)`` gives F for a batch; None for a linear piece.
    root : bool
        The polynomial is one in √θ: the first step from a singular start.
    """

    t: np.ndarray
    h: np.ndarray
    y: np.ndarray
    end: float
    last: np.ndarray
    tableau: Tableau | None = None
    slopes: Any = None
    coefficients: np.ndarray | None = None
    root: bool = False

    def since(self, first: int) -> Piece:
        """Return the piece from step number `first` on."""
        part = None if self.coefficients is None else self.coefficients[first:]
        return replace(self, t=self.t[first:], h=self.h[first:], y=self.y[first:],
                       coefficients=part)

    def until(self, end: float, last: np.ndarray) -> Piece:
        """Return the piece up to a time inside it, where the state is `last`."""
        count = int((self.t < end).sum() if self.h.sum() > 0 else (self.t > end).sum())
        part = None if self.coefficients is None else self.coefficients[:count]
        return replace(self, t=self.t[:count], h=self.h[:count], y=self.y[:count], end=end,
                       last=last, coefficients=part)

    def polynomial(self) -> np.ndarray:
        """Return the coefficients of every step, computing the stages if need be."""
        if self.coefficients is not None:
            return self.coefficients
        if self.tableau is None or self.slopes is None:  # linear between the states
            following = np.concatenate([self.y[1:], self.last[None]])
            ends = np.concatenate([self.t[1:], [self.end]])
            part = ((ends - self.t) / self.h)[:, None]
            made = ((following - self.y) / part)[:, None, :]
        else:
            tableau, h = self.tableau, self.h[:, None]
            k = [self.slopes(self.t, self.y)]
            for s in range(1, tableau.stages):
                k.append(self.slopes(self.t + tableau.c_array[s] * self.h,
                                     self.y + h * _sum(tableau.a_array[s], k)))
            if tableau.fsal:
                new = self.y + h * _sum(tableau.b_array, k)
                k.append(self.slopes(self.t + self.h, new))
            for c, a in zip(tableau.dense_c_array, tableau.dense_a_array, strict=True):
                k.append(self.slopes(self.t + c * self.h, self.y + h * _sum(a, k)))
            made = np.einsum("skm,sj->kjm", np.array(k), tableau.dense_array) * h[:, :, None]
        self.coefficients = made
        return made


def _sum(weights: np.ndarray, k: list[np.ndarray]) -> np.ndarray:
    total = np.zeros_like(k[0])
    for w, values in zip(weights, k, strict=False):
        if w:
            total = total + w * values
    return total


class Dense:
    """The whole path as a function of time: pieces one after another (none: it never moved)."""

    def __init__(self, pieces: list[Piece], begin: float, direction: float) -> None:
        self.pieces = [p for p in pieces if len(p.t)]
        self.begin, self.direction = begin, direction

    @property
    def span(self) -> tuple[float, float]:
        """The earliest and the latest time."""
        end = self.pieces[-1].end if self.pieces else self.begin
        return min(self.begin, end), max(self.begin, end)

    def __call__(self, times: np.ndarray, m: int) -> np.ndarray:
        """Return y at `times` (k,): (k, m)."""
        out = np.full((len(times), m), np.nan)
        along = times * self.direction
        for piece in self.pieces:
            starts = piece.t * self.direction
            inside = (along >= starts[0]) & (along <= piece.end * self.direction)
            if not inside.any():
                continue
            step = np.searchsorted(starts, along[inside], side="right") - 1
            theta = ((times[inside] - piece.t[step]) / piece.h[step])[:, None]
            theta = np.sqrt(theta) if piece.root else theta
            coefficients = piece.polynomial()
            value = np.zeros((len(step), m))
            for j in range(coefficients.shape[1] - 1, -1, -1):
                value = (value + coefficients[step, j]) * theta
            value = value + piece.y[step]
            at_end = times[inside] == piece.end
            value[at_end] = piece.last
            out[inside] = value
        return out
