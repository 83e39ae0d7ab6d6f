"""Where descent ends on the valley ab = 1 of (ab - 1)^2/2, against three predictions.

With r = ab - 1, a step multiplies a^2 - b^2 by 1 - h^2 r^2, exactly; the flow keeps it. The flow of
L + (h/4) |grad L|^2 has d(a^2 - b^2)/dt = -h r^2 (a^2 - b^2). To first order in h, r may be that of
the flow, dr/dt = -(a^2 + b^2) r with a^2 + b^2 = sqrt(I^2 + 4 (1 + r)^2), I = a^2 - b^2, so that

    ln(I/I0) = -h int_0^r0 r dr / sqrt(I0^2 + 4 (1 + r)^2).

The sharpness of a minimum is a^2 + b^2 = sqrt(I^2 + 4): less imbalance is flatter.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import flowopt as fo

START = (3.0, 1.5)
LARGEST, SMALLEST = 0.1, 0.002
TIME = 15.0  # the slowest rate is about 6: nothing is left of r
SHOWN = (0.1, 0.05, 0.02)
FLOW, TERM, TWO = "the first order in h", "the flow with one term", "the flow with two terms"


def closed_form(h: Any) -> Any:
    """The end of a^2 - b^2, to first order in h."""
    from scipy.integrate import quad

    a, b = START
    first, r = a * a - b * b, a * b - 1
    total = quad(lambda q: q / math.hypot(first, 2 * (1 + q)), 0.0, r, epsabs=1e-14)[0]
    return first * np.exp(-np.asarray(h) * total)


def descent(h: float) -> np.ndarray:
    """The iterates of gradient descent, (k, 2)."""
    loss = fo.Loss("(a*b - 1)**2/2", variables=["a", "b"])
    return fo.optimizers.gradient_descent(h).run(loss, START, steps=math.ceil(TIME / h)).x


def valley(count: int) -> dict[str, Any]:
    """The ends of descent and their predictions, over steps from large to small."""
    loss = fo.Loss("(a*b - 1)**2/2", variables=["a", "b"])
    flow, sharp = fo.flows.GradientFlow(), fo.DOP853(rtol=1e-12, atol=1e-14)
    h = np.geomspace(LARGEST, SMALLEST, count)
    start = START[0] ** 2 - START[1] ** 2
    made: dict[str, Any] = {"h": h, "start_imbalance": start,
                            "flow_sharpness": math.hypot(start, 2.0)}
    ends, identity, sharpness = [], [], []
    for step in h:
        x = descent(float(step))
        r = x[:-1, 0] * x[:-1, 1] - 1
        ends.append(x[-1, 0] ** 2 - x[-1, 1] ** 2)
        identity.append(abs(ends[-1] / (start * np.prod(1 - (step * r) ** 2)) - 1))
        sharpness.append(float((x[-1] ** 2).sum()))
    fields = {name: fo.modified_equation(flow, fo.Euler(0.1), order=k).on(loss)
              for k, name in ((1, TERM), (2, TWO))}
    predicted = {FLOW: closed_form(h)}
    for name, field in fields.items():
        at = [fo.integrate(field.with_parameters(h=float(step)), START, (0.0, TIME), sharp).x[-1]
              for step in h]
        predicted[name] = np.array([a * a - b * b for a, b in at])
    grid = {"a": np.linspace(0.4, 3.2, 113), "b": np.linspace(0.0, 1.8, 73)}
    points = np.stack(np.meshgrid(grid["a"], grid["b"]), axis=-1).reshape(-1, 2)
    t = np.concatenate([[0.0], np.geomspace(1e-3, TIME, 120)])
    lines = {"flow": fo.integrate(flow.on(loss), START, (0.0, TIME), sharp)(t)}
    lines[TERM] = fo.integrate(fields[TERM].with_parameters(h=SHOWN[0]), START, (0.0, TIME),
                               sharp)(t)
    return made | {"end": np.array(ends), "identity": np.array(identity),
                   "sharpness": np.array(sharpness), "predicted": predicted,
                   "orders": {FLOW: 2, TERM: 2, TWO: 3},
                   "grid": {**grid, "loss": loss.value(points).reshape(73, 113)},
                   "lines": lines, "shown": list(SHOWN),
                   "paths": [descent(step)[:200] for step in SHOWN]}
