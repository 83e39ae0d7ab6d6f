"""Where a polynomial inequality fails: floats propose a point, exact arithmetic decides."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt.stability.checks.algebra import at
from flowopt.stability.exact import fraction

#: denominators that are tried when a float is made rational
DENOMINATORS = (1, 2, 4, 10, 100, 10**4, 10**6, 10**9, 10**12, 10**15)


def below(p: Any, *, box: Sequence[tuple[Any, Any]] | None = None, centre: Sequence[Any] = (),
          conditions: Sequence[Any] = (), strict: bool = True, deadline: float = np.inf,
          accept: Callable[[Sequence[Fraction]], bool] | None = None, starts: int = 60,
          seed: int = 0) -> list[Fraction] | None:
    """Return a rational point with p < 0 (p <= 0 unless `strict`), or None when none was found.

    Parameters
    ----------
    p : PolyElement
        The polynomial.
    box : sequence of pairs, optional
        Where to look.
    centre : sequence, optional
        A point around which starts are drawn at many scales.
    conditions : sequence of PolyElement
        Polynomials that must be >= 0 at the point.
    accept : callable, optional
        A further exact test of the point.
    strict : bool
        Whether p must be negative.
    starts : int
        The number of descents.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x", "y")); x, y = R.gens
    >>> point = below(x**2 - 3*x*y + y**2)
    >>> at(x**2 - 3*x*y + y**2, point) < 0
    True
    """
    n = len(p.ring.gens)

    def good(point: Sequence[Fraction]) -> bool:
        value = at(p, point)
        return ((value < 0 or (not strict and value == 0))
                and (box is None or all(a <= x <= b for x, (a, b) in zip(point, box, strict=True)))
                and all(at(c, point) >= 0 for c in conditions)
                and (accept is None or accept(point)))

    if n <= 4:
        for point in itertools.product((0, 1, -1, 2, -2), repeat=n):
            made = [fraction(a) for a in point]
            if good(made):
                return made
    for guess in _proposals(p, box, centre, conditions, starts, seed, deadline):
        for q in DENOMINATORS:
            made = [Fraction(round(float(x) * q), q) for x in guess]
            if good(made):
                return made
    return None


def sampled(p: Any, *, centre: Sequence[Any] = (), box: Sequence[tuple[Any, Any]] | None = None,
            conditions: Sequence[Any] = (), size: int = 600) -> list[Fraction] | None:
    """Return a rational point with p < 0 where the conditions are >= 0, by sampling alone.

    It costs a millisecond, and saves the search for a proof of what is false.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x", "y")); x, y = R.gens
    >>> sampled(x**2 - 3*x*y + y**2) is None, sampled(x**2 + y**2) is None
    (False, True)
    """
    n = len(p.ring.gens)
    rng = np.random.default_rng(0)
    middle = np.array([float(fraction(c)) for c in centre]) if len(centre) else np.zeros(n)
    if box:
        ends = np.array([[float(a), float(b)] for a, b in box])
        points = rng.uniform(ends[:, 0], ends[:, 1], size=(size, n))
    else:
        points = middle + rng.normal(size=(size, n)) * 10.0 ** rng.uniform(-3, 1.5, size=(size, 1))
    points = np.round(points, 6)
    inside = np.all([many(g, points) >= 0 for g in conditions] or [np.full(size, True)], axis=0)
    values = np.where(inside, many(p, points), np.inf)
    for k in np.argsort(values)[:5]:
        x = [Fraction(round(float(a) * 10**6), 10**6) for a in points[k]]
        if (values[k] < 0 and at(p, x) < 0 and all(at(g, x) >= 0 for g in conditions)
                and (box is None or all(a <= v <= b for v, (a, b) in zip(x, box, strict=True)))):
            return x
    return None


def many(p: Any, points: np.ndarray) -> np.ndarray:
    """Return p at many points (N, n), in floats (N,)."""
    if not p:
        return np.zeros(len(points))
    powers = np.array(list(p.monoms()), dtype=float)
    factors = np.array([float(fraction(c)) for c in p.coeffs()])
    return np.asarray(np.prod(points[:, None, :] ** powers, axis=2) @ factors)


def _proposals(p: Any, box: Any, centre: Sequence[Any], conditions: Sequence[Any], starts: int,
               seed: int, deadline: float) -> Iterator[np.ndarray]:
    """Local minima of p, scaled by 1 + |x|^d, from random starts at several scales."""
    from scipy.optimize import minimize

    R = p.ring
    n = len(R.gens)
    value, gradient = numeric(p), [numeric(p.diff(g)) for g in R.gens]
    limits = [numeric(c) for c in conditions]
    slopes = [[numeric(c.diff(g)) for g in R.gens] for c in conditions]
    rng = np.random.default_rng(seed)
    bounds = [(float(a), float(b)) for a, b in box] if box else None
    middle = np.array([float(fraction(c)) for c in centre]) if len(centre) else np.zeros(n)
    size = max(1e-300, max(abs(float(fraction(c))) for c in p.values())) if p else 1.0
    for k in range(starts):
        if time.monotonic() > deadline:
            return
        if bounds:
            start = np.array([rng.uniform(a, b) for a, b in bounds])
        else:
            start = middle + rng.normal(size=n) * 10.0 ** rng.uniform(-2, 1.5)
        yield start
        found = minimize(
            lambda x: value(x) / size, start, bounds=bounds, method="SLSQP",
            jac=lambda x: np.array([g(x) for g in gradient]) / size, options={"maxiter": 60},
            constraints=[{"type": "ineq", "fun": c,
                          "jac": lambda x, s=s: np.array([g(x) for g in s])}
                         for c, s in zip(limits, slopes, strict=True)])
        if np.all(np.isfinite(found.x)) and np.abs(found.x).max() < 1e6:
            yield found.x
            if k % 3 == 0:
                yield found.x + rng.normal(size=n) * 1e-3


def numeric(p: Any) -> Callable[[Any], float]:
    """Return p as a function of floats (n,).

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x", "y")); x, y = R.gens
    >>> numeric(x**2 - y/2)([3.0, 1.0])
    8.5
    """
    if not p:
        return lambda x: 0.0
    powers = np.array(list(p.monoms()), dtype=float)
    factors = np.array([float(fraction(c)) for c in p.coeffs()])

    def value(x: Any) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(factors @ np.prod(np.asarray(x, dtype=float) ** powers, axis=1))

    return value

