"""The optimizer after k = t/step steps tends to its flow at t, with the order of theory."""

import numpy as np
import pytest

import flowopt as fo

o = fo.optimizers
LOSS = fo.Loss("x**2/2 + y**2 + log(1 + exp(x - y))/2", minimum=0.0)
X0 = np.array([1.3, -0.7])
T = 0.8
TIGHT = fo.DOP853(rtol=1e-12, atol=1e-13)

ORDERS = {
    "gradient_descent": (o.gradient_descent(0.1), 1),
    "gradient_descent, L2": (o.gradient_descent(0.1, weight_decay=0.3), 1),
    "sgd": (o.sgd(0.01, momentum=0.9), 1),
    "sgd, dampened": (o.sgd(0.01, momentum=0.9, dampening=0.5), 1),
    "sgd, nesterov": (o.sgd(0.01, momentum=0.9, nesterov=True), 1),
    "heavy_ball, at rest": (o.heavy_ball(0.01, momentum=0.8), 1),
    "heavy_ball, centred": (o.heavy_ball(0.01, momentum=0.8, start="centred"), 2),
    "nesterov, momentum": (o.nesterov(0.01, momentum=0.8), 1),
    "nesterov, mu": (o.nesterov(0.01, mu=1.0), 1),
    "nesterov, r": (o.nesterov(0.01, r=3.0), 1),
    "nesterov, r, torch": (o.nesterov(0.01, r=4.0, form="torch"), 1),
    # Σ 1/√k = 2√n + ζ(½) + …: where V starts at 0 the sum is no better an integral than this
    "adagrad": (o.adagrad(0.3), 0.5),
    "rmsprop, from 0": (o.rmsprop(0.1, alpha=0.8), 0.5),
    "adagrad, start": (o.adagrad(0.3, initial_accumulator_value=2.0, lr_decay=0.1), 1),
    "rmsprop": (o.rmsprop(0.1, alpha=0.8, initial_scale=1.0), 1),
    "rmsprop, momentum": (o.rmsprop(0.1, alpha=0.8, initial_scale=1.0, momentum=0.7), 1),
    "rmsprop, corrected": (o.rmsprop(0.1, alpha=0.8, bias_correction=True, eps_inside=True), 1),
    "rmsprop, centred": (o.rmsprop(0.1, alpha=0.8, eps=0.5, centered=True, initial_scale=3.0), 1),
    "adadelta": (o.adadelta(1.0, rho=0.5, eps=0.1), 1),
    "adam": (o.adam(0.1, betas=(0.7, 0.8)), 1),
    "adam, root": (o.adam(0.1, betas=(0.7, 0.8), eps_root=0.1), 1),
    "adamw": (o.adamw(0.1, betas=(0.7, 0.8), weight_decay=0.5), 1),
    "nadam": (o.nadam(0.1, betas=(0.7, 0.8), momentum_decay=1.0), 1),
    "nadam, optax": (o.nadam(0.1, betas=(0.7, 0.8), convention="optax"), 1),
    "radam": (o.radam(0.1, betas=(0.7, 0.8)), 1),
    "radam, optax": (o.radam(0.1, betas=(0.7, 0.8), convention="optax"), 1),
    "normalized_gd": (o.normalized_gd(0.1), 1),
    "polyak": (o.polyak(0.1, max_learning_rate=0.5), 1),
    "polyak, norm": (o.polyak(0.1, max_learning_rate=5.0, clip="norm"), 1),
    "newton": (o.newton(0.1), 1),
    "proximal_point": (o.proximal_point(0.1), 1),
    "lookahead": (o.lookahead(o.gradient_descent(0.1), 4, 0.6), 1),
}


def slope(errors, steps):
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


def final(optimizer, count):
    return optimizer.with_step(T / count).run(LOSS, X0, steps=count, save_every=count).x[-1]


@pytest.mark.parametrize("name", ORDERS)
def test_order(name):
    optimizer, order = ORDERS[name]
    flow = fo.integrate(optimizer.limit.on(LOSS), optimizer.limit_start(LOSS, X0), t=(0.0, T),
                        method=TIGHT)
    assert flow.status is fo.Status.REACHED_END, flow.message
    counts = [256, 512, 1024, 2048]
    errors = [np.abs(final(optimizer, n) - flow.x[-1]).max() for n in counts]
    assert errors[-1] > 1e-9
    assert abs(slope(errors, [T / n for n in counts]) - order) < 0.15, errors


@pytest.mark.parametrize("convention", ["torch", "optax"])
def test_amsgrad_is_adam_where_v_grows(convention):
    """There the largest v so far is v (and v/d, to be the largest, must grow as well)."""
    optimizer = o.amsgrad(0.1, betas=(0.7, 0.8), convention=convention)
    adam = o.adam(0.1, betas=(0.7, 0.8))
    x0 = [0.3, 0.1]
    loss = fo.Loss("-exp(x) - exp(2*y)")  # downhill its gradient grows
    exact = fo.integrate(adam.limit.on(loss), adam.limit_start(loss, x0), t=(0.0, 0.4),
                         method=TIGHT).x[-1]
    errors = [np.abs(optimizer.with_step(0.4 / n).run(loss, x0, steps=n).x[-1] - exact).max()
              for n in (200, 400, 800)]
    assert abs(slope(errors, [1 / 200, 1 / 400, 1 / 800]) - 1) < 0.15


@pytest.mark.parametrize("rate, rules", [
    (0.1, {"u": "-b*u"}),  # gradients fall faster than u
    (50.0, None)])  # u = |g| + eps all the time
def test_adamax_follows_the_gradient_or_decays(rate, rules):
    optimizer = o.adamax(0.01, betas=(0.9, 1 - 0.01 * rate))
    used = {k: v for k, v in optimizer.flow.parameters.items() if k in ("a", "eps", "b")}
    base = {"m": "a*(g - m)", "c": "a*(1 - c)"}
    if rules is None:
        del used["b"]
        flow = fo.Flow({"theta": "-m/(c*(abs(g) + eps))", **base}, parameters=used)
        y0 = np.concatenate([X0, np.zeros(4)])
    else:
        del used["eps"]
        flow = fo.Flow({"theta": "-m/(c*u)", **base, **rules}, parameters=used)
        y0 = np.concatenate([X0, np.zeros(4), np.abs(LOSS.grad(X0)) + 1e-8])
    exact = fo.integrate(flow.on(LOSS), y0, t=(0.0, 0.4), method=TIGHT).x[-1]
    counts = (200, 400, 800)
    errors = [np.abs(optimizer.with_step(0.4 / n).run(LOSS, X0, steps=n).x[-1] - exact).max()
              for n in counts]
    assert abs(slope(errors, [1 / n for n in counts]) - 1) < 0.15, errors


def test_running_maximum_has_no_flow():
    with pytest.raises(ValueError, match="running maximum"):
        _ = o.amsgrad().limit


@pytest.mark.parametrize("make", [lambda: o.signum(0.1, momentum=0.7),
                                  lambda: o.lion(0.1, betas=(0.5, 0.7), weight_decay=0.2)],
                         ids=["signum", "lion"])
def test_signs_of_averages(make):
    """A sign turns within a step: the error is a fraction of it; take the mean over starts."""
    optimizer, loss = make(), fo.Loss("x**2/2")
    x0s = np.linspace(0.4, 0.9, 40)[:, None]
    field = optimizer.limit.on(loss)
    exact = fo.ensemble(field, np.hstack([x0s, np.zeros_like(x0s)]), t=(0.0, 1.6), method=TIGHT)
    counts = [100, 200, 400, 800, 1600]
    errors = [np.abs(optimizer.with_step(1.6 / n).ensemble(loss, x0s, steps=n).x - exact.x).mean()
              for n in counts]
    assert abs(slope(errors, [1 / n for n in counts]) - 1) < 0.15, errors


def test_signs_of_gradients():
    """At the minimum, sign descent stays within its step (with the phase ½: half of it)."""
    for m, h in ((10, 0.1), (100, 0.01), (1000, 0.001)):
        x = o.signsgd(h).run("x**2/2", [h * (m + 0.5)], steps=2 * m).x[m + 1:]
        assert np.abs(np.abs(x) - h / 2).max() < 1e-12
