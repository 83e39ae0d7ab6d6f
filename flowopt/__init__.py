"""flowopt: optimizers as dynamical systems, from one symbolic definition.

Names are loaded when they are first used: importing flowopt costs little.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "Loss": "flowopt.losses.loss",
    "Flow": "flowopt.flows.flow",
    "VectorField": "flowopt.flows.field",
    "integrate": "flowopt.integrators.integrate",
    "Trajectory": "flowopt.integrators.trajectory",
    "Event": "flowopt.integrators.events",
    "load": "flowopt.integrators.trajectory",
    "Status": "flowopt.integrators.status",
    "ensemble": "flowopt.integrators.ensemble",
    "Ensemble": "flowopt.integrators.runs",
    "compare": "flowopt.comparison",
    "SciPy": "flowopt.comparison",
    **dict.fromkeys(["Euler", "Heun", "Midpoint", "RK4", "Dopri5", "Tsit5", "DOP853", "Rodas5P",
                     "Automatic", "SequentialEuler", "SymplecticEuler"],
                    "flowopt.integrators.methods"),
    "Taylor": "flowopt.integrators.taylor",
    **dict.fromkeys(["ImplicitEuler", "ConformalLeapfrog", "DiscreteGradient"],
                    "flowopt.integrators.structured"),
    **dict.fromkeys(["EulerMaruyama", "SRA1", "BAOAB"], "flowopt.integrators.stochastic"),
    "analyze": "flowopt.analysis",
    "phase_portrait": "flowopt.portraits",
    "prove": "flowopt.stability.proving",
    "modified_equation": "flowopt.stability.backward.modified",
    "lyapunov_exponents": "flowopt.stability.growth.exponents",
    "equilibria": "flowopt.stability.rest.finding",
    "basins": "flowopt.stability.rest.phases",
    "step_limit": "flowopt.stability.steps.limits",
    "Verdict": "flowopt.stability.verdict",
}
_MODULES = {"losses": "flowopt.losses", "flows": "flowopt.flows",
            "optimizers": "flowopt.optimizers",
            "stability": "flowopt.stability", "symbolic": "flowopt.symbolic",
            "integrators": "flowopt.integrators",
            "reduce": "flowopt.integrators.reduce"}
__all__ = sorted([*_WHERE, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'flowopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
