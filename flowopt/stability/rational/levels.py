"""The exact level at which a level set of V first touches {V̇ = 0}."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.stability.algebra import witness
from flowopt.stability.checks import algebra
from flowopt.stability.checks.algebra import at
from flowopt.stability.exact import Refused, fraction


def largest_level(field: Any, V: Any, point: Sequence[Any] | None = None,
                  ) -> tuple[Any, tuple[Fraction, Fraction]]:
    """Return where {V <= ρ} first touches {V̇ = 0} off the equilibrium, as an algebraic number.

    On {V̇ = 0} the least V off x* is a critical value: V̇ = 0 and ∇V ∥ ∇V̇. A Gröbner basis gives
    a polynomial in ρ with all critical values among its roots. No level above the least one that
    is attained has V̇ < 0 off x*.

    Parameters
    ----------
    field : VectorField
        A polynomial field in two variables.
    V : str or sympy.Expr
        A polynomial.
    point : sequence of 2 numbers, optional
        The equilibrium x*; 0 by default.

    Returns
    -------
    polynomial : sympy.Poly
        Irreducible over Q, in ``rho``.
    interval : pair of Fraction
        Holds one root of it: the least level, where the choice among the critical values is
        made by a descent in floats.

    Raises
    ------
    ValueError
        When field or V is not polynomial in two variables, or V̇ = 0 has no isolated critical
        value.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["-y", "x - y + x**2*y"], ["x", "y"])
    >>> p, (a, b) = largest_level(field, "1.5*x**2 - x*y + y**2")
    >>> p.degree(), round(float(a), 9), float(b - a) <= 1e-12
    (5, 2.304477565, True)
    """
    import sympy

    from flowopt.stability.statement import field_system, statement

    made = algebra.field(statement("region", field_system(field), V, level="1"))
    if len(made.P) != 2 or made.denominators:
        raise Refused("field must be polynomial in two variables, with a polynomial V, got "
                      f"{_check.shown(field)}")
    centre = [fraction(a) for a in point] if point is not None else [Fraction(0)] * 2
    x, y = made.ring.gens
    rate, rho = made.rate, sympy.Symbol("rho", real=True)
    parallel = made.N.diff(x) * rate.diff(y) - made.N.diff(y) * rate.diff(x)
    system = [rate.as_expr(), parallel.as_expr(), made.N.as_expr() - rho]
    gens = [*made.ring.symbols, rho]
    try:
        basis = sympy.groebner(system, *gens, order="grevlex", domain=sympy.QQ).fglm("lex")
    except NotImplementedError:
        raise Refused("dV/dt = 0 must have isolated critical values of V, and here it has a "
                      "whole curve of them") from None
    least = _least(made, centre)
    best = None
    for f, _ in sympy.Poly(basis.exprs[-1], rho, domain=sympy.QQ).factor_list()[1]:
        for (a, b), _ in f.intervals(eps=sympy.Rational(1, 10**12)):
            gap = abs((float(a) + float(b)) / 2 - least)
            if best is None or gap < best[0]:
                best = (gap, f, (fraction(a), fraction(b)))
    if best is None or best[0] > 1e-4 * (1 + abs(least)):
        raise Refused("no level set of V was seen to touch dV/dt = 0")
    return best[1], best[2]


def _least(field: algebra.Field, centre: Sequence[Fraction]) -> float:
    """Return the least V on {V̇ = 0} off x*, as descents from many starts find it."""
    from scipy.optimize import minimize

    V, rate = witness.numeric(field.N), witness.numeric(field.rate)
    dV = [witness.numeric(field.N.diff(g)) for g in field.ring.gens]
    dR = [witness.numeric(field.rate.diff(g)) for g in field.ring.gens]
    rng = np.random.default_rng(0)
    here, best = float(at(field.N, centre)), float("inf")
    for _ in range(60):
        start = np.array([float(c) for c in centre]) + rng.normal(size=2) * 10 ** rng.uniform(-1, 1)
        found = minimize(V, start, jac=lambda p: np.array([d(p) for d in dV]), method="SLSQP",
                         constraints=[{"type": "eq", "fun": rate,
                                       "jac": lambda p: np.array([d(p) for d in dR])}])
        if found.success and found.fun > here + 1e-6:
            best = min(best, float(found.fun))
    return best
