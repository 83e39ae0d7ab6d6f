"""The inequalities slack >= 0 that a proof on an abstract loss may use, and what each assumes.

With D = L − L* and e = θ − θ*, where θ* is a minimiser of L and L* = L(θ*). The inequalities of
convex, smooth and strongly convex losses are those of Nesterov, Lectures on Convex Optimization
(2018), Theorems 2.1.5 and 2.1.10; PL is Polyak's (1963).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from flowopt.stability.checks.abstract_words import CONVEX, MAXABS, NORM, NORM1, H, S, Words
from flowopt.stability.exact import Refused

#: lemma -> (assumptions on the loss, any set of which is enough; as it is written)
LOSS_LEMMAS: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "convex": ((("convex",), ("strongly_convex",)), "<g, e> >= L - L*"),
    "strong convexity": ((("strongly_convex",),), "<g, e> >= L - L* + (mu/2) ||e||^2"),
    "growth": ((("strongly_convex",),), "L - L* >= (mu/2) ||e||^2"),
    "PL": ((("PL",), ("strongly_convex",)), "||g||^2 >= 2 mu (L - L*)"),
    "smooth, above": ((("smooth",),), "(ell/2) ||e||^2 >= L - L*"),
    "smooth, below": ((("smooth",),), "2 ell (L - L*) >= ||g||^2"),
    "interpolation": ((("smooth", "convex"), ("smooth", "strongly_convex")),
                      "<g, e> >= L - L* + ||g||^2/(2 ell)"),
    "margins": ((("exponential_loss",),),
                "-<g, theta> >= -L log(L), as every margin is >= -log(L)"),
}
#: lemma -> as it is written, with its vectors
VECTOR_LEMMAS = {
    "convex Hessian": "<{0}, H {0}> >= 0",
    "strongly convex Hessian": "<{0}, H {0}> >= mu ||{0}||^2",
    "smooth Hessian": "ell ||{0}||^2 >= <{0}, H {0}>", "norms": "||{0}||_1 >= ||{0}||",
    "largest": "||{0}|| >= max |{0}_i|", "Cauchy-Schwarz": "||{0}||^2 ||{1}||^2 >= <{0}, {1}>^2",
    "square": "({0})^2 >= 0", "condition": "{0}", "oracle": "<g, theta* - {0}(g)> >= 0",
    "operator": "<{1}, {0}({1})> >= 0", "monotone": "<d{0}({1}) - d{0}({2}), ({1}) - ({2})> >= 0",
    "gradient": "{0}({1}) - {0}({2}) >= <d{0}({2}), ({1}) - ({2})>",
    "metric": "<{2}, H{0}({1}, {2})> >= 0", "inverse metric": "<{2}, H{0}({1})^-1 {2}> >= 0",
    "power": "a >= b >= 0 gives a^p >= b^p for p > 0, for {0} with p = {1}",
}


def _needs(words: Words, *choices: tuple[str, ...]) -> None:
    if not any(set(c) <= words.assumed for c in choices):
        raise Refused("a lemma is used whose assumption is not made: "
                      + " or ".join(" and ".join(c) for c in choices))


def loss_lemma(words: Words, name: str) -> tuple[Any, Any]:
    """Return (big, small) of a lemma on the loss, big >= small, after its assumptions."""
    _needs(words, *LOSS_LEMMAS[name][0])
    s = words.symbol
    g, e, D = s["g"], s["e"], s["D"]
    mu: Any = s.get("mu")
    ell: Any = s.get("ell")
    made = {"convex": lambda: (S(g * e), D),
            "strong convexity": lambda: (S(g * e), D + mu * S(e**2) / 2),
            "growth": lambda: (D, mu * S(e**2) / 2),
            "PL": lambda: (S(g**2), 2 * mu * D),
            "smooth, above": lambda: (ell * S(e**2) / 2, D),
            "smooth, below": lambda: (2 * ell * D, S(g**2)),
            "margins": lambda: (-S(g * s["theta"]), s["Q"] * sympy.exp(-s["Q"])),
            "interpolation": lambda: (S(g * e), D + S(g**2) / (2 * ell))}
    return made[name]()


def slack(words: Words, item: Mapping[str, Any]) -> Any:
    """Return the expression that a lemma says is not negative.

    Raises
    ------
    Refused
        For a lemma that is not known, or whose assumption is not made.
    """
    name, given = item["lemma"], list(item.get("with", []))
    if name in LOSS_LEMMAS:
        if given:
            raise Refused(f"the lemma {name} takes no vectors")
        big, small = loss_lemma(words, name)
        return big - small
    if name not in VECTOR_LEMMAS:
        raise Refused(f"there is no lemma {name!r}")
    if name == "power":
        return _power(words, given)
    if name == "condition":
        for text, big, small, _ in words.conditions:
            if [text] == given:
                return big - small
        raise Refused(f"{given} is not assumed")
    return _vector_lemma(words, name, given)


def _power(words: Words, given: list[str]) -> Any:
    """Return Aᵖ − Bᵖ for A >= B >= 0 and p > 0, where A = Σgᵢ² is written ‖g‖²."""
    from flowopt.stability.checks.positivity import sign

    base, exponent = given
    if base not in ("PL", "smooth, below"):
        raise Refused("powers are taken of PL and of smoothness only")
    big, small = (v.replace(S, _norm) for v in loss_lemma(words, base))
    p = words.read(exponent)
    if sign(words.apply(p)) != 2 or sign(small) == 0:
        raise Refused("the exponent of a power must be positive, and its base not negative")
    return sympy.expand_power_base(big**p) - sympy.expand_power_base(small**p)


def _norm(inner: Any) -> Any:
    return NORM(inner.base)**2


def _vector_lemma(words: Words, name: str, given: list[str]) -> Any:
    function = words.vector_functions
    if name in ("operator", "monotone", "gradient", "metric", "inverse metric"):
        K, vectors = given[0], [words.read(v) for v in given[1:]]
        kinds = {"operator": ("operator",), "monotone": CONVEX, "gradient": CONVEX}
        if words.functions.get(K) not in kinds.get(name, ("Legendre",)):
            raise Refused(f"nothing says of {K} what the lemma {name} needs")
        if name == "operator":
            (a,) = vectors
            return S(a * function[K](a))
        a, b = vectors
        if name == "monotone":
            return S((function[f"d{K}"](a) - function[f"d{K}"](b)) * (a - b))
        if name == "gradient":
            return function[K](a) - function[K](b) - S(function[f"d{K}"](b) * (a - b))
        return S(b * function[f"H{K}" + ("inv" if name[0] == "i" else "")](a, b))
    if name == "oracle":
        (oracle,) = given
        if words.functions.get(oracle) != "oracle":
            raise Refused(f"nothing says that {oracle} is a linear minimisation oracle")
        s = words.symbol
        return S(s["g"] * (s["theta"] - s["e"] - function[oracle](s["g"])))
    vectors = [words.read(v) for v in given]
    if name == "Cauchy-Schwarz":
        a, b = vectors
        return NORM(a)**2 * NORM(b)**2 - S(a * b)**2
    (a,) = vectors
    if name == "square":
        return a**2
    if not words.is_coordinate(a):
        raise Refused(f"the lemma {name} takes a vector")
    if name == "norms":
        return NORM1(a) - NORM(a)
    if name == "largest":
        return NORM(a) - MAXABS(a)
    if name == "convex Hessian":
        _needs(words, ("convex",), ("strongly_convex",))
        return S(a * H(a))
    if name == "strongly convex Hessian":
        _needs(words, ("strongly_convex",))
        return S(a * H(a)) - words.symbol["mu"] * S(a**2)
    _needs(words, ("smooth",))
    return words.symbol["ell"] * S(a**2) - S(a * H(a))
