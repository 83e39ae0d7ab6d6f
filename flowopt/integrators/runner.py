"""Between the objects and the compiled steppers: what runs, the call, and what comes back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt import _native
from flowopt.integrators.kernels import places
from flowopt.integrators.status import Status
from flowopt.integrators.table import Table
from flowopt.integrators.tableaus import RosenbrockTableau, Series

#: rounds of the stepper between two looks at Ctrl-C and the progress bar
BUDGET = 20_000
SWITCH, IS_STIFF = places.SWITCH, places.IS_STIFF
#: steppers that solve an equation in each lane and step
IMPLICIT = ("implicit_euler", "gonzalez", "itoh_abe")
#: of a class of tableau; other tableaus are those of explicit pairs
STEPPERS = {RosenbrockTableau: "rosenbrock", Series: "taylor"}
_STATUS = {1: Status.REACHED_END, 3: Status.DIVERGED, 4: Status.MAX_STEPS,
           5: Status.STEP_TOO_SMALL}


@functools.cache
def stepper(name: str, width: int) -> _native.Function:
    """Return a compiled stepper for blocks of `width` lanes (compiled once per machine)."""
    module = {"explicit": "fixed", "euler": "fixed", "in_place": "fixed",
              "sequential": "fixed", "maruyama": "noise",
              "sra1": "noise", "baoab": "noise", "coldest": "noise", "rosenbrock": "adaptive",
              "taylor": "adaptive", "uniform_box": "metropolis",
              "sliding_field": "sliding", "sliding_surfaces": "sliding",
              **dict.fromkeys(IMPLICIT, "implicit")}.get(name, name)
    stamp = _native.fingerprint("integrators/kernels", "_pointers.py", *_native.NUMBERS,
                                *_native.COMPILER)

    def build() -> tuple[dict[str, Any], dict[str, Any]]:
        import importlib

        made = importlib.import_module(f"flowopt.integrators.kernels.{module}")
        return {"kinds": made.KINDS[name]}, {name: made.build(width, name)}

    unit = _native.unit(f"stepper {name} {width}", stamp, build)
    return _native.Function(unit.addresses[name], unit.meta["kinds"])


@dataclass(frozen=True)
class Motion:
    """What moves: a kernel of F and one of the functions whose change of sign ends a piece."""

    m: int
    rhs: Callable[[int], int]
    surface: Callable[[int], int]
    surfaces: int
    context: Callable[[int], np.ndarray]
    timed: bool = True  # whether F may depend on time
    #: kernels of ∂F/∂y and ∂F/∂t; address 0: by differences
    jacobian: Callable[[int], int] = lambda w: 0
    time_derivative: Callable[[int], int] = lambda w: 0
    #: of an order, the kernel of Taylor coefficients, its rows of scratch, whether F has poles
    series: Callable[[int, int], tuple[int, int, int]] | None = None

    @staticmethod
    def free(vector_field: Any) -> Motion:
        """Return the motion off the surfaces, with the sides held fixed."""
        kind = "smooth" if vector_field.surfaces else "rhs"
        surface = "surfaces" if vector_field.surfaces else "rhs"
        return Motion(vector_field.m, lambda w: vector_field.address(kind, w),
                      lambda w: vector_field.address(surface, w), vector_field.surfaces,
                      vector_field.context, not vector_field.autonomous,
                      lambda w: vector_field.derivative_address("jacobian", w),
                      lambda w: vector_field.derivative_address("time_derivative", w),
                      None if vector_field.is_kernel else vector_field.series)


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
    count: np.ndarray = field(init=False)  # (N, 4): accepted, rejected, evaluations, Jacobians
    stiff: np.ndarray = field(init=False)  # (N,): when an explicit method met stiffness, or NaN
    save: np.ndarray = field(init=False)

    def on(self, sides: np.ndarray) -> Queue:
        """Return the same trajectories with other sides, without a status."""
        made = object.__new__(Queue)
        made.__dict__.update(self.__dict__)
        size = len(self.t)
        made.sides, made.status = sides, np.zeros(size, dtype=np.int64)
        made.which = np.full(size, -1)
        return made

    def __post_init__(self) -> None:
        size = len(self.t)
        self.h = np.zeros(size)
        self.status = np.zeros(size, dtype=np.int64)
        self.which = np.full(size, -1)
        self.count = np.zeros((size, places.COUNTS), dtype=np.int64)
        self.stiff = np.full(size, np.nan)
        self.save = np.zeros(size, dtype=np.int64)


@dataclass
class Path:
    """Accepted steps of one trajectory: start, length and state at the start of each."""

    t: list[np.ndarray] = field(default_factory=list)
    h: list[np.ndarray] = field(default_factory=list)
    y: list[np.ndarray] = field(default_factory=list)
    c: list[np.ndarray] = field(default_factory=list)  # polynomials, where the stepper keeps them

    def take(self, t: np.ndarray, h: np.ndarray, y: np.ndarray, c: np.ndarray, count: int) -> None:
        """Copy the first `count` entries of the buffers."""
        self.t.append(t[:count].copy())
        self.h.append(h[:count].copy())
        self.y.append(y[:count].copy())
        self.c.append(c[:count].copy())

    @property
    def count(self) -> int:
        """How many steps there are."""
        return sum(map(len, self.t))

    def polynomials(self, m: int) -> np.ndarray | None:
        """Return the coefficients of the steps (K, degree, m), or None if they were not kept."""
        made = np.concatenate(self.c) if self.c else np.zeros((0, 0, m))
        return made if made.shape[1] else None

    def arrays(self, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the steps so far as arrays (K,), (K,), (K, m)."""
        return (np.concatenate(self.t or [np.zeros(0)]), np.concatenate(self.h or [np.zeros(0)]),
                np.concatenate(self.y or [np.zeros((0, m))]))


def advance(motion: Motion, method: Any, queue: Queue, start: int, stop: int, t_end: float,
            max_steps: int, width: int, path: Path | None = None,
            tick: Callable[[], bool] | None = None, chunk: int = 0, stiffness: int = 0) -> bool:
    """Run the trajectories start … stop − 1 of the queue until each has a status.

    `tick` is called now and then, and whenever `chunk` steps (0: as many as fit) have been added
    to the path; when it returns False the run is left unfinished and False is returned.
    `stiffness`: 1 to note when an explicit method meets a stiff stretch, 2 to hand such a
    trajectory back with the status IS_STIFF.
    """
    table = Table(motion, method, queue, width, path is not None, stiffness)
    sizes, numbers = table.sizes, table.numbers
    sizes[places.NEXT], sizes[places.QUEUE_END] = start, stop
    sizes[places.MAX_STEPS] = max_steps
    if chunk:
        sizes[places.CAPACITY] = min(chunk, int(sizes[places.CAPACITY]))
    numbers[places.T_END] = t_end
    call = stepper(STEPPERS.get(type(method.tableau), "adaptive"), width)
    arguments = table.at, sizes, numbers, BUDGET
    while True:
        code = call(*arguments)
        if path is not None and table.path is not None and code != 1:
            path.take(*table.path, int(sizes[places.RECORDED]))
            sizes[places.RECORDED] = 0
        if code == 0:
            table.release()
            return True
        if tick is not None and not tick():
            table.release()
            return False


def status_of(code: int) -> Status:
    """Return the status of a stepper's code."""
    return _STATUS[int(code)]


def not_begun(queue: Queue) -> np.ndarray:
    """Return which trajectories have a finite start at which the field is not finite: (N,)."""
    diverged = queue.status == places.DIVERGED
    if not diverged.any():
        return diverged
    return (diverged & (queue.count[:, :2].sum(axis=1) == 0)
            & np.isfinite(queue.y).all(axis=1))


def begin(queue: Queue, one: int, first: Any, end: float) -> None:
    """Put the first step of a singular start (integrators/singular.py) into the queue."""
    t0, y0 = float(queue.t[one]), queue.y[one].copy()
    direction = 1.0 if end > t0 else -1.0
    t1 = t0 + direction * first.length
    t1 = end if abs(end - t0) <= first.length else t1
    along = (queue.save_at[queue.save[one]:] - t0) * direction
    within = int((along <= abs(t1 - t0)).sum())
    if within:
        low = int(queue.save[one])
        queue.saved[one, low:low + within] = first.at(y0, along[:within])
        queue.save[one] += within
    queue.t[one], queue.y[one] = t1, first.y
    queue.h[one], queue.status[one] = 0.0, 0
    queue.count[one, 0] += 1
    queue.count[one, 2] += first.evaluations
