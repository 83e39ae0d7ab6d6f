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

from flowopt.stability.checks.abstract_forms import number
from flowopt.stability.checks.abstract_goals import goals, setting
from flowopt.stability.checks.abstract_lemmas import LOSS_LEMMAS, VECTOR_LEMMAS, slack
from flowopt.stability.checks.abstract_rates import rate
from flowopt.stability.checks.abstract_words import NORM, NORM1, H, S, Words
from flowopt.stability.checks.positivity import gram, is_zero, parts, semidefinite, sign
from flowopt.stability.exact import Refused

KEYS = {"finite_time": {"laws"}, "decreasing": {"zero"}, "converges_to_critical_set": {"zero"}}


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the certificate proves the statement."""
    try:
        _check(statement, data)
    except Refused:
        raise
    except Exception as error:  # whatever an altered certificate may raise inside sympy
        raise Refused(f"the certificate is malformed ({type(error).__name__})") from None


def _check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
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
        gap, strict = words.gap(item["condition"])
        if "and" in item:
            other, above = words.gap(item["and"])
            if not above:
                raise Refused(f"{item['and']} must be strict")
            gap = gap / other
        if not words.solvable(item["symbol"], gap):
            raise Refused(f"{item['condition']} cannot be solved for {item['symbol']}")
        new = words.extend(f"d{k}", strict, words.is_coordinate(gap))
        old = words.symbol[item["symbol"]]
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
    return ["".join(part if isinstance(part, str) else str(part) for part in step)
            for step in _steps(statement, data)]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the proof in LaTeX, step by step."""
    return ["".join(part.translate(_ESCAPES).replace("$<$=", r"$\le$").replace("$>$=", r"$\ge$")
                    .replace("dV/dt", r"$\dot V$")
                    if isinstance(part, str) else f"${sympy.latex(_drawn(part))}$"
                    for part in step) for step in _steps(statement, data)]


#: what LaTeX reads otherwise
_ESCAPES = str.maketrans({"_": r"\_", "^": r"\^{}", "&": r"\&", "%": r"\%", "#": r"\#",
                          "<": "$<$", ">": "$>$", "{": r"\{", "}": r"\}", "*": r"$\ast$"})


def _drawn(expr: Any) -> Any:
    """Return an expression whose sums and norms are symbols with LaTeX names."""
    signs = {"S": r"\textstyle\sum_i\left(%s\right)", "norm": r"\left\lVert %s\right\rVert",
             "norm1": r"\left\lVert %s\right\rVert_1"}
    if str(expr.func) in signs and expr.args:
        return sympy.Symbol(signs[str(expr.func)] % sympy.latex(_drawn(expr.args[0])))
    return expr.func(*map(_drawn, expr.args)) if expr.args else expr


def _steps(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[list[Any]]:
    """Return the proof as steps, each a list of texts and expressions."""
    words, rates, V = setting(statement)
    dV = rate(words, rates, V)
    steps: list[list[Any]] = [[
        "L* = L(theta*) is the least value of L, " * bool(words.symbol["D"].is_nonnegative) +
        "D = L - L*, e = theta - theta*, S(a) = sum of a_i over the coordinates; along the flow "
        "dV/dt = ", dV]]
    if dV.has(sympy.Abs, NORM1) or "sign(" in str(statement["system"]["rules"]):
        steps.append(["g_i s = |g_i| for every s in the set-valued sign of g_i, so this holds for "
                      "every selection of Filippov, on the switching set too"])
    if any(r.has(H) for k, r in rates.items() if k != words.symbol["g"]) or dV.has(H):
        steps.append(["L is twice continuously differentiable, and H(a) is its Hessian times a"])
    below = {p.base for r in (dV, *rates.values()) for p in r.atoms(sympy.Pow)
             if p.base.func in (S, NORM) and p.exp.could_extract_minus_sign()}
    for base in sorted(below, key=str):
        steps.append(["this is divided by, and is not 0: ", base])
    if dV.has(words.symbol["Q"]):
        steps.append(["Q = -log(L)"])
    for k, item in enumerate(data["conditions"], 1):
        both = item["condition"] + (f" and {item['and']}" if "and" in item else "")
        sign_of = ">" if words.gap(item["condition"])[1] else ">="
        steps.append([f"{both} means {item['symbol']} = {item['value']} with d{k} {sign_of} 0"])
    substitute(words, data["conditions"])
    for law in data.get("laws", []):
        steps.append([f"dV/dt is bounded by -c V^a with c = {law['c']}, a = {law['a']}"])
    for item in data.get("zero", []):
        steps.append([f"-dV/dt holds ({item['weight']}) times the {item['by']} of {item['z']}, "
                      f"which is 0 only where {item['z']} = 0"])
    for (what, _), part in zip(goals(statement, words, V, dV, data), data["parts"], strict=True):
        steps.append(_reasons(words, what, part))
    if "zero" in data and statement["claim"] != "decreasing":
        steps.append(["by LaSalle's principle a bounded motion tends to the largest invariant set "
                      "in dV/dt = 0; there the z above stay 0, so their rates are 0, so g = 0"])
    return steps


def _reasons(words: Words, what: str, part: Mapping[str, Any]) -> list[Any]:
    """Return why one goal is >= 0: lemmas, a number and a sum."""
    said: list[Any] = [f"{what} >= 0: it is "]
    pieces: list[list[Any]] = []
    for item in part["lemmas"]:
        pieces.append(["(", words.read(item["multiplier"]), f") times [{_lemma(item)}]"])
    p, r = words.read(part["number"]), words.read(part["summand"])
    how = ("whose quadratic form in " + ", ".join(part["order"]) + " is positive semidefinite"
           if part["order"] else "each term of which is not negative")
    if p != 0:
        pieces.append(["the number ", _shown(p)])
    if r != 0:
        pieces.append(["the sum over the coordinates of ", _shown(r), f", {how}"])
    for k, piece in enumerate(pieces or [["0"]]):
        said += [", plus "] * (k > 0) + piece
    return said


def _shown(expr: Any) -> Any:
    """Return an expression over one denominator, in which its signs can be read."""
    top, bottom, roots = parts(expr)
    return top.xreplace(roots) / bottom.xreplace(roots)


def _lemma(item: Mapping[str, Any]) -> str:
    name = item["lemma"]
    shown = LOSS_LEMMAS[name][1] if name in LOSS_LEMMAS else VECTOR_LEMMAS[name].format(
        *item.get("with", []))
    return f"{name}: {shown}"
