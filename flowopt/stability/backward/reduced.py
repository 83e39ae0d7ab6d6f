"""The equation of θ alone behind an optimizer with memory: states slaved to θ, order by order.

At fixed decays and learning rate lr → 0 the states relax within a few steps, and then are
functions of θ: s = S(θ) = Σ ηʲ Sⱼ(θ), with η = √lr where the clock holds the root, else lr. With
θ⁺ = exp(lr·L_f) θ, the time t = k·lr and the optimizer's own update s⁺ = U(s, θ),

    exp(lr·L_f) S = U(S, θ),        exp(lr·L_f) θ − θ = h F_θ(s⁺, θ).

The first, at order j, is linear in Sⱼ and else holds known things; the second gives fⱼ.

Source: this is the expansion of the slow manifold; for the heavy ball Ghosh et al., arXiv
2302.00849 find its first two terms, for Adam Cattaneo, Klusowski & Shigida, arXiv 2309.00079.
"""

from __future__ import annotations

import math
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from flowopt.flows.flow import KernelFlow
from flowopt.integrators.methods import Euler, SequentialEuler
from flowopt.stability.backward.jets import Calculus, expanded, g, rules_of, theta
from flowopt.stability.backward.jets import t as time
from flowopt.stability.backward.modified import ModifiedEquation
from flowopt.symbolic.parse import parse

#: operations beyond which an expression with roots is left as it is
_QUICK = 150


def reduced_equation(optimizer: Any, order: int) -> ModifiedEquation:
    """Return the memory-reduced equation of an optimizer up to lr^order."""
    reduction = Reduction(optimizer)
    q = reduction.q
    terms = []
    for power in range(q * order + 1):
        made = reduction.field(power)
        if power % q == 0:
            terms.append({"theta": _tidy(made)})
        elif made != 0:
            raise ValueError(f"{optimizer.name} has a term of lr^({power}/2) in its reduced "
                             "equation, which is no power series in lr")
    states = {str(s): tuple(_tidy(reduction.state(j)[s]) for j in range(q * order + q))
              for s in reduction.states}
    hyper = {k: float(v) for k, v in optimizer.hyper.items() if not isinstance(v, (str, bool))}
    return ModifiedEquation(
        f"{optimizer.name} without its memory", order, order + 1, tuple(terms), (),
        reduction.lr, hyper["lr"], optimizer.flow, {k: v for k, v in hyper.items() if k != "lr"},
        states)


def _tidy(expr: Any) -> Any:
    """Return a sum with the coefficient of each product of contractions simplified."""
    total: dict[Any, Any] = {}
    for term in sympy.Add.make_args(expanded(expr)):
        rest, contracted = term.as_independent(AppliedUndef, as_Add=False)
        total[contracted] = total.get(contracted, sympy.S.Zero) + rest
    return sympy.Add(*[_shorter(c) * v for v, c in total.items()])


def _shorter(expr: Any) -> Any:
    """Return a factored form; a root is simplified where that is quick."""
    if expr.has(sympy.sign, sympy.Abs):
        return _by_sign(expr)
    roots = any(not p.exp.is_integer for p in expr.atoms(sympy.Pow))
    if roots and expr.count_ops() < _QUICK:
        expr = sympy.simplify(expr)
    return sympy.factor(expr)


def _by_sign(expr: Any) -> Any:
    """Return a function of g, |g| and sign(g) as e₀(|g|) + sign(g) e₁(|g|), each factored."""
    size = sympy.Dummy("size", positive=True)
    parts = [expr.xreplace({g: s * size}) for s in (1, -1)]
    if any(p.has(sympy.sign, sympy.Abs) for p in parts):  # signs of other things than g
        return sympy.factor(expr)
    even, odd = ((parts[0] + s * parts[1]) / 2 for s in (1, -1))
    made = [sympy.factor(sympy.simplify(e) if e.count_ops() < 4 * _QUICK else e)
            for e in (even, odd)]
    back = {size: sympy.Abs(g)}
    whole = sympy.factor(made[1] / size)  # sign(g) |g| is g
    if sympy.denom(whole).subs(size, 0) != 0:
        return made[0].xreplace(back) + g * whole.xreplace(back)
    return made[0].xreplace(back) + sympy.sign(g) * made[1].xreplace(back)


class Reduction:
    """The expansion of the slow manifold of one optimizer, each order computed once."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        flow = optimizer.flow
        self._check()
        numbers = {k for k, v in optimizer.hyper.items() if not isinstance(v, (str, bool))}
        hyper = {k: sympy.Symbol(k, positive=True) if optimizer.hyper[k] else sympy.S.Zero
                 for k in numbers}
        self.lr = hyper["lr"]
        self.eta = sympy.Symbol("eta[]", positive=True)
        parameters = flow.parameter_symbols()
        h = self._formula(optimizer.clock.formula, hyper)
        values = {parameters[p]: self._formula(optimizer.maps[p], hyper) for p in parameters}
        self.q = 2 if _root(h, self.lr) else 1
        small = {self.lr: self.eta**self.q}
        self.h = sympy.powdenest(h.xreplace(small))
        self.power = int(sympy.degree(self.h.as_independent(self.eta)[1], self.eta))
        self.states = [sympy.Symbol(s, real=True) for s in flow.states]
        self.calculus = Calculus(self.states)
        rules = rules_of(flow)
        if any(time in rule.free_symbols for rule in rules.values()):
            raise ValueError(f"the rule of {optimizer.name} holds the time, and its states never "
                             "settle; give an optimizer with constant rates")
        self.rules = {sympy.Symbol(key, real=True): rule.xreplace(values).xreplace(small)
                      for key, rule in rules.items()}
        self._states: dict[int, dict[Any, Any]] = {}
        self._fields: dict[int, Any] = {}
        self._lie: dict[Any, Any] = {}
        self._inverted: Any = None
        self._updates = self._composed()

    def _check(self) -> None:
        optimizer = self.optimizer
        name, flow, method = optimizer.name, optimizer.flow, optimizer.method
        if isinstance(flow, KernelFlow):
            raise ValueError(f"{name} is a kernel and has no expression; give an optimizer of text")
        if optimizer.noisy or type(method) not in (Euler, SequentialEuler):
            raise ValueError(f"reduced needs a splitting into Euler steps, and {name} has "
                             f"{method.name}")
        if "lr" not in optimizer.hyper or any(p not in optimizer.maps for p in flow.parameters):
            raise ValueError(f"reduced needs the published hyper-parameters, lr among them, and "
                             f"{name} has {', '.join(optimizer.hyper) or 'none'}; make it by a "
                             "function of fo.optimizers")
        groups = self._groups()
        if "theta" not in groups[-1]:
            raise ValueError(f"reduced needs theta in the last group of the splitting, and {name} "
                             f"has {groups}")

    def _groups(self) -> list[tuple[str, ...]]:
        optimizer = self.optimizer
        blocks = ("theta", *optimizer.flow.states)
        groups = getattr(optimizer.method, "groups", None)
        return [blocks] if groups is None else list(groups)

    @staticmethod
    def _formula(text: str, symbols: dict[str, Any]) -> Any:
        return parse(text, what="the formula").to_sympy(symbols)

    def _composed(self) -> dict[Any, Any]:
        """Return h F of each block in one step, over the old states: the updates composed."""
        new: dict[Any, Any] = {}
        increments: dict[Any, Any] = {}
        for group in self._groups():
            made = {}
            for name in group:
                block = sympy.Symbol(name, real=True)
                made[block] = self.calculus.rebuilt(self.h * self.rules[block], dict(new))
            increments |= made
            new |= {b: b + e for b, e in made.items() if b != theta}
        # at fixed decays the rates times h have limits: 1 - beta, and so on
        return {b: self._regular(e) for b, e in increments.items()}

    def _regular(self, expr: Any) -> Any:
        """Return `expr` without factors that are infinite at η = 0 and cancel each other."""
        made = expanded(sympy.powdenest(expr))
        if made.subs(self.eta, 0).has(sympy.zoo, sympy.nan, sympy.oo):
            made = sympy.simplify(made)
        return made

    # ---------------------------------------------------------------- series in eta
    def coefficient(self, block: Any, j: int) -> Any:
        """Return the coefficient of ηʲ in h F of a block, on the manifold."""
        most = j - self.power if block == theta else j  # h F of θ has the factor η^power
        held = {s: [self.state(i)[s] for i in range(most + 1)] for s in self.states
                if s in self._updates[block].free_symbols}
        return self._taylor(self._updates[block], held, j)

    def _taylor(self, expr: Any, held: dict[Any, list[Any]], j: int) -> Any:
        """Return the coefficient of ηʲ of an expression at states Σ ηⁱ held[s][i]."""
        marks: dict[Any, Any] = {}
        series = {}
        for k, (s, parts) in enumerate(held.items()):
            total = sympy.S.Zero
            for i, part in enumerate(parts):
                if part != 0:
                    mark = sympy.Symbol(f"w[{k},{i}]", real=True)
                    marks[mark] = part
                    total += self.eta**i * mark
            series[s] = total
        body = self.calculus.rebuilt(expr, series)
        # the sign of a series is that of its first term, off the surface where that is 0
        body = body.replace(sympy.sign, lambda a: sympy.sign(a.subs(self.eta, 0)))
        for _ in range(j):
            body = body.diff(self.eta)
        at = self.calculus.rebuilt(body.subs(self.eta, 0) / math.factorial(j), marks)
        if at.has(sympy.zoo, sympy.nan, sympy.oo):
            raise ValueError(f"{self.optimizer.name} has no expansion at settled states: its rule "
                             "is singular there")
        return expanded(at)

    def moved(self, parts: Any, j: int) -> Any:
        """Return the coefficient of ηʲ in (exp(lr·L_f) − 1) Σ ηⁱ parts(i)."""
        total = sympy.S.Zero
        for times in range(1, j // self.q + 1):
            total += self._lie_sum(parts, times, j - self.q * times) / math.factorial(times)
        return total

    def _lie_sum(self, parts: Any, times: int, j: int) -> Any:
        """Return the coefficient of ηʲ in L_fᵗⁱᵐᵉˢ Σ ηⁱ parts(i)."""
        key = getattr(parts, "key", None), times, j
        if key not in self._lie:
            if times == 0:
                self._lie[key] = parts(j)
            else:
                total = sympy.S.Zero
                for i in range(j + 1):
                    along = self.field(i)
                    inner = self._lie_sum(parts, times - 1, j - i)
                    if along != 0 and inner != 0:
                        total += self.calculus.derivative(inner, {theta: along})
                self._lie[key] = expanded(total)
        return self._lie[key]

    def state(self, j: int) -> dict[Any, Any]:
        """Return the coefficient Sⱼ(θ) of each state."""
        if j in self._states:
            return self._states[j]
        if j == 0:
            self._states[0] = self._rest()
            return self._states[0]
        zero = {s: sympy.S.Zero for s in self.states}
        known = {s: {other: [*(self.state(i)[other] for i in range(j)), zero[other]]
                     for other in self.states if other in self._updates[s].free_symbols}
                 for s in self.states}
        rest = sympy.Matrix([self._taylor(self._updates[s], known[s], j)
                             - self.moved(_Parts(self, s), j) for s in self.states])
        found = self._inverse() * rest
        self._states[j] = {s: _tidy(-found[k]) for k, s in enumerate(self.states)}
        return self._states[j]

    def _inverse(self) -> Any:
        """Return the inverse of the derivative of the update (less 1) at the settled states."""
        if self._inverted is None:
            at = self.state(0) | {self.eta: sympy.S.Zero}
            rows = [[self._updates[a].diff(b).subs(self.eta, 0).xreplace(at)
                     for b in self.states] for a in self.states]
            try:
                self._inverted = sympy.Matrix(rows).applyfunc(sympy.factor).inv(
                    method="ADJ").applyfunc(sympy.factor)
            except ValueError:
                raise ValueError(self._unsettled()) from None
        return self._inverted

    def _rest(self) -> dict[Any, Any]:
        """Return the states that stay where they are at η = 0."""
        equations = [sympy.numer(sympy.together(self._updates[s].subs(self.eta, 0)))
                     for s in self.states]
        if not equations:
            return {}
        found = sympy.solve(equations, self.states, dict=True)
        if len(found) != 1 or len(found[0]) != len(self.states):
            raise ValueError(self._unsettled())
        return {s: self.calculus.rebuilt(found[0][s], {}) for s in self.states}

    def _unsettled(self) -> str:
        return (f"the states of {self.optimizer.name} do not settle to one function of theta; "
                "the reduction needs averages that forget, such as those of adam or sgd")

    # ---------------------------------------------------------------- the field
    def field(self, j: int) -> Any:
        """Return the coefficient fⱼ(θ) of ηʲ in the reduced field."""
        if j not in self._fields:
            total = self.coefficient(theta, j + self.q)
            # exp(lr L_f) theta - theta = lr f + (lr²/2) L_f f + …
            for times in range(1, j // self.q + 1):
                total -= self._lie_sum(_Parts(self, None), times, j - self.q * times) \
                    / math.factorial(times + 1)
            self._fields[j] = expanded(total)
        return self._fields[j]


class _Parts:
    """The coefficients of one series: those of a state, or (None) of the field."""

    def __init__(self, reduction: Reduction, state: Any) -> None:
        self.reduction, self.key = reduction, state

    def __call__(self, i: int) -> Any:
        if self.key is None:
            return self.reduction.field(i)
        return self.reduction.state(i)[self.key]


def _root(step: Any, lr: Any) -> bool:
    """Return whether the step of the clock is a constant times √lr (else a constant times lr)."""
    for power, root in ((1, False), (sympy.Rational(1, 2), True)):
        if lr not in sympy.simplify(step / lr**power).free_symbols:
            return root
    raise ValueError(f"reduced needs a clock of lr or sqrt(lr), got the step {step}")
