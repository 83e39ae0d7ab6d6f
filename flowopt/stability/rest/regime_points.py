"""Equilibria of an algebraic field: on each side of its surfaces, and on the surfaces.

On an open side F = 0 is a polynomial system. Where surfaces meet in a point the sides become
unknowns in [-1, 1]: with an F that is affine in them, 0 lies in Filippov's set there.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import Any

import numpy as np

from flowopt.stability.algebra import components
from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.algebra.zeros import minimal_root
from flowopt.stability.points import encoded
from flowopt.stability.rest import judge
from flowopt.stability.rest.equilibrium import Equilibria, Equilibrium, bounds
from flowopt.stability.rest.forms import (
    Form,
    NotAlgebraic,
    formed,
    fraction_of,
    value,
    with_sides,
)
from flowopt.stability.rest.kinds import critical, loss_at, matrix, motion, spectrum
from flowopt.stability.rest.target import Target
from flowopt.stability.statement import field_system, statement

#: surfaces beyond which the choices of sides are too many
SURFACES = 5


def find(asked: Target, end: float) -> Equilibria:
    """Return the equilibria of an algebraic field."""
    from flowopt.symbolic.regimes import Regimes, side_symbol

    regimes = Regimes()
    rows = [regimes.smooth(e) for e in asked.equations]
    surfaces = list(regimes.smooth_surfaces)
    if len(surfaces) > SURFACES:
        raise NotAlgebraic(f"{len(surfaces)} switching functions, more than {SURFACES}")
    symbols = [side_symbol(i) for i in range(len(surfaces))]
    points: list[Equilibrium] = []
    sets: list[str] = []
    gaps: list[str] = []
    system = field_system(asked.field)
    poles: dict[Any, None] = {}
    for choice in itertools.product((-1, 1, 0), repeat=len(surfaces)):
        form, fields, gap = _form(asked, rows, surfaces, symbols, choice)
        if gap:
            gaps.append(gap)
        if form is None:
            continue
        for p in form.poles:
            known = _in_variables(p, form, asked.variables)
            if known is not None:
                poles[known] = None
            elif p.free_symbols & set(form.roots) and not _positive(p, form):
                gaps.append("a denominator that holds a root may be 0, and where is not decided")
        zeros, more = components.solved(form.polynomials, form.unknowns, end)
        if not zeros.complete:
            gaps.append(zeros.reason)
        sets += [_shown(s, choice) for s in more]
        for z in zeros.points:
            at = dict(zip(form.unknowns, z.coordinates, strict=True))
            if time.monotonic() > end:
                gaps.append("the time is spent, and not every zero is judged")
                break
            if all((value(e, at).sign() == s if s else value(e, at).sign() >= 0)
                   for e, s in form.signs):
                points.append(_judged(asked, form, fields, at, choice, z.multiplicity or None,
                                      system))
    singular, undefined = _singular(asked, list(poles), end, system)
    points += singular if not surfaces else []
    points.sort(key=lambda e: e.y.tolist())
    if asked.about_loss and not sets and not gaps:
        reason = "all real zeros of the gradient by a Groebner basis and root isolation"
    elif sets or gaps:
        reason = "; ".join(dict.fromkeys(gaps)) or "the equilibria are not isolated"
    else:
        reason = "all real zeros by Groebner bases and root isolation" + (
            " on every side of the surfaces" if surfaces else "")
    return Equilibria(points, not gaps and not sets, reason, tuple(dict.fromkeys(sets)),
                      asked.field.name, undefined)


def _in_variables(pole: Any, form: Form, variables: Any) -> Any:
    """Return a polynomial in the variables that is 0 where a denominator is, or None.

    A root w with w**q = e is 0 where e is.
    """
    if pole in form.roots:
        pole = fraction_of(form.roots[pole])[0]
    return pole if pole.free_symbols <= set(variables) else None


def _positive(pole: Any, form: Form) -> bool:
    """Return whether a denominator is a positive number plus roots with positive factors."""
    import sympy

    if not pole.free_symbols <= set(form.roots):
        return False
    terms = sympy.Poly(pole, *pole.free_symbols).terms()
    return len({bool(c > 0) for _, c in terms}) == 1 and any(not any(m) for m, _ in terms)


def _singular(asked: Target, poles: list[Any], end: float, system: Any
              ) -> tuple[list[Equilibrium], tuple[str, ...]]:
    """Return isolated points where a denominator vanishes, and the sets where one does."""
    made: dict[Any, Equilibrium] = {}
    texts: list[str] = []
    for pole in poles:
        zeros, sets = components.solved([pole], asked.variables, end)
        texts += sets if sets or zeros.complete else [f"{pole} = 0"]
        for z in zeros.points:
            roots = tuple(str(minimal_root(c)) for c in z.coordinates)
            place = np.array([float(c) for c in z.coordinates])
            made.setdefault(roots, Equilibrium(
                place, asked.n, bounds(z.coordinates), ("singular",), judge.unknown(
                    statement("stable", system, **encoded(z.coordinates)),
                    "a denominator is 0 at this point, where the field is not defined; whether "
                    "motions come to rest there is not judged"),
                None, None, None, None, z.coordinates))
    return list(made.values()), tuple(dict.fromkeys(texts))


def _shown(text: str, choice: Any) -> str:
    return text if not any(choice) and not choice else f"{text} (sides {choice})"


def _form(asked: Target, rows: list[Any], surfaces: list[Any], symbols: list[Any], choice: Any
          ) -> tuple[Form | None, list[Any], str]:
    """Return the system of one choice of sides, F with the sides put in, and what is left out."""
    import sympy

    sides = {s: sympy.Integer(c) for s, c in zip(symbols, choice, strict=True) if c}
    active = []
    for s, c, psi in zip(symbols, choice, surfaces, strict=True):
        if c:
            continue
        if _continuous(rows, s, psi, sides):
            sides[s] = sympy.Integer(1)  # F is the same from both sides
        else:
            active.append(s)
    fields = [sympy.expand_mul(with_sides(r, sides)) for r in rows]
    if len(active) > 1 and any(f.diff(a).diff(b) != 0 for f in fields
                               for a, b in itertools.combinations(active, 2)):
        return None, fields, ("where several surfaces meet the field is not affine in its sides, "
                              "and rests there are not decided")
    psi = [with_sides(p, sides) for p in surfaces]
    try:
        form = formed(fields, asked.variables, [p for p, c in zip(psi, choice, strict=True)
                                                if not c],
                      [*((p, c) for p, c in zip(psi, choice, strict=True) if c),
                       *((1 - a, 0) for a in active), *((1 + a, 0) for a in active)], more=active)
    except sympy.PolynomialError as error:
        raise NotAlgebraic(str(error)) from None
    form.sides, form.surfaces = sides, psi
    return form, fields, ""


def _continuous(rows: list[Any], side: Any, psi: Any, sides: dict[Any, Any]) -> bool:
    """Return whether F is the same from both sides where ψ = 0."""
    import sympy

    for r in rows:
        jump = sympy.cancel(sympy.together(with_sides(r, {**sides, side: sympy.Integer(1)})
                                           - with_sides(r, {**sides, side: sympy.Integer(-1)})))
        if jump == 0:
            continue
        top, _ = sympy.fraction(jump)
        surface, _ = sympy.fraction(sympy.together(with_sides(psi, sides)))
        generators = sorted(top.free_symbols | surface.free_symbols, key=str)
        try:
            if not generators or not sympy.rem(sympy.Poly(top, *generators),
                                               sympy.Poly(surface, *generators)).is_zero:
                return False
        except sympy.PolynomialError:
            return False
    return True


def _judged(asked: Target, form: Form, fields: list[Any], at: dict[Any, Number], choice: Any,
            multiplicity: int | None, system: Any) -> Equilibrium:
    coordinates = tuple(at[v] for v in asked.variables)
    options = encoded(coordinates)
    values = radii = None
    plain = not choice and not form.roots and _is_gradient(asked)
    of_loss = () if plain else _critical(asked, at)
    if 0 in choice:
        active = [a for a in at if a not in asked.variables and str(a).startswith("s[")]
        moves = "rest on a surface" if active else "non-hyperbolic"
        if choice.count(0) == 1 and active and not form.roots:
            from flowopt.stability.rest.sliding_point import judged

            moves, verdict = judged(system, asked.variables, fields,
                                    form.surfaces[choice.index(0)], active[0], at, choice)
        else:
            verdict = judge.unknown(
                statement("stable", system, **options), "the field has a kink there" if not active
                else "several surfaces meet there, or the field holds roots, and the motion along "
                "them is not judged")
        kinds: tuple[str, ...] = (moves, *of_loss)
    elif form.roots and any(at[w].zero for w in form.roots):
        verdict = judge.unknown(statement("stable", system, **options),
                                "a root in the field is 0 there, where it is not smooth")
        kinds = ("non-hyperbolic", *of_loss)
    else:
        from flowopt.stability.rest.rooted import gradients

        entries = (matrix(fields, asked.variables, at) if not form.roots else
                   gradients(fields, asked.variables, at, form.roots))
        chi, found, values, radii = spectrum(entries)
        moves = motion(found)
        if plain:  # the Hessian is minus this Jacobian
            of_loss = (critical(replace(found, left=found.right, right=found.left)),)
        if form.roots:
            verdict = judge.unknown(
                statement("stable", system, **options),
                "the field holds roots; its eigenvalues are counted exactly ("
                f"{found.left} left, {found.right} right of the axis), and no checker reads them")
        else:
            verdict = judge.by_eigenvalues(system, coordinates, chi, found, choice)
        if verdict.unknown and not form.roots:
            verdict, moves = _otherwise(asked, verdict, coordinates, moves, system, of_loss)
        kinds = (moves, *(k for k in of_loss if k != moves))
        if asked.about_loss:
            kinds, values = of_loss, -values[::-1] + 0.0
            radii = radii[::-1]
        elif _smooth_descent(asked):
            kinds = tuple(dict.fromkeys((*of_loss, moves)))
    loss = loss_at(asked, at) if asked.loss is not None and of_loss else None
    return Equilibrium(np.array([float(c) for c in coordinates]), asked.n, bounds(coordinates),
                       kinds, verdict, values, radii, multiplicity, loss, coordinates)


def _otherwise(asked: Target, verdict: Any, coordinates: Any, moves: str, system: Any,
               of_loss: tuple[str, ...]) -> tuple[Any, str]:
    """Return what other arguments say where the linearisation says nothing."""
    from flowopt.stability.rest import degenerate

    made = degenerate.settle(asked, coordinates, system)
    if made is None:
        return verdict, moves
    centre = made.proved and made.statement["claim"] == "stable" and (
        "minimum" in of_loss or asked.loss is None)
    return made, "centre" if centre else moves


def _critical(asked: Target, at: dict[Any, Number]) -> tuple[str, ...]:
    """Return the kind as a critical point of the loss; nothing where it is none."""
    if asked.loss is None:
        return ()
    theta = asked.variables[:asked.n]
    try:
        gradient = [asked.loss.diff(v) for v in theta]
        if any(not value(g, at).zero for g in gradient):
            return ()
        found = spectrum(matrix(gradient, theta, at))[1]
    except (NotAlgebraic, ZeroDivisionError):
        return ()
    return (critical(found),)


def _is_gradient(asked: Target) -> bool:
    """Return whether the field is −∇L as it stands."""
    from flowopt.stability.rest.firstorder import symbols

    flow = asked.field.flow
    return asked.loss is not None and flow is not None and bool(flow.rules) and not flow.states \
        and flow.abstract_rules()["theta"] == -symbols()[0]


def _smooth_descent(asked: Target) -> bool:
    """Return whether the field is a positive multiple of −∇L."""
    from flowopt.stability.rest.firstorder import gradient_like

    flow = asked.field.flow
    if flow is None or asked.loss is None or not flow.rules:
        return False
    rule = gradient_like(flow, {k: v for k, v in asked.values.items() if k in flow.parameters})
    return rule is not None and all(d == "g" and s.is_number for s, d in rule.terms)
