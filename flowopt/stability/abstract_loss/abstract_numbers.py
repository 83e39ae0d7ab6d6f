"""Numbers that tell in advance that a sum cannot be proved positive; they prove nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy.core.function import AppliedUndef

from flowopt.stability.checks.abstract_words import S

_SAMPLES = 200


def hopeless(left: Any) -> bool:
    """Return whether an expression in normal form is somewhere negative, p or summand."""
    alone, summed = [], []
    for term in sympy.Add.make_args(left):
        inside = [f for f in sympy.Mul.make_args(term) if f.func == S]
        rest = term / inside[0] if inside else term
        if len(inside) == 1 and not rest.has(S):
            summed.append((rest, inside[0].args[0]))
        else:
            alone.append((term, sympy.Integer(1)))
    known: dict[Any, Any] = {}
    random = np.random.default_rng(7)
    with np.errstate(all="ignore"):
        for terms in (alone, summed):
            values = [value(a, known, random) * value(b, known, random) for a, b in terms]
            total, size = sum(values), sum(map(abs, values))
            if np.any(total < -1e-9 * size):
                return True
    return False


def value(expr: Any, known: dict[Any, Any], random: Any) -> Any:
    """Return an expression at random values of its symbols and functions, kept in `known`."""
    if expr in known:
        return known[expr]
    if expr.is_Number or expr.is_NumberSymbol:
        made: Any = float(expr)
    elif expr.is_Symbol or isinstance(expr, AppliedUndef):
        made = 10.0**random.uniform(-3, 3, _SAMPLES)
        if not expr.is_nonnegative:
            made = made * random.choice([-1.0, 1.0], _SAMPLES)
    else:
        args = [value(a, known, random) for a in expr.args]
        made = _FUNCTIONS.get(type(expr).__name__, lambda a: np.nan)(args)
    known[expr] = made
    return made


def _product(values: list[Any]) -> Any:
    made = values[0]
    for v in values[1:]:
        made = made * v
    return made


_FUNCTIONS = {
    "Add": lambda a: sum(a), "Mul": _product, "Pow": lambda a: np.power(np.asarray(a[0]), a[1]),
    "Abs": lambda a: abs(a[0]), "sign": lambda a: np.sign(a[0]), "exp": lambda a: np.exp(a[0]),
    "log": lambda a: np.log(a[0]), "Min": lambda a: np.minimum.reduce(np.broadcast_arrays(*a)),
    "Max": lambda a: np.maximum.reduce(np.broadcast_arrays(*a)),
    "sin": lambda a: np.sin(a[0]), "cos": lambda a: np.cos(a[0]), "tanh": lambda a: np.tanh(a[0]),
}
