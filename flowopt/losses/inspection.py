"""What a network does at a point: outputs, accuracy, gradients by layer and by sample."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from flowopt import _native
from flowopt.losses import workspace
from flowopt.losses.kernels import places as at
from flowopt.losses.points import checked_point
from flowopt.losses.training_data import checked_labels, checked_samples

#: per-sample gradients are taken in blocks of at most so many numbers
BLOCK = 2**24


class LayerGradients(NamedTuple):
    """The gradient by layer, from the inputs on.

    Attributes
    ----------
    norms : ndarray, shape (layers,)
        The norm of ∂L/∂W and ∂L/∂b (and ∂L/∂γ, ∂L/∂β) of the layer together.
    arrays : list of tuple of ndarray
        ∂L/∂W (out, in) and ∂L/∂b (out,) of each layer.
    """

    norms: np.ndarray
    arrays: list[tuple[np.ndarray, ...]]


def layer_gradients(loss: Any, x: Any, k: int | None) -> LayerGradients:
    """Return the gradient by layer."""
    arrays = loss.unflatten(loss.grad(x, k))
    norms = np.array([np.sqrt(sum(float((a * a).sum()) for a in parts)) for parts in arrays])
    return LayerGradients(norms, arrays)


def on(loss: Any, X: np.ndarray, target: np.ndarray | None = None) -> Any:
    """Return the loss on other data (without batches); targets are 0 where they are not used."""
    made = copy.copy(loss)
    made.__dict__.pop("_rows_of", None)
    made.data = X
    made.target = np.zeros((len(X), loss.target.shape[1])) if target is None else target
    made.size, made.pace = None, None
    return made


def called(loss: Any, kind: str, x: np.ndarray, rows: int,
           statistics: Any = None) -> tuple[np.ndarray, Any]:
    """Call a kernel on all data at one point; return its result and the context it worked in."""
    context = loss._context(1, None)
    if statistics is not None:
        context[at.GIVEN] = 1
        for entry, (mean, rate) in zip(layers(loss, context), statistics, strict=False):
            entry[at.MEAN], entry[at.RATE] = _native.address(mean), _native.address(rate)
    p = np.array([*loss.parameters.values()])
    out, t, slots = np.zeros(max(rows, 1)), np.zeros(1), np.zeros(2, dtype=np.int64)
    _native.prototype("pppppp")(workspace.kernel(kind))(
        *map(_native.address, (slots, slots[1:], context, t, x, p, t, out)))
    return out[:rows], context


def layers(loss: Any, context: Any) -> np.ndarray:
    """Return the table of layers of a context."""
    return next(a for a in context.held if _native.address(a) == context[at.TABLE])


def numbers_at(context: Any, address: int, length: int) -> np.ndarray:
    """Return a copy of the numbers at an address of a context's arena."""
    arena = context.held[0]
    first = (address - _native.address(arena)) // 8
    return np.array(arena[first:first + length])


def predict(loss: Any, x: Any, X: Any) -> np.ndarray:
    """Return the outputs (N, out) at samples X."""
    point = np.ascontiguousarray(checked_point(x, loss.n))
    statistics = None
    outputs = loss.sizes[-1]
    if X is not None and loss.layout.normalised:
        _, context = called(loss, "outputs", point, outputs * len(loss.data))
        statistics = [[numbers_at(context, entry[place], entry[at.TO])
                       for place in (at.MEAN, at.RATE)]
                      for entry in layers(loss, context)[:-1].tolist()]
    other = loss if X is None else on(loss, checked_samples(X, loss.sizes[0]))
    rows, _ = called(other, "outputs", point, outputs * len(other.data), statistics)
    return np.ascontiguousarray(rows.reshape(outputs, -1).T)


def accuracy(loss: Any, x: Any, X: Any, labels: Any) -> float:
    """Return the share of samples whose class is right."""
    if loss.cost == at.SQUARES:
        raise ValueError(f"accuracy needs classes, and {loss.name} has a mean squared error; use "
                         "predict")
    if (X is None) != (labels is None):
        raise ValueError("X and labels go together, and only one of them was given")
    z = predict(loss, x, X)
    wanted = loss.target[:, 0] if labels is None else \
        checked_labels(labels, len(z), max(loss.sizes[-1], 2))
    found = z[:, 0] > 0 if loss.cost == at.TWO_CLASSES else z.argmax(axis=1)
    return float((found == wanted).mean())


def each(loss: Any, x: Any) -> np.ndarray:
    """Return the cost of each sample (N,), without penalties."""
    _, context = called(loss, "value", np.ascontiguousarray(checked_point(x, loss.n)), 1)
    return numbers_at(context, int(context[at.EACH]), len(loss.data))


def sample_gradients(loss: Any, x: Any) -> np.ndarray:
    """Return the gradient of each sample's cost (N, n), without penalties."""
    point = checked_point(x, loss.n)
    if loss.layout.normalised:
        raise ValueError("with batch normalisation the cost of a sample depends on the other "
                         "samples, so a sample has no gradient of its own; use a network without")
    count = len(loss.data)
    size = 8 * count * loss.n
    if size > 8 * 2**30:
        raise ValueError(f"the gradients of {count} samples by {loss.n} coordinates take "
                         f"{size / 2**30:.1f} GB; use a network on fewer samples")
    alone = copy.copy(loss)
    alone.parameters = {**loss.parameters, "l1": 0.0, "l2": 0.0}
    alone.keep, alone.numbers = 1.0, (1.0, *loss.numbers[1:])
    alone.size, alone.shuffled = 1, False
    made = np.empty((count, loss.n))
    block = max(1, BLOCK // loss.n)
    for first in range(0, count, block):
        steps = np.arange(first, min(first + block, count))
        y = np.broadcast_to(point, (len(steps), loss.n))
        made[steps] = alone._evaluated("gradient", 1 + loss.n, y, steps)[:, 1:] if count > 1 else \
            alone.grad(point)
    return made


def gradient_covariance(loss: Any, x: Any) -> np.ndarray:
    """Return the covariance of the samples' gradients (n, n)."""
    if loss.n > 5000:
        raise ValueError(f"the covariance of {loss.n} coordinates would take "
                         f"{8 * loss.n**2 / 2**30:.1f} GB; use sample_gradients")
    g = sample_gradients(loss, x)
    g -= g.mean(axis=0)
    return g.T @ g / len(g)
