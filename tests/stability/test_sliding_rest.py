"""Sign flow on quadratic losses: sliding and crossing, and the time to rest, against runs."""

import itertools
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability.proving import Problem
from flowopt.stability.rest.sliding_motion import settling_bounds, sliding
from flowopt.stability.rest.sliding_rest import attempt
from flowopt.stability.statement import field_system, statement
from flowopt.stability.verdict import Evidence, Verdict


def random_definite(rng, n):
    a = [[rng.randint(-3, 3) for _ in range(n)] for _ in range(n)]
    return [[sum(a[k][i] * a[k][j] for k in range(n)) + (i == j) for j in range(n)]
            for i in range(n)]


def asked(field, claim, **options):
    return attempt(Problem(field, statement(claim, field_system(field), **options)))


def quadratic(h, b=None):
    return fo.losses.quadratic(np.array(h, float), None if b is None else np.array(b, float))


def test_two_dimensions_in_closed_form():
    """u = −H12 s2/H11 on g1 = 0, sliding exactly if |H12| <= H11."""
    for a, c, d in itertools.product(range(1, 5), range(-4, 5), range(1, 18)):
        if a * d <= c * c:
            continue
        for s in (-1, 1):
            found = sliding([[a, c], [c, d]], [0, s])
            assert found.unique
            if abs(c) <= a:
                assert found.u == ((Fraction(-c * s, a), s),) and found.slides == (0,)
            else:
                assert found.u[0][0] == -np.sign(c) * s and found.crosses == (0,)


def test_the_solution_minimises_over_the_box():
    rng = random.Random(1)
    for _ in range(30):
        n = rng.randint(2, 4)
        h = random_definite(rng, n)
        g = [rng.choice([0, 0, 1, -1]) for _ in range(n)]
        found = sliding(h, g)
        assert found.unique and set(found.slides) | set(found.crosses) == {
            i for i in range(n) if not g[i]}
        u, H = np.array([float(v) for v in found.u[0]]), np.array(h, float)
        inside = [i for i in range(n) if not g[i]]
        for _ in range(200):
            v = u.copy()
            v[inside] = np.random.default_rng(_).uniform(-1, 1, len(inside))
            assert v @ H @ v >= u @ H @ u - 1e-9


def test_not_definite_is_said():
    several = sliding([[-1, 0], [0, 1]], [0, 1])
    assert not several.unique and len(several.u) == 3 and "not positive definite" in several.reason
    flat = sliding([[0, 0], [0, 1]], [0, 1])
    assert not flat.unique and "continuum" in flat.reason


def test_bounds_hold_for_runs():
    rng = random.Random(2)
    for _ in range(8):
        n = rng.randint(1, 3)
        h, b = random_definite(rng, n), [rng.randint(-2, 2) for _ in range(n)]
        x0 = [rng.randint(-8, 8) / 3 for _ in range(n)]
        low, high = settling_bounds(h, x0, b)
        run = fo.integrate(fo.flows.SignFlow().on(quadratic(h, b)), x0, t=(0.0, 3 * high + 1),
                           method=fo.DOP853(rtol=1e-10, atol=1e-12))
        assert run.status == fo.Status.STUCK
        assert low - 1e-6 <= run.t[-1] <= high + 1e-6
        np.testing.assert_allclose(run.x[-1], np.linalg.solve(np.array(h, float), b), atol=1e-6)


def test_bounds_are_tight():
    assert settling_bounds([[1]], [3]) == pytest.approx((3, 3), rel=1e-6)
    assert settling_bounds([[2, 0], [0, 2]], [1, 0]) == pytest.approx((1, 1), rel=1e-6)
    assert settling_bounds([[1]], [0]) == (0, 0)


@pytest.mark.parametrize("loss, definite", [
    ("x**2 + y**2 + x*y - 3*x", True), ("x**2/2", True), ("(x - y)**2", False),
    ("a*x**2 + 3*y**2 - y", True)])
def test_finite_time_is_proved(loss, definite):
    field = fo.flows.SignFlow().on(
        fo.Loss(loss, parameters={"a": 0.7} if "a" in loss else None))
    verdict = asked(field, "finite_time")
    assert verdict.proved and verdict.trust == "A" and verdict.check()
    assert ("Min(" in verdict.claim) == definite
    assert "Filippov" in verdict.explain() and verdict.latex()
    assert Verdict.from_json(verdict.to_json()).check()
    for key, value in (("loss", "x**2"), ("loss", loss + " + 1"), ("mu", "1000"), ("mu", "1/999"),
                       ("mu", "0"), ("mu", "-1")):
        forged = replace(verdict, certificate=Evidence("sign_quadratic", {
            **verdict.certificate.data, key: value}))
        if forged.certificate.data != verdict.certificate.data and not (
                key == "loss" and loss == "x**2/2"):
            assert not replace(forged, digest=forged._digest()).check(), (key, value)
    at = asked(field, "finite_time_stable")
    if definite:
        assert at.proved and at.check()
        forged = replace(at, statement={**at.statement, "options": {
            **at.statement["options"], "coordinates": [["7"]] * len(field.names)}})
        assert not replace(forged, digest=forged._digest()).check()
    else:
        assert at.unknown


def test_what_does_not_apply_or_is_not_proved():
    assert asked(fo.flows.GradientFlow().on("x**2"), "finite_time") is None
    assert asked(fo.flows.SignFlow().on("x**4"), "finite_time") is None
    assert asked(fo.flows.SignFlow().on("x**2"), "stable") is None
    assert asked(fo.flows.SignFlow().on("x**2 - y**2"), "finite_time").unknown
    assert asked(fo.flows.SignFlow().on("(x - y)**2 + x + y"), "finite_time").unknown
    assert asked(fo.flows.SignFlow().on("x**2"), "finite_time", bound="1").unknown
    assert asked(fo.flows.SignFlow().on("x**2 - x"), "finite_time_stable", at="3").unknown
    assert asked(fo.flows.SignFlow().on("x**2 - x"), "finite_time_stable", at="1/2").proved


@pytest.mark.parametrize("call, message", [
    (lambda: sliding([[1, 2], [3, 4]], [0, 1]), "symmetric"),
    (lambda: sliding([[1, 2]], [0]), "symmetric square"),
    (lambda: sliding([[1]], [0, 1]), "g must have 1 entries"),
    (lambda: settling_bounds([[1, 0], [0, -1]], [1, 1]), "positive definite"),
    (lambda: settling_bounds([[1]], [1, 2]), "must have 1 entries")])
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
