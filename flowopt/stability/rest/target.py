"""What `equilibria` and `basins` are asked about: an autonomous field with exact numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check


@dataclass(frozen=True)
class Target:
    """An autonomous field over exact numbers.

    Attributes
    ----------
    field : VectorField
        The field; for a loss, its gradient flow.
    equations : tuple of sympy.Expr
        F with the parameters put in, rational where they are finite.
    variables : tuple of sympy.Symbol
        The components of y.
    values : dict
        The exact value of each parameter, by name.
    loss : sympy.Expr or None
        L with the parameters put in.
    about_loss : bool
        Whether a `Loss` was given: its critical points are asked for.
    """

    field: Any
    equations: tuple[Any, ...]
    variables: tuple[Any, ...]
    values: Mapping[str, Any]
    loss: Any
    about_loss: bool

    @property
    def n(self) -> int:
        """The dimension of θ."""
        return int(self.field.n)


def target(given: Any, name: str = "field") -> Target:
    """Return the field of a VectorField or a Loss, or refuse in one sentence."""
    from flowopt.flows.catalogue import GradientFlow
    from flowopt.flows.field import VectorField
    from flowopt.flows.flow import Flow
    from flowopt.losses.loss import KernelLoss, Loss

    if isinstance(given, Flow):
        raise TypeError(f"{name} must be a VectorField or a Loss, got a Flow without a loss; put "
                        "it on one with flow.on(loss)")
    if isinstance(given, str) or not isinstance(given, (VectorField, Loss)):
        raise TypeError(f"{name} must be a VectorField or a Loss, got {_check.shown(given)}")
    kernel = isinstance(given, KernelLoss) or getattr(given, "is_kernel", False)
    if kernel:
        raise ValueError(f"{name} must be given by expressions, and {given.name} is made of "
                         "compiled functions; write it as a text")
    about_loss = isinstance(given, Loss)
    made: Any = GradientFlow().on(given) if about_loss else given
    system = made.system
    values = exact_values(made.parameters)
    put = {s: values[str(s)] for s in system.parameters}
    equations = tuple(placed(e, put) for e in made.equations)
    if any(e.has(system.time) for e in equations):
        raise ValueError(f"{name} must not depend on time, and {made.name} holds "
                         f"{system.time}; fix the time, or leave out what depends on it")
    loss = None
    if made.loss is not None:
        expr, _, symbols = made.loss._real
        loss = placed(expr, {s: values[n] for n, s in symbols.items()})
    return Target(made, equations, tuple(system.variables), values, loss, about_loss)


def exact_values(parameters: Mapping[str, float]) -> dict[str, Any]:
    """Return parameters as exact numbers: rationals, or an infinity."""
    import sympy

    from flowopt.stability.exact import rational

    made = {}
    for name, value in parameters.items():
        if value != value:
            raise ValueError(f"the parameter {name} must be a number, got nan")
        made[name] = rational(value) if abs(value) < float("inf") else (
            sympy.oo if value > 0 else -sympy.oo)
    return made


def placed(expr: Any, put: Mapping[Any, Any]) -> Any:
    """Return an expression with parameters put in, infinite ones by their limits."""
    import sympy

    finite = {s: v for s, v in put.items() if v.is_Rational}
    made = sympy.sympify(expr).xreplace(finite)
    for s, v in put.items():
        if s not in finite:
            made = made.subs(s, v)
    return made


def checked_box(box: Any, variables: tuple[Any, ...], n: int) -> list[tuple[Any, Any]] | None:
    """Return the box as pairs of exact numbers for θ (or for all of y), or refuse."""
    from flowopt.stability.exact import fraction

    if box is None:
        return None
    m = len(variables)
    wanted = f"a pair (low, high) for each of the {n} coordinates" + (
        f" (or of the {m} with states)" if m != n else "")
    try:
        rows = [list(r) for r in ([box] if n == 1 and np.ndim(box) == 1 else box)]
    except (TypeError, ValueError):
        raise TypeError(f"box must be {wanted}, got {_check.shown(box)}") from None
    if len(rows) not in (n, m) or any(len(r) != 2 for r in rows):
        raise ValueError(f"box must be {wanted}, got {_check.shown(box)}")
    made = []
    for k, (low, high) in enumerate(rows):
        a = _check.real(f"box[{k}][0]", low)
        b = _check.real(f"box[{k}][1]", high)
        if not a < b:
            raise ValueError(f"box[{k}] must have its lower end first, got ({low}, {high})")
        made.append((fraction(low), fraction(high)))
    return made
