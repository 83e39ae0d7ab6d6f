"""Zero sets that are not finite: split by factors into pieces, some of them points after all.

Each product in a basis splits the set in two. A sum of squares with positive coefficients, and a
quadratic polynomial that is semidefinite, has fewer real zeros than complex ones: its real zeros
are those of its parts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.zeros import Zero, Zeros, minimal_root, real_zeros

#: pieces that are looked at, at most
PIECES = 40


def solved(polynomials: Sequence[Any], variables: Sequence[Any], end: float
           ) -> tuple[Zeros, tuple[str, ...]]:
    """Return the isolated real zeros, and equations of the sets that real zeros may fill.

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y", real=True)
    >>> solved([x*y**2, x**2*y], [x, y], float("inf"))[1]
    ('x = 0', 'y = 0')
    """
    first = real_zeros(polynomials, variables, max(end - time.monotonic(), 0.01))
    if first.dimension < 1 or not first.basis:
        return first, ()
    todo, seen = [tuple(first.basis)], set()
    points: list[Zero] = []
    sets: list[tuple[Any, ...]] = []
    while todo:
        basis = todo.pop()
        if basis in seen:
            continue
        seen.add(basis)
        if len(seen) > PIECES or time.monotonic() > end:
            return Zeros(tuple(points), False, 1, "the zeros are infinitely many, and their sets "
                         "were not all told apart"), _texts(sets)
        split = _split(basis, variables)
        for more in split if split is not None else [[]]:
            found = real_zeros([*basis, *more], variables, max(end - time.monotonic(), 0.01))
            if found.dimension < 1:
                points += found.points
            elif not found.basis:
                return found, _texts(sets)
            elif split is None:
                sets.append(tuple(found.basis))
            else:
                todo.append(tuple(found.basis))
    return _gathered(points, sets, variables, polynomials)


def _split(basis: Sequence[Any], variables: Sequence[Any]) -> list[list[Any]] | None:
    """Return equations to add, one list for each piece; None when nothing splits."""
    import sympy

    for p in basis:
        parts = [f for f, _ in sympy.factor_list(p, *variables)[1]]
        if len(parts) > 1 or (len(parts) == 1 and sympy.expand(parts[0] - p) != 0
                              and sympy.expand(parts[0] + p) != 0
                              and sympy.degree_list(parts[0], *variables)
                              != sympy.degree_list(p, *variables)):
            return [[f] for f in parts]
        forced = _real_parts(p, variables)
        if forced is not None:
            return [forced]
    return None


def _real_parts(p: Any, variables: Sequence[Any]) -> list[Any] | None:
    """Return what vanishes at the real zeros of a semidefinite p, or None if that is not seen."""
    import sympy

    poly = sympy.Poly(p, *variables, domain=sympy.QQ)
    terms = poly.terms()
    signs = {bool(c > 0) for _, c in terms}
    if len(signs) == 1 and all(not e % 2 for m, _ in terms for e in m):
        if any(not any(m) for m, _ in terms):
            return [sympy.Integer(1)]
        if len(terms) == 1 and sum(e > 0 for e in terms[0][0]) == 1 and max(terms[0][0]) == 1:
            return None
        made = [sympy.Mul(*[v for v, e in zip(variables, m, strict=True) if e]) for m, _ in terms]
        return None if len(terms) == 1 else made
    if poly.total_degree() != 2:
        return None
    # p = (1, x)ᵀ Q (1, x): with Q semidefinite the zeros are those of the squares in LDLᵀ
    from flowopt.stability.exact import NotPSD, fraction, ldl

    n = len(variables)
    q = [[Fraction(0)] * (n + 1) for _ in range(n + 1)]
    for m, c in terms:
        at = [k for k, e in enumerate(m, start=1) for _ in range(e)]
        i, j = ([0, 0] + at)[-2:]
        q[i][j] += fraction(c) / 2
        q[j][i] += fraction(c) / 2
    order = [*range(1, n + 1), 0]  # the constant last
    for side in (1, -1):
        try:
            lower, diagonal = ldl([[side * q[i][j] for j in order] for i in order])
        except NotPSD:
            continue
        made = []
        for k, d in enumerate(diagonal):
            if d:
                made.append(sympy.Add(*[
                    sympy.Rational(lower[i][k].numerator, lower[i][k].denominator)
                    * (variables[order[i] - 1] if order[i] else 1) for i in range(n + 1)]))
        return None if len(made) == 1 and made[0].is_number is False and not poly.is_sqf else made
    return None


def _gathered(points: list[Zero], sets: list[tuple[Any, ...]], variables: Sequence[Any],
              polynomials: Sequence[Any]) -> tuple[Zeros, tuple[str, ...]]:
    """Return distinct points that lie in no set, and the sets that lie in no other."""
    import sympy

    from flowopt.stability.rest.forms import value

    kept_sets = list(dict.fromkeys(sets))

    def covered(small: tuple[Any, ...], big: tuple[Any, ...]) -> bool:
        made = sympy.groebner(small, *variables, order="grevlex", domain=sympy.QQ)
        return all(made.contains(b) for b in big)

    largest = [s for s in kept_sets if not any(
        t != s and covered(s, t) and (not covered(t, s) or kept_sets.index(t) < kept_sets.index(s))
        for t in kept_sets)]
    kept: dict[Any, Zero] = {}
    for z in points:
        at = dict(zip(variables, z.coordinates, strict=True))
        if any(all(value(b, at).zero for b in s) for s in largest):
            continue
        roots = [minimal_root(c) for c in z.coordinates]
        kept.setdefault(tuple((*r.q, r.k, r.e) for r in roots),
                        replace(z, multiplicity=0))  # that in its piece says nothing
    if not largest:
        return Zeros(tuple(kept.values()), True, 0, "the complex zeros are infinitely many, the "
                     f"real ones {len(kept)}"), ()
    return Zeros(tuple(kept.values()), False, 1, "the zeros are not isolated: they fill "
                 f"{len(largest)} set{'s' if len(largest) > 1 else ''}"), _texts(largest)


def _texts(sets: Sequence[tuple[Any, ...]]) -> tuple[str, ...]:
    """Return equations of sets; those of variables of our own (roots, poles) are left out."""
    made = []
    for s in sets:
        own = [str(p) for p in s if not any("[" in str(v) for v in p.free_symbols)]
        made.append(", ".join(f"{p} = 0" for p in own or map(str, s)))
    return tuple(sorted(dict.fromkeys(made)))
