"""The figure of vanishing-gradients: it takes the result and computes nothing but averages."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, new_figure

LOOKS = {"sigmoid": (COLOURS["vermillion"], "o"), "tanh": (COLOURS["blue"], "s"),
         "relu": (COLOURS["green"], "^")}
NAMES = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU"}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    figure, (left, right) = new_figure(9.4, 4.3, columns=2, sharey=True)
    for activation, by_depth in result["ratio"].items():
        colour, marker = LOOKS[activation]
        depths = [int(d) for d in by_depth]
        chi = np.asarray(result["theory"][activation]["chi"])
        rows = [np.asarray(by_depth[str(d)]) for d in depths]
        middle = [np.sqrt((r[:, 0] ** 2).mean()) for r in rows]
        low, high = np.array([np.quantile(r[:, 0], (0.1, 0.9)) for r in rows]).T
        left.vlines(depths, low, high, color=colour, linewidth=1.2, alpha=0.6)
        left.plot(depths, middle, marker, color=colour, markersize=6, label=NAMES[activation])
        line = np.arange(1, max(depths) + 1)
        left.plot(line, [np.sqrt(np.prod(chi[:d])) for d in line], color=colour, linewidth=1.0)
        deep = rows[-1]
        layers = np.arange(1, depths[-1] + 1)
        right.plot(layers, np.sqrt((deep**2).mean(axis=0)), marker, color=colour, markersize=5)
        right.plot(layers, np.sqrt(np.cumprod(chi[:depths[-1]][::-1])[::-1]), color=colour,
                   linewidth=1.0)
    left.set(yscale="log", xlabel="hidden layers",
             ylabel="gradient of a layer / gradient of the last")
    left.set_xticks(depths)
    left.set_title("the first layer, against the depth")
    right.set_xticks([1, *range(5, depths[-1] + 1, 5)])
    right.set(xlabel="layer", xlim=(0, depths[-1] + 1))
    right.set_title(f"every layer, at a depth of {depths[-1]}")
    left.legend(loc="lower left")
    figure.supxlabel(f"points: root mean square over {len(deep)} networks of width "
                     f"{result['width']}, bars: 10 to 90 %; lines: the product formula",
                     fontsize=9, color="0.3")
    return {"gradients": figure}
