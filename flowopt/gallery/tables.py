"""The pages of the dictionary of optimizers and of the atlas of verdicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flowopt import keeping
from flowopt.gallery.rst import aside, code, escaped, heading, table

NOTE = ".. made by python -m flowopt.gallery docs"
#: how what holds, fails, is aside, or is one number looks
ROLES = "\n".join(f".. role:: {name}\n   :class: {name}"
                  for name in ("holds", "fails", "aside", "number"))


def dictionary() -> str:
    """Return the page of the dictionary, made from the definitions of the optimizers."""
    from flowopt import optimizers
    from flowopt.optimizers.table import rows

    def lines(texts: list[str]) -> str:
        return "\n".join(map(code, texts))

    made = []
    for row in rows():
        name = row.optimizer.name
        options = escaped(row.title.removeprefix(name).strip())
        title = f":py:func:`~flowopt.optimizers.{name}`" if hasattr(optimizers, name) else name
        more = [*row.parameters, *row.initial]
        flow = lines(row.equations) + (f"\n:aside:`with`\n{lines(more)}" if more else "")
        made.append((f"{title}\n{options}" if options else title, flow,
                     f"{escaped(row.splitting)}\n{code(row.clock)}"))
    return "\n\n".join([
        NOTE, ROLES, heading("The dictionary", "="),
        "A published optimizer is a flow, a splitting (the order in which a step sets the states) "
        "and a clock (the\ntime that a step takes). Each row is printed from the definition that "
        "is compiled, and its step equals\nthat of torch or optax, where they have it, to "
        "rounding. ``g`` is the gradient, ``theta'`` the derivative of a parameter in time,\n``k`` "
        "counts steps. "
        "``flowopt dictionary`` prints the same table, with the sources.",
        table(["optimizer", "flow", "what a step sets, and the clock"], made, ready=True,
              kind="wide")]) + "\n"


def verdicts(folder: Path) -> list[list[str]]:
    """Return the rows of the atlas as texts: loaded when they were proved by the same code.

    Parameters
    ----------
    folder : Path
        Where they are kept.
    """
    key = keeping.key_of(keeping.code_of_numbers())
    keeper = keeping.Keeper(folder / key)
    kept = keeper.get("atlas")
    if kept is not None:
        return list(kept[0])
    from flowopt.stability import atlas

    made = [[row.number, row.flow, row.V, row.says, "; ".join(row.verdict.assumptions),
             row.verdict.status, row.verdict.trust or "",
             "; ".join(text for text in (row.follows, row.note) if text), row.source,
             "" if row.verdict.proved else str(row.verdict.reason)] for row in atlas()]
    keeper.put("atlas", made)
    keeping.prune(folder, key)
    return made


def atlas(folder: Path, say: Callable[[str], None]) -> str:
    """Return the page of the atlas, each row proved by the code that is documented."""
    rows = verdicts(folder)
    count = {status: sum(row[5] == status for row in rows)
             for status in ("proved", "disproved", "unknown")}
    say("atlas: " + ", ".join(f"{n} {status}" for status, n in count.items()))
    cells = []
    for number, flow, V, says, given, status, trust, follows, source, reason in rows:
        mark = {"proved": "holds", "disproved": "fails"}.get(status, "aside")
        more = [escaped(text) for text in (follows, reason) if text]
        cells.append((escaped(number), f"{escaped(flow)}\n{code(V)}",
                      "\n".join([code(says), *([f"if {escaped(given)}"] if given else [])]),
                      f":{mark}:`{status}{f' ({trust})' if trust else ''}`",
                      "\n".join([*more, *([aside(source)] if source else [])])))
    return "\n\n".join([
        NOTE, ROLES,
        heading("The atlas of verdicts", "="),
        f"{len(rows)} claims about flows and about optimizers as maps (d1, d2, ...), on every loss "
        "that meets the\nassumptions and in any dimension: "
        + ", ".join(f"{n} {status}" for status, n in count.items())
        + ".\nEach was decided anew for this page; the grade A is an exact certificate, which code "
        "that did not find it\nchecked. V′ is the derivative along the flow, V+ the value after a "
        "step. A verdict is read in Python with\n:py:func:`fo.stability.atlas("
        ") <flowopt.stability.atlas>`, and printed by ``flowopt atlas``.",
        table(["", "of, and V", "claim", "verdict", "remarks, source"], cells, ready=True,
              kind="wide")]) + "\n"
