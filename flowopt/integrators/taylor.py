"""The Taylor method: the series of the solution, with steps decided from its coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.integrators import tableaus
from flowopt.integrators.methods import DOP853, Adaptive
from flowopt.integrators.tableaus import Series

#: orders that `Taylor` takes
LEAST_ORDER, MOST_ORDER = 4, 40


@dataclass(frozen=True)
class Taylor(Adaptive):
    """The Taylor series of the solution, of an order that the tolerance chooses.

    y(t + h) = Σ_k y_k h^k up to k = p. One kernel writes all coefficients, by recurrences made from
    the expressions of the field. The step is decided before it is taken: the term of order p is the
    tolerance, with a margin. The polynomial is the dense output.

    It is for smooth fields of few equations and for tight tolerances. The field must be made of
    expressions in ``+ - * / **``, sqrt, exp, log, (a)sin, (a)cos, (a)tan, their hyperbolic forms
    and erf; sign, Abs, Min, Max and Piecewise are followed through their switching surfaces. Motion
    along a surface, and the components that rest after a singular start, have no series: there
    `DOP853` with the same tolerances goes on. In the statistics an evaluation is one kernel of all
    coefficients. A trajectory ends, as DIVERGED or STEP_TOO_SMALL, where it has no series (√u or
    1/u at u = 0). Stiffness shortens the step as for every explicit method, but is not noted.

    Source: Jorba & Zou, Experimental Mathematics 14 (2005) 99, section 3.

    Parameters
    ----------
    rtol, atol : float
        Tolerances, relative and absolute (atol also (m,), one for each component).
    h0 : float, optional
        The most that the first step may be; by default it is estimated.
    max_step : float
        The longest step.
    order : int, optional
        The order p, from 4 to 40; by default 2 − 0.65 log(rtol).

    Examples
    --------
    >>> import flowopt as fo
    >>> pendulum = fo.VectorField(["v", "-sin(q)"], ["q", "v"])
    >>> traj = fo.integrate(pendulum, [1.0, 0.0], t=(0, 10), method=fo.Taylor(1e-13, 1e-13))
    >>> energy = traj.y[:, 1]**2 / 2 - np.cos(traj.y[:, 0])
    >>> bool(abs(energy - energy[0]).max() < 1e-13)
    True
    """

    order: int | None = None  # type: ignore[assignment,misc]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order is None:
            object.__setattr__(self, "order", order_of(self.rtol))
        _check.integer("order", self.order, at_least=LEAST_ORDER, at_most=MOST_ORDER)

    @property
    def tableau(self) -> Series:  # type: ignore[override]
        """The order, as the steppers are told it."""
        assert self.order is not None
        return tableaus.series(self.order)

    @property
    def instead(self) -> DOP853:
        """The method for motions that have no series."""
        return DOP853(self.rtol, self.atol, self.h0, self.max_step)

    def check(self, field: Any) -> None:
        """Refuse a field without a series, with a sentence."""
        if field.is_kernel:
            raise ValueError(f"Taylor needs a field of expressions, and {field.name} is made of "
                             "kernels; use fo.DOP853")
        field.series(self.order, 1)


def order_of(tolerance: float) -> int:
    """Return the order for a tolerance: 2 − 0.65 log(tolerance), rounded up.

    Jorba & Zou, section 3.2, have 1 − 0.5 log(tolerance), where the cost of a step is p²; sums that
    overlap make it grow slower, and longer steps at a higher order cheaper.
    """
    return min(max(int(np.ceil(2.0 - 0.65 * np.log(tolerance))), LEAST_ORDER), MOST_ORDER)
