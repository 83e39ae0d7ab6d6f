"""The random numbers of a step: ΔW, ΔZ = ∫ (W(s) − W(t)) ds, and the kicks of BAOAB.

A step is made of fine steps; see noise.py for `sizes`, `lengths`, `key` and `word`. The normal
numbers of a few fine steps are kept in a buffer, as a counter gives those of two.
"""

from flowopt._language import Int, Ints, Real, Reals, Truth, muladd, shift
from flowopt.integrators.kernels.noise_places import (
    BASE,
    FINE,
    FINE_LAST,
    HELD,
    K0,
    K1,
    LANE,
    NOISY,
    OWN,
    TOTAL,
)
from flowopt.integrators.kernels.philox import normals, own_words, words

W = 1
#: the counter's stream of the second numbers, which only ΔZ needs
SECOND = 0x80000000
#: 1/(2√3)
ROOT_TWELFTH = 0.28867513459481287


def place(noise: Reals, word: Ints, key: Ints, sizes: Ints, j: Int, streams: Int) -> Int:
    """Return where the normal number of coordinate 0 in fine step j is; fill the buffer first.

    For many lanes the buffer holds (2 steps, n, W), for one lane (n, 2, steps/2), or, of many
    coordinates, (2 steps, n); the second stream lies behind the first.
    """
    n, held = sizes[NOISY], sizes[HELD]
    base = j & -held
    if key[BASE] != base:
        key[BASE] = base
        for stream in range(streams):
            draw(shift(noise, stream * n * held * W), word, key, base >> 1, n, held,
                 stream * SECOND)
    if W > 1:
        return (j & 1) * n * W
    odd = n if held == 2 else held >> 1
    return (j & 1) * odd + ((j - base) >> 1)


def stride(sizes: Ints) -> Int:
    """Return how far apart the coordinates are in the buffer."""
    if W > 1:
        return W
    return 1 if sizes[HELD] == 2 else sizes[HELD]


def draw(noise: Reals, word: Ints, key: Ints, pair: Int, n: Int, held: Int, stream: Int):
    """Fill the buffer with the normal numbers of `held` steps, from that of the pair on."""
    if W > 1:
        for i in range(n):
            if key[OWN] == 1:
                own_words(word, stream + i, pair, shift(key, OWN + 1))
            else:
                words(word, W, stream + i, 0, pair, 0, key[LANE], 1, key[K0], key[K1])
            normals(shift(noise, i * W), shift(noise, (n + i) * W), word, W)
    elif held > 2:
        half = held >> 1
        for i in range(n):
            words(word, half, stream + i, 0, pair, 1, key[LANE], 0, key[K0], key[K1])
            normals(shift(noise, i * held), shift(noise, i * held + half), word, half)
    else:
        words(word, n, stream, 1, pair, 0, key[LANE], 0, key[K0], key[K1])
        normals(noise, shift(noise, n), word, n)


def fine_steps(sizes: Ints, step: Int) -> Int:
    """Return how many fine steps the step has."""
    return sizes[FINE_LAST] if step == sizes[TOTAL] - 1 else sizes[FINE]


def is_last(sizes: Ints, j: Int) -> Truth:
    """Return whether fine step j is the last of the run."""
    return j == (sizes[TOTAL] - 1) * sizes[FINE] + sizes[FINE_LAST] - 1


def increments(dw: Reals, noise: Reals, word: Ints, key: Ints, sizes: Ints, lengths: Reals,
               step: Int):
    """Add up ΔW of each coordinate over the fine steps of a step."""
    first = step * sizes[FINE]
    for j in range(first, first + fine_steps(sizes, step)):
        z = shift(noise, place(noise, word, key, sizes, j, 1))
        root = lengths[3] if is_last(sizes, j) else lengths[2]
        for i in range(sizes[NOISY]):
            add_scaled(shift(dw, i * W), shift(z, i * stride(sizes)), root)


def both_increments(dw: Reals, dz: Reals, noise: Reals, word: Ints, key: Ints, sizes: Ints,
                    lengths: Reals, step: Int):
    """Add up ΔW and ΔZ = ∫ (W(s) − W(t)) ds over the fine steps of a step.

    Over one fine step of length δ, ΔW = √δ z₁ and ΔZ = ½ δ^{3/2} (z₁ + z₂/√3); its ΔZ starts from
    the W reached.
    """
    first = step * sizes[FINE]
    second = sizes[NOISY] * sizes[HELD] * W
    for j in range(first, first + fine_steps(sizes, step)):
        at = place(noise, word, key, sizes, j, 2)
        last = 1 if is_last(sizes, j) else 0
        for i in range(sizes[NOISY]):
            z = shift(noise, at + i * stride(sizes))
            add_both(shift(dw, i * W), shift(dz, i * W), z, shift(z, second), lengths[last],
                     lengths[2 + last])


def thermal(dw: Reals, fine: Reals, noise: Reals, word: Ints, key: Ints, sizes: Ints, step: Int):
    """Set the kick of O at T = 1: over each fine step ξ becomes e^{−γδ} ξ + √(1 − e^{−2γδ}) z."""
    first = step * sizes[FINE]
    for j in range(first, first + fine_steps(sizes, step)):
        z = shift(noise, place(noise, word, key, sizes, j, 1))
        fade = shift(fine, 2 * W if is_last(sizes, j) else 0)
        for i in range(sizes[NOISY]):
            relax(shift(dw, i * W), shift(z, i * stride(sizes)), fade, shift(fade, W))


def add_scaled(out: Reals, z: Reals, root: Real):
    for lane in range(W):
        out[lane] = muladd(root, z[lane], out[lane])


def add_both(dw: Reals, dz: Reals, z: Reals, other: Reals, length: Real, root: Real):
    for lane in range(W):
        area = root * length * muladd(ROOT_TWELFTH, other[lane], 0.5 * z[lane])
        dz[lane] = muladd(length, dw[lane], dz[lane]) + area
        dw[lane] = muladd(root, z[lane], dw[lane])


def relax(xi: Reals, z: Reals, fade: Reals, kick: Reals):
    for lane in range(W):
        xi[lane] = muladd(fade[lane], xi[lane], kick[lane] * z[lane])
