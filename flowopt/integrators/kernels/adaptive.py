"""The adaptive stepper: pairs and Taylor series, with their own time and step in every lane.

Trajectories wait in a queue; a lane that ends one takes the next, so nothing waits for the
slowest. A lane hands its trajectory back when it has reached the end, met a switching surface,
diverged, spent its steps, or cannot go on. The arithmetic of a lane does not depend on the
others, nor on their number.

Every function takes the addresses of all arrays, `at`, and the numbers of the run, `sizes` and
`numbers`; `places` names their entries. This file is the loop; `queue` starts trajectories,
`explicit` takes the step and `control` judges it, or
`rosenbrock` or `taylor` does; `surfaces` looks inside it, and `conclude` ends it.
"""

from flowopt._language import Int, Ints, Reals, doubles, integers, shift
from flowopt.integrators.kernels.conclude import conclude
from flowopt.integrators.kernels.control import control, error_norm, move_on, take_slope
from flowopt.integrators.kernels.explicit import dense_stages, evaluate, try_step
from flowopt.integrators.kernels.places import *
from flowopt.integrators.kernels.queue import take
from flowopt.integrators.kernels.rosenbrock import rosenbrock_step
from flowopt.integrators.kernels.stiffness import watch_stiffness
from flowopt.integrators.kernels.surfaces import refuse_unresolved, sample_surfaces, save_inside
from flowopt.integrators.kernels.taylor import taylor_step

W = 1
ROSENBROCK = TAYLOR = 0


def adaptive(at: Ints, sizes: Ints, numbers: Reals, budget: Int) -> Int:
    """Advance all lanes, step by step.

    Return 0 when the queue is done, 1 when `budget` rounds are spent, 2 when the buffer of the
    path is full.
    """
    rounds = 0
    while True:
        active = 0
        for lane in range(W):
            active += take(at, sizes, numbers, lane)
        if active == 0:
            return 0
        if rounds == budget:
            return 1
        if sizes[CAPACITY] > 0 and sizes[RECORDED] == sizes[CAPACITY]:
            return 2
        rounds += 1
        some = 0
        if TAYLOR:
            some = taylor_step(at, sizes, numbers)
        else:
            some = step_of_pair(at, sizes, numbers)
        if some:
            if sizes[SURFACES] > 0:
                sample_surfaces(at, sizes)
                refuse_unresolved(at, sizes, numbers)
        for lane in range(W):
            if integers(at[LANE_ID])[lane] >= 0:
                conclude(at, sizes, numbers, lane)
        if some:
            move_on(doubles(at[Y]), doubles(at[NEW]), doubles(at[T]), doubles(at[USED]),
                    doubles(at[ACCEPT]), sizes[ROWS])
            if not TAYLOR:
                stages = sizes[STAGES] * sizes[SIZE]
                take_slope(doubles(at[FIRST]), shift(doubles(at[K]), stages), doubles(at[ACCEPT]),
                           sizes[ROWS])


def step_of_pair(at: Ints, sizes: Ints, numbers: Reals) -> Int:
    """Take a step of an embedded pair in every lane; return whether some lane accepts it."""
    if ROSENBROCK:
        rosenbrock_step(at, sizes, numbers)
    else:
        try_step(at, sizes, numbers)
    error_norm(doubles(at[ERR]), doubles(at[OTHER]), doubles(at[GUARD]), doubles(at[Y]),
               doubles(at[NEW]), doubles(at[ESTIMATE]), doubles(at[ATOL]), numbers[RTOL],
               sizes[ROWS], sizes[SIZE], sizes[ERRORS])
    some = control(doubles(at[ERR]), doubles(at[USED]), doubles(at[H]), doubles(at[MEMORY]),
                   doubles(at[REFUSED]), doubles(at[ACCEPT]), integers(at[LANE_ID]), sizes,
                   numbers)
    if some:
        if sizes[LATE] == 1:
            evaluate(at, sizes, NEW, sizes[STAGES])
        if sizes[STIFFNESS] > 0:
            watch_stiffness(at, sizes, numbers)
        if sizes[SURFACES] > 0 or save_inside(at, sizes):
            dense_stages(at, sizes)
    return some


def build(width: int, name: str = "adaptive"):
    """Return the compiled stepper for blocks of `width` lanes: adaptive, rosenbrock or taylor."""
    from flowopt._compiler import compiled

    constants = {"W": width, "ROSENBROCK": int(name == "rosenbrock"),
                 "TAYLOR": int(name == "taylor")}
    return compiled(adaptive, constants, vectorise=width > 1)


#: how ctypes passes the arguments: p address, i integer
KINDS = {"adaptive": "pppi", "rosenbrock": "pppi", "taylor": "pppi"}
