"""Costs of outputs z and targets: their value, derivative, and second derivative along a direction.

All are means over samples. Squares: scale · Σ_j (z_j − y_j)². Classes (softmax):
−log p_y = log Σ_j exp(z_j − z_y), p = exp(z)/Σ exp(z): with the largest logit taken out nothing
overflows, and the logarithm is of 1 + (what the other classes add), so that a small cost has all
its digits. Two classes, one logit: log(1 + exp(−z)) or log(1 + exp(z)).
"""

from flowopt._elementary import exponential, log_one_plus, logistic, soft_plus
from flowopt._language import Int, Ints, Real, Reals, doubles, muladd, shift
from flowopt.losses.kernels.places import (
    CLASSES,
    COST,
    EACH,
    NUMBERS,
    OUTPUTS,
    PITCH,
    SCALE,
    SPARE,
    SQUARES,
)
from flowopt.losses.kernels.products import fill, total


def cost(context: Ints, z: Reals, wanted: Reals, delta: Reals, count: Int, length: Int) -> Real:
    """Return the mean cost of the first `count` samples; set delta to its derivative by z."""
    outputs, pitch = context[OUTPUTS], context[PITCH]
    each, spare = doubles(context[EACH]), doubles(context[SPARE])
    fill(each, 0.0, length)
    share = 1.0 / float(count)
    if context[COST] == SQUARES:
        scale = doubles(context[NUMBERS])[SCALE]
        for j in range(outputs):
            squares(shift(z, j * pitch), shift(wanted, j * pitch), shift(delta, j * pitch), each,
                    scale, 2.0 * scale * share, length)
    elif context[COST] == CLASSES:
        softmax(z, wanted, delta, each, spare, shift(spare, pitch), shift(spare, 2 * pitch),
                share, outputs, pitch, length)
    else:
        two_classes(z, wanted, delta, each, share, length)
    for s in range(count, length):  # what only fills a row up counts for nothing
        each[s] = 0.0
        for j in range(outputs):
            delta[j * pitch + s] = 0.0
    return total(each, length) * share


def squares(z: Reals, y: Reals, delta: Reals, each: Reals, scale: Real, double: Real, length: Int):
    for s in range(length):
        e = z[s] - y[s]
        each[s] = each[s] + scale * e * e
        delta[s] = double * e


def softmax(z: Reals, label: Reals, delta: Reals, each: Reals, top: Reals, own: Reals, rest: Reals,
            share: Real, outputs: Int, pitch: Int, length: Int):
    for s in range(length):
        top[s] = z[s]
        rest[s] = 0.0
    for j in range(1, outputs):
        raise_top(top, shift(z, j * pitch), length)
    for j in range(outputs):
        sort_out(shift(z, j * pitch), label, float(j), shift(delta, j * pitch), each, top, own,
                 rest, length)
    for s in range(length):
        # −log p_y = (top − z_y) + log(1 + (rest + own − 1)), own = exp(z_y − top)
        each[s] = each[s] + log_one_plus(rest[s] + (own[s] - 1.0))
    for j in range(outputs):
        probability(shift(delta, j * pitch), label, float(j), own, rest, share, length)


def raise_top(top: Reals, z: Reals, length: Int):
    for s in range(length):
        top[s] = max(top[s], z[s])


def sort_out(z: Reals, label: Reals, j: Real, e: Reals, each: Reals, top: Reals, own: Reals,
             rest: Reals, length: Int):
    """Add exp(z − top) to what it belongs to: the sample's own class, or the rest."""
    for s in range(length):
        value = exponential(z[s] - top[s])
        mine = label[s] == j
        e[s] = value
        own[s] = value if mine else own[s]
        rest[s] = rest[s] + (0.0 if mine else value)
        each[s] = top[s] - z[s] if mine else each[s]


def probability(e: Reals, label: Reals, j: Real, own: Reals, rest: Reals, share: Real, length: Int):
    """Set e to (p_j − 1 if j is the own class, else p_j) · share, without cancellation."""
    for s in range(length):
        part = -rest[s] if label[s] == j else e[s]
        e[s] = share * (part / (own[s] + rest[s]))


def two_classes(z: Reals, label: Reals, delta: Reals, each: Reals, share: Real, length: Int):
    for s in range(length):
        sign = 1.0 - 2.0 * label[s]
        margin = sign * z[s]
        each[s] = soft_plus(margin)
        delta[s] = share * (sign * logistic(margin))


# ------------------------------------------------------------------------- second derivatives
def bent_cost(context: Ints, z: Reals, wanted: Reals, delta: Reals, rz: Reals, r_delta: Reals,
              count: Int, length: Int):
    """Set r_delta to the derivative of delta along rz; delta is what `cost` has left."""
    outputs, pitch = context[OUTPUTS], context[PITCH]
    spare = doubles(context[SPARE])
    share = 1.0 / float(count)
    if context[COST] == SQUARES:
        scale = 2.0 * share * doubles(context[NUMBERS])[SCALE]
        for j in range(outputs):
            scaled(shift(r_delta, j * pitch), shift(rz, j * pitch), scale, length)
    elif context[COST] == CLASSES:
        # p_j share = delta_j, and share more for the own class; ṗ_j = p_j (ż_j − Σ p ż)
        fill(spare, 0.0, length)
        for j in range(outputs):
            weigh(spare, shift(delta, j * pitch), wanted, float(j), shift(rz, j * pitch), share,
                  length)
        for j in range(outputs):
            turn(shift(r_delta, j * pitch), shift(delta, j * pitch), wanted, float(j),
                 shift(rz, j * pitch), spare, share, float(count), length)
    else:
        for s in range(length):
            r_delta[s] = share * (logistic(z[s]) * logistic(-z[s])) * rz[s]
    for s in range(count, length):
        for j in range(outputs):
            r_delta[j * pitch + s] = 0.0


def scaled(out: Reals, row: Reals, times: Real, length: Int):
    for s in range(length):
        out[s] = times * row[s]


def weigh(mean: Reals, delta: Reals, label: Reals, j: Real, rz: Reals, share: Real, length: Int):
    for s in range(length):
        mean[s] = muladd(delta[s] + (share if label[s] == j else 0.0), rz[s], mean[s])


def turn(out: Reals, delta: Reals, label: Reals, j: Real, rz: Reals, mean: Reals, share: Real,
         count: Real, length: Int):
    for s in range(length):
        part = delta[s] + (share if label[s] == j else 0.0)
        out[s] = part * (rz[s] - count * mean[s])
