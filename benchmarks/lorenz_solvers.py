"""The Lorenz system in each library's own fastest form, behind one signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0
TIMES = np.linspace(0.0, 100.0, 1001)
START = np.ones(3)

#: solve(start, times) returns the states at the times, shape (k, 3).
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


def flowopt_run(method: Any, start: np.ndarray, times: np.ndarray) -> Any:
    import flowopt as fo
    return fo.integrate(flowopt_field(), start, t=(times[0], times[-1]), save_at=times,
                        method=method)


def flowopt_method(method: str, tol: float) -> Any:
    import flowopt as fo
    return getattr(fo, method)(rtol=tol, atol=tol)


@cache
def flowopt_field() -> Any:
    import flowopt as fo
    return fo.VectorField(["sigma*(y - x)", "x*(rho - z) - y", "x*y - beta*z"], ["x", "y", "z"],
                          parameters={"sigma": SIGMA, "rho": RHO, "beta": BETA})


def flowopt_build(method: str, tol: float) -> Solve:
    made = flowopt_method(method, tol)
    return lambda start, times: flowopt_run(made, start, times).x


def flowopt_count(method: str, tol: float) -> dict[str, Any]:
    stats = flowopt_run(flowopt_method(method, tol), START, TIMES).stats
    return {"evaluations": stats.n_rhs, "steps": stats.n_steps}


def _entry(name: str, method: str, build: Any, count: Any, needs: tuple[str, ...], note: str = ""
           ) -> Entry:
    return Entry(name, partial(build, method), partial(count, method), needs, note)


SCIPY, NBS = ("scipy",), ("numba", "numbalsoda")
FLOWOPT = ("numba", "sympy", "flowopt")
ENTRIES = (
    _entry("scipy DOP853", "DOP853", scipy_build, scipy_count, SCIPY),
    _entry("scipy RK45", "RK45", scipy_build, scipy_count, SCIPY),
    _entry("scipy LSODA", "LSODA", scipy_build, scipy_count, SCIPY),
    _entry("numbalsoda dop853", "dop853", numbalsoda_build, numbalsoda_count, NBS,
           "restarts at each save"),
    _entry("numbalsoda lsoda", "lsoda", numbalsoda_build, numbalsoda_count, NBS),
    Entry("heyoka", heyoka_build, heyoka_count, ("heyoka",), "Taylor series: steps only"),
    _entry("flowopt Taylor", "Taylor", flowopt_build, flowopt_count, FLOWOPT),
    _entry("flowopt DOP853", "DOP853", flowopt_build, flowopt_count, FLOWOPT),
    _entry("flowopt Tsit5", "Tsit5", flowopt_build, flowopt_count, FLOWOPT),
)
