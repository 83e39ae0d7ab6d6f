"""Check of flips and cycles of period two of gradient descent on a polynomial loss of one variable.

x⁺ = f(x) = x − h g(x). A cycle (a, b) solves f(f(x)) = x without f(x) = x; it is stable when
|f'(a) f'(b)| < 1. A flip at g = 0, h = 2/g' is supercritical when 3 g''² > g' g'''. All signs at a
root are found by Sturm counts on intervals that hold this root alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.exact import Refused, rational, read

TRUST = "A"
KINDS = {1: "a stable", -1: "an unstable"}
FLIPS = {1: "supercritical (a stable cycle is born beyond it)",
         -1: "subcritical (an unstable cycle dies on it)"}


def polynomial(text: str, names: list[str]) -> Any:
    """Return a polynomial over the rationals, in the first name."""
    import sympy

    expr = read(text, names)
    symbols = [sympy.Symbol(n, real=True) for n in names]
    try:
        return sympy.Poly(expr, *symbols, domain=sympy.QQ)
    except (sympy.PolynomialError, sympy.CoercionFailed):
        raise Refused(f"{text} is no polynomial with rational coefficients") from None


def sign_at(p: Any, q: Any, low: Any, high: Any) -> int:
    """Return the sign of q at the only root of p in [low, high], exactly.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> sign_at(sympy.Poly(x**2 - 2), sympy.Poly(x - sympy.Rational(7, 5)), 1, 2)
    1
    """
    import sympy

    low, high = sympy.Rational(low), sympy.Rational(high)
    p = p.quo(p.gcd(p.diff()))
    if p.count_roots(low, high) != 1:
        raise Refused(f"there is not exactly one root in [{low}, {high}]")
    common = p.gcd(q)
    if q.is_zero or (common.degree() > 0 and common.count_roots(low, high)):
        return 0
    while low != high and q.count_roots(low, high):  # halve until q has no root left in it
        middle = (low + high) / 2
        if p.count_roots(low, middle):
            high = middle
        else:
            low = middle
    value = q.eval(low)
    return int(bool(value > 0)) - int(bool(value < 0))


def two_step(f: Any) -> tuple[Any, Any]:
    """Return (f∘f − x)/(f − x) and the derivative of f∘f."""
    x = f.gen
    import sympy

    identity = sympy.Poly(x, x, domain=f.domain)
    twice = f.compose(f)
    pairs, rest = (twice - identity).div(f - identity)
    if not rest.is_zero:
        raise Refused("f(f(x)) - x is no multiple of f(x) - x")
    return pairs, f.diff() * f.diff().compose(f)


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the flip or the cycle is of the kind that the statement says."""
    system, options = statement["system"], statement["options"]
    if system["kind"] != "map" or len(system["variables"]) != 1 or system["parameters"] or len(
            system["equations"]) != 1:
        raise Refused("the map must be one equation in one variable")
    if statement["V"] is not None or statement["domain"] or statement["assumptions"] or set(
            options) != {"at", "kind"}:
        raise Refused("the statement must have the options at and kind, and nothing else")
    low, high = (rational(v) for v in options["at"])
    name = system["variables"][0]
    if name == "lr":
        raise Refused("the variable must not be named as the step")
    if statement["claim"] == "flip":
        found = _flip(polynomial(system["equations"][0], [name, "lr"]), low, high)
        kind = FLIPS.get(found["criterion"])
    elif statement["claim"] == "cycle":
        found = _cycle(polynomial(system["equations"][0], [name]), low, high)
        kind = KINDS.get(found["stable"])
    else:
        raise Refused("the claim must be flip or cycle")
    if dict(data) != {k: str(v) for k, v in found.items()}:
        raise Refused("the signs are not those of the certificate")
    if options["kind"] != kind:
        raise Refused(f"it is {kind or 'degenerate'}")


def _flip(f: Any, low: Any, high: Any) -> dict[str, int]:
    import sympy

    x, lr = f.gens
    rest = sympy.Poly(x - f.as_expr(), lr)
    if rest.degree() != 1 or rest.nth(0) != 0:
        raise Refused("the map must be x - lr*g(x)")
    g = sympy.Poly(rest.nth(1), x, domain=sympy.QQ)
    slope, second, third = g.diff(), g.diff().diff(), g.diff().diff().diff()
    if sign_at(g, slope, low, high) <= 0:
        raise Refused("the critical point is no minimum with L'' > 0")
    return {"curvature": 1, "criterion": sign_at(g, 3 * second**2 - slope * third, low, high)}


def _cycle(f: Any, low: Any, high: Any) -> dict[str, int]:
    pairs, slope = two_step(f)
    if sign_at(pairs, f - _identity(f), low, high) == 0:
        raise Refused("this is a fixed point")
    below, above = sign_at(pairs, slope - 1, low, high), sign_at(pairs, slope + 1, low, high)
    return {"minus_one": below, "plus_one": above,
            "stable": 1 if below < 0 < above else 0 if below * above == 0 else -1}


def _identity(f: Any) -> Any:
    import sympy

    return sympy.Poly(f.gen, f.gen, domain=f.domain)


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    low, high = statement["options"]["at"]
    if statement["claim"] == "flip":
        return [f"g = L' has exactly one root in [{low}, {high}] (Sturm), and g' > 0 there.",
                "3 g''^2 - g' g''' is " + ("positive" if data["criterion"] == "1" else "negative")
                + " at this root (Sturm), and its sign is that of the cubic coefficient of the "
                "second iterate at lr = 2/g'."]
    return [f"(f(f(x)) - x)/(f(x) - x) has exactly one root a in [{low}, {high}] (Sturm), and "
            "f(a) != a: a and b = f(a) are a cycle, so (L'(a) - L'(b))/(a - b) = 2/lr.",
            f"f'(a) f'(b) - 1 has the sign {data['minus_one']} and f'(a) f'(b) + 1 the sign "
            f"{data['plus_one']} there (Sturm)."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [line.replace("^", r"\^{}").replace("!=", r"$\ne$") for line in explain(statement, data)]
