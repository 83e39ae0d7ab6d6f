"""Estimates with 95 % intervals, each a triple (value, low, high)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: the normal quantiles of two-sided 95 % and 99.9 %
Z95, Z999 = 1.959963984540054, 3.290526731491926


def wilson(count: int, of: int, z: float = Z95) -> tuple[float, float, float]:
    """Return a probability and Wilson's interval.

    Source: E. B. Wilson, J. Amer. Statist. Assoc. 22 (1927) 209.

    Parameters
    ----------
    count, of : int
        Successes and trials.
    z : float
        The normal quantile; by default that of 95 %.

    Examples
    --------
    >>> [round(v, 4) for v in wilson(0, 10)], [round(v, 4) for v in wilson(5, 10)]
    ([0.0, 0.0, 0.2775], [0.5, 0.2366, 0.7634])
    """
    p = count / of
    centre, scale = p + z * z / (2 * of), 1 + z * z / of
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return (p, 0.0 if count == 0 else (centre - half) / scale,
            1.0 if count == of else (centre + half) / scale)


def mean(values: Any) -> tuple[float, float, float]:
    """Return the mean of independent values and its interval by Student's t.

    Values that are not finite are refused by being reported: the result is NaN.

    Examples
    --------
    >>> [round(v, 4) for v in mean([1.0, 2.0, 3.0])]
    [2.0, -0.4841, 4.4841]
    """
    from scipy.special import stdtrit

    x = np.asarray(values, dtype=float)
    middle = float(x.mean()) if len(x) else math.nan
    if len(x) < 2 or not np.isfinite(x).all():
        return middle, math.nan, math.nan
    half = float(stdtrit(len(x) - 1, 0.975)) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return middle, middle - half, middle + half


def median(values: Any) -> tuple[float, float, float]:
    """Return the median and the interval between two order statistics (binomial, >= 95 %).

    Infinite values count; with fewer than 6 values the interval is the whole line.

    Examples
    --------
    >>> median([3.0, 1.0, 2.0, 5.0, 4.0, math.inf])
    (3.5, 1.0, inf)
    """
    from scipy.special import bdtr

    x = np.sort(np.asarray(values, dtype=float))
    n = len(x)
    if n == 0 or np.isnan(x).any():
        return (math.nan,) * 3
    with np.errstate(invalid="ignore"):
        middle = float(np.median(x))
    middle = float(x[n // 2]) if math.isnan(middle) else middle
    below = [k for k in range(n // 2) if bdtr(k, n, 0.5) <= 0.025]
    if not below:
        return middle, -math.inf, math.inf
    return middle, float(x[below[-1]]), float(x[n - 1 - below[-1]])


def slope(x: Any, y: Any) -> float:
    """Return the slope of log y against log x by least squares.

    Examples
    --------
    >>> round(slope([0.1, 0.2, 0.4], [0.01, 0.04, 0.16]), 12)
    2.0
    """
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
