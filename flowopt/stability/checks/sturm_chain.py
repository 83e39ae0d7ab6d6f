"""Real roots of rational polynomials by Sturm's chains, for the checkers that need them.

Polynomials are lists of fractions, highest power first. Nothing here knows of the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Poly = list[Fraction]


def trimmed(p: Sequence[Fraction]) -> Poly:
    """Return it without leading zeros."""
    made = list(p)
    while made and made[0] == 0:
        made.pop(0)
    return made


def value(p: Sequence[Fraction], x: Fraction) -> Fraction:
    """Return p(x)."""
    total = Fraction(0)
    for c in p:
        total = total * x + c
    return total


def derivative(p: Sequence[Fraction]) -> Poly:
    """Return p'."""
    n = len(p) - 1
    return [c * (n - i) for i, c in enumerate(p[:-1])]


def remainder(a: Sequence[Fraction], b: Sequence[Fraction]) -> Poly:
    """Return what is left of a after division by b."""
    left = list(a)
    while len(left) >= len(b):
        factor = left[0] / b[0]
        left = [u - factor * v for u, v in zip(left, [*b, *[Fraction(0)] * len(left)],
                                               strict=False)][1:]
    return trimmed(left)


def gcd(a: Sequence[Fraction], b: Sequence[Fraction]) -> Poly:
    """Return the monic greatest common divisor."""
    a, b = trimmed(a), trimmed(b)
    while b:
        a, b = b, remainder(a, b)
    return [c / a[0] for c in a]


def quotient(a: Sequence[Fraction], b: Sequence[Fraction]) -> Poly:
    """Return a / b for b that divides a."""
    left, made = list(a), []
    while len(left) >= len(b):
        factor = left[0] / b[0]
        made.append(factor)
        left = [u - factor * v for u, v in zip(left, [*b, *[Fraction(0)] * len(left)],
                                               strict=False)][1:]
    return made


def squarefree(p: Sequence[Fraction]) -> Poly:
    """Return the polynomial with the same roots, each once.

    Examples
    --------
    >>> [str(c) for c in squarefree([Fraction(1), Fraction(-2), Fraction(1)])]
    ['1', '-1']
    """
    p = trimmed(p)
    if len(p) < 2:
        return p
    return quotient(p, gcd(p, derivative(p)))


def chain(p: Sequence[Fraction]) -> list[Poly]:
    """Return Sturm's chain of a square-free polynomial; each link scaled by a positive number."""
    made = [list(p), derivative(p)]
    while len(made[-1]) > 1:
        left = remainder(made[-2], made[-1])
        if not left:
            break
        made.append([-c / abs(left[0]) for c in left])
    return made


def _changes(links: Sequence[Sequence[Fraction]], x: Fraction) -> int:
    signs = [v > 0 for v in (value(link, x) for link in links) if v != 0]
    return sum(a != b for a, b in zip(signs, signs[1:], strict=False))


def count(links: Sequence[Sequence[Fraction]], a: Fraction, b: Fraction) -> int:
    """Return the number of distinct roots in (a, b].

    Examples
    --------
    >>> links = chain([Fraction(1), Fraction(0), Fraction(-2)])
    >>> count(links, Fraction(0), Fraction(2))
    1
    """
    return _changes(links, a) - _changes(links, b)


def bound(p: Sequence[Fraction]) -> Fraction:
    """Return a number above all real roots (Cauchy)."""
    return 1 + max((abs(c / p[0]) for c in p[1:]), default=Fraction(0))


def isolate(p: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]]:
    """Return disjoint intervals (a, b], 0 <= a, with one positive root of p in each, in order."""
    p = squarefree(p)
    if len(p) < 2:
        return []
    links, made = chain(p), []
    todo = [(Fraction(0), bound(p))]
    while todo:
        a, b = todo.pop()
        here = count(links, a, b)
        if here == 0:
            continue
        if here == 1:
            made.append((a, b))
            continue
        middle = (a + b) / 2
        todo += [(a, middle), (middle, b)]
    return sorted(made)


def narrowed(p: Sequence[Fraction], found: tuple[Fraction, Fraction], width: Fraction
             ) -> tuple[Fraction, Fraction]:
    """Return a narrower interval (a, b] around the root of an isolating one."""
    links, (a, b) = chain(squarefree(p)), found
    while b - a > width:
        middle = (a + b) / 2
        if count(links, a, middle):
            b = middle
        else:
            a = middle
    return a, b
