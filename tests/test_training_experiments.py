"""Quick runs of the training experiments, each with a fact that is known otherwise."""

import importlib.util
import sys

import numpy as np
import pytest
from experiment_runs import check_shape, quick

import flowopt as fo
from flowopt import experiment

needs_iris = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None,
                                reason="scikit-learn is not installed")


# ------------------------------------------------------------------ optimizer-race
def test_race():
    result, claims = check_shape("optimizer-race")
    assert set(result["loss"]) == {"SGD", "momentum", "Adagrad", "RMSprop", "Adam"}
    assert claims["all five start at the same loss, largest difference"].holds
    assert claims["least loss of all runs, beside the noise"].holds
    for values in result["loss"].values():
        assert values.shape == (8, 151) and (values[:, -1] < values[:, 0]).all()
    assert result["epoch"][0] == 0.0 and result["epoch"][-1] == 10.0


def test_race_of_sgd_is_the_plain_iteration():
    """An epoch of SGD by NumPy alone, with batches of the same gradients."""
    quick("optimizer-race")
    from training_data import cubic

    x, y = cubic(np.random.default_rng(0))
    loss = fo.losses.network([1, 20, 1], "relu", X=x, y=y)
    batched, theta = loss.batches(20, seed=0), loss.initial(seed=0, rule="torch")
    for k in range(75):
        theta = theta - 0.01 * batched.grad(theta, k=k)
    _, result = quick("optimizer-race")
    assert result["loss"]["SGD"][0, 15] == pytest.approx(float(loss.value(theta)), rel=1e-10)
    W, b, V, c = (a for layer in loss.unflatten(theta) for a in layer)
    out = np.maximum(x[:, None] @ W.T + b, 0) @ V.T + c
    assert float(((out[:, 0] - y) ** 2).mean()) == pytest.approx(float(loss.value(theta)),
                                                                rel=1e-12)


# ------------------------------------------------------------------ iris
@needs_iris
def test_iris():
    result, claims = check_shape("iris")
    assert claims["all five start at the same loss, largest difference"].holds
    for name in ("SGD", "momentum", "Adagrad", "RMSprop", "Adam"):
        of = result[name]
        assert of["loss"].shape == of["accuracy"].shape == (8, 401) and (of["seconds"] > 0).all()
        right = of["accuracy"] * 45
        assert np.abs(right - np.rint(right)).max() < 1e-9
        assert of["loss"][:, -1].max() < 0.5 and of["accuracy"][:, -1].min() > 0.85
    module, _ = quick("iris")
    told = {row[0]: row[4] for row in module.table(result)[0].rows}
    assert told["Adam"] == "20 to 30" and told["SGD"] == "about 200"


@needs_iris
def test_epochs_to_converge():
    module, _ = quick("iris")
    loss = np.array([[0.9, 0.1, 0.3, 0.1, 0.1], [0.1] * 5, [0.3] * 5, [0.9, np.nan, 0.1, 0.1, 0.1]])
    assert module.converged({"loss": loss}).tolist() == [3, 0, np.inf, 2]
    accuracy = np.array([[0.5, 0.98, 0.9], [0.5, 0.5, 0.5]])
    assert module.reached({"accuracy": accuracy}).tolist() == [1, np.inf]


def test_iris_without_scikit_learn(monkeypatch):
    module = experiment.load(experiment.find("iris"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ValueError, match="scikit-learn, which is not installed"):
        module.Config()


# ------------------------------------------------------------------ decision-boundary
def test_decision_boundary():
    result, claims = check_shape("decision-boundary")
    assert all(claim.holds for claim in claims.values())
    plain, held = result["numbers"]["none"], result["numbers"]["l2"]
    assert (plain["train"] >= held["train"]).mean() > 0.5 and (plain["turns"] > 0.2).all()
    assert result["drawn"]["l2"].shape == (301, 301) and len(result["points"]) == 240


@pytest.mark.parametrize(("make", "turns", "length"), [
    (lambda x, y: x + 0.3 * y - 0.123, 0.0, 12.0 * np.hypot(1, 0.3)),
    (lambda x, y: np.hypot(x, y) - 3.0, 1.0, 6 * np.pi),
    (lambda x, y: np.maximum(x, y) - 0.51, 0.25, 2 * 6.51),
    (lambda x, y: np.maximum(np.abs(x), np.abs(y)) - 2.0, 1.0, 16.0),
    (lambda x, y: np.minimum(np.hypot(x - 3, y), np.hypot(x + 3, y)) - 1.5, 2.0, 6 * np.pi),
    (lambda x, y: 1.0 + x**2, 0.0, 0.0),
], ids=["line", "circle", "corner", "square", "two circles", "nothing"])
def test_roughness_of_known_curves(make, turns, length):
    module, _ = quick("decision-boundary")
    side = np.linspace(-6, 6, 301)
    made = module.roughness(side, make(*np.meshgrid(side, side)))
    assert made[0] == pytest.approx(turns, abs=0.02)
    assert made[1] == pytest.approx(length, rel=0.01)


# ------------------------------------------------------------------ vanishing-gradients
def test_vanishing_gradients():
    result, claims = check_shape("vanishing-gradients")
    exact = [c for text, c in claims.items() if text.startswith("chain")]
    assert len(exact) == 3 and all(c.holds for c in exact)
    assert claims["sigmoid: the factor is below the bound sqrt(2) max s' = sqrt(2)/4"].holds
    assert result["ratio"]["relu"]["20"].shape == (40, 20)
    assert (result["ratio"]["sigmoid"]["20"][:, 0] < 1e-6).all()


def test_theory_of_wide_networks():
    """By sampling, and ReLU's closed form: E relu(z)^2 = q/2."""
    module, result = quick("vanishing-gradients")
    z = np.random.default_rng(0).normal(size=2_000_000)
    for name in ("sigmoid", "tanh"):
        s, slope = module.ACTIVATIONS[name]
        of = result["theory"][name]
        for layer in (0, 3):
            spread = np.sqrt(of["q"][layer])
            assert of["q"][layer + 1] == pytest.approx(2 * (s(spread * z) ** 2).mean(), rel=5e-3)
            assert of["chi"][layer] == pytest.approx(2 * (slope(spread * z) ** 2).mean(), rel=5e-3)
    assert (result["theory"]["relu"]["chi"] == 1).all()


# ------------------------------------------------------------------ adam-then-sgd
def test_adam_then_sgd():
    result, claims = check_shape("adam-then-sgd")
    plans = result["plans"]
    assert len(plans) == 8 and all(of["loss"].shape == (8, 301) for of in plans.values())
    adam, switched = plans["Adam alone"]["loss"], plans["Adam to epoch 10, then SGD"]["loss"]
    assert (switched[:, :151] == adam[:, :151]).all()  # up to the switch the two are one
    assert (plans["Adam to epoch 10, then SGD"]["switched"] == 10.0).all()
    assert np.isnan(plans["Adam alone"]["switched"]).all()
    stalled = plans["Adam until it stalls, then SGD"]["switched"]
    assert ((stalled >= 4) | np.isnan(stalled)).all()
    assert claims['hovering in the last epoch, Adam alone over "Adam to epoch 10, then SGD"'].holds


@pytest.mark.parametrize(("name", "values", "words"), [
    ("optimizer-race", {"lr": 0.0}, "lr must be a finite number > 0"),
    ("optimizer-race", {"seeds": 1}, "seeds must be an integer >= 2"),
    ("decision-boundary", {"l2": 0.0}, "l2 must be a finite number > 0"),
    ("decision-boundary", {"points": 5}, "points must be an integer >= 32"),
    ("vanishing-gradients", {"width": 1}, "width must be an integer >= 2"),
    ("adam-then-sgd", {"epochs": 3}, "epochs must be an integer >= 10"),
])
def test_refusals(name, values, words):
    module, _ = quick(name)
    with pytest.raises(ValueError, match=words):
        module.Config(**values)
