"""Many starts, adaptive steps: heavy balls on Himmelblau's function."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.ensemble_solvers import ENTRIES, SCIPY, Entry, scipy_build
from benchmarks.report import Result
from benchmarks.timing import Candidate, Timing, measure, say, time_ratio

NAME = "ensemble"
QUESTION = ("20 000 heavy balls (gamma 0.5) on Himmelblau, starts uniform on [-5, 5]^2 (seed 0), "
            "at rest, to t = 20; error: median over 64 of the starts of the largest component, "
            "against scipy's DOP853 at 1e-13")
TARGETS = ("flowopt: >= 5 x numbalsoda dop853, >= 12 x heyoka, >= 20 x diffrax, >= 2 000 x scipy, "
           "at equal error",)

COUNT, CHECKED = 20_000, 64
REFERENCES = ("numbalsoda dop853", "heyoka batch ensemble", "diffrax Tsit5 vmap", "scipy DOP853")


def starts(count: int) -> np.ndarray:
    """Return the starts (count, 2)."""
    return np.random.default_rng(0).uniform(-5.0, 5.0, (count, 2))


class Judge:
    """The error of a solver, against a reference that is computed once."""

    def __init__(self) -> None:
        self.starts = starts(CHECKED)
        self.truth = scipy_build("DOP853", 1e-13)(self.starts)

    def error(self, entry: Entry, tol: float) -> float:
        """Return the median over the starts of the largest error of a component."""
        made = entry.build(tol)(self.starts[:entry.sample or None])
        return float(np.median(np.abs(made - self.truth[:len(made)]).max(axis=1)))

    def tolerance(self, entry: Entry, wanted: float) -> float:
        """Return the tolerance at which a solver comes nearest to an error.

        Bisection in the logarithm, then the best of all that was tried: the error may jump.
        """
        low, high = -14.0 if entry.name.startswith("heyoka") else -13.5, -3.0
        tried = {}
        for _ in range(9):
            middle = 0.5 * (low + high)
            error = tried[10.0**middle] = self.error(entry, 10.0**middle)
            low, high = (low, middle) if error > wanted else (middle, high)
            if wanted / 1.4 < error < wanted * 1.4:
                break
        return min(tried, key=lambda tol: abs(np.log(tried[tol] / wanted)))


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every solver at one tolerance, then at tolerances that give one error."""
    count = 1000 if quick else COUNT
    judge = Judge()
    same = {entry.name: 1e-8 for entry in ENTRIES}
    timings = _time(same, rounds, count)
    results = _results("all at tolerance 1e-8", same, timings, judge, count)
    solved = [entry for entry in ENTRIES if not timings[entry.name].problem]
    numbalsoda = next((e for e in solved if e.name == REFERENCES[0]), solved[0])
    for tol in (1e-8, 1e-12):
        wanted = judge.error(numbalsoda, tol)
        say(f"looking for the tolerances that give the error {wanted:.1e}")
        equal = {entry.name: judge.tolerance(entry, wanted) for entry in solved}
        equal[numbalsoda.name] = tol
        results += _results(f"all at error {wanted:.1e} ({numbalsoda.name} at {tol:g})", equal,
                            _time(equal, rounds, count), judge, count)
    return results


def _time(tolerances: dict[str, float], rounds: int, count: int) -> dict[str, Timing]:
    every = starts(count)

    def prepare(entry: Entry) -> Any:
        return partial(entry.build(tolerances[entry.name]), every[:entry.sample or None])

    return measure([Candidate(entry.name, partial(prepare, entry), entry.needs, entry.note,
                              compiles=entry.needs != SCIPY)
                    for entry in ENTRIES if entry.name in tolerances], rounds)


def _results(group: str, tolerances: dict[str, float], timings: dict[str, Timing], judge: Judge,
             count: int) -> list[Result]:
    results = []
    by_name = {entry.name: entry for entry in ENTRIES}
    for entry in ENTRIES:
        timing = timings.get(entry.name)
        if timing is None or timing.problem:
            results += [timing.result(group=group)] if timing else []
            continue
        runs = entry.sample or count
        tol = tolerances[entry.name]
        ratios = {"runs/s": runs / timing.median}
        for name in REFERENCES:
            other = by_name[name].sample or count
            ratios[f"speed / {name}"] = runs / other / time_ratio(timing, timings.get(name))
        results.append(timing.result(group=group, ratios=ratios,
                                     extra={"tolerance": tol, "error": judge.error(entry, tol)}))
    return results
