"""Methods that keep a structure of the flow: implicit Euler, conformal leapfrog, discrete gradient.

Their steppers are in kernels/implicit.py and kernels/conformal.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from flowopt import _adapters, _check, _native
from flowopt.integrators import structure
from flowopt.integrators.kernels import newton_places as places
from flowopt.integrators.methods import FixedStep
from flowopt.integrators.status import Status

#: equations beyond which a step's linear system goes to LAPACK
LARGE = 64


@dataclass
class Head:
    """The first arguments of a stepper, and what they refer to."""

    stepper: str
    arguments: tuple[Any, ...]
    table: np.ndarray = field(default_factory=lambda: np.zeros(places.JUMPS, dtype=np.int64))
    why: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    keep: tuple[Any, ...] = ()

    @property
    def evaluations(self) -> tuple[int, int]:
        """Evaluations of F and of its Jacobian, counted by the stepper."""
        return int(self.table[places.RHS_COUNT]), int(self.table[places.JACOBIAN_COUNT])

    def status(self, lane: int) -> Status:
        """Return why a lane ended early."""
        ended = self.why[lane] == places.NOT_CONVERGED
        return Status.NOT_CONVERGED if ended else Status.DIVERGED

    def raise_pending(self) -> None:
        """Raise what went wrong in a callback."""
        _adapters.raise_pending(self.keep, "the linear solver")


@dataclass(frozen=True)
class Structured(FixedStep):
    """A method of fixed step with a stepper of its own."""

    def check(self, vector_field: Any) -> None:
        """Refuse a field that the method has no meaning for."""
        raise NotImplementedError

    def head(self, vector_field: Any, width: int) -> Head:
        """Return the first arguments of the stepper for blocks of `width` lanes."""
        raise NotImplementedError


def implicit_head(stepper: str, vector_field: Any, width: int, potential: int,
                  jumps: list[int]) -> Head:
    """Return the arguments of an implicit stepper: its table, the sizes come later."""
    m, surfaces, one = vector_field.m, vector_field.surfaces, vector_field.address
    parameters = max(1, len(vector_field.parameters))
    equations = m + len(jumps)
    table = np.zeros(places.JUMPS + max(1, surfaces), dtype=np.int64)
    context = vector_field.context(1)
    smooth = "smooth" if jumps else "rhs"
    table[[places.RHS, places.CONTEXT, places.POTENTIAL, places.DESCENDS]] = (
        one(smooth, 1), _native.address(context), potential, potential != 0)
    if stepper != "itoh_abe" and not vector_field.is_kernel:
        table[places.JACOBIAN] = one("jacobian", 1)
    if jumps:
        table[[places.SURFACE, places.RATES]] = one("surfaces", 1), one("surface_rates", 1)
        table[places.JUMPS:] = jumps
    table[[places.ROWS, places.SURFACES, places.PARAMETERS]] = (
        m, len(jumps), len(vector_field.parameters))
    keep: tuple[Any, ...] = (context,)
    if equations > LARGE and stepper != "itoh_abe":
        solver = lapack(equations)
        table[places.SOLVER] = solver.address
        keep += (solver,)
    matrix = 1 if stepper == "itoh_abe" else equations**2
    lengths = {places.T1: 1, places.P1: parameters, places.SIDE: max(1, surfaces), places.Y: m,
               places.Z: m, places.TRIAL: m, places.F: m, places.G: equations,
               places.D: 2 * equations, places.A: matrix,
               places.J: 3 * m * m if jumps else 2 * matrix, places.PIVOTS: equations,
               places.SPARE: 5 * m + 1}
    if jumps:
        lengths |= {places.U: surfaces, places.TRIAL_U: surfaces, places.PSI: surfaces,
                    places.PSI_RATES: surfaces * (m + 1), places.JUMP: surfaces * m,
                    places.RHO: surfaces}
    else:
        lengths[places.U] = m  # a state that the curve of kernels/midway.py comes back to
    work = _native.aligned(sum(lengths.values()))
    at = _native.address(work)
    for place, length in lengths.items():
        table[place] = at
        at += 8 * length
    why = np.zeros(width, dtype=np.int64)
    return Head(stepper, (table,), table, why, (*keep, work))


def lapack(equations: int) -> _adapters.Callback:
    """Return the kernel that solves A x = b by LAPACK: y is A, p is b, and the result is x."""

    def point(t: float, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        try:
            return np.linalg.solve(a.reshape(equations, equations), b)
        except np.linalg.LinAlgError:  # singular
            return np.full(equations, np.nan)

    return _adapters.callback(equations**2, equations, equations, 1, point)


@dataclass(frozen=True)
class ImplicitEuler(Structured):
    """Implicit Euler, order 1: y⁺ = y + h F(t + h, y⁺). Dense output: linear.

    On a gradient flow it is the proximal-point map: y⁺ minimises L(z) + |z − y|²/(2h). Newton's
    method with the exact Jacobian descends on that objective from z = y, hence L(y⁺) + |y⁺ −
    y|²/(2h) <= L(y) for any step. Where h > 1/|λmin| of a negative curvature, the objective can
    have several minima: the result is the one to which the descent from y leads, and a y at
    which ∇L = 0 stays. On other fields Newton's method descends on the residual; where that
    fails, the solution is followed from h = 0 on.

    Where F jumps on a surface, the step solves the inclusion y⁺ ∈ y + h F(y⁺) with Filippov's set:
    for the sign flow, y⁺ is the least point of L in the box |z − y| <= h, so a minimum is reached
    exactly, without chatter.

    A step for which no solution is found ends the run as NOT_CONVERGED. Linear systems of up
    to 64 equations are solved by elimination in the compiled stepper, larger ones by LAPACK.

    Source: Hairer & Wanner, Solving ODEs II (1996), IV.3; Rockafellar, SIAM J. Control Optim. 14
    (1976) 877; Acary & Brogliato, Numerical Methods for Nonsmooth Dynamical Systems (2008), 9.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.

    Examples
    --------
    >>> import flowopt as fo
    >>> bowl = fo.flows.GradientFlow().on(fo.Loss("x**2/2"))
    >>> fo.integrate(bowl, [3.0], t=(0.0, 4.0), method=fo.ImplicitEuler(h=2.0)).x[:, 0].round(6)
    array([3.      , 1.      , 0.333333])
    >>> sign = fo.flows.SignFlow().on(fo.Loss("x**2/2"))
    >>> fo.integrate(sign, [1.0], t=(0.0, 2.0), method=fo.ImplicitEuler(h=0.4)).x[:, 0].round(6)
    array([1. , 0.6, 0.2, 0. , 0. , 0. ])
    """

    order: ClassVar[int] = 1

    def check(self, vector_field: Any) -> None:
        """Refuse a field whose surfaces are not known."""
        if getattr(vector_field, "nonsmooth", False):
            raise ValueError(f"{self.name} needs to know where the field jumps, and that of "
                             f"{vector_field.name} is hidden in a kernel; give the loss as an "
                             "expression")

    def head(self, vector_field: Any, width: int) -> Head:
        """Return the first arguments of the stepper."""
        _, kernel = structure.potential(vector_field)
        return implicit_head("implicit_euler", vector_field, width, kernel,
                             structure.jumping(vector_field))


@dataclass(frozen=True)
class DiscreteGradient(Structured):
    """A discrete gradient method for θ̇ = −∇L: (x⁺ − x)/h = −DG(x, x⁺). Dense output: linear.

    A discrete gradient obeys DG(x, z)·(z − x) = L(z) − L(x), so at any step h

        L(x⁺) − L(x) = −|x⁺ − x|²/h.

    ``kind="gonzalez"`` (order 2): DG = ∇L(m) + (L(z) − L(x) − ∇L(m)·d) d/|d|², m = (x + z)/2,
    d = z − x; Newton's method with the exact Hessian. At large steps the solution next to x can
    disappear, and then the run may end as NOT_CONVERGED. ``kind="itoh-abe"`` (order 1): one
    coordinate after another, DGᵢ = (L(z₁…zᵢ, x_{i+1}…) − L(z₁…z_{i−1}, xᵢ…))/(zᵢ − xᵢ); a
    bracketed root of one unknown at a time, found for every loss bounded below and every step,
    with kinks or without.

    For θ̇ = −c ∇L, c L takes the place of L.

    Source: Gonzalez, J. Nonlinear Sci. 6 (1996) 449, Eq. (3.6); Itoh & Abe, J. Comput. Phys. 76
    (1988) 85; McLachlan, Quispel & Robidoux, Phil. Trans. R. Soc. A 357 (1999) 1021, Eqs. (3.3)
    and (3.5); Grimm, McLachlan, McLaren, Quispel & Schönlieb, J. Phys. A 50 (2017) 295201.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    kind : {"gonzalez", "itoh-abe"}
        Which discrete gradient.

    Examples
    --------
    >>> import flowopt as fo
    >>> well = fo.flows.GradientFlow().on(fo.Loss("(x**2 - 1)**2/4"))
    >>> traj = fo.integrate(well, [2.0], t=(0.0, 1.0), method=fo.DiscreteGradient(h=1.0))
    >>> x, L = traj.x[:, 0], traj.loss
    >>> bool(abs(L[1] - L[0] + (x[1] - x[0])**2/1.0) < 1e-15)
    True
    """

    kind: str = "gonzalez"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.choice("kind", self.kind, ("gonzalez", "itoh-abe"))

    @property
    def order(self) -> int:  # type: ignore[override]
        """The order: 2, or 1 for Itoh and Abe."""
        return 2 if self.kind == "gonzalez" else 1

    def check(self, vector_field: Any) -> None:
        """Refuse what is no gradient flow."""
        reason, _ = structure.potential(vector_field)
        if reason:
            raise ValueError(f"{self.name} needs a gradient flow, a constant times -grad L, on a "
                             f"loss given as an expression, and {vector_field.name} is none: "
                             f"{reason}")
        if self.kind == "gonzalez" and vector_field.surfaces:
            raise ValueError(f"kind='gonzalez' needs a smooth loss, and that of "
                             f"{vector_field.name} has kinks; use kind='itoh-abe'")

    def head(self, vector_field: Any, width: int) -> Head:
        """Return the first arguments of the stepper."""
        _, kernel = structure.potential(vector_field)
        return implicit_head(self.kind.replace("-", "_"), vector_field, width, kernel, [])


@dataclass(frozen=True)
class ConformalLeapfrog(Structured):
    """Conformal leapfrog for q̇ = v, v̇ = −γ v + f(q), order 2. Dense output: linear.

    The friction is solved exactly around a leapfrog step; with c = e^{−γh/2},

        v' = c v + h/2 f(q),   q⁺ = q + h v',   v⁺ = c (v' + h/2 f(q⁺)).

    Each step contracts the symplectic form dq∧dv by exactly e^{−γh}, as the flow does. γ is a
    number or a parameter, 0 allowed; the field is recognised from its expressions.

    Source: Bhatt, Floyd & Moore, J. Sci. Comput. 66 (2016) 1234 (conformal Störmer–Verlet);
    França, Sulam, Robinson & Vidal, J. Stat. Mech. (2020) 124008.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.

    Examples
    --------
    >>> import flowopt as fo
    >>> ball = fo.flows.HeavyBall(gamma=0.5).on(fo.Loss("x**2/2"))
    >>> fo.integrate(ball, [1.0], t=(0.0, 0.2), method=fo.ConformalLeapfrog(h=0.2)).y[-1].round(6)
    array([ 0.98    , -0.188343])
    """

    order: ClassVar[int] = 2

    def check(self, vector_field: Any) -> None:
        """Refuse what is not momentum with linear friction."""
        reason, _ = structure.force(vector_field, 1)
        if reason:
            raise ValueError(f"{self.name} needs a field q' = v, v' = -gamma v + f(q), and "
                             f"{vector_field.name} is none: {reason}; use SymplecticEuler or an "
                             "adaptive method")

    def head(self, vector_field: Any, width: int) -> Head:
        """Return the first arguments of the stepper."""
        _, kernel = structure.force(vector_field, width)
        return Head("conformal", (kernel, vector_field.context(width)),
                    why=np.zeros(width, dtype=np.int64))
