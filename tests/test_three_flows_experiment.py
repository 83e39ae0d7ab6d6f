"""The quick run of three-flows, and its exact laws against other computations."""

import numpy as np
import pytest
from experiment_runs import check_shape, quick
from scipy.linalg import expm

from flowopt import experiment
from flowopt.quoting import Number

H = np.array([[1.0, 0.5], [0.5, 2.0]])


def exact():
    """The module of exact laws, which the experiment has put on the path."""
    quick("three-flows")
    import three_flows_exact

    return three_flows_exact


def test_claims_hold():
    result, claims = check_shape("three-flows")
    assert all(claim.holds is not False for claim in claims.values())
    module, _ = quick("three-flows")
    assert all(isinstance(n, Number) for n in module.numbers(result).values())
    assert module.numbers(result)["sign-slides"].text == "0.5200"


def test_a_wrong_law_would_be_told():
    module, result = quick("three-flows")
    wrong = {**result, "exact": {**result["exact"], "sign": 1.01 * result["exact"]["sign"]}}
    told = [c.text for c in module.claims(wrong) if c.holds is False]
    assert told == ["sign flow on the quadratic: largest distance of L(t) from the exact path, "
                    "over L(0)"]


def test_gradient_loss_by_the_matrix_exponential():
    x0 = np.array([1.0, 0.4])
    for t in (0.0, 0.3, 2.0):
        x = expm(-t * H) @ x0
        assert exact().gradient_loss(H, x0, np.array([t]))[0] == pytest.approx(x @ H @ x / 2,
                                                                               rel=1e-13)


def test_sign_path_by_small_steps():
    """Euler with h = 1e-5 stays within a few h of the exact path, the sliding part included."""
    path = exact().sign_path([["1", "0.5"], ["0.5", "2"]], ["1", "0.4"])
    assert path["texts"] == ["0", "13/25", "1"] and path["kinds"] == ["free", "slide"]
    h, x = 1e-5, np.array([1.0, 0.4])
    for _ in range(75_000):
        x = x - h * np.sign(H @ x)
    wanted = [np.interp(0.75, path["t"], path["x"][:, i]) for i in range(2)]
    np.testing.assert_allclose(x, wanted, atol=4 * h)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_sign_steps_end_in_a_cycle_of_two(n):
    """The polar form x'Hx+ never rises, and the end is a cycle within the stated range."""
    rng = np.random.default_rng(n)
    B = rng.normal(size=(n, n))
    A = B @ B.T + 0.3 * np.eye(n)
    low, high = exact().floor_bounds(A)
    h = 0.1
    for _ in range(20):
        x = rng.uniform(-1.0, 1.0, n)
        before = np.inf
        for _ in range(4000):
            ahead = x - h * np.sign(A @ x)
            polar = x @ A @ ahead
            assert polar <= before + 1e-12
            before, behind, x = polar, x, ahead
        np.testing.assert_allclose(x - h * np.sign(A @ x), behind, atol=1e-12)
        larger = max(x @ A @ x, behind @ A @ behind) / 2 / h**2
        assert low - 1e-9 <= larger <= high + 1e-9


@pytest.mark.parametrize("values, message", [
    ({"coupling": 2.0}, "coupling must be"), ({"starts": 1}, "starts must be an integer >= 50"),
    ({"x": 0.0, "y": 0.0}, "x and y must not both be near"), ({"M": 0.5}, "M must be")])
def test_bad_values(values, message):
    module = experiment.load(experiment.find("three-flows"))
    with pytest.raises(ValueError, match=message):
        module.Config(**values)
