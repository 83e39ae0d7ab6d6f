"""The names of the entries of `at`, the table of one lane that the implicit steppers share."""

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
