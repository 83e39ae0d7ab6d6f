"""Mini-batches and masks: which samples a step sees, and which units it drops.

Both come from Philox words whose counter says what they are for, under a key made of the seed, so
that they depend on the seed and the number of the step alone. Order: counter (word/4, epoch, 0).
Mask: counter (word/4, step, layer and unit).
"""

import math

from flowopt._language import Int, Ints, Real, Reals, doubles, integers, shift
from flowopt._philox import LOW, words
from flowopt.losses.kernels.places import (
    BATCH,
    BATCHES,
    COST,
    DATA,
    INPUT,
    INPUTS,
    KEEP,
    NUMBERS,
    ORDER,
    ORDER_OF,
    OUTPUTS,
    PITCH,
    SAMPLES,
    SHUFFLED,
    SQUARES,
    STEP,
    TARGET,
    WANTED,
    WORDS,
)

#: so that noise drawn under the same seed is independent
OWN = 0x62617463
#: a time k · h over h is k up to three roundings
NUDGE = 1.0000000000000018


def step_at(context: Ints, time: Real) -> Int:
    """Return the number k of the step that time lies in."""
    return int(math.floor(time / doubles(context[NUMBERS])[STEP] * NUDGE))


def epoch_of(context: Ints, step: Int) -> Int:
    epoch = int(float(step) / float(context[BATCHES]))
    return epoch - 1 if epoch * context[BATCHES] > step else epoch


def size_at(context: Ints, step: Int) -> Int:
    """Return how many samples the batch of a step has: the last of an epoch may have fewer."""
    first = (step - epoch_of(context, step) * context[BATCHES]) * context[BATCH]
    return min(context[BATCH], context[SAMPLES] - first)


def collect(context: Ints, lane: Int, step: Int, seed: Int):
    """Set the batch of inputs and targets to those of a step."""
    epoch, samples = epoch_of(context, step), context[SAMPLES]
    order = shift(integers(context[ORDER]), lane * samples)
    known = shift(integers(context[ORDER_OF]), 2 * lane)
    if known[0] != epoch or known[1] != seed:
        arrange(order, integers(context[WORDS]), samples, context[SHUFFLED], epoch, seed)
        known[0] = epoch
        known[1] = seed
    chosen = shift(order, (step - epoch * context[BATCHES]) * context[BATCH])
    count, pitch = size_at(context, step), context[PITCH]
    pick(doubles(context[INPUT]), doubles(context[DATA]), chosen, context[INPUTS], pitch, count)
    targets = context[OUTPUTS] if context[COST] == SQUARES else 1
    pick(doubles(context[WANTED]), doubles(context[TARGET]), chosen, targets, pitch, count)


def arrange(order: Ints, word: Ints, samples: Int, shuffled: Int, epoch: Int, seed: Int):
    """Set the order of an epoch, by the shuffle of Fisher and Yates from the last entry down.

    An entry takes its place from one 32-bit word w as ⌊w (i + 1)/2³²⌋: no place is preferred by
    more than samples/2³².
    """
    for i in range(samples):
        order[i] = i
    if shuffled:
        words(word, (samples + 3) >> 2, 0, 1, epoch, 0, 0, 0, seed & LOW,
              ((seed >> 32) & LOW) ^ OWN)
        for i in range(samples - 1, 0, -1):
            j = (word[i] * (i + 1)) >> 32
            here = order[i]
            order[i] = order[j]
            order[j] = here


def pick(rows: Reals, data: Reals, chosen: Ints, columns: Int, pitch: Int, count: Int):
    """Set rows (columns, pitch) to the chosen samples of data (N, columns), then zeros."""
    for s in range(0, count & -8, 8):
        eight(shift(rows, s), data, shift(chosen, s), columns, pitch)
    for s in range(count & -8, count):
        for i in range(columns):
            rows[i * pitch + s] = data[chosen[s] * columns + i]
    for i in range(columns):
        for s in range(count, (count + 7) & -8):
            rows[i * pitch + s] = 0.0


def eight(rows: Reals, data: Reals, chosen: Ints, columns: Int, pitch: Int):
    """Set eight neighbouring columns, which is a line of the cache at a time."""
    a, b = shift(data, chosen[0] * columns), shift(data, chosen[1] * columns)
    c, d = shift(data, chosen[2] * columns), shift(data, chosen[3] * columns)
    e, f = shift(data, chosen[4] * columns), shift(data, chosen[5] * columns)
    g, h = shift(data, chosen[6] * columns), shift(data, chosen[7] * columns)
    for i in range(columns):
        row = shift(rows, i * pitch)
        row[0] = a[i]
        row[1] = b[i]
        row[2] = c[i]
        row[3] = d[i]
        row[4] = e[i]
        row[5] = f[i]
        row[6] = g[i]
        row[7] = h[i]


def draw_mask(context: Ints, mask: Reals, which: Int, step: Int, seed: Int, length: Int):
    """Set the mask of a unit: 1/p for a sample that keeps it (probability p), else 0."""
    word = integers(context[WORDS])
    keep = doubles(context[NUMBERS])[KEEP]
    words(word, length >> 2, 0, 1, step, 0, which, 0, seed & LOW, ((seed >> 32) & LOW) ^ OWN)
    limit = int(keep * 4294967296.0)
    for s in range(length):
        mask[s] = 1.0 / keep if word[s] < limit else 0.0
