"""Steppers of fixed step: any explicit Runge–Kutta method, and splittings block by block.

Times are t0 + k h, never summed up. A lane whose state stops being finite is marked with the
number of its last finite step, and is NaN from there on.
"""

import math

import numba
from numba import types

from flowopt._native import options
from flowopt._pointers import F8, I8, call_kernel, shift
from flowopt.integrators.kernels.lanes import combine, dense_weights, finite

I = types.int64  # noqa: E741
D = types.float64


def build(width, name):
    """Return the compiled stepper `name` for blocks of `width` lanes."""
    W = width
    inner = numba.njit(**options())

    @inner
    def mark(y, rows, bad, step):
        """Mark the lanes that are no longer finite; return how many lanes are still running."""
        wrong = 0
        for q in range(rows * W):
            wrong |= 0 if finite(y[q]) else 1
        if wrong == 0:
            return 1
        running = 0
        for lane in range(W):
            good = True
            for i in range(rows):
                if not finite(y[i * W + lane]):
                    good = False
            if not good:
                if bad[lane] < 0:
                    bad[lane] = step
                for i in range(rows):
                    y[i * W + lane] = math.nan
            if bad[lane] < 0:
                running += 1
        return running

    @inner
    def record(y, rows, out, at):
        base = at * rows * W
        for q in range(rows * W):
            out[base + q] = y[q]

    def explicit(rhs, context, sizes, plan, weight, nodes, dense, p, y, bad, first, last, t0, h,
                 h_last, path, saves, save_at, saved, reducer, reducer_context, totals, work):
        """Take the steps first … last − 1; return the step reached (last, or earlier if no lane
        is finite any more).

        sizes: rows m, stages S, dense degree, total number of steps, number of saves, record the
        path (0 or 1), next save. The step with number total − 1 has length h_last.
        saves[i], save_at[i]: the step in which save i lies, and its fraction of that step.
        """
        m, stages, degree = sizes[0], sizes[1], sizes[2]
        total, n_saves, keep, save = sizes[3], sizes[4], sizes[5], sizes[6]
        size = m * W
        k = work
        trial = shift(work, stages * size)
        increment = shift(work, (stages + 1) * size)
        t = shift(work, (stages + 2) * size)
        weights = shift(t, W)
        one = shift(plan, 0)
        step = first
        while step < last:
            start = t0 + step * h
            length = h_last if step == total - 1 else h
            for lane in range(W):
                t[lane] = start
            call_kernel(rhs, context, t, y, p, p, k)
            for s in range(1, stages):
                one = shift(plan, s * (stages + 1))
                combine(increment, k, size, one[0], shift(one, 1), shift(weight, s * stages))
                for q in range(size):
                    trial[q] = y[q] + length * increment[q]
                for lane in range(W):
                    t[lane] = start + nodes[s] * length
                call_kernel(rhs, context, t, trial, p, p, shift(k, s * size))
            while save < n_saves and saves[save] == step and save_at[save] < 1.0:
                dense_weights(weights, save_at[save], dense, stages, degree)
                for i in range(m):
                    for lane in range(W):
                        value = 0.0
                        for s in range(stages):
                            value = value + weights[s] * k[s * size + i * W + lane]
                        saved[(save * m + i) * W + lane] = y[i * W + lane] + length * value
                save += 1
            one = shift(plan, stages * (stages + 1))
            if one[0] == 1 and stages == 1:
                for q in range(size):
                    y[q] = y[q] + length * k[q]
            else:
                combine(increment, k, size, one[0], shift(one, 1), shift(weight, stages * stages))
                for q in range(size):
                    y[q] = y[q] + length * increment[q]
            while save < n_saves and saves[save] == step:  # at the end of the step
                record(y, m, saved, save)
                save += 1
            step += 1
            if keep == 1:
                record(y, m, path, step)
            running = mark(y, m, bad, step - 1)
            if running == 0:
                break
            if reducer != 0:
                for lane in range(W):
                    t[lane] = start + length
                call_kernel(reducer, reducer_context, t, y, p, p, totals)
        sizes[6] = save
        return step

    def sequential(phases, context, sizes, p, y, bad, first, last, t0, h, h_last, path, saves,
                   save_at, saved, reducer, reducer_context, totals, work):
        """Take steps in which the blocks are updated one after another (Gauss–Seidel).

        phases: how many, then for each: the kernel's address, the number of rows, and for each
        row its place in y and its place in the kernel's result.
        """
        m, total = sizes[0], sizes[3]
        n_saves, keep, save = sizes[4], sizes[5], sizes[6]
        size = m * W
        out = work
        before = shift(work, size)
        t = shift(work, 2 * size)
        step = first
        while step < last:
            start = t0 + step * h
            length = h_last if step == total - 1 else h
            for lane in range(W):
                t[lane] = start
            if save < n_saves:
                for q in range(size):
                    before[q] = y[q]
            at = 1
            for _ in range(phases[0]):
                address, count = phases[at], phases[at + 1]
                call_kernel(address, context, t, y, p, p, out)
                for r in range(count):
                    row = phases[at + 2 + 2 * r] * W
                    source = phases[at + 3 + 2 * r] * W
                    for lane in range(W):
                        y[row + lane] = y[row + lane] + length * out[source + lane]
                at += 2 + 2 * count
            while save < n_saves and saves[save] == step:
                fraction = save_at[save]
                for q in range(size):
                    inside = before[q] + fraction * (y[q] - before[q])
                    saved[save * size + q] = inside if fraction < 1.0 else y[q]
                save += 1
            step += 1
            if keep == 1:
                record(y, m, path, step)
            running = mark(y, m, bad, step - 1)
            if running == 0:
                break
            if reducer != 0:
                for lane in range(W):
                    t[lane] = start + length
                call_kernel(reducer, reducer_context, t, y, p, p, totals)
        sizes[6] = save
        return step

    shared = (I, I, D, D, D, F8, I8, F8, F8, I, I8, F8, F8)
    made = {
        "explicit": (explicit, types.int64(I, I8, I8, I8, F8, F8, F8, F8, F8, I8, *shared)),
        "sequential": (sequential, types.int64(I8, I8, I8, F8, F8, I8, *shared)),
    }
    function, signature = made[name]
    return numba.njit(signature, **options())(function)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = {"explicit": "ipppppp" + "ppp" + "iiddd" + "pppp" + "ipp" + "p",
         "sequential": "pppppp" + "iiddd" + "pppp" + "ipp" + "p"}
