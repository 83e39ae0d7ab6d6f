"""Sliding on intersections of surfaces: closed forms, bounds, limits of smooth fields, refusals."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import flowopt as fo
from flowopt.integrators.contact import Contact
from flowopt.integrators.slide import Outcome, Slide

TIGHT = fo.DOP853(rtol=1e-12, atol=1e-13)
Status = fo.Status


def field_of(*rules, names="x y z", **parameters):
    return fo.VectorField(list(rules), names.split()[:len(rules)], parameters=parameters)


def run(field, start, span, method=TIGHT, **options):
    return fo.integrate(field, start, t=span, method=method, **options)


def seen(traj):
    return list(zip(traj.events.kind, traj.events.which.tolist(), strict=True))


def random_quadratic(n, seed=0):
    rng = np.random.default_rng([seed, n])
    factor = rng.normal(size=(n, n))
    A = factor @ factor.T / n + 0.2 * np.eye(n)
    return A, rng.normal(size=n)


# ------------------------------------------------------------------------- sign flow


def test_diagonal_quadratics_settle_at_the_largest_distance():
    """Each coordinate by itself: x_i = sign(x_i(0)) (|x_i(0)| − t)₊."""
    start = np.array([0.3, -1.7, 0.9, 2.5, -0.3])
    field = fo.flows.SignFlow().on(fo.losses.quadratic(np.diag([1.0, 5.0, 0.1, 2.0, 7.0])))
    traj = run(field, start, (0.0, 10.0))
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(2.5, abs=1e-12)
    assert (traj.y[-1] == 0.0).all()
    t = np.linspace(0.0, 2.5, 60)
    exact = np.sign(start) * np.maximum(np.abs(start) - t[:, None], 0.0)
    assert abs(traj(t) - exact).max() < 1e-12
    assert sorted(traj.events.kind) == ["slide"] * 5
    assert traj.events.t == pytest.approx(np.sort(np.abs(start)), abs=1e-12)


@pytest.mark.parametrize("n, seed", [(2, 0), (2, 1), (3, 0), (3, 1), (5, 0), (10, 0), (20, 0),
                                     (50, 0)])
def test_random_quadratics_settle_within_the_bounds(n, seed):
    """‖x₀‖∞ ≤ T ≤ min(√(2V₀/μ), ‖g₀‖₁/λ_min), and L does not increase."""
    A, start = random_quadratic(n, seed)
    field = fo.flows.SignFlow().on(fo.losses.quadratic(A))
    traj = run(field, start, (0.0, 100.0))
    smallest = np.linalg.eigvalsh(A)[0]
    longest = min(np.sqrt(start @ A @ start / smallest), np.abs(A @ start).sum() / smallest)
    assert traj.status is Status.STUCK
    assert np.abs(start).max() * (1 - 1e-10) <= traj.t[-1] <= longest
    assert np.abs(traj.y[-1]).max() < 1e-13
    times = np.linspace(0.0, traj.t[-1], 500)
    L = field.loss.value(traj(times))
    assert (np.diff(L) <= 1e-14 * L[0]).all()
    # dL/dt = −‖g‖₁ for every selection
    inside = traj.t[:-1]
    middle = (inside[:-1] + inside[1:]) / 2
    slope = [(field.loss.value(traj(m + 1e-7)) - field.loss.value(traj(m - 1e-7))) / 2e-7
             for m in middle]
    g = np.abs(traj(middle) @ A).sum(axis=1)
    assert np.abs(np.array(slope) + g).max() < 1e-6 * g.max()


@pytest.mark.parametrize("n", [3, 6])
def test_sliding_is_the_limit_of_a_steep_smooth_field(n):
    """sign → tanh(·/ε): the distance to the sliding motion goes to 0 like ε."""
    A, start = random_quadratic(n, 3)
    traj = run(fo.flows.SignFlow().on(fo.losses.quadratic(A)), start, (0.0, 100.0))
    times = np.linspace(0.0, 0.95 * traj.t[-1], 40)
    distances = []
    for steep in (1e-2, 1e-3, 1e-4):
        smooth = scipy.integrate.solve_ivp(
            lambda t, x: -np.tanh(A @ x / steep), (0.0, times[-1]), start, method="Radau",  # noqa: B023
            t_eval=times, rtol=1e-9, atol=1e-12,
            jac=lambda t, x: -A / (steep * np.cosh(np.clip(A @ x / steep, -300, 300))**2)[:, None])  # noqa: B023, E501
        distances.append(np.abs(smooth.y.T - traj(times)).max())
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 3e-3 and distances[2] < 0.2 * distances[1]


def test_an_ensemble_slides_like_its_runs():
    A, _ = random_quadratic(3, 5)
    field = fo.flows.SignFlow().on(fo.losses.quadratic(A))
    starts = np.random.default_rng(4).normal(size=(20, 3))
    ens = fo.ensemble(field, starts, (0.0, 20.0), TIGHT)
    assert set(ens.status) == {Status.STUCK}
    for i in range(0, 20, 3):
        one = run(field, starts[i], (0.0, 20.0))
        assert one.t[-1] == ens.t[i] and np.array_equal(one.y[-1], ens.y[i])


def test_saves_and_parameters_along_a_slide():
    field = field_of("-sign(x) + a*y", "-sign(y) - a*x", a=0.3)
    times = np.linspace(0.0, 4.0, 33)
    saved = run(field, [1.0, 0.4], (0.0, 4.0), save_at=times)
    full = run(field, [1.0, 0.4], (0.0, 4.0))
    assert saved.status is Status.STUCK and (saved.t == times).all()
    assert abs(saved.y - full(times)).max() < 1e-11


# ----------------------------------------------------------- penalties, signed momentum


def test_the_l1_penalty_holds_a_coordinate_at_zero():
    """Gradient flow of ½‖x − c‖² + λ‖x‖₁: coordinates with |c| ≤ λ stop at 0."""
    c, lam = np.array([2.0, 0.3, -0.4]), 0.5
    loss = fo.Loss("(x - 2)**2/2 + (y - 0.3)**2/2 + (z + 0.4)**2/2"
                   " + lam*(Abs(x) + Abs(y) + Abs(z))",
                   parameters={"lam": lam}, variables=["x", "y", "z"])
    field = fo.flows.GradientFlow().on(loss)
    start = np.array([-1.0, 1.0, -1.0])
    traj = run(field, start, (0.0, 12.0))
    # y' = −(y − 0.3) − ½ reaches 0 where (1 + 0.2) e^{-t} = 0.2; z' = −(z + 0.4) + ½ likewise
    assert traj.events.t[traj.events.which == 1][0] == pytest.approx(np.log(6.0), abs=1e-11)
    stops = np.log((1 + 0.1) / 0.1)
    assert traj.events.t[traj.events.which == 2][0] == pytest.approx(stops, abs=1e-11)
    # x' = 2.5 − x below 0, 1.5 − x above it
    crosses = np.log(3.5 / 2.5)
    assert traj.events.t[traj.events.which == 0] == pytest.approx([crosses], abs=1e-11)
    assert traj.events.kind == ("cross", "slide", "slide")
    end = 1.5 * (1 - np.exp(-(12.0 - crosses)))
    assert traj.y[-1] == pytest.approx([end, 0.0, 0.0], abs=1e-11)
    assert np.sign(c[0]) * max(abs(c[0]) - lam, 0) == pytest.approx(end, abs=1e-4)


def test_signed_momentum_slides_on_the_surface_of_its_momentum():
    """Lion's rule θ' = −sign(b m + (1 − b) g), m' = a (g − m) on ½θ². It slides on m = −kθ with
    k = (1 − b)/b, where m' = a (1 + k) θ, so that θ' = −m'/k = −a (1 + k)/k θ."""
    a, b = 1.0, 0.5
    field = field_of("-sign(b*m + (1 - b)*x)", "a*(x - m)", names="x m", a=a, b=b)
    traj = run(field, [1.0, 0.0], (0.0, 30.0))
    k = (1 - b) / b
    slides = [t for t, kind in zip(traj.events.t, traj.events.kind, strict=True) if kind == "slide"]
    assert slides
    for t in np.linspace(slides[0] + 1e-6, slides[0] + 0.2, 7):
        x, m = traj(t)
        assert b * m + (1 - b) * x == pytest.approx(0.0, abs=1e-12)
        x_later = traj(t + 1e-5)[0]
        assert (x_later - x) / 1e-5 == pytest.approx(-a * (1 + k) / k * x, rel=1e-3, abs=1e-6)


# ------------------------------------------------------------------ joined and left


def test_surfaces_are_joined_and_left_one_by_one():
    """x' = −sign x + y, y' = −sign(y − 2) + 1/2, from (0.3, 0): on x = 0 while |y| ≤ 1, then
    y = 2 holds y for ever, and x' = 1."""
    field = field_of("-sign(x) + y", "-sign(y - 2) + 1/2")
    traj = run(field, [0.3, 0.0], (0.0, 6.0))
    # y = 1.5 t; x = 0.3 − t + 0.75 t² until 0
    meets = (1 - np.sqrt(1 - 4 * 0.75 * 0.3)) / 1.5
    assert seen(traj) == [("slide", 0), ("leave", 0), ("slide", 1)]
    assert traj.events.t == pytest.approx([meets, 2 / 3, 4 / 3], abs=1e-10)
    x = 0.75 * ((4 / 3)**2 - (2 / 3)**2) - (4 / 3 - 2 / 3)
    assert traj.y[-1] == pytest.approx([x + (6 - 4 / 3), 2.0], abs=1e-10)


def test_leaving_one_of_two_surfaces():
    """Both held from the start; x' = −sign x + z/2 leaves x = 0 at z = 2, y stays at 0."""
    field = field_of("-sign(x) + z/2", "-sign(y) + z/8", "1")
    traj = run(field, [0.0, 0.0, 0.0], (0.0, 4.0))
    assert seen(traj) == [("slide", 0), ("slide", 1), ("leave", 0)]
    assert traj.events.t[-1] == pytest.approx(2.0, abs=1e-11)
    assert traj.y[-1] == pytest.approx([0.25 * (16 - 4) - 2, 0.0, 4.0], abs=1e-10)


def test_crossing_one_surface_while_sliding_on_another_changes_the_slide():
    """On x = 0 the side's value is u = ∓1/2 below and above y = 1, and y' = 2 + u."""
    field = field_of("-sign(x) + sign(y - 1)/2", "2 + sign(x)")
    traj = run(field, [0.0, 0.0], (0.0, 2.0))
    assert traj.events.kind == ("slide", "cross")
    assert traj.events.t[-1] == pytest.approx(1 / 1.5, abs=1e-12)
    assert traj.y[-1] == pytest.approx([0.0, 1 + 2.5 * (2 - 1 / 1.5)], abs=1e-11)


def test_two_surfaces_met_at_the_same_moment():
    A = [[2.0, 1.0], [1.0, 2.0]]
    traj = run(fo.flows.SignFlow().on(fo.losses.quadratic(A)), [1.0, 1.0], (0.0, 3.0))
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(1.0, abs=1e-13)
    assert sorted(traj.events.which) == [0, 1]
    crossing = run(field_of("3 + sign(x)", "3 + sign(y)"), [-1.0, -1.0], (0.0, 1.0))
    assert crossing.y[-1] == pytest.approx([2.0, 2.0], abs=1e-12)
    assert seen(crossing) == [("cross", 0), ("cross", 1)]


@pytest.mark.parametrize("when", [0.7, 1.0])
def test_jumps_in_time_while_sliding(when):
    """The push c jumps from 1/2 to 2 at a time: the slide ends there, from anywhere in it."""
    field = field_of("-sign(x) + Piecewise((1/2, t < T), (2, True))", "1", T=when)
    traj = run(field, [0.25, 0.0], (0.0, 2.0))
    assert seen(traj)[0] == ("slide", 0) and traj.events.t[0] == pytest.approx(0.5, abs=1e-12)
    assert traj.events.t[1:] == pytest.approx([when] * (len(traj.events) - 1), abs=1e-12)
    assert traj.y[-1] == pytest.approx([2 - when, 2.0], abs=1e-11)


def test_a_time_jump_and_a_surface_at_the_same_moment():
    field = field_of("-sign(x) + Piecewise((0, t < 1), (2, True))")
    traj = run(field, [1.0], (0.0, 3.0))
    assert traj.y[-1, 0] == pytest.approx(2.0, abs=1e-11)


# ------------------------------------------------------------- products of jumps


def test_jumps_that_multiply_each_other_and_rest():
    """x' = −sign(x)(2 + sign y), y' = −sign y: the hull of the four fields at 0 holds 0 only."""
    field = field_of("-sign(x)*(2 + sign(y))", "-sign(y)")
    traj = run(field, [4.0, 1.0], (0.0, 5.0))
    assert traj.status is Status.STUCK
    assert traj.y[-1] == pytest.approx([0.0, 0.0], abs=1e-12)
    # x' = −3 for t < 1; then sign y has the value 0 and x' = −2
    assert traj.t[-1] == pytest.approx(1.5, abs=1e-11)


def test_an_ambiguous_intersection_is_told():
    """x and y are held, but the four fields leave z' anywhere between −1 and 1."""
    field = field_of("-sign(x)", "-sign(y)", "sign(x)*sign(y)")
    traj = run(field, [1.0, 2.0, 0.0], (0.0, 5.0))
    assert traj.status is Status.NOT_UNIQUE
    assert traj.t[-1] == pytest.approx(2.0, abs=1e-12)
    assert "several" in traj.message and "surfaces 0, 1" in traj.message


@pytest.mark.parametrize("rules, start", [
    (["sign(x)"], [0.0]), (["sign(x)", "1"], [0.0, 0.5]),
    (["x + sign(x)", "-sign(y)"], [0.0, 0.0])])
def test_a_start_on_a_surface_that_repels_is_not_unique(rules, start):
    traj = run(field_of(*rules), start, (0.0, 1.0))
    assert traj.status is Status.NOT_UNIQUE and traj.t.tolist() == [0.0]
    assert "start to one side" in traj.message and (traj.y == start).all()


def test_a_valley_without_slope_is_a_place_of_rest():
    """L = ½(x + 2y)²: x + 2y = 0 and 2x + 4y = 0 are one line, with the fields ±(1, 1) on its two
    sides: Filippov's set is the segment between them, and only 0 stays. tanh(·/ε) for the signs
    rests there too."""
    loss = fo.losses.quadratic([[1.0, 2.0], [2.0, 4.0]])
    field = fo.flows.SignFlow().on(loss)
    traj = run(field, [1.0, 0.0], (0.0, 3.0))
    assert traj.status is Status.STUCK
    assert traj.t[-1] == pytest.approx(1 / 3, abs=1e-12)
    smooth = run(field_of("-tanh((x + 2*y)/e)", "-tanh(2*(x + 2*y)/e)", e=1e-3), [1.0, 0.0],
                 (0.0, 3.0))
    assert smooth.y[-1] == pytest.approx(traj.y[-1], abs=2e-3)


@pytest.mark.parametrize("A, meets", [([[4.0, -2.0], [-2.0, 1.0]], 1.0),
                                      ([[1.0, -1.0], [-1.0, 1.0]], 1.0)])
def test_a_valley_is_a_place_of_rest_wherever_it_is_met(A, meets):
    """Both signs change at the same point, next to zero, where rounding is that of the start."""
    traj = run(fo.flows.SignFlow().on(fo.losses.quadratic(A)), [-1.0, 1.0], (0.0, 20.0))
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(meets, abs=1e-12)


# --------------------------------------------- many surfaces along a constant field


def first_rest(loss, start):
    """The first zero of the slope on the way down from the start, by sampling and bisection."""
    x = start - np.sign(loss.grad([start])[0]) * np.linspace(0.0, 2.0, 200_001)
    g = loss.grad(x[:, None])[:, 0]
    k = int(np.nonzero(np.sign(g) != np.sign(g[0]))[0][0])
    return scipy.optimize.brentq(lambda v: loss.grad([v])[0], x[k - 1], x[k], xtol=1e-14)


def test_no_minimum_is_jumped_over():
    """Between its surfaces sign flow is constant and the error zero, but its steps are short."""
    loss = fo.Loss("10*(1 - cos(2*pi*x)) + x**2")
    starts = np.random.default_rng(0).uniform(-5.12, 5.12, 60)
    field = fo.flows.SignFlow().on(loss)
    ens = fo.ensemble(field, starts[:, None], (0.0, 20.0))
    assert set(ens.status) == {Status.STUCK}
    assert ens.x[:, 0] == pytest.approx([first_rest(loss, s) for s in starts], abs=1e-9)
    for method in (TIGHT, fo.Tsit5(), fo.Taylor(rtol=1e-9), fo.Rodas5P()):
        one = run(field, [5.3], (0.0, 20.0), method)
        assert one.x[-1, 0] == pytest.approx(first_rest(loss, 5.3), abs=1e-9)


@pytest.mark.parametrize("rule, total, crossings", [
    ("sign(sin(20*x))", (10 - 63 * np.pi / 20), 63), ("sign(sin(50*x**2))", None, 1591)])
def test_every_sign_change_counts(rule, total, crossings):
    traj = run(field_of("1", rule), [0.0, 0.0], (0.0, 10.0))
    assert len(traj.events) == crossings
    edges = (np.arange(1, crossings + 1) * np.pi / 20 if total is not None
             else np.sqrt(np.arange(1, crossings + 1) * np.pi / 50))
    lengths = np.diff(np.concatenate([[0.0], edges, [10.0]]))
    exact = (lengths * (-1.0) ** np.arange(len(lengths))).sum()
    assert traj.y[-1, 1] == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("rules, start, end, final", [
    (["-abs(sign(y))", "-sign(y)"], [2.0, 1.0], 1.9, [0.1, 0.0]),
    (["-sign(x)", "Max(sign(x), -0.5)"], [1.0, 0.0], 3.0, [0.0, 1.5]),
    (["1", "abs(sign(x - 1))"], [0.0, 0.0], 2.0, [2.0, 2.0])])
def test_a_function_of_a_sign_has_no_surface_of_its_own(rules, start, end, final):
    """|sign y| is 1 on both sides; Max(sign x, −1/2) slides to the mean of 1 and −1/2."""
    traj = run(field_of(*rules), start, (0.0, end))
    assert traj.status is Status.REACHED_END
    assert traj.y[-1] == pytest.approx(final, abs=1e-11)


def test_the_choice_does_not_depend_on_scales():
    for scale in (1e-9, 1.0, 1e9):
        field = field_of("-k*sign(x) + k*y/2", "-k*sign(y)", k=scale)
        traj = run(field, [1.0, 0.5], (0.0, 5.0 / scale))
        assert traj.status is Status.STUCK
        assert traj.t[-1] * scale == pytest.approx(0.5 + 1 - 0.5 + 0.5**2 / 4, rel=1e-9)


def test_contact_of_one_surface_is_filippovs_formula():
    field = field_of("-sign(x) - 1/2", "3 + sign(x)")
    contact = Contact(field, 0.0, np.zeros(2), np.ones(1), [0], 1.0)
    outcome = contact.outcome()
    assert outcome.kind == "move" and outcome.active == (0,)
    slide = Slide(field, Outcome("move", np.ones(1), (0,)), (0.0, np.zeros(2), 0.0))
    assert slide.slopes(np.zeros(1), np.zeros((1, 2)))[0] == pytest.approx([0.0, 2.5], abs=1e-15)
    assert slide.evaluations == 2
