"""Softmax regression on the iris data with five optimizers, beside what the course notes report.

A layer 4-3 with bias, cross-entropy, batches of 16; features as they are, in cm; 105 flowers for
training and 45 for the test, as many of each kind, drawn anew for each seed, with the start and the
order of the batches. Momentum 0.9, RMSprop 0.9, Adam (0.9, 0.999), as in the notes; the notes do
not say their learning rates, and these are one for all but RMSprop, which has a tenth (the notes
lower its rate too). Reached: the first epoch with 97 % of the test right. Converged: the first
epoch after which the training loss stays below LEVEL; the notes do not define the word.

The data come from scikit-learn: pip install 'flowopt-dynamics[experiments]'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from iris_figures import figures
from training_data import five

import flowopt as fo
from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "run", "table"]

NAME = "iris"
QUESTION = "How fast do five optimizers learn the iris data, beside published numbers of epochs?"
QUICK = {"seeds": 8}

BATCH, TRAIN = 16, 35  # samples; flowers of each kind for training, of 50
GOAL, LEVEL = 0.97, 0.2  # test accuracy; training loss
#: epochs to converge in the course notes: an interval, or a lower bound
REPORTED = {"SGD": "about 200", "momentum": "more than 100", "Adagrad": "60 to 70",
            "RMSprop": "about 40", "Adam": "20 to 30"}
ORDER = ("Adam", "RMSprop", "Adagrad", "momentum", "SGD")  # from the fastest, in the notes


@dataclass(frozen=True)
class Config(Options):
    seeds: int = option(50, "repetitions with another split, start and order",
                        at_least=2, at_most=10_000)
    epochs: int = option(400, "how often all training samples are seen",
                         at_least=10, at_most=100_000)
    lr: float = option(0.05, "learning rate of all but RMSprop", above=0.0)
    lr_rmsprop: float = option(0.005, "learning rate of RMSprop", above=0.0)
    seed: int = option(0, "the first seed", at_least=0, at_most=2**31)

    def __post_init__(self) -> None:
        super().__post_init__()
        _data()


def _data() -> tuple[np.ndarray, np.ndarray]:
    """The 150 flowers (150, 4) and their kinds."""
    try:
        from sklearn.datasets import load_iris
    except ImportError:
        raise ValueError("the iris data come from scikit-learn, which is not installed; pip "
                         "install 'flowopt-dynamics[experiments]'") from None
    data = load_iris()
    return np.asarray(data.data, dtype=float), np.asarray(data.target)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    X, kinds = _data()
    optimizers = five(config.lr, momentum=0.9, betas=(0.9, 0.999), rmsprop=config.lr_rmsprop)
    trained(config, optimizers, X, kinds, config.seed, 10)  # compiles, so that no time counts it
    seeds = [config.seed + i for i in range(config.seeds)]
    made = progress.pieces([f"seed {s}" for s in seeds], lambda name: trained(
        config, optimizers, X, kinds, int(name.split()[1]), config.epochs))
    return {name: {key: np.array([made[f"seed {s}"][name][key] for s in seeds])
                   for key in ("loss", "accuracy", "seconds")} for name in optimizers} | {
        "updates": {name: update(opt) for name, opt in optimizers.items()},
        "rates": {"lr": config.lr, "lr_rmsprop": config.lr_rmsprop},
        "seeds": {"seed": config.seed, "count": config.seeds}}


def update(optimizer: Any) -> str:
    """The rule of the flow of which the optimizer is a splitting, from its definition."""
    return "; ".join(f"d{name} = {rule.text}" for name, rule in optimizer.flow.rules.items())


def trained(config: Config, optimizers: dict[str, Any], X: np.ndarray, kinds: np.ndarray,
            seed: int, epochs: int) -> dict[str, dict[str, Any]]:
    """Training loss and test accuracy after each epoch, and the seconds of a run."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(np.nonzero(kinds == k)[0]) for k in range(3)])
    chosen = order.reshape(3, 50)
    train, test = chosen[:, :TRAIN].ravel(), chosen[:, TRAIN:].ravel()
    loss = fo.losses.softmax_regression(X[train], kinds[train])
    batched = loss.batches(BATCH, seed=seed)
    start = loss.initial(seed=seed, rule="torch")
    per_epoch = -(-len(train) // BATCH)
    made = {}
    for name, optimizer in optimizers.items():
        path = optimizer.run(batched, start, steps=epochs * per_epoch, save_every=per_epoch)
        W = path.x[:, :12].reshape(-1, 3, 4)
        logits = np.einsum("kcd,nd->knc", W, X[test]) + path.x[:, None, 12:]
        made[name] = {"loss": loss.value(path.x),
                      "accuracy": (logits.argmax(axis=2) == kinds[test]).mean(axis=1),
                      "seconds": path.stats.seconds}
    return made


def reached(of: dict[str, Any]) -> np.ndarray:
    """The first epoch with the goal's test accuracy; infinite: never."""
    there = of["accuracy"] >= GOAL
    return np.where(there.any(axis=1), there.argmax(axis=1), np.inf)


def converged(of: dict[str, Any]) -> np.ndarray:
    """The first epoch after which the training loss stays below the level; infinite: none."""
    above = ~(of["loss"] < LEVEL)
    last = above.shape[1] - above[:, ::-1].argmax(axis=1)  # one after the last epoch above
    return np.where(above[:, -1], np.inf, np.where(above.any(axis=1), last, 0))


def table(result: dict[str, Any]) -> list[Table]:
    rows, count = [], result["seeds"]["count"]
    for name in REPORTED:
        of = result[name]
        rows.append((name, estimates.median(reached(of)), estimates.wilson(
            int(np.isfinite(reached(of)).sum()), count), estimates.median(converged(of)),
            REPORTED[name], estimates.mean(of["accuracy"][:, -1]),
            estimates.median(1e3 * of["seconds"])))
    rates = result["rates"]
    return [Table(
        f"Iris, softmax regression, batch {BATCH}, lr {rates['lr']:g} (RMSprop "
        f"{rates['lr_rmsprop']:g}), {of['loss'].shape[1] - 1} epochs: medians over {count} seeds "
        "with 95 % intervals",
        ("optimizer", f"epochs to {GOAL:.0%} of the test", "share that get there",
         f"epochs to a loss < {LEVEL:g}", "converged, in the notes", "accuracy at the end",
         "ms a run"), rows),
        Table("The updates: splittings of these flows", ("optimizer", "flow"),
              list(result["updates"].items()))]


def claims(result: dict[str, Any]) -> list[Claim]:
    medians = {name: estimates.median(converged(result[name]))[0] for name in ORDER}
    made = [Claim("order of the epochs to converge, from the fastest",
                  ", ".join(sorted(medians, key=lambda name: medians[name])), ", ".join(ORDER),
                  sorted(medians, key=lambda name: medians[name]) == list(ORDER),
                  "the order of the notes, whose learning rates are not known")]
    bounds = {"SGD": (160, 240), "momentum": (100, np.inf), "Adagrad": (60, 70),
              "RMSprop": (32, 48), "Adam": (20, 30)}
    for name, (low, high) in bounds.items():
        middle, a, b = estimates.median(converged(result[name]))
        made.append(Claim(f"{name}: epochs to converge", f"{middle:g} [{a:g}, {b:g}]",
                          f"{REPORTED[name]} (notes)", bool(a <= high and low <= b),
                          "the intervals meet" if a <= high and low <= b else
                          "other learning rates or another meaning of the word"))
    starts = np.stack([result[name]["loss"][:, 0] for name in ORDER])
    made.append(Claim("all five start at the same loss, largest difference",
                      float(np.ptp(starts, axis=0).max()), 0.0,
                      bool((np.ptp(starts, axis=0) == 0).all())))
    return made
