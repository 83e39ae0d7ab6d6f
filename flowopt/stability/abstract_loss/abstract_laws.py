"""What a proof on an abstract loss must guess: powers of V that bound V̇, and where V̇ vanishes."""

from __future__ import annotations

from typing import Any

import sympy

from flowopt.stability.abstract_loss.abstract_proposals import text
from flowopt.stability.checks.abstract import remainder
from flowopt.stability.checks.abstract_forms import number
from flowopt.stability.checks.abstract_words import NORM, NORM1, Words
from flowopt.stability.checks.positivity import expand, parts, sign


def laws(words: Words, V: Any, dV: Any) -> tuple[list[dict[str, str]], str] | None:
    """Return the laws V̇ <= −Σ c Vᵃ that PL gives, and the time that follows; or None.

    −V̇ = Σ k ‖g‖^p with ‖g‖² >= 2μ(L − L*) gives c = k (2μ)^{p/2}, a = p/2.
    """
    s = words.symbol
    fall = number(words, -dV)
    made = []
    for term in sympy.Add.make_args(fall):
        norm = next((x for x in (NORM(s["g"]), NORM1(s["g"]), NORM(s["e"]))
                     if term.has(x)), None)
        if norm is None:
            return None
        power = sympy.together(term.as_powers_dict()[norm])
        factor = term / norm**power
        base = sympy.Integer(2) if norm == NORM(s["e"]) else 2 * s["mu"] if "mu" in s else None
        if base is None or factor.has(norm):
            return None
        a = sympy.factor(power / 2)
        made.append((factor * sympy.expand_power_base(base**a), a))
    low = [law for law in made if sign(words.apply(1 - law[1])) == 2]
    high = [law for law in made if sign(words.apply(law[1] - 1)) == 2]
    if len(low) != 1 or len(high) > 1 or len(made) > 2:
        return None
    (c, a), time = low[0], None
    time = s["V0"]**(1 - a) / (c * (1 - a))
    if high:
        (k, b) = high[0]
        time = 1 / (c * (1 - a)) + 1 / (k * (b - 1))
    return ([{"c": text(words, c), "a": text(words, a)} for c, a in [*low, *high]],
            text(words, time))


def zeros(words: Words, dV: Any) -> list[dict[str, str]]:
    """Return positive multiples of squares that −V̇ holds: where it is zero, so are they."""
    p, r = remainder(words, words.apply(number(words, -dV)))
    g = words.symbol["g"]
    made = []
    for atom in (NORM(g), NORM1(g)):
        weight = p.coeff(atom)
        if sign(words.apply(weight)) == 2:
            return [{"z": "g", "by": "norm" if atom.func == NORM else "absolute",
                     "weight": text(words, weight)}]
    squared = _square(words, r)
    if squared:
        return squared
    top, bottom, roots = parts(r)
    for x in (g, *(words.symbol[n] for n in words.states)):
        held = [t / x**2 for t in sympy.Add.make_args(top)
                if t.as_powers_dict().get(x, 0) == 2 and sign(t / x**2 / bottom) == 2]
        if held:
            made.append({"z": str(x), "by": "square",
                         "weight": text(words, (sympy.Add(*held) / bottom).xreplace(roots))})
    return made


def _square(words: Words, r: Any) -> list[dict[str, str]]:
    """Return the square that r is a positive multiple of: (g + wθ)², for example."""
    factor, rest = sympy.Integer(1), []
    try:
        factors = sympy.factor_list(expand(r))[1] if r != 0 else []
    except (sympy.PolynomialError, TypeError):  # TypeError: powers with symbols are not sorted
        return []
    for f, power in factors:
        if power == 2 and f.has(words.symbol["g"]):
            rest.append(f)
        else:
            factor *= f**power
    if len(rest) != 1 or sign(factor) != 2:
        return []
    slope = sympy.diff(rest[0], words.symbol["g"])
    return [{"z": text(words, sympy.expand(rest[0] / slope)), "by": "square",
             "weight": text(words, factor * slope**2)}]
