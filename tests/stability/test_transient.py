"""Transient growth, pseudospectra and the Kreiss constant, against closed forms and sampling."""

import math

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability.transient import (
    iteration_matrix,
    kreiss_bound,
    numerical_abscissa,
    pseudospectrum,
    transient_growth,
)

BALL = fo.optimizers.heavy_ball(lr=4 / 121, momentum=(9 / 11) ** 2)


def test_polyak_at_condition_number_100():
    growth = transient_growth(BALL, [1.0, 100.0])
    assert growth.at == 5 and growth.peak == pytest.approx(3.7761485, abs=1e-7)
    assert growth.spectral_radius == pytest.approx(9 / 11, abs=1e-6)
    # the Kreiss matrix theorem: K <= peak <= e n K
    assert 1.0 < growth.kreiss <= growth.peak <= math.e * 2 * growth.kreiss * (1 + 1e-3)
    assert kreiss_bound(growth.matrices[growth.certificate["block"]],
                        growth.certificate) == growth.kreiss


@pytest.mark.parametrize("optimizer", [
    BALL, fo.optimizers.sgd(lr=0.3, momentum=0.8), fo.optimizers.gradient_descent(lr=0.7),
    fo.optimizers.sgd(lr=0.2, momentum=0.7, nesterov=True)])
def test_the_matrix_moves_the_iterates(optimizer):
    """x of an actual run follows the matrix, from its second step on."""
    matrix = iteration_matrix(optimizer, 1.7)
    x = optimizer.run("1.7*x**2/2", [1.0], steps=12).x[:, 0]
    n = len(matrix)
    state = x[1:1 + n][::-1]
    for k in range(n + 1, 12):
        state = matrix @ state
        assert state[0] == pytest.approx(x[k], abs=1e-12)


def test_a_normal_matrix_does_not_grow():
    growth = transient_growth(np.diag([0.5, -0.9]), steps=50)
    assert growth.peak == 1.0 and growth.at == 0
    assert growth.norms == pytest.approx(0.9 ** np.arange(51))
    assert growth.kreiss <= 1.0 + 1e-12 and growth.kreiss > 0.9


def test_a_jordan_block_grows_as_its_closed_form():
    """For [[r, c], [0, r]] the power is r^k [[1, k c/r], [0, 1]], whose norm is known."""
    r, c = 0.9, 3.0
    growth = transient_growth([[r, c], [0.0, r]], steps=60)
    s = np.arange(61) * c / r
    exact = r ** np.arange(61) * (s / 2 + np.sqrt(1 + s**2 / 4))
    assert growth.norms == pytest.approx(exact, rel=1e-9)


def test_no_stable_matrix_exceeds_the_kreiss_theorem():
    rng = np.random.default_rng(3)
    for _ in range(10):
        A = rng.normal(size=(3, 3))
        A *= 0.95 / np.abs(np.linalg.eigvals(A)).max()
        growth = transient_growth(A, steps=400)
        assert growth.kreiss <= growth.peak * (1 + 1e-12)
        assert growth.peak <= growth.upper * 1.01
        # sampled values of (|z| - 1)/sigma_min are no larger than the bound by more than its search
        z = (1 + rng.uniform(1e-3, 2, 500)) * np.exp(2j * np.pi * rng.uniform(size=500))
        seen = max((abs(w) - 1) / np.linalg.svd(w * np.eye(3) - A, compute_uv=False)[-1]
                   for w in z)
        assert seen <= growth.kreiss * 1.01


def test_an_unstable_iteration_says_so():
    growth = transient_growth([[1.1]], steps=10_000)
    assert growth.kreiss == math.inf and growth.norms[-1] == math.inf


def test_pseudospectrum_of_the_circle():
    """For a nilpotent 2 by 2 block, sigma_min depends on |z| alone."""
    x, y, sigma = pseudospectrum([[0.0, 1.0], [0.0, 0.0]], (-1, 1), (-1, 1), points=21)
    r = np.abs(x[None, :] + 1j * y[:, None])
    assert sigma == pytest.approx(np.sqrt((1 + 2 * r**2 - np.sqrt(1 + 4 * r**2)) / 2), abs=1e-12)


def test_numerical_abscissa_is_the_slope_of_the_norm():
    from scipy.linalg import expm

    A = np.random.default_rng(0).normal(size=(4, 4))
    slope = (np.linalg.norm(expm(1e-7 * A), 2) - 1) / 1e-7
    assert numerical_abscissa(A) == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("call, error, message", [
    (lambda: transient_growth([[1, 2, 3], [4, 5, 6]]), ValueError, "given must have shape"),
    (lambda: transient_growth([[np.nan]]), ValueError, "given must be finite"),
    (lambda: transient_growth(BALL), ValueError, "curvature must be given"),
    (lambda: transient_growth([[0.5]], 1.0), ValueError, "curvature has no effect"),
    (lambda: transient_growth([[0.5]], steps=0), ValueError, "steps must be an integer >= 1"),
    (lambda: pseudospectrum([[0.5]], (1, 0), (0, 1)), ValueError, "re must have its lower end"),
    (lambda: pseudospectrum([[0.5]], (0, 1), 3), ValueError, "im must be a pair"),
    (lambda: iteration_matrix(fo.optimizers.adam(), 1.0), ValueError, "adam has no fixed matrix"),
    (lambda: iteration_matrix(fo.flows.SignFlow(), 1.0), TypeError, "optimizer must be")])
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
