"""Check the spectral radius of a linear map for all curvatures in [1, ℓ(k)], k over a half-line.

For p(ζ) of degree 1 or 2 all roots have |ζ| <= r exactly when p(r) >= 0, p(−r) >= 0 (degree 2;
of two signs for degree 1) and |p(0)| <= r². Where these are linear in λ, they hold on an interval
when they hold at its ends; there they are rational in k, and k = k₀ + d with d >= 0 shows their
sign by those of the coefficients.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowopt.stability.exact import Refused, read

TRUST = "A"


def _read(statement: Mapping[str, Any]) -> Any:
    """Return p's coefficients, λ, k, the least k, ℓ and the rate."""
    import sympy

    system, options = statement["system"], statement["options"]
    if statement["claim"] != "spectral_radius" or system["kind"] != "map" or \
            system["parameters"] or statement["V"] is not None:
        raise Refused("the claim must be the spectral radius of a map")
    if set(options) != {"rate", "ell", "at"} or options["at"] != "lam = 1":
        raise Refused("the options must be the rate, the largest curvature and lam = 1")
    first = re.fullmatch(r"k >= ([0-9]+)", statement["assumptions"][0])
    if first is None or statement["assumptions"][1:] != [f"1 <= lam <= {options['ell']}"]:
        raise Refused("the assumptions must be a least k, and 1 <= lam <= ell")
    variables = list(system["variables"])
    own = [sympy.Symbol(v, real=True) for v in variables]
    lam, k = sympy.Symbol("lam", real=True), sympy.Symbol("k", real=True)
    rows = [read(e, {*variables, "lam", "k"}) for e in system["equations"]]
    matrix = sympy.Matrix([[sympy.expand(sympy.diff(e, v)) for v in own] for e in rows])
    if matrix.free_symbols & set(own) or any(
            sympy.expand(e - sum(matrix[i, j] * v for j, v in enumerate(own))) != 0
            for i, e in enumerate(rows)):
        raise Refused("the equations are not linear")
    zeta = sympy.Symbol("zeta")
    p = [sympy.cancel(c) for c in matrix.charpoly(zeta).all_coeffs()]
    return p, lam, k, int(first[1]), read(options["ell"], {"k"}), read(options["rate"], {"k"})


def _conditions(p: list[Any], r: Any) -> list[Any]:
    if len(p) == 2:  # |a| <= r
        return [r - p[1], r + p[1]]
    if len(p) == 3:
        return [r**2 + r * p[1] + p[2], r**2 - r * p[1] + p[2], r**2 - p[2], r**2 + p[2]]
    raise Refused("the map must have one or two variables")


def _nonnegative(expr: Any, k: Any, least: int) -> bool:
    """Return whether a rational function of k is >= 0 for all k >= least, by coefficients."""
    import sympy

    d = sympy.Symbol("d")
    above, below = sympy.fraction(sympy.cancel(expr.subs(k, least + d)))
    top, base = sympy.Poly(above, d), sympy.Poly(below, d)
    sign = 1 if base.LC() > 0 else -1
    if not all(sign * c >= 0 for c in base.coeffs()) or base.eval(0) == 0:
        return False
    return all(sign * c >= 0 for c in top.coeffs())


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse when the rate is not shown, or not attained at λ = 1."""
    import sympy

    if set(data) != {"attained"} or data["attained"] != "1":
        raise Refused("the evidence must say at which end the rate is attained")
    p, lam, k, least, ell, rate = _read(statement)
    if not _nonnegative(rate, k, least) or not _nonnegative(ell - 1, k, least):
        raise Refused("the rate must be >= 0, and the largest curvature >= 1")
    for condition in _conditions(p, rate):
        line = sympy.Poly(sympy.cancel(condition), lam)
        if line.degree() > 1:
            raise Refused("a condition is not linear in the curvature")
        for end in (sympy.Integer(1), ell):
            if not _nonnegative(line.eval(end), k, least):
                raise Refused(f"a condition fails at the curvature {end}")
    value = sum(c.subs(lam, 1) * rate**(len(p) - 1 - i) for i, c in enumerate(p))
    if sympy.cancel(value) != 0:
        raise Refused("the rate is not an eigenvalue there")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, a sentence a step."""
    return ["In units in which mu = 1, the largest curvature is "
            f"ell = {statement['options']['ell']}.",
            "All eigenvalues have modulus <= r exactly when p(r), p(-r) and r^2 - |p(0)| are >= 0; "
            "these are linear in lam, and so hold on [1, ell] when they hold at both ends.",
            f"There they are rational in k, and all their coefficients in d = k - "
            f"{statement['assumptions'][0].split()[-1]} are >= 0.",
            f"At lam = {data['attained']} the rate itself is an eigenvalue, so that it is exact."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [r"$|\zeta| \le r$ for both roots exactly when $p(\pm r) \ge 0$ and $|p(0)| \le r^2$, "
            r"which is linear in $\lambda$.",
            r"At $\lambda = 1$ and $\lambda = \ell$ all coefficients in $d = k - k_0$ are "
            r"$\ge 0$.", rf"At $\lambda = {data['attained']}$, $r$ is an eigenvalue."]
