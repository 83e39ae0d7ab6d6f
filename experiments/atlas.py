"""The atlas: Lyapunov functions of optimizers, as flows and as maps, each proved anew.

Every claim is about all losses that meet its assumptions, in any dimension. A proof is an exact
certificate; here each is written to JSON, read back, and checked again by the code that did not
find it.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from dataclasses import dataclass
from typing import Any

from atlas_figures import figures
from atlas_tex import given, said, tex

import flowopt as fo
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.quoting import Number, Quotes, count, decimal, formula, slug, word
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "numbers", "paper_tables",
           "run", "table"]

NAME = "atlas"
QUESTION = "Which Lyapunov functions of optimizers can be proved, on every loss in any dimension?"
QUICK = {"rows": ("1", "5", "15", "28", "30", "34", "d1", "d13")}

#: what no exact proof is known of here, and what is false: the law of Langevin dynamics, one
#: splitting of Adam; Adam as a map has no Lyapunov function in general
UNKNOWN, FALSE = {"34", "d14"}, {"d13"}


@dataclass(frozen=True)
class Config(Options):
    rows: tuple[str, ...] = option((), "numbers of rows such as 28 or d7; all by default")
    seconds: float = option(60.0, "the time for each claim", above=0.0)


def base(number: str) -> str:
    """The number of a row without the letter of its claim."""
    return number[0] + number[1:].rstrip("abcd")


def chosen(config: Config) -> list[str]:
    """The numbers of the rows, without their letters."""
    from flowopt.stability.abstract_loss.atlas_table import every_number

    known = list(dict.fromkeys(map(base, every_number())))
    for name in config.rows:
        if name not in known:
            raise ValueError(f"rows must be numbers of the atlas such as 28 or d7, got {name}; "
                             f"known: {', '.join(known)}")
    return [n for n in known if not config.rows or n in config.rows]


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    made = progress.pieces(chosen(config), lambda number: proved(number, config.seconds))
    return {"claims": [claim for rows in made.values() for claim in rows]}


def proved(number: str, seconds: float) -> list[dict[str, Any]]:
    """The claims of a row, each with its verdict as JSON and the time of its second check."""
    made = []
    for row in fo.stability.atlas([number], seconds=seconds):
        text = row.verdict.to_json()
        begun = time.perf_counter()
        checked = fo.Verdict.from_json(text).check()
        made.append({"number": row.number, "flow": row.flow, "V": row.V, "says": row.says,
                     "assumptions": list(row.verdict.assumptions), "status": row.verdict.status,
                     "trust": row.verdict.trust, "reason": row.verdict.reason,
                     "seconds": row.seconds, "checked": checked,
                     "check_seconds": time.perf_counter() - begun, "source": row.source,
                     "follows": row.follows, "verdict": json.loads(text)})
    return made


def table(result: dict[str, Any]) -> Table:
    def short(text: str, most: int) -> str:
        return text if len(text) <= most else text[:most - 3] + "..."

    rows = [(c["number"], short(c["flow"], 36), short(c["says"], 44),
             short("; ".join(c["assumptions"]), 32),
             c["status"] + (f" ({c['trust']})" if c["trust"] else ""), c["seconds"],
             c["check_seconds"]) for c in result["claims"]]
    return Table("Lyapunov functions of optimizers, on every loss that meets the assumptions",
                 ("row", "flow or method", "claim", "given", "verdict", "s to prove",
                  "s to check"), rows)


def claims(result: dict[str, Any]) -> list[Claim]:
    every = result["claims"]
    settled = [c for c in every if c["status"] != "unknown"]
    bad = [c["number"] for c in settled if not c["checked"]]
    open_ = {c["number"] for c in every if c["status"] == "unknown"}
    false = {base(c["number"]) for c in every if c["status"] == "disproved"}
    grades = {c["trust"] for c in every if c["status"] == "proved"}
    return [
        Claim("certificates that were read back and refused by their checker", len(bad), 0,
              not bad, ", ".join(bad)),
        Claim("rows that are neither proved nor refuted", ", ".join(sorted(open_)) or "none",
              "34 (the law of Langevin dynamics) and d14 (a splitting of Adam)", open_ <= UNKNOWN),
        Claim("rows that are refuted", ", ".join(sorted(false)) or "none",
              "d13: Adam as a map has no Lyapunov function in general", false <= FALSE),
        Claim("grades of the proofs", ", ".join(sorted(grades)), "A: exact certificates alone",
              grades <= {"A"})]


#: claims that a printed table shows, with shorter names; the formulae of the others are long
SELECTION = {"1": "gradient flow", "5b": "sign flow", "10a": "loss-normalised",
             "11c": "", "12": "Newton flow", "15b": "heavy ball",
             "17": r"heavy ball, $\gamma=2\sqrt\mu$", "18": "Nesterov's ODE",
             "26": "dual averages", "28a": "Adam's flow",
             "28d": "with $c$, $d$", "30a": "Adagrad's flow", "d1a": "gradient descent",
             "d4b": "proximal point", "d6a": "Polyak's step", "d11": "sign descent"}


def paper_tables(result: dict[str, Any]) -> dict[str, Table]:
    rows = []
    for c in result["claims"]:
        if c["number"] in SELECTION and c["trust"] == "A" and c["status"] == "proved":
            name = SELECTION[c["number"]]
            rows.append((c["number"], Number(name, name, name), formula(tex(c["V"]), c["V"]),
                         said(c["says"]), given(c["assumptions"])))
    return {"selection": Table("Some Lyapunov functions, proved at grade A", (
        "row", "flow or method", "V", "proved", "given"), rows)}


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    """Counts by verdict and grade, times, and the verdict of each row, as row-28a-status."""
    every, made = result["claims"], Quotes()
    made.add("claims", count, len(every))
    made.add("claims-flows", count, sum(c["number"][0] != "d" for c in every))
    made.add("claims-maps", count, sum(c["number"][0] == "d" for c in every))
    made.add("rows", count, len({base(c["number"]) for c in every}))
    for status in ("proved", "disproved", "unknown"):
        of = [c for c in every if c["status"] == status]
        made.add(status, count, len(of))
        made.add(f"{status}-flows", count, sum(c["number"][0] != "d" for c in of))
        made.add(f"{status}-maps", count, sum(c["number"][0] == "d" for c in of))
        made.add(f"{status}-rows", count, len({base(c["number"]) for c in of}))
    for grade in "ABC":
        made.add(f"grade-{grade.lower()}", count, sum(c["trust"] == grade for c in every))
    settled = [c for c in every if c["status"] != "unknown"]
    made.add("settled", count, len(settled))
    made.add("checked", count, sum(c["checked"] for c in settled))
    made.add("refused-certificates", count, sum(not c["checked"] for c in settled))
    made.add("equalities", count, sum(c["says"] == "V' = 0" for c in every))
    for key in ("seconds", "check_seconds"):
        times = [c[key] for c in settled] or [math.nan]
        made.add(f"{slug(key)}-total", decimal, sum(times), 1)
        made.add(f"{slug(key)}-median", decimal, statistics.median(times), 3)
        made.add(f"{slug(key)}-longest", decimal, max(times), 2)
    for c in every:
        made.add(f"row-{c['number']}-status", word, c["status"])
        if c["trust"]:
            made.add(f"row-{c['number']}-grade", word, c["trust"])
    return made
