"""Schedules of the learning rate, lr·s(k): a change of the flow's clock, dτ = s(t) dt.

θ̇ is multiplied by s; the states keep their rates. A schedule is a formula of time, so it stays the
same when the step goes to 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowopt import _check
from flowopt.flows.flow import Flow
from flowopt.integrators.composed import ComposedEuler, text_of
from flowopt.integrators.methods import Euler, SequentialEuler
from flowopt.integrators.stochastic import EulerMaruyama
from flowopt.optimizers.formula import value_of
from flowopt.optimizers.optimizer import Optimizer

_NAMES = r"[A-Za-z_]\w*"


@dataclass(frozen=True)
class Schedule:
    """A factor s of the learning rate.

    Attributes
    ----------
    rule : str
        s as a formula of t, h (the time of a step) and `maps`.
    maps : mapping
        The parameters of the rule, as formulas of ``numbers`` and h.
    numbers : mapping
        What the schedule was given, in steps.

    Examples
    --------
    >>> import flowopt as fo
    >>> s = fo.optimizers.schedules.exponential(0.99)
    >>> [round(0.2 * s(k), 7) for k in range(4)]
    [0.2, 0.198, 0.19602, 0.1940598]
    """

    rule: str
    maps: Mapping[str, str]
    numbers: Mapping[str, float]

    def __call__(self, k: int) -> float:
        """Return s in step k = 0, 1, …."""
        names = {**self.numbers, "h": 1.0, "t": float(k)}
        names |= {name: value_of(formula, names) for name, formula in self.maps.items()}
        return value_of(self.rule, names)


def constant(factor: float = 1.0) -> Schedule:
    """Return s = factor: another learning rate, the rates of the states unchanged.

    Parameters
    ----------
    factor : float, > 0
        The factor.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.scheduled(fo.optimizers.gradient_descent(lr=0.5),
    ...                               fo.optimizers.schedules.constant(0.5))
    >>> opt.run("x**2/2", [1.0], steps=2).x[:, 0]
    array([1.    , 0.75  , 0.5625])
    """
    return Schedule("factor", {"factor": "factor"},
                    {"factor": _check.real("factor", factor, above=0.0)})


def exponential(factor: float, every: float = 1.0) -> Schedule:
    """Return s = factor^(k/every); torch's ExponentialLR for every = 1.

    Parameters
    ----------
    factor : float in (0, 1)
        d.
    every : float, > 0
        Steps after which s has fallen by d, for example the steps of an epoch.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.schedules.exponential(0.5, every=10)(20)
    0.25
    """
    _check.real("factor", factor, above=0.0, below=1.0)
    return Schedule("exp(-decay*t)", {"decay": "-log(factor)/(every*h)"},
                    {"factor": float(factor), "every": _check.real("every", every, above=0.0)})


def steps(factor: float, milestones: Sequence[int]) -> Schedule:
    """Return s = factor^j after the j-th milestone; torch's MultiStepLR.

    Parameters
    ----------
    factor : float, > 0
        What s is multiplied with at a milestone.
    milestones : sequence of int
        The first step with the new s, each >= 1.

    Examples
    --------
    >>> import flowopt as fo
    >>> s = fo.optimizers.schedules.steps(0.5, [2, 4])
    >>> [s(k) for k in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    _check.real("factor", factor, above=0.0)
    if isinstance(milestones, str) or not hasattr(milestones, "__len__"):
        raise TypeError("milestones must be a sequence of integers, got "
                        f"{_check.shown(milestones)}")
    places = [_check.integer(f"milestones[{i}]", m, at_least=1) for i, m in enumerate(milestones)]
    if not places or any(a >= b for a, b in zip(places, places[1:], strict=False)):
        raise ValueError("milestones must be increasing, and at least one, got "
                         f"{_check.shown(milestones)}")
    rule = "*".join(f"Piecewise((1, t < at{i}), (factor, True))" for i in range(len(places)))
    maps = {f"at{i}": f"(at{i}_step - 1/2)*h" for i in range(len(places))}
    return Schedule(rule, maps | {"factor": "factor"}, {"factor": float(factor)} | {
        f"at{i}_step": float(m) for i, m in enumerate(places)})


def cosine(total: int, least: float = 0.0) -> Schedule:
    """Return s = least + (1 − least)(1 + cos(πk/total))/2, and `least` from there on.

    torch's CosineAnnealingLR up to k = total, and optax.cosine_decay_schedule (alpha = least).
    Source: Loshchilov & Hutter, ICLR 2017, Eq. (5).

    Parameters
    ----------
    total : int, >= 1
        Steps to the end of the fall.
    least : float in [0, 1)
        The last s.

    Examples
    --------
    >>> import flowopt as fo
    >>> [round(fo.optimizers.schedules.cosine(4)(k), 6) for k in (0, 2, 4, 5)]
    [1.0, 0.5, 0.0, 0.0]
    """
    numbers = {"total": float(_check.integer("total", total, at_least=1))}
    if _check.real("least", least, at_least=0.0, below=1.0):
        return Schedule("least + (1 - least)*(1 + cos(Min(omega*t, pi)))/2",
                        {"omega": "pi/(total*h)", "least": "least"},
                        numbers | {"least": float(least)})
    return Schedule("(1 + cos(Min(omega*t, pi)))/2", {"omega": "pi/(total*h)"}, numbers)


def warm_up(total: int) -> Schedule:
    """Return s = min(1, (k + 1)/total): a linear rise over `total` steps.

    Parameters
    ----------
    total : int, >= 1
        Steps of the rise.

    Examples
    --------
    >>> import flowopt as fo
    >>> [fo.optimizers.schedules.warm_up(4)(k) for k in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return Schedule("Min(1, (t + h)/rise)", {"rise": "total*h"},
                    {"total": float(_check.integer("total", total, at_least=1))})


def inverse_time(decay: float) -> Schedule:
    """Return s = 1/(1 + decay·k): Robbins and Monro's steps.

    Parameters
    ----------
    decay : float, > 0
        The rate of the fall, per step.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.schedules.inverse_time(0.5)(2)
    0.5
    """
    return Schedule("1/(1 + decay*t)", {"decay": "decay/h"},
                    {"decay": _check.real("decay", decay, above=0.0)})


def scheduled(optimizer: Optimizer, schedule: Schedule) -> Optimizer:
    """Return the optimizer with the learning rate lr·s(k) in step k = 0, 1, ….

    As torch's schedulers do, s multiplies what is added to θ (decoupled decay too); the states go
    on as before. The noise of Langevin dynamics becomes √(2 lr s(k) T) N(0, 1) (Welling & Teh).
    Schedules multiply, as in ``scheduled(scheduled(opt, warm_up(9)), cosine(99))``.

    Parameters
    ----------
    optimizer : Optimizer
        Of the dictionary, or from `from_flow`; explicit Euler or a splitting.
    schedule : Schedule
        Made by one of the functions of `flowopt.optimizers.schedules`.

    Examples
    --------
    >>> import flowopt as fo
    >>> half = fo.optimizers.schedules.exponential(0.5)
    >>> opt = fo.optimizers.scheduled(fo.optimizers.gradient_descent(lr=0.5), half)
    >>> opt.run("x**2/2", [1.0], steps=3).x[:, 0].round(9)
    array([1.      , 0.5     , 0.375   , 0.328125])
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, got {_check.shown(optimizer)}")
    if not isinstance(schedule, Schedule):
        raise TypeError(f"schedule must be a Schedule, got {_check.shown(schedule)}")
    flow = optimizer.flow
    if not flow.rules or not isinstance(
            optimizer.method, (Euler, SequentialEuler, ComposedEuler, EulerMaruyama)):
        raise ValueError(f"scheduled takes an optimizer whose rule is text and whose steps are "
                         f"explicit or a splitting, and {optimizer.name} is none")
    if optimizer.name in ("heavy_ball", "nesterov", "lookahead"):
        raise ValueError(f"{optimizer.name} is more than lr times a direction; schedule sgd with "
                         "momentum, or the optimizer inside lookahead")
    numbers = {k: v for k, v in optimizer.hyper.items() if not isinstance(v, (str, bool))}
    names = {name: _free(name, {*flow.parameters, *flow.states}) for name in schedule.maps}
    given = {name: _free(name, numbers) for name in schedule.numbers}
    numbers |= {given[k]: v for k, v in schedule.numbers.items()}
    formulas = {names[k]: _renamed(v, {**given, "h": f"({optimizer.clock.formula})"})
                for k, v in schedule.maps.items()}
    rule = _renamed(schedule.rule, names)
    parameters = {**flow.parameters,
                  **{k: value_of(f, {**numbers, "h": optimizer.method.h})
                     for k, f in formulas.items()}}
    maps = {**optimizer.maps, **formulas}
    if re.search(r"\bh\b", rule):
        parameters["h"], maps["h"] = optimizer.method.h, optimizer.clock.formula
    rules = {k: getattr(r, "text", r) for k, r in flow.rules.items()}
    rules["theta"] = f"({rule})*({rules['theta']})"
    limits = dict(optimizer.limits)
    if limits:
        slow = re.sub(r"\bh\b", "0", rule)
        limits["theta"] = f"({slow})*({limits['theta']})"
    made = Flow(rules, parameters=parameters, name=flow.name, positive=flow.positive,
                reference=flow.reference)
    hyper = {**optimizer.hyper, **{given[k]: v for k, v in schedule.numbers.items()}}
    method = optimizer.method
    if isinstance(method, ComposedEuler):
        if method.shrink is not None:
            shrink = replace(method.shrink, speed=f"({rule})*({method.shrink.speed})")
            method = replace(method, shrink=shrink)
        method = replace(method, draws=tuple(
            replace(d, variance=f"({rule})*({d.variance})") if d.diffuses else d
            for d in method.draws))
    elif isinstance(method, EulerMaruyama):
        method = replace(method, temperature=f"({rule})*({text_of(method.temperature)})")
    note = "; ".join([*filter(None, [optimizer.note]), f"the learning rate times {rule}"])
    return replace(optimizer, flow=made, method=method, hyper=hyper, maps=maps, limits=limits,
                   note=note)


def cooled(temperature: Any, cooling: Schedule | None, h: float) -> Any:
    """Return a temperature times a schedule, as a formula of time; h is the time of a step."""
    if cooling is None:
        return temperature
    if not isinstance(cooling, Schedule):
        raise TypeError(f"cooling must be a Schedule, got {_check.shown(cooling)}")
    if not isinstance(temperature, (int, float, str)) or isinstance(temperature, bool):
        raise TypeError("temperature must be a number or a text together with cooling, got "
                        f"{_check.shown(temperature)}")
    if not isinstance(temperature, str):
        temperature = repr(_check.real("temperature", temperature, at_least=0.0))
    numbers = {**cooling.numbers, "h": h}
    names = {k: repr(value_of(f, numbers)) for k, f in cooling.maps.items()} | {"h": repr(h)}
    return f"({temperature})*({_renamed(cooling.rule, names)})"


def _free(name: str, taken: object) -> str:
    """Return the name, with a number behind it where it is taken."""
    made, count = name, 1
    while made in taken:  # type: ignore[operator]
        count += 1
        made = f"{name}{count}"
    return made


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(_NAMES, lambda m: names.get(m[0], m[0]), text)
