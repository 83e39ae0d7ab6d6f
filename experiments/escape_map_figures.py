"""The figures of escape-map: they take its result and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from escape_map_report import hazard

from flowopt.plotting import COLOURS, interval, label_line, new_figure

MARKS = (("blue", "o"), ("green", "s"), ("vermillion", "^"))


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"1-map": the_map(result), "2-law": the_law(result), "3-starts": over_starts(result)}


def the_map(result: dict[str, Any]) -> Any:
    """Probability of leaving the well, and of ending near 0.41, over h and M."""
    figure, axes = new_figure(6.5, 3.5, columns=2, sharey=True)
    theory, s = result["theory"], result["setting"]
    h, M = result["h"], result["M"]
    for axis, key, title in ((axes[0], "left", "left the well of 3"),
                             (axes[1], "near", "ended near 0.41")):
        share = np.array(result["map"][key], dtype=float) / s["starts"]
        image = axis.pcolormesh(h, M, share.T, cmap="cividis", vmin=0, vmax=1,
                                shading="nearest", rasterized=True)
        wall_h, wall_M = theory["wall_curve"]
        shown = np.asarray(wall_M) > 0
        axis.plot(np.asarray(wall_h)[shown], np.asarray(wall_M)[shown], color="white",
                  linewidth=1.6)
        axis.axvline(theory["arrival"], color="white", linewidth=1.2, linestyle=(0, (5, 3)))
        axis.axvline(8.0, color="white", linewidth=1.2, linestyle=(0, (1, 1.5)))
        axis.plot(*theory["two_cycle"], color="white", linewidth=1.2, linestyle="-.")
        axis.plot(s["h"], s["M"], "o", markersize=7, markerfacecolor=COLOURS["vermillion"],
                  markeredgecolor="white")
        axis.set(xscale="log", yscale="log", xlabel="Euler step h", title=title,
                 xlim=(h[0], h[-1]), ylim=(M[0], M[-1]))
    axes[0].set_ylabel("clip M on 1/|L′|")
    ink = {"color": "white", "fontsize": 8.5}
    axes[0].text(2.3e-4, 0.08, "too slow", rotation=90, ha="center", **ink)
    axes[0].text(2.6e-3, 62.0, "h M = 0.7129", rotation=-43, rotation_mode="anchor", **ink)
    axes[0].text(2.2e-3, 0.09, "stable 2-cycle", **ink)
    axes[0].annotate("published", (s["h"], s["M"]), xytext=(6, 5), textcoords="offset points",
                     fontsize=8.5, color="black", bbox={"facecolor": "white", "alpha": 0.75,
                                                        "edgecolor": "none", "pad": 1})
    axes[1].annotate("3-cycle", (theory["three_cycle"][1] * 0.9, 2e4), xytext=(-52, 0),
                     textcoords="offset points", va="center", fontsize=8.5, color="black",
                     arrowprops={"arrowstyle": "-", "linewidth": 0.8})
    axes[1].text(9.3, 0.09, "diverges", rotation=90, **ink)
    bar = figure.colorbar(image, ax=axes, shrink=0.95, pad=0.015)
    bar.set_label(f"share of {s['starts']} starts, {s['steps']} steps")
    return figure


def the_law(result: dict[str, Any]) -> Any:
    """Survival in the well at the published setting, and the rate of leaving over h M."""
    figure, (left, right) = new_figure(6.5, 3.1, columns=2)
    law, s, rates = result["law"], result["setting"], result["rates"]
    steps = np.asarray(law["steps"])
    left.step(np.concatenate([[0], steps]), 1 - np.arange(len(steps) + 1) / law["runs"],
              where="post", color=COLOURS["blue"], linewidth=2.6, label=f"{law['runs']} runs",
              rasterized=True)
    k = np.linspace(law["arrival"], law["longest"], 200)
    left.plot(k, law["share"] * np.exp(-(k - law["arrival"]) / law["theory_steps"]),
              color="black", linewidth=1.1, linestyle=(0, (5, 2.5)), label="limit of small h")
    left.plot(k, np.exp(-(k - law["arrival"]) / law["cauchy_steps"]), color=COLOURS["vermillion"],
              linewidth=1.1, linestyle=(0, (1, 1.5)), label="Cauchy law of the bowl")
    left.axvline(s["steps"], color=COLOURS["grey"], linewidth=0.8, ymax=0.7)
    label_line(left, s["steps"], 1.5e-3, f"{s['steps']} steps", rotation=90, ha="center",
               color="0.35")
    left.set(yscale="log", ylim=(5e-4, 1.3), xlim=(0, law["longest"]), xlabel="Euler step k",
             ylabel="share still in the well of 3", title=f"h = {s['h']:g}, M = {s['M']:g}")
    left.set_xticks(np.linspace(0, law["longest"], 5))
    left.legend(loc="upper right")
    x, kappa = result["theory"]["rate_curve"]
    right.plot(x, kappa, color="black", linewidth=1.2, linestyle=(0, (5, 2.5)),
               label="limit of small h")
    right.axvline(result["theory"]["wall"], color=COLOURS["grey"], linewidth=0.9)
    label_line(right, result["theory"]["wall"], 0.02, "no run leaves", rotation=90, ha="center",
               color="0.35")
    for i, (colour, marker) in enumerate(MARKS):
        values = np.array([hazard(cells[i]) for cells in rates["cells"]]).T
        interval(right, np.asarray(rates["hM"]) * (1.0, 1.06, 1.12)[i], *values, marker=marker,
                 color=COLOURS[colour], linestyle="none", markersize=4,
                 label=f"h = {rates['h'][i]:g}")
    right.set(xscale="log", ylim=(0, 0.125), xlabel="h M",
              ylabel="rate of leaving, per unit of time", title="once settled in the well")
    right.legend(loc="lower right")
    return figure


def over_starts(result: dict[str, Any]) -> Any:
    """Probability of leaving, and of ending near 0.41, over the start."""
    figure, axes = new_figure(6.5, 2.7)
    over, s = result["over"], result["setting"]
    for key, (colour, marker), text in (("left", MARKS[0], "left the well of 3"),
                                        ("near", MARKS[2], "ended near 0.41")):
        interval(axes, over["x0"], *np.array(over[key]).T, marker=marker, markersize=3.5,
                 color=COLOURS[colour], linestyle="none", label=text)
    axes.plot(over["x0"], over["limit"], color="black", linewidth=1.2, linestyle=(0, (5, 2.5)),
              label="left, limit of small h")
    axes.axvline(3.0, color=COLOURS["grey"], linewidth=0.9)
    label_line(axes, 3.05, 0.53, "poor minimum", ha="left", color="0.35")
    axes.set(xlabel="start x₀", ylabel=f"probability, {s['steps']} steps", ylim=(0.5, 1.0),
             xlim=(1.7, 8.1), title=f"h = {s['h']:g}, M = {s['M']:g}; "
                                    f"{over['starts']} starts in each bin of x₀")
    axes.legend(loc="upper right", ncols=3)
    return figure
