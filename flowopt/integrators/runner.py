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
from flowopt.integrators.tableaus import RosenbrockTableau, Series, Tableau

#: rounds of the stepper between two looks at Ctrl-C and the progress bar
BUDGET = 20_000
#: steps that the stepper records before it hands them over
CAPACITY = 1024
SWITCH, IS_STIFF = places.SWITCH, places.IS_STIFF
#: the largest matrix that is factored by our own code; beyond it LAPACK is faster
OWN_LU = 48
#: steppers that solve an equation in each lane and step
IMPLICIT = ("implicit_euler", "gonzalez", "itoh_abe")
#: of a class of tableau; other tableaus are those of explicit pairs
STEPPERS = {RosenbrockTableau: "rosenbrock", Series: "taylor"}
_STATUS = {1: Status.REACHED_END, 3: Status.DIVERGED, 4: Status.MAX_STEPS,
           5: Status.STEP_TOO_SMALL}


@functools.cache
def stepper(name: str, width: int) -> _native.Function:
    """Return a compiled stepper for blocks of `width` lanes (compiled once per machine)."""
    module = {"explicit": "fixed", "euler": "fixed", "sequential": "fixed", "maruyama": "noise",
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


class Space:
    """The work space of a layout, and the table of addresses without what belongs to a run.

    It is handed from run to run: to lay it out takes longer than a short run.
    """

    #: in the table: the kernels; where contexts and the arrays of a run begin
    CONTEXTS, GIVEN, GIVEN_END = 10, 16, 33

    def __init__(self, made: Layout, m: int, width: int) -> None:
        self.made, plan = made, made.plan
        self.work = _native.aligned(made.length)
        starts = (made.offsets + _native.address(self.work)).tolist()
        first = slopes = starts[places.K - places.T]
        rosenbrock = made.kind is RosenbrockTableau
        if rosenbrock:
            first += 8 * (int(made.sizes[places.STAGES]) + 2) * int(made.sizes[places.SIZE])
        one = (starts[places.ONE - places.T] - starts[0]) // 8
        self.ones = self.work[one:][:width]
        self.lines = plan.placed(m, width, slopes)
        # what LAPACK is told (it reads the low half of each), lanes without trajectory, and pivots
        self.whole = np.full(4 + width + (m * width if rosenbrock else 0), -1)
        self.whole[:4] = m, 1, 0, ord("T")
        told, run = _native.address(self.whole), [0] * (self.GIVEN_END - self.GIVEN)
        self.at = np.array([*[0] * 9, first, 0, 0, _native.address(self.lines), *plan.addresses,
                            *run, told + 8 * (4 + width), told, bernstein_address(), told + 32,
                            *starts])

    def cleared(self) -> Space:
        """Return it as if it were new."""
        self.work.fill(0.0)
        self.whole[4:] = -1
        self.ones[:] = 1.0
        return self


#: spaces of finished runs, to be used again; of each layout a few, and only small ones
_spaces: dict[int, list[Space]] = {}
MOST_SPACES, LARGEST_SPACE = 8, 2**15


def _space(made: Layout, m: int, width: int) -> Space:
    """Return a work space for a layout: one of a finished run, or a new one."""
    try:
        found = _spaces[id(made)].pop()
    except (KeyError, IndexError):
        return Space(made, m, width).cleared()
    return found.cleared() if found.made is made else Space(made, m, width).cleared()


class Table:
    """The arrays of a run, and the table of their addresses that the adaptive stepper reads."""

    def __init__(self, motion: Motion, method: Any, queue: Queue, width: int, keep: bool,
                 stiffness: int = 0) -> None:
        m, parameters, tableau = motion.m, queue.p.shape[1], method.tableau
        rosenbrock = isinstance(tableau, RosenbrockTableau)
        series, scratch, singular = 0, 0, 0
        if isinstance(tableau, Series) and motion.series is not None:
            series, scratch, singular = motion.series(tableau.order, width)
        made = layout(tableau, m, width, parameters, motion.surfaces, int(motion.timed), scratch)
        self.space, capacity = _space(made, m, width), min(CAPACITY, 16 + 2**20 // m) if keep else 0
        self.sizes = made.sizes.copy()
        self.sizes[places.SAVES], self.sizes[places.CHECKED] = len(queue.save_at), singular
        self.sizes[places.CAPACITY] = capacity
        self.numbers = np.array([0.0, method.rtol, method.max_step, 0.9, 0.2, 8.0, 0.0, 0.0])
        self.path = None
        buffers: tuple[int, ...] = (0, 0, 0, 0)
        if keep:
            degree = len(made.plan.dense) if rosenbrock or series else 0
            self.path = (np.zeros(capacity), np.zeros(capacity), np.zeros((capacity, m)),
                         np.zeros((capacity, degree, m)))
            buffers = tuple(map(_native.address, self.path))
        kernels = [motion.rhs(width), motion.rhs(1), motion.surface(width), motion.surface(1)]
        derivatives = [0, 0, 0, 0]
        if rosenbrock:
            derivatives = self._derivatives(motion, width)
            self.numbers[places.GAMMA] = tableau.gamma_value
        else:
            self.sizes[places.STIFFNESS] = stiffness
            self.numbers[places.STABLE] = method.stable
        contexts = motion.context(width), motion.context(1)
        given = (method.tolerances(m), queue.save_at, queue.t, queue.h, queue.y, queue.p,
                 queue.sides, queue.status, queue.which, queue.count, queue.save, queue.stiff,
                 queue.saved)
        self.at = self.space.at
        self.at[:9] = [*kernels, *derivatives, series]
        self.at[Space.CONTEXTS:Space.CONTEXTS + 2] = [_native.address(c) for c in contexts]
        self.at[Space.GIVEN:Space.GIVEN_END] = [*map(_native.address, given), *buffers]
        self.kept = contexts, given

    def release(self) -> None:
        """Leave the work space to another run."""
        made = self.space.made
        if made.length <= LARGEST_SPACE:
            if len(_spaces) >= 256:
                _spaces.clear()
            kept = _spaces.setdefault(id(made), [])
            if len(kept) < MOST_SPACES:
                kept.append(self.space)

    def _derivatives(self, motion: Motion, width: int) -> list[int]:
        """Return the kernels of ∂F/∂y and ∂F/∂t and LAPACK's LU; count what differences cost."""
        jacobian, rate = motion.jacobian(width), 0
        cost = 0 if jacobian else 2 * motion.m
        if motion.timed:
            rate = motion.time_derivative(width)
            cost += 0 if rate else 2
        self.sizes[places.DIFFERENCES] = cost
        lapack = _lapack() if self.sizes[places.LAPACK] else (0, 0)
        return [jacobian, rate, *lapack]


@functools.cache
def _bernstein() -> np.ndarray:
    """Return what is made of nine values at the Chebyshev nodes, and these nodes.

    Nine rows give the Bernstein coefficients, two the last Chebyshev coefficients; then the nodes.
    """
    from flowopt.integrators.isolation import nodes, to_bernstein

    n, x = places.SAMPLES, nodes()
    ends = np.ones(n + 1)
    ends[[0, -1]] = 0.5
    last = [2 / n * ends * np.cos((n - 1) * np.arccos(1 - 2 * x)),
            1 / n * ends * np.cos(n * np.arccos(1 - 2 * x))]
    return np.ascontiguousarray(np.vstack([to_bernstein(), *last, x]))


@functools.cache
def bernstein_address() -> int:
    """Return the address of that table, which lives for ever."""
    return _native.address(_bernstein())


@functools.cache
def _lapack() -> tuple[int, int]:
    """Return the addresses of LAPACK's dgetrf and dgetrs, which come with scipy."""
    import ctypes

    from scipy.linalg import cython_lapack

    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found = [cython_lapack.__pyx_capi__[which] for which in ("dgetrf", "dgetrs")]
    getrf, getrs = (int(pointer(capsule, name(capsule))) for capsule in found)
    return getrf, getrs


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
