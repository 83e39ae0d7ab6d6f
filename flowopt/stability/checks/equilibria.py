"""Checker of a second equilibrium, which refutes global asymptotic stability.

data is {"point": [...]}: a rational zero of the field; or, in one variable, {"factor": f,
"interval": [a, b], "values": [f(a), f(b)]}: f divides the field and changes its sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.checks.algebra import at, polynomial
from flowopt.stability.exact import Refused, fraction

TRUST = "A"
SHOWS = ("disproved",)


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless there is an equilibrium beside the one of a global claim.

    Raises
    ------
    Refused
        Otherwise.
    """
    if statement["claim"] != "asymptotically_stable" or statement["assumptions"] or \
            statement["options"].get("scope", "local") == "local":
        raise Refused("a second equilibrium refutes a global claim")
    field = algebra.field({**statement, "V": None})
    here = algebra.equilibrium(statement)
    if set(data) == {"point"}:
        point = tuple(fraction(a) for a in data["point"])
        if len(point) != len(field.P) or at(field.D, point) == 0 or point == here or any(
                at(p, point) for p in field.P):
            raise Refused("the point is no second equilibrium")
        return
    if set(data) != {"factor", "interval", "values"} or len(field.P) != 1:
        raise Refused("the evidence is a point, or a factor in one variable")
    f = polynomial(data["factor"], field.ring)
    a, b = (fraction(v) for v in data["interval"])
    values = [at(f, [a]), at(f, [b])]
    if values != [fraction(v) for v in data["values"]] or values[0] * values[1] >= 0 or a >= b:
        raise Refused("the factor does not change its sign so")
    if field.P[0].rem(f) or not f.gcd(field.D).is_ground or at(f, here) == 0:
        raise Refused("the root of the factor is no second equilibrium")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    if "point" in data:
        where = f"At ({', '.join(data['point'])}) the field is exactly 0"
    else:
        where = (f"{data['factor']} divides the field and has a root between "
                 f"{data['interval'][0]} and {data['interval'][1]}")
    return [f"{where}: there is a second equilibrium, and a motion that starts there stays."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    if "point" in data:
        return [rf"$F({', '.join(data['point'])}) = 0$."]
    return [rf"A second equilibrium lies in $[{', '.join(data['interval'])}]$."]
