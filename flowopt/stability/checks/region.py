"""Checker of a region of attraction {V <= ρ} (in a box, when the statement has one).

data = {"rate": proof, "compact": {...}, "denominators": [proof, ...]}: V̇ < 0 off x* where V <= ρ,
x* is an equilibrium with V(x*) < ρ, and the set is compact: V > ρ on every face of the box, or V
is radially unbounded. Then a motion that starts there stays, V falls along it, and it tends to x*
(the least of V is taken where V̇ = 0, that is at x*).

Compact is {"by": "faces", "faces": [proof, ...]} with a proof that V > ρ for each face, in the
other variables (None in one variable, where a face is a point); or {"by": "bound", "epsilon": ε,
"C": C, "proof": ...} with V >= ε|x − x*|² − C.

It refutes the claim with {"from": p, "to": q, "rate": proof}: V(p) <= ρ < V(q) and V̇ > 0 on the
segment, so that somewhere on it V = ρ and the motion leaves; with {"point": p}, a second
equilibrium where V <= ρ; or with {"keeps": p, "value": v}, where V̇ is identically 0 and V(p) = v
is another value than V(x*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks import algebra, inequality
from flowopt.stability.checks.algebra import at, number
from flowopt.stability.checks.inequality import NONNEGATIVE, OFF, POSITIVE
from flowopt.stability.exact import Refused, fraction

TRUST = "A"
SHOWS = ("proved", "disproved")


def level(statement: Mapping[str, Any]) -> Any:
    """Return ρ."""
    return fraction(statement["options"].get("level"))


def read(statement: Mapping[str, Any]) -> tuple[algebra.Field, tuple[Any, ...], Any, Any]:
    """Return the field, x*, the box, and ρW − N, which is >= 0 where V <= ρ (and W > 0).

    Raises
    ------
    Refused
        When the statement is no region of a rational V, or x* is not inside it.
    """
    if statement["claim"] != "region" or statement["V"] is None:
        raise Refused("the claim must be a region of a given V")
    field = algebra.field(statement)
    point, where = algebra.equilibrium(statement), algebra.box(statement)
    if not field.P or any(at(p, point) for p in field.P) or at(field.D, point) == 0:
        raise Refused("the point is no equilibrium")
    below = number(level(statement)) * field.W - field.N
    if at(field.W, point) <= 0 or at(below, point) <= 0:
        raise Refused("the equilibrium is not inside the level set")
    if where is not None and not all(a < x < b for x, (a, b) in zip(point, where, strict=True)):
        raise Refused("the equilibrium is not inside the box")
    return field, point, where, below


def face(p: Any, k: int, end: Any) -> Any:
    """Return p with its k-th variable fixed, as a polynomial in the others."""
    R = algebra.ring(tuple(str(s) for i, s in enumerate(p.ring.symbols) if i != k))
    made: dict[tuple[int, ...], Any] = {}
    for m, c in p.terms():
        key = m[:k] + m[k + 1:]
        made[key] = made.get(key, number(0)) + c * number(end) ** m[k]
    return R.from_dict({m: c for m, c in made.items() if c})


def along(p: Any, start: Sequence[Any], end: Sequence[Any]) -> Any:
    """Return p on the segment from start to end, as a polynomial in t in [0, 1]."""
    R = algebra.ring(("t",))
    t = R.gens[0]
    lines = [number(a) + (number(b) - number(a)) * t for a, b in zip(start, end, strict=True)]
    total = R.zero
    for m, c in p.terms():
        term = R(c)
        for line, k in zip(lines, m, strict=True):
            if k:
                term *= line**k
        total += term
    return total


def check(statement: Mapping[str, Any], data: Mapping[str, Any], status: str) -> None:
    """Refuse unless the data proves, or refutes, the region.

    Raises
    ------
    Refused
        With what is not shown.
    """
    if status == "disproved":
        _refuted(statement, data)
        return
    field, point, where, below = read(statement)
    if set(data) != {"rate", "compact", "denominators"}:
        raise Refused("the certificate does not have the parts of a region of attraction")
    denominators = field.denominators
    if len(data["denominators"]) != len(denominators):
        raise Refused("there must be a proof for each denominator")
    for d, proof in zip(denominators, data["denominators"], strict=True):
        inequality.check(d, POSITIVE, proof, None, where)
    inequality.check(-field.rate, OFF, data["rate"], point, where, (below,))
    _compact(field, point, where, below, data["compact"])


def _compact(field: algebra.Field, point: Any, where: Any, below: Any, data: Any) -> None:
    n = len(field.P)
    if data["by"] == "faces":
        if set(data) != {"by", "faces"} or where is None or len(data["faces"]) != 2 * n:
            raise Refused("there must be a proof for each face of the box")
        proofs = iter(data["faces"])
        for k, ends in enumerate(where):
            others = [pair for i, pair in enumerate(where) if i != k]
            for end, proof in zip(ends, (next(proofs), next(proofs)), strict=True):
                if n == 1:
                    if proof is not None or at(below, [end]) >= 0:
                        raise Refused("V is not above the level at the end of the interval")
                else:
                    inequality.check(-face(below, k, end), POSITIVE, proof, None, others)
        return
    if data["by"] != "bound" or set(data) != {"by", "epsilon", "C", "proof"} or where is not None:
        raise Refused("nothing shows that the region is compact")
    epsilon, C = fraction(data["epsilon"]), fraction(data["C"])
    if epsilon <= 0:
        raise Refused("epsilon must be positive")
    square = sum(((g - number(a)) ** 2 for g, a in zip(field.ring.gens, point, strict=True)),
                 field.ring.zero)
    inequality.check(field.N - field.W * (number(epsilon) * square - number(C)), NONNEGATIVE,
                     data["proof"])


def _refuted(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    if statement["assumptions"]:
        raise Refused("a counterexample says nothing about assumptions")
    field = algebra.field(statement)
    point, where = algebra.equilibrium(statement), algebra.box(statement)
    if set(data) not in ({"point"}, {"from", "to", "rate"}, {"keeps", "value"}) or not field.P:
        raise Refused("a region is refuted by a segment or by a second equilibrium")
    given = [data["from"], data["to"]] if "from" in data else [
        data["point" if "point" in data else "keeps"]]
    places = [tuple(fraction(a) for a in p) for p in given]
    if statement["V"] is None or not field.W.is_ground or not field.D.is_ground:
        raise Refused("the field and V must be polynomials")
    for p in places:
        if len(p) != len(point) or (where is not None and not all(
                a <= x <= b for x, (a, b) in zip(p, where, strict=True))):
            raise Refused("a point is outside the domain")
    heights = [at(field.N, p) / at(field.W, p) for p in places]
    if heights[0] > level(statement):
        raise Refused("the point is outside the level set")
    if "keeps" in data:
        level_there = at(field.N, point) / at(field.W, point)
        if field.rate or heights[0] != fraction(data["value"]) or heights[0] == level_there:
            raise Refused("V is not kept, or has the value of the equilibrium")
        return
    if "point" in data:
        if places[0] == point or any(at(p, places[0]) for p in field.P):
            raise Refused("the point is no second equilibrium")
        return
    if heights[1] <= level(statement):
        raise Refused("the segment does not leave the level set")
    inequality.check(along(field.rate, *places), POSITIVE, data["rate"], None,
                     [(fraction(0), fraction(1))])


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    from flowopt.stability.checks.words import describe

    rho = statement["options"].get("level")
    if "point" in data:
        return [f"({', '.join(data['point'])}) is a second equilibrium, and V <= {rho} there."]
    if "keeps" in data:
        return [f"dV/dt is identically 0, and V = {data['value']} at ({', '.join(data['keeps'])}): "
                "a motion from there keeps this value and does not tend to x*."]
    field = algebra.field(statement)
    if "from" in data:
        return [f"V <= {rho} at ({', '.join(data['from'])}), and V > {rho} at "
                f"({', '.join(data['to'])}).",
                "On the segment between them dV/dt > 0, by the Sturm chain of dV/dt there, so at "
                f"its point with V = {rho} the motion leaves the set."]
    _, point, where, below = read(statement)
    names = [] if where is None else [str(g) for g in inequality.faces(field.ring, where)]
    known = "; ".join(f"g{k + 1} = {g}" for k, g in enumerate([*names, str(below)]))
    steps = [f"Along the field, dV/dt = {field.rate}.",
             f"With {known}, dV/dt < 0 off x* where all of these are >= 0: "
             + describe(-field.rate, OFF, data["rate"])]
    if data["compact"]["by"] == "faces":
        steps.append(f"V > {rho} on every face of the box, so {{V <= {rho}}} is compact inside it.")
    else:
        steps.append(f"V >= {data['compact']['epsilon']}*|x - x*|^2 - {data['compact']['C']}, so "
                     f"{{V <= {rho}}} is compact.")
    return [*steps, "A motion that starts there stays, V falls along it, and LaSalle's principle "
            "gives the limit x*; V has its least value there, as dV/dt = 0 at x* only."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    import sympy

    from flowopt.stability.checks.words import describe_latex

    if "point" in data:
        return [rf"$F({', '.join(data['point'])}) = 0$ with $V \le \rho$."]
    if "keeps" in data:
        return [r"$\dot V = 0$ identically."]
    if "from" in data:
        return [rf"$\dot V > 0$ on the segment from $({', '.join(data['from'])})$ to "
                rf"$({', '.join(data['to'])})$, where $V$ passes $\rho$."]
    field = algebra.field(statement)
    return [rf"$p = -\dot V = {sympy.latex((-field.rate).as_expr())} > 0$ off $x^*$: "
            + describe_latex(data["rate"]),
            r"$\{V \le \rho\}$ is compact."]
