"""Small linear systems in compiled code: LU with partial pivoting on one row-major matrix.

P A = L U with a unit lower L (Golub & Van Loan, Matrix Computations, 4th ed., Algorithm 3.4.1).
`factor` overwrites the matrix with both factors; entry k of `pivots` says with which row row k
was exchanged in step k, as LAPACK does but counted from 0.
"""

from flowopt._language import Int, Ints, Real, Reals, Truth, muladd, shift
from flowopt.integrators.kernels.block import finite


def factor(a: Reals, pivots: Ints, n: Int) -> Truth:
    """Overwrite the matrix a (n, n) with its factors; return whether it is regular.

    A matrix with a NaN or an infinity, or whose pivot is exactly 0, is not.
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
        if row[k] == 0.0 or not finite(row[k]):
            return False
        for i in range(k + 1, n):
            below = shift(a, i * n)
            below[k] = below[k] / row[k]
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
        b[k] = value / a[k * n + k]


def exchange(one: Reals, other: Reals, n: Int):
    for j in range(n):
        value = one[j]
        one[j] = other[j]
        other[j] = value


def subtract(row: Reals, other: Reals, times: Real, n: Int):
    """Set row = row − times · other."""
    for j in range(n):
        row[j] = muladd(-times, other[j], row[j])
