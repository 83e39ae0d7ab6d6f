"""Optimizers that never come to rest: maps on a given loss, their cycles, and least steps."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowopt import _check
from flowopt.stability.checks import map_point
from flowopt.stability.exact import Refused, fraction, rational, read, write
from flowopt.stability.iterations.discrete import optimizer_system
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown


def attempt(problem: Any) -> Verdict | None:
    """Settle no_fixed_point of sign descent, or (option least_loss) of the loss-normalised step."""
    from flowopt.optimizers.optimizer import Optimizer

    opt = problem.system
    if problem.claim != "no_fixed_point" or not isinstance(opt, Optimizer) or problem.V is not None:
        return None
    if opt.name == "signsgd" or (opt.name == "polyak" and opt.hyper.get("clip") == "norm"
                                 and "least_loss" in problem.options):
        return least_step(opt, problem.options.get("least_loss"))
    return None


def map_on(optimizer: Any, loss: str, exact: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the data of an optimizer as a map of (θ, states) on a loss of one variable ``theta``.

    Parameters
    ----------
    optimizer : Optimizer
        One whose rule does not hold L and the number of the step.
    loss : str
        An expression over ``theta``.
    exact : mapping of str to str, optional
        Hyper-parameters as fractions.

    Examples
    --------
    >>> import flowopt as fo
    >>> map_on(fo.optimizers.signsgd(lr=0.5), "theta**2/2")["equations"]
    ['theta - sign(theta)/2']
    """
    import sympy

    system = optimizer_system(optimizer, exact=exact)
    theta, g = sympy.Symbol("theta", real=True), sympy.Symbol("g", real=True)
    if set(system["gradients"]) - {"g"}:
        raise ValueError(f"optimizer must take its gradient at theta, and {optimizer.name} does "
                         "not")
    slope = sympy.diff(read(loss, ["theta"]), theta)
    names = [*system["variables"], "g"]
    made = [write(read(e, names).xreplace({g: slope})) for e in system["equations"]]
    return {"kind": "map", "variables": system["variables"], "equations": made, "parameters": {}}


def sign_cycle(optimizer: Any, curvature: Any = 1) -> Verdict:
    """Return the refutation, by an exact cycle of two, that sign descent settles on ½ λ x².

    The cycle is ±h/2, whatever λ. Source: science of sign descent, e.g. Balles & Hennig, ICML 2018.

    Parameters
    ----------
    optimizer : Optimizer
        `signsgd`, or a sign-like one of one state: the cycle is looked for at ±h/2.
    curvature : float or str, > 0
        λ.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.stability.sign_cycle(fo.optimizers.signsgd(lr=0.5)).status
    'disproved'
    """
    lam = _positive("curvature", curvature)
    system = map_on(optimizer, f"({lam})/2*theta**2")
    made = statement("asymptotically_stable", system, at=["0"], scope="global")
    half = fraction(optimizer.hyper["lr"]) / 2
    try:
        return disproved(made, "an exact cycle", Evidence("map_cycle", {
            "points": [[str(half)], [str(-half)]]}), "the iteration goes to and fro for ever")
    except AssertionError as error:
        return unknown(made, str(error))


def adam_cycle(optimizer: Any, curvature: Any = 1, exact: Mapping[str, Any] | None = None
               ) -> Verdict:
    """Return the refutation, by an exact cycle of two, that Adam settles on ½ λ x².

    With c = d = 1 (the corrections of the averages, to which they tend), x = ±a, v = g² and
    m = ∓(1 − β₁)/(1 + β₁) g, a = h(1 − β₁)/(2(1 + β₁)) − ε/λ > 0.

    Parameters
    ----------
    optimizer : Optimizer
        `adam` without weight decay and ``eps_root``.
    curvature : float or str, > 0
        λ.
    exact : mapping of str to str, optional
        Hyper-parameters as fractions.

    Examples
    --------
    >>> import flowopt as fo
    >>> adam = fo.optimizers.adam(lr=0.1, betas=(0.9, 0.999))
    >>> print(fo.stability.adam_cycle(adam).status)
    disproved
    """
    lam = _positive("curvature", curvature)
    if optimizer.name != "adam" or {"weight_decay", "eps_root"} & set(optimizer.hyper):
        raise ValueError("optimizer must be adam without weight_decay and eps_root, got "
                         f"{_check.shown(optimizer)}")
    system = map_on(optimizer, f"({lam})/2*theta**2", exact)
    made = statement("asymptotically_stable", system, at=["0", "0", "0", "1", "1"],
                     scope="global")
    hyper = {k: fraction((exact or {}).get(k, v)) for k, v in optimizer.hyper.items()}
    share = (1 - hyper["beta1"]) / (1 + hyper["beta1"])
    a = hyper["lr"] * share / 2 - hyper["eps"] / lam
    if a <= 0:
        return unknown(made, "the step is smaller than eps allows for this cycle")
    points = [[str(v) for v in (s * a, -s * share * lam * a, (lam * a) ** 2, 1, 1)]
              for s in (1, -1)]
    return disproved(made, "an exact cycle", Evidence("map_cycle", {"points": points}),
                     "Adam goes to and fro for ever on this quadratic")


def rises(optimizer: Any, loss: str, start: Any, V: str | None = None,
          exact: Mapping[str, Any] | None = None) -> Verdict:
    """Return whether a step from a rational state refutes that V (the loss by default) falls.

    Examples
    --------
    >>> import flowopt as fo
    >>> ball = fo.optimizers.heavy_ball(lr=0.5, momentum=0.5)
    >>> rises(ball, "theta**2/2", ["0", "1"]).status
    'disproved'
    """
    system = map_on(optimizer, loss, exact)
    made = statement("nonincreasing", system, V or loss)
    point = [str(rational(v)) for v in start]
    try:
        return disproved(made, "one exact step", Evidence("map_point", map_point.evidence(
            system, made["V"], point)), "V rises in one step")
    except (AssertionError, Refused) as error:
        return unknown(made, str(error))


def least_step(optimizer: Any, least_loss: Any = None) -> Verdict:
    """Prove that an optimizer never comes to rest but where g = 0 exactly.

    For sign descent each step has the length lr in the max norm wherever g ≠ 0. For the
    loss-normalised step with clip M, ‖θ⁺ − θ‖ = h M (L − minimum) where ‖g‖ <= 1/M: with L above
    its assumed minimum by a margin, no critical point is a stable fixed point.

    Parameters
    ----------
    optimizer : Optimizer
        `signsgd`, or `polyak` with ``clip="norm"`` (the two-minima example).
    least_loss : float or str, optional
        A lower bound of L, for the loss-normalised step.

    Returns
    -------
    Verdict
        Of the claim ``no_fixed_point``.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.stability.least_step(fo.optimizers.signsgd(lr=0.5)).proved
    True
    >>> essay = fo.optimizers.polyak(lr=0.01, max_learning_rate=1000, clip="norm")
    >>> verdict = fo.stability.least_step(essay, least_loss="1/2000000")
    >>> verdict.proved, verdict.statement["options"]["bound"]
    (True, '1/200000')
    """
    if optimizer.name == "signsgd":
        if least_loss is not None:
            raise ValueError("least_loss has no effect for signsgd; leave it out")
        made = statement("no_fixed_point", optimizer_system(optimizer, keep=["lr"]), bound="lr",
                         where="g != 0")
        return proved(made, "the length of a step", "A", Evidence("never_rests", {"norm": "max"}))
    if optimizer.name != "polyak" or optimizer.hyper.get("clip") != "norm":
        raise ValueError("optimizer must be signsgd, or polyak with clip='norm', got "
                         f"{_check.shown(optimizer)}")
    if least_loss is None:
        raise ValueError("least_loss must be given for polyak: a lower bound of L above its "
                         "minimum")
    return least_normalised(optimizer, fraction(least_loss))


def least_normalised(optimizer: Any, least: Fraction, every_step: bool = False) -> Verdict:
    """Return the verdict on the loss-normalised step, for its own lr or for every lr > 0."""
    h, M, minimum = (fraction(optimizer.hyper[k]) for k in ("lr", "max_learning_rate", "minimum"))
    size = M * (least - minimum)
    made = statement("no_fixed_point", optimizer_system(optimizer, ["lr"] if every_step else ()),
                     assumptions=[f"{least} <= L"],
                     bound=f"{size}*lr" if every_step else str(h * size),
                     where=f"0 < |g| <= 1/({M})")
    if least <= minimum:
        return unknown(made, "the bound of L is not above the minimum that the step assumes, so "
                       "steps may shrink to 0")
    return proved(made, "the length of a step", "A", Evidence("never_rests", {"norm": "euclidean"}))


def _positive(name: str, value: Any) -> Fraction:
    made = fraction(value)
    if made <= 0:
        raise ValueError(f"{name} must be > 0, got {_check.shown(value)}")
    return made
