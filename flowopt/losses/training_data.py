"""Data at the door: samples, targets and labels, refused in one sentence if they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt import _check

#: seeds are read by the kernels as doubles
MOST_SEED = 2**53 - 1


def checked_samples(X: Any, inputs: int | None = None, name: str = "X") -> np.ndarray:
    """Return X (N, d) as doubles; a vector (N,) is one input per sample."""
    array = _filled(name, X, "(N, d)")
    array = array[:, None] if array.ndim == 1 else array
    if inputs is not None and array.shape[1] != inputs:
        raise ValueError(f"{name} must have {inputs} column{'s' * (inputs != 1)}, one for each "
                         f"input of the network, got shape {array.shape}; change sizes[0] or "
                         f"{name}")
    return array


def _filled(name: str, value: Any, shape: str) -> np.ndarray:
    """Return finite real numbers of one or two axes, of which there is at least one; a copy.

    The loss keeps them by sample and by row, and a change of the caller's array would reach only
    one of the two.
    """
    given = value if hasattr(value, "dtype") else None
    if given is None:
        try:
            given = np.asarray(value)
        except ValueError:
            given = None
    if given is not None and np.size(given) == 0:
        raise ValueError(f"{name} must hold at least one sample, got an empty array of shape "
                         f"{np.shape(given)}")
    return np.array(_check.array(name, value, shape, (1, 2)))


def checked_targets(y: Any, count: int, outputs: int) -> np.ndarray:
    """Return y as doubles (N, outputs)."""
    array = _filled("y", y, f"({count}, {outputs})")
    array = array[:, None] if array.ndim == 1 else array
    if array.shape != (count, outputs):
        wanted = f"({count}, {outputs})" + (f" or ({count},)" if outputs == 1 else "")
        raise ValueError(f"y must have shape {wanted}, a row for each sample of X and a column for "
                         f"each output, got shape {np.shape(y)}")
    return array


def checked_labels(labels: Any, count: int, classes: int | None, name: str = "labels"
                   ) -> np.ndarray:
    """Return labels (N,) as doubles, each an integer in [0, classes)."""
    array = _filled(name, labels, f"({count},)")
    if array.shape == (count, 1):
        array = array[:, 0]
    if array.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},), a label for each sample of X, got "
                         f"shape {np.shape(labels)}")
    wrong = array != np.floor(array)
    if wrong.any():
        raise TypeError(f"{name} must be integers, the numbers of the classes from 0, got "
                        f"{array[wrong][0]:g} at index {int(np.argmax(wrong))}")
    most = np.inf if classes is None else classes
    wrong = (array < 0) | (array >= most)
    if wrong.any():
        wanted = ">= 0" if classes is None else f"in 0 … {classes - 1}, one of {classes} classes"
        hint = "; map -1 and 1 to 0 and 1" if (array[wrong] == -1).all() and classes == 2 else ""
        raise ValueError(f"{name} must be {wanted}, got {array[wrong][0]:g} at index "
                         f"{int(np.argmax(wrong))}{hint}")
    return array


def checked_sizes(sizes: Any) -> tuple[int, ...]:
    """Return the sizes of the layers, inputs first."""
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, (Sequence, np.ndarray)):
        raise TypeError("sizes must be a sequence of integers, inputs first and outputs last, got "
                        f"{_check.shown(sizes)}")
    if len(sizes) < 2:
        raise ValueError("sizes must have at least two entries, inputs and outputs, got "
                         f"{_check.shown(sizes)}")
    return tuple(_check.integer(f"sizes[{i}]", s, at_least=1) for i, s in enumerate(sizes))


def checked_seed(seed: Any, name: str = "seed") -> int:
    """Return a seed that a double holds."""
    if isinstance(seed, float) and seed.is_integer():
        seed = int(seed)
    return _check.integer(name, seed, at_least=0, at_most=MOST_SEED)


def checked_flags(**flags: Any) -> None:
    """Refuse what must be True or False and is neither."""
    for name, value in flags.items():
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{name} must be True or False, got {_check.shown(value)}")


def chosen(name: str, value: Any, options: Any) -> str:
    """Return one of the options, or refuse with the nearest ones."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got "
                         f"{_check.shown(value)}; {_check.nearest(str(value), options)}")
    return value
