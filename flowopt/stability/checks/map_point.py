"""Exact images of rational points under a map; and a check that V rises in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.exact import Refused, rational, read

TRUST = "A"
SHOWS = ("disproved",)


def point_of(texts: Sequence[str], n: int) -> tuple[Any, ...]:
    """Return n rationals."""
    if isinstance(texts, str) or len(texts) != n:
        raise Refused(f"a point must have {n} coordinates")
    return tuple(rational(v) for v in texts)


def image(system: Mapping[str, Any], point: Sequence[Any]) -> tuple[Any, ...]:
    """Return the point that a map of kind "map" takes a rational point to."""
    if system["kind"] != "map" or len(system["equations"]) != len(system["variables"]):
        raise Refused("the system must be a map with an equation for each variable")
    return tuple(_at(system, text, point) for text in system["equations"])


def _at(system: Mapping[str, Any], text: str, point: Sequence[Any]) -> Any:
    names = [*system["variables"], *system["parameters"]]
    values = [*point, *(rational(v) for v in system["parameters"].values())]
    expr = read(text, names)
    by_name = dict(zip(names, values, strict=True))
    made = expr.subs({s: by_name[str(s)] for s in expr.free_symbols}, simultaneous=True)
    if not made.is_Rational:
        raise Refused(f"{text} is not rational at this point")
    return made


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless V rises from the point of `data` to its image."""
    if statement["claim"] not in ("nonincreasing", "decreasing") or set(data) != {
            "point", "move", "values"}:
        raise Refused("a point refutes that V does not rise; its move and V must be given")
    if statement["domain"] or statement["assumptions"] or set(statement["options"]):
        raise Refused("the statement must be without domain, assumptions and options")
    system = statement["system"]
    here = point_of(data["point"], len(system["variables"]))
    there = image(system, here)
    before, after = (_at(system, statement["V"], p) for p in (here, there))
    if list(data["values"]) != [str(before), str(after)] or list(data["move"]) != [
            str(b - a) for a, b in zip(here, there, strict=True)]:
        raise Refused("the move or the values of V are not those of this step")
    if not after > before:
        raise Refused("V does not rise at this point")


def evidence(system: Mapping[str, Any], V: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the data of a point: its move, and V at both ends."""
    here = point_of(texts, len(system["variables"]))
    there = image(system, here)
    return {"point": [str(v) for v in here],
            "move": [str(b - a) for a, b in zip(here, there, strict=True)],
            "values": [str(_at(system, V, p)) for p in (here, there)]}


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    before, after = data["values"]
    return [f"From ({', '.join(data['point'])}) the map moves by ({', '.join(data['move'])}).",
            f"V is {before} at first, and after the step {after}, which is more."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [line.replace("_", r"\_") for line in explain(statement, data)]
