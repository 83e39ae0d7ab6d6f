"""A tableau laid out for the steppers, and what the adaptive one needs before any data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.integrators.kernels import places
from flowopt.integrators.tableaus import RosenbrockTableau, Series, Tableau

#: the largest matrix that is factored by our own code; beyond it LAPACK is faster
OWN_LU = 48


def by_identity(make: Callable[..., Any]) -> Callable[..., Any]:
    """Cache on which object the first argument is: to hash a tableau is to read all its text."""
    kept: dict[tuple[int, ...], tuple[Any, Any]] = {}

    @functools.wraps(make)
    def found(tableau: Tableau, *sizes: int) -> Any:
        key = id(tableau), *sizes
        if key not in kept:
            if len(kept) >= 256:
                kept.clear()
            kept[key] = tableau, make(tableau, *sizes)
        return kept[key][1]

    return found


@dataclass(frozen=True)
class Plan:
    """A tableau laid out for the steppers; a line and its weights for each linear combination.

    Line 0 is all stages (dense output), lines 1 … S − 1 are the stages, line S is the new point,
    then comes one for each error estimate and for each extra stage of the dense output. A line is
    the number of terms and then the stages; see kernels/block.py.
    """

    lines: np.ndarray  # (rows, terms + 1) int64; a Rosenbrock method adds its couplings
    weight: np.ndarray  # (rows, terms)
    nodes: np.ndarray  # (total,)
    dense: np.ndarray  # (degree, terms), in the order of line 0
    late: bool  # whether the slope at the new point is needed only after acceptance

    @functools.cached_property
    def addresses(self) -> tuple[int, ...]:
        """The addresses of what does not differ from run to run."""
        return tuple(map(_native.address, (self.weight, self.nodes, self.dense)))

    def placed(self, m: int, width: int, slopes: int) -> np.ndarray:
        """Return the lines with addresses: `slopes` is that of the first stage's block."""
        made = self.lines.copy()
        made[:, 1:] = made[:, 1:] * (8 * block_size(m, width)) + slopes
        return made


def block_size(m: int, width: int) -> int:
    """Return how many numbers a block takes: four rows at a time are combined for one lane."""
    return m * width if width > 1 else -(-m // 4) * 4


@by_identity
def plan_of(tableau: Tableau, width: int) -> Plan:
    """Return the layout of a tableau for blocks of one lane, or of many."""
    stages, total = tableau.stages, tableau.total_stages
    rows = [np.ones(total)]
    rows += [np.pad(tableau.a_array[s], (0, total - stages)) for s in range(1, stages)]
    rows.append(np.pad(tableau.b_array, (0, total - stages)))
    errors = tableau.error_array
    rows += [np.pad(e, (0, total - stages - 1)) for e in errors]
    rows += [np.pad(e, (0, total - len(e))) for e in tableau.dense_a_array]
    terms = -(-total // 4) * 4
    lines, weight = _lines(rows, terms, width)
    nodes = np.concatenate([tableau.c_array, [1.0] * tableau.fsal, tableau.dense_c_array])
    dense = np.ascontiguousarray(np.pad(tableau.dense_array, ((terms - total, 0), (0, 0))).T)
    late = bool(len(errors)) and not errors[:, stages].any()
    return Plan(lines, weight, nodes, dense, late)


def _lines(rows: list[np.ndarray], terms: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines of linear combinations, and their weights."""
    lines = np.zeros((len(rows), terms + 1), dtype=np.int64)
    weight = np.zeros((len(rows), terms))
    for r, row in enumerate(rows):
        which = np.nonzero(row)[0]
        spare = -len(which) % 4 if width > 1 or r == 0 else 0
        count = spare + len(which)
        lines[r, :count + 1] = [count, *which[:1].repeat(spare), *which]
        weight[r, spare:count] = row[which]
    return lines, weight


@by_identity
def rosenbrock_plan(tableau: RosenbrockTableau, width: int, timed: int) -> Plan:
    """Return the layout of a Rosenbrock method; h ∂F/∂t is the block after the new slope."""
    stages = tableau.stages
    rows = [np.ones(stages), *tableau.a_array[1:], tableau.b_array, *tableau.error_array]
    rate = np.zeros((stages, stages + 2))
    rate[:, -1] = timed * tableau.d_array
    rows += [np.pad(c, (0, 2)) + r for c, r in zip(tableau.coupling_array, rate, strict=True)]
    lines, weight = _lines(rows, -(-stages // 4) * 4, width)
    spare = np.zeros((-stages % 4, tableau.dense_array.shape[1]))
    return Plan(lines, weight, np.append(tableau.c_array, 1.0),
                np.ascontiguousarray(np.concatenate([spare, tableau.dense_array]).T), True)


@by_identity
def series_plan(tableau: Series, width: int) -> Plan:
    """Return the plan of a Taylor polynomial: there is no linear combination in it."""
    return Plan(np.zeros((1, 2), dtype=np.int64), np.zeros((1, 1)), np.zeros(1),
                np.zeros((tableau.order, 1)), False)


@dataclass(frozen=True)
class Layout:
    """What the adaptive stepper needs for a tableau and the sizes of a problem, before any data."""

    plan: Plan
    sizes: np.ndarray  # as the stepper reads them; what belongs to a run is still 0
    offsets: np.ndarray  # where each array of numbers starts in the work space, in bytes
    length: int  # of the work space
    kind: type  # of the tableau


@by_identity
def layout(tableau: Any, m: int, width: int, parameters: int, surfaces: int, timed: int,
           scratch: int = 0) -> Layout:
    """Return the layout of the adaptive stepper's arrays."""
    rosenbrock, taylor = isinstance(tableau, RosenbrockTableau), isinstance(tableau, Series)
    size = block_size(m, width)
    sizes = np.zeros(places.SIZES, dtype=np.int64)
    if taylor:
        plan, total = series_plan(tableau, width), 2
        sizes[places.STAGES] = 1
    else:
        plan = rosenbrock_plan(tableau, width, timed) if rosenbrock else plan_of(tableau, width)
        total = tableau.total_stages
        sizes[[places.STAGES, places.ERRORS, places.LATE, places.ALPHA, places.BETA]] = (
            tableau.stages, len(tableau.error_array), plan.late, tableau.alpha64, tableau.beta64)
    terms = len(plan.weight[0])
    sizes[[places.ROWS, places.SIZE, places.ALL_STAGES, places.DEGREE, places.ORDER]] = (
        m, size, total, len(plan.dense), tableau.order)
    sizes[[places.PARAMETERS, places.SURFACES, places.TERMS]] = parameters, surfaces, terms
    sizes[[places.TIMED, places.LAPACK]] = timed, rosenbrock and m > OWN_LU
    lane = [width] * (places.SINGULAR + 1 - places.T)
    # of a Rosenbrock method also h ∂F/∂t and the first slope; of a series all coefficients
    slopes = tableau.order if taylor else total + 2 * rosenbrock
    matrix = m * m * width if rosenbrock else 0
    blocks = [size, parameters * width, surfaces * width,
              slopes * size + scratch * width, size, size, 2 * size, size,
              (places.SAMPLES + 1) * surfaces * width, surfaces * width, size, matrix, matrix]
    point = [m + 3, m, parameters, surfaces, surfaces, 1, terms, 2 * m,
             (places.HALVINGS + 2) * (places.SAMPLES + 3)]
    lengths = np.array(lane + blocks + point)
    return Layout(plan, sizes, 8 * (np.cumsum(lengths) - lengths), int(lengths.sum()),
                  type(tableau))
