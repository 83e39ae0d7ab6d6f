"""Check the steps that are stable for every curvature of an interval."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flowopt.stability.checks import sturm_chain as sturm
from flowopt.stability.checks.boundary import marks, schur_stable, walls_of
from flowopt.stability.checks.step_claim import Claim
from flowopt.stability.checks.step_numbers import fractions, same_end
from flowopt.stability.checks.step_signs import check_signs, one_sign
from flowopt.stability.exact import Refused, read


def check_interval(claim: Claim, binding: Any) -> None:
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
            if one_sign(sympy.expand(-(p.diff(lam) * q - p * q.diff(lam))), claim) != -1:
                raise Refused("a limit must fall as the curvature grows")
        check_signs(claim, binding, {lam: ends[1]})
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
    _, roots, cells = marks([], [fractions(edge)])
    good = []
    for x in cells:
        at = sympy.Rational(x.numerator, x.denominator)
        meets = False
        for w in walls:
            here = sturm.squarefree(fractions(sympy.Poly(w.subs(claim.step, at), lam)))
            meets |= not here or sturm.value(here, mu) == 0 or (
                len(here) > 1 and sturm.roots_in(here, mu, ell) > 0)
        row = [c.subs({claim.step: at, lam: ends[0]}) for c in claim.coefficients]
        good.append(not meets and schur_stable([Fraction(int(c.p), int(c.q)) for c in row]))
    _same_set(claim, good, roots, lambda r: _open_at(claim, walls, r, lam, mu, ell))


def _open_at(claim: Claim, walls: list[Any], root: Any, lam: Any, mu: Fraction, ell: Fraction
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
            here = fractions(sympy.Poly(w.subs(claim.step, at), lam))
            for sign in (1, -1):  # neither w = r B nor w = −r B is met: |w| > r B, or < everywhere
                moved = [*here[:-1], here[-1] - sign * radius * slope]
                free = sturm.squarefree(moved)
                good = good and sturm.value(moved, mu) != 0 and (
                    len(free) < 2 or sturm.roots_in(free, mu, ell) == 0)
            good = good and abs(sturm.value(here, mu)) > radius * slope
        if good:
            return True
    return False


def _same_set(claim: Claim, good: list[bool], roots: list[Any], open_at: Any) -> None:
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
        same_end(left, roots[first - 1] if first else None, one, "0")
        same_end(right, roots[last] if last < len(roots) else None, one, "oo")
