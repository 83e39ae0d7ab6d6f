"""What takes the place of a tableau for the Taylor method: nothing but the order."""

from __future__ import annotations

import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """A Taylor polynomial of some order ≥ 2; its coefficients are a kernel of the field."""

    order: int


@functools.cache
def series(order: int) -> Series:
    """Return the one object of an order (layouts are cached on it)."""
    return Series(order)
