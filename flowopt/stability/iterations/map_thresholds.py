"""Steps at which cycles of two of gradient descent are born or double, as algebraic numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowopt.stability.exact import Refused
from flowopt.stability.iterations.maps import gradient_of


@dataclass(frozen=True)
class Threshold:
    """A step at which a cycle of two is born, or turns unstable.

    Attributes
    ----------
    lr : sympy number
        The step, an algebraic number.
    event : {"born", "period doubles"}
        Whether f'(a) f'(b) = 1 or −1 there.
    points : tuple of float
        The cycle there, to 15 digits.
    """

    lr: Any
    event: str
    points: tuple[float, float]


def two_cycle_thresholds(loss: Any) -> tuple[Threshold, ...]:
    """Return the steps at which cycles of two of gradient descent are born or double, exactly.

    In s = a + b, p = ab: g(a) + g(b) = 0, (g(a) − g(b))/(a − b) = 2/lr and f'(a) f'(b) = ±1, from
    which s and p are eliminated.

    Parameters
    ----------
    loss : Loss or str
        A polynomial in one variable.

    Returns
    -------
    tuple of Threshold
        By the step.

    Examples
    --------
    >>> import flowopt as fo
    >>> [(str(t.lr), t.event) for t in fo.stability.two_cycle_thresholds("x**2/2 - x**3/3")]
    [('2', 'born'), ('sqrt(6)', 'period doubles')]
    """
    import sympy

    g, x = gradient_of(loss)
    if g.degree() < 2:
        return ()
    s, p, u = sympy.symbols("s p u")  # u = 1/lr
    a, b = sympy.symbols("a b")
    ga, gb = g.as_expr().subs(x, a), g.as_expr().subs(x, b)
    slopes = g.diff().as_expr()
    forms = [ga + gb, sympy.cancel((ga - gb) / (a - b)) - 2 * u,
             sympy.expand((u - slopes.subs(x, a)) * (u - slopes.subs(x, b)))]
    first, second, product = (_in_sums(e, a, b, s, p) for e in forms)
    made = []
    for event, sign in (("born", 1), ("period doubles", -1)):
        basis = sympy.groebner([first, second, product - sign * u**2], s, p, u, order="lex",
                               domain=sympy.QQ)
        last = [e for e in basis.exprs if e.free_symbols <= {u}]
        if not last:  # a family of cycles
            continue
        for root in sorted(set(sympy.Poly(last[-1], u).real_roots()), key=lambda r: -sympy.N(r)):
            if not sympy.N(root) > 0:
                continue
            pair = _real_pair(basis.exprs, s, p, u, root)
            if pair is not None:
                made.append(Threshold(_inverse(root), event, pair))
    return tuple(sorted(made, key=lambda t: float(t.lr)))


def _in_sums(expr: Any, a: Any, b: Any, s: Any, p: Any) -> Any:
    """Return a symmetric polynomial in a, b as one in s = a + b and p = ab."""
    from sympy.polys.polyfuncs import symmetrize

    made, rest, names = symmetrize(expr, [a, b], formal=True)
    if rest != 0:
        raise Refused("the form is not symmetric")
    return made.subs({names[0][0]: s, names[1][0]: p})


def _inverse(root: Any) -> Any:
    import sympy

    made = sympy.nsimplify(1 / root) if root.is_Rational else 1 / root
    if not root.is_Rational:
        minimal = sympy.minimal_polynomial(root, sympy.Symbol("y"))
        flipped = sympy.Poly(sympy.Poly(minimal).all_coeffs()[::-1], sympy.Symbol("y"))
        near = sympy.N(1 / root, 40)
        made = min(flipped.real_roots(), key=lambda r: abs(sympy.N(r, 40) - near))
    return sympy.radsimp(made)


def _real_pair(basis: Any, s: Any, p: Any, u: Any, root: Any) -> tuple[float, float] | None:
    """Return real a < b of a solution at this u, to 15 digits, or None when there is none."""
    import sympy

    value = sympy.N(root, 60)
    forms = [e.subs(u, value) for e in basis if not e.free_symbols <= {u}]
    only = [e for e in forms if e.free_symbols == {p}] or [
        e for e in forms if e.free_symbols == {s}]
    candidates: list[tuple[Any, Any]] = []
    for e in only[:1]:
        (name,) = e.free_symbols
        for r in sympy.Poly(e, name).nroots(n=40, maxsteps=500):
            other = s if name == p else p
            rest = [f.subs(name, r) for f in forms if other in f.free_symbols]
            for f in rest[:1]:
                if f.free_symbols == {other}:
                    candidates += [(q, r) if other == s else (r, q)
                                   for q in sympy.Poly(f, other).nroots(n=40, maxsteps=500)]
    for S, P in candidates:
        if max(abs(sympy.im(S)), abs(sympy.im(P))) > sympy.Float("1e-15"):
            continue
        S, P = sympy.re(S), sympy.re(P)
        if any(abs(sympy.N(f.subs({s: S, p: P}), 30)) > sympy.Float("1e-12") for f in forms):
            continue
        gap = S**2 - 4 * P
        if gap > -sympy.Float("1e-15"):
            half = sympy.sqrt(max(gap, 0)) / 2
            return float(S / 2 - half), float(S / 2 + half)
    return None
