"""The published two-minima run, its exact facts, and what a clip costs."""

from __future__ import annotations

import platform
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import reference as ref

GLIBC = platform.libc_ver()[0] == "glibc"
needs_glibc = pytest.mark.skipif(not GLIBC, reason="the published digits are those of glibc's pow")


@needs_glibc
def test_published_run_bit_for_bit():
    path = ref.published_two_minima()
    assert path.shape == (2501,) and path[0] == 4.0
    assert path[-1] == 0.4073933876787569
    assert ref.two_minima_loss(path[-1]) == 2.1544115380578432e-06
    assert np.flatnonzero(path < 1.843)[0] == 1210


@needs_glibc
@pytest.mark.parametrize(
    ("power", "parts_at", "last"),
    [
        (lambda x, n: float(Fraction(float(x)) ** n), 2419, 0.40739338767876226),  # exact rounding
        (lambda x, n: x * x if n == 2 else x * x * x, 203, 0.40692901144053784),
    ],
    ids=["correctly rounded", "products"],
)
def test_published_run_hangs_on_pow(power, parts_at, last):
    path, other = ref.published_two_minima(), ref.published_two_minima(power=power)
    assert np.flatnonzero(path != other)[0] == parts_at
    assert other[-1] == last


def test_published_run_agrees_with_the_field_before_chaos():
    field = ref.loss_normalized_field(ref.two_minima_loss, ref.two_minima_grad, M=1000.0)
    path = ref.euler(field, 4.0, 0.0, 0.01, 100)[:, 0]
    assert np.allclose(path, ref.published_two_minima(steps=100), rtol=1e-13, atol=0)


def test_published_formula_at_a_critical_point_is_nan():
    assert np.isnan(ref.published_two_minima(x0=3.0, steps=1)[-1])


def test_two_minima_derivatives():
    for x in (0.3, 1.7, 2.9, 4.0):
        grad = ref.fd_gradient(ref.two_minima_loss, x)[0]
        hess = ref.fd_gradient(ref.two_minima_grad, x)[0]
        assert grad == pytest.approx(ref.two_minima_grad(x), rel=1e-11, abs=1e-11)
        assert hess == pytest.approx(ref.two_minima_hess(x), rel=1e-11, abs=1e-11)


def test_two_minima_facts():
    facts = ref.two_minima_facts()
    points = [float(p) for p in facts["points"]]
    assert points == pytest.approx([0.4069296692, 1.8430703308, 3.0], abs=5e-11)
    assert max(abs(ref.mp_grad(p)) for p in facts["points"]) < mpmath.mpf(10) ** -13
    losses, curvatures = [[float(v) for v in facts[name]] for name in ("losses", "curvatures")]
    assert losses == pytest.approx([5.5336e-7, 3.7025507, 1.62276], rel=1e-5)
    assert curvatures == pytest.approx([14.896055, -6.646055, 12.0], abs=1e-6)
    assert float(facts["t_hit"]) == pytest.approx(np.log(13.62276 / 1.62276), rel=1e-15)
    assert abs(facts["t_hit"] - 2.1276135) < 5e-8
    # 3.6014214674 and 3.1785962436, sometimes quoted, are off by 3.5e-10 and 3.8e-8
    with mpmath.workdps(60):
        assert abs(facts["x1"] - mpmath.mpf("3.60142146774834306091")) < 1e-20
        assert abs(facts["x2"] - mpmath.mpf("3.17859620519662324506")) < 1e-20
        quartic = [1, -7, 15, -9, mpmath.mpf("1.62276")]  # L in powers of x: another route
        for t, name in ((1, "x1"), (2, "x2")):
            level = mpmath.mpf("13.62276") * mpmath.exp(-t)
            assert abs(mpmath.polyval(quartic, facts[name]) - level) < mpmath.mpf(10) ** -48
    with pytest.raises(ValueError, match="t must be in"):
        ref.unclipped_position(2.2)


def test_unclipped_position_against_dop853():
    field = ref.loss_normalized_field(ref.two_minima_loss, ref.two_minima_grad)
    run = ref.truth(field, (0.0, 2.0), 4.0, [1.0, 2.0])[:, 0]
    exact = [float(ref.unclipped_position(t)) for t in (1, 2)]
    assert run == pytest.approx(exact, abs=1e-12)


def test_clipped_arrival_is_late_by_the_second_power_of_the_clip():
    free = ref.two_minima_facts(30)["t_hit"]
    late = {M: float(ref.clipped_arrival_time(M) - free) for M in (10, 100, 1000, 10_000)}
    expected = {10: 2.5499e-4, 100: 2.56586e-6, 1000: 2.567464e-8, 10_000: 2.567624e-10}
    assert late == pytest.approx(expected, rel=1e-4)
    leading = 1 / (2 * 12 * 1.62276)
    assert late[10_000] * 1e8 == pytest.approx(leading, rel=1e-5)


@pytest.mark.parametrize("M", [0.01, 1.0, 10.0])  # 0.01: clipped from the start, since g(4) = 31
def test_clipped_arrival_against_dop853(M):
    field = ref.loss_normalized_field(ref.two_minima_loss, ref.two_minima_grad, M=M)
    arrival = float(ref.clipped_arrival_time(M))
    corner = 0.0
    if M * ref.two_minima_grad(4.0) > 1:
        x_c = mpmath.findroot(lambda x: ref.mp_grad(x) - 1 / M, (3, 4), solver="anderson")
        corner = float(mpmath.log(ref.mp_loss(4.0) / ref.mp_loss(x_c)))
    # stop short of x = 3, where the field jumps; the rest is x' = M L backwards from 3
    rest = (arrival - corner) / 2
    times = [corner, arrival - rest]
    x = ref.truth(field, (0.0, arrival), 4.0, times)[-1, 0]
    back = ref.truth(lambda t, y: M * ref.two_minima_loss(y), (0.0, rest), 3.0)[0]
    assert x == pytest.approx(back, abs=1e-11)
