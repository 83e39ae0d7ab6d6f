"""Motion across, along and off switching surfaces, against closed forms.

Tolerances: a run with rtol = 1e-12 and atol = 1e-13 takes some tens of steps here, and its events
are the zeros of a dense output with an error of that size; 1e-10 allows for a hundred of them.
"""

import mpmath
import numpy as np
import pytest
import reference
import scipy.integrate

import flowopt as fo
from flowopt.integrators import adaptive_run

TIGHT = fo.DOP853(rtol=1e-12, atol=1e-13)
ADAPTIVE = [fo.Dopri5(rtol=1e-12, atol=1e-13), fo.Tsit5(rtol=1e-12, atol=1e-13), TIGHT,
            fo.Taylor(rtol=1e-12, atol=1e-13)]
every = pytest.mark.parametrize("method", ADAPTIVE, ids=lambda m: m.name)
Status = fo.Status


def field_of(*rules, names="x y", **parameters):
    return fo.VectorField(list(rules), names.split()[:len(rules)], parameters=parameters)


def run(field, start, span, method=TIGHT, **options):
    return fo.integrate(field, start, t=span, method=method, **options)


def seen(traj):
    return list(zip(traj.events.kind, traj.events.which.tolist(), strict=True))


def check_shape(traj):
    """Times increase strictly along the run, the events lie among them, and the path is joined."""
    assert (np.diff(traj.t) * np.sign(traj.t[-1] - traj.t[0]) > 0).all()
    assert np.isin(traj.events.t, traj.t).all()
    assert (np.diff(traj.events.t) * np.sign(traj.t[-1] - traj.t[0]) >= 0).all()
    assert traj.events.y.shape == (len(traj.events), traj.y.shape[1])
    for t, y in zip(traj.events.t, traj.events.y, strict=True):
        assert abs(traj.y[traj.t == t] - y).max() <= 1e-15 * max(1.0, abs(y).max())
        assert abs(traj(t) - y).max() <= 1e-12 * max(1.0, abs(y).max())


# ----------------------------------------------------------------- the two-minima example

TWO = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
LEFT = (9 - np.sqrt(33)) / 8


@every
@pytest.mark.parametrize("M", [0.03, 1.0, 10.0, 30.0, 100.0, 1e3, 1e4])
def test_clipped_arrival(M, method):
    """Arrival at x = 3: later than ln(L(4)/L(3)) by 0.0257/M², and told to 1e-9."""
    traj = run(TWO.with_parameters(M=M), [4.0], (0.0, 400.0), method)
    assert traj.status is Status.STUCK
    arrival = float(reference.clipped_arrival_time(M))
    assert traj.t[-1] == pytest.approx(arrival, abs=1e-9 * max(1.0, arrival))
    assert traj.x[-1, 0] == pytest.approx(3.0, abs=1e-13)
    clipped_from_the_start = 1 / M > reference.two_minima_grad(4.0)
    assert traj.events.kind == (("slide",) if clipped_from_the_start else ("cross", "slide"))
    assert traj.events.t[-1] == traj.t[-1]
    if not clipped_from_the_start:  # where |g| = 1/M, L = L(4) e^-t
        corner = traj.events.y[0, 0]
        assert reference.two_minima_grad(corner) == pytest.approx(1 / M, abs=1e-9)
        L = reference.two_minima_loss
        assert traj.events.t[0] == pytest.approx(np.log(L(4.0) / L(corner)), abs=1e-9)
    check_shape(traj)


@every
def test_the_limit_of_no_clip(method):
    traj = run(TWO.with_parameters(M=1e6), [4.0], (0.0, 25.0), method)
    assert traj.t[-1] == pytest.approx(float(reference.two_minima_facts()["t_hit"]), abs=1e-9)


@every
def test_positions_on_the_way(method):
    """Errors grow by g(4)/g(x(2)) = 12 on the way; the pairs of order 5 use up the tolerance."""
    facts = reference.two_minima_facts()
    exact = [float(facts["x1"]), float(facts["x2"])]
    near = 1e-11 if method.order == 8 else 1e-10
    assert run(TWO, [4.0], (0.0, 25.0), method)([1.0, 2.0])[:, 0] == pytest.approx(exact, abs=near)
    saved = run(TWO, [4.0], (0.0, 25.0), method, save_at=[1.0, 2.0])
    assert saved.x[:, 0] == pytest.approx(exact, abs=near)


@pytest.mark.parametrize("start, well", [(4.0, 3.0), (2.0, 3.0), (1.5, LEFT), (-2.0, LEFT)])
def test_stuck_says_when_and_where(start, well):
    traj = run(TWO, [start], (0.0, 50.0))
    assert traj.status is Status.STUCK and traj.x[-1, 0] == pytest.approx(well, abs=1e-12)
    assert "came to rest on a switching surface" in traj.message
    assert f"t={traj.t[-1]:.9g}, x={traj.x[-1, 0]:.9g}." in traj.message


def test_after_the_rest():
    """At rest for ever: the saved times and the dense output go on to the end of the span."""
    times = np.linspace(0.0, 25.0, 26)
    traj = run(TWO, [4.0], (0.0, 25.0), save_at=times, dense=True)
    full = run(TWO, [4.0], (0.0, 25.0))
    assert (traj.t == times).all() and traj.y.shape == (26, 1)
    assert (traj.y[3:] == full.y[-1]).all()
    assert (traj(times[3:]) == full.y[-1]).all() and (full([3.0, 25.0, 1e3]) == full.y[-1]).all()
    assert abs(traj.y[:3] - full(times[:3])).max() < 1e-13
    assert (traj.loss[3:] == full.loss[-1]).all()
    with pytest.raises(ValueError, match="inside the run"):
        full(-0.1)


# ----------------------------------------------------------------- sign flow: rest


@every
@pytest.mark.parametrize("start", [1.5, -0.75, 1e-9, 1e6, -1e-300])
def test_sign_flow_settles_at_t_equal_to_its_distance(start, method):
    traj = run(fo.flows.SignFlow().on(fo.Loss("x**2/2")), [start], (0.0, 2e6), method)
    assert traj.status is Status.STUCK
    assert traj.t[-1] == pytest.approx(abs(start), rel=1e-11)
    assert abs(traj.x[-1, 0]) <= 1e-13 * max(1.0, abs(start))


@pytest.mark.parametrize("span", [(0.0, 5.0), (2.0, 3.0)])
def test_start_at_rest(span):
    field = fo.flows.SignFlow().on(fo.Loss("x**2/2"))
    traj = run(field, [0.0], span)
    assert traj.status is Status.STUCK and traj.t.tolist() == [span[0]]
    assert seen(traj) == [("slide", 0)] and traj.events.t.tolist() == [span[0]]
    assert (traj([span[0], span[1]]) == 0.0).all()
    saved = run(field, [0.0], span, save_at=span)
    assert saved.t.tolist() == list(span) and (saved.y == 0.0).all()


# ----------------------------------------------------------------- crossing
# rules, start, span, (time, surface point) of each crossing, end state

CROSSINGS = {
    "kink up": (["1 + Heaviside(x - 1)"], [0.0], (0, 2), [(1, 1)], [3.0]),
    "kink down": (["2 - Heaviside(x - 1)"], [0.0], (0, 2), [(0.5, 1)], [2.5]),
    "downwards": (["-1 - Heaviside(1 - x)"], [2.0], (0, 2), [(1, 1)], [-1.0]),
    "Piecewise": (["Piecewise((1, x < 1), (2, x < 3), (4, True))"], [0.0], (0, 3),
                  [(1, 1), (2, 3)], [7.0]),
    "Abs": (["1 + Abs(x)"], [-1.0], (0, 1), [(np.log(2), 0)], [np.e / 2 - 1]),
    "Max": (["Max(-x, -1)"], [1.5], (0, 1), [(0.5, 1)], [np.exp(-0.5)]),
    "Min of three": (["Min(x, 2, 3*x - 2) + 1"], [1.5], (0, 2), [(np.log(3 / 2.5), 2)],
                     [2 + 3 * (2 - np.log(3 / 2.5))]),
    "surface in time": (["Piecewise((1, t < 1), (-2, True))"], [0.0], (0, 3), [(1, 1)], [-3.0]),
    "moving surface": (["2 + sign(x - t)"], [-1.0], (0, 3), None, [-1.0 + 3]),
    "two at once": (["3 + sign(x) + sign(x**3)"], [-1.0], (0, 3), [(1, 0), (1, 0)], [10.0]),
    "nested": (["2 + sign(Abs(x - 2) - 1)"], [0.0], (0, 4), [(1 / 3, 1), (4 / 3, 2), (7 / 3, 3)],
               [3 + 3 * (4 - 7 / 3)]),
    "backwards": (["1 + Heaviside(x - 1)"], [3.0], (2, 0), [(1, 1)], [0.0]),
    "backwards in time": (["Piecewise((1, t < 1), (-2, True))"], [0.0], (3, 0), [(1, 4)], [3.0]),
}


@every
@pytest.mark.parametrize("name", CROSSINGS)
def test_crossing(name, method):
    rules, start, span, crossings, end = CROSSINGS[name]
    traj = run(field_of(*rules), start, span, method)
    assert traj.status is Status.REACHED_END and traj.t[-1] == span[1]
    assert traj.y[-1] == pytest.approx(end, abs=1e-10)
    if crossings is not None:
        assert set(traj.events.kind) == {"cross"}
        assert traj.events.t == pytest.approx([t for t, _ in crossings], abs=1e-10)
        assert traj.events.y[:, 0] == pytest.approx([y for _, y in crossings], abs=1e-10)
    check_shape(traj)


def test_a_pulse_shorter_than_the_step_is_not_missed():
    """The surfaces t = 10 and t = 10.1 are watched each for itself; scipy steps over the pulse."""
    field = field_of("Piecewise((0, t < 10), (1, t < 10.1), (0, True))")
    traj = fo.integrate(field, [0.0], t=(0.0, 20.0))
    assert traj.y[-1, 0] == pytest.approx(0.1, abs=1e-12)
    assert sorted(traj.events.t) == pytest.approx([10.0, 10.1], abs=1e-12)
    scipy_run = scipy.integrate.solve_ivp(field.rhs, (0.0, 20.0), [0.0])
    assert scipy_run.success and scipy_run.y[0, -1] == 0.0


def test_touching_a_surface_changes_nothing():
    """y = x² touches the surface y = 0 at t = 1 and stays on its side."""
    field = field_of("1", "2*x + Heaviside(-y)")
    traj = run(field, [-1.0, 1.0], (0.0, 2.0))
    assert traj.y[-1] == pytest.approx([1.0, 1.0], abs=1e-10)


# rules, start on the surface x = 0, end at t = 1
ON_THE_SURFACE = [
    (["1 + Heaviside(x)"], [0.0], [2.0]),
    (["-1 - Heaviside(-x)"], [0.0], [-2.0]),
    (["x**2*sign(x) + 1"], [0.0], [np.tan(1.0)]),
    (["2 + sign(x)", "1"], [0.0, 0.0], [3.0, 1.0]),
    (["-2 + sign(x)", "sign(x)"], [0.0, 0.0], [-3.0, -1.0]),
    (["2 + sign(t)"], [0.0], [3.0]),
]


@pytest.mark.parametrize("rules, start, end", ON_THE_SURFACE)
def test_start_exactly_on_a_surface(rules, start, end):
    traj = run(field_of(*rules), start, (0.0, 1.0))
    assert traj.status is Status.REACHED_END and len(traj.events) == 0
    assert traj.y[-1] == pytest.approx(end, abs=1e-10)


# ----------------------------------------------------------------- sliding


@every
def test_slide_and_leave_in_time(method):
    """x' = -sign x + 2 sin t from 1/4: slides from the root of t = 1/4 + 2 (1 - cos t) to π/6."""
    field = field_of("-sign(x) + 2*sin(t)")
    traj = run(field, [0.25], (0.0, 6.0), method)

    def above(t):  # x after leaving at π/6
        return -(t - np.pi / 6) + 2 * (np.cos(np.pi / 6) - np.cos(t))

    meets = float(mpmath.findroot(lambda t: 0.25 - t + 2 * (1 - mpmath.cos(t)), 0.44))
    back = float(mpmath.findroot(lambda t: -(t - mpmath.pi / 6) + 2 * (mpmath.cos(mpmath.pi / 6)
                                                                       - mpmath.cos(t)), 3.8))
    assert seen(traj) == [("slide", 0), ("leave", 0), ("cross", 0)]
    # leaving is where 2 sin t = 1 on the dense output
    assert traj.events.t == pytest.approx([meets, np.pi / 6, back], abs=1e-10)
    end = (6.0 - back) + 2 * (np.cos(back) - np.cos(6.0))
    assert traj.status is Status.REACHED_END and traj.y[-1, 0] == pytest.approx(end, abs=1e-10)
    t = np.linspace(meets, np.pi / 6, 20)
    assert abs(traj(t)).max() < 1e-12  # the first of these times is good to 1e-12
    t = np.linspace(np.pi / 6, back, 200)
    assert abs(traj(t)[:, 0] - above(t)).max() < 1e-9
    check_shape(traj)


def test_the_same_backwards():
    """With s = -t the mirrored field slides where it attracts a run that goes backwards."""
    forth = run(field_of("-sign(x) + 2*sin(t)"), [0.25], (0.0, 6.0))
    back = run(field_of("sign(x) + 2*sin(t)"), [0.25], (0.0, -6.0))
    assert seen(back) == seen(forth)
    assert back.events.t == pytest.approx(-forth.events.t, abs=1e-12)
    assert back.y[-1] == pytest.approx(forth.y[-1], abs=1e-12)
    check_shape(back)
    # a surface that attracts forwards repels backwards, and the other way round
    assert run(field_of("-sign(x)"), [1.0], (0.0, -3.0)).y[-1, 0] == pytest.approx(4.0)
    rests = run(field_of("sign(x)"), [1.0], (0.0, -3.0))
    assert rests.status is Status.STUCK and rests.t[-1] == pytest.approx(-1.0)


@every
@pytest.mark.parametrize("start, starts_on", [([0.25, 0.0], False), ([0.0, 0.0], True)])
def test_leaving_in_space(start, starts_on, method):
    """x' = -sign x + y, y' = 1: slides on x = 0 until y = 1, then x = (t - 1)²/2."""
    traj = run(field_of("-sign(x) + y", "1"), start, (0.0, 2.0), method)
    meets = 0.0 if starts_on else 1 - np.sqrt(0.5)
    assert seen(traj) == [("slide", 0), ("leave", 0)]
    assert traj.events.t == pytest.approx([meets, 1.0], abs=1e-10)
    assert traj.y[-1] == pytest.approx([0.5, 2.0], abs=1e-10)
    check_shape(traj)


def test_sliding_is_filippovs_combination():
    """F+ = (-3/2, 4), F- = (1/2, 2): F_s = 1/4 F+ + 3/4 F- = (0, 5/2), not the mean, nor F(0)."""
    traj = run(field_of("-sign(x) - 1/2", "3 + sign(x)"), [1.5, 0.0], (0.0, 3.0))
    assert seen(traj) == [("slide", 0)] and traj.events.t[0] == pytest.approx(1.0, abs=1e-12)
    assert traj.y[-1] == pytest.approx([0.0, 4.0 + 2.5 * 2.0], abs=1e-11)


@pytest.mark.parametrize("speed", [1e-3, -1e-7, 1e-11])
def test_a_slow_slide_is_no_rest(speed):
    traj = run(field_of("-sign(x)", "c", c=speed), [0.5, 0.0], (0.0, 1.5))
    assert traj.status is Status.REACHED_END and seen(traj) == [("slide", 0)]
    assert traj.y[-1, 1] == pytest.approx(1.5 * speed, rel=1e-9)
    assert run(field_of("-sign(x)", "c", c=0.0), [0.5, 0.0], (0.0, 1.5)).status is Status.STUCK


def test_a_rest_in_a_field_that_depends_on_time_may_end():
    """x' = -sign x + t/2 rests on x = 0 from t = 2 (1 - sqrt(1/2)), and leaves at t = 2."""
    field = field_of("-sign(x) + t/2")
    assert run(field, [0.5], (0.0, 1.9)).status is Status.REACHED_END
    traj = run(field, [0.5], (0.0, 3.0))
    assert seen(traj) == [("slide", 0), ("leave", 0)]
    assert traj.events.t == pytest.approx([2 - np.sqrt(2), 2.0], abs=1e-10)
    assert traj.y[-1, 0] == pytest.approx(0.25, abs=1e-10)


@pytest.mark.parametrize("method", [m for m in ADAPTIVE if not isinstance(m, fo.Taylor)],
                         ids=lambda m: m.name)
def test_a_root_of_a_distance_comes_to_rest(method):
    """x' = −sign(x) √|x| from ±1: |x| = (1 − t/2)², at rest from t = 2 on.

    The field is not Lipschitz there: an error e in x is one of 2 √e in the time.
    """
    for start in (1.0, -1.0):
        traj = run(field_of("-sqrt(Abs(x))*sign(x)"), [start], (0.0, 5.0), method)
        assert traj.status is Status.STUCK and abs(traj.y[-1, 0]) < 1e-14
        assert traj.t[-1] == pytest.approx(2.0, abs=1e-4)
        t = np.linspace(0.0, 1.9, 30)
        assert abs(traj(t)[:, 0] - start * (1 - t / 2)**2).max() < 1e-10


def test_a_series_ends_where_a_root_has_none():
    field = field_of("-sqrt(Abs(x))*sign(x)")
    traj = run(field, [1.0], (0.0, 5.0), fo.Taylor(rtol=1e-12, atol=1e-13))
    assert traj.status in (Status.STUCK, Status.DIVERGED, Status.STEP_TOO_SMALL)
    assert traj.t[-1] == pytest.approx(2.0, abs=1e-3)
    t = np.linspace(0.0, 1.9, 30)
    assert abs(traj(t)[:, 0] - (1 - t / 2)**2).max() < 1e-10


def test_sliding_on_a_curve():
    """A field that turns and is drawn to the unit circle: along it, by the arc of its time."""
    field = field_of("-x*sign(x**2 + y**2 - 1) - y", "-y*sign(x**2 + y**2 - 1) + x")
    traj = run(field, [2.0, 0.0], (0.0, 20.0))
    assert seen(traj) == [("slide", 0)]
    assert traj.events.t[0] == pytest.approx(np.log(2), abs=1e-10)
    t = np.linspace(np.log(2) + 1e-9, 20.0, 200)
    assert abs(traj(t) - np.stack([np.cos(t), np.sin(t)], axis=1)).max() < 1e-9


def test_crossing_another_surface_while_sliding():
    traj = run(field_of("-sign(x)", "1 + Heaviside(y - 1)"), [0.5, 0.0], (0.0, 2.0))
    assert seen(traj) == [("slide", 0), ("cross", 1)]
    assert traj.events.t == pytest.approx([0.5, 1.0], abs=1e-10)
    assert traj.y[-1] == pytest.approx([0.0, 3.0], abs=1e-10)
    check_shape(traj)


@every
def test_sliding_in_the_plane(method):
    """Sign flow on ½ xᵀAx, A = [[2, 1], [1, 2]], from (1, 0): x = 1 - t, y = -t until
    x + 2y = 0 at t = 1/3, then along that line, x' = -1 and y' = 1/2, to rest at the origin at
    t = 1, where the two surfaces meet; L = 0.75 (1 - t)² on the way.
    """
    field = fo.flows.SignFlow().on(fo.losses.quadratic([[2.0, 1.0], [1.0, 2.0]]))
    times = np.array([0.2, 1 / 3 + 1e-9, 0.5, 0.75, 0.99])
    traj = run(field, [1.0, 0.0], (0.0, 5.0), method)
    assert seen(traj) == [("slide", 1), ("slide", 0)]
    assert traj.events.t == pytest.approx([1 / 3, 1.0], abs=1e-12)
    assert traj.events.y[0] == pytest.approx([2 / 3, -1 / 3], abs=1e-12)
    exact = np.where(times[:, None] < 1 / 3, np.stack([1 - times, -times], 1),
                     np.stack([1 - times, -(1 - times) / 2], 1))
    assert abs(traj(times) - exact).max() < 1e-10
    later = times[1:]
    assert field.loss.value(traj(later)) == pytest.approx(0.75 * (1 - later)**2, rel=1e-9)
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(1.0, abs=1e-12)
    assert abs(traj.y[-1]).max() < 1e-15
    check_shape(traj)


# ----------------------------------------------------------------- friction

FRICTION = field_of("v", "-x - 0.4*sign(v)", names="x v")


def coulomb(t):
    """x of x'' = -x - 0.4 sign(x') from (3, 0): half turns about ±0.4, rest at -0.2 after 4π."""
    k = np.minimum(np.floor(t / np.pi), 4).astype(int)
    amplitude, centre = np.array([2.6, 1.8, 1.0, 0.2, 0.0]), np.array([0.4, -0.4, 0.4, -0.4, -0.2])
    return centre[k] + (-1.0) ** k * amplitude[k] * np.cos(t - k * np.pi)


@every
def test_coulomb_friction(method):
    traj = run(FRICTION, [3.0, 0.0], (0.0, 20.0), method)
    assert seen(traj) == [("cross", 0)] * 3 + [("slide", 0)]
    assert traj.events.y[:, 0] == pytest.approx([-2.2, 1.4, -0.6, -0.2], abs=1e-10)
    assert (abs(traj.events.y[:, 1]) < 1e-14).all()
    # v crosses 0 with slope 0.2 at the last turn: an error of 1e-11 in v moves the time by five
    assert traj.events.t == pytest.approx(np.pi * np.arange(1, 5), abs=1e-9)
    assert traj.status is Status.STUCK and "x=-0.2, v=" in traj.message
    t = np.linspace(0, 20, 400)
    assert abs(traj(t)[:, 0] - coulomb(t)).max() < 1e-9
    check_shape(traj)


@pytest.mark.parametrize("name", ["RK45", "DOP853", "LSODA", "Radau"])
def test_scipy_is_wrong_where_this_is_right(name):
    """At default tolerances, before the rest: scipy reports success with an error above 1e-4."""
    ours = fo.integrate(FRICTION, [3.0, 0.0], t=(0.0, 12.0))
    theirs = scipy.integrate.solve_ivp(FRICTION.rhs, (0.0, 12.0), [3.0, 0.0], method=name)
    assert theirs.success and abs(theirs.y[0, -1] - coulomb(12.0)) > 1e-4
    assert abs(ours.y[-1, 0] - coulomb(12.0)) < 1e-8


# ----------------------------------------------------------------- where it ends


def zeno(height, push, friction):
    """When x'' = −push sign(x) − friction sign(x'), from rest at x = height, comes to rest.

    It falls with push − friction and is braked with push + friction: each swing takes q = √(a/b)
    of the time of the one before.
    """
    a, b = push - friction, push + friction
    fall = np.sqrt(2 * height / a)
    return (fall + a * fall / b) / (1 - np.sqrt(a / b))


def test_switches_that_accumulate_end_at_their_limit():
    """Switches at times that sum to a finite one (2 + 2/3 + … = 6.3094…): there it rests."""
    field = field_of("v", "-sign(x) - 0.5*sign(v)", names="x v")
    traj = run(field, [1.0, 0.0], (0.0, 30.0))
    assert traj.status is Status.STUCK and len(traj.events) < 300
    assert traj.t[-1] == pytest.approx(zeno(1.0, 1.0, 0.5), abs=1e-10)
    assert (traj.y[-1] == 0.0).all() and "Switches without end led there" in traj.message


def test_what_else_moves_goes_on_after_switches_that_accumulate():
    field = field_of("v", "-sign(x) - 0.5*sign(v)", "w", "-2*sign(z) - 0.5*sign(w)",
                     names="x v z w")
    traj = run(field, [1.0, 0.0, 3.0, 0.0], (0.0, 40.0))
    assert traj.status is Status.STUCK
    assert traj.t[-1] == pytest.approx(zeno(3.0, 2.0, 0.5), abs=1e-9)
    assert np.abs(traj.y[-1]).max() < 1e-13
    moving = field_of("v", "-sign(x) - 0.5*sign(v)", "1 - z", names="x v z")
    traj = run(moving, [1.0, 0.0, 0.0], (0.0, 30.0))
    assert traj.status is Status.REACHED_END
    assert traj.y[-1] == pytest.approx([0.0, 0.0, 1.0 - np.exp(-30.0)], abs=1e-9)


def test_too_many_switches_are_chattering(monkeypatch):
    monkeypatch.setattr(adaptive_run, "MOST_SWITCHES", 20)
    traj = run(field_of("v", "-sign(x) - 0.5*sign(v)", names="x v"), [1.0, 0.0], (0.0, 30.0))
    assert traj.status is Status.CHATTERING and "met 20 times by t=" in traj.message


@pytest.mark.parametrize("method", [fo.Euler(h=0.3), fo.RK4(h=0.3)], ids=lambda m: m.name)
def test_fixed_steps_step_over_surfaces(method):
    """They are the discrete map: sign flow under Euler ends in a cycle of period two."""
    field = fo.flows.SignFlow().on(fo.Loss("x**2/2"))
    traj = run(field, [1.0], (0.0, 6.0), method)
    assert traj.status is Status.REACHED_END and len(traj.events) == 0
    if isinstance(method, fo.Euler):
        assert traj.x[:6, 0] == pytest.approx([1.0, 0.7, 0.4, 0.1, -0.2, 0.1])


@every
def test_saving_across_switches(method):
    times = np.linspace(0, 20, 41)
    saved = run(FRICTION, [3.0, 0.0], (0.0, 20.0), method, save_at=times)
    assert saved.status is Status.STUCK and (saved.t == times).all()
    assert abs(saved.y[:, 0] - coulomb(times)).max() < 1e-9


def test_events_of_a_run_without_surfaces_are_empty():
    traj = run(field_of("-x"), [1.0], (0.0, 1.0))
    assert len(traj.events) == 0 and traj.events.kind == ()
    assert traj.events.t.shape == (0,) and traj.events.y.shape == (0, 1)
    assert traj.events.which.shape == (0,)
