"""The quick run of standard-solvers, and its exact solutions derived in another way."""

import math
import re
import sys

import mpmath
import numpy as np
import pytest
import sympy
from experiment_runs import check_shape, quick

import flowopt as fo

NAME = "standard-solvers"


def problems():
    quick(NAME)
    return sys.modules["standard_solvers_problems"].PROBLEMS


def test_shape_and_claims():
    result, claims = check_shape(NAME)
    assert len(result["rows"]) == 5 * 12
    assert not [claim for claim in claims.values() if claim.holds is False]
    assert sum(claim.holds is None for claim in claims.values()) == 2  # too few evaluations
    for row in result["rows"].values():
        assert row["n_rhs"] <= 1000 or row["method"].startswith("flowopt")
        assert row["path_error"] >= row["error"]
        assert row["verdict"] in ("right", "rough", "wrong", "no end", "gives up")


def test_a_solver_that_deceives_would_be_told():
    module, result = quick(NAME)
    rows = {k: dict(r) for k, r in result["rows"].items()}
    rows["clipped flow: RK45, default"] |= {"verdict": "wrong", "success": True,
                                            "trustworthy": True}
    rows["gradient flow: flowopt DOP853"]["trustworthy"] = False
    claims = {c.text: c for c in module.claims({**result, "rows": rows})}
    passed = claims["wrong paths with success that pass the check"]
    assert passed.holds is False and passed.note == "clipped flow: RK45, default"
    refused = next(c for text, c in claims.items() if text.startswith("right paths"))
    assert refused.holds is False and refused.note == "gradient flow: flowopt DOP853"


# ------------------------------------------------------------------ the exact solutions
def test_sign_flow_from_switch_to_switch():
    """In rationals: free motion to the first switch, Filippov's combination, motion to rest."""
    A, x = sympy.Matrix([[1, "1/2"], ["1/2", 2]]), sympy.Matrix([1, sympy.Rational(2, 5)])
    s = -sympy.Matrix([1, 1])
    times = [-(A * x)[i] / (A * s)[i] for i in range(2)]
    first = min(times)
    assert first == times[1] == sympy.Rational(13, 25)
    x = x + first * s
    u = sympy.Symbol("u")
    slide = sympy.Matrix([-1, u])
    slide = slide.subs(u, sympy.solve((A * slide)[1], u)[0])
    assert abs(slide[1]) < 1  # between the two sides: it slides
    rest = -(A * x)[0] / (A * slide)[0]
    assert first + rest == 1 and x + rest * slide == sympy.zeros(2, 1)
    exact = problems()["sign flow"].exact
    for t in (0.0, 0.3, 0.52):
        assert exact(t) == pytest.approx([1 - t, 0.4 - t], abs=1e-15)
    for t in (0.6, 0.9):
        there = x + (sympy.Float(t, 30) - first) * slide
        assert exact(t) == pytest.approx([float(v) for v in there], abs=1e-15)
    assert exact(1.0).tolist() == exact(3.0).tolist() == [0.0, 0.0]


def sides(name, x):
    """The field by hand."""
    if name == "normalised flow":
        g = np.array([x[0], 2 * x[1]])
        return -g / np.linalg.norm(g)
    if name == "soft threshold":
        return np.array([-d * (v - a) - math.copysign(1.0, v) for v, (d, a, _) in zip(
            x, sys.modules["standard_solvers_problems"].SOFT, strict=True)])
    L = x * (x - 1) * (x - 3) ** 2 + 1.62276
    g = 4 * x**3 - 21 * x**2 + 30 * x - 9
    return -g if name == "gradient flow" else -np.sign(g) * np.minimum(1 / abs(g), 1000.0) * L


@pytest.mark.parametrize("name, times", [
    ("normalised flow", (0.1, 0.5, 1.0, 1.12)), ("gradient flow", (0.01, 0.1, 1.0)),
    ("clipped flow", (0.1, 1.0, 2.0)), ("soft threshold", (0.05, 0.2))])
def test_derivatives_are_the_field(name, times):
    """By central differences of the exact solution."""
    exact, h = problems()[name].exact, 1e-4
    assert exact(0.0) == pytest.approx(problems()[name].start, abs=1e-14)
    for t in times:
        slope = (8 * (exact(t + h) - exact(t - h)) - exact(t + 2 * h) + exact(t - 2 * h)) / 12 / h
        assert slope == pytest.approx(sides(name, exact(t)), rel=1e-7)


def test_arrivals():
    length = float(mpmath.quad(lambda u: mpmath.sqrt(1 + u * u), [0, 1]))
    exact = problems()["normalised flow"].exact
    assert exact(length - 1e-9)[0] == pytest.approx(1e-9, rel=1e-6)
    assert exact(length + 1e-9).tolist() == [0.0, 0.0]
    soft = problems()["soft threshold"].exact
    # x: from -1 towards 2; y: from 1 towards -3/2, through 0, then towards -1/2; z: towards -7/30
    assert soft(math.log(3 / 2) - 1e-9)[0] < 0 == soft(math.log(3 / 2) + 1e-9)[0]
    through = math.log(5 / 3) / 2
    assert soft(through)[1] == pytest.approx(0.0, abs=1e-15)
    assert soft(through + 0.3)[1] == pytest.approx(-0.5 * (1 - math.exp(-0.6)), abs=1e-15)
    assert soft(math.log(37 / 7) / 3 + 1e-9)[2] == 0.0
    # the soft threshold of the centre
    assert soft(40.0) == pytest.approx([0.0, -0.5, 0.0], abs=1e-15)


def test_path_error_is_that_of_the_whole_path():
    """A run that ends well and was off on its way."""
    field = fo.flows.GradientFlow().on("x**2/2")
    row = fo.compare(field, [1.0], (0.0, 30.0), methods=[fo.SciPy("RK45", 1e-2, 1e-2)],
                     truth=lambda t: [math.exp(-t)]).rows[0]
    assert row.path_error > row.error and row.path_error > 1e-3
    fine = fo.compare(field, [1.0], (0.0, 30.0), methods=[fo.DOP853(rtol=1e-10)]).rows[0]
    assert fine.error <= fine.path_error < 1e-8


def test_numbers_are_those_of_the_result():
    module, result = quick(NAME)
    numbers = module.numbers(result)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) for name in numbers)
    for r in result["rows"].values():
        name = re.sub("[^a-z0-9]+", "-", f"{r['problem']} {r['method']}".lower())
        assert numbers[f"{name}-evaluations"].value == r["n_rhs"]
        assert numbers[f"{name}-reports"].value == r["reports"]
        assert numbers[f"{name}-error"].value == r["error"]
        assert (f"{name}-defect" in numbers) == math.isfinite(r["defect"])
    assert numbers["runs-scipy"].value == 50
    assert numbers["sign-flow-flowopt-dop853-evaluations"].value <= 100


def test_refusals():
    module, _ = quick(NAME)
    for bad, message in (({"budget": 10}, "budget must be an integer >= 1000"),
                         ({"least": 0.1}, "least must be"), ({"full": 1}, "full must be")):
        with pytest.raises((ValueError, TypeError), match=message):
            module.Config(**bad)
