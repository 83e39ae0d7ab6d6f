"""How far a stable iteration may grow before it falls: norms of powers, pseudospectra, Kreiss.

An iteration with spectral radius ρ < 1 tends to 0, and ‖Aᵏ‖ may be far above 1 first: A is not
normal. With K = sup_{|z| > 1} (|z| − 1) ‖(zI − A)⁻¹‖, the Kreiss constant,

    K <= max_k ‖Aᵏ‖ <= e n K.

Source: L. N. Trefethen, M. Embree, Spectra and Pseudospectra (2005), Eqs. (14.1) and (18.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.stability.exact import fraction

#: most powers that are formed
MOST = 1_000_000


@dataclass(frozen=True)
class Growth:
    """The transient growth of an iteration.

    Attributes
    ----------
    matrices : ndarray, shape (b, n, n)
        The blocks of the iteration: one for each curvature.
    norms : ndarray, shape (k + 1,)
        ‖Aᵏ‖₂, the largest over the blocks.
    spectral_radius : float
        The largest modulus of an eigenvalue.
    kreiss : float
        A lower bound of the Kreiss constant, rounded down.
    certificate : dict
        z and a vector u as texts of rationals, and the block, with
        K >= (|z| − 1) ‖u‖/‖(zI − A)u‖; see `kreiss_bound`.
    """

    matrices: np.ndarray
    norms: np.ndarray
    spectral_radius: float
    kreiss: float
    certificate: dict[str, Any]

    @property
    def peak(self) -> float:
        """The largest norm of a power."""
        return float(self.norms.max())

    @property
    def at(self) -> int:
        """The number of steps after which the norm is the largest."""
        return int(self.norms.argmax())

    @property
    def upper(self) -> float:
        """The bound e n K of all norms, with the lower bound of K: an estimate, no theorem."""
        return math.e * self.matrices.shape[1] * self.kreiss

    def __repr__(self) -> str:
        return (f"<Growth: peak {self.peak:.6g} after {self.at} steps, spectral radius "
                f"{self.spectral_radius:.6g}, Kreiss constant >= {self.kreiss:.6g}>")


def iteration_matrix(optimizer: Any, curvature: float) -> np.ndarray:
    """Return the matrix of an optimizer on ½λx², in the coordinates (x_k, x_{k−1}, ...).

    It is the companion matrix of the characteristic polynomial of one step, so that its norm does
    not hang on how an implementation scales its momentum.

    Parameters
    ----------
    optimizer : Optimizer
        One that is linear on quadratic losses, with the step and the numbers that it has.
    curvature : float
        λ.

    Returns
    -------
    ndarray, shape (n, n)

    Raises
    ------
    ValueError
        When its step has no linearisation, or holds a frozen scale.

    Examples
    --------
    >>> import flowopt as fo
    >>> iteration_matrix(fo.optimizers.heavy_ball(lr=0.5, momentum=0.25), 1.0)
    array([[ 0.75, -0.25],
           [ 1.  ,  0.  ]])
    """
    import sympy

    from flowopt.optimizers.optimizer import Optimizer
    from flowopt.stability.step_limit import step_limit

    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, got {_check.shown(optimizer)}")
    curvature = _check.real("curvature", curvature)
    found = step_limit(optimizer)
    polynomial = found.polynomial
    if polynomial is None or found.held:
        raise ValueError(f"{optimizer.name} has no fixed matrix on a quadratic loss: "
                         + (", ".join(f"{k} = {v}" for k, v in found.held.items())
                            or "its step is not linear there"))
    numbers = {**{k: float(v) for k, v in found.values.items()}, "lam": curvature,
               found.step: float(optimizer.hyper.get(found.step, optimizer.clock.step))}
    values = {s: numbers[str(s)] for s in polynomial.free_symbols if str(s) != "zeta"}
    zeta = next(s for s in polynomial.free_symbols if str(s) == "zeta")
    rows = [float(c.xreplace({s: sympy.Float(v, 17) for s, v in values.items()}))
            for c in sympy.Poly(polynomial, zeta).all_coeffs()]
    n = len(rows) - 1
    made = np.diag(np.ones(n - 1), -1)
    made[0] = -np.array(rows[1:]) / rows[0]
    return made


def transient_growth(given: Any, curvature: Any = None, *, steps: int = 200) -> Growth:
    """Return the norms of the powers of an iteration, and a bound of its Kreiss constant.

    Parameters
    ----------
    given : array_like, shape (n, n) or (b, n, n), or Optimizer
        The matrix, its diagonal blocks, or an optimizer.
    curvature : float or sequence of floats
        For an optimizer: the curvatures of the quadratic loss.
    steps : int, >= 1
        The largest power.

    Returns
    -------
    Growth

    Raises
    ------
    TypeError, ValueError
        For what is no square matrix of finite numbers, an optimizer without curvatures, and
        curvatures without an optimizer.

    Examples
    --------
    Polyak's optimal heavy ball at condition number 100 shrinks by 9/11 a step in the end, and
    grows first:

    >>> import flowopt as fo
    >>> ball = fo.optimizers.heavy_ball(lr=4/121, momentum=(9/11)**2)
    >>> growth = fo.stability.transient_growth(ball, curvature=[1.0, 100.0])
    >>> growth.at, round(growth.peak, 3), round(growth.spectral_radius, 3)
    (5, 3.776, 0.818)
    """
    steps = _check.integer("steps", steps, at_least=1, at_most=MOST)
    blocks = _blocks(given, curvature)
    power = np.broadcast_to(np.eye(blocks.shape[1]), blocks.shape)
    norms = [1.0]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            power = blocks @ power
            if not np.isfinite(power).all():
                norms.append(math.inf)
                break
            norms.append(float(np.linalg.norm(power, 2, axis=(1, 2)).max()))
    radius = float(np.abs(np.linalg.eigvals(blocks)).max())
    bound, certificate = _kreiss(blocks)
    return Growth(blocks, np.array(norms), radius, bound, certificate)


def _blocks(given: Any, curvature: Any) -> np.ndarray:
    if hasattr(given, "flow"):
        if curvature is None:
            raise ValueError("curvature must be given for an optimizer, such as curvature=[1, 100]")
        values = _check.array("curvature", curvature, "() or (k,)", (0, 1))
        return np.array([iteration_matrix(given, float(v)) for v in np.atleast_1d(values)])
    if curvature is not None:
        raise ValueError("curvature has no effect with a matrix; leave it out")
    made = _check.array("given", given, "(n, n) or (b, n, n)", (2, 3))
    made = made[None] if made.ndim == 2 else made
    if made.shape[1] != made.shape[2]:
        raise ValueError(f"given must have shape (n, n) or (b, n, n), got {np.shape(given)}")
    return made


def pseudospectrum(matrix: Any, re: Sequence[float], im: Sequence[float], points: int = 101
                   ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the least singular value of zI − A on a grid of complex z.

    The ε-pseudospectrum is where it is <= ε: the eigenvalues of all matrices within ε of A.

    Parameters
    ----------
    matrix : array_like, shape (n, n) or (b, n, n)
        A, or its diagonal blocks.
    re, im : pair of floats
        The ranges of the real and the imaginary part.
    points : int
        The grid's points along each side.

    Returns
    -------
    x, y : ndarray, shape (points,)
        The real and imaginary parts.
    sigma : ndarray, shape (points, points)
        The least singular value at x[j] + i y[k], at [k, j].

    Examples
    --------
    For a normal matrix it is the distance to the spectrum:

    >>> x, y, sigma = pseudospectrum([[1.0, 0.0], [0.0, -1.0]], (-2, 2), (-1, 1), points=5)
    >>> sigma[2]
    array([1., 0., 1., 0., 1.])
    """
    blocks = _blocks(matrix, None)
    points = _check.integer("points", points, at_least=2, at_most=2001)
    sides = []
    for name, pair in (("re", re), ("im", im)):
        if np.shape(pair) != (2,):
            raise ValueError(f"{name} must be a pair (low, high), got {_check.shown(pair)}")
        low, high = (_check.real(name, v) for v in pair)
        if not low < high:
            raise ValueError(f"{name} must have its lower end first, got ({low:g}, {high:g})")
        sides.append(np.linspace(low, high, points))
    x, y = sides
    z = x[None, :] + 1j * y[:, None]
    return x, y, _least(blocks, z)


def _least(blocks: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the least singular value of zI − A over all blocks, for an array of z."""
    unit = np.eye(blocks.shape[1])
    made = np.full(z.shape, np.inf)
    for block in blocks:
        values = np.linalg.svd(z[..., None, None] * unit - block, compute_uv=False)
        made = np.minimum(made, values[..., -1])
    return made


def numerical_abscissa(matrix: Any) -> float:
    """Return ω(A) = λ_max((A + Aᵀ)/2), the slope of ‖exp(tA)‖ at t = 0.

    Where it is > 0 a flow ẏ = Ay grows at first, however stable it is.

    Examples
    --------
    >>> numerical_abscissa([[-1.0, 10.0], [0.0, -2.0]]) > 0
    True
    """
    blocks = _blocks(matrix, None)
    return float(np.linalg.eigvalsh((blocks + blocks.transpose(0, 2, 1)) / 2).max())


# -------------------------------------------------------------------- Kreiss
def _kreiss(blocks: np.ndarray) -> tuple[float, dict[str, Any]]:
    """Return a proved lower bound of the Kreiss constant, and what proves it."""
    if np.abs(np.linalg.eigvals(blocks)).max() > 1:
        return math.inf, {}
    best: tuple[float, complex, int] = (0.0, 2.0 + 0.0j, 0)
    for index, block in enumerate(blocks):
        gaps, angles = np.geomspace(1e-6, 10.0, 61), np.linspace(0.0, np.pi, 181)
        for _ in range(4):  # ever finer about the best point
            z = (1 + gaps[:, None]) * np.exp(1j * angles)
            with np.errstate(divide="ignore"):
                value = gaps[:, None] / _least(block[None], z)
            i, j = divmod(int(np.nanargmax(value)), value.shape[1])
            if value[i, j] > best[0]:
                best = (float(value[i, j]), complex(z[i, j]), index)
            wide_g = gaps[min(i + 1, len(gaps) - 1)] / gaps[max(i - 1, 0)]
            wide_a = angles[min(j + 1, len(angles) - 1)] - angles[max(j - 1, 0)]
            gaps = gaps[i] * np.geomspace(1 / wide_g, wide_g, 31)
            angles = np.linspace(angles[j] - wide_a, angles[j] + wide_a, 31)
    _, z0, index = best
    u = np.linalg.svd(z0 * np.eye(blocks.shape[1]) - blocks[index])[2][-1].conj()
    certificate = {"block": index, "z": _pair(z0), "u": [_pair(v) for v in u]}
    return kreiss_bound(blocks[index], certificate), certificate


def _pair(z: complex) -> list[str]:
    return [str(fraction(float(f"{part:.12g}"))) for part in (z.real, z.imag)]


def kreiss_bound(matrix: Any, certificate: dict[str, Any]) -> float:
    """Return (|z| − 1) ‖u‖/‖(zI − A)u‖ from rational arithmetic, rounded down: K is no less.

    The entries of A are taken as the doubles that they are.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
        A.
    certificate : dict
        "z" and "u": pairs (real, imaginary) of texts of rationals.

    Examples
    --------
    >>> kreiss_bound([[0.0, 0.0], [0.0, 0.0]], {"z": ["2", "0"], "u": [["1", "0"], ["0", "0"]]})
    0.5
    """
    A = [[Fraction(float(v)) for v in row] for row in np.asarray(matrix, dtype=float)]
    a, b = (fraction(v) for v in certificate["z"])
    u = [(fraction(p), fraction(q)) for p, q in certificate["u"]]
    image = []
    for i, row in enumerate(A):
        real = a * u[i][0] - b * u[i][1] - sum(v * p for v, (p, _) in zip(row, u, strict=True))
        imag = a * u[i][1] + b * u[i][0] - sum(v * q for v, (_, q) in zip(row, u, strict=True))
        image.append((real, imag))
    modulus = _root_below(a * a + b * b) - 1
    if modulus <= 0:
        return 0.0
    above = sum(p * p + q * q for p, q in image)
    if above == 0:
        return math.inf
    bound = modulus * _root_below(sum(p * p + q * q for p, q in u) / above)
    made = float(bound)
    return made if Fraction(made) <= bound else math.nextafter(made, 0.0)


def _root_below(value: Fraction) -> Fraction:
    """Return a rational a little below the root of a positive number."""
    scale = 10**30
    return Fraction(math.isqrt(value.numerator * scale**2 // value.denominator), scale)
