"""What a field is as machine code: a kernel for each question, asked at points and in regimes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt._evaluate import evaluate
from flowopt.symbolic.names import symbolic_stamp


class CompiledField(_native.Portable):
    """The kernels of F, made when they are first needed, and F, its sides and ∂F/∂y by them.

    A subclass sets the names below, calls `_start`, and gives `system`, the expressions that the
    kernels are made from, and `switches`, the functions where F jumps; or kernels of its own.
    """

    n: int  # coordinates of θ
    m: int  # components of y
    parameters: dict[str, float]
    name: str
    definition: str  # two fields with one definition have the same kernels
    system: Any
    switches: Any
    is_kernel = False

    def _start(self) -> None:
        self._addresses: dict[tuple[str, int], int] = {}
        self._series: dict[str, tuple[int, int]] = {}
        self._meta: dict[str, Any] | None = None

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

    def paced(self, step: float | None) -> Any:
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
