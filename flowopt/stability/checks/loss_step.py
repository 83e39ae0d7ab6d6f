"""Check that one exact step on a quadratic loss refutes a decrease that is claimed for a class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.checks.interpolation_inequalities import (
    CONVEX,
    MINIMISER,
    SMOOTH,
    STRONG,
)
from flowopt.stability.exact import Refused, rational, read

TRUST = "A"
SHOWS = ("disproved",)


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless V breaks its bound in the step of `data`."""
    if set(data) != {"curvature", "point", "move", "values"}:
        raise Refused("the counterexample must hold curvature, point, move and values")
    move, (before, after, most) = step_values(statement, data["curvature"], data["point"])
    if list(data["values"]) != [str(before), str(after), str(most)] or list(data["move"]) != [
            str(v) for v in move]:
        raise Refused("the move or the values are not those of this step")
    if not after > most:
        raise Refused("V keeps its bound in this step")


def step_values(statement: Mapping[str, Any], curvature: str, point: Sequence[str]
                ) -> tuple[list[Any], tuple[Any, Any, Any]]:
    """Return the move of a point on ½ λ x², and V before, after, and as it may be after."""
    import sympy

    system, options = statement["system"], statement["options"]
    claim, assumed = statement["claim"], list(statement["assumptions"])
    if system["kind"] != "optimizer" or system["parameters"] or statement["domain"] or (
            claim not in ("nonincreasing", "recursion") or set(options) - {"bound"}):
        raise Refused("the claim must be a decrease of an optimizer's map")
    names = list(system["variables"])
    lam, known = rational(curvature), {}
    for text in assumed:
        name, _, number = text.partition(" = ")
        if name in ("mu", "ell") and number:
            known[name] = rational(number)
        elif text not in (CONVEX, SMOOTH, STRONG, MINIMISER, "mu < ell"):
            raise Refused(f"the assumption {text!r} is not one that a quadratic is checked for")
    if set(system["positive"]) != set(known) or len(point) != len(names):
        raise Refused("each parameter must have a value, and each variable a coordinate")
    # ½ λ x² is convex for λ >= 0, and has its minimiser at 0
    least = known["mu"] if STRONG in assumed else 0 if {CONVEX, MINIMISER} & set(assumed) else -lam
    most = known["ell"] if SMOOTH in assumed else lam
    if lam < least or abs(lam) > most:
        raise Refused(f"the curvature {lam} is not in the class of losses")
    if lam < 0 and any({"e", "Lstar"} & names_in(t) for t in (statement["V"], options.get(
            "bound", "0"))):
        raise Refused("a concave quadratic has no minimiser")
    if set(system["gradients"].items()) - {("g", "theta")}:
        raise Refused("the gradient must be taken at theta")

    def value(text: str, state: Sequence[Any], extra: Mapping[str, Any]) -> Any:
        theta = state[0]
        held = {**dict(zip(names, state, strict=True)), **known, **extra, "g": lam * theta,
                  "e": theta, "L": lam * theta**2 / 2, "Lstar": sympy.S.Zero}
        expr = read(text, list(held), (), {"dot": lambda a, b: a * b, "norm1": sympy.Abs})
        made = expr.subs({s: held[str(s)] for s in expr.free_symbols}, simultaneous=True)
        if not made.is_Rational:
            raise Refused(f"{text} is not rational at this point")
        return made

    here = [rational(v) for v in point]
    there = [value(text, here, {}) for text in system["equations"]]
    after = {"new_g": lam * there[0]}
    first, second = value(statement["V"], here, {}), value(statement["V"], there, {})
    bound = value(options["bound"], here, after) if "bound" in options else sympy.S.Zero
    return [b - a for a, b in zip(here, there, strict=True)], (
        first, second, bound if claim == "recursion" else first + sympy.Min(bound, 0))


def names_in(text: str) -> set[str]:
    """Return the names that a text holds."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    before, after, most = data["values"]
    return [f"On L = ({data['curvature']})/2*x^2, which is in the class, in one variable, start at "
            f"({', '.join(data['point'])}).",
            f"The step moves it by ({', '.join(data['move'])}).",
            f"V is {before} at first and {after} after the step, and the claim allows {most}."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [line.replace("^", r"\^{}") for line in explain(statement, data)]
