"""Noise that optimizers are composed with: noise of the gradient, and occasional kicks."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from flowopt import _check
from flowopt.integrators.composed import ComposedEuler, Draw, checked_draws
from flowopt.optimizers.optimizer import Optimizer
from flowopt.optimizers.rewrite import (
    composable,
    free,
    names_of,
    noted,
    rebuilt,
    replaced,
    slow_rules,
    splitting,
    texts,
)


def with_noise(optimizer: Optimizer, eta: float = 0.01, gamma: float = 0.55) -> Optimizer:
    """Return the optimizer with gradients g + N(0, η/(1 + k)^γ); see `Optimizer.with_noise`."""
    rules = texts(optimizer, "with_noise")
    groups = splitting(optimizer, "with_noise")
    eta = _check.real("eta", eta, above=0.0)
    gamma = _check.real("gamma", gamma, at_least=0.0)
    state = free("noise", names_of(optimizer))
    inside = {"g": f"g + {state}"}
    made = {k: replaced(v, inside) for k, v in rules.items()} | {state: "0"}
    if groups is not None:
        groups = ((state, *groups[0]), *groups[1:])
    tau = repr(float(optimizer.method.h))  # the time of a step: 1 + t/τ = 1 + k
    variance = f"{eta!r}/(1 + t/{tau})**{gamma!r}" if gamma else repr(eta)
    method = _with_draw(optimizer, Draw(state, variance if gamma else eta), groups)
    limits, no_limit = averaged(slow_rules(optimizer), variance)
    names = {free(key, names_of(optimizer)): value
             for key, value in (("eta", eta), ("gamma", gamma))}
    return rebuilt(optimizer, made, hyper=names, method=method, limits=limits,
                   no_limit=optimizer.no_limit or no_limit,
                   note=noted(optimizer, f"gradients have noise of variance {variance}"))


def with_kicks(optimizer: Optimizer, size: float, every: int | None = None,
               probability: float | None = None) -> Optimizer:
    """Return the optimizer with kicks θ + size N(0, I) now and then; see `Optimizer.with_kicks`."""
    texts(optimizer, "with_kicks")
    groups = splitting(optimizer, "with_kicks")
    size = _check.real("size", size, above=0.0)
    if (every is None) == (probability is None):
        raise ValueError("with_kicks takes one of every (a number of steps) and probability (of a "
                         f"kick in a step), got every={every} and probability={probability}")
    chance, gap = 1.0, 1
    hyper: dict[str, Any] = {free("kick", names_of(optimizer)): size}
    if every is not None:
        gap = _check.integer("every", every, at_least=1)
        hyper[free("kick_every", names_of(optimizer))] = gap
        when = f"each {gap} steps"
    else:
        chance = _check.real("probability", probability, above=0.0)
        if chance > 1.0:
            raise ValueError(f"probability must be <= 1, got {chance:g}")
        hyper[free("kick_probability", names_of(optimizer))] = chance
        when = f"with probability {chance:g} in a step"
    method = _with_draw(optimizer, Draw("", size**2, gap, chance), groups)
    return replace(optimizer, method=method, hyper={**optimizer.hyper, **hyper},
                   note=noted(optimizer, f"kicks of size {size:g} {when}; the flow is that between "
                              "the kicks"))


def averaged(rules: dict[str, str], variance: str) -> tuple[dict[str, str], str]:
    """Return the rules for step -> 0 under noise of g, or why there are none.

    What is linear in g keeps its mean, and the mean of (g + ξ)² is g² + E ξ².
    """
    made = {k: re.sub(r"\bg\*\*2\b", "square", v) for k, v in rules.items()}
    for key, rule in made.items():
        if degree(rule) > 1:
            return {}, (f"the noise of its gradients does not average out in the rule of {key}, "
                        "which is neither linear in g nor in g**2")
    return {k: replaced(v, {"square": f"g**2 + {variance}"}) for k, v in made.items()}, ""


def degree(rule: str) -> float:
    """Return the degree of a rule as a polynomial in g (inf: it is none)."""
    from flowopt.flows.flow import REDUCTIONS
    from flowopt.symbolic.parse import parse

    stack: list[float] = []
    for op, value, arity in parse(rule, what="the rule", functions=REDUCTIONS).tree:
        args = stack[len(stack) - arity:]
        del stack[len(stack) - arity:]
        if op in ("+", "neg"):
            stack.append(max(args))
        elif op == "*":
            stack.append(sum(args))
        elif op == "Piecewise":
            stack.append(math.inf if any(args[1::2]) else max(args[::2]))
        elif arity:
            stack.append(math.inf if any(args) else 0.0)
        else:
            stack.append(float(op == "name" and value == "g"))
    return stack[0]


def _with_draw(optimizer: Optimizer, draw: Draw, groups: Any) -> ComposedEuler:
    """Return the method with one more source of noise."""
    method = composable(optimizer, groups)
    return replace(method, draws=checked_draws((*method.draws, draw)))
