"""Langevin dynamics dx = -L' dt + sqrt(2 T) dW on the two minima, exactly in continuous time.

The probability at a time comes from the Fokker-Planck equation, the mean time of a passage from its
double integral. Neither knows of steps: of Euler-Maruyama's, `SHIFT` tells the leading effect.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from two_minima_facts import BARRIER, GOOD, POOR, curvature_of, loss_of

LOW, HIGH = -4.0, 7.0  # beyond, exp(-L/T) is below 1e-25 for T <= 3
#: a walk of steps s sqrt(h) N(0, 1) sees a barrier at its distance + SHIFT s sqrt(h): -zeta(1/2) /
#: sqrt(2 pi). Source: Broadie, Glasserman & Kou, Math. Finance 7 (1997) 325.
SHIFT = 0.5825971579390106


class Diffusion:
    """The law of the diffusion at a temperature, on a grid of cells.

    The chain between neighbouring cells of width w has the rates (T/w^2) exp(-(L(middle of the two)
    - L(cell))/T), which keep exp(-L/T) exactly; its error is O(w^2). Symmetrised by exp(-L/(2 T))
    its generator is tridiagonal, and its eigenvectors give the law at any time.
    """

    def __init__(self, T: float, cells: int = 770, low: float = LOW, high: float = HIGH) -> None:
        from scipy.linalg import eigh_tridiagonal

        self.width = (high - low) / cells
        self.x = low + self.width * (np.arange(cells) + 0.5)
        loss = loss_of(self.x) - loss_of(GOOD)
        between = loss_of(self.x[:-1] + self.width / 2) - loss_of(GOOD)
        pace = T / self.width**2
        up, down = (pace * np.exp(-(between - part) / T) for part in (loss[:-1], loss[1:]))
        stay = np.zeros(cells)
        stay[:-1] -= up
        stay[1:] -= down
        self.half = np.exp(-loss / (2 * T))
        self.rates, self.modes = eigh_tridiagonal(stay, np.sqrt(up * down))

    def share(self, t: float, first: tuple[float, float], low: float, high: float) -> float:
        """P(low < x < high at t) for a start that is uniform in `first`."""
        start = _overlap(self.x, self.width, *first)
        start /= start.sum()
        target = _overlap(self.x, self.width, low, high) * self.half
        safe = np.where(start > 0, self.half, 1.0)  # starts stand where exp(-L/T) is no zero
        grown = np.exp(np.minimum(self.rates, 0.0) * t)
        return float((target @ self.modes) * grown @ (self.modes.T @ (start / safe)))


def _overlap(x: np.ndarray, width: float, low: float, high: float) -> np.ndarray:
    """The share of each cell that lies between low and high."""
    ends = np.minimum(x + width / 2, high) - np.maximum(x - width / 2, low)
    return np.clip(ends / width, 0.0, 1.0)


def passage_time(T: float, x0: float = POOR, to: float = BARRIER) -> float:
    """Mean time of the first passage from x0 down to `to`, exactly.

    (1/T) int_to^x0 exp(L(y)/T) int_y^oo exp(-L(z)/T) dz dy, the inner one taken by a substitution
    of z - y and both by Gauss's rule on pieces.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)

    def on(low: float, high: float, pieces: int) -> tuple[np.ndarray, np.ndarray]:
        ends = np.linspace(low, high, pieces + 1)
        half = np.diff(ends)[:, None] / 2
        return ((ends[:-1, None] + half * (nodes + 1)).ravel(), (half * weights).ravel())

    y, wy = on(to, x0, 8)
    v, wv = on(0.0, HIGH - to, 30)
    inner = np.exp((loss_of(y)[:, None] - loss_of(y[:, None] + v)) / T) @ wv
    return float((wy * inner).sum() / T)


def kramers_time(T: float) -> float:
    """Kramers' mean time from 3 to the top of the barrier, half of that to the other side."""
    rise = float(loss_of(BARRIER) - loss_of(POOR))
    return math.pi / math.sqrt(curvature_of(POOR) * -curvature_of(BARRIER)) * math.exp(rise / T)


def shifted_time(T: float, h: float) -> float:
    """The mean time of a passage seen at steps h: the barrier moves by SHIFT sqrt(2 T h)."""
    return passage_time(T, to=BARRIER - SHIFT * math.sqrt(2 * T * h))


def mean_time(t: np.ndarray, settled: float, end: float) -> dict[str, Any]:
    """Mean of times of which those beyond `end` are unseen: their rest is that of a constant rate.

    The rate is measured between `settled` and `end`. The law is near an exponential one, so that
    the mean has a relative error of one over the root of the events.
    """
    seen = np.isfinite(t)
    late = int((seen & (t > settled)).sum())
    risk = float((np.clip(t, settled, end) - settled).sum())
    rest = risk / late if late else math.nan
    mean = float(np.minimum(t, end).mean() + (1 - seen.mean()) * rest)
    error = mean / math.sqrt(max(int(seen.sum()), 1))
    return {"mean": mean, "error": error, "seen": int(seen.sum()), "runs": len(t)}
