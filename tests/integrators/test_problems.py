"""Standard problems with known answers, and the laws that the flows of the catalogue obey."""

from functools import cache

import numpy as np
import pytest
import reference

import flowopt as fo

ADAPTIVE = [fo.Dopri5, fo.Tsit5, fo.DOP853, fo.Taylor]
every = pytest.mark.parametrize("cls", ADAPTIVE)

KEPLER = fo.VectorField(["u", "v", "-x/(x**2 + y**2)**(3/2)", "-y/(x**2 + y**2)**(3/2)"],
                        ["x", "y", "u", "v"], name="Kepler")
LORENZ = fo.VectorField(["sigma*(y - x)", "x*(rho - z) - y", "x*y - beta*z"], ["x", "y", "z"],
                        parameters={"sigma": 10.0, "rho": 28.0, "beta": 8 / 3})
ARENSTORF = fo.VectorField(
    ["u", "v",
     "x + 2*v - nu*(x + mu)/((x + mu)**2 + y**2)**(3/2) - mu*(x - nu)/((x - nu)**2 + y**2)**(3/2)",
     "y - 2*u - nu*y/((x + mu)**2 + y**2)**(3/2) - mu*y/((x - nu)**2 + y**2)**(3/2)"],
    ["x", "y", "u", "v"],
    parameters={"mu": reference.ARENSTORF_MU, "nu": 1 - reference.ARENSTORF_MU})

# field, start, end, solution there; the first two are A4 and A2 of DETEST
PROBLEMS = {
    "logistic": (fo.VectorField(["y/4*(1 - y/20)"], ["y"]), [1.0], 20.0, [17.73016648131484]),
    "cubic decay": (fo.VectorField(["-y**3/2"], ["y"]), [1.0], 20.0, [1 / np.sqrt(21)]),
    "Kepler 0.1": (KEPLER, reference.kepler(0, 0.1), 20.0, reference.kepler(20, 0.1)),
    "Kepler 0.9": (KEPLER, reference.kepler(0, 0.9), 20.0, reference.kepler(20, 0.9)),
}


@every
@pytest.mark.parametrize("name", PROBLEMS)
def test_standard_problems_to_1e_10(cls, name):
    field, start, end, solution = PROBLEMS[name]
    traj = fo.integrate(field, start, t=(0.0, end), method=cls(rtol=1e-13, atol=1e-13))
    assert traj.status is fo.Status.REACHED_END and traj.t[-1] == end
    assert abs(traj.y[-1] - solution).max() < 1e-10


@pytest.mark.parametrize("e", [0.1, 0.9])
def test_kepler_all_along_the_orbit(e):
    traj = fo.integrate(KEPLER, reference.kepler(0, e), t=(0.0, 20.0),
                        method=fo.DOP853(rtol=1e-13, atol=1e-13))
    times = np.random.default_rng(3).uniform(0, 20, 40)
    exact = np.array([reference.kepler(t, e) for t in times])
    # between the steps the polynomial of order 7 adds its own error: 1e-9 at perihelion
    assert abs(traj(times) - exact).max() < (1e-9 if e == 0.9 else 1e-10)


@every
@pytest.mark.parametrize("name", ["Kepler 0.1", "Kepler 0.9"])
def test_error_is_proportional_to_the_tolerance(cls, name):
    """The slope of log error over log tolerance is 1 within a fifth; error/tolerance is bounded."""
    field, start, end, solution = PROBLEMS[name]
    tolerances = 10.0 ** -np.arange(5, 13)
    errors = np.array([abs(fo.integrate(field, start, t=(0.0, end), save_at=[end],
                                        method=cls(rtol=tol, atol=tol)).y[-1] - solution).max()
                       for tol in tolerances])
    assert reference.measured_order(errors, tolerances) == pytest.approx(1, abs=0.2)
    assert (errors < 3000 * tolerances).all()


@pytest.mark.parametrize("component", [0, 1])
def test_tolerance_of_each_component(component):
    """Either component's tolerance alone makes the steps short."""
    field = fo.VectorField(["cos(5*t)", "cos(5*t)"], ["x", "y"])
    atol = np.array([1e-3, 1e-3])
    atol[component] = 1e-12
    loose, tight = (fo.integrate(field, [0.0, 0.0], t=(0.0, 3.0),
                                 method=fo.Dopri5(rtol=2.3e-14, atol=a)) for a in (1e-3, atol))
    assert tight.stats.n_steps > 5 * loose.stats.n_steps
    with pytest.raises(ValueError, match=r"atol .*\(2,\)"):
        fo.integrate(field, [0.0, 0.0], t=(0, 3), method=fo.Dopri5(atol=[1e-3] * 3))


@cache
def lorenz_truth():
    """Return times, the truth there, and the growth of a disturbance up to each of them."""
    start, times = np.array(reference.LORENZ_Y0), np.array([5.0, 10.0, 15.0, 20.0])
    path = reference.truth(reference.lorenz_rhs, (0.0, 20.0), start, times)
    growth = np.ones(4)
    rng = np.random.default_rng(11)
    starts = [(0.0, start), *zip(times[:3], path[:3], strict=True)]
    for k, (t, y) in enumerate(starts):
        for _ in range(4):
            d = rng.normal(size=3)
            moved = reference.truth(reference.lorenz_rhs, (t, 20.0), y + 1e-8 * d / abs(d).max(),
                                    times[k:])
            growth[k:] = np.maximum(growth[k:], abs(moved - path[k:]).max(axis=1) / 1e-8)
    return times, path, growth


@every
def test_lorenz(cls):
    """Each step may err by rtol |y|, |y| < 50; the errors add up and grow like a disturbance."""
    times, path, growth = lorenz_truth()
    traj = fo.integrate(LORENZ, reference.LORENZ_Y0, t=(0.0, 20.0), save_at=times,
                        method=cls(rtol=1e-13, atol=1e-14))
    bound = 1e-13 * 50 * traj.stats.n_steps * times / 20 * growth
    assert (abs(traj.y - path).max(axis=1) < bound).all()
    assert bound[0] < 1e-6  # so the test says something


@every
def test_arenstorf_comes_back(cls):
    """One period; the last pass by the moon multiplies errors by 1e3, so 1e-13 becomes 1e-9."""
    end = reference.ARENSTORF_PERIOD
    times = np.array([0.25, 0.5, 0.75, 1.0]) * end
    truth = reference.truth(reference.arenstorf_rhs, (0.0, end), reference.ARENSTORF_Y0, times)
    traj = fo.integrate(ARENSTORF, reference.ARENSTORF_Y0, t=(0.0, end), save_at=times,
                        method=cls(rtol=1e-13, atol=1e-14))
    assert abs(traj.y[:3] - truth[:3]).max() < 1e-11
    assert abs(traj.y[3] - truth[3]).max() < 2e-9
    assert abs(traj.y[3] - reference.ARENSTORF_Y0).max() < 2e-9


# ----------------------------------------------------------------- closed forms of the flows

A = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.25], [0.0, -0.25, 3.0]])
B = np.array([0.5, -1.0, 0.25])
TIGHT = fo.DOP853(rtol=1e-12, atol=1e-13)


@every
def test_gradient_flow_on_a_quadratic(cls):
    field = fo.flows.GradientFlow().on(fo.losses.quadratic(A, B))
    traj = fo.integrate(field, [1.0, -2.0, 0.5], t=(0.0, 3.0), save_at=[0.5, 3.0],
                        method=cls(rtol=1e-11, atol=1e-12))
    sign = np.sign(field.loss.grad([0.0, 0.0, 0.0]) @ B)  # ½ xᵀAx ± bᵀx
    for t, y in zip(traj.t, traj.y, strict=True):
        exact = reference.quadratic_gradient_flow(t, A, [1.0, -2.0, 0.5], sign * B)
        assert abs(y - exact).max() < 1e-10


@pytest.mark.parametrize("gamma, lam", [(0.0, 4.0), (0.3, 1.0), (2.0, 1.0), (5.0, 0.5)])
def test_heavy_ball_on_a_quadratic(gamma, lam):
    field = fo.flows.HeavyBall(gamma=gamma).on(fo.Loss("lam*x**2/2", parameters={"lam": lam}))
    times = np.linspace(0.0, 10.0, 21)
    traj = fo.integrate(field, [1.5, -0.5], t=(0.0, 10.0), method=TIGHT, save_at=times)
    exact = np.stack(reference.linear_heavy_ball(times, gamma, lam, 1.5, -0.5), axis=1)
    assert abs(traj.y - exact).max() < 1e-10


def test_states_start_at_rest_when_only_theta_is_given():
    field = fo.flows.HeavyBall(gamma=0.3).on(fo.Loss("x**2/2"))
    traj = fo.integrate(field, [1.5], t=(0.0, 4.0), method=TIGHT)
    assert (traj.y[0] == [1.5, 0.0]).all() and traj.x.shape == (len(traj.t), 1)
    assert traj.y[-1] == pytest.approx(reference.linear_heavy_ball(4.0, 0.3, 1, 1.5, 0), abs=1e-10)


@pytest.mark.parametrize("clip", ["norm", "rate"])
def test_loss_normalized_flow_decays_exponentially(clip):
    """Where the clip does not act, L - L* = (L0 - L*) e^-t whatever the landscape."""
    field = fo.flows.LossNormalizedFlow(M=1e9, clip=clip).on(fo.losses.himmelblau())
    traj = fo.integrate(field, [-1.0, 0.5], t=(0.0, 12.0), method=TIGHT)
    assert len(traj.events) == 0
    assert traj.loss == pytest.approx(traj.loss[0] * np.exp(-traj.t), rel=1e-9)


def test_newton_flow_shrinks_the_gradient():
    """g(t) = g0 e^-t, in direction and size."""
    field = fo.flows.NewtonFlow().on(fo.losses.rosenbrock())
    traj = fo.integrate(field, [1.5, 1.0], t=(0.0, 5.0), method=TIGHT, max_steps=10_000)
    assert traj.status is fo.Status.REACHED_END
    g = field.loss.grad(traj.x)
    assert g == pytest.approx(g[0] * np.exp(-traj.t)[:, None], abs=1e-8 * abs(g[0]).max())


def test_normalized_flow_has_unit_speed():
    field = fo.flows.NormalizedFlow().on(fo.losses.himmelblau())
    traj = fo.integrate(field, [0.0, 0.5], t=(0.0, 1.5), method=TIGHT)
    s = np.linspace(0, 1.5, 3001)
    length = np.linalg.norm(np.diff(traj(s), axis=0), axis=1).sum()
    assert length == pytest.approx(1.5, abs=1e-6)  # chords: error (ds)² κ²/24 of the length


LAWS = {
    "gradient": (fo.flows.GradientFlow(), [1.0, 0.5]),
    "normalized": (fo.flows.NormalizedFlow(), [1.0, 0.5]),
    "sign": (fo.flows.SignFlow(), [1.0, 0.5]),
    "norm": (fo.flows.LossNormalizedFlow(M=0.05), [1.0, 0.5]),
    "rate": (fo.flows.LossNormalizedFlow(M=0.05, clip="rate"), [1.0, 0.5]),
    "heavy ball": (fo.flows.HeavyBall(gamma=0.5), [1.0, 0.5]),
    "newton": (fo.flows.NewtonFlow(), [2.6, 1.6]),
}


@pytest.mark.parametrize("name", LAWS)
def test_dissipation_identity(name):
    """L(0) - L(T) = -∫ dL/dt along the computed path: true of solutions, not of other paths."""
    flow, start = LAWS[name]
    field = flow.on(fo.losses.himmelblau())
    traj = fo.integrate(field, start, t=(0.0, 0.5), method=TIGHT)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    total = 0.0
    for a, b in zip(traj.t[:-1], traj.t[1:], strict=True):
        t = (a + b) / 2 + nodes * (b - a) / 2
        total += (b - a) / 2 * weights @ field.loss_rate(t, traj(t)[:, :field.m])
    assert total == pytest.approx(traj.loss[-1] - traj.loss[0], abs=1e-8 * traj.loss[0])
    assert traj.loss[-1] < traj.loss[0]
