"""The atlas: Lyapunov functions of flows and of optimizers as maps, each proved anew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
        The name of the flow, or of the method.
    V, says : str
        The Lyapunov function, and what is said of it, in short.
    verdict : Verdict
        Proved with a certificate, disproved with a counterexample, or unknown with the reason.
    seconds : float
        The time that it took.
    follows, source, note : str
        What follows from the claim, where it is from, and what the proof adds.
    """

    number: str
    flow: str
    V: str
    says: str
    verdict: Verdict
    seconds: float
    follows: str = ""
    source: str = ""
    note: str = ""

    @property
    def claim(self) -> str:
        """The exact quantified sentence."""
        return self.verdict.claim

    def __repr__(self) -> str:
        grade = f" ({self.verdict.trust})" if self.verdict.trust else ""
        return (f"<{self.number} {self.flow}: {self.says}: {self.verdict.status}{grade}, "
                f"{self.seconds:.2f} s>")


def atlas(rows: Sequence[str] | str | None = None, *, seconds: float = 20.0) -> list[AtlasRow]:
    """Prove the tables of Lyapunov functions, row by row.

    Each row claims something of V along a flow (or of an optimizer as a map: d1, d2, ...), on
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
    >>> from flowopt.stability.abstract_loss.atlas_table import atlas
    >>> [row] = atlas("30a")
    >>> row.verdict.status, row.V
    ('proved', 'L + 2*sum(sqrt(v + eps))')
    """
    seconds = _check.real("seconds", seconds, above=0.0)
    chosen = list(_all(seconds))
    if rows is not None:
        named = [rows] if isinstance(rows, str) else list(rows)
        for name in named:
            if name not in {n for number, _ in chosen for n in (number, number.rstrip("abcd"))}:
                raise ValueError(f"rows must be numbers of the atlas such as '1', '28a' or 'd7', "
                                 f"got {_check.shown(name)}; atlas() shows them all")
        chosen = [(number, make) for number, make in chosen
                  if number in named or number.rstrip("abcd") in named]
    return [make() for _, make in chosen]


def every_number() -> list[str]:
    """Return the numbers of all claims, in order; nothing is proved.

    Examples
    --------
    >>> every_number()[:3]
    ['1', '2a', '2b']
    """
    return [number for number, _ in _all(1.0)]


def _all(seconds: float) -> Sequence[tuple[str, Callable[[], AtlasRow]]]:
    """Return the number of each row, and what proves it."""
    from flowopt.stability.abstract_loss.atlas_rows import entries
    from flowopt.stability.iterations.atlas_discrete import rows

    made: list[tuple[str, Callable[[], AtlasRow]]] = [
        (e.number, partial(_flow_row, e, seconds)) for e in entries()]
    maps = rows()
    every = [r.number for r in maps]
    for k, row in enumerate(maps):  # letters tell several claims of one number apart
        twin = every[:k].count(row.number)
        number = row.number + ("abcd"[twin] if every.count(row.number) > 1 else "")
        made.append((number, partial(_map_row, row, number)))
    return made


def _flow_row(entry: Any, seconds: float) -> AtlasRow:
    from flowopt.stability.abstract_loss.abstract import settle
    from flowopt.stability.verdict import unknown

    start = time.monotonic()
    made = entry.statement()
    verdict = (unknown(made, entry.beyond) if entry.beyond else
               settle(made, _clock(start + seconds)))
    options = verdict.statement["options"]
    sign = "<" if made["claim"] == "decreasing" else "<="
    says = {"exponential": f"V' <= -({options.get('rate')}) V", "conserved": "V' = 0",
            "finite_time": f"T <= {options.get('bound')}",
            "converges_to_critical_set": "g -> 0"}.get(made["claim"], f"V' {sign} 0" + (
                f", V' <= {options['bound']}" if "bound" in options else ""))
    return AtlasRow(entry.number, entry.flow, entry.V, says, verdict, time.monotonic() - start,
                    entry.follows, entry.source, entry.note)


def _map_row(row: Any, number: str) -> AtlasRow:
    start = time.monotonic()
    verdict = row.verdict()
    said = {"nonnegative": "V >= 0", "recursion": f"V+ <= {row.bound}"}
    says = row.bound if row.settle else said.get(row.claim, f"V+ - V <= {row.bound or 0}")
    return AtlasRow(number, row.method, row.V, says, verdict, time.monotonic() - start,
                    "", row.source, row.note)


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
