"""Real algebraic numbers: a root of an irreducible polynomial in a dyadic cell, and its field.

A `Root` α is the only root of q in the cell (k/2^e, (k + 1)/2^e); a `Number` is an element
p(α) of Q(α), with p reduced modulo q. Because q is irreducible, p(α) = 0 exactly if p = 0, so
that zero is decided without a sign, and the sign of anything else by halving the cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.univariate import (
    cells,
    inverse,
    scaled_value,
    to_integers,
    trimmed,
)


class Root:
    """A real root of an irreducible polynomial over the integers.

    Parameters
    ----------
    q : sequence of int
        The coefficients in ascending order, primitive, with a positive last one.
    k, e : int
        The cell (k/2^e, (k + 1)/2^e) holds this root of q and no other; a rational root is
        known by its polynomial of degree one, whatever the cell.

    Examples
    --------
    >>> from flowopt.stability.algebra.algebraic import Root, real_roots
    >>> [round(float(r), 6) for r in real_roots([-2, 0, 1])]
    [-1.414214, 1.414214]
    >>> real_roots([-2, 0, 1])[1]
    Root([-2, 0, 1], 1, 0)
    """

    def __init__(self, q: Sequence[int], k: int, e: int) -> None:
        self.q = [int(c) for c in q]
        self.k, self.e = int(k), int(e)
        self._low, self._bits = self.k, self.e  # the finest cell so far
        self._rising = scaled_value(self.q, self.k + 1, self.e) > 0

    @property
    def degree(self) -> int:
        """The degree of q."""
        return len(self.q) - 1

    @property
    def rational(self) -> Fraction | None:
        """The root as a fraction when q has degree one."""
        return Fraction(-self.q[0], self.q[1]) if self.degree == 1 else None

    def cell(self, bits: int) -> tuple[int, int]:
        """Return (k, e) with the root in (k/2^e, (k + 1)/2^e) and e >= bits."""
        while self._bits < bits:
            if not self._leap():
                self._halve()
        return self._low, self._bits

    def _halve(self) -> None:
        middle = 2 * self._low + 1
        below = (scaled_value(self.q, middle, self._bits + 1) > 0) != self._rising
        self._low, self._bits = middle if below else middle - 1, self._bits + 1

    def _leap(self) -> bool:
        """Try a step of Newton's method to twice the bits; the cell is proved by two signs."""
        bits = self._bits
        if bits < 8:
            return False
        x = Fraction(2 * self._low + 1, 2 ** (bits + 1))
        slope = _value([i * c for i, c in enumerate(self.q)][1:], x)
        if slope == 0:
            return False
        more = bits + bits // 2
        guess = x - _value(self.q, x) / slope
        low = (guess * 2**more).__floor__()
        for k in (low, low - 1, low + 1):
            first, last = self._low << (more - bits), (self._low + 1) << (more - bits)
            if first <= k < last and (scaled_value(self.q, k, more) > 0) != self._rising \
                    and (scaled_value(self.q, k + 1, more) > 0) == self._rising:
                self._low, self._bits = k, more
                return True
        return False

    def __float__(self) -> float:
        exact = self.rational
        if exact is not None:
            return float(exact)
        bits = 64
        while True:  # both ends round to the same double, or nearly
            k, e = self.cell(bits)
            low, high = Fraction(k, 2**e), Fraction(k + 1, 2**e)
            if float(low) == float(high) or bits > 1200:
                return float(low)
            bits += 40

    def __repr__(self) -> str:
        return f"Root({self.q}, {self.k}, {self.e})"


def _value(p: Sequence[Any], x: Fraction) -> Fraction:
    total = Fraction(0)
    for c in reversed(p):
        total = total * x + c
    return total


#: the field Q itself: elements are constants
RATIONAL = Root([0, 1], 0, 0)


def real_roots(p: Sequence[int]) -> list[Root]:
    """Return the real roots of an irreducible polynomial (ascending coefficients), in order."""
    made = trimmed([int(c) for c in p])
    if made[-1] < 0:
        made = [-c for c in made]
    return [Root(made, k, e) for k, e in cells(made)]


class Number:
    """An element of Q(α), as a polynomial in α of degree below that of q.

    Examples
    --------
    >>> from flowopt.stability.algebra.algebraic import Number, real_roots
    >>> root = Number(real_roots([-2, 0, 1])[1], [0, 1])
    >>> (root*root - 2).sign(), (root - 1).sign(), float(1/root - root/2)
    (0, 1, 0.0)
    """

    __slots__ = ("root", "num", "den")

    def __init__(self, root: Root, p: Sequence[Any]) -> None:
        self.root = root
        num, den = to_integers(trimmed([Fraction(c) for c in p]))
        self.num, self.den = _normal(*_reduced(num, den, root.q))

    @classmethod
    def _made(cls, root: Root, num: list[int], den: int) -> Number:
        made = cls.__new__(cls)
        made.root = root
        made.num, made.den = _normal(num, den)
        return made

    @property
    def p(self) -> list[Fraction]:
        """The coefficients, ascending."""
        return [Fraction(c, self.den) for c in self.num]

    def _other(self, other: Any) -> Number:
        if isinstance(other, Number):
            if other.root is not self.root:
                if not other.num[1:]:
                    return Number._made(self.root, list(other.num), other.den)
                raise ValueError("the two numbers are given in different fields")
            return other
        return Number(self.root, [Fraction(other)])

    def __add__(self, other: Any) -> Number:
        if isinstance(other, Number) and other.root is not self.root and not self.num[1:]:
            return other + Fraction(self.num[0] if self.num else 0, self.den)
        b = self._other(other)
        den = math.lcm(self.den, b.den)
        u, v = den // self.den, den // b.den
        short, long, m, k = (self.num, b.num, u, v) if len(self.num) < len(b.num) else (
            b.num, self.num, v, u)
        made = [c * k for c in long]
        for i, c in enumerate(short):
            made[i] += c * m
        return Number._made(self.root, made, den)

    __radd__ = __add__

    def __neg__(self) -> Number:
        return Number._made(self.root, [-c for c in self.num], self.den)

    def __sub__(self, other: Any) -> Number:
        return self + (-self._other(other))

    def __rsub__(self, other: Any) -> Number:
        return self._other(other) - self

    def __mul__(self, other: Any) -> Number:
        b = self._other(other)
        if not self.num or not b.num:
            return Number._made(self.root, [], 1)
        made = [0] * (len(self.num) + len(b.num) - 1)
        for i, u in enumerate(self.num):
            if u:
                for j, v in enumerate(b.num):
                    made[i + j] += u * v
        return Number._made(self.root, *_reduced(made, self.den * b.den, self.root.q))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Number:
        b = self._other(other)
        return self * Number(self.root, inverse(b.p, self.root.q))

    def __rtruediv__(self, other: Any) -> Number:
        return self._other(other) / self

    def __pow__(self, n: int) -> Number:
        if n < 0:
            return 1 / self ** (-n)
        made = Number(self.root, [1])
        for _ in range(n):
            made = made * self
        return made

    @property
    def zero(self) -> bool:
        """Whether the number is 0, decided exactly."""
        return not self.num

    @property
    def fraction(self) -> Fraction | None:
        """The number as a fraction when it is one manifestly."""
        if self.root.degree == 1:
            return _value(self.p, self.root.rational)  # type: ignore[arg-type]
        if len(self.num) > 1:
            return None
        return Fraction(self.num[0], self.den) if self.num else Fraction(0)

    def bounds(self, bits: int) -> tuple[Fraction, Fraction]:
        """Return rational bounds from a cell of α of width 2^-bits."""
        exact = self.fraction
        if exact is not None:
            return exact, exact
        c, below = self.num, self.den
        k, e = self.root.cell(bits)
        # integer interval Horner on [k, k + 1]/2^e, scaled by 2^(e degree)
        low = high = c[-1]
        for j, a in enumerate(reversed(c[:-1]), start=1):
            ends = (low * k, low * (k + 1), high * k, high * (k + 1))
            shift = a << (e * j)
            low, high = min(ends) + shift, max(ends) + shift
        scale = below << (e * (len(c) - 1))
        return Fraction(low, scale), Fraction(high, scale)

    def within(self, width: Fraction) -> tuple[Fraction, Fraction]:
        """Return rational bounds that are at most `width` apart."""
        bits = 32
        while True:
            low, high = self.bounds(bits)
            if high - low <= width:
                return low, high
            bits *= 2

    def sign(self) -> int:
        """Return the exact sign: -1, 0 or 1."""
        exact = self.fraction
        if exact is not None:
            return (exact > 0) - (exact < 0)
        bits = 16
        while True:  # p(α) ≠ 0 as q is irreducible, so this ends
            low, high = self.bounds(bits)
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            bits *= 2

    def __float__(self) -> float:
        exact = self.fraction
        if exact is not None:
            return float(exact)
        self.sign()
        bits = 64
        while True:
            low, high = self.bounds(bits)
            if float(low) == float(high) or (
                    low * high > 0 and (high - low) * 2**60 < abs(low) + abs(high)):
                return float((low + high) / 2)
            bits *= 2

    def __repr__(self) -> str:
        return f"Number({float(self):.17g})"


def _reduced(num: list[int], den: int, q: Sequence[int]) -> tuple[list[int], int]:
    """Return num/den modulo q, by division without fractions."""
    d, lead = len(q) - 1, q[-1]
    made = list(num)
    while len(made) > d:
        top = made.pop()
        if not top:
            continue
        if lead != 1:
            g = math.gcd(top, lead)
            scale, top = lead // g, top // g
            if scale != 1:
                made = [c * scale for c in made]
                den *= scale
        shift = len(made) - d
        for i in range(d):
            if q[i]:
                made[shift + i] -= top * q[i]
    return made, den


def _normal(num: list[int], den: int) -> tuple[list[int], int]:
    """Return num/den in lowest terms, without zero leading coefficients."""
    made = trimmed(num)
    if not made:
        return [], 1
    g = math.gcd(den, *made)
    return ([c // g for c in made], den // g) if g != 1 else (made, den)


def number(value: Any) -> Number:
    """Return a rational number as an element of Q."""
    return Number(RATIONAL, [Fraction(value)])
