"""The normal form of expressions that hold sums over coordinates.

A number is written as p + Σⱼ cⱼ S(fⱼ) with p and cⱼ free of coordinates and fⱼ products of
coordinate quantities. What is used: S is linear; H, P, A, ∇²K(a) are linear; H, P and ∇²K(a) are
symmetric, ⟨a, Hb⟩ = ⟨b, Ha⟩; ⟨a, Aᵀb⟩ = ⟨b, Aa⟩; H H⁻¹ = 1; ∇K(∇K*(y)) = y;
⟨a, a/‖a‖⟩ = ‖a‖; a·sign(a) = |a|; Σaᵢ² = ‖a‖².
"""

from __future__ import annotations

from typing import Any

import sympy

from flowopt.stability.checks.abstract_words import (
    MAXABS,
    NORM,
    NORM1,
    UNIT,
    S,
    Words,
)
from flowopt.stability.checks.positivity import expand
from flowopt.stability.exact import Refused


def _split(words: Words, term: Any) -> tuple[Any, Any]:
    """Return a product as (numbers, coordinate quantities)."""
    scalar: list[Any] = []
    inner: list[Any] = []
    for factor in sympy.Mul.make_args(term):
        (inner if words.is_coordinate(factor) else scalar).append(factor)
    return sympy.Mul(*scalar), sympy.Mul(*inner)


def coordinate(words: Words, expr: Any) -> Any:
    """Return a coordinate quantity expanded, with linear functions drawn out of sums."""
    if not expr.args:
        return expr
    if not words.is_coordinate(expr):
        return number(words, expr)
    name = str(expr.func)
    if name not in words.vector_functions:
        made = expr.func(*[coordinate(words, a) for a in expr.args])
        made = expand(made)
        return sympy.Add(*[_signs(t) for t in sympy.Add.make_args(made)])
    args = [coordinate(words, a) for a in expr.args]
    fixed, last = args[:-1], args[-1]
    if not _linear(words, name):
        if words.gradient_of(name):
            return _gradient(words, name, args)
        return expr.func(*args)
    terms = []
    for term in sympy.Add.make_args(expand(last)):
        factor, inner = _split(words, term)
        if inner == 1:
            raise Refused(f"{name} must be given a vector")
        terms.append(factor * _inverse(words, name, expr.func, fixed, inner))
    return expand(sympy.Add(*terms))


def _linear(words: Words, name: str) -> bool:
    if name in ("H", "Hinv"):
        return True
    kind = words.functions.get(name) or words.functions.get(name.removesuffix("T"))
    if kind in ("operator", "linear"):
        return True
    return name[0] == "H" and words.functions.get(name[1:].removesuffix("inv")) == "Legendre"


def _inverse(words: Words, name: str, function: Any, fixed: list[Any], inner: Any) -> Any:
    """Return f(a), where a matrix meets its inverse: H(Hinv(a)) = a."""
    other = name.removesuffix("inv") if name.endswith("inv") else name + "inv"
    if str(inner.func) == other and list(inner.args[:-1]) == fixed:
        return inner.args[-1]
    return function(*fixed, inner)


def _gradient(words: Words, name: str, args: list[Any]) -> Any:
    """Return ∇K(a), with ∇K(∇K*(y)) = y."""
    if str(args[0].func) == name + "c":
        return args[0].args[0]
    return words.vector_functions[name](args[0])


def _signs(term: Any) -> Any:
    """Return a product with a·sign(a) = |a|."""
    for factor in sympy.Mul.make_args(term):
        if isinstance(factor, sympy.sign):
            inner = factor.args[0]
            rest = term / factor
            power = sympy.Mul.make_args(rest)
            if any(p == inner for p in power):
                return _signs(rest / inner) * sympy.Abs(inner)
    return term


def _symmetric(words: Words, inner: Any) -> Any:
    """Return a·H(b) in one of its two equal forms; a·unit(a) is kept for `number`."""
    best = inner
    for factor in sympy.Mul.make_args(inner):
        name = str(factor.func)
        if name not in words.vector_functions or not _linear(words, name):
            continue
        rest = inner / factor
        fixed, last = factor.args[:-1], factor.args[-1]
        if rest == 1 or not words.is_coordinate(rest):
            continue
        kind = words.functions.get(name) or words.functions.get(name.removesuffix("T"))
        if kind == "linear":
            if name in words.functions:
                continue
            function = words.vector_functions[name.removesuffix("T")]
        else:
            function = factor.func
        other = coordinate(words, last * function(*fixed, rest))
        if kind == "linear" or _order(other) < _order(best):
            best = other
    return best


def _order(expr: Any) -> Any:
    return sympy.count_ops(expr, visual=False), sympy.default_sort_key(expr)


def total(words: Words, inner: Any) -> Any:
    """Return Σᵢ of a coordinate quantity in normal form."""
    made = []
    for term in sympy.Add.make_args(coordinate(words, inner)):
        factor, rest = _split(words, term)
        rest = _symmetric(words, rest)
        for part in sympy.Add.make_args(expand(rest)):
            more, part = _split(words, part)
            made.append(factor * more * _known_sum(part))
    return sympy.Add(*made)


def _known_sum(part: Any) -> Any:
    for factor in sympy.Mul.make_args(part):
        if factor.func == UNIT and part == factor * factor.args[0]:
            return NORM(factor.args[0])
        if isinstance(factor, sympy.Abs) and part == factor:
            return NORM1(factor.args[0])
    return S(part)


def number(words: Words, expr: Any) -> Any:
    """Return a number in normal form, Σaᵢ² written ‖a‖² where ‖a‖ or a nonlinear Σaᵢ² stands."""
    made = expand(_plain(_number(words, expr)))
    norms = {a.args[0] for a in made.atoms(NORM)}
    squares = {a for a in made.atoms(S) if _root(a.args[0]) is not None}
    for square in squares:
        root = _root(square.args[0])
        if root in norms or any(not _at_most_linear(t, square)
                                for t in sympy.Add.make_args(made)):
            made = made.xreplace({square: NORM(root)**2})
    made = expand(_plain(expand(made)))
    if made.has(sympy.Min):
        made = sympy.Add(*[_minimum(t) for t in sympy.Add.make_args(made)])
    return made


def _minimum(term: Any) -> Any:
    """Return a product with ‖a‖ drawn into min: ‖a‖ min(1/‖a‖, M) = min(1, M‖a‖)."""
    for least in term.args:
        for norm in sorted(term.atoms(NORM), key=str):
            if (isinstance(least, sympy.Min) and term.is_Mul and norm in term.args
                    and any((a * norm).is_Number for a in least.args)):
                return term / least / norm * sympy.Min(*[a * norm for a in least.args])
    return term


def _plain(expr: Any) -> Any:
    """Return an expression with | ‖a‖ | = ‖a‖."""
    return expr.replace(lambda x: isinstance(x, sympy.Abs) and x.args[0].func in (NORM, NORM1),
                        lambda x: x.args[0])


def _root(inner: Any) -> Any:
    return inner.base if inner.is_Pow and inner.exp == 2 and inner.base.is_Symbol else None


def _at_most_linear(term: Any, atom: Any) -> bool:
    others = [f for f in sympy.Mul.make_args(term) if f != atom]
    return not any(f.has(S) for f in others) if term.has(atom) else True


def _number(words: Words, expr: Any) -> Any:
    if not expr.args and expr not in words.coordinates:
        return expr
    if expr.func == S:
        return total(words, expr.args[0])
    if expr.func in (NORM, NORM1, MAXABS):
        return expr.func(coordinate(words, expr.args[0]))
    if words.scalar_function(str(expr.func)):
        name, inner = str(expr.func), coordinate(words, expr.args[0])
        if inner == 0 and name in words.zero_at_zero:
            return sympy.Integer(0)
        if name in words.functions and str(inner.func) == f"d{name}c":  # K(∇K*(y)) by Fenchel
            y = inner.args[0]
            return total(words, y * inner) - words.vector_functions[f"{name}c"](y)
        return expr.func(inner)
    if words.is_coordinate(expr):
        raise Refused("a coordinate stands where a number is needed; write sum(...)")
    return expr.func(*[_number(words, a) for a in expr.args])
