"""Reducers: what is kept of a run when its path is not, computed inside the loop.

A reducer sees the start and the state after every step. Its expression is text (or sympy) over
the variables of the field, its parameters, time, and L for the loss.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt.symbolic.names import exact, symbolic_stamp
from flowopt.symbolic.parse import parse

_BEGIN = {"first_time": np.nan, "minimum": np.inf, "maximum": -np.inf, "mean": 0.0}


@dataclass(frozen=True)
class Reducer:
    """One number for each run; made by `first_time`, `minimum`, `maximum` or `mean`."""

    kind: str
    expr: Any


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
    if not isinstance(condition, str):
        raise TypeError(f"condition must be text such as 'x < 1', got {_check.shown(condition)}")
    parse(f"Piecewise((1, {condition}), (0, True))", what="the condition")
    return Reducer("first_time", f"Piecewise((1, {condition}), (0, True))")


def minimum(expr: Any) -> Reducer:
    """Return the reducer of the least value of an expression along the run."""
    return Reducer("minimum", _checked(expr))


def maximum(expr: Any) -> Reducer:
    """Return the reducer of the greatest value of an expression along the run."""
    return Reducer("maximum", _checked(expr))


def mean(expr: Any) -> Reducer:
    """Return the reducer of the mean of an expression over the start and all steps.

    A run that diverges has the mean NaN.
    """
    return Reducer("mean", _checked(expr))


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
        self.key = json.dumps([field.definition, field.names, "reduce", [
            [r.kind, r.expr if isinstance(r.expr, str) else repr(r.expr)]
            for r in self.reducers.values()]])
        if field.is_kernel and any("L" in _names(r) for r in self.reducers.values()):
            raise ValueError("reduce cannot use L here: the loss of this field is a kernel")
        known = {*field.names, *field.parameters, field.time_name, "L"}
        for reducer in self.reducers.values():
            for name in _names(reducer):
                if name not in known:
                    raise ValueError(f"reduce holds {name}, which is neither a variable nor a "
                                     f"parameter of the field; {_check.nearest(name, known)}")

    def begin(self, width: int) -> np.ndarray:
        """Return the totals before the first state: (R, width)."""
        return np.array([[_BEGIN[r.kind]] * width for r in self.reducers.values()])

    def address(self, width: int) -> int:
        """Return the address of the kernel that updates the totals."""
        unit = _native.unit(f"{self.key} {width}", symbolic_stamp(), lambda: self._build(width))
        return unit.addresses["kernel"]

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
            _updating(source, [r.kind for r in self.reducers.values()]))}

    def first(self, start: float, y: np.ndarray, p: np.ndarray, totals: np.ndarray) -> None:
        """Take the start into the totals."""
        width = y.shape[1]
        t = np.full(width, start)
        place = np.zeros(4, dtype=np.int64)
        _native.Function(self.address(width), "pppppp")(place, t, y, p, p, totals)

    def finished(self, totals: np.ndarray, states: int) -> dict[str, np.ndarray]:
        """Return each reducer's result (width,), given the number of states seen."""
        made = {}
        for row, (name, reducer) in zip(totals, self.reducers.items(), strict=True):
            made[name] = row / states if reducer.kind == "mean" else row.copy()
        return made


def _names(reducer: Reducer) -> list[str]:
    if isinstance(reducer.expr, str):
        return list(parse(reducer.expr).names)
    return [str(s) for s in reducer.expr.free_symbols]


def _updating(source: str, kinds: list[str]) -> str:
    """Turn a kernel that writes values into one that updates totals with them."""
    lines = []
    row = 0
    for line in source.splitlines():
        text = line.strip()
        if not text.startswith("out_["):
            lines.append(line)
            continue
        indent = line[:len(line) - len(text)]
        place, value = text.split(" = ", 1)
        rule = {"first_time": f"{place} = t_now if (total != total and value > 0.5) else total",
                "minimum": f"{place} = value if value < total else total",
                "maximum": f"{place} = value if value > total else total",
                "mean": f"{place} = total + value"}[kinds[row]]
        looped = "lane" if "lane" in place else "0"
        lines += [f"{indent}value = {value}", f"{indent}total = {place}",
                  f"{indent}t_now = t_[{looped}]", indent + rule]
        row += 1
    return "\n".join(lines) + "\n"
