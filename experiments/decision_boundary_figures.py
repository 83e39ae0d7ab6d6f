"""The figures of decision-boundary: they take the result and compute nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from flowopt.plotting import COLOURS, new_figure

LOOKS = ((COLOURS["blue"], "o"), (COLOURS["vermillion"], "s"))
MAP = LinearSegmentedColormap.from_list("classes", ["#BFDDEE", "#FFFFFF", "#F5D5BF"])


def figures(result: dict[str, Any]) -> dict[str, Any]:
    figure, axes = new_figure(10.4, 3.9, columns=3, width_ratios=[1, 1, 0.8])
    half, points, labels = result["half"], result["points"], result["labels"]
    side = np.linspace(-half, half, result["drawn"]["none"].shape[0])
    for axis, kind, title in zip(axes, ("none", "l2"),
                                 ("no penalty", f"L2 penalty, weight {result['l2']:g}"),
                                 strict=False):
        logits = result["drawn"][kind]
        p = 1.0 / (1.0 + np.exp(-np.clip(logits, -50, 50)))
        axis.imshow(p, origin="lower", extent=(-half, half, -half, half), cmap=MAP, vmin=0, vmax=1,
                    aspect="equal", interpolation="bilinear", zorder=0)
        axis.contour(side, side, logits, levels=[0.0], colors="black", linewidths=1.8)
        for k, (colour, marker) in enumerate(LOOKS):
            axis.plot(*points[labels == k].T, marker, color=colour, markersize=3.2,
                      markeredgecolor="white", markeredgewidth=0.4, label=f"class {k}")
        turns = result["numbers"][kind]["turns"][0]
        axis.set(xlim=(-half, half), ylim=(-half, half), xlabel="first coordinate",
                 title=f"{title}\nroughness {turns:.2f} turns")
    axes[0].set_ylabel("second coordinate")
    axes[1].legend(loc="lower left", handletextpad=0.2, borderpad=0.3, frameon=True,
                   framealpha=0.8, edgecolor="none")
    right = axes[2]
    pairs = np.stack([result["numbers"][kind]["turns"] for kind in ("none", "l2")], axis=1)
    for pair in pairs:
        right.plot([0, 1], pair, color="0.8", linewidth=0.7, zorder=1)
    for x, values, (colour, marker) in zip((0, 1), pairs.T, LOOKS, strict=True):
        right.plot(np.full(len(values), x), values, marker, color=colour, markersize=4,
                   markeredgecolor="white", markeredgewidth=0.4)
        right.plot([x - 0.18, x + 0.18], [np.median(values)] * 2, color="black", linewidth=2)
    right.set_xticks([0, 1], ["no penalty", f"L2 {result['l2']:g}"])
    right.set(xlim=(-0.4, 1.4), ylim=(0, None), ylabel="roughness of the boundary (turns)")
    right.set_title(f"{len(pairs)} seeds\n(bars: medians)")
    return {"boundaries": figure}
