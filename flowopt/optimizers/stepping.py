"""The hyper-parameters of the same flow at another step: the formulas of the dictionary, inverted.

At fixed rates of the flow, another step is another lr, and with it other β: 1 − β₁ = a lr.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from flowopt.optimizers.formula import value_of

Equation = tuple[str, float]  # a formula of the hyper-parameters, and its value


def hyper_at(hyper: Mapping[str, Any], clock: str, maps: Mapping[str, str],
             parameters: Mapping[str, float], origins: Mapping[str, Equation], step: float
             ) -> dict[str, Any] | None:
    """Return the hyper-parameters with which the clock has that step, and the flow the same rates.

    None where no values of them give the same flow.

    Parameters
    ----------
    hyper, clock, maps, origins
        Of the optimizer: the formulas of the clock, of the flow's parameters, and, with their
        values, of the starts of states.
    parameters : mapping
        The values of the flow's parameters.
    step : float
        The new step.
    """
    numbers = {k: float(v) for k, v in hyper.items() if not isinstance(v, (str, bool))}
    equations = [(clock, step)]
    equations += [(f, parameters[name]) for name, f in maps.items() if name != "h"]
    equations += list(origins.values())
    try:
        scale = step / value_of(clock, numbers)
        found = _solved(equations, numbers, scale)
    except (ValueError, ZeroDivisionError, OverflowError, np.linalg.LinAlgError):
        return None
    if found is None:
        return None
    for formula, _ in equations:  # what stands as 1 − β is a decay, in [0, 1)
        for name in re.findall(r"\b1 - ([A-Za-z_]\w*)\b", formula):
            if name in found and not -1e-12 <= found[name] < 1.0:
                return None
            found |= {name: max(found[name], 0.0)} if name in found else {}
    whole = {k for k, v in hyper.items() if isinstance(v, int) and not isinstance(v, bool)}
    return {k: (int(round(found[k])) if k in whole and abs(found[k] - round(found[k])) < 1e-9
                else found[k]) if k in found else v for k, v in hyper.items()}


def _names(formula: str, known: Mapping[str, float]) -> list[str]:
    return [n for n in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", formula)) if n in known]


def _solved(equations: Sequence[Equation], numbers: Mapping[str, float], scale: float
            ) -> dict[str, float] | None:
    """Solve the equations one after another, or together where two share their unknowns."""
    values, known = dict(numbers), set[str]()
    left = [(f, v) for f, v in equations if _names(f, numbers)]
    while left:
        open_names = [[n for n in _names(f, numbers) if n not in known] for f, _ in left]
        one = next((i for i, names in enumerate(open_names) if len(names) <= 1), None)
        if one is not None:
            formula, wanted = left.pop(one)
            if open_names[one]:
                values = _newton([(formula, wanted)], open_names[one], values, scale)
                known.add(open_names[one][0])
            elif abs(value_of(formula, values) - wanted) > 1e-10 * abs(wanted):
                return None
            continue
        first = open_names[0]
        same = [i for i, names in enumerate(open_names) if set(names) == set(first)]
        if len(same) >= len(first):
            chosen = [left[i] for i in same[:len(first)]]
            values = _newton(chosen, first, values, scale)
            known |= set(first)
            left = [e for e in left if e not in chosen]
        else:
            known.add(first[0])  # one equation for two of them: keep the first as it was
    return values


def _newton(equations: Sequence[Equation], names: Sequence[str], values: Mapping[str, float],
            scale: float) -> dict[str, float]:
    """Return the values with the unknown names solved for, from guesses by the scale."""
    def error(x: np.ndarray) -> np.ndarray:
        at = {**values, **dict(zip(names, x.tolist(), strict=True))}
        return np.array([value_of(f, at) - v for f, v in equations])

    def residual(x: np.ndarray) -> float:
        try:
            made = np.abs(error(x) / np.maximum(1e-300, [abs(v) for _, v in equations])).max()
        except (ValueError, ZeroDivisionError, OverflowError):
            return np.inf
        return float(made) if np.isfinite(made) else np.inf

    x = min(_guesses(names, values, scale, equations), key=residual)
    for _ in range(60):
        if (step := _step(error, x)) is None:
            break
        new, before = x - step, residual(x)
        # halved down to a few units of the last place: (new + x)/2 may be new for ever below that
        while residual(new) > before and np.abs(new - x).max() > 1e-15 * np.abs(x).max():
            new = (new + x) / 2
        if residual(new) >= before:
            break
        x = new
    if residual(x) > 1e-10:
        raise ValueError("not solved")
    return {**values, **dict(zip(names, x.tolist(), strict=True))}


def _step(error: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray | None:
    """Return Newton's step, with the Jacobian by differences."""
    at = error(x)
    if not at.any():
        return None
    columns = []
    for i in range(len(x)):
        small = 1e-7 * max(abs(x[i]), 1e-8)
        up, down = x.copy(), x.copy()
        up[i] += small
        down[i] -= small
        columns.append((error(up) - error(down)) / (2 * small))
    return np.linalg.solve(np.array(columns).T, at)


def _guesses(names: Sequence[str], values: Mapping[str, float], scale: float,
             equations: Sequence[Equation]) -> list[np.ndarray]:
    """Return starts: decays β with 1 − β in proportion to the step, others to a power of it."""
    decays = {n for f, _ in equations for n in re.findall(r"\b1 - ([A-Za-z_]\w*)\b", f)}
    decays |= {n for f, _ in equations for n in re.findall(r"\b1 \+ ([A-Za-z_]\w*)\b", f)}
    return [np.array([1 - (1 - values[n]) * scale if n in decays else values[n] * scale**power
                      for n in names]) for power in (0.0, 1.0, 2.0, 0.5, -1.0, -2.0)]
