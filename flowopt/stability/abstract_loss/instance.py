"""A claim about a flow on one loss, taken from the proof for every loss.

This is how a claim about a discontinuous field is proved: a proof for any smooth loss holds for
every Filippov selection, on the switching surfaces too.
"""

from __future__ import annotations

from typing import Any

from flowopt.stability.checks import instance as checker
from flowopt.stability.exact import Refused, write
from flowopt.stability.verdict import Evidence, Verdict, proved, unknown

METHOD = "an instance of a proof for every smooth loss, in any dimension"


def attempt(problem: Any) -> Verdict | None:
    """Prove a claim about V along a flow on a loss, where V is an instance of an abstract one.

    Parameters
    ----------
    problem : Problem
        About the field of a flow given by rules on a loss given by an expression, for V = L up to
        a constant, or L + ½‖v‖² with a state v.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.prove(fo.flows.SignFlow().on("x**2*y**2 + x**2"), "x**2*y**2 + x**2").status
    'proved'
    """
    from flowopt.flows.loss_field import FlowField

    statement, field = problem.statement, problem.system
    if (not isinstance(field, FlowField) or statement["claim"] not in checker.CLAIMS
            or statement["V"] is None or statement["assumptions"]
            or set(field.parameters) != set(statement["system"]["parameters"])):
        return None
    import sympy

    if not checker.smooth(sympy.sympify(field.loss.expr)):
        return unknown(statement, "the loss is not seen to be smooth")
    reasons: list[str] = []
    flow: dict[str, Any] = {"rules": {k: r.text if hasattr(r, "text") else write(r)
                      for k, r in field.flow.rules.items()},
            "positive": sorted(field.flow.positive)}
    for V in checker.functions_of(flow["rules"]):
        for assumptions in _assumptions(field, problem):
            data = {"flow": flow, "V": V, "assumptions": assumptions, "bound": None, "proof": None,
                    "loss": {"expr": write(field.loss.expr),
                             "parameters": list(field.loss.parameters)}}
            made = _settled(statement, field, data, reasons)
            if made is not None:
                return made
    return unknown(statement, reasons[0] if reasons else
                   "V is neither the loss nor its energy, up to a constant")


def _settled(statement: Any, field: Any, data: dict[str, Any], reasons: list[str]
             ) -> Verdict | None:
    """Return the proof with this abstract V and these assumptions, or None."""
    import sympy

    from flowopt.stability.abstract_loss import abstract
    from flowopt.stability.exact import read

    names = [*statement["system"]["variables"], *statement["system"]["parameters"]]
    gap = sympy.expand(read(statement["V"], names) - checker.value_of(data["V"], field))
    if {str(s) for s in gap.free_symbols} & set(statement["system"]["variables"]):
        return None
    if gap != 0 and not checker.uses_loss(data["flow"]["rules"]):
        expr = sympy.sympify(field.loss.expr) + gap  # the same field, with the constant of V
        data = {**data, "loss": {**data["loss"], "expr": write(expr)}}
    for bound in ([None] if "bound" not in statement["options"] else
                  ["-dot(g, g)", "-norm1(g)", "-(L)"]):
        data = {**data, "bound": bound}
        if bound is not None and sympy.expand(
                read(statement["options"]["bound"], names) - checker.value_of(bound, field)) != 0:
            continue
        found = abstract.settle(checker.abstract_statement(statement, data))
        if found.certificate is not None:
            return proved(statement, METHOD, "A",
                          Evidence("instance", {**data, "proof": found.certificate.data}))
        reasons.append(found.reason)
    return None


def _assumptions(field: Any, problem: Any) -> list[dict[str, Any]]:
    """Return sets of assumptions that hold for this loss and these parameters, the fewest first."""
    signs = {f"{k} >= 0": None for k, v in field.flow.parameters.items()
             if v >= 0 and k not in field.flow.positive and k != "minimum"}
    sets: list[dict[str, Any]] = [{}]
    if signs:
        sets.append(signs)
    if "minimum" in field.flow.parameters:
        proof = _above_minimum(field, problem)
        if proof is not None:
            sets.append({"L >= minimum": proof})
    return sets


def _above_minimum(field: Any, problem: Any) -> Any:
    """Return the proof that the loss is at least the parameter ``minimum``, or None."""
    import sympy

    from flowopt.stability.exact import rational
    from flowopt.stability.proving import Problem
    from flowopt.stability.rational import polynomial

    values = {sympy.Symbol(k, real=True): rational(v) for k, v in field.parameters.items()}
    gap = sympy.sympify(field.loss.expr).xreplace(values) - rational(
        field.flow.parameters["minimum"])
    made = checker.above(field, gap)
    try:
        found = polynomial.attempt(Problem(field, made, made["V"], problem.deadline))
    except Refused:
        return None
    if found is None or found.certificate is None or found.certificate.kind != "lyapunov":
        return None
    return found.certificate.data
