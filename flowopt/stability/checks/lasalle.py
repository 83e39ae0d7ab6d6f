"""Checker of LaSalle's principle for polynomial fields: where V̇ = 0 for ever.

data = {"V": text (when the statement leaves it open), "rate": proof of V̇ <= 0, "steps": m} and,
for asymptotic stability, "positive": proof of V > V(x*) off x*.

With −V̇ = Σ dᵢqᵢ², a motion that stays in {V̇ = 0} keeps the qᵢ and their derivatives along the
field at zero. The ideal of the qᵢ and of m derivatives has a Gröbner basis, of which factors
without real zeros are dropped; it must hold a power of every component of the field (the limit
set consists of equilibria), or of every xᵢ − xᵢ* (it is x* alone), and m is the least such number.

Reference: H. K. Khalil, Nonlinear Systems (2002), Theorem 4.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks import algebra, inequality
from flowopt.stability.checks.algebra import at, number
from flowopt.stability.exact import Refused

TRUST = "A"
#: no more derivatives along the field than this
MAX_STEPS = 6
#: the powers that are looked for in the ideal
POWERS = (1, 2, 4)


def generators(field: algebra.Field, proof: Mapping[str, Any], steps: int) -> list[Any]:
    """Return the qᵢ and their derivatives along the field, up to `steps` of them."""
    R = field.ring
    if proof["by"] == "sos":
        if proof["power"] or proof["strict"] or any(t["of"] for t in proof["terms"]):
            raise Refused("the squares must add up to -dV/dt itself")
        last = inequality.plain_squares(R, proof["terms"])
    else:
        last = [field.rate] if field.rate else []
    made = list(last)
    for _ in range(steps):
        last = [field.along(q) for q in last]
        made += last
    return [q.monic() for q in made if q]


def basis(polynomials: Sequence[Any]) -> list[Any]:
    """Return a Gröbner basis whose real zeros are those of the polynomials.

    Repeated factors, and factors in one variable without real zeros, are dropped until nothing
    changes; an even power, or a sum of such with positive coefficients, becomes its parts.
    """
    from sympy import grevlex
    from sympy.polys.groebnertools import groebner

    if not polynomials or not inequality.small(polynomials):
        return []
    R = polynomials[0].ring.clone(order=grevlex)
    made = groebner([q.set_ring(R) for q in polynomials], R)
    for _ in range(12):
        fresh: list[Any] = []
        for q in made:
            fresh += _real_parts(q)
        after = groebner([*made, *fresh], R) if fresh else made
        if after == made:
            return made
        made = after
    return made


def _real_parts(q: Any) -> list[Any]:
    """Return polynomials that vanish wherever q does, in real points."""
    R = q.ring
    if q.is_ground:
        return []
    if all(c > 0 and all(k % 2 == 0 for k in m) for m, c in q.terms()):
        if any(sum(m) == 0 for m in q):
            return [R.one]  # a positive constant and squares: no real zero
        return [R({tuple(int(k > 0) for k in m): R.domain.one}) for m in q]
    made, changed = R.one, False
    for f, power in q.factor_list()[1]:
        used = [k for k in range(len(R.gens)) if any(m[k] for m in f)]
        if len(used) == 1 and _rootless(f, used[0]):
            changed = True
            continue
        changed = changed or power > 1
        made *= f
    return [made] if changed else []


def _rootless(f: Any, k: int) -> bool:
    """Return whether a polynomial in one variable, irreducible, has no real root (Sturm)."""
    low = max(m[k] for m in f)
    if low % 2:
        return False
    x = algebra.ring(("x",)).gens[0]
    p = sum((c * x ** m[k] for m, c in f.terms()), x.ring.zero)
    chain = [p, p.diff(x)]
    while not chain[-1].is_ground:
        chain.append(-chain[-2].rem(chain[-1]))
    rows = [list(q.to_dense()) for q in chain if q]
    return bool(inequality.variations(rows, "-oo") == inequality.variations(rows, "+oo"))


def holds(made: Sequence[Any], targets: Sequence[Any]) -> bool:
    """Return whether the ideal of a Gröbner basis holds a power of every target."""
    for target in targets:
        if not target:
            continue
        if not made:
            return False
        t = target.set_ring(made[0].ring)
        if not any(not (t**k).rem(list(made)) for k in POWERS):
            return False
    return True


def spanned(polynomials: Sequence[Any], targets: Sequence[Any]) -> bool:
    """Return whether each target is a linear combination of the polynomials, with numbers.

    Examples
    --------
    >>> R = algebra.ring(("x", "v")); x, v = R.gens
    >>> spanned([v, -v - x**3], [v, x**3]), spanned([v], [x * v])
    (True, False)
    """
    rows: dict[Any, Any] = {}

    def reduced(p: Any) -> Any:
        left, rest = p, p.ring.zero
        while left:
            m = left.LM
            if m in rows:
                left = left - rows[m] * left[m]
            else:
                rest = rest + p.ring({m: left[m]})
                left = left - p.ring({m: left[m]})
        return rest

    for p in polynomials:
        q = reduced(p)
        if q:
            rows[q.LM] = q.monic()
    return all(not reduced(t) for t in targets)


def finite(made: Sequence[Any]) -> bool:
    """Return whether the ideal has finitely many zeros: a pure power leads for each variable."""
    if not made:
        return False
    leading = [q.LM for q in made]
    return all(any(m[k] == sum(m) for m in leading) for k in range(len(made[0].ring.gens)))


def settled(statement: Mapping[str, Any], field: algebra.Field, proof: Mapping[str, Any],
            steps: int) -> bool:
    """Return whether the limit set is what the claim says, after so many derivatives."""
    every = generators(field, proof, steps)
    if statement["claim"] == "converges_to_critical_set":
        return spanned(every, field.P) or holds(basis(every), field.P)
    made = basis(every)
    if statement["options"].get("scope", "local") == "local":
        return finite(made)
    point = algebra.equilibrium(statement)
    return holds(made, [g - number(a) for g, a in zip(field.ring.gens, point, strict=True)])


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the data proves convergence, or asymptotic stability.

    Raises
    ------
    Refused
        With what is not shown.
    """
    from flowopt.stability.checks.lyapunov import unbounded

    claim = statement["claim"]
    keys = {"rate", "steps"} | ({"V"} if statement["V"] is None else set())
    if claim == "asymptotically_stable":
        keys |= {"positive"}
    elif claim != "converges_to_critical_set":
        raise Refused("LaSalle's principle shows convergence or asymptotic stability")
    if set(data) != keys:
        raise Refused("the certificate does not have the parts of LaSalle's principle")
    field = algebra.field(statement, data.get("V"))
    if not field.P or field.denominators or algebra.box(statement) is not None:
        raise Refused("the field and V must be polynomials, on the whole space")
    if "V" in data and field.N.coeff(1):
        raise Refused("a V that was found must be without a constant")
    inequality.check(-field.rate, inequality.NONNEGATIVE, data["rate"])
    if claim == "asymptotically_stable":
        point = algebra.equilibrium(statement)
        if any(at(p, point) for p in field.P):
            raise Refused("the point is no equilibrium")
        above = field.N - number(at(field.N, point))
        inequality.check(above, inequality.OFF, data["positive"], point)
        if statement["options"].get("scope", "local") != "local":
            unbounded(field, data["positive"])
    steps = data["steps"]
    if type(steps) is not int or not 0 <= steps <= MAX_STEPS:
        raise Refused(f"the number of derivatives must be 0 to {MAX_STEPS}")
    if not settled(statement, field, data["rate"], steps):
        raise Refused("the limit set is not shown to be what the claim says")
    if steps and settled(statement, field, data["rate"], steps - 1):
        raise Refused("fewer derivatives are enough")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    from flowopt.stability.checks.words import describe

    field = algebra.field(statement, data.get("V"))
    q = generators(field, data["rate"], 0)
    every = generators(field, data["rate"], data["steps"])
    made = [] if spanned(every, field.P) else basis(every)
    steps = [f"Take V = {data.get('V', statement['V'])}, with dV/dt = {field.rate}.",
             f"dV/dt <= 0: {describe(-field.rate, inequality.NONNEGATIVE, data['rate'])}",
             f"dV/dt = 0 where {', '.join(map(str, q)) or '0'} vanish. A motion that stays there "
             f"makes {data['steps']} derivatives of these along the field vanish too.",
             f"The real zeros of all of them are those of {', '.join(map(str, made)) or '0'}."]
    if spanned(every, field.P):
        steps[-1] = "Each component of the field is a combination of these."
    if statement["claim"] == "converges_to_critical_set":
        return [*steps, "There the field is 0: by "
                "LaSalle's principle every bounded motion tends to the set of equilibria."]
    steps.append(f"V > V(x*) off x*: {describe(field.N, inequality.OFF, data['positive'])}")
    if statement["options"].get("scope", "local") == "local":
        return [*steps, "These are finitely many points, so x* is alone near itself: LaSalle's "
                "principle gives asymptotic stability."]
    return [*steps, "That is x* alone, and V is radially unbounded: LaSalle's principle gives "
            "asymptotic stability from every start."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    import sympy

    field = algebra.field(statement, data.get("V"))
    q = ", ".join(sympy.latex(p.as_expr()) for p in generators(field, data["rate"], 0))
    made = ", ".join(sympy.latex(p.as_expr()) for p in
                     basis(generators(field, data["rate"], data["steps"])))
    return [rf"$\dot V = {sympy.latex(field.rate.as_expr())} \le 0$.",
            rf"$\dot V = 0$ where ${q or '0'}$ vanish.",
            rf"The largest invariant set lies in the real zeros of ${made or '0'}$."]
