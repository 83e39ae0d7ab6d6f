"""Check that no step is stable (a rule that jumps), or the exact limit of θ⁺ = θ (1 − h·min rᵢ)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.exact import Refused, read

TRUST = "A"


def least_rates(equation: Any, step: str) -> list[Any] | None:
    """Return r₁, r₂, … of θ⁺ = θ (1 − step·min(r₁, r₂, …)) at θ = s > 0, else None.

    Each is a constant, or a constant times a positive power of s. The equation must be odd in θ.

    Parameters
    ----------
    equation : sympy.Expr
        θ⁺ over the symbols theta (real), the step and others (positive).
    step : str
        The name of the step.
    """
    import sympy

    s, theta = sympy.Symbol("s", positive=True), sympy.Symbol("theta", real=True)
    made = equation.subs(theta, s)
    if sympy.expand(made + equation.subs(theta, -s)) != 0:
        return None
    mins = list(made.atoms(sympy.Min))
    if len(mins) > 1 or made.has(sympy.Max, sympy.Piecewise, sympy.sign, sympy.Abs):
        return None
    node = sympy.Symbol("mu_", positive=True)
    rate = sympy.cancel(sympy.together((1 - made.xreplace({m: node for m in mins}) / s)
                                       / sympy.Symbol(step, positive=True)))
    if not mins:
        return None if rate.has(s) or rate.has(sympy.Symbol(step, positive=True)) else [rate]
    factor = sympy.cancel(rate / node)
    if factor.has(node) or not _monomial(factor):
        return None
    rates = [sympy.cancel(factor * a) for a in sorted(mins[0].args, key=sympy.default_sort_key)]
    for r in rates:
        power = sympy.cancel(s * r.diff(s) / r)
        if not power.is_Rational or power < 0 or not _monomial(r) or r.has(
                sympy.Symbol(step, positive=True)):
            return None
    return rates


def at_signs(expr: Any) -> Any:
    """Return an expression with the signs of products of positive symbols worked out."""
    import sympy

    return expr.replace(sympy.sign, lambda x: sympy.sign(sympy.factor(x)))


def _monomial(expr: Any) -> bool:
    """Return whether an expression is a positive number times powers of positive symbols."""
    return all(p.as_base_exp()[0].is_positive for p in expr.as_ordered_factors())


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse when the evidence does not prove the statement."""
    import sympy

    from flowopt.stability.checks.step_claim import RANGE

    system, options = statement["system"], statement["options"]
    if system["kind"] != "map" or system["parameters"] or statement["V"] is not None:
        raise Refused("the system must be a map without numbers")
    kinds = {}
    for text in statement["assumptions"]:
        found = RANGE.fullmatch(text)
        for kind in ("unit", "portion", "inner", "positive"):
            if found is not None and found[kind]:
                kinds[found[kind]] = kind
    if "unit" in kinds.values():
        raise Refused("a parameter that may be 0 has no sign")
    known = {*kinds, *system["variables"]}
    equations = [read(e, known, positive=kinds) for e in system["equations"]]
    if statement["claim"] == "unstable":
        if set(data) != {"direction"} or options != {"at": "0"}:
            raise Refused("the evidence must be a direction, for the equilibrium 0")
        _check_jump(system["variables"], equations, kinds, data["direction"])
        return
    if statement["claim"] != "step_limit" or set(data) != {"least"} or \
            set(options) != {"bound", "limit", "step", "scope"} or options["scope"] != "global":
        raise Refused("the evidence must be the rates of a step, for a global limit")
    step, s = options["step"], sympy.Symbol("s", positive=True)
    if kinds.get(step) != "positive" or system["variables"] != ["theta"]:
        raise Refused("the step must be > 0, and theta the only variable")
    rates = least_rates(equations[0], step)
    given = [read(t, {*known, "s"}, positive=[*kinds, "s"]) for t in data["least"]]
    if rates is None or len(rates) != len(given) or any(
            sympy.cancel(a - b) != 0 for a, b in zip(rates, given, strict=True)):
        raise Refused("the rates are not those of the equation")
    constant = [r for r in rates if not r.has(s)]
    if not constant:
        raise Refused("no rate is bounded")
    limit = read(options["limit"], known, positive=kinds)
    parts = limit.args if isinstance(limit, sympy.Max) else (limit,)
    if len(parts) != len(constant) or any(
            not any(sympy.cancel(p * r) == 2 for r in constant) for p in parts):
        raise Refused("the limit is not 2 over the least bounded rate")
    if options["bound"] != f"0 < {step} < {limit}":
        raise Refused("the words for the set are not those of its data")


def _check_jump(variables: Any, equations: Any, kinds: Mapping[str, str], direction: Any) -> None:
    import sympy

    from flowopt.stability.checks.step_signs import signed
    from flowopt.stability.exact import fraction

    s = sympy.Symbol("s", positive=True)
    d = [fraction(v) for v in direction]
    if len(d) != len(variables) or not any(d) or any(v not in (0, 1) for v in d):
        raise Refused("the direction must have an entry 0 or 1 for each variable")
    at = {sympy.Symbol(v, real=True): int(c) * s for v, c in zip(variables, d, strict=True)}
    for expr in equations:
        landed = at_signs(expr.subs(at, simultaneous=True))
        if not landed.is_polynomial(s) or landed.has(sympy.sign, sympy.Abs, sympy.Piecewise):
            continue
        if signed(sympy.numer(sympy.together(landed.subs(s, 0))), kinds) in (1, -1):
            return
    raise Refused("along this direction the step tends to 0")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, a sentence a step."""
    if "direction" in data:
        return [f"Start at s*({', '.join(data['direction'])}) with a small s > 0.",
                "As s tends to 0, the point after one step tends to one that is not 0.",
                "So no neighbourhood of 0 is kept, whatever the step: 0 is unstable."]
    return [f"At theta = s > 0 a step multiplies theta by 1 - {statement['options']['step']}*r, "
            f"r = min({', '.join(data['least'])}); the map is odd.",
            "Every start tends to 0 if and only if |1 - step*r| < 1 for all s > 0, that is "
            "step*r < 2; r is largest where s is large, and is there the least constant.",
            f"So the steps are {statement['options']['bound']}."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    if "direction" in data:
        return [rf"From $s\,({', '.join(data['direction'])})$, $s \to 0^+$, one step leads to a "
                "point that does not tend to 0.", "So $0$ is unstable for every step."]
    rates = ", ".join(t.replace("*", r"\,") for t in data["least"])
    return [rf"$\theta^+ = \theta\,(1 - h\,r)$ with $r = \min({rates})$.",
            r"$|1 - h r| < 1$ for all $s > 0$ exactly for the steps of the claim."]
