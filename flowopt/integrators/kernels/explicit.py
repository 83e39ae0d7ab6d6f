"""One step of an explicit pair in every lane, and the extra stages of its dense output."""

from flowopt._language import Int, Ints, Real, Reals, call_kernel, doubles, integers, muladd, shift
from flowopt.integrators.kernels.block import combine
from flowopt.integrators.kernels.control import choose_step
from flowopt.integrators.kernels.places import *

W = 1


def evaluate(at: Ints, sizes: Ints, where: Int, stage: Int):
    """Set the slopes of a stage: F at the block `where` and the times STAGE_T."""
    call_kernel(at[RHS], integers(at[CONTEXT]), doubles(at[STAGE_T]), doubles(at[where]),
                doubles(at[P]), doubles(at[SIDE]), shift(doubles(at[K]), stage * sizes[SIZE]))


def point_of_line(at: Ints, sizes: Ints, out: Reals, base: Reals, row: Int):
    """Set out = base + h Σ (weights of a row of the tableau) · slopes."""
    combine(out, base, doubles(at[USED]), sizes[SIZE],
            shift(integers(at[LINES]), row * (sizes[TERMS] + 1)),
            shift(doubles(at[WEIGHT]), row * sizes[TERMS]))


def times_of_stage(out: Reals, t: Reals, h: Reals, node: Real):
    for lane in range(W):
        out[lane] = muladd(node, h[lane], t[lane])


def try_step(at: Ints, sizes: Ints, numbers: Reals):
    """Take one trial step in every lane: slopes, new state, error estimates times h."""
    stages, errors = sizes[STAGES], sizes[ERRORS]
    t, used, stage_t = doubles(at[T]), doubles(at[USED]), doubles(at[STAGE_T])
    choose_step(used, doubles(at[H]), t, numbers[T_END])
    for s in range(1, stages):
        point_of_line(at, sizes, doubles(at[TRIAL]), doubles(at[Y]), s)
        times_of_stage(stage_t, t, used, doubles(at[NODES])[s])
        evaluate(at, sizes, TRIAL, s)
    point_of_line(at, sizes, doubles(at[NEW]), doubles(at[Y]), stages)
    times_of_stage(stage_t, t, used, 1.0)
    if sizes[LATE] == 0:
        evaluate(at, sizes, NEW, stages)
    point_of_line(at, sizes, doubles(at[ESTIMATE]), doubles(at[ZERO]), stages + 1)
    if errors == 2:
        point_of_line(at, sizes, shift(doubles(at[ESTIMATE]), sizes[SIZE]), doubles(at[ZERO]),
                      stages + 2)


def dense_stages(at: Ints, sizes: Ints):
    """Evaluate the extra stages of the dense output."""
    first = sizes[STAGES] + 1
    for s in range(first, sizes[ALL_STAGES]):
        point_of_line(at, sizes, doubles(at[TRIAL]), doubles(at[Y]), s + sizes[ERRORS])
        times_of_stage(doubles(at[STAGE_T]), doubles(at[T]), doubles(at[USED]),
                       doubles(at[NODES])[s])
        evaluate(at, sizes, TRIAL, s)
