"""What the implicit steppers share: the table of one lane, its matrix, and Newton's method.

An implicit step is solved lane by lane with the kernels of one lane, so nothing depends on the
other lanes. Every function takes the table `at` (newton_places.py).
"""

from flowopt._language import Int, Ints, Real, Reals, Truth, call_kernel, doubles, integers
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.linear import factor, solve
from flowopt.integrators.kernels.newton_places import *


def field(at: Ints, point: Reals, out: Reals):
    """Set out to F at a point, at the time T1 and with the sides SIDE."""
    at[RHS_COUNT] += 1
    call_kernel(at[RHS], integers(at[CONTEXT]), doubles(at[T1]), point, doubles(at[P1]),
                doubles(at[SIDE]), out)


def potential(at: Ints, point: Reals) -> Real:
    """Return U at a point, where F = −∇U."""
    call_kernel(at[POTENTIAL], integers(at[CONTEXT]), doubles(at[T1]), point, doubles(at[P1]),
                doubles(at[SIDE]), doubles(at[SPARE]))
    return doubles(at[SPARE])[0]


def jacobian(at: Ints, point: Reals, out: Reals):
    """Set out (m, m) to ∂F/∂y at a point; by central differences if F is a kernel."""
    m = at[ROWS]
    at[JACOBIAN_COUNT] += 1
    if at[JACOBIAN] != 0:
        call_kernel(at[JACOBIAN], integers(at[CONTEXT]), doubles(at[T1]), point, doubles(at[P1]),
                    doubles(at[SIDE]), out)
        return
    moved, right = doubles(at[SPARE]), doubles(at[SPARE] + 8 * m)
    left = doubles(at[SPARE] + 16 * m)
    for i in range(m):
        moved[i] = point[i]
    for j in range(m):
        width = 6.0554544523933395e-06 * max(1.0, abs(point[j]))  # ∛ε
        moved[j] = point[j] + width
        field(at, moved, right)
        moved[j] = point[j] - width
        field(at, moved, left)
        moved[j] = point[j]
        for i in range(m):
            out[i * m + j] = (right[i] - left[i]) / (2.0 * width)


def linear(at: Ints, n: Int) -> Truth:
    """Solve A x = D, overwriting both; return whether A is regular."""
    a, d = doubles(at[A]), doubles(at[D])
    if at[SOLVER] != 0:  # LAPACK, called back
        call_kernel(at[SOLVER], integers(at[CONTEXT]), doubles(at[T1]), a, d, d, d)
    elif factor(a, integers(at[PIVOTS]), n):
        solve(a, integers(at[PIVOTS]), d, n)
    else:
        return False
    return finite(total(d, n))


def total(values: Reals, n: Int) -> Real:
    """Return Σ |values|; a NaN among them is not lost."""
    made = 0.0
    for i in range(n):
        made += abs(values[i])
    return made


def largest(values: Reals, n: Int) -> Real:
    """Return max |values|."""
    made = 0.0
    for i in range(n):
        made = max(made, abs(values[i]))
    return made


def scale(at: Ints) -> Real:
    """Return the size of the states before and after the step."""
    return max(largest(doubles(at[Y]), at[ROWS]), largest(doubles(at[Z]), at[ROWS]))


def move(at: Ints, length: Real):
    """Set TRIAL to the point at a length along the direction."""
    z, d, trial = doubles(at[Z]), doubles(at[D]), doubles(at[TRIAL])
    for i in range(at[ROWS]):
        trial[i] = z[i] + length * d[i]
