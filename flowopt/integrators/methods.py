"""The door to the methods. A method is data; the steppers live in `kernels`."""

from __future__ import annotations

from typing import Any

from flowopt import _check
from flowopt.integrators.adaptive_methods import DOP853, Automatic, Dopri5, Rodas5P, Tsit5
from flowopt.integrators.fixed_methods import (
    RK4,
    Euler,
    Heun,
    Midpoint,
    SequentialEuler,
    SymplecticEuler,
)
from flowopt.integrators.method import Adaptive, Explicit, FixedStep

__all__ = ["DOP853", "RK4", "Adaptive", "Automatic", "Dopri5", "Euler", "Explicit", "FixedStep",
           "Heun", "Midpoint", "Rodas5P", "SequentialEuler", "SymplecticEuler", "Tsit5",
           "checked_method", "chosen"]


def chosen(method: Any, m: int, most: int) -> tuple[Any, Rodas5P | None]:
    """Return the method to begin with, and the one that takes over from it, if any.

    `m` is the number of equations, `most` the number up to which there may be a handover.
    """
    method = Automatic() if method is None else checked_method(method)
    if not isinstance(method, Automatic):
        return method, None
    explicit, stiff = method.pair
    return explicit, stiff if m <= most else None


def checked_method(method: Any) -> Any:
    """Return `method` if it is one, else refuse."""
    if isinstance(method, type) and issubclass(method, (FixedStep, Adaptive)):
        raise TypeError(f"method must be an instance, for example fo.{method.__name__}(...), got "
                        f"the class {method.__name__}")
    if not isinstance(method, (FixedStep, Adaptive)):
        raise TypeError("method must be a method such as fo.Euler(h=0.01) or "
                        f"fo.DOP853(rtol=1e-10), got {_check.shown(method)}")
    return method
