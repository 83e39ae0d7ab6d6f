"""Check that an optimizer goes round for ever on a loss of one variable, in its class.

Through points (y_i, g_i) and (0, 0), sorted by y, with all slopes in [μ, ℓ], goes a piecewise
linear gradient with slopes in [μ, ℓ]: the gradient of a loss of the class, with its minimiser at 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.checks.rate import read_class
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.linear_step import LinearStep

TRUST = "A"
SHOWS = ("disproved",)


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the cycle of `data` breaks the rate of the statement."""
    step, mu, ell = read_class(statement)
    if set(data) != {"start", "gradients", "slopes"}:
        raise Refused("the counterexample must hold start, gradients and slopes")
    if not fraction(statement["options"]["rate"]) < 1:
        raise Refused("a cycle refutes only a rate below 1")
    if examine(step, mu, ell, data) != data["slopes"]:
        raise Refused("the slopes are not those between the points")


def examine(step: LinearStep, mu: Fraction, ell: Fraction | None, data: Mapping[str, Any]
            ) -> list[str]:
    """Return the slopes; refuse unless the cycle is one of the map on a loss of the class."""
    if step.radicand:
        raise Refused("a cycle is checked for maps with rational numbers")
    start = [fraction(v) for v in data["start"]]
    gradients = [fraction(v) for v in data["gradients"]]
    if len(start) != step.m or not gradients:
        raise Refused("the start must have an entry for each variable, and the cycle a gradient")
    points = {Fraction(0): Fraction(0)}
    zeta, moving = start, False
    for g in gradients:
        y = sum((c.a * z for c, z in zip(step.C, zeta, strict=True)), step.D.a * g)
        if points.setdefault(y, g) != g:
            raise Refused(f"two gradients are given at {y}")
        moving = moving or zeta[0] != 0
        zeta = [sum((a.a * z for a, z in zip(row, zeta, strict=True)), b.a * g)
                for row, b in zip(step.A, step.B, strict=True)]
    if zeta != start:
        raise Refused("the iteration does not come back to its start")
    if not moving:
        raise Refused("this is the minimiser itself")
    ordered, slopes = sorted(points.items()), []
    for (y, g), (z, f) in zip(ordered, ordered[1:], strict=False):
        slope = (f - g) / (z - y)
        if slope < mu or (ell is not None and slope > ell):
            raise Refused(f"between {y} and {z} the gradient has the slope {slope}")
        slopes.append(str(slope))
    return slopes


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    n = len(data["gradients"])
    return [f"In one variable, start at ({', '.join(data['start'])}), the minimiser being at 0, "
            f"and take the gradients {', '.join(data['gradients'])} in turn.",
            f"After {n} step{'s' if n > 1 else ''} the iteration is back at its start, exactly.",
            "Sorted by position, neighbouring gradients (and 0 at the minimiser) have the slopes "
            f"{', '.join(data['slopes'])}, all in [mu, ell]: the piecewise linear function "
            "through them is the gradient of a loss of the class.",
            "So the distance does not tend to 0 on this loss, and no rate below 1 holds."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [rf"A cycle of length {len(data['gradients'])} from "
            rf"$({', '.join(data['start'])})$ with the gradients "
            rf"${', '.join(data['gradients'])}$, whose slopes lie in $[\mu, \ell]$."]
