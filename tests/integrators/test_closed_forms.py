"""Runs against closed forms and scipy: damping, quadratics, time in the field, large systems.

Unless a test says otherwise the runs are at rtol = 1e-13 and are held to 1e-10: a thousand steps
of one tolerance each.
"""

import numba
import numpy as np
import pytest
import reference
import scipy.integrate

import flowopt as fo

EPS = np.finfo(float).eps
ADAPTIVE = [fo.Dopri5, fo.Tsit5, fo.DOP853, fo.Taylor]
every_pair = pytest.mark.parametrize("cls", ADAPTIVE)

KEPLER = fo.VectorField(["u", "v", "-x/(x**2 + y**2)**(3/2)", "-y/(x**2 + y**2)**(3/2)"],
                        ["x", "y", "u", "v"])
LORENZ = fo.VectorField(["s*(y - x)", "x*(r - z) - y", "x*y - b*z"], ["x", "y", "z"],
                        parameters={"s": 10.0, "r": 28.0, "b": 8 / 3})
VAN_DER_POL = fo.VectorField(["v", "mu*(1 - x**2)*v - x"], ["x", "v"], parameters={"mu": 1.0})


def tight(cls):
    return cls(rtol=1e-13, atol=1e-14)


def end(field, y0, t_end, method):
    """Return y(t_end), having checked that the run got there."""
    traj = fo.integrate(field, y0, t=(0.0, t_end), method=method)
    assert traj.status is fo.Status.REACHED_END and traj.t[-1] == t_end
    return traj.y[-1]


# ----------------------------------------------------------------- standard problems


@every_pair
def test_kepler_keeps_energy_and_angular_momentum(cls):
    x, y, u, v = fo.integrate(KEPLER, reference.kepler(0.0, 0.5), (0.0, 20.0), tight(cls)).y.T
    assert abs((u**2 + v**2) / 2 - 1 / np.hypot(x, y) + 0.5).max() <= 1e-10
    assert abs(x * v - y * u - np.sqrt(0.75)).max() <= 1e-10


@every_pair
def test_van_der_pol(cls):
    truth = reference.truth(reference.van_der_pol_rhs, (0.0, 20.0), reference.VAN_DER_POL_Y0)
    y = end(VAN_DER_POL, reference.VAN_DER_POL_Y0, 20.0, tight(cls))
    assert abs(y - truth).max() <= 1e-10


@every_pair
@pytest.mark.parametrize("field, rhs, y0", [
    (LORENZ, reference.lorenz_rhs, reference.LORENZ_Y0),
    (KEPLER, reference.kepler_rhs, reference.kepler(0.0, 0.3)),
    (VAN_DER_POL, reference.van_der_pol_rhs, reference.VAN_DER_POL_Y0)],
    ids=["Lorenz", "Kepler", "van der Pol"])
def test_scipy_on_our_right_hand_side(cls, field, rhs, y0):
    """solve_ivp takes field.rhs, and agrees with us and with plain NumPy."""
    run = scipy.integrate.solve_ivp(field.rhs, (0.0, 1.0), y0, method="DOP853", rtol=1e-13,
                                    atol=1e-14)
    size = abs(run.y).max()
    assert abs(end(field, y0, 1.0, tight(cls)) - run.y[:, -1]).max() <= 1e-10 * size
    assert abs(reference.truth(rhs, (0.0, 1.0), y0) - run.y[:, -1]).max() <= 1e-10 * size


# ----------------------------------------------------------------- flows on quadratics

EIGENVALUES = np.array([0.25, 1.0, 4.0])
BASIS = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
BOWL = BASIS @ np.diag(EIGENVALUES) @ BASIS.T
BOWL = (BOWL + BOWL.T) / 2
X0, V0 = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.0, -1.0])


def modes(t, gamma):
    """Heavy ball in the eigenbasis: three scalar oscillators."""
    q, v = BASIS.T @ X0, BASIS.T @ V0
    both = np.array([reference.linear_heavy_ball(t, gamma, lam, a, b)
                     for lam, a, b in zip(EIGENVALUES, q, v, strict=True)])
    return np.concatenate([BASIS @ both[:, 0], BASIS @ both[:, 1]])


@every_pair
# no damping; all oscillate; the slow mode critical; the middle one; the fast one; all overdamped
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 4.0, 10.0])
def test_heavy_ball_in_three_dimensions(cls, gamma):
    field = fo.flows.HeavyBall(gamma=gamma).on(fo.losses.quadratic(BOWL))
    y = end(field, np.concatenate([X0, V0]), 7.0, tight(cls))
    assert abs(y - modes(7.0, gamma)).max() <= 1e-10


@every_pair
@pytest.mark.parametrize("A", [BOWL, np.diag([1.0, -0.5, 0.0])], ids=["bowl", "saddle"])
def test_gradient_flow_on_bowl_and_saddle(cls, A):
    b = np.array([0.5, -1.0, 0.25])
    field = fo.flows.GradientFlow().on(fo.losses.quadratic(A, b))
    expected = reference.quadratic_gradient_flow(5.0, A, X0, -b)  # L = x.A.x/2 - b.x
    assert abs(end(field, X0, 5.0, tight(cls)) - expected).max() <= 1e-10 * abs(expected).max()


@pytest.mark.parametrize("cls, order", [(fo.Euler, 1), (fo.Heun, 2), (fo.Midpoint, 2),
                                        (fo.RK4, 4)])
def test_fixed_steps_on_a_quadratic_are_powers_of_the_stability_function(cls, order):
    """y_N = R(-h A)^N x0 with R the Taylor polynomial of exp of the method's order."""
    h, steps = 0.125, 80
    R, term = np.eye(3), np.eye(3)
    for j in range(1, order + 1):
        term = term @ (-h * BOWL) / j
        R = R + term
    field = fo.flows.GradientFlow().on(fo.losses.quadratic(BOWL))
    y = end(field, X0, h * steps, cls(h=h))
    # a contraction: a few roundings of numbers of size 2 in each step
    assert abs(y - np.linalg.matrix_power(R, steps) @ X0).max() <= 10 * steps * EPS


# ----------------------------------------------------------------- time


@every_pair
def test_a_field_that_depends_on_time(cls):
    """y' = -y² cos t from 1/2 is 1/(2 + sin t), under any name of time and from any start."""
    field = fo.VectorField(["-y**2*cos(t)"], ["y"])
    times = np.linspace(0.0, 30.0, 61)
    run = fo.integrate(field, [0.5], (0.0, 30.0), tight(cls), save_at=times)
    assert abs(run.y[:, 0] - 1 / (2 + np.sin(times))).max() <= 1e-10
    renamed = fo.VectorField(["-y**2*cos(s)"], ["y"], time="s")
    later = fo.integrate(renamed, [1 / (2 + np.sin(1.0))], (1.0, 31.0), tight(cls))
    assert abs(later.y[-1, 0] - 1 / (2 + np.sin(31.0))) <= 1e-10
    back = fo.integrate(field, [1 / (2 + np.sin(30.0))], (30.0, 0.0), tight(cls))
    assert abs(back.y[-1, 0] - 0.5) <= 1e-10


@every_pair
def test_a_field_of_time_alone(cls):
    """A quadrature: the integral of t exp(-t) from 0 to 10 is 1 - 11 exp(-10)."""
    y = end(fo.VectorField(["t*exp(-t)"], ["y"]), [0.0], 10.0, tight(cls))[0]
    assert y == pytest.approx(1 - 11 * np.exp(-10.0), abs=1e-12)


# ----------------------------------------------------------------- size

N = 100


@numba.njit
def chain(t, y, p, dy):
    """Heat on a chain of N points between two cold ends."""
    for i in range(N):
        left = y[i - 1] if i > 0 else 0.0
        right = y[i + 1] if i < N - 1 else 0.0
        dy[i] = p[0] * (left - 2 * y[i] + right)


def test_a_large_system_from_a_compiled_kernel():
    """Sine k is an eigenvector with the rate 4 c sin²(kπ/2(N + 1)); the start is a mix of three."""
    k, c = np.array([1, 7, 40]), 3.0
    rates = 4 * c * np.sin(k * np.pi / (2 * (N + 1))) ** 2
    sines = np.sin(np.outer(np.arange(1, N + 1), k) * np.pi / (N + 1))
    field = fo.VectorField.from_kernel(chain, N, parameters={"c": c})
    y0 = sines.sum(axis=1)
    expected = sines @ np.exp(-rates * 2.0)
    for cls in ADAPTIVE:
        if cls is not fo.Taylor:  # a kernel has no series
            assert abs(end(field, y0, 2.0, tight(cls)) - expected).max() <= 1e-10
    # Euler multiplies sine k by 1 - h rate in each step; 4 c h <= 2, so roundings do not grow
    h, steps = 1 / 16, 32
    y = end(field, y0, h * steps, fo.Euler(h=h))
    assert abs(y - sines @ (1 - h * rates) ** steps).max() <= 10 * steps * EPS * abs(y0).max()


def test_a_large_system_from_expressions():
    """Forty oscillators of different frequency, uncoupled."""
    n = 40
    w = np.linspace(0.5, 2.0, n)
    field = fo.VectorField([f"v{i}" for i in range(n)]
                           + [f"-{square!r}*q{i}" for i, square in enumerate((w**2).tolist())],
                           [f"q{i}" for i in range(n)] + [f"v{i}" for i in range(n)])
    y = end(field, np.concatenate([np.ones(n), np.zeros(n)]), 5.0, tight(fo.DOP853))
    assert abs(y - np.concatenate([np.cos(5 * w), -w * np.sin(5 * w)])).max() <= 1e-10
