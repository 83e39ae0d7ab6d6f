"""Solvers of one problem: all at one tolerance, then all at tolerances that give one error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.report import Result
from benchmarks.timing import Candidate, Timing, measure, say, time_ratio

TOLERANCE = 1e-8
SCIPY = ("scipy",)  # compiles nothing


@dataclass(frozen=True)
class Problem:
    """What the solvers solve.

    Parameters
    ----------
    entries : sequence
        Solvers, each with ``name``, ``build(tol) -> solve``, ``needs`` and ``note``.
    error : callable
        ``error(solve)`` returns the error of a solver at its tolerance.
    timed : callable
        ``timed(solve)`` returns what is timed, a function without arguments.
    extra : callable
        ``extra(entry, tol)`` returns more columns.
    references : tuple of str
        The names of the solvers whose times the others are divided by.
    """

    entries: Sequence[Any]
    error: Callable[[Any], float]
    timed: Callable[[Any], Callable[[], Any]]
    extra: Callable[[Any, float], dict[str, Any]]
    references: tuple[str, ...]

    def run(self, wanted_of: Callable[[float], Any], rounds: int) -> list[Result]:
        """Time every solver at one tolerance, then at the error that `wanted_of(tol)` has there."""
        same = {entry.name: TOLERANCE for entry in self.entries}
        timings = self._time(same, rounds)
        results = self._results("all at tolerance 1e-8", same, timings)
        solved = [entry for entry in self.entries if not timings[entry.name].problem]
        wanted = self.error(wanted_of(TOLERANCE))
        say(f"looking for the tolerances that give the error {wanted:.1e}")
        equal = {entry.name: self.tolerance_for(entry, wanted) for entry in solved}
        return results + self._results(f"all at error {wanted:.1e}", equal,
                                       self._time(equal, rounds))

    def tolerance_for(self, entry: Any, wanted: float) -> float:
        """Return the tolerance at which a solver comes nearest to an error.

        Bisection in the logarithm, then the nearer of both ends: the error may jump (heyoka takes
        its order from the tolerance).
        """
        def error(exponent: float) -> float:
            return self.error(entry.build(10.0**exponent))

        low, high = -13.0, -3.0
        for _ in range(10):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if error(middle) > wanted else (middle, high)
        return 10.0**min((low, high), key=lambda exponent: abs(np.log(error(exponent) / wanted)))

    def _time(self, tolerances: Mapping[str, float], rounds: int) -> dict[str, Timing]:
        def prepare(entry: Any) -> Callable[[], Any]:
            return self.timed(entry.build(tolerances[entry.name]))

        return measure([Candidate(entry.name, partial(prepare, entry), entry.needs, entry.note,
                                  compiles=entry.needs != SCIPY)
                        for entry in self.entries if entry.name in tolerances], rounds)

    def _results(self, group: str, tolerances: Mapping[str, float],
                 timings: Mapping[str, Timing]) -> list[Result]:
        results = []
        for entry in self.entries:
            timing = timings.get(entry.name)
            if timing is None or timing.problem:
                results += [timing.result(group=group)] if timing else []
                continue
            tol = tolerances[entry.name]
            results.append(timing.result(
                group=group,
                ratios={f"time / {name}": time_ratio(timing, timings.get(name))
                        for name in self.references},
                extra={"tolerance": tol, "error": self.error(entry.build(tol)),
                       **self.extra(entry, tol)}))
        return results
