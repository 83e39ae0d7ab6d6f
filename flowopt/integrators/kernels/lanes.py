"""Loops over the state of a block of lanes, row by row; W is the number of lanes."""

import math

from flowopt._language import Int, Ints, Real, Reals, Truth, muladd, shift
from flowopt.integrators.kernels.block import finite

W = 1


def fill(lanes: Reals, value: Real):
    for lane in range(W):
        lanes[lane] = value


def copy(out: Reals, block: Reals, rows: Int):
    for q in range(rows):
        out[q] = block[q]


def times(t: Reals, start: Real, node: Real, length: Reals):
    """Set the times of a stage in all lanes: start + node · length."""
    for lane in range(W):
        t[lane] = muladd(node, length[lane], start)


def add_row(y: Reals, slope: Reals, h: Reals):
    for lane in range(W):
        y[lane] = y[lane] + h[lane] * slope[lane]


def between(out: Reals, a: Reals, b: Reals, fraction: Real, rows: Int):
    """Set out to the point at a fraction of the way from a to b."""
    for q in range(rows):
        inside = a[q] + fraction * (b[q] - a[q])
        out[q] = inside if fraction < 1.0 else b[q]


def move_along(y: Reals, k: Reals, h: Reals, m: Int) -> Truth:
    """Set y = y + h k; return whether all numbers are finite."""
    good = True
    for i in range(m):
        row, slope = shift(y, i * W), shift(k, i * W)
        for lane in range(W):
            value = row[lane] + h[lane] * slope[lane]
            row[lane] = value
            good = good & finite(value)
    return good


def move_to(y: Reals, new: Reals, rows: Int) -> Truth:
    """Set y = new; return whether all numbers are finite."""
    good = True
    for q in range(rows):
        y[q] = new[q]
        good = good & finite(new[q])
    return good


def all_finite(y: Reals, rows: Int) -> Truth:
    """Return whether all numbers are finite."""
    good = True
    for q in range(rows):
        good = good & finite(y[q])
    return good


def park(y: Reals, m: Int, bad: Ints, step: Int) -> Int:
    """Mark the lanes that are not finite and set them to NaN; return how many still run."""
    running = 0
    for lane in range(W):
        for i in range(m):
            if bad[lane] < 0 and not finite(y[i * W + lane]):
                bad[lane] = step
        if bad[lane] < 0:
            running += 1
        else:
            for i in range(m):
                y[i * W + lane] = math.nan
    return running
