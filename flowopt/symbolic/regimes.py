"""Regimes of a discontinuous expression: its switching functions, and its smooth pieces.

An expression with sign, Abs, Min, Max, Heaviside or Piecewise is smooth between *surfaces*
ψ = 0. Each ψ gets a symbol s that stands for its side, +1 or −1; with the sides held fixed the
expression is smooth, and can be continued across the surface, differentiated and proved about:

    sign(ψ) -> s        |ψ| -> s ψ        min(a, b) -> a if s < 0 else b, with ψ = a − b.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy


class Select(sympy.Function):
    """``Select(s, a, b)``: a where s < 0, b otherwise; s is a side and counts as constant."""

    nargs = 3
    is_extended_real = True

    @classmethod
    def eval(cls, side: Any, below: Any, above: Any) -> Any:
        """Simplify on construction (sympy's hook)."""
        if below == above:
            return below
        if side.is_number:
            return below if side < 0 else above
        return None

    def _eval_derivative(self, symbol: Any) -> Any:
        side, below, above = self.args
        return Select(side, below.diff(symbol), above.diff(symbol))

    def _latex(self, printer: Any, exp: Any = None) -> str:
        side, below, above = (printer._print(a) for a in self.args)
        text = (rf"\begin{{cases}}{below} & {side}<0\\ {above} & {side}>0\end{{cases}}")
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


class Even(sympy.Function):
    """``Even(s, a)``: |a|, which on the side s of a = 0 is s a, for a root or a logarithm of it.

    √|a| continued smoothly from one side would be √(s a), which on the other side is no number.
    """

    nargs = 2
    is_extended_real = True

    def _eval_derivative(self, symbol: Any) -> Any:
        side, inner = self.args
        return side * inner.diff(symbol)

    def _latex(self, printer: Any, exp: Any = None) -> str:
        text = rf"\left|{printer._print(self.args[1])}\right|"
        return rf"{text}^{{{exp}}}" if exp else text


NONSMOOTH = (sympy.sign, sympy.Abs, sympy.Min, sympy.Max, sympy.Heaviside, sympy.Piecewise)


def side_symbol(index: int) -> sympy.Symbol:
    """Return the symbol of the side of surface `index`."""
    return sympy.Symbol(f"s[{index}]", real=True)


def positive(factor: Any) -> bool:
    """Return whether `factor` is manifestly >= 0, and zero at most where it stands for a norm."""
    if factor.is_number:
        return bool(factor > 0)
    if factor.is_positive or isinstance(factor, sympy.Abs):
        return True
    if factor.is_Pow:
        return bool(factor.exp.is_even) or factor.exp == sympy.S.Half or positive(factor.base)
    return bool(factor.is_Mul and all(positive(a) for a in factor.args))


def cleared(difference: Any) -> Any:
    """Return a function with the sign of `difference` and no pole on its surface.

    1/|g| − M becomes 1 − M|g|: denominators that are positive are dropped, others multiplied in.
    """
    top, bottom = sympy.fraction(sympy.together(difference))
    factors = sympy.Mul.make_args(bottom)
    rest = sympy.Mul(*[f for f in factors if not positive(f)])
    return top * rest


class Regimes:
    """The surfaces met so far; `smooth` rewrites expressions and adds the surfaces they need.

    Attributes
    ----------
    surfaces : list of sympy.Expr
        ψ of each surface as the user wrote it (it may hold other nonsmooth functions).
    smooth_surfaces : list of sympy.Expr
        The same with the sides held fixed.
    """

    def __init__(self) -> None:
        self.surfaces: list[Any] = []
        self.smooth_surfaces: list[Any] = []
        self._memory: dict[Any, Any] = {}

    @property
    def sides(self) -> list[sympy.Symbol]:
        """The symbols of the sides, one for each surface."""
        return [side_symbol(i) for i in range(len(self.surfaces))]

    def side(self, psi: Any) -> Any:
        """Return the side symbol of the surface ψ = 0 (or minus it, for −ψ)."""
        psi = cleared(psi)
        if psi.is_number:
            return sympy.sign(psi)
        for index, known in enumerate(self.surfaces):
            if psi == known:
                return side_symbol(index)
            if psi == -known:
                return -side_symbol(index)
        smooth = self.smooth(psi)  # inner surfaces first, so that they get the lower numbers
        if len(smooth.free_symbols) == 1 and smooth.free_symbols <= set(self.sides):
            # ψ is a number on each side of an inner surface: no surface of its own
            (inner,) = smooth.free_symbols
            up, down = (sympy.sign(smooth.xreplace({inner: sympy.Integer(v)})) for v in (1, -1))
            return (up + down) / 2 + (up - down) / 2 * inner
        self.surfaces.append(psi)
        self.smooth_surfaces.append(smooth)
        return side_symbol(len(self.surfaces) - 1)

    def smooth(self, expr: Any) -> Any:
        """Return `expr` with every nonsmooth function replaced by its smooth piece."""
        if not expr.has(*NONSMOOTH):
            return expr
        if expr in self._memory:
            return self._memory[expr]
        self._memory[expr] = result = self._smooth(expr)
        return result

    def _smooth(self, expr: Any) -> Any:
        if isinstance(expr, sympy.sign):
            return self.side(expr.args[0])
        if isinstance(expr, sympy.Heaviside):
            return (1 + self.side(expr.args[0])) / 2
        if isinstance(expr, sympy.Abs):
            inner = expr.args[0]
            side = self.side(inner)
            return side * self.smooth(inner)
        if isinstance(expr, (sympy.Min, sympy.Max)):
            best = expr.args[0]
            for other in expr.args[1:]:
                side = self.side(best - other)
                if isinstance(expr, sympy.Max):
                    side = -side
                best_smooth = Select(side, self.smooth(best), self.smooth(other))
                best = expr.func(best, other) if other is not expr.args[-1] else best
            return best_smooth
        if isinstance(expr, sympy.Piecewise):
            return self._piecewise(expr)
        if (expr.is_Pow and not expr.exp.is_integer) or isinstance(expr, sympy.log):
            inner = expr.args[0]
            if isinstance(inner, sympy.Abs):
                kept = Even(self.side(inner.args[0]), self.smooth(inner.args[0]))
                return expr.func(kept, *[self.smooth(a) for a in expr.args[1:]])
        return expr.func(*[self.smooth(a) for a in expr.args])

    def _piecewise(self, expr: Any) -> Any:
        value = None
        for piece, condition in reversed(expr.args):
            piece = self.smooth(piece)
            if condition in (True, sympy.true) or value is None:
                value = piece
                continue
            value = self._choose(condition, piece, value)
        return value

    def _choose(self, condition: Any, yes: Any, no: Any) -> Any:
        if isinstance(condition, sympy.Eq):  # a set without interior: the other branch
            return no
        if isinstance(condition, sympy.Ne):
            return yes
        if isinstance(condition, (sympy.StrictLessThan, sympy.LessThan)):
            return Select(self.side(condition.lhs - condition.rhs), yes, no)
        if isinstance(condition, (sympy.StrictGreaterThan, sympy.GreaterThan)):
            return Select(self.side(condition.lhs - condition.rhs), no, yes)
        if isinstance(condition, sympy.And):
            for part in condition.args:
                yes = self._choose(part, yes, no)
            return yes
        if isinstance(condition, sympy.Or):
            for part in condition.args:
                no = self._choose(part, yes, no)
            return no
        if isinstance(condition, sympy.Not):
            return self._choose(condition.args[0], no, yes)
        if isinstance(condition, sympy.ITE):  # a Piecewise inside a condition
            test, then, otherwise = condition.args
            return self._choose(test, self._choose(then, yes, no),
                                self._choose(otherwise, yes, no))
        if condition in (sympy.true, sympy.false):
            return yes if condition == sympy.true else no
        raise ValueError(f"the condition {condition} of a Piecewise has no switching function; "
                         "write it with <, <=, >, >= and &, |")

    def with_signs(self, expr: Any) -> Any:
        """Return `expr` with each side symbol replaced by the sign of its ψ."""
        return expr.xreplace({side: sympy.sign(psi)
                              for side, psi in zip(self.sides, self.surfaces, strict=True)})


def all_symbols(exprs: Sequence[Any]) -> set[Any]:
    """Return the free symbols of all of `exprs`."""
    return set().union(*(e.free_symbols for e in exprs))
