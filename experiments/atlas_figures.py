"""The figure of the atlas: each claim with its verdict and the times to find and to check it."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, new_figure

LOOKS = {"proved": (COLOURS["blue"], "o"), "disproved": (COLOURS["vermillion"], "X"),
         "unknown": (COLOURS["orange"], "D")}


def short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[:most - 1]}…"


def figures(result: dict[str, Any]) -> dict[str, Any]:
    every = result["claims"]
    half = (len(every) + 1) // 2
    figure, axes = new_figure(9.4, 0.7 + 0.19 * half, columns=2, sharex=True)
    shown = set()
    for column, part in zip(axes, (every[:half], every[half:]), strict=True):
        for k, claim in enumerate(part):
            colour, marker = LOOKS[claim["status"]]
            times = np.maximum([claim["check_seconds"], claim["seconds"]], 1e-3)
            if claim["status"] != "unknown":
                column.plot(times, [k, k], color=colour, linewidth=1.0, alpha=0.5)
                column.plot(times[0], k, "|", color=colour, markersize=7)
            label = None if claim["status"] in shown else claim["status"]
            shown.add(claim["status"])
            column.plot(times[1], k, marker, color=colour, markersize=5.5, label=label)
        column.set_yticks(range(len(part)), [f"{short(c['flow'])}  {c['number']}" for c in part],
                          fontsize=7)
        column.set_ylim(half - 0.5, -0.7)
        column.set_xscale("log")
        column.grid(axis="x", linewidth=0.4, color="0.9")
    figure.supxlabel("seconds (marker: to find the proof, bar: to check it)", fontsize=9.5)
    figure.legend(loc="outside upper center", ncols=3)
    return {"atlas": figure}
