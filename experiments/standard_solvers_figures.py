"""The figures of standard-solvers: they take its result and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, label_line, new_figure

#: verdict: colour, marker, what it means
LOOKS = {
    "right": (COLOURS["green"], "o", "success, and right"),
    "rough": (COLOURS["blue"], "P", "success, and rough"),
    "wrong": (COLOURS["vermillion"], "X", "success, and wrong"),
    "gives up": (COLOURS["orange"], "s", "reports failure"),
    "no end": (COLOURS["grey"], "D", "no end within the budget"),
}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"1-solvers": solvers(result), "2-sliding": sliding(result)}


def solvers(result: dict[str, Any]) -> Any:
    """Evaluations and the error on the path of each solver on each flow."""
    from matplotlib.lines import Line2D

    rows = list(result["rows"].values())
    methods = list(dict.fromkeys(r["method"] for r in rows))
    figure, axes = new_figure(6.5, 4.5, rows=2, columns=len(result["problems"]), sharey=True)
    for column, (problem, about) in zip(axes.T, result["problems"].items(), strict=True):
        for axis, key in zip(column, ("n_rhs", "path_error"), strict=True):
            for r in rows:
                if r["problem"] == problem and np.isfinite(r[key]):
                    colour, marker, _ = LOOKS[r["verdict"]]
                    axis.plot(max(r[key], 1e-16), -methods.index(r["method"]), marker, zorder=4,
                              color=colour, markersize=5, clip_on=False)
            axis.grid(axis="y", color="0.9", linewidth=0.6)
            axis.tick_params(axis="y", length=0, labelsize=8)
            axis.tick_params(axis="x", labelsize=8)
            axis.axhline(-1.5, color="0.6", linewidth=0.7)
            axis.axhline(-6.5, color="0.8", linewidth=0.7)
            axis.set_xscale("log")
        column[0].set_title(f"{problem}\n({about['about']})", fontsize=8.5)
        column[0].set_xlim(30, 2 * result["budget"])
        column[0].set_xticks([1e2, 1e3, 1e4])
        column[0].set_xlabel("evaluations", fontsize=8.5)
        column[1].set_xlim(3e-17, 1e7)
        column[1].set_xticks([1e-16, 1e-8, 1])
        column[1].set_xlabel("path error", fontsize=8.5)
        for axis in column:
            axis.minorticks_off()
    for axis in axes[:, 0]:
        axis.set_yticks([-i for i in range(len(methods))], methods)
    used = [v for v in LOOKS if any(r["verdict"] == v for r in rows)]
    figure.legend([Line2D([], [], color=LOOKS[v][0], marker=LOOKS[v][1], linestyle="none")
                   for v in used], [LOOKS[v][2] for v in used], loc="outside lower center",
                  ncols=3, fontsize=8.5)
    return figure


def sliding(result: dict[str, Any]) -> Any:
    """A standard solver beside ours on the line that it should slide on; its cost."""
    figure, (left, right) = new_figure(6.5, 2.8, columns=2, width_ratios=[3, 2])
    looks = ((COLOURS["orange"], "^", (0, (4, 2))), (COLOURS["blue"], "o", "-"))
    for (tolerance, path), (colour, marker, dash) in zip(result["paths"].items(), looks,
                                                         strict=True):
        left.plot(path["t"], path["slope"], marker=marker, markersize=2.5, linewidth=0.8,
                  color=colour, linestyle=dash, label=f"scipy RK45, tolerance {tolerance}")
    mine = result["ours"]
    left.plot(mine["t"], mine["slope"], color="black", linewidth=1.6, label="flowopt DOP853")
    left.set(xlim=(0.49, 0.75), ylim=(-0.05, 0.1), xlabel="time t",
             ylabel=r"$\partial L/\partial x_2$ along the path")
    left.legend(loc="upper right", fontsize=8)
    looks = {"RK45": (COLOURS["blue"], "o"), "DOP853": (COLOURS["vermillion"], "s")}
    for solver, (colour, marker) in looks.items():
        done = [c for c in result["costs"].values()
                if c["solver"] == solver and c["status"] == "finished"]
        t, n = np.array([(c["tolerance"], c["n_rhs"]) for c in done]).reshape(-1, 2).T
        right.loglog(t, n, marker, color=colour, linestyle="-", linewidth=0.8)
        if len(t):
            label_line(right, t[-1], n[-1], f"scipy {solver}", fontsize=8, ha="right", va="bottom",
                       xytext=(-5, 3), color=colour)
        if len(t) and solver == "RK45":
            right.loglog(t, n[-1] * t[-1] / t, color="0.4", linewidth=0.9, zorder=1,
                         linestyle=(0, (4, 3)))
            middle = len(t) // 2
            label_line(right, t[middle], n[-1] * t[-1] / t[middle], "1/tolerance", fontsize=8,
                       va="top", xytext=(4, -4), color="0.4")
    calls = result["rows"]["sign flow: flowopt DOP853"]["n_rhs"]
    right.axhline(calls, color="black", linewidth=1.6)
    right.annotate(f"flowopt DOP853: {calls}", (0.98, calls), xytext=(0, -10), ha="right",
                   xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=8)
    right.set_ylim(40, 2e5)
    right.invert_xaxis()
    right.set(xlabel="tolerance (relative = absolute)", ylabel="evaluations to t = 3")
    right.minorticks_off()
    return figure
