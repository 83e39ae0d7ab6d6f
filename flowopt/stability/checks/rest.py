"""Checker that refutes instability: a proof of stability of the same equilibrium.

data = {"kind": "lyapunov", "data": {...}}: what `flowopt.stability.checks.lyapunov` takes for the
claim that the equilibrium is stable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks import lyapunov
from flowopt.stability.exact import Refused

TRUST = "A"
SHOWS = ("disproved",)


def _stable(statement: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    if statement["claim"] != "unstable" or statement["assumptions"]:
        raise Refused("stability refutes instability")
    if set(data) != {"kind", "data"} or data["kind"] != "lyapunov":
        raise Refused("the evidence must be a Lyapunov function")
    return {**statement, "claim": "stable", "V": None, "domain": None}


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the data proves that the equilibrium is stable.

    Raises
    ------
    Refused
        Otherwise.
    """
    lyapunov.check(_stable(statement, data), data["data"])


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    return [*lyapunov.explain(_stable(statement, data), data["data"]),
            "A stable equilibrium is not unstable."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    return lyapunov.latex(_stable(statement, data), data["data"])
