"""The Boole-type map and its law; leaving the well."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import reference as ref


@pytest.mark.parametrize("h", [0.01, 0.1, 0.5, 1.0, 1.5, 1.9])
@pytest.mark.parametrize(("L0", "k"), [(1.62276, 12.0), (5.5336e-7, 14.896055)])
def test_boole_exponent_and_law(h, L0, k):
    rng = np.random.default_rng(20240101)
    scale = ref.boole_scale(L0, k)
    u = scale * rng.standard_cauchy(4000)
    total = np.zeros(u.size)
    steps = 200
    for _ in range(steps):
        total += np.log(np.abs(ref.boole_derivative(u, h, L0, k)))
        u = ref.boole_map(u, h, L0, k)
    means = total / steps
    error = means.std() / np.sqrt(means.size)
    assert abs(means.mean() - ref.boole_exponent(h)) < 4.5 * error
    assert ref.ks_cauchy(u, scale)[1] > 1e-4  # the law is kept ...
    assert ref.ks_cauchy(u, 1.5 * scale)[1] < 1e-4  # ... and this test would see a wrong scale


def test_boole_law_attracts():
    u = np.random.default_rng(7).uniform(0.5, 0.6, 4000)
    for _ in range(200):
        u = ref.boole_map(u, 0.3, 2.0, 5.0)
    assert ref.ks_cauchy(u, ref.boole_scale(2.0, 5.0))[1] > 1e-4


def test_boole_exponent_by_quadrature():
    for h in (0.02, 0.7, 1.6):
        value = mpmath.quad(
            # w = tan(angle) makes Cauchy uniform
            lambda s, h=h: mpmath.log(1 - h / 2 + h / 2 / mpmath.tan(s) ** 2),
            [0, mpmath.atan(mpmath.sqrt(h)), mpmath.pi / 2],
        )
        assert float(value * 2 / mpmath.pi) == pytest.approx(ref.boole_exponent(h), abs=1e-12)
    assert ref.boole_exponent(1.0) == pytest.approx(np.log(2), rel=1e-15)
    with pytest.raises(ValueError, match="h must be"):
        ref.boole_exponent(2.0)


def leaving_times(h, M, lanes, horizon=25.0):
    """Times at which clipped Euler runs from 4 +- 1e-9 first have x < 1.843 (inf: never)."""
    x = 4 + np.random.default_rng(3).uniform(-1e-9, 1e-9, lanes)
    left = np.full(lanes, np.inf)
    for step in range(round(horizon / h)):
        g = -9 + x * (30 + x * (-21 + 4 * x))
        speed = np.minimum(1 / np.abs(g), M)
        x = x - h * np.sign(g) * speed * ref.two_minima_loss(x)
        left = np.where((x < 1.8430703308) & np.isinf(left), (step + 1) * h, left)
    return left


@pytest.mark.parametrize("hM", [0.1, 0.7])
def test_no_run_leaves_below_the_threshold(hM):
    assert hM < ref.escape_threshold() and ref.escape_rate(hM) == 0.0
    assert not np.any(np.isfinite(leaving_times(0.01, hM / 0.01, 1000)))


@pytest.mark.parametrize("hM", [0.72, 1.0, 10.0])
def test_escape_rate(hM):
    left = leaving_times(0.01, hM / 0.01, 3000)
    early, late = np.sum(left > 8), np.sum(left > 25)
    rate, error = np.log(early / late) / 17, np.sqrt(1 / late - 1 / early) / 17
    expected = ref.escape_rate(hM)
    assert abs(rate - expected) < 4 * error + 0.05 * expected  # the second term: sqrt(h)/2


def test_exponent_in_well():
    ratios = [ref.exponent_in_well(0.01, hM) / ref.boole_exponent(0.01) for hM in (1.0, 10.0)]
    assert ratios == pytest.approx([1.3237, 1.0366], abs=1e-3)
