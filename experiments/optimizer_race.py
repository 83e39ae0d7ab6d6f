"""Five optimizers train a 1-20-1 ReLU network on y = x^3 + 0.1 noise from the same starts.

1500 points, batches of 20, 10 epochs, lr 0.01; data, start and order of the batches come from a
seed, which all five share, and all is repeated over many seeds. The loss is the mean square over
all 1500 points. The variance of the noise, 0.01, is what the true function x^3 leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from optimizer_race_figures import figures
from training_data import cubic, five

import flowopt as fo
from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "run", "table"]

NAME = "optimizer-race"
QUESTION = "Which of five optimizers trains a small network the fastest, from the same starts?"
QUICK = {"seeds": 8}

BATCH, EVERY = 20, 5  # samples; steps between two looks at the loss
NOISE = 0.01  # variance
NEAR = 0.012  # a loss near that of the noise


@dataclass(frozen=True)
class Config(Options):
    seeds: int = option(50, "repetitions with other data, starts and batches",
                        at_least=2, at_most=10_000)
    epochs: int = option(10, "how often all samples are seen", at_least=1, at_most=1000)
    lr: float = option(0.01, "learning rate of all five", above=0.0)
    seed: int = option(0, "the first seed", at_least=0, at_most=2**31)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    optimizers = five(config.lr)
    seeds = [config.seed + i for i in range(config.seeds)]
    made = progress.pieces([f"seed {s}" for s in seeds],
                           lambda name: curves(config, optimizers, int(name.split()[1])))
    losses = {name: np.array([made[f"seed {s}"][name] for s in seeds]) for name in optimizers}
    count = next(iter(losses.values())).shape[1]
    return {"epoch": np.linspace(0.0, config.epochs, count), "loss": losses, "lr": config.lr,
            "seeds": {"seed": config.seed, "count": config.seeds}}


def curves(config: Config, optimizers: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """The loss on all data of each optimizer, every few steps; infinite where it diverged."""
    x, y = cubic(np.random.default_rng(seed))
    loss = fo.losses.network([1, 20, 1], "relu", X=x, y=y)
    start = loss.initial(seed=seed, rule="torch")
    steps = config.epochs * (len(x) // BATCH)
    made = {}
    for name, optimizer in optimizers.items():
        path = optimizer.run(loss.batches(BATCH, seed=seed), start, steps=steps,
                             save_every=EVERY).x
        values = np.full(steps // EVERY + 1, np.inf)
        values[:len(path)] = loss.value(path)
        made[name] = np.where(np.isfinite(values), values, np.inf)
    return made


def first_epoch(result: dict[str, Any], name: str) -> np.ndarray:
    """The epoch at which each run comes near the noise; infinite: not at all."""
    below = result["loss"][name] <= NEAR
    return np.where(below.any(axis=1), result["epoch"][below.argmax(axis=1)], np.inf)


def table(result: dict[str, Any]) -> Table:
    rows = []
    for name, losses in result["loss"].items():
        first = first_epoch(result, name)
        rows.append((name, estimates.median(losses[:, -1]), estimates.median(first),
                     estimates.wilson(int(np.isfinite(first).sum()), len(first))))
    count = len(losses)
    return Table(f"y = x^3 + 0.1 noise, 1-20-1 ReLU, batch {BATCH}, {result['epoch'][-1]:g} epochs,"
                 f" lr {result['lr']:g} (momentum 0.8; RMSprop 0.9; Adam 0.9, 0.99): medians over "
                 f"{count} seeds with 95 % intervals. The noise alone has a loss of {NOISE:g}",
                 ("optimizer", "loss at the end", f"epochs to a loss of {NEAR:g}",
                  "share of seeds that get there"), rows)


def claims(result: dict[str, Any]) -> list[Claim]:
    losses, count = result["loss"], len(result["loss"]["SGD"])
    starts = np.stack([v[:, 0] for v in losses.values()])
    spread = float(np.ptp(starts, axis=0).max())
    made = [Claim("all five start at the same loss, largest difference", spread, 0.0,
                  spread == 0.0)]
    published = result["epoch"][-1] == 10 and result["lr"] == 0.01
    for fast in ("Adam", "RMSprop"):
        for slow in ("SGD", "momentum", "Adagrad"):
            wins = int((losses[fast][:, -1] < losses[slow][:, -1]).sum())
            p = estimates.wilson(wins, count)
            made.append(Claim(f"{fast} ends below {slow}: share of seeds",
                              f"{p[0]:.3g} [{p[1]:.3g}, {p[2]:.3g}]", "> 0.5",
                              p[1] > 0.5 if published else None, "95 % interval, paired"))
    least = min(float(v.min()) for v in losses.values())
    made.append(Claim("least loss of all runs, beside the noise", round(least, 5),
                      "> 0.0081", least > 0.0081,
                      "0.01, less what 61 parameters can fit and 4 standard errors"))
    return made
