"""One look for every figure: colours that colour-blind readers tell apart, legible text, no frames.

matplotlib is imported inside the functions, and never its pyplot: no window, no global state.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

import numpy as np

Given = ParamSpec("Given")
Made = TypeVar("Made")

#: Okabe & Ito's palette (Color Universal Design, 2008), by name
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#767676",
}

_SETTINGS: dict[str, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "errorbar.capsize": 2.5,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "figure.dpi": 100,
}


def style() -> AbstractContextManager[Any]:
    """Return the context in which figures are drawn and saved.

    Examples
    --------
    >>> with style():
    ...     figure, axes = new_figure(5.0, 3.0)
    >>> figure.get_size_inches().tolist()
    [5.0, 3.0]
    """
    import matplotlib

    settings: Any = {**_SETTINGS, "axes.prop_cycle": _cycle()}
    return matplotlib.rc_context(settings)


def styled(draw: Callable[Given, Made]) -> Callable[Given, Made]:
    """Return a function that draws in the style, wherever it is called."""
    @functools.wraps(draw)
    def drawn(*given: Given.args, **named: Given.kwargs) -> Made:
        with style():
            return draw(*given, **named)
    return drawn


def _cycle() -> Any:
    from cycler import cycler

    order = ("blue", "vermillion", "green", "orange", "purple", "sky", "black")
    return cycler(color=[COLOURS[name] for name in order])


def new_figure(width: float = 6.5, height: float = 4.0, rows: int = 1, columns: int = 1,
               **layout: Any) -> tuple[Any, Any]:
    """Return a figure and its axes, laid out so that nothing overlaps.

    Parameters
    ----------
    width, height : float
        Size in inches.
    rows, columns : int
        How many axes.
    **layout
        As for ``matplotlib.figure.Figure.subplots`` (sharex, width_ratios, ...).

    Returns
    -------
    figure, axes
        axes is one Axes, or an array of them.

    Examples
    --------
    >>> figure, (left, right) = new_figure(7.0, 3.0, columns=2)
    >>> len(figure.axes)
    2
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **layout)


def interval(axes: Any, x: Any, estimate: Any, low: Any, high: Any, **look: Any) -> Any:
    """Draw estimates with their intervals as points and bars; return what matplotlib returns.

    Parameters
    ----------
    axes : matplotlib Axes
        Where.
    x, estimate, low, high : array_like, shape (k,)
        Places, estimates and the ends of their intervals.
    **look
        As for ``Axes.errorbar`` (color, marker, label, ...).

    Examples
    --------
    >>> figure, axes = new_figure()
    >>> made = interval(axes, [1.0], [0.5], [0.4], [0.7])
    >>> len(axes.containers)
    1
    """
    estimate, low, high = (np.asarray(v, dtype=float) for v in (estimate, low, high))
    bars = np.clip([estimate - low, high - estimate], 0.0, None)
    return axes.errorbar(x, estimate, yerr=bars, **{"marker": "o", "elinewidth": 1.1, **look})


def label_line(axes: Any, x: float, y: float, text: str, **look: Any) -> Any:
    """Write a label beside what it names, on a white ground so that lines do not cross it.

    Examples
    --------
    >>> figure, axes = new_figure()
    >>> label_line(axes, 0.0, 1.0, "start").get_text()
    'start'
    """
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
    return axes.annotate(text, (x, y), **{"fontsize": 9, "bbox": ground, "zorder": 5,
                                          "xytext": (0, 0), "textcoords": "offset points", **look})
