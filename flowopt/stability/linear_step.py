"""The exact matrices of a map that is linear in its variables and in one gradient.

ζ⁺ = A ζ + B g with g = ∇L at y = C ζ + D g; ζ holds θ − θ* and the states, one coordinate of each.
The numbers are a + b √d with rational a, b and one d for the whole map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flowopt.stability.exact import Refused, fraction, read


@dataclass(frozen=True)
class Root:
    """The number a + b √d.

    Examples
    --------
    >>> x = Root(Fraction(1), Fraction(1), Fraction(2))
    >>> (x * x).a, (x * x).b, (x - 3).sign()
    (Fraction(3, 1), Fraction(2, 1), -1)
    """

    a: Fraction
    b: Fraction = Fraction(0)
    d: Fraction = Fraction(0)

    def _other(self, other: Any) -> Root:
        return other if isinstance(other, Root) else Root(Fraction(other), Fraction(0), self.d)

    def __add__(self, other: Any) -> Root:
        o = self._other(other)
        return Root(self.a + o.a, self.b + o.b, self.d or o.d)

    def __neg__(self) -> Root:
        return Root(-self.a, -self.b, self.d)

    def __sub__(self, other: Any) -> Root:
        return self + (-self._other(other))

    def __mul__(self, other: Any) -> Root:
        o, d = self._other(other), self.d
        d = d or o.d
        return Root(self.a * o.a + self.b * o.b * d, self.a * o.b + self.b * o.a, d)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Root:
        return self._other(other) - self

    def inverse(self) -> Root:
        """Return 1/(a + b √d) = (a − b √d)/(a² − b² d)."""
        norm = self.a**2 - self.b**2 * self.d
        return Root(self.a / norm, -self.b / norm, self.d)

    def sign(self) -> int:
        """Return the sign of a + b √d, d > 0 no square (or b = 0), from those of a, b, a² − b²d."""
        a, b = _sign(self.a), _sign(self.b)
        if not b or a == b:
            return a or b
        return a * _sign(self.a**2 - self.b**2 * self.d) if a else b

    def __float__(self) -> float:
        return float(self.a) + float(self.b) * float(self.d) ** 0.5


def _sign(x: Fraction) -> int:
    return (x > 0) - (x < 0)


@dataclass(frozen=True)
class LinearStep:
    """A, B, C, D of a map, and the names of its variables.

    Attributes
    ----------
    names : tuple of str
        θ and the states, (m,).
    A, B, C : nested tuples of Root
        (m, m), (m,) and (m,).
    D : Root
        The weight of the gradient in the point that it is taken at; not 0 for implicit steps.
    """

    names: tuple[str, ...]
    A: tuple[tuple[Root, ...], ...]
    B: tuple[Root, ...]
    C: tuple[Root, ...]
    D: Root

    @property
    def m(self) -> int:
        """The number of variables."""
        return len(self.names)

    @property
    def radicand(self) -> Fraction:
        """The d of all numbers; 0 when they are rational."""
        held = [*self.B, *self.C, self.D, *(v for row in self.A for v in row)]
        return next((v.d for v in held if v.b), Fraction(0))

    def loop(self, curvature: Any) -> list[list[Root]]:
        """Return the matrix of ζ ↦ ζ⁺ on ½ λ x², where g = λ (C ζ + D g)."""
        lam = fraction(curvature)
        gain = (Root(Fraction(1)) - self.D * lam).inverse() * lam
        return [[self.A[i][j] + self.B[i] * gain * self.C[j] for j in range(self.m)]
                for i in range(self.m)]


def linear_step(system: Mapping[str, Any]) -> LinearStep:
    """Return the matrices of a system of kind "optimizer".

    Raises
    ------
    Refused
        When the map is not linear, takes more than one gradient, depends on the step's number,
        holds more than one square root, or does not rest at a minimiser with its states at 0.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.iterations.discrete import optimizer_system
    >>> made = linear_step(optimizer_system(fo.optimizers.heavy_ball(lr=0.5, momentum=0.25)))
    >>> [[float(v) for v in row] for row in made.A], [float(v) for v in made.B]
    ([[1.0, 0.25], [0.0, 0.25]], [-0.5, -0.5])
    """
    if system.get("kind") != "optimizer":
        raise Refused("the system must be an optimizer's map")
    names = list(system["variables"])
    gradients = dict(system["gradients"])
    if names[:1] != ["theta"] or len(gradients) != 1:
        raise Refused("the map must begin with theta and take one gradient in a step")
    ((gradient, place),) = gradients.items()
    if len({*names, gradient, "new_theta"}) != len(names) + 2:
        raise Refused("a name has two meanings")
    rows = [_row(text, [*names, gradient]) for text in system["equations"]]
    if len(rows) != len(names):
        raise Refused("there must be one equation for each variable")
    point = rows[0] if place == "new_theta" else _row(place, [*names, gradient])
    held = {v.d for row in [*rows, point] for v in row if v.b}
    if len(held) > 1:
        raise Refused("the map holds more than one square root: "
                      + ", ".join(f"sqrt({d})" for d in sorted(held)))
    # at θ = θ*, states 0 and g = 0 the map must rest, wherever θ* is
    if any((row[0] - (k == 0)).sign() for k, row in enumerate(rows)) or (point[0] - 1).sign():
        raise Refused("the map does not rest at a minimiser of L with its states at 0")
    return LinearStep(tuple(names), tuple(tuple(row[:-1]) for row in rows),
                      tuple(row[-1] for row in rows), tuple(point[:-1]), point[-1])


def _row(text: str, names: Sequence[str]) -> list[Root]:
    """Return the coefficients of a linear form."""
    import sympy

    expr = sympy.expand(read(text, names))
    symbols = {n: sympy.Symbol(n, real=True) for n in names}
    found = {n: sympy.S.Zero for n in names}
    for term in sympy.Add.make_args(expr):
        held = [n for n in names if symbols[n] in term.free_symbols]
        if term == 0:
            continue
        factor = term.as_independent(*symbols.values())
        if len(held) != 1 or factor[1] != symbols[held[0]]:
            raise Refused(f"the map is not linear: {text}")
        found[held[0]] += factor[0]
    return [_number(found[n]) for n in names]


def _number(value: Any) -> Root:
    import sympy

    a, b, d = Fraction(0), Fraction(0), Fraction(0)
    for term in sympy.Add.make_args(sympy.expand(value)):
        if term.is_Rational:
            a += fraction(term)
            continue
        factor, rest = term.as_coeff_Mul()
        inside = rest**2
        if not (factor.is_Rational and inside.is_Rational and inside > 0) or (
                d and fraction(inside) != d):
            raise Refused(f"a coefficient must be rational or a + b*sqrt(d), got {value}")
        b, d = b + fraction(factor), fraction(inside)
    return Root(a, b, d if b else Fraction(0))
