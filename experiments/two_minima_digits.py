"""The digits of the two-minima run: as published, compiled, and written in other ways.

The run is chaotic: ways of writing it that are equal in exact arithmetic part after some hundreds
of steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from two_minima_facts import outside

import flowopt as fo

#: ways of writing L' that are equal in exact arithmetic; without powers, so that every machine
#: makes the same digits of them
SLOPES: dict[str, Callable[[float], float]] = {
    "products": lambda x: -9 + 30 * x - 21 * (x * x) + 4 * (x * x * x),
    "Horner": lambda x: ((4 * x - 21) * x + 30) * x - 9,
    "factors": lambda x: (x - 3) * ((4 * x - 9) * x + 3),
}
MOST_STEPS = 20_000  # of a variant, which runs in Python


def published_path(x0: float, h: float, M: float, steps: int) -> np.ndarray:
    """The published iteration, in its order of operations: (steps + 1,).

    x is a NumPy scalar, so that x**2 and x**3 call the C library's pow: the run is chaotic, and
    its digits hang on the last bit of each power.
    """
    x = np.float64(x0)
    path = np.empty(steps + 1)
    path[0] = x
    with np.errstate(all="ignore"):
        for k in range(steps):
            L = x * (x - 1) * (x - 3) * (x - 3) + 1.62276
            g = -9 + 30 * x - 21 * x**2 + 4 * x**3
            delta = -np.sign(g) * min(np.abs(g) / g**2, M) * L
            x = x + delta * h
            path[k + 1] = x
    return path


def as_published(config: Any, flow: Any) -> dict[str, Any]:
    path = published_path(config.x0, config.h, config.M, config.steps)
    x = path[-1]
    compiled = fo.integrate(flow, [config.x0], t=(0.0, config.end), method=fo.Euler(h=config.h))
    other = compiled.x[:, 0]
    both = min(len(path), len(other))
    apart = np.abs(path[:both] - other[:both]) > 1e-3
    with np.errstate(all="ignore"):
        last_loss = float(x * (x - 1) * (x - 3) * (x - 3) + 1.62276)
    return {"path": path, "last_x": float(x), "last_loss": last_loss,
            "left_at_step": first(outside(path, config.x0)),
            "compiled": other, "compiled_last_x": float(other[-1]),
            "compiled_status": compiled.status.name,
            "compiled_left_at_step": first(outside(other, config.x0)),
            "parted_at_step": first(apart),
            "variants": variants(config.x0, config.h, config.M, path)}


def first(condition: np.ndarray) -> int | None:
    """The first index at which the condition holds, or None."""
    return int(np.argmax(condition)) if condition.any() else None


def variant(slope: Callable[[float], float], x0: float, h: float, M: float, steps: int
            ) -> np.ndarray:
    """The published iteration with another way of writing L': (steps + 1,)."""
    x, path = float(x0), [float(x0)]
    for _ in range(steps):
        L = x * (x - 1) * (x - 3) * (x - 3) + 1.62276
        g = slope(x)
        rate = abs(g) / (g * g) if g * g > 0 else math.nan  # 0/0, as published
        x = x + h * (-math.copysign(1.0, g) * min(rate, M) * L)
        path.append(x)
    return np.array(path)


def variants(x0: float, h: float, M: float, published: np.ndarray) -> dict[str, Any]:
    """Where each variant differs from the published path, parts from it, leaves, and ends."""
    steps = min(len(published) - 1, MOST_STEPS)
    made = {}
    for name, slope in SLOPES.items():
        path, other = variant(slope, x0, h, M, steps), published[:steps + 1]
        with np.errstate(invalid="ignore"):
            made[name] = {"differs_at_step": first(path != other),
                          "parted_at_step": first(np.abs(path - other) > 1e-3),
                          "left_at_step": first(outside(path, x0)), "last_x": float(path[-1])}
    return made
