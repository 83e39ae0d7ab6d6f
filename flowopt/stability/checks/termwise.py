"""V̇ <= 0 everywhere, because −V̇ is a sum of terms that are manifestly >= 0.

data: "rate": −dV/dt as a sum. A term is >= 0 when its number is, and each other factor is an even
power, |a|, e^a, a square root, or a product of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import parameters_put
from flowopt.stability.checks.words import escaped
from flowopt.stability.exact import Refused, read


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that the rate is that of V along the field, and the sign of its terms."""
    import sympy

    if statement["claim"] != "nonincreasing" or set(data) != {"rate"} or \
            statement["assumptions"] or statement["options"]:
        raise Refused("manifest terms prove dV/dt <= 0 only")
    equations, variables, V = parameters_put(statement)
    if V.has(sympy.sign, sympy.Abs, sympy.Min, sympy.Max, sympy.Heaviside, sympy.Piecewise):
        raise Refused("V must be smooth")
    if any(e.has(sympy.sign, sympy.Heaviside, sympy.Piecewise) for e in equations):
        raise Refused("the field must be continuous")
    rate = read(data["rate"], [str(v) for v in variables])
    along = sum((V.diff(v) * e for v, e in zip(variables, equations, strict=True)),
                sympy.Integer(0))
    if sympy.expand(along + rate) != 0:
        raise Refused("the rate is not -dV/dt")
    for power in {p for e in (rate, V, *equations) for p in e.atoms(sympy.Pow)}:
        _defined(power)
    if not all(manifest(t) for t in sympy.Add.make_args(rate)):
        raise Refused("a term is not manifestly >= 0")


def _defined(power: Any) -> None:
    """Refuse a root of what may be negative, and a quotient by what may be 0."""
    import sympy

    terms = sympy.Add.make_args(power.base)
    safe = power.base.is_positive or all(map(manifest, terms))
    if not power.exp.is_Integer and not power.base.is_positive and not safe:
        raise Refused(f"{power.base} stands under a root and may be negative")
    if power.exp.is_negative and not power.base.is_positive and not (
            safe and any(t.is_Rational and t > 0 for t in terms)):
        raise Refused(f"{power.base} stands in a denominator and may be 0")


def manifest(term: Any) -> bool:
    """Return whether a term is seen to be >= 0 from its form."""
    import sympy

    for f in sympy.Mul.make_args(term):
        even = f.is_Pow and f.exp.is_Integer and f.exp > 0 and f.exp % 2 == 0
        root = f.is_Pow and f.exp == sympy.Rational(1, 2)
        rational = f.is_Rational and f >= 0
        if not (even or root or rational or isinstance(f, (sympy.exp, sympy.Abs))
                or f is sympy.pi or f is sympy.E or (f.is_Pow and f.base is sympy.E)):
            return False
    return True


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    return [f"With V = {statement['V']} the chain rule gives -dV/dt = {data['rate']}, "
            "identically.",
            "Each term is >= 0: its number is positive, its other factors are even powers, "
            "absolute values, exponentials or roots. So dV/dt <= 0."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return escaped(explain(statement, data))
