"""Exact and rounded linear algebra for multipliers: forms as fractions, tight steps, rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt.stability.checks.interpolation_forms import Step
from flowopt.stability.checks.interpolation_inequalities import CONVEX, SMOOTH, STRONG
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.iterations.worst_case_lower import null_space


def numbers_of(step: Step, expr: Any, vectors: Sequence[Any]
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


def solve(grams: Any, values: Any) -> np.ndarray | None:
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


def tight(step: Step, assumed: Sequence[str], slack: Any, vectors: Sequence[Any]
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


def exact_weights(found: np.ndarray, rows: Any, most: int) -> list[Fraction] | None:
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
