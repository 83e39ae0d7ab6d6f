"""Polynomials over Q for the checkers: reading, denominators, derivatives along a field, shifts.

A rational expression is turned into numerator and denominator without cancelling anything, so
that every place where it has no value is a zero of the denominator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flowopt.stability.exact import Refused, fraction, read

#: polynomials beyond this total degree are refused, so that powers cannot explode
MAX_DEGREE = 60


@lru_cache(maxsize=64)
def ring(names: tuple[str, ...]) -> Any:
    """Return the ring Q[names].

    Examples
    --------
    >>> R = ring(("x", "y"))
    >>> (R.gens[0] + R.gens[1])**2
    x**2 + 2*x*y + y**2
    """
    from sympy import QQ
    from sympy.polys.rings import PolyRing

    return PolyRing(names, QQ)


def number(value: Any) -> Any:
    """Return a rational as an element of sympy's QQ."""
    from sympy import QQ

    made = fraction(value)
    return QQ(made.numerator, made.denominator)


def ratio(expr: Any, R: Any, values: Mapping[str, Any] | None = None) -> tuple[Any, Any]:
    """Return numerator and denominator of a rational expression, nothing being cancelled.

    Parameters
    ----------
    expr : sympy.Expr
        An expression in the names of `R` and the keys of `values`.
    R : PolyRing
        Where the two stand.
    values : mapping of str to rational, optional
        Parameters and their values.

    Raises
    ------
    Refused
        When the expression is not rational in the variables.

    Examples
    --------
    >>> from flowopt.stability.exact import read
    >>> ratio(read("1/x + 1/x", ["x"]), ring(("x",)))
    (2, x)
    """
    named = dict(zip(map(str, R.symbols), R.gens, strict=True))
    values = values or {}

    def walk(e: Any) -> tuple[Any, Any]:
        if e.is_Symbol:
            if str(e) in named:
                return named[str(e)], R.one
            if str(e) in values:
                return R(number(values[str(e)])), R.one
            raise Refused(f"{e} is neither a variable nor a parameter")
        if e.is_Rational or e.is_Float:
            return R(number(e if e.is_Rational else float(e))), R.one
        if e.is_Add:
            top, bottom = R.zero, R.one
            for arg in e.args:
                n, d = walk(arg)
                if d == bottom:
                    top = top + n
                else:
                    top, bottom = top * d + n * bottom, bottom * d
            return _bounded(top), _bounded(bottom)
        if e.is_Mul:
            top, bottom = R.one, R.one
            for arg in e.args:
                n, d = walk(arg)
                top, bottom = _bounded(top * n), _bounded(bottom * d)
            return top, bottom
        if e.is_Pow and e.exp.is_Integer:
            n, d = walk(e.base)
            power = int(e.exp)
            if abs(power) * max(degree(n), degree(d), 1) > MAX_DEGREE:
                raise Refused(f"the degree is beyond {MAX_DEGREE}")
            if power < 0:
                if not n:
                    raise Refused("an expression divides by zero")
                n, d, power = d, n, -power
            return n**power, d**power
        raise Refused(f"{e} is not rational in the variables")

    top, bottom = walk(expr)
    if bottom.is_ground:
        return top * (1 / bottom.LC), R.one
    return top, bottom


def polynomial(text: Any, R: Any, values: Mapping[str, Any] | None = None) -> Any:
    """Return the polynomial that a text stands for.

    Raises
    ------
    Refused
        When it is no polynomial over these names.

    Examples
    --------
    >>> polynomial("(x - 1/2)**2", ring(("x",)))
    x**2 - x + 1/4
    """
    names = [*map(str, R.symbols), *(values or {})]
    if isinstance(text, str):
        text = read(text, names)
    top, bottom = ratio(text, R, values)
    if bottom != R.one:
        raise Refused(f"{text} is not a polynomial")
    return top


def degree(p: Any) -> int:
    """Return the total degree; -1 of the zero polynomial."""
    return max((sum(m) for m in p), default=-1)


def _bounded(p: Any) -> Any:
    if degree(p) > MAX_DEGREE:
        raise Refused(f"the degree is beyond {MAX_DEGREE}")
    return p


def shifted(p: Any, point: Sequence[Any]) -> Any:
    """Return p(x* + u) as a polynomial in u, which bears the names of x."""
    R = p.ring
    if not any(point):
        return p
    return p.compose([(g, g + number(a)) for g, a in zip(R.gens, point, strict=True)])


def at(p: Any, point: Sequence[Any]) -> Fraction:
    """Return the value of p at a rational point, exactly."""
    value = p.evaluate([(g, number(a)) for g, a in zip(p.ring.gens, point, strict=True)])
    return fraction(value)


@dataclass(frozen=True)
class Field:
    """ẋ = P(x)/D(x), with V = N/W: what a statement about a rational field says.

    V̇ = R/(D W²) with R = Σ (∂N/∂xᵢ W − N ∂W/∂xᵢ) Pᵢ, so that where D > 0 and W ≠ 0 the sign of
    V̇ is the sign of R.
    """

    ring: Any
    P: tuple[Any, ...]
    D: Any
    N: Any
    W: Any

    @property
    def rate(self) -> Any:
        """R, the numerator of V̇."""
        total = self.ring.zero
        if not self.P:
            return total  # there is no motion
        for g, p in zip(self.ring.gens, self.P, strict=True):
            total += (self.N.diff(g) * self.W - self.N * self.W.diff(g)) * p
        return total

    @property
    def denominators(self) -> list[Any]:
        """D and W where they are not constant: they must be shown to be positive."""
        return [d for d in dict.fromkeys((self.D, self.W)) if not d.is_ground]

    def along(self, q: Any) -> Any:
        """Return Σ ∂q/∂xᵢ Pᵢ, the derivative of q along D times the field."""
        return sum((q.diff(g) * p for g, p in zip(self.ring.gens, self.P, strict=True)),
                   self.ring.zero)


def field(statement: Mapping[str, Any], V: Any = None) -> Field:
    """Return the rational field of a statement, with V from it (or the one given).

    Raises
    ------
    Refused
        When the system is no field, depends on time, or is not rational.
    """
    system = statement["system"]
    if system.get("kind") not in ("field", "none"):
        raise Refused("the system must be a field")
    names, values = system.get("variables"), system.get("parameters", {})
    if not isinstance(names, list) or not names or len(set(names)) != len(names):
        raise Refused("the variables must be a list of different names")
    R = ring(tuple(names))
    every = [*names, *values]
    P: list[Any] = []
    D = R.one
    for text in system.get("equations", ()):
        top, bottom = ratio(read(text, every), R, values)
        if bottom == D:
            P.append(top)
        else:
            P = [_bounded(p * bottom) for p in P] + [_bounded(top * D)]
            D = _bounded(D * bottom)
    if P and len(P) != len(names):
        raise Refused("there must be one equation for each variable")
    text = statement["V"] if V is None else V
    N, W = R.zero, R.one
    if text is not None:
        N, W = ratio(read(text, every) if isinstance(text, str) else text, R, values)
    return Field(R, tuple(P), D, N, W)


def equilibrium(statement: Mapping[str, Any]) -> tuple[Fraction, ...]:
    """Return the point ``at`` of a statement; 0 by default."""
    n = len(statement["system"]["variables"])
    given = statement["options"].get("at", "0")
    if isinstance(given, str):
        given = [given] * n if given == "0" else [given]
    if not isinstance(given, list) or len(given) != n:
        raise Refused(f"at must have {n} coordinates")
    return tuple(fraction(a) for a in given)


def box(statement: Mapping[str, Any]) -> list[tuple[Fraction, Fraction]] | None:
    """Return the closed box of a statement's domain, or None for the whole space."""
    domain = statement["domain"]
    if domain is None:
        return None
    if set(domain) != {"box"} or len(domain["box"]) != len(statement["system"]["variables"]):
        raise Refused("the domain must be a box with a pair for each variable")
    made = [(fraction(a), fraction(b)) for a, b in domain["box"]]
    if any(a >= b for a, b in made):
        raise Refused("a box must have its lower ends first")
    return made
