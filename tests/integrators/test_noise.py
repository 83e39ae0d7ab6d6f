"""Methods with noise: their twins, the same bits in any company, one path at every step, orders."""

import math

import numpy as np
import pytest
import reference

import flowopt as fo
from flowopt.integrators import fixed, fixed_job, stochastic

OU = fo.flows.GradientFlow().on(fo.Loss("mu*x**2/2", parameters={"mu": 1.0}))
DOUBLE_WELL = fo.Loss("(x**2 - 1)**2/4")
DOWN = fo.flows.GradientFlow().on(DOUBLE_WELL)
BALL = fo.flows.HeavyBall(gamma=1.5).on(DOUBLE_WELL)
STILL = fo.VectorField(["0", "0", "0"], ["x", "y", "z"])
METHODS = [fo.EulerMaruyama, fo.SRA1, fo.BAOAB]
every_method = pytest.mark.parametrize("cls", METHODS, ids=lambda c: c.__name__)

# a field with three coordinates that act on each other, and time in F and in T
WAVY = fo.VectorField(["-x**3 + y*cos(3*t)", "sin(z) - y", "x - z/(1 + x**2)"], ["x", "y", "z"])
HEAT = "(1 + sin(5*t))/3"
START = [0.7, -0.4, 0.2]


def wavy(t, y):
    return np.array([-y[0]**3 + y[1] * np.cos(3 * t), np.sin(y[2]) - y[1],
                     y[0] - y[2] / (1 + y[0]**2)])


def amplitude(t):
    return np.sqrt(2 * (1 + np.sin(5 * t)) / 3)


# ----------------------------------------------------------------- twins


def test_the_noise_is_the_twin():
    """One step with F = 0, h = 1 and 2 T = 1 is the normal number itself."""
    seed = 2**40 + 12345
    for steps in (1, 2, 7):
        ens = fo.ensemble(STILL, np.zeros((70, 3)), (0.0, steps), seed=seed,
                          method=fo.EulerMaruyama(h=1.0, temperature=0.5))
        for lane in (0, 1, 63, 64, 69):
            want = [sum(reference.normal(i, k, lane, seed) for k in range(steps))
                    for i in range(3)]
            assert ens.y[lane] == pytest.approx(want, rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("fine", [1, 4])
@pytest.mark.parametrize("cls, twin", [(fo.EulerMaruyama, reference.euler_maruyama),
                                       (fo.SRA1, reference.sra)])
def test_paths_are_their_twins(cls, twin, fine):
    h, steps, seed, t0 = 0.05, 11, 31, 0.3
    method = cls(h=h, temperature=HEAT, path_step=None if fine == 1 else h / fine)
    times = t0 + h * np.arange(steps + 1)
    ens = fo.ensemble(WAVY, [START] * 66, (t0, times[-1]), method, seed=seed, save_at=times)
    for lane in (0, 65):
        dW, dZ = reference.brownian(3, steps, h, lane, seed, fine)
        given = (dW,) if cls is fo.EulerMaruyama else (dW, dZ)
        path = twin(wavy, amplitude, START, t0, h, *given)
        assert abs(ens.saved[lane] - path).max() < 1e-13
    traj = fo.integrate(WAVY, START, (t0, times[-1]), method, seed=seed)
    assert traj.t == pytest.approx(times, rel=1e-15) and (traj.y == ens.saved[0]).all()


def test_baoab_is_its_twin():
    field = fo.VectorField(["v", "w", "-gamma*v - q**3 + r + cos(2*t)", "q - 3*r - w*gamma"],
                           ["q", "r", "v", "w"], parameters={"gamma": 1.2})
    h, steps, seed, t0 = 0.05, 11, 5, 0.3
    method = fo.BAOAB(h=h, temperature=HEAT)
    times = t0 + h * np.arange(steps + 1)
    ens = fo.ensemble(field, [[0.5, 0.1, -0.2, 0.4]] * 66, (t0, times[-1]), method, seed=seed,
                      save_at=times)
    for lane in (0, 65):
        z = [[reference.normal(i, k, lane, seed) for i in range(2)] for k in range(steps)]
        path = reference.baoab(
            lambda t, q: np.array([-q[0]**3 + q[1] + np.cos(2 * t), q[0] - 3 * q[1]]), 1.2,
            lambda t: amplitude(t)**2 / 2, [0.5, 0.1], [-0.2, 0.4], t0, h, np.array(z))
        assert abs(ens.saved_y[lane] - path).max() < 1e-13
    traj = fo.integrate(field, ens.saved_y[0, 0], (t0, times[-1]), method, seed=seed)
    assert (traj.y == ens.saved_y[0]).all() and traj.stats.n_rhs == steps + 1


# ----------------------------------------------------------------- the seed alone


def field_for(cls, n=2):
    loss = fo.Loss(" + ".join(f"({i} + a)*x{i}**2/2 + x{i}**4/9" for i in range(n)),
                   parameters={"a": 0.5})
    return (fo.flows.HeavyBall(gamma=0.7) if cls is fo.BAOAB else fo.flows.GradientFlow()).on(loss)


@every_method
@pytest.mark.parametrize("path_step", [None, 0.01])
def test_only_the_seed_counts(cls, path_step, monkeypatch):
    """Bit for bit: threads, company, the width of a block, pieces of the work, the buffer."""
    field, span = field_for(cls), (0.0, 2.03)
    method = cls(h=0.05, temperature="a/(1 + t)", path_step=path_step)
    starts = np.random.default_rng(3).uniform(-1, 1, (300, 2))
    whole = fo.ensemble(field, starts, span, method, seed=7, threads=1)
    assert np.isfinite(whole.y).all() and len(np.unique(whole.y)) == whole.y.size

    def same(count=300, **options):
        made = fo.ensemble(field, starts[:count], span, method, seed=7, **options)
        return np.array_equal(made.y, whole.y[:count])

    assert same(threads=2) and same(5) and same(65)
    alone = fo.integrate(field, starts[0], span, method, seed=7)
    some = fo.integrate(field, starts[0], span, method, seed=7, save_at=[1.0, 2.03])
    assert (alone.y[-1] == whole.y[0]).all() and (some.y[-1] == whole.y[0]).all()
    assert not np.array_equal(fo.ensemble(field, starts, span, method, seed=8).y, whole.y)
    with monkeypatch.context() as patch:
        patch.setattr(fixed_job, "WIDEST", 1)
        assert same()
    with monkeypatch.context() as patch:
        patch.setattr(fixed, "CHUNK", 9)
        assert same() and (fo.integrate(field, starts[0], span, method, seed=7).y == alone.y).all()
    for steps in (2, 16, 1024):
        with monkeypatch.context() as patch:
            patch.setattr(stochastic, "buffered_steps", lambda n, w, s=steps: 2 if w > 1 else s)
            assert (fo.integrate(field, starts[0], span, method, seed=7).y == alone.y).all()


@every_method
def test_many_coordinates(cls):
    """Where the buffer of one lane holds two steps, it holds the same numbers."""
    n = 300
    assert stochastic.buffered_steps(n, 1) == 2 < stochastic.buffered_steps(2, 1)
    names = [f"x{i}" for i in range(n)]
    rules = [f"-{x}" for x in names]
    if cls is fo.BAOAB:
        velocities = [f"v{i}" for i in range(n)]
        rules = velocities + [f"{r} - {v}" for r, v in zip(rules, velocities, strict=True)]
        names = names + velocities
    field, method = fo.VectorField(rules, names), cls(h=0.1, temperature=1.0)
    ens = fo.ensemble(field, np.zeros((3, len(names))), (0.0, 0.5), method, seed=1)
    alone = fo.integrate(field, np.zeros(len(names)), (0.0, 0.5), method, seed=1)
    assert (alone.y[-1] == ens.y[0]).all() and len(np.unique(ens.y)) == ens.y.size


@every_method
def test_seeds(cls):
    field, method = field_for(cls), cls(h=0.1, temperature=1.0)
    drawn = fo.ensemble(field, np.zeros((5, 2)), (0.0, 2.0), method)
    again = fo.ensemble(field, np.zeros((5, 2)), (0.0, 2.0), method, seed=drawn.seed)
    assert np.array_equal(drawn.y, again.y)
    other = fo.ensemble(field, np.zeros((5, 2)), (0.0, 2.0), method)
    assert other.seed != drawn.seed and not np.array_equal(other.y, drawn.y)
    traj = fo.integrate(field, [0.0, 0.0], (0.0, 2.0), method)
    assert (fo.integrate(field, [0.0, 0.0], (0.0, 2.0), method, seed=traj.seed).y == traj.y).all()


# ----------------------------------------------------------------- one path at every step


@pytest.mark.parametrize("cls", [fo.EulerMaruyama, fo.SRA1])
def test_one_path_at_every_step(cls):
    """The same W, and with SRA1 the same ∫ W ds: both are exact for F = (0, x), at any step."""
    flow = fo.Flow({"theta": "0*theta", "z": "theta"})
    field, fine, seed = flow.on(fo.Loss("x**2")), 1 / 96, 4
    ends = np.array([fo.ensemble(field, [[0.0]] * 70, (0.0, 1.01), seed=seed,
                                 method=cls(h=k * fine, temperature=0.5, path_step=fine)).y
                     for k in (1, 2, 3, 8, 48, 96, 97)])
    assert abs(ends[:, :, 0] - ends[0, :, 0]).max() < 1e-14
    if cls is fo.SRA1:
        assert abs(ends - ends[0]).max() < 1e-14
    dW, dZ = reference.brownian(1, 96, fine, 69, seed)
    last = math.sqrt(1.01 - 1) * reference.normal(0, 96, 69, seed)  # the last step is shorter
    assert ends[0, 69, 0] == pytest.approx(dW.sum() + last, rel=1e-12)
    whole = fo.ensemble(field, [[0.0]] * 70, (0.0, 1.0), seed=seed,
                        method=fo.SRA1(h=0.5, temperature=0.5, path_step=fine)).y[69]
    area = (dZ + (np.cumsum(dW, axis=0) - dW) * fine).sum()
    assert whole == pytest.approx([dW.sum(), area], rel=1e-12)


def test_the_law_of_the_increments():
    """ΔW and ΔZ have the covariance [[h, h²/2], [h²/2, h³/3]], in one fine step and in seven."""
    field, count = fo.Flow({"theta": "0*theta", "z": "theta"}).on(fo.Loss("x**2")), 40_000
    for h, fine in ((0.7, None), (0.7, 0.1)):
        y = fo.ensemble(field, np.zeros((count, 1)), (0.0, h), seed=9,
                        method=fo.SRA1(h=h, temperature=0.5, path_step=fine)).y
        exact = np.array([[h, h**2 / 2], [h**2 / 2, h**3 / 3]])
        found = y.T @ y / count
        error = np.sqrt((np.outer(exact.diagonal(), exact.diagonal()) + exact**2) / count)
        assert (abs(found - exact) < 4.5 * error).all()


def test_baoab_with_a_finer_path_has_the_same_kicks():
    """F = -γv alone: O is exact, so v is the same at every step."""
    field = fo.VectorField(["v", "-3*v"], ["q", "v"])
    ends = np.array([fo.ensemble(field, [[0.0, 1.0]] * 70, (0.0, 1.01), seed=4,
                                 method=fo.BAOAB(h=k / 96, temperature=0.5, path_step=1 / 96)).y
                     for k in (1, 2, 8, 48, 97)])
    assert abs(ends[:, :, 1] - ends[0, :, 1]).max() < 1e-14
    assert np.std(ends[0, :, 1]) > 0.5


# ----------------------------------------------------------------- orders

FINE, RUNS, BATCHES = 2.0**-13, 2560, 20


def interval(values):
    """Return the middle of values (BATCHES,) and how far 4 standard errors go."""
    return np.mean(values), 4 * np.std(values, ddof=1) / math.sqrt(len(values))


# method, its field, strong order, T
STRONG = [(fo.EulerMaruyama, DOWN, 1.0, 0.3), (fo.SRA1, DOWN, 1.5, 0.3),
          (fo.EulerMaruyama, DOWN, 1.0, "0.3*(1 + sin(3*t)/2)"),
          (fo.SRA1, DOWN, 1.5, "0.3*(1 + sin(3*t)/2)"), (fo.BAOAB, BALL, 1.0, 0.3)]


@pytest.mark.parametrize("cls, field, order, heat", STRONG,
                         ids=[f"{row[0].__name__} {row[3]}" for row in STRONG])
def test_strong_order(cls, field, order, heat):
    """The root mean square error at t = 1 on the same paths, with an interval from batches."""
    def ends(h, method=cls):
        return fo.ensemble(field, np.full((RUNS, 1), 0.5), (0.0, 1.0), seed=12, method=method(
            h=h, temperature=heat, path_step=FINE)).x[:, 0]

    exact = ends(FINE, cls if cls is fo.BAOAB else fo.SRA1)
    steps = 2.0 ** -np.arange(6, 10)
    square = np.array([(ends(h) - exact) ** 2 for h in steps]).reshape(4, BATCHES, -1).mean(axis=2)
    slopes = np.polyfit(np.log(steps), np.log(square) / 2, 1)[0]
    middle, wide = interval(slopes)
    assert wide < 0.1 and abs(middle - order) + wide < 0.15, (middle, wide)
