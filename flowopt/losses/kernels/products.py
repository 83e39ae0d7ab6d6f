"""Matrix products of a network: weights (out, in) with values by sample (units, pitch).

Small products are loops over samples, four rows at a time; large ones go to BLAS, if
context[DGEMM] holds the address of its dgemm. Terms are added in a fixed order, so a result depends
neither on the number of lanes nor on what is computed beside it.
"""

from flowopt._language import (
    Eight,
    Int,
    Ints,
    Real,
    Reals,
    Truth,
    call_fortran,
    doubles,
    eight,
    inline,
    integers,
    muladd,
    put_eight,
    same_eight,
    shift,
    sum_eight,
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

#: whether there are registers of eight doubles, and 32 of them (a compilation says so)
WIDE = 1
#: rows of sixteen samples, which take 32 kB
DEEP = 256


def fill(row: Reals, value: Real, length: Int):
    for s in range(length):
        row[s] = value


def add_rows(out: Reals, pitch: Int, count: Int, weight: Reals, down: Int, along: Int, rows: Reals,
             into: Int, length: Int):
    """Add to row j of out, j < count, the sum of weight[j · down + i · along] · row i, i < into.

    Up to eight rows of out by sixteen samples are kept in registers, and `DEEP` rows by sixteen
    samples in the nearest cache, while all rows of out take them up.
    """
    for first in range(0, into, DEEP):
        deep = min(DEEP, into - first)
        w, here = shift(weight, first * along), shift(rows, first * pitch)
        for s in range(0, length, 16):
            add_columns(shift(out, s), pitch, count, w, down, along, shift(here, s), deep,
                        length - s)


def add_columns(out: Reals, pitch: Int, count: Int, weight: Reals, down: Int, along: Int,
                rows: Reals, into: Int, left: Int):
    """Do so for sixteen samples, or for the eight that are left."""
    tall = 0
    if WIDE:
        tall = count & -8 if left > 8 else 0
        for j in range(0, tall, 8):
            eight_by_sixteen(shift(out, j * pitch), pitch, shift(weight, j * down), down, along,
                             rows, into)
    for j in range(tall, count & -4, 4):
        if left > 8 and WIDE:
            four_by_sixteen(shift(out, j * pitch), pitch, shift(weight, j * down), down, along,
                            rows, into)
        else:
            four_by_eight(shift(out, j * pitch), pitch, shift(weight, j * down), down, along, rows,
                          into)
            if left > 8:
                four_by_eight(shift(out, j * pitch + 8), pitch, shift(weight, j * down), down,
                              along, shift(rows, 8), into)
    for j in range(count & -4, count):
        one_by_eight(shift(out, j * pitch), pitch, shift(weight, j * down), along, rows, into)
        if left > 8:
            one_by_eight(shift(out, j * pitch + 8), pitch, shift(weight, j * down), along,
                         shift(rows, 8), into)


def eight_by_sixteen(out: Reals, pitch: Int, weight: Reals, down: Int, along: Int, rows: Reals,
                     into: Int):
    a0, b0 = eight(out, 0), eight(out, 8)
    a1, b1 = eight(out, 1 * pitch), eight(out, 1 * pitch + 8)
    a2, b2 = eight(out, 2 * pitch), eight(out, 2 * pitch + 8)
    a3, b3 = eight(out, 3 * pitch), eight(out, 3 * pitch + 8)
    a4, b4 = eight(out, 4 * pitch), eight(out, 4 * pitch + 8)
    a5, b5 = eight(out, 5 * pitch), eight(out, 5 * pitch + 8)
    a6, b6 = eight(out, 6 * pitch), eight(out, 6 * pitch + 8)
    a7, b7 = eight(out, 7 * pitch), eight(out, 7 * pitch + 8)
    for i in range(into):
        a, b, w = eight(rows, i * pitch), eight(rows, i * pitch + 8), shift(weight, i * along)
        a0, b0 = muladd(w[0], a, a0), muladd(w[0], b, b0)
        a1, b1 = muladd(w[down], a, a1), muladd(w[down], b, b1)
        a2, b2 = muladd(w[2 * down], a, a2), muladd(w[2 * down], b, b2)
        a3, b3 = muladd(w[3 * down], a, a3), muladd(w[3 * down], b, b3)
        a4, b4 = muladd(w[4 * down], a, a4), muladd(w[4 * down], b, b4)
        a5, b5 = muladd(w[5 * down], a, a5), muladd(w[5 * down], b, b5)
        a6, b6 = muladd(w[6 * down], a, a6), muladd(w[6 * down], b, b6)
        a7, b7 = muladd(w[7 * down], a, a7), muladd(w[7 * down], b, b7)
    put_eight(out, 0, a0)
    put_eight(out, 8, b0)
    put_eight(out, 1 * pitch, a1)
    put_eight(out, 1 * pitch + 8, b1)
    put_eight(out, 2 * pitch, a2)
    put_eight(out, 2 * pitch + 8, b2)
    put_eight(out, 3 * pitch, a3)
    put_eight(out, 3 * pitch + 8, b3)
    put_eight(out, 4 * pitch, a4)
    put_eight(out, 4 * pitch + 8, b4)
    put_eight(out, 5 * pitch, a5)
    put_eight(out, 5 * pitch + 8, b5)
    put_eight(out, 6 * pitch, a6)
    put_eight(out, 6 * pitch + 8, b6)
    put_eight(out, 7 * pitch, a7)
    put_eight(out, 7 * pitch + 8, b7)


def four_by_sixteen(out: Reals, pitch: Int, weight: Reals, down: Int, along: Int, rows: Reals,
                    into: Int):
    a0, a1, a2, a3 = (eight(out, 0), eight(out, pitch), eight(out, 2 * pitch),
                      eight(out, 3 * pitch))
    b0, b1, b2, b3 = (eight(out, 8), eight(out, pitch + 8), eight(out, 2 * pitch + 8),
                      eight(out, 3 * pitch + 8))
    for i in range(into):
        a, b = eight(rows, i * pitch), eight(rows, i * pitch + 8)
        at = i * along
        a0, b0 = muladd(weight[at], a, a0), muladd(weight[at], b, b0)
        a1, b1 = muladd(weight[at + down], a, a1), muladd(weight[at + down], b, b1)
        a2, b2 = muladd(weight[at + 2 * down], a, a2), muladd(weight[at + 2 * down], b, b2)
        a3, b3 = muladd(weight[at + 3 * down], a, a3), muladd(weight[at + 3 * down], b, b3)
    put_eight(out, 0, a0)
    put_eight(out, 8, b0)
    put_eight(out, pitch, a1)
    put_eight(out, pitch + 8, b1)
    put_eight(out, 2 * pitch, a2)
    put_eight(out, 2 * pitch + 8, b2)
    put_eight(out, 3 * pitch, a3)
    put_eight(out, 3 * pitch + 8, b3)


def four_by_eight(out: Reals, pitch: Int, weight: Reals, down: Int, along: Int, rows: Reals,
                  into: Int):
    a0, a1, a2, a3 = (eight(out, 0), eight(out, pitch), eight(out, 2 * pitch),
                      eight(out, 3 * pitch))
    for i in range(into):
        a, at = eight(rows, i * pitch), i * along
        a0, a1 = muladd(weight[at], a, a0), muladd(weight[at + down], a, a1)
        a2, a3 = muladd(weight[at + 2 * down], a, a2), muladd(weight[at + 3 * down], a, a3)
    put_eight(out, 0, a0)
    put_eight(out, pitch, a1)
    put_eight(out, 2 * pitch, a2)
    put_eight(out, 3 * pitch, a3)


def one_by_eight(out: Reals, pitch: Int, weight: Reals, along: Int, rows: Reals, into: Int):
    made = eight(out, 0)
    for i in range(into):
        made = muladd(weight[i * along], eight(rows, i * pitch), made)
    put_eight(out, 0, made)


def dot(a: Reals, b: Reals, length: Int) -> Real:
    """Return Σ a b in eight partial sums; the length is a multiple of 8."""
    made = same_eight(0.0)
    for s in range(0, length, 8):
        made = muladd(eight(a, s), eight(b, s), made)
    return sum_eight(made)


def add_sixteen_dots(g: Reals, into: Int, delta: Reals, a: Reals, pitch: Int, length: Int):
    """Do what `add_four_dots` does with four rows of delta, whose results are `into` apart in g."""
    p0, p1, p2, p3 = same_eight(0.0), same_eight(0.0), same_eight(0.0), same_eight(0.0)
    q0, q1, q2, q3 = same_eight(0.0), same_eight(0.0), same_eight(0.0), same_eight(0.0)
    r0, r1, r2, r3 = same_eight(0.0), same_eight(0.0), same_eight(0.0), same_eight(0.0)
    s0, s1, s2, s3 = same_eight(0.0), same_eight(0.0), same_eight(0.0), same_eight(0.0)
    for s in range(0, length, 8):
        a0, a1 = eight(a, s), eight(a, pitch + s)
        a2, a3 = eight(a, 2 * pitch + s), eight(a, 3 * pitch + s)
        d = eight(delta, s)
        p0, p1, p2, p3 = muladd(d, a0, p0), muladd(d, a1, p1), muladd(d, a2, p2), muladd(d, a3, p3)
        d = eight(delta, pitch + s)
        q0, q1, q2, q3 = muladd(d, a0, q0), muladd(d, a1, q1), muladd(d, a2, q2), muladd(d, a3, q3)
        d = eight(delta, 2 * pitch + s)
        r0, r1, r2, r3 = muladd(d, a0, r0), muladd(d, a1, r1), muladd(d, a2, r2), muladd(d, a3, r3)
        d = eight(delta, 3 * pitch + s)
        s0, s1, s2, s3 = muladd(d, a0, s0), muladd(d, a1, s1), muladd(d, a2, s2), muladd(d, a3, s3)
    add_sums(g, p0, p1, p2, p3)
    add_sums(shift(g, into), q0, q1, q2, q3)
    add_sums(shift(g, 2 * into), r0, r1, r2, r3)
    add_sums(shift(g, 3 * into), s0, s1, s2, s3)


@inline
def add_sums(g: Reals, c0: Eight, c1: Eight, c2: Eight, c3: Eight):
    g[0] += sum_eight(c0)
    g[1] += sum_eight(c1)
    g[2] += sum_eight(c2)
    g[3] += sum_eight(c3)


def add_four_dots(g: Reals, delta: Reals, a: Reals, pitch: Int, length: Int):
    """Add to g[i], i < 4, what `dot` of delta and row i of a is."""
    c0, c1, c2, c3 = same_eight(0.0), same_eight(0.0), same_eight(0.0), same_eight(0.0)
    for s in range(0, length, 8):
        d = eight(delta, s)
        c0, c1 = muladd(d, eight(a, s), c0), muladd(d, eight(a, pitch + s), c1)
        c2, c3 = muladd(d, eight(a, 2 * pitch + s), c2), muladd(d, eight(a, 3 * pitch + s), c3)
    add_sums(g, c0, c1, c2, c3)


def total(a: Reals, length: Int) -> Real:
    """Return Σ a in eight partial sums; the length is a multiple of 8."""
    made = same_eight(0.0)
    for s in range(0, length, 8):
        made = muladd(1.0, eight(a, s), made)
    return sum_eight(made)


def large(context: Ints, size: Int) -> Truth:
    """Return whether BLAS is called for a product of so many multiplications."""
    return context[DGEMM] != 0 and size >= context[BLAS_FROM]


def add_product(context: Ints, z: Reals, w: Reals, a: Reals, out: Int, into: Int, length: Int):
    """Add W a to z: W is (out, into), a is (into, pitch), z is (out, pitch)."""
    pitch = context[PITCH]
    if large(context, out * into * length):
        dgemm(context, 0, 0, length, out, into, a, pitch, w, into, z, pitch)
    else:
        add_rows(z, pitch, out, w, into, 1, a, into, length)


def add_transposed(context: Ints, back: Reals, w: Reals, delta: Reals, out: Int, into: Int,
                   length: Int):
    """Add Wᵀ δ to back: W is (out, into), δ is (out, pitch), back is (into, pitch)."""
    pitch = context[PITCH]
    if large(context, out * into * length):
        dgemm(context, 0, 1, length, into, out, delta, pitch, w, into, back, pitch)
    else:
        add_rows(back, pitch, into, w, 1, into, delta, out, length)


def add_outer(context: Ints, g: Reals, delta: Reals, a: Reals, out: Int, into: Int, length: Int):
    """Add δ aᵀ to g: δ is (out, pitch), a is (into, pitch), g is (out, into)."""
    pitch = context[PITCH]
    if large(context, out * into * length):
        dgemm(context, 1, 0, into, out, length, a, pitch, delta, pitch, g, into)
    else:
        for first in range(0, into & -4, 16):
            for j in range(0, out & -4, 4):
                for i in range(first, min(first + 16, into & -4), 4):
                    if WIDE:
                        add_sixteen_dots(shift(g, j * into + i), into, shift(delta, j * pitch),
                                         shift(a, i * pitch), pitch, length)
                    else:
                        for q in range(4):
                            add_four_dots(shift(g, (j + q) * into + i),
                                          shift(delta, (j + q) * pitch), shift(a, i * pitch),
                                          pitch, length)
        for j in range(out):
            row, d = shift(g, j * into), shift(delta, j * pitch)
            for i in range(into & -4 if j < out & -4 else 0, into & -4, 4):
                add_four_dots(shift(row, i), d, shift(a, i * pitch), pitch, length)
            for i in range(into & -4, into):
                row[i] += dot(d, shift(a, i * pitch), length)


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
