"""What an experiment reports: the progress of its pieces while it runs, and tables at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from flowopt.quoting import Number

T = TypeVar("T")


class Reporter:
    """What ``run(config, progress)`` is given: call it, or let it run the pieces of the work.

    A piece is a part of an experiment whose value depends on the configuration and on its name
    alone (it draws from a seed of its own), so that pieces may be kept and need not be computed
    again.

    Parameters
    ----------
    show : callable, optional
        ``show(share, text)``: share of the work done, 0 to 1, and what comes next.

    Examples
    --------
    >>> shown = []
    >>> progress = Reporter(lambda share, text: shown.append((share, text)))
    >>> progress.pieces(["a", "b"], str.upper)
    {'a': 'A', 'b': 'B'}
    >>> shown
    [(0.0, 'a'), (0.45, 'b')]
    """

    def __init__(self, show: Callable[[float, str], None] | None = None) -> None:
        self.show = show

    def __call__(self, share: float, text: str) -> None:
        """Say that `share` of the work is done and `text` comes next."""
        if self.show is not None:
            self.show(share, text)

    def piece(self, name: str, make: Callable[[], T]) -> T:
        """Return ``make()``, the value of the piece `name`."""
        return make()

    def pieces(self, names: Iterable[str], make: Callable[[str], T], start: float = 0.0,
               end: float = 0.9) -> dict[str, T]:
        """Return ``{name: make(name)}``; the progress goes from `start` to `end`."""
        names = list(names)
        made = {}
        for i, name in enumerate(names):
            self(start + (end - start) * i / len(names), name)
            made[name] = self.piece(name, lambda name=name: make(name))  # type: ignore[misc]
        return made


@dataclass(frozen=True)
class Table:
    """A table: a caption, the names of its columns, and rows of texts, numbers and estimates.

    A cell that is a triple of numbers is an estimate with its interval; NaN means not known. A
    `flowopt.quoting.Number` is printed with its own digits, or is a formula.

    Examples
    --------
    >>> print(Table("Escapes", ("method", "p", "runs"), [("noise", (0.5, 0.4, 0.6), 100)]).text)
    Escapes
       method  p                runs
       noise   0.5 [0.4, 0.6]    100
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def text(self) -> str:
        """The table as text, numbers to the right."""
        cells = [[cell(value) for value in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(self.columns, *cells, strict=True)]
        right = [all(is_number(row[j]) for row in self.rows) for j in range(len(self.columns))]

        def line(row: Sequence[str]) -> str:
            parts = [text.rjust(w) if r else text.ljust(w)
                     for text, w, r in zip(row, widths, right, strict=True)]
            return "   " + "  ".join(parts).rstrip()

        return "\n".join([self.caption, line(list(self.columns)), *map(line, cells)])


def is_number(value: Any) -> bool:
    """Return whether a cell is a number, and stands to the right."""
    value = value.value if isinstance(value, Number) else value
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def cell(value: Any) -> str:
    """Return a cell as text.

    Examples
    --------
    >>> cell(0.123456), cell((10.0, 5.0, float("inf"))), cell(None), cell(float("nan"))
    ('0.1235', '10 [5, inf]', '', '-')
    """
    if value is None:
        return ""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, (tuple, list, np.ndarray)) and len(value) == 3:
        middle, low, high = map(cell, value)
        return f"{middle} [{low}, {high}]"
    if isinstance(value, (float, np.floating)):
        return "-" if math.isnan(value) else f"{value:.4g}"
    return str(value)
