"""The loss L(θ): an expression, or a compiled or plain function that gives value and gradient."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from flowopt import _adapters, _check, _native
from flowopt._evaluate import evaluate
from flowopt.losses.points import checked_points
from flowopt.symbolic import parse as _parse
from flowopt.symbolic.names import (
    checked_names,
    checked_parameters,
    checked_used,
    exact,
    merged,
    symbolic_stamp,
)


class Loss(_native.Portable):
    """A loss L(θ) from an expression.

    Parameters
    ----------
    expr : str or sympy.Expr
        The loss. A string is parsed by a whitelist and never evaluated as code.
    variables : sequence of str or sympy.Symbol, optional
        The coordinates of θ in order; by default every name in natural order (x1, x2, x10),
        parameters excepted.
    parameters : mapping of str to float, optional
        Named numbers that are read at run time: changing one never recompiles.
    minimum : float, optional
        The least value L*, where it is known.
    name, minima, reference : optional
        A name, the known minimisers as tuples, and the source of the landscape.

    Raises
    ------
    ValueError
        When the text is not an expression of the language (`ExpressionError`), or names clash.

    Examples
    --------
    >>> import flowopt as fo
    >>> loss = fo.Loss("a*x**2 + y**2", parameters={"a": 3.0})
    >>> loss.n, float(loss.value([1.0, 2.0])), loss.grad([1.0, 2.0])
    (2, 7.0, array([6., 4.]))
    >>> loss.hessian
    Matrix([
    [2*a, 0],
    [  0, 2]])
    """

    def __init__(self, expr: Any, variables: Sequence[Any] | None = None,
                 parameters: Mapping[str, float] | None = None, minimum: float | None = None,
                 name: str | None = None, minima: Sequence[Sequence[float]] | None = None,
                 reference: str | None = None) -> None:
        self.parameters = checked_parameters(parameters)
        self.minimum = None if minimum is None else _check.real("minimum", minimum)
        self.reference = reference
        self._errors: list[Any] = []
        self._addresses: dict[tuple[str, int], int] = {}
        self._parsed: _parse.Parsed | None = None
        if isinstance(expr, str):
            self._parsed = _parse.parse(expr, what="the loss")
            found: Sequence[str] = self._parsed.names
            self._given: Any = None
            text = self._parsed.text
        else:
            found, text = self._from_sympy(expr)
        checked_used(self.parameters, found, "the loss")
        free = [n for n in found if n not in self.parameters]
        names = free if variables is None else [str(v) for v in checked_names(variables)]
        if not names:
            raise ValueError("the loss must depend on at least one variable, got "
                             f"{_check.shown(str(expr))}")
        unknown = sorted(set(free) - set(names))
        if unknown:
            raise ValueError(f"the loss holds {', '.join(unknown)}, neither in variables nor in "
                             "parameters; add it to one of them")
        both = sorted(set(names) & set(self.parameters))
        if both:
            raise ValueError(f"{both[0]} is both a variable and a parameter; rename one of them")
        self.names = tuple(names)
        self.n = len(names)
        self.minima = None if minima is None else tuple(
            tuple(p) for p in _check.array("minima", minima, f"(k, {self.n})", (2,)).tolist())
        if self.minima and len(self.minima[0]) != self.n:
            raise ValueError(f"minima must have shape (k, {self.n}), got rows of "
                             f"{len(self.minima[0])}")
        self.name = name or "L"
        self.definition = json.dumps({"loss": text, "variables": self.names,
                                      "parameters": list(self.parameters)})

    def _from_sympy(self, expr: Any) -> tuple[list[str], str]:
        import sympy

        if isinstance(expr, (bool, bytes)) or not isinstance(expr, (sympy.Expr, int, float)):
            raise TypeError("expr must be a string or a sympy expression, got "
                            f"{type(expr).__name__}; for a function use Loss.from_kernel(f, n)")
        self._given = exact(sympy.sympify(expr))
        symbols = sorted(self._given.free_symbols, key=lambda s: _parse.natural_key(str(s)))
        return [str(s) for s in symbols], sympy.srepr(self._given)

    @classmethod
    def from_kernel(cls, f: Callable[..., float], n: int, *, minimum: float | None = None,
                    name: str | None = None) -> Loss:
        """Return the loss of a function ``f(x, g) -> float`` that fills the gradient g.

        Parameters
        ----------
        f : callable
            Takes x (n,), writes ∇L(x) into g (n,), and returns L(x). A function compiled with
            ``numba.njit`` runs at full speed; a plain Python function works everywhere at the
            speed of Python (this is the door for torch and jax).
        n : int
            The number of coordinates.

        Examples
        --------
        >>> import flowopt as fo
        >>> def bowl(x, g):
        ...     g[:] = 2 * x
        ...     return float(x @ x)
        >>> fo.Loss.from_kernel(bowl, 2).grad([1.0, 2.0])
        array([2., 4.])
        """
        return KernelLoss(f, n, minimum=minimum, name=name)

    # ---------------------------------------------------------------- symbolic side
    @cached_property
    def variables(self) -> tuple[Any, ...]:
        """The coordinates of θ as sympy symbols (the user's own, or real ones for a string)."""
        import sympy

        own = {} if self._given is None else {str(s): s for s in self._given.free_symbols}
        return tuple(own.get(n, sympy.Symbol(n, real=True)) for n in self.names)

    @cached_property
    def _real(self) -> tuple[Any, list[Any], dict[str, Any]]:
        """The expression over real symbols, its variables and its parameters by name."""
        import sympy

        symbols = {n: sympy.Symbol(n, real=True) for n in (*self.names, *self.parameters)}
        if self._parsed is not None:
            expr = self._parsed.to_sympy(symbols)
        else:
            expr = self._given.xreplace({s: symbols[str(s)] for s in self._given.free_symbols})
        return expr, [symbols[n] for n in self.names], {n: symbols[n] for n in self.parameters}

    def _own(self, expr: Any) -> Any:
        """Return `expr` over the user's symbols."""
        own = {} if self._given is None else {str(s): s for s in self._given.free_symbols}
        return expr.xreplace({s: own[str(s)] for s in expr.free_symbols if str(s) in own})

    @cached_property
    def expr(self) -> Any:
        """The loss as a sympy expression, with decimals as exact rationals."""
        return self._own(self._real[0])

    @cached_property
    def gradient(self) -> Any:
        """∇L as a sympy column (n, 1)."""
        import sympy

        expr, variables, _ = self._real
        return sympy.Matrix([self._own(expr.diff(v)) for v in variables])

    @cached_property
    def hessian(self) -> Any:
        """∇²L as a sympy matrix (n, n)."""
        import sympy

        expr, variables, _ = self._real
        return sympy.hessian(expr, variables).applyfunc(self._own)

    def layer(self, regimes: Any) -> Any:
        """Return the loss as a layer of a vector field (over real symbols)."""
        from flowopt.symbolic.system import LossLayer

        expr, variables, _ = self._real
        return LossLayer(expr, variables, regimes)

    @property
    def parameter_symbols(self) -> dict[str, Any]:
        """The parameters as real symbols, by name."""
        return self._real[2]

    # ---------------------------------------------------------------- compiled side
    def address(self, kind: str, width: int) -> int:
        """Return the address of the kernel 'value', 'gradient' (L, g) or 'hessian' (L, g, H)."""
        found = self._addresses.get((kind, width))
        if found is None:
            unit = _native.unit(f"{self.definition} {kind} {width}", symbolic_stamp(),
                                lambda: self._build(kind, width))
            found = self._addresses[kind, width] = unit.addresses["kernel"]
        return found

    def _build(self, kind: str, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
        import sympy

        from flowopt.symbolic.regimes import Regimes
        from flowopt.symbolic.source import compile_kernel, kernel_source
        from flowopt.symbolic.system import System

        regimes = Regimes()
        layer = self.layer(regimes)
        system = System([], layer.variables, list(self.parameter_symbols.values()),
                        sympy.Symbol("t[]", real=True), layer, regimes)
        outputs = [layer.L]
        if kind in ("gradient", "hessian"):
            outputs += layer.g
        if kind == "hessian":
            outputs += [layer.h(i, j) for i in range(self.n) for j in range(self.n)]
        source = kernel_source(outputs, system.slots(), system.definitions(False), width)
        return {"source": source}, {"kernel": compile_kernel(source)}

    def context(self, width: int) -> np.ndarray:
        """Return the array of addresses that the kernel of that width reads."""
        return np.zeros(4, dtype=np.int64)

    def has_name(self, name: str) -> bool:
        """Return whether one of the coordinates has that name."""
        return name in self.names

    def paced(self, step: float | None) -> Loss:
        """Return the loss for steps of that length; another one if it changes with steps."""
        return self

    def raise_pending(self) -> None:
        """Raise what a Python kernel raised since the last call."""

    def _rows(self, kind: str, x: Any) -> np.ndarray:
        points, single = checked_points("x", x, self.n)
        rows = {"value": 1, "gradient": 1 + self.n, "hessian": 1 + self.n + self.n**2}[kind]
        values = np.array(list(self.parameters.values()), dtype=float)
        out = evaluate(lambda width: self.address(kind, width), rows, np.zeros(len(points)), points,
                       values, context=self.context)
        self.raise_pending()
        return out[0] if single else out

    def value(self, x: Any) -> np.ndarray:
        """Return L(x): shape () for x (n,), shape (batch,) for x (batch, n)."""
        return self._rows("value", x)[..., 0]

    def grad(self, x: Any) -> np.ndarray:
        """Return ∇L(x), of the shape of x (for n = 1 a bare number counts as shape (1,))."""
        return self._rows("gradient", x)[..., 1:]

    def hess(self, x: Any) -> np.ndarray:
        """Return ∇²L(x): shape (n, n), or (batch, n, n)."""
        rows = self._rows("hessian", x)[..., 1 + self.n:]
        return rows.reshape(*rows.shape[:-1], self.n, self.n)

    def with_parameters(self, **values: float) -> Loss:
        """Return the same loss with some parameters changed (nothing is recompiled)."""
        import copy

        made = copy.copy(self)
        made.parameters = merged(self.parameters, values)
        return made

    def __repr__(self) -> str:
        return f"<Loss {self.name}: {self.n} variable{'s' * (self.n > 1)}>"


class KernelLoss(Loss):
    """A loss given by a function of value and gradient; it has no expression."""

    def __init__(self, f: Any, n: int, minimum: float | None = None,
                 name: str | None = None) -> None:
        if not callable(f):
            raise TypeError(f"f must be a function f(x, g) -> float, got {_check.shown(f)}")
        self.n = _check.integer("n", n, at_least=1)
        self.function = f
        self.parameters = {}
        self.minimum = None if minimum is None else _check.real("minimum", minimum)
        self.minima, self.reference = None, None
        self.name = str(name or getattr(f, "__name__", "L"))
        self.names = tuple(f"x{i + 1}" for i in range(self.n)) if self.n > 1 else ("x",)
        self._given, self._parsed = None, None
        self._addresses = {}
        self._keep: list[Any] = []
        self.definition = f"kernel {id(f)}"

    def has_name(self, name: str) -> bool:
        """Return whether one of the coordinates has that name: x, or x1, x2, ...."""
        if self.n == 1:
            return name == "x"
        digits = name[1:]
        return (name[:1] == "x" and digits.isdecimal() and digits.isascii()
                and str(int(digits)) == digits and 1 <= int(digits) <= self.n)

    def address(self, kind: str, width: int) -> int:
        """Return the address of the kernel; it writes L and g whatever the kind."""
        if kind == "hessian":
            raise ValueError(f"the loss {self.name} is a function of value and gradient and has "
                             "no Hessian; give the loss as an expression")
        if ("gradient", width) not in self._addresses:
            if _adapters.is_compiled(self.function):
                made: Any = _adapters.adapted(_adapters.LOSS_SOURCE, self.function, n=self.n,
                                              width=width)
                self._addresses["gradient", width] = made.addresses["kernel"]
            else:
                made = _adapters.callback(self.n, 1 + self.n, 0, width, self._point)
                self._addresses["gradient", width] = made.address
            self._keep.append(made)
        return self._addresses["gradient", width]

    def _point(self, t: float, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        g = np.full(self.n, np.nan)
        value = self.function(x, g)
        return np.concatenate([[float(value)], g])

    def context(self, width: int) -> np.ndarray:
        """Return the kernel's addresses: scratch for x and g of one point."""
        scratch = np.zeros(2 * self.n)
        made = np.zeros(4, dtype=np.int64)
        made[0] = scratch.ctypes.data
        return Held.of(made, scratch)

    def raise_pending(self) -> None:
        """Raise what the Python function raised since the last call."""
        _adapters.raise_pending(self._keep, f"the loss {self.name}")

    def _rows(self, kind: str, x: Any) -> np.ndarray:
        return super()._rows("gradient" if kind == "value" else kind, x)

    def _no_expression(self) -> Any:
        raise ValueError(f"the loss {self.name} is a kernel and has no expression; give it as an "
                         "expression for anything symbolic")

    expr = property(_no_expression)  # type: ignore[assignment]
    gradient = property(_no_expression)  # type: ignore[assignment]
    hessian = property(_no_expression)  # type: ignore[assignment]
    variables = property(_no_expression)  # type: ignore[assignment]
    _real = property(_no_expression)  # type: ignore[assignment]


class Held(np.ndarray):
    """An array of addresses that keeps alive what it points to."""

    held: tuple[Any, ...] = ()

    @classmethod
    def of(cls, addresses: np.ndarray, *held: Any) -> Held:
        """Return `addresses` as such an array."""
        made = addresses.view(cls)
        made.held = held
        return made
