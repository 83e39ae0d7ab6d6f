"""What `lyapunov_exponents` does: checks, batches, and the search for rests and cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.field import VectorField
from flowopt.integrators import tableaus
from flowopt.integrators.methods import DOP853, Euler, SequentialEuler
from flowopt.optimizers.optimizer import Optimizer
from flowopt.stability.exponents import Exponents
from flowopt.stability.schemes import scheme_of
from flowopt.stability.tangent import Tangents, explicit
from flowopt.stability.trees import Scheme

BATCHES = 32
#: Student's quantile of 97.5 % for 31 degrees of freedom
QUANTILE = 2.0395134463964077
#: the longest cycle that is looked for, and how close it must close
LONGEST, CLOSED = 64, 1e-9
#: steps of a trial run that tell the step of a field, and its tolerance
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
        h = _step(field, y, p, start, end)
        count = max(BATCHES, int(np.ceil((end - start - skip) / h / BATCHES)) * BATCHES)
        h = (end - start - skip) / count
        return Problem(field, scheme, h, y, p, k, start, int(np.ceil(skip / h)), count, True,
                       single)
    if t is not None:
        raise ValueError("t has no effect for a map; give steps")
    steps = _check.integer("steps", 100_000 if steps is None else steps, at_least=BATCHES)
    skipped = _check.integer("transient", steps // 10 if transient is None else transient,
                             at_least=0, at_most=steps - BATCHES)
    count = (steps - skipped) // BATCHES * BATCHES
    assert scheme.step is not None
    return Problem(field, scheme, scheme.step, y, p, k, 0.0, steps - count, count, False, single)


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


def _step(field: VectorField, y: np.ndarray, p: np.ndarray, start: float, end: float) -> float:
    """Return half the least step that DOP853 takes on trial runs."""
    from flowopt.integrators.integrate import integrate

    least = (end - start) / BATCHES
    for i in np.unique(np.linspace(0, len(y) - 1, TRIALS).astype(int)):
        own = field.with_parameters(**dict(zip(field.parameters, p[i].tolist(), strict=True)))
        trial = integrate(own, y[i], (start, start + min(end - start, 100.0)),
                          DOP853(rtol=TOLERANCE, atol=TOLERANCE), max_steps=20_000)
        lengths = np.diff(trial.t)[1:-1]  # the first is a guess, the last is cut
        if len(lengths):
            least = min(least, float(lengths.min()) / 2)
    return least


def measured(made: Problem, seed: int) -> Exponents:
    """Return the exponents."""
    m, k = made.y.shape[1], made.k
    rng = np.random.default_rng(seed)
    frame = np.linalg.qr(rng.normal(size=(m, k)))[0]
    runs = Tangents(made.field, made.scheme, made.h, made.y, frame, made.p, made.t0)
    runs.run(made.skipped)
    runs.logarithms()
    each = made.steps // BATCHES
    length = each * (made.h if made.flow else 1.0)
    count = len(made.y)
    means = np.empty((BATCHES, count, k))
    divergence = np.empty((BATCHES, count))
    for b in range(BATCHES):
        runs.run(each)
        sums, divergence[b] = runs.logarithms()
        means[b] = sums / length
    divergence /= length
    with np.errstate(invalid="ignore"):
        # added one after another, so that a run's result has the same bits in any company
        history = np.cumsum(means, axis=0) / np.arange(1, BATCHES + 1)[:, None, None]
        values = history[-1].copy()
        square = np.cumsum((means - values) ** 2, axis=0)[-1]
        error = np.sqrt(square / (BATCHES * (BATCHES - 1)))
    order = np.argsort(-values, axis=1, kind="stable")
    values, error = (np.take_along_axis(a, order, 1) for a in (values, error))
    history = np.take_along_axis(history, np.broadcast_to(order, history.shape), 2)
    half = np.where(error > 0, QUANTILE * error, 0.0)
    low, high = values - half, values + half
    last = runs.states
    orbit = _orbit(runs, max(1, made.steps // (40 * LONGEST)) if made.flow else 1)
    failed = runs.failed
    status = np.full(count, "neutral", dtype=object)
    with np.errstate(invalid="ignore"):
        status[low[:, 0] > 0] = "chaotic"
        status[high[:, 0] < 0] = "regular"
    found = (_rests if made.flow else _cycles)(made, last, orbit, failed)
    period = np.zeros(count, dtype=np.int64)
    for i, (kind, cycle, exact) in found.items():
        status[i], period[i] = kind, cycle
        values[i] = low[i] = high[i] = exact[:k]
        error[i] = 0.0
    gone = failed >= 0
    status[gone] = "diverged"
    for a in (values, error, low, high):
        a[gone] = np.nan
    history[:, gone] = np.nan
    messages = [_sentence(made, status[i], int(period[i]), int(failed[i])) for i in range(count)]
    mean = divergence.mean(axis=0) if made.flow else np.full(count, np.nan)
    times = (made.skipped + each * np.arange(1, BATCHES + 1)) * (made.h if made.flow else 1)
    pick: Any = 0 if made.single else slice(None)
    return Exponents(values[pick], error[pick], low[pick], high[pick], status[pick], period[pick],
                     "time" if made.flow else "step", made.h, times + made.t0,
                     history.swapaxes(0, 1)[pick], mean[pick], orbit[pick],
                     messages[0] if made.single else messages, seed)


def _orbit(runs: Tangents, stride: int) -> np.ndarray:
    """Return the next 2·LONGEST states (N, 128, m), some steps apart."""
    made = np.empty((runs.count, 2 * LONGEST, runs.m))
    for j in range(2 * LONGEST):
        runs.run(stride)
        made[:, j] = runs.states
    return made


def _cycles(made: Problem, last: np.ndarray, orbit: np.ndarray, failed: np.ndarray
            ) -> dict[int, tuple[str, int, np.ndarray]]:
    """Return for each run that closes: its kind, its period, all exponents by the multipliers."""
    if not made.field.autonomous:
        return {}
    scale = CLOSED * (1.0 + np.abs(last))
    found: dict[int, int] = {}
    for i in np.nonzero(failed < 0)[0].tolist():
        near = (np.abs(orbit[i, :LONGEST] - last[i]) <= scale[i]).all(axis=1)
        for p in (np.nonzero(near)[0] + 1).tolist():
            if (np.abs(orbit[i, 2 * p - 1] - orbit[i, p - 1]) <= scale[i]).all():
                found[i] = p
                break
    results: dict[int, tuple[str, int, np.ndarray]] = {}
    for p in sorted(set(found.values())):
        rows = [i for i, q in found.items() if q == p]
        runs = Tangents(made.field, made.scheme, made.h, orbit[rows, -1], np.eye(made.y.shape[1]),
                        made.p[rows], made.t0, every=0)
        runs.run(p)
        for i, matrix in zip(rows, runs.frames, strict=True):
            size = np.sort(np.abs(np.linalg.eigvals(matrix)))[::-1]
            with np.errstate(divide="ignore"):
                exact = np.log(size) / p
            kind = "unstable" if size[0] >= 1.0 else "converged" if p == 1 else "periodic"
            results[i] = kind, p, exact
    return results


def _rests(made: Problem, last: np.ndarray, orbit: np.ndarray, failed: np.ndarray
           ) -> dict[int, tuple[str, int, np.ndarray]]:
    """Return for each run next to a rest: its kind, 1, and the real parts of the eigenvalues."""
    if not made.field.autonomous:
        return {}
    results: dict[int, tuple[str, int, np.ndarray]] = {}
    for i in np.nonzero(failed < 0)[0].tolist():
        own = made.field.with_parameters(**dict(zip(made.field.parameters, made.p[i].tolist(),
                                                    strict=True)))
        y = orbit[i, -1]
        scale = 1.0 + np.abs(y).max()
        if np.abs(own(0.0, y)).max() > 1e-6 * scale:
            continue
        x = _newton(own, y)
        if x is None or np.abs(x - y).max() > 1e-4 * scale:
            continue
        real = np.sort(np.linalg.eigvals(own.jacobian(0.0, x)).real)[::-1]
        if real[0] < 0:
            results[i] = "converged", 1, real
        elif real[0] > 0 and (np.abs(orbit[i] - x).max() <= CLOSED * scale):
            results[i] = "unstable", 1, real
    return results


def _newton(field: VectorField, y: np.ndarray) -> np.ndarray | None:
    """Return the zero of the field next to y."""
    for _ in range(20):
        try:
            move = np.linalg.solve(field.jacobian(0.0, y), field(0.0, y))
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(move).all():
            return None
        y = y - move
        if np.abs(move).max() <= 4e-16 * (1.0 + np.abs(y).max()):
            break
    return y


def _sentence(made: Problem, status: str, period: int, failed: int) -> str:
    when = made.h * failed + made.t0 if made.flow else failed
    rest = "rest" if made.flow else "fixed point"
    return {
        "converged": f"The run converged to a {rest}; the exponents are those of its eigenvalues.",
        "periodic": f"The run settled on a cycle of {period} steps; the exponents are those of its "
                    "multipliers.",
        "unstable": f"The run stays on a {rest if period < 2 else f'cycle of {period} steps'} that "
                    "repels its neighbours; start beside it for the motion of these.",
        "chaotic": "The largest exponent is above 0 by its 95 % interval.",
        "regular": "The largest exponent is below 0 by its 95 % interval, and no rest or short "
                   "cycle was found.",
        "neutral": "0 lies in the 95 % interval of the largest exponent: a limit cycle, a torus, "
                   "slow convergence, or too short a run; take more time.",
        "diverged": f"The run left all bounds after {'t=' if made.flow else 'step '}{when:g}.",
    }[status]
