"""The rate of an optimizer in the worst case over smooth, strongly convex losses.

An upper bound is proved by a Lyapunov function (see `worst_case_search` and its checker
`checks.rate`); quadratics and explicit cycles bound it from below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flowopt import _check
from flowopt.stability.checks.rate import class_words
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.iterations.discrete import optimizer_system
from flowopt.stability.iterations.worst_case_certify import certify, one_state, programs, search
from flowopt.stability.linear_step import LinearStep, linear_step
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown

NAME = "a Lyapunov function from interpolation inequalities, found by a semidefinite program"
#: without the extra "sos" only maps of one state are settled
MISSING = "semidefinite programs: clarabel is not installed (the extra sos)"


@dataclass(frozen=True)
class Rate:
    """The rate of an optimizer over a class of losses, between two exact bounds.

    Attributes
    ----------
    upper : Fraction or None
        A proved rate; None when none is proved.
    lower : Fraction
        No rate below it holds: a quadratic loss, or a cycle (then 1), shows it.
    verdict : Verdict
        That `upper` is a rate; where none is proved, that no rate below 1 holds, or unknown.
    floor : Verdict
        That a rate just below `lower` is no rate, with the loss that refutes it.
    """

    upper: Fraction | None
    lower: Fraction
    verdict: Verdict
    floor: Verdict

    @property
    def rate(self) -> float:
        """The proved rate as a float, rounded up; inf when none is proved."""
        if self.upper is None:
            return math.inf
        made = float(self.upper)
        return made if Fraction(made) >= self.upper else math.nextafter(made, math.inf)

    def __repr__(self) -> str:
        upper = "none proved" if self.upper is None else f"{float(self.upper):.10g}"
        return f"<Rate upper {upper}, lower {float(self.lower):.10g}>"


def worst_case_rate(optimizer: Any, mu: Any, ell: Any = None, *, memory: int = 0,
                    accuracy: float = 1e-7, exact: Mapping[str, Any] | None = None) -> Rate:
    """Return the smallest rate that is proved for all μ-strongly convex, ℓ-smooth losses.

    ‖θ_k − θ*‖ <= C ρ^k in any dimension, from any start. The upper bound comes from a Lyapunov
    function, quadratic in θ − θ*, the states and the gradient, with a multiple of L − L*.

    Parameters
    ----------
    optimizer : Optimizer
        One that is linear in the gradient: gradient descent, heavy ball, Nesterov's form with a
        fixed β, averages of gradients, proximal point, or a flow of one's own by `from_flow`.
    mu : float or str, >= 0
        μ. With 0 the losses are convex, and 1 is the least rate.
    ell : float or str, > mu, optional
        ℓ; None: the gradient need not be Lipschitz.
    memory : int, >= 0
        How many past gradients V holds beside the newest: more may prove a smaller rate.
    accuracy : float, >= 1e-8
        How near to the smallest such rate to come.
    exact : mapping of str to str, optional
        Hyper-parameters as fractions such as ``"4/9"``; by default their shortest decimals.

    Returns
    -------
    Rate
        The proved rate, the lower bound, and a `Verdict` for each.

    Raises
    ------
    TypeError, ValueError
        For numbers out of range, and an optimizer that is not linear in one gradient.

    Notes
    -----
    The true rate lies between `lower` and `upper`: for gradient descent and proximal point they
    are equal, for others V may be too simple. θ is the point of the gradient: for `nesterov` the
    look-ahead point y_k, whatever its run reports.

    References
    ----------
    Taylor, Van Scoy & Lessard, ICML 2018, Theorem 4; Lessard, Recht & Packard, SIAM J. Optim. 26
    (2016) 57, Eq. (4.11), for the cycle of the heavy ball.

    Examples
    --------
    >>> import flowopt as fo
    >>> descent = fo.optimizers.gradient_descent(lr=0.125)
    >>> found = fo.stability.worst_case_rate(descent, mu=1, ell=10)
    >>> found.upper, found.lower, found.verdict.proved
    (Fraction(7, 8), Fraction(7, 8), True)
    """
    mu, ell = _bounds(mu, ell)
    memory = _check.integer("memory", memory, at_least=0, at_most=8)
    accuracy = max(_check.real("accuracy", accuracy, above=0.0, below=1.0), 1e-8)
    system = optimizer_system(optimizer, exact=exact)
    try:
        step = linear_step(system)
    except Refused as error:
        raise ValueError(f"optimizer must be linear in one gradient, and {optimizer.name} is not: "
                         f"{error}") from None
    return bounds_of(system, step, mu, ell, memory, accuracy)


def bounds_of(system: Any, step: LinearStep, mu: Fraction, ell: Fraction | None, memory: int,
              accuracy: float) -> Rate:
    """Return the rate of a linear map between its two bounds."""
    from flowopt.stability.iterations import worst_case_lower as lower

    def claim(rate: Fraction) -> dict[str, Any]:
        return rate_statement(system, rate, mu, ell)

    slow, witness = lower.quadratic_rate(step, mu, ell)
    exact = one_state(step, mu, ell, slow)
    if exact is not None:
        upper = proved(claim(slow), "the distance itself, by two interpolation inequalities", "A",
                       Evidence("rate", exact))
        return Rate(slow, slow, upper, _below(claim, slow, witness))
    found = None
    skipped: tuple[str, ...] = ()
    if slow < 1:
        try:
            found = search(step, mu, ell, slow, memory, accuracy)
        except ImportError:
            skipped = (MISSING,)
    if found is not None:
        rate, data = found
        return Rate(rate, slow, proved(claim(rate), NAME, "A", Evidence("rate", data)),
                    _below(claim, slow, witness))
    if slow < 1:
        cycle = lower.find_cycle(step, mu, ell)
        if cycle is not None:
            floor = disproved(claim(Fraction(999999999, 1000000000)), "a cycle on one loss",
                              Evidence("loss_cycle", cycle), "the iteration goes round for ever")
            return Rate(None, Fraction(1), floor, floor)
        reason = "no Lyapunov function of this form, and no short cycle, was found"
        return Rate(None, slow, unknown(claim(Fraction(1)), reason, skipped=skipped),
                    _below(claim, slow, witness))
    floor = _below(claim, slow, witness)
    return Rate(None, slow, floor, floor)


def rate_statement(system: Any, rate: Fraction, mu: Fraction, ell: Fraction | None
                   ) -> dict[str, Any]:
    """Return the data of the claim that ρ is a rate on a class of losses."""
    return statement("rate", system, assumptions=class_words(mu, ell), rate=str(rate), mu=str(mu),
                     ell=None if ell is None else str(ell))


def attempt(problem: Any) -> Verdict | None:
    """Settle the claim "rate" of an optimizer: options rate, mu, ell."""
    from flowopt.optimizers.optimizer import Optimizer
    from flowopt.stability.iterations import worst_case_lower as lower

    if problem.claim != "rate" or problem.V is not None or not isinstance(problem.system,
                                                                          Optimizer):
        return None
    options = problem.options
    for name in ("rate", "mu"):
        if name not in options:
            raise ValueError(f"{name} must be given for the claim rate, such as rate=0.9, mu=1, "
                             "ell=10")
    mu, ell = _bounds(options["mu"], options.get("ell"))
    rate = fraction(options["rate"])
    system = optimizer_system(problem.system)
    made = rate_statement(system, rate, mu, ell)
    try:
        step = linear_step(system)
    except Refused as error:
        return unknown(made, str(error))
    slow, witness = lower.quadratic_rate(step, mu, ell)
    if rate < slow:
        return _below(lambda _: made, slow, witness)
    exact = one_state(step, mu, ell, rate)
    if exact is not None:
        return proved(made, "the distance itself, by two interpolation inequalities", "A",
                      Evidence("rate", exact))
    skipped: tuple[str, ...] = ()
    try:
        for memory in (0, 1, 2):
            data = certify(programs(step, mu, ell, memory), rate, ell)
            if data is not None:
                return proved(made, NAME, "A", Evidence("rate", data))
    except ImportError:
        skipped = (MISSING,)
    cycle = lower.find_cycle(step, mu, ell) if rate < 1 else None
    if cycle is not None:
        return disproved(made, "a cycle on one loss", Evidence("loss_cycle", cycle),
                         "the iteration goes round for ever", skipped=skipped)
    return unknown(made, "no Lyapunov function of this form was found at this rate",
                   {"least rate of quadratics": float(slow)}, skipped)


def _bounds(mu: Any, ell: Any) -> tuple[Fraction, Fraction | None]:
    def number(name: str, value: Any) -> Fraction:
        try:
            return fraction(value)
        except Refused:
            raise ValueError(f"{name} must be a finite number or a fraction such as '1/3', got "
                             f"{_check.shown(value)}") from None

    low = number("mu", mu)
    if low < 0:
        raise ValueError(f"mu must be >= 0, got {_check.shown(mu)}; losses that are not convex "
                         "have no rate towards a minimiser")
    if ell is None:
        return low, None
    high = number("ell", ell)
    if not high > low:
        raise ValueError(f"ell must be > mu = {float(low):g}, got {_check.shown(ell)}")
    return low, high


def _below(claim: Any, slow: Fraction, witness: Any) -> Verdict:
    """Return the refutation of a rate just below the one that quadratics have."""
    rate = max(slow - Fraction(1, 10**9), slow * Fraction(999999999, 1000000000))
    made = claim(rate)
    if fraction(made["options"]["rate"]) <= 0 and slow == 0:
        return unknown(made, "there is no rate below 0")
    return disproved(made, "a quadratic loss", Evidence("loss_quadratic", witness),
                     f"on the loss with the curvature {witness['curvature']} the distance falls "
                     "more slowly")
