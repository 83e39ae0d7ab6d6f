"""Three flows down one landscape, and what their Euler steps make of them.

Gradient flow, sign flow and the loss-normalised flow lower the loss by −‖g‖², −‖g‖₁ and −L in
each unit of time. On a quadratic loss all three laws are solved exactly: by exponentials, by the
corners of a path in fractions that slides along a switching surface, and by L₀ e^{−t}. Their Euler
steps differ more: gradient steps contract, loss-normalised (Polyak's) steps contract whatever the
scale of the loss, and sign steps never come to rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from three_flows_exact import floor_bounds, gradient_loss, sign_loss, sign_path
from three_flows_figures import figures
from three_flows_report import claims, numbers, table
from three_flows_steps import on_the_line, on_the_plane, one_step_laws

import flowopt as fo
from flowopt.experiment import SILENT
from flowopt.options import Options, option
from flowopt.reporting import Reporter

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run", "table"]

NAME = "three-flows"
QUESTION = "How do gradient, sign and loss-normalised flow lower a loss, and what do steps change?"
QUICK = {"starts": 200, "long": 20}

FLOWS: dict[str, Callable[[float], Any]] = {
    "gradient": lambda M: fo.flows.GradientFlow(),
    "sign": lambda M: fo.flows.SignFlow(),
    "loss-normalised": lambda M: fo.flows.LossNormalizedFlow(M=M)}
#: landscapes beside the quadratic: start, and the time each of the three flows is given
LANDSCAPES: dict[str, tuple[list[float], tuple[float, float, float]]] = {
    "Rosenbrock": ([-1.2, 1.0], (30.0, 10.0, 12.0)),
    "Himmelblau": ([-0.5, -0.2], (0.5, 10.0, 12.0)),
    "two minima": ([4.0], (1.0, 4.0, 4.0))}


@dataclass(frozen=True)
class Config(Options):
    x: float = option(1.0, "start on the quadratic, first coordinate", at_least=-10.0, at_most=10.0)
    y: float = option(0.4, "start on the quadratic, second coordinate", at_least=-10.0,
                      at_most=10.0)
    coupling: float = option(0.5, "H = [[1, coupling], [coupling, 2]]", at_least=-1.0, at_most=1.0)
    M: float = option(1000.0, "clip on 1/|g| of the loss-normalised flow", above=1.0, at_most=1e9)
    starts: int = option(2000, "starts of the sign map for each step", at_least=50,
                         at_most=100_000)
    long: int = option(100, "motions of the sign flow for each of its bounds", at_least=5,
                       at_most=5000)
    seed: int = option(0, "for the starts", at_least=0, at_most=2**62)

    def __post_init__(self) -> None:
        super().__post_init__()
        if abs(self.x) + abs(self.y) < 0.1:
            raise ValueError(f"x and y must not both be near the minimum 0, got x = {self.x:g}, "
                             f"y = {self.y:g}")

    @property
    def H(self) -> list[list[float]]:
        return [[1.0, self.coupling], [self.coupling, 2.0]]


def loss_of(config: Config, name: str) -> Any:
    """The landscape of a name."""
    known = {"Rosenbrock": fo.losses.rosenbrock, "Himmelblau": fo.losses.himmelblau,
             "two minima": fo.losses.two_minima}
    return known[name]() if name in known else fo.losses.quadratic(config.H)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    places = ["quadratic", *LANDSCAPES]
    motions = progress.pieces([f"{place}, {flow}" for place in places for flow in FLOWS],
                              lambda name: motion(config, *name.split(", ")), end=0.4)
    rest = progress.pieces(
        ["exact laws", "bounds of the arrival", "one step", "sign map on the line",
         "sign map in the plane"],
        lambda name: {"exact laws": exact_laws, "bounds of the arrival": arrivals,
                      "one step": one_step_laws, "sign map on the line": on_the_line,
                      "sign map in the plane": on_the_plane}[name](config), 0.4, 0.9)
    H = np.array(config.H)
    return {"H": H, "eigenvalues": np.linalg.eigvalsh(H), "M": config.M, "x0": [config.x, config.y],
            "motions": {place: {flow: motions[f"{place}, {flow}"] for flow in FLOWS}
                        for place in places},
            "exact": rest["exact laws"], "arrivals": rest["bounds of the arrival"],
            "steps": rest["one step"], "line": rest["sign map on the line"],
            "plane": rest["sign map in the plane"], "floor": list(floor_bounds(H)),
            "seeds": {"arrivals": config.seed, "line": config.seed + 1, "plane": config.seed + 2}}


# ------------------------------------------------------------------ the flows
def motion(config: Config, place: str, name: str) -> dict[str, Any]:
    """A motion: its path, its loss, how it ended, and the dissipation identity on it."""
    loss = loss_of(config, place)
    start, spans = ([config.x, config.y], (6.0, 6.0, 18.0)) if place == "quadratic" else (
        LANDSCAPES[place])
    end = spans[list(FLOWS).index(name)]
    field = FLOWS[name](config.M).on(loss)
    run = fo.integrate(field, start, (0.0, end), fo.DOP853(rtol=1e-12, atol=1e-14))
    t = np.linspace(0.0, float(run.t[-1]), 601)
    x = run(t)
    rate = {"gradient": lambda g, L: (g**2).sum(axis=1), "sign": lambda g, L: np.abs(g).sum(axis=1),
            "loss-normalised": lambda g, L: L * np.minimum(
                1.0, config.M * np.linalg.norm(g, axis=1))}[name]
    lost, dissipated = float(run.loss[0] - run.loss[-1]), dissipation(run, loss, rate)
    return {"t": t, "x": x, "loss": loss.value(x), "size": np.linalg.norm(loss.grad(x), axis=1),
            "end": float(run.t[-1]), "last_x": run.x[-1], "last_loss": float(run.loss[-1]),
            "status": run.status.name, "events": list(run.events.kind), "event_t": run.events.t,
            "lost": lost, "dissipated": dissipated}


def dissipation(run: Any, loss: Any, rate: Any) -> float:
    """∫ −dL/dt dt by Gauss's rule of six points on each step, with dL/dt by its formula."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    t = np.unique(np.concatenate([run.t, run.events.t]))
    # near a singular end the rate may change over a step: steps are cut in eight
    t = np.unique(np.concatenate([a + (b - a) * np.arange(9) / 8 for a, b in
                                  zip(t, t[1:], strict=False)]))
    half = np.diff(t)[:, None] / 2
    times = (t[:-1, None] + half) + half * nodes
    x = run(times.ravel())
    values = rate(loss.grad(x), loss.value(x)).reshape(times.shape)
    return float((values * weights * half).sum())


def exact_laws(config: Config) -> dict[str, Any]:
    """The exact loss against time on the quadratic, on the times of the motions."""
    H, x0 = np.array(config.H), np.array([config.x, config.y])
    path = sign_path([[repr(v) for v in row] for row in config.H], [repr(config.x), repr(config.y)])
    settled = fo.stability.settling_time_bounds(
        fo.flows.SignFlow().on(fo.losses.quadratic(config.H)), x0)
    L0 = float(0.5 * x0 @ H @ x0)
    t = {name: np.linspace(0.0, end, 601)
         for name, end in (("gradient", 6.0), ("sign", path["t"][-1]), ("loss-normalised", 18.0))}
    return {"t": t, "path": path, "L0": L0,
            "gradient": gradient_loss(H, x0, t["gradient"]),
            "sign": sign_loss(H, path, t["sign"]),
            "loss-normalised": L0 * np.exp(-t["loss-normalised"]),
            "lower": settled.lower, "upper": settled.upper, "measured": settled.measured}


def arrivals(config: Config) -> dict[str, Any]:
    """Arrival times of sign flow from random starts, exact and by the integrator, and bounds."""
    rng = np.random.default_rng(config.seed)
    starts = rng.uniform(-2.0, 2.0, (config.long, 2)).round(6)
    field = fo.flows.SignFlow().on(fo.losses.quadratic(config.H))
    ended = fo.ensemble(field, starts, (0.0, 20.0), fo.DOP853(rtol=1e-12, atol=1e-14))
    H = [[repr(v) for v in row] for row in config.H]
    exact = [float(sign_path(H, [repr(v) for v in x.tolist()])["t"][-1]) for x in starts]
    bounds = [fo.stability.settling_time_bounds(field, x, measure=False) for x in starts]
    return {"exact": np.array(exact), "measured": ended.t, "stuck": int((ended.status == 4).sum()),
            "lower": np.array([b.lower for b in bounds]),
            "upper": np.array([b.upper for b in bounds])}
