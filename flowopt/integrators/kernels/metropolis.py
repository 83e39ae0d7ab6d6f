"""Metropolis' jumps: a proposal θ + σ z, accepted with probability min(1, exp(−ΔL/T)).

Steps at the times t0 + k h; or, with sizes[JUMPS], at the times of a Poisson process of rate 1/h,
each lane with its own clock, up to the time `end`.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, call_kernel, muladd, shift
from flowopt.integrators.kernels.composed import COIN, uniform
from flowopt.integrators.kernels.fixed import copy
from flowopt.integrators.kernels.increments import place, stride
from flowopt.integrators.kernels.noise_places import KEEP, NOISY, SAVES
from flowopt.integrators.kernels.philox import inside, logarithm, words

W = 1
#: behind the entries of noise_places.py: whether times are those of a Poisson process
JUMPS = 10


def metropolis(value: Int, context: Ints, sizes: Ints, heat: Int, temperature: Reals, key: Ints,
               word: Ints, sigma: Real, p: Reals, y: Reals, loss: Reals, clock: Reals, counts: Ints,
               first: Int, last: Int, t0: Real, h: Real, end: Real, path: Reals, save_at: Reals,
               saved: Reals, work: Reals) -> Int:
    """Make the proposals first … last − 1; return how many lanes are not at the end.

    `loss` holds L at y; `counts` the proposals and the accepted ones of each lane, and its next
    time to save.
    """
    n = sizes[NOISY]
    rows = n * W
    new, out = work, shift(work, rows)
    t, coin, noise = shift(out, rows + W), shift(out, rows + 2 * W), shift(out, rows + 3 * W)
    running = W
    for j in range(first, last):
        running = 0
        if sizes[JUMPS] == 1:
            uniform(coin, COIN + 1, j, word, key)
            for lane in range(W):
                t[lane] = clock[lane] - h * logarithm(coin[lane])
                if t[lane] <= end:
                    running += 1
            for lane in range(W):
                keep(saved, save_at, counts, sizes, y, t[lane], lane)
        else:
            running = W
            for lane in range(W):
                t[lane] = t0 + j * h
        if heat != 0:
            call_kernel(heat, context, t, y, p, p, temperature)
        z = shift(noise, place(noise, word, key, sizes, j, 1))
        for i in range(n):
            proposed(shift(new, i * W), shift(y, i * W), shift(z, i * stride(sizes)), sigma)
        call_kernel(value, context, t, new, p, p, out)
        uniform(coin, COIN, j, word, key)
        for lane in range(W):
            rise = out[lane] - loss[lane]
            yes = rise <= 0.0 or coin[lane] < math.exp(-rise / max(temperature[lane], 0.0))
            if sizes[JUMPS] == 1:
                yes = yes and t[lane] <= end
                counts[lane] += 1 if t[lane] <= end else 0
                clock[lane] = t[lane]
            else:
                counts[lane] += 1
            if yes:
                counts[W + lane] += 1
                loss[lane] = out[lane]
                for i in range(n):
                    y[i * W + lane] = new[i * W + lane]
        if sizes[KEEP] == 1:
            copy(shift(path, (j + 1) * rows), y, rows)
        if running == 0:
            break
    return running


def keep(saved: Reals, save_at: Reals, counts: Ints, sizes: Ints, y: Reals, t: Real, lane: Int):
    """Save the state of a lane at the times before its next jump."""
    n = sizes[NOISY]
    save = counts[2 * W + lane]
    while save < sizes[SAVES] and save_at[save] < t:
        for i in range(n):
            saved[(save * n + i) * W + lane] = y[i * W + lane]
        save += 1
    counts[2 * W + lane] = save


def proposed(new: Reals, y: Reals, z: Reals, sigma: Real):
    for lane in range(W):
        new[lane] = muladd(sigma, z[lane], y[lane])


def uniform_box(out: Reals, word: Ints, count: Int, n: Int, k0: Int, k1: Int) -> Int:
    """Fill out (count, n) with numbers in (0, 1), of coordinate i and run r."""
    for r in range(count):
        for i in range(n):
            words(word, 1, COIN + 2 + i, 0, 0, 0, r, 0, k0, k1)
            out[r * n + i] = inside((word[0] << 20) | (word[1] >> 12))
    return count


def build(width: int, name: str):
    """Return the compiled function `name` for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    function = {"metropolis": metropolis, "uniform_box": uniform_box}[name]
    return compiled(function, {"W": width}, vectorise=width > 1)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = {"metropolis": "ippipppd" + "ppppp" + "iiddd" + "pppp", "uniform_box": "ppiiii"}
