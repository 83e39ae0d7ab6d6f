"""Steppers of fixed step: any explicit Runge–Kutta method, and splittings block by block.

Times are t0 + k h, never summed up. A lane whose state stops being finite is marked with the
number of its last finite step, and is NaN from there on.

Both take `sizes`: rows m, stages S, dense degree, total number of steps, number of saves, record
the path (0 or 1), next save, whether F depends on time, room for the terms of a line. The step
with number total − 1 has length h_last. saves[i] and save_at[i] are the step in which save i lies,
and its fraction of that step. The result is the step reached: `last`, or less if no lane is
finite any more.

Lanes may have steps of their own (VARIED is 1, and nothing is saved). The next entries of `sizes`
are then addresses: h and h_last of each lane (2, W), the number of its steps (W,), and where its
state and its totals (of which there are REDUCED rows) are kept after its last step. It goes on
after that, and nobody looks.
"""

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
from flowopt.integrators.kernels.block import combine, dense_weights
from flowopt.integrators.kernels.lanes import (
    add_row,
    all_finite,
    between,
    copy,
    fill,
    move_along,
    move_to,
    park,
    times,
)

W = 1
(ROWS, STAGES, DEGREE, TOTAL, SAVES, KEEP, NEXT_SAVE, TIMED, TERMS, VARIED, LANE_H, LANE_TOTAL,
 DONE, DONE_TOTALS, REDUCED) = range(15)


def explicit(rhs: Int, context: Ints, sizes: Ints, plan: Ints, weight: Reals, nodes: Reals,
             dense: Reals, p: Reals, y: Reals, bad: Ints, first: Int, last: Int, t0: Real, h: Real,
             h_last: Real, path: Reals, saves: Ints, save_at: Reals, saved: Reals, reducer: Int,
             reducer_context: Ints, totals: Reals, work: Reals) -> Int:
    """Take the steps first … last − 1 of an explicit Runge–Kutta method.

    The stages' linear combinations are the rows of `plan` and `weight` (kernels/block.py).
    """
    m, stages = sizes[ROWS], sizes[STAGES]
    rows = m * W
    size = rows if W > 1 else (m + 3) & -4
    k = work
    state, new = shift(k, stages * size), shift(k, (stages + 1) * size)
    t, length = shift(k, (stages + 2) * size), shift(k, (stages + 2) * size + W)
    weights = shift(length, W)
    terms = sizes[TERMS]
    copy(state, y, rows)
    fill(length, h)
    step = first
    while step < last:
        start = t0 + step * h
        lengths(length, sizes, step, h_last)
        if sizes[TIMED]:
            stage_times(t, sizes, step, start, t0, nodes[0], length)
        call_kernel(rhs, context, t, state, p, p, k)
        for s in range(1, stages):
            combine(new, state, length, size, shift(plan, s * (terms + 1)),
                    shift(weight, s * terms))
            if sizes[TIMED]:
                stage_times(t, sizes, step, start, t0, nodes[s], length)
            call_kernel(rhs, context, t, new, p, p, shift(k, s * size))
        save = sizes[NEXT_SAVE]
        while save < sizes[SAVES] and saves[save] == step and save_at[save] < 1.0:
            dense_weights(weights, save_at[save], dense, plan[0], sizes[DEGREE])
            combine(new, state, length, size, plan, weights)
            copy(shift(saved, save * rows), new, rows)
            save += 1
        if stages == 1:
            good = move_along(state, k, length, m)
        else:
            combine(new, state, length, size, shift(plan, stages * (terms + 1)),
                    shift(weight, stages * terms))
            good = move_to(state, new, rows)
        while save < sizes[SAVES] and saves[save] == step:  # at the end of the step
            copy(shift(saved, save * rows), state, rows)
            save += 1
        sizes[NEXT_SAVE] = save
        step += 1
        if not settled(sizes, step, state, good, bad, path):
            break
        show(sizes, step, start, t0, length, t, state, p, reducer, reducer_context, totals)
    copy(y, state, rows)
    return step


def euler(rule: Int, context: Ints, sizes: Ints, p: Reals, y: Reals, bad: Ints, first: Int,
          last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints, save_at: Reals,
          saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals, work: Reals) -> Int:
    """Take explicit Euler steps by a kernel of the map y + h F: nothing is saved inside a step."""
    rows = sizes[ROWS] * W
    state, new = work, shift(work, rows)
    t, length = shift(work, 2 * rows), shift(work, 2 * rows + W)
    copy(state, y, rows)
    fill(length, h)
    step = first
    while step < last:
        start = begin(t, length, sizes, step, t0, h, h_last)
        call_kernel(rule, context, t, state, p, length, new)
        here = state
        state = new
        new = here
        step += 1
        if not settled(sizes, step, state, all_finite(state, rows), bad, path):
            break
        show(sizes, step, start, t0, length, t, state, p, reducer, reducer_context, totals)
    copy(y, state, rows)
    return step


def in_place(rule: Int, context: Ints, sizes: Ints, p: Reals, y: Reals, bad: Ints, first: Int,
             last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints, save_at: Reals,
             saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals, work: Reals) -> Int:
    """Take steps by a kernel that writes y⁺ over y, and whether it is finite: 1 or 0 for a lane.

    Nothing is saved inside a step.
    """
    t, length, finite_lane = work, shift(work, W), shift(work, 2 * W)
    fill(length, h)
    step = first
    while step < last:
        start = begin(t, length, sizes, step, t0, h, h_last)
        call_kernel(rule, context, t, y, p, length, finite_lane)
        good = True
        for lane in range(W):
            good = good & (finite_lane[lane] > 0.0)
        step += 1
        if not settled(sizes, step, y, good, bad, path):
            break
        show(sizes, step, start, t0, length, t, y, p, reducer, reducer_context, totals)
    return step


def sequential(phases: Ints, context: Ints, sizes: Ints, p: Reals, y: Reals, bad: Ints, first: Int,
               last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints,
               save_at: Reals, saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals,
               work: Reals) -> Int:
    """Take steps in which the blocks are updated one after another (Gauss–Seidel).

    phases: how many, then for each: the kernel's address, the number of rows, and for each row
    its place in y and its place in the kernel's result.
    """
    rows = sizes[ROWS] * W
    out, before = work, shift(work, rows)
    t, length = shift(work, 2 * rows), shift(work, 2 * rows + W)
    fill(length, h)
    step = first
    while step < last:
        start = begin(t, length, sizes, step, t0, h, h_last)
        copy(before, y, rows)
        phase = shift(phases, 1)
        for _ in range(phases[0]):
            call_kernel(phase[0], context, t, y, p, p, out)
            for r in range(phase[1]):
                add_row(shift(y, phase[2 + 2 * r] * W), shift(out, phase[3 + 2 * r] * W), length)
            phase = shift(phase, 2 + 2 * phase[1])
        save_line(sizes, saves, save_at, saved, step, before, y)
        step += 1
        if not settled(sizes, step, y, all_finite(y, rows), bad, path):
            break
        show(sizes, step, start, t0, length, t, y, p, reducer, reducer_context, totals)
    return step


# ------------------------------------------------------------------ what all of them do
def begin(t: Reals, length: Reals, sizes: Ints, step: Int, t0: Real, h: Real, h_last: Real
          ) -> Real:
    """Set the lengths of a step, and where F depends on time its start; return the start."""
    start = t0 + step * h
    lengths(length, sizes, step, h_last)
    if sizes[TIMED]:
        stage_times(t, sizes, step, start, t0, 0.0, length)
    return start


def save_line(sizes: Ints, saves: Ints, save_at: Reals, saved: Reals, step: Int, before: Reals,
              y: Reals):
    """Save what lies in a step, on the line from the state before it to the one after it."""
    rows = sizes[ROWS] * W
    save = sizes[NEXT_SAVE]
    while save < sizes[SAVES] and saves[save] == step:
        between(shift(saved, save * rows), before, y, save_at[save], rows)
        save += 1
    sizes[NEXT_SAVE] = save


def record(sizes: Ints, step: Int, y: Reals, path: Reals):
    """Record the state after `step` steps where the path is kept."""
    rows = sizes[ROWS] * W
    if sizes[KEEP] == 1:
        copy(shift(path, step * rows), y, rows)


def settled(sizes: Ints, step: Int, y: Reals, good: Truth, bad: Ints, path: Reals) -> Truth:
    """Record the state after `step` steps, and park lanes; return whether one runs on."""
    record(sizes, step, y, path)
    return good or park(y, sizes[ROWS], bad, step - 1) > 0


def show(sizes: Ints, step: Int, start: Real, t0: Real, length: Reals, t: Reals, y: Reals,
         p: Reals, reducer: Int, reducer_context: Ints, totals: Reals):
    """Show the state after `step` steps to the reducer; keep the lanes whose last step it was."""
    if reducer != 0:
        stage_times(t, sizes, step - 1, start, t0, 1.0, length)
        call_kernel(reducer, reducer_context, t, y, p, p, totals)
    if sizes[VARIED] == 1:
        finish(sizes, step, y, totals)


def stage_times(t: Reals, sizes: Ints, step: Int, start: Real, t0: Real, node: Real, length: Reals):
    """Set the times of a stage: start + node · length, with the start of each lane's step."""
    if sizes[VARIED] == 1:
        h = doubles(sizes[LANE_H])
        for lane in range(W):
            t[lane] = muladd(node, length[lane], t0 + step * h[lane])
    else:
        times(t, start, node, length)


def lengths(length: Reals, sizes: Ints, step: Int, h_last: Real):
    """Set the lengths of a step where they are not those of the step before."""
    if sizes[VARIED] == 1:
        h, total = doubles(sizes[LANE_H]), integers(sizes[LANE_TOTAL])
        for lane in range(W):
            length[lane] = h[W + lane] if step == total[lane] - 1 else h[lane]
    elif step == sizes[TOTAL] - 1:
        fill(length, h_last)


def finish(sizes: Ints, step: Int, y: Reals, totals: Reals):
    """Keep the states and totals of the lanes whose last step this was."""
    total, done, kept = (integers(sizes[LANE_TOTAL]), doubles(sizes[DONE]),
                         doubles(sizes[DONE_TOTALS]))
    for lane in range(W):
        if total[lane] == step:
            for i in range(sizes[ROWS]):
                done[i * W + lane] = y[i * W + lane]
            for i in range(sizes[REDUCED]):
                kept[i * W + lane] = totals[i * W + lane]


def build(width: int, name: str):
    """Return the compiled stepper `name` for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    function = {"explicit": explicit, "euler": euler, "in_place": in_place,
                "sequential": sequential}[name]
    return compiled(function, {"W": width}, vectorise=width > 1 or name in ("euler", "in_place"))


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = {"explicit": "ipppppp" + "ppp" + "iiddd" + "pppp" + "ipp" + "p",
         **dict.fromkeys(("euler", "in_place"), "ipp" + "ppp" + "iiddd" + "pppp" + "ipp" + "p"),
         "sequential": "pppppp" + "iiddd" + "pppp" + "ipp" + "p"}
