"""What a run returns: shapes, the path between the times, saving, loading, and the counts."""

import json
import pickle
import sys
import types

import numpy as np
import pytest
import reference

import flowopt as fo

EPS = np.finfo(float).eps
METHODS = [fo.Euler(h=0.03), fo.Heun(h=0.03), fo.Midpoint(h=0.03), fo.RK4(h=0.03),
           fo.SymplecticEuler(h=0.03), fo.SequentialEuler(h=0.03), fo.Dopri5(), fo.Tsit5(),
           fo.DOP853(), fo.Taylor()]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
BALL = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.himmelblau())
CLIPPED = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
DECAY = fo.VectorField(["-y"], ["y"])
START = [1.0, 0.5, -0.2, 0.3]


def stuck(**options):
    return fo.integrate(CLIPPED, [4.0], t=(0.0, 25.0), method=fo.DOP853(rtol=1e-12, atol=1e-13),
                        **options)


# ----------------------------------------------------------------- shapes and names


@every_method
def test_shapes(method):
    traj = fo.integrate(BALL, START, t=(0.0, 1.0), method=method)
    k = len(traj.t)
    assert k == traj.stats.n_steps + 1
    assert traj.t.shape == traj.loss.shape == (k,)
    assert traj.y.shape == (k, 4) and traj.x.shape == (k, 2)
    assert (traj.x == traj.y[:, :2]).all() and (traj.loss == BALL.loss.value(traj.x)).all()
    assert traj.t[0] == 0.0 and traj.t[-1] == 1.0 and (np.diff(traj.t) > 0).all()
    assert traj.y[0].tolist() == START
    assert traj.names == BALL.names and traj.n == 2 and traj.method == method.name
    assert len(traj.events) == 0 and traj.events.y.shape == (0, 4)
    assert method.name in repr(traj) and "REACHED_END" in repr(traj)


def test_theta_alone_starts_the_states_at_zero():
    traj = fo.integrate(BALL, START[:2], t=(0.0, 1.0))
    assert traj.y[0].tolist() == [*START[:2], 0.0, 0.0]


def test_a_run_without_a_loss():
    traj = fo.integrate(DECAY, 1.0, t=(0.0, 1.0))
    assert (traj.x == traj.y).all()
    with pytest.raises(ValueError, match="no loss"):
        _ = traj.loss


def test_a_run_cannot_be_changed_by_assignment():
    traj = fo.integrate(DECAY, 1.0, t=(0.0, 1.0))
    with pytest.raises(AttributeError):
        traj.status = fo.Status.DIVERGED


def test_the_start_is_copied():
    start = np.array([1.0, 0.5])
    traj = fo.integrate(BALL, start, t=(0.0, 1.0))
    start[:] = 7.0
    assert traj.y[0, 0] == 1.0


# ----------------------------------------------------------------- between the times


@every_method
@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
def test_the_path_goes_through_the_steps(method, span):
    """At the times of the steps the bits are those of y; just before them, to rounding."""
    traj = fo.integrate(BALL, START, t=span, method=method)
    assert (traj(traj.t) == traj.y).all()
    before = np.nextafter(traj.t[1:], traj.t[:-1])
    # sum_s k_s sum_j P_sj theta^(j+1): large terms that cancel; the time moves by EPS as well
    terms = getattr(getattr(method, "tableau", None), "dense_array", np.ones(1))
    terms = abs(terms).sum()
    speed = abs(BALL(0.0, traj.y)).max()
    longest = abs(np.diff(traj.t)).max()
    bound = EPS * (abs(traj.y).max() + speed + terms * longest * speed)
    assert abs(traj(before) - traj.y[1:]).max() <= bound


@every_method
def test_scalars_and_arrays(method):
    traj = fo.integrate(BALL, START, t=(0.0, 1.0), method=method)
    times = np.array([0.7, 0.1, 0.1, 1.0, 0.0, 0.33])  # in any order
    rows = traj(times)
    assert rows.shape == (6, 4) and traj(0.7).shape == (4,) and traj([0.7]).shape == (1, 4)
    assert all((traj(t) == row).all() for t, row in zip(times, rows, strict=True))
    assert (traj(1) == traj.y[-1]).all()  # an integer is a time


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
def test_outside_is_refused(span):
    traj = fo.integrate(DECAY, [1.0], t=span)
    for t in (-1e-9, 1 + 1e-9, [0.5, 2.0]):
        with pytest.raises(ValueError, match="t must lie inside the run, from 0 to 1"):
            traj(t)
    for t in (np.nan, np.inf, [[0.5]]):
        with pytest.raises(ValueError, match="t must"):
            traj(t)
    with pytest.raises(TypeError, match="t must"):
        traj("0.5")


def test_after_stuck_the_state_stays():
    traj = stuck()
    assert traj.status is fo.Status.STUCK and traj.t[-1] < 2.2
    for t in (traj.t[-1], 3.0, 25.0, 1e9):
        assert (traj(t) == traj.y[-1]).all()
    facts = reference.two_minima_facts()
    assert abs(traj([1.0, 2.0])[:, 0] - [float(facts["x1"]), float(facts["x2"])]).max() <= 1e-10
    with pytest.raises(ValueError, match="inside the run"):
        traj(-0.1)


def test_a_failed_run_is_not_continued():
    traj = fo.integrate(fo.VectorField(["y**2"], ["y"]), [1.0], t=(0.0, 2.0))
    assert traj.status is fo.Status.DIVERGED
    assert abs(traj(0.5)[0] - 2.0) <= 1e-7
    with pytest.raises(ValueError, match="inside the run"):
        traj(1.5)


def test_the_path_over_many_pieces():
    """|x| triangle: x' = -sign(sin t) crosses a surface of time alone at each multiple of pi."""
    field = fo.VectorField(["-sign(sin(t))"], ["x"])
    traj = fo.integrate(field, [0.0], t=(0.5, 12.0))
    assert traj.events.kind == ("cross",) * 3
    assert np.allclose(traj.events.t, np.pi * np.array([1, 2, 3]), rtol=0, atol=1e-9)
    times = np.linspace(0.5, 12.0, 1001)
    # the integral of the sign of sin is the distance to the nearest even multiple of pi
    exact = -(np.arccos(np.cos(times)) - 0.5)
    assert abs(traj(times)[:, 0] - exact).max() <= 1e-8


# ----------------------------------------------------------------- save_at and dense


@every_method
@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
def test_save_at(method, span):
    times = np.array([0.0, 0.03, 0.1, 0.5, 0.500001, 0.97, 1.0])
    times = times if span[0] == 0.0 else times[::-1].copy()
    full = fo.integrate(BALL, START, t=span, method=method)
    some = fo.integrate(BALL, START, t=span, method=method, save_at=times)
    assert (some.t == times).all() and some.y.shape == (7, 4)
    assert some.y[0].tolist() == START
    if isinstance(method, (fo.Dopri5, fo.Tsit5, fo.DOP853)):
        assert (some.y[-1] == full.y[-1]).all()
    # the weights of the stages are up to 60 and cancel; the field is up to 40 and h up to 1
    assert abs(some.y - full(times)).max() <= 256 * EPS * abs(full.y).max()
    assert (some.loss == BALL.loss.value(some.x)).all()
    assert some.dense is None
    with pytest.raises(ValueError, match="pass dense=True"):
        some(0.5)
    both = fo.integrate(BALL, START, t=span, method=method, save_at=times[2:4], dense=True)
    assert (both.t == times[2:4]).all() and (both.y == some.y[2:4]).all()
    assert (both(times) == full(times)).all()
    none = fo.integrate(BALL, START, t=span, method=method, dense=False)
    assert (none.y == full.y).all() and none.dense is None


def test_the_save_at_the_end_is_the_last_state():
    full = fo.integrate(BALL, START, t=(0.0, 1.0), method=fo.RK4(h=0.03))
    some = fo.integrate(BALL, START, t=(0.0, 1.0), method=fo.RK4(h=0.03), save_at=[1.0])
    assert (some.y[-1] == full.y[-1]).all()


def test_save_at_after_stuck():
    times = [0.0, 1.0, 2.0, 3.0, 25.0]
    traj = stuck(save_at=times)
    assert traj.status is fo.Status.STUCK and traj.t.tolist() == times
    assert (traj.y[3:] == stuck().y[-1]).all()
    facts = reference.two_minima_facts()
    assert abs(traj.x[1:3, 0] - [float(facts["x1"]), float(facts["x2"])]).max() <= 1e-10


@every_method
def test_save_at_keeps_what_was_reached(method):
    field = fo.VectorField(["v", "6*x**2"], ["x", "v"])  # x = 1/(1 - t)²
    if isinstance(method, fo.SequentialEuler):
        field = fo.flows.HeavyBall(gamma=0.0).on(fo.Loss("-2*x**3"))
    times = np.array([0.0, 0.5, 0.9, 2.0, 3.0])
    traj = fo.integrate(field, [1.0, 2.0], t=(0.0, 3.0), method=method, save_at=times)
    assert traj.status is fo.Status.DIVERGED
    assert (traj.t == times[:3]).all() and traj.y.shape == (3, 2) and np.isfinite(traj.y).all()


@pytest.mark.parametrize("bad", [[0.5, 0.2], [0.2, 0.2], [-0.1, 0.5], [0.5, 1.1], [np.nan],
                                 [[0.5]], 0.5])
def test_save_at_refused(bad):
    with pytest.raises(ValueError, match="save_at must"):
        fo.integrate(DECAY, [1.0], t=(0.0, 1.0), save_at=bad)


# ----------------------------------------------------------------- files


def assert_same(a, b):
    """Bit for bit, whatever a run holds."""
    for name in ("t", "y"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()
        assert getattr(a, name).shape == getattr(b, name).shape
    for name in ("t", "y", "which"):
        assert getattr(a.events, name).tobytes() == getattr(b.events, name).tobytes()
    assert a.events.kind == b.events.kind
    assert (a.status, a.stats, a.n, a.names, a.method, a.about, a.note, a.seed, a.message) == (
        b.status, b.stats, b.n, b.names, b.method, b.about, b.note, b.seed, b.message)
    assert isinstance(b.status, fo.Status) and (a.dense is None) == (b.dense is None)
    if a.dense is not None:
        assert a.dense.span == b.dense.span
        times = np.random.default_rng(2).uniform(*a.dense.span, 200)
        assert a(times).tobytes() == b(times).tobytes()
        assert a(a.t).tobytes() == b(a.t).tobytes()


@every_method
@pytest.mark.parametrize("options", [{}, {"save_at": [0.1, 0.7]}, {"dense": False},
                                     {"save_at": [0.1, 0.7], "dense": True}],
                         ids=["dense", "saves", "steps", "both"])
def test_round_trip(method, options, tmp_path):
    traj = fo.integrate(BALL, START, t=(0.0, 1.0), method=method, **options)
    traj.save(tmp_path / "run.npz")
    again = fo.load(tmp_path / "run.npz")
    assert_same(traj, again)
    assert again.loss.tobytes() == traj.loss.tobytes()
    again.save(tmp_path / "twice")  # any name; a loaded run can be saved
    assert_same(traj, fo.load(str(tmp_path / "twice")))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.npz", "twice"]


def test_round_trip_of_other_runs(tmp_path):
    noisy = fo.integrate(fo.flows.GradientFlow().on(fo.Loss("x**2")), [1.0], t=(0.0, 1.0),
                         method=fo.EulerMaruyama(h=0.1, temperature=0.2), seed=2**63 - 1)
    backwards = fo.integrate(DECAY, [1.0], t=(1.0, -1.0))
    failed = fo.integrate(fo.VectorField(["y**2"], ["y"]), [1.0], t=(0.0, 2.0))
    nowhere = fo.integrate(fo.VectorField(["log(y)"], ["y"]), [-1.0], t=(0.0, 2.0))
    for i, traj in enumerate((stuck(), noisy, backwards, failed, nowhere)):
        traj.save(tmp_path / str(i))
        assert_same(traj, fo.load(tmp_path / str(i)))
    assert len(stuck().events) == 2 and fo.load(tmp_path / "1").seed == 2**63 - 1
    assert (fo.load(tmp_path / "0")(1e9) == stuck().y[-1]).all()  # stuck for ever
    with pytest.raises(ValueError, match="no loss"):
        _ = fo.load(tmp_path / "2").loss


def refused(path, data):
    path.write_bytes(data)
    with pytest.raises(ValueError, match="path must be a run written by Trajectory.save") as caught:
        fo.load(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    stuck().save(path)
    good = path.read_bytes()
    place = good.index(stuck().y.tobytes())  # one bit of one number
    for cut in (0, 1, 4, 100, len(good) // 2, len(good) - 30, len(good) - 1):
        refused(path, good[:cut])
    refused(path, good[:place] + bytes([good[place] ^ 1]) + good[place + 1:])


def test_no_flipped_byte_is_more_than_a_refusal(tmp_path):
    path = tmp_path / "run.npz"
    traj = fo.integrate(DECAY, [1.0], t=(0.0, 1.0), method=fo.Euler(h=0.5), dense=False)
    traj.save(path)
    good = path.read_bytes()
    for place in range(0, len(good), 3):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1:])
        try:
            again = fo.load(path)  # dates and the like are free
        except ValueError:
            continue
        assert_same(traj, again)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "thing"
    refused(path, b"hello\n")
    refused(path, pickle.dumps({"t": 1.0}))
    np.savez(tmp_path / "thing.npz", t=np.ones(3), y=np.ones((3, 1)))
    refused(path, (tmp_path / "thing.npz").read_bytes())
    np.save(tmp_path / "thing.npy", np.ones(3))
    refused(path, (tmp_path / "thing.npy").read_bytes())
    np.savez(tmp_path / "objects.npz", header=np.array([{}], dtype=object))
    refused(path, (tmp_path / "objects.npz").read_bytes())


@pytest.mark.parametrize("change", [{"status": "FINE"}, {"stats": {"n_legs": 4}}, {"ends": [1, 2]},
                                    {"status": None}])
def test_a_changed_header_is_refused(change, tmp_path):
    path = tmp_path / "run.npz"
    fo.integrate(DECAY, [1.0], t=(0.0, 1.0)).save(path)
    with np.load(path) as data:
        arrays = dict(data)
    header = json.loads(arrays.pop("header").tobytes()) | change
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    refused(path, path.read_bytes())


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        fo.load(tmp_path / "nothing.npz")


@pytest.mark.parametrize("where", ["write", "rename"])
def test_writing_is_all_or_nothing(where, tmp_path, monkeypatch):
    from flowopt import _native

    path = tmp_path / "run.npz"
    first = fo.integrate(DECAY, [1.0], t=(0.0, 1.0))
    first.save(path)
    before = path.read_bytes()

    def full(self, data):
        with open(self, "wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    def broken(source, target):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        if where == "write":
            patch.setattr(type(path), "write_bytes", full)
        else:
            patch.setattr(_native.os, "replace", broken)
        with pytest.raises(OSError, match="No space|Input/output"):
            stuck().save(path)
        with pytest.raises(OSError, match="No space|Input/output"):
            stuck().save(tmp_path / "new.npz")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]
    assert_same(first, fo.load(path))


# ----------------------------------------------------------------- xarray


def test_xarray_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match="to_xarray needs xarray; install it with"):
        stuck().to_xarray()


def test_what_xarray_is_given(monkeypatch):
    """With a stand-in for xarray: one variable for each component, and the loss, over t."""
    def dataset(data, coords, attrs):
        return data, coords, attrs

    monkeypatch.setitem(sys.modules, "xarray", types.SimpleNamespace(Dataset=dataset))
    traj = fo.integrate(BALL, START, t=(0.0, 1.0))
    data, coords, attrs = traj.to_xarray()
    assert list(data) == [*BALL.names, "loss"] and all(d == "t" for d, _ in data.values())
    assert all((data[n][1] == traj.y[:, i]).all() for i, n in enumerate(traj.names))
    assert (data["loss"][1] == traj.loss).all() and (coords["t"] == traj.t).all()
    assert attrs == {"status": "REACHED_END", "method": "DOP853"}
    assert list(fo.integrate(DECAY, [1.0], t=(0.0, 1.0)).to_xarray()[0]) == ["y"]


def test_xarray():
    pytest.importorskip("xarray")
    traj = stuck()
    made = traj.to_xarray()
    assert (made["x"].values == traj.x[:, 0]).all() and made.attrs["status"] == "STUCK"
    assert (made["t"].values == traj.t).all() and (made["loss"].values == traj.loss).all()


# ----------------------------------------------------------------- counts


class Counted:
    """The van der Pol oscillator in plain Python, with the times of its calls."""

    def __init__(self):
        self.times = []
        self.field = fo.VectorField.from_kernel(self.rhs, 2)

    def rhs(self, t, y, p, dy):
        self.times.append(t)
        dy[:] = reference.van_der_pol_rhs(t, y, mu=5.0)


COUNTED = [m for m in METHODS  # Taylor refuses the Python kernel that counts
           if not isinstance(m, (fo.SymplecticEuler, fo.SequentialEuler, fo.Taylor))]


@pytest.mark.parametrize("method", COUNTED, ids=lambda m: m.name)
@pytest.mark.parametrize("save_at", [None, np.linspace(0.0, 1.0, 9)], ids=["steps", "saves"])
def test_n_rhs_is_the_number_of_calls(method, save_at):
    if isinstance(method, (fo.Dopri5, fo.Tsit5, fo.DOP853)):
        method = type(method)(h0=0.5)  # far too long: the first trials are rejected
    counted = Counted()
    traj = fo.integrate(counted.field, [2.0, 0.5], t=(0.0, 1.0), method=method, save_at=save_at)
    assert traj.status is fo.Status.REACHED_END
    assert traj.stats.n_rhs == len(counted.times)
    assert traj.stats.n_jac == 0 and traj.stats.seconds > 0
    tableau, stats = method.tableau, traj.stats
    if isinstance(method, (fo.Dopri5, fo.Tsit5, fo.DOP853)):
        assert stats.n_rejected > 0
        if save_at is None:
            # the slope at the new point is the first of the next step; DOP853 leaves it out on
            # rejection
            trials = stats.n_steps + stats.n_rejected
            late = isinstance(method, fo.DOP853)
            fresh = stats.n_steps if late else trials
            assert stats.n_rhs == 1 + (tableau.stages - 1) * trials + fresh
    else:
        assert stats.n_rejected == 0 and stats.n_steps == 34
        assert stats.n_rhs == 34 * tableau.stages


def test_n_rhs_of_a_splitting_of_a_kernel():
    counted = Counted()
    traj = fo.integrate(counted.field, [2.0, 0.5], t=(0.0, 1.0), method=fo.SymplecticEuler(h=0.1))
    assert traj.stats.n_rhs == len(counted.times)


def test_stages_are_at_their_times():
    """The kernel is called at t0 + k h + c h, without summing up."""
    counted = Counted()
    traj = fo.integrate(counted.field, [2.0, 0.5], t=(3.0, 4.0), method=fo.Euler(h=0.03))
    assert counted.times == (3.0 + 0.03 * np.arange(34)).tolist()
    assert (traj.t[:-1] == 3.0 + 0.03 * np.arange(34)).all() and traj.t[-1] == 4.0
    counted = Counted()
    fo.integrate(counted.field, [2.0, 0.5], t=(3.0, 4.0), method=fo.RK4(h=0.25))
    grid = 3.0 + 0.25 * np.arange(4)
    assert counted.times == [t + c for t in grid for c in (0.0, 0.125, 0.125, 0.25)]


@pytest.mark.parametrize("method", COUNTED, ids=lambda m: m.name)
def test_the_path_costs_calls_once_and_only_when_asked(method):
    counted = Counted()
    traj = fo.integrate(counted.field, [2.0, 0.5], t=(0.0, 1.0), method=method)
    during = len(counted.times)
    first = traj(0.4)
    after = len(counted.times)
    assert after == during if method.tableau.stages == 1 else after > during
    assert (traj(0.4) == first).all() and len(counted.times) == after
    assert traj.stats.n_rhs == during  # the cost of the run, whatever is asked of it later


def test_a_run_is_saved_to_an_ordinary_file_only(tmp_path):
    traj = fo.integrate(fo.VectorField(["-y"], ["y"]), [1.0], (0.0, 1.0))
    with pytest.raises(FileNotFoundError, match="a folder that exists"):
        traj.save(tmp_path / "none" / "run.npz")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match="ordinary file"):
        traj.save(tmp_path)
    target, link = tmp_path / "run.npz", tmp_path / "link.npz"
    target.write_bytes(b"")
    link.symlink_to(target)
    traj.save(link)
    assert link.is_symlink() and np.array_equal(fo.load(target).y, traj.y)
