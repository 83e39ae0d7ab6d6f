"""Polynomials in one variable over Q: ascending lists of coefficients, exact throughout.

Real roots are isolated in dyadic cells (k/2^e, (k + 1)/2^e) by Descartes' rule of signs: for a
square-free polynomial the number of sign changes of (1 + x)^d p((a + b x)/(1 + x)) is an upper
bound of the number of its roots in (a, b), exact when it is 0 or 1 (Collins and Akritas 1976).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def trimmed(p: Sequence[Any]) -> list[Any]:
    """Return p without zero leading coefficients; the zero polynomial is []."""
    made = list(p)
    while made and made[-1] == 0:
        made.pop()
    return made


def product(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """Return a b."""
    if not a or not b:
        return []
    made = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, u in enumerate(a):
        if u:
            for j, v in enumerate(b):
                made[i + j] += u * v
    return made


def divided(a: Sequence[Any], b: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return quotient and remainder of a by b over Q."""
    rest = trimmed([Fraction(c) for c in a])
    quotient = [Fraction(0)] * max(len(rest) - len(b) + 1, 0)
    lead = Fraction(b[-1])
    while len(rest) >= len(b):
        factor = rest[-1] / lead
        shift = len(rest) - len(b)
        quotient[shift] = factor
        for i, c in enumerate(b[:-1]):
            rest[shift + i] -= factor * c
        rest.pop()
        rest = trimmed(rest)
    return quotient, rest


def inverse(a: Sequence[Any], q: Sequence[Any]) -> list[Any]:
    """Return 1/a modulo q (q irreducible, a not 0)."""
    if not trimmed(a):
        raise ZeroDivisionError("the number divided by is 0")
    r0, r1 = [Fraction(c) for c in q], trimmed([Fraction(c) for c in a])
    s0: list[Any] = []
    s1: list[Any] = [Fraction(1)]
    while len(r1) > 1:
        quotient, rest = divided(r0, r1)
        step = product(quotient, s1)
        n = max(len(s0), len(step))
        s0, s1 = s1, trimmed([(s0[i] if i < len(s0) else 0) - (step[i] if i < len(step) else 0)
                              for i in range(n)])
        r0, r1 = r1, rest
    if not r1:
        raise ZeroDivisionError("the modulus and the number have a common factor")
    return [c / r1[0] for c in s1]


def to_integers(p: Sequence[Any]) -> tuple[list[int], int]:
    """Return integers c and one denominator d > 0 with p = c/d."""
    d = math.lcm(*[Fraction(c).denominator for c in p]) if p else 1
    return [int(Fraction(c) * d) for c in p], d


def primitive(p: Sequence[Any]) -> list[int]:
    """Return the primitive integer polynomial with a positive leading coefficient along p."""
    c, _ = to_integers(trimmed(p))
    g = math.gcd(*c)
    if c[-1] < 0:
        g = -g
    return [a // g for a in c]


def scaled_value(p: Sequence[int], k: int, e: int) -> int:
    """Return 2^(e d) p(k/2^e), an integer with the sign of p there."""
    total, d = 0, len(p) - 1
    for j, c in enumerate(reversed(p)):
        total = total * k + (c << (e * j))
    assert d >= 0
    return total


def derivative(p: Sequence[Any]) -> list[Any]:
    """Return p'."""
    return [i * c for i, c in enumerate(p)][1:]


def _changes(p: Sequence[Any]) -> int:
    signs = [c > 0 for c in p if c]
    return sum(a != b for a, b in zip(signs, signs[1:], strict=False))


def _shift(p: Sequence[int], by: int = 1) -> list[int]:
    """Return p(x + by) by repeated synthetic division."""
    made = list(p)
    for i in range(len(made) - 1):
        for j in range(len(made) - 2, i - 1, -1):
            made[j] += by * made[j + 1]
    return made


def _unit_changes(p: Sequence[int]) -> int:
    """Return Descartes' bound for the roots of p in (0, 1)."""
    return _changes(_shift(list(reversed(p))))


def cells(p: Sequence[int]) -> list[tuple[int, int]]:
    """Return the least dyadic cells that isolate the real roots of an irreducible p.

    The cell of a rational root r is (floor(r), 0).
    """
    if len(p) == 2:
        return [((Fraction(-p[0], p[1])).__floor__(), 0)]
    # every root is below 1 + max |c_i/c_d| in size (Cauchy)
    size = 1 + max(abs(c) for c in p[:-1]) // abs(p[-1]) + 1
    top = size.bit_length()
    found: list[tuple[int, int]] = []
    for side in (-1, 1):
        mirrored = [c * side**i for i, c in enumerate(p)]
        stretched = [c << (top * i) for i, c in enumerate(mirrored)]  # roots of (0, 2^top) in (0,1)
        todo = [(stretched, 0, -top)]
        while todo:
            poly, k, e = todo.pop()
            changes = _unit_changes(poly)
            if changes == 0:
                continue
            if changes == 1:
                found.append((k, e) if side > 0 else (-k - 1, e))
                continue
            d = len(poly) - 1
            half = [c << (d - i) for i, c in enumerate(poly)]  # 2^d p(x/2)
            g = math.gcd(*half)
            half = [c // g for c in half]
            todo += [(half, 2 * k, e + 1), (_shift(half), 2 * k + 1, e + 1)]
    return _least(p, found)


def _least(p: Sequence[int], found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return for each cell the one of least e >= 0 that holds no other root."""
    fine = []
    for k, e in found:  # first to one common grid that tells all roots apart
        while e < 0:
            k, e = _half(p, k, e)
        fine.append((k, e))
    while True:
        deep = max((e for _, e in fine), default=0)
        grid = []
        for k, e in fine:
            while e < deep:
                k, e = _half(p, k, e)
            grid.append(k)
        if len(set(grid)) == len(grid):
            break
        fine = [_half(p, k, e) for k, e in fine]
    made = []
    for k in sorted(grid):
        e = 0
        while sum((other >> (deep - e)) == (k >> (deep - e)) for other in grid) > 1:
            e += 1
        made.append((k >> (deep - e), e))
    return made


def _half(p: Sequence[int], k: int, e: int) -> tuple[int, int]:
    """Return the half of a cell with one simple root of p that holds the root."""
    if e < 0:
        a, m, b = (k << -e, (2 * k + 1) << (-e - 1), (k + 1) << -e)
        values = [scaled_value(p, v, 0) for v in (a, m, b)]
    else:
        values = [scaled_value(p, 2 * k, e + 1), scaled_value(p, 2 * k + 1, e + 1)]
    left = (values[0] > 0) != (values[1] > 0)
    return (2 * k if left else 2 * k + 1), e + 1
