"""The figures of optimizers-and-their-flows: they take its result and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from flowopt.plotting import COLOURS, new_figure

STEPS = ((COLOURS["vermillion"], "s"), (COLOURS["orange"], "^"), (COLOURS["blue"], "o"))
LOSSES = ((COLOURS["blue"], "o"), (COLOURS["vermillion"], "s"))
GREYS = LinearSegmentedColormap.from_list("greys", ["0.80", "0.93"])


def figures(result: dict[str, Any]) -> dict[str, Any]:
    made = {f"{i + 1}-{name.lower()}": paths(result, name)
            for i, name in enumerate(result["landscapes"])}
    return {**made, f"{len(made) + 1}-distance": distance(result)}


def of_loss(result: dict[str, Any], loss: str) -> list[dict[str, Any]]:
    return [p for p in result["pairs"].values() if p["loss"] == loss]


def paths(result: dict[str, Any], loss: str) -> Any:
    """The discrete paths on the flow's path, for three steps."""
    land, pairs = result["landscapes"][loss], of_loss(result, loss)
    figure, axes = new_figure(10.0, 5.4, rows=2, columns=4, sharex=True, sharey=True)
    levels = np.geomspace(max(land["value"].min(), 1e-2), land["value"].max(), 13)
    for axis, p in zip(axes.flat, pairs, strict=True):
        axis.contour(land["x"], land["y"], land["value"], levels, cmap=GREYS, linewidths=0.7,
                     zorder=0)
        axis.plot(p["flow"][:, 0], p["flow"][:, 1], color="black", linewidth=2.4, zorder=1)
        for (colour, marker), path, level in zip(STEPS, p["paths"], result["shown"], strict=True):
            axis.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.8, marker=marker,
                      markersize=2.8, markevery=max(1, len(path) // 60),
                      label=f"h = {_short(p['h'][level])}", zorder=2 + level / 10)
        axis.plot(*land["start"], "D", color="black", markersize=5, zorder=4)
        for place in land["minima"]:
            axis.plot(*place, "*", color="black", markersize=10, zorder=4)
        axis.set_title(f"{p['case']}, to t = {p['end']:g}", fontsize=9.5)
        axis.set(xlim=(land["x"][0], land["x"][-1]), ylim=(land["y"][0], land["y"][-1]))
        axis.legend(loc="upper right" if loss == "Rosenbrock" else "upper left", fontsize=8,
                    handlelength=1.4, borderpad=0.2, labelspacing=0.25, frameon=True,
                    framealpha=0.85, edgecolor="none")
    for axis in axes[-1]:
        axis.set_xlabel("x")
    for axis in axes[:, 0]:
        axis.set_ylabel("y")
    figure.supxlabel(f"{loss}. Black: the flow, from the diamond; star: the minimum. Colours: the "
                     "optimizer with steps h of its clock (about 60 of the iterates are marked).",
                     fontsize=9, color="0.3")
    return figure


def _short(value: float) -> str:
    return f"{value:.2g}"


def distance(result: dict[str, Any]) -> Any:
    """The distance against the step, with the slope of theory."""
    first = of_loss(result, next(iter(result["landscapes"])))
    figure, axes = new_figure(10.0, 5.2, rows=2, columns=4)
    for axis, one in zip(axes.flat, first, strict=True):
        for (colour, marker), loss in zip(LOSSES, result["landscapes"], strict=True):
            p = next(p for p in of_loss(result, loss) if p["case"] == one["case"])
            h, d = np.array(p["h"]), np.array(p["distance"])
            seen = np.isfinite(d)
            axis.loglog(h[seen], d[seen], marker, color=colour, markersize=5,
                        label=f"{loss}: slope {p['slope']:.2f}")
            axis.loglog(h, d[-1] * (h / h[-1]) ** p["order"], color=colour, linewidth=0.9,
                        linestyle=(0, (4, 3)), zorder=1)
        axis.set_title(f"{one['case']}: theory {one['order']:g}", fontsize=9.5)
        low, high = axis.get_ylim()
        axis.set_ylim(low, high * (high / low) ** 0.25)
        axis.legend(loc="upper left", fontsize=8.5, handlelength=1.0, borderpad=0.1,
                    handletextpad=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("step h of the clock")
    for axis in axes[:, 0]:
        axis.set_ylabel(r"$\max_k\,|x_k - x(k h)|$")
    figure.supxlabel("points: measured; dashed: the order of theory, through the shortest step",
                     fontsize=9, color="0.3")
    return figure
