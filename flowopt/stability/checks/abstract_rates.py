"""Rates along a flow of expressions that hold sums over coordinates, taken from the leaves up."""

from __future__ import annotations

from typing import Any

import sympy

from flowopt.stability.checks.abstract_forms import number
from flowopt.stability.checks.abstract_words import NORM, H, S, Words
from flowopt.stability.exact import Refused


def field(words: Words, rules: dict[str, str]) -> dict[Any, Any]:
    """Return the rate of each symbol along the flow; those that are not named do not move."""
    s = words.symbol
    made = {s[k]: words.read(text) for k, text in rules.items()}
    motion = made[s["theta"]]
    made[s["e"]] = motion
    made[s["g"]] = H(motion)
    made[s["D"]] = S(s["g"].xreplace(words.meaning) * motion)
    made[s["Q"]] = -sympy.exp(s["Q"]) * made[s["D"]]
    made[s["t"]] = sympy.Integer(1)
    return made


def rate(words: Words, rates: dict[Any, Any], expr: Any) -> Any:
    """Return d/dt of an expression along the flow, in normal form.

    Raises
    ------
    Refused
        Where the expression has a kink, or a derivative that has no name (of H, for example).
    """
    return number(words, _pair(words, rates, expr))


def _pair(words: Words, rates: dict[Any, Any], expr: Any) -> Any:
    zero = sympy.Integer(0)
    if expr.is_Number:
        return zero
    if expr.is_Symbol:
        return rates.get(expr, zero)
    args = expr.args
    d = [_pair(words, rates, a) for a in args]
    if expr.is_Add:
        return sympy.Add(*d)
    if all(x == 0 for x in d):
        return zero
    if expr.is_Mul:
        return sympy.Add(*[sympy.Mul(*args[:k], d[k], *args[k + 1:]) for k in range(len(args))])
    if expr.is_Pow:
        base, power = args
        if d[1] == 0:
            return power * base**(power - 1) * d[0]
        return expr * (d[1] * sympy.log(base) + power * d[0] / base)
    name = str(expr.func)
    if isinstance(expr, sympy.exp):
        return expr * d[0]
    if isinstance(expr, sympy.log):
        return d[0] / args[0]
    if expr.func == S:
        return S(d[0])
    if expr.func == NORM:
        return S(args[0] * d[0]) / expr
    if words.scalar_function(name):
        return S(words.vector_functions[f"d{name}"](args[0]) * d[0])
    if name in ("H", "Hinv", "unit", "lmo") or words.functions.get(name) in ("operator", "oracle"):
        raise Refused(f"the derivative of {name} has no name here")
    if words.functions.get(words.gradient_of(name)) == "Legendre":
        return words.vector_functions[f"H{name[1:]}"](args[0], d[0])
    if words.functions.get(name.removesuffix("T")) == "linear":
        return expr.func(d[0])
    raise Refused(f"V must be differentiable, and {name} has a kink or is unknown")
