"""Closed forms and the truth, against published values and each other."""

from __future__ import annotations

import numpy as np
import pytest
import reference as ref
import scipy.linalg
import scipy.stats


def test_detest_values():
    assert ref.logistic(20.0) == pytest.approx(17.73016648131484, rel=1e-15)
    assert ref.cubic_decay(20.0) == pytest.approx(1 / np.sqrt(21), rel=1e-15)
    assert ref.truth(ref.logistic_rhs, (0, 20), 1.0)[0] == pytest.approx(ref.logistic(20.0), 1e-12)
    assert ref.truth(ref.cubic_decay_rhs, (0, 20), 1.0)[0] == pytest.approx(21**-0.5, rel=1e-12)


@pytest.mark.parametrize("e", [0.0, 0.1, 0.9])
def test_kepler(e):
    start = ref.kepler(0.0, e)
    assert start == pytest.approx([1 - e, 0, 0, np.sqrt((1 + e) / (1 - e))], abs=1e-15)
    times = np.array([0.3, 2.0, 5.0, 20.0])
    run = ref.truth(ref.kepler_rhs, (0.0, 20.0), start, times)
    exact = np.array([ref.kepler(t, e) for t in times])
    assert run == pytest.approx(exact, abs=1e-10)
    assert ref.kepler(float(2 * np.pi), e) == pytest.approx(start, abs=1e-12)
    energy = (exact[:, 2] ** 2 + exact[:, 3] ** 2) / 2 - np.hypot(exact[:, 0], exact[:, 1]) ** -1
    momentum = exact[:, 0] * exact[:, 3] - exact[:, 1] * exact[:, 2]
    assert energy == pytest.approx(-0.5, rel=1e-13)
    assert momentum == pytest.approx(np.sqrt(1 - e * e), rel=1e-14)


@pytest.mark.parametrize(
    ("gamma", "lam"), [(0.5, 1.0), (2.0, 1.0), (3.0, 1.0), (0.0, 2.0), (1.0, 0.0), (0.4, -0.3)]
)
def test_linear_heavy_ball(gamma, lam):
    times = np.array([0.0, 0.4, 2.0, 7.0])
    y, v = ref.linear_heavy_ball(times, gamma, lam, 1.2, -0.7)
    K = np.array([[0.0, 1.0], [-lam, -gamma]])
    exact = np.array([scipy.linalg.expm(K * t) @ [1.2, -0.7] for t in times])
    assert np.column_stack([y, v]) == pytest.approx(exact, rel=1e-12, abs=1e-13)


def test_linear_heavy_ball_far_and_near_critical():
    assert np.all(np.isfinite(ref.linear_heavy_ball(1e4, 50.0, 1.0, 1.0, 0.0)))
    near = [ref.linear_heavy_ball(3.0, 2.0, 1 + d, 1.0, 0.5)[0] for d in (-1e-12, 0.0, 1e-12)]
    assert np.ptp(near) < 1e-11


def test_quadratic_gradient_flow():
    A, b, x0 = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([0.3, -1.0]), np.array([1.0, 2.0])
    run = ref.truth(lambda t, x: -(A @ x + b), (0.0, 1.5), x0)
    assert ref.quadratic_gradient_flow(1.5, A, x0, b) == pytest.approx(run, rel=1e-12)
    flat = ref.quadratic_gradient_flow(1.5, np.diag([1.0, 0.0]), x0, b)
    assert flat[1] == pytest.approx(2.0 + 1.5, rel=1e-14)  # a flat direction moves at speed -b
    assert ref.quadratic_gradient_flow(2.0, 3.0, 1.0) == pytest.approx(np.exp(-6.0), rel=1e-13)


@pytest.mark.parametrize(
    ("rhs", "y0"),
    [
        (ref.lorenz_rhs, ref.LORENZ_Y0),
        (ref.van_der_pol_rhs, ref.VAN_DER_POL_Y0),
        (ref.kepler_rhs, (0.1, 0.0, 0.0, 19**0.5)),
    ],
    ids=["lorenz", "van der pol", "kepler"],
)
def test_truth_against_taylor_series(rhs, y0):
    t = 0.25
    exact = ref.truth_mp(rhs, 0.0, y0, t)
    assert ref.truth(rhs, (0.0, t), y0) == pytest.approx(exact, rel=1e-11, abs=1e-12)


def test_arenstorf_returns_and_keeps_jacobi_constant():
    mu, T = ref.ARENSTORF_MU, ref.ARENSTORF_PERIOD
    run = ref.truth(ref.arenstorf_rhs, (0.0, T), ref.ARENSTORF_Y0, [0.0, T / 3, T])
    x, y, vx, vy = run.T
    potential = (1 - mu) / np.hypot(x + mu, y) + mu / np.hypot(x - 1 + mu, y)
    jacobi = x**2 + y**2 + 2 * potential - vx**2 - vy**2
    assert np.ptp(jacobi) < 1e-9
    # not exact: the start is rounded to float64 and close passages of the Moon amplify errors
    assert run[-1] == pytest.approx(np.array(ref.ARENSTORF_Y0), abs=1e-8)


def test_truth_reports_failure():
    with np.errstate(all="ignore"), pytest.raises(RuntimeError, match="no reference"):
        ref.truth(lambda t, y: y**2, (0.0, 2.0), 1.0)
