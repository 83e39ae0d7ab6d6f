"""A linear map D y⁺ = N y over a polynomial ring, and its characteristic polynomial det(ζD − N)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as default
from fractions import Fraction
from typing import Any

from flowopt.stability.steps.clocks import NoLinearisation


@dataclass
class Pencil:
    """D y⁺ = N y over a polynomial ring.

    Attributes
    ----------
    N, D : list of lists
        Entries are elements of `ring`.
    ring : sympy PolyRing
        Its generators are the step and the symbols of the rule.
    variables : tuple of str
        θ and the momenta.
    held : dict
        What a symbol stands for, where it stands for more than itself.
    """

    N: list[list[Any]]
    D: list[list[Any]]
    ring: Any
    variables: tuple[str, ...]
    held: dict[str, str] = default(default_factory=dict)
    #: for a Runge–Kutta method: the coefficients of P and Q of R = P/Q, and A
    field: Any = None
    #: what P stands for, as an expression
    meaning: Any = None


# ------------------------------------------------------------------ polynomial matrices
def product(a: Any, b: Any) -> Any:
    """Return the product of two matrices."""
    columns = list(zip(*b, strict=True))
    return [[sum((u * v for u, v in zip(row, column, strict=True) if u and v), row[0] * 0)
             for column in columns] for row in a]


def identity(ring: Any, n: int, scale: Any = None) -> Any:
    """Return the identity of n rows, or `scale` times it."""
    one = ring.one if scale is None else scale
    return [[one if i == j else ring.zero for j in range(n)] for i in range(n)]


def polynomial(coefficients: Sequence[Fraction], matrix: Any, delta: Any, degree: int, ring: Any
               ) -> Any:
    """Return δ^degree Σ c_k (matrix/δ)^k."""
    n = len(matrix)
    made, power = [[ring.zero] * n for _ in range(n)], identity(ring, n)
    for k in range(degree + 1):
        c = coefficients[k] if k < len(coefficients) else Fraction(0)
        if c:
            scale = delta**(degree - k) * ring.domain(c.numerator, c.denominator)
            made = [[u + v * scale for u, v in zip(x, y, strict=True)]
                    for x, y in zip(made, power, strict=True)]
        if k < degree:
            power = product(power, matrix)
    return made


def determinant(matrix: Any, ring: Any) -> Any:
    """Return the determinant of a small polynomial matrix, by Leibniz's formula."""
    n = len(matrix)
    total = ring.zero
    for order in itertools.permutations(range(n)):
        term = ring.one
        for i, j in enumerate(order):
            term = term * matrix[i][j]
            if not term:
                break
        if term:
            odd = sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n)) % 2
            total = total - term if odd else total + term
    return total


def characteristic(pencil: Pencil) -> list[Any]:
    """Return the coefficients of det(ζD − N), of ζⁿ first; elements of the ring."""
    n, ring = len(pencil.N), pencil.ring
    if n > 5:
        raise NoLinearisation(f"the map has {n} linear states, and at most 5 are taken")
    zeta = _Zeta(ring)
    matrix = [[zeta.line(-p, q) for p, q in zip(x, y, strict=True)]
              for x, y in zip(pencil.N, pencil.D, strict=True)]
    return zeta.coefficients(determinant(matrix, zeta.ring), n)


class _Zeta:
    """The ring with one more generator, ζ, as the first."""

    def __init__(self, ring: Any) -> None:
        import sympy
        from sympy.polys.rings import PolyRing

        self.base = ring
        self.ring = PolyRing((sympy.Symbol("zeta_"), *ring.symbols), ring.domain, ring.order)

    def line(self, constant: Any, slope: Any) -> Any:
        made = self.ring.zero
        for power, part in ((0, constant), (1, slope)):
            for exponents, c in part.terms():
                made[(power, *exponents)] = c
        return made

    def coefficients(self, poly: Any, n: int) -> list[Any]:
        made = [self.base.zero.copy() for _ in range(n + 1)]
        for exponents, c in poly.terms():
            made[n - exponents[0]][exponents[1:]] = c
        return made
