"""Validation at the door: each helper returns the checked value or refuses in one sentence.

The message names the argument, what it must be, and what it was.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Collection
from typing import Any

import numpy as np


def shown(value: Any) -> str:
    """Return a short, one-line picture of `value` for a message."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(name: str, known: Collection[str]) -> str:
    """Return a hint with the nearest known names, or the whole list when it is short."""
    close = difflib.get_close_matches(str(name), list(known), n=3)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "known: " + ", ".join(sorted(known))


def real(name: str, value: Any, *, above: float | None = None, at_least: float | None = None,
         below: float | None = None, at_most: float | None = None, finite: bool = True) -> float:
    """Return `value` as a float, within the stated open or closed bounds."""
    wanted = "a finite number" if finite else "a number"
    if above is not None:
        wanted += f" > {above:g}"
    if at_least is not None:
        wanted += f" >= {at_least:g}"
    if below is not None:
        wanted += f" and < {below:g}"
    if at_most is not None:
        wanted += f" and <= {at_most:g}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        if not (hasattr(value, "__float__") and np.ndim(value) == 0 and not isinstance(value, str)):
            raise TypeError(f"{name} must be {wanted}, got {shown(value)}")
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be {wanted}, got {shown(value)}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be {wanted}, got {shown(value)}") from None
    bad = (
        math.isnan(number)
        or (finite and math.isinf(number))
        or (above is not None and not number > above)
        or (at_least is not None and not number >= at_least)
        or (below is not None and not number < below)
        or (at_most is not None and not number <= at_most)
    )
    if bad:
        raise ValueError(f"{name} must be {wanted}, got {shown(value)}")
    return number


def integer(name: str, value: Any, *, at_least: int | None = None,
            at_most: int | None = None) -> int:
    """Return `value` as an int, within the stated bounds (booleans are refused)."""
    wanted = "an integer"
    if at_least is not None:
        wanted += f" >= {at_least}"
    if at_most is not None:
        wanted += f" and <= {at_most}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Integral, np.integer)):
        raise TypeError(f"{name} must be {wanted}, got {shown(value)}")
    number = int(value)
    if (at_least is not None and number < at_least) or (at_most is not None and number > at_most):
        raise ValueError(f"{name} must be {wanted}, got {number}")
    return number


def choice(name: str, value: Any, options: Collection[str]) -> str:
    """Return `value` if it is one of `options`, else refuse with the nearest ones."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, "
                         f"got {shown(value)}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def span(t: Any) -> tuple[float, float]:
    """Return the time span ``(t0, t1)`` with two finite, different ends."""
    try:
        start, end = t
    except (TypeError, ValueError):
        raise TypeError(f"t must be a pair (t0, t1), got {shown(t)}") from None
    start, end = real("t[0]", start), real("t[1]", end)
    if start == end:
        raise ValueError(f"t must span a time that is not zero, got ({start:g}, {end:g})")
    return start, end


def pairs(name: str, value: Any, count: int) -> list[Any]:
    """Return the pairs (low, high) of a box, given in a sequence or a mapping; one may stand alone.

    Their numbers are not looked at.
    """
    try:
        made = list(value.values()) if hasattr(value, "values") else list(value)
    except TypeError:
        raise TypeError(f"{name} must be a sequence of pairs (low, high), got {shown(value)}"
                        ) from None
    if count == 1 and len(made) == 2 and np.ndim(made[0]) == 0:
        made = [made]
    if len(made) != count:
        raise ValueError(f"{name} must have a pair (low, high) for each of the {count} variables, "
                         f"got {len(made)}")
    for k, pair in enumerate(made):
        if np.shape(pair) != (2,):
            raise ValueError(f"{name}[{k}] must be a pair (low, high), got {shown(pair)}")
    return made


def array(name: str, value: Any, shape: str, ndim: Collection[int],
          finite: bool = True) -> np.ndarray:
    """Return `value` as a float64 array whose number of axes is in `ndim`."""
    try:
        result = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must have shape {shape}, got rows of different lengths") from None
    if result.dtype.kind not in "iuf":
        if result.dtype == object and result.size:
            try:
                result = result.astype(float)
            except (TypeError, ValueError):
                raise TypeError(f"{name} must be real numbers of shape {shape}, "
                                f"got {shown(value)}") from None
        else:
            raise TypeError(f"{name} must be real numbers of shape {shape}, got {shown(value)}")
    result = np.ascontiguousarray(result, dtype=float) if result.ndim else result.astype(float)
    if result.ndim not in ndim or (result.ndim and result.size == 0):
        raise ValueError(f"{name} must have shape {shape}, got shape {result.shape}")
    if finite and not np.isfinite(result).all():
        where_not = np.argwhere(~np.isfinite(result))[0]
        first = tuple(where_not.tolist())
        where = f" at index {first}" if first else ""
        raise ValueError(f"{name} must be finite, got {result[first]}{where}")
    return result
