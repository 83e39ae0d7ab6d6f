"""Judgement: equilibria, proofs and certificates, step limits, modified equations, exponents.

Each answer is a `Verdict` or carries one: proved, disproved or unknown, and never falsely proved.
"""

from __future__ import annotations

import importlib
from typing import Any

#: where each public name stands; it is loaded when it is first used
_WHERE = {
    "prove": "prove",
    "Verdict": "verdict", "Evidence": "verdict",
    "Refused": "exact",
    "step_limit": "limits", "StepLimit": "limits",
    "stability_function": "amplify", "amplification": "amplify",
    "optimal_parameters": "optimal", "OptimalParameters": "optimal",
    **dict.fromkeys(["TransientGrowth", "iteration_matrix", "numerical_abscissa",
                     "pseudospectrum", "transient_growth"], "transient"),
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(f"flowopt.stability.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'flowopt.stability' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
