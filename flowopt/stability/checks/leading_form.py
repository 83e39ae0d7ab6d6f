"""Gradient flow of a polynomial at a rational critical point, by the leading form of the loss.

data: "loss", without its constant. With L(x* + u) − L(x*) = P(u) + terms of higher degree:

    P < 0 in a small integer direction: x* is no local minimum, so it is not stable;
    P positive definite: x* is a strict local minimum and an isolated critical point, so it is
    asymptotically stable.

Both hold for analytic losses (Absil and Kurdyka, Systems & Control Letters 55 (2006) 573).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import field
from flowopt.stability.exact import Refused, ldl, rational, read
from flowopt.stability.points import shown


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that the field is −∇L, and the sign of the leading form."""
    import sympy

    if set(data) != {"loss"}:
        raise Refused("the certificate has other entries than it must have")
    equations, variables = field(statement)
    options = statement["options"]
    if list(options["root"]) != ["0", "1"] or any(len(r) != 1 for r in options["coordinates"]) or \
            options["at"] != shown(options["root"], options["cell"], options["coordinates"]) or \
            list(options["cell"]) != ["0", "0"]:
        raise Refused("the point must be rational")
    point = [rational(r[0]) for r in options["coordinates"]]
    values = {k: rational(v) for k, v in statement["system"]["parameters"].items()}
    L = read(data["loss"], [*map(str, variables), *values])
    L = L.xreplace({sympy.Symbol(k, real=True): v for k, v in values.items()})
    if len(point) != len(variables):
        raise Refused("the point has another dimension")
    try:
        poly = sympy.Poly(L, *variables, domain=sympy.QQ)
        if any(not (sympy.Poly(e, *variables, domain=sympy.QQ) + poly.diff(v)).is_zero
               for e, v in zip(equations, variables, strict=True)):
            raise Refused("the field is not the gradient flow of the loss")
    except sympy.polys.polyerrors.PolynomialError:
        raise Refused("the loss is no polynomial") from None
    if poly.eval(tuple([0] * len(variables))) != 0:
        raise Refused("the loss must be given without its constant")
    form = _leading(poly, point)
    d = form.total_degree()
    if d < 2:
        raise Refused("the gradient does not vanish at the point")
    reach = 4 if len(variables) < 4 else 1
    negative = any(form.eval(u) < 0 for u in itertools.product(
        range(-reach, reach + 1), repeat=len(variables)))
    if statement["claim"] == "unstable" and negative:
        return
    if statement["claim"] == "asymptotically_stable" and options.get("scope") == "local" \
            and not negative and _definite(form):
        return
    raise Refused("the leading form does not prove the claim")


def _leading(poly: Any, point: list[Any]) -> Any:
    """Return the part of least degree about a point, by derivatives."""
    import sympy

    variables = poly.gens
    made: dict[Any, Any] = {}
    for d in range(1, poly.total_degree() + 1):
        for m in itertools.product(range(d + 1), repeat=len(variables)):
            if sum(m) == d:
                part = poly
                for v, k in zip(variables, m, strict=True):
                    for j in range(k):
                        part = part.diff(v) * sympy.Rational(1, j + 1)
                value = part.eval(tuple(point)) if not part.is_zero else 0
                if value:
                    made[m] = value
        if made:
            return sympy.Poly.from_dict(made, *variables, domain=sympy.QQ)
    raise Refused("the loss is constant")


def _definite(form: Any) -> bool:
    """Return whether a form is positive definite, by what is seen at once or by Sturm."""
    import sympy

    d, n = form.total_degree(), len(form.gens)
    if d % 2:
        return False
    terms = form.terms()
    if all(c > 0 and not any(e % 2 for e in m) for m, c in terms) and \
            sum(max(m) == d for m, _ in terms) == n:
        return True
    if n == 2:  # no real line on which it is 0
        t = sympy.Symbol("t")
        other = sympy.Poly(form.as_expr().subs(dict(zip(form.gens, (1, t), strict=True))), t)
        return bool(form.eval((0, 1)) > 0 and other.eval(0) > 0 and other.count_roots() == 0)
    if d == 2:
        unit = [[int(i == j) for j in range(n)] for i in range(n)]
        gram = [[form.coeff_monomial([a + b for a, b in zip(unit[i], unit[j], strict=True)])
                 / (1 if i == j else 2) for j in range(n)] for i in range(n)]
        return all(v > 0 for v in ldl(gram)[1])
    return False


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    unstable = statement["claim"] == "unstable"
    return [f"The field is -grad L with L = {data['loss']}.",
            f"About {statement['options']['at']} the terms of least degree of L "
            + ("take a negative value: the point is no local minimum." if unstable else
               "are a positive definite form: the point is a strict local minimum, and no other "
               "critical point is near (Euler: u.grad P = d*P > 0)."),
            "A point is stable for the gradient flow of an analytic loss exactly if it is a local "
            "minimum (Absil and Kurdyka 2006)"
            + ("." if unstable else ", and L itself is a Lyapunov function: dL/dt = -|grad L|**2.")]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [s.replace("_", r"\_").replace("**", r"\^{}") for s in explain(statement, data)]
