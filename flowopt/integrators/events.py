"""Events of the user: functions g(t, y) whose zeros along a run are located.

They are found on the dense output after the steps have been taken, so watching changes nothing in
the run. On each step g is interpolated at nine nodes (exactly, where g is linear in y) and its
roots are isolated, so two crossings inside one step are two events; each is then told from the
next by the sign of g itself, and located to rounding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt._evaluate import evaluate
from flowopt.integrators.dense import Piece
from flowopt.integrators.isolation import isolated, nodes, to_bernstein
from flowopt.symbolic.names import exact, symbolic_stamp
from flowopt.symbolic.parse import parse

#: the last two Chebyshev coefficients are less than this part of an event that is resolved; until
#: then a step is halved, this many times, as long as there are no more parts than these
RESOLVED, MOST_CUTS, MOST_PARTS = 1e-3, 16, 100_000


@dataclass(frozen=True)
class Event:
    """A function g(t, y) whose zeros along a run are found.

    Parameters
    ----------
    expr : str, sympy.Expr or callable
        g over the variables of the field, its parameters, time, and L for the loss; or a
        function ``g(t, y)`` of a number and an array (m,).
    terminal : bool
        Whether the run ends at the first zero.
    direction : {-1, 0, 1}
        Only zeros where g falls (−1), rises (1), or both (0).

    Examples
    --------
    >>> import flowopt as fo
    >>> ball = fo.VectorField(["v", "-1"], ["y", "v"])
    >>> run = fo.integrate(ball, [1.0, 0.0], t=(0.0, 5.0),
    ...                    events=[fo.Event("y", terminal=True, direction=-1)])
    >>> run.status.name, round(float(run.t[-1]), 12), run.events.kind
    ('EVENT', 1.414213562373, ('event',))
    """

    expr: Any
    terminal: bool = False
    direction: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.expr, str):
            parse(self.expr, what="the event")
        elif hasattr(self.expr, "free_symbols"):
            object.__setattr__(self, "expr", exact(self.expr))
        elif not callable(self.expr):
            raise TypeError("an event must be text, a sympy expression or a function g(t, y), got "
                            f"{_check.shown(self.expr)}")
        if not isinstance(self.terminal, (bool, np.bool_)):
            raise TypeError(f"terminal must be True or False, got {_check.shown(self.terminal)}")
        if self.direction not in (-1, 0, 1):
            raise ValueError(f"direction must be -1, 0 or 1, got {_check.shown(self.direction)}")

    @property
    def is_function(self) -> bool:
        """Whether g is a function, not an expression."""
        return callable(self.expr) and not hasattr(self.expr, "free_symbols")


@dataclass(frozen=True)
class Found:
    """One event: when, where, which of the list, and whether g rises (1) or falls (−1)."""

    t: float
    y: np.ndarray
    which: int
    rising: float


class Watch:
    """The events of one run, bound to its field."""

    def __init__(self, field: Any, events: Sequence[Any]) -> None:
        if isinstance(events, (str, Event)) or not isinstance(events, (list, tuple)):
            raise TypeError("events must be a list of fo.Event or text, got "
                            f"{_check.shown(events)}")
        self.field = field
        self.events = [e if isinstance(e, Event) else Event(e) for e in events]
        self.count = len(self.events)
        self.expressions = [e for e in self.events if not e.is_function]
        self.signs = np.zeros(self.count)  # of g where it last was not 0; 0 at first
        if not self.expressions:
            return
        known = {*field.names, *field.parameters, field.time_name, "L"} - (
            {"L"} if field.is_kernel else set())
        for event in self.expressions:
            names = (parse(event.expr).names if isinstance(event.expr, str)
                     else [str(s) for s in event.expr.free_symbols])
            for name in names:
                if name not in known:
                    raise ValueError(f"events holds {name}, which is neither a variable nor a "
                                     f"parameter of the field; {_check.nearest(name, known)}")

    @property
    def ends(self) -> bool:
        """Whether an event may end the run."""
        return any(e.terminal for e in self.events)

    def address(self, width: int) -> int:
        """Return the address of the kernel of the events that are expressions."""
        key = json.dumps([self.field.definition, self.field.names, "events",
                          [e.expr if isinstance(e.expr, str) else repr(e.expr)
                           for e in self.expressions]])
        unit = _native.unit(f"{key} {width}", symbolic_stamp(), lambda: self._build(width))
        return unit.addresses["kernel"]

    def _build(self, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
        from flowopt.symbolic.source import compile_kernel, kernel_source

        system, symbols = self.field.named_system()
        rows = []
        for event in self.expressions:
            if isinstance(event.expr, str):
                rows.append(parse(event.expr).to_sympy(symbols))
            else:
                rows.append(event.expr.xreplace({s: symbols[str(s)]
                                                 for s in event.expr.free_symbols}))
        source = kernel_source(rows, system.slots(), system.definitions(False), width)
        return {"source": source}, {"kernel": compile_kernel(source)}

    def values(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return g of every event at points t (N,), y (N, m): (N, E)."""
        out = np.empty((len(t), self.count))
        written = [i for i, e in enumerate(self.events) if not e.is_function]
        if written:
            out[:, written] = evaluate(self.address, len(written), t, y, self.field.p, None,
                                       self.field.context)
        for i, event in enumerate(self.events):
            if event.is_function:
                out[:, i] = [_number(event.expr, a, b) for a, b in zip(t.tolist(), y, strict=True)]
        bad = np.argwhere(np.isnan(out))
        if len(bad):
            when, which = bad[0]
            raise ValueError(f"event {which} is nan at t={t[when]:g}; an event must be a number "
                             "along the whole run")
        return out

    def start(self, t: float, y: np.ndarray) -> None:
        """Take the signs at the start of the run; an event that is 0 there has none yet."""
        if self.count:
            self.signs = np.sign(self.values(np.array([t]), y[None])[0])

    def at_end(self, t: float, y: np.ndarray) -> list[Found]:
        """Return the events that are exactly 0 at the end of the run, and were not before."""
        g = self.values(np.array([t]), y[None])[0]
        return [Found(t, y, int(e), -float(self.signs[e]))
                for e in np.nonzero((g == 0.0) & (self.signs != 0.0))[0]]

    def search(self, piece: Piece) -> list[Found]:
        """Return the events on the steps of a piece, in their order.

        The search ends at a terminal event.
        """
        if not len(piece.t):
            return []
        steps = _Steps(piece)
        steps = self._resolved(steps)
        theta = nodes()
        count, points = len(steps.t), len(theta)
        where = np.tile(theta, count)
        which = np.repeat(np.arange(count), points)
        g = self.values(steps.times(which, where), steps.states(which, where))
        g = g.reshape(count, points, self.count)
        b = np.einsum("jn,kne->kje", to_bernstein(), g)
        same = (np.sign(b) == self.signs[None, None]).all(axis=1)  # (K, E): nothing happens
        made: list[Found] = []
        for k in np.nonzero(~same.all(axis=1))[0].tolist():
            here = [found for e in np.nonzero(~same[k])[0].tolist()
                    for found in self._on_step(steps, k, e, b[k, :, e])]
            turn = 1.0 if steps.length[k] > 0 else -1.0
            for found in sorted(here, key=lambda f: turn * f.t):
                made.append(found)
                event = self.events[found.which]
                if event.terminal and event.direction in (0, found.rising):
                    return made
        return made

    def _resolved(self, steps: _Steps) -> _Steps:
        """Return the steps in parts on which every event is nearly a polynomial of degree 8."""
        theta, n = nodes(), len(nodes()) - 1
        ends = np.ones(n + 1)
        ends[[0, -1]] = 0.5
        last = np.stack([ends * np.cos(k * np.arccos(1 - 2 * theta)) * 2 / n for k in (n - 1, n)])
        for _ in range(MOST_CUTS):
            k = np.repeat(np.arange(len(steps.t)), n + 1)
            where = np.tile(theta, len(steps.t))
            g = self.values(steps.times(k, where), steps.states(k, where))
            g = g.reshape(-1, n + 1, self.count)
            tail = np.abs(np.einsum("cn,kne->kce", last, g)).sum(axis=1)
            open_ = (tail > RESOLVED * np.abs(g).max(axis=1)).any(axis=1)
            open_ &= np.abs(steps.length) > 1e-9 * (np.abs(steps.t) + np.abs(steps.length).sum())
            if not open_.any() or len(steps.t) > MOST_PARTS:
                break
            steps = steps.cut(open_)
        return steps

    def _on_step(self, steps: _Steps, k: int, e: int, b: np.ndarray) -> list[Found]:
        """Return the sign changes of one event on one step."""
        def g(theta: float) -> float:
            at, row = np.array([theta]), np.array([k])
            return float(self.values(steps.times(row, at), steps.states(row, at))[0, e])

        made = []
        last = 0.0
        finite = bool(np.isfinite(b).all())
        for theta in sorted({*(isolated(b) if finite else ()), *nodes().tolist()}):
            sign = float(np.sign(g(theta)))
            if sign == 0.0:
                continue
            if self.signs[e] not in (0.0, sign):
                place = _root(g, last, theta, self.signs[e])
                at, row = np.array([place]), np.array([k])
                made.append(Found(float(steps.times(row, at)[0]), steps.states(row, at)[0], e,
                                  sign))
            self.signs[e], last = sign, theta
        return made


class _Steps:
    """Parts of the steps of a piece: each is the stretch [a, b] of its step."""

    def __init__(self, piece: Piece) -> None:
        self.piece, self.coefficients = piece, piece.polynomial()
        count = len(piece.t)
        self.step = np.arange(count)  # of the piece
        self.t, self.end = piece.t, np.append(piece.t[1:], piece.end)
        self.length = self.end - self.t
        self.a, self.b = np.zeros(count), self.length / piece.h

    def cut(self, which: np.ndarray) -> _Steps:
        """Return the same parts, some of them halved."""
        made = object.__new__(_Steps)
        made.piece, made.coefficients = self.piece, self.coefficients
        twice = np.repeat(np.arange(len(self.t)), np.where(which, 2, 1))
        second = np.append(False, twice[1:] == twice[:-1])
        first = np.append(second[1:], False)
        made.step = self.step[twice]
        middle = (self.a + self.b) / 2
        made.a = np.where(second, middle[twice], self.a[twice])
        made.b = np.where(first, middle[twice], self.b[twice])
        half = (self.t + self.length / 2)[twice]
        made.t = np.where(second, half, self.t[twice])
        made.end = np.where(first, half, self.end[twice])
        made.length = made.end - made.t
        return made

    def times(self, k: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return the times at the fractions θ of the parts k."""
        return np.where(theta == 1.0, self.end[k], self.t[k] + theta * self.length[k])

    def states(self, k: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return the states (N, m) at the fractions θ of the parts k."""
        x = (self.a[k] + theta * (self.b[k] - self.a[k]))[:, None]
        x = np.sqrt(x) if self.piece.root else x
        step = self.step[k]
        value = np.zeros((len(k), self.piece.y.shape[1]))
        for j in range(self.coefficients.shape[1] - 1, -1, -1):
            value = (value + self.coefficients[step, j]) * x
        return value + self.piece.y[step]


def _root(g: Callable[[float], float], low: float, high: float, sign: float) -> float:
    """Return the root of g between a point where it has `sign` and one where it has not."""
    from scipy.optimize import brentq

    if np.sign(g(low)) != sign:  # the sign was told by the step before
        return low
    return float(brentq(g, low, high, xtol=1e-300, rtol=4 * 2.0**-52))


def _number(g: Callable[[float, np.ndarray], Any], t: float, y: np.ndarray) -> float:
    """Return g(t, y) of a user's function as a number, or say what it was."""
    try:
        value = g(t, y.copy())
    except Exception as problem:
        raise RuntimeError(f"the function of an event raised {type(problem).__name__} at t={t:g}: "
                           f"{problem}") from problem
    try:
        return float(np.asarray(value, dtype=float).reshape(()))
    except (TypeError, ValueError):
        raise TypeError("the function of an event must return a number, got "
                        f"{_check.shown(value)}") from None
