"""Checker of counterexamples: a point where the inequality that is claimed is false, exactly.

data is {"point": [x, ...], "value": v}: the claimed inequality is about a quantity whose value
at x is v, and v breaks it. Where the claim holds off a point, "distance" is the squared distance
from it, and where it holds off the equilibria, "field" is the field at x.

In one variable it may also be {"factor": f, "interval": [a, b], "values": [f(a), f(b)]}: f
divides what should not vanish, and changes its sign in the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.checks.algebra import at, polynomial
from flowopt.stability.exact import Refused, fraction

TRUST = "A"
SHOWS = ("disproved",)


def quantity(statement: Mapping[str, Any], of: str = "") -> tuple[Any, Any, str, str]:
    """Return numerator, denominator and relation of what a claim says, with its words.

    With "bound" for `of` it is the bound − V̇ of a claim that has one.

    The relation is one of ">=", "off" (positive off a point), "field" (positive where the field
    is not zero) and "=" (zero).
    """
    claim = statement["claim"]
    field = algebra.field(statement)
    if statement["V"] is None:
        raise Refused("there is no V")
    bottom = field.D * field.W**2
    if claim == "positive":
        return field.N, field.W, "off", "V"
    if claim == "nonnegative":
        return field.N, field.W, ">=", "V"
    if not field.P:
        raise Refused("there is no field")
    if of == "bound" and claim in ("nonincreasing", "decreasing"):
        b = polynomial(statement["options"].get("bound"), field.ring,
                       statement["system"]["parameters"])
        return b * bottom - field.rate, bottom, ">=", "the bound - dV/dt"
    if of:
        raise Refused("the claim has no such part")
    if claim == "nonincreasing":
        return -field.rate, bottom, ">=", "-dV/dt"
    if claim == "decreasing":
        return -field.rate, bottom, "field", "-dV/dt"
    if claim == "conserved":
        return -field.rate, bottom, "=", "-dV/dt"
    if claim == "exponential":
        from flowopt.stability.exact import read

        system = statement["system"]
        names = [*system["variables"], *system["parameters"]]
        top, under = algebra.ratio(read(statement["options"].get("rate"), names), field.ring,
                                   system["parameters"])
        if under != 1 or not top.is_ground:
            raise Refused("the rate must be a number")
        return (-field.rate - top * field.N * field.W * field.D, bottom, ">=",
                "-dV/dt - rate*V")
    raise Refused(f"a point does not refute the claim {claim}")


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the data refutes the statement.

    Raises
    ------
    Refused
        When the point does not break the claim.
    """
    if statement["assumptions"]:
        raise Refused("a point says nothing about assumptions")
    top, bottom, relation, _ = quantity(statement, data.get("of", ""))
    where = algebra.box(statement)
    field = algebra.field(statement)
    if set(data) == {"factor", "interval", "values"}:
        _root(statement, data, top, bottom, relation, field, where)
        return
    keys = {"point", "value", *{"off": ["distance"], "field": ["field"]}.get(relation, [])}
    if set(data) - {"of"} != keys or len(data["point"]) != len(field.ring.gens):
        raise Refused("a counterexample must hold " + ", ".join(sorted(keys)))
    point = [fraction(a) for a in data["point"]]
    if where is not None and not all(a <= x <= b for x, (a, b) in zip(point, where, strict=True)):
        raise Refused("the point is outside the domain")
    if any(at(d, point) == 0 for d in (field.D, field.W)):
        raise Refused("a denominator is zero at the point")
    value = at(top, point) / at(bottom, point)
    if value != fraction(data["value"]):
        raise Refused("the value at the point is another one")
    _canonical(top, bottom, point, relation, field, where)
    broken = value != 0 if relation == "=" else value < 0
    if relation in ("off", "field"):
        name = "distance" if relation == "off" else "field"
        made = apart(statement, field, point, relation)
        if made[name] != data[name]:
            raise Refused(f"the {name} at the point is another one")
        flat = [made[name]] if relation == "off" else made[name]
        broken = value <= 0 and any(v != "0" for v in flat)
    if not broken:
        raise Refused("the claim holds at the point")


def apart(statement: Mapping[str, Any], field: algebra.Field, point: Any,
          relation: str) -> dict[str, Any]:
    """Return the data that show that a point is not the excepted one, or no equilibrium."""
    if relation == "off":
        centre = algebra.equilibrium(statement)
        return {"distance": str(sum(((x - a) ** 2 for x, a in zip(point, centre, strict=True)),
                                    Fraction(0)))}
    if relation == "field":
        bottom = at(field.D, point)
        return {"field": [str(at(p, point) / bottom) for p in field.P]}
    return {}


def _canonical(top: Any, bottom: Any, point: list[Fraction], relation: str, field: Any,
               boxed: Any) -> None:
    """Refuse coordinates that do not matter and are not 0."""
    seen = [top, bottom, *(field.P if relation == "field" else ())]
    for k, x in enumerate(point):
        if (x and relation != "off" and boxed is None
                and not any(m[k] for p in seen for m in p)):
            raise Refused("a coordinate that does not matter must be 0")


def _root(statement: Mapping[str, Any], data: Mapping[str, Any], top: Any, bottom: Any,
          relation: str, field: Any, where: Any) -> None:
    """Refuse unless a root in the interval breaks a strict claim in one variable."""
    R = field.ring
    if len(R.gens) != 1 or relation not in ("off", "field") or len(data["interval"]) != 2:
        raise Refused("a root refutes a strict claim in one variable")
    f = polynomial(data["factor"], R)
    a, b = (fraction(v) for v in data["interval"])
    if not a < b or (where is not None and not where[0][0] <= a <= b <= where[0][1]):
        raise Refused("the interval is outside the domain")
    if [at(f, [a]), at(f, [b])] != [fraction(v) for v in data["values"]]:
        raise Refused("the factor has other values at the ends")
    if top.rem(f) or at(f, [a]) * at(f, [b]) >= 0:
        raise Refused("the factor does not divide the quantity, or keeps its sign")
    if not f.gcd(bottom).is_ground:
        raise Refused("a denominator may vanish at the root")
    if relation == "field" and not f.gcd(field.P[0]).is_ground:
        raise Refused("the field may vanish at the root")
    if relation == "off" and at(f, algebra.equilibrium(statement)) == 0:
        raise Refused("the root may be the point")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    _, _, relation, words = quantity(statement, data.get("of", ""))
    if "factor" in data:
        a, b = data["interval"]
        return [f"{data['factor']} changes its sign between {a} and {b}, so that it has a root "
                f"there, and it divides the numerator of {words}, which is 0 at this root."]
    names = statement["system"]["variables"]
    place = ", ".join(f"{n} = {x}" for n, x in zip(names, data["point"], strict=True))
    wanted = {">=": "must be >= 0", "=": "must be 0", "off": "must be > 0 off the point",
              "field": "must be > 0 where the field is not 0"}[relation]
    return [f"At {place}, {words} = {data['value']} exactly, and it {wanted}."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    if "factor" in data:
        return [rf"A root of ${data['factor'].replace('**', '^').replace('*', ' ')}$ lies in "
                rf"$[{data['interval'][0]}, {data['interval'][1]}]$."]
    words = quantity(statement, data.get("of", ""))[3]
    shown = {"V": "V", "-dV/dt": r"-\dot V", "-dV/dt - rate*V": r"-\dot V - rV"}.get(
        words, r"b - \dot V")
    place = ", ".join(data["point"])
    return [f"At $({place})$: ${shown} = {data['value']}$."]
