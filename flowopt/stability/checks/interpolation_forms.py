"""One step of an optimizer in inner products: points, values, inequalities, signs of factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowopt.stability.exact import Refused, rational, read, symbol

#: what may be assumed of the loss and of the step, in words
CONVEX, STRONG = "L is convex", "L is mu-strongly convex"
SMOOTH, SMOOTH_MAX = "L is ell-smooth", "L is ell-smooth in the max norm"
MINIMISER, MOVING = "theta* is a minimiser of L", "g != 0"
DISCRETE = "gbar is a discrete gradient"
PROX = "new_theta minimises L(z) + |z - theta|**2/(2*lr)"
NOISE = "V+ is its mean over w, with E w = 0 and E |w|**2 <= sigma**2"
WORDS = (CONVEX, STRONG, SMOOTH, SMOOTH_MAX, MINIMISER, MOVING, DISCRETE, PROX, NOISE)


def nonnegative(expr: Any, positive: set[Any], weak: set[Any]) -> bool:
    """Return whether signs of coefficients show expr >= 0 for symbols > 0, those of `weak` >= 0.

    Examples
    --------
    >>> import sympy
    >>> a, b = sympy.symbols("a b")
    >>> nonnegative(a / (1 + b), {a}, {b}), nonnegative(a - b, {a, b}, set())
    (True, False)
    """
    import sympy

    top, bottom = sympy.fraction(sympy.together(expr))
    if not (top.free_symbols | bottom.free_symbols) <= positive | weak:
        return False
    if not _one_sign(top) or not _one_sign(bottom):
        return False
    return bool(bottom.xreplace(dict.fromkeys(weak, sympy.S.Zero)) != 0)


def _one_sign(expr: Any) -> bool:
    import sympy

    symbols = sorted(expr.free_symbols, key=str)
    if not symbols:
        return bool(expr.is_Rational and expr >= 0)
    try:
        coefficients = sympy.Poly(expr, *symbols).coeffs()
    except sympy.PolynomialError:
        return False
    return all(c.is_Rational and c >= 0 for c in coefficients)


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
        if match := re.fullmatch(r"(mu|ell|sigma) = ([0-9/]+)", text):
            value = rational(match[2])
            if match[1] not in self.positive or not value > 0:
                raise Refused(f"{match[1]} must be a positive parameter of the system")
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

    def certain(self, expr: Any, what: str) -> Any:
        """Return an expression; refuse one that depends on w where means are taken.

        The mean of a product is no product of means.
        """
        if NOISE in self.words:
            known = {m for (a, b), m in self.gram.items()
                     if self._before(str(a)) and self._before(str(b))} | {self.gaps["g"]}
            if expr.free_symbols & ({*self.gram.values(), *self.gaps.values()} - known):
                raise Refused(f"{what} depends on w, and the mean of a product is no product of "
                              "means")
        return expr

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

    def value(self, text: str, shift: int) -> Any:
        """Return a scalar of the statement at step k, or k + 1 (shift 1)."""
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
                           *values], self.positive, {"dot": dot, "norm1": norm1})
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
        return self.certain(expr.xreplace({**meaning, **self.constants}), f"the factor {text}")

    def free(self, text: str) -> Any:
        """Return a factor of any sign, a scalar of the step; L_g − Lstar is a gap."""
        return self.certain(self.value(text, 0), f"the factor {text}")

    def defined(self, *exprs: Any) -> None:
        """Refuse an expression whose denominator may vanish."""
        import sympy

        positive, weak, _ = self._known()
        g = self.vectors["g"]
        if MOVING in self.words:
            positive.add(self._inner(g, g))
        weak |= {self._symbol(n) for n in self.sequences if ("0", n) in {
            (a, b) for a, b, _ in self.slacks}}
        for expr in exprs:
            bottom = sympy.fraction(sympy.together(expr))[1]
            if bottom != 1 and not nonnegative(1 / bottom, positive, weak):
                raise Refused(f"a denominator may vanish: {bottom}")

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
                total += factor * self._dot(u, u)
            else:
                total += factor
        return total

    # ---------------------------------------------------------------- inequalities
    def inequality(self, kind: str, i: str, j: str) -> Any:
        """Return Q >= 0 between the points i and j; refuse one that is not assumed."""
        import sympy

        needs = {"convex": (CONVEX,), "smooth": (SMOOTH,), "strong": (STRONG,),
                 "smooth_convex": (CONVEX, SMOOTH), "smooth_strong": (STRONG, SMOOTH),
                 "lower": (MINIMISER,), "smooth_max": (SMOOTH_MAX,), "discrete": (DISCRETE,),
                 "noise": (NOISE,), "prox": (PROX,), "slack": ()}
        if kind not in needs or not set(needs[kind]) <= self.words:
            raise Refused(f"the inequality {kind} is not assumed")
        if kind == "noise":
            self._unused(i, j)
            w = self.vectors["w"]
            return self._symbol("sigma") ** 2 - self._inner(w, w)
        if kind == "slack":
            if not re.fullmatch(r"[1-9][0-9]?", i) or int(i) > len(self.slacks) or j:
                raise Refused(f"there is no assumed inequality {i}")
            a, b, _ = self.slacks[int(i) - 1]
            return self.value(b, 0) - self.value(a, 0)
        if kind in ("discrete", "prox"):
            self._unused(i, j)
            dx = self.place["new_g"] - self.place["g"]
            fall = self.gaps["g"] - self.gaps["new_g"]
            if kind == "discrete":
                return fall + self._dot(self.vectors["gbar"], dx)
            return fall - self._dot(dx, dx) / (2 * self._symbol("lr"))
        if kind == "lower":
            if j or i not in self.gaps:
                raise Refused(f"there is no point {i}")
            return self.gaps[i]
        if i == j or not {i, j} <= set(self.place):
            raise Refused(f"there is no pair of points ({i}, {j})")
        if "*" in (i, j) and MINIMISER not in self.words:
            raise Refused(f"the inequality needs that {MINIMISER}")
        dx = self.place[i] - self.place[j]
        values = self.gaps.get(i, sympy.S.Zero) - self.gaps.get(j, sympy.S.Zero)
        zero = sympy.S.Zero
        gi, gj = (self.vectors[k] if k != "*" else zero for k in (i, j))
        slope = self._dot(gj, dx) if j != "*" else zero
        if kind == "smooth":
            return slope - values + self._symbol("ell") / 2 * self._dot(dx, dx)
        if kind == "smooth_max":
            step = self._coefficients(sympy.expand(dx))
            if set(step) != {self.vectors["sign_g"]}:
                raise Refused("the max norm of this step is not known")
            # each coordinate of sign(g) is at most 1
            return slope - values + self._symbol("ell") / 2 * step[self.vectors["sign_g"]] ** 2
        made = values - slope
        if kind == "convex":
            return made
        if kind == "strong":
            return made - self._symbol("mu") / 2 * self._dot(dx, dx)
        dg = gi - gj
        ell = self._symbol("ell")
        if kind == "smooth_convex":
            return made - self._dot(dg, dg) / (2 * ell)
        mu = self._symbol("mu")
        # the interpolation inequality needs mu < ell: its factor 1/(1 − μ/ℓ) must be positive
        if not {("mu", "ell", False), ("mu", "ell", True)} & set(self.slacks):
            raise Refused("mu <= ell must be assumed")
        return made * (ell - mu) - (self._dot(dg, dg) + mu * ell * self._dot(dx, dx)
                                    - 2 * mu * self._dot(dg, dx)) / 2

    @staticmethod
    def _unused(i: str, j: str) -> None:
        if i or j:
            raise Refused("this inequality is not between points")

    def equality(self, k: Any) -> Any:
        """Return the k-th assumed equality as b − a."""
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(self.equal):
            raise Refused(f"there is no assumed equality {k}")
        a, b = self.equal[k - 1]
        return self.value(b, 0) - self.value(a, 0)

    def vanishes(self, expr: Any, otherwise: str) -> None:
        """Refuse unless an expression is identically zero."""
        import sympy

        top = sympy.fraction(sympy.together(expr))[0]
        symbols = sorted(top.free_symbols, key=str)
        if top != 0 and not (symbols and sympy.Poly(top, *symbols).is_zero):
            raise Refused(otherwise)
