"""The names of the entries that the kernels of a network read.

A kernel is handed `context`, 64-bit integers: sizes, choices, and addresses of arrays. So a network
is data: one compiled kernel serves all sizes, activations and options.

A matrix of values by sample has a row for each unit, and in a row the samples one after another,
filled up to `PITCH`, a multiple of 8: the inner loops are over samples.
"""

# lanes of the block; numbers in x; layers of weights; inputs; outputs; samples; length of a row
(WIDTH, COUNT, LAYERS, INPUTS, OUTPUTS, SAMPLES, PITCH,
 # 1 if there are steps, with which batches and masks change; samples of a batch, batches of an
 # epoch, whether the order is shuffled; the place of the seed among the parameters
 PACED, BATCH, BATCHES, SHUFFLED, SEED,
 # choices: activation, cost, whether batches are normalised and units dropped, and whether the
 # mean and variance of a normalisation are given
 ACTIVATION, COST, NORMALISED, DROPPED, GIVEN,
 # addresses: numbers; the data by sample (N, d), and by input; targets by sample, and by output;
 # the table of layers
 NUMBERS, DATA, DATA_ROWS, TARGET, TARGET_ROWS, TABLE,
 # the order of the samples in each lane (W, N), the epoch and seed of which it is (W, 2), and room
 # for words
 ORDER, ORDER_OF, WORDS,
 # a batch of inputs and targets; derivatives by z at two neighbouring layers; the cost by sample,
 # and three more rows; x and gradient of a lane
 INPUT, WANTED, DELTA, OTHER, EACH, SPARE, POINT, SLOPE,
 # of a product with the Hessian: direction, result, derivatives
 DIRECTION, PRODUCT, R_DELTA, R_OTHER,
 # the subroutine dgemm of BLAS, or 0; from how many multiplications on it is called; what it reads
 DGEMM, BLAS_FROM, TOLD, PLACES) = range(42)

# numbers: the time that a batch lasts, the probability to keep a unit, the slope of a leaky ReLU
# for u < 0, the penalty l2 · HALF · w², the ε of a normalisation, the cost SCALE · Σ (z − y)²
STEP, KEEP, LEAK, HALF, EPSILON, SCALE, NUMBERS_COUNT = range(7)

# of a layer: sizes; places in x of weights and biases, and of γ and β, or −1; addresses of what it
# computes by sample: z (after a normalisation ẑ), u, a, σ′, σ″ …
(FROM, TO, WEIGHT, BIAS, GAMMA, BETA, LINEAR, INNER, VALUE, SLOPE_OF, BEND_OF,
 # … and derivatives of z (or ẑ), u and a along a direction; by unit: mean and 1/√(variance + ε) of
 # a normalisation, and the derivative of the logarithm of the latter
 R_LINEAR, R_INNER, R_VALUE, MEAN, RATE, R_RATE, LAYER) = range(18)

# activations
SIGMOID, TANH, RELU, LEAKY_RELU, SOFTPLUS, IDENTITY = range(6)
# costs
SQUARES, CLASSES, TWO_CLASSES = range(3)

# what dgemm is told: m, n, k, three pitches, the letters N and T, then the number 1.0
B_M, B_N, B_K, B_LDA, B_LDB, B_LDC, B_NO, B_YES, B_ONE, B_COUNT = range(10)
