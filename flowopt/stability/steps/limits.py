"""The exact set of stable steps on ½λx², from the definition of an optimizer or of a flow."""

from __future__ import annotations

from typing import Any

from flowopt import _check
from flowopt.stability.algebra.domain import ranges
from flowopt.stability.steps.hyper import in_hyper
from flowopt.stability.steps.limit_result import StepLimit, settle
from flowopt.stability.steps.linearise import CURVATURE, NoLinearisation, rules_of
from flowopt.stability.steps.onestep import pencil_of
from flowopt.stability.steps.pencil import characteristic

__all__ = ["StepLimit", "step_limit"]


def step_limit(optimizer_or_flow: Any, method: Any = None, *, curvature: Any = None,
               loss: Any = None, at: Any = None) -> StepLimit:
    """Return the exact set of stable steps on ½λx².

    The rule is linearised from its definition, the method's one-step map is formed exactly, and
    all roots of its characteristic polynomial are asked to lie inside the unit circle (strictly:
    a root on the circle is not asymptotically stable).

    Parameters
    ----------
    optimizer_or_flow : Optimizer or Flow
        What steps.
    method : method, optional
        None: the optimizer's own, in terms of its hyper-parameters, with the step ``lr``. A method
        such as ``fo.RK4(h=0.1)`` (its h does not matter) or a `Tableau`: on the flow (that an
        optimizer tends to, ``opt.limit``), with the flow's parameters and the step ``h``.
    curvature : float, pair of floats, or None
        λ; or (mu, ell): the steps that are stable for every λ of the interval; None: the symbol
        ``lam`` > 0.
    loss : Loss or str, optional
        A loss in place of ½λx²; the result is then for its Hessian's eigenvalues.
    at : array_like, shape (n,), optional
        The equilibrium of the loss.

    Returns
    -------
    StepLimit

    Raises
    ------
    TypeError, ValueError
        For what does not step, a method that is none, a curvature that is no number or pair, and
        a point that is no equilibrium of the loss.
    NotImplementedError
        At an irrational equilibrium in more than one variable.

    Notes
    -----
    *Scales* such as Adam's v are frozen: P = √v + ε is held symbolic. At the minimum itself v → 0
    and P = ε. Clocks (bias corrections, k) stand at their limits for k → ∞.

    Source: E. I. Jury, Theory and Application of the z-Transform Method (1964); Cohen et al.,
    arXiv:2207.14484, for the frozen preconditioner; Bock & Weiß, IJCNN 2019, for Adam.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.step_limit(fo.optimizers.nesterov(momentum=0.9)).limit
    2*(momentum + 1)/(lam*(2*momentum + 1))
    >>> fo.step_limit(fo.flows.GradientFlow(), fo.RK4(h=1.0)).value
    2.785293563405282
    """
    flow, own, name = _subject(optimizer_or_flow)
    method = _method(optimizer_or_flow, method)
    if loss is not None or at is not None:
        from flowopt.stability.steps.at_equilibrium import step_limit_at

        if curvature is not None:
            raise ValueError("curvature has no effect with a loss, whose Hessian gives it; leave "
                             "one of them out")
        return step_limit_at(optimizer_or_flow, method, loss, at)
    lam = _curvature(curvature)
    from flowopt.stability.steps.homogeneous import homogeneous, undecided

    subject = f"{name}, {_called(method)}" if method is not None else name
    stepper = own.method if method is None else method
    if method is not None and own is not None:
        flow = _flow_of(own)
    try:
        made = rules_of(flow, own.method.h if own is not None else getattr(stepper, "h", 1.0),
                        own.initial if own is not None else {}, method is not None,
                        [d.state for d in getattr(stepper, "draws", ()) if d.state])
        pencil = pencil_of(made, stepper)
        coefficients = [c.as_expr() for c in characteristic(pencil)]
    except NoLinearisation as why:
        return homogeneous(flow, own, method, subject, lam, str(why))
    held = dict(pencil.held)
    numbers = dict(made.numbers)
    numbers.pop("h", None)
    domain = {n: "positive" for n in numbers}
    step = "h"
    if method is None and own is not None:
        coefficients, numbers, step, held, matrices = in_hyper(own, coefficients, pencil, made)
        domain = {k: v if k in own.hyper else "positive" for k, v in ranges(numbers).items()}
    else:
        matrices = None
    domain |= {CURVATURE: "positive", "P": "positive", "P_": "positive"}
    if "c_" in held:
        domain["c_"] = "inner"
    notes = tuple(dict.fromkeys(f"assumed of the given numbers: {p}" for p in made.pieces))
    timed = any(r.has(made.symbols["t"]) for r in made.rhs.values())
    if timed:
        notes += ("the rule stands at its limit for t -> oo",)
    found = settle(subject, step, coefficients, domain, numbers, held, notes, lam)
    if timed and found.intervals == ():  # the limit may be a map that neither falls nor grows
        return undecided(found, "the rule depends on time, and tends to a map that is not stable; "
                         "whether it is itself, is another question")
    from flowopt.stability.steps.certify import certified

    return certified(found, pencil, matrices, lam)


def _subject(given: Any) -> tuple[Any, Any, str]:
    from flowopt.flows.flow import Flow
    from flowopt.optimizers.optimizer import Optimizer

    if isinstance(given, Optimizer):
        return given.flow, given, given.name
    if isinstance(given, Flow):
        return given, None, given.name
    raise TypeError("optimizer_or_flow must be an Optimizer or a Flow, got "
                    f"{_check.shown(given)}")


def _method(given: Any, method: Any) -> Any:
    from flowopt.integrators.method import Adaptive, FixedStep
    from flowopt.integrators.tableaus import RosenbrockTableau, Tableau
    from flowopt.optimizers.optimizer import Optimizer

    if method is None:
        if not isinstance(given, Optimizer):
            raise ValueError(f"method must be given for a flow, got None for {given.name}; try "
                             "fo.Euler(h=0.1)")
        return None
    if not isinstance(method, (FixedStep, Adaptive, Tableau, RosenbrockTableau)):
        raise TypeError("method must be a method such as fo.RK4(h=0.1), or a Tableau, got "
                        f"{_check.shown(method)}")
    return method


def _flow_of(own: Any) -> Any:
    """Return the flow that an optimizer tends to, or its own where there is no such flow."""
    try:
        return own.limit
    except ValueError:
        return own.flow


def _called(method: Any) -> str:
    name = getattr(method, "name", type(method).__name__)
    return str(name)


def _curvature(given: Any) -> Any:
    from flowopt.stability.exact import rational

    if given is None:
        return None
    if isinstance(given, (tuple, list)):
        if len(given) != 2:
            raise ValueError("curvature must be a number or a pair (mu, ell), got "
                             f"{_check.shown(given)}")
        mu, ell = (rational(_check.real("curvature", v, above=0.0)) for v in given)
        if mu > ell:
            raise ValueError("curvature must be a pair (mu, ell) with mu <= ell, got "
                             f"({mu}, {ell})")
        return mu, ell
    return rational(_check.real("curvature", given, above=0.0))
