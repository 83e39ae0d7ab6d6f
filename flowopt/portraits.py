"""Pictures of a field: its phase portrait, and the level sets of a Lyapunov function on it.

What is computed here is a picture: a grid of values, never a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.field import VectorField

#: points of the grid along each side
FINE, COARSE = 241, 41


def phase_portrait(field: VectorField, box: Sequence[Sequence[float]], V: Any = None, *,
                   level: float | None = None, equilibria: Any = None,
                   starts: Any = None, t: float = 20.0, title: str | None = None) -> Any:
    """Return a figure of a field with one or two variables.

    Two variables: streamlines, nullclines, equilibria by kind, the level sets of V and where
    dV/dt > 0, and the motions from `starts`. One variable: the loss where there is one, and the
    field with its direction.

    Parameters
    ----------
    field : VectorField
        With m = 1 or 2.
    box : pair of pairs, or pair
        The range of each variable.
    V : str or sympy.Expr, optional
        A function of the field's variables.
    level : float, optional
        A level of V to draw thick.
    equilibria : sequence, optional
        What `fo.equilibria` returned, or pairs (point, kind); kinds are those of
        ``flowopt.plotting.portraits.MARKERS``. None: none are marked.
    starts : array_like, shape (k, m), optional
        Starts of motions that are drawn, for a time `t`.
    t : float
        Their length, in time.
    title : str, optional
        The title.

    Returns
    -------
    matplotlib.figure.Figure
        Drawn in the project's style; ``figure.savefig(path)`` writes it.

    Raises
    ------
    ValueError, TypeError
        For a field of more than two variables, and a box that is empty or reversed.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.double_well())
    >>> figure = fo.phase_portrait(field, [(-2, 2), (-2, 2)], V="v_x**2/2 + (x**2 - 1)**2/4",
    ...                            equilibria=[((-1, 0), "stable"), ((0, 0), "saddle")])
    >>> len(figure.axes)
    1
    """
    from flowopt.plotting import style

    if not isinstance(field, VectorField):
        raise TypeError(f"field must be a VectorField, got {_check.shown(field)}")
    if field.m not in (1, 2):
        raise ValueError(f"field must have one or two variables to be drawn, got {field.m}; fix "
                         "some of them, or draw the motion over time")
    ranges = checked_box(box, field.m)
    marked = [_marked(e) for e in (equilibria or ())]
    with style():
        if field.m == 1:
            return _on_the_line(field, ranges[0], V, marked, title)
        return _in_the_plane(field, ranges, V, level, marked, starts, t, title)


def checked_box(box: Any, m: int) -> list[tuple[float, float]]:
    """Return m pairs (low, high) of finite numbers, low < high."""
    made = []
    for k, pair in enumerate(_check.pairs("box", box, m)):
        low, high = (_check.real(f"box[{k}]", v) for v in pair)
        if not low < high:
            raise ValueError(f"box[{k}] must have its lower end first, got ({low:g}, {high:g})")
        made.append((low, high))
    return made


def kind_of(equilibrium: Any) -> str:
    """Return the marker's name for an equilibrium that `fo.equilibria` found."""
    words = str(equilibrium.kind)
    verdict = getattr(equilibrium, "verdict", None)
    claim = verdict.statement["claim"] if verdict is not None and verdict.proved else ""
    if "singular" in words:
        return "singular"
    if "sliding" in words:
        return "sliding rest" if claim != "unstable" else "unstable"
    if "saddle" in words:
        return "saddle"
    if "stable" in claim and claim not in ("unstable", "stable"):
        return "stable"
    if claim == "stable":
        return "centre" if "centre" in words else "stable"
    return "unstable" if claim == "unstable" else "undecided"


def _marked(equilibrium: Any) -> tuple[np.ndarray, str]:
    from flowopt.plotting.portraits import MARKERS

    if hasattr(equilibrium, "kind"):
        place = getattr(equilibrium, "y", None)  # θ and the states
        place = equilibrium.x if place is None else place
        return np.atleast_1d(np.asarray(place, dtype=float)), kind_of(equilibrium)
    point, kind = equilibrium
    return (np.atleast_1d(np.asarray(point, dtype=float)),
            _check.choice("the kind of an equilibrium", kind, tuple(MARKERS)))


def _function(field: VectorField, V: Any) -> Any:
    from flowopt.losses.loss import Loss

    used = [n for n in field.parameters if n in _names_in(V)]
    return Loss(V, variables=list(field.names),
                parameters={n: field.parameters[n] for n in used} or None)


def _names_in(V: Any) -> set[str]:
    from flowopt.symbolic.parse import parse

    return set(parse(V, what="V").names) if isinstance(V, str) else {
        str(s) for s in V.free_symbols}


def _in_the_plane(field: VectorField, ranges: Any, V: Any, level: float | None, marked: Any,
                  starts: Any, t: float, title: str | None) -> Any:
    from flowopt.plotting import COLOURS, new_figure, portraits

    figure, axes = new_figure(6.2, 5.2)
    handles: list[Any] = []
    x, y = (np.linspace(low, high, FINE) for low, high in ranges)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    motion = field(0.0, points)
    u, v = motion.reshape(FINE, FINE, 2).transpose(2, 0, 1)
    if V is not None:
        function = _function(field, V)
        slope = np.einsum("ki,ki->k", function.grad(points), motion)
        handles += portraits.draw_levels(axes, x, y, function.value(points).reshape(FINE, FINE),
                                         slope.reshape(FINE, FINE), level)
    every = (FINE - 1) // (COARSE - 1)
    portraits.draw_field(axes, x[::every], y[::every], u[::every, ::every], v[::every, ::every])
    handles += portraits.draw_nullclines(axes, x, y, u, v, field.names)
    if starts is not None:
        handles += _draw_motions(axes, field, starts, t, COLOURS["black"])
    inside = [(p, k) for p, k in marked
              if all(a <= c <= b for c, (a, b) in zip(p, ranges, strict=True))]
    handles += portraits.draw_equilibria(axes, [p for p, _ in inside], [k for _, k in inside])
    axes.set(xlim=ranges[0], ylim=ranges[1], xlabel=field.names[0], ylabel=field.names[1],
             title=title or field.name)
    portraits.legend_below(figure, handles)
    return figure


def _draw_motions(axes: Any, field: VectorField, starts: Any, t: float, colour: str) -> list[Any]:
    from flowopt.integrators.integrate import integrate

    t = _check.real("t", t, above=0.0)
    starts = _check.array("starts", starts, "(k, 2)", (1, 2)).reshape(-1, field.m)
    line = None
    for start in starts:
        run = integrate(field, start, t=(0.0, t))
        path = run(np.linspace(0.0, run.t[-1], 800))
        (line,) = axes.plot(*path.T, color=colour, linewidth=1.5, zorder=3, label="motion")
        axes.plot(*start, marker="o", markersize=3.5, color=colour, zorder=3)
    return [] if line is None else [line]


def _on_the_line(field: VectorField, span: tuple[float, float], V: Any, marked: Any,
                 title: str | None) -> Any:
    from flowopt.plotting import COLOURS, new_figure, portraits

    x = np.linspace(*span, 1201)
    f = field(0.0, x[:, None])[:, 0]
    shown = _function(field, V) if V is not None else field.loss
    rows = 1 if shown is None else 2
    figure, axes = new_figure(6.5, 2.6 * rows, rows=rows, sharex=True)
    below = axes if rows == 1 else axes[1]
    portraits.draw_line_field(below, x, f, field.names[0])
    inside = [(p[0], k) for p, k in marked if span[0] <= p[0] <= span[1]]
    kinds = [k for _, k in inside]
    handles = portraits.draw_equilibria(below, [(p, 0.0) for p, _ in inside], kinds)
    if shown is not None:
        values = shown.value(x[:, None])
        axes[0].plot(x, values, color=COLOURS["black"])
        places = np.array([p for p, _ in inside])
        heights = shown.value(places[:, None]) if len(places) else []
        portraits.draw_equilibria(axes[0], list(zip(places, heights, strict=True)), kinds)
        axes[0].set_ylabel("V" if V is not None else "loss L")
    (axes if rows == 1 else axes[0]).set_title(title or field.name)
    below.set_xlim(*span)
    portraits.legend_below(figure, handles)
    return figure
