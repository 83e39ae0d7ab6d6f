"""What the steppers do with a block: m rows of W lanes, entry i of lane l at ``i*W + l``.

`W` is 1 here, so that the functions run in Python; a compilation replaces it. A block takes `size`
numbers: m·W, and for one lane m rounded up to a multiple of 4, so that four rows at a time can be
kept in registers.

A *line* says which blocks a linear combination needs: the number of terms, then the address of
the block of each. For many lanes it is a multiple of 4, filled up in front with terms of weight
0. Terms are added one by one in the order of the stages, so no rounding depends on W.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, Truth, doubles, muladd, shift

W = 1
LARGEST = 1.7976931348623157e308


def finite(value: Real) -> Truth:
    """Return whether `value` is a finite number."""
    return abs(value) <= LARGEST


def copy_block(out: Reals, block: Reals, size: Int):
    for q in range(size):
        out[q] = block[q]


def gather(point: Reals, block: Reals, rows: Int, lane: Int):
    """Set point to the rows of one lane."""
    for i in range(rows):
        point[i] = block[i * W + lane]


def scatter(block: Reals, point: Reals, rows: Int, lane: Int):
    """Set the rows of one lane to point."""
    for i in range(rows):
        block[i * W + lane] = point[i]


def combine(out: Reals, y: Reals, h: Reals, size: Int, line: Ints, weight: Reals):
    """Set out = y + h Σ_j weight[j] k_j, with h in each lane and the blocks k_j of the line."""
    terms = line[0]
    if W == 1:
        for q in range(0, size, 4):
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for j in range(terms):
                k = shift(doubles(line[j + 1]), q)
                w = weight[j]
                a, b = muladd(w, k[0], a), muladd(w, k[1], b)
                c, d = muladd(w, k[2], c), muladd(w, k[3], d)
            out[q], out[q + 1] = muladd(h[0], a, y[q]), muladd(h[0], b, y[q + 1])
            out[q + 2], out[q + 3] = muladd(h[0], c, y[q + 2]), muladd(h[0], d, y[q + 3])
    else:
        for q in range(0, size, W):
            o, base = shift(out, q), shift(y, q)
            if terms == 4:
                four_terms(o, base, h, q, line, weight, True, True)
            else:
                four_terms(o, base, h, q, line, weight, True, False)
                for j in range(4, terms - 4, 4):
                    four_terms(o, base, h, q, shift(line, j), shift(weight, j), False, False)
                j = terms - 4
                four_terms(o, base, h, q, shift(line, j), shift(weight, j), False, True)


def four_terms(out: Reals, y: Reals, h: Reals, q: Int, line: Ints, w: Reals, first: Truth,
               last: Truth):
    """Add four terms to the row of W lanes at q."""
    add_four(out, y, h, shift(doubles(line[1]), q), shift(doubles(line[2]), q),
             shift(doubles(line[3]), q), shift(doubles(line[4]), q), w, first, last)


def add_four(out: Reals, y: Reals, h: Reals, k0: Reals, k1: Reals, k2: Reals, k3: Reals, w: Reals,
             first: Truth, last: Truth):
    """Add four terms to a row: the first replace it, the last are followed by scaling with h."""
    for lane in range(W):
        a = muladd(w[0], k0[lane], 0.0 if first else out[lane])
        a = muladd(w[3], k3[lane], muladd(w[2], k2[lane], muladd(w[1], k1[lane], a)))
        out[lane] = muladd(h[lane], a, y[lane]) if last else a


def dense_weights(out: Reals, theta: Real, dense: Reals, terms: Int, degree: Int):
    """Set out[s] = Σ_j dense[j, s] θ^(j+1) (Horner), the weight of term s at fraction θ."""
    for s in range(0, terms, 4):
        d = shift(dense, (degree - 1) * terms + s)
        w0, w1, w2, w3 = d[0], d[1], d[2], d[3]
        for j in range(degree - 2, -1, -1):
            d = shift(dense, j * terms + s)
            w0, w1 = muladd(w0, theta, d[0]), muladd(w1, theta, d[1])
            w2, w3 = muladd(w2, theta, d[2]), muladd(w3, theta, d[3])
        out[s], out[s + 1], out[s + 2], out[s + 3] = w0 * theta, w1 * theta, w2 * theta, w3 * theta


def dense_point(point: Reals, y: Reals, h: Real, m: Int, lane: Int, line: Ints, weights: Reals):
    """Set point = y + h Σ_j weights[j] k_j for one lane of many."""
    for i in range(m):
        value = 0.0
        for j in range(line[0]):
            value = muladd(weights[j], doubles(line[j + 1])[i * W + lane], value)
        point[i] = muladd(h, value, y[i * W + lane])


def power64(value: Real, exponent: Int) -> Real:
    """Return value^(exponent/64), exponent < 64, by nested square roots: no branch, no table."""
    root = math.sqrt(value)
    power = root if exponent & 32 else 1.0
    root = math.sqrt(root)
    power = power * (root if exponent & 16 else 1.0)
    root = math.sqrt(root)
    power = power * (root if exponent & 8 else 1.0)
    root = math.sqrt(root)
    power = power * (root if exponent & 4 else 1.0)
    root = math.sqrt(root)
    power = power * (root if exponent & 2 else 1.0)
    root = math.sqrt(root)
    return power * (root if exponent & 1 else 1.0)
