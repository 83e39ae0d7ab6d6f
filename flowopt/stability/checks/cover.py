"""A sign over a closed box, in the interval arithmetic of mpmath.

data to prove: "tree": 1 halves a box across its widest axis (beside the whole box; the first of
equals), the lower half first; 0 is a box on which the sign is proved. The tree covers the whole box
by its make. data to refute: "point", and "value", that of dV/dt (or V) there in ten digits.

On a box W = −dV/dt (or V) is bounded below by its natural and its mean-value form. Near a rational
equilibrium at which W and its gradient are exactly 0, W > 0 off it as its Hessian is positive
definite on a ball around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks.krawczyk import _determinant, _evaluated
from flowopt.stability.exact import Refused, rational, read

TRUST = "C"
SHOWS = ("proved", "disproved")
PRECISION = 90
CLAIMS = ("nonincreasing", "decreasing", "positive")


def check(statement: Mapping[str, Any], data: Mapping[str, Any], status: str) -> None:
    """Verify the sign on every box of the tree, or its opposite at the point."""
    from mpmath import iv

    old = iv.prec
    iv.prec = PRECISION
    try:
        if status == "disproved":
            if set(data) != {"point", "value"} or exceeds(statement, data["point"]) != \
                    data["value"]:
                raise Refused("the sign at the point is not the opposite one")
            return
        if set(data) != {"tree"} or not isinstance(data["tree"], str):
            raise Refused("a cover is a tree of halvings")
        _Cover(statement).verify(data["tree"])
    finally:
        iv.prec = old


def _absolute(term: Any) -> Any:
    """Return a term with a*sign(a) written |a|: both are 0 at a = 0 for every selection."""
    import sympy

    factors = list(sympy.Mul.make_args(term))
    for f in [f for f in factors if isinstance(f, sympy.sign)]:
        a = f.args[0]
        for partner, side in ((a, 1), (-a, -1)):
            if f in factors and partner in factors:
                factors.remove(f)
                factors.remove(partner)
                factors.append(side * sympy.Abs(a))
    return sympy.Mul(*factors)


class _Cover:
    """W, its derivatives, the box, and the equilibrium."""

    def __init__(self, statement: Mapping[str, Any]) -> None:
        import sympy

        if statement["claim"] not in CLAIMS or statement["assumptions"] or \
                statement["system"]["kind"] not in ("field", "none") or \
                set(statement["options"]) - {"at"}:
            raise Refused("a cover proves a sign over a box only")
        system, self.claim = statement["system"], statement["claim"]
        names = list(system["variables"])
        values = {k: rational(v) for k, v in system["parameters"].items()}
        self.variables = [sympy.Symbol(n, real=True) for n in names]
        put = {sympy.Symbol(k, real=True): v for k, v in values.items()}
        V = read(statement["V"], [*names, *values]).xreplace(put)
        F = [read(e, [*names, *values]).xreplace(put) for e in system["equations"]]
        rough = (sympy.sign, sympy.Abs, sympy.Min, sympy.Max, sympy.Heaviside, sympy.Piecewise)
        if self.claim == "positive":
            self.W = V
        else:
            if V.has(*rough):
                raise Refused("V must be smooth")
            self.W = sympy.expand(-sum((V.diff(v) * f for v, f in zip(
                self.variables, F, strict=True)), sympy.Integer(0)))
        self.W = sympy.Add(*[_absolute(t) for t in sympy.Add.make_args(self.W)])
        self.smooth = not self.W.has(*rough)
        self.gradient = [self.W.diff(v) for v in self.variables] if self.smooth else []
        self.box = [(rational(a), rational(b)) for a, b in statement["domain"]["box"]]
        if len(self.box) != len(names) or not all(a < b for a, b in self.box):
            raise Refused("the box is empty")
        self.ball = self._ball(statement["options"].get("at", "0"), F)

    def _ball(self, at: Any, F: Sequence[Any]) -> Any:
        """Return the greatest of a row of balls on which W'' is positive definite, or None."""
        texts = list(at) if isinstance(at, (list, tuple)) else [at]
        n = len(self.variables)
        if texts == ["0"]:
            texts = ["0"] * n
        try:
            point = [rational(t) for t in texts]
        except Refused:
            return None
        if len(point) != n or not self.smooth:
            return None
        put = dict(zip(self.variables, point, strict=True))
        wanted = [self.W, *self.gradient, *([] if self.claim == "positive" else F)]
        if any(e.subs(put) != 0 for e in wanted):
            return None
        size = max(b - a for a, b in self.box)
        hessian = [[g.diff(v) for v in self.variables] for g in self.gradient]
        for k in range(20):
            ball = [(c - size / 2**k, c + size / 2**k) for c in point]
            where = self._at(ball)
            try:
                rows = [[_evaluated(e, where) for e in row] for row in hessian]
            except Refused:
                continue
            if all(_determinant([row[:m] for row in rows[:m]]).a > 0 for m in range(1, n + 1)):
                return ball
        return None

    def _at(self, box: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
        from mpmath import iv

        made = {}
        for v, (a, b) in zip(self.variables, box, strict=True):
            made[v] = iv.mpf([(iv.mpf(int(a.p)) / int(a.q)).a, (iv.mpf(int(b.p)) / int(b.q)).b])
        return made

    def verify(self, tree: str) -> None:
        """Walk the tree; refuse a box on which the sign is not proved."""
        todo = [self.box]
        for digit in tree:
            if not todo or digit not in "01":
                raise Refused("the tree is malformed")
            box = todo.pop()
            if digit == "0":
                self._leaf(box)
                continue
            shares = [(b - a) / (d - c) for (a, b), (c, d) in zip(box, self.box, strict=True)]
            axis = shares.index(max(shares))
            a, b = box[axis]
            for ends in (((a + b) / 2, b), (a, (a + b) / 2)):
                todo.append([ends if k == axis else e for k, e in enumerate(box)])
        if todo:
            raise Refused("the tree does not cover the box")

    def _leaf(self, box: Sequence[tuple[Any, Any]]) -> None:
        from mpmath import iv

        if self.ball is not None and all(c <= a and b <= d for (a, b), (c, d) in
                                         zip(box, self.ball, strict=True)):
            return
        where = self._at(box)
        try:
            bound = _evaluated(self.W, where).a
        except Refused:
            bound = iv.mpf(-1).a
        if bound > 0 or (bound == 0 and self.claim == "nonincreasing"):
            return
        if self.smooth:
            middle = [(a + b) / 2 for a, b in box]
            at = self._at([(m, m) for m in middle])
            total = _evaluated(self.W, at)
            for g, v in zip(self.gradient, self.variables, strict=True):
                total = total + _evaluated(g, where) * (where[v] - at[v])
            if total.a > 0:
                return
        raise Refused("the sign is not proved on a box of the cover")


def exceeds(statement: Mapping[str, Any], point: Any) -> str | None:
    """Return dV/dt (or V) at a point in ten digits if it surely has the wrong sign, else None."""
    from mpmath import iv, mp, nstr

    old = iv.prec
    iv.prec = PRECISION
    try:
        cover = _Cover(statement)
        values = [rational(v) for v in point]
        if len(values) != len(cover.box) or [str(v) for v in values] != list(point) or any(
                not a <= v <= b for v, (a, b) in zip(values, cover.box, strict=True)):
            raise Refused("the point does not lie in the box")
        found = _evaluated(cover.W, cover._at([(v, v) for v in values]))
        if not found.b < 0:
            return None
        with mp.workprec(PRECISION):
            shown = mp.mpf(found.mid) * (1 if cover.claim == "positive" else -1)
            return str(nstr(shown, 10))
    finally:
        iv.prec = old


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, step by step."""
    what = "V" if statement["claim"] == "positive" else "dV/dt"
    if "point" in data:
        return [f"At ({', '.join(data['point'])}), which lies in the box, {what} = "
                f"{data['value']} (an interval that excludes 0)."]
    leaves = data["tree"].count("0")
    return [f"The box is halved into {leaves} boxes that cover it exactly.",
            f"On each of them {what} has the claimed sign: an interval that encloses its values "
            "(in the natural or the mean-value form) lies on one side of 0; or the box lies in a "
            "ball around the equilibrium on which the Hessian of -dV/dt (or V) is positive "
            "definite, while value and gradient are 0 at the equilibrium exactly."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    return [s.replace("_", r"\_") for s in explain(statement, data)]
