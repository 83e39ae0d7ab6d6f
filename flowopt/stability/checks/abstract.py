"""The check of proofs on an abstract loss, in any dimension.

V̇ is taken from the rules of the statement. For every goal E >= 0 of the claim the certificate
names lemmas (slack >= 0) with multipliers; what is left, E − Σ multiplier·slack, is written as a
number p plus Σᵢ rᵢ over the coordinates, where p and every multiplier must be >= 0 term by term,
and rᵢ either term by term or as a quadratic form whose matrix is positive semidefinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from flowopt.stability.checks.abstract_forms import number, rate
from flowopt.stability.checks.abstract_goals import goals, setting
from flowopt.stability.checks.abstract_lemmas import LOSS_LEMMAS, VECTOR_LEMMAS, slack
from flowopt.stability.checks.abstract_words import NORM, H, S, Words
from flowopt.stability.checks.positivity import gram, is_zero, semidefinite, sign
from flowopt.stability.exact import Refused

KEYS = {"finite_time": {"laws"}, "decreasing": {"zero"}, "converges_to_critical_set": {"zero"}}


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the certificate proves the statement."""
    expected = {"conditions", "parts"} | KEYS.get(statement["claim"], set())
    if set(data) != expected:
        raise Refused(f"the certificate must hold {', '.join(sorted(expected))}")
    words, rates, V = setting(statement)
    dV = rate(words, rates, V)
    substitute(words, data["conditions"])
    wanted = goals(statement, words, V, dV, data)
    if [what for what, _ in wanted] != [part["goal"] for part in data["parts"]]:
        raise Refused("the parts of the certificate are not the goals of the claim")
    for (what, goal), part in zip(wanted, data["parts"], strict=True):
        _part(words, what, goal, part)


def substitute(words: Words, given: list[Mapping[str, str]]) -> None:
    """Give the words the changes of symbols that make the conditions signs of new numbers.

    A condition big >= small becomes big = small + d with d >= 0, and is solved for one symbol; with
    a second one that is strict, the quotient of the two differences is d.
    """
    made = words.changes = []
    for k, item in enumerate(given, 1):
        if not {"condition", "symbol", "value"} <= set(item) <= {"condition", "symbol", "value",
                                                                 "and"}:
            raise Refused("a condition is given by its text, its symbol, and the symbol's value")
        if item["symbol"] not in words.solved_for:
            raise Refused(f"{item['symbol']} is no parameter")
        gap, strict = words.gap(item["condition"])
        if "and" in item:
            other, above = words.gap(item["and"])
            if not above:
                raise Refused(f"{item['and']} must be strict")
            gap = gap / other
        new, old = words.extend(f"d{k}", strict), words.symbol[item["symbol"]]
        value = words.read(item["value"])
        if value.has(old) or not is_zero(gap.subs(old, value) - new) or not is_zero(
                value.subs(new, gap) - old):
            raise Refused(f"{item['value']} does not solve {item['condition']}")
        made.append((old, value))


def _part(words: Words, what: str, goal: Any, part: Mapping[str, Any]) -> None:
    if set(part) != {"goal", "lemmas", "order", "number", "summand"}:
        raise Refused("a part holds its goal, its lemmas, what they leave (a number and a "
                      "summand), and the order of a quadratic form")
    left = goal
    for item in part["lemmas"]:
        if not {"lemma", "multiplier"} <= set(item) <= {"lemma", "multiplier", "with"}:
            raise Refused("a lemma is given by its name, its multiplier, and its vectors")
        multiplier = words.read(item["multiplier"])
        if words.is_coordinate(multiplier):
            raise Refused("a multiplier must be a number")
        if sign(words.apply(number(words, multiplier))) == 0 or is_zero(multiplier):
            raise Refused(f"the multiplier {item['multiplier']} is not seen to be positive")
        left = left - multiplier * slack(words, item)
    p, r = remainder(words, words.apply(left))
    if not is_zero(number(words, words.read(part["number"])) - p) or not is_zero(
            words.read(part["summand"]) - r):
        raise Refused(f"for {what}, what is left is not what the certificate says")
    if not sign(p):
        raise Refused(f"for {what}, the number {p} is not seen to be >= 0")
    if part["order"]:
        names = part["order"]
        matrix = gram(r, [words.symbol[n] for n in names])
        if matrix is None or len(set(names)) < len(names) or any(
                all(v == 0 for v in row) for row in matrix) or not semidefinite(matrix):
            raise Refused(f"for {what}, {r} is not seen to be a positive semidefinite form")
    elif not sign(r):
        raise Refused(f"for {what}, the summand {r} is not seen to be >= 0")


def remainder(words: Words, expr: Any) -> tuple[Any, Any]:
    """Return (p, r) with expr = p + Σᵢ rᵢ, p a number and r a coordinate quantity."""
    alone, summed = [], []
    for term in sympy.Add.make_args(number(words, expr)):
        inside = [f for f in sympy.Mul.make_args(term) if f.func == S]
        if len(inside) == 1 and not (term / inside[0]).has(S):
            summed.append(term / inside[0] * inside[0].args[0])
        else:
            alone.append(term)
    p, r = sympy.Add(*alone), sympy.Add(*summed)
    return (sympy.Integer(0) if is_zero(p) else p), (sympy.Integer(0) if is_zero(r) else r)


# ------------------------------------------------------------------------------- for readers
def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the proof in words, step by step."""
    words, rates, V = setting(statement)
    dV = rate(words, rates, V)
    steps = ["D = L - L*, e = theta - theta*, S(a) = sum of a_i over the coordinates; along the "
             f"flow dV/dt = {dV}"]
    if dV.has(sympy.Abs) or "sign(" in str(statement["system"]["rules"]):
        steps.append("g_i s = |g_i| for every s in the set-valued sign of g_i, so this holds for "
                     "every selection of Filippov, on the switching set too")
    changes = []
    if dV.has(H) or any(r.has(H) for k, r in rates.items() if k != words.symbol["g"]):
        steps.append("L is twice continuously differentiable, and H(a) is its Hessian times a")
    if dV.has(NORM) or any(p.exp.is_negative for p in dV.atoms(sympy.Pow) if p.base.has(S)):
        steps.append("where the field divides by the norm of g, g is not 0")
    for k, item in enumerate(data["conditions"], 1):
        changes.append(f"{item['symbol']} = {item['value']}")
        with_it = f" and {item['and']}" if "and" in item else ""
        steps.append(f"{item['condition']}{with_it} means {changes[-1]} with d{k} >= 0")
    substitute(words, data["conditions"])
    for law in data.get("laws", []):
        steps.append(f"dV/dt <= -c V^a with c = {law['c']}, a = {law['a']}")
    for item in data.get("zero", []):
        steps.append(f"dV/dt <= -sum of ({item['weight']}) {item['by']} of {item['z']}, which is "
                     f"0 only where {item['z']} = 0")
    for (what, goal), part in zip(goals(statement, words, V, dV, data), data["parts"],
                                  strict=True):
        left = goal
        used = []
        for item in part["lemmas"]:
            left = left - words.read(item["multiplier"]) * slack(words, item)
            used.append(f"({item['multiplier']}) times [{_lemma(item)}]")
        p, r = remainder(words, words.apply(left))
        steps.append(f"{what} >= 0: it is " + " + ".join([*used, str(p), f"S({r})"])
                     + (f", and the quadratic form in {', '.join(part['order'])} is positive "
                        "semidefinite" if part["order"] else ", term by term not negative"))
    if "zero" in data and statement["claim"] != "decreasing":
        steps.append("by LaSalle's principle a bounded motion tends to the largest invariant set "
                     "in {dV/dt = 0}; there the z above stay 0, so their rates are 0, so g = 0")
    return steps


def _lemma(item: Mapping[str, Any]) -> str:
    name = item["lemma"]
    shown = LOSS_LEMMAS[name][1] if name in LOSS_LEMMAS else VECTOR_LEMMAS[name].format(
        *item.get("with", []))
    return f"{name}: {shown}"


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the proof in LaTeX, step by step."""
    words, rates, V = setting(statement)
    dV = rate(words, rates, V)
    sums = {S(f): sympy.Symbol(rf"\textstyle\sum_i {sympy.latex(f)}") for f in
            (a.args[0] for a in dV.atoms(S))}
    shown = sympy.latex(dV.xreplace(sums))
    return [rf"$\dot V = {shown}$", *(s.translate(_ESCAPES) for s in explain(statement, data)[1:])]


#: what LaTeX reads otherwise
_ESCAPES = str.maketrans({"_": r"\_", "^": r"\^{}", "&": r"\&", "%": r"\%", "#": r"\#",
                          "<": "$<$", ">": "$>$", "{": r"\{", "}": r"\}", "*": r"$\ast$"})
