"""Between the objects and the compiled steppers: lay out the arrays, call, and collect."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.integrators.status import Status
from flowopt.integrators.tableaus import Tableau

#: rounds of the stepper between two looks at Ctrl-C and the progress bar
BUDGET = 20_000
# places in `sizes` and `numbers`; the meaning stands in kernels/adaptive.py
(ROWS, STAGES, ALL_STAGES, DEGREE, ERRORS, QUEUE_END, NEXT, SAVES, CAPACITY, RECORDED, MAX_STEPS,
 SURFACES, PARAMETERS, LATE, ALPHA, BETA, ORDER, STARTED) = range(18)
SWITCH = 2
SAMPLES = 4
_STATUS = {1: Status.REACHED_END, 3: Status.DIVERGED, 4: Status.MAX_STEPS,
           5: Status.STEP_TOO_SMALL}


@functools.cache
def stepper(name: str, width: int) -> _native.Function:
    """Return a compiled stepper for blocks of `width` lanes (compiled once per machine)."""
    module = {"explicit": "fixed", "sequential": "fixed", "noisy": "noise"}.get(name, name)
    stamp = _native.fingerprint("integrators/kernels", "_pointers.py")

    def build() -> tuple[dict[str, Any], dict[str, Any]]:
        import importlib

        made = importlib.import_module(f"flowopt.integrators.kernels.{module}")
        return {"kinds": made.KINDS[name]}, {name: made.build(width, name)}

    unit = _native.unit(f"stepper {name} {width}", stamp, build)
    return _native.Function(unit.addresses[name], unit.meta["kinds"])


@dataclass(frozen=True)
class Plan:
    """A tableau laid out for the steppers."""

    plan: np.ndarray  # (rows, total + 1) int64: how many terms, and which
    weight: np.ndarray  # (rows, total)
    nodes: np.ndarray  # (total,)
    dense: np.ndarray  # (total, degree)
    late: bool  # whether the slope at the new point is needed only after acceptance


@functools.cache
def plan_of(tableau: Tableau) -> Plan:
    """Return the layout of a tableau."""
    stages, total = tableau.stages, tableau.total_stages
    rows = [np.zeros(total)]
    rows += [np.pad(tableau.a_array[s], (0, total - stages)) for s in range(1, stages)]
    rows.append(np.pad(tableau.b_array, (0, total - stages)))
    errors = tableau.error_array
    rows += [np.pad(e, (0, total - stages - 1)) for e in errors]
    rows += [np.pad(e, (0, total - len(e))) for e in tableau.dense_a_array]
    plan = np.zeros((len(rows), total + 1), dtype=np.int64)
    weight = np.zeros((len(rows), total))
    for r, row in enumerate(rows):
        which = np.nonzero(row)[0]
        plan[r, 0] = len(which)
        plan[r, 1:len(which) + 1] = which
        weight[r, :len(which)] = row[which]
    nodes = np.concatenate([tableau.c_array, [1.0] * tableau.fsal, tableau.dense_c_array])
    late = bool(len(errors)) and not errors[:, stages].any()
    return Plan(plan, weight, nodes, np.ascontiguousarray(tableau.dense_array), late)


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


def advance(motion: Motion, method: Any, queue: Queue, start: int, stop: int, t_end: float,
            max_steps: int, width: int, path: Path | None = None,
            tick: Callable[[], bool] | None = None) -> bool:
    """Run the trajectories start … stop − 1 of the queue until each has a status.

    `tick` is called now and then; when it returns False the run is left unfinished and False is
    returned.
    """
    tableau = method.tableau
    plan = plan_of(tableau)
    m, surfaces, parameters = motion.m, motion.surfaces, queue.p.shape[1]
    capacity = 1024 if path is not None else 0
    sizes = np.zeros(18, dtype=np.int64)
    sizes[[ROWS, STAGES, ALL_STAGES, DEGREE, ERRORS]] = (
        m, tableau.stages, tableau.total_stages, plan.dense.shape[1], len(tableau.error_array))
    sizes[[QUEUE_END, NEXT, SAVES, CAPACITY, MAX_STEPS]] = (
        stop, start, len(queue.save_at), capacity, max_steps)
    sizes[[SURFACES, PARAMETERS, LATE, ALPHA, BETA, ORDER]] = (
        surfaces, parameters, plan.late, tableau.alpha64, tableau.beta64, tableau.order)
    numbers = np.array([t_end, method.rtol, method.max_step, 0.9, 0.2, 8.0])
    atol = method.tolerances(m)
    total = tableau.total_stages
    size = m * width
    lanes = np.full(width, -1, dtype=np.int64)
    lane_f = np.zeros((11 + m + max(parameters, 1) + max(surfaces, 1)) * width)
    lane_f[:11 * width] = 1.0
    work = np.zeros((total + 4) * size + (SAMPLES + 1) * max(surfaces, 1) * width
                    + 4 * m + max(parameters, 1) + 2 * max(surfaces, 1) + total + 2)
    path_t, path_h = np.zeros(capacity + 1), np.zeros(capacity + 1)
    path_y = np.zeros((capacity + 1, m))
    context, context1 = motion.context(width), motion.context(1)
    call = stepper("adaptive", width)
    arguments = (motion.rhs(width), motion.rhs(1), motion.surface(width), motion.surface(1),
                 context, context1, sizes, numbers, plan.plan, plan.weight, plan.nodes,
                 tableau.error_array, plan.dense, atol, queue.save_at, queue.t, queue.h, queue.y,
                 queue.p, queue.sides, queue.status, queue.which, queue.count, queue.save,
                 queue.saved, path_t, path_h, path_y, lanes, lane_f, work, BUDGET)
    while True:
        code = call(*arguments)
        if path is not None and (code != 1):
            path.take(path_t, path_h, path_y, int(sizes[RECORDED]))
            sizes[RECORDED] = 0
        if code == 0:
            return True
        if code == 1 and tick is not None and not tick():
            return False


def status_of(code: int) -> Status:
    """Return the status of a stepper's code."""
    return _STATUS[int(code)]
