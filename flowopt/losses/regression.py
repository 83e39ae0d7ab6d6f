"""Linear models on data: networks of one layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt import _check
from flowopt.losses.kernels import places as at
from flowopt.losses.networks import Network
from flowopt.losses.training_data import (
    checked_flags,
    checked_labels,
    checked_samples,
    checked_targets,
)
from flowopt.losses.workspace import Layout


def least_squares(X: Any, y: Any, l1: float = 0.0, l2: float = 0.0, *, half: bool = True,
                  bias: bool = True) -> Network:
    """Return the loss of a linear model, the half mean square ‖X Wᵀ + b − y‖²/(2N), and penalties.

    L = 1/(2N) Σ_i |W x_i + b − y_i|² + l1 Σ|w| + ½ l2 Σ w². Its Hessian by W (one output, no bias)
    is XᵀX/N + l2. x holds W (out, d) row by row, then b (out,).

    Parameters
    ----------
    X : array_like, shape (N, d)
        The samples.
    y : array_like, shape (N,) or (N, out)
        The targets.
    l1, l2 : float, >= 0
        Penalties on W, not on b.
    half : bool
        True: ½ l2 Σ w². False: l2 Σ w².
    bias : bool
        Whether there is b.

    Examples
    --------
    >>> import flowopt as fo
    >>> loss = fo.losses.least_squares([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> float(loss.value([2.0, 1.0])), loss.grad([0.0, 0.0])
    (0.0, array([-4.33333333, -3.        ]))
    """
    checked_flags(half=half, bias=bias)
    data = checked_samples(X)
    target = checked_targets(y, len(data), np.shape(y)[1] if np.ndim(y) == 2 else 1)
    return Network(Layout((data.shape[1], target.shape[1]), bool(bias)), data, target, scale=0.5,
                   l1=l1, l2=l2, half=half, name="least squares")


def logistic(X: Any, labels: Any, l1: float = 0.0, l2: float = 0.0, *, half: bool = True,
             bias: bool = True) -> Network:
    """Return the loss of logistic regression: −log of the probability of the right class of two.

    L = 1/N Σ_i log(1 + exp(−s_i (w·x_i + b))) + l1 Σ|w| + ½ l2 Σ w², s_i = ±1 for the
    labels 1 and 0. x holds w (d,), then b.

    Parameters
    ----------
    X : array_like, shape (N, d)
        The samples.
    labels : array_like of 0 and 1, shape (N,)
        The classes.
    l1, l2, half, bias
        As for `least_squares`.

    Examples
    --------
    >>> import flowopt as fo
    >>> loss = fo.losses.logistic([[-1.0], [1.0]], [0, 1])
    >>> float(loss.value([1000.0, 0.0])), float(loss.value([-1000.0, 0.0]))
    (0.0, 1000.0)
    """
    checked_flags(half=half, bias=bias)
    data = checked_samples(X)
    target = checked_labels(labels, len(data), 2)[:, None]
    return Network(Layout((data.shape[1], 1), bool(bias)), data, target, cost=at.TWO_CLASSES,
                   l1=l1, l2=l2, half=half, name="logistic regression")


def softmax_regression(X: Any, labels: Any, l1: float = 0.0, l2: float = 0.0, *,
                       classes: int | None = None, half: bool = True,
                       bias: bool = True) -> Network:
    """Return the loss of softmax regression, −log of the probability of the right class.

    L = 1/N Σ_i −log softmax(W x_i + b)[label_i] + l1 Σ|w| + ½ l2 Σ w². x holds W (classes, d) row
    by row, then b (classes,).

    Parameters
    ----------
    X : array_like, shape (N, d)
        The samples.
    labels : array_like of int, shape (N,)
        The numbers of the classes, from 0.
    classes : int, >= 2, optional
        How many classes there are; by default one more than the largest label.
    l1, l2, half, bias
        As for `least_squares`.

    Examples
    --------
    >>> import flowopt as fo, numpy as np
    >>> logits = [[12, 3, 2], [3, 10, 1], [1, 2, 5], [4, 6.5, 1.2], [3, 6, 1]]
    >>> loss = fo.losses.softmax_regression(logits, [0, 1, 2, 0, 1], bias=False)
    >>> loss.each(np.eye(3).ravel()).round(8)
    array([1.68800000e-04, 1.03476000e-03, 6.58839000e-02, 2.58349207e+00,
           5.49852400e-02])
    """
    checked_flags(half=half, bias=bias)
    data = checked_samples(X)
    known = None if classes is None else _check.integer("classes", classes, at_least=2)
    target = checked_labels(labels, len(data), known)[:, None]
    count = int(target.max()) + 1 if known is None else known
    if count < 2:
        raise ValueError("labels must name at least two classes, got only 0; pass classes=")
    return Network(Layout((data.shape[1], count), bool(bias)), data, target, cost=at.CLASSES,
                   l1=l1, l2=l2, half=half, name="softmax regression")
