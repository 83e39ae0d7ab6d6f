"""The figures of phase-portraits: one landscape under six flows, as small multiples."""

from __future__ import annotations

from typing import Any

import numpy as np
from phase_portraits_flows import ALONG, FLOWS, LANDSCAPES, SIDE, expressions, newton

from flowopt.plotting import COLOURS, new_figure

SHOWN = ("gradient", "normalised", "loss-normalised", "fixed-time", "sign", "Newton")
TITLES = {"gradient": "gradient flow", "normalised": "normalised flow", "sign": "sign flow",
          "loss-normalised": "loss-normalised flow", "fixed-time": "fixed-time flow",
          "Newton": "Newton's flow"}
#: pale grounds of the basins of minima, of the other critical points, and of starts without end
GROUNDS = ("#cfe3f1", "#fbe0c0", "#cdebdf", "#f3d9e6")
OTHERS = "#dedede"
MARKS = {"minimum": {"marker": "o", "color": COLOURS["blue"], "s": 24},
         "saddle": {"marker": "X", "color": COLOURS["vermillion"], "s": 30},
         "maximum": {"marker": "^", "facecolors": "white", "edgecolors": COLOURS["black"],
                     "s": 26, "linewidths": 1.1}}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {place: multiples(result, place) for place in result["rests"]}


def multiples(result: dict[str, Any], place: str) -> Any:
    """A landscape under six flows."""
    figure, axes = new_figure(6.5, 4.6, rows=2, columns=3, sharex=True, sharey=True)
    for panel, flow in zip(axes.ravel(), SHOWN, strict=True):
        if place in result["basins"]:
            grounds(panel, result, place, flow)
        streams(panel, place, flow)
        marked(panel, result["rests"][place][flow])
        side = SIDE[place]
        panel.set(xlim=(-side, side), ylim=(-side, side), aspect="equal")
        panel.set_title(TITLES[flow], fontsize=9.5, pad=3)
        ticks = [-4, 0, 4] if place == "himmelblau" else [-2, 0, 2]
        panel.set_xticks(ticks)
        panel.set_yticks(ticks)
        panel.tick_params(length=2.5)
        for spine in panel.spines.values():
            spine.set(visible=True, linewidth=0.6, color="0.5")
    for panel in axes[1]:
        panel.set_xlabel("x", labelpad=1)
    for panel in axes[:, 0]:
        panel.set_ylabel("y", labelpad=0)
    legend(figure, result, place)
    return figure


def legend(figure: Any, result: dict[str, Any], place: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    present = set(result["rests"][place]["gradient"]["kinds"])
    handles: list[Any] = []
    for kind, look in MARKS.items():
        if kind in present:
            handles.append(Line2D([], [], linestyle="", marker=look["marker"], markersize=6,
                                  markerfacecolor=look.get("facecolors", look.get("color")),
                                  markeredgecolor=look.get("edgecolors", look.get("color")),
                                  label=kind))
    handles.append(Line2D([], [], linestyle="", marker="o", markersize=9, markerfacecolor="none",
                          markeredgecolor=COLOURS["black"], markeredgewidth=0.9,
                          label="attracting (proved)"))
    if place in result["basins"]:
        handles.append(Line2D([], [], color="white", linewidth=2.0, label="equal time",
                              path_effects=outline()))
    if place == "saddle":
        handles.append(Line2D([], [], color=COLOURS["blue"], linewidth=1.6, label="rests, L = 0"))
    else:
        handles.append(Line2D([], [], color=COLOURS["black"], linewidth=1.0, linestyle="--",
                              label="det H = 0"))
    if place in result["basins"]:
        handles.append(Patch(facecolor=OTHERS, label="to no minimum"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)),
                  columnspacing=1.6, handletextpad=0.5, handlelength=1.6)


def outline() -> Any:
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=3.0, foreground="0.6"), Normal()]


def grounds(axes: Any, result: dict[str, Any], place: str, flow: str) -> None:
    """Tint each start by the minimum that it comes to, with lines of equal time.

    They are equally spaced, up to the time that nine of ten starts take.
    """
    of, side, count = result["basins"][place][flow], SIDE[place], result["points"]
    labels = np.asarray(of["labels"]).reshape(count, count)
    if flow in ALONG:
        labels = np.asarray(result["fine"][place])
    kinds = result["rests"][place]["gradient"]["kinds"]
    minima = [k for k, kind in enumerate(kinds) if kind == "minimum"]
    line = np.linspace(-side, side, len(labels))
    axes.set_facecolor(OTHERS)
    for colour, k in zip(GROUNDS, minima, strict=False):
        axes.contourf(line, line, (labels == k).astype(float), levels=[0.5, 1.5], colors=[colour],
                      zorder=0.5)
    line = np.linspace(-side, side, count)
    time = np.asarray(of["time"]).reshape(count, count)
    axes.contour(line, line, np.ma.masked_invalid(time), colors="white", linewidths=1.1,
                 levels=np.nanpercentile(time, 90) * np.arange(1, 7) / 6, zorder=1.0)


def streams(axes: Any, place: str, flow: str) -> None:
    """Streamlines of unit speed, and where Newton's flow is infinite."""
    loss, side = LANDSCAPES[place](), SIDE[place]
    line = np.linspace(-side, side, 121)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    field = newton(loss) if flow == "Newton" else FLOWS[flow]().on(loss)
    F = field(0.0, points)
    F = F / np.maximum(np.linalg.norm(F, axis=1, keepdims=True), 1e-300)
    if flow == "loss-normalised" and place == "saddle":  # at rest where L = L* = 0
        L = loss.value(points)
        F[np.abs(L) < 0.06] = np.nan
        axes.contour(line, line, L.reshape(121, 121), levels=[0.0], colors=[COLOURS["blue"]],
                     linewidths=1.6, zorder=2)
    u, v = F.reshape(121, 121, 2).transpose(2, 0, 1)
    axes.streamplot(line, line, np.ma.masked_invalid(u), np.ma.masked_invalid(v), density=0.75,
                    color="0.45", linewidth=0.5, arrowsize=0.55, zorder=1.5)
    det = expressions(loss)[3]
    if flow == "Newton" and det.free_symbols:
        H = np.array([np.linalg.det(loss.hess(x)) for x in points]).reshape(121, 121)
        axes.contour(line, line, H, levels=[0.0], colors=[COLOURS["black"]], linewidths=1.0,
                     linestyles="--", zorder=2)


def marked(axes: Any, of: dict[str, Any]) -> None:
    """The equilibria by their kind on the loss, and a ring about those that attract."""
    points, kinds = np.asarray(of["x"]), of["kinds"]
    for kind, look in MARKS.items():
        chosen = [k for k, v in enumerate(kinds) if v == kind]
        if chosen:
            axes.scatter(*points[chosen].T, zorder=4, **look)
    rings = [k for k in range(len(kinds)) if of["checked"][k]
             and of["claims"][k] in ("asymptotically_stable", "finite_time_stable")]
    if rings:
        axes.scatter(*points[rings].T, s=78, facecolors="none", edgecolors=COLOURS["black"],
                     linewidths=0.9, zorder=4)
