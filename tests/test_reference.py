"""The reference judges the fast code; here it is judged against itself and published numbers."""

from __future__ import annotations

import ast
import platform
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
import reference as ref
import scipy.linalg
import scipy.stats

GLIBC = platform.libc_ver()[0] == "glibc"
needs_glibc = pytest.mark.skipif(not GLIBC, reason="the published digits are those of glibc's pow")


def test_reference_is_independent():
    tree = ast.parse(Path(ref.__file__).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    assert found <= {"__future__", "collections", "functools", "mpmath", "numpy", "scipy"}


# --- the two-minima example -----------------------------------------------------------------------


@needs_glibc
def test_published_run_bit_for_bit():
    path = ref.published_two_minima()
    assert path.shape == (2501,) and path[0] == 4.0
    assert path[-1] == 0.4073933876787569
    assert ref.two_minima_loss(path[-1]) == 2.1544115380578432e-06
    assert np.flatnonzero(path < 1.843)[0] == 1210


@needs_glibc
@pytest.mark.parametrize(
    ("power", "parts_at", "last"),
    [
        (lambda x, n: float(Fraction(float(x)) ** n), 2419, 0.40739338767876226),  # exact rounding
        (lambda x, n: x * x if n == 2 else x * x * x, 203, 0.40692901144053784),
    ],
    ids=["correctly rounded", "products"],
)
def test_published_run_hangs_on_pow(power, parts_at, last):
    path, other = ref.published_two_minima(), ref.published_two_minima(power=power)
    assert np.flatnonzero(path != other)[0] == parts_at
    assert other[-1] == last


def test_published_run_agrees_with_the_field_before_chaos():
    field = ref.loss_normalized_field(ref.two_minima_loss, ref.two_minima_grad, M=1000.0)
    path = ref.euler(field, 4.0, 0.0, 0.01, 100)[:, 0]
    assert np.allclose(path, ref.published_two_minima(steps=100), rtol=1e-13, atol=0)


def test_published_formula_at_a_critical_point_is_nan():
    assert np.isnan(ref.published_two_minima(x0=3.0, steps=1)[-1])


def test_two_minima_derivatives():
    for x in (0.3, 1.7, 2.9, 4.0):
        grad = ref.fd_gradient(ref.two_minima_loss, x)[0]
        hess = ref.fd_gradient(ref.two_minima_grad, x)[0]
        assert grad == pytest.approx(ref.two_minima_grad(x), rel=1e-11, abs=1e-11)
        assert hess == pytest.approx(ref.two_minima_hess(x), rel=1e-11, abs=1e-11)


def test_two_minima_facts():
    facts = ref.two_minima_facts()
    points = [float(p) for p in facts["points"]]
    assert points == pytest.approx([0.4069296692, 1.8430703308, 3.0], abs=5e-11)
    assert max(abs(ref._mp_grad(p)) for p in facts["points"]) < mpmath.mpf(10) ** -13
    losses, curvatures = [[float(v) for v in facts[name]] for name in ("losses", "curvatures")]
    assert losses == pytest.approx([5.5336e-7, 3.7025507, 1.62276], rel=1e-5)
    assert curvatures == pytest.approx([14.896055, -6.646055, 12.0], abs=1e-6)
    assert float(facts["t_hit"]) == pytest.approx(np.log(13.62276 / 1.62276), rel=1e-15)
    assert abs(facts["t_hit"] - 2.1276135) < 5e-8
    # 3.6014214674 and 3.1785962436, sometimes quoted, are off by 3.5e-10 and 3.8e-8
    with mpmath.workdps(60):
        assert abs(facts["x1"] - mpmath.mpf("3.60142146774834306091")) < 1e-20
        assert abs(facts["x2"] - mpmath.mpf("3.17859620519662324506")) < 1e-20
        quartic = [1, -7, 15, -9, mpmath.mpf("1.62276")]  # L in powers of x: another route
        for t, name in ((1, "x1"), (2, "x2")):
            level = mpmath.mpf("13.62276") * mpmath.exp(-t)
            assert abs(mpmath.polyval(quartic, facts[name]) - level) < mpmath.mpf(10) ** -48
    with pytest.raises(ValueError, match="t must be in"):
        ref.unclipped_position(2.2)


def test_unclipped_position_against_dop853():
    field = ref.loss_normalized_field(ref.two_minima_loss, ref.two_minima_grad)
    run = ref.truth(field, (0.0, 2.0), 4.0, [1.0, 2.0])[:, 0]
    exact = [float(ref.unclipped_position(t)) for t in (1, 2)]
    assert run == pytest.approx(exact, abs=1e-12)


def test_clipped_arrival_is_late_by_the_second_power_of_the_clip():
    free = ref.two_minima_facts(30)["t_hit"]
    late = {M: float(ref.clipped_arrival_time(M) - free) for M in (10, 100, 1000, 10_000)}
    expected = {10: 2.5499e-4, 100: 2.56586e-6, 1000: 2.567464e-8, 10_000: 2.567624e-10}
    assert late == pytest.approx(expected, rel=1e-4)
    leading = 1 / (2 * 12 * 1.62276)
    assert late[10_000] * 1e8 == pytest.approx(leading, rel=1e-5)


@pytest.mark.parametrize("M", [0.01, 1.0, 10.0])  # 0.01: clipped from the start, since g(4) = 31
def test_clipped_arrival_against_dop853(M):
    field = ref.loss_normalized_field(ref.two_minima_loss, ref.two_minima_grad, M=M)
    arrival = float(ref.clipped_arrival_time(M))
    corner = 0.0
    if M * ref.two_minima_grad(4.0) > 1:
        x_c = mpmath.findroot(lambda x: ref._mp_grad(x) - 1 / M, (3, 4), solver="anderson")
        corner = float(mpmath.log(ref._mp_loss(4.0) / ref._mp_loss(x_c)))
    # stop short of x = 3, where the field jumps; the rest is x' = M L backwards from 3
    rest = (arrival - corner) / 2
    times = [corner, arrival - rest]
    x = ref.truth(field, (0.0, arrival), 4.0, times)[-1, 0]
    back = ref.truth(lambda t, y: M * ref.two_minima_loss(y), (0.0, rest), 3.0)[0]
    assert x == pytest.approx(back, abs=1e-11)



# --- noise ----------------------------------------------------------------------------------------


def test_sra1_meets_the_order_conditions():
    """Rossler (2010), order 1.5 for additive noise, in rational arithmetic."""
    a, b1, b2, A0, B0, c0, c1 = ([[Fraction(v).limit_denominator(12) for v in np.atleast_1d(row)]
                                  for row in ref.SRA1[k]]
                                 for k in ("alpha", "beta1", "beta2", "A0", "B0", "c0", "c1"))
    a, b1, b2, c0, c1 = ([row[0] for row in rows] for rows in (a, b1, b2, c0, c1))

    def dot(x, y):
        return sum(p * q for p, q in zip(x, y, strict=True))

    inner = [sum(row) for row in B0]
    assert sum(a) == 1 and sum(b1) == 1 and sum(b2) == 0
    assert dot(a, inner) == 1 and dot(a, [v * v for v in inner]) == Fraction(3, 2)
    assert dot(a, [sum(row) for row in A0]) == Fraction(1, 2) and c0 == [sum(row) for row in A0]
    assert dot(b1, c1) == 1 and dot(b2, c1) == -1


def test_normal_twin():
    """The two numbers of a counter are Box and Muller's, and far places give other numbers."""
    u, quarter, f = ref.polar((2**31, 0, 3 << 30, 0))
    assert u == 0.5 + 2.0**-53 and quarter == 3 and f == -0.5 + 2.0**-53
    got = ref.box_muller((2**31, 0, 2**30 + 2**29, 0))  # a quarter turn, f = 2**-53
    assert got == pytest.approx((-np.sqrt(2 * np.log(2)) * np.pi * 2.0**-54,
                                 np.sqrt(2 * np.log(2))), rel=1e-14)
    places = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 2, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1),
              (0, 2**33, 0, 0), (0, 0, 0, 2**32), (0, 0, 0, 0, 1)]
    assert len({ref.normal(*place) for place in places}) == len(places)


@pytest.mark.parametrize("fine", [1, 6])
def test_brownian_twin(fine):
    """The covariance of dW and dZ over a step is [[h, h**2/2], [h**2/2, h**3/3]]."""
    h, count = 0.8, 1500
    dW, dZ = ref.brownian(1, count, h, 0, 7, fine)
    exact = np.array([[h, h**2 / 2], [h**2 / 2, h**3 / 3]])
    both = np.hstack([dW, dZ])
    error = np.sqrt((np.outer(exact.diagonal(), exact.diagonal()) + exact**2) / count)
    assert (abs(both.T @ both / count - exact) < 4 * error).all()


# --- integrators ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "order"), [(ref.euler, 1), (ref.heun, 2), (ref.midpoint, 2), (ref.rk4, 4)]
)
def test_orders_on_a_time_dependent_problem(method, order):
    # y' = y cos t, y = exp(sin t)
    hs = 1 / np.array([20, 40, 80, 160])
    errors = []
    for h in hs:
        path = method(lambda t, y: y * np.cos(t), 1.0, 0.0, h, round(2 / h))
        assert path.shape == (round(2 / h) + 1, 1)
        errors.append(abs(path[-1, 0] - np.exp(np.sin(2.0))))
    assert ref.measured_order(errors, hs) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("first", ["p", "q"])
def test_symplectic_euler_keeps_the_modified_energy(first):
    # on the oscillator q**2 + p**2 -+ h q p is kept; the sign goes with the half done first
    h = 0.1
    q, p = ref.symplectic_euler(
        lambda t, q, p: p, lambda t, q, p: -q, 1.0, 0.3, 0.0, h, 500, first=first
    )
    energy = q**2 + p**2 + (-h if first == "p" else h) * q * p
    assert np.ptp(energy) < 1e-13
    with pytest.raises(ValueError, match="first"):
        ref.symplectic_euler(None, None, 0.0, 0.0, 0.0, h, 1, first="x")


def test_sequential_euler_is_adam_without_bias_correction():
    a, b, eps, lr = 0.1, 0.05, 1e-8, 0.01
    grad = lambda x: 3 * x  # noqa: E731
    x, m, v, path = 2.0, 0.0, 0.0, [2.0]
    for _ in range(50):
        g = grad(x)
        m, v = m + a * (g - m), v + b * (g * g - v)
        x -= lr * m / (np.sqrt(v) + eps)
        path.append(x)
    theta, states = ref.sequential_euler(
        lambda t, x, s: -s[:1] / (np.sqrt(s[1:]) + eps),
        lambda t, x, s: np.array([a, b]) / lr * (np.concatenate([grad(x), grad(x) ** 2]) - s),
        2.0, [0.0, 0.0], 0.0, lr, 50,
    )  # fmt: skip
    assert np.allclose(theta[:, 0], path, rtol=1e-12) and states.shape == (51, 2)


def test_sequential_euler_orders():
    hs = 1 / np.array([50, 100, 200, 400])
    y, _ = ref.linear_heavy_ball(2.0, 0.5, 1.0, 1.0, 0.0)
    errors = []
    for h in hs:
        q, _ = ref.symplectic_euler(
            lambda t, q, p: p, lambda t, q, p: -0.5 * p - q, 1.0, 0.0, 0.0, h, round(2 / h)
        )
        errors.append(abs(q[-1, 0] - y))
    assert ref.measured_order(errors, hs) == pytest.approx(1.0, abs=0.1)


# --- fields ---------------------------------------------------------------------------------------

POINT = np.array([0.7, -1.3, 0.4])
LEVEL = 0.25  # the known minimum


def quartic(x):
    return LEVEL + np.sum(x**4) / 4 + np.sum(x) ** 2 / 2


def quartic_grad(x):
    return x**3 + np.sum(x)


@pytest.mark.parametrize(
    ("field", "rate"),
    [
        (ref.gradient_field(quartic_grad), lambda g, gap: g @ g),
        (ref.sign_field(quartic_grad), lambda g, gap: np.abs(g).sum()),
        (ref.normalized_field(quartic_grad), lambda g, gap: np.sqrt(g @ g)),
        (ref.loss_normalized_field(quartic, quartic_grad, 50.0, LEVEL), lambda g, gap: gap),
        (
            ref.loss_normalized_field(quartic, quartic_grad, 0.1, LEVEL),
            lambda g, gap: 0.1 * gap * np.sqrt(g @ g),
        ),
        (
            ref.loss_normalized_field(quartic, quartic_grad, 50.0, LEVEL, clip="rate"),
            lambda g, gap: gap,
        ),
        (
            ref.loss_normalized_field(quartic, quartic_grad, 0.01, LEVEL, clip="rate"),
            lambda g, gap: 0.01 * g @ g,
        ),
    ],
    ids=["gradient", "sign", "normalized", "norm", "norm clipped", "rate", "rate clipped"],
)
def test_dissipation(field, rate):
    g = quartic_grad(POINT)
    assert -g @ field(0.0, POINT) == pytest.approx(rate(g, quartic(POINT) - LEVEL), rel=1e-14)
    assert not np.any(field(0.0, np.zeros(3)))  # g = 0 is an equilibrium, and no NaN


def test_heavy_ball_field():
    y = np.concatenate([POINT, [0.2, 0.1, -0.5]])
    dy = ref.heavy_ball_field(quartic_grad, 0.3)(0.0, y)
    power = dy[:3] @ quartic_grad(POINT) + y[3:] @ dy[3:]
    assert power == pytest.approx(-0.3 * y[3:] @ y[3:], rel=1e-13)


def test_unknown_clip_is_refused():
    with pytest.raises(ValueError, match="clip"):
        ref.loss_normalized_field(quartic, quartic_grad, clip="both")


# --- closed forms and the truth -------------------------------------------------------------------


def test_detest_values():
    assert ref.logistic(20.0) == pytest.approx(17.73016648131484, rel=1e-15)
    assert ref.cubic_decay(20.0) == pytest.approx(1 / np.sqrt(21), rel=1e-15)
    assert ref.truth(ref.logistic_rhs, (0, 20), 1.0)[0] == pytest.approx(ref.logistic(20.0), 1e-12)
    assert ref.truth(ref.cubic_decay_rhs, (0, 20), 1.0)[0] == pytest.approx(21**-0.5, rel=1e-12)


@pytest.mark.parametrize("e", [0.0, 0.1, 0.9])
def test_kepler(e):
    start = ref.kepler(0.0, e)
    assert start == pytest.approx([1 - e, 0, 0, np.sqrt((1 + e) / (1 - e))], abs=1e-15)
    times = np.array([0.3, 2.0, 5.0, 20.0])
    run = ref.truth(ref.kepler_rhs, (0.0, 20.0), start, times)
    exact = np.array([ref.kepler(t, e) for t in times])
    assert run == pytest.approx(exact, abs=1e-10)
    assert ref.kepler(float(2 * np.pi), e) == pytest.approx(start, abs=1e-12)
    energy = (exact[:, 2] ** 2 + exact[:, 3] ** 2) / 2 - np.hypot(exact[:, 0], exact[:, 1]) ** -1
    momentum = exact[:, 0] * exact[:, 3] - exact[:, 1] * exact[:, 2]
    assert energy == pytest.approx(-0.5, rel=1e-13)
    assert momentum == pytest.approx(np.sqrt(1 - e * e), rel=1e-14)


@pytest.mark.parametrize(
    ("gamma", "lam"), [(0.5, 1.0), (2.0, 1.0), (3.0, 1.0), (0.0, 2.0), (1.0, 0.0), (0.4, -0.3)]
)
def test_linear_heavy_ball(gamma, lam):
    times = np.array([0.0, 0.4, 2.0, 7.0])
    y, v = ref.linear_heavy_ball(times, gamma, lam, 1.2, -0.7)
    K = np.array([[0.0, 1.0], [-lam, -gamma]])
    exact = np.array([scipy.linalg.expm(K * t) @ [1.2, -0.7] for t in times])
    assert np.column_stack([y, v]) == pytest.approx(exact, rel=1e-12, abs=1e-13)


def test_linear_heavy_ball_far_and_near_critical():
    assert np.all(np.isfinite(ref.linear_heavy_ball(1e4, 50.0, 1.0, 1.0, 0.0)))
    near = [ref.linear_heavy_ball(3.0, 2.0, 1 + d, 1.0, 0.5)[0] for d in (-1e-12, 0.0, 1e-12)]
    assert np.ptp(near) < 1e-11


def test_quadratic_gradient_flow():
    A, b, x0 = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([0.3, -1.0]), np.array([1.0, 2.0])
    run = ref.truth(lambda t, x: -(A @ x + b), (0.0, 1.5), x0)
    assert ref.quadratic_gradient_flow(1.5, A, x0, b) == pytest.approx(run, rel=1e-12)
    flat = ref.quadratic_gradient_flow(1.5, np.diag([1.0, 0.0]), x0, b)
    assert flat[1] == pytest.approx(2.0 + 1.5, rel=1e-14)  # a flat direction moves at speed -b
    assert ref.quadratic_gradient_flow(2.0, 3.0, 1.0) == pytest.approx(np.exp(-6.0), rel=1e-13)


@pytest.mark.parametrize(
    ("rhs", "y0"),
    [
        (ref.lorenz_rhs, ref.LORENZ_Y0),
        (ref.van_der_pol_rhs, ref.VAN_DER_POL_Y0),
        (ref.kepler_rhs, (0.1, 0.0, 0.0, 19**0.5)),
    ],
    ids=["lorenz", "van der pol", "kepler"],
)
def test_truth_against_taylor_series(rhs, y0):
    t = 0.25
    exact = ref.truth_mp(rhs, 0.0, y0, t)
    assert ref.truth(rhs, (0.0, t), y0) == pytest.approx(exact, rel=1e-11, abs=1e-12)


def test_arenstorf_returns_and_keeps_jacobi_constant():
    mu, T = ref.ARENSTORF_MU, ref.ARENSTORF_PERIOD
    run = ref.truth(ref.arenstorf_rhs, (0.0, T), ref.ARENSTORF_Y0, [0.0, T / 3, T])
    x, y, vx, vy = run.T
    potential = (1 - mu) / np.hypot(x + mu, y) + mu / np.hypot(x - 1 + mu, y)
    jacobi = x**2 + y**2 + 2 * potential - vx**2 - vy**2
    assert np.ptp(jacobi) < 1e-9
    # not exact: the start is rounded to float64 and close passages of the Moon amplify errors
    assert run[-1] == pytest.approx(np.array(ref.ARENSTORF_Y0), abs=1e-8)


def test_truth_reports_failure():
    with np.errstate(all="ignore"), pytest.raises(RuntimeError, match="no reference"):
        ref.truth(lambda t, y: y**2, (0.0, 2.0), 1.0)


# --- the Boole-type map ---------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.01, 0.1, 0.5, 1.0, 1.5, 1.9])
@pytest.mark.parametrize(("L0", "k"), [(1.62276, 12.0), (5.5336e-7, 14.896055)])
def test_boole_exponent_and_law(h, L0, k):
    rng = np.random.default_rng(20240101)
    scale = ref.boole_scale(L0, k)
    u = scale * rng.standard_cauchy(4000)
    total = np.zeros(u.size)
    steps = 200
    for _ in range(steps):
        total += np.log(np.abs(ref.boole_derivative(u, h, L0, k)))
        u = ref.boole_map(u, h, L0, k)
    means = total / steps
    error = means.std() / np.sqrt(means.size)
    assert abs(means.mean() - ref.boole_exponent(h)) < 4.5 * error
    assert ref.ks_cauchy(u, scale)[1] > 1e-4  # the law is kept ...
    assert ref.ks_cauchy(u, 1.5 * scale)[1] < 1e-4  # ... and this test would see a wrong scale


def test_boole_law_attracts():
    u = np.random.default_rng(7).uniform(0.5, 0.6, 4000)
    for _ in range(200):
        u = ref.boole_map(u, 0.3, 2.0, 5.0)
    assert ref.ks_cauchy(u, ref.boole_scale(2.0, 5.0))[1] > 1e-4


def test_boole_exponent_by_quadrature():
    for h in (0.02, 0.7, 1.6):
        value = mpmath.quad(
            # w = tan(angle) makes Cauchy uniform
            lambda s, h=h: mpmath.log(1 - h / 2 + h / 2 / mpmath.tan(s) ** 2),
            [0, mpmath.atan(mpmath.sqrt(h)), mpmath.pi / 2],
        )
        assert float(value * 2 / mpmath.pi) == pytest.approx(ref.boole_exponent(h), abs=1e-12)
    assert ref.boole_exponent(1.0) == pytest.approx(np.log(2), rel=1e-15)
    with pytest.raises(ValueError, match="h must be"):
        ref.boole_exponent(2.0)


# --- leaving the well -----------------------------------------------------------------------------


def leaving_times(h, M, lanes, horizon=25.0):
    """Times at which clipped Euler runs from 4 +- 1e-9 first have x < 1.843 (inf: never)."""
    x = 4 + np.random.default_rng(3).uniform(-1e-9, 1e-9, lanes)
    left = np.full(lanes, np.inf)
    for step in range(round(horizon / h)):
        g = -9 + x * (30 + x * (-21 + 4 * x))
        speed = np.minimum(1 / np.abs(g), M)
        x = x - h * np.sign(g) * speed * ref.two_minima_loss(x)
        left = np.where((x < 1.8430703308) & np.isinf(left), (step + 1) * h, left)
    return left


@pytest.mark.parametrize("hM", [0.1, 0.7])
def test_no_run_leaves_below_the_threshold(hM):
    assert hM < ref.escape_threshold() and ref.escape_rate(hM) == 0.0
    assert not np.any(np.isfinite(leaving_times(0.01, hM / 0.01, 1000)))


@pytest.mark.parametrize("hM", [0.72, 1.0, 10.0])
def test_escape_rate(hM):
    left = leaving_times(0.01, hM / 0.01, 3000)
    early, late = np.sum(left > 8), np.sum(left > 25)
    rate, error = np.log(early / late) / 17, np.sqrt(1 / late - 1 / early) / 17
    expected = ref.escape_rate(hM)
    assert abs(rate - expected) < 4 * error + 0.05 * expected  # the second term: sqrt(h)/2


def test_exponent_in_well():
    ratios = [ref.exponent_in_well(0.01, hM) / ref.boole_exponent(0.01) for hM in (1.0, 10.0)]
    assert ratios == pytest.approx([1.3237, 1.0366], abs=1e-3)


# --- statistics and differences -------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (10, 10), (81, 263), (2500, 4000)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson(k, n, level):
    expected = scipy.stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert ref.wilson_interval(k, n, level) == pytest.approx(tuple(expected), abs=1e-14)


def test_wilson_refuses():
    for bad in [(1, 0), (-1, 5), (6, 5)]:
        with pytest.raises(ValueError, match="need"):
            ref.wilson_interval(*bad)


def test_measured_order():
    hs = np.array([0.1, 0.05, 0.02])
    assert ref.measured_order(3 * hs**2.5, hs) == pytest.approx(2.5, abs=1e-12)


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2 + np.exp(x[0] * x[1])


def rosenbrock_grad(x):
    e, r = np.exp(x[0] * x[1]), x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * r + x[1] * e, 200 * r + x[0] * e])


def rosenbrock_hess(x):
    e, p = np.exp(x[0] * x[1]), x[0] * x[1]
    off = -400 * x[0] + (1 + p) * e
    corner = 2 - 400 * (x[1] - 3 * x[0] ** 2) + x[1] ** 2 * e
    return np.array([[corner, off], [off, 200 + x[0] ** 2 * e]])


@pytest.mark.parametrize("x", [(-1.2, 1.0), (0.3, -0.4), (1.0, 1.0)])
def test_differences(x):
    x = np.array(x)
    grad, hess = rosenbrock_grad(x), rosenbrock_hess(x)
    size = np.abs(hess).max()
    assert ref.complex_gradient(rosenbrock, x) == pytest.approx(grad, rel=1e-14, abs=1e-12)
    assert ref.fd_gradient(rosenbrock, x) == pytest.approx(grad, abs=1e-12 * size)
    assert ref.fd_jacobian(rosenbrock_grad, x) == pytest.approx(hess, abs=1e-12 * size)
    assert ref.fd_hessian(rosenbrock, x) == pytest.approx(hess, abs=1e-10 * size)
    assert ref.fd_jacobian(lambda y: np.append(y, y[0]), x).shape == (3, 2)
