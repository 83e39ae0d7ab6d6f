"""Checker of instability by Chetaev's theorem, for a rational field.

data = {"V": text (when the statement leaves it open), "direction": [...], "order": k,
"coefficient": c, "rate": proof} and "ball": r² where it is used: V − V(x*) = c sᵏ + … with c > 0
along x* + s·direction, and V̇ > 0 off x* where V >= V(x*) and |x − x*|² <= r².

Reference: H. K. Khalil, Nonlinear Systems (2002), Theorem 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks import algebra, inequality
from flowopt.stability.checks.algebra import at, number, shifted
from flowopt.stability.exact import Refused, fraction

TRUST = "A"
SHOWS = ("proved", "disproved")


def conditions(field: algebra.Field, point: Sequence[Any], ball: Any) -> tuple[Any, ...]:
    """Return V − V(x*) and, with a ball, r² − |x − x*|²: both are >= 0 on the region."""
    R = field.ring
    if not field.W.is_ground or not field.D.is_ground:
        raise Refused("the field and V must be polynomials")
    square = sum(((g - number(a)) ** 2 for g, a in zip(R.gens, point, strict=True)), R.zero)
    above = field.N - number(at(field.N, point))
    return (above,) if ball is None else (above, number(ball) - square)


def along(V: Any, point: Sequence[Any], direction: Sequence[Any]) -> tuple[int, Any]:
    """Return k and c of V(x* + s d) − V(x*) = c sᵏ + higher powers."""
    found: dict[int, Any] = {}
    for m, c in shifted(V, point).terms():
        k = sum(m)
        value = fraction(c)
        for a, d in zip(m, direction, strict=True):
            value *= fraction(d) ** a
        found[k] = found.get(k, 0) + value
    for k in sorted(found):
        if k and found[k]:
            return k, found[k]
    raise Refused("V does not change along the direction")


def check(statement: Mapping[str, Any], data: Mapping[str, Any], status: str) -> None:
    """Refuse unless the data proves that the equilibrium is unstable, or refutes that it is not.

    Raises
    ------
    Refused
        With the condition that is not shown.
    """
    keys = {"direction", "order", "coefficient", "rate"}
    if set(data) - {"ball"} != keys | ({"V"} if statement["V"] is None else set()):
        raise Refused("the certificate does not have the parts of Chetaev's theorem")
    if statement["claim"] not in {"proved": ("unstable",), "disproved": (
            "stable", "asymptotically_stable")}[status] or (
            status == "disproved" and statement["assumptions"]):
        raise Refused(f"Chetaev's theorem shows instability, not that the claim is {status}")
    field = algebra.field(statement, data.get("V"))
    if "V" in data and field.N.coeff(1):
        raise Refused("a V that was found must be without a constant")
    point = algebra.equilibrium(statement)
    ball = fraction(data["ball"]) if "ball" in data else None
    if not field.P or any(at(p, point) for p in field.P) or (ball is not None and ball <= 0):
        raise Refused("the point is no equilibrium, or the ball is empty")
    k, c = along(field.N, point, data["direction"])
    if type(data["order"]) is not int or c <= 0 or (k, c) != (
            data["order"], fraction(data["coefficient"])):
        raise Refused("V is not positive along the direction")
    if len(data["direction"]) != len(field.P) or ball is not None and not any(
            t["of"] == 2 for t in data["rate"]["terms"]):
        raise Refused("the ball is not used")
    inequality.check(field.rate, inequality.OFF, data["rate"], point, None,
                     conditions(field, point, ball))


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    from flowopt.stability.checks.words import describe

    field = algebra.field(statement, data.get("V"))
    return [f"Take V = {data.get('V', statement['V'])}, with dV/dt = {field.rate}.",
            f"Along x* + s*({', '.join(data['direction'])}), V - V(x*) = "
            f"({data['coefficient']})*s^{data['order']} + ..., so V > V(x*) arbitrarily near x*.",
            "dV/dt > 0 where V >= V(x*)"
            + (f" and |x - x*|^2 <= {data['ball']}" if "ball" in data else "") + ", off x*: "
            + describe(field.rate, inequality.OFF, data["rate"]),
            "Chetaev's theorem gives the claim."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    import sympy

    from flowopt.stability.checks.words import describe_latex

    field = algebra.field(statement, data.get("V"))
    return [rf"$V = {sympy.latex(field.N.as_expr())}$.",
            rf"$p = \dot V = {sympy.latex(field.rate.as_expr())} > 0$: "
            + describe_latex(data["rate"])]
