"""The words of a statement about a flow on an abstract loss, as sympy expressions.

Coordinate quantities (one number for each i): ``g, theta, e`` (θ − θ*), ``thetastar``, the states,
and vector functions of vectors:

    unit(a)       aᵢ/‖a‖, 0 where a = 0        H(a), Hinv(a)    ∇²L·a and its inverse
    P(a)          "P is positive definite"     A(a), AT(a)      "A is linear": A·a and Aᵀ·a
    lmo(a)        "lmo is a linear minimisation oracle": argmin of ⟨a, s⟩ over a convex set
    dK(a)                                      "K is convex and C1": ∇K
    HK(a, b), HKinv(a, b), dKc(a)              "K is Legendre" (convex, C², with ∇²K invertible and
                                               the conjugate K* C¹): ∇²K(a)·b, its inverse, ∇K*

Numbers: ``L, Lstar, t``, the parameters, ``dot(a, b), sum(a), norm(a), norm1(a), maxabs(a)``, and
K(a), Kc(a) (the conjugate K*). Inside, L is Lstar + D (exp(−Q) for an exponential loss), θ* is
θ − e, and Σᵢ aᵢ is ``S(a)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy

from flowopt.stability.exact import Refused, read

#: assumptions on the loss, by the names that they may be given by, and the constant that each needs
LOSSES = {"convex": "", "strongly_convex": "mu", "PL": "mu", "smooth": "ell", "minimum": "",
          "coercive": "", "bounded": "", "half_square": "", "exponential_loss": ""}
ALIASES = {"mu_strongly_convex": "strongly_convex", "mu_PL": "PL", "ell_smooth": "smooth"}
#: assumptions on functions: what a name may be said to be
KINDS = {"convex and C1": "convex", "Legendre": "Legendre", "positive definite": "operator",
         "linear": "linear", "a linear minimisation oracle": "oracle"}
CONVEX = ("convex", "Legendre")
_KIND = re.compile(rf"([A-Za-z]\w*) is ({'|'.join(KINDS)})")
_ZERO = re.compile(r"(\w+)\(0\) = 0")
_COMPARED = re.compile(r"(<=|>=|<|>|=)")

S = sympy.Function("S", real=True)
NORM = sympy.Function("norm", nonnegative=True)
NORM1 = sympy.Function("norm1", nonnegative=True)
MAXABS = sympy.Function("maxabs", nonnegative=True)
UNIT, H, HINV = (sympy.Function(n, real=True) for n in ("unit", "H", "Hinv"))
RESERVED = ("g", "e", "theta", "thetastar", "L", "D", "Q", "t", "V0", "S", "H", "Hinv", "unit",
            "dot", "sum", "norm", "norm1", "maxabs")


class Words:
    """What the names of a statement mean.

    Attributes
    ----------
    assumed : set of str
        The assumptions on the loss.
    conditions : list of (text, big, small, strict)
        The inequalities big >= small (or >) that are assumed, besides signs of single names.
    functions : dict of str to str
        Kind of each declared function: convex, operator, linear, oracle.
    """

    def __init__(self, statement: Mapping[str, Any]) -> None:
        system = statement["system"]
        if system.get("kind") != "flow":
            raise Refused("an abstract proof needs a flow given by rules")
        self.states = [k for k in system["rules"] if k != "theta"]
        self.parameters = list(system["parameters"])
        positive = set(system["positive"])
        self.assumed: set[str] = set()
        self.functions: dict[str, str] = {}
        self.zero_at_zero: set[str] = set()
        self.nonnegative: set[str] = set()
        self.changes: list[tuple[Any, Any]] = []
        self.equal: list[tuple[str, str]] = []
        compared: list[tuple[str, str, str, bool]] = []
        for text in statement["assumptions"]:
            self._assume(text, positive, compared)
        constants = {LOSSES[a] for a in self.assumed} - {""}
        positive |= constants
        scalars = {"L", "Lstar", "t", "V0", *self.parameters, *constants}
        coordinates = {"g", "theta", "thetastar", "e", *self.states}
        named = [*self.states, *self.functions, *self.parameters]
        for name in named:
            if name in RESERVED or named.count(name) > 1 or (
                    name in {"Lstar", *constants} and name not in self.parameters):
                raise Refused(f"the name {name} has two meanings in an abstract proof; rename it")
        self.positive = positive
        self.names = sorted(scalars | coordinates)
        flags = {n: {"positive": True} if n in positive else
                 {"nonnegative": True} if n in self.nonnegative else {"real": True}
                 for n in self.names}
        flags["V0"] = {"positive": True}  # V at the start; where it is 0 nothing moves
        if {"minimum", "convex", "strongly_convex", "PL", "smooth",
                "half_square"} & self.assumed:
            flags["D"] = {"nonnegative": True}
        if ("L", "<", "1") in [(b, "<", a) for _, a, b, strict in compared if strict]:
            flags["Q"] = {"positive": True}
        self.symbol = {n: sympy.Symbol(n, **flags.get(n, {"real": True}))
                       for n in [*self.names, "D", "Q"]}
        self.coordinates = frozenset(self.symbol[n] for n in coordinates)
        self.vector_functions = self._functions()
        #: names that stand for others
        s = self.symbol
        self.meaning = {s["L"]: s["Lstar"] + s["D"], s["thetastar"]: s["theta"] - s["e"]}
        if "half_square" in self.assumed:  # L = L* + |e|^2/2
            self.meaning |= {s["g"]: s["e"], s["L"]: s["Lstar"] + S(s["e"]**2) / 2}
        #: the symbols of numbers that are the same at all times
        self.fixed = fixed = {self.symbol[n] for n in {"Lstar", *self.parameters, *constants}}
        if "exponential_loss" in self.assumed:  # L = sum of exp(-<a_k, theta>), Q = -log(L)
            self.meaning[s["L"]] = sympy.exp(-s["Q"])
        for left, right in self.equal:
            value = self.read(right)
            if left not in self.parameters or not value.free_symbols <= fixed:
                raise Refused(f"{left} = {right} must be about parameters")
            self.meaning[self.symbol[left]] = value
        self.conditions = [(text, self.read(big), self.read(small), strict)
                           for text, big, small, strict in compared]

    def _assume(self, text: Any, positive: set[str], compared: list[Any]) -> None:
        if not isinstance(text, str):
            raise Refused("an assumption must be a text")
        name = ALIASES.get(text, text)
        if name in LOSSES:
            self.assumed.add(name)
            return
        declared, zero = _KIND.fullmatch(text), _ZERO.fullmatch(text)
        if declared:
            self.functions[declared[1]] = KINDS[declared[2]]
            return
        if zero:
            self.zero_at_zero.add(zero[1])
            return
        parts = [p.strip() for p in _COMPARED.split(text)]
        if len(parts) != 3:
            raise Refused(f"the assumption {text!r} is not known; try one of {', '.join(LOSSES)}, "
                          "an inequality such as 'b <= 4*a', or 'K is Legendre'")
        left, sign, right = parts
        if sign == "=":
            self.equal.append((left, right))
            return
        if sign[0] == "<":
            left, right = right, left
        strict = "=" not in sign
        if right == "0" and left.isidentifier():
            (positive if strict else self.nonnegative).add(left)
        else:
            compared.append((text, left, right, strict))

    def _functions(self) -> dict[str, Any]:
        made: dict[str, Any] = {"unit": UNIT, "H": H, "Hinv": HINV}
        for name, kind in self.functions.items():
            flags = {"nonnegative": True} if name in self.nonnegative else {"real": True}
            made[name] = sympy.Function(name, **flags)
            if kind == "linear":
                made[f"{name}T"] = sympy.Function(f"{name}T", real=True)
            if kind in CONVEX:
                made[f"d{name}"] = sympy.Function(f"d{name}", real=True)
            if kind == "Legendre":
                for other in (f"H{name}", f"H{name}inv", f"{name}c", f"d{name}c"):
                    made[other] = sympy.Function(other, real=True)
        if set(made) & {*self.names, *RESERVED} - {"unit", "H", "Hinv"} or len(made) < 3 + sum(
                {"linear": 2, "convex": 2, "Legendre": 6}.get(k, 1)
                for k in self.functions.values()):
            raise Refused("a function has the name of something else; rename it")
        return made

    def read(self, text: Any) -> Any:
        """Return the expression of a text, in the inner symbols."""
        functions = {"dot": lambda a, b: S(a * b), "sum": S, "norm": NORM, "norm1": NORM1,
                     "maxabs": MAXABS, **self.vector_functions}
        made = read(text, self.names, functions=functions)
        free = {sympy.Symbol(n, real=True): self.symbol[n] for n in self.names}
        made = made.xreplace(free)
        for _ in range(9):
            if not made.has(*self.meaning):
                return made
            made = made.xreplace(self.meaning)
        raise Refused("the equalities that are assumed run in a circle")

    def extend(self, name: str, strict: bool, coordinate: bool = False) -> Any:
        """Add a number (or coordinate) >= 0, or > 0 when `strict`, and return its symbol."""
        if not re.fullmatch("d[1-9][0-9]?", name) or name in self.symbol:
            raise Refused(f"a new number must be named d1, d2, ..., got {name!r}")
        flags = {"positive": True} if strict else {"nonnegative": True}
        self.symbol[name] = sympy.Symbol(name, **flags)
        self.names = [*self.names, name]
        if coordinate:
            self.coordinates |= {self.symbol[name]}
        return self.symbol[name]

    def gap(self, condition: str) -> tuple[Any, bool]:
        """Return big − small of a condition after the changes made so far, and if it is > 0."""
        for text, big, small, strict in self.conditions:
            if text == condition:
                return self.apply(big - small), strict
        name = condition.removesuffix(" > 0")
        if name != condition and name in self.positive:
            return self.apply(self.symbol[name]), True
        raise Refused(f"{condition} is not assumed")

    def solvable(self, name: str, gap: Any) -> bool:
        """Return whether a difference may be solved for a name: per coordinate, for a state."""
        if self.is_coordinate(gap):
            return name in self.states
        return name in {*self.parameters, *self.positive, "t"} - set(map(str, self.coordinates))

    def apply(self, expr: Any) -> Any:
        """Return an expression after the changes of symbols that the conditions stand for."""
        for old, value in self.changes:
            expr = expr.subs(old, value)
        return expr

    def scalar_function(self, name: str) -> bool:
        """Return whether a function gives one number: K or its conjugate."""
        return (self.functions.get(name) in CONVEX
                or (name.endswith("c") and self.functions.get(name[:-1]) == "Legendre"))

    def gradient_of(self, name: str) -> str:
        """Return K when the name is that of ∇K, else an empty text."""
        return name[1:] if name[:1] == "d" and self.functions.get(name[1:]) in CONVEX else ""

    def is_coordinate(self, expr: Any) -> bool:
        """Return whether an expression has a value for each coordinate."""
        if expr.func in (S, NORM, NORM1, MAXABS) or self.scalar_function(str(expr.func)):
            return False
        if expr in self.coordinates or str(expr.func) in self.vector_functions:
            return True
        return any(self.is_coordinate(a) for a in expr.args)
