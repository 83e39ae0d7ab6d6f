"""Rung (g): regions of attraction {V <= ρ}, proved by sums of squares, refuted by a segment."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt.stability.algebra import sos, sturm, witness
from flowopt.stability.checks import inequality
from flowopt.stability.checks import region as checker
from flowopt.stability.checks.algebra import at, number
from flowopt.stability.checks.lyapunov_conditions import Obligation
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.rational.lyapunov import BOUNDS, prove_part
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown

METHOD = "a level set, by sums of squares with a multiplier"


def attempt(problem: Any) -> Verdict:
    """Return a verdict on a region {V <= level}.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> from flowopt.stability.statement import field_system, statement
    >>> field = fo.VectorField(["-x + x**3"], ["x"])
    >>> made = statement("region", field_system(field), "x**2", level=0.99)
    >>> attempt(Problem(field, made, "x**2")).status
    'proved'
    """
    statement = problem.statement
    if statement["V"] is None:
        return unknown(statement, "a region needs a V")
    try:
        field, point, where, below = checker.read(statement)
    except Refused as error:
        return unknown(statement, str(error))
    end = time.monotonic() + 0.5 * min(problem.seconds_left(), 3600.0)
    if not statement["assumptions"]:
        data = refute(statement, time.monotonic() + 0.3 * min(problem.seconds_left(), 3600.0))
        if data is not None:
            words = ("a second equilibrium" if "point" in data
                     else "a segment on which V rises through the level")
            return disproved(statement, words, Evidence("region", data))
    compact = _compact(field, point, where, below, end)
    if compact is None:
        return unknown(statement, "it was not shown that the region is compact"
                       + ("" if where else "; a box around it may help (domain=)"))
    denominators = [prove_part(Obligation("", "", d, inequality.POSITIVE, (0,) * len(point), where),
                               end) for d in field.denominators]
    if any(d is None for d in denominators):
        return unknown(statement, "no proof that a denominator is positive was found")
    rate = sos.prove(-field.rate, inequality.OFF, point, where, (below,), deadline=end,
                     powers=(0,))
    if rate is None:
        return unknown(statement, "no proof that dV/dt < 0 off the equilibrium in the region was "
                                  "found")
    return proved(statement, METHOD, "A", Evidence("region", {
        "rate": rate, "compact": compact, "denominators": denominators}))


def _compact(field: Any, point: Any, where: Any, below: Any, end: float) -> Any:
    n = len(point)
    zero = (fraction(0),) * n
    if where is not None:
        made: list[Any] = []
        for k, ends in enumerate(where):
            others = [pair for i, pair in enumerate(where) if i != k]
            for a in ends:
                if n == 1:
                    if at(below, [a]) >= 0:
                        return None
                    made.append(None)
                    continue
                o = Obligation("", "", -checker.face(below, k, a), inequality.POSITIVE,
                               zero[1:], others)
                made.append(prove_part(o, end))
                if made[-1] is None:
                    return None
        return {"by": "faces", "faces": made}
    square = sum(((g - number(a)) ** 2 for g, a in zip(field.ring.gens, point, strict=True)),
                 field.ring.zero)
    for epsilon, C in BOUNDS:
        p = field.N - field.W * (number(epsilon) * square - number(C))
        proof = prove_part(Obligation("", "", p, inequality.NONNEGATIVE, zero), end)
        if proof is not None:
            return {"by": "bound", "epsilon": str(epsilon), "C": str(C), "proof": proof}
    return None


def refute(statement: Mapping[str, Any], deadline: float = float("inf")) -> dict[str, Any] | None:
    """Return the data of a segment on which V rises through the level, or of an equilibrium.

    Examples
    --------
    >>> refute({"claim": "region", "V": "x**2", "options": {"level": "2"}, "domain": None,
    ...         "assumptions": [], "system": {"kind": "field", "equations": ["-x + x**3"],
    ...         "variables": ["x"], "parameters": {}}})
    {'point': ['-1']}
    """
    from flowopt.stability.rational.instability import rational_equilibria

    field, point, where, below = checker.read(statement)
    if not field.W.is_ground or not field.D.is_ground:
        return None
    for x in rational_equilibria(field):
        if tuple(x) != point and at(below, x) >= 0 and _inside(x, where):
            return {"point": [str(a) for a in x]}
    # where V̇ > 0 on the level set: from a point just inside, go along the gradient of V
    if not field.rate:
        here = at(field.N, point) / at(field.W, point)
        for p in itertools.product((Fraction(0), Fraction(1, 10), Fraction(1)), repeat=len(point)):
            value = at(field.N, p) / at(field.W, p)
            if at(below, p) >= 0 and _inside(p, where) and value != here:
                return {"keeps": [str(a) for a in p], "value": str(value)}
        return None
    for seed in range(2):
        inside = witness.below(-field.rate, box=where, centre=point, conditions=[below],
                               deadline=deadline, starts=25, seed=seed)
        if inside is not None:
            made = _segment(statement, field, below, where, inside, deadline)
            if made is not None:
                return made
    return None


def _inside(x: Any, where: Any) -> bool:
    return where is None or all(a <= v <= b for v, (a, b) in zip(x, where, strict=True))


def _segment(statement: Any, field: Any, below: Any, where: Any, inside: Any,
             deadline: float) -> dict[str, Any] | None:
    """Climb along V̇ > 0 from a point of the level set until the level is passed."""
    from scipy.optimize import minimize

    R = field.ring
    V, rate = witness.numeric(field.N), witness.numeric(field.rate)
    dV = [witness.numeric(field.N.diff(g)) for g in R.gens]
    dR = [witness.numeric(field.rate.diff(g)) for g in R.gens]
    x = np.array([float(a) for a in inside])
    top = float(checker.level(statement))
    scale = max(abs(rate(x)), 1e-12)

    def slope(y: Any) -> Any:
        return np.array([2 * (V(y) - top) * d(y) - 1e-3 * r(y) / scale
                         for d, r in zip(dV, dR, strict=True)])

    with np.errstate(over="ignore", invalid="ignore"):
        found = minimize(
            lambda y: (V(y) - top) * (V(y) - top) - 1e-3 * rate(y) / scale, x, jac=slope,
            method="SLSQP", options={"maxiter": 80},
            constraints=[{"type": "ineq", "fun": lambda y: rate(y) / scale - 0.1,
                          "jac": lambda y: np.array([r(y) for r in dR]) / scale},
                         {"type": "eq", "fun": lambda y: V(y) - top,
                          "jac": lambda y: np.array([d(y) for d in dV])}])
    for centre in (found.x, x):
        if not np.all(np.abs(centre) < 1e6):
            continue  # nor is a NaN
        normal = np.array([d(centre) for d in dV])
        if not np.any(normal):
            continue
        normal /= np.linalg.norm(normal)
        for length in (1e-1, 1e-2, 1e-3, 1e-4, 1e-6):
            for q in (10**3, 10**5, 10**8):
                p = [Fraction(round(float(a) * q), q) for a in centre - length * normal]
                z = [Fraction(round(float(a) * q), q) for a in centre + length * normal]
                if not (at(below, p) >= 0 > at(below, z) and _inside(p, where)
                        and _inside(z, where)):
                    continue
                proof = sturm.prove(checker.along(field.rate, p, z), inequality.POSITIVE, None,
                                    [(Fraction(0), Fraction(1))])
                if proof is not None:
                    return {"from": [str(a) for a in p], "to": [str(a) for a in z],
                            "rate": proof}
    return None

