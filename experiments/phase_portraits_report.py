"""The table, the claims and the quoted numbers of phase-portraits, from its result alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from phase_portraits_flows import ALONG, FLOWS, KINDS

from flowopt.experiment import Claim
from flowopt.quoting import Number, count, decimal, percent, scientific, word
from flowopt.reporting import Table

ATTRACTING = ("asymptotically_stable", "finite_time_stable")


def attracting(of: dict[str, Any]) -> list[bool]:
    """Which rests are proved to attract, with a proof that was checked again."""
    return [c in ATTRACTING and bool(ok) for c, ok in zip(of["claims"], of["checked"], strict=True)]


def shares(result: dict[str, Any], place: str, flow: str) -> dict[str, float]:
    """The share of the starts that end at each kind of critical point, and at none."""
    labels = np.asarray(result["basins"][place][flow]["labels"])
    kinds = np.array([*result["rests"][place]["gradient"]["kinds"], "none"])
    return {kind: float((kinds[labels] == kind).mean())
            for kind in ("minimum", "saddle", "maximum", "none")}


def table(result: dict[str, Any]) -> list[Table]:
    rows, ends = [], []
    for place, flows in result["rests"].items():
        for flow, of in flows.items():
            pulls = attracting(of)
            rows.append((place, flow, len(of["kinds"]), *[
                sum(p for p, k in zip(pulls, of["kinds"], strict=True) if k == kind)
                for kind in KINDS[place]], of["checked"].count(False),
                "yes" if of["complete"] else "no"))
    for place, flows in result["basins"].items():
        ends += [(place, flow, *shares(result, place, flow).values()) for flow in flows]
    made = [Table("Rests of each flow, and how many attract by a proof that was checked again", (
        "landscape", "flow", "rests", "minima attract", "saddles attract", "maxima attract",
        "undecided", "complete"), rows)]
    if ends:
        made.append(Table("Where the motions from a grid end (shares)", (
            "landscape", "flow", "minimum", "saddle", "maximum", "none"), ends))
    return made


def claims(result: dict[str, Any]) -> list[Claim]:
    made = []
    for place, flows in result["rests"].items():
        wanted = KINDS[place]
        told = [flow for flow, of in flows.items()
                if {k: of["kinds"].count(k) for k in wanted} != wanted]
        made.append(Claim(f"{place}: flows whose rests are not the {sum(wanted.values())} critical "
                          "points", ", ".join(told) or "none", "none", not told,
                          ", ".join(f"{v} {k}" for k, v in wanted.items())))
        index = result["winding"][place]
        due = wanted["minimum"] + wanted["maximum"] - wanted["saddle"]
        made.append(Claim(f"{place}: turns of g along the boundary, which are minima and maxima "
                          "less saddles", index, due, index == due))
        # where L = L* off the minima the loss-normalised flow has more rests than critical points
        loose = [flow for flow, of in flows.items() if not of["complete"]]
        due_loose = ["loss-normalised"] if place == "saddle" else []
        made.append(Claim(f"{place}: flows whose list of rests is not complete",
                          ", ".join(loose) or "none", ", ".join(due_loose) or "none",
                          loose == due_loose))
        weak = [flow for flow, of in flows.items() if not all(of["checked"])]
        made.append(Claim(f"{place}: flows with a rest whose stability is not settled by a proof "
                          "that checks", ", ".join(weak) or "none",
                          ", ".join(due_loose) or "none", weak == due_loose,
                          "L = 0 on two lines of rests through the saddle" if due_loose else ""))
        wrong = sum(pull != (kind == "minimum") for flow in FLOWS for pull, kind in zip(
            attracting(flows[flow]), flows[flow]["kinds"], strict=True))
        made.append(Claim(f"{place}: rests of the descent flows that attract and are no minimum, "
                          "or the reverse", wrong, 0, wrong == 0))
        pulled = sum(attracting(flows["Newton"]))
        made.append(Claim(f"{place}: critical points that attract under Newton's flow", pulled,
                          f"all {len(flows['Newton']['kinds'])}",
                          pulled == len(flows["Newton"]["kinds"])))
    return [*made, *of_basins(result), *of_directions(result), *of_clocks(result)]


def of_basins(result: dict[str, Any]) -> list[Claim]:
    made = []
    for place, flows in result["basins"].items():
        base = np.asarray(flows["gradient"]["labels"])
        other = sum(int((np.asarray(flows[f]["labels"]) != base).sum())
                    for f in ALONG if f in flows)
        made.append(Claim(f"{place}: starts from which a flow along -g ends elsewhere than "
                          "gradient flow", other, 0, other == 0,
                          f"{len(base)} starts, the same orbits"))
    return made


def of_directions(result: dict[str, Any]) -> list[Claim]:
    off = max(float(np.abs(1 - np.asarray(of[flow])).max())
              for of in result["directions"].values() for flow in ALONG)
    least = min(float(np.asarray(of["sign"]).min()) for of in result["directions"].values())
    bound = 1 / math.sqrt(2)
    return [Claim("five flows along -g: largest distance of the cosine to -g from 1 (from -1 where "
                  "L < L*)", off, "< 1e-12", off < 1e-12),
            Claim("sign flow: least cosine to -g in the plane", least, ">= 1/sqrt(2)",
                  least >= bound - 1e-12)]


def of_clocks(result: dict[str, Any]) -> list[Claim]:
    of = result["clocks"]
    newton, polyak = (float(np.max(of[name])) for name in ("newton", "loss-normalised"))
    return [
        Claim("Newton's flow on Himmelblau: largest distance of g(5) from g(0) exp(-5), over "
              "|g(0)|", newton, "< 1e-8", newton < 1e-8, f"{len(of['newton'])} starts"),
        Claim("loss-normalised flow on Himmelblau: largest distance of ln(L(0)/L(5)) from 5",
              polyak, "< 1e-8", polyak < 1e-8, f"{len(of['loss-normalised'])} starts"),
        Claim("fixed-time flow on the saddle from (0, 1): it ends at infinity, at the time",
              of["escape"], f"pi/2 = {math.pi / 2:.9g}",
              abs(of["escape"] - math.pi / 2) < 1e-6 and of["escape_y"] > 1e6)]


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    of = result["clocks"]
    made = {"starts": count(result["points"] ** 2),
            "flows": count(len(FLOWS) + 1), "along": count(len(ALONG)),
            "proofs": count(sum(sum(map(bool, v["checked"])) for flows in result["rests"].values()
                                for v in flows.values())),
            "rests": count(sum(len(v["checked"]) for flows in result["rests"].values()
                               for v in flows.values())),
            "newton-clock-off": scientific(float(np.max(of["newton"])), 1),
            "escape-time": decimal(of["escape"], 6), "escape-status": word(of["escape_status"])}
    for place, flows in result["rests"].items():
        made[f"{place}-rests"] = count(len(flows["gradient"]["kinds"]))
        uphill = float((np.asarray(result["directions"][place]["Newton"]) < 0).mean())
        made[f"{place}-newton-uphill"] = percent(uphill, 1)
    for place in result["basins"]:
        for kind, share in shares(result, place, "Newton").items():
            made[f"{place}-newton-{kind}"] = percent(share, 1)
        base = np.asarray(result["basins"][place]["gradient"]["labels"])
        moved = float((np.asarray(result["basins"][place]["sign"]["labels"]) != base).mean())
        made[f"{place}-sign-elsewhere"] = percent(moved, 1)
    return made
