"""From a thousand starts to a million: time per run, and memory, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.machine import cores, python_path
from benchmarks.report import Result
from benchmarks.timing import say, spread

NAME = "scaling"
QUESTION = ("heavy balls (gamma 0.5) on Himmelblau, starts uniform on [-5, 5]^2: time per run from "
            "10^3 to 10^6 starts, and the peak memory of the process")
TARGETS = ("time per run constant from 10^3 to 10^6 starts; a million final states within 1 GB; "
           "memory of a reduced ensemble independent of the number of steps",)


def child(count: int, end: float, h: float, reduced: bool, rounds: int) -> dict[str, Any]:
    """Run one ensemble here; h = 0 takes DOP853. Return its times and the peak memory in MB."""
    import resource

    import flowopt as fo

    field = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.himmelblau())
    method = fo.Euler(h=h) if h else fo.DOP853()
    starts = np.random.default_rng(0).uniform(-5.0, 5.0, (count, 2))
    kept = {"least": fo.reduce.minimum("L"), "x": fo.reduce.moments("x"),
            "in": fo.reduce.first_time("L < 0.01")} if reduced else None

    def run(several: int, until: float) -> float:
        start = time.perf_counter()
        fo.ensemble(field, starts[:several], (0.0, until), method, reduce=kept, threads=cores())
        return time.perf_counter() - start

    first = run(128, end / 100)
    seconds = [run(count, end) for _ in range(rounds)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"first": first, "seconds": seconds,
            "peak MB": peak / (2**20 if sys.platform == "darwin" else 2**10)}


def apart(*arguments: Any) -> dict[str, Any]:
    """Run `child` in a fresh process, whose peak memory is its own."""
    say(f"{arguments}")
    code = f"import json; from benchmarks.scaling import child; print(json.dumps(child{arguments}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": python_path()})
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1][:200])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(rounds: int, quick: bool) -> list[Result]:
    """Return three groups: time per run, memory against starts, memory against steps."""
    results = []
    most = 5 if quick else 6
    apart(128, 0.1, 0.0, False, 1)  # compiles
    base = apart(1, 1e-3, 0.0, False, 1)["peak MB"]
    per_run: dict[int, float] = {}
    for power in range(3, most + 1):
        count = 10**power
        made = apart(count, 2.0, 0.0, False, rounds if power < 6 else min(rounds, 3))
        median = float(np.median(made["seconds"]))
        per_run[power] = median / count
        results.append(Result(
            f"{count:,} starts", "DOP853 at 1e-8 to t = 2, final states", seconds=median,
            spread=spread(made["seconds"]), samples=made["seconds"],
            ratios={"time per run / 10^3": per_run[power] / per_run[3]},
            extra={"µs a run": 1e6 * per_run[power], "peak MB": made["peak MB"],
                   "beyond one run, MB": made["peak MB"] - base}))
    count = 10_000 if quick else 100_000
    for h in (1e-3, 0.0):  # compiles, with what that takes of memory
        apart(128, 0.1, h, True, 1)
    for method, steps in (("Euler", (100, 1000, 10_000)), ("DOP853", (2.0, 20.0))):
        for each in steps:
            h, end = (1e-3, each * 1e-3) if method == "Euler" else (0.0, each)
            made = apart(count, end, h, True, 1)
            what = f"{each:,} steps" if h else f"to t = {each:g}, 1001 looks"
            results.append(Result(
                f"{method}, {what}", f"{count:,} starts with three reducers",
                seconds=made["seconds"][0], samples=made["seconds"],
                extra={"peak MB": made["peak MB"], "beyond one run, MB": made["peak MB"] - base}))
    return results
