"""Metropolis annealing: an optimizer whose flow is a jump process."""

from __future__ import annotations

import time as _time
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np

from flowopt import _check
from flowopt.flows.catalogue import GradientFlow
from flowopt.integrators import pool
from flowopt.integrators.ensemble import Ensemble
from flowopt.integrators.fixed_run import MOST_BYTES
from flowopt.integrators.integrate import checked_saves, checked_seed
from flowopt.integrators.jumps import Jumps, MetropolisStep
from flowopt.integrators.status import Status
from flowopt.integrators.trajectory import Events, Stats, Trajectory
from flowopt.optimizers.optimizer import Clock, Optimizer, steps_of
from flowopt.optimizers.running import seeds_of
from flowopt.optimizers.schedules import Schedule, cooled
from flowopt.optimizers.stopping import Stall


@dataclass(frozen=True)
class JumpProcess:
    """The continuous side of Metropolis annealing: jumps at the times of a Poisson process.

    With rate r, θ jumps to θ' = θ + σ z, z ~ N(0, I), with probability min(1, exp(−ΔL/T(t))); so
    (A f)(θ) = r ∫ q(θ' − θ) min(1, exp(−(L(θ') − L(θ))/T)) (f(θ') − f(θ)) dθ'. At a fixed T it is
    in detailed balance with the Gibbs law exp(−L/T).

    Source: Metropolis et al., J. Chem. Phys. 21 (1953) 1087, for the acceptance.

    Attributes
    ----------
    rate, sigma : float
        r and σ.
    temperature : float, str or sympy expression
        T, or a formula of time.

    Examples
    --------
    >>> import flowopt as fo
    >>> process = fo.optimizers.metropolis(sigma=1.0, temperature=0.5, rate=2.0).flow
    >>> ens = process.simulate("x**2/2", [[0.0]] * 4000, t=(0.0, 20.0), seed=1)
    >>> bool(abs(ens.x.var() - 0.5) < 0.05), bool(abs(ens.steps.mean() - 40) < 1)
    (True, True)
    """

    rate: float
    sigma: float
    temperature: Any

    #: it has no rules of text
    rules: ClassVar[dict[str, Any]] = {}
    states: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[dict[str, float]] = {}
    positive: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """What it is, in words."""
        return "jumps theta + sigma N(0, 1), accepted with probability min(1, exp(-dL/T))"

    def simulate(self, loss: Any, x0s: Any, t: Any, *, save_at: Any = None,
                 seed: int | None = None, seeds: Any = None, threads: int | None = None,
                 progress: bool = False) -> Ensemble:
        """Return many paths of the process over a span of time.

        Parameters
        ----------
        loss : Loss or str
            The loss; only its values are used.
        x0s : array_like, shape (N, n)
            The starts.
        t : (float, float)
            The span.
        save_at : array_like, shape (k,), optional
            Times at which states are kept, in ``saved`` (N, k, n).
        seed, seeds, threads, progress
            As for `flowopt.ensemble`.

        Returns
        -------
        Ensemble
            ``steps`` are the proposals of each run.
        """
        start, end = _check.span(t)
        if end < start:
            raise ValueError(f"t must run forwards for a jump process, got ({start:g}, {end:g})")
        method = MetropolisStep(1.0 / self.rate, self.sigma, self.temperature)
        field, x = _starts(loss, x0s)
        saves = checked_saves(save_at, start, end)
        method.check(field, start, end)
        options = {"seed": seed, "seeds": seeds}
        seed, own = seeds_of(True, options, len(x), _Of(method))
        made = Jumps(method, field, x, (start, end), 0, True, seed or 0, own, saves)
        made.run(pool.checked(threads, None, field), progress)
        status = np.where(made.done, Status.REACHED_END, Status.CANCELLED)
        return Ensemble(made.x, np.full(len(x), end), status, made.proposals, field.n,
                        made.saved if save_at is not None else None, {"accepted": made.accepted},
                        seed, field)

    def on(self, loss: Any) -> NoReturn:
        """Refuse: it is no ordinary differential equation."""
        raise ValueError("a jump process is no ordinary differential equation and has no vector "
                         "field; use opt.flow.simulate(loss, x0s, t=...), or opt.run for its steps")


class Metropolis(Optimizer):
    """Metropolis annealing; made by `metropolis`."""

    flow: JumpProcess  # type: ignore[assignment]
    method: MetropolisStep

    @property
    def limit(self) -> Any:
        """Refuse: with h -> 0 the jumps come ever more often."""
        raise ValueError("metropolis tends to no ordinary differential equation: its jumps keep "
                         "their size; opt.flow is the jump process, and annealing the diffusion")

    def start(self, loss: Any, x0: Any) -> np.ndarray:
        """Return θ (n,), checked: there are no states."""
        return _start(loss, x0)[1][0]

    def with_step(self, step: float) -> Metropolis:
        """Return the same process with another rate, 1/step; T stays what it is in time."""
        made: Metropolis = metropolis(self.method.sigma, self.method.temperature,
                                      1.0 / _check.real("step", step, above=0.0))
        return made

    def run(self, loss: Any, x0: Any, steps: int | None = None, *, save_every: int = 1,
            first: int = 0, seed: int | None = None, epochs: int | None = None,
            stop: Stall | None = None) -> Trajectory:
        """Take steps, each with one proposal; see `Optimizer.run`."""
        steps = steps_of(loss, steps, epochs)
        every = _check.integer("save_every", save_every, at_least=1)
        if first != 0:
            raise ValueError(f"first must be 0 for metropolis, got {_check.shown(first)}")
        _no_stop(stop)
        field, x = _start(loss, x0)
        if steps * field.n * 8 > MOST_BYTES:
            raise ValueError(f"steps={steps:,} would keep {steps * field.n * 8 / 2**30:.1f} GB; "
                             "use ensemble, which keeps the ends")
        seed = checked_seed(seed, self.method)
        clock = _time.perf_counter()
        made = self._jumps(field, x, steps, seed or 0, None, True)
        kept = np.unique(np.append(np.arange(0, steps + 1, every), steps))
        note = f"{made.accepted[0]} of {steps} proposals were accepted."
        return Trajectory(kept.astype(float), made.saved[0][kept], Status.REACHED_END,
                          Stats(steps, 0, steps, 0, _time.perf_counter() - clock),
                          Events.of([], field.n), field.n, field.names, self.name,
                          f"{self.name} on {field.loss.name}", note, seed, None, field)

    def ensemble(self, loss: Any, x0s: Any, steps: int = 1000, *, stop: Stall | None = None,
                 **options: Any) -> Ensemble:
        """Run from many starts; ``reduced["accepted"]`` counts; see `Optimizer.ensemble`."""
        unknown = set(options) - {"threads", "progress", "seed", "seeds"}
        if unknown:
            raise TypeError(f"ensemble has no option {sorted(unknown)[0]} for {self.name}")
        _no_stop(stop)
        steps = _check.integer("steps", steps, at_least=1)
        field, x = _starts(loss, x0s)
        seed, own = seeds_of(True, options, len(x), self)
        made = self._jumps(field, x, steps, seed or 0, own, False, options)
        status = np.where(made.done, Status.REACHED_END, Status.CANCELLED)
        return Ensemble(made.x, made.proposals.astype(float), status, made.proposals, field.n,
                        reduced={"accepted": made.accepted}, seed=seed, vector_field=field)

    def _jumps(self, field: Any, x: np.ndarray, steps: int, seed: int, seeds: Any, keep: bool,
               options: dict[str, Any] | None = None) -> Jumps:
        options = options or {}
        span = (0.0, steps * self.method.h)
        self.method.check(field, *span)
        made = Jumps(self.method, field, x, span, steps, False, seed, seeds, np.zeros(0), keep)
        made.run(pool.checked(options.get("threads"), None, field),
                 bool(options.get("progress", False)))
        return made


class _Of:
    """What `seeds_of` asks an optimizer for."""

    def __init__(self, method: Any) -> None:
        self.method = method


def _no_stop(stop: Any) -> None:
    if stop is not None:
        raise ValueError("stop has no effect for metropolis, which is meant to climb; lower the "
                         "temperature or the number of steps")


def _start(loss: Any, x0: Any) -> tuple[Any, np.ndarray]:
    return _starts(loss, np.atleast_1d(_check.array("x0", x0, "(n,)", (0, 1)))[None], "x0")


def _starts(loss: Any, x0s: Any, name: str = "x0s") -> tuple[Any, np.ndarray]:
    field = GradientFlow().on(loss)
    if getattr(field.loss, "drawn", False) or getattr(field.loss, "steps_per_epoch", 1) > 1:
        raise ValueError(f"loss must be one function of θ for metropolis, which compares its "
                         f"values, and {field.loss.name} changes from step to step; give the loss "
                         "without batches and dropout")
    x = _check.array(name, x0s, "(n,)" if name == "x0" else f"(N, {field.n})", (2,))
    x = field.starts(x, name)
    value = field.loss.value(x)
    if not np.isfinite(value).all():
        raise ValueError(f"{name} must be where the loss is finite, and it is "
                         f"{value[~np.isfinite(value)][0]:g} at start "
                         f"{int(np.argmin(np.isfinite(value)))}")
    return field, x


def metropolis(sigma: float = 1.0, temperature: Any = 1.0, rate: float = 1.0,
               cooling: Schedule | None = None) -> Metropolis:
    """Return Metropolis annealing: θ' = θ + σ z, accepted with probability min(1, exp(−ΔL/T)).

    No gradient is used. The flow is a jump process: the same jumps at random times, at the given
    rate (`JumpProcess`); t = k/rate. At a fixed T both are in detailed balance with exp(−L/T).

    Source: Metropolis et al., J. Chem. Phys. 21 (1953) 1087; Kirkpatrick, Gelatt & Vecchi, Science
    220 (1983) 671, for the cooling.

    Parameters
    ----------
    sigma : float, > 0
        The standard deviation of a proposal in each coordinate.
    temperature : float >= 0, str or sympy expression
        T, in units of the loss; or a formula of the flow's time t, such as ``"2/log(t + 2)"``.
    rate : float, > 0
        Jumps per unit of time.
    cooling : Schedule, optional
        A factor of T in step k, one of `flowopt.optimizers.schedules`, such as
        ``exponential(0.999)``, Kirkpatrick's.

    Examples
    --------
    >>> import flowopt as fo
    >>> cooling = fo.optimizers.schedules.exponential(0.999)
    >>> opt = fo.optimizers.metropolis(sigma=0.5, temperature=3.0, cooling=cooling)
    >>> ens = opt.ensemble(fo.losses.two_minima(), [[3.0]] * 200, steps=5000, seed=1)
    >>> bool((ens.x < 1.843).mean() > 0.7)
    True
    """
    rate = _check.real("rate", rate, above=0.0)
    h = 1.0 / rate
    temperature = cooled(temperature, cooling, h)
    method = MetropolisStep(h, sigma, temperature)
    process = JumpProcess(rate, method.sigma, method.temperature)
    shown = temperature if isinstance(temperature, (int, float)) else str(temperature)
    return Metropolis("metropolis", process, method, Clock(h, "1/rate"),  # type: ignore[arg-type]
                      {"sigma": method.sigma, "temperature": shown, "rate": rate},
                      note="no gradient; T is a formula of t",
                      reference="N. Metropolis et al., J. Chem. Phys. 21 (1953) 1087-1092")
