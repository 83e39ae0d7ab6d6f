"""A flow along the gradient, judged at a critical point with a nonsingular Hessian.

data: "loss", "rule": texts; "infinite": the parameters that are infinite; "inertia": how many
eigenvalues of the Hessian are negative; "sign", "order": the flow goes like −c r^order along the
gradient (or its signs, or its direction) as r = |gradient| tends to 0, with c of this sign.

With V = sign (L − L(x*)) the flow has dV/dt < 0 off x* nearby. See `explain` for the conclusions.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.checks.algebraic_point import Point
from flowopt.stability.checks.eigenvalues import _characteristic
from flowopt.stability.exact import Refused, fraction, rational, read

KEYS = {"loss", "rule", "infinite", "inertia", "sign", "order"}


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify the inertia of the Hessian, the law of the flow, and that they prove the claim."""
    if set(data) != KEYS:
        raise Refused("the certificate has other entries than it must have")
    _plain(statement)
    system, options = statement["system"], statement["options"]
    names = list(system["variables"])
    values = {k: rational(v) for k, v in system["parameters"].items()}
    _same_field(system, data)
    L = read(data["loss"], [*names, *values])
    by_name = {str(s): s for s in L.free_symbols}
    L = L.xreplace({by_name[k]: v for k, v in values.items() if k in by_name})
    import sympy

    variables = [sympy.Symbol(n, real=True) for n in names]
    rule = _rule(data, values)
    if not rule.has(sympy.Symbol("L", real=True)) and \
            L.xreplace(dict.fromkeys(variables, sympy.Integer(0))) != 0:
        raise Refused("a rule without L needs its loss without a constant")
    point = Point(options)
    if len(point.coordinates) != len(variables):
        raise Refused("the point has another dimension")
    for v in variables:
        if not point.value(L.diff(v), variables).is_zero:
            raise Refused("the gradient does not vanish at the point")
    chi = _characteristic([[point.value(L.diff(a).diff(b), variables) for b in variables]
                           for a in variables], point)
    n = len(variables)
    degenerate = point.sign(chi[0]) == 0
    if degenerate:
        negative, definite = 0, 0
        _strict(L, variables, options)
    else:
        negative = _negative(chi, point)
        definite = 1 if negative == 0 else -1 if negative == n else 0
    if data["inertia"] != ("degenerate" if degenerate else str(negative)):
        raise Refused("the Hessian has another number of negative eigenvalues")

    def sign_of(e: Any) -> int:
        return point.sign(point.value(e.xreplace({sympy.Symbol("L", real=True): L}), variables))

    sign, order = _order(rule, sign_of, definite)
    if data["sign"] != str(sign) or data["order"] != str(order) or sign == 0:
        raise Refused("the flow has another law at the point")
    if order < 0:
        raise Refused("the field is infinite at the point")
    if degenerate:  # V is positive definite and falls: no more is claimed
        if sign < 0 or statement["claim"] != "asymptotically_stable" or \
                options.get("scope") != "local":
            raise Refused("a degenerate minimum is proved asymptotically stable only")
        return
    attracting = definite * sign > 0
    wanted = ("unstable" if not attracting else "finite_time_stable" if order < 1
              else "asymptotically_stable")
    if statement["claim"] != wanted or (wanted == "asymptotically_stable") != (
            options.get("scope") == "local"):
        raise Refused(f"the point is {wanted}, which is another claim")


def _strict(L: Any, variables: list[Any], options: Mapping[str, Any]) -> None:
    """Refuse unless the loss has a strict, isolated minimum at a rational point."""
    import sympy

    from flowopt.stability.checks.leading_form import extremum

    if list(options["root"]) != ["0", "1"]:
        raise Refused("a degenerate point must be rational")
    try:
        poly = sympy.Poly(L, *variables, domain=sympy.QQ)
    except sympy.polys.polyerrors.BasePolynomialError:
        raise Refused("the loss is no polynomial") from None
    if extremum(poly, [rational(r[0]) for r in options["coordinates"]]) != "strict minimum":
        raise Refused("the point is no strict minimum that is seen from its lowest terms")


def _plain(statement: Mapping[str, Any]) -> None:
    """Refuse what is no claim about a field as it stands, on the whole space."""
    if statement["system"]["kind"] != "field" or statement["domain"] is not None or \
            statement["assumptions"] or statement["V"] is not None:
        raise Refused("the claim must be about a field as it stands, on the whole space")


def _same_field(system: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the flow of the rule on the loss is the field of the statement."""
    from flowopt.flows.flow import Flow
    from flowopt.losses.loss import Loss
    from flowopt.stability.statement import field_system
    from flowopt.symbolic.parse import parse

    values: dict[str, float] = {k: float(fraction(v)) for k, v in system["parameters"].items()}
    infinite = data["infinite"]
    if not isinstance(infinite, list) or sorted(set(infinite)) != infinite:
        raise Refused("the infinite parameters must be a sorted list")
    values |= dict.fromkeys(infinite, float("inf"))
    in_loss = set(parse(data["loss"]).names)
    loss = Loss(data["loss"], variables=list(system["variables"]),
                parameters={k: v for k, v in values.items() if k in in_loss})
    flow = Flow(data["rule"], parameters={k: v for k, v in values.items() if k not in in_loss})
    made = field_system(flow.on(loss))
    if made["equations"] != list(system["equations"]) or \
            made["parameters"] != dict(system["parameters"]):
        raise Refused("the rule on the loss is another field")


def _rule(data: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Return minus the rule over g and L, parameters put in."""
    import sympy

    from flowopt.flows.flow import REDUCTIONS

    functions = {name: sympy.Function(name, real=True) for name in REDUCTIONS}
    known = {**values, **dict.fromkeys(data["infinite"], sympy.oo)}
    made = read(data["rule"], ["g", "L", *known], functions=functions)
    put = {s: known[str(s)] for s in made.free_symbols if str(s) in known}
    return -made.subs(put)


def _negative(chi: list[Any], point: Point) -> int:
    """Return the number of negative roots of a polynomial with real roots only, none being 0.

    By Descartes' rule, exact for such polynomials, these are the sign changes of chi(−lambda).
    """
    signs = [point.sign(c) * (-1) ** k for k, c in enumerate(chi)]
    if signs[0] == 0:
        raise Refused("the Hessian is singular at the point")
    kept = [s for s in signs if s]
    return sum(a != b for a, b in zip(kept, kept[1:], strict=False))


def _order(e: Any, sign_of: Any, definite: int) -> tuple[int, Fraction]:
    """Return (sign of c, k) with e ~ c r^k along the direction of the gradient."""
    import sympy

    name = getattr(e.func, "__name__", "")
    g, L = sympy.Symbol("g", real=True), sympy.Symbol("L", real=True)
    if e == g or (name in ("norm", "norm1", "maxabs") and e.args == (g,)):
        return 1, Fraction(1)
    if name in ("sign", "unit") and e.args == (g,):
        return 1, Fraction(0)
    if name == "dot" and e.args == (g, g):
        return 1, Fraction(2)
    if e.free_symbols <= {L} and not e.atoms(sympy.core.function.AppliedUndef):
        if e.is_number and not e.is_Rational:
            raise Refused(f"{e} is no rational number")
        sign = sign_of(e)
        if sign:
            return sign, Fraction(0)
        slope = sympy.simplify(e.diff(L))
        if not definite or not slope.is_Rational or slope == 0:
            raise Refused("the loss is at its level on a set that is not judged")
        return definite * (1 if slope > 0 else -1), Fraction(2)
    inner = [_order(a, sign_of, definite) for a in (e.args[:1] if e.is_Pow else e.args)]
    if e.is_Mul:
        if sum(_directed(a, g) for a in e.args) > 1:
            raise Refused("two factors point along the gradient")
        sign = 1
        for s, _ in inner:
            sign *= s
        return sign, sum((k for _, k in inner), Fraction(0))
    if e.is_Pow and e.exp.is_Rational and not _directed(e.base, g):
        sign, power = inner[0]
        exponent = Fraction(int(e.exp.p), int(e.exp.q))
        if sign < 0 and exponent.denominator > 1:
            raise Refused("a root of a negative number")
        return (sign if exponent.numerator % 2 else 1), power * exponent
    if e.is_Add:
        if len({_directed(a, g) for a in e.args}) > 1:
            raise Refused("a scalar is added to a direction")
        least = min(k for _, k in inner)
        signs = {s for s, k in inner if k == least}
        if len(signs) != 1:
            raise Refused("terms of one order have different signs")
        return signs.pop(), least
    if isinstance(e, (sympy.Min, sympy.Max)) and not any(_directed(a, g) for a in e.args):
        # close to the point a negative value of least order is the least of all, and a positive
        # one of greatest order the least of positive ones
        side = 1 if isinstance(e, sympy.Min) else -1
        other = [k for s, k in inner if s != side]
        return (-side, min(other)) if other else (side, max(k for _, k in inner))
    raise Refused(f"{e} has no law here")


def _directed(e: Any, g: Any) -> bool:
    """Return whether an expression points along the gradient, coordinate by coordinate."""
    name = getattr(e.func, "__name__", "")
    if e == g or name in ("sign", "unit"):
        return True
    if name in ("norm", "norm1", "maxabs", "dot", "Abs") or not e.args:
        return False
    return any(_directed(a, g) for a in e.args)


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    at, p = statement["options"]["at"], Fraction(data["order"])
    word = "L" if data["sign"] == "1" else "-L"
    steps = [f"The field is theta' = {data['rule']} on L = {data['loss']}.",
             f"At {at} the gradient is 0, and "
             + ("L has a strict minimum and no other critical point nearby, by its lowest terms."
                if data["inertia"] == "degenerate" else
                f"the Hessian is nonsingular with {data['inertia']} negative eigenvalues (sign "
                "changes of its characteristic polynomial)."),
             f"With r = |gradient| -> 0 the flow descends {word} at a speed of the order "
             f"r**({p}): V = {word} - ({word} at the point) has dV/dt <= -c*r**({p} + 1), c > 0, "
             "near the point and off it, for every selection of the Filippov set."]
    if statement["claim"] == "unstable":
        steps.append("V takes negative values arbitrarily near the point. On {V <= V(0) < 0} there "
                     "is no other critical point nearby, so dV/dt is bounded away from 0 and the "
                     "motion leaves a fixed ball: the point is unstable (Chetaev).")
    elif statement["claim"] == "finite_time_stable":
        steps.append("V is positive definite there and r**2 >= 2*mu*V for some mu > 0, so dV/dt <= "
                     f"-c'*V**(({p} + 1)/2) with an exponent below 1: V reaches 0 in finite time, "
                     "and stays there"
                     + (", a sliding rest: 0 lies in the Filippov set, as the gradient takes every "
                        "direction around the point." if p == 0 else "."))
    else:
        steps.append("V is positive definite there: the point is asymptotically stable (Lyapunov).")
    return steps


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [s.replace("_", r"\_").replace("**", r"\^{}").replace("{V", r"\{V").replace(
        "< 0}", r"< 0\}") for s in explain(statement, data)]
