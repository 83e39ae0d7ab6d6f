"""Checks of polynomial inequalities: an identity, a Sturm chain, or sums of squares.

A proof is plain data. It shows p >= 0, p > 0, or p > 0 off a point, on the whole space or on a
closed box. It is one of

* ``{"by": "zero"}``: p is the zero polynomial (p >= 0 only);
* ``{"by": "sturm", "root": k, "factors": [{"power": m, "chain": [[coefficient, ...], ...]}]}``:
  one variable, p = (x − x*)ᵏ ∏ fᵐ, where f heads its Sturm chain;
* ``{"by": "sos", "power": k, "strict": [[c, d], ...], "terms": [{"of": j, "basis": [text, ...],
  "gram": [[...], ...]}, ...]}``: with u = x − x*,

      (Σ uᵢ²)ᵏ p = Σ cᵢ uᵢ^{2 dᵢ} + c₀ + Σⱼ gⱼ zⱼᵀ Qⱼ zⱼ,   Qⱼ ⪰ 0,

  where g₀ = 1 and the other gⱼ >= 0 describe the domain. Positive cᵢ make it strict off x*, a
  positive c₀ everywhere. With "squares" for the cᵢ there are none, and the squares of the term
  j = 0 have no common zero but u = 0: a power of each uᵢ is in their ideal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks.algebra import at, number, polynomial, shifted
from flowopt.stability.exact import NotPSD, Refused, fraction, ldl

#: more zeros than this are left alone
MAX_ZEROS = 130
#: p >= 0, p > 0, p > 0 off the point
NONNEGATIVE, POSITIVE, OFF = ">=", ">", "off"


def check(p: Any, relation: str, proof: Any, point: Sequence[Any] | None = None,
          box: Sequence[tuple[Any, Any]] | None = None, domain: Sequence[Any] = ()) -> None:
    """Refuse unless `proof` shows the relation of p.

    Parameters
    ----------
    p : PolyElement
        The polynomial.
    relation : {">=", ">", "off"}
        p >= 0; p > 0; p > 0 off `point` (nothing is said of p there).
    proof : dict
        See the module.
    point : sequence of Fraction, optional
        x*; 0 by default.
    box : sequence of pairs, optional
        The closed box on which it holds.
    domain : sequence of PolyElement, optional
        Polynomials gⱼ: it holds where all of them are >= 0.

    Raises
    ------
    Refused
        When anything does not hold.
    """
    if not isinstance(proof, dict) or proof.get("by") not in ("zero", "sturm", "sos"):
        raise Refused("there is no proof of the inequality")
    origin = list(point) if point is not None else [0] * len(p.ring.gens)
    if proof["by"] == "zero":
        _keys(proof, {"by"})
        if relation != NONNEGATIVE or p:
            raise Refused("the polynomial is not zero")
    elif proof["by"] == "sturm":
        if domain:
            raise Refused("a Sturm chain knows intervals only")
        _sturm(p, relation, proof, origin, box)
    else:
        _sos(p, relation, proof, origin, [*faces(p.ring, box), *domain])


def _keys(data: Mapping[str, Any], keys: set[str]) -> None:
    if not isinstance(data, dict) or set(data) != keys:
        raise Refused(f"a proof must hold {', '.join(sorted(keys))} and nothing else")


def faces(R: Any, box: Sequence[tuple[Any, Any]] | None) -> list[Any]:
    """Return (xᵢ − aᵢ)(bᵢ − xᵢ) for each side of a box."""
    return [(g - number(a)) * (number(b) - g) for g, (a, b) in
            zip(R.gens, box or (), strict=False)]


# -------------------------------------------------------------------- one variable
def _sturm(p: Any, relation: str, proof: Any, point: Sequence[Any], box: Any) -> None:
    _keys(proof, {"by", "root", "factors"})
    R, root = p.ring, proof["root"]
    if len(R.gens) != 1 or not p:
        raise Refused("a Sturm chain is for a polynomial in one variable")
    low: Any
    high: Any
    low, high = box[0] if box else ("-oo", "+oo")
    x = R.gens[0]
    if type(root) is not int or not 0 <= root <= 60 or (root and relation != OFF):
        raise Refused("the root of a Sturm proof belongs to the point")
    product, sign, before = (x - number(point[0])) ** root, 1, 0
    if root % 2:
        if not box or low < point[0] < high:
            raise Refused("an odd power changes its sign at the point")
        sign = 1 if point[0] <= low else -1
    for factor in proof["factors"]:
        _keys(factor, {"power", "chain"})
        power = factor["power"]
        if type(power) is not int or not before < power <= 60:
            raise Refused("the factors of a Sturm proof must have increasing powers")
        before = power
        chain = [[fraction(c) for c in row] for row in factor["chain"]]
        if not chain or any(not row or row[0] == 0 for row in chain):
            raise Refused("a Sturm chain holds polynomials with their leading coefficients first")
        if len(chain[0]) == 1 and power != 1:
            raise Refused("a constant factor has the power 1")
        f = sum((number(c) * x**k for k, c in enumerate(reversed(chain[0]))), R.zero)
        product *= f**power
        if power % 2 == 0 and relation == NONNEGATIVE:
            if len(chain) != 1:
                raise Refused("an even power needs no chain")
            continue
        verify_chain(chain)
        roots = variations(chain, low) - variations(chain, high)  # in (low, high]
        if box and relation == NONNEGATIVE:
            roots -= value(chain[0], high) == 0
        elif box:
            roots += value(chain[0], low) == 0
        if roots:
            raise Refused("the Sturm chain counts a root")
        if power % 2 and value(chain[0], (low + high) / 2 if box else 0) < 0:
            sign = -sign
    if product != p or sign < 0:
        raise Refused("the factors of the Sturm proof do not give the polynomial and its sign")


def verify_chain(chain: Sequence[Sequence[Any]]) -> None:
    """Refuse unless a chain is p, p′ and the negative remainders, down to a constant ≠ 0."""
    first = list(chain[0])
    n = len(first) - 1
    if n == 0:
        if len(chain) != 1:
            raise Refused("the Sturm chain of a constant is the constant")
        return
    if len(chain) < 2 or list(chain[1]) != [c * (n - k) for k, c in enumerate(first[:-1])]:
        raise Refused("the second of a Sturm chain must be the derivative")
    for before, here, after in zip(chain, chain[1:], chain[2:], strict=False):
        if [-c for c in remainder(before, here)] != list(after):
            raise Refused("a Sturm chain must go on with the negative remainder")
    if len(chain[-1]) != 1:
        raise Refused("a Sturm chain of a square-free polynomial must end in a constant")


def remainder(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """Return the remainder of a by b, leading coefficients first, without leading zeros."""
    left = list(a)
    while len(left) >= len(b):
        factor = left[0] / b[0]
        for k, c in enumerate(b):
            left[k] -= factor * c
        left.pop(0)
    while left and left[0] == 0:
        left.pop(0)
    return left


def value(p: Sequence[Any], x: Any) -> Any:
    """Return p(x) by Horner's rule."""
    total = p[0] * 0
    for c in p:
        total = total * x + c
    return total


def variations(chain: Sequence[Sequence[Any]], x: Any) -> int:
    """Return the sign changes of a chain at x, a rational or "-oo" or "+oo"."""
    if x == "+oo":
        values = [p[0] for p in chain]
    elif x == "-oo":
        values = [p[0] * (-1) ** (len(p) - 1) for p in chain]
    else:
        values = [value(p, x) for p in chain]
    signs = [v > 0 for v in values if v != 0]
    return sum(s != t for s, t in zip(signs, signs[1:], strict=False))


# -------------------------------------------------------------------- sums of squares
def _sos(p: Any, relation: str, proof: Any, point: Sequence[Any], domain: Sequence[Any]) -> None:
    _keys(proof, {"by", "power", "constant", "strict", "terms"})
    R, n = p.ring, len(p.ring.gens)
    power, constant, strict = proof["power"], fraction(proof["constant"]), proof["strict"]
    if type(power) is not int or not 0 <= power <= 8 or constant < 0:
        raise Refused("the power of a multiplier must be 0 to 8, and the constant >= 0")
    total = R(number(constant))
    squared = strict == "squares"
    if strict and not squared:
        if len(strict) != n:
            raise Refused("a strict proof has one power for each variable")
        for g, (c, d) in zip(R.gens, strict, strict=True):
            if fraction(c) <= 0 or type(d) is not int or not 1 <= d <= 30:
                raise Refused("a strict term must have a positive coefficient and a power >= 1")
            total += number(c) * g ** (2 * d)
    centre = fraction(at(p, point))
    holds = {NONNEGATIVE: not strict and constant == 0 and (power == 0 or centre >= 0),
             OFF: bool(strict) and constant == 0,
             POSITIVE: bool(strict) and constant == 0 and centre > 0
             or not strict and constant > 0 and power == 0}
    if not holds.get(relation):
        raise Refused("the sums of squares show another relation than the one claimed")
    before = 0
    for term in proof["terms"]:
        _keys(term, {"of", "basis", "gram"})
        j = term["of"]
        if type(j) is not int or not before <= j <= len(domain):
            raise Refused("a term belongs to no condition of the domain")
        before = j
        total += squares(R, term["basis"], term["gram"]) * (
            shifted(domain[j - 1], point) if j else R.one)
    weight = sum((g**2 for g in R.gens), R.zero) ** power
    if shifted(p, point) * weight != total:
        raise Refused("the sums of squares do not add up to the polynomial")
    if squared:
        if not only_origin(plain_squares(R, proof["terms"])):
            raise Refused("the squares have a common zero off the point")


def squares(R: Any, basis: Sequence[str], gram: Sequence[Sequence[str]]) -> Any:
    """Return zᵀQz after the exact check that Q is positive semidefinite.

    Raises
    ------
    Refused
        When Q has a negative direction, or is not as large as the basis.
    """
    z = [polynomial(t, R) for t in basis]
    Q = [[fraction(c) for c in row] for row in gram]
    if len(Q) != len(z):
        raise Refused("a Gram matrix must have a row for each entry of the basis")
    try:
        ldl(Q)
    except NotPSD as error:
        raise Refused(f"a Gram matrix is not positive semidefinite: {error}") from None
    total = R.zero
    for i, row in enumerate(Q):
        inner = sum((number(c) * z[j] for j, c in enumerate(row) if c), R.zero)
        total += z[i] * inner
    return total


def roots_of(R: Any, basis: Sequence[str], gram: Sequence[Sequence[str]]) -> list[Any]:
    """Return the polynomials qᵢ whose weighted squares are zᵀQz = Σ dᵢ qᵢ², dᵢ > 0."""
    z = [polynomial(t, R) for t in basis]
    L, D = ldl([[fraction(c) for c in row] for row in gram])
    return [sum((number(L[i][k]) * z[i] for i in range(k, len(z))), R.zero)
            for k, d in enumerate(D) if d > 0]


def plain_squares(R: Any, terms: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the qᵢ of all terms that have no factor gⱼ."""
    return [q for t in terms if t["of"] == 0 for q in roots_of(R, t["basis"], t["gram"])]


def only_origin(polynomials: Sequence[Any]) -> bool:
    """Return whether 0 is the only common zero: a Gröbner basis with a pure power of each uᵢ.

    A basis with a power of each variable as a leading term has finitely many zeros; they are 0
    alone when a power of each variable reduces to 0.
    """
    from sympy import grevlex
    from sympy.polys.groebnertools import groebner

    kept = [q for q in polynomials if q]
    if not kept or not small(kept):
        return False
    R = kept[0].ring.clone(order=grevlex)
    made = groebner([q.set_ring(R) for q in kept], R)
    leading = [q.LM for q in made]
    bound = 1  # the dimension of Q[u]/I is at most the product of the pure leading powers
    for k in range(len(R.gens)):
        powers = [m[k] for m in leading if sum(m) == m[k] > 0]
        if not powers:
            return False
        bound *= min(powers)
    for g in R.gens:
        power, left = 1, g.rem(made)
        while left and power < bound:
            power, left = 2 * power, (left * left).rem(made)
        if left:
            return False
    return True


def small(polynomials: Sequence[Any]) -> bool:
    """Return whether a Gröbner basis is begun: Bézout's number must be at most `MAX_ZEROS`.

    It cannot be interrupted; what is larger counts as not shown.
    """
    n = len(polynomials[0].ring.gens)
    degrees = sorted((max(map(sum, q)) for q in polynomials if q), reverse=False)
    return math.prod(max(1, d) for d in degrees[:n]) <= MAX_ZEROS and n <= 12 and \
        max(degrees, default=0) <= 12
