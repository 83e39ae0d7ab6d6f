"""A rest on one switching surface, by the motion across and along it (Filippov).

data: "sides": the side of each switching function at the point, "0" for the surface it lies on;
"characteristic": det(lambda − J)/lambda for the Jacobian J of the sliding motion, ascending, its
coefficients polynomials in alpha.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import Point, field, list_of
from flowopt.stability.checks.eigenvalues import (
    HALVINGS,
    _characteristic,
    _dot,
    _minors,
    _shifted,
)
from flowopt.stability.checks.words import escaped
from flowopt.stability.exact import Refused, rational


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify the rest, the directions across the surface, and the eigenvalues along it."""
    claim, options = statement["claim"], statement["options"]
    if claim not in ("asymptotically_stable", "unstable") or set(data) != {
            "sides", "characteristic"} or (claim != "unstable") != (
            options.get("scope") == "local"):
        raise Refused("the sliding motion proves local asymptotic stability or instability only")
    equations, variables = field(statement)
    point = Point(options)
    if len(point.coordinates) != len(variables):
        raise Refused("the point has another dimension")
    upper, lower, psi = _two_sides(equations, variables, point, data["sides"])
    f, g = ([point.value(e, variables) for e in side] for side in (upper, lower))
    normal = [psi.diff(v) for v in variables]
    n = [point.value(e, variables) for e in normal]
    above, below = (_dot(n, side, point) for side in (f, g))
    up, down = point.sign(above), point.sign(below)
    if up * down >= 0:
        raise Refused("the fields of the two sides do not oppose each other across the surface")
    # 0 = t f + (1 − t) g with t = b/(b − a) in (0, 1), a and b the components across
    inverse = point.inverse(point.reduced(below - above))
    t = point.reduced(below * inverse)
    for u, v in zip(f, g, strict=True):
        if not point.reduced(t * u + (1 - t) * v).is_zero:
            raise Refused("0 does not lie between the fields of the two sides")
    chi = _along(upper, lower, normal, variables, point, t, inverse)
    given = list_of(data["characteristic"], len(chi))
    for c, row in zip(chi, given, strict=True):
        if not row or [str(rational(v)) for v in row] != list(row) or len(row) > max(
                1, point.q.degree()) or (len(row) > 1 and row[-1] == "0") or \
                not (point._poly(row) - c).is_zero:
            raise Refused("the characteristic polynomial is not that of the sliding motion")
    if claim == "asymptotically_stable":
        if up > 0 or (len(chi) > 1 and any(point.sign(m) <= 0 for m in _minors(chi, point))):
            raise Refused("the surface or the motion along it does not attract")
    elif up < 0:
        _one_right(chi, point)


def _two_sides(equations: list[Any], variables: list[Any], point: Point, sides: Any
               ) -> tuple[list[Any], list[Any], Any]:
    """Return the field on both sides of the one surface through the point, and its function."""
    import sympy

    from flowopt.symbolic.regimes import Even, Regimes, Select, side_symbol

    regimes = Regimes()
    smooth = [regimes.smooth(e) for e in equations]
    list_of(sides, len(regimes.surfaces))
    if list(sides).count("0") != 1:
        raise Refused("the point must lie on exactly one surface")
    own = list(sides).index("0")

    def placed(e: Any, put: Mapping[Any, Any]) -> Any:
        return e.xreplace(put).replace(Select, lambda s, a, b: a if s < 0 else b).replace(
            Even, lambda s, a: s * a)

    made = []
    for side in (1, -1):
        put: dict[Any, Any] = {}
        for k, psi in enumerate(regimes.smooth_surfaces):
            here = placed(psi, put)
            sign = point.sign(point.value(here, variables))
            if (k == own) != (sign == 0) or (k != own and sides[k] != str(sign)):
                raise Refused("the point does not lie on these sides of the switching surfaces")
            if k == own:
                surface = here
            put[side_symbol(k)] = sympy.Integer(side if k == own else sign)
        made.append([placed(e, put) for e in smooth])
        for k, psi in enumerate(regimes.smooth_surfaces):
            if k > own and side_symbol(own) in psi.free_symbols:
                raise Refused("another switching function holds the side of this surface")
    return made[0], made[1], surface


def _along(upper: list[Any], lower: list[Any], normal: list[Any], variables: list[Any],
           point: Point, t: Any, inverse: Any) -> list[Any]:
    """Return det(lambda − J)/lambda for J = t Df + (1 − t) Dg + (f − g) Dt."""
    a = sum(n * u for n, u in zip(normal, upper, strict=True))
    b = sum(n * v for n, v in zip(normal, lower, strict=True))
    f, g = ([point.value(e, variables) for e in side] for side in (upper, lower))
    matrix = []
    # t = b/(b − a): Dt = ((1 − t) Db + t Da)/(b − a)
    slope = [point.reduced(((1 - t) * point.value(b.diff(v), variables)
                            + t * point.value(a.diff(v), variables)) * inverse)
             for v in variables]
    for i, (u, w) in enumerate(zip(upper, lower, strict=True)):
        matrix.append([point.reduced(t * point.value(u.diff(v), variables)
                                     + (1 - t) * point.value(w.diff(v), variables)
                                     + (f[i] - g[i]) * slope[k])
                       for k, v in enumerate(variables)])
    chi = _characteristic(matrix, point)
    if not chi[0].is_zero:
        raise Refused("the sliding motion has no eigenvalue 0 across the surface")
    return chi[1:]


def _one_right(chi: list[Any], point: Point) -> None:
    import sympy

    if len(chi) > 1:
        for k in range(HALVINGS):
            moved = _shifted(chi, sympy.Rational(1, 2**k), point)
            if any(point.sign(m) < 0 for m in _minors(moved, point)):
                return
    raise Refused("no eigenvalue with positive real part is found along the surface")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    stable = statement["claim"] == "asymptotically_stable"
    return [f"{statement['options']['at']} lies on one switching surface (the sides of all are "
            f"{', '.join(data['sides'])}). The fields f and g of its two sides oppose each other "
            "there, and 0 = t*f + (1 - t)*g with t in (0, 1): a rest of the Filippov inclusion.",
            "The sliding motion t(x)*f + (1 - t(x))*g with grad(psi).(t*f + (1 - t)*g) = 0 has at "
            "the rest one eigenvalue 0 across the surface; the others are the roots of the given "
            "polynomial.",
            "Both fields point at the surface, which nearby motions reach in finite time, and all "
            "Hurwitz minors of this polynomial are positive: asymptotically stable." if stable else
            "Either both fields point away from the surface, or an eigenvalue along it has a "
            "positive real part (a Hurwitz minor of the moved polynomial is negative): unstable."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return escaped(explain(statement, data))
