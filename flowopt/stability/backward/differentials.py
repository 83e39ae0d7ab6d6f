"""Elementary differentials F(τ) of a flow on an abstract loss, and of a field of expressions.

F(•) = f and F([τ₁…τₖ]) = f⁽ᵏ⁾(F(τ₁), …, F(τₖ)). A vertex's colour is a group of blocks (θ, a
state, time): its differential has these blocks only, and is the derivative of their rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from flowopt.stability.backward.jets import Calculus, is_long, rules_of, t
from flowopt.stability.backward.schemes import TIME
from flowopt.stability.backward.trees import Tree

Vector = dict[Any, Any]  # from the symbol of a block to its part; a block that is absent is 0


class Differentials:
    """The elementary differentials of a system of rules, each computed once.

    Parameters
    ----------
    rules : mapping of symbol to sympy.Expr
        The right-hand side of each block; time is the block of its own symbol, with the rule 1.
    groups : sequence of sets of symbols
        The blocks of each colour.
    """

    def __init__(self, rules: Mapping[Any, Any], groups: Sequence[set[Any]]) -> None:
        self.rules, self.groups = dict(rules), list(groups)
        self._memory: dict[Tree, Vector] = {}

    def __call__(self, tree: Tree) -> Vector:
        """Return F(τ); an empty vector is 0."""
        if tree not in self._memory:
            colour, children = tree
            made = {block: self._part(block, [self(child) for child in children])
                    for block in self.rules if block in self.groups[colour]}
            self._memory[tree] = {block: e for block, e in made.items() if e != 0}
        return self._memory[tree]

    def _part(self, block: Any, children: Sequence[Vector]) -> Any:
        """Return the derivative of a rule along all children, which count as constants."""
        made = self.rules[block]
        meaning: Vector = {}
        for i, child in enumerate(children):
            along = {b: sympy.Symbol(f"w[{i},{k}]", real=True)
                     for k, b in enumerate(self.rules) if b in child}
            meaning |= {w: child[b] for b, w in along.items()}
            made = self.derivative(made, along)
            if made == 0:
                return made
        return self.replaced(made, meaning)

    def derivative(self, expr: Any, along: Mapping[Any, Any]) -> Any:
        """Return the derivative of an expression along a vector."""
        return sympy.Add(*[expr.diff(b) * w for b, w in along.items() if b in expr.free_symbols])

    def replaced(self, expr: Any, meaning: Mapping[Any, Any]) -> Any:
        """Return `expr` with the constants w replaced by what they stand for."""
        return expr.xreplace(meaning)


class AbstractDifferentials(Differentials):
    """Those of a flow: the blocks are vectors, the loss is any."""

    def __init__(self, flow: Any, groups: Sequence[Sequence[str]]) -> None:
        symbols = {name: sympy.Symbol(name, real=True) for name in ("theta", *flow.states)}
        symbols[TIME] = t
        rules = {symbols[key]: rule for key, rule in rules_of(flow).items()}
        if any(t in rule.free_symbols for rule in rules.values()):
            rules[t] = sympy.S.One
        self.calculus = Calculus([s for name, s in symbols.items() if name not in (TIME, "theta")],
                                 any(is_long(rule) for rule in rules.values()))
        super().__init__(rules, [{symbols[name] for name in group} for group in groups]
                         or [set(rules)])

    def derivative(self, expr: Any, along: Mapping[Any, Any]) -> Any:
        """Return the derivative of an expression along a vector."""
        return self.calculus.derivative(expr, along)

    def replaced(self, expr: Any, meaning: Mapping[Any, Any]) -> Any:
        """Return `expr` with the constants w replaced by what they stand for."""
        return self.calculus.expanded(self.calculus.rebuilt(expr, meaning))


def of_field(field: Any, groups: Sequence[Sequence[str]]) -> Differentials:
    """Return those of a field of smooth expressions; groups are of names of its variables."""
    if field.is_kernel:
        raise ValueError(f"the field {field.name} is made of kernels and has no expression; give "
                         "it as text for anything symbolic")
    if field.switches:
        raise ValueError(f"the field {field.name} is not smooth: it has the switching function "
                         f"{field.switches[0]}; give the field of one regime, without it")
    time = field.system.time
    symbols = {**{str(s): s for s in field.symbols}, TIME: time}
    rules = dict(zip(field.symbols, field.equations, strict=True))
    if any(time in e.free_symbols for e in rules.values()):
        rules[time] = sympy.S.One
    return Differentials(rules, [{symbols[name] for name in group} for group in groups]
                         or [set(rules)])

