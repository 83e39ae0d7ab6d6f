"""Checker by a complete decision procedure: z3 finds the negation of each inequality unsatisfiable.

data = {"way": text} and "epsilon" where it is used: the inequalities are those of
`flowopt.stability.checks.lyapunov_conditions.obligations`. There is no short certificate: trust B.

Reference: D. Jovanović, L. de Moura, Solving non-linear arithmetic, IJCAR 2012.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.checks.inequality import NONNEGATIVE, OFF
from flowopt.stability.checks.lyapunov_conditions import Obligation, obligations
from flowopt.stability.exact import Refused, fraction

TRUST = "B"
#: milliseconds that the check gives to each inequality
PATIENCE = 60_000


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless z3 decides that every inequality of the claim holds.

    Raises
    ------
    Refused
        When one does not hold, or z3 is not installed or does not answer.
    """
    for o in _obligations(statement, data):
        answer = decide(o)
        if answer != "unsat":
            raise Refused(f"z3 does not confirm {o.words}: {answer}")


def _obligations(statement: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    if set(data) - {"epsilon"} != {"way"} or data["way"] == "second order":
        raise Refused("the certificate must hold a way")
    if statement["V"] is None or statement["claim"] in ("stable", "asymptotically_stable"):
        raise Refused("only inequalities for a given V are decided")
    if (data["way"] != "") != (statement["claim"] == "decreasing") or (
            (data["way"] == "field") != ("epsilon" in data)):
        raise Refused("this is no way to show the claim")
    epsilon = fraction(data["epsilon"]) if "epsilon" in data else None
    return obligations(statement, algebra.field(statement), way=data["way"], epsilon=epsilon)


def decide(o: Obligation, milliseconds: int = PATIENCE) -> str:
    """Return "unsat" when an inequality holds, "sat" when it fails, "unknown" otherwise.

    Raises
    ------
    Refused
        When z3 is not installed.
    """
    return str(question(o, milliseconds)[0].check())


def question(o: Obligation, milliseconds: int) -> tuple[Any, list[Any]]:
    """Return z3's solver with the negation of an inequality, and its variables.

    Raises
    ------
    Refused
        When z3 is not installed.
    """
    try:
        import z3
    except ImportError:
        raise Refused("z3-solver is not installed") from None
    names = [z3.Real(f"x{k}") for k in range(len(o.p.ring.gens))]

    def term(p: Any) -> Any:
        total: Any = z3.RealVal(0)
        for m, c in p.terms():
            made: Any = z3.RealVal(str(fraction(c)))
            for x, k in zip(names, m, strict=True):
                for _ in range(k):
                    made = made * x
            total = total + made
        return total

    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", max(1, milliseconds))
    value = term(o.p)
    solver.add(value < 0 if o.relation == NONNEGATIVE else value <= 0)
    if o.relation == OFF:
        solver.add(z3.Or(*[x != z3.RealVal(str(a))
                           for x, a in zip(names, o.point, strict=True)]))
    for x, (a, b) in zip(names, o.box or (), strict=False):
        solver.add(x >= z3.RealVal(str(a)), x <= z3.RealVal(str(b)))
    for g in o.domain:
        solver.add(term(g) >= 0)
    return solver, names


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    return [f"{o.words}: the negation, in real arithmetic, is unsatisfiable (z3's complete "
            "procedure for polynomial arithmetic)." for o in _obligations(statement, data)]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    import sympy

    return [rf"$p = {sympy.latex(o.p.as_expr())}$: the negation is unsatisfiable (z3)."
            for o in _obligations(statement, data)]
