"""Stopping, switching, and the best of many starts."""

import re

import numpy as np
import pytest
import twins_composition as twins
from optimizers.problems import PROBLEMS

import flowopt as fo

o = fo.optimizers
ROSENBROCK, X0 = fo.losses.rosenbrock(), [-1.2, 1.0]
FAST = {"adam": o.adam(0.05), "sgd": o.sgd(1e-3, momentum=0.9), "nesterov": o.nesterov(1e-3),
        "averaged": o.gradient_descent(1e-3).with_average(o.TailAverage(9)),
        "newton": o.newton(0.3), "noisy": o.adam(0.02).with_noise(0.1), "sgld": o.sgld(1e-4, 0.01)}


def validation(x):
    return float(min(abs(x[0] - 0.2), 1e9)**2)


RULES = {"stall": o.Stall(patience=3, every=10, least=0.05),
         "relative": o.Stall(patience=2, every=7, relative=0.1),
         "early": o.EarlyStopping(patience=4, every=5, on=validation),
         "other loss": o.EarlyStopping(patience=4, every=5, on=fo.Loss("(x1 - 0.2)**2",
                                                                         ["x1", "x2"])),
         "restored": o.EarlyStopping(patience=4, every=5, on=validation, restore=True)}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", FAST)
def test_a_run_ends_where_its_rule_says(name, rule):
    """The same as looking at the path of the whole run."""
    optimizer, stop = FAST[name], RULES[rule]
    seed = {"seed": 3} if optimizer.noisy else {}
    whole = optimizer.run(ROSENBROCK, X0, steps=400, **seed)
    looked = whole.x[stop.every::stop.every]
    values = [validation(x) for x in looked] if stop.on is not None else ROSENBROCK.value(looked)
    end, best = twins.stopped(values, stop.patience, stop.least, stop.relative)
    last = stop.every * (1 + (best if stop.keeps_best else (len(looked) if end is None else end)))
    last = min(last, 400)
    run = optimizer.run(ROSENBROCK, X0, steps=400, stop=stop, **seed)
    assert run.status is (fo.Status.REACHED_END if end is None else fo.Status.EVENT)
    assert ("no progress" in run.message) == (end is not None)
    assert run.t[-1] == last and np.array_equal(run.x, whole.x[:last + 1])
    some = optimizer.run(ROSENBROCK, X0, steps=400, stop=stop, save_every=33, **seed)
    assert np.array_equal(some.y[-1], run.y[-1]) and some.t[-1] == last
    assert np.array_equal(some.x[:-1], whole.x[some.t[:-1].astype(int)])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", FAST)
def test_many_runs_end_each_by_itself(name, rule):
    optimizer, stop = FAST[name], RULES[rule]
    x0s = X0 + np.random.default_rng(1).normal(size=(90, 2))
    seeds = {"seeds": np.arange(90) + 5} if optimizer.noisy else {}
    ens = optimizer.ensemble(ROSENBROCK, x0s, steps=200, stop=stop, **seeds)
    for i in (0, 1, 44, 89):
        one = {"seed": i + 5} if optimizer.noisy else {}
        run = optimizer.run(ROSENBROCK, x0s[i], steps=200, stop=stop, **one)
        assert np.array_equal(run.y[-1], ens.y[i], equal_nan=True)
        assert ens.t[i] == run.t[-1] and ens.status[i] == run.status
    assert len(set(ens.steps.tolist())) > 1 or name == "newton"


def test_a_network_stops_in_company_as_alone():
    loss, _, _, x0 = PROBLEMS["network"]
    x0s = x0 + 0.1 * np.random.default_rng(0).normal(size=(20, 25))
    stop = o.Stall(patience=2, every=20, relative=0.2)
    ens = o.adam(0.01).ensemble(loss, x0s, steps=600, stop=stop)
    run = o.adam(0.01).run(loss, x0s[7], steps=600, stop=stop)
    assert np.array_equal(run.y[-1], ens.y[7]) and run.status is fo.Status.EVENT


def test_runs_that_diverge_in_company():
    ens = o.gradient_descent(0.3).ensemble("x**4", [[2.0], [0.5]] * 10, steps=50,
                                           stop=o.Stall(patience=5, every=5))
    assert ens.status.tolist()[:2] == [fo.Status.DIVERGED, fo.Status.REACHED_END]
    assert np.isnan(ens.x[0, 0]) and ens.steps[0] < 10 and np.isfinite(ens.x[1, 0])


# ------------------------------------------------------------------------------------ switches
def test_a_switch_at_a_step_is_the_two_one_after_the_other():
    adam, sgd = o.adam(0.05), o.sgd(1e-3, momentum=0.9)
    both = o.switch(adam, sgd, at=70)
    run = both.run(ROSENBROCK, X0, steps=300)
    first = adam.run(ROSENBROCK, X0, steps=70)
    second = sgd.run(ROSENBROCK, first.x[-1], steps=230)
    assert np.array_equal(run.x, np.vstack([first.x, second.x[1:]]))
    assert run.t.tolist() == list(range(301)) and run.events.t.tolist() == [70.0]
    assert np.allclose(run.loss, ROSENBROCK.value(run.x))
    assert run.stats.n_steps == 300 and "switch" in run.message
    short = both.run(ROSENBROCK, X0, steps=50)
    assert np.array_equal(short.x, first.x[:51]) and len(short.events) == 0
    some = both.run(ROSENBROCK, X0, steps=300, save_every=100)
    assert np.array_equal(some.x[-1], run.x[-1])


SWITCHES = {
    "at": o.switch(o.adam(0.05), o.sgd(1e-3, momentum=0.9), at=45),
    "stalls": o.switch(o.adam(0.05), o.sgd(1e-3, momentum=0.9),
                       stalls=o.Stall(patience=3, every=10, relative=0.2)),
    "averaged": o.switch(o.gradient_descent(1e-3).with_average(o.TailAverage(9)), o.nesterov(1e-3),
                         at=45),
    "noisy": o.switch(o.sgld(1e-4, 0.1), o.gradient_descent(1e-3).with_noise(0.1),
                      stalls=o.Stall(patience=2, every=15)),
    "decayed": o.switch(o.adam(0.05), o.sgd(1e-3), at=30).with_decay(0.1).with_l1(0.1, True)}


@pytest.mark.parametrize("stop", [None, o.Stall(patience=5, every=6, relative=0.05)],
                         ids=["whole", "stopped"])
@pytest.mark.parametrize("name", SWITCHES)
def test_switches_in_company_as_alone(name, stop):
    optimizer = SWITCHES[name]
    x0s = X0 + 0.5 * np.random.default_rng(1).normal(size=(70, 2))
    seeds = {"seeds": np.arange(70) + 2**35} if optimizer.noisy else {}
    ens = optimizer.ensemble(ROSENBROCK, x0s, steps=160, stop=stop, **seeds)
    for i in (0, 3, 69):
        one = {"seed": i + 2**35} if optimizer.noisy else {}
        run = optimizer.run(ROSENBROCK, x0s[i], steps=160, stop=stop, **one)
        assert np.array_equal(run.x[-1], ens.x[i], equal_nan=True)
        assert run.t[-1] == ens.t[i] and run.status == ens.status[i], (i, run.message)


def test_one_seed_for_all_runs_of_a_switch():
    optimizer = SWITCHES["noisy"]
    many = optimizer.ensemble(ROSENBROCK, [X0] * 40, steps=100, seed=6)
    few = optimizer.ensemble(ROSENBROCK, [X0] * 9, steps=100, seed=6, threads=1)
    assert np.array_equal(many.x[:9], few.x) and len(np.unique(many.x[:, 0])) == 40
    assert np.array_equal(optimizer.run(ROSENBROCK, X0, steps=100, seed=6).x[-1], many.x[0])


def test_the_second_part_draws_other_numbers():
    noisy = o.gradient_descent(1.0).with_noise(1.0, 0.0)
    flat = fo.Loss("0*x + y*0 + 0.0", ["x", "y"])
    x = o.switch(noisy, noisy, at=50).run(flat, [0.0, 0.0], steps=100, seed=1).x
    one, two = np.diff(x[:51], axis=0).ravel(), np.diff(x[50:], axis=0).ravel()
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.3


def test_adam_then_sgd_helps_where_it_is_known_to():
    """Adam's steps of constant size do not settle; gradient descent after it does."""
    loss = fo.Loss("x**2/2 + 10*y**2")
    adam, both = o.adam(0.3, eps=0.0), o.switch(o.adam(0.3, eps=0.0), o.gradient_descent(0.05),
                                                at=100)
    ends = [p.run(loss, [3.0, 2.0], steps=500).loss[-1] for p in (adam, both)]
    assert ends[1] < 1e-12 and np.isfinite(ends[0])


# ------------------------------------------------------------------------------------ many starts
def test_the_best_of_many_starts():
    loss = fo.losses.two_minima()
    descent = o.gradient_descent(0.01)
    starts = [[4.0], [2.5], [0.0], [1e6]]
    best = o.best_of(descent, loss, starts, steps=2000)
    assert best.which == 2 and abs(best.x[0] - 0.4069296692) < 1e-8
    assert best.loss == loss.value(best.x) and best.runs.status[3] == fo.Status.DIVERGED
    box = o.best_of(descent, loss, 30, steps=2000, box=[(-1.0, 4.0)], seed=5)
    again = o.best_of(descent, loss, 30, steps=2000, box=[(-1.0, 4.0)], seed=5)
    assert np.array_equal(box.x0s, again.x0s) and box.which == again.which
    assert abs(box.x[0] - 0.4069296692) < 1e-8
    none = o.best_of(o.gradient_descent(1.0), "x**4", [[9.0], [8.0]], steps=30)
    assert none.which == -1 and none.loss == np.inf and np.isnan(none.x).all()
    switched = o.best_of(o.switch(o.adam(0.1), descent, at=50), loss, starts[:3], steps=500,
                         stop=o.Stall(patience=20))
    assert switched.which == 2


def test_random_starts():
    x = o.random_starts(20_000, [(-1.0, 3.0), (0.0, 1e-3)], seed=7)
    assert ((x > [-1, 0]) & (x < [3, 1e-3])).all()
    scaled = (x - [-1, 0]) / [4, 1e-3]
    for i in range(2):
        assert np.abs(np.sort(scaled[:, i]) - np.arange(1, 20_001) / 20_001).max() < 0.015
    assert abs(np.corrcoef(x.T)[0, 1]) < 0.03
    words = [twins.uniform(twins.COIN + 2 + i, 0, 11, 7) for i in range(2)]
    with_lane = o.random_starts(12, [(0.0, 1.0)] * 2, seed=7)[11]
    import reference

    exact = [reference.polar(reference.philox((twins.COIN + 2 + i, 0, 11, 0), (7, 0)))[0]
             for i in range(2)]
    assert np.array_equal(with_lane, exact) and words == exact


REFUSED = [
    (lambda: o.Stall(patience=0), ValueError, "patience must be"),
    (lambda: o.Stall(every=1.5), TypeError, "every must be"),
    (lambda: o.Stall(least=-1.0), ValueError, "least must be"),
    (lambda: o.Stall(on=3), TypeError, "on must be a Loss"),
    (lambda: o.EarlyStopping(restore=1), TypeError, "restore must be"),
    (lambda: o.adam().run("x**2", [1.0], stop=5), TypeError, "stop must be a Stall"),
    (lambda: o.adam().run("x**2", [1.0], stop=o.Stall(on=fo.Loss("x + y"))), ValueError,
     "stop.on must be a loss of 1"),
    (lambda: o.adam().run("x**2", [1.0], stop=o.Stall(on=lambda x: "a")), ValueError,
     "on must give a number"),
    (lambda: o.adam().ensemble("x**2", [[1.0]], stop=o.Stall(), reduce=fo.reduce.minimum("L")),
     ValueError, "reduce cannot be given together with stop"),
    (lambda: o.switch(o.adam(), "sgd", at=3), TypeError, "two must be an Optimizer"),
    (lambda: o.switch(o.adam(), o.sgd()), ValueError, "one of at"),
    (lambda: o.switch(o.adam(), o.sgd(), at=0), ValueError, "at must be"),
    (lambda: o.switch(o.adam(), o.sgd(), stalls=3), TypeError, "stalls must be a Stall"),
    (lambda: o.switch(o.switch(o.adam(), o.sgd(), at=3), o.sgd(), at=3), ValueError,
     "a flow of its own"),
    (lambda: o.switch(o.adam(), o.sgd(), at=3).flow, ValueError, "opt.parts[0].flow"),
    (lambda: o.switch(o.adam(), o.sgd(momentum=0.9), at=3).clock, ValueError, "no single clock"),
    (lambda: o.switch(o.adam(), o.sgd(), at=3).with_noise(), ValueError, "apply it to the parts"),
    (lambda: o.switch(o.adam(), o.sgd(), at=3).run("x**2", [1.0], first=3), ValueError, "first"),
    (lambda: o.switch(o.adam(), o.sgd(), at=3).run("x**2", [1.0], seed=3), ValueError,
     "seed has no effect"),
    (lambda: o.scheduled(o.switch(o.adam(), o.sgd(), at=3), o.schedules.warm_up(3)), ValueError,
     "opt.parts[0].flow"),
    (lambda: o.best_of("adam", "x**2", [[1.0]]), TypeError, "optimizer must be"),
    (lambda: o.best_of(o.adam(), 3, [[1.0]]), TypeError, "loss must be"),
    (lambda: o.best_of(o.adam(), "x**2", 3), ValueError, "box must be given"),
    (lambda: o.best_of(o.adam(), "x**2", 0, box=[(0, 1)]), ValueError, "starts must be"),
    (lambda: o.adam().run("x**2", [1.0], 5, first=2**62), ValueError, "first must be"),
    (lambda: o.best_of(o.adam(), "x**2", 3, box=[(0, 1)] * 2), ValueError, "box must have 1 rows"),
    (lambda: o.best_of(o.adam(), "x**2", 3, box=[(1, 0)]), ValueError, "low < high"),
    (lambda: o.best_of(o.adam(), "x**2", [[1.0]], box=[(0, 1)]), ValueError, "box has no effect"),
    (lambda: o.best_of(o.adam(), "x**2", [[1.0]], seed=1), ValueError, "seed has no effect"),
    (lambda: o.random_starts(0, [(0, 1)], seed=1), ValueError, "count must be"),
]


@pytest.mark.parametrize("call, kind, words", REFUSED, ids=range(len(REFUSED)))
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=re.escape(words)) as error:
        call()
    assert "\n" not in str(error.value)


def test_the_sentence_counts_the_steps_before():
    rule = o.EarlyStopping(patience=2, every=5, on=lambda x: (x[0] - 0.5)**2, restore=True)
    run = o.gradient_descent(0.1).run("x**2", [0.1], 50, first=100, stop=rule)
    assert run.t[-1] == 105.0 and run.note.endswith("in step 105.")


@pytest.mark.parametrize("steps", [20, 21])
def test_progress_that_stalls_in_the_last_step_ends_nothing(steps):
    """One run and many say the same."""
    optimizer = o.switch(o.gradient_descent(0.1), o.adam(0.1),
                         stalls=o.Stall(patience=1, every=10, on=lambda x: 1.0))
    run = optimizer.run("x**2", [1.0], steps)
    many = optimizer.ensemble("x**2", [[1.0]], steps)
    assert run.status is fo.Status.REACHED_END and run.t[-1] == steps
    assert many.status[0] == run.status and many.x[0] == run.x[-1]
    assert run.note == ("" if steps == 20 else "The switch was after step 20.")


def test_a_watched_loss_that_is_never_finite():
    rule = o.EarlyStopping(patience=3, every=1, on=lambda x: np.nan, restore=True)
    run = o.gradient_descent(0.1).run("x**2", [1.0], 50, stop=rule)
    assert run.t[-1] == 3.0
    assert run.note.endswith("the loss that is watched was below infinity at no look, of 3 in a "
                             "row.")


def test_batches_and_dropout_go_on_after_a_switch():
    """From gradient descent to itself is gradient descent, in one run and in many."""
    x = np.linspace(-1.0, 1.0, 30)
    loss = fo.losses.network([1, 5, 1], "tanh", X=x, y=x**3, dropout=0.8).batches(7, seed=3)
    start, gd = loss.initial(seed=1), o.gradient_descent(lr=0.1)
    plain = gd.run(loss, start, steps=40)
    switched = o.switch(gd, gd, at=13).run(loss, start, steps=40)
    assert np.abs(switched.x - plain.x).max() < 1e-15
    stalls = o.switch(gd, gd, stalls=o.Stall(patience=2, every=3, relative=0.05))
    starts = np.array([loss.initial(seed=k) for k in range(6)])
    many = stalls.ensemble(loss, starts, steps=40)
    for k, x0 in enumerate(starts):
        assert (stalls.run(loss, x0, steps=40).x[-1] == many.x[k]).all()
    later = loss.with_parameters(first=13)
    assert (later.grad(start, k=2) == loss.grad(start, k=15)).all()
    with pytest.raises(ValueError, match="first must be"):
        loss.with_parameters(first=-1)
