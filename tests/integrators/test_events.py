"""Events of the user: found on the path, once each, in their direction, terminal or not."""

import math

import numpy as np
import pytest
import scipy.integrate

import flowopt as fo
from flowopt.integrators.isolation import halved, isolated, nodes, to_bernstein

CIRCLE = fo.VectorField(["v", "-y"], ["y", "v"])
METHOD = fo.DOP853(rtol=1e-12, atol=1e-13)


def test_zeros_of_a_cosine():
    run = fo.integrate(CIRCLE, [1.0, 0.0], (0.0, 20.0), METHOD, events=["y"])
    expected = math.pi * (np.arange(6) + 0.5)
    assert run.events.kind == ("event",) * 6 and run.status is fo.Status.REACHED_END
    assert np.allclose(run.events.t, expected, rtol=0, atol=1e-10)
    assert np.abs(run.events.y[:, 0]).max() < 1e-12  # on the surface


@pytest.mark.parametrize(("direction", "expected"), [(1, [1.5, 3.5, 5.5]), (-1, [0.5, 2.5, 4.5])])
def test_direction(direction, expected):
    run = fo.integrate(CIRCLE, [1.0, 0.0], (0.0, 20.0), METHOD,
                       events=[fo.Event("y", direction=direction)])
    assert np.allclose(run.events.t, math.pi * np.array(expected), rtol=0, atol=1e-10)


def test_terminal_among_others():
    run = fo.integrate(CIRCLE, [1.0, 0.0], (0.0, 20.0), METHOD, events=[
        "v + 1/2", fo.Event("y", terminal=True, direction=1)])
    assert run.status is fo.Status.EVENT
    assert list(run.events.which) == [0, 0, 1]
    assert np.allclose(run.events.t, [math.pi / 6, 5 * math.pi / 6, 1.5 * math.pi], atol=1e-10)
    assert run.t[-1] == run.events.t[-1] and (np.diff(run.t) > 0).all()


def test_a_start_on_the_event_is_no_event():
    run = fo.integrate(CIRCLE, [0.0, 1.0], (0.0, 4.0), METHOD, events=["y"])
    assert np.allclose(run.events.t, [math.pi], atol=1e-10)


def test_event_in_time_with_loss_and_parameters():
    loss = fo.Loss("a*x**2/2", parameters={"a": 2.0})
    field = fo.flows.GradientFlow().on(loss)  # L = e^{-4t}
    run = fo.integrate(field, [1.0], (0.0, 3.0), METHOD, events=["L - 1/10", "t - a"])
    assert np.allclose(run.events.t, [math.log(10) / 4, 2.0], atol=1e-10)


def test_event_while_sliding():
    field = fo.flows.SignFlow().on(fo.losses.quadratic([[2.0, 1.0], [1.0, 2.0]]))
    run = fo.integrate(field, [1.0, 0.0], (0.0, 0.9), METHOD, events=["x1 - 1/2"])
    assert run.events.kind == ("slide", "event")
    assert np.allclose(run.events.t, [1 / 3, 0.5], atol=1e-10)


def test_rest_is_converged():
    field = fo.flows.GradientFlow().on(fo.Loss("x**2/2"))
    run = fo.integrate(field, [1.0], (0.0, 100.0), METHOD, rest=1e-6)
    assert run.status is fo.Status.CONVERGED and abs(run.t[-1] - 6 * math.log(10)) < 1e-5
    still = fo.integrate(field, [0.0], (0.0, 1.0), METHOD, rest=1e-6)
    assert still.status is fo.Status.CONVERGED and still.t[-1] == 0.0


def test_events_of_a_kernel_field():
    def rhs(t, y, p, dy):
        dy[0], dy[1] = y[1], -y[0]

    field = fo.VectorField.from_kernel(rhs, 2)
    run = fo.integrate(field, [1.0, 0.0], (0.0, 2.0), METHOD, events=["y1"])
    assert np.allclose(run.events.t, [math.pi / 2], atol=1e-10)


@pytest.mark.parametrize(("change", "words"), [
    ({"events": "y"}, "list"), ({"events": ["q"]}, "q"), ({"events": [1.0]}, "event"),
    ({"events": ["y"], "method": fo.Euler(h=0.1)}, "adaptive"),
    ({"rest": -1.0}, "rest"), ({"rest": 0.1, "method": fo.RK4(h=0.1)}, "adaptive"),
])
def test_refusals(change, words):
    with pytest.raises((ValueError, TypeError), match=words):
        fo.integrate(CIRCLE, [1.0, 0.0], (0.0, 1.0), **({"method": METHOD} | change))
    with pytest.raises(ValueError, match="direction"):
        fo.Event("y", direction=2)


# ----------------------------------------------------- where scipy's solve_ivp goes wrong

OSCILLATOR = fo.VectorField(["v", "-y"], ["y", "v"])


def test_a_double_crossing_inside_one_step():
    """y = sin t passes 0.9999 twice around each maximum, far inside a step; scipy sees none."""
    def g(t, y):
        return y[0] - 0.9999

    theirs = scipy.integrate.solve_ivp(OSCILLATOR.rhs, (0.0, 20.0), [0.0, 1.0], events=g)
    assert theirs.success and len(theirs.t_events[0]) == 0
    loose = fo.Dopri5(rtol=1e-3, atol=1e-6)
    ours = fo.integrate(OSCILLATOR, [0.0, 1.0], (0.0, 20.0), loose, events=["y - 0.9999"])
    assert len(ours.events) == 6 and len(ours.t) < 40
    assert abs(ours.events.y[:, 0] - 0.9999).max() < 1e-12
    sharp = fo.integrate(OSCILLATOR, [0.0, 1.0], (0.0, 20.0), fo.DOP853(1e-12, 1e-13),
                         events=["y - 0.9999", g])
    first = np.arcsin(0.9999)
    exact = np.sort(np.concatenate([[first + k * 2 * np.pi, np.pi - first + k * 2 * np.pi]
                                    for k in range(3)]))
    for which in (0, 1):
        times = sharp.events.t[sharp.events.which == which]
        assert times == pytest.approx(exact, abs=1e-9)


def test_a_terminal_event_at_the_start_repeats_no_time():
    """scipy ends there, with the time 0 twice; here a start on the event is none."""
    def g(t, y):
        return y[0]

    g.terminal = True
    theirs = scipy.integrate.solve_ivp(lambda t, y: [np.cos(t)], (0.0, 5.0), [0.0], events=g)
    assert theirs.t.tolist() == [0.0, 0.0]
    field = fo.VectorField(["cos(t)"], ["y"])
    ours = fo.integrate(field, [0.0], (0.0, 5.0), events=[fo.Event("y", terminal=True)])
    assert ours.status is fo.Status.EVENT and (np.diff(ours.t) > 0).all()
    assert ours.t[-1] == pytest.approx(np.pi, abs=1e-8) and abs(ours.y[-1, 0]) < 1e-12


@pytest.mark.parametrize("method, wrong_by", [("RK45", 1.0), ("DOP853", 0.6), ("LSODA", 0.1),
                                              ("BDF", 1.0)])
def test_a_piecewise_smooth_oscillator(method, wrong_by):
    """y'' = −sign y from (1, 0): parabolas of a quarter period √2. scipy reports success."""
    field = fo.VectorField(["v", "-sign(y)"], ["y", "v"])
    quarter, rest = divmod(50.0, np.sqrt(2.0))
    fall = rest**2 / 2
    exact = [1 - fall, fall - np.sqrt(2) * rest, fall - 1, np.sqrt(2) * rest - fall][
        int(quarter) % 4]
    theirs = scipy.integrate.solve_ivp(field.rhs, (0.0, 50.0), [1.0, 0.0], method=method)
    assert theirs.success and abs(theirs.y[0, -1] - exact) > 0.9 * wrong_by
    ours = fo.integrate(field, [1.0, 0.0], (0.0, 50.0))
    assert ours.y[-1, 0] == pytest.approx(exact, abs=1e-11)


# --------------------------------------------------------------- watching, and functions


def test_to_watch_changes_nothing():
    free = fo.integrate(OSCILLATOR, [0.0, 1.0], (0.0, 20.0))
    seen = fo.integrate(OSCILLATOR, [0.0, 1.0], (0.0, 20.0), events=["y - 0.3", "v + y"])
    assert np.array_equal(free.t, seen.t) and np.array_equal(free.y, seen.y)
    assert len(seen.events) == 13


def test_a_terminal_event_cuts_the_path_and_the_saves():
    times = np.linspace(0.0, 20.0, 81)
    end = fo.Event(lambda t, y: y[1] - 0.25 * t, terminal=True)
    for options in ({}, {"save_at": times}, {"save_at": times, "dense": True}):
        run = fo.integrate(OSCILLATOR, [0.0, 1.0], (0.0, 20.0), fo.DOP853(1e-12, 1e-13),
                           events=[end], **options)
        assert run.status is fo.Status.EVENT
        stop = run.events.t[-1]
        assert np.cos(stop) == pytest.approx(0.25 * stop, abs=1e-12)
        assert run.t[-1] <= stop and (np.diff(run.t) > 0).all()
        if options:
            assert (run.t == times[times <= stop]).all()
        else:
            assert run.t[-1] == stop and np.array_equal(run.y[-1], run.events.y[-1])


def test_events_of_a_stiff_run_and_of_a_backward_one():
    stiff = fo.VectorField(["-1000*(y - cos(t))"], ["y"])
    run = fo.integrate(stiff, [1.0], (0.0, 6.0), fo.Rodas5P(1e-9, 1e-11), events=["y"])
    # y = (cos t + ε sin t)/(1 + ε²), ε = 1e-3
    assert run.events.t == pytest.approx(np.array([0.5, 1.5]) * np.pi + np.arctan(1e-3), abs=1e-7)
    back = fo.integrate(OSCILLATOR, [0.0, 1.0], (0.0, -7.0), fo.DOP853(1e-12, 1e-13),
                        events=[fo.Event("y - 1/2", direction=1)])
    # in the run's own time y = −sin rises through 1/2 once
    assert back.events.t == pytest.approx([-7 * np.pi / 6], abs=1e-10)


def test_an_event_that_is_not_a_number_is_told():
    with pytest.raises(ValueError, match="event 1 is nan at t="):
        fo.integrate(OSCILLATOR, [0.5, 1.0], (0.0, 5.0), events=["v", "log(y)"])
    with pytest.raises(TypeError, match="must return a number, got"):
        fo.integrate(OSCILLATOR, [0.5, 1.0], (0.0, 5.0), events=[fo.Event(lambda t, y: "a")])
    with pytest.raises(TypeError, match="terminal must be True or False, got 'yes'"):
        fo.Event("y", terminal="yes")


def test_the_end_may_lie_where_the_field_has_no_value():
    """The run would meet log(0) right behind its terminal event."""
    field = fo.VectorField(["-1 + c*log(y)"], ["y"], parameters={"c": 0.0})
    run = fo.integrate(field, [1.0], (0.0, 3.0), events=[fo.Event("y - 1e-9", terminal=True)])
    assert run.status is fo.Status.EVENT and run.t[-1] == pytest.approx(1 - 1e-9, abs=1e-12)


@pytest.mark.parametrize("span", [5.0, 10.0, 20.0, 100.0])
def test_a_long_step_loses_no_event(span):
    line = fo.VectorField(["1"], ["y"])
    run = fo.integrate(line, [0.0], (0.0, span),
                       events=["sin(3*y)", lambda t, y: np.cos(30 * y[0])])
    for which, first, gap in ((0, np.pi / 3, np.pi / 3), (1, np.pi / 60, np.pi / 30)):
        exact = np.arange(first, span, gap)
        assert run.events.t[run.events.which == which] == pytest.approx(exact, abs=1e-10)


def test_an_event_exactly_at_the_end():
    line = fo.VectorField(["1"], ["y"])
    assert fo.integrate(line, [0.0], (0.0, 1.0), events=["t - 1"]).events.t.tolist() == [1.0]
    run = fo.integrate(line, [0.0], (0.0, 1.0), events=[fo.Event("t - 1", terminal=True)])
    assert run.status is fo.Status.EVENT and run.t[-1] == 1.0


def test_a_function_that_raises_is_named():
    with pytest.raises(RuntimeError, match="function of an event raised ZeroDivisionError at t=0"):
        fo.integrate(OSCILLATOR, [0.5, 1.0], (0.0, 5.0), events=[lambda t, y: 1 / 0])


# -------------------------------------------------------------------- isolation of roots


@pytest.mark.parametrize("roots", [[0.3], [0.5, 0.50001], [0.1, 0.2, 0.9], [0.25, 0.25], [],
                                   [0.0, 0.4], [1e-5, 0.7, 0.70002, 0.99]])
def test_polynomial_roots_are_isolated(roots):
    def p(x):
        return np.prod([x - r for r in roots], axis=0) * np.ones_like(x) if roots else 1 + x * x

    b = to_bernstein() @ p(nodes())
    points = np.array(isolated(b))
    between = [((points[:-1] <= r) & (r <= points[1:])).nonzero()[0][0] for r in set(roots)
               if roots.count(r) == 1 and r > 0]
    assert len(set(between)) == len(between)
    x = np.linspace(0.0, 1.0, 7)
    n = len(b) - 1
    value = sum(math.comb(n, j) * b[j] * x**j * (1 - x)**(n - j) for j in range(n + 1))
    assert np.allclose(value, p(x), rtol=0, atol=1e-13)
    left, right = halved(b)
    half = [sum(math.comb(n, j) * part[j] * x**j * (1 - x)**(n - j) for j in range(n + 1))
            for part in (left, right)]
    assert np.allclose(half[0], p(x / 2), rtol=0, atol=1e-13)
    assert np.allclose(half[1], p((1 + x) / 2), rtol=0, atol=1e-13)


def test_a_surface_met_twice_inside_a_step_is_not_missed():
    """A pulse in space: F jumps on 0.999 < y < 1.001 only, and sin t lingers there shortly."""
    field = fo.VectorField(["v", "-y", "Piecewise((1, y > 0.99999), (0, True))"], ["y", "v", "c"])
    loose = fo.integrate(field, [0.0, 1.0, 0.0], (0.0, 3.0), fo.Dopri5(rtol=1e-4, atol=1e-6))
    assert loose.events.kind == ("cross", "cross")
    lasts = loose.events.t[1] - loose.events.t[0]
    assert loose.y[-1, 2] == pytest.approx(lasts, abs=1e-9)
    sharp = fo.integrate(field, [0.0, 1.0, 0.0], (0.0, 3.0), fo.DOP853(1e-12, 1e-13))
    assert sharp.y[-1, 2] == pytest.approx(np.pi - 2 * np.arcsin(0.99999), abs=1e-8)
