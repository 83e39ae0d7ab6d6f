"""Checker of Lyapunov's conditions for a rational field: one exact inequality for each of them.

data = {"way": text, "parts": {name: proof, ...}} and, where they are used, "V" (when the
statement leaves it open), "epsilon", "ball" and "bound". Each part is an inequality that
`flowopt.stability.checks.inequality` checks; which ones a claim needs is `obligations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowopt.stability.checks import algebra, inequality
from flowopt.stability.checks.algebra import Field, at, number, polynomial, shifted
from flowopt.stability.checks.inequality import NONNEGATIVE, OFF, POSITIVE
from flowopt.stability.checks.words import describe, describe_latex, short
from flowopt.stability.exact import NotPSD, Refused, fraction, ldl

TRUST = "A"
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
    claim, R = statement["claim"], field.ring
    if claim not in CLAIMS:
        raise Refused(f"{claim} is no claim of this kind")
    if not any(field.N.diff(g) * field.W - field.N * field.W.diff(g) for g in R.gens):
        raise Refused("V is a constant, and says nothing")
    n = len(R.gens)
    point = algebra.equilibrium(statement)
    zero = (fraction(0),) * n
    where = algebra.box(statement)
    square = sum(((g - number(a)) ** 2 for g, a in zip(R.gens, point, strict=True)), R.zero)
    domain: tuple[Any, ...] = ()
    local = claim == "stable" or (claim == "asymptotically_stable"
                                  and statement["options"].get("scope", "local") == "local")
    if claim in ("stable", "asymptotically_stable"):
        if not local and where is not None:
            raise Refused("a global claim is about the whole space, not a box")
        if local and ball is not None:
            domain = (number(ball) - square,)
        where = None  # stability is a matter of a neighbourhood, or of the whole space
    if ball is not None and not domain:
        raise Refused("only a local claim is shown on a ball")
    made = [Obligation(f"denominator {k + 1}", f"{d} > 0", d, POSITIVE, zero, where, domain)
            for k, d in enumerate(field.denominators)]
    rate = -field.rate

    def add(name: str, words: str, p: Any, relation: str, centre: Any = zero) -> None:
        made.append(Obligation(name, words, p, relation, tuple(centre), where, domain,
                               field.P if name == "rate" else ()))

    if claim in ("nonincreasing", "decreasing", "conserved", "exponential", "stable",
                 "asymptotically_stable") and not field.P:
        raise Refused("the claim is about a motion, and there is no field")
    if claim == "nonincreasing":
        add("rate", "dV/dt <= 0", rate, NONNEGATIVE)
    elif claim == "conserved":
        if rate:
            raise Refused("dV/dt is not identically zero")
        add("rate", "dV/dt = 0", rate, NONNEGATIVE)
    elif claim == "exponential":
        r = algebra.ratio(_text(statement, "rate"), R, statement["system"]["parameters"])
        if r[1] != 1 or not r[0].is_ground:
            raise Refused("the rate must be a number")
        add("rate", "dV/dt + rate*V <= 0", rate - r[0] * field.N * field.W * field.D, NONNEGATIVE)
    elif claim == "decreasing":
        _decrease(statement, field, way, epsilon, add, point)
    elif claim == "positive":
        add("positive", "V > 0 off the point", field.N, OFF, point)
    elif claim == "nonnegative":
        add("positive", "V >= 0", field.N, NONNEGATIVE)
    else:
        if any(at(p, point) for p in field.P):
            raise Refused("the point is no equilibrium")
        if any(at(d, point) == 0 for d in (field.D, field.W)):
            raise Refused("a denominator vanishes at the point")
        level = number(at(field.N, point) / at(field.W, point))
        above = field.N - level * field.W
        if way == "second order":
            if not local or statement["V"] is None:
                raise Refused("second derivatives show a local claim for a given V")
            if at(field.D, point) <= 0 or at(field.W, point) <= 0:
                raise Refused("a denominator is not positive at the point")
            _definite(above, point, "V")
            _definite(rate, point, "-dV/dt")
            return []
        add("positive", "V > V(x*) off x*", above, OFF, point)
        add("rate", "dV/dt <= 0" if claim == "stable" else "dV/dt < 0 off x*", rate,
            NONNEGATIVE if claim == "stable" else OFF, point)
        if not local and bound is not None:
            epsilon, C, k = bound
            add("unbounded", f"(V - V(x*))^{k} >= {epsilon}*|x - x*|^2 - {C}, so that V is "
                "radially unbounded",
                above**k - field.W**k * (number(epsilon) * square - number(C)), NONNEGATIVE)
    if "bound" in statement["options"] and claim in ("nonincreasing", "decreasing"):
        b = polynomial(_text(statement, "bound"), R, statement["system"]["parameters"])
        add("bound", f"dV/dt <= {b}", b * field.D * field.W**2 + rate, NONNEGATIVE)
    return made


def _text(statement: Mapping[str, Any], name: str) -> Any:
    from flowopt.stability.exact import read

    system = statement["system"]
    return read(statement["options"].get(name), [*system["variables"], *system["parameters"]])


def _decrease(statement: Mapping[str, Any], field: Field, way: str, epsilon: Any, add: Any,
              point: Any) -> None:
    R, rate = field.ring, -field.rate
    if way == "off":
        if any(at(p, point) for p in field.P) or at(field.D, point) == 0:
            raise Refused("the point is no equilibrium")
        add("rate", "dV/dt < 0 off the equilibrium", rate, OFF, point)
    elif way == "field":
        if epsilon is None or epsilon <= 0:
            raise Refused("epsilon must be positive")
        square = sum((p**2 for p in field.P), R.zero)
        add("rate", "dV/dt <= -epsilon*|F|^2, up to positive factors",
            rate - number(epsilon) * square, NONNEGATIVE)
    elif way == "roots":
        if len(R.gens) != 1 or not rate:
            raise Refused("roots are compared in one variable")
        add("rate", "dV/dt <= 0", rate, NONNEGATIVE)
        apart = R.one
        for f, _ in rate.factor_list()[1]:
            if field.P[0].rem(f):
                apart *= f
        apart *= 1 if at(apart, [_middle(statement)]) > 0 else -1
        add("roots", "the zeros of dV/dt are zeros of the field", apart, POSITIVE)
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


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the data proves the statement.

    Raises
    ------
    Refused
        With the condition that is not shown.
    """
    field, made = _read(statement, data)
    if set(data["parts"]) != {o.name for o in made}:
        raise Refused("the parts of the proof are not those that the claim needs")
    for o in made:
        inequality.check(o.p, o.relation, data["parts"][o.name], o.point, o.box, o.domain)
    if data.get("ball") is not None and not any(
            t["of"] for proof in data["parts"].values() for t in proof.get("terms", ())):
        raise Refused("the ball is not used")
    if (statement["claim"] == "asymptotically_stable" and "bound" not in data
            and statement["options"].get("scope", "local") != "local"):
        _unbounded(field, data["parts"]["positive"])


def _unbounded(field: Field, proof: Mapping[str, Any]) -> None:
    """Refuse unless the proof of V > V(x*) also shows that V is radially unbounded."""
    if not field.W.is_ground:
        raise Refused("V is rational, and nothing shows that it is radially unbounded")
    if len(field.ring.gens) == 1:
        return  # a polynomial that is not constant
    if proof["by"] != "sos" or proof["power"] or not isinstance(proof["strict"], list):
        raise Refused("nothing shows that V is radially unbounded")


def _read(statement: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Field, Any]:
    keys = {"way", "parts"}
    if statement["V"] is None:
        keys.add("V")
    if not keys <= set(data) <= keys | {"epsilon", "ball", "bound"} or data["way"] not in WAYS:
        raise Refused("the certificate must hold a way, the parts, and V where it was found")
    if (data["way"] == "field") != ("epsilon" in data):
        raise Refused("epsilon belongs to the way field")
    if data["way"] not in {"decreasing": WAYS[1:4], "stable": ("", WAYS[4]),
                           "asymptotically_stable": ("", WAYS[4])}.get(statement["claim"], ("",)):
        raise Refused("this is no way to show the claim")
    field = algebra.field(statement, data.get("V"))
    if statement["V"] is None:
        if statement["claim"] not in ("stable", "asymptotically_stable", "decreasing"):
            raise Refused("V must be given")
        if not field.W.is_ground or field.N.coeff(1):
            raise Refused("a V that was found must be a polynomial without a constant")
    bound: Any = data.get("bound")
    if "bound" in data:
        epsilon, C, k = bound
        bound = (fraction(epsilon), fraction(C), k)
        if bound[0] <= 0 or type(k) is not int or not 1 <= k <= 4:
            raise Refused("a bound must be a positive epsilon, C, and a power of V")
        if statement["claim"] != "asymptotically_stable":
            raise Refused("a bound from below belongs to a global claim")
    ball = fraction(data["ball"]) if "ball" in data else None
    if ball is not None and ball <= 0:
        raise Refused("the ball must have a positive radius")
    epsilon = fraction(data["epsilon"]) if "epsilon" in data else None
    return field, obligations(statement, field, way=data["way"], epsilon=epsilon, ball=ball,
                              bound=bound)


# -------------------------------------------------------------------- for readers
def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    field, made = _read(statement, data)
    steps = []
    if "V" in data:
        steps.append(f"Take V = {data['V']}.")
    if field.P:
        rate = f"({field.rate})/({field.D * field.W**2})" if field.denominators else field.rate
        steps.append(f"Along the field, dV/dt = {short(rate)}.")
    if data["way"] == "second order":
        return [*steps, "At the equilibrium V and dV/dt vanish with their gradients; the Hessian "
                "of V is positive definite and that of dV/dt negative definite, both by exact "
                "LDL decompositions. So V - V(x*) > 0 and dV/dt < 0 near x*, off x*.",
                "Lyapunov's theorem gives the claim."]
    if "ball" in data:
        steps.append(f"All of this is shown on the ball |x - x*|^2 <= {data['ball']}.")
    for o in made:
        steps.append(f"{o.words}: {describe(o.p, o.relation, data['parts'][o.name])}")
    if data["way"] == "field":
        steps.append(f"So dV/dt <= -{data['epsilon']}*|F|^2, which is negative wherever F is not "
                     "0 (denominators are positive).")
    if statement["claim"] in ("stable", "asymptotically_stable"):
        steps.append("Lyapunov's theorem gives the claim"
                     + (": V is radially unbounded, so that it holds from every start."
                        if statement["options"].get("scope", "local") != "local" else "."))
    if statement["claim"] == "exponential":
        steps.append("Gronwall's inequality gives the decay of V.")
    return steps


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    import sympy

    field, made = _read(statement, data)
    steps = []
    top = field.N.as_expr() / field.W.as_expr()
    steps.append(f"$V = {sympy.latex(top)}$.")
    if field.P:
        steps.append(rf"$\dot V = {sympy.latex(sympy.factor(field.rate.as_expr()))}$"
                     + (" up to positive denominators." if field.denominators else "."))
    if data["way"] == "second order":
        steps.append(r"$\nabla^2 V \succ 0$ and $\nabla^2 \dot V \prec 0$ at $x^*$.")
    relation = {NONNEGATIVE: r"\ge 0", POSITIVE: "> 0", OFF: r"> 0\ (u \ne 0)"}
    for o in made:
        steps.append(f"${sympy.latex(o.p.as_expr())} {relation[o.relation]}$: "
                     + describe_latex(data["parts"][o.name]))
    return steps
