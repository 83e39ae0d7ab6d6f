"""Check that a cycle refutes the global stability of a fixed point of a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.checks.map_point import image, point_of
from flowopt.stability.exact import Refused

TRUST = "A"
SHOWS = ("disproved",)


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the points of `data` are a cycle that does not end at the fixed point."""
    options = statement["options"]
    if statement["claim"] != "asymptotically_stable" or options.get("scope") != "global":
        raise Refused("a cycle refutes global asymptotic stability only")
    if statement["domain"] or statement["assumptions"] or set(data) != {"points"}:
        raise Refused("the statement must be without domain and assumptions, and the data points")
    n = len(statement["system"]["variables"])
    rest = point_of(options["at"] if isinstance(options["at"], list) else [options["at"]], n)
    points = [point_of(p, n) for p in data["points"]]
    if not points:
        raise Refused("there is no point")
    if len(set(points)) != len(points):
        raise Refused("a point of the cycle is given twice")
    for here, there in zip(points, [*points[1:], points[0]], strict=True):
        if image(statement["system"], here) != there:
            raise Refused(f"the map does not take {here} to {there}")
    if points == [rest]:
        raise Refused("this is the fixed point itself")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    shown = " -> ".join(f"({', '.join(p)})" for p in data["points"])
    return [f"The map takes {shown} and back to the first of these, exactly.",
            "This motion never comes nearer to the fixed point; and no function of the state can "
            "fall at each of its steps."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    shown = r" \mapsto ".join(f"({', '.join(p)})" for p in [*data["points"], data["points"][0]])
    return [f"${shown}$, exactly."]


