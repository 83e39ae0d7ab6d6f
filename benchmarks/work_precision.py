"""Work against precision, one diagram for each class of problem.

``python -m benchmarks.work_precision [--folder results/benchmarks] [--rounds 3]`` writes a PNG and
the numbers as JSON. Every point is one solver at one tolerance: the median time of alternating
runs against the achieved error. Peers that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ensemble, ensemble_solvers, lorenz, lorenz_solvers, stiff
from benchmarks.machine import describe, missing
from benchmarks.timing import clock, say

#: a curve: tolerance -> (seconds, error)
Points = dict[str, list[tuple[float, float, float]]]
STYLE = {"flowopt": {"lw": 2.2, "marker": "o"}, "scipy": {"lw": 1.0, "marker": "s"}}
RUNS = 2000


def curves(entries: Sequence[Any], tolerances: Sequence[float],
           prepare: Callable[[Any, float], Any], error: Callable[[Any, float], float],
           rounds: int) -> Points:
    """Return the points of each solver; the rounds alternate between all of them."""
    jobs = {}
    for entry in entries:
        if missing(entry.needs):
            say(f"{entry.name}: {missing(entry.needs)}")
            continue
        for tol in tolerances:
            say(f"{entry.name} at {tol:g}")
            run, scale = prepare(entry, tol)
            run()
            jobs[entry.name, tol] = (clock(run), scale, error(entry, tol), [])
    for _ in range(rounds):
        for seconds, scale, _error, samples in jobs.values():
            samples.append(seconds() * scale)
    points: Points = {}
    for (name, tol), (_, _, worst, samples) in jobs.items():
        points.setdefault(name, []).append((tol, float(np.median(samples)), worst))
    return points


def smooth(rounds: int) -> tuple[str, Points]:
    """One smooth trajectory: Lorenz with 1001 saves."""
    def prepare(entry: Any, tol: float) -> Any:
        solve = entry.build(tol)
        return (lambda: solve(lorenz_solvers.START, lorenz_solvers.TIMES)), 1.0

    return ("Lorenz, t = 100, 1001 saves", curves(
        lorenz_solvers.ENTRIES, 10.0 ** np.arange(-4, -13, -2), prepare,
        lambda entry, tol: lorenz.error(entry.build(tol)), rounds))


def many(rounds: int) -> tuple[str, Points]:
    """An ensemble: heavy balls on Himmelblau's function."""
    judge, starts = ensemble.Judge(), ensemble.starts(RUNS)
    # XLA compiles for a shape; one diffrax curve is enough
    entries = [e for e in ensemble_solvers.ENTRIES if e.name != "diffrax Tsit5 pmap"]

    def prepare(entry: Any, tol: float) -> Any:
        solve = entry.build(tol)
        count = 4 if entry.sample else RUNS
        return (lambda: solve(starts[:count])), RUNS / count

    return (f"{RUNS:,} heavy balls on Himmelblau, t = 20", curves(
        entries, 10.0 ** np.arange(-4, -13, -2), prepare, judge.error, rounds))


def stiffness(rounds: int) -> tuple[str, Points]:
    """A stiff trajectory: gradient flow in the valley of Rosenbrock."""
    return ("gradient flow on Rosenbrock, t = 50, 51 saves", curves(
        stiff.ENTRIES, 10.0 ** np.arange(-3, -12, -2),
        lambda entry, tol: (entry.build(tol), 1.0),
        lambda entry, tol: stiff.error(entry.build(tol)), rounds))


def switches(rounds: int) -> tuple[str, Points]:
    """A field that jumps: the bang-bang oscillator y'' = -sign y, 35 crossings."""
    def build(entry: Any, tol: float) -> Callable[[], float]:
        from scipy.integrate import solve_ivp

        import flowopt as fo

        field = fo.VectorField(["v", "-sign(y)"], ["y", "v"])
        maker, name = entry.name.split()
        if maker == "flowopt":
            method = getattr(fo, name)(rtol=tol, atol=tol)
            return lambda: float(fo.integrate(field, [1.0, 0.0], (0.0, 50.0), method,
                                              save_at=[50.0]).y[-1, 0])
        return lambda: float(solve_ivp(field.rhs, (0.0, 50.0), [1.0, 0.0], method=name, rtol=tol,
                                       atol=tol, t_eval=[50.0]).y[0, -1])

    rest = 50.0 - 35 * np.sqrt(2.0)  # a quarter period takes sqrt 2; y then rises from 0
    exact = np.sqrt(2.0) * rest - rest**2 / 2
    entries = [stiff.Entry(name, lambda tol: None, ("scipy", "sympy"), "")  # type: ignore[arg-type]
               for name in ("scipy RK45", "scipy DOP853", "scipy LSODA", "flowopt DOP853",
                            "flowopt Tsit5")]
    return ("y'' = -sign y, t = 50", curves(
        entries, 10.0 ** np.arange(-4, -11, -2), lambda entry, tol: (build(entry, tol), 1.0),
        lambda entry, tol: max(abs(build(entry, tol)() - exact), 1e-16), rounds))


CLASSES = {"smooth": smooth, "ensemble": many, "stiff": stiffness, "switches": switches}


def figure(title: str, points: Points, path: Path) -> None:
    """Draw error against time, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawn, axes = plt.subplots(figsize=(8.5, 5.0), layout="constrained")
    for name, curve in points.items():
        style: dict[str, Any] = dict(STYLE.get(name.split()[0], {"lw": 1.2, "marker": "^"}))
        _, seconds, errors = np.array(sorted(curve, reverse=True)).T
        axes.loglog(errors, seconds, label=name, ms=5, **style)
    axes.invert_xaxis()
    axes.set(xlabel="achieved error", ylabel="time [s]", title=title)
    axes.grid(True, which="major", alpha=0.3)
    drawn.legend(fontsize=8, loc="outside right upper")
    drawn.savefig(path, dpi=150)
    plt.close(drawn)


def main(argv: list[str] | None = None) -> int:
    """Measure and draw the chosen classes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.work_precision",
                                     description=__doc__)
    parser.add_argument("name", nargs="*", help=f"any of: {', '.join(CLASSES)} (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    unknown = [name for name in args.name if name not in CLASSES]
    if unknown:
        parser.error(f"no class {', '.join(unknown)}; there are {', '.join(CLASSES)}")
    args.folder.mkdir(parents=True, exist_ok=True)
    for name in args.name or CLASSES:
        title, points = CLASSES[name](args.rounds)
        figure(title, points, args.folder / f"work_precision_{name}.png")
        (args.folder / f"work_precision_{name}.json").write_text(json.dumps(
            {"machine": describe(), "title": title,
             "points (tolerance, seconds, error)": points}, indent=1) + "\n")
        print(args.folder / f"work_precision_{name}.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
