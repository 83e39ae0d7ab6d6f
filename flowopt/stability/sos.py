"""Rung (c): polynomial inequalities in n variables by sums of squares, exactly.

The basis is cut to half the Newton polytope, known zeros are taken out exactly, a margin is
maximised in floats, and what is kept is rational and checked by
`flowopt.stability.checks.inequality`.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt.stability.checks import inequality
from flowopt.stability.checks.algebra import at, degree, number, shifted
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.gram import Identity, Solution, solve

#: bases larger than this are not tried
MAX_BASIS = 50


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
    made = _data(0, "0", [], found)
    if relation == inequality.OFF:
        made["strict"] = "squares"
    return made


def _attempt(q: Any, relation: str, conditions: list[Any], zeros: list[list[Any]], power: int,
             extra: int, deadline: float) -> dict[str, Any] | None:
    R = q.ring
    weight = sum((g**2 for g in R.gens), R.zero) ** power
    target = q * weight
    terms = bases(target, conditions, zeros, extra)
    if terms is None:
        return None
    positive = relation == inequality.POSITIVE and power == 0
    if relation == inequality.OFF or (relation == inequality.POSITIVE and power):
        return _off(target, terms, power, deadline)
    found = solve([Identity(target, terms)], deadline=deadline, push=positive,
                  faces=0 if positive else 4)
    if found is None:
        return None
    constant = R.zero
    if positive:
        constant = R(number(_less(found.margin * _size(found.bases[0][0], [R.one]))))
        found = solve([Identity(target - constant, terms)], deadline=deadline)
        if found is None or not constant:
            return None
    return _data(power, str(constant), [], found)


def _off(target: Any, terms: list[Any], power: int, deadline: float) -> dict[str, Any] | None:
    """Return a proof with Σ cᵢuᵢ^{2dᵢ} taken off; or by squares whose common zero is u = 0."""
    R = target.ring
    basis = terms[0][1]
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
        size = plain.margin * _size(plain.bases[0][0], squares)
        for share in (1.0, 0.1):
            c = _less(share * size)
            strict = sum((number(c) * s**2 for s in squares), R.zero)
            found = solve([Identity(target - strict, terms)], deadline=deadline) if c else None
            if found is not None:
                return _data(power, "0", [[str(c), d] for d in pure], found)
    for c in (fraction("1/10"), fraction("1/1000")):
        strict = sum((number(c) * s**2 for s in squares), R.zero)
        found = solve([Identity(target - strict, terms)], deadline=deadline)
        if found is not None:
            return _data(power, "0", [[str(c), d] for d in pure], found)
    made = _data(power, "0", [], plain)
    made["strict"] = "squares"
    return made


def _size(basis: list[Any], squares: list[Any]) -> float:
    """Return the smallest scale² that the solver gave these entries of the basis."""
    sizes = [float(fraction(z.LC)) ** 2 for z in basis if len(z) == 1
             for s in squares if next(iter(z)) == next(iter(s))]
    return min(sizes, default=0.0)


def _less(margin: float) -> Any:
    """Return a simple rational below a margin, or 0."""
    if margin <= 1e-12:
        return fraction(0)
    k = math.floor(math.log10(margin / 2))
    return fraction(int(margin / 2 / 10.0**k)) * fraction(10) ** k


def _data(power: int, constant: str, strict: list[Any], found: Solution) -> dict[str, Any]:
    return {"by": "sos", "power": power, "constant": constant, "strict": strict,
            "terms": terms_data(found.bases[0], found.grams[0])}


def terms_data(bases_: Sequence[Sequence[Any]], grams: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the terms of a proof, without rows of zeros and without empty terms."""
    terms = []
    for j, (z, Q) in enumerate(zip(bases_, grams, strict=True)):
        kept = [i for i in range(len(z)) if Q[i][i] != 0]
        if kept:
            terms.append({"of": j, "basis": [str(z[i]) for i in kept],
                          "gram": [[str(Q[i][k]) for k in kept] for i in kept]})
    return terms


# -------------------------------------------------------------------- bases
def bases(target: Any, conditions: Sequence[Any], zeros: Sequence[Sequence[Any]],
          extra: int = 0, free: Sequence[Any] = ()) -> list[tuple[Any, list[Any]]] | None:
    """Return (gⱼ, zⱼ) for target = Σ gⱼ zⱼᵀQⱼzⱼ: half the Newton polytope without conditions.

    Every basis is cut to what vanishes at the zeros where gⱼ does not.
    """
    R = target.ring
    n = len(R.gens)
    support = set(target) | {m for r in free for m in r}
    if not conditions:
        monomials = half_newton(support, n)
        made = [(R.one, monomials)]
    else:
        top = max(max(map(sum, support), default=0),
                  max(map(degree, conditions))) + extra
        top += top % 2
        made = [(R.one, every(n, top // 2))]
        made += [(g, every(n, max(0, (top - degree(g)) // 2))) for g in conditions]
    terms = []
    for g, monomials in made:
        if len(monomials) > MAX_BASIS:
            return None
        z = [R({m: R.domain.one}) for m in monomials]
        inside = [w for w in zeros if at(g, w) != 0]
        terms.append((g, vanishing(z, inside) if inside else z))
    return terms


def every(n: int, top: int) -> list[tuple[int, ...]]:
    """Return the exponents of degree <= top in n variables, by degree."""
    if math.comb(n + top, n) > 4 * MAX_BASIS:
        return [(0,) * n] * (MAX_BASIS + 1)
    found = [m for m in itertools.product(range(top + 1), repeat=n) if sum(m) <= top]
    return sorted(found, key=lambda m: (sum(m), [-a for a in m]))


def half_newton(support: set[tuple[int, ...]], n: int) -> list[tuple[int, ...]]:
    """Return the exponents α with 2α inside the Newton polytope, less those no square can hold.

    The polytope is cut by half-spaces in a fixed set of directions. Then α goes while 2α is not
    in the support and is no other sum β + γ: the diagonal of Q must be 0 there.
    """
    points = np.array(sorted(support))
    low, high = points.min(axis=0), points.max(axis=0)
    ranges = [range(-(-int(a) // 2), int(b) // 2 + 1) for a, b in zip(low, high, strict=True)]
    if math.prod(len(r) for r in ranges) > 200000:
        return [(0,) * n] * (MAX_BASIS + 1)
    found = np.array(list(itertools.product(*ranges)), dtype=int).reshape(-1, n)
    width = 2 if n <= 4 else 1
    if n <= 7:
        directions = np.array(list(itertools.product(range(-width, width + 1), repeat=n)))
    else:
        directions = np.vstack([np.eye(n, dtype=int), -np.eye(n, dtype=int),
                                np.ones((1, n), dtype=int), -np.ones((1, n), dtype=int)])
    limits = (points @ directions.T).max(axis=0)
    found = found[np.all(2 * found @ directions.T <= limits, axis=1)]
    kept = {tuple(int(a) for a in row) for row in found}
    while True:
        sums: dict[tuple[int, ...], int] = {}
        for a, b in itertools.combinations(kept, 2):
            total = tuple(x + y for x, y in zip(a, b, strict=True))
            sums[total] = 1
        gone = {m for m in kept if tuple(2 * a for a in m) not in support
                and tuple(2 * a for a in m) not in sums}
        if not gone:
            return sorted(kept, key=lambda m: (sum(m), [-a for a in m]))
        kept -= gone


def vanishing(z: list[Any], points: Sequence[Sequence[Any]]) -> list[Any]:
    """Return a basis of the combinations of z that vanish at all points, exactly."""
    from sympy import QQ
    from sympy.polys.matrices import DomainMatrix

    if not z:
        return z
    rows = [[number(at(e, w)) for e in z] for w in points]
    null = DomainMatrix(rows, (len(rows), len(z)), QQ).to_dense().nullspace().to_list()
    return [sum((c * e for c, e in zip(row, z, strict=True) if c), z[0].ring.zero)
            for row in null]
