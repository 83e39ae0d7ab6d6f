"""Methods: how time is discretised. A method is data; the steppers live in `kernels`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from flowopt import _check
from flowopt.integrators import tableaus
from flowopt.integrators.tableaus import RosenbrockTableau, Tableau


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
class Euler(Explicit):
    """Explicit Euler, order 1: y⁺ = y + h F(t, y). Dense output: linear.

    Source: Hairer, Nørsett & Wanner, Solving ODEs I (1993), Eq. (II.1.1).

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["-y"], ["y"])
    >>> fo.integrate(field, [1.0], t=(0.0, 1.0), method=fo.Euler(h=0.25)).y[-1]
    array([0.31640625])
    """

    tableau: ClassVar[Tableau] = tableaus.EULER
    order: ClassVar[int] = 1


@dataclass(frozen=True)
class Heun(Explicit):
    """Heun's method (explicit trapezoidal rule), order 2.

    y⁺ = y + h/2 (F(t, y) + F(t + h, y + h F(t, y))). Dense output: quadratic.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["-y"], ["y"])
    >>> fo.integrate(field, [1.0], t=(0.0, 1.0), method=fo.Heun(h=0.5)).y[-1]
    array([0.390625])
    """

    tableau: ClassVar[Tableau] = tableaus.HEUN
    order: ClassVar[int] = 2


@dataclass(frozen=True)
class Midpoint(Explicit):
    """The explicit midpoint rule, order 2: y⁺ = y + h F(t + h/2, y + h/2 F(t, y)).

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["-y"], ["y"])
    >>> fo.integrate(field, [1.0], t=(0.0, 1.0), method=fo.Midpoint(h=0.5)).y[-1]
    array([0.390625])
    """

    tableau: ClassVar[Tableau] = tableaus.MIDPOINT
    order: ClassVar[int] = 2


@dataclass(frozen=True)
class RK4(Explicit):
    """The classical Runge–Kutta method, order 4. Dense output: cubic.

    Source: Kutta, Z. Math. Phys. 46 (1901) 435.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["-y"], ["y"])
    >>> traj = fo.integrate(field, [1.0], t=(0.0, 1.0), method=fo.RK4(h=0.1))
    >>> bool(abs(traj.y[-1, 0] - 0.36787944117) < 1e-6)
    True
    """

    tableau: ClassVar[Tableau] = tableaus.RK4
    order: ClassVar[int] = 4


@dataclass(frozen=True)
class SequentialEuler(FixedStep):
    """Gauss–Seidel Euler: the states first, then θ with the new states; order 1.

    Each block of the field (the states in their order, then θ) takes its Euler step with the
    newest values of the blocks before it. This, and not explicit Euler, is what Adam and its
    kin do. Dense output: linear. Needs a field with states.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    groups : sequence of sequences of str, optional
        Another order: names of states, and ``"theta"``. The groups are updated one after another,
        and the blocks of one group together, from the same values (Jacobi). By default each
        state is a group, in the order of the rule, and θ is the last.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.HeavyBall(gamma=1.0).on(fo.Loss("x**2/2"))
    >>> fo.integrate(field, [1.0], t=(0.0, 0.1), method=fo.SequentialEuler(h=0.1)).y[-1]
    array([ 0.99, -0.1 ])
    """

    groups: tuple[tuple[str, ...], ...] | None = None
    order: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.groups is None:
            return
        if isinstance(self.groups, str) or any(isinstance(g, str) for g in self.groups):
            raise TypeError("groups must be a sequence of sequences of names, such as "
                            f'(("m", "v"), ("theta",)), got {_check.shown(self.groups)}')
        object.__setattr__(self, "groups", tuple(tuple(g) for g in self.groups))

    def ordered(self, field: Any) -> list[tuple[str, ...]]:
        """Return the names of the blocks that are updated together, in their order."""
        names = [name for name, _, _ in field.blocks]
        if len(names) < 2:
            raise ValueError(f"{self.name} needs a field with states next to theta, and "
                             f"{field.name} has none; use Euler")
        if self.groups is None:
            return [*((name,) for name in names if name != "theta"), ("theta",)]
        if sorted(name for group in self.groups for name in group) != sorted(names):
            raise ValueError(f"groups must hold each of {', '.join(names)} exactly once, got "
                             f"{_check.shown(self.groups)}")
        return list(self.groups)

    def phases(self, field: Any) -> list[list[int]]:
        """Return the rows that are updated together, in the order in which they are updated."""
        groups = self.ordered(field)
        ranges = {name: range(a, b) for name, a, b in field.blocks}
        return [[row for name in group for row in ranges[name]] for group in groups]


@dataclass(frozen=True)
class SymplecticEuler(FixedStep):
    """Symplectic (semi-implicit) Euler on (q, v): first one half, then the other with it; order 1.

    ``first="v"``: v⁺ = v + h F_v(q, v), q⁺ = q + h F_q(q, v⁺). ``first="q"``: the other way round.
    For q̇ = v, v̇ = −∇L it preserves the symplectic form. The field must have as many velocities
    as positions: a flow with one state, or an ODE of even dimension ordered (q, v).

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    first : {"v", "q"}
        Which half moves first.

    Examples
    --------
    >>> import flowopt as fo
    >>> pendulum = fo.VectorField(["v", "-sin(q)"], ["q", "v"])
    >>> fo.integrate(pendulum, [0.5, 0.0], t=(0, 0.1), method=fo.SymplecticEuler(h=0.1)).y[-1]
    array([ 0.49520574, -0.04794255])
    """

    first: str = "v"
    order: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.choice("first", self.first, ("v", "q"))

    def phases(self, field: Any) -> list[list[int]]:
        """Return the rows that are updated together, in the order in which they are updated."""
        half = field.m // 2
        if field.m % 2 or (field.loss is not None and len(field.blocks) != 2):
            raise ValueError(f"{self.name} needs as many velocities as positions, and "
                             f"{field.name} has {field.m} equations in {len(field.blocks)} blocks")
        order = [list(range(half, field.m)), list(range(half))]
        return order if self.first == "v" else order[::-1]


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
    steps with more than 500 ahead; `Trajectory.method` says who did the work. It is made at most
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
