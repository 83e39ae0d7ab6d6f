"""Optimizer: a flow, a method and a clock, which together are the published algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.flow import Flow
from flowopt.integrators.ensemble import Ensemble
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.methods import FixedStep
from flowopt.integrators.trajectory import Trajectory
from flowopt.optimizers.composable import Composable
from flowopt.optimizers.running import check_method, evaluated, parsed, run_many, run_one
from flowopt.optimizers.stepping import hyper_at
from flowopt.optimizers.stopping import Stall

#: from a step on, times k h of neighbouring steps are not told apart by all that asks for k
MOST_FIRST = 2**48


@dataclass(frozen=True)
class Clock:
    """How steps are counted in the time of the flow: t = k · step.

    Attributes
    ----------
    step : float
        The time of one step.
    formula : str
        The step in terms of the hyper-parameters, such as ``lr`` or ``sqrt(lr)``.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.adagrad(lr=0.1).clock
    Clock(step=0.01, formula='lr**2')
    >>> fo.optimizers.adagrad(lr=0.1).clock.time(300)
    3.0
    """

    step: float
    formula: str

    def time(self, k: Any) -> Any:
        """Return the time t after k steps."""
        return np.multiply(k, self.step) if np.ndim(k) else float(k * self.step)

    def steps(self, t: Any) -> Any:
        """Return the number of steps at time t (a real number)."""
        return np.divide(t, self.step) if np.ndim(t) else float(t / self.step)

    def __repr__(self) -> str:
        return f"Clock(step={self.step:.12g}, formula={self.formula!r})"


@dataclass(frozen=True)
class Optimizer(Composable):
    """A published optimizer as a map: a flow, discretised by a method, with a clock.

    Made by the functions of `flowopt.optimizers`, or from any flow by
    `flowopt.optimizers.from_flow`.

    Attributes
    ----------
    name : str
        Its name.
    flow : Flow
        The rule θ̇ = φ(g, L, θ, states, t). A parameter ``h`` of it is the step: terms with it are
        what tells the map's rule from the flow that it tends to; see `limit`.
    method : FixedStep
        The splitting, with the step of the clock.
    clock : Clock
        t = k · step, with the step as a formula of the hyper-parameters.
    hyper : dict
        The hyper-parameters.
    maps : dict
        For each parameter of the flow, its formula in terms of the hyper-parameters.
    initial : dict
        For each state that does not start at 0, its formula over θ, g and the parameters.
    report : str
        The rule of what a run reports as x where this is not θ; else empty.
    limits : dict
        The rules of the flow for step → 0, where they are not the rule with h = 0.
    note, reference : str
        The conventions, and the published source.
    origins : dict
        For each start in `initial` that is a number, its formula in terms of the hyper-parameters.
    no_limit : str
        Why there is no flow for step → 0; else empty.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.adam(lr=0.1)
    >>> traj = opt.run(fo.Loss("x**2 + 10*y**2"), [1.0, 1.0], steps=200)
    >>> float(traj.t[-1]), traj.status.name, bool(traj.loss[-1] < 1e-6)
    (200.0, 'REACHED_END', True)
    """

    name: str
    flow: Flow
    method: FixedStep
    clock: Clock
    hyper: Mapping[str, Any] = field(default_factory=dict)
    maps: Mapping[str, str] = field(default_factory=dict)
    initial: Mapping[str, str] = field(default_factory=dict)
    report: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    reference: str = ""
    origins: Mapping[str, str] = field(default_factory=dict, repr=False)
    no_limit: str = ""

    @property
    def noisy(self) -> bool:
        """Whether its runs draw random numbers."""
        return bool(self.method.stochastic)

    @property
    def limit(self) -> Flow:
        """The flow that the optimizer tends to as its step goes to 0 at fixed rates."""
        if self.no_limit:
            raise ValueError(f"{self.name} has no flow for step -> 0: {self.no_limit}")
        if self.limits:
            used = {k: v for k, v in self.flow.parameters.items()
                    if any(k in r.names for r in parsed(dict(self.limits)))}
            return Flow(dict(self.limits), parameters=used, name=f"limit of {self.name}",
                        positive=[p for p in self.flow.positive if p in used])
        if "h" in self.flow.positive:
            raise ValueError(f"{self.name} tends to a running maximum, which is no ordinary "
                             "differential equation; opt.flow is its flow at this step")
        if "h" in self.flow.parameters:
            return self.flow.with_parameters(h=0.0)
        return self.flow

    def with_step(self, step: float) -> Optimizer:
        """Return the same rule with another time of one step, the rates of its flow unchanged.

        For Adam, for example, this changes lr and with it 1 − β₁ = a·lr and 1 − β₂ = b·lr. The
        hyper-parameters are those of the published algorithm at that step; where none are (a rate
        times the step is more than 1, say), the step ``h`` stands for those that depend on it.

        Examples
        --------
        >>> import flowopt as fo
        >>> half = fo.optimizers.adam(lr=0.01).with_step(0.005)
        >>> half.hyper["lr"], round(half.hyper["beta1"], 12), round(half.hyper["beta2"], 12)
        (0.005, 0.95, 0.9995)
        """
        step = _check.real("step", step, above=0.0)
        flow = self.flow.with_parameters(h=step) if "h" in self.flow.parameters else self.flow
        method = replace(self.method, h=step)
        origins = {s: (f, float(self.initial[s])) for s, f in self.origins.items()}
        hyper = hyper_at(self.hyper, self.clock.formula, self.maps, self.flow.parameters, origins,
                         step)
        if hyper is not None:
            return replace(self, flow=flow, method=method, hyper=hyper,
                           clock=Clock(step, self.clock.formula))
        fixed = {n for n, f in self.maps.items() if n == f}
        kept = {k: v for k, v in self.hyper.items() if k in fixed or isinstance(v, (str, bool))}
        return replace(self, flow=flow, method=method, hyper={**kept, "h": step},
                       clock=Clock(step, "h"), maps={n: n for n in fixed}, origins={})

    # ---------------------------------------------------------------- runs
    def start(self, loss: Any, x0: Any) -> np.ndarray:
        """Return y0 (m,), θ and the states, from θ (n,); a full y0 (m,) is returned as it is."""
        flow_field = self.flow.on(loss)
        return self._start(flow_field, x0)

    def _start(self, flow_field: Any, x0: Any) -> np.ndarray:
        y0 = flow_field.start(x0)
        if np.size(x0) == flow_field.n:
            y0 = self._starts(flow_field, y0[None])[0]
        return y0

    def limit_start(self, loss: Any, x0: Any) -> np.ndarray:
        """Return y0 of the field ``opt.limit.on(loss)`` from θ (n,).

        Its states start as the optimizer's do for step → 0.

        Examples
        --------
        >>> import flowopt as fo
        >>> opt, loss = fo.optimizers.adagrad(lr=0.1, initial_accumulator_value=2.0), "x**2"
        >>> y0 = opt.limit_start(loss, [3.0])
        >>> y0
        array([3.  , 0.02])
        >>> flow = fo.integrate(opt.limit.on(loss), y0, t=(0.0, 1.0))
        >>> run = opt.with_step(1e-4).run(loss, [3.0], steps=10_000)
        >>> bool(abs(flow.x[-1, 0] - run.x[-1, 0]) < 1e-2)
        True
        """
        flow_field = self.limit.on(loss)
        return self._starts(flow_field, flow_field.start(x0)[None], 0.0)[0]

    def _starts(self, flow_field: Any, y: np.ndarray, h: float | None = None) -> np.ndarray:
        """Fill in the states of starts (N, m) of which θ is given."""
        ranges = {name: (a, b) for name, a, b in flow_field.blocks}
        step = self.method.h if h is None else h
        for state, formula in self.initial.items():
            if state not in ranges:  # the limit has fewer states
                continue
            a, b = ranges[state]
            try:
                y[:, a:b] = float(formula)
            except ValueError:
                y[:, a:b] = evaluated(formula, flow_field, step, 0.0, y)
        return y

    def run(self, loss: Any, x0: Any, steps: int | None = None, *, save_every: int = 1,
            first: int = 0, seed: int | None = None, epochs: int | None = None,
            stop: Stall | None = None) -> Trajectory:
        """Take steps of the optimizer on a loss.

        Parameters
        ----------
        loss : Loss or str
            The loss: an expression or a kernel.
        x0 : array_like, shape (n,) or (m,)
            The start θ, with the states that the algorithm starts with; or θ and the states, to
            go on from the end of a run.
        steps : int, >= 1
            The number of steps; 1000 by default.
        save_every : int, >= 1
            Keep each so many-th step (and the last one).
        first : int, >= 0
            The number of steps taken before, when a run goes on. A run that reports another point
            than θ (an average, `nesterov` in its look-ahead form) cannot go on from its end.
        seed : int, optional
            For optimizers with noise; by default one is drawn, and recorded in the result.
        epochs : int, >= 1
            In place of steps, for a loss with batches: how often all samples are seen.
        stop : Stall or EarlyStopping, optional
            When to end before all steps are taken; the run then has Status.EVENT.

        Returns
        -------
        Trajectory
            With ``t`` = the number of the step k; the flow's time is ``opt.clock.time(traj.t)``.

        Examples
        --------
        >>> import flowopt as fo
        >>> sgd = fo.optimizers.sgd(lr=0.1, momentum=0.5)
        >>> sgd.run("x**2/2", [1.0], steps=3).x[:, 0]
        array([1.   , 0.9  , 0.76 , 0.614])
        >>> start = sgd.run("x**2/2", [1.0], steps=2).y[-1]
        >>> sgd.run("x**2/2", start, steps=1, first=2).x[-1]
        array([0.614])
        """
        steps = steps_of(loss, steps, epochs)
        every = _check.integer("save_every", save_every, at_least=1)
        first = _check.integer("first", first, at_least=0, at_most=MOST_FIRST)
        rules = [] if stop is None else [("stop", stop)]
        return run_one(self, loss, x0, steps, every, first, seed, rules)[0]

    def reported(self, flow_field: Any, y: np.ndarray, k: Any) -> np.ndarray:
        """Return what runs report as x (N, n) for states y (N, m) after k steps, () or (N,)."""
        if not self.report:
            return y[:, :flow_field.n]
        h = self.method.h
        return evaluated(self.report, flow_field, h, np.broadcast_to(k, (len(y),)) * h, y)

    def step(self, loss: Any, y: Any, k: int = 0) -> np.ndarray:
        """Return the state y⁺ (m,) one step after y (m,), which is the state after k steps.

        Examples
        --------
        >>> import flowopt as fo
        >>> opt = fo.optimizers.sgd(lr=0.25, momentum=0.5)
        >>> y = opt.start("x**2/2", [1.0])
        >>> opt.step("x**2/2", y)
        array([ 0.75, -0.5 ])
        """
        if self.method.stochastic:
            raise ValueError(f"step has no noise to draw from, and {self.name} has noise; use run "
                             "with a seed")
        k = _check.integer("k", k, at_least=0)
        flow_field = self.flow.on(loss)
        y0 = flow_field.start(y)
        if y0.shape != np.shape(y):
            raise ValueError(f"y must have shape ({flow_field.m},), got shape {np.shape(y)}; "
                             "start gives it from x0")
        begin, end = self.clock.time(k), self.clock.time(k + 1)
        check_method(self.method, flow_field, begin, end)
        block = FixedBlock(flow_field, self.method, y0[None], flow_field.p[None], begin, end,
                           np.zeros(0), 1)
        block.run(1)
        flow_field.raise_pending()
        return block.y[:, 0].copy()

    def ensemble(self, loss: Any, x0s: Any, steps: int = 1000, *, stop: Stall | None = None,
                 **options: Any) -> Ensemble:
        """Run from many starts at once; each gives the bits of the run alone.

        Parameters
        ----------
        loss : Loss or str
            The loss.
        x0s : array_like, shape (N, n) or (N, m)
            The starts.
        steps : int, >= 1
            The number of steps.
        stop : Stall or EarlyStopping, optional
            When a run ends by itself, each in a step of its own.
        **options
            ``threads``, ``progress``, ``seed`` and ``seeds``, and without `stop` also ``reduce``,
            ``parameters`` and ``executor``, as for `flowopt.ensemble`.

        Returns
        -------
        Ensemble
            With ``t`` = the number of steps taken; row i is the run from ``x0s[i]``.

        Examples
        --------
        >>> import flowopt as fo
        >>> ens = fo.optimizers.rmsprop(lr=0.01).ensemble("(x**2 - 1)**2", [[-2.0], [0.5]])
        >>> ens.x.round(1)
        array([[-1.],
               [ 1.]])
        """
        steps = _check.integer("steps", steps, at_least=1)
        return run_many(self, loss, x0s, steps, stop, options)

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
                           for k, v in self.hyper.items())
        return f"<Optimizer {self.name}({values}): {self.flow.name}, {self.method.name}>"


def steps_of(loss: Any, steps: int | None, epochs: int | None) -> int:
    """Return the number of steps, which may be given in epochs."""
    if epochs is None:
        return _check.integer("steps", 1000 if steps is None else steps, at_least=1)
    if steps is not None:
        raise ValueError("steps and epochs say the same; give one of them")
    if not hasattr(loss, "steps_per_epoch"):
        raise ValueError("epochs needs a loss of data, such as loss.batches(size, seed); give "
                         "steps")
    return _check.integer("epochs", epochs, at_least=1) * int(loss.steps_per_epoch)
