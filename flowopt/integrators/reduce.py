"""Reducers: what is kept of a run when its path is not, computed inside the loop.

A method of fixed step shows a reducer the start and the state after every step. An adaptive one
shows it the dense output at the times start, start + every, …, end (see `fo.ensemble`), so that
what it keeps does not depend on where the steps happen to be. States count alike, whatever the
length of the step. The expression is text (or sympy) over the variables of the field, its
parameters, time, and L for the loss; a condition is two expressions and one of <, <=, >, >=.

A run that diverges is seen up to its last finite state: it has no mean, moments or fraction (NaN),
and an escape time, at the latest the time at which it diverged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt._evaluate import FEW, LANES
from flowopt.integrators import runner
from flowopt.integrators.status import Status
from flowopt.symbolic.names import exact, symbolic_stamp
from flowopt.symbolic.parse import parse


@dataclass(frozen=True)
class Kind:
    """A kind of reducer: its totals before the first state, and the lines that update them.

    The lines know `value`, the time `t_now`, and `seen`: whether the state is finite.
    """

    begin: tuple[float, ...]
    lines: tuple[str, ...]


_NAN, _INF = float("nan"), float("inf")
KINDS = {
    "final": Kind((_NAN,), ("{0} = value if seen else {0}",)),
    "minimum": Kind((_INF,), ("{0} = value if (value < {0}) & seen else {0}",)),
    "maximum": Kind((-_INF,), ("{0} = value if (value > {0}) & seen else {0}",)),
    "first_time": Kind((_NAN,), ("{0} = t_now if ({0} != {0}) & (value > 0.5) & seen else {0}",)),
    "escape_time": Kind((_NAN,), ("{0} = t_now if ({0} != {0}) & (value < 0.5) & seen else {0}",)),
    "last_time": Kind((_NAN,), ("{0} = t_now if (value > 0.5) & seen else {0}",)),
    "mean": Kind((0.0, 0.0), ("{0} = {0} + (1.0 if seen else 0.0)",
                              "{1} = {1} + (value if seen else 0.0)")),
    # Welford: the mean moves by d/n, and the sum of squares about it grows by d (value − new mean)
    "moments": Kind((0.0, 0.0, 0.0), (
        "number = {0} + 1.0", "apart = value - {1}", "middle = {1} + apart/number",
        "{2} = {2} + (apart*(value - middle) if seen else 0.0)", "{1} = middle if seen else {1}",
        "{0} = number if seen else {0}")),
    # row 0 holds what is below (or no number), the last row what is above; see `_rows`
    "histogram": Kind((0.0,), (
        "slot = min(max(-1.0, (value - {low!r})*{scale!r}), {bins!r})",
        "place = int(slot + 1.0)*{width} + {first}", "out_[place] += 1.0 if seen else 0.0")),
}
KINDS["fraction"] = KINDS["mean"]


@dataclass(frozen=True)
class Reducer:
    """What is kept of each run; made by `minimum`, `first_time` and the others."""

    kind: str
    expr: Any
    low: float = 0.0
    high: float = 1.0
    bins: int = 0
    pooled: bool = False

    @property
    def rows(self) -> int:
        """How many numbers it carries along a run."""
        return self.bins + 2 if self.kind == "histogram" else len(KINDS[self.kind].begin)

    @property
    def begin(self) -> list[float]:
        """The numbers before the first state."""
        return [0.0] * self.rows if self.kind == "histogram" else list(KINDS[self.kind].begin)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result of one run."""
        return {"histogram": (self.bins,), "moments": (2,)}.get(self.kind, ())


def first_time(condition: str) -> Reducer:
    """Return the reducer of the first time at which a condition holds (NaN: never).

    Parameters
    ----------
    condition : str
        Such as ``"x < 1.843"``: two expressions and one of <, <=, >, >=.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["-1"], ["x"])
    >>> ens = fo.ensemble(field, [[1.0], [9.0]], t=(0.0, 2.0), method=fo.Euler(h=0.25),
    ...                   reduce=fo.reduce.first_time("x < 0.1"))
    >>> ens.reduced
    array([ 1., nan])
    """
    return Reducer("first_time", _condition(condition))


def last_time(condition: str) -> Reducer:
    """Return the reducer of the last time at which a condition holds (NaN: never).

    Parameters
    ----------
    condition : str
        As for `first_time`.
    """
    return Reducer("last_time", _condition(condition))


def escape_time(condition: str) -> Reducer:
    """Return the reducer of the first time at which a condition fails to hold (NaN: never).

    A run that diverges escapes at the latest where it diverged.

    Parameters
    ----------
    condition : str
        The set that is left, such as ``"x**2 + y**2 < 4"``.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["x"], ["x"])
    >>> ens = fo.ensemble(field, [[1.0], [0.0]], t=(0.0, 2.0), every=0.25,
    ...                   reduce=fo.reduce.escape_time("x < 2"))
    >>> ens.reduced
    array([0.75,  nan])
    """
    return Reducer("escape_time", _condition(condition))


def fraction(condition: str) -> Reducer:
    """Return the reducer of the fraction of the states for which a condition holds.

    For a method of fixed step, and along the regular times of an adaptive one, this is the
    fraction of time spent in a set.

    Parameters
    ----------
    condition : str
        As for `first_time`.
    """
    return Reducer("fraction", _condition(condition))


def final(expr: Any) -> Reducer:
    """Return the reducer of the last value of an expression."""
    return Reducer("final", _checked(expr))


def minimum(expr: Any) -> Reducer:
    """Return the reducer of the least value of an expression along the run."""
    return Reducer("minimum", _checked(expr))


def maximum(expr: Any) -> Reducer:
    """Return the reducer of the greatest value of an expression along the run."""
    return Reducer("maximum", _checked(expr))


def mean(expr: Any) -> Reducer:
    """Return the reducer of the mean of an expression over all states, the start included.

    A run that diverges has the mean NaN.
    """
    return Reducer("mean", _checked(expr))


def moments(expr: Any) -> Reducer:
    """Return the reducer of the mean and the variance of an expression over all states: (N, 2).

    The variance is the mean of the squared distance from the mean (divided by the number of
    states), updated by Welford's rule, so that no digits cancel.
    Source: Welford, Technometrics 4 (1962) 419.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["1"], ["x"])
    >>> fo.ensemble(field, [[0.0]], t=(0.0, 2.0), method=fo.Euler(h=1.0),
    ...             reduce=fo.reduce.moments("x")).reduced
    array([[1.        , 0.66666667]])
    """
    return Reducer("moments", _checked(expr))


def histogram(expr: Any, low: float, high: float, bins: int, *, pooled: bool = False) -> Reducer:
    """Return the reducer of a histogram: how many states have an expression in each bin.

    Bin j is low + j w <= value < low + (j + 1) w with w = (high − low)/bins, decided as
    floor((value − low) bins/(high − low)); values outside are not counted.

    Parameters
    ----------
    expr : str or sympy.Expr
        What is counted.
    low, high : float
        The ends of the bins, low < high.
    bins : int
        How many there are.
    pooled : bool
        Add up all runs: the result is (bins,) instead of (N, bins).

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["1"], ["x"])
    >>> fo.ensemble(field, [[0.0], [0.5]], t=(0.0, 3.0), method=fo.Euler(h=1.0),
    ...             reduce=fo.reduce.histogram("x", 0.0, 2.0, 2)).reduced
    array([[1., 1.],
           [1., 1.]])
    """
    low, high = _check.real("low", low), _check.real("high", high)
    if not high > low:
        raise ValueError(f"high must be > low={low:g}, got {high:g}")
    if not isinstance(pooled, bool):
        raise TypeError(f"pooled must be True or False, got {_check.shown(pooled)}")
    return Reducer("histogram", _checked(expr), low, high,
                   _check.integer("bins", bins, at_least=1, at_most=100_000), pooled)


def _condition(condition: Any) -> str:
    """Return the expression that is 1 where the condition holds and else 0."""
    if not isinstance(condition, str):
        raise TypeError(f"condition must be text such as 'x < 1', got {_check.shown(condition)}")
    text = f"Piecewise((1, {condition}), (0, True))"
    parse(text, what="the condition")
    return text


def _checked(expr: Any) -> Any:
    if isinstance(expr, str):
        parse(expr, what="the reducer")
        return expr
    if not hasattr(expr, "free_symbols"):
        raise TypeError(f"expr must be text or a sympy expression, got {_check.shown(expr)}")
    return exact(expr)


class Bound:
    """Reducers bound to a field: one kernel that updates all of them."""

    def __init__(self, field: Any, reducers: Reducer | Mapping[str, Reducer]) -> None:
        self.single = isinstance(reducers, Reducer)
        named = {"value": reducers} if isinstance(reducers, Reducer) else reducers
        if not isinstance(named, Mapping) or not named or not all(
                isinstance(r, Reducer) for r in named.values()):
            raise TypeError("reduce must be a reducer such as fo.reduce.minimum('L'), or a "
                            f"mapping of names to reducers, got {_check.shown(reducers)}")
        self.field, self.reducers = field, dict(named)
        self._functions: dict[int, _native.Function] = {}
        self.key = json.dumps([field.definition, field.names, "reduce", [
            [r.kind, r.expr if isinstance(r.expr, str) else repr(r.expr), r.low, r.high, r.bins]
            for r in self.reducers.values()]])
        if field.is_kernel and any("L" in _names(r) for r in self.reducers.values()):
            raise ValueError("reduce cannot use L here: the loss of this field is a kernel")
        known = {*field.names, *field.parameters, field.time_name, "L"}
        for reducer in self.reducers.values():
            for name in _names(reducer):
                if name not in known:
                    raise ValueError(f"reduce holds {name}, which is neither a variable nor a "
                                     f"parameter of the field; {_check.nearest(name, known)}")

    @property
    def rows(self) -> int:
        """How many numbers are carried along a run."""
        return sum(r.rows for r in self.reducers.values())

    @property
    def bytes_per_run(self) -> int:
        """How much memory the results of one run take."""
        return sum(8 * int(np.prod(r.shape)) for r in self.reducers.values() if not r.pooled)

    def begin(self, width: int) -> np.ndarray:
        """Return the totals before the first state: (rows, width)."""
        return np.repeat(np.concatenate([r.begin for r in self.reducers.values()])[:, None], width,
                         axis=1)

    def address(self, width: int) -> int:
        """Return the address of the kernel that updates the totals."""
        return self.function(width).address

    def function(self, width: int) -> _native.Function:
        """Return the kernel that updates the totals."""
        if width not in self._functions:
            unit = _native.unit(f"{self.key} {width}", symbolic_stamp() + _stamp(),
                                lambda: self._build(width))
            self._functions[width] = _native.Function(unit.addresses["kernel"], "pppppp")
        return self._functions[width]

    def _build(self, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
        from flowopt.symbolic.source import compile_kernel, kernel_source

        system, symbols = self.field.named_system()
        values = []
        for r in self.reducers.values():
            if isinstance(r.expr, str):
                values.append(parse(r.expr).to_sympy(symbols))
            else:
                values.append(r.expr.xreplace({s: symbols[str(s)] for s in r.expr.free_symbols}))
        source = kernel_source(values, system.slots(), system.definitions(False), width)
        return {"source": source}, {"kernel": compile_kernel(
            _updating(source, list(self.reducers.values()), width))}

    def first(self, start: float, y: np.ndarray, p: np.ndarray, totals: np.ndarray) -> None:
        """Take the start into the totals."""
        width = y.shape[1]
        t = np.full(width, start)
        place = np.zeros(4, dtype=np.int64)
        self.function(width)(place, t, y, p, p, totals)

    def fold(self, times: np.ndarray, states: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return the totals (rows, N) of paths: states (N, k, m) at the times, p (N, P)."""
        count, _, m = states.shape
        width = LANES if count >= FEW else 1
        made = np.empty((self.rows, count))
        block = np.empty((len(times), m, width))
        values = _native.aligned(max(p.shape[1], 1) * width).reshape(-1, width)
        call = runner.stepper("fold", width)
        for low in range(0, count, width):
            high = min(low + width, count)
            lanes = high - low
            block[:, :, :lanes] = states[low:high].transpose(1, 2, 0)
            block[:, :, lanes:] = np.nan
            values[:p.shape[1], :lanes] = p[low:high].T
            totals = self.begin(width)
            call(self.address(width), np.zeros(4, dtype=np.int64), times, block, values, totals,
                 len(times), m, np.empty(width))
            made[:, low:high] = totals[:, :lanes]
        return made

    def results(self, totals: np.ndarray, status: np.ndarray, t: np.ndarray
                ) -> dict[str, np.ndarray]:
        """Return each reducer's result, run by run, from the totals (rows, N).

        A pooled one is summed over the runs that have not been cancelled.
        """
        made: dict[str, np.ndarray] = {}
        whole = np.isin(status, (Status.REACHED_END, Status.STUCK, Status.CONVERGED, Status.EVENT))
        row = 0
        for name, reducer in self.reducers.items():
            part = totals[row:row + reducer.rows]
            row += reducer.rows
            value = part[0].copy()
            with np.errstate(invalid="ignore", divide="ignore"):
                if reducer.kind in ("mean", "fraction"):
                    value = np.where(whole, part[1] / part[0], np.nan)
                elif reducer.kind == "moments":
                    value = np.where(whole[:, None],
                                     np.stack([part[1], part[2] / part[0]], axis=1), np.nan)
            if reducer.kind == "escape_time":
                gone = np.isnan(value) & (status == Status.DIVERGED)
                value[gone] = t[gone]
            elif reducer.kind == "histogram":
                value = np.ascontiguousarray(part[1:-1].T)
                if reducer.pooled:
                    value = value[status != Status.CANCELLED].sum(axis=0)
            made[name] = value
        return made


def _names(reducer: Reducer) -> list[str]:
    if isinstance(reducer.expr, str):
        return list(parse(reducer.expr).names)
    return [str(s) for s in reducer.expr.free_symbols]


def _stamp() -> str:
    return _native.fingerprint("integrators/reduce.py")


def _updating(source: str, reducers: list[Reducer], width: int) -> str:
    """Turn a kernel that writes values into one that updates totals with them."""
    lines = []
    row = which = 0
    lane = " + lane" if width > 1 else ""
    for line in source.splitlines():
        text = line.strip()
        if not text.startswith("out_["):
            lines.append(line)
            continue
        indent = line[:len(line) - len(text)]
        reducer = reducers[which]
        here = "lane" if lane else "0"
        places = [f"out_[{(row + i) * width}{lane}]" for i in range(min(reducer.rows, 3))]
        scale = reducer.bins / (reducer.high - reducer.low)
        rules = [rule.format(*places, low=reducer.low, scale=scale, bins=float(reducer.bins),
                             width=width, first=f"{row * width}{lane}")
                 for rule in KINDS[reducer.kind].lines]
        # lanes that have ended are NaN in every row
        lines += [indent + rule for rule in (f"value = {text.split(' = ', 1)[1]}",
                                             f"t_now = t_[{here}]",
                                             f"seen = y_[{here}] == y_[{here}]", *rules)]
        row += reducer.rows
        which += 1
    return "\n".join(lines) + "\n"
