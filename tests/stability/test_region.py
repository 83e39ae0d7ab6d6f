"""Regions of attraction: proved below the exact level, refuted above it."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from stability.polynomial_cases import judge, survivors

import flowopt as fo
from flowopt.stability.exact import Refused
from flowopt.stability.rational.levels import largest_level

XY = ["x", "y"]
VDP = (["-y", "x - y + x**2*y"], XY)
V = "1.5*x**2 - x*y + y**2"


@pytest.mark.parametrize("level, status", [(1, "proved"), (2.30, "proved"), (2.304, "proved"),
                                           (2.305, "disproved"), (2.31, "disproved"),
                                           (3, "disproved"), (100, "disproved")])
def test_reversed_van_der_pol(level, status):
    """The least V on {dV/dt = 0} is 2.30447756…: no level above it is ever proved."""
    assert judge(*VDP, "region", V, level=level).status == status


def test_reversed_van_der_pol_in_a_box():
    v = judge(*VDP, "region", V, level=2.30, box=[(-2, 2), (-2.5, 2.5)])
    assert v.proved and v.certificate.data["compact"]["by"] == "faces"
    assert judge(*VDP, "region", V, level=2.31, box=[(-2, 2), (-2.5, 2.5)]).disproved
    # the ellipse {V <= 2.3} leaves a box with x in [-1, 1]: nothing is claimed
    assert judge(*VDP, "region", V, level=2.30, box=[(-1, 1), (-2.5, 2.5)]).unknown


def test_every_leaf_counts():
    for options in ({"level": 2.3}, {"level": 2.31},
                    {"level": 2.3, "box": [(-2, 2), (-2.5, 2.5)]}):
        assert survivors(judge(*VDP, "region", V, **options)) == []


def test_the_exact_level():
    field = fo.VectorField(*VDP)
    p, (a, b) = largest_level(field, V)
    assert p.degree() == 5 and 0 < b - a <= Fraction(1, 10**12)
    assert float(a) == pytest.approx(2.304477564989, abs=1e-9)
    assert p.eval(a.numerator / Fraction(a.denominator)) * p.eval(
        b.numerator / Fraction(b.denominator)) <= 0
    # against a scan of the circle of directions: the first zero of dV/dt on each ray
    t = np.linspace(0, 2 * np.pi, 20001)
    c, s = np.cos(t), np.sin(t)
    quadratic = (3 * c - s) * (-s) + (2 * s - c) * (c - s)
    quartic = (2 * s - c) * c**2 * s
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(quartic > 0, -quadratic / quartic, np.inf)
    least = np.min(r2 * (1.5 * c**2 - c * s + s**2))
    assert float(a) == pytest.approx(least, rel=1e-6)


def test_motions_from_the_boundary_converge():
    """Independent evidence: scipy's motions from {V = 2.3} tend to 0."""
    for angle in np.linspace(0, 2 * np.pi, 12):
        d = np.array([np.cos(angle), np.sin(angle)])
        x0 = d * np.sqrt(2.3 / (1.5 * d[0]**2 - d[0] * d[1] + d[1]**2))
        end = solve_ivp(lambda t, x: [-x[1], x[0] - x[1] + x[0]**2 * x[1]], (0, 40), x0,
                        rtol=1e-8, atol=1e-10).y[:, -1]
        assert np.linalg.norm(end) < 1e-3


@pytest.mark.parametrize("level, box, status", [
    (0.99, None, "proved"), (1, None, "disproved"), ("1000001/1000000", None, "disproved"),
    (0.99, (-2, 2), "proved"), (0.5, (-0.8, 0.8), "proved"), (0.99, (-0.5, 0.5), "unknown"),
    (0, None, "unknown"), (-1, None, "unknown")])
def test_one_variable(level, box, status):
    v = judge(["-x + x**3"], ["x"], "region", "x**2", level=level, box=box)
    assert v.status == status


def test_a_spurious_far_component():
    """{V <= 1/10} has a second component far away, where motions do not tend to 0."""
    far = "x**2*(x - 10)**2/100 + y**2"
    field = (["-x*(x - 10)*(x - 5)/50", "-y"], XY)
    v = judge(*field, "region", far, level=0.1)
    assert v.disproved and v.counterexample.data == {"point": ["10", "0"]}
    v = judge(*field, "region", far, level=0.1, box=[(-2, 2), (-2, 2)])
    assert v.proved


def test_unbounded_level_set_is_not_proved():
    """V = x²/(1 + x²) + y² < 1 holds x of any size; V = (xy)² + … is no better."""
    v = judge(["-x", "-y"], XY, "region", "x**2/(1 + x**2) + y**2", level=2)
    assert v.unknown and "compact" in v.reason
    assert judge(["-x", "-y"], XY, "region", "x**2", level=1).unknown


def test_the_level_set_must_hold_the_point():
    assert judge(["-x", "-y"], XY, "region", "x**2 + y**2 + 5", level=4).unknown
    assert judge(["1 - x", "-y"], XY, "region", "x**2 + y**2", level=4).unknown
    assert judge(["1 - x", "-y"], XY, "region", "(x - 1)**2 + y**2", level=4,
                 at=["1", "0"]).proved
    assert judge(["-x", "-y"], XY, "region", None, level=4).unknown


def test_exact_level_refuses():
    with pytest.raises(Refused, match="two variables"):
        largest_level(fo.VectorField(["-x"], ["x"]), "x**2")
    with pytest.raises(Refused, match="critical values|touch"):
        largest_level(fo.VectorField(["y", "-x"], XY), "x**2 + y**2")


@pytest.mark.parametrize("equations, V, level, box", [
    (["3*x**2", "x*y/2 - 2*y**3 - y**2"], "x**4 + x**2 + 3*y**4 + 2*y**2", 0.25,
     [(-1, 1), (-1, 1)]),
    (["x**3 - 3*x/2", "y**2"], "2*x**4 + 2*y**2", 0.25, None),
    (["-x**3 - 3*y**2/2 - 2*y", "-2*x**2 - 2*y**3 + y**2/2 - y"], "-x*y + y**4 + y**2", 0.5, None),
    (["x*y**2 - x/2", "-x**3 - 3*x**2 - 2*y**3 - y"], "x*y + y**4", 0.5, None)])
def test_segments_along_an_axis_and_searches_that_run_away(equations, V, level, box):
    v = judge(equations, XY, "region", V, level=level, box=box, seconds=4.0)
    assert v is not None and not v.proved
