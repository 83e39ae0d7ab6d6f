"""The arguments of `lyapunov_exponents`, checked: what is measured, from where, for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.field import VectorField
from flowopt.integrators import tableaus
from flowopt.integrators.methods import DOP853, Euler, SequentialEuler
from flowopt.integrators.status import Status
from flowopt.optimizers.optimizer import Optimizer
from flowopt.stability.backward.schemes import scheme_of
from flowopt.stability.backward.trees import Scheme
from flowopt.stability.growth.tangent import explicit

#: the mean and its error come from so many parts of a run
BATCHES = 32
#: steps of a field beyond which a run would take minutes
MOST_STEPS = 1e8
#: trial runs that tell the step of a field, and their tolerance
TRIALS, TOLERANCE = 4, 1e-9


@dataclass(frozen=True)
class Problem:
    """What is measured: a map of a field, from starts, over a number of steps."""

    field: VectorField
    scheme: Scheme
    h: float
    y: np.ndarray  # (N, m)
    p: np.ndarray  # (N, P)
    k: int
    t0: float
    skipped: int
    steps: int
    flow: bool
    single: bool
    ends: Mapping[int, float]  # when trial runs of a flow ended before their time


def problem(system: Any, x0: Any, loss: Any, method: Any, k: int | None, t: Any,
            steps: int | None, transient: float | None, parameters: Mapping[str, Any] | None
            ) -> Problem:
    """Return the arguments of `lyapunov_exponents`, checked."""
    if isinstance(system, Optimizer):
        field, method = _of_optimizer(system, loss, method)
    elif isinstance(system, VectorField):
        field = system
        if loss is not None:
            raise ValueError(f"loss has no effect for the field {field.name}; leave it out")
    else:
        raise TypeError("system must be a vector field (flow.on(loss) or fo.VectorField) or an "
                        f"optimizer, got {_check.shown(system)}; put a flow on a loss first")
    if field.is_kernel:
        raise ValueError(f"lyapunov_exponents needs the exact Jacobian, and {field.name} is made "
                         "of kernels; give it as expressions")
    flow = method is None
    if flow and field.surfaces:
        raise ValueError(f"the field {field.name} has switching surfaces, across which its tangent "
                         "flow jumps; give a method of fixed step, which makes a map of it")
    starts = _check.array("x0", x0, f"({field.n},) or (N, {field.n})", (0, 1, 2))
    single = starts.ndim < 2
    y = field.starts(np.atleast_2d(starts), "x0" if single else "x0s")
    if isinstance(system, Optimizer) and np.shape(starts)[-1:] != (field.m,):
        y = system._starts(field, y)
    p, y, single = _parameters(field, parameters, y, single)
    k = field.m if k is None else _check.integer("k", k, at_least=1, at_most=field.m)
    blocks = [name for name, _, _ in field.blocks]
    scheme = scheme_of(tableaus.DOP853 if flow else method, blocks, field)
    if not explicit(scheme) or (not flow and scheme.step is None):
        raise ValueError("method must be explicit and of fixed step, such as fo.Euler(h=0.01), got "
                         f"{_check.shown(method)}")
    if flow:
        if steps is not None:
            raise ValueError("steps has no effect for the flow of a field; give t=(start, end)")
        start, end = _check.span((0.0, 1000.0) if t is None else t)
        if end < start:
            raise ValueError(f"t must be a span forward in time, got ({start:g}, {end:g})")
        skip = _check.real("transient", (end - start) / 10 if transient is None else transient,
                           at_least=0.0, below=end - start)
        h, ends = _step(field, y, p, start, end)
        count = max(BATCHES, int(np.ceil((end - start - skip) / h / BATCHES)) * BATCHES)
        h = (end - start - skip) / count
        return Problem(field, scheme, h, y, p, k, start, int(np.ceil(skip / h)), count, True,
                       single, ends)
    if t is not None:
        raise ValueError("t has no effect for a map; give steps")
    steps = _check.integer("steps", 100_000 if steps is None else steps, at_least=BATCHES)
    skipped = _check.integer("transient", steps // 10 if transient is None else transient,
                             at_least=0, at_most=steps - BATCHES)
    count = (steps - skipped) // BATCHES * BATCHES
    assert scheme.step is not None
    return Problem(field, scheme, scheme.step, y, p, k, 0.0, steps - count, count, False, single,
                   {})


def _of_optimizer(optimizer: Optimizer, loss: Any, method: Any) -> tuple[VectorField, Any]:
    if loss is None:
        raise TypeError(f"loss must be given for the optimizer {optimizer.name}")
    if method is not None:
        raise ValueError(f"method has no effect for {optimizer.name}, which has the splitting "
                         f"{optimizer.method.name}; leave it out, or give a field")
    if optimizer.noisy or type(optimizer.method) not in (Euler, SequentialEuler):
        raise ValueError(f"lyapunov_exponents needs steps of explicit Euler or of a splitting, "
                         f"without noise, and {optimizer.name} has {optimizer.method.name}")
    return optimizer.flow.on(loss), optimizer.method


def _parameters(field: VectorField, given: Mapping[str, Any] | None, y: np.ndarray, single: bool
                ) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the parameters (N, P) and as many starts."""
    known = {name: np.full(1, value) for name, value in field.parameters.items()}
    for name, value in (given or {}).items():
        if name not in known:
            raise ValueError(f"there is no parameter {name}; "
                             f"{_check.nearest(name, list(known) or ['(none)'])}")
        array = _check.array(f"parameters[{name!r}]", value, "() or (N,)", (0, 1))
        known[name] = np.atleast_1d(array)
        single = single and array.ndim == 0
    count = max([len(y), *(len(v) for v in known.values())])
    for name, v in [("x0", y), *known.items()]:
        if len(v) not in (1, count):
            raise ValueError(f"{name} must have 1 or {count} entries, one for each run, got "
                             f"{len(v)}")
    columns = [np.broadcast_to(v, (count,)) for v in known.values()]
    p = np.stack(columns, axis=1) if columns else np.zeros((count, 0))
    return p, np.broadcast_to(y, (count, y.shape[1])).copy(), single


def _step(field: VectorField, y: np.ndarray, p: np.ndarray, start: float, end: float
          ) -> tuple[float, dict[int, float]]:
    """Return half the least step that DOP853 takes on trial runs, and which of them end when."""
    from flowopt.integrators.integrate import integrate

    least, ends = (end - start) / BATCHES, {}
    for i in np.unique(np.linspace(0, len(y) - 1, TRIALS).astype(int)).tolist():
        own = field.with_parameters(**dict(zip(field.parameters, p[i].tolist(), strict=True)))
        trial = integrate(own, y[i], (start, start + min(end - start, 100.0)),
                          DOP853(rtol=TOLERANCE, atol=TOLERANCE), max_steps=20_000)
        lengths = np.diff(trial.t)[1:-1]  # the first is a guess, the last is cut
        if trial.status in (Status.DIVERGED, Status.STEP_TOO_SMALL):
            ends[i] = float(trial.t[-1])  # a pole, next to which the steps shrink for ever
            least = min(least, float(lengths.max(initial=0.0)) / 2 or least)
        elif len(lengths):
            least = min(least, float(lengths.min()) / 2)
    if (end - start) / least > MOST_STEPS:
        raise ValueError(f"the field {field.name} needs steps of {least:.3g}, and t spans "
                         f"{(end - start) / least:.3g} of them; give a shorter t, or parameters "
                         "at which it is less stiff")
    return least, ends
