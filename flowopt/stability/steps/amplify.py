"""Stability functions R = P/Q of methods, exactly, from their tableaus."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from flowopt.stability.algebra.univariate import product, trimmed

Poly1 = list[Fraction]  # coefficients of z⁰, z¹, …


def _plus(a: Poly1, b: Poly1) -> Poly1:
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    return [u + (short[i] if i < len(short) else 0) for i, u in enumerate(long)]


@lru_cache(maxsize=64)
def stability_function(tableau: Any) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
    """Return R(z) = P(z)/Q(z) of a tableau, exactly: coefficients of z⁰, z¹, ….

    Parameters
    ----------
    tableau : Tableau, RosenbrockTableau or Series
        An explicit method (Q = 1), a Rosenbrock method, or the Taylor polynomial of an order.

    Raises
    ------
    TypeError
        For anything else; `amplification` takes a method.

    Examples
    --------
    >>> from flowopt.integrators.tableaus import RK4
    >>> [str(c) for c in stability_function(RK4)[0]]
    ['1', '1', '1/2', '1/6', '1/24']
    """
    from math import factorial

    from flowopt import _check
    from flowopt.integrators.tableaus import RosenbrockTableau, Series, Tableau

    if not isinstance(tableau, (Tableau, RosenbrockTableau, Series)):
        raise TypeError("tableau must be a Tableau, got "
                        f"{_check.shown(tableau)}; amplification takes a method")
    zero, one = Fraction(0), Fraction(1)
    if isinstance(tableau, Series):
        return tuple(Fraction(1, factorial(k)) for k in range(tableau.order + 1)), (one,)
    a = [[Fraction(v) for v in row] for row in tableau.a]
    b = [Fraction(v) for v in tableau.b]
    stages: list[Poly1] = []
    if not isinstance(tableau, RosenbrockTableau):  # k_s = z (1 + Σ a k)
        for row in a:
            inner: Poly1 = [one]
            for weight, stage in zip(row, stages, strict=True):
                inner = _plus(inner, [weight * c for c in stage])
            stages.append([zero, *inner])
        total: Poly1 = [one]
        for weight, stage in zip(b, stages, strict=True):
            total = _plus(total, [weight * c for c in stage])
        return tuple(trimmed(total)), (one,)
    # (1/γ − z) k_s = z (1 + Σ a k) + Σ C k; with q = 1 − γz, k_s = n_s/q^(s+1), n_s polynomial
    gamma = Fraction(tableau.gamma)
    q: Poly1 = [one, -gamma]
    powers: list[Poly1] = [[one]]
    for _ in b:
        powers.append(product(powers[-1], q))
    coupling = [[Fraction(v) for v in row] for row in tableau.coupling]
    for s, (row, couple) in enumerate(zip(a, coupling, strict=True)):
        inner = product([zero, one], powers[s])
        for r, stage in enumerate(stages):
            lifted = product(stage, powers[s - r - 1])
            inner = _plus(inner, product([couple[r], row[r]], lifted))
        stages.append([gamma * c for c in inner])
    total = powers[len(b)]
    for s, (weight, stage) in enumerate(zip(b, stages, strict=True)):
        total = _plus(total, [weight * c for c in product(stage, powers[len(b) - s - 1])])
    return tuple(trimmed(total)), tuple(trimmed(powers[len(b)]))


def amplification(method: Any) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]] | None:
    """Return R = P/Q of a method, or None for one that is no function of hA alone."""
    from flowopt.integrators.methods import Automatic
    from flowopt.integrators.stochastic import SRA1, EulerMaruyama
    from flowopt.integrators.structured import DiscreteGradient, ImplicitEuler
    from flowopt.integrators.tableaus import EULER, RosenbrockTableau, Series, Tableau

    one = Fraction(1)
    if isinstance(method, (Tableau, RosenbrockTableau, Series)):
        return stability_function(method)
    if isinstance(method, Automatic):
        raise ValueError("method must be one method, and Automatic goes from one to another; give "
                         "one of " + " and ".join(type(m).__name__ for m in method.pair))
    if isinstance(method, ImplicitEuler):
        return (one,), (one, -one)
    if isinstance(method, DiscreteGradient):  # of ½λx², (L(z) − L(x))/(z − x) = λ (x + z)/2
        return (one, one / 2), (one, -one / 2)
    if isinstance(method, EulerMaruyama):
        return stability_function(EULER)
    if isinstance(method, SRA1):  # H = y + ¾hF, y⁺ = y + h(⅓F + ⅔F(H))
        return (one, one, one / 2), (one,)
    tableau = getattr(method, "tableau", None)
    return None if tableau is None else stability_function(tableau)
