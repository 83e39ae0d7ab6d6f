"""Lyapunov's conditions for a rational field and a given V: prove each, or find where one fails."""

from __future__ import annotations

import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra import sos, sturm, witness
from flowopt.stability.checks import algebra, inequality
from flowopt.stability.checks import lyapunov as checker
from flowopt.stability.checks import point as refuter
from flowopt.stability.checks.algebra import Field, at
from flowopt.stability.checks.lyapunov_conditions import Obligation, obligations
from flowopt.stability.exact import Refused, fraction

#: ε of V̇ <= −ε|F|²
EPSILONS = tuple(Fraction(1, q) for q in (1, 2, 10, 100, 1000))
#: (ε, C) of Vᵏ >= ε|x − x*|² − C
BOUNDS = tuple((Fraction(1, e), Fraction(c)) for e, c in
               ((1, 1), (2, 1), (10, 1), (10, 10), (10, 100), (100, 100), (1000, 1000)))
#: squared radii of the balls on which a local claim is tried
BALLS = tuple(Fraction(1, q) for q in (1, 4, 25, 100, 10000))


def prove_part(o: Obligation, deadline: float = float("inf")) -> dict[str, Any] | None:
    """Return a proof of one inequality, or None.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x",)); x = R.gens[0]
    >>> made = Obligation("rate", "", x**2, ">=", (0,))
    >>> prove_part(made)["by"]
    'sturm'
    """
    if not o.p:
        return {"by": "zero"} if o.relation == inequality.NONNEGATIVE else None
    if len(o.p.ring.gens) == 1 and not o.domain:
        return sturm.prove(o.p, o.relation, o.point, o.box)
    if witness.sampled(o.p, centre=o.point, box=o.box, conditions=o.domain) is not None:
        return None
    return sos.prove(o.p, o.relation, o.point, o.box, o.domain, zeros=_zeros(o),
                     deadline=deadline, hints=o.hints)


def _zeros(o: Obligation) -> list[Any]:
    """Return small integer points where the polynomial vanishes: it is cut to them exactly."""
    import itertools

    n = len(o.p.ring.gens)
    if n > 4 or o.relation == inequality.POSITIVE or o.domain or o.box:
        return []
    return [point for point in itertools.product((0, 1, -1), repeat=n) if at(o.p, point) == 0][:9]


def prove(statement: Mapping[str, Any], field: Field, deadline: float = float("inf"),
          V: str | None = None) -> tuple[dict[str, Any] | None, str]:
    """Return the data of a certificate, or None and which condition was not shown.

    Parameters
    ----------
    statement : mapping
        The claim.
    field : Field
        Its field, with V.
    deadline : float
        When to give up, by `time.monotonic`.
    V : str, optional
        The text of V when the statement leaves it open.

    Examples
    --------
    >>> statement = {"claim": "nonincreasing", "V": "x**2", "domain": None, "assumptions": [],
    ...              "options": {}, "system": {"kind": "field", "equations": ["-x**3"],
    ...              "variables": ["x"], "parameters": {}}}
    >>> prove(statement, algebra.field(statement))[0]["parts"]["rate"]["by"]
    'sturm'
    """
    reason = "no way to show the claim applies"
    for extra in _ways(statement, field):
        if time.monotonic() > deadline:
            return None, "the time is spent"
        try:
            made, why = _try(statement, field, extra, deadline)
        except Refused as error:
            made, why = None, str(error)
        if made is not None:
            return {**({} if V is None else {"V": V}), **made}, ""
        reason = why or reason
    return None, reason


def _ways(statement: Mapping[str, Any], field: Field) -> list[dict[str, Any]]:
    claim = statement["claim"]
    if claim == "decreasing":
        one = [{"way": "roots"}] if len(field.ring.gens) == 1 else []
        return [*one, *({"way": "field", "epsilon": e} for e in EPSILONS), {"way": "off"}]
    if claim in ("stable", "asymptotically_stable"):
        if statement["options"].get("scope", "local") != "local":
            return [{"way": ""}]
        second = [{"way": "second order"}] if statement["V"] is not None else []
        return [*second, {"way": ""}, *({"way": "", "ball": b} for b in BALLS)]
    return [{"way": ""}]


def _try(statement: Mapping[str, Any], field: Field, extra: dict[str, Any],
         deadline: float) -> tuple[dict[str, Any] | None, str]:
    parts: dict[str, Any] = {}
    for o in obligations(statement, field, **extra):
        made = prove_part(o, deadline)
        if made is None:
            return None, f"no proof of {o.words} was found"
        parts[o.name] = made
    data = {k: v if isinstance(v, str) else str(v) for k, v in extra.items()} | {"parts": parts}
    if (statement["claim"] == "asymptotically_stable"
            and statement["options"].get("scope", "local") != "local"):
        return _unbounded(statement, field, data, deadline)
    return data, ""


def _unbounded(statement: Mapping[str, Any], field: Field, data: dict[str, Any],
               deadline: float) -> tuple[dict[str, Any] | None, str]:
    try:
        checker.unbounded(field, data["parts"]["positive"])
        return data, ""
    except Refused:
        pass
    for epsilon, C, k in [*((*b, 1) for b in BOUNDS),
                          *((Fraction(1, e), Fraction(1), 2) for e in (10, 100, 1000))]:
        o = obligations(statement, field, bound=(epsilon, C, k))[-1]
        made = prove_part(o, deadline) if time.monotonic() < deadline else None
        if made is not None:
            data["bound"] = [str(epsilon), str(C), k]
            data["parts"]["unbounded"] = made
            return data, ""
    return None, "no proof that V is radially unbounded was found"


def refute(statement: Mapping[str, Any], field: Field, deadline: float = float("inf"),
           of: str = "") -> dict[str, Any] | None:
    """Return the data of a point that breaks an inequality of the statement, or None.

    Examples
    --------
    >>> statement = {"claim": "nonincreasing", "V": "x**2", "domain": None, "assumptions": [],
    ...              "options": {}, "system": {"kind": "field", "equations": ["x**3"],
    ...              "variables": ["x"], "parameters": {}}}
    >>> refute(statement, algebra.field(statement))
    {'point': ['1'], 'value': '-2'}
    """
    try:
        top, bottom, relation, _ = refuter.quantity(statement, of)
    except Refused:
        return None
    p = top * bottom if not bottom.is_ground else top
    box = algebra.box(statement)
    centre = algebra.equilibrium(statement)
    n = len(field.ring.gens)
    if relation == "=":
        return _data(statement, witness.below(-top * top, box=box, deadline=deadline), of)

    def regular(x: Any) -> bool:
        return all(at(d, x) != 0 for d in (field.D, field.W))

    def accept(x: Any) -> bool:
        return regular(x) and not (relation == "off" and tuple(x) == tuple(centre)) and not (
            relation == "field" and not any(at(q, x) for q in field.P))

    if n == 1:
        want = {">=": ">=", "off": "off", "field": "off"}[relation]
        made = sturm.witness(p, want, centre, box)
        if made and "x" in made and accept([made["x"]]):
            return _data(statement, [made["x"]], of)
        if relation == "field":
            return _root(statement, field, p, box)
        return made if made and "factor" in made and _holds(statement, made) else None
    found = witness.below(p, box=box, centre=centre, accept=accept, strict=relation == ">=",
                          deadline=deadline)
    return _data(statement, found, of)


def _root(statement: Mapping[str, Any], field: Field, p: Any, box: Any) -> dict[str, Any] | None:
    """Return a zero of dV/dt in one variable where the field is not zero."""
    R = field.ring
    apart = R.one
    for f, _ in p.factor_list()[1]:
        if field.P[0].rem(f) and field.D.rem(f) and field.W.rem(f):
            apart *= f
    made = sturm.witness(apart * apart, inequality.POSITIVE, None, box)
    if made is None:
        return None
    if "x" in made:
        return _data(statement, [made["x"]])
    return made if _holds(statement, made) else None


def _holds(statement: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    try:
        refuter.check(statement, data)
    except Refused:
        return False
    return True


def _data(statement: Mapping[str, Any], x: Any, of: str = "") -> dict[str, Any] | None:
    """Return the data of a point, with the coordinates that do not matter set to 0."""
    if x is None:
        return None
    top, bottom, relation, _ = refuter.quantity(statement, of)
    field = algebra.field(statement)
    x = [fraction(a) for a in x]
    if relation != "off":
        seen = [top, bottom, *(field.P if relation == "field" else ())]
        box = algebra.box(statement)
        x = [a if any(m[k] for p in seen for m in p) or box else Fraction(0)
             for k, a in enumerate(x)]
    if at(bottom, x) == 0:
        return None
    value = at(top, x) / at(bottom, x)
    made = {"point": [str(a) for a in x], "value": str(value),
            **refuter.apart(statement, field, x, relation), **({"of": of} if of else {})}
    return made if _holds(statement, made) else None
