"""The Jacobian of a field with roots, at an exact point where none of the roots is 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.rest.forms import Lift, value


def gradients(fields: Sequence[Any], variables: Sequence[Any], at: Mapping[Any, Number],
              roots: Mapping[Any, Any]) -> list[list[Number]]:
    """Return ∂fields/∂variables; w^q = e gives ∂w = ∂e w/(q e).

    Parameters
    ----------
    fields : sequence of sympy.Expr
        With roots written out.
    at : mapping
        The values of the variables, and of the variable of each root.
    roots : mapping
        What stands under each root.
    """
    lift = Lift()
    for e in fields:
        lift.rational(e)
    made = []
    for e in fields:
        row = []
        for v in variables:
            row.append(value(lift.rational(e.diff(v)), _known(lift, at, roots)))
        made.append(row)
    return made


def _known(lift: Lift, at: Mapping[Any, Number], roots: Mapping[Any, Any]) -> dict[Any, Number]:
    """Return the values by the names of this lift, which meets the same roots in the same order."""
    for w, base in lift.roots.items():
        if roots.get(w) != base:
            raise ZeroDivisionError("a root appears only in a derivative")
    return dict(at)
