"""The check of a counterexample: an actual polynomial loss in one variable, and one state.

The loss meets every assumption of the statement, which is decided exactly (a polynomial is >= 0 on
the line when no root of odd multiplicity is real). V is then a function of x, the states and t, and
its derivative along the flow is evaluated in rational numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import sympy

from flowopt.stability.checks.abstract_words import ALIASES, LOSSES, Words
from flowopt.stability.exact import Refused, rational, read

SHOWS = ("disproved",)
KEYS = {"loss", "minimiser", "constants", "state", "violates", "by"}
X = sympy.Symbol("x", real=True)


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the state refutes the statement."""
    if set(data) != KEYS:
        raise Refused(f"the counterexample must hold {', '.join(sorted(KEYS))}")
    made = Instance(statement, data["loss"], data["minimiser"])
    made.admit(data["constants"])
    values = made.values(data["constants"], data["state"])
    for what, goal in made.goals():
        if what != data["violates"]:
            continue
        value = goal.subs(values)
        if not value.is_Rational:
            raise Refused(f"{what} is {value} there, which is no rational number")
        if value != rational(data["by"]):
            raise Refused(f"{what} is {value} there, not {data['by']}")
        made.meets(values)
        made.plain(goal, values)
        if any(f.args[0].subs(values) == 0 for r in made.rules.values()
               for f in r.atoms(sympy.sign)):
            raise Refused("the state is on a switching set, where the field has no one value")
        if value > 0 or (value == 0 and what != STRICT):
            raise Refused(f"{what} is {value} there, which violates nothing")
        if what == STRICT and all(r.subs(values) == 0 for r in made.rules.values()):
            raise Refused("the state is an equilibrium")
        return
    raise Refused(f"{data['violates']} is not what the claim says")


#: the goal that must be positive, not only not negative
STRICT = "-dV/dt off the equilibria"


def nonnegative(poly: Any) -> bool:
    """Return whether a polynomial in x with rational coefficients is >= 0 on the whole line.

    Examples
    --------
    >>> nonnegative((X**2 - 1)**2), nonnegative(X**4 - X**2 + sympy.Rational(1, 5))
    (True, False)
    """
    made = sympy.Poly(poly, X, domain="QQ")
    if made.is_zero:
        return True
    factor, factors = made.sqf_list()
    return bool(factor > 0 and all(f.count_roots() == 0 and f.LC() > 0 for f, k in factors
                                   if k % 2))


@functools.lru_cache(1024)
def _is(name: str, loss: Any, least: Any, constant: Any) -> bool:
    """Return whether a polynomial has a property, with its minimiser and its constant."""
    if name in ("coercive", "bounded"):
        made = sympy.Poly(loss, X)
        return bool(made.degree() % 2 == 0 and made.LC() > 0)
    if least is None:
        return False
    slope = sympy.diff(loss, X)
    bend = sympy.diff(slope, X)
    height = loss - loss.subs(X, least)
    bowl = (X - least)**2 / 2
    tests = {"convex": lambda: [bend], "strongly_convex": lambda: [bend - constant],
             "PL": lambda: [slope**2 - 2 * constant * height],
             "smooth": lambda: [constant - bend, constant + bend], "minimum": lambda: [],
             "half_square": lambda: [height - bowl, bowl - height]}.get(name, lambda: [-bowl])()
    return slope.subs(X, least) == 0 and all(map(nonnegative, [height, *tests]))


class Instance:
    """A statement with an actual loss of one variable in it.

    Attributes
    ----------
    loss : sympy.Expr
        A polynomial in x.
    rules : dict of str to sympy.Expr
        The rates of x (under theta) and of the states.
    """

    def __init__(self, statement: Mapping[str, Any], loss: str, minimiser: str | None) -> None:
        self.statement = statement
        system = statement["system"]
        if system.get("kind") != "flow" or statement["domain"] is not None:
            raise Refused("the statement must be about a flow on an abstract loss")
        self.loss = read(loss, ["x"])
        if not self.loss.is_polynomial(X) or not self.loss.has(X):
            raise Refused("the loss must be a polynomial in x")
        words = Words(statement)
        for text in [statement["V"], *statement["options"].values()]:
            if words.is_coordinate(words.read(text)):
                raise Refused(f"{text} must be a number, and has a value for each coordinate")
        self.states = [k for k in system["rules"] if k != "theta"]
        self.least = None if minimiser is None else rational(minimiser)
        self.positive, self.nonnegative = set(system["positive"]), set[str]()
        self.assumed = [ALIASES.get(a, a) for a in statement["assumptions"]]
        self.compared: list[tuple[str, str, str]] = []
        for text in self.assumed:
            self._condition(text)
        constants = {LOSSES[a] for a in self.assumed if a in LOSSES} - {""}
        self.constants = sorted({*system["parameters"], *constants} - {"Lstar"})
        names = ["g", "theta", "thetastar", "e", "L", "Lstar", "t", *self.constants, *self.states]
        if len(set(names)) < len(names) or "x" in names:
            raise Refused("a name has two meanings")
        self.names = names
        self.positive |= constants
        slope = sympy.diff(self.loss, X)
        place = {"theta": X, "L": self.loss, "g": slope}
        if self.least is not None:
            place |= {"thetastar": self.least, "e": X - self.least,
                      "Lstar": self.loss.subs(X, self.least)}
        self.place = {sympy.Symbol(k, real=True): v for k, v in place.items()}
        self.curvature = sympy.diff(slope, X)
        self.rules = {k: self.read(text) for k, text in system["rules"].items()}

    def _condition(self, text: str) -> None:
        if text in LOSSES:
            return
        for sign in ("<=", ">=", "<", ">"):
            if sign in text:
                left, right = (p.strip() for p in text.split(sign, 1))
                self.compared.append((left, right, sign))
                return
        raise Refused(f"the assumption {text} is not judged on a polynomial")

    def read(self, text: str) -> Any:
        """Return the expression of a text in x, the states, the constants and t."""
        functions = {"dot": lambda a, b: a * b, "sum": lambda a: a, "norm": sympy.Abs,
                     "norm1": sympy.Abs, "maxabs": sympy.Abs, "unit": sympy.sign,
                     "H": lambda a: self.curvature * a, "Hinv": lambda a: a / self.curvature}
        made = read(text, self.names, functions=functions).xreplace(self.place)
        if made.free_symbols & {sympy.Symbol(n, real=True) for n in ("e", "Lstar", "thetastar")}:
            raise Refused("L* and theta* need a minimiser")
        return made

    def admit(self, constants: Mapping[str, str]) -> None:
        """Refuse unless the loss meets the assumptions with these constants."""
        if set(constants) != {*self.constants, "t"}:
            raise Refused(f"the constants must be {', '.join([*self.constants, 't'])}")
        for name in ["minimum"] * (self.least is not None) + self.assumed:
            if name in LOSSES and not _is(name, self.loss, self.least, (
                    rational(constants[LOSSES[name]]) if LOSSES[name] else None)):
                raise Refused(f"the loss is not {name}")

    def values(self, constants: Mapping[str, str], state: Mapping[str, str]) -> dict[Any, Any]:
        """Return the values of all symbols, each rational."""
        if set(state) != {"theta", *self.states}:
            raise Refused(f"the state must be {', '.join(['theta', *self.states])}")
        made = {sympy.Symbol(k, real=True): rational(v) for k, v in {**constants, **state}.items()}
        made[X] = made.pop(sympy.Symbol("theta", real=True))
        for name in self.positive:
            found = made.get(sympy.Symbol(name, real=True))
            if found is None or found <= 0:
                raise Refused(f"{name} must be positive")
        return made

    def meets(self, values: Mapping[Any, Any]) -> None:
        """Refuse unless the conditions hold, decided in rational numbers."""
        for left, right, sign in self.compared:
            gap = (self.read(left) - self.read(right)).subs(values)
            if not gap.is_Rational or not {"<=": gap <= 0, ">=": gap >= 0, "<": gap < 0,
                                           ">": gap > 0}[sign]:
                raise Refused(f"{left} {sign} {right} does not hold there")

    def idle(self, goal: Any) -> list[Any]:
        """Return the symbols that neither the goal nor a condition holds."""
        used = sympy.cancel(goal).free_symbols.union(*(
            (self.read(a) - self.read(b)).free_symbols for a, b, _ in self.compared))
        names = [n for n in (*self.constants, *self.states, "t") if n not in ("mu", "ell")]
        return [s for s in (sympy.Symbol(n, real=True) for n in names) if s not in used]

    def plain(self, goal: Any, values: Mapping[Any, Any]) -> None:
        """Refuse values that do not matter and are not 1, and a loss that is not 0 at 0."""
        if any(values[s] != 1 for s in self.idle(goal)):
            raise Refused("what does not matter must be 1")
        if self.loss.subs(X, 0) != 0:
            raise Refused("the loss must be 0 at x = 0")

    def goals(self) -> list[tuple[str, Any]]:
        """Return (what, expression) for what the claim says is >= 0, in x, states and t."""
        claim, options = self.statement["claim"], self.statement["options"]
        V = self.read(self.statement["V"])
        if V.has(sympy.Abs, sympy.sign, sympy.Min, sympy.Max):
            raise Refused("V must be differentiable")
        moved = [(X, self.rules["theta"]), (sympy.Symbol("t", real=True), sympy.Integer(1))]
        moved += [(sympy.Symbol(s, real=True), self.rules[s]) for s in self.states]
        dV = sympy.Add(*[sympy.diff(V, x) * r for x, r in moved])
        if claim in ("nonincreasing", "decreasing"):
            made = [("-dV/dt", -dV)] if claim == "nonincreasing" else [(STRICT, -dV)]
            if "bound" in options:
                made.append(("(bound) - dV/dt", self.read(options["bound"]) - dV))
            return made
        if claim == "exponential" and "rate" in options:
            return [("-(rate) V - dV/dt", -self.read(options["rate"]) * V - dV)]
        if claim == "conserved":
            return [("dV/dt", dV), ("-dV/dt", -dV)]
        if claim == "nonnegative":
            return [("V", V)]
        raise Refused(f"a point does not refute the claim {claim}")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return what happens at the state, in words."""
    made = Instance(statement, data["loss"], data["minimiser"])
    at = ", ".join(f"{k} = {v}" for k, v in {**data["constants"], **data["state"]}.items())
    goal = dict(made.goals())[data["violates"]]
    least = "" if data["minimiser"] is None else f", which is least at x = {data['minimiser']}"
    return [f"on the loss L(x) = {data['loss']} (x = theta, n = 1){least}, which meets the "
            "assumptions",
            f"{data['violates']} = {goal}",
            f"at {at} this is {data['by']}, and it should be "
            + ("positive" if data["violates"] == STRICT else ">= 0")]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the same in LaTeX."""
    made = Instance(statement, data["loss"], data["minimiser"])
    at = ", ".join(f"{k} = {v}" for k, v in {**data["constants"], **data["state"]}.items())
    goal = dict(made.goals())[data["violates"]]
    return [rf"$L(x) = {sympy.latex(made.loss)}$",
            rf"${sympy.latex(goal)} = {sympy.latex(rational(data['by']))}$ at {at}"]
