"""An algebraic function of one variable on each choice of sides: its marks, signs and orders."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.algebraic import Number, Root, real_roots
from flowopt.stability.algebra.quotient import fraction
from flowopt.stability.algebra.zeros import factors
from flowopt.stability.rest.forms import Lift, NotAlgebraic, fraction_of, value, with_sides


def compare(a: Root, b: Root) -> int:
    """Return the sign of a − b, exactly."""
    if a.q == b.q and a.k == b.k and a.e == b.e:
        return 0
    bits = 4
    while True:
        ends = []
        for r in (a, b):
            exact = r.rational
            k, e = (0, 0) if exact is not None else r.cell(bits)
            ends.append((exact, exact) if exact is not None
                        else (Fraction(k, 2**e), Fraction(k + 1, 2**e)))
        (a0, a1), (b0, b1) = ends
        if a1 < b0 or b1 < a0 or (a0 != a1 or b0 != b1) and (a1 <= b0 or b1 <= a0):
            return -1 if a1 <= b0 else 1
        bits *= 2


def bracket_of(x: Number, root: Root) -> bool:
    """Return whether a root of q in another field is this root of q."""
    k, e = root.k, root.e
    if root.rational is not None:
        return (x - root.rational).zero
    return (x - Fraction(k, 2**e)).sign() > 0 > (x - Fraction(k + 1, 2**e)).sign()


class Pieces:
    """F on each choice of sides."""

    def __init__(self, F: Any, x: Any) -> None:
        import itertools

        from flowopt.symbolic.regimes import Regimes, side_symbol

        self.x = x
        regimes = Regimes()
        self.smooth = regimes.smooth(F)
        self.surfaces = list(regimes.smooth_surfaces)
        self.symbols = [side_symbol(i) for i in range(len(self.surfaces))]
        if len(self.surfaces) > 8:
            raise NotAlgebraic(f"{len(self.surfaces)} switching functions")
        self.choices = list(itertools.product((-1, 1), repeat=len(self.surfaces)))
        self._forms: dict[Any, Any] = {}
        self._marks: list[Root] | None = None

    def form(self, choice: Sequence[int]) -> Any:
        """Return (F, numerator, denominator, roots) on a choice of sides."""
        import sympy

        key = tuple(choice)
        if key not in self._forms:
            put = {s: sympy.Integer(c) for s, c in zip(self.symbols, key, strict=True)}
            lift = Lift()
            F = lift.rational(with_sides(self.smooth, put))
            top, bottom = fraction_of(F)
            self._forms[key] = (F, top, bottom, lift)
        return self._forms[key]

    def marks(self) -> list[Root]:
        """Return every point where F may vanish, jump, kink or be infinite, in order."""
        if self._marks is None:
            self._marks = self._found()
        return self._marks

    def _found(self) -> list[Root]:
        import sympy

        found: dict[Any, Root] = {}
        for choice in self.choices:
            put = {s: sympy.Integer(c) for s, c in zip(self.symbols, choice, strict=True)}
            _, top, bottom, lift = self.form(choice)
            polynomials = [(top, lift), (bottom, lift)]
            polynomials += [(part, lift) for base in lift.roots.values()
                            for part in fraction_of(base)]
            for psi in self.surfaces:
                inner = Lift()
                made = fraction_of(inner.rational(with_sides(psi, put)))
                polynomials += [(part, inner) for part in made]
                polynomials += [(part, inner) for base in inner.roots.values()
                                for part in fraction_of(base)]
            for polynomial, of in polynomials:
                for p in self._eliminated(polynomial, of):
                    for q, _ in factors(p):
                        for root in real_roots(q) if len(q) > 1 else []:
                            found.setdefault((tuple(root.q), root.k, root.e), root)
        return sorted(found.values(), key=functools.cmp_to_key(compare))

    def _eliminated(self, polynomial: Any, lift: Lift) -> list[list[Fraction]]:
        """Return polynomials in x that vanish wherever `polynomial` does."""
        import sympy

        made = polynomial
        for w in reversed(list(lift.roots)):
            if made.has(w):
                top, _ = fraction_of(w ** lift.orders[w] - lift.roots[w])
                made = sympy.resultant(made, top, w)
        made = sympy.Poly(made, self.x, domain=sympy.QQ)
        if made.is_zero or made.degree() < 1:
            return []
        return [[fraction(c) for c in reversed(made.rep.to_list())]]

    def sides(self, at: Fraction) -> tuple[int, ...]:
        """Return the sides at a point that is no mark."""
        import sympy

        chosen: dict[Any, Any] = {}
        for s, psi in zip(self.symbols, self.surfaces, strict=True):
            chosen[s] = sympy.Integer(self._sign_at(with_sides(psi, chosen), at) or 1)
        return tuple(int(v) for v in chosen.values())

    def sign(self, choice: Sequence[int], at: Fraction) -> int:
        """Return the sign of F at a point that is no mark; 0 where F is 0 on the whole side."""
        import sympy

        if self.form(choice)[1] == 0:
            return 0
        put = {s: sympy.Integer(c) for s, c in zip(self.symbols, choice, strict=True)}
        return self._sign_at(with_sides(self.smooth, put), at)

    def _sign_at(self, expr: Any, at: Fraction) -> int:
        lift = Lift()
        made = lift.rational(expr)
        from flowopt.stability.algebra.algebraic import number

        if not lift.roots:
            return value(made, {self.x: number(at)}).sign()
        import sympy

        exact = expr.subs(self.x, sympy.Rational(at.numerator, at.denominator))
        if fraction_of(made)[0] == 0:
            return 0
        from flowopt.stability.number_sign import number_sign

        return number_sign(exact)

    def order(self, choice: Sequence[int], root: Root) -> Fraction | None:
        """Return the order of F at a mark on one side, or None where roots hide it."""
        import sympy

        F, top, bottom, lift = self.form(choice)
        if lift.roots:
            found = self._order_of_roots(F, lift, root)
            plain = found is None and not any(
                self._vanishes(p, lift, root) for p in (top, bottom))
            return Fraction(0) if plain else found
        q = sympy.Poly(list(reversed(root.q)), self.x, domain=sympy.QQ)
        return Fraction(_times(top, q, self.x) - _times(bottom, q, self.x))

    def _vanishes(self, polynomial: Any, lift: Lift, root: Root) -> bool:
        """Return whether a polynomial in x and the roots is 0 at a mark."""
        from flowopt.stability.algebra.zeros import real_zeros

        q = sum(c * self.x**k for k, c in enumerate(root.q))
        meaning = [fraction_of(w ** lift.orders[w] - e)[0] for w, e in lift.roots.items()]
        found = real_zeros([polynomial, q, *meaning], [self.x, *lift.roots])
        return not found.complete or any(
            all(w.sign() >= 0 for w in z.coordinates[1:])
            and bracket_of(z.coordinates[0], root) for z in found.points)

    def _order_of_roots(self, F: Any, lift: Lift, root: Root) -> Fraction | None:
        """Return the order of a product of powers of roots, or None for a sum of these."""
        import sympy

        q = sympy.Poly(list(reversed(root.q)), self.x, domain=sympy.QQ)

        def visit(e: Any) -> Fraction | None:
            if e in lift.roots:
                inner = visit(lift.roots[e])
                return None if inner is None else inner / lift.orders[e]
            if not e.has(*lift.roots):
                top, bottom = fraction_of(e)
                return Fraction(_times(top, q, self.x) - _times(bottom, q, self.x))
            if e.is_Mul:
                made = [visit(a) for a in e.args]
                known = [p for p in made if p is not None]
                return sum(known, Fraction(0)) if len(known) == len(made) else None
            if e.is_Pow and e.exp.is_Integer:
                inner = visit(e.base)
                return None if inner is None else inner * int(e.exp)
            return None

        return visit(sympy.factor(F))


def _times(p: Any, q: Any, x: Any) -> int:
    """Return how often q divides the polynomial p."""
    import sympy

    made, count = sympy.Poly(p, x, domain=sympy.QQ), 0
    while not made.is_zero:
        quotient, rest = sympy.div(made, q)
        if not rest.is_zero:
            break
        made, count = quotient, count + 1
    return count
