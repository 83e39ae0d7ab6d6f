"""Names of equilibria from exact counts of eigenvalues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.rest.forms import NotAlgebraic, value
from flowopt.stability.rest.spectrum import Count, characteristic, count, eigenvalues, symmetric


def motion(found: Count) -> str:
    """Return node, focus, saddle or non-hyperbolic for the eigenvalues of a Jacobian."""
    if not found.hyperbolic:
        return "non-hyperbolic"
    if found.left and found.right:
        return "saddle"
    return "node" if found.real == found.left + found.right else "focus"


def critical(found: Count) -> str:
    """Return minimum, maximum, saddle or degenerate for the eigenvalues of a Hessian."""
    if found.zero:
        return "degenerate"
    if found.left and found.right:
        return "saddle"
    return "minimum" if found.right else "maximum"


def loss_at(asked: Any, at: dict[Any, Number]) -> float:
    """Return the loss at an exact point: by exact arithmetic where it is algebraic."""
    try:
        return float(value(asked.loss, at))
    except (NotAlgebraic, ZeroDivisionError):
        return float(asked.field.loss.value([float(at[v]) for v in asked.variables[:asked.n]]))


def matrix(exprs: Sequence[Any], variables: Sequence[Any], at: dict[Any, Number]
           ) -> list[list[Number]]:
    """Return ∂exprs/∂variables at an exact point."""
    return [[value(e.diff(v), at) for v in variables] for e in exprs]


def spectrum(entries: list[list[Number]]) -> tuple[list[Number], Count, np.ndarray, np.ndarray]:
    """Return the characteristic polynomial, the counts, the eigenvalues and their radii."""
    chi = characteristic(entries)
    guess = np.linalg.eigvals(np.array([[float(c) for c in row] for row in entries]))
    values, radii = eigenvalues(chi, guess)
    found = symmetric(chi) if all((entries[i][j] - entries[j][i]).zero for i in range(len(entries))
                                  for j in range(i)) else count(chi)
    if found.real == len(values):
        values = values.real + 0j
    return chi, found, values, radii
