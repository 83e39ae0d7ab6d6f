"""Many starts, of which the best end is kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.integrators.ensemble import Ensemble
from flowopt.losses.loss import Loss
from flowopt.optimizers.optimizer import Optimizer


@dataclass(frozen=True)
class Best:
    """The best of many runs.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The best end (NaN where no run ended at a finite loss).
    loss : float
        The loss there (inf where there is none).
    which : int
        The number of its run, or −1.
    x0s : ndarray, shape (N, n)
        The starts.
    runs : Ensemble
        All runs.
    """

    x: np.ndarray
    loss: float
    which: int
    x0s: np.ndarray
    runs: Ensemble

    def __repr__(self) -> str:
        return f"<Best of {len(self.x0s)}: loss {self.loss:.6g} in run {self.which}>"


def random_starts(count: int, box: Any, seed: int) -> np.ndarray:
    """Return starts (N, n) that lie uniformly in a box; start i depends on the seed and i alone.

    Parameters
    ----------
    count : int, >= 1
        N.
    box : array_like, shape (n, 2)
        The ends of each coordinate.
    seed : int, >= 0
        The seed.

    Examples
    --------
    >>> import flowopt as fo
    >>> a, b = (fo.optimizers.random_starts(k, [(-1, 1), (0, 5)], seed=3) for k in (4, 9))
    >>> a.shape, bool((a == b[:4]).all())
    ((4, 2), True)
    """
    from flowopt.integrators.runner import stepper

    count = _check.integer("count", count, at_least=1)
    seed = _check.integer("seed", seed, at_least=0, at_most=2**63 - 1)
    ends = _check.array("box", box, "(n, 2)", (2,))
    if ends.shape[1] != 2 or not (ends[:, 0] < ends[:, 1]).all():
        raise ValueError("box must have a row (low, high) with low < high for each coordinate, got "
                         f"{_check.shown(box)}")
    made, word = np.zeros((count, len(ends))), np.zeros(4, dtype=np.int64)
    stepper("uniform_box", 1)(made, word, count, len(ends), seed & 0xFFFFFFFF, seed >> 32)
    return ends[:, 0] + (ends[:, 1] - ends[:, 0]) * made


def best_of(optimizer: Optimizer, loss: Any, starts: Any, steps: int = 1000, *, box: Any = None,
            seed: int | None = None, **options: Any) -> Best:
    """Run an optimizer from many starts and keep the best end.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    loss : Loss or str
        The loss.
    starts : array_like, shape (N, n), or int
        The starts; or how many to draw uniformly from `box`.
    steps : int, >= 1
        Steps of each run.
    box : array_like, shape (n, 2), optional
        The ends of each coordinate, for starts that are drawn.
    seed : int, optional
        For starts that are drawn and for optimizers with noise; by default one is drawn.
    **options
        As for `Optimizer.ensemble`, such as ``stop``.

    Examples
    --------
    >>> import flowopt as fo
    >>> best = fo.optimizers.best_of(fo.optimizers.gradient_descent(lr=0.01), "x**4/4 - x**2 + x/5",
    ...                              starts=[[-2.0], [2.0]])
    >>> best.which, best.x.round(3)
    (0, array([-1.461]))
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, got {_check.shown(optimizer)}")
    loss = Loss(loss) if isinstance(loss, str) else loss
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a flowopt.Loss or a string, got {_check.shown(loss)}")
    drawn = isinstance(starts, (int, np.integer)) and not isinstance(starts, bool)
    if drawn:
        if box is None:
            raise ValueError(f"box must be given when starts is a number, got starts={starts}")
        _check.integer("starts", starts, at_least=1)
        seed = secrets.randbits(63) if seed is None else seed
        x0s = random_starts(int(starts), box, seed)
        if x0s.shape[1] != loss.n:
            raise ValueError(f"box must have {loss.n} rows, one for each coordinate of the loss, "
                             f"got {x0s.shape[1]}")
    else:
        if box is not None:
            raise ValueError("box has no effect when the starts are given; leave it out")
        x0s = _check.array("starts", starts, f"(N, {loss.n})", (2,))
    if optimizer.noisy:
        options["seed"] = seed
    elif seed is not None and not drawn:
        raise ValueError(f"seed has no effect for {optimizer.name}, which has no noise, when the "
                         "starts are given; leave it out")
    runs = optimizer.ensemble(loss, x0s, steps, **options)
    ends = np.full(len(x0s), np.inf)
    finite = np.isfinite(runs.x).all(axis=1)
    if finite.any():
        ends[finite] = loss.value(runs.x[finite])
    ends[~np.isfinite(ends)] = np.inf
    which = int(np.argmin(ends))
    if ends[which] == np.inf:
        return Best(np.full(loss.n, np.nan), np.inf, -1, x0s, runs)
    return Best(runs.x[which].copy(), float(ends[which]), which, x0s, runs)
