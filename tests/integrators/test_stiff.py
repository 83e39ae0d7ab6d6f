"""Rodas5P and the notice of stiffness: orders, published problems, lanes, and what goes wrong."""

from functools import cache

import numpy as np
import pytest
import reference
import scipy.integrate

import flowopt as fo
from flowopt.integrators.plans import OWN_LU
from flowopt.integrators.tableaus import RODAS5P

EPS = np.finfo(float).eps
GAMMA = np.linalg.inv(np.eye(8) / RODAS5P.gamma_value - RODAS5P.coupling_array)
ALPHA = RODAS5P.a_array @ GAMMA

ROBERTSON = fo.VectorField(["-k*a + 1e4*b*c", "k*a - 1e4*b*c - 3e7*b**2", "3e7*b**2"],
                           ["a", "b", "c"], parameters={"k": 0.04})
VAN_DER_POL = fo.VectorField(["v", "((1 - x**2)*v - x)/eps"], ["x", "v"], parameters={"eps": 1e-6})
OREGONATOR = fo.VectorField(["77.27*(b + a*(1 - 8.375e-6*a - b))", "(c - (1 + a)*b)/77.27",
                             "0.161*(a - c)"], ["a", "b", "c"])
HIRES = fo.VectorField(
    ["-1.71*y1 + 0.43*y2 + 8.32*y3 + 0.0007", "1.71*y1 - 8.75*y2",
     "-10.03*y3 + 0.43*y4 + 0.035*y5", "8.32*y2 + 1.71*y3 - 1.12*y4",
     "-1.745*y5 + 0.43*y6 + 0.43*y7", "-280*y6*y8 + 0.69*y4 + 1.71*y5 - 0.43*y6 + 0.69*y7",
     "280*y6*y8 - 1.81*y7", "-280*y6*y8 + 1.81*y7"], [f"y{i}" for i in range(1, 9)])
# field, start, end, atol / rtol, what is published: Mazzia & Magherini, Test set for initial value
# problem solvers (2008), and for van der Pol Hairer & Wanner II, section IV.10
PROBLEMS = {
    "Robertson": (ROBERTSON, [1, 0, 0], 1e11, 1e-8,
                  [0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050]),
    "van der Pol": (VAN_DER_POL, [2, 0], 2.0, 1.0, [1.706167732170483, -0.8928097010247975]),
    "Oregonator": (OREGONATOR, [1, 2, 3], 360.0, 1.0,
                   [1.000814870318523, 1228.178521549917, 132.0554942846706]),
    "HIRES": (HIRES, [1, 0, 0, 0, 0, 0, 0, 0.0057], 321.8122, 1e-3,
              [0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4,
               0.1175651343283149e-2, 0.2386356198831331e-2, 0.6238968252742796e-2,
               0.2849998395185769e-2, 0.2850001604814231e-2])}
VALLEY = fo.flows.GradientFlow().on(fo.losses.rosenbrock())


# ------------------------------------------------------------------------------ orders
START = (1.0, 0.5, 0.0)
FORCED = fo.VectorField(["10*(y - x) + 9*sin(15*t)", "x*(28 - z) - y", "x*y - 8*z/3 + 9*cos(11*t)"],
                        ["x", "y", "z"])


def forced(t, y):
    return reference.lorenz_rhs(t, y) + [9 * np.sin(15 * t), 0, 9 * np.cos(11 * t)]


@cache
def forced_truth():
    times = np.append(np.sort(np.random.default_rng(1).uniform(0, 0.4, 200)), 0.4)
    return times, reference.truth(forced, (0.0, 0.4), START, times)


def held(h):
    """Return the method with the one step h."""
    return fo.Rodas5P(rtol=0.1, atol=1e12, h0=h, max_step=h)


def test_order_of_the_step_and_of_the_dense_output():
    times, truth = forced_truth()
    steps, last, uniform = np.array([160, 240, 320, 400]), [], []
    for n in steps:
        traj = fo.integrate(FORCED, START, t=(0.0, 0.4), method=held(0.4 / n))
        assert traj.stats.n_steps == traj.stats.n_jac == n
        last.append(np.linalg.norm(traj.y[-1] - truth[-1]))
        uniform.append(abs(traj(times) - truth).max())
    assert reference.measured_order(last, 0.4 / steps) == pytest.approx(5, abs=0.1)
    assert reference.measured_order(uniform, 0.4 / steps) == pytest.approx(5, abs=0.1)


TAME = fo.VectorField(["-sin(x) + cos(3*t)*y", "-y + x*sin(t)"], ["x", "y"])


def tame(t, y):
    return np.array([-np.sin(y[0]) + np.cos(3 * t) * y[1], -y[1] + y[0] * np.sin(t)])


def tame_jacobian(t, y):
    return np.array([[-np.cos(y[0]), np.cos(3 * t)], [np.sin(t), -1.0]])


def tame_rate(t, y):
    return np.array([-3 * np.sin(3 * t) * y[1], y[0] * np.cos(t)])


def test_order_of_the_interpolant_alone():
    """Inside one step the interpolant of order 4 is off by O(h⁵)."""
    def inside(h):
        traj = fo.integrate(TAME, [1.0, -0.5], t=(0.3, 0.3 + h), method=held(h))
        times = np.linspace(0.3, 0.3 + h, 9)[1:-1]
        return abs(traj(times) - reference.truth(tame, (0.3, 0.3 + h), [1.0, -0.5], times)).max()

    steps = np.array([0.1, 0.05, 0.025])
    assert reference.measured_order([inside(h) for h in steps], steps) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("start, end", [(0.25, 4.25), (4.25, 0.25)])
def test_steps_are_those_of_the_naive_loop(start, end):
    h, steps = 0.0625, 64
    traj = fo.integrate(TAME, [1.0, -0.5], t=(start, end), method=held(h))
    signed = h if end > start else -h
    path = reference.rosenbrock(ALPHA, GAMMA, RODAS5P.b_array @ GAMMA, tame, tame_jacobian,
                                tame_rate, [1.0, -0.5], start, signed, steps)
    assert len(traj.t) == steps + 1
    assert abs(traj.y - path).max() <= 1e-12 * abs(path).max()  # γ_ij is up to 100


def test_differences_serve_a_field_of_kernels():
    def rhs(t, y, p, dy):
        dy[:] = tame(t, y)

    exact = fo.integrate(TAME, [1.0, -0.5], t=(0.0, 2.0), method=held(0.125))
    made = fo.integrate(fo.VectorField.from_kernel(rhs, 2), [1.0, -0.5], t=(0.0, 2.0),
                        method=held(0.125))
    assert abs(made.y - exact.y).max() < 1e-9
    assert made.stats.n_jac == exact.stats.n_jac == 16
    # a Jacobian takes 2 m evaluations, ∂F/∂t 2
    assert made.stats.n_rhs == exact.stats.n_rhs + 16 * 6


def test_time_derivative_of_a_flow_with_reductions():
    flow = fo.Flow("-g*(1 + sin(t)*dot(g, g))", name="swinging")
    field = flow.on(fo.Loss("x**2/2 + y**4"))
    t, y, d = 0.7, np.array([[0.3, 0.8]]), 1e-6
    exact = field._rows("time_derivative", 2, np.array([t]), y)[0]
    assert np.allclose(exact, (field(t + d, y[0]) - field(t - d, y[0])) / (2 * d), rtol=1e-8)


# ------------------------------------------------------------------- published problems
@pytest.mark.parametrize("name", PROBLEMS)
def test_published_values(name):
    field, start, end, ratio, published = PROBLEMS[name]
    for rtol, within in ((1e-7, 3e-5), (1e-10, 3e-8)):
        traj = fo.integrate(field, start, t=(0.0, end), save_at=[end],
                            method=fo.Rodas5P(rtol=rtol, atol=rtol * ratio))
        assert traj.status is fo.Status.REACHED_END
        assert abs(traj.y[0] / published - 1).max() < within


@pytest.mark.parametrize("name", ["Robertson", "HIRES"])
def test_against_radau(name):
    field, start, end, _, _ = PROBLEMS[name]
    end, times = min(end, 1e4), np.geomspace(1e-3, min(end, 1e4), 12)
    truth = scipy.integrate.solve_ivp(field.rhs, (0, end), start, method="Radau", t_eval=times,
                                      jac=field.jacobian, rtol=1e-12, atol=1e-16).y.T
    for dense in (False, True):
        traj = fo.integrate(field, start, t=(0, end), save_at=None if dense else times,
                            method=fo.Rodas5P(rtol=1e-10, atol=1e-15))
        assert np.allclose(traj(times) if dense else traj.y, truth, rtol=3e-8, atol=1e-13)


def test_valley_of_rosenbrock():
    times = np.linspace(1, 50, 25)
    truth = scipy.integrate.solve_ivp(VALLEY.rhs, (0, 50), [-1.2, 1.0], method="DOP853",
                                      t_eval=times, rtol=1e-13, atol=1e-14).y.T
    traj = fo.integrate(VALLEY, [-1.2, 1.0], t=(0, 50), save_at=times,
                        method=fo.Rodas5P(rtol=1e-11, atol=1e-12))
    assert abs(traj.y - truth).max() < 1e-10


def test_prothero_and_robinson():
    """ẏ = −λ(y − φ) + φ̇: the error is small and no order is lost, whatever λ."""
    for lam in (1e3, 1e6, 1e10):
        field = fo.VectorField(["-k*(y - sin(t)) + cos(t)"], ["y"], parameters={"k": lam})
        traj = fo.integrate(field, [0.0], t=(0.0, 3.0), method=fo.Rodas5P())
        assert traj.stats.n_steps < 60 and abs(traj.y[:, 0] - np.sin(traj.t)).max() < 1e-7
    field, steps = field.with_parameters(k=1e3), np.array([10, 20, 40])
    errors = [abs(fo.integrate(field, [0.0], t=(0.0, 3.0), method=held(3 / n)).y[-1, 0] - np.sin(3))
              for n in steps]
    assert reference.measured_order(errors, 3 / steps) > 3.6  # a plain method of order 5 has 2


def test_a_stiff_transient_is_gone_in_one_step():
    """L-stable: |R(hλ)| falls to 0."""
    field = fo.VectorField(["-k*y"], ["y"], parameters={"k": 1e9})
    traj = fo.integrate(field, [1.0], t=(0.0, 1.0), method=held(1.0))
    assert traj.stats.n_steps == 1 and abs(traj.y[-1, 0]) < 1e-6


# --------------------------------------------------------------------- lanes and threads
@pytest.mark.parametrize("method", [fo.Rodas5P(rtol=1e-6, atol=1e-10), None])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_ensemble_is_its_single_runs(method, threads):
    k = np.geomspace(0.004, 0.4, 70)
    starts = np.column_stack([np.linspace(0.5, 1.5, 70), np.zeros(70), np.zeros(70)])
    times = [0.01, 3.0, 900.0]
    ens = fo.ensemble(ROBERTSON, starts, (0.0, 1e3), method, parameters={"k": k}, save_at=times,
                      threads=threads)
    assert ens.count() == {fo.Status.REACHED_END: 70}
    for i in range(0, 70, 3):
        one = fo.integrate(ROBERTSON.with_parameters(k=k[i]), starts[i], (0.0, 1e3), method,
                           save_at=times)
        assert (one.y == ens.saved_y[i]).all() and one.stats.n_steps == ens.steps[i]
    assert np.isfinite(ens.stiff_from).all() == (method is None)


@pytest.mark.parametrize("m", [3, 20, OWN_LU + 12])
def test_many_dimensions(m):
    """Heat on a rod: own LU in 64 lanes, and LAPACK's, give the closed form."""
    def rhs(t, y, p, dy):
        dy[:] = -2 * y
        dy[1:] += y[:-1]
        dy[:-1] += y[1:]
        dy *= p[0]

    field = fo.VectorField.from_kernel(rhs, m, parameters={"k": 1000.0})
    A = 1000.0 * (np.eye(m, k=1) + np.eye(m, k=-1) - 2 * np.eye(m))
    values, vectors = np.linalg.eigh(A)
    starts = np.random.default_rng(m).normal(size=(3, m))
    method = fo.Rodas5P(rtol=1e-6, atol=1e-9)
    runs = [fo.ensemble(field, starts, (0.0, 0.5), method, threads=n) for n in (1, 2)]
    assert (runs[0].y == runs[1].y).all()
    for start, y in zip(starts, runs[0].y, strict=True):
        assert (fo.integrate(field, start, (0.0, 0.5), method).y[-1] == y).all()
        exact = vectors @ (np.exp(0.5 * values) * (vectors.T @ start))
        assert abs(y - exact).max() < 1e-5


# ------------------------------------------------------ switching, events, the default method
def test_sliding_and_rest():
    field = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    runs = [fo.integrate(field, [4.0], t=(0.0, 25.0), method=method)
            for method in (fo.Rodas5P(rtol=1e-10, atol=1e-12), fo.DOP853(rtol=1e-12, atol=1e-13))]
    assert [r.status for r in runs] == [fo.Status.STUCK] * 2
    assert abs(runs[0].t[-1] - runs[1].t[-1]) < 1e-8 and abs(runs[0].y[-1, 0] - 3.0) < 1e-8
    ens = fo.ensemble(field, [[4.0], [2.9]], (0.0, 25.0), fo.Rodas5P(rtol=1e-10, atol=1e-12))
    assert list(ens.status) == [fo.Status.STUCK] * 2 and ens.y[0, 0] == runs[0].y[-1, 0]


def test_events_and_rest():
    traj = fo.integrate(VAN_DER_POL.with_parameters(eps=1e-3), [2.0, 0.0], t=(0.0, 5.0),
                        method=fo.Rodas5P(), events=[fo.Event("x - 1.5", direction=1)])
    truth = fo.integrate(VAN_DER_POL.with_parameters(eps=1e-3), [2.0, 0.0], t=(0.0, 5.0),
                         method=fo.DOP853(rtol=1e-12, atol=1e-12),
                         events=[fo.Event("x - 1.5", direction=1)])
    assert len(traj.events) == len(truth.events) > 0
    assert np.allclose(traj.events.t, truth.events.t, rtol=1e-7)
    alone = fo.integrate(VALLEY, [-1.2, 1.0], t=(0, 9), method=fo.Rodas5P())
    watched = fo.integrate(VALLEY, [-1.2, 1.0], t=(0, 9), method=fo.Rodas5P(), events=["x1 - 5"])
    assert watched.stats.n_rhs == alone.stats.n_rhs  # the exact Jacobian here, too
    done = fo.integrate(VALLEY, [-1.2, 1.0], t=(0, 1e3), method=fo.Rodas5P(), rest=1e-6)
    assert done.status is fo.Status.CONVERGED and abs(done.y[-1] - 1).max() < 1e-5


@pytest.mark.parametrize("cls", [fo.DOP853, fo.Dopri5, fo.Tsit5])
def test_an_explicit_method_says_that_stability_limits_it(cls):
    decay = fo.VectorField(["-k*(y - cos(t))"], ["y"], parameters={"k": 3e4})
    traj = fo.integrate(decay, [0.0], t=(0.0, 1.0), method=cls(rtol=1e-5, atol=1e-7))
    assert traj.status is fo.Status.REACHED_END
    assert f"stability of {cls.__name__}" in traj.message and "Rodas5P" in traj.message
    lax = fo.integrate(decay.with_parameters(k=3.0), [0.0], t=(0.0, 9.0), method=cls())
    assert lax.message == fo.Status.REACHED_END.sentence
    assert not fo.integrate(decay, [0.0], t=(0.0, 1.0), method=fo.Rodas5P()).note


def test_the_notice_changes_no_result():
    from flowopt.integrators import runner

    decay = fo.VectorField(["-k*(y - cos(t))"], ["y"], parameters={"k": 3e4})
    results = []
    for stiffness in (0, 1):
        queue = runner.Queue(np.zeros(1), np.zeros((1, 1)), decay.p[None], np.ones((1, 0)),
                             np.zeros(0), np.zeros((1, 0, 1)))
        runner.advance(runner.Motion.free(decay), fo.Tsit5(), queue, 0, 1, 1.0, 10**6, 1,
                       stiffness=stiffness)
        results.append((queue.y.tobytes(), queue.count.tobytes()))
        assert np.isfinite(queue.stiff[0]) == (stiffness == 1)
    assert results[0] == results[1]


def test_the_default_method_hands_over():
    traj = fo.integrate(ROBERTSON, [1.0, 0.0, 0.0], t=(0.0, 1e6))
    assert traj.method.startswith("DOP853 to t=") and traj.method.endswith("then Rodas5P")
    assert traj.stats.n_steps < 1000 and traj.stats.n_jac > 0 and "stability" not in traj.message
    exact = fo.integrate(ROBERTSON, [1.0, 0.0, 0.0], t=(0.0, 1e6),
                         method=fo.Rodas5P(rtol=1e-11, atol=1e-16))
    assert abs(traj.y[-1] / exact.y[-1] - 1).max() < 1e-4  # b = 8e-9 has one digit within atol
    rest = fo.integrate(fo.VectorField(["-y"], ["y"]), [1.0], t=(0.0, 500.0))
    assert rest.method == "DOP853" and not rest.note  # limited by stability, and soon at its end
    smooth = fo.integrate(fo.VectorField(["y", "-x"], ["x", "y"]), [1.0, 0.0], t=(0.0, 50.0))
    assert smooth.method == "DOP853" and smooth.stats.n_jac == 0


# ------------------------------------------------------------------------- what goes wrong
def test_a_singular_matrix_refuses_the_step():
    """With hλ = 1/γ the matrix I/γ − hJ is exactly 0; a shorter step goes on."""
    lam = 2.0 * (1.0 / RODAS5P.gamma_value)
    field = fo.VectorField(["k*y"], ["y"], parameters={"k": lam})
    traj = fo.integrate(field, [1.0], t=(0.0, 1.0), method=fo.Rodas5P(h0=0.5))
    assert traj.status is fo.Status.REACHED_END and traj.stats.n_rejected > 0
    assert traj.stats.n_jac < traj.stats.n_steps + traj.stats.n_rejected  # kept when refused
    assert traj.y[-1, 0] == pytest.approx(np.exp(lam), rel=1e-6)
    both = fo.ensemble(field, [[1.0], [2.0]], (0.0, 1.0), fo.Rodas5P(h0=0.5))
    assert both.y[0, 0] == traj.y[-1, 0]


def test_a_jacobian_without_value_is_told():
    root = fo.VectorField(["x**(1/3)"], ["x"])  # F(0) = 0, F'(0) = ∞
    for method in (fo.Rodas5P(), fo.Rodas5P(h0=0.1)):
        traj = fo.integrate(root, [0.0], t=(0.0, 1.0), method=method)
        assert traj.status is fo.Status.STEP_TOO_SMALL and "singular" in traj.message


def test_a_start_at_which_the_time_derivative_has_no_value():
    """ẏ = √t + x, x constant: ∂F/∂t = ∞ at t = 0; a one-sided difference stands in."""
    field = fo.VectorField(["sqrt(t) + x", "0"], ["y", "x"])
    traj = fo.integrate(field, [0.0, 1.0], t=(0.0, 4.0), method=fo.Rodas5P())
    assert traj.status is fo.Status.REACHED_END
    assert abs(traj.y[-1, 0] - (16 / 3 + 4)) < 1e-7
    ens = fo.ensemble(field, [[0.0, 1.0], [0.5, 2.0]], (0.0, 4.0), fo.Rodas5P())
    assert (ens.y[0] == traj.y[-1]).all() and ens.steps[0] == traj.stats.n_steps


def test_blow_up_and_budget():
    traj = fo.integrate(fo.VectorField(["y**2"], ["y"]), [1.0], t=(0.0, 2.0), method=fo.Rodas5P())
    assert traj.status is fo.Status.DIVERGED and abs(traj.t[-1] - 1) < 1e-6
    spent = fo.integrate(ROBERTSON, [1.0, 0, 0], t=(0, 1e6), method=fo.Rodas5P(), max_steps=7)
    assert spent.status is fo.Status.MAX_STEPS and spent.stats.n_steps + spent.stats.n_rejected == 7
    lost = fo.integrate(fo.VectorField(["log(y)"], ["y"]), [0.5], t=(0, 9), method=fo.Rodas5P())
    assert lost.status in (fo.Status.DIVERGED, fo.Status.STEP_TOO_SMALL)


def test_saved_and_loaded(tmp_path):
    traj = fo.integrate(ROBERTSON, [1.0, 0, 0], t=(0, 10.0), method=fo.Rodas5P())
    traj.save(tmp_path / "run.npz")
    times = np.linspace(0, 10, 31)
    assert (fo.load(tmp_path / "run.npz")(times) == traj(times)).all()


def test_compare_takes_it():
    result = fo.compare(VALLEY, [-1.2, 1.0], (0.0, 5.0), methods=[fo.Rodas5P(rtol=1e-9)])
    assert result.rows[0].trustworthy and result.rows[0].error < 1e-7


# --------------------------------------------------------- a user's Jacobian, many equations
def heat(m, k):
    """ẏ = k (second differences of y), and its eigenvalues and eigenvectors."""
    def rhs(t, y, p, dy):
        dy[:] = -2 * k * y
        dy[1:] += k * y[:-1]
        dy[:-1] += k * y[1:]

    j = np.arange(1, m + 1)
    first = np.sin(np.pi * j / (m + 1))
    return rhs, first, -4 * k * np.sin(np.pi / (2 * (m + 1)))**2


def test_a_given_jacobian_is_used():
    import numba

    def fill(t, y, p, J):
        J[0, 0], J[0, 1] = -np.cos(y[0]), np.cos(3 * t)
        J[1, 0], J[1, 1] = np.sin(t), -1.0

    def rhs(t, y, p, dy):
        dy[0] = -np.sin(y[0]) + np.cos(3 * t) * y[1]
        dy[1] = -y[1] + y[0] * np.sin(t)

    exact = fo.integrate(TAME, [1.0, -0.5], t=(0.0, 2.0), method=held(0.125))
    for f, jacobian in ((rhs, fill), (rhs, lambda t, y, p, J: tame_jacobian(t, y)),
                        (numba.njit(rhs), numba.njit(fill))):
        field = fo.VectorField.from_kernel(f, 2, jacobian=jacobian)
        made = fo.integrate(field, [1.0, -0.5], t=(0.0, 2.0), method=held(0.125))
        assert abs(made.y - exact.y).max() < 1e-9
        assert made.stats.n_rhs == exact.stats.n_rhs + 16 * 2  # differences for ∂F/∂t only
        assert np.allclose(field.jacobian(0.3, [1.0, 2.0]), tame_jacobian(0.3, [1.0, 2.0]))
        ens = fo.ensemble(field, [[1.0, -0.5]] * 3, (0.0, 2.0), held(0.125))
        assert (ens.y == made.y[-1]).all()


@pytest.mark.parametrize("jacobian, told", [
    (lambda t, y, p, J: np.zeros((3, 3)), "(2, 2)"), (lambda t, y, p, J: y, "(2, 2)"),
    (lambda t, y, p, J: J.__setitem__(slice(None), np.zeros((2, 3))), "shape (2, 2)"),
    (lambda t, y, p, J: J.__setitem__((0, 0), 1.0), "J[0, 1]"),
    (lambda t, y, p, J: 1 / 0, "ZeroDivisionError")])
@pytest.mark.parametrize("method", [fo.Rodas5P(), None])
def test_a_wrong_jacobian_is_refused(jacobian, told, method):
    field = fo.VectorField.from_kernel(lambda t, y, p, dy: None, 2, jacobian=jacobian)
    with pytest.raises(ValueError, match="jacobian must") as problem:
        fo.integrate(field, [1.0, 2.0], t=(0.0, 1.0), method=method)
    assert told in str(problem.value) and len(str(problem.value).splitlines()) == 1
    with pytest.raises(TypeError, match="jacobian"):
        fo.VectorField.from_kernel(lambda t, y, p, dy: None, 2, jacobian=3.0)


@pytest.mark.parametrize("sparse", [True, False])
def test_many_equations_need_no_dense_matrix(sparse):
    import scipy.sparse

    m, k = 2500, 1e5 if sparse else 30.0
    rhs, first, rate = heat(m, k)
    A = k * scipy.sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(m, m))
    field = fo.VectorField.from_kernel(rhs, m, jacobian=(lambda t, y, p, J: A) if sparse else None)
    times = np.array([0.0, 0.1, 0.3, 0.5])
    saved = fo.integrate(field, first, t=(0.0, 0.5), save_at=times,
                         method=fo.Rodas5P(rtol=1e-7, atol=1e-9))
    assert saved.status is fo.Status.REACHED_END and saved.stats.n_jac == saved.stats.n_steps
    assert abs(saved.y - np.exp(rate * times)[:, None] * first).max() < 1e-6
    dense = fo.integrate(field, first, t=(0.0, 0.5), method=fo.Rodas5P(rtol=1e-7, atol=1e-9))
    assert abs(dense(times) - saved.y).max() < 1e-12


def test_the_loop_in_numpy_takes_the_compiled_steps(monkeypatch):
    from flowopt.integrators import integrate, pieces

    def rhs(t, y, p, dy):
        dy[:] = tame(t, y) * np.array([1.0, 300.0])

    field = fo.VectorField.from_kernel(rhs, 2)
    compiled = fo.integrate(field, [1.0, -0.5], t=(0.0, 3.0), method=fo.Rodas5P(rtol=1e-6))
    monkeypatch.setattr(integrate, "LARGE", 1)
    monkeypatch.setattr(pieces, "LARGE", 1)
    plain = fo.integrate(field, [1.0, -0.5], t=(0.0, 3.0), method=fo.Rodas5P(rtol=1e-6))
    assert abs(plain.stats.n_steps - compiled.stats.n_steps) <= 1
    assert abs(plain.y[-1] - compiled.y[-1]).max() < 1e-9


def test_what_many_equations_do_not_allow():
    rhs, first, _ = heat(2500, 1.0)
    field = fo.VectorField.from_kernel(rhs, 2500)
    with pytest.raises(ValueError, match="2500 equations"):
        fo.integrate(field, first, t=(0, 1), method=fo.Rodas5P(), events=["y1"])
    with pytest.raises(ValueError, match="ensemble of Rodas5P"):
        fo.ensemble(field, [first], (0, 1), fo.Rodas5P())
    dense = fo.VectorField.from_kernel(
        rhs, 2500, jacobian=lambda t, y, p, J: J.__setitem__((0, 0), 1.0))
    with pytest.raises(ValueError, match="scipy.sparse.*GB.*GMRES"):
        fo.integrate(dense, first, t=(0, 1), method=fo.Rodas5P())
