"""The verb `ensemble`: many trajectories at once, in blocks of lanes over threads."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.field import LARGE
from flowopt.integrators import memory, pool
from flowopt.integrators.adaptive_job import AdaptiveJob
from flowopt.integrators.each import checked_every, checked_lengths, checked_seeds
from flowopt.integrators.fixed import lane_steps
from flowopt.integrators.fixed_job import FixedJob
from flowopt.integrators.integrate import (
    check_noise,
    checked_field,
    checked_saves,
    checked_seed,
    step_budget,
)
from flowopt.integrators.job import Job
from flowopt.integrators.methods import Adaptive, Rodas5P, chosen
from flowopt.integrators.reducing import Bound
from flowopt.integrators.runs import Ensemble
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Structured
from flowopt.integrators.taylor import Taylor


def ensemble(field: Any, x0s: Any, t: tuple[float, float], method: Any = None, *,
             parameters: Mapping[str, Any] | None = None, save_at: Any = None, reduce: Any = None,
             threads: int | None = None, progress: bool = False, seed: int | None = None,
             max_steps: int | None = None, h: Any = None, seeds: Any = None,
             every: float | None = None, executor: Executor | None = None) -> Ensemble:
    """Integrate a vector field from many starts.

    Each run gives the same numbers, bit for bit, as it would alone: results depend neither on
    the number of threads nor on the company. Ctrl-C returns what is finished; the other runs
    have the status CANCELLED.

    Parameters
    ----------
    field : VectorField
        What to integrate.
    x0s : array_like, shape (N, n) or (N, m)
        The starts.
    t : (float, float)
        The span, in units of time.
    method : Method, optional
        As for `integrate`. By default ``Automatic()``: DOP853, and Rodas5P for each run from where
        it turns out to be stiff.
    parameters : mapping of str to float or array (N,), optional
        Values for parameters of the field, and for further names in the formula of a temperature,
        for all runs or one by one.
    save_at : array_like, shape (k,), optional
        Times at which states are kept.
    reduce : reducer or mapping of str to reducers, optional
        What to keep of each path, see `flowopt.reduce`. A method of fixed step shows a reducer
        each of its states, an adaptive one its dense output at regular times.
    threads : int, optional
        Default: the number of processors.
    progress : bool
        Show a progress bar, with the rate and the time left.
    seed : int, optional
        For methods with noise; by default one is drawn, and recorded in the result.
    max_steps : int, optional
        The budget of steps of each run; by default a million for adaptive methods.
    h : array_like, shape (N,), optional
        The step of each run, in place of that of a method of fixed step.
    seeds : array_like of int, shape (N,), optional
        A seed for each run, in place of `seed`: run i is then `integrate` with seeds[i].
    every : float, optional
        The distance in time at which an adaptive method shows the state to `reduce`; by default
        a thousandth of the span.
    executor : concurrent.futures.Executor, optional
        Where to run, in place of threads of our own. It is not shut down. Processes compile
        nothing: they read the compile cache. A field made of kernels stays in this process.

    Returns
    -------
    Ensemble

    Raises
    ------
    ValueError, TypeError
        When an argument is not what it must be; before any work starts.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.HeavyBall(gamma=0.5).on(fo.losses.himmelblau())
    >>> ens = fo.ensemble(field, [[1.0, 1.0], [-1.0, 0.5]], t=(0.0, 40.0))
    >>> ens
    <Ensemble of 2: 2 REACHED_END>
    >>> ens.x.round(3)
    array([[ 3.584, -1.848],
           [-2.805,  3.131]])
    """
    field = checked_field(field)
    start, end = _check.span(t)
    starts = field.starts(_check.array("x0s", x0s, f"(N, {field.n})", (2,), finite=False))
    count = len(starts)
    method, stiff = chosen(method, field.m, LARGE)
    if isinstance(method, Rodas5P):
        field.check_jacobian(start, starts[0])
        if field.m > LARGE:
            raise ValueError(f"an ensemble of {method.name} takes at most {LARGE} equations, got "
                             f"{field.m}; use fo.integrate for each start")
    saves = checked_saves(save_at, start, end)
    values, given = _parameters(field, method, parameters, count)
    threads = pool.checked(threads, executor, field)
    if isinstance(method, Structured | Taylor):
        method.check(field)
    lengths = checked_lengths(h, method, count)
    limit = _budget(max_steps, method, lengths, start, end)
    own = checked_seeds(seeds, seed, method, count)
    seed = checked_seed(seed, method) if own is None else None
    if hasattr(method, "apparatus"):
        check_noise(method, field, values, start, end)
    bound = None if reduce is None else Bound(field, reduce)
    looks = checked_every(every, bound, method, start, end)
    memory.check(count, len(saves), field.m, 0 if bound is None else bound.bytes_per_run)
    task = (field, method, starts, values, start, end, saves, bound, limit)
    job: Job = (AdaptiveJob(*task, stiff, looks) if isinstance(method, Adaptive)
                else FixedJob(*task, seed or 0, lengths, own))
    job.run(threads, executor, progress)
    try:
        field.raise_pending()
    except KeyboardInterrupt:  # it met a Python function: what that said later is not known
        job.status[job.status == Status.DIVERGED] = Status.CANCELLED
    except RuntimeError as error:
        error.ensemble = job.result(seed, given, save_at is not None)  # type: ignore[attr-defined]
        raise
    return job.result(seed, given, save_at is not None)


def _budget(max_steps: int | None, method: Any, lengths: np.ndarray | None, start: float,
            end: float) -> int:
    """Return the budget of steps of a run; refuse one that a method of fixed step exceeds."""
    if isinstance(method, Adaptive):
        return step_budget(max_steps, method, start, end)
    if lengths is None:
        limit, lengths = step_budget(max_steps, method, start, end), np.array([method.h])
    else:
        limit = 2**62 if max_steps is None else _check.integer("max_steps", max_steps, at_least=1)
    total = int(lane_steps(lengths, start, end)[0].max())
    if total > limit:
        raise ValueError(f"max_steps={limit} is less than the {total} steps of "
                         f"h={lengths.min():g} over the span; raise one of them")
    return limit


def _parameters(field: Any, method: Any, parameters: Mapping[str, Any] | None, count: int
                ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the parameters of every run (N, P), and those that were given as arrays.

    Behind the field's stand the names that only the temperature of a method with noise has.
    """
    values = np.repeat(field.p[None], count, axis=0)
    given = {}
    names = list(field.parameters)
    if method.stochastic:
        from flowopt.integrators.temperature import Heat

        heat = Heat(method.temperature, field)
        if not set(heat.extra) <= set(parameters or ()):
            heat.refuse_extra()
        names += heat.extra
        values = np.hstack([values, np.full((count, len(heat.extra)), np.nan)])
    for name, value in dict(parameters or {}).items():
        if name not in names:
            raise ValueError(f"parameters holds {name}, which the field has not; "
                             f"{_check.nearest(name, names or ['(none)'])}")
        array = _check.array(f"parameters[{name!r}]", value, f"() or ({count},)", (0, 1),
                             finite=False)
        if array.ndim and len(array) != count:
            raise ValueError(f"parameters[{name!r}] must be a number or have shape ({count},), "
                             f"got shape {array.shape}")
        if field.flow is not None and name in field.flow.positive and not (array > 0).all():
            raise ValueError(f"parameters[{name!r}] must be > 0, got {_check.shown(array.min())}")
        check = getattr(getattr(field, "loss", None), "check_parameter", None)
        if check is not None:
            check(f"parameters[{name!r}]", name, array)
        values[:, names.index(name)] = array
        given[name] = np.broadcast_to(array, (count,))
    return values, given
