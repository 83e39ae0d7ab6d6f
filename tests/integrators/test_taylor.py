"""The Taylor method: its recurrences against mpmath, accuracy, lanes, surfaces, and what fails."""

import mpmath
import numpy as np
import pytest
import reference
import sympy

import flowopt as fo
from flowopt import _native
from flowopt.symbolic import series
from flowopt.symbolic.recurrences import size_of

Status = fo.Status
T0, SCALE, ORDER = 0.25, 0.5, 12
#: a rule, and where it is expanded; a = 1.7
RULES = {
    "exp(y)": 0.3, "log(y)": 1.3, "y*sqrt(y)": 1.3, "sin(y)": 0.4, "cos(y)": 0.4, "tan(y)": 0.4,
    "tanh(y)": 0.4, "sinh(y)": 0.4, "cosh(y)": 0.4, "atan(y)": 0.4, "asin(y)": 0.4,
    "acos(y)": 0.4, "erf(y)": 0.4, "y**7": 0.9, "y**2.5": 1.2, "y**0.3": 1.2, "1/y": 0.8,
    "y**(-3)": 0.9, "y/(1 + y**2)": 0.7, "a**y": 0.3, "y**y": 1.3, "y**a": 1.2,
    "t*y - y**2": 0.4, "sin(t*y)/(2 + t)": 0.4, "exp(-t)*y": 0.3, "1/sqrt(y)": 1.1,
    "t**3 + 1": 0.2, "2.5": 1.0, "-3*y*t/(a + y)": 0.6, "y**70": 0.9,
}
#: where sums cancel: y⁷⁰ and exp(−y²) amplify a rounding, acosh subtracts almost equal terms
LOST = {"erf(y)": 2e-14, "y**70": 2e-14, "acosh(y)": 1e-12}
SYMPY_RULES = {"asinh(y)": 0.4, "acosh(y)": 6.0, "atanh(y)": 0.3}


def field_of(rule):
    made = sympy.sympify(rule) if rule in SYMPY_RULES else rule
    return fo.VectorField([made], ["y"], parameters={"a": 1.7} if "a*" in rule or "*a" in rule
                          or "(a" in rule else None)


def coefficients(field, t, y, scale, order, width=1, sides=None):
    """Return what the kernel writes: coefficients 1 … order of every row and lane."""
    address, scratch, _ = field.series(order, width)
    size = size_of(field.m, width)
    out = _native.aligned(order * size + scratch * width)
    blocks = [np.repeat([t, scale], width), np.repeat(y, width).astype(float),
              np.repeat(field.p, width) if len(field.p) else np.zeros(1),
              np.repeat(np.ones(field.surfaces) if sides is None else sides, width)
              if field.surfaces else np.zeros(1)]
    slots, context = np.zeros(2, dtype=np.int64), field.context(width)
    place = _native.address
    _native.prototype("pppppp")(address)(place(slots), place(slots) + 8, place(context),
                                         *map(place, blocks), place(out))
    rows = out[:order * size].reshape(order, size)[:, :field.m * width]
    return rows.reshape(order, field.m, width)


def by_mpmath(rule, y0):
    """Return coefficients 1 … ORDER of y' = rule: each from the Taylor series along the last."""
    symbols = sympy.symbols("t y a")
    f = sympy.lambdify(symbols, sympy.sympify(rule, locals=dict(zip("tya", symbols, strict=True))),
                       "mpmath")
    with mpmath.workdps(60):
        made = [mpmath.mpf(y0)]
        for k in range(ORDER):
            known = made[::-1]
            along = mpmath.taylor(lambda s, known=known: f(
                T0 + s, mpmath.polyval(known, s), mpmath.mpf(1.7)), 0, k)
            made.append(along[k] / (k + 1))
        return np.array([float(c * mpmath.mpf(SCALE) ** k) for k, c in enumerate(made)][1:])


@pytest.mark.parametrize("form", ["unrolled", "looped"])
@pytest.mark.parametrize("rule", [*RULES, *SYMPY_RULES])
def test_coefficients(rule, form, monkeypatch):
    """To 1e-14, up to cancellation; one lane has the bits of 64."""
    field, y0 = field_of(rule), {**RULES, **SYMPY_RULES}[rule]
    if form == "looped":
        monkeypatch.setattr(series, "MOST_LINES", 0)
        field.definition += " looped"
    made = coefficients(field, T0, [y0], SCALE, ORDER)[:, 0, 0]
    exact = by_mpmath(rule, y0)
    bound = LOST.get(rule, 1e-14)
    assert (abs(made - exact) <= bound * abs(exact)).all()
    assert (coefficients(field, T0, [y0], SCALE, ORDER, 64)[:, 0] == made[:, None]).all()


def test_sides_are_fixed():
    """On each side of |y| − 1 and Min the series is that of the smooth piece."""
    field = fo.VectorField(["Min(y**2, 1 + t) + Abs(y - 3)"], ["y"])
    for y0, rule in ((0.5, "y**2 + 3 - y"), (2.0, "4 + t - y"), (4.0, "1 + t + y - 3")):
        made = coefficients(field, T0, [y0], SCALE, 8, 1, field.sides(T0, [y0]))
        assert np.array_equal(made, coefficients(fo.VectorField([rule], ["y"]), T0, [y0], SCALE, 8)
                              ) or np.allclose(made, coefficients(
                                  fo.VectorField([rule], ["y"]), T0, [y0], SCALE, 8), 1e-15, 1e-15)


LORENZ = fo.VectorField(["s*(y - x)", "x*(r - z) - y", "x*y - b*z"], ["x", "y", "z"],
                        parameters={"s": 10.0, "r": 28.0, "b": 8 / 3})


def test_the_plain_twin():
    c = coefficients(LORENZ, 0.0, [1.0, 2.0, 3.0], 0.1, 20)[:, :, 0]
    plain = reference.lorenz_series([1.0, 2.0, 3.0], 20)[1:] * 0.1 ** np.arange(1, 21)[:, None]
    assert (abs(c - plain).max(axis=1) <= 1e-14 * abs(plain).max(axis=1)).all()
    y, steps = reference.taylor_run(reference.lorenz_series, [1.0, 1.0, 1.0], 2.0, 14, 1e-9)
    run = fo.integrate(LORENZ, [1.0] * 3, (0.0, 2.0), fo.Taylor(1e-9, 1e-9, order=14))
    exact = reference.truth(reference.lorenz_rhs, (0.0, 2.0), [1.0] * 3)
    # our tolerance counts |c_1| for |y| nowhere, and the logarithm is rough: the steps are alike
    assert abs(run.stats.n_steps - steps) <= 4
    assert abs(y - exact).max() <= 2e-7 and abs(run.y[-1] - exact).max() <= 2e-7


PENDULUM = fo.VectorField(["v", "-sin(q)"], ["q", "v"])


def pendulum(t, top):
    """q from rest at the angle `top`: sin(q/2) = k cd(t, k), k = sin(top/2)."""
    with mpmath.workdps(30):
        k = mpmath.sin(mpmath.mpf(top) / 2)
        return float(2 * mpmath.asin(k * mpmath.ellipfun("cd", t, k=k)))


@pytest.mark.parametrize("tolerance", [1e-5, 1e-8, 1e-11, 1e-13])
def test_error_against_closed_forms(tolerance):
    """The error is about the tolerance times the steps and what the problem makes of it."""
    method = fo.Taylor(tolerance, tolerance)
    growth = fo.integrate(fo.VectorField(["y"], ["y"]), [1.0], (0.0, 10.0), method)
    assert abs(growth.y[-1, 0] / np.exp(10.0) - 1) <= 20 * tolerance
    swing = fo.integrate(PENDULUM, [2.0, 0.0], (0.0, 20.0), method, save_at=[7.0, 20.0])
    exact = [pendulum(7.0, 2.0), pendulum(20.0, 2.0)]
    assert abs(swing.y[:, 0] - exact).max() <= 100 * tolerance
    logistic = fo.integrate(fo.VectorField(["y*(1 - y)"], ["y"]), [0.01], (0.0, 12.0), method)
    times = np.linspace(0.0, 12.0, 50)
    assert abs(logistic(times)[:, 0] - 1 / (1 + 99 * np.exp(-times))).max() <= 30 * tolerance


def test_kepler_of_eccentricity_0_9_and_lorenz():
    kepler = fo.VectorField(["u", "v", "-x/(x**2 + y**2)**(3/2)", "-y/(x**2 + y**2)**(3/2)"],
                            ["x", "y", "u", "v"])
    method = fo.Taylor(1e-13, 1e-13)
    run = fo.integrate(kepler, reference.kepler(0.0, 0.9), (0.0, 20.0), method)
    times = np.linspace(0.0, 20.0, 41)
    exact = np.array([reference.kepler(t, 0.9) for t in times])
    assert abs(run(times) - exact).max() <= 2e-10
    times = np.linspace(0.0, 5.0, 11)
    truth = reference.truth(reference.lorenz_rhs, (0.0, 5.0), [1.0] * 3, times)
    run = fo.integrate(LORENZ, [1.0] * 3, (0.0, 5.0), method, save_at=times)
    assert abs(run.y - truth).max() <= 1e-9


def test_order_and_steps():
    """The order grows with the tolerance; the step is decided before it is taken: none is refused.
    """
    assert [fo.Taylor(rtol=10.0**-k).order for k in (1, 4, 8, 12, 13)] == [4, 8, 14, 20, 22]
    run = fo.integrate(LORENZ, [1.0] * 3, (0.0, 20.0), fo.Taylor())
    assert run.stats.n_rejected == 0 and run.stats.n_rhs == run.stats.n_steps + 2
    longest = fo.integrate(PENDULUM, [1.0, 0.0], (0.0, 3.0), fo.Taylor(max_step=0.125))
    assert np.diff(longest.t)[:-1].max() <= 0.125 * (1 + 1e-12) and longest.stats.n_steps < 30
    first = fo.integrate(PENDULUM, [1.0, 0.0], (0.0, 3.0), fo.Taylor(h0=1e-3))
    assert first.t[1] <= 8e-3


def test_a_series_whose_last_terms_vanish():
    """y'' = t² y has powers 0, 4, 8 … only, t^20 none at first: the step cannot trust two zeros."""
    for order in (5, 6, 7, 10, 11):
        run = fo.integrate(fo.VectorField(["v", "t**2*y"], ["y", "v"]), [1.0, 0.0], (0.0, 3.0),
                           fo.Taylor(1e-10, 1e-10, order=order))
        assert abs(run.y[-1, 0] - 26.028209455861) <= 1e-6, order
    run = fo.integrate(fo.VectorField(["t**20"], ["y"]), [0.0], (0.0, 2.0), fo.Taylor())
    assert run.y[-1, 0] == pytest.approx(2.0**21 / 21, rel=1e-8)
    run = fo.integrate(fo.VectorField(["2.0"], ["y"]), [1.0], (0.0, 3.0), fo.Taylor())
    assert run.stats.n_steps == 1 and run.y[-1, 0] == 7.0


HEAVY = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.himmelblau())


@pytest.mark.parametrize("field, m", [
    (HEAVY, 2), (LORENZ, 3),
    (fo.VectorField(["-sqrt(1 + y**2)*x/(2 + sin(t))", "tanh(x) - y*exp(-t)"], ["x", "y"]), 2),
    (fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima()), 1)])
def test_a_lane_does_not_depend_on_the_others(field, m):
    starts = np.random.default_rng(7).uniform(0.2, 3.0, (100, m))
    times, method = np.linspace(0.0, 1.0, 5), fo.Taylor(1e-9, 1e-9)
    many = fo.ensemble(field, starts, (0.0, 1.0), method, save_at=times)
    for i in range(0, 100, 7):
        one = fo.integrate(field, starts[i], (0.0, 1.0), method, save_at=times)
        kept = len(one.t)
        assert np.array_equal(one.y, many.saved_y[i, :kept])
        assert many.status[i] == one.status and many.steps[i] == one.stats.n_steps


def test_large_fields_are_looped():
    """40 coupled oscillators: one lane and many agree, and the energy stays."""
    n = 40
    rules = [f"v{i}" for i in range(n)] + [f"-sin(q{i}) - q{i} + q{(i + 1) % n}*q{i - 1}/9"
                                           if i else "-sin(q0) - q0" for i in range(n)]
    field = fo.VectorField(rules, [f"q{i}" for i in range(n)] + [f"v{i}" for i in range(n)])
    assert "for k in range" in field._unit("taylor:14", 1).meta["source"]
    start = np.linspace(-1.0, 1.0, 2 * n)
    mine = fo.integrate(field, start, (0.0, 2.0), fo.Taylor(1e-11, 1e-11, order=14))
    other = fo.integrate(field, start, (0.0, 2.0), fo.DOP853(1e-12, 1e-12))
    assert abs(mine.y[-1] - other.y[-1]).max() <= 1e-9
    both = fo.ensemble(field, [start, -start], (0.0, 2.0), fo.Taylor(1e-11, 1e-11, order=14))
    assert np.array_equal(both.y[0], mine.y[-1])


def test_dense_output_events_and_rest():
    method = fo.Taylor(1e-12, 1e-12)
    run = fo.integrate(PENDULUM, [1.0, 0.0], (0.0, 30.0), method, events=["q", "v"])
    quarter = float(mpmath.ellipk(np.sin(0.5)**2))
    zeros = run.events.t[run.events.which == 0]
    assert abs(zeros - quarter * (1 + 2 * np.arange(len(zeros)))).max() <= 1e-10
    assert abs(run.events.y[run.events.which == 0, 0]).max() <= 1e-12
    back = fo.integrate(PENDULUM, run.y[-1], (30.0, 0.0), method)
    assert abs(back.y[-1] - [1.0, 0.0]).max() <= 1e-9
    end = fo.integrate(PENDULUM, [1.0, 0.0], (0.0, 30.0), method,
                       events=[fo.Event("q", terminal=True)])
    assert end.status is Status.EVENT and end.t[-1] == pytest.approx(quarter, abs=1e-11)
    assert (np.diff(end.t) > 0).all()
    calm = fo.integrate(HEAVY, [1.0, 1.0], (0.0, 200.0), method, rest=1e-6)
    assert calm.status is Status.CONVERGED


def test_the_clipped_flow_rests_at_the_exact_time():
    """From 4 with M = 1000 it comes to rest at x = 3 at t = 2.1276135457473."""
    field = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    run = fo.integrate(field, [4.0], (0.0, 25.0), fo.Taylor(1e-12, 1e-13))
    assert run.status is Status.STUCK
    assert abs(run.t[-1] - 2.1276135457473) <= 1e-11 and abs(run.x[-1, 0] - 3.0) <= 1e-13
    many = fo.ensemble(field, [[4.0], [3.5]], (0.0, 25.0), fo.Taylor(1e-12, 1e-13))
    assert many.status.tolist() == [Status.STUCK, Status.STUCK] and many.t[0] == run.t[-1]


def test_sliding_and_singular_starts_go_on_with_dop853():
    sign = fo.flows.SignFlow().on(fo.Loss("(2*x**2 + 2*x*y + 2*y**2)/2"))
    run = fo.integrate(sign, [1.0, 0.0], (0.0, 3.0), fo.Taylor(1e-12, 1e-13))
    assert run.status is Status.STUCK and run.t[-1] == pytest.approx(1.0, abs=1e-10)
    bessel = fo.VectorField(["v", "-3*v/t - x"], ["x", "v"])  # x = 2 J_1(t)/t
    run = fo.integrate(bessel, [1.0, 0.0], (0.0, 9.0), fo.Taylor(1e-11, 1e-12))
    assert run.y[-1, 0] == pytest.approx(2 * float(mpmath.besselj(1, 9)) / 9, abs=1e-9)


#: a rule, its start, and when the motion meets the end of the rule's domain
EDGES = [("log(y) - 1", 1.0, 0.596347362323), ("-sqrt(y) - 1", 1.0, 2 - 2 * np.log(2)),
         ("-sqrt(y)", 1.0, 2.0), ("-1/y", 1.0, 0.5), ("1/(3 - y)", 1.0, 2.0),
         ("-y**(-0.5)", 1.0, 2 / 3), ("-1 - y**1.5", 1.0, None), ("1/asin(y)", 0.5, None),
         ("1 + acos(y)", 0.0, None), ("1 + tan(y)**2", 0.0, None), ("y**2", 1.0, 1.0),
         ("exp(y)", 0.0, 1.0), ("1 + asin(y)", 0.0, None), ("sinh(y)", 1.0, None)]


@pytest.mark.parametrize("rule, start, when", EDGES, ids=[e[0] for e in EDGES])
def test_the_edge_of_a_domain(rule, start, when):
    """Every recurrence ends with a status, near the edge, and in few steps.

    y = (1 − t/2)² comes to rest at the edge of −√y, and stays there within the tolerance a while.
    """
    run = fo.integrate(fo.VectorField([rule], ["y"]), [start], (0.0, 9.0),
                       fo.Taylor(1e-10, 1e-12))
    assert run.status in (Status.DIVERGED, Status.STEP_TOO_SMALL), run.message
    assert np.isfinite(run.y).all() and run.stats.n_steps < 2000
    if when is not None:
        assert run.t[-1] == pytest.approx(when, abs=2e-3 if rule == "-sqrt(y)" else 1e-6)


def test_a_start_outside_the_domain():
    for rule in ("log(y)", "sqrt(y)", "asin(y - 1)", "1/(y + 1)", "y**0.3"):
        run = fo.integrate(fo.VectorField([rule], ["y"]), [-1.0], (0.0, 1.0), fo.Taylor())
        assert run.status is Status.DIVERGED and run.stats.n_steps == 0, rule


def test_refusals():
    kernel = fo.VectorField.from_kernel(lambda t, y, p, dy: None, 1, name="mine")
    with pytest.raises(ValueError, match="Taylor needs a field of expressions, and mine is made"):
        fo.integrate(kernel, [1.0], (0.0, 1.0), fo.Taylor())
    with pytest.raises(ValueError, match="Taylor needs a field of expressions"):
        fo.ensemble(kernel, [[1.0]], (0.0, 1.0), fo.Taylor())
    turned = fo.VectorField(["atan2(y, 1 + t)"], ["y"])
    with pytest.raises(ValueError, match=r"atan2.*no recurrence.*use fo.DOP853"):
        fo.integrate(turned, [1.0], (0.0, 1.0), fo.Taylor())
    for order in (3, 41, 5.5, True):
        with pytest.raises((ValueError, TypeError), match="order must be"):
            fo.Taylor(order=order)
    with pytest.raises(ValueError, match="rtol must lie"):
        fo.Taylor(rtol=1e-15)
