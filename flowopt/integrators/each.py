"""What may differ from run to run of an ensemble, and when reducers look: checks at the door."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt import _check
from flowopt.integrators.integrate import checked_seed
from flowopt.integrators.methods import Adaptive

#: bytes of the states that one thread keeps for the reducers of an adaptive method
ROOM = 2**26
#: an adaptive method shows its reducers this many states after the start, if it is not told
LOOKS = 1000


def checked_lengths(h: Any, method: Any, count: int) -> np.ndarray | None:
    """Return the step of each run (N,), checked."""
    if h is None:
        return None
    if isinstance(method, Adaptive):
        raise ValueError(f"h has no effect for {method.name}, which chooses its steps; use h0")
    made = _check.array("h", h, f"({count},)", (1,))
    if made.shape != (count,):
        raise ValueError(f"h must have shape ({count},), got shape {made.shape}")
    if not (made > 0).all():
        raise ValueError(f"h must be > 0, got {_check.shown(float(made.min()))}")
    return made


def checked_seeds(seeds: Any, seed: Any, method: Any, count: int) -> np.ndarray | None:
    """Return the seed of each run (N,), checked."""
    if seeds is None:
        return None
    if seed is not None:
        raise ValueError("seed has no effect when seeds is given; leave one of them out")
    checked_seed(0, method)
    made = np.asarray(seeds)
    if made.dtype.kind not in "iu" or made.shape != (count,):
        raise TypeError(f"seeds must be integers of shape ({count},), got {_check.shown(seeds)}")
    if (made < 0).any() or (made > 2**63 - 1).any():
        raise ValueError("seeds must be >= 0 and < 2**63, got "
                         f"{made.min() if (made < 0).any() else made.max()}")
    return made.astype(np.int64)


def checked_every(every: Any, bound: Any, method: Any, start: float, end: float
           ) -> np.ndarray | None:
    """Return the times at which an adaptive method shows the state to the reducers."""
    if every is not None and (bound is None or not isinstance(method, Adaptive)):
        what = "reduce" if bound is None else "an adaptive method"
        raise ValueError(f"every has no effect without {what}; leave it out")
    if bound is None or not isinstance(method, Adaptive):
        return None
    if every is None:
        return np.linspace(start, end, LOOKS + 1)
    gap = _check.real("every", every, above=0.0)
    wanted = np.ceil(abs(end - start) / gap * (1 - 1e-12))
    if wanted * 8 > ROOM:
        raise ValueError(f"every={gap:g} makes {wanted:.3g} times, more than {ROOM // 8:,}; take "
                         "longer distances, or a method of fixed step")
    times = start + (gap if end > start else -gap) * np.arange(int(wanted) + 1)
    times[-1] = end
    return times
