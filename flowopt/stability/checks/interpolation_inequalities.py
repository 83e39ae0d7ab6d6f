"""The inequalities that classes of losses fulfil between the points of a step.

Source: Taylor, Hendrickx & Glineur, Math. Program. 161 (2017) 307, Theorem 4, for the one with
strong convexity and smoothness.
"""

from __future__ import annotations

import re
from typing import Any

from flowopt.stability.exact import Refused

#: what may be assumed of the loss and of the step, in words
CONVEX, STRONG = "L is convex", "L is mu-strongly convex"
SMOOTH, SMOOTH_MAX = "L is ell-smooth", "L is ell-smooth in the max norm"
MINIMISER, MOVING = "theta* is a minimiser of L", "g != 0"
DISCRETE = "gbar is a discrete gradient"
PROX = "new_theta minimises L(z) + |z - theta|**2/(2*lr)"
NOISE = "V+ is its mean over w, with E w = 0 and E |w|**2 <= sigma**2"
WORDS = (CONVEX, STRONG, SMOOTH, SMOOTH_MAX, MINIMISER, MOVING, DISCRETE, PROX, NOISE)


def inequality(step: Any, kind: str, i: str, j: str) -> Any:
    """Return Q >= 0 between the points i and j; refuse one that is not assumed."""
    import sympy

    needs = {"convex": (CONVEX,), "smooth": (SMOOTH,), "strong": (STRONG,),
             "smooth_convex": (CONVEX, SMOOTH), "smooth_strong": (STRONG, SMOOTH),
             "lower": (MINIMISER,), "smooth_max": (SMOOTH_MAX,), "discrete": (DISCRETE,),
             "noise": (NOISE,), "prox": (PROX,), "slack": ()}
    if kind not in needs or not set(needs[kind]) <= step.words:
        raise Refused(f"the inequality {kind} is not assumed")
    if kind == "noise":
        _unused(i, j)
        w = step.vectors["w"]
        return step._symbol("sigma") ** 2 - step._inner(w, w)
    if kind == "slack":
        if not re.fullmatch(r"[1-9][0-9]?", i) or int(i) > len(step.slacks) or j:
            raise Refused(f"there is no assumed inequality {i}")
        a, b, _ = step.slacks[int(i) - 1]
        return step.value(b, 0) - step.value(a, 0)
    if kind in ("discrete", "prox"):
        _unused(i, j)
        dx = step.place["new_g"] - step.place["g"]
        fall = step.gaps["g"] - step.gaps["new_g"]
        if kind == "discrete":
            return fall + step._dot(step.vectors["gbar"], dx)
        return fall - step._dot(dx, dx) / (2 * step._symbol("lr"))
    if kind == "lower":
        if j or i not in step.gaps:
            raise Refused(f"there is no point {i}")
        return step.gaps[i]
    if i == j or not {i, j} <= set(step.place):
        raise Refused(f"there is no pair of points ({i}, {j})")
    if "*" in (i, j) and MINIMISER not in step.words:
        raise Refused(f"the inequality needs that {MINIMISER}")
    dx = step.place[i] - step.place[j]
    values = step.gaps.get(i, sympy.S.Zero) - step.gaps.get(j, sympy.S.Zero)
    zero = sympy.S.Zero
    gi, gj = (step.vectors[k] if k != "*" else zero for k in (i, j))
    slope = step._dot(gj, dx) if j != "*" else zero
    if kind == "smooth":
        return slope - values + step._symbol("ell") / 2 * step._dot(dx, dx)
    if kind == "smooth_max":
        parts = step._coefficients(sympy.expand(dx))
        if set(parts) != {step.vectors["sign_g"]}:
            raise Refused("the max norm of this step is not known")
        # each coordinate of sign(g) is at most 1
        return slope - values + step._symbol("ell") / 2 * parts[step.vectors["sign_g"]] ** 2
    made = values - slope
    if kind == "convex":
        return made
    if kind == "strong":
        return made - step._symbol("mu") / 2 * step._dot(dx, dx)
    dg = gi - gj
    ell = step._symbol("ell")
    if kind == "smooth_convex":
        return made - step._dot(dg, dg) / (2 * ell)
    mu = step._symbol("mu")
    # the interpolation inequality needs mu < ell: its factor 1/(1 − μ/ℓ) must be positive
    if not {("mu", "ell", False), ("mu", "ell", True)} & set(step.slacks):
        raise Refused("mu <= ell must be assumed")
    return made * (ell - mu) - (step._dot(dg, dg) + mu * ell * step._dot(dx, dx)
                                - 2 * mu * step._dot(dg, dx)) / 2


def _unused(i: str, j: str) -> None:
    if i or j:
        raise Refused("this inequality is not between points")
