"""Reducers at work: the kernel that updates their totals, and what becomes of these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt._evaluate import FEW, LANES
from flowopt.integrators import runner
from flowopt.integrators.reduce import Reducer
from flowopt.integrators.status import Status
from flowopt.symbolic.names import symbolic_stamp
from flowopt.symbolic.parse import parse

#: how each kind takes in the next `value`, at `t_now`, if the state is finite (`seen`); {0}, {1} …
#: are the numbers that it carries
LINES = {
    "final": ("{0} = value if seen else {0}",),
    "minimum": ("{0} = value if (value < {0}) & seen else {0}",),
    "maximum": ("{0} = value if (value > {0}) & seen else {0}",),
    "first_time": ("{0} = t_now if ({0} != {0}) & (value > 0.5) & seen else {0}",),
    "escape_time": ("{0} = t_now if ({0} != {0}) & (value < 0.5) & seen else {0}",),
    "last_time": ("{0} = t_now if (value > 0.5) & seen else {0}",),
    "mean": ("{0} = {0} + (1.0 if seen else 0.0)", "{1} = {1} + (value if seen else 0.0)"),
    "fraction": ("{0} = {0} + (1.0 if seen else 0.0)", "{1} = {1} + (value if seen else 0.0)"),
    # Welford: the mean moves by d/n, and the sum of squares about it grows by d (value − new mean)
    "moments": ("number = {0} + 1.0", "apart = value - {1}", "middle = {1} + apart/number",
                "{2} = {2} + (apart*(value - middle) if seen else 0.0)",
                "{1} = middle if seen else {1}", "{0} = number if seen else {0}"),
    # the first row holds what is below the bins (or no number), the last what is above
    "histogram": ("slot = min(max(-1.0, (value - {low!r})*{scale!r}), {bins!r})",
                  "place = int(slot + 1.0)*{width} + {first}",
                  "out_[place] += 1.0 if seen else 0.0"),
}


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
        self.key = json.dumps([field.definition, list(field.names), "reduce", [
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
    return _native.fingerprint("integrators/reducing.py")


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
                 for rule in LINES[reducer.kind]]
        # lanes that have ended are NaN in every row
        lines += [indent + rule for rule in (f"value = {text.split(' = ', 1)[1]}",
                                             f"t_now = t_[{here}]",
                                             f"seen = y_[{here}] == y_[{here}]", *rules)]
        row += reducer.rows
        which += 1
    return "\n".join(lines) + "\n"
