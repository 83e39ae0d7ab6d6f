"""Ensembles: the same bits as single runs, whatever the company; parameters, saves, statuses."""

import numpy as np
import pytest

import flowopt as fo

HEAVY = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.himmelblau())
CLIPPED = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
STARTS = np.random.default_rng(5).uniform(-5.0, 5.0, (256, 2))
METHODS = [fo.Euler(h=0.01), fo.Heun(h=0.01), fo.RK4(h=0.02), fo.SequentialEuler(h=0.01),
           fo.SymplecticEuler(h=0.01), fo.Dopri5(), fo.Tsit5(rtol=1e-6), fo.DOP853(rtol=1e-10),
           fo.Taylor()]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_bits_do_not_depend_on_company(method):
    times = np.linspace(0.0, 3.0, 7)
    alone = [fo.integrate(HEAVY, x, (0.0, 3.0), method, save_at=times) for x in STARTS[:40]]
    one = fo.ensemble(HEAVY, STARTS[:1], (0.0, 3.0), method, save_at=times, threads=1)
    many = fo.ensemble(HEAVY, STARTS, (0.0, 3.0), method, save_at=times, threads=1)
    two = fo.ensemble(HEAVY, STARTS, (0.0, 3.0), method, save_at=times, threads=2)
    turned = fo.ensemble(HEAVY, STARTS[::-1], (0.0, 3.0), method, save_at=times, threads=2)
    assert np.array_equal(many.y, two.y) and np.array_equal(many.saved_y, two.saved_y)
    assert np.array_equal(many.y, turned.y[::-1])
    assert np.array_equal(one.saved_y[0], many.saved_y[0])
    assert np.array_equal(np.array([a.y for a in alone]), many.saved_y[:40])


@pytest.mark.parametrize("field", [
    HEAVY, CLIPPED, fo.VectorField(["-x*sin(3*t) + Min(y, t)/3", "2*x*y - x - k*y/7"], ["x", "y"],
                                   parameters={"k": 0.3})], ids=["heavy", "clipped", "timed"])
def test_the_euler_map_has_the_bits_of_slope_and_update(field):
    starts = np.random.default_rng(2).uniform(-1.0, 1.0, (70, field.m))
    fused = fo.ensemble(field, starts, (0.0, 1.0), fo.Euler(h=0.03))
    saved = fo.ensemble(field, starts, (0.0, 1.0), fo.Euler(h=0.03), save_at=[0.5])
    y, t = starts.copy(), 0.0
    for k in range(34):
        t, h = 0.03 * k, 0.03 if k < 33 else 1.0 - 33 * 0.03
        y = y + h * field(t, y)
    assert np.array_equal(fused.y, saved.y) and np.array_equal(fused.y, y)


def test_bits_with_switching():
    starts = np.linspace(3.3, 4.5, 80)[:, None]
    ens = fo.ensemble(CLIPPED, starts, (0.0, 25.0), fo.DOP853())
    assert set(ens.status) == {fo.Status.STUCK}
    for i in range(0, 80, 7):
        run = fo.integrate(CLIPPED, starts[i], (0.0, 25.0), fo.DOP853())
        assert run.t[-1] == ens.t[i] and run.x[-1] == ens.x[i]


def test_backward_across_a_surface():
    field = fo.VectorField(["1 + Heaviside(y - 1)"], ["y"])  # speed 1 below y = 1, 2 above
    ens = fo.ensemble(field, [[3.0], [2.0]], (0.0, -2.0), fo.DOP853())
    assert np.allclose(ens.y[:, 0], [0.0, -0.5], atol=1e-12)
    for i in range(2):
        run = fo.integrate(field, [3.0 - i], (0.0, -2.0), fo.DOP853())
        assert np.array_equal(run.y[-1], ens.y[i]) and run.status == ens.status[i]


def test_sliding_inside_an_ensemble():
    field = fo.flows.SignFlow().on(fo.losses.quadratic([[2.0, 1.0], [1.0, 2.0]]))
    starts = np.array([[1.0, 0.0], [0.8, 0.3]])
    ens = fo.ensemble(field, starts, (0.0, 0.5), fo.DOP853())
    for i in range(2):
        run = fo.integrate(field, starts[i], (0.0, 0.5), fo.DOP853())
        assert run.status == ens.status[i] and np.array_equal(run.y[-1], ens.y[i])
    # from (1, 0) the motion reaches (2/3, -1/3) at t = 1/3 and slides with speed (-1, 1/2)
    assert np.allclose(ens.x[0], [2 / 3 - 1 / 6, -1 / 3 + 1 / 12], rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", [fo.Euler(h=0.01), fo.DOP853()], ids=lambda m: m.name)
def test_parameters_run_by_run(method):
    gammas = np.linspace(0.1, 2.0, 70)
    ens = fo.ensemble(HEAVY, np.ones((70, 2)), (0.0, 2.0), method, parameters={"gamma": gammas})
    for i in (0, 33, 69):
        field = fo.flows.HeavyBall(gamma=gammas[i]).on(fo.losses.himmelblau())
        run = fo.integrate(field, [1.0, 1.0], (0.0, 2.0), method)
        assert np.array_equal(run.y[-1], ens.y[i])


def test_clip_run_by_run_with_switching():
    M = np.array([10.0, 100.0, 1000.0])
    ens = fo.ensemble(CLIPPED, np.full((3, 1), 4.0), (0.0, 25.0), fo.DOP853(rtol=1e-12, atol=1e-14),
                      parameters={"M": M})
    assert (np.diff(ens.t) < 0).all()  # a tighter clip arrives later
    assert np.allclose(ens.t - 2.12761352007269, 0.025676 / M**2, rtol=1e-2)


def test_save_at_on_the_grid_and_between():
    field = fo.VectorField(["-y"], ["y"])
    times = np.array([0.0, 0.25, 0.3, 0.5, 1.0])
    ens = fo.ensemble(field, [[1.0], [2.0]], (0.0, 1.0), fo.Euler(h=0.25), save_at=times)
    grid = 0.75 ** np.arange(5)
    expected = [grid[0], grid[1], grid[1] + 0.2 * (grid[2] - grid[1]), grid[2], grid[4]]
    assert np.allclose(ens.saved_y[0, :, 0], expected, rtol=1e-15)
    assert np.array_equal(ens.saved_y[1], 2 * ens.saved_y[0])
    assert ens.saved.shape == (2, 5, 1)


def test_diverged_lanes_do_not_touch_the_others():
    field = fo.VectorField(["y**2"], ["y"])
    starts = np.array([[-1.0], [1.0], [-2.0], [np.nan]])
    ens = fo.ensemble(field, starts, (0.0, 4.0), fo.Euler(h=0.01))
    assert list(ens.status) == [fo.Status.REACHED_END, fo.Status.DIVERGED, fo.Status.REACHED_END,
                                fo.Status.DIVERGED]
    assert np.isnan(ens.y[1, 0]) and ens.t[3] == 0.0 and 1.0 < ens.t[1] < 1.3
    adaptive = fo.ensemble(field, starts, (0.0, 4.0), fo.DOP853())
    assert list(adaptive.status) == list(ens.status)
    assert np.allclose(adaptive.y[[0, 2], 0], [-1 / 5, -1 / 4.5], rtol=1e-8)
    assert abs(adaptive.t[1] - 1.0) < 1e-6


def test_kernel_fields_in_ensembles():
    def rhs(t, y, p, dy):
        dy[0] = -y[0]

    field = fo.VectorField.from_kernel(rhs, 1)
    ens = fo.ensemble(field, np.ones((3, 1)), (0.0, 1.0), fo.DOP853(rtol=1e-10))
    assert np.allclose(ens.y, np.exp(-1.0), rtol=1e-9)


def test_ctrl_c_keeps_what_is_finished(monkeypatch):
    from flowopt.integrators.fixed_job import FixedJob

    finished = []
    inner = FixedJob.runs

    def interrupted(self, low, high):
        if len(finished) == 2:
            raise KeyboardInterrupt
        inner(self, low, high)
        finished.append(high)

    monkeypatch.setattr(FixedJob, "runs", interrupted)
    starts = np.ones((2000, 2))
    ens = fo.ensemble(HEAVY, starts, (0.0, 1.0), fo.Euler(h=0.01), threads=1)
    assert 0 < finished[-1] < 2000
    assert (ens.status[:finished[-1]] == fo.Status.REACHED_END).all()
    assert (ens.status[finished[-1]:] == fo.Status.CANCELLED).all()


@pytest.mark.parametrize(("change", "words"), [
    ({"x0s": []}, "x0s"), ({"x0s": [[1.0], [1.0, 2.0]]}, "x0s"), ({"x0s": [1.0, 2.0]}, "x0s"),
    ({"x0s": np.ones((3, 5))}, "x0s"), ({"threads": 0}, "threads"), ({"threads": 1.5}, "threads"),
    ({"parameters": {"gama": 1.0}}, "gama"), ({"parameters": {"gamma": [1.0]}}, "gamma"),
    ({"seed": 3}, "seed"), ({"reduce": "L"}, "reduce"), ({"reduce": {}}, "reduce"),
    ({"reduce": fo.reduce.mean("q")}, "q"), ({"max_steps": 5}, "max_steps"),
    ({"h": [0.1] * 4, "method": fo.DOP853()}, "h has no effect"), ({"h": [0.1] * 3}, "h must"),
    ({"h": [0.1, 0.1, 0.1, 0.0]}, "h must be > 0"), ({"h": [0.1, 0.1, 0.1, np.nan]}, "h must"),
    ({"h": [0.1, 0.1, 0.1, 1e-300]}, "h must be larger"),
    ({"h": [0.1, 0.1, 0.1, 0.001], "max_steps": 50}, "max_steps=50 is less than the 1000"),
    ({"seeds": [1, 2, 3, 4]}, "seed has no effect"),
    ({"seeds": [1.0, 2, 3, 4], "method": fo.EulerMaruyama(h=0.1)}, "seeds must be integers"),
    ({"seeds": [1, 2, 3, -4], "method": fo.EulerMaruyama(h=0.1)}, "seeds must be >= 0"),
    ({"seeds": [1, 2], "method": fo.EulerMaruyama(h=0.1)}, "seeds must be integers of shape"),
    ({"seeds": [1] * 4, "seed": 1, "method": fo.EulerMaruyama(h=0.1)}, "seed has no effect"),
    ({"every": 0.1}, "every has no effect"),
    ({"every": 0.1, "method": fo.DOP853()}, "every has no effect without reduce"),
    ({"every": 0.0, "method": fo.DOP853(), "reduce": fo.reduce.mean("x")}, "every must be"),
    ({"every": 1e-9, "method": fo.DOP853(), "reduce": fo.reduce.mean("x")}, "every=1e-09 makes"),
    ({"executor": 4}, "executor must be"), ({"x0s": np.ones((0, 2))}, "x0s"),
    ({"save_at": [0.5, 2.0]}, "save_at must lie"), ({"save_at": [0.5, np.nan]}, "save_at"),
    ({"save_at": np.linspace(0, 1, 10**9 // 2)[:: 10**3]}, None),
    ({"save_at": [0.5, 0.2]}, "save_at"), ({"t": (0.0, 0.0)}, "t must"),
])
def test_refusals(change, words):
    arguments = {"field": HEAVY, "x0s": np.ones((4, 2)), "t": (0.0, 1.0),
                 "method": fo.Euler(h=0.01)} | change
    if words is None:
        arguments["x0s"] = np.ones((10**6, 2))
        words = "GB"
    with pytest.raises((ValueError, TypeError), match=words) as refused:
        fo.ensemble(**arguments)
    assert len(str(refused.value)) < 300 and "\n" not in str(refused.value)


FIXED = [fo.Euler(h=1.0), fo.RK4(h=1.0), fo.SequentialEuler(h=1.0), fo.SymplecticEuler(h=1.0)]
TIMED = fo.VectorField(["-x*sin(3*t) + k*y", "x - y/7 - x**3"], ["x", "y"], parameters={"k": 0.3})


@pytest.mark.parametrize("method", FIXED, ids=lambda m: m.name)
@pytest.mark.parametrize("field", [HEAVY, TIMED], ids=["heavy", "timed"])
def test_steps_run_by_run(field, method):
    if field is TIMED and method.name == "SequentialEuler":
        pytest.skip("this field has no states")
    h = np.random.default_rng(1).uniform(0.002, 0.02, 150)
    h[:3] = 0.01, 0.01, 0.5  # that step diverges for some, and one step is longer than the span
    h[3] = 7.0
    starts = np.resize(STARTS, (150, field.n))
    reducers = {"most": fo.reduce.maximum("x"), "t": fo.reduce.final("t"),
                "mean": fo.reduce.mean("x")}
    ens = fo.ensemble(field, starts, (0.0, 2.0), method, h=h, reduce=reducers)
    saved = fo.ensemble(field, starts, (0.0, 2.0), method, h=h, save_at=[1.0, 2.0])
    for i in range(150):
        one = type(method)(h=h[i])
        run = fo.integrate(field, starts[i], (0.0, 2.0), one)
        assert ens.status[i] == saved.status[i] == run.status
        assert ens.steps[i] == saved.steps[i] == run.stats.n_steps
        assert ens.t[i] == saved.t[i] == run.t[-1]
        if run.status == fo.Status.REACHED_END:
            assert np.array_equal(ens.y[i], run.y[-1]) and np.array_equal(saved.y[i], run.y[-1])
            assert np.array_equal(saved.saved_y[i, 1], run.y[-1])
            assert ens.reduced["t"][i] == 2.0 and ens.reduced["most"][i] == run.x[:, 0].max()
            assert np.isclose(ens.reduced["mean"][i], run.x[:, 0].mean(), rtol=1e-12)
        else:
            assert np.isnan(ens.y[i]).all() and np.isnan(ens.reduced["mean"][i])
    two = fo.ensemble(field, starts[::-1], (0.0, 2.0), method, h=h[::-1], threads=1)
    assert np.array_equal(two.y[::-1], ens.y, equal_nan=True)


def test_the_steps_of_an_array_are_those_of_the_method():
    from flowopt.integrators.fixed import lane_steps

    h = np.concatenate([10.0 ** np.random.default_rng(0).uniform(-5, 1, 300), [0.1, 0.01, 0.3, 1]])
    for span in ((0.0, 1.0), (0.3, -2.0), (1e6, 1e6 + 3.0)):
        made = zip(*lane_steps(h, *span), strict=True)
        assert [fo.Euler(h=v).steps(*span) for v in h] == list(made)


@pytest.mark.parametrize("h", [None, np.repeat([0.01, 0.02, 0.03], 10)], ids=["one h", "own h"])
@pytest.mark.parametrize("kind", [fo.EulerMaruyama, fo.SRA1])
def test_seeds_run_by_run(kind, h):
    method = kind(h=0.02, temperature=0.3)
    field = fo.flows.GradientFlow().on(fo.losses.himmelblau())
    seeds = np.arange(30) % 7
    ens = fo.ensemble(field, STARTS[:30], (0.0, 0.5), method, seeds=seeds, h=h)
    for i in range(0, 30, 4):
        own = method if h is None else kind(h=h[i], temperature=0.3)
        run = fo.integrate(field, STARTS[i], (0.0, 0.5), own, seed=int(seeds[i]))
        assert np.array_equal(run.y[-1], ens.y[i])


@pytest.mark.parametrize("method", [fo.ImplicitEuler(h=1.0), fo.SRA1(h=1.0, temperature=0.2)],
                         ids=lambda m: m.name)
def test_any_method_of_fixed_step_has_steps_run_by_run(method):
    from dataclasses import replace

    field = fo.flows.GradientFlow().on(fo.losses.himmelblau())
    h, noise = np.array([0.01, 0.02, 0.01, 0.013]), {"seed": 4} if method.stochastic else {}
    ens = fo.ensemble(field, STARTS[:4], (0.0, 0.2), method, h=h, **noise)
    for i in range(4):
        every = fo.ensemble(field, STARTS[:4], (0.0, 0.2), replace(method, h=h[i]), **noise)
        assert np.array_equal(ens.y[i], every.y[i]) and ens.steps[i] == every.steps[i]


def test_noise_with_steps_run_by_run_keeps_the_lane_of_each_run():
    field = fo.flows.GradientFlow().on(fo.losses.himmelblau())
    h = np.array([0.02, 0.01, 0.02, 0.02, 0.01])
    ens = fo.ensemble(field, STARTS[:5], (0.0, 0.5), fo.EulerMaruyama(h=1.0, temperature=0.3),
                      seed=3, h=h)
    all_long = fo.ensemble(field, STARTS[:5], (0.0, 0.5), seed=3,
                           method=fo.EulerMaruyama(h=0.02, temperature=0.3))
    assert np.array_equal(ens.y[[0, 2, 3]], all_long.y[[0, 2, 3]])


@pytest.mark.parametrize("method", [fo.Euler(h=0.01), fo.DOP853()], ids=lambda m: m.name)
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_gives_the_same_bits(method, kind):
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from multiprocessing import get_context

    reducers = {"least": fo.reduce.minimum("L"), "bins": fo.reduce.histogram("x", -5, 5, 4,
                                                                            pooled=True)}
    arguments = {"field": HEAVY, "x0s": np.resize(STARTS, (700, 2)), "t": (0.0, 1.0),
                 "method": method, "parameters": {"gamma": np.linspace(0.1, 1.0, 700)},
                 "save_at": [0.5, 1.0], "reduce": reducers}
    expected = fo.ensemble(**arguments, threads=1)
    pool = (ThreadPoolExecutor(3) if kind == "threads"
            else ProcessPoolExecutor(2, mp_context=get_context("spawn")))
    with pool:
        ens = fo.ensemble(**arguments, executor=pool, progress=True)
        assert pool.submit(abs, -1).result() == 1  # it is still open
    for name in ("y", "t", "status", "steps", "saved_y"):
        assert np.array_equal(getattr(ens, name), getattr(expected, name)), name
    assert all(np.array_equal(ens.reduced[k], expected.reduced[k]) for k in reducers)


def test_a_kernel_does_not_go_to_another_process():
    from concurrent.futures import ProcessPoolExecutor

    def rhs(t, y, p, dy):
        dy[0] = -y[0]

    field = fo.VectorField.from_kernel(rhs, 1)
    with (ProcessPoolExecutor(1) as pool,
          pytest.raises(ValueError, match="made of kernels")):
        fo.ensemble(field, [[1.0]], (0.0, 1.0), executor=pool)


def test_a_field_travels_as_its_definition():
    import copy
    import pickle

    HEAVY.address("rhs", 1)
    field = pickle.loads(pickle.dumps(HEAVY))
    assert field._addresses == {} and "system" not in vars(field)
    assert np.array_equal(field(0.0, [1.0, 2.0, 3.0, 4.0]), HEAVY(0.0, [1.0, 2.0, 3.0, 4.0]))
    assert copy.copy(HEAVY)._addresses == HEAVY._addresses != {}


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_in_the_middle_of_an_adaptive_piece(monkeypatch, threads):
    from flowopt.integrators import runner

    inner = runner.stepper
    calls = []

    def interrupted(name, width):
        call = inner(name, width)

        def advance(*arguments):
            calls.append(1)
            if len(calls) == 5:
                raise KeyboardInterrupt
            return call(*arguments)

        return advance

    monkeypatch.setattr(runner, "stepper", interrupted)
    monkeypatch.setattr(runner, "BUDGET", 1000)
    starts = np.resize(STARTS, (3000, 2))
    ens = fo.ensemble(HEAVY, starts, (0.0, 20.0), fo.DOP853(), threads=threads)
    count = ens.count()
    assert count[fo.Status.REACHED_END] > 0 and count[fo.Status.CANCELLED] > 0
    done = np.nonzero(ens.status == fo.Status.REACHED_END)[0][0]
    monkeypatch.undo()
    assert np.array_equal(fo.integrate(HEAVY, starts[done], (0.0, 20.0)).y[-1], ens.y[done])
    assert "interrupted" in ens.message(int(np.nonzero(ens.status == 9)[0][0]))


def test_a_kernel_that_raises_loses_nothing():
    def rhs(t, y, p, dy):
        if y[0] > 5.0:
            raise ArithmeticError("too large")
        dy[0] = y[0]

    field = fo.VectorField.from_kernel(rhs, 1)
    starts = np.concatenate([np.full(512, 0.1), [4.0]])[:, None]  # two blocks
    with pytest.raises(RuntimeError, match="raised ArithmeticError: too large") as raised:
        fo.ensemble(field, starts, (0.0, 1.0), fo.Euler(h=0.1), threads=1)
    kept = raised.value.ensemble
    assert (kept.status[:512] == fo.Status.REACHED_END).all()
    assert kept.status[512] == fo.Status.DIVERGED


def test_results_beyond_the_memory_are_refused(monkeypatch):
    from flowopt.integrators import memory

    assert 2**20 < memory.available() < 2**60
    monkeypatch.setattr(memory, "available", lambda: 2**30)
    starts = np.ones((300_000, 2))
    with pytest.raises(ValueError, match=r"keep 1\.1 GB \(300,000 runs, 120 times") as no:
        fo.ensemble(HEAVY, starts, (0.0, 1.0), save_at=np.linspace(0, 1, 120))
    assert "1.0 GB of memory is free" in str(no.value)
    with pytest.raises(ValueError, match="pooled"):
        fo.ensemble(HEAVY, starts, (0.0, 1.0), fo.Euler(h=0.1),
                    reduce=fo.reduce.histogram("x", 0, 1, 1000))


def test_messages():
    field = fo.VectorField(["y**2"], ["y"])
    ens = fo.ensemble(field, [[1.0], [-1.0]], (0.0, 4.0), fo.Euler(h=0.1))
    assert ens.message(0).startswith(fo.Status.DIVERGED.sentence) and "t=" in ens.message(0)
    with pytest.raises(IndexError, match="0 to 1"):
        ens.message(2)
