"""Checker of what volume says: a field without divergence has no asymptotically stable point.

data = {"divergence": "0"} for a polynomial field: the flow keeps volumes (Liouville), and a
neighbourhood cannot shrink to a point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.exact import Refused

TRUST = "A"
SHOWS = ("disproved",)


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the divergence is identically zero and the claim is asymptotic stability.

    Raises
    ------
    Refused
        Otherwise.
    """
    field = algebra.field({**statement, "V": None})
    if data != {"divergence": "0"} or not field.D.is_ground or not field.P:
        raise Refused("the field must be polynomial, with the divergence 0")
    if statement["claim"] != "asymptotically_stable":
        raise Refused("volume speaks against asymptotic stability only")
    if sum((p.diff(g) for p, g in zip(field.P, field.ring.gens, strict=True)), field.ring.zero):
        raise Refused("the divergence is not zero")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    return ["The divergence of the field is identically 0, so the flow keeps volumes (Liouville).",
            "A neighbourhood that tends to a point would lose its volume: no equilibrium is "
            "asymptotically stable."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    return [r"$\nabla \cdot F = 0$: the flow keeps volumes."]
