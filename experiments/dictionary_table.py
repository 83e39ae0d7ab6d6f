"""The dictionary as a table of TeX, for the optimizers that were run beside their flows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowopt.optimizers.table import Row, rows
from flowopt.quoting import Number, decimal
from flowopt.reporting import Table


def text_cell(tex: str, text: str) -> Number:
    """A cell that is TeX as it stands, dollars and all."""
    return Number(text, tex, text)


def flow_tex(tex: str) -> str:
    """The rules one below the other, at the size of the text; Polyak's guard at g = 0 left out."""
    guard = (r"\\left\(\\begin\{cases\} 0 .*?\\\\(.*?) & \\text\{otherwise\} "
             r"\\end\{cases\}\\right\)")
    tex = re.sub(guard, r"\1", tex)
    tex = tex.replace(r"\begin{aligned}", r"\begin{array}{@{}l@{}}").replace(
        r"\end{aligned}", r"\end{array}")
    return re.sub(r"\s*&=\s*", "=", tex)


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
        first = row.splitting.removesuffix(", then theta").replace(" and ", ", ")
        measured = ", ".join(decimal(p["slope"], 2).text for p in of)
        made.append((case, text_cell(flow_tex(tex["flow"]), "; ".join(row.equations)),
                     text_cell("--" if "Euler" in first else f"${first}$", row.splitting),
                     text_cell(tex["clock"].replace("t = k\\,", "").replace(
                         r"\mathrm{momentum}", r"\beta"), row.clock),
                     f"{of[0]['order']:g}", measured))
    return Table("Dictionary: flow, splitting, clock and the measured order of the distance",
                 ("optimizer", "flow", "first", "clock h", "order", "measured"), made)


def entries() -> int:
    """How many rules the dictionary has."""
    return len(rows())
