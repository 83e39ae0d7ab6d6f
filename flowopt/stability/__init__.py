"""Judgement: equilibria, proofs and certificates, step limits, modified equations, exponents.

Each answer is a `Verdict` or carries one: proved, disproved or unknown, and never falsely proved.
"""

from __future__ import annotations

import importlib
from typing import Any

#: where each public name stands; it is loaded when it is first used
_WHERE = {
    "prove": "prove",
    "modified_equation": "modified", "ModifiedEquation": "modified",
    "runge_kutta": "schemes",
    "fit_rate": "rates", "FittedRate": "rates", "finite_time_bound": "rates",
    "settling_time_bounds": "settling", "SettlingTime": "settling",
    "lyapunov_exponents": "exponents", "LyapunovSpectrum": "exponents",
    "Verdict": "verdict", "Evidence": "verdict",
    "Refused": "exact",
    "worst_case_rate": "worst_case", "Rate": "worst_case",
    "two_cycles": "maps", "flip": "maps", "TwoCycle": "maps",
    "two_cycle_thresholds": "map_thresholds", "Threshold": "map_thresholds",
    "least_step": "never_rests", "sign_cycle": "never_rests", "adam_cycle": "never_rests",
    **dict.fromkeys(["atlas", "AtlasRow", "show_atlas", "print_atlas"], "atlas_table"),
    "prove_polynomial": "polynomial_claim", "limit_set": "lasalle", "largest_level": "levels",
    "equilibria": "finding", "Equilibria": "equilibrium", "Equilibrium": "equilibrium",
    "sliding": "sliding_motion", "Sliding": "sliding_motion",
    "basins": "phases", "Basins": "basin", "BasinPicture": "picture",
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
