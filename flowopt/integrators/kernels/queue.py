"""The queue of trajectories: a free lane takes the next, with its first slope and step."""

import math

from flowopt._language import Int, Ints, Real, Reals, call_kernel, doubles, integers, shift
from flowopt.integrators.kernels.block import finite, scatter
from flowopt.integrators.kernels.places import *

W = 1


def take(at: Ints, sizes: Ints, numbers: Reals, lane: Int) -> Int:
    """Give a free lane the next trajectory; return whether the lane has one."""
    lane_id = integers(at[LANE_ID])
    while lane_id[lane] < 0 and sizes[NEXT] < sizes[QUEUE_END]:
        one = sizes[NEXT]
        sizes[NEXT] = one + 1
        if integers(at[QUEUE_STATUS])[one] == RUNNING:
            start(at, sizes, numbers, lane, one)
    return 1 if lane_id[lane] >= 0 else 0


def start(at: Ints, sizes: Ints, numbers: Reals, lane: Int, one: Int):
    """Start trajectory `one` of the queue in a lane: its state, first slope and first step."""
    m, parameters, surfaces = sizes[ROWS], sizes[PARAMETERS], sizes[SURFACES]
    point, slope, t1 = doubles(at[POINT]), doubles(at[SLOPE]), doubles(at[T1])
    p1, s1 = doubles(at[P1]), doubles(at[S1])
    h, count = doubles(at[H]), shift(integers(at[QUEUE_COUNT]), COUNTS * one)
    for i in range(m):
        point[i] = doubles(at[QUEUE_Y])[one * m + i]
    for i in range(parameters):
        p1[i] = doubles(at[QUEUE_P])[one * parameters + i]
    for i in range(surfaces):
        s1[i] = doubles(at[QUEUE_S])[one * surfaces + i]
    t1[0] = doubles(at[QUEUE_T])[one]
    call_kernel(at[RHS1], integers(at[CONTEXT1]), t1, point, p1, s1, slope)
    count[EVALUATIONS] += 1
    h[lane] = doubles(at[QUEUE_H])[one]
    if h[lane] == 0.0:
        h[lane] = first_step(at, sizes, numbers)
        count[EVALUATIONS] += 1
    for i in range(m):
        if not finite(point[i]) or not finite(slope[i]):
            integers(at[QUEUE_STATUS])[one] = DIVERGED
            return
    integers(at[LANE_ID])[lane] = one
    doubles(at[T])[lane] = t1[0]
    doubles(at[MEMORY])[lane] = 1.0
    doubles(at[REFUSED])[lane] = 0.0
    doubles(at[STIFF])[lane] = 0.0
    doubles(at[CALM])[lane] = 0.0
    scatter(doubles(at[Y]), point, m, lane)
    scatter(doubles(at[FIRST]), slope, m, lane)
    scatter(doubles(at[P]), p1, parameters, lane)
    scatter(doubles(at[SIDE]), s1, surfaces, lane)
    save = integers(at[QUEUE_SAVE])
    while save[one] < sizes[SAVES] and doubles(at[SAVE_AT])[save[one]] == t1[0]:
        keep(at, sizes, one, point)


def first_step(at: Ints, sizes: Ints, numbers: Reals) -> Real:
    """The starting step of Hairer, Nørsett & Wanner I, II.4, for the state in POINT."""
    m, atol, rtol = sizes[ROWS], doubles(at[ATOL]), numbers[RTOL]
    t, y, f = doubles(at[T1]), doubles(at[POINT]), doubles(at[SLOPE])
    d0, d1, d2 = 0.0, 0.0, 0.0
    for i in range(m):
        scale = atol[i] + rtol * abs(y[i])
        d0 += (y[i] / scale) * (y[i] / scale)
        d1 += (f[i] / scale) * (f[i] / scale)
    d0 = math.sqrt(d0 / m)
    d1 = math.sqrt(d1 / m)
    span = abs(numbers[T_END] - t[0])
    h0 = 0.01 * d0 / d1
    if d0 < 1e-5 or d1 < 1e-5 or not finite(d1):
        h0 = 1e-6
    h0 = min(h0, span)
    direction = 1.0 if numbers[T_END] > t[0] else -1.0
    y1 = doubles(at[SPARE])
    f1 = shift(y1, m)
    for i in range(m):
        y1[i] = y[i] + direction * h0 * f[i]
    now = t[0]
    t[0] = now + direction * h0
    call_kernel(at[RHS1], integers(at[CONTEXT1]), t, y1, doubles(at[P1]), doubles(at[S1]), f1)
    t[0] = now
    for i in range(m):
        scale = atol[i] + rtol * abs(y[i])
        d2 += ((f1[i] - f[i]) / scale) * ((f1[i] - f[i]) / scale)
    if d2 * h0 <= 1e-15 * d1 and d1 > 0.0 and sizes[TIMED] == 0:  # F is constant: any step is exact
        return direction * min(span, numbers[H_MAX])
    d2 = math.sqrt(d2 / m) / h0
    steepest = max(d1, d2)
    h1 = h0
    if finite(steepest):
        h1 = max(1e-6, h0 * 1e-3)
        if steepest > 1e-15:
            h1 = math.pow(0.01 / steepest, 1.0 / sizes[ORDER])
    return direction * min(min(100.0 * h0, h1), min(span, numbers[H_MAX]))


def keep(at: Ints, sizes: Ints, one: Int, point: Reals):
    """Store a state at the next time to save of trajectory `one`."""
    m, save = sizes[ROWS], integers(at[QUEUE_SAVE])
    saved = shift(doubles(at[SAVED]), (one * sizes[SAVES] + save[one]) * m)
    for i in range(m):
        saved[i] = point[i]
    save[one] += 1
