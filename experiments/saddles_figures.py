"""The figures of saddles: the stay along the flows, times against the distance, and noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, new_figure

#: colour, dash and marker of each flow, and of the maps that belong to it
LOOKS = {"gradient": ("blue", "-", "o"), "heavy ball": ("vermillion", "--", "s"),
         "RMSProp": ("green", "-.", "^"), "sign": ("purple", ":", "v"),
         "normalised": ("orange", (0, (5, 1, 1, 1, 1, 1)), "D"),
         "loss-normalised": ("black", (0, (7, 2)), "P"), "Newton": ("grey", (0, (1, 1)), "x")}
BELONGS = {"gradient descent": "gradient", "heavy ball": "heavy ball", "RMSprop": "RMSProp",
           "signSGD": "sign"}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"stay": stay(result), "times": times(result), "maps": maps(result),
            "noise": noise(result)}


def look(name: str) -> dict[str, Any]:
    colour, dash, _ = LOOKS[name]
    return {"color": COLOURS[colour], "linestyle": dash}


def power(value: float) -> str:
    return f"$10^{{{round(math.log10(value))}}}$"


def stay(result: dict[str, Any]) -> Any:
    """The distance from the saddle along each flow: the quick ones, and the slow ones."""
    figure, both = new_figure(6.5, 2.9, columns=2, sharey=True, width_ratios=[1, 1.5])
    paths, shown = result["plateau"]["paths"], ([], [])
    for name, path in paths.items():
        slow = int(not path["left"] or path["t"][-1] > 2)
        axes, colour = both[slow], COLOURS[LOOKS[name][0]]
        line = axes.plot(path["t"], path["distance"], **look(name), label=name)
        if path["left"]:
            axes.plot(path["t"][-1], path["distance"][-1], LOOKS[name][2], color=colour)
        shown[slow].append(line[0])
    both[0].set(xlim=(0, 2), ylabel="distance from the saddle, |θ|", xlabel="time of the flow, t")
    both[1].set(yscale="log", ylim=(1e-5, 3), xlim=(0, 24), xlabel="time of the flow, t",
                title=f"from (1, {power(result['plateau']['delta'])})")
    for axes, lines in zip(both, shown, strict=True):
        axes.minorticks_off()
        axes.legend(handles=lines, loc="lower right", fontsize=8)
    return figure


def times(result: dict[str, Any]) -> Any:
    """Times to leave against the distance of the start: slow and quick, flows and their maps."""
    figure, both = new_figure(6.5, 3.0, columns=2, sharex=True)
    delta = np.asarray(result["delta"])
    fine = np.logspace(-0.7, math.log10(delta[-1]) - 0.2, 60)

    def draw(axes: Any, name: str, at: Any, time: Any, slope: float, law: Any, label: str,
             filled: bool) -> None:
        """Points, and the law: a formula, or the exact slope through the last point."""
        colour, dash, marker = LOOKS[name]
        line = time[-1] + slope * np.log(at[-1] / fine)
        width, dash = (1.3, dash) if filled else (0.8, "-")
        x, y = (fine, line) if law is None else (at, law)
        axes.plot(x[y > 0], y[y > 0], linewidth=width, linestyle=dash, color=COLOURS[colour])
        axes.plot(at, time, marker, color=COLOURS[colour], markersize=4.5, label=label,
                  fillstyle="full" if filled else "none", markeredgewidth=0.9)

    slow = ("gradient", "heavy ball")
    for name, of in result["flows"].items():
        draw(both[int(name not in slow)], name, delta, of["time"], of["slope_law"], of["law"],
             f"{name} flow", True)
    for name, of in result["maps"].items():
        flow = BELONGS[name]
        draw(both[int(flow not in slow)], flow, delta, of["time"], of["slope_law"], None, name,
             False)
    for name, of in result["mixed"].items():
        draw(both[1], name, np.asarray(of["delta"]), of["mean"], of["law"], None,
             f"{name} map", False)
    both[0].set(xscale="log", xlabel="start at distance δ", ylabel="time to leave",
                xlim=(0.3, delta[-1] / 3), ylim=(0, 56), title="slow")
    both[1].set(xlabel="start at distance δ", ylim=(0, 9), title="quick")
    for axes in both:
        axes.set_xticks([1e-2, 1e-4, 1e-6, 1e-8, 1e-10])
        axes.minorticks_off()
        axes.legend(loc="upper left", fontsize=8, handletextpad=0.2, borderaxespad=0.1,
                    ncols=2 if axes is both[1] else 1, columnspacing=0.8)
    return figure


def maps(result: dict[str, Any]) -> Any:
    """Why two maps stay: they do not rest on the stable manifold; and for how long, by the step."""
    figure, (left, right) = new_figure(6.5, 2.7, columns=2, width_ratios=[1.4, 1])
    h = result["step"]
    for name, of in result["mixed"].items():
        colour, dash, marker = LOOKS[name]
        path = np.asarray(of["path"])
        inside = np.flatnonzero(np.abs(path[:, 1]) > result["exit"])
        end = int(inside[0]) + 1 if len(inside) else len(path)
        left.plot(h * np.arange(end), path[:end, 0], marker=marker, markersize=3, linewidth=0.6,
                  color=COLOURS[colour], fillstyle="none", label=f"{name} map")
        fine = np.asarray(result["steps"])
        sweep = result["sweep"][name]
        right.plot(fine, [s["law"] for s in sweep], linewidth=1.2, **look(name))
        right.plot(fine, [s["slope"][0] for s in sweep], marker, color=COLOURS[colour],
                   fillstyle="none", linestyle="none", label=name)
    left.set(xlabel=f"time, steps × {h:g}", ylabel="x", ylim=(-0.7, 1.9))
    left.legend(loc="upper right", fontsize=8)
    right.set(xscale="log", yscale="log", xlabel="step h", ylabel="slope in ln(1/δ)",
              ylim=(0.004, 1))
    right.set_xticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
    right.minorticks_off()
    right.legend(loc="lower right", fontsize=8)
    return figure


def noise(result: dict[str, Any]) -> Any:
    """Mean times against the temperature, and the law of the times."""
    from scipy.special import erf

    figure, (left, right) = new_figure(6.5, 2.9, columns=2, width_ratios=[1.15, 1])
    levels = np.asarray(result["levels"])
    heat, kicks = result["langevin"], result["kicks"]
    left.plot(result["curve"]["T"], result["curve"]["mean"], color=COLOURS["blue"], linewidth=1.2,
              label="exact, Langevin")
    left.plot(levels, 0.5 * np.log(1 / levels) + result["limit"], color=COLOURS["grey"],
              linewidth=1.0, linestyle=":", label="½ ln(1/T) + const")
    left.errorbar(levels, [m["mean"] for m in heat], yerr=[1.96 * m["error"] for m in heat],
                  linestyle="none", marker="o", color=COLOURS["blue"], fillstyle="none",
                  label="Langevin at T")
    left.errorbar(levels, [k["mean"] for k in kicks], yerr=[1.96 * k["error"] for k in kicks],
                  linestyle="none", marker="x", color=COLOURS["vermillion"],
                  label="one kick of size √T")
    left.set(xscale="log", xlabel="temperature T", ylabel="mean time to leave",
             xlim=(levels[0] * 2, levels[-1] / 2), ylim=(0, None))
    left.legend(loc="upper left", fontsize=8)
    for k, colour, dash, width in ((0, "orange", ":", 1.6), (1, "green", "-.", 1.6),
                                   (len(levels) - 1, "sky", "-", 3.0)):
        t = np.sort(heat[k]["times"]) - 0.5 * math.log(1 / levels[k])
        share = 1 - np.arange(1, len(t) + 1) / len(t)
        keep = np.unique(np.linspace(0, len(t) - 1, 500).astype(int))
        right.plot(t[keep], share[keep], color=COLOURS[colour], linestyle=dash, linewidth=width,
                   label=f"T = {power(levels[k])}")
    t = np.linspace(-3, 6, 200)
    right.plot(t, erf(result["scale"] * np.exp(-t) / math.sqrt(2)), color="black", linewidth=1.0,
               linestyle="--", label="limit, T → 0")
    right.set(xlabel="time to leave less ½ ln(1/T)", ylabel="share still there", ylim=(0, 1.02),
              xlim=(-3, 5))
    right.legend(loc="upper right", fontsize=8)
    return figure
