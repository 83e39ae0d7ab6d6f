"""An equilibrium in a box, judged by its linearisation, in the interval arithmetic of mpmath.

data: "eigenvalues": "all left" or "one right". The options of the statement hold the box. By
Krawczyk's test the box holds exactly one zero; Hurwitz's minors of the Jacobian over the whole box
then have one sign.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks.algebraic_point import field
from flowopt.stability.exact import Refused, rational

TRUST = "C"
PRECISION = 120


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Verify that the box holds one zero, and where the eigenvalues lie over it."""
    from mpmath import iv

    claim, options = statement["claim"], statement["options"]
    wanted = {"asymptotically_stable": "all left", "unstable": "one right"}
    if data != {"eigenvalues": wanted.get(claim)} or \
            (claim == "asymptotically_stable") != (options.get("scope") == "local"):
        raise Refused("the evidence is not that of the claim")
    equations, variables = field(statement)
    rows = options["box"]
    if len(rows) != len(variables) or options["at"] != "the only zero of the field in " + \
            " x ".join(f"[{a}, {b}]" for a, b in rows):
        raise Refused("the box is not that of the point")
    old = iv.prec
    iv.prec = PRECISION
    try:
        _check(equations, variables, rows, claim)
    finally:
        iv.prec = old


def _check(equations: list[Any], variables: list[Any], rows: Any, claim: str) -> None:
    from mpmath import iv, mp

    box = []
    for a, b in rows:
        low, high = rational(a), rational(b)
        if not low < high:
            raise Refused("the box is empty")
        box.append(iv.mpf([(iv.mpf(int(low.p)) / int(low.q)).a,
                           (iv.mpf(int(high.p)) / int(high.q)).b]))
    n = len(variables)
    j = [[_evaluated(e.diff(v), dict(zip(variables, box, strict=True))) for v in variables]
         for e in equations]
    middle = [iv.mpf(b.mid) for b in box]
    at = dict(zip(variables, middle, strict=True))
    f = [_evaluated(e, at) for e in equations]
    with mp.workprec(PRECISION):
        near = mp.matrix([[mp.mpf(e.mid) for e in row] for row in j])
        try:
            y = near**-1
        except ZeroDivisionError:
            raise Refused("the Jacobian is singular") from None
        inverse = [[iv.mpf(y[i, k]) for k in range(n)] for i in range(n)]
    for i in range(n):
        total = middle[i] - sum((inverse[i][k] * f[k] for k in range(n)), iv.mpf(0))
        for k in range(n):
            entry = iv.mpf(int(i == k)) - sum((inverse[i][m] * j[m][k] for m in range(n)),
                                              iv.mpf(0))
            total = total + entry * (box[k] - middle[k])
        if not (box[i].a < total.a and total.b < box[i].b):
            raise Refused("Krawczyk's operator does not map the box into its interior")
    chi = _characteristic(j)
    if claim == "asymptotically_stable":
        if not all(m.a > 0 for m in _minors(chi)):
            raise Refused("a Hurwitz minor is not positive over the box")
        return
    for k in range(-30, 30):
        if any(m.b < 0 for m in _minors(_shifted(chi, iv.mpf(2) ** -k))):
            return
    raise Refused("no eigenvalue with positive real part is found")


def _evaluated(e: Any, at: Mapping[Any, Any]) -> Any:
    """Return an enclosure of an expression in mpmath's intervals."""
    import sympy
    from mpmath import iv

    if e in at:
        return at[e]
    if e.is_Rational:
        return iv.mpf(int(e.p)) / int(e.q)
    if e is sympy.pi or e is sympy.E:
        return iv.pi if e is sympy.pi else iv.e
    args = [_evaluated(a, at) for a in e.args]
    if e.is_Add or e.is_Mul:
        made = args[0]
        for a in args[1:]:
            made = made + a if e.is_Add else made * a
        return made
    if e.is_Pow and e.exp.is_Integer:
        if int(e.exp) < 0 and args[0].a <= 0 <= args[0].b:
            raise Refused("a denominator is 0 in the box")
        return args[0] ** int(e.exp)
    if e.is_Pow and e.base is not sympy.E:
        if not args[0].a > 0:
            raise Refused("a root of what is not positive")
        return iv.exp(args[1] * iv.log(args[0]))
    if isinstance(e, (sympy.Min, sympy.Max)):
        pick = min if isinstance(e, sympy.Min) else max
        return iv.mpf([pick(v.a for v in args), pick(v.b for v in args)])
    x = args[-1]
    name = "exp" if e.is_Pow else e.func.__name__
    if name == "log" and not x.a > 0:
        raise Refused("a logarithm of what is not positive")
    simple = {"exp": iv.exp, "log": iv.log, "sin": iv.sin, "cos": iv.cos,
              "tan": _tangent,
              "sinh": lambda v: (iv.exp(v) - iv.exp(-v)) / 2,
              "cosh": lambda v: (iv.exp(v) + iv.exp(-v)) / 2,
              "tanh": lambda v: 1 - 2 / (iv.exp(2 * v) + 1), "Abs": abs,
              "sign": lambda v: iv.mpf([1 if v.a > 0 else -1, -1 if v.b < 0 else 1]),
              "Heaviside": lambda v: iv.mpf([1 if v.a > 0 else 0, 0 if v.b < 0 else 1])}
    if name not in simple:
        raise Refused(f"{name} is not evaluated in intervals here")
    return simple[name](x)


def _tangent(v: Any) -> Any:
    from mpmath import iv

    below = iv.cos(v)
    if below.a <= 0 <= below.b:
        raise Refused("a pole of tan in the box")
    return iv.sin(v) / below


def _determinant(a: Sequence[Sequence[Any]]) -> Any:
    from mpmath import iv

    if not a:
        return iv.mpf(1)
    total = iv.mpf(0)
    for k in range(len(a)):
        total = total + (-1) ** k * a[0][k] * _determinant(
            [[v for m, v in enumerate(row) if m != k] for row in a[1:]])
    return total


def _characteristic(a: Sequence[Sequence[Any]]) -> list[Any]:
    from mpmath import iv

    n = len(a)
    if n > 8:
        raise Refused("more than 8 components are not judged in intervals")
    made = []
    for size in range(n, -1, -1):
        total = iv.mpf(0)
        for kept in itertools.combinations(range(n), size):
            total = total + _determinant([[a[i][k] for k in kept] for i in kept])
        made.append(total * (-1) ** size)
    return made


def _shifted(p: list[Any], s: Any) -> list[Any]:
    made = list(p)
    for i in range(len(made) - 1):
        for k in range(len(made) - 2, i - 1, -1):
            made[k] = made[k] + made[k + 1] * s
    return made


def _minors(p: list[Any]) -> list[Any]:
    from mpmath import iv

    n, c = len(p) - 1, p[::-1]
    rows = [[c[2 * k - i + 1] if 0 <= 2 * k - i + 1 <= n else iv.mpf(0) for k in range(n)]
            for i in range(n)]
    return [_determinant([row[:k] for row in rows[:k]]) for k in range(1, n + 1)]


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    last = ("so each eigenvalue has a negative real part over the whole box: the equilibrium is "
            "asymptotically stable by Lyapunov's first method."
            if data["eigenvalues"] == "all left" else
            "so an eigenvalue has a positive real part over the whole box: the equilibrium is "
            "unstable by Lyapunov's first method.")
    box = " x ".join(f"[{a}, {b}]" for a, b in statement["options"]["box"])
    return [f"Krawczyk's operator maps {box} into its interior: it holds exactly one zero of "
            "the field.",
            "Hurwitz's minors of the Jacobian"
            + (" are positive" if data["eigenvalues"] == "all left" else
               ", with lambda moved by some s > 0, hold a negative one") + " there, " + last]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [s.replace("_", r"\_") for s in explain(statement, data)]
