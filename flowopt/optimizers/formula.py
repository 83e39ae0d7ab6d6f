"""The value of a formula of hyper-parameters, such as (1 - beta1)/lr, without sympy."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

from flowopt.symbolic.language import COMPARISONS, CONSTANTS, FUNCTIONS
from flowopt.symbolic.parse import parse

_COMPARE = dict(zip(COMPARISONS, (operator.lt, operator.le, operator.gt, operator.ge),
                    strict=True))


def value_of(text: str, names: Mapping[str, float]) -> float:
    """Return the number that a formula stands for.

    Parameters
    ----------
    text : str
        A formula of the rule language over `names`.
    names : mapping of str to float
        What its names mean.

    Raises
    ------
    ValueError
        For a name without a meaning.

    Examples
    --------
    >>> value_of("(1 - beta)/lr", {"beta": 0.75, "lr": 0.5})
    0.5
    """
    stack: list[Any] = []
    for op, value, arity in parse(text, what="the formula").tree:
        args = stack[len(stack) - arity:]
        del stack[len(stack) - arity:]
        if op == "number":
            made: Any = float(value)
        elif op == "constant":
            made = CONSTANTS[value]
        elif op == "name":
            if value not in names:
                raise ValueError(f"the formula {text} holds {value}, which has no value")
            made = names[value]
        elif op == "+":
            made = math.fsum(args) if len(args) > 2 else sum(args)
        elif op == "*":
            made = math.prod(args)
        elif op == "neg":
            made = -args[0]
        elif op == "inv":
            made = 1.0 / args[0]
        elif op == "**":
            made = args[0] ** args[1]
        elif op == "call":
            made = FUNCTIONS[value][2](*args)
        elif op == "true":
            made = True
        elif op in _COMPARE:
            made = _COMPARE[op](*args)
        else:  # Piecewise: values and conditions in turn
            made = next(v for v, c in zip(args[::2], args[1::2], strict=True) if c)
        stack.append(made)
    return float(stack[0])
