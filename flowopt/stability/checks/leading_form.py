"""Gradient flow of a polynomial at a rational critical point, by the lowest terms of the loss.

data: "loss", without its constant. Where L falls along a line through x* (in a small integer
direction) x* is no local minimum, so it is not stable. Where the form of least degree is positive
definite, or pure even powers with positive coefficients are lowest in their weights, x* is a strict
local minimum and an isolated critical point, so it is asymptotically stable.

Both hold for analytic losses (Absil and Kurdyka, Systems & Control Letters 55 (2006) 573).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import field
from flowopt.stability.checks.words import escaped
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
    except sympy.polys.polyerrors.BasePolynomialError:
        raise Refused("the loss is no polynomial") from None
    if poly.eval(tuple([0] * len(variables))) != 0:
        raise Refused("the loss must be given without its constant")
    found = extremum(poly, point)
    if statement["claim"] == "unstable" and found == "none":
        return
    if statement["claim"] == "asymptotically_stable" and options.get("scope") == "local" \
            and found == "strict minimum":
        return
    raise Refused("the lowest terms of the loss do not prove the claim")


def extremum(poly: Any, point: list[Any]) -> str:
    """Return "strict minimum", "none" (no local minimum) or "undecided" for a critical point."""
    parts = _taylor(poly, point)
    if not parts:
        raise Refused("the loss is constant")
    if min(parts) < 2:
        raise Refused("the gradient does not vanish at the point")
    n = len(poly.gens)
    reach = 4 if n < 3 else 2 if n < 5 else 1
    for u in itertools.product(range(-reach, reach + 1), repeat=n):
        for d in sorted(parts):
            value = parts[d].eval(u)
            if value:
                if d % 2 or value < 0:
                    return "none"
                break
    if _definite(parts[min(parts)]) or _weighted(parts):
        return "strict minimum"
    return "undecided"


def _taylor(poly: Any, point: list[Any]) -> dict[int, Any]:
    """Return the homogeneous parts of L(x* + u) − L(x*) by degree."""
    import sympy

    moved = sympy.Poly(poly.as_expr().subs(
        {v: v + c for v, c in zip(poly.gens, point, strict=True)}, simultaneous=True),
        *poly.gens, domain=sympy.QQ)
    made: dict[int, dict[Any, Any]] = {}
    for m, c in moved.terms():
        if any(m):
            made.setdefault(sum(m), {})[m] = c
    return {d: sympy.Poly.from_dict(terms, *poly.gens, domain=sympy.QQ)
            for d, terms in made.items()}


def _weighted(parts: Mapping[int, Any]) -> bool:
    """Return whether c_i u_i^(2k_i), c_i > 0, are the lowest terms in the weights 1/(2k_i)."""
    import sympy

    terms = [t for d in sorted(parts) for t in parts[d].terms()]
    n = len(terms[0][0])
    power: dict[int, int] = {}
    for m, c in terms:
        axes = [i for i in range(n) if m[i]]
        if len(axes) == 1 and axes[0] not in power:
            if m[axes[0]] % 2 or c <= 0:
                return False
            power[axes[0]] = m[axes[0]]
    if len(power) < n:
        return False
    for m, c in terms:
        weight = sum(sympy.Rational(m[i], power[i]) for i in range(n))
        if weight < 1 or (weight == 1 and (c < 0 or any(e % 2 for e in m))):
            return False
    return True


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
            f"At {statement['options']['at']} "
            + ("L falls along a line through the point (the lowest term is odd or negative): it is "
               "no local minimum." if unstable else
               "the lowest terms of L (by degree, or in weights) are positive definite: the point "
               "is a strict local minimum, and no other critical point is near (Euler's identity "
               "for these terms)."),
            "A point is stable for the gradient flow of an analytic loss exactly if it is a local "
            "minimum (Absil and Kurdyka 2006)"
            + ("." if unstable else ", and L itself is a Lyapunov function: dL/dt = -|grad L|**2.")]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return escaped(explain(statement, data))
