"""An equilibrium on a line judged by the signs of the field on its two sides.

data: "left", "right": the sign of F just left and right of the point ("1", "-1" or "0").

The zeros of all numerators, denominators and switching functions are counted by Sturm's theorem:
none but the point lies in a small interval about it, so that F keeps one sign on either side.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import Point, field
from flowopt.stability.checks.words import escaped
from flowopt.stability.exact import Refused

#: claim -> which signs prove it
PROVES = {
    "asymptotically_stable": lambda left, right: left > 0 > right,
    "finite_time_stable": lambda left, right: left > 0 > right,
    "stable": lambda left, right: left >= 0 >= right,
    "unstable": lambda left, right: left < 0 or right > 0,
}


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that the signs beside the point prove the claim."""
    claim = statement["claim"]
    if claim not in PROVES or set(data) != {"left", "right"} or \
            (claim == "asymptotically_stable") != (statement["options"].get("scope") == "local"):
        raise Refused("signs prove local stability or instability of a point on a line")
    equations, variables = field(statement)
    if len(variables) != 1:
        raise Refused("signs on two sides judge a field on a line only")
    point, x = Point(statement["options"]), variables[0]
    if len(point.coordinates) != 1:
        raise Refused("the point must be a number")
    q = _polynomial_of(point, x)
    pieces = _Pieces(equations[0], x)
    ends = _interval(point, q, pieces.marks())
    signs = [_sign(equations[0].subs(x, end)) for end in ends]
    if [str(s) for s in signs] != [data["left"], data["right"]]:
        raise Refused("the field has other signs beside the point")
    if not PROVES[claim](*signs):
        raise Refused("these signs do not prove the claim")
    beside = [pieces.beside(end) for end in ends]
    if any(_zero_at(bottom, q) for _, bottom, _ in beside):
        raise Refused("the field may be infinite at the point")
    if claim == "finite_time_stable" and any(_zero_at(top, q) for top, _, _ in beside):
        raise Refused("the field may tend to 0 at the point")
    if signs[0] == signs[1] and not any(_zero_at(top, q) and not inner for top, _, inner in beside):
        raise Refused("the field does not vanish at the point")


def _polynomial_of(point: Point, x: Any) -> Any:
    """Return a square-free polynomial in x of which the point is a root."""
    import sympy

    h = point.coordinates[0]
    made = sympy.resultant(point.q.as_expr(), x - h.as_expr(), point.t)
    return sympy.Poly(made, x, domain=sympy.QQ).sqf_part()


def _interval(point: Point, q: Any, marks: list[Any]) -> tuple[Any, Any]:
    """Return rational ends around the point with no other zero of q and of the marks between."""
    import sympy

    rest = []
    for p in marks:
        p = p.sqf_part()
        common = sympy.gcd(p, q)
        rest.append(sympy.quo(p, common))
        rest.append(common)
    a, b = point.a, point.b
    h = point.coordinates[0]
    for _ in range(3000):
        ends = _image(h, a, b)
        if q.count_roots(*ends) == 1 and all(
                p.degree() < 1 or p.count_roots(*ends) == (1 if _divides(p, q) else 0)
                and p.eval(ends[0]) != 0 != p.eval(ends[1]) for p in rest if p.degree() > 0) \
                and q.eval(ends[0]) != 0 != q.eval(ends[1]):
            return ends
        middle = (a + b) / 2
        if point.q.eval(middle) == 0:
            a, b = (a + middle) / 2, (middle + b) / 2
        elif point.q.eval(a) * point.q.eval(middle) < 0:
            b = middle
        else:
            a = middle
    raise Refused("the point is not told from other zeros")


def _divides(p: Any, q: Any) -> bool:
    """Return whether p (a factor of q or coprime to it) vanishes where q does, in the interval."""
    import sympy

    return sympy.gcd(p, q).degree() > 0


def _image(h: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Return rational bounds, not met by the value itself, of h on [a, b]."""
    low = high = h.all_coeffs()[0]
    for c in h.all_coeffs()[1:]:
        ends = [low * a, low * b, high * a, high * b]
        low, high = min(ends) + c, max(ends) + c
    return low - (b - a), high + (b - a)


def _zero_at(p: Any, q: Any) -> bool:
    """Return whether p may vanish at the point: whether it has a factor in common with q."""
    import sympy

    return bool(p.is_zero or sympy.gcd(p, q).degree() > 0)


class _Pieces:
    """The field on each choice of sides: numerator, denominator, and what stands under roots."""

    def __init__(self, F: Any, x: Any) -> None:
        from flowopt.symbolic.regimes import Regimes

        regimes = Regimes()
        self.F, self.x, self.surfaces = regimes.smooth(F), x, regimes.smooth_surfaces
        if len(self.surfaces) > 8:
            raise Refused("there are too many switching functions")

    def placed(self, e: Any, choice: Any) -> Any:
        """Return an expression with the first sides put in."""
        import sympy

        from flowopt.symbolic.regimes import Even, Select, side_symbol

        put = {side_symbol(k): sympy.Integer(c) for k, c in enumerate(choice)}
        return e.xreplace(put).replace(Select, lambda s, a, b: a if s < 0 else b).replace(
            Even, lambda s, a: s * a)

    def marks(self) -> list[Any]:
        """Return polynomials whose zeros hold all zeros, poles and jumps of the field."""
        found: list[Any] = []
        for choice in itertools.product((-1, 1), repeat=len(self.surfaces)):
            for e in (self.F, *self.surfaces):
                top, bottom, inner = _rational(self.placed(e, choice), self.x)
                found += [top, bottom, *inner]
        return [p for p in found if p.degree() > 0]

    def beside(self, at: Any) -> tuple[Any, Any, list[Any]]:
        """Return numerator, denominator and roots of the field on the sides of a point."""
        choice: list[int] = []
        for psi in self.surfaces:
            choice.append(_sign(self.placed(psi, choice).subs(self.x, at)) or 1)
        return _rational(self.placed(self.F, choice), self.x)


def _rational(e: Any, x: Any) -> tuple[Any, Any, list[Any]]:
    """Return polynomials whose zeros hold those of numerator, denominator and inner roots."""
    import sympy

    roots = [p for p in e.atoms(sympy.Pow) if not p.exp.is_Integer]
    inner: list[Any] = []
    meaning: list[tuple[Any, Any]] = []
    while roots:  # the innermost first
        power = min(roots, key=sympy.count_ops)
        if not power.exp.is_Rational:
            raise Refused(f"{power} is not algebraic")
        w = sympy.Dummy("w")
        top, bottom = sympy.fraction(sympy.cancel(sympy.together(power.base)))
        meaning.append((w, sympy.expand(w**power.exp.q * bottom - top)))
        inner += [top, bottom]
        base, order = power.base, power.exp.q
        e = e.replace(lambda a, base=base, order=order: a.is_Pow and a.base == base
                      and not a.exp.is_Integer and a.exp.q == order,
                      lambda a, w=w: w**a.exp.p)
        roots = [p for p in e.atoms(sympy.Pow) if not p.exp.is_Integer]
    parts = [*sympy.fraction(sympy.cancel(sympy.together(e))), *inner]
    made = []
    for part in parts:
        for w, relation in reversed(meaning):
            if part.has(w):
                part = sympy.resultant(part, relation, w)
        try:
            made.append(sympy.Poly(part, x, domain=sympy.QQ))
        except sympy.polys.polyerrors.BasePolynomialError:
            raise Refused(f"{part} is no polynomial with rational coefficients") from None
    return made[0], made[1], made[2:]


def _sign(value: Any) -> int:
    if value.is_Rational:
        return int(bool(value > 0)) - int(bool(value < 0))
    from flowopt.stability.number_sign import number_sign

    return number_sign(value)


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    words = {"1": "positive", "-1": "negative", "0": "zero"}
    end = {"asymptotically_stable": "so every motion from nearby tends to it, monotonically.",
           "finite_time_stable": "and it is bounded away from 0 on either side: the point is a "
           "rest of the Filippov inclusion, reached within distance/speed and never left.",
           "stable": "so no motion moves away from it.",
           "unstable": "so the motions on one side move away from it up to a fixed distance."}
    at = statement["options"]["at"]
    return [f"By Sturm's theorem no zero, pole or jump of the field but {at} lies "
            "in a small interval around this point.",
            f"Left of it the field is {words[data['left']]}, right of it {words[data['right']]}, "
            + end[statement["claim"]]]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return escaped(explain(statement, data))
