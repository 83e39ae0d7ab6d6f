"""Schedules: torch's numbers, optimizers whose learning rate changes, and their limits."""

import numpy as np
import pytest
import reference
from optimizers.problems import PROBLEMS, deviation

import flowopt as fo

o = fo.optimizers
s = o.schedules
EACH = {
    "exponential": (s.exponential(0.99), lambda k: 0.99**k),
    "constant": (s.constant(0.7), lambda k: 0.7),
    "exponential, epochs": (s.exponential(0.5, every=300), lambda k: 0.5 ** (k / 300)),
    "steps": (s.steps(0.3, [100, 250]), lambda k: 0.3 ** ((k >= 100) + (k >= 250))),
    "cosine": (s.cosine(400), lambda k: (1 + np.cos(np.pi * min(k, 400) / 400)) / 2),
    "cosine, least": (s.cosine(300, 0.1),
                      lambda k: 0.1 + 0.9 * (1 + np.cos(np.pi * min(k, 300) / 300)) / 2),
    "warm_up": (s.warm_up(50), lambda k: min(1.0, (k + 1) / 50)),
    "inverse_time": (s.inverse_time(0.01), lambda k: 1 / (1 + 0.01 * k)),
}
FAST = {
    "gradient_descent": (o.gradient_descent, "sgd_step", dict(lr=3e-4), {}),
    "sgd": (o.sgd, "sgd_step", dict(lr=1e-4, momentum=0.8), {}),
    "adagrad": (o.adagrad, "adagrad_step", dict(lr=0.05, initial_accumulator_value=0.1), {}),
    "adam": (o.adam, "adam_step", dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-6), {}),
    "adamw": (o.adamw, "adam_step",
              dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.1), {"decoupled": True}),
    "lion": (o.lion, "lion_step", dict(lr=1e-4, betas=(0.9, 0.99), weight_decay=0.1), {}),
}


@pytest.mark.parametrize("name", EACH)
def test_values(name):
    schedule, exact = EACH[name]
    assert np.allclose([schedule(k) for k in range(500)], [exact(k) for k in range(500)],
                       rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("fast", FAST)
def test_runs(name, fast):
    make, twin, hyper, more = FAST[fast]
    schedule, exact = EACH[name]
    optimizer = o.scheduled(make(**hyper), schedule)
    update = getattr(reference, twin)

    def step(k, x, g, L, state):
        return update(k, x, g, L, state, **more, **(hyper | {"lr": hyper["lr"] * exact(k - 1)}))

    for problem in ("rosenbrock", "network"):
        loss, _, grad, x0 = PROBLEMS[problem]
        path = reference.optimizer_path(step, x0, grad, 500)
        assert deviation(optimizer.run(loss, x0, steps=500).x, path) < 1e-12


@pytest.mark.parametrize("kind, make", [
    ("ExponentialLR", lambda t, p: t.optim.lr_scheduler.ExponentialLR(p, 0.99)),
    ("MultiStepLR", lambda t, p: t.optim.lr_scheduler.MultiStepLR(p, [100, 250], 0.3)),
    ("CosineAnnealingLR", lambda t, p: t.optim.lr_scheduler.CosineAnnealingLR(p, 400))])
def test_torch_has_the_same_numbers(kind, make):
    torch = pytest.importorskip("torch")
    ours = {"ExponentialLR": "exponential", "MultiStepLR": "steps", "CosineAnnealingLR": "cosine"}
    peer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
    scheduler = make(torch, peer)
    for k in range(400):
        assert abs(peer.param_groups[0]["lr"] - 0.2 * EACH[ours[kind]][0](k)) < 1e-12
        peer.step()
        scheduler.step()


def test_two_schedules_multiply():
    both = o.scheduled(o.scheduled(o.gradient_descent(3e-4), s.warm_up(50)), s.exponential(0.99))
    both = o.scheduled(both, s.inverse_time(0.01))
    loss, _, grad, x0 = PROBLEMS["rosenbrock"]

    def step(k, x, g, L, state):
        return x - 3e-4 * min(1, k / 50) * 0.99 ** (k - 1) / (1 + 0.01 * (k - 1)) * g

    path = reference.optimizer_path(step, x0, grad, 300)
    assert deviation(both.run(loss, x0, steps=300).x, path) < 1e-12


@pytest.mark.parametrize("schedule", [s.exponential(0.9), s.cosine(6, 0.2), s.warm_up(5),
                                      s.inverse_time(0.3)], ids=lambda q: q.rule)
@pytest.mark.parametrize("fast", [o.gradient_descent(0.1), o.adam(0.1, betas=(0.7, 0.8)),
                                  o.nadam(0.1, betas=(0.7, 0.8), momentum_decay=1.0)],
                         ids=lambda p: p.name)
def test_limits(schedule, fast):
    """A schedule is a formula of time: it stays when the step goes to 0."""
    optimizer, loss, x0 = o.scheduled(fast, schedule), fo.Loss("x**2/2 + y**2"), [1.3, -0.7]
    flow = fo.integrate(optimizer.limit.on(loss), optimizer.limit_start(loss, x0), t=(0.0, 0.8),
                        method=fo.DOP853(rtol=1e-12, atol=1e-13))
    counts = [256, 512, 1024]
    errors = [np.abs(optimizer.with_step(0.8 / n).run(loss, x0, steps=n).x[-1]
                     - flow.x[-1]).max() for n in counts]
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope + 1) < 0.15, errors


def test_gradient_flow_only_changes_its_clock():
    """x(t) = x₀ exp(−τ), τ = ∫ s."""
    optimizer = o.scheduled(o.gradient_descent(0.1), s.inverse_time(0.2))
    flow = fo.integrate(optimizer.limit.on("x**2/2"), [1.0], t=(0.0, 3.0))
    assert abs(flow.x[-1, 0] - np.exp(-np.log(1 + 2 * 3.0) / 2)) < 1e-9


def test_refusals():
    for call, words in ((lambda: s.exponential(1.5), "factor"), (lambda: s.steps(0.5, [3, 2]),
                        "increasing"), (lambda: s.cosine(0), "total"),
                        (lambda: o.scheduled(o.newton(), s.warm_up(3)), "rule is text"),
                        (lambda: o.scheduled(o.proximal_point(), s.warm_up(3)), "splitting"),
                        (lambda: o.scheduled(o.heavy_ball(), s.warm_up(3)), "schedule sgd")):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(TypeError, match="schedule must be a Schedule"):
        o.scheduled(o.adam(), 0.5)
