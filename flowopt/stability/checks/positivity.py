"""Signs that can be read off term by term, and positive semidefinite matrices of such entries.

An expression is brought to one denominator, which must be positive, and expanded; every term must
then be a positive number times powers of positive symbols, natural powers of symbols that are not
negative, and even powers of any. Nothing else is believed.
"""

from __future__ import annotations

import functools
from typing import Any

import sympy
from sympy.core.function import AppliedUndef


@functools.lru_cache(8192)
def expand(expr: Any) -> Any:
    """Return an expression expanded, sums under roots and in denominators left as they are."""
    kept: dict[Any, Any] = {}

    def hide(e: Any) -> Any:
        if not e.args:
            return e
        made = e.func(*[hide(a) for a in e.args])
        if made.is_Pow and made.base.is_Add and not (made.exp.is_Integer and made.exp > 0):
            whole = sympy.expand(made.base, power_exp=False)
            unit = (sympy.Dummy(positive=True) if _at_least(whole) == 2
                    else sympy.Dummy(real=True))
            return kept.setdefault(whole, unit) ** made.exp
        return made

    made = sympy.expand(hide(expr), power_exp=False)
    for whole, unit in reversed(kept.items()):  # an inner one was hidden before the outer ones
        made = made.xreplace({unit: whole})
    if all(p.exp.is_Number for p in made.atoms(sympy.Pow)):
        return made
    return sympy.Add(*[_gathered(t) for t in sympy.Add.make_args(made)])


def _gathered(term: Any) -> Any:
    """Return a product with one power of each base, its exponent brought to one fraction."""
    powers: dict[Any, Any] = {}
    for factor in sympy.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        powers[base] = powers.get(base, sympy.Integer(0)) + exponent
    return sympy.Mul(*[base**(p if p.is_Number else _fraction(p)) for base, p in powers.items()])


@functools.lru_cache(4096)
def _fraction(exponent: Any) -> Any:
    return sympy.factor(sympy.cancel(exponent))


def _radicals(expr: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the expression with a symbol for the root of each sum that stands under one."""
    bases = {p.base for p in expr.atoms(sympy.Pow)
             if p.base.is_Add and p.exp.is_Rational and p.exp.q == 2}
    made = []
    for base in sorted(bases, key=sympy.default_sort_key):
        root = sympy.Dummy("s", positive=True) if _at_least(base) == 2 else None
        if root is None:
            continue
        expr = expr.replace(lambda x, b=base: x.is_Pow and x.base == b and x.exp.is_Rational,
                            lambda x, r=root: r**(2 * x.exp))
        made.append((root, base))
    return expr, made


@functools.lru_cache(4096)
def parts(expr: Any) -> tuple[Any, Any, dict[Any, Any]]:
    """Return (numerator, denominator, roots).

    The numerator is expanded, and free of squares of the symbols that stand for roots.
    """
    expr, roots = _radicals(expr)
    top, bottom = sympy.fraction(sympy.together(expr))
    top = expand(top)
    for root, base in roots:
        kept = []
        for term in sympy.Add.make_args(top):
            power = term.as_powers_dict().get(root, sympy.Integer(0))
            if power.is_Integer and power >= 2:
                term = term / root**power * base**(power // 2) * root**(power % 2)
            kept.append(term)
        top = expand(sympy.Add(*kept))
    return top, bottom, {root: sympy.sqrt(base) for root, base in roots}


@functools.lru_cache(4096)
def is_zero(expr: Any) -> bool:
    """Return whether an expression is zero once it is over one denominator and expanded."""
    if expr == 0:
        return True
    top, _, _ = parts(sympy.powsimp(expand(expr)))
    if top == 0:
        return True
    return bool(expand(sympy.powsimp(sympy.expand_power_base(top))) == 0)


def _at_least(expr: Any) -> int:
    """Return 2 when an expanded expression is positive, 1 when it is >= 0, by its terms; else 0."""
    signs = [_term(t) for t in sympy.Add.make_args(expr)]
    return 0 if 0 in signs else max(signs)


def _term(term: Any) -> int:
    least = 2
    for factor in sympy.Mul.make_args(term):
        least = min(least, _factor(factor))
    return least


def _factor(factor: Any) -> int:
    if factor.is_Rational:
        return 2 if factor > 0 else 1 if factor == 0 else 0
    if factor.is_Symbol:
        return 2 if factor.is_positive else 1 if factor.is_nonnegative else 0
    if isinstance(factor, sympy.exp) or factor in (sympy.pi, sympy.E):
        return 2
    if isinstance(factor, sympy.Abs) or (isinstance(factor, AppliedUndef)
                                         and factor.is_nonnegative):
        return 1
    if isinstance(factor, sympy.Min):
        return min(sign(a) for a in factor.args)
    if factor.is_Pow:
        return _power(factor.base, factor.exp)
    return sign(factor) if factor.is_Add else 0


def _power(base: Any, exponent: Any) -> int:
    known = sign(base) if base.is_Add else _factor(base)
    if known == 2:
        return 2
    divides = not (exponent.is_Rational and exponent > 0) and sign(exponent) == 0
    if str(base.func) == "norm":  # a flow that divides by a norm is meant where it is not zero
        return 2 if sign(-exponent) == 2 else 1
    if known == 1 and not divides:
        return 1
    if exponent.is_Integer and exponent % 2 == 0 and exponent > 0:
        return 1
    return 0


@functools.lru_cache(4096)
def sign(expr: Any) -> int:
    """Return 2 for an expression that is positive term by term, 1 for >= 0, 0 for not known.

    Examples
    --------
    >>> import sympy
    >>> a, x = sympy.Symbol("a", positive=True), sympy.Symbol("x", real=True)
    >>> sign(a + x**2), sign(x**2 / a), sign(a - x**2)
    (2, 1, 0)
    """
    if expr == 0:
        return 1
    if not expr.is_Add and not expr.is_Mul:
        if expr.is_Pow:
            return _power(expr.base, expr.exp)
        return _factor(expr)
    top, bottom, _ = parts(expr)
    if top == 0:
        return 1
    for s in (1, -1):
        low = _bottom(s * bottom)
        if low:
            high = _at_least(expand(s * top))
            if high:
                return high
    return 0


def _bottom(expr: Any) -> bool:
    """Return whether a denominator is positive (where what it divides by is not zero)."""
    for factor in sympy.Mul.make_args(expr):
        base = factor.base if factor.is_Pow else factor
        if base.is_Add:
            if _at_least(expand(base)) == 2:
                continue
            return False
        if str(base.func) == "norm":
            continue
        if _factor(factor) != 2:
            return False
    return True


def gram(expr: Any, variables: list[Any]) -> list[list[Any]] | None:
    """Return the matrix of a quadratic form in the variables, or None when it is none."""
    expr = expand(expr)
    n = len(variables)
    made = [[sympy.Integer(0)] * n for _ in range(n)]
    for term in sympy.Add.make_args(expr):
        found = [k for k, x in enumerate(variables) for _ in range(_degree(term, x))]
        if term == 0:
            continue
        if len(found) != 2:
            return None
        i, j = found
        rest = term / (variables[i] * variables[j])
        if rest.has(*variables):
            return None
        made[i][j] += rest / 2
        made[j][i] += rest / 2
    return made


def _degree(term: Any, x: Any) -> int:
    power = term.as_powers_dict().get(x, 0)
    return int(power) if getattr(power, "is_Integer", power == 0) and 0 <= power <= 2 else 9


def semidefinite(matrix: list[list[Any]]) -> bool:
    """Return whether a symmetric matrix is positive semidefinite, by signs read term by term.

    Rows are eliminated in the order given; each pivot must be positive, or its row zero and the
    pivot not negative.

    Examples
    --------
    >>> import sympy
    >>> a = sympy.Symbol("a", positive=True)
    >>> semidefinite([[a, a], [a, 2*a]]), semidefinite([[a, 2*a], [2*a, a]])
    (True, False)
    """
    left = [list(row) for row in matrix]
    while left:
        pivot, row = left[0][0], left[0][1:]
        if all(is_zero(v) for v in row):
            if not sign(pivot):
                return False
            left = [r[1:] for r in left[1:]]
            continue
        if sign(pivot) != 2:
            return False
        left = [[left[i][j] - left[i][0] * left[0][j] / pivot for j in range(1, len(left))]
                for i in range(1, len(left))]
    return True
