"""What `lyapunov_exponents` does: batches of steps, and the search for rests and cycles."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.flows.field import VectorField
from flowopt.stability.growth.exponents import LyapunovSpectrum
from flowopt.stability.growth.spectrum_problem import BATCHES, Problem
from flowopt.stability.growth.tangent import Tangents

#: Student's quantile of 97.5 % for 31 degrees of freedom
QUANTILE = 2.0395134463964077
#: standard errors from which on a trend of the batches is no noise
TREND = 4.0
#: exponents below this part of the largest are rounding
_ROUNDING = 1e-12
#: the longest cycle that is looked for, and how close it must close
LONGEST, CLOSED = 64, 1e-9
#: rounds of Newton's method on a cycle, and how far it may move it
POLISH, NEAR = 30, 1e-2


def measured(made: Problem, seed: int) -> LyapunovSpectrum:
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
    half = np.maximum(np.where(error > 0, QUANTILE * error, 0.0),
                      _drift(np.take_along_axis(means, order[None], 2)))
    low, high = values - half, values + half
    last = runs.states
    orbit = _orbit(runs, max(1, made.steps // (40 * LONGEST)) if made.flow else 1)
    failed = runs.failed
    for i, when in made.ends.items():
        failed[i] = int((when - made.t0) / made.h)
    status = np.full(count, "neutral", dtype=object)
    with np.errstate(invalid="ignore"):
        tiny = _ROUNDING * (1.0 + np.abs(values).max(axis=1))
        status[low[:, 0] > tiny] = "chaotic"
        status[high[:, 0] < -tiny] = "regular"
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
    return LyapunovSpectrum(
        values[pick], error[pick], low[pick], high[pick], status[pick], period[pick],
        "time" if made.flow else "step", made.h, times + made.t0,
        history.swapaxes(0, 1)[pick], mean[pick], orbit[pick],
        messages[0] if made.single else messages, seed)


def _drift(means: np.ndarray) -> np.ndarray:
    """Return how far the batches (B, N, k) move from the first quarter to the last, or 0.

    It is 0 where their trend is within the noise, as it is once a motion is on its attractor.
    """
    at = np.arange(BATCHES) - (BATCHES - 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = means - means.mean(axis=0)
        slope = np.tensordot(at, centred, (0, 0)) / (at @ at)
        left = centred - at[:, None, None] * slope
        error = np.sqrt((left**2).sum(axis=0) / (BATCHES - 2) / (at @ at))
        moved = np.abs(means[-BATCHES // 4:].mean(axis=0) - means[:BATCHES // 4].mean(axis=0))
        return np.where(np.abs(slope) > TREND * error, moved, 0.0)


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
        matrices = _multipliers(made, rows, p, orbit[rows, -1])
        for i, matrix in zip(rows, matrices, strict=True):
            size = np.sort(np.abs(np.linalg.eigvals(matrix)))[::-1]
            with np.errstate(divide="ignore"):
                exact = np.log(size) / p
            kind = "unstable" if size[0] >= 1.0 else "converged" if p == 1 else "periodic"
            results[i] = kind, p, exact
    return results


def _multipliers(made: Problem, rows: list[int], p: int, y: np.ndarray) -> np.ndarray:
    """Return DΦᵖ (N, m, m) on the cycles next to y (N, m), which Newton's method makes exact."""
    one = np.eye(y.shape[1])
    scale = 1.0 + np.abs(y).max(axis=1, keepdims=True)
    start, matrices = y.copy(), np.empty(0)
    for _ in range(POLISH):
        runs = Tangents(made.field, made.scheme, made.h, y, one, made.p[rows], made.t0, every=0)
        runs.run(p)
        matrices = runs.frames
        try:
            move = np.linalg.solve(matrices - one, (runs.states - y)[..., None])[..., 0]
        except np.linalg.LinAlgError:
            break
        new = y - move
        # a cycle that has drifted off is another one: such rows stay where they are
        good = (np.abs(new - start) <= NEAR * scale).all(axis=1, keepdims=True)
        if (np.abs(np.where(good, move, 0.0)) <= 4e-16 * scale).all():
            break
        y = np.where(good, new, y)
    return matrices


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
