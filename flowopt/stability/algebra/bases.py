"""Bases of sums of squares: half the Newton polytope, cut to known zeros, in blocks of one sign."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt.stability.checks.algebra import at, degree, number

#: blocks of a basis that are larger than this are not tried
MAX_BASIS = 50


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
        if len(monomials) > 4 * MAX_BASIS:
            return None
        z = [R({m: R.domain.one}) for m in monomials]
        inside = [w for w in zeros if at(g, w) != 0]
        terms.append((g, vanishing(z, inside) if inside else z))
    return terms


def split(target: Any, terms: Sequence[tuple[Any, list[Any]]],
          ) -> tuple[list[tuple[Any, list[Any]]], list[int]]:
    """Return the terms in blocks that changes of sign keep apart, and whose each block is.

    Where p and all gⱼ stay the same under some changes of sign of the uᵢ, averaging over them
    leaves only products zₐz_b that stay the same too: a and b differ, modulo 2, by a sum of
    exponents of p and gⱼ.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x", "y")); x, y = R.gens
    >>> [z for _, z in split(x**4 + y**4 + 1, [(R.one, [R.one, x, y, x**2, x*y, y**2])])[0]]
    [[1, x**2, y**2], [x], [y], [x*y]]
    """
    pivots: list[int] = []

    def reduced(m: Sequence[int]) -> int:
        left = sum((k % 2) << i for i, k in enumerate(m))
        for pivot in pivots:  # each has a highest bit of its own
            left = min(left, left ^ pivot)
        return left

    for m in (*target, *(m for g, _ in terms for m in g)):
        left = reduced(m)
        if left:
            pivots.append(left)
            pivots.sort(reverse=True)
    made, owners = [], []
    for j, (g, z) in enumerate(terms):
        blocks: dict[int, list[Any]] = {}
        kinds = [{reduced(m) for m in e} for e in z]
        if any(len(kind) != 1 for kind in kinds):
            blocks[0] = z
        else:
            for e, (kind,) in zip(z, kinds, strict=True):
                blocks.setdefault(kind, []).append(e)
        made += [(g, block) for block in blocks.values()]
        owners += [j] * len(blocks)
    return made, owners


def every(n: int, top: int) -> list[tuple[int, ...]]:
    """Return the exponents of degree <= top in n variables, by degree."""
    if math.comb(n + top, n) > 4 * MAX_BASIS:
        return [(0,) * n] * (4 * MAX_BASIS + 1)
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
        return [(0,) * n] * (4 * MAX_BASIS + 1)
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
