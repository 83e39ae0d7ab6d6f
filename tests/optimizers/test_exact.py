"""Each optimizer is the published one, step by step: 1000 steps within 1e-12 of NumPy twins."""

import numpy as np
import pytest
import reference
from optimizers.cases import CASES
from optimizers.problems import PROBLEMS, SLICES, all_grads, all_starts, deviation

import flowopt as fo

o = fo.optimizers
STEPS = 1000
BOUND = 1e-12


@pytest.mark.parametrize("setting", range(3))
@pytest.mark.parametrize("name", CASES)
def test_twin(name, setting):
    make, twin, options, settings = CASES[name]
    hyper = settings[setting]
    path = reference.optimizer_path(getattr(reference, twin), all_starts(), all_grads, STEPS,
                                    **options, **hyper)
    optimizer = make(**hyper)
    for problem, part in SLICES.items():
        loss, _, _, x0 = PROBLEMS[problem]
        traj = optimizer.run(loss, x0, steps=STEPS)
        assert np.array_equal(traj.t, np.arange(STEPS + 1))
        assert deviation(traj.x, path[:, part]) < BOUND, problem


def test_heavy_ball_is_the_published_two_term_form():
    _, _, grad, x0 = PROBLEMS["rosenbrock"]
    for lr, momentum in ((2e-4, 0.9), (5e-4, 0.5), (1e-3, 0.0)):
        path = reference.optimizer_path(reference.heavy_ball_step, x0, grad, 100, lr=lr,
                                        momentum=momentum)
        traj = o.heavy_ball(lr, momentum).run(PROBLEMS["rosenbrock"][0], x0, steps=100)
        assert deviation(traj.x, path) < BOUND


def _whole(problem, optimizer, update, **hyper):
    loss, value, grad, x0 = PROBLEMS[problem]
    path = reference.optimizer_path(update, x0, grad, STEPS, value=value, **hyper)
    return deviation(optimizer.run(loss, x0, steps=STEPS).x, path)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_normalized(problem):
    for lr in (1e-4, 3e-4, 5e-4):
        assert _whole(problem, o.normalized_gd(lr), reference.normalized_step, lr=lr) < BOUND


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("hyper", [
    dict(lr=0.5, minimum=0.0, max_learning_rate=2e-4),
    dict(lr=0.1, minimum=-1.0, max_learning_rate=1e-3, eps=10.0),
    dict(lr=0.01, minimum=1.0, max_learning_rate=0.01, variant="sps+"),
    dict(lr=0.001, minimum=0.0, max_learning_rate=0.3, clip="norm")], ids=str)
def test_polyak(problem, hyper):
    assert _whole(problem, o.polyak(**hyper), reference.polyak_step, **hyper) < BOUND


def test_polyak_stops_where_the_gradient_vanishes():
    """As optax does, and not by 0/0."""
    traj = o.polyak(lr=1.0, minimum=-1.0, max_learning_rate=10.0).run("x**2", [1e-9], steps=3)
    assert (traj.x == 1e-9).all()


SCHEDULES = {
    "momentum": (dict(momentum=0.8), lambda s: lambda k: 0.8),
    "mu": (dict(mu=50.0), lambda s: lambda k: (1 - np.sqrt(50.0 * s)) / (1 + np.sqrt(50.0 * s))),
    "r": (dict(r=3.0), lambda s: lambda k: (k - 1) / (k + 2)),
    "r = 5": (dict(r=5.0), lambda s: lambda k: (k - 1) / (k + 4))}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_nesterov(problem, schedule):
    loss, _, grad, x0 = PROBLEMS[problem]
    options, beta = SCHEDULES[schedule]
    for lr in (2e-6, 5e-6, 1e-5):
        xs, ys = reference.nesterov_path(x0, grad, 300, lr, beta(lr))
        for form, path in (("look-ahead", xs), ("torch", ys)):
            traj = o.nesterov(lr, form=form, **options).run(loss, x0, steps=300)
            assert deviation(traj.x, path) < BOUND, (lr, form)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_lookahead(problem):
    loss, _, grad, x0 = PROBLEMS[problem]
    fast = {"gradient_descent": (dict(lr=3e-4), "sgd_step", {}),
            "sgd": (dict(lr=2e-5, momentum=0.9), "sgd_step", {}),
            "adam": (dict(lr=1e-3, eps=1e-6, betas=(0.9, 0.999)), "adam_step", {})}
    for (name, (hyper, twin, more)), (period, alpha) in zip(
            fast.items(), ((5, 0.5), (6, 0.8), (1, 0.3)), strict=True):
        path = reference.lookahead_path(getattr(reference, twin), x0, grad, STEPS, period, alpha,
                                        **hyper, **more)
        optimizer = o.lookahead(getattr(o, name)(**hyper), period, alpha)
        assert deviation(optimizer.run(loss, x0, steps=STEPS).x, path) < BOUND, name


def test_newton_and_proximal_point():
    loss, x = fo.losses.rosenbrock(), np.array([-1.2, 1.0])
    path = o.newton(lr=0.5).run(loss, x, steps=20).x
    for after in path[1:]:
        x = x - 0.5 * np.linalg.solve(loss.hess(x), loss.grad(x))
        assert np.abs(after - x).max() < 1e-12
    A = np.array([[3.0, 1.0], [1.0, 2.0]])
    x = np.array([1.0, -2.0])
    path = o.proximal_point(lr=0.7).run(fo.losses.quadratic(A), x, steps=20).x
    for after in path[1:]:
        x = np.linalg.solve(np.eye(2) + 0.7 * A, x)
        assert np.abs(after - x).max() < 1e-12


def test_sgld_is_euler_maruyama_on_the_seed():
    lr, T = 0.01, 0.3
    traj = o.sgld(lr, T).run("x**2/2 + y**2", [1.0, -1.0], steps=200, seed=5)
    dW = reference.brownian(2, 200, lr, 0, 5)[0]
    x = np.array([1.0, -1.0])
    for k in range(200):
        x = x - lr * np.array([x[0], 2 * x[1]]) + np.sqrt(2 * T) * dW[k]
        assert np.abs(traj.x[k + 1] - x).max() < 1e-12
