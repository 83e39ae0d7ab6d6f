"""Where the entries of `sizes` and `key` are that the steppers with noise read."""

#: rows of the state, coordinates with noise, fine steps of a step, steps, saves, record the path
#: (0 or 1), next save, whether F depends on time, fine steps of the last step, steps in the buffer
ROWS, NOISY, FINE, TOTAL, SAVES, KEEP, NEXT_SAVE, TIMED, FINE_LAST, HELD = range(10)
#: the halves of the seed, the lane of the first run, the fine step from which on the buffer is
#: filled (−1: not yet), whether each lane has a seed of its own; then come those, in two halves
K0, K1, LANE, BASE, OWN = range(5)
