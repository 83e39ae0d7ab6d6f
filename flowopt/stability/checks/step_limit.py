"""Check the exact set of stable steps of a linear map, or of a method on a linear field.

The characteristic polynomial is made again from the equations of the statement. *Numbers*: the
roots of its resultant with its reciprocal are the only places where an eigenvalue can meet the
unit circle; between them one step each is tried by the Schur–Cohn recursion, in rationals.
*Signs*: each condition of Jury's table is split into factors; all but the binding ones have one
sign on the domain, by the signs of their coefficients; a binding one changes sign once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.checks import sturm_chain as sturm
from flowopt.stability.checks.boundary import marks, schur_stable, walls_of
from flowopt.stability.exact import Refused, fraction, read

TRUST = "A"
_RANGE = re.compile(r"(0 <= (?P<unit>\w+) < 1|0 < (?P<portion>\w+) <= 1|0 < (?P<inner>\w+) < 1"
                    r"|(?P<positive>\w+) > 0|(?P<low>[0-9/]+) <= (?P<between>\w+) <= "
                    r"(?P<high>[0-9/]+))")


def bound_text(step: str, intervals: Any) -> str:
    """Return the sentence's words for a set of steps, from its data."""
    if not intervals:
        return f"no {step} > 0"
    return " or ".join(f"{_end_text(a)} < {step} < {_end_text(b)}" for a, b in intervals)


def _end_text(end: Any) -> str:
    if isinstance(end, str):
        return end
    coefficients, low, high, scale = end
    n = len(coefficients) - 1
    terms = " + ".join(f"{c}*z**{n - i}" for i, c in enumerate(coefficients) if c != "0")
    factor = "" if scale == "1" else f" times {scale}"
    return f"(the root of {terms} in [{low}, {high}]{factor})"


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse when the evidence does not prove the statement."""
    if statement["claim"] != "step_limit" or statement["V"] is not None:
        raise Refused("this evidence is for a set of stable steps")
    if set(data) != {"characteristic", "binding"}:
        raise Refused("the evidence must hold the characteristic polynomial and what binds")
    options = statement["options"]
    if set(options) - {"numerator", "denominator"} != {"bound", "step", "intervals", "scale"}:
        raise Refused("the options must be the step, its scale, its intervals and their words")
    if options["bound"] != bound_text(options["step"], options["intervals"]):
        raise Refused("the words for the set are not those of its data")
    claim = _Claim(statement)
    given = data["characteristic"]
    if claim.between is None and not data["binding"] and all(isinstance(c, list) for c in given):
        _check_numbers(claim, given, options["intervals"])
        return
    claim.coefficients = claim.characteristic()
    _compare(claim, given)
    if claim.between is not None:
        _check_interval(claim, data["binding"])
    else:
        _check_signs(claim, data["binding"])


class _Claim:
    """The statement, read: the polynomial, the step and the ranges of the symbols."""

    def __init__(self, statement: Mapping[str, Any]) -> None:
        import sympy

        system, options = statement["system"], statement["options"]
        self.system, self.options = system, options
        self.ranges: dict[str, str] = {}
        self.between: tuple[str, Fraction, Fraction] | None = None
        for text in statement["assumptions"]:
            found = _RANGE.fullmatch(text)
            if found is None:
                continue  # words about the model, which bind nothing here
            for kind in ("unit", "portion", "inner", "positive"):
                if found[kind]:
                    self.ranges[found[kind]] = kind
            if found["between"]:
                self.ranges[found["between"]] = "positive"
                self.between = (found["between"], fraction(found["low"]),
                                fraction(found["high"]))
                if not 0 < self.between[1] <= self.between[2]:
                    raise Refused("the interval of curvatures must lie above 0")
        if self.ranges.get(options["step"]) != "positive":
            raise Refused("the step must be assumed > 0")
        numbers = {k: fraction(v) for k, v in system["parameters"].items()}
        self.names = set(self.ranges)
        values = {sympy.Symbol(k, **({"positive": True} if v > 0 else {"real": True})):
                  sympy.Rational(v.numerator, v.denominator) for k, v in numbers.items()}
        variables = list(system["variables"])
        known = {*self.names, *numbers, *variables}
        self.step = self.symbol(options["step"])
        own = [sympy.Symbol(v, real=True) for v in variables]
        self.matrix = sympy.zeros(len(own), len(own))
        for i, text in enumerate(system["equations"]):
            above = [k for k, v in numbers.items() if v > 0]
            expr = read(text, known, positive=[*self.names, *above]).subs(values)
            for j, v in enumerate(own):
                self.matrix[i, j] = expr.diff(v)
                if self.matrix[i, j].free_symbols & set(own):
                    raise Refused("the equations are not linear")
            if sympy.expand(expr - sum(self.matrix[i, j] * v for j, v in enumerate(own))) != 0:
                raise Refused("the equations are not linear")
        self.coefficients: list[Any] = []

    @staticmethod
    def symbol(name: str) -> Any:
        import sympy

        return sympy.Symbol(name, positive=True)

    def characteristic(self) -> list[Any]:
        """Return the coefficients of the characteristic polynomial, of ζⁿ first."""
        import sympy

        zeta = sympy.Symbol("zeta")
        if self.system["kind"] == "map":
            made = [sympy.cancel(sympy.together(c))
                    for c in self.matrix.charpoly(zeta).all_coeffs()]
        elif self.system["kind"] == "field":
            above, below = (self._of_field(self.options[k]) for k in ("numerator", "denominator"))
            made = sympy.Poly((zeta * below - above).det(method="berkowitz"), zeta).all_coeffs()
        else:
            raise Refused("the system must be a map or a field")
        total = sympy.Integer(1)
        for c in made:
            total = sympy.lcm(total, sympy.fraction(sympy.together(c))[1])
        return [sympy.expand(sympy.cancel(c * total)) for c in made]

    def _of_field(self, texts: Any) -> Any:
        import sympy

        n = self.matrix.shape[0]
        total, power = sympy.zeros(n, n), sympy.eye(n)
        for text in texts:
            c = fraction(text)
            total += sympy.Rational(c.numerator, c.denominator) * power
            power = (power * self.matrix * self.step).applyfunc(sympy.expand)
        return total.applyfunc(sympy.expand)


def _compare(claim: _Claim, texts: Any) -> None:
    """Refuse unless the given polynomial is the one of the equations, but for a factor."""
    import sympy

    given = [read(t, claim.names, positive=claim.names) for t in texts]
    own = claim.coefficients
    if len(given) != len(own) or given[0] == 0:
        raise Refused("the characteristic polynomial has another degree")
    if any(sympy.expand(a * own[0] - b * given[0]) != 0
           for a, b in zip(given, own, strict=True)):
        raise Refused("the characteristic polynomial is not that of the equations")
    gens = sorted({s for c in given for s in c.free_symbols} | {claim.step}, key=str)
    common = sympy.Poly(given[0], *gens)
    for c in given[1:]:
        common = common.gcd(sympy.Poly(c, *gens))
    if not common.is_ground or abs(sympy.Poly(given[0], *gens).primitive()[0]) == 0:
        raise Refused("the characteristic polynomial holds a common factor")


# ------------------------------------------------------------------ numbers
def _in_scale(claim: _Claim, scale: Any) -> list[list[Fraction]]:
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
    return [_fractions(sympy.Poly(sympy.cancel(c * total), z, domain="QQ")) for c in made]


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


def _fractions(poly: Any) -> list[Fraction]:
    return [Fraction(int(c.p), int(c.q)) for c in poly.all_coeffs()]


def _check_numbers(claim: _Claim, given: Any, intervals: Any) -> None:
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
        _same_end(left, None if i == 0 else roots[i - 1], scale, "0")
        _same_end(right, None if i == len(roots) else roots[i], scale, "oo")


def _times(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    made = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, u in enumerate(a):
        for j, v in enumerate(b):
            made[i + j] += u * v
    while len(made) > 1 and made[0] == 0:
        made.pop(0)
    return made


def _same_end(given: Any, root: Any, scale: Any, default: str) -> None:
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


# ------------------------------------------------------------------ signs
def _one_sign(poly: Any, claim: _Claim) -> int | None:
    """Return the sign of a polynomial on the domain of a claim, else None."""
    return _signed(poly, claim.ranges)


def _signed(poly: Any, ranges: Mapping[str, str]) -> int | None:
    """Return the sign of a polynomial on a domain, from its coefficients, else None.

    β in [0, 1) is s/(1 + s), and in (0, 1] 1/(1 + s): a polynomial in s >= 0 over one that is > 0.
    """
    import sympy

    names = sorted(poly.free_symbols, key=str)
    if not names:
        return int(sympy.sign(poly))
    inside = {s: ranges.get(str(s)) for s in names}
    if None in inside.values():
        raise Refused("a symbol has no range")
    moved = poly
    for s, kind in inside.items():
        if kind in ("unit", "inner"):
            moved = moved.subs(s, s / (1 + s))
        elif kind == "portion":
            moved = moved.subs(s, 1 / (1 + s))
    above, below = sympy.fraction(sympy.together(moved))
    top, base = sympy.Poly(above, *names), sympy.Poly(below, *names)
    if all(c < 0 for c in base.coeffs()):
        top = -top
    elif not all(c > 0 for c in base.coeffs()):
        return None
    if top.is_zero:
        return 0
    signs = {bool(c > 0) for c in top.coeffs()}
    strict = any(all(k == 0 or inside[s] in ("positive", "inner")
                     for k, s in zip(powers, names, strict=True)) for powers in top.monoms())
    return None if len(signs) > 1 or not strict else 1 if signs.pop() else -1


def jury(p: list[Any]) -> list[Any]:
    """Return what must be > 0 for roots inside the circle, for degree 1 to 3 and lead > 0."""
    n = len(p) - 1
    plus, minus = sum(p), sum(c * (-1)**(n - i) for i, c in enumerate(p)) * (-1)**n
    if n == 1:
        return [plus, minus]
    if n == 2:
        return [plus, minus, p[0] - p[2]]
    if n == 3:
        first, last = p[0]**2 - p[3]**2, p[0] * p[2] - p[1] * p[3]
        return [plus, minus, p[0] - p[3], p[0] + p[3], first - last, first + last]
    raise Refused("the argument by signs is for at most three eigenvalues off 0")


def _check_signs(claim: _Claim, binding: Any, at: Mapping[Any, Any] | None = None) -> None:
    import sympy

    p = list(claim.coefficients)
    while len(p) > 2 and p[-1] == 0:
        p.pop()
    lead = _one_sign(p[0], claim)
    if not lead:
        raise Refused("the leading coefficient may vanish")
    p = [lead * c for c in p]
    factors = [read(t, claim.names, positive=claim.names) for t in binding]
    limits = [_limit_of(f, claim) for f in factors]
    seen: set[int] = set()
    never = False
    for condition in jury(p):
        constant, parts = sympy.factor_list(sympy.expand(condition))
        sign, bound = int(sympy.sign(constant)), 0
        for factor, power in parts:
            which = next((i for i, f in enumerate(factors)
                          if sympy.cancel(factor / f).is_Rational), None)
            if which is None:
                known = _one_sign(factor, claim)
                if known is None:
                    known = _rootless(factor, claim)
                if not known:
                    raise Refused(f"the sign of the factor {factor} is not settled")
                sign *= known**power
                continue
            if power % 2 == 0 or bound:
                raise Refused("a binding factor must stand once in a condition")
            sign *= limits[which][1] * int(sympy.sign(sympy.cancel(factor / factors[which])))
            bound = 1
            seen.add(which)
        if sign <= 0:
            if bound:
                raise Refused("a condition fails before its root")
            never = True
    intervals = claim.options["intervals"]
    if never:
        if intervals or binding:
            raise Refused("a condition holds for no step")
        return
    if len(seen) != len(factors) or len(intervals) != 1 or intervals[0][0] != "0":
        raise Refused("the set must be one interval from 0, with all binding factors in use")
    given = intervals[0][1]
    if not factors:
        if given != "oo":
            raise Refused("nothing binds: there must be no limit")
        return
    stated = read(given, claim.names, positive=claim.names)
    parts = stated.args if isinstance(stated, sympy.Min) else (stated,)
    if len(parts) != len(limits):
        raise Refused("the limit must be the least of the roots")
    for part in parts:
        if not any(_vanishes(f.subs(at or {}), part, claim) for f in factors):
            raise Refused(f"{part} is no root of a binding factor")


def _limit_of(factor: Any, claim: _Claim) -> tuple[Any, int]:
    """Return (factor, its sign before its only positive root), or refuse."""
    import sympy

    poly = sympy.Poly(factor, claim.step)
    rising = poly.all_coeffs()[::-1]
    signs = [_one_sign(c, claim) for c in rising]
    kept = [s for s in signs if s]
    if None not in signs and kept and sum(a != b for a, b in zip(kept, kept[1:], strict=False)) \
            == 1:
        return factor, kept[0]
    n = poly.degree()  # a (u − s)ⁿ + b, n odd: monotone
    a, second = poly.all_coeffs()[:2]
    shift = sympy.cancel(-second / (n * a))
    rest = sympy.cancel(poly.as_expr() - a * (claim.step - shift)**n)
    slope = _one_sign(sympy.numer(sympy.together(a)), claim)
    if n % 2 and n > 1 and not rest.has(claim.step) and slope and signs[0] == -slope:
        return factor, signs[0]
    raise Refused("a binding factor must have exactly one positive root")


def _vanishes(factor: Any, root: Any, claim: _Claim) -> bool:
    """Return whether root > 0 is a zero of the factor, by expansion alone."""
    import sympy

    if sympy.expand(sympy.numer(sympy.together(factor.subs(claim.step, root)))) != 0:
        return False
    numbers = {s: sympy.Rational(1, 2) for s in root.free_symbols}
    return bool(root.subs(numbers) > 0)  # its sign is constant: it is never 0 on the domain


def _rootless(factor: Any, claim: _Claim) -> int | None:
    """Return the sign of a polynomial in one product of symbols that has no positive root."""
    import sympy

    names = sorted(factor.free_symbols, key=str)
    poly = sympy.Poly(factor, *names)
    least = [min(m[i] for m in poly.monoms()) for i in range(len(names))]
    moved = [tuple(a - b for a, b in zip(m, least, strict=True)) for m in poly.monoms()]
    top = max(moved)
    g = sympy.gcd(list(top)) or 1
    base = tuple(int(k / g) for k in top)
    coefficients = [Fraction(0)] * (int(g) + 1)
    for m, c in zip(moved, poly.coeffs(), strict=True):
        k = next((m[i] // base[i] for i in range(len(base)) if base[i]), 0)
        if m != tuple(k * b for b in base):
            return None
        coefficients[int(g) - k] += Fraction(int(c.p), int(c.q))
    if sturm.isolate(coefficients):
        return None
    return 1 if sum(coefficients) > 0 else -1


# ------------------------------------------------------------------ an interval of curvatures
def _check_interval(claim: _Claim, binding: Any) -> None:
    """Check steps that are stable for all λ of an interval."""
    import sympy

    name, mu, ell = claim.between  # type: ignore[misc]
    lam = claim.symbol(name)
    ends = [sympy.Rational(v.numerator, v.denominator) for v in (mu, ell)]
    free = {s for c in claim.coefficients for s in c.free_symbols} - {claim.step, lam}
    if binding:
        for text in binding:  # p − q u, whose root p/q falls with λ: the largest λ decides
            poly = sympy.Poly(read(text, claim.names, positive=claim.names), claim.step)
            if poly.degree() != 1:
                raise Refused("a binding factor must be linear in the step")
            q, p = poly.all_coeffs()
            if _one_sign(sympy.expand(-(p.diff(lam) * q - p * q.diff(lam))), claim) != -1:
                raise Refused("a limit must fall as the curvature grows")
        _check_signs(claim, binding, {lam: ends[1]})
        return
    if free:
        raise Refused("only the step and the curvature may be symbols")
    edge = sympy.Poly(1, claim.step, domain="QQ")
    walls = walls_of(claim.coefficients)
    if any(w == 0 for w in walls):
        if claim.options["intervals"]:
            raise Refused("two eigenvalues have product 1 at every step: no step is stable")
        return
    for factor, _ in (f for w in walls for f in sympy.factor_list(w)[1]):
        inner = sympy.Poly(factor, lam)
        tests = [factor.subs(lam, e) for e in ends]
        tests += [inner.LC()] if inner.degree() else []
        tests += [sympy.discriminant(factor, lam)] if inner.degree() > 1 else []
        for t in tests:
            made = sympy.Poly(t, claim.step, domain="QQ")
            if not made.is_zero:
                edge = edge.lcm(made)
    _, roots, cells = marks([], [_fractions(edge)])
    good = []
    for x in cells:
        at = sympy.Rational(x.numerator, x.denominator)
        meets = False
        for w in walls:
            here = sturm.squarefree(_fractions(sympy.Poly(w.subs(claim.step, at), lam)))
            meets |= not here or sturm.value(here, mu) == 0 or (
                len(here) > 1 and sturm.roots_in(here, mu, ell) > 0)
        row = [c.subs({claim.step: at, lam: ends[0]}) for c in claim.coefficients]
        good.append(not meets and schur_stable([Fraction(int(c.p), int(c.q)) for c in row]))
    _same_set(claim, good, roots, lambda r: _open_at(claim, walls, r, lam, mu, ell))


def _open_at(claim: _Claim, walls: list[Any], root: Any, lam: Any, mu: Fraction, ell: Fraction
             ) -> bool:
    """Return whether no wall is met on [μ, ℓ] at a critical step itself.

    With |u − m| <= r: |w(u, λ)| >= |w(m, λ)| − r·B, B a bound of |∂w/∂u| by coefficients.
    """
    import sympy

    for width in (2**30, 2**80, 2**160):
        a, b = sturm.narrowed(root[0], root[1:], Fraction(1, width))
        middle, radius = (a + b) / 2, (b - a) / 2
        at = sympy.Rational(middle.numerator, middle.denominator)
        good = True
        for w in walls:
            poly = sympy.Poly(w, claim.step, lam)
            slope = sum(abs(Fraction(int(c.p), int(c.q))) * i * b**max(i - 1, 0) * ell**k
                        for (i, k), c in poly.terms())
            here = _fractions(sympy.Poly(w.subs(claim.step, at), lam))
            for sign in (1, -1):  # neither w = r B nor w = −r B is met: |w| > r B, or < everywhere
                moved = [*here[:-1], here[-1] - sign * radius * slope]
                free = sturm.squarefree(moved)
                good = good and sturm.value(moved, mu) != 0 and (
                    len(free) < 2 or sturm.roots_in(free, mu, ell) == 0)
            good = good and abs(sturm.value(here, mu)) > radius * slope
        if good:
            return True
    return False


def _same_set(claim: _Claim, good: list[bool], roots: list[Any], open_at: Any) -> None:
    """Refuse unless the intervals are the runs of good cells between critical steps."""
    import sympy

    runs: list[list[int]] = []
    for k, fine in enumerate(good):
        if not fine:
            continue
        if runs and runs[-1][1] == k - 1 and open_at(roots[k - 1]):
            runs[-1][1] = k
        else:
            runs.append([k, k])
    if len(runs) != len(claim.options["intervals"]):
        raise Refused("the number of intervals is another")
    one = sympy.Integer(1)
    for (first, last), (left, right) in zip(runs, claim.options["intervals"], strict=True):
        _same_end(left, roots[first - 1] if first else None, one, "0")
        _same_end(right, roots[last] if last < len(roots) else None, one, "oo")


# ------------------------------------------------------------------ words
def _in_words(row: Any) -> str:
    """Return a coefficient of ζ as text: it is text, or a list of coefficients of z."""
    if isinstance(row, str):
        return row
    n = len(row) - 1
    return " + ".join(f"({c})*z**{n - i}" for i, c in enumerate(row) if c != "0") or "0"


def _shown(data: Mapping[str, Any]) -> list[str]:
    words = [_in_words(row) for row in data["characteristic"]]
    return [w if len(w) <= 300 else "..." for w in words]


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, a sentence a step."""
    words, options = _shown(data), statement["options"]
    n = len(words) - 1
    poly = " + ".join(f"({c})*zeta**{n - i}" for i, c in enumerate(words) if c != "0")
    scale = options["scale"]
    where = "" if isinstance(data["characteristic"][0], str) else (
        f" with z = {options['step']}" + ("" if scale == "1" else f"/({scale})"))
    steps = [f"But for a factor, the characteristic polynomial of one step is {poly}{where}."]
    if data["binding"]:
        steps.append("Every factor of Jury's conditions has one sign for all parameters, by the "
                     "signs of its coefficients, except " + ", ".join(data["binding"])
                     + ", which changes its sign once in the step.")
    else:
        steps.append("Where two eigenvalues have product 1, or one is 1 or -1, a polynomial in "
                     "the step vanishes; its positive roots are isolated exactly.")
        steps.append("Between two roots the Schur-Cohn recursion decides at one rational step.")
    return [*steps, f"So all eigenvalues have modulus < 1 exactly for {options['bound']}."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    import sympy

    words = _shown(data)
    n, parts = len(words) - 1, []
    names = {"z", *_Claim(statement).names}
    for i, text in enumerate(words):
        if text != "0":
            shown = r"\dots" if text == "..." else sympy.latex(read(text, names, positive=names))
            parts.append(rf"\left({shown}\right)\zeta^{{{n - i}}}")
    return ["But for a factor, the characteristic polynomial of one step is $"
            + " + ".join(parts) + "$.",
            "All its roots have modulus less than 1 exactly for the steps of the claim, by "
            + ("the signs of Jury's conditions." if data["binding"] else
               "its meetings with the unit circle, isolated exactly.")]
