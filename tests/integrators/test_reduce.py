"""Reducers against NumPy on the full path, for methods of fixed step and adaptive ones."""

import numpy as np
import pytest

import flowopt as fo

CLIPPED = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
HEAVY = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.himmelblau())
STARTS = np.random.default_rng(3).uniform(-4.0, 4.0, (130, 2))
REDUCERS = {
    "final": fo.reduce.final("x*y"), "minimum": fo.reduce.minimum("L"),
    "maximum": fo.reduce.maximum("v_x"), "mean": fo.reduce.mean("x*t"),
    "moments": fo.reduce.moments("x + 1000"), "first": fo.reduce.first_time("L < 1"),
    "last": fo.reduce.last_time("x > y"), "escape": fo.reduce.escape_time("x**2 + y**2 < 14"),
    "fraction": fo.reduce.fraction("x > 2"), "bins": fo.reduce.histogram("x", -4.0, 4.0, 16),
    "pooled": fo.reduce.histogram("x", -4.0, 4.0, 16, pooled=True)}


def by_numpy(t, y, loss):
    """What the reducers above are, from one whole path."""
    x, v, u = y[:, 0], y[:, 1], y[:, 2]

    def when(condition, which):
        found = np.nonzero(condition)[0]
        return t[found[which]] if len(found) else np.nan

    bins = np.histogram(x, np.linspace(-4.0, 4.0, 17))[0]
    return {"final": x[-1] * v[-1], "minimum": loss.min(), "maximum": u.max(),
            "mean": (x * t).mean(), "moments": [x.mean() + 1000, x.var()],
            "first": when(loss < 1, 0), "last": when(x > v, -1),
            "escape": when(~(x**2 + v**2 < 14), 0), "fraction": (x > 2).mean(),
            "bins": bins, "pooled": bins}


def compare(ens, paths):
    expected = [by_numpy(*path) for path in paths]
    for name in REDUCERS:
        each = np.array([e[name] for e in expected])
        if name == "pooled":
            assert np.array_equal(ens.reduced[name], each.sum(axis=0))
        elif name in ("mean", "moments", "final"):
            assert np.allclose(ens.reduced[name], each, rtol=1e-10, atol=1e-10), name
        else:
            assert np.allclose(ens.reduced[name], each, rtol=0, atol=1e-12, equal_nan=True), name


@pytest.mark.parametrize("method", [fo.Euler(h=0.01), fo.RK4(h=0.013), fo.SequentialEuler(h=0.01)],
                         ids=lambda m: m.name)
def test_fixed_step(method):
    ens = fo.ensemble(HEAVY, STARTS, (0.0, 3.0), method, reduce=REDUCERS)
    runs = [fo.integrate(HEAVY, x, (0.0, 3.0), method) for x in STARTS]
    compare(ens, [(r.t, r.y, r.loss) for r in runs])


@pytest.mark.parametrize("method", [fo.DOP853(), fo.Tsit5(rtol=1e-5)], ids=lambda m: m.name)
@pytest.mark.parametrize("span", [(0.0, 3.0), (3.0, 1.5)], ids=["forward", "backward"])
def test_adaptive(method, span):
    direction = 1 if span[1] > span[0] else -1
    times = span[0] + direction * 0.01 * np.arange(round(abs(span[1] - span[0]) / 0.01) + 1)
    times[-1] = span[1]
    starts = STARTS / 4 if direction < 0 else STARTS
    asked = [1.005, 2.0] if direction > 0 else [2.0, 1.505]
    ens = fo.ensemble(HEAVY, starts, span, method, reduce=REDUCERS, every=0.01, save_at=asked)
    full = fo.ensemble(HEAVY, starts, span, method, save_at=times)
    compare(ens, [(times, y, HEAVY.loss.value(y[:, :2])) for y in full.saved_y])
    plain = fo.ensemble(HEAVY, starts, span, method, save_at=asked)
    assert np.array_equal(plain.saved_y, ens.saved_y) and np.array_equal(plain.y, ens.y)


def test_company_does_not_matter(monkeypatch):
    from flowopt.integrators import adaptive_job

    every = {"method": fo.DOP853(), "every": 0.1, "reduce": REDUCERS}
    many = fo.ensemble(HEAVY, STARTS, (0.0, 3.0), **every)
    monkeypatch.setattr(adaptive_job, "ROOM", 31 * 4 * 8 * 10)  # pieces of ten runs
    few = fo.ensemble(HEAVY, STARTS, (0.0, 3.0), **every, threads=1)
    for name in REDUCERS:
        assert np.array_equal(many.reduced[name], few.reduced[name], equal_nan=True), name


def test_by_default_a_thousandth_of_the_span():
    ens = fo.ensemble(HEAVY, STARTS[:3], (0.0, 5.0), reduce=fo.reduce.moments("t"))
    t = np.linspace(0.0, 5.0, 1001)
    assert np.allclose(ens.reduced, [[t.mean(), t.var()]] * 3, rtol=1e-12)


def test_a_rest_lasts():
    """A run that rests on a surface is seen there for the rest of the time."""
    ens = fo.ensemble(CLIPPED, [[4.0]], (0.0, 25.0), every=0.01, reduce={
        "end": fo.reduce.final("x"), "last": fo.reduce.last_time("x < 3.5"),
        "part": fo.reduce.fraction("x > 3")})
    assert ens.status[0] == fo.Status.STUCK and abs(ens.reduced["end"][0] - 3.0) < 1e-12
    assert ens.reduced["last"][0] == 25.0
    assert abs(ens.reduced["part"][0] - 2.1276 / 25) < 2e-3


def test_reducers_on_the_map():
    starts = np.array([[4.0], [3.9], [4.2]])
    reducers = {"left": fo.reduce.first_time("x < 1.843"), "least": fo.reduce.minimum("L")}
    ens = fo.ensemble(CLIPPED, starts, (0.0, 25.0), fo.Euler(h=0.01), reduce=reducers)
    for i, start in enumerate(starts):
        run = fo.integrate(CLIPPED, start, (0.0, 25.0), fo.Euler(h=0.01))
        below = np.nonzero(run.x[:, 0] < 1.843)[0]
        expected = run.t[below[0]] if len(below) else np.nan
        assert np.isclose(ens.reduced["left"][i], expected, rtol=0, atol=1e-12, equal_nan=True)
        assert ens.reduced["least"][i] == run.loss.min()


@pytest.mark.parametrize("method", [fo.Euler(h=0.01), fo.DOP853()], ids=lambda m: m.name)
def test_divergence(method):
    field = fo.VectorField(["y**2"], ["y"])
    ens = fo.ensemble(field, [[1.0], [-1.0], [np.nan]], (0.0, 4.0), method, reduce={
        "least": fo.reduce.minimum("y"), "mean": fo.reduce.mean("y"),
        "moments": fo.reduce.moments("y"), "zero": fo.reduce.first_time("y < 0.5"),
        "part": fo.reduce.fraction("y > 0"), "out": fo.reduce.escape_time("y < 1e300"),
        "last": fo.reduce.last_time("y > 0"), "bins": fo.reduce.histogram("y", 0, 1e9, 2)})
    kept = ens.reduced
    assert kept["least"][0] == 1.0  # not the 0 of a parked lane
    for name in ("mean", "zero", "part"):
        assert np.isnan(kept[name][0]) and np.isnan(kept[name][2]), name
    assert np.isnan(kept["moments"][[0, 2]]).all() and np.isfinite(kept["moments"][1]).all()
    assert np.isfinite(kept["mean"][1]) and kept["part"][1] == 0.0
    assert 1.0 - 1e-6 < kept["out"][0] < 1.3 and kept["out"][2] == 0.0 and np.isnan(kept["out"][1])
    assert kept["last"][0] <= ens.t[0] and np.isnan(kept["last"][1])
    assert kept["bins"][0, 0] > 90 and kept["bins"][2].sum() == 0


def test_moments_are_stable():
    """Where a sum of squares loses all digits: a mean of 1e8 and a spread of 1."""
    field = fo.VectorField(["0"], ["x"])
    ens = fo.ensemble(field, [[1e8]], (0.0, 10.0), fo.Euler(h=0.01),
                      reduce=fo.reduce.moments("x + sin(7*t)"))
    t = np.arange(1001) * 0.01
    assert abs(ens.reduced[0, 1] - np.sin(7 * t).var()) < 1e-7


def test_kernels_have_reducers_over_names_and_time():
    def rhs(t, y, p, dy):
        dy[0] = -p[0] * y[0]

    field = fo.VectorField.from_kernel(rhs, 1, parameters={"k": 2.0})
    for method in (fo.RK4(h=0.1), fo.DOP853()):
        ens = fo.ensemble(field, [[1.0], [2.0]], (0.0, 1.0), method,
                          reduce=fo.reduce.first_time("k*y1 < 1"))
        assert np.allclose(ens.reduced, np.log([2.0, 4.0]) / 2, atol=0.11)


def test_an_edge_belongs_to_the_bin_above_it():
    field = fo.VectorField(["1"], ["x"])
    ens = fo.ensemble(field, [[-1.0]], (0.0, 6.0), fo.Euler(h=0.5),
                      reduce=fo.reduce.histogram("x", 0.0, 3.0, 3))
    assert ens.reduced.tolist() == [[2.0, 2.0, 2.0]]


@pytest.mark.parametrize(("make", "words"), [
    (lambda: fo.reduce.first_time(3), "condition must be text"),
    (lambda: fo.reduce.escape_time("x <"), "condition"),
    (lambda: fo.reduce.histogram("x", 1.0, 1.0, 3), "high must be"),
    (lambda: fo.reduce.histogram("x", 0.0, 1.0, 0), "bins must be"),
    (lambda: fo.reduce.histogram("x", 0.0, np.inf, 3), "high must be"),
    (lambda: fo.reduce.histogram("x", 0.0, 1.0, 3, pooled=1), "pooled must be"),
    (lambda: fo.reduce.moments(None), "expr must be"),
    (lambda: fo.reduce.mean("x +"), "reducer")])
def test_refusals(make, words):
    with pytest.raises((ValueError, TypeError), match=words) as refused:
        make()
    assert len(str(refused.value)) < 300 and "\n" not in str(refused.value)
