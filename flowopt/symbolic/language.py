"""What the language of formulas holds: its limits, functions, steps, and how it refuses.

The other files of the parser stand on this one: `scan`, `tree`, `bounds`, `build` and `parse`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

MAX_CHARACTERS = 20_000  #: longest text that is read at all
MAX_DIGITS = 400  #: longest number, in digits
MAX_BRACKETS = 100  #: brackets inside brackets; Python's own parser stops at 200
MAX_DEPTH = 100  #: levels of the tree, where a long sum is one; sympy's printers recurse
MAX_EXPONENT = 1000  #: product of the numeric exponents along any path
MAX_ROOT = 10**30  #: denominator of an exponent; sympy may write out its minimal polynomial
MAX_BITS = 16_384  #: numerator and denominator of an exact number

_MOST = 32  # arguments of Min and Max: sympy compares every pair, 0.6 s for 32
#: function -> (fewest arguments, most arguments, its value at floats)
FUNCTIONS: dict[str, tuple[int, int, Callable[..., float]]] = {
    "sin": (1, 1, math.sin), "cos": (1, 1, math.cos), "tan": (1, 1, math.tan),
    "asin": (1, 1, math.asin), "acos": (1, 1, math.acos), "atan": (1, 1, math.atan),
    "atan2": (2, 2, math.atan2),
    "sinh": (1, 1, math.sinh), "cosh": (1, 1, math.cosh), "tanh": (1, 1, math.tanh),
    "exp": (1, 1, math.exp), "log": (1, 1, math.log), "sqrt": (1, 1, math.sqrt),
    "Abs": (1, 1, abs), "abs": (1, 1, abs), "erf": (1, 1, math.erf),
    "sign": (1, 1, lambda x: (x > 0) - (x < 0)),
    "Heaviside": (1, 1, lambda x: ((x > 0) - (x < 0) + 1) / 2),
    "Min": (2, _MOST, min), "min": (2, _MOST, min),
    "Max": (2, _MOST, max), "max": (2, _MOST, max),
    "relu": (1, 1, lambda x: max(x, 0.0)),
    "sigmoid": (1, 1, lambda x: (1 + math.tanh(x / 2)) / 2),
    "softplus": (1, 1, lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x)))),
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "E": math.e}
COMPARISONS = ("<", "<=", ">", ">=")


class ExpressionError(ValueError):
    """A formula given as text was refused; the message is one sentence.

    Examples
    --------
    >>> from flowopt.symbolic.parse import parse
    >>> try:
    ...     parse("x^2", what="loss")
    ... except ValueError as error:
    ...     print(error)
    loss has '^', which no formula needs; write '**' for a power
    """


class Step(NamedTuple):
    """One step of a formula in postfix order: take `arity` results, give one.

    `op` is one of ``number name constant + * neg inv ** call < <= > >= true Piecewise``, and
    `value` the Fraction, the name, or the name of the function (None for the others).
    """

    op: str
    value: Any
    arity: int


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key that reads digits as numbers, so x2 stands before x10.

    Parameters
    ----------
    name : str
        A name; upper and lower case differ.

    Returns
    -------
    tuple
        A key for `sorted`.

    Examples
    --------
    >>> sorted(["x10", "y", "x2", "X3"], key=natural_key)
    ['X3', 'x2', 'x10', 'y']
    """
    # a run of digits without leading zeros is ordered by its length, then as text
    key: list[Any] = re.split("([0-9]+)", name)
    key[1::2] = [(len(run.lstrip("0")), run.lstrip("0")) for run in key[1::2]]
    return tuple(key), name


def clip(text: str, length: int = 40) -> str:
    """The text on one line, cut to `length` characters."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


def quote(piece: str) -> str:
    """The piece of a formula as messages show it."""
    return repr(clip(piece))


def fail(what: str, trouble: str, hint: str) -> NoReturn:
    """Refuse the formula in one sentence: what it is called, the trouble, what to try."""
    raise ExpressionError(f"{what} {trouble}; {hint}") from None
