"""Sign flow on quadratics: sliding on one surface, then on all of them, to rest at the minimum."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.report import Result
from benchmarks.timing import Candidate, measure, time_ratio

NAME = "sliding"
QUESTION = ("sign flow on x'Ax/2, A = [[2, 1], [1, 2]], from (1, 0) to t = 3; at rest from t = 1 "
            "on; error: of the state at t = 1/3 + 0.2, and of the time of rest")
TARGETS = ("flowopt: exact to 1e-10 with at most 100 evaluations of the field",)

A = np.array([[2.0, 1.0], [1.0, 2.0]])
START, END = np.array([1.0, 0.0]), 3.0
PROBE = 1 / 3 + 0.2
EXACT = np.array([1.0 - PROBE, -(1.0 - PROBE) / 2])
#: scipy needs 17 million evaluations and two minutes to get through; it is stopped here
CAP = 100_000


class Stopped(Exception):
    """The cap on evaluations is reached."""


def scipy_prepare(method: str) -> Callable[[], dict[str, Any]]:
    from scipy.integrate import solve_ivp

    def run() -> dict[str, Any]:
        count, reached = 0, 0.0

        def rhs(t: float, x: np.ndarray) -> np.ndarray:
            nonlocal count, reached
            count += 1
            if count > CAP:
                raise Stopped
            reached = max(reached, t)
            return -np.sign(A @ x)

        try:
            made = solve_ivp(rhs, (0.0, END), START, method=method, rtol=1e-6, atol=1e-9,
                             dense_output=True)
        except Stopped:
            return {"evaluations": CAP, "ended": f"stopped at t = {reached:.3f}"}
        return {"evaluations": made.nfev, "error": float(np.abs(made.sol(PROBE) - EXACT).max()),
                "ended": "success" if made.success else f"gave up at t = {made.t[-1]:.3f}"}

    return run


def flowopt_prepare(method: str) -> Callable[[], dict[str, Any]]:
    import flowopt as fo

    field = fo.flows.SignFlow().on(fo.losses.quadratic(A))
    chosen = getattr(fo, method)(rtol=1e-6, atol=1e-9)

    def run() -> dict[str, Any]:
        made = fo.integrate(field, START, t=(0.0, END), method=chosen)
        wrong = max(np.abs(made(PROBE) - EXACT).max(), abs(made.t[-1] - 1.0))
        return {"evaluations": made.stats.n_rhs, "error": float(wrong),
                "ended": f"{made.status.name} at t = {made.t[-1]:.12g}"}

    return run


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every solver; scipy up to its cap."""
    entries = [("scipy RK45", scipy_prepare, "RK45", ("scipy",)),
               ("scipy LSODA", scipy_prepare, "LSODA", ("scipy",)),
               ("scipy Radau", scipy_prepare, "Radau", ("scipy",)),
               ("flowopt DOP853", flowopt_prepare, "DOP853", ("sympy", "flowopt")),
               ("flowopt Tsit5", flowopt_prepare, "Tsit5", ("sympy", "flowopt"))]
    timings = measure([Candidate(name, partial(prepare, method), needs, "",
                                 compiles=prepare is flowopt_prepare)
                       for name, prepare, method, needs in entries], rounds)
    results = []
    for name, *_ in entries:
        timing = timings[name]
        if timing.problem:
            results.append(timing.result())
            continue
        results.append(timing.result(
            ratios={"time / flowopt DOP853": time_ratio(timing, timings["flowopt DOP853"])},
            extra={key: timing.value.get(key) for key in ("evaluations", "error", "ended")}))
    return results
