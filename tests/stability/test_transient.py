"""Transient growth and classical best parameters, against numpy and published numbers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability.steps.optimal import optimal_parameters
from flowopt.stability.steps.transient import (
    iteration_matrix,
    numerical_abscissa,
    pseudospectrum,
    transient_growth,
)
from flowopt.stability.verdict import Evidence


def test_heavy_ball_at_its_best_parameters_grows_before_it_falls():
    best = optimal_parameters("heavy_ball", 1.0, 100.0)
    assert best.rate == fo.stability.exact.rational("9/11")
    growth = transient_growth(best.optimizer(), curvature=(1.0, 100.0))
    assert growth.spectral_radius == pytest.approx(9 / 11, abs=1e-6)  # a double root
    assert growth.peak == pytest.approx(3.776, abs=5e-4) and growth.peak_at == 5
    assert growth.check()
    # Kreiss: K <= sup ‖Aᵏ‖ <= e n K
    assert growth.kreiss_bound <= growth.kreiss * (1 + 1e-12)
    assert growth.kreiss <= growth.peak <= np.e * 2 * growth.kreiss
    assert float(growth.kreiss_bound) == pytest.approx(growth.kreiss, rel=1e-6)


def test_a_bound_that_is_too_large_is_refused():
    growth = transient_growth([[0.9, 5.0], [0.0, 0.8]])
    assert growth.check()
    assert not replace(growth, kreiss_bound=growth.kreiss_bound + Fraction(1, 1000)).check()


def test_powers_against_numpy():
    matrix = np.array([[0.5, 3.0, 0.0], [0.0, 0.6, -2.0], [0.1, 0.0, 0.3]])
    growth = transient_growth(matrix, steps=20)
    wanted = [np.linalg.norm(np.linalg.matrix_power(matrix, k), 2) for k in range(21)]
    np.testing.assert_allclose(growth.norms, wanted, rtol=1e-12)


def test_a_normal_matrix_has_no_growth():
    growth = transient_growth([[0.5, 0.0], [0.0, -0.3]])
    assert growth.peak == 1.0 and growth.peak_at == 0
    assert growth.kreiss == pytest.approx(1.0, abs=1e-3)
    assert growth.kreiss_bound == 1


def test_beyond_the_limit_the_kreiss_constant_is_infinite():
    growth = transient_growth([[1.1]])
    assert growth.kreiss == np.inf and growth.kreiss_bound == 0 or growth.kreiss_bound == 1


def test_pseudospectrum_of_a_normal_matrix_is_the_distance():
    x, y, sigma = pseudospectrum(np.diag([0.5, -0.25]))
    z = x[None, :] + 1j * y[:, None]
    np.testing.assert_allclose(sigma, np.minimum(abs(z - 0.5), abs(z + 0.25)), atol=1e-12)


def test_numerical_abscissa():
    matrix = np.array([[-1.0, 10.0], [0.0, -2.0]])
    assert numerical_abscissa(matrix) == pytest.approx((-3 + np.sqrt(1 + 100)) / 2)


def test_the_matrix_of_the_published_map():
    made = iteration_matrix(fo.optimizers.sgd(lr=0.2, momentum=0.7, nesterov=True), 3.0)
    run = fo.optimizers.sgd(lr=0.2, momentum=0.7, nesterov=True).run("3*x**2/2", [1.0], steps=6)
    x = run.x[:, 0]
    np.testing.assert_allclose(made[0, 0] * x[1:-1] + made[0, 1] * x[:-2], x[2:], atol=1e-14)


@pytest.mark.parametrize("method", ["gradient_descent", "heavy_ball", "nesterov"])
@pytest.mark.parametrize(("mu", "ell"), [(1.0, 100.0), (0.3, 7.0), (2.0, 2.5)])
def test_rates_against_a_scan(method, mu, ell):
    best = optimal_parameters(method, mu, ell)
    opt = best.optimizer()
    radii = [np.abs(np.linalg.eigvals(iteration_matrix(opt, k))).max()
             for k in np.linspace(mu, ell, 21)]
    assert max(radii) == pytest.approx(float(best.rate), abs=1e-6)
    assert best.verdict.check()
    # no neighbour does better
    for key in best.hyper:
        for factor in (0.98, 1.02):
            other = {**best.hyper, key: best.hyper[key] * factor}
            made = {"gradient_descent": fo.optimizers.gradient_descent,
                    "heavy_ball": fo.optimizers.heavy_ball,
                    "nesterov": fo.optimizers.nesterov}[method](**other)
            worst = max(np.abs(np.linalg.eigvals(iteration_matrix(made, k))).max()
                        for k in (mu, ell))
            assert worst > float(best.rate) - 1e-9


def test_a_changed_proof_is_refused():
    verdict = optimal_parameters("heavy_ball", 1, 4).verdict
    bad = replace(verdict, certificate=Evidence("quadratic_rate", {"attained": "2"}))
    assert not replace(bad, digest=bad._digest()).check()
    smaller = {**verdict.statement, "options": {**verdict.statement["options"],
                                                "rate": "(k - 1)/(k + 2)"}}
    bad = replace(verdict, statement=smaller)
    assert not replace(bad, digest=bad._digest()).check()
    assert "eigenvalue" in verdict.claim and verdict.explain() and verdict.latex()


@pytest.mark.parametrize(("call", "words"), [
    (lambda: optimal_parameters("adam", 1, 2), "optimizer must be one of"),
    (lambda: optimal_parameters(3, 1, 2), "optimizer must be an Optimizer or the name"),
    (lambda: optimal_parameters("heavy_ball", 2, 1), "mu must be at most ell"),
    (lambda: optimal_parameters("heavy_ball", 0, 1), "mu must be"),
    (lambda: transient_growth([[1.0, 2.0]]), "matrix must have shape"),
    (lambda: transient_growth(fo.optimizers.signsgd()), "has no linear map"),
    (lambda: transient_growth(fo.optimizers.adam()), "which has no number"),
    (lambda: transient_growth(fo.optimizers.sgd(), curvature=-1.0), "curvature must be"),
    (lambda: pseudospectrum([1.0]), "matrix"),
    (lambda: numerical_abscissa([[1.0, 2.0]]), "matrix must have shape"),
])
def test_the_door(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()
