"""What a method is: how time is discretised, by steps of one length or of chosen ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from flowopt import _check
from flowopt.integrators.tableaus import Tableau


@dataclass(frozen=True)
class FixedStep:
    """A method of fixed step h > 0; the last step is shorter where h does not divide the span."""

    h: float
    order: ClassVar[float]
    stochastic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "h", _check.real("h", self.h, above=0.0))

    @property
    def name(self) -> str:
        """The name of the method."""
        return type(self).__name__

    def steps(self, start: float, end: float) -> tuple[int, float, float]:
        """Return the number of steps, the signed step, and the signed last step.

        A remainder below 1e-9 steps counts as rounding of the span.
        """
        span = end - start
        count = abs(span) / self.h
        if count > 2**53:
            raise ValueError(f"h must be larger: the span {abs(span):g} takes {count:.3g} steps of "
                             f"h={self.h:g}")
        total = max(1, int(np.ceil(count * (1 - 1e-15) - 1e-9)))
        signed = self.h if span > 0 else -self.h
        last = span - (total - 1) * signed
        return total, signed, signed if abs(last - signed) <= 1e-9 * self.h else last


@dataclass(frozen=True)
class Explicit(FixedStep):
    """An explicit Runge–Kutta method of fixed step."""

    tableau: ClassVar[Tableau]


@dataclass(frozen=True)
class Adaptive:
    """An embedded pair with step control.

    The error of a step is measured in units of atol + rtol |y|, root mean square over the
    components; the controller is proportional–integral (Gustafsson).
    """

    rtol: float = 1e-8
    atol: Any = 1e-10
    h0: float | None = None
    max_step: float = float("inf")
    tableau: ClassVar[Any]
    order: ClassVar[int]
    #: the |hλ| at which an explicit method is taken to be at the end of its stability
    stable: ClassVar[float] = 0.0
    stochastic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        rtol = _check.real("rtol", self.rtol, above=0.0)
        if rtol < 2.3e-14 or rtol > 0.1:
            raise ValueError("rtol must lie between 2.3e-14 (a hundred roundings) and 0.1, got "
                             f"{rtol:g}")
        object.__setattr__(self, "rtol", rtol)
        atol = _check.array("atol", self.atol, "() or (m,)", (0, 1))
        if not (atol > 0).all():
            raise ValueError(f"atol must be > 0, got {_check.shown(self.atol)}")
        object.__setattr__(self, "atol", float(atol) if atol.ndim == 0 else tuple(atol.tolist()))
        if self.h0 is not None:
            object.__setattr__(self, "h0", _check.real("h0", self.h0, above=0.0))
        object.__setattr__(self, "max_step",
                           _check.real("max_step", self.max_step, above=0.0, finite=False))
        if self.h0 is not None and self.h0 > self.max_step:
            raise ValueError(f"h0 must be at most max_step={self.max_step:g}, got {self.h0:g}")

    @property
    def name(self) -> str:
        """The name of the method."""
        return type(self).__name__

    def tolerances(self, m: int) -> np.ndarray:
        """Return atol for each of m components."""
        if isinstance(self.atol, float):
            return np.full(m, self.atol)
        atol = np.asarray(self.atol, dtype=float)
        if atol.ndim == 1 and len(atol) != m:
            raise ValueError(f"atol must be a number or have shape ({m},), got shape {atol.shape}")
        return np.ascontiguousarray(np.broadcast_to(atol, (m,)))
