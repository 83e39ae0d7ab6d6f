"""Basins on a line, exactly, against runs; and the picture in two dimensions."""

import math
import random

import numpy as np
import pytest
import sympy

import flowopt as fo

F = fo.flows
TWO = fo.losses.two_minima()
TOP = (9 + sympy.sqrt(33)) / 8


@pytest.mark.parametrize("flow, fate", [
    (F.GradientFlow(), "tends to {}"), (F.SignFlow(), "reaches {} in finite time"),
    (F.LossNormalizedFlow(M=1000.0), "reaches {} in finite time")])
def test_two_minima_under_the_flows_of_the_essay(flow, fate):
    found = fo.basins(flow.on(TWO))
    assert found.complete and len(found) == 3
    left, top, right = found
    assert left.exact[0] == -sympy.oo and sympy.expand(left.exact[1] - TOP) == 0
    assert sympy.expand(right.exact[0] - TOP) == 0 and right.exact[1] == sympy.oo
    assert left.fate == fate.format("0.4069296692") and right.fate == fate.format("3")
    assert left.to.x[0] == pytest.approx(0.4069296691827464, rel=1e-15) and right.to.x[0] == 3
    assert top.low == top.high and "unstable" in top.fate
    assert found.of(1.8430703) is left and found.of(4.0) is right


def test_without_a_clip_motions_end():
    found = fo.basins(F.LossNormalizedFlow(M=math.inf).on(TWO))
    assert found.complete and "infinite speed" in found.of(4.0).fate
    assert found.of(4.0).low == 3 and found.of(2.5).to is found.of(4.0).to


@pytest.mark.parametrize("equation, fates", [
    ("x**2", ["tends to 0", "rests, unstable", "goes to infinity in finite time"]),
    ("x**2 - 1", ["tends to -1", "rests, unstable", "goes to infinity in finite time"]),
    ("1", ["goes to infinity"]), ("-x**3", ["tends to 0"]),
    ("-sign(x)*sqrt(abs(x))", ["reaches 0 in finite time"]),
    ("1/x", ["goes to -infinity", "singular: the field is infinite there", "goes to infinity"]),
    ("max(x, 0)", ["rests", "rests, unstable", "goes to infinity"]),
    ("x - x**3", ["tends to -1", "rests, unstable", "tends to 1"]),
    ("1 - sign(x)", ["reaches 0 in finite time", "rests"]),
    ("-1 - sign(x)", ["rests", "reaches 0 in finite time"]),
    ("sign(x) - 1", ["goes to -infinity", "rests, unstable", "rests"]),
    ("(1 - sign(x))/2 - x*(1 + sign(x))/2", ["reaches 0 in finite time", "tends to 0"])])
def test_known_lines(equation, fates):
    found = fo.basins(fo.VectorField([equation], ["x"]))
    assert found.complete and [b.fate for b in found] == fates
    boxed = fo.basins(fo.VectorField([equation], ["x"]), (-3, 3))
    for x in np.linspace(-3, 3, 49):  # each start has one fate
        assert sum(x in b for b in found) == sum(x in b for b in boxed) == 1


def test_a_rest_belongs_to_the_basin_that_goes_there():
    found = fo.basins(fo.VectorField(["1 - sign(x)"], ["x"]), (-2, 2))
    assert [(b.low, b.high, b.closed) for b in found] == [
        (-2, 0, (True, True)), (0, 2, (False, True))]
    (rest,) = found.equilibria
    assert rest.kinds == ("sliding rest",) and rest.verdict.proved
    assert rest.verdict.statement["claim"] == "stable"


def test_random_lines_agree_with_runs():
    rng = random.Random(3)
    for _ in range(5):
        roots = sorted(rng.sample(range(-9, 10), 5))
        text = "-" + "*".join(f"(x - ({r}/4))" for r in roots)
        field = fo.VectorField([text], ["x"])
        found = fo.basins(field, (-4, 4))
        starts = np.array([rng.uniform(-4, 4) for _ in range(12)])
        gap = min(b - a for a, b in zip(roots, roots[1:], strict=False)) / 4
        runs = fo.ensemble(field, starts[:, None], t=(0.0, 3000.0 / gap**2))
        for start, end in zip(starts, runs.x[:, 0], strict=True):
            basin = found.of(start)
            if basin.low != basin.high:
                assert end == pytest.approx(basin.to.x[0], abs=1e-5)


def test_transcendental_lines():
    found = fo.basins(fo.VectorField(["sin(x)"], ["x"]), (-4, 4))
    assert found.complete and [b.fate for b in found] == [
        "tends to -3.141592654", "rests, unstable", "tends to 3.141592654"]
    assert not fo.basins(fo.VectorField(["x - sin(x)"], ["x"]), (-4, 4)).complete


def test_the_picture_is_evidence():
    made = fo.basins(fo.Loss("(x**2 - 1)**2 + y**2"), [(-2, 2), (-1, 1)], resolution=6, time=30.0)
    assert not made.complete and "not judged" in made.reason and made.labels.shape == (6, 6)
    right = made.axes[0] > 0
    ends = np.array([e.x[0] for e in made.equilibria])
    assert (ends[made.labels[right]] == 1).all() and (ends[made.labels[~right]] == -1).all()
    assert "evidence" in repr(made)


@pytest.mark.parametrize("field, box, options, error, message", [
    (TWO, None, {"resolution": 5}, ValueError, "resolution has no effect"),
    (TWO, None, {"time": 5.0}, ValueError, "time has no effect"),
    (TWO, (3, 0), {}, ValueError, "lower end first"),
    (fo.losses.himmelblau(), None, {}, ValueError, "box must be given"),
    (fo.losses.himmelblau(), [(-5, 5)] * 2, {"resolution": 1000}, ValueError, "at most 200000"),
    (fo.losses.himmelblau(), [(-5, 5)] * 2, {"time": -1}, ValueError, "time must be"),
    (fo.VectorField(["sin(x)"], ["x"]), None, {}, ValueError, "box must be given"),
    ("x**2", None, {}, TypeError, "field must be a VectorField")])
def test_bad_input(field, box, options, error, message):
    with pytest.raises(error, match=message):
        fo.basins(field, box, **options)
