"""From a flow back to an optimizer, and optimizers made of others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from flowopt import _check
from flowopt.flows.flow import Flow, KernelFlow
from flowopt.integrators.methods import Euler, FixedStep, SequentialEuler
from flowopt.optimizers.define import rate
from flowopt.optimizers.formula import value_of
from flowopt.optimizers.optimizer import Clock, Optimizer


def from_flow(flow: Flow, lr: float, *, clock: str = "lr", method: FixedStep | None = None,
              groups: Sequence[Sequence[str]] | None = None,
              initial: dict[str, str] | None = None) -> Optimizer:
    """Return the optimizer that a flow becomes when it is discretised.

    Parameters
    ----------
    flow : Flow
        The rule. Where it has a parameter ``h``, that is set to the step.
    lr : float, > 0
        The learning rate.
    clock : str
        The time of a step as a formula of lr: ``lr``, ``sqrt(lr)`` for second-order flows,
        ``lr**2`` for Adagrad's.
    method : FixedStep, optional
        By default `SequentialEuler` for a flow with states (the states first, then θ), else
        `Euler`. Its step must be that of the clock.
    groups : sequence of sequences of str, optional
        Another order for the splitting.
    initial : mapping of str to str, optional
        Formulas over θ and g for states that do not start at 0.

    Examples
    --------
    >>> import flowopt as fo
    >>> adam = fo.optimizers.adam(lr=0.125)
    >>> back = fo.optimizers.from_flow(adam.flow, lr=0.125)
    >>> x0, loss = [-1.0, 1.0], fo.losses.rosenbrock()
    >>> bool((back.run(loss, x0, steps=50).x == adam.run(loss, x0, steps=50).x).all())
    True
    """
    if not isinstance(flow, Flow):
        raise TypeError(f"flow must be a flowopt.Flow, got {_check.shown(flow)}")
    step = value_of(clock, {"lr": rate("lr", lr)})
    if "h" in flow.parameters:
        flow = flow.with_parameters(h=step)
    if method is None:
        if groups is not None and not flow.states:
            raise ValueError(f"groups has no effect for {flow.name}, which has no states")
        method = SequentialEuler(step, None if groups is None else tuple(map(tuple, groups))) \
            if flow.states else Euler(step)
    elif groups is not None:
        raise ValueError("groups has no effect when a method is given; leave one of them out")
    elif not isinstance(method, FixedStep) or abs(method.h - step) > 1e-12 * step:
        raise ValueError(f"method must be of fixed step {step:.12g}, the step of the clock, got "
                         f"{_check.shown(method)}")
    unknown = sorted(set(initial or {}) - set(flow.states))
    if unknown:
        raise ValueError(f"initial holds {unknown[0]}, which is no state of {flow.name}; "
                         f"{_check.nearest(unknown[0], flow.states or ['(none)'])}")
    return Optimizer(flow.name, flow, method, Clock(step, clock), {"lr": float(lr)},
                     initial=dict(initial or {}), reference=flow.reference or "")


def lookahead(optimizer: Optimizer, sync_period: int = 5, slow_step_size: float = 0.5
              ) -> Optimizer:
    """Return Lookahead: after each `sync_period` steps, φ⁺ = φ + α (θ − φ) and θ = φ⁺.

    The states are the slow weights φ (θ at the start) and a counter; a run reports θ, which is φ
    after each sync. optax.lookahead. Source: Zhang, Lucas, Hinton & Ba, NeurIPS 2019, Algorithm 1.

    Parameters
    ----------
    optimizer : Optimizer
        The fast one: explicit Euler, or a splitting that ends with θ alone.
    sync_period : int, >= 1
        Fast steps between two syncs.
    slow_step_size : float in (0, 1]
        α.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.lookahead(fo.optimizers.gradient_descent(lr=0.5), 2, 0.5)
    >>> opt.run("x**2/2", [1.0], steps=3).x[:, 0]
    array([1.    , 0.5   , 0.625 , 0.3125])
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, got {_check.shown(optimizer)}")
    fast, method = optimizer.flow, optimizer.method
    groups = () if isinstance(method, Euler) else getattr(method, "groups", None)
    if isinstance(fast, KernelFlow) or groups is None or (groups and groups[-1] != ("theta",)) \
            or (fast.states and not groups):
        raise ValueError(f"lookahead takes an optimizer whose rule is text and whose splitting "
                         f"ends with theta alone, and {optimizer.name} is none")
    if optimizer.report:
        raise ValueError(f"lookahead reports θ, and {optimizer.name} reports another point; use "
                         "the form that reports θ")
    period = _check.integer("sync_period", sync_period, at_least=1)
    alpha = _check.real("slow_step_size", slow_step_size, above=0.0)
    if alpha > 1.0:
        raise ValueError(f"slow_step_size must be <= 1, got {alpha:g}")
    taken = {"phi", "count", "alpha", "last", "h"} & ({*fast.states, *fast.parameters} - {"h"})
    if taken:
        raise ValueError(f"{optimizer.name} has the name {sorted(taken)[0]} already")
    rule = f"({fast.rules['theta'].text})"
    moved = f"(theta + h*{rule} - phi)"
    rules = {"theta": f"{rule} + Piecewise((0, count < last), (-(theta + h*{rule} - phi)/h, True))",
             "phi": f"Piecewise((0, count < last), (alpha*{moved}/h, True))",
             "count": "Piecewise((1, count < last), (-count, True))/h",
             **{s: fast.rules[s].text for s in fast.states}}
    parameters = {**fast.parameters, "alpha": alpha, "last": period - 1.5, "h": method.h}
    flow = Flow(rules, parameters=parameters, name=f"lookahead of {fast.name}",
                positive=(*fast.positive, "alpha"))
    slow = re.sub(r"\bh\b", "0", f"alpha*{rule}") if not fast.states and "h" not in \
        fast.parameters else ""
    made = SequentialEuler(method.h, (*groups[:-1], ("phi",), ("theta", "count")))
    hyper = {**optimizer.hyper, "sync_period": period, "slow_step_size": alpha}
    maps = {**optimizer.maps, "alpha": "slow_step_size", "last": "sync_period - 3/2",
            "h": optimizer.clock.formula}
    return replace(optimizer, name="lookahead", flow=flow, method=made, hyper=hyper, maps=maps,
                   initial={**optimizer.initial, "phi": "theta"},
                   limits={"theta": slow} if slow else {}, report="",
                   note=f"around {optimizer.name}",
                   reference="M. R. Zhang et al., NeurIPS 2019, Algorithm 1")
