"""The limits of the rest of the dictionary: other forms, signs, noise, and jumps."""

from dataclasses import replace

import numpy as np
import pytest
from optimizers.test_limits import LOSS, TIGHT, X0, T, final, slope
from scipy import stats

import flowopt as fo
from flowopt.optimizers import table

o = fo.optimizers
ORDERS = {
    "sgd, all": (o.sgd(0.01, momentum=0.9, dampening=0.3, weight_decay=0.2), 1),
    "heavy_ball, L2": (o.heavy_ball(0.01, momentum=0.8, weight_decay=0.2), 1),
    "adagrad, inside": (o.adagrad(0.3, eps=1e-3, initial_accumulator_value=2.0,
                                  eps_inside=True), 1),
    "rmsprop, inside": (o.rmsprop(0.1, alpha=0.8, initial_scale=1.0, eps_inside=True), 1),
    "rmsprop, all": (o.rmsprop(0.1, alpha=0.8, eps=0.5, centered=True, initial_scale=3.0,
                               momentum=0.7, weight_decay=0.1), 1),
    "adam, L2": (o.adam(0.1, betas=(0.7, 0.8), weight_decay=0.3), 1),
    "nadam, decay": (o.nadam(0.1, betas=(0.7, 0.8)).with_decay(0.3), 1),
    "polyak, plus": (o.polyak(0.1, max_learning_rate=5.0, eps=1.0, variant="sps+"), 1),
    "lookahead, 1": (o.lookahead(o.gradient_descent(0.1), 1, 0.3), 1),
    "cosine": (o.scheduled(o.sgd(0.01, momentum=0.9), o.schedules.cosine(12, 0.1)), 1),
    "steps": (o.scheduled(o.gradient_descent(0.1), o.schedules.steps(0.5, [3])), 1),
}


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


def test_signs_settle_within_their_step():
    """Sliding, where the flow is at rest: the mean distance over starts is half a step."""
    loss, x0s = fo.Loss("x**2/2"), np.linspace(0.3, 0.7, 173)[:, None]
    flow = fo.integrate(o.signsgd(0.1).limit.on(loss), x0s[-1], t=(0.0, 1.0))
    assert flow.x[-1, 0] == 0.0
    counts = [100, 200, 400, 800]
    errors = [np.abs(o.signsgd(1.0 / n).ensemble(loss, x0s, steps=n).x).mean() for n in counts]
    assert abs(slope(errors, [1 / n for n in counts]) - 1) < 0.15, errors


@pytest.mark.parametrize("optimizer", [o.sgld(0.1, 0.3), o.annealing(0.1, "0.4/log(t + 2)")],
                         ids=lambda p: p.name)
def test_noise_along_one_brownian_path(optimizer):
    """Strong order 1, over 200 paths, against SRA1 on the finest step."""
    fine, starts = T / 2048, [X0] * 200
    field = optimizer.flow.on(LOSS)
    exact = fo.ensemble(field, starts, (0.0, T), fo.SRA1(
        fine, optimizer.method.temperature, path_step=fine), seed=3).x
    counts, errors = [64, 128, 256], []
    for n in counts:
        method = replace(optimizer.with_step(T / n).method, path_step=fine)
        x = fo.ensemble(field, starts, (0.0, T), method, seed=3).x
        errors.append(np.sqrt(((x - exact)**2).mean()))
    assert abs(slope(errors, [T / n for n in counts]) - 1) < 0.15, errors


def test_the_jump_process_is_the_chain_at_random_steps():
    """Uniformisation: its law at t is that of the chain after Poisson(rate t) steps."""
    loss, optimizer = fo.Loss("(x**2 - 1)**2"), o.metropolis(0.5, 0.4, rate=3.0)
    starts = [[1.5]] * 40_000
    jumps = optimizer.flow.simulate(loss, starts, (0.0, 2.0), seed=1)
    assert abs(jumps.steps.mean() - 6.0) < 0.06 and abs(jumps.steps.var() - 6.0) < 0.2
    k = stats.poisson(6.0).rvs(40_000, random_state=2)
    mixed = np.concatenate([optimizer.ensemble(loss, [[1.5]] * int((k == j).sum()), steps=int(j),
                                               seed=10 + int(j)).x[:, 0]
                            for j in np.unique(k[k > 0])] + [np.full((k == 0).sum(), 1.5)])
    assert stats.ks_2samp(jumps.x[:, 0], mixed).pvalue > 0.01


def test_each_of_the_dictionary_has_a_limit_or_says_why():
    """Those without one are tested by what they are close to (tests/optimizers/test_limits.py)."""
    for row in table.rows():
        optimizer = row.optimizer
        if optimizer.name in ("amsgrad", "adamax", "metropolis"):
            with pytest.raises(ValueError, match="ordinary differential equation"):
                _ = optimizer.limit
        else:
            assert "h" not in optimizer.limit.parameters or \
                optimizer.limit.parameters["h"] == 0.0
