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

from flowopt.stability.abstract_loss.abstract_numbers import hopeless
from flowopt.stability.abstract_loss.abstract_proposals import Lemma, lemmas, text
from flowopt.stability.checks.abstract import remainder
from flowopt.stability.checks.abstract_forms import number
from flowopt.stability.checks.abstract_words import MAXABS, NORM, NORM1, S, Words
from flowopt.stability.checks.positivity import expand, gram, semidefinite, sign
from flowopt.stability.exact import Refused


class Tired(Exception):
    """The time is spent."""


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
    words.coordinates -= {words.symbol[name]}
    words.symbol[name] = new
    if words.is_coordinate(gap):
        words.coordinates |= {new}
    words.changes = changes
    for x in sorted(gap.free_symbols, key=str):
        if not words.solvable(str(x), gap):
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
                if words.is_coordinate(more) != words.is_coordinate(gap):
                    continue
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


# ------------------------------------------------------------------------------- search
def settle(words: Words, what: str, goal: Any, alive: Callable[[], bool],
           depth: int = 3) -> dict[str, Any] | None:
    """Return the part of a certificate that proves goal >= 0, or None."""
    start = number(words, words.apply(goal))
    g = words.symbol["g"]
    known = [(item, number(words, words.apply(s))) for item, s in lemmas(words, start)]
    if start.has(NORM(g)) or any(s.has(NORM(g)) for item, s in known
                                 if item["lemma"] in ("norms", "Cauchy-Schwarz")):
        square = {S(g**2): NORM(g)**2}
        start = number(words, start.xreplace(square))
        known = [(item, number(words, s.xreplace(square))) for item, s in known]
    seen: set[Any] = set()
    for most in range(depth + 1):
        found = _deeper(words, start, known, [], most, alive, seen)
        if found is not None:
            used, order, p, r = found
            used = [{**step, "multiplier": text(words, step["multiplier"])} for step in used]
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
            step = {**item, "multiplier": m}
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
        pieces = sympy.Mul.make_args(carrier)
        made += [t / term for t in sympy.Add.make_args(left) if any(t.has(f) for f in pieces)
                 or carrier == words.symbol["D"]]
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
