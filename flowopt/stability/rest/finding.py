"""`equilibria`: every equilibrium of a field, exactly, with its kind and whether it is stable."""

from __future__ import annotations

import time
from typing import Any

from flowopt import _check
from flowopt.stability.rest.equilibrium import Equilibria, Equilibrium
from flowopt.stability.rest.forms import NotAlgebraic
from flowopt.stability.rest.target import Target, checked_box, target


def equilibria(field: Any, box: Any = None, *, seconds: float = 60.0) -> Equilibria:
    """Return all equilibria of a field, with their kinds and what is proved of their stability.

    Polynomial and rational fields, also with roots, |x|, Min, Max and sign, are solved exactly on
    the whole space: Gröbner bases, real roots in isolating cells, exact signs. Other fields are
    searched on a box with intervals (Krawczyk's test and bisection).

    Parameters
    ----------
    field : VectorField or Loss
        A field that does not depend on time; of a `Loss` the critical points are found.
    box : sequence of pairs, optional
        (low, high) for each coordinate of θ; only equilibria in this closed box are returned. A
        field with exp, sin and the like needs one.
    seconds : float
        The time to spend; what is not found by then makes the answer incomplete.

    Returns
    -------
    Equilibria
        A sequence of `Equilibrium`: each has ``x``, ``exact`` or ``enclosure``, ``eigenvalues``,
        ``kind``, ``kinds`` and ``verdict``. ``complete`` says whether these are all, ``reason``
        why.

    Raises
    ------
    TypeError, ValueError
        For a kernel, a field that depends on time, a box that is empty or of another shape.

    References
    ----------
    Cox, Little and O'Shea, Using Algebraic Geometry, 2nd ed. (2005), chapter 2; Krawczyk,
    Computing 4 (1969) 187; Filippov, Differential Equations with Discontinuous Righthand Sides
    (1988).

    Examples
    --------
    >>> import flowopt as fo
    >>> found = fo.equilibria(fo.losses.himmelblau())
    >>> len(found), found.complete, sorted({e.kind for e in found})
    (9, True, ['maximum', 'minimum', 'saddle'])
    >>> clipped = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    >>> fo.equilibria(clipped)[2]
    <Equilibrium (3): sliding rest, minimum; finite-time stable>
    """
    seconds = _check.real("seconds", seconds, above=0.0)
    asked = target(field)
    bounds = checked_box(box, asked.variables, asked.n)
    end = time.monotonic() + seconds
    try:
        found = _algebraic(asked, end)
    except NotAlgebraic as error:
        return _transcendental(asked, bounds, end, str(error))
    return found if bounds is None else within(found, bounds)


def _algebraic(asked: Target, end: float) -> Equilibria:
    from flowopt.stability.rest import descent, line_points, regime_points

    if len(asked.variables) == 1:
        return line_points.find(asked)
    made = descent.find(asked, end)
    return regime_points.find(asked, end) if made is None else made


def _transcendental(asked: Target, bounds: Any, end: float, why: str) -> Equilibria:
    from flowopt.stability.rest import boxes

    if bounds is None:
        raise ValueError(f"box must be given, as {asked.field.name} is not algebraic (it holds "
                         f"{why}) and is searched with intervals; try "
                         f"box={[(-5, 5)] * asked.n}")
    return boxes.find(asked, bounds, end)


def within(found: Equilibria, bounds: Any) -> Equilibria:
    """Return the equilibria in a closed box, decided exactly."""
    kept = [e for e in found if all(
        (c - low).sign() >= 0 >= (c - high).sign()
        for c, (low, high) in zip(e.numbers or (), bounds, strict=False))]
    text = " x ".join(f"[{a}, {b}]" for a, b in bounds)
    reason = f"{found.reason}; {len(kept)} of {len(found)} in {text}"
    return Equilibria(kept, found.complete, reason, found.sets, found.name, found.undefined)


__all__ = ["Equilibria", "Equilibrium", "equilibria"]
