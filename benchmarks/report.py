"""What a row hands back, and how it is printed and stored."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Result:
    """One line of a table: one candidate doing the work of the row.

    Parameters
    ----------
    candidate : str
        Who did the work, and with which method.
    group : str
        Lines of one group did the same work and are compared with one another.
    compile_s : float or None
        Seconds to build and compile, once; never part of ``seconds``.
    seconds : float or None
        Median time of one run.
    spread : float or None
        Interquartile range of the rounds, as a fraction of the median.
    ratios : dict
        Column title to ratio, each the median over rounds of a ratio within one round.
    extra : dict
        Column title to error, evaluations, steps, threads and so on.
    note : str
        What a reader has to know, or why there is no number.
    samples : list of float
        The time of each round.
    """

    candidate: str
    group: str = ""
    compile_s: float | None = None
    seconds: float | None = None
    spread: float | None = None
    ratios: dict[str, float] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    samples: list[float] = field(default_factory=list)


def seconds_text(value: float | None) -> str:
    """Return a duration with three digits and a unit.

    Examples
    --------
    >>> seconds_text(0.00123), seconds_text(2.5), seconds_text(None)
    ('1.23 ms', '2.50 s', '-')
    """
    if value is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            digits = "#.3g" if value < 100 * scale else ".0f"
            return f"{value / scale:{digits}} {unit}"
    return f"{value / 1e-9:.0f} ns" if value else "0 s"


def cell(value: Any) -> str:
    """Return one entry of a table as text."""
    if value is None:
        return "-"
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if value == 0 or 1e-2 <= abs(value) < 1e4:
            return f"{value:.3g}"
        return f"{value:.1e}"
    return str(value)


def table(results: Sequence[Result]) -> str:
    """Return the results as aligned text, one block for each group.

    Examples
    --------
    >>> print(table([Result("a", seconds=2.0, spread=0.1, note="by hand")]))
    candidate  compile  time    spread  note
    a          -        2.00 s  10 %    by hand
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    blocks = []
    for group, lines in groups.items():
        ratios = list(dict.fromkeys(key for line in lines for key in line.ratios))
        extras = list(dict.fromkeys(key for line in lines for key in line.extra))
        grid = [["candidate", "compile", "time", "spread", *ratios, *extras, "note"]]
        for line in lines:
            spread = "-" if line.spread is None else f"{100 * line.spread:.0f} %"
            grid.append([
                line.candidate, seconds_text(line.compile_s), seconds_text(line.seconds), spread,
                *(cell(line.ratios.get(key)).replace("nan", "-") for key in ratios),
                *(cell(line.extra.get(key)) for key in extras),
                line.note,
            ])
        widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
        text = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
                for row in grid]
        blocks.append("\n".join(([f"[{group}]"] if group else []) + text))
    return "\n\n".join(blocks)


def write_json(path: str | Path, document: dict[str, Any]) -> None:
    """Write a document as JSON; numbers that are not finite become null."""
    Path(path).write_text(json.dumps(_plain(document), indent=1, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
