"""The largest stable step at an equilibrium of a given loss."""

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability.steps.limits import step_limit

o = fo.optimizers


def test_two_minima():
    loss = fo.losses.two_minima()
    worse = step_limit(o.gradient_descent(), loss=loss, at=[3.0])
    assert worse.value == pytest.approx(2 / 12, rel=1e-15) and worse.verdict.check()
    better = step_limit(o.gradient_descent(), loss=loss, at=[0.4069296692])
    assert better.value == pytest.approx(2 / 14.896055, rel=1e-6) and better.verdict.check()
    top = step_limit(o.gradient_descent(), loss=loss, at=[1.8430703308])
    assert top.limit == 0 and top.intervals == () and "no minimum" in top.notes[-1]


def test_two_variables_take_the_largest_eigenvalue():
    found = step_limit(o.sgd(momentum=0.5), loss="x**2 + x*y + 2*y**2", at=[0.0, 0.0])
    largest = np.linalg.eigvalsh([[2, 1], [1, 4]])[-1]
    assert found.value == pytest.approx(3 / largest, rel=1e-14)
    run = fo.optimizers.sgd(lr=found.value * 0.99, momentum=0.5).run(
        "x**2 + x*y + 2*y**2", [1.0, 0.7], steps=4000)
    assert np.abs(run.x[-1]).max() < 1e-3
    run = fo.optimizers.sgd(lr=found.value * 1.01, momentum=0.5).run(
        "x**2 + x*y + 2*y**2", [1.0, 0.7], steps=4000)
    assert not np.abs(run.x[-1]).max() < 1e3


def test_a_flat_direction_says_nothing():
    found = step_limit(o.gradient_descent(), loss="x**4", at=[0.0])
    assert found.verdict.unknown and "is 0" in found.verdict.reason


@pytest.mark.parametrize(("options", "words"), [
    ({"loss": "x**2"}, "loss and at must be given together"),
    ({"loss": "x**2", "at": [1.0]}, "at must be an equilibrium"),
    ({"loss": "x**2 + y**2", "at": [0.5, 0.0]}, "at must be an equilibrium"),
    ({"loss": "x**2 + y**2", "at": [0.0]}, "at must have shape"),
    ({"loss": "x**2", "at": [0.0], "curvature": 1.0}, "curvature has no effect"),
    ({"loss": 3, "at": [0.0]}, "loss must be a flowopt.Loss"),
])
def test_the_door(options, words):
    with pytest.raises((TypeError, ValueError), match=words):
        step_limit(o.gradient_descent(), **options)


def test_an_irrational_point_in_the_plane_is_named_so():
    loss = fo.Loss("(x**2 - 2)**2 + y**2")
    with pytest.raises(NotImplementedError, match="the point is irrational"):
        fo.step_limit(fo.flows.GradientFlow(), fo.Euler(h=0.1), loss=loss, at=[2**0.5, 0.0])
    with pytest.raises(ValueError, match="at must be an equilibrium"):
        fo.step_limit(fo.flows.GradientFlow(), fo.Euler(h=0.1), loss=loss, at=[1.4, 0.0])
