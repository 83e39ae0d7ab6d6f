"""Exact numbers, expressions as text, and the exact test for positive semidefinite matrices.

A certificate holds rationals as text ``"p/q"`` and expressions as text of the rule language; both
are read here, and nothing in them is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flowopt import _check

#: at most 4000 digits: Python reads no more at once
_RATIONAL = re.compile(r"[+-]?[0-9]{1,4000}(/0*[1-9][0-9]{0,4000})?")


class Refused(ValueError):
    """A certificate does not prove its statement; the message says where it fails."""


class NotPSD(ValueError):
    """A symmetric matrix has a negative direction."""


def fraction(value: Any) -> Fraction:
    """Return a number as an exact fraction; a float is taken by its shortest decimal.

    Parameters
    ----------
    value : int, float, str, Fraction or sympy.Rational
        A string is an integer or ``"p/q"``.

    Raises
    ------
    Refused
        For anything else, and for numbers that are not finite.

    Examples
    --------
    >>> fraction(0.1), fraction("-3/6")
    (Fraction(1, 10), Fraction(-1, 2))
    """
    if isinstance(value, bool):
        raise Refused(f"a number must be rational, got {_check.shown(value)}")
    if isinstance(value, str):
        if not _RATIONAL.fullmatch(value):
            raise Refused(f"a number must be an integer or p/q, got {_check.shown(value)}")
        return Fraction(value)
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if hasattr(value, "p") and hasattr(value, "q"):  # sympy.Rational, flint.fmpq
        return Fraction(int(value.p), int(value.q))
    try:
        return Fraction(repr(float(value)))
    except (TypeError, ValueError, OverflowError):
        raise Refused(f"a number must be rational, got {_check.shown(value)}") from None


def rational(value: Any) -> Any:
    """Return a number as a sympy.Rational; a float is taken by its shortest decimal.

    Examples
    --------
    >>> rational(0.1), rational("22/7")
    (1/10, 22/7)
    """
    import sympy

    made = fraction(value)
    return sympy.Rational(made.numerator, made.denominator)


def symbol(name: str, positive: Collection[str] = ()) -> Any:
    """Return the real symbol of a name, positive when it is among `positive`."""
    import sympy

    return sympy.Symbol(name, positive=True) if name in positive else sympy.Symbol(name, real=True)


def read(text: Any, names: Collection[str], positive: Collection[str] = (),
         functions: Mapping[str, Any] | None = None) -> Any:
    """Return the sympy expression that a text of the rule language stands for.

    Parameters
    ----------
    text : str
        The expression; it is parsed, never run.
    names : collection of str
        The names that it may hold; each is a real symbol.
    positive : collection of str, optional
        The names whose symbols are positive.
    functions : mapping of str to callable, optional
        Functions beside those of the language, such as reductions.

    Raises
    ------
    Refused
        When the text is no expression over these names.

    Examples
    --------
    >>> read("x**2/3 + sqrt(a)", ["x", "a"], positive=["a"])
    sqrt(a) + x**2/3
    """
    from flowopt.symbolic.language import ExpressionError
    from flowopt.symbolic.parse import parse

    try:
        parsed = parse(text, what="the expression", functions=list(functions or ()))
        for name in parsed.names:
            if name not in names:
                raise Refused(f"the expression {_check.shown(text)} holds the unknown name {name}")
        return parsed.to_sympy({n: symbol(n, positive) for n in parsed.names}, functions)
    except (ExpressionError, TypeError) as error:
        raise Refused(str(error)) from None


def write(expr: Any) -> str:
    """Return the text of an expression that `read` reads back to the same expression.

    Floats become the rational of their shortest decimal.

    Examples
    --------
    >>> import sympy
    >>> write(sympy.Symbol("x", real=True)**2 * 0.5)
    'x**2/2'
    """
    import sympy
    from sympy.printing.str import StrPrinter

    from flowopt.symbolic.names import exact

    return str(StrPrinter({"full_prec": False}).doprint(exact(sympy.sympify(expr))))


def ldl(matrix: Sequence[Sequence[Any]]) -> tuple[list[list[Any]], list[Any]]:
    """Return L (unit lower triangular) and the diagonal D >= 0 with Q = L D Lᵀ, exactly.

    A zero pivot is allowed only when what is left of its column is zero.

    Parameters
    ----------
    matrix : (n, n) nested sequence of rationals
        Q, symmetric.

    Raises
    ------
    NotPSD
        When Q is not positive semidefinite.
    Refused
        When Q is not square and symmetric, or an entry is not rational.

    Examples
    --------
    >>> ldl([[2, 1], [1, 2]])[1]
    [Fraction(2, 1), Fraction(3, 2)]
    """
    rows = [[fraction(v) for v in row] for row in matrix]
    n = len(rows)
    if any(len(row) != n for row in rows) or any(
            rows[i][j] != rows[j][i] for i in range(n) for j in range(i)):
        raise Refused("a Gram matrix must be square and symmetric")
    number = _number()
    left = [[number(v.numerator, v.denominator) for v in row] for row in rows]
    zero, one = number(0, 1), number(1, 1)
    lower = [[one if i == j else zero for j in range(n)] for i in range(n)]
    diagonal = []
    for k in range(n):
        pivot = left[k][k]
        diagonal.append(pivot)
        if pivot < 0:
            raise NotPSD(f"pivot {k} of the LDL decomposition is negative")
        if pivot == 0:
            if any(left[i][k] != 0 for i in range(k + 1, n)):
                raise NotPSD(f"pivot {k} of the LDL decomposition is zero, and its column is not")
            continue
        column = [left[i][k] / pivot for i in range(k + 1, n)]
        for i in range(k + 1, n):
            lower[i][k] = column[i - k - 1]
            if column[i - k - 1] == 0:
                continue
            for j in range(k + 1, i + 1):
                left[i][j] = left[i][j] - column[i - k - 1] * left[j][k]
                left[j][i] = left[i][j]
    return ([[fraction(v) for v in row] for row in lower], [fraction(v) for v in diagonal])


def psd(matrix: Sequence[Sequence[Any]]) -> bool:
    """Return whether a symmetric rational matrix is positive semidefinite, exactly.

    Examples
    --------
    >>> psd([[1, 1], [1, 1]]), psd([[0, 1], [1, 0]])
    (True, False)
    """
    try:
        ldl(matrix)
    except NotPSD:
        return False
    return True


def _number() -> Any:
    """Return the maker of exact numbers: python-flint's where it is installed."""
    try:
        from flint import fmpq

        return fmpq
    except ImportError:
        return Fraction
