"""Rows of table 3b that are settled at given numbers, refuted, or unknown."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flowopt.stability.iterations.atlas_discrete import Row
from flowopt.stability.verdict import Verdict


def heavy_ball_rate() -> Verdict:
    """Return the proof of (1 − αμ)ᵏ for L at α = 1, μ = 1/10, ℓ = 3/5, β = 3/5.

    ρ = 0.9486 < √(1 − αμ) for the distance gives it for L − L* <= (ℓ/2)‖θ − θ*‖².
    """
    from flowopt import optimizers

    ball = optimizers.heavy_ball(lr=1.0, momentum=0.6)
    return _rate(ball, Fraction(9486, 10000), Fraction(1, 10), Fraction(3, 5))


def triple_momentum(root: int = 2, ell: int = 4) -> dict[str, Any]:
    """Return the triple momentum method at κ = root² as data: θ is the point of the gradient.

    With ρ = 1 − 1/√κ: ξ⁺ = (1 + β) ξ − β ξ⁻ − α g(y), y = (1 + γ) ξ − γ ξ⁻, α = (1 + ρ)/ℓ,
    β = ρ²/(2 − ρ), γ = ρ²/((1 + ρ)(2 − ρ)); the state hv is ξ − ξ⁻.
    Source: Van Scoy, Freeman & Lynch, IEEE Control Syst. Lett. 2 (2018) 49, Table 1.
    """
    from flowopt.stability.iterations.discrete import written_system

    rho = 1 - Fraction(1, root)
    a, b = (1 + rho) / ell, rho**2 / (2 - rho)
    c = rho**2 / ((1 + rho) * (2 - rho))
    # y⁺ = y − γ v + (1 + γ) v⁺,  v⁺ = β v − α g
    return written_system(["theta", "hv"],
                          [f"theta + ({(1 + c) * b - c})*hv - ({(1 + c) * a})*g",
                           f"({b})*hv - ({a})*g"], {"g": "theta"})


def triple_momentum_rate() -> Verdict:
    """Return the proof of a rate within 1e-6 of 1 − √(μ/ℓ) for triple momentum at κ = 4."""
    from flowopt.stability.iterations.worst_case import MISSING, bounds_of, rate_statement
    from flowopt.stability.linear_step import linear_step
    from flowopt.stability.verdict import unknown

    system, mu, ell = triple_momentum(), Fraction(1), Fraction(4)
    try:
        return bounds_of(system, linear_step(system), mu, ell, 0, 1e-7).verdict
    except ImportError:
        return unknown(rate_statement(system, Fraction(1, 2), mu, ell),
                       "it needs a semidefinite program", skipped=(MISSING,))


def adam_never_settles() -> Verdict:
    """Return the cycle of two of Adam with lr = 1/10 and the usual averages on ½ x²."""
    from flowopt import optimizers
    from flowopt.stability.iterations.never_rests import adam_cycle

    return adam_cycle(optimizers.adam(lr=0.1))


def adam_rises() -> Verdict:
    """Return a step of Adam on ½ x² that raises L: the average still points the other way."""
    from flowopt import optimizers
    from flowopt.stability.iterations.never_rests import rises

    return rises(optimizers.adam(lr=0.1, eps=0.0), "theta**2/2",
                 ["1/10", "-1/10", "1/100", "1", "1"])


def splitting() -> Verdict:
    """Return what is known of the splitting form of Adam: nothing here."""
    from flowopt.stability.statement import statement
    from flowopt.stability.verdict import unknown

    system = {"kind": "none"}
    return unknown(statement("recursion", system, bound="the published rate"),
                   "Adam-HNAG is no optimizer of the dictionary, and its update and Lyapunov "
                   "function are not written down here, so there is nothing to check")


def _rate(optimizer: Any, rate: Fraction, mu: Fraction, ell: Fraction) -> Verdict:
    from flowopt.stability.iterations.worst_case import attempt
    from flowopt.stability.proving import Problem
    from flowopt.stability.statement import statement
    from flowopt.stability.verdict import unknown

    made = statement("rate", {"kind": "none"}, rate=str(rate), mu=str(mu), ell=str(ell))
    return attempt(Problem(optimizer, made)) or unknown(made, "no proof was found")


OTHER = (
    Row("d8", "heavy ball, beta = sqrt((1 - alpha mu)(1 - alpha ell))", "(found)",
        "(1 - lr*mu) a step", ("L is mu-strongly convex", "L is ell-smooth"),
        "Ghadimi, Feyzmahdavian & Johansson, ECC 2015, Theorem 4",
        "at alpha = 1, mu = 1/10, ell = 3/5, where beta = 3/5; the proved rate of the distance "
        "is smaller", claim="rate", settle=heavy_ball_rate),
    Row("d10", "triple momentum", "(found)", "(1 - sqrt(mu/ell))**2 a step",
        ("L is mu-strongly convex", "L is ell-smooth"),
        "Van Scoy, Freeman & Lynch, IEEE Control Syst. Lett. 2 (2018) 49, Theorem 1",
        "the form of two points, at kappa = 4: found by search, within 1e-6 of the rate 1/2",
        claim="rate", settle=triple_momentum_rate),
    Row("d13", "Adam", "any", "none in general: it goes to and fro on a quadratic", (),
        "Reddi, Kale & Kumar, ICLR 2018, for another example; Bock & Weiss, ICANN 2019, for "
        "cycles", "no function of the state falls at each step",
        claim="asymptotically_stable", settle=adam_never_settles),
    Row("d13", "Adam", "L", "none: L rises in a step", (), "the inertia of the average",
        claim="nonincreasing", settle=adam_rises),
    Row("d14", "Adam-HNAG", "?", "?", (), "2026", "not settled", claim="recursion",
        settle=splitting),
)
