"""Rung (b): inequalities for polynomials in one variable, decided exactly.

The square-free decomposition and the exact isolation of real roots (sympy) find the answer; the
Sturm chains written down are followed again by `flowopt.stability.checks.inequality`.

Reference: S. Basu, R. Pollack, M.-F. Roy, Algorithms in Real Algebraic Geometry (2006), §2.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.checks import inequality
from flowopt.stability.checks.algebra import at, number
from flowopt.stability.exact import Refused, fraction


def prove(p: Any, relation: str, point: Sequence[Any] | None = None,
          box: Sequence[tuple[Any, Any]] | None = None) -> dict[str, Any] | None:
    """Return the data of a proof that p >= 0, p > 0, or p > 0 off a point; None: it is false.

    Parameters
    ----------
    p : PolyElement
        A polynomial in one variable.
    relation : {">=", ">", "off"}
        What is to be shown.
    point : sequence of one Fraction, optional
        The point of "off"; 0 by default.
    box : sequence of one pair, optional
        The closed interval; by default the line.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x",)); x = R.gens[0]
    >>> [f["power"] for f in prove((x**2 - 1)**2, ">=")["factors"]]
    [1, 2]
    >>> prove((x**2 - 1)**2 - 1, ">=") is None
    True
    """
    if not p:
        return {"by": "zero"} if relation == inequality.NONNEGATIVE else None
    x = p.ring.gens[0]
    root, rest = 0, p
    if relation == inequality.OFF:
        factor = x - number(point[0] if point is not None else 0)
        while True:
            quotient, left = rest.div(factor)
            if left:
                break
            root, rest = root + 1, quotient
        centre = fraction(point[0] if point is not None else 0)
        if root % 2 and (box is None or box[0][0] < centre < box[0][1]):
            root, rest = root - 1, rest * factor
    lead, factors = rest.sqf_list()
    parts = {power: f for f, power in factors if not f.is_ground}
    parts[1] = parts.get(1, p.ring.one) * lead
    made: dict[str, Any] = {"by": "sturm", "root": root, "factors": []}
    for power in sorted(parts):
        chain = sturm_chain(parts[power])
        if power % 2 == 0 and relation == inequality.NONNEGATIVE:
            chain = chain[:1]
        made["factors"].append({"power": power, "chain": [[str(c) for c in f] for f in chain]})
    try:
        inequality.check(p, relation, made, point, box)
    except Refused:
        return None
    return made


def sturm_chain(p: Any) -> list[list[Fraction]]:
    """Return p, p′ and the negative remainders, each with its leading coefficient first.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x",)); x = R.gens[0]
    >>> [[int(c) for c in f] for f in sturm_chain(x**2 - 2)]
    [[1, 0, -2], [2, 0], [2]]
    """
    chain = [p, p.diff(p.ring.gens[0])]
    while chain[-1] and not chain[-1].is_ground:
        chain.append(-chain[-2].rem(chain[-1]))
    return [[fraction(c) for c in f.to_dense()] for f in chain if f]


def witness(p: Any, relation: str, point: Sequence[Any] | None = None,
            box: Sequence[tuple[Any, Any]] | None = None) -> dict[str, Any] | None:
    """Return where a relation fails: a rational x, or an isolating interval of a root.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x",)); x = R.gens[0]
    >>> witness((x**2 - 1)**2 - 1, ">=")
    {'x': Fraction(1, 1)}
    >>> sorted(witness((x**2 - 2)**2, ">"))
    ['factor', 'interval', 'values']
    """
    centre = fraction(point[0]) if point is not None else Fraction(0)
    low, high = box[0] if box else (None, None)

    def inside(a: Any) -> bool:
        return (low is None or a >= low) and (high is None or a <= high)

    roots = isolated(p)
    places = sorted({e for r in roots for e in r[:2]})
    if box:
        places += [fraction(e) for e in box[0]]
    if not places:
        places = [Fraction(0)]
    places = sorted(set(places))
    samples = [places[0] - 1, *places, *[(a + b) / 2 for a, b in
                                         zip(places, places[1:], strict=False)], places[-1] + 1]
    samples += [Fraction(k) for k in range(-3, 4)]
    for a in sorted(samples, key=lambda v: (v.denominator, abs(v), v < 0)):
        if inside(a) and at(p, [a]) < 0:
            return {"x": a}
    if relation == inequality.NONNEGATIVE:
        return None
    for a, b, factor in roots:
        if a == b and inside(a) and (relation == inequality.POSITIVE or a != centre):
            return {"x": a}
        if a != b and inside(a) and inside(b):
            f = next(f for f, _ in factor.factor_list()[1] if at(f, [a]) * at(f, [b]) < 0)
            return {"factor": str(f), "interval": [str(a), str(b)],
                    "values": [str(at(f, [a])), str(at(f, [b]))]}
    return None


def isolated(p: Any, width: Any = Fraction(1, 64)) -> list[tuple[Fraction, Fraction, Any]]:
    """Return (a, b, f) for each real root: the square-free f has this one root in [a, b]."""
    from sympy import Poly

    if not p or p.is_ground:
        return []
    radical = p.ring.one
    for f, _ in p.sqf_list()[1]:
        radical *= f
    found = Poly(radical.as_expr(), p.ring.symbols[0], domain="QQ").intervals(eps=number(width))
    made = [(fraction(a), fraction(b), radical) for (a, b), _ in found]
    return sorted(made, key=lambda r: r[:2])
