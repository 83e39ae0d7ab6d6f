"""The field of a flow on a loss where the loss, the rule of the flow, or both are functions."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np

from flowopt import _adapters, _native
from flowopt.flows.flow import Flow, KernelFlow
from flowopt.flows.kernel_field import KernelField
from flowopt.flows.loss_field import LossField
from flowopt.losses.loss import Held, Loss
from flowopt.symbolic.names import symbolic_stamp


class KernelLossField(LossField, KernelField):
    """A flow given as text on a loss given as a kernel: a loop over the coordinates."""

    def __init__(self, flow: Flow, loss: Loss) -> None:
        self._keep = []
        LossField.__init__(self, flow, loss)

    def _make(self, width: int) -> Any:
        return self._elementwise(width, None)

    def _elementwise(self, width: int, groups: Any, in_place: bool = False) -> _native.Unit:
        count = len(self.loss.parameters)

        def build() -> tuple[dict[str, Any], dict[str, Any]]:
            from flowopt.flows.elementwise import rule_source
            from flowopt.symbolic.source import compile_kernel

            source = rule_source(self.flow, self.n, count, width, groups, in_place)
            return {"source": source}, {"kernel": compile_kernel(source)}

        return _native.unit(f"elementwise {self.flow.definition} {self.n} {count} {width} "
                            f"{groups} {in_place}", _elementwise_stamp(), build)

    def step_address(self, groups: Any, width: int, in_place: bool = False) -> int:
        """Return the address of the kernel of one step of a splitting, or 0: there is none.

        It evaluates the loss once, which is right when θ is in the last group. A kernel `in_place`
        writes y⁺ over y: where y is large, moving it costs more than computing it.
        """
        if self.flow.rules and "theta" in groups[-1]:
            return self._elementwise(width, groups, in_place).addresses["kernel"]
        return 0

    def context(self, width: int) -> np.ndarray:
        """Return the kernel's addresses: the loss kernel, its own context, and its result."""
        square = self.n**2 if self._loss_kind == "hessian" else 0
        block = np.zeros((1 + self.n + square) * width)
        inner = self.loss.context(width)
        scratch = np.zeros(2 * self.m + len(self.parameters) + self.n + square + 4)
        made = np.array([scratch.ctypes.data, block.ctypes.data,
                         self.loss.address(self._loss_kind, width), inner.ctypes.data],
                        dtype=np.int64)
        return Held.of(made, scratch, block, inner)

    _loss_kind = "gradient"

    def paced(self, step: float | None) -> KernelLossField:
        """Return the field whose loss knows the length of a step; see `CompiledField.paced`."""
        loss = self.loss.paced(step)
        if loss is self.loss:
            return self
        made = copy.copy(self)
        made.loss = loss
        return made

    def raise_pending(self) -> None:
        """Raise what a Python function of the loss or the rule raised since the last call."""
        self.loss.raise_pending()
        KernelField.raise_pending(self)

    @property
    def nonsmooth(self) -> bool:
        """Whether the rule jumps or kinks: there is then no switching function to locate it by."""
        jumps = {"sign", "Abs", "abs", "Min", "Max", "min", "max", "Piecewise", "Heaviside", "relu",
                 "norm1", "maxabs"} | ({"norm", "unit"} if self.n == 1 else set())
        return any(not rule.calls.isdisjoint(jumps)
                   for rule in self.flow.rules.values() if hasattr(rule, "calls"))


class RuleField(KernelLossField):
    """A flow given by a kernel on any loss."""

    flow: KernelFlow

    def __init__(self, flow: KernelFlow, loss: Loss) -> None:
        KernelLossField.__init__(self, flow, loss)
        self.function = flow.function

    @property
    def _loss_kind(self) -> str:  # type: ignore[override]
        return "hessian" if self.flow.needs_hessian else "gradient"

    def _make(self, width: int) -> Any:
        hessian = self.flow.needs_hessian
        if _adapters.is_compiled(self.function):
            arguments = "t_[lane], y, block[lane], g, " + ("H, " if hessian else "") + "p, dy"
            return _adapters.adapted(
                _adapters.RULE_SOURCE, self.function, n=self.n, m=self.m, width=width,
                hn=self.n if hessian else 0, parameters=len(self.flow.parameters),
                offset=len(self.loss.parameters), arguments=arguments)
        return _adapters.callback(self.m, self.m, len(self.parameters), width, self._point)

    def _point(self, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
        count = len(self.loss.parameters)
        loss = self.loss.with_parameters(**dict(zip(self.loss.parameters, p[:count].tolist(),
                                                    strict=True)))
        dy = np.full(self.m, np.nan)
        x = y[:self.n]
        extra = (loss.hess(x),) if self.flow.needs_hessian else ()
        self.function(t, y, float(loss.value(x)), loss.grad(x), *extra, p[count:], dy)
        return dy


@functools.cache
def _elementwise_stamp() -> str:
    return symbolic_stamp() + "-" + _native.fingerprint("flows/elementwise.py")[:8]
