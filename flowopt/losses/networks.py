"""The training loss of a network on data, compiled: value, gradient, Hessian and products."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from flowopt import _check
from flowopt._evaluate import evaluate
from flowopt.losses import initial as _initial
from flowopt.losses import inspection, workspace
from flowopt.losses.kernels import places as at
from flowopt.losses.loss import Held, KernelLoss
from flowopt.losses.points import checked_directions, checked_point, checked_points
from flowopt.losses.training_data import checked_seed
from flowopt.losses.workspace import ACTIVATIONS, Layout, Pace

#: as many steps the kernels tell apart by their time
MOST_STEP = 2**48


class Network(KernelLoss):
    """The training loss of a network; made by `flowopt.losses.network` and its relatives.

    It is a `Loss` with the same verbs, and what networks have besides: `hvp`, `batches`,
    `initial`, `unflatten`, `predict`, `accuracy`, `layer_gradients` and `gradient_covariance`.

    Attributes
    ----------
    n : int
        The number of weights, biases, γ and β together.
    sizes : tuple of int
        Inputs, units of the hidden layers, outputs.
    parameters : dict
        ``l1`` and ``l2``, and where batches or masks are drawn ``seed``, and ``first``, the number
        of steps taken before: they are read at run time, so that an ensemble can give each run its
        own.
    """

    def __init__(self, layout: Layout, data: np.ndarray, target: np.ndarray, *,
                 activation: str = "relu", cost: int = at.SQUARES, scale: float = 1.0,
                 l1: float = 0.0, l2: float = 0.0, half: bool = True, leak: float = 0.01,
                 epsilon: float = 1e-5, keep: float = 1.0, seed: int | None = None,
                 name: str | None = None) -> None:
        self.layout, self.data, self.target = layout, data, target
        self.activation, self.cost, self.keep = activation, cost, keep
        self.n, self.sizes = layout.n, layout.sizes
        self.parameters = {"l1": _check.real("l1", l1, at_least=0.0),
                           "l2": _check.real("l2", l2, at_least=0.0)}
        if seed is not None:
            self.parameters |= {"seed": float(seed), "first": 0.0}  # read as neighbours
        self.numbers = (keep, leak, 0.5 if half else 1.0, epsilon, scale)
        self.pace: Pace | None = None
        self.size: int | None = None
        self.shuffled = True
        self.minimum, self.minima, self.reference = None, None, None
        self.name = name or "network " + "-".join(map(str, layout.sizes))
        self._given, self._parsed = None, None
        self._addresses = {}
        digest = hashlib.sha256(data.tobytes() + target.tobytes()).hexdigest()[:16]
        self.definition = json.dumps(["network", layout.sizes, layout.bias, layout.normalised,
                                      activation, cost, self.numbers, digest])

    @cached_property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names of the coordinates."""
        return tuple(f"x{i + 1}" for i in range(self.n)) if self.n > 1 else ("x",)

    # ---------------------------------------------------------------- compiled side
    @cached_property
    def _rows_of(self) -> tuple[np.ndarray, np.ndarray]:
        """The data and the targets by row, as the kernels take all samples at once."""
        return workspace.by_row(self.data), workspace.by_row(self.target)

    def address(self, kind: str, width: int) -> int:
        """Return the address of a kernel; the same for every number of lanes."""
        return workspace.kernel(kind)

    @property
    def drawn(self) -> bool:
        """Whether the gradient of a step depends on the number of the step."""
        return self.size is not None or self.keep < 1.0

    def paced(self, step: float | None) -> Network:
        """Return the loss for steps of that length: step k sees batch k and the masks of step k.

        Methods of fixed step and optimizers ask for it. A loss without batches and masks is
        returned as it is. The step is told from the time, so a stage at the end of a step (RK4,
        Heun, implicit Euler) sees the next batch.
        """
        if not self.drawn:
            return self
        if step is None:
            raise ValueError(f"{self.name} changes from step to step (batches or dropout), and "
                             "runs with a step h of their own each have no common steps; give all "
                             "runs the same step")
        made = copy.copy(self)
        made.pace = Pace(abs(step), self.size or len(self.data), self.shuffled)
        return made

    def context(self, width: int) -> np.ndarray:
        """Return the array of sizes and addresses that the kernels read."""
        if self.drawn and self.pace is None:
            raise ValueError(f"{self.name} changes from step to step (batches or dropout), and an "
                             "adaptive method has no steps of one length; use an optimizer or a "
                             "method of fixed step, or the loss without batches and dropout")
        return self._context(width, self.pace)

    def _context(self, width: int, pace: Pace | None) -> Held:
        choices = {at.ACTIVATION: ACTIVATIONS.get(self.activation, at.IDENTITY),
                   at.COST: self.cost, at.NORMALISED: int(self.layout.normalised),
                   at.DROPPED: int(self.keep < 1.0)}
        seeded = list(self.parameters).index("seed") if "seed" in self.parameters else -1
        part = pace is not None and pace.size < len(self.data)
        rows = (self.data, self.target) if part else self._rows_of
        return workspace.context(self.layout, choices, self.numbers, self.data, rows[0],
                                 self.target, rows[1], width, pace, seeded)

    def raise_pending(self) -> None:
        """Nothing of a network is a Python function that could raise."""

    def _evaluated(self, kind: str, rows: int, y: np.ndarray, k: Any) -> np.ndarray:
        """Return a kernel's rows at states y: on all data, or with the batches of steps k."""
        times, pace = np.zeros(len(y)), None
        if k is not None:
            if not self.drawn:
                raise ValueError(f"k has no effect: {self.name} has neither batches nor dropout; "
                                 "make it by loss.batches(size, seed)")
            steps = np.asarray(k)
            if steps.dtype.kind not in "iu" or steps.ndim > 1 or (steps < 0).any() or \
                    steps.ndim == 1 and steps.shape != (len(y),):
                raise ValueError(f"k must be the number of a step, an integer >= 0 (or {len(y)} of "
                                 f"them), got {_check.shown(k)}")
            if steps.max() > MOST_STEP:
                raise ValueError(f"k must be at most {MOST_STEP}, got {steps.max()}")
            times[:] = steps
            pace = Pace(1.0, self.size or len(self.data), self.shuffled)
        values = np.array(list(self.parameters.values()))
        return evaluate(lambda width: self.address(kind, width), rows, times, y, values,
                        context=lambda width: self._context(width, pace))

    def value(self, x: Any, k: Any = None) -> np.ndarray:
        """Return L(x): shape () for x (n,), shape (batch,) for x (batch, n).

        On all data and without dropout; with `k` on the batch and with the masks of step k.
        """
        points, single = checked_points("x", x, self.n)
        out = self._evaluated("value", 1, points, k)[:, 0]
        return out[0] if single else out

    def grad(self, x: Any, k: Any = None) -> np.ndarray:
        """Return ∇L(x), of the shape of x; with `k` on the batch and with the masks of step k."""
        points, single = checked_points("x", x, self.n)
        out = self._evaluated("gradient", 1 + self.n, points, k)[:, 1:]
        return out[0] if single else out

    def hess(self, x: Any, k: Any = None) -> np.ndarray:
        """Return ∇²L(x): shape (n, n), or (batch, n, n); n products with the Hessian."""
        points, single = checked_points("x", x, self.n)
        if self.n > 5000:
            raise ValueError(f"the Hessian of {self.n} coordinates would take "
                             f"{8 * self.n**2 / 2**30:.1f} GB; use hvp(x, v), its product with a "
                             "direction")
        out = self._evaluated("hessian", 1 + self.n + self.n**2, points, k)[:, 1 + self.n:]
        out = out.reshape(-1, self.n, self.n)
        return out[0] if single else out

    def hvp(self, x: Any, v: Any, k: Any = None) -> np.ndarray:
        """Return ∇²L(x) v, exact and without the Hessian.

        Parameters
        ----------
        x, v : array_like, shape (n,) or (batch, n)
            Points and directions; one of either goes with many of the other.
        k : int, optional
            With it on the batch and with the masks of step k.

        Examples
        --------
        >>> import flowopt as fo
        >>> loss = fo.losses.least_squares([[1.0], [2.0]], [0.0, 0.0], bias=False)
        >>> loss.hvp([7.0], [2.0])
        array([5.])
        """
        points, directions, single = checked_directions(x, v, self.n)
        y = np.ascontiguousarray(np.hstack([points, directions]))
        out = self._evaluated("hessian_product", self.n, y, k)
        return out[0] if single else out

    def with_parameters(self, **values: float) -> Network:
        """Return the same loss with another l1, l2, seed or first (nothing is recompiled)."""
        made: Network = super().with_parameters(**values)  # type: ignore[assignment]
        for name in ("l1", "l2"):
            _check.real(name, made.parameters[name], at_least=0.0)
        for name in ("seed", "first"):
            if name in values:
                made.parameters[name] = float(checked_seed(values[name], name))
        return made

    def check_parameter(self, label: str, name: str, values: np.ndarray) -> None:
        """Refuse values of a parameter, one for each run of an ensemble, that it cannot have."""
        if name in ("l1", "l2") and not (values >= 0).all():
            raise ValueError(f"{label} must be >= 0, got {_check.shown(values)}")
        if name in ("seed", "first"):
            for seed in np.atleast_1d(values).tolist():
                checked_seed(seed, label)

    # ---------------------------------------------------------------- the numbers in x
    def initial(self, seed: int, rule: str = "he") -> np.ndarray:
        """Return a random start x (n,).

        Parameters
        ----------
        seed : int, >= 0
            The same seed gives the same start.
        rule : str
            For a layer with d inputs and k outputs: ``"he"`` N(0, 2/d); ``"he_uniform"``
            U(±√(6/d)); ``"glorot"`` U(±√(6/(d + k))); ``"glorot_normal"`` N(0, 2/(d + k)): biases
            0. ``"torch"``: U(±1/√d) for weights and biases, what torch.nn.Linear has. γ = 1, β = 0.

        Notes
        -----
        He, Zhang, Ren & Sun, ICCV 2015, Eq. (10); Glorot & Bengio, AISTATS 2010, Eq. (16).

        Examples
        --------
        >>> import flowopt as fo
        >>> loss = fo.losses.network([1, 20, 1], X=[[0.0], [1.0]], y=[0.0, 1.0])
        >>> x0 = loss.initial(seed=0)
        >>> x0.shape, bool((x0 == loss.initial(seed=0)).all())
        ((61,), True)
        """
        return _initial.initial(self.layout, seed, rule)

    def unflatten(self, x: Any) -> list[tuple[np.ndarray, ...]]:
        """Return (W, b) of each layer, W (out, in) and b (out,), as copies.

        Layers with batch normalisation are (W, b, γ, β).

        Examples
        --------
        >>> import flowopt as fo
        >>> loss = fo.losses.network([2, 3, 1], X=[[0.0, 1.0]], y=[1.0])
        >>> [(W.shape, b.shape) for W, b in loss.unflatten(loss.initial(seed=1))]
        [((3, 2), (3,)), ((1, 3), (1,))]
        """
        return self.layout.split(checked_point(x, self.n).copy())

    def flatten(self, layers: Sequence[Sequence[Any]]) -> np.ndarray:
        """Return x (n,) from the arrays of each layer: what `unflatten` gives."""
        x = np.zeros(self.n)
        views = self.layout.split(x)
        if len(layers) != len(views):
            raise ValueError(f"layers must have {len(views)} entries, got {len(layers)}")
        for k, (parts, given) in enumerate(zip(views, layers, strict=True)):
            if [np.shape(a) for a in given] != [a.shape for a in parts]:
                raise ValueError(f"layers[{k}] must have arrays of shapes "
                                 f"{[a.shape for a in parts]}, got "
                                 f"{[np.shape(a) for a in given]}")
            if not self.layout.bias and np.any(given[1]):
                raise ValueError(f"layers[{k}][1] must be 0, as the layers of {self.name} have no "
                                 f"biases, got {_check.shown(given[1])}")
            for part, array in zip(parts, given, strict=True):
                part[...] = array
        return x

    # ---------------------------------------------------------------- steps
    def batches(self, size: int, seed: int, shuffle: bool = True) -> Network:
        """Return the loss whose gradient in step k is that of batch k.

        The samples of an epoch are shuffled (Fisher and Yates), by numbers that depend on the
        seed and the epoch alone. When the size does not divide the number of samples, the last
        batch of an epoch is smaller, as torch's is. In a method of fixed step h, batch k holds for
        times from k h to (k + 1) h, that end excluded: implicit Euler, which evaluates at the end
        of its step, sees the next one. `value` and the loss along a run are of all data.

        Parameters
        ----------
        size : int, >= 1
            The samples of a batch.
        seed : int, >= 0
            Of the order, and of the masks of dropout. It is a parameter of the loss: an ensemble
            can give each run its own by ``parameters={"seed": ...}``.
        shuffle : bool
            Whether each epoch has another order.

        Examples
        --------
        >>> import flowopt as fo, numpy as np
        >>> X = np.linspace(-1, 1, 60)
        >>> loss = fo.losses.network([1, 8, 1], activation="tanh", X=X, y=X**3)
        >>> run = fo.optimizers.adam(lr=0.02).run(loss.batches(20, seed=1), loss.initial(seed=0),
        ...                                       epochs=300)
        >>> float(run.t[-1]), bool(run.loss[-1] < 1e-2)
        (900.0, True)
        """
        size = _check.integer("size", size, at_least=1)
        count = len(self.data)
        if size > count:
            raise ValueError(f"size must be at most the {count} samples of the data, got {size}; "
                             "for all samples in each step leave batches out")
        if self.layout.normalised and (size == 1 or count % size == 1):
            raise ValueError("size must leave no batch of one sample, which batch normalisation "
                             f"cannot normalise, got {size} for {count} samples")
        if not isinstance(shuffle, (bool, np.bool_)):
            raise TypeError(f"shuffle must be True or False, got {_check.shown(shuffle)}")
        made = copy.copy(self)
        made.parameters = {**self.parameters, "seed": float(checked_seed(seed)), "first": 0.0}
        made.size, made.shuffled = size, bool(shuffle)
        made.name = f"{self.name}, batches of {size}"
        made.definition = json.dumps([self.definition, size, shuffle])
        return made

    # ---------------------------------------------------------------- at a point
    def predict(self, x: Any, X: Any = None) -> np.ndarray:
        """Return the outputs z (N, out) at samples X (N, d), by default those of training.

        Nothing is dropped; batch normalisation has the statistics of all training data at x.

        Examples
        --------
        >>> import flowopt as fo
        >>> loss = fo.losses.least_squares([[0.0], [1.0]], [1.0, 3.0])
        >>> loss.predict([2.0, 1.0], [[10.0]])
        array([[21.]])
        """
        return inspection.predict(self, x, X)

    def accuracy(self, x: Any, X: Any = None, labels: Any = None) -> float:
        """Return the share of samples in the right class, by default of the training data."""
        return inspection.accuracy(self, x, X, labels)

    def each(self, x: Any) -> np.ndarray:
        """Return the cost of each sample (N,), penalties not counted; L is their mean."""
        return inspection.each(self, x)

    def layer_gradients(self, x: Any, k: int | None = None) -> inspection.LayerGradients:
        """Return the gradient by layer: norms (layers,), and arrays as `unflatten` has them.

        Examples
        --------
        >>> import flowopt as fo
        >>> loss = fo.losses.network([1, 1, 1, 1], "sigmoid", X=[[1.0]], y=[3.0])
        >>> loss.layer_gradients(loss.initial(seed=0)).norms.round(4)
        array([0.0761, 1.3217, 5.6899])
        """
        return inspection.layer_gradients(self, x, k)

    def sample_gradients(self, x: Any) -> np.ndarray:
        """Return the gradient of each sample's cost (N, n); their mean is ∇L without penalties."""
        return inspection.sample_gradients(self, x)

    def gradient_covariance(self, x: Any) -> np.ndarray:
        """Return C = 1/N Σ_i (g_i − ḡ)(g_i − ḡ)ᵀ (n, n), of the samples' gradients g_i.

        The mean gradient of B samples drawn without replacement has the covariance
        C/B · (N − B)/(N − 1); drawn with replacement, C/B.

        Examples
        --------
        >>> import flowopt as fo
        >>> loss = fo.losses.least_squares([[1.0], [2.0]], [1.0, 0.0], bias=False)
        >>> loss.gradient_covariance([0.0])
        array([[0.25]])
        """
        return inspection.gradient_covariance(self, x)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches that hold all samples once."""
        return 1 if self.size is None else -(-len(self.data) // self.size)
