"""Plain NumPy twins of the training losses: slow, short, and independent of the compiled code."""

import numpy as np
import reference
from scipy.special import expit, log_softmax

OWN = 0x62617463
ACT = {"sigmoid": expit, "tanh": np.tanh, "relu": lambda u: np.maximum(u, 0),
       "leaky_relu": lambda u: np.where(u > 0, u, 0.01 * u),
       "softplus": lambda u: np.logaddexp(0, u)}


def words(count, pair, which, seed):
    """The first `count` words of a stream: word 0 of each counter, then word 1, ..."""
    blocks = -(-count // 4)
    key = seed & 0xFFFFFFFF, seed >> 32 ^ OWN
    found = [reference.philox((q, pair & 0xFFFFFFFF, which, pair >> 32), key)
             for q in range(blocks)]
    return [w[r] for r in range(4) for w in found][:count]


def order(samples, epoch, seed):
    """The order of the samples in an epoch (Fisher and Yates, from the last entry down)."""
    made, word = list(range(samples)), words(4 * -(-samples // 4), epoch, 0, seed)
    for i in range(samples - 1, 0, -1):
        j = word[i] * (i + 1) >> 32
        made[i], made[j] = made[j], made[i]
    return made


def batch(samples, size, step, seed):
    """The samples of a step; the last batch of an epoch may be smaller."""
    per_epoch = -(-samples // size)
    epoch, place = divmod(step, per_epoch)
    return order(samples, epoch, seed)[place * size:(place + 1) * size]


def mask(layer, unit, step, samples, keep, seed):
    """1/p where a unit is kept, else 0."""
    found = words(-(-samples // 8) * 8, step, (layer + 1 << 24) + unit, seed)[:samples]
    return np.array([w < keep * 2**32 for w in found]) / keep


def split(x, sizes, bias=True, normalised=False):
    """W, b, gamma, beta of each layer."""
    made, at = [], 0

    def take(*shape):
        nonlocal at
        at += int(np.prod(shape))
        return x[at - int(np.prod(shape)):at].reshape(shape)

    for k, (d, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        w = take(out, d)
        b = take(out) if bias else np.zeros(out)
        hidden = normalised and k < len(sizes) - 2
        made.append((w, b, take(out) if hidden else None, take(out) if hidden else None))
    return made


def outputs(x, X, sizes, activation, normalised=False, keep=1.0, step=None, seed=0, bias=True):
    """The outputs (N, out), sample by sample where nothing is normalised."""
    a = X
    layers = split(x, sizes, bias, normalised)
    for k, (w, b, gamma, beta) in enumerate(layers):
        u = a @ w.T + b
        if k == len(layers) - 1:
            return u
        if normalised:
            u = gamma * (u - u.mean(0)) / np.sqrt(u.var(0) + 1e-5) + beta
        a = ACT[activation](u)
        if step is not None and keep < 1:
            a = a * np.stack([mask(k, j, step, len(X), keep, seed) for j in range(a.shape[1])], 1)
    return None


def each(z, y, cost):
    """The cost of each sample."""
    if cost == "mse":
        return ((z - y.reshape(z.shape)) ** 2).mean(1)
    if z.shape[1] == 1:
        return np.logaddexp(0, np.where(y == 1, -z[:, 0], z[:, 0]))
    return -log_softmax(z, axis=1)[np.arange(len(y)), y]


def loss(x, X, y, sizes, activation="relu", cost="mse", l1=0.0, l2=0.0, **options):
    """The training loss."""
    z = outputs(x, X, sizes, activation, **options)
    weights = np.concatenate([w.ravel() for w, *_ in split(
        x, sizes, options.get("bias", True), options.get("normalised", False))])
    return (each(z, y, cost).mean() + l1 * np.abs(weights).sum()
            + 0.5 * l2 * (weights**2).sum())


def slope(f, x, h=1e-6):
    """Central differences of f, of numbers or arrays: (n, ...)."""
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))])
