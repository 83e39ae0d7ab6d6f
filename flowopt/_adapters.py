"""Kernels made from a user's function of one point: compiled (numba) or plain Python.

The user's function sees one trajectory with contiguous arrays; the adapter walks over the lanes.
A plain Python function is reached through a C callback: slow, but anything may stand in it.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt._native import POINTER, Unit, resident

LOSS_SOURCE = """
def kernel(context, t_, y_, p_, s_, out_):
    scratch = as_doubles(context[0])
    x = carray(scratch, ({n},))
    g = carray(shift(scratch, {n}), ({n},))
    for lane in range({width}):
        for i in range({n}):
            x[i] = y_[i * {width} + lane]
        out_[lane] = user(x, g)
        for i in range({n}):
            out_[(i + 1) * {width} + lane] = g[i]
"""
FIELD_SOURCE = """
def kernel(context, t_, y_, p_, s_, out_):
    scratch = as_doubles(context[0])
    y = carray(scratch, ({m},))
    dy = carray(shift(scratch, {m}), ({m},))
    p = carray(shift(scratch, {m} + {m}), ({parameters},))
    for lane in range({width}):
        for i in range({m}):
            y[i] = y_[i * {width} + lane]
        for i in range({parameters}):
            p[i] = p_[i * {width} + lane]
        user(t_[lane], y, p, dy)
        for i in range({m}):
            out_[i * {width} + lane] = dy[i]
"""
JACOBIAN_SOURCE = """
def kernel(context, t_, y_, p_, s_, out_):
    scratch = as_doubles(context[0])
    y = carray(scratch, ({m},))
    p = carray(shift(scratch, {m}), ({parameters},))
    J = carray(shift(scratch, {m} + {parameters}), ({m}, {m}))
    for lane in range({width}):
        for i in range({m}):
            y[i] = y_[i * {width} + lane]
        for i in range({parameters}):
            p[i] = p_[i * {width} + lane]
        user(t_[lane], y, p, J)
        for i in range({m}):
            for j in range({m}):
                out_[(i * {m} + j) * {width} + lane] = J[i, j]
"""
#: a rule that sees the loss: rows of the loss kernel are L, g and, where asked for, H
RULE_SOURCE = """
def kernel(context, t_, y_, p_, s_, out_):
    block = as_doubles(context[1])
    call_kernel(context[2], as_integers(context[3]), t_, y_, p_, s_, block)
    scratch = as_doubles(context[0])
    y = carray(scratch, ({m},))
    dy = carray(shift(scratch, {m}), ({m},))
    p = carray(shift(scratch, {m} + {m}), ({parameters},))
    g = carray(shift(scratch, {m} + {m} + {parameters}), ({n},))
    H = carray(shift(scratch, {m} + {m} + {parameters} + {n}), ({hn}, {hn}))
    for lane in range({width}):
        for i in range({m}):
            y[i] = y_[i * {width} + lane]
        for i in range({parameters}):
            p[i] = p_[({offset} + i) * {width} + lane]
        for i in range({n}):
            g[i] = block[(1 + i) * {width} + lane]
        for i in range({hn}):
            for j in range({hn}):
                H[i, j] = block[(1 + {n} + i * {n} + j) * {width} + lane]
        user({arguments})
        for i in range({m}):
            out_[i * {width} + lane] = dy[i]
"""


def is_compiled(function: Any) -> bool:
    """Return whether `function` is a numba dispatcher."""
    return hasattr(function, "py_func") and hasattr(function, "overloads")


@functools.lru_cache(maxsize=64)
def adapted(source: str, function: Any, **sizes: Any) -> Unit:
    """Return a unit of this process whose kernel walks `function` over the lanes; made once."""
    import numba

    from flowopt import _pointers
    from flowopt.symbolic.source import compile_kernel

    extra = {"user": function, "carray": numba.carray, "shift": _pointers.shift,
             "as_doubles": _pointers.as_doubles, "as_integers": _pointers.as_integers,
             "call_kernel": _pointers.call_kernel}
    kernel = compile_kernel(source.format(**sizes), extra=extra, allocate=True)
    return resident({}, {"kernel": kernel})


@dataclass
class Callback:
    """A Python function behind a kernel's address; its last error is kept for the caller."""

    address: int = 0
    error: BaseException | None = None
    keep: Any = field(default=None, repr=False)

    def raise_pending(self, what: str) -> None:
        """Raise what the Python function raised, if it did, in one sentence."""
        error, self.error = self.error, None
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is not None:
            raise RuntimeError(f"{what} raised {type(error).__name__}: {error}") from error


def raise_pending(kernels: Iterable[Any], what: str) -> None:
    """Raise what a Python function behind one of the kernels raised since the last call."""
    for made in kernels:
        if isinstance(made, Callback):
            made.raise_pending(what)


def callback(rows_in: int, rows_out: int, parameters: int, width: int,
             point: Callable[[float, np.ndarray, np.ndarray], np.ndarray]) -> Callback:
    """Return the kernel that calls ``point(t, y, p) -> (rows_out,)`` lane by lane."""
    made = Callback()
    count = max(parameters, 1)

    def view(address: int, rows: int) -> np.ndarray:
        return np.ctypeslib.as_array((ctypes.c_double * (rows * width)).from_address(address)
                                     ).reshape(rows, width)

    def kernel(result: int, error: int, context: int, t: int, y: int, p: int, s: int,
               out: int) -> int:
        written = view(out, rows_out)
        if made.error is not None:
            written[:] = np.nan
            return 0
        try:
            times, states, values = view(t, 1)[0], view(y, rows_in), view(p, count)
            for lane in range(width):
                written[:, lane] = point(float(times[lane]), states[:, lane].copy(),
                                         values[:parameters, lane].copy())
        except BaseException as problem:  # carried to the caller; C cannot take it
            made.error = problem
            written[:] = np.nan
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int32, *[POINTER] * 8)
    made.keep = kind(kernel)
    made.address = ctypes.cast(made.keep, POINTER).value or 0
    return made
