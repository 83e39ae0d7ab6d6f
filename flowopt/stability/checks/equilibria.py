"""Checker of other equilibria, which refute asymptotic stability.

data is {"point": [...]}: a rational zero of the field; or, in one variable, {"factor": f,
"interval": [a, b], "values": [f(a), f(b)]}: f divides the field and changes its sign. These
refute a global claim. {"direction": d} refutes a local one too: all of the line x* + s d are
equilibria, d being the first such direction with coordinates 0, 1 and −1.
"""

from __future__ import annotations

import itertools
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
    if statement["claim"] != "asymptotically_stable" or statement["assumptions"]:
        raise Refused("other equilibria refute asymptotic stability")
    if set(data) == {"direction"}:
        found = direction(statement)
        if found is None or [str(d) for d in found] != data["direction"]:
            raise Refused("this is no line of equilibria, or not the first one")
        return
    if statement["options"].get("scope", "local") == "local":
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


def direction(statement: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the first direction along which all points are equilibria, or None."""
    field = algebra.field({**statement, "V": None})
    point, n = algebra.equilibrium(statement), len(field.P)
    if not 0 < n <= 4 or at(field.D, point) == 0:
        return None
    t = algebra.ring(("t",)).gens[0]
    moved = [algebra.shifted(p, point) for p in field.P]
    for d in itertools.product((0, 1, -1), repeat=n):
        if not any(d):
            continue
        lines = [sum((c * t ** sum(m) for m, c in p.terms()
                      for c in [c * _power(d, m)] if c), t.ring.zero) for p in moved]
        if not any(lines):
            return d
    return None


def _power(d: tuple[int, ...], m: tuple[int, ...]) -> int:
    total = 1
    for a, k in zip(d, m, strict=True):
        total *= a**k
    return total


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    if "direction" in data:
        return [f"Every point x* + s*({', '.join(data['direction'])}) is an equilibrium, so "
                "motions near x* stay away from it."]
    if "point" in data:
        where = f"At ({', '.join(data['point'])}) the field is exactly 0"
    else:
        where = (f"{data['factor']} divides the field and has a root between "
                 f"{data['interval'][0]} and {data['interval'][1]}")
    return [f"{where}: there is a second equilibrium, and a motion that starts there stays."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    if "direction" in data:
        return [rf"$F(x^* + s\,({', '.join(data['direction'])})) = 0$ for all $s$."]
    if "point" in data:
        return [rf"$F({', '.join(data['point'])}) = 0$."]
    return [rf"A second equilibrium lies in $[{', '.join(data['interval'])}]$."]
