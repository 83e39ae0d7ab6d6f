"""From process start to the first number: what a person waits for."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import missing, python_path
from benchmarks.report import Result
from benchmarks.timing import Candidate, Timing, alternate, say, time_ratio

NAME = "first_answer"
QUESTION = ("fresh process to first answer: gradient flow of x(x-1)(x-3)^2 + 1.62276 "
            "from 4, t = 25, tolerance 1e-9")
TARGETS = (
    "flowopt, warm cache: <= 1.15 of the bare imports; the aim is <= 1.1 of scipy",
    "flowopt, cold cache: <= 3 s",
)
#: x(25): the flow rests at the minimum x = 3 to exp(-12*25), far below rounding.
ANSWER = 3.0
SCRIPTS = Path(__file__).parent / "scripts"
WARM, COLD = "warm", "cold"

#: name, script, modules it needs, cache, note
CANDIDATES = (
    ("bare imports", "bare_imports", ("numpy", "sympy", "numba"), WARM,
     "import numpy, sympy, numba and stop: the yardstick"),
    ("scipy", "with_scipy", ("scipy",), WARM, "gradient derived by hand, DOP853"),
    ("flowopt, warm cache", "with_flowopt", ("flowopt",), WARM, "loss as a string, DOP853"),
    ("flowopt, cold cache", "with_flowopt", ("flowopt",), COLD, "new cache folder each round"),
    ("heyoka, warm cache", "with_heyoka", ("heyoka",), WARM, "gradient by hand; its disk cache"),
    ("heyoka, cold cache", "with_heyoka", ("heyoka",), COLD, "gradient by hand"),
    ("numbalsoda", "with_numbalsoda", ("numbalsoda",), WARM,
     "gradient by hand, dop853; it has no disk cache"),
    ("diffrax", "with_diffrax", ("diffrax",), WARM, "gradient by hand, Tsit5; jax's disk cache"),
)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which flowopt, heyoka and jax keep their caches in a folder."""
    return os.environ | {
        "PYTHONPATH": python_path(),
        "FLOWOPT_CACHE_DIR": str(folder / "flowopt"),
        "XDG_CACHE_HOME": str(folder / "xdg"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def launch(script: str, folder: Path) -> tuple[float, float]:
    """Run a script in a fresh process: seconds until its first line is read, and that number."""
    command = [sys.executable, str(SCRIPTS / f"{script}.py")]
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True,
                                   env=environment(folder))
        assert process.stdout is not None
        with process.stdout:
            line = process.stdout.readline()
            seconds = time.perf_counter() - start
        if process.wait() or not line:
            errors.seek(0)
            said = errors.read().strip().splitlines() or ["no answer"]
            raise RuntimeError(said[-1])
    return seconds, float(line)


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every candidate in fresh processes, in turn."""
    timings: dict[str, Timing] = {}
    clocks = {}
    with tempfile.TemporaryDirectory(prefix="flowopt-first-") as folder:
        for name, script, needs, cache, note in CANDIDATES:
            candidate = Candidate(name, lambda: lambda: None, needs, note, compiles=False)
            timing = timings[name] = Timing(candidate, problem=missing(needs))
            if timing.problem:
                continue
            say(f"prepare {name}")
            clocks[name] = _clock(script, cache, Path(folder), timing)
            try:  # untimed: fills the warm caches and the byte code of every import
                clocks[name]()
            except RuntimeError as error:
                timing.problem = f"failed: {error}"[:200]
                del clocks[name]
        alternate(clocks, min(rounds, 2) if quick else rounds, timings)
    return [_result(timing, timings) for timing in timings.values()]


def _clock(script: str, cache: str, folder: Path, timing: Timing) -> Callable[[], float]:
    """Return a function that launches the script once, with a filled or an empty cache folder."""
    def clock() -> float:
        if cache == WARM:
            seconds, timing.value = launch(script, folder)
        else:
            with tempfile.TemporaryDirectory(dir=folder) as empty:
                seconds, timing.value = launch(script, Path(empty))
        return seconds

    return clock


def _result(timing: Timing, timings: dict[str, Timing]) -> Result:
    if timing.problem:
        return timing.result()
    name = timing.candidate.name
    warm = timings.get(name.replace("cold", "warm"))
    cold = "cold" in name and warm is not None and bool(warm.samples)
    bare = name == "bare imports"
    return timing.result(
        compile_s=max(0.0, timing.median - warm.median) if cold and warm else None,
        ratios={"time / scipy": time_ratio(timing, timings["scipy"]),
                "time / bare imports": time_ratio(timing, timings["bare imports"])},
        extra={"error": None if bare else abs(timing.value - ANSWER)},
    )
