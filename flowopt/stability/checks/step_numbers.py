"""Check a set of stable steps in numbers: meetings with the unit circle, and steps between.

Between two steps at which an eigenvalue can meet the unit circle, the Schur–Cohn recursion decides
at one rational step.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flowopt.stability.checks import sturm_chain as sturm
from flowopt.stability.checks.boundary import marks, schur_stable
from flowopt.stability.checks.step_claim import Claim
from flowopt.stability.exact import Refused, fraction, read


def _in_scale(claim: Claim, scale: Any) -> list[list[Fraction]]:
    """Return the characteristic polynomial at step = z·scale: polynomials in z, of ζⁿ first."""
    import sympy

    z = sympy.Symbol("z", positive=True)
    n = claim.matrix.shape[0]
    if claim.system["kind"] == "field":  # the eigenvalues of hA are z times those of scale·A
        zeta = sympy.Symbol("zeta")
        own = (claim.matrix * scale).applyfunc(sympy.cancel).charpoly(zeta).all_coeffs()
        own = [sympy.cancel(c) for c in own]
        if not all(c.is_Rational for c in own):
            raise Refused("the scale does not take all symbols away")
        chi = [Fraction(int(c.p), int(c.q)) for c in own]
        companion = [[-chi[n - j] if i == n - 1 else Fraction(int(j == i + 1))
                      for j in range(n)] for i in range(n)]
        rows = [[fraction(t) for t in claim.options[k]] for k in ("numerator", "denominator")]
        degree = n * (max(map(len, rows)) - 1)
        points = [Fraction(k) for k in range(degree + 1)]
        values = [_determinant_at(companion, rows, x) for x in points]
        return [sturm.interpolated([(x, v[k]) for x, v in zip(points, values, strict=True)])
                for k in range(n + 1)]
    if claim.system["kind"] != "map":
        raise Refused("the system must be a map or a field")
    moved = claim.matrix.subs(claim.step, z * scale)
    made = [sympy.cancel(sympy.together(c)) for c in moved.charpoly().all_coeffs()]
    if {s for c in made for s in c.free_symbols} - {z}:
        raise Refused("the scale does not take all symbols away")
    total = sympy.Integer(1)
    for c in made:
        total = sympy.lcm(total, sympy.fraction(c)[1])
    return [fractions(sympy.Poly(sympy.cancel(c * total), z, domain="QQ")) for c in made]


def _determinant_at(companion: Any, rows: Any, z: Fraction) -> list[Fraction]:
    """Return the coefficients of det(ζ Q(zC) − P(zC)) for numbers, by Newton's differences in ζ."""
    n = len(companion)
    scaled = [[z * c for c in row] for row in companion]
    above, below = (_of_matrix(r, scaled) for r in rows)
    points = [Fraction(k) for k in range(n + 1)]
    made = sturm.interpolated([(x, _determinant(
        [[x * b - a for a, b in zip(u, v, strict=True)] for u, v in zip(above, below, strict=True)]
    )) for x in points])
    return [Fraction(0)] * (n + 1 - len(made)) + made


def _of_matrix(coefficients: list[Fraction], matrix: Any) -> Any:
    n = len(matrix)
    total = [[Fraction(0)] * n for _ in range(n)]
    for c in reversed(coefficients):
        total = [[sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0))
                  for column in zip(*matrix, strict=True)] for row in total]
        for i in range(n):
            total[i][i] += c
    return total


def _determinant(rows: list[list[Fraction]]) -> Fraction:
    """Return a determinant by elimination."""
    rows, total = [list(r) for r in rows], Fraction(1)
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k] != 0), None)
        if pivot is None:
            return Fraction(0)
        if pivot != k:
            rows[k], rows[pivot], total = rows[pivot], rows[k], -total
        total *= rows[k][k]
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return total


def fractions(poly: Any) -> list[Fraction]:
    """Return the coefficients of a rational polynomial in one variable, the leading one first."""
    return [Fraction(int(c.p), int(c.q)) for c in poly.all_coeffs()]


def check_numbers(claim: Claim, given: Any, intervals: Any) -> None:
    """Refuse unless the intervals are the cells in which the polynomial is stable."""
    scale = read(claim.options["scale"], claim.names, positive=claim.names)
    polys = _in_scale(claim, scale)
    rows = [[fraction(c) for c in row] for row in given]
    if len(rows) != len(polys) or not any(rows[0]):
        raise Refused("the characteristic polynomial has another degree")
    for row, own in zip(rows, polys, strict=True):
        if _times(row, polys[0]) != _times(own, rows[0]):
            raise Refused("the characteristic polynomial is not that of the equations")
    common = sturm.primitive(rows[0])
    for row in rows[1:]:
        common = sturm.gcd(common, sturm.primitive(row)) if any(row) else common
    if len(common) > 1:
        raise Refused("the characteristic polynomial holds a common factor")
    edges, roots, cells = marks(rows)
    good = [schur_stable([sturm.value(row, x) for row in rows]) for x in cells]
    wanted = [i for i, g in enumerate(good) if g]
    if edges is None:
        wanted = []
    if len(wanted) != len(intervals):
        raise Refused("the number of intervals is another")
    for i, (left, right) in zip(wanted, intervals, strict=True):
        same_end(left, None if i == 0 else roots[i - 1], scale, "0")
        same_end(right, None if i == len(roots) else roots[i], scale, "oo")


def _times(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    made = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, u in enumerate(a):
        for j, v in enumerate(b):
            made[i + j] += u * v
    while len(made) > 1 and made[0] == 0:
        made.pop(0)
    return made


def same_end(given: Any, root: Any, scale: Any, default: str) -> None:
    """Refuse unless a given end is the root (edge, a, b) of the boundary."""
    import sympy

    if root is None:
        if given != default:
            raise Refused(f"an end must be {default}")
        return
    edge, low, high = root
    if isinstance(given, str):
        names = [str(s) for s in scale.free_symbols]
        if given in ("0", "oo"):
            raise Refused("an end must be a root of the boundary")
        ratio = sympy.cancel(read(given, names, positive=names) / scale)
        if not ratio.is_Rational:
            raise Refused("an end in closed form must be rational; give its polynomial")
        at = Fraction(int(ratio.p), int(ratio.q))
        if sturm.value(edge, at) != 0 or not low < at <= high:
            raise Refused("an end is no root of the boundary")
        return
    coefficients, a, b, own_scale = given
    own = sturm.primitive([fraction(c) for c in coefficients])
    if read(own_scale, [str(s) for s in scale.free_symbols],
            positive=[str(s) for s in scale.free_symbols]) != scale:
        raise Refused("the scale of an end is another")
    if any(str(int(fraction(c))) != c for c in coefficients) or own != [
            int(fraction(c)) for c in coefficients]:
        raise Refused("the polynomial of an end must have integers without common factor")
    a, b = fraction(a), fraction(b)
    if len(own) < 2 or not 0 < a < b or sturm.value(own, a) == 0 or sturm.roots_in(
            sturm.squarefree(own), a, b) != 1:
        raise Refused("the isolating interval of an end must hold one root, above 0")
    common = sturm.gcd(own, edge)
    low, high = max(a, low), min(b, high)
    if len(common) < 2 or low >= high or sturm.roots_in(
            sturm.squarefree(common), low, high) != 1:
        raise Refused("an end is no root of the boundary")
