"""The twins of flows: how fast the loss falls along each."""

from __future__ import annotations

import numpy as np
import pytest
import reference as ref

POINT = np.array([0.7, -1.3, 0.4])
LEVEL = 0.25  # the known minimum


def quartic(x):
    return LEVEL + np.sum(x**4) / 4 + np.sum(x) ** 2 / 2


def quartic_grad(x):
    return x**3 + np.sum(x)


@pytest.mark.parametrize(
    ("field", "rate"),
    [
        (ref.gradient_field(quartic_grad), lambda g, gap: g @ g),
        (ref.sign_field(quartic_grad), lambda g, gap: np.abs(g).sum()),
        (ref.normalized_field(quartic_grad), lambda g, gap: np.sqrt(g @ g)),
        (ref.loss_normalized_field(quartic, quartic_grad, 50.0, LEVEL), lambda g, gap: gap),
        (
            ref.loss_normalized_field(quartic, quartic_grad, 0.1, LEVEL),
            lambda g, gap: 0.1 * gap * np.sqrt(g @ g),
        ),
        (
            ref.loss_normalized_field(quartic, quartic_grad, 50.0, LEVEL, clip="rate"),
            lambda g, gap: gap,
        ),
        (
            ref.loss_normalized_field(quartic, quartic_grad, 0.01, LEVEL, clip="rate"),
            lambda g, gap: 0.01 * g @ g,
        ),
    ],
    ids=["gradient", "sign", "normalized", "norm", "norm clipped", "rate", "rate clipped"],
)
def test_dissipation(field, rate):
    g = quartic_grad(POINT)
    assert -g @ field(0.0, POINT) == pytest.approx(rate(g, quartic(POINT) - LEVEL), rel=1e-14)
    assert not np.any(field(0.0, np.zeros(3)))  # g = 0 is an equilibrium, and no NaN


def test_heavy_ball_field():
    y = np.concatenate([POINT, [0.2, 0.1, -0.5]])
    dy = ref.heavy_ball_field(quartic_grad, 0.3)(0.0, y)
    power = dy[:3] @ quartic_grad(POINT) + y[3:] @ dy[3:]
    assert power == pytest.approx(-0.3 * y[3:] @ y[3:], rel=1e-13)


def test_unknown_clip_is_refused():
    with pytest.raises(ValueError, match="clip"):
        ref.loss_normalized_field(quartic, quartic_grad, clip="both")
