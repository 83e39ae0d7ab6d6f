"""The figures of langevin-versus-clip: they take its result and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.estimates import wilson
from flowopt.plotting import COLOURS, interval, new_figure

LINES = (("sky", "^", "-"), ("blue", "s", "-"), ("black", "o", "-"), ("vermillion", "D", "-"))
LOOKS = {"clip": ("vermillion", "o", "-", "clip"),
         "clip, then descent": ("orange", "s", "--", "clip, then descent"),
         "noise": ("blue", "^", "-", "noise"),
         "noise, then descent": ("sky", "D", "--", "noise, then descent"),
         "annealed, then descent": ("green", "v", ":", "annealed noise, then descent")}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"1-success": success(result), "2-cost": costs(result), "3-passage": passages(result)}


def success(result: dict[str, Any]) -> Any:
    """Success over the temperature and over the clip, for several steps, with one y axis."""
    figure, axes = new_figure(6.5, 2.9, columns=3, sharey=True)
    top = str(max(result["budgets"]))
    panels = (("noise", (0, 2, 4), "noise to the end", "temperature T"),
              ("noise, then descent", (0, 2, 4), "noise, then descent", "temperature T"),
              ("clip", (1, 2, 3, 5), "clipped flow", "clip M"))
    for axis, (way, steps, title, label) in zip(axes, panels, strict=True):
        made = result["ways"][way][top]
        x = np.asarray(result["values"][way])
        for k, (i, (colour, marker, dash)) in enumerate(zip(steps, LINES, strict=False)):
            p = np.array([wilson(int(v), made["runs"]) for v in made["count"][i]]).T
            interval(axis, x * 1.03**k, *p, marker=marker, color=COLOURS[colour], markersize=3.2,
                     linestyle=dash if way != "noise" else "none", linewidth=0.9, elinewidth=0.8,
                     capsize=1.2, label=f"h = {result['h'][way][i]:g}")
            if way == "noise":
                axis.plot(result["theory"]["T"], result["theory"]["near"][i], linewidth=1.1,
                          color=COLOURS[colour], linestyle=(0, (4, 2)))
        if way == "noise":
            axis.plot(result["theory"]["T"], result["theory"]["gibbs_near"], color=COLOURS["grey"],
                      linewidth=1.1, linestyle=(0, (1, 1.5)), label="stationary")
            axis.plot([], [], color="black", linewidth=1.1, linestyle=(0, (4, 2)),
                      label="diffusion")
        if way == "noise, then descent":
            axis.plot(result["theory"]["T"], result["theory"]["gibbs_well"],
                      color=COLOURS["grey"], linewidth=1.1, linestyle=(0, (1, 1.5)))
        axis.set(xscale="log", xlabel=label, ylim=(-0.03, 1.04))
        axis.set_title(title)
        if way != "noise, then descent":  # it has the steps and the lines of the first
            axis.legend(loc="lower right" if way == "clip" else "upper left", handlelength=1.6,
                        fontsize=8.5, labelspacing=0.3, borderpad=0.1)
    axes[0].set_ylabel(f"ended near 0.41, {top} gradients")
    return figure


def costs(result: dict[str, Any]) -> Any:
    """Gradients per success over the budget of a run, and success with L + c over h M."""
    figure, (left, right) = new_figure(6.5, 3.0, columns=2)
    budgets = np.array(result["budgets"])
    for k, (way, (colour, marker, dash, text)) in enumerate(LOOKS.items()):
        of = np.array([result["ways"][way][str(b)]["best"]["cost"] for b in budgets]).T
        of = np.where(np.isfinite(of), of, np.nan)
        interval(left, budgets * 1.03**k, *of, marker=marker, color=COLOURS[colour],
                 linestyle=dash, markersize=4, linewidth=1.1, label=text)
    left.set(xscale="log", yscale="log", xlabel="gradients of a run",
             ylabel="gradients per success")
    left.set_ylim(100, 1.5e5)
    left.set_xticks(budgets, [str(b) for b in budgets])
    left.minorticks_off()
    left.legend(loc="upper left", fontsize=8.5, labelspacing=0.25)
    for (colour, marker, dash), of in zip(LINES, result["valve"]["cells"], strict=True):
        right.plot(of["hM"], np.asarray(of["near"]) / of["runs"], marker=marker, markersize=2.5,
                   linewidth=0.9, linestyle=dash, color=COLOURS[colour], label=f"c = {of['c']:g}")
        for wall, style in zip(of["walls"], ((0, (1, 1.2)), (0, (5, 2))), strict=True):
            if wall < of["hM"][-1]:
                right.axvline(wall, color=COLOURS[colour], linewidth=1.0, linestyle=style)
    right.set(xscale="log", xlabel="h M", ylim=(-0.03, 1.04), title="clip, then descent, on L + c",
              ylabel="ended near 0.41")
    right.legend(loc="lower right", labelspacing=0.3)
    return figure


def passages(result: dict[str, Any]) -> Any:
    """Mean time over the barrier against 1/T, and the law of the time."""
    figure, (left, right) = new_figure(6.5, 2.9, columns=2)
    of = result["passages"]
    heats, exact, kramers = (np.asarray(v) for v in of["curve"])
    left.plot(1 / heats, exact, color="black", linewidth=1.2, label="exact")
    left.plot(1 / heats, kramers, color=COLOURS["grey"], linewidth=1.2, linestyle=(0, (4, 2)),
              label="Kramers")
    for i, (colour, marker, _) in enumerate(LINES[:3]):
        values = np.array([(r[i]["mean"], r[i]["mean"] - 1.96 * r[i]["error"],
                            r[i]["mean"] + 1.96 * r[i]["error"]) for r in of["cells"]]).T
        interval(left, 1 / np.asarray(of["T"]), *values, marker=marker, color=COLOURS[colour],
                 linestyle="none", markersize=4, fillstyle="none", label=f"h = {of['h'][i]:g}")
    left.set(yscale="log", xlabel="1/T", ylabel="mean time from 3 over the barrier")
    left.legend(loc="upper left", labelspacing=0.3)
    for (colour, _, _), dash, law in zip((LINES[1], LINES[3]), ("-", (0, (3, 1))),
                                         (of["law"][0], of["law"][-1]), strict=True):
        t = np.asarray(law["times"]) / law["mean"]
        right.step(np.concatenate([[0.0], t]), 1 - np.arange(len(t) + 1) / law["runs"],
                   where="post", color=COLOURS[colour], linestyle=dash, linewidth=1.6,
                   label=f"T = {law['T']:g}", rasterized=True)
    x = np.linspace(0, 4, 50)
    right.plot(x, np.exp(-x), color="black", linewidth=1.0, linestyle=(0, (1, 1.5)),
               label="exp(−t/mean)")
    right.set(yscale="log", ylim=(1e-2, 1.1), xlim=(0, 4), xlabel="time / mean time",
              ylabel="share not yet over the barrier")
    right.legend(loc="upper right")
    return figure
