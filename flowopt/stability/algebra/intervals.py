"""Intervals of doubles, rounded outward, and the elementary functions of them.

Sums, products, quotients and square roots are correctly rounded by the processor, so the next
double outward is a bound. Other functions are enclosed at the ends by balls of python-flint where
it is installed, else by the intervals of mpmath, and by their monotony in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

INF = math.inf


def down(x: float) -> float:
    """Return the next double below."""
    return math.nextafter(x, -INF)


def up(x: float) -> float:
    """Return the next double above."""
    return math.nextafter(x, INF)


class Interval:
    """A closed interval [low, high]; what cannot be bounded is the whole line.

    Examples
    --------
    >>> from flowopt.stability.algebra.intervals import Interval
    >>> x = Interval(-1.0, 2.0)
    >>> (x**2).low, 4.0 <= (x**2).high < 4.000001, (1/x).low
    (0.0, True, -inf)
    """

    __slots__ = ("low", "high")

    def __init__(self, low: float, high: float | None = None) -> None:
        high = low if high is None else high
        if not low <= high:
            low, high = -INF, INF  # nan
        self.low, self.high = low, high

    @classmethod
    def of(cls, value: Any) -> Interval:
        """Return a double or a rational number as an interval."""
        if isinstance(value, Interval):
            return value
        if isinstance(value, (int, float)) and float(value) == value:
            return cls(float(value))
        exact = Fraction(int(value.p), int(value.q)) if hasattr(value, "p") else Fraction(value)
        near = float(exact)
        return cls(near if Fraction(near) <= exact else down(near),
                   near if Fraction(near) >= exact else up(near))

    def __add__(self, other: Any) -> Interval:
        b = Interval.of(other)
        low, high = self.low + b.low, self.high + b.high
        # a sum of doubles that is 0 is exact
        return Interval(down(low) if low else low, up(high) if high else high)

    __radd__ = __add__

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Any) -> Interval:
        b = Interval.of(other)
        return self + -b

    def __rsub__(self, other: Any) -> Interval:
        return Interval.of(other) - self

    def __mul__(self, other: Any) -> Interval:
        b = Interval.of(other)
        ends = [_product(u, v) for u in (self.low, self.high) for v in (b.low, b.high)]
        return Interval(min(e[0] for e in ends), max(e[1] for e in ends))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Interval:
        b = Interval.of(other)
        if b.low <= 0 <= b.high:
            return Interval(-INF, INF)
        return self * Interval(down(1 / b.high), up(1 / b.low))

    def __rtruediv__(self, other: Any) -> Interval:
        return Interval.of(other) / self

    def __pow__(self, n: int) -> Interval:
        if n < 0:
            return 1 / self ** (-n)
        if n % 2 == 0 and self.low < 0 < self.high:
            size = max(-self.low, self.high)
            return Interval(0.0, _power(size, n)[1])
        low, high = (self.low, self.high) if n % 2 or self.low >= 0 else (-self.high, -self.low)
        return Interval(_power(low, n)[0], _power(high, n)[1])

    def __contains__(self, x: float) -> bool:
        return self.low <= x <= self.high

    @property
    def middle(self) -> float:
        """A double near the middle."""
        return self.low + (self.high - self.low) / 2

    @property
    def width(self) -> float:
        """An upper bound of the width."""
        return up(self.high - self.low)

    @property
    def size(self) -> float:
        """The greatest absolute value."""
        return max(-self.low, self.high)

    def inside(self, other: Interval) -> bool:
        """Return whether the interval lies in the interior of another."""
        return other.low < self.low and self.high < other.high

    def meet(self, other: Interval) -> Interval | None:
        """Return the intersection, or None when it is empty."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high) if low <= high else None

    def __repr__(self) -> str:
        return f"[{self.low!r}, {self.high!r}]"


def _product(a: float, b: float) -> tuple[float, float]:
    """Return bounds of a b; a product with 0 is 0 exactly, also with infinity."""
    if a == 0 or b == 0:
        return 0.0, 0.0
    value = a * b
    return down(value), up(value)


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b  # 0 inf is 0 here


def _power(x: float, n: int) -> tuple[float, float]:
    """Return bounds of x^n."""
    low = high = 1.0
    size = abs(x)
    for _ in range(n):
        low, high = max(0.0, down(low * size)) if size else 0.0, up(_times(high, size))
    if n == 0:
        return 1.0, 1.0
    return (-high, -low) if x < 0 and n % 2 else (low, high)


# ---------------------------------------------------------------- functions
def _ball(name: str, x: float) -> tuple[float, float]:
    """Return bounds of a function at a double."""
    if not math.isfinite(x):
        return _limit(name, x)
    try:
        from flint import arb

        made = getattr(arb(x), name)()
        low, high = float(made.lower()), float(made.upper())
    except ImportError:
        low, high = _mpmath(name, x)
    if not low <= high:
        return -INF, INF
    return down(low), up(high)


def _mpmath(name: str, x: float) -> tuple[float, float]:
    from mpmath import iv

    iv.prec = 80
    z = iv.mpf(x)
    if name in ("exp", "log", "sin", "cos", "tan", "sqrt"):
        made = getattr(iv, name)(z)
    elif name == "tanh":
        made = 1 - 2 / (iv.exp(2 * z) + 1)
    elif name == "sinh":
        made = (iv.exp(z) - iv.exp(-z)) / 2
    elif name == "cosh":
        made = (iv.exp(z) + iv.exp(-z)) / 2
    else:
        raise NoInterval(f"{name} is enclosed by python-flint only, which is not installed")
    return float(made.a), float(made.b)


class NoInterval(ValueError):
    """A function that has no interval form; the message names it."""


def _limit(name: str, x: float) -> tuple[float, float]:
    if name == "exp":
        return (0.0, 0.0) if x < 0 else (math.nextafter(INF, 0), INF)
    if name in ("tanh", "erf"):
        return (-1.0, up(-1.0)) if x < 0 else (down(1.0), 1.0)
    if name == "log" and x > 0:
        return math.nextafter(INF, 0), INF
    return -INF, INF


def _rising(name: str) -> Callable[[Interval], Interval]:
    def call(x: Interval) -> Interval:
        return Interval(_ball(name, x.low)[0], _ball(name, x.high)[1])

    return call


def log(x: Interval) -> Interval:
    """Return log x; the whole line where x may be <= 0."""
    return Interval(-INF, INF) if x.low <= 0 else _rising("log")(x)


def sqrt(x: Interval) -> Interval:
    """Return √x; the whole line where x may be negative."""
    if x.low < 0:
        return Interval(-INF, INF)
    return Interval(max(0.0, down(math.sqrt(x.low))), up(math.sqrt(x.high)))


def _wave(name: str, shift: Fraction) -> Callable[[Interval], Interval]:
    """Return cos, or sin = cos(x − π/2), by the multiples of π that lie in between."""

    def call(x: Interval) -> Interval:
        if not (math.isfinite(x.low) and math.isfinite(x.high)) or x.width > 6.29:
            return Interval(-1.0, 1.0)
        pi = Interval(math.pi, up(math.pi))
        turns = x / pi - Interval.of(shift)
        first, last = math.ceil(turns.low), math.floor(turns.high)
        a, b = _ball(name, x.low), _ball(name, x.high)
        low, high = min(a[0], b[0]), max(a[1], b[1])
        peaks = range(first, last + 1)
        if any(k % 2 == 0 for k in peaks):
            high = 1.0
        if any(k % 2 for k in peaks):
            low = -1.0
        return Interval(max(low, -1.0), min(high, 1.0))

    return call


cos, sin = _wave("cos", Fraction(0)), _wave("sin", Fraction(1, 2))


def absolute(x: Interval) -> Interval:
    """Return |x|."""
    if x.low >= 0:
        return x
    return -x if x.high <= 0 else Interval(0.0, x.size)


def cosh(x: Interval) -> Interval:
    """Return cosh x."""
    size = absolute(x)
    return Interval(max(1.0, _ball("cosh", size.low)[0]), _ball("cosh", size.high)[1])


def sign(x: Interval) -> Interval:
    """Return the sign, with all of [-1, 1] at 0."""
    return Interval(1.0 if x.low > 0 else -1.0, -1.0 if x.high < 0 else 1.0)


FUNCTIONS: dict[str, Callable[[Interval], Interval]] = {
    "exp": lambda x: Interval(max(0.0, _ball("exp", x.low)[0]), _ball("exp", x.high)[1]),
    "log": log, "sin": sin, "cos": cos, "tan": lambda x: sin(x) / cos(x),
    "sinh": _rising("sinh"), "cosh": cosh, "tanh": _rising("tanh"), "atan": _rising("atan"),
    "erf": _rising("erf"), "Abs": absolute, "sign": sign,
    "Heaviside": lambda x: (sign(x) + 1) / Interval(2.0),
}
