"""The rate of an optimizer in the worst case over smooth, strongly convex losses.

An upper bound is proved by a Lyapunov function (see `worst_case_search` and its checker
`checks.rate`); quadratics and explicit cycles bound it from below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.stability.checks.rate import class_words
from flowopt.stability.discrete import optimizer_system
from flowopt.stability.exact import Refused, fraction
from flowopt.stability.linear_step import LinearStep, linear_step
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown
from flowopt.stability.worst_case_search import MARGIN, Program

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
    are equal, for others V may be too simple.

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
    from flowopt.stability import worst_case_lower as lower

    def claim(rate: Fraction) -> dict[str, Any]:
        return rate_statement(system, rate, mu, ell)

    slow, witness = lower.quadratic_rate(step, mu, ell)
    exact = _one_state(step, mu, ell, slow)
    if exact is not None:
        upper = proved(claim(slow), "the distance itself, by two interpolation inequalities", "A",
                       Evidence("rate", exact))
        return Rate(slow, slow, upper, _below(claim, slow, witness))
    found, skipped = None, ()
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
    from flowopt.stability import worst_case_lower as lower

    if problem.claim != "rate" or problem.V is not None:
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
    exact = _one_state(step, mu, ell, rate)
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


def _one_state(step: LinearStep, mu: Fraction, ell: Fraction | None, rate: Fraction
               ) -> dict[str, Any] | None:
    """Return the exact certificate V = ‖θ−θ*‖² of a map of θ alone, λ(Q₀∗ + Q∗₀) with one λ."""
    from flowopt.stability.checks import rate as checker

    if step.m != 1 or step.radicand:
        return None
    path = checker._Path(step, 0, mu, ell)
    Q = [[a + b for a, b in zip(r, s, strict=True)] for r, s in zip(
        path.inequality(0, -1), path.inequality(-1, 0), strict=True)]
    theta, new = path.zeta[0][0], path.zeta[1][0]
    S = [[rate**2 * theta[i] * theta[j] - new[i] * new[j] for j in range(2)] for i in range(2)]
    # S − λ Q is singular on the worst quadratic: S n = λ Q n for n = (1, slope) at μ or ℓ
    for curvature in (mu, ell):
        if curvature is None:
            continue
        n = (Fraction(1), curvature / (1 - step.D.a * curvature))
        for i in range(2):
            q = sum(Q[i][j] * n[j] for j in range(2))
            if not q:
                continue
            lam = sum(S[i][j] * n[j] for j in range(2)) / q
            rest = [[S[a][b] - lam * Q[a][b] for b in range(2)] for a in range(2)]
            if lam > 0 and rest[0][0] >= 0 and rest[1][1] >= 0 and (
                    rest[0][0] * rest[1][1] >= rest[0][1] ** 2):
                return _finished(path, [[1, 0], [0, 0]], [0], [(0, -1, lam), (-1, 0, lam)], [],
                                 Fraction(1), rate)
    return None


def programs(step: LinearStep, mu: Fraction, ell: Fraction | None, memory: int) -> Any:
    """Return the semidefinite program of a map and what turns its units back."""
    def floats(row: Sequence[Any]) -> np.ndarray:
        return np.array([float(v) for v in row])

    unit = ell
    if unit is None:  # the size of a gradient that moves θ by as much as θ is
        size = max(abs(float(v)) for v in (*step.B, step.D)) or 1.0
        unit = Fraction(1 / size).limit_denominator(1000) or Fraction(1)
    program = Program(np.array([floats(r) for r in step.A]), floats(step.B) * float(unit),
                      floats(step.C), float(step.D) * float(unit), float(mu / unit),
                      ell is not None, memory)
    return step, program, mu, unit


def search(step: LinearStep, mu: Fraction, ell: Fraction | None, slow: Fraction, memory: int,
           accuracy: float) -> tuple[Fraction, dict[str, Any]] | None:
    """Return the smallest rate that is certified, and its certificate."""
    made = programs(step, mu, ell, memory)
    program = made[1]
    low, high = float(slow), 1.0
    near = low + (1 - low) * accuracy
    if program.solve(near**2)[0] > MARGIN:
        high = near
    elif program.solve((1 - accuracy) ** 2)[0] <= MARGIN:
        return None
    while high - low > accuracy and high != near:
        middle = (low + high) / 2
        if program.solve(middle**2)[0] > MARGIN:
            high = middle
        else:
            low = middle
    for k in range(8):  # the margin grows with the rate, and with it the room for rounding
        rate = Fraction(math.ceil((high + (1 - high) * accuracy * (4**k - 1)) * 10**10), 10**10)
        data = certify(made, rate, ell)
        if data is not None:
            return rate, data
    return None


def certify(made: Any, rate: Fraction, ell: Fraction | None) -> dict[str, Any] | None:
    """Return an exact certificate at one rate: rounded to more and more digits; or None."""
    from flowopt.stability.checks import rate as checker

    step, program, mu, unit = made
    margin, u = program.solve(float(rate) ** 2)
    if margin <= 0:
        return None
    path = checker._Path(step, program.memory, mu, ell)
    for digits in (6, 8, 10, 12, 14):
        data = _rounded(path, program, u, margin, rate, unit, digits)
        if data is not None:
            return data
    return None


def _rounded(path: Any, program: Program, u: np.ndarray, margin: float, rate: Fraction,
             unit: Fraction, digits: int) -> dict[str, Any] | None:
    scale = 10**digits
    values = {c: Fraction(round(float(v) * scale), scale)
              for c, v in zip(program.columns, u, strict=True)}
    m = path.step.m
    P = [[Fraction(0)] * (m + program.memory + 1) for _ in range(m + program.memory + 1)]
    for i, j in program.entries:  # g = ℓ ĝ
        P[i][j] = P[j][i] = values["P", (i, j)] / unit ** ((i >= m) + (j >= m))
    p = [values["p", i] / unit for i in range(program.memory + 1)]
    square = rate**2
    sums = {i: -square * p[i] for i in range(program.memory + 1)}
    for i in range(program.memory + 1):
        sums[i + 1] = sums.get(i + 1, Fraction(0)) + p[i]
    decrease = _balanced(program.free, values, "lam", unit, sums)
    positive = _balanced(program.first, values, "nu", unit, {i: -v for i, v in enumerate(p)})
    below = Fraction(max(round(margin / 2 * scale), 1), scale)
    return _finished(path, P, p, decrease, positive, below, rate)


def _balanced(pairs: Any, values: Any, kind: str, unit: Fraction, sums: dict[int, Fraction]
              ) -> list[tuple[int, int, Fraction]]:
    """Return the multipliers with those of (∗, i) such that the values of L cancel."""
    made = {q: max(values[kind, q], Fraction(0)) / unit for q in pairs}
    for i in sums:
        total = sums[i] + sum(v if q[0] == i else -v if q[1] == i else 0
                              for q, v in made.items() if -1 not in (q[0],))
        if total < 0:
            made[i, -1] = made.get((i, -1), Fraction(0)) - total
            total = Fraction(0)
        made[-1, i] = total
    return [(i, j, v) for (i, j), v in made.items() if v]


def _finished(path: Any, P: Any, p: Any, decrease: Any, positive: Any, below: Fraction,
              rate: Fraction) -> dict[str, Any] | None:
    """Return the certificate with its pivots, or None when a form has a negative one."""
    from flowopt.stability.checks import rate as checker

    data = {"memory": path.memory, "P": [[str(v) for v in row] for row in P],
            "p": [str(v) for v in p], "decrease": [[i, j, str(v)] for i, j, v in decrease],
            "positive": [[i, j, str(v)] for i, j, v in positive], "below": str(below)}
    try:
        data["pivots"] = checker.pivots(path, data, rate)
    except Refused:
        return None
    return data
