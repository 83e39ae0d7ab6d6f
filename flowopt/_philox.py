"""Philox4x32-10: random words from a counter, so that nothing is remembered.

It maps a counter of four 32-bit words under a key to four random words (Salmon, Moraes, Dror &
Shaw, SC 2011). What the key and the counter mean is told where it is used: the noise of the
steppers (integrators/kernels/philox.py), the batches and masks of networks (losses/kernels).
"""

from flowopt._language import Int, Ints, inline

M0, M1 = 0xD2511F53, 0xCD9E8D57
W0, W1 = 0x9E3779B9, 0xBB67AE85
LOW = 0xFFFFFFFF


@inline
def rounds(out: Ints, count: Int, q: Int, c0: Int, c1: Int, c2: Int, c3: Int, k0: Int, k1: Int):
    """Set column q of out, 4 rows of count, to the words of a counter under a key: ten rounds."""
    w0, w1, w2, w3, key0, key1 = c0, c1, c2, c3, k0, k1
    for _ in range(10):
        p0, p1 = M0 * (w0 & LOW), M1 * (w2 & LOW)
        w0, w1 = ((p1 >> 32) & LOW) ^ w1 ^ key0, p1 & LOW
        w2, w3 = ((p0 >> 32) & LOW) ^ w3 ^ key1, p0 & LOW
        key0, key1 = (key0 + W0) & LOW, (key1 + W1) & LOW
    out[q] = w0
    out[count + q] = w1
    out[2 * count + q] = w2
    out[3 * count + q] = w3


def words(out: Ints, count: Int, c0: Int, down: Int, pair: Int, along: Int, c2: Int, across: Int,
          k0: Int, k1: Int):
    """Set out[4 rows of count] to Philox4x32-10 of counters that move by down, along, across."""
    for q in range(count):
        moved = pair + q * along
        rounds(out, count, q, c0 + q * down, moved & LOW, c2 + q * across, (moved >> 32) & LOW,
               k0, k1)
