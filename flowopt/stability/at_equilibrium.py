"""Stable steps at an equilibrium of a given loss: for every eigenvalue of its Hessian at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.stability.exact import fraction
from flowopt.stability.step_limit import StepLimit, step_limit

#: how far `at` may be from the equilibrium that is meant, beside its own size
NEAR = 1e-5


@dataclass(frozen=True)
class StepLimitAt:
    """The steps for which an iteration is asymptotically stable at an equilibrium of a loss.

    Attributes
    ----------
    equilibrium : Equilibrium
        The critical point of the loss, as `fo.equilibria` returns it.
    curvatures : tuple of (Fraction, Fraction)
        For each eigenvalue of the Hessian bounds that hold it; equal where it is rational.
    limits : tuple of StepLimit
        For each eigenvalue, exact on its bounds; each has its own verdict.
    stable : list of (float, float)
        The steps that are stable for all of them; empty when an eigenvalue is negative.
    """

    equilibrium: Any
    curvatures: tuple[tuple[Fraction, Fraction], ...]
    limits: tuple[StepLimit, ...]
    stable: list[tuple[float, float]]

    @property
    def value(self) -> float:
        """The largest stable step of the first interval: 0 when no step is stable."""
        return self.stable[0][1] if self.stable else 0.0

    @property
    def limit(self) -> Any:
        """The limit in closed form where one eigenvalue alone decides and is rational, or None."""
        for (low, high), made in zip(self.curvatures, self.limits, strict=True):
            if low == high and made.value is not None and made.value == self.value:
                return made.limit
        return None

    @property
    def verdicts(self) -> tuple[Any, ...]:
        """The verdicts, one for each eigenvalue."""
        return tuple(made.verdict for made in self.limits)

    def __repr__(self) -> str:
        subject = self.limits[0].subject if self.limits else "the iteration"
        steps = " or ".join(f"{a:.12g} < {self._step} < {b:.12g}" for a, b in self.stable)
        point = ", ".join(f"{v:.6g}" for v in self.equilibrium.x)
        return f"<StepLimit of {subject} at ({point}): {steps or 'no step is stable'}>"

    @property
    def _step(self) -> str:
        return self.limits[0].step if self.limits else "h"


def step_limit_at(optimizer_or_flow: Any, method: Any, loss: Any, at: Any) -> StepLimitAt:
    """Return the stable steps at an equilibrium of a loss; see `flowopt.step_limit`.

    Parameters
    ----------
    optimizer_or_flow, method
        As for `step_limit`.
    loss : Loss or str
        The loss, given by an expression.
    at : array_like, shape (n,)
        Close to the equilibrium that is meant.

    Raises
    ------
    ValueError
        When there is no critical point there, or one that is degenerate.

    Examples
    --------
    >>> import flowopt as fo
    >>> found = fo.step_limit(fo.flows.GradientFlow(), fo.Euler(h=0.1),
    ...                       loss=fo.losses.two_minima(), at=[3.0])
    >>> found.limit, found.stable
    (1/6, [(0.0, 0.16666666666666666)])
    """
    from flowopt.losses.loss import KernelLoss, Loss

    if loss is None or at is None:
        raise ValueError("loss and at go together: give the loss and the equilibrium of it, such "
                         "as loss='x**4/4 - x**2/2', at=[1.0]")
    loss = loss if isinstance(loss, Loss) else Loss(loss)
    if isinstance(loss, KernelLoss):
        raise ValueError(f"loss must be given by an expression, and {loss.name} is a function")
    point = np.atleast_1d(_check.array("at", at, f"({loss.n},)", (0, 1)))
    if point.shape != (loss.n,):
        raise ValueError(f"at must have shape ({loss.n},), got {np.shape(at)}")
    equilibrium = _nearest(loss, point)
    curvatures = _curvatures(loss, equilibrium)
    if any(low <= 0 <= high for low, high in curvatures):
        raise ValueError(f"the critical point {_shown(equilibrium.x)} is degenerate: an eigenvalue "
                         "of the Hessian is 0, and linearisation decides nothing")
    general = step_limit(optimizer_or_flow, method)
    if general.held:
        held = ", ".join(f"{k} = {v}" for k, v in general.held.items())
        raise ValueError(f"{general.subject} holds a frozen scale ({held}), of which the loss says "
                         "nothing; fo.step_limit(...).at(lam=..., P=...) takes a number for it")
    if not general.coefficients:
        _bottom(optimizer_or_flow, method, loss, equilibrium)
    limits = []
    for low, high in curvatures:
        if low > 0 and not general.coefficients:  # no linearisation: the same for every λ
            limits.append(general)
        elif low > 0:
            limits.append(step_limit(optimizer_or_flow, method,
                                     curvature=low if low == high else (low, high)))
    negative = len(limits) < len(curvatures)
    stable = [] if negative else _common([_stable(made) for made in limits])
    return StepLimitAt(equilibrium, curvatures, tuple(limits), stable)


def _bottom(given: Any, method: Any, loss: Any, equilibrium: Any) -> None:
    """Refuse a rule that holds L − L* where this is not 0: it is nothing like on ½λx²."""
    from flowopt.integrators.methods import Euler

    flow = getattr(given, "flow", given)
    method = getattr(given, "method", None) if method is None else method
    if not any("L" in getattr(rule, "names", ()) for rule in flow.rules.values()):
        return
    gap = float(loss.value(equilibrium.x)) - flow.parameters.get("minimum", 0.0)
    if abs(gap) > 1e-12 * (1 + abs(float(loss.value(equilibrium.x)))):
        if isinstance(method, Euler):
            raise ValueError(f"no step of {flow.name} is stable at {_shown(equilibrium.x)}: L - L* "
                             f"= {gap:.6g} there, so that the steps close to it keep their length")
        raise ValueError(f"the stable steps of {flow.name} at {_shown(equilibrium.x)} are not "
                         f"decided: L - L* = {gap:.6g} there, and there is no linearisation")


def _stable(made: StepLimit) -> list[tuple[float, float]]:
    """Return the stable steps in numbers, with the hyper-parameters that the optimizer has."""
    found = made.stable
    if found is None and made.coefficients:
        found = made.at(**{k: v for k, v in made.values.items() if k in made.domain}).stable
    if found is None:
        raise ValueError(f"the stable steps of {made.subject} are not decided"
                         + "".join(f"; {note}" for note in made.notes))
    return found


def _shown(x: Any) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in x) + ")"


def _nearest(loss: Any, point: np.ndarray) -> Any:
    from flowopt.stability.finding import equilibria

    reach = NEAR * (1 + float(np.abs(point).max()))
    try:
        found = list(equilibria(loss))
    except (ValueError, NotImplementedError):
        found = []
    if not found:
        found = list(equilibria(loss, [(float(p) - reach, float(p) + reach) for p in point]))
    close = [e for e in found if np.abs(e.x - point).max() <= reach]
    if not close:
        slope = float(np.abs(loss.grad(point)).max())
        raise ValueError(f"at must be an equilibrium of the loss, and there is none within "
                         f"{reach:.2g} of {_shown(point)}, where the gradient is {slope:.3g}; "
                         "fo.equilibria(loss) lists them")
    return min(close, key=lambda e: float(np.abs(e.x - point).max()))


def _curvatures(loss: Any, equilibrium: Any) -> tuple[tuple[Fraction, Fraction], ...]:
    """Return bounds of the eigenvalues of the Hessian, equal where they are seen to be rational."""
    exact = equilibrium.exact
    if exact is not None and all(c.is_Rational for c in exact):
        found = _rational(loss, exact)
        if found is not None:
            return found
    made = []
    for value, radius in zip(equilibrium.eigenvalues, equilibrium.radii, strict=True):
        low, high = (Fraction(float(value.real)) + s * Fraction(float(radius)) for s in (-1, 1))
        made.append((low, high))
    return tuple(sorted(made))


def _rational(loss: Any, point: Sequence[Any]) -> tuple[tuple[Fraction, Fraction], ...] | None:
    """Return the eigenvalues at a rational point where all of them are rational, or None."""
    import sympy

    values = {s: sympy.Rational(fraction(v).numerator, fraction(v).denominator)
              for s, v in ((sympy.Symbol(k, real=True), v) for k, v in loss.parameters.items())}
    values |= {sympy.Symbol(str(s), real=True): c
               for s, c in zip(loss.variables, point, strict=True)}
    matrix = sympy.Matrix(loss.hessian).xreplace(values)
    if not all(entry.is_Rational for entry in matrix):
        return None
    roots = sympy.roots(matrix.charpoly(), filter="Q")
    if sum(roots.values()) != matrix.shape[0]:
        return None
    made = [fraction(r) for r, count in roots.items() for _ in range(count)]
    return tuple((r, r) for r in sorted(made))


def _common(sets: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Return the intersection of unions of open intervals."""
    made = [(0.0, float("inf"))]
    for pairs in sets:
        made = [(max(a, c), min(b, d)) for a, b in made for c, d in pairs if max(a, c) < min(b, d)]
    return made
