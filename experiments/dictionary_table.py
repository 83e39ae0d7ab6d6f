"""The dictionary as a table of TeX, for the optimizers that were run beside their flows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.optimizers.table import Row, rows
from flowopt.quoting import Number, decimal
from flowopt.reporting import Table


def text_cell(tex: str, text: str) -> Number:
    """A cell that is TeX as it stands, dollars and all."""
    return Number(text, tex, text)


def dictionary(optimizers: Mapping[str, Any], pairs: Mapping[str, Any]) -> Table:
    """Flow, splitting, clock and measured order of each optimizer.

    Parameters
    ----------
    optimizers : mapping
        The optimizers by the names of their cases.
    pairs : mapping
        What was measured: dicts with ``case``, ``order`` and ``slope``.
    """
    made = []
    for case, optimizer in optimizers.items():
        row = Row(optimizer)
        tex = row.latex
        of = [p for p in pairs.values() if p["case"] == case]
        first = tex["splitting"].replace(", then $\\theta$", "")
        made.append((case, text_cell(tex["flow"], "; ".join(row.equations)),
                     text_cell("--" if "Euler" in first else first, row.splitting),
                     text_cell(tex["clock"].replace("t = k\\,", "h = "), row.clock),
                     f"{of[0]['order']:g}",
                     *(decimal(p["slope"], 2) for p in of)))
    losses = [p["loss"] for p in pairs.values() if p["case"] == next(iter(optimizers))]
    return Table("Dictionary: flow, splitting, clock and the measured order of the distance",
                 ("optimizer", "flow", "first", "clock", "order", *losses), made)


def entries() -> int:
    """How many rules the dictionary has."""
    return len(rows())
