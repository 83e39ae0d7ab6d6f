"""Check of a discrete Lyapunov function: an identity with multipliers, for all parameters.

    bound − (V⁺ − V) = Σ λ Q + Σ c ‖u‖² + Σ λ' E

where each Q >= 0 is an inequality that the class of losses fulfils between points of the step, each
E = 0 an assumed equality, and λ, c are sums, products and quotients of nonnegative quantities with
positive coefficients. It is an identity of rational functions in the inner products of the vectors
of the step, the values of L and the parameters, so it holds in every dimension.

Points: ``g`` (at θ) and each other gradient of the system; ``new_g`` and so on after the step; and
``*``, the minimiser. In the texts ``gap`` is L − L*, ``square`` is ‖g‖², and ``c1``, ``c2``, … are
the assumed inequalities a <= b in their order, as b − a.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.checks.interpolation_forms import Step
from flowopt.stability.exact import Refused

TRUST = "A"
_KEYS = {"multipliers", "squares", "equalities", "bound"}


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless `data` proves the decrease of the statement."""
    import sympy

    if set(data) != _KEYS:
        raise Refused(f"the certificate must hold {', '.join(sorted(_KEYS))}")
    step = Step(statement)
    claim, options = statement["claim"], statement["options"]
    if claim not in ("nonincreasing", "recursion", "nonnegative") or set(options) - {"bound"}:
        raise Refused("the claim must be nonincreasing, recursion or nonnegative")
    step.of_one_state(statement["V"])
    now, new = step.value(statement["V"], 0), step.value(statement["V"], 1)
    if not sympy.expand(now).free_symbols & {*step.gram.values(), *step.gaps.values()}:
        raise Refused("V is a constant")
    step.defined(now, new, *step.moves.values(), *step.place.values())
    if claim != "nonincreasing" and data["bound"]:
        raise Refused("only the bound of a decrease has a sign to prove")
    if claim == "recursion":
        slack = step.value(options["bound"], 0) - new
        step.defined(slack)
    elif claim == "nonnegative":
        slack = now
    else:
        bound = step.value(options["bound"], 0) if "bound" in options else sympy.S.Zero
        slack = bound - (new - now)
        step.defined(bound)
        step.vanishes(-bound - step.squares(data["bound"]), "the bound is not that sum of squares")
    rest = slack - step.squares(data["squares"])
    for kind, i, j, text in data["multipliers"]:
        rest -= step.weight(text) * step.inequality(kind, i, j)
    for k, text in data["equalities"]:
        rest -= step.free(text) * step.equality(k)
    step.vanishes(rest, "the identity does not hold")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    words = {"convex": "convexity", "smooth": "the descent lemma", "strong": "strong convexity",
             "smooth_convex": "convexity and smoothness", "lower": "minimality",
             "smooth_strong": "strong convexity and smoothness", "noise": "the variance",
             "smooth_max": "the descent lemma in the max norm", "slack": "the assumption",
             "discrete": "the mean value property", "prox": "the proximal step"}
    sums = [f"({text}) x [{words[kind]}{f' between {i} and {j}' if j else f' {i}' if i else ''}]"
            for kind, i, j, text in data["multipliers"]]
    sums += [f"({c})*|{u}|^2" if u else f"({c})" for c, u in data["squares"]]
    sums += [f"({text}) x [equality {k}]" for k, text in data["equalities"]]
    left = {"nonnegative": "V", "recursion": "bound - V+"}.get(
        statement["claim"], "bound - (V+ - V)" if "bound" in statement["options"] else "-(V+ - V)")
    made = [f"{left} = " + (" + ".join(sums) or "0") + ", an identity in the inner products.",
            "Each bracket is >= 0 (or = 0) for these losses, and each factor is >= 0."]
    if data["bound"]:
        made.append("The bound is minus " + " + ".join(
            f"({c})*|{u}|^2" if u else f"({c})" for c, u in data["bound"]) + ", so it is <= 0.")
    return made


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [r"\texttt{" + line.replace("_", r"\_").replace("^", r"\^{}").replace("#", r"\#") + "}"
            for line in explain(statement, data)]


