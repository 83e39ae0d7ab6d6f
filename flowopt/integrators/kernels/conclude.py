"""What a lane makes of its step: count, store, and hand the trajectory back at its end."""

from flowopt._language import Int, Ints, Real, Reals, doubles, integers, muladd, shift
from flowopt.integrators.kernels.block import finite, gather, scatter
from flowopt.integrators.kernels.places import *
from flowopt.integrators.kernels.queue import keep
from flowopt.integrators.kernels.rosenbrock import keep_polynomial
from flowopt.integrators.kernels.surfaces import first_switch, inside, saves_inside
from flowopt.integrators.kernels.taylor import keep_series

W = 1
ROSENBROCK = TAYLOR = 0


def conclude(at: Ints, sizes: Ints, numbers: Reals, lane: Int):
    """Count the step of a lane, store what it has to, and hand the trajectory back if it ends."""
    one = integers(at[LANE_ID])[lane]
    count = shift(integers(at[QUEUE_COUNT]), COUNTS * one)
    status = integers(at[QUEUE_STATUS])
    t, h, used, accept = doubles(at[T]), doubles(at[H]), doubles(at[USED]), doubles(at[ACCEPT])
    count[EVALUATIONS] += sizes[STAGES] - sizes[LATE]
    if accept[lane] == 0.0:
        count[REJECTED] += 1
        if abs(h[lane]) <= 4.0 * TINY * abs(t[lane]) or abs(h[lane]) < 1e-300:
            status[one] = verdict(at, sizes, lane)
    else:
        count[ACCEPTED] += 1
        count[EVALUATIONS] += sizes[LATE]
        accepted(at, sizes, numbers, lane, one)
    stiff = doubles(at[QUEUE_STIFF])[one]  # NaN: not found to be stiff
    if (status[one] == RUNNING and sizes[STIFFNESS] == 2 and accept[lane] > 0.0
            and stiff == stiff):
        status[one] = IS_STIFF
        gather(doubles(at[POINT]), doubles(at[NEW]), sizes[ROWS], lane)
        end_at(at, sizes, lane, t[lane] + used[lane])
    if status[one] == RUNNING and count[ACCEPTED] + count[REJECTED] >= sizes[MAX_STEPS]:
        status[one] = OUT_OF_STEPS
        if accept[lane] > 0.0:
            gather(doubles(at[POINT]), doubles(at[NEW]), sizes[ROWS], lane)
            end_at(at, sizes, lane, t[lane] + used[lane])
    if status[one] != RUNNING:
        doubles(at[QUEUE_T])[one] = t[lane]
        doubles(at[QUEUE_H])[one] = h[lane]
        gather(shift(doubles(at[QUEUE_Y]), one * sizes[ROWS]), doubles(at[Y]), sizes[ROWS], lane)
        integers(at[LANE_ID])[lane] = -1


def verdict(at: Ints, sizes: Ints, lane: Int) -> Int:
    """Return why the step is too small: growth beyond all bounds, or a tolerance out of reach."""
    y, k = doubles(at[Y]), doubles(at[FIRST])
    for i in range(sizes[ROWS]):
        if abs(y[i * W + lane]) > HUGE or not finite(k[i * W + lane]):
            return DIVERGED
    if doubles(at[REFUSED])[lane] == 2.0 and doubles(at[SINGULAR])[lane] == 0.0:
        return DIVERGED
    return STEP_TOO_SMALL


def end_at(at: Ints, sizes: Ints, lane: Int, t: Real):
    """End the trajectory of a lane at time t in the state POINT."""
    scatter(doubles(at[Y]), doubles(at[POINT]), sizes[ROWS], lane)
    doubles(at[T])[lane] = t
    doubles(at[ACCEPT])[lane] = 0.0


def accepted(at: Ints, sizes: Ints, numbers: Reals, lane: Int, one: Int):
    """Record and save what an accepted step passes, and end at a surface or at the end."""
    m, t, used = sizes[ROWS], doubles(at[T])[lane], doubles(at[USED])[lane]
    status = integers(at[QUEUE_STATUS])
    final = used == numbers[T_END] - t
    end = numbers[T_END] if final else t + used
    place = 2.0
    if sizes[SURFACES] > 0:
        place = first_switch(at, sizes, lane, one)
        if place <= 1.0:
            end = muladd(place, used, t)
    if sizes[SURFACES] > 0 or saves_inside(at, sizes, lane):
        count = shift(integers(at[QUEUE_COUNT]), COUNTS * one)
        count[EVALUATIONS] += sizes[ALL_STAGES] - sizes[STAGES] - 1
    if sizes[CAPACITY] > 0:
        record(at, sizes, lane)
    save = integers(at[QUEUE_SAVE])
    while save[one] < sizes[SAVES]:
        when = doubles(at[SAVE_AT])[save[one]]
        if (when - end) * used > 0.0:
            break
        if (when - t) / used >= 1.0:
            gather(doubles(at[POINT]), doubles(at[NEW]), m, lane)
        else:
            inside(at, sizes, lane, (when - t) / used)
        keep(at, sizes, one, doubles(at[POINT]))
    if place <= 1.0:
        status[one] = SWITCH
        inside(at, sizes, lane, place)
        end_at(at, sizes, lane, end)
    elif final:
        status[one] = REACHED_END
        gather(doubles(at[POINT]), doubles(at[NEW]), m, lane)
        end_at(at, sizes, lane, end)


def record(at: Ints, sizes: Ints, lane: Int):
    """Add the start of the step, its length and its state to the path."""
    place = sizes[RECORDED]
    doubles(at[PATH_T])[place] = doubles(at[T])[lane]
    doubles(at[PATH_H])[place] = doubles(at[USED])[lane]
    gather(shift(doubles(at[PATH_Y]), place * sizes[ROWS]), doubles(at[Y]), sizes[ROWS], lane)
    if ROSENBROCK:  # an explicit method makes its polynomials again from the states
        keep_polynomial(at, sizes, shift(doubles(at[PATH_C]), place * sizes[DEGREE] * sizes[ROWS]))
    if TAYLOR:
        keep_series(at, sizes, shift(doubles(at[PATH_C]), place * sizes[DEGREE] * sizes[ROWS]))
    sizes[RECORDED] = place + 1
