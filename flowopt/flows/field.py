"""VectorField: ẏ = F(t, y; p), what every verb takes; a flow on a loss, or any ODE."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from flowopt import _adapters, _check, _native
from flowopt._evaluate import evaluate
from flowopt.flows.coordinate_names import CoordinateNames
from flowopt.flows.flow import Flow, KernelFlow, coordinates
from flowopt.losses.loss import Held, Loss
from flowopt.symbolic.names import (
    checked_name,
    checked_names,
    checked_parameters,
    checked_used,
    exact,
    merged,
    symbolic_stamp,
)

#: dimension beyond which a dense Jacobian is not made
LARGE = 2000


class VectorField(_native.Portable):
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
    is_kernel = False

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

    def _start(self) -> None:
        self._addresses: dict[tuple[str, int], int] = {}
        self._series: dict[str, tuple[int, int]] = {}
        self._meta: dict[str, Any] | None = None

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
        return KernelField(rhs, n, parameters, name, jacobian)

    # ---------------------------------------------------------------- compiled side
    @property
    def p(self) -> np.ndarray:
        """The values of the parameters (P,), in the order of `parameters`."""
        return np.array(list(self.parameters.values()), dtype=float)

    @property
    def surfaces(self) -> int:
        """The number of switching functions."""
        return int(self.meta["surfaces"])

    @property
    def autonomous(self) -> bool:
        """Whether F does not depend on time."""
        return bool(self.meta["autonomous"])

    @property
    def meta(self) -> dict[str, Any]:
        """What the compiled unit says of itself."""
        if self._meta is None:
            self._meta = self._unit("rhs", 1).meta
        return self._meta

    def address(self, kind: str, width: int) -> int:
        """Return the address of a kernel, such as rhs, smooth, surfaces or jacobian."""
        found = self._addresses.get((kind, width))
        if found is None:
            unit = self._unit(kind, width)
            if "scratch" in unit.meta:
                self._series[kind] = unit.meta["scratch"], unit.meta["singular"]
            found = self._addresses[kind, width] = unit.addresses["kernel"]
        return found

    def derivative_address(self, kind: str, width: int) -> int:
        """Return the address of the kernel "jacobian" or "time_derivative"; 0: there is none."""
        return self.address(kind, width)

    def check_jacobian(self, t: float, y: np.ndarray) -> None:
        """Refuse a user's Jacobian that is not one; that of expressions is."""

    def sparse_jacobian(self, t: float, y: np.ndarray) -> Any:
        """Return ∂F/∂y as a sparse matrix, or None where there is none."""
        return None

    def series(self, order: int, width: int) -> tuple[int, int, int]:
        """Return the kernel of Taylor coefficients, its rows of scratch, and if F has poles."""
        kind = f"taylor:{order}"
        return self.address(kind, width), *self._series[kind]

    def _unit(self, kind: str, width: int) -> _native.Unit:
        return _native.unit(f"{self.definition} {kind} {width}", symbolic_stamp(),
                            lambda: self._build(kind, width))

    def _build(self, kind: str, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
        from flowopt.symbolic.source import compile_kernel

        system = self.system
        known: dict[str, int] = {}
        if kind.startswith("taylor:"):
            source, known = system.series(int(kind[7:]), width)
        else:
            source = system.kernel(kind, width)
        used = set().union(*(e.free_symbols for e in system.rhs),
                           *(e.free_symbols for e in system.reductions.values()))
        meta = {"surfaces": len(system.regimes.surfaces), "autonomous": system.time not in used,
                "source": source, **known}
        if kind == "rhs" and width == 1 and system.regimes.surfaces:
            meta["pairs"], meta["inner"] = system.interactions()
        if kind == "rhs" and width == 1:
            meta["norms"] = [len(norm) for norm in system.norms()]
        return meta, {"kernel": compile_kernel(source)}

    def context(self, width: int) -> np.ndarray:
        """Return the array of addresses that the kernels of that width read."""
        return np.zeros(4, dtype=np.int64)

    def paced(self, step: float | None) -> VectorField:
        """Return the field for steps of that length (None: each run has its own).

        It is another one where the loss changes from step to step, as that of mini-batches does.
        """
        return self

    def raise_pending(self) -> None:
        """Raise what a plain Python kernel raised since the last call."""

    def _points(self, t: Any, y: Any) -> tuple[np.ndarray, np.ndarray, bool]:
        states = _check.array("y", y, f"({self.m},) or (batch, {self.m})", (0, 1, 2), finite=False)
        states = states.reshape(1) if states.ndim == 0 else states
        single = states.ndim == 1
        batch = states[None] if single else states
        if batch.shape[1] != self.m:
            raise ValueError(f"y must have shape ({self.m},) or (batch, {self.m}), got shape "
                             f"{np.shape(y)}")
        times = _check.array("t", t, f"() or ({len(batch)},)", (0, 1), finite=False)
        if times.ndim > 1 or (times.ndim == 1 and times.shape != (len(batch),)):
            raise ValueError(f"t must be a number or have shape ({len(batch)},), got shape "
                             f"{times.shape}")
        return np.broadcast_to(times, (len(batch),)).astype(float), batch, single

    def _rows(self, kind: str, rows: int, t: np.ndarray, y: np.ndarray,
              sides: np.ndarray | None = None) -> np.ndarray:
        out = evaluate(lambda width: self.address(kind, width), rows, t, y, self.p, sides,
                       self.context)
        self.raise_pending()
        return out

    def __call__(self, t: Any, y: Any) -> np.ndarray:
        """Return F(t, y) for y (m,) or (batch, m), discontinuities taken as they are written."""
        times, states, single = self._points(t, y)
        out = self._rows("rhs", self.m, times, states)
        return out[0] if single else out

    @property
    def rhs(self) -> Callable[[float, np.ndarray], np.ndarray]:
        """The function f(t, y) that scipy.integrate.solve_ivp takes: the same kernel."""
        call = _native.prototype("pppppp")(self.address("rhs", 1))
        values = self.p if len(self.parameters) else np.zeros(1)
        place, time = self.context(1), np.zeros(1)
        slots, sides = np.zeros(2, dtype=np.int64), np.zeros(max(1, self.surfaces))
        fixed = [a.ctypes.data for a in (slots, place, time, values, sides)]
        pending, m = self.raise_pending, self.m

        def f(t: float, y: np.ndarray) -> np.ndarray:
            state = np.ascontiguousarray(y, dtype=float)
            if state.shape != (m,):  # the kernel would read past the end
                raise ValueError(f"y must have shape ({m},), got shape {state.shape}")
            out = np.empty(m)
            time[0] = t
            call(fixed[0], fixed[0] + 8, fixed[1], fixed[2], state.ctypes.data, fixed[3],
                 fixed[4], out.ctypes.data)
            pending()
            return out

        f.keep = (slots, place, time, values, sides)  # type: ignore[attr-defined]
        return f

    # ---------------------------------------------------------------- regimes
    def sides(self, t: Any, y: Any) -> np.ndarray:
        """Return the sign of each switching function at (t, y): shape (S,) or (batch, S)."""
        times, states, single = self._points(t, y)
        made = np.ones((len(states), self.surfaces))
        for i in range(self.surfaces):  # an inner surface has a lower number than an outer one
            made[:, i] = np.sign(self._rows("surfaces", self.surfaces, times, states, made)[:, i])
        return made[0] if single else made

    def _regime(self, t: Any, y: Any, regime: Any) -> np.ndarray:
        times, states, _ = self._points(t, y)
        if regime is not None:
            made = np.asarray(regime)  # a field without surfaces has a regime without sides
            made = _check.array("regime", made, f"({self.surfaces},)", (0, 1, 2)) if made.size \
                else np.zeros(made.shape)
            if made.shape[-1:] != (self.surfaces,) or not np.isin(made, (-1.0, 1.0)).all():
                raise ValueError(f"regime must be {self.surfaces} sides, each 1 or -1, got "
                                 f"{_check.shown(regime)}")
            return np.broadcast_to(made, (len(states), self.surfaces))
        made = np.atleast_2d(self.sides(t, y)) if self.surfaces else np.zeros((len(states), 0))
        if not np.all(made):
            which = int(np.nonzero(made == 0)[1][0])
            raise ValueError(f"the point lies on switching surface {which} ({self._psi(which)} = "
                             "0), where F jumps; pass regime= with one side, 1 or -1, for each "
                             "surface")
        return made

    def _psi(self, which: int) -> str:
        return "psi" if self.is_kernel else str(self.switches[which])

    def in_regime(self, t: Any, y: Any, regime: Any) -> np.ndarray:
        """Return F continued smoothly from the regime with the given sides (each 1 or −1)."""
        times, states, single = self._points(t, y)
        out = self._rows("smooth", self.m, times, states, self._regime(t, y, regime))
        return out[0] if single else out

    def jacobian(self, t: Any, y: Any, regime: Any = None) -> np.ndarray:
        """Return ∂F/∂y, exact from the expressions: shape (m, m) or (batch, m, m).

        On a switching surface F has no derivative: pass the sides of the `regime` meant, or get
        an error that names the surface.
        """
        times, states, single = self._points(t, y)
        sides = self._regime(t, y, regime)
        out = self._rows("jacobian", self.m**2, times, states, sides)
        out = out.reshape(-1, self.m, self.m)
        return out[0] if single else out

    # ---------------------------------------------------------------- symbolic side
    @cached_property
    def system(self) -> Any:
        """The layers of expressions (see `flowopt.symbolic.system`)."""
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
        return self.system.expanded(self.system.rhs)

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
        self.function(t, y, p, dy)
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
        for made in self._keep:
            if isinstance(made, _adapters.Callback):
                made.raise_pending(f"the right-hand side {self.name}")

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


class KernelLossField(LossField, KernelField):
    """A flow given as text on a loss given as a kernel: a loop over the coordinates."""

    def __init__(self, flow: Flow, loss: Loss) -> None:
        self._keep = []
        LossField.__init__(self, flow, loss)

    def _make(self, width: int) -> Any:
        return self._elementwise(width, None)

    def _elementwise(self, width: int, groups: Any) -> _native.Unit:
        count = len(self.loss.parameters)

        def build() -> tuple[dict[str, Any], dict[str, Any]]:
            from flowopt.flows.elementwise import rule_source
            from flowopt.symbolic.source import compile_kernel

            source = rule_source(self.flow, self.n, count, width, groups)
            return {"source": source}, {"kernel": compile_kernel(source)}

        return _native.unit(f"elementwise {self.flow.definition} {self.n} {count} {width} "
                            f"{groups}", _elementwise_stamp(), build)

    def step_address(self, groups: Any, width: int) -> int:
        """Return the address of the kernel of one step of a splitting, or 0: there is none.

        It evaluates the loss once, which is right when θ is in the last group.
        """
        if self.flow.rules and "theta" in groups[-1]:
            return self._elementwise(width, groups).addresses["kernel"]
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
        """Return the field whose loss knows the length of a step; see `VectorField.paced`."""
        import copy

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
