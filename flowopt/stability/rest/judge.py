"""Verdicts on the stability of an exact equilibrium: from its eigenvalues, or signs on a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.points import encoded
from flowopt.stability.rest.line import Mark
from flowopt.stability.rest.spectrum import Count
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, Verdict, proved, unknown


def by_signs(system: Mapping[str, Any], mark: Mark) -> Verdict:
    """Return the verdict on a mark of a phase line."""
    options = encoded([mark.x])
    left, right = mark.left.sign, mark.right.sign
    if mark.singular:
        says = ("; motions from both sides arrive there in finite time with infinite speed and "
                "have no continuation" if mark.attracts else
                "; motions leave it with infinite speed" if mark.left.sign < 0 < mark.right.sign
                else "")
        return unknown(statement("stable", system, **options),
                       "the field is infinite at this point, which is no equilibrium" + says,
                       method="exact signs on the line")
    finite = left > 0 > right and all(
        s.order is not None and s.order == 0 for s in (mark.left, mark.right))
    if finite:
        claim = "finite_time_stable"
    elif mark.attracts:
        claim, options = "asymptotically_stable", {**options, "scope": "local"}
    else:
        claim = "unstable" if mark.repels else "stable"
    return attempted(statement(claim, system, **options), "exact signs on the line",
                     "sign_pattern", {"left": str(left), "right": str(right)})


def by_eigenvalues(system: Mapping[str, Any], coordinates: Sequence[Number],
                   chi: Sequence[Number], count: Count, sides: Sequence[int] = ()) -> Verdict:
    """Return the verdict that the linearisation gives."""
    options = encoded(coordinates)
    if count.right:
        claim = "unstable"
    elif count.hyperbolic:
        claim, options = "asymptotically_stable", {**options, "scope": "local"}
    else:
        where = (f"{count.zero} eigenvalue{'s are' if count.zero > 1 else ' is'} 0"
                 if count.zero else "")
        axis = f"{count.axis} lie on the imaginary axis" if count.axis else ""
        return unknown(statement("stable", system, **options),
                       f"non-hyperbolic: {' and '.join(v for v in (where, axis) if v)}, and none "
                       "has a positive real part, so that the linearisation decides nothing",
                       method="exact eigenvalue counts")
    rows = [_row(c, options) for c in chi]
    return attempted(statement(claim, system, **options),
                     "exact eigenvalue counts (Lyapunov's first method)", "eigenvalues",
                     {"sides": [str(s) for s in sides], "characteristic": rows})


def attempted(made: Mapping[str, Any], method: str, kind: str, data: Mapping[str, Any],
              trust: str = "A") -> Verdict:
    """Return a proved verdict, or unknown with the reason when its check refuses it."""
    try:
        return proved(made, method, trust, Evidence(kind, data))
    except AssertionError as error:
        return unknown(made, str(error), method=method)


def _row(c: Number, options: Mapping[str, Any]) -> list[str]:
    """Return a number as a polynomial in the alpha of the point."""
    if options["root"] == ["0", "1"]:
        return [str(c.fraction)]
    return [str(v) for v in c.p] or ["0"]
