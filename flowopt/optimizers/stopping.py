"""When a run ends before its steps are taken: a loss that makes no progress any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.losses.loss import Loss


@dataclass(frozen=True)
class Stall:
    """No progress: the loss has not fallen for a number of looks.

    At each look v is compared with the best value b so far; there is progress if
    v < b − least − relative·|b|. A value that is not finite is no progress.

    Parameters
    ----------
    patience : int, >= 1
        Looks without progress, after which it stalls.
    every : int, >= 1
        Steps between two looks. The steps in between run in compiled code.
    least, relative : float, >= 0
        What counts as progress.
    on : Loss or callable, optional
        What is looked at, by default the loss of the run: for example the loss of validation
        data, or a function f(θ) of θ (n,).

    Examples
    --------
    >>> import flowopt as fo
    >>> stall = fo.optimizers.Stall(patience=3, every=10, least=1e-6)
    >>> run = fo.optimizers.adam(lr=0.05).run("x**2", [1.0], steps=5000, stop=stall)
    >>> run.status.name, bool(run.t[-1] < 1000)
    ('EVENT', True)
    """

    patience: int = 10
    every: int = 10
    least: float = 0.0
    relative: float = 0.0
    on: Any = None

    def __post_init__(self) -> None:
        _check.integer("patience", self.patience, at_least=1)
        _check.integer("every", self.every, at_least=1)
        _check.real("least", self.least, at_least=0.0)
        _check.real("relative", self.relative, at_least=0.0)
        if self.on is not None and not isinstance(self.on, Loss) and not callable(self.on):
            raise TypeError("on must be a Loss or a function f(x) of x (n,), got "
                            f"{_check.shown(self.on)}")

    @property
    def keeps_best(self) -> bool:
        """Whether the run gives the best state that was looked at instead of the last one."""
        return False

    def watch(self, loss: Loss, runs: int, m: int) -> Watch:
        """Return the memory for that many runs of m states."""
        return Watch(self, loss, runs, m)


@dataclass(frozen=True)
class EarlyStopping(Stall):
    """Early stopping: end where a loss, as a rule that of other data, does not fall any more.

    As `Stall`. The run ends with Status.EVENT and a sentence.

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), Algorithm 7.1, for the patience;
    other criteria: Prechelt, in Neural Networks: Tricks of the Trade (1998) 55.

    Parameters
    ----------
    patience, every, least, relative, on
        As for `Stall`.
    restore : bool
        Give the best state that was looked at, and not the last one; also where the run did not
        end early.

    Examples
    --------
    >>> import flowopt as fo
    >>> def validation(x):
    ...     return (x[0] - 0.5)**2
    >>> rule = fo.optimizers.EarlyStopping(patience=2, every=1, on=validation, restore=True)
    >>> run = fo.optimizers.gradient_descent(lr=0.25).run("x**2", [1.0], steps=50, stop=rule)
    >>> run.x[:, 0], run.t[-1].item()
    (array([1. , 0.5]), 1.0)
    """

    restore: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.flag("restore", self.restore)

    @property
    def keeps_best(self) -> bool:
        """Whether the run gives the best state that was looked at."""
        return self.restore


class Watch:
    """What a rule has seen of some runs, each by itself."""

    def __init__(self, rule: Stall, loss: Loss, runs: int, m: int) -> None:
        self.rule, self.loss, self.every = rule, loss, rule.every
        self.best = np.full(runs, np.inf)
        self.best_step = np.zeros(runs, dtype=np.int64)
        self.best_state = np.full((runs if rule.keeps_best else 0, m), np.nan)
        self.since = np.zeros(runs, dtype=np.int64)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return what is looked at for points (N, n): (N,)."""
        on = self.loss if self.rule.on is None else self.rule.on
        if isinstance(on, Loss):
            return on.value(x)
        return np.array([_number(on, row) for row in x])

    def look(self, k: int, x: np.ndarray, y: np.ndarray, runs: np.ndarray) -> np.ndarray:
        """Take notice of what runs (indices) report, x (N, n), and of their states y (N, m).

        Returns which of them stall.
        """
        value = self.values(x)
        best = self.best[runs]
        slack = self.rule.least + self.rule.relative * np.abs(np.where(np.isinf(best), 0.0, best))
        better = value < best - slack
        if self.rule.keeps_best:
            self.best_state[runs[better]] = y[better]
        self.best[runs[better]] = value[better]
        self.best_step[runs[better]] = k
        self.since[runs] = np.where(better, 0, self.since[runs] + 1)
        return self.since[runs] >= self.rule.patience

    def sentence(self, run: int = 0, first: int = 0) -> str:
        """Return why the run ended, which began after `first` steps."""
        what = "the loss" if self.rule.on is None else "the loss that is watched"
        looks = self.rule.patience
        if np.isinf(self.best[run]):
            return f"Early stopping: {what} was below infinity at no look, of {looks} in a row."
        return (f"Early stopping: {what} made no progress in {looks} look{'s' * (looks > 1)}; the "
                f"best was {self.best[run]:.6g} in step {first + self.best_step[run]}.")


def checked_rule(name: str, rule: Any, n: int | None = None) -> Stall:
    """Return a rule for stopping, or refuse what is none."""
    if not isinstance(rule, Stall):
        raise TypeError(f"{name} must be a Stall or an EarlyStopping, got {_check.shown(rule)}")
    if n is not None and isinstance(rule.on, Loss) and rule.on.n != n:
        raise ValueError(f"{name}.on must be a loss of {n} variables as that of the run, got "
                         f"{rule.on.n}")
    return rule


def _number(on: Callable[[np.ndarray], Any], row: np.ndarray) -> float:
    try:
        return float(on(row.copy()))
    except (TypeError, ValueError) as error:
        raise type(error)(f"on must give a number for x of shape {row.shape}: {error}") from None
