"""Real roots and signs of rational polynomials, exactly, and the sets where conditions hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Root:
    """A positive real algebraic number: the only root of `coefficients` in [low, high].

    Attributes
    ----------
    coefficients : tuple of int
        Of its polynomial (irreducible over the rationals), highest power first.
    low, high : Fraction
        The isolating interval; equal for a rational number.
    """

    coefficients: tuple[int, ...]
    low: Fraction
    high: Fraction

    @cached_property
    def closed(self) -> Any:
        """The number in radicals (degree <= 2, binomials after a shift, lone roots of cubics)."""
        import sympy

        if self.low == self.high:
            return sympy.Rational(self.low.numerator, self.low.denominator)
        return _radicals(self)

    def refined(self, width: Fraction) -> Root:
        """Return it with an interval no wider than `width`, by bisection."""
        low, high = self.low, self.high
        if low == high:
            return self
        up = sign_at(self.coefficients, high) > 0
        while high - low > width:
            middle = (low + high) / 2
            here = sign_at(self.coefficients, middle)
            if here == 0:
                return Root(self.coefficients, middle, middle)
            if (here > 0) == up:
                high = middle
            else:
                low = middle
        return Root(self.coefficients, low, high)

    def __float__(self) -> float:
        width = Fraction(1, 2**60) * max(self.low, Fraction(1, 2**60))
        fine = self.refined(width)
        return float((fine.low + fine.high) / 2)


def sign_at(coefficients: Sequence[int], x: Fraction) -> int:
    """Return the sign of a polynomial with integer coefficients, highest power first.

    Examples
    --------
    >>> sign_at([1, 0, -2], Fraction(3, 2))
    1
    """
    a, b, total, power = x.numerator, x.denominator, 0, 1
    for c in coefficients:
        total = total * a + c * power
        power *= b
    return (total > 0) - (total < 0)


def integers(poly: Any) -> tuple[int, ...]:
    """Return the coefficients of a polynomial over the rationals as integers of gcd 1."""
    import sympy

    poly = poly.set_domain(sympy.QQ).clear_denoms(convert=True)[1].primitive()[1]
    return tuple(int(c) for c in poly.all_coeffs())


#: digits of the coefficients up to which a polynomial is split into irreducible factors
FACTORED = 120


def positive_roots(poly: Any) -> list[Root]:
    """Return the distinct positive roots of a polynomial over the rationals, in their order.

    Its factors are irreducible unless its coefficients are very long.

    Parameters
    ----------
    poly : sympy.Poly
        In one variable.
    """
    import sympy

    poly = sympy.Poly(list(integers(poly)), poly.gen, domain="ZZ")
    short = max(len(str(c)) for c in integers(poly)) <= FACTORED
    factors = [f for f, _ in poly.factor_list()[1]] if short else (
        [poly.sqf_part()] if poly.degree() > 0 else [])
    found: list[Root] = []
    for factor in factors:
        coefficients = integers(factor)
        if len(coefficients) == 2:
            value = Fraction(-coefficients[1], coefficients[0])
            if value > 0:
                found.append(Root(coefficients, value, value))
            continue
        for ends, _ in factor.intervals(inf=0):
            low, high = (Fraction(int(v.p), int(v.q)) for v in ends)
            root = Root(coefficients, low, high)
            if root.high > 0:
                found.append(root.refined(min(root.high, Fraction(1)) / 2**20))
    return _apart(found)


def _apart(found: list[Root]) -> list[Root]:
    """Refine until no two intervals meet, and none holds 0; the roots are distinct."""
    while True:
        found.sort(key=lambda r: (r.low + r.high))
        clash = [i for i in range(len(found) - 1) if found[i].high >= found[i + 1].low]
        zero = [i for i, r in enumerate(found) if r.low <= 0]
        if not clash and not zero:
            return found
        for i in {*clash, *(i + 1 for i in clash), *zero}:
            r = found[i]
            found[i] = r.refined((r.high - r.low) / 4)


def samples(roots: Sequence[Root]) -> list[Fraction]:
    """Return a simple positive rational before, between and after the roots."""
    if not roots:
        return [Fraction(1)]
    edges = [(Fraction(0), roots[0].low)]
    edges += [(a.high, b.low) for a, b in zip(roots, roots[1:], strict=False)]
    return [*(_simple(a, b) for a, b in edges), roots[-1].high + 1]


def _simple(a: Fraction, b: Fraction) -> Fraction:
    """Return a dyadic number strictly between a < b."""
    q = 1
    while True:
        p = (a * q).__floor__() + 1
        if a < Fraction(p, q) < b:
            return Fraction(p, q)
        q *= 2


def holds_where(polys: Sequence[Any]) -> list[tuple[Root | None, Root | None]]:
    """Return the open intervals of z > 0 on which all polynomials are > 0.

    None for the left end is 0, for the right end infinity. Where two intervals meet, their common
    end is left out.

    Parameters
    ----------
    polys : sequence of sympy.Poly
        In one variable over the rationals.

    Examples
    --------
    >>> import sympy
    >>> z = sympy.Symbol("z")
    >>> [(float(a), float(b)) for a, b in holds_where([sympy.Poly((z - 1)*(2 - z), z)])]
    [(1.0, 2.0)]
    """
    import sympy

    if any(p.is_zero for p in polys):
        return []
    parts: list[Any] = []
    for p in polys:  # without common roots, so that no root is found twice
        left = sympy.Poly(list(integers(p)), p.gen, domain="ZZ").sqf_part()
        for known in parts:
            left = left.quo(left.gcd(known))
        if left.degree() > 0:
            parts.append(left)
    roots = _apart([r for p in parts for r in positive_roots(p)])
    rows = [(integers(p), 1 if p.LC() > 0 else -1) for p in polys]
    ends: list[Root | None] = [None, *roots, None]
    return [(ends[i], ends[i + 1]) for i, x in enumerate(samples(roots))
            if all(sign_at(row, x) * (1 if row[0] > 0 else -1) * lead > 0 for row, lead in rows)]


def _radicals(root: Root) -> Any:
    """Return a root in radicals where that is short, else None."""
    import sympy

    z = sympy.Symbol("z")
    poly = sympy.Poly(root.coefficients, z)
    degree = poly.degree()
    candidates: list[Any] = []
    if degree == 2:
        candidates = list(sympy.roots(poly))
    elif degree >= 3:
        shift = -sympy.Rational(root.coefficients[1], degree * root.coefficients[0])
        moved = poly.compose(sympy.Poly(z + shift, z))
        middle = moved.all_coeffs()[1:-1]
        if all(c == 0 for c in middle):  # a (z − s)ⁿ + b
            ratio = -sympy.sympify(moved.all_coeffs()[-1]) / moved.LC()
            radical = sympy.real_root(ratio, degree) if degree % 2 else (
                sympy.root(ratio, degree) if ratio > 0 else None)
            if radical is not None:
                candidates = [shift + radical, shift - radical]
        elif degree == 3 and sympy.discriminant(poly.as_expr(), z) < 0:
            candidates = [_cardano(moved, shift)]
    for value in candidates:
        number = sympy.N(value, 40)
        if number.is_real and _inside(root, number):
            return value
    return None


def _cardano(depressed: Any, shift: Any) -> Any:
    """Return the lone real root of a cubic: t³ + pt + q, moved by `shift`."""
    import sympy

    a, _, b, c = depressed.all_coeffs()
    p, q = sympy.Rational(b) / a, sympy.Rational(c) / a
    inner = sympy.sqrt(q**2 / 4 + p**3 / 27)
    # u³ = −q/2 ± √…, the one that does not cancel; the other part is −p/(3u)
    cube = -q / 2 + inner if q <= 0 else -q / 2 - inner
    u = sympy.real_root(cube, 3)
    return shift + u - p / (3 * u)


def _inside(root: Root, number: Any) -> bool:
    fine = root.refined(Fraction(1, 10**30))
    slack = Fraction(1, 10**25)
    value = Fraction(str(number))
    return fine.low - slack < value < fine.high + slack
