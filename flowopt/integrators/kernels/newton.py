"""What the implicit steppers share: the table of one lane, its matrix, and Newton's method.

An implicit step is solved lane by lane with the kernels of one lane, so nothing depends on the
other lanes. Every function takes the table `at`; the names of its entries follow.
"""

from flowopt._language import Int, Ints, Real, Reals, Truth, call_kernel, doubles, integers
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.linear import factor, solve

# kernels of one lane (0: there is none), sizes, and counts of evaluations
(RHS, JACOBIAN, POTENTIAL, SURFACE, RATES, SOLVER, CONTEXT, ROWS, SURFACES, PARAMETERS, DESCENDS,
 RHS_COUNT, JACOBIAN_COUNT,
 # arrays: the time, parameters and sides; the state before the step and the new one, a trial; F
 # there; the residual and the direction; the matrix, the Jacobian, the pivots; room for points
 T1, P1, SIDE, Y, Z, TRIAL, F, G, D, A, J, PIVOTS, SPARE,
 # of the inclusion: weights of the sides, trial weights, switching functions and their rates,
 # half the jump of F across each surface, scales of the switching functions
 U, TRIAL_U, PSI, PSI_RATES, JUMP, RHO,
 # flags of the surfaces on which F jumps
 JUMPS) = range(33)
# what becomes of a step
SOLVED, NOT_FINITE, NOT_CONVERGED = range(3)
#: a Newton step of this part of the state is below rounding; of that part, it may be
TIGHT, LOOSE = 1e-14, 1e-8


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
