"""Runs of a method with its derivative: from objects to the compiled stepper, and its results."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.stability.backward.trees import Scheme

#: lanes of a block for many starts
LANES = 16


@functools.cache
def stepper(width: int) -> _native.Function:
    """Return the compiled stepper for blocks of `width` lanes (compiled once per machine)."""
    from flowopt.stability.growth.kernels import tangent

    stamp = _native.fingerprint("stability/growth/kernels", *_native.COMPILER)
    unit = _native.unit(f"stepper tangent {width}", stamp,
                        lambda: ({}, {"tangent": tangent.build(width)}))
    return _native.Function(unit.addresses["tangent"], tangent.KINDS)


def explicit(scheme: Scheme) -> bool:
    """Return whether each stage needs the stages before it only."""
    return all(row[j] == 0 for a in scheme.a for i, row in enumerate(a)
               for j in range(i, len(row)))


def rows_of(scheme: Scheme, field: Any) -> list[int]:
    """Return the colour of each row of y."""
    if not scheme.groups:
        return [0] * field.m
    colour = {name: c for c, group in enumerate(scheme.groups) for name in group}
    if len(field.blocks) > 1:
        return [colour[name] for name, a, b in field.blocks for _ in range(a, b)]
    return [colour[name] for name in field.names]


class Tangents:
    """Runs side by side, each with its frame.

    Parameters
    ----------
    field : VectorField
        F, with a kernel of its Jacobian.
    scheme : Scheme
        An explicit method.
    h : float
        The step.
    y, frame, p : ndarray, shapes (N, m), (m, k) and (N, P)
        Starts, the frame that all begin with, and parameters.
    t0 : float
        The time of step 0.
    every : int
        Steps between two orthonormalisations.
    """

    def __init__(self, field: Any, scheme: Scheme, h: float, y: np.ndarray, frame: np.ndarray,
                 p: np.ndarray, t0: float = 0.0, every: int = 1) -> None:
        self.count, self.m = y.shape
        self.k = frame.shape[1]
        self.width = 1 if self.count == 1 else LANES
        self.field, self.h, self.t0, self.step = field, h, t0, 0
        self.blocks = -(-self.count // self.width)
        padded = np.minimum(np.arange(self.blocks * self.width), self.count - 1)

        def dealt(values: np.ndarray) -> np.ndarray:  # (N, r) -> (blocks, r, width)
            shape = (self.blocks, self.width, -1)
            return np.ascontiguousarray(values[padded].reshape(shape).swapaxes(1, 2))

        self.y = dealt(y)
        flat = np.broadcast_to(frame.reshape(1, -1), (self.count, self.m * self.k))
        self.frame = dealt(flat)
        self.p = dealt(p if p.shape[1] else np.zeros((self.count, 1)))
        self.sums = np.zeros((self.blocks, self.k, self.width))
        self.product = np.ones_like(self.sums)
        self.divergence = np.zeros((self.blocks, self.width))
        self.bad = np.full((self.blocks, self.width), -1, dtype=np.int64)
        self._prepare(scheme, every)

    def _prepare(self, scheme: Scheme, every: int) -> None:
        field, width, m, k = self.field, self.width, self.m, self.k
        stages, surfaces = len(scheme.b[0]), field.surfaces
        self.sizes = np.array([m, k, stages, surfaces, every, 0], dtype=np.int64)
        tables = [np.append(np.array(a, dtype=float).ravel(), np.array(b, dtype=float))
                  for a, b in zip(scheme.a, scheme.b, strict=True)]
        nodes = np.zeros(stages) if scheme.groups else np.array(scheme.a[0], dtype=float).sum(1)
        self.weights = np.concatenate([
            [self.h], *[tables[c] for c in rows_of(scheme, field)], nodes,
            np.array(scheme.b[0], dtype=float)])
        rows, columns = m * width, m * k * width
        self.work = _native.aligned((stages + 1) * (rows + columns) + m * rows + width
                                    + 2 * (surfaces + 1) * width)
        self.context = field.context(width)
        self.kernels = (field.address("rhs", width), field.address("jacobian", width),
                        field.address("surfaces", width) if surfaces else 0)
        self.call = stepper(width)

    def run(self, steps: int) -> None:
        """Take that many steps."""
        since = self.sizes[5]
        for b in range(self.blocks):
            self.sizes[5] = since
            self.call(*self.kernels, self.context, self.sizes, self.weights, self.p[b],
                      self.y[b], self.frame[b], self.sums[b], self.product[b],
                      self.divergence[b], self.bad[b], self.step, self.step + steps, self.t0,
                      self.work)
        self.step += steps

    def logarithms(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums (N, k) and ∫ div (N,) since the last call, and begin again."""
        with np.errstate(divide="ignore", invalid="ignore"):
            made = self.sums + np.log(self.product)
        divergence = self.divergence.copy()
        self.sums.fill(0.0)
        self.product.fill(1.0)
        self.divergence.fill(0.0)
        return self._runs(made), divergence.ravel()[:self.count]

    def _runs(self, block: np.ndarray) -> np.ndarray:
        return block.swapaxes(1, 2).reshape(self.blocks * self.width, -1)[:self.count]

    @property
    def states(self) -> np.ndarray:
        """The states (N, m)."""
        return self._runs(self.y).copy()

    @property
    def frames(self) -> np.ndarray:
        """The frames (N, m, k)."""
        return self._runs(self.frame).reshape(self.count, self.m, self.k).copy()

    @property
    def failed(self) -> np.ndarray:
        """The number of the last good step of each run that diverged, else −1: (N,)."""
        return self.bad.ravel()[:self.count].copy()
