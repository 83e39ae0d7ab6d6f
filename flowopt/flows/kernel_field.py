"""The field of an ODE that is given as a function, compiled by numba or plain Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from flowopt import _adapters, _check
from flowopt.flows.field import LARGE, VectorField
from flowopt.losses.loss import Held
from flowopt.symbolic.names import checked_parameters


class KernelField(VectorField):
    """An ODE given by a function; it has no expression."""

    is_kernel = True

    derivative: Any = None  # the user's function for ∂F/∂y

    def __init__(self, rhs: Any, n: int, parameters: Mapping[str, float] | None = None,
                 name: str | None = None, jacobian: Any = None) -> None:
        if not callable(rhs):
            raise TypeError(f"rhs must be a function rhs(t, y, p, dy), got {_check.shown(rhs)}")
        if jacobian is not None and not callable(jacobian):
            raise TypeError("jacobian must be a function jacobian(t, y, p, J), got "
                            f"{_check.shown(jacobian)}")
        self.function, self.derivative = rhs, jacobian
        self.n = self.m = _check.integer("n", n, at_least=1)
        self.parameters = checked_parameters(parameters)
        self.names = tuple(f"y{i + 1}" for i in range(self.m))
        self.name, self.time_name = str(name or getattr(rhs, "__name__", "field")), "t"
        self.blocks = (("y", 0, self.m),)
        self.definition = json.dumps(["kernel", id(rhs), id(jacobian), self.m,
                                      list(self.parameters)])
        self._keep: list[Any] = []
        self._start()

    @property
    def meta(self) -> dict[str, Any]:
        """A kernel's switching functions are unknown, and it may depend on time."""
        return {"surfaces": 0, "autonomous": False}

    def address(self, kind: str, width: int) -> int:
        """Return the address of the kernel of F; there are no others."""
        if kind not in ("rhs", "smooth"):
            self._no_expression()
        if ("rhs", width) not in self._addresses:
            made = self._make(width)
            self._keep.append(made)
            self._addresses["rhs", width] = (made.address if isinstance(made, _adapters.Callback)
                                             else made.addresses["kernel"])
        return self._addresses["rhs", width]

    def derivative_address(self, kind: str, width: int) -> int:
        """Return the address of the user's Jacobian, or 0: by differences."""
        if kind != "jacobian" or self.derivative is None:
            return 0
        if ("jacobian", width) not in self._addresses:
            if _adapters.is_compiled(self.derivative):
                made: Any = _adapters.adapted(_adapters.JACOBIAN_SOURCE, self.derivative, m=self.m,
                                              width=width, parameters=len(self.parameters))
            else:
                made = _adapters.callback(self.m, self.m**2, len(self.parameters), width,
                                          lambda t, y, p: self._derivative(t, y, p).ravel())
            self._keep.append(made)
            self._addresses["jacobian", width] = (
                made.address if isinstance(made, _adapters.Callback) else made.addresses["kernel"])
        return self._addresses["jacobian", width]

    def _derivative(self, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        J = np.full((self.m, self.m), np.nan)
        made = self.derivative(t, y, p, J)
        made = J if made is None else made.toarray() if hasattr(made, "toarray") else made
        made = np.asarray(made, dtype=float)
        if made.shape != J.shape:
            raise ValueError(f"jacobian must give an array of shape {J.shape}, got {made.shape}")
        return made

    def check_jacobian(self, t: float, y: np.ndarray) -> None:
        """Call the user's Jacobian once, and refuse a wrong shape or entries without a value."""
        if self.derivative is None or not np.isfinite(y).all():
            return
        if self.m > LARGE:
            try:
                found = self.sparse_jacobian(t, y)
            except (IndexError, ValueError, TypeError):
                found = None
            if found is None:
                raise ValueError(
                    f"jacobian must return a scipy.sparse matrix ({self.m}, {self.m}): a dense one "
                    f"takes {8 * self.m**2 / 2**30:.2f} GB and its factors as much; or leave it "
                    "out, and GMRES works without a matrix")
            return
        try:
            if self.sparse_jacobian(t, y) is not None:
                return
            made = self._derivative(t, y, self.p)
        except Exception as problem:
            if str(problem).startswith("jacobian must"):
                raise
            raise ValueError(f"jacobian must fill J of shape ({self.m}, {self.m}); it raised "
                             f"{type(problem).__name__}: {problem}") from None
        if np.isnan(made).any():
            row, column = np.argwhere(np.isnan(made))[0].tolist()
            raise ValueError(f"jacobian must fill every entry of J, and left J[{row}, {column}] "
                             "without a value at the start")

    def sparse_jacobian(self, t: float, y: np.ndarray) -> Any:
        """Return what the user's function returns if that is sparse; None for another one."""
        if self.derivative is None or _adapters.is_compiled(self.derivative):
            return None
        made = self.derivative(t, y.copy(), self.p, np.empty((0, 0)) if self.m > LARGE
                               else np.full((self.m, self.m), np.nan))
        if not hasattr(made, "toarray"):
            return None
        if made.shape != (self.m, self.m):
            raise ValueError(f"jacobian must give a matrix of shape ({self.m}, {self.m}), got "
                             f"{made.shape}")
        return made

    def _make(self, width: int) -> Any:
        if _adapters.is_compiled(self.function):
            return _adapters.adapted(_adapters.FIELD_SOURCE, self.function, m=self.m, width=width,
                                     parameters=len(self.parameters))
        return _adapters.callback(self.m, self.m, len(self.parameters), width, self._point)

    def _point(self, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        dy = np.full(self.m, np.nan)
        returned = self.function(t, y, p, dy)
        if returned is not None and np.isnan(dy).all():
            raise TypeError("it returns its value; it must fill its argument dy, as dy[:] = …")
        return dy

    def context(self, width: int) -> np.ndarray:
        """Return the kernel's addresses: scratch for y, dy (or J) and p of one point."""
        jacobian = self.m**2 if _adapters.is_compiled(self.derivative) else 0
        scratch = np.zeros(2 * self.m + len(self.parameters) + 1 + jacobian)
        made = np.zeros(4, dtype=np.int64)
        made[0] = scratch.ctypes.data
        return Held.of(made, scratch)

    def raise_pending(self) -> None:
        """Raise what the Python function raised since the last call."""
        _adapters.raise_pending(self._keep, f"the right-hand side {self.name}")

    def jacobian(self, t: Any, y: Any, regime: Any = None) -> np.ndarray:
        """Return ∂F/∂y (m, m): the user's, or central differences (a kernel has no expression)."""
        times, states, single = self._points(t, y)
        self._regime(t, y, regime)
        if self.derivative is not None:
            given = np.array([self._derivative(float(a), b, self.p)
                              for a, b in zip(times, states, strict=True)])
            return given[0] if single else given
        step = np.cbrt(np.finfo(float).eps) * np.maximum(1.0, np.abs(states))
        columns = []
        for j in range(self.m):
            shifted = np.zeros_like(states)
            shifted[:, j] = step[:, j]
            columns.append((self(times, states + shifted) - self(times, states - shifted))
                           / (2 * step[:, j:j + 1]))
        out = np.stack(columns, axis=2)
        return out[0] if single else out

    def _no_expression(self) -> Any:
        raise ValueError(f"the field {self.name} is made of kernels and has no expression; give "
                         "it as expressions for anything symbolic")

    system = property(_no_expression)  # type: ignore[assignment]
    equations = property(_no_expression)  # type: ignore[assignment]
    switches = property(_no_expression)  # type: ignore[assignment]
