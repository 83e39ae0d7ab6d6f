"""Where the eigenvalues of an exact matrix lie: left, right or on the imaginary axis, counted.

The entries are elements of one field Q(α). With χ(λ) = E(λ²) + λ O(λ²) the eigenvalues that come
in pairs ±λ are those of gcd(E, O), among them all on the axis; what is left has none there, and
its roots are counted by a Cauchy index (Routh 1877; Gantmacher, Theory of Matrices II, XV).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.algebraic import Number


@dataclass(frozen=True)
class Count:
    """How many eigenvalues (with multiplicity) lie where.

    Attributes
    ----------
    left, right : int
        Those with negative and with positive real part.
    zero : int
        The multiplicity of 0.
    axis : int
        Those on the imaginary axis without 0.
    real : int
        The real ones, 0 among them.
    """

    left: int
    right: int
    zero: int
    axis: int
    real: int

    @property
    def hyperbolic(self) -> bool:
        """Whether none has real part 0."""
        return self.zero == self.axis == 0


def characteristic(matrix: Sequence[Sequence[Number]]) -> list[Number]:
    """Return det(λ − A), ascending, by Faddeev's recursion."""
    n = len(matrix)
    root = matrix[0][0].root
    one, zero = Number(root, [1]), Number(root, [])
    found = [one]  # descending
    m = [[zero] * n for _ in range(n)]
    for k in range(1, n + 1):
        m = [[_dot(matrix[i], [row[j] for row in m], zero)
              + (found[-1] if i == j else zero) for j in range(n)] for i in range(n)]
        trace = zero
        for i in range(n):
            trace = trace + _dot(matrix[i], [row[i] for row in m], zero)
        found.append(-trace / k)
    return found[::-1]


def _dot(a: Sequence[Number], b: Sequence[Number], zero: Number) -> Number:
    made = zero
    for u, v in zip(a, b, strict=True):
        if u.num and v.num:
            made = made + u * v
    return made


def count(chi: Sequence[Number]) -> Count:
    """Return where the roots of a polynomial over Q(α) lie.

    Examples
    --------
    >>> from flowopt.stability.algebra.algebraic import number
    >>> count([number(c) for c in (0, 4, 1, 1)])  # λ (λ² + λ + 4)
    Count(left=2, right=0, zero=1, axis=0, real=1)
    """
    p = _trim(chi)
    zero = next(k for k, c in enumerate(p) if c.num)
    p = p[zero:]
    real = zero + _distinct_with_multiplicity(p)
    g = _gcd(p[::2], p[1::2])
    negative = _distinct_with_multiplicity(g, negative=True)
    pairs = len(g) - 1
    doubled: list[Number] = []
    for c in g:
        doubled += [c, c - c]
    rest = _divide(p, _trim(doubled))[0]
    d = len(rest) - 1
    difference = _index(rest)  # left - right
    return Count((d + difference) // 2 + pairs - negative, (d - difference) // 2 + pairs - negative,
                 zero, 2 * negative, real)


def symmetric(chi: Sequence[Number]) -> Count:
    """Return where the roots lie when all are real, as those of a symmetric matrix.

    By Descartes' rule, exact here, the sign changes of χ(−λ) are the negative roots.

    Examples
    --------
    >>> from flowopt.stability.algebra.algebraic import number
    >>> symmetric([number(c) for c in (0, -2, 1, 1)])  # λ (λ − 1) (λ + 2)
    Count(left=1, right=1, zero=1, axis=0, real=3)
    """
    p = _trim(chi)
    zero = next(k for k, c in enumerate(p) if c.num)
    signs = [c.sign() for c in p]
    return Count(_changes([s * (-1) ** k for k, s in enumerate(signs)]), _changes(signs), zero, 0,
                 len(p) - 1)


def _index(p: Sequence[Number]) -> int:
    """Return the roots in the left half-plane less those in the right, none being on the axis."""
    n = len(p) - 1
    if n < 1:
        return 0
    zero = p[0] - p[0]
    a, b = [zero] * (n + 1), [zero] * n
    for k, c in enumerate(p):
        j, odd = divmod(n - k, 2)
        (b if odd else a)[k] = -c if j % 2 else c
    return _variation(_chain(_trim(a), _trim(b)))


def _chain(a: list[Number], b: list[Number]) -> list[list[Number]]:
    """Return Sturm's sequence of a and b."""
    made = [a]
    while b:
        made.append(b)
        a, b = b, [-c for c in _divide(a, b)[1]]
    return made


def _variation(chain: Sequence[Sequence[Number]]) -> int:
    """Return V(-∞) - V(∞)."""
    signs = [c[-1].sign() for c in chain]
    other = [s * (-1) ** (len(c) - 1) for s, c in zip(signs, chain, strict=True)]
    return _changes(other) - _changes(signs)


def _changes(signs: Sequence[int]) -> int:
    kept = [s for s in signs if s]
    return sum(a != b for a, b in zip(kept, kept[1:], strict=False))


def _distinct_with_multiplicity(p: Sequence[Number], negative: bool = False) -> int:
    """Return the number of real roots with multiplicity; of the negative ones only."""
    total, rest = 0, list(p)
    while len(rest) > 1:  # the roots of multiplicity >= 1, then >= 2, ...
        slope = [c * k for k, c in enumerate(rest)][1:]
        chain = _chain(rest, slope)
        if negative:  # no root is 0
            at_zero = [c[0].sign() for c in chain]
            at_minus = [c[-1].sign() * (-1) ** (len(c) - 1) for c in chain]
            total += _changes(at_minus) - _changes(at_zero)
        else:
            total += _variation(chain)
        rest = _gcd(rest, slope)
    return total


def _trim(p: Sequence[Number]) -> list[Number]:
    made = list(p)
    while made and not made[-1].num:
        made.pop()
    return made


def _divide(a: Sequence[Number], b: Sequence[Number]) -> tuple[list[Number], list[Number]]:
    rest = _trim(a)
    inverse = 1 / b[-1]
    quotient = [inverse - inverse] * max(len(rest) - len(b) + 1, 0)
    while len(rest) >= len(b):
        factor, shift = rest[-1] * inverse, len(rest) - len(b)
        quotient[shift] = factor
        for i, c in enumerate(b[:-1]):
            if c.num:
                rest[shift + i] = rest[shift + i] - factor * c
        rest = _trim(rest[:-1])
    return quotient, rest


def _gcd(a: Sequence[Number], b: Sequence[Number]) -> list[Number]:
    """Return the monic greatest common divisor."""
    u, v = _trim(a), _trim(b)
    while v:
        u, v = v, _divide(u, v)[1]
    return [c / u[-1] for c in u]


def eigenvalues(chi: Sequence[Number], guess: Any) -> tuple[Any, Any]:
    """Return approximate roots of χ, and for each the radius of a disc that holds a root.

    With W_i = χ(z_i)/∏_{j≠i}(z_i − z_j) the disc about z_i of radius n |W_i| holds a root where it
    meets no other (Smith, J. ACM 17 (1970) 661), and the one of radius |χ(z_i)|^(1/n) always does.

    Parameters
    ----------
    chi : sequence of Number
        The characteristic polynomial, ascending and monic.
    guess : array of complex
        Approximations, which are improved by Durand and Kerner's iteration.
    """
    import mpmath
    import numpy as np

    n = len(chi) - 1
    tiny = Fraction(1, 2**200)
    with mpmath.workprec(200):
        p = []
        for c in reversed(chi):
            low, _ = c.within(tiny)
            p.append(mpmath.mpf(low.numerator) / low.denominator)
        z = [mpmath.mpc(complex(v)) for v in guess]
        for _ in range(12):
            steps = [_weight(p, z, i) for i in range(n)]
            if None in steps:
                break
            z = [a - w for a, w in zip(z, steps, strict=True)]
        found = np.array([complex(v) for v in z])
        order = np.lexsort((found.imag, found.real))
        found = found[order]
        z = [mpmath.mpc(v) for v in found.tolist()]
        # what rounding in 200 bits and the width of the coefficients may add
        slack = mpmath.mpf(2) ** -150 * (1 + max(map(abs, p)))
        smith, always = [], []
        for i in range(n):
            value = abs(mpmath.polyval(p, z[i])) + slack * (1 + abs(z[i])) ** n
            always.append(mpmath.root(value, n))
            below = mpmath.fprod(abs(z[i] - z[j]) for j in range(n) if j != i)
            smith.append(n * value / below if below else mpmath.inf)
        radii = np.empty(n)
        for i in range(n):
            alone = all(abs(z[i] - z[j]) > smith[i] + smith[j] for j in range(n) if j != i)
            radii[i] = float(min(smith[i], always[i]) if alone else always[i]) * (1 + 1e-12)
    for i, z in enumerate(found):  # a part that is 0 within its disc is shown as 0
        kept = complex(z.real if abs(z.real) > radii[i] else 0.0,
                       z.imag if abs(z.imag) > radii[i] else 0.0)
        if kept != z:
            found[i], radii[i] = kept, 3 * radii[i]
    return found, radii


def _weight(p: Sequence[Any], z: Sequence[Any], i: int) -> Any:
    """Return Weierstrass's correction of z_i, or None where two approximations coincide."""
    import mpmath

    below = mpmath.fprod(z[i] - z[j] for j in range(len(z)) if j != i)
    return mpmath.polyval(p, z[i]) / below if below else None
