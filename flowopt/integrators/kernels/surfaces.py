"""Dense output inside a step, and the switching surfaces that the step meets."""

from flowopt._language import Int, Ints, Real, Truth, call_kernel, doubles, integers, muladd, shift
from flowopt.integrators.kernels.block import combine, dense_point, dense_weights, gather
from flowopt.integrators.kernels.explicit import times_of_stage
from flowopt.integrators.kernels.places import *

W = 1


def saves_inside(at: Ints, sizes: Ints, lane: Int) -> Truth:
    """Return whether the next time to save of a lane lies inside its step."""
    one = integers(at[LANE_ID])[lane]
    if doubles(at[ACCEPT])[lane] == 0.0:
        return False
    save = integers(at[QUEUE_SAVE])[one]
    if save >= sizes[SAVES]:
        return False
    ahead = doubles(at[SAVE_AT])[save] - doubles(at[T])[lane]
    return abs(ahead) < abs(doubles(at[USED])[lane])


def save_inside(at: Ints, sizes: Ints) -> Truth:
    """Return whether some lane has a time to save inside its step."""
    for lane in range(W):
        if saves_inside(at, sizes, lane):
            return True
    return False


def inside(at: Ints, sizes: Ints, lane: Int, theta: Real):
    """Set POINT to the state of a lane at the fraction θ of its step."""
    weights, line = doubles(at[WEIGHTS]), integers(at[LINES])
    dense_weights(weights, theta, doubles(at[DENSE]), line[0], sizes[DEGREE])
    if W == 1:
        combine(doubles(at[POINT]), doubles(at[Y]), doubles(at[USED]), sizes[SIZE], line, weights)
    else:
        dense_point(doubles(at[POINT]), doubles(at[Y]), doubles(at[USED])[lane], sizes[ROWS], lane,
                    line, weights)


def sample_surfaces(at: Ints, sizes: Ints):
    """Evaluate the switching functions at four points of the step."""
    weights, line = doubles(at[WEIGHTS]), integers(at[LINES])
    for j in range(1, SAMPLES + 1):
        where = NEW
        if j < SAMPLES:
            where = TRIAL
            dense_weights(weights, j / SAMPLES, doubles(at[DENSE]), line[0], sizes[DEGREE])
            combine(doubles(at[TRIAL]), doubles(at[Y]), doubles(at[USED]), sizes[SIZE], line,
                    weights)
        times_of_stage(doubles(at[STAGE_T]), doubles(at[T]), doubles(at[USED]), j / SAMPLES)
        call_kernel(at[SURFACE], integers(at[CONTEXT]), doubles(at[STAGE_T]),
                    doubles(at[where]), doubles(at[P]), doubles(at[SIDE]),
                    shift(doubles(at[PSI]), j * sizes[SURFACES] * W))


def crossing(at: Ints, sizes: Ints, lane: Int, which: Int, low: Real, high: Real) -> Real:
    """Return the fraction in (low, high] at which side·ψ turns negative, by bisection."""
    s1, psi1, t1 = doubles(at[S1]), doubles(at[PSI1]), doubles(at[T1])
    for _ in range(64):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        inside(at, sizes, lane, middle)
        t1[0] = muladd(middle, doubles(at[USED])[lane], doubles(at[T])[lane])
        call_kernel(at[SURFACE1], integers(at[CONTEXT1]), t1, doubles(at[POINT]), doubles(at[P1]),
                    s1, psi1)
        if s1[which] * psi1[which] < 0.0:
            high = middle
        else:
            low = middle
    return high


def first_switch(at: Ints, sizes: Ints, lane: Int, one: Int) -> Real:
    """Return the fraction of the step at which a surface is met first, or 2; set QUEUE_WHICH."""
    surfaces, psi, s1 = sizes[SURFACES], doubles(at[PSI]), doubles(at[S1])
    gather(doubles(at[P1]), doubles(at[P]), sizes[PARAMETERS], lane)
    gather(s1, doubles(at[SIDE]), surfaces, lane)
    first = 2.0
    for j in range(1, SAMPLES + 1):
        for i in range(surfaces):
            if s1[i] * psi[(j * surfaces + i) * W + lane] < 0.0:
                place = crossing(at, sizes, lane, i, (j - 1) / SAMPLES, j / SAMPLES)
                if place < first:
                    first = place
                    integers(at[QUEUE_WHICH])[one] = i
        if first <= 1.0:
            return first
    return first
