"""Alternating medians: every round runs every candidate once, so that noise hits all alike."""

from __future__ import annotations

import importlib
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.machine import missing
from benchmarks.report import Result

#: A run shorter than this is repeated within a round until the round is this long.
SHORTEST_ROUND = 0.02


@dataclass(frozen=True)
class Candidate:
    """Something to time.

    Parameters
    ----------
    name : str
    prepare : callable
        ``prepare()`` builds and returns ``run``; ``run()`` does the work once. The time of
        ``prepare()`` and what the first ``run()`` takes beyond the median are compile time.
    needs : tuple of str
        Modules imported before any clock starts; ``"cc"`` stands for a C compiler.
    note : str
    compiles : bool
        False leaves the compile column empty.
    """

    name: str
    prepare: Callable[[], Callable[[], Any]]
    needs: tuple[str, ...] = ()
    note: str = ""
    compiles: bool = True


@dataclass
class Timing:
    """The measured candidate: ``value`` is what its first run returned."""

    candidate: Candidate
    first: float = math.nan
    samples: list[float] = field(default_factory=list)
    value: Any = None
    problem: str = ""

    @property
    def median(self) -> float:
        return float(np.median(self.samples)) if self.samples else math.nan

    def result(self, **fields: Any) -> Result:
        """Return the line of the table; ``fields`` are passed on to Result."""
        if self.problem:
            return Result(self.candidate.name, group=fields.get("group", ""), note=self.problem)
        if self.candidate.compiles:
            fields.setdefault("compile_s", max(0.0, self.first - self.median))
        fields.setdefault("note", self.candidate.note)
        return Result(self.candidate.name, seconds=self.median, spread=spread(self.samples),
                      samples=list(self.samples), **fields)


def spread(samples: Sequence[float]) -> float:
    """Return the interquartile range of the samples divided by their median.

    Examples
    --------
    >>> spread([1.0, 2.0, 3.0])
    0.5
    """
    low, middle, high = np.percentile(samples, [25, 50, 75])
    return float((high - low) / middle)


def time_ratio(timing: Timing, reference: Timing | None) -> float:
    """Return the median over rounds of time / time of the reference, or nan."""
    if reference is None or not timing.samples or not reference.samples:
        return math.nan
    return float(np.median(np.divide(timing.samples, reference.samples)))


def say(text: str) -> None:
    """Show progress on standard error, where it does not mix with the tables."""
    print(f"  {text}", file=sys.stderr, flush=True)


def measure(candidates: Sequence[Candidate], rounds: int) -> dict[str, Timing]:
    """Prepare every candidate, then time them in turn for a number of rounds.

    A candidate that is not installed, or that fails, is returned with its ``problem``.
    """
    timings, clocks = {}, {}
    for candidate in candidates:
        timing = timings[candidate.name] = Timing(candidate, problem=missing(candidate.needs))
        if timing.problem:
            continue
        say(f"prepare {candidate.name}")
        try:
            _import(candidate.needs)
            start = time.perf_counter()
            run = candidate.prepare()
            timing.value = run()
            timing.first = time.perf_counter() - start
            clocks[candidate.name] = clock(run)
        except Exception as error:  # a broken candidate is a line of the table, not an end
            timing.problem = failure(error)
    alternate(clocks, rounds, timings)
    return timings


def alternate(
    clocks: Mapping[str, Callable[[], float]], rounds: int, timings: Mapping[str, Timing]
) -> None:
    """Append one sample per round to each timing; ``clock()`` runs once and returns seconds.

    Each round starts one candidate further on, so that none always follows the same other.
    """
    names = list(clocks)
    for k in range(rounds if names else 0):
        turn = k % len(names)
        for name in names[turn:] + names[:turn]:
            timings[name].samples.append(clocks[name]())
        say(f"round {k + 1} of {rounds}")


def failure(error: Exception) -> str:
    """Return the note for a candidate that raised: the type and the first line.

    Examples
    --------
    >>> failure(ValueError("no such method"))
    'failed: ValueError: no such method'
    """
    line = (str(error).splitlines() or [""])[0]
    return f"failed: {type(error).__name__}: {line}"[:200]


def clock(run: Callable[[], Any]) -> Callable[[], float]:
    """Return a function that times ``run``, repeated if it is short."""
    start = time.perf_counter()
    run()
    repeats = max(1, math.ceil(SHORTEST_ROUND / (time.perf_counter() - start)))

    def once() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        return (time.perf_counter() - start) / repeats

    return once


def _import(needs: tuple[str, ...]) -> None:
    for need in needs:
        if need == "cc":
            continue
        module = importlib.import_module(need)
        if need == "numba":  # the first compilation of a process also starts the compiler
            module.njit(lambda x: x + 1)(1)
