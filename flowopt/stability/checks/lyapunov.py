"""Checker of Lyapunov's conditions for a rational field: one exact inequality for each of them.

data = {"way": text, "parts": {name: proof, ...}} and, where they are used, "V" (when the
statement leaves it open), "epsilon", "ball" and "bound". Each part is an inequality that
`flowopt.stability.checks.inequality` checks; which ones a claim needs is told by
`flowopt.stability.checks.lyapunov_conditions.obligations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks import algebra, inequality
from flowopt.stability.checks.algebra import Field
from flowopt.stability.checks.inequality import NONNEGATIVE, OFF, POSITIVE
from flowopt.stability.checks.lyapunov_conditions import WAYS, obligations
from flowopt.stability.checks.words import describe, describe_latex, short
from flowopt.stability.exact import Refused, fraction

TRUST = "A"


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the data proves the statement.

    Raises
    ------
    Refused
        With the condition that is not shown.
    """
    field, made = _read(statement, data)
    if set(data["parts"]) != {o.name for o in made}:
        raise Refused("the parts of the proof are not those that the claim needs")
    for o in made:
        inequality.check(o.p, o.relation, data["parts"][o.name], o.point, o.box, o.domain)
    if data.get("ball") is not None and not any(
            t["of"] for proof in data["parts"].values() for t in proof.get("terms", ())):
        raise Refused("the ball is not used")
    if (statement["claim"] == "asymptotically_stable" and "bound" not in data
            and statement["options"].get("scope", "local") != "local"):
        unbounded(field, data["parts"]["positive"])


def unbounded(field: Field, proof: Mapping[str, Any]) -> None:
    """Refuse unless the proof of V > V(x*) also shows that V is radially unbounded."""
    if not field.W.is_ground:
        raise Refused("V is rational, and nothing shows that it is radially unbounded")
    if len(field.ring.gens) == 1:
        return  # a polynomial that is not constant
    if proof["by"] != "sos" or proof["power"] or not isinstance(proof["strict"], list):
        raise Refused("nothing shows that V is radially unbounded")


def _read(statement: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Field, Any]:
    keys = {"way", "parts"}
    if statement["V"] is None:
        keys.add("V")
    if not keys <= set(data) <= keys | {"epsilon", "ball", "bound"} or data["way"] not in WAYS:
        raise Refused("the certificate must hold a way, the parts, and V where it was found")
    if (data["way"] == "field") != ("epsilon" in data):
        raise Refused("epsilon belongs to the way field")
    if data["way"] not in {"decreasing": WAYS[1:4], "stable": ("", WAYS[4]),
                           "asymptotically_stable": ("", WAYS[4])}.get(statement["claim"], ("",)):
        raise Refused("this is no way to show the claim")
    field = algebra.field(statement, data.get("V"))
    if statement["V"] is None:
        if statement["claim"] not in ("stable", "asymptotically_stable", "decreasing"):
            raise Refused("V must be given")
        if not field.W.is_ground or field.N.coeff(1):
            raise Refused("a V that was found must be a polynomial without a constant")
    bound: Any = data.get("bound")
    if "bound" in data:
        epsilon, C, k = bound
        bound = (fraction(epsilon), fraction(C), k)
        if bound[0] <= 0 or type(k) is not int or not 1 <= k <= 4:
            raise Refused("a bound must be a positive epsilon, C, and a power of V")
        if statement["claim"] != "asymptotically_stable":
            raise Refused("a bound from below belongs to a global claim")
    ball = fraction(data["ball"]) if "ball" in data else None
    if ball is not None and ball <= 0:
        raise Refused("the ball must have a positive radius")
    epsilon = fraction(data["epsilon"]) if "epsilon" in data else None
    return field, obligations(statement, field, way=data["way"], epsilon=epsilon, ball=ball,
                              bound=bound)


# -------------------------------------------------------------------- for readers
def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    field, made = _read(statement, data)
    steps = []
    if "V" in data:
        steps.append(f"Take V = {data['V']}.")
    if field.P:
        rate = f"({field.rate})/({field.D * field.W**2})" if field.denominators else field.rate
        steps.append(f"Along the field, dV/dt = {short(rate)}.")
    if data["way"] == "second order":
        return [*steps, "At the equilibrium V and dV/dt vanish with their gradients; the Hessian "
                "of V is positive definite and that of dV/dt negative definite, both by exact "
                "LDL decompositions. So V - V(x*) > 0 and dV/dt < 0 near x*, off x*.",
                "Lyapunov's theorem gives the claim."]
    if "ball" in data:
        steps.append(f"All of this is shown on the ball |x - x*|^2 <= {data['ball']}.")
    for o in made:
        steps.append(f"{o.words}: {describe(o.p, o.relation, data['parts'][o.name])}")
    if data["way"] == "field":
        steps.append(f"So dV/dt <= -{data['epsilon']}*|F|^2, which is negative wherever F is not "
                     "0 (denominators are positive).")
    if statement["claim"] in ("stable", "asymptotically_stable"):
        steps.append("Lyapunov's theorem gives the claim"
                     + (": V is radially unbounded, so that it holds from every start."
                        if statement["options"].get("scope", "local") != "local" else "."))
    if statement["claim"] == "exponential":
        steps.append("Gronwall's inequality gives the decay of V.")
    return steps


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    import sympy

    field, made = _read(statement, data)
    steps = []
    top = field.N.as_expr() / field.W.as_expr()
    steps.append(f"$V = {sympy.latex(top)}$.")
    if field.P:
        steps.append(rf"$\dot V = {sympy.latex(sympy.factor(field.rate.as_expr()))}$"
                     + (" up to positive denominators." if field.denominators else "."))
    if data["way"] == "second order":
        steps.append(r"$\nabla^2 V \succ 0$ and $\nabla^2 \dot V \prec 0$ at $x^*$.")
    relation = {NONNEGATIVE: r"\ge 0", POSITIVE: "> 0", OFF: r"> 0\ (u \ne 0)"}
    for o in made:
        steps.append(f"${sympy.latex(o.p.as_expr())} {relation[o.relation]}$: "
                     + describe_latex(data["parts"][o.name]))
    return steps
