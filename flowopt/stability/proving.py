"""`prove`: ask the kinds of proof in order, cheapest first, until one settles the claim."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flowopt import _check
from flowopt.stability.checks.reach import beyond
from flowopt.stability.statement import CLAIMS, box_domain, field_system, flow_system, statement
from flowopt.stability.verdict import Verdict, unknown

#: kinds of proof, in the order in which they are asked: module, what it takes, its name in words.
#: Each module has ``attempt(problem) -> Verdict | None``.
RUNGS: tuple[tuple[str, str, str], ...] = (
    ("abstract_loss.abstract", "flow", "abstract loss"),
    ("abstract_loss.instance", "field", "instance of a proof for every loss"),
    ("rest.sliding_rest", "field", "sign flow on a quadratic loss"),
    ("rational.polynomial", "field", "polynomials"),
    ("rational.branch", "field", "intervals over a box"),
    ("iterations.worst_case", "optimizer", "worst case over smooth convex losses"),
    ("iterations.interpolation_search", "optimizer", "interpolation inequalities for a given V"),
    ("iterations.never_rests", "optimizer", "least lengths of steps"),
)


@dataclass(frozen=True)
class Problem:
    """A claim about a system, as the kinds of proof take it.

    Attributes
    ----------
    system : Flow, VectorField or Optimizer
        What the claim is about.
    statement : dict
        The claim as data.
    V : str, sympy.Expr or None
        The function as it was given; None: it is searched for.
    deadline : float
        When to give up, by `time.monotonic`.
    """

    system: Any
    statement: dict[str, Any]
    V: Any = None
    deadline: float = field(default=float("inf"), repr=False)

    @property
    def claim(self) -> str:
        """The name of the claim."""
        return str(self.statement["claim"])

    @property
    def options(self) -> dict[str, Any]:
        """The options of the claim, as texts."""
        return dict(self.statement["options"])

    def seconds_left(self) -> float:
        """Return the seconds that are left."""
        return max(0.0, self.deadline - time.monotonic())


def prove(flow_or_field: Any, V: Any = None, claim: str = "nonincreasing", domain: Any = None,
          assumptions: Sequence[str] | str | None = None, *, seconds: float = 60.0,
          **options: Any) -> Verdict:
    """Prove or disprove a claim about a flow on any loss, a field, or an optimizer as a map.

    Parameters
    ----------
    flow_or_field : Flow, VectorField or Optimizer
        A `Flow` is judged on an abstract loss in any dimension, a `VectorField` as it stands, an
        `Optimizer` as a map.
    V : str or sympy.Expr, optional
        The Lyapunov function. For a flow: over ``L, Lstar, g, theta, e`` (θ − θ*), the states, t,
        the parameters, and the reductions, with ``sum(a)`` for Σ aᵢ; for a field over its
        variables. None: a function is searched for.
    claim : str
        One of ``flowopt.stability.statement.CLAIMS``: nonincreasing, decreasing, exponential
        (``rate=``), finite_time, conserved, stable, asymptotically_stable (``scope="global"``),
        unstable, region (``level=``), converges_to_critical_set, no_fixed_point, rate, positive.
    domain : sequence of pairs, optional
        A closed box, a pair (a, b) for each variable; by default the whole space.
    assumptions : sequence of str, optional
        What is assumed of the loss and of the parameters: ``convex``, ``strongly_convex``, ``PL``,
        ``smooth``, ``coercive``, and inequalities such as ``b <= 4*a``.
    seconds : float
        The time to spend; what is not settled by then is unknown.
    **options
        What the claim needs: ``rate``, ``bound``, ``level``, ``scope``, ``at``.

    Returns
    -------
    Verdict
        Proved with a certificate, disproved with a counterexample, or unknown with the reason.

    Raises
    ------
    TypeError, ValueError
        For a system that is none of these, an unknown claim, and a box that is empty.

    Examples
    --------
    >>> import flowopt as fo
    >>> verdict = fo.prove(fo.flows.HeavyBall(gamma=0.5), "L + dot(v, v)/2",
    ...                    assumptions=["gamma >= 0"])
    >>> verdict.status, verdict.trust, verdict.check()
    ('proved', 'A', True)
    """
    seconds = _check.real("seconds", seconds, above=0.0)
    _check.choice("claim", claim, tuple(CLAIMS))
    kind, system = _system(flow_or_field)
    if isinstance(assumptions, str):
        assumptions = [assumptions]
    problem = Problem(
        flow_or_field,
        statement(claim, system, V,
                  domain=box_domain(domain, len(system.get("variables", [])) or 1),
                  assumptions=list(assumptions or ()), **options),
        V, time.monotonic() + seconds)
    return settle(problem, kind)


def settle(problem: Problem, kind: str) -> Verdict:
    """Return the first verdict that settles a problem, or unknown with every reason."""
    if _says_nothing(problem):
        return unknown(problem.statement, "V holds no variable, so that the claim says nothing; "
                       "give a V that does")
    if outside := beyond(problem.statement):
        return unknown(problem.statement, outside)
    reasons: list[str] = []
    skipped: list[str] = []
    evidence: dict[str, Any] = {}
    for module, takes, words in RUNGS:
        if kind not in takes.split():
            continue
        if problem.seconds_left() <= 0:
            reasons.append("the time is spent")
            break
        made = importlib.import_module(f"flowopt.stability.{module}").attempt(problem)
        if made is None:
            continue
        skipped += made.skipped
        if not made.unknown:
            return made
        reasons.append(f"{words}: {made.reason}")
        evidence.update(made.evidence or {})
    return unknown(problem.statement, "; ".join(reasons) or
                   f"there is no kind of proof yet for {problem.claim} of a {kind}",
                   evidence or None, tuple(dict.fromkeys(skipped)))


def _says_nothing(problem: Problem) -> bool:
    """Return whether V is a constant: each claim about it would be empty."""
    from flowopt.stability.exact import read
    from flowopt.symbolic.parse import parse

    system, V = problem.statement["system"], problem.statement["V"]
    if V is None or "variables" not in system or system["kind"] == "optimizer":
        return V is not None and not set(parse(V, what="V", functions=_WORDS).names)
    names = [*system["variables"], *system["parameters"], system.get("time", "t")]
    return not {str(s) for s in read(V, names).free_symbols} & set(system["variables"])


#: the functions of V on an abstract loss
_WORDS = {"dot": 2, "norm": 1, "norm1": 1, "maxabs": 1, "unit": 1, "sum": 1}


def _system(given: Any) -> tuple[str, dict[str, Any]]:
    """Return the kind of a system, and its data."""
    from flowopt.flows.field import VectorField
    from flowopt.flows.flow import Flow
    from flowopt.optimizers.optimizer import Optimizer
    from flowopt.stability.iterations.discrete import optimizer_system

    if isinstance(given, Flow):
        return "flow", flow_system(given)
    if isinstance(given, VectorField):
        return "field", field_system(given)
    if isinstance(given, Optimizer):
        return "optimizer", optimizer_system(given)
    raise TypeError("flow_or_field must be a Flow, a VectorField or an Optimizer, got "
                    f"{_check.shown(given)}")
