"""Methods of fixed step: explicit Runge–Kutta, and splittings block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from flowopt import _check
from flowopt.integrators import tableaus
from flowopt.integrators.method import Explicit, FixedStep
from flowopt.integrators.tableaus import Tableau


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
