"""Dense output inside a step, and the switching surfaces that the step meets."""

from flowopt._language import (
    Int,
    Ints,
    Real,
    Reals,
    Truth,
    call_kernel,
    doubles,
    integers,
    muladd,
    shift,
)
from flowopt.integrators.kernels.block import combine, dense_point, dense_weights, gather
from flowopt.integrators.kernels.explicit import times_of_stage
from flowopt.integrators.kernels.places import *
from flowopt.integrators.kernels.taylor import polynomial, series_point

W = 1
TAYLOR = 0
#: parts of a step looked at for a dip below zero, and the shortest of them
MOST_PARTS = 400
NARROWEST = 1e-6
#: the last two Chebyshev coefficients are less than this part of a function that is resolved; a
#: step shorter than that part of what lies behind and ahead is not refused for it
RESOLVED, SHORTEST = 1e-3, 1e-6


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
    if TAYLOR:
        s = theta * doubles(at[MEMORY])[lane]
        if W == 1:
            doubles(at[STAGE_T])[0] = s
            polynomial(doubles(at[POINT]), doubles(at[Y]), doubles(at[STAGE_T]), doubles(at[K]),
                       sizes[DEGREE], sizes[SIZE])
        else:
            series_point(doubles(at[POINT]), doubles(at[Y]), s, doubles(at[K]), sizes[DEGREE],
                         sizes[SIZE], sizes[ROWS], lane)
        return
    weights, line = doubles(at[WEIGHTS]), integers(at[LINES])
    dense_weights(weights, theta, doubles(at[DENSE]), line[0], sizes[DEGREE])
    if W == 1:
        combine(doubles(at[POINT]), doubles(at[Y]), doubles(at[USED]), sizes[SIZE], line, weights)
    else:
        dense_point(doubles(at[POINT]), doubles(at[Y]), doubles(at[USED])[lane], sizes[ROWS], lane,
                    line, weights)


def inside_all(at: Ints, sizes: Ints, theta: Real):
    """Set TRIAL to the states at the fraction θ of the step of each lane."""
    if TAYLOR:
        for lane in range(W):
            doubles(at[STAGE_T])[lane] = theta * doubles(at[MEMORY])[lane]
        polynomial(doubles(at[TRIAL]), doubles(at[Y]), doubles(at[STAGE_T]), doubles(at[K]),
                   sizes[DEGREE], sizes[SIZE])
        return
    weights, line = doubles(at[WEIGHTS]), integers(at[LINES])
    dense_weights(weights, theta, doubles(at[DENSE]), line[0], sizes[DEGREE])
    combine(doubles(at[TRIAL]), doubles(at[Y]), doubles(at[USED]), sizes[SIZE], line, weights)


def node(at: Ints, j: Int) -> Real:
    """Return the fraction of a step of sample j: the Chebyshev nodes."""
    return doubles(at[BERNSTEIN])[(SAMPLES + 3) * (SAMPLES + 1) + j]


def refuse_unresolved(at: Ints, sizes: Ints, numbers: Reals):
    """Refuse the steps on which a switching function is no polynomial of degree 8, nearly.

    Its Chebyshev coefficients of degree 7 and 8 are then no small part of it, and it may have
    more zeros than the samples show. The field may be constant there and the error zero.
    """
    surfaces, t, used = sizes[SURFACES], doubles(at[T]), doubles(at[USED])
    last, size, open_ = doubles(at[ERR]), doubles(at[OTHER]), doubles(at[GUARD])
    for lane in range(W):
        open_[lane] = 0.0
    for i in range(surfaces):
        psi = shift(doubles(at[PSI]), i * W)
        clear(last, size)
        for row in range(SAMPLES + 1, SAMPLES + 3):
            coefficient(doubles(at[STAGE_T]), psi, surfaces * W,
                        shift(doubles(at[BERNSTEIN]), row * (SAMPLES + 1)))
            add_size(last, doubles(at[STAGE_T]))
        for j in range(SAMPLES + 1):
            largest_size(size, shift(psi, j * surfaces * W))
        for lane in range(W):
            open_[lane] = 1.0 if last[lane] > RESOLVED * size[lane] else open_[lane]
    for lane in range(W):
        ahead = abs(t[lane]) + abs(numbers[T_END] - t[lane])
        if open_[lane] > 0.0 and doubles(at[ACCEPT])[lane] > 0.0 \
                and abs(used[lane]) > SHORTEST * ahead:
            doubles(at[ACCEPT])[lane] = 0.0
            doubles(at[REFUSED])[lane] = 1.0
            doubles(at[H])[lane] = 0.3 * used[lane]


def clear(one: Reals, other: Reals):
    for lane in range(W):
        one[lane] = 0.0
        other[lane] = 0.0


def add_size(total: Reals, value: Reals):
    for lane in range(W):
        total[lane] = total[lane] + abs(value[lane])


def largest_size(size: Reals, value: Reals):
    for lane in range(W):
        size[lane] = max(size[lane], abs(value[lane]))


def sample_surfaces(at: Ints, sizes: Ints):
    """Evaluate the switching functions at nine points of the step, and look where they may be 0.

    LOWEST is the least coefficient of side·ψ in the Bernstein basis of the polynomial through the
    nine values: a lower bound of that polynomial on the step.
    """
    surfaces = sizes[SURFACES]
    for j in range(SAMPLES + 1):
        where = Y if j == 0 else NEW
        if j > 0 and j < SAMPLES:
            where = TRIAL
            inside_all(at, sizes, node(at, j))
        times_of_stage(doubles(at[STAGE_T]), doubles(at[T]), doubles(at[USED]), node(at, j))
        call_kernel(at[SURFACE], integers(at[CONTEXT]), doubles(at[STAGE_T]),
                    doubles(at[where]), doubles(at[P]), doubles(at[SIDE]),
                    shift(doubles(at[PSI]), j * surfaces * W))
    for i in range(surfaces):
        lowest, psi = shift(doubles(at[LOWEST]), i * W), shift(doubles(at[PSI]), i * W)
        for lane in range(W):
            lowest[lane] = 1.0
        for j in range(SAMPLES + 1):
            coefficient(doubles(at[STAGE_T]), psi, surfaces * W,
                        shift(doubles(at[BERNSTEIN]), j * (SAMPLES + 1)))
            lower(lowest, shift(doubles(at[SIDE]), i * W), doubles(at[STAGE_T]))


def coefficient(out: Reals, psi: Reals, stride: Int, row: Reals):
    """Set out to Σ_k row[k] ψ_k in every lane."""
    for lane in range(W):
        out[lane] = row[0] * psi[lane]
    for k in range(1, SAMPLES + 1):
        add_sample(out, shift(psi, k * stride), row[k])


def add_sample(out: Reals, psi: Reals, weight: Real):
    for lane in range(W):
        out[lane] = muladd(weight, psi[lane], out[lane])


def lower(lowest: Reals, side: Reals, value: Reals):
    for lane in range(W):
        lowest[lane] = min(lowest[lane], side[lane] * value[lane])


def first_switch(at: Ints, sizes: Ints, lane: Int, one: Int) -> Real:
    """Return the fraction of the step at which a surface is met first, or 2; set QUEUE_WHICH."""
    surfaces = sizes[SURFACES]
    gather(doubles(at[P1]), doubles(at[P]), sizes[PARAMETERS], lane)
    gather(doubles(at[S1]), doubles(at[SIDE]), surfaces, lane)
    first = 2.0
    for i in range(surfaces):
        if doubles(at[LOWEST])[i * W + lane] < 0.0:
            place = meeting(at, sizes, lane, i)
            if place < first:
                first = place
                integers(at[QUEUE_WHICH])[one] = i
    return first


def meeting(at: Ints, sizes: Ints, lane: Int, which: Int) -> Real:
    """Return the fraction of the step at which side·ψ of a surface first turns negative, or 2.

    That is before the first sample at which it is negative, and possibly twice between two
    samples, where the polynomial through them goes below zero and so does ψ itself.
    """
    part, side = doubles(at[PARTS]), doubles(at[S1])[which]
    psi, stride = shift(doubles(at[PSI]), which * W + lane), sizes[SURFACES] * W
    size, end, changes = 0.0, SAMPLES + 1, 0
    for j in range(SAMPLES, -1, -1):
        size = max(size, abs(psi[j * stride]))
        if side * psi[j * stride] < 0.0 and j > 0:
            end = j
    for j in range(SAMPLES + 1):
        row = shift(doubles(at[BERNSTEIN]), j * (SAMPLES + 1))
        value = 0.0
        for k in range(SAMPLES + 1):
            value = muladd(row[k], side * psi[k * stride], value)
        part[j] = value if abs(value) > 1e-12 * size else 0.0
    changes = sign_changes(part)
    if changes > 1:
        place = dip(at, sizes, lane, which, 2.0 if end > SAMPLES else node(at, end))
        if place < 2.0:
            low = 0.0
            for j in range(SAMPLES):
                if node(at, j) < place:
                    low = node(at, j)
            return crossing(at, sizes, lane, which, low, place)
    if end > SAMPLES:
        return 2.0
    return crossing(at, sizes, lane, which, node(at, end - 1), node(at, end))


def sign_changes(part: Reals) -> Int:
    """Return how often the sign changes along the coefficients, zeros left out."""
    count, last = 0, 0.0
    for j in range(SAMPLES + 1):
        if part[j] * last < 0.0:
            count += 1
        if part[j] != 0.0:
            last = 1.0 if part[j] > 0.0 else -1.0
    return count


def dip(at: Ints, sizes: Ints, lane: Int, which: Int, end: Real) -> Real:
    """Return the first point found before `end` at which side·ψ is negative, or 2.

    PARTS is a stack of polynomials on parts of the step: nine coefficients, where the part begins
    and how long it is. The last one is the leftmost. A part whose coefficients change sign more
    than once is halved (de Casteljau).
    """
    entry = SAMPLES + 3
    stack, count = doubles(at[PARTS]), 1
    stack[SAMPLES + 1], stack[SAMPLES + 2] = 0.0, 1.0
    for _ in range(MOST_PARTS):
        if count == 0:
            return 2.0
        part = shift(stack, (count - 1) * entry)
        low, length = part[SAMPLES + 1], part[SAMPLES + 2]
        if low >= end:
            return 2.0
        if sign_changes(part) > 1 and length > NARROWEST:
            halve(part, shift(part, entry))
            count += 1
        else:
            count -= 1
            if part[SAMPLES] < 0.0 and low + length < end:
                if side_times_psi(at, sizes, lane, which, low + length) < 0.0:
                    return low + length
    return 2.0


def halve(part: Reals, left: Reals):
    """Put the left half of a part into `left`, and leave the right half in `part`."""
    for j in range(SAMPLES + 1):
        left[j] = part[0]
        for k in range(SAMPLES - j):
            part[k] = 0.5 * (part[k] + part[k + 1])
    # what is left in `part` is the right edge of the triangle: the right half
    length = 0.5 * part[SAMPLES + 2]
    left[SAMPLES + 1], left[SAMPLES + 2] = part[SAMPLES + 1], length
    part[SAMPLES + 1], part[SAMPLES + 2] = part[SAMPLES + 1] + length, length


def side_times_psi(at: Ints, sizes: Ints, lane: Int, which: Int, theta: Real) -> Real:
    """Return side·ψ of one surface at the fraction θ of the step."""
    t1, psi1 = doubles(at[T1]), doubles(at[PSI1])
    inside(at, sizes, lane, theta)
    t1[0] = muladd(theta, doubles(at[USED])[lane], doubles(at[T])[lane])
    call_kernel(at[SURFACE1], integers(at[CONTEXT1]), t1, doubles(at[POINT]), doubles(at[P1]),
                doubles(at[S1]), psi1)
    return doubles(at[S1])[which] * psi1[which]


def crossing(at: Ints, sizes: Ints, lane: Int, which: Int, low: Real, high: Real) -> Real:
    """Return the fraction in (low, high] at which side·ψ turns negative, to rounding.

    The ITP method (Oliveira & Takahashi, ACM TOMS 47 (2020) 5): false position, truncated towards
    the middle and projected on the interval in which bisection would be by now; at most two
    evaluations more than bisection takes, and far fewer where ψ is smooth.
    """
    above = side_times_psi(at, sizes, lane, which, low)
    below = side_times_psi(at, sizes, lane, which, high)
    allowed = high - low
    truncation = 0.2 / (high - low)
    for _ in range(64):
        length = high - low
        middle = low + 0.5 * length
        if middle <= low or middle >= high or length <= 2.0 * TINY * high:
            break
        point = middle
        if above > 0.0 and below < 0.0:
            false_position = low + length * (above / (above - below))
            towards = 1.0 if middle > false_position else -1.0
            shifted = truncation * length * length
            point = middle
            if shifted <= abs(middle - false_position):
                point = false_position + towards * shifted
            reach = max(allowed - 0.5 * length, 0.0)
            if abs(point - middle) > reach:
                point = middle - towards * reach
        allowed = 0.5 * allowed
        if point <= low or point >= high:
            point = middle
        value = side_times_psi(at, sizes, lane, which, point)
        if value < 0.0:
            high, below = point, value
        else:
            low, above = point, value
    return high
