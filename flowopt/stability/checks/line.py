"""Checker of an equilibrium in one variable: the first power of ẋ = P(x)/D(x) that does not vanish.

data = {"power": m, "coefficient": c}: ẋ = c (x − x*)ᵐ + higher powers, c ≠ 0. The point attracts
when m is odd and c < 0, and is unstable otherwise: from one side at least x moves away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.checks.algebra import at, shifted
from flowopt.stability.exact import Refused, fraction

TRUST = "A"
SHOWS = ("proved", "disproved")


def leading(statement: Mapping[str, Any]) -> tuple[int, Any]:
    """Return m and c.

    Examples
    --------
    >>> leading({"V": None, "options": {}, "system": {"kind": "field", "equations": ["-2*x**3"],
    ...          "variables": ["x"], "parameters": {}}})
    (3, Fraction(-2, 1))
    """
    field = algebra.field({**statement, "V": None})
    point = algebra.equilibrium(statement)
    if len(field.ring.gens) != 1 or not field.P or not field.P[0]:
        raise Refused("the field must have one variable, and not be zero")
    bottom = at(field.D, point)
    moved = shifted(field.P[0], point)
    m = min(k[0] for k in moved)
    if m == 0 or bottom == 0:
        raise Refused("the point is no equilibrium")
    return m, fraction(moved[m,]) / bottom


def check(statement: Mapping[str, Any], data: Mapping[str, Any], status: str) -> None:
    """Refuse unless the leading power settles the statement.

    Raises
    ------
    Refused
        When it does not.
    """
    if set(data) != {"power", "coefficient"} or type(data["power"]) is not int:
        raise Refused("the certificate must hold a power and a coefficient")
    m, c = leading(statement)
    if (m, c) != (data["power"], fraction(data["coefficient"])):
        raise Refused("the field begins with another power")
    attracts = m % 2 == 1 and c < 0
    claim, scope = statement["claim"], statement["options"].get("scope", "local")
    if status == "proved":
        if statement["V"] is not None:
            raise Refused("the field says nothing about the V of the statement")
        holds = (not attracts if claim == "unstable" else attracts and (
            claim == "stable" or claim == "asymptotically_stable" and scope == "local"))
    else:
        holds = attracts if claim == "unstable" else (
            not attracts and claim in ("stable", "asymptotically_stable"))
    if not holds:
        raise Refused(f"the field does not show that {claim} is {status}")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    m, c = data["power"], fraction(data["coefficient"])
    attracts = m % 2 == 1 and c < 0
    return [f"Near the equilibrium x' = ({c})*(x - x*)^{m} + higher powers.",
            "So x moves towards x* from both sides." if attracts else
            "So from one side at least x moves away from x*."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    return [rf"$\dot x = {data['coefficient']}\,(x - x^*)^{{{data['power']}}} + \dots$"]
