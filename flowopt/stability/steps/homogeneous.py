"""Step limits of rules that have no derivative at 0: signs, and Polyak's step.

A rule that jumps: for starts s·d, s → 0, the step tends to a vector that is not 0, so that no
neighbourhood of 0 is kept, whatever the step. A rule of one coordinate with
θ⁺ = θ (1 − h·min(r₁, r₂)): every start tends to 0 exactly for h·(the least constant rᵢ) < 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.algebra.domain import assumptions, ranges, sign_on
from flowopt.stability.checks.homogeneous import at_signs, least_rates
from flowopt.stability.exact import write
from flowopt.stability.statement import map_system, statement
from flowopt.stability.steps.clocks import NoLinearisation, Rules, chosen
from flowopt.stability.steps.decide import End
from flowopt.stability.steps.linearise import rules_of
from flowopt.stability.verdict import Evidence, proved, unknown


def homogeneous(flow: Any, own: Any, method: Any, subject: str, lam: Any, why: str) -> Any:
    """Return the step limit of a rule that could not be linearised, by algebra where that works.

    `why` says what kept it from being linearised.
    """
    from flowopt.stability.steps.hyper import in_terms
    from flowopt.stability.steps.limit_result import StepLimit

    step = "lr" if method is None and own is not None else "h"
    nothing = StepLimit(subject, step, (), None, None,
                        notes=(f"there is no linearisation: {why}",))
    stepper = own.method if method is None else method
    if isinstance(lam, tuple) or not flow.rules:
        return undecided(nothing, f"there is no linearisation: {why}")
    try:
        made = rules_of(flow, own.method.h if own is not None else getattr(stepper, "h", 1.0),
                        own.initial if own is not None else {}, method is not None,
                        [d.state for d in getattr(stepper, "draws", ()) if d.state])
        inside: dict[Any, Any] = {}
        numbers = dict(made.numbers)
        if method is None and own is not None:
            inside, back, numbers = in_terms(own)
            inside |= back
        equations = _equations(made, stepper, inside)
    except NoLinearisation as other:
        return undecided(nothing, f"there is no linearisation: {other}")
    if lam is not None:
        equations = {k: e.subs(made.symbols["lam"], lam) for k, e in equations.items()}
    used = {str(s) for e in equations.values() for s in e.free_symbols} - set(equations)
    domain = {n: "positive" for n in sorted(used)}  # the same text in every process
    if step == "lr":
        domain = {n: "positive" if n not in own.hyper else "inner" if k == "unit" else k
                  for n, k in ranges(sorted(used)).items()}
    values = {k: v for k, v in numbers.items() if k in used and k not in ("lr", "h")}
    return (_jumps(nothing, equations, domain, why)
            or _falls(nothing, equations, domain, values, step, "tiny" in made.symbols)
            or undecided(nothing, f"there is no linearisation: {why}"))


def _equations(made: Rules, stepper: Any, inside: Mapping[Any, Any]) -> dict[str, Any]:
    """Return θ⁺ and the new states of (Gauss–Seidel) Euler, over the old ones."""
    from flowopt.integrators.composed import ComposedEuler
    from flowopt.integrators.methods import Euler, SequentialEuler
    from flowopt.integrators.stochastic import EulerMaruyama
    from flowopt.stability.steps.onestep import _groups

    if not isinstance(stepper, (Euler, SequentialEuler, EulerMaruyama, ComposedEuler)) or \
            getattr(stepper, "shrink", None) is not None:
        raise NoLinearisation(f"the rule has no derivative at its equilibrium, and for "
                              f"{type(stepper).__name__} there is no other argument")
    if made.scales or made.clocks:
        raise NoLinearisation("the rule has no derivative at its equilibrium, and states beside "
                              "its momenta")
    tiny = made.symbols.get("tiny")
    now: dict[Any, Any] = {}
    for group in _groups(made, stepper):
        after = {}
        for name in group:
            rule = made.rhs[name]
            if tiny is not None:  # Polyak's rest at ‖g‖² <= 2⁻⁵²
                rule = rule.subs(tiny, 0)
            rule = chosen(made, rule, {}).subs(now, simultaneous=True)
            own = made.symbols[name]
            after[own] = own + made.step * rule
        now |= after
    found = {}
    for name in made.linear:
        found[name] = now[made.symbols[name]].subs(inside, simultaneous=True)
    return found


def undecided(base: Any, why: str) -> Any:
    """Return a step limit that is not decided, and why."""
    from dataclasses import replace

    made = statement("step_limit", {"kind": "none"}, bound="those that are stable")
    return replace(base, limit=None, intervals=None, argument=None, verdict=unknown(made, why))


def _jumps(base: Any, equations: Mapping[str, Any], domain: Mapping[str, str], why: str) -> Any:
    """Return "no step is stable" for a rule whose step does not tend to 0 with its start."""
    from dataclasses import replace

    import sympy

    s = sympy.Symbol("s", positive=True)
    names = list(equations)
    for direction in _directions(len(names)):
        at = {sympy.Symbol(n, real=True): d * s for n, d in zip(names, direction, strict=True)}
        landed = at_signs(equations["theta"].subs(at, simultaneous=True))
        if not landed.is_polynomial(s) or landed.has(sympy.sign, sympy.Abs, sympy.Piecewise):
            continue
        if sign_on(sympy.numer(sympy.together(landed.subs(s, 0))), domain) not in (1, -1):
            continue
        system = map_system(list(equations.values()), names)
        made = statement("unstable", system, at="0", assumptions=assumptions(
            {**domain, base.step: "positive"}))
        evidence = Evidence("homogeneous", {"direction": [str(d) for d in direction]})
        verdict = proved(made, "a step that does not tend to 0 with the distance from 0", "A",
                         evidence)
        cycle = ("it ends in steps to and fro; from h/2 in the 2-cycle between h/2 and -h/2"
                 if len(names) == 1 else "it ends in steps to and fro")
        return replace(base, intervals=(), limit=sympy.Integer(0), domain=dict(domain),
                       verdict=verdict, notes=(*base.notes, cycle))
    return None


def _directions(n: int) -> list[tuple[int, ...]]:
    made = [tuple(int(i == k) for i in range(n)) for k in range(n)]
    return [*made, (1,) * n]


def _falls(base: Any, equations: Mapping[str, Any], domain: Mapping[str, str],
           values: Mapping[str, Any], step: str, rests: bool) -> Any:
    """Return the limit of θ⁺ = θ (1 − h·min(r₁, …)), for one coordinate without states."""
    from dataclasses import replace

    import sympy

    if len(equations) != 1:
        return None
    rates = least_rates(equations["theta"], step)
    if rates is None:
        return None
    s = sympy.Symbol("s", positive=True)
    constant = [r for r in rates if not r.has(s)]
    rising = [r for r in rates if r.has(s)]
    if not constant or any(sign_on(sympy.numer(sympy.together(r)), domain) != 1
                           for r in constant):
        return None
    limits = [sympy.cancel(2 / r) for r in constant]
    limit = limits[0] if len(limits) == 1 else sympy.Max(*limits)
    system = map_system(list(equations.values()), ["theta"])
    made = statement("step_limit", system, bound=f"0 < {step} < {limit}", limit=limit, step=step,
                     scope="global", assumptions=assumptions({**domain, step: "positive"}))
    evidence = Evidence("homogeneous", {"least": [write(r) for r in rates]})
    verdict = proved(made, "the factor by which a step changes θ", "A", evidence)
    notes = [n for n in base.notes if "linearisation" not in n]
    if rests:
        notes.append("the rest where the squared gradient is at most 2**-52 is left out")
    if rising:
        notes.append("from every start; near 0 a step of any length is stable, since the rate "
                     "tends to 0 there")
    return replace(base, intervals=((End(sympy.Integer(0)), End(limit)),), limit=limit,
                   domain=dict(domain), values=dict(values), verdict=verdict, notes=tuple(notes))
