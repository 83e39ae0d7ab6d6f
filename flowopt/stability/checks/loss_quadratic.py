"""Check that a quadratic loss refutes a rate: ½ λ x² with a root of the iteration outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.checks.rate import read_class
from flowopt.stability.checks.root_radius import characteristic, inside, observed
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.linear_step import Root

TRUST = "A"
#: a root is shown to be at least this much larger than the rate
MORE = Fraction(1, 10**15)
SHOWS = ("disproved",)


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the loss of `data` breaks the rate of the statement."""
    step, mu, ell = read_class(statement)
    if set(data) != {"curvature", "polynomial"}:
        raise Refused("the counterexample must hold curvature and polynomial")
    curvature, rate = fraction(data["curvature"]), fraction(statement["options"]["rate"])
    if not (mu <= curvature and (ell is None or curvature <= ell)):
        raise Refused(f"the curvature {curvature} is not in the class of losses")
    if rate < 0:
        raise Refused("a rate is not negative")
    M = step.loop(curvature)
    if not observed(M):
        raise Refused("the distance does not show all of the motion")
    p = characteristic(M)
    if written(p) != data["polynomial"]:
        raise Refused("the polynomial is not that of the iteration on this loss")
    if inside(p, rate + MORE):
        raise Refused(f"on this loss all roots are smaller than {rate} + {MORE}")


def written(p: Sequence[Any]) -> list[list[str]]:
    """Return coefficients a + b √d as texts of a and b."""
    return [[str(v.a), str(v.b)] if isinstance(v, Root) else [str(v), "0"] for v in p]


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    rate = statement["options"]["rate"]
    return [f"L = ({data['curvature']})/2*x^2 is in the class of losses, and the iteration on it "
            "is linear.",
            f"By the test of Schur and Cohn its matrix has an eigenvalue with |z| > {rate}.",
            "The distance shows all of the motion (full rank of observation), so it does not fall "
            "at that rate from a start along this eigenvector."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [rf"$L = \tfrac{{1}}{{2}} \left({data['curvature']}\right) x^2$: an eigenvalue with "
            rf"$|z| > {statement['options']['rate']}$."]
