"""Clocks: states that move by themselves, at their limit for k → ∞ or in their cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: the name of the curvature λ
CURVATURE = "lam"


class NoLinearisation(ValueError):
    """The rule has no derivative at its equilibrium; the message says why."""


@dataclass
class Rules:
    """A flow's rules on ½λx², over its own symbols.

    Attributes
    ----------
    rhs : dict
        The rule of θ and of each state.
    symbols : dict
        θ, the states, t, the parameters and λ, by name.
    numbers : dict
        The numbers that the parameters have, by name: for choices between pieces.
    clocks, scales, linear : tuple of str
        The kinds of the states; `linear` begins with θ.
    """

    rhs: dict[str, Any]
    symbols: dict[str, Any]
    numbers: dict[str, Any]
    start: dict[str, Any]
    clocks: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    linear: tuple[str, ...] = ()
    rest: dict[str, Any] = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)
    names: tuple[str, ...] = ()

    @property
    def step(self) -> Any:
        """The symbol of the step."""
        return self.symbols["h"]


def cycle(made: Rules, groups: list[tuple[str, ...]]) -> list[dict[str, Any]]:
    """Return the values of the clocks before each step of their cycle, in the long run.

    A clock with a limit has it; counters are followed with the numbers of the rule until they
    come back to where they were.
    """
    import sympy

    values: dict[str, Any] = {}
    counters = [s for s in made.clocks if made.rhs[s].has(sympy.Piecewise)]
    for name in made.clocks:
        if name in counters:
            continue
        own = made.symbols[name]
        rule = late(made, made.rhs[name].subs({made.symbols[k]: v for k, v in values.items()}))
        if rule.free_symbols & {made.symbols[c] for c in made.clocks if c != name}:
            raise NoLinearisation(f"the state {name} depends on another that moves by itself")
        line = sympy.Poly(rule, own) if rule.is_polynomial(own) else None
        if line is None or line.degree() != 1:
            raise NoLinearisation(f"the state {name} has no limit that is found: "
                                  f"{name}' = {made.rhs[name]}")
        values[name] = sympy.cancel(-line.coeff_monomial(1) / line.coeff_monomial(own))
    if not counters:
        return [values]
    here = {c: sympy.Rational(str(made.start.get(c, "0"))) if _plain(made.start.get(c, "0"))
            else sympy.Integer(0) for c in counters}
    seen: list[dict[str, Any]] = []
    while here not in seen:
        if len(seen) > 1000:
            raise NoLinearisation("the counters of the rule do not come back within 1000 steps")
        seen.append(dict(here))
        here = _counted(made, groups, values, here, counters)
    return [{**values, **c} for c in seen[seen.index(here):]]


def _plain(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True


def counted(made: Rules, group: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    """Return the clocks after a group of states took its Euler step."""
    import sympy

    after = dict(values)
    for name in group:
        if name in made.clocks and made.rhs[name].has(sympy.Piecewise):
            rule = chosen(made, made.rhs[name], values)
            rule = rule.subs({made.symbols[k]: v for k, v in values.items()})
            after[name] = sympy.nsimplify(sympy.expand(values[name] + made.step * rule))
    return after


def _counted(made: Rules, groups: list[tuple[str, ...]], fixed: dict[str, Any],
             here: dict[str, Any], counters: list[str]) -> dict[str, Any]:
    values = {**fixed, **here}
    for group in groups or [tuple(counters)]:
        values = counted(made, group, values)
    return {c: values[c] for c in counters}


def chosen(made: Rules, expr: Any, clocks: Mapping[str, Any]) -> Any:
    """Return an expression whose pieces are chosen by the clocks, the numbers and t → ∞."""
    import sympy

    def choose(piece: Any) -> Any:
        for value, condition in piece.args:
            if condition == sympy.true:
                return value
            if not condition.is_Relational:
                raise NoLinearisation(f"the rule has the condition {condition}, which is not "
                                      "looked into")
            free = {str(s) for s in condition.free_symbols}
            if free & {"theta", *made.linear, *made.scales}:
                return piece
            tested = late(made, condition.lhs - condition.rhs, clocks)
            tested = tested.subs({made.symbols[k]: v for k, v in made.numbers.items()})
            if tested.free_symbols or tested is sympy.nan:
                return piece
            holds = bool(condition.func(tested, 0))
            words = f"{condition.lhs} {condition.rel_op} {condition.rhs}"
            if free & set(made.numbers) and not free & set(made.clocks):
                made.pieces.append(words if holds else f"not ({words})")
            if holds:
                return value
        return piece

    while expr.has(sympy.Piecewise):
        after = expr.replace(lambda e: isinstance(e, sympy.Piecewise), choose)
        if after == expr:
            return expr
        expr = after
    return expr


def late(made: Rules, expr: Any, clocks: Mapping[str, Any] | None = None) -> Any:
    """Return an expression at the values of the clocks, for t → ∞."""
    import sympy

    if clocks:
        expr = expr.subs({made.symbols[k]: v for k, v in clocks.items()})
    t = made.symbols["t"]
    if not expr.has(t):
        return expr
    for part in sorted(expr.atoms(sympy.exp), key=str):
        if part.has(t):
            slope = sympy.diff(part.args[0], t)
            if slope.has(t) or not slope.is_negative:
                raise NoLinearisation(f"{part} has no limit for t -> oo that is found")
            expr = expr.subs(part, 0)
    above, below = sympy.fraction(sympy.together(expr))
    if not (above.is_polynomial(t) and below.is_polynomial(t)):
        raise NoLinearisation(f"the rule depends on time, and {expr} has no limit that is found")
    above, below = sympy.Poly(above, t), sympy.Poly(below, t)
    if above.degree() > below.degree():
        raise NoLinearisation(f"the rule depends on time, and {expr} grows without bound")
    if above.degree() < below.degree():
        return sympy.Integer(0)
    return sympy.cancel(above.LC() / below.LC())
