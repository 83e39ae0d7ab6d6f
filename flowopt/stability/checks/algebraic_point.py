"""What the checkers of equilibria share: a point of a statement, and signs at it.

Everything is a polynomial in alpha over Q modulo q. The sign of p(alpha) follows from bounds on a
small cell of alpha, or from a Tarski query: with Sturm's sequence of q and q' p, V(a) − V(b) is the
sum of the signs of p at the roots of q in (a, b), of which alpha is the only one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.exact import Refused, fraction, rational, read
from flowopt.stability.points import shown


class Point:
    """The point of a statement, and arithmetic at it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        import sympy

        self.t = sympy.Symbol("alpha", real=True)
        self._simple = False  # one root in the cell is not known yet
        self.q = self._poly(options["root"])
        k, e = (int(fraction(v)) for v in options["cell"])
        if self.q.degree() < 1 or not 0 <= e < 10_000 or len(options["cell"]) != 2:
            raise Refused("the point needs a polynomial of degree >= 1 and a cell")
        self.a, self.b = sympy.Rational(k, 2**e), sympy.Rational(k + 1, 2**e)
        if self.q.degree() == 1:
            c1, c0 = self.q.all_coeffs()
            self.a, self.b = -c0 / c1 - 1, -c0 / c1 + 1
        if 0 in (self.q.eval(self.a), self.q.eval(self.b)) or not self.q.is_sqf or \
                self.sign(self._poly(["1"])) != 1:
            raise Refused("the cell must hold exactly one root of the polynomial")
        self._whole = [Fraction(int(c.p), int(c.q)) for c in self.q.all_coeffs()]
        self._falls = self.q.eval(self.a) > 0
        self._cells = [(Fraction(int(self.a.p), int(self.a.q)),
                        Fraction(int(self.b.p), int(self.b.q)))]
        self._simple = True
        self.coordinates = [self.reduced(self._poly(row)) for row in options["coordinates"]]
        if all(c.degree() < 1 for c in self.coordinates) and (
                list(options["root"]) != ["0", "1"] or list(options["cell"]) != ["0", "0"]):
            raise Refused("a rational point must have root alpha and cell 0, 0")
        if options["at"] != shown(options["root"], options["cell"], options["coordinates"]):
            raise Refused("the text of the point is not that of its numbers")

    def _poly(self, row: Sequence[str]) -> Any:
        import sympy

        if isinstance(row, str):
            raise Refused("a polynomial must be a list of coefficients")
        return sympy.Poly([rational(c) for c in reversed(row)] or [0], self.t, domain=sympy.QQ)

    def reduced(self, p: Any) -> Any:
        """Return p modulo q."""
        return p.rem(self.q)

    def sign(self, p: Any) -> int:
        """Return the sign of p(alpha): by bounds on ever smaller cells, else by a Tarski query."""
        import sympy

        p = p.rem(self.q)
        if p.is_zero:
            return 0
        if p.degree() < 1:
            return 1 if p.LC() > 0 else -1
        if self._simple:
            for bits in (64, 256, 1024):
                low, high = self._bounds(p, bits)
                if low > 0 or high < 0:
                    return 1 if low > 0 else -1
        chain = [self.q, (self.q.diff(self.t) * p).rem(self.q)]
        while not chain[-1].is_zero:
            chain.append(-chain[-2].rem(chain[-1]))
        values = [[c.eval(end) for c in chain[:-1]] for end in (self.a, self.b)]
        changes = [sum(bool(u * v < 0) for u, v in zip(kept, kept[1:], strict=False))
                   for kept in ([v for v in row if v != 0] for row in values)]
        return int(sympy.Integer(changes[0] - changes[1]))

    def _bounds(self, p: Any, bits: int) -> tuple[Fraction, Fraction]:
        """Return rational bounds of p(alpha), by Horner's rule on a cell of alpha."""
        while len(self._cells) <= bits:  # halved by the sign of q in the middle
            a, b = self._cells[-1]
            middle = (a + b) / 2
            value = Fraction(0)
            for c in self._whole:
                value = value * middle + c
            self._cells.append((middle, b) if (value > 0) == self._falls else (a, middle))
        a, b = self._cells[bits]
        low = high = Fraction(0)
        for c in p.all_coeffs():
            ends = (low * a, low * b, high * a, high * b)
            c = Fraction(int(c.p), int(c.q))
            low, high = min(ends) + c, max(ends) + c
        return low, high

    def inverse(self, p: Any) -> Any:
        """Return 1/p modulo q."""
        import sympy

        try:
            return sympy.invert(p, self.q)
        except (sympy.polys.polyerrors.NotInvertible, ZeroDivisionError):
            raise Refused("a denominator is 0 at the point") from None

    def value(self, expr: Any, variables: Sequence[Any]) -> Any:
        """Return a rational expression of the variables at the point, modulo q."""
        import sympy

        plain = expr.is_polynomial(*variables)
        parts = []
        for part in (expr, sympy.Integer(1)) if plain else sympy.fraction(
                sympy.cancel(sympy.together(expr))):
            try:
                poly = sympy.Poly(part, *variables, domain=sympy.QQ)
            except sympy.polys.polyerrors.BasePolynomialError:
                raise Refused(f"{part} is no polynomial with rational coefficients") from None
            total = self._poly(["0"])
            powers: dict[tuple[int, int], Any] = {}
            for monomial, c in poly.terms():
                term = self._poly([str(c)])
                for i, power in enumerate(monomial):
                    if power:
                        if (i, power) not in powers:
                            powers[i, power] = self._power(self.coordinates[i], power)
                        term = self.reduced(term * powers[i, power])
                total = total + term
            parts.append(self.reduced(total))
        return self.reduced(parts[0] * self.inverse(parts[1]))

    def _power(self, p: Any, n: int) -> Any:
        made = self._poly(["1"])
        for _ in range(n):
            made = self.reduced(made * p)
        return made


def field(statement: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return the equations of a statement about an autonomous field, and its variables."""
    system = statement["system"]
    if system["kind"] != "field" or statement["domain"] is not None or statement["assumptions"] \
            or statement["V"] is not None:
        raise Refused("the claim must be about a field as it stands, on the whole space")
    names = list(system["variables"])
    if len(set(names)) != len(names) or len(names) != len(system["equations"]):
        raise Refused("there must be one equation for each variable")
    values = {name: rational(v) for name, v in system["parameters"].items()}
    made = [read(e, [*names, *values]) for e in system["equations"]]
    by_name = {str(s): s for e in made for s in e.free_symbols}
    import sympy

    made = [e.xreplace({by_name[n]: v for n, v in values.items() if n in by_name}) for e in made]
    return made, [sympy.Symbol(n, real=True) for n in names]


def parameters_put(statement: Mapping[str, Any]) -> tuple[list[Any], list[Any], Any]:
    """Return the equations of an autonomous field, its variables, and V, with exact numbers."""
    import sympy

    made, variables = field({**statement, "V": None, "domain": None})
    values = {k: rational(v) for k, v in statement["system"]["parameters"].items()}
    V = read(statement["V"], [*map(str, variables), *values])
    return made, variables, V.xreplace({sympy.Symbol(k, real=True): v for k, v in values.items()})


def list_of(texts: Any, length: int) -> list[Any]:
    """Return a list of that length, or refuse."""
    if not isinstance(texts, list) or len(texts) != length:
        raise Refused(f"a list of {length} entries is needed")
    return texts
