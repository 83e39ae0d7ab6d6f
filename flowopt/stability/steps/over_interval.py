"""Steps that are stable for every curvature of an interval, exactly.

A condition c(u, λ) > 0 for all λ ∈ [μ, ℓ]: its truth can change only at steps u where c vanishes
at an end, where two of its roots in λ meet (an interior critical λ), or where its degree in λ
falls. Between these steps one rational u decides, by Sturm's theorem on [μ, ℓ].
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.roots import Root, positive_roots, samples


def holds_for_all(conditions: Sequence[Any], step: Any, lam: Any, mu: Fraction, ell: Fraction
                  ) -> list[tuple[Root | None, Root | None]]:
    """Return the open intervals of steps for which all conditions are > 0 on [μ, ℓ].

    Parameters
    ----------
    conditions : sequence of sympy.Expr
        Polynomials in the step and λ over the rationals.
    step, lam : sympy.Symbol
        The two variables.
    mu, ell : Fraction
        The ends, mu <= ell.

    Examples
    --------
    >>> import sympy
    >>> h, k = sympy.symbols("h k")
    >>> (low, high), = holds_for_all([h*k, 2 - h*k], h, k, Fraction(1), Fraction(4))
    >>> low, float(high)
    (None, 0.5)
    """
    import sympy

    ends = [sympy.Rational(v.numerator, v.denominator) for v in (mu, ell)]
    product = sympy.Poly(1, step)
    polys = []
    for condition in conditions:
        for factor, _ in sympy.factor_list(condition)[1]:
            inner = sympy.Poly(factor, lam)
            critical = [factor.subs(lam, e) for e in ends]
            if inner.degree() >= 1:
                critical.append(inner.LC())
            if inner.degree() >= 2:
                critical.append(sympy.discriminant(factor, lam))
            for c in critical:
                made = sympy.Poly(c, step)
                if not made.is_zero:
                    product = product.lcm(made.set_domain(sympy.QQ))
        polys.append(sympy.Poly(condition, step, lam))
    roots = positive_roots(product) if product.degree() > 0 else []
    kept: list[bool] = []
    for u in samples(roots):
        at = sympy.Rational(u.numerator, u.denominator)
        kept.append(all(_positive_on(sympy.Poly(p.as_expr().subs(step, at), lam), *ends)
                        for p in polys))
    found: list[tuple[Root | None, Root | None]] = []
    marks: list[Root | None] = [None, *roots, None]
    for i, good in enumerate(kept):
        if good and found and kept[i - 1] and _holds_at(polys, roots[i - 1], *ends):
            found[-1] = (found[-1][0], marks[i + 1])
        elif good:
            found.append((marks[i], marks[i + 1]))
    return found


def _holds_at(polys: Sequence[Any], root: Root, a: Any, b: Any) -> bool:
    """Return whether the conditions are shown to be > 0 on [a, b] at a root itself.

    On |u − m| <= r, c(u, λ) >= c(m, λ) − r·B with B a bound of |∂c/∂u| by coefficients.
    """
    import sympy

    for width in (2**30, 2**80, 2**160):
        fine = root.refined(Fraction(1, width))
        middle, radius = (fine.low + fine.high) / 2, (fine.high - fine.low) / 2
        good = True
        for p in polys:
            u, lam = p.gens
            bound = sum(abs(Fraction(int(c.p), int(c.q))) * i * fine.high**max(i - 1, 0)
                        * Fraction(int(b.p), int(b.q))**j for (i, j), c in p.terms())
            less = radius * bound
            at = sympy.Rational(middle.numerator, middle.denominator)
            lowered = sympy.Poly(p.as_expr().subs(u, at)
                                 - sympy.Rational(less.numerator, less.denominator), lam)
            good = good and _positive_on(lowered, a, b)
        if good:
            return True
    return False


def _positive_on(poly: Any, a: Any, b: Any) -> bool:
    """Return whether a polynomial is > 0 on the closed interval, by Sturm's count."""
    if poly.eval(a) <= 0 or poly.eval(b) <= 0:
        return False
    return poly.degree() < 1 or poly.count_roots(a, b) == 0
