"""The figure of iris: it takes the result and computes nothing but quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from optimizer_race_figures import LOOKS

from flowopt.plotting import new_figure


def figures(result: dict[str, Any]) -> dict[str, Any]:
    figure, (left, right) = new_figure(9.4, 4.2, columns=2)
    for name, (colour, dashes) in LOOKS.items():
        of = result[name]
        epoch = np.arange(of["loss"].shape[1])
        low, middle, high = np.quantile(of["loss"], (0.1, 0.5, 0.9), axis=0,
                                        method="inverted_cdf")
        left.fill_between(epoch, low, high, color=colour, alpha=0.13, linewidth=0)
        left.plot(epoch, middle, color=colour, linestyle=dashes, label=name)
        right.plot(epoch, of["accuracy"].mean(axis=0), color=colour, linestyle=dashes, label=name,
                   linewidth=1.3)
    left.axhline(0.2, color="black", linewidth=0.8, linestyle=(0, (1, 2)))
    right.axhline(0.97, color="black", linewidth=0.8, linestyle=(0, (1, 2)))
    left.annotate("converged", (1.2, 0.2), xytext=(0, -3), textcoords="offset points", va="top",
                  fontsize=9)
    right.annotate("97 %", (1.2, 0.97), xytext=(0, 3), textcoords="offset points", va="bottom",
                   fontsize=9)
    for axis in (left, right):
        axis.set(xlabel="epoch", xscale="log", xlim=(1, epoch[-1]))
        marks = [v for v in (1, 3, 10, 30, 100, 300, 1000, 3000) if v <= epoch[-1]]
        axis.set_xticks(marks, [str(v) for v in marks])
        axis.minorticks_off()
    left.set(ylabel="training loss (cross-entropy, nats)", yscale="log")
    ticks = [v for v in (0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
             if left.get_ylim()[0] <= v <= left.get_ylim()[1]]
    left.set_yticks(ticks, [f"{v:g}" for v in ticks])
    left.minorticks_off()
    right.set(ylabel="test accuracy, mean", ylim=(0.5, 1.0))
    count = len(of["loss"])
    left.set_title(f"{count} seeds: median, and band of 10 to 90 %")
    right.set_title(f"mean over {count} seeds")
    right.legend(loc="lower right")
    return {"iris": figure}
