"""The flows at the saddle: runs to the exit, and what is known of their times.

Gradient flow is y' = y - y^3, x' = -x, so y/sqrt(1 - y^2) grows like exp(t): the time is exact.
The normalised and the loss-normalised flow move on the same curves: the one needs their length, the
other ln(L/L'), for dL/dt = -L. The sign flow has y' = 1. The heavy ball's growth is the larger root
of r^2 + gamma r - 1 = 0, RMSProp's 1/eps, for where y is small its root of v is small against eps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import flowopt as fo

EXIT = 0.5  # |y| at which a run has left
START = 1.0  # x of the starts
GAMMA, MEMORY, EPS = 1.0, 1.0, 0.05  # the heavy ball's friction; b and eps of RMSProp
LONGEST, NEWTON_END = 100.0, 12.0
#: atol far below the closest start, for a distance of 1e-10 to the saddle is what counts
ACCURATE = fo.DOP853(rtol=1e-11, atol=1e-22)

RMSPROP = fo.Flow({"theta": "-g/(sqrt(v) + eps)", "v": "b*(g**2 - v)"}, name="RMSProp's flow",
                  parameters={"eps": EPS, "b": MEMORY})
FLOWS: dict[str, Any] = {
    "gradient": fo.flows.GradientFlow(), "heavy ball": fo.flows.HeavyBall(gamma=GAMMA),
    "RMSProp": RMSPROP, "sign": fo.flows.SignFlow(), "normalised": fo.flows.NormalizedFlow(),
    # the clip acts at gradients below 1e-7 only, which are not met: |g| >= sqrt(2 delta)
    "loss-normalised": fo.flows.LossNormalizedFlow(M=1e7)}


def saddle() -> fo.Loss:
    """(x^2 - y^2)/2 + y^4/4 + 1/4: the saddle is 0, the minima are y = -1 and 1 with L = 0."""
    return fo.Loss("(x**2 - y**2)/2 + y**4/4 + 1/4", variables=["x", "y"], minimum=0.0)


def value(x: float, y: float) -> float:
    return (x * x - y * y) / 2 + y**4 / 4 + 0.25


def start(name: str, delta: float) -> list[float]:
    """The start at (1, delta): at rest; RMSProp's average is settled, v = g^2."""
    more = {"heavy ball": [0.0, 0.0], "RMSProp": [START**2, (delta - delta**3) ** 2]}
    return [START, delta, *more.get(name, [])]


def gradient_time(delta: float) -> float:
    """The time of gradient flow from y = delta to EXIT."""
    return math.log(EXIT / delta) - 0.5 * math.log((1 - EXIT**2) / (1 - delta**2))


def curve(delta: float, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curve of gradient flow at times s."""
    u = delta / math.sqrt(1 - delta**2) * np.exp(s)
    return START * np.exp(-s), u / np.sqrt(1 + u * u)


def length(delta: float) -> float:
    """The length of the curve, by quadrature over the time of gradient flow."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    end = gradient_time(delta)
    edges = np.linspace(0.0, end, 41)
    half = np.diff(edges)[:, None] / 2
    x, y = curve(delta, edges[:-1, None] + half * (1 + nodes))
    return float((half * weights * np.hypot(x, y - y**3)).sum())


def law(name: str, delta: float) -> float | None:
    """The exact time to leave, where there is a formula."""
    if name == "gradient":
        return gradient_time(delta)
    if name == "sign":
        return EXIT - delta
    if name == "normalised":
        return length(delta)
    if name == "loss-normalised":
        x, _ = curve(delta, np.array(gradient_time(delta)))
        return math.log(value(START, delta) / value(float(x), EXIT))
    return None


#: the slope of the time in ln(1/delta), and the limit of the time where it is finite
SLOPES = {"gradient": 1.0, "heavy ball": 2 / (math.sqrt(GAMMA**2 + 4) - GAMMA), "RMSProp": EPS,
          "sign": 0.0, "normalised": 0.0, "loss-normalised": 0.0}
LIMITS = {"sign": EXIT, "normalised": START + EXIT,
          "loss-normalised": math.log(value(START, 0.0) / value(0.0, EXIT))}


def leave(name: str, delta: np.ndarray) -> dict[str, Any]:
    """Times at which a flow leaves, from each distance; the slope over the last two decades."""
    field, left = FLOWS[name].on(saddle()), fo.Event(f"y - {EXIT!r}", terminal=True)
    times = np.full(len(delta), math.inf)
    for k, d in enumerate(delta):
        path = fo.integrate(field, start(name, float(d)), t=(0.0, LONGEST), method=ACCURATE,
                            events=[left])
        if path.status is fo.Status.EVENT:
            times[k] = path.t[-1]
    laws = [law(name, float(d)) for d in delta]
    near = [int(np.abs(np.log(delta / d)).argmin()) for d in (100 * delta[-1], delta[-1])]
    near[0] = min(near[0], len(delta) - 2)
    return {"time": times, "law": None if laws[0] is None else np.array(laws, dtype=float),
            "slope": float(np.diff(times[near])[0] / np.log(delta[near[0]] / delta[near[1]])),
            "slope_law": SLOPES[name], "limit": LIMITS.get(name, math.inf)}


def newton(delta: np.ndarray) -> dict[str, Any]:
    """Newton's flow: the saddle attracts, and the gradient falls like exp(-t), exactly."""
    loss = saddle()
    starts = np.column_stack([np.full(len(delta), START), delta])
    ens = fo.ensemble(fo.flows.NewtonFlow().on(loss), starts, t=(0.0, NEWTON_END), method=ACCURATE)
    known = loss.grad(starts) * math.exp(-NEWTON_END)
    return {"end": NEWTON_END, "off": np.abs(loss.grad(ens.x) / known - 1).max(axis=1),
            "nearer": np.abs(ens.x[:, 1]) < delta}


def plateau(delta: float) -> dict[str, Any]:
    """The distance from the saddle along each flow, from one start."""
    made = {}
    for name, flow in (FLOWS | {"Newton": fo.flows.NewtonFlow()}).items():
        path = fo.integrate(flow.on(saddle()), start(name, delta), t=(0.0, 30.0), method=ACCURATE,
                            events=[fo.Event(f"y - {EXIT!r}", terminal=True)])
        times = np.unique(np.concatenate([np.linspace(0.0, path.t[-1], 400), path.t]))
        made[name] = {"t": times, "distance": np.hypot(*path(times)[:, :2].T),
                      "left": path.status is fo.Status.EVENT}
    return {"delta": delta, "paths": made}
