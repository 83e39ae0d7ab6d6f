"""The figure of adam-then-sgd: it takes the result and computes nothing but quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt import estimates
from flowopt.plotting import COLOURS, interval, new_figure


def figures(result: dict[str, Any]) -> dict[str, Any]:
    figure, (left, right) = new_figure(9.6, 4.2, columns=2, width_ratios=[1.25, 1])
    epoch, end = result["epoch"], result["epoch"][-1]
    half = [plan for plan, epochs in result["adam"].items() if end / 2 <= epochs < end][0]
    looks = (("SGD alone", COLOURS["grey"], (0, (6, 1.5))),
             ("Adam alone", COLOURS["vermillion"], "-"), (half, COLOURS["blue"], "-"))
    for plan, colour, dashes in looks:
        values = result["plans"][plan]["loss"]
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=0, method="inverted_cdf")
        left.fill_between(epoch, low, high, color=colour, alpha=0.15, linewidth=0)
        left.plot(epoch, middle, color=colour, linestyle=dashes, label=plan, linewidth=1.4)
    left.axvline(result["adam"][half], ymax=0.6, color="black", linewidth=0.8,
                 linestyle=(0, (1, 2)))
    left.annotate("switch", (result["adam"][half], 0.6), xycoords=("data", "axes fraction"),
                  xytext=(-4, 0), textcoords="offset points", ha="right", va="top", fontsize=9)
    left.set(xlabel="epoch", ylabel="mean squared error on all data", yscale="log", xlim=(0, end))
    ticks = [v for v in (0.01, 0.012, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3)
             if left.get_ylim()[0] <= v <= left.get_ylim()[1]]
    left.set_yticks(ticks, [f"{v:g}" for v in ticks])
    left.minorticks_off()
    left.set_title(f"{len(values)} seeds: median, and band of 10 to 90 %")
    left.set_xticks(np.linspace(0, end, 5), [f"{v:g}" for v in np.linspace(0, end, 5)])
    left.legend(loc="upper right")
    places = {p: e for p, e in result["adam"].items() if e > 0}
    for key, colour, marker, shift, label in (("loss", "blue", "o", -0.12, "training data"),
                                              ("fresh", "orange", "s", 0.12, "fresh data")):
        rows = np.array([estimates.mean(_end(result, plan, key)) for plan in places]).T
        interval(right, np.array(list(places.values())) + shift, *rows, color=COLOURS[colour],
                 marker=marker, linewidth=0.8, label=label)
        stall = estimates.mean(_end(result, "Adam until it stalls, then SGD", key))
        interval(right, [1.25 * end + shift], *np.array(stall)[:, None], color=COLOURS[colour],
                 marker=marker, linestyle="none")
    sgd = np.mean(_end(result, "SGD alone", "loss"))
    right.set(xlabel="epochs of Adam before SGD", ylabel="loss at the end, mean over seeds",
              xlim=(0, 1.34 * end))
    right.set_xticks([*places.values(), 1.25 * end],
                     [*(f"{e}" for e in list(places.values())[:-1]), f"{end:g}\n(alone)",
                      "until it\nstalls"])
    right.set_title(f"95 % intervals; SGD alone: {sgd:.3f}")
    right.legend(loc="upper center")
    return {"switch": figure}


def _end(result: dict[str, Any], plan: str, key: str) -> np.ndarray:
    values = np.asarray(result["plans"][plan][key])
    return values[:, -1] if key == "loss" else values
