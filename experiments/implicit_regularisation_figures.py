"""The figures of implicit-regularisation: distances against the step, and the valley."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, label_line, new_figure

#: colour and marker of the distance from each flow
LOOKS = {"flow": ("blue", "o"), "one-term": ("vermillion", "s"), "two-terms": ("green", "^"),
         "from-rest": ("grey", "x"), "term-of-descent": ("purple", "+")}
NAMES = {"flow": "its flow", "one-term": "with one term", "two-terms": "with two terms",
         "from-rest": "one term, from rest", "term-of-descent": "with descent's term"}
PREDICTIONS = (("sky", "--"), ("vermillion", "-"), ("green", "-."))


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"orders": orders(result), "valley": valley(result)}


def orders(result: dict[str, Any]) -> Any:
    """Small multiples: points, and lines of the exact slope through the last of them."""
    figure, grid = new_figure(6.5, 4.4, 2, 3)
    for axes, (name, case) in zip(grid.ravel(), result["cases"].items(), strict=True):
        h = np.asarray(case["h"])
        for key, line in case["lines"].items():
            colour, marker = LOOKS[key]
            d = np.asarray(line["distance"])
            axes.plot(h, d[-1] * (h / h[-1]) ** line["order"], color=COLOURS[colour],
                      linewidth=0.9)
            axes.plot(h, d, marker, color=COLOURS[colour], markersize=4.5, fillstyle="none",
                      linestyle="none", label=NAMES[key])
        axes.set(xscale="log", yscale="log", title=name)
        axes.minorticks_off()
        bottom = min(float(np.min(line["distance"])) for line in case["lines"].values())
        axes.set_ylim(bottom / 20, None)
    first = next(iter(result["cases"].values()))
    for line in first["lines"].values():
        least = int(np.argmin(first["h"]))
        label_line(grid[0, 0], first["h"][least], float(np.asarray(line["distance"])[least]),
                   f"slope {line['order']}", xytext=(6, -3), ha="left", va="top", fontsize=8,
                   bbox={"facecolor": "none", "edgecolor": "none"})
    for axes in grid[1]:
        axes.set_xlabel("step h")
    for axes in grid[:, 0]:
        axes.set_ylabel("distance at the end")
    handles = {label: handle for axes in grid.ravel()
               for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5,
                  fontsize=8, handletextpad=0.2, columnspacing=1.0)
    return figure


def valley(result: dict[str, Any]) -> Any:
    """The paths into the valley, and where they end against the step."""
    figure, (left, right) = new_figure(6.5, 3.1, columns=2, width_ratios=[1.15, 1])
    of = result["valley"]
    grid = of["grid"]
    left.contour(grid["a"], grid["b"], grid["loss"], levels=[0.02, 0.1, 0.3, 0.8, 1.8, 3.6, 6.5],
                 colors="0.8", linewidths=0.7)
    a = np.linspace(0.5, 3.2, 200)
    left.plot(a, 1 / a, color=COLOURS["grey"], linewidth=2.2)
    label_line(left, 1.0, 1.06, "minima, ab = 1", color="0.35", ha="left", va="bottom")
    left.plot(*np.asarray(of["lines"]["flow"]).T[:2], color="black", linewidth=1.1, label="flow")
    for path, h, (colour, marker) in zip(of["paths"], of["shown"], (
            ("vermillion", "s"), ("blue", "o"), ("green", "^")), strict=True):
        path = np.asarray(path)
        left.plot(path[:, 0], path[:, 1], marker=marker, color=COLOURS[colour], markersize=3.5,
                  linewidth=0.7, fillstyle="none", label=f"descent, h = {h:g}")
    left.set(xlabel="a", ylabel="b", xlim=(0.9, 3.15), ylim=(0.2, 1.7))
    left.legend(loc="lower left", fontsize=8)
    h = np.asarray(of["h"])
    right.axhline(of["start_imbalance"], color="black", linewidth=1.1)
    label_line(right, h[0], of["start_imbalance"], "flow", ha="right", va="center")
    for (name, values), (colour, dash) in zip(of["predicted"].items(), PREDICTIONS, strict=True):
        right.plot(h, values, color=COLOURS[colour], linestyle=dash, label=name)
    right.plot(h, of["end"], "o", color=COLOURS["blue"], fillstyle="none", label="descent")
    right.set(xlabel="step h", ylabel="a² − b² at the end", xlim=(0, None))
    right.legend(loc="lower left", fontsize=8)
    return figure
