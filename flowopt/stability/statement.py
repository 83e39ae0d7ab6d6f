"""What is claimed, as data, and the sentence that it stands for.

A statement is a dict of plain data, so that a verdict can be stored, loaded and checked again:

    {"claim": NAME, "system": {...}, "V": text or None, "assumptions": [text, ...],
     "domain": {"box": [["a", "b"], ...]} or None, "options": {name: text}}

All numbers in it are texts of rationals, all expressions texts of the rule language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowopt import _check
from flowopt.stability.exact import Refused, rational, write

#: each claim with what it says; the words in braces come from the statement
CLAIMS = {
    "nonincreasing": "dV/dt <= 0{bound}{along}",
    "decreasing": "dV/dt < 0 off the equilibria{bound}{along}",
    "exponential": "dV/dt <= -({rate})*V{along}, so that V(t) <= V(0)*exp(-({rate})*t){within}",
    "finite_time": "the motion{of} reaches a critical point {bound}",
    "conserved": "dV/dt = 0{along}: V is a first integral",
    "stable": "the equilibrium {at} is Lyapunov stable{of}",
    "asymptotically_stable": "the equilibrium {at} is {scope}asymptotically stable{of}",
    "finite_time_stable": "the equilibrium {at} is finite-time stable{of}",
    "unstable": "the equilibrium {at} is unstable{of}",
    "region": "every motion that starts in {{V <= {level}}} stays there and tends to {at}{of}",
    "converges_to_critical_set": "every bounded motion tends to the set of critical points{of}",
    "no_fixed_point": "where {where}, a step moves theta by at least {bound}; so no point with "
                      "g = 0 that is a limit of such points is a stable fixed point{of}",
    "flip": "the flip at the critical point in {at}, where lr = 2/L'', is {kind}{of}",
    "cycle": "there is {kind} cycle of period two with a point in {at}{of}",
    "rate": "|theta_k - theta*| <= C*({rate})**k for all k, with a C that is free of k{of}",
    "recursion": "V+ <= {bound}{along}",
    "positive": "V > 0 off {at}",
    "nonnegative": "V >= 0",
    "spectral_radius": "the largest modulus of an eigenvalue is {rate}, at {at} and at no lam "
                       "more{of}",
    "step_limit": "the iteration is asymptotically stable exactly for {bound}{of}",
}
#: claims about motions as a whole: not one for each state
OF_MOTIONS = ("stable", "asymptotically_stable", "finite_time_stable", "unstable", "region",
              "converges_to_critical_set", "finite_time", "flip", "cycle", "step_limit")
#: how far a claim of asymptotic stability reaches
SCOPES = ("local", "global")
_DEFAULTS = {"at": "0", "scope": "", "rate": "r", "bound": "", "level": "r", "where": "g != 0",
             "kind": "a"}


def flow_system(flow: Any) -> dict[str, Any]:
    """Return the data of a flow: its rules for an abstract loss in any dimension."""
    if not flow.rules:
        raise ValueError(f"{flow.name} is a function, and only a flow given by rules can be proved "
                         "about; write it as flowopt.Flow('...')")
    rules = {k: r.text if hasattr(r, "text") else write(r) for k, r in flow.rules.items()}
    return {"kind": "flow", "rules": rules, "parameters": list(flow.parameters),
            "positive": sorted(flow.positive)}


def field_system(field: Any) -> dict[str, Any]:
    """Return the data of a vector field: its equations, with its parameters as rationals."""
    import sympy

    if field.is_kernel:
        raise ValueError(f"{field.name} is made of compiled functions, and only a field given by "
                         "expressions can be proved about")
    equations = [sympy.sympify(e) for e in field.equations]
    named = {str(s): s for s in field.system.parameters}
    parameters = {}
    for name, value in field.parameters.items():
        if not abs(value) < float("inf"):
            limit = sympy.oo if value > 0 else -sympy.oo if value < 0 else sympy.nan
            equations = [e.subs(named[name], limit) for e in equations]
        else:
            parameters[name] = str(rational(value))
    return {"kind": "field", "equations": [write(e) for e in equations],
            "variables": [str(s) for s in field.symbols], "parameters": parameters,
            "time": str(field.system.time)}


def map_system(equations: Sequence[Any], variables: Sequence[Any],
               parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the data of a map x⁺ = f(x)."""
    return {"kind": "map", "equations": [write(e) for e in equations],
            "variables": [str(v) for v in variables],
            "parameters": {k: str(rational(v)) for k, v in (parameters or {}).items()}}


def box_domain(box: Any, n: int) -> dict[str, Any] | None:
    """Return the data of a closed box, given as n pairs (a, b); None is the whole space."""
    if box is None:
        return None
    made = []
    for k, pair in enumerate(_check.pairs("domain", box, n)):
        try:
            a, b = (rational(v) for v in pair)
        except (TypeError, ValueError):
            raise ValueError(f"domain[{k}] must be a pair of finite numbers, got "
                             f"{_check.shown(pair)}") from None
        if not a < b:
            raise ValueError(f"domain[{k}] must have its lower end first, got ({a}, {b})")
        made.append([str(a), str(b)])
    return {"box": made}


def statement(claim: str, system: Mapping[str, Any], V: Any = None, *, domain: Any = None,
              assumptions: Sequence[str] = (), **options: Any) -> dict[str, Any]:
    """Return the data of a claim.

    Examples
    --------
    >>> import flowopt as fo
    >>> made = statement("nonincreasing", flow_system(fo.flows.GradientFlow()), "L")
    >>> print(sentence(made))
    For all n >= 1, every C1 loss L and every state: V = L has dV/dt <= 0 along theta' = -g.
    """
    _check.choice("claim", claim, tuple(CLAIMS))
    if options.get("scope") is not None:
        _check.choice("scope", options["scope"], SCOPES)
    return {"claim": claim, "system": dict(system),
            "V": None if V is None else V if isinstance(V, str) else write(V),
            "domain": domain, "assumptions": [str(a) for a in assumptions],
            "options": {k: _text(v) for k, v in options.items() if v is not None}}


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return [_text(v) for v in value]
    return write(value)


def sentence(made: Mapping[str, Any]) -> str:
    """Return the exact quantified sentence of a statement."""
    try:
        return _sentence(made)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise Refused(f"the statement is malformed ({error!r})") from None


def _sentence(made: Mapping[str, Any]) -> str:
    system = made["system"]
    twice = {*system.get("variables", ())} & {*system.get("parameters", ())}
    if twice:
        raise Refused(f"the name {min(twice)} has two meanings: a variable and a parameter")
    if system["kind"] == "none" and system.get("equations"):
        raise Refused("the sentence of a system without motion does not show its equations")
    options = {**_DEFAULTS, **{k: _shown(v) for k, v in made["options"].items()}}
    motion = _motion(made["system"])
    whole = made["claim"] in OF_MOTIONS and made["system"]["kind"] in ("field", "map")
    words = {**options, "within": " as long as it stays in the box" if made["domain"] else "",
             "along": f" along {motion}" if motion else "",
             "of": f" of {motion}" if motion and not whole else ""}
    if made["claim"] in ("nonincreasing", "decreasing"):
        words["bound"] = f", and dV/dt <= {options['bound']}" if options["bound"] else ""
    if made["claim"] == "finite_time":
        words["bound"] = (f"no later than T = {options['bound']}" if options["bound"]
                          else "in finite time")
    if words["scope"]:
        if words["scope"] not in SCOPES:  # "exponential" would claim more than any check shows
            raise Refused(f"the scope must be {' or '.join(SCOPES)}")
        words["scope"] += "ly "
    body = CLAIMS[made["claim"]].format(**words)
    if made["system"]["kind"] in ("map", "optimizer"):
        body = body.replace("dV/dt", "V+ - V")
    if made["V"] is not None:
        body = (f"V = {made['V']} has {body}" if body.startswith(("dV/dt", "V+"))
                else f"with V = {made['V']}, {body}")
    text = f"{_quantifier(made, motion if whole else '')}: {body}."
    return text[0].upper() + text[1:]


def _shown(value: Any) -> str:
    return "(" + ", ".join(map(str, value)) + ")" if isinstance(value, list) else str(value)


def _motion(system: Mapping[str, Any]) -> str:
    if system["kind"] == "flow":
        return ", ".join(f"{k}' = {v}" for k, v in system["rules"].items())
    if system["kind"] == "none":
        return ""
    mark = "'" if system["kind"] == "field" else "+"
    at = "".join(f" with {g} = grad L({p})" for g, p in system.get("gradients", {}).items())
    text = ", ".join(f"{v}{mark} = {e}" for v, e in
                     zip(system["variables"], system["equations"], strict=True))
    values = ", ".join(f"{k} = {v}" for k, v in system["parameters"].items())
    return (f"{text} ({values})" if values else text) + at


#: what a Frank-Wolfe step asks: its set must hold the minimiser that L* and theta* are of
_ORACLE = "is a linear minimisation oracle"


def _order(made: Mapping[str, Any]) -> int:
    """Return how often the loss must be differentiable: twice where g moves, or H stands."""
    system, V = made["system"], made["V"] or ""
    if system["kind"] != "flow":
        return 1
    texts = [V, *system["rules"].values(), *map(str, made["options"].values())]
    moves = made["claim"] != "nonnegative" and re.search(r"\bg\b", V)
    return 2 if moves or any(re.search(r"\bH(inv)?\(", t) for t in texts) else 1


def _quantifier(made: Mapping[str, Any], motion: str) -> str:
    system = made["system"]
    assumed = list(made["assumptions"])
    if motion:
        box = made["domain"]["box"] if made["domain"] else ()
        text = f"for {motion}" + "".join(
            f"{', on ' if k == 0 else ' x '}[{a}, {b}]" for k, (a, b) in enumerate(box))
    elif system["kind"] in ("flow", "optimizer"):
        parts = ["for all n >= 1", f"every C{_order(made)} loss L", "every state"]
        assumed = [f"{a} over a set that holds theta*" if a.endswith(_ORACLE) else a
                   for a in assumed]
        if system["positive"]:
            parts.append("all " + ", ".join(system["positive"]) + " > 0")
        text = ", ".join(parts[:-1]) + " and " + parts[-1]
    elif made["domain"]:
        names = system.get("variables") or [f"x{k + 1}" for k in range(len(made["domain"]["box"]))]
        text = "for all " + ", ".join(f"{v} in [{a}, {b}]" for v, (a, b) in
                                      zip(names, made["domain"]["box"], strict=True))
    else:
        text = "for all " + ", ".join(system.get("variables", ["x"])) + " in R"
    return f"{text}, given {'; '.join(assumed)}" if assumed else text
