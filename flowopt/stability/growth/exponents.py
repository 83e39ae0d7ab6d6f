"""Lyapunov exponents of fields, of methods as maps, and of optimizers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check

#: how runs end; see `LyapunovSpectrum.status`
STATUSES = ("converged", "periodic", "unstable", "chaotic", "regular", "neutral", "diverged")


@dataclass(frozen=True)
class LyapunovSpectrum:
    """A Lyapunov spectrum, largest first, with what it rests on.

    For one start the arrays are as below; for N starts they have N as first axis.

    Attributes
    ----------
    exponents : ndarray, shape (k,)
        The exponents, in 1/step for maps and in 1/time for fields; NaN for a run that diverged.
    standard_error, low, high : ndarray, shape (k,)
        Of the mean over 32 batches of the run, and the ends of its 95 % interval (Student's t),
        widened by the drift of the batches where that is more than their noise. They are 0 and
        equal to the value where it comes from the eigenvalues of a rest or a cycle.
    status : str
        "converged" (to a rest or fixed point), "periodic" (a map's cycle), both with exponents
        from eigenvalues; "unstable" (the run stays on a rest or cycle that repels); "chaotic" (the
        largest exponent is above 0 by its interval), "regular" (below), "neutral" (0 lies in
        the interval: a limit cycle, a torus, or too short a run); "diverged".
    period : int
        Of a map's cycle (1: fixed point); 0: none found.
    unit : str
        "step" or "time".
    step : float
        The step of the map, or the one that was taken for the field.
    times : ndarray, shape (B,)
        Where the batches end, in steps or in time.
    history : ndarray, shape (B, k)
        The estimates up to there.
    divergence : float
        The mean of div F along the run of a field, NaN for maps; equal to `sum` up to rounding
        and the error of the quadrature when all m exponents are there.
    orbit : ndarray, shape (128, m)
        Its last states: of a map, of each step; of a field, over a twentieth of the run.
    message : str
        The status as a sentence.
    seed : int
        Of the first frame.
    """

    exponents: np.ndarray
    standard_error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    status: Any
    period: Any
    unit: str
    step: float
    times: np.ndarray
    history: np.ndarray
    divergence: Any
    orbit: np.ndarray
    message: Any
    seed: int

    @property
    def sum(self) -> Any:
        """The sum of the exponents; of all m, the mean growth rate of volume."""
        made = self.exponents.sum(axis=-1)
        return float(made) if np.ndim(made) == 0 else made

    @property
    def interval(self) -> np.ndarray:
        """The ends of the 95 % interval of each exponent: (k, 2)."""
        return np.stack([self.low, self.high], axis=-1)

    @property
    def largest(self) -> Any:
        """The largest exponent."""
        made = self.exponents[..., 0]
        return float(made) if np.ndim(made) == 0 else made

    @property
    def per_time(self) -> np.ndarray:
        """The exponents in 1/time: those of a map divided by its step."""
        return self.exponents / self.step if self.unit == "step" else self.exponents

    @property
    def kaplan_yorke(self) -> Any:
        """The Kaplan–Yorke dimension j + Σ_{i≤j} λᵢ/|λ_{j+1}|, j the last with a sum ≥ 0.

        NaN where the run diverged, or where the sums of the exponents that were computed never
        fall below 0 though there are more of them. Source: Frederickson, Kaplan, Yorke & Yorke,
        J. Differential Equations 49 (1983) 185.
        """
        rows = np.atleast_2d(self.exponents)
        made = np.array([_kaplan_yorke(row, self.orbit.shape[-1]) for row in rows])
        return float(made[0]) if self.exponents.ndim == 1 else made

    def __repr__(self) -> str:
        if self.exponents.ndim == 2:
            kinds, counts = np.unique(self.status, return_counts=True)
            what = ", ".join(f"{c} {k}" for k, c in zip(kinds, counts, strict=True))
            return f"<LyapunovSpectrum of {len(self.exponents)} runs, per {self.unit}: {what}>"
        text = ", ".join(f"{v:.6g} ± {e:.1g}" for v, e in zip(
            self.exponents, self.high - self.exponents, strict=True))
        return f"<LyapunovSpectrum per {self.unit}: {text}; {self.status}>"


def _kaplan_yorke(values: np.ndarray, m: int) -> float:
    if np.isnan(values).any():
        return np.nan
    total = np.cumsum(values)
    below = np.nonzero(total < 0)[0]
    if not len(below):
        return float(m) if len(values) == m else np.nan
    j = int(below[0])
    if j == 0:
        return 0.0
    return float(j + total[j - 1] / abs(values[j]))


def lyapunov_exponents(system: Any, x0: Any, *, loss: Any = None, method: Any = None,
                       k: int | None = None, t: Any = None, steps: int | None = None,
                       transient: float | None = None, parameters: Mapping[str, Any] | None = None,
                       seed: int = 0) -> LyapunovSpectrum:
    """Return the Lyapunov spectrum of a field, of a method as a map, or of an optimizer.

    λ₁ ≥ λ₂ ≥ …: the mean rates at which a frame of tangent vectors grows under the exact
    derivative of the motion (from the expressions of F, stage by stage), made orthonormal
    after each step. For a run that settles on a rest or a cycle, the logarithms of the absolute
    values of the multipliers there (or the real parts of the eigenvalues): these are the limit,
    which the mean over a run approaches only as 1/t.

    Parameters
    ----------
    system : VectorField or Optimizer
        A smooth field (without `method`: its flow, exponents per unit of time), a field with a
        method of fixed step, or an optimizer (exponents per step).
    x0 : array_like, shape (n,), (m,), (N, n) or (N, m)
        One start or many, side by side.
    loss : Loss or str
        For an optimizer only.
    method : Method, optional
        An explicit Runge–Kutta method, `SequentialEuler` or `SymplecticEuler`: the map.
    k : int, optional
        How many exponents; by default all m.
    t : (float, float), optional
        The span for a field; by default (0, 1000).
    steps : int, optional
        The number of steps of a map; by default 100 000.
    transient : float, optional
        The part of the span, or the number of steps, that is left out at the beginning; by default
        a tenth.
    parameters : mapping of str to float or array_like (N,), optional
        Other values of the field's parameters, one for all runs or one for each.
    seed : int
        Of the frame that the tangent vectors begin with.

    Returns
    -------
    LyapunovSpectrum
        A run that diverges has the status "diverged" and exponents NaN.

    Raises
    ------
    ValueError, TypeError
        For fields of kernels, for flows (not maps) that have switching surfaces, and for maps
        that have noise or an implicit step.

    Notes
    -----
    The flow of a field is followed by the weights of DOP853 at a fixed step, half the least one
    that its error control takes on a trial run. The status speaks of the run that was taken: chaos
    that would die out later is "chaotic", and so is the long wandering before a rest.

    References
    ----------
    Benettin, Galgani, Giorgilli & Strelcyn, Meccanica 15 (1980) 9 and 21.

    Examples
    --------
    >>> import flowopt as fo
    >>> descent = fo.optimizers.gradient_descent(lr=3.0)      # the logistic map with r = 4
    >>> made = fo.lyapunov_exponents(descent, [0.1], loss="x**2/2 - x**3/3", steps=50_000)
    >>> made.status, round(made.largest, 2)                   # log 2
    ('chaotic', 0.69)
    >>> fo.lyapunov_exponents(fo.VectorField(["-9*x/10"], ["x"]), [1.0], t=(0, 100)).exponents
    array([-0.9])
    """
    from flowopt.stability.growth.spectrum_problem import problem
    from flowopt.stability.growth.spectrum_run import measured

    seed = _check.integer("seed", seed, at_least=0)
    made = problem(system, x0, loss, method, k, t, steps, transient, parameters)
    return measured(made, seed)
