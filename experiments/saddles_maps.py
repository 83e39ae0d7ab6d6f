r"""The optimizers at the saddle: steps to the exit, and the exact growth of y in a step.

Gradient descent multiplies a small y by 1 + h, RMSprop by 1 + h/eps, the heavy ball by the larger
root of z^2 - (1 + beta + alpha) z + beta = 0; signSGD adds h. Two maps differ from their flows in
kind, for they never come to rest on the stable manifold:

*The normalised map* goes to and fro between x = c and c - h, where c in (0, h) comes from the
start. Two steps multiply y by (1 + h/c)(1 + h/(h - c)), so that with c uniform the mean time has
the slope h * int_0^1 2 du / ln((1 + u)(2 - u)/(u (1 - u))).

*The loss-normalised map* is x -> (1 - h/2) x - h L0/x while y is small, a map of Boole's type whose
invariant law is Cauchy's, of scale s = sqrt(2 L0), whatever h. It multiplies y by
1 + h L/x^2 = (1 + h/2)(1 + q^2 s^2/x^2), q^2 = (h/2)/(1 + h/2). As s/x has Cauchy's law too, and
E ln(1 + q^2 C^2) = 2 ln(1 + q), y grows by the exponent 2 ln(sqrt(1 + h/2) + sqrt(h/2)) a step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from saddles_flows import EPS, EXIT, FLOWS, GAMMA, MEMORY, START, saddle

import flowopt as fo
from flowopt import estimates

MAPS = ("gradient descent", "heavy ball", "RMSprop", "signSGD")
LEFT = fo.reduce.first_time(f"y**2 > {EXIT**2!r}")


def optimizer(name: str, h: float) -> Any:
    """The optimizer whose step is h in the time of its flow."""
    o = fo.optimizers
    beta = (1 - GAMMA * h / 2) / (1 + GAMMA * h / 2)
    return {"gradient descent": lambda: o.gradient_descent(h), "signSGD": lambda: o.signsgd(h),
            "RMSprop": lambda: o.rmsprop(h, alpha=1 - MEMORY * h, eps=EPS),
            "heavy ball": lambda: o.heavy_ball(h * h * (1 + beta) / 2, momentum=beta,
                                               start="centred")}[name]()


def growth(name: str, h: float) -> float:
    """The factor of a small y in a step; infinite where y does not start small in its own terms."""
    if name == "heavy ball":
        beta = (1 - GAMMA * h / 2) / (1 + GAMMA * h / 2)
        trace = 1 + beta + h * h * (1 + beta) / 2
        return (trace + math.sqrt(trace**2 - 4 * beta)) / 2
    return {"gradient descent": 1 + h, "RMSprop": 1 + h / EPS, "signSGD": math.inf}[name]


def leave_by_steps(name: str, delta: np.ndarray, h: float) -> dict[str, Any]:
    """Times k h at which an optimizer has left; the slope between delta <= 1e-4 and the last."""
    loss, opt = saddle(), optimizer(name, h)
    starts = np.array([opt.start(loss, [START, float(d)]) for d in delta])
    if name == "RMSprop":  # the average is settled, as in the flow
        starts[:, 2], starts[:, 3] = START**2, (delta - delta**3) ** 2
    steps = math.ceil(60.0 / h)
    found = fo.ensemble(opt.flow.on(loss), starts, t=(0.0, steps * h), method=opt.method,
                        reduce=LEFT).reduced
    first = min(int((delta > 1e-4).sum()), len(delta) - 2)
    apart = math.log(delta[first] / delta[-1])
    # two counts are rounded up, and from delta on the growth differs by a few delta
    return {"time": found, "slope": float((found[-1] - found[first]) / apart),
            "slope_law": h / math.log(growth(name, h)),
            "room": (h + 10 * float(delta[first])) / apart}


def cycle_slope(h: float) -> float:
    """The slope of the normalised map, by quadrature with u = c/h."""
    from scipy.integrate import quad

    inside = quad(lambda u: 2 / math.log((1 + u) * (2 - u) / (u * (1 - u))), 0.0, 1.0,
                  epsabs=1e-11)
    return h * float(inside[0])


def chaos_slope(h: float) -> float:
    """The slope of the loss-normalised map."""
    return h / (2 * math.log(math.sqrt(1 + h / 2) + math.sqrt(h / 2)))


def mixed_times(name: str, h: float, delta: float, runs: int, rng: Any) -> np.ndarray:
    """Times at which a map leaves, from starts with x uniform over three whole steps."""
    flow = FLOWS[name] if name == "normalised" else FLOWS[name].with_parameters(M=1e300)
    starts = np.column_stack([START + 3 * h * (rng.random(runs) - 0.5), np.full(runs, delta)])
    # three times the mean of the chaotic map, and the approach
    steps = math.ceil(3 * (chaos_slope(h) * math.log(1 / delta) + 5) / h)
    return fo.ensemble(flow.on(saddle()), starts, t=(0.0, steps * h), method=fo.Euler(h),
                       reduce=LEFT).reduced


def mixed_slope(name: str, h: float, pair: tuple[float, float], runs: int, seed: int
                ) -> dict[str, Any]:
    """The slope of the mean time between two distances, with its 99.9 % interval, and its law."""
    rng = np.random.default_rng([seed, len(name), round(1e6 * h)])
    far, near = (mixed_times(name, h, d, runs, rng) for d in pair)
    apart = math.log(pair[0] / pair[1])
    middle = float(near.mean() - far.mean()) / apart
    half = estimates.Z999 * math.sqrt((far.var() + near.var()) / (runs - 1)) / apart
    return {"slope": [middle, middle - half, middle + half],
            "law": cycle_slope(h) if name == "normalised" else chaos_slope(h)}


def mixed_curve(name: str, h: float, runs: int, seed: int) -> dict[str, Any]:
    """Mean times over the distances, and the first steps of one run."""
    rng = np.random.default_rng([seed, len(name)])
    delta = np.logspace(-1, -10, 19)
    times = [mixed_times(name, h, d, runs, rng) for d in delta]
    flow = FLOWS[name] if name == "normalised" else FLOWS[name].with_parameters(M=1e300)
    path = fo.integrate(flow.on(saddle()), [START + 0.37 * h, 1e-10], t=(0.0, 100 * h),
                        method=fo.Euler(h))
    return {"delta": delta, "mean": np.array([t.mean() for t in times]), "path": path.x}
