"""Transient growth and pseudospectra, drawn from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flowopt.plotting.figures import COLOURS


def draw_growth(axes: Any, norms: Mapping[str, np.ndarray], radius: float | None = None) -> None:
    """Draw ‖Aᵏ‖ against the step k, logarithmic, with the rate ρᵏ of the spectral radius.

    Parameters
    ----------
    axes : matplotlib Axes
        Where.
    norms : mapping of str to array, shape (k + 1,)
        What to draw, by label.
    radius : float, optional
        ρ.

    Examples
    --------
    >>> from flowopt.plotting import new_figure
    >>> figure, axes = new_figure()
    >>> draw_growth(axes, {"heavy ball": np.array([1.0, 2.0, 0.5])}, radius=0.5)
    >>> axes.get_yscale(), axes.get_ylabel()
    ('log', '‖Aᵏ‖')
    """
    longest = 0
    for label, values in norms.items():
        steps = np.arange(len(values))
        longest = max(longest, len(values))
        (line,) = axes.plot(steps, values, label=label)
        top = int(np.argmax(values))
        if top:
            axes.plot(top, values[top], "o", color=line.get_color())
            axes.annotate(f"{values[top]:.3f} at k = {top}", (top, values[top]), xytext=(8, 2),
                          textcoords="offset points", fontsize=9)
    if radius is not None:
        steps = np.arange(longest)
        axes.plot(steps, radius**steps, color=COLOURS["grey"], linestyle="--",
                  label=f"ρᵏ, ρ = {radius:.4g}")
    axes.set_yscale("log")
    axes.set_xlabel("step k")
    axes.set_ylabel("‖Aᵏ‖")
    axes.legend()


def draw_pseudospectrum(axes: Any, x: np.ndarray, y: np.ndarray, sigma: np.ndarray,
                        eigenvalues: Any = (), levels: Sequence[float] = (-3, -2.5, -2, -1.5, -1,
                                                                          -0.5)) -> None:
    """Draw the borders of ε-pseudospectra, the eigenvalues, and the unit circle.

    Parameters
    ----------
    axes : matplotlib Axes
        Where.
    x, y, sigma : array
        As `flowopt.stability.pseudospectrum` returns them.
    eigenvalues : array_like of complex
        Marked with crosses.
    levels : sequence of float
        log₁₀ ε of the borders.

    Examples
    --------
    >>> from flowopt.plotting import new_figure
    >>> figure, axes = new_figure(4, 4)
    >>> x = np.linspace(-1, 1, 21)
    >>> draw_pseudospectrum(axes, x, x, np.hypot(*np.meshgrid(x, x)), [0.0])
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('Re z', 'Im z')
    """
    import matplotlib

    shown = np.log10(np.maximum(sigma, 1e-300))
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, len(levels)))
    lines = axes.contour(x, y, shown, levels=sorted(levels), colors=colours, linewidths=1.3)
    axes.clabel(lines, fmt=lambda v: f"$10^{{{v:g}}}$", fontsize=8)
    angle = np.linspace(0, 2 * np.pi, 400)
    axes.plot(np.cos(angle), np.sin(angle), color=COLOURS["black"], linewidth=1.0, linestyle="--")
    spots = np.atleast_1d(np.asarray(eigenvalues, dtype=complex))
    axes.plot(spots.real, spots.imag, "x", color=COLOURS["vermillion"], markersize=8,
              markeredgewidth=2)
    axes.set_aspect("equal")
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel="Re z", ylabel="Im z")
