"""The figure of step-limits: exact curves and measured points."""

from __future__ import annotations

from typing import Any

from flowopt.plotting import COLOURS, label_line, new_figure

LOOKS = {"heavy ball": (COLOURS["blue"], "o", "-"),
         "Nesterov": (COLOURS["vermillion"], "s", "--"),
         "average (EMA)": (COLOURS["green"], "^", "-."),
         "NAdam": (COLOURS["orange"], "v", (0, (5, 1, 1, 1, 1, 1))),
         "lookahead, k = 5": (COLOURS["purple"], "D", ":")}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    figure, axes = new_figure(6.5, 3.0)
    beta = result["beta"]
    for rule, of in result["rules"].items():
        colour, marker, dash = LOOKS[rule]
        axes.plot(beta, of["exact"], color=colour, linestyle=dash, linewidth=1.3)
        axes.plot(beta, of["measured"], marker, color=colour, markersize=5, fillstyle="none",
                  label=rule)
    for name, of in result["methods"].items():
        if name != "Heun":  # the same as Euler
            axes.axhline(of["exact"], color=COLOURS["grey"], linewidth=0.8)
            text = "Euler, Heun" if name == "Euler" else name
            low = name == "Euler"  # below the markers of lookahead
            label_line(axes, 0.99, of["exact"] * (0.97 if low else 1.0), text, ha="right",
                       va="top" if low else "center", color="0.35")
    axes.set(yscale="log", xlabel="momentum β (lookahead: slow step 1 − β/2)",
             ylabel="largest stable step, lr × curvature", xlim=(-0.02, 1.0))
    axes.set_yticks([1, 2, 3, 4, 10, 20, 40, 80], ["1", "2", "3", "4", "10", "20", "40", "80"])
    axes.minorticks_off()
    axes.legend(title="lines: exact; markers: measured", loc="upper left")
    return {"limits": figure}
