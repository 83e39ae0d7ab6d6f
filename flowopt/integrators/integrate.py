"""The verb `integrate`: one trajectory of a vector field."""

from __future__ import annotations

import secrets
import time as _time
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.field import LARGE
from flowopt.integrators.adaptive_run import AdaptiveRun
from flowopt.integrators.dense import Dense
from flowopt.integrators.events import Event, Watch
from flowopt.integrators.fixed_run import FixedRun
from flowopt.integrators.methods import Adaptive, Rodas5P, chosen
from flowopt.integrators.structured import Structured
from flowopt.integrators.taylor import Taylor
from flowopt.integrators.trajectory import Events, Stats, Trajectory

#: default budget of steps of an adaptive method
MAX_STEPS = 1_000_000


def checked_field(field: Any) -> Any:
    """Return `field` if it is a vector field, else refuse with what to do."""
    from flowopt.flows.field import VectorField
    from flowopt.flows.flow import Flow
    from flowopt.losses.loss import Loss

    if isinstance(field, Flow):
        raise TypeError(f"field must be a vector field, got the flow {field.name}; put it on a "
                        "loss with flow.on(loss)")
    if isinstance(field, Loss):
        raise TypeError("field must be a vector field, got a loss; put a flow on it, for example "
                        "fo.flows.GradientFlow().on(loss)")
    if not isinstance(field, VectorField):
        raise TypeError("field must be a vector field (flow.on(loss) or fo.VectorField), got "
                        f"{_check.shown(field)}")
    return field


def checked_saves(save_at: Any, start: float, end: float) -> np.ndarray:
    """Return the times to save at, checked: finite, in the span, in the order of the run."""
    if save_at is None:
        return np.zeros(0)
    times = _check.array("save_at", save_at, "(k,)", (1,))
    direction = 1.0 if end > start else -1.0
    if ((times[1:] - times[:-1]) * direction <= 0).any():
        raise ValueError("save_at must be strictly "
                         f"{'increasing' if direction > 0 else 'decreasing'}, like the run")
    if direction * (times[0] - start) < 0 or direction * (end - times[-1]) < 0:
        raise ValueError(f"save_at must lie in the span from {start:g} to {end:g}, got "
                         f"{times[0]:g} to {times[-1]:g}")
    return times


def step_budget(max_steps: int | None, method: Any, start: float, end: float) -> int:
    """Return the budget of steps; by default enough for a method of fixed step."""
    if max_steps is not None:
        return _check.integer("max_steps", max_steps, at_least=1)
    return MAX_STEPS if isinstance(method, Adaptive) else method.steps(start, end)[0]


def _check_fit(method: Any, field: Any) -> None:
    """Refuse a method whose tolerances or blocks do not fit the field."""
    if isinstance(method, Adaptive):
        method.tolerances(field.m)
        if isinstance(method, Taylor):
            method.check(field)
    elif hasattr(method, "phases"):
        method.phases(field)
    elif isinstance(method, Structured):
        method.check(field)


def check_noise(method: Any, field: Any, p: np.ndarray, start: float, end: float) -> None:
    """Refuse a temperature or a field that a method with noise cannot take; p is (N, P)."""
    from flowopt.integrators.temperature import Heat

    if p.shape[1] == len(field.parameters):
        Heat(method.temperature, field).refuse_extra()
    method.check(field, p, start, end)


def _check_jacobian(method: Any, stiff: Any, field: Any, start: float, y0: np.ndarray,
                    events: Any, rest: Any) -> None:
    """Refuse a Jacobian of the wrong shape, and what many equations do not allow."""
    if not isinstance(method, Rodas5P) and stiff is None:
        return
    field.check_jacobian(start, y0)
    if field.m <= LARGE or stiff is not None:
        return
    if len(events) or rest is not None or not field.is_kernel:
        raise ValueError(f"{method.name} with {field.m} equations (more than {LARGE}) takes a "
                         "field of kernels, no events and no rest; use an explicit method")


def checked_seed(seed: int | None, method: Any) -> int | None:
    """Return the seed of a method with noise (drawn when not given); refuse one without use."""
    if not method.stochastic:
        if seed is not None:
            raise ValueError(f"seed has no effect for {method.name}, which has no noise; leave "
                             "it out")
        return None
    if seed is None:
        return secrets.randbits(63)
    return _check.integer("seed", seed, at_least=0, at_most=2**63 - 1)


def integrate(field: Any, x0: Any, t: tuple[float, float], method: Any = None, *,
              save_at: Any = None, events: Any = (), rest: float | None = None,
              dense: bool | None = None, seed: int | None = None,
              max_steps: int | None = None) -> Trajectory:
    """Integrate a vector field from x0 over the span t.

    Adaptive methods locate every switching surface of the field and follow Filippov's motion:
    crossing, sliding, rest. Methods of fixed step are the discrete map itself and step over
    surfaces as the published optimizers do.

    Parameters
    ----------
    field : VectorField
        What to integrate: ``flow.on(loss)`` or a `VectorField`.
    x0 : array_like, shape (n,) or (m,)
        The start: θ alone (states start at 0), or θ and the states.
    t : (float, float)
        The span, in units of time; a reversed span runs backwards.
    method : Method, optional
        `Euler`, `Heun`, `Midpoint`, `RK4`, `SymplecticEuler`, `SequentialEuler`, `ImplicitEuler`,
        `ConformalLeapfrog`, `DiscreteGradient` (fixed step), `EulerMaruyama`, `SRA1`, `BAOAB`
        (fixed step, with noise), or `Dopri5`, `Tsit5`, `DOP853`, `Taylor`, `Rodas5P`, `Automatic`
        (adaptive). By default ``Automatic()``: DOP853, and Rodas5P from where the field turns out
        to be stiff.
    save_at : array_like, shape (k,), optional
        Times to keep; by default the start and every step.
    events : list of Event or str, optional
        Functions whose zeros are located on the dense output (adaptive methods); they appear in
        `traj.events` with the kind "event". A terminal one ends the run as EVENT.
    rest : float, optional
        End the run as CONVERGED where ‖F‖ falls to this value (adaptive methods).
    dense : bool, optional
        Keep every step for `traj(t)`; by default exactly when `save_at` is not given.
    seed : int, optional
        For methods with noise; by default one is drawn, and recorded in the result. The run is
        that of row 0 of an ensemble with this seed.
    max_steps : int, optional
        The budget of steps, rejected ones included; by default a million for adaptive methods,
        and as many as the span takes for those of fixed step.

    Returns
    -------
    Trajectory
        Whatever happened: a failure is a status, not an exception.

    Raises
    ------
    ValueError, TypeError
        When an argument is not what it must be; before any work starts.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    >>> traj = fo.integrate(field, [4.0], t=(0.0, 25.0), method=fo.DOP853(rtol=1e-12, atol=1e-13))
    >>> traj.status.name, round(float(traj.t[-1]), 6), round(float(traj.x[-1, 0]), 9)
    ('STUCK', 2.127614, 3.0)
    """
    field = checked_field(field)
    start, end = _check.span(t)
    y0 = field.start(x0)
    method, stiff = chosen(method, field.m, LARGE)
    _check_fit(method, field)
    _check_jacobian(method, stiff, field, start, y0, events, rest)
    saves = checked_saves(save_at, start, end)
    limit = step_budget(max_steps, method, start, end)
    if hasattr(method, "apparatus"):
        check_noise(method, field, field.p[None], start, end)
    if dense not in (None, True, False):
        raise TypeError(f"dense must be True, False or None, got {_check.shown(dense)}")
    keep = save_at is None and not method.stochastic if dense is None else bool(dense)
    if method.stochastic and dense:
        raise ValueError(f"dense=True has no meaning for {method.name}: a Brownian path has no "
                         "polynomial between its steps")
    seed = checked_seed(seed, method)
    watch = _watch(field, method, events, rest)
    clock = _time.perf_counter()
    adaptive = isinstance(method, Adaptive)
    run: AdaptiveRun | FixedRun
    if adaptive:
        run = AdaptiveRun(field, method, y0, start, end, saves, keep, limit, watch,
                          rest is not None, stiff)
    else:
        run = FixedRun(field, method, y0, start, end, saves, keep or save_at is None, limit,
                       seed or 0)
    run.go()
    run.finish()
    field.raise_pending()
    times, states = run.times_and_states(save_at is not None)
    stats = Stats(*run.counts, _time.perf_counter() - clock)
    pieces = Dense(run.pieces, start, 1.0 if end > start else -1.0) if keep else None
    return Trajectory(times, states, run.status, stats, Events.of(run.found, field.m), field.n,
                      field.names, run.work, field.name, run.note, seed, pieces, field)


def _watch(field: Any, method: Any, events: Any, rest: float | None) -> Watch:
    """Return what to watch for: the user's events, and then rest as the last one."""
    watch = Watch(field, list(events) if isinstance(events, tuple) else events)
    if rest is not None:
        _check.real("rest", rest, above=0.0)
    if (watch.count or rest is not None) and not isinstance(method, Adaptive):
        raise ValueError(f"events and rest need an adaptive method, got {method.name}; a map has "
                         "no path between its steps (fo.reduce.first_time finds its first step in "
                         "a set)")
    if rest is None:
        return watch
    if field.is_kernel:
        raise ValueError(f"rest needs a field of expressions, and {field.name} is made of kernels")
    import sympy

    speed = sympy.Add(*[e**2 for e in field.equations]) - sympy.Rational(repr(float(rest))) ** 2
    return Watch(field, [*watch.events, Event(speed, terminal=True, direction=-1)])
