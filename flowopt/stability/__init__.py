"""Judgement: equilibria, proofs and certificates, step limits, modified equations, exponents.

Each answer is a `Verdict` or carries one: proved, disproved or unknown, and never falsely proved.
"""

from __future__ import annotations

import importlib
from typing import Any

#: the public names of each module; a name is loaded when it is first used
_NAMES = {
    "proving": "prove",
    "verdict": "Verdict Evidence",
    "exact": "Refused",
    "abstract_loss.atlas_table": "atlas AtlasRow show_atlas print_atlas",
    "backward.modified": "modified_equation ModifiedEquation",
    "backward.schemes": "runge_kutta",
    "growth.exponents": "lyapunov_exponents LyapunovSpectrum",
    "growth.rates": "fit_rate FittedRate finite_time_bound",
    "growth.settling": "settling_time_bounds SettlingTime",
    "iterations.map_thresholds": "two_cycle_thresholds Threshold",
    "iterations.maps": "two_cycles flip TwoCycle",
    "iterations.never_rests": "least_step sign_cycle adam_cycle",
    "iterations.worst_case": "worst_case_rate Rate",
    "rational.lasalle": "limit_set",
    "rational.levels": "largest_level",
    "rational.polynomial_claim": "prove_polynomial",
    "rest.basin": "Basins",
    "rest.equilibrium": "Equilibria Equilibrium",
    "rest.finding": "equilibria",
    "rest.phases": "basins",
    "rest.picture": "BasinPicture",
    "rest.sliding_motion": "sliding Sliding",
    "steps.amplify": "stability_function amplification",
    "steps.limits": "step_limit StepLimit",
    "steps.optimal": "optimal_parameters OptimalParameters",
    "steps.transient": "TransientGrowth iteration_matrix numerical_abscissa "
                       "pseudospectrum transient_growth",
}
_WHERE = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(f"flowopt.stability.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'flowopt.stability' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
