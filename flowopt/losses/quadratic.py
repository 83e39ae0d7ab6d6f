"""The quadratic form of a matrix as a `Loss`, and whether it certainly has a least value.

The least value is stated only where a Cholesky factor proves the matrix positive definite. How
a sum over x1 ... xn is written, and the most variables it may have, serve `landscapes` as well.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from flowopt._check import array
from flowopt.losses.loss import Loss
from flowopt.symbolic.parse import MAX_CHARACTERS, parse

MAX_DIMENSION = 200  #: every coordinate is written out: at 400 the kernels take a minute to compile
MAX_ENTRIES = 3000  #: 1275 terms, a dense A of n = 50, take ten seconds to become kernels
USE_KERNEL = "for a larger one write the loss as a kernel with Loss.from_kernel"


def quadratic(A: ArrayLike, b: ArrayLike | None = None) -> Loss:
    """Return the quadratic form of a symmetric matrix.

    ``L(x) = x^T A x / 2 - b^T x``. The entries enter the text as their shortest exact
    decimals. When A is positive definite the minimiser is ``A^{-1} b`` and the least value
    ``-b^T A^{-1} b / 2``. When A is singular, indefinite, or too close to singular for
    double precision to tell, ``minimum`` and ``minima`` are None.

    Parameters
    ----------
    A : array_like, shape (n, n)
        Finite and exactly symmetric; a number is taken as a 1 x 1 matrix. n is at most 200,
        with at most 3000 nonzero entries on and above the diagonal (a dense A of n = 76).
    b : array_like, shape (n,), optional
        Finite; zero when not given.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If a shape is wrong, an entry is not finite, A is not symmetric, or A is too large.

    References
    ----------
    Hestenes & Stiefel (1952), Methods of conjugate gradients for solving linear systems,
    J. Res. Natl. Bur. Stand. 49, 409-436.

    Examples
    --------
    >>> loss = quadratic([[2.0, 1.0], [1.0, 3.0]], b=[1.0, 3.0])
    >>> loss.minimum, loss.minima
    (-1.5, ((0.0, 1.0),))
    """
    matrix = np.atleast_2d(array("A", A, "(n, n)", (0, 2)))
    n = len(matrix)
    if matrix.shape != (n, n):
        raise ValueError(f"A must have shape (n, n), got shape {matrix.shape}")
    if not np.array_equal(matrix, matrix.T):
        gap = np.abs(matrix - matrix.T).max()
        raise ValueError(
            f"A must be symmetric, got A - A.T with entries up to {gap:.3g}; "
            "(A + A.T)/2 is symmetric and gives the same quadratic form"
        )
    vector = np.zeros(n) if b is None else np.atleast_1d(array("b", b, f"({n},)", (0, 1)))
    if vector.shape != (n,):
        raise ValueError(f"b must have shape ({n},) to fit A, got shape {vector.shape}")
    if n > MAX_DIMENSION:
        raise ValueError(f"A must have n <= {MAX_DIMENSION}, got n = {n}; {USE_KERNEL}")
    if (entries := np.count_nonzero(np.triu(matrix))) > MAX_ENTRIES:
        raise ValueError(
            f"A must have fewer nonzero entries, got {entries} on and above the diagonal, of which "
            f"{MAX_ENTRIES} are written out; {USE_KERNEL}"
        )
    names = coordinates(n)
    rows, columns = np.nonzero(np.triu(matrix))
    terms = [
        f"{entry!r}*{names[i]}**2/2" if i == j else f"{entry!r}*{names[i]}*{names[j]}"
        for i, j, entry in zip(rows, columns, matrix[rows, columns].tolist(), strict=True)
    ]
    terms += [f"{-c!r}*{name}" for c, name in zip(vector.tolist(), names, strict=True) if c]
    text = joined(terms) or "0"
    formula = text if len(text) <= MAX_CHARACTERS else _sum_of_products(terms)
    minimum, minima = _quadratic_minimum(matrix, vector)
    return Loss(
        formula,
        variables=names,
        minimum=minimum,
        minima=minima,
        name="quadratic",
        reference="Hestenes & Stiefel (1952), J. Res. Natl. Bur. Stand. 49, 409-436.",
    )


def _sum_of_products(terms: Sequence[str]) -> Any:
    """Return the sum of some terms as a sympy expression: too long for one text."""
    import sympy

    symbols: dict[str, Any] = {}
    parsed = [parse(term) for term in terms]
    for one in parsed:
        for name in one.names:
            symbols.setdefault(name, sympy.Symbol(name, real=True))
    return sympy.Add(*[one.to_sympy(symbols) for one in parsed])


def coordinates(n: int) -> tuple[str, ...]:
    """Return the names x1 ... xn."""
    return tuple(f"x{i}" for i in range(1, n + 1))


def joined(terms: Sequence[str]) -> str:
    """Return the text of a sum, with a minus for each term that starts with one."""
    return " + ".join(terms).replace("+ -", "- ")


def _quadratic_minimum(
    A: np.ndarray, b: np.ndarray
) -> tuple[float | None, tuple[tuple[float, ...], ...] | None]:
    """Least value and minimiser, or (None, None) unless A is certainly positive definite."""
    n, diagonal = len(A), np.diag(A)
    if not (diagonal > 0).all():
        return None, None
    # Powers of two bring the diagonal into [1/2, 2) without rounding, so that scales do not
    # matter; a Cholesky factor of the matrix less this shift then proves definiteness
    # (Rump 2006, BIT 46, 433-452), with room for the rounding of the entries.
    scale = np.ldexp(1.0, -(np.frexp(diagonal)[1] // 2))
    with np.errstate(all="ignore"):
        scaled = scale[:, None] * A * scale
        shift = (n + 4) * np.finfo(float).eps * np.trace(scaled)
        try:
            np.linalg.cholesky(scaled - shift * np.eye(n))
            return _refined(A, b, scaled, scale) if b.any() else (0.0, ((0.0,) * n,))
        except np.linalg.LinAlgError:  # not certainly positive definite
            return None, None
        except (OverflowError, ValueError):  # the minimiser or its value is outside the doubles
            return None, None


def _refined(
    A: np.ndarray, b: np.ndarray, scaled: np.ndarray, scale: np.ndarray
) -> tuple[float, tuple[tuple[float, ...], ...]]:
    """Least value and minimiser by refinement with residuals exact in the text's decimals."""
    rows, columns = np.nonzero(A)
    values = [Fraction(repr(a)) for a in A[rows, columns].tolist()]
    entries = list(zip(rows.tolist(), columns.tolist(), values, strict=True))
    target = [Fraction(repr(c)) for c in b.tolist()]
    x = np.zeros(len(b))
    for _ in range(30):  # two or three rounds unless A is nearly singular
        residual = list(target)
        point = [Fraction(v) for v in x.tolist()]
        for i, j, a in entries:
            residual[i] -= a * point[j]
        step = scale * np.linalg.solve(scaled, scale * [float(r) for r in residual])
        if np.array_equal(x + step, x):
            break
        x = x + step
    # x^T A x/2 - b^T x = -x^T (b + r)/2 with r = b - A x, taken at the point of the last r
    doubled = sum(v * (c + r) for v, c, r in zip(point, target, residual, strict=True))
    return 0.0 - float(doubled / 2), (tuple(x.tolist()),)
