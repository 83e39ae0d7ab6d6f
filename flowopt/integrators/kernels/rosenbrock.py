"""One step of a Rosenbrock method in every lane: Jacobian, LU, and a linear system per stage.

The stages K_s solve (I/γ − hJ) K_s = F(stage s) + Σ_r C_sr K_r + h d_s ∂F/∂t; see the tableau's
class. After a refusal the Jacobian and ∂F/∂t of the point stay; only the matrix is made again.
"""

import math

from flowopt._language import (
    Int,
    Ints,
    Real,
    Reals,
    Truth,
    call_fortran,
    call_kernel,
    doubles,
    integers,
    muladd,
    shift,
)
from flowopt.integrators.kernels.block import combine, copy_block
from flowopt.integrators.kernels.control import choose_step
from flowopt.integrators.kernels.explicit import point_of_line, times_of_stage
from flowopt.integrators.kernels.linear import factor, factor_lanes, solve, solve_lanes
from flowopt.integrators.kernels.places import *

W = 1
#: (2⁻⁵²)^(1/3): the step of a central difference, in units of max(1, |y|)
NEAR = 6.055454452393343e-06


def rosenbrock_step(at: Ints, sizes: Ints, numbers: Reals):
    """Take one trial step in every lane: stages, new state, error estimate times h."""
    stages, size, terms = sizes[STAGES], sizes[SIZE], sizes[TERMS]
    t, used, stage_t = doubles(at[T]), doubles(at[USED]), doubles(at[STAGE_T])
    choose_step(used, doubles(at[H]), t, numbers[T_END])
    if some_fresh(at):
        new_jacobian(at, sizes, numbers)
    if sizes[TIMED] == 1:
        scaled(shift(doubles(at[K]), (stages + 1) * size), doubles(at[RATE]), used, sizes[ROWS])
    matrix_of_step(doubles(at[LU]), doubles(at[JAC]), used, numbers[GAMMA], sizes[ROWS])
    factor_all(at, sizes)
    for s in range(stages):
        k = shift(doubles(at[K]), s * size)
        base = doubles(at[FIRST])
        if s > 0:
            point_of_line(at, sizes, doubles(at[TRIAL]), doubles(at[Y]), s)
            times_of_stage(stage_t, t, used, doubles(at[NODES])[s])
            slope_at(at, TRIAL, doubles(at[NEW]))
            base = doubles(at[NEW])
        row = stages + 2 + s
        line = shift(integers(at[LINES]), row * (terms + 1))
        if line[0] == 0:
            copy_block(k, base, size)
        else:
            combine(k, base, doubles(at[ONE]), size, line,
                    shift(doubles(at[WEIGHT]), row * terms))
        solve_all(at, sizes, k)
    point_of_line(at, sizes, doubles(at[NEW]), doubles(at[Y]), stages)
    times_of_stage(stage_t, t, used, 1.0)
    point_of_line(at, sizes, doubles(at[ESTIMATE]), doubles(at[ZERO]), stages + 1)
    refuse_singular(doubles(at[ESTIMATE]), doubles(at[SINGULAR]))


def slope_at(at: Ints, where: Int, out: Reals):
    """Set out = F at the block `where` and the times STAGE_T."""
    call_kernel(at[RHS], integers(at[CONTEXT]), doubles(at[STAGE_T]), doubles(at[where]),
                doubles(at[P]), doubles(at[SIDE]), out)


def scaled(out: Reals, block: Reals, h: Reals, m: Int):
    """Set out = h · block."""
    for i in range(m):
        for lane in range(W):
            out[i * W + lane] = h[lane] * block[i * W + lane]


def refuse_singular(estimate: Reals, singular: Reals):
    """A step whose matrix is singular has no error that could be accepted."""
    for lane in range(W):
        estimate[lane] = math.nan if singular[lane] > 0.0 else estimate[lane]


# ------------------------------------------------------------------------ the matrix
def matrix_of_step(out: Reals, jacobian: Reals, h: Reals, gamma: Real, m: Int):
    """Set out = I/γ − hJ."""
    for i in range(m):
        for j in range(m):
            diagonal = 1.0 / gamma if i == j else 0.0
            for lane in range(W):
                q = (i * m + j) * W + lane
                out[q] = muladd(-h[lane], jacobian[q], diagonal)


def factor_all(at: Ints, sizes: Ints):
    """Factor the matrix of every lane; SINGULAR says where that failed."""
    m, singular = sizes[ROWS], doubles(at[SINGULAR])
    if W > 1:
        factor_lanes(doubles(at[LU]), integers(at[PIVOTS]), singular, m)
    elif sizes[LAPACK] == 1:
        n = integers(at[LAPACK_NUMBERS])
        n[2] = 0
        call_fortran(at[GETRF], n, n, doubles(at[LU]), n, integers(at[PIVOTS]), shift(n, 2))
        singular[0] = 1.0 if n[2] != 0 else 0.0
    else:
        singular[0] = 0.0 if factor(doubles(at[LU]), integers(at[PIVOTS]), m) else 1.0


def solve_all(at: Ints, sizes: Ints, b: Reals):
    """Solve with the matrix of every lane; LAPACK, which reads columns, solves the transpose."""
    if W > 1:
        solve_lanes(doubles(at[LU]), integers(at[PIVOTS]), b, sizes[ROWS])
    elif sizes[LAPACK] == 1:
        n = integers(at[LAPACK_NUMBERS])
        call_fortran(at[GETRS], shift(n, 3), n, shift(n, 1), doubles(at[LU]), n,
                     integers(at[PIVOTS]), b, n, shift(n, 2))
    else:
        solve(doubles(at[LU]), integers(at[PIVOTS]), b, sizes[ROWS])


# ---------------------------------------------------------------------- derivatives
def some_fresh(at: Ints) -> Truth:
    """Return whether some lane stands at a point whose Jacobian it has not."""
    for lane in range(W):
        if integers(at[LANE_ID])[lane] >= 0 and doubles(at[REFUSED])[lane] == 0.0:
            return True
    return False


def new_jacobian(at: Ints, sizes: Ints, numbers: Reals):
    """Set JAC and RATE, exact or by differences, and count them for the lanes that need them."""
    t = doubles(at[T])
    if at[JACOBIAN] != 0:
        call_kernel(at[JACOBIAN], integers(at[CONTEXT]), t, doubles(at[Y]), doubles(at[P]),
                    doubles(at[SIDE]), doubles(at[JAC]))
    else:
        difference_jacobian(at, sizes)
    if sizes[TIMED] == 1:
        if at[TIME_DERIVATIVE] != 0:
            call_kernel(at[TIME_DERIVATIVE], integers(at[CONTEXT]), t, doubles(at[Y]),
                        doubles(at[P]), doubles(at[SIDE]), doubles(at[RATE]))
        else:
            difference_rate(at, sizes, numbers)
    for lane in range(W):
        one = integers(at[LANE_ID])[lane]
        if one >= 0 and doubles(at[REFUSED])[lane] == 0.0:
            count = shift(integers(at[QUEUE_COUNT]), COUNTS * one)
            count[JACOBIANS] += 1
            count[EVALUATIONS] += sizes[DIFFERENCES]


def difference_jacobian(at: Ints, sizes: Ints):
    """Set JAC by central differences with the steps ε^(1/3) max(1, |y_j|)."""
    m, size = sizes[ROWS], sizes[SIZE]
    after, before = doubles(at[K]), shift(doubles(at[K]), size)
    times_of_stage(doubles(at[STAGE_T]), doubles(at[T]), doubles(at[ZERO]), 0.0)
    for j in range(m):
        moved(doubles(at[TRIAL]), doubles(at[Y]), size, j, NEAR)
        slope_at(at, TRIAL, after)
        moved(doubles(at[TRIAL]), doubles(at[Y]), size, j, -NEAR)
        slope_at(at, TRIAL, before)
        for i in range(m):
            column(shift(doubles(at[JAC]), (i * m + j) * W), shift(after, i * W),
                   shift(before, i * W), shift(doubles(at[Y]), j * W))


def moved(out: Reals, y: Reals, size: Int, j: Int, part: Real):
    """Set out = y, with row j moved by part · max(1, |y_j|)."""
    for q in range(size):
        out[q] = y[q]
    for lane in range(W):
        out[j * W + lane] = y[j * W + lane] + part * max(1.0, abs(y[j * W + lane]))


def column(out: Reals, after: Reals, before: Reals, y: Reals):
    for lane in range(W):
        out[lane] = (after[lane] - before[lane]) / (2.0 * (NEAR * max(1.0, abs(y[lane]))))


def difference_rate(at: Ints, sizes: Ints, numbers: Reals):
    """Set RATE = ∂F/∂t by (−3F(t) + 4F(t + δ) − F(t + 2δ))/2δ, never outside the run."""
    size = sizes[SIZE]
    near, far = doubles(at[K]), shift(doubles(at[K]), size)
    delta, t, stage_t = doubles(at[OTHER]), doubles(at[T]), doubles(at[STAGE_T])
    for lane in range(W):
        left = 0.5 * (numbers[T_END] - t[lane])
        room = NEAR * max(1.0, abs(t[lane]))
        delta[lane] = min(max(left, -room), room)
    times_of_stage(stage_t, t, delta, 1.0)
    slope_at(at, Y, near)
    times_of_stage(stage_t, t, delta, 2.0)
    slope_at(at, Y, far)
    difference(doubles(at[RATE]), doubles(at[FIRST]), near, far, delta, sizes[ROWS])


def difference(out: Reals, here: Reals, near: Reals, far: Reals, delta: Reals, m: Int):
    for i in range(m):
        for lane in range(W):
            q = i * W + lane
            out[q] = (4.0 * (near[q] - here[q]) - (far[q] - here[q])) / (2.0 * delta[lane])


# --------------------------------------------------------------------- dense output
def keep_polynomial(at: Ints, sizes: Ints, out: Reals):
    """Write the coefficients of the step's interpolant, row j for θ^(j+1) (one lane)."""
    m, terms = sizes[ROWS], sizes[TERMS]
    for j in range(sizes[DEGREE]):
        combine(doubles(at[POINT]), doubles(at[ZERO]), doubles(at[USED]), sizes[SIZE],
                integers(at[LINES]), shift(doubles(at[DENSE]), j * terms))
        for i in range(m):
            out[j * m + i] = doubles(at[POINT])[i]
