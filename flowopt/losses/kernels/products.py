"""Matrix products of a network: weights (out, in) with values by sample (units, pitch).

Small products are loops over samples, four rows at a time; large ones go to BLAS, if
context[DGEMM] holds the address of its dgemm. Terms are added in a fixed order, so a result depends
neither on the number of lanes nor on what is computed beside it.
"""

from flowopt._language import (
    Int,
    Ints,
    Real,
    Reals,
    Truth,
    call_fortran,
    doubles,
    integers,
    muladd,
    shift,
)
from flowopt.losses.kernels.places import (
    B_K,
    B_LDA,
    B_LDB,
    B_LDC,
    B_M,
    B_N,
    B_NO,
    B_ONE,
    B_YES,
    BLAS_FROM,
    DGEMM,
    PITCH,
    TOLD,
)


def fill(row: Reals, value: Real, length: Int):
    for s in range(length):
        row[s] = value


def add_rows(out: Reals, weight: Reals, stride: Int, rows: Reals, pitch: Int, count: Int,
             length: Int):
    """Add Σ weight[q · stride] · row q to out."""
    q = 0
    while q + 4 <= count:
        add_four(out, weight[q * stride], weight[(q + 1) * stride], weight[(q + 2) * stride],
                 weight[(q + 3) * stride], shift(rows, q * pitch), shift(rows, (q + 1) * pitch),
                 shift(rows, (q + 2) * pitch), shift(rows, (q + 3) * pitch), length)
        q += 4
    while q < count:
        add_row(out, weight[q * stride], shift(rows, q * pitch), length)
        q += 1


def add_four(out: Reals, w0: Real, w1: Real, w2: Real, w3: Real, r0: Reals, r1: Reals, r2: Reals,
             r3: Reals, length: Int):
    for s in range(length):
        out[s] = muladd(w3, r3[s], muladd(w2, r2[s], muladd(w1, r1[s], muladd(w0, r0[s], out[s]))))


def add_row(out: Reals, w: Real, row: Reals, length: Int):
    for s in range(length):
        out[s] = muladd(w, row[s], out[s])


def dot(a: Reals, b: Reals, length: Int) -> Real:
    """Return Σ a b in eight partial sums; the length is a multiple of 8."""
    c0, c1, c2, c3 = 0.0, 0.0, 0.0, 0.0
    c4, c5, c6, c7 = 0.0, 0.0, 0.0, 0.0
    for s in range(0, length, 8):
        c0 = muladd(a[s], b[s], c0)
        c1 = muladd(a[s + 1], b[s + 1], c1)
        c2 = muladd(a[s + 2], b[s + 2], c2)
        c3 = muladd(a[s + 3], b[s + 3], c3)
        c4 = muladd(a[s + 4], b[s + 4], c4)
        c5 = muladd(a[s + 5], b[s + 5], c5)
        c6 = muladd(a[s + 6], b[s + 6], c6)
        c7 = muladd(a[s + 7], b[s + 7], c7)
    return ((c0 + c1) + (c2 + c3)) + ((c4 + c5) + (c6 + c7))


def total(a: Reals, length: Int) -> Real:
    """Return Σ a in eight partial sums; the length is a multiple of 8."""
    c0, c1, c2, c3 = 0.0, 0.0, 0.0, 0.0
    c4, c5, c6, c7 = 0.0, 0.0, 0.0, 0.0
    for s in range(0, length, 8):
        c0 += a[s]
        c1 += a[s + 1]
        c2 += a[s + 2]
        c3 += a[s + 3]
        c4 += a[s + 4]
        c5 += a[s + 5]
        c6 += a[s + 6]
        c7 += a[s + 7]
    return ((c0 + c1) + (c2 + c3)) + ((c4 + c5) + (c6 + c7))


def large(context: Ints, size: Int) -> Truth:
    """Return whether BLAS is called for a product of so many multiplications."""
    return context[DGEMM] != 0 and size >= context[BLAS_FROM]


def add_product(context: Ints, z: Reals, w: Reals, a: Reals, out: Int, into: Int, length: Int):
    """Add W a to z: W is (out, into), a is (into, pitch), z is (out, pitch)."""
    pitch = context[PITCH]
    if large(context, out * into * length):
        dgemm(context, 0, 0, length, out, into, a, pitch, w, into, z, pitch)
    else:
        for j in range(out):
            add_rows(shift(z, j * pitch), shift(w, j * into), 1, a, pitch, into, length)


def add_transposed(context: Ints, back: Reals, w: Reals, delta: Reals, out: Int, into: Int,
                   length: Int):
    """Add Wᵀ δ to back: W is (out, into), δ is (out, pitch), back is (into, pitch)."""
    pitch = context[PITCH]
    if large(context, out * into * length):
        dgemm(context, 0, 1, length, into, out, delta, pitch, w, into, back, pitch)
    else:
        for i in range(into):
            add_rows(shift(back, i * pitch), shift(w, i), into, delta, pitch, out, length)


def add_outer(context: Ints, g: Reals, delta: Reals, a: Reals, out: Int, into: Int, length: Int):
    """Add δ aᵀ to g: δ is (out, pitch), a is (into, pitch), g is (out, into)."""
    pitch = context[PITCH]
    if large(context, out * into * length):
        dgemm(context, 1, 0, into, out, length, a, pitch, delta, pitch, g, into)
    else:
        for j in range(out):
            for i in range(into):
                g[j * into + i] += dot(shift(delta, j * pitch), shift(a, i * pitch), length)


def dgemm(context: Ints, turn_a: Int, turn_b: Int, m: Int, n: Int, k: Int, a: Reals, lda: Int,
          b: Reals, ldb: Int, c: Reals, ldc: Int):
    """Add A B to C, with matrices stored by columns, as BLAS has it."""
    told = integers(context[TOLD])
    told[B_M] = m
    told[B_N] = n
    told[B_K] = k
    told[B_LDA] = lda
    told[B_LDB] = ldb
    told[B_LDC] = ldc
    one = doubles(context[TOLD] + 8 * B_ONE)
    call_fortran(context[DGEMM], shift(told, B_YES if turn_a else B_NO),
                 shift(told, B_YES if turn_b else B_NO), shift(told, B_M), shift(told, B_N),
                 shift(told, B_K), one, a, shift(told, B_LDA), b, shift(told, B_LDB),
                 one, c, shift(told, B_LDC))
