"""Adam, then SGD: the switch at several times, and when progress stalls, against either alone.

The 1-20-1 ReLU network on y = x^3 + 0.1 noise of optimizer-race, with lr 0.01 for both. Adam is
fast and then hovers, since its steps keep their length when the gradients are noise; the steps of
SGD shrink with the gradient. Fresh data are 4000 other samples. Switches are at whole epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from adam_then_sgd_figures import figures
from training_data import cubic

import flowopt as fo
from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "run", "table"]

NAME = "adam-then-sgd"
QUESTION = "Does a switch from Adam to SGD late in training end lower than either alone?"
QUICK = {"seeds": 8}

BATCH, EVERY = 20, 5
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of the epochs, before the switch
PATIENCE, PROGRESS = 4, 0.01  # epochs without a fall of the loss by 1 %


@dataclass(frozen=True)
class Config(Options):
    seeds: int = option(50, "repetitions with other data, starts and batches",
                        at_least=2, at_most=10_000)
    epochs: int = option(20, "how often all samples are seen", at_least=10, at_most=1000)
    lr: float = option(0.01, "learning rate of both", above=0.0)
    seed: int = option(0, "the first seed", at_least=0, at_most=2**31)


def plans(config: Config) -> dict[str, int | None]:
    """How many epochs Adam has in each plan; None: until progress stalls."""
    made: dict[str, int | None] = {"SGD alone": 0}
    for share in SHARES:
        epochs = round(share * config.epochs)
        made[f"Adam to epoch {epochs}, then SGD"] = epochs
    return {**made, "Adam until it stalls, then SGD": None, "Adam alone": config.epochs}


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    seeds = [config.seed + i for i in range(config.seeds)]
    made = progress.pieces([f"seed {s}" for s in seeds],
                           lambda name: trained(config, int(name.split()[1])))
    of = {plan: {key: np.array([made[f"seed {s}"][plan][key] for s in seeds])
                 for key in ("loss", "fresh", "switched")} for plan in plans(config)}
    count = of["Adam alone"]["loss"].shape[1]
    return {"plans": of, "adam": {plan: epochs for plan, epochs in plans(config).items()
                                  if epochs is not None},
            "epoch": np.linspace(0.0, config.epochs, count), "lr": config.lr,
            "seeds": {"seed": config.seed, "count": config.seeds}}


def trained(config: Config, seed: int) -> dict[str, dict[str, Any]]:
    """The loss on all data every few steps, on fresh data at the end; the epoch of the switch."""
    x, y = cubic(np.random.default_rng(seed))
    loss = fo.losses.network([1, 20, 1], "relu", X=x, y=y)
    fresh, target = cubic(np.random.default_rng([seed, 1]), 4000)
    other = fo.losses.network([1, 20, 1], "relu", X=fresh, y=target)
    batched, start = loss.batches(BATCH, seed=seed), loss.initial(seed=seed, rule="torch")
    o, per_epoch = fo.optimizers, len(x) // BATCH
    adam, sgd = o.adam(lr=config.lr, betas=(0.9, 0.99)), o.sgd(lr=config.lr)
    stall = o.Stall(patience=PATIENCE, every=per_epoch, relative=PROGRESS, on=loss)
    steps, made = config.epochs * per_epoch, {}
    for plan, epochs in plans(config).items():
        if epochs is None:
            optimizer = o.switch(adam, sgd, stalls=stall)
        elif epochs in (0, config.epochs):
            optimizer = sgd if epochs == 0 else adam
        else:
            optimizer = o.switch(adam, sgd, at=epochs * per_epoch)
        path = optimizer.run(batched, start, steps=steps, save_every=EVERY)
        values = np.full(steps // EVERY + 1, np.inf)
        values[:len(path.t)] = loss.value(path.x)
        when = path.events.t[0] / per_epoch if len(path.events.t) else np.nan
        made[plan] = {"loss": np.where(np.isfinite(values), values, np.inf),
                      "fresh": float(other.value(path.x[-1])), "switched": float(when)}
    return made


def hovering(result: dict[str, Any], plan: str) -> np.ndarray:
    """The standard deviation of the loss over the last epoch, of each run."""
    last = np.asarray(result["epoch"]) > result["epoch"][-1] - 1
    return np.asarray(result["plans"][plan]["loss"])[:, last].std(axis=1)


def table(result: dict[str, Any]) -> Table:
    rows = []
    for plan, of in result["plans"].items():
        rows.append((plan, estimates.mean(of["loss"][:, -1]), estimates.mean(of["fresh"]),
                     estimates.mean(hovering(result, plan))))
    stalled = result["plans"]["Adam until it stalls, then SGD"]["switched"]
    switched = stalled[np.isfinite(stalled)]
    return Table(f"1-20-1 ReLU on y = x^3 + 0.1 noise, batch {BATCH}, lr {result['lr']:g}, "
                 f"{result['epoch'][-1]:g} epochs: means over {result['seeds']['count']} seeds "
                 f"with 95 % intervals. Adam stalls in {len(switched)} of {len(stalled)} runs"
                 + (f", at epoch {np.median(switched):g} in the median" if len(switched) else ""),
                 ("plan", "loss at the end", "on fresh data", "hovering in the last epoch"), rows)


def claims(result: dict[str, Any]) -> list[Claim]:
    made = []
    late = [plan for plan, epochs in result["adam"].items()
            if result["epoch"][-1] / 2 <= epochs < result["epoch"][-1]][0]
    for plan in (late, "Adam until it stalls, then SGD"):
        for alone in ("Adam alone", "SGD alone"):
            for key, text in (("loss", "loss at the end"), ("fresh", "loss on fresh data")):
                one, two = (np.asarray(result["plans"][p][key]) for p in (plan, alone))
                d = estimates.mean((two - one)[:, -1] if key == "loss" else two - one)
                made.append(Claim(f"{alone} less \"{plan}\": {text}",
                                  f"{d[0]:.3g} [{d[1]:.3g}, {d[2]:.3g}]", "> 0", d[1] > 0,
                                  "paired by seed, 95 % interval"))
    ratio = estimates.mean(hovering(result, "Adam alone") / hovering(result, late))
    made.append(Claim(f"hovering in the last epoch, Adam alone over \"{late}\"",
                      f"{ratio[0]:.3g} [{ratio[1]:.3g}, {ratio[2]:.3g}]", "> 1", ratio[1] > 1,
                      "95 % interval"))
    return made
