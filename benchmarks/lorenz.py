"""One long trajectory: Lorenz, saved at 1001 times."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.lorenz_solvers import ENTRIES, START, TIMES, Entry, Solve, scipy_build
from benchmarks.one_error import Problem
from benchmarks.report import Result

NAME = "lorenz"
QUESTION = ("Lorenz (sigma 10, rho 28, beta 8/3) from (1, 1, 1) to t = 100, 1001 saves; "
            "error: largest on the saves up to t = 5, root mean square over four starts")
TARGETS = ("flowopt: faster than numbalsoda's dop853 and than heyoka, at equal error",)

#: The run is chaotic (exponent about 0.9): errors mean something only at the beginning.
SHORT = TIMES[:51]
STARTS = np.array([[1.0, 1.0, 1.0], [10.0, 10.0, 10.0], [-8.0, 7.0, 27.0], [5.0, -5.0, 20.0]])
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


def counts(entry: Entry, tol: float) -> dict[str, Any]:
    found = entry.count(tol)
    return {what: found.get(what) for what in ("evaluations", "steps")}


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every solver at one tolerance, then at tolerances that give one error."""
    problem = Problem(ENTRIES, error, lambda solve: partial(solve, START, TIMES), counts,
                      REFERENCES)
    return problem.run(partial(scipy_build, "DOP853"), rounds)
