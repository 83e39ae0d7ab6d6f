"""Random numbers from a counter, and methods with noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from twins_types import Rhs


def philox(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]:
    """Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): four words of a counter and a key."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = ((p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1,
                          p0 & 0xFFFFFFFF)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def polar(words: Sequence[int], number=float):
    """Return u in (0, 1), a quarter turn 0 ... 3, and a rest f in (-1/2, 1/2) of four words.

    u = (a + 1/2)/2**52 and f = (b + 1/2)/2**52 - 1/2, where a is the first 52 bits of words 0 and
    1, and b those of words 2 and 3 behind the first two, which are the quarter. All are exact.
    """
    w0, w1, w2, w3 = words
    a = w0 << 20 | w1 >> 12
    b = (w2 & 0x3FFFFFFF) << 22 | w3 >> 10
    return number(2 * a + 1) / 2**53, w2 >> 30, number(2 * b + 1 - 2**52) / 2**53


def box_muller(words: Sequence[int]) -> tuple[float, float]:
    """Two standard normal numbers (Box, Muller, Ann. Math. Stat. 29 (1958) 610)."""
    u, quarter, f = polar(words)
    radius = np.sqrt(-2 * np.log(u))
    c, s = radius * np.cos(np.pi / 2 * f), radius * np.sin(np.pi / 2 * f)
    return [(c, s), (-s, c), (-c, -s), (s, -c)][quarter]


def normal(coordinate: int, step: int, lane: int, seed: int, stream: int = 0) -> float:
    """The standard normal number of a coordinate in a step of a run; two steps share a counter."""
    pair = step >> 1
    counter = (coordinate + (stream << 31), pair & 0xFFFFFFFF, lane, pair >> 32)
    return box_muller(philox(counter, (seed & 0xFFFFFFFF, seed >> 32)))[step & 1]


def brownian(n: int, steps: int, h: float, lane: int, seed: int, fine: int = 1):
    """dW and dZ = int (W - W(t)) ds of each step, each of shape (steps, n).

    A step is made of `fine` steps of length d = h/fine, over each of which (Kloeden, Platen,
    Eq. (10.4.3)) dW = sqrt(d) z1 and dZ = d**1.5 (z1 + z2/sqrt(3))/2.
    """
    d = h / fine
    dW, dZ = np.zeros((steps, n)), np.zeros((steps, n))
    for k in range(steps):
        for i in range(n):
            for j in range(k * fine, (k + 1) * fine):
                z1, z2 = normal(i, j, lane, seed), normal(i, j, lane, seed, 1)
                dZ[k, i] += dW[k, i] * d + d**1.5 * (z1 + z2 / np.sqrt(3)) / 2
                dW[k, i] += np.sqrt(d) * z1
    return dW, dZ


def euler_maruyama(rhs: Rhs, g, y0, t0: float, h: float, dW) -> np.ndarray:
    """y + h f(t, y) + g(t) dW (Kloeden, Platen, Eq. (10.2.4)); shape (steps + 1, n)."""
    path = [np.array(y0, dtype=float)]
    for k, w in enumerate(dW):
        t, y = t0 + k * h, path[-1]
        path.append(y + h * rhs(t, y) + g(t) * w)
    return np.array(path)


#: SRA1 (Rossler, SIAM J. Numer. Anal. 48 (2010) 922): two stages, additive noise
SRA1 = {"alpha": [1 / 3, 2 / 3], "beta1": [1, 0], "beta2": [-1, 1], "A0": [[0, 0], [3 / 4, 0]],
        "B0": [[0, 0], [3 / 2, 0]], "c0": [0, 3 / 4], "c1": [1, 0]}


def sra(rhs: Rhs, g, y0, t0: float, h: float, dW, dZ, tableau=SRA1) -> np.ndarray:
    """A stochastic Runge-Kutta method for additive noise (Rossler 2010); shape (steps + 1, n).

    H_i = y + h sum_j A0_ij f(t + c0_j h, H_j) + sum_j B0_ij g(t + c1_j h) dZ/h,
    y+  = y + h sum_i alpha_i f(t + c0_i h, H_i) + sum_i g(t + c1_i h) (beta1_i dW + beta2_i dZ/h).
    """
    a, b1, b2, A0, B0, c0, c1 = (np.array(tableau[k], dtype=float)
                                 for k in ("alpha", "beta1", "beta2", "A0", "B0", "c0", "c1"))
    path = [np.array(y0, dtype=float)]
    for k, (w, z) in enumerate(zip(dW, dZ, strict=True)):
        t, y = t0 + k * h, path[-1]
        f: list[np.ndarray] = []
        noise = [g(t + c * h) for c in c1]
        for i in range(len(a)):
            H = y + h * sum((A0[i, j] * f[j] for j in range(i)), 0.0)
            H = H + sum(B0[i, j] * noise[j] for j in range(len(a))) * z / h
            f.append(rhs(t + c0[i] * h, H))
        path.append(y + h * sum(a[i] * f[i] for i in range(len(a)))
                    + sum(noise[i] * (b1[i] * w + b2[i] * z / h) for i in range(len(a))))
    return np.array(path)


def baoab(force: Rhs, gamma: float, T, q0, v0, t0: float, h: float, z) -> np.ndarray:
    """BAOAB (Leimkuhler, Matthews 2013) with one normal number z for each O; (steps + 1, 2 n)."""
    q, v = np.array(q0, dtype=float), np.array(v0, dtype=float)
    path = [np.concatenate([q, v])]
    fade = np.exp(-gamma * h)
    for k, R in enumerate(z):
        t = t0 + k * h
        v = v + h / 2 * force(t, q)
        q = q + h / 2 * v
        v = fade * v + np.sqrt(T(t + h / 2) * -np.expm1(-2 * gamma * h)) * R
        q = q + h / 2 * v
        v = v + h / 2 * force(t + h, q)
        path.append(np.concatenate([q, v]))
    return np.array(path)
