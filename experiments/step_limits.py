"""Step limits: where optimizers really diverge on a quadratic, on the exact curves.

For each rule and momentum the exact limit of the step on x**2/2 comes from its definition, with a
proof. It is measured with the compiled optimizer alone: the step at which |x| after many steps is
neither smaller nor larger than at the start, by bisection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import step_limits_every
from step_limits_every import EVERY, NEVER, START, bisected
from step_limits_figures import figures

import flowopt as fo
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.quoting import Number, Quotes, count, decimal, scientific, slug
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "paper_tables",
           "run", "table"]

NAME = "step-limits"
QUESTION = "At which step does each optimizer diverge, and is it where the exact limit says?"
QUICK = {"points": 3, "steps": 1000}

#: each rule by its step and its momentum β
CURVES = ("heavy ball", "Nesterov", "average (EMA)", "NAdam", "lookahead, k = 5")
RULES: dict[str, Callable[[float, float], Any]] = {
    **{name: EVERY[name] for name in CURVES},
    "lookahead, k = 5": lambda lr, beta: fo.optimizers.lookahead(
        fo.optimizers.sgd(lr=lr), sync_period=5, slow_step_size=1 - beta / 2),
}
#: their closed forms in the literature: Polyak 1964; Su, Boyd & Candes 2016; Cohen et al. 2022;
#: for lookahead of odd period, 1 + (2/alpha - 1)**(1/k) with alpha = 1 - beta/2
KNOWN = {
    "heavy ball": lambda b: 2 * (1 + b),
    "Nesterov": lambda b: 2 * (1 + b) / (1 + 2 * b),
    "average (EMA)": lambda b: 2 * (1 + b) / (1 - b),
    "NAdam": lambda b: 2 * (1 + b) / ((1 - b) * (1 + 2 * b)),
    "lookahead, k = 5": lambda b: 1 + (2 / (1 - b / 2) - 1) ** 0.2,
}
#: methods on gradient flow
METHODS = ("Euler", "Heun", "RK4")


@dataclass(frozen=True)
class Config(Options):
    points: int = option(17, "values of the momentum", at_least=2, at_most=1000)
    steps: int = option(4000, "steps of each run", at_least=200, at_most=1_000_000)
    momentum: float = option(0.9, "the momentum at which all optimizers are compared",
                             at_least=0.0, at_most=0.99)
    halvings: int = option(16, "halvings of the interval that holds the limit", at_least=4,
                           at_most=40)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    betas = np.linspace(0.05, 0.95, config.points)
    names = [f"{rule} {k}" for rule in RULES for k in range(config.points)]
    made = progress.pieces(names, lambda name: rule_at(
        config, name.rpartition(" ")[0], float(betas[int(name.rpartition(" ")[2])])), end=0.6)
    methods = progress.pieces([f"method {m}" for m in METHODS],
                              lambda name: method_of(config, name.split()[1]), 0.6, 0.65)
    singles = progress.pieces([f"limit of {name}" for name in EVERY],
                              lambda name: step_limits_every.limit_of(
                                  name.removeprefix("limit of "), config.momentum, config.steps,
                                  config.halvings), 0.65, 0.85)
    never = progress.pieces([f"no rest of {name}" for name in NEVER],
                            lambda name: step_limits_every.never_of(
                                name.removeprefix("no rest of ")), 0.85, 0.9)
    return {"beta": betas, "steps": config.steps,
            "momentum": config.momentum,
            "methods": {m: methods[f"method {m}"] for m in METHODS},
            "every": {name: singles[f"limit of {name}"] for name in EVERY},
            "never": {name: never[f"no rest of {name}"] for name in NEVER},
            "rules": {rule: {key: np.array([made[f"{rule} {k}"][key]
                                            for k in range(config.points)])
                             for key in ("exact", "measured", "proved")} for rule in RULES}}


def rule_at(config: Config, rule: str, beta: float) -> dict[str, Any]:
    """The exact and the measured limit of a rule at one momentum, on x**2/2."""
    make = RULES[rule]
    found = fo.step_limit(make(0.1, beta)).at(lam=1)
    exact = float(found.value)
    measured = bisected(exact, config.halvings, lambda lr: make(lr, beta).run(
        "x**2/2", [START], steps=config.steps).x[:, 0])
    return {"exact": exact, "measured": measured,
            "proved": bool(found.verdict.proved and found.verdict.check())}


def method_of(config: Config, name: str) -> dict[str, Any]:
    """The same of a method on gradient flow."""
    field = fo.flows.GradientFlow().on("x**2/2")
    method = getattr(fo, name)
    found = fo.step_limit(fo.flows.GradientFlow(), method(h=0.1))
    exact = float(found.value)
    measured = bisected(exact, config.halvings, lambda h: fo.integrate(
        field, [1.0], t=(0.0, h * config.steps), method=method(h=h)).x[:, 0])
    return {"exact": exact, "measured": measured,
            "proved": bool(found.verdict.proved and found.verdict.check())}


def table(result: dict[str, Any]) -> list[Table]:
    rows = []
    for rule, of in result["rules"].items():
        for k in sorted({0, len(result["beta"]) // 2, len(result["beta"]) - 1}):
            rows.append((rule, float(result["beta"][k]), float(of["exact"][k]),
                         float(of["measured"][k])))
    rows += [(f"gradient flow, {m}", None, of["exact"], of["measured"])
             for m, of in result["methods"].items()]
    curves = Table("Limits of lr times the curvature, exact and measured", (
        "rule", "momentum", "exact", "measured"), rows)
    return [curves, step_limits_every.table(result["every"], result["never"])]


def paper_tables(result: dict[str, Any]) -> dict[str, Table]:
    return {"every": step_limits_every.paper_table(result["every"], result["never"])}


def gap(of: dict[str, Any]) -> float:
    """The largest relative distance of the measured from the exact limits."""
    return float(np.abs(np.asarray(of["measured"]) / of["exact"] - 1).max())


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    """Gaps, limits at the first, middle and last momentum (first, middle, last), of methods."""
    made, betas = Quotes(), result["beta"]
    made.add("momenta", count, len(betas))
    made.add("steps", count, result["steps"])
    made.add("rules", count, len(result["rules"]))
    made.add("methods", count, len(result["methods"]))
    made.add("limits", count, len(result["rules"]) * len(betas) + len(result["methods"]))
    gaps, unproved = [], 0
    places = {"first": 0, "middle": len(betas) // 2, "last": len(betas) - 1}
    for place, k in places.items():
        made.add(f"momentum-{place}", decimal, betas[k], 2)
    for part in ("every", "never"):
        unproved += sum(not of["proved"] for of in result[part].values())
    for rule, of in [*result["rules"].items(), *result["methods"].items()]:
        gaps.append(gap(of))
        unproved += int(np.count_nonzero(~np.asarray(of["proved"], dtype=bool)))
        made.add(f"{slug(rule)}-gap", scientific, gaps[-1], 1)
        if rule in result["methods"]:
            made.add(f"{slug(rule)}-limit", decimal, of["exact"], 10)
            made.add(f"{slug(rule)}-measured", decimal, of["measured"], 4)
            continue
        made.add(f"{slug(rule)}-gap-from-closed-form", scientific, float(np.abs(
            np.asarray(of["exact"]) / [KNOWN[rule](b) for b in betas] - 1).max()), 1)
        for place, k in places.items():
            made.add(f"{slug(rule)}-limit-{place}", decimal, of["exact"][k], 4)
            made.add(f"{slug(rule)}-measured-{place}", decimal, of["measured"][k], 4)
    made.add("gap-greatest", scientific, max(gaps), 1)
    made.add("optimizers", count, len(result["every"]))
    made.add("optimizers-without-rest", count, len(result["never"]))
    made.add("momentum", decimal, result["momentum"], 1)
    made.add("gap-of-optimizers", scientific, max(map(gap, result["every"].values())), 1)
    made.add("limits-without-proof", count, unproved)
    return made


def claims(result: dict[str, Any]) -> list[Claim]:
    made = []
    for rule, of in result["rules"].items():
        off = gap(of)
        made.append(Claim(f"{rule}: largest relative distance of the measured from the exact "
                          "limit, over the momenta", off, "< 2e-3", off < 2e-3))
        known = np.array([KNOWN[rule](b) for b in result["beta"]])
        far = float(np.abs(np.asarray(of["exact"]) / known - 1).max())
        made.append(Claim(f"{rule}: largest relative distance of the exact limit from the "
                          "published closed form", far, "< 1e-12", far < 1e-12))
    off = max(map(gap, result["methods"].values()))
    made.append(Claim("methods on gradient flow: largest relative distance", float(off), "< 2e-3",
                      bool(off < 2e-3)))
    far = max(map(gap, result["every"].values()))
    made.append(Claim(f"all {len(result['every'])} optimizers with a stable step: largest relative "
                      "distance of the measured from the exact limit", float(far), "< 2e-3",
                      bool(far < 2e-3)))
    resting = [name for name, of in result["never"].items()
               if not of["empty"] or of["swing"] < 0.5]
    made.append(Claim("optimizers by signs that come to rest", ", ".join(resting) or "none",
                      "none: no step is stable", not resting))
    proofs = [bool(p) for of in result["rules"].values() for p in np.asarray(of["proved"])]
    proofs += [of["proved"] for part in ("methods", "every", "never")
               for of in result[part].values()]
    made.append(Claim("limits without a proof that checks", proofs.count(False), 0, all(proofs)))
    return made
