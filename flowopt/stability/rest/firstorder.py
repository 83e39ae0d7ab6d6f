"""Flows θ̇ = −ρ D along the gradient: D is g, sign(g) or g/‖g‖, and ρ > 0 a scalar.

Near a critical point x* whose Hessian is not singular, ρ behaves like c r^k with r = ‖g‖ → 0, so
that V = L − L(x*) has V̇ = −ρ ⟨g, D⟩ ~ −c r^(p + 1), with p the order of ρ D. At a minimum
r² ≥ 2μV nearby, hence for c > 0

    p < 0   the field is infinite at x*;
    p < 1   V̇ ≤ −c' V^((p + 1)/2) with an exponent below one: x* is reached in finite time;
    p ≥ 1   x* is asymptotically stable;

and at another critical point L takes lower values nearby, so that x* is unstable (Chetaev).
For c < 0 the same holds of −L. At p = 0 the field jumps, and 0 lies in its Filippov set, since g
takes every direction around x*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Law:
    """A scalar near a critical point: c r^power with c of this sign (0: it is 0)."""

    sign: int
    power: Fraction


@dataclass(frozen=True)
class Rule:
    """A rule −Σ ρ D by its parts.

    Attributes
    ----------
    terms : tuple of (ρ, direction)
        The direction is "g", "sign" or "unit".
    levels : tuple of sympy.Expr
        Expressions affine in L on whose zeros the field vanishes off the critical points.
    """

    terms: tuple[tuple[Any, str], ...]
    levels: tuple[Any, ...]


POSITIVE = ("norm", "norm1", "maxabs")
#: how far each direction's length goes like r
ORDERS = {"g": 1, "sign": 0, "unit": 0}


def symbols() -> tuple[Any, Any]:
    """Return the symbols of g and L in abstract rules."""
    import sympy

    return sympy.Symbol("g", real=True), sympy.Symbol("L", real=True)


def gradient_like(flow: Any, parameters: Mapping[str, Any]) -> Rule | None:
    """Return the parts of a flow without states that goes along the gradient, or None.

    Parameters
    ----------
    flow : Flow
        The flow.
    parameters : mapping
        The exact value of each parameter (sympy.oo for an infinite one).
    """
    if flow.states or "theta" not in flow.rules:
        return None
    import sympy

    named = flow.parameter_symbols()
    rule = flow.abstract_rules()["theta"].xreplace({named[k]: v for k, v in parameters.items()})
    rule = rule.replace(sympy.Min, lambda *a: sympy.Min(*a)).replace(
        sympy.Max, lambda *a: sympy.Max(*a))
    rule = sympy.expand_mul(-rule) if rule.is_Add else -rule
    g, _ = symbols()
    terms, levels, signs = [], None, set()
    for term in sympy.Add.make_args(rule):
        split = _direction(term, g)
        if split is None:
            return None
        scalar, direction = split
        known = _zeros(scalar)
        if known is None or (levels is not None and set(known[1]) != set(levels)):
            return None
        levels = known[1]
        signs.add(known[0])
        terms.append((scalar, direction))
    if len(signs) != 1 or not terms:
        return None
    return Rule(tuple(terms), tuple(levels or ()))


def _direction(term: Any, g: Any) -> tuple[Any, str] | None:
    """Return ρ and the direction of one term."""
    import sympy

    rest, found = [], []
    for f in sympy.Mul.make_args(term):
        name = getattr(f.func, "__name__", "")
        if f == g:
            found.append("g")
        elif name in ("sign", "unit") and f.args == (g,):
            found.append(name)
        else:
            rest.append(f)
    scalar = sympy.Mul(*rest)
    return (scalar, found[0]) if len(found) == 1 and _scalar(scalar, g) else None


def _scalar(e: Any, g: Any) -> bool:
    """Return whether an expression holds g in reductions only, and nothing but L beside."""
    name = getattr(e.func, "__name__", "")
    if name in POSITIVE and e.args == (g,) or name == "dot" and e.args == (g, g):
        return True
    if not e.args:
        return e == symbols()[1] or bool(e.is_number)
    return name != "unit" and name != "dot" and all(_scalar(a, g) for a in e.args)


def _zeros(e: Any) -> tuple[int, tuple[Any, ...]] | None:
    """Return the sign of ρ where g ≠ 0, up to factors affine in L, and these factors."""
    import sympy

    L = symbols()[1]
    name = getattr(e.func, "__name__", "")
    if name in (*POSITIVE, "dot"):
        return 1, ()
    if e.is_number:
        return ((1 if e > 0 else -1), ()) if e.is_comparable and e != 0 else None
    if e.has(L) and e.is_polynomial(L) and sympy.degree(e, L) == 1 and not any(
            a.func.__name__ in (*POSITIVE, "dot") for a in sympy.preorder_traversal(e) if a.args):
        slope = e.diff(L)
        return (1 if slope > 0 else -1), (sympy.expand(e / slope),)
    if e.is_Mul:
        parts = [_zeros(a) for a in e.args]
        if None in parts:
            return None
        sign = 1
        for s, _ in parts:  # type: ignore[misc]
            sign *= s
        return sign, tuple(sorted({f for _, fs in parts for f in fs},  # type: ignore[misc]
                                  key=str))
    if e.is_Pow and e.exp.is_Rational:
        inner = _zeros(e.base)
        if inner is None or (inner[1] and not (e.exp.is_Integer and e.exp > 0 and e.exp % 2)) or (
                inner[0] < 0 and not e.exp.is_Integer):
            return None
        return (inner[0] if e.exp.is_Integer and e.exp % 2 else 1), inner[1]
    if e.is_Add or isinstance(e, (sympy.Min, sympy.Max)):
        parts = [_zeros(a) for a in e.args]
        if None in parts or len({s for s, _ in parts}) != 1:  # type: ignore[misc]
            return None
        sign = parts[0][0]  # type: ignore[index]
        levels = [fs for _, fs in parts if fs]  # type: ignore[misc]
        # min(a (L − m), b) with a, b > 0 has the sign of L − m; min and max of plain ones likewise
        if not levels:
            return sign, ()
        if isinstance(e, sympy.Min) and sign > 0 and len(set(levels)) == 1:
            return sign, levels[0]
    return None


def law(rule: Rule, loss_sign: Any, definite: int) -> tuple[int, Fraction] | None:
    """Return the sign c and the order p of ρ D at a critical point.

    Parameters
    ----------
    rule : Rule
        The flow.
    loss_sign : callable
        Takes an expression in L, returns its exact sign at the point.
    definite : int
        1 at a minimum, -1 at a maximum whose Hessian is definite, 0 otherwise.

    Returns
    -------
    (sign, order) or None
        None where terms of one order have different signs, or the law is not known.
    """
    laws = []
    for scalar, direction in rule.terms:
        made = _law(scalar, loss_sign, definite)
        if made is None or made.sign == 0:
            return None
        laws.append(Law(made.sign, made.power + ORDERS[direction]))
    total = _sum(laws)
    return None if total is None else (total.sign, total.power)


def _sum(laws: list[Law]) -> Law | None:
    least = min(a.power for a in laws)
    signs = {a.sign for a in laws if a.power == least}
    return Law(signs.pop(), least) if len(signs) == 1 else None


def _law(e: Any, loss_sign: Any, definite: int) -> Law | None:
    import sympy

    name = getattr(e.func, "__name__", "")
    if name in POSITIVE:
        return Law(1, Fraction(1))
    if name == "dot":
        return Law(1, Fraction(2))
    g, L = symbols()
    if not any(getattr(a.func, "__name__", "") in (*POSITIVE, "dot")
               for a in sympy.preorder_traversal(e)) and (e.is_number or e.is_polynomial(L)):
        s = loss_sign(e)
        if s or e.is_number:
            return Law(s, Fraction(0))
        if sympy.degree(e, L) == 1 and definite:  # L − L(x*) ~ ½ ⟨g, H⁻¹ g⟩
            return Law(definite * (1 if e.diff(L) > 0 else -1), Fraction(2))
        return None
    parts = [_law(a, loss_sign, definite) for a in (e.args[:1] if e.is_Pow else e.args)]
    if not parts or any(p is None or p.sign == 0 for p in parts):
        return None
    known: list[Law] = parts  # type: ignore[assignment]
    if e.is_Mul:
        sign = 1
        for p in known:
            sign *= p.sign
        return Law(sign, sum((p.power for p in known), Fraction(0)))
    if e.is_Pow and e.exp.is_Rational:
        if known[0].sign < 0 and not e.exp.is_Integer:
            return None
        return Law(known[0].sign if e.exp.is_Integer and e.exp % 2 else 1,
                   known[0].power * Fraction(int(e.exp.p), int(e.exp.q)))
    if e.is_Add:
        return _sum(known)
    if isinstance(e, (sympy.Min, sympy.Max)):
        # for r → 0 the value c r^k is the greater in size the less k is
        flip = 1 if isinstance(e, sympy.Min) else -1
        negative = [p for p in known if p.sign * flip < 0]
        if negative:
            return min(negative, key=lambda p: p.power)
        return max(known, key=lambda p: p.power)
    return None
