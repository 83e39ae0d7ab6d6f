"""Statistics: intervals, distances of laws, and measured orders."""

from __future__ import annotations

import numpy as np
import scipy.stats


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a probability: the p with |k/n - p| <= z sqrt(p (1-p)/n).

    With p = k/n: centre (p + z**2/2n)/(1 + z**2/n), half-width
    z sqrt(p (1 - p)/n + z**2/4n**2)/(1 + z**2/n).
    Source: E. B. Wilson, J. Amer. Statist. Assoc. 22 (1927) 209.

    Examples
    --------
    >>> [round(v, 4) for v in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    """
    if not (trials >= 1 and 0 <= successes <= trials and 0 < level < 1):
        raise ValueError(f"need 0 <= k <= n, n >= 1, 0 < level < 1; {successes, trials, level}")
    z, n = scipy.stats.norm.ppf(0.5 + level / 2), trials
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # the ends at k = 0 and k = n are exactly 0 and 1: rounding must not lose this
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return low, high


def ks_cauchy(samples, scale: float = 1.0) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance and p-value of independent samples against Cauchy(0, scale)."""
    result = scipy.stats.kstest(np.asarray(samples) / scale, "cauchy")
    return float(result.statistic), float(result.pvalue)


def measured_order(errors, steps) -> float:
    """Least-squares slope of log(error) against log(h): the order, when ``steps`` are step sizes h.

    Examples
    --------
    >>> round(measured_order([1e-2, 1e-4], [1.0, 0.1]), 12)
    2.0
    """
    x, y = np.log(np.asarray(steps, dtype=float)), np.log(np.asarray(errors, dtype=float))
    return float(np.polyfit(x, y, 1)[0])
