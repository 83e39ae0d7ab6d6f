"""The names of the entries that every adaptive stepper reads.

Every function of the stepper takes the addresses of all arrays, `at`, and the numbers of the run,
`sizes` and `numbers`; these are the places in them.
"""

# sizes: rows m of the state, size of a block, stages of a step and with the dense output …
(ROWS, SIZE, STAGES, ALL_STAGES, DEGREE, ERRORS, QUEUE_END, NEXT, SAVES, CAPACITY, RECORDED,
 MAX_STEPS, SURFACES, PARAMETERS, LATE, ALPHA, BETA, ORDER, TERMS,
 # … whether F depends on t, whether LAPACK solves, evaluations that a Jacobian takes; what is done
 # about stiffness: 0 nothing, 1 it is noted, 2 the trajectory is handed back
 # and whether every step of a Taylor series is checked
 TIMED, LAPACK, DIFFERENCES, STIFFNESS, CHECKED, SIZES) = range(25)
# numbers; STABLE is the |hλ| at which an explicit method is at the end of its stability, and GAMMA
# the γ of a Rosenbrock method
T_END, RTOL, H_MAX, SAFETY, SHRINK, GROW, STABLE, GAMMA = range(8)
# at: kernels for the block and for one lane, and their contexts
(RHS, RHS1, SURFACE, SURFACE1, JACOBIAN, TIME_DERIVATIVE, GETRF, GETRS, SERIES, FIRST, CONTEXT,
 CONTEXT1,
 # the tableau. Row 0 of the lines is all stages, rows 1 … S − 1 are the stages, row S is the new
 # point, then comes one row for each error estimate and for each extra stage of the dense output
 LINES, WEIGHT, NODES, DENSE, ATOL, SAVE_AT,
 # the queue and the path of one trajectory
 QUEUE_T, QUEUE_H, QUEUE_Y, QUEUE_P, QUEUE_S, QUEUE_STATUS, QUEUE_WHICH, QUEUE_COUNT, QUEUE_SAVE,
 QUEUE_STIFF, SAVED, PATH_T, PATH_H, PATH_Y, PATH_C,
 # rows that LU exchanged; what LAPACK is told: m, 1, its answer, the letter T
 PIVOTS, LAPACK_NUMBERS,
 # from nine values to coefficients in the Bernstein basis
 BERNSTEIN,
 # one number in each lane: its trajectory, time, next step, step in use, memory of the controller,
 # whether the step is accepted, whether the last one was not; time of a stage and behind it the
 # unit of time of a Taylor series; three for the error;
 # steps in a row that stability limits, and that it does not; one; whether the matrix is singular
 LANE_ID, T, H, USED, MEMORY, ACCEPT, REFUSED, STAGE_T, SCALE, ERR, OTHER, GUARD, STIFF, CALM, ONE,
 SINGULAR,
 # blocks: the state, parameters, sides of the surfaces, slopes, trial and new state, two
 # error estimates, zeros, switching functions at the samples of a step and the least coefficient
 # of each; ∂F/∂t, Jacobian and LU
 Y, P, SIDE, K, TRIAL, NEW, ESTIMATE, ZERO, PSI, LOWEST, RATE, JAC, LU,
 # one lane: state, slope, parameters, sides, switching functions, time, dense weights, scratch,
 # polynomials of a switching function on parts of a step
 POINT, SLOPE, P1, S1, PSI1, T1, WEIGHTS, SPARE, PARTS, PLACES) = range(75)
# what a trajectory's status may be
RUNNING, REACHED_END, SWITCH, DIVERGED, OUT_OF_STEPS, STEP_TOO_SMALL, IS_STIFF = range(7)
# counts of a trajectory
ACCEPTED, REJECTED, EVALUATIONS, JACOBIANS, COUNTS = range(5)
#: fractions of a step at which the switching functions are looked at
SAMPLES = 8
#: halvings of a step in the search for a dip of a switching function below zero
HALVINGS = 20
TINY = 2.220446049250313e-16
HUGE = 1e10
