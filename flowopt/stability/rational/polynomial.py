"""Rungs (b), (c), (g), (i): claims about fields with polynomial or rational right-hand sides.

`attempt` sends each claim to the part that knows it. A field or a V that is not rational, or that
depends on time, is not for this rung: None.
"""

from __future__ import annotations

import time
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.exact import Refused, write
from flowopt.stability.rational import lyapunov
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown

CLAIMS = ("nonincreasing", "decreasing", "conserved", "exponential", "positive", "nonnegative",
          "stable", "asymptotically_stable", "unstable", "region", "converges_to_critical_set")
METHOD = "exact polynomial inequalities (Sturm chains, sums of squares)"


def attempt(problem: Any) -> Verdict | None:
    """Return a verdict on a claim about a rational field, or None when it is not of this kind.

    Parameters
    ----------
    problem : Problem
        With a `VectorField`; see `flowopt.stability.proving`.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> from flowopt.stability.statement import field_system, statement
    >>> field = fo.VectorField(["-x**3 + y", "-x - y"], ["x", "y"])
    >>> made = statement("nonincreasing", field_system(field), "x**2 + y**2")
    >>> attempt(Problem(field, made, "x**2 + y**2")).status
    'proved'
    """
    statement = problem.statement
    if statement["system"].get("kind") not in ("field", "none") or problem.claim not in CLAIMS:
        return None
    if statement["system"]["kind"] == "none" and problem.claim not in ("positive", "nonnegative"):
        return None
    given = {**statement, "V": _as_text(statement["V"])}
    try:
        field = algebra.field(given)
        algebra.box(given)
        algebra.equilibrium(given)
    except Refused:
        return None
    if problem.claim in ("stable", "asymptotically_stable", "unstable"):
        return _stability(problem, field)
    if problem.claim == "region":
        from flowopt.stability.rational import region

        return region.attempt(problem)
    if problem.claim == "converges_to_critical_set":
        from flowopt.stability.rational import lasalle

        return lasalle.attempt(problem)
    if statement["V"] is None:
        return _found(problem)
    return settle(problem, field)


def _as_text(V: Any) -> Any:
    return V if V is None or isinstance(V, str) else write(V)


def _deadline(problem: Any, share: float = 1.0) -> float:
    return time.monotonic() + share * min(problem.seconds_left(), 3600.0)


def settle(problem: Any, field: Any) -> Verdict:
    """Return the verdict on an inequality for a given V: a point, a proof, an SMT solver's word."""
    from flowopt.stability.rational import smt

    statement = problem.statement
    point = None if statement["assumptions"] else _quick(statement, field)
    if point is None:
        data, reason = lyapunov.prove(statement, field, _deadline(problem, 0.5))
        if data is not None:
            return proved(statement, METHOD, "A", Evidence("lyapunov", data))
        if not statement["assumptions"]:
            point = lyapunov.refute(statement, field, _deadline(problem, 0.3))
            if point is None and "bound" in statement["options"]:
                point = lyapunov.refute(statement, field, _deadline(problem, 0.3), "bound")
    if point is not None:
        return disproved(statement, "a point, evaluated exactly", Evidence("point", point))
    return smt.attempt(problem, field, reason)


def _quick(statement: Any, field: Any) -> Any:
    """Return a counterexample when one is cheap to have: in one variable it is decided."""
    return (lyapunov.refute(statement, field) if len(field.ring.gens) == 1
            else lyapunov.refute(statement, field, 0.0))


def _found(problem: Any) -> Verdict | None:
    """Return a verdict for a claim that needs a V, with one that is found."""
    statement = problem.statement
    if problem.claim != "decreasing":
        return unknown(statement, f"{problem.claim} needs a V")
    from flowopt.stability.rational.candidates import candidates

    for V in candidates(problem, _deadline(problem, 0.8)):
        field = algebra.field(statement, V)
        if not field.P or not field.N or field.N.coeff(1):
            continue
        data, _ = lyapunov.prove(statement, field, _deadline(problem, 0.3), V)
        if data is not None:
            return proved(statement, METHOD, "A", Evidence("lyapunov", data))
    return unknown(statement, "no V was found among the catalogue, quadratic forms and sums of "
                              "squares of degree 4")


def _stability(problem: Any, field: Any) -> Verdict:
    """Stable, asymptotically stable, unstable: by the spectrum, a given V, or one that is found."""
    from flowopt.stability.rational import candidates, instability, lasalle

    statement = problem.statement
    made = instability.attempt(problem)
    if made is not None and not made.unknown:
        return made
    reasons = [made.reason] if made is not None else []
    if problem.claim == "unstable":
        return _rest(problem) or made or unknown(statement, "no sign of instability was found")
    if any(algebra.at(p, algebra.equilibrium(statement)) for p in field.P):
        return unknown(statement, "the point is no equilibrium")
    seen = instability.spectrum(statement)
    if seen is not None and seen["shift"] != "0":
        return unknown(statement, "the linearisation is unstable, and the assumptions are not read")
    if statement["V"] is None and not statement["assumptions"]:
        data = instability.by_chetaev(statement, _deadline(problem, 0.2))
        if data is not None:
            return disproved(statement, "Chetaev's theorem", Evidence("chetaev", data))
    if statement["V"] is not None:
        trials: Any = [(None, field)]
    else:
        trials = ((V, algebra.field(statement, V)) for V in
                  candidates.candidates(problem, _deadline(problem, 0.8)))
    reason = "no V was found"
    for V, with_V in trials:
        data, reason = lyapunov.prove(statement, with_V, _deadline(problem, 0.4), V)
        if data is not None:
            return proved(statement, METHOD, "A", Evidence("lyapunov", data))
        settled = lasalle.settle(problem, with_V, V, _deadline(problem, 0.4))
        if settled is not None:
            return settled
    if statement["V"] is not None:
        reason += _not_lyapunov(problem, field)
    return unknown(statement, "; ".join([*reasons, reason]))


def _rest(problem: Any) -> Verdict | None:
    """Refute instability by a proof of stability."""
    from flowopt.stability.rational.candidates import candidates

    if problem.statement["assumptions"]:
        return None
    stable = {**problem.statement, "claim": "stable", "V": None, "domain": None}
    if any(algebra.at(p, algebra.equilibrium(stable)) for p in algebra.field(stable).P):
        return None
    for V in candidates(problem, _deadline(problem, 0.5)):
        data, _ = lyapunov.prove(stable, algebra.field(stable, V), _deadline(problem, 0.3), V)
        if data is not None:
            return disproved(problem.statement, "a Lyapunov function",
                             Evidence("rest", {"kind": "lyapunov", "data": data}))
    return None


def _not_lyapunov(problem: Any, field: Any) -> str:
    """Say where V rises, when it does: that is no instability."""
    rise = {**problem.statement, "claim": "nonincreasing", "options": {}, "domain": None}
    point = lyapunov.refute(rise, field, _deadline(problem, 0.2))
    if point is None or "point" not in point:
        return ""
    return (f" (V rises at ({', '.join(point['point'])}), so it is no Lyapunov function on the "
            "whole space, which says nothing about stability)")
