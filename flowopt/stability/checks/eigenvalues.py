"""An equilibrium judged by its linearisation (Lyapunov's first method).

data: "sides": the side of each switching function at the point (in the order of `Regimes`);
"characteristic": the coefficients of det(lambda − J), ascending, each a polynomial in alpha.

All eigenvalues have negative real parts exactly if Hurwitz's minors are positive. One has a real
part >= s > 0 if a Hurwitz minor of the polynomial in lambda + s is negative. Of a symmetric
Jacobian all eigenvalues are real: they are negative exactly if all coefficients are positive, and
one is positive exactly if a coefficient is negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.algebraic_point import Point, field, list_of
from flowopt.stability.exact import Refused, rational

CLAIMS = ("asymptotically_stable", "unstable")
#: real parts below 2^-HALVINGS are not told from 0
HALVINGS = 40


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that the linearisation at the point proves the claim."""
    claim, options = statement["claim"], statement["options"]
    if claim not in CLAIMS or (claim == CLAIMS[0]) != (options.get("scope") == "local") \
            or set(data) != {"sides", "characteristic"}:
        raise Refused("the linearisation proves local asymptotic stability or instability only")
    equations, variables = field(statement)
    point = Point(options)
    if len(point.coordinates) != len(variables):
        raise Refused("the point has another dimension")
    smooth = _smooth(equations, variables, point, data["sides"])
    for e in smooth:
        if not point.value(e, variables).is_zero:
            raise Refused("the field does not vanish at the point")
    jacobian = [[point.value(e.diff(v), variables) for v in variables] for e in smooth]
    chi = _characteristic(jacobian, point)
    given = list_of(data["characteristic"], len(chi))
    for c, row in zip(chi, given, strict=True):
        if not row or [str(rational(v)) for v in row] != list(row) or \
                (point._poly(row) - c).is_zero is False or len(row) > max(1, point.q.degree()) or \
                (len(row) > 1 and row[-1] == "0"):
            raise Refused("the characteristic polynomial is not that of the Jacobian")
    if all((jacobian[i][j] - jacobian[j][i]).is_zero for i in range(len(variables))
           for j in range(i)):
        # all roots are real: they are negative exactly if all coefficients are positive
        if (claim == "unstable") == all(point.sign(c) > 0 for c in chi) or (
                claim == "unstable" and all(point.sign(c) >= 0 for c in chi)):
            raise Refused("the signs of the characteristic polynomial do not prove the claim")
    elif claim == "unstable":
        _unstable(chi, point)
    elif any(point.sign(m) <= 0 for m in _minors(chi, point)):
        raise Refused("a Hurwitz minor is not positive")


def _smooth(equations: list[Any], variables: list[Any], point: Point, sides: Any) -> list[Any]:
    """Return the equations with the sides put in, after these are checked."""
    import sympy

    from flowopt.symbolic.regimes import Even, Regimes, Select, side_symbol

    regimes = Regimes()
    smooth = [regimes.smooth(e) for e in equations]
    list_of(sides, len(regimes.surfaces))
    put: dict[Any, Any] = {}

    def placed(e: Any) -> Any:
        e = e.xreplace(put)
        return e.replace(Select, lambda s, a, b: a if s < 0 else b).replace(
            Even, lambda s, a: s * a)

    for k, (psi, side) in enumerate(zip(regimes.smooth_surfaces, sides, strict=True)):
        if side not in ("1", "-1") or point.sign(point.value(placed(psi), variables)) != int(side):
            raise Refused("the point does not lie on these sides of the switching surfaces")
        put[side_symbol(k)] = sympy.Integer(side)
    return [placed(e) for e in smooth]


def _characteristic(matrix: list[list[Any]], point: Point) -> list[Any]:
    """Return det(lambda − J), ascending, without divisions (Samuelson and Berkowitz)."""
    zero, one = point._poly(["0"]), point._poly(["1"])
    found = [one]  # of the trailing block, descending
    for k in reversed(range(len(matrix))):
        row, column = matrix[k][k + 1:], [r[k] for r in matrix[k + 1:]]
        block = [r[k + 1:] for r in matrix[k + 1:]]
        first = [one, -matrix[k][k]]  # 1, −a, −RC, −RBC, −RBBC, ...
        for _ in block:
            first.append(-_dot(row, column, point))
            column = [_dot(r, column, point) for r in block]
        size = len(found)
        found = [point.reduced(sum((first[i - j] * found[j] for j in range(size)
                                    if 0 <= i - j < len(first)), zero))
                 for i in range(size + 1)]
    return found[::-1]


def _dot(a: list[Any], b: list[Any], point: Point) -> Any:
    total = point._poly(["0"])
    for u, v in zip(a, b, strict=True):
        if not (u.is_zero or v.is_zero):
            total = total + u * v
    return point.reduced(total)


def _minors(chi: list[Any], point: Point) -> list[Any]:
    """Return Hurwitz's leading minors of a monic polynomial."""
    n, zero = len(chi) - 1, point._poly(["0"])
    c = chi[::-1]  # descending: c[0] = 1
    rows = [[c[2 * j - i + 1] if 0 <= 2 * j - i + 1 <= n else zero for j in range(n)]
            for i in range(n)]
    return [_characteristic([row[:k] for row in rows[:k]], point)[0] * (-1) ** k
            for k in range(1, n + 1)]


def _unstable(chi: list[Any], point: Point) -> None:
    import sympy

    for k in range(HALVINGS):
        if any(point.sign(m) < 0
               for m in _minors(_shifted(chi, sympy.Rational(1, 2**k), point), point)):
            return
    raise Refused("no eigenvalue with positive real part is found")


def _shifted(chi: list[Any], s: Any, point: Point) -> list[Any]:
    """Return the polynomial in lambda + s."""
    made = list(chi)
    for i in range(len(made) - 1):
        for j in range(len(made) - 2, i - 1, -1):
            made[j] = made[j] + made[j + 1] * s
    return [point.reduced(p) for p in made]


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    from flowopt.stability.points import polynomial

    chi = " + ".join(f"({polynomial(c)})*lambda**{k}" for k, c in enumerate(data["characteristic"]))
    steps = [f"The field vanishes at {statement['options']['at']}: put in, each equation is 0 "
             "modulo the polynomial of alpha."]
    if data["sides"]:
        steps.append("No switching function is 0 there (their signs are "
                     f"{', '.join(data['sides'])}), so the field is smooth nearby.")
    steps.append(f"Its Jacobian there has the characteristic polynomial {chi}.")
    if statement["claim"] == "unstable":
        steps.append("For some s > 0 a Hurwitz minor of this polynomial in lambda + s is negative "
                     "(for a symmetric Jacobian: a coefficient is): an eigenvalue has a positive "
                     "real part, and the equilibrium is unstable by Lyapunov's first method.")
    else:
        steps.append("All its Hurwitz minors are positive (for a symmetric Jacobian: all "
                     "coefficients): every eigenvalue has a negative real "
                     "part, and the equilibrium is asymptotically stable by Lyapunov's first "
                     "method.")
    return steps


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [s.replace("_", r"\_").replace("**", r"\^{}").replace("lambda", r"$\lambda$")
            .replace("alpha", r"$\alpha$") for s in explain(statement, data)]
