"""The Lyapunov spectrum against a parameter, under the attractor it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flowopt.plotting.figures import COLOURS, new_figure, styled

#: a spectrum is drawn from here on only, so that a superstable cycle (−∞) leaves the rest visible
_DEEPEST = -3.0


@styled
def exponent_spectrum(values: Any, results: Any, *, coordinate: int = 0, parameter: str = "h",
                      quantity: str = "x", marks: Mapping[str, float] | None = None,
                      known: Mapping[str, tuple[Any, Any]] | None = None, title: str = "",
                      floor: float = _DEEPEST) -> Any:
    """Return a figure: the last states of each run above, the exponents below.

    Points are blue where the run settled, vermillion where it is chaotic, grey where that is
    open; runs that diverged leave a gap, shaded at the end of the range. The bands about the
    exponents are their 95 % intervals.

    Parameters
    ----------
    values : array_like, shape (N,)
        The parameter of each run.
    results : sequence of LyapunovSpectrum, or LyapunovSpectrum of N runs
        What `fo.lyapunov_exponents` returned, in the order of the values.
    coordinate : int
        The component of the state that is drawn above.
    parameter, quantity, title : str
        Names of the axes, and of the figure.
    marks : mapping of str to float, optional
        Values of the parameter that get a line and a label.
    known : mapping of str to (values, exponents), optional
        Curves to compare with, drawn as black dashes.
    floor : float
        Exponents below are cut off.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import flowopt as fo
    >>> lr = [1.5, 2.2, 3.0]
    >>> runs = [fo.lyapunov_exponents(fo.optimizers.gradient_descent(lr=v), [0.1],
    ...                               loss="x**2/2 - x**3/3", steps=640) for v in lr]
    >>> len(exponent_spectrum(lr, runs, parameter="learning rate").axes)
    2
    """
    x = np.asarray(values, dtype=float)
    table = _table(results)
    order = np.argsort(x, kind="stable")
    x, table = x[order], {key: part[order] for key, part in table.items()}
    figure, (above, below) = new_figure(7.0, 5.4, rows=2, sharex=True,
                                        height_ratios=(1.25, 1.0))
    _attractor(above, x, table, coordinate)
    above.set_ylabel(f"{quantity} on the attractor")
    if title:
        above.set_title(title)
    _exponents(below, x, table, floor)
    for number, (label, (at, line)) in enumerate((known or {}).items()):
        below.plot(at, line, color=COLOURS["black"], linestyle=("--", ":", "-.")[number % 3],
                   linewidth=1.2, label=label, zorder=4)
    below.set_xlabel(parameter)
    below.set_ylabel("Lyapunov exponent")
    handles, labels = below.get_legend_handles_labels()
    if labels:
        below.legend(handles, labels, loc="best", ncols=min(3, len(labels)))
    _gone(above, below, x, table["status"] == "diverged")
    for label, at in (marks or {}).items():
        for axes in (above, below):
            axes.axvline(at, color=COLOURS["grey"], linewidth=0.8, linestyle=":", zorder=1)
        above.annotate(label, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(2, -2),
                       textcoords="offset points", fontsize=8, color=COLOURS["grey"],
                       rotation=90, ha="left", va="top", zorder=5,
                       bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85,
                             "pad": 0.8})
    if len(x) > 1:
        below.set_xlim(x[0], x[-1])
    figure.align_ylabels()
    return figure


def _table(results: Any) -> dict[str, np.ndarray]:
    """Return the results of N runs as arrays."""
    keys = ("exponents", "low", "high", "orbit", "status")
    if isinstance(results, Sequence):
        return {key: np.array([getattr(r, key) for r in results],
                              dtype=object if key == "status" else float) for key in keys}
    return {key: np.asarray(getattr(results, key)) for key in keys}


def _attractor(axes: Any, x: np.ndarray, table: dict[str, np.ndarray], coordinate: int) -> None:
    orbit = table["orbit"][:, :, coordinate]
    for kinds, colour in ((("converged", "periodic", "regular"), "blue"),
                          (("neutral", "unstable"), "grey"), (("chaotic",), "vermillion")):
        chosen = np.isin(table["status"], kinds)
        if chosen.any():
            points = orbit[chosen]
            # a cycle is drawn over and over; a point for each run is wide enough not to be missed
            axes.plot(np.repeat(x[chosen], points.shape[1]), points.ravel(), linestyle="",
                      marker="." if len(x) < 200 else ",", markersize=2.5, markeredgewidth=0.0
                      if len(x) < 200 else 1.0, color=COLOURS[colour], alpha=0.8,
                      rasterized=True, zorder=2)


def _exponents(axes: Any, x: np.ndarray, table: dict[str, np.ndarray], floor: float) -> None:
    axes.axhline(0.0, color=COLOURS["grey"], linewidth=0.8, zorder=1)
    count = table["exponents"].shape[1]
    names = ("blue", "orange", "green", "purple", "sky", "vermillion")
    with np.errstate(invalid="ignore"):
        for j in range(count):
            line = np.where(table["exponents"][:, j] < floor, floor, table["exponents"][:, j])
            colour = COLOURS[names[j % len(names)]]
            axes.fill_between(x, np.maximum(table["low"][:, j], floor),
                              np.maximum(table["high"][:, j], floor), color=colour, alpha=0.25,
                              linewidth=0)
            axes.plot(x, line, color=colour, linewidth=1.0, zorder=3,
                      label=rf"$\lambda_{{{j + 1}}}$" if count > 1 else None)


def _gone(above: Any, below: Any, x: np.ndarray, gone: np.ndarray) -> None:
    """Shade the part of the range, at its end, where every run diverged."""
    if not gone.any() or not gone[-1]:
        return
    stayed = np.nonzero(~gone)[0]
    start = x[0] if not len(stayed) else (x[stayed[-1]] + x[stayed[-1] + 1]) / 2
    for axes in (above, below):
        axes.axvspan(start, x[-1], color=COLOURS["grey"], alpha=0.15, linewidth=0, zorder=0)
    above.annotate("diverges", (1.0, 0.0), xycoords="axes fraction", xytext=(-2, 4),
                   textcoords="offset points", fontsize=8, color=COLOURS["black"], rotation=90,
                   ha="right", va="bottom")
