"""What must be shown to be >= 0 (or = 0) for each claim about V along a flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from flowopt.stability.checks.abstract_forms import number
from flowopt.stability.checks.abstract_rates import field
from flowopt.stability.checks.abstract_words import NORM, UNIT, S, Words
from flowopt.stability.checks.positivity import expand, is_zero, sign
from flowopt.stability.exact import Refused


def setting(statement: Mapping[str, Any]) -> tuple[Words, dict[Any, Any], Any]:
    """Return the words of a statement, the rates of its symbols, and V."""
    if statement["V"] is None:
        raise Refused("the claim names no V")
    if statement["domain"] is not None:
        raise Refused("an abstract loss has no box; the claim must hold everywhere")
    words = Words(statement)
    V, rates = words.read(statement["V"]), field(words, statement["system"]["rules"])
    return words, rates, V


def real(words: Words, expressions: list[Any]) -> None:
    """Refuse roots and logarithms of what may be negative, the conditions being met."""
    for expr in expressions:
        for power in expr.atoms(sympy.Pow):
            if not power.exp.is_Integer and not sign(words.apply(power.base)):
                raise Refused(f"{power.base} stands under a root and may be negative; assume that "
                              "it is not, as in 'v >= 0'")
        for log in expr.atoms(sympy.log):
            if sign(words.apply(log.args[0])) != 2:
                raise Refused(f"the logarithm of {log.args[0]} needs it to be positive")


def differentiable(words: Words, V: Any) -> None:
    """Refuse a V with the kink of a norm, or of a root, at 0.

    Where dV/dt is a quotient that cancels, as of √v with v̇ = −2√v, it is no derivative at 0.
    """
    loose = V.replace(lambda x: x.is_Pow and sign(words.apply(x.exp - 1)) == 2,
                      lambda x: x.base.args[0] if x.base.func == NORM else x.base)
    if "exponential_loss" in words.assumed and sign(words.apply(words.symbol["Q"])) == 2:
        # at θ = 0 each of the terms is 1, so that L < 1 keeps the motion away from it
        loose = loose.xreplace({NORM(words.symbol["theta"]): sympy.Symbol("r", positive=True)})
    if loose.has(NORM):
        raise Refused("V must be differentiable, and norm has a kink at 0; take its square")
    for power in loose.atoms(sympy.Pow):
        base = power.base
        if not power.exp.is_Integer and not base.free_symbols <= words.fixed and sign(
                words.apply(base)) != 2:
            raise Refused(f"V must be differentiable, and {power} is not where {base} is 0; "
                          "assume that it is positive")


def constant(words: Words, what: str, *expressions: Any) -> None:
    """Refuse what may change along a motion, where a claim is about all of the motion."""
    for expr in expressions:
        moving = sorted(map(str, expr.free_symbols - words.fixed))
        if moving:
            raise Refused(f"{what} must be made of parameters, and {moving[0]} may change along "
                          "a motion")


def invariant(statement: Mapping[str, Any], words: Words) -> None:
    """Refuse unless what is assumed of states stays: v̇ >= 0 where v = 0.

    Of t its sign may be assumed; an inequality must be about parameters.
    """
    for text, big, small, _ in words.conditions:
        constant(words, f"the assumption {text}", big, small)
    for name in words.states:
        if name in words.nonnegative | words.positive:
            rule = words.read(statement["system"]["rules"][name])
            if not sign(words.apply(rule.subs(words.symbol[name], 0))):
                raise Refused(f"{name} does not stay positive along the flow")
    for text, big, small, _ in words.conditions:
        if words.is_coordinate(big - small):
            raise Refused(f"{text} need not stay along the flow")
    if {"theta", "e", "g"} & (words.nonnegative | words.positive):
        raise Refused("a sign of theta, e or g need not stay along the flow")


def goals(statement: Mapping[str, Any], words: Words, V: Any, dV: Any,
          data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return (what, expression) for all that must be >= 0."""
    claim, options = statement["claim"], statement["options"]
    known = {"nonincreasing": {"bound"}, "decreasing": {"bound"}, "exponential": {"rate"},
             "finite_time": {"bound"}, "conserved": set(), "nonnegative": set(),
             "converges_to_critical_set": set()}
    if claim not in known:
        raise Refused(f"an abstract proof knows no claim {claim!r}")
    if set(options) - known[claim]:
        raise Refused(f"the claim {claim} has no option {sorted(set(options) - known[claim])[0]!r}")
    real(words, [V, *map(words.read, [*statement["system"]["rules"].values(),
                                      *options.values()])])
    differentiable(words, V)
    if claim in ("exponential", "finite_time", "converges_to_critical_set"):
        invariant(statement, words)
    if claim in ("nonincreasing", "decreasing"):
        if claim == "decreasing":
            settled(statement, words, V, data)
        least = strict(words, data) if claim == "decreasing" else sympy.Integer(0)
        if "bound" not in options:
            return [("-dV/dt", -dV - least)]
        bound = words.read(options["bound"])
        return [("(bound) - dV/dt", bound - dV), ("-(bound)", -bound - least)]
    if claim == "exponential":
        if "rate" not in options:
            raise Refused("the claim exponential needs its rate")
        r = words.read(options["rate"])
        constant(words, "the rate", r)
        return [("-(rate) V - dV/dt", -r * V - dV), ("V", V)]
    if claim == "nonnegative":
        return [("V", V)]
    if claim == "conserved":
        return [("dV/dt", dV), ("-dV/dt", -dV)]
    if claim == "finite_time":
        return _finite(statement, words, V, dV, data)
    settled(statement, words, V, data)
    return [("-dV/dt", -dV - strict(words, data)), *_bounded(words, V)]


def strict(words: Words, data: Mapping[str, Any]) -> Any:
    """Return Σ of positive multiples of z², |z| or ‖z‖, which are zero only where z is."""
    made = []
    for item in data["zero"]:
        z, weight = words.read(item["z"]), words.read(item["weight"])
        if sign(words.apply(weight)) != 2:
            raise Refused(f"the weight of {item['z']} must be positive")
        if item["by"] not in ("square", "absolute", "norm"):
            raise Refused("a zero is told by square, absolute or norm")
        made.append(S(weight * z**2) if item["by"] == "square" else
                    S(weight * sympy.Abs(z)) if item["by"] == "absolute" else weight * NORM(z))
    return sympy.Add(*made)


def at_zero(words: Words, rules: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules where every z of `data` is zero."""
    made = {k: words.read(text) for k, text in rules.items()}
    for item in data["zero"]:
        z = words.read(item["z"])
        name = next((c for c in ("g", *words.states) if sympy.diff(z, words.symbol[c]) == 1), None)
        if name is None:
            raise Refused(f"{item['z']} must hold g or a state with the factor 1")
        gone = {words.symbol[name]: words.symbol[name] - z}
        made = {k: v.subs(gone, simultaneous=True).replace(UNIT, lambda a: a if a == 0 else UNIT(a))
                for k, v in made.items()}
    return made


def settled(statement: Mapping[str, Any], words: Words, V: Any, data: Mapping[str, Any]) -> None:
    """Refuse unless dV/dt = 0 leaves only equilibria (decreasing) or critical points (LaSalle)."""
    rules = at_zero(words, statement["system"]["rules"], data)
    if statement["claim"] == "decreasing":
        moving = [k for k, v in rules.items() if not is_zero(v)]
        if moving:
            raise Refused(f"where dV/dt = 0, {moving[0]} still moves")
        return
    s = words.symbol
    if V.has(s["t"]):
        raise Refused("LaSalle's principle needs a V that does not hold t")
    for name in words.states:
        if name in words.positive:  # 0 may be a limit: the weights must be positive there too
            raise Refused(f"{name} may tend to 0, where {name} > 0 is lost; assume {name} >= 0")
    if any(v.has(s["t"], sympy.sign, sympy.Min, sympy.Max, UNIT, NORM, S) for v in map(
            words.read, statement["system"]["rules"].values())):
        raise Refused("LaSalle's principle needs a continuous field that does not hold t")
    names = [item["z"] for item in data["zero"]]
    if "g" in names:
        return
    for name in names:
        if name in words.states:
            slope = sympy.cancel(rules[name] / s["g"])
            if not slope.has(s["g"]) and 2 in (sign(words.apply(slope)), sign(words.apply(-slope))):
                return
    raise Refused("dV/dt = 0 for ever must force g = 0")



def _finite(statement: Mapping[str, Any], words: Words, V: Any, dV: Any,
            data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the goals of finite time.

    dV/dt <= −c Vᵃ with 0 < a < 1 gives T = V₀^{1−a}/(c(1−a)); with a second term −k Vᵇ, b > 1, it
    gives T = 1/(c(1−a)) + 1/(k(b−1)) from every start.
    """
    s = words.symbol
    motion = words.read(statement["system"]["rules"]["theta"])
    if words.states or not motion.free_symbols <= {s["g"], s["e"], *map(
            s.get, [*words.parameters, *words.positive])}:
        raise Refused("for finite time the flow must hold g and parameters only: what else it "
                      "holds might be infinite before")
    if s["e"] in motion.free_symbols and "half_square" not in words.assumed:
        raise Refused("for finite time the flow must hold g and parameters only")
    form = number(words, V)
    scales = [sympy.cancel(form / what) for what in (s["D"], S(s["e"]**2))]
    if not any(sign(words.apply(k)) == 2 and k.free_symbols <= words.fixed and not k.has(S)
               for k in scales):
        raise Refused("for finite time V must be L - Lstar or a square of the distance")
    laws = [(words.read(law["c"]), words.read(law["a"])) for law in data["laws"]]
    for c, a in laws:
        constant(words, "the law of V", c, a)
        if sign(words.apply(c)) != 2:
            raise Refused("the factor of a power of V must be positive")
    (c, a), *more = laws
    if sign(words.apply(a)) != 2 or sign(words.apply(1 - a)) != 2:
        raise Refused("the exponent of V must be in (0, 1)")
    if more:
        ((k, b),) = more
        if sign(words.apply(b - 1)) != 2:
            raise Refused("the second exponent of V must be above 1")
        times = [1 / (c * (1 - a)), 1 / (k * (b - 1))]
    else:
        times = [s["V0"]**(1 - a) / (c * (1 - a))]
    terms = sympy.Add.make_args(words.read(statement["options"]["bound"]))
    if not any(len(order) == len(terms) and all(map(_same, terms, order))
               for order in (times, times[::-1])):
        raise Refused(f"the time that follows is {sympy.Add(*times)}")
    return [("-dV/dt - c V^a", -dV - sympy.Add(*[c * sympy.expand_power_base(V**a)
                                                 for c, a in laws])), ("V", V)]


def _same(first: Any, second: Any) -> bool:
    """Return whether two products of powers are equal: their quotient is 1."""
    return is_zero(expand(sympy.expand_power_base(first / second)) - 1)


def _bounded(words: Words, V: Any) -> list[tuple[str, Any]]:
    """V − L >= 0: then the sublevel sets of V are bounded where those of L are."""
    if not {"coercive", "bounded"} & words.assumed:
        raise Refused("LaSalle needs bounded motions: assume coercive (L has bounded sublevel "
                      "sets) or bounded")
    if "bounded" in words.assumed:
        return []
    s = words.symbol
    rest = number(words, V - s["Lstar"] - s["D"])
    for name in words.states:
        weight = rest.coeff(S(s[name]**2))
        if sign(words.apply(weight)) != 2:
            raise Refused(f"V does not bound the state {name}; assume bounded instead")
    return [("V - L", rest)]
