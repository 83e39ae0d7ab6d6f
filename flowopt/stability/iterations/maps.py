"""Gradient descent on a polynomial loss of one variable as a map: cycles of two, and flips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowopt import _check
from flowopt.stability.checks import polynomial_map as checker
from flowopt.stability.exact import Refused, rational, write
from flowopt.stability.statement import map_system, statement
from flowopt.stability.verdict import Evidence, Verdict, proved, unknown


@dataclass(frozen=True)
class TwoCycle:
    """A cycle of two points of gradient descent.

    Attributes
    ----------
    points : tuple of sympy numbers
        a < b: rational, or a root of a polynomial (``sympy.CRootOf``).
    multiplier : float
        f'(a) f'(b), to 15 digits.
    verdict : Verdict
        Whether it is stable; unknown when the multiplier is ±1 exactly.
    """

    points: tuple[Any, Any]
    multiplier: float
    verdict: Verdict

    @property
    def stable(self) -> bool | None:
        """Whether it attracts; None at a bifurcation."""
        if not self.verdict.proved:
            return None
        return bool(self.verdict.statement["options"]["kind"] == "a stable")


def two_cycles(loss: Any, lr: Any) -> tuple[TwoCycle, ...]:
    """Return all cycles of period two of x⁺ = x − lr L'(x), exactly.

    Each pair has the secant curvature (L'(a) − L'(b))/(a − b) = 2/lr.

    Parameters
    ----------
    loss : Loss or str
        A polynomial in one variable; floats in it are taken by their shortest decimals.
    lr : float or str, > 0
        The step.

    Returns
    -------
    tuple of TwoCycle
        By their smaller point; complete.

    Raises
    ------
    ValueError
        For a loss that is no polynomial in one variable.

    Examples
    --------
    >>> import flowopt as fo
    >>> (cycle,) = fo.stability.two_cycles("x**2/2 - x**3/3", lr="9/4")
    >>> cycle.stable, [round(float(p), 12) for p in cycle.points]
    (True, [-0.17350586809, 0.284616979201])
    """
    import sympy

    g, x = gradient_of(loss)
    step = rational(lr)
    if not step > 0:
        raise ValueError(f"lr must be > 0, got {_check.shown(lr)}")
    f = sympy.Poly(x - step * g.as_expr(), x, domain=sympy.QQ)
    system = map_system([f.as_expr()], [str(x)])
    if f.degree() < 2:
        return ()
    pairs, slope = checker.two_step(f)
    identity = sympy.Poly(x, x, domain=sympy.QQ)
    for shared in (pairs.gcd(f - identity),):  # a flip: both points at a fixed point
        while shared.degree() > 0:
            pairs = pairs.quo(shared)
            shared = pairs.gcd(f - identity)
    made = []
    for root in sorted(set(pairs.real_roots()), key=lambda r: sympy.N(r, 50)):
        other = _image(f, pairs, root)
        if sympy.N(other, 50) < sympy.N(root, 50):
            continue
        low, high = _interval(checker.two_step(f)[0], root)
        multiplier = float(sympy.N(slope.as_expr().subs(x, sympy.N(root, 60)), 30))
        made.append(TwoCycle((root, other), multiplier, _judged(
            "cycle", system, low, high, lambda low=low, high=high: checker._cycle(f, low, high),
            "stable", checker.KINDS, "the multiplier is 1 or -1 exactly")))
    return tuple(made)


def flip(loss: Any, at: Any) -> Verdict:
    """Return whether the flip of gradient descent at a minimum is supercritical.

    At lr = 2/L'' a fixed point loses its stability. A stable cycle of two is born beyond this step
    exactly if 3 L'''² > L'' L'''' (otherwise an unstable one dies there).

    Parameters
    ----------
    loss : Loss or str
        A polynomial in one variable.
    at : float or str
        The minimum, or a number near it: the nearest critical point is taken.

    Returns
    -------
    Verdict
        Of the claim ``flip``, with its kind in ``statement["options"]["kind"]``.

    Raises
    ------
    ValueError
        When the critical point has L'' <= 0.

    References
    ----------
    Strogatz, Nonlinear Dynamics and Chaos (2015), Exercise 10.3.11: f = −(1 + μ) x + a x² + b x³ is
    supercritical for a² + b > 0.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.stability.flip("(x**2 - 1)**2/4", at=1).statement["options"]["kind"]
    'supercritical (a stable cycle is born beyond it)'
    >>> fo.stability.flip("x**2/2 + x**4/4", at=0).statement["options"]["kind"]
    'subcritical (an unstable cycle dies on it)'
    """
    import sympy

    g, x = gradient_of(loss)
    near = rational(at)
    roots = sorted(set(g.real_roots()), key=lambda r: abs(sympy.N(r - near, 50)))
    if not roots:
        raise ValueError("loss must have a critical point")
    low, high = _interval(g, roots[0])
    lr = sympy.Symbol("lr", real=True)
    system = map_system([x - lr * g.as_expr()], [str(x)])
    if checker.sign_at(g, g.diff(), low, high) <= 0:
        raise ValueError(f"at must be near a minimum with L'' > 0, got {_check.shown(at)}, and the "
                         f"nearest critical point, {float(roots[0]):g}, is none")
    f = sympy.Poly(x - lr * g.as_expr(), x, lr, domain=sympy.QQ)
    return _judged("flip", system, low, high, lambda: checker._flip(f, low, high), "criterion",
                   checker.FLIPS, "3 L'''^2 = L'' L'''' exactly: higher derivatives decide")


# ---------------------------------------------------------------- pieces
def gradient_of(loss: Any) -> tuple[Any, Any]:
    """Return L' as a polynomial over the rationals, and its variable."""
    import sympy

    from flowopt.losses.loss import Loss

    loss = Loss(loss) if isinstance(loss, str) else loss
    if not isinstance(loss, Loss) or loss.n != 1 or not hasattr(loss, "expr"):
        raise ValueError(f"loss must be a polynomial in one variable, got {_check.shown(loss)}")
    from flowopt.symbolic.names import exact

    x = loss.variables[0]
    expr = exact(sympy.sympify(loss.expr))
    values = {s: rational(loss.parameters[str(s)]) for s in expr.free_symbols
              if str(s) in getattr(loss, "parameters", {})}
    try:
        L = sympy.Poly(expr.xreplace(values), x, domain=sympy.QQ)
    except (sympy.PolynomialError, sympy.CoercionFailed):
        raise ValueError("loss must be a polynomial in one variable, got "
                         f"{_check.shown(str(loss.expr))}") from None
    y = sympy.Symbol(str(x), real=True)
    return sympy.Poly(L.as_expr().xreplace({x: y}), y, domain=sympy.QQ).diff(), y


def _interval(p: Any, root: Any) -> tuple[Any, Any]:
    """Return rational ends around one root of p that hold no other."""
    import sympy

    if root.is_Rational:
        return root, root
    squarefree = p.quo(p.gcd(p.diff()))
    centre = sympy.Rational(str(sympy.N(root, 30)))
    for digits in range(3, 25):
        low, high = (sympy.Rational(round((centre + k * sympy.Rational(1, 10**digits))
                                          * 10**(digits + 1)), 10**(digits + 1)) for k in (-1, 1))
        if squarefree.count_roots(low, high) == 1:
            return low, high
    raise Refused("two roots are nearer to each other than 1e-24")


def _image(f: Any, pairs: Any, root: Any) -> Any:
    """Return f(root) as one of the roots of `pairs`."""
    import sympy

    value = f.as_expr().subs(f.gen, sympy.N(root, 60))
    return min(set(pairs.real_roots()), key=lambda r: abs(sympy.N(r, 60) - value))


def _judged(claim: str, system: Any, low: Any, high: Any, find: Any, key: str, kinds: Any,
            degenerate: str) -> Verdict:
    found = find()
    kind = kinds.get(found[key])
    made = statement(claim, system, at=[write(low), write(high)],
                     kind=kind or "of unknown kind")
    if kind is None:
        return unknown(made, degenerate)
    return proved(made, "signs at roots of polynomials, by Sturm's theorem", "A",
                  Evidence("polynomial_map", {k: str(v) for k, v in found.items()}))
