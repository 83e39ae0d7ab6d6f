"""Events of the user: found on the path, once each, in their direction, terminal or not."""

import math

import numpy as np
import pytest

import flowopt as fo

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
