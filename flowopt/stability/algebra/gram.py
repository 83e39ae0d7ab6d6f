"""Unknown sums of squares in polynomial identities: set up, solved in floats, rounded exactly.

    p + Σₗ vₗ rₗ = Σⱼ gⱼ zⱼᵀ Qⱼ zⱼ,    Qⱼ ⪰ 0,

with p, rₗ, gⱼ and the bases zⱼ known polynomials over Q, and unknown Gram matrices Qⱼ and numbers
vₗ. The equalities of coefficients are a linear system A q = b over Q. Floats propose a solution
with a margin; it is rounded to denominators 10, 100, …, projected exactly onto A q = b, and kept
only if every Qⱼ passes the exact LDLᵀ.

References: H. Peyrl, P. A. Parrilo, Computing sum of squares decompositions with rational
coefficients, Theor. Comput. Sci. 409 (2008), §3; P. Monniaux, P. Corbineau (2011) for the
restriction to the face.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt.stability.algebra.conic import Block, maximise_margin
from flowopt.stability.algebra.faces import restricted
from flowopt.stability.algebra.projection import projection
from flowopt.stability.checks.algebra import number
from flowopt.stability.exact import NotPSD, fraction, ldl

#: no larger system of equalities is set up
MAX_COLUMNS = 1600
#: margins below this are zero in floats: the matrices lie on a face of the cone
TINY = 1e-7


@dataclass(frozen=True)
class Identity:
    """p + Σ vₗ rₗ = Σⱼ gⱼ zⱼᵀQⱼzⱼ.

    Attributes
    ----------
    p : PolyElement
        The known part.
    terms : list of (g, z)
        Each gⱼ with its basis zⱼ.
    free : mapping of int to PolyElement
        rₗ by the number of the unknown vₗ, which identities may share.
    """

    p: Any
    terms: list[tuple[Any, list[Any]]]
    free: Mapping[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Solution:
    """Exact Gram matrices, by identity and term, with their bases; the numbers v; the margin."""

    grams: list[list[list[list[Any]]]]
    bases: list[list[list[Any]]]
    free: list[Any]
    margin: float


def solve(identities: Sequence[Identity], numbers: int = 0, *, radius: float = 1e4,
          deadline: float = np.inf, faces: int = 4, digits: int = 12,
          push: bool = False) -> Solution | None:
    """Return an exact solution, or None when none was found (which proves nothing).

    Parameters
    ----------
    identities : sequence of Identity
        What has to hold.
    numbers : int
        How many unknown numbers v there are.
    faces : int
        How often to restrict to a face, when the margin is zero.
    digits : int
        The largest denominator is 10**digits.
    push : bool
        Whether the caller needs a positive margin.

    Examples
    --------
    >>> from flowopt.stability.checks.algebra import ring
    >>> R = ring(("x",)); x = R.gens[0]
    >>> found = solve([Identity(x**4 - x**2 + 1, [(R.one, [R.one, x, x**2])])])
    >>> found.margin > 0.1
    True
    """
    identities = [Identity(i.p, [(g, _scaled(i.p, g, z)) for g, z in i.terms], i.free)
                  for i in identities]
    for _ in range(faces + 1):
        if time.monotonic() > deadline:
            return None
        system = _system(identities, numbers)
        if system is None:
            return None
        matrix, right, shapes, width = system
        affine = _affine(matrix, right, width)
        if affine is None:
            return None
        start, null = affine
        blocks = _blocks(shapes, start, null)
        if not blocks:
            return None
        if null.shape[1]:
            found = maximise_margin(blocks, radius, deadline=deadline)
            if found.t + found.gap < -TINY:
                return None
            q, t = start + null @ found.y, found.t
        else:
            q = start
            t = min(float(np.linalg.eigvalsh(b.constant)[0]) for b in blocks)
            if t < -TINY:
                return None
        if not push or t > TINY:
            made = _rounded(identities, matrix, right, shapes, q, t, numbers, digits, deadline)
            if made is not None:
                return made
        if t > 1e-5:
            return None
        reduced = _on_face(identities, shapes, q)
        if reduced is None:
            return None
        identities = reduced
    return None


def _scaled(p: Any, g: Any, z: list[Any]) -> list[Any]:
    """Return the basis with each entry times a power of two, so that Q has a diagonal near 1."""
    made = []
    for entry in z:
        size = 0.0
        for monomial, c in (entry * entry * g).terms():
            if monomial in p:
                size = max(size, abs(float(fraction(p[monomial]) / fraction(c))))
        if size == 0.0:
            made.append(entry)
            continue
        k = round(float(np.log2(size)) / 2)
        made.append(entry * (p.ring.domain(2) ** k if k >= 0 else 1 / p.ring.domain(2) ** -k))
    return made


def _system(identities: Sequence[Identity], numbers: int) -> Any:
    """Return A as rows {column: coefficient}, b, and where each block's entries stand."""
    rows: dict[tuple[int, Any], dict[int, Any]] = {}
    right: dict[tuple[int, Any], Any] = {}
    shapes = []
    column = 0
    sizes = [len(z) for i in identities for _, z in i.terms]
    if sum(n * (n + 1) // 2 for n in sizes) + numbers > MAX_COLUMNS:
        return None
    for k, identity in enumerate(identities):
        for monomial, c in identity.p.terms():
            right[k, monomial] = c
            rows.setdefault((k, monomial), {})
        for g, z in identity.terms:
            shapes.append((k, column, len(z)))
            for i, j in itertools.combinations_with_replacement(range(len(z)), 2):
                for monomial, c in (g * z[i] * z[j] * (1 if i == j else 2)).terms():
                    rows.setdefault((k, monomial), {})[column] = c
                column += 1
    for k, identity in enumerate(identities):
        for index, r in identity.free.items():
            for monomial, c in r.terms():
                rows.setdefault((k, monomial), {})[column + index] = -c
    keys = list(rows)
    if any(not rows[key] for key in keys if right.get(key)):
        return None  # a monomial that no square reaches
    keys = [key for key in keys if rows[key]]
    return ([rows[key] for key in keys], [right.get(key, number(0)) for key in keys],
            shapes, column + numbers)


def _affine(rows: list[dict[int, Any]], right: list[Any],
            width: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a solution of A q = b and a basis of the null space of A, in floats."""
    A = np.zeros((len(rows), width))
    for k, row in enumerate(rows):
        for column, c in row.items():
            A[k, column] = float(fraction(c))
    size = np.abs(A).max(axis=1)
    b = np.array([float(fraction(c)) for c in right]) / size
    U, s, Vt = np.linalg.svd(A / size[:, None], full_matrices=True)
    rank = int((s > 1e-9 * s[0]).sum()) if len(s) else 0
    start = Vt[:rank].T @ ((U[:, :rank].T @ b) / s[:rank])
    if np.abs(A @ start / size - b).max(initial=0.0) > 1e-6 * (1 + np.abs(b).max(initial=0.0)):
        return None
    return start, Vt[rank:].T


def _matrix(values: Any, n: int) -> Any:
    """Return the symmetric matrix of the entries (i <= j) in order; float arrays stay arrays."""
    i, j = np.triu_indices(n)
    made = np.zeros((n, n) + values.shape[1:], dtype=values.dtype)
    made[i, j] = values
    made[j, i] = values
    return made


def _blocks(shapes: Sequence[Any], start: np.ndarray, null: np.ndarray) -> list[Block]:
    made = []
    for _, column, n in shapes:
        if n:
            part = slice(column, column + n * (n + 1) // 2)
            made.append(Block(_matrix(start[part], n),
                              np.moveaxis(_matrix(null[part], n), -1, 0)))
    return made


# -------------------------------------------------------------------- exact
def _rounded(identities: Sequence[Identity], rows: list[dict[int, Any]], right: list[Any],
             shapes: Sequence[Any], q: np.ndarray, t: float, numbers: int, digits: int,
             deadline: float) -> Solution | None:
    """Round to denominators 10, 100, …, project onto A q = b, and test every block exactly."""
    project = projection(rows, right)
    for k in range(1 if t > TINY else 6, digits + 1):
        if time.monotonic() > deadline or project is None:
            return None
        ten = 10**k
        exact = project([number(f"{round(float(v) * ten)}/{ten}") for v in q])
        if exact is None:
            return None
        grams: list[list[list[list[Any]]]] = [[] for _ in identities]
        for identity, column, n in shapes:
            part = np.empty(n * (n + 1) // 2, dtype=object)
            part[:] = [fraction(v) for v in exact[column:column + len(part)]]
            Q = _matrix(part, n).tolist()
            if n and float(np.linalg.eigvalsh(np.array(Q, dtype=float))[0]) < -1e-8:
                break
            try:
                ldl(Q)
            except NotPSD:
                break
            grams[identity].append(Q)
        else:
            tail = exact[len(exact) - numbers:]
            return Solution(grams, [[z for _, z in i.terms] for i in identities],
                            [fraction(v) for v in tail], float(t))
    return None


def _on_face(identities: Sequence[Identity], shapes: Sequence[Any],
             q: np.ndarray) -> list[Identity] | None:
    """Return the identities with their bases restricted to the face at q; None: nothing changes."""
    made, changed = [], False
    where = iter(shapes)
    for identity in identities:
        terms = []
        for g, z in identity.terms:
            _, column, n = next(where)
            fresh = restricted(_matrix(q[column:column + n * (n + 1) // 2], n), z) if n else None
            changed = changed or fresh is not None
            terms.append((g, z if fresh is None else fresh))
        made.append(Identity(identity.p, terms, identity.free))
    return made if changed else None
