"""Noise at the saddle: Langevin dynamics from the saddle itself, and one kick before descent.

x does not matter. With the drift y - y^3 = -U' the mean time from 0 to |y| = r is exact,
(1/T) int_0^r int_0^y exp((U(y) - U(z))/T) dz dy. For small T, y is e^t times a normal amplitude of
variance T once it is far from 0, so the time is ln(r'/|N|), r' = r/sqrt(1 - r^2), and the mean is
ln(1/T)/2 + ln r' + (Euler's constant + ln 2)/2 (Kifer 1981, Day 1995). A kick of size sqrt(T) gives
the same amplitude: Langevin noise of the temperature T is worth one kick of its root.

A path that is watched at each step h only leaves a little late, as if the barrier were farther by
-zeta(1/2)/sqrt(2 pi) standard deviations of a step (Siegmund 1979; Broadie, Glasserman and Kou
1997); the exact mean is taken there. Descent after a kick N(0, s^2) needs more than k steps when
|N| is below the k-th preimage of r under the map, so its mean is a sum of normal probabilities.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from saddles_flows import EXIT, saddle
from saddles_maps import LEFT

import flowopt as fo

OVERSHOOT = 0.5825971579390106  # -zeta(1/2)/sqrt(2 pi)
SCALE = EXIT / math.sqrt(1 - EXIT**2)
#: mean time less ln(1/T)/2, for T -> 0
LIMIT = math.log(SCALE) + (np.euler_gamma + math.log(2)) / 2
TAIL = 18.0  # exp(-18): no run is left behind


def exact_mean(temperature: float, r: float = EXIT) -> float:
    """The mean time from 0 to |y| = r, by a double quadrature on geometric panels."""
    nodes, weights = np.polynomial.legendre.leggauss(10)

    def panels(low: float, parts: int) -> tuple[np.ndarray, np.ndarray]:
        edges = np.concatenate([[0.0], np.geomspace(low, 1.0, parts)])
        half = np.diff(edges)[:, None] / 2
        return (edges[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()

    s, ws = panels(1e-14, 48)  # z = y (1 - s)
    outer, wy = panels(1e-10, 36)
    y = r * outer[:, None]
    # U(y) - U(z) = (z^2 - y^2)(2 - z^2 - y^2)/4, with z^2 - y^2 = -y^2 s (2 - s)
    fall = -(y**2) * s * (2 - s) * (2 - y**2 * (1 + (1 - s) ** 2)) / 4
    inner = (np.exp(fall / temperature) * ws).sum(axis=1) * y[:, 0]
    return float((inner * wy).sum() * r / temperature)


def langevin(temperature: float, h: float, runs: int, seed: int) -> dict[str, Any]:
    """Times to leave from the saddle, their mean and its standard error, and the exact mean."""
    end = h * math.ceil((0.5 * math.log(1 / temperature) + TAIL) / h)
    times = fo.ensemble(fo.flows.GradientFlow().on(saddle()), np.zeros((runs, 2)), t=(0.0, end),
                        method=fo.SRA1(h, temperature=float(temperature)), seed=seed,
                        reduce=LEFT).reduced
    barrier = EXIT + OVERSHOOT * math.sqrt(2 * temperature * h)
    return {"times": times, "mean": float(times.mean()), "error": error(times),
            "exact": exact_mean(temperature, barrier), "continuous": exact_mean(temperature)}


def kicks(size: float, h: float, runs: int, seed: int) -> dict[str, Any]:
    """Times to leave after one kick N(0, size^2), by gradient descent."""
    steps = math.ceil((math.log(1 / size) + TAIL) / math.log1p(h))
    opt = fo.optimizers.gradient_descent(h).with_kicks(size, every=steps)  # the first is at `steps`
    times = fo.ensemble(opt.flow.on(saddle()), np.zeros((runs, 2)), t=(0.0, (2 * steps - 1) * h),
                        method=opt.method, seed=seed, reduce=LEFT).reduced - steps * h
    return {"mean": float(times.mean()), "error": error(times), "exact": kicked_mean(size, h)}


def error(times: np.ndarray) -> float:
    return float(times.std(ddof=1) / math.sqrt(len(times)))


def kicked_mean(size: float, h: float) -> float:
    """The mean time of gradient descent from N(0, size^2) to beyond EXIT, exactly."""
    total, y = 0.0, EXIT
    while True:
        chance = math.erf(y / (size * math.sqrt(2)))
        total += h * chance
        if chance < 1e-10:  # the rest is a geometric series
            return total + chance / math.log1p(h) * h
        aim = y
        for _ in range(60):  # the preimage: y + h (y - y^3) = aim, by Newton's method
            change = (y + h * (y - y**3) - aim) / (1 + h * (1 - 3 * y * y))
            y -= change
            if abs(change) <= 1e-16 * y:
                break


def distance_of_laws(times: np.ndarray, temperature: float, h: float) -> tuple[float, float]:
    """Kolmogorov's distance of times from the law of ln(r'/|N|), and its 99.9 % bound.

    A time watched each h is late by up to a step, in which the law changes by at most the
    greatest density of the time, sqrt(2/(pi e)), times the step.
    """
    from scipy.special import erf

    t = np.sort(np.asarray(times))
    law = 1 - erf(SCALE * np.exp(-t) / math.sqrt(2 * temperature))
    n = len(t)
    gap = max(np.abs(law - np.arange(1, n + 1) / n).max(), np.abs(law - np.arange(n) / n).max())
    late = math.sqrt(2 / (math.pi * math.e)) * h
    return float(gap), 1.9495 / math.sqrt(n) + late
