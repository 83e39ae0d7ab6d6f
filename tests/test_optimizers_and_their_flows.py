"""The quick run of optimizers-and-their-flows: orders, and one flow that is known."""

import numpy as np
import pytest
from experiment_runs import check_shape, quick

NAME = "optimizers-and-their-flows"


def test_shape_and_orders():
    result, claims = check_shape(NAME)
    assert len(result["pairs"]) == 16 and len(claims) == 8
    assert all(claim.holds for claim in claims.values())
    assert {p["order"] for p in result["pairs"].values()} == {0.5, 1.0, 2.0}
    for p in result["pairs"].values():
        assert np.allclose(np.array(p["h"][:-1]) / np.array(p["h"][1:]), 2.0)
        assert len(p["paths"]) == 3 and (p["paths"][0][0] == p["flow"][0]).all()
        assert len(p["paths"][1]) - 1 == 4 * (len(p["paths"][0]) - 1)


def test_flow_of_the_polyak_step_is_the_law_of_exponential_decay():
    """Where its clip is idle, L = L0 exp(-t) along the loss-normalised flow."""
    _, result = quick(NAME)
    p = result["pairs"]["Polyak step on Himmelblau"]
    x, y = p["flow"].T
    loss = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
    t = np.linspace(0.0, p["end"], len(loss))
    assert loss == pytest.approx(170.0 * np.exp(-t), rel=1e-8)


def test_gradient_descent_is_the_plain_iteration():
    _, result = quick(NAME)
    path = result["pairs"]["gradient descent on Rosenbrock"]["paths"][0]
    h = result["pairs"]["gradient descent on Rosenbrock"]["h"][0]
    x, y = path[:-1].T
    twin = np.stack([x + h * (2 * (1 - x) + 400 * x * (y - x**2)), y - h * 200 * (y - x**2)], 1)
    assert path[1:] == pytest.approx(twin, abs=1e-12)


def test_refusals():
    module, _ = quick(NAME)
    with pytest.raises(ValueError, match="levels must be an integer >= 5"):
        module.Config(levels=2)
