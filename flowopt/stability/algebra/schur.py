"""When all roots of a polynomial lie inside the unit circle: Jury's conditions as polynomials.

With ζ = (1 + w)/(1 − w), Q(w) = (1 − w)ⁿ p((1 + w)/(1 − w)) has its roots in Re w < 0 exactly
when p has its own in |ζ| < 1, and the degree of Q is n exactly when p(−1) ≠ 0. For n = 2 the
coefficients of Q are p(−1), 2(1 − a₀), p(1): Jury's conditions. For n > 2 Hurwitz minors join
them (Liénard and Chipart: all coefficients, and every second minor).

Source: E. I. Jury, Theory and Application of the z-Transform Method (1964), chapter 3; A. Liénard,
M. H. Chipart, J. Math. Pures Appl. 10 (1914) 291.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any


def left_half(p: Sequence[Any]) -> list[Any]:
    """Return the coefficients of Q(w), of wⁿ first, from those of p(ζ), of ζⁿ first.

    Examples
    --------
    >>> left_half([1, 0, 0])  # ζ² gives (1 + w)²
    [1, 2, 1]
    """
    n = len(p) - 1
    made = [0] * (n + 1)
    for i, c in enumerate(p):  # c ζ^(n−i): (1 + w)^(n−i) (1 − w)^i
        for a in range(n - i + 1):
            for b in range(i + 1):
                made[n - a - b] = made[n - a - b] + c * (comb(n - i, a) * comb(i, b) * (-1)**b)
    return made


def minors(q: Sequence[Any]) -> list[Any]:
    """Return the Hurwitz minors Δ_{n−1}, Δ_{n−3}, … > 1 of a polynomial, of wⁿ first.

    Examples
    --------
    >>> minors([1, 2, 3, 4])  # a₁ a₂ − a₀ a₃
    [2]
    """
    n = len(q) - 1
    made = []
    for size in range(n - 1, 1, -2):
        rows = [[q[2 * (j + 1) - (i + 1)] if 0 <= 2 * (j + 1) - (i + 1) <= n else 0
                 for j in range(size)] for i in range(size)]
        made.append(_determinant(rows))
    return made


def _determinant(rows: list[list[Any]]) -> Any:
    if len(rows) == 1:
        return rows[0][0]
    total = 0
    for j, entry in enumerate(rows[0]):
        if entry != 0:
            rest = _determinant([row[:j] + row[j + 1:] for row in rows[1:]])
            total = total + (entry if j % 2 == 0 else -entry) * rest
    return total


def conditions(p: Sequence[Any]) -> list[Any]:
    """Return what must be > 0 for all roots of p (leading coefficient > 0) to have modulus < 1.

    Parameters
    ----------
    p : sequence
        Coefficients, of ζⁿ first: numbers, sympy expressions or elements of a ring.

    Returns
    -------
    list
        For n = 1: p(−1) up to sign and p(1); for n = 2 Jury's three; the most telling first.

    Examples
    --------
    >>> from fractions import Fraction
    >>> [str(c) for c in conditions([1, Fraction(-1, 2)])]
    ['3/2', '1/2']
    """
    q = left_half(p)
    return [q[0], *minors(q), *q[1:]]
