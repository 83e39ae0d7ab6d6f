"""From a definition in words to an `Optimizer`: rules, formulas of parameters, clock, splitting."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowopt import _check
from flowopt.flows.flow import Flow
from flowopt.integrators.methods import Euler, FixedStep, SequentialEuler
from flowopt.optimizers.formula import value_of
from flowopt.optimizers.optimizer import Clock, Optimizer

Groups = Sequence[Sequence[str]]


def defined(name: str, rules: Mapping[str, str], hyper: Mapping[str, Any], clock: str, *,
            maps: Mapping[str, str] | None = None, groups: Groups | None = None,
            initial: Mapping[str, str] | None = None, positive: Sequence[str] = (),
            report: str = "", limits: Mapping[str, str] | None = None,
            weight_decay: float = 0.0, l1: float = 0.0, note: str = "", reference: str = "",
            flow_name: str = "") -> Optimizer:
    """Return the optimizer of a definition.

    Parameters
    ----------
    name : str
        Its name.
    rules : mapping
        The rule of θ and of each state.
    hyper : mapping
        The hyper-parameters by name.
    clock : str
        The time of a step as a formula of the hyper-parameters.
    maps : mapping, optional
        Formulas for the parameters of the rules. A name without one is a hyper-parameter; ``h``
        is the step.
    groups : sequence of sequences of str, optional
        The splitting; None is explicit Euler.
    initial, positive, report, limits
        As for `Optimizer` and `Flow`.
    weight_decay, l1 : float, >= 0
        Added to each gradient: weight_decay·θ (coupled L2) and l1·sign(θ).
    """
    initial, limits, maps = dict(initial or {}), dict(limits or {}), dict(maps or {})
    numbers = {k: float(v) for k, v in hyper.items() if not isinstance(v, (str, bool))}
    texts = [rules, initial, limits]
    gradient = "g"
    for key, weight, term in (("weight_decay", weight_decay, "theta"), ("l1", l1, "sign(theta)")):
        _check.real(key, weight, at_least=0.0)
        if weight:
            own = "weight" if key == "l1" else key  # losses of data have a parameter l1
            gradient += f" + {own}*{term}"
            maps[own] = key
            numbers[key] = float(weight)
            hyper = {**hyper, key: float(weight)}
    if gradient != "g":
        texts = [{k: re.sub(r"\bg\b", f"({gradient})", v) for k, v in part.items()}
                 for part in texts]
    made, starts, ends = texts
    step = value_of(clock, numbers)
    numbers["h"] = step
    maps["h"] = clock
    parameters, formulas = {}, {}
    states = [s for s in made if s != "theta"]
    held = " ".join(made.values())
    for key in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", held)):
        if key in maps or (key in numbers and key not in states):
            formulas[key] = maps.get(key, key)
            parameters[key] = value_of(formulas[key], numbers)
    flow = Flow(made, parameters=parameters, name=flow_name or f"{name} flow",
                positive=[p for p in positive if p in parameters], reference=reference or None)
    given = dict(starts)
    starts = {k: _with_numbers(v, numbers, parameters) for k, v in starts.items()}
    origins = {k: v for k, v in given.items() if _is_number(starts[k])}
    method: FixedStep = Euler(step) if groups is None else SequentialEuler(
        step, tuple(tuple(g) for g in groups))
    return Optimizer(name, flow, method, Clock(step, clock), dict(hyper), formulas, starts, report,
                     ends, note, reference, origins)


def _with_numbers(formula: str, numbers: Mapping[str, float], parameters: Mapping[str, float]
                  ) -> str:
    """Return a formula in which hyper-parameters that are no parameters of the flow are numbers.

    A formula without other names becomes a number.
    """
    kept = {*parameters, "h"}
    text = re.sub(r"[A-Za-z_]\w*", lambda m: m[0] if m[0] in kept or m[0] not in numbers
                  else repr(numbers[m[0]]), formula)
    return text if re.search(r"\b(g|theta|L)\b", text) else repr(value_of(text, {
        **numbers, **parameters}))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def rate(name: str, value: float) -> float:
    """Return lr or the like: a finite number > 0."""
    return _check.real(name, value, above=0.0)


def fraction(name: str, value: float) -> float:
    """Return a decay such as β: in [0, 1)."""
    return _check.real(name, value, at_least=0.0, below=1.0)


def pair(betas: Any) -> tuple[float, float]:
    """Return (β₁, β₂), both in [0, 1)."""
    try:
        beta1, beta2 = betas
    except (TypeError, ValueError):
        raise TypeError(f"betas must be a pair (beta1, beta2), got {_check.shown(betas)}") from None
    return fraction("betas[0]", beta1), fraction("betas[1]", beta2)


def small(name: str, value: float) -> float:
    """Return eps or the like: a finite number >= 0."""
    return _check.real(name, value, at_least=0.0)
