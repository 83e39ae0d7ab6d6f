"""The statement of a set of stable steps, read: its matrix, its step, and the ranges of symbols."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.exact import Refused, fraction, read

RANGE = re.compile(r"(0 <= (?P<unit>\w+) < 1|0 < (?P<portion>\w+) <= 1|0 < (?P<inner>\w+) < 1"
                    r"|(?P<positive>\w+) > 0|(?P<low>[0-9/]+) <= (?P<between>\w+) <= "
                    r"(?P<high>[0-9/]+))")


class Claim:
    """The statement, read: the polynomial, the step and the ranges of the symbols."""

    def __init__(self, statement: Mapping[str, Any]) -> None:
        import sympy

        system, options = statement["system"], statement["options"]
        self.system, self.options = system, options
        self.ranges: dict[str, str] = {}
        self.between: tuple[str, Fraction, Fraction] | None = None
        for text in statement["assumptions"]:
            found = RANGE.fullmatch(text)
            if found is None:
                continue  # words about the model, which bind nothing here
            for kind in ("unit", "portion", "inner", "positive"):
                if found[kind]:
                    self.ranges[found[kind]] = kind
            if found["between"]:
                self.ranges[found["between"]] = "positive"
                self.between = (found["between"], fraction(found["low"]),
                                fraction(found["high"]))
                if not 0 < self.between[1] <= self.between[2]:
                    raise Refused("the interval of curvatures must lie above 0")
        if self.ranges.get(options["step"]) != "positive":
            raise Refused("the step must be assumed > 0")
        numbers = {k: fraction(v) for k, v in system["parameters"].items()}
        self.names = set(self.ranges)
        values = {sympy.Symbol(k, **({"positive": True} if v > 0 else {"real": True})):
                  sympy.Rational(v.numerator, v.denominator) for k, v in numbers.items()}
        variables = list(system["variables"])
        known = {*self.names, *numbers, *variables}
        self.step = self.symbol(options["step"])
        own = [sympy.Symbol(v, real=True) for v in variables]
        self.matrix = sympy.zeros(len(own), len(own))
        for i, text in enumerate(system["equations"]):
            above = [k for k, v in numbers.items() if v > 0]
            expr = read(text, known, positive=[*self.names, *above]).subs(values)
            for j, v in enumerate(own):
                self.matrix[i, j] = expr.diff(v)
                if self.matrix[i, j].free_symbols & set(own):
                    raise Refused("the equations are not linear")
            if sympy.expand(expr - sum(self.matrix[i, j] * v for j, v in enumerate(own))) != 0:
                raise Refused("the equations are not linear")
        self.coefficients: list[Any] = []

    @staticmethod
    def symbol(name: str) -> Any:
        """Return the positive symbol of a name."""
        import sympy

        return sympy.Symbol(name, positive=True)

    def characteristic(self) -> list[Any]:
        """Return the coefficients of the characteristic polynomial, of ζⁿ first."""
        import sympy

        zeta = sympy.Symbol("zeta")
        if self.system["kind"] == "map":
            made = [sympy.cancel(sympy.together(c))
                    for c in self.matrix.charpoly(zeta).all_coeffs()]
        elif self.system["kind"] == "field":
            above, below = (self._of_field(self.options[k]) for k in ("numerator", "denominator"))
            made = sympy.Poly((zeta * below - above).det(method="berkowitz"), zeta).all_coeffs()
        else:
            raise Refused("the system must be a map or a field")
        total = sympy.Integer(1)
        for c in made:
            total = sympy.lcm(total, sympy.fraction(sympy.together(c))[1])
        return [sympy.expand(sympy.cancel(c * total)) for c in made]

    def _of_field(self, texts: Any) -> Any:
        import sympy

        n = self.matrix.shape[0]
        total, power = sympy.zeros(n, n), sympy.eye(n)
        for text in texts:
            c = fraction(text)
            total += sympy.Rational(c.numerator, c.denominator) * power
            power = (power * self.matrix * self.step).applyfunc(sympy.expand)
        return total.applyfunc(sympy.expand)


def same_polynomial(claim: Claim, texts: Any) -> None:
    """Refuse unless the given polynomial is the one of the equations, but for a factor."""
    import sympy

    given = [read(t, claim.names, positive=claim.names) for t in texts]
    own = claim.coefficients
    if len(given) != len(own) or given[0] == 0:
        raise Refused("the characteristic polynomial has another degree")
    if any(sympy.expand(a * own[0] - b * given[0]) != 0
           for a, b in zip(given, own, strict=True)):
        raise Refused("the characteristic polynomial is not that of the equations")
    gens = sorted({s for c in given for s in c.free_symbols} | {claim.step}, key=str)
    common = sympy.Poly(given[0], *gens)
    for c in given[1:]:
        common = common.gcd(sympy.Poly(c, *gens))
    if not common.is_ground or abs(sympy.Poly(given[0], *gens).primitive()[0]) == 0:
        raise Refused("the characteristic polynomial holds a common factor")
