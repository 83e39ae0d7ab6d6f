"""A small network: 2 - 6 - 1 with tanh, mean squared error, parameters in one vector (25,)."""

from __future__ import annotations

import numpy as np


def network_data() -> tuple[np.ndarray, np.ndarray]:
    """Return 30 points (30, 2) and their values (30,)."""
    rng = np.random.default_rng(7)
    points = rng.uniform(-1.0, 1.0, (30, 2))
    return points, np.sin(2 * points[:, 0]) - points[:, 1] ** 2


def network_value(x) -> float:
    """Return half the mean squared error."""
    points, values = network_data()
    hidden = np.tanh(points @ x[:12].reshape(2, 6) + x[12:18])
    return float(((hidden @ x[18:24] + x[24] - values) ** 2).mean() / 2)


def network_grad(x) -> np.ndarray:
    """Return the gradient, by the chain rule."""
    points, values = network_data()
    hidden = np.tanh(points @ x[:12].reshape(2, 6) + x[12:18])
    error = (hidden @ x[18:24] + x[24] - values) / len(values)
    back = np.outer(error, x[18:24]) * (1 - hidden**2)
    return np.concatenate([(points.T @ back).ravel(), back.sum(axis=0), error @ hidden,
                           [error.sum()]])
