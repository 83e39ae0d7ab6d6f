"""The figures of the two-minima experiment: they take its result and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, interval, label_line, new_figure

BLUE, RED, GREEN = COLOURS["blue"], COLOURS["vermillion"], COLOURS["green"]
GREY, ORANGE, PURPLE = COLOURS["grey"], COLOURS["orange"], COLOURS["purple"]
#: verdict of the comparison: colour, marker, what it means
VERDICTS = {
    "right": (GREEN, "o", "right"),
    "gives up": (ORANGE, "s", "gives up, reports failure"),
    "no end": (PURPLE, "D", "no end within the budget"),
    "wrong": (RED, "X", "not a solution, reports success"),
    "map": (BLUE, "P", "fixed step: a map, not the flow"),
}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    made = {"1-function": function(result), "2-path": path(result),
            "3-comparison": comparison(result), "4-escape": escape(result),
            "5-noise": noise(result)}
    return {**made, "6-lyapunov": lyapunov(result)} if result["lyapunov"]["rows"] else made


def function(result: dict[str, Any]) -> Any:
    """The loss with its critical points and the start."""
    land, x0 = result["landscape"], result["setting"]["x0"]
    figure, axes = new_figure(6.5, 3.8)
    shown = -1.0 <= x0 <= 5.0
    x = np.linspace(min(-0.3, x0 - 0.2) if shown else -0.3, max(4.1, x0 + 0.1) if shown else 4.1,
                    801)
    L = x * (x - 1) * (x - 3) ** 2 + 1.62276
    axes.plot(x, L, color="black")
    looks = (("good minimum", "o", GREEN, (0, -11), "top"),
             ("barrier", "^", GREY, (0, 10), "bottom"),
             ("poor minimum", "s", ORANGE, (0, -11), "top"))
    for (name, marker, colour, shift, side), p, level in zip(looks, land["points"],
                                                             land["losses"], strict=True):
        axes.plot(p, level, marker, color=colour, markersize=8, zorder=4)
        value = f"{level:.1e}" if level < 1e-3 else f"{level:.4f}"
        label_line(axes, p, level, f"{name}\nx = {p:.4f}, L = {value}", xytext=shift, va=side,
                   ha="center")
    if shown:
        level = x0 * (x0 - 1) * (x0 - 3) ** 2 + 1.62276
        axes.plot(x0, level, "D", color=RED, markersize=8, zorder=4)
        side = -1 if x0 > land["points"][0] else 1  # the label goes to the inside of the curve
        label_line(axes, x0, level, f"start\nx = {x0:g}, L = {level:.4f}", xytext=(10 * side, 0),
                   ha="right" if side < 0 else "left", va="center")
    top = float(L.max())
    axes.set(xlabel="x", ylabel="loss L(x)", ylim=(-0.2 * top, 1.05 * top))
    axes.set_yticks([v for v in axes.get_yticks() if 0 <= v <= 1.05 * top])
    return figure


def path(result: dict[str, Any]) -> Any:
    """x and L against time: as published, and the exact flow."""
    made, flow, setting = result["published"], result["flow"], result["setting"]
    land = result["landscape"]
    figure, (top, bottom) = new_figure(6.5, 4.0, rows=2, sharex=True, height_ratios=[3, 2])
    x = made["path"]
    t = setting["h"] * np.arange(len(x))
    dots = {"linestyle": "none", "marker": ".", "markersize": 4.0, "rasterized": True}
    loss = x * (x - 1) * (x - 3) ** 2 + 1.62276
    flow_loss = flow["path_x"] * (flow["path_x"] - 1) * (flow["path_x"] - 3) ** 2 + 1.62276
    for axis, of_flow, of_run in ((top, flow["path_x"], x), (bottom, flow_loss, loss)):
        axis.plot(t, of_run, color=BLUE, label="as published: Euler steps", **dots)
        axis.plot(flow["path_t"], of_flow, color=RED, linewidth=1.1, label="the flow itself")
    names = ("good minimum", "barrier", "poor minimum")
    for name, p in zip(names, land["points"], strict=True):
        top.axhline(p, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        top.annotate(f"{name}, x = {p:.2f}", (0.995, p), xycoords=("axes fraction", "data"),
                     xytext=(0, 4), textcoords="offset points", ha="right", color="0.3",
                     fontsize=9)
    finite = np.concatenate([x[np.isfinite(x)], flow["path_x"], land["points"]])
    low, high = max(finite.min(), -4.0), min(finite.max(), 7.0)
    top.set(ylabel="x", ylim=(low - 0.25, high + 0.25))
    if made["left_at_step"]:
        k = made["left_at_step"]
        place = (t[k], min(max(x[k], low), high))
        top.annotate(f"leaves the well\nat step {k}", place, xytext=(-14, -3),
                     textcoords="offset points", ha="right", va="bottom", fontsize=9,
                     arrowprops={"arrowstyle": "-", "color": "0.3", "linewidth": 0.8})
    bottom.set(ylabel="loss L", xlabel="time t (steps × h)", yscale="log",
               xlim=(-0.01 * setting["end"], 1.01 * setting["end"]))
    top.legend(loc="upper right", markerscale=4)
    return figure


def comparison(result: dict[str, Any]) -> Any:
    """How far each solver came, how wrong it was, what its path dissipated, and its cost."""
    from matplotlib.lines import Line2D

    rows, setting = result["comparison"]["rows"], result["setting"]
    figure, axes = new_figure(9.6, 5.0, columns=4, sharey=True)
    where = np.arange(len(rows))[::-1]
    titles = {"t": "time reached", "error": "error of x there",
              "dissipation": "dissipation defect", "n_rhs": "evaluations of the field"}
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        for y, row in zip(where, rows, strict=True):
            colour, marker, _ = VERDICTS[row["verdict"]]
            value = max(row[key], {"t": 0.0, "n_rhs": 1.0}.get(key, 1e-16))
            if np.isfinite(value):
                axis.plot(value, y, marker, color=colour, markersize=7, clip_on=False, zorder=4)
        axis.grid(axis="y", color="0.9", linewidth=0.7)
        axis.set_xlabel(title)
        axis.tick_params(axis="y", length=0)
        if key != "t":
            axis.set_xscale("log")
    axes[0].set_yticks(where, [row["label"] for row in rows])
    axes[0].set(xlim=(0, 1.02 * setting["end"]), ylim=(-0.7, len(rows) - 0.3))
    _mark(axes[0], result["flow"]["arrival_exact"], "the flow comes to rest")
    for axis in axes[1:3]:
        axis.set_xlim(3e-17, max(50.0, 2 * axis.get_xlim()[1]))
        axis.set_xticks([1e-16, 1e-10, 1e-5, 1], ["≤ 1e-16", "1e-10", "1e-5", "1"])
    _mark(axes[1], 1e-3, "tolerated")
    _mark(axes[2], 1e-3, "tolerated")
    used = [name for name in VERDICTS if any(row["verdict"] == name for row in rows)]
    figure.legend([Line2D([], [], color=VERDICTS[n][0], marker=VERDICTS[n][1], linestyle="none",
                          markersize=7) for n in used], [VERDICTS[n][2] for n in used],
                  loc="outside lower center", ncols=3)
    return figure


def _mark(axis: Any, x: float, text: str) -> None:
    """A dashed line at x with its name above the axes."""
    low, high = axis.get_xlim()
    if low <= x <= high:
        axis.axvline(x, color="black", linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axis.annotate(text, (x, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
                      textcoords="offset points", ha="center" if text == "tolerated" else "left",
                      fontsize=9)


def escape(result: dict[str, Any]) -> Any:
    """When runs leave the well, and how probable that is for other steps and clips."""
    made, well, setting = result["escape"], result["well"], result["setting"]
    figure, (left, right) = new_figure(9.0, 4.2, columns=2)
    steps = made["steps"]
    if len(steps):
        edges = np.linspace(0, setting["steps"], 51)
        left.hist(steps, bins=edges, color=COLOURS["sky"], edgecolor="white", linewidth=0.4)
        arrival = result["flow"]["arrival_unclipped"] / setting["h"]
        k = np.linspace(arrival, setting["steps"], 200)
        rate = well["rate"] * setting["h"]
        curve = setting["runs"] * rate * (edges[1] - edges[0]) * np.exp(-rate * (k - arrival))
        left.plot(k, curve, color="black", linewidth=1.2, label="estimate: quadratic well")
        left.axvline(made["median"][0], ymax=0.62, color=RED, linewidth=1.4, linestyle=(0, (4, 2)),
                     label=f"median {made['median'][0]:.0f}")
        left.axvline(made["mean"][0], ymax=0.62, color=RED, linewidth=1.4, linestyle=(0, (1, 1)),
                     label=f"mean {made['mean'][0]:.0f}")
        left.legend(loc="upper right")
    p = made["probability"]
    left.set(xlabel="step at which the well is left", ylabel="runs", xlim=(0, setting["steps"]))
    left.set_title(f"h = {setting['h']:g}, M = {setting['M']:g}: {100 * p[0]:.1f} % of "
                   f"{setting['runs']} runs leave")
    colours = dict(zip(made["M"], [GREY, ORANGE, BLUE, PURPLE, GREEN], strict=False))
    for j, M in enumerate(made["M"]):
        shift = 1.06 ** (j - (len(made["M"]) - 1) / 2)
        interval(right, made["h"] * shift, *made["grid"][:, :, j], color=colours[M],
                 linewidth=0.8, marker="osD^v"[j % 5], label=f"M = {M:g}")
    interval(right, made["h"], *made["apart"], color="black", linestyle="none",
             markerfacecolor="none", markersize=8,
             label=f"M = {setting['M']:g}, starts x0 ± {made['far']:g}")
    span = setting["end"] - result["flow"]["arrival_unclipped"]
    if span > 0:
        right.axhline(1 - np.exp(-well["rate"] * span), color="black", linewidth=0.9,
                      linestyle=(0, (4, 3)), label="estimate: quadratic well")
    right.set(xscale="log", xlabel="Euler step h", ylim=(-0.04, 1.04),
              ylabel=f"probability of leaving by t = {setting['end']:g}")
    right.set_xticks(made["h"], [f"{h:g}" for h in made["h"]])
    right.minorticks_off()
    right.set_title("the same time with other steps and clips")
    if (made["grid"][0] == 0).any():
        right.annotate(f"0 while h M < {well['least_hM']:.3f}", (0.33, 0.075),
                       xycoords="axes fraction", fontsize=9, color="0.3")
    handles, labels = right.get_legend_handles_labels()
    figure.legend([*handles[1:], handles[0]], [*labels[1:], labels[0]],
                  loc="outside lower center", ncols=(len(handles) + 1) // 2)
    return figure


def noise(result: dict[str, Any]) -> Any:
    """Noise instead of clipping: where runs end, against the temperature."""
    rows, clipped = result["noise"]["rows"], result["escape"]["end"]
    hs = sorted({row["h"] for row in rows})
    figure, axes = new_figure(8.6, 3.9, columns=2, sharey=True)
    for axis, h in zip(axes, hs, strict=True):
        mine = [row for row in rows if row["h"] == h]
        T = [row["T"] for row in mine]
        warm = [row for row in mine if row["T"] > 0]
        for kind, dash, text in (("well", (0, (5, 2)), "clipped flow: in the good well"),
                                 ("near", "solid", "clipped flow: within 0.1 of 0.41")):
            axis.axhspan(*clipped[kind][1:], color=BLUE, alpha=0.2, linewidth=0)
            axis.axhline(clipped[kind][0], color=BLUE, linestyle=dash, linewidth=1.2, label=text)
        axis.plot([r["T"] for r in warm], [r["gibbs_well"] for r in warm], color=GREY,
                  linewidth=1.0, linestyle=(0, (1, 1.5)), label="noise for ever: in the good well")
        for kind, where, colour, marker, text in (
                ("hot", "well", ORANGE, "^", "noise to the end: in the good well"),
                ("hot", "near", RED, "s", "noise to the end: within 0.1 of 0.41"),
                ("cooled", "near", GREEN, "o", "noise off for the last tenth: within 0.1 of 0.41")):
            values = np.array([row[kind][where] for row in mine]).T
            interval(axis, T, *values, color=colour, marker=marker, label=text, linewidth=1.0)
        axis.set(xlabel="temperature T of the noise (units of the loss)", ylim=(-0.03, 1.03))
        axis.set_title(f"gradient descent with step {h:g}")
    axes[0].set_ylabel(f"probability after {result['noise']['gradients']} gradients")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def lyapunov(result: dict[str, Any]) -> Any:
    """The Lyapunov exponent of the Euler run while in the well, and on the quadratic."""
    made = result["lyapunov"]
    figure, axes = new_figure(6.0, 4.0)
    rows = made["rows"]
    h = np.array([row["h"] for row in rows])
    axes.plot(*made["curve"], color="black", linewidth=1.0,
              label="Λ(h) = 2 ln(√(1−h/2) + √(h/2))")
    interval(axes, h / 1.04, *np.array([row["quadratic"] for row in rows]).T, color=GREEN,
             linestyle="none", label="Euler on the offset quadratic, no clip")
    interval(axes, h * 1.04, *np.array([row["run"] for row in rows]).T, color=BLUE, marker="s",
             linestyle="none",
             label=f"two minima, M = {result['setting']['M']:g}, while in the well")
    axes.set(xscale="log", xlabel="Euler step h", ylabel="Lyapunov exponent per step")
    axes.set_xticks(h, [f"{v:g}" for v in h])
    if all(row["run"][1] > 0 for row in rows):
        axes.set_yscale("log")
        axes.set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
    axes.minorticks_off()
    axes.legend(loc="upper left")
    return figure
