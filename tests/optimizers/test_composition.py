"""Penalties, noise, kicks and averages: each optimizer composed, step by step against NumPy."""

import re

import numpy as np
import pytest
import reference
import twins_composition as twins
from optimizers.cases import CASES
from optimizers.problems import PROBLEMS, deviation

import flowopt as fo
from flowopt.optimizers import table

o = fo.optimizers
BOUND = 1e-12
STEPS = 300
#: every optimizer that acts coordinate by coordinate; the twin of heavy_ball is that of sgd
NAMES = [name for name in CASES if name not in ("signsgd", "signum", "lion")]
ROSENBROCK, X0 = fo.losses.rosenbrock(), [-1.2, 1.0]
ALL = [row.optimizer for row in table.rows()]
TEXT = [p for p in ALL if p.flow.rules and p.name not in ("sgld", "annealing", "proximal_point")]


def both(name, compose, problem="rosenbrock", steps=STEPS, seed=None, **composition):
    """The deviation of our path from that of the twin."""
    make, twin, options, settings = CASES[name]
    hyper = settings[0]
    loss, _, grad, x0 = PROBLEMS[problem]
    path = twins.composed_path(getattr(reference, twin), x0, grad, steps, seed=seed or 0,
                               **{**options, **hyper, **composition})
    run = compose(make(**hyper)).run(loss, x0, steps=steps,
                                     **({} if seed is None else {"seed": seed}))
    return deviation(run.x, path)


@pytest.mark.parametrize("name", NAMES)
def test_coupled_penalties(name):
    steps = 100 if name == "heavy_ball" else STEPS  # it is written in another way
    assert both(name, lambda p: p.with_l2(0.3).with_l1(0.2), steps=steps, l2=0.3, l1=0.2) < BOUND


@pytest.mark.parametrize("name", NAMES)
def test_decoupled_decay_and_proximal_steps(name):
    steps = 150 if name == "adadelta" else STEPS  # then its coordinates change sign for ever
    assert both(name, lambda p: p.with_decay(0.4), steps=steps, decay=0.4) < BOUND
    for problem in ("rosenbrock", "network"):
        assert both(name, lambda p: p.with_l1(0.3, proximal=True), problem, proximal=0.3) < BOUND


@pytest.mark.parametrize("name", NAMES)
def test_noise_and_kicks(name):
    assert both(name, lambda p: p.with_noise(0.01, 0.55), seed=3, steps=100,
                noise=(0.01, 0.55, 0)) < BOUND
    assert both(name, lambda p: p.with_kicks(0.01, every=7).with_noise(1e-4, 0.0), seed=2**40 + 1,
                steps=100, kick=(0.01, 7, 1.0, 0), noise=(1e-4, 0.0, 1)) < 1e-11


def test_everything_at_once():
    def compose(p):
        p = p.with_l2(0.1).with_l1(0.05, proximal=True).with_decay(0.2).with_noise(0.01, 0.5)
        return p.with_kicks(0.01, probability=0.2)

    assert both("adam", compose, "network", steps=100, seed=9, l2=0.1, proximal=0.05, decay=0.2,
                noise=(0.01, 0.5, 0), kick=(0.01, 1, 0.2, 1)) < 1e-11


def test_the_penalty_has_the_same_options_as_the_optimizer():
    for make in (o.adam, o.rmsprop, o.nadam, o.radam, o.adamax, o.amsgrad):
        one, two = make(lr=0.01, weight_decay=0.3), make(lr=0.01).with_l2(0.3)
        assert np.array_equal(one.run(ROSENBROCK, X0, 50).x, two.run(ROSENBROCK, X0, 50).x)
        assert one.hyper == two.hyper and one.maps == two.maps
    one, two = o.adamw(lr=0.01, weight_decay=0.3), o.adam(lr=0.01).with_decay(0.3)
    assert np.array_equal(one.run(ROSENBROCK, X0, 50).x, two.run(ROSENBROCK, X0, 50).x)
    one = o.gradient_descent(0.01, weight_decay=0.1, l1=0.2)
    two = o.gradient_descent(0.01).with_l2(0.1).with_l1(0.2)
    assert np.array_equal(one.run("x**2", [1.0], 50).x, two.run("x**2", [1.0], 50).x)


def test_polyak_sees_the_penalised_loss():
    loss = fo.Loss("(x - 2)**2/2 + abs(x)*0.5 + 0.3*x**2/2")
    one = o.polyak(lr=0.5).run(loss, [3.0], steps=20).x
    two = o.polyak(lr=0.5).with_l1(0.5).with_l2(0.3).run("(x - 2)**2/2", [3.0], steps=20).x
    assert np.allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("proximal", [False, True])
def test_the_flow_of_l1_slides(proximal):
    """At rest on x = 0 exactly, where |dL/dx| <= weight; the proximal steps find it too."""
    loss = fo.Loss("(x - 0.3)**2/2 + (y - 2)**2/2")
    optimizer = o.gradient_descent(lr=0.1).with_l1(0.5, proximal)
    flow = fo.integrate(optimizer.limit.on(loss), [1.0, 1.0], t=(0.0, 40.0),
                        method=fo.DOP853(rtol=1e-12, atol=1e-13))
    assert "slide" in flow.events.kind
    assert abs(flow.x[-1, 0]) < 1e-15 and abs(flow.x[-1, 1] - 1.5) < 1e-9
    end = optimizer.run(loss, [1.0, 1.0], steps=400).x[-1]
    assert (end[0] == 0.0) == proximal and abs(end[1] - 1.5) < 1e-9
    ball = o.sgd(lr=0.01, momentum=0.5).with_l1(1.0, proximal)
    assert (ball.run(loss, [1.0, 1.0], steps=4000).x[-1, 0] == 0.0) == proximal


def test_the_proximal_minimum_is_that_of_the_penalised_loss():
    A = np.diag([1.0, 3.0, 2.0]) + 0.2
    b = np.array([1.0, 0.1, -2.0])
    optimizer = o.gradient_descent(lr=0.2).with_l1(0.4, proximal=True)
    x = optimizer.run(fo.losses.quadratic(A, b), np.ones(3), steps=500).x[-1]
    g = A @ x - b
    for xi, gi in zip(x, g, strict=True):  # 0 is in g + weight ∂|x|
        assert abs(gi + 0.4 * np.sign(xi)) < 1e-9 if xi else abs(gi) <= 0.4 + 1e-12
    assert (x == 0).sum() == 1


@pytest.mark.parametrize("make", [
    lambda p: p.with_l2(0.3), lambda p: p.with_decay(0.3), lambda p: p.with_l1(0.2, True),
    lambda p: p.with_average(o.ExponentialAverage(0.9))], ids=["l2", "decay", "proximal", "ema"])
@pytest.mark.parametrize("fast", [o.gradient_descent(0.1), o.sgd(0.01, momentum=0.9),
                                  o.adam(0.1, betas=(0.7, 0.8)),
                                  o.nadam(0.1, betas=(0.7, 0.8), momentum_decay=1.0)],
                         ids=lambda p: p.name)
def test_limits(make, fast):
    """Composed optimizers tend to their flows with order 1."""
    optimizer, loss, x0 = make(fast), fo.Loss("x**2/2 + y**2"), [1.3, -0.7]
    flow = fo.integrate(optimizer.limit.on(loss), optimizer.limit_start(loss, x0), t=(0.0, 0.4),
                        method=fo.DOP853(rtol=1e-12, atol=1e-13))
    counts = [256, 512, 1024]
    errors = [np.abs(optimizer.with_step(0.4 / n).run(loss, x0, steps=n).y[-1][:2]
                     - flow.y[-1][-2 if optimizer.report else 0:][:2]).max() for n in counts]
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope + 1) < 0.15, errors


def test_the_tail_of_the_flow():
    """The flow's state is the integral of θ."""
    fast, loss = o.gradient_descent(0.1).with_average(o.TailAverage(2)), fo.Loss("x**2/2")
    counts, errors = [256, 512, 1024], []
    exact = (np.exp(-0.2) - np.exp(-0.8)) / 0.6  # the mean of e^-t from 0.2 to 0.8
    assert fast.flow.parameters["begin"] == pytest.approx(0.15)
    flow = fo.integrate(fast.limit.on(loss), [1.0, 0.0], t=(0.0, 0.8))
    assert abs(flow.y[-1, 1] - (np.exp(-0.15) - np.exp(-0.8))) < 1e-8
    for n in counts:
        opt = o.gradient_descent(0.8 / n).with_average(o.TailAverage(n // 4))
        errors.append(abs(opt.run(loss, [1.0], steps=n).x[-1, 0] - exact))
    assert abs(np.polyfit(np.log(counts), np.log(errors), 1)[0] + 1) < 0.15


@pytest.mark.parametrize("fast", [o.sgd(0.01, momentum=0.9), o.adam(0.1, betas=(0.7, 0.8)),
                                  o.rmsprop(0.1, alpha=0.8, initial_scale=1.0)],
                         ids=lambda p: p.name)
def test_noise_averages_out_as_the_root_of_the_step(fast):
    """The averages of the squares of gradients keep its variance."""
    optimizer, loss = fast.with_noise(0.3, 0.5), fo.Loss("x**2/2 + y**2")
    x0 = [1.3, -0.7]
    flow = fo.integrate(optimizer.limit.on(loss), optimizer.limit_start(loss, x0), t=(0.0, 0.8),
                        method=fo.DOP853(rtol=1e-10, atol=1e-12))
    counts = [256, 1024, 4096]
    errors = [np.sqrt(((optimizer.with_step(0.8 / n).ensemble(loss, [x0] * 400, n, seed=1).x
                        - flow.x[-1])**2).mean()) for n in counts]
    assert abs(np.polyfit(np.log(counts), np.log(errors), 1)[0] + 0.5) < 0.15, errors


# ------------------------------------------------------------------------------------ averages
AVERAGES = {"ema": (o.ExponentialAverage(0.9), lambda p: twins.exponential_average(p, 0.9)),
            "all": (o.TailAverage(0), lambda p: twins.tail_average(p, 0)),
            "tail": (o.TailAverage(30), lambda p: twins.tail_average(p, 30)),
            "snapshots": (o.TailAverage(20, 5), lambda p: twins.tail_average(p, 20, 5)),
            "two": (o.TailAverage(0, 2), lambda p: twins.tail_average(p, 0, 2))}


@pytest.mark.parametrize("name", AVERAGES)
@pytest.mark.parametrize("optimizer", [p for p in TEXT if not p.report] + [o.sgld(0.001, 0.1)],
                         ids=lambda p: p.name)
def test_averages(name, optimizer):
    average, twin = AVERAGES[name]
    seed = {"seed": 5} if optimizer.noisy else {}
    path = optimizer.run(ROSENBROCK, X0, steps=60, **seed).x
    made = optimizer.with_average(average)
    assert deviation(made.run(ROSENBROCK, X0, steps=60, **seed).x, twin(path)) < BOUND
    some = made.run(ROSENBROCK, X0, steps=60, save_every=17, **seed)
    assert deviation(some.x, twin(path)[[0, 17, 34, 51, 60]]) < BOUND


def test_averages_reduce_noise():
    noisy = o.gradient_descent(0.1).with_noise(1.0, 0.0)
    starts = [[0.0]] * 500
    one = noisy.ensemble("x**2/2", starts, 2000, seed=1).x
    mean = noisy.with_average(o.TailAverage(1000)).ensemble("x**2/2", starts, 2000, seed=1).x
    # var of θ: η σ²/(λ (2 − η λ)); of the mean of N: σ²/(λ² N) to leading order
    assert abs(one.var() / (0.1 / 1.9) - 1) < 0.25
    assert abs(mean.var() * 1000 - 1) < 0.25


# ------------------------------------------------------------------------------------ runs
COMPOSED = {
    "noise": o.adam(0.01).with_noise(0.3), "kicks": o.sgd(0.001, 0.9).with_kicks(0.1, every=5),
    "chance": o.lion(0.01).with_kicks(0.1, probability=0.3), "both": o.adagrad(0.1).with_noise(
        0.1).with_kicks(0.2, every=3), "proximal": o.rmsprop(0.01).with_l1(0.5, True),
    "noisy average": o.gradient_descent(0.001).with_noise(0.1).with_average(o.TailAverage(5)),
    "snapshots": o.adadelta().with_average(o.TailAverage(3, 4)),
    "nesterov": o.nesterov(1e-3, r=3.0),
    "everything": o.adam(0.01).with_l2(0.1).with_l1(0.1, True).with_noise(0.1).with_kicks(
        0.1, every=4).with_average(o.ExponentialAverage(0.9))}


@pytest.mark.parametrize("problem", ["rosenbrock", "network"])
@pytest.mark.parametrize("name", COMPOSED)
def test_alone_and_in_company(name, problem):
    """A run depends on its start and its seed alone, bit for bit."""
    optimizer = COMPOSED[name]
    loss, _, _, x0 = PROBLEMS[problem]
    count = 70
    x0s = x0 + 0.1 * np.random.default_rng(0).normal(size=(count, len(x0)))
    seeds = np.arange(count) + 2**33 if optimizer.noisy else None
    options = {} if seeds is None else {"seeds": seeds}
    many = optimizer.ensemble(loss, x0s, steps=40, **options)
    few = optimizer.ensemble(loss, x0s, steps=40, threads=1, **options)
    assert np.array_equal(many.y, few.y)
    for i in (0, 41, 69):
        one = {} if seeds is None else {"seed": int(seeds[i])}
        run = optimizer.run(loss, x0s[i], steps=40, **one)
        assert np.array_equal(run.y[-1], many.y[i]), i
        some = optimizer.run(loss, x0s[i], steps=40, save_every=9, **one)
        assert np.array_equal(some.y[-1], run.y[-1])


def test_a_run_that_goes_on_draws_the_numbers_of_the_whole():
    optimizer = o.adam(0.01).with_noise(0.3).with_kicks(0.1, every=7)
    whole = optimizer.run(ROSENBROCK, X0, steps=60, seed=4)
    part = optimizer.run(ROSENBROCK, whole.y[25], steps=35, first=25, seed=4)
    assert np.allclose(part.x, whole.x[25:], rtol=1e-12, atol=1e-13)


def test_runs_of_an_ensemble_have_noise_of_their_own():
    optimizer = o.sgd(0.01, momentum=0.5).with_noise(1.0, 0.0).with_kicks(1.0, probability=0.5)
    ens = optimizer.ensemble("x**2/2", [[0.0]] * 200, steps=30, seed=8)
    assert len(np.unique(ens.x)) == 200
    assert np.array_equal(ens.x[0], optimizer.run("x**2/2", [0.0], steps=30, seed=8).x[-1])
    assert np.array_equal(ens.x[:9], optimizer.ensemble("x**2/2", [[0.0]] * 9, 30, seed=8).x)


def test_schedules_and_lookahead_around():
    """Decay before a schedule is scheduled with the rest; the proximal step as well."""
    _, _, grad, x0 = PROBLEMS["rosenbrock"]
    s = o.schedules.exponential(0.99)
    for make, composition in ((lambda p: p.with_decay(0.3), {"decay": 0.3}),
                              (lambda p: p.with_l1(0.3, True), {"proximal": 0.3})):
        optimizer = o.scheduled(make(o.gradient_descent(3e-4)), s)

        def step(k, x, g, L, state, composition=composition):
            lr = 3e-4 * 0.99**(k - 1)
            new = x - lr * g - lr * composition.get("decay", 0.0) * x
            return twins.soft(new, lr * composition.get("proximal", 0.0))

        path = reference.optimizer_path(step, x0, grad, 100)
        assert deviation(optimizer.run(ROSENBROCK, x0, steps=100).x, path) < BOUND
    inner = o.lookahead(o.gradient_descent(3e-4).with_decay(0.3), 4, 0.5)
    assert inner.run(ROSENBROCK, x0, steps=10).status is fo.Status.REACHED_END


def test_the_field_and_the_method_are_the_optimizer():
    """Flow and method: `integrate` and `ensemble` take the same steps, and sweep parameters."""
    optimizer = o.adam(0.01).with_l1(0.5, True).with_noise(0.1).with_kicks(0.1, every=3)
    loss = fo.Loss("q*x**2/2 + y**2", parameters={"q": 2.0})
    run = optimizer.run(loss, [1.0, -1.0], steps=40, seed=3)
    field, y0 = optimizer.flow.on(loss), optimizer.start(loss, [1.0, -1.0])
    span = (0.0, optimizer.clock.time(40))
    traj = fo.integrate(field, y0, span, optimizer.method, seed=3,
                        save_at=optimizer.clock.time(np.arange(0, 41, 10)))
    assert np.array_equal(traj.y, run.y[::10])
    values = np.array([1.0, 2.0, 3.0])
    ens = fo.ensemble(field, [y0] * 3, span, optimizer.method, seeds=[5, 3, 7],
                      parameters={"q": values, "kappa": [0.5, 0.5, 2.0]},
                      reduce=fo.reduce.minimum("x"))
    assert np.array_equal(ens.y[1], run.y[-1])
    assert ens.reduced[1] == run.x[1:, 0].min() or ens.reduced[1] == run.x[:, 0].min()
    other = o.adam(0.01).with_l1(2.0, True).with_noise(0.1).with_kicks(0.1, every=3).run(
        loss.with_parameters(q=3.0), [1.0, -1.0], steps=40, seed=7)
    assert np.array_equal(ens.y[2], other.y[-1])
    many = optimizer.ensemble(loss, [[1.0, -1.0]] * 3, 40, seeds=[5, 3, 7],
                              parameters={"q": values})
    assert np.array_equal(many.y[1], run.y[-1])


def test_a_proximal_step_alone():
    optimizer = o.sgd(0.1, momentum=0.5).with_l1(0.5, True)
    run = optimizer.run(ROSENBROCK, [0.1, 0.1], steps=3)
    y = optimizer.start(ROSENBROCK, [0.1, 0.1])
    for k in range(3):
        y = optimizer.step(ROSENBROCK, y, k)
        assert np.array_equal(y, run.y[k + 1])


def test_a_loss_may_have_a_variable_t():
    loss = fo.Loss("t**2/2 + u**2")
    plain = fo.Loss("x**2/2 + y**2")
    optimizer = o.scheduled(o.gradient_descent(0.1).with_l1(0.1, True).with_noise(0.1, 0.5),
                            o.schedules.exponential(0.9))
    assert np.array_equal(optimizer.run(loss, [1.0, 1.0], 20, seed=1).x,
                          optimizer.run(plain, [1.0, 1.0], 20, seed=1).x)


REFUSED = [
    (lambda: o.adam().with_l2(0.0), ValueError, "weight must be a finite number > 0"),
    (lambda: o.adam().with_l1(float("nan")), ValueError, "weight must be"),
    (lambda: o.adam().with_l1("a"), TypeError, "weight must be"),
    (lambda: o.adam().with_l1(0.1, proximal=1), TypeError, "proximal must be True or False"),
    (lambda: o.adam().with_l1(0.1, True).with_l1(0.1, True), ValueError, "already"),
    (lambda: o.newton().with_l1(0.1), ValueError, "add the penalty to the loss"),
    (lambda: o.newton().with_average(o.TailAverage()), ValueError, "whose rule is text"),
    (lambda: o.proximal_point().with_noise(), ValueError, "explicit or a splitting"),
    (lambda: o.proximal_point().with_decay(0.1), ValueError, "use with_l2"),
    (lambda: o.adam().with_noise(eta=-1.0), ValueError, "eta must be"),
    (lambda: o.adam().with_noise(gamma=-1.0), ValueError, "gamma must be"),
    (lambda: o.adam().with_kicks(0.1), ValueError, "one of every"),
    (lambda: o.adam().with_kicks(0.1, every=2, probability=0.1), ValueError, "one of every"),
    (lambda: o.adam().with_kicks(0.1, probability=1.5), ValueError, "probability must be <= 1"),
    (lambda: o.adam().with_kicks(0.1, every=0), ValueError, "every must be"),
    (lambda: o.adam().with_noise().with_noise().with_noise(), ValueError, "at most two"),
    (lambda: o.signsgd().with_noise().limit, ValueError, "does not average out"),
    (lambda: o.adam().with_average(0.9), TypeError, "average must be"),
    (lambda: o.lookahead(o.adam()).with_decay(0.1), ValueError, "the optimizer inside"),
    (lambda: o.lookahead(o.adam()).with_l1(0.1, True), ValueError, "the optimizer inside"),
    (lambda: o.nesterov().with_l1(0.1, True), ValueError, "reports another point"),
    (lambda: o.lookahead(o.nesterov()), ValueError, "lookahead reports θ"),
    (lambda: fo.integrate(o.adam().with_l1(0.1, True).flow.on("x**2"), [1.0], (1.0, 0.0),
                          o.adam().with_l1(0.1, True).method), ValueError, "t must run forwards"),
    (lambda: o.ExponentialAverage(1.0), ValueError, "decay must be"),
    (lambda: o.TailAverage(-1), ValueError, "start must be"),
    (lambda: o.TailAverage(0, 0), ValueError, "every must be"),
    (lambda: o.nesterov().with_average(o.TailAverage()), ValueError, "reports another point"),
    (lambda: o.adam().with_noise().step("x**2", [1.0, 0, 0, 0, 0, 0]), ValueError, "use run"),
    (lambda: o.adam().with_l1(0.1, True).run("x**2", [1.0], 5, seed=1), ValueError, "no effect"),
    (lambda: o.gradient_descent().with_average(o.TailAverage()).ensemble(
        "x**2", [[1.0]], 5, reduce=fo.reduce.minimum("L")), ValueError, "reduce sees"),
]


@pytest.mark.parametrize("call, kind, words", REFUSED, ids=range(len(REFUSED)))
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=re.escape(words)) as error:
        call()
    assert "\n" not in str(error.value)


def test_penalties_of_the_implicit_and_of_the_noisy():
    """They are those of the penalised loss; implicit Euler of L1 finds its zeros exactly."""
    plain, both = fo.Loss("(x - 0.3)**2/2"), fo.Loss("(x - 0.3)**2/2 + 0.4*x**2/2")
    for optimizer in (o.proximal_point(0.5), o.sgld(0.1, 0.2), o.annealing(0.1)):
        seed = {"seed": 2} if optimizer.noisy else {}
        one = optimizer.with_l2(0.4).run(plain, [1.0], steps=50, **seed)
        two = optimizer.run(both, [1.0], steps=50, **seed)
        assert np.allclose(one.x, two.x, rtol=1e-11, atol=1e-13)
    one = o.newton(0.5).with_l2(0.3).with_l2(0.4).run(fo.losses.rosenbrock(), [-1.2, 1.0], 20)
    two = o.newton(0.5).run("(1 - x)**2 + 100*(y - x**2)**2 + 0.35*(x**2 + y**2)", [-1.2, 1.0], 20)
    assert np.allclose(one.x, two.x, rtol=1e-10)
    x = o.proximal_point(0.5).with_l1(0.5).run(plain, [1.0], steps=30).x[:, 0]
    exact = [1.0]
    for _ in range(30):  # argmin (z - 0.3)²/2 + 0.5 |z| + (z - x)²/(2·0.5)
        exact.append(float(twins.soft(np.array(0.5 * 0.3 + exact[-1]), 0.25)) / 1.5)
    assert np.allclose(x, exact, atol=1e-14) and x[-1] == 0.0


def test_an_average_of_langevin_dynamics():
    """Of its iterates: the mean of the law, with the variance of a time average."""
    optimizer = o.sgld(0.05, 0.5).with_average(o.TailAverage(200))
    x = optimizer.ensemble("(x - 2)**2/2", [[2.0]] * 400, steps=4200, seed=1).x
    # ∫ of an Ornstein–Uhlenbeck process over t = 200: variance 2 T/(μ² t)
    assert abs(x.mean() - 2) < 0.02 and abs(x.var() / (2 * 0.5 / 200) - 1) < 0.3


def test_langevin_dynamics_with_everything_around():
    """Scheduled (Welling & Teh), with kicks, noise of the gradient, and proximal steps."""
    x0, lr, T = np.array([1.0, -1.0]), 0.05, 0.3
    for optimizer, kick, eta, kappa in (
            (o.sgld(lr, T), 0.0, 0.0, 0.0),
            (o.sgld(lr, T).with_kicks(0.5, every=4), 0.5, 0.0, 0.0),
            (o.sgld(lr, T).with_noise(0.2, 0.0), 0.0, 0.2, 0.0),
            (o.sgld(lr, T).with_l1(0.4, proximal=True), 0.0, 0.0, 0.4)):
        optimizer = o.scheduled(optimizer, o.schedules.inverse_time(0.1))
        x, run = x0.copy(), optimizer.run("x**2/2 + y**2", x0, steps=40, seed=6)
        for k in range(40):
            step, z = lr / (1 + 0.1 * k), twins.normals(2, k, 0, 6)
            other = twins.normals(2, k, 0, 6, 1) if kick or eta else 0.0
            x = x - step * (x * [1, 2] + np.sqrt(eta) * other)
            x = twins.soft(x, step * kappa) + np.sqrt(2 * step * T) * z
            x = x + (kick * other if (k + 1) % 4 == 0 else 0.0)
            assert np.abs(run.x[k + 1] - x).max() < 1e-13, optimizer
    half = o.sgld(lr, T).with_kicks(1e-9, every=10**6).with_step(lr / 4)
    plain = o.sgld(lr / 4, T)
    ends = [p.run("x**2", [1.0], steps=50, seed=1).x[-1, 0] for p in (half, plain)]
    assert abs(ends[0] - ends[1]) < 1e-13


@pytest.mark.parametrize("optimizer", [
    o.sgd(0.1, momentum=0.5).with_average(o.ExponentialAverage(0.9)), o.nesterov(lr=0.01),
    o.gradient_descent(0.01).with_average(o.TailAverage(3)),
], ids=lambda p: p.name)
def test_a_run_that_reports_another_point_does_not_go_on_from_it(optimizer):
    """The end of the run holds the average where θ would have to be."""
    end = optimizer.run(ROSENBROCK, X0, steps=5).y[-1]
    with pytest.raises(ValueError, match="first must be 0 for .* reports another point than θ"):
        optimizer.run(ROSENBROCK, end, steps=5, first=5)


@pytest.mark.parametrize("proximal", [False, True])
def test_l1_on_a_loss_of_data(proximal):
    """Such a loss has a parameter l1 of its own."""
    X, y, x0 = [[1.0, 2.0], [3.0, 1.0], [0.5, -1.0]], [1.0, 0.0, 2.0], [0.3, -0.4]
    plain = fo.losses.least_squares(X, y, bias=False)
    run = o.gradient_descent(0.01).with_l1(0.2, proximal).run(
        plain.with_parameters(l1=0.1), x0, steps=9)
    if not proximal:
        same = o.gradient_descent(0.01, l1=0.2).run(plain.with_parameters(l1=0.1), x0, steps=9)
        assert np.array_equal(same.x, run.x)
    x = np.array(x0)
    for _ in range(9):
        step = x - 0.01 * (plain.grad(x) + (0.1 if proximal else 0.3) * np.sign(x))
        x = np.sign(step) * np.maximum(np.abs(step) - 0.002, 0.0) if proximal else step
    assert np.allclose(run.x[-1], x, rtol=1e-13)


def test_thresholds_that_would_count_for_nothing():
    """With a momentum that grows to 1, the end would be that of the loss without the penalty."""
    with pytest.raises(ValueError, match="grows to 1; give nesterov mu or momentum"):
        o.nesterov(form="torch").with_l1(0.1, proximal=True)
    run = o.nesterov(lr=0.1, mu=0.5, form="torch").with_l1(2.0, True).run("x**2/2 - x/4", [1.0], 60)
    assert run.x[-1, 0] == 0.0
