"""Optimizers made of others by rewriting their rules: what all compositions have in common."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from flowopt import _check
from flowopt.flows.flow import Flow
from flowopt.integrators.composed import ComposedEuler, Draw, text_of
from flowopt.integrators.methods import Euler, SequentialEuler
from flowopt.integrators.stochastic import EulerMaruyama
from flowopt.optimizers.formula import value_of
from flowopt.optimizers.optimizer import Optimizer


def texts(optimizer: Any, what: str, instead: str = "") -> dict[str, str]:
    """Return the rules of an optimizer as text, or refuse one that has none: what to do instead."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, got {_check.shown(optimizer)}")
    rules = getattr(optimizer.flow, "rules", None)
    if not rules or not all(hasattr(r, "text") for r in rules.values()):
        raise ValueError(f"{what} takes an optimizer whose rule is text, and that of "
                         f"{optimizer.name} is none{'; ' * bool(instead)}{instead}")
    return {k: r.text for k, r in rules.items()}


def free(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number behind it where it is taken."""
    made, count = name, 1
    while made in taken:
        count += 1
        made = f"{name}{count}"
    return made


def names_of(optimizer: Optimizer) -> set[str]:
    """Return the names that a new parameter, state or hyper-parameter must not have."""
    return {*optimizer.flow.parameters, *optimizer.flow.states, *optimizer.hyper, "h"}


def replaced(text: str, names: Mapping[str, str]) -> str:
    """Return a formula with other formulas in place of some of its names."""
    return re.sub(r"[A-Za-z_]\w*", lambda m: f"({names[m[0]]})" if m[0] in names else m[0], text)


def numbers_of(hyper: Mapping[str, Any]) -> dict[str, float]:
    """Return the hyper-parameters that are numbers."""
    return {k: float(v) for k, v in hyper.items() if not isinstance(v, (str, bool))}


def slow_rules(optimizer: Optimizer) -> dict[str, str]:
    """Return the rules for step -> 0 as text; none where there is no such flow."""
    if optimizer.limits:
        return dict(optimizer.limits)
    if "h" in optimizer.flow.positive:
        return {}
    return {k: replaced(r.text, {"h": "0"}) for k, r in optimizer.flow.rules.items()}


def rebuilt(optimizer: Optimizer, rules: Mapping[str, str], *,
            hyper: Mapping[str, Any] | None = None, maps: Mapping[str, str] | None = None,
            positive: Collection[str] = (), **changes: Any) -> Optimizer:
    """Return the optimizer with other rules.

    Parameters
    ----------
    optimizer : Optimizer
        The one to change.
    rules : mapping of str to str
        The new rules.
    hyper, maps : mapping, optional
        Further hyper-parameters, and formulas for further parameters of the rules; ``h`` in a
        formula is the step.
    **changes
        Further attributes of `Optimizer`, such as ``note`` or ``initial``.
    """
    hyper = {**optimizer.hyper, **(hyper or {})}
    step = {"h": optimizer.clock.formula}
    maps = {name: replaced(formula, step) for name, formula in (maps or {}).items()}
    numbers = {**numbers_of(hyper), "h": optimizer.method.h}
    used = set(re.findall(r"[A-Za-z_]\w*", " ".join(rules.values())))
    if "h" in used and "h" not in optimizer.flow.parameters:
        maps["h"] = optimizer.clock.formula
    parameters = dict(optimizer.flow.parameters)
    for name, formula in maps.items():
        parameters[name] = numbers["h"] if name == "h" else value_of(formula, numbers)
    flow = Flow(dict(rules), parameters=parameters, name=optimizer.flow.name,
                positive=(*optimizer.flow.positive, *positive), reference=optimizer.flow.reference)
    return replace(optimizer, flow=flow, hyper=hyper, maps={**optimizer.maps, **maps}, **changes)


def noted(optimizer: Optimizer, more: str) -> str:
    """Return the optimizer's note with more behind it."""
    return "; ".join(filter(None, [optimizer.note, more]))


def composable(optimizer: Optimizer, groups: tuple[tuple[str, ...], ...] | None) -> ComposedEuler:
    """Return the method as one with draws and a proximal step; Euler-Maruyama's noise is a draw."""
    method = optimizer.method
    if isinstance(method, ComposedEuler):
        return replace(method, groups=groups)
    if isinstance(method, EulerMaruyama):
        heat = f"2*({text_of(method.temperature)})"
        return ComposedEuler(method.h, groups, (Draw("", heat, diffuses=True),))
    return ComposedEuler(method.h, groups)


def splitting(optimizer: Optimizer, what: str) -> tuple[tuple[str, ...], ...] | None:
    """Return the groups of an explicit method (None: one group), or refuse the optimizer."""
    method = optimizer.method
    if isinstance(method, Euler) or (isinstance(method, EulerMaruyama)
                                     and method.path_step is None):
        return None
    if isinstance(method, (SequentialEuler, ComposedEuler)):
        groups = method.groups
        if groups is None and optimizer.flow.states and isinstance(method, SequentialEuler):
            return (*((s,) for s in optimizer.flow.states), ("theta",))
        return groups
    raise ValueError(f"{what} takes an optimizer whose steps are explicit or a splitting, and "
                     f"those of {optimizer.name} are {method.name}")
