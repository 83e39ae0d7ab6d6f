"""Where the roots of a real polynomial lie, by exact signs: the test of Schur and Cohn."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.linear_step import Root


def sign(x: Any) -> int:
    """Return the sign of a rational or of a `Root`."""
    return x.sign() if isinstance(x, Root) else (x > 0) - (x < 0)


def characteristic(M: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the coefficients of det(z I − M), the lowest first (Faddeev and LeVerrier).

    Examples
    --------
    >>> characteristic([[Fraction(1), Fraction(2)], [Fraction(3), Fraction(4)]])
    [Fraction(-2, 1), Fraction(-5, 1), Fraction(1, 1)]
    """
    m = len(M)
    made: list[Any] = [Fraction(1)]
    N = [[Fraction(0)] * m for _ in range(m)]
    for k in range(1, m + 1):
        # N_k = M N_{k−1} + c_{m−k+1} I,  c_{m−k} = −tr(M N_k)/k
        N = [[_dot(M[i], [N[r][j] for r in range(m)]) + (made[-1] if i == j else 0)
              for j in range(m)] for i in range(m)]
        trace = sum((_dot(M[i], [N[r][i] for r in range(m)]) for i in range(m)), Fraction(0))
        made.append(trace * Fraction(-1, k))
    return made[::-1]


def inside(coefficients: Sequence[Any], radius: Fraction) -> bool:
    """Return whether all roots lie in |z| < radius, exactly.

    Parameters
    ----------
    coefficients : sequence of Fraction or Root
        Lowest first; the leading one is not 0.
    radius : Fraction, > 0
        The radius.

    Examples
    --------
    >>> half = [Fraction(-1, 4), Fraction(0), Fraction(1)]  # z² = 1/4
    >>> inside(half, Fraction(1, 2)), inside(half, Fraction(51, 100))
    (False, True)
    """
    a = [c * radius**k for k, c in enumerate(coefficients)]
    while len(a) > 1:
        low, high = a[0], a[-1]
        if sign(high * high - low * low) <= 0:
            return False
        # (a_n p(z) − a_0 zⁿ p(1/z))/z has the other roots inside
        a = [high * a[k] - low * a[len(a) - 1 - k] for k in range(1, len(a))]
    return True


def observed(M: Sequence[Sequence[Any]]) -> bool:
    """Return whether each motion of ζ⁺ = M ζ shows in its first coordinate."""
    m = len(M)
    row: list[Any] = [Fraction(int(j == 0)) for j in range(m)]
    rows = []
    for _ in range(m):
        rows.append(row)
        row = [_dot(row, [M[r][j] for r in range(m)]) for j in range(m)]
    for k in range(m):
        pivot = next((i for i in range(k, m) if sign(rows[i][k])), None)
        if pivot is None:
            return False
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(k + 1, m):  # without division: only whether pivots vanish matters
            rows[i] = [rows[k][k] * x - rows[i][k] * y
                       for x, y in zip(rows[i], rows[k], strict=True)]
    return True


def _dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    made: Any = Fraction(0)
    for x, y in zip(a, b, strict=True):
        made = x * y + made
    return made
