"""Implicit regularisation: the flows that optimizers follow to order 1, 2 and 3 in the step.

At a fixed time an optimizer of step h is O(h) from its flow, O(h^2) from the flow with the term of
its modified equation in h, and O(h^3) from that with the next: for gradient descent the first of
these is the flow of L + (h/4) |grad L|^2 (Barrett & Dherin 2021). On a valley of minima the term
decides where descent ends: implicit_regularisation_valley.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from implicit_regularisation_cases import CASES, errors_of, published
from implicit_regularisation_figures import figures
from implicit_regularisation_shuffles import shuffled
from implicit_regularisation_valley import valley

from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.quoting import Number, count, decimal, scientific
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "run", "table"]

NAME = "implicit-regularisation"
QUESTION = "Which flow does an optimizer follow, to which order, and where does that lead?"
QUICK = {"levels": 5, "steps": 6}

#: of a slope between the last two steps. The next term of an expansion makes it differ from the
#: order by O(h), which the slope between the two steps before shows: it differs twice as much
TOLERANCE = 0.1
SHUFFLES = "SGD, shuffled"
#: what is measured at the steps of the table of Barrett & Dherin's flow, printed in two figures
PUBLISHED = {0.1: ("3.0e-02", "4.7e-03", "1.07e-03"), 0.05: ("1.44e-02", "1.17e-03", "1.36e-04"),
             0.025: ("7.1e-03", "2.9e-04", "1.7e-05")}


@dataclass(frozen=True)
class Config(Options):
    # with more than 8 the distances come near to the rounding of the runs
    levels: int = option(7, "steps of each optimizer, each half of the one before", at_least=4,
                         at_most=8)
    steps: int = option(12, "steps of descent on the valley", at_least=6, at_most=40)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    made = progress.pieces(list(CASES), lambda name: errors_of(name, config.levels), end=0.7)
    more = progress.pieces([SHUFFLES, "published", "valley"], lambda name: {
        SHUFFLES: lambda: shuffled(config.levels), "published": lambda: published(list(PUBLISHED)),
        "valley": lambda: valley(config.steps)}[name](), 0.7, 0.9)
    return {"cases": {**made, SHUFFLES: more[SHUFFLES]}, "published": more["published"],
            "valley": more["valley"]}


def slope(h: Any, distance: Any, back: int = 1) -> float:
    """The slope between the last two steps (back = 1), or between two before."""
    h, d = np.asarray(h), np.asarray(distance)
    i, j = len(h) - 1 - back, len(h) - back
    return float(np.log(d[i] / d[j]) / np.log(h[i] / h[j]))


def printed(value: float, like: str) -> str:
    """A value with the digits of a printed one."""
    return f"{value:.{len(like.partition('e')[0].partition('.')[2])}e}"


def table(result: dict[str, Any]) -> list[Table]:
    rows = [(name, line["label"], line["order"], slope(case["h"], line["distance"], 2),
             slope(case["h"], line["distance"]), case["h"][-1], float(line["distance"][-1]))
            for name, case in result["cases"].items() for line in case["lines"].values()]
    valley = result["valley"]
    ends = [(float(h), float(valley["end"][k]), float(valley["sharpness"][k]),
             *(float(valley["predicted"][p][k]) for p in valley["predicted"]))
            for k, h in enumerate(valley["h"])]
    return [Table("Distance of optimizers from flows at a fixed time", (
        "optimizer", "from", "order", "slope before", "slope", "last step", "distance"), rows),
        Table("Where descent ends on the valley ab = 1: a^2 - b^2, "
              f"{valley['start_imbalance']:g} at the start",
              ("h", "a^2 - b^2", "sharpness", *valley["predicted"]), ends)]


def claims(result: dict[str, Any]) -> list[Claim]:
    made = []
    for name, case in result["cases"].items():
        for line in case["lines"].values():
            found, before = (slope(case["h"], line["distance"], k) for k in (1, 2))
            made.append(Claim(f"{name}: slope of the distance from {line['label']}",
                              round(found, 4), line["order"],
                              abs(found - line["order"]) <= TOLERANCE,
                              f"to {TOLERANCE:g}; {before:.4f} at twice the step"))
    for k, what in enumerate(("its flow", "the flow with one term", "the flow with two")):
        values = [(printed(float(of[k]), PUBLISHED[h][k]), PUBLISHED[h][k])
                  for h, of in zip(result["published"]["h"], result["published"]["distance"],
                                   strict=True)]
        made.append(Claim(f"x^2/2 + x^4/4, t = 1, h = 0.1, 0.05, 0.025: distance of descent from "
                          f"{what}", ", ".join(a for a, _ in values),
                          ", ".join(b for _, b in values), all(a == b for a, b in values),
                          "the digits printed"))
    valley = result["valley"]
    off = float(np.max(valley["identity"]))
    made.append(Claim("the valley: a^2 - b^2 at the end against that at the start times "
                      "prod(1 - h^2 r^2), largest relative distance", off, "< 1e-12",
                      off < 1e-12, "exact"))
    for name, order in valley["orders"].items():
        found, before = (slope(valley["h"], np.abs(np.asarray(valley["predicted"][name])
                                                   - valley["end"]), k) for k in (1, 2))
        made.append(Claim(f"the valley: slope of the error of the end that is predicted by {name}",
                          round(found, 4), order, abs(found - order) <= TOLERANCE,
                          f"to {TOLERANCE:g}; {before:.4f} at larger steps"))
    flat = bool((np.diff(valley["sharpness"]) > 0).all())  # the steps fall along the array
    made.append(Claim("the valley: larger steps end at flatter minima, in the order of the steps",
                      f"{valley['sharpness'][0]:.4f} to {valley['sharpness'][-1]:.4f}",
                      f"below {valley['flow_sharpness']:.4f}, where the flow ends",
                      flat and valley["sharpness"][-1] < valley["flow_sharpness"]))
    return made


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    made: dict[str, Number] = {}
    for name, case in result["cases"].items():
        key = name.lower().replace(",", "").replace(" ", "-")
        for what, line in case["lines"].items():
            made[f"{key}-{what}-slope"] = decimal(slope(case["h"], line["distance"]), 3)
            made[f"{key}-{what}-distance"] = scientific(float(line["distance"][-1]), 2)
        made[f"{key}-smallest-step"] = scientific(float(case["h"][-1]), 2)
    for h, of in zip(result["published"]["h"], result["published"]["distance"], strict=True):
        for k, what in enumerate(("flow", "one-term", "two-terms")):
            made[f"descent-{what}-h-{h:g}".replace(".", "-")] = scientific(float(of[k]), 2)
    valley = result["valley"]
    made |= {"valley-start-imbalance": decimal(valley["start_imbalance"], 2),
             "valley-largest-step": decimal(float(valley["h"][0]), 2),
             "valley-end-imbalance": decimal(float(valley["end"][0]), 3),
             "valley-sharpness": decimal(float(valley["sharpness"][0]), 3),
             "valley-flow-sharpness": decimal(valley["flow_sharpness"], 3),
             "valley-steps": count(len(valley["h"]))}
    for name in valley["orders"]:
        key = name.lower().replace(" ", "-").replace(",", "")
        made[f"valley-{key}-slope"] = decimal(slope(
            valley["h"], np.abs(np.asarray(valley["predicted"][name]) - valley["end"])), 3)
        made[f"valley-{key}-end"] = decimal(float(valley["predicted"][name][0]), 3)
    return made
