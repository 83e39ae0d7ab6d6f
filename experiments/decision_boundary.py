"""The decision boundary of a 2-11-1 ReLU network with and without an L2 penalty on its weights.

Two clouds that overlap; batches of 32, lr 0.005, 800 epochs of Adam, penalty 1/2 l2 |w|^2 with
l2 = 0 and 0.03, from the same start and with the same order of batches. The boundary is piecewise
straight. Its roughness is the sum of its angles, in turns (2 pi): 0 for a straight line, 1 for a
closed convex curve. Beside it: its length, the norm of the weights, and the accuracy on fresh data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from decision_boundary_figures import figures
from training_data import clouds

import flowopt as fo
from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "run", "table"]

NAME = "decision-boundary"
QUESTION = "How much smoother does an L2 penalty make the decision boundary of a small network?"
QUICK = {"seeds": 6, "epochs": 300}

BATCH, LR = 32, 0.005
HALF, GRID = 6.0, 301  # the square that is looked at, and the points of a side


@dataclass(frozen=True)
class Config(Options):
    seeds: int = option(40, "repetitions with other data, starts and batches",
                        at_least=2, at_most=10_000)
    epochs: int = option(800, "how often all samples are seen", at_least=1, at_most=100_000)
    l2: float = option(0.03, "weight of the penalty |w|^2/2, compared with none", above=0.0)
    points: int = option(240, "samples for training", at_least=BATCH, at_most=100_000)
    seed: int = option(0, "the first seed", at_least=0, at_most=2**31)  # and the one drawn


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    seeds = [config.seed + i for i in range(config.seeds)]
    made = progress.pieces([f"seed {s}" for s in seeds],
                           lambda name: pair(config, int(name.split()[1])))
    keys = ("turns", "length", "weights", "train", "test", "loss")
    data, labels = clouds(np.random.default_rng(seeds[0]), config.points)
    return {"numbers": {kind: {key: np.array([made[f"seed {s}"][kind][key] for s in seeds])
                               for key in keys} for kind in ("none", "l2")},
            "drawn": {kind: made[f"seed {seeds[0]}"][kind]["logits"] for kind in ("none", "l2")},
            "points": data, "labels": labels, "l2": config.l2, "half": HALF,
            "epochs": config.epochs, "seeds": {"seed": config.seed, "count": config.seeds}}


def pair(config: Config, seed: int) -> dict[str, dict[str, Any]]:
    """Train without and with the penalty, on the same data from the same start."""
    X, labels = clouds(np.random.default_rng(seed), config.points)
    fresh, kinds = clouds(np.random.default_rng([seed, 1]), 4000)
    side = np.linspace(-HALF, HALF, GRID)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    made: dict[str, dict[str, Any]] = {}
    for kind, l2 in (("none", 0.0), ("l2", config.l2)):
        loss = fo.losses.network([2, 11, 1], "relu", "cross_entropy", X=X, y=labels, l2=l2)
        batched = loss.batches(BATCH, seed=seed)
        steps = config.epochs * -(-len(X) // BATCH)
        x = fo.optimizers.adam(lr=LR).run(batched, loss.initial(seed=seed), steps=steps,
                                          save_every=steps).x[-1]
        logits = loss.predict(x, grid).reshape(GRID, GRID)
        turns, length = roughness(side, logits)
        squares = sum(float((W**2).sum()) for W, _ in loss.unflatten(x))
        made[kind] = {"turns": turns, "length": length, "weights": squares**0.5,
                      "train": loss.accuracy(x), "test": loss.accuracy(x, fresh, kinds),
                      "loss": float(loss.each(x).mean()), "logits": logits[::2, ::2]}
    return made


def roughness(side: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """The sum of the angles of the zero line, in turns, and its length.

    Points closer than three cells of the grid are passed over, so that rounding makes no angles.
    """
    import contourpy

    turns = length = 0.0
    cell = side[1] - side[0]
    for line in contourpy.contour_generator(side, side, logits).lines(0.0):
        edges = np.diff(line, axis=0)
        length += float(np.hypot(*edges.T).sum())
        closed = len(line) > 2 and (line[0] == line[-1]).all()
        kept = [line[0]]
        for point in line[1:]:
            if np.hypot(*(point - kept[-1])) >= 3 * cell:
                kept.append(point)
        while closed and len(kept) > 1 and np.hypot(*(kept[-1] - kept[0])) < 3 * cell:
            kept.pop()
        edges = np.diff(np.array([*kept, *kept[:2]] if closed else kept), axis=0)
        angle = np.arctan2(edges[:, 1], edges[:, 0])
        bend = np.diff(angle)
        turns += float(np.abs((bend + np.pi) % (2 * np.pi) - np.pi).sum()) / (2 * np.pi)
    return turns, length


def table(result: dict[str, Any]) -> Table:
    rows = []
    for kind, label in (("none", "0"), ("l2", f"{result['l2']:g}")):
        of = result["numbers"][kind]
        rows.append((label, *(estimates.mean(of[key]) for key in (
            "turns", "length", "weights", "train", "test", "loss"))))
    return Table(f"2-11-1 ReLU, Adam, lr {LR:g}, batch {BATCH}, {result['epochs']} epochs: means "
                 f"over {result['seeds']['count']} seeds with 95 % intervals",
                 ("l2", "roughness (turns)", "length", "norm of weights", "training accuracy",
                  "fresh accuracy", "cross-entropy"), rows)


def claims(result: dict[str, Any]) -> list[Claim]:
    plain, held = result["numbers"]["none"], result["numbers"]["l2"]
    made = []
    for key, text in (("turns", "roughness without the penalty less that with it"),
                      ("length", "length of the boundary, the same difference"),
                      ("weights", "norm of the weights, the same difference")):
        d = estimates.mean(plain[key] - held[key])
        made.append(Claim(text, f"{d[0]:.3g} [{d[1]:.3g}, {d[2]:.3g}]", "> 0", d[1] > 0,
                          "paired by seed, 95 % interval"))
    return made
