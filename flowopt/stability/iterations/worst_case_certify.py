"""From the numbers of a semidefinite program to exact certificates of a rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt.stability.checks import rate as checker
from flowopt.stability.exact import Refused
from flowopt.stability.iterations.worst_case_search import MARGIN, Program
from flowopt.stability.linear_step import LinearStep


def one_state(step: LinearStep, mu: Fraction, ell: Fraction | None, rate: Fraction
               ) -> dict[str, Any] | None:
    """Return the exact certificate V = ‖θ−θ*‖² of a map of θ alone, λ(Q₀∗ + Q∗₀) with one λ."""
    if step.m != 1 or step.radicand:
        return None
    path = checker._Path(step, 0, mu, ell)
    Q = [[a + b for a, b in zip(r, s, strict=True)] for r, s in zip(
        path.inequality(0, -1), path.inequality(-1, 0), strict=True)]
    theta, new = path.zeta[0][0], path.zeta[1][0]
    S = [[rate**2 * theta[i] * theta[j] - new[i] * new[j] for j in range(2)] for i in range(2)]
    # S − λ Q is singular on the worst quadratic: S n = λ Q n for n = (1, slope) at μ or ℓ
    for curvature in (mu, ell):
        if curvature is None:
            continue
        n = (Fraction(1), curvature / (1 - step.D.a * curvature))
        for i in range(2):
            q = sum(Q[i][j] * n[j] for j in range(2))
            if not q:
                continue
            lam = sum(S[i][j] * n[j] for j in range(2)) / q
            rest = [[S[a][b] - lam * Q[a][b] for b in range(2)] for a in range(2)]
            if lam > 0 and rest[0][0] >= 0 and rest[1][1] >= 0 and (
                    rest[0][0] * rest[1][1] >= rest[0][1] ** 2):
                return _finished(path, [[1, 0], [0, 0]], [0], [(0, -1, lam), (-1, 0, lam)], [],
                                 Fraction(1), rate)
    return None


def programs(step: LinearStep, mu: Fraction, ell: Fraction | None, memory: int) -> Any:
    """Return the semidefinite program of a map and what turns its units back."""
    def floats(row: Sequence[Any]) -> np.ndarray:
        return np.array([float(v) for v in row])

    unit = ell
    if unit is None:  # the size of a gradient that moves θ by as much as θ is
        size = max(abs(float(v)) for v in (*step.B, step.D)) or 1.0
        unit = Fraction(1 / size).limit_denominator(1000) or Fraction(1)
    program = Program(np.array([floats(r) for r in step.A]), floats(step.B) * float(unit),
                      floats(step.C), float(step.D) * float(unit), float(mu / unit),
                      ell is not None, memory)
    return step, program, mu, unit


def search(step: LinearStep, mu: Fraction, ell: Fraction | None, slow: Fraction, memory: int,
           accuracy: float) -> tuple[Fraction, dict[str, Any]] | None:
    """Return the smallest rate that is certified, and its certificate."""
    made = programs(step, mu, ell, memory)
    program = made[1]
    low, high = float(slow), 1.0
    near = low + (1 - low) * accuracy
    if program.solve(near**2)[0] > MARGIN:
        high = near
    elif program.solve((1 - accuracy) ** 2)[0] <= MARGIN:
        return None
    while high - low > accuracy and high != near:
        middle = (low + high) / 2
        if program.solve(middle**2)[0] > MARGIN:
            high = middle
        else:
            low = middle
    for k in range(8):  # the margin grows with the rate, and with it the room for rounding
        rate = Fraction(math.ceil((high + (1 - high) * accuracy * (4**k - 1)) * 10**10), 10**10)
        data = certify(made, rate, ell)
        if data is not None:
            return rate, data
    return None


def certify(made: Any, rate: Fraction, ell: Fraction | None) -> dict[str, Any] | None:
    """Return an exact certificate at one rate: rounded to more and more digits; or None."""
    step, program, mu, unit = made
    margin, u = program.solve(float(rate) ** 2)
    if margin <= 0:
        return None
    path = checker._Path(step, program.memory, mu, ell)
    for digits in (6, 8, 10, 12, 14):
        data = _rounded(path, program, u, margin, rate, unit, digits)
        if data is not None:
            return data
    return None


def _rounded(path: Any, program: Program, u: np.ndarray, margin: float, rate: Fraction,
             unit: Fraction, digits: int) -> dict[str, Any] | None:
    scale = 10**digits
    values = {c: Fraction(round(float(v) * scale), scale)
              for c, v in zip(program.columns, u, strict=True)}
    m = path.step.m
    P = [[Fraction(0)] * (m + program.memory + 1) for _ in range(m + program.memory + 1)]
    for i, j in program.entries:  # g = ℓ ĝ
        P[i][j] = P[j][i] = values["P", (i, j)] / unit ** ((i >= m) + (j >= m))
    p = [values["p", i] / unit for i in range(program.memory + 1)]
    square = rate**2
    sums = {i: -square * p[i] for i in range(program.memory + 1)}
    for i in range(program.memory + 1):
        sums[i + 1] = sums.get(i + 1, Fraction(0)) + p[i]
    decrease = _balanced(program.free, values, "lam", unit, sums)
    positive = _balanced(program.first, values, "nu", unit, {i: -v for i, v in enumerate(p)})
    below = Fraction(max(round(margin / 2 * scale), 1), scale)
    return _finished(path, P, p, decrease, positive, below, rate)


def _balanced(pairs: Any, values: Any, kind: str, unit: Fraction, sums: dict[int, Fraction]
              ) -> list[tuple[int, int, Fraction]]:
    """Return the multipliers with those of (∗, i) such that the values of L cancel."""
    made = {q: max(values[kind, q], Fraction(0)) / unit for q in pairs}
    for i in sums:
        total = sums[i] + sum(v if q[0] == i else -v if q[1] == i else 0
                              for q, v in made.items() if -1 not in (q[0],))
        if total < 0:
            made[i, -1] = made.get((i, -1), Fraction(0)) - total
            total = Fraction(0)
        made[-1, i] = total
    return [(i, j, v) for (i, j), v in made.items() if v]


def _finished(path: Any, P: Any, p: Any, decrease: Any, positive: Any, below: Fraction,
              rate: Fraction) -> dict[str, Any] | None:
    """Return the certificate with its pivots, or None when a form has a negative one."""
    data = {"memory": path.memory, "P": [[str(v) for v in row] for row in P],
            "p": [str(v) for v in p], "decrease": [[i, j, str(v)] for i, j, v in decrease],
            "positive": [[i, j, str(v)] for i, j, v in positive], "below": str(below)}
    try:
        data["pivots"] = checker.pivots(path, data, rate)
    except Refused:
        return None
    return data
