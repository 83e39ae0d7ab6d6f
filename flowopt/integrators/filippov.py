"""Filippov's choice on an intersection of k surfaces, as a complementarity problem.

At a point of the surfaces ψ_1 = … = ψ_k = 0 let the field be affine in their sides u ∈ [−1, 1]^k,
so that the speeds are w(u) = q + R u with w_i = dψ_i/dt. A motion is a u with, for each i,

    u_i = +1 and w_i ≥ 0   (it moves to the positive side),
    u_i = −1 and w_i ≤ 0   (it moves to the negative side),   or
    w_i = 0                (it stays on the surface: it slides).

This is the variational inequality of −w over the box (Filippov 1988, §4; for sign flow the linear
complementarity problem of u over [−1, 1]^k). It has exactly one solution for every q when −R is a
P-matrix, which positive definite −(R + Rᵀ)/2 implies (Cottle, Pang & Stone, The Linear
Complementarity Problem, Theorem 3.3.7).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

#: a speed counts as zero below this part of the speeds it is made of
ROUNDING = 1e-11
#: beyond this number of undecided surfaces all 3^k cases are no longer looked at
MOST_CASES = 6


@dataclass(frozen=True)
class Choices:
    """The solutions u (each (k,)) of a complementarity problem.

    complete : bool
        Whether all solutions were looked for; False only for many surfaces at once without a
        proof that the solution is unique.
    """

    u: list[np.ndarray]
    complete: bool = True


def choices(q: np.ndarray, R: np.ndarray, sides: np.ndarray) -> Choices:
    """Return all u that solve the complementarity problem of w = q + R u.

    Parameters
    ----------
    q : ndarray, shape (k,)
        Speeds at u = 0.
    R : ndarray, shape (k, k)
        What each side adds to them.
    sides : ndarray, shape (k,)
        The sides from which the motion comes; taken for a surface that u_i does not act on and
        along which the motion runs.
    """
    k = len(q)
    if k == 1 and R[0, 0] < 0.0:  # both sides push towards the surface, or one carries across
        return Choices([np.clip(-q / R[0, 0], -1.0, 1.0)])
    size = np.abs(q) + np.abs(R).sum(axis=1)
    tolerance = ROUNDING * size
    u = np.full(k, np.nan)
    _decide_by_bounds(q, R, u, tolerance)
    for i in np.nonzero(np.isnan(u))[0]:
        if not np.abs(R[i]).max() > 0.0 and not np.abs(R[:, i]).max() > 0.0:
            u[i] = sides[i]
    free = np.nonzero(np.isnan(u))[0]
    if not len(free):
        return Choices([u])
    rest = q[free] + R[np.ix_(free, ~np.isnan(u))] @ u[~np.isnan(u)]
    inner = R[np.ix_(free, free)]
    found: list[np.ndarray]
    complete = True
    if _positive_definite(-(inner + inner.T) / 2):
        found = [_pivoted(rest, inner, tolerance[free])]
    elif len(free) <= MOST_CASES:
        found = _all_cases(rest, inner, tolerance[free])
    else:
        found, complete = [], False
        for start in (0.0, 1.0, -1.0):
            try:
                found.append(_pivoted(rest, inner, tolerance[free], start))
            except ArithmeticError:
                continue
    made: list[np.ndarray] = []
    for part in found:
        one = u.copy()
        one[free] = part
        if not any(np.abs(one - other).max() <= 1e-9 for other in made):
            made.append(one)
    return Choices(made, complete)


def _decide_by_bounds(q: np.ndarray, R: np.ndarray, u: np.ndarray, tolerance: np.ndarray) -> None:
    """Set u_i where w_i has one sign whatever the open sides are."""
    while True:
        open_ = np.isnan(u)
        known = q + R[:, ~open_] @ u[~open_]
        width = np.abs(R[:, open_]).sum(axis=1)
        up = open_ & (known - width > tolerance)
        down = open_ & (known + width < -tolerance)
        if not (up | down).any():
            return
        u[up], u[down] = 1.0, -1.0


def _positive_definite(matrix: np.ndarray) -> bool:
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return bool(np.diag(factor).min() > 1e-7 * np.diag(factor).max())


def _pivoted(q: np.ndarray, R: np.ndarray, tolerance: np.ndarray, start: float = 0.0) -> np.ndarray:
    """Return the solution by principal pivoting.

    Murty's least-index rule, which always ends for a P-matrix, takes over when exchanges of whole
    blocks no longer reduce the number of violations.

    Raises
    ------
    ArithmeticError
        When it does not end: −R is then no P-matrix.
    """
    k = len(q)
    state = np.full(k, start)  # 0: slides; ±1: the side
    fewest, patience = k + 1, 10
    for _ in range(50 * (k + 1)):
        u = state.copy()
        sliding = state == 0.0
        if sliding.any():
            try:
                u[sliding] = np.linalg.solve(R[np.ix_(sliding, sliding)],
                                             -(q + R @ state)[sliding])
            except np.linalg.LinAlgError:
                raise ArithmeticError("singular") from None
        w = q + R @ u
        beyond = sliding & (np.abs(u) > 1.0 + ROUNDING)
        wrong = ~sliding & (state * w < -tolerance)
        count = int((beyond | wrong).sum())
        if count == 0:
            return np.clip(u, -1.0, 1.0)
        if count < fewest:
            fewest, patience = count, 10
        else:
            patience -= 1
        which = np.nonzero(beyond | wrong)[0]
        for i in which if patience > 0 else which[:1]:
            state[i] = np.sign(u[i]) if beyond[i] else 0.0
    raise ArithmeticError("no end")


def _all_cases(q: np.ndarray, R: np.ndarray, tolerance: np.ndarray) -> list[np.ndarray]:
    """Return the solutions of all 3^k cases (positive side, negative side, sliding)."""
    made = []
    for case in itertools.product((0.0, 1.0, -1.0), repeat=len(q)):
        u = np.array(case)
        sliding = u == 0.0
        if sliding.any():  # of a singular case, the shortest solution
            u[sliding] = np.linalg.lstsq(R[np.ix_(sliding, sliding)], -(q + R @ u)[sliding],
                                         rcond=1e-12)[0]
        w = q + R @ u
        stays = np.abs(w) <= tolerance
        if (np.abs(u) <= 1.0 + ROUNDING).all() and (stays | (~sliding & (u * w > 0.0))).all():
            made.append(np.clip(u, -1.0, 1.0))
    return made
