"""Arrival where a norm in the field is zero: normalised and clipped flows in n >= 2 dimensions."""

import numpy as np
import pytest
import scipy.integrate

import flowopt as fo

TIGHT = fo.DOP853(rtol=1e-12, atol=1e-13)
METHODS = [TIGHT, fo.Dopri5(rtol=1e-11, atol=1e-12), fo.Tsit5(rtol=1e-11, atol=1e-12),
           fo.Rodas5P(rtol=1e-10, atol=1e-11)]
every = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
NORMALISED = fo.flows.NormalizedFlow()
Status = fo.Status


def arrival_time(A, start):
    """T = ∫ ‖A e^{−Aτ} x₀‖ dτ: normalised flow is gradient flow in another time."""
    rates, vectors = np.linalg.eigh(A)
    parts = vectors.T @ start

    def speed(tau):
        return np.linalg.norm(rates * np.exp(-rates * tau) * parts)

    ends = np.concatenate([[0.0], np.geomspace(1e-3 / rates[-1], 60 / rates[0], 60)])
    return sum(scipy.integrate.quad(speed, a, b, epsabs=1e-14, epsrel=1e-13)[0]
               for a, b in zip(ends[:-1], ends[1:], strict=True))


@every
@pytest.mark.parametrize("start", [[3.0, 4.0], [1e-3, 0.0], [-1.0, 2.0, 0.5, 1e-9]])
def test_normalised_flow_on_the_bowl_settles_after_its_distance(start, method):
    start = np.array(start)
    distance = np.linalg.norm(start)
    field = NORMALISED.on(fo.losses.quadratic(np.eye(len(start))))
    traj = fo.integrate(field, start, (0.0, 10.0), method)
    assert traj.status is Status.STUCK
    assert traj.t[-1] == pytest.approx(distance, rel=1e-11)
    assert np.abs(traj.y[-1]).max() < 1e-14 * distance
    t = np.linspace(0.0, 1.2 * distance, 50)
    exact = start * np.maximum(1 - t / distance, 0.0)[:, None]
    assert np.abs(traj(t) - exact).max() < 1e-11 * distance
    assert (np.diff(traj.t) > 0).all() and traj.stats.n_rhs < 5000
    assert "where a norm in the field is zero" in traj.message


@every
@pytest.mark.parametrize("A", [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 0.0], [0.0, 50.0]],
                               [[3.0, 0.5, 0.1], [0.5, 2.0, -0.4], [0.1, -0.4, 0.3]]])
def test_normalised_flow_on_a_quadratic_against_its_integral(A, method):
    A = np.array(A)
    start = np.array([1.0, 0.3, -0.7])[:len(A)]
    traj = fo.integrate(NORMALISED.on(fo.losses.quadratic(A)), start, (0.0, 20.0), method)
    assert traj.status is Status.STUCK
    assert traj.t[-1] == pytest.approx(arrival_time(A, start), abs=1e-9)
    assert np.abs(traj.y[-1]).max() < 1e-13


def test_the_default_tolerance_and_a_loose_one():
    A = np.array([[2.0, 1.0], [1.0, 2.0]])
    exact = arrival_time(A, np.array([1.0, 0.3]))
    for method, near in ((None, 1e-7), (fo.Tsit5(rtol=1e-4, atol=1e-6), 1e-3)):
        traj = fo.integrate(NORMALISED.on(fo.losses.quadratic(A)), [1.0, 0.3], (0.0, 9.0), method)
        assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(exact, abs=near)


def test_a_minimum_that_is_no_quadratic():
    traj = fo.integrate(NORMALISED.on(fo.losses.himmelblau()), [1.0, 1.0], (0.0, 20.0), TIGHT)
    assert traj.status is Status.STUCK
    assert traj.x[-1] == pytest.approx([3.0, 2.0], abs=1e-13)
    # its path is that of gradient flow; its time is the length of the path
    slow = scipy.integrate.solve_ivp(
        lambda t, z: np.append(-fo.losses.himmelblau().grad(z[:2]),
                               np.linalg.norm(fo.losses.himmelblau().grad(z[:2]))),
        (0.0, 2.0), [1.0, 1.0, 0.0], method="DOP853", rtol=1e-12, atol=1e-13)
    assert traj.t[-1] == pytest.approx(slow.y[2, -1], abs=1e-9)


def test_the_clipped_flow_rests_at_a_minimum_above_zero():
    """Next to the minimum the clipped flow is −M L g/‖g‖: finite time; at L = 0 it is not."""
    field = fo.flows.LossNormalizedFlow(M=10.0).on(fo.Loss("x**2 + 3*y**2 + x*y + 1"))
    traj = fo.integrate(field, [1.0, 0.3], (0.0, 5.0), TIGHT)
    assert traj.status is Status.STUCK and traj.events.kind == ("cross",)
    assert np.abs(traj.y[-1]).max() < 1e-13
    for a, b in ((0.3, 0.6), (0.95 * traj.t[-1], traj.t[-1])):  # the dissipation identity
        t = np.linspace(a, b, 4001)
        x = traj(t)
        g = field.loss.grad(x)
        rate = (g * field(t, x)).sum(axis=1)
        lost = scipy.integrate.simpson(rate[:-1], x=t[:-1])
        assert field.loss.value(x[-2]) - field.loss.value(x[0]) == pytest.approx(lost, abs=1e-7)
    on_zero = fo.flows.LossNormalizedFlow(M=10.0).on(fo.losses.himmelblau())
    traj = fo.integrate(on_zero, [1.0, 0.3], (0.0, 5.0), TIGHT)
    assert traj.status is Status.REACHED_END
    assert traj.loss[-1] / traj.loss[0] == pytest.approx(np.exp(-5.0), rel=1e-9)


def test_a_saddle_is_no_rest():
    field = NORMALISED.on(fo.losses.saddle())
    traj = fo.integrate(field, [1.0, 0.0], (0.0, 5.0), TIGHT)
    assert traj.status is Status.NOT_UNIQUE and traj.t[-1] == pytest.approx(1.0, abs=1e-12)
    assert "leads away from there" in traj.message
    past = fo.integrate(field, [1.0, 1e-3], (0.0, 2.0), TIGHT)
    assert past.status is Status.REACHED_END


@pytest.mark.parametrize("loss, status", [("x**2 + 2*y**2", "STUCK"), ("x**2 - y**2", "NOT_UNIQUE"),
                                          ("-x**2 - y**2", "NOT_UNIQUE")])
def test_starts_where_the_norm_is_zero(loss, status):
    traj = fo.integrate(NORMALISED.on(loss), [0.0, 0.0], (0.0, 1.0))
    assert traj.status.name == status and traj.t.tolist() == [0.0]


@pytest.mark.parametrize("loss, time, place", [
    ("(x + y)**2", 3 / np.sqrt(2), [0.5, -0.5]),
    ("(x**2 + y**2 - 1)**2", np.sqrt(5) - 1, [2 / np.sqrt(5), 1 / np.sqrt(5)])])
def test_a_curve_of_minima(loss, time, place):
    """The nearest point of a line, and of the unit circle, from (2, 1) at unit speed."""
    traj = fo.integrate(NORMALISED.on(loss), [2.0, 1.0], (0.0, 9.0), TIGHT)
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(time, abs=1e-9)
    assert traj.y[-1] == pytest.approx(place, abs=1e-9)


def test_backwards_in_time_a_maximum_attracts():
    traj = fo.integrate(NORMALISED.on("-x**2/2 - y**2/2"), [0.6, 0.8], (0.0, -3.0), TIGHT)
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(-1.0, abs=1e-12)


def test_a_users_own_field_with_a_norm():
    """Dry friction in the plane, v' = −μ v/|v|, stops after |v|/μ; positions have no norm of 0."""
    field = fo.VectorField(["-m*u/sqrt(u**2 + v**2)", "-m*v/sqrt(u**2 + v**2)"], ["u", "v"],
                           parameters={"m": 2.0})
    traj = fo.integrate(field, [0.3, -0.4], (0.0, 1.0), TIGHT)
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(0.25, abs=1e-12)


def test_saves_events_and_rest_on_the_way():
    field = NORMALISED.on(fo.losses.quadratic(np.eye(2)))
    times = np.linspace(0.0, 6.0, 61)
    saved = fo.integrate(field, [3.0, 4.0], (0.0, 6.0), TIGHT, save_at=times)
    assert (saved.t == times).all()
    exact = np.array([3.0, 4.0]) * np.maximum(1 - times / 5, 0)[:, None]
    assert np.abs(saved.y - exact).max() < 1e-11
    seen = fo.integrate(field, [3.0, 4.0], (0.0, 6.0), TIGHT, events=["x1 - 3e-9", "x2 - 2"])
    assert seen.status is Status.STUCK
    assert seen.events.t == pytest.approx([2.5, 5 - 5e-9], abs=1e-11)
    ends = fo.integrate(field, [3.0, 4.0], (0.0, 6.0), TIGHT,
                        events=[fo.Event("x1 - 3e-9", terminal=True)])
    assert ends.status is Status.EVENT and ends.t[-1] == pytest.approx(5 - 5e-9, abs=1e-11)


def test_an_ensemble_arrives_like_its_runs():
    field = NORMALISED.on(fo.losses.quadratic([[2.0, 1.0], [1.0, 2.0]]))
    starts = np.random.default_rng(0).normal(size=(9, 2))
    ens = fo.ensemble(field, starts, (0.0, 9.0), TIGHT)
    for i in range(9):
        one = fo.integrate(field, starts[i], (0.0, 9.0), TIGHT)
        assert ens.status[i] == one.status == Status.STUCK
        assert one.t[-1] == ens.t[i] and np.array_equal(one.y[-1], ens.y[i])
