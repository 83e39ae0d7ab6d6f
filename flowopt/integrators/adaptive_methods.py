"""Methods that choose their steps: embedded pairs, and one for stiff fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from flowopt.integrators import tableaus
from flowopt.integrators.method import Adaptive
from flowopt.integrators.tableaus import RosenbrockTableau, Tableau


@dataclass(frozen=True)
class Dopri5(Adaptive):
    """Dormand and Prince's pair of orders 5(4), with the quartic of Shampine as dense output.

    Source: Dormand & Prince, J. Comput. Appl. Math. 6 (1980) 19.

    Parameters
    ----------
    rtol, atol : float
        Tolerances, relative and absolute (atol also (m,), one for each component).
    h0 : float, optional
        The first step; by default it is estimated.
    max_step : float
        The longest step.

    Examples
    --------
    >>> import flowopt as fo
    >>> traj = fo.integrate(fo.VectorField(["-y"], ["y"]), [1.0], t=(0, 1), method=fo.Dopri5())
    >>> bool(abs(traj.y[-1, 0] - 0.36787944117144233) < 1e-8)
    True
    """

    tableau: ClassVar[Tableau] = tableaus.DOPRI5
    stable: ClassVar[float] = 3.25
    order: ClassVar[int] = 5


@dataclass(frozen=True)
class Tsit5(Adaptive):
    """Tsitouras' pair of orders 5(4) with its quartic dense output.

    Source: Tsitouras, Comput. Math. Appl. 62 (2011) 770, Table 1.

    Parameters
    ----------
    rtol, atol : float
        Tolerances, relative and absolute (atol also (m,), one for each component).
    h0 : float, optional
        The first step; by default it is estimated.
    max_step : float
        The longest step.

    Examples
    --------
    >>> import flowopt as fo
    >>> traj = fo.integrate(fo.VectorField(["-y"], ["y"]), [1.0], t=(0, 1), method=fo.Tsit5())
    >>> bool(abs(traj.y[-1, 0] - 0.36787944117144233) < 1e-8)
    True
    """

    tableau: ClassVar[Tableau] = tableaus.TSIT5
    stable: ClassVar[float] = 3.25
    order: ClassVar[int] = 5


@dataclass(frozen=True)
class DOP853(Adaptive):
    """Dormand and Prince's method of order 8 with errors of orders 5 and 3 (Hairer's DOP853).

    Dense output of order 7 with three extra evaluations.
    Source: Hairer, Nørsett & Wanner, Solving ODEs I (1993), II.5 and the code dop853.

    Parameters
    ----------
    rtol, atol : float
        Tolerances, relative and absolute (atol also (m,), one for each component).
    h0 : float, optional
        The first step; by default it is estimated.
    max_step : float
        The longest step.

    Examples
    --------
    >>> import flowopt as fo
    >>> traj = fo.integrate(fo.VectorField(["-y"], ["y"]), [1.0], t=(0, 1), method=fo.DOP853())
    >>> bool(abs(traj.y[-1, 0] - 0.36787944117144233) < 1e-9)
    True
    """

    tableau: ClassVar[Tableau] = tableaus.DOP853
    stable: ClassVar[float] = 6.1
    order: ClassVar[int] = 8


@dataclass(frozen=True)
class Rodas5P(Adaptive):
    """Steinebach's Rosenbrock method of orders 5(4), for stiff fields.

    A-stable, L-stable and stiffly accurate. Each step evaluates the Jacobian once and solves eight
    linear systems with one matrix I/γ − h ∂F/∂y. The Jacobian and ∂F/∂t are exact for a field of
    expressions; for a field of kernels they are differences, or the Jacobian that it was given.
    Dense output of order 4.

    The systems are solved by our own LU up to 48 equations, and by LAPACK up to 2000 (whose
    threads the variable OPENBLAS_NUM_THREADS sets; one is best on a busy machine). Beyond, the
    field must be one of kernels: a Jacobian returned as a scipy.sparse matrix has a sparse LU, and
    without a Jacobian the systems are solved by GMRES.

    Source: G. Steinebach, BIT Numer. Math. 63 (2023) 27; Hairer & Wanner, Solving ODEs II (1996),
    Eq. (IV.7.4).

    Parameters
    ----------
    rtol, atol : float
        Tolerances, relative and absolute (atol also (m,), one for each component).
    h0 : float, optional
        The first step; by default it is estimated.
    max_step : float
        The longest step.

    Examples
    --------
    >>> import flowopt as fo
    >>> stiff = fo.VectorField(["-1e6*(y - cos(t)) - sin(t)"], ["y"])
    >>> traj = fo.integrate(stiff, [1.0], t=(0.0, 1.0), method=fo.Rodas5P())
    >>> bool(abs(traj.y[-1, 0] - 0.5403023058681398) < 1e-9), traj.stats.n_steps < 40
    (True, True)
    """

    tableau: ClassVar[RosenbrockTableau] = tableaus.RODAS5P
    order: ClassVar[int] = 5


@dataclass(frozen=True)
class Automatic(Adaptive):
    """`DOP853`, which hands over to `Rodas5P` where the field turns out to be stiff: the default.

    The handover is decided in the stepper, by h|λ| at the end of the stability of DOP853 in 15
    steps with more than 500 ahead; ``Trajectory.method`` says who did the work. It is made at most
    once in a run, and is the same in an ensemble. With more than 2000 equations DOP853 stays, and
    says that it is limited.

    Source of the test: Hairer & Wanner, Solving ODEs II (1996), section IV.2.

    Parameters
    ----------
    rtol, atol : float
        Tolerances of both, relative and absolute (atol also (m,), one for each component).
    h0 : float, optional
        The first step; by default it is estimated.
    max_step : float
        The longest step.

    Examples
    --------
    >>> import flowopt as fo
    >>> stiff = fo.VectorField(["-1e6*(y - cos(t)) - sin(t)"], ["y"])
    >>> run = fo.integrate(stiff, [1.0], t=(0.0, 1.0), method=fo.Automatic(rtol=1e-6, atol=1e-9))
    >>> run.method.startswith("DOP853 to t="), run.method.endswith("then Rodas5P")
    (True, True)
    """

    order: ClassVar[int] = 8

    @property
    def pair(self) -> tuple[DOP853, Rodas5P]:
        """The two methods."""
        given = self.rtol, self.atol, self.h0, self.max_step
        return DOP853(*given), Rodas5P(*given)
