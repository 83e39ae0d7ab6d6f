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

import numpy as np

from flowopt.stability.checks import loss_step
from flowopt.stability.checks.interpolation_forms import (
    CONVEX,
    MINIMISER,
    SMOOTH,
    STRONG,
    WORDS,
    Step,
)
from flowopt.stability.discrete import optimizer_system
from flowopt.stability.exact import NotPSD, Refused, fraction, ldl
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown
from flowopt.stability.worst_case_lower import null_space

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
    table = [_numbers(step, e, vectors) for e in (slack, *forms)]
    used = [i for i in range(len(vectors)) if any(t[0][i][j] for t in table
                                                  for j in range(len(vectors)))]
    grams = [[[t[0][i][j] for j in used] for i in used] for t in table]
    values = [t[1] for t in table]
    found = _solve(grams, values)
    if found is None:
        return None
    names = sorted({k for v in values for k in v})
    rows = [[v.get(n, Fraction(0)) for v in values] for n in names]
    size = range(len(used))
    rows += [[sum((g[i][j] * n[used[j]] for j in size), Fraction(0)) for g in grams]
             for n in _tight(step, made["assumptions"], table[0], vectors) for i in size]
    for most in (1, 2, 12, 100, 10**4, 10**7):
        weights = _exact(found, rows, most)
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
    form, values = _numbers(step, -step.value(bound, 0), vectors)
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


def _numbers(step: Step, expr: Any, vectors: Sequence[Any]
             ) -> tuple[list[list[Fraction]], dict[str, Fraction]]:
    """Return an expression as a form over the vectors and the factors of the values of L."""
    import sympy

    place = {v: i for i, v in enumerate(vectors)}
    symbols = {s: pair for pair, s in step.gram.items()}
    gaps = {s: name for name, s in step.gaps.items()}
    form = [[Fraction(0)] * len(vectors) for _ in vectors]
    values: dict[str, Fraction] = {}
    for term in sympy.Add.make_args(sympy.expand(expr)):
        if term == 0:
            continue
        factor, rest = term.as_coeff_Mul()
        if not factor.is_Rational or not (rest in symbols or rest in gaps):
            raise Refused(f"V must be a quadratic form with numbers and a multiple of L; {term} is "
                          "neither")
        if rest in gaps:
            values[gaps[rest]] = values.get(gaps[rest], Fraction(0)) + fraction(factor)
            continue
        pair = symbols[rest]
        if any(v not in place for v in pair):  # the minimiser, at 0
            continue
        i, j = (place[v] for v in pair)
        form[i][j] += fraction(factor) / 2
        form[j][i] += fraction(factor) / 2
    return form, values


def _solve(grams: Any, values: Any) -> np.ndarray | None:
    """Return the λ >= 0 of least sum with a positive semidefinite rest, in floats."""
    import clarabel
    from scipy import sparse

    count, n = len(grams) - 1, len(grams[0])
    forms = np.array([[[float(v) for v in row] for row in g] for g in grams])
    names = sorted({k for v in values for k in v})
    table = np.array([[float(v.get(k, 0)) for k in names] for v in values])
    i, j = np.tril_indices(n)
    weight = np.where(i == j, 1.0, np.sqrt(2.0))
    blocks, bounds, cones = [], [], []
    if names:
        blocks.append(table[1:].T)
        bounds.append(table[0])
        cones.append(clarabel.ZeroConeT(len(names)))
    blocks += [-np.eye(count), (forms[1:, i, j] * weight).T]
    bounds += [np.zeros(count), forms[0, i, j] * weight]
    cones += [clarabel.NonnegativeConeT(count), clarabel.PSDTriangleConeT(n)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    solver = clarabel.DefaultSolver(sparse.csc_matrix((count, count)), np.ones(count),
                                    sparse.csc_matrix(np.vstack(blocks)), np.concatenate(bounds),
                                    cones, settings)
    found = solver.solve()
    x = np.array(found.x)
    return x if str(found.status) in ("Solved", "AlmostSolved") and np.isfinite(x).all() else None


def _tight(step: Step, assumed: Sequence[str], slack: Any, vectors: Sequence[Any]
           ) -> list[list[Fraction]]:
    """Return the steps on quadratics of extreme curvature on which the claim is an equality.

    There each Q is 0, so the rest must vanish on them: exact equations for the multipliers.
    """
    ends = []
    for name, word in (("ell", SMOOTH), ("mu", STRONG)):
        if word in assumed:
            ends.append(fraction(step._symbol(name)))
    if STRONG not in assumed and CONVEX in assumed:
        ends.append(Fraction(0))
    form, values = slack
    made = []
    for curvature in ends:
        columns = []
        for state in step.variables:
            known = {v: Fraction(0) for v in vectors}
            known[step.vectors[state]] = Fraction(1)
            known[step.vectors["g"]] = curvature * known[step.vectors["theta"]]
            new = _new_theta(step, known, curvature)
            if new is None:
                return []
            known[step.vectors["new_g"]] = curvature * new
            columns.append(([known[v] for v in vectors], known[step.vectors["theta"]], new))
        total = [[_product(form, a[0], b[0]) + curvature / 2 * (
            values.get("g", Fraction(0)) * a[1] * b[1]
            + values.get("new_g", Fraction(0)) * a[2] * b[2]) for b in columns] for a in columns]
        made += [[sum((w * c[0][i] for w, c in zip(n, columns, strict=True)), Fraction(0))
                  for i in range(len(vectors))] for n in null_space(total)]
    return made


def _new_theta(step: Step, known: Mapping[Any, Fraction], curvature: Fraction) -> Fraction | None:
    """Return θ⁺ on ½ λ x² for given θ, states and g."""
    parts = step._coefficients(step.moves[step.vectors["theta"]])
    if not all(c.is_Rational and (v in known) for v, c in parts.items()):
        return None
    implicit = fraction(parts.get(step.vectors["new_g"], 0)) * curvature
    others = sum((fraction(c) * known[v] for v, c in parts.items()
                  if v != step.vectors["new_g"]), Fraction(0))
    return others / (1 - implicit)


def _product(form: Any, a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((a[i] * form[i][j] * b[j] for i in range(len(a)) for j in range(len(b))
                if a[i] and b[j]), Fraction(0))


def _exact(found: np.ndarray, rows: Any, most: int) -> list[Fraction] | None:
    """Return λ near those found, the free ones rounded, with rows[0] = Σ λ rows[1:] in each row."""
    held = [k for k, v in enumerate(found) if v > 1e-6 * max(1.0, found.max())]
    system = [[row[1 + k] for k in held] + [-row[0]] for row in rows]
    basis = null_space(system) if system else [
        [Fraction(int(i == j)) for j in range(len(held) + 1)] for i in range(len(held) + 1)]
    if not basis or not any(v[-1] for v in basis):
        return None
    # the last coordinate is 1, and the free ones are near what was found
    made = [Fraction(0)] * (len(held) + 1)
    for vector in basis:
        free = next(k for k in range(len(vector) - 1, -1, -1) if vector[k] == 1 and all(
            other is vector or other[k] == 0 for other in basis))
        weight = Fraction(1) if free == len(held) else Fraction(
            float(found[held[free]])).limit_denominator(most)
        made = [a + weight * b for a, b in zip(made, vector, strict=True)]
    if made[-1] != 1 or min(made) < 0:
        return None
    weights = [Fraction(0)] * len(found)
    for k, v in zip(held, made, strict=False):
        weights[k] = v
    return weights
