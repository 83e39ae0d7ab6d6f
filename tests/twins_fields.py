"""Flow fields on a loss given as value(x) and grad(x); each returns rhs(t, y)."""

from __future__ import annotations

import numpy as np
from twins_types import Grad, Rhs, Value


def gradient_field(grad: Grad) -> Rhs:
    """x' = -g; dL/dt = -|g|**2."""
    return lambda t, x: -np.asarray(grad(x))


def sign_field(grad: Grad) -> Rhs:
    """x' = -sign(g), sign(0) = 0; dL/dt = -|g|_1."""
    return lambda t, x: -np.sign(grad(x))


def normalized_field(grad: Grad) -> Rhs:
    """x' = -g/|g|_2, and 0 where g = 0; dL/dt = -|g|_2."""

    def rhs(t, x):
        g = np.asarray(grad(x))
        norm = np.linalg.norm(g)
        return -g / norm if norm > 0 else 0.0 * g

    return rhs


def loss_normalized_field(
    value: Value, grad: Grad, M: float = np.inf, minimum: float = 0.0, clip: str = "norm"
) -> Rhs:
    """Return the loss-normalised flow; where g is not 0 and no clip acts, dL/dt = -(L - L*).

    ``clip="norm"``: x' = -(g/|g|) min(1/|g|, M) (L - L*), the two-minima article.
    ``clip="rate"``: x' = -min((L - L*)/|g|**2, M) g, optax's ``polyak_sgd`` with eps = 0.
    Where g = 0 the field is 0.
    """
    if clip not in ("norm", "rate"):
        raise ValueError(f"clip must be 'norm' or 'rate', was {clip!r}")

    def rhs(t, x):
        g = np.asarray(grad(x))
        norm = np.linalg.norm(g)
        if norm == 0:
            return 0.0 * g
        gap = float(np.squeeze(value(x))) - minimum
        if clip == "norm":
            return -(g / norm) * min(1 / norm, M) * gap
        return -min(gap / norm**2, M) * g

    return rhs


def heavy_ball_field(grad: Grad, gamma: float) -> Rhs:
    """x' = v, v' = -gamma v - g(x), on y = (x, v); d(|v|**2/2 + L)/dt = -gamma |v|**2."""

    def rhs(t, y):
        x, v = np.split(np.asarray(y), 2)
        return np.concatenate([v, -gamma * v - np.asarray(grad(x))])

    return rhs
