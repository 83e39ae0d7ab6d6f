"""A degenerate critical point of a polynomial loss: a strict local minimum, or none at all."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.points import encoded
from flowopt.stability.rest.least_value import grows
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Verdict


def verdict(asked: Any, coordinates: Sequence[Number], system: Any) -> Verdict | None:
    """Return what the lowest terms of L say of the gradient flow at a rational point, or None."""
    import sympy

    from flowopt.stability.exact import write
    from flowopt.stability.rest.judge import attempted

    values = [c.fraction for c in coordinates]
    if None in values or any(sympy.expand(e + asked.loss.diff(v)) != 0 for e, v in
                             zip(asked.equations, asked.variables, strict=True)):
        return None
    found = strict_minimum(asked.loss, asked.variables, values)
    if found is None:
        return None
    claim = "asymptotically_stable" if found else "unstable"
    expr, variables, _ = asked.field.loss._real
    expr = expr - expr.xreplace(dict.fromkeys(variables, sympy.Integer(0)))
    options = encoded(coordinates)
    if claim == "asymptotically_stable":
        options["scope"] = "local"
    return attempted(statement(claim, system, **options), "lowest terms of the loss",
                     "leading_form", {"loss": write(expr)})


def strict_minimum(L: Any, variables: Sequence[Any], values: Sequence[Any]) -> bool | None:
    """Return whether a polynomial has a strict, isolated minimum at a point; None: not decided.

    It has none where L falls along a line through the point (lowest term odd or negative), for
    small integer directions. It has one where the form of least degree is positive definite, or
    where pure even powers c_i u_i^(2k_i), c_i > 0, are the lowest terms in the weights 1/(2k_i).

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y", real=True)
    >>> [strict_minimum(L, [x, y], [0, 0]) for L in (x**2 + y**4, x**2 + y**3, x**2 - y**4,
    ...                                              (x - y**2)**2)]
    [True, False, False, None]
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
    if falls(terms, len(variables)):
        return False
    d = min(sum(m) for m, _ in terms)
    lead = sympy.Poly.from_dict({m: c for m, c in terms if sum(m) == d}, *variables,
                                domain=sympy.QQ)
    return True if grows(lead.as_expr(), variables) or bottoms_dominate(terms) else None


def falls(terms: Sequence[Any], n: int) -> bool:
    """Return whether a polynomial takes negative values along a line through 0."""
    reach = 4 if n < 3 else 2 if n < 5 else 1
    for u in itertools.product(range(-reach, reach + 1), repeat=n):
        along: dict[int, Any] = {}
        for m, c in terms:
            value = c
            for a, e in zip(u, m, strict=True):
                value = value * a**e
            along[sum(m)] = along.get(sum(m), 0) + value
        lowest = min((k for k, v in along.items() if v), default=None)
        if lowest is not None and (lowest % 2 or along[lowest] < 0):
            return True
    return False


def bottoms_dominate(terms: Sequence[Any]) -> bool:
    """Return whether pure even powers with positive coefficients are the lowest terms.

    A term u^m with weight Σ m_i/(2k_i) > 1 is small beside Σ c_i u_i^(2k_i) near 0. Then the sum of
    u_i ∂_iL/(2k_i) is positive off 0, so that 0 is an isolated critical point as well.
    """
    n = len(terms[0][0])
    lowest = []
    for i in range(n):
        pure = [m[i] for m, _ in terms if m[i] and sum(m) == m[i]]
        if not pure or min(pure) % 2:
            return False
        lowest.append(min(pure))
    for m, c in terms:
        weight = sum((Fraction(e, k) for e, k in zip(m, lowest, strict=True)), Fraction(0))
        if weight < 1 or (weight == 1 and (c < 0 or any(e % 2 for e in m))):
            return False
    return True
