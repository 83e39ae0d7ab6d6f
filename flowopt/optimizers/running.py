"""What `Optimizer.run` and `Optimizer.ensemble` do: one run with its path, or many side by side."""

from __future__ import annotations

import time as _time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.flow import REDUCTIONS, Flow
from flowopt.integrators import memory, pool
from flowopt.integrators.each import checked_seeds
from flowopt.integrators.ensemble import Ensemble, ensemble
from flowopt.integrators.fixed import FixedBlock
from flowopt.integrators.fixed_run import MOST_BYTES
from flowopt.integrators.integrate import check_noise, checked_seed
from flowopt.integrators.status import Status
from flowopt.integrators.structured import Structured
from flowopt.integrators.trajectory import Events, Stats, Trajectory
from flowopt.optimizers.march import March
from flowopt.optimizers.stopping import Stall, Watch, checked_rule

#: options of an ensemble that a run with a rule for stopping has, and those of one without
WITH_STOP = ("threads", "progress", "seed", "seeds")
WITHOUT = ("reduce", "parameters", "executor")


def check_method(method: Any, field: Any, begin: float, end: float) -> None:
    """Refuse, before any work, a field that the method has no meaning for."""
    if isinstance(method, Structured):
        method.check(field)
    elif hasattr(method, "phases"):
        method.phases(field)
    if hasattr(method, "apparatus"):
        check_noise(method, field, field.p[None], begin, end)


def run_one(optimizer: Any, loss: Any, x0: Any, steps: int, every: int, first: int,
            seed: int | None, rules: Sequence[tuple[str, Stall]] = ()
            ) -> tuple[Trajectory, int, list[Watch]]:
    """Return a run, the number of the rule that ended it (−1: none), and what the rules saw."""
    method = optimizer.method
    field = optimizer.flow.on(loss)
    for name, rule in rules:
        checked_rule(name, rule, field.n)
    if first and optimizer.report and np.size(x0) > field.n:
        raise ValueError(f"first must be 0 for {optimizer.name}, which reports another point than "
                         f"θ, so that the end of a run does not hold θ, got {first}; take all "
                         "steps in one run")
    y0 = optimizer._start(field, x0)
    h = method.h
    begin, end = first * h, (first + steps) * h
    check_method(method, field, begin, end)
    seed = checked_seed(seed, method)
    size = (steps // every + 2) * field.m * 8
    if size > MOST_BYTES:
        raise ValueError(f"steps={steps:,} would keep {size / 2**30:.1f} GB; raise save_every")
    clock = _time.perf_counter()
    block = FixedBlock(field, method, y0[None], field.p[None], begin, end, np.zeros(0), 1,
                       keep=steps if every == 1 else 0, seed=seed or 0)
    watches = [rule.watch(field.loss, 1, field.m) for _, rule in rules]

    def look(k: int) -> int:
        for number, watch in enumerate(watches):
            if k % watch.every == 0:
                y = block.y[:, :1].T.copy()
                x = optimizer.reported(field, y, first + k)
                if watch.look(k, x, y, np.zeros(1, dtype=np.int64))[0]:
                    return number
        return -1

    kept, states, fired = _path(block, steps, every, watches, look)
    field.raise_pending()
    seconds = _time.perf_counter() - clock
    status, note, taken = Status.REACHED_END, "", int(block.step)
    if block.bad[0] >= 0:
        status, last = block.failure(0), int(block.bad[0])
        note, taken = f"This was in step {first + last + 1}.", last
        kept, states = kept[kept <= last], states[kept <= last]
    elif fired >= 0:
        status, note = Status.EVENT, watches[fired].sentence(0, first)
    for watch in watches:
        if watch.rule.keeps_best and np.isfinite(watch.best[0]) and kept[-1] > watch.best_step[0]:
            best = int(watch.best_step[0])
            states = np.vstack([states[kept < best], watch.best_state])
            kept = np.append(kept[kept < best], best)
    k = first + kept
    states = np.hstack([optimizer.reported(field, states, k), states[:, field.n:]])
    traj = Trajectory(k.astype(float), states, status,
                      Stats(taken, 0, _evaluations(block, taken), 0, seconds),
                      Events.of([], field.m), field.n, field.names, optimizer.name,
                      f"{optimizer.name} on {field.loss.name}", note, seed, None, field)
    return traj, fired, watches


def _path(block: FixedBlock, steps: int, every: int, watches: Sequence[Watch], look: Any
          ) -> tuple[np.ndarray, np.ndarray, int]:
    """Take all steps; return the numbers of the kept ones, their states (k, m), and who ended."""
    kept, states, k, fired = [0], [block.y[:, 0].copy()], 0, -1
    while k < steps and fired < 0:
        upto = min([steps, *(w.every * (k // w.every + 1) for w in watches),
                    *([every * (k // every + 1)] if every > 1 else [])])
        if block.run(upto) < upto or block.bad[0] >= 0:
            k = block.step
            break
        k, fired = upto, look(upto)
        if every > 1 and (k % every == 0 or k == steps or fired >= 0):
            kept.append(k)
            states.append(block.y[:, 0].copy())
    if every == 1:
        return np.arange(k + 1), block.path[:k + 1, :, 0], fired
    return np.array(kept), np.array(states), fired


def _evaluations(block: FixedBlock, taken: int) -> int:
    """Return how many gradients were evaluated."""
    if block.head is not None:
        return block.head.evaluations[0]
    if not block.field.is_kernel or not hasattr(block.method, "phases") or block.step_kernel():
        return taken
    return taken * len(block.method.phases(block.field))


def starts_of(optimizer: Any, field: Any, x0s: Any) -> np.ndarray:
    """Return the states (N, m) that runs from x0s, (N, n) or (N, m), start with."""
    starts = _check.array("x0s", x0s, f"(N, {field.n})", (2,), finite=False)
    full = starts.shape[1] == field.m
    starts = field.starts(starts)
    if not full or field.m == field.n:
        starts = optimizer._starts(field, starts)
    return starts


def run_many(optimizer: Any, loss: Any, x0s: Any, steps: int, stop: Stall | None,
             options: dict[str, Any]) -> Ensemble:
    """Return the runs from many starts."""
    unknown = set(options) - {*WITH_STOP, *WITHOUT}
    if unknown:
        raise TypeError(f"ensemble has no option {sorted(unknown)[0]} here; give the number of "
                        "steps as steps=")
    field = optimizer.flow.on(loss)
    if stop is not None:
        return _stopped(optimizer, field, x0s, steps, checked_rule("stop", stop, field.n), options)
    if optimizer.report and options.get("reduce") is not None:
        raise ValueError(f"reduce sees θ, and {optimizer.name} reports another point than θ; "
                         "leave reduce out, or use the form that reports θ")
    method = optimizer.method
    check_method(method, field, 0.0, steps * method.h)
    made = ensemble(field, starts_of(optimizer, field, x0s), t=(0.0, steps * method.h),
                    method=method, **options)
    y = made.y
    if optimizer.report:
        y = np.hstack([optimizer.reported(field, y, made.steps), y[:, field.n:]])
    return replace(made, y=y, t=made.steps.astype(float))


def _stopped(optimizer: Any, field: Any, x0s: Any, steps: int, rule: Stall,
             options: dict[str, Any]) -> Ensemble:
    """Return runs that end by themselves."""
    refuse_with_stop(options, "stop")
    starts = starts_of(optimizer, field, x0s)
    seed, seeds = seeds_of(optimizer.method.stochastic, options, len(starts), optimizer)
    watch = rule.watch(field.loss, len(starts), field.m)
    march = marched(optimizer, field, starts, np.full(len(starts), steps), [watch], seeds, seed,
                    np.arange(len(starts)), options)
    if rule.keeps_best:
        some = np.isfinite(watch.best) & (march.status != Status.CANCELLED)
        march.y[some], march.steps[some] = watch.best_state[some], watch.best_step[some]
    y = np.hstack([optimizer.reported(field, march.y, march.steps), march.y[:, field.n:]])
    return Ensemble(y, march.steps.astype(float), march.status, march.steps, field.n,
                    seed=seed, vector_field=field)


def refuse_with_stop(options: dict[str, Any], what: str) -> None:
    """Refuse options of an ensemble that runs which end by themselves have not."""
    for name in WITHOUT:
        if options.get(name) is not None:
            raise ValueError(f"{name} cannot be given together with {what}; leave one of them out")


def seeds_of(noisy: bool, options: dict[str, Any], count: int, optimizer: Any
             ) -> tuple[int | None, np.ndarray | None]:
    """Return the seed of all runs, or that of each."""
    method = optimizer.method
    own = checked_seeds(options.get("seeds"), options.get("seed"), method, count)
    return (checked_seed(options.get("seed"), method) if own is None else None), own


def marched(optimizer: Any, field: Any, starts: np.ndarray, total: np.ndarray,
            watches: Sequence[Watch], seeds: np.ndarray | None, seed: int | None,
            numbers: np.ndarray, options: dict[str, Any], first: np.ndarray | None = None
            ) -> March:
    """Return the runs, done; `first` (N,) are the steps that another optimizer took before."""
    method = optimizer.method
    threads = pool.checked(options.get("threads"), None, field)
    check_method(method, field, 0.0, int(total.max()) * method.h)
    memory.check(len(starts), 0, field.m, 0)
    made = March(optimizer, field, starts, total, watches, seeds, seed or 0, numbers, first)
    made.run(threads, bool(options.get("progress", False)))
    return made


def parsed(rules: dict[str, str]) -> list[Any]:
    """Return rules of text, parsed."""
    from flowopt.symbolic.parse import parse

    return [parse(r, what="the rule", functions=REDUCTIONS) for r in rules.values()]


def evaluated(formula: str, flow_field: Any, h: float, t: Any, y: np.ndarray) -> np.ndarray:
    """Return a formula over θ, g, L, t, the states and the parameters at (N, m) points: (N, n)."""
    key = formula, h, tuple(flow_field.parameters.values())
    kept = flow_field.__dict__.setdefault("_formulas", {})
    if key not in kept:
        flow = flow_field.flow
        rules = {"theta": formula} | dict.fromkeys(flow.states, "0")
        (rule,) = parsed({"theta": formula})
        used = {k: v for k, v in {**flow.parameters, "h": h}.items() if k in rule.names}
        kept[key] = Flow(rules, parameters=used).on(flow_field.loss).paced(h or 1.0)
    return np.asarray(kept[key](t, y)[:, :flow_field.n])
