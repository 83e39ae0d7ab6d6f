"""The lemmas that may serve a goal on an abstract loss: those that its terms call for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import sympy

from flowopt.stability.checks.abstract_forms import number
from flowopt.stability.checks.abstract_lemmas import LOSS_LEMMAS, slack
from flowopt.stability.checks.abstract_words import CONVEX, MAXABS, NORM, NORM1, H, S, Words
from flowopt.stability.exact import Refused, write

Lemma = tuple[dict[str, Any], Any]


def text(words: Words, expr: Any) -> str:
    """Return the text of an expression, as `Words.read` reads it."""
    shown = expr.replace(S, lambda a: sympy.Function("sum")(a))
    s = words.symbol
    return write(shown.subs({s["D"]: s["L"] - s["Lstar"], s["Q"]: -sympy.log(s["L"])}))


def lemmas(words: Words, goal: Any) -> list[Lemma]:
    """Return the lemmas that may serve a goal, each with its slack."""
    items: list[dict[str, Any]] = [{"lemma": n} for n in LOSS_LEMMAS]
    items += [{"lemma": "condition", "with": [c[0]]} for c in words.conditions]
    made = [i for item in items for i in _tried(words, item)]
    made += [i for item in _of_terms(words, goal) for i in _tried(words, item)]
    return made


def _tried(words: Words, item: dict[str, Any]) -> list[Lemma]:
    try:
        return [(item, number(words, slack(words, item)))]
    except Refused:
        return []


def _of_terms(words: Words, goal: Any) -> Iterator[dict[str, Any]]:
    """Yield the lemmas that the functions in a goal call for."""
    g = words.symbol["g"]
    for atom in sorted(goal.atoms(S), key=sympy.default_sort_key):
        for factor in sympy.Mul.make_args(atom.args[0]):
            name, rest = str(factor.func), atom.args[0] / factor
            if factor.func == H and rest == factor.args[0]:
                for lemma in ("convex Hessian", "strongly convex Hessian", "smooth Hessian"):
                    yield {"lemma": lemma, "with": [text(words, rest)]}
            kind = words.functions.get(name)
            if kind == "operator" and rest == factor.args[0]:
                yield {"lemma": "operator", "with": [name, text(words, rest)]}
            if name[0] == "H" and len(factor.args) == 2 and rest == factor.args[1]:
                yield {"lemma": "inverse metric" if name.endswith("inv") else "metric",
                       "with": [name[1:].removesuffix("inv"),
                                *[text(words, a) for a in factor.args]]}
            if kind == "oracle":
                yield {"lemma": "oracle", "with": [name]}
    for name in (n for n, kind in words.functions.items() if kind in CONVEX):
        yield from _convex(words, name, goal)
    if "exponential_loss" in words.assumed and goal.has(g):
        yield {"lemma": "Cauchy-Schwarz", "with": ["g", "theta"]}
        yield {"lemma": "square", "with": ["dot(g, theta) - L*log(L)"]}
    if goal.has(NORM1(g)):
        yield {"lemma": "norms", "with": ["g"]}
    if goal.has(MAXABS(g)):
        yield {"lemma": "largest", "with": ["g"]}
    powers = {p.exp for p in goal.atoms(sympy.Pow) if p.base == NORM(g)}
    if goal.has(NORM(g)) or goal.has(NORM1(g)):
        powers.add(sympy.Integer(1))
    for p in sorted(powers, key=sympy.default_sort_key):
        yield {"lemma": "power", "with": ["PL", text(words, p / 2)]}


def _convex(words: Words, name: str, goal: Any) -> Iterator[dict[str, Any]]:
    """Yield monotonicity and the gradient inequality of K at the points that occur."""
    made = words.vector_functions
    points = {a.args[0] for a in goal.atoms(made[name]) | goal.atoms(made[f"d{name}"])}
    if words.functions[name] == "Legendre":
        points |= goal.atoms(made[f"d{name}c"])
    if name in words.zero_at_zero:
        points.add(sympy.Integer(0))
    ordered = sorted(points, key=sympy.default_sort_key)
    for a, b in itertools.permutations(ordered, 2):
        shown = [name, text(words, a), text(words, b)]
        if goal.has(made[name]):
            yield {"lemma": "gradient", "with": shown}
        if sympy.default_sort_key(a) < sympy.default_sort_key(b):
            yield {"lemma": "monotone", "with": shown}
