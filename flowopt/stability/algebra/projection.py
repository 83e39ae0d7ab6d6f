"""The exact projection of a rational vector onto A q = b."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.stability.checks.algebra import number
from flowopt.stability.exact import fraction


def projection(rows: list[dict[int, Any]], right: list[Any]) -> Any:
    """Return the exact projection onto A q = b, or None when rows conflict.

    Where no column stands in two rows, A Aᵀ is diagonal; otherwise rows that depend on others
    are left out and A Aᵀ is solved.
    """
    owners: dict[int, int] = {}
    shared = False
    for row in rows:
        for column in row:
            owners[column] = owners.get(column, 0) + 1
            shared = shared or owners[column] > 1
    norms = [sum((c * c for c in row.values()), number(0)) for row in rows]
    solve_exactly: Any = _normal(rows) if shared else (
        lambda r: [a / b for a, b in zip(r, norms, strict=True)])

    def project(q: list[Any]) -> list[Any] | None:
        rest = [b - sum((c * q[j] for j, c in row.items()), number(0))
                for row, b in zip(rows, right, strict=True)]
        weights = solve_exactly(rest)
        made = list(q)
        for row, w in zip(rows, weights, strict=True):
            if w:
                for j, c in row.items():
                    made[j] = made[j] + c * w
        if shared and any(sum((c * made[j] for j, c in row.items()), number(0)) != b
                          for row, b in zip(rows, right, strict=True)):
            return None
        return made

    return project


def _normal(rows: list[dict[int, Any]]) -> Any:
    """Return the solver of A Aᵀ w = r on rows that are independent; the others get w = 0."""
    from scipy.linalg import qr
    from sympy import QQ
    from sympy.polys.matrices import DomainMatrix

    width = 1 + max(max(row) for row in rows)
    A = np.zeros((len(rows), width))
    for k, row in enumerate(rows):
        size = max(abs(float(fraction(c))) for c in row.values())
        for column, c in row.items():
            A[k, column] = float(fraction(c)) / size
    _, r, order = qr(A.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(r))
    kept = sorted(order[:int((diagonal > 1e-9 * diagonal[0]).sum())].tolist())
    gram = [[sum((c * rows[j][column] for column, c in rows[i].items() if column in rows[j]),
                 number(0)) for j in kept] for i in kept]
    made = DomainMatrix(gram, (len(kept), len(kept)), QQ).to_dense()

    def solve_exactly(rest: list[Any]) -> list[Any]:
        side = DomainMatrix([[rest[i]] for i in kept], (len(kept), 1), QQ).to_dense()
        found = made.lu_solve(side).to_list()
        weights = [number(0)] * len(rows)
        for i, (w,) in zip(kept, found, strict=True):
            weights[i] = w
        return weights

    return solve_exactly
