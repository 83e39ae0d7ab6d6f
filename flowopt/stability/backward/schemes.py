"""Methods as Runge–Kutta schemes in exact numbers: what backward error analysis starts from.

A splitting is a partitioned Runge–Kutta method: group g moves in stage g, by the slope at the
point where the groups before it have moved already; so a stage i sees the slope of group g with
the weight 1 if g < i, else 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt import _check
from flowopt.integrators.method import Adaptive, FixedStep
from flowopt.integrators.methods import SequentialEuler, SymplecticEuler
from flowopt.integrators.structured import ImplicitEuler
from flowopt.integrators.tableaus import Tableau
from flowopt.stability.backward.trees import Scheme

#: the block of time; no variable can have this name
TIME = "t[]"


def runge_kutta(a: Sequence[Sequence[Any]], b: Sequence[Any], name: str = "Runge-Kutta",
                order: int = 1) -> Scheme:
    """Return the scheme of a Runge–Kutta method, explicit or implicit.

    Parameters
    ----------
    a : sequence of sequences, shape (S, S)
        The matrix; numbers or text such as "1/2".
    b : sequence, length S
        The weights.
    name : str
        A name.
    order : int, >= 1
        Its order.

    Examples
    --------
    >>> import flowopt as fo
    >>> implicit = runge_kutta([["1/2"]], ["1"], "implicit midpoint", order=2)
    >>> fo.modified_equation(fo.flows.GradientFlow(), implicit, order=2).terms[2]["theta"]
    -D2L(D2L(g))/12 + D3L(g, g)/24
    """
    weights = tuple(_number("b", v) for v in b)
    if len(a) != len(weights) or any(len(row) != len(weights) for row in a):
        raise ValueError(f"a must have shape ({len(weights)}, {len(weights)}), as b has "
                         f"{len(weights)} entries, got rows of length {[len(r) for r in a]}")
    matrix = tuple(tuple(_number("a", v) for v in row) for row in a)
    order = _check.integer("order", order, at_least=1)
    return Scheme(name, (), (matrix,), (weights,), order)


def _number(name: str, value: Any) -> Fraction:
    try:
        return Fraction(repr(value) if isinstance(value, float) else value)
    except (TypeError, ValueError, ZeroDivisionError):
        raise ValueError(f"each entry of {name} must be a rational number or text such as '1/2', "
                         f"got {_check.shown(value)}") from None


def scheme_of(method: Any, blocks: Sequence[str] = (), field: Any = None) -> Scheme:
    """Return the scheme of a method.

    Parameters
    ----------
    method : Method, Tableau or Scheme
        An explicit Runge–Kutta method (adaptive pairs: their advancing formula, at a fixed step),
        ImplicitEuler, SequentialEuler, SymplecticEuler; or a `Tableau`, or `runge_kutta(a, b)`.
    blocks : sequence of str
        The blocks of the field, for splittings.
    field : VectorField, optional
        The field, for splittings by rows.
    """
    if isinstance(method, type) and issubclass(method, (FixedStep, Adaptive)):
        raise TypeError(f"method must be an instance, for example fo.{method.__name__}(...), got "
                        f"the class {method.__name__}")
    step = getattr(method, "h", None) if isinstance(method, FixedStep) else None
    if isinstance(method, Scheme):
        return method
    if isinstance(method, ImplicitEuler):
        one = Fraction(1)
        return Scheme("ImplicitEuler", (), (((one,),),), ((one,),), 1, step=step)
    if type(method) in (SequentialEuler, SymplecticEuler):
        return splitting(method.name, _groups(method, blocks, field), step)
    tableau = method if isinstance(method, Tableau) else getattr(method, "tableau", None)
    if isinstance(tableau, Tableau) and (not isinstance(method, FixedStep) or
                                         not method.stochastic):
        return _of_tableau(tableau, step)
    raise TypeError("method must be an explicit Runge-Kutta method, ImplicitEuler, "
                    "SequentialEuler, SymplecticEuler, a Tableau or "
                    f"fo.stability.runge_kutta(a, b), got {_check.shown(method)}; try "
                    "fo.Euler(h=0.01)")


def _of_tableau(tableau: Tableau, step: float | None) -> Scheme:
    stages = tableau.stages
    rows = tuple(tuple(Fraction(v) for v in row) + (Fraction(0),) * (stages - len(row))
                 for row in tableau.a)
    weights = tuple(Fraction(v) for v in tableau.b)
    rounded = any("." in v for row in (*tableau.a, tableau.b) for v in row)
    return Scheme(tableau.name, (), (rows,), (weights,), tableau.order, rounded, step)


def splitting(name: str, groups: Sequence[Sequence[str]], step: float | None = None) -> Scheme:
    """Return the scheme in which groups of blocks take Euler steps one after another.

    Time comes last: all groups see the time at the start of the step.

    Examples
    --------
    >>> splitting("SequentialEuler", [("v",), ("theta",)]).groups
    (('v',), ('theta', 't[]'))
    """
    made = [tuple(group) for group in groups]
    made[-1] = (*made[-1], TIME)
    stages = range(len(made))
    a = tuple(tuple(tuple(Fraction(int(j == g and g < i)) for j in stages) for i in stages)
              for g in stages)
    b = tuple(tuple(Fraction(int(j == g)) for j in stages) for g in stages)
    return Scheme(name, tuple(made), a, b, 1, step=step)


def _groups(method: Any, blocks: Sequence[str], field: Any) -> list[tuple[str, ...]]:
    if isinstance(method, SequentialEuler):
        return list(method.ordered(_Blocks(blocks) if field is None else field))
    if len(blocks) != 2:
        if field is None or field.m % 2:
            raise ValueError("SymplecticEuler needs as many velocities as positions, got the "
                             f"blocks {', '.join(blocks)}; use SequentialEuler")
        return [tuple(field.names[i] for i in rows) for rows in method.phases(field)]
    position, velocity = blocks
    return [(velocity,), (position,)] if method.first == "v" else [(position,), (velocity,)]


class _Blocks:
    """The names of blocks, as `SequentialEuler.ordered` asks a field for them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.blocks = [(name, 0, 0) for name in names]
        self.name = "the flow"
