"""VectorField: ẏ = F(t, y; p), what every verb takes; a flow on a loss, or any ODE."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from flowopt import _check
from flowopt.flows.compiled import CompiledField
from flowopt.symbolic.names import (
    checked_name,
    checked_names,
    checked_parameters,
    checked_used,
    exact,
    merged,
)

if TYPE_CHECKING:
    from flowopt.flows.flow import Flow
    from flowopt.losses.loss import Loss

#: dimension beyond which a dense Jacobian is not made
LARGE = 2000


class VectorField(CompiledField):
    """A vector field ẏ = F(t, y; p) from expressions.

    Parameters
    ----------
    equations : sequence of str or sympy.Expr
        One right-hand side for each variable.
    variables : sequence of str or sympy.Symbol
        The components of y, in order.
    time : str or sympy.Symbol, optional
        The name of time (default ``t``).
    parameters : mapping of str to float, optional
        Named numbers, read at run time: changing one never recompiles.
    name : str, optional
        A name.

    Raises
    ------
    ValueError, TypeError
        When the numbers of equations and variables differ, a name is unknown, or an expression
        has no compiled form.

    Examples
    --------
    >>> import flowopt as fo
    >>> lorenz = fo.VectorField(["s*(y - x)", "x*(r - z) - y", "x*y - b*z"], ["x", "y", "z"],
    ...                         parameters={"s": 10.0, "r": 28.0, "b": 8/3})
    >>> lorenz(0.0, [1.0, 2.0, 3.0])
    array([10., 23., -6.])
    >>> lorenz.jacobian(0.0, [1.0, 2.0, 3.0])[0]
    array([-10.,  10.,   0.])
    """

    loss: Loss | None = None
    flow: Flow | None = None

    def __init__(self, equations: Sequence[Any], variables: Sequence[Any], time: Any = None,
                 parameters: Mapping[str, float] | None = None, name: str = "field") -> None:
        if isinstance(equations, str) or not hasattr(equations, "__len__"):
            equations = [equations]
        self.names: Sequence[str] = tuple(
            checked_names(variables if not _is_symbol(variables) else [variables]))
        self.parameters = checked_parameters(parameters)
        self.time_name = checked_name("time", "t" if time is None else time)
        self.name = name
        self.n = self.m = len(self.names)
        if not self.m:
            raise ValueError("variables must name at least one component, got none")
        if len(equations) != self.m:
            raise ValueError(f"equations must have one entry for each of the {self.m} variables, "
                             f"got {len(equations)}")
        known = {*self.names, *self.parameters, self.time_name}
        if len(known) != self.m + len(self.parameters) + 1:
            raise ValueError("variables, parameters and time must have different names")
        self._rules = [_rule(f"equation {i + 1}", e, known) for i, e in enumerate(equations)]
        checked_used(self.parameters, set().union(*(_names(r) for r in self._rules)),
                     "the equations")
        self.definition = json.dumps({
            "equations": [r.text if hasattr(r, "text") else _srepr(r) for r in self._rules],
            "variables": self.names, "parameters": sorted(self.parameters),
            "order": list(self.parameters), "time": self.time_name})
        self.blocks: tuple[tuple[str, int, int], ...] = (("y", 0, self.m),)
        self._start()

    @classmethod
    def from_kernel(cls, rhs: Callable[..., None], n: int, *,
                    parameters: Mapping[str, float] | None = None, name: str | None = None,
                    jacobian: Callable[..., Any] | None = None) -> VectorField:
        """Return the field of a function ``rhs(t, y, p, dy)`` that fills dy.

        Parameters
        ----------
        rhs : callable
            Takes time, y (n,), the parameters p in their order, and writes dy (n,). Compiled
            with ``numba.njit``, or plain Python (slow).
        n : int
            The dimension of y.
        jacobian : callable, optional
            ``jacobian(t, y, p, J)`` fills J (n, n) with ∂F/∂y; a plain Python function may return
            it instead, also as a scipy.sparse matrix (`Rodas5P` then scales to many equations).
            By default central differences are used.

        Examples
        --------
        >>> import flowopt as fo
        >>> def decay(t, y, p, dy):
        ...     dy[:] = -p[0] * y
        >>> fo.VectorField.from_kernel(decay, 2, parameters={"k": 3.0})(0.0, [1.0, 2.0])
        array([-3., -6.])
        """
        from flowopt.flows.kernel_field import KernelField

        return KernelField(rhs, n, parameters, name, jacobian)

    # ---------------------------------------------------------------- symbolic side
    @cached_property
    def system(self) -> Any:
        """The layers of expressions (see ``flowopt.symbolic.system``)."""
        import sympy

        from flowopt.symbolic.system import System

        symbols = {n: sympy.Symbol(n, real=True)
                   for n in (*self.names, *self.parameters, self.time_name)}
        rules = [r.to_sympy(symbols) if hasattr(r, "to_sympy")
                 else r.xreplace({s: symbols[str(s)] for s in r.free_symbols})
                 for r in self._rules]
        return System(rules, [symbols[n] for n in self.names],
                      [symbols[n] for n in self.parameters], symbols[self.time_name])

    def named_system(self) -> tuple[Any, dict[str, Any]]:
        """Return the layers and their symbols by name, with L for the loss.

        This is what a user's text about a run (an event, a reducer) is read with; a field made
        of kernels has its variables, parameters and time only.
        """
        import sympy

        from flowopt.symbolic.system import System

        if self.is_kernel:
            named = {n: sympy.Symbol(n, real=True)
                     for n in (*self.names, *self.parameters, self.time_name)}
            return System([], [named[n] for n in self.names], [named[n] for n in self.parameters],
                          named[self.time_name]), named
        system = self.system
        named = {str(s): s for s in (*system.variables, *system.parameters, system.time)}
        if system.loss is not None:
            named.setdefault("L", system.loss.L)
        return system, named

    @property
    def symbols(self) -> tuple[Any, ...]:
        """The components of y as sympy symbols."""
        return tuple(self.system.variables)

    @cached_property
    def equations(self) -> tuple[Any, ...]:
        """F as sympy expressions (m of them), over `symbols`, the parameters and time."""
        try:
            return self.system.expanded(self.system.rhs)
        except ValueError:  # sympy has no Min of 1/0
            raise ValueError(f"{self.name} has no value anywhere: it divides by a gradient that is "
                             "zero everywhere; check the loss") from None

    @cached_property
    def switches(self) -> tuple[Any, ...]:
        """The switching functions ψ as sympy expressions: F jumps or kinks where one is 0."""
        return self.system.expanded(self.system.regimes.surfaces)

    def latex(self) -> str:
        """Return the equations as one aligned LaTeX block."""
        import sympy

        lines = [rf"\dot{{{sympy.latex(v)}}} &= {sympy.latex(e)}"
                 for v, e in zip(self.symbols, self.equations, strict=True)]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    # ---------------------------------------------------------------- the rest
    def with_parameters(self, **values: float) -> VectorField:
        """Return the same field with some parameters changed (nothing is recompiled)."""
        import copy

        made = copy.copy(self)
        made.parameters = merged(self.parameters, values)
        return made

    def start(self, x0: Any) -> np.ndarray:
        """Return y0 (m,) from x0: θ alone (n,), the states then being 0, or all of y (m,)."""
        return self.starts(np.atleast_1d(_check.array("x0", x0, self._start_shape(), (0, 1)))[None],
                           "x0")[0]

    def _start_shape(self) -> str:
        return f"({self.n},)" + (f" or ({self.m},)" if self.m != self.n else "")

    def starts(self, x0s: np.ndarray, name: str = "x0s") -> np.ndarray:
        """Return y0 (N, m) from starts (N, n) or (N, m)."""
        if x0s.ndim != 2 or x0s.shape[1] not in (self.n, self.m):
            wanted = self._start_shape() if name == "x0" else f"(N, {self.n})"
            raise ValueError(f"{name} must have shape {wanted}, got shape "
                             f"{x0s.shape[1:] if name == 'x0' else x0s.shape}")
        if x0s.shape[1] == self.m:
            return np.array(x0s, dtype=float)
        made = np.zeros((len(x0s), self.m))
        made[:, :self.n] = x0s
        return made

    def __repr__(self) -> str:
        return f"<VectorField {self.name}: {self.m} equation{'s' * (self.m > 1)}>"


def _is_symbol(value: Any) -> bool:
    return hasattr(value, "free_symbols") and not hasattr(value, "__len__")


def _srepr(expr: Any) -> str:
    import sympy

    return sympy.srepr(expr)


def _rule(what: str, rule: Any, known: set[str]) -> Any:
    from flowopt.symbolic.parse import parse

    if isinstance(rule, str):
        made: Any = parse(rule, what=what)
        names: Sequence[str] = made.names
    elif hasattr(rule, "free_symbols") or isinstance(rule, (int, float)):
        import sympy

        made = exact(sympy.sympify(rule))
        names = [str(s) for s in made.free_symbols]
    else:
        raise TypeError(f"{what} must be a string or a sympy expression, got {_check.shown(rule)}")
    for name in names:
        if name not in known:
            raise ValueError(f"{what} holds {name}, which is neither a variable nor a parameter; "
                             f"{_check.nearest(name, known)}")
    return made


def _names(rule: Any) -> set[str]:
    return set(rule.names) if hasattr(rule, "names") else {str(s) for s in rule.free_symbols}
