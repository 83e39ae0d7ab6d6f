"""Elementary functions in the language of `_compiler`, written out so that loops vectorise.

A call of the C library is not vectorised. The relative error of each is below 1e-15, and NaN
stays NaN (tests/test_elementary.py).
"""

import math

from flowopt._language import Int, Real, bits, from_bits, inline, muladd

#: the bits of √½, and log 2 in two parts, the first with 21 bits free
ROOT_HALF = 0x3FE6A09E667F3BCD
LOG2_HIGH, LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
PER_LOG2 = 1.4426950408889634
#: 1.5 · 2⁵²: the sum of it and a small number ends in that number, rounded to an integer
ROUND = 6755399441055744.0
ROUND_BITS = 0x4338000000000000
#: beyond it exp x is below the smallest normal number, and taken as 0
LEAST = -708.0
MOST = 709.5


@inline
def doublings(x: Real) -> Int:
    """Return the integer next to x/log 2, for |x| <= 710."""
    return bits(muladd(x, PER_LOG2, ROUND)) - ROUND_BITS


@inline
def remainder(x: Real, k: Int) -> Real:
    """Return x − k log 2, for the k of `doublings`: at most 0.35 in size."""
    return muladd(-float(k), LOG2_LOW, muladd(-float(k), LOG2_HIGH, x))


@inline
def near_zero(r: Real) -> Real:
    """Return exp(r) − 1 for |r| < 0.35, by its series up to r¹³."""
    p = muladd(r, 1.0 / 6227020800.0, 1.0 / 479001600.0)
    p = muladd(r, p, 1.0 / 39916800.0)
    p = muladd(r, p, 1.0 / 3628800.0)
    p = muladd(r, p, 1.0 / 362880.0)
    p = muladd(r, p, 1.0 / 40320.0)
    p = muladd(r, p, 1.0 / 5040.0)
    p = muladd(r, p, 1.0 / 720.0)
    p = muladd(r, p, 1.0 / 120.0)
    p = muladd(r, p, 1.0 / 24.0)
    p = muladd(r, p, 1.0 / 6.0)
    p = muladd(r, p, 0.5)
    return muladd(r * r, p, r)


@inline
def power_of_two(k: Int) -> Real:
    """Return 2ᵏ for −1022 <= k <= 1023."""
    return from_bits((k + 1023) << 52)


@inline
def exponential(x: Real) -> Real:
    """Return exp x for x <= 709.5; 0 for x < −708."""
    inside = max(x, LEAST)
    k = doublings(inside)
    p = near_zero(remainder(inside, k))
    scale = power_of_two(k)
    return 0.0 if x < LEAST else muladd(scale, p, scale)


@inline
def less_one(x: Real) -> Real:
    """Return exp(x) − 1 for x <= 0."""
    inside = max(x, LEAST)
    k = doublings(inside)
    scale = power_of_two(k)
    return muladd(scale, near_zero(remainder(inside, k)), scale - 1.0)


@inline
def log_one_plus(u: Real) -> Real:
    """Return log(1 + u) for u >= 0: log w + (u − (w − 1))/w, where w is 1 + u as rounded."""
    w = 1.0 + u
    return logarithm(w) + (u - (w - 1.0)) / w


@inline
def logistic(x: Real) -> Real:
    """Return 1/(1 + exp(−x)), by exp(−|x|)."""
    e = exponential(-abs(x))
    return (e if x < 0.0 else 1.0) / (1.0 + e)


@inline
def hyperbolic_tangent(x: Real) -> Real:
    """Return tanh x = −E/(2 + E) with the sign of x, E = exp(−2|x|) − 1."""
    e = less_one(-2.0 * abs(x))
    return math.copysign(-e / (2.0 + e), x)


@inline
def soft_plus(x: Real) -> Real:
    """Return log(1 + exp x) = max(x, 0) + log(1 + exp(−|x|))."""
    return max(x, 0.0) + log_one_plus(exponential(-abs(x)))


@inline
def logarithm(u: Real) -> Real:
    """Return log u for a normal number u > 0.

    u = 2ᵏ m with √½ <= m < √2, and log m = 2 artanh s with s = (m − 1)/(m + 1), |s| < 0.1716.
    """
    code = bits(u)
    k = (code - ROOT_HALF) >> 52
    m = from_bits(code - (k << 52))
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    # 2 (artanh s − s)/s³ = 2/3 + 2/5 z + …, cut off below 1e-18
    r = muladd(z, 2.0 / 25.0, 2.0 / 23.0)
    r = muladd(z, r, 2.0 / 21.0)
    r = muladd(z, r, 2.0 / 19.0)
    r = muladd(z, r, 2.0 / 17.0)
    r = muladd(z, r, 2.0 / 15.0)
    r = muladd(z, r, 2.0 / 13.0)
    r = muladd(z, r, 2.0 / 11.0)
    r = muladd(z, r, 2.0 / 9.0)
    r = muladd(z, r, 2.0 / 7.0)
    r = muladd(z, r, 2.0 / 5.0)
    r = z * muladd(z, r, 2.0 / 3.0)
    # 2 s = f − s f, and s f = f²/2 − s f²/2: the large terms f and f²/2 come last
    half = 0.5 * f * f
    return k * LOG2_HIGH - ((half - (s * (half + r) + k * LOG2_LOW)) - f)
