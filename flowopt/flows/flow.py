"""Flow: the rule θ̇ = φ(g, L, θ, states, t), written once as text, with no loss in it.

The rule language is that of losses (see `flowopt.symbolic.parse`) over one coordinate:

    g        the gradient's coordinate            L      the loss (one number for all coordinates)
    theta    the coordinate itself                t      time
    states   by their names                       parameters by their names

and reductions over all coordinates: dot(a, b) = Σ aᵢbᵢ, norm(a) = √Σ aᵢ², norm1(a) = Σ |aᵢ|,
maxabs(a) = max |aᵢ|, and unit(a) = aᵢ/‖a‖, which is 0 where a = 0 and sign(a) in one dimension.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flowopt import _check
from flowopt.symbolic.names import checked_name, checked_parameters, checked_used, exact, merged
from flowopt.symbolic.parse import parse

#: the reductions, and how many arguments each takes
REDUCTIONS = {"dot": 2, "norm": 1, "norm1": 1, "maxabs": 1, "unit": 1}
RESERVED = ("g", "L", "theta", "t")


class Flow:
    """A rule θ̇ = φ(g, L, θ, states, t).

    Parameters
    ----------
    rule : str, sympy.Expr, or mapping of str to those
        The rule of θ̇, or a mapping with the key ``"theta"`` and one key for each state.
    parameters : mapping of str to float, optional
        Named numbers, read at run time.
    positive : sequence of str, optional
        The parameters that are assumed > 0; their values are checked.
    name, reference : str, optional
        A name, and the published source.

    Examples
    --------
    >>> import flowopt as fo
    >>> soft = fo.Flow("-g/(1 + norm(g))", name="soft normalised flow")
    >>> field = soft.on(fo.Loss("x**2/2 + y**2"))
    >>> field(0.0, [3.0, 2.0])
    array([-0.5       , -0.66666667])
    """

    def __init__(self, rule: Any, parameters: Mapping[str, float] | None = None,
                 positive: tuple[str, ...] | list[str] = (), name: str = "flow",
                 reference: str | None = None) -> None:
        rules = dict(rule) if isinstance(rule, Mapping) else {"theta": rule}
        if "theta" not in rules:
            raise ValueError("the rule must have the key 'theta' (θ̇), got "
                             f"{', '.join(map(str, rules)) or 'nothing'}")
        self.name, self.reference = name, reference
        self.parameters = checked_parameters(parameters)
        if isinstance(positive, str):
            raise TypeError(f"positive must be a list of names, got {_check.shown(positive)}")
        self.positive = tuple(positive)
        for p in self.positive:
            if p not in self.parameters:
                raise ValueError(f"positive names {p}, which is no parameter; "
                                 f"{_check.nearest(p, list(self.parameters) or ['(none)'])}")
            _check.real(p, self.parameters[p], above=0.0, finite=False)
        self.states = tuple(checked_name("the rule", s) for s in rules if s != "theta")
        for n in (*self.states, *self.parameters):
            if n in RESERVED:
                raise ValueError(f"{n} has a meaning of its own in a rule "
                                 f"({', '.join(RESERVED)}); rename the state or parameter")
        if set(self.states) & set(self.parameters):
            raise ValueError("a state and a parameter have the same name: "
                             f"{sorted(set(self.states) & set(self.parameters))[0]}")
        self.rules: dict[str, Any] = {}
        known = {*RESERVED, *self.states, *self.parameters}
        for key, text in rules.items():
            self.rules[key] = self._checked_rule(key, text, known)
        checked_used(self.parameters, set().union(*(self._names(r) for r in self.rules.values())),
                     "the rule")
        self.definition = json.dumps({"flow": {k: r.text if hasattr(r, "text") else repr(r)
                                               for k, r in self.rules.items()},
                                      "parameters": list(self.parameters),
                                      "positive": sorted(self.positive)})

    def _checked_rule(self, key: str, rule: Any, known: set[str]) -> Any:
        what = f"the rule of {key}"
        if isinstance(rule, str):
            made: Any = parse(rule, what=what, functions=REDUCTIONS)
        elif hasattr(rule, "free_symbols"):
            made = exact(rule)
        else:
            raise TypeError(f"{what} must be a string or a sympy expression, got "
                            f"{_check.shown(rule)}")
        for n in sorted(self._names(made)):
            if n not in known:
                raise ValueError(f"{what} holds {n}, which is neither a state nor a parameter; "
                                 f"{_check.nearest(n, known)}")
        return made

    @staticmethod
    def _names(rule: Any) -> set[str]:
        return set(rule.names) if hasattr(rule, "names") else {str(s) for s in rule.free_symbols}

    @classmethod
    def from_kernel(cls, f: Callable[..., None], *, states: tuple[str, ...] = (),
                    parameters: Mapping[str, float] | None = None, hessian: bool = False,
                    name: str | None = None) -> Flow:
        """Return a flow whose rule is a function of the whole vector.

        Parameters
        ----------
        f : callable
            ``f(t, y, L, g, p, dy)``, or ``f(t, y, L, g, H, p, dy)`` with ``hessian=True``: y is θ
            and then the states (m,), g the gradient (n,), H the Hessian (n, n), p the
            parameters in order; it fills dy (m,). Compiled with ``numba.njit``, or plain Python.
        states : tuple of str
            Names of the states; each has n coordinates.

        Examples
        --------
        >>> import flowopt as fo
        >>> def descend(t, y, L, g, p, dy):
        ...     dy[:] = -p[0] * g
        >>> flow = fo.Flow.from_kernel(descend, parameters={"rate": 2.0})
        >>> flow.on(fo.Loss("x**2"))(0.0, [3.0])
        array([-12.])
        """
        return KernelFlow(f, states=states, parameters=parameters, hessian=hessian, name=name)

    def on(self, loss: Any) -> Any:
        """Return the vector field of this flow on `loss`."""
        from flowopt.flows.kernel_loss_field import KernelLossField
        from flowopt.flows.loss_field import FlowField
        from flowopt.losses.loss import KernelLoss, Loss

        if isinstance(loss, str):
            loss = Loss(loss)
        if not isinstance(loss, Loss):
            raise TypeError("loss must be a flowopt.Loss or a string, got "
                            f"{_check.shown(loss)}")
        kind = KernelLossField if isinstance(loss, KernelLoss) else FlowField
        return kind(self, loss)

    def with_parameters(self, **values: float) -> Flow:
        """Return the same flow with some parameters changed."""
        import copy

        made = copy.copy(self)
        made.parameters = merged(self.parameters, values)
        for p in self.positive:
            _check.real(p, made.parameters[p], above=0.0, finite=False)
        return made

    # ---------------------------------------------------------------- symbolic side
    def parameter_symbols(self) -> dict[str, Any]:
        """Return the parameters as sympy symbols with their assumptions, by name."""
        import sympy

        return {n: sympy.Symbol(n, positive=True) if n in self.positive
                else sympy.Symbol(n, real=True) for n in self.parameters}

    def abstract_rules(self) -> dict[str, Any]:
        """Return the rules over abstract symbols; reductions are undefined functions.

        This is the form that proofs on an abstract loss start from.
        """
        import sympy

        symbols = {n: sympy.Symbol(n, real=True) for n in (*RESERVED, *self.states)}
        symbols |= self.parameter_symbols()
        functions = {name: sympy.Function(name, real=True) for name in REDUCTIONS}
        made = {}
        for key, rule in self.rules.items():
            if hasattr(rule, "to_sympy"):
                made[key] = rule.to_sympy(symbols, functions)
            else:
                made[key] = rule.xreplace({s: symbols[str(s)] for s in rule.free_symbols})
        return made

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v:g}" for k, v in self.parameters.items())
        return f"<Flow {self.name}{f' ({values})' if values else ''}>"


class KernelFlow(Flow):
    """A flow given by a function of the whole vector; it has no expression."""

    def __init__(self, f: Any, states: tuple[str, ...] = (),
                 parameters: Mapping[str, float] | None = None, hessian: bool = False,
                 name: str | None = None, reference: str | None = None) -> None:
        if not callable(f):
            raise TypeError(f"f must be a function that fills dy, got {_check.shown(f)}")
        self.function, self.needs_hessian = f, bool(hessian)
        self.parameters, self.positive = checked_parameters(parameters), ()
        self.states = tuple(checked_name("states", s) for s in states)
        self.name = str(name or getattr(f, "__name__", "flow"))
        self.reference, self.rules = reference, {}
        self.definition = f"kernel {id(f)}"

    def abstract_rules(self) -> dict[str, Any]:
        """Refuse: a kernel has no expression."""
        raise ValueError(f"the flow {self.name} is a kernel and has no expression; give its rule "
                         "as text for anything symbolic")

    def on(self, loss: Any) -> Any:
        """Return the vector field of this flow on `loss`."""
        from flowopt.flows.kernel_loss_field import RuleField
        from flowopt.losses.loss import Loss

        loss = Loss(loss) if isinstance(loss, str) else loss
        if not isinstance(loss, Loss):
            raise TypeError(f"loss must be a flowopt.Loss or a string, got {_check.shown(loss)}")
        return RuleField(self, loss)


def coordinates(flow: Flow, theta: list[Any], states: dict[str, list[Any]], time: Any, L: Any,
                g: list[Any], parameters: dict[str, Any]
                ) -> tuple[dict[str, list[Any]], dict[Any, Any]]:
    """Return the rules of `flow` written out for each coordinate, and its reductions.

    Returns
    -------
    rules : dict
        ``rules["theta"][i]`` and ``rules[state][i]`` as sympy expressions.
    reductions : dict
        Symbol → expression of each reduction over coordinates (none when n = 1).
    """
    import sympy

    n = len(theta)
    rules = flow.abstract_rules()
    abstract = {s: sympy.Symbol(s, real=True) for s in (*RESERVED, *flow.states)}
    local: list[dict[Any, Any]] = []
    for i in range(n):
        made = {abstract["g"]: g[i], abstract["theta"]: theta[i], abstract["L"]: L,
                abstract["t"]: time}
        made |= {abstract[s]: values[i] for s, values in states.items()}
        local.append(made | {flow.parameter_symbols()[p]: parameters[p] for p in parameters})
    reductions: dict[Any, Any] = {}

    def total(expr: Any, kind: str) -> Any:
        terms = [reduced(expr, i) for i in range(n)]
        value = sympy.Max(*terms) if kind == "max" else sympy.Add(*terms)
        if n == 1:
            return value
        for symbol, known in reductions.items():
            if known == value:
                return symbol
        symbol = sympy.Symbol(f"R[{len(reductions)}]", nonnegative=kind in ("square", "abs", "max")
                              or None, real=True)
        reductions[symbol] = value
        return symbol

    def reduced(expr: Any, i: int) -> Any:
        name = getattr(expr.func, "__name__", "")
        if name in REDUCTIONS:
            a = expr.args[0]
            if name == "dot":
                return total(a * expr.args[1], "square" if a == expr.args[1] else "sum")
            if name == "norm1":
                return total(sympy.Abs(a), "abs")
            if name == "maxabs":
                return total(sympy.Abs(a), "max")
            if n == 1:
                here = reduced(a, i)
                return sympy.Abs(here) if name == "norm" else sympy.sign(here)
            square = total(a**2, "square")
            if name == "norm":
                return sympy.sqrt(square)
            return sympy.Piecewise((0, sympy.Eq(square, 0)),
                                   (reduced(a, i) / sympy.sqrt(square), True))
        if not expr.args:
            return local[i].get(expr, expr)
        return expr.func(*[reduced(a, i) for a in expr.args])

    return {key: [reduced(rule, i) for i in range(n)] for key, rule in rules.items()}, reductions
