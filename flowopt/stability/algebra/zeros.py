"""All real zeros of a polynomial system over Q, exactly.

1.  A Gröbner basis (graded reverse lexicographic) tells whether there are finitely many complex
    zeros: then the quotient algebra A = Q[x]/I has finite dimension D, with a monomial basis.
2.  For a linear form u the vectors 1, u, u², ... in A give the minimal polynomial p of u. When
    its degree is D the zeros are in shape position: x_i = h_i(u) modulo p. When no u does it the
    ideal is made radical first: the square-free parts of the minimal polynomials of all
    coordinates are adjoined (Seidenberg 1974), and then some u = x + k y + k² z ... does.
3.  Each irreducible factor q of p and each real root α of q is one real zero (h_1(α), ...); its
    multiplicity is that of q in the characteristic polynomial of u on A.

Source: Cox, Little and O'Shea, Using Algebraic Geometry, 2nd ed. (2005), chapter 2, sections
2 to 4; Rouillier, AAECC 9 (1999) 433.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.algebraic import Number, Root, real_roots
from flowopt.stability.algebra.quotient import MOST, Algebra, Elimination, fraction
from flowopt.stability.algebra.univariate import divided, primitive, product, trimmed


class OutOfTime(Exception):
    """The time that was allowed is spent."""


@dataclass(frozen=True)
class Zero:
    """A real zero: coordinates in Q(α), the factor that α is a root of, and its multiplicity."""

    coordinates: tuple[Number, ...]
    root: Root
    multiplicity: int


@dataclass(frozen=True)
class Zeros:
    """What is known of the real zeros of a system.

    Attributes
    ----------
    points : tuple of Zero
        The real zeros found.
    complete : bool
        Whether these are all.
    dimension : int
        That of the complex zeros: -1 there are none, 0 finitely many, 1 infinitely many.
    reason : str
        One sentence.
    basis : tuple of sympy.Expr
        The Gröbner basis, for a set that is infinite.
    """

    points: tuple[Zero, ...]
    complete: bool
    dimension: int
    reason: str
    basis: tuple[Any, ...] = ()


def clock(seconds: float) -> Any:
    """Return a function that raises `OutOfTime` once the seconds are spent."""
    end = time.monotonic() + seconds

    def ask() -> None:
        if time.monotonic() > end:
            raise OutOfTime

    return ask


def _ring(variables: Sequence[Any], ask: Any) -> Any:
    """Return the ring over Q, whose order asks the clock on the way."""
    from sympy import QQ
    from sympy.polys.orderings import ReversedGradedLexOrder
    from sympy.polys.rings import PolyRing

    count = itertools.count()

    class Timed(ReversedGradedLexOrder):
        """Graded reverse lexicographic order, with an eye on the time."""

        def __call__(self, monomial: Any) -> Any:
            if next(count) % 4096 == 0:
                ask()
            return super().__call__(monomial)

    return PolyRing([str(v) for v in variables], QQ, Timed())


def real_zeros(polynomials: Sequence[Any], variables: Sequence[Any],
               seconds: float = 20.0) -> Zeros:
    """Return all real zeros of polynomials with rational coefficients.

    Parameters
    ----------
    polynomials : sequence of sympy.Expr
        Polynomials in `variables`.
    variables : sequence of sympy.Symbol
        The unknowns.
    seconds : float
        The time to spend; what is not found by then makes the answer incomplete.

    Examples
    --------
    >>> import sympy
    >>> x, y = sympy.symbols("x y", real=True)
    >>> found = real_zeros([x**2 + y**2 - 5, x*y - 2], [x, y])
    >>> found.complete, [[int(c.fraction) for c in p.coordinates] for p in found.points]
    (True, [[-2, -1], [-1, -2], [1, 2], [2, 1]])
    """
    import sympy

    ask = clock(seconds)
    try:
        ring = _ring(variables, ask)
        made = [ring.from_dict(sympy.Poly(p, *variables, domain=sympy.QQ).rep.to_dict())
                for p in polynomials]
        made = [p for p in made if p]
        return _solve(ring, made, variables, ask)
    except OutOfTime:
        return Zeros((), False, 1, f"the algebra did not end within {seconds:g} seconds")


def _solve(ring: Any, polynomials: list[Any], variables: Sequence[Any], ask: Any) -> Zeros:
    from sympy.polys.groebnertools import groebner

    n = len(variables)
    basis = groebner(polynomials, ring, method="buchberger") if polynomials else []
    if any(p.is_ground for p in basis):
        return Zeros((), True, -1, "the equations have no zero, not even a complex one")
    if not _finite(basis, n):
        return Zeros((), False, 1, "the equations have infinitely many complex zeros",
                     tuple(p.as_expr(*variables) for p in basis))
    algebra = Algebra(ring, basis, ask)
    if algebra.size > MOST:
        return Zeros((), False, 0, f"the equations have {algebra.size} complex zeros, and at most "
                     f"{MOST} are solved for")
    shape = _shape(algebra)
    multiplicities: Any = None
    if shape is None:
        extra = [_adjoined(ring, i, algebra.minimal(algebra.unit(i))) for i in range(n)]
        radical = Algebra(ring, groebner([*basis, *extra], ring, method="buchberger"), ask)
        shape = _shape(radical, exhaustive=True)
        assert shape is not None
        multiplicities = algebra.characteristic(algebra.form(shape[0]))
    form, p, coordinates = shape
    points = []
    for q, power in factors(p):
        ask()
        if multiplicities is not None:
            power = _power(multiplicities, q)
        reduced = [trimmed(divided(h, q)[1]) for h in coordinates]
        for root in real_roots(q):
            points.append(Zero(tuple(Number(root, h) for h in reduced), root, power))
    points.sort(key=lambda z: [float(c) for c in z.coordinates])
    return Zeros(tuple(points), True, 0,
                 f"{algebra.size} complex zeros with multiplicity, {len(points)} of them real")


def _finite(basis: Sequence[Any], n: int) -> bool:
    """Return whether each variable has a power among the leading monomials."""
    powers = {next(i for i in range(n) if p.LM[i]) for p in basis
              if sum(a > 0 for a in p.LM) == 1}
    return len(powers) == n


def _forms(n: int, exhaustive: bool, size: int) -> Any:
    """Return linear forms to try: the coordinates, then x + k y + k² z ..."""
    for i in reversed(range(n)):
        yield [int(i == j) for j in range(n)]
    if n == 1:
        return
    # finitely many k fail: two points of `size` agree for at most n - 1 values of k
    for k in range(1, (n - 1) * size * size + 2 if exhaustive else 4):
        yield [k**j for j in range(n)]
        yield [(-k) ** j for j in range(n)]


def _shape(algebra: Algebra, exhaustive: bool = False) -> Any:
    """Return a form u, its polynomial p and x_i = h_i(u) modulo p, when some u gives them."""
    for form in _forms(algebra.n, exhaustive, algebra.size):
        space, p = algebra.krylov(form)
        if len(p) - 1 < algebra.size:
            continue
        one = algebra.ring.domain.one
        found = [space.express(algebra.times(algebra.unit(i), {0: one})) for i in range(algebra.n)]
        return form, [fraction(c) for c in p], [[fraction(c) for c in h] for h in found]
    return None


def _adjoined(ring: Any, i: int, p: list[Any]) -> Any:
    """Return the square-free part of p as a polynomial in x_i."""
    part: list[Any] = [Fraction(1)]
    for q, _ in factors([fraction(c) for c in p]):
        part = product(part, q)
    return ring.from_dict({tuple(k * (i == j) for j in range(ring.ngens)):
                           ring.domain(int(c.numerator), int(c.denominator))
                           for k, c in enumerate(part) if c})


def factors(p: Sequence[Fraction]) -> list[tuple[list[int], int]]:
    """Return the irreducible factors of p over Q with their powers, ascending and primitive."""
    made = primitive(p)
    try:
        from flint import fmpz_poly

        return sorted(((primitive([int(c) for c in q.coeffs()]), int(power))
                       for q, power in fmpz_poly(made).factor()[1]), key=lambda f: (len(f[0]), f))
    except ImportError:
        from sympy import ZZ
        from sympy.polys.factortools import dup_factor_list

        found = dup_factor_list([ZZ(c) for c in reversed(made)], ZZ)[1]
        return sorted(((primitive([int(c) for c in reversed(q)]), power)
                       for q, power in found), key=lambda f: (len(f[0]), f))


def _power(p: Sequence[Any], q: Sequence[int]) -> int:
    """Return how often q divides p."""
    power = 0
    while True:
        quotient, rest = divided(p, q)
        if rest:
            return power
        power, p = power + 1, quotient


def minimal_root(c: Number) -> Root:
    """Return a number as a root of its own irreducible polynomial, the same for equal numbers.

    Examples
    --------
    >>> from flowopt.stability.algebra.algebraic import Number, real_roots
    >>> minimal_root(Number(real_roots([-2, 0, 0, 0, 1])[1], [0, 0, 1]))
    Root([-2, 0, 1], 1, 0)
    """
    from sympy import QQ

    space, power = Elimination(QQ), Number(c.root, [1])
    while True:
        relation = space.add({k: QQ(a.numerator, a.denominator)
                              for k, a in enumerate(power.p) if a})
        if relation is not None:
            break
        power = power * c
    p = primitive([*(-fraction(a) for a in relation), Fraction(1)])
    for root in real_roots(p):
        exact = root.rational
        if exact is not None:
            return root
        low, high = Fraction(root.k, 2**root.e), Fraction(root.k + 1, 2**root.e)
        if (c - low).sign() > 0 > (c - high).sign():
            return root
    raise AssertionError("a real number is a root of its minimal polynomial")
