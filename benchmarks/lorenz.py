"""One long trajectory: Lorenz, saved at 1001 times."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from benchmarks.lorenz_solvers import ENTRIES, SCIPY, START, TIMES, Entry, Solve, scipy_build
from benchmarks.report import Result
from benchmarks.timing import Candidate, Timing, measure, say, time_ratio

NAME = "lorenz"
QUESTION = ("Lorenz (sigma 10, rho 28, beta 8/3) from (1, 1, 1) to t = 100, 1001 saves; "
            "error: largest on the saves up to t = 5, root mean square over four starts")
TARGETS = ("flowopt: faster than numbalsoda's dop853 and than heyoka, at equal error",)

#: The run is chaotic (exponent about 0.9): errors mean something only at the beginning.
SHORT = TIMES[:51]
STARTS = np.array([[1.0, 1.0, 1.0], [10.0, 10.0, 10.0], [-8.0, 7.0, 27.0], [5.0, -5.0, 20.0]])
TOLERANCE = 1e-8
REFERENCES = ("numbalsoda dop853", "heyoka")


@cache
def truth() -> np.ndarray:
    """Return the reference on SHORT for every start: scipy's DOP853 at 1e-13."""
    solve = scipy_build("DOP853", 1e-13)
    return np.array([solve(start, SHORT) for start in STARTS])


def error(solve: Solve) -> float:
    """Return the largest error over SHORT, as the root mean square over the starts."""
    pairs = zip(STARTS, truth(), strict=True)
    worst = [np.abs(solve(start, SHORT) - exact).max() for start, exact in pairs]
    return float(np.sqrt(np.mean(np.square(worst))))


def tolerance_for(entry: Entry, wanted: float) -> float:
    """Return the tolerance at which a solver comes nearest to an error.

    Bisection in the logarithm, then the nearer of both ends: the error may jump (heyoka takes
    its order from the tolerance).
    """
    low, high = -13.0, -3.0
    for _ in range(10):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if error(entry.build(10.0**middle)) > wanted else (middle, high)
    return min((10.0**low, 10.0**high),
               key=lambda tol: abs(np.log(error(entry.build(tol)) / wanted)))


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every solver at one tolerance, then at tolerances that give one error."""
    same = {entry.name: TOLERANCE for entry in ENTRIES}
    timings = _time(same, rounds)
    results = _results("all at tolerance 1e-8", same, timings)
    solved = [entry for entry in ENTRIES if not timings[entry.name].problem]
    wanted = error(scipy_build("DOP853", TOLERANCE))
    say(f"looking for the tolerances that give the error {wanted:.1e}")
    equal = {entry.name: tolerance_for(entry, wanted) for entry in solved}
    return results + _results(f"all at error {wanted:.1e}", equal, _time(equal, rounds))


def _time(tolerances: dict[str, float], rounds: int) -> dict[str, Timing]:
    def prepare(entry: Entry) -> Callable[[], np.ndarray]:
        return partial(entry.build(tolerances[entry.name]), START, TIMES)

    return measure([Candidate(entry.name, partial(prepare, entry), entry.needs, entry.note,
                              compiles=entry.needs != SCIPY)
                    for entry in ENTRIES if entry.name in tolerances], rounds)


def _results(group: str, tolerances: dict[str, float], timings: dict[str, Timing]) -> list[Result]:
    results = []
    for entry in ENTRIES:
        timing = timings.get(entry.name)
        if timing is None or timing.problem:
            results += [timing.result(group=group)] if timing else []
            continue
        tol = tolerances[entry.name]
        counts = entry.count(tol)
        results.append(timing.result(
            group=group,
            ratios={f"time / {name}": time_ratio(timing, timings.get(name)) for name in REFERENCES},
            extra={"tolerance": tol, "error": error(entry.build(tol)),
                   "evaluations": counts.get("evaluations"), "steps": counts.get("steps")},
        ))
    return results
