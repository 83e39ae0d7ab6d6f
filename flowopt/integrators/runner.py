"""Between the objects and the compiled steppers: lay out the arrays, call, and collect."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.integrators.kernels import places
from flowopt.integrators.status import Status
from flowopt.integrators.tableaus import Tableau

#: rounds of the stepper between two looks at Ctrl-C and the progress bar
BUDGET = 20_000
#: steps that the stepper records before it hands them over
CAPACITY = 1024
SWITCH = places.SWITCH
_STATUS = {1: Status.REACHED_END, 3: Status.DIVERGED, 4: Status.MAX_STEPS,
           5: Status.STEP_TOO_SMALL}


@functools.cache
def stepper(name: str, width: int) -> _native.Function:
    """Return a compiled stepper for blocks of `width` lanes (compiled once per machine)."""
    module = {"explicit": "fixed", "euler": "fixed", "sequential": "fixed", **dict.fromkeys(
        ("maruyama", "sra1", "baoab", "coldest"), "noise")}.get(name, name)
    stamp = _native.fingerprint("integrators/kernels", "_pointers.py", *_native.COMPILER)

    def build() -> tuple[dict[str, Any], dict[str, Any]]:
        import importlib

        made = importlib.import_module(f"flowopt.integrators.kernels.{module}")
        return {"kinds": made.KINDS[name]}, {name: made.build(width, name)}

    unit = _native.unit(f"stepper {name} {width}", stamp, build)
    return _native.Function(unit.addresses[name], unit.meta["kinds"])


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

    lines: np.ndarray  # (rows, terms + 1) int64
    weight: np.ndarray  # (rows, terms)
    nodes: np.ndarray  # (total,)
    dense: np.ndarray  # (degree, terms), in the order of line 0
    late: bool  # whether the slope at the new point is needed only after acceptance

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
    lines = np.zeros((len(rows), terms + 1), dtype=np.int64)
    weight = np.zeros((len(rows), terms))
    for r, row in enumerate(rows):
        which = np.nonzero(row)[0]
        spare = -len(which) % 4 if width > 1 or r == 0 else 0
        count = spare + len(which)
        lines[r, :count + 1] = [count, *which[:1].repeat(spare), *which]
        weight[r, spare:count] = row[which]
    nodes = np.concatenate([tableau.c_array, [1.0] * tableau.fsal, tableau.dense_c_array])
    dense = np.ascontiguousarray(np.pad(tableau.dense_array, ((terms - total, 0), (0, 0))).T)
    late = bool(len(errors)) and not errors[:, stages].any()
    return Plan(lines, weight, nodes, dense, late)


@dataclass(frozen=True)
class Motion:
    """What moves: a kernel of F and one of the functions whose change of sign ends a piece."""

    m: int
    rhs: Callable[[int], int]
    surface: Callable[[int], int]
    surfaces: int
    context: Callable[[int], np.ndarray]

    @staticmethod
    def free(vector_field: Any) -> Motion:
        """Return the motion off the surfaces, with the sides held fixed."""
        kind = "smooth" if vector_field.surfaces else "rhs"
        surface = "surfaces" if vector_field.surfaces else "rhs"
        return Motion(vector_field.m, lambda w: vector_field.address(kind, w),
                      lambda w: vector_field.address(surface, w), vector_field.surfaces,
                      vector_field.context)


@dataclass
class Queue:
    """Trajectories in progress: everything the adaptive stepper reads and writes of them."""

    t: np.ndarray  # (N,)
    y: np.ndarray  # (N, m)
    p: np.ndarray  # (N, P)
    sides: np.ndarray  # (N, S)
    save_at: np.ndarray  # (k,)
    saved: np.ndarray  # (N, k, m)
    h: np.ndarray = field(init=False)
    status: np.ndarray = field(init=False)
    which: np.ndarray = field(init=False)
    count: np.ndarray = field(init=False)  # (N, 3): accepted, rejected, evaluations
    save: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        size = len(self.t)
        self.h = np.zeros(size)
        self.status = np.zeros(size, dtype=np.int64)
        self.which = np.full(size, -1, dtype=np.int64)
        self.count = np.zeros((size, 3), dtype=np.int64)
        self.save = np.zeros(size, dtype=np.int64)


@dataclass
class Path:
    """Accepted steps of one trajectory: start, length and state at the start of each."""

    t: list[np.ndarray] = field(default_factory=list)
    h: list[np.ndarray] = field(default_factory=list)
    y: list[np.ndarray] = field(default_factory=list)

    def take(self, t: np.ndarray, h: np.ndarray, y: np.ndarray, count: int) -> None:
        """Copy the first `count` entries of the buffers."""
        self.t.append(t[:count].copy())
        self.h.append(h[:count].copy())
        self.y.append(y[:count].copy())

    def arrays(self, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the steps so far as arrays (K,), (K,), (K, m)."""
        return (np.concatenate(self.t or [np.zeros(0)]), np.concatenate(self.h or [np.zeros(0)]),
                np.concatenate(self.y or [np.zeros((0, m))]))


@dataclass(frozen=True)
class Layout:
    """What the adaptive stepper needs for a tableau and the sizes of a problem, before any data."""

    plan: Plan
    sizes: np.ndarray  # as the stepper reads them; what belongs to a run is still 0
    offsets: np.ndarray  # where each array of numbers starts in the work space, in bytes
    length: int  # of the work space


@by_identity
def layout(tableau: Tableau, m: int, width: int, parameters: int, surfaces: int) -> Layout:
    """Return the layout of the adaptive stepper's arrays."""
    plan = plan_of(tableau, width)
    total, size, terms = tableau.total_stages, block_size(m, width), len(plan.weight[0])
    sizes = np.zeros(19, dtype=np.int64)
    sizes[[places.ROWS, places.SIZE, places.STAGES, places.ALL_STAGES, places.DEGREE]] = (
        m, size, tableau.stages, total, len(plan.dense))
    sizes[[places.ERRORS, places.LATE, places.ALPHA, places.BETA, places.ORDER]] = (
        len(tableau.error_array), plan.late, tableau.alpha64, tableau.beta64, tableau.order)
    sizes[[places.PARAMETERS, places.SURFACES, places.TERMS]] = parameters, surfaces, terms
    lane = [width] * (places.GUARD + 1 - places.T)
    blocks = [size, parameters * width, surfaces * width, total * size, size, size, 2 * size, size,
              (places.SAMPLES + 1) * surfaces * width]
    point = [m + 3, m, parameters, surfaces, surfaces, 1, terms, 2 * m]
    lengths = np.array(lane + blocks + point)
    return Layout(plan, sizes, 8 * (np.cumsum(lengths) - lengths), int(lengths.sum()))


class Table:
    """The arrays of a run, and the table of their addresses that the adaptive stepper reads."""

    def __init__(self, motion: Motion, method: Any, queue: Queue, width: int, keep: bool) -> None:
        m, parameters = motion.m, queue.p.shape[1]
        made = layout(method.tableau, m, width, parameters, motion.surfaces)
        plan, capacity = made.plan, CAPACITY if keep else 0
        self.sizes = made.sizes.copy()
        self.sizes[places.SAVES] = len(queue.save_at)
        self.sizes[places.CAPACITY] = capacity
        self.numbers = np.array([0.0, method.rtol, method.max_step, 0.9, 0.2, 8.0])
        self.path = np.zeros(capacity), np.zeros(capacity), np.zeros((capacity, m))
        work = _native.aligned(made.length)
        starts = (made.offsets + _native.address(work)).tolist()
        lines = plan.placed(m, width, starts[places.K - places.T])
        lane_id = np.full(width, -1)
        given = (motion.context(width), motion.context(1), lines, plan.weight, plan.nodes,
                 plan.dense, method.tolerances(m), queue.save_at, queue.t, queue.h, queue.y,
                 queue.p, queue.sides, queue.status, queue.which, queue.count, queue.save,
                 queue.saved, *self.path, lane_id)
        self.at = np.array([motion.rhs(width), motion.rhs(1), motion.surface(width),
                            motion.surface(1), *map(_native.address, given), *starts])
        self.kept = given, work


def advance(motion: Motion, method: Any, queue: Queue, start: int, stop: int, t_end: float,
            max_steps: int, width: int, path: Path | None = None,
            tick: Callable[[], bool] | None = None) -> bool:
    """Run the trajectories start … stop − 1 of the queue until each has a status.

    `tick` is called now and then; when it returns False the run is left unfinished and False is
    returned.
    """
    table = Table(motion, method, queue, width, path is not None)
    sizes, numbers = table.sizes, table.numbers
    sizes[places.NEXT], sizes[places.QUEUE_END] = start, stop
    sizes[places.MAX_STEPS] = max_steps
    numbers[places.T_END] = t_end
    call = stepper("adaptive", width)
    arguments = table.at, sizes, numbers, BUDGET
    while True:
        code = call(*arguments)
        if path is not None and (code != 1):
            path.take(*table.path, int(sizes[places.RECORDED]))
            sizes[places.RECORDED] = 0
        if code == 0:
            return True
        if code == 1 and tick is not None and not tick():
            return False


def status_of(code: int) -> Status:
    """Return the status of a stepper's code."""
    return _STATUS[int(code)]
