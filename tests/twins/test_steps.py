"""The twins of fixed step: their orders, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest
import reference as ref


@pytest.mark.parametrize(
    ("method", "order"), [(ref.euler, 1), (ref.heun, 2), (ref.midpoint, 2), (ref.rk4, 4)]
)
def test_orders_on_a_time_dependent_problem(method, order):
    # y' = y cos t, y = exp(sin t)
    hs = 1 / np.array([20, 40, 80, 160])
    errors = []
    for h in hs:
        path = method(lambda t, y: y * np.cos(t), 1.0, 0.0, h, round(2 / h))
        assert path.shape == (round(2 / h) + 1, 1)
        errors.append(abs(path[-1, 0] - np.exp(np.sin(2.0))))
    assert ref.measured_order(errors, hs) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("first", ["p", "q"])
def test_symplectic_euler_keeps_the_modified_energy(first):
    # on the oscillator q**2 + p**2 -+ h q p is kept; the sign goes with the half done first
    h = 0.1
    q, p = ref.symplectic_euler(
        lambda t, q, p: p, lambda t, q, p: -q, 1.0, 0.3, 0.0, h, 500, first=first
    )
    energy = q**2 + p**2 + (-h if first == "p" else h) * q * p
    assert np.ptp(energy) < 1e-13
    with pytest.raises(ValueError, match="first"):
        ref.symplectic_euler(None, None, 0.0, 0.0, 0.0, h, 1, first="x")


def test_sequential_euler_is_adam_without_bias_correction():
    a, b, eps, lr = 0.1, 0.05, 1e-8, 0.01
    grad = lambda x: 3 * x  # noqa: E731
    x, m, v, path = 2.0, 0.0, 0.0, [2.0]
    for _ in range(50):
        g = grad(x)
        m, v = m + a * (g - m), v + b * (g * g - v)
        x -= lr * m / (np.sqrt(v) + eps)
        path.append(x)
    theta, states = ref.sequential_euler(
        lambda t, x, s: -s[:1] / (np.sqrt(s[1:]) + eps),
        lambda t, x, s: np.array([a, b]) / lr * (np.concatenate([grad(x), grad(x) ** 2]) - s),
        2.0, [0.0, 0.0], 0.0, lr, 50,
    )  # fmt: skip
    assert np.allclose(theta[:, 0], path, rtol=1e-12) and states.shape == (51, 2)


def test_sequential_euler_orders():
    hs = 1 / np.array([50, 100, 200, 400])
    y, _ = ref.linear_heavy_ball(2.0, 0.5, 1.0, 1.0, 0.0)
    errors = []
    for h in hs:
        q, _ = ref.symplectic_euler(
            lambda t, q, p: p, lambda t, q, p: -0.5 * p - q, 1.0, 0.0, 0.0, h, round(2 / h)
        )
        errors.append(abs(q[-1, 0] - y))
    assert ref.measured_order(errors, hs) == pytest.approx(1.0, abs=0.1)
