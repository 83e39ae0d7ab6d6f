"""The table of Lyapunov functions of flows, as data: each row is a claim for the prover.

Numbers of rows are those of the survey in the documentation; letters tell several claims about one
flow apart. What a row says is not believed: `atlas_table` proves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One claim of the table.

    Attributes
    ----------
    number, flow : str
        The row, and the flow's name.
    rules : dict of str to str
        θ̇ under ``"theta"``, and the rates of the states.
    V, claim : str
        The function, and what is claimed of it.
    assumptions : tuple of str
        On the loss, the parameters and the states.
    follows : str
        What follows from the claim.
    source : str
        Where it is from.
    positive : tuple of str
        The positive parameters; `parameters` are the others.
    note : str
        What the proof adds to the source.
    beyond : str
        Why no proof is tried.
    """

    number: str
    flow: str
    rules: Mapping[str, str]
    V: str
    claim: str
    assumptions: tuple[str, ...] = ()
    follows: str = ""
    source: str = ""
    positive: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    beyond: str = ""

    def statement(self) -> dict[str, Any]:
        """Return the claim as data."""
        from flowopt.stability.statement import statement

        system = {"kind": "flow", "rules": dict(self.rules),
                  "parameters": [*self.positive, *self.parameters],
                  "positive": sorted(self.positive)}
        return statement(self.claim, system, self.V, assumptions=self.assumptions,
                         **self.options)


def entries() -> tuple[Entry, ...]:
    """Return all rows, in order."""
    from flowopt.stability.abstract_loss import atlas_adaptive, atlas_first_order, atlas_inertial

    made = [*atlas_first_order.ROWS, *atlas_inertial.ROWS, *atlas_adaptive.ROWS]
    return tuple(sorted(made, key=lambda e: (int(e.number.rstrip("abcdefgh")), e.number)))


def candidates(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield the functions V of the table whose names a statement has: states, parameters, loss."""
    system = statement["system"]
    names = {"g", "L", "Lstar", "e", "theta", "t", *system["rules"], *system["parameters"]}
    if {"strongly_convex", "mu_strongly_convex", "PL"} & set(statement["assumptions"]):
        names.add("mu")
    states = set(system["rules"]) - {"theta"}
    seen = []
    for entry in entries():
        words = set(re.findall(r"[A-Za-z_]\w*(?![\w(])", entry.V))
        calls = set(re.findall(r"([A-Za-z_]\w*)\(", entry.V))
        if (words <= names and states <= words | {"v"} and calls <= KNOWN and entry.V not in seen
                and (words & {"L", "Lstar"} or statement["claim"] != "converges_to_critical_set")):
            seen.append(entry.V)
            yield entry.V


#: the functions of a V that needs no function of its own
KNOWN = {"dot", "sum", "norm", "norm1", "sqrt", "exp", "log"}
