"""What settles a non-hyperbolic equilibrium: energy, or the leading form of the loss.

A point is stable for the gradient flow of an analytic loss exactly if it is a local minimum, and
asymptotically stable exactly if it is a strict one that is isolated among critical points (Absil
and Kurdyka, Systems & Control Letters 55 (2006) 573).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.points import encoded
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Verdict


def settle(asked: Any, coordinates: Sequence[Number], system: Any) -> Verdict | None:
    """Return a verdict by another argument than eigenvalues, or None."""
    if asked.loss is None or asked.field.flow is None:
        return _conserved(asked, coordinates, system)
    gamma = friction(asked)
    if gamma is not None:
        return _energy(asked, coordinates, system, gamma)
    from flowopt.stability.rest.regime_points import _smooth_descent

    if _smooth_descent(asked):
        return _leading(asked, coordinates, system)
    return None


def _conserved(asked: Any, coordinates: Sequence[Number], system: Any) -> Verdict | None:
    """Return stability by H with F = (∂H/∂y, −∂H/∂x) for a polynomial field without divergence."""
    import sympy

    from flowopt.stability.exact import write
    from flowopt.stability.rest.forms import value
    from flowopt.stability.rest.judge import attempted

    if len(asked.variables) != 2:
        return None
    x, y = asked.variables
    f, g = (sympy.expand(e) for e in asked.equations)
    if not (f.is_polynomial(x, y) and g.is_polynomial(x, y)) or \
            sympy.expand(f.diff(x) + g.diff(y)) != 0:
        return None
    H = sympy.expand(sympy.integrate(f, y) - sympy.integrate(g.subs(y, 0), x))
    at = {x: coordinates[0], y: coordinates[1]}
    a, b, c = (value(e, at) for e in (H.diff(x, 2), H.diff(x, y), H.diff(y, 2)))
    if (a * c - b * b).sign() <= 0:
        return None
    return attempted(statement("stable", system, **encoded(coordinates)), "a first integral",
                     "first_integral", {"integral": write(H)})


def friction(asked: Any) -> Any:
    """Return γ when the field is a heavy ball θ' = v, v' = −γ v − ∇L with γ >= 0, else None."""
    import sympy

    n = asked.n
    if len(asked.variables) != 2 * n or any(
            e != v for e, v in zip(asked.equations[:n], asked.variables[n:], strict=True)):
        return None
    gamma = None
    for e, v, x in zip(asked.equations[n:], asked.variables[n:], asked.variables[:n], strict=True):
        rest = sympy.expand(e + asked.loss.diff(x))
        made = sympy.cancel(-rest / v)
        if not made.is_Rational or (gamma is not None and made != gamma):
            return None
        gamma = made
    return gamma if gamma is not None and gamma >= 0 else None


def _energy(asked: Any, coordinates: Sequence[Number], system: Any, gamma: Any) -> Verdict | None:
    from flowopt.stability.exact import write
    from flowopt.stability.rest.forms import value
    from flowopt.stability.rest.judge import attempted
    from flowopt.stability.rest.kinds import critical, matrix, spectrum

    n = asked.n
    theta = asked.variables[:n]
    at = dict(zip(asked.variables, coordinates, strict=True))
    if n > 1:
        gradient = [asked.loss.diff(x) for x in theta]
        kind = critical(spectrum(matrix(gradient, theta, at))[1])
        values = [c.fraction for c in coordinates[:n]]
        if kind == "degenerate" and None not in values:
            from flowopt.stability.rest.forms_at_zero import strict_minimum

            kind = "minimum" if strict_minimum(asked.loss, theta, values) else kind
        if kind != "minimum":
            return None
    elif not _strict(asked.loss, theta[0], at, value):
        return None
    import sympy

    expr, variables, _ = asked.field.loss._real
    expr = sympy.expand(expr - expr.xreplace(dict.fromkeys(variables, sympy.Integer(0))))
    options = encoded(coordinates)
    claim = "stable" if gamma == 0 else "asymptotically_stable"
    if gamma != 0:
        options["scope"] = "local"
    return attempted(statement(claim, system, **options),
                     "energy" if gamma == 0 else "energy and LaSalle's principle", "energy",
                     {"loss": write(expr), "friction": str(gamma)})


def _strict(L: Any, x: Any, at: Any, value: Any) -> bool:
    """Return whether the first derivative that is not 0 has even order and is positive."""
    made, order = L.diff(x), 1
    while made != 0:
        sign = value(made, at).sign()
        if sign:
            return sign > 0 and order % 2 == 0
        made, order = made.diff(x), order + 1
    return False


def _leading(asked: Any, coordinates: Sequence[Number], system: Any) -> Verdict | None:
    """Return the verdict of the leading form of L at a rational point, where it decides."""
    from flowopt.stability.rest.forms_at_zero import verdict

    return verdict(asked, coordinates, system)
