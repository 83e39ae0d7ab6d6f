"""Check that a step has a least length wherever the gradient is not zero (or small, not zero)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.checks.interpolation_signs import nonnegative
from flowopt.stability.exact import Refused, read

TRUST = "A"


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless each step of the statement is at least as long as its bound."""
    import sympy

    system, options = statement["system"], statement["options"]
    if statement["claim"] != "no_fixed_point" or statement["V"] is not None or statement[
            "domain"] or system["kind"] != "optimizer":
        raise Refused("the claim must be no_fixed_point of an optimizer's map")
    if system["variables"] != ["theta"] or system["gradients"] != {"g": "theta"} or system[
            "parameters"] or set(options) != {"bound", "where"} or set(data) != {"norm"}:
        raise Refused("the map must be one of theta, with a bound, where it holds, and the norm")
    positive = list(system["positive"])
    functions = {n: sympy.Function(n, real=True) for n in ("unit", "norm")}
    expr = read(system["equations"][0], ["theta", "g", "L", *positive], positive, functions)
    g, theta, L = (sympy.Symbol(n, real=True) for n in ("g", "theta", "L"))
    move = sympy.expand(expr - theta)
    bound = read(options["bound"], positive, positive)
    symbols = {s for s in bound.free_symbols | move.free_symbols if str(s) in positive}
    if nonnegative(-bound, symbols, set()) or not nonnegative(bound, symbols, set()):
        raise Refused("the bound must be positive")
    direction = {"max": sympy.sign(g), "euclidean": functions["unit"](g)}.get(data["norm"])
    if direction is None:
        raise Refused("the norm must be max or euclidean")
    # |sign(g)|_max = 1 and |unit(g)| = 1 where g != 0
    size = sympy.cancel(-move / direction)
    where = "g != 0"
    clips = [m for m in size.atoms(sympy.Min) if 1 / functions["norm"](g) in m.args]
    if len(clips) == 1 and len(clips[0].args) == 2:
        (clip,) = set(clips[0].args) - {1 / functions["norm"](g)}
        if not nonnegative(clip, symbols, set()) or clip == 0:
            raise Refused("the clip must be positive")
        size = size.xreplace({clips[0]: clip})
        where = f"0 < |g| <= 1/({clip})"
    if options["where"] != where:
        raise Refused(f"the step has this form where {where}")
    slack = sympy.Symbol("slack", real=True)
    weak = set()
    if statement["assumptions"]:
        if len(statement["assumptions"]) != 1:
            raise Refused("only a lower bound of L may be assumed")
        found = re.fullmatch(r"(.+) <= L", statement["assumptions"][0])
        if not found:
            raise Refused("only a lower bound of L may be assumed")
        size = size.xreplace({L: read(found[1], positive, positive) + slack})
        weak = {slack}
    if not nonnegative(sympy.expand(size - bound), symbols, weak):
        raise Refused("the step is not always as long as the bound")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    bound, where = statement["options"]["bound"], statement["options"]["where"]
    unit = "sign(g) has the max norm 1" if data["norm"] == "max" else "unit(g) has the norm 1"
    return [f"Where {where}, {unit}, so the step is at least {bound} long.",
            "A motion that tends to a point has steps that tend to 0, so none that stays in this "
            "set has a limit.",
            "A point with g = 0 that has others with g != 0 in each neighbourhood is not stable: "
            f"from these (g is continuous, so it is small there) a step of {bound} leads away."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [line.replace("!=", r"$\ne$").replace("<=", r"$\le$").replace("<", "$<$").replace(
        "*", r"$\ast$") for line in explain(statement, data)]
