"""Where eigenvalues can meet the unit circle, and whether they lie inside it, in rationals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.checks import sturm_chain as sturm
from flowopt.stability.exact import Refused


def schur_stable(p: Sequence[Fraction]) -> bool:
    """Return whether all roots lie inside the unit circle, by the Schur-Cohn recursion.

    Examples
    --------
    >>> schur_stable([Fraction(1), Fraction(0), Fraction(-1, 2)])
    True
    """
    p = list(p)
    while len(p) > 1:
        if p[0] == 0 or abs(p[-1]) >= abs(p[0]):
            return False
        factor = p[-1] / p[0]
        p = [a - factor * b for a, b in zip(p, p[::-1], strict=True)][:-1]
    return True


def walls_of(coefficients: Sequence[Any]) -> list[Any]:
    """Return polynomials one of which is 0 wherever two roots have product 1, or p's lead is 0.

    The coefficients are sympy expressions, of ζⁿ first. A pair ζ, 1/ζ off ±1 is a common root of
    p and of its reciprocal.
    """
    import sympy

    zeta = sympy.Symbol("zeta")
    kept = list(coefficients)
    while len(kept) > 2 and kept[-1] == 0:  # roots ζ = 0 meet nothing
        kept.pop()
    n = len(kept) - 1
    plus = sympy.expand(sum(kept))
    minus = sympy.expand(sum(c * (-1)**i for i, c in enumerate(kept)))
    made = [kept[0], plus, minus]
    if n == 2:
        made.append(sympy.expand(kept[0] - kept[2]))
    elif n > 2:
        forward = sum((c * zeta**(n - i) for i, c in enumerate(kept)), sympy.Integer(0))
        backward = sum((c * zeta**i for i, c in enumerate(kept)), sympy.Integer(0))
        made.append(sympy.expand(sympy.resultant(forward, backward, zeta)))
    return made


def marks(rows: Sequence[Sequence[Fraction]], walls: list[list[Fraction]] | None = None) -> Any:
    """Return the walls, their positive roots in order, and a number before, between, after them.

    Each root is (square-free polynomial, a, b) with a < root <= b, and these are disjoint. The
    walls are None when one of them vanishes everywhere.
    """
    import sympy

    if walls is None:
        z = sympy.Symbol("z", positive=True)
        exprs = [sympy.Poly([sympy.Rational(c.numerator, c.denominator) for c in row], z).as_expr()
                 for row in rows]
        walls = []
        for w in walls_of(exprs):
            poly = sympy.Poly(w, z, domain="QQ")
            walls.append([Fraction(int(c.p), int(c.q)) for c in poly.all_coeffs()])
    if any(not any(w) for w in walls):
        return None, [], []
    # parts without common roots, so that roots can be told apart
    parts: list[list[int]] = []
    for w in walls:
        left = sturm.squarefree(w)
        for known in parts:
            common = sturm.gcd(left, known)
            if len(common) > 1:
                left = sturm.quotient(left, common)
        if len(left) > 1:
            parts.append(left)
    roots = [(p, *r) for p in parts for r in sturm.isolate(p)]
    for _ in range(400):
        roots.sort(key=lambda r: r[1] + r[2])
        clash = {k for i in range(len(roots) - 1) if roots[i][2] >= roots[i + 1][1]
                 for k in (i, i + 1)} | {i for i, r in enumerate(roots) if r[1] <= 0}
        if not clash:
            break
        for i in clash:
            p, a, b = roots[i]
            roots[i] = (p, *sturm.narrowed(p, (a, b), (b - a) / 4))
    else:
        raise Refused("the roots of the boundary cannot be told apart")
    if not roots:
        return walls, [], [Fraction(1)]
    cells = [roots[0][1] / 2]
    cells += [(a[2] + b[1]) / 2 for a, b in zip(roots, roots[1:], strict=False)]
    return walls, roots, [*cells, roots[-1][2] + 1]
