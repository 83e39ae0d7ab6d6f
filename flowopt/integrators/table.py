"""The arrays of a run of the adaptive stepper, and the table of their addresses that it reads."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from flowopt import _native
from flowopt.integrators.kernels import places
from flowopt.integrators.plans import Layout, layout
from flowopt.integrators.tableaus import RosenbrockTableau, Series

if TYPE_CHECKING:
    from flowopt.integrators.runner import Motion, Queue

#: steps that the stepper records before it hands them over
CAPACITY = 1024


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
