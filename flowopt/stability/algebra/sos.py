"""Rung (c): polynomial inequalities in n variables by sums of squares, exactly.

The basis is cut to half the Newton polytope, known zeros are taken out exactly, a margin is
maximised in floats, and what is kept is rational and checked by
`flowopt.stability.checks.inequality`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt.stability.algebra.bases import MAX_BASIS, bases, split
from flowopt.stability.algebra.gram import Identity, Solution, solve
from flowopt.stability.checks import inequality
from flowopt.stability.checks.algebra import at, degree, number, shifted
from flowopt.stability.exact import Refused, fraction


def prove(p: Any, relation: str, point: Sequence[Any] | None = None,
          box: Sequence[tuple[Any, Any]] | None = None, domain: Sequence[Any] = (), *,
          zeros: Sequence[Sequence[Any]] = (), deadline: float = np.inf,
          powers: Sequence[int] = (0, 1, 2), hints: Sequence[Any] = ()) -> dict[str, Any] | None:
    """Return the data of a proof that p >= 0, p > 0, or p > 0 off a point; None: not found.

    Parameters
    ----------
    p : PolyElement
        The polynomial.
    relation : {">=", ">", "off"}
        What is to be shown.
    point : sequence of Fraction, optional
        x*, where p may vanish; 0 by default.
    box, domain : optional
        A closed box, and polynomials >= 0: where it is to hold.
    zeros : sequence of points
        Rational zeros of p in the domain's interior.
    deadline : float
        When to give up, by `time.monotonic`.
    powers : sequence of int
        The multipliers (Σuᵢ²)ᵏ to try.
    hints : sequence of PolyElement
        Polynomials whose squares may add up to p, as those of the field do for a gradient flow.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x", "y")); x, y = R.gens
    >>> prove(x**2 - x*y + y**2, "off")["strict"]
    [['1/5', 1], ['1/5', 1]]
    >>> prove(x**2 - 3*x*y + y**2, ">=") is None
    True
    """
    R = p.ring
    origin = list(point) if point is not None else [0] * len(R.gens)
    conditions = [shifted(g, origin) for g in (*inequality.faces(R, box), *domain)]
    q = shifted(p, origin)
    if not q:
        return {"by": "zero"} if relation == inequality.NONNEGATIVE else None
    known = [[fraction(a) - fraction(b) for a, b in zip(z, origin, strict=True)] for z in zeros]
    centre = [fraction(0)] * len(origin)
    if relation != inequality.POSITIVE and at(q, centre) == 0 and all(
            at(g, centre) >= 0 for g in conditions):
        known = [z for z in known if any(z)] + [centre]
    if conditions or degree(q) <= 2 or len(origin) == 1:
        powers = (0,)  # without conditions, what is nonnegative is a sum of squares there
    if hints and len(hints) < 12:
        made = _hinted(p, q, relation, [shifted(h, origin) for h in hints if h], deadline)
        if made is not None and _holds(p, relation, made, origin, box, domain):
            return made
    for power in powers:
        if power and relation == inequality.POSITIVE and at(q, [0] * len(origin)) <= 0:
            break
        for extra in ((0, 2) if conditions else (0,)):
            if time.monotonic() > deadline:
                return None
            made = _attempt(q, relation, conditions, known, power, extra, deadline)
            if made is None:
                continue
            if _holds(p, relation, made, origin, box, domain):
                return made
    return None


def _holds(p: Any, relation: str, made: dict[str, Any], origin: Any, box: Any,
           domain: Any) -> bool:
    try:
        inequality.check(p, relation, made, origin, box, domain)
    except Refused:  # such as squares that vanish elsewhere
        return False
    return True


def _hinted(p: Any, q: Any, relation: str, hints: list[Any],
            deadline: float) -> dict[str, Any] | None:
    """Return a proof with the hints as the basis."""
    if relation == inequality.POSITIVE:
        return None
    found = solve([Identity(q, [(p.ring.one, hints)])], deadline=deadline, faces=1)
    if found is None:
        return None
    made = _data(0, "0", [], found, [0])
    if relation == inequality.OFF:
        made["strict"] = "squares"
    return made


def _attempt(q: Any, relation: str, conditions: list[Any], zeros: list[list[Any]], power: int,
             extra: int, deadline: float) -> dict[str, Any] | None:
    R = q.ring
    weight = sum((g**2 for g in R.gens), R.zero) ** power
    target = q * weight
    whole = bases(target, conditions, zeros, extra)
    if whole is None:
        return None
    terms, owners = split(target, whole)
    if not terms or max(len(z) for _, z in terms) > MAX_BASIS:
        return None
    positive = relation == inequality.POSITIVE and power == 0
    if relation == inequality.OFF or (relation == inequality.POSITIVE and power):
        return _off(target, terms, owners, power, deadline)
    found = solve([Identity(target, terms)], deadline=deadline, push=positive,
                  faces=0 if positive else 4)
    if found is None:
        return None
    constant = R.zero
    if positive:
        constant = R(number(_less(found.margin * _size(found.bases[0], [R.one]))))
        found = solve([Identity(target - constant, terms)], deadline=deadline)
        if found is None or not constant:
            return None
    return _data(power, str(constant), [], found, owners)


def _off(target: Any, terms: list[Any], owners: list[int], power: int,
         deadline: float) -> dict[str, Any] | None:
    """Return a proof with Σ cᵢuᵢ^{2dᵢ} taken off; or by squares whose common zero is u = 0."""
    R = target.ring
    basis = [e for (_, z), j in zip(terms, owners, strict=True) if j == 0 for e in z]
    pure = []
    for i in range(len(R.gens)):
        powers = [m[i] for z in basis if len(z) == 1 for m in z if sum(m) == m[i] > 0]
        if not powers:
            return None
        pure.append(min(powers))
    plain = solve([Identity(target, terms)], deadline=deadline)
    if plain is None:
        return None
    squares = [g**d for g, d in zip(R.gens, pure, strict=True)]
    if plain.margin > 1e-9:
        size = plain.margin * _size(plain.bases[0], squares)
        for share in (1.0, 0.1):
            c = _less(share * size)
            strict = sum((number(c) * s**2 for s in squares), R.zero)
            found = solve([Identity(target - strict, terms)], deadline=deadline) if c else None
            if found is not None:
                return _data(power, "0", [[str(c), d] for d in pure], found, owners)
    for c in (fraction("1/10"), fraction("1/1000")):
        strict = sum((number(c) * s**2 for s in squares), R.zero)
        found = solve([Identity(target - strict, terms)], deadline=deadline)
        if found is not None:
            return _data(power, "0", [[str(c), d] for d in pure], found, owners)
    made = _data(power, "0", [], plain, owners)
    made["strict"] = "squares"
    return made


def _size(basis: list[list[Any]], squares: list[Any]) -> float:
    """Return the smallest scale² that the solver gave these entries of the basis."""
    sizes = [float(fraction(z.LC)) ** 2 for part in basis for z in part if len(z) == 1
             for s in squares if next(iter(z)) == next(iter(s))]
    return min(sizes, default=0.0)


def _less(margin: float) -> Any:
    """Return a simple rational below a margin, or 0."""
    if margin <= 1e-12:
        return fraction(0)
    k = math.floor(math.log10(margin / 2))
    return fraction(int(margin / 2 / 10.0**k)) * fraction(10) ** k


def _data(power: int, constant: str, strict: list[Any], found: Solution,
          owners: Sequence[int]) -> dict[str, Any]:
    """Return a proof, without rows of zeros and without empty terms."""
    terms = []
    for j, z, Q in zip(owners, found.bases[0], found.grams[0], strict=True):
        kept = [i for i in range(len(z)) if Q[i][i] != 0]
        if kept:
            terms.append({"of": j, "basis": [str(z[i]) for i in kept],
                          "gram": [[str(Q[i][k]) for k in kept] for i in kept]})
    return {"by": "sos", "power": power, "constant": constant, "strict": strict, "terms": terms}
