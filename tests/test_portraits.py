"""Phase portraits: what is drawn is what the field is."""

from types import SimpleNamespace

import numpy as np
import pytest

import flowopt as fo
from flowopt.portraits import checked_box, kind_of

HEAVY = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.double_well())
VAN_DER_POL = fo.VectorField(["-y", "x - (1 - x**2)*y"], ["x", "y"])


def labels(figure):
    return [t.get_text() for t in figure.legends[0].get_texts()]


def test_the_legend_names_what_is_drawn():
    figure = fo.phase_portrait(HEAVY, [(-2, 2), (-2, 2)], V="v_x**2/2 + (x**2 - 1)**2/4",
                               level=0.25, starts=[[1.5, 0.0]],
                               equilibria=[((-1, 0), "stable"), ((0, 0), "saddle"),
                                           ((9, 9), "singular")])  # outside the box
    assert labels(figure) == ["dV/dt $\\leq$ 0", "dV/dt > 0", "V constant", "V = 0.25", "x' = 0",
                              "v_x' = 0", "motion", "stable", "saddle"]
    (axes,) = figure.axes
    assert axes.get_xlabel() == "x" and axes.get_ylabel() == "v_x"


def test_the_ground_shows_the_sign_of_the_derivative():
    """V = 3/2 x² − xy + y² rises somewhere along the reversed van der Pol field, not at 0."""
    figure = fo.phase_portrait(VAN_DER_POL, [(-3, 3), (-3, 3)], V="1.5*x**2 - x*y + y**2")
    ground = figure.axes[0].collections[0]
    falling, rising = ground.get_paths()

    def inside(path, x, y):  # even–odd rule over the polygons of the path
        return sum(p.shape[0] > 2 and _winds(p, x, y) for p in path.to_polygons()) % 2 == 1

    for x, y in ((0.1, 0.2), (2.5, 2.0), (-1.5, 2.0), (0.5, -2.0), (2.0, -2.0), (2.8, 0.1)):
        slope = (3 * x - y) * -y + (2 * y - x) * (x - (1 - x**2) * y)
        assert inside(rising, x, y) == (slope > 0), (x, y)
        assert inside(falling, x, y) == (slope < 0), (x, y)


def _winds(polygon, x, y):
    inside = False
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


def test_a_field_on_the_line():
    field = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    figure = fo.phase_portrait(field, (-0.3, 4.1), equilibria=[(3.0, "sliding rest")])
    top, bottom = figure.axes
    assert top.get_ylabel() == "loss L" and bottom.get_ylabel() == "x'"
    curve = bottom.lines[1].get_xydata()
    near = curve[np.abs(curve[:, 0] - 4.0).argmin()]
    assert near[1] == pytest.approx(field(0.0, near[:1])[0], rel=1e-12)
    assert np.isnan(curve[:, 1]).any()  # the jump at 3 is left open


@pytest.mark.parametrize("box, message", [
    ([(0, 1)], "a pair .* each of the 2"), ([(1, 0), (0, 1)], "box\\[0\\] must have its lower end"),
    ([(0, 1), 3], "box\\[1\\] must be a pair"),
    ([(0, np.nan), (0, 1)], "box\\[0\\] must be a finite")])
def test_bad_boxes(box, message):
    with pytest.raises(ValueError, match=message):
        checked_box(box, 2)


@pytest.mark.parametrize("change, error, message", [
    (dict(field=3), TypeError, "field must be a VectorField"),
    (dict(field=fo.VectorField(["x", "y", "z"], ["x", "y", "z"])), ValueError, "one or two"),
    (dict(equilibria=[((0, 0), "nice")]), ValueError, "kind of an equilibrium must be one of"),
    (dict(V="q**2"), ValueError, "q"),
    (dict(starts=[[1.0, 2.0]], t=0), ValueError, "t must be a finite number > 0")])
def test_bad_input(change, error, message):
    given = {"field": HEAVY, "box": [(-1, 1), (-1, 1)], **change}
    with pytest.raises(error, match=message):
        fo.phase_portrait(**given)


def found(kind, claim=None, status="proved"):
    verdict = claim and SimpleNamespace(proved=status == "proved", statement={"claim": claim})
    return SimpleNamespace(kind=kind, verdict=verdict or None)


@pytest.mark.parametrize("given, kind", [
    (found("minimum, node", "asymptotically_stable"), "stable"),
    (found("maximum, node", "unstable"), "unstable"), (found("saddle", "unstable"), "saddle"),
    (found("centre", "stable"), "centre"), (found("non-hyperbolic"), "undecided"),
    (found("node", "asymptotically_stable", "unknown"), "undecided"),
    (found("sliding rest", "finite_time_stable"), "sliding rest"), (found("singular"), "singular")])
def test_kinds(given, kind):
    assert kind_of(given) == kind


def test_figures_of_stability_are_drawn_in_the_style():
    from flowopt.plotting.stability_regions import growth_of_powers, stability_region

    for figure in (stability_region([1, 1], [1], eigenvalues=[-0.5]),
                   growth_of_powers([("a", [1.0, 2.0, 1.0], 0.8)])):
        (axes,) = figure.axes
        assert not axes.spines["top"].get_visible() and axes.title.get_fontsize() == 10
        assert not axes.get_legend().get_frame_on()
