"""Points at the door of a loss: x of shape (n,), or many of them, (batch, n)."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt import _check


def checked_points(name: str, x: Any, n: int) -> tuple[np.ndarray, bool]:
    """Return x as points (batch, n), and whether it was one (for n = 1 also a bare number)."""
    points = _check.array(name, x, f"({n},) or (batch, {n})", (0, 1, 2), finite=False)
    batch = points if points.ndim == 2 else points.reshape(1, -1)
    if batch.shape[1] != n:
        raise ValueError(f"{name} must have shape ({n},) or (batch, {n}), got shape {np.shape(x)}")
    return batch, points.ndim < 2


def checked_point(x: Any, n: int) -> np.ndarray:
    """Return x (n,), or refuse many points."""
    points, single = checked_points("x", x, n)
    if not single:
        raise ValueError(f"x must have shape ({n},), one point, got shape {np.shape(x)}")
    return points[0]


def checked_directions(x: Any, v: Any, n: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return points and directions, as many of either, and whether both were one."""
    points, one = checked_points("x", x, n)
    directions, single = checked_points("v", v, n)
    if len(points) != len(directions) and 1 not in (len(points), len(directions)):
        raise ValueError(f"x and v must be as many points as directions, got {len(points)} and "
                         f"{len(directions)}")
    points, directions = np.broadcast_arrays(points, directions)
    return points, directions, one and single
