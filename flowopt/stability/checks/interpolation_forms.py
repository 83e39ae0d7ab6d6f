"""One step of an optimizer in inner products: points, values, inequalities, signs of factors."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from flowopt.stability.checks.interpolation_inequalities import (
    DISCRETE,
    MINIMISER,
    MOVING,
    NOISE,
    WORDS,
    inequality,
)
from flowopt.stability.checks.interpolation_signs import nonnegative
from flowopt.stability.exact import Refused, read, symbol


class Step:
    """The vectors, scalars and points of one step of a statement."""

    def __init__(self, statement: Mapping[str, Any]) -> None:
        import sympy

        system = statement["system"]
        if system["kind"] != "optimizer" or system["parameters"] or statement["domain"]:
            raise Refused("the system must be an optimizer's map on the whole space")
        self.positive = set(system["positive"])
        self.words = {a for a in statement["assumptions"] if a in WORDS}
        self.sequences: dict[str, str] = {}
        self.constants: dict[Any, Any] = {}  # μ, ℓ, σ where they are numbers
        self.slacks: list[tuple[str, str, bool]] = []  # a, b and whether a < b strictly
        self.equal: list[tuple[str, str]] = []
        for text in statement["assumptions"]:
            self._assume(text)
        self.variables = list(system["variables"])
        if self.variables[:1] != ["theta"]:
            raise Refused("the first variable must be theta")
        gradients = {"g": "theta", **system["gradients"]}
        if gradients["g"] != "theta":
            raise Refused("g must be the gradient at theta")
        implicit = gradients.pop("new_g", None)
        if implicit not in (None, "new_theta"):
            raise Refused("new_g must be the gradient at new_theta")
        self.names = list(gradients)
        vectors = ["theta_star", *self.variables, *self.names, *(f"new_{g}" for g in self.names),
                   "sign_g"]
        vectors += ["gbar"] * (DISCRETE in self.words) + ["w"] * (NOISE in self.words)
        taken = [*vectors, "L", "Lstar", "e", "gap", "square"]
        scalars = {*self.positive, *self.sequences}
        if len({*taken, *scalars}) != len(taken) + len(scalars):
            raise Refused("a name has two meanings")
        self.vectors = {n: sympy.Symbol(n, real=True) for n in vectors}
        self.gram: dict[Any, Any] = {}
        self.gaps = {f"{new}{g}": sympy.Symbol(f"gap_{new}{g}", real=True)
                     for g in self.names for new in ("", "new_")}
        self.star = sympy.Symbol("Lstar", real=True)
        self.next = {symbol(n, self.positive): self._scalar(t) for n, t in self.sequences.items()}
        moved = [self._vector(t) for t in system["equations"]]
        if len(moved) != len(self.variables):
            raise Refused("there must be one equation for each variable")
        self.moves = dict(zip([self.vectors[v] for v in self.variables], moved, strict=True))
        self.place = {"*": self.vectors["theta_star"]}
        for g, text in gradients.items():
            self.place[g] = self._vector(text)
            if self.place[g].free_symbols & {*self.gram.values(), *self.gaps.values()}:
                raise Refused(f"the point of {g} must not hold products or values")
            self.place[f"new_{g}"] = self._advance(self.place[g])

    # ---------------------------------------------------------------- reading
    def _assume(self, text: str) -> None:
        if text in WORDS:
            for name in ("mu", "ell", "sigma", "lr"):
                if re.search(rf"\b{name}\b", text) and name not in self.positive:
                    raise Refused(f"{name} must be a positive parameter of the system")
            return
        if match := re.fullmatch(r"(mu|ell|sigma) = (.+)", text):
            positive = self.positive - {match[1]}
            value = read(match[2], positive, positive)
            if match[1] not in self.positive or not value.is_finite or value == 0 or not (
                    nonnegative(value, value.free_symbols, set())):
                raise Refused(f"{match[1]} must be a positive parameter, with a positive value")
            self.constants[symbol(match[1], self.positive)] = value
        elif match := re.fullmatch(r"(\w+)\+ = (.+)", text):
            self.sequences[match[1]] = match[2]
        elif text.count("==") == 1:
            a, b = text.split("==")
            self.equal.append((a.strip(), b.strip()))
        elif text.count("<") == 1 and not set(text.replace("<=", "").replace("<", "")) & set("=>"):
            a, b = text.replace("<=", "<").split("<")
            self.slacks.append((a.strip(), b.strip(), "<=" not in text))
        else:
            raise Refused(f"the assumption {text!r} is not understood")

    def _symbol(self, name: str) -> Any:
        made = symbol(name, self.positive)
        return self.constants.get(made, made)

    def _scalar(self, text: str) -> Any:
        return read(text, [*self.positive, *self.sequences], self.positive).xreplace(
            self.constants)

    def _vector(self, text: str) -> Any:
        """Return a vector of the step as a combination of its basis; sign(g) is one of it."""
        import sympy

        expr = read(text, [*self.vectors, *self.positive, *self.sequences, "e", "L", "Lstar"],
                    self.positive, {"dot": self._dot})
        v = self.vectors
        expr = expr.xreplace({sympy.sign(v["g"]): v["sign_g"], **self.constants})
        expr = expr.xreplace({sympy.Symbol("L", real=True): self.gaps["g"] + self.star,
                              sympy.Symbol("e", real=True): v["theta"] - v["theta_star"]})
        self._coefficients(expr)
        return expr

    def _coefficients(self, vector: Any) -> dict[Any, Any]:
        import sympy

        made = {}
        for basis in self.vectors.values():
            if basis in vector.free_symbols:
                made[basis] = sympy.diff(vector, basis).xreplace(self.constants)
                if made[basis].free_symbols & set(self.vectors.values()):
                    raise Refused(f"{vector} is not linear in its vectors")
        rest = vector.xreplace(dict.fromkeys(self.vectors.values(), sympy.S.Zero))
        if sympy.simplify(rest) != 0:
            raise Refused(f"{vector} is no vector: it holds a term without one")
        return made

    def _dot(self, a: Any, b: Any) -> Any:
        import sympy

        v = self.vectors if hasattr(self, "vectors") else {}
        change = {sympy.Symbol("e", real=True): v["theta"] - v["theta_star"],
                  sympy.sign(v["g"]): v["sign_g"]}
        first, second = (self._coefficients(x.xreplace(change)) for x in (a, b))
        return sympy.Add(*[c * d * self._inner(x, y) for x, c in first.items()
                           for y, d in second.items()])

    def _inner(self, x: Any, y: Any) -> Any:
        import sympy

        a, b = sorted((x, y), key=str)
        if NOISE in self.words and "w" in (str(a), str(b)) and a != b:
            other = str(b) if str(a) == "w" else str(a)
            if self._before(other):  # E⟨w, x⟩ = 0
                return sympy.S.Zero
        return self.gram.setdefault((a, b), sympy.Symbol(f"<{a},{b}>", real=True))

    def _before(self, vector: str) -> bool:
        """Return whether a vector is known before w is drawn.

        Another gradient is not, as its point may hold w, and no discrete one: it holds the new
        point.
        """
        return vector in ("theta_star", "g", "sign_g", *self.variables)

    def _advance(self, expr: Any) -> Any:
        """Return an expression of vectors with all of them one step on."""
        new = {self.vectors[g]: self.vectors[f"new_{g}"] for g in self.names}
        return expr.xreplace({**self.moves, **new, **self.next})

    def of_one_state(self, text: str) -> None:
        """Refuse a V that holds more than the state: what has no value one step on."""
        from flowopt.symbolic.parse import parse

        own = {"theta_star", *self.variables, *self.names}
        other = sorted(({*self.vectors} - own) & set(parse(text, what="V", functions=(
            "dot", "norm1")).names))
        if other:
            raise Refused(f"V must be a function of the state, and {other[0]} is none of it")

    def value(self, text: str, shift: int, more: Collection[str] = ()) -> Any:
        """Return a scalar of the statement at step k, or k + 1 (shift 1); names of `more` stay."""
        import sympy

        def dot(a: Any, b: Any) -> Any:
            change = {sympy.Symbol("e", real=True): self.vectors["theta"] - self.vectors[
                "theta_star"]}
            a, b = a.xreplace(change), b.xreplace(change)
            # a name for the product: its factors are advanced already
            return later(self._dot(*(self._advance(x) if shift else x for x in (a, b))))

        def norm1(a: Any) -> Any:
            if shift or a != self.vectors["g"]:
                raise Refused("norm1 is read for g before the step only")
            return later(self._inner(a, self.vectors["sign_g"]))

        products: dict[Any, Any] = {}

        def later(product: Any) -> Any:
            made = sympy.Dummy(real=True)
            products[made] = product
            return made

        values = [f"L_{g}" for g in self.names if g != "g"]
        expr = read(text, [*self.vectors, *self.positive, *self.sequences, "e", "L", "Lstar",
                           *values, *more], self.positive, {"dot": dot, "norm1": norm1})
        expr = expr.xreplace({**self.constants, **(self.next if shift else {})})
        new = "new_" if shift else ""
        expr = expr.xreplace({sympy.Symbol("L", real=True): self.gaps[f"{new}g"] + self.star,
                              **{sympy.Symbol(f"L_{g}", real=True): self.gaps[new + g] + self.star
                                 for g in self.names if g != "g"}})
        if shift and NOISE in self.words:
            self._linear(expr, products)
        expr = expr.xreplace(products)
        if expr.free_symbols & (set(self.vectors.values()) | {sympy.Symbol("e", real=True)}):
            raise Refused(f"{text} is no scalar: it holds a vector outside dot")
        return expr

    def _linear(self, expr: Any, products: Mapping[Any, Any]) -> None:
        """Refuse a scalar after the step whose mean is not that of its products and values."""
        import sympy

        random = [*products, *self.gaps.values()]
        top, bottom = sympy.fraction(sympy.together(expr))
        if bottom.has(*random) or (top.has(*random) and sympy.Poly(
                top, *random).total_degree() > 1):
            raise Refused("V must be linear in its products and in L, as its mean is taken")

    # ---------------------------------------------------------------- factors
    def _known(self) -> tuple[set[Any], set[Any], dict[Any, Any]]:
        """Return the symbols > 0, those >= 0, and what the latter stand for."""
        import sympy

        positive = {symbol(n, self.positive) for n in self.positive}
        square, gap = sympy.Symbol("square", real=True), sympy.Symbol("gap", real=True)
        meaning = {square: self._inner(self.vectors["g"], self.vectors["g"])}
        weak: set[Any] = set()
        (positive if MOVING in self.words else weak).add(square)
        if MINIMISER in self.words:
            weak.add(gap)
            meaning[gap] = self.gaps["g"]
        for k, (a, b, strict) in enumerate(self.slacks, 1):
            slack = sympy.Symbol(f"c{k}", real=True)
            (positive if strict else weak).add(slack)
            meaning[slack] = self.value(b, 0) - self.value(a, 0)
        return positive, weak, meaning

    def weight(self, text: str) -> Any:
        """Return a factor that is nonnegative by its signs; refuse any other."""
        positive, weak, meaning = self._known()
        expr = read(text, [str(s) for s in positive | weak], self.positive)
        if not nonnegative(expr, positive, weak):
            raise Refused(f"the factor {text} is not nonnegative by its signs")
        return self._known_before(expr.xreplace({**meaning, **self.constants}))

    def free(self, text: str) -> Any:
        """Return a factor of any sign, a scalar of the step, whose denominator does not vanish.

        Without this a factor 1/E would turn an equality E = 0 into anything.
        """
        meaning = {s: e for s, e in self._known()[2].items() if str(s).startswith("c")}
        expr = self.value(text, 0, [str(s) for s in meaning])
        self.defined(expr)
        return self._known_before(expr.xreplace(meaning))

    def _known_before(self, factor: Any) -> Any:
        """Return a factor; with noise, one that holds no product or value, so that means add up."""
        if NOISE in self.words and factor.free_symbols & {*self.gram.values(),
                                                          *self.gaps.values()}:
            raise Refused("with noise the factors must be numbers and parameters")
        return factor

    def defined(self, *exprs: Any) -> None:
        """Refuse an expression whose denominator may vanish."""
        import sympy

        positive, weak, _ = self._known()
        g = self.vectors["g"]
        if MOVING in self.words:
            positive.add(self._inner(g, g))
        weak |= {self._symbol(n) for n in self.sequences if ("0", n) in {
            (a, b) for a, b, _ in self.slacks}}
        # a < b strictly: no factor of b − a vanishes
        apart = {f for a, b, strict in self.slacks if strict
                 for f, _ in sympy.factor_list(sympy.fraction(sympy.together(
                     self.value(b, 0) - self.value(a, 0)))[0])[1]}
        for expr in exprs:
            bottom = sympy.fraction(sympy.together(expr))[1]
            if bottom == 1 or nonnegative(1 / bottom, positive, weak):
                continue
            for factor, _ in sympy.factor_list(bottom)[1]:
                if not {factor, sympy.expand(-factor)} & apart and not nonnegative(
                        1 / factor, positive, weak):
                    raise Refused(f"a denominator may vanish: {factor}")

    def squares(self, terms: Any) -> Any:
        """Return Σ c ‖u‖² with nonnegative c; an empty u stands for the number 1."""
        import sympy

        total = sympy.S.Zero
        for text, vector in terms:
            factor = self.weight(text)
            if vector == "norm1(g)":
                total += factor * self._inner(self.vectors["g"], self.vectors["sign_g"])
            elif vector:
                u = self._vector(vector)
                self.defined(u)
                total += factor * self._dot(u, u)
            else:
                total += factor
        return total

    # ---------------------------------------------------------------- inequalities
    def inequality(self, kind: str, i: str, j: str) -> Any:
        """Return Q >= 0 between the points i and j; refuse one that is not assumed."""
        return inequality(self, kind, i, j)

    def equality(self, k: Any) -> Any:
        """Return the k-th assumed equality as b − a."""
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(self.equal):
            raise Refused(f"there is no assumed equality {k}")
        a, b = self.equal[k - 1]
        return self.value(b, 0) - self.value(a, 0)

    def vanishes(self, expr: Any, otherwise: str) -> None:
        """Refuse unless an expression is identically zero, as a rational function."""
        import sympy

        held = {*self.gram.values(), *self.gaps.values(), self.star} & expr.free_symbols
        slopes = [sympy.diff(expr, s) for s in held]
        parts = [*slopes, expr.xreplace(dict.fromkeys(held, sympy.S.Zero))]
        if any(part.free_symbols & held for part in slopes):  # not linear in products and values
            if NOISE in self.words:
                raise Refused("with noise the claim must be linear in products and values")
            parts = [expr]
        for part in parts:
            top = sympy.fraction(sympy.together(part))[0]
            symbols = sorted(top.free_symbols, key=str)
            if top != 0 and not (symbols and sympy.Poly(top, *symbols).is_zero):
                raise Refused(otherwise)
