"""Figures of stability: regions of methods, stable (step, momentum) sets, pseudospectra, growth.

They take numbers, which `flowopt.stability` makes, and compute nothing but levels on a grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flowopt.plotting.figures import COLOURS, label_line, new_figure, styled

_INSIDE = "#D6E6F2"  # a light tint of the palette's blue


def amplification_grid(above: Sequence[Any], below: Sequence[Any], x: Any, y: Any) -> np.ndarray:
    """Return |R(z)| on a grid, R = P/Q with coefficients of z⁰, z¹, ….

    Examples
    --------
    >>> amplification_grid([1, 1], [1], [-2.0, -1.0], [0.0])
    array([[1., 0.]])
    """
    z = np.asarray(x, dtype=float)[None, :] + 1j * np.asarray(y, dtype=float)[:, None]
    top, base = (np.polynomial.polynomial.polyval(z, [float(c) for c in part])
                 for part in (above, below))
    return np.abs(top / base)


@styled
def stability_region(above: Sequence[Any], below: Sequence[Any], *, eigenvalues: Any = (),
                     name: str = "", x: tuple[float, float] = (-5.0, 1.5),
                     y: tuple[float, float] = (-3.6, 3.6)) -> Any:
    """Draw where |R(hλ)| < 1 for a method, with eigenvalues hλ in it.

    Parameters
    ----------
    above, below : sequences
        The coefficients of R = P/Q, as `flowopt.stability.stability_function` gives them.
    eigenvalues : array_like of complex, optional
        h times the eigenvalues of the flow: filled where stable, crosses where not.
    name : str
        The method, for the title.
    x, y : (float, float)
        The window.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> figure = stability_region([1, 1], [1], eigenvalues=[-0.5, -2.5], name="Euler")
    >>> figure.axes[0].get_xlabel()
    'Re hλ'
    """
    figure, axes = new_figure(5.6, 4.8)
    xs, ys = np.linspace(x[0], x[1], 401), np.linspace(y[0], y[1], 401)
    size = amplification_grid(above, below, xs, ys)
    axes.contourf(xs, ys, size, levels=[0.0, 1.0], colors=[_INSIDE])
    axes.contour(xs, ys, size, levels=[1.0], colors=[COLOURS["blue"]], linewidths=1.6)
    axes.axhline(0.0, color=COLOURS["grey"], linewidth=0.7)
    axes.axvline(0.0, color=COLOURS["grey"], linewidth=0.7)
    points = np.asarray(eigenvalues, dtype=complex).ravel()
    if len(points):
        at = np.array([amplification_grid(above, below, [p.real], [p.imag])[0, 0]
                       for p in points])
        for chosen, mark, colour, words in (
                (at < 1, "o", "black", "eigenvalues, stable"),
                (at >= 1, "x", "vermillion", "eigenvalues, not stable")):
            if chosen.any():
                axes.plot(points[chosen].real, points[chosen].imag, mark, color=COLOURS[colour],
                          label=words, markersize=6, markeredgewidth=1.8)
        axes.legend(loc="upper left")
    axes.set(xlim=x, ylim=y, aspect="equal", xlabel="Re hλ", ylabel="Im hλ",
             title=f"{name}: |R(hλ)| < 1 is shaded" if name else "|R(hλ)| < 1 is shaded")
    return figure


@styled
def stable_steps(boundaries: Sequence[tuple[str, Callable[[np.ndarray], np.ndarray]]], *,
                 horizontal: str = "momentum β", vertical: str = "step × curvature, lr·λ",
                 x: tuple[float, float] = (0.0, 0.99), y: tuple[float, float] = (0.0, 6.0)) -> Any:
    """Draw the exact boundaries of stable steps against a hyper-parameter.

    Parameters
    ----------
    boundaries : sequence of (name, function)
        The limit of lr·λ as a function of the hyper-parameter; stable below it. The area below the
        lowest of all is shaded.
    horizontal, vertical : str
        The names of the axes.
    x, y : (float, float)
        The window.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> figure = stable_steps([("heavy ball", lambda b: 2 * (1 + b))])
    >>> len(figure.axes[0].lines)
    1
    """
    figure, axes = new_figure(6.4, 4.2)
    xs = np.linspace(x[0], x[1], 400)
    names = ("blue", "vermillion", "green", "orange", "purple", "black")
    dashes = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))
    least = np.full(len(xs), np.inf)
    for k, (name, limit) in enumerate(boundaries):
        values = np.broadcast_to(np.asarray(limit(xs), dtype=float), xs.shape)
        least = np.minimum(least, values)
        axes.plot(xs, values, color=COLOURS[names[k % 6]], linestyle=dashes[k % 6], label=name)
    axes.fill_between(xs, 0.0, np.minimum(least, y[1]), color=_INSIDE, zorder=0, linewidth=0)
    axes.legend(loc="upper left", title="stable below its line")
    axes.set(xlim=x, ylim=y, xlabel=horizontal, ylabel=vertical,
             title="Exact limits of stable steps; shaded: stable for all that are shown")
    return figure


@styled
def pseudospectra(x: Any, y: Any, sigma: Any, *, eigenvalues: Any = (),
                  levels: Sequence[float] = (1e-2, 10**-1.5, 1e-1, 10**-0.5)) -> Any:
    """Draw pseudospectra: the level sets of the least singular value of z − A.

    Parameters
    ----------
    x, y, sigma : array_like, shapes (k,), (m,), (m, k)
        As `flowopt.stability.pseudospectrum` gives them.
    eigenvalues : array_like of complex, optional
        The spectrum.
    levels : sequence of float
        The ε, rising.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> from flowopt.stability import pseudospectrum
    >>> made = pseudospectrum([[0.5, 1.0], [0.0, 0.5]])
    >>> pseudospectra(*made, eigenvalues=[0.5]).axes[0].get_ylabel()
    'Im z'
    """
    from matplotlib.colors import LinearSegmentedColormap

    figure, axes = new_figure(5.6, 4.8)
    tint = LinearSegmentedColormap.from_list("ground", [COLOURS["blue"], COLOURS["sky"]])
    drawn = axes.contour(x, y, sigma, levels=list(levels), linewidths=1.4,
                         colors=[tint(v) for v in np.linspace(0, 1, len(levels))])
    axes.clabel(drawn, fmt=lambda v: f"ε = {v:.2g}", fontsize=8, inline_spacing=3)
    turn = np.linspace(0.0, 2 * np.pi, 400)
    axes.plot(np.cos(turn), np.sin(turn), color=COLOURS["grey"], linestyle="--", linewidth=1.1,
              label="unit circle")
    points = np.asarray(eigenvalues, dtype=complex).ravel()
    if len(points):
        axes.plot(points.real, points.imag, "x", color=COLOURS["vermillion"], markersize=7,
                  markeredgewidth=1.8, label="eigenvalues")
    axes.legend(loc="upper left")
    axes.set(aspect="equal", xlabel="Re z", ylabel="Im z",
             title="ε-pseudospectra of the iteration matrix")
    return figure


@styled
def growth_of_powers(curves: Sequence[tuple[str, Any, float]], *, bound: float | None = None
                     ) -> Any:
    """Draw ‖Aᵏ‖ over k beside the ρᵏ that the spectral radius alone would say.

    Parameters
    ----------
    curves : sequence of (name, norms, spectral radius)
        norms (k + 1,) from k = 0 on.
    bound : float, optional
        A proved lower bound of the largest norm (of Kreiss), drawn as a line.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> figure = growth_of_powers([("a", [1.0, 2.0, 1.0], 0.8)])
    >>> figure.axes[0].get_yscale()
    'log'
    """
    figure, axes = new_figure(6.2, 3.8)
    for k, (name, norms, radius) in enumerate(curves):
        colour = COLOURS[("blue", "vermillion", "green", "orange")[k % 4]]
        steps = np.arange(len(norms))
        axes.plot(steps, norms, color=colour, label=name)
        axes.plot(steps, float(radius)**steps, color=colour, linestyle=":", linewidth=1.3,
                  label=f"ρᵏ, ρ = {radius:.4g}")
        top = int(np.argmax(norms))
        label_line(axes, top, float(norms[top]), f"{norms[top]:.4g} at k = {top}",
                   xytext=(6, 6))
    if bound is not None:
        axes.axhline(bound, color=COLOURS["grey"], linestyle="--", linewidth=1.1,
                     label=f"Kreiss: the peak is at least {bound:.4g}")
    axes.set_yscale("log")
    axes.margins(y=0.12)
    axes.set(xlabel="step k", ylabel="norm of the k-th power")
    axes.legend(loc="lower left")
    return figure
