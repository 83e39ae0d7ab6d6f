"""Lyapunov's conditions: which exact inequalities together prove a claim about a rational field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.checks.algebra import Field, at, number, polynomial, shifted
from flowopt.stability.checks.inequality import NONNEGATIVE, OFF, POSITIVE
from flowopt.stability.exact import NotPSD, Refused, fraction, ldl, read

CLAIMS = ("nonincreasing", "decreasing", "conserved", "exponential", "positive", "nonnegative",
          "stable", "asymptotically_stable")
#: how V̇ < 0 off the equilibria is shown: off one point, by |F|², by the roots in one variable
WAYS = ("", "off", "field", "roots", "second order")


@dataclass(frozen=True)
class Obligation:
    """One inequality that a claim needs; `hints` are polynomials whose squares may add up to it."""

    name: str
    words: str
    p: Any
    relation: str
    point: tuple[Any, ...]
    box: Sequence[tuple[Any, Any]] | None = None
    domain: tuple[Any, ...] = ()
    hints: tuple[Any, ...] = ()


def obligations(statement: Mapping[str, Any], field: Field, *, way: str = "",
                epsilon: Any = None, ball: Any = None, bound: Any = None) -> list[Obligation]:
    """Return the inequalities that together prove a claim.

    Parameters
    ----------
    statement : mapping
        The claim.
    field : Field
        Its field, with V.
    way : str
        One of `WAYS`.
    epsilon : Fraction, optional
        ε of "field": −V̇ >= ε|F|², up to positive factors.
    ball : Fraction, optional
        r²: stability is shown on |x − x*|² <= r² only, which is enough for a local claim.
    bound : triple of two Fractions and an int, optional
        (ε, C, k) of (V − V(x*))ᵏ >= ε|x − x*|² − C.

    Raises
    ------
    Refused
        For a claim that is not of this kind.
    """
    claim = statement["claim"]
    if claim not in CLAIMS:
        raise Refused(f"{claim} is no claim of this kind")
    if not any(field.N.diff(g) * field.W - field.N * field.W.diff(g) for g in field.ring.gens):
        raise Refused("V is a constant, and says nothing")
    to_show = _ToShow(statement, field, ball)
    if claim in ("stable", "asymptotically_stable"):
        return _stability(to_show, way, bound)
    if claim in ("positive", "nonnegative"):
        _sign_of_V(to_show)
    elif not field.P:
        raise Refused("the claim is about a motion, and there is no field")
    elif claim == "decreasing":
        _decrease(to_show, way, epsilon)
    else:
        _rate(to_show)
    if "bound" in statement["options"] and claim in ("nonincreasing", "decreasing"):
        b = polynomial(to_show.option("bound"), field.ring, statement["system"]["parameters"])
        to_show.add("bound", f"dV/dt <= {b}", b * field.D * field.W**2 - field.rate, NONNEGATIVE)
    return to_show.made


class _ToShow:
    """The inequalities of a claim as they are put together, all on one set.

    The set is the claim's box; for stability a ball around the point, or the whole space.
    """

    def __init__(self, statement: Mapping[str, Any], field: Field, ball: Any) -> None:
        R = field.ring
        self.statement, self.field = statement, field
        self.claim = statement["claim"]
        self.point = algebra.equilibrium(statement)
        self.zero = (fraction(0),) * len(R.gens)
        self.where = algebra.box(statement)
        #: |x − x*|²
        self.square = sum(((g - number(a)) ** 2
                           for g, a in zip(R.gens, self.point, strict=True)), R.zero)
        self.domain: tuple[Any, ...] = ()
        self.local = self.claim == "stable" or (
            self.claim == "asymptotically_stable"
            and statement["options"].get("scope", "local") == "local")
        if self.claim in ("stable", "asymptotically_stable"):
            if not self.local and self.where is not None:
                raise Refused("a global claim is about the whole space, not a box")
            if self.local and ball is not None:
                self.domain = (number(ball) - self.square,)
            self.where = None  # stability is a matter of a neighbourhood, or of the whole space
        if ball is not None and not self.domain:
            raise Refused("only a local claim is shown on a ball")
        self.made = [Obligation(f"denominator {k + 1}", f"{d} > 0", d, POSITIVE, self.zero,
                                self.where, self.domain)
                     for k, d in enumerate(field.denominators)]

    def add(self, name: str, words: str, p: Any, relation: str, centre: Any = None) -> None:
        """Put one more inequality on the list."""
        self.made.append(Obligation(
            name, words, p, relation, self.zero if centre is None else tuple(centre), self.where,
            self.domain, self.field.P if name == "rate" else ()))

    def option(self, name: str) -> Any:
        """Return an option of the statement as an expression."""
        system = self.statement["system"]
        return read(self.statement["options"].get(name),
                    [*system["variables"], *system["parameters"]])


def _rate(of: _ToShow) -> None:
    """V does not grow, is conserved, or falls at a rate."""
    field, rate = of.field, -of.field.rate
    if of.claim == "nonincreasing":
        of.add("rate", "dV/dt <= 0", rate, NONNEGATIVE)
    elif of.claim == "conserved":
        if rate:
            raise Refused("dV/dt is not identically zero")
        of.add("rate", "dV/dt = 0", rate, NONNEGATIVE)
    else:
        r = algebra.ratio(of.option("rate"), field.ring, of.statement["system"]["parameters"])
        if r[1] != 1 or not r[0].is_ground:
            raise Refused("the rate must be a number")
        of.add("rate", "dV/dt + rate*V <= 0", rate - r[0] * field.N * field.W * field.D,
               NONNEGATIVE)


def _sign_of_V(of: _ToShow) -> None:
    """V is positive off the point, or nowhere negative."""
    if of.claim == "positive":
        of.add("positive", "V > 0 off the point", of.field.N, OFF, of.point)
    else:
        of.add("positive", "V >= 0", of.field.N, NONNEGATIVE)


def _stability(of: _ToShow, way: str, bound: Any) -> list[Obligation]:
    """V has a strict minimum at the equilibrium and does not grow, or falls, off it."""
    field, point, rate = of.field, of.point, -of.field.rate
    if not field.P:
        raise Refused("the claim is about a motion, and there is no field")
    if any(at(p, point) for p in field.P):
        raise Refused("the point is no equilibrium")
    if any(at(d, point) == 0 for d in (field.D, field.W)):
        raise Refused("a denominator vanishes at the point")
    level = number(at(field.N, point) / at(field.W, point))
    above = field.N - level * field.W
    if way == "second order":
        if not of.local or of.statement["V"] is None:
            raise Refused("second derivatives show a local claim for a given V")
        if at(field.D, point) <= 0 or at(field.W, point) <= 0:
            raise Refused("a denominator is not positive at the point")
        _definite(above, point, "V")
        _definite(rate, point, "-dV/dt")
        return []
    of.add("positive", "V > V(x*) off x*", above, OFF, point)
    if of.claim == "stable":
        of.add("rate", "dV/dt <= 0", rate, NONNEGATIVE, point)
    else:
        of.add("rate", "dV/dt < 0 off x*", rate, OFF, point)
    if not of.local and bound is not None:
        epsilon, C, k = bound
        of.add("unbounded", f"(V - V(x*))^{k} >= {epsilon}*|x - x*|^2 - {C}, so that V is "
               "radially unbounded",
               above**k - field.W**k * (number(epsilon) * of.square - number(C)), NONNEGATIVE)
    return of.made


def _decrease(of: _ToShow, way: str, epsilon: Any) -> None:
    """V falls off the equilibria."""
    field, R, rate = of.field, of.field.ring, -of.field.rate
    if way == "off":
        if any(at(p, of.point) for p in field.P) or at(field.D, of.point) == 0:
            raise Refused("the point is no equilibrium")
        of.add("rate", "dV/dt < 0 off the equilibrium", rate, OFF, of.point)
    elif way == "field":
        if epsilon is None or epsilon <= 0:
            raise Refused("epsilon must be positive")
        square = sum((p**2 for p in field.P), R.zero)
        of.add("rate", "dV/dt <= -epsilon*|F|^2, up to positive factors",
               rate - number(epsilon) * square, NONNEGATIVE)
    elif way == "roots":
        if len(R.gens) != 1 or not rate:
            raise Refused("roots are compared in one variable")
        of.add("rate", "dV/dt <= 0", rate, NONNEGATIVE)
        apart = R.one
        for f, _ in rate.factor_list()[1]:
            if field.P[0].rem(f):
                apart *= f
        apart *= 1 if at(apart, [_middle(of.statement)]) > 0 else -1
        of.add("roots", "the zeros of dV/dt are zeros of the field", apart, POSITIVE)
    else:
        raise Refused("there is no such way to show that V falls")


def _middle(statement: Mapping[str, Any]) -> Any:
    where = algebra.box(statement)
    return sum(where[0], fraction(0)) / 2 if where else fraction(0)


def _definite(p: Any, point: Sequence[Any], words: str) -> None:
    """Refuse unless p vanishes at the point with its gradient and has a definite Hessian."""
    n = len(p.ring.gens)
    q = shifted(p, point)
    if any(q.get(m, 0) for m in q if sum(m) < 2):
        raise Refused(f"{words} has no second-order zero at the point")
    unit = [[sum(e) for e in zip(a, b, strict=True)] for a in _units(n) for b in _units(n)]
    H = [[fraction(q.get(tuple(unit[i * n + j]), 0)) * (2 if i == j else 1) for j in range(n)]
         for i in range(n)]
    try:
        D = ldl(H)[1]
    except NotPSD:
        D = [0]
    if any(d <= 0 for d in D):
        raise Refused(f"the second derivatives of {words} are not positive definite")


def _units(n: int) -> list[tuple[int, ...]]:
    return [tuple(int(i == j) for j in range(n)) for i in range(n)]
