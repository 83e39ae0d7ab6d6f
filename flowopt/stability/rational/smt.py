"""The last resort for polynomial inequalities: an SMT solver, when it is installed (trust B)."""

from __future__ import annotations

from typing import Any

from flowopt.stability.checks import smt as checker
from flowopt.stability.checks.algebra import Field
from flowopt.stability.exact import Refused
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown


def attempt(problem: Any, field: Field, reason: str) -> Verdict:
    """Return what z3 says of the inequalities of a claim; unknown with the reason otherwise.

    Parameters
    ----------
    problem : Problem
        The claim, with its V.
    field : Field
        Its field.
    reason : str
        Why the other ways failed.
    """
    statement = problem.statement
    ways: list[dict[str, str]] = [{"way": ""}]
    if problem.claim == "decreasing":
        ways = [{"way": "off"}, {"way": "field", "epsilon": "1/100"}]
    said = ""
    try:
        import z3  # noqa: F401
    except ImportError:
        return unknown(statement, reason, skipped=("smt: z3-solver is not installed",))
    for data in ways:
        try:
            made = checker._obligations(statement, data)
            left = problem.seconds_left()
            share = min(10.0, left / (3 * len(made)))
            answers = []
            for o in made if share > 0.05 else ():
                solver, names = checker.question(o, int(1000 * share))
                answers.append(str(solver.check()))
                point = _point(problem, solver, names) if answers[-1] == "sat" else None
                if point is not None:
                    return disproved(statement, "a point, evaluated exactly",
                                     Evidence("point", point))
        except Refused as error:
            said = str(error)
            continue
        if len(answers) == len(made) and all(a == "unsat" for a in answers):
            return proved(statement, "an SMT solver (real arithmetic)", "B",
                          Evidence("smt", data))
        said = f"z3 answers {', '.join(answers) or 'nothing in time'}"
    return unknown(statement, f"{reason}; {said}" if said else reason)


def _point(problem: Any, solver: Any, names: list[Any]) -> dict[str, Any] | None:
    """Return the data of a counterexample from z3's model, when it is one exactly."""
    from fractions import Fraction

    from flowopt.stability.rational.lyapunov import _data

    if problem.statement["assumptions"]:
        return None
    model = solver.model()
    point = []
    for x in names:
        value = model.eval(x, model_completion=True)
        if hasattr(value, "approx"):
            value = value.approx(20)
        try:
            point.append(Fraction(value.numerator_as_long(), value.denominator_as_long()))
        except AttributeError:
            return None
    return _data(problem.statement, point)
