"""Functions V to try for a rational field: the catalogue, quadratic forms, sums of squares.

They are proposals: each is proved or dropped by the rungs that ask for them.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt.stability.algebra.bases import bases
from flowopt.stability.algebra.gram import Identity, solve
from flowopt.stability.checks import algebra, hurwitz
from flowopt.stability.checks.algebra import Field, at, number, shifted
from flowopt.stability.exact import Refused, write


def candidates(problem: Any, deadline: float) -> Iterator[str]:
    """Yield texts of functions V, without a constant, cheapest first.

    Parameters
    ----------
    problem : Problem
        A claim about a field, with the point ``at``.
    deadline : float
        When to give up, by `time.monotonic`.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> from flowopt.stability.statement import field_system, statement
    >>> field = fo.VectorField(["-x**3"], ["x"])
    >>> next(candidates(Problem(field, statement("stable", field_system(field))), float("inf")))
    'x**2/2'
    """
    statement = problem.statement
    field = algebra.field({**statement, "V": None})
    point = algebra.equilibrium(statement)
    seen = set()
    for V in itertools.chain(_catalogue(problem, field, point), _quadratic(field, point),
                             _searched(field, point, deadline)):
        V = V - V.coeff(1)
        text = write(V.as_expr())
        if V and text not in seen:
            seen.add(text)
            yield text
        if time.monotonic() > deadline:
            return


def _catalogue(problem: Any, field: Field, point: Any) -> Iterator[Any]:
    """L, the energy L + ½|v|², ½|x − x*|²."""
    R = field.ring
    loss = getattr(problem.system, "loss", None)
    u = [g - number(a) for g, a in zip(R.gens, point, strict=True)]
    if loss is not None and getattr(loss, "expr", None) is not None:
        try:
            L = algebra.polynomial(loss.expr, R, problem.statement["system"]["parameters"])
        except Refused:
            L = None
        if L is not None:
            n = len(loss.expr.free_symbols) if not hasattr(loss, "n") else loss.n
            yield L
            if len(R.gens) == 2 * n:
                yield L + sum((v**2 for v in u[n:]), R.zero) * number("1/2")
    yield from _energy(field, point)
    yield sum((v**2 for v in u), R.zero) * number("1/2")


def _energy(field: Field, point: Any) -> Iterator[Any]:
    """½|v|² + U(x) for ẋ = v, v̇ = −∇U(x) + terms that vanish with v."""
    R, n = field.ring, len(field.P) // 2
    if len(field.P) % 2 or not n or list(field.P[:n]) != list(R.gens[n:]) or any(point[n:]):
        return
    U = R.zero
    for g, p in zip(R.gens, field.P[n:], strict=False):  # ∫ −f(sx)·x ds over [0, 1]
        for m, c in p.terms():
            if not any(m[n:]):
                U -= R({m: c / (sum(m) + 1)}) * g
    yield U + sum((v**2 for v in R.gens[n:]), R.zero) * number("1/2")


def _quadratic(field: Field, point: Any) -> Iterator[Any]:
    """uᵀPu with AᵀP + PA = −I, A the linearisation, rounded."""
    try:
        A = np.array(hurwitz.jacobian(field, point), dtype=float)
    except Refused:
        return
    n = len(A)
    eye = np.eye(n)
    try:
        P = np.linalg.solve(np.kron(eye, A.T) + np.kron(A.T, eye), -eye.ravel()).reshape(n, n)
    except np.linalg.LinAlgError:
        return
    if not np.all(np.isfinite(P)) or np.linalg.eigvalsh((P + P.T) / 2)[0] <= 1e-9:
        return
    u = [g - number(a) for g, a in zip(field.ring.gens, point, strict=True)]
    for q in (12, 1000):
        yield sum((number(Fraction(float(P[i, j] + P[j, i]) / 2).limit_denominator(q)) * u[i] * u[j]
                   for i in range(n) for j in range(n)), field.ring.zero)


def _searched(field: Field, point: Any, deadline: float) -> Iterator[Any]:
    """V of degree 2 and 4 with V and −V̇ sums of squares at once, V̇ strict first."""
    R = field.ring
    n = len(R.gens)
    if any(at(p, point) for p in field.P) or not 1 < n <= 4:
        return  # in one variable the distance from the point is enough
    F = [shifted(p, point) for p in field.P]
    for top in (2, 4):
        if n > 3 and top > 2:
            return
        monomials = [m for m in itertools.product(range(top + 1), repeat=n) if 2 <= sum(m) <= top]
        pure = [m for m in monomials if max(m) == sum(m) and sum(m) % 2 == 0]
        first = R({pure[0]: number(1)})
        known = first * number(len(pure))
        steps = [R({m: number(1)}) - (first if m in pure else R.zero)
                 for m in monomials if m != pure[0]]
        back = [(g, g - number(a)) for g, a in zip(R.gens, point, strict=True)]
        for power, down in ((2, True), (2, False), (4, False), (0, False)):
            if power > top or time.monotonic() > deadline:
                continue
            made = _together(F, known, steps, n, power, down and top == 2, deadline)
            if made is None:
                continue
            for q in (10, 100, 10**4):
                simple = _simple(made, q)
                if simple:
                    yield simple.compose(back) if any(point) else simple
            yield made.compose(back) if any(point) else made
            break


def _simple(V: Any, q: int) -> Any:
    """Return V with coefficients of denominator at most q, in proportion to its largest one."""
    top = max(abs(c) for c in V.values())
    made = {m: number(Fraction(float(c / top)).limit_denominator(q)) for m, c in V.terms()}
    return V.ring.from_dict({m: c for m, c in made.items() if c})


def _together(F: list[Any], known: Any, steps: list[Any], n: int, power: int, strict: bool,
              deadline: float) -> Any:
    """Return V = known + Σ vₗ stepsₗ with V − ε Σ uᵢᵏ and −V̇ sums of squares, or None."""
    R = known.ring

    def rate(V: Any) -> Any:
        return -sum((V.diff(g) * f for g, f in zip(R.gens, F, strict=True)), R.zero)

    margin = sum((g**power for g in R.gens), R.zero) * number("1/100") if power else R.zero
    down = sum((g**2 for g in R.gens), R.zero) * number("1/1000") if strict else R.zero
    free = dict(enumerate(steps))
    slopes = {k: rate(r) for k, r in free.items()}
    zero = [[Fraction(0)] * n]
    identities = []
    for p, r in ((known - margin, free), (rate(known) - down, slopes)):
        support = sum((R({m: number(1)}) for q in (p, *r.values()) for m in q), R.zero)
        terms = bases(support, (), zero)
        if terms is None:
            return None
        identities.append(Identity(p, terms, r))
    found = solve(identities, len(steps), radius=100.0, deadline=deadline, digits=6)
    if found is None:
        return None
    return known + sum((number(v) * r for v, r in zip(found.free, steps, strict=True)), R.zero)
