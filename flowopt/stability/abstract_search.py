"""The search for proofs on an abstract loss: derivatives by partials, lemmas by matching terms.

A goal E >= 0 is proved by subtracting multiples of lemmas (slack >= 0) until what is left is
positive term by term or as a quadratic form. A multiplier is chosen so that one term of E and of
the slack cancel; sequences of up to three lemmas are tried, shortest first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sympy

from flowopt.stability.abstract_numbers import hopeless
from flowopt.stability.checks.abstract import remainder
from flowopt.stability.checks.abstract_forms import number
from flowopt.stability.checks.abstract_lemmas import LOSS_LEMMAS, slack
from flowopt.stability.checks.abstract_words import CONVEX, MAXABS, NORM, NORM1, H, S, Words
from flowopt.stability.checks.positivity import expand, gram, semidefinite, sign
from flowopt.stability.exact import Refused, write

Lemma = tuple[dict[str, Any], Any]


class Tired(Exception):
    """The time is spent."""


def text(words: Words, expr: Any) -> str:
    """Return the text of an expression, as `Words.read` reads it."""
    shown = expr.replace(S, lambda a: sympy.Function("sum")(a))
    return write(shown.subs(words.symbol["D"], words.symbol["L"] - words.symbol["Lstar"]))


# ------------------------------------------------------------------------------- derivative
def derivative(words: Words, rates: Mapping[Any, Any], expr: Any) -> Any:
    """Return d/dt of an expression by its partial derivatives."""
    own: dict[Any, Any] = {}
    kinks = expr.atoms(sympy.Abs, sympy.sign, sympy.Min, sympy.Max, NORM1, MAXABS)
    if kinks:
        raise Refused(f"V must be differentiable, and {min(map(str, kinks))} has a kink")

    def hide(e: Any) -> Any:
        if e.func in (S, NORM) or str(e.func) in words.vector_functions or words.scalar_function(
                str(e.func)):
            return own.setdefault(e, sympy.Dummy(real=True))
        return e.func(*[hide(a) for a in e.args]) if e.args else e

    hidden = hide(expr)
    back = {d: e for e, d in own.items()}
    moving = [(x, rates[x]) for x in hidden.free_symbols if x in rates]
    moving += [(d, _inner(words, rates, e)) for e, d in own.items()]
    return sympy.Add(*[sympy.diff(hidden, x).xreplace(back) * r for x, r in moving if r != 0])


def _inner(words: Words, rates: Mapping[Any, Any], e: Any) -> Any:
    first = e.args[0]
    if e.func == S:
        return S(derivative(words, rates, first))
    moved = derivative(words, rates, first)
    if moved == 0:
        return sympy.Integer(0)
    if e.func == NORM:
        return S(first * moved) / e
    name = str(e.func)
    if words.scalar_function(name):
        return S(words.vector_functions["d" + name](first) * moved)
    if words.functions.get(words.gradient_of(name)) == "Legendre":
        return words.vector_functions["H" + name[1:]](first, moved)
    if words.functions.get(name.removesuffix("T")) == "linear":
        return e.func(moved)
    raise Refused(f"the derivative of {name} has no name here")


# ------------------------------------------------------------------------------- conditions
def eliminations(words: Words) -> Iterator[list[dict[str, str]]]:
    """Yield ways to turn the conditions into signs of new numbers, the fullest first.

    The words take the changes of symbols with each of them.
    """
    ordered = sorted(words.conditions, key=lambda c: (
        len((c[1] - c[2]).free_symbols), not c[1].is_Number))  # upper bounds of one symbol first
    for skip in range(len(ordered) + 1):
        for kept in itertools.combinations(ordered, len(ordered) - skip):
            yield from _solved(words, list(kept), [], [])


def _solved(words: Words, left: list[Any], items: list[dict[str, str]],
            changes: list[tuple[Any, Any]]) -> Iterator[list[dict[str, str]]]:
    if not left:
        words.changes = changes
        yield items
        return
    (condition, big, small, strict), *rest = left
    words.changes = changes
    gap = words.apply(big - small)
    name = f"d{len(items) + 1}"
    taken = words.symbol.get(name)
    flags = {"positive": True} if strict else {"nonnegative": True}
    new = sympy.Symbol(name, **flags)
    if taken is None:
        words.extend(name, strict)
    words.symbol[name] = new
    words.changes = changes
    for x in sorted(gap.free_symbols, key=str):
        if str(x) not in words.solved_for:
            continue
        item = {"condition": condition, "symbol": str(x)}
        slope, start = sympy.diff(gap, x), gap.subs(x, 0)
        if slope.has(x):
            continue
        if sign(slope) == 2:
            value = sympy.together((new - start) / slope)
            item["value"] = text(words, value)
            yield from _solved(words, rest, [*items, item], [*changes, (x, value)])
        elif sign(-slope) == 2:
            for other, left_over in _partners(words, str(x), rest):
                more = words.gap(other)[0]
                rise = sympy.diff(more, x)
                if rise.has(x) or sign(rise) != 2:
                    continue
                value = sympy.together((start - new * more.subs(x, 0)) / (new * rise - slope))
                made = {**item, "and": other, "value": text(words, value)}
                yield from _solved(words, left_over, [*items, made], [*changes, (x, value)])


def _partners(words: Words, name: str, rest: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the strict conditions that may bound a name from below, and those that are left."""
    if name in words.positive:
        yield f"{name} > 0", rest
    for k, c in enumerate(rest):
        if c[3]:
            yield c[0], [*rest[:k], *rest[k + 1:]]


# ------------------------------------------------------------------------------- lemmas
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


# ------------------------------------------------------------------------------- search
def settle(words: Words, what: str, goal: Any, alive: Callable[[], bool],
           depth: int = 3) -> dict[str, Any] | None:
    """Return the part of a certificate that proves goal >= 0, or None."""
    start = number(words, words.apply(goal))
    g = words.symbol["g"]
    known = [(item, number(words, words.apply(s))) for item, s in lemmas(words, start)]
    if start.has(NORM(g)) or any(s.has(NORM(g)) for item, s in known
                                 if item["lemma"] == "norms"):
        square = {S(g**2): NORM(g)**2}
        start = number(words, start.xreplace(square))
        known = [(item, number(words, s.xreplace(square))) for item, s in known]
    seen: set[Any] = set()
    for most in range(depth + 1):
        found = _deeper(words, start, known, [], most, alive, seen)
        if found is not None:
            used, order, p, r = found
            return {"goal": what, "lemmas": used, "order": order, "number": text(words, p),
                    "summand": text(words, r)}
    return None


def _deeper(words: Words, left: Any, known: list[Lemma], used: list[dict[str, Any]], most: int,
            alive: Callable[[], bool], seen: set[Any]) -> Any:
    if not alive():
        raise Tired
    if most == 0:
        if left in seen:
            return None
        seen.add(left)
        return _positive(words, left, used)
    for k, (item, bound) in enumerate(known):
        rest = [*known[:k], *known[k + 1:]]
        for m in _multipliers(words, left, bound):
            lower = expand(left - expand(m * bound))
            step = {**item, "multiplier": text(words, m)}
            found = _deeper(words, lower, rest, [*used, step], most - 1, alive, seen)
            if found is not None:
                return found
    return None


def _multipliers(words: Words, left: Any, bound: Any) -> list[Any]:
    """Return the positive numbers m such that left − m·bound has one term less."""
    made: list[Any] = []
    terms = sympy.Add.make_args(bound)
    for term in terms:
        carrier = sympy.Mul(*[f for f in sympy.Mul.make_args(term) if _carries(words, f)])
        if carrier == 1:
            continue
        made.append(left.coeff(carrier) / (term / carrier))
        made += [t / term for t in sympy.Add.make_args(left) if t.has(carrier)
                 or carrier in (words.symbol["D"],)]
    kept: list[Any] = []
    for m in made:
        m = sympy.factor_terms(m)
        if m != 0 and m not in kept and not m.has(S) and sign(m):
            kept.append(m)
    return kept


def _carries(words: Words, factor: Any) -> bool:
    base = factor.base if factor.is_Pow else factor
    return (base.func in (S, NORM, NORM1, MAXABS) or base == words.symbol["D"]
            or words.scalar_function(str(base.func)))


def _positive(words: Words, left: Any, used: list[dict[str, Any]]) -> Any:
    if hopeless(left):
        return None
    p, r = remainder(words, left)
    if not sign(p):
        return None
    if sign(r):
        return used, [], p, r
    names = sorted((x for x in r.free_symbols if x in words.coordinates), key=str)
    for order in itertools.permutations(names) if len(names) < 4 else [tuple(names)]:
        matrix = gram(r, list(order))
        if matrix is None:
            return None
        if semidefinite(matrix):
            return used, [str(x) for x in order], p, r
    return None
