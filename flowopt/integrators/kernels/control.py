"""The error of a step in units of the tolerance, acceptance, and the next step."""

import math

from flowopt._language import Int, Ints, Real, Reals, muladd, shift
from flowopt.integrators.kernels.block import power64
from flowopt.integrators.kernels.places import *

W = 1


def choose_step(used: Reals, h: Reals, t: Reals, t_end: Real):
    """Set the step to use: the proposed one, or up to the end when that is hardly longer."""
    for lane in range(W):
        left = t_end - t[lane]
        used[lane] = left if abs(left) <= 1.01 * abs(h[lane]) else h[lane]


def error_norm(err: Reals, other: Reals, guard: Reals, y: Reals, new: Reals, estimate: Reals,
               atol: Reals, rtol: Real, m: Int, size: Int, errors: Int):
    """Set err to the norm of the error in units of the tolerance.

    It is |e|/√m for one estimate and |e|²/√((|e|² + |e'|²/100) m) for two (Hairer's DOP853).
    """
    for lane in range(W):
        err[lane] = 0.0
        other[lane] = 0.0
        guard[lane] = 0.0
    for i in range(m):
        add_error(err, shift(y, i * W), shift(new, i * W), shift(estimate, i * W), atol[i], rtol)
        if errors == 2:
            add_error(other, shift(y, i * W), shift(new, i * W), shift(estimate, size + i * W),
                      atol[i], rtol)
        for lane in range(W):  # an overflow that the estimate does not see: 0·∞ is no number
            guard[lane] = muladd(0.0, new[i * W + lane], guard[lane])
    for lane in range(W):
        if errors == 2:
            below = math.sqrt(muladd(0.01, other[lane], err[lane]) * m)
            err[lane] = (err[lane] / below if below > 0.0 else below) + guard[lane]
        else:
            err[lane] = math.sqrt(err[lane] / m) + guard[lane]


def add_error(total: Reals, y: Reals, new: Reals, estimate: Reals, atol: Real, rtol: Real):
    """Add the squared error of one row, in units of its tolerance."""
    for lane in range(W):
        ratio = estimate[lane] / muladd(rtol, max(abs(y[lane]), abs(new[lane])), atol)
        total[lane] = muladd(ratio, ratio, total[lane])


def control(err: Reals, used: Reals, h: Reals, memory: Reals, refused: Reals, accept: Reals,
            lane_id: Ints, sizes: Ints, numbers: Reals) -> Int:
    """Accept or refuse, and set the next step: h · safety · err^−α · (last err)^β.

    Return whether some lane accepts.
    """
    alpha, beta, safety = sizes[ALPHA], sizes[BETA], numbers[SAFETY]
    shrink, grow, h_max = numbers[SHRINK], numbers[GROW], numbers[H_MAX]
    some = 0
    for lane in range(W):
        good = (err[lane] <= 1.0) & (lane_id[lane] >= 0)
        some |= 1 if good else 0
        known = err[lane] <= 1e300  # no overflow and no NaN
        error = max(err[lane], 1e-10)
        by_error = safety / power64(error, alpha)
        larger = min(max(by_error * memory[lane], shrink), 1.0 if refused[lane] > 0.0 else grow)
        smaller = min(max(by_error, 0.1), 0.9) if known else 0.1
        memory[lane] = power64(max(error, 1e-4), beta) if good else memory[lane]
        proposal = used[lane] * (larger if good else smaller)
        proposal = min(max(proposal, -h_max), h_max)
        h[lane] = proposal
        accept[lane] = 1.0 if good else 0.0
        refused[lane] = 0.0 if good else (1.0 if known else 2.0)
    return some


def move_on(y: Reals, new: Reals, t: Reals, used: Reals, accept: Reals, m: Int):
    """Accepted lanes that go on take the new state and time."""
    for i in range(m):
        for lane in range(W):
            q = i * W + lane
            y[q] = new[q] if accept[lane] > 0.0 else y[q]
    for lane in range(W):
        t[lane] = t[lane] + used[lane] if accept[lane] > 0.0 else t[lane]


def take_slope(k: Reals, last: Reals, accept: Reals, m: Int):
    """The slope at the new point is the first of the next step."""
    for i in range(m):
        for lane in range(W):
            q = i * W + lane
            k[q] = last[q] if accept[lane] > 0.0 else k[q]
