"""Vector fields: any ODE, as expressions or as a function; what callers and scipy see."""

import numba
import numpy as np
import pytest
import reference
import scipy.integrate
import sympy

import flowopt as fo

EPS = np.finfo(float).eps
LORENZ = fo.VectorField(["s*(y - x)", "x*(r - z) - y", "x*y - b*z"], ["x", "y", "z"],
                        parameters={"s": 10.0, "r": 28.0, "b": 8 / 3}, name="Lorenz")
PENDULUM = fo.VectorField(["v", "-sin(q) - c*v + a*cos(w*t)"], ["q", "v"],
                          parameters={"c": 0.2, "a": 0.5, "w": 1.5})
Y = np.array([1.0, 2.0, 3.0])


# ----------------------------------------------------------------- from expressions


def test_lorenz():
    assert LORENZ(0, Y) == pytest.approx(reference.lorenz_rhs(0, Y), rel=2 * EPS)
    assert LORENZ.jacobian(0, Y) == pytest.approx(
        np.array([[-10, 10, 0], [25, -1, -1], [2, 1, -8 / 3]]), rel=2 * EPS)
    assert LORENZ.autonomous and LORENZ.surfaces == 0 and (LORENZ.n, LORENZ.m) == (3, 3)
    assert LORENZ.loss is None and LORENZ.flow is None
    assert repr(LORENZ) == "<VectorField Lorenz: 3 equations>"


def test_time_and_parameters():
    t, y = 0.7, np.array([0.3, -0.4])
    assert not PENDULUM.autonomous
    expected = [y[1], -np.sin(y[0]) - 0.2 * y[1] + 0.5 * np.cos(1.5 * t)]
    assert PENDULUM(t, y) == pytest.approx(expected, rel=4 * EPS)
    stronger = PENDULUM.with_parameters(a=2.0)
    assert stronger(t, y)[1] - PENDULUM(t, y)[1] == pytest.approx(1.5 * np.cos(1.5 * t), rel=1e-14)
    assert stronger.rhs(t, y).tolist() == stronger(t, y).tolist()
    assert PENDULUM.parameters["a"] == 0.5


def test_a_right_hand_side_keeps_its_parameters():
    """`rhs` of a field and of its copy are two functions; each keeps its own numbers."""
    first, second = LORENZ.rhs, LORENZ.with_parameters(s=1.0).rhs
    assert first(0, Y)[0] == 10.0 and second(0, Y)[0] == 1.0 and first(0, Y)[0] == 10.0


@pytest.mark.parametrize("time", ["s", sympy.Symbol("tau")])
def test_the_name_of_time(time):
    field = fo.VectorField([f"t*{time}"], ["t"], time=time)
    assert field(3.0, [2.0]).tolist() == [6.0] and not field.autonomous


def test_order_of_parameters():
    rules, names = ["a*x + b"], ["x"]
    for order in ({"a": 2.0, "b": 5.0}, {"b": 5.0, "a": 2.0}):
        field = fo.VectorField(rules, names, parameters=order)
        assert field(0, [3.0]).tolist() == [11.0] and list(field.parameters) == list(order)
        falling = fo.VectorField.from_kernel(fall, 1, parameters=order)
        run = fo.integrate(falling, [3.0], t=(0, 4), events=["y1 - a/4", "y1 - b/2"])
        assert run.events.t == pytest.approx([0.5, 2.5], abs=1e-12)


def fall(t, y, p, dy):
    dy[0] = -1.0


def test_sympy_and_text_are_the_same_field():
    x, y, k, t = sympy.symbols("x y k t")
    symbolic = fo.VectorField([sympy.sin(x * y) - 0.3 * k, x**2 * t - y], [x, y], time=t,
                              parameters={"k": 2.0})
    text = fo.VectorField(["sin(x*y) - 0.3*k", "x**2*t - y"], ["x", "y"], parameters={"k": 2.0})
    points = np.random.default_rng(0).normal(size=(80, 2))
    assert (symbolic(0.5, points) == text(0.5, points)).all()
    assert (symbolic.jacobian(0.5, points) == text.jacobian(0.5, points)).all()
    assert [str(e) for e in symbolic.equations] == [str(e) for e in text.equations]
    assert fo.VectorField([0, 2.5], [x, y])(0, [7.0, 8.0]).tolist() == [0.0, 2.5]


def test_symbols_equations_latex():
    q, v = PENDULUM.symbols
    a, c, w, t = sympy.symbols("a c w t", real=True)
    assert (str(q), str(v)) == ("q", "v")
    assert PENDULUM.equations == (v, a * sympy.cos(t * w) - c * v - sympy.sin(q))
    assert PENDULUM.switches == ()
    latex = PENDULUM.latex()
    assert latex.count(r"\dot{") == 2 and r"\sin{\left(q \right)}" in latex
    assert latex.startswith("\\begin{aligned}") and latex.count("\\\\\n") == 1
    kinked = fo.flows.SignFlow().on(fo.Loss("Abs(x) + y**2")).latex()
    assert "sign" in kinked and "Select" not in kinked


def test_a_single_equation():
    one = fo.VectorField("-x**2", "x")
    assert one(0, 2.0).tolist() == one(0, [2.0]).tolist() == [-4.0]
    assert one(0, [[1.0], [2.0]]).tolist() == [[-1.0], [-4.0]]
    assert one.jacobian(0, 3.0).tolist() == [[-6.0]]


# ----------------------------------------------------------------- shapes


@pytest.mark.parametrize("count", [1, 15, 16, 64, 65, 130])
def test_batches(count):
    points = np.random.default_rng(count).normal(size=(count, 2))
    times = np.linspace(0, 1, count)
    for f in (PENDULUM.__call__, PENDULUM.jacobian):
        both = f(times, points)
        assert (both == [f(t, y) for t, y in zip(times, points, strict=True)]).all()
        assert (f(0.3, points) == [f(0.3, y) for y in points]).all()
    assert PENDULUM(times, points).shape == (count, 2)
    assert PENDULUM.jacobian(times, points).shape == (count, 2, 2)


def test_sides_in_a_batch():
    field = fo.VectorField(["sign(Abs(x) - t)", "Max(x, y)"], ["x", "y"])
    points = np.random.default_rng(0).normal(size=(70, 2))
    times = np.linspace(0.1, 2, 70)
    sides = field.sides(times, points)
    assert sides.shape == (70, field.surfaces)
    assert (sides == [field.sides(t, y) for t, y in zip(times, points, strict=True)]).all()
    assert (field.in_regime(times, points, sides) == field(times, points)).all()
    flipped = field.in_regime(times, points, -sides)
    assert (flipped[:, 1] == points.min(axis=1)).all()  # the other branch of Max, continued


def test_start():
    field = fo.flows.HeavyBall().on("x**2 + y**2")
    assert field.start([1, 2]).tolist() == [1, 2, 0, 0]
    assert field.start(np.arange(4)).tolist() == [0, 1, 2, 3]
    start = np.array([1.0, 2.0, 3.0, 4.0])
    field.start(start)[0] = 9.0
    assert start[0] == 1.0


# ----------------------------------------------------------------- scipy


@pytest.mark.parametrize("method", ["RK45", "DOP853", "LSODA", "Radau", "BDF"])
def test_scipy_takes_the_right_hand_side(method):
    jacobian = {"jac": PENDULUM.jacobian} if method in ("Radau", "BDF", "LSODA") else {}
    run = scipy.integrate.solve_ivp(PENDULUM.rhs, (0.0, 2.0), [0.3, -0.4], method=method,
                                    rtol=1e-10, atol=1e-10, **jacobian)
    ours = fo.integrate(PENDULUM, [0.3, -0.4], t=(0.0, 2.0),
                        method=fo.DOP853(rtol=1e-12, atol=1e-12))
    assert run.success and abs(run.y[:, -1] - ours.y[-1]).max() < 1e-8


def test_the_right_hand_side_for_scipy():
    f = LORENZ.rhs
    assert (f(0, Y) == LORENZ(0, Y)).all() and (f(0, Y.tolist()) == LORENZ(0, Y)).all()
    strided = np.arange(6.0)[::2]
    assert (f(0, strided) == LORENZ(0, strided)).all()
    one, two = f(0, Y), f(0, 2 * Y)
    assert one is not two and (one == LORENZ(0, Y)).all()  # a fresh array each time
    for bad in (Y[:2], np.ones(4), Y[None]):
        with pytest.raises(ValueError, match=r"y must have shape \(3,\)"):
            f(0, bad)


# ----------------------------------------------------------------- as a function


def swing(t, y, p, dy):
    dy[0] = y[1]
    dy[1] = -np.sin(y[0]) - p[0] * y[1] + p[1] * np.cos(p[2] * t)


@pytest.mark.parametrize("rhs", [swing, numba.njit(swing)], ids=["plain", "compiled"])
def test_field_of_a_function(rhs):
    field = fo.VectorField.from_kernel(rhs, 2, parameters=dict(PENDULUM.parameters), name="swing")
    points = np.random.default_rng(3).normal(size=(70, 2))
    times = np.linspace(0, 3, 70)
    assert field(times, points) == pytest.approx(PENDULUM(times, points), rel=8 * EPS, abs=1e-15)
    assert (field(times, points)
            == [field(t, y) for t, y in zip(times, points, strict=True)]).all()
    assert (field.rhs(0.3, points[0]) == field(0.3, points[0])).all()
    # differences of step h = EPS^(1/3): error h²/6 F''' + EPS/h, 4e-11
    assert field.jacobian(0.4, points) == pytest.approx(PENDULUM.jacobian(0.4, points), abs=1e-9)
    assert field.with_parameters(a=0.0)(0, [0.0, 0.0])[1] == 0.0
    assert field.name == "swing" and field.names == ("y1", "y2")
    assert not field.autonomous and field.surfaces == 0
    runs = [fo.integrate(one, [0.3, -0.4], t=(0.0, 2.0)) for one in (field, PENDULUM)]
    assert abs(runs[0].y[-1] - runs[1].y[-1]).max() < 1e-7
    for method in (fo.RK4(h=0.1), fo.SymplecticEuler(h=0.1), fo.SymplecticEuler(h=0.1, first="q")):
        runs = [fo.integrate(one, [0.3, -0.4], t=(0.0, 2.0), method=method)
                for one in (field, PENDULUM)]
        assert abs(runs[0].y - runs[1].y).max() < 1e-14


def test_what_a_plain_function_raises_is_told():
    def bad(t, y, p, dy):
        if t > 0.5:
            raise ArithmeticError("too late")
        dy[:] = 1.0

    field = fo.VectorField.from_kernel(bad, 1)
    for method in (fo.Euler(h=0.1), fo.RK4(h=0.1), fo.DOP853()):
        with pytest.raises(RuntimeError, match="right-hand side bad raised ArithmeticError: too l"):
            fo.integrate(field, [0.0], t=(0.0, 1.0), method=method)
        early = fo.integrate(field, [0.0], t=(0.0, 0.4), method=method)
        assert early.y[-1, 0] == pytest.approx(0.4)


def test_a_plain_function_sees_copies_and_must_fill_dy():
    def greedy(t, y, p, dy):
        dy[0] = y[0]
        y[:] = 0.0

    field = fo.VectorField.from_kernel(greedy, 2)
    point = np.array([1.0, 2.0])
    out = field(0, point)
    assert out[0] == 1.0 and np.isnan(out[1]) and point.tolist() == [1.0, 2.0]
