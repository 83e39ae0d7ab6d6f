"""What the kernels of a network read: where its numbers are in x, and the arrays they work in."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.losses.kernels import places as at
from flowopt.losses.loss import Held

ACTIVATIONS = {"sigmoid": at.SIGMOID, "tanh": at.TANH, "relu": at.RELU,
               "leaky_relu": at.LEAKY_RELU, "softplus": at.SOFTPLUS}
#: multiplications of a product from which on BLAS is called: with its threads it is then faster
BLAS_FROM = 2**25
#: the kernels, by the module that they are compiled with
KERNELS = {"value": "network", "gradient": "network", "outputs": "network",
           "hessian": "curvature", "hessian_product": "curvature"}


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a network are in x: layer by layer W (out, in), b, and γ and β.

    Attributes
    ----------
    sizes : tuple of int
        Inputs, units of each hidden layer, outputs.
    bias, normalised : bool
        Whether layers have b; whether hidden layers have γ and β.
    """

    sizes: tuple[int, ...]
    bias: bool = True
    normalised: bool = False

    @functools.cached_property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """For each layer where W, b, γ, β and the next layer start in x; −1: it has none."""
        made, here = [], 0
        for k, (before, after) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            row = [here]
            here += before * after
            hidden = self.normalised and k < len(self.sizes) - 2
            for there in (self.bias, hidden, hidden):
                row.append(here if there else -1)
                here += after * there
            made.append((*row, here))
        return tuple(made)

    @property
    def n(self) -> int:
        """The number of entries of x."""
        return self.places[-1][-1]

    def split(self, x: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        """Return (W, b) of each layer, or (W, b, γ, β) where it is normalised; views of x."""
        made = []
        for row, before, after in zip(self.places, self.sizes, self.sizes[1:], strict=False):
            parts: list[np.ndarray] = [x[row[0]:row[0] + before * after].reshape(after, before)]
            parts += [x[p:p + after] if p >= 0 else np.zeros(after) for p in row[1:2]]
            parts += [x[p:p + after] for p in row[2:4] if p >= 0]
            made.append(tuple(parts))
        return made

    @property
    def weights(self) -> np.ndarray:
        """Which entries of x are weights (n,): those that penalties count."""
        made = np.zeros(self.n, dtype=bool)
        for row, before, after in zip(self.places, self.sizes, self.sizes[1:], strict=False):
            made[row[0]:row[0] + before * after] = True
        return made


@dataclass(frozen=True)
class Pace:
    """What changes from step to step: how long a step lasts, and the batches.

    With `size` equal to the number of samples, every step sees all of them (masks still change).
    """

    step: float
    size: int
    shuffled: bool


def padded(count: int) -> int:
    """Return `count` rounded up to a multiple of 8."""
    return -(-count // 8) * 8


def row_length(count: int) -> int:
    """Return the length of a row of samples: an odd number of cache lines, of 8 each.

    With a power of two, entries below one another would compete for the same few places of a cache.
    """
    return (-(-count // 8) | 1) * 8


def by_row(values: np.ndarray) -> np.ndarray:
    """Return values (N, k) as rows (k, N filled up with zeros), aligned."""
    count, rows = values.shape
    made = _native.aligned(rows * row_length(count)).reshape(rows, -1)
    made[:, :count] = values.T
    return made


@functools.cache
def kernel(kind: str) -> int:
    """Return the address of a kernel of networks (compiled once per machine)."""
    module = KERNELS[kind]
    stamp = _native.fingerprint("losses/kernels", *_native.NUMBERS, *_native.COMPILER)
    unit = _native.unit(f"network {module}", stamp, lambda: ({}, _compiled(module)))
    return unit.addresses[kind]


def _compiled(module: str) -> dict[str, Any]:
    """Compile the kernels of a module together: they share most of their code."""
    import importlib

    from flowopt._compiler import compiled_together

    made = importlib.import_module(f"flowopt.losses.kernels.{module}")
    functions: list[FunctionType] = [getattr(made, k) for k, m in KERNELS.items() if m == module]
    return compiled_together(functions, {"WIDE": int("+avx512f" in _native.machine().name)})


@functools.cache
def dgemm() -> int:
    """Return the address of the matrix product of BLAS, which comes with scipy."""
    import ctypes

    from scipy.linalg import cython_blas

    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = cython_blas.__pyx_capi__["dgemm"]
    return int(pointer(capsule, name(capsule)))


class Arena:
    """One array that is dealt out in pieces, each from the start of a line of the cache."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.slots: list[tuple[np.ndarray, Any]] = []

    def take(self, table: np.ndarray, place: Any, length: int) -> None:
        """Have the address of `length` numbers written into table[place]."""
        self.slots.append((table, place))
        self.lengths.append(padded(max(length, 1)))

    def lay_out(self) -> np.ndarray:
        """Make the array and write the addresses."""
        made = _native.aligned(sum(self.lengths))
        here = _native.address(made)
        for (table, place), length in zip(self.slots, self.lengths, strict=True):
            table[place] = here
            here += 8 * length
        return made


def context(layout: Layout, choices: dict[int, int], numbers: Sequence[float], data: np.ndarray,
            rows: np.ndarray, target: np.ndarray, target_rows: np.ndarray, width: int,
            pace: Pace | None, seeded: int) -> Held:
    """Return the context of the kernels, with room for `width` lanes to work in one by one.

    Parameters
    ----------
    data, target : ndarray, shape (N, d) and (N, k)
        What batches are picked from.
    rows, target_rows : ndarray, shape (d, P) and (k, P)
        The same by row, for all samples at once.
    seeded : int
        The place of the seed among the parameters, or −1.
    """
    sizes, count = layout.sizes, len(data)
    part = pace is not None and pace.size < count
    pitch = row_length(pace.size if part and pace is not None else count)
    made = np.zeros(at.PLACES, dtype=np.int64)
    layers = len(sizes) - 1
    made[[at.WIDTH, at.COUNT, at.LAYERS, at.INPUTS, at.OUTPUTS, at.SAMPLES, at.PITCH]] = (
        width, layout.n, layers, sizes[0], sizes[-1], count, pitch)
    made[at.SEED] = seeded
    for place, value in choices.items():
        made[place] = value
    values = np.array([1.0, *numbers], dtype=float)
    if pace is not None:
        values[at.STEP] = pace.step
        made[[at.PACED, at.BATCH, at.BATCHES, at.SHUFFLED]] = (
            1, pace.size, -(-count // pace.size), pace.shuffled)
    table, arena = np.zeros((layers, at.LAYER), dtype=np.int64), Arena()
    for k, entry in enumerate(table):
        entry[:6] = sizes[k], sizes[k + 1], *layout.places[k][:4]
        block = sizes[k + 1] * pitch
        for place in (at.LINEAR, at.VALUE, at.SLOPE_OF, at.BEND_OF, at.R_LINEAR, at.R_VALUE):
            arena.take(entry, place, block if k < layers - 1 or place in (at.LINEAR, at.R_LINEAR)
                       else 0)
        for place in (at.INNER, at.R_INNER):
            arena.take(entry, place, block if layout.normalised else 0)
        for place in (at.MEAN, at.RATE, at.R_RATE):
            arena.take(entry, place, sizes[k + 1] if layout.normalised else 0)
    widest, columns = max(sizes[1:]) * pitch, target.shape[1]
    for place, length in {at.DELTA: widest, at.OTHER: widest, at.R_DELTA: widest,
                          at.R_OTHER: widest, at.EACH: pitch, at.SPARE: 3 * pitch,
                          at.INPUT: sizes[0] * pitch if part else 0,
                          at.WANTED: columns * pitch if part else 0, at.POINT: layout.n,
                          at.SLOPE: layout.n, at.DIRECTION: layout.n,
                          at.PRODUCT: layout.n}.items():
        arena.take(made, place, length)
    work = arena.lay_out()
    if not layout.normalised:  # then u is z
        table[:, [at.INNER, at.R_INNER]] = table[:, [at.LINEAR, at.R_LINEAR]]
    order = np.zeros(width * count if part else 1, dtype=np.int64)
    order_of = np.full(2 * width, -1, dtype=np.int64)
    words = np.zeros(max(padded(count if part else 1), pitch), dtype=np.int64)
    told = np.zeros(at.B_COUNT, dtype=np.int64)
    told[[at.B_NO, at.B_YES]] = ord("N"), ord("T")
    told[at.B_ONE:] = np.array([1.0]).view(np.int64)
    made[at.BLAS_FROM] = BLAS_FROM
    if max(a * b for a, b in zip(sizes, sizes[1:], strict=False)) * pitch >= BLAS_FROM:
        made[at.DGEMM] = dgemm()
    held = {at.NUMBERS: values, at.DATA: data, at.DATA_ROWS: rows, at.TARGET: target,
            at.TARGET_ROWS: target_rows, at.TABLE: table, at.ORDER: order, at.ORDER_OF: order_of,
            at.WORDS: words, at.TOLD: told}
    for place, array in held.items():
        made[place] = _native.address(array)
    return Held.of(made, work, *held.values())
