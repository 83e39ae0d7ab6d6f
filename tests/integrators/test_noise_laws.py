"""Where methods with noise lead: exact moments of linear maps, Gibbs' law, annealing, T = 0."""

import math

import numpy as np
import pytest
import reference
import scipy.integrate
import scipy.linalg
import scipy.stats

import flowopt as fo

WELL = fo.Loss("(x**2 - 1)**2/4")
DOWN = fo.flows.GradientFlow().on(WELL)
METHODS = [fo.EulerMaruyama, fo.SRA1, fo.BAOAB]
every_method = pytest.mark.parametrize("cls", METHODS, ids=lambda c: c.__name__)


def linear(cls, mu=2.0, gamma=1.5):
    """Return a linear field for the method, its matrix F, and the covariance rate G of noise."""
    loss = fo.Loss("mu*x**2/2", parameters={"mu": mu})
    if cls is fo.BAOAB:
        return (fo.flows.HeavyBall(gamma=gamma).on(loss), np.array([[0, 1], [-mu, -gamma]]),
                np.diag([0, 2 * gamma]))
    return fo.flows.GradientFlow().on(loss), np.array([[-mu]]), np.array([[2.0]])


def step_of(cls, h, T, mu=2.0, gamma=1.5):
    """Return A and B of the compiled step y⁺ = A y + B z, z normal: no sampling, T constant.

    A is the step at T = 0 from unit vectors; B comes from the step at y = 0 in 8 runs, whose normal
    numbers the twin knows.
    """
    field, F, _ = linear(cls, mu, gamma)
    A = fo.ensemble(field, np.eye(len(F)), (0.0, h), cls(h=h), seed=0).y.T
    y = fo.ensemble(field, np.zeros((8, len(F))), (0.0, h), cls(h=h, temperature=T), seed=3).y
    z = np.array([[reference.normal(0, 0, lane, 3, stream) for stream in (0, 1)]
                  for lane in range(8)])
    B, rest, _, _ = np.linalg.lstsq(z, y, rcond=None)
    assert abs(z @ B - y).max() < 1e-14 and rest.size
    return A, B.T


@pytest.mark.parametrize("h", [0.1, 0.5, 0.9])
def test_stationary_variances(h):
    """V = A V Aᵀ + B Bᵀ: T/(μ(1 − hμ/2)) for Euler–Maruyama, T/μ for BAOAB, at any step."""
    T, mu = 0.4, 2.0
    A, B = step_of(fo.EulerMaruyama, h, T, mu)
    V = scipy.linalg.solve_discrete_lyapunov(A, B @ B.T)
    assert V[0, 0] == pytest.approx(T / (mu * (1 - h * mu / 2)), rel=1e-13)
    A, B = step_of(fo.BAOAB, h, T, mu)
    V = scipy.linalg.solve_discrete_lyapunov(A, B @ B.T)
    assert V[0, 0] == pytest.approx(T / mu, rel=1e-12)
    assert abs(V[0, 1]) < 1e-13
    # Leimkuhler & Matthews (2013): the velocity's is T (1 − h²μ/4)
    assert V[1, 1] == pytest.approx(T * (1 - h**2 * mu / 4), rel=1e-12)


@pytest.mark.parametrize("cls, order", [(fo.EulerMaruyama, 1), (fo.SRA1, 2), (fo.BAOAB, 2)],
                         ids=lambda v: getattr(v, "__name__", str(v)))
def test_weak_order(cls, order):
    """The covariance at t = 1 of the compiled map, exactly, against the moment equations."""
    T = 0.7
    _, F, G = linear(cls)
    block = scipy.linalg.expm(np.block([[-F, T * G], [np.zeros_like(F), F.T]]))
    flow = block[len(F):, len(F):].T
    exact = flow @ block[:len(F), len(F):]  # Van Loan (1978): ∫ e^{Fs} T G e^{Fᵀs} ds
    mean = flow @ np.ones(len(F))
    errors, steps = [], 2.0 ** -np.arange(3, 8)
    for h in steps:
        A, B = step_of(cls, h, T)
        V, m = np.zeros_like(F), np.ones(len(F))
        for _ in range(round(1 / h)):
            V, m = A @ V @ A.T + B @ B.T, A @ m
        errors.append([abs(V - exact).max(), abs(m - mean).max()])
    for row in np.array(errors).T:
        assert reference.measured_order(row, steps) == pytest.approx(order, abs=0.15)


def variance_interval(count, level=1e-4):
    return scipy.stats.chi2.ppf([level / 2, 1 - level / 2], count) / count


@pytest.mark.parametrize("cls, exact", [
    (fo.EulerMaruyama, lambda T, mu, h: T / (mu * (1 - h * mu / 2))),
    (fo.BAOAB, lambda T, mu, h: T / mu)], ids=["EulerMaruyama", "BAOAB"])
def test_sampled_variance(cls, exact):
    """The sample's variance lies in the interval of the exact law, and other laws do not."""
    T, mu, h, count = 0.4, 2.0, 0.25, 20_000
    field = linear(cls, mu)[0]
    ens = fo.ensemble(field, np.zeros((count, 1)), (0.0, 50.0), seed=11,
                      method=cls(h=h, temperature=T))
    want = exact(T, mu, h)
    low, high = variance_interval(count) * want
    assert low < np.mean(ens.x**2) < high
    if cls is fo.EulerMaruyama:
        assert not low < T / mu < high  # the test can tell the two apart
    assert scipy.stats.kstest(ens.x[:, 0] / math.sqrt(want), "norm").pvalue > 1e-4
    if cls is fo.BAOAB:
        v = ens.y[:, 1] / math.sqrt(T * (1 - h**2 * mu / 4))
        assert scipy.stats.kstest(v, "norm").pvalue > 1e-4


def gibbs(T):
    """Return the distribution function of exp(−L/T), by quadrature."""
    x = np.linspace(-4, 4, 20_001)
    mass = scipy.integrate.cumulative_simpson(np.exp(-(x**2 - 1) ** 2 / (4 * T)), x=x, initial=0)
    return lambda q: np.interp(q, x, mass / mass[-1])


@every_method
def test_gibbs_law(cls):
    """Bins of equal probability under exp(−L/T) on the double well: chi-square, and KS."""
    T, count, bins = 0.3, 20_000, 40
    field = fo.flows.HeavyBall(gamma=1.0).on(WELL) if cls is fo.BAOAB else DOWN
    h = {fo.EulerMaruyama: 0.004, fo.SRA1: 0.02, fo.BAOAB: 0.1}[cls]
    ens = fo.ensemble(field, np.full((count, 1), 1.0), (0.0, 40.0), seed=5,
                      method=cls(h=h, temperature=T))

    def pvalue(other):
        share = gibbs(other)(ens.x[:, 0])
        found = np.histogram(share, bins=bins, range=(0, 1))[0]
        return min(scipy.stats.chisquare(found).pvalue,
                   scipy.stats.kstest(share, "uniform").pvalue)

    assert pvalue(T) > 1e-4
    assert pvalue(T / 1.2) < 1e-4 and pvalue(1.2 * T) < 1e-4  # the test tells these apart


# ----------------------------------------------------------------- temperature in time


@pytest.mark.parametrize("cls, h", [(fo.EulerMaruyama, 0.05), (fo.SRA1, 0.02), (fo.BAOAB, 0.05)],
                         ids=["EulerMaruyama", "SRA1", "BAOAB"])
@pytest.mark.parametrize("heat, T", [("1/(1 + t)", lambda t: 1 / (1 + t)),
                                     ("0.1 + (1 - t)**2", lambda t: 0.1 + (1 - t) ** 2)])
def test_annealing(cls, h, heat, T):
    """The variance at t = 2 follows V̇ = F V + V Fᵀ + T(t) G, within the sampling interval."""
    field, F, G = linear(cls)
    count, size, steps = 40_000, len(F), round(2 / h)

    def rate(t, V):
        V = V.reshape(size, size)
        return (F @ V + V @ F.T + T(t) * G).ravel()

    flow = scipy.integrate.solve_ivp(rate, (0, 2), np.zeros(size**2), rtol=1e-10,
                                     atol=1e-12).y[0, -1]
    ens = fo.ensemble(field, np.zeros((count, 1)), (0.0, 2.0), seed=21,
                      method=cls(h=h, temperature=heat))
    low, high = variance_interval(count)
    found = np.mean(ens.x**2)
    if cls is fo.EulerMaruyama:  # the map's own variance
        V = 0.0
        for k in range(steps):
            V = (1 - 2.0 * h) ** 2 * V + 2 * h * T(k * h)
        assert low * V < found < high * V and V == pytest.approx(flow, rel=0.1)
    else:  # second order: the step's bias is far below the interval
        assert low < found / flow < high
    for other in (T(0), T(2)):  # the test tells a constant temperature apart
        assert not low < found / (other / 2.0) < high


def test_where_the_amplitude_is_looked_at():
    """EM at the start of a step, SRA1 at both ends, BAOAB in the middle: an exact linear T."""
    h, z = 0.5, reference.normal(0, 0, 0, 8)
    free = fo.VectorField(["0"], ["x"])
    for cls, at in ((fo.EulerMaruyama, [0.3]), (fo.SRA1, [0.3, 0.8])):
        y = fo.integrate(free, [0.0], (0.3, 0.8), cls(h=h, temperature="t"), seed=8).y[-1, 0]
        dW, dZ = (v[0, 0] for v in reference.brownian(1, 1, h, 0, 8))
        g = np.sqrt(2 * np.array(at))
        assert y == pytest.approx(g[-1] * dW + (g[0] - g[-1]) * dZ / h, rel=1e-13)
    y = fo.integrate(fo.VectorField(["v", "-v"], ["q", "v"]), [0.0, 0.0], (0.3, 0.8),
                     fo.BAOAB(h=h, temperature="t"), seed=8).y[-1]
    assert y[1] == pytest.approx(math.sqrt(0.55 * -math.expm1(-1.0)) * z, rel=1e-13)


def test_a_temperature_for_each_run():
    """A name in the formula is a parameter: of the field, or one that the ensemble is given."""
    field = fo.flows.GradientFlow().on(fo.Loss("mu*x**2/2", parameters={"mu": 2.0}))
    T = np.repeat([0.1, 0.9], 10_000)
    ens = fo.ensemble(field, np.zeros((20_000, 1)), (0.0, 5.0), seed=2, parameters={"T": T},
                      method=fo.SRA1(h=0.02, temperature="T"))
    for half, value in zip(np.split(ens.x, 2), (0.1, 0.9), strict=True):
        low, high = variance_interval(10_000) * value / 2
        assert low < np.mean(half**2) < high
    alone = fo.integrate(field, [0.0], (0.0, 5.0), fo.SRA1(h=0.02, temperature=0.1), seed=2)
    assert (alone.y[-1] == ens.y[0]).all()  # the number and the name are the same bits
    whole = fo.ensemble(field, np.zeros((70, 1)), (0.0, 5.0), seed=2, parameters={"T": 0.1},
                        method=fo.SRA1(h=0.02, temperature="T"))
    assert (whole.x == ens.x[:70]).all()
    both = fo.ensemble(field, np.zeros((70, 1)), (0.0, 5.0), seed=2,
                       parameters={"mu": np.linspace(1, 3, 70)},
                       method=fo.SRA1(h=0.02, temperature="mu/(1 + t)"))
    for row in (0, 69):
        own = fo.ensemble(field.with_parameters(mu=float(np.linspace(1, 3, 70)[row])),
                          np.zeros((70, 1)), (0.0, 5.0), seed=2,
                          method=fo.SRA1(h=0.02, temperature="mu/(1 + t)"))
        assert (own.x[row] == both.x[row]).all()


def test_sympy_and_text_are_the_same():
    import sympy

    t, a = sympy.symbols("t a")
    runs = [fo.integrate(DOWN, [0.5], (0.0, 1.0), fo.SRA1(h=0.1, temperature=T), seed=2).y
            for T in ("exp(-t)/10", sympy.exp(-t) / 10, sympy.exp(-t) * 0.1)]
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])
    numbers = [fo.integrate(DOWN, [0.5], (0.0, 1.0), fo.SRA1(h=0.1, temperature=T), seed=2).y
               for T in (0.25, "1/4", sympy.Rational(1, 4), np.float64(0.25))]
    assert all(np.array_equal(numbers[0], other) for other in numbers)
    with pytest.raises(ValueError, match="temperature holds a"):
        fo.integrate(DOWN, [0.5], (0.0, 1.0), fo.SRA1(h=0.1, temperature=a * t), seed=2)


# ----------------------------------------------------------------- no noise


def test_no_noise_is_the_deterministic_map():
    field = fo.VectorField(["-x**3 + cos(t)*y", "-y + x"], ["x", "y"])
    for T in (0.0, "0*t"):
        a = fo.integrate(field, [1.0, 0.5], (0.0, 1.03), fo.EulerMaruyama(0.01, T), seed=1)
        assert (a.y == fo.integrate(field, [1.0, 0.5], (0.0, 1.03), fo.Euler(h=0.01)).y).all()
        a = fo.integrate(field, [1.0, 0.5], (0.0, 1.0), fo.SRA1(0.01, T), seed=1)
        path = reference.runge_kutta(
            [[], [0.75]], [1 / 3, 2 / 3], [0.0, 0.75],
            lambda t, y: np.array([-y[0]**3 + np.cos(t) * y[1], y[0] - y[1]]), [1.0, 0.5], 0.0,
            0.01, 100)
        assert abs(a.y - path).max() < 1e-14
    a = fo.integrate(fo.flows.HeavyBall(gamma=0.7).on(WELL), [1.2], (0.0, 1.0), fo.BAOAB(0.01),
                     seed=1)
    path = reference.baoab(lambda t, q: q - q**3, 0.7, lambda t: 0.0, [1.2], [0.0], 0.0, 0.01,
                           np.zeros((100, 1)))
    assert abs(a.y - path).max() < 1e-14


def test_noise_acts_on_theta_only():
    field = fo.flows.HeavyBall(gamma=0.0).on(fo.Loss("0*x"))
    for cls in (fo.EulerMaruyama, fo.SRA1):
        ens = fo.ensemble(field, np.zeros((4, 1)), (0.0, 1.0), seed=1,
                          method=cls(h=0.1, temperature=1.0))
        assert (ens.y[:, 1] == 0).all() and (ens.y[:, 0] != 0).all()


def test_baoab_on_every_kind_of_field():
    """A flow on expressions, the same on a kernel, equations, and a field without friction."""
    def loss(x, g):
        g[0], g[1] = x[0] * (x[0]**2 - 1), 3 * x[1]
        return (x[0]**2 - 1) ** 2 / 4 + 1.5 * x[1]**2

    text = fo.Loss("(x**2 - 1)**2/4 + 3*y**2/2")
    ball = fo.flows.HeavyBall(gamma=0.8)
    fields = [ball.on(text), ball.on(fo.Loss.from_kernel(loss, 2)),
              fo.VectorField(["v", "w", "-0.8*v - x**3 + x", "-3*y - 0.8*w"], ["x", "y", "v", "w"])]
    free = [fo.flows.HeavyBall(gamma=0.0).on(text),
            fo.VectorField(["v", "w", "x - x**3", "-3*y"], ["x", "y", "v", "w"])]
    start, span = [0.5, 0.3, 0.0, 0.1], (0.0, 3.0)
    runs = [fo.integrate(f, start, span, fo.BAOAB(h=0.05, temperature=0.2), seed=1) for f in fields]
    runs += [fo.integrate(f, start, span, fo.BAOAB(h=0.05, temperature=0.2, gamma=0.8), seed=1)
             for f in [*free, fields[0]]]
    assert all(abs(run.y - runs[0].y).max() < 1e-13 for run in runs)
    gamma = np.linspace(0.1, 2.0, 70)
    many = fo.ensemble(fields[0], [start] * 70, span, fo.BAOAB(h=0.05, temperature=0.2), seed=1,
                       parameters={"gamma": gamma})
    own = fo.ensemble(fields[0].with_parameters(gamma=float(gamma[7])), [start] * 70, span,
                      fo.BAOAB(h=0.05, temperature=0.2), seed=1)
    assert (own.y[7] == many.y[7]).all()
