"""Events of the user: functions g(t, y) whose zeros along a run are located.

They ride along with the switching functions of the field: one kernel gives both, and the stepper
stops where any of them changes sign on the dense output.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt._evaluate import evaluate
from flowopt.symbolic.names import exact, symbolic_stamp
from flowopt.symbolic.parse import parse


@dataclass(frozen=True)
class Event:
    """A function g(t, y) whose zeros along a run are found.

    Parameters
    ----------
    expr : str or sympy.Expr
        g over the variables of the field, its parameters, time, and L for the loss.
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
        else:
            raise TypeError("an event must be text or a sympy expression, got "
                            f"{_check.shown(self.expr)}")
        if self.direction not in (-1, 0, 1):
            raise ValueError(f"direction must be -1, 0 or 1, got {_check.shown(self.direction)}")


class Watch:
    """The events of one run, bound to its field: a kernel of all surfaces and events.

    Rows 0 … S − 1 are the switching functions of the field, the others the events.
    """

    def __init__(self, field: Any, events: Sequence[Any]) -> None:
        if isinstance(events, (str, Event)) or not isinstance(events, (list, tuple)):
            raise TypeError("events must be a list of fo.Event or text, got "
                            f"{_check.shown(events)}")
        self.field = field
        self.events = [e if isinstance(e, Event) else Event(e) for e in events]
        self.count = len(self.events)
        known = {*field.names, *field.parameters, field.time_name, "L"} - (
            {"L"} if field.is_kernel else set())
        for event in self.events:
            names = (parse(event.expr).names if isinstance(event.expr, str)
                     else [str(s) for s in event.expr.free_symbols])
            for name in names:
                if name not in known:
                    raise ValueError(f"events holds {name}, which is neither a variable nor a "
                                     f"parameter of the field; {_check.nearest(name, known)}")
        self.key = json.dumps([field.definition, field.names, "events",
                               [e.expr if isinstance(e.expr, str) else repr(e.expr)
                                for e in self.events]])

    def address(self, width: int) -> int:
        """Return the address of the kernel of surfaces and events."""
        unit = _native.unit(f"{self.key} {width}", symbolic_stamp(), lambda: self._build(width))
        return unit.addresses["kernel"]

    def _build(self, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
        from flowopt.symbolic.source import compile_kernel, kernel_source

        system, symbols = self.field.named_system()
        rows = list(system.regimes.smooth_surfaces)
        for event in self.events:
            if isinstance(event.expr, str):
                rows.append(parse(event.expr).to_sympy(symbols))
            else:
                rows.append(event.expr.xreplace({s: symbols[str(s)]
                                                 for s in event.expr.free_symbols}))
        source = kernel_source(rows, system.slots(), system.definitions(True), width)
        return {"source": source}, {"kernel": compile_kernel(source)}

    def values(self, t: float, y: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """Return the values of the events at one point."""
        if not self.count:
            return np.zeros(0)
        field = self.field
        rows = field.surfaces + self.count
        out = evaluate(self.address, rows, np.array([t]), y[None], field.p,
                       sides[None, :field.surfaces], field.context)
        return out[0, field.surfaces:]

    def sides(self, t: float, y: np.ndarray, sides: np.ndarray, direction: float) -> np.ndarray:
        """Return the sign of each event; where it is 0, its sign a moment later."""
        signs = np.sign(self.values(t, y, sides))
        if self.count and not signs.all():
            moment = direction * 1e-7 * max(1.0, abs(t))
            later = np.sign(self.values(t + moment, y + moment * self.field(t, y), sides))
            signs = np.where(signs == 0.0, later, signs)
        return np.where(signs == 0.0, 1.0, signs)
