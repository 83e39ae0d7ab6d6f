"""Expressions evaluated over boxes of intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from flowopt.stability.algebra.intervals import FUNCTIONS, Interval, NoInterval, log, sqrt, up


class Program:
    """Expressions over variables as one list of interval operations, shared parts once.

    Parameters
    ----------
    exprs : sequence of sympy.Expr
        What is evaluated.
    variables : sequence of sympy.Symbol
        The inputs, in order.

    Raises
    ------
    NoInterval
        For a function that has no interval form.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> from flowopt.stability.algebra.intervals import Interval
    >>> made, = Program([sympy.exp(x) - x**2], [x])([Interval(0.0, 1.0)])
    >>> made.low <= 0.0 and made.high >= 2.718281828
    True
    """

    def __init__(self, exprs: Sequence[Any], variables: Sequence[Any]) -> None:
        self.steps: list[tuple[Any, tuple[int, ...]]] = []
        self._places: dict[Any, int] = {v: i for i, v in enumerate(variables)}
        self.n = len(variables)
        self.outputs = [self._place(e) for e in exprs]

    def _add(self, expr: Any, call: Any, *places: int) -> int:
        self.steps.append((call, places))
        self._places[expr] = self.n + len(self.steps) - 1
        return self._places[expr]

    def _place(self, e: Any) -> int:
        import sympy

        if e in self._places:
            return self._places[e]
        if e.is_Rational:
            constant = Interval.of(e)
            return self._add(e, lambda: constant)
        if e in (sympy.pi, sympy.E):
            near = Interval(math.pi, up(math.pi)) if e is sympy.pi else Interval(math.e, up(math.e))
            return self._add(e, lambda: near)
        if e.is_Add or e.is_Mul:
            made, so_far = self._place(e.args[0]), e.args[0]
            for k, a in enumerate(e.args[1:], start=1):
                place = self._place(a)
                so_far = e if k == len(e.args) - 1 else (e.func, e.args[:k + 1])
                made = self._add(so_far, Interval.__add__ if e.is_Add else Interval.__mul__,
                                 made, place)
            return made
        if e.is_Pow and e.exp.is_Integer:
            n = int(e.exp)
            return self._add(e, lambda x: x**n, self._place(e.base))
        if e.is_Pow and e.exp.is_Rational and e.exp.q == 2:
            n = int(e.exp.p)
            return self._add(e, lambda x: sqrt(x) ** n, self._place(e.base))
        if e.is_Pow and e.base is not sympy.E:
            return self._add(e, lambda x, y: FUNCTIONS["exp"](y * log(x)), self._place(e.base),
                             self._place(e.exp))
        if isinstance(e, (sympy.Min, sympy.Max)):
            made = self._place(e.args[0])
            call = _least if isinstance(e, sympy.Min) else _greatest
            for k, a in enumerate(e.args[1:], start=1):
                made = self._add((e.func, e.args[:k + 1]), call, made, self._place(a))
            self._places[e] = made
            return made
        name = "exp" if isinstance(e, sympy.exp) or e.is_Pow else e.func.__name__
        if name not in FUNCTIONS:
            raise NoInterval(f"{name} has no interval form here")
        argument = e.exp if name == "exp" else e.args[0]
        return self._add(e, FUNCTIONS[name], self._place(argument))

    def __call__(self, box: Sequence[Interval]) -> list[Interval]:
        """Return the enclosures over a box."""
        values = list(box)
        for call, places in self.steps:
            values.append(call(*[values[k] for k in places]))
        return [values[k] for k in self.outputs]


def _least(a: Interval, b: Interval) -> Interval:
    return Interval(min(a.low, b.low), min(a.high, b.high))


def _greatest(a: Interval, b: Interval) -> Interval:
    return Interval(max(a.low, b.low), max(a.high, b.high))
