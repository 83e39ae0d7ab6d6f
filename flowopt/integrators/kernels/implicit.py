"""Implicit steppers of fixed step: the loop over steps and lanes around the solvers of one step.

A lane whose step has no solution is parked as NaN from there on, like one that diverges; `why`
says which of the two it was (outcomes of kernels/newton_places.py).
"""

import math

from flowopt._language import Int, Ints, Real, Reals, doubles, shift
from flowopt.integrators.kernels.block import finite, gather, scatter
from flowopt.integrators.kernels.fixed import ROWS as SIZE_ROWS
from flowopt.integrators.kernels.fixed import TOTAL, record, save_line, show
from flowopt.integrators.kernels.gradient import gonzalez, itoh_abe
from flowopt.integrators.kernels.inclusion import inclusion
from flowopt.integrators.kernels.lanes import copy, fill
from flowopt.integrators.kernels.newton_places import *
from flowopt.integrators.kernels.proximal import proximal

W = 1
#: which step: implicit Euler, or one of the two discrete gradients
KIND = 0


def implicit(at: Ints, sizes: Ints, why: Ints, p: Reals, y: Reals, bad: Ints,
             first: Int, last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints,
             save_at: Reals, saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals,
             work: Reals) -> Int:
    """Take the steps first … last − 1 (the arguments of kernels/fixed.py)."""
    rows = sizes[SIZE_ROWS] * W
    before, t, length = work, shift(work, rows), shift(work, rows + W)
    step = first
    while step < last:
        start = t0 + step * h
        now = h_last if step == sizes[TOTAL] - 1 else h
        fill(length, now)
        copy(before, y, rows)
        running = 0
        for lane in range(W):
            if bad[lane] < 0:
                running += advance(at, why, p, y, bad, lane, step, start, now)
        save_line(sizes, saves, save_at, saved, step, before, y)
        step += 1
        record(sizes, step, y, path)
        if running == 0:
            break
        show(sizes, step, start, t0, length, t, y, p, reducer, reducer_context, totals)
    return step


def advance(at: Ints, why: Ints, p: Reals, y: Reals, bad: Ints, lane: Int, step: Int, start: Real,
            h: Real) -> Int:
    """Take the step of one lane; return whether it goes on."""
    m = at[ROWS]
    gather(doubles(at[Y]), y, m, lane)
    gather(doubles(at[P1]), p, at[PARAMETERS], lane)
    doubles(at[T1])[0] = start + h
    outcome = SOLVED
    if KIND == 0:
        if at[SURFACES] == 0:
            outcome = proximal(at, h)
        else:
            outcome = inclusion(at, h)
    elif KIND == 1:
        outcome = gonzalez(at, h)
    else:
        outcome = itoh_abe(at, h)
    z = doubles(at[Z])
    if outcome == SOLVED:
        for i in range(m):
            if not finite(z[i]):
                outcome = NOT_FINITE
    if outcome != SOLVED:
        bad[lane] = step
        why[lane] = outcome
        for i in range(m):
            z[i] = math.nan
    scatter(y, z, m, lane)
    return 1 if outcome == SOLVED else 0


def build(width: int, name: str):
    """Return the compiled stepper `name` for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    kind = ["implicit_euler", "gonzalez", "itoh_abe"].index(name)
    return compiled(implicit, {"W": width, "KIND": kind}, vectorise=False)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = dict.fromkeys(["implicit_euler", "gonzalez", "itoh_abe"],
                      "ppp" + "ppp" + "iiddd" + "pppp" + "ipp" + "p")
