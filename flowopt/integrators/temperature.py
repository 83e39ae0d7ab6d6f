"""Temperature: a number, or an expression of time and of parameters, compiled like a field."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt._evaluate import FEW, LANES, evaluate
from flowopt.symbolic.names import exact, symbolic_stamp
from flowopt.symbolic.parse import parse


def checked_temperature(value: Any) -> Any:
    """Return a number >= 0, the text of a formula, or a sympy expression with exact numbers."""
    if isinstance(value, str):
        return parse(value, what="temperature").text
    if getattr(value, "free_symbols", None):
        return exact(value)
    return _check.real("temperature", value, at_least=0.0)


@functools.lru_cache(maxsize=256)
def _names(temperature: Any) -> tuple[str, ...]:
    """Return the names in a temperature, in natural order."""
    if isinstance(temperature, str):
        return parse(temperature, what="temperature").names
    return tuple(sorted(str(s) for s in getattr(temperature, "free_symbols", ())))


@functools.lru_cache(maxsize=256)
def _definition(temperature: Any) -> str:
    """Return the text that names a formula in the cache of compiled kernels."""
    if isinstance(temperature, str):
        return temperature
    import sympy

    return f"sympy {sympy.srepr(temperature)}"


def row_by_row(address: Callable[[int], int], t: float, p: np.ndarray) -> np.ndarray:
    """Return a kernel's one number for each row of parameters (N, P); once if all are the same."""
    rows = p[:1] if len(p) and (p == p[0]).all() else p
    found = evaluate(address, 1, np.full(len(rows), t), np.zeros((len(rows), 1)), rows)[:, 0]
    return np.ascontiguousarray(np.broadcast_to(found, (len(p),)))


class Heat:
    """The temperature of a method on a field.

    Attributes
    ----------
    extra : tuple of str
        Names that are neither time nor a parameter of the field: an ensemble must give them.
    timed : bool
        Whether T depends on time.
    """

    def __init__(self, temperature: Any, field: Any) -> None:
        self.temperature, self.field = temperature, field
        names = _names(temperature)
        for name in names:
            if name in field.names:
                raise ValueError("temperature may depend on time and parameters but not on the "
                                 f"state, and it holds {name}; noise that depends on the state is "
                                 "not additive")
        self.timed = field.time_name in names
        self.extra = tuple(n for n in names if n != field.time_name and n not in field.parameters)
        self.columns = [i for i, n in enumerate([*field.parameters, *self.extra]) if n in names]
        self.is_number = isinstance(temperature, float)

    def refuse_extra(self) -> None:
        """Refuse names that nothing gives a value."""
        if self.extra:
            raise ValueError(f"temperature holds {self.extra[0]}, which is neither time "
                             f"({self.field.time_name}) nor a parameter of the field; write its "
                             "value, or give it to an ensemble with "
                             f"parameters={{{self.extra[0]!r}: ...}}")

    def address(self, width: int) -> int:
        """Return the address of the kernel that writes T in each lane."""
        key = json.dumps(["temperature", _definition(self.temperature), self.field.time_name,
                          [*self.field.parameters, *self.extra], width])
        return _native.unit(key, symbolic_stamp(), lambda: self._build(width)).addresses["kernel"]

    def _build(self, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
        import sympy

        from flowopt.symbolic.source import compile_kernel, kernel_source

        names = [self.field.time_name, *self.field.parameters, *self.extra]
        symbols = {n: sympy.Symbol(n, real=True) for n in names}
        if isinstance(self.temperature, str):
            expr = parse(self.temperature, what="temperature").to_sympy(symbols)
        else:
            expr = self.temperature.xreplace(
                {s: symbols[str(s)] for s in self.temperature.free_symbols})
        slots = {symbols[names[0]]: ("t", 0)}
        slots |= {symbols[n]: ("p", i) for i, n in enumerate(names[1:])}
        source = kernel_source([expr], slots, {}, width)
        return {"source": source}, {"kernel": compile_kernel(source)}

    def values(self, t: float, p: np.ndarray) -> np.ndarray:
        """Return T at one time for parameters (N, P + extra): shape (N,)."""
        if self.is_number:
            return np.full(len(p), self.temperature)
        return row_by_row(self.address, t, p)

    def check(self, p: np.ndarray, start: float, steps: tuple[int, float, float],
              nodes: tuple[float, ...]) -> None:
        """Refuse a temperature that is negative or not finite where a step looks at it.

        Parameters
        ----------
        p : ndarray, shape (N, P + extra)
            The parameters of the runs.
        steps : (int, float, float)
            The number of steps, their signed length, and that of the last.
        nodes : tuple of float
            Where in a step T is looked at, as fractions of the step.
        """
        if self.is_number:
            return
        rows = np.unique(p[:, self.columns], axis=0, return_index=True)[1] if self.columns else [0]
        if not self.timed:
            values = self.values(start, p[rows])
            if not (np.isfinite(values) & (values >= 0)).all():
                worst = values[~(np.isfinite(values) & (values >= 0))][0]
                raise ValueError(f"temperature must be finite and >= 0, got {worst:g} from "
                                 f"{str(self.temperature)!r}")
            return
        from flowopt.integrators.runner import stepper

        width, total = 1 if len(rows) < FEW else LANES, steps[0]
        call, block = stepper("coldest", width), np.zeros((5, width))
        context, at = np.zeros(4, dtype=np.int64), np.array(nodes)
        for low in range(0, len(rows), width):
            which = np.minimum(np.arange(low, low + width), len(rows) - 1)
            lanes = np.zeros((max(p.shape[1], 1), width))
            lanes[:p.shape[1]] = p[np.asarray(rows)[which]].T
            block[2], block[4] = np.inf, -np.inf
            call(self.address(width), context, lanes, *block, at, len(at), total, start, steps[1],
                 steps[2])
            least, when, most = block[2:]
            bad = ~(least >= -1e-12 * np.abs(most))  # 1 - t may round below 0 at the end
            if bad.any():
                i = int(np.argmax(bad))
                got = f"{least[i]:g}" if np.isfinite(least[i]) else "a value that is not finite"
                raise ValueError("temperature must be finite and >= 0 at every step, got "
                                 f"{got} at t={when[i]:g} from {str(self.temperature)!r}")
