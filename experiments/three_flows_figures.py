"""The figures of three-flows: losses against time, paths, and the sign map."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.plotting import COLOURS, label_line, new_figure

LOOKS = {"gradient": (COLOURS["blue"], "-"), "sign": (COLOURS["vermillion"], "--"),
         "loss-normalised": (COLOURS["green"], "-.")}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"losses": losses(result), "paths": paths(result), "sign-map": sign_map(result)}


def losses(result: dict[str, Any]) -> Any:
    """Loss against time on three landscapes; on the quadratic the exact laws as thin lines."""
    figure, axes = new_figure(6.5, 2.7, columns=3, width_ratios=(1.25, 1.0, 1.0))
    exact = result["exact"]
    for panel, place, end, least in ((axes[0], "quadratic", 6.0, 1e-5),
                                     (axes[1], "Rosenbrock", 12.0, 1e-5),
                                     (axes[2], "two minima", 3.0, 1.0)):
        for flow, (colour, dash) in LOOKS.items():
            of = result["motions"][place][flow]
            t, L = of["t"], of["loss"]
            if of["status"] == "STUCK" and place != "quadratic" and L[-1] > 1e-3:
                t, L = np.append(t, end), np.append(L, L[-1])  # it stays
            panel.plot(t, np.maximum(L, 1e-30), color=colour, linestyle=dash, linewidth=2.0,
                       label=f"{flow} flow")
            if place == "quadratic":
                panel.plot(exact["t"][flow], np.maximum(exact[flow], 1e-30),
                           color=COLOURS["black"], linewidth=0.6)
        panel.set(yscale="log", xlim=(0.0, end), xlabel="time t")
        panel.set_ylim(least, 3 * result["motions"][place]["sign"]["loss"][0])
        panel.set_title(place)
    axes[0].set_ylabel("loss L")
    mu = float(result["eigenvalues"][0])
    t = np.array([0.0, 6.0])
    axes[0].plot(t, exact["L0"] * np.exp(-2 * mu * t), ":", color=COLOURS["grey"], linewidth=1.2)
    label_line(axes[0], 2.6, exact["L0"] * np.exp(-5.2 * mu), "$L_0e^{-2\\mu t}$", ha="left",
               va="bottom", color="0.35", bbox=None, xytext=(1, 0), rotation=-40,
               rotation_mode="anchor")
    label_line(axes[0], 2.6, exact["L0"] * np.exp(-2.6), "$L_0e^{-t}$", ha="left", va="bottom",
               color=COLOURS["green"], bbox=None, xytext=(2, 2))
    two = result["motions"]["two minima"]
    axes[2].set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    axes[2].minorticks_off()
    end = two["loss-normalised"]
    axes[2].plot(end["end"], end["last_loss"], "s", color=COLOURS["green"], markersize=5,
                 clip_on=False)
    label_line(axes[2], end["end"], end["last_loss"], "$\\ln(L_0/L(3))$", ha="center", va="top",
               color=COLOURS["green"], bbox=None, xytext=(0, -6))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=2.6)
    return figure


def paths(result: dict[str, Any]) -> Any:
    """The three motions in the plane, with the surfaces on which a coordinate of g is 0."""
    figure, (left, right) = new_figure(6.5, 3.1, columns=2)
    H = result["H"]
    of = result["motions"]["quadratic"]
    window(left, lambda x, y: 0.5 * (H[0, 0] * x**2 + 2 * H[0, 1] * x * y + H[1, 1] * y**2),
           lambda x, y: (H[0, 0] * x + H[0, 1] * y, H[1, 0] * x + H[1, 1] * y), of,
           (-0.15, 1.12), (-0.42, 0.5))
    of = result["motions"]["Himmelblau"]
    window(right, lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
           lambda x, y: (4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
                         2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7)), of,
           (-4.2, 0.4), (-0.9, 4.0))
    left.set_title("quadratic")
    right.set_title("Himmelblau")
    path = result["exact"]["path"]
    if "slide" in path["kinds"]:
        k = path["kinds"].index("slide")
        left.plot(*path["x"][k], "o", color=LOOKS["sign"][0], markersize=4, zorder=4)
        left.annotate("slides on $g_2=0$", path["x"][k], xytext=(4, -13),
                      textcoords="offset points", ha="center", va="top", fontsize=9,
                      color=LOOKS["sign"][0])
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, columnspacing=1.2,
                  handlelength=2.2)
    return figure


def window(axes: Any, loss: Any, slopes: Any, motions: Any, xs: Any, ys: Any) -> None:
    """Levels of a loss, its switching surfaces and the motions in a window."""
    x, y = np.meshgrid(np.linspace(*xs, 241), np.linspace(*ys, 241))
    L = loss(x, y)
    axes.contour(x, y, L, levels=L.max() * np.linspace(0.02, 1.0, 12) ** 2, colors="0.82",
                 linewidths=0.7)
    for k, (g, dash) in enumerate(zip(slopes(x, y), ("-", ":"), strict=True)):
        axes.contour(x, y, g, levels=[0.0], colors="0.45", linewidths=1.1, linestyles=dash)
        axes.plot([], [], color="0.45", linewidth=1.1, linestyle=dash, label=f"$g_{k + 1}=0$")
    for flow, (colour, dash) in LOOKS.items():
        wide = 3.4 if flow == "gradient" else 1.8  # the loss-normalised flow has the same orbit
        axes.plot(*motions[flow]["x"].T, color=colour, linestyle=dash, linewidth=wide,
                  alpha=0.45 if flow == "gradient" else 1.0, label=f"{flow}")
    axes.plot(*motions["sign"]["x"][0], "o", color=COLOURS["black"], markersize=4, zorder=5)
    axes.set(xlim=xs, ylim=ys, xlabel="$x_1$", ylabel="$x_2$")


def sign_map(result: dict[str, Any]) -> Any:
    """Left: sign steps on the line. Right: the loss that they end with against the step."""
    figure, (left, right) = new_figure(6.5, 2.7, columns=2)
    line, plane = result["line"], result["plane"]
    looks = zip(line["paths"].items(), (("vermillion", "o"), ("blue", "s"), ("green", "^")),
                strict=True)
    left.axhline(0.0, color=COLOURS["grey"], linewidth=0.8)
    for (h, x), (name, marker) in looks:
        left.plot(np.arange(len(x)), x, color=COLOURS[name], linewidth=0.7, marker=marker,
                  markersize=3.2, label=f"h = {h}")
    left.set(xlabel="step k", ylabel="x", xlim=(-0.5, 26.5))
    left.legend(loc="upper right")
    h = plane["h"]
    low, high = result["floor"]
    right.fill_between(h, low * h**2, high * h**2, color=COLOURS["sky"], alpha=0.3, linewidth=0)
    right.plot(h, plane["mean"] * h**2, "s", color=COLOURS["blue"], markersize=4,
               label="plane, mean")
    for key, label in (("most", "plane, larger loss of a cycle"), ("least", None)):
        right.plot(h, plane[key] * h**2, "_", color=COLOURS["blue"], markersize=8,
                   markeredgewidth=1.4, label=label)
    right.plot(h, h**2 / 6, color=COLOURS["black"], linewidth=0.8)
    right.plot(line["h"], line["mean"][:, 0], "o", color=COLOURS["vermillion"], markersize=4,
               fillstyle="none", label="line, mean")
    label_line(right, 0.01, 1e-4 / 6, "$h^2/6$", ha="left", va="top", bbox=None,
               xytext=(6, -1))
    right.set(xscale="log", yscale="log", xlabel="step h", ylabel="loss in the long run",
              ylim=(1e-7, 20))
    right.legend(loc="upper left", handletextpad=0.4)
    return figure
