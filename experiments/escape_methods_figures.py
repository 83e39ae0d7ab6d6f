"""The figures of escape-methods: they take its result and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, new_figure

LOOKS = {"gradient descent": ("grey", "o"), "stochastic gradients": ("blue", "s"),
         "annealing (Langevin)": ("sky", "D"),
         "annealing (Metropolis)": ("black", "h"), "many starts": ("green", "^"),
         "momentum": ("orange", "v"), "learning-rate tuning": ("purple", "P"),
         "clipped loss-normalised": ("vermillion", "X")}
SPARE = ("yellow", "p")  # for a way that is added


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"1-success": success(result), "2-paths": paths(result)}


def look(way: str) -> tuple[str, str]:
    colour, marker = LOOKS.get(way, SPARE)
    return COLOURS[colour], marker


def success(result: dict[str, Any]) -> Any:
    """Success probability, cost of a success and where runs end, for each landscape."""
    names = list(result["landscapes"])
    ways = [c["way"] for c in result["cells"].values() if c["problem"] == names[0]]
    figure, axes = new_figure(9.6, 7.8, rows=3, columns=len(names), sharey=True)
    y = np.arange(len(ways))[::-1]
    for column, name in enumerate(names):
        budget = result["landscapes"][name]["budget"]
        of = [result["cells"][f"{name}: {way}"] for way in ways]
        top, middle, bottom = axes[:, column]
        right = 6 * max(v for c in of for v in c["cost"] if np.isfinite(v))
        for place, c in zip(y, of, strict=True):
            colour, marker = look(c["way"])
            for axis, key in ((top, "p"), (middle, "cost"), (bottom, "excess")):
                value, low, high = c[key]
                if key == "cost" and not np.isfinite(value):
                    axis.annotate("", (right, place), (low, place), arrowprops={
                        "arrowstyle": "->", "color": colour, "linewidth": 1.3})
                    axis.plot(low, place, "|", color=colour, markersize=9)
                    continue
                if key == "excess":
                    value, low, high = (max(v, 1e-7) for v in (value, low, high))
                axis.plot([low, high], [place, place], color=colour, linewidth=2.0,
                          solid_capstyle="butt")
                axis.plot(value, place, marker, color=colour, markersize=7,
                          clip_on=key != "p", zorder=4)
        top.set(xlim=(-0.02, 1.02), xlabel="probability of success")
        top.set_title(f"{name}\n" + f"{budget:,} gradients a run".replace(",", "\u202f"))
        middle.set(xscale="log", xlabel="gradients per success", xlim=(budget / 2, right))
        bottom.set(xscale="log", xlabel="L \N{MINUS SIGN} L* at the end", xlim=(5e-8, 500))
        bottom.axvline(result["goal"], color="black", linewidth=0.9, linestyle=(0, (4, 3)),
                       zorder=0)
        bottom.set_xticks([1e-7, 1e-5, 1e-3, 1e-1, 10],
                          ["≤ 1e-7", "1e-5", "1e-3", "0.1", "10"])
        bottom.annotate("success", (result["goal"], 1.0), xycoords=("data", "axes fraction"),
                        xytext=(-3, 2), textcoords="offset points", ha="right", fontsize=9)
        for axis in (top, middle, bottom):
            axis.grid(axis="y", color="0.92", linewidth=0.7)
            axis.tick_params(axis="y", length=0)
            axis.set_ylim(-0.6, len(ways) - 0.4)
            if axis is not top:
                axis.minorticks_off()
    for row in range(3):
        axes[row, 0].set_yticks(y, ways)
    figure.supxlabel("points: estimates and medians; bars: 95 % intervals, and the middle half of "
                     "the runs below; arrows: no success, 95 % bound", fontsize=9, color="0.3")
    return figure


def paths(result: dict[str, Any]) -> Any:
    """How each way moves on the two minima: one run of each."""
    made = result["paths"]
    columns = 5 if len(made) > 7 else 4
    rows = -(-(len(made) + 1) // columns)
    figure, axes = new_figure(10.5, 2.6 * rows, rows=rows, columns=columns, sharey=True)
    good, barrier, poor = (9 - np.sqrt(33)) / 8, (9 + np.sqrt(33)) / 8, 3.0
    ground = axes.flat[0]
    x = np.linspace(-1.0, 4.3, 500)
    ground.plot(x * (x - 1) * (x - 3) ** 2 + 1.62276, x, color="black")
    ground.set(xlim=(-1.0, 16), xlabel="loss L(x)", ylim=(-1.2, 4.6), ylabel="x")
    ground.set_title("the landscape")
    for place, text in ((good, "good minimum"), (barrier, "barrier"), (poor, "poor minimum")):
        level = place * (place - 1) * (place - 3) ** 2 + 1.62276
        ground.annotate(text, (level, place), xytext=(7, 0), textcoords="offset points",
                        va="center", fontsize=9)
    for axis, (way, path) in zip(list(axes.flat)[1:], made.items(), strict=False):
        colour = look(way)[0]
        axis.axhline(barrier, color=COLOURS["grey"], linewidth=0.8, linestyle=(0, (4, 3)))
        axis.plot(np.arange(len(path)), path, color=colour, linestyle="none", marker=".",
                  markersize=2.2, rasterized=True)
        axis.set(xlabel="values of L" if "Metropolis" in way else "gradients",
                 xlim=(-0.02 * len(path), 1.02 * len(path)))
        c = result["cells"][f"two minima: {way}"]
        axis.set_title(f"{way}\n{100 * c['p'][0]:.1f} % succeed")
    for axis in list(axes.flat)[len(made) + 1:]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("x")
    return figure
