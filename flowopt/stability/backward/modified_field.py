"""From a modified equation to a vector field that can be integrated."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import sympy

from flowopt import _check
from flowopt.flows.field import VectorField
from flowopt.losses.loss import KernelLoss, Loss
from flowopt.stability.backward.jets import OnLoss
from flowopt.symbolic.names import exact
from flowopt.symbolic.regimes import NONSMOOTH


def checked_loss(loss: Any) -> Loss:
    """Return a loss that is an expression."""
    loss = Loss(loss) if isinstance(loss, str) else loss
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a flowopt.Loss or a string, got {_check.shown(loss)}")
    if isinstance(loss, KernelLoss):
        raise ValueError(f"the loss {loss.name} is a kernel and has no expression; give it as an "
                         "expression for anything symbolic")
    if loss._real[0].has(*NONSMOOTH):
        raise ValueError(f"the loss {loss.name} has kinks, where it has no second derivative; give "
                         "a smooth one")
    return loss


def step_of(made: Any, h: float | None) -> float:
    """Return the value of the step, given or that of the method."""
    if h is not None:
        return _check.real("h", h, above=0.0)
    if made.step_size is None:
        raise ValueError(f"h must be given, as the method of {made.name} has no step of its own; "
                         "use .on(loss, h=...) or a method of fixed step")
    return float(made.step_size)


def coordinates(made: Any, loss: Loss) -> tuple[OnLoss, dict[Any, list[Any]], list[Any]]:
    """Return the calculus on a loss, the symbols of the states, and all variables."""
    from flowopt.flows.coordinate_names import CoordinateNames

    expr, variables, _ = loss._real
    states = [key for key in made.terms[0] if key != "theta"]
    names = list(CoordinateNames(loss, tuple(states)))
    n = len(variables)
    symbols = {sympy.Symbol(s, real=True): [sympy.Symbol(name, real=True)
                                            for name in names[(k + 1) * n:(k + 2) * n]]
               for k, s in enumerate(states)}
    taken = {*names, *loss.parameters, *made.parameters, str(made.step)}
    names_of_time = itertools.chain(("t", "time"), map("time{}".format, itertools.count()))
    time = next(name for name in names_of_time if name not in taken)
    return OnLoss(expr, variables, symbols, sympy.Symbol(time, real=True)), symbols, [
        *variables, *(v for block in symbols.values() for v in block)]


def on_loss(made: Any, loss: Any, h: float | None) -> VectorField:
    """Return the modified field of a flow on a loss."""
    loss = checked_loss(loss)
    size = step_of(made, h)
    if both := sorted({*made.parameters, str(made.step)} & {*loss.parameters, *loss.names}):
        raise ValueError(f"the flow and the loss both have a name {both[0]}; rename it in the "
                         "loss")
    calculus, _, variables = coordinates(made, loss)
    equations = [calculus.coordinate(made.rules[key], i)
                 for key in made.terms[0] for i in range(loss.n)]
    values = {**loss.parameters, **made.parameters, str(made.step): size}
    return _field(made, equations, variables, values, str(calculus.time), loss)


def of_equations(made: Any, h: float | None) -> VectorField:
    """Return the modified field of an ODE."""
    values = {**made.parameters, str(made.step): step_of(made, h)}
    return _field(made, list(made.rules.values()), list(made.source.symbols), values,
                  made.source.time_name, None)


def _field(made: Any, equations: list[Any], variables: list[Any], values: dict[str, float],
           time: str, loss: Loss | None) -> VectorField:
    held = {str(s) for e in equations for s in e.free_symbols}
    field = VectorField([exact(e) for e in equations], [str(v) for v in variables], time=time,
                        parameters={k: v for k, v in values.items() if k in held},
                        name=f"modified {made.name}")
    if loss is not None:
        field = copy.copy(field)
        field.loss, field.n = loss, loss.n
        keys = list(made.terms[0])
        field.blocks = tuple((key, k * loss.n, (k + 1) * loss.n) for k, key in enumerate(keys))
    return field


def settled(made: Any, loss: Any, x0: Any, h: float | None) -> np.ndarray:
    """Return θ and the states that a reduced equation gives them at θ = x0."""
    if not made.states:
        raise ValueError(f"{made.name} has no states that settle; use a reduced equation of an "
                         "optimizer with memory")
    loss, size = checked_loss(loss), step_of(made, h)
    eta = made.step ** sympy.Rational(made.order + 1, len(next(iter(made.states.values()))))
    x = np.atleast_1d(_check.array("x0", x0, f"({loss.n},)", (0, 1)))
    if len(x) != loss.n:
        raise ValueError(f"x0 must have shape ({loss.n},), got shape {x.shape}")
    expr, variables, own = loss._real
    calculus = OnLoss(expr, variables, {})
    at = dict(zip(variables, x.tolist(), strict=True))
    at |= {own[k]: v for k, v in loss.parameters.items()}
    values = {**made.parameters, str(made.step): size}
    found = []
    for parts in made.states.values():
        series = sympy.Add(*[eta**j * part for j, part in enumerate(parts)])
        for i in range(loss.n):
            e = calculus.coordinate(series, i)
            held = {s: values[str(s)] for s in e.free_symbols if str(s) in values}
            found.append(float(e.subs({**at, **held})))
    return np.concatenate([x, found])
