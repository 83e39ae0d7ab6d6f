"""Phase portraits: where each first-order flow rests, what attracts, and in what time.

Five flows go along −g and share their orbits; only their clocks differ. Sign flow has orbits of
its own, and so has Newton's flow, along which g = g₀ e^{−t}: it is drawn to every critical point,
saddles and maxima like minima.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from phase_portraits_figures import figures
from phase_portraits_flows import (
    FLOWS,
    LANDSCAPES,
    SIDE,
    TEXTS,
    branin,
    expressions,
    newton,
)
from phase_portraits_report import claims, numbers, table

import flowopt as fo
from flowopt.experiment import SILENT
from flowopt.options import Options, option
from flowopt.reporting import Reporter

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run", "table"]

NAME = "phase-portraits"
QUESTION = "Where does each first-order flow rest, and which starts does each rest attract?"
QUICK = {"landscapes": ("double-well", "saddle"), "points": 7, "directions": 200, "runs": 4}

#: time given to each flow (Himmelblau's curvatures are up to 134, its distances up to 8)
TIMES = {"normalised": 30.0, "fixed-time": 10.0, "loss-normalised": 21.0,
         "sign": 30.0}
GRADIENT_TIMES = {"himmelblau": 3.0, "double-well": 40.0}
BUDGET = 120  # steps
FINE = 161  # starts along each side for the picture of the basins
LOW = 0.01  # a loss that counts as near a minimum
NEAR = 1e-3  # "at" an equilibrium means within this distance


@dataclass(frozen=True)
class Config(Options):
    landscapes: tuple[str, ...] = option(tuple(LANDSCAPES), "which landscapes")
    points: int = option(37, "starts along each side of a square", at_least=5, at_most=301)
    directions: int = option(2000, "points at which directions are compared", at_least=50,
                             at_most=100_000)
    runs: int = option(40, "motions whose clocks are compared with the exact ones", at_least=3,
                       at_most=2000)
    seed: int = option(0, "for these points", at_least=0, at_most=2**62)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.landscapes or ("",):
            if name not in LANDSCAPES:
                raise ValueError(f"landscapes must be some of {', '.join(LANDSCAPES)}, got "
                                 f"{name or 'none'}")
        if len(set(self.landscapes)) < len(self.landscapes):
            raise ValueError("landscapes must be named once each, got "
                             f"{', '.join(self.landscapes)}")


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    flows, places = (*FLOWS, "Newton"), config.landscapes
    bounded = [place for place in places if place != "saddle"]
    rests = progress.pieces([f"rests: {place}, {flow}" for place in places for flow in flows],
                            lambda name: rests_of(*name.removeprefix("rests: ").split(", ")),
                            end=0.35)
    basins = progress.pieces([f"basins: {place}, {flow}" for place in bounded for flow in flows
                              if flow != "rescaled"],
                             lambda name: basins_of(
                                 config, *name.removeprefix("basins: ").split(", ")), 0.35, 0.75)
    pictures = progress.pieces([f"picture: {place}" for place in bounded],
                               lambda name: {"fine": fine(name.removeprefix("picture: "))},
                               0.75, 0.8)
    other = progress.pieces(["directions", "clocks", "winding"], lambda name: {
        "directions": directions, "clocks": clocks, "winding": winding}[name](config), 0.8, 0.9)
    return {"rests": {place: {flow: rests[f"rests: {place}, {flow}"] for flow in flows}
                      for place in places},
            "basins": {place: {flow: basins[f"basins: {place}, {flow}"] for flow in flows
                               if flow != "rescaled"} for place in bounded},
            "fine": {place: pictures[f"picture: {place}"]["fine"] for place in bounded},
            "points": config.points, "seeds": {"seed": config.seed}, **other}


def field_of(place: str, flow: str) -> Any:
    loss = LANDSCAPES[place]()
    return newton(loss) if flow == "Newton" else FLOWS[flow]().on(loss)


def rests_of(place: str, flow: str) -> dict[str, Any]:
    """The equilibria of a flow, each with its kind and its verdict, read back and checked again."""
    loss = LANDSCAPES[place]()
    found = fo.equilibria(field_of(place, flow))
    values = np.linalg.eigvalsh(np.array([loss.hess(e.x) for e in found]))
    kinds = ["minimum" if v.min() > 0 else "maximum" if v.max() < 0 else "saddle" for v in values]
    told = [e.verdict for e in found]
    return {"x": np.array([e.x for e in found]), "kinds": kinds,
            "claims": [str(v.statement["claim"]) for v in told],
            "status": [v.status for v in told],
            "checked": [bool(v.proved and fo.Verdict.from_json(v.to_json()).check())
                        for v in told],
            "complete": bool(found.complete), "sets": list(found.sets),
            "undefined": list(found.undefined)}


# ------------------------------------------------------------------ basins and arrivals
def grid(config: Config, place: str) -> np.ndarray:
    side = np.linspace(-SIDE[place], SIDE[place], config.points)
    return np.stack(np.meshgrid(side, side, indexing="xy"), axis=-1).reshape(-1, 2)


def labels_of(ends: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The number of the critical point at which each run ended; −1 for none."""
    ends = np.where(np.isfinite(ends), ends, 1e9)
    away = np.abs(ends[:, None] - places).max(axis=2)
    return np.where(away.min(axis=1) < NEAR, away.argmin(axis=1), -1)


def basins_of(config: Config, place: str, flow: str) -> dict[str, Any]:
    """Where the motions from a grid end, and how long they take to where L < 0.01 (or rest)."""
    loss, starts = LANDSCAPES[place](), grid(config, place)
    places = np.array([e.x for e in fo.equilibria(fo.flows.GradientFlow().on(loss))])
    if flow == "Newton":
        return newton_basins(loss, starts, places)
    method = fo.DOP853(rtol=1e-6, atol=1e-8)
    field = FLOWS[flow]().on(loss)
    span = GRADIENT_TIMES[place] if flow == "gradient" else TIMES[flow]
    # at the rest of a flow in finite time the field has no Lipschitz constant, and steps shrink
    most = BUDGET if flow == "fixed-time" else None
    ended = fo.ensemble(field, starts, (0.0, span), method, max_steps=most)
    made = {"labels": labels_of(ended.x, places)}
    if flow in ("sign", "normalised"):
        made["time"] = ended.t  # they come to rest
    elif flow == "loss-normalised":
        made["time"] = np.log(np.maximum(loss.value(starts) / LOW, 1.0))
    else:
        made["time"] = fo.ensemble(field, starts, (0.0, span / 5), method, max_steps=most,
                                   every=span / 5000, reduce=fo.reduce.first_time(
                                       f"{TEXTS[place]} < {LOW}")).reduced.ravel()
    return made


def fine(place: str) -> np.ndarray:
    """The basins of gradient flow on a fine grid, which are those of all flows along −g."""
    loss = LANDSCAPES[place]()
    places = np.array([e.x for e in fo.equilibria(loss)])
    side = np.linspace(-SIDE[place], SIDE[place], FINE)
    starts = np.stack(np.meshgrid(side, side, indexing="xy"), axis=-1).reshape(-1, 2)
    ended = fo.ensemble(fo.flows.GradientFlow().on(loss), starts, (0.0, GRADIENT_TIMES[place]),
                        fo.DOP853(rtol=1e-6, atol=1e-8))
    return labels_of(ended.x, places).reshape(FINE, FINE)


def newton_basins(loss: Any, starts: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    """Ends of Newton's flow, by its orbits in a clock without poles; −1: it meets det H = 0.

    Its own clock is known: from ‖g₀‖ to ‖g‖ it takes ln(‖g₀‖/‖g‖).
    """
    det = expressions(loss)[3]
    signs = np.sign([np.linalg.det(loss.hess(x)) for x in starts])
    labels = np.full(len(starts), -1)
    for side in (1, -1):
        mine = signs == side
        if not mine.any():
            continue
        ended = fo.ensemble(branin(loss, side), starts[mine], (0.0, 40.0),
                            fo.DOP853(rtol=1e-8, atol=1e-10), every=0.02,
                            reduce=fo.reduce.minimum(side * det))
        labels[mine] = np.where(ended.reduced.ravel() > 0.0, labels_of(ended.x, places), -1)
    return {"labels": labels, "time": np.log(np.maximum(
        np.linalg.norm(loss.grad(starts), axis=1) / 0.1, 1.0))}


# ------------------------------------------------------------------ directions, clocks, indices
def directions(config: Config) -> dict[str, Any]:
    """Cosines between each flow's velocity and −g at random points of the squares."""
    made: dict[str, Any] = {}
    for place in config.landscapes:
        rng = np.random.default_rng(config.seed)
        x = rng.uniform(-SIDE[place], SIDE[place], (config.directions, 2))
        loss = LANDSCAPES[place]()
        g = loss.grad(x)
        of = {}
        for flow in (*FLOWS, "Newton"):
            F = field_of(place, flow)(0.0, x)
            if flow == "loss-normalised":  # where L < L* = 0 it climbs
                F = F * np.sign(loss.value(x))[:, None]
            of[flow] = -(F * g).sum(axis=1) / np.linalg.norm(F, axis=1) / np.linalg.norm(g, axis=1)
        made[place] = of
    return made


def clocks(config: Config) -> dict[str, Any]:
    """Newton's g = g₀ e^{−t}, the loss-normalised L = L₀ e^{−t}, and a fixed-time blow-up."""
    loss = fo.losses.himmelblau()
    x = np.random.default_rng(config.seed + 1).uniform(-6.0, 6.0, (8 * config.runs, 2))
    places = np.array([e.x for e in fo.equilibria(fo.flows.GradientFlow().on(loss))])
    kept = x[newton_basins(loss, x, places)["labels"] >= 0][:config.runs]
    method = fo.DOP853(rtol=1e-11, atol=1e-13)
    ended = fo.ensemble(fo.flows.NewtonFlow().on(loss), kept, (0.0, 5.0), method)
    g0 = loss.grad(kept)
    off = np.abs(loss.grad(ended.x) - g0 * np.exp(-5.0)).max(axis=1) / np.linalg.norm(g0, axis=1)
    L0 = loss.value(x[:config.runs])
    ended = fo.ensemble(FLOWS["loss-normalised"]().on(loss), x[:config.runs], (0.0, 5.0), method)
    polyak = np.abs(np.log(L0 / loss.value(ended.x)) - 5.0)
    # y' = y^(1/2) + y^(3/2) on the saddle from y = 1: y is infinite at π/2
    away = fo.integrate(FLOWS["fixed-time"]().on(fo.losses.saddle()), [0.0, 1.0], (0.0, 3.0),
                        fo.DOP853(rtol=1e-12, atol=1e-12))
    return {"newton": off, "loss-normalised": polyak, "escape": float(away.t[-1]),
            "escape_y": float(away.x[-1, 1]), "escape_status": away.status.name}


def winding(config: Config) -> dict[str, int]:
    """How often g turns along the square's boundary: minima and maxima less saddles, inside."""
    made = {}
    t = np.linspace(-1.0, 1.0, 4001)
    for place in config.landscapes:
        edges = [np.stack([t, -np.ones_like(t)], 1), np.stack([np.ones_like(t), t], 1),
                 np.stack([-t, np.ones_like(t)], 1), np.stack([-np.ones_like(t), -t], 1)]
        g = LANDSCAPES[place]().grad(SIDE[place] * np.concatenate(edges))
        turned = np.unwrap(np.arctan2(g[:, 1], g[:, 0]))
        made[place] = round(float(turned[-1] - turned[0]) / (2 * np.pi))
    return made
