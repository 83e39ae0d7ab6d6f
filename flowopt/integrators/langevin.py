"""Which fields are q̇ = v, v̇ = f(t, q) − γ v, and their friction γ: found on the expressions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.integrators.temperature import row_by_row
from flowopt.symbolic.names import symbolic_stamp


class NotLangevin(ValueError):
    """The field has not the form that a method for Langevin dynamics needs."""


def friction(field: Any, p: np.ndarray) -> np.ndarray:
    """Return the friction γ of each run (N,) for parameters p (N, P), or refuse the field."""
    meta = _unit(field, 1).meta
    if meta["refusal"]:
        raise NotLangevin(meta["refusal"])
    return row_by_row(lambda width: _unit(field, width).addresses["kernel"], 0.0, p)


def coordinates_of(field: Any) -> int:
    """Return the number of positions of a field of that form."""
    return int(field.m // 2)


def _unit(field: Any, width: int) -> _native.Unit:
    flow = field.flow
    whose = field.definition if flow is None else flow.definition
    key = json.dumps(["friction", whose, field.name, list(field.parameters), width])
    return _native.unit(key, symbolic_stamp(), lambda: _build(field, width))


def _build(field: Any, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    import sympy

    from flowopt.symbolic.source import compile_kernel, kernel_source

    try:
        rate = _of_equations(field) if field.flow is None else _of_rules(field)
    except NotLangevin as refusal:
        return {"refusal": str(refusal)}, {}
    names = {n: sympy.Symbol(n, real=True) for n in field.parameters}
    rate = rate.xreplace({s: names[str(s)] for s in rate.free_symbols})
    slots = {s: ("p", i) for i, s in enumerate(names.values())}
    source = kernel_source([rate], slots, {}, width)
    return {"refusal": ""}, {"kernel": compile_kernel(source)}


def _refused(field: Any, why: str) -> NotLangevin:
    return NotLangevin("BAOAB needs a field q' = v, v' = f(t, q) - gamma*v such as "
                       f"fo.flows.HeavyBall(gamma=1.0).on(loss), and {field.name} {why}; "
                       "EulerMaruyama and SRA1 take any field")


def _of_rules(field: Any) -> Any:
    """Return γ of a flow on a loss, from the rules of one coordinate."""
    import sympy
    from sympy.core.function import AppliedUndef

    flow = field.flow
    if not flow.rules:
        raise _refused(field, "is made of kernels")
    if len(flow.states) != 1:
        raise _refused(field, f"has {len(flow.states)} states instead of one velocity")
    rules = flow.abstract_rules()
    v = sympy.Symbol(flow.states[0], real=True)
    if sympy.expand(rules["theta"] - v) != 0:
        raise _refused(field, f"has theta' = {rules['theta']}")
    rule = rules[flow.states[0]]
    if any(call.has(v) for call in rule.atoms(AppliedUndef)):
        raise _refused(field, f"has {v}' = {rule}, whose coordinates act on each other")
    rate = sympy.expand(-rule.diff(v))
    if not rate.free_symbols <= set(flow.parameter_symbols().values()) or (
            rate.atoms(AppliedUndef, sympy.Derivative)):
        raise _refused(field, f"has {v}' = {rule}, whose friction is not a constant")
    return rate


def _of_equations(field: Any) -> Any:
    """Return γ of a field given by equations in (q, v)."""
    import sympy

    if field.is_kernel:
        raise _refused(field, "is made of kernels")
    system, half = field.system, field.m // 2
    if field.m % 2:
        raise _refused(field, f"has {field.m} equations, an odd number")
    q, v = system.variables[:half], system.variables[half:]
    for i in range(half):
        if sympy.expand(system.rhs[i] - v[i]) != 0:
            raise _refused(field, f"has {q[i]}' = {system.rhs[i]}")
    rate = sympy.expand(-system.rhs[half].diff(v[0]))
    for i in range(half):
        rule = system.rhs[half + i]
        others = rule.free_symbols & set(v) - {v[i]}
        if others or sympy.expand(rule.diff(v[i]) + rate) != 0 or not (
                rate.free_symbols <= set(system.parameters)):
            raise _refused(field, f"has {v[i]}' = {rule}, whose friction is not one constant")
    return rate
