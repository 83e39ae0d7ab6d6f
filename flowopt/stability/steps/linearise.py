"""The linear part of a rule at its equilibrium on the loss ½λx², from the definition itself.

The states of a rule are of three kinds. *Clocks* (a bias correction, a counter) move by
themselves; they stand at their limit for k → ∞, or go round a cycle. *Scales* (v of Adam) do not
change when θ and the momenta change sign; to first order they stand still, and are held as
symbols. θ and the *momenta* are what is linear.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

from flowopt.stability.steps.clocks import CURVATURE, NoLinearisation, Rules, chosen, late

__all__ = ["CURVATURE", "NoLinearisation", "Rules", "jacobian", "reached", "rules_of"]


def rules_of(flow: Any, h: float, start: Mapping[str, str] | None = None,
             fixed: bool = False, drawn: Collection[str] = ()) -> Rules:
    """Return the rules of a flow on ½λx² in one dimension, with its states told apart.

    Parameters
    ----------
    flow : Flow
        The flow; a parameter ``h`` of it is the step.
    h : float
        The step that it has now.
    start : mapping, optional
        The formulas of the states that do not start at 0.
    fixed : bool
        Whether a parameter ``h`` of the flow is the number that it has, and not the step.
    drawn : collection of str
        States that are random numbers of each step; here they are their mean, 0.
    """
    import sympy

    from flowopt.stability.exact import rational

    taken = {CURVATURE, "c_", "s", "z", "zeta"} & {*flow.states, *flow.parameters}
    if taken:
        raise ValueError(f"{flow.name} must not have the name {min(taken)}, which is the "
                         "curvature or the like here; rename it")
    symbols = {n: sympy.Symbol(n, real=True) for n in ("theta", "t", *flow.states)}
    numbers, constant = {}, {}
    given = dict(flow.parameters)
    if fixed and "h" in given:
        constant["h"] = rational(given.pop("h"))
    for name, value in {**given, "h": h}.items():
        if name == "h" or 0.0 < value < float("inf"):
            symbols[name] = sympy.Symbol(name, positive=True)
            numbers[name] = rational(value)
        else:  # the claims that are made of a symbol hold where it is > 0
            constant[name] = (rational(value) if abs(value) < float("inf")
                              else sympy.oo if value > 0 else -sympy.oo)
    lam = symbols[CURVATURE] = sympy.Symbol(CURVATURE, positive=True)
    constant |= dict.fromkeys(drawn, sympy.Integer(0))
    meaning = {**symbols, **constant, "g": lam * symbols["theta"],
               "L": lam * symbols["theta"]**2 / 2}
    rhs = {}
    for key, rule in _abstract(flow).items():
        rhs[key] = rule.subs({s: meaning[str(s)] for s in rule.free_symbols},
                             simultaneous=True)
    made = Rules(_needed(rhs), symbols, numbers, dict(start or {}))
    made.names = tuple(rhs)
    _tell_apart(made)
    return made


def _needed(rhs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules of θ and of the states that it depends on, however indirectly."""
    kept, todo = {"theta"}, ["theta"]
    while todo:
        for name in {str(s) for s in rhs[todo.pop()].free_symbols} & set(rhs):
            if name not in kept:
                kept.add(name)
                todo.append(name)
    return {k: v for k, v in rhs.items() if k in kept}


def _abstract(flow: Any) -> dict[str, Any]:
    """Return the rules over abstract symbols, with the reductions of one coordinate."""
    import sympy

    from flowopt.flows.flow import REDUCTIONS

    if not flow.rules:
        name = getattr(getattr(flow, "function", None), "__name__", "")
        g, theta = sympy.symbols("g theta", real=True)
        lam = sympy.Symbol(CURVATURE, positive=True)
        if name == "newton_rule":  # H = λ
            return {"theta": -g / lam}
        if name == "penalised_rule":
            weight = sympy.Symbol("weight_decay", real=True)
            return {"theta": -(g + weight * theta) / (lam + weight)}
        raise NoLinearisation(f"{flow.name} is a function, and only rules given as text can be "
                              "linearised exactly")
    one = {"dot": lambda a, b: a * b, "norm": sympy.Abs, "norm1": sympy.Abs,
           "maxabs": sympy.Abs, "unit": sympy.sign}
    rules = flow.abstract_rules()
    for key, rule in rules.items():
        for name in REDUCTIONS:
            rule = rule.replace(lambda e, name=name: getattr(e.func, "__name__", "") == name,
                                lambda e, name=name: one[name](*e.args))
        rules[key] = rule
    return rules


def _tell_apart(made: Rules) -> None:
    """Find the clocks (driven by themselves), the scales (even) and the momenta (odd)."""
    states = [s for s in made.rhs if s != "theta"]
    clocks = list(states)
    while True:  # what depends on θ, on L or on what is no clock, is none
        kept = [s for s in clocks if {str(x) for x in made.rhs[s].free_symbols}
                & ({"theta"} | set(states)) <= set(clocks) and made.rhs[s] != 0]
        if kept == clocks:
            break
        clocks = kept
    others = [s for s in states if s not in clocks]
    made.clocks = tuple(clocks)
    for count in range(len(others) + 1):
        for scales in itertools.combinations(others, count):
            if _parities(made, [s for s in others if s not in scales], list(scales)):
                made.scales = scales
                made.linear = ("theta", *(s for s in others if s not in scales))
                return
    made.linear = ("theta", *others)


def _parities(made: Rules, odd: list[str], even: list[str]) -> bool:
    """Return whether odd rules change sign with θ and the odd states, and even ones do not."""
    import sympy

    flips = {made.symbols[s]: -made.symbols[s] for s in ("theta", *odd)}
    for key in ("theta", *odd, *even):
        rule = made.rhs[key]
        flipped = rule.xreplace(flips)
        wanted = rule if key in even else -rule
        if flipped == wanted:
            continue
        if rule.has(sympy.Piecewise, sympy.Max, sympy.Min):
            if not _same_at_points(flipped - wanted):
                return False
        elif sympy.expand(flipped - wanted) != 0 and not _same_at_points(flipped - wanted):
            return False
    return True


def _same_at_points(difference: Any) -> bool:
    """Return whether an expression is 0 at a few points: which kind a state is, no proof."""
    import sympy

    names = sorted(difference.free_symbols, key=str)
    for shift in (0, 1, 2):
        at = {s: sympy.Rational(1 + (7 * i + 5 * shift) % 11, 13) for i, s in enumerate(names)}
        if abs(sympy.N(difference.subs(at), 30)) > sympy.Float("1e-20"):
            return False
    return True


def jacobian(made: Rules, clocks: Mapping[str, Any]) -> list[list[Any]]:
    """Return ∂F/∂(θ, momenta) at the equilibrium, with the clocks at `clocks`.

    Raises
    ------
    NoLinearisation
        Where the rule jumps, has a kink, or is singular there.
    """
    import sympy

    at = {made.symbols[s]: 0 for s in made.linear}
    rows = []
    held = {made.symbols[s]: sympy.Symbol(s, positive=True) for s in made.scales}
    for key in made.linear:
        rule = chosen(made, made.rhs[key], clocks)
        rule = late(made, rule, clocks).subs(held)
        if len(made.linear) == 1:
            rule = _one_sided(made, rule)
        for s in made.linear:
            _refuse_kinks(made, rule, made.symbols[s], key)
        row = []
        for s in made.linear:
            entry = sympy.diff(rule, made.symbols[s]).subs(at)
            if entry.has(sympy.nan, sympy.zoo, sympy.oo):
                raise NoLinearisation(f"the rule of {key} is singular at the equilibrium")
            row.append(entry)
        value = rule.subs(at)
        if value.has(sympy.nan, sympy.zoo, sympy.oo):
            raise NoLinearisation(f"the rule of {key} is singular at theta = 0")
        if sympy.expand(value) != 0:
            raise NoLinearisation(f"theta = 0 is no equilibrium: there {key}' = {value}")
        rows.append(row)
    return rows


def _one_sided(made: Rules, rule: Any) -> Any:
    """Return an odd rule of θ alone without |θ| and without the choices that are made at θ = 0+.

    An odd rule with a derivative from the right at 0, where it is 0, has that derivative.
    """
    import sympy

    theta, s = made.symbols["theta"], sympy.Symbol("s", positive=True)
    if not rule.has(sympy.Abs, sympy.Min, sympy.Max) or rule.has(sympy.Piecewise, sympy.sign):
        return rule
    if not _same_at_points(rule.xreplace({theta: -theta}) + rule):
        return rule
    right = rule.subs(theta, s)
    for part in right.atoms(sympy.Min, sympy.Max):
        at = [a.subs(s, 0) for a in part.args]
        if not all(v.is_Rational for v in at):
            return rule
        best = (min if isinstance(part, sympy.Min) else max)(at)
        if at.count(best) != 1:
            return rule
        right = right.subs(part, part.args[at.index(best)])
    if right.has(sympy.Abs, sympy.Min, sympy.Max):
        return rule
    return right.subs(s, theta)


def _refuse_kinks(made: Rules, rule: Any, symbol: Any, key: str) -> None:
    import sympy

    for kind, words in ((sympy.sign, "jumps"), (sympy.Heaviside, "jumps"),
                        (sympy.Piecewise, "is given in pieces"), (sympy.Abs, "has a kink"),
                        (sympy.Max, "has a kink"), (sympy.Min, "has a kink")):
        for part in rule.atoms(kind):
            if part.has(symbol):
                raise NoLinearisation(f"the rule of {key} {words} where {symbol} = 0")


def reached(rows: list[list[Any]]) -> list[int]:
    """Return the places of θ and of the momenta that θ depends on, to first order."""
    found, todo = {0}, [0]
    while todo:
        for j, entry in enumerate(rows[todo.pop()]):
            if entry != 0 and j not in found:
                found.add(j)
                todo.append(j)
    return sorted(found)
