"""Basins in more than one dimension: where runs from a grid end. Evidence, no proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.stability.rest.equilibrium import Equilibria
from flowopt.stability.rest.target import Target


@dataclass(frozen=True, eq=False)
class BasinPicture:
    """Where runs from a grid of starts end.

    Attributes
    ----------
    axes : tuple of ndarray
        The coordinates of the grid.
    labels : ndarray of int, one axis per coordinate
        The number of the equilibrium near which a run ended; -1 where it ended near none.
    equilibria : Equilibria
        Those in the box (or all).
    complete : bool
        False: runs prove nothing about the starts between.
    reason : str
        One sentence.
    """

    axes: tuple[np.ndarray, ...]
    labels: np.ndarray
    equilibria: Equilibria
    complete: bool
    reason: str

    def __repr__(self) -> str:
        counts = {int(k): int((self.labels == k).sum()) for k in np.unique(self.labels)}
        lines = [f"basins of {self.equilibria.name} (evidence: {self.reason})"]
        lines += [f"{count} starts end near "
                  + ("no equilibrium" if k < 0 else
                     "(" + ", ".join(f"{v:.6g}" for v in self.equilibria[k].x) + ")")
                  for k, count in counts.items()]
        return "\n".join(lines)


def picture(asked: Target, bounds: Any, resolution: int | None, time: float | None
            ) -> BasinPicture:
    """Return the picture of the basins of a field of two or more dimensions."""
    from flowopt.integrators.ensemble import ensemble
    from flowopt.stability.rest.finding import equilibria

    if bounds is None:
        raise ValueError(f"box must be given for a field of {asked.n} dimensions, whose basins are "
                         f"drawn from runs; try box={[(-5, 5)] * asked.n}")
    count = _check.integer("resolution", 41 if resolution is None else resolution, at_least=2)
    span = _check.real("time", 100.0 if time is None else time, above=0.0)
    if count**asked.n > 200_000:
        raise ValueError(f"resolution must give at most 200000 starts, got {count} to the power "
                         f"{asked.n}; use a lower one")
    found = equilibria(asked.field, [(float(a), float(b)) for a, b in bounds])
    axes = tuple(np.linspace(float(a), float(b), count) for a, b in bounds[:asked.n])
    starts = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)
    runs = ensemble(asked.field, starts, t=(0.0, span))
    labels = np.full(len(starts), -1)
    if len(found):
        places = np.array([e.x for e in found])
        ends = np.where(np.isfinite(runs.x), runs.x, 1e300)
        distance = np.abs(ends[:, None, :] - places[None]).max(axis=2)
        near = distance.argmin(axis=1)
        size = 1.0 + np.abs(places).max(axis=1)
        close = distance[np.arange(len(starts)), near] < 1e-3 * size[near]
        labels = np.where(close, near, -1)
    return BasinPicture(axes, labels.reshape([count] * asked.n), found, False,
                        f"{len(starts)} runs of {span:g} units of time; the starts between are not "
                        "judged")
