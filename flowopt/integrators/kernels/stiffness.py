"""Whether stability, not accuracy, limits the step of an explicit method.

The last stage and the new point both stand at t + h, so |ΔF|/|Δy| between them estimates the
largest |λ| of the Jacobian, at no cost. A step with h|λ| near the end of the stability interval is
one that stability limits; many such steps, without a few others in a row, make a stiff trajectory.

Source: Hairer & Wanner, Solving ODEs II (1996), section IV.2, and the code dop853.
"""

from flowopt._language import Int, Ints, Real, Reals, doubles, integers, muladd, shift
from flowopt.integrators.kernels.places import *

W = 1
#: steps at the limit that make a trajectory stiff, and steps off it that make it start again
MANY, FEW = 15, 6


def watch_stiffness(at: Ints, sizes: Ints, numbers: Reals):
    """Count the accepted steps that stability limits; write down when they were many."""
    size, last = sizes[SIZE], (sizes[STAGES] - 1) * sizes[SIZE]
    stiff = doubles(at[STIFF])
    count_limited(stiff, doubles(at[CALM]), doubles(at[ERR]), doubles(at[OTHER]),
                  shift(doubles(at[K]), last), shift(doubles(at[K]), last + size),
                  doubles(at[TRIAL]), doubles(at[NEW]), doubles(at[USED]), doubles(at[ACCEPT]),
                  numbers[STABLE], sizes[ROWS])
    for lane in range(W):
        if stiff[lane] >= MANY:
            when = shift(doubles(at[QUEUE_STIFF]), integers(at[LANE_ID])[lane])
            if when[0] != when[0] and doubles(at[ACCEPT])[lane] > 0.0:
                when[0] = doubles(at[T])[lane]


def count_limited(stiff: Reals, calm: Reals, above: Reals, below: Reals, k: Reals, k_new: Reals,
                  y: Reals, y_new: Reals, h: Reals, accept: Reals, limit: Real, m: Int):
    """Add the step of each lane to one of the two counts."""
    for lane in range(W):
        above[lane] = 0.0
        below[lane] = 0.0
    for i in range(m):
        for lane in range(W):
            q = i * W + lane
            df, dy = k_new[q] - k[q], y_new[q] - y[q]
            above[lane] = muladd(df, df, above[lane])
            below[lane] = muladd(dy, dy, below[lane])
    for lane in range(W):
        good = accept[lane] > 0.0
        limited = h[lane] * h[lane] * above[lane] > limit * limit * below[lane]
        hit, miss = good & limited, good & (above[lane] == above[lane])
        stiff[lane] = stiff[lane] + 1.0 if hit else stiff[lane]
        calm[lane] = 0.0 if hit else (calm[lane] + 1.0 if miss else calm[lane])
        stiff[lane] = 0.0 if calm[lane] >= FEW else stiff[lane]
