"""The Euler–Maruyama stepper and its random numbers.

Random numbers come from a counter, not from a state: Philox4x32-10 (Salmon et al., SC 2011)
maps (pair of coordinates, step, lane) under the key (seed) to 128 bits, of which Box and Muller
make two normal numbers. A path depends on its seed and its own number alone.
"""

import math

import numba
import numpy as np
from numba import types

from flowopt._native import options
from flowopt._pointers import F8, I8, call_kernel, shift
from flowopt.integrators.kernels.lanes import finite

I = types.int64  # noqa: E741
D = types.float64
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
SHIFT = np.uint64(11)
#: 2⁻⁵³: a 53-bit integer n becomes (n + ½) 2⁻⁵³, a number inside (0, 1)
UNIT = 1.0 / 9007199254740992.0


def build(width, name="noisy"):
    """Return the compiled stepper for blocks of `width` lanes."""
    W = width
    inner = numba.njit(**options())

    @inner
    def normals(pair, step, lane, key0, key1, out):
        """Set out[0], out[1] to two independent standard normal numbers."""
        c0, c1 = np.uint64(pair), np.uint64(step) & LOW
        c2, c3 = np.uint64(lane) & LOW, np.uint64(step) >> HALF
        k0, k1 = np.uint64(key0), np.uint64(key1)
        for _ in range(10):
            p0, p1 = M0 * c0, M1 * c2
            c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
            k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
        u = (np.float64((c0 << HALF | c1) >> SHIFT) + 0.5) * UNIT
        v = (np.float64((c2 << HALF | c3) >> SHIFT) + 0.5) * UNIT
        radius = math.sqrt(-2.0 * math.log(u))
        out[0] = radius * math.cos(2.0 * math.pi * v)
        out[1] = radius * math.sin(2.0 * math.pi * v)

    def noisy(rhs, context, sizes, amplitude, key, p, y, bad, first, last, t0, h, h_last, path,
              saves, save_at, saved, reducer, reducer_context, totals, work):
        """Take Euler–Maruyama steps y + h F + a √h N(0, 1), with a in each lane."""
        m, total = sizes[0], sizes[3]
        n_saves, keep, save = sizes[4], sizes[5], sizes[6]
        size = m * W
        slope = work
        before = shift(work, size)
        kick = shift(work, 2 * size)
        two = shift(work, 3 * size)
        t = shift(two, 2)
        step = first
        while step < last:
            start = t0 + step * h
            length = h_last if step == total - 1 else h
            root = math.sqrt(abs(length))
            for lane in range(W):
                t[lane] = start
                for i in range(0, m, 2):
                    normals(i // 2, step, key[2] + lane, key[0], key[1], two)
                    kick[i * W + lane] = two[0]
                    if i + 1 < m:
                        kick[(i + 1) * W + lane] = two[1]
            call_kernel(rhs, context, t, y, p, p, slope)
            if save < n_saves:
                for q in range(size):
                    before[q] = y[q]
            wrong = 0
            for i in range(m):
                for lane in range(W):
                    q = i * W + lane
                    y[q] = y[q] + length * slope[q] + amplitude[i * W + lane] * root * kick[q]
                    wrong |= 0 if finite(y[q]) else 1
            while save < n_saves and saves[save] == step:
                fraction = save_at[save]
                for q in range(size):
                    inside = before[q] + fraction * (y[q] - before[q])
                    saved[save * size + q] = inside if fraction < 1.0 else y[q]
                save += 1
            step += 1
            if keep == 1:
                for q in range(size):
                    path[step * size + q] = y[q]
            if wrong:
                running = 0
                for lane in range(W):
                    for i in range(m):
                        if bad[lane] < 0 and not finite(y[i * W + lane]):
                            bad[lane] = step - 1
                    if bad[lane] < 0:
                        running += 1
                    else:
                        for i in range(m):
                            y[i * W + lane] = math.nan
                if running == 0:
                    break
            if reducer != 0:
                for lane in range(W):
                    t[lane] = start + length
                call_kernel(reducer, reducer_context, t, y, p, p, totals)
        sizes[6] = save
        return step

    signature = types.int64(I, I8, I8, F8, I8, F8, F8, I8, I, I, D, D, D, F8, I8, F8, F8, I, I8,
                            F8, F8)
    return numba.njit(signature, **options())(noisy)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = {"noisy": "ippppppp" + "iiddd" + "pppp" + "ipp" + "p"}
