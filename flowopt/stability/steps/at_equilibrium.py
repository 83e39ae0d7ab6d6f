"""The largest stable step at an equilibrium of a given loss, from its Hessian's eigenvalues."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt import _check


def step_limit_at(optimizer: Any, method: Any, loss: Any, at: Any) -> Any:
    """Return the step limit at an equilibrium of a loss: stable for each eigenvalue λ of H.

    Parameters
    ----------
    optimizer, method
        As for `step_limit`.
    loss : Loss or str
        The loss, given by an expression.
    at : array_like, shape (n,)
        The equilibrium: its floats are decimals, or within 1e-6 of it; the gradient must vanish
        there exactly, or at the root that is isolated there (one variable).

    Returns
    -------
    StepLimit
        For λ = the eigenvalues, as their exact numbers (or rational enclosures).
    """
    from flowopt.losses.loss import KernelLoss, Loss
    from flowopt.stability.steps.limits import step_limit

    if loss is None or at is None:
        raise ValueError("loss and at must be given together: a loss and an equilibrium of it")
    loss = Loss(loss) if isinstance(loss, str) else loss
    if not isinstance(loss, Loss) or isinstance(loss, KernelLoss):
        raise TypeError("loss must be a flowopt.Loss given by an expression, or a string, got "
                        f"{_check.shown(loss)}")
    variables, hessian, exact = _hessian(loss, at)
    bounds = _eigenvalues(hessian)
    low, high = bounds[0][0], bounds[-1][1]
    found = step_limit(optimizer, method)
    text = ", ".join(_shown(b) for b in bounds)
    point = ", ".join(f"{v} = {x}" for v, x in zip(variables, exact, strict=True))
    notes = (*found.notes, f"at {point}: eigenvalues of the Hessian {text}")
    if low < 0:
        return _at_saddle(found, low, notes)
    if low == 0 or not found.coefficients:
        why = ("an eigenvalue of the Hessian is 0: the linearisation says nothing" if low == 0
               else getattr(found.verdict, "reason", "") or "the rule has no linearisation")
        return replace(found, limit=None, intervals=None, argument=None, notes=notes,
                       verdict=_unknown(found, why))
    made = step_limit(optimizer, method, curvature=low if low == high else (low, high))
    if made.intervals is None and low == high:
        made = made.at()
    return replace(made, notes=(*made.notes, notes[-1]))


def _at_saddle(found: Any, least: Fraction, notes: tuple[str, ...]) -> Any:
    """Return the steps that are stable in the direction of a negative eigenvalue."""
    import sympy

    from flowopt.stability.steps.decide import by_scale

    lam = sympy.Symbol("lam", positive=True)
    value = sympy.Rational(least.numerator, least.denominator)
    exact = {s: found.values[str(s)] for c in found.coefficients for s in c.free_symbols
             if str(s) in found.values}
    cut = [sympy.expand(c.subs({**exact, lam: value})) for c in found.coefficients]
    decided = by_scale([sympy.expand(c * cut[0]) for c in cut],
                       sympy.Symbol(found.step, positive=True)) if cut else None
    intervals = None if decided is None else decided.intervals
    return replace(found, intervals=intervals, argument=None, coefficients=tuple(cut), values={},
                   limit=sympy.Integer(0) if intervals == () else None,
                   notes=(*notes, "the equilibrium is no minimum: the Hessian has a negative "
                          "eigenvalue, and the steps are those that do not leave along it"),
                   verdict=_unknown(found, "the check is for curvatures > 0"))


def _unknown(found: Any, why: str) -> Any:
    from flowopt.stability.verdict import unknown

    return unknown(found.verdict.statement, why)


def _hessian(loss: Any, at: Any) -> tuple[list[Any], Any, list[Any]]:
    """Return the variables, the Hessian at the equilibrium, and the point, exactly."""
    import sympy

    from flowopt.stability.exact import rational

    parameters = {n: rational(v) for n, v in loss.parameters.items()}
    expr = loss.expr.subs({s: parameters[str(s)] for s in loss.expr.free_symbols
                           if str(s) in parameters})
    variables = list(loss.variables)
    point = [rational(v) for v in _check.array("at", at, f"({len(variables)},)", (1,))]
    if len(point) != len(variables):
        raise ValueError(f"at must have shape ({len(variables)},), got ({len(point)},)")
    gradient = [sympy.diff(expr, v) for v in variables]
    values = dict(zip(variables, point, strict=True))
    if any(sympy.expand(g.subs(values)) != 0 for g in gradient):
        if len(variables) != 1 or not gradient[0].is_polynomial(variables[0]):
            if _rests_near(loss, at):
                raise NotImplementedError("the point is irrational, and in more than one variable, "
                                          "or where the loss is no polynomial, this is done at "
                                          "rational points")
            raise ValueError("at must be an equilibrium of the loss, where its gradient is 0 "
                             f"exactly, got {_check.shown(at)}; fo.equilibria finds them")
        near = [r for r in sympy.Poly(gradient[0], variables[0]).real_roots()
                if abs(r.evalf(30) - point[0]) < sympy.Rational(1, 10**6)]
        if not near:
            raise ValueError("at must be an equilibrium of the loss, and no root of its "
                             f"derivative is within 1e-6 of {_check.shown(at)}")
        values = {variables[0]: near[0]}
    rows = sympy.Matrix([[sympy.diff(g, v).subs(values) for v in variables] for g in gradient])
    return variables, rows, list(values.values())


def _rests_near(loss: Any, at: Any) -> bool:
    """Return whether the gradient at a point is what 1e-6 away from an equilibrium it can be."""
    return bool(np.abs(loss.grad(at)).max() <= 1e-6 * (1.0 + np.abs(loss.hess(at)).max()))


def _eigenvalues(hessian: Any) -> list[tuple[Fraction, Fraction]]:
    """Return the eigenvalues as rational enclosures, each 2⁻⁶⁰ wide or exact, in their order."""
    import sympy

    z = sympy.Symbol("z")
    if hessian.shape == (1, 1):
        value = sympy.nsimplify(hessian[0, 0]) if hessian[0, 0].is_Rational else hessian[0, 0]
        return [_enclosed(value)]
    poly = sympy.Poly(hessian.charpoly(z).as_expr(), z, domain="QQ")
    made = []
    for root in poly.real_roots():
        made.append(_enclosed(root))
    return sorted(made)


def _enclosed(value: Any) -> tuple[Fraction, Fraction]:
    import sympy

    if value.is_Rational:
        exact = Fraction(int(value.p), int(value.q))
        return exact, exact
    number = sympy.N(value, 50)
    middle = Fraction(str(number))
    slack = Fraction(1, 2**60) * max(abs(middle), Fraction(1, 2**20))
    return middle - slack, middle + slack


def _shown(bound: tuple[Fraction, Fraction]) -> str:
    low, high = bound
    return str(low) if low == high else f"{float((low + high) / 2):.12g}"
