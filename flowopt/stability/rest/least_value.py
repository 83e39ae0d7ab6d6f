"""The least value of a polynomial that grows to infinity: the least of its critical values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.rest.forms import value


def grows(L: Any, variables: Sequence[Any]) -> bool:
    """Return whether it is proved that a polynomial tends to infinity in every direction.

    Either each variable has a pure even power that dominates all terms but positive even ones
    (see `_tops_dominate`), or the leading form is positive definite: a quadratic form, or in two
    variables a form without a real zero (Sturm).

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y", real=True)
    >>> grows(x**4 - x**2*y**2 + y**4 - x**3, [x, y]), grows((x - y)**2, [x, y])
    (True, False)
    """
    import sympy

    try:
        poly = sympy.Poly(L, *variables, domain=sympy.QQ)
    except sympy.PolynomialError:
        return False
    d = poly.total_degree()
    if d < 1:
        return False
    if _tops_dominate(poly):
        return True
    lead = sympy.Poly.from_dict({m: c for m, c in poly.terms() if sum(m) == d}, *variables,
                                domain=sympy.QQ)
    if d % 2:
        return False
    if d == 2:
        from flowopt.stability.exact import NotPSD, ldl

        n = len(variables)
        unit = [tuple(int(i == j) for j in range(n)) for i in range(n)]
        q = [[sympy.Rational(lead.coeff_monomial(tuple(
            a + b for a, b in zip(unit[i], unit[j], strict=True)))) / (1 if i == j else 2)
            for j in range(n)] for i in range(n)]
        try:
            return all(v > 0 for v in ldl(q)[1])
        except NotPSD:
            return False
    if len(variables) == 2:
        x, y = variables
        if lead.eval((0, 1)) <= 0:
            return False
        side = sympy.Poly(lead.as_expr().xreplace({x: sympy.Integer(1)}), y, domain=sympy.QQ)
        return bool(side.eval(0) > 0 and side.count_roots() == 0)
    return False


def _tops_dominate(poly: Any) -> bool:
    """Return whether pure powers c_i x_i^(2k_i), c_i > 0, outgrow every other term.

    |x^m| ≤ (Σ |x_i|^(2k_i))^w with w = Σ m_i/(2k_i), so that terms with w < 1 do not matter.
    """
    from fractions import Fraction

    terms = poly.terms()
    tops = []
    for i in range(len(poly.gens)):
        pure = [m[i] for m, _ in terms if m[i] and sum(m) == m[i]]
        if not pure or max(pure) % 2:
            return False
        tops.append(max(pure))
    for m, c in terms:
        weight = sum((Fraction(e, t) for e, t in zip(m, tops, strict=True)), Fraction(0))
        if weight >= 1 and (c < 0 or any(e % 2 for e in m)):
            return False
    return True


def least_value(L: Any, variables: Sequence[Any], points: Sequence[Any]) -> Any:
    """Return the critical point of least value, or None where no least value is proved.

    Parameters
    ----------
    L : sympy.Expr
        The loss, exact.
    points : sequence of tuple of Number
        All its critical points.
    """
    if not points or not grows(L, variables):
        return None
    values = [(value(L, dict(zip(variables, p, strict=True))), p) for p in points]
    best = values[0]
    for one in values[1:]:
        if below(one[0], best[0]):
            best = one
    return best[1]


def below(a: Number, b: Number) -> bool:
    """Return whether a < b, by bounds; equal numbers of different fields count as not below."""
    bits = 32
    while bits <= 4096:
        (a0, a1), (b0, b1) = a.bounds(bits), b.bounds(bits)
        if a1 < b0 or b1 < a0:
            return a1 < b0
        if a0 == a1 == b0 == b1:
            return False
        bits *= 2
    return False
