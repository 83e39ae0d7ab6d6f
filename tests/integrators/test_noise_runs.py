"""Runs with noise: what is saved and counted, how they end, and what is refused."""

import math

import numpy as np
import pytest
import reference
import sympy

import flowopt as fo
from flowopt.integrators import integrate as integrate_module
from flowopt.integrators.job import Job

WELL = fo.Loss("(x**2 - 1)**2/4")
DOWN = fo.flows.GradientFlow().on(WELL)
BALL = fo.flows.HeavyBall(gamma=1.0).on(WELL)
METHODS = [fo.EulerMaruyama, fo.SRA1, fo.BAOAB]
every_method = pytest.mark.parametrize("cls", METHODS, ids=lambda c: c.__name__)


def field_of(cls):
    return BALL if cls is fo.BAOAB else DOWN


@every_method
def test_saved_times(cls):
    """A step's time gives its state; a time inside a step a point on the line between the two."""
    field, method = field_of(cls), cls(h=0.1, temperature=0.2)
    full = fo.integrate(field, [0.5], (0.0, 1.05), method, seed=3)
    assert full.t == pytest.approx([*np.arange(11) * 0.1, 1.05]) and full.stats.n_steps == 11
    times = [0.0, 0.3, 0.34, 0.36, 1.0, 1.025, 1.05]
    some = fo.integrate(field, [0.5], (0.0, 1.05), method, seed=3, save_at=times)
    line = np.array([np.interp(times, full.t, column) for column in full.y.T]).T
    assert some.y == pytest.approx(line, rel=1e-11)
    assert (some.y[[0, 1, 4, 6]] == full.y[[0, 3, 10, 11]]).all()
    many = fo.ensemble(field, [[0.5]] * 70, (0.0, 1.05), method, seed=3, save_at=times)
    assert (many.saved_y[0] == some.y).all()
    with pytest.raises(ValueError, match="kept no steps"):
        full(0.5)
    with pytest.raises(ValueError, match="dense=True has no meaning"):
        fo.integrate(field, [0.5], (0.0, 1.0), method, dense=True)


@every_method
def test_costs(cls, tmp_path):
    method = cls(h=0.01, temperature=0.1, path_step=0.005)
    traj = fo.integrate(field_of(cls), [0.5], (0.0, 1.0), method, seed=3)
    each = {fo.EulerMaruyama: 100, fo.SRA1: 200, fo.BAOAB: 101}[cls]
    assert (traj.stats.n_steps, traj.stats.n_rejected, traj.stats.n_rhs) == (100, 0, each)
    assert traj.seed == 3 and traj.method == cls.__name__
    traj.save(tmp_path / "run")
    again = fo.load(tmp_path / "run")
    assert again.seed == 3 and again.dense is None and (again.y == traj.y).all()


@every_method
def test_budget(cls):
    method = cls(h=0.1, temperature=0.1)
    full = fo.integrate(field_of(cls), [0.5], (0.0, 1.0), method, seed=3)
    part = fo.integrate(field_of(cls), [0.5], (0.0, 1.0), method, seed=3, max_steps=4)
    assert part.status is fo.Status.MAX_STEPS and (part.y == full.y[:5]).all()


@every_method
def test_divergence(cls):
    """Too long a step on a quartic: the last finite state is kept, alone as in company."""
    loss = fo.Loss("x**4")
    flow = fo.flows.HeavyBall(gamma=1.0) if cls is fo.BAOAB else fo.flows.GradientFlow()
    field, method = flow.on(loss), cls(h=0.1, temperature=0.1)
    starts = [[0.5], [60.0], [0.1], [math.nan]]
    ens = fo.ensemble(field, starts, (0.0, 10.0), method, seed=3)
    assert [fo.Status(s).name for s in ens.status] == ["REACHED_END", "DIVERGED", "REACHED_END",
                                                      "DIVERGED"]
    assert np.isnan(ens.y[[1, 3]]).all() and np.isfinite(ens.y[[0, 2]]).all()
    assert ens.steps[0] == 100 and 0 < ens.steps[1] < 20 and ens.steps[3] == 0
    few = fo.ensemble(field, starts[:2], (0.0, 10.0), method, seed=3)
    assert (few.steps == ens.steps[:2]).all() and (few.y[0] == ens.y[0]).all()
    alone = fo.integrate(field, [60.0], (0.0, 10.0), method, seed=3)
    assert alone.status is fo.Status.DIVERGED and np.isfinite(alone.y).all()
    assert f"step {alone.stats.n_steps + 1}," in alone.message and alone.stats.n_steps < 20
    last = fo.integrate(field, [60.0], (0.0, 10.0), method, seed=3, save_at=[9.0])
    assert (last.y[-1] == alone.y[-1]).all() and last.t[-1] == alone.t[-1]


@every_method
def test_reducers(cls):
    field, method = field_of(cls), cls(h=0.05, temperature="0.3/(1 + t)")
    reduce = {"first": fo.reduce.first_time("x < 0"), "least": fo.reduce.minimum("L"),
              "most": fo.reduce.maximum("x"), "mean": fo.reduce.mean("x**2")}
    ens = fo.ensemble(field, [[0.2]] * 3, (0.0, 5.0), method, seed=6, reduce=reduce)
    path = fo.integrate(field, [0.2], (0.0, 5.0), method, seed=6)
    below = np.flatnonzero(path.x[:, 0] < 0)
    first = path.t[below[0]] if len(below) else math.nan
    assert ens.reduced["first"][0] == pytest.approx(first, nan_ok=True)
    assert ens.reduced["least"][0] == pytest.approx(path.loss.min(), abs=1e-15)
    assert ens.reduced["most"][0] == path.x.max()
    assert ens.reduced["mean"][0] == pytest.approx(np.mean(path.x**2), rel=1e-13)


@pytest.mark.parametrize("cls, twin", [(fo.EulerMaruyama, reference.euler_maruyama),
                                       (fo.SRA1, reference.sra)], ids=["EulerMaruyama", "SRA1"])
def test_backwards(cls, twin):
    """A reversed span is the reversed field with the same noise."""
    field = fo.VectorField(["-sin(x) + cos(t)"], ["x"])
    back = fo.integrate(field, [0.3], (1.0, 0.0), cls(h=0.05, temperature="(1 + t)/3"), seed=8)
    dW, dZ = reference.brownian(1, 20, 0.05, 0, 8)
    given = (dW,) if cls is fo.EulerMaruyama else (dW, dZ)
    path = twin(lambda s, y: np.sin(y) - np.cos(1 - s), lambda s: np.sqrt(2 * (2 - s) / 3), [0.3],
                0.0, 0.05, *given)
    assert abs(back.y - path).max() < 1e-13


def go(method, field=DOWN, span=(0.0, 1.0), **options):
    return lambda: fo.integrate(field, np.full(field.n, 0.1), span, method, **options)


def many(method, field=DOWN, **options):
    return lambda: fo.ensemble(field, [[0.1]] * 3, (0.0, 1.0), method, **options)


def em(T=0.1, **options):
    return fo.EulerMaruyama(h=0.1, temperature=T, **options)


BAOAB = fo.BAOAB(h=0.1, temperature=0.1)
REFUSED = {
    "negative": (lambda: em(-1.0), ValueError, "temperature must be a finite number >= 0, got -1"),
    "nan": (lambda: em(math.nan), ValueError, "temperature"),
    "a list": (lambda: em([1.0, 2.0]), TypeError, "temperature"),
    "complex": (lambda: em(sympy.I), TypeError, "temperature must be a finite number"),
    "no such function": (go(em(sympy.Function("f")(sympy.Symbol("t")))), ValueError,
                         "compiled form"),
    "h": (lambda: fo.SRA1(h=0.0, temperature=1.0), ValueError, "h must"),
    "code": (lambda: em("__import__('os')"), ValueError, "temperature"),
    "no formula": (lambda: em("1 +"), ValueError, "temperature ends after"),
    "negative text": (go(em("-1")), ValueError, "temperature must be finite and >= 0, got -1"),
    "later negative": (go(em("0.55 - t")), ValueError, "got -0.35 at t=0.9"),
    "at the end only": (go(fo.SRA1(0.1, "0.95 - t")), ValueError, "got -0.05 at t=1 "),
    "in the middle": (go(fo.BAOAB(0.1, "0.93 - t"), BALL), ValueError, "got -0.02 at t=0.95"),
    "infinite": (go(em("1/t")), ValueError, "a value that is not finite at t=0"),
    "on the state": (go(em("x**2")), ValueError, "holds x; noise that depends on the state"),
    "unknown name": (go(em("T0/(1 + t)")), ValueError, "temperature holds T0, which is neither"),
    "unknown in many": (many(em("T0")), ValueError, "parameters={'T0': ...}"),
    "wrong length": (many(em("T0"), parameters={"T0": [1.0, 2.0]}), ValueError, r"shape \(3,\)"),
    "one negative": (many(em("T0"), parameters={"T0": [1.0, -2.0, 1.0]}), ValueError, "got -2"),
    "one later negative": (many(em("T0 - t"), parameters={"T0": [1.0, 0.5, 2.0]}), ValueError,
                           "got -0.4 at t=0.9"),
    "without use": (many(em(0.1), parameters={"T0": 1.0}), ValueError, "parameters holds T0"),
    "path_step longer": (lambda: em(path_step=0.2), ValueError, "h must be a whole multiple of"),
    "path_step uneven": (lambda: em(path_step=0.03), ValueError, "path_step=0.03"),
    "path_step zero": (lambda: em(path_step=0.0), ValueError, "path_step must be"),
    "no velocity": (go(BAOAB), ValueError, "BAOAB needs a field q' = v.* has 0 states"),
    "odd": (go(BAOAB, fo.VectorField(["y", "z", "-x"], ["x", "y", "z"])), ValueError, "odd number"),
    "not q' = v": (go(BAOAB, fo.VectorField(["2*v", "-q - v"], ["q", "v"])), ValueError,
                   r"has q' = 2\*v"),
    "drag": (go(BAOAB, fo.VectorField(["v", "-q - v**3"], ["q", "v"])), ValueError, "friction"),
    "friction in time": (go(BAOAB, fo.VectorField(["v", "-q - t*v"], ["q", "v"])), ValueError,
                         "whose friction is not one constant"),
    "friction of a place": (go(BAOAB, fo.Flow({"theta": "v", "v": "-g - theta**2*v"}).on(WELL)),
                            ValueError, "whose friction is not a constant"),
    "two frictions": (go(BAOAB, fo.VectorField(["v", "w", "-q - v", "-r - 2*w"],
                                               ["q", "r", "v", "w"])), ValueError, "w' ="),
    "velocities mixed": (go(BAOAB, fo.VectorField(["v", "w", "-q - v + w", "-r - w"],
                                                  ["q", "r", "v", "w"])), ValueError, "v' ="),
    "norm of v": (go(BAOAB, fo.Flow({"theta": "v", "v": "-g - norm(v)"}).on(WELL)), ValueError,
                  "act on each other"),
    "kernel": (go(BAOAB, fo.VectorField.from_kernel(lambda t, y, p, dy: None, 2)), ValueError,
               "is made of kernels"),
    "two frictions given": (go(fo.BAOAB(0.1, 0.1, gamma=2.0), BALL), ValueError,
                            "gamma must be left out .* got 2 and .* has 1"),
    "negative gamma": (lambda: fo.BAOAB(0.1, 0.1, gamma=-1.0), ValueError, "gamma must be"),
    "negative friction": (go(BAOAB, fo.VectorField(["v", "-q + v"], ["q", "v"])), ValueError,
                          "gamma must be finite and >= 0"),
    "no friction": (go(BAOAB, fo.flows.HeavyBall(gamma=0.0).on(WELL)), ValueError,
                    "temperature has no effect"),
    "backwards": (go(BAOAB, BALL, (1.0, 0.0)), ValueError, "t must run forwards for BAOAB"),
    "in an ensemble": (many(BAOAB), ValueError, "BAOAB needs a field"),
    "seed": (go(em(), seed=-1), ValueError, "seed"),
    "compared": (lambda: fo.compare(DOWN, [0.1], (0, 1), methods=[fo.SRA1(0.1, 0.1)]), ValueError,
                 "random"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case, monkeypatch):
    """One sentence, and no step is taken before it."""
    def never(*_, **__):
        raise AssertionError("work has started")

    monkeypatch.setattr(integrate_module.FixedRun, "go", never)
    monkeypatch.setattr(Job, "run", never)
    call, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
