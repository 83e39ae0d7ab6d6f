"""Rung (d): V̇ <= 0 or < 0 on a closed box, for fields and V that are not polynomials.

W = −V̇ (or V itself) is bounded from below over sub-boxes: by its natural form and by the
mean-value form W(m) + ∇W(B)·(B − m). At a rational equilibrium x* with ∇W(x*) = 0 no such bound is
positive; there W(x) = ½ eᵀ W''(ξ) e, and an interval Hessian that is positive definite on a convex
neighbourhood proves W > 0 off x*, so that no ball is left out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.intervals import Interval, NoInterval
from flowopt.stability.algebra.programs import Program
from flowopt.stability.exact import Refused, read, write
from flowopt.stability.rest.enclosed import determinant
from flowopt.stability.verdict import Evidence, Verdict, disproved, proved, unknown

CLAIMS = ("nonincreasing", "decreasing", "positive")
#: sub-boxes that are looked at, at most; a certificate holds a digit for each
MOST = 40_000
#: how often the neighbourhood of the equilibrium is halved
HALVINGS = 20


def attempt(problem: Any) -> Verdict | None:
    """Return a verdict on nonincreasing, decreasing or positive over a box, or None.

    Examples
    --------
    >>> import flowopt as fo
    >>> from flowopt.stability.proving import Problem
    >>> from flowopt.stability.statement import box_domain, field_system, statement
    >>> field = fo.VectorField(["y", "-sin(x) - y"], ["x", "y"])
    >>> made = statement("nonincreasing", field_system(field), "y**2/2 + 1 - cos(x)",
    ...                  domain=box_domain([(-1, 1), (-1, 1)], 2))
    >>> attempt(Problem(field, made))
    <Verdict proved (A): ...>
    """
    made = problem.statement
    simple = _termwise(made) if problem.claim == "nonincreasing" else None
    if simple is not None:
        return simple
    if problem.claim not in CLAIMS or made["V"] is None or made["domain"] is None or \
            made["system"].get("kind") not in ("field", "none") or made["assumptions"] or \
            set(made["options"]) - {"at"} or "variables" not in made["system"]:
        return None
    try:
        parts = Parts(made)
    except (Refused, NoInterval) as error:
        return unknown(made, str(error))
    tree, point, reason = parts.search(time.monotonic() + min(problem.seconds_left(), 600.0))
    method = "interval branch and bound, with an interval Hessian at the equilibrium"
    if tree is not None:
        return proved(made, method, "C", Evidence("cover", {"tree": tree}))
    if point is not None:
        from flowopt.stability.checks.cover import exceeds

        value = exceeds(made, [str(v) for v in point])
        if value is not None:
            return _refuted(made, point, value)
    return unknown(made, reason)


def _termwise(made: Any) -> Verdict | None:
    """Return a proof of V̇ <= 0 by terms that are manifestly >= 0, or None."""
    import sympy

    from flowopt.stability.checks.termwise import manifest

    if made["V"] is None or made["system"].get("kind") != "field" or made["assumptions"] or \
            made["options"]:
        return None
    try:
        parts = Parts({**made, "domain": made["domain"] or {"box": []}})
    except (Refused, NoInterval):
        return None
    if not parts.smooth or not all(manifest(t) for t in sympy.Add.make_args(parts.W)):
        return None
    try:
        return proved(made, "terms of one sign", "A",
                      Evidence("termwise", {"rate": write(parts.W)}))
    except AssertionError:
        return None


def _refuted(made: Any, point: Sequence[Fraction], value: str) -> Verdict:
    what = "V" if made["claim"] == "positive" else "dV/dt"
    return disproved(made, "interval arithmetic at a point",
                     Evidence("cover", {"point": [str(v) for v in point], "value": value}),
                     f"{what} = {value} at ({', '.join(map(str, point))})", trust="C")


class Parts:
    """W with its gradient and Hessian as interval programs, and the box."""

    def __init__(self, made: Any) -> None:
        import sympy

        system = made["system"]
        names = list(system["variables"])
        values = {k: Fraction(v) for k, v in system["parameters"].items()}
        self.variables = [sympy.Symbol(n, real=True) for n in names]
        put = {sympy.Symbol(k, real=True): sympy.Rational(v.numerator, v.denominator)
               for k, v in values.items()}
        known = [*names, *values]
        V = read(made["V"], known).xreplace(put)
        self.F = [read(e, known).xreplace(put) for e in system["equations"]]
        self.strict = made["claim"] != "nonincreasing"
        if made["claim"] == "positive":
            self.W = V
        else:
            self.W = sympy.expand(-sympy.Add(*[V.diff(v) * f for v, f in zip(
                self.variables, self.F, strict=True)]))  # what cancels would widen the bounds
        self.W = absorbed(self.W)
        kinks = (sympy.sign, sympy.Heaviside, sympy.Piecewise)
        self.smooth = not self.W.has(*kinks, sympy.Abs, sympy.Min, sympy.Max)
        if V.has(*kinks, sympy.Abs, sympy.Min, sympy.Max) and made["claim"] != "positive":
            raise Refused("V is not smooth, and its derivative along a motion depends on the "
                          "selection at its kinks")
        if self.W.has(sympy.Piecewise):
            raise Refused("a Piecewise has no interval form here")
        self.value = Program([self.W], self.variables)
        gradient = [self.W.diff(v) for v in self.variables] if self.smooth else []
        self.gradient = Program(gradient, self.variables)
        self.hessian = Program([g.diff(v) for g in gradient for v in self.variables],
                               self.variables)
        self.box = [(Fraction(a), Fraction(b)) for a, b in made["domain"]["box"]]
        self.rest = rest(made, self.W, gradient, self.F, self.variables) if self.box else None

    def near(self) -> list[Interval] | None:
        """Return a neighbourhood of the equilibrium on which W'' is positive definite."""
        if self.rest is None or not self.smooth:
            return None
        n = len(self.variables)
        size = max(b - a for a, b in self.box)
        for k in range(HALVINGS):
            r = size / 2**k
            ball = [_interval(c - r, c + r) for c in self.rest]
            flat = self.hessian(ball)
            rows = [flat[i * n:(i + 1) * n] for i in range(n)]
            if all(determinant([row[:m] for row in rows[:m]]).low > 0 for m in range(1, n + 1)):
                return ball
        return None

    def search(self, end: float) -> tuple[str | None, Sequence[Fraction] | None, str]:
        """Return the tree of a cover, or a point that refutes, or why there is neither."""
        ball = self.near()
        tree: list[str] = []
        todo = [self.box]
        while todo:
            cell = todo.pop()
            if len(tree) % 256 == 0 and time.monotonic() > end:
                return None, None, "the time is spent before every sub-box is decided"
            if len(tree) > MOST:
                shown = " x ".join(f"[{float(a):.4g}, {float(b):.4g}]" for a, b in cell)
                return None, None, (f"{MOST} sub-boxes do not decide it; the last is {shown}, "
                                    "where the value may touch 0")
            box = [_interval(a, b) for a, b in cell]
            if self.holds(box, cell, ball):
                tree.append("0")
                continue
            middle = [(a + b) / 2 for a, b in cell]
            at = self.value([Interval.of(v) for v in middle])[0]
            if at.high < 0:
                return None, middle, ""
            tree.append("1")
            axis = widest(cell, self.box)
            todo += [_half(cell, axis, 1), _half(cell, axis, 0)]
        return "".join(tree), None, ""

    def holds(self, box: list[Interval], cell: Any, ball: list[Interval] | None) -> bool:
        """Return whether W > 0 (or >= 0) is proved on a sub-box."""
        if ball is not None and all(s.low <= b.low and b.high <= s.high
                                    for b, s in zip(box, ball, strict=True)):
            return True
        bound = self.value(box)[0].low
        if bound > 0 or (bound == 0 and not self.strict):
            return True
        if not self.smooth:
            return False
        middle = [Interval(b.middle) for b in box]
        total = self.value(middle)[0]
        for g, b, m in zip(self.gradient(box), box, middle, strict=True):
            total = total + g * (b - m)
        return total.low > 0


def absorbed(expr: Any) -> Any:
    """Return an expression with a sign(a) written |a|, which is true for every selection.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> absorbed(3*x*sympy.sign(x) + x)
    x + 3*Abs(x)
    """
    import sympy

    def product(e: Any) -> Any:
        for f in e.args:
            if isinstance(f, sympy.sign):
                rest = sympy.cancel(e / (f * f.args[0]))
                if f.args[0] in e.args or -f.args[0] in e.args:
                    return rest * sympy.Abs(f.args[0])
        return e

    return expr.replace(lambda e: e.is_Mul and e.has(sympy.sign), product)


def rest(made: Any, W: Any, gradient: Sequence[Any], F: Sequence[Any], variables: Sequence[Any]
         ) -> list[Fraction] | None:
    """Return the rational equilibrium `at` in the box if W and its gradient are 0 there, exactly.

    None where the field does not vanish at it, or where this is not seen exactly.
    """
    import sympy

    given = made["options"].get("at", ["0"] * len(variables))
    texts = list(given) if isinstance(given, (list, tuple)) else [given]
    if texts == ["0"]:
        texts = ["0"] * len(variables)
    try:
        point = [Fraction(t) for t in texts]
    except (ValueError, TypeError):
        return None
    if len(point) != len(variables) or any(
            not Fraction(a) <= c <= Fraction(b)
            for c, (a, b) in zip(point, made["domain"]["box"], strict=True)):
        return None
    at = {v: sympy.Rational(c.numerator, c.denominator)
          for v, c in zip(variables, point, strict=True)}
    wanted = [W, *gradient] if made["claim"] == "positive" else [W, *gradient, *F]
    return point if all(e.subs(at) == 0 for e in wanted) else None


def widest(cell: Sequence[tuple[Fraction, Fraction]], box: Sequence[tuple[Fraction, Fraction]]
           ) -> int:
    """Return the axis to halve: the widest beside the whole box, the first of equals."""
    shares = [(b - a) / (d - c) for (a, b), (c, d) in zip(cell, box, strict=True)]
    return shares.index(max(shares))


def _half(cell: list[tuple[Fraction, Fraction]], axis: int, side: int
          ) -> list[tuple[Fraction, Fraction]]:
    a, b = cell[axis]
    middle = (a + b) / 2
    made = list(cell)
    made[axis] = (middle, b) if side else (a, middle)
    return made


def _interval(a: Fraction, b: Fraction) -> Interval:
    return Interval(Interval.of(a).low, Interval.of(b).high)
