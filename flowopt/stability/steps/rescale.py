"""Natural units: Adagrad's V = lr² S is written by S, and √(μ s) takes the place of s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rates_of_scales(made: Any, pencil: Any, inside: Mapping[Any, Any], held: dict[str, str]
                    ) -> dict[Any, Any] | None:
    """Return what takes the place of P so that it does not hold the learning rate.

    A scale whose Euler step adds a multiple of lr^p g² is lr^p times the one of the algorithm
    (Adagrad: V = lr² S). Then P, which the rule divides by, is lr^q times that of the algorithm.
    `held` is changed to say what P is.
    """
    import sympy

    name = next((k for k in held if k in ("P", "P_")), None)
    if name is None:
        return None
    lr = sympy.Symbol("lr", positive=True)
    meaning = pencil.meaning
    for s in made.scales:
        rule, theta = made.rhs[s], made.symbols["theta"]
        if not rule.is_polynomial(theta):
            continue
        added = sympy.cancel(sympy.diff(made.step * rule, theta, 2).subs(
            {made.symbols[x]: 0 for x in made.linear}).subs(inside, simultaneous=True))
        power = sympy.cancel(lr * added.diff(lr) / added) if added != 0 else sympy.Integer(0)
        if power.is_Integer and power != 0:
            symbol = sympy.Symbol(s, positive=True)
            meaning = meaning.subs(symbol, lr**power * symbol)
    meaning = sympy.simplify(meaning.subs(inside, simultaneous=True))
    rate = sympy.simplify(lr * meaning.diff(lr) / meaning)
    if not rate.is_Integer:
        return None
    left = sympy.simplify(meaning / lr**rate)
    if left.has(lr):
        return None
    held[name] = str(left)
    symbol = sympy.Symbol(name, positive=True)
    return {symbol: lr**rate * symbol} if rate != 0 else None


def roots_of_parameters(coefficients: list[Any], inside: Mapping[Any, Any], h: Any, own: Any
                        ) -> Any:
    """Return coefficients in x = √μ h where a parameter is √μ: then only μ is left.

    Without such a parameter they stay polynomials in h, the square root of the learning rate.
    """
    import sympy

    x = sympy.Symbol("x", positive=True)
    for key, root in inside.items():
        if not (isinstance(root, sympy.Pow) and root.exp == sympy.Rational(1, 2)
                and root.base.is_Symbol):
            continue
        made = [sympy.cancel(sympy.together(c.subs(h, x / root))) for c in coefficients]
        if not any(c.has(root) for c in made):
            return (made, {**inside, key: root}, {h: x / root}, "x",
                    {"x": f"sqrt({root.base})*{own.clock.formula}"})
    return coefficients, inside, {}, "h", {"h": own.clock.formula}
