"""The figure of optimizer-race: it takes the result and computes nothing but quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, new_figure

LOOKS = {"SGD": (COLOURS["grey"], "-"), "momentum": (COLOURS["orange"], (0, (6, 1.5))),
         "Adagrad": (COLOURS["green"], (0, (3, 1))), "RMSprop": (COLOURS["vermillion"], "-"),
         "Adam": (COLOURS["blue"], "-")}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    figure, (left, right) = new_figure(9.4, 4.2, columns=2, sharey=True)
    epoch, losses = result["epoch"], result["loss"]
    for name, values in losses.items():
        colour, dashes = LOOKS[name]
        left.plot(epoch, values[0], color=colour, linestyle=dashes, linewidth=1.3, label=name)
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=0, method="inverted_cdf")
        right.fill_between(epoch, low, high, color=colour, alpha=0.13, linewidth=0)
        right.plot(epoch, middle, color=colour, linestyle=dashes, label=name)
    for axis in (left, right):
        axis.axhline(0.01, color="black", linewidth=0.8, linestyle=(0, (1, 2)))
        axis.set(xlabel="epoch", xlim=(0, epoch[-1]), yscale="log")
    right.annotate("variance of the noise", (epoch[-1], 0.01), xytext=(0, -4),
                   textcoords="offset points", ha="right", va="top", fontsize=9)
    bottom = min(float(v.min()) for v in losses.values())
    left.set(ylabel="mean squared error on all data", ylim=(0.88 * min(bottom, 0.0095), None))
    ticks = [v for v in (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
             if v <= left.get_ylim()[1]]
    left.set_yticks(ticks, [f"{v:g}" for v in ticks])
    left.minorticks_off()
    right.minorticks_off()
    left.set_title("one seed")
    right.set_title(f"{len(values)} seeds: median, and band of 10 to 90 %")
    right.legend(loc="upper right")
    return {"race": figure}
