"""Heavy ball at a strict local minimum, by its energy V = |v|²/2 + L − L(x*).

data: "loss": its text; "friction": gamma >= 0. dV/dt = −gamma |v|². Asymptotic stability for
gamma > 0 is LaSalle's principle, as the minimum is an isolated critical point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import Point, field
from flowopt.stability.checks.critical import _negative
from flowopt.stability.checks.eigenvalues import _characteristic
from flowopt.stability.checks.words import escaped
from flowopt.stability.exact import Refused, rational, read


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that the field is a heavy ball with this friction and the point a strict minimum."""
    import sympy

    if set(data) != {"loss", "friction"}:
        raise Refused("the certificate has other entries than it must have")
    equations, variables = field(statement)
    if len(variables) % 2:
        raise Refused("there must be a velocity for each coordinate")
    n = len(variables) // 2
    theta, v = variables[:n], variables[n:]
    gamma = rational(data["friction"])
    if str(gamma) != data["friction"] or gamma < 0:
        raise Refused("the friction must be >= 0")
    values = {k: rational(p) for k, p in statement["system"]["parameters"].items()}
    L = read(data["loss"], [*map(str, theta), *values])
    L = L.xreplace({sympy.Symbol(k, real=True): p for k, p in values.items()})
    try:
        same = all((e - u) == 0 for e, u in zip(equations[:n], v, strict=True)) and all(
            sympy.Poly(e + gamma * u + L.diff(x), *variables, domain=sympy.QQ).is_zero
            for e, u, x in zip(equations[n:], v, theta, strict=True))
    except sympy.polys.polyerrors.BasePolynomialError:
        raise Refused("the loss is no polynomial") from None
    if not same:
        raise Refused("the field is no heavy ball on this loss with this friction")
    _constant_matters(L, theta, data)
    point = Point(statement["options"])
    if len(point.coordinates) != 2 * n or any(not c.is_zero for c in point.coordinates[n:]):
        raise Refused("the velocity must be 0 at the point")
    for x in theta:
        if not point.value(L.diff(x), variables).is_zero:
            raise Refused("the gradient does not vanish at the point")
    if n == 1:
        _strict_minimum(L, theta[0], point)
    else:
        chi = _characteristic([[point.value(L.diff(a).diff(b), variables) for b in theta]
                               for a in theta], point)
        if point.sign(chi[0]) == 0:
            from flowopt.stability.checks.critical import _strict

            options = statement["options"]
            _strict(L, theta, {**options, "coordinates": options["coordinates"][:n]})
        elif _negative(chi, point):
            raise Refused("the Hessian is not positive definite at the point")
    wanted = "stable" if gamma == 0 else "asymptotically_stable"
    if statement["claim"] != wanted or (gamma > 0) != (
            statement["options"].get("scope") == "local"):
        raise Refused(f"the energy proves the claim {wanted}")


def _constant_matters(L: Any, theta: list[Any], data: Mapping[str, Any]) -> None:
    """Refuse a loss with a constant: it would not be used, and is given without."""
    if L.xreplace(dict.fromkeys(theta, 0)) != 0:
        raise Refused("the loss must be given without its constant")


def _strict_minimum(L: Any, x: Any, point: Point) -> None:
    """Refuse unless the first derivative at the point that is not 0 is positive and even."""
    made, order = L.diff(x), 1
    while made != 0:
        sign = point.sign(point.value(made, [x]))
        if sign:
            if order % 2 or sign < 0:
                break
            return
        made, order = made.diff(x), order + 1
    raise Refused("the point is no strict minimum")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    steps = [f"The field is theta' = v, v' = -({data['friction']})*v - grad L with L = "
             f"{data['loss']}.",
             f"At {statement['options']['at']} v = 0, and L has a strict local minimum which is "
             "an isolated critical point (exact signs of its derivatives there).",
             "V = |v|**2/2 + L - (L at the point) is positive definite there, and dV/dt = "
             f"-({data['friction']})*|v|**2 <= 0: the point is stable (Lyapunov)."]
    if statement["claim"] == "asymptotically_stable":
        steps.append("dV/dt = 0 means v = 0, and motions that keep v = 0 rest at critical points, "
                     "of which there is no other nearby: the point is asymptotically stable "
                     "(LaSalle).")
    return steps


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return escaped(explain(statement, data))
