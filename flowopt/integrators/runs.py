"""What `ensemble` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from flowopt.integrators.status import Status


@dataclass(frozen=True)
class Ensemble:
    """What an ensemble returns; run i is row i.

    Attributes
    ----------
    y : ndarray, shape (N, m)
        Final states (NaN where a run of fixed step diverged or a step had no solution); `x` is
        their θ part (N, n).
    t : ndarray, shape (N,)
        The time each run reached.
    status : ndarray of int, shape (N,)
        A `Status` for each run.
    saved : ndarray, shape (N, k, n), or None
        θ at the times of `save_at`; `saved_y` (N, k, m) has the states too.
    reduced : ndarray, or dict of them, or None
        What the reducers kept: (N,), for moments (N, 2), for a histogram (N, bins), or (bins,).
    steps : ndarray of int, shape (N,)
        Steps taken.
    stiff_from : ndarray, shape (N,)
        When the stability of an explicit adaptive method began to limit its step (NaN: never);
        with ``method=None``, Rodas5P took over from there.
    """

    y: np.ndarray
    t: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    n: int
    saved_y: np.ndarray | None = None
    reduced: Any = None
    seed: int | None = None
    vector_field: Any = field(default=None, repr=False)
    parameters: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    stiff_from: np.ndarray | None = None

    @property
    def x(self) -> np.ndarray:
        """Final θ: (N, n)."""
        return self.y[:, :self.n]

    @property
    def saved(self) -> np.ndarray | None:
        """θ at the times of `save_at`: (N, k, n)."""
        return None if self.saved_y is None else self.saved_y[:, :, :self.n]

    @cached_property
    def loss(self) -> np.ndarray:
        """The loss at the final θ: (N,)."""
        if self.vector_field.loss is None:
            raise ValueError("this ensemble has no loss: its field was given as equations")
        if set(self.parameters) & set(self.vector_field.loss.parameters):
            raise ValueError("the loss has a parameter that differs from run to run; evaluate it "
                             "with loss.with_parameters")
        return self.vector_field.loss.value(self.x)

    def message(self, i: int) -> str:
        """Return how run i ended, in a sentence.

        Examples
        --------
        >>> import flowopt as fo
        >>> field = fo.VectorField(["y**2"], ["y"])
        >>> fo.ensemble(field, [[1.0], [-1.0]], t=(0.0, 4.0), method=fo.Euler(h=0.1)).message(1)
        'The end of the time span was reached. This was at t=4.'
        """
        if not -len(self) <= i < len(self):
            raise IndexError(f"i must be a run, 0 to {len(self) - 1}, got {i}")
        return f"{Status(int(self.status[i])).sentence} This was at t={self.t[i]:.12g}."

    def count(self) -> dict[Status, int]:
        """Return how many runs ended in each way."""
        values, counts = np.unique(self.status, return_counts=True)
        return {Status(int(v)): int(c) for v, c in zip(values, counts, strict=True)}

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        how = ", ".join(f"{c} {s.name}" for s, c in self.count().items())
        return f"<Ensemble of {len(self)}: {how}>"
