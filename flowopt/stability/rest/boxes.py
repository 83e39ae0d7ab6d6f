"""Equilibria of a field with transcendental functions in a box, by intervals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from flowopt.stability.algebra.intervals import Interval, NoInterval
from flowopt.stability.rest import judge
from flowopt.stability.rest.equilibrium import Equilibria, Equilibrium
from flowopt.stability.rest.krawczyk import Found, System
from flowopt.stability.rest.target import Target
from flowopt.stability.statement import field_system, statement


def find(asked: Target, bounds: Sequence[tuple[Any, Any]], end: float) -> Equilibria:
    """Return the equilibria in a closed box."""
    name = asked.field.name
    exprs, variables, solved = _eliminated(asked, len(bounds))
    exprs = _rests(asked, exprs, variables)
    jumps = [f for e in exprs for f in e.atoms(sympy.sign, sympy.Heaviside, sympy.Piecewise)]
    if jumps:
        raise ValueError("field must be algebraic, continuous, or go along the gradient of a loss, "
                         f"and {name} jumps (it holds {jumps[0].func.__name__}) and is not "
                         "algebraic; look at each of its sides as a field of its own")
    box = [Interval(Interval.of(a).low, Interval.of(b).high) for a, b in bounds]
    whole = dict(zip(asked.variables, box, strict=False))
    try:
        blocks = [(System([exprs[i] for i in block], [variables[i] for i in block]), block)
                  for block in connected(exprs, variables)]
        parts = [(system, system.zeros([whole[variables[i]] for i in block], end), block)
                 for system, block in blocks]
    except NoInterval as error:
        raise ValueError(f"field must be made of functions with an interval form, and {name} is "
                         f"not: {error}") from None
    points = []
    for chosen in itertools.product(*[found.zeros for _, found, _ in parts]):
        place: dict[Any, Interval] = {}
        for (_, _, block), enclosure in zip(parts, chosen, strict=True):
            place |= {variables[i]: e for i, e in zip(block, enclosure, strict=True)}
        if all(place[v].meet(whole[v]) is not None for v in variables):
            points.append(_point(asked, place, solved))
    points.sort(key=lambda e: e.y.tolist())
    complete, reason = _complete(parts, bounds)
    return Equilibria(points, complete, reason, (), name)


def connected(exprs: Sequence[Any], variables: Sequence[Any]) -> list[list[int]]:
    """Return the groups of variables that equations hold together, equations being theirs too.

    Examples
    --------
    >>> import sympy
    >>> x, y, z = sympy.symbols("x y z")
    >>> connected([x + z, y**2, z], [x, y, z])
    [[0, 2], [1]]
    """
    group = list(range(len(variables)))
    for i, e in enumerate(exprs):
        for j, v in enumerate(variables):
            if v in e.free_symbols and group[i] != group[j]:
                old, new = group[j], group[i]
                group = [new if g == old else g for g in group]
    return [[i for i, g in enumerate(group) if g == k] for k in dict.fromkeys(group)]


def _eliminated(asked: Target, given: int) -> tuple[list[Any], list[Any], dict[Any, Any]]:
    """Return equations and unknowns after states with no bounds are solved for."""
    exprs, variables = list(asked.equations), list(asked.variables)
    solved: dict[Any, Any] = {}
    if given == len(variables):
        return exprs, variables, solved
    for s in list(variables[given:]):
        for i, e in enumerate(exprs):
            slope = e.diff(s)
            if slope.is_Rational and slope != 0:
                meaning = (s - e / slope).expand()
                if meaning.has(s):
                    continue
                exprs.pop(i)
                exprs = [other.xreplace({s: meaning}) for other in exprs]
                solved = {k: v.xreplace({s: meaning}) for k, v in solved.items()} | {s: meaning}
                variables.remove(s)
                break
        else:
            raise ValueError(f"box must have a pair for each of the {len(asked.variables)} "
                             f"components, states with them, as the state {s} is not given by the "
                             f"rest; got {given} pairs")
    return exprs, variables, solved


def _rests(asked: Target, exprs: list[Any], variables: list[Any]) -> list[Any]:
    """Return the gradient instead of a field along it that is not smooth at its rests."""
    from flowopt.stability.rest.firstorder import gradient_like

    flow = asked.field.flow
    if flow is None or asked.loss is None or not flow.rules:
        return exprs
    rule = gradient_like(flow, {k: v for k, v in asked.values.items() if k in flow.parameters})
    if rule is None or rule.levels:
        return exprs
    return [asked.loss.diff(v) for v in variables]


def _complete(parts: Sequence[tuple[System, Found, Any]], bounds: Any) -> tuple[bool, str]:
    boxes = sum(found.boxes for _, found, _ in parts)
    left = [x for _, found, _ in parts for x in found.undecided]
    text = " x ".join(f"[{float(a):g}, {float(b):g}]" for a, b in bounds)
    if not left:
        return True, f"each of {boxes} sub-boxes of {text} is decided by Krawczyk's test"
    near = ", ".join(f"[{b.low:.6g}, {b.high:.6g}]" for b in left[0])
    return False, (f"{len(left)} of {boxes} sub-boxes of {text} are not decided (the first is "
                   f"{near}): the equations may have a multiple zero or no derivative there, or "
                   "the time is spent")


def _point(asked: Target, place: dict[Any, Interval], solved: dict[Any, Any]) -> Equilibrium:
    from flowopt.stability.algebra.programs import Program

    known = list(place)
    for s, meaning in solved.items():
        place[s] = Program([meaning], known)([place[v] for v in known])[0]
    box = [place[v] for v in asked.variables]
    y = np.array([b.middle for b in box])
    kinds, verdict, values, radii = _judged(asked, box, y)
    loss = None
    if asked.loss is not None:
        loss = Program([asked.loss], asked.variables)(box)[0].middle
    return Equilibrium(y, asked.n, np.array([[b.low, b.high] for b in box]), kinds, verdict,
                       values, radii, None, loss)


def _judged(asked: Target, box: list[Interval], y: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """Return kinds, verdict, eigenvalues and their radii at an enclosure."""
    from flowopt.stability.rest.enclosed import hurwitz, inertia, perturbed

    of_loss: tuple[str, ...] = ()
    if asked.loss is not None:
        theta = list(asked.variables[:asked.n])
        hessian = System([asked.loss.diff(v) for v in theta], theta).jacobian(box[:asked.n])
        of_loss = (inertia(hessian),)
    made = field_system(asked.field)
    wide = [[str(v) for v in _widened(b)] for b in box]
    options: dict[str, Any] = {"at": "the only zero of the field in "
               + " x ".join(f"[{a}, {b}]" for a, b in wide), "box": wide}
    if any(e.has(*_kinks()) for e in asked.equations):
        return ((*of_loss, "rest on a surface"), judge.unknown(
            statement("stable", made, **options), "the field is not smooth there, and only its "
            "place is enclosed"), None, None)
    system = System(asked.equations, asked.variables)
    entries = system.jacobian(box)
    values, radii = perturbed(entries)
    left, right = hurwitz(entries)
    real = bool((np.abs(values.imag) == 0).all())
    moves = ("saddle" if right and not left and (values.real < -radii).any() else
             ("node" if real else "focus") if left or (values.real > radii).all()
             else "saddle" if right else "non-hyperbolic")
    if left or right:
        claim = "asymptotically_stable" if left else "unstable"
        if left:
            options["scope"] = "local"
        verdict = judge.attempted(statement(claim, made, **options),
                                  "Krawczyk's test and Hurwitz minors in intervals", "krawczyk",
                                  {"eigenvalues": "all left" if left else "one right"}, "C")
    else:
        verdict = judge.unknown(statement("stable", made, **options),
                                "the intervals do not tell the eigenvalues from the axis")
    if asked.about_loss:
        return of_loss, verdict, -values[::-1] + 0.0, radii[::-1]
    return tuple(dict.fromkeys((*of_loss, moves) if asked.field.m == asked.n else
                               (moves, *of_loss))), verdict, values, radii


def _kinks() -> Any:
    from flowopt.symbolic.regimes import NONSMOOTH

    return NONSMOOTH


def _widened(b: Interval) -> tuple[Any, Any]:
    """Return rational ends a little outside, in which the check finds the zero alone."""
    from fractions import Fraction

    room = max(2 * b.width, 2.0**-40 * max(1.0, b.size))
    step = 2.0**-42
    while step > room:
        step /= 2
    low, high = np.floor((b.low - room) / step), np.ceil((b.high + room) / step)
    return Fraction(low) * Fraction(step), Fraction(high) * Fraction(step)
