"""An optimizer as a map on an abstract loss, as data: each variable's next value, over gradients.

    {"kind": "optimizer", "variables": ["theta", states ...], "equations": [text ...],
     "gradients": {"g": "theta"}, "positive": [names], "parameters": {}}

One coordinate stands for all. A gradient is the name of ∇L at a point, which is an expression over
the variables; implicit Euler is θ⁺ = θ − h g⁺ with ``new_g`` at ``new_theta``. The equations come
from the rules of the optimizer's flow and the order of its splitting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt import _check
from flowopt.stability.exact import rational, write

#: the hyper-parameters that a symbolic system keeps as positive names
Names = Sequence[str]


def optimizer_system(optimizer: Any, keep: Names = (),
                     exact: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an optimizer of the dictionary as data: its step on an abstract loss.

    Parameters
    ----------
    optimizer : Optimizer
        One whose flow is given by rules, with explicit, sequential or implicit Euler.
    keep : sequence of str
        Hyper-parameters that stay symbols (assumed > 0); the others become the rationals of their
        shortest decimals.
    exact : mapping of str to str, optional
        Hyper-parameters as fractions such as ``"4/9"`` where their decimals are not exact; each
        must round to the optimizer's own number.

    Returns
    -------
    dict
        See the module. Where the clock is a root, h = √lr or the like, a state v is replaced by
        h v, which is named ``hv``; so the heavy ball's is x_k − x_{k−1}.

    Raises
    ------
    ValueError
        For an optimizer with noise, one whose rule is a function, and other methods.

    Examples
    --------
    >>> import flowopt as fo
    >>> made = optimizer_system(fo.optimizers.heavy_ball(), keep=["lr", "momentum"])
    >>> made["variables"], made["equations"]
    (['theta', 'hv'], ['-g*lr + hv*momentum + theta', '-g*lr + hv*momentum'])
    >>> optimizer_system(fo.optimizers.proximal_point(lr=0.5))["equations"]
    ['-new_g/2 + theta']
    """
    import sympy

    from flowopt.optimizers.optimizer import Optimizer

    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, got {_check.shown(optimizer)}")
    flow, groups = optimizer.flow, _groups(optimizer)
    for name in keep:
        if name not in optimizer.hyper:
            raise ValueError(f"keep names {name}, which is no hyper-parameter of {optimizer.name}; "
                             f"{_check.nearest(name, list(optimizer.hyper) or ['(none)'])}")
    hyper = {k: sympy.Symbol(k, positive=True) if k in keep else rational(v)
             for k, v in optimizer.hyper.items()
             if not isinstance(v, (str, bool)) and abs(float(v)) < float("inf")}
    hyper.update(_exact_values(optimizer, exact or {}))
    step = _formula(optimizer.clock.formula, hyper)
    values: dict[Any, Any] = {}
    for name, symbol in flow.parameter_symbols().items():
        formula = step if name == "h" else optimizer.maps.get(name)
        values[symbol] = (formula if name == "h" else rational(flow.parameters[name])
                          if formula is None else _formula(formula, {**hyper, "h": step}))
    time = sympy.Symbol("t", real=True)
    count = sympy.Symbol("k", real=True)
    rules = {k: r.xreplace(values).subs(time, count * step)
             for k, r in flow.abstract_rules().items()}
    states = list(flow.states)
    symbols = {n: sympy.Symbol(n, real=True) for n in ("theta", *states)}
    now: dict[Any, Any] = {s: s for s in symbols.values()}
    gradients: dict[str, Any] = {}
    implicit = groups is None
    for group in groups or [("theta",)]:
        point = symbols["theta"] if not implicit else sympy.Symbol("new_theta", real=True)
        place = now[symbols["theta"]] if not implicit else point
        name = next((n for n, p in gradients.items() if p == place), "new_g" if implicit else
                    "g" if not gradients else f"g{len(gradients) + 1}")
        used = any(sympy.Symbol("g", real=True) in rules[v].free_symbols for v in group)
        if used:
            gradients[name] = place
        moved = {v: now[symbols[v]] + step * rules[v].subs(
            {**now, sympy.Symbol("g", real=True): sympy.Symbol(name, real=True)},
            simultaneous=True) for v in group}
        now.update({symbols[v]: e for v, e in moved.items()})
    basis = [*symbols.values(), *(sympy.Symbol(n, real=True) for n in gradients)]
    equations = {v: _tidy(now[s], basis) for v, s in symbols.items()}
    renamed, written = ["theta", *states], list(equations.values())
    if "sqrt" in optimizer.clock.formula:
        renamed, written = _scaled(equations, symbols, step, states, basis)
    return {"kind": "optimizer", "variables": renamed,
            "equations": [write(e) for e in written],
            "gradients": {n: write(p) for n, p in gradients.items()},
            "positive": sorted(keep), "parameters": {}}


def _exact_values(optimizer: Any, exact: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyper-parameters as given fractions, each of which rounds to the optimizer's."""
    made = {}
    for name, value in exact.items():
        if name not in optimizer.hyper:
            raise ValueError(f"exact names {name}, which is no hyper-parameter of "
                             f"{optimizer.name}; "
                             f"{_check.nearest(name, list(optimizer.hyper) or ['(none)'])}")
        made[name] = rational(value)
        if abs(float(made[name]) - float(optimizer.hyper[name])) > 1e-15 * abs(float(made[name])):
            raise ValueError(f"exact[{name!r}] must be the optimizer's {name}, "
                             f"{optimizer.hyper[name]!r}, as a fraction, got {_check.shown(value)}")
    return made


def written_system(variables: Names, equations: Sequence[str], gradients: Mapping[str, str],
                   positive: Names = ()) -> dict[str, Any]:
    """Return the data of a map on an abstract loss that is given by its equations.

    Examples
    --------
    >>> made = written_system(["theta"], ["theta - h*g"], {"g": "theta"}, ["h"])
    >>> made["kind"], made["equations"]
    ('optimizer', ['theta - h*g'])
    """
    return {"kind": "optimizer", "variables": list(variables), "equations": list(equations),
            "gradients": dict(gradients), "positive": sorted(positive), "parameters": {}}


def _groups(optimizer: Any) -> list[tuple[str, ...]] | None:
    """Return the blocks in the order of their update; None is implicit."""
    method, flow = optimizer.method, optimizer.flow
    if optimizer.noisy:
        raise ValueError(f"{optimizer.name} has noise; a rate in the worst case is for maps "
                         "without")
    if not flow.rules:
        raise ValueError(f"{optimizer.name} is given by a function; only a rule can be read")
    names = ["theta", *flow.states]
    if method.name == "Euler":
        return [tuple(names)]
    if method.name == "SequentialEuler":
        return [*((s,) for s in flow.states), ("theta",)] if method.groups is None else list(
            method.groups)
    if method.name == "ImplicitEuler" and not flow.states:
        return None
    raise ValueError(f"{optimizer.name} uses {method.name}; the step is read from explicit, "
                     "sequential and (without states) implicit Euler")


def _formula(text: str, names: Mapping[str, Any]) -> Any:
    from flowopt.symbolic.parse import parse

    parsed = parse(text, what="the formula of a parameter")
    return parsed.to_sympy({n: names[n] for n in parsed.names})


def _slopes(expr: Any, basis: Sequence[Any]) -> list[Any] | None:
    """Return the coefficients of a linear expression, or None when it is not linear."""
    import sympy

    if expr.has(sympy.Function, sympy.Piecewise):
        return None
    slopes = [sympy.diff(expr, s) if s in expr.free_symbols else sympy.S.Zero for s in basis]
    if {s for slope in slopes for s in slope.free_symbols} & set(basis):
        return None
    return [sympy.expand(sympy.radsimp(c)) if c.is_number else sympy.factor(c) for c in slopes]


def _tidy(expr: Any, basis: Sequence[Any]) -> Any:
    """Return an expression; one that is linear in `basis` with its coefficients simplified."""
    import sympy

    slopes = _slopes(expr, basis)
    if slopes is None:
        return expr
    rest = expr.xreplace(dict.fromkeys(basis, sympy.S.Zero))
    return sympy.Add(rest, *[c * s for c, s in zip(slopes, basis, strict=True)])


def _scaled(equations: Mapping[str, Any], symbols: Mapping[str, Any], step: Any,
            states: list[str], basis: Sequence[Any]) -> tuple[list[str], list[Any]]:
    """Return the names and equations with h v for v, where that leaves no more roots."""
    import sympy

    def roots(exprs: Any) -> int:
        return sum(len({p for p in e.atoms(sympy.Pow) if not p.exp.is_Integer}) for e in exprs)

    names = ["theta", *states]
    plain = [equations[n] for n in names]
    if not states or any(_slopes(e, basis) is None for e in plain):
        return names, plain
    new = {s: sympy.Symbol(f"h{s}", real=True) for s in states}
    back = {symbols[s]: new[s] / step for s in states}
    changed = [b for b in basis if b not in back]
    scaled = [_tidy((step if n in new else 1) * equations[n].subs(back),
                    [*changed, *new.values()]) for n in names]
    if roots(scaled) > roots(plain):
        return names, plain
    return ["theta", *(f"h{s}" for s in states)], scaled
