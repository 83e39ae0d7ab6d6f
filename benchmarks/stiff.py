"""One stiff trajectory: the gradient flow in the valley of Rosenbrock, with its Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.one_error import SCIPY, Problem
from benchmarks.report import Result

NAME = "stiff"
QUESTION = ("gradient flow on Rosenbrock (1 - x)^2 + 100 (y - x^2)^2 from (-1.2, 1) to t = 50, "
            "51 saves; error: largest on the saves")
TARGETS = ("flowopt: at most the time of numbalsoda's lsoda, and a 30th of scipy's best solve_ivp",)

TIMES = np.linspace(0.0, 50.0, 51)
START = np.array([-1.2, 1.0])
REFERENCES = ("numbalsoda lsoda", "scipy LSODA", "scipy odeint")

#: solve(start, times) returns the states at the times (k, 2), and evaluations, steps, Jacobians.
Solve = Callable[[], tuple[np.ndarray, dict[str, Any]]]


@dataclass(frozen=True)
class Entry:
    """A solver: ``build(tol)`` returns ``solve() -> (states (51, 2), counts)``."""

    name: str
    build: Callable[[float], Solve]
    needs: tuple[str, ...]
    note: str = ""


def scipy_rhs(t: float, u: np.ndarray) -> tuple[float, float]:
    """Return −∇L for scipy; plain floats, for these beat arrays."""
    x, y = u.tolist()
    d = y - x * x
    return 2.0 * (1.0 - x) + 400.0 * x * d, -200.0 * d


def scipy_jacobian(t: float, u: np.ndarray) -> list[list[float]]:
    x, y = u.tolist()
    return [[-2.0 + 400.0 * y - 1200.0 * x * x, 400.0 * x], [400.0 * x, -200.0]]


def scipy_build(method: str, tol: float) -> Solve:
    from scipy.integrate import solve_ivp

    def solve() -> tuple[np.ndarray, dict[str, Any]]:
        made = solve_ivp(scipy_rhs, (TIMES[0], TIMES[-1]), START, method=method, t_eval=TIMES,
                         rtol=tol, atol=tol, jac=scipy_jacobian)
        return made.y.T, {"evaluations": made.nfev, "Jacobians": made.njev}

    return solve


def odeint_build(tol: float) -> Solve:
    from scipy.integrate import odeint

    def solve() -> tuple[np.ndarray, dict[str, Any]]:
        return odeint(scipy_rhs, START, TIMES, Dfun=scipy_jacobian, tfirst=True, rtol=tol,
                      atol=tol, mxstep=100_000), {}

    return solve


def numbalsoda_build(tol: float) -> Solve:
    import numba as nb
    import numbalsoda

    @nb.cfunc(numbalsoda.lsoda_sig)
    def rhs(t, u, du, p):
        x, y = u[0], u[1]
        d = y - x * x
        du[0] = 2.0 * (1.0 - x) + 400.0 * x * d
        du[1] = -200.0 * d

    address, data = rhs.address, np.zeros(1)

    def solve(_keep: Any = rhs) -> tuple[np.ndarray, dict[str, Any]]:
        saved, success = numbalsoda.lsoda(address, START, TIMES, data, tol, tol, 1_000_000)
        if not success:
            raise RuntimeError("numbalsoda lsoda gave up")
        return saved, {}

    return solve


@cache
def flowopt_field() -> Any:
    import flowopt as fo
    return fo.flows.GradientFlow().on(fo.losses.rosenbrock())


def flowopt_build(tol: float) -> Solve:
    import flowopt as fo
    field, method = flowopt_field(), fo.Rodas5P(rtol=tol, atol=tol)

    def solve() -> tuple[np.ndarray, dict[str, Any]]:
        made = fo.integrate(field, START, t=(TIMES[0], TIMES[-1]), method=method, save_at=TIMES)
        return made.x, {"evaluations": made.stats.n_rhs, "Jacobians": made.stats.n_jac,
                        "steps": made.stats.n_steps}

    return solve


ENTRIES = (
    *(Entry(f"scipy {name}", partial(scipy_build, name), SCIPY) for name in ("LSODA", "BDF",
                                                                             "Radau")),
    Entry("scipy odeint", odeint_build, SCIPY, "the loop, too, is compiled"),
    Entry("numbalsoda lsoda", numbalsoda_build, ("numba", "numbalsoda"),
          "takes no Jacobian: differences"),
    Entry("flowopt Rodas5P", flowopt_build, ("numba", "sympy", "flowopt")),
)


@cache
def truth() -> np.ndarray:
    """Return the reference: scipy's DOP853 at 1e-13, which the stiffness only slows down."""
    from scipy.integrate import solve_ivp
    return solve_ivp(scipy_rhs, (TIMES[0], TIMES[-1]), START, method="DOP853", t_eval=TIMES,
                     rtol=1e-13, atol=1e-14).y.T


def error(solve: Solve) -> float:
    return float(np.abs(solve()[0] - truth()).max())


def counts(entry: Entry, tol: float) -> dict[str, Any]:
    found = entry.build(tol)()[1]
    return {what: found.get(what) for what in ("evaluations", "Jacobians", "steps")}


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every solver at one tolerance, then at tolerances that give one error."""
    problem = Problem(ENTRIES, error, lambda solve: solve, counts, REFERENCES)
    return problem.run(partial(scipy_build, "LSODA"), rounds)
