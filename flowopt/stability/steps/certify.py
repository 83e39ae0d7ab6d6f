"""The claim of a `StepLimit` as a statement, with its certificate; the check runs at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowopt.stability.algebra.domain import assumptions
from flowopt.stability.checks.step_limit import bound_text
from flowopt.stability.exact import Refused, write
from flowopt.stability.statement import map_system, statement
from flowopt.stability.steps.decide import End
from flowopt.stability.verdict import Evidence, proved, unknown

METHOD = "the characteristic polynomial of one step, and Jury's conditions"


def certified(found: Any, pencil: Any, inside: tuple[Mapping[Any, Any], ...] | None, lam: Any
              ) -> Any:
    """Return the limit with its verdict.

    Parameters
    ----------
    found : StepLimit
        The set as it was found.
    pencil : Pencil
        The one-step map, over the flow's symbols.
    inside : tuple of mappings, or None
        What takes the place of the flow's symbols, one after another.
    lam : Rational, pair or None
        The curvature.
    """
    system, options = _system(pencil, inside)
    given = {} if lam is None or isinstance(lam, tuple) else {"lam": lam}
    made = replace(found, claim={"system": system, "options": options, "given": given})
    return sealed(made, lam if isinstance(lam, tuple) else None)


def sealed(found: Any, between: tuple[Any, Any] | None = None) -> Any:
    """Return the limit with the verdict of its own claim."""
    system, options = dict(found.claim["system"]), dict(found.claim["options"])
    numbers = {**found.claim["given"],
               **{k: found.values[k] for k in found.substituted if k in found.values}}
    names = {n for n in _names(system) if n not in system["variables"] and n not in numbers}
    ranges = {n: found.domain.get(n, "positive") for n in sorted(names)}
    ranges[found.step] = "positive"
    if between is not None and "lam" in ranges:
        del ranges["lam"]
        assumed = [*assumptions(ranges), f"{between[0]} <= lam <= {between[1]}"]
    else:
        assumed = assumptions(ranges)
    assumed += [f"{k} = {v}" for k, v in found.held.items() if k in names]
    assumed += list(found.notes)
    used = {n for e in system["equations"] for n in numbers if _holds(e, n)}
    system["parameters"] = {k: str(v) for k, v in sorted(numbers.items()) if k in used}
    intervals = None if found.intervals is None else [
        [_data(a), _data(b)] for a, b in found.intervals]
    bound = "those that meet the conditions" if intervals is None else bound_text(
        found.step, intervals)
    made = statement("step_limit", system, assumptions=assumed, step=found.step, bound=bound,
                     **options)
    if intervals is None:
        verdict = unknown(made, "the conditions have no closed form in these symbols; give "
                          "numbers, as in .at(lam=1)", method=METHOD)
        return replace(found, verdict=verdict)
    made["options"]["intervals"] = intervals
    how = found.argument.how
    made["options"]["scale"] = write(found.argument.scale) if how == "scale" else "1"
    evidence = Evidence("step_limit", _evidence(found, numbers, len(system["variables"])))
    try:
        verdict = proved(made, METHOD, "A", evidence)
    except (AssertionError, Refused) as error:
        verdict = unknown(made, f"the independent check did not settle it: {error}",
                          method=METHOD)
    return replace(found, verdict=verdict)


def _evidence(found: Any, numbers: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Return the characteristic polynomial without common factor, and what binds."""
    import sympy

    z = sympy.Symbol("z", positive=True)
    step = sympy.Symbol(found.step, positive=True)
    exact = {sympy.Symbol(k, positive=True): v for k, v in numbers.items()}
    coefficients = [sympy.sympify(c).subs(exact) for c in found.coefficients]
    by_scale = found.argument.how == "scale"
    if by_scale:
        coefficients = [sympy.expand(c.subs(step, z * found.argument.scale))
                        for c in coefficients]
        coefficients = [sympy.cancel(c / coefficients[0]) for c in coefficients]
        below = sympy.Integer(1)
        for c in coefficients:
            below = sympy.lcm(below, sympy.fraction(c)[1])
        coefficients = [sympy.cancel(c * below) for c in coefficients]
    gens = sorted({s for c in coefficients for s in c.free_symbols}
                  | {z if by_scale else step}, key=str)
    polys = [sympy.Poly(c, *gens, domain="QQ") for c in coefficients]
    common = polys[0]
    for p in polys[1:]:
        common = common.gcd(p)
    polys = [p.quo(common) for p in polys]
    polys += [sympy.Poly(0, *gens, domain="QQ")] * (size + 1 - len(polys))
    if by_scale:
        return {"characteristic": [[str(c) for c in p.all_coeffs()] for p in polys],
                "binding": []}
    return {"characteristic": [write(p.as_expr()) for p in polys],
            "binding": [write(f) for f in found.argument.binding]}


def certified_numbers(made: Any, found: Any, exact: Mapping[Any, Any]) -> Any:
    """Return the limit with numbers in place of symbols, and its own verdict."""
    given = {**found.claim["given"], **{str(s): v for s, v in exact.items()}}
    return sealed(replace(made, claim={**found.claim, "given": given}))


def _data(end: End) -> Any:
    """Return an end as data of a statement."""
    if end.root is not None and end.root.low != end.root.high:
        fine = end.root
        return [[str(c) for c in fine.coefficients], str(fine.low), str(fine.high),
                write(end.scale)]
    return write(end.expr)


def _names(system: Mapping[str, Any]) -> set[str]:
    from flowopt.symbolic.parse import parse

    return {n for e in system["equations"] for n in parse(e, what="an equation").names}


def _holds(text: str, name: str) -> bool:
    from flowopt.symbolic.parse import parse

    return name in parse(text, what="an equation").names


def _system(pencil: Any, inside: tuple[Mapping[Any, Any], ...] | None
            ) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the linear map (or the field and the method's R = P/Q) as data of a statement."""
    import sympy

    own = [sympy.Symbol(v, real=True) for v in pencil.variables]
    if pencil.field is not None:
        above, below, matrix = pencil.field
        rows = matrix
        options: dict[str, Any] = {"numerator": [str(c) for c in above],
                                   "denominator": [str(c) for c in below]}
    else:
        scale = pencil.D[0][0].as_expr()
        rows = [[e.as_expr() / scale for e in row] for row in pencil.N]
        options = {}
    equations = []
    for row in rows:
        made = sympy.Integer(0)
        for entry, v in zip(row, own, strict=True):
            entry = sympy.sympify(entry)
            for part in inside or ():
                entry = entry.subs(part, simultaneous=True)
            made += sympy.factor_terms(sympy.cancel(sympy.together(entry))) * v
        equations.append(made)
    system = map_system(equations, own)
    if pencil.field is not None:
        system["kind"], system["time"] = "field", "t"
    return system, options

