"""The two-minima example: a run that escapes a poor minimum, and what makes it escape.

The loss is L(x) = x (x - 1) (x - 3)^2 + 1.62276. Its good minimum is near 0.41, its poor one at 3,
and a barrier lies between them near 1.84. The published run follows the clipped loss-normalised
flow, x' = -sign(L') min(1/|L'|, M) L, by Euler steps from x = 4: it falls to 3, rattles there, and
ends near 0.41. Five parts ask what is behind it; the text and the claims are in
two_minima_report.py, the figures in two_minima_figures.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from two_minima_digits import as_published, published_path
from two_minima_facts import (
    BARRIER,
    GOOD,
    POOR,
    curvature_of,
    exact_arrival,
    exact_place,
    exponent,
    gibbs,
    loss_of,
    outside,
    ratio,
    slope_of,
    well,
)
from two_minima_figures import figures
from two_minima_laws import laws
from two_minima_numbers import numbers
from two_minima_report import claims, summary

import flowopt as fo
from flowopt.estimates import wilson
from flowopt.experiment import SILENT
from flowopt.options import Options, option
from flowopt.reporting import Reporter

__all__ = ["NAME", "QUESTION", "Config", "claims", "figures", "numbers", "published_path",
           "run", "summary"]

NAME = "two-minima"
QUESTION = "Does the clipped loss-normalised flow escape a poor minimum, or does its Euler step?"

FAR = 0.3  # starts drawn this far from x0 share no common path
NEAR = 0.1  # "near 0.41" means within this distance of the good minimum
STEPS_H = (0.001, 0.003, 0.01, 0.03, 0.1)
CLIPS = (10.0, 100.0, 1000.0, 1e4)
TEMPERATURES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0)
QUANTILES = (5, 10, 25, 50, 75, 90, 95)  # of the steps at which runs leave, in percent
NOISY = 2000  # starts with noise, which costs more
MOST_STEPS = 1_000_000  # of one run


@dataclass(frozen=True)
class Config(Options):
    x0: float = option(4.0, "start")
    h: float = option(0.01, "Euler step, in units of time", above=0.0)
    M: float = option(1000.0, "clip on 1/|L'|", above=0.0)
    steps: int = option(2500, "number of Euler steps", at_least=1, at_most=MOST_STEPS)
    seed: int = option(0, "for the starts and for the noise", at_least=0, at_most=2**62)
    runs: int = option(4000, "starts in every ensemble", at_least=2, at_most=1_000_000)
    spread: float = option(1e-9, "starts are drawn from x0 +- spread", at_least=0.0)
    budget: int = option(20_000, "evaluations after which a scipy solver is stopped", at_least=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low, high in (("x0", -1e6, 1e6), ("h", 1e-12, 1e6)):  # no overflow within
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie between {low:g} and {high:g}, got "
                                 f"{getattr(self, name):g}")

    @property
    def end(self) -> float:
        """The time that the run covers."""
        return self.h * self.steps


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    made: dict[str, Any] = {"setting": {**asdict(config), "end": config.end}}
    loss = fo.losses.two_minima()
    flow = fo.flows.LossNormalizedFlow(M=config.M).on(loss)
    rng = np.random.default_rng(config.seed)
    starts = config.x0 + config.spread * rng.uniform(-1.0, 1.0, (config.runs, 1))
    made["seeds"] = {"starts": config.seed, "quadratic": config.seed + 1,
                     "noise": [config.seed + 2 + i for i in range(2 * len(TEMPERATURES))],
                     "laws": config.seed + 2 + 2 * len(TEMPERATURES)}
    made["landscape"] = {"points": [GOOD, BARRIER, POOR],
                         "losses": [float(loss_of(x)) for x in (GOOD, BARRIER, POOR)],
                         "start_loss": float(loss_of(config.x0)),
                         "curvatures": [float(curvature_of(x)) for x in (GOOD, BARRIER, POOR)]}
    made["well"] = well(config.x0)
    progress(0.0, "1 of 5: the run as published")
    made["published"] = progress.piece("published", lambda: as_published(config, flow))
    progress(0.01, "2 of 5: the flow itself")
    made["flow"] = progress.piece("flow", lambda: the_flow(config, flow))
    progress(0.02, "3 of 5: the solvers compared")
    made["comparison"] = progress.piece("comparison", lambda: comparison(config, flow))
    progress(0.35, "4 of 5: the distribution over starts")
    made["escape"] = progress.piece("escape", lambda: escape(
        config, flow, starts, lambda share: progress(0.35 + 0.07 * share,
                                                     "4 of 5: the distribution over starts")))
    progress(0.42, "4 of 5: Lyapunov exponents")
    made["lyapunov"] = progress.piece("lyapunov", lambda: lyapunov(
        config, flow, starts[:400], made["seeds"]["quadratic"]))
    made["laws"] = progress.piece("laws", lambda: laws(
        config, flow, spread_widely(config, starts), STEPS_H, made["seeds"]["laws"]))
    made["noise"] = progress.piece("noise", lambda: noise(
        config, loss, starts[:NOISY], made["seeds"]["noise"],
        lambda share: progress(0.44 + 0.48 * share, "5 of 5: noise instead of clipping")))
    return made


# ------------------------------------------------------------------ 2. the flow itself
def the_flow(config: Config, flow: Any) -> dict[str, Any]:
    traj = fo.integrate(flow, [config.x0], t=(0.0, config.end),
                        method=fo.DOP853(rtol=1e-12, atol=1e-13))
    free, clipped = exact_arrival(config.x0, config.M)
    last = config.end if traj.status is fo.Status.STUCK else float(traj.t[-1])
    times = np.union1d(np.linspace(0.0, last, 801), min(float(traj.t[-1]), last))
    places = {}
    for t in (1.0, 2.0):
        exact = exact_place(config.x0, config.M, t) if t < last and free > t else math.nan
        places[f"{t:g}"] = {"x": float(traj(t)[0]) if t <= last else math.nan, "exact": exact}
    return {"status": traj.status.name, "message": traj.message, "t": float(traj.t[-1]),
            "x": float(traj.x[-1, 0]), "arrival_unclipped": free, "arrival_exact": clipped,
            "x_at": places, "path_t": times, "path_x": traj(times)[:, 0],
            "n_rhs": traj.stats.n_rhs}


# ------------------------------------------------------------------ 3. the comparison
def named(method: Any) -> str:
    if isinstance(method, fo.Euler | fo.RK4):
        return f"{method.name}, h = {method.h:g}"
    rtol = f"{method.rtol:.0e}".replace("e-0", "e-")
    return f"{'scipy ' if isinstance(method, fo.SciPy) else ''}{method.name}, rtol {rtol}"


def comparison(config: Config, flow: Any) -> dict[str, Any]:
    methods: list[Any] = [fo.Euler(h=config.h), fo.RK4(h=config.h), fo.Dopri5(), fo.Tsit5(),
                          fo.DOP853(), fo.DOP853(rtol=1e-12, atol=1e-13)]
    methods += [fo.SciPy(name, rtol=rtol, atol=atol, max_rhs=config.budget)
                for rtol, atol in ((1e-3, 1e-6), (1e-10, 1e-12))
                for name in ("RK45", "DOP853", "LSODA", "Radau", "BDF")]
    with np.errstate(all="ignore"):
        made = fo.compare(flow, [config.x0], (0.0, config.end), methods=methods)
    rows = []
    for row in made.rows:
        if isinstance(row.method, fo.Euler | fo.RK4):
            verdict = "map"
        elif row.success:
            verdict = "right" if row.trustworthy and row.error <= 1e-3 else "wrong"
        else:
            verdict = "no end" if row.n_rhs >= config.budget else "gives up"
        rows.append({"label": named(row.method), "reports": row.status, "success": row.success,
                     "x": float(row.x[0]), "t": row.t, "error": row.error, "n_rhs": row.n_rhs,
                     "seconds": row.seconds, "dissipation": row.dissipation,
                     "trustworthy": row.trustworthy, "note": row.note, "verdict": verdict})
    return {"rows": rows, "truth": made.truth, "table": made.table()}


# ------------------------------------------------------------------ 4. the distribution
def finished(ens: Any) -> Any:
    """The ensemble, unless Ctrl-C stopped it."""
    if (ens.status == fo.Status.CANCELLED).any():
        raise KeyboardInterrupt
    return ens


def tally(x: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """How many runs ended near the good minimum, and in its well; NaN counts as neither."""
    return {"near": wilson(int((np.abs(x - GOOD) < NEAR).sum()), len(x)),
            "well": wilson(int((x < BARRIER).sum()), len(x))}


def spread_widely(config: Config, starts: np.ndarray) -> np.ndarray:
    return config.x0 + FAR * np.random.default_rng(config.seed).uniform(-1, 1, starts.shape)


def escape(config: Config, flow: Any, starts: np.ndarray,
           progress: Callable[[float], None]) -> dict[str, Any]:
    leaves = fo.reduce.first_time(f"x {'<' if config.x0 > BARRIER else '>'} {BARRIER!r}")

    def left(h: float, M: float, x0s: np.ndarray) -> tuple[np.ndarray, Any]:
        ens = finished(fo.ensemble(flow, x0s, t=(0.0, config.end), method=fo.Euler(h=h),
                                   parameters={"M": M}, reduce=leaves))
        return ens.reduced[np.isfinite(ens.reduced)], ens

    times, ens = left(config.h, config.M, starts)
    steps = np.sort(np.rint(times / config.h).astype(int))
    made: dict[str, Any] = {"probability": wilson(len(steps), len(starts)), "steps": steps,
                            "diverged": int((ens.status == fo.Status.DIVERGED).sum()),
                            "end": tally(ens.x[:, 0])}
    if len(steps):
        n, half = len(steps), 0.98 * math.sqrt(len(steps))  # binomial order statistics
        ends = [steps[max(0, int(n / 2 - half) - 1)], steps[min(n - 1, int(n / 2 + half))]]
        wide = 1.96 * steps.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
        made["median"] = (float(np.median(steps)), *map(float, ends))
        made["quantiles"] = {f"{q:g}": float(np.quantile(steps, q / 100)) for q in QUANTILES}
        made["mean"] = (float(steps.mean()), float(steps.mean() - wide), float(steps.mean() + wide))
    hs, clips = np.union1d(STEPS_H, config.h), np.union1d(CLIPS, config.M)
    grid = np.full((3, len(hs), len(clips)), np.nan)  # NaN: not run, for it is no step or too many
    near, apart = grid.copy(), grid[:, :, 0].copy()
    wide = spread_widely(config, starts)
    for i, h in enumerate(hs):
        if not 1 <= config.end / h * (1 + 1e-9) <= MOST_STEPS:
            continue
        for j, M in enumerate(clips):
            progress((i * len(clips) + j) / (len(hs) * len(clips)))
            times, ens = left(float(h), float(M), starts)
            grid[:, i, j] = wilson(len(times), len(starts))
            near[:, i, j] = tally(ens.x[:, 0])["near"]
        apart[:, i] = wilson(len(left(float(h), config.M, wide)[0]), len(starts))
    return {**made, "h": hs, "M": clips, "grid": grid, "near": near, "apart": apart, "far": FAR}


def lyapunov(config: Config, flow: Any, starts: np.ndarray, seed: int) -> dict[str, Any]:
    """Mean of ln|d x_next/dx| over the steps in the well after a while, and on the quadratic."""
    after = min(8.0, config.end / 2)
    bottom = well(config.x0)["bottom"]
    level, k = float(loss_of(bottom)), float(curvature_of(bottom))
    bowl = fo.Loss("c + k*x**2/2", variables=["x"], parameters={"c": level, "k": k})
    free = fo.flows.LossNormalizedFlow(M=math.inf).on(bowl)
    law = math.sqrt(2 * level / k) * np.random.default_rng(seed).standard_cauchy((len(starts), 1))
    hs = [float(h) for h in np.union1d(STEPS_H, config.h) if 100 <= config.end / h <= MOST_STEPS]
    rows = []
    for h in hs:
        total = fo.Euler(h=h).steps(0.0, config.end)[0]
        which = np.unique(np.linspace(min(math.ceil(after / h), total - 1), total - 1, 2000)
                          .astype(int))
        run = {"t": (0.0, config.end), "method": fo.Euler(h=h), "save_at": which * h}
        x = finished(fo.ensemble(flow, starts, **run)).saved[:, :, 0]
        inside = np.logical_and.accumulate(~outside(x, config.x0) & np.isfinite(x), axis=1)
        with np.errstate(all="ignore"):
            g = np.abs(slope_of(x))
            growth = np.where(g * config.M > 1, 1 - h + h * loss_of(x) * curvature_of(x) / g**2,
                              1 - h * config.M * g)
            logs = np.where(inside, np.log(np.abs(growth)), 0.0)
            u = finished(fo.ensemble(free, law, **run)).saved[:, :, 0]
            flat = np.log(np.abs(1 - h / 2 + h * level / (k * u**2)))
        flat = np.where(np.isfinite(flat), flat, 0.0)
        rows.append({"h": h, "theory": exponent(h),
                     "run": ratio(logs.sum(axis=1), inside.sum(axis=1).astype(float)),
                     "quadratic": ratio(flat.sum(axis=1), np.full(len(flat), 1.0 * len(which)))})
    curve = np.geomspace(min(STEPS_H[0], config.h), max(STEPS_H[-1], config.h), 60)
    return {"after": after, "starts": len(starts), "rows": rows,
            "curve": [curve, np.array([exponent(h) for h in curve])]}


# ------------------------------------------------------------------ 5. noise
def noise(config: Config, loss: Any, starts: np.ndarray, seeds: list[int],
          progress: Callable[[float], None]) -> dict[str, Any]:
    """Gradient descent with noise; as many gradients as the clipped run takes.

    "hot": the noise acts to the end. "cooled": it is off for the last tenth of the steps.
    """
    downhill = fo.flows.GradientFlow().on(loss)
    last = max(1, config.steps // 10)
    rows = []
    for i, (h, T) in enumerate((h, T) for h in (config.h, 3 * config.h) for T in TEMPERATURES):
        progress(i / (2 * len(TEMPERATURES)))
        hot = finished(fo.ensemble(downhill, starts, t=(0.0, h * config.steps), seed=seeds[i],
                                   method=fo.EulerMaruyama(h=h, temperature=T),
                                   save_at=[h * (config.steps - last)]))
        cooled = finished(fo.ensemble(downhill, hot.saved[:, 0], t=(0.0, h * last),
                                      method=fo.Euler(h=h)))
        limit = {} if T == 0 else {"gibbs_near": gibbs(T, GOOD - NEAR, GOOD + NEAR),
                                   "gibbs_well": gibbs(T, -np.inf, BARRIER)}
        rows.append({"h": h, "T": T, "diverged": int(np.isnan(hot.x).sum()), **limit,
                     "hot": tally(hot.x[:, 0]), "cooled": tally(cooled.x[:, 0])})
    return {"gradients": config.steps, "starts": len(starts), "rows": rows}
