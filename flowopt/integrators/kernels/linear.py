"""Small linear systems in compiled code: LU with partial pivoting on one row-major matrix.

P A = L U with a unit lower L (Golub & Van Loan, Matrix Computations, 4th ed., Algorithm 3.4.1).
`factor` overwrites the matrix with both factors; entry k of `pivots` says with which row row k
was exchanged in step k, as LAPACK does but counted from 0. The diagonal holds the reciprocals of
the pivots: a division takes as long as several multiplications, and `solve` is called often.
"""

from flowopt._language import Int, Ints, Real, Reals, Truth, muladd, shift
from flowopt.integrators.kernels.block import LARGEST, finite

W = 1


def factor(a: Reals, pivots: Ints, n: Int) -> Truth:
    """Overwrite the matrix a (n, n) with its factors; return whether it is regular.

    A matrix with a NaN or an infinity, or with a pivot whose reciprocal is no number, is not.
    """
    for k in range(n):
        row = shift(a, k * n)
        best = k
        for i in range(k + 1, n):
            if abs(a[i * n + k]) > abs(a[best * n + k]):
                best = i
        pivots[k] = best
        if best != k:
            exchange(row, shift(a, best * n), n)
        row[k] = 1.0 / row[k]
        if row[k] == 0.0 or not finite(row[k]):
            return False
        for i in range(k + 1, n):
            below = shift(a, i * n)
            below[k] = below[k] * row[k]
            if not finite(below[k]):
                return False
            subtract(shift(below, k + 1), shift(row, k + 1), below[k], n - k - 1)
    return True


def solve(a: Reals, pivots: Ints, b: Reals, n: Int):
    """Overwrite b (n,) with A⁻¹b, from what `factor` left in a and pivots."""
    for k in range(n):
        best = pivots[k]
        value = b[best]
        b[best] = b[k]
        b[k] = value
        for j in range(k):
            value = muladd(-a[k * n + j], b[j], value)
        b[k] = value
    for k in range(n - 1, -1, -1):
        value = b[k]
        for j in range(k + 1, n):
            value = muladd(-a[k * n + j], b[j], value)
        b[k] = value * a[k * n + k]


def exchange(one: Reals, other: Reals, n: Int):
    for j in range(n):
        value = one[j]
        one[j] = other[j]
        other[j] = value


def subtract(row: Reals, other: Reals, times: Real, n: Int):
    """Set row = row − times · other."""
    for j in range(n):
        row[j] = muladd(-times, other[j], row[j])


# --------------------------------------------------- a matrix in every lane of a block
def factor_lanes(a: Reals, pivots: Ints, singular: Reals, n: Int):
    """Do what `factor` does to entry i, j of lane l at (i n + j) W + l, with the same roundings."""
    for lane in range(W):
        singular[lane] = 0.0
    for k in range(n):
        row = shift(a, k * n * W)
        for lane in range(W):
            choose_row(a, shift(pivots, k * W), n, k, lane)
        invert(shift(row, k * W), singular)
        for i in range(k + 1, n):
            below = shift(a, i * n * W)
            quotient(shift(below, k * W), shift(row, k * W), singular)
            for j in range(k + 1, n):
                eliminate(shift(below, j * W), shift(row, j * W), shift(below, k * W))


def choose_row(a: Reals, pivot: Ints, n: Int, k: Int, lane: Int):
    """Exchange row k of a lane with the one of the largest entry in column k."""
    best = k
    for i in range(k + 1, n):
        if abs(a[(i * n + k) * W + lane]) > abs(a[(best * n + k) * W + lane]):
            best = i
    pivot[lane] = best
    if best != k:
        for j in range(n):
            p, q = (k * n + j) * W + lane, (best * n + j) * W + lane
            value = a[p]
            a[p] = a[q]
            a[q] = value


def invert(pivot: Reals, singular: Reals):
    for lane in range(W):
        pivot[lane] = 1.0 / pivot[lane]
        good = (abs(pivot[lane]) > 0.0) & (abs(pivot[lane]) <= LARGEST)
        singular[lane] = singular[lane] if good else 1.0


def quotient(entry: Reals, inverse: Reals, singular: Reals):
    for lane in range(W):
        entry[lane] = entry[lane] * inverse[lane]
        singular[lane] = singular[lane] if abs(entry[lane]) <= LARGEST else 1.0


def eliminate(out: Reals, other: Reals, times: Reals):
    """Set out = out − times · other."""
    for lane in range(W):
        out[lane] = muladd(-times[lane], other[lane], out[lane])


def solve_lanes(a: Reals, pivots: Ints, b: Reals, n: Int):
    """Do what `solve` does in every lane."""
    for k in range(n):
        for lane in range(W):
            best = pivots[k * W + lane]
            value = b[best * W + lane]
            b[best * W + lane] = b[k * W + lane]
            b[k * W + lane] = value
        for j in range(k):
            reduce_row(b, k, j, shift(a, (k * n + j) * W))
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            reduce_row(b, k, j, shift(a, (k * n + j) * W))
        times_row(shift(b, k * W), shift(a, (k * n + k) * W))


def reduce_row(b: Reals, k: Int, j: Int, times: Reals):
    """Set row k of b to itself − times · row j."""
    for lane in range(W):
        b[k * W + lane] = muladd(-times[lane], b[j * W + lane], b[k * W + lane])


def times_row(row: Reals, inverse: Reals):
    for lane in range(W):
        row[lane] = row[lane] * inverse[lane]
