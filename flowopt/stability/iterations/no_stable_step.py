"""Steps that are stable for no length: Euler on a flow whose speed does not fall at a minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowopt.stability.exact import Refused, fraction, rational
from flowopt.stability.iterations.never_rests import least_normalised, least_step
from flowopt.stability.verdict import Verdict


@dataclass(frozen=True)
class NoStableStep:
    """The proof that no step h > 0 of Euler is stable at a critical point of a loss.

    Attributes
    ----------
    verdict : Verdict
        That a step has a least length near the point, on any loss; its ``lr`` is h.
    least_loss : Verdict or None
        That this loss is not below the bound that the verdict assumes.
    """

    verdict: Verdict
    least_loss: Verdict | None = None

    def __str__(self) -> str:
        options = self.verdict.statement["options"]
        given = "".join(f", given {a}" for a in self.verdict.assumptions)
        return ("no step: the map never rests there, as where "
                f"{options['where']} it moves theta by at least "
                f"{options['bound'].replace('lr', 'h')}{given} (proved, {self.verdict.trust})")


def no_stable_step(flow: Any, loss: Any, least: float | None = None, seconds: float = 10.0
                   ) -> NoStableStep | None:
    """Prove that Euler's step on a flow is stable at no critical point of a polynomial loss.

    The sign flow's step is h long in the max norm wherever g ≠ 0; that of the loss-normalised flow
    with clip M at least h M (b − minimum) where 0 < ‖g‖ <= 1/M, if L >= b. The gradient of a
    polynomial that is not constant vanishes on no open set, so that each critical point is a limit
    of points with g ≠ 0, where g is as small as one likes.

    Parameters
    ----------
    flow : Flow
        The sign flow, or the loss-normalised flow.
    loss : Loss
        A loss given by an expression.
    least : float, optional
        The least value of the loss, for the second: a bound b below it is proved.
    seconds : float
        The time for that proof.

    Returns
    -------
    NoStableStep or None
        None for another flow, another loss, and where the bound is not above the flow's minimum.

    Examples
    --------
    >>> import flowopt as fo
    >>> print(no_stable_step(fo.flows.SignFlow(), fo.Loss("x**4 - x")))
    no step: the map never rests there, as where g != 0 it moves theta by at least h (proved, A)
    """
    from flowopt.optimizers import polyak, signsgd

    polynomial = _polynomial(loss)
    if polynomial is None:
        return None
    sign = signsgd(lr=1.0)
    if flow.definition == sign.flow.definition:
        return _proved(least_step(sign))
    values = flow.parameters
    try:
        step = polyak(lr=1.0, max_learning_rate=values["M"], minimum=values["minimum"],
                      clip="norm")
        minimum = fraction(values["minimum"])
    except (KeyError, ValueError):  # another flow, or no clip
        return None
    if flow.definition != step.flow.definition or step.flow.parameters != values or least is None:
        return None
    try:
        bound = minimum + fraction(float(f"{(least - float(minimum)) / 2:.2g}"))
        verdict = least_normalised(step, bound, every_step=True)
    except Refused:  # M or the least value is not finite
        return None
    if not verdict.proved:
        return None
    from flowopt.stability.rational.polynomial_claim import prove_polynomial

    below = prove_polynomial(polynomial - rational(bound), seconds=seconds,
                             variables=[str(v) for v in loss.variables])
    return _proved(verdict, below) if below.proved else None


def _proved(verdict: Verdict, least_loss: Verdict | None = None) -> NoStableStep | None:
    return NoStableStep(verdict, least_loss) if verdict.proved else None


def _polynomial(loss: Any) -> Any:
    """Return a loss with exact numbers where it is a polynomial that is not constant."""
    import sympy

    from flowopt.symbolic.names import exact

    given = {s: loss.parameters[str(s)] for s in loss.expr.free_symbols
             if str(s) in loss.parameters}
    if not all(abs(v) < float("inf") for v in given.values()):
        return None
    values = {s: rational(v) for s, v in given.items()}
    made = exact(loss.expr).xreplace(values)
    if not made.is_polynomial(*loss.variables):
        return None
    poly = sympy.Poly(made, *loss.variables)
    return made if poly.total_degree() > 0 and poly.domain in (sympy.ZZ, sympy.QQ) else None
