"""A degenerate critical point of a polynomial loss, by the leading form of L there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from flowopt.stability.algebraic import Number
from flowopt.stability.least_value import grows
from flowopt.stability.points import encoded
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Verdict


def verdict(asked: Any, coordinates: Sequence[Number], system: Any) -> Verdict | None:
    """Return what the leading form says of the gradient flow at a rational point, or None.

    With L(x* + u) − L(x*) = P(u) + higher terms, P of degree d: where P takes a negative value x*
    is no local minimum; where P is positive definite it is a strict and isolated one.
    """
    import sympy

    from flowopt.stability.exact import write
    from flowopt.stability.judge import attempted

    values = [c.fraction for c in coordinates]
    if None in values or any(sympy.expand(e + asked.loss.diff(v)) != 0 for e, v in
                             zip(asked.equations, asked.variables, strict=True)):
        return None
    lead = leading_form(asked.loss, asked.variables, values)
    if lead is None:
        return None
    if negative_direction(lead, asked.variables) is not None:
        claim = "unstable"
    elif grows(lead, asked.variables):
        claim = "asymptotically_stable"
    else:
        return None
    expr, variables, _ = asked.field.loss._real
    expr = expr - expr.xreplace(dict.fromkeys(variables, sympy.Integer(0)))
    options = encoded(coordinates)
    if claim == "asymptotically_stable":
        options["scope"] = "local"
    return attempted(statement(claim, system, **options), "leading form of the loss",
                     "leading_form", {"loss": write(expr)})


def leading_form(L: Any, variables: Sequence[Any], values: Sequence[Any]) -> Any:
    """Return the terms of least degree of L(x* + u) − L(x*), or None where L is no polynomial.

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y", real=True)
    >>> leading_form(x**3 - 3*x*y**2 + x**4, [x, y], [0, 0])
    x**3 - 3*x*y**2
    """
    import sympy

    moved = {v: v + sympy.Rational(c.numerator, c.denominator)
             for v, c in zip(variables, values, strict=True)}
    try:
        poly = sympy.Poly(L.xreplace(moved), *variables, domain=sympy.QQ)
    except sympy.PolynomialError:
        return None
    terms = [(m, c) for m, c in poly.terms() if any(m)]
    if not terms:
        return None
    d = min(sum(m) for m, _ in terms)
    return sympy.Poly.from_dict({m: c for m, c in terms if sum(m) == d}, *variables,
                                domain=sympy.QQ).as_expr()


def negative_direction(form: Any, variables: Sequence[Any]) -> tuple[int, ...] | None:
    """Return a small integer direction in which a form is negative, or None."""
    import sympy

    poly = sympy.Poly(form, *variables, domain=sympy.QQ)
    reach = 4 if len(variables) < 4 else 1
    for u in itertools.product(range(-reach, reach + 1), repeat=len(variables)):
        if poly.eval(u) < 0:
            return u
    return None
