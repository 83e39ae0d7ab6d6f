"""The landscapes, and the ways out of a local minimum: each a search with a number of gradients.

A way gets starts (N, n), a setting, a seed and a number of steps, one gradient each (Metropolis
annealing: one value of the loss), and returns the points (N, n) where it ends; with ``path=True``
the path of the first start, (steps + 1, n). To add a way, write such a function and put it into
WAYS.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import flowopt as fo

Setting = dict[str, float]


@dataclass(frozen=True)
class Problem:
    """A landscape with all that is fixed in advance.

    low, high: the box from which fresh starts are drawn; first: the box of the given starts.
    curvature: the largest at a minimum; barrier: the depth of the wells, in units of the loss.
    rate: the learning rate of plain descent and of the polish, below 1/max L'' in the box, so
    that descent stays in the well in which it starts.
    share: of the box, the part from which descent ends at the global minimum (exactly).
    """

    name: str
    loss: Any
    low: float
    high: float
    first: tuple[float, float]
    curvature: float
    barrier: float
    rate: float
    share: float
    budget: int

    @property
    def n(self) -> int:
        return int(self.loss.n)

    @property
    def downhill(self) -> Any:
        return fo.flows.GradientFlow().on(self.loss)

    def starts(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(*self.first, (count, self.n))


def problems(budget: int) -> dict[str, Problem]:
    """The three landscapes; `budget` gradients on the first, four times as many on the others."""
    from scipy.optimize import brentq

    barrier = (9 + 33**0.5) / 8  # of the two minima: all below it flows to the good one
    made = [Problem("two minima", fo.losses.two_minima(), -1.0, 5.0, (2.0, 4.0), 14.896055,
                    2.0797907, 0.005, (barrier + 1.0) / 6.0, budget)]
    # each coordinate for itself: the well of 0 reaches to the first maximum of x^2 - 10 cos 2 pi x
    edge = brentq(lambda x: x + 10 * np.pi * np.sin(2 * np.pi * x), 0.4, 0.7, xtol=1e-15)
    made += [Problem(f"Rastrigin, n = {n}", fo.losses.rastrigin(n), -5.12, 5.12, (-5.12, 5.12),
                     2 + 40 * np.pi**2, 20.0, 0.0025, (edge / 5.12) ** n, 4 * budget)
             for n in (2, 10)]
    return {p.name: p for p in made}


def window() -> tuple[float, float]:
    """The rates below which descent on Rastrigin stays in the wells of 1 and of 0, a coordinate.

    A well holds when the map x - lr L' of it into itself: between the two rates that of 0 holds,
    and those of the other integers leak.
    """
    from scipy.optimize import brentq

    def slope(x: Any) -> Any:
        return 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)

    tops = [-brentq(slope, 0.4, 0.7, xtol=1e-15), brentq(slope, 0.4, 0.7, xtol=1e-15),
            brentq(slope, 1.4, 1.7, xtol=1e-15)]

    def leak(rate: float, low: float, high: float) -> float:
        """How far the map of the well reaches beyond it (< 0: it does not)."""
        image = np.linspace(low, high, 20_001)
        image = image - rate * slope(image)
        return float(max(low - image[1:-1].min(), image[1:-1].max() - high)) - 1e-9

    return tuple(brentq(leak, 0.005, 0.02, args=ends, xtol=1e-10)
                 for ends in ((tops[1], tops[2]), (tops[0], tops[1])))  # type: ignore[return-value]


def descend(problem: Problem, points: np.ndarray, steps: int) -> np.ndarray:
    """Plain gradient descent."""
    rate = problem.rate
    return fo.ensemble(problem.downhill, points, t=(0.0, steps * rate), method=fo.Euler(rate)).x


def _run(field: Any, starts: np.ndarray, method: Any, steps: int, path: bool, **options: Any
         ) -> np.ndarray:
    span = (0.0, steps * method.h)
    if path:
        times = method.h * np.arange(steps + 1)
        return fo.ensemble(field, starts[:1], t=span, method=method, save_at=times,
                           **options).saved[0]
    return fo.ensemble(field, starts, t=span, method=method, **options).x


def plain(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
          path: bool = False) -> np.ndarray:
    """x - lr g, with the rate of the polish: the baseline, which cannot leave a well."""
    return _run(problem.downhill, starts, fo.Euler(problem.rate), steps, path)


def noisy(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
          path: bool = False) -> np.ndarray:
    """x - lr (g + s N(0, 1)): the noise of a stochastic gradient, whose temperature is lr s^2/2."""
    method = fo.EulerMaruyama(setting["lr"], temperature=setting["lr"] * setting["s"] ** 2 / 2)
    return _run(problem.downhill, starts, method, steps, path, seed=seed)


def annealed(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
             path: bool = False) -> np.ndarray:
    """Langevin dynamics whose temperature falls from T0 to T0/100 exponentially."""
    method = fo.EulerMaruyama(setting["lr"], temperature="T0*exp(-fall*t)")
    fall = np.log(100.0) / (steps * setting["lr"])
    return _run(problem.downhill, starts, method, steps, path, seed=seed,
                parameters={"T0": setting["T0"], "fall": fall})


def metropolis(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
               path: bool = False) -> np.ndarray:
    """Jumps x + sigma N(0, 1), accepted by Metropolis' rule; T falls from T0 to T0/100."""
    made = fo.optimizers.metropolis(
        sigma=setting["sigma"], temperature=setting["T0"],
        cooling=fo.optimizers.schedules.exponential(float(0.01 ** (1 / steps))))
    return made.run(problem.loss, starts[0], steps, seed=seed).x if path else made.ensemble(
        problem.loss, starts, steps, seed=seed).x


def many_starts(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
                path: bool = False) -> np.ndarray:
    """Plain descent from the given start and k - 1 fresh ones from the box: the best end."""
    k = int(setting["k"])
    each = steps // k
    if path:
        rng = np.random.default_rng(seed)
        firsts = [starts[:1], *rng.uniform(problem.low, problem.high, (k - 1, 1, problem.n))]
        return np.concatenate([plain(problem, first, {}, 0, each - 1, True) for first in firsts])
    fresh = np.random.default_rng(seed).uniform(problem.low, problem.high,
                                                (len(starts), k - 1, problem.n))
    begin = np.concatenate([starts[:, None], fresh], axis=1).reshape(-1, problem.n)
    ends = descend(problem, begin, each)
    best = problem.loss.value(ends).reshape(-1, k).argmin(axis=1)
    return ends.reshape(-1, k, problem.n)[np.arange(len(starts)), best]


def momentum(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
             path: bool = False) -> np.ndarray:
    """b = beta b + g, x - lr b (torch's SGD with momentum)."""
    made = fo.optimizers.sgd(lr=setting["lr"], momentum=setting["beta"])
    return made.run(problem.loss, starts[0], steps).x if path else made.ensemble(
        problem.loss, starts, steps).x


def tuned_rate(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
               path: bool = False) -> np.ndarray:
    """Descent whose learning rate falls from lr to that of the polish exponentially."""
    factor = float((problem.rate / setting["lr"]) ** (1 / steps))
    made = fo.optimizers.scheduled(fo.optimizers.gradient_descent(lr=setting["lr"]),
                                   fo.optimizers.schedules.exponential(factor))
    return made.run(problem.loss, starts[0], steps).x if path else made.ensemble(
        problem.loss, starts, steps).x


def clipped(problem: Problem, starts: np.ndarray, setting: Setting, seed: int, steps: int,
            path: bool = False) -> np.ndarray:
    """Euler steps h of the clipped loss-normalised flow, as in the two-minima example."""
    field = fo.flows.LossNormalizedFlow(M=setting["M"]).on(problem.loss)
    return _run(field, starts, fo.Euler(setting["h"]), steps, path)


def _grid(**values: Any) -> list[Setting]:
    return [dict(zip(values, map(float, pick), strict=True))
            for pick in itertools.product(*values.values())]


def _noise_grid(p: Problem) -> list[Setting]:
    temperatures = p.barrier * np.array([0.05, 0.1, 0.2, 0.4])
    return [{"lr": lr, "s": float(np.sqrt(2 * T / lr))}
            for lr in np.array([0.1, 0.3, 0.9]) / p.curvature for T in temperatures]


@dataclass(frozen=True)
class Way:
    """A way out of a local minimum, with the settings that are tried (all have 12, or one)."""

    name: str
    search: Callable[..., np.ndarray]
    grid: Callable[[Problem], list[Setting]]


WAYS = {way.name: way for way in (
    Way("gradient descent", plain, lambda p: [{"lr": p.rate}]),
    Way("stochastic gradients", noisy, _noise_grid),
    Way("annealing (Langevin)", annealed, lambda p: _grid(
        lr=np.array([0.1, 0.3, 0.9]) / p.curvature, T0=p.barrier * np.array([0.2, 0.4, 0.8, 1.6]))),
    Way("annealing (Metropolis)", metropolis, lambda p: _grid(
        sigma=[0.3, 0.6, 1.2], T0=p.barrier * np.array([0.1, 0.3, 1.0, 3.0]))),
    Way("many starts", many_starts, lambda p: _grid(
        k=[2, 3, 5, 8, 12, 20, 30, 45, 70, 100, 150, 200])),
    Way("momentum", momentum, lambda p: _grid(
        lr=np.array([0.1, 0.3, 0.9]) / p.curvature, beta=[0.9, 0.97, 0.99, 0.997])),
    Way("learning-rate tuning", tuned_rate, lambda p: _grid(
        lr=np.geomspace(1.2, 40.0, 12) / p.curvature)),
    Way("clipped loss-normalised", clipped, lambda p: _grid(
        h=[0.003, 0.01, 0.03, 0.1], M=[10.0, 100.0, 1000.0])),
)}
