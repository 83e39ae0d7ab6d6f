"""What the two-minima experiment says in words: the printed summary and the claims."""

from __future__ import annotations

import math
import platform
from typing import Any

import numpy as np

from flowopt.experiment import Claim

PUBLISHED = {"x0": 4.0, "h": 0.01, "M": 1000.0, "steps": 2500}
LAST_X, LAST_LOSS = 0.4073933876787569, 2.1544115380578432e-06


def summary(result):
    return ""


def claims(result: dict[str, Any]) -> list[Claim]:
    setting, flow, run_ = result["setting"], result["flow"], result["published"]
    same = all(setting[name] == value for name, value in PUBLISHED.items())
    libm = ("the digits hang on the C library's pow and are those of glibc; here it is "
            f"{' '.join(platform.libc_ver()).strip() or platform.system()}")
    made = []
    for text, computed, expected in (("last iterate as published", run_["last_x"], LAST_X),
                                     ("its loss", run_["last_loss"], LAST_LOSS)):
        holds = computed == expected if same else None
        made.append(Claim(text, computed, expected, holds, "" if holds is not False else libm))
    arrived = flow["status"] == "STUCK"
    made.append(Claim("the clipped flow reaches the bottom and stays, at t", flow["t"],
                      flow["arrival_exact"], abs(flow["t"] - flow["arrival_exact"]) < 1e-9
                      if arrived else None, "to 1e-9"))
    for t, place in flow["x_at"].items():
        known = math.isfinite(place["exact"])
        made.append(Claim(f"x({t}) of the flow", place["x"], place["exact"],
                          abs(place["x"] - place["exact"]) < 1e-9 if known else None, "to 1e-9"))
    bad = [row for row in result["comparison"]["rows"] if row["verdict"] != "right"]
    made.append(Claim("answers that are not right and pass the dissipation check",
                      sum(row["trustworthy"] for row in bad), 0,
                      not any(row["trustworthy"] for row in bad)))
    grid = result["escape"]
    stays = np.multiply.outer(grid["h"], grid["M"]) < result["well"]["least_hM"]
    p = grid["grid"][0][stays & np.isfinite(grid["grid"][0])]
    made.append(Claim(f"greatest probability of leaving while h M < "
                      f"{result['well']['least_hM']:.4f}", float(p.max()) if len(p) else math.nan,
                      0.0, bool((p == 0).all()) if len(p) and result["well"]["bottom"] == 3.0 else None))
    rows = result["lyapunov"]["rows"]
    off = max((abs(r["quadratic"][0] - r["theory"]) / (r["quadratic"][2] - r["quadratic"][0])
               for r in rows if math.isfinite(r["theory"])), default=math.nan)
    made.append(Claim("Lyapunov exponents on the quadratic: largest distance from Lambda(h), in "
                      "half-widths of the 95 % interval", round(off, 2), "< 2", off < 2))
    return made
