"""Starts where the field is not a number, against closed forms and high precision."""

import mpmath
import numpy as np
import pytest
import reference
from scipy.special import j1

import flowopt as fo
from flowopt.integrators.collocation import collocation

NESTEROV = fo.Flow({"theta": "v", "v": "-3/t*v - g"}, name="Nesterov's flow")
ADAGRAD = fo.Flow({"theta": "-g/sqrt(v)", "v": "g**2"}, name="Adagrad")
RMSPROP = fo.Flow({"theta": "-g/sqrt(v)", "v": "b*(g**2 - v)"}, parameters={"b": 0.5})
ADAM = fo.Flow({"theta": "-(m/(1 - exp(-a*t)))/sqrt(v/(1 - exp(-b*t)))", "m": "a*(g - m)",
                "v": "b*(g**2 - v)"}, parameters={"a": 0.7, "b": 0.1}, name="Adam")
METHODS = [fo.DOP853, fo.Dopri5, fo.Tsit5]


def nesterov(t, mu=1.0):
    """x(t) = 2 J1(√μ t)/(√μ t), from 1 at rest (Su, Boyd & Candès 2016, Eq. (9))."""
    s = np.sqrt(mu) * np.asarray(t, dtype=float)
    return np.where(s == 0.0, 1.0, 2 * j1(s) / np.where(s == 0.0, 1.0, s))


@pytest.mark.parametrize("count", [6, 8])
def test_the_collocation_integrates_polynomials_exactly(count):
    rule = collocation(count)
    for d in range(2 * count):
        assert rule.b @ rule.c**d == pytest.approx(1 / (d + 1), rel=1e-13)
    for d in range(count):
        np.testing.assert_allclose(rule.a @ rule.c**d, rule.c**(d + 1) / (d + 1), atol=1e-15)
        weights = np.zeros(count)
        weights[d] = 1 / (d + 1)
        np.testing.assert_allclose(rule.polynomial @ rule.c**d, weights, atol=1e-9)


# --------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize("cls", METHODS)
@pytest.mark.parametrize("mu", [1.0, 25.0, 1e4])
def test_nesterov_is_a_bessel_function(cls, mu):
    field = NESTEROV.on(fo.Loss("mu*x**2/2", parameters={"mu": mu}))
    end = 12 / np.sqrt(mu)
    times = np.linspace(0, end, 61)
    run = fo.integrate(field, [1.0], t=(0, end), method=cls(rtol=1e-11, atol=1e-12), save_at=times,
                       dense=True)
    assert run.status is fo.Status.REACHED_END
    np.testing.assert_allclose(run.x[:, 0], nesterov(times, mu), rtol=0, atol=1e-9)
    early = np.linspace(0, end / 50, 200)  # inside the first step
    np.testing.assert_allclose(run(early)[:, 0], nesterov(early, mu), rtol=0, atol=1e-11)
    assert (run.y[0] == [1.0, 0.0]).all() and run.stats.n_rhs > 0


@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10, 1e-13])
def test_the_first_step_obeys_the_tolerance(rtol):
    field = NESTEROV.on(fo.Loss("x**2/2"))
    run = fo.integrate(field, [1.0], t=(0, 5), method=fo.DOP853(rtol=rtol, atol=rtol))
    first = run.t[1]
    assert abs(run.x[1, 0] - nesterov(first)) < 5 * rtol
    inside = np.linspace(0, first, 30)
    assert np.abs(run(inside)[:, 0] - nesterov(inside)).max() < 5 * rtol + 1e-15


@pytest.mark.parametrize("cls", METHODS)
def test_adagrad_on_a_linear_loss(cls):
    """v = c² t, so θ' = −sign(c)/√t and θ = θ0 − 2 sign(c) √t, with both signs."""
    field = ADAGRAD.on(fo.Loss("3*x - 0.01*y"))
    times = np.linspace(0, 4, 33)
    run = fo.integrate(field, [1.0, -1.0], t=(0, 4), method=cls(rtol=1e-10, atol=1e-12),
                       save_at=times)
    root = 2 * np.sqrt(times)
    exact = np.stack([1 - root, -1 + root, 9 * times, 1e-4 * times], axis=1)
    np.testing.assert_allclose(run.y, exact, rtol=0, atol=3e-9)


@pytest.mark.parametrize("cls", METHODS)
def test_adam_on_a_linear_loss(cls):
    """m̂ = c and v̂ = c² for ever, so θ = θ0 − sign(c) t: the bias correction undoes the start."""
    field = ADAM.on(fo.Loss("3*x - 0.01*y"))
    times = np.linspace(0, 8, 33)
    run = fo.integrate(field, [1.0, -1.0], t=(0, 8), method=cls(rtol=1e-10, atol=1e-12),
                       save_at=times)
    np.testing.assert_allclose(run.x, np.stack([1 - times, -1 + times], axis=1), atol=3e-9)
    np.testing.assert_allclose(run.y[:, 2], 3 * (1 - np.exp(-0.7 * times)), atol=3e-9)


def test_rmsprop_on_a_linear_loss():
    """v = c² (1 − e^{−bt}), θ = θ0 − (2/b) artanh √(1 − e^{−bt})."""
    times = np.linspace(0, 3, 13)
    run = fo.integrate(RMSPROP.on("2*x"), [1.0], t=(0, 3), method=fo.DOP853(1e-11, 1e-12),
                       save_at=times)
    exact = 1 - 4 * np.arctanh(np.sqrt(-np.expm1(-0.5 * times)))
    np.testing.assert_allclose(run.x[:, 0], exact, atol=1e-9)


def test_smooth_solutions_of_elementary_equations():
    for equation, exact in [("1/sqrt(t)", lambda t: 2 * np.sqrt(t)),
                            ("(sin(t) - y)/t", lambda t: np.where(t > 0, (1 - np.cos(t)) / np.where(
                                t > 0, t, 1.0), 0.0)),
                            ("sin(t)/t", None), ("-y/sqrt(t)", None)]:
        times = np.linspace(0, 2, 9)
        start = 1.0 if equation == "-y/sqrt(t)" else 0.0
        run = fo.integrate(fo.VectorField([equation], ["y"]), [start], t=(0, 2),
                           method=fo.DOP853(1e-11, 1e-12), save_at=times)
        if equation == "sin(t)/t":
            truth = np.array([float(mpmath.si(t)) for t in times])
        elif equation == "-y/sqrt(t)":
            truth = np.exp(-2 * np.sqrt(times))
        else:
            truth = exact(times)
        assert run.status is fo.Status.REACHED_END, equation
        np.testing.assert_allclose(run.y[:, 0], truth, rtol=0, atol=1e-9, err_msg=equation)


def test_a_start_elsewhere_and_a_run_backwards():
    field = fo.VectorField(["1/sqrt(t - 3)"], ["y"])
    run = fo.integrate(field, [1.0], t=(3, 5), method=fo.DOP853(1e-11, 1e-12))
    assert run.y[-1, 0] == pytest.approx(1 + 2 * np.sqrt(2), abs=1e-10)
    back = fo.VectorField(["-1/sqrt(-t)"], ["y"])
    times = [0.0, -0.001, -2.0]
    run = fo.integrate(back, [1.0], t=(0, -2), method=fo.DOP853(1e-11, 1e-12), save_at=times)
    np.testing.assert_allclose(run.y[:, 0], 1 + 2 * np.sqrt(-np.array(times)), atol=1e-10)


# ------------------------------------------------------------------------ other references
def test_nesterov_on_rosenbrock_against_a_power_series_start():
    """The series x0 − g t²/8 to order 4 at t = 1e−4, then scipy at 1e−13."""
    loss = fo.losses.rosenbrock(2)
    x0 = np.array([-1.0, 0.8])
    g, H, t0 = loss.grad(x0), loss.hess(x0), 1e-4
    # x = x0 + a t² + b t⁴, with 8 a = −g and (12 + 12) b = −H a
    a = -g / 8
    b = -H @ a / 24
    start = np.concatenate([x0 + a * t0**2 + b * t0**4, 2 * a * t0 + 4 * b * t0**3])

    def rhs(t, y):
        return np.concatenate([y[2:], -3 / t * y[2:] - loss.grad(y[:2])])

    truth = reference.truth(rhs, (t0, 1.5), start)
    run = fo.integrate(NESTEROV.on(loss), x0, t=(0, 1.5), method=fo.DOP853(1e-12, 1e-13))
    np.testing.assert_allclose(run.y[-1], truth, rtol=0, atol=1e-8)


def test_adagrad_on_a_coupled_loss():
    """Judged by the equation in s from the exact second order, with scipy at 1e−13."""
    loss = fo.Loss("x**3/2 + y**2 + x*y")

    def rhs(s, y):
        g = loss.grad(y[:2])
        return np.concatenate([-2 * s * g / np.sqrt(y[2:]), 2 * s * g**2])

    x0, s0 = np.array([1.0, 0.4]), 1e-3
    g, H = loss.grad(x0), loss.hess(x0)
    # with θ = x0 + p s + q s², v = g² s² + r s³: r = (4/3) g (H p), p = −2 sign g
    p = -2 * np.sign(g)
    r = 4 / 3 * g * (H @ p)
    q = -(H @ p) / np.abs(g) + np.sign(g) * r / (2 * g**2)
    start = np.concatenate([x0 + p * s0 + q * s0**2, g**2 * s0**2 + r * s0**3])
    coarse = reference.truth(rhs, (s0, np.sqrt(0.3)), start)
    start = np.concatenate([x0 + p * s0 / 4 + q * s0**2 / 16, g**2 * s0**2 / 16 + r * s0**3 / 64])
    fine = reference.truth(rhs, (s0 / 4, np.sqrt(0.3)), start)
    run = fo.integrate(ADAGRAD.on(loss), x0, t=(0, 0.3), method=fo.DOP853(1e-11, 1e-12))
    np.testing.assert_allclose(run.y[-1], fine, rtol=0, atol=max(1e-7, 2 * np.abs(
        fine - coarse).max()))
    assert np.abs(run.y[-1] - fine).max() < 1e-6


def test_a_gradient_that_is_zero_only_at_the_start():
    """x' = −(1 + y)/√v, y' = −x/√w from x = 0: g_y = 0 at first, and y moves like 2 √2 √t."""
    run = fo.integrate(ADAGRAD.on("x + x*y"), [0.0, 0.5], t=(0, 1e-4),
                       method=fo.DOP853(1e-11, 1e-12))
    assert run.x[-1, 1] - 0.5 == pytest.approx(2 * np.sqrt(2) * 1e-2, rel=0.02)
    assert run.x[-1, 0] == pytest.approx(-2e-2, rel=0.02)


def test_a_coordinate_without_gradient_rests():
    field = ADAGRAD.on("3*x + y**2")
    times = np.linspace(0, 2, 9)
    run = fo.integrate(field, [1.0, 0.0], t=(0, 2), method=fo.DOP853(1e-11, 1e-12), save_at=times,
                       dense=True)
    np.testing.assert_allclose(run.x[:, 0], 1 - 2 * np.sqrt(times), atol=1e-9)
    assert (run.x[:, 1] == 0).all() and (run.y[:, 3] == 0).all()
    assert run(1.1)[0] == pytest.approx(1 - 2 * np.sqrt(1.1), abs=1e-9)
    ens = fo.ensemble(field, [[1.0, 0.0], [1.0, 0.5]], t=(0, 2), method=fo.DOP853(1e-11, 1e-12))
    assert (ens.status == fo.Status.REACHED_END).all() and (ens.y[0] == run.y[-1]).all()


# ------------------------------------------------------------- ensembles, saves, paths, events
@pytest.mark.parametrize("cls", METHODS)
def test_ensembles_give_the_single_runs_bit_for_bit(cls):
    loss = fo.Loss("k*x**2/2 + x**4/4 + x*y + 2*y**2", parameters={"k": 1.0})
    field = NESTEROV.on(loss)
    x0s = np.random.default_rng(0).uniform(-2, 2, (90, 2))
    k = np.linspace(0.5, 3, 90)
    saves = [0.0, 1e-3, 0.4, 3.0]
    one, two = (fo.ensemble(field, x0s, t=(0, 3), method=cls(), parameters={"k": k},
                            save_at=saves, threads=n) for n in (1, 2))
    assert (one.y == two.y).all() and (one.status == fo.Status.REACHED_END).all()
    for i in (0, 41, 89):
        run = fo.integrate(field.with_parameters(k=k[i]), x0s[i], t=(0, 3), method=cls(),
                           save_at=saves)
        assert (run.y == one.saved_y[i]).all()


def test_a_span_inside_the_first_step_and_a_saved_path(tmp_path):
    field = ADAGRAD.on("x")
    run = fo.integrate(field, [0.0], t=(0, 1e-5), method=fo.DOP853(1e-11, 1e-12))
    assert run.status is fo.Status.REACHED_END and run.t[-1] == 1e-5
    assert run.x[-1, 0] == pytest.approx(-2 * np.sqrt(1e-5), abs=1e-12)
    ens = fo.ensemble(field, [[0.0], [1.0]], t=(0, 1e-5), method=fo.DOP853(1e-11, 1e-12))
    assert ens.y[0, 0] == run.y[-1, 0] and (ens.t == 1e-5).all()
    long = fo.integrate(field, [0.0], t=(0, 2))
    long.save(tmp_path / "run.npz")
    again = fo.load(tmp_path / "run.npz")
    times = np.linspace(0, 2, 50)
    assert (again(times) == long(times)).all()


def test_events_behind_and_near_a_singular_start():
    run = fo.integrate(ADAGRAD.on("x"), [0.0], t=(0, 2), method=fo.DOP853(1e-11, 1e-12),
                       events=["x + 0.002", fo.Event("x + 2", terminal=True)])
    assert run.status is fo.Status.EVENT and run.t[-1] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(run.events.t, [1e-6, 1.0], rtol=1e-6)
    run = fo.integrate(NESTEROV.on("x**2/2"), [1.0], t=(0, 9), events=["v_x"], method=fo.DOP853())
    assert run.events.t[0] == pytest.approx(5.135622301840683, abs=1e-7)  # the zero of J2


def test_a_singular_start_on_a_field_that_switches():
    """θ' = −sign(g)/√t slides to rest at the minimum: |x| = 1 − 2 √t until t = 1/4."""
    field = fo.Flow("-sign(g)/sqrt(t)").on("x**2/2 + y**2/2")
    run = fo.integrate(field, [1.0, 3.0], t=(0, 0.2), method=fo.DOP853(1e-11, 1e-12))
    np.testing.assert_allclose(run.x[-1], [1 - 2 * np.sqrt(0.2), 3 - 2 * np.sqrt(0.2)], atol=1e-10)
    ens = fo.ensemble(field, [[1.0, 3.0]], t=(0, 0.2), method=fo.DOP853(1e-11, 1e-12))
    assert (ens.y[0] == run.y[-1]).all()
    near = fo.integrate(field, [1e-3, 3.0], t=(0, 0.2), method=fo.DOP853(1e-11, 1e-12))
    cross = near.events.t[0]
    assert cross == pytest.approx(0.25e-6, rel=1e-6)


# ------------------------------------------------------------------------- failing sides
@pytest.mark.parametrize("equation, start", [
    ("1/t", 0.0), ("-y/t", 1.0), ("sqrt(-1 - y**2)", 0.0), ("1/t**2", 0.0),
    ("log(-1 - t)", 1.0), ("y/t**2", 1.0), ("exp(1/t)", 0.0)])
def test_a_start_that_is_really_singular_is_refused(equation, start):
    field = fo.VectorField([equation], ["y"])
    for method in (fo.DOP853(), fo.Dopri5(rtol=1e-3, atol=1e-6)):
        run = fo.integrate(field, [start], t=(0, 1), method=method)
        assert run.status is fo.Status.DIVERGED, (equation, run)
        assert "no start that is smooth" in run.message and run.t[-1] == 0.0
        ens = fo.ensemble(field, [[start]] * 3, t=(0, 1), method=method)
        assert (ens.status == fo.Status.DIVERGED).all() and (ens.t == 0.0).all()


def test_a_cube_root_is_found_only_where_the_tolerance_allows():
    """y' = t^(−2/3) has y = 3 t^(1/3), which is smooth neither in t nor in √t."""
    field = fo.VectorField(["t**(-2/3)"], ["y"])
    tight = fo.integrate(field, [0.0], t=(0, 1), method=fo.DOP853())
    assert tight.status is fo.Status.DIVERGED
    loose = fo.integrate(field, [0.0], t=(0, 1), method=fo.Dopri5(rtol=1e-3, atol=1e-6))
    assert loose.y[-1, 0] == pytest.approx(3.0, abs=3e-3)


def test_a_start_of_nan_and_an_ordinary_blow_up_are_what_they_were():
    ens = fo.ensemble(NESTEROV.on("x**2/2"), [[np.nan], [1.0]], t=(0, 1))
    assert ens.status.tolist() == [fo.Status.DIVERGED, fo.Status.REACHED_END]
    blow = fo.integrate(fo.VectorField(["y**2"], ["y"]), [1.0], t=(0, 2))
    assert blow.status is fo.Status.DIVERGED and "smooth" not in blow.message
