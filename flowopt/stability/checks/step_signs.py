"""Check a set of stable steps by signs: each factor of Jury's conditions has one, or binds once.

A factor that does not bind has one sign on the domain, by the signs of its coefficients; a binding
one changes its sign once in the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.checks import sturm_chain as sturm
from flowopt.stability.checks.step_claim import Claim
from flowopt.stability.exact import Refused, read


def one_sign(poly: Any, claim: Claim) -> int | None:
    """Return the sign of a polynomial on the domain of a claim, else None."""
    return signed(poly, claim.ranges)


def signed(poly: Any, ranges: Mapping[str, str]) -> int | None:
    """Return the sign of a polynomial on a domain, from its coefficients, else None.

    β in [0, 1) is s/(1 + s), and in (0, 1] 1/(1 + s): a polynomial in s >= 0 over one that is > 0.
    """
    import sympy

    names = sorted(poly.free_symbols, key=str)
    if not names:
        return int(sympy.sign(poly))
    inside = {s: ranges.get(str(s)) for s in names}
    if None in inside.values():
        raise Refused("a symbol has no range")
    moved = poly
    for s, kind in inside.items():
        if kind in ("unit", "inner"):
            moved = moved.subs(s, s / (1 + s))
        elif kind == "portion":
            moved = moved.subs(s, 1 / (1 + s))
    above, below = sympy.fraction(sympy.together(moved))
    top, base = sympy.Poly(above, *names), sympy.Poly(below, *names)
    if all(c < 0 for c in base.coeffs()):
        top = -top
    elif not all(c > 0 for c in base.coeffs()):
        return None
    if top.is_zero:
        return 0
    signs = {bool(c > 0) for c in top.coeffs()}
    strict = any(all(k == 0 or inside[s] in ("positive", "inner")
                     for k, s in zip(powers, names, strict=True)) for powers in top.monoms())
    return None if len(signs) > 1 or not strict else 1 if signs.pop() else -1


def jury(p: list[Any]) -> list[Any]:
    """Return what must be > 0 for roots inside the circle, for degree 1 to 3 and lead > 0."""
    n = len(p) - 1
    plus, minus = sum(p), sum(c * (-1)**(n - i) for i, c in enumerate(p)) * (-1)**n
    if n == 1:
        return [plus, minus]
    if n == 2:
        return [plus, minus, p[0] - p[2]]
    if n == 3:
        first, last = p[0]**2 - p[3]**2, p[0] * p[2] - p[1] * p[3]
        return [plus, minus, p[0] - p[3], p[0] + p[3], first - last, first + last]
    raise Refused("the argument by signs is for at most three eigenvalues off 0")


def check_signs(claim: Claim, binding: Any, at: Mapping[Any, Any] | None = None) -> None:
    """Refuse unless Jury's conditions hold exactly below the least root of the binding factors.

    `at` puts values for symbols into these factors before the roots are compared.
    """
    import sympy

    p = list(claim.coefficients)
    while len(p) > 2 and p[-1] == 0:
        p.pop()
    lead = one_sign(p[0], claim)
    if not lead:
        raise Refused("the leading coefficient may vanish")
    p = [lead * c for c in p]
    factors = [read(t, claim.names, positive=claim.names) for t in binding]
    limits = [_limit_of(f, claim) for f in factors]
    seen: set[int] = set()
    never = False
    for condition in jury(p):
        constant, parts = sympy.factor_list(sympy.expand(condition))
        sign, bound = int(sympy.sign(constant)), 0
        for factor, power in parts:
            which = next((i for i, f in enumerate(factors)
                          if sympy.cancel(factor / f).is_Rational), None)
            if which is None:
                known = one_sign(factor, claim)
                if known is None:
                    known = _rootless(factor, claim)
                if not known:
                    raise Refused(f"the sign of the factor {factor} is not settled")
                sign *= known**power
                continue
            if power % 2 == 0 or bound:
                raise Refused("a binding factor must stand once in a condition")
            sign *= limits[which][1] * int(sympy.sign(sympy.cancel(factor / factors[which])))
            bound = 1
            seen.add(which)
        if sign <= 0:
            if bound:
                raise Refused("a condition fails before its root")
            never = True
    intervals = claim.options["intervals"]
    if never:
        if intervals or binding:
            raise Refused("a condition holds for no step")
        return
    if len(seen) != len(factors) or len(intervals) != 1 or intervals[0][0] != "0":
        raise Refused("the set must be one interval from 0, with all binding factors in use")
    given = intervals[0][1]
    if not factors:
        if given != "oo":
            raise Refused("nothing binds: there must be no limit")
        return
    stated = read(given, claim.names, positive=claim.names)
    parts = stated.args if isinstance(stated, sympy.Min) else (stated,)
    if len(parts) != len(limits):
        raise Refused("the limit must be the least of the roots")
    for part in parts:
        if not any(_vanishes(f.subs(at or {}), part, claim) for f in factors):
            raise Refused(f"{part} is no root of a binding factor")


def _limit_of(factor: Any, claim: Claim) -> tuple[Any, int]:
    """Return (factor, its sign before its only positive root), or refuse."""
    import sympy

    poly = sympy.Poly(factor, claim.step)
    rising = poly.all_coeffs()[::-1]
    signs = [one_sign(c, claim) for c in rising]
    kept = [s for s in signs if s]
    if None not in signs and kept and sum(a != b for a, b in zip(kept, kept[1:], strict=False)) \
            == 1:
        return factor, kept[0]
    n = poly.degree()  # a (u − s)ⁿ + b, n odd: monotone
    a, second = poly.all_coeffs()[:2]
    shift = sympy.cancel(-second / (n * a))
    rest = sympy.cancel(poly.as_expr() - a * (claim.step - shift)**n)
    slope = one_sign(sympy.numer(sympy.together(a)), claim)
    if n % 2 and n > 1 and not rest.has(claim.step) and slope and signs[0] == -slope:
        return factor, signs[0]
    raise Refused("a binding factor must have exactly one positive root")


def _vanishes(factor: Any, root: Any, claim: Claim) -> bool:
    """Return whether root > 0 is a zero of the factor, by expansion alone."""
    import sympy

    if sympy.expand(sympy.numer(sympy.together(factor.subs(claim.step, root)))) != 0:
        return False
    numbers = {s: sympy.Rational(1, 2) for s in root.free_symbols}
    return bool(root.subs(numbers) > 0)  # its sign is constant: it is never 0 on the domain


def _rootless(factor: Any, claim: Claim) -> int | None:
    """Return the sign of a polynomial in one product of symbols that has no positive root."""
    import sympy

    names = sorted(factor.free_symbols, key=str)
    poly = sympy.Poly(factor, *names)
    least = [min(m[i] for m in poly.monoms()) for i in range(len(names))]
    moved = [tuple(a - b for a, b in zip(m, least, strict=True)) for m in poly.monoms()]
    top = max(moved)
    g = sympy.gcd(list(top)) or 1
    base = tuple(int(k / g) for k in top)
    coefficients = [Fraction(0)] * (int(g) + 1)
    for m, c in zip(moved, poly.coeffs(), strict=True):
        k = next((m[i] // base[i] for i in range(len(base)) if base[i]), 0)
        if m != tuple(k * b for b in base):
            return None
        coefficients[int(g) - k] += Fraction(int(c.p), int(c.q))
    if sturm.isolate(coefficients):
        return None
    return 1 if sum(coefficients) > 0 else -1
