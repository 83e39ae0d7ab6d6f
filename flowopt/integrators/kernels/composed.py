"""A stepper of a splitting between random numbers before a step and soft thresholds behind it.

One step: draw normal numbers, and write those of a noise of the gradient, times its scale, into
the rows of a state; take the step; move θ towards 0 by a threshold (S(z) = sign(z) max(|z| − c, 0),
the proximal map of c‖·‖₁, exactly 0 where |z| <= c); add a kick to θ.

`whole` is the kernel of the map of one step, or 0: then `phases` says which rows are updated after
which (as for `sequential` in fixed.py). `draws`: for each of sizes[MANY] streams, the row into
which it is written (−1: added to θ behind the step), the kernel of its variance (0: `variance`
holds it), and how many steps lie between two draws. `chance` (MANY,): the probability of a draw in
a step that is one. `heat`: the kernel of the threshold's speed, or 0; `speed` holds it. `bare`:
the parameters that the step sees, where the penalty of the threshold is 0.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, call_kernel, muladd, shift
from flowopt.integrators.kernels.fixed import add_row, all_finite, copy, fill
from flowopt.integrators.kernels.increments import place, stride
from flowopt.integrators.kernels.noise import saves_here, settle
from flowopt.integrators.kernels.noise_places import (
    HELD,
    K0,
    K1,
    LANE,
    NOISY,
    OWN,
    ROWS,
    TOTAL,
)
from flowopt.integrators.kernels.philox import inside, own_words, words

W = 1
#: behind the entries of noise_places.py: the number of streams, and the steps before the first
MANY, OFFSET = 10, 11
#: the stream of the counter that says whether a draw takes place
COIN = 0x40000000


def composed(whole: Int, phases: Ints, context: Ints, sizes: Ints, key: Ints, draws: Ints,
             chance: Reals, variance: Reals, heat: Int, speed: Reals, shrinks: Int, bare: Reals,
             word: Ints, p: Reals, y: Reals, bad: Ints, first: Int, last: Int, t0: Real, h: Real,
             h_last: Real, path: Reals, saves: Ints, save_at: Reals, saved: Reals, reducer: Int,
             reducer_context: Ints, totals: Reals, work: Reals) -> Int:
    """Take the steps first … last − 1."""
    m, n, many = sizes[ROWS], sizes[NOISY], sizes[MANY]
    rows = m * W
    out, before, t = work, shift(work, rows), shift(work, 2 * rows)
    length, size, coin = shift(t, W), shift(t, 2 * W), shift(t, 3 * W)
    noise = shift(t, 4 * W)
    second = n * sizes[HELD] * W
    fill(length, h)
    step = first
    while step < last:
        start = t0 + step * h
        if step == sizes[TOTAL] - 1:
            fill(length, h_last)
        fill(t, start)
        if saves_here(sizes, saves, step):
            copy(before, y, rows)
        number = step + sizes[OFFSET]
        at = 0
        if many > 0:
            at = place(noise, word, key, sizes, number, many)
        for d in range(many):
            if draws[3 * d] >= 0:
                amount(size, draws, d, number, variance, chance, coin, context, t, y, p, word, key)
                written(shift(y, draws[3 * d] * W), shift(noise, d * second + at), size, sizes)
        if whole != 0:
            call_kernel(whole, context, t, y, bare, length, out)
            copy(y, out, rows)
        else:
            phase = shift(phases, 1)
            for _ in range(phases[0]):
                call_kernel(phase[0], context, t, y, bare, bare, out)
                for r in range(phase[1]):
                    add_row(shift(y, phase[2 + 2 * r] * W), shift(out, phase[3 + 2 * r] * W),
                            length)
                phase = shift(phase, 2 + 2 * phase[1])
        if shrinks != 0:
            if heat != 0:
                call_kernel(heat, context, t, y, p, p, speed)
            for i in range(n):
                shrunk(shift(y, i * W), speed, length)
        for d in range(many):
            if draws[3 * d] < 0:
                amount(size, draws, d, number, variance, chance, coin, context, t, y, p, word, key)
                added(y, shift(noise, d * second + at), size, sizes)
        good = all_finite(y, rows)
        step += 1
        if not settle(y, before, step, good, sizes, bad, path, saves, save_at, saved):
            break
        if reducer != 0:
            fill(t, start + length[0])
            call_kernel(reducer, reducer_context, t, y, p, p, totals)
    return step


def amount(size: Reals, draws: Ints, d: Int, number: Int, variance: Reals, chance: Reals,
           coin: Reals, context: Ints, t: Reals, y: Reals, p: Reals, word: Ints, key: Ints):
    """Set the scale of stream d in each lane: √variance, or 0 in steps without a draw."""
    every = draws[3 * d + 2]
    if int((number + 1) / every) * every != number + 1:  # exact for numbers below 2**52
        fill(size, 0.0)
        return
    if draws[3 * d + 1] != 0:
        call_kernel(draws[3 * d + 1], context, t, y, p, p, shift(variance, d * W))
    row = shift(variance, d * W)
    for lane in range(W):
        size[lane] = math.sqrt(max(row[lane], 0.0))
    if chance[d] < 1.0:
        uniform(coin, COIN + d, number, word, key)
        for lane in range(W):
            size[lane] = size[lane] if coin[lane] < chance[d] else 0.0


def uniform(out: Reals, stream: Int, number: Int, word: Ints, key: Ints):
    """Set a number in (0, 1) in each lane, of a stream and of the step."""
    if key[OWN] == 1:
        own_words(word, stream, number, shift(key, OWN + 1))
    else:
        words(word, W, stream, 0, number, 0, key[LANE], 1, key[K0], key[K1])
    for lane in range(W):
        out[lane] = inside((word[lane] << 20) | (word[W + lane] >> 12))


def written(y: Reals, z: Reals, size: Reals, sizes: Ints):
    """Set the rows of a state to size · z."""
    for i in range(sizes[NOISY]):
        scaled(shift(y, i * W), shift(z, i * stride(sizes)), size, 0.0)


def added(y: Reals, z: Reals, size: Reals, sizes: Ints):
    """Add size · z to θ."""
    for i in range(sizes[NOISY]):
        scaled(shift(y, i * W), shift(z, i * stride(sizes)), size, 1.0)


def scaled(row: Reals, z: Reals, size: Reals, keep: Real):
    for lane in range(W):
        row[lane] = muladd(size[lane], z[lane], row[lane] if keep > 0.0 else 0.0)


def shrunk(row: Reals, speed: Reals, length: Reals):
    """Set a row to sign(z) max(|z| − speed · length, 0)."""
    for lane in range(W):
        left = abs(row[lane]) - speed[lane] * length[lane]
        moved = left if row[lane] > 0.0 else -left
        row[lane] = moved if left > 0.0 else (0.0 if left <= 0.0 else row[lane])


def build(width: int, name: str):
    """Return the compiled stepper for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    return compiled(composed, {"W": width}, vectorise=width > 1)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = {"composed": "ipppppppipipp" + "ppp" + "iiddd" + "pppp" + "ipp" + "p"}
