"""Random numbers from a counter, and normal numbers made of them: nothing is remembered.

Philox4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011) maps a counter of four 32-bit words under a
key of two to four random words. Here the key is the seed, and the counter says what the number is
for: (coordinate and stream, pair of steps, lane, high half of the pair). So a number depends on
its place alone, and neither on the order of the work nor on what is computed beside it.

Box and Muller make two normal numbers of the four words, one for each step of the pair:
√(−2 log u) cos φ and √(−2 log u) sin φ, u and φ with 52 bits each. The largest is 8.57. The
logarithm, cosine and sine are written out, as a call of the C library is not vectorised; the
relative error is below 1e-15 (tests/integrators/test_random.py).

Three loops fill the same numbers; which of the three counters moves is a matter of speed: lanes in
a block of many, steps for one lane, coordinates for one lane with many of them.
"""

import math

from flowopt._elementary import logarithm
from flowopt._language import Int, Ints, Real, Reals, from_bits, inline, muladd
from flowopt._philox import LOW, rounds, words

__all__ = ["normals", "own_words", "words"]

W = 1
#: the bits of 1.0, and those of a double behind its exponent
ONE, MANTISSA = 0x3FF0000000000000, 0x000FFFFFFFFFFFFF
#: 2⁻⁵³, half a step of a number of 52 bits
HALF_STEP = 1.0 / 9007199254740992.0
HALF_PI = 0.5 * math.pi


def own_words(out: Ints, c0: Int, pair: Int, keys: Ints):
    """Set out[4 rows of W] to the words of lane 0 under a key in each lane: keys (2, W)."""
    for q in range(W):
        rounds(out, W, q, c0, pair & LOW, 0, (pair >> 32) & LOW, keys[q], keys[W + q])


def normals(even: Reals, odd: Reals, word: Ints, count: Int):
    """Set even and odd to independent standard normal numbers, two of each four words."""
    for q in range(count):
        u = inside((word[q] << 20) | (word[count + q] >> 12))
        radius = math.sqrt(-2.0 * logarithm(u))
        w2, w3 = word[2 * count + q], word[3 * count + q]
        quarter = w2 >> 30
        # φ = (π/2) (quarter + f) with |f| < ½
        x = HALF_PI * (inside(((w2 & 0x3FFFFFFF) << 22) | (w3 >> 10)) - 0.5)
        c, s = radius * cosine(x * x), radius * sine(x, x * x)
        a = s if quarter & 1 else c
        b = c if quarter & 1 else s
        even[q] = -a if (quarter ^ (quarter >> 1)) & 1 else a
        odd[q] = -b if quarter & 2 else b


@inline
def inside(n: Int) -> Real:
    """Return (n + ½) 2⁻⁵², exactly: one of 2⁵² numbers inside (0, 1), the same distance apart."""
    return (from_bits(ONE | n) - 1.0) + HALF_STEP


@inline
def sine(x: Real, z: Real) -> Real:
    """Return sin x for |x| <= π/4 and z = x², by its series up to x¹⁷."""
    r = muladd(z, 1.0 / 355687428096000.0, -1.0 / 1307674368000.0)
    r = muladd(z, r, 1.0 / 6227020800.0)
    r = muladd(z, r, -1.0 / 39916800.0)
    r = muladd(z, r, 1.0 / 362880.0)
    r = muladd(z, r, -1.0 / 5040.0)
    r = muladd(z, r, 1.0 / 120.0)
    r = muladd(z, r, -1.0 / 6.0)
    return muladd(x * z, r, x)


@inline
def cosine(z: Real) -> Real:
    """Return cos x for z = x², |x| <= π/4, by its series up to x¹⁸."""
    r = muladd(z, -1.0 / 6402373705728000.0, 1.0 / 20922789888000.0)
    r = muladd(z, r, -1.0 / 87178291200.0)
    r = muladd(z, r, 1.0 / 479001600.0)
    r = muladd(z, r, -1.0 / 3628800.0)
    r = muladd(z, r, 1.0 / 40320.0)
    r = muladd(z, r, -1.0 / 720.0)
    r = muladd(z, r, 1.0 / 24.0)
    r = muladd(z, r, -0.5)
    return muladd(z, r, 1.0)
