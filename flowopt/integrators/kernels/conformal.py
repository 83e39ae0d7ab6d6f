"""Conformal leapfrog: q̇ = v, v̇ = −γ v + f(q), friction solved exactly around a leapfrog step.

With c = e^{−γh/2}: v ← c v; v ← v + h/2 f(q); q ← q + h v; v ← v + h/2 f(q); v ← c v. The middle
three preserve dq∧dv, and each factor c contracts it by c, so a step contracts it by e^{−γh}.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, call_kernel, muladd, shift
from flowopt.integrators.kernels.fixed import ROWS, TOTAL, save_line, settled, show
from flowopt.integrators.kernels.lanes import all_finite, copy, fill

W = 1


def conformal(force: Int, context: Ints, sizes: Ints, p: Reals, y: Reals, bad: Ints, first: Int,
              last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints, save_at: Reals,
              saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals, work: Reals) -> Int:
    """Take the steps first … last − 1 (the arguments of kernels/fixed.py).

    The kernel `force` has the rows f(q) and then γ; y holds q and then v.
    """
    m = sizes[ROWS]
    rows = m * W
    half = (m >> 1) * W
    out, before = work, shift(work, rows + W)
    t, length = shift(work, 2 * rows + W), shift(work, 2 * rows + 2 * W)
    decay = shift(work, 2 * rows + 3 * W)
    q, v = y, shift(y, half)
    now = h_last if first == sizes[TOTAL] - 1 else h
    fill(t, t0)
    fill(length, now)
    call_kernel(force, context, t, y, p, p, out)
    friction(decay, shift(out, half), now)
    step = first
    while step < last:
        start = t0 + step * h
        if step == sizes[TOTAL] - 1 and step > first:
            now = h_last
            fill(length, now)
            friction(decay, shift(out, half), now)
        copy(before, y, rows)
        kick_drift(q, v, out, decay, now, half)
        call_kernel(force, context, t, y, p, p, out)
        kick(v, out, decay, now, half)
        save_line(sizes, saves, save_at, saved, step, before, y)
        step += 1
        if not settled(sizes, step, y, all_finite(y, rows), bad, path):
            break
        show(sizes, step, start, t0, length, t, y, p, reducer, reducer_context, totals)
    return step


def friction(decay: Reals, gamma: Reals, h: Real):
    """Set decay = e^{−γh/2}."""
    for lane in range(W):
        decay[lane] = math.exp(-0.5 * h * gamma[lane])


def kick_drift(q: Reals, v: Reals, f: Reals, decay: Reals, h: Real, half: Int):
    """Friction, half a kick, and the drift."""
    for i in range(0, half, W):
        drift_row(shift(q, i), shift(v, i), shift(f, i), decay, h)


def drift_row(q: Reals, v: Reals, f: Reals, decay: Reals, h: Real):
    for lane in range(W):
        speed = muladd(0.5 * h, f[lane], decay[lane] * v[lane])
        v[lane] = speed
        q[lane] = muladd(h, speed, q[lane])


def kick(v: Reals, f: Reals, decay: Reals, h: Real, half: Int):
    """The other half of the kick, and friction."""
    for i in range(0, half, W):
        kick_row(shift(v, i), shift(f, i), decay, h)


def kick_row(v: Reals, f: Reals, decay: Reals, h: Real):
    for lane in range(W):
        v[lane] = decay[lane] * muladd(0.5 * h, f[lane], v[lane])


def build(width: int, name: str = "conformal"):
    """Return the compiled stepper for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    return compiled(conformal, {"W": width}, vectorise=width > 1)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = {"conformal": "ipp" + "ppp" + "iiddd" + "pppp" + "ipp" + "p"}
