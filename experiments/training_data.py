"""Data and starts that the training experiments share."""

from __future__ import annotations

from typing import Any

import numpy as np

import flowopt as fo


def cubic(rng: np.random.Generator, count: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """y = x^3 + 0.1 N(0, 1) at uniform points of (-1, 1)."""
    x = rng.uniform(-1.0, 1.0, count)
    return x, x**3 + 0.1 * rng.normal(size=count)


def clouds(rng: np.random.Generator, count: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved half circles with noise, which overlap: points (count, 2) and labels."""
    labels = np.arange(count) % 2
    angle = rng.uniform(0.0, np.pi, count)
    x = np.where(labels == 0, np.cos(angle), 1.0 - np.cos(angle)) - 0.5
    y = np.where(labels == 0, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
    return 3.0 * np.stack([x, y], axis=1) + 0.9 * rng.normal(size=(count, 2)), labels


def five(lr: float = 0.01, momentum: float = 0.8, alpha: float = 0.9,
         betas: tuple[float, float] = (0.9, 0.99), **other: float) -> dict[str, Any]:
    """The five optimizers of the course notes; `other` are learning rates by name."""
    o = fo.optimizers
    rate = {name: other.get(name, lr) for name in ("sgd", "momentum", "adagrad", "rmsprop", "adam")}
    return {"SGD": o.sgd(lr=rate["sgd"]),
            "momentum": o.sgd(lr=rate["momentum"], momentum=momentum),
            "Adagrad": o.adagrad(lr=rate["adagrad"]),
            "RMSprop": o.rmsprop(lr=rate["rmsprop"], alpha=alpha),
            "Adam": o.adam(lr=rate["adam"], betas=betas)}
