"""The field of a flow on a loss: what the ways of giving them have in common, and expressions."""

from __future__ import annotations

import itertools
import json
from functools import cached_property
from typing import Any

import numpy as np

from flowopt.flows.coordinate_names import CoordinateNames
from flowopt.flows.field import LARGE, VectorField
from flowopt.flows.flow import Flow, coordinates
from flowopt.losses.loss import Loss


class LossField(VectorField):
    """A flow on a loss: what the three ways of giving them have in common."""

    loss: Loss
    flow: Flow

    def __init__(self, flow: Flow, loss: Loss) -> None:
        both = sorted(set(flow.parameters) & set(loss.parameters))
        if both:
            raise ValueError(f"the flow and the loss both have a parameter {both[0]}; rename one")
        self.flow, self.loss = flow, loss
        self.n = loss.n
        self.parameters = {**loss.parameters, **flow.parameters}
        self.name = f"{flow.name} on {loss.name}"
        self.m = self.n * (1 + len(flow.states))
        self.blocks = (("theta", 0, self.n),)
        for k, state in enumerate(flow.states):
            self.blocks += ((state, (k + 1) * self.n, (k + 2) * self.n),)
        names = CoordinateNames(loss, flow.states)
        large = self.n > LARGE  # the names of a large network number millions
        self.names = names if large else tuple(names)
        same = [p for p in self.parameters if p in names]
        if not same and not large and len(set(names)) != self.m:
            same = list(names)
        if same:
            raise ValueError("a state of the flow and a variable or parameter of the loss get the "
                             f"same name ({', '.join(same)}); rename the variable")
        self.time_name = next(
            name for name in itertools.chain(("t", "time"), map("time{}".format, itertools.count()))
            if name not in self.parameters and name not in names)
        self.definition = json.dumps([flow.definition, loss.definition, list(self.parameters)])
        self._start()

    def loss_rate(self, t: Any, y: Any) -> np.ndarray:
        """Return dL/dt = ⟨∇L, θ̇⟩ along the field: shape () or (batch,)."""
        times, states, single = self._points(t, y)
        g = self.loss.grad(states[:, :self.n])
        out = (g * self(times, states)[:, :self.n]).sum(axis=1)
        return out[0] if single else out

    def with_parameters(self, **values: float) -> VectorField:
        """Return the same field with some parameters changed (nothing is recompiled)."""
        made = super().with_parameters(**values)
        made.loss = self.loss.with_parameters(
            **{k: v for k, v in values.items() if k in self.loss.parameters})
        made.flow = self.flow.with_parameters(
            **{k: v for k, v in values.items() if k in self.flow.parameters})
        return made


class FlowField(LossField):
    """A flow on a loss, both given by expressions."""

    @cached_property
    def system(self) -> Any:
        """The layers: θ and states, the loss, the reductions, the rule."""
        import sympy

        from flowopt.symbolic.regimes import Regimes
        from flowopt.symbolic.system import System

        regimes = Regimes()
        layer = self.loss.layer(regimes)
        time = sympy.Symbol(self.time_name, real=True)
        states = {s: [sympy.Symbol(n, real=True) for n in self.names[a:b]]
                  for s, a, b in self.blocks if s != "theta"}
        parameters = self.flow.parameter_symbols()
        rules, reductions = coordinates(self.flow, layer.variables, states, time, layer.L, layer.g,
                                        parameters)
        rhs = [*rules["theta"], *(e for s in states for e in rules[s])]
        variables = [*layer.variables, *(v for s in states.values() for v in s)]
        symbols = {**self.loss.parameter_symbols, **parameters}
        return System(rhs, variables, list(symbols.values()), time, layer, regimes, reductions)
