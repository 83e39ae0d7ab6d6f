"""Loops over a block that every stepper shares.

A block of `size` numbers is m rows of W lanes. `plan` holds, for each linear combination of
stages, how many there are and which; `weight` holds their coefficients. Terms are added one by
one in the order of the stages, so the rounding does not depend on W.
"""

import numba

from flowopt._native import options
from flowopt._pointers import shift

jit = numba.njit(**options())
LARGEST = 1.7976931348623157e308


@jit
def combine(out, k, size, count, which, weight):
    """Set out[q] = Σ_j weight[j] k[which[j]][q] over `count` stages."""
    if count == 0:
        for q in range(size):
            out[q] = 0.0
    j = 0
    while j < count:
        left = count - j
        k0 = shift(k, which[j] * size)
        w0 = weight[j]
        if left >= 4:
            k1 = shift(k, which[j + 1] * size)
            k2 = shift(k, which[j + 2] * size)
            k3 = shift(k, which[j + 3] * size)
            w1 = weight[j + 1]
            w2 = weight[j + 2]
            w3 = weight[j + 3]
            if j == 0:
                for q in range(size):
                    out[q] = (((0.0 + w0 * k0[q]) + w1 * k1[q]) + w2 * k2[q]) + w3 * k3[q]
            else:
                for q in range(size):
                    out[q] = (((out[q] + w0 * k0[q]) + w1 * k1[q]) + w2 * k2[q]) + w3 * k3[q]
            j += 4
        elif left >= 2:
            k1 = shift(k, which[j + 1] * size)
            w1 = weight[j + 1]
            if j == 0:
                for q in range(size):
                    out[q] = (0.0 + w0 * k0[q]) + w1 * k1[q]
            else:
                for q in range(size):
                    out[q] = (out[q] + w0 * k0[q]) + w1 * k1[q]
            j += 2
        else:
            if j == 0:
                for q in range(size):
                    out[q] = 0.0 + w0 * k0[q]
            else:
                for q in range(size):
                    out[q] = out[q] + w0 * k0[q]
            j += 1


@jit
def dense_weights(out, theta, dense, stages, degree):
    """Set out[s] = Σ_j dense[s, j] θ^(j+1) (Horner), the weight of stage s at fraction θ."""
    for s in range(stages):
        value = dense[s * degree + degree - 1]
        for j in range(degree - 2, -1, -1):
            value = value * theta + dense[s * degree + j]
        out[s] = value * theta


@jit
def finite(value):
    """Return whether `value` is a finite number."""
    return abs(value) <= LARGEST
