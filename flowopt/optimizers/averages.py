"""Averages of iterates: an exponential one, of the tail, and of snapshots.

An average is a state: the flow has it too. In a step it sees the θ from before the step, and what
a run reports folds in the newest θ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flowopt import _check
from flowopt.integrators.composed import ComposedEuler
from flowopt.integrators.methods import Euler, SequentialEuler
from flowopt.optimizers.optimizer import Optimizer
from flowopt.optimizers.rewrite import (
    free,
    names_of,
    noted,
    rebuilt,
    replaced,
    slow_rules,
    splitting,
    texts,
)


@dataclass(frozen=True)
class ExponentialAverage:
    """The exponential moving average a⁺ = β a + (1 − β) θ⁺, a = θ at the start.

    Its flow is ȧ = (1 − β)/h (θ − a). The same as torch.optim.swa_utils.get_ema_multi_avg_fn(β).

    Parameters
    ----------
    decay : float in [0, 1)
        β.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.gradient_descent(lr=0.5)
    >>> opt.with_average(fo.optimizers.ExponentialAverage(0.5)).run("x**2/2", [1.0], 3).x[:, 0]
    array([1.    , 0.75  , 0.5   , 0.3125])
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        _check.real("decay", self.decay, at_least=0.0, below=1.0)


@dataclass(frozen=True)
class TailAverage:
    """The mean of the iterates from step ``start`` on (Polyak and Ruppert); before that, θ itself.

    The flow's state is S = ∫ θ dt from t = start · h on. With ``every`` > 1 the mean is that of
    snapshots, of θ in the steps start, start + every, … (stochastic weight averaging); between two
    snapshots it stays.

    Source: Polyak & Juditsky, SIAM J. Control Optim. 30 (1992) 838; Izmailov et al., UAI
    2018, Algorithm 1, for snapshots.

    Parameters
    ----------
    start : int, >= 0
        The first step whose θ counts.
    every : int, >= 1
        Steps between two snapshots.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.gradient_descent(lr=0.5)
    >>> opt.with_average(fo.optimizers.TailAverage(1)).run("x**2/2", [1.0], 3).x[:, 0].round(6)
    array([1.      , 0.5     , 0.375   , 0.291667])
    """

    start: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        _check.integer("start", self.start, at_least=0)
        _check.integer("every", self.every, at_least=1)


def with_average(optimizer: Optimizer, average: Any) -> Optimizer:
    """Return the optimizer whose runs report an average of θ; see `Optimizer.with_average`."""
    rules = texts(optimizer, "with_average", "average the path of a run")
    if not isinstance(average, (ExponentialAverage, TailAverage)):
        raise TypeError("average must be an ExponentialAverage or a TailAverage, got "
                        f"{_check.shown(average)}")
    method = optimizer.method
    groups = splitting(optimizer, "with_average")
    if optimizer.report:
        raise ValueError(f"{optimizer.name} reports another point than θ already; average the form "
                         "that reports θ")
    more, maps, hyper, report, initial, note, slow = (
        _exponential(average) if isinstance(average, ExponentialAverage) else
        _tail(average) if average.every == 1 else _snapshots(average))
    taken = names_of(optimizer)
    names = {k: free(k, taken) for k in (*more, *maps, *hyper)}

    def own(text: str) -> str:
        return replaced(text, names)

    added = {names[k]: own(v) for k, v in more.items()}
    limits = slow_rules(optimizer)
    if limits:
        limits |= {names[k]: own(v) for k, v in slow.items()}
    if isinstance(method, (SequentialEuler, ComposedEuler)) and groups is not None:
        last = (*groups[-1], *added)
        if "theta" not in groups[-1]:
            raise ValueError(f"with_average takes a splitting that ends with theta, and that of "
                             f"{optimizer.name} ends with {', '.join(groups[-1])}")
        method = replace(method, groups=(*groups[:-1], last))
    elif isinstance(method, Euler):
        method = Euler(method.h)
    return rebuilt(optimizer, {**rules, **added}, maps={names[k]: own(v) for k, v in maps.items()},
                   hyper={names[k]: v for k, v in hyper.items()}, limits=limits, method=method,
                   initial={**optimizer.initial, **{names[k]: own(v) for k, v in initial.items()}},
                   report=own(report), note=noted(optimizer, f"a run reports {note}"))


def _exponential(average: ExponentialAverage) -> Any:
    rule = {"average": "forget*(theta - average)"}
    return (rule, {"forget": "(1 - average_decay)/h"}, {"average_decay": float(average.decay)},
            "average + forget*h*(theta - average)", {"average": "theta"},
            "the exponential average of θ", rule)


def _tail(average: TailAverage) -> Any:
    rule = {"total": "Piecewise((0, t < begin), (theta, True))"}
    maps = {"begin": "(average_start - 1/2)*h"}
    report = ("Piecewise((theta, t < begin), "
              "((total + h*theta)/(t - begin + h/2), True))")
    return (rule, maps, {"average_start": average.start}, report, {},
            "the mean of θ from a step on", rule)


def _snapshots(average: TailAverage) -> Any:
    """Count the steps since a snapshot as lookahead does; the last count is a snapshot."""
    def at_snapshot(value: str, other: str) -> str:
        return f"Piecewise((0, t < begin), ({other}, since < full), ({value}, True))/h"

    rules = {"total": at_snapshot("theta", "0"), "taken": at_snapshot("1", "0"),
             "since": at_snapshot("-since", "1")}
    maps = {"begin": "(average_start - 1/2)*h", "full": "average_every - 3/2"}
    report = ("Piecewise((theta, t < begin), ((total + theta)/(taken + 1), since > full), "
              "(total/taken, True))")
    hyper = {"average_start": average.start, "average_every": average.every}
    return (rules, maps, hyper, report, {"since": repr(float(average.every - 1))},
            "the mean of snapshots of θ", {})
