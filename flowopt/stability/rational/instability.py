"""The spectrum at a rational equilibrium, exactly; one variable; Chetaev's theorem.

That some V is no Lyapunov function is never taken for instability.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra import sos, witness
from flowopt.stability.checks import algebra, chetaev, equilibria, hurwitz, inequality, line
from flowopt.stability.checks.algebra import at
from flowopt.stability.exact import Refused, write
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown

#: squared radii of the balls of Chetaev's theorem
BALLS = (None, Fraction(1), Fraction(1, 100))


def attempt(problem: Any) -> Verdict | None:
    """Return a verdict on stable, asymptotically_stable or unstable from the field itself.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> from flowopt.stability.statement import field_system, statement
    >>> field = fo.VectorField(["y", "x - y"], ["x", "y"])
    >>> attempt(Problem(field, statement("stable", field_system(field)))).status
    'disproved'
    """
    statement = problem.statement
    claim = problem.claim
    if claim not in ("stable", "asymptotically_stable", "unstable"):
        return None
    try:
        field = algebra.field({**statement, "V": None})
        data = spectrum(statement)
    except Refused as error:
        return unknown(statement, str(error))
    free = not statement["assumptions"]
    for kind, made in (("hurwitz", data), ("line", _line(statement))):
        if made is None:
            continue
        for status in ("proved", "disproved") if free else ("proved",):
            if _shows(kind, statement, made, status):
                words = ("the spectrum at the equilibrium, by Routh's array" if kind == "hurwitz"
                         else "the leading power of the field")
                if status == "proved":
                    return proved(statement, words, "A", Evidence(kind, made))
                return disproved(statement, words, Evidence(kind, made))
    if claim == "asymptotically_stable" and free:
        along = equilibria.direction(statement)
        for kind, words, made in (
                ("divergence", "volume", {"divergence": "0"}),
                ("equilibria", "a line of equilibria",
                 {"direction": [str(d) for d in along]} if along else None),
                ("equilibria", "a second equilibrium", _other(problem))):
            if made is not None and _shows(kind, statement, made, None):
                return disproved(statement, words, Evidence(kind, made))
    if claim == "unstable":
        made = by_chetaev(statement, time.monotonic() + 0.6 * min(problem.seconds_left(), 3600.0))
        if made is not None:
            return proved(statement, "Chetaev's theorem", "A", Evidence("chetaev", made))
    if data is None and len(field.P) > 1:
        return unknown(statement, "the linearisation is non-hyperbolic: no eigenvalue has a "
                                  "positive real part, and one is on the axis in floats")
    return unknown(statement, "the linearisation does not settle the claim")


def spectrum(statement: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the data of `checks.hurwitz`, or None when it settles nothing.

    Raises
    ------
    Refused
        When the point is no equilibrium.

    Examples
    --------
    >>> spectrum({"V": None, "options": {}, "system": {"kind": "field", "parameters": {},
    ...           "equations": ["y", "-2*x - 3*y"], "variables": ["x", "y"]}})["column"]
    ['1', '3', '2']
    """
    import numpy as np

    field = algebra.field({**statement, "V": None})
    J = hurwitz.jacobian(field, algebra.equilibrium(statement))
    p = hurwitz.characteristic(J)
    try:
        entries = hurwitz.column(p, Fraction(0))
        if all(c > 0 for c in entries):
            return _data(p, Fraction(0), entries)
    except Refused:
        pass
    top = float(np.linalg.eigvals(np.array(J, dtype=float)).real.max())
    for share in (0.5, 0.375, 0.8125, 0.1, 0.01):
        shift = Fraction(share * top).limit_denominator(10**6) if top > 0 else Fraction(0)
        shift = shift or Fraction(max(0.0, share * top))
        try:
            entries = hurwitz.column(p, shift)
        except Refused:
            continue
        if shift > 0 and any(c < 0 for c in entries):
            return _data(p, shift, entries)
    return None


def _data(p: Any, shift: Any, entries: Any) -> dict[str, Any]:
    return {"characteristic": [str(c) for c in p], "shift": str(shift),
            "column": [str(c) for c in entries]}


def _line(statement: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        m, c = line.leading(statement)
    except Refused:
        return None
    return {"power": m, "coefficient": str(c)}


def _shows(kind: str, statement: Mapping[str, Any], data: Any, status: str | None) -> bool:
    try:
        checker = Evidence(kind, data).checker
        if status is None:
            checker.check(statement, data)
        else:
            checker.check(statement, data, status)
    except Refused:
        return False
    return True


def _other(problem: Any) -> dict[str, Any] | None:
    """Return a second rational equilibrium, or an interval that holds one, for a global claim."""
    statement = problem.statement
    if statement["options"].get("scope", "local") == "local":
        return None
    field = algebra.field({**statement, "V": None})
    point = algebra.equilibrium(statement)
    if len(field.P) == 1:
        from flowopt.stability.algebra import sturm

        rest = field.P[0]
        factor = field.ring.gens[0] - algebra.number(point[0])
        while not rest.rem(factor):
            rest = rest.quo(factor)
        made = sturm.witness(rest**2, inequality.POSITIVE)
        if made is None:
            return None
        return {"point": [str(made["x"])]} if "x" in made else made
    for x in rational_equilibria(field):
        if tuple(x) != point:
            return {"point": [str(a) for a in x]}
    return None


def rational_equilibria(field: algebra.Field) -> Iterator[list[Fraction]]:
    """Yield rational zeros of the field: floats propose, exact arithmetic decides.

    Examples
    --------
    >>> field = algebra.field({"V": None, "system": {"kind": "field", "parameters": {},
    ...                        "equations": ["x - x**3", "-y"], "variables": ["x", "y"]}})
    >>> sorted(str(x[0]) for x in rational_equilibria(field))
    ['-1', '0', '1']
    """
    import numpy as np
    from scipy.optimize import least_squares

    from flowopt.stability.algebra.witness import numeric

    values = [numeric(p) for p in field.P]
    rng = np.random.default_rng(0)
    n, seen = len(field.P), set()
    for k in range(40):
        start = rng.normal(size=n) * 10.0 ** rng.uniform(-1, 1)
        found = least_squares(lambda x: [v(x) for v in values], start if k else np.zeros(n),
                              xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=100)
        for q in (1, 12, 1000):
            x = tuple(Fraction(float(a)).limit_denominator(q) for a in found.x)
            if x not in seen and all(at(p, x) == 0 for p in field.P) and at(field.D, x) != 0:
                seen.add(x)
                yield list(x)


def by_chetaev(statement: Mapping[str, Any], deadline: float) -> dict[str, Any] | None:
    """Return the data of `checks.chetaev` for the V of a statement, or for a simple V.

    Examples
    --------
    >>> made = by_chetaev({"claim": "unstable", "V": None, "options": {}, "assumptions": [],
    ...                    "domain": None, "system": {"kind": "field", "parameters": {},
    ...                    "equations": ["-x", "y**3"], "variables": ["x", "y"]}}, float("inf"))
    >>> made["V"]
    '-x**2 + y**2'
    """
    n = len(statement["system"]["variables"])
    point = algebra.equilibrium(statement)
    given = statement["V"]
    texts = [None] if given is not None else _forms(statement["system"]["variables"], point)
    directions = [d for d in itertools.product((1, 0, -1), repeat=n) if any(d)] if n <= 4 else []
    for V in texts:
        field = algebra.field(statement, V)
        if not field.W.is_ground or not field.D.is_ground or not field.rate:
            continue
        for d in directions:
            try:
                k, c = chetaev.along(field.N, point, d)
            except Refused:
                continue
            if c > 0:
                break
        else:
            continue
        for ball in BALLS:
            domain = chetaev.conditions(field, point, ball)
            if witness.sampled(field.rate, centre=point, conditions=domain) is not None:
                continue
            proof = sos.prove(field.rate, inequality.OFF, point, None, domain, deadline=deadline,
                              powers=(0,))
            if proof is None or ball and not any(t["of"] == 2 for t in proof["terms"]):
                continue
            made = {"direction": [str(a) for a in d], "order": k, "coefficient": str(c),
                    "rate": proof, **({"ball": str(ball)} if ball else {})}
            return made if given is not None else {"V": V, **made}
    return None


def _forms(names: list[str], point: Any) -> list[str]:
    """Return Σ ±uᵢ² with at least one plus, and uᵢuⱼ, as texts without a constant."""
    R = algebra.ring(tuple(names))
    u = [g - algebra.number(a) for g, a in zip(R.gens, point, strict=True)]
    n = len(names)
    made = [sum((s * v**2 for s, v in zip(signs, u, strict=True)), R.zero)
            for signs in itertools.product((1, -1, 0), repeat=n) if 1 in signs] if n <= 3 else []
    made += [u[i] * u[j] for i in range(n) for j in range(i)]
    return [write((p - p.coeff(1)).as_expr()) for p in made]
