"""Penalties of an optimizer: coupled L2, decoupled decay, and L1 as subgradient or proximal."""

from __future__ import annotations

from dataclasses import replace

from flowopt import _check
from flowopt.integrators.composed import Shrink
from flowopt.integrators.structured import ImplicitEuler
from flowopt.optimizers.first_order import newton
from flowopt.optimizers.optimizer import Optimizer
from flowopt.optimizers.rewrite import (
    composable,
    free,
    names_of,
    noted,
    rebuilt,
    replaced,
    splitting,
    texts,
)


def with_l2(optimizer: Optimizer, weight: float) -> Optimizer:
    """Return the optimizer on L + ½ weight ‖θ‖²: coupled L2, the gradient becomes g + weight θ.

    torch's weight_decay of SGD, Adam and others. See `Optimizer.with_l2`.
    """
    if isinstance(optimizer, Optimizer) and optimizer.name == "newton":
        weight = _check.real("weight", weight, above=0.0)
        before = optimizer.hyper.get("weight_decay", 0.0)
        return newton(optimizer.hyper["lr"], before + weight)
    return _penalised(optimizer, "weight_decay", weight, "{0}*theta", "{0}*dot(theta, theta)/2",
                      "with_l2")


def with_l1(optimizer: Optimizer, weight: float, proximal: bool = False) -> Optimizer:
    """Return the optimizer with the penalty weight ‖θ‖₁; see `Optimizer.with_l1`."""
    if not _check.flag("proximal", proximal):
        return _penalised(optimizer, "l1", weight, "{0}*sign(theta)", "{0}*norm1(theta)",
                          "with_l1")
    return _proximal(optimizer, _check.real("weight", weight, above=0.0))


def with_decay(optimizer: Optimizer, weight: float) -> Optimizer:
    """Return the optimizer with decoupled weight decay; see `Optimizer.with_decay`."""
    rules = texts(optimizer, "with_decay")
    _not_around(optimizer, "with_decay")
    weight = _check.real("weight", weight, above=0.0)
    if isinstance(optimizer.method, ImplicitEuler):
        raise ValueError(f"with_decay is with_l2 in an implicit step, as that of {optimizer.name}; "
                         "use with_l2")
    hyper = free("weight_decay", names_of(optimizer))
    name = free("decay", names_of(optimizer) | {hyper})
    if "lr" not in optimizer.hyper:
        raise ValueError(f"with_decay multiplies weight with the learning rate, and "
                         f"{optimizer.name} has no hyper-parameter lr")
    if optimizer.clock.formula == "lr":
        name, formula = hyper, hyper
    else:
        formula = f"lr*{hyper}/({optimizer.clock.formula})"
    rules["theta"] = f"{rules['theta']} - {name}*theta"
    limits = dict(optimizer.limits)
    if limits:
        limits["theta"] = f"{limits['theta']} - {name}*theta"
    return rebuilt(optimizer, rules, hyper={hyper: weight}, maps={name: formula}, limits=limits,
                   note=noted(optimizer, "decoupled weight decay"))


def _not_around(optimizer: Optimizer, what: str) -> None:
    """Refuse Lookahead, whose slow weights would not see it."""
    if optimizer.name == "lookahead":
        raise ValueError(f"{what} acts on the fast weights of lookahead only; apply it to the "
                         "optimizer inside")


def _penalised(optimizer: Optimizer, key: str, weight: float, gradient: str, value: str,
               what: str) -> Optimizer:
    """Return the optimizer on a loss with a penalty: g and L are rewritten in its rules."""
    rules = texts(optimizer, what, "add the penalty to the loss")
    weight = _check.real("weight", weight, above=0.0)
    hyper = free(key, names_of(optimizer))
    # the losses of data have a parameter l1 themselves
    name = free("weight", names_of(optimizer)) if key == "l1" else hyper
    inside = {"g": f"g + {gradient.format(name)}", "L": f"L + {value.format(name)}"}
    rules, initial, limits = ({k: replaced(v, inside) for k, v in part.items()}
                              for part in (rules, optimizer.initial, optimizer.limits))
    return rebuilt(optimizer, rules, hyper={hyper: weight}, maps={name: hyper}, initial=initial,
                   limits=limits, note=noted(optimizer, f"{hyper} is added to the loss"))


def _proximal(optimizer: Optimizer, weight: float) -> Optimizer:
    """Return forward-backward splitting: the step without the penalty, then soft thresholds."""
    rules = texts(optimizer, "with_l1")
    _not_around(optimizer, "with_l1(proximal=True)")
    groups = splitting(optimizer, "with_l1(proximal=True)")
    if optimizer.report:
        raise ValueError(f"the thresholds of with_l1(proximal=True) act on θ, and {optimizer.name} "
                         "reports another point; use the form that reports θ, and average last")
    if "lr" not in optimizer.hyper:
        raise ValueError(f"with_l1 multiplies weight with the learning rate, and {optimizer.name} "
                         "has no hyper-parameter lr")
    method = composable(optimizer, groups)
    if method.shrink is not None:
        raise ValueError(f"{optimizer.name} has a proximal L1 penalty already; add the weights")
    if optimizer.name == "nesterov" and "r" in optimizer.hyper:
        raise ValueError("the penalty of with_l1(proximal=True) counts as 1 - momentum of its "
                         "weight, and the momentum of nesterov(r=...) grows to 1; give nesterov "
                         "mu or momentum, or leave proximal out")
    hyper = free("l1", names_of(optimizer))
    name = free("kappa", names_of(optimizer) | {hyper})
    formula = hyper if optimizer.clock.formula == "lr" else \
        f"lr*{hyper}/({optimizer.clock.formula})"
    limits = dict(optimizer.limits)
    for part in (rules, limits):
        if part:
            part["theta"] = f"{part['theta']} - {name}*sign(theta)"
    made = replace(method, shrink=Shrink(name, name))
    return rebuilt(optimizer, rules, hyper={hyper: weight}, maps={name: formula}, limits=limits,
                   positive=(name,), method=made,
                   note=noted(optimizer, "the proximal step of L1 after each step"))
