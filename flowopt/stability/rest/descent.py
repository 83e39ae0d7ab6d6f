"""Equilibria of flows along the gradient that are not smooth there: sign, normalised, clipped.

They are the critical points of the loss, and where the speed ρ holds a factor L − m, the level
set {L = m} as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from flowopt.stability.algebra import components
from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.points import encoded
from flowopt.stability.rest.equilibrium import Equilibria, Equilibrium, bounds
from flowopt.stability.rest.firstorder import Rule, gradient_like, law, symbols
from flowopt.stability.rest.forms import NotAlgebraic, formed, value, with_sides
from flowopt.stability.rest.forms_at_zero import strict_minimum
from flowopt.stability.rest.judge import Verdict, attempted, unknown
from flowopt.stability.rest.kinds import critical, loss_at, matrix, motion, spectrum
from flowopt.stability.rest.least_value import least_value
from flowopt.stability.statement import field_system, statement


def find(asked: Any, end: float) -> Equilibria | None:
    """Return the equilibria of such a flow on a loss, or None for another field."""
    flow = asked.field.flow
    if flow is None or asked.loss is None or not flow.rules:
        return None
    rule = gradient_like(flow, {k: v for k, v in asked.values.items() if k in flow.parameters})
    if rule is None or all(d == "g" and s.is_number for s, d in rule.terms):
        return None  # a multiple of the gradient is smooth
    if asked.loss.has(*_kinks()):
        return None
    gradient = [asked.loss.diff(v) for v in asked.variables]
    form = formed(gradient, asked.variables)
    if form.roots:
        return None
    zeros, sets = components.solved(form.polynomials, form.unknowns, end)
    n = len(asked.variables)
    system = field_system(asked.field)
    points = [_point(asked, rule, gradient, z.coordinates[:n], z.multiplicity or None, system)
              for z in zeros.points]
    complete, reason = zeros.complete, zeros.reason
    if complete:
        reason = "all critical points of the loss, where alone the flow rests"
        for level in rule.levels:
            complete, reason, more = _level(asked, level, points, gradient, reason)
            sets = (*sets, *more)
    return Equilibria(points, complete, reason, sets, asked.field.name)


def _kinks() -> Any:
    from flowopt.symbolic.regimes import NONSMOOTH

    return NONSMOOTH


def _point(asked: Any, rule: Rule, gradient: list[Any], coordinates: tuple[Number, ...],
           multiplicity: int | None, system: Any) -> Equilibrium:
    at = dict(zip(asked.variables, coordinates, strict=True))
    chi, found, _, _ = spectrum(matrix(gradient, asked.variables, at))
    kind = critical(found)
    definite = {"minimum": 1, "maximum": -1}.get(kind, 0)
    L = symbols()[1]

    def sign_of(e: Any) -> int:
        return value(e.xreplace({L: asked.loss}) if e.has(L) else e, at).sign()

    made = law(rule, sign_of, definite)
    kinds: tuple[str, ...] = (kind,)
    if made is not None:
        sign, order = made
        if order < 0:
            kinds = ("singular", kind)
        elif found.zero:
            kinds = (kind, "rest on a surface") if order == 0 else kinds
        elif order == 0 and definite:
            kinds = ("sliding rest" if sign * definite > 0 else "repelling rest", kind)
        elif order == 0:
            kinds = (kind, "repelling rest")
    values, radii, moves = _smooth_spectrum(asked, at) if made and made[1] >= 1 else (None,) * 3
    kinds = tuple(dict.fromkeys(k for k in (*kinds, moves) if k))
    verdict = _verdict(asked, system, coordinates, found, definite, made)
    return Equilibrium(np.array([float(c) for c in coordinates]), asked.n, bounds(coordinates),
                       kinds, verdict, values, radii, multiplicity,
                       loss_at(asked, at), coordinates)


def _smooth_spectrum(asked: Any, at: dict[Any, Number]) -> tuple[Any, Any, Any]:
    """Return eigenvalues, radii and kind of the motion where the field is smooth, else Nones."""
    from flowopt.symbolic.regimes import Regimes, side_symbol

    regimes = Regimes()
    rows = [regimes.smooth(e) for e in asked.equations]
    sides: dict[Any, Any] = {}
    try:
        for k, psi in enumerate(regimes.smooth_surfaces):
            sides[side_symbol(k)] = sympy.Integer(value(with_sides(psi, sides), at).sign())
        if any(v == 0 for v in sides.values()):
            return None, None, None
        fields = [with_sides(r, sides) for r in rows]
        _, found, values, radii = spectrum(matrix(fields, asked.variables, at))
    except (NotAlgebraic, ZeroDivisionError):
        return None, None, None
    return values, radii, motion(found)


def _verdict(asked: Any, system: Any, coordinates: tuple[Number, ...], found: Any, definite: int,
             made: Any) -> Verdict:
    options = encoded(coordinates)
    if found.zero and (made is None or made[0] < 0 or made[1] < 0 or None in (
            values := [c.fraction for c in coordinates]) or not strict_minimum(
                asked.loss, asked.variables, values)):
        return unknown(statement("stable", system, **options), "the Hessian is singular there, and "
                       "the lowest terms of the loss do not show a strict minimum")
    if made is None:
        return unknown(statement("stable", system, **options), "the law of the flow near the point "
                       "is not settled: terms of one order have different signs, or L is at its "
                       "level on a set through the point")
    sign, order = made
    if found.zero:
        return attempted(statement("asymptotically_stable", system, scope="local", **options),
                         "Lyapunov function L at a strict minimum", "critical",
                         certificate(asked, "degenerate", str(sign), str(order)))
    if order < 0:
        return unknown(statement("stable", system, **options),
                       "the field is infinite at this point, which is no equilibrium"
                       + ("; motions from nearby arrive there in finite time with infinite speed "
                          "and have no continuation" if sign * definite > 0 else ""))
    claim = ("unstable" if sign * definite <= 0 else "finite_time_stable" if order < 1
             else "asymptotically_stable")
    if claim == "asymptotically_stable":
        options["scope"] = "local"
    data = certificate(asked, str(found.left), str(sign), str(order))
    return attempted(statement(claim, system, **options),
                     "Lyapunov function L, with the order of the flow at a critical point",
                     "critical", data)


def certificate(asked: Any, inertia: str, sign: str, order: str) -> dict[str, Any]:
    """Return the data of the checker `critical`."""
    from flowopt.stability.exact import write

    flow, loss = asked.field.flow, asked.field.loss
    text = loss._real[0]
    rules = flow.rules["theta"]
    rule = rules.text if hasattr(rules, "text") else write(rules)
    if not flow.abstract_rules()["theta"].has(symbols()[1]):  # the constant has no effect
        text = text - text.xreplace({v: sympy.Integer(0) for v in loss._real[1]})
    return {"loss": write(text), "rule": rule,
            "infinite": sorted(k for k, v in asked.values.items() if not v.is_finite),
            "inertia": inertia, "sign": sign, "order": order}


def _level(asked: Any, level: Any, points: list[Equilibrium], gradient: list[Any], reason: str
           ) -> tuple[bool, str, tuple[str, ...]]:
    """Return whether {L = m} adds nothing, the reason, and the set if it does."""
    from flowopt.stability.exact import write

    L = symbols()[1]
    height = level.xreplace({L: asked.loss})
    text = f"{write(height)} = 0"
    least = least_value(asked.loss, asked.variables, [e.numbers for e in points])
    if least is None:
        return False, ("the level set on which the speed vanishes may hold more than critical "
                       f"points: it is not proved that L grows to infinity, so look at {text}"), ()
    at = dict(zip(asked.variables, least, strict=True))
    if value(height, at).sign() >= 0:
        return True, reason + "; L stays above the level at which its speed vanishes", ()
    return False, "the flow also rests where L is at the level at which its speed vanishes", (text,)


