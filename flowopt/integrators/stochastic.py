"""Methods with noise, for dY = F dt + √(2T) dW and for Langevin dynamics; see kernels/noise.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from flowopt import _check, _native
from flowopt.integrators import langevin
from flowopt.integrators.methods import FixedStep
from flowopt.integrators.temperature import Heat, checked_temperature


@dataclass(frozen=True)
class Noisy(FixedStep):
    """A method of fixed step with additive noise of a temperature.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    temperature : float >= 0, str or sympy expression
        T, in units of the loss; or a formula of time and parameters.
    path_step : float, optional
        The fine step of the Brownian path: h is a whole multiple of it.
    """

    temperature: Any = 0.0
    path_step: float | None = field(default=None, kw_only=True)
    stochastic: ClassVar[bool] = True
    #: the compiled stepper, the numbers it draws for each coordinate and fine step, the fractions
    #: of a step at which it looks at T, and its evaluations of F: each step, and once
    stepper: ClassVar[str]
    streams: ClassVar[int] = 1
    nodes: ClassVar[tuple[float, ...]] = (0.0,)
    cost: ClassVar[tuple[int, int]] = (1, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "temperature", checked_temperature(self.temperature))
        if self.path_step is None:
            return
        fine = _check.real("path_step", self.path_step, above=0.0)
        object.__setattr__(self, "path_step", fine)
        whole = round(self.h / fine)
        if whole < 1 or abs(self.h - whole * fine) > 1e-9 * self.h:
            raise ValueError(f"h must be a whole multiple of path_step={fine:g}, got {self.h:g}; "
                             "the fine step must be the shortest of the steps to be compared")

    def fine(self, start: float, end: float) -> tuple[int, int, float, float]:
        """Return the fine steps of a step and of the last one, their length, and the last's."""
        total, _, last = self.steps(start, end)
        if self.path_step is None:
            return 1, 1, self.h, abs(last)
        many = round(self.h / self.path_step)
        length = self.h / many
        count = FixedStep(length).steps(start, end)[0] - (total - 1) * many
        count = min(max(count, 1), many)
        rest = abs(last) - (count - 1) * length
        return many, count, length, length if abs(rest - length) <= 1e-9 * length else rest

    def noisy(self, vector_field: Any) -> int:
        """Return the number of coordinates with noise."""
        return int(vector_field.n)

    def frictions(self, vector_field: Any, p: np.ndarray) -> np.ndarray:
        """Return the friction of each run (N,); the methods without one do not read it."""
        return np.zeros(len(p))

    def check(self, vector_field: Any, p: np.ndarray, start: float, end: float) -> None:
        """Refuse, before any work, what the field or the temperature does not allow."""
        Heat(self.temperature, vector_field).check(p, start, self.steps(start, end), self.nodes)

    def apparatus(self, vector_field: Any, p: np.ndarray, width: int, span: Any, lane0: int,
                  seed: int | np.ndarray) -> Noise:
        """Return what the compiled stepper needs for a block of lanes."""
        return Noise(self, vector_field, p, width, span, lane0, seed)


@dataclass(frozen=True)
class EulerMaruyama(Noisy):
    """Euler–Maruyama for dY = F dt + √(2T) dW: y⁺ = y + h F(t, y) + √(2 T(t)) ΔW.

    With F = −∇L this is Langevin dynamics, whose law tends to exp(−L/T) up to the step's bias. The
    noise acts on θ only. Weak order 1, and strong order 1 since the noise is additive.

    Random numbers come from a counter (Philox4x32-10), so a path depends on `seed` and the number
    of the run alone: not on threads, on the other runs, or on how the work is cut. Methods of the
    same seed, start and ``path_step`` see the same Brownian path. Between its steps a run is
    unknown: there is no dense output, and a time to save inside a step gets the point on the line
    between the two steps, whose variance is too small by up to T h/2.

    Source: Kloeden & Platen, Numerical Solution of SDEs (1992), Eq. (10.2.4); the generator:
    Salmon et al., SC 2011.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    temperature : float >= 0, str or sympy expression
        T, in units of the loss. A formula such as ``"1/(1 + t)"`` may hold time, parameters of the
        field, and further names whose values an ensemble gets in ``parameters=``, one for all
        runs or one for each. It is looked at at the start of each step.
    path_step : float, optional
        The fine step of the Brownian path, of which h is a whole multiple: runs with several h
        and one ``path_step`` see the same path. Costs a random number for each fine step.

    Examples
    --------
    >>> import flowopt as fo
    >>> bowl = fo.flows.GradientFlow().on(fo.Loss("x**2/2"))
    >>> ens = fo.ensemble(bowl, [[0.0]] * 4000, t=(0.0, 10.0), seed=1,
    ...                   method=fo.EulerMaruyama(h=0.05, temperature=0.3))
    >>> bool(abs(ens.x.var() - 0.3 / (1 - 0.05 / 2)) < 0.03)
    True

    One path with two steps:

    >>> ends = [fo.integrate(bowl, [1.0], t=(0.0, 1.0), seed=3, method=fo.EulerMaruyama(
    ...         h=h, temperature="0.1/(1 + t)", path_step=0.001)).y[-1, 0] for h in (0.002, 0.001)]
    >>> bool(abs(ends[0] - ends[1]) < 0.002)
    True
    """

    order: ClassVar[float] = 1
    stepper: ClassVar[str] = "maruyama"


@dataclass(frozen=True)
class SRA1(Noisy):
    """Rößler's SRA1 for dY = F dt + √(2T) dW: strong order 1.5, for additive noise.

    With g(t) = √(2 T(t)), and ΔZ = ∫ (W(s) − W(t)) ds over the step,

        H  = y + ¾ h F(t, y) + (3/2) g(t + h) ΔZ/h,
        y⁺ = y + h (⅓ F(t, y) + ⅔ F(t + ¾ h, H)) + g(t + h) ΔW + (g(t) − g(t + h)) ΔZ/h.

    Weak order 2. What `EulerMaruyama` says of seeds, paths and saved times holds here too; both
    see the same path.

    Source: Rößler, SIAM J. Numer. Anal. 48 (2010) 922, the scheme SRA1.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    temperature : float >= 0, str or sympy expression
        As for `EulerMaruyama`; looked at at the start and at the end of each step. Where T falls
        to 0, √T is not smooth and the order is lower.
    path_step : float, optional
        The fine step of the Brownian path, as for `EulerMaruyama`.

    Examples
    --------
    >>> import flowopt as fo
    >>> bowl = fo.flows.GradientFlow().on(fo.Loss("x**2/2"))
    >>> def end(method, h):
    ...     return fo.integrate(bowl, [1.0], t=(0.0, 1.0), seed=3,
    ...                         method=method(h, 0.1, path_step=1e-4)).y[-1, 0]
    >>> exact = end(fo.SRA1, 1e-4)
    >>> bool(abs(end(fo.SRA1, 0.1) - exact) < 0.2 * abs(end(fo.EulerMaruyama, 0.1) - exact))
    True
    """

    order: ClassVar[float] = 1.5
    stepper: ClassVar[str] = "sra1"
    streams: ClassVar[int] = 2
    nodes: ClassVar[tuple[float, ...]] = (0.0, 1.0)
    cost: ClassVar[tuple[int, int]] = (2, 0)


@dataclass(frozen=True)
class BAOAB(Noisy):
    """BAOAB for Langevin dynamics q̇ = v, v̇ = f(t, q) − γ v + √(2γT) Ẇ; weak order 2.

        B: v + (h/2) f;   A: q + (h/2) v;   O: e^{−γh} v + √(T (1 − e^{−2γh})) N(0, 1);   A;   B.

    With f = −∇L the law tends to exp(−(L + ½‖v‖²)/T). On a quadratic loss of curvature μ the
    variance of q is T/μ exactly, at any stable step (h² μ < 4).

    Which fields: a flow with one state, θ̇ = v and v̇ = … − γ v, such as
    ``fo.flows.HeavyBall(gamma=...)``, on any loss (of expressions or a kernel); or a `VectorField`
    of even dimension, ordered (q, v), of this form. γ must be one number or parameter for all
    coordinates, f must not depend on v: both are found on the expressions. A formula for T is
    looked at in the middle of each step, where O acts. What `EulerMaruyama` says of seeds, paths
    and saved times holds here too, for the path of the kicks of O. Only forwards in time.

    Source: Leimkuhler & Matthews, Appl. Math. Res. Express 2013, 34; J. Chem. Phys. 138 (2013)
    174102.

    Parameters
    ----------
    h : float, > 0
        The step, in units of time.
    temperature : float >= 0, str or sympy expression
        T, in units of the loss, as for `EulerMaruyama`.
    gamma : float >= 0, optional
        The friction, in 1/time. By default that of the field; give it to a field without
        friction (q̇ = v, v̇ = −∇L), to which it is then added.
    path_step : float, optional
        The fine step of the path of O, as for `EulerMaruyama`.

    Examples
    --------
    >>> import flowopt as fo
    >>> ball = fo.flows.HeavyBall(gamma=1.0).on(fo.Loss("4*x**2/2"))
    >>> ens = fo.ensemble(ball, [[0.0]] * 4000, t=(0.0, 20.0), seed=1,
    ...                   method=fo.BAOAB(h=0.5, temperature=0.8))
    >>> bool(abs(ens.x.var() - 0.8 / 4) < 0.02)
    True
    """

    gamma: float | None = None
    order: ClassVar[float] = 2
    stepper: ClassVar[str] = "baoab"
    nodes: ClassVar[tuple[float, ...]] = (0.5,)
    cost: ClassVar[tuple[int, int]] = (1, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gamma is not None:
            object.__setattr__(self, "gamma", _check.real("gamma", self.gamma, at_least=0.0))

    def noisy(self, vector_field: Any) -> int:
        """Return the number of coordinates with noise: half of the state."""
        return langevin.coordinates_of(vector_field)

    def frictions(self, vector_field: Any, p: np.ndarray) -> np.ndarray:
        """Return the friction of each run (N,), or refuse the field."""
        own = langevin.friction(vector_field, p[:, :len(vector_field.parameters)])
        if self.gamma is None:
            return own
        if (own != 0.0).any() and (own != self.gamma).any():
            other = own[own != self.gamma][0]
            raise ValueError(f"gamma must be left out for a field that has friction, got "
                             f"{self.gamma:g} and {vector_field.name} has {other:g}")
        return np.full(len(p), self.gamma)

    def check(self, vector_field: Any, p: np.ndarray, start: float, end: float) -> None:
        """Refuse, before any work, what the field or the temperature does not allow."""
        friction = self.frictions(vector_field, p)
        if not (np.isfinite(friction) & (friction >= 0)).all():
            raise ValueError("gamma must be finite and >= 0 for BAOAB, and the friction of "
                             f"{vector_field.name} is {friction.min():g}")
        if end < start:
            raise ValueError("t must run forwards for BAOAB, whose friction has no inverse, got "
                             f"({start:g}, {end:g})")
        if self.temperature != 0.0 and not friction.any():
            raise ValueError("temperature has no effect for BAOAB without friction; give gamma, or "
                             "a field with friction")
        super().check(vector_field, p, start, end)


class Noise:
    """What the compiled stepper of a method with noise needs for a block of lanes."""

    def __init__(self, method: Noisy, vector_field: Any, p: np.ndarray, width: int, span: Any,
                 lane0: int, seed: int | np.ndarray) -> None:
        """Lay out the arrays; p is (width, P + extra), `span` is the start and the end.

        With an array of seeds each lane has its own, and is what lane 0 is under that seed.
        """
        self.name, m, n = method.stepper, vector_field.m, method.noisy(vector_field)
        self.many, count, length, rest = method.fine(*span)
        self.sizes = np.zeros(10, dtype=np.int64)
        held = buffered_steps(n, width)
        self.sizes[[0, 1, 2, 8, 9]] = m, n, self.many, count, held
        heat = Heat(method.temperature, vector_field)
        self.temperature = np.zeros(width) if heat.timed else heat.values(span[0], p)
        self.friction = method.frictions(vector_field, p)
        self.lengths = np.array([length, rest, np.sqrt(length), np.sqrt(rest)])
        self.key = keys_of(seed, lane0, width)
        self.word = np.zeros(4 * max(width, held // 2, n if held == 2 else 1), dtype=np.int64)
        self.work = _native.aligned((4 * m + 2 * n + 10 + method.streams * n * held) * width)
        self.head = (vector_field.address("rhs", width), vector_field.context(width), self.sizes,
                     self.lengths, self.key, heat.address(width) if heat.timed else 0,
                     self.temperature, self.friction, self.word)


def keys_of(seed: int | np.ndarray, lane0: int, width: int) -> np.ndarray:
    """Return the key of the generator as the steppers read it (kernels/noise_places.py)."""
    seeds = np.resize(np.asarray(seed, dtype=np.int64), width)
    keys = seeds & 0xFFFFFFFF, (seeds >> 32) & 0xFFFFFFFF
    return np.concatenate([[keys[0][0], keys[1][0], lane0, -1, np.ndim(seed)], *keys])


def buffered_steps(n: int, width: int) -> int:
    """Return how many steps of normal numbers are drawn at once: a power of 2.

    Many lanes fill vector registers with 2 steps; one lane does it with more steps, or with its
    coordinates when there are many. No number depends on it.
    """
    steps = 128
    while steps * n > 4096:
        steps //= 2
    return 2 if width > 1 or steps < 16 else steps
