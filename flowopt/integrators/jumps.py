"""Metropolis' jump process: runs of it side by side, at steps or at random times."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np

from flowopt import _check, _native
from flowopt.integrators import memory, pool, runner
from flowopt.integrators.fixed_job import block_width
from flowopt.integrators.kernels.metropolis import JUMPS
from flowopt.integrators.methods import FixedStep
from flowopt.integrators.stochastic import buffered_steps, keys_of
from flowopt.integrators.temperature import Heat, checked_temperature

#: proposals between two looks at Ctrl-C
CHUNK = 100_000


@dataclass(frozen=True)
class MetropolisStep(FixedStep):
    """One proposal θ + σ z in each step, accepted with probability min(1, exp(−ΔL/T)).

    Parameters
    ----------
    h : float, > 0
        The time of a step.
    sigma : float, > 0
        σ.
    temperature : float >= 0, str or sympy expression
        T, in units of the loss; or a formula of time.
    """

    sigma: float = 1.0
    temperature: Any = 1.0
    order: ClassVar[int] = 1
    stochastic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sigma", _check.real("sigma", self.sigma, above=0.0))
        object.__setattr__(self, "temperature", checked_temperature(self.temperature))

    def phases(self, field: Any) -> NoReturn:
        """Refuse: it discretises no vector field."""
        raise ValueError(f"{self.name} is a step of a jump process and discretises no vector "
                         "field; use the optimizer's run, or opt.flow.simulate")

    def check(self, field: Any, start: float, end: float) -> None:
        """Refuse a temperature that is negative or no number."""
        heat = Heat(self.temperature, field)
        heat.refuse_extra()
        heat.check(field.p[None], start, self.steps(start, end), (0.0,))


class Jumps:
    """Runs of the process from starts x (N, n): at steps, or (`random`) at random times.

    Attributes
    ----------
    x : ndarray, shape (N, n)
        Where the runs are.
    proposals, accepted : ndarray, shape (N,)
        Counts.
    done : ndarray of bool, shape (N,)
        Which runs are at the end.
    saved : ndarray, shape (N, k, n)
        The states at the times to save (of random times), or of each step (`keep`).
    """

    def __init__(self, method: MetropolisStep, field: Any, x: np.ndarray, span: Any, steps: int,
                 random: bool, seed: int, seeds: np.ndarray | None, saves: np.ndarray,
                 keep: bool = False, first: int = 0) -> None:
        self.method, self.field, self.span, self.steps = method, field, span, steps
        self.random, self.seed, self.seeds, self.saves, self.keep = random, seed, seeds, saves, keep
        self.x, self.first = np.array(x), first
        count, n = x.shape
        self.proposals = np.zeros(count, dtype=np.int64)
        self.accepted, self.done = np.zeros_like(self.proposals), np.zeros(count, dtype=bool)
        self.saved = np.full((count, steps + 1 if keep else len(saves), n), np.nan)
        memory.check(count, self.saved.shape[1], n, 0)
        self.width, self.stop = block_width(n, count) if count > 1 else 1, False
        self.lock = threading.Lock()

    def run(self, threads: int = 1, progress: bool = False) -> None:
        """Run all."""
        count = len(self.x)
        loss = self.field.loss
        loss.address("value", self.width)
        runner.stepper("metropolis", self.width)
        pieces = [(low, min(low + self.width, count)) for low in range(0, count, self.width)]
        pool.here(pieces, self.piece, self.cancel, threads, None, progress)
        loss.raise_pending()

    def cancel(self) -> None:
        """Stop at the next opportunity."""
        self.stop = True

    def piece(self, piece: tuple[int, int]) -> None:
        """Do the runs of a block."""
        low, high = piece
        method, loss, field, width = self.method, self.field.loss, self.field, self.width
        n, own = field.n, slice(low, high)
        lanes = np.minimum(np.arange(low, low + width), high - 1)
        y = np.ascontiguousarray(self.x[lanes].T)
        p = np.ascontiguousarray(np.repeat(field.p[:, None] if len(field.p) else np.zeros((1, 1)),
                                           width, axis=1))
        heat = Heat(method.temperature, field)
        temperature = np.zeros(width) if heat.timed else \
            heat.values(self.span[0], np.repeat(field.p[None], width, axis=0))
        held = buffered_steps(n, width)
        sizes = np.zeros(11, dtype=np.int64)
        sizes[[0, 1, 4, 5, 9]] = n, n, len(self.saves), int(self.keep), held
        sizes[JUMPS] = int(self.random)
        seed: Any = self.seed if self.seeds is None else self.seeds[lanes]
        key = keys_of(seed, low if self.seeds is None else 0, width)
        word = np.zeros(4 * max(width, held // 2, n if held == 2 else 1), dtype=np.int64)
        value = loss.value(self.x[lanes])
        clock, counts = np.full(width, self.span[0]), np.zeros((3, width), dtype=np.int64)
        path = np.zeros((self.steps + 1 if self.keep else 1, n, width))
        path[0] = y
        saved = np.full((max(1, len(self.saves)), n, width), np.nan)
        work = _native.aligned((2 * n + 5) * width + n * held * width)
        save_at = self.saves if len(self.saves) else np.zeros(1)
        call, j, left = runner.stepper("metropolis", width), self.first, 1
        last = 2**62 if self.random else self.first + self.steps
        path_at = path if self.first == 0 else path[:0]
        while j < last and left and not self.stop:
            upto = min(last, j + CHUNK)
            left = call(loss.address("value", width), loss.context(width), sizes,
                        heat.address(width) if heat.timed else 0, temperature, key, word,
                        method.sigma, p, y, value, clock, counts, j, upto, self.span[0], method.h,
                        self.span[1], path_at, save_at, saved, work)
            j = upto
        self.x[own] = y[:, :high - low].T
        self.proposals[own], self.accepted[own] = counts[0, :high - low], counts[1, :high - low]
        self.done[own] = not left if self.random else j >= last
        kept = path if self.keep else saved
        if self.saved.shape[1]:
            self.saved[own] = kept[:, :, :high - low].transpose(2, 0, 1)
