"""What is known of basins on a line: plain results with a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowopt import _check
from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.rest.equilibrium import Equilibria, Equilibrium, as_sympy


@dataclass(frozen=True, eq=False)
class Basin:
    """An interval of starts with one fate.

    Attributes
    ----------
    low, high : float
        The ends; infinite where the basin is.
    closed : (bool, bool)
        Whether the ends belong to it.
    to : Equilibrium or None
        Where the motions go; None when they leave.
    fate : str
        The fate in words: "tends to 3", "reaches 3 in finite time", "goes to infinity" ....
    """

    low: float
    high: float
    closed: tuple[bool, bool]
    to: Equilibrium | None
    fate: str
    ends: tuple[Number | None, Number | None] = field(default=(None, None), repr=False)

    @cached_property
    def exact(self) -> tuple[Any, Any]:
        """The ends as exact sympy numbers (±oo where infinite)."""
        import sympy

        infinite = (-sympy.oo, sympy.oo)
        return tuple(limit if e is None and math.isinf(v) else
                     sympy.Float(v) if e is None else as_sympy(e)
                     for e, v, limit in zip(self.ends, (self.low, self.high), infinite,
                                            strict=True))  # type: ignore[return-value]

    def __contains__(self, x: float) -> bool:
        left = x > self.low or (self.closed[0] and x == self.low)
        return left and (x < self.high or (self.closed[1] and x == self.high))

    def __repr__(self) -> str:
        brackets = "[" if self.closed[0] else "(", "]" if self.closed[1] else ")"
        return f"{brackets[0]}{self.low:.10g}, {self.high:.10g}{brackets[1]}: {self.fate}"


class Basins(Sequence[Basin]):
    """The basins on a line from left to right.

    Attributes
    ----------
    equilibria : Equilibria
        The rests and singular points.
    complete : bool
        Whether every start has its fate, exactly.
    reason : str
        One sentence.
    """

    def __init__(self, parts: Sequence[Basin], equilibria: Equilibria, complete: bool,
                 reason: str) -> None:
        self._parts = tuple(parts)
        self.equilibria, self.complete, self.reason = equilibria, complete, reason

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, index: Any) -> Any:
        return self._parts[index]

    def __iter__(self) -> Iterator[Basin]:
        return iter(self._parts)

    def of(self, x: float) -> Basin | None:
        """Return the basin of a start (in doubles; an exact end may be off by rounding)."""
        x = _check.real("x", x)
        return next((b for b in self._parts if x in b), None)

    def __repr__(self) -> str:
        word = "complete" if self.complete else "not complete"
        return "\n".join([f"basins of {self.equilibria.name} ({word}: {self.reason})",
                          *map(repr, self._parts)])
