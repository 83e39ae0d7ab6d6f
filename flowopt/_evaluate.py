"""Evaluate a kernel at many points: the points are dealt out to lanes, block by block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowopt._native import address as place_of
from flowopt._native import prototype

#: lanes of a block: wide enough to fill vector registers, small enough to stay in the L1 cache
LANES = 64
#: below this number of points a loop over the one-lane kernel is cheaper
FEW = 16


def evaluate(address: Callable[[int], int], rows: int, t: np.ndarray, y: np.ndarray, p: np.ndarray,
             s: np.ndarray | None = None,
             context: Callable[[int], np.ndarray] | None = None,
             width: int | None = None) -> np.ndarray:
    """Return the kernel's result (N, rows) at the points t (N,), y (N, m).

    Parameters
    ----------
    address : callable
        ``address(width)`` is the kernel for that many lanes.
    p : ndarray, shape (P,) or (N, P)
        Parameters.
    s : ndarray, shape (N, S), optional
        Sides of the switching functions.
    context : callable, optional
        ``context(width)`` is the kernel's array of addresses.
    width : int, optional
        The only width that the kernel has.
    """
    count = len(y)
    width = width or (1 if count < FEW else LANES)
    place = np.zeros(1, dtype=np.int64) if context is None else context(width)
    call = prototype("pppppp")(address(width))
    slots = np.zeros(2, dtype=np.int64)
    if width == 1:
        return _one_by_one(call, slots, place, rows, t, y, p, s)
    blocks = -(-count // width)
    padded = np.minimum(np.arange(blocks * width), count - 1)

    def dealt(values: np.ndarray) -> np.ndarray:  # (N, k) -> (blocks, k, width)
        return np.ascontiguousarray(values[padded].reshape(blocks, width, -1).swapaxes(1, 2))

    out = np.zeros((blocks, rows, width))
    tt, yy = dealt(t[:, None]), dealt(y)
    pp = dealt(np.broadcast_to(p, (count, p.shape[-1])) if p.size else np.zeros((count, 1)))
    ss = dealt(np.zeros((count, 1)) if s is None or not s.shape[-1] else s)
    base = slots.ctypes.data
    for b in range(blocks):
        call(base, base + 8, place.ctypes.data, tt[b].ctypes.data, yy[b].ctypes.data,
             pp[b].ctypes.data, ss[b].ctypes.data, out[b].ctypes.data)
    return out.swapaxes(1, 2).reshape(blocks * width, rows)[:count]


def _one_by_one(call: Callable[..., int], slots: np.ndarray, place: np.ndarray, rows: int,
                t: np.ndarray, y: np.ndarray, p: np.ndarray, s: np.ndarray | None) -> np.ndarray:
    """Return the results of the kernel for one lane; a point is a row of each array already."""
    count = len(y)
    out = np.empty((count, rows))
    given = [np.array(a, dtype=float, order="C") for a in (t, y, p if p.size else [0.0],
                                                           [0.0] if s is None else s)]
    steps = [8, 8 * y.shape[1], 8 * p.shape[1] if p.ndim == 2 else 0,
             0 if s is None else 8 * s.shape[1]]
    starts = [place_of(a) for a in given]
    first, context, result = place_of(slots), place_of(place), place_of(out)
    for i in range(count):
        call(first, first + 8, context, *[a + i * d for a, d in zip(starts, steps, strict=True)],
             result + 8 * rows * i)
    return out
