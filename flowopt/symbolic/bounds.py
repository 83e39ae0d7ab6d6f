"""How large a step's result can get, so that nothing explodes when sympy evaluates it.

Every exponent and every purely numeric part is bounded; its value is exact as long as it is
rational.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any, NamedTuple

from flowopt.symbolic.language import (
    COMPARISONS,
    CONSTANTS,
    FUNCTIONS,
    MAX_BITS,
    MAX_DIGITS,
    MAX_EXPONENT,
    MAX_ROOT,
    Step,
    fail,
    quote,
)


class Bound(NamedTuple):
    """What is known of a result: its number (None with names in it) and its largest power."""

    number: Fraction | float | None
    power: float


def exact_number(piece: str, what: str) -> Fraction:
    """The number as written, 0.1 -> 1/10; bounded before it is built."""
    digits = re.split("[eE]", piece)[0].replace(".", "")
    if len(digits) > MAX_DIGITS:
        fail(what, f"has a number of {len(digits)} digits", f"write at most {MAX_DIGITS}")
    if not digits.strip("0"):
        return Fraction(0)  # 0e999999999 must not build its power of ten
    if not 0.0 < float(piece) < math.inf:
        fail(what, f"has the number {quote(piece)}", "stay between 1e-307 and 1e308")
    return Fraction(piece)


def bound_of(step: Step, args: list[Bound], piece: str, what: str) -> Bound:
    """The bound of a step's result; refuses what is too large, undefined or not real."""
    numbers: list[Any] = [a.number for a in args]
    power = max((a.power for a in args), default=1.0)
    if step.op == "inv" and numbers[0] == 0:
        fail(what, f"divides by {quote(piece)}, which is zero", "check the denominator")
    if step.op == "**" and numbers[1] is not None:
        power = max(1.0, args[0].power * abs(float(numbers[1])))
        if power > MAX_EXPONENT:
            hint = f"exponents, multiplied along nested powers, must stay within {MAX_EXPONENT}"
            fail(what, f"has too high a power in {quote(piece)}", hint)
        if isinstance(numbers[1], Fraction) and numbers[1].denominator > MAX_ROOT:
            fail(what, f"has {quote(piece)}, whose exponent has too many digits", "round it")
    if step.op in ("name", "true", "Piecewise") or None in numbers:
        return Bound(None, power)
    if step.op in COMPARISONS:  # sympy may try for ever to decide 1 < erf(1000)
        fail(what, f"compares two numbers in {quote(piece)}", "compare something with a name in it")
    if step.op == "**" and _bits(numbers[0]) * abs(numbers[1]) > MAX_BITS:
        fail(what, f"has {quote(piece)}, which has too many digits", "write it as a decimal")
    try:
        number = _value(step, numbers)
        if number is None:
            return Bound(None, power)
        size = abs(float(number))
    except OverflowError:
        size = math.inf
    except (TypeError, ValueError, ZeroDivisionError):  # complex, outside the domain, 0**-1
        size = math.nan
    if math.isnan(size):
        fail(what, f"has {quote(piece)}, which is not a real number", "check the arguments")
    if size > 1e308:
        fail(what, f"has {quote(piece)}, which exceeds 1e308", "use smaller numbers")
    if _bits(number) > MAX_BITS:
        fail(what, f"has {quote(piece)}, which has too many digits", "write it as a decimal")
    if number and not size:
        fail(what, f"has {quote(piece)}, which is below 1e-308", "write 0 or scale it")
    return Bound(number, power)


def _bits(number: Any) -> int:
    if not isinstance(number, Fraction):
        return 0  # a float is never written out
    return max(number.numerator.bit_length(), number.denominator.bit_length())


def _value(step: Step, args: list[Any]) -> Any:
    """The value at numbers, exact as long as it is rational; None if it is not known."""
    match step.op:
        case "number":
            return step.value
        case "constant":
            return CONSTANTS[step.value]
        case "neg":
            return -args[0]
        case "inv":
            return 1 / args[0]
        case "call":
            return FUNCTIONS[step.value][2](*map(float, args)) if step.value in FUNCTIONS else None
        case "**":
            return args[0] ** args[1]
    total = args[0]
    for arg in args[1:]:
        total = total + arg if step.op == "+" else total * arg
        if _bits(total) > MAX_BITS:
            break
    return total
