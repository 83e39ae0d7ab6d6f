"""How long flows take to come to rest, on strongly convex quadratic losses: bounds from both sides.

With e = x − x*, g = He, V = ½eᵀHe, μ and ℓ the least and largest eigenvalue of H:
2μV ≤ ‖g‖² ≤ 2ℓV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.stability.growth.rates import finite_time_bound

#: outward rounding of what comes out of eigenvalues in floating point
_ROUNDING = 1e-12
#: the part of the bound that may be left where a rescaled flow counts as at rest
_NEAR = 1e-6


@dataclass(frozen=True)
class SettlingTime:
    """Bounds of the time to rest, and what the integrator finds.

    Attributes
    ----------
    lower, upper : float
        lower ≤ T ≤ upper; both infinite where the flow only tends to its rest.
    lowers, uppers : dict
        Each bound with its formula; `lower` is the largest, `upper` the least of them.
    measured : float or None
        The time at which `fo.integrate` ends the run at rest; None if it was not run.
    holds : bool or None
        Whether the measured time lies between the bounds.
    message : str
        The result as a sentence.
    """

    lower: float
    upper: float
    lowers: dict[str, float]
    uppers: dict[str, float]
    measured: float | None
    holds: bool | None
    message: str

    def __repr__(self) -> str:
        return f"<SettlingTime: {self.message}>"


@dataclass(frozen=True)
class _Bowl:
    """A quadratic loss about its minimum, seen from the start."""

    e: np.ndarray
    g: np.ndarray
    V: float
    mu: float
    ell: float
    least: float  # L*


def settling_time_bounds(field: Any, x0: Any, *, measure: bool = True) -> SettlingTime:
    """Return bounds of the settling time of a flow on a strongly convex quadratic loss.

    - sign flow θ̇ = −c sign(g): ‖e‖∞/c ≤ T ≤ min(√(2V/μ), ‖g‖₁/μ)/c, as V' ≤ −c√(2μV) and
      (‖g‖₁)' = −c uᵀHu ≤ −cμ for u ∈ sign(g), g ≠ 0;
    - normalised flow θ̇ = −c g/‖g‖: ‖e‖/c ≤ T ≤ min(√(2V/μ), ‖g‖/μ)/c;
    - rescaled flow θ̇ = −c g‖g‖^{−β}, 0 < β ≤ 1: V' = −c‖g‖^{2−β} lies between those with μ
      and ℓ;
    - loss-normalised flow with clip on 1/‖g‖ at M: V' = −(V + Δ) min(1, M‖g‖) with
      Δ = L* − minimum, so T lies between ∫₀^V dW/((W + Δ) min(1, M√(2λW))) for λ = ℓ and μ;
      infinite for Δ = 0;
    - gradient flow, Newton's flow, and the clip on the rate: infinite, they only tend to x*.

    Parameters
    ----------
    field : VectorField
        One of these flows on a quadratic loss with H ≻ 0.
    x0 : array_like, shape (n,)
        The start.
    measure : bool
        Whether to run `fo.integrate` beside the bounds.

    Returns
    -------
    SettlingTime

    References
    ----------
    Cortés, Automatica 42 (2006) 1993; Romero & Benosman, ICML 2020 (rescaled flows).

    Examples
    --------
    >>> import flowopt as fo
    >>> bowl = fo.losses.quadratic([[1.0, 0.5], [0.5, 2.0]])
    >>> made = fo.stability.settling_time_bounds(fo.flows.SignFlow().on(bowl), [1.0, 0.4])
    >>> round(made.lower, 6), round(made.upper, 6), made.holds
    (1.0, 1.472844, True)
    """
    from flowopt.flows.loss_field import LossField

    if not isinstance(field, LossField):
        raise TypeError("field must be a flow on a quadratic loss, such as "
                        f"fo.flows.SignFlow().on(loss), got {_check.shown(field)}")
    measure = _check.flag("measure", measure)
    y0 = field.start(x0)
    bowl = _bowl(field.loss, y0[:field.n])
    lowers, uppers = _bounds(field, bowl)
    lower = max(lowers.values()) * (1 - _ROUNDING)
    upper = min(uppers.values()) * (1 + _ROUNDING)
    measured, note = None, ""
    if measure and upper < math.inf:
        measured, note = _measured(field, y0, upper, bowl)
    holds = None if measured is None else bool(
        lower * (1 - 1e-6) <= measured <= upper * (1 + 1e-6))
    text = (f"{lower:.10g} <= T <= {upper:.10g}" if upper < math.inf else
            "it tends to its rest and does not reach it in finite time")
    if measured is not None:
        text += f"; the integrator comes to rest at {measured:.10g}"
    return SettlingTime(lower, upper, lowers, uppers, measured, holds, text + note)


def _bowl(loss: Any, x: np.ndarray) -> _Bowl:
    """Return what the bounds need of a quadratic loss; others are refused."""
    import sympy

    from flowopt.stability.backward.modified_field import checked_loss

    loss = checked_loss(loss)
    expr, variables, _ = loss._real
    polynomial = expr.is_polynomial(*variables)
    if not polynomial or sympy.Poly(expr, *variables).total_degree() != 2:
        raise ValueError(f"the loss of field must be quadratic, got {loss.name}; try "
                         "fo.losses.quadratic(A, b)")
    H = loss.hess(x)
    values = np.linalg.eigvalsh(H)
    if values[0] <= 1e-14 * abs(values[-1]):
        raise ValueError("the Hessian of the loss must be positive definite, got the eigenvalue "
                         f"{values[0]:g}; add a multiple of the square of x")
    g = loss.grad(x)
    e = np.linalg.solve(H, g)
    V = float(e @ g) / 2
    return _Bowl(e, g, V, float(values[0]), float(values[-1]), float(loss.value(x)) - V)


def _bounds(field: Any, bowl: _Bowl) -> tuple[dict[str, float], dict[str, float]]:
    """Return the bounds from below and from above, each by its formula."""
    from flowopt.flows.flow import KernelFlow

    flow = field.flow
    never = {"no finite time": math.inf}
    if isinstance(flow, KernelFlow):
        if flow.name == "Newton flow":
            return never, never
        raise ValueError(_unknown(flow))
    form, numbers = recognised(flow)
    V, e, g = bowl.V, bowl.e, bowl.g
    if V == 0.0:
        return {"at rest": 0.0}, {"at rest": 0.0}
    if form == "clip":
        M, gap = numbers["M"], bowl.least - numbers["minimum"]
        if gap <= _ROUNDING * (1 + abs(bowl.least)):
            if gap < -_ROUNDING * (1 + abs(bowl.least)):
                raise ValueError(f"minimum must be at most the least value {bowl.least:g} of the "
                                 f"loss, got {numbers['minimum']:g}")
            return never, never
        return ({"∫ dW/((W + Δ) min(1, M√(2ℓW)))": _clipped(V, gap, M, bowl.ell)},
                {"∫ dW/((W + Δ) min(1, M√(2μW)))": _clipped(V, gap, M, bowl.mu)})
    if form in ("gradient", "rate"):
        return never, never
    c = numbers["c"]
    root = math.sqrt(2 * V / bowl.mu) / c
    if form == "sign":
        return ({"‖e‖∞/c": float(np.abs(e).max()) / c},
                {"√(2V/μ)/c": root, "‖g‖₁/(μc)": float(np.abs(g).sum()) / bowl.mu / c})
    beta = numbers["beta"]
    a = (2 - beta) / 2
    by = {name: finite_time_bound(V, c * (2 * value) ** a, a)
          for name, value in (("ℓ", bowl.ell), ("μ", bowl.mu))}
    size, start = float(np.linalg.norm(g)), float(np.linalg.norm(e))
    lowers = {"V^(1−a)/(c(2ℓ)ᵃ(1−a)), a = 1 − β/2": by["ℓ"]}
    # (‖g‖^β)' = −cβ gᵀHg/‖g‖² and (‖e‖)' ≥ −c‖g‖^(1−β) ≥ −c‖g₀‖^(1−β), as ‖g‖ falls
    lowers["‖e‖‖g‖^(β−1)/c"] = start * size ** (beta - 1) / c
    uppers = {"V^(1−a)/(c(2μ)ᵃ(1−a)), a = 1 − β/2": by["μ"],
              "‖g‖^β/(cβμ)": size**beta / (c * beta * bowl.mu)}
    return lowers, uppers


def _clipped(V: float, gap: float, M: float, lam: float) -> float:
    """Return ∫₀^V dW/((W + Δ) min(1, M√(2λW)))."""
    edge = min(V, 1 / (2 * lam * M * M)) if math.isfinite(M) else 0.0
    inner = 0.0 if edge == 0.0 else (
        2 / (M * math.sqrt(2 * lam * gap)) * math.atan(math.sqrt(edge / gap)))
    return inner + math.log((V + gap) / (edge + gap))


def recognised(flow: Any) -> tuple[str, dict[str, float]]:
    """Return which of the forms a flow has, and the numbers in it.

    Examples
    --------
    >>> import flowopt as fo
    >>> recognised(fo.Flow("-k*g/norm(g)**(1/2)", parameters={"k": 2.0}))
    ('rescaled', {'c': 2.0, 'beta': 0.5})
    """
    import sympy

    from flowopt.flows.catalogue import LossNormalizedFlow
    from flowopt.stability.backward.jets import g, norm

    if flow.states:
        raise ValueError(_unknown(flow))
    rule = flow.abstract_rules()["theta"]
    values = {s: flow.parameters[name] for name, s in flow.parameter_symbols().items()}
    for clip, form in (("norm", "clip"), ("rate", "rate")):
        if rule == LossNormalizedFlow(clip=clip).abstract_rules()["theta"]:
            return form, {name: float(v) for name, v in flow.parameters.items()}
    rule = rule.replace(sympy.Function("unit", real=True), lambda a: a / norm(a))
    for form, shape in (("sign", sympy.sign(g)), ("gradient", g)):
        c = sympy.sympify(-rule / shape).subs(values)
        if c.is_number and c > 0:
            return form, {"c": float(c)}
    rest = sympy.powsimp((-rule / g).subs(values), force=True)
    c, power = rest.as_independent(norm(g), as_Add=False)
    base, exponent = power.as_base_exp()
    if base == norm(g) and c.is_number and c > 0 and exponent.is_number and -1 <= exponent < 0:
        return "rescaled", {"c": float(c), "beta": float(-exponent)}
    raise ValueError(_unknown(flow))


def _unknown(flow: Any) -> str:
    return (f"settling_time_bounds knows sign, normalised, rescaled, loss-normalised, gradient and "
            f"Newton's flow, and {flow.name} is none of them; use fo.integrate")


def _measured(field: Any, y0: np.ndarray, upper: float, bowl: _Bowl) -> tuple[float | None, str]:
    """Return the time at which the integrator comes to rest, or why it does not."""
    from flowopt.integrators.integrate import integrate
    from flowopt.integrators.methods import DOP853
    from flowopt.integrators.status import Status

    form, numbers = recognised(field.flow)
    rest, left = None, 0.0
    if form == "rescaled" and numbers["beta"] < 1:  # F is continuous: it ends where F is small
        beta, c = numbers["beta"], numbers["c"]
        left = _NEAR * upper
        size = (left * c * beta * bowl.mu) ** (1 / beta)  # ‖g‖ from which that time is left
        rest = c * size ** (1 - beta)
        if rest < 1e-200:
            return None, "; a rest so flat cannot be told from a slow motion"
    run = integrate(field, y0, (0.0, 1.1 * upper), DOP853(rtol=1e-12, atol=1e-14), rest=rest)
    if run.status in (Status.STUCK, Status.CONVERGED):
        return float(run.t[-1]) + left / 2, ""
    return None, f"; the integrator ended as {run.status.name}"
