"""The search for a counterexample: losses of one variable from a list, and rational states.

Numbers propose a point; `flowopt.stability.checks.abstract_point` then decides in rationals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import sympy

from flowopt.stability.checks.abstract_point import STRICT, Instance, X
from flowopt.stability.exact import Refused

#: losses with a minimiser (or none): bowls, flat and steep growth, wells, a slope
LOSSES: tuple[tuple[str, str | None], ...] = (
    ("x**2/2", "0"), ("2*x**2", "0"), ("x**2/8", "0"), ("8*x**2", "0"),
    ("x**2/2 + x**4/4", "0"), ("x**4/4", "0"),
    ("x + ((1 - x)**4 - 1)/4", "0"), ("x + ((1 - x)**6 - 1)/6", "0"),
    ("x + ((1 - x)**12 - 1)/12", "0"), ("x + ((1 - x)**4 - 1)/4 + x**2/100", None),
    ("x**4/4 - x**2/2", "1"), ("x**4 - 2*x**2", "1"), ("x**3/3 - x", None), ("x", None),
)
#: values: small numbers, squares, and numbers that with 1 or 1/4 make squares
POSITIVE = ("1/100", "1/16", "1/9", "1/4", "9/16", "1", "16/9", "9/4", "3", "4", "5", "8", "9",
            "15", "16", "24", "25", "99", "100")
TRIES = 6000


def search(statement: Mapping[str, Any], alive: Callable[[], bool]
           ) -> tuple[dict[str, Any], str] | None:
    """Return the data of a counterexample and its sentence, or None."""
    for loss, minimiser in LOSSES:
        if not alive():
            return None
        try:
            made = Instance(statement, loss, minimiser)
            goals = made.goals()
        except Refused:
            if minimiser is None:
                continue
            try:
                Instance(statement, "x**2/2", "0").goals()
            except Refused:
                return None
            continue
        for what, goal in goals:
            found = _point(made, loss, minimiser, what, goal)
            if found is not None:
                return found
    return None


def _point(made: Instance, loss: str, minimiser: str | None, what: str, goal: Any
           ) -> tuple[dict[str, Any], str] | None:
    for constants, state in _proposed(made, goal, what == STRICT):
        data = {"loss": loss, "minimiser": minimiser, "constants": constants, "state": state,
                "violates": what}
        try:
            made.admit(constants)
            values = made.values(constants, state)
            made.meets(values)
        except Refused:
            continue
        for idle in map(str, made.idle(goal)):
            (constants if idle in constants else state)[idle] = "1"
        values = made.values(constants, state)
        try:
            value = goal.subs(values)
        except ValueError:  # 1/|g| in a Min where g = 0
            continue
        if not value.is_Rational or value > 0 or (value == 0 and what != STRICT):
            continue
        if what == STRICT and all(r.subs(values) == 0 for r in made.rules.values()):
            continue
        if any(f.args[0].subs(values) == 0 for r in made.rules.values()
               for f in r.atoms(sympy.sign)):
            continue
        return {**data, "by": str(value)}, (
            f"on L(x) = {loss} at one state, {what} is {value}")
    return None


def _proposed(made: Instance, goal: Any, zero: bool
              ) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Yield values of the constants and the state where the goal is negative, by numbers."""
    random = np.random.default_rng(11)
    names = [*made.constants, "t", "theta", *made.states]
    free = [n for n in names if n not in made.positive]
    index = {n: random.integers(0, len(POSITIVE), TRIES) for n in names}
    signs = {n: random.choice([-1, 1], TRIES) if n in free else np.ones(TRIES, int) for n in names}
    for n in made.states:
        signs[n] = np.where(random.random(TRIES) < 0.1, 0, signs[n])
    numbers = np.array([float(sympy.Rational(p)) for p in POSITIVE])
    symbols = [X if n == "theta" else sympy.Symbol(n, real=True) for n in names]
    # a parameter may have the name of a function of numpy, such as minimum
    plain = {s: sympy.Symbol(f"q{k}", real=True) for k, s in enumerate(symbols)}
    values = [signs[n] * numbers[index[n]] for n in names]

    def evaluate(expr: Any) -> Any:
        with np.errstate(all="ignore"):
            function = sympy.lambdify(list(plain.values()), expr.xreplace(plain), "numpy")
            return np.broadcast_to(np.asarray(function(*values), dtype=complex), (TRIES,))

    result = evaluate(goal)
    good = np.isfinite(result) & (np.abs(result.imag) < 1e-12)
    size = evaluate(sympy.Add(*map(sympy.Abs, sympy.Add.make_args(sympy.expand(goal))))).real
    good &= (result.real < -1e-11 * size) | (zero & (np.abs(result.real) <= 1e-11 * size))
    for left, right, sign in made.compared:
        gap = evaluate(made.read(left) - made.read(right)).real
        good &= {"<=": gap <= 0, ">=": gap >= 0, "<": gap < 0, ">": gap > 0}[sign]
    tried: set[Any] = set()
    for k in np.flatnonzero(good)[:60]:
        shown = {n: str(signs[n][k] * sympy.Rational(POSITIVE[index[n][k]])) for n in names}
        constants = {n: shown[n] for n in [*made.constants, "t"]}
        if tuple(constants.values()) in tried and len(tried) > 40:
            continue
        tried.add(tuple(constants.values()))
        yield constants, {n: shown[n] for n in ["theta", *made.states]}
