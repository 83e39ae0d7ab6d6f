"""Filippov's choice where the jumps of several surfaces multiply each other.

Near a point of the surfaces ψ_1 = … = ψ_k = 0 the field has a value F_v for each *pattern* v of
sides in {−1, 1}^k, and it need not be affine in v. Only some patterns are there: those whose
region, to first order the cone {d : v_i ∇ψ_i·d > 0 for all i}, is not empty. Three pieces of a
maximum meet on three surfaces, and six of the eight patterns have a region. A motion is a velocity
V and a face s ∈ {−1, 0, 1}^k, with

    V ∈ conv{F_v : v agrees with s where s_i ≠ 0},    sign(∇ψ_i·V + ∂ψ_i/∂t) = s_i,

that is, Filippov's set of the face along which V leads (Filippov 1988, §4, Eq. (4)). For the
gradient flow of a maximum of smooth functions it is the shortest vector of the hull (Clarke,
Optimization and Nonsmooth Analysis, §2.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flowopt.integrators.sides import speeds

#: a part of the field, or of a speed, below which it is rounding
ROUNDING = 1e-9
#: how near to zero a combination of unit normals must be for their cone to be empty
EMPTY = 1e-7


@dataclass(frozen=True)
class Carried:
    """A velocity, the face along which it leads, and the patterns that make it up.

    velocity : ndarray, shape (m,)
    face : ndarray, shape (k,)
        1, −1, or 0 for a surface that the motion stays on; NaN for one that is torn there.
    support : tuple of int
        Patterns whose fields, combined in one way only, are the velocity; one of them if the
        motion needs no combination.
    held : tuple of int
        One surface less than patterns: to stay on these determines the combination.
    """

    velocity: np.ndarray
    face: np.ndarray
    support: tuple[int, ...]
    held: tuple[int, ...]


def realizable(patterns: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return which patterns have a region next to the point: (V,) of bool.

    Parameters
    ----------
    patterns : ndarray, shape (V, k)
        Sides.
    slopes : ndarray, shape (V, k, m + 1)
        ∇ψ and ∂ψ/∂t on those sides. A surface without slope is no obstacle.

    Notes
    -----
    By Gordan's theorem the cone {d : a_i·d > 0} is empty exactly when 0 is a convex combination
    of the a_i.
    """
    from scipy.optimize import nnls

    normals = patterns[:, :, None] * slopes
    lengths = np.linalg.norm(normals, axis=2)
    found = np.ones(len(patterns), dtype=bool)
    for v, (rows, length) in enumerate(zip(normals, lengths, strict=True)):
        rows = rows[length > 0.0] / length[length > 0.0, None]
        if len(rows) > 1:
            system = np.vstack([rows.T, np.ones(len(rows))])
            found[v] = nnls(system, np.append(np.zeros(len(system) - 1), 1.0))[1] > EMPTY
    return found


def motions(fields: np.ndarray, patterns: np.ndarray, slopes: np.ndarray, direction: float,
            holds: np.ndarray, torn: np.ndarray | None = None) -> list[Carried] | None:
    """Return the ways to go on, one for each velocity; None when a face has infinitely many.

    Parameters
    ----------
    fields : ndarray, shape (V, m)
        F on the sides of each pattern; the first is the one from which the motion comes, and the
        order is one of preference.
    patterns, slopes
        As in `realizable`; all of them are taken to have a region.
    direction : float
        1, or −1 for a motion backwards in time.
    holds : ndarray, shape (k,) of bool
        Which surfaces can hold a motion. The slopes of others may be those of dψ/dt.
    torn : ndarray, shape (V, k), optional
        ψ where it is not zero on the sides of a pattern: it jumps at other surfaces, and no
        motion can stay on it there.
    """
    scale = np.abs(fields).max()
    size = np.maximum(np.abs(speeds(slopes, fields)).max(axis=0), np.finfo(float).tiny)
    whole = np.ones(patterns.shape, dtype=bool) if torn is None else torn == 0.0
    found: list[Carried] = []
    for face, members in _faces(np.where(whole, patterns, 0.0)):
        # along the face every pattern's slope is the same, where it has one
        seen = whole[members].argmax(axis=0)
        ahead = direction * slopes[members[seen], np.arange(len(seen))]
        w = (fields[members] @ ahead[:, :-1].T + ahead[:, -1]) / size
        one = _on_face(fields[members], w, face, scale)
        if one is None:
            continue
        velocity, weights, unique = one
        if not unique:
            return None
        w_here = ahead[:, :-1] @ velocity + ahead[:, -1]
        face = np.where(np.abs(w_here) <= ROUNDING * size, 0.0, np.sign(w_here))
        face[~whole[members].any(axis=0)] = np.nan
        twin = next((i for i, other in enumerate(found)
                     if np.abs(velocity - other.velocity).max() <= ROUNDING * scale), None)
        made = _carried(velocity, face, members, weights, fields, w, scale, holds)
        if twin is None:
            found.append(made)
        elif len(made.support) < len(found[twin].support):
            found[twin] = made
    return found


def _faces(patterns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield every face in {−1, 0, 1}^k next to which some pattern lies, with those patterns.

    A pattern that has a 0 lies next to all faces of that surface.
    """
    k = patterns.shape[1]

    def below(face: list[float], members: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        i = len(face)
        if i == k:
            yield np.array(face), members
            return
        here = patterns[members, i]
        both = (here == 1.0).any(), (here == -1.0).any()
        for side, some in zip((1.0, -1.0), both, strict=True):
            if some:
                yield from below([*face, side], members[here != -side])
        if all(both) or not any(both):
            yield from below([*face, 0.0], members)

    yield from below([], np.arange(len(patterns)))


def _on_face(fields: np.ndarray, w: np.ndarray, face: np.ndarray, scale: float
             ) -> tuple[np.ndarray, np.ndarray, bool] | None:
    """Return a velocity of the hull that leads along a face, its weights, and whether it is one.

    The weights λ ≥ 0 obey Σ λ = 1, Σ λ_v w_v = 0 for the surfaces of the face, and have the
    face's sign, or none, for the others.
    """
    from scipy.optimize import nnls

    on = face == 0.0
    away = w[:, ~on] * face[~on]
    if (away.max(axis=0) < -ROUNDING).any() or (w[:, on].min(axis=0) > ROUNDING).any() or (
            w[:, on].max(axis=0) < -ROUNDING).any():
        return None
    if len(fields) == 1:
        return (fields[0], np.ones(1), True)
    count, others = len(fields), int((~on).sum())
    equal = np.vstack([w[:, on].T, np.ones(count)])
    system = np.block([[equal, np.zeros((len(equal), others))], [away.T, -np.eye(others)]])
    right = np.zeros(len(system))
    right[len(equal) - 1] = 1.0
    weights, residual = nnls(system, right, maxiter=50 * sum(system.shape))
    if residual > ROUNDING:
        return None
    weights = weights[:count] / weights[:count].sum()
    velocity = weights @ fields
    _, values, rows = np.linalg.svd(equal)
    rank = int((values > 1e-12 * values[0]).sum())
    free = rows[rank:] @ fields  # what a change of λ within the conditions does to the velocity
    if np.abs(free).max(initial=0.0) <= 1e-10 * scale:
        return velocity, weights, True
    return velocity, weights, _is_one(fields, equal, away.T, scale)


def _is_one(fields: np.ndarray, equal: np.ndarray, away: np.ndarray, scale: float) -> bool:
    """Return whether all weights give one velocity: whether two of its projections are fixed."""
    from scipy.optimize import linprog

    right = np.append(np.zeros(len(equal) - 1), 1.0)
    for direction in np.random.default_rng(0).normal(size=(2, fields.shape[1])):
        along = fields @ direction / scale
        ends = []
        for sign in (1.0, -1.0):
            best = linprog(sign * along, A_ub=-away, b_ub=np.full(len(away), ROUNDING),
                           A_eq=equal, b_eq=right, bounds=(0.0, None))
            if not best.success:
                return True  # only the point that is known, to rounding
            ends.append(sign * best.fun)
        if ends[1] - ends[0] > 1e2 * ROUNDING * np.abs(direction).sum():
            return False
    return True


def _carried(velocity: np.ndarray, face: np.ndarray, members: np.ndarray, weights: np.ndarray,
             fields: np.ndarray, w: np.ndarray, scale: float, holds: np.ndarray) -> Carried:
    """Return the velocity with few patterns that make it up, and as many conditions less one."""
    same = np.nonzero(np.abs(fields[members] - velocity).max(axis=1) <= 1e-12 * scale)[0]
    if len(same):
        return Carried(velocity, face, (int(members[same[0]]),), ())
    on = np.nonzero((face == 0.0) & holds)[0]
    support = _fewest(np.nonzero(weights > ROUNDING)[0], w[:, on])
    held: list[int] = []
    left = (w[support[1:]] - w[support[0]])[:, on]  # (r − 1, k): its columns are the conditions
    for _ in range(len(support) - 1):  # Gram–Schmidt with pivoting
        lengths = np.linalg.norm(left, axis=0)
        best = int(lengths.argmax())
        held.append(int(on[best]))
        axis = left[:, best] / max(lengths[best], np.finfo(float).tiny)
        left = left - np.outer(axis, axis @ left)
    return Carried(velocity, face, tuple(int(members[i]) for i in support), tuple(sorted(held)))


def _fewest(support: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return some of the patterns, whose weights their speeds (V, k) determine (Carathéodory)."""
    from scipy.optimize import nnls

    equal = np.vstack([w[support].T, np.ones(len(support))])
    right = np.append(np.zeros(len(equal) - 1), 1.0)
    weights, residual = nnls(equal, right, maxiter=50 * sum(equal.shape))
    return support[weights > ROUNDING] if residual <= ROUNDING else support
