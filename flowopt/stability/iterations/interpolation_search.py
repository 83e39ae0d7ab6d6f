"""The search for multipliers that prove a given V of an optimizer with given numbers.

bound − (V⁺ − V) = Σ λ Q + Σ d ‖u‖² is linear in λ >= 0 with a positive semidefinite rest; the λ of
least sum are rounded to small fractions such that the values of L cancel, and the rest is
decomposed exactly.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.checks import loss_step
from flowopt.stability.checks.interpolation_forms import Step
from flowopt.stability.checks.interpolation_inequalities import (
    CONVEX,
    MINIMISER,
    SMOOTH,
    STRONG,
    WORDS,
)
from flowopt.stability.exact import NotPSD, Refused, fraction, ldl
from flowopt.stability.iterations.discrete import optimizer_system
from flowopt.stability.iterations.interpolation_numbers import (
    exact_weights,
    numbers_of,
    solve,
    tight,
)
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown

#: the short names of assumptions, as `flowopt.prove` has them
SHORT = {"convex": CONVEX, "strongly_convex": STRONG, "smooth": SMOOTH, "minimiser": MINIMISER}
METHOD = "interpolation inequalities, with multipliers from a semidefinite program"


def attempt(problem: Any) -> Verdict | None:
    """Settle nonincreasing, or recursion, of a given V of an optimizer with numbers.

    Assumptions are ``convex``, ``strongly_convex``, ``smooth``, ``minimiser``, with the options mu
    and ell; the option bound is that of V⁺ − V (of V⁺ for a recursion).
    """
    from flowopt.optimizers.optimizer import Optimizer

    if problem.claim not in ("nonincreasing", "recursion") or problem.V is None or not isinstance(
            problem.system, Optimizer) or problem.statement["domain"]:
        return None
    options = problem.options
    words = [SHORT.get(a, a) for a in problem.statement["assumptions"]]
    if set(words) - set(WORDS):
        return None
    numbers = {k: fraction(options[k]) for k in ("mu", "ell") if k in options}
    for name, word in (("mu", STRONG), ("ell", SMOOTH)):
        if (word in words) != (name in numbers):
            raise ValueError(f"{name} must be given exactly when it is assumed that {word}")
    assumed = [*words, *([MINIMISER] if STRONG in words and MINIMISER not in words else []),
               *(f"{k} = {v}" for k, v in numbers.items())]
    if len(numbers) == 2:
        assumed.append("mu < ell")
    try:
        system = optimizer_system(problem.system)
    except ValueError as error:
        return unknown(problem.statement, str(error))
    system["positive"] = sorted(numbers)
    made = statement(problem.claim, system, problem.statement["V"], assumptions=assumed,
                     bound=options.get("bound"))
    against = refuted(made, numbers)
    if against is not None:
        return against
    try:
        data = multipliers(made)
    except ImportError:
        return unknown(made, "it needs a semidefinite program",
                       skipped=("semidefinite programs: clarabel is not installed (the extra "
                                "sos)",))
    except Refused as error:
        return unknown(made, str(error))
    if data is None:
        return unknown(made, "no multipliers of the interpolation inequalities were found")
    try:
        return proved(made, METHOD, "A", Evidence("interpolation", data))
    except AssertionError as error:
        return unknown(made, f"what was found does not prove it: {error}")


def refuted(made: Mapping[str, Any], numbers: Mapping[str, Fraction]) -> Verdict | None:
    """Return a refutation by one exact step on a quadratic, or None."""
    high = numbers.get("ell", Fraction(2))
    low = numbers.get("mu", Fraction(0) if {CONVEX, MINIMISER} & set(made["assumptions"])
                      else -high)
    size = len(made["system"]["variables"])
    grid = ["1", *["-1", "0", "1/2", "-2", "4"][:5 if size > 1 else 0]]
    for curvature in (high, low, (high + low) / 2):
        for rest in itertools.product(grid, repeat=size - 1):
            point = ["1", *rest]
            try:
                move, values = loss_step.step_values(made, str(curvature), point)
            except Refused:
                return None
            if values[1] > values[2]:
                data = {"curvature": str(curvature), "point": point,
                        "move": [str(v) for v in move], "values": [str(v) for v in values]}
                return disproved(made, "one exact step on a quadratic",
                                 Evidence("loss_step", data), "V breaks its bound in one step")
    return None


def multipliers(made: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the data of a certificate, or None."""
    import sympy

    step = Step(made)
    step.of_one_state(made["V"])
    now, new = step.value(made["V"], 0), step.value(made["V"], 1)
    bound = made["options"].get("bound")
    if made["claim"] == "recursion":
        slack = step.value(bound, 0) - new
    else:
        slack = (step.value(bound, 0) if bound else sympy.S.Zero) - (new - now)
    kinds = _kinds(step, made["assumptions"])
    forms = [step.inequality(*k) for k in kinds]
    # the minimiser is put at 0: what is found is checked for any
    vectors = [v for v in step.vectors.values() if str(v) != "theta_star"]
    table = [numbers_of(step, e, vectors) for e in (slack, *forms)]
    used = [i for i in range(len(vectors)) if any(t[0][i][j] for t in table
                                                  for j in range(len(vectors)))]
    grams = [[[t[0][i][j] for j in used] for i in used] for t in table]
    values = [t[1] for t in table]
    found = solve(grams, values)
    if found is None:
        return None
    names = sorted({k for v in values for k in v})
    rows = [[v.get(n, Fraction(0)) for v in values] for n in names]
    size = range(len(used))
    rows += [[sum((g[i][j] * n[used[j]] for j in size), Fraction(0)) for g in grams]
             for n in tight(step, made["assumptions"], table[0], vectors) for i in size]
    for most in (1, 2, 12, 100, 10**4, 10**7):
        weights = exact_weights(found, rows, most)
        if weights is None:
            continue
        rest = [[grams[0][i][j] - sum(w * q[i][j] for w, q in zip(weights, grams[1:], strict=True))
                 for j in range(len(used))] for i in range(len(used))]
        try:
            lower, diagonal = ldl(rest)
        except NotPSD:
            continue
        names = [str(vectors[i]).replace("theta", "e") for i in used]
        squares = [[str(d), " + ".join(f"({lower[r][c]})*{names[r]}" for r in range(len(used))
                                       if lower[r][c])] for c, d in enumerate(diagonal) if d]
        sign = _bound_squares(step, bound, vectors) if made["claim"] != "recursion" else []
        if sign is None:
            return None
        return {"multipliers": [[*k, str(w)] for k, w in zip(kinds, weights, strict=True) if w],
                "squares": squares, "equalities": [], "bound": sign}
    return None


def _bound_squares(step: Step, bound: Any, vectors: Sequence[Any]) -> list[list[str]] | None:
    """Return −bound as a sum of squares, or None."""
    if not bound:
        return []
    form, values = numbers_of(step, -step.value(bound, 0), vectors)
    if any(v < 0 for v in values.values()) or any(v and MINIMISER not in step.words
                                                  for v in values.values()):
        return None
    try:
        lower, diagonal = ldl(form)
    except NotPSD:
        return None
    names = [str(v).replace("theta", "e") for v in vectors]
    made = [[str(d), " + ".join(f"({lower[r][c]})*{names[r]}" for r in range(len(names))
                                if lower[r][c])] for c, d in enumerate(diagonal) if d]
    return made + [[f"({v})*gap", ""] for g, v in values.items() if v and g == "g"]


def _kinds(step: Step, assumed: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the strongest inequalities that are assumed, between all points."""
    kind = {(True, True): "smooth_strong", (True, False): "strong"}.get(
        (STRONG in assumed, SMOOTH in assumed))
    if kind is None and CONVEX in assumed:
        kind = "smooth_convex" if SMOOTH in assumed else "convex"
    points = ["g", "new_g", *(["*"] if MINIMISER in assumed else [])]
    made = [(kind, i, j) for i in points for j in points if i != j] if kind else [
        ("smooth", i, j) for i in points for j in points if i != j] if SMOOTH in assumed else []
    if MINIMISER in assumed:
        made += [("lower", p, "") for p in ("g", "new_g")]
    return made
