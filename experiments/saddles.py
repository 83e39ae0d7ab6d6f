"""Saddles: how long each flow, each optimizer and each noise stays at a saddle.

L = (x^2 - y^2)/2 + y^4/4 + 1/4 has a saddle at 0 with the curvatures 1 and -1, and its minima at
y = +-1, where L = 0. A run starts at (1, delta), beside the stable manifold y = 0, and has left
when |y| = 1/2. The laws of the flows are in saddles_flows.py, those of the discrete maps in
saddles_maps.py, those of noise in saddles_noise.py; each is derived there, without a run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from saddles_figures import figures
from saddles_flows import EXIT, FLOWS, leave, newton, plateau
from saddles_maps import MAPS, chaos_slope, cycle_slope, leave_by_steps, mixed_curve, mixed_slope
from saddles_noise import LIMIT, SCALE, distance_of_laws, exact_mean, kicked_mean, kicks, langevin

from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.quoting import Number, count, decimal, scientific
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run", "table"]

NAME = "saddles"
QUESTION = "How long do flows, optimizers and noise stay at a saddle?"
QUICK = {"points": 4, "runs": 300, "levels": 3, "chaotic_runs": 1000}

DEEPEST = 10  # the starts go down to delta = 1e-10
#: starts between which the slopes of the maps that mix are taken: y is small until they have mixed
PAIR = (1e-60, 1e-160)
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)  # at which they are taken, with a tenth of the runs
MIXED = ("normalised", "loss-normalised")
NOISE_STEP, KICK_STEP = 0.005, 0.02


@dataclass(frozen=True)
class Config(Options):
    points: int = option(19, "distances of the starts, 0.1 to 1e-10", at_least=4, at_most=1000)
    step: float = option(0.1, "the step of the discrete maps, in the time of their flow",
                         at_least=1e-4, at_most=0.3)
    chaotic_runs: int = option(20000, "runs of the maps that never rest on the stable manifold",
                               at_least=100, at_most=1_000_000)
    runs: int = option(4000, "runs of each noise", at_least=100, at_most=1_000_000)
    levels: int = option(10, "temperatures and kicks: 1/10, 1/100, ...", at_least=3, at_most=12)
    seed: int = option(0, "for starts and noise", at_least=0, at_most=2**31)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    delta = np.logspace(-1, -DEEPEST, config.points)
    flows = progress.pieces([f"flow {f}" for f in FLOWS],
                            lambda name: leave(name.removeprefix("flow "), delta), 0.0, 0.2)
    maps = progress.pieces([f"map {m}" for m in MAPS],
                           lambda name: leave_by_steps(name.removeprefix("map "), delta,
                                                       config.step), 0.2, 0.3)
    runs = config.chaotic_runs
    mixed = progress.pieces(list(MIXED), lambda name: mixed_slope(
        name, config.step, PAIR, runs, config.seed) | mixed_curve(
        name, config.step, runs // 10, config.seed), 0.3, 0.35)
    sweep = progress.pieces([f"{m} {h}" for m in MIXED for h in STEPS], lambda name: mixed_slope(
        name.split()[0], float(name.split()[1]), PAIR, runs // 10, config.seed + 1), 0.35, 0.4)
    levels = 10.0 ** -np.arange(1.0, config.levels + 1)
    of = range(config.levels)
    heat = progress.pieces([f"temperature {k}" for k in of], lambda name: of_noise(
        config, langevin, levels[int(name.split()[1])], NOISE_STEP, name), 0.4, 0.7)
    kicked = progress.pieces([f"kick {k}" for k in of], lambda name: of_noise(
        config, kicks, levels[int(name.split()[1])] ** 0.5, KICK_STEP, name), 0.7, 0.85)
    return {"delta": delta, "exit": EXIT, "step": config.step, "runs": config.runs,
            "chaotic_runs": config.chaotic_runs, "pair": list(PAIR),
            "flows": {f: flows[f"flow {f}"] for f in FLOWS},
            "newton": newton(delta), "plateau": plateau(1e-6),
            "maps": {m: maps[f"map {m}"] for m in MAPS}, "mixed": mixed,
            "steps": list(STEPS), "sweep": {m: [sweep[f"{m} {h}"] for h in STEPS] for m in MIXED},
            "levels": levels, "noise_step": NOISE_STEP, "kick_step": KICK_STEP,
            "limit": LIMIT, "scale": SCALE, "curve": curve(levels),
            "langevin": [heat[f"temperature {k}"] for k in range(config.levels)],
            "kicks": [kicked[f"kick {k}"] for k in range(config.levels)],
            "slope": slope_of(levels, [heat[f"temperature {k}"] for k in range(config.levels)])}


def of_noise(config: Config, make: Any, size: float, h: float, name: str) -> dict[str, Any]:
    """One level of a noise, with a seed of its own."""
    own = np.random.default_rng([config.seed, *name.encode()])
    return make(float(size), h, config.runs, int(own.integers(2**31)))


def curve(levels: np.ndarray) -> dict[str, Any]:
    """The exact mean time over the temperatures, for the line in the figure."""
    fine = np.geomspace(2 * levels[0], levels[-1] / 2, 24)
    return {"T": fine, "mean": np.array([exact_mean(float(t)) for t in fine])}


def slope_of(levels: np.ndarray, made: list[dict[str, Any]]) -> dict[str, Any]:
    """The slope of the mean time in ln(1/T) for T <= 1/100, with its 99.9 % interval."""
    x = np.log(1 / levels[1:])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    means = np.array([m["mean"] for m in made[1:]])
    error = float(np.sqrt((weights**2 * np.array([m["error"] for m in made[1:]]) ** 2).sum()))
    middle = float(weights @ means)
    return {"measured": [middle, middle - estimates.Z999 * error,
                         middle + estimates.Z999 * error],
            "exact": float(weights @ [m["exact"] for m in made[1:]])}


def table(result: dict[str, Any]) -> list[Table]:
    made = [(f"{name} flow", of["slope"], of["slope_law"], float(of["time"][-1]))
            for name, of in result["flows"].items()]
    made += [(f"{name}, h = {result['step']:g}", of["slope"], of["slope_law"],
              float(of["time"][-1])) for name, of in result["maps"].items()]
    made += [(f"{name} map, h = {result['step']:g}", tuple(of["slope"]), of["law"], None)
             for name, of in result["mixed"].items()]
    noise = [(float(level), (m["mean"], m["mean"] - 1.96 * m["error"],
                             m["mean"] + 1.96 * m["error"]), m["exact"],
              k["mean"], k["exact"])
             for level, m, k in zip(result["levels"], result["langevin"], result["kicks"],
                                    strict=True)]
    return [Table("Time to leave a saddle from a distance delta: its slope in ln(1/delta)", (
        "what", "slope", "law", f"time at delta = {result['delta'][-1]:.0e}"), made),
        Table("Mean time to leave from the saddle itself", (
            "T or kick^2", "Langevin", "exact", "kick", "exact for its map"), noise)]


def claims(result: dict[str, Any]) -> list[Claim]:
    made, h = [], result["step"]
    for name, of in result["flows"].items():
        if of["law"] is not None:
            off = float(np.abs(np.asarray(of["time"]) - of["law"]).max())
            made.append(Claim(f"{name} flow: largest distance of the times from the exact law",
                              off, "< 1e-7", off < 1e-7, "the law is not made by integration in "
                              "time, whose tolerance is 1e-11"))
        elif of["slope_law"] is not None:
            off = abs(of["slope"] - of["slope_law"])
            made.append(Claim(f"{name} flow: slope in ln(1/delta)", of["slope"], of["slope_law"],
                              off < 1e-6, "to 1e-6; what is not linear fades like a power of "
                              "delta"))
    for name in ("sign", "normalised", "loss-normalised"):
        of = result["flows"][name]
        most = float(np.max(of["time"]))
        made.append(Claim(f"{name} flow: the longest time, against the limit for delta -> 0", most,
                          f"<= {of['limit']:.6g}", most <= of["limit"] + 1e-9))
    n = result["newton"]
    off = float(np.max(n["off"]))
    made.append(Claim("Newton's flow: largest relative distance of the gradient from "
                      f"g(0) exp(-t) at t = {n['end']:g}, from starts all of which the saddle "
                      "attracts", off, "< 1e-8", off < 1e-8 and bool(np.all(n["nearer"]))))
    for name, of in result["maps"].items():
        room = of["room"]
        made.append(Claim(f"{name}, h = {h:g}: slope in ln(1/delta), by eigenvalue or count",
                          of["slope"], f"{of['slope_law']:.6g} to {room:.2g}",
                          abs(of["slope"] - of["slope_law"]) <= room,
                          "a time is known to one step at either end"))
    for name, of in result["mixed"].items():
        middle, low, high = of["slope"]
        made.append(Claim(f"the {name} map, h = {h:g}, stays where its flow does not: slope in "
                          "ln(1/delta)", f"{middle:.5f} [{low:.5f}, {high:.5f}]", of["law"],
                          low <= of["law"] <= high, "99.9 % interval"))
        out = [s["slope"][1] <= s["law"] <= s["slope"][2] for s in result["sweep"][name]]
        made.append(Claim(f"the {name} map: steps, {result['steps'][0]:g} to "
                          f"{result['steps'][-1]:g}, at which the slope is that of its law",
                          sum(out), len(out), all(out), "99.9 % intervals"))
    out = [abs(m["mean"] - m["exact"]) <= estimates.Z999 * m["error"] + result["noise_step"] / 2
           for m in result["langevin"]]
    made.append(Claim("Langevin: temperatures at which the mean time is that of the double "
                      "quadrature", sum(out), len(out), all(out), "99.9 % intervals and half a "
                      "step; the quadrature takes the overshoot of a watched path into account"))
    middle, low, high = result["slope"]["measured"]
    made.append(Claim("Langevin: slope of the mean time in ln(1/T), T <= 1/100",
                      f"{middle:.4f} [{low:.4f}, {high:.4f}]", "1/2", low <= 0.5 <= high,
                      "99.9 % interval"))
    last, level = result["langevin"][-1], float(result["levels"][-1])
    far, bound = distance_of_laws(last["times"], level, result["noise_step"])
    made.append(Claim(f"Langevin at T = {level:.0e}: distance of the law of the times from that "
                      "of a normal amplitude, growing like exp(t)", far,
                      f"< {bound:.3g}", far < bound, "Kolmogorov's, at 99.9 %, and one step"))
    rest = level * math.log(level) ** 2 + 1e-9
    off = abs(exact_mean(level) - (0.5 * math.log(1 / level) + LIMIT))
    made.append(Claim(f"exact mean time at T = {level:.0e}: distance from ln(1/T)/2 + "
                      f"{LIMIT:.4f}", off, f"< {rest:.1e}", off < rest,
                      "the next term is O(T ln(1/T)); and 1e-9 for the quadrature"))
    out = [abs(k["mean"] - k["exact"]) <= estimates.Z999 * k["error"] for k in result["kicks"]]
    made.append(Claim("one kick, then descent: kicks after which the mean time is the exact one "
                      "of the map", sum(out), len(out), all(out), "99.9 % intervals"))
    return made


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    ball, flows = result["flows"]["heavy ball"], result["flows"]
    made = {
        "exit": decimal(EXIT, 1), "step": decimal(result["step"], 2),
        "runs": count(result["runs"]), "chaotic-runs": count(result["chaotic_runs"]),
        "closest-start": scientific(float(result["delta"][-1]), 1),
        "heavy-ball-slope": decimal(ball["slope"], 4),
        "rmsprop-slope": decimal(flows["RMSProp"]["slope"], 4),
        "normalised-limit": decimal(flows["normalised"]["limit"], 2),
        "loss-normalised-limit": decimal(flows["loss-normalised"]["limit"], 4),
        "cycle-slope": decimal(result["mixed"]["normalised"]["slope"][0], 4),
        "cycle-slope-law": decimal(cycle_slope(result["step"]), 4),
        "chaos-slope": decimal(result["mixed"]["loss-normalised"]["slope"][0], 4),
        "chaos-slope-law": decimal(chaos_slope(result["step"]), 4),
        "cycle-slope-over-step": decimal(cycle_slope(1.0), 4),
        "noise-slope": decimal(result["slope"]["measured"][0], 4),
        "noise-slope-low": decimal(result["slope"]["measured"][1], 4),
        "noise-slope-high": decimal(result["slope"]["measured"][2], 4),
        "noise-limit": decimal(LIMIT, 4),
        "noise-coldest": scientific(float(result["levels"][-1]), 1),
        "noise-mean-coldest": decimal(result["langevin"][-1]["mean"], 2),
        "noise-exact-coldest": decimal(result["langevin"][-1]["exact"], 2),
        "kick-mean-smallest": decimal(result["kicks"][-1]["mean"], 2),
        "kick-exact-smallest": decimal(
            kicked_mean(math.sqrt(float(result["levels"][-1])), result["kick_step"]), 2)}
    for name, of in flows.items():
        made[f"{name.lower().replace(' ', '-')}-longest"] = decimal(float(of["time"][-1]), 2)
    for name, of in result["maps"].items():
        key = f"{name.lower().replace(' ', '-')}-map"
        made |= {f"{key}-slope": decimal(of["slope"], 3),
                 f"{key}-slope-law": decimal(of["slope_law"], 3),
                 f"{key}-longest": decimal(float(of["time"][-1]), 2)}
    return made
