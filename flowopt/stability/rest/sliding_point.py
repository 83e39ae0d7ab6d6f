"""A rest on one switching surface: whether the surface attracts, and the motion along it.

On ψ = 0 with F affine in the side s the sliding motion is F(x, s(x)), where s(x) in (−1, 1) solves
∇ψ·F(x, s) = 0. At a rest x* its Jacobian is

    J = ∂F/∂x + (∂F/∂s) ∇s,    ∇s = −∇(∇ψ·F)/(∇ψ·∂F/∂s),

with one eigenvalue 0 across the surface; the others judge the motion along it. The surface attracts
where ∇ψ·F < 0 on the side s = 1, since F on the other side points the other way.

Source: Filippov, Differential Equations with Discontinuous Righthand Sides (1988), section 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.points import encoded
from flowopt.stability.rest.forms import NotAlgebraic, value
from flowopt.stability.rest.judge import _row, attempted
from flowopt.stability.rest.spectrum import characteristic, count
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Verdict, unknown


def judged(system: Any, variables: Sequence[Any], fields: Sequence[Any], psi: Any, side: Any,
           at: dict[Any, Number], choice: Sequence[int]) -> tuple[str, Verdict]:
    """Return the kind of a rest on one surface, and the verdict on it.

    Parameters
    ----------
    fields : sequence of sympy.Expr
        F with the side as a symbol, the other sides put in.
    psi, side : sympy.Expr, sympy.Symbol
        The surface and its side.
    at : dict
        The values of the variables and of the side.
    choice : sequence of int
        The sides of all surfaces at the point, 0 for this one.
    """
    options = encoded([at[v] for v in variables])

    def open_question(why: str) -> tuple[str, Verdict]:
        return "rest on a surface", unknown(statement("stable", system, **options), why)

    try:
        normal = [psi.diff(v) for v in variables]
        across = sum(n * f for n, f in zip(normal, fields, strict=True))
        push = across.diff(side)
        upper = value(across.xreplace({side: _one()}), at).sign()
        strength = value(push, at)
        inside = (1 - at[side]).sign() > 0 < (1 + at[side]).sign()
        if strength.zero or not inside or not upper:
            return open_question("it is a boundary case: the field is tangent to the surface, or "
                                 "vanishes on one side of it")
        rows = []
        slopes = [value(across.diff(v), at) / strength for v in variables]
        for f in fields:
            jump = value(f.diff(side), at)
            rows.append([value(f.diff(v), at) - jump * s
                         for v, s in zip(variables, slopes, strict=True)])
        chi = characteristic(rows)
        along = count(chi[1:]) if len(chi) > 2 else None
    except (NotAlgebraic, ZeroDivisionError) as error:
        return open_question(f"the motion along the surface is not judged ({error})")
    data = {"sides": [str(c) for c in choice],
            "characteristic": [_row(c, options) for c in chi[1:]]}
    kind = "sliding rest" if upper < 0 else "repelling rest"
    if along is not None and not along.hyperbolic and not along.right and upper < 0:
        return kind, unknown(statement("stable", system, **options), "the surface attracts, and "
                             "the motion along it is not hyperbolic")
    stable = upper < 0 and (along is None or not along.right)
    claim = "asymptotically_stable" if stable else "unstable"
    if stable:
        options["scope"] = "local"
    return kind, attempted(statement(claim, system, **options),
                           "Filippov's sliding motion and its exact eigenvalue counts",
                           "sliding_point", data)


def _one() -> Any:
    import sympy

    return sympy.Integer(1)
