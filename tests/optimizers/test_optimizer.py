"""Optimizers as objects: runs, steps, ensembles, clocks, the way back, and what is refused."""

import re

import numpy as np
import pytest
from optimizers.problems import PROBLEMS

import flowopt as fo
from flowopt.optimizers import table

o = fo.optimizers
ROSENBROCK, X0 = fo.losses.rosenbrock(), [-1.2, 1.0]
ALL = [row.optimizer for row in table.rows()]
NOISY = ("sgld", "annealing", "metropolis")


def seeded(optimizer):
    return {"seed": 3} if optimizer.name in NOISY else {}


@pytest.mark.parametrize("optimizer", ALL, ids=lambda p: p.name)
def test_one_run_many_ways(optimizer):
    """Every step, some steps, step by step, in two parts, and in company: the same bits."""
    seed = seeded(optimizer)
    whole = optimizer.run(ROSENBROCK, X0, steps=50, **seed)
    assert whole.status is fo.Status.REACHED_END and whole.t.tolist() == list(range(51))
    assert whole.stats.n_steps == 50 and whole.x.shape == (51, 2)
    some = optimizer.run(ROSENBROCK, X0, steps=50, save_every=20, **seed)
    assert some.t.tolist() == [0, 20, 40, 50]
    assert np.array_equal(some.y, whole.y[[0, 20, 40, 50]])
    if optimizer.name in NOISY:
        return
    if not optimizer.report:
        y = optimizer.start(ROSENBROCK, X0)
        assert np.array_equal(y, whole.y[0])
        for k in range(3):
            y = optimizer.step(ROSENBROCK, y, k)
            assert np.allclose(y, whole.y[k + 1], rtol=1e-14, atol=1e-14)
        rest = optimizer.run(ROSENBROCK, whole.y[30], steps=20, first=30)
        assert rest.t.tolist() == list(range(30, 51))
        assert np.allclose(rest.x[-1], whole.x[-1], rtol=1e-9)
        many = optimizer.ensemble(ROSENBROCK, [X0, [0.5, 0.5]] * 5, steps=50)
        assert np.array_equal(many.y[0], whole.y[-1]) and many.t.tolist() == [50.0] * 10


@pytest.mark.parametrize("optimizer", ALL, ids=lambda p: p.name)
def test_many_starts_are_single_runs(optimizer):
    """One way for every optimizer, and the same bits, in blocks and in what is left over."""
    x0s = X0 + 0.1 * np.random.default_rng(4).normal(size=(67, 2))
    seeds = {"seeds": np.arange(67)} if optimizer.noisy else {}
    many = optimizer.ensemble(ROSENBROCK, x0s, steps=25, **seeds)
    for i in (0, 31, 66):
        one = {"seed": i} if optimizer.noisy else {}
        run = optimizer.run(ROSENBROCK, x0s[i], steps=25, **one)
        assert np.array_equal(run.y[-1], many.y[i], equal_nan=True)
        assert many.t[i] == run.t[-1] and many.status[i] == run.status


@pytest.mark.parametrize("optimizer", ALL, ids=lambda p: p.name)
def test_another_step_is_the_published_optimizer_with_other_hyper_parameters(optimizer):
    """The same flow at a third of the step: made anew from `hyper`, it takes the same steps."""
    if optimizer.name in ("lookahead", "metropolis", "annealing"):
        return
    other = optimizer.with_step(optimizer.clock.step / 3)
    given = dict(other.hyper)
    if "beta1" in given:
        given["betas"] = (given.pop("beta1"), given.pop("beta2"))
    again = getattr(o, optimizer.name)(**given)
    assert abs(again.clock.step / other.clock.step - 1) < 1e-12
    a, b = (p.run(ROSENBROCK, X0, steps=20, **seeded(optimizer)) for p in (other, again))
    if optimizer.name != "polyak":  # which is chaotic there
        assert np.allclose(a.x, b.x, rtol=1e-9, atol=1e-12)
    whole = other.with_step(optimizer.clock.step)
    for key, value in optimizer.hyper.items():
        back = whole.hyper[key]
        assert back == value if isinstance(value, str) else back == pytest.approx(value, rel=1e-9)


def test_a_step_that_no_hyper_parameters_have():
    """1 - a h < 0: Euler's map of the flow it is, Adam it is not."""
    far = o.adam(0.01, betas=(0.5, 0.9)).with_step(0.1)
    assert far.hyper == {"eps": 1e-8, "h": 0.1} and far.clock.formula == "h"
    assert far.run("x**2", [1.0], steps=3).status is fo.Status.REACHED_END


@pytest.mark.parametrize("optimizer", ALL, ids=lambda p: p.name)
def test_its_field_and_method_are_the_optimizer(optimizer):
    """Flow + method + clock: `integrate` takes the same steps."""
    if optimizer.name in NOISY or optimizer.report:
        return
    run = optimizer.run(ROSENBROCK, X0, steps=40)
    traj = fo.integrate(optimizer.flow.on(ROSENBROCK), optimizer.start(ROSENBROCK, X0),
                        t=(0.0, optimizer.clock.time(40)), method=optimizer.method)
    assert np.array_equal(traj.y, run.y)
    assert np.allclose(optimizer.clock.steps(traj.t), run.t)


@pytest.mark.parametrize("optimizer", ALL, ids=lambda p: p.name)
def test_a_kernel_loss_gives_the_same(optimizer):
    """Within rounding: the two evaluate their gradients in another order."""
    if optimizer.name in NOISY or not optimizer.flow.rules or optimizer.name == "proximal_point":
        return

    def kernel(x, g):
        g[0] = -2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2)
        g[1] = 200 * (x[1] - x[0] ** 2)
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    loss = fo.Loss.from_kernel(kernel, 2, minimum=0.0)
    steps = 5 if optimizer.name == "polyak" else 30  # with lr = 1 it is chaotic there
    ours, theirs = (optimizer.run(L, X0, steps=steps) for L in (ROSENBROCK, loss))
    assert np.allclose(ours.y, theirs.y, rtol=1e-11, atol=1e-13)
    assert theirs.stats.n_rhs == steps  # one gradient for each step


def test_a_step_kernel_gives_the_bits_of_the_phases():
    loss, _, _, x0 = PROBLEMS["network"]
    for optimizer in (o.adam(0.01), o.rmsprop(0.01, momentum=0.5), o.adadelta(), o.lion(0.01),
                      o.lookahead(o.sgd(0.1, momentum=0.5), 3, 0.5)):
        run = optimizer.run(loss, x0, steps=100)
        h = optimizer.method.h
        phases = fo.integrate(optimizer.flow.on(loss), optimizer.start(loss, x0), t=(0, 100 * h),
                              method=optimizer.method, save_at=[50 * h, 100 * h])
        assert np.array_equal(phases.y[-1], run.y[-1])


def test_reductions_in_a_splitting_see_the_new_states():
    flow = fo.Flow({"theta": "-m/(1 + norm(m))", "m": "(g - m)*2"})
    optimizer = o.from_flow(flow, lr=0.1)
    loss, _, grad, x = PROBLEMS["quadratic"]
    path, m = optimizer.run(loss, x, steps=20).x, np.zeros(20)
    for after in path[1:]:
        m = m + 0.1 * 2 * (grad(x) - m)
        x = x - 0.1 * m / (1 + np.sqrt(m @ m))
        assert np.allclose(after, x, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("optimizer", [
    o.adam(0.01), o.rmsprop(0.01, centered=True, momentum=0.5), o.polyak(0.1), o.normalized_gd(0.1),
    o.from_flow(fo.Flow({"theta": "-m/(1 + norm(m) + maxabs(g))", "m": "(g - m)*2"}), lr=0.1)],
    ids=lambda p: p.name)
def test_lanes_of_a_kernel_loss_do_not_see_each_other(optimizer):
    """Alone, among few and among many: the same bits."""
    loss, _, _, x0 = PROBLEMS["network"]
    starts = x0 + 0.1 * np.random.default_rng(1).normal(size=(70, 25))
    many = optimizer.ensemble(loss, starts, steps=60)
    few = optimizer.ensemble(loss, starts[:3], steps=60)
    assert np.array_equal(few.y, many.y[:3])
    for i in (0, 33, 69):
        assert np.array_equal(optimizer.run(loss, starts[i], steps=60).y[-1], many.y[i])


def test_from_flow_and_back():
    ball = o.from_flow(fo.flows.HeavyBall(gamma=2.0), lr=0.04, clock="sqrt(lr)")
    sgd = o.sgd(lr=0.04, momentum=1 - 2.0 * 0.2)
    assert ball.clock.step == sgd.clock.step == 0.2
    assert np.allclose(ball.run("x**2 + y**4", [1.0, 1.0]).x, sgd.run("x**2 + y**4", [1.0, 1.0]).x,
                       rtol=1e-12, atol=1e-14)
    for optimizer in ALL:
        if type(optimizer.method).__name__ not in ("Euler", "SequentialEuler"):
            continue
        back = o.from_flow(optimizer.flow, optimizer.hyper["lr"], initial=dict(optimizer.initial),
                           method=optimizer.method, clock=str(optimizer.clock.step))
        assert np.array_equal(back.run(ROSENBROCK, X0, steps=9).y[:, 2:],
                              optimizer.run(ROSENBROCK, X0, steps=9).y[:, 2:])


def test_a_run_that_diverges_says_in_which_step():
    traj = o.gradient_descent(lr=3.0).run("x**4", [2.0], steps=100)
    assert traj.status is fo.Status.DIVERGED and "in step" in traj.message
    assert np.isfinite(traj.x).all() and len(traj.t) == traj.stats.n_steps + 1
    part = o.gradient_descent(lr=3.0).run("x**4", [2.0], steps=100, save_every=2)
    assert part.status is fo.Status.DIVERGED and np.isfinite(part.x).all()


def test_noise_is_reproducible():
    runs = [o.sgld(0.01, 0.5).run("x**2", [1.0], steps=50, seed=s).x for s in (1, 1, 2)]
    assert np.array_equal(runs[0], runs[1]) and not np.array_equal(runs[0], runs[2])
    many = o.sgld(0.01, 0.5).ensemble("x**2", [[1.0]] * 3, steps=50, seed=1)
    assert np.array_equal(many.x[0], runs[0][-1])


REFUSED = [
    (lambda: o.adam(lr=0.0), ValueError, "lr must be a finite number > 0"),
    (lambda: o.adam(lr="a"), TypeError, "lr must be"),
    (lambda: o.adam(betas=(0.9, 1.0)), ValueError, "betas[1] must be"),
    (lambda: o.adam(betas=0.9), TypeError, "betas must be a pair"),
    (lambda: o.adam(eps=-1.0), ValueError, "eps must be"),
    (lambda: o.adam(weight_decay=-1.0), ValueError, "weight_decay must be"),
    (lambda: o.sgd(momentum=1.0), ValueError, "momentum must be"),
    (lambda: o.sgd(dampening=0.1), ValueError, "dampening has no effect"),
    (lambda: o.sgd(nesterov=True), ValueError, "nesterov has no effect"),
    (lambda: o.sgd(momentum=0.5, dampening=0.1, nesterov=True), ValueError, "dampening must be 0"),
    (lambda: o.nesterov(momentum=0.5, mu=1.0), ValueError, "two schedules"),
    (lambda: o.nesterov(lr=0.5, mu=3.0), ValueError, "mu must be at most 1/lr"),
    (lambda: o.nesterov(form="x"), ValueError, "form must be one of"),
    (lambda: o.polyak(clip="norm", eps=1.0), ValueError, "eps has no effect"),
    (lambda: o.radam(betas=(0.9, 0.5)), ValueError, "betas[1] must be > 0.6"),
    (lambda: o.nadam(convention="optax", momentum_decay=0.1), ValueError, "no effect"),
    (lambda: o.lookahead(o.adadelta()), ValueError, "ends with theta alone"),
    (lambda: o.lookahead(o.newton()), ValueError, "ends with theta alone"),
    (lambda: o.lookahead(o.adam(), slow_step_size=1.5), ValueError, "slow_step_size must be <= 1"),
    (lambda: o.from_flow("g", 0.1), TypeError, "flow must be"),
    (lambda: o.from_flow(fo.flows.SignFlow(), 0.1, groups=[("theta",)]), ValueError, "no states"),
    (lambda: o.from_flow(fo.flows.SignFlow(), 0.1, method=fo.Euler(0.2)), ValueError, "0.1"),
    (lambda: o.from_flow(fo.flows.SignFlow(), 0.1, initial={"v": "1"}), ValueError, "no state"),
    (lambda: o.adam().run("x**2", [1.0], steps=0), ValueError, "steps must be"),
    (lambda: o.adam().run("x**2", [1.0, 2.0]), ValueError, "x0 must have shape"),
    (lambda: o.adam().run("x**2", [1.0], seed=1), ValueError, "seed has no effect"),
    (lambda: o.adam().run("x**2", [1.0], steps=10**12), ValueError, "raise save_every"),
    (lambda: o.adam().step("x**2", [1.0]), ValueError, "y must have shape (5,)"),
    (lambda: o.sgld().step("x**2", [1.0]), ValueError, "use run"),
    (lambda: o.adam().with_step(-1.0), ValueError, "step must be"),
    (lambda: o.adam().ensemble("x**2", [[1.0]], t=(0, 1)), TypeError, "no option t"),
    (lambda: o.nesterov().ensemble("x**2", [[1.0]], reduce=fo.reduce.final("L")), ValueError,
     "reports another point"),
    (lambda: fo.SequentialEuler(0.1, ("m", "theta")), TypeError, "groups must be"),
    (lambda: fo.integrate(fo.flows.HeavyBall().on("x**2"), [1.0], (0, 1),
                          fo.SequentialEuler(0.1, (("theta",),))), ValueError, "exactly once"),
]


@pytest.mark.parametrize("call, kind, words", REFUSED, ids=range(len(REFUSED)))
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=re.escape(words)) as error:
        call()
    assert "\n" not in str(error.value)


def test_l1_is_added_to_the_gradient_and_its_flow_slides():
    loss = fo.Loss("(x - 0.3)**2/2 + (y - 2)**2/2")
    optimizer = o.gradient_descent(lr=0.01, l1=0.5, weight_decay=0.1)
    x = np.array([1.0, 1.0])
    for after in optimizer.run(loss, x, steps=300).x[1:]:
        x = x - 0.01 * (x - [0.3, 2.0] + 0.1 * x + 0.5 * np.sign(x))
        assert np.allclose(after, x, rtol=1e-13, atol=1e-14)
    flow = fo.integrate(optimizer.limit.on(loss), [1.0, 1.0], t=(0.0, 30.0))
    # the minimum of L + weight_decay/2 |x|² + l1 |x|₁: x is 0, exactly
    assert abs(flow.x[-1, 0]) < 1e-15 and abs(flow.x[-1, 1] - 1.5 / 1.1) < 1e-9
    assert flow.events.kind[0] == "slide"
