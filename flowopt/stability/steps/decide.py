"""From conditions c(u, λ, β, …) > 0 to the stable steps u, in closed form where they have one.

Three arguments, in this order. *Scale*: when all conditions are polynomials in one product
z = u·λ^a·…, the set is that of z, exactly. *Signs*: a factor whose coefficients have one sign is
dropped; one whose coefficients, ordered by powers of u, change sign once has exactly one positive
root (Descartes); a(u − s)ⁿ + b with n odd has exactly one real root. *Numbers*: the given
hyper-parameters take the place of their symbols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowopt.stability.algebra.domain import sign_on
from flowopt.stability.algebra.roots import Root, holds_where, positive_roots
from flowopt.stability.algebra.schur import conditions as schur_conditions


@dataclass(frozen=True)
class End:
    """An end of an interval of stable steps.

    Attributes
    ----------
    expr : sympy.Expr or None
        In closed form.
    root : Root or None
        The exact number z, where the end is z·scale.
    scale : sympy.Expr
        1, or such as 1/λ.
    """

    expr: Any
    root: Root | None = None
    scale: Any = 1


@dataclass(frozen=True)
class Decided:
    """The stable steps as a union of open intervals, and why.

    `binding` are the factors whose roots are the limit (for the argument by signs).
    """

    intervals: tuple[tuple[End, End], ...]
    how: str
    binding: tuple[Any, ...] = ()
    scale: Any = 1


def prepared(coefficients: Sequence[Any], step: Any, domain: Mapping[str, str]) -> list[Any]:
    """Return the coefficients of p(ζ) as polynomials without common factor, the first one > 0.

    Trailing zeros, which are roots ζ = 0, are left out.
    """
    import sympy

    exprs = [sympy.sympify(c) for c in coefficients]
    while len(exprs) > 2 and exprs[-1] == 0:
        exprs.pop()
    gens = sorted({s for e in exprs for s in e.free_symbols} | {step}, key=str)
    if not all(e.is_polynomial(*gens) for e in exprs):
        split = [sympy.fraction(sympy.cancel(sympy.together(e))) for e in exprs]
        below = sympy.Integer(1)
        for _, den in split:
            below = sympy.lcm(below, den)
        exprs = [sympy.cancel(num * below / den) for num, den in split]
    polys = [sympy.Poly(e, *gens, domain="QQ") for e in exprs]
    inside = {**{str(s): "positive" for s in gens}, **domain}
    common = polys[0]
    if len(polys[0].terms()) > 1 or polys[0].total_degree() > 0:
        for p in polys[1:]:
            common = common.gcd(p)
        if common.total_degree() > 0 and sign_on(common.as_expr(), inside) in (1, -1):
            polys = [p.quo(common) for p in polys]
    lead = sign_on(polys[0].as_expr(), inside)
    if lead is None:
        polys = [p * polys[0] for p in polys]
    elif lead < 0:
        polys = [-p for p in polys]
    return [p.as_expr() for p in polys]


# ------------------------------------------------------------------ by scale
def scaled(polys: Sequence[Any], step: Any) -> tuple[Any, list[Any]] | None:
    """Return (scale, the polynomials in z) when with step = z·scale only z is left, else None.

    A monomial of positive symbols that all polynomials share is dropped.
    """
    import sympy

    z = sympy.Symbol("z")
    names = sorted({s for p in polys for s in p.free_symbols} - {step}, key=str)
    rows = [dict(sympy.Poly(p, step, *names, domain="QQ").terms()) for p in polys]
    rows = [{m: c for m, c in row.items() if c != 0} for row in rows]
    every = [m for row in rows for m in row]
    if not every:
        return None
    first = every[0]
    direction: tuple[Any, ...] | None = None
    for powers in every:
        k = powers[0] - first[0]
        shift = tuple(sympy.Rational(a - b) for a, b in zip(powers[1:], first[1:], strict=True))
        if k == 0 and any(shift):
            return None
        if k:
            here = tuple(s / k for s in shift)
            if direction is None:
                direction = here
            elif here != direction:
                return None
    least = min(m[0] for m in every)
    made = [sympy.Poly.from_dict({(m[0] - least,): c for m, c in row.items()} or {(0,): 0}, z,
                                 domain="QQ") for row in rows]
    direction = direction or (0,) * len(names)
    return sympy.Mul(*[s**-e for s, e in zip(names, direction, strict=True)]), made


def by_scale(coefficients: Sequence[Any], step: Any) -> Decided | None:
    """Return the exact set where p(ζ) depends on one product step/scale alone, else None.

    Parameters
    ----------
    coefficients : sequence of sympy.Expr
        Of p, of ζⁿ first and that > 0: polynomials in the step and other symbols.
    """
    found = scaled(coefficients, step)
    if found is None:
        return None
    scale, polys = found
    return Decided(tuple((_end(a, scale, 0), _end(b, scale, None))
                         for a, b in holds_where(schur_conditions(polys))), "scale", (), scale)


def _end(root: Root | None, scale: Any, default: Any) -> End:
    import sympy

    if root is None:
        return End(sympy.Integer(0) if default == 0 else sympy.oo)
    return End(None if root.closed is None else root.closed * scale, root, scale)


# ------------------------------------------------------------------ by signs
def by_signs(conditions: Sequence[Any], step: Any, domain: Mapping[str, str]) -> Decided | None:
    """Return the set (0, limit) where each condition has at most one positive root, else None."""
    import sympy

    inside = {**domain, str(step): "positive"}
    limits: list[tuple[Any, Any]] = []
    for condition in conditions:
        constant, factors = sympy.factor_list(condition)
        sign, own = (1 if constant > 0 else -1 if constant < 0 else 0), []
        if sign == 0:
            return Decided((), "signs")
        for factor, power in factors:
            known = fixed_sign(factor, step, inside)
            if known is not None:
                sign *= known**power
                continue
            found = only_root(factor, step, domain)
            if found is None or power % 2 == 0:
                return None
            root, before = found
            sign *= before
            own.append((root, factor))
        if len(own) > 1 or (sign < 0 and own):
            return None
        if sign < 0:
            return Decided((), "signs")
        limits += own
    limits = _least(limits, domain)
    ends = [root for root, _ in limits]
    limit = sympy.oo if not ends else ends[0] if len(ends) == 1 else sympy.Min(*ends)
    return Decided(((End(sympy.Integer(0)), End(limit)),), "signs",
                   tuple(factor for _, factor in limits))


def fixed_sign(factor: Any, step: Any, inside: Mapping[str, str]) -> int | None:
    """Return the sign that a factor has for all steps > 0 and all parameters, else None."""
    known = sign_on(factor, inside)
    if known:
        return known
    found = scaled([factor], step)
    if found is None:
        return None
    poly = found[1][0]
    if positive_roots(poly):
        return None
    return 1 if poly.eval(1) > 0 else -1


def only_root(factor: Any, step: Any, domain: Mapping[str, str]) -> tuple[Any, int] | None:
    """Return (the only positive root, the sign before it) of a factor in closed form, else None."""
    import sympy

    poly = sympy.Poly(factor, step)
    rising = poly.all_coeffs()[::-1]
    signs = [sign_on(c, domain) for c in rising]
    if None not in signs and 1 <= poly.degree() <= 2:
        kept = [s for s in signs if s]
        if sum(a != b for a, b in zip(kept, kept[1:], strict=False)) == 1:
            if poly.degree() == 1:
                return upright(sympy.factor(-rising[0] / rising[1]), domain), kept[0]
            a, b, c = rising[2], rising[1], rising[0]
            if sign_on(c, domain) == 0:
                return None
            inner = sympy.factor(b**2 - 4 * a * c)
            # a and c have opposite signs: the positive root, without cancellation of signs
            up = 1 if sign_on(a, domain) == 1 else -1
            root = (-b * up + sympy.sqrt(inner)) / (2 * a * up)
            return sympy.simplify(root), kept[0]
    if poly.degree() >= 3 and poly.degree() % 2:
        return _binomial(poly, step, domain)
    return None


def upright(expr: Any, domain: Mapping[str, str]) -> Any:
    """Return a product with its factors < 0 turned round: 2/(1 − β) for −2/(β − 1)."""
    import sympy

    made = sympy.Integer(1)
    for part in sympy.Mul.make_args(expr):
        base, power = part.as_base_exp()
        if isinstance(base, sympy.Add) and power.is_Integer and sign_on(base, domain) == -1:
            made *= sympy.Mul(-1, base, evaluate=True)**power * (-1)**power
        else:
            made *= part
    return made


def _binomial(poly: Any, step: Any, domain: Mapping[str, str]) -> tuple[Any, int] | None:
    """Return the root of a(u − s)ⁿ + b, n odd."""
    import sympy

    n = poly.degree()
    rows = poly.all_coeffs()
    a, second = rows[0], rows[1]
    for k in range(2, n):  # the k-th coefficient of a(u − s)ⁿ, s = −second/(n a)
        if sympy.expand(rows[k] * (n * a)**k - a * sympy.binomial(n, k) * second**k) != 0:
            return None
    shift = sympy.cancel(-second / (n * a))
    rest = sympy.cancel(rows[n] - a * (-shift)**n)
    before = sign_on(poly.eval(0), domain)
    if not before or sign_on(sympy.fraction(sympy.together(a * before))[0], domain) != -1:
        return None
    ratio = sympy.factor(-rest / a)
    sign = sign_on(sympy.fraction(ratio)[0] * sympy.fraction(ratio)[1], domain)
    if sign is None:
        return None
    radical = sympy.root(ratio, n) if sign >= 0 else -sympy.root(-ratio, n)
    return shift + sympy.powdenest(radical, force=True), before


def _least(limits: list[tuple[Any, Any]], domain: Mapping[str, str]) -> list[tuple[Any, Any]]:
    """Leave out limits that are never less than another."""
    import sympy

    kept: list[tuple[Any, Any]] = []
    for root, factor in limits:
        if any(sympy.simplify(root - other) == 0 for other, _ in kept):
            continue
        kept.append((root, factor))
    made = []
    for i, (root, factor) in enumerate(kept):
        above = False
        for j, (other, _) in enumerate(kept):
            if i == j:
                continue
            num, den = sympy.fraction(sympy.together(root - other))
            if num.is_polynomial() and den.is_polynomial():
                signs = sign_on(num, domain), sign_on(den, domain)
                above |= (signs[0] or 0) * (signs[1] or 0) > 0
        if not above:
            made.append((root, factor))
    return made
