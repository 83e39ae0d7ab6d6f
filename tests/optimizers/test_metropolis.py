"""Metropolis' jumps: against NumPy, the Gibbs law, detailed balance, and cooling."""

import re

import numpy as np
import pytest
import twins_composition as twins
from optimizers.problems import PROBLEMS
from scipy import integrate, stats

import flowopt as fo

o = fo.optimizers
DOUBLE = fo.Loss("(x**2 - 1)**2 + 0.3*x")


def value(x):
    return (x[0]**2 - 1)**2 + 0.3 * x[0]


def test_steps_are_the_twin():
    path = twins.metropolis_path(value, [0.5], 300, 0.7, lambda k: 0.4, seed=2**50 + 3)
    run = o.metropolis(sigma=0.7, temperature=0.4).run(DOUBLE, [0.5], 300, seed=2**50 + 3)
    assert np.abs(run.x - path).max() < 1e-13
    cooled = o.metropolis(0.5, 3.0, rate=2.0, cooling=o.schedules.exponential(0.99))
    path = twins.metropolis_path(lambda x: (1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2, [-1.0, 1.0],
                                 300, 0.5, lambda k: 3.0 * 0.99**k, seed=1)
    run = cooled.run(fo.losses.rosenbrock(), [-1.0, 1.0], 300, seed=1)
    assert np.abs(run.x - path).max() < 1e-13
    assert cooled.clock.time(300) == 150.0


def test_random_times_are_the_twin():
    process = o.metropolis(sigma=0.7, temperature="1/(1 + t)", rate=3.0).flow
    times = np.linspace(0.0, 20.0, 41)
    saved, end, jumps = twins.jump_path(value, [0.5], 20.0, 0.7, lambda t: 1 / (1 + t), 3.0, times,
                                        seed=9)
    ens = process.simulate(DOUBLE, [[0.5]], (0.0, 20.0), save_at=times, seed=9)
    assert np.abs(ens.saved[0] - saved).max() < 1e-12 and ens.steps[0] == jumps
    assert np.abs(ens.x[0] - end).max() < 1e-12


@pytest.mark.parametrize("problem", ["rosenbrock", "network"])
def test_alone_and_in_company(problem):
    loss, _, _, x0 = PROBLEMS[problem]
    optimizer = o.metropolis(0.05, 0.1)
    x0s = x0 + 0.1 * np.random.default_rng(0).normal(size=(70, len(x0)))
    seeds = np.arange(70) + 2**33
    ens = optimizer.ensemble(loss, x0s, steps=50, seeds=seeds)
    assert np.array_equal(ens.x, optimizer.ensemble(loss, x0s, 50, seeds=seeds, threads=1).x)
    process = optimizer.flow.simulate(loss, x0s, (0.0, 50.0), seeds=seeds)
    for i in (0, 33, 69):
        run = optimizer.run(loss, x0s[i], steps=50, seed=int(seeds[i]))
        assert np.array_equal(run.x[-1], ens.x[i])
        some = optimizer.run(loss, x0s[i], steps=50, seed=int(seeds[i]), save_every=20)
        assert some.t.tolist() == [0, 20, 40, 50] and np.array_equal(some.x[-1], ens.x[i])
        one = optimizer.flow.simulate(loss, x0s[i:i + 1], (0.0, 50.0), seed=int(seeds[i]))
        assert np.array_equal(one.x[0], process.x[i]) and one.steps[0] == process.steps[i]
    same = optimizer.ensemble(loss, [x0] * 70, steps=50, seed=1)
    assert np.array_equal(same.x[:9], optimizer.ensemble(loss, [x0] * 9, 50, seed=1).x)
    assert len(np.unique(same.x[:, 0])) > 50
    accepted = (np.diff(optimizer.run(loss, x0, 50, seed=1).x[:, 0]) != 0).sum()
    assert accepted == same.reduced["accepted"][0]


def gibbs(T):
    """The distribution function of exp(-L/T) on a grid."""
    grid = np.linspace(-3.0, 3.0, 6001)
    density = np.exp(-((grid**2 - 1)**2 + 0.3 * grid) / T)
    total = integrate.cumulative_simpson(density, x=grid, initial=0.0)
    return grid, total / total[-1]


def drawn(T, count, seed):
    grid, law = gibbs(T)
    return np.interp(np.random.default_rng(seed).random(count), law, grid)


@pytest.mark.parametrize("random", [False, True], ids=["steps", "jumps"])
@pytest.mark.parametrize("T", [0.25, 1.0])
def test_the_gibbs_law(T, random):
    """From one point to the law, over 20 000 runs: Kolmogorov and Smirnov's test."""
    optimizer = o.metropolis(sigma=1.0, temperature=T)
    starts = np.full((20_000, 1), 1.0)
    ens = optimizer.flow.simulate(DOUBLE, starts, (0.0, 400.0), seed=11) if random else \
        optimizer.ensemble(DOUBLE, starts, steps=400, seed=11)
    grid, law = gibbs(T)
    assert stats.kstest(ens.x[:, 0], lambda x: np.interp(x, grid, law)).pvalue > 0.01


@pytest.mark.parametrize("random", [False, True], ids=["steps", "jumps"])
def test_detailed_balance(random):
    """In equilibrium as many runs go from i to j as from j to i."""
    T, count = 0.5, 200_000
    x0 = drawn(T, count, 3)
    optimizer = o.metropolis(sigma=0.8, temperature=T)
    x1 = (optimizer.flow.simulate(DOUBLE, x0[:, None], (0.0, 1.5), seed=4) if random else
          optimizer.ensemble(DOUBLE, x0[:, None], steps=1, seed=4)).x[:, 0]
    edges = np.array([-1.1, -0.7, 0.0, 0.8, 1.1])
    flow = np.zeros((6, 6))
    np.add.at(flow, (np.digitize(x0, edges), np.digitize(x1, edges)), 1)
    one, two = flow[np.triu_indices(6, 1)], flow.T[np.triu_indices(6, 1)]
    some = one + two > 20
    chi = ((one - two)[some]**2 / (one + two)[some]).sum()
    assert some.sum() > 8 and stats.chi2.sf(chi, some.sum()) > 0.01


def test_cold_runs_never_climb():
    x = o.metropolis(0.3, 0.0).run(DOUBLE, [2.0], steps=500, seed=1).loss
    assert (np.diff(x) <= 0).all() and x[-1] < 0.3


def test_cooling_finds_the_lower_well():
    """From the upper well, slow cooling ends in the lower one more often than fast cooling."""
    ends = []
    for steps in (100, 10_000):
        cooling = o.schedules.exponential(1e-3, every=steps)
        optimizer = o.metropolis(0.4, 2.0, cooling=cooling)
        ens = optimizer.ensemble(DOUBLE, [[1.0]] * 2000, steps, seed=2)
        ends.append((ens.x < 0).mean())
    assert ends[1] > 0.9 and ends[1] > ends[0] + 0.1
    annealed = o.metropolis(0.4, "0.8/log(t + 2)").ensemble(DOUBLE, [[1.0]] * 500, 5000, seed=2)
    assert (annealed.x < 0).mean() > 0.7


def test_it_is_an_optimizer():
    opt = o.metropolis(0.5, 1.0, rate=4.0)
    assert isinstance(opt, o.Optimizer) and opt.clock.step == 0.25 and opt.noisy
    assert opt.with_step(0.5).flow.rate == 2.0
    best = o.best_of(opt, DOUBLE, [[1.0]] * 20, steps=200, seed=3)
    assert best.loss <= DOUBLE.value(best.runs.x).min()
    run = opt.run(DOUBLE, [1.0], steps=100, seed=3)
    assert "proposals were accepted" in run.message and run.names == ("x",)


REFUSED = [
    (lambda: o.metropolis(sigma=0.0), ValueError, "sigma must be"),
    (lambda: o.metropolis(temperature=-1.0), ValueError, "temperature must be"),
    (lambda: o.metropolis(rate=0.0), ValueError, "rate must be"),
    (lambda: o.metropolis(cooling=0.9), TypeError, "cooling must be a Schedule"),
    (lambda: o.metropolis(temperature=None), TypeError, "temperature must be"),
    (lambda: o.metropolis(temperature="1 - t").run("x**2", [1.0], 5), ValueError,
     "temperature must be finite and >= 0"),
    (lambda: o.metropolis(temperature="q").run("x**2", [1.0], 5), ValueError, "holds q"),
    (lambda: o.metropolis().run("log(x)", [-1.0], 5), ValueError, "where the loss is finite"),
    (lambda: o.metropolis().run("x**2", [1.0], first=4), ValueError, "first must be 0"),
    (lambda: o.metropolis().run("x**2", [1.0], stop=o.Stall()), ValueError, "stop has no effect"),
    (lambda: o.metropolis().run("x**2", [1.0, 2.0]), ValueError, "x0 must have shape"),
    (lambda: o.metropolis().ensemble("x**2", [[1.0]], reduce=1), TypeError, "no option reduce"),
    (lambda: o.metropolis().limit, ValueError, "no ordinary differential equation"),
    (lambda: o.metropolis().flow.on("x**2"), ValueError, "opt.flow.simulate"),
    (lambda: o.metropolis().flow.simulate("x**2", [[1.0]], (1.0, 0.0)), ValueError, "forwards"),
    (lambda: fo.integrate(fo.flows.GradientFlow().on("x**2"), [1.0], (0, 1),
                          o.metropolis().method), ValueError, "discretises no vector field"),
    (lambda: fo.ensemble(fo.flows.GradientFlow().on("x**2"), [[1.0]], (0, 1),
                         o.metropolis().method, seed=1), ValueError, "discretises no vector"),
    (lambda: o.metropolis().with_l1(0.1), ValueError, "whose rule is text"),
    (lambda: o.switch(o.metropolis(), o.adam(), at=3), ValueError, "a flow of its own"),
]


@pytest.mark.parametrize("call, kind, words", REFUSED, ids=range(len(REFUSED)))
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=re.escape(words)) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["batches", "dropout"])
def test_losses_that_change_are_refused(kind):
    data = {"X": [[0.0], [1.0], [2.0]], "y": [0.0, 1.0, 0.0]}
    loss = fo.losses.least_squares(**data).batches(2, seed=1) if kind == "batches" else \
        fo.losses.network([1, 2, 1], **data, dropout=0.5)
    x, opt = loss.initial(seed=0), o.metropolis()
    for call in (lambda: opt.run(loss, x), lambda: opt.ensemble(loss, [x]),
                 lambda: opt.flow.simulate(loss, [x], t=(0.0, 1.0))):
        with pytest.raises(ValueError, match="changes from step to step; give the loss without"):
            call()
