"""Intervals, orders and differences, against SciPy and exact derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import reference as ref
import scipy.linalg
import scipy.stats


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (10, 10), (81, 263), (2500, 4000)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson(k, n, level):
    expected = scipy.stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert ref.wilson_interval(k, n, level) == pytest.approx(tuple(expected), abs=1e-14)


def test_wilson_refuses():
    for bad in [(1, 0), (-1, 5), (6, 5)]:
        with pytest.raises(ValueError, match="need"):
            ref.wilson_interval(*bad)


def test_measured_order():
    hs = np.array([0.1, 0.05, 0.02])
    assert ref.measured_order(3 * hs**2.5, hs) == pytest.approx(2.5, abs=1e-12)


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2 + np.exp(x[0] * x[1])


def rosenbrock_grad(x):
    e, r = np.exp(x[0] * x[1]), x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * r + x[1] * e, 200 * r + x[0] * e])


def rosenbrock_hess(x):
    e, p = np.exp(x[0] * x[1]), x[0] * x[1]
    off = -400 * x[0] + (1 + p) * e
    corner = 2 - 400 * (x[1] - 3 * x[0] ** 2) + x[1] ** 2 * e
    return np.array([[corner, off], [off, 200 + x[0] ** 2 * e]])


@pytest.mark.parametrize("x", [(-1.2, 1.0), (0.3, -0.4), (1.0, 1.0)])
def test_differences(x):
    x = np.array(x)
    grad, hess = rosenbrock_grad(x), rosenbrock_hess(x)
    size = np.abs(hess).max()
    assert ref.complex_gradient(rosenbrock, x) == pytest.approx(grad, rel=1e-14, abs=1e-12)
    assert ref.fd_gradient(rosenbrock, x) == pytest.approx(grad, abs=1e-12 * size)
    assert ref.fd_jacobian(rosenbrock_grad, x) == pytest.approx(hess, abs=1e-12 * size)
    assert ref.fd_hessian(rosenbrock, x) == pytest.approx(hess, abs=1e-10 * size)
    assert ref.fd_jacobian(lambda y: np.append(y, y[0]), x).shape == (3, 2)
