"""Models of torch and jax as losses: their parameters are flattened to x and restored from it.

Such a loss is a Python function: it works with every verb, at the speed of that function.
"""

from __future__ import annotations

import copy
import functools
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.losses.kernels.batches import arrange
from flowopt.losses.loss import KernelLoss
from flowopt.losses.points import checked_directions, checked_point, checked_points
from flowopt.losses.training_data import checked_seed


class External(KernelLoss):
    """A loss whose value, gradient and products with the Hessian another library computes.

    Attributes
    ----------
    n : int
        The number of parameters of the model.
    """

    def __init__(self, value: Callable[..., tuple[float, np.ndarray]],
                 product: Callable[..., np.ndarray], x0: np.ndarray,
                 restore: Callable[[np.ndarray], Any], name: str, samples: int = 0) -> None:
        super().__init__(value, len(x0), name=name)
        self._value, self._product, self._restore = value, product, restore
        self._x0, self._samples = x0, samples
        self._plan: tuple[int, int, float | None] | None = None

    def _point(self, t: float, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        return self._at(x, None if self._plan is None else self._chosen(t))

    def _at(self, x: np.ndarray, chosen: np.ndarray | None) -> np.ndarray:
        value, g = self._value(x, chosen)
        return np.concatenate([[float(value)], g])

    # ---------------------------------------------------------------- verbs
    def _rows(self, kind: str, x: Any) -> np.ndarray:
        points, single = checked_points("x", x, self.n)
        if kind == "hessian":
            eye = np.eye(self.n)
            out = np.array([[0.0] * (1 + self.n) + [h for v in eye for h in self._product(z, v)]
                            for z in points])
        else:
            out = np.array([self._at(z, None) for z in points])
        return out[0] if single else out

    def hvp(self, x: Any, v: Any) -> np.ndarray:
        """Return ∇²L(x) v for x and v (n,) or (batch, n)."""
        points, directions, single = checked_directions(x, v, self.n)
        out = np.array([self._product(a, b) for a, b in zip(points, directions, strict=True)])
        return out[0] if single else out

    def initial(self) -> np.ndarray:
        """Return x (n,) of the parameters that the model was given with."""
        return self._x0.copy()

    def unflatten(self, x: Any) -> Any:
        """Return the parameters that x (n,) stands for, in the form of the library."""
        return self._restore(checked_point(x, self.n))

    # ---------------------------------------------------------------- steps
    def batches(self, size: int, seed: int) -> External:
        """Return the loss whose gradient in step k is that of batch k; see `Network.batches`."""
        if not self._samples:
            raise ValueError(f"{self.name} has no data of its own, so batches has nothing to "
                             "choose from; choose in the function")
        size = _check.integer("size", size, at_least=1)
        if size > self._samples:
            raise ValueError(f"size must be at most the {self._samples} samples of the data, got "
                             f"{size}")
        made = copy.copy(self)
        made._addresses = {}  # what is kept is shared: whoever made it asks for errors
        made._plan = (size, checked_seed(seed), None)
        made.definition = f"{self.definition} {made._plan}"
        return made

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches that hold all samples once."""
        return 1 if self._plan is None else -(-self._samples // self._plan[0])

    def paced(self, step: float | None) -> External:
        """Return the loss for steps of that length; see `Network.paced`."""
        if self._plan is None:
            return self
        if step is None:
            raise ValueError(f"{self.name} has batches, and runs with a step h of their own have "
                             "no common steps; give all runs the same step")
        made = copy.copy(self)
        made._addresses = {}  # what is kept is shared: whoever made it asks for errors
        made._plan = (*self._plan[:2], abs(step))
        return made

    def _chosen(self, t: float) -> np.ndarray:
        """Return the samples of the batch at time t."""
        assert self._plan is not None
        size, seed, step = self._plan
        if step is None:
            raise ValueError(f"{self.name} has batches, and an adaptive method has no steps of one "
                             "length; use an optimizer or a method of fixed step")
        epoch, batch = divmod(int(np.floor(t / step * (1 + 2**-49))), self.steps_per_epoch)
        return order(self._samples, epoch, seed)[batch * size:(batch + 1) * size]


@functools.lru_cache(maxsize=8)
def order(samples: int, epoch: int, seed: int) -> np.ndarray:
    """Return the order of the samples in an epoch: the one that compiled networks have."""
    made, word = np.zeros(samples, dtype=np.int64), np.zeros(samples + 3, dtype=np.int64)
    arrange(made, word, samples, 1, epoch, seed)
    made.setflags(write=False)
    return made


def from_jax(f: Callable[[Any], Any], params: Any, *, name: str | None = None) -> External:
    """Return the loss ``f(params)`` of a jax function, over all leaves of `params` as one vector.

    It computes in double precision, whatever ``jax_enable_x64`` says: leaves in float32 are
    converted, and the function is traced for float64.

    Parameters
    ----------
    f : callable
        A function that jax can trace, from a pytree like `params` to a number.
    params : pytree of arrays
        Where ``initial`` is; x holds the leaves one after another, each row by row.
    name : str, optional
        A name.

    Notes
    -----
    Tested with jax 0.10 on a CPU.

    Examples
    --------
    >>> import flowopt as fo, numpy as np
    >>> def f(p):
    ...     return (p["a"]**2).sum() + p["b"]
    >>> loss = fo.losses.from_jax(f, {"a": np.array([1.0, 2.0]), "b": 3.0})
    >>> loss.grad(loss.initial()), loss.hvp(loss.initial(), [1.0, 0.0, 0.0])
    (array([2., 4., 1.]), array([2., 0., 0.]))
    """
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    scope: Any = getattr(jax, "enable_x64", None)
    if scope is None:  # where older versions have it
        scope = importlib.import_module("jax.experimental").enable_x64
    if not callable(f):
        raise TypeError(f"f must be a function of params, got {_check.shown(f)}")
    if not jax.tree_util.tree_leaves(params):
        raise ValueError("params must hold at least one array, got none")
    for leaf in jax.tree_util.tree_leaves(params):
        if np.asarray(leaf).dtype.kind not in "fiu":
            raise TypeError(f"params must hold real numbers, got {_check.shown(leaf)}")
    with scope(True):
        doubles = jax.tree_util.tree_map(lambda a: jnp.asarray(a, dtype=jnp.float64), params)
        flat, restore = ravel_pytree(doubles)
        x0 = _check.array("params", np.array(flat), "(n,)", (1,))
        made = jax.eval_shape(f, doubles)
        if not hasattr(made, "shape"):
            raise TypeError(f"f must return one number, got {_check.shown(made)}; an auxiliary "
                            "output has no place here")
        if made.shape != ():
            raise ValueError(f"f must return one number, got an array of shape {made.shape}")
        if made.dtype.kind != "f":
            raise TypeError(f"f must return a real number, got one of dtype {made.dtype}")
        both = jax.jit(jax.value_and_grad(lambda x: f(restore(x))))
        gradient = jax.grad(lambda x: f(restore(x)))
        along = jax.jit(lambda x, v: jax.jvp(gradient, (x,), (v,))[1])

    def value(x: np.ndarray, chosen: Any) -> tuple[float, np.ndarray]:
        with scope(True):
            found, g = both(jnp.asarray(x))
            return float(found), np.asarray(g)

    def product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        with scope(True):
            return np.asarray(along(jnp.asarray(x), jnp.asarray(v)))

    def restored(x: np.ndarray) -> Any:
        with scope(True):
            return restore(jnp.asarray(x))

    return External(value, product, x0, restored, name or str(getattr(f, "__name__", "jax")))


def from_torch(module: Any, loss: Callable[[Any, Any], Any], data: tuple[Any, Any], *,
               name: str | None = None) -> External:
    """Return the training loss ``loss(module(X), y)`` of a torch module, over its parameters.

    A module in float32 is not computed in float32: the loss works with a copy of it in float64,
    says so in a warning, and the module itself is left as it is. The copy is in the mode (``train``
    or ``eval``) of the module, and must be deterministic in it.

    Parameters
    ----------
    module : torch.nn.Module
        The model; x holds its trainable parameters in the order of ``module.parameters()``.
    loss : callable
        ``loss(output, y)``, such as ``torch.nn.MSELoss()``; it returns one number.
    data : (X, y)
        Tensors or arrays with a first axis for the samples; real numbers become float64.
    name : str, optional
        A name.

    Notes
    -----
    Tested with torch 2.13 on a CPU.
    ``torch.nn.utils.vector_to_parameters(torch.from_numpy(x), module.parameters())`` puts a result
    back into the module.

    Examples
    --------
    >>> import flowopt as fo
    >>> import torch                                                # doctest: +SKIP
    >>> model = torch.nn.Linear(1, 1, dtype=torch.float64)          # doctest: +SKIP
    >>> loss = fo.losses.from_torch(model, torch.nn.MSELoss(),      # doctest: +SKIP
    ...                             ([[0.0], [1.0]], [[1.0], [3.0]]))
    >>> run = fo.optimizers.gradient_descent(lr=0.5).run(           # doctest: +SKIP
    ...     loss, loss.initial(), steps=200)
    >>> run.x[-1].round(6)                                          # doctest: +SKIP
    array([2., 1.])
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {_check.shown(module)}")
    if not callable(loss):
        raise TypeError(f"loss must be a function of output and y, got {_check.shown(loss)}")
    model = copy.deepcopy(module)
    single = [p.dtype for p in model.parameters() if p.dtype != torch.float64]
    if single:
        warnings.warn(f"the module is in {str(single[0]).removeprefix('torch.')}; the loss works "
                      "with a copy of it in float64, and the module is left as it is",
                      stacklevel=2)
    model = model.double()
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError(f"data must be a pair (X, y), got {_check.shown(data)}")
    X, y = (_tensor(torch, label, given) for label, given in zip("Xy", data, strict=True))
    if len(X) != len(y):
        raise ValueError(f"X and y must hold as many samples, got {len(X)} and {len(y)}")
    names = [k for k, p in model.named_parameters() if p.requires_grad]
    shapes = [model.get_parameter(k).shape for k in names]
    if not names:
        raise ValueError("module must have at least one trainable parameter, got none")
    sizes = [shape.numel() for shape in shapes]
    x0 = torch.cat([model.get_parameter(k).detach().reshape(-1) for k in names]).numpy().copy()

    def split(x: Any) -> dict[str, Any]:
        return {k: part.reshape(shape) for k, part, shape in
                zip(names, torch.split(x, sizes), shapes, strict=True)}

    def total(x: Any, chosen: Any) -> Any:
        here = slice(None) if chosen is None else torch.from_numpy(np.array(chosen))
        return loss(torch.func.functional_call(model, split(x), (X[here],)), y[here])

    def value(x: np.ndarray, chosen: Any) -> tuple[float, np.ndarray]:
        point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        found = total(point, chosen)
        (g,) = torch.autograd.grad(found, point)
        return float(found.detach()), g.numpy()

    def product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        (g,) = torch.autograd.grad(total(point, None), point, create_graph=True)
        if not g.requires_grad:  # the loss is linear in all parameters
            return np.zeros(len(x))
        (made,) = torch.autograd.grad(g @ torch.tensor(v, dtype=torch.float64), point)
        return np.asarray(made.numpy())

    def restored(x: np.ndarray) -> dict[str, Any]:
        return {k: v.clone() for k, v in split(torch.tensor(x, dtype=torch.float64)).items()}

    with torch.no_grad():
        once, again = (total(torch.from_numpy(x0), None) for _ in range(2))
    if once.numel() != 1:
        raise ValueError(f"loss must return one number, got a tensor of shape {tuple(once.shape)}")
    if not torch.equal(once, again) and bool(torch.isfinite(once)):
        raise ValueError(f"the module gives two losses at one point, {float(once):.6g} and "
                         f"{float(again):.6g}, as dropout does; call module.eval() first")
    return External(value, product, x0, restored, name or type(module).__name__, len(X))


def _tensor(torch: Any, name: str, given: Any) -> Any:
    """Return data as a tensor: real numbers in float64, integers as they are."""
    made = given.detach() if isinstance(given, torch.Tensor) else torch.as_tensor(np.asarray(given))
    if made.ndim == 0 or len(made) == 0:
        raise ValueError(f"{name} must hold at least one sample, got shape {tuple(made.shape)}")
    if made.is_floating_point():
        made = made.double()
        if not bool(torch.isfinite(made).all()):
            raise ValueError(f"{name} must be finite, and holds a number that is not")
    return made
