"""Sign flow on a quadratic loss comes to rest in finite time.

data: "loss", without its constant; "mu" > 0. With H the Hessian, V = L − L* and any selection of
the Filippov set dV/dt = −norm1(g). Where H² − mu H is positive semidefinite |g|² >= 2 mu V, so that
V reaches 0 within √(2 V0/mu). Where H − mu is, d norm1(g)/dt = −uᵀHu <= −mu until g = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import list_of
from flowopt.stability.checks.critical import _plain, _same_field
from flowopt.stability.checks.words import escaped
from flowopt.stability.exact import Refused, psd, rational, read
from flowopt.stability.points import shown

BOTH = "Min(sqrt(2*V0/mu), G0/mu), mu = {}, V0 = L - L* and G0 = norm1(grad L) at the start"
ONE = "sqrt(2*V0/mu), mu = {}, V0 = L - L* at the start"


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that the field is sign flow on a quadratic loss, and the bounds of its Hessian."""
    import sympy

    if set(data) != {"loss", "mu"}:
        raise Refused("the certificate has other entries than it must have")
    _plain(statement)
    system, options = statement["system"], statement["options"]
    _same_field(system, {"loss": data["loss"], "rule": "-sign(g)", "infinite": []})
    values = {k: rational(v) for k, v in system["parameters"].items()}
    variables = [sympy.Symbol(n, real=True) for n in system["variables"]]
    L = read(data["loss"], [*system["variables"], *values])
    L = L.xreplace({sympy.Symbol(k, real=True): v for k, v in values.items()})
    try:
        poly = sympy.Poly(L, *variables, domain=sympy.QQ)
    except sympy.polys.polyerrors.BasePolynomialError:
        raise Refused("the loss is no polynomial") from None
    n = len(variables)
    if poly.total_degree() != 2 or poly.eval(tuple([0] * n)) != 0:
        raise Refused("the loss must be quadratic, without a constant")
    h = sympy.hessian(poly.as_expr(), variables)
    b = -sympy.Matrix([poly.as_expr().diff(v) for v in variables]).xreplace(
        dict.fromkeys(variables, sympy.Integer(0)))
    mu = rational(data["mu"])
    if not mu > 0 or str(mu) != data["mu"]:
        raise Refused("mu must be > 0")
    definite = psd((h - mu * sympy.eye(n)).tolist())
    if not psd(h.tolist()) or not psd((h * h - mu * h).tolist()):
        raise Refused("the Hessian has an eigenvalue below mu that is not 0")
    if h.rank() != h.row_join(b).rank():
        raise Refused("the loss has no critical point")
    if options.get("bound") != (BOTH if definite else ONE).format(mu):
        raise Refused("the bound is another one")
    if statement["claim"] == "finite_time" and set(options) == {"bound"}:
        return
    if statement["claim"] != "finite_time_stable" or not definite:
        raise Refused("sign flow on a quadratic loss proves rest in finite time only")
    rest = [str(v) for v in h.LUsolve(b)]
    rows = list_of(options["coordinates"], n)
    if [list(r) for r in rows] != [[v] for v in rest] or options["root"] != ["0", "1"] or \
            options["cell"] != ["0", "0"] or \
            options["at"] != shown(options["root"], options["cell"], rows):
        raise Refused("the rest is another point")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    both = statement["options"]["bound"].startswith("Min")
    steps = [f"The field is -sign(grad L) with L = {data['loss']}, a quadratic loss with Hessian H "
             "and V = L - L*.",
             "L is smooth, so dV/dt = -norm1(g) for every selection of the Filippov set, with g = "
             "grad L: on g_i = 0 the selection does not matter.",
             f"H**2 - mu*H is positive semidefinite with mu = {data['mu']} (exact LDL), so "
             "|g|**2 >= 2*mu*V, dV/dt <= -|g| <= -sqrt(2*mu*V), and V reaches 0 within "
             "sqrt(2*V0/mu)."]
    if both:
        steps.append("H - mu is positive semidefinite, and the motion x' = -u keeps or leaves "
                     "g_i = 0 with u_i*(H*u)_i <= 0: d(norm1(g))/dt = -u.H*u <= -mu*|u|**2 <= -mu "
                     "while g != 0, since then some |u_i| = 1. So g reaches 0 within G0/mu.")
    return steps


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return escaped(explain(statement, data))
