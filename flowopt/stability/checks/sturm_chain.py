"""Real roots of rational polynomials by Sturm's chains, for the checkers that need them.

Polynomials are lists of integers without common factor, highest power first. Nothing here knows
of the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import gcd as _gcd
from math import lcm as _lcm

Poly = list[int]


def primitive(p: Sequence[Fraction | int]) -> Poly:
    """Return p times a positive number: integers without common factor or leading zeros.

    Examples
    --------
    >>> primitive([Fraction(0), Fraction(1, 2), Fraction(-1, 3)])
    [3, -2]
    """
    many = [Fraction(c) for c in p]
    below = _lcm(*(c.denominator for c in many)) if many else 1
    whole = [c.numerator * (below // c.denominator) for c in many]
    while whole and whole[0] == 0:
        whole.pop(0)
    common = _gcd(*whole) if whole else 1
    return [c // common for c in whole] if common > 1 else whole


def value(p: Sequence[Fraction | int], x: Fraction) -> Fraction:
    """Return p(x)."""
    total = Fraction(0)
    for c in p:
        total = total * x + c
    return total


def _scaled(p: Sequence[int], x: Fraction) -> int:
    """Return p(a/b) b^n, an integer of the same sign, for integers p."""
    a, b, total, power = x.numerator, x.denominator, 0, 1
    for c in p:
        total = total * a + c * power
        power *= b
    return total


def derivative(p: Sequence[int]) -> Poly:
    """Return p' times a positive number."""
    n = len(p) - 1
    return primitive([c * (n - i) for i, c in enumerate(p[:-1])])


def remainder(a: Sequence[int], b: Sequence[int]) -> Poly:
    """Return the remainder of a by b, times a positive number."""
    left, lead = list(a), b[0]
    while len(left) >= len(b):
        if left[0] == 0:
            left.pop(0)
            continue
        g = _gcd(left[0], lead)
        up, factor = abs(lead) // g, left[0] // g * (1 if lead > 0 else -1)
        left = [up * u - factor * v for u, v in zip(left, [*b, *[0] * len(left)], strict=False)][1:]
    return primitive(left)


def gcd(a: Sequence[int], b: Sequence[int]) -> Poly:
    """Return the greatest common divisor."""
    a, b = primitive(a), primitive(b)
    if a == b:
        return a
    if _coprime(a, b):
        return [1]
    while b:
        a, b = b, remainder(a, b)
    return a


#: primes for a quick proof that two polynomials have no common root
_PRIMES = (2**61 - 1, 2**31 - 1)


def _coprime(a: Sequence[int], b: Sequence[int]) -> bool:
    """Return whether a and b are shown to be coprime, by their remainders for a prime.

    A common factor would be one for the prime too, when the leads do not vanish. False says
    nothing.
    """
    for q in _PRIMES:
        u, v = [c % q for c in a], [c % q for c in b]
        if not u or not v or u[0] == 0 or v[0] == 0:
            continue
        while len(v) > 1:
            inverse = pow(v[0], -1, q)
            while len(u) >= len(v):
                f = u[0] * inverse % q
                u = [(x - f * y) % q for x, y in zip(u, [*v, *[0] * len(u)], strict=False)][1:]
            while u and u[0] == 0:
                u.pop(0)
            u, v = v, u
        if len(v) == 1 and v[0]:
            return True
    return False


def quotient(a: Sequence[int], b: Sequence[int]) -> Poly:
    """Return a / b, times a number, for b that divides a."""
    left, made = [Fraction(c) for c in a], []
    while len(left) >= len(b):
        factor = left[0] / b[0]
        made.append(factor)
        left = [u - factor * v for u, v in zip(left, [*b, *[0] * len(left)], strict=False)][1:]
    return primitive(made)


def squarefree(p: Sequence[Fraction | int]) -> Poly:
    """Return the polynomial with the same roots, each once.

    Examples
    --------
    >>> squarefree([1, -2, 1])
    [1, -1]
    """
    return list(_squarefree(tuple(primitive(p))))


@lru_cache(maxsize=64)
def _squarefree(p: tuple[int, ...]) -> Poly:
    if len(p) < 2:
        return list(p)
    return quotient(p, gcd(p, derivative(p)))


def chain(p: Sequence[int]) -> list[Poly]:
    """Return Sturm's chain of a square-free polynomial; each link scaled by a positive number."""
    return _chain(tuple(p))


@lru_cache(maxsize=64)
def _chain(p: tuple[int, ...]) -> list[Poly]:
    made = [list(p), derivative(p)]
    while len(made[-1]) > 1:
        left = remainder(made[-2], made[-1])
        if not left:
            break
        made.append([-c for c in left])
    return made


def _changes(links: Sequence[Sequence[int]], x: Fraction) -> int:
    signs = [v > 0 for v in (_scaled(link, x) for link in links) if v != 0]
    return sum(a != b for a, b in zip(signs, signs[1:], strict=False))


def count(links: Sequence[Sequence[int]], a: Fraction, b: Fraction) -> int:
    """Return the number of distinct roots in (a, b].

    Examples
    --------
    >>> count(chain([1, 0, -2]), Fraction(0), Fraction(2))
    1
    """
    return _changes(links, a) - _changes(links, b)


def bound(p: Sequence[int]) -> Fraction:
    """Return a number above all real roots (Cauchy)."""
    return 1 + max((abs(Fraction(c, p[0])) for c in p[1:]), default=Fraction(0))


def changes_on(p: Sequence[int], a: Fraction, b: Fraction) -> int:
    """Return the sign changes of the coefficients of (1 + x)^n p((a + b x)/(1 + x)).

    By Descartes' rule these are at least the roots in the open interval (a, b), and 0 or 1 are
    exact.
    """
    n = len(p) - 1
    d = _lcm(a.denominator, b.denominator)
    low, wide = a.numerator * (d // a.denominator), (b - a).numerator * (
        d // (b - a).denominator)
    # q(y) = d^n p((low + wide y)/d), 0 < y < 1
    q, power = list(p), 1
    for k in range(n + 1):
        q[k] = q[k] * power
        power *= d
    for i in range(n):  # shift by low
        for k in range(1, n - i + 1):
            q[k] += low * q[k - 1]
    power = 1
    for k in range(n, -1, -1):
        q[k] *= power
        power *= wide
    # reversed, and shifted by 1: the roots in (0, 1) become those > 0
    q = q[::-1]
    for i in range(n):
        for k in range(1, n - i + 1):
            q[k] += q[k - 1]
    signs = [c > 0 for c in q if c]
    return sum(u != v for u, v in zip(signs, signs[1:], strict=False))


def roots_in(p: Sequence[int], a: Fraction, b: Fraction) -> int:
    """Return the number of roots of a square-free p in (a, b].

    Examples
    --------
    >>> roots_in([1, 0, -2], Fraction(0), Fraction(2))
    1
    """
    if len(p) < 2:
        return 0
    here = changes_on(p, a, b)
    if here > 1:
        return count(chain(p), a, b)
    return here + (_scaled(p, b) == 0)


def isolate(p: Sequence[Fraction | int]) -> list[tuple[Fraction, Fraction]]:
    """Return disjoint intervals (a, b], 0 <= a, with one positive root of p in each, in order."""
    p = squarefree(p)
    if len(p) < 2:
        return []
    made = []
    top = Fraction(1)
    while top < bound(p):
        top *= 2
    todo = [(Fraction(0), top)]
    while todo:
        a, b = todo.pop()
        here = changes_on(p, a, b)
        at_end = _scaled(p, b) == 0
        if here + at_end == 0:
            continue
        if here + at_end == 1:
            made.append((a, b))
            continue
        todo += [(a, (a + b) / 2), ((a + b) / 2, b)]
    return sorted(made)


def narrowed(p: Sequence[int], found: tuple[Fraction, Fraction], width: Fraction
             ) -> tuple[Fraction, Fraction]:
    """Return a narrower interval (a, b] around the one root of a square-free p in (a, b]."""
    a, b = found
    end = _scaled(p, b)
    if end == 0:
        return max(a, b - width), b
    while b - a > width:
        middle = (a + b) / 2
        here = _scaled(p, middle)
        if here == 0:
            return max(a, middle - width), middle
        if (here > 0) == (end > 0):
            b = middle
        else:
            a = middle
    return a, b


def interpolated(values: Sequence[tuple[Fraction, Fraction]]) -> list[Fraction]:
    """Return the polynomial through points (x, y), by Newton's differences; highest power first.

    Examples
    --------
    >>> [str(c) for c in interpolated([(Fraction(0), Fraction(1)), (Fraction(2), Fraction(5))])]
    ['2', '1']
    """
    xs = [x for x, _ in values]
    table = [y for _, y in values]
    for k in range(1, len(xs)):
        for i in range(len(xs) - 1, k - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (xs[i] - xs[i - k])
    made = [Fraction(0)]
    for c, x in zip(reversed(table), reversed(xs), strict=True):
        zero = Fraction(0)
        made = [a - x * b for a, b in zip([*made, zero], [zero, *made], strict=True)]
        made[-1] += c
    while len(made) > 1 and made[0] == 0:
        made.pop(0)
    return made
