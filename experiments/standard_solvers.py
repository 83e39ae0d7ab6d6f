"""Standard solvers on flows that jump: what they report, what is true, and what it costs.

Each problem has an exact solution. Along any path of a flow on a smooth loss, L(0) - L(T) is the
integral of -dL/dt; a path that breaks this by more than 1e-3 of the loss is refused, whatever its
solver reports. (The loss with an L1 penalty has kinks: there the truth alone judges.) The last flow
does not jump, for comparison. Across a switching line that attracts, a step h of an explicit solver
is in error by O(h), so that the tolerance bounds h, and the cost of sliding grows like 1/tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from standard_solvers_figures import figures
from standard_solvers_problems import PROBLEMS

import flowopt as fo
from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.quoting import Number, Quotes, count, decimal, scientific, slug, word
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run", "table"]

NAME = "standard-solvers"
QUESTION = "What do standard solvers make of flows that jump, and do they say so?"
QUICK = {"budget": 1000, "least": 1e-3}

SCIPY = ("RK45", "DOP853", "LSODA", "Radau", "BDF")
TOLERANCES = {"default": (1e-3, 1e-6), "tight": (1e-9, 1e-12)}
WRONG, RIGHT = 1e-1, 1e-4  # a path further off than that is wrong, one nearer than this is right
LAST = 4  # tolerances that the slope is measured on
SLOPE = 0.2  # how far it may be from 1


@dataclass(frozen=True)
class Config(Options):
    budget: int = option(20_000, "evaluations after which a scipy solver is stopped",
                         at_least=1000, at_most=10_000_000)
    least: float = option(1e-5, "least tolerance of the cost of sliding", at_least=1e-7,
                          at_most=1e-3)
    full: bool = option(False, "also scipy's RK45 with rtol 1e-6, atol 1e-8 to the end: minutes")


def methods(budget: int) -> dict[str, Any]:
    ours = {"flowopt DOP853": fo.DOP853(), "flowopt Tsit5": fo.Tsit5()}
    return ours | {f"{name}, {kind}": fo.SciPy(name, rtol, atol, max_rhs=budget)
                   for kind, (rtol, atol) in TOLERANCES.items() for name in SCIPY}


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    every = methods(config.budget)
    names = [f"{p}: {m}" for p in PROBLEMS for m in every]
    rows = progress.pieces(names, lambda name: judged(*name.split(": "), config.budget), end=0.6)
    tolerances = [10 ** (-2 - k / 2) for k in range(7 + 4)]
    tolerances = [t for t in tolerances if t >= 0.99 * config.least]
    costs = progress.pieces([f"cost of {s} at {t:.3e}" for s in ("RK45", "DOP853")
                             for t in tolerances if s == "RK45" or t > 2e-4],
                            lambda name: sliding(name.split()[2], float(name.split()[4])),
                            0.6, 0.88)
    full = {} if not config.full else progress.piece(
        "full", lambda: sliding("RK45", 1e-6, math.inf, 1e-8))
    return {"rows": rows, "budget": config.budget, "costs": costs, "full": full,
            "problems": {name: {"about": p.about, "end": p.end,
                                "exact_end": p.exact(p.end).tolist()}
                         for name, p in PROBLEMS.items()},
            "paths": {f"{t:g}": chatter(t) for t in (1e-3, 1e-4)}, "ours": ours()}


def judged(problem: str, method: str, budget: int) -> dict[str, Any]:
    """One solver on one problem: what it reports, what it costs, and the truth."""
    of = PROBLEMS[problem]
    row = fo.compare(of.field(), of.start, (0.0, of.end), methods=[methods(budget)[method]],
                     truth=of.exact).rows[0]
    if row.success:
        verdict = ("right" if row.path_error <= RIGHT else
                   "wrong" if row.path_error >= WRONG else "rough")
    else:
        verdict = "no end" if row.status == "no end" else "gives up"
    return {"problem": problem, "method": method, "reports": row.status, "success": row.success,
            "t": row.t, "error": row.error, "path_error": row.path_error, "n_rhs": row.n_rhs,
            "defect": row.dissipation, "trustworthy": row.trustworthy, "verdict": verdict}


def steps_of(solver: str, tolerance: float, budget: float, absolute: float | None = None
             ) -> tuple[list[Any], int, str]:
    """The steps of scipy's solver on the sign flow, its evaluations, and how it ended."""
    import scipy.integrate

    of = PROBLEMS["sign flow"]
    field = of.field()
    made = getattr(scipy.integrate, solver)(field.rhs, 0.0, np.array(of.start), of.end,
                                            rtol=tolerance,
                                            atol=tolerance if absolute is None else absolute)
    steps = [(0.0, *of.start)]
    while made.status == "running" and made.nfev < budget:
        made.step()
        if len(steps) < 100_000:
            steps.append((made.t, *made.y))
    steps[-1] = (made.t, *made.y)
    return steps, int(made.nfev), made.status


def sliding(solver: str, tolerance: float, budget: float = 2e5, absolute: float | None = None
            ) -> dict[str, Any]:
    """The cost of the sign flow by scipy's solver, with rtol = atol unless atol is given."""
    steps, calls, status = steps_of(solver, tolerance, budget, absolute)
    end = PROBLEMS["sign flow"].exact(steps[-1][0])
    return {"solver": solver, "tolerance": tolerance, "n_rhs": calls, "status": status,
            "error": float(np.abs(np.array(steps[-1][1:]) - end).max())}


def chatter(tolerance: float) -> dict[str, Any]:
    """The second slope along scipy's RK45 while it should slide, where it is 0."""
    steps, _, _ = steps_of("RK45", tolerance, 2e4)
    t, x, y = np.array(steps).T
    return {"t": t, "slope": x / 2 + 2 * y}


def ours() -> dict[str, Any]:
    """The same of flowopt's DOP853."""
    of = PROBLEMS["sign flow"]
    path = fo.integrate(of.field(), of.start, t=(0.0, of.end), method=fo.DOP853())
    t = np.unique(np.concatenate([np.linspace(0.0, 1.0, 201), [0.52]]))
    x, y = path(t).T
    return {"t": t, "slope": x / 2 + 2 * y}


def slope(result: dict[str, Any]) -> float:
    """By how much the cost of RK45 grows as the tolerance falls: the exponent of 1/tolerance."""
    done = [c for c in result["costs"].values()
            if c["solver"] == "RK45" and c["status"] == "finished"][-LAST:]
    if len(done) < LAST:
        return math.nan
    return -estimates.slope([c["tolerance"] for c in done], [c["n_rhs"] for c in done])


def table(result: dict[str, Any]) -> Table:
    rows = [(r["problem"], r["method"], r["reports"], r["t"], r["n_rhs"], r["error"],
             r["path_error"], r["defect"], r["verdict"]) for r in result["rows"].values()]
    return Table(f"Flows that jump: at most {result['budget']} evaluations by scipy; wrong: off by "
                 f"{WRONG:g} or more on the path, right: by {RIGHT:g} at most",
                 ("flow", "solver", "reports", "t", "evaluations", "error there", "on the path",
                  "defect", "verdict"), rows)


def claims(result: dict[str, Any]) -> list[Claim]:
    rows = list(result["rows"].values())
    ours_ = [r for r in rows if r["method"].startswith("flowopt")]
    first = result["rows"]["sign flow: flowopt DOP853"]
    worst = max(r["path_error"] if r["problem"] == "sign flow" else r["error"] for r in ours_)
    fooled = [r for r in rows if r["problem"] == "clipped flow" and r["success"]
              and r["defect"] > 1e-3]
    right = sum(r["verdict"] == "right" and math.isfinite(r["defect"]) for r in rows)
    passed = [f"{r['problem']}: {r['method']}" for r in rows
              if r["verdict"] == "wrong" and r["trustworthy"] and math.isfinite(r["defect"])]
    refused = [f"{r['problem']}: {r['method']}" for r in rows
               if r["verdict"] == "right" and not r["trustworthy"]
               and math.isfinite(r["defect"])]
    law = slope(result)
    return [
        Claim("sign flow: the error of flowopt's DOP853 on the whole path", first["path_error"],
              "<= 1e-10", first["path_error"] <= 1e-10),
        Claim("sign flow: its evaluations", first["n_rhs"], "<= 100", first["n_rhs"] <= 100),
        Claim("flowopt: largest error at the end", worst, "<= 1e-8", worst <= 1e-8),
        Claim("clipped flow: solvers of scipy that report success with a path that is no solution",
              len(fooled), ">= 1", len(fooled) >= 1 if result["budget"] >= 20_000 else None,
              ", ".join(r["method"] for r in fooled)),
        Claim("wrong paths with success that pass the check", len(passed), 0, not passed,
              ", ".join(passed)),
        Claim(f"right paths that the check refuses, of {right}", len(refused), 0, not refused,
              ", ".join(refused)),
        Claim("RK45 while it slides: evaluations grow like a power of 1/tolerance",
              round(law, 3), "1", abs(law - 1) <= SLOPE if math.isfinite(law) else None,
              f"to {SLOPE:g}, on the last {LAST} tolerances"),
    ]


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    """Of each solver on each flow, as sign-flow-rk45-default-evaluations, and counts."""
    made, rows = Quotes(), list(result["rows"].values())
    made.add("budget", count, result["budget"])
    made.add("problems", count, len(result["problems"]))
    made.add("runs-scipy", count, sum("flowopt" not in r["method"] for r in rows))
    for verdict in ("right", "rough", "wrong", "no end", "gives up"):
        made.add(f"scipy-{slug(verdict)}", count, sum(
            r["verdict"] == verdict and "flowopt" not in r["method"] for r in rows))
    made.add("scipy-success", count, sum(r["success"] and "flowopt" not in r["method"]
                                         for r in rows))
    made.add("scipy-success-refused", count, sum(
        r["success"] and not r["trustworthy"] and "flowopt" not in r["method"] for r in rows))
    jumps = [r for r in rows if r["problem"] != "gradient flow" and "flowopt" not in r["method"]]
    made.add("jumps-scipy", count, len(jumps))
    made.add("jumps-scipy-success", count, sum(r["success"] for r in jumps))
    made.add("jumps-scipy-right", count, sum(r["verdict"] == "right" for r in jumps))
    for r in rows:
        name = slug(f"{r['problem']} {r['method']}")
        made.add(f"{name}-reports", word, r["reports"])
        made.add(f"{name}-evaluations", count, r["n_rhs"])
        made.add(f"{name}-time", decimal, r["t"], 4)
        made.add(f"{name}-error", scientific, r["error"], 1)
        made.add(f"{name}-path-error", scientific, r["path_error"], 1)
        made.add(f"{name}-defect", scientific, r["defect"], 1)
    made.add("cost-exponent", decimal, slope(result), 2)
    for c in result["costs"].values():
        if c["status"] == "finished":
            made.add(f"cost-{slug(c['solver'])}-{slug(format(c['tolerance'], '.1e'))}", count,
                     c["n_rhs"])
    if result["full"]:
        made.add("full-evaluations", count, result["full"]["n_rhs"])
        made.add("full-error", scientific, result["full"]["error"], 1)
    return made
