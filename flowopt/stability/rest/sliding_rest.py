"""Rung (h) for sign flow on a quadratic loss: rest in finite time, with a bound.

Along the motion dL/dt = −‖g‖₁ for every selection of the Filippov set, and d‖g‖₁/dt = −uᵀHu (see
`sliding_motion` for u), hence

    ‖x₀ − x*‖∞ <= T <= min(√(2 V₀/μ), ‖g₀‖₁/μ),   V = L − L*, μ <= λmin(H).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.exact import fraction, write
from flowopt.stability.points import encoded
from flowopt.stability.rest.sliding_motion import (
    Matrix,
    least_eigenvalue,
    semidefinite,
    simplest,
    solve,
)
from flowopt.stability.statement import field_system, statement
from flowopt.stability.verdict import Evidence, Verdict, proved, unknown


def attempt(problem: Any) -> Verdict | None:
    """Prove finite_time or finite_time_stable for sign flow on a quadratic loss.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> field = fo.flows.SignFlow().on("x**2 + y**2")
    >>> claim = statement("finite_time", field_system(field))
    >>> print(attempt(Problem(field, claim)).statement["options"]["bound"])
    Min(sqrt(2*V0/mu), G0/mu), mu = 2, V0 = L - L* and G0 = norm1(grad L) at the start
    """
    if problem.claim not in ("finite_time", "finite_time_stable") or problem.V is not None:
        return None
    parts = quadratic(problem.system)
    if parts is None:
        return None
    h, b = parts
    system = field_system(problem.system)
    made = dict(problem.statement)
    if made["domain"] or made["assumptions"]:
        return None
    rest = solve(h, b)
    if rest is None:
        return unknown(made, "the loss has no critical point: it is not bounded below")
    mu = least_eigenvalue(h)
    if mu is None:
        singular = _singular(problem, system, h)
        if singular is not None:
            return singular
        return unknown(made, "H is not positive definite: a motion may not be unique, or may not "
                       "come to rest")
    options = {k: v for k, v in made["options"].items() if k not in ("bound", "at")}
    if options:
        return None
    given = made["options"].get("bound")
    text = bound(mu)
    if given not in (None, text):
        return unknown(made, f"the bound that is proved here is T <= {text}")
    loss = _text(problem.system.loss)
    if problem.claim == "finite_time":
        claim = statement("finite_time", system, bound=text)
    else:
        from flowopt.stability.algebra.algebraic import number

        claim = statement("finite_time_stable", system, bound=text,
                          **encoded([number(v) for v in rest[0]]))
        if "at" in made["options"] and not _same_point(made["options"]["at"], rest[0]):
            return unknown(made, f"the rest is at {claim['options']['at']}")
    return proved(claim, "dL/dt = -norm1(g) for every selection of the Filippov set", "A",
                  Evidence("sign_quadratic", {"loss": loss, "mu": str(mu)}))


def _singular(problem: Any, system: Any, h: Matrix) -> Verdict | None:
    """Prove finite_time for a singular H >= 0, by the least eigenvalue that is not 0 (PL)."""
    import numpy as np

    if problem.claim != "finite_time" or not semidefinite(h) or problem.options.get("bound"):
        return None
    values = np.linalg.eigvalsh(np.array(h, dtype=float))
    least = min((v for v in values if v > 1e-9 * max(values[-1], 1e-300)), default=None)
    if least is None:
        return None
    n = len(h)
    square = [[sum((h[i][k] * h[k][j] for k in range(n)), Fraction(0)) for j in range(n)]
              for i in range(n)]
    mu = simplest(float(least), lambda m: semidefinite(
        [[square[i][j] - m * h[i][j] for j in range(n)] for i in range(n)]))
    if mu is None:
        return None
    claim = statement("finite_time", system, bound=bound(mu, definite=False))
    return proved(claim, "dL/dt = -norm1(g) for every selection of the Filippov set", "A",
                  Evidence("sign_quadratic", {"loss": _text(problem.system.loss), "mu": str(mu)}))


def bound(mu: Fraction, definite: bool = True) -> str:
    """Return the text of the bound."""
    if definite:
        return (f"Min(sqrt(2*V0/mu), G0/mu), mu = {mu}, V0 = L - L* and G0 = norm1(grad L) at the "
                "start")
    return f"sqrt(2*V0/mu), mu = {mu}, V0 = L - L* at the start"


def quadratic(field: Any) -> tuple[Matrix, list[Fraction]] | None:
    """Return H and b of sign flow on ½ xᵀHx − bᵀx, or None for another field."""
    import sympy

    from flowopt.stability.rest.firstorder import symbols
    from flowopt.stability.rest.target import exact_values

    flow, loss = getattr(field, "flow", None), getattr(field, "loss", None)
    if flow is None or loss is None or not flow.rules or flow.states or field.is_kernel:
        return None
    g, _ = symbols()
    if flow.abstract_rules()["theta"] != -sympy.sign(g):
        return None
    expr, variables, named = loss._real
    values = exact_values({k: field.parameters[k] for k in named})
    try:
        poly = sympy.Poly(expr.xreplace({named[k]: v for k, v in values.items()}), *variables,
                          domain=sympy.QQ)
    except sympy.PolynomialError:
        return None
    if poly.total_degree() != 2:
        return None
    zero = dict.fromkeys(variables, sympy.Integer(0))
    gradient = [poly.as_expr().diff(v) for v in variables]
    return ([[fraction(e.diff(v)) for v in variables] for e in gradient],
            [-fraction(e.xreplace(zero)) for e in gradient])


def _text(loss: Any) -> str:
    import sympy

    expr, variables, _ = loss._real
    return write(expr - expr.xreplace(dict.fromkeys(variables, sympy.Integer(0))))


def _same_point(at: Any, rest: Sequence[Fraction]) -> bool:
    given = at if isinstance(at, (list, tuple)) else [at]
    try:
        return [fraction(v) for v in given] == list(rest)
    except ValueError:
        return False
