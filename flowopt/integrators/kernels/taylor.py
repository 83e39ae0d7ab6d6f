"""One step of the Taylor method in every lane: the coefficients decide the step before it is taken.

A kernel writes the coefficients c_k of y(t + sσ) = y + Σ_k c_k s^k, with σ the last step; so none
of them overflows. The step is where the last term is the tolerance, and the one before it q = e^1.5
times that:

    s = 0.9 min(e_p^(−1/p), (e_{p−1}/q)^(−1/(p−1))),    e_k = max_i |c_ki| / (atol_i + rtol |y_i|).

At the order 1 − log(tolerance)/2, with q = e², this is the step ρ/e² of Jorba & Zou, Experimental
Mathematics 14 (2005) 99, section 3.2. MEMORY holds the s of the step; FIRST is c_1.

A series can go through a point where F is singular, and F not be its derivative behind it: −√y
along y = (1 − t/2)². So the derivative is compared with F at the end of the step, where F has a
root, a logarithm or a quotient, and where the step grew much. A step at whose end F is another
function altogether, or no number, is a *miss*; a trajectory that misses again and again has met the
end of the domain of F.
"""

from flowopt._language import (
    Int,
    Ints,
    Real,
    Reals,
    bits,
    call_kernel,
    doubles,
    from_bits,
    integers,
    muladd,
    shift,
)
from flowopt.integrators.kernels.control import choose_step
from flowopt.integrators.kernels.places import *

W = 1
#: log₂ q: the ratio that is expected of two terms
RATIO = 2.1640425613334453
#: a step that grows more than this must be supported by the coefficients of low order
TRUSTED = 2.0
#: 1.5 · 2^52 and its bits: what rounds a small number to an integer
ROUNDER, ROUNDER_BITS = 6755399441055744.0, 4843621399236968448
ONE_BITS, MANTISSA = 4607182418800017408, 4503599627370495
#: the most that h |y' − F| may be at the end of a step, in units of the tolerance
DEFECT = 32.0
#: what stands for the defect of a miss; misses that an accepted step makes good, misses from which
#: on a step that is too small has met the end of the domain, and misses that end the trajectory
MISS, FORGET, FEW, MANY = 1e290, 0.25, 4.0, 50.0
#: most by which a term may exceed the tolerance, lest the logarithm meet an infinity
MOST = 1e250


def log2_about(x: Real) -> Real:
    """Return log₂ x for a normal x > 0, to 0.01."""
    pattern = bits(x)
    part = from_bits((pattern & MANTISSA) | ONE_BITS)
    return ((pattern >> 52) - 1023) + muladd(muladd(-0.33582878, part, 2.0), part, -1.65870)


def exp2_about(x: Real) -> Real:
    """Return 2^x for |x| < 1000, to 1e-3."""
    rounded = x + ROUNDER
    whole, f = bits(rounded) - ROUNDER_BITS, x - (rounded - ROUNDER)
    part = muladd(muladd(muladd(0.0558, f, 0.2402265), f, 0.6931472), f, 1.0)
    return from_bits((whole + 1023) << 52) * part


def taylor_step(at: Ints, sizes: Ints, numbers: Reals) -> Int:
    """Take one step in every lane; return whether some lane accepts its step."""
    order, size, m = sizes[DEGREE], sizes[SIZE], sizes[ROWS]
    t, h, used, ratio = doubles(at[T]), doubles(at[H]), doubles(at[USED]), doubles(at[MEMORY])
    c, scale, guard = doubles(at[K]), doubles(at[SCALE]), doubles(at[GUARD])
    refused, misses, looked = doubles(at[REFUSED]), doubles(at[STIFF]), sizes[CHECKED]
    for lane in range(W):
        doubles(at[STAGE_T])[lane] = t[lane]
        scale[lane] = h[lane]
    weights(doubles(at[ESTIMATE]), doubles(at[Y]), doubles(at[ATOL]), numbers[RTOL], m)
    call_kernel(at[SERIES], integers(at[CONTEXT]), doubles(at[STAGE_T]), doubles(at[Y]),
                doubles(at[P]), doubles(at[SIDE]), c)
    largest(doubles(at[ERR]), doubles(at[ESTIMATE]), shift(c, (order - 1) * size), m)
    largest(doubles(at[OTHER]), doubles(at[ESTIMATE]), shift(c, (order - 2) * size), m)
    longest_step(ratio, doubles(at[ERR]), doubles(at[OTHER]), order, numbers)
    for lane in range(W):
        if ratio[lane] > TRUSTED and integers(at[LANE_ID])[lane] >= 0:
            ratio[lane] = min(ratio[lane], supported(at, sizes, lane))
        ratio[lane] = min(ratio[lane], 1.0) if refused[lane] > 0.0 else ratio[lane]
        step = ratio[lane] * scale[lane]
        h[lane] = min(max(step, -numbers[H_MAX]), numbers[H_MAX])
    choose_step(used, h, t, numbers[T_END])
    for lane in range(W):
        ratio[lane] = used[lane] / scale[lane]
        looked |= 1 if ratio[lane] > TRUSTED else 0
    polynomial(doubles(at[NEW]), doubles(at[Y]), ratio, c, order, size)
    for lane in range(W):
        guard[lane] = 0.0
    for i in range(m):
        for lane in range(W):
            guard[lane] = muladd(0.0, doubles(at[NEW])[i * W + lane], guard[lane])
    if looked:
        defect(at, sizes)
    some = 0
    for lane in range(W):
        known = (doubles(at[ERR])[lane] < MOST) & (guard[lane] == 0.0)
        far = (abs(used[lane]) > 4.0 * TINY * abs(t[lane])) \
            | (used[lane] == numbers[T_END] - t[lane])
        follows = (doubles(at[OTHER])[lane] <= DEFECT) | (not looked)
        good = known & far & follows & (integers(at[LANE_ID])[lane] >= 0)
        some |= 1 if good else 0
        doubles(at[ACCEPT])[lane] = 1.0 if good else 0.0
        missed = (doubles(at[OTHER])[lane] >= MISS) & (not follows)
        count = misses[lane] + 1.0 if missed else misses[lane]
        misses[lane] = max(count - FORGET, 0.0) if good else count
        strange = missed | (count >= FEW) | (not known)
        refused[lane] = 0.0 if good else (2.0 if strange else 1.0)
        h[lane] = (h[lane] if follows else 0.25 * used[lane]) if known else 0.1 * scale[lane]
        h[lane] = 0.0 if count > MANY else h[lane]
    return some


def defect(at: Ints, sizes: Ints):
    """Set OTHER to the largest h |y' − F| at the end of the step, in units of the tolerance.

    That of a lane whose step did not grow is looked at only where all steps are, lest a lane depend
    on the others.
    """
    order, size, m = sizes[DEGREE], sizes[SIZE], sizes[ROWS]
    c, s, trial, total = doubles(at[K]), doubles(at[MEMORY]), doubles(at[TRIAL]), doubles(at[OTHER])
    for lane in range(W):
        doubles(at[STAGE_T])[lane] = doubles(at[T])[lane] + doubles(at[USED])[lane]
        total[lane] = 0.0
    call_kernel(at[RHS], integers(at[CONTEXT]), doubles(at[STAGE_T]), doubles(at[NEW]),
                doubles(at[P]), doubles(at[SIDE]), trial)
    for i in range(m):
        slope_at_end(doubles(at[ZERO]), s, shift(c, i * W), order, size)
        add_defect(total, doubles(at[ZERO]), shift(trial, i * W), s, doubles(at[USED]),
                   shift(doubles(at[ESTIMATE]), i * W))
    for lane in range(W):
        if sizes[CHECKED] == 0 and s[lane] <= TRUSTED:
            total[lane] = 0.0


def slope_at_end(out: Reals, s: Reals, c: Reals, order: Int, size: Int):
    """Set out = Σ_k k c_k s^(k−1), for one row."""
    for lane in range(W):
        out[lane] = order * c[(order - 1) * size + lane]
    for k in range(order - 1, 0, -1):
        for lane in range(W):
            out[lane] = muladd(out[lane], s[lane], k * c[(k - 1) * size + lane])


def add_defect(total: Reals, slope: Reals, f: Reals, s: Reals, h: Reals, weight: Reals):
    """Take the defect of one row; far from small and from F it is a miss, and so if no number."""
    for lane in range(W):
        moves = h[lane] * f[lane]
        error = abs(slope[lane] * s[lane] - moves)
        value = error * weight[lane]
        meant = (value <= DEFECT) | (error <= 0.1 * abs(moves)) & (value < MISS)
        total[lane] = max(total[lane], value if meant else MISS)


def weights(out: Reals, y: Reals, atol: Reals, rtol: Real, m: Int):
    """Set out = 1/(atol + rtol |y|)."""
    for i in range(m):
        for lane in range(W):
            out[i * W + lane] = 1.0 / muladd(rtol, abs(y[i * W + lane]), atol[i])


def largest(out: Reals, weight: Reals, c: Reals, m: Int):
    """Set out to the largest |c| · weight of the rows."""
    for lane in range(W):
        out[lane] = abs(c[lane]) * weight[lane]
    for i in range(1, m):
        for lane in range(W):
            value = abs(c[i * W + lane]) * weight[i * W + lane]
            out[lane] = out[lane] if out[lane] >= value else value


def longest_step(out: Reals, last: Reals, before: Reals, order: Int, numbers: Reals):
    """Set out = s, at most GROW."""
    one, two = -1.0 / order, -1.0 / (order - 1)
    for lane in range(W):
        a = log2_about(min(max(last[lane], 1e-280), MOST)) * one
        b = (log2_about(min(max(before[lane], 1e-280), MOST)) - RATIO) * two
        out[lane] = min(numbers[SAFETY] * exp2_about(min(a, b)), numbers[GROW])


def supported(at: Ints, sizes: Ints, lane: Int) -> Real:
    """Return the s that all terms from order 2 on allow, if each is q times the next."""
    m, order, size = sizes[ROWS], sizes[DEGREE], sizes[SIZE]
    weight, least = doubles(at[ESTIMATE]), 1e300
    for k in range(2, order + 1):
        c, value = shift(doubles(at[K]), (k - 1) * size), 1e-280
        for i in range(m):
            value = max(value, abs(c[i * W + lane]) * weight[i * W + lane])
        place = (RATIO * (order - k) - log2_about(min(value, MOST))) / k
        least = min(least, exp2_about(min(place, 100.0)))
    return max(least, TRUSTED)


def polynomial(out: Reals, y: Reals, s: Reals, c: Reals, order: Int, size: Int):
    """Set out = y + Σ_k c_k s^k (Horner) in every lane."""
    if W == 1:
        for q in range(0, size, 4):
            k = shift(c, (order - 1) * size + q)
            a, b, d, e = k[0], k[1], k[2], k[3]
            for j in range(order - 2, -1, -1):
                k = shift(c, j * size + q)
                a, b = muladd(a, s[0], k[0]), muladd(b, s[0], k[1])
                d, e = muladd(d, s[0], k[2]), muladd(e, s[0], k[3])
            out[q], out[q + 1] = muladd(a, s[0], y[q]), muladd(b, s[0], y[q + 1])
            out[q + 2], out[q + 3] = muladd(d, s[0], y[q + 2]), muladd(e, s[0], y[q + 3])
    else:
        for q in range(0, size, W):
            row = shift(out, q)
            for lane in range(W):
                row[lane] = c[(order - 1) * size + q + lane]
            for j in range(order - 2, -1, -1):
                horner(row, s, shift(c, j * size + q))
            horner(row, s, shift(y, q))


def horner(out: Reals, s: Reals, c: Reals):
    for lane in range(W):
        out[lane] = muladd(out[lane], s[lane], c[lane])


def series_point(out: Reals, y: Reals, s: Real, c: Reals, order: Int, size: Int, m: Int, lane: Int):
    """Set out = y + Σ_k c_k s^k for one lane."""
    for i in range(m):
        q = i * W + lane
        value = c[(order - 1) * size + q]
        for j in range(order - 2, -1, -1):
            value = muladd(value, s, c[j * size + q])
        out[i] = muladd(value, s, y[q])


def keep_series(at: Ints, sizes: Ints, out: Reals):
    """Write the coefficients of the step, row j for θ^(j+1) (one lane)."""
    m, s = sizes[ROWS], doubles(at[MEMORY])[0]
    power = s
    for j in range(sizes[DEGREE]):
        for i in range(m):
            out[j * m + i] = power * doubles(at[K])[j * sizes[SIZE] + i]
        power = power * s
