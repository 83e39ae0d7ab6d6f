"""Phase portraits and level sets, drawn from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flowopt.plotting.figures import COLOURS

#: how an equilibrium is marked: stability first, then what sets it apart
MARKERS: dict[str, dict[str, Any]] = {
    "stable": {"marker": "o", "color": COLOURS["blue"]},
    "sliding rest": {"marker": "s", "color": COLOURS["blue"]},
    "centre": {"marker": "o", "facecolors": "white", "edgecolors": COLOURS["blue"]},
    "saddle": {"marker": "X", "color": COLOURS["vermillion"]},
    "unstable": {"marker": "o", "facecolors": "white", "edgecolors": COLOURS["vermillion"]},
    "singular": {"marker": "*", "color": COLOURS["orange"]},
    "undecided": {"marker": "D", "facecolors": "white", "edgecolors": COLOURS["black"]},
}


def draw_field(axes: Any, x: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray,
               density: float = 1.1) -> None:
    """Draw the motions of a planar field as grey streamlines.

    Parameters
    ----------
    axes : matplotlib Axes
        Where.
    x, y : array, shape (kx,) and (ky,)
        The grid.
    u, v : array, shape (ky, kx)
        The field on it; what is not finite is left out.

    Examples
    --------
    >>> from flowopt.plotting import new_figure
    >>> figure, axes = new_figure()
    >>> x = np.linspace(-1.0, 1.0, 5)
    >>> draw_field(axes, x, x, np.ones((5, 5)), np.zeros((5, 5)))
    >>> len(axes.collections)
    1
    """
    axes.streamplot(x, y, np.ma.masked_invalid(u), np.ma.masked_invalid(v), density=density,
                    color="#9a9a9a", linewidth=0.7, arrowsize=0.8, zorder=1.5)


def draw_nullclines(axes: Any, x: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray,
                    names: Sequence[str]) -> list[Any]:
    """Draw where either component is zero; return handles for a legend.

    Examples
    --------
    >>> from flowopt.plotting import new_figure
    >>> figure, axes = new_figure()
    >>> x = np.linspace(-1.0, 1.0, 5)
    >>> X, Y = np.meshgrid(x, x)
    >>> [h.get_label() for h in draw_nullclines(axes, x, x, X, Y, ["x", "y"])]
    ["x' = 0", "y' = 0"]
    """
    from matplotlib.lines import Line2D

    handles = []
    part: np.ndarray
    dash: Any
    for part, name, colour, dash in ((u, names[0], COLOURS["green"], "-"),
                                     (v, names[1], COLOURS["purple"], "--")):
        finite = part[np.isfinite(part)]
        if finite.size and finite.min() < 0 < finite.max():
            axes.contour(x, y, np.ma.masked_invalid(part), levels=[0.0], colors=[colour],
                         linewidths=1.3, linestyles=dash, zorder=2)
            handles.append(Line2D([], [], color=colour, linestyle=dash, linewidth=1.3,
                                  label=f"{name}' = 0"))
    return handles


def draw_levels(axes: Any, x: np.ndarray, y: np.ndarray, V: np.ndarray, Vdot: np.ndarray,
                level: float | None = None) -> list[Any]:
    """Draw level sets of V on the sign of dV/dt; return handles for a legend.

    Where dV/dt > 0 the ground is orange and hatched, where it is 0 or less it is pale blue.

    Parameters
    ----------
    level : float, optional
        A level that is drawn thick, such as that of a region of attraction.

    Examples
    --------
    >>> from flowopt.plotting import new_figure
    >>> figure, axes = new_figure()
    >>> x = np.linspace(-1.0, 1.0, 9)
    >>> X, Y = np.meshgrid(x, x)
    >>> len(draw_levels(axes, x, x, X**2 + Y**2, X, level=0.5))
    4
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    scale = np.nanmax(np.abs(np.where(np.isfinite(Vdot), Vdot, 0.0))) or 1.0
    rising = np.where(np.isfinite(Vdot), Vdot, 0.0) > 1e-12 * scale
    ground = axes.contourf(x, y, rising.astype(float), levels=[-0.5, 0.5, 1.5],
                           colors=["#e6f1f8", "#fbe3c4"], hatches=[None, "//"], zorder=0.5)
    ground.set_edgecolor("#e0b070")
    ground.set_linewidth(0.0)
    finite = V[np.isfinite(V)]
    low, high = float(finite.min()), float(finite.max())
    levels = low + (high - low) * np.linspace(0.03, 0.95, 9) ** 2
    axes.contour(x, y, np.ma.masked_invalid(V), levels=levels, colors=[COLOURS["sky"]],
                 linewidths=0.9, zorder=1.8)
    handles: list[Any] = [Patch(facecolor="#e6f1f8", label="dV/dt $\\leq$ 0"),
                          Patch(facecolor="#fbe3c4", hatch="//", edgecolor="#e0b070",
                                label="dV/dt > 0"),
                          Line2D([], [], color=COLOURS["sky"], linewidth=0.9, label="V constant")]
    if level is not None:
        axes.contour(x, y, np.ma.masked_invalid(V), levels=[level], colors=[COLOURS["black"]],
                     linewidths=1.8, zorder=2.5)
        handles.append(Line2D([], [], color=COLOURS["black"], linewidth=1.8,
                              label=f"V = {level:g}"))
    return handles


def draw_equilibria(axes: Any, points: Any, kinds: Sequence[str]) -> list[Any]:
    """Mark equilibria by their kind; return one handle for each kind that occurs.

    Parameters
    ----------
    points : array_like, shape (k, 2)
        Places.
    kinds : sequence of str
        Keys of `MARKERS`.

    Examples
    --------
    >>> from flowopt.plotting import new_figure
    >>> figure, axes = new_figure()
    >>> [h.get_label() for h in draw_equilibria(axes, [[0, 0], [1, 1]], ["stable", "saddle"])]
    ['stable', 'saddle']
    """
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    handles = []
    for kind in MARKERS:
        chosen = [i for i, k in enumerate(kinds) if k == kind]
        if chosen:
            look = {"s": 62, "linewidths": 1.5, "zorder": 4, **MARKERS[kind]}
            handles.append(axes.scatter(*points[chosen].T, label=kind, clip_on=False, **look))
    return handles


def legend_below(figure: Any, handles: Sequence[Any]) -> None:
    """Write one legend below all axes of a figure."""
    if handles:
        unique: Mapping[str, Any] = {h.get_label(): h for h in handles}
        figure.legend(handles=list(unique.values()), loc="outside lower center",
                      ncols=min(4, len(unique)), columnspacing=1.4, handlelength=1.6)


def draw_line_field(axes: Any, x: np.ndarray, f: np.ndarray, name: str) -> None:
    """Draw a field on the line, with arrows on the axis that show its direction.

    Examples
    --------
    >>> from flowopt.plotting import new_figure
    >>> figure, axes = new_figure()
    >>> draw_line_field(axes, np.linspace(-1, 1, 41), np.linspace(1, -1, 41), "x")
    >>> axes.get_ylabel()
    "x'"
    """
    # a jump is left open: neighbours further apart than a tenth of the range
    finite = np.where(np.isfinite(f), f, np.nan)
    reach = np.nanpercentile(np.abs(finite), 95) or 1.0
    gaps = np.abs(np.diff(finite)) > 0.25 * reach
    shown = finite.copy()
    shown[1:][gaps & (np.sign(finite[1:]) != np.sign(finite[:-1]))] = np.nan
    axes.axhline(0.0, color=COLOURS["grey"], linewidth=0.8)
    axes.plot(x, shown, color=COLOURS["blue"])
    axes.set_ylim(-1.15 * reach, 1.15 * reach)
    for k in np.linspace(0, len(x) - 1, 18).astype(int)[1:-1]:
        if np.isfinite(f[k]) and f[k] != 0:
            step = 0.018 * (x[-1] - x[0]) * np.sign(f[k])
            axes.annotate("", (x[k] + step, 0.0), (x[k] - step, 0.0),
                          arrowprops={"arrowstyle": "-|>", "color": COLOURS["black"], "lw": 0.9})
    axes.set_xlabel(name)
    axes.set_ylabel(f"{name}'")
