"""An ensemble of heavy balls on Himmelblau's function in each library's own fastest form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.machine import cores

GAMMA, END = 0.5, 20.0

#: solve(starts) returns the final states (N, 4) of starts (N, 2) with v = 0
Solve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Entry:
    """A solver: ``build(tol)`` returns ``solve``; of a slow one only a sample of starts is run."""

    name: str
    build: Callable[[float], Solve]
    needs: tuple[str, ...]
    note: str = ""
    sample: int = 0


def with_speeds(starts: np.ndarray) -> np.ndarray:
    """Return the states (N, 4) at the start: at rest."""
    return np.concatenate([starts, np.zeros_like(starts)], axis=1)


def scipy_rhs(t: float, u: np.ndarray) -> tuple[float, float, float, float]:
    """Return the field for scipy; plain floats beat arrays and a jitted function."""
    x, y, v, w = u.tolist()
    a, b = x * x + y - 11, x + y * y - 7
    return v, w, -GAMMA * v - (4 * x * a + 2 * b), -GAMMA * w - (2 * a + 4 * y * b)


def scipy_build(method: str, tol: float) -> Solve:
    from scipy.integrate import solve_ivp

    def solve(starts: np.ndarray) -> np.ndarray:
        return np.array([solve_ivp(scipy_rhs, (0.0, END), start, method=method, rtol=tol,
                                   atol=tol).y[:, -1] for start in with_speeds(starts)])

    return solve


def numbalsoda_build(method: str, tol: float) -> Solve:
    """Return a loop in prange over starts, with a compiled right-hand side."""
    import numba as nb
    import numbalsoda

    @nb.cfunc(numbalsoda.lsoda_sig)
    def rhs(t, u, du, p):
        x, y = u[0], u[1]
        a, b = x * x + y - 11, x + y * y - 7
        du[0] = u[2]
        du[1] = u[3]
        du[2] = -GAMMA * u[2] - (4 * x * a + 2 * b)
        du[3] = -GAMMA * u[3] - (2 * a + 4 * y * b)

    address, routine = rhs.address, getattr(numbalsoda, method)
    times, data = np.array([0.0, END]), np.zeros(1)

    @nb.njit(parallel=True)
    def many(states, tol):
        out = np.empty_like(states)
        for i in nb.prange(len(states)):
            saved, _ = routine(address, states[i], times, data, rtol=tol, atol=tol,
                               mxstep=1_000_000)
            out[i] = saved[-1]
        return out

    nb.set_num_threads(cores())

    def solve(starts: np.ndarray, _keep: Any = rhs) -> np.ndarray:
        return many(with_speeds(starts), tol)

    return solve


def heyoka_build(tol: float) -> Solve:
    """Return heyoka's ensemble of batches: as many lanes as the vector units have."""
    import heyoka as hy

    x, y, v, w = hy.make_vars("x", "y", "v", "w")
    a, b = x * x + y - 11.0, x + y * y - 7.0
    system = [(x, v), (y, w), (v, -GAMMA * v - (4.0 * x * a + 2.0 * b)),
              (w, -GAMMA * w - (2.0 * a + 4.0 * y * b))]
    lanes = hy.recommended_simd_size()
    integrator = hy.taylor_adaptive_batch(system, np.zeros((4, lanes)), tol=tol)

    def solve(starts: np.ndarray) -> np.ndarray:
        count = len(starts)
        blocks = -(-count // lanes)
        states = with_speeds(np.resize(starts, (blocks * lanes, 2)))
        blocked = np.ascontiguousarray(states.reshape(blocks, lanes, 4).transpose(0, 2, 1))

        def generate(made: Any, i: int) -> Any:
            made.set_time(0.0)
            made.state[:] = blocked[i]
            return made

        done = hy.ensemble_propagate_until_batch(integrator, END, blocks, generate,
                                                 max_workers=cores())
        out = np.array([one[0].state for one in done])
        return out.transpose(0, 2, 1).reshape(-1, 4)[:count]

    return solve


@cache
def diffrax_many() -> Any:
    """Return Tsit5 under jit and vmap; the tolerance is an argument, so a shape compiles once."""
    import os

    os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={cores()}")
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax
    import jax.numpy as jnp

    def rhs(t, u, args):
        x, y, v, w = u
        a, b = x * x + y - 11, x + y * y - 7
        return jnp.stack([v, w, -GAMMA * v - (4 * x * a + 2 * b),
                          -GAMMA * w - (2 * a + 4 * y * b)])

    def one(state, tol):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(rhs), diffrax.Tsit5(), 0.0, END, None, state, max_steps=1_000_000,
            stepsize_controller=diffrax.PIDController(rtol=tol, atol=tol),
            saveat=diffrax.SaveAt(t1=True), adjoint=diffrax.ForwardMode()).ys[0]

    many = jax.vmap(one, in_axes=(0, None))
    split = jax.pmap(many, in_axes=(0, None))
    return jax.jit(many), split, jax.local_device_count()


def diffrax_build(split: bool, tol: float) -> Solve:
    """Return one vmap over all starts, or one for each core (as devices, through pmap)."""
    import jax

    whole, parts, devices = diffrax_many()

    def solve(starts: np.ndarray) -> np.ndarray:
        states = with_speeds(starts)
        if not split:
            return np.asarray(jax.block_until_ready(whole(states, tol)))
        count = len(states) // devices * devices
        out = jax.block_until_ready(parts(states[:count].reshape(devices, -1, 4), tol))
        return np.asarray(out).reshape(count, 4)

    return solve


@cache
def flowopt_field() -> Any:
    import flowopt as fo
    return fo.flows.HeavyBall(gamma=GAMMA).on(fo.losses.himmelblau())


def flowopt_build(method: str, tol: float) -> Solve:
    import flowopt as fo

    made = getattr(fo, method)(rtol=tol, atol=tol)
    return lambda starts: fo.ensemble(flowopt_field(), starts, (0.0, END), made,
                                      threads=cores()).y


SCIPY, NBS, FLOWOPT = ("scipy",), ("numba", "numbalsoda"), ("sympy", "flowopt")
ENTRIES = (
    Entry("scipy DOP853", partial(scipy_build, "DOP853"), SCIPY, "a sample of 24, scaled", 24),
    Entry("scipy LSODA", partial(scipy_build, "LSODA"), SCIPY, "a sample of 24, scaled", 24),
    Entry("numbalsoda dop853", partial(numbalsoda_build, "dop853"), NBS, "prange"),
    Entry("numbalsoda lsoda", partial(numbalsoda_build, "lsoda"), NBS, "prange"),
    Entry("heyoka batch ensemble", heyoka_build, ("heyoka",), "Taylor series"),
    Entry("diffrax Tsit5 vmap", partial(diffrax_build, False), ("diffrax",)),
    Entry("diffrax Tsit5 pmap", partial(diffrax_build, True), ("diffrax",), "a vmap on each core"),
    Entry("flowopt DOP853", partial(flowopt_build, "DOP853"), FLOWOPT),
    Entry("flowopt Tsit5", partial(flowopt_build, "Tsit5"), FLOWOPT),
    Entry("flowopt Taylor", partial(flowopt_build, "Taylor"), FLOWOPT),
)
