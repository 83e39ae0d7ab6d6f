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
    if set(options) - {"numerator", "denominator", "cycle"} != {"bound", "step", "intervals"}:
        raise Refused("the options must be the step, its intervals and their words")
    if options["bound"] != bound_text(options["step"], options["intervals"]):
        raise Refused("the words for the set are not those of its data")
    claim = _Claim(statement)
    _compare(claim, data["characteristic"])
    if claim.between is not None:
        _check_interval(claim, data["binding"])
    elif data["binding"]:
        _check_signs(claim, data["binding"])
    else:
        try:
            _check_numbers(claim, options["intervals"])
        except _NotScaled:
            _check_signs(claim, [])


class _NotScaled(Refused):
    """The polynomial does not depend on one product alone."""


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
        values = {self.symbol(k): sympy.Rational(v.numerator, v.denominator)
                  for k, v in numbers.items()}
        variables = list(system["variables"])
        known = {*self.names, *numbers, *variables}
        self.step = self.symbol(options["step"])
        own = [sympy.Symbol(v, real=True) for v in variables]
        self.matrix = sympy.zeros(len(own), len(own))
        for i, text in enumerate(system["equations"]):
            expr = read(text, known, positive=[*self.names, *numbers]).subs(values)
            for j, v in enumerate(own):
                self.matrix[i, j] = expr.diff(v)
                if self.matrix[i, j].free_symbols & set(own):
                    raise Refused("the equations are not linear")
            if sympy.expand(expr - sum(self.matrix[i, j] * v for j, v in enumerate(own))) != 0:
                raise Refused("the equations are not linear")
        self.coefficients = self._characteristic()

    @staticmethod
    def symbol(name: str) -> Any:
        import sympy

        return sympy.Symbol(name, positive=True)

    def _characteristic(self) -> list[Any]:
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
def _fractions(poly: Any) -> list[Fraction]:
    return [Fraction(int(c.p), int(c.q)) for c in poly.all_coeffs()]


def schur_stable(p: list[Fraction]) -> bool:
    """Return whether all roots lie inside the unit circle, by the Schur–Cohn recursion.

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


def _meets(coefficients: list[Any], names: tuple[Any, ...]) -> Any:
    """Return a polynomial that is 0 wherever two roots of p have product 1, or p's lead is 0."""
    import sympy

    zeta = sympy.Symbol("zeta")
    kept = list(coefficients)
    while len(kept) > 2 and kept[-1] == 0:  # roots ζ = 0 meet nothing
        kept.pop()
    n = len(kept) - 1
    forward = sum((c * zeta**(n - i) for i, c in enumerate(kept)), sympy.Integer(0))
    backward = sum((c * zeta**i for i, c in enumerate(kept)), sympy.Integer(0))
    ends = forward.subs(zeta, 1) * forward.subs(zeta, -1)
    lead = kept[0]
    if n == 1:
        return sympy.Poly(sympy.expand(lead * ends), *names)
    if n == 2:
        return sympy.Poly(sympy.expand(lead * ends * (kept[0] - kept[2])), *names)
    return sympy.Poly(sympy.expand(lead * sympy.resultant(forward, backward, zeta)), *names)


def _check_numbers(claim: _Claim, intervals: Any) -> None:
    import sympy

    scales = {e[3] for pair in intervals for e in pair if not isinstance(e, str)}
    if len(scales) > 1:
        raise Refused("the ends must share one scale")
    z = sympy.Symbol("z", positive=True)
    scale = read(scales.pop(), claim.names, positive=claim.names) if scales else _guessed(
        claim, intervals)
    made = [sympy.cancel(sympy.together(c.subs(claim.step, z * scale) / claim.coefficients[0].subs(
        claim.step, z * scale))) for c in claim.coefficients]
    if {s for c in made for s in c.free_symbols} - {z}:
        raise _NotScaled("the scale does not take all symbols away")
    total = sympy.Integer(1)
    for c in made:
        total = sympy.lcm(total, sympy.fraction(c)[1])
    polys = [sympy.Poly(sympy.cancel(c * total), z) for c in made]
    boundary = _meets([p.as_expr() for p in polys], (z,))
    if boundary.is_zero:
        if intervals:
            raise Refused("two eigenvalues have product 1 at every step: no step is stable")
        return
    edge = sturm.squarefree(_fractions(boundary))
    roots = sturm.isolate(edge)
    rows = [_fractions(p) for p in polys]

    def stable(x: Fraction) -> bool:
        return schur_stable([sturm.value(row, x) for row in rows])

    cells = _cells(edge, roots)
    found = [(i, stable(x)) for i, x in enumerate(cells)]
    wanted = [i for i, good in found if good]
    if len(wanted) != len(intervals):
        raise Refused("the number of intervals is another")
    for i, (left, right) in zip(wanted, intervals, strict=True):
        _same_end(left, None if i == 0 else roots[i - 1], edge, scale, "0")
        _same_end(right, None if i == len(roots) else roots[i], edge, scale, "oo")


def _guessed(claim: _Claim, intervals: Any) -> Any:
    """Return the scale that takes all symbols away, for ends in closed form."""
    import sympy

    for pair in intervals:
        for end in pair:
            if end not in ("0", "oo"):
                expr = read(end, claim.names, positive=claim.names)
                return expr if expr.free_symbols else sympy.Integer(1)
    return sympy.Integer(1)


def _cells(edge: list[Fraction], roots: list[tuple[Fraction, Fraction]]) -> list[Fraction]:
    """Return a number before, between and after the roots."""
    if not roots:
        return [Fraction(1)]
    fine = []
    for i, r in enumerate(roots):
        width = r[1] - r[0]
        while True:
            r = sturm.narrowed(edge, r, width)
            if r[0] > 0 and (i == 0 or r[0] > fine[i - 1][1]) and sturm.value(edge, r[0]) != 0:
                break
            width /= 4
            if r[0] == r[1]:
                raise Refused("the roots of the boundary cannot be told apart")
        fine.append(r)
    roots[:] = fine
    made = [fine[0][0] / 2]
    made += [(a[1] + b[0]) / 2 for a, b in zip(fine, fine[1:], strict=False)]
    return [*made, fine[-1][1] + 1]


def _same_end(given: Any, root: tuple[Fraction, Fraction] | None, edge: list[Fraction],
              scale: Any, default: str) -> None:
    import sympy

    if root is None:
        if given != default:
            raise Refused(f"an end must be {default}")
        return
    if isinstance(given, str):
        names = [str(s) for s in scale.free_symbols]
        expr = read(given, names, positive=names) if given not in ("0", "oo") else None
        if expr is None:
            raise Refused("an end must be a root of the boundary")
        ratio = sympy.cancel(expr / scale)
        if not ratio.is_Rational:
            raise Refused("an end in closed form must be rational; give its polynomial")
        at = Fraction(int(ratio.p), int(ratio.q))
        if sturm.value(edge, at) != 0 or not root[0] < at <= root[1]:
            raise Refused("an end is no root of the boundary")
        return
    coefficients, low, high, _ = given
    own = sturm.trimmed([fraction(c) for c in coefficients])
    low, high = fraction(low), fraction(high)
    if len(own) < 2 or sturm.remainder(edge, own):
        raise Refused("the polynomial of an end does not divide that of the boundary")
    if not 0 < low <= high:
        raise Refused("an isolating interval must lie above 0")
    links = sturm.chain(sturm.squarefree(own))
    inside = sturm.count(links, low, high) + (sturm.value(own, low) == 0)
    same = sturm.count(links, *root)
    a, b = max(low, root[0]), min(high, root[1])
    both = sturm.count(links, a, b) + (sturm.value(own, low) == 0 and a == low > root[0]) \
        if a <= b else 0
    if inside != 1 or same != 1 or both != 1:
        raise Refused("the isolating interval of an end does not hold its root alone")


# ------------------------------------------------------------------ signs
def _one_sign(poly: Any, claim: _Claim) -> int | None:
    """Return the sign of a polynomial on the domain, from its coefficients, else None."""
    import sympy

    names = sorted(poly.free_symbols, key=str)
    if not names:
        return int(sympy.sign(poly))
    inside = {s: claim.ranges.get(str(s)) for s in names}
    if None in inside.values():
        raise Refused("a symbol has no range")
    moved = poly
    for s, kind in inside.items():
        if kind in ("unit", "inner"):
            moved = moved.subs(s, s / (1 + s))
        elif kind == "portion":
            moved = moved.subs(s, 1 / (1 + s))
    top = sympy.Poly(sympy.fraction(sympy.together(moved))[0], *names)
    below = sympy.Poly(sympy.fraction(sympy.together(moved))[1], *names)
    if not below.is_ground and not all(c > 0 for c in below.coeffs()):
        return None
    if below.is_ground and below.LC() < 0:
        top = -top
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
            bound, _ = 1, seen.add(which)
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
    boundary = _meets(claim.coefficients, (claim.step, lam))
    if boundary.is_zero:
        if claim.options["intervals"]:
            raise Refused("two eigenvalues have product 1 at every step: no step is stable")
        return
    edge = sympy.Poly(1, claim.step, domain="QQ")
    for factor, _ in sympy.factor_list(boundary.as_expr())[1]:
        inner = sympy.Poly(factor, lam)
        tests = [factor.subs(lam, e) for e in ends]
        tests += [inner.LC()] if inner.degree() else []
        tests += [sympy.discriminant(factor, lam)] if inner.degree() > 1 else []
        for t in tests:
            made = sympy.Poly(t, claim.step, domain="QQ")
            if not made.is_zero:
                edge = edge.lcm(made)
    line = sturm.squarefree(_fractions(edge))
    roots = sturm.isolate(line)
    good = []
    for x in _cells(line, roots):
        at = sympy.Rational(x.numerator, x.denominator)
        along = sympy.Poly(boundary.as_expr().subs(claim.step, at), lam)
        here = _fractions(along)
        meets = sturm.value(here, mu) == 0 or (len(sturm.trimmed(here)) > 1 and sturm.count(
            sturm.chain(sturm.squarefree(here)), mu, ell) > 0)
        row = [c.subs({claim.step: at, lam: ends[0]}) for c in claim.coefficients]
        good.append(not meets and schur_stable([Fraction(int(c.p), int(c.q)) for c in row]))
    _same_set(claim, good, roots, line)


def _same_set(claim: _Claim, good: list[bool], roots: list[tuple[Fraction, Fraction]],
              line: list[Fraction]) -> None:
    """Refuse unless the intervals are the runs of good cells between them."""
    import sympy

    place = 0
    for left, right in claim.options["intervals"]:
        while place < len(good) and not good[place]:
            place += 1
        if place == len(good):
            raise Refused("there is no such interval")
        _same_end(left, roots[place - 1] if place else None, line, sympy.Integer(1), "0")
        if place + 1 < len(good) and good[place + 1] and _is_end(right, roots[place]) is False:
            raise Refused("an interval goes on past a critical step")
        _same_end(right, roots[place] if place < len(roots) else None, line, sympy.Integer(1),
                  "oo")
        place += 1
    if any(good[place:]):
        raise Refused("an interval is missing")


def _is_end(given: Any, root: tuple[Fraction, Fraction]) -> bool:
    if isinstance(given, str):
        return given != "oo" and root[0] < fraction(given) <= root[1]
    return fraction(given[1]) <= root[1] and fraction(given[2]) >= root[0]


# ------------------------------------------------------------------ words
def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, a sentence a step."""
    n = len(data["characteristic"]) - 1
    poly = " + ".join(f"({c})*zeta**{n - i}" for i, c in enumerate(data["characteristic"])
                      if c != "0")
    steps = [f"The characteristic polynomial of one step is {poly}."]
    if data["binding"]:
        steps.append("Every factor of Jury's conditions has one sign for all parameters, by the "
                     "signs of its coefficients, except " + ", ".join(data["binding"])
                     + ", which changes its sign once in the step.")
    else:
        steps.append("Where two eigenvalues have product 1, or one is 1 or -1, a polynomial in "
                     "the step vanishes; its positive roots are isolated by Sturm's chain.")
        steps.append("Between two roots the Schur-Cohn recursion decides at one rational step.")
    steps.append(f"So all eigenvalues have modulus < 1 exactly for "
                 f"{statement['options']['bound']}.")
    return steps


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    import sympy

    claim = _Claim(statement)
    n = len(data["characteristic"]) - 1
    parts = []
    for i, text in enumerate(data["characteristic"]):
        c = read(text, claim.names, positive=claim.names)
        if c != 0:
            parts.append(rf"\left({sympy.latex(c)}\right)\zeta^{{{n - i}}}")
    return [r"The characteristic polynomial of one step is $" + " + ".join(parts) + "$.",
            "All its roots have modulus less than 1 exactly for the steps of the claim, by "
            + ("the signs of Jury's conditions." if data["binding"] else
               "Sturm's count of its meetings with the unit circle.")]
