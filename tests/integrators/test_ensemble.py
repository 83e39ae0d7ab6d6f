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


def test_reducers_against_the_path():
    starts = np.array([[4.0], [3.9], [4.2]])
    reducers = {"left": fo.reduce.first_time("x < 1.843"), "least": fo.reduce.minimum("L"),
                "most": fo.reduce.maximum("x"), "mean": fo.reduce.mean("x*t")}
    ens = fo.ensemble(CLIPPED, starts, (0.0, 25.0), fo.Euler(h=0.01), reduce=reducers)
    for i, start in enumerate(starts):
        run = fo.integrate(CLIPPED, start, (0.0, 25.0), fo.Euler(h=0.01))
        x = run.x[:, 0]
        below = np.nonzero(x < 1.843)[0]
        expected = run.t[below[0]] if len(below) else np.nan
        assert np.isclose(ens.reduced["left"][i], expected, rtol=0, atol=1e-12, equal_nan=True)
        assert ens.reduced["least"][i] == run.loss.min()
        assert ens.reduced["most"][i] == x.max()
        assert np.isclose(ens.reduced["mean"][i], (x * run.t).mean(), rtol=1e-12)


def test_reducers_stop_at_divergence():
    field = fo.VectorField(["y**2"], ["y"])
    ens = fo.ensemble(field, [[1.0], [-1.0]], (0.0, 4.0), fo.Euler(h=0.01), reduce={
        "least": fo.reduce.minimum("y"), "mean": fo.reduce.mean("y"),
        "zero": fo.reduce.first_time("y < 0.5")})
    assert ens.reduced["least"][0] == 1.0  # not the 0 of a parked lane
    assert np.isnan(ens.reduced["mean"][0]) and np.isnan(ens.reduced["zero"][0])
    assert np.isfinite(ens.reduced["mean"][1])


def test_kernel_fields_in_ensembles():
    def rhs(t, y, p, dy):
        dy[0] = -y[0]

    field = fo.VectorField.from_kernel(rhs, 1)
    ens = fo.ensemble(field, np.ones((3, 1)), (0.0, 1.0), fo.DOP853(rtol=1e-10))
    assert np.allclose(ens.y, np.exp(-1.0), rtol=1e-9)


def test_ctrl_c_keeps_what_is_finished(monkeypatch):
    from flowopt.integrators import ensemble as module

    finished = []
    inner = module._Job._fixed

    def interrupted(self, low, high):
        if len(finished) == 2:
            raise KeyboardInterrupt
        inner(self, low, high)
        finished.append(high)

    monkeypatch.setattr(module._Job, "_fixed", interrupted)
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
    ({"reduce": fo.reduce.mean("x"), "method": fo.DOP853()}, "fixed step"),
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
