"""A vector field as layers of expressions: variables, then the loss, then the rule.

The loss, its gradient and its Hessian enter the rule as symbols of their own (L, g[0], H[0,1] …)
with known derivatives, and so do reductions over coordinates such as ⟨g, g⟩. Hence ∂F/∂θ_j is
the chain rule

    DF/Dθ_j = ∂F/∂θ_j + ∂F/∂L g_j + Σ_k ∂F/∂g_k H_kj + Σ_R ∂F/∂R DR/Dθ_j,

and no expression of the loss is ever multiplied out into the rule. The names of these symbols
hold brackets, so that they cannot collide with a user's names.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from flowopt.symbolic.regimes import Regimes


def partial(expr: Any, symbol: Any) -> Any:
    """Return ∂expr/∂symbol; a long sum is not gone through where the symbol is absent."""
    if isinstance(expr, sympy.Add):
        return sympy.Add(*[a.diff(symbol) for a in expr.args if symbol in a.free_symbols])
    return expr.diff(symbol) if symbol in expr.free_symbols else sympy.S.Zero


class LossLayer:
    """L(θ) and its derivatives, literally and with the sides of its surfaces held fixed."""

    def __init__(self, expr: Any, variables: Sequence[Any], regimes: Regimes) -> None:
        self.variables = list(variables)
        self.regimes = regimes
        self.literal = expr
        self.smooth = regimes.smooth(expr)
        self.L = sympy.Symbol("L[]", real=True)
        self.g = [sympy.Symbol(f"g[{i}]", real=True) for i in range(len(self.variables))]
        self.gradient = [partial(self.smooth, x) for x in self.variables]
        self.hessian: dict[Any, tuple[int, int]] = {}
        self._meaning = {self.L: self.smooth, **dict(zip(self.g, self.gradient, strict=True))}

    def h(self, i: int, j: int) -> Any:
        """Return the symbol of ∂²L/∂θ_i∂θ_j (symmetric), defining it on first use."""
        i, j = min(i, j), max(i, j)
        symbol = sympy.Symbol(f"H[{i},{j}]", real=True)
        if symbol not in self.hessian:
            self.hessian[symbol] = (i, j)
            self._meaning[symbol] = partial(self.gradient[i], self.variables[j])
        return symbol

    def definitions(self, smooth: bool) -> dict[Any, Any]:
        """Return what each symbol stands for, with the sides fixed or as written."""
        if smooth:
            return dict(self._meaning)
        return {s: self.literal if s is self.L else self.regimes.with_signs(e)
                for s, e in self._meaning.items()}

    def partial(self, symbol: Any, j: int) -> Any:
        """Return the derivative of one of our symbols along θ_j, as an expression."""
        if symbol == self.L:
            return self.g[j]
        if symbol in self.hessian:
            return partial(self._meaning[symbol], self.variables[j])
        return self.h(self.g.index(symbol), j)


class System:
    """ẏ = F(t, y; p) in layers, with every expression that a kernel may be asked for.

    Parameters
    ----------
    rhs : sequence of sympy.Expr
        F as written, over t, the variables, the parameters, the reductions and the loss layer.
    variables, parameters, time
        Symbols.
    loss : LossLayer, optional
        Its variables are the first n of the variables.
    regimes : Regimes, optional
        The one that the loss layer used, when there is a loss.
    reductions : mapping, optional
        What each reduction symbol stands for.
    """

    def __init__(self, rhs: Sequence[Any], variables: Sequence[Any], parameters: Sequence[Any],
                 time: Any, loss: LossLayer | None = None, regimes: Regimes | None = None,
                 reductions: Mapping[Any, Any] | None = None) -> None:
        self.rhs, self.variables = list(rhs), list(variables)
        self.parameters, self.time, self.loss = list(parameters), time, loss
        self.regimes = regimes or Regimes()
        self.reductions = dict(reductions or {})
        self.smooth_reductions = {r: self.regimes.smooth(e) for r, e in self.reductions.items()}
        self.smooth_rhs = [self.regimes.smooth(e) for e in self.rhs]

    def derivative(self, expr: Any, j: int) -> Any:
        """Return D expr / D y_j by the chain rule through reductions and the loss layer."""
        terms = [partial(expr, self.variables[j])]
        for symbol in sorted(expr.free_symbols, key=str):
            if symbol in self.smooth_reductions:
                inner = self.derivative(self.smooth_reductions[symbol], j)
                terms.append(expr.diff(symbol) * inner)
            elif self.loss is not None and j < len(self.loss.variables) and (
                    symbol in self.loss.g or symbol == self.loss.L or symbol in self.loss.hessian):
                terms.append(expr.diff(symbol) * self.loss.partial(symbol, j))
        return sympy.Add(*terms)

    def rate(self, expr: Any) -> Any:
        """Return ∂ expr/∂t with y held fixed, through reductions (the loss knows no time)."""
        terms = [expr.diff(self.time)]
        for symbol in sorted(expr.free_symbols & self.smooth_reductions.keys(), key=str):
            terms.append(expr.diff(symbol) * self.rate(self.smooth_reductions[symbol]))
        return sympy.Add(*terms)

    def outputs(self, kind: str) -> tuple[list[Any], bool]:
        """Return the expressions of a kernel, and whether they hold the sides fixed."""
        m = range(len(self.variables))
        if kind == "rhs":
            return self.rhs, False
        if kind == "smooth":
            return self.smooth_rhs, True
        if kind == "surfaces":
            return self.regimes.smooth_surfaces, True
        if kind == "surface_rates":  # row i (m + 1) + j: ∂ψ_i/∂y_j, and last ∂ψ_i/∂t
            rows: list[Any] = []
            for psi in self.regimes.smooth_surfaces:
                rows += [self.derivative(psi, j) for j in m] + [partial(psi, self.time)]
            return rows, True
        if kind == "jacobian":
            return [self.derivative(e, j) for e in self.smooth_rhs for j in m], True
        if kind == "time_derivative":  # ∂F/∂t at fixed y
            return [self.rate(e) for e in self.smooth_rhs], True
        if kind == "dissipation":  # dL/dt = Σ g_i F_i along the field as written
            assert self.loss is not None
            return [sympy.Add(*[g * f for g, f in zip(self.loss.g, self.rhs, strict=False)])], False
        if kind == "norms":  # f_i of every norm, then row by row ∂f_i/∂y_j
            parts = [f for norm in self.norms() for f in norm]
            return parts + [self.derivative(f, j) for f in parts for j in m], True
        if kind.startswith("rows:"):  # some rows of F only: one block of a splitting
            return [self.rhs[int(i)] for i in kind[5:].split(",")], False
        raise KeyError(kind)

    def definitions(self, smooth: bool) -> dict[Any, Any]:
        """Return what the reductions and the symbols of the loss layer stand for."""
        made = {} if self.loss is None else self.loss.definitions(smooth)
        return made | (self.smooth_reductions if smooth else self.reductions)

    def slots(self) -> dict[Any, tuple[str, int]]:
        """Return where each input symbol stands in the arrays of a kernel."""
        made: dict[Any, tuple[str, int]] = {self.time: ("t", 0)}
        made |= {s: ("y", i) for i, s in enumerate(self.variables)}
        made |= {s: ("p", i) for i, s in enumerate(self.parameters)}
        made |= {s: ("s", i) for i, s in enumerate(self.regimes.sides)}
        return made

    def expanded(self, exprs: Sequence[Any], smooth: bool = False) -> tuple[Any, ...]:
        """Return `exprs` with reductions and the symbols of the loss layer written out."""
        meaning = self.definitions(smooth)
        reductions = self.smooth_reductions if smooth else self.reductions
        return tuple(e.xreplace(reductions).xreplace(meaning) for e in exprs)

    def norms(self) -> list[list[Any]]:
        """Return the terms f_i of each Σ f_i² (two or more of them) that F is divided by.

        Where all f_i are 0, F is singular in a set of codimension two or more: no surface of
        `regimes`, but a place at which a motion can arrive, as normalised flow at a minimum.
        """
        found: list[list[Any]] = []
        exprs = [*self.smooth_rhs, *self.smooth_reductions.values()]
        for power in sorted(set().union(*(e.atoms(sympy.Pow) for e in exprs)), key=str):
            if not (power.exp.is_number and power.exp.is_negative):
                continue
            base = self.smooth_reductions.get(power.base, power.base)
            terms = sympy.Add.make_args(base)
            squares = [t for t in terms if t.is_Pow and t.exp.is_Integer and t.exp.is_even]
            if len(terms) > 1 and len(squares) == len(terms):
                made = [t.base ** (t.exp / 2) for t in squares]
                if made not in found:
                    found.append(made)
        return found

    def interactions(self) -> tuple[list[list[int]], list[int], list[int]]:
        """Return pairs of sides that a term of F holds together, sides that ψ holds, and its jumps.

        Without such a pair F is affine in the sides: each term depends on one of them at most.
        A ψ that holds the side of another surface is continuous there if it comes from |x|, Min
        and Max; it may jump if it holds a derivative of these, or sign, Heaviside and Piecewise.
        """
        meaning = self.definitions(True)
        number = {side: i for i, side in enumerate(self.regimes.sides)}
        memory: dict[Any, frozenset[int]] = {}

        def held(expr: Any) -> frozenset[int]:
            if expr not in memory:
                memory[expr] = frozenset().union(*(
                    {number[s]} if s in number else held(meaning[s])
                    for s in expr.free_symbols if s in number or s in meaning))
            return memory[expr]

        def derived(expr: Any) -> bool:  # whether it holds a derivative of a loss with kinks
            return any(bool(held(meaning[s])) if self.loss is not None and s != self.loss.L
                       and s not in self.smooth_reductions else derived(meaning[s])
                       for s in expr.free_symbols & meaning.keys())

        pairs: set[tuple[int, int]] = set()
        for row in self.smooth_rhs:
            for term in sympy.Add.make_args(row):
                pairs |= set(itertools.combinations(sorted(held(term)), 2))
        surfaces = self.regimes.smooth_surfaces
        inner = frozenset().union(*(held(psi) for psi in surfaces))
        jumps = [i for i, (psi, written) in enumerate(zip(surfaces, self.regimes.surfaces,
                                                          strict=True))
                 if held(psi) and (derived(psi) or self._steps(written))]
        return sorted(map(list, pairs)), sorted(inner), jumps

    def _steps(self, expr: Any) -> bool:
        """Return whether an expression as written, loss and reductions included, has steps."""
        reached = {*self.reductions.values()} | ({self.loss.literal} if self.loss else set())
        return any(e.has(sympy.sign, sympy.Heaviside, sympy.Piecewise) for e in (expr, *reached))

    def kernel(self, kind: str, width: int) -> str:
        """Return the source of the kernel of one kind."""
        from flowopt.symbolic.source import euler_map, kernel_source

        if kind == "euler":
            return euler_map(self.kernel("rhs", width))
        outputs, smooth = self.outputs(kind)
        return kernel_source(outputs, self.slots(), self.definitions(smooth), width)

    def series(self, order: int, width: int) -> tuple[str, dict[str, int]]:
        """Return the kernel "taylor:order" with fixed sides, and what is to know of it."""
        from flowopt.symbolic.series import series_source

        return series_source(self.smooth_rhs, self.slots(), self.definitions(True), order, width)
