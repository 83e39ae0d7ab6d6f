"""A network: forward, backward, and the kernels of its value, its gradient and its outputs.

z = W a + b, u = z or a normalisation of it, a⁺ = σ(u), with a mask where units are dropped; the
last z are the outputs. Backward: ∂L/∂W = δ aᵀ, ∂L/∂b = Σ δ, and ∂L/∂a = Wᵀ δ, with δ = ∂L/∂z.
"""

from flowopt._language import Int, Ints, Real, Reals, doubles, integers, shift
from flowopt.losses.kernels.batches import collect, draw_mask, size_at, step_at
from flowopt.losses.kernels.costs import cost
from flowopt.losses.kernels.normal import apply, back, statistics
from flowopt.losses.kernels.places import (
    ACTIVATION,
    BATCH,
    BEND_OF,
    BETA,
    BIAS,
    COUNT,
    DATA_ROWS,
    DELTA,
    DROPPED,
    EPSILON,
    FROM,
    GAMMA,
    GIVEN,
    HALF,
    INNER,
    INPUT,
    LAYER,
    LAYERS,
    LEAK,
    LINEAR,
    MEAN,
    NORMALISED,
    NUMBERS,
    OTHER,
    OUTPUTS,
    PACED,
    PITCH,
    POINT,
    RATE,
    SAMPLES,
    SEED,
    SLOPE,
    SLOPE_OF,
    SPARE,
    TABLE,
    TARGET_ROWS,
    TO,
    VALUE,
    WANTED,
    WEIGHT,
    WIDTH,
)
from flowopt.losses.kernels.products import (
    add_outer,
    add_product,
    add_transposed,
    fill,
    total,
)
from flowopt.losses.kernels.units import activate, bend_of


def forward(context: Ints, x: Reals, inputs: Reals, count: Int, length: Int, step: Int, seed: Int,
            bent: Int):
    """Compute all layers of `count` samples; with `bent` also the bends."""
    pitch, last = context[PITCH], context[LAYERS] - 1
    a = inputs
    for k in range(last + 1):
        layer = shift(integers(context[TABLE]), k * LAYER)
        z, units = doubles(layer[LINEAR]), layer[TO]
        for j in range(units):
            fill(shift(z, j * pitch), biased(x, layer[BIAS], j), length)
        add_product(context, z, shift(x, layer[WEIGHT]), a, units, layer[FROM], length)
        if k < last:
            if context[NORMALISED]:
                normalise(context, layer, x, count, length)
            react(context, layer, length, bent)
            if context[PACED] and context[DROPPED]:
                drop(context, layer, k, step, seed, length, bent)
            a = doubles(layer[VALUE])


def biased(x: Reals, place: Int, j: Int) -> Real:
    """Return the bias of unit j, or 0 if the layer has none."""
    if place < 0:
        return 0.0
    return x[place + j]


def normalise(context: Ints, layer: Ints, x: Reals, count: Int, length: Int):
    mean, rate, pitch = doubles(layer[MEAN]), doubles(layer[RATE]), context[PITCH]
    epsilon = doubles(context[NUMBERS])[EPSILON]
    for j in range(layer[TO]):
        z, u = shift(doubles(layer[LINEAR]), j * pitch), shift(doubles(layer[INNER]), j * pitch)
        if context[GIVEN]:
            for s in range(length):
                z[s] = z[s] - mean[j]
        else:
            statistics(z, shift(mean, j), shift(rate, j), epsilon, count, length)
        apply(z, u, rate[j], x[layer[GAMMA] + j], x[layer[BETA] + j], length)


def react(context: Ints, layer: Ints, length: Int, bent: Int):
    """Apply the activation to all units of a layer."""
    pitch, kind = context[PITCH], context[ACTIVATION]
    leak = doubles(context[NUMBERS])[LEAK]
    u, a, slope = doubles(layer[INNER]), doubles(layer[VALUE]), doubles(layer[SLOPE_OF])
    for j in range(layer[TO]):
        activate(kind, leak, shift(u, j * pitch), shift(a, j * pitch), shift(slope, j * pitch),
                 length)
        if bent:
            bend_of(kind, shift(a, j * pitch), shift(slope, j * pitch),
                    shift(doubles(layer[BEND_OF]), j * pitch), length)


def drop(context: Ints, layer: Ints, k: Int, step: Int, seed: Int, length: Int, bent: Int):
    """Multiply what a layer hands on by the masks of its units, and its derivatives likewise."""
    pitch, mask = context[PITCH], doubles(context[SPARE])
    for j in range(layer[TO]):
        draw_mask(context, mask, ((k + 1) << 24) + j, step, seed, length)
        times(shift(doubles(layer[VALUE]), j * pitch), mask, length)
        times(shift(doubles(layer[SLOPE_OF]), j * pitch), mask, length)
        if bent:
            times(shift(doubles(layer[BEND_OF]), j * pitch), mask, length)


def times(row: Reals, by: Reals, length: Int):
    for s in range(length):
        row[s] = row[s] * by[s]


def backward(context: Ints, x: Reals, g: Reals, inputs: Reals, count: Int, length: Int):
    """Add the gradient to g; the buffer DELTA holds the derivative by the outputs."""
    pitch = context[PITCH]
    delta, other = doubles(context[DELTA]), doubles(context[OTHER])
    for k in range(context[LAYERS] - 1, -1, -1):
        layer = shift(integers(context[TABLE]), k * LAYER)
        below = shift(integers(context[TABLE]), (k - 1 if k > 0 else 0) * LAYER)
        a = inputs
        if k > 0:
            a = doubles(below[VALUE])
        add_bias(g, delta, layer[BIAS], layer[TO], pitch, length)
        add_outer(context, shift(g, layer[WEIGHT]), delta, a, layer[TO], layer[FROM], length)
        if k > 0:
            for i in range(layer[FROM]):
                fill(shift(other, i * pitch), 0.0, length)
            add_transposed(context, other, shift(x, layer[WEIGHT]), delta, layer[TO], layer[FROM],
                           length)
            for i in range(layer[FROM]):
                times(shift(other, i * pitch), shift(doubles(below[SLOPE_OF]), i * pitch), length)
            if context[NORMALISED]:
                through(context, below, x, g, other, count, length)
            here = delta
            delta = other
            other = here


def add_bias(g: Reals, delta: Reals, place: Int, units: Int, pitch: Int, length: Int):
    if place >= 0:
        for j in range(units):
            g[place + j] += total(shift(delta, j * pitch), length)


def through(context: Ints, layer: Ints, x: Reals, g: Reals, delta: Reals, count: Int, length: Int):
    """Take delta back through the normalisation of a layer, and add what γ and β get."""
    pitch, rate = context[PITCH], doubles(layer[RATE])
    for j in range(layer[TO]):
        row, z = shift(delta, j * pitch), shift(doubles(layer[LINEAR]), j * pitch)
        back(g, layer[GAMMA] + j, layer[BETA] + j, row, z, rate[j], x[layer[GAMMA] + j], count,
             length)


def penalty(context: Ints, x: Reals, g: Reals, l1: Real, l2: Real) -> Real:
    """Return l1 Σ |w| + HALF l2 Σ w² over the weights, and add its derivative to g."""
    sizes, squares = 0.0, 0.0
    half = doubles(context[NUMBERS])[HALF]
    if l1 == 0.0 and l2 == 0.0:
        return 0.0
    for k in range(context[LAYERS]):
        layer = shift(integers(context[TABLE]), k * LAYER)
        first = layer[WEIGHT]
        for i in range(first, first + layer[TO] * layer[FROM]):
            w = x[i]
            sizes += abs(w)
            squares += w * w
            sign = (1.0 if w > 0.0 else 0.0) - (1.0 if w < 0.0 else 0.0)
            g[i] = g[i] + l1 * sign + 2.0 * half * l2 * w
    return l1 * sizes + half * l2 * squares


def seed_of(context: Ints, p: Reals, lane: Int) -> Int:
    """Return the seed of a lane; 0 where nothing is drawn."""
    if context[SEED] < 0:
        return 0
    return int(p[context[SEED] * context[WIDTH] + lane])


def first_of(context: Ints, p: Reals, lane: Int) -> Int:
    """Return how many steps were taken before time 0: the parameter after the seed."""
    if context[SEED] < 0:
        return 0
    return int(p[(context[SEED] + 1) * context[WIDTH] + lane])


def samples_at(context: Ints, step: Int) -> Int:
    return size_at(context, step) if context[PACED] else context[SAMPLES]


def data_of(context: Ints, lane: Int, step: Int, seed: Int) -> Reals:
    """Return the inputs by row: all, or those of the batch of a step, which are collected."""
    if context[PACED] == 0 or context[BATCH] >= context[SAMPLES]:
        return doubles(context[DATA_ROWS])
    collect(context, lane, step, seed)
    return doubles(context[INPUT])


def wanted_of(context: Ints) -> Reals:
    """Return the targets that belong to the inputs of `data_of`."""
    if context[PACED] == 0 or context[BATCH] >= context[SAMPLES]:
        return doubles(context[TARGET_ROWS])
    return doubles(context[WANTED])


def outputs_of(context: Ints) -> Reals:
    """Return the outputs, of which there is a row for each."""
    last = shift(integers(context[TABLE]), (context[LAYERS] - 1) * LAYER)
    return doubles(last[LINEAR])


def evaluate(context: Ints, x: Reals, g: Reals, lane: Int, time: Real, l1: Real, l2: Real,
             seed: Int, before: Int, backwards: Int) -> Real:
    """Return the loss at x; with `backwards` also set g to its gradient.

    `before` is the number of steps that were taken before time 0.
    """
    step = 0
    if context[PACED]:
        step = before + step_at(context, time)
    count = samples_at(context, step)
    length = (count + 7) & -8
    inputs = data_of(context, lane, step, seed)
    forward(context, x, inputs, count, length, step, seed, 0)
    value = cost(context, outputs_of(context), wanted_of(context), doubles(context[DELTA]), count,
                 length)
    fill(g, 0.0, context[COUNT])
    if backwards:
        backward(context, x, g, inputs, count, length)
    return value + penalty(context, x, g, l1, l2)


# ------------------------------------------------------------------------------- kernels
def gradient(context: Ints, t: Reals, y: Reals, p: Reals, s: Reals, out: Reals):
    """Set row 0 of out to the loss and the next rows to its gradient, in each lane."""
    width, count = context[WIDTH], context[COUNT]
    if width == 1:
        out[0] = evaluate(context, y, shift(out, 1), 0, t[0], p[0], p[1],
                          seed_of(context, p, 0), first_of(context, p, 0), 1)
    else:
        x, g = doubles(context[POINT]), doubles(context[SLOPE])
        for lane in range(width):
            pull(x, y, count, width, lane)
            out[lane] = evaluate(context, x, g, lane, t[lane], p[lane], p[width + lane],
                                 seed_of(context, p, lane), first_of(context, p, lane), 1)
            push(shift(out, width), g, count, width, lane)


def value(context: Ints, t: Reals, y: Reals, p: Reals, s: Reals, out: Reals):
    """Set row 0 of out to the loss in each lane."""
    width, count = context[WIDTH], context[COUNT]
    x, g = doubles(context[POINT]), doubles(context[SLOPE])
    for lane in range(width):
        pull(x, y, count, width, lane)
        out[lane] = evaluate(context, x, g, lane, t[lane], p[lane], p[width + lane],
                             seed_of(context, p, lane), first_of(context, p, lane), 0)


def outputs(context: Ints, t: Reals, y: Reals, p: Reals, s: Reals, out: Reals):
    """Set row j N + i of out to output j of sample i, in each lane."""
    width, count, samples = context[WIDTH], context[COUNT], context[SAMPLES]
    x = doubles(context[POINT])
    for lane in range(width):
        pull(x, y, count, width, lane)
        forward(context, x, doubles(context[DATA_ROWS]), samples, (samples + 7) & -8, 0, 0, 0)
        z = outputs_of(context)
        for j in range(context[OUTPUTS]):
            push(shift(out, j * samples * width), shift(z, j * context[PITCH]), samples, width,
                 lane)


def pull(x: Reals, block: Reals, count: Int, width: Int, lane: Int):
    """Set x to a lane of a block."""
    for i in range(count):
        x[i] = block[i * width + lane]


def push(block: Reals, x: Reals, count: Int, width: Int, lane: Int):
    """Set a lane of a block to x."""
    for i in range(count):
        block[i * width + lane] = x[i]
