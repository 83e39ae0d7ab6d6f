"""Check that a quadratic loss refutes a rate: ½ λ x² with a root of the iteration outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.rate import read_class
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.polynomial_radius import characteristic, inside, observed

TRUST = "A"
SHOWS = ("disproved",)


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the loss of `data` breaks the rate of the statement."""
    step, mu, ell = read_class(statement)
    if set(data) != {"curvature", "radius"}:
        raise Refused("the counterexample must hold curvature and radius")
    curvature, radius = fraction(data["curvature"]), fraction(data["radius"])
    rate = fraction(statement["options"]["rate"])
    if not (mu <= curvature and (ell is None or curvature <= ell)):
        raise Refused(f"the curvature {curvature} is not in the class of losses")
    if not radius > rate >= 0:
        raise Refused("the radius must exceed the rate that is refuted")
    M = step.loop(curvature)
    if not observed(M):
        raise Refused("the distance does not show all of the motion")
    if inside(characteristic(M), radius):
        raise Refused(f"on this loss all roots are smaller than {radius}")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    return [f"L = ({data['curvature']})/2*x^2 is in the class of losses, and the iteration on it "
            "is linear.",
            f"By the test of Schur and Cohn its matrix has an eigenvalue with |z| >= "
            f"{data['radius']}, which is more than the rate.",
            "The distance shows all of the motion (full rank of observation), so it does not fall "
            "at that rate from a start along this eigenvector."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [rf"$L = \tfrac{{{data['curvature']}}}{{2}} x^2$: an eigenvalue with "
            rf"$|z| \ge {data['radius']}$."]
