"""Rung (i): LaSalle's principle for polynomial fields.

The squares of −V̇ give the ideal of {V̇ = 0}; derivatives along the field are added until the real
zeros are equilibria, or the one equilibrium of the claim.
"""

from __future__ import annotations

import time
from typing import Any

from flowopt.stability.algebra import sos
from flowopt.stability.checks import algebra, inequality
from flowopt.stability.checks import lasalle as checker
from flowopt.stability.checks.algebra import Field, at, number
from flowopt.stability.checks.lyapunov import unbounded
from flowopt.stability.checks.lyapunov_conditions import Obligation
from flowopt.stability.exact import Refused
from flowopt.stability.rational import lyapunov
from flowopt.stability.verdict import Evidence, Verdict, proved, unknown

METHOD = "LaSalle's principle (Gröbner bases)"
#: derivatives along the field of a higher degree are not taken
MAX_DEGREE = 9


def attempt(problem: Any) -> Verdict | None:
    """Return a verdict on convergence to the critical set.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> from flowopt.stability.statement import field_system, statement
    >>> field = fo.VectorField(["v", "-x - v"], ["x", "v"])
    >>> made = statement("converges_to_critical_set", field_system(field), "x**2 + v**2")
    >>> attempt(Problem(field, made)).status
    'proved'
    """
    from flowopt.stability.rational.candidates import candidates

    statement = problem.statement
    end = time.monotonic() + 0.8 * min(problem.seconds_left(), 3600.0)
    texts = [None] if statement["V"] is not None else candidates(problem, end)
    for V in texts:
        try:
            field = algebra.field(statement, V)
        except Refused:
            continue
        made = settle(problem, field, V, end)
        if made is not None:
            return made
    return unknown(statement, "no V was found for which dV/dt <= 0 is proved and dV/dt = 0 for "
                              "ever means an equilibrium")


def settle(problem: Any, field: Field, V: str | None, deadline: float) -> Verdict | None:
    """Return a proof by LaSalle's principle with one V, or None."""
    statement = problem.statement
    if field.denominators or not field.rate or algebra.box(statement) is not None:
        return None
    if statement["claim"] == "stable":
        return None
    if V is not None and field.N.coeff(1):
        return None
    zero = (0,) * len(field.P)
    o = Obligation("rate", "", -field.rate, inequality.NONNEGATIVE, zero)
    proof = (lyapunov.prove_part(o, deadline) if len(field.P) == 1 else
             sos.prove(-field.rate, inequality.NONNEGATIVE, deadline=deadline, powers=(0,),
                       hints=field.P))
    if proof is None:
        return None
    data: dict[str, Any] = {} if V is None else {"V": V}
    data["rate"] = proof
    if statement["claim"] == "asymptotically_stable":
        point = algebra.equilibrium(statement)
        above = field.N - number(at(field.N, point))
        positive = lyapunov.prove_part(
            Obligation("positive", "", above, inequality.OFF, point), deadline)
        if positive is None:
            return None
        data["positive"] = positive
        if statement["options"].get("scope", "local") != "local":
            try:
                unbounded(field, positive)
            except Refused:
                return None
    for steps in range(checker.MAX_STEPS + 1):
        made = checker.generators(field, proof, steps)
        if time.monotonic() > deadline or max(map(algebra.degree, made), default=0) > MAX_DEGREE:
            return None
        if checker.settled(statement, field, proof, steps):
            return proved(statement, METHOD, "A",
                          Evidence("lasalle", {**data, "steps": steps}))
    return None


def limit_set(field: Any, V: Any) -> tuple[Any, ...]:
    """Return a Gröbner basis of {V̇ = 0} with its derivatives along the field, until it closes.

    Its real zeros hold every point that a bounded motion can tend to, when V̇ <= 0.

    Parameters
    ----------
    field : VectorField
        A polynomial field.
    V : str or sympy.Expr
        A polynomial.

    Returns
    -------
    tuple of sympy.Expr

    Raises
    ------
    ValueError
        When V̇ <= 0 is not proved, or the field or V is not a polynomial.

    Examples
    --------
    >>> import flowopt as fo
    >>> limit_set(fo.VectorField(["v", "x - x**3 - v"], ["x", "v"]),
    ...           "v**2/2 + x**4/4 - x**2/2")
    (x**3 - x, v)
    """
    from flowopt.stability.statement import field_system, statement

    made = algebra.field(statement("nonincreasing", field_system(field), V))
    if made.denominators:
        raise Refused("field and V must be polynomials")
    zero = (0,) * len(made.P)
    proof = lyapunov.prove_part(
        Obligation("rate", "", -made.rate, inequality.NONNEGATIVE, zero))
    if proof is None:
        raise Refused(f"V must not rise along the field, and for V = {V} this is not proved")
    before: list[Any] = []
    for steps in range(checker.MAX_STEPS + 1):
        basis = checker.basis(checker.generators(made, proof, steps))
        if steps and basis == before:
            break
        before = basis
    return tuple(q.as_expr() for q in before)
