"""The product of a network's Hessian with a direction, without the Hessian.

The derivative of the gradient along a direction v (Pearlmutter, Neural Computation 6 (1994) 147):
each line of the forward and the backward pass is differentiated. A dot marks derivatives along v:
ż = W ȧ + V a + ḃ, ȧ = σ′ u̇, then δ̇ by the cost, ∂Ẇ = δ̇ aᵀ + δ ȧᵀ, and below
δ̇ = σ′ (Wᵀ δ̇ + Vᵀ δ) + σ″ u̇ (Wᵀ δ).
"""

from flowopt._language import Int, Ints, Real, Reals, doubles, integers, muladd, shift
from flowopt.losses.kernels.batches import step_at
from flowopt.losses.kernels.costs import bent_cost, cost
from flowopt.losses.kernels.network import (
    add_bias,
    biased,
    data_of,
    evaluate,
    first_of,
    forward,
    outputs_of,
    pull,
    push,
    samples_at,
    seed_of,
    wanted_of,
)
from flowopt.losses.kernels.normal import directed, directed_back
from flowopt.losses.kernels.places import (
    BEND_OF,
    BETA,
    BIAS,
    COUNT,
    DELTA,
    DIRECTION,
    FROM,
    GAMMA,
    HALF,
    LAYER,
    LAYERS,
    LINEAR,
    NORMALISED,
    NUMBERS,
    OTHER,
    PACED,
    PITCH,
    POINT,
    PRODUCT,
    R_DELTA,
    R_INNER,
    R_LINEAR,
    R_OTHER,
    R_RATE,
    R_VALUE,
    RATE,
    SLOPE,
    SLOPE_OF,
    TABLE,
    TO,
    VALUE,
    WEIGHT,
    WIDTH,
)
from flowopt.losses.kernels.products import (
    add_outer,
    add_product,
    add_transposed,
    dot,
    fill,
    total,
)


def along(context: Ints, x: Reals, v: Reals, hv: Reals, lane: Int, time: Real, l2: Real, seed: Int,
          before: Int):
    """Set hv to the product of the Hessian at x with v."""
    step = 0
    if context[PACED]:
        step = before + step_at(context, time)
    count = samples_at(context, step)
    length = (count + 7) & -8
    inputs = data_of(context, lane, step, seed)
    fill(hv, 0.0, context[COUNT])
    forward(context, x, inputs, count, length, step, seed, 1)
    cost(context, outputs_of(context), wanted_of(context), doubles(context[DELTA]), count, length)
    forward_along(context, x, v, inputs, count, length)
    last = shift(integers(context[TABLE]), (context[LAYERS] - 1) * LAYER)
    bent_cost(context, outputs_of(context), wanted_of(context), doubles(context[DELTA]),
              doubles(last[R_LINEAR]), doubles(context[R_DELTA]), count, length)
    backward_along(context, x, v, hv, inputs, count, length)
    twice = 2.0 * l2 * doubles(context[NUMBERS])[HALF]
    for k in range(context[LAYERS]):
        layer = shift(integers(context[TABLE]), k * LAYER)
        first = layer[WEIGHT]
        for i in range(first, first + layer[TO] * layer[FROM]):
            hv[i] = hv[i] + twice * v[i]


def forward_along(context: Ints, x: Reals, v: Reals, inputs: Reals, count: Int, length: Int):
    pitch, last = context[PITCH], context[LAYERS] - 1
    a = inputs
    for k in range(last + 1):
        layer = shift(integers(context[TABLE]), k * LAYER)
        below = shift(integers(context[TABLE]), (k - 1 if k > 0 else 0) * LAYER)
        rz, units, into = doubles(layer[R_LINEAR]), layer[TO], layer[FROM]
        for j in range(units):
            fill(shift(rz, j * pitch), biased(v, layer[BIAS], j), length)
        add_product(context, rz, shift(v, layer[WEIGHT]), a, units, into, length)
        if k > 0:
            add_product(context, rz, shift(x, layer[WEIGHT]), doubles(below[R_VALUE]), units, into,
                        length)
        if k < last:
            for j in range(units):
                if context[NORMALISED]:
                    directed(shift(rz, j * pitch), shift(doubles(layer[R_INNER]), j * pitch),
                             shift(doubles(layer[LINEAR]), j * pitch),
                             shift(doubles(layer[R_RATE]), j), doubles(layer[RATE])[j],
                             x[layer[GAMMA] + j], v[layer[GAMMA] + j], v[layer[BETA] + j], count,
                             length)
                product(shift(doubles(layer[R_VALUE]), j * pitch),
                        shift(doubles(layer[SLOPE_OF]), j * pitch),
                        shift(doubles(layer[R_INNER]), j * pitch), length)
            a = doubles(layer[VALUE])


def product(out: Reals, a: Reals, b: Reals, length: Int):
    for s in range(length):
        out[s] = a[s] * b[s]


def backward_along(context: Ints, x: Reals, v: Reals, hv: Reals, inputs: Reals, count: Int,
                   length: Int):
    pitch = context[PITCH]
    delta, other = doubles(context[DELTA]), doubles(context[OTHER])
    r_delta, r_other = doubles(context[R_DELTA]), doubles(context[R_OTHER])
    for k in range(context[LAYERS] - 1, -1, -1):
        layer = shift(integers(context[TABLE]), k * LAYER)
        below = shift(integers(context[TABLE]), (k - 1 if k > 0 else 0) * LAYER)
        units, into, at = layer[TO], layer[FROM], layer[WEIGHT]
        a = inputs
        if k > 0:
            a = doubles(below[VALUE])
        add_bias(hv, r_delta, layer[BIAS], units, pitch, length)
        add_outer(context, shift(hv, at), r_delta, a, units, into, length)
        if k > 0:
            add_outer(context, shift(hv, at), delta, doubles(below[R_VALUE]), units, into, length)
            for i in range(into):
                fill(shift(other, i * pitch), 0.0, length)
                fill(shift(r_other, i * pitch), 0.0, length)
            add_transposed(context, other, shift(x, at), delta, units, into, length)
            add_transposed(context, r_other, shift(x, at), r_delta, units, into, length)
            add_transposed(context, r_other, shift(v, at), delta, units, into, length)
            for i in range(into):
                inward(shift(other, i * pitch), shift(r_other, i * pitch),
                       shift(doubles(below[SLOPE_OF]), i * pitch),
                       shift(doubles(below[BEND_OF]), i * pitch),
                       shift(doubles(below[R_INNER]), i * pitch), length)
            if context[NORMALISED]:
                through_along(context, below, x, v, hv, other, r_other, count, length)
            here, r_here = delta, r_delta
            delta, r_delta = other, r_other
            other, r_other = here, r_here


def inward(delta: Reals, r_delta: Reals, slope: Reals, bend: Reals, ru: Reals, length: Int):
    for s in range(length):
        r_delta[s] = muladd(delta[s] * bend[s], ru[s], r_delta[s] * slope[s])
        delta[s] = delta[s] * slope[s]


def through_along(context: Ints, layer: Ints, x: Reals, v: Reals, hv: Reals, delta: Reals,
                  r_delta: Reals, count: Int, length: Int):
    """Take both deltas back through the normalisation of a layer."""
    pitch = context[PITCH]
    rate, r_rate = doubles(layer[RATE]), doubles(layer[R_RATE])
    for j in range(layer[TO]):
        at = j * pitch
        row, r_row = shift(delta, at), shift(r_delta, at)
        z, rz = shift(doubles(layer[LINEAR]), at), shift(doubles(layer[R_LINEAR]), at)
        hv[layer[BETA] + j] += total(r_row, length)
        hv[layer[GAMMA] + j] += dot(r_row, z, length) + dot(row, rz, length)
        directed_back(r_row, row, z, rz, rate[j], r_rate[j], x[layer[GAMMA] + j],
                      v[layer[GAMMA] + j], count, length)


# ------------------------------------------------------------------------------- kernels
def hessian_product(context: Ints, t: Reals, y: Reals, p: Reals, s: Reals, out: Reals):
    """Set out (n, W) to the products; y holds x and below it the direction (2n, W)."""
    width, count = context[WIDTH], context[COUNT]
    x, v, hv = doubles(context[POINT]), doubles(context[DIRECTION]), doubles(context[PRODUCT])
    for lane in range(width):
        pull(x, y, count, width, lane)
        pull(v, shift(y, count * width), count, width, lane)
        along(context, x, v, hv, lane, t[lane], p[width + lane], seed_of(context, p, lane),
              first_of(context, p, lane))
        push(out, hv, count, width, lane)


def hessian(context: Ints, t: Reals, y: Reals, p: Reals, s: Reals, out: Reals):
    """Set the rows of out to the loss, its gradient, and its Hessian row by row."""
    width, count = context[WIDTH], context[COUNT]
    x, v, hv = doubles(context[POINT]), doubles(context[DIRECTION]), doubles(context[PRODUCT])
    g = doubles(context[SLOPE])
    for lane in range(width):
        pull(x, y, count, width, lane)
        seed, before = seed_of(context, p, lane), first_of(context, p, lane)
        out[lane] = evaluate(context, x, g, lane, t[lane], p[lane], p[width + lane], seed, before,
                             1)
        push(shift(out, width), g, count, width, lane)
        fill(v, 0.0, count)
        for i in range(count):
            v[i] = 1.0
            along(context, x, v, hv, lane, t[lane], p[width + lane], seed, before)
            v[i] = 0.0
            push(shift(out, (1 + count + i * count) * width), hv, count, width, lane)
