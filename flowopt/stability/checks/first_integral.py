"""A centre of a field in the plane, by a first integral with a strict extremum there.

data: "integral": H, without its constant, with ∇H·F = 0 identically, and a definite Hessian at the
point: the level sets around it are closed, so it is stable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import Point, field
from flowopt.stability.checks.words import escaped
from flowopt.stability.exact import Refused, read


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that H is conserved and has a strict extremum at the point."""
    import sympy

    if statement["claim"] != "stable" or set(data) != {"integral"}:
        raise Refused("a first integral proves stability only")
    equations, variables = field(statement)
    if len(variables) != 2:
        raise Refused("the field must lie in the plane")
    point = Point(statement["options"])
    H = read(data["integral"], [str(v) for v in variables])
    try:
        poly = sympy.Poly(H, *variables, domain=sympy.QQ)
        rate = sum((poly.diff(v) * sympy.Poly(e, *variables, domain=sympy.QQ)
                    for v, e in zip(variables, equations, strict=True)), sympy.Poly(0, *variables))
    except sympy.polys.polyerrors.BasePolynomialError:
        raise Refused("the field and its integral must be polynomials") from None
    if not rate.is_zero or poly.eval((0, 0)) != 0:
        raise Refused("the function is not conserved, or has a constant")
    for e in [*equations, *(H.diff(v) for v in variables)]:
        if not point.value(e, variables).is_zero:
            raise Refused("the field or the gradient does not vanish at the point")
    x, y = variables
    a, b, c = (point.value(e, variables) for e in (H.diff(x, 2), H.diff(x, y), H.diff(y, 2)))
    if point.sign(point.reduced(a * c - b * b)) <= 0:
        raise Refused("the Hessian of the function is not definite")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    return [f"H = {data['integral']} is conserved: grad(H).F = 0 identically.",
            f"At {statement['options']['at']} its gradient is 0 and its Hessian definite (the "
            "determinant is positive): H - H(x*) or its negative is a Lyapunov function, and the "
            "point is stable. Motions nearby go round on closed curves."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return escaped(explain(statement, data))
