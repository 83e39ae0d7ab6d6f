"""A claim about a polynomial alone: p >= 0, or p > 0 off a point, everywhere or on a box."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from flowopt import _check
from flowopt.stability.proving import Problem
from flowopt.stability.rational import polynomial
from flowopt.stability.statement import box_domain, statement
from flowopt.stability.verdict import Verdict, unknown


def prove_polynomial(p: Any, claim: str = "nonnegative", domain: Any = None,
                     at: Sequence[Any] | None = None, *, variables: Sequence[str] | None = None,
                     seconds: float = 60.0) -> Verdict:
    """Prove or disprove that a polynomial (or a rational function) is nonnegative, or positive.

    In one variable the answer is decided by Sturm chains, whatever the margin. In more, sums of
    squares with exact rational Gram matrices prove, and exact points disprove.

    Parameters
    ----------
    p : str or sympy.Expr
        The polynomial; a float in it stands for its shortest decimal.
    claim : {"nonnegative", "positive"}
        p >= 0; or p > 0 off the point `at`, about which nothing is said.
    domain : sequence of pairs, optional
        A closed box, a pair (a, b) for each variable; by default the whole space.
    at : sequence of numbers, optional
        The point of "positive"; 0 by default.
    variables : sequence of str, optional
        The variables in order; by default the names in p, in natural order.
    seconds : float
        The time to spend; what is not settled by then is unknown.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError, TypeError
        For a p that cannot be read, an unknown claim, and a box that is empty.

    Examples
    --------
    >>> prove_polynomial("x**4 - x**2 + 1/4")
    <Verdict proved (A): For all x in R: with V = x**4 - x**2 + 1/4, V >= 0.>
    >>> prove_polynomial("x**4 - x**2 + 1/4 - 1/10**12").status
    'disproved'
    >>> motzkin = "x**4*y**2 + x**2*y**4 - 3*x**2*y**2 + 1"
    >>> prove_polynomial(motzkin).certificate.data["parts"]["positive"]["power"]
    1
    """
    from flowopt.symbolic.language import natural_key
    from flowopt.symbolic.parse import parse

    _check.choice("claim", claim, ("nonnegative", "positive"))
    seconds = _check.real("seconds", seconds, above=0.0)
    if isinstance(p, str):
        names = list(parse(p, what="p").names)
    elif hasattr(p, "free_symbols"):
        names = sorted({str(s) for s in p.free_symbols}, key=natural_key)
    else:
        raise TypeError(f"p must be text or a sympy expression, got {_check.shown(p)}")
    names = list(variables) if variables is not None else names
    if not names:
        raise ValueError(f"p must hold a variable, got {_check.shown(p)}; name it with variables=")
    system = {"kind": "none", "variables": names, "parameters": {}}
    if at is not None and len(at) != len(names):
        raise ValueError(f"at must have a number for each of the {len(names)} variables, got "
                         f"{len(at)}")
    made = statement(claim, system, p, domain=box_domain(domain, len(names)), at=at)
    verdict = polynomial.attempt(Problem(None, made, p, time.monotonic() + seconds))
    return verdict or unknown(made, "p is not rational in its variables")
