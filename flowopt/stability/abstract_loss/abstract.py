"""Proofs about flows on an abstract loss, in any dimension: claims about V along θ̇ = φ(g, L, …).

The loss is any C¹ function (C² where its Hessian enters) that meets the assumptions. The proof is
found by `abstract_search` and checked by `flowopt.stability.checks.abstract`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flowopt.stability.exact import Refused
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown

METHOD = "abstract loss in any dimension: lemmas with positive multipliers, and term-wise signs"
CLAIMS = ("nonincreasing", "decreasing", "exponential", "finite_time", "conserved",
          "nonnegative", "converges_to_critical_set")


def attempt(problem: Any) -> Verdict | None:
    """Prove or disprove a claim about a flow on an abstract loss.

    Parameters
    ----------
    problem : flowopt.stability.proving.Problem
        Its statement must be about a flow; V may be None, and is then looked for among those of
        the atlas.

    Returns
    -------
    Verdict or None
        None where this kind of proof does not apply.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> from flowopt.stability.statement import flow_system, statement
    >>> claim = statement("decreasing", flow_system(fo.flows.GradientFlow()), "L")
    >>> attempt(Problem(fo.flows.GradientFlow(), claim, "L")).status
    'proved'
    """
    statement = problem.statement
    if statement["system"].get("kind") != "flow" or statement["claim"] not in CLAIMS:
        return None
    if statement["domain"] is not None:
        return None
    return settle(statement, lambda: problem.seconds_left() > 0)


def settle(statement: Mapping[str, Any], alive: Callable[[], bool] = lambda: True) -> Verdict:
    """Return the verdict on a statement about a flow on an abstract loss."""
    from flowopt.stability.abstract_loss.abstract_search import Tired

    reasons = []
    for V in _candidates(statement):
        made = None
        try:
            made = _settle({**statement, "V": V}, alive, refute=statement["V"] is not None)
        except Refused as error:
            reasons.append(str(error))
        except AssertionError as error:  # a fault of the search, and no proof
            reasons.append(str(error))
        except Tired:
            reasons.append("the time is spent")
            break
        if made is not None:
            return made
    if statement["V"] is None:
        return unknown(statement, "no V of the atlas proves it")
    return unknown(statement, reasons[0] if reasons else
                   "no combination of up to three lemmas that the assumptions allow proves it")


def _candidates(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield V, or those of the atlas whose names the flow and its assumptions have."""
    if statement["V"] is not None:
        yield statement["V"]
        return
    from flowopt.stability.abstract_loss.atlas_rows import candidates

    yield from candidates(statement)


def _settle(statement: Mapping[str, Any], alive: Callable[[], bool], refute: bool
            ) -> Verdict | None:
    from flowopt.stability.abstract_loss.abstract_search import eliminations
    from flowopt.stability.checks.abstract_goals import setting

    words, _, _ = setting(statement)
    refusal = None
    for depth in (2, 3):  # short proofs, a quick look for a counterexample, then the long ones
        for items in eliminations(words):
            try:
                made = _certificate(statement, words, items, alive, depth)
            except Refused as error:
                refusal = refusal or error
                continue
            if made is not None:
                told, data = made
                return proved(told, METHOD, "A", Evidence("abstract", data))
        quick = depth == 2 and refusal is None
        refuted = _refuted(statement, _within(alive, 1.0 if quick else 1e9)) if refute else None
        if refuted is not None:
            return refuted
        if refusal is not None:
            raise refusal
    return None


def _within(alive: Callable[[], bool], seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: alive() and time.monotonic() < end


def _certificate(statement: Mapping[str, Any], words: Any, items: list[dict[str, str]],
                 alive: Callable[[], bool], depth: int
                 ) -> tuple[Mapping[str, Any], dict[str, Any]] | None:
    """Return the statement (with what was left open filled in) and its certificate, or None."""
    from flowopt.stability.abstract_loss.abstract_laws import laws, zeros
    from flowopt.stability.abstract_loss.abstract_search import derivative, settle
    from flowopt.stability.checks.abstract_goals import goals
    from flowopt.stability.checks.abstract_rates import field

    V = words.read(statement["V"])
    dV = derivative(words, field(words, statement["system"]["rules"]), V)
    data: dict[str, Any] = {"conditions": items}
    if statement["claim"] == "finite_time":
        found = laws(words, V, dV)
        if found is None:
            return None
        data["laws"], bound = found
        if "bound" not in statement["options"]:
            statement = {**statement, "options": {**statement["options"], "bound": bound}}
    if statement["claim"] in ("decreasing", "converges_to_critical_set"):
        data["zero"] = zeros(words, dV)
    parts = []
    for what, goal in goals(statement, words, V, dV, data):
        part = settle(words, what, goal, alive, depth)
        if part is None:
            return None
        parts.append(part)
    return statement, {**data, "parts": parts}


def _refuted(statement: Mapping[str, Any], alive: Callable[[], bool]) -> Verdict | None:
    from flowopt.stability.abstract_loss.abstract_points import search

    found = search(statement, alive)
    if found is None:
        return None
    data, reason = found
    return disproved(statement, "an exact counterexample on a polynomial loss",
                     Evidence("abstract_point", data), reason)
