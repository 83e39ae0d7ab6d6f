"""Linear equations of one lane: LU factors with partial pivoting, of a row-major matrix."""

from flowopt._language import Int, Ints, Reals, Truth, muladd, shift

LARGEST = 1.7976931348623157e308


def factor(a: Reals, pivots: Ints, n: Int) -> Truth:
    """Overwrite a (n, n) with its factors L and U, P a = L U; return whether it is regular.

    pivots[k] is the row that was exchanged with row k. A matrix that is not finite counts as
    singular.
    """
    for k in range(n):
        best = k
        size = abs(a[k * n + k])
        for i in range(k + 1, n):
            if abs(a[i * n + k]) > size:
                size = abs(a[i * n + k])
                best = i
        pivots[k] = best
        if not (size > 0.0 and size <= LARGEST):
            return False
        if best != k:
            for j in range(n):
                a[k * n + j], a[best * n + j] = a[best * n + j], a[k * n + j]
        for i in range(k + 1, n):
            eliminate(a, i * n, k * n, k, n)
    return True


def eliminate(a: Reals, row: Int, top: Int, k: Int, n: Int):
    """Subtract the row at `top` from the row at `row`, so that entry k becomes 0."""
    share = a[row + k] / a[top + k]
    a[row + k] = share
    for j in range(k + 1, n):
        a[row + j] = muladd(-share, a[top + j], a[row + j])


def solve(a: Reals, pivots: Ints, b: Reals, n: Int):
    """Overwrite b (n,) with the solution of a x = b, given what `factor` made."""
    for k in range(n):
        other = pivots[k]
        if other != k:
            b[k], b[other] = b[other], b[k]
    for i in range(1, n):
        row = shift(a, i * n)
        value = b[i]
        for j in range(i):
            value = muladd(-row[j], b[j], value)
        b[i] = value
    for i in range(n - 1, -1, -1):
        row = shift(a, i * n)
        value = b[i]
        for j in range(i + 1, n):
            value = muladd(-row[j], b[j], value)
        b[i] = value / row[i]
