"""One long trajectory: Lorenz, saved at 1001 times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.report import Result
from benchmarks.timing import Candidate, Timing, measure, say, time_ratio

NAME = "lorenz"
QUESTION = ("Lorenz (sigma 10, rho 28, beta 8/3) from (1, 1, 1) to t = 100, 1001 saves; "
            "error: largest on the saves up to t = 5, root mean square over four starts")
TARGETS = ("flowopt: faster than numbalsoda's dop853 and than heyoka, at equal error",)

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0
TIMES = np.linspace(0.0, 100.0, 1001)
START = np.ones(3)
#: The run is chaotic (exponent about 0.9): errors mean something only at the beginning.
SHORT = TIMES[:51]
STARTS = np.array([[1.0, 1.0, 1.0], [10.0, 10.0, 10.0], [-8.0, 7.0, 27.0], [5.0, -5.0, 20.0]])
TOLERANCE = 1e-8
REFERENCES = ("numbalsoda dop853", "heyoka")

Solve = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Entry:
    """A solver: ``build(tol)`` returns ``solve(start, times) -> (k, 3)``.

    ``count(tol)`` returns evaluations or steps of the whole run, found outside the clock.
    """

    name: str
    build: Callable[[float], Solve]
    count: Callable[[float], dict[str, Any]]
    needs: tuple[str, ...]
    note: str = ""


def scipy_rhs(t: float, u: np.ndarray) -> tuple[float, float, float]:
    """Return Lorenz for scipy; plain floats, for these beat arrays and a jitted function."""
    x, y, z = u.tolist()
    return SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z


def scipy_build(method: str, tol: float) -> Solve:
    from scipy.integrate import solve_ivp

    def solve(start: np.ndarray, times: np.ndarray) -> np.ndarray:
        return solve_ivp(scipy_rhs, (times[0], times[-1]), start, method=method, t_eval=times,
                         rtol=tol, atol=tol).y.T

    return solve


def scipy_count(method: str, tol: float) -> dict[str, Any]:
    from scipy.integrate import solve_ivp
    def again(times: np.ndarray | None) -> Any:
        return solve_ivp(scipy_rhs, (0.0, TIMES[-1]), START, method=method, t_eval=times,
                         rtol=tol, atol=tol)

    # the saves cost evaluations (dense output); without them the times are the steps
    return {"evaluations": again(TIMES).nfev, "steps": len(again(None).t) - 1}


def numbalsoda_build(method: str, tol: float, counts: np.ndarray | None = None) -> Solve:
    """Return a solver with a compiled right-hand side; one that counts if ``counts`` is given.

    Its ``solve_ivp``, the same DOP853 with dense output, took 1.15 times as long as ``dop853``.
    """
    import numba as nb
    import numbalsoda

    if counts is None:
        def rhs(t, u, du, p):
            x, y, z = u[0], u[1], u[2]
            du[0] = p[0] * (y - x)
            du[1] = x * (p[1] - z) - y
            du[2] = x * y - p[2] * z
    else:
        def rhs(t, u, du, p):
            x, y, z = u[0], u[1], u[2]
            du[0] = p[0] * (y - x)
            du[1] = x * (p[1] - z) - y
            du[2] = x * y - p[2] * z
            p[3] += 1.0

    data = np.array([SIGMA, RHO, BETA, 0.0]) if counts is None else counts
    compiled = nb.cfunc(numbalsoda.lsoda_sig)(rhs)
    address, routine = compiled.address, getattr(numbalsoda, method)

    def solve(start: np.ndarray, times: np.ndarray, _keep: Any = compiled) -> np.ndarray:
        saved, success = routine(address, start, times, data, tol, tol, 1_000_000)
        if not success:
            raise RuntimeError(f"numbalsoda {method} gave up")
        return saved

    return solve


def numbalsoda_count(method: str, tol: float) -> dict[str, Any]:
    counts = np.array([SIGMA, RHO, BETA, 0.0])
    numbalsoda_build(method, tol, counts)(START, TIMES)
    return {"evaluations": int(counts[3])}


def heyoka_integrator(tol: float) -> Any:
    import heyoka as hy
    x, y, z = hy.make_vars("x", "y", "z")
    system = [(x, SIGMA * (y - x)), (y, x * (RHO - z) - y), (z, x * y - BETA * z)]
    return hy.taylor_adaptive(system, START.tolist(), tol=tol)


def heyoka_run(integrator: Any, start: np.ndarray, times: np.ndarray) -> Any:
    integrator.time = times[0]
    integrator.state[:] = start
    return integrator.propagate_grid(times)


def heyoka_build(tol: float) -> Solve:
    integrator = heyoka_integrator(tol)
    return lambda start, times: heyoka_run(integrator, start, times)[-1]


def heyoka_count(tol: float) -> dict[str, Any]:
    return {"steps": heyoka_run(heyoka_integrator(tol), START, TIMES)[3]}


def flowopt_run(method: str, tol: float, start: np.ndarray, times: np.ndarray) -> Any:
    import flowopt as fo
    return fo.integrate(flowopt_field(), start, t=(times[0], times[-1]), save_at=times,
                        method=getattr(fo, method)(rtol=tol, atol=tol))


@cache
def flowopt_field() -> Any:
    import flowopt as fo
    return fo.VectorField(["sigma*(y - x)", "x*(rho - z) - y", "x*y - beta*z"], ["x", "y", "z"],
                          parameters={"sigma": SIGMA, "rho": RHO, "beta": BETA})


def flowopt_build(method: str, tol: float) -> Solve:
    return lambda start, times: flowopt_run(method, tol, start, times).x


def flowopt_count(method: str, tol: float) -> dict[str, Any]:
    stats = flowopt_run(method, tol, START, TIMES).stats
    return {"evaluations": stats.n_rhs, "steps": stats.n_steps}


def _entry(name: str, method: str, build: Any, count: Any, needs: tuple[str, ...], note: str = ""
           ) -> Entry:
    return Entry(name, partial(build, method), partial(count, method), needs, note)


SCIPY, NBS = ("scipy",), ("numba", "numbalsoda")
FLOWOPT = ("numba", "sympy", "flowopt")
ENTRIES = (
    *(_entry(f"scipy {m}", m, scipy_build, scipy_count, SCIPY) for m in ("DOP853", "RK45", "LSODA")),
    _entry("numbalsoda dop853", "dop853", numbalsoda_build, numbalsoda_count, NBS,
           "restarts at each save"),
    _entry("numbalsoda lsoda", "lsoda", numbalsoda_build, numbalsoda_count, NBS),
    Entry("heyoka", heyoka_build, heyoka_count, ("heyoka",), "Taylor series; steps, no evaluations"),
    *(_entry(f"flowopt {m}", m, flowopt_build, flowopt_count, FLOWOPT) for m in ("DOP853", "Tsit5")),
)


@cache
def truth() -> np.ndarray:
    """Return the reference on SHORT for every start: scipy's DOP853 at 1e-13."""
    solve = scipy_build("DOP853", 1e-13)
    return np.array([solve(start, SHORT) for start in STARTS])


def error(solve: Solve) -> float:
    """Return the largest error over SHORT, as the root mean square over the starts."""
    worst = [np.abs(solve(start, SHORT) - y).max() for start, y in zip(STARTS, truth(), strict=True)]
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
