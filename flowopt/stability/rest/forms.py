"""A field as polynomial systems over Q: one for each side of its surfaces, roots lifted.

With the sides held fixed a field made of + − × ÷, roots, |x|, Min, Max, sign and Piecewise is
rational in its variables and in one new variable w ≥ 0, w^q = e, for each root in it. A
denominator d is cleared, and z d = 1 keeps its zeros out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowopt.stability.algebra.algebraic import Number


class NotAlgebraic(ValueError):
    """An expression holds a function that is not algebraic; the message names it."""


@dataclass
class Form:
    """The equations of one choice of sides as polynomials.

    Attributes
    ----------
    polynomials : list of sympy.Expr
        What must vanish.
    unknowns : list of sympy.Symbol
        The variables first, then those that were added.
    signs : list of (sympy.Expr, int)
        Rational expressions that must have this sign; 0 stands for >= 0.
    roots : dict
        The meaning of each root's variable.
    sides : dict
        Each side's symbol with its value; one on a surface is an unknown.
    surfaces : list of sympy.Expr
        The switching functions with these sides.
    poles : list of sympy.Expr
        What stands in denominators.
    """

    polynomials: list[Any]
    unknowns: list[Any]
    signs: list[tuple[Any, int]] = field(default_factory=list)
    roots: dict[Any, Any] = field(default_factory=dict)
    sides: dict[Any, Any] = field(default_factory=dict)
    surfaces: list[Any] = field(default_factory=list)
    poles: list[Any] = field(default_factory=list)


def with_sides(expr: Any, sides: Mapping[Any, Any]) -> Any:
    """Return `expr` with sides put in; a side that is a symbol enters linearly."""
    from flowopt.symbolic.regimes import Even, Select

    if not expr.args:
        return sides.get(expr, expr)
    args = [with_sides(a, sides) for a in expr.args]
    if isinstance(expr, Select):
        s, below, above = args
        return below * (1 - s) / 2 + above * (1 + s) / 2
    if isinstance(expr, Even):
        return args[0] * args[1]
    return expr.func(*args)


class Lift:
    """Roots replaced by variables, consistently over several expressions."""

    def __init__(self) -> None:
        self.roots: dict[Any, Any] = {}  # variable -> base
        self.orders: dict[Any, int] = {}
        self._known: dict[Any, Any] = {}

    def rational(self, expr: Any) -> Any:
        """Return `expr` as a rational expression; a new variable stands for each root."""
        import sympy

        if expr.is_Rational or expr.is_Symbol:
            return expr
        if expr.is_Add or expr.is_Mul:
            return expr.func(*[self.rational(a) for a in expr.args])
        if expr.is_Pow and expr.exp.is_Integer:
            return self.rational(expr.base) ** expr.exp
        if expr.is_Pow and expr.exp.is_Rational:
            base = self.rational(expr.base)
            order = int(expr.exp.q)
            if (base, order) not in self._known:
                symbol = sympy.Symbol(f"w[{len(self.roots)}]", nonnegative=True)
                self._known[base, order] = symbol
                self.roots[symbol], self.orders[symbol] = base, order
            return self._known[base, order] ** expr.exp.p
        raise NotAlgebraic(f"{expr.func.__name__ if expr.args else expr}")


def formed(exprs: Sequence[Any], variables: Sequence[Any], zero: Sequence[Any] = (),
           signs: Sequence[tuple[Any, int]] = (), more: Sequence[Any] = ()) -> Form:
    """Return the system exprs = 0 with polynomials `zero` = 0 as well, denominators cleared.

    Raises
    ------
    NotAlgebraic
        When an expression holds exp, sin, and the like.
    """
    import sympy

    lift = Lift()
    polynomials, denominators = [], []
    for e in [*exprs, *zero]:
        top, bottom = fraction_of(lift.rational(e))
        polynomials.append(top)
        denominators.append(bottom)
    kept = [(lift.rational(e), s) for e, s in signs]
    for w, base in list(lift.roots.items()):
        top, bottom = fraction_of(w ** lift.orders[w] - base)
        polynomials.append(top)
        denominators.append(bottom)
        kept.append((w, 0))
    unknowns = [*variables, *more, *lift.roots]
    parts = list(dict.fromkeys(
        f for d in denominators for f, _ in sympy.factor_list(d)[1]))
    if parts:
        z = sympy.Symbol("z[]", real=True)
        polynomials.append(1 - z * sympy.Mul(*parts))
        unknowns.append(z)
    return Form(polynomials, unknowns, kept, dict(lift.roots), poles=parts)


def fraction_of(expr: Any) -> tuple[Any, Any]:
    """Return numerator and denominator of a rational expression in lowest terms."""
    import sympy

    if expr.is_polynomial(*expr.free_symbols):
        return sympy.expand(expr), sympy.Integer(1)
    top, bottom = sympy.fraction(sympy.cancel(sympy.together(expr)))
    return sympy.expand(top), sympy.expand(bottom)


def value(expr: Any, at: Mapping[Any, Number]) -> Number:
    """Return the value of a rational expression at numbers of one field.

    Raises
    ------
    ZeroDivisionError
        Where a denominator is 0.
    """
    memory: dict[Any, Number] = dict(at)
    root = next(iter(at.values())).root

    def visit(e: Any) -> Number:
        if e not in memory:
            if e.is_Rational:
                from fractions import Fraction

                memory[e] = Number(root, [Fraction(int(e.p), int(e.q))])
            elif e.is_Add or e.is_Mul:
                made = visit(e.args[0])
                for a in e.args[1:]:
                    made = made + visit(a) if e.is_Add else made * visit(a)
                memory[e] = made
            elif e.is_Pow and e.exp.is_Integer:
                memory[e] = visit(e.base) ** int(e.exp)
            else:
                raise NotAlgebraic(str(e))
        return memory[e]

    return visit(expr)
