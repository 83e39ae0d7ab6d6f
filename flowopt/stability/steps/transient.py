"""Transient growth of linear iterations: powers, pseudospectra, the Kreiss constant.

A spectral radius < 1 says what ‖Aᵏ‖ does in the end; a matrix that is not normal can first grow.
Kreiss's theorem: K(A) <= max ‖Aᵏ‖ <= e n K(A), with K(A) = sup over |z| > 1 of
(|z| − 1) ‖(z − A)⁻¹‖. Source: L. N. Trefethen, M. Embree, Spectra and Pseudospectra (2005),
Theorem 18.1; R. J. LeVeque, L. N. Trefethen, BIT 24 (1984) 584, for the constant e n.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.stability.steps.kreiss import certified_bound, kreiss_constant, square_of_bound


@dataclass(frozen=True)
class TransientGrowth:
    """How the powers of an iteration matrix grow before they fall.

    Attributes
    ----------
    matrix : ndarray, shape (n, n)
        A.
    norms : ndarray, shape (steps + 1,)
        ‖Aᵏ‖₂ for k = 0, 1, ….
    spectral_radius, norm : float
        ρ(A), and ‖A‖₂, the growth of one step.
    peak, peak_at : float, int
        The largest ‖Aᵏ‖ and its k.
    kreiss : float
        K(A), by maximisation on a grid with refinement: a numerical value.
    kreiss_bound : Fraction
        A lower bound of K(A) in rational arithmetic: sup ‖Aᵏ‖ is at least this (for the matrix as
        its entries stand).
    bound_at : tuple
        (z, v) of that bound: (|z| − 1)‖v‖/‖(z − A)v‖, with rational z > 1 or z < −1 or complex.

    Examples
    --------
    >>> import flowopt as fo
    >>> best = fo.stability.optimal_parameters("heavy_ball", mu=1.0, ell=100.0)
    >>> growth = fo.stability.transient_growth(best.optimizer(), curvature=(1.0, 100.0))
    >>> round(growth.spectral_radius, 6), round(growth.peak, 3), growth.peak_at
    (0.818182, 3.776, 5)
    """

    matrix: np.ndarray
    norms: np.ndarray
    spectral_radius: float
    norm: float
    peak: float
    peak_at: int
    kreiss: float
    kreiss_bound: Fraction
    bound_at: tuple[Any, Any]

    def check(self) -> bool:
        """Return whether the lower bound of the Kreiss constant holds, in rational arithmetic."""
        z, v = self.bound_at
        return square_of_bound(self.matrix, z, v) >= self.kreiss_bound**2

    def __repr__(self) -> str:
        return (f"<TransientGrowth: spectral radius {self.spectral_radius:.6g}, largest norm of a "
                f"power {self.peak:.6g} at k={self.peak_at}, Kreiss constant {self.kreiss:.6g}>")


def transient_growth(matrix_or_optimizer: Any, *, curvature: Any = 1.0, steps: int | None = None
                     ) -> TransientGrowth:
    """Return ‖Aᵏ‖ over k, its peak, and the Kreiss constant with a certified lower bound.

    Parameters
    ----------
    matrix_or_optimizer : array_like (n, n), or Optimizer
        A; or an optimizer, whose one-step matrix on ½λx² is taken in the coordinates
        (x_k, x_{k−1}) for two states, where its norm does not hang on how a momentum is scaled.
    curvature : float, or sequence of floats
        λ for an optimizer; of several, the block of the largest growth is given.
    steps : int, optional
        How many powers; by default until they have fallen below 1e-3 of their peak (at most
        100 000).

    Returns
    -------
    TransientGrowth

    Raises
    ------
    TypeError, ValueError
        For what is no square matrix of finite numbers, and a rule without a linear map.

    Examples
    --------
    >>> import flowopt as fo
    >>> growth = fo.stability.transient_growth([[0.9, 5.0], [0.0, 0.8]])
    >>> round(growth.peak, 3), growth.peak_at, growth.check()
    (13.478, 6, True)
    """
    from flowopt.optimizers.optimizer import Optimizer

    if isinstance(matrix_or_optimizer, Optimizer):
        many = np.atleast_1d(_check.array("curvature", curvature, "() or (k,)", (0, 1)))
        if not (many > 0).all():
            raise ValueError(f"curvature must be > 0, got {_check.shown(curvature)}")
        made = [transient_growth(iteration_matrix(matrix_or_optimizer, float(k)), steps=steps)
                for k in many]
        return max(made, key=lambda g: g.peak)
    matrix = _check.array("matrix", matrix_or_optimizer, "(n, n)", (2,))
    if matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ValueError(f"matrix must have shape (n, n), got {matrix.shape}")
    radius = float(np.abs(np.linalg.eigvals(matrix)).max())
    norms = _norms(matrix, radius, steps)
    place = int(norms.argmax())
    kreiss, z = kreiss_constant(matrix, radius)
    bound, at = certified_bound(matrix, z) if np.isfinite(kreiss) else (Fraction(0), (2, None))
    return TransientGrowth(matrix, norms, radius, float(norms[1]) if len(norms) > 1 else 1.0,
                           float(norms[place]), place, kreiss, bound, at)


def iteration_matrix(optimizer: Any, curvature: float) -> np.ndarray:
    """Return the one-step matrix of an optimizer on ½λx², (x_k, x_{k−1}) for two states.

    For a companion matrix the norm does not depend on the units of the momentum.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.stability.iteration_matrix(fo.optimizers.sgd(lr=0.1, momentum=0.5), 1.0)
    array([[ 1.4, -0.5],
           [ 1. ,  0. ]])
    """
    import sympy

    from flowopt.stability.exact import rational

    found = _found(optimizer)
    if not found.coefficients:
        raise ValueError(f"{optimizer.name} has no linear map: "
                         + "; ".join(found.notes))
    values = {**found.values, "lam": rational(curvature)}
    step = optimizer.hyper.get("lr", optimizer.method.h) if found.step == "lr" else \
        optimizer.method.h
    values[found.step] = rational(step)
    row = []
    for c in found.coefficients:
        free = {str(s) for s in c.free_symbols} - set(values)
        if free:
            raise ValueError(f"{optimizer.name} holds {', '.join(sorted(free))}, which has no "
                             "number; give a matrix")
        row.append(Fraction(str(sympy.Rational(c.subs({s: values[str(s)]
                                                       for s in c.free_symbols})))))
    n = len(row) - 1
    made = np.zeros((n, n))
    made[0] = [float(-c / row[0]) for c in row[1:]]
    made[1:, :-1] = np.eye(n - 1)
    return made


#: the linear maps of the optimizers that were asked for last, by their definitions
_known: dict[Any, Any] = {}


def _found(optimizer: Any) -> Any:
    """Return the step limit of an optimizer, found once for all its learning rates."""
    from flowopt.stability.steps.limits import step_limit

    own = {k: v for k, v in optimizer.hyper.items() if k != "lr"}
    key = (optimizer.flow.definition if optimizer.flow.rules else optimizer.flow.name,
           optimizer.clock.formula, repr(getattr(optimizer.method, "groups", None)),
           repr(sorted(own.items(), key=str)), repr(sorted(optimizer.maps.items())))
    if key not in _known:
        if len(_known) > 32:
            _known.clear()
        _known[key] = step_limit(optimizer)
    return _known[key]


def _norms(matrix: np.ndarray, radius: float, steps: int | None) -> np.ndarray:
    if steps is not None:
        most = _check.integer("steps", steps, at_least=1, at_most=100_000)
    else:
        most = 100_000 if radius < 1 else 1000
    power, found, peak = np.eye(len(matrix)), [1.0], 1.0
    for _ in range(most):
        power = power @ matrix
        found.append(float(np.linalg.norm(power, 2)))
        peak = max(peak, found[-1])
        if steps is None and (found[-1] < 1e-3 * peak or not np.isfinite(found[-1])):
            break
    return np.array(found)


def pseudospectrum(matrix: Any, x: Any = None, y: Any = None) -> tuple[np.ndarray, np.ndarray,
                                                                      np.ndarray]:
    """Return the least singular value of z − A on a grid: its level sets are pseudospectra.

    The ε-pseudospectrum is where it is < ε: the eigenvalues of all A + E with ‖E‖ < ε.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
        A.
    x, y : array_like, shape (k,), (m,), optional
        The grid of real and imaginary parts; by default a box around the unit circle and all
        eigenvalues.

    Returns
    -------
    x (k,), y (m,), sigma (m, k)

    Examples
    --------
    >>> x, y, sigma = pseudospectrum([[0.5, 0.0], [0.0, 0.5]], [0.5, 1.5], [0.0])
    >>> sigma
    array([[0., 1.]])
    """
    matrix = _check.array("matrix", matrix, "(n, n)", (2,))
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix must have shape (n, n), got {matrix.shape}")
    reach = 1.5 * max(1.0, float(np.abs(np.linalg.eigvals(matrix)).max()))
    x = np.linspace(-reach, reach, 121) if x is None else _check.array("x", x, "(k,)", (1,))
    y = np.linspace(-reach, reach, 121) if y is None else _check.array("y", y, "(m,)", (1,))
    z = x[None, :] + 1j * y[:, None]
    shifted = z[..., None, None] * np.eye(len(matrix)) - matrix
    return x, y, np.linalg.svd(shifted, compute_uv=False)[..., -1]


def numerical_abscissa(matrix: Any) -> float:
    """Return the largest eigenvalue of (A + Aᵀ)/2: the slope of ‖exp(tA)‖ at t = 0.

    Source: Trefethen & Embree (2005), Eq. (17.3).

    Examples
    --------
    >>> numerical_abscissa([[-1.0, 4.0], [0.0, -1.0]])
    1.0
    """
    matrix = _check.array("matrix", matrix, "(n, n)", (2,))
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix must have shape (n, n), got {matrix.shape}")
    return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])
