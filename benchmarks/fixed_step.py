"""Many starts, a fixed step: how near to a C loop, how far from NumPy."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import compiler, cores
from benchmarks.report import Result
from benchmarks.timing import Candidate, Timing, measure, time_ratio

NAME = "fixed_step"
QUESTION = ("65 536 starts x 2 500 Euler steps (h = 0.01, M = 1000) of the clipped two-minima "
            "flow; starts uniform on 4 +- 1e-3, seed 0")
TARGETS = ("flowopt: >= 0.8 of the C loop per core, >= 30 x NumPy",)

H, M = 0.01, 1000.0
#: Before t = 2.1276 no run has reached x = 3, so all ways of rounding still agree.
SMOOTH_STEPS = 200
#: Left of this maximum a run has left the well of x = 3.
BARRIER = 1.8430703308
C_ONE, NUMPY, HORNER = "C, one core", "NumPy, as published", "NumPy, Horner"

#: advance(x0, steps) returns the states after the steps; x0 is not changed.
Advance = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Entry:
    """A way to do it: ``build()`` returns ``advance``."""

    name: str
    build: Callable[[], Advance]
    threads: int
    needs: tuple[str, ...] = ()
    note: str = ""


def published_step(x: np.ndarray) -> np.ndarray:
    """Return one step in the published order of operations; x**3 calls pow."""
    loss = x * (x - 1) * (x - 3) * (x - 3) + 1.62276
    g = -9 + 30 * x - 21 * x**2 + 4 * x**3
    return x + -np.sign(g) * np.minimum(np.abs(g) / g**2, M) * loss * H


def horner_step(x: np.ndarray) -> np.ndarray:
    """Return the same step as the compiled candidates write it: no power, one division."""
    u = x - 3
    loss = x * (x - 1) * u * u + 1.62276
    g = ((4 * x - 21) * x + 30) * x - 9
    return x - H * np.sign(g) * np.minimum(1 / np.abs(g), M) * loss


def numpy_build(step: Callable[[np.ndarray], np.ndarray]) -> Advance:
    """Return whole-array NumPy; chunks of the starts that fit in the cache were no faster."""
    def advance(x0: np.ndarray, steps: int) -> np.ndarray:
        x = x0
        with np.errstate(divide="ignore", invalid="ignore"):
            for _ in range(steps):
                x = step(x)
        return x

    return advance


def numba_build(lanes: int, threads: int) -> Advance:
    """Return a numba loop: each start alone (``lanes = 1``) or blocks of lanes, in prange."""
    import numba as nb

    jit = partial(nb.njit, error_model="numpy", fastmath={"contract"})

    @jit()
    def step(v, h, M):
        loss = v * (v - 1) * (v - 3) * (v - 3) + 1.62276
        g = ((4 * v - 21) * v + 30) * v - 9
        rate = 1 / abs(g)
        rate = rate if rate < M else M
        sign = 1.0 if g > 0 else (-1.0 if g < 0 else 0.0)
        return v - h * sign * rate * loss

    if lanes == 1:
        @jit(parallel=True)
        def march(x, steps, h, M):
            for i in nb.prange(len(x)):
                v = x[i]
                for _ in range(steps):
                    v = step(v, h, M)
                x[i] = v
    else:
        @jit(parallel=True)
        def march(x, steps, h, M):
            for block in nb.prange((len(x) + lanes - 1) // lanes):
                lane = x[block * lanes:(block + 1) * lanes]
                for _ in range(steps):
                    for i in range(len(lane)):
                        lane[i] = step(lane[i], h, M)

    def advance(x0: np.ndarray, steps: int) -> np.ndarray:
        nb.set_num_threads(threads)
        x = x0.copy()
        march(x, steps, H, M)
        return x

    return advance


def c_build(threads: int) -> Advance:
    """Compile fixed_step.c here and now and return its loop, called from a number of threads."""
    source = Path(__file__).with_name("fixed_step.c")
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "fixed_step.so")
        command = [compiler() or "cc", "-O3", "-march=native", "-shared", "-fPIC", str(source),
                   "-o", library, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the C compiler said: {done.stderr.strip()[:120]}")
        loop = ctypes.CDLL(library).clipped_euler
    loop.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long,
                     ctypes.c_double, ctypes.c_double]
    loop.restype = None
    pool = ThreadPoolExecutor(threads)

    def advance(x0: np.ndarray, steps: int) -> np.ndarray:
        x = x0.copy()
        parts = np.array_split(x, threads)  # views; ctypes lets go of the interpreter lock
        list(pool.map(lambda part: loop(part.ctypes.data, len(part), steps, H, M), parts))
        return x

    return advance


def flowopt_build(threads: int) -> Advance:
    """Return flowopt's ensemble; unlike the others it also watches every lane's status."""
    import flowopt as fo

    field = fo.flows.LossNormalizedFlow(M=M).on(fo.Loss("x*(x-1)*(x-3)**2 + 1.62276"))
    method = fo.Euler(h=H)

    def advance(x0: np.ndarray, steps: int) -> np.ndarray:
        return fo.ensemble(field, x0[:, None], t=(0.0, steps * H), method=method,
                           threads=threads).x[:, 0]

    return advance


def entries() -> list[Entry]:
    """Return the candidates; those on all cores only where there is more than one."""
    n = cores()
    numba, flowopt = ("numba",), ("numba", "sympy", "flowopt")
    every = [
        Entry(NUMPY, partial(numpy_build, published_step), 1, note="with x**2 and x**3"),
        Entry(HORNER, partial(numpy_build, horner_step), 1, note="the formula of the compiled"),
        Entry("numba prange, one lane", partial(numba_build, 1, n), n, numba),
        Entry("numba 64 lanes, one core", partial(numba_build, 64, 1), 1, numba),
        Entry("numba 64 lanes, all cores", partial(numba_build, 64, n), n, numba, "prange"),
        Entry(C_ONE, partial(c_build, 1), 1, ("cc",), "-O3 -march=native, 64 lanes"),
        Entry("C, all cores", partial(c_build, n), n, ("cc",), "the same, from Python threads"),
        Entry("flowopt, one core", partial(flowopt_build, 1), 1, flowopt),
        Entry("flowopt, all cores", partial(flowopt_build, n), n, flowopt),
    ]
    return [entry for entry in every if n > 1 or "all cores" not in entry.name]


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every candidate on the same starts and compare speeds within each round."""
    starts, steps = (8192, 500) if quick else (65536, 2500)
    x0 = 4.0 + np.random.default_rng(0).uniform(-1e-3, 1e-3, starts)
    smooth = numpy_build(published_step)(x0[:1024], SMOOTH_STEPS)
    built: dict[str, Advance] = {}

    def prepare(entry: Entry) -> Callable[[], np.ndarray]:
        built[entry.name] = entry.build()
        return partial(built[entry.name], x0, steps)

    chosen = entries()
    timings = measure([Candidate(entry.name, partial(prepare, entry), entry.needs, entry.note,
                                 compiles=bool(entry.needs)) for entry in chosen], rounds)
    return [_result(entry, timings, starts * steps, lambda advance: float(
        np.abs(advance(x0[:1024], SMOOTH_STEPS) - smooth).max()), built) for entry in chosen]


def _result(entry: Entry, timings: dict[str, Timing], work: int,
            error: Callable[[Advance], float], built: dict[str, Advance]) -> Result:
    timing = timings[entry.name]
    if timing.problem:
        return timing.result()
    extra: dict[str, Any] = {
        "threads": entry.threads,
        "error at t=2": error(built[entry.name]),
        "left the well": f"{100 * np.mean(timing.value < BARRIER):.1f} %",
    }
    return timing.result(extra=extra, ratios={
        "steps/s": work / timing.median,
        "speed per core / C": 1 / (time_ratio(timing, timings.get(C_ONE)) * entry.threads),
        "speed / NumPy": 1 / time_ratio(timing, timings[NUMPY]),
        "speed / NumPy Horner": 1 / time_ratio(timing, timings[HORNER]),
    })
