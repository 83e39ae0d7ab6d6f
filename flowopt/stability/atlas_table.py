"""The atlas: Lyapunov functions of optimizers' flows, each proved anew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flowopt import _check
from flowopt.stability.verdict import Verdict

FORMS = ("text", "markdown", "json")


@dataclass(frozen=True)
class AtlasRow:
    """One claim of the atlas with its verdict.

    Attributes
    ----------
    number : str
        The row of the table; letters tell several claims about one flow apart.
    flow : str
        The flow's name.
    verdict : Verdict
        Proved with a certificate, disproved with a counterexample, or unknown with the reason.
    seconds : float
        The time that it took.
    follows, source, note : str
        What follows from the claim, where it is from, and what the proof adds.
    """

    number: str
    flow: str
    verdict: Verdict
    seconds: float
    follows: str = ""
    source: str = ""
    note: str = ""

    @property
    def V(self) -> str:
        """The Lyapunov function, as text; a dash where the claim has none."""
        return str(self.verdict.statement["V"] or "-")

    @property
    def claim(self) -> str:
        """The exact quantified sentence."""
        return self.verdict.claim

    @property
    def says(self) -> str:
        """What is said of V, in short."""
        made, options = self.verdict.statement, self.verdict.statement["options"]
        if made["claim"] == "exponential":
            return f"V' <= -({options['rate']}) V"
        if made["claim"] == "conserved":
            return "V' = 0"
        if made["claim"] == "finite_time":
            return f"T <= {options.get('bound', '?')}"
        if made["claim"] == "converges_to_critical_set":
            return "g -> 0"
        if made["claim"] in ("recursion", "nonnegative"):
            return f"V+ <= {options['bound']}" if "bound" in options else "V >= 0"
        if made["claim"] == "rate":
            return f"|theta_k - theta*| <= C ({options['rate']})^k"
        if made["claim"] == "asymptotically_stable":
            return "the rest attracts all"
        sign = "<" if made["claim"] == "decreasing" else "<="
        if made["system"]["kind"] in ("map", "optimizer"):
            return "V+ <= V" + (f", V+ - V <= {options['bound']}" if "bound" in options else "")
        return f"V' {sign} 0" + (f", V' <= {options['bound']}" if "bound" in options else "")

    def __repr__(self) -> str:
        grade = f" ({self.verdict.trust})" if self.verdict.trust else ""
        return (f"<{self.number} {self.flow}: {self.says}: {self.verdict.status}{grade}, "
                f"{self.seconds:.2f} s>")


def atlas(rows: Sequence[str] | str | None = None, *, seconds: float = 20.0) -> list[AtlasRow]:
    """Prove the tables of Lyapunov functions of flows and of optimizers, row by row.

    Each row claims something of V along a flow (1 to 37) or an optimizer as a map (d1 to d14), on
    every loss that meets the row's assumptions and in any dimension; it is proved here and now,
    and can be checked again with ``row.verdict.check()``.

    Parameters
    ----------
    rows : sequence of str, optional
        Numbers of rows such as "28" (all of its claims), "28a" or "d7"; by default all.
    seconds : float, > 0
        The time for each row; what is not settled by then is unknown.

    Returns
    -------
    list of AtlasRow

    Raises
    ------
    ValueError
        For a row that does not exist.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.atlas_table import atlas
    >>> [row] = atlas("30a")
    >>> row.verdict.status, row.V
    ('proved', 'L + 2*sum(sqrt(v + eps))')
    """
    from flowopt.stability.abstract import settle
    from flowopt.stability.atlas_discrete import numbered
    from flowopt.stability.atlas_rows import entries
    from flowopt.stability.verdict import unknown

    seconds = _check.real("seconds", seconds, above=0.0)
    chosen = list(entries())
    maps = numbered()
    if rows is not None:
        named = [rows] if isinstance(rows, str) else list(rows)
        for name in named:
            if name not in {n for number in (*(e.number for e in chosen), *maps)
                            for n in (number, number.rstrip("abcdefgh"))}:
                raise ValueError(f"rows must be numbers of the atlas such as '1' or '28a', got "
                                 f"{_check.shown(name)}; atlas() shows them all")
        chosen = [e for e in chosen
                  if e.number in named or e.number.rstrip("abcdefgh") in named]
        maps = {n: row for n, row in maps.items()
                if n in named or n.rstrip("abcdefgh") in named}
    made = []
    for entry in chosen:
        start = time.monotonic()
        verdict = (unknown(entry.statement(), entry.beyond) if entry.beyond else
                   settle(entry.statement(), _clock(start + seconds)))
        made.append(AtlasRow(entry.number, entry.flow, verdict, time.monotonic() - start,
                             entry.follows, entry.source, entry.note))
    for number, row in maps.items():
        start = time.monotonic()
        made.append(AtlasRow(number, row.method, row.verdict(), time.monotonic() - start,
                             "", row.source, row.note))
    return made


def show_atlas(rows: Sequence[AtlasRow] | None = None, form: str = "text") -> str:
    """Return the atlas as text, as a Markdown table, or as JSON.

    Parameters
    ----------
    rows : sequence of AtlasRow, optional
        What `atlas` returned; by default all rows, proved now.
    form : {"text", "markdown", "json"}
        JSON holds the certificates as well; `Verdict.from_json` reads each verdict.

    Examples
    --------
    >>> print(show_atlas(atlas("1"), "markdown").splitlines()[0])
    | row | flow | V | claim | given | verdict | seconds | follows | source |
    """
    _check.choice("form", form, FORMS)
    rows = atlas() if rows is None else list(rows)
    if form == "json":
        return json.dumps([_plain(row) for row in rows], indent=1)
    if form == "markdown":
        lines = ["| row | flow | V | claim | given | verdict | seconds | follows | source |",
                 "|---|---|---|---|---|---|---|---|---|"]
        lines += ["| " + " | ".join(str(cell).replace("|", r"\|") for cell in (
            row.number, row.flow, f"`{row.V}`", f"`{row.says}`",
            "; ".join(row.verdict.assumptions), _verdict(row), f"{row.seconds:.2f}",
            "; ".join(t for t in (row.follows, row.note) if t), row.source)) + " |"
            for row in rows]
        return "\n".join(lines)
    lines = []
    for row in rows:
        lines.append(f"{row.number:<4} {row.flow}: {_verdict(row)}, {row.seconds:.2f} s")
        given = "; ".join(row.verdict.assumptions)
        lines += [f"     V = {row.V}", f"     {row.says}" + (f"   given {given}" if given else "")]
        lines += [f"     {text}" for text in (row.follows, row.note, row.source) if text]
        if not row.verdict.proved:
            lines.append(f"     {row.verdict.reason}")
    count = {s: sum(row.verdict.status == s for row in rows)
             for s in ("proved", "disproved", "unknown")}
    lines.append(", ".join(f"{n} {s}" for s, n in count.items())
                 + f", in {sum(row.seconds for row in rows):.1f} s")
    return "\n".join(lines)


def print_atlas(rows: Sequence[str] | str | None = None, form: str = "text", *,
                seconds: float = 20.0) -> None:
    """Prove the atlas, or some of its rows, and print it; see `atlas` and `show_atlas`.

    Examples
    --------
    >>> print_atlas("15a")  # doctest: +ELLIPSIS
    15a  heavy ball: proved (A), ... s
         V = L + dot(v, v)/2
    ...
    """
    _check.choice("form", form, FORMS)
    print(show_atlas(atlas(rows, seconds=seconds), form))


def _clock(end: float) -> Callable[[], bool]:
    return lambda: time.monotonic() < end


def _verdict(row: AtlasRow) -> str:
    return row.verdict.status + (f" ({row.verdict.trust})" if row.verdict.trust else "")


def _plain(row: AtlasRow) -> dict[str, Any]:
    return {"row": row.number, "flow": row.flow, "V": row.V, "says": row.says,
            "seconds": round(row.seconds, 4), "follows": row.follows, "note": row.note,
            "source": row.source, "verdict": json.loads(row.verdict.to_json())}
