"""The rate at which a quantity falls, with its class: finite time, exponential, power law, none.

All three are V' = −c Vᵃ: a < 1 reaches 0 in finite time, a = 1 falls like e^{−ct}, a > 1 like a
power of t. So −(log V)' = c V^{a−1} is a straight line over log V in logarithms, whose slope a − 1
decides the class.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check

KINDS = ("finite time", "exponential", "power law", "none")
#: levels of log V between the first and the last value; the last half of them is fitted
LEVELS = 48
#: times at which a run with dense output is looked at, twice
SAMPLES = 1000
#: values of a run below this part of the first are its errors
FLOOR = 1e-12
#: crests of an oscillation from which on they are the levels
CRESTS = 6
#: |a − 1| below this counts as exponential, and intervals of a longer than WIDE decide nothing
MARGIN, WIDE = 0.02, 0.5
#: V must fall by this factor for anything to be fitted
LEAST_FALL = math.e**2


@dataclass(frozen=True)
class FittedRate:
    """A fitted rate.

    Attributes
    ----------
    kind : str
        "finite time", "exponential", "power law" or "none".
    value, low, high : float
        With their 95 % interval: the time at which V is 0; r of e^{−rt}; or p of t^{−p}. NaN
        for "none".
    power : (float, float, float)
        a of V' = −c Vᵃ, and its interval.
    coefficient : float
        c.
    bound : float or None
        The proved number that was given.
    bound_holds : bool or None
        Whether the values obey it: the fitted number within its interval, or, for a function of
        time, every value.
    points : int
        How many levels the fit rests on.
    message : str
        The result as a sentence.
    """

    kind: str
    value: float
    low: float
    high: float
    power: tuple[float, float, float]
    coefficient: float
    bound: float | None
    bound_holds: bool | None
    points: int
    message: str

    def __repr__(self) -> str:
        return f"<FittedRate: {self.message}>"


def finite_time_bound(V0: float, c: float, a: float) -> float:
    """Return T = V₀^{1−a}/(c (1 − a)), by which V' ≤ −c Vᵃ with a < 1 has brought V to 0.

    Source: Bhat & Bernstein, SIAM J. Control Optim. 38 (2000) 751, Theorem 4.2.

    Parameters
    ----------
    V0 : float, >= 0
        V at the start.
    c : float, > 0
        The factor.
    a : float in [0, 1)
        The power.

    Examples
    --------
    >>> finite_time_bound(9.0, 2.0, 0.5)
    3.0
    """
    V0 = _check.real("V0", V0, at_least=0.0)
    c, a = _check.real("c", c, above=0.0), _check.real("a", a, at_least=0.0, below=1.0)
    return float(V0 ** (1 - a) / (c * (1 - a)))


def fit_rate(data: Any, values: Any = None, *, minimum: float | None = None, tail: float = 0.5,
             bound: float | Callable[[np.ndarray], np.ndarray] | None = None) -> FittedRate:
    """Return the rate at which values fall to 0, and its class.

    The values are replaced by the least falling function above them, max_{s≥t} V(s), so that
    oscillations count by their crests. Between levels that are equally far apart in log V, the
    local rate is −Δ log V/Δt (between crests, if there are six or more); the
    slope of its logarithm over log V is a − 1. The class is

    - "exponential" if the 95 % interval of a holds 1, or lies within 0.02 of it;
    - "finite time" if it lies below 1, "power law" if above;
    - "none" if V falls by less than e², or the interval is longer than 0.5, or a − 1 differs
      between the halves of the fit by more than a quarter and more than three times its errors.

    Parameters
    ----------
    data : Trajectory, or array_like (k,)
        A run, whose L − minimum is V, down to 10⁻¹² of its first value; or times.
    values : array_like, shape (k,)
        V at the times; those after the first that is not above 0 are left out.
    minimum : float, optional
        L*, for a run; by default the `minimum` of its loss.
    tail : float in (0, 1]
        The part of the fall, in log V, that is fitted: the last one, where transients have gone.
    bound : float or callable, optional
        What is proved: the time, rate or power (a time may be smaller than it, a rate or power
        larger), or a function of time that V must not exceed.

    Returns
    -------
    FittedRate

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.0, 10.0, 500)
    >>> fit_rate(t, np.exp(-0.7 * t) * (2 + np.cos(5 * t)), bound=0.5)
    <FittedRate: exponential, rate 0.7...; it is at least the proved 0.5>
    >>> fit_rate(t, np.clip(3.0 - t, 0.0, None) ** 2).kind, fit_rate(t, (1 + t)**-2.0).kind
    ('finite time', 'power law')
    """
    t, v = _series(data, values, minimum)
    tail = _check.real("tail", tail, above=0.0)
    if tail > 1:
        raise ValueError(f"tail must be at most 1, got {tail:g}")
    if bound is not None and not callable(bound):
        bound = _check.real("bound", bound, above=0.0)
    curve = None
    if callable(bound):
        curve = _obeys(bound, t, v)
    number = bound if isinstance(bound, float) else None
    zeros, end = np.nonzero(v <= 0)[0], math.inf
    if len(zeros):
        t, v, end = t[:zeros[0]], v[:zeros[0]], float(t[zeros[0]])
    if len(v) < 8:
        return _none("fewer than 8 values are above 0", number, curve)
    crests = np.maximum.accumulate(v[::-1])[::-1]
    fall = float(crests[0] / crests[-1])
    if fall < LEAST_FALL:
        return _none(f"V falls by a factor of {fall:.3g} only", number, curve)
    logs, speeds = _local(t, np.log(v), np.log(crests), tail)
    if len(logs) < 4:
        return _none("too few levels of V are told apart", number, curve)
    slope, half, middle = _line(logs, np.log(speeds))
    a = (1 + slope, 1 + slope - half, 1 + slope + half)
    with np.errstate(over="ignore"):
        c = float(np.exp(middle - slope * float(logs.mean())))
    kind = _kind(slope, half)
    why = "" if kind != "none" else f"the power a = {a[0]:.3g} ± {half:.2g} is not settled"
    why = why or _bent(logs, np.log(speeds))
    if why:
        return FittedRate("none", math.nan, math.nan, math.nan, a, c, number, curve, len(logs),
                          f"none: {why}")
    value, low, high = _number(kind, slope, half, logs, speeds, float(t[-1]))
    if kind == "finite time":  # the values say no more than the times between them
        low, high = low - float(t[-1] - t[-2]), high + float(t[-1] - t[-2])
        value, low, high = (min(max(v, float(t[-1])), end) for v in (value, low, high))
    return _with_bound(FittedRate(kind, value, low, high, a, c, number, curve, len(logs), ""))


def _series(data: Any, values: Any, minimum: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return times and values, from a run or as they are given."""
    from flowopt.integrators.trajectory import Trajectory

    if isinstance(data, Trajectory):
        if values is not None:
            raise ValueError("values has no effect for a trajectory; give its times and values")
        loss = getattr(data.vector_field, "loss", None)
        if loss is None:
            raise ValueError("data must be a run on a loss, and this one is of equations; give "
                             "times and values")
        least = loss.minimum if minimum is None else _check.real("minimum", minimum)
        if least is None:
            raise ValueError(f"minimum must be given, as the least value of the loss {loss.name} "
                             "is not known")
        if data.dense is not None and len(data.t) > 1:
            times = _times(float(data.t[0]), float(data.t[-1]))
            return _above(times, loss.value(data(times)[:, :data.n]) - least)
        return _above(np.asarray(data.t), np.asarray(data.loss) - least)
    if minimum is not None:
        raise ValueError("minimum has no effect for values; subtract it from them")
    if values is None:
        raise TypeError("values must be given next to the times, got None")
    t = _check.array("data", data, "(k,)", (1,))
    v = _check.array("values", values, "(k,)", (1,))
    if t.shape != v.shape:
        raise ValueError(f"values must have the shape of the times, {t.shape}, got {v.shape}")
    if (np.diff(t) <= 0).any():
        raise ValueError("data must be times in increasing order")
    return t, v


def _above(t: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a run up to where they are its rounding and tolerance."""
    low = np.nonzero(v <= FLOOR * v[0])[0]
    return (t[:low[0]], v[:low[0]]) if len(low) else (t, v)


def _times(start: float, end: float) -> np.ndarray:
    """Return times of a run, even and ever denser towards its end."""
    near = end - (end - start) * np.logspace(0, -9, SAMPLES)
    return np.unique(np.concatenate([np.linspace(start, end, SAMPLES), near, [start]]).clip(
        start, end))


def _obeys(bound: Callable[[np.ndarray], np.ndarray], t: np.ndarray, v: np.ndarray) -> bool:
    """Return whether V(t) ≤ bound(t), up to rounding of the first value."""
    limit = np.broadcast_to(np.asarray(bound(t), dtype=float), t.shape)
    return bool((v <= limit * (1 + 1e-12) + 1e-14 * abs(v[0])).all())


def _local(t: np.ndarray, raw: np.ndarray, logs: np.ndarray, tail: float
           ) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of log V, and the speed −Δ log V/Δt, between levels of the tail.

    The levels are the crests, where there are enough of them, `raw` being log V itself.
    """
    inner = slice(1, -1)
    crest = np.nonzero((raw[inner] > raw[:-2]) & (raw[inner] >= raw[2:])
                       & (raw[inner] == logs[inner]))[0] + 1
    if len(crest) >= CRESTS:
        wanted = int((logs[crest] <= logs[-1] + tail * (logs[0] - logs[-1])).sum())
        crest = crest[-max(CRESTS, wanted):]
        if len(crest) > 2 * CRESTS:  # noise has crests close to each other: some far apart
            at = np.linspace(logs[crest[0]], logs[crest[-1]], 2 * CRESTS)
            crest = np.unique(crest[np.searchsorted(-logs[crest], -at).clip(0, len(crest) - 1)])
        times, levels = t[crest], logs[crest]
        return (levels[1:] + levels[:-1]) / 2, -np.diff(levels) / np.diff(times)
    first, last = logs[0], logs[-1]
    count = max(6, min(LEVELS, len(logs) // 3))
    levels = np.linspace(last + tail * (first - last), last, count)
    # where the falling function passes each level; a jump has one time for several levels
    times = np.interp(-levels, -logs, t)
    keep = np.concatenate([[True], np.diff(times) > 1e-12 * (t[-1] - t[0])])
    times, levels = times[keep], levels[keep]
    return (levels[1:] + levels[:-1]) / 2, -np.diff(levels) / np.diff(times)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Return the slope of a straight line, half its 95 % interval, and the mean of y."""
    from scipy.special import stdtrit

    centred = x - x.mean()
    square = float(centred @ centred)
    slope = float(centred @ y) / square
    left = y - y.mean() - slope * centred
    error = math.sqrt(float(left @ left) / (len(x) - 2) / square)
    return slope, float(stdtrit(len(x) - 2, 0.975)) * error, float(y.mean())


def _bent(x: np.ndarray, y: np.ndarray) -> str:
    """Return that the line is bent, if it is: a changes along it, and V' = −c Vᵃ is no model."""
    middle = len(x) // 2
    if middle < 4:
        return ""
    (first, one, _), (last, two, _) = _line(x[:middle], y[:middle]), _line(x[middle:], y[middle:])
    apart, larger = abs(first - last), max(abs(first), abs(last))
    if larger <= 2 * MARGIN or apart <= larger / 4 or apart <= 3 * math.hypot(one, two):
        return ""
    return f"the power a moves from {1 + first:.3g} to {1 + last:.3g} along the fit"


def _kind(slope: float, half: float) -> str:
    low, high = slope - half, slope + half
    if high - low > WIDE:
        return "none"
    if low <= 0 <= high or max(abs(low), abs(high)) <= MARGIN:
        return "exponential"
    return "finite time" if slope < 0 else "power law"


def _number(kind: str, slope: float, half: float, logs: np.ndarray, speeds: np.ndarray,
            last: float) -> tuple[float, float, float]:
    """Return the time, rate or power, and its interval."""
    from scipy.special import stdtrit

    if kind == "exponential":
        mean = float(speeds.mean())
        spread = float(speeds.std(ddof=1)) / math.sqrt(len(speeds))
        width = float(stdtrit(len(speeds) - 1, 0.975)) * spread
        return mean, mean - width, mean + width
    if kind == "power law":
        ends = 1 / slope, 1 / (slope + half), 1 / max(slope - half, 1e-300)
        return ends
    # finite time: what is left at the end, V/(−slope · speed), by the line at the last level
    step = abs(float(logs[-1] - logs[-2])) / 2 if len(logs) > 1 else 0.0
    made = []
    for s in (slope, slope + half, slope - half):
        speed = math.exp(float(np.log(speeds).mean()) + s * (logs[-1] - step - logs.mean()))
        made.append(last + 1 / (max(-s, 1e-300) * speed))
    return made[0], min(made), max(made)


def _none(reason: str, bound: float | None, holds: bool | None) -> FittedRate:
    nan = math.nan
    return FittedRate("none", nan, nan, nan, (nan, nan, nan), nan, bound, holds, 0,
                      f"none: {reason}")


def _with_bound(made: FittedRate) -> FittedRate:
    """Return the rate with its sentence, and what the bound says."""
    from dataclasses import replace

    what = {"finite time": "time", "exponential": "rate", "power law": "power"}[made.kind]
    text = (f"{made.kind}, {what} {made.value:.6g} ({made.low:.6g} to {made.high:.6g})")
    if made.bound is None:
        if made.bound_holds is not None:
            text += f"; the proved curve is {'obeyed' if made.bound_holds else 'EXCEEDED'}"
        return replace(made, message=text)
    if made.kind == "finite time":
        holds = made.low <= made.bound
        says = f"{'it is at most' if holds else 'it EXCEEDS'} the proved {made.bound:.6g}"
    else:
        holds = made.high >= made.bound * (1 - 1e-9)
        says = f"{'it is at least' if holds else 'it is BELOW'} the proved {made.bound:.6g}"
    return replace(made, message=f"{text}; {says}", bound_holds=holds)
