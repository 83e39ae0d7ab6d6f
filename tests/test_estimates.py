"""Estimates and their intervals, against scipy and against their definition."""

import numpy as np
import pytest
from scipy import stats

from flowopt import estimates


@pytest.mark.parametrize(("count", "of"), [(0, 7), (3, 7), (7, 7), (41, 1000)])
def test_wilson(count, of):
    made = estimates.wilson(count, of)
    known = stats.binomtest(count, of).proportion_ci(0.95, method="wilson")
    assert made == pytest.approx((count / of, known.low, known.high), abs=1e-12)


def test_mean():
    x = np.random.default_rng(0).normal(size=23)
    low, high = stats.t.interval(0.95, 22, x.mean(), stats.sem(x))
    assert estimates.mean(x) == pytest.approx((x.mean(), low, high), rel=1e-12)
    assert np.isnan(estimates.mean([1.0])[1]) and np.isnan(estimates.mean([1.0, np.nan])[1])


def test_median_covers():
    """The interval holds the median at least in 95 % of the samples, less only by chance."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(2000):
        _, low, high = estimates.median(rng.exponential(size=30))
        inside += low <= np.log(2) <= high
    assert inside / 2000 > 0.94
    assert estimates.median([1.0, 2.0])[1:] == (-np.inf, np.inf)
    assert estimates.median([np.inf] * 10)[0] == np.inf
    assert np.isnan(estimates.median([1.0, np.nan])[0])


def test_slope():
    h = np.array([0.1, 0.03, 0.01])
    assert estimates.slope(h, 7 * h**1.5) == pytest.approx(1.5, abs=1e-12)
