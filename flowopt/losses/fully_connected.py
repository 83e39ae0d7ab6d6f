"""The training loss of a fully connected network, checked at the door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowopt import _check
from flowopt.losses.kernels import places as at
from flowopt.losses.networks import Network
from flowopt.losses.training_data import (
    checked_flags,
    checked_labels,
    checked_samples,
    checked_seed,
    checked_sizes,
    checked_targets,
    chosen,
)
from flowopt.losses.workspace import ACTIVATIONS, Layout


def network(sizes: Sequence[int], activation: str = "relu", loss: str = "mse", *, X: Any, y: Any,
            l1: float = 0.0, l2: float = 0.0, half: bool = True, batch_norm: bool = False,
            dropout: float | None = None, seed: int = 0, bias: bool = True,
            negative_slope: float = 0.01) -> Network:
    """Return the training loss of a fully connected network.

    z = W a + b in each layer, a = σ(z) in hidden ones, z in the last. L(x) = mean cost over the
    samples + l1 Σ|w| + ½ l2 Σ w², w the weights (not biases, γ and β). x holds W (out, in) row by
    row, then b, layer by layer: the order of torch's ``parameters()``.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, units of the hidden layers, outputs: ``[1, 20, 1]``.
    activation : {"sigmoid", "tanh", "relu", "leaky_relu", "softplus"}
        σ. The slope of ReLU at 0 is 0.
    loss : {"mse", "cross_entropy"}
        ``"mse"``: the mean over samples and outputs of (z − y)². ``"cross_entropy"``: on logits z,
        −log softmax(z)[y], natural logarithm; with one output −log of 1/(1 + e^{∓z}).
    X : array_like, shape (N, d)
        The samples.
    y : array_like, shape (N, out) or (N,)
        Targets, or the numbers of the classes from 0.
    l1, l2 : float, >= 0
        Penalties on weights. The derivative of |w| at 0 is taken as 0: optimizers step over the
        kink, and adaptive methods, which do not see it in compiled data, chatter there.
    half : bool
        True: ½ l2 Σ w² (its gradient is torch's ``weight_decay=l2``). False: l2 Σ w².
    batch_norm : bool
        Each hidden layer is σ(γ ẑ + β), ẑ = (z − mean)/√(variance + 1e-5) over the batch; x then
        holds γ and β behind b. Values on all data have the statistics of all data.
    dropout : float in (0, 1], optional
        The probability p to keep a hidden unit, whose value is then divided by p (torch's p is
        1 − this). Only steps drop units: `value`, `grad` and `predict` do not, unless `k` is given.
    seed : int, >= 0
        Of the masks of dropout; `batches` gives another.
    bias : bool
        Whether layers have b.
    negative_slope : float, >= 0
        Of a leaky ReLU.

    Returns
    -------
    Network
        A `Loss`, compiled: one kernel serves all networks, so nothing is compiled for a new one.

    Raises
    ------
    ValueError, TypeError
        For data that are empty, not finite, or do not fit the sizes; labels outside the classes;
        an unknown activation; an option without effect.

    Notes
    -----
    Ioffe & Szegedy, ICML 2015, Algorithm 1; Srivastava et al., JMLR 15 (2014) 1929, §4, with the
    division at training time. Products with the Hessian: Pearlmutter, Neural Comput. 6 (1994) 147.

    Examples
    --------
    >>> import flowopt as fo
    >>> loss = fo.losses.network([2, 3, 1], "tanh", X=[[0, 0], [0, 1], [1, 0], [1, 1]],
    ...                          y=[0, 1, 1, 0], loss="cross_entropy")
    >>> run = fo.optimizers.adam(lr=0.1).run(loss, loss.initial(seed=3), steps=300)
    >>> loss.n, float(loss.accuracy(run.x[-1]))
    (13, 1.0)
    """
    checked_flags(half=half, batch_norm=batch_norm, bias=bias)
    shape = checked_sizes(sizes)
    hidden = len(shape) > 2
    chosen("activation", activation, ACTIVATIONS)
    chosen("loss", loss, ("mse", "cross_entropy"))
    data = checked_samples(X, shape[0])
    if loss == "mse":
        target, cost = checked_targets(y, len(data), shape[-1]), at.SQUARES
    else:
        target = checked_labels(y, len(data), max(shape[-1], 2), "y")[:, None]
        cost = at.CLASSES if shape[-1] > 1 else at.TWO_CLASSES
    if batch_norm and not hidden:
        raise ValueError(f"batch_norm has no effect: sizes={list(shape)} has no hidden layer")
    if batch_norm and len(data) < 2:
        raise ValueError("batch_norm needs at least 2 samples in X, got 1")
    keep = 1.0
    if dropout is not None:
        keep = _check.real("dropout", dropout, above=0.0)
        if keep > 1.0:
            raise ValueError(f"dropout must be the probability to keep a unit, in (0, 1], got "
                             f"{keep:g}")
        if not hidden:
            raise ValueError(f"dropout has no effect: sizes={list(shape)} has no hidden layer")
    if seed and keep == 1.0:
        raise ValueError("seed has no effect without dropout; batches(size, seed) takes one")
    if negative_slope != 0.01 and activation != "leaky_relu":
        raise ValueError("negative_slope has no effect: it belongs to the activation leaky_relu, "
                         f"and this one is {activation}")
    leak = _check.real("negative_slope", negative_slope, at_least=0.0)
    return Network(Layout(shape, bool(bias), bool(batch_norm)), data, target, cost=cost,
                   activation=activation, scale=1.0 / shape[-1], l1=l1, l2=l2, half=half,
                   leak=leak, keep=keep, seed=checked_seed(seed) if keep < 1.0 else None)
