"""Calculus with an abstract loss: vectors made of g, the states, and derivatives of L.

An expression stands for one coordinate of a vector, as in the rule of a flow. The derivatives of
the loss are contractions with vectors, all coordinates at once:

    D2L(u) = ∇²L u,   D3L(u, v) = ∇³L(u, v, ·),   D4L(u, v, w), …;       D_u g = D2L(u).

They are symmetric and linear in each argument, and so are dot(a, b) and D…L: numbers, parameters,
t, L and reductions are taken out of them, so that equal things look equal.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from flowopt.flows.flow import Flow

g, theta, t, L = (sympy.Symbol(name, real=True) for name in ("g", "theta", "t", "L"))
dot, norm, norm1 = (sympy.Function(name, real=True) for name in ("dot", "norm", "norm1"))
_CONTRACTION = re.compile(r"D(\d+)L")
_KINKS = (sympy.Min, sympy.Max, sympy.Piecewise, sympy.Heaviside, sympy.floor, sympy.ceiling)


def order_of(expr: Any) -> int:
    """Return k for a contraction of ∇ᵏL, and 0 for anything else."""
    found = _CONTRACTION.fullmatch(getattr(expr.func, "__name__", ""))
    return int(found[1]) if found and isinstance(expr, AppliedUndef) else 0


def is_reduction(expr: Any) -> bool:
    """Return whether an expression is a number made of all coordinates, as dot(a, b)."""
    return isinstance(expr, AppliedUndef) and not order_of(expr)


def expanded(expr: Any) -> Any:
    """Return `expr` with products multiplied out, powers and functions as they are."""
    return sympy.expand(expr, power_base=False, power_exp=False, log=False, trig=False)


def is_long(expr: Any) -> bool:
    """Return whether a rule divides by a sum, or has its root: multiplied out, it swells."""
    return any(isinstance(p.base, sympy.Add) and not (p.exp.is_Integer and p.exp > 0)
               for p in expr.atoms(sympy.Pow))


class Calculus:
    """Derivatives of expressions whose vectors are g, theta and the given states.

    With `compact`, products of sums are left as they are: less of what is equal looks equal, and
    long rules stay short.
    """

    def __init__(self, states: Sequence[Any], compact: bool = False) -> None:
        self.vectors = {g, theta, *states}
        self.expanded = (lambda e: e) if compact else expanded

    # ---------------------------------------------------------------- normal forms
    def is_scalar(self, expr: Any) -> bool:
        """Return whether an expression is the same number in every coordinate."""
        if expr.is_Symbol:
            return expr not in self.vectors and not expr.name.startswith("w[")
        if isinstance(expr, AppliedUndef):
            return is_reduction(expr)
        return all(self.is_scalar(a) for a in expr.args)

    def terms(self, expr: Any) -> list[tuple[Any, Any]]:
        """Return a vector as a sum of pairs (scalar, vector)."""
        made = []
        for term in sympy.Add.make_args(self.expanded(expr)):
            scalars: list[Any] = []
            vectors: list[Any] = []
            for factor in sympy.Mul.make_args(term):
                (scalars if self.is_scalar(factor) else vectors).append(factor)
            made.append((sympy.Mul(*scalars), sympy.Mul(*vectors)))
        return [(c, v) for c, v in made if c != 0]

    def linear(self, name: str, arguments: Sequence[Any]) -> Any:
        """Return dot or a contraction, linear in each argument and symmetric."""
        function = sympy.Function(name, real=True)
        total = sympy.S.Zero
        for chosen in itertools.product(*[self.terms(a) for a in arguments]):
            inner = sorted((v for _, v in chosen), key=sympy.default_sort_key)
            if name == "dot":
                inner = _symmetric(inner)
            total += sympy.Mul(*[c for c, _ in chosen]) * function(*inner)
        return total

    def rebuilt(self, expr: Any, meaning: Mapping[Any, Any]) -> Any:
        """Return `expr` with symbols replaced, in normal form."""
        if expr in meaning:
            return meaning[expr]
        if not expr.args:
            return expr
        inner = [self.rebuilt(a, meaning) for a in expr.args]
        if order_of(expr) or expr.func == dot:
            return self.linear(expr.func.__name__, inner)
        return expr.func(*inner)

    # ---------------------------------------------------------------- derivatives
    def derivative(self, expr: Any, along: Mapping[Any, Any]) -> Any:
        """Return the derivative along a vector: its blocks by the symbols theta, states and t."""
        atoms: dict[Any, Any] = {}

        def opened(e: Any) -> Any:
            if e.is_Symbol or isinstance(e, (AppliedUndef, sympy.sign)):
                return atoms.setdefault(e, sympy.Dummy(real=True, nonzero=True))
            return e.func(*[opened(a) for a in e.args]) if e.args else e

        body = opened(expr)
        back = {d: a for a, d in atoms.items()}
        total = sympy.S.Zero
        for atom, dummy in atoms.items():
            inner = self._atom(atom, along)
            if inner != 0:
                total += body.diff(dummy).xreplace(back) * inner
        return self.expanded(total)

    def _atom(self, atom: Any, along: Mapping[Any, Any]) -> Any:
        moved = along.get(theta, sympy.S.Zero)
        if atom.is_Symbol:
            if atom == g:
                return self.linear("D2L", [moved]) if moved != 0 else moved
            if atom == L:
                return self.linear("dot", [g, moved]) if moved != 0 else moved
            return along.get(atom, sympy.S.Zero)
        if isinstance(atom, sympy.sign):
            return sympy.S.Zero  # off the surface where it jumps
        inner = [self.derivative(a, along) for a in atom.args]
        if atom.func == norm:
            return self.linear("dot", [atom.args[0], inner[0]]) / atom if inner[0] != 0 else 0
        if atom.func == norm1:
            return self.linear("dot", [sympy.sign(atom.args[0]), inner[0]])
        name = atom.func.__name__
        total = sympy.S.Zero
        for i, change in enumerate(inner):
            if change != 0:
                total += self.linear(name, [*atom.args[:i], change, *atom.args[i + 1:]])
        if (k := order_of(atom)) and moved != 0:
            total += self.linear(f"D{k + 1}L", [*atom.args, moved])
        return total


def _symmetric(inner: list[Any]) -> list[Any]:
    """Return the arguments of dot(a, DkL(b, …)) = ∇ᵏL(a, b, …) with the first of all in front."""
    for a, b in (inner, inner[::-1]):
        if order_of(b):
            every = sorted([a, *b.args], key=sympy.default_sort_key)
            return [every[0], sympy.Function(b.func.__name__, real=True)(*every[1:])]
    return inner


def rules_of(flow: Flow) -> dict[str, Any]:
    """Return the rules of a flow in the form of this calculus, or refuse with the reason."""
    made = {}
    for key, rule in flow.abstract_rules().items():
        for kink in _KINKS:
            if rule.has(kink):
                raise ValueError(f"the rule of {key} in {flow.name} holds {kink.__name__}, which "
                                 "has kinks; give the rule of one regime, as text without it")
        rule = rule.replace(sympy.Function("unit", real=True), lambda a: a / norm(a))
        if rule.has(sympy.Function("maxabs", real=True)):
            raise ValueError(f"the rule of {key} in {flow.name} holds maxabs, whose derivative "
                             "depends on which coordinate is the largest; use norm")
        made[key] = rule
    return made


# -------------------------------------------------------------------- on a loss
class OnLoss:
    """What expressions of the calculus are on a given loss, coordinate by coordinate."""

    def __init__(self, expr: Any, variables: Sequence[Any], states: Mapping[Any, Sequence[Any]],
                 time: Any = t) -> None:
        self.expr, self.variables, self.states = expr, list(variables), dict(states)
        self.time = time
        self._partial: dict[tuple[int, ...], Any] = {(): expr}
        self._memory: dict[tuple[Any, int], Any] = {}

    def partial(self, *axes: int) -> Any:
        """Return the derivative of the loss along these axes."""
        key = tuple(sorted(axes))
        if key not in self._partial:
            self._partial[key] = self.partial(*key[:-1]).diff(self.variables[key[-1]])
        return self._partial[key]

    def coordinate(self, expr: Any, i: int) -> Any:
        """Return coordinate i of a vector, or a scalar, as an expression of the variables."""
        if (expr, i) not in self._memory:
            self._memory[expr, i] = self._coordinate(expr, i)
        return self._memory[expr, i]

    def _coordinate(self, expr: Any, i: int) -> Any:
        n = range(len(self.variables))
        if expr.is_Symbol:
            if expr == g:
                return self.partial(i)
            if expr == theta:
                return self.variables[i]
            if expr == t:
                return self.time
            return self.expr if expr == L else self.states[expr][i] if expr in self.states else expr
        if k := order_of(expr):
            return sympy.Add(*[self._product(expr.args, axes, i)
                               for axes in itertools.product(n, repeat=k - 1)])
        if expr.func == dot:
            return sympy.Add(*[math.prod(self.coordinate(a, j) for a in expr.args) for j in n])
        if expr.func in (norm, norm1):
            parts = [self.coordinate(expr.args[0], j) for j in n]
            if len(parts) == 1 or expr.func == norm1:
                return sympy.Add(*[sympy.Abs(p) for p in parts])
            return sympy.sqrt(sympy.Add(*[p**2 for p in parts]))
        if not expr.args:
            return expr
        return expr.func(*[self.coordinate(a, i) for a in expr.args])

    def _product(self, arguments: Sequence[Any], axes: Sequence[int], i: int) -> Any:
        weight = self.partial(i, *axes)
        if weight == 0:
            return weight
        return weight * math.prod(self.coordinate(a, j) for a, j in zip(arguments, axes,
                                                                       strict=True))


# -------------------------------------------------------------------- LaTeX
@functools.cache
def printer() -> Any:
    """Return the printer of this calculus: H² g, ∇³L(g, g), ‖g‖, ⟨g, H g⟩."""
    from sympy.printing.latex import LatexPrinter

    class Printer(LatexPrinter):
        def _print_Function(self, call: Any, exp: Any = None) -> str:
            name = call.func.__name__
            if not isinstance(call, AppliedUndef):
                return str(super()._print_Function(call, exp))
            if name == "D2L":
                depth, inner = 1, call.args[0]
                while order_of(inner) == 2:
                    depth, inner = depth + 1, inner.args[0]
                text = "H" + (f"^{{{depth}}}" if depth > 1 else "") + " " + (
                    self._print(inner) if inner.is_Symbol or order_of(inner)
                    else rf"\left[{self._print(inner)}\right]")
            else:
                parts = [self._print(a) for a in call.args]
                text = {"dot": r"\left\langle {0}, {1} \right\rangle",
                        "norm": r"\left\lVert {0} \right\rVert",
                        "norm1": r"\left\lVert {0} \right\rVert_1"}.get(name, "")
                text = text.format(*parts) if text else (
                    rf"\nabla^{{{order_of(call)}}}L\left({', '.join(parts)}\right)")
            return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

        def _print_Symbol(self, symbol: Any, style: str = "plain") -> str:
            name = {"lr": r"\eta", "eps": r"\varepsilon", "eps_root": r"\varepsilon"}
            made = name.get(symbol.name) or str(super()._print_Symbol(symbol, style))
            # letters side by side would read as a product
            return rf"\mathrm{{{made}}}" if made == symbol.name and len(made) > 1 else made

    return Printer()


def latex(expr: Any) -> str:
    """Return an expression of the calculus as LaTeX."""
    return str(printer().doprint(expr))
