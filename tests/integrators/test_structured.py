"""Implicit Euler, conformal leapfrog and discrete gradients: the structure that they keep."""

import subprocess
import sys

import numpy as np
import pytest
import reference
from scipy.optimize import minimize, minimize_scalar

import flowopt as fo
from flowopt.integrators.runner import stepper

WELL = fo.Loss("(x**2 - 1)**2/4 + (y**2 - 1)**2/4 + x*y/5")
NONCONVEX = {"double well": WELL, "rosenbrock": fo.losses.rosenbrock(2),
             "himmelblau": fo.losses.himmelblau(), "ripples": fo.Loss("1 - cos(3*x) + x**2/50")}
DESCENT = fo.flows.GradientFlow()
BALL = fo.flows.HeavyBall(gamma=0.3)
METHODS = [(fo.ImplicitEuler, DESCENT.on(WELL)), (fo.DiscreteGradient, DESCENT.on(WELL)),
           (fo.ConformalLeapfrog, BALL.on(WELL)),
           (lambda h: fo.DiscreteGradient(h, kind="itoh-abe"), DESCENT.on(WELL)),
           (fo.ImplicitEuler, fo.flows.SignFlow().on(WELL))]
IDS = ["ImplicitEuler", "gonzalez", "ConformalLeapfrog", "itoh-abe", "inclusion"]


def starts(n, count=60, seed=0, size=3.0):
    return np.random.default_rng(seed).uniform(-size, size, (count, n))


# ------------------------------------------------------------------------------ orders
@pytest.mark.parametrize("method, order", [
    (fo.ImplicitEuler, 1), (fo.DiscreteGradient, 2), (fo.ConformalLeapfrog, 2),
    (lambda h: fo.DiscreteGradient(h, kind="itoh-abe"), 1)])
def test_order(method, order):
    momentum = method is fo.ConformalLeapfrog
    field = (BALL if momentum else DESCENT).on(WELL)
    y0 = [1.4, 0.3, 0.5, -0.2] if momentum else [1.4, 0.3]
    truth = reference.truth(field.rhs, (0.0, 1.0), y0)
    steps = 1 / np.array([160, 320, 640, 1280])
    errors = [np.abs(fo.integrate(field, y0, t=(0, 1), method=method(h)).y[-1] - truth).max()
              for h in steps]
    assert abs(reference.measured_order(errors, steps) - order) < 0.1
    assert method(0.1).order == order


def test_implicit_euler_of_a_field_with_time_and_its_dense_output():
    field = fo.VectorField(["-y + sin(3*t)*z", "y - z**3 + t"], ["y", "z"])

    def rhs(t, y):
        return np.array([-y[0] + np.sin(3 * t) * y[1], y[0] - y[1]**3 + t])

    steps = 1 / np.array([160, 320, 640])
    times = np.linspace(0, 1, 47)
    truth = reference.truth(rhs, (0.0, 1.0), [1.0, 0.5], times)
    runs = [fo.integrate(field, [1.0, 0.5], t=(0, 1), method=fo.ImplicitEuler(h)) for h in steps]
    errors = [np.abs(run(times) - truth).max() for run in runs]
    assert abs(reference.measured_order(errors, steps) - 1) < 0.1
    twin = reference.implicit_euler(rhs, [1.0, 0.5], 0.0, steps[0], 160)
    np.testing.assert_allclose(runs[0].y, twin, rtol=0, atol=1e-12)


# -------------------------------------------------------------------- lanes and threads
@pytest.mark.parametrize("method, field", METHODS, ids=IDS)
def test_one_lane_and_many_agree_bit_for_bit(method, field):
    x0s = starts(2, 150)
    saves = [0.0, 0.13, 0.5, 0.97]
    made = [fo.ensemble(field, x0s, t=(0, 1), method=method(0.15), save_at=saves, threads=k)
            for k in (1, 3)]
    assert (made[0].y == made[1].y).all() and (made[0].saved == made[1].saved).all()
    for i in (0, 7, 149):
        alone = fo.integrate(field, x0s[i], t=(0, 1), method=method(0.15))
        assert (alone.y[-1] == made[0].y[i]).all()
        np.testing.assert_allclose(alone(np.array(saves)), made[0].saved_y[i], rtol=0, atol=1e-14)
        kept = fo.integrate(field, x0s[i], t=(0, 1), method=method(0.15), save_at=saves)
        assert (kept.y == made[0].saved_y[i]).all()
    assert (made[0].status == fo.Status.REACHED_END).all()


@pytest.mark.parametrize("method, field", METHODS, ids=IDS)
def test_reducers_and_parameters_by_lane(method, field):
    ens = fo.ensemble(field, starts(2, 70), t=(0, 2), method=method(0.25),
                      reduce={"least": fo.reduce.minimum("L"), "x": fo.reduce.maximum("x")})
    one = fo.integrate(field, starts(2, 70)[5], t=(0, 2), method=method(0.25))
    assert ens.reduced["least"][5] == pytest.approx(one.loss.min(), abs=1e-15)
    assert ens.reduced["x"][5] == one.x[:, 0].max()


def test_friction_and_curvature_may_differ_by_lane():
    ball = BALL.on(fo.Loss("k*x**2/2", parameters={"k": 1.0}))
    ens = fo.ensemble(ball, [[1.0]] * 3, t=(0, 1), method=fo.ConformalLeapfrog(0.1),
                      parameters={"gamma": [0.0, 0.5, 2.0], "k": [1.0, 4.0, 1.0]})
    for i, (gamma, k) in enumerate([(0.0, 1.0), (0.5, 4.0), (2.0, 1.0)]):
        q, v = reference.conformal_leapfrog(lambda q, k=k: -k * q, gamma, [1.0], [0.0], 0.1, 10)
        np.testing.assert_allclose(ens.y[i], [q[-1, 0], v[-1, 0]], rtol=0, atol=1e-14)


# ---------------------------------------------------------------------- the proximal map
@pytest.mark.parametrize("name", NONCONVEX)
@pytest.mark.parametrize("h", [0.01, 1.0, 100.0])
def test_implicit_euler_is_a_proximal_point_at_any_step(name, h):
    loss = NONCONVEX[name]
    x = starts(loss.n)
    ens = fo.ensemble(DESCENT.on(loss), x, t=(0, h), method=fo.ImplicitEuler(h))
    assert (ens.status == fo.Status.REACHED_END).all()
    z = ens.x
    hessian = loss.hess(z) + np.eye(loss.n) / h
    assert (np.linalg.eigvalsh(hessian) > -1e-8 * np.abs(hessian).max()).all()  # a minimum
    left = np.einsum("kij,kj->ki", np.linalg.inv(hessian), loss.grad(z) + (z - x) / h)
    assert np.abs(left).max() < 1e-12  # the distance to the exact point
    bound = loss.value(x) - ((z - x)**2).sum(axis=1) / (2 * h)
    assert (loss.value(z) <= bound + 1e-12 * (1 + loss.value(x))).all()


def test_a_quadratic_has_a_closed_form_and_a_stiff_one_is_stable():
    A = np.array([[1e6, 10.0], [10.0, 1.0]])
    field = DESCENT.on(fo.losses.quadratic(A))
    run = fo.integrate(field, [1.0, 1.0], t=(0, 5), method=fo.ImplicitEuler(0.5))
    z = np.array([1.0, 1.0])
    for k in range(1, 11):
        z = np.linalg.solve(np.eye(2) + 0.5 * A, z)
        np.testing.assert_allclose(run.x[k], z, rtol=1e-13)
    assert run.stats.n_jac <= 20 and run.stats.n_rhs > 0


def test_the_root_beyond_the_convex_range_is_the_one_that_descent_reaches():
    well = DESCENT.on(fo.Loss("(x**2 - 1)**2/4"))
    h, y = 50.0, 0.05  # three roots; the objective has its least point at the right minimum
    run = fo.integrate(well, [y], t=(0, h), method=fo.ImplicitEuler(h))
    best = minimize_scalar(lambda z: (z * z - 1)**2 / 4 + (z - y)**2 / (2 * h),
                           bounds=(0.5, 1.5), method="bounded", options={"xatol": 1e-12})
    assert run.x[-1, 0] == pytest.approx(best.x, abs=1e-7)
    stays = fo.integrate(well, [0.0], t=(0, h), method=fo.ImplicitEuler(h))
    assert stays.x[-1, 0] == 0.0


def test_large_systems_go_to_lapack_and_kernels_have_differences():
    def decay(t, y, p, dy):
        dy[:] = -y**3

    field = fo.VectorField.from_kernel(decay, 70)
    y0 = np.linspace(0.1, 1.0, 70)
    run = fo.integrate(field, y0, t=(0, 0.5), method=fo.ImplicitEuler(0.5))
    small = fo.integrate(fo.VectorField(["-y**3"], ["y"]), y0[-1:], t=(0, 0.5),
                         method=fo.ImplicitEuler(0.5))
    assert run.y[-1, -1] == pytest.approx(small.y[-1, 0], abs=1e-14)
    np.testing.assert_allclose(run.y[-1] + 0.5 * run.y[-1]**3, y0, rtol=1e-13)


# ------------------------------------------------------------------------- jumping fields
@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_a_step_of_the_sign_flow_is_the_least_point_of_a_box(n):
    rng = np.random.default_rng(n)
    root = rng.standard_normal((n, n))
    A, h = root @ root.T + 0.1 * np.eye(n), 0.3
    field = fo.flows.SignFlow().on(fo.losses.quadratic(A))
    x0s = rng.standard_normal((40, n))
    ens = fo.ensemble(field, x0s, t=(0, 20), method=fo.ImplicitEuler(h), save_at=[h])
    assert (ens.status == fo.Status.REACHED_END).all()
    assert np.abs(ens.x).max() < 1e-14  # the minimum, reached and kept
    for y, z in zip(x0s[:8], ens.saved[:8, 0], strict=True):
        best = minimize(lambda u: u @ A @ u / 2, y, jac=lambda u: A @ u, method="L-BFGS-B",
                        bounds=[(a - h, a + h) for a in y],
                        options={"ftol": 1e-16, "gtol": 1e-13})
        assert z @ A @ z / 2 <= best.fun + 1e-12
        assert np.abs(z - y).max() <= h * (1 + 1e-14)


def test_the_sign_flow_slides_and_arrives_exactly():
    field = fo.flows.SignFlow().on(fo.losses.quadratic([[2.0, 1.0], [1.0, 2.0]]))
    run = fo.integrate(field, [1.0, 0.0], t=(0, 2), method=fo.ImplicitEuler(1 / 3))
    np.testing.assert_allclose(run.x[1:4], [[2 / 3, -1 / 3], [1 / 3, -1 / 6], [0, 0]], atol=1e-15)
    assert np.abs(run.x[3:]).max() < 1e-15


def test_soft_thresholding():
    lasso = DESCENT.on(fo.Loss("Abs(x) + (x - a)**2/2", parameters={"a": 3.0}))
    for a, h, y in [(3.0, 0.7, 5.0), (0.5, 0.7, 1.0), (0.5, 2.0, -0.4), (-3.0, 1.0, 2.0)]:
        run = fo.integrate(lasso.with_parameters(a=a), [y], t=(0, h), method=fo.ImplicitEuler(h))
        middle = (y + h * a) / (1 + h)
        assert run.x[-1, 0] == pytest.approx(
            np.sign(middle) * max(abs(middle) - h / (1 + h), 0.0), abs=1e-15)


def test_coulomb_friction_sticks():
    field = fo.VectorField(["v", "-y - 0.4*sign(v)"], ["y", "v"])
    run = fo.integrate(field, [3.0, 0.0], t=(0, 15), method=fo.ImplicitEuler(0.002),
                       save_at=[np.pi, 2 * np.pi, 13.5, 15.0])
    np.testing.assert_allclose(run.y[:3, 0], [-2.2, 1.4, -0.2], atol=0.03)  # order 1
    assert np.abs(run.y[2:, 1]).max() < 1e-15
    assert run.y[2, 0] == pytest.approx(run.y[3, 0], abs=1e-14)


def test_a_surface_that_holds_is_not_passed():
    """The clipped flow stays at the first minimum, though the equation has a root behind it."""
    field = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    run = fo.integrate(field, [4.0], t=(0, 5), method=fo.ImplicitEuler(0.1))
    assert run.x[-1, 0] == pytest.approx(3.0, abs=1e-12)


def test_a_kink_is_no_jump():
    field = fo.VectorField(["-Max(x, 2*x) - Min(x - 1, 0)"], ["x"])
    for y in (-2.0, 0.3, 4.0):
        run = fo.integrate(field, [y], t=(0, 1), method=fo.ImplicitEuler(1.0))
        z = run.y[-1, 0]
        assert z == pytest.approx(y - max(z, 2 * z) - min(z - 1, 0), abs=1e-14)


# ---------------------------------------------------------------------- conformal leapfrog
def test_conformal_leapfrog_is_its_twin():
    run = fo.integrate(BALL.on(WELL), [1.4, 0.3, 0.5, -0.2], t=(0, 2.05),
                       method=fo.ConformalLeapfrog(0.1))
    q, v = reference.conformal_leapfrog(lambda q: -WELL.grad(q), 0.3, [1.4, 0.3], [0.5, -0.2],
                                        0.1, 20)
    np.testing.assert_allclose(run.y[:21], np.hstack([q, v]), rtol=0, atol=1e-14)
    last = reference.conformal_leapfrog(lambda q: -WELL.grad(q), 0.3, q[-1], v[-1], 0.05, 1)
    np.testing.assert_allclose(run.y[-1], np.hstack([last[0][-1], last[1][-1]]), atol=1e-13)


@pytest.mark.parametrize("h", [0.05, 0.7])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 4.0])
def test_the_symplectic_form_shrinks_by_exactly_the_friction(h, gamma):
    """JᵀΩJ = e^{−γh} Ω with the Jacobian J of the map, by differences of fourth order."""
    field = BALL.on(WELL).with_parameters(gamma=gamma)

    def step(y):
        return fo.integrate(field, y, t=(0, h), method=fo.ConformalLeapfrog(h)).y[-1]

    J = reference.fd_jacobian(step, np.array([0.9, -0.4, 0.3, 0.8]), 1e-3)
    omega = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    np.testing.assert_allclose(J.T @ omega @ J, np.exp(-gamma * h) * omega, atol=2e-10)


@pytest.mark.parametrize("equations, names, why", [
    (["v", "-v**3 - q"], ["q", "v"], "friction"), (["2*v", "-q"], ["q", "v"], "velocity of q"),
    (["v", "-v - q + sin(t)"], ["q", "v"], "force"), (["v", "-v/(t + 1) - q"], ["q", "v"], "fric"),
    (["-x"], ["x"], "velocities"),
    (["v", "w", "-v - q", "-2*w - r"], ["q", "r", "v", "w"], "friction")])
def test_conformal_leapfrog_refuses(equations, names, why):
    field = fo.VectorField(equations, names)
    with pytest.raises(ValueError, match=why):
        fo.integrate(field, np.ones(len(names)), t=(0, 1), method=fo.ConformalLeapfrog(0.1))
    with pytest.raises(ValueError, match=why):
        fo.ensemble(field, np.ones((2, len(names))), t=(0, 1), method=fo.ConformalLeapfrog(0.1))


def test_conformal_leapfrog_recognises_equations():
    field = fo.VectorField(["v", "-c*v - sin(q)"], ["q", "v"], parameters={"c": 0.2})
    run = fo.integrate(field, [0.5, 0.0], t=(0, 0.1), method=fo.ConformalLeapfrog(0.1))
    q, v = reference.conformal_leapfrog(lambda q: -np.sin(q), 0.2, [0.5], [0.0], 0.1, 1)
    np.testing.assert_allclose(run.y[-1], [q[-1, 0], v[-1, 0]], atol=1e-16)


# ---------------------------------------------------------------------- discrete gradients
@pytest.mark.parametrize("kind", ["gonzalez", "itoh-abe"])
@pytest.mark.parametrize("name", NONCONVEX)
@pytest.mark.parametrize("h", [1e-3, 0.1, 1.0, 100.0])
def test_the_loss_falls_by_exactly_the_square_of_the_step(kind, name, h):
    loss = NONCONVEX[name]
    method = fo.DiscreteGradient(h, kind=kind)
    x0s = starts(loss.n)
    ens = fo.ensemble(DESCENT.on(loss), x0s, t=(0, 4 * h), method=method,
                      save_at=h * np.arange(5))
    solved = ens.status == fo.Status.REACHED_END
    assert solved.all() if kind == "itoh-abe" else solved.mean() > 0.9
    path = ens.saved[solved]
    values = loss.value(path.reshape(-1, loss.n)).reshape(path.shape[:2])
    change, square = np.diff(values, axis=1), (np.diff(path, axis=1)**2).sum(axis=2)
    rounding = np.abs(values[:, 1:]) + np.abs(values[:, :-1])
    # of L itself, and of x in L
    slope = np.abs(loss.grad(path.reshape(-1, loss.n))).sum(axis=1).reshape(path.shape[:2])
    rounding += (slope[:, 1:] + slope[:, :-1]) * np.abs(path).sum(axis=2)[:, :-1]
    assert (np.abs(change + square / h) <= 2e-14 * (rounding + square / h) + 1e-15).all()


@pytest.mark.parametrize("h", [0.1, 1.0])
def test_the_steps_solve_the_equations_of_the_references(h):
    loss = fo.losses.himmelblau()
    for x in starts(2, 5, seed=3):
        z = fo.integrate(DESCENT.on(loss), x, t=(0, h), method=fo.DiscreteGradient(h)).x[-1]
        gradient = reference.gonzalez_gradient(loss.value, loss.grad, x, z)
        np.testing.assert_allclose(z, x - h * gradient, atol=1e-12 * (1 + h * 100))
        z = fo.integrate(DESCENT.on(loss), x, t=(0, h),
                         method=fo.DiscreteGradient(h, kind="itoh-abe")).x[-1]
        gradient = reference.itoh_abe_gradient(loss.value, x, z)
        np.testing.assert_allclose(z, x - h * gradient, atol=1e-10 * (1 + h * 100))


def test_a_constant_in_front_of_the_gradient_counts():
    field = fo.Flow("-rate*g/2", parameters={"rate": 3.0}).on(fo.Loss("x**4 + x"))
    run = fo.integrate(field, [1.0], t=(0, 1), method=fo.DiscreteGradient(0.5))
    change, square = np.diff(run.loss), np.diff(run.x[:, 0])**2
    np.testing.assert_allclose(1.5 * change, -square / 0.5, rtol=1e-12)


def test_a_critical_point_stays_and_a_backward_run_climbs():
    field = DESCENT.on(WELL)
    for kind in ("gonzalez", "itoh-abe"):
        rest = fo.integrate(field, [0.0, 0.0], t=(0, 5), method=fo.DiscreteGradient(1.0, kind=kind))
        assert (rest.x == 0.0).all()
        up = fo.integrate(field, [0.3, 0.2], t=(0, -0.1),
                          method=fo.DiscreteGradient(0.05, kind=kind))
        assert (np.diff(up.loss) > 0).all() and up.status == fo.Status.REACHED_END
        square = (np.diff(up.x, axis=0)**2).sum(axis=1)
        np.testing.assert_allclose(np.diff(up.loss), square / 0.05, rtol=1e-9)


@pytest.mark.parametrize("field, why", [
    (fo.VectorField(["-x"], ["x"]), "equations"), (BALL.on("x**2"), "states"),
    (fo.flows.SignFlow().on("x**2"), "constant times"),
    (fo.Flow("-t*g").on("x**2"), "constant times"),
    (fo.VectorField.from_kernel(lambda t, y, p, dy: None, 1), "kernels")])
def test_discrete_gradients_refuse(field, why):
    with pytest.raises(ValueError, match=why):
        fo.integrate(field, [1.0], t=(0, 1), method=fo.DiscreteGradient(0.1))


def test_discrete_gradients_and_kinks():
    field = DESCENT.on("Abs(x) + x**2/2")
    with pytest.raises(ValueError, match="itoh-abe"):
        fo.integrate(field, [1.0], t=(0, 1), method=fo.DiscreteGradient(0.1))
    run = fo.integrate(field, [1.0], t=(0, 1), method=fo.DiscreteGradient(0.1, kind="itoh-abe"))
    np.testing.assert_allclose(np.diff(run.loss), -np.diff(run.x[:, 0])**2 / 0.1, atol=1e-14)
    with pytest.raises(ValueError, match="kind"):
        fo.DiscreteGradient(0.1, kind="mean")


# ------------------------------------------------------------------------- failing sides
def test_a_step_without_a_solution_says_so():
    """z = y + h (1 + z²) has no real root for h = 1; a run keeps its last state."""
    field = fo.VectorField(["1 + y**2"], ["y"])
    run = fo.integrate(field, [0.0], t=(0, 3), method=fo.ImplicitEuler(1.0))
    assert run.status is fo.Status.NOT_CONVERGED and int(run.status) == 11
    assert run.t[-1] == 0.0 and (run.y == [[0.0]]).all() and "step 1" in run.message
    late = fo.integrate(field, [0.0], t=(0, 3), method=fo.ImplicitEuler(0.125), save_at=[2.9])
    assert late.status is fo.Status.NOT_CONVERGED and 0.9 < late.t[-1] < 1.6
    ens = fo.ensemble(field, [[0.0], [-40.0]], t=(0, 0.25), method=fo.ImplicitEuler(0.25),
                      reduce=fo.reduce.minimum("y"))
    assert ens.count()[fo.Status.REACHED_END] >= 1
    mixed = fo.ensemble(field, [[3.0], [-40.0]], t=(0, 0.5), method=fo.ImplicitEuler(0.25))
    assert mixed.status.tolist() == [11, 1] and np.isnan(mixed.y[0]).all() and mixed.t[0] == 0.0


def test_a_loss_without_a_lower_bound_and_a_start_that_is_not_finite():
    field = DESCENT.on("-x**4")
    run = fo.integrate(field, [1.0], t=(0, 1), method=fo.ImplicitEuler(1.0))
    assert run.status is fo.Status.NOT_CONVERGED
    run = fo.integrate(DESCENT.on("log(x)"), [-1.0], t=(0, 1), method=fo.DiscreteGradient(1.0))
    assert run.status is fo.Status.DIVERGED
    ens = fo.ensemble(field, [[np.nan], [0.0]], t=(0, 1), method=fo.ImplicitEuler(0.5))
    assert ens.status.tolist() == [5, 1]


def test_a_hidden_surface_is_refused_and_steps_are_positive():
    loss = fo.Loss.from_kernel(lambda x, g: 0.0, 1)
    with pytest.raises(ValueError, match="hidden in a kernel"):
        fo.integrate(fo.flows.SignFlow().on(loss), [1.0], t=(0, 1), method=fo.ImplicitEuler(0.1))
    for cls in (fo.ImplicitEuler, fo.DiscreteGradient, fo.ConformalLeapfrog):
        with pytest.raises(ValueError, match="h must be"):
            cls(h=0.0)


def test_linear_solver_against_numpy():
    """The factors, through implicit Euler of a linear field: (I − hA) z = y."""
    rng = np.random.default_rng(5)
    for n in (1, 2, 3, 7):
        A = rng.standard_normal((n, n))
        names = [f"y{i}" for i in range(n)]
        field = fo.VectorField([" + ".join(f"({float(a)!r})*{v}" for a, v in
                                           zip(row, names, strict=True)) for row in A], names)
        y = rng.standard_normal(n)
        z = fo.integrate(field, y, t=(0, 3.0), method=fo.ImplicitEuler(3.0)).y[-1]
        np.testing.assert_allclose(z, np.linalg.solve(np.eye(n) - 3.0 * A, y), rtol=1e-11)


def test_the_steppers_are_compiled_once():
    for name in ("implicit_euler", "gonzalez", "itoh_abe", "conformal"):
        assert stepper(name, 1) is stepper(name, 1)


def test_a_warm_start_needs_no_sympy():
    """What was found of a field is kept beside its kernels."""
    code = ("import sys, flowopt as fo\n"
            "ball = fo.flows.HeavyBall(gamma=0.3).on(fo.losses.himmelblau())\n"
            "bowl = fo.flows.GradientFlow().on(fo.losses.himmelblau())\n"
            "sign = fo.flows.SignFlow().on(fo.losses.himmelblau())\n"
            "for f, m in [(ball, fo.ConformalLeapfrog(0.1)), (bowl, fo.DiscreteGradient(0.1)),\n"
            "             (bowl, fo.ImplicitEuler(0.1)), (sign, fo.ImplicitEuler(0.1))]:\n"
            "    fo.integrate(f, [1.0, 1.0], t=(0, 1), method=m)\n"
            "start = fo.Flow({'theta': 'v', 'v': '-3/t*v - g'}).on(fo.losses.himmelblau())\n"
            "fo.integrate(start, [1.0, 1.0], t=(0, 1))\n"
            "print([n for n in ('sympy', 'numba', 'scipy') if n in sys.modules])\n")
    for _ in range(2):
        made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              check=True)
    assert made.stdout.strip() == "[]"


def test_implicit_euler_runs_backwards():
    def rhs(t, y):
        return np.array([np.sin(t) - y[0]**3 / 10, y[0] * y[1] / 5])

    field = fo.VectorField(["sin(t) - x**3/10", "x*y/5"], ["x", "y"])
    run = fo.integrate(field, [0.5, 1.0], t=(2.0, 0.0), method=fo.ImplicitEuler(0.1))
    twin = reference.implicit_euler(rhs, [0.5, 1.0], 2.0, -0.1, 20)
    np.testing.assert_allclose(run.y, twin, rtol=0, atol=1e-11)


def test_a_long_run_comes_in_chunks_and_is_the_same():
    field = DESCENT.on(WELL)
    run = fo.integrate(field, [1.4, 0.3], t=(0, 25000 * 1e-4), method=fo.ImplicitEuler(1e-4))
    x = np.array([1.4, 0.3])
    assert run.stats.n_steps == 25000
    for k in (1, 9999, 10001, 24999):  # each step solves its equation, across chunks too
        z, y = run.x[k + 1], run.x[k]
        assert np.abs(z - y + 1e-4 * WELL.grad(z)).max() < 1e-15
    assert (run.x[0] == x).all()


def test_itoh_and_abe_where_the_loss_is_all_rounding_and_where_it_jumps():
    """Near a minimum with L = 0 the loss is noise, and the steps go on; a jump up has no root."""
    x = starts(2, 500, seed=4, size=4.0)
    himmelblau = DESCENT.on(fo.losses.himmelblau())
    ens = fo.ensemble(himmelblau, x, t=(0, 2), method=fo.DiscreteGradient(0.01, kind="itoh-abe"))
    assert (ens.status == fo.Status.REACHED_END).all()
    cliff = DESCENT.on("-x + Piecewise((0, x < 1), (3, True))")
    run = fo.integrate(cliff, [0.5], t=(0, 3), method=fo.DiscreteGradient(1.0, kind="itoh-abe"))
    assert run.status is fo.Status.NOT_CONVERGED


def test_jumps_that_do_not_add_up_are_refused_on_the_intersection_only():
    """F_y jumps by an amount that depends on the side of x: Filippov's set is no sum there."""
    field = fo.VectorField(["-sign(x)", "-sign(y)*(2 + sign(x))"], ["x", "y"])
    both = fo.integrate(field, [0.1, 0.1], t=(0, 1), method=fo.ImplicitEuler(1.0))
    assert both.status is fo.Status.NOT_CONVERGED
    one = fo.integrate(field, [0.1, 9.0], t=(0, 0.5), method=fo.ImplicitEuler(0.5))
    # x is held with the weight 1/5, which mixes the slopes −3 and −1 of y
    np.testing.assert_allclose(one.y[-1], [0.0, 9.0 - 0.5 * (2 + 0.2)], atol=1e-15)
