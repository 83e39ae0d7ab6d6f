"""That an expression is nonnegative, by the signs of its coefficients alone."""

from __future__ import annotations

from typing import Any


def nonnegative(expr: Any, positive: set[Any], weak: set[Any]) -> bool:
    """Return whether signs of coefficients show expr >= 0 for symbols > 0, those of `weak` >= 0.

    Examples
    --------
    >>> import sympy
    >>> a, b = sympy.symbols("a b")
    >>> nonnegative(a / (1 + b), {a}, {b}), nonnegative(a - b, {a, b}, set())
    (True, False)
    """
    import sympy

    top, bottom = sympy.fraction(sympy.together(expr))
    if not (top.free_symbols | bottom.free_symbols) <= positive | weak:
        return False
    if not _one_sign(top) or not _one_sign(bottom):
        return False
    return bool(bottom.xreplace(dict.fromkeys(weak, sympy.S.Zero)) != 0)


def _one_sign(expr: Any) -> bool:
    import sympy

    symbols = sorted(expr.free_symbols, key=str)
    if not symbols:
        return bool(expr.is_Rational and expr >= 0)
    try:
        coefficients = sympy.Poly(expr, *symbols).coeffs()
    except sympy.PolynomialError:
        return False
    return all(c.is_Rational and c >= 0 for c in coefficients)
