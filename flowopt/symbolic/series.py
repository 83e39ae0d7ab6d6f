"""The Taylor coefficients of a solution, as a kernel: recurrences made from sympy expressions.

With y(t + sσ) = Σ_k y_k s^k the equation is (k + 1) y_{k+1} = σ F_k, where F_k is coefficient k of
F along the solution. Each node of the expressions has a recurrence for its coefficients:

    (u v)_k = Σ_j u_j v_{k−j},                 (u/v)_k = (u_k − Σ_{j<k} (u/v)_j v_{k−j}) / v_0,
    w = u^a:   k u_0 w_k = Σ_{j<k} (a (k − j) − j) u_{k−j} w_j,
    w' = g u': k w_k = Σ_{1≤j≤k} j u_j g_{k−j}                 (exp: g = w, sin: g = cos,
                                                            tan: g = 1 + w², erf: 2 exp(−u²)/√π),
    v w' = u': v_0 w_k = u_k − (1/k) Σ_{0<j<k} j w_j v_{k−j}   (log: v = u, atan: v = 1 + u²,
                                                            asin: v = √(1 − u²)).

Sources: Moore, Interval Analysis (1966), chapter 11; Jorba & Zou, Experimental Mathematics 14
(2005) 99, Proposition 2.1. Sums are taken so that a term is added as soon as it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowopt.symbolic.source import LONGEST_PRODUCT, Printer, UnknownNode, ordered_steps

#: terms of all sums up to which each has a line of its own in the kernel; beyond, there are loops,
#: which compile at once, but take 1.7 times as long (Lorenz), or twice in lanes
MOST_LINES = 3000
KNOWN = ("sqrt, exp, log, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, "
         "erf, and sign, Abs, Min, Max, Heaviside, Piecewise with their sides fixed")
#: w' = g u' or v w' = u': the partner of each function
PAIRS = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}
QUOTIENTS = {"log", "atan", "asin", "acos", "asinh", "acosh", "atanh"}
#: what is not analytic for every real argument
SINGULAR = {"quotient", "sqrt", "power", "tan", *QUOTIENTS} - {"atan", "asinh"}


@dataclass(frozen=True)
class Node:
    """One series: how it is made, from which nodes (numbers) and which constants (texts)."""

    op: str
    nodes: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    #: the series ends with this power of the time
    degree: float = float("inf")


class Tape:
    """The nodes that some expressions need, each after those that it is made of."""

    def __init__(self, slots: Mapping[Any, tuple[str, int]], width: int) -> None:
        self.nodes: list[Node] = []
        self.places: dict[Node, int] = {}
        self.memory: dict[Any, Any] = {}  # of an expression: the number of its node, or its text
        self.printer = Printer({})
        for number, (symbol, (array, row)) in enumerate(slots.items()):
            if array == "y":
                self.memory[symbol] = self.add("state", texts=(str(row),))
            elif array == "t":
                self.memory[symbol] = None  # a node when it is needed
            else:
                at = f"{row * width} + lane" if width > 1 else f"{row}"
                self.printer.names[symbol] = f"a{number}"
                self.memory[symbol] = f"a{number}"
                self.printer.lines.append(f"a{number} = {array}_[{at}]")

    def add(self, op: str, nodes: Sequence[int] = (), texts: Sequence[str] = (),
            degree: float = float("inf")) -> int:
        """Return the number of a node, which is made when there is none like it."""
        node = Node(op, tuple(nodes), tuple(texts), degree)
        if node not in self.places:
            self.places[node] = len(self.nodes)
            self.nodes.append(node)
        return self.places[node]

    def value(self, expr: Any) -> int | str:
        """Return the node of an expression, or the text of one that no time changes."""
        if expr in self.memory and self.memory[expr] is not None:
            known: int | str = self.memory[expr]
            return known
        if expr.is_Symbol and expr in self.memory:
            made: int | str = self.add("time", degree=1)
        elif not self.moves(expr):
            made = self.printer.named(self.printer.print(expr))
            self.printer.names[expr] = made
        else:
            made = self.series(expr)
        self.memory[expr] = made
        return made

    def moves(self, expr: Any) -> bool:
        """Return whether an expression holds time, the state, or what is made of them."""
        return any(not isinstance(self.memory.get(s), str) for s in expr.free_symbols)

    def define(self, symbol: Any, expr: Any) -> None:
        """Let a symbol stand for an expression."""
        made = self.value(expr)
        self.memory[symbol] = made
        if isinstance(made, str):
            self.printer.names[symbol] = made

    def named(self, text: str) -> str:
        """Return a name for a constant."""
        return self.printer.named(text)

    def degree(self, *which: int) -> float:
        """Return the largest degree of some nodes."""
        return max(self.nodes[i].degree for i in which)

    # ------------------------------------------------------------------------ expressions
    def series(self, expr: Any) -> int:
        """Return the node of an expression that moves with time."""
        kind = type(expr).__name__
        if expr.is_Add:
            return self.sum(expr)
        if expr.is_Mul:
            return self.product(expr)
        if expr.is_Pow:
            return self.power(*expr.args)
        if kind == "Select":
            side, below, above = expr.args
            a, b = self.node(self.value(below)), self.node(self.value(above))
            return self.add("select", (a, b), (str(self.value(side)),), self.degree(a, b))
        if kind == "Even":  # |a| on the side s of a = 0
            return self.node(self.value(expr.args[0] * expr.args[1]))
        if len(expr.args) == 1:
            u = self.value(expr.args[0])
            assert isinstance(u, int)
            made = self.function(kind, u)
            if made is not None:
                return made
        raise UnknownNode(f"the field holds {kind} ({str(expr)[:60]}), for whose Taylor series "
                          "fo.Taylor has no recurrence (it knows + - * / **, "
                          f"{KNOWN}); use fo.DOP853")

    def node(self, value: int | str) -> int:
        """Return a node, made of a constant if need be."""
        return value if isinstance(value, int) else self.add("constant", (), (value,), 0)

    def sum(self, expr: Any) -> int:
        """Return a linear combination: the coefficients are texts, the last one is the constant."""
        constant, parts = [], []
        for term in expr.args:
            factor, rest = self.split(term)
            if rest is None:
                constant.append(factor)
            else:
                parts.append((rest, factor))
        parts.sort(key=lambda part: (self.nodes[part[0]].op in ("product", "square"), part[0]))
        nodes = tuple(node for node, _ in parts)
        last = self.named(" + ".join(constant)) if constant else "0.0"
        texts = (*(factor for _, factor in parts), last)
        return self.add("sum", nodes, texts, self.degree(*nodes))

    def split(self, term: Any) -> tuple[str, int | None]:
        """Return a term as a constant (a text) times a node."""
        if not self.moves(term):
            return str(self.value(term)), None
        if not term.is_Mul:
            return "1.0", self.node(self.value(term))
        still = [a for a in term.args if not self.moves(a)]
        if not still:
            return "1.0", self.node(self.value(term))
        factor = type(term)(*still)
        text = "-1.0" if factor == -1 else str(self.value(factor))
        return text, self.node(self.value(type(term)(*[a for a in term.args if a not in still])))

    def product(self, expr: Any) -> int:
        """Return a product; factors with negative exponents go below one division."""
        if not all(self.moves(a) for a in expr.args):
            factor, rest = self.split(expr)
            assert rest is not None
            return self.add("sum", (rest,), (factor, "0.0"), self.degree(rest))
        above = [a for a in expr.args if not self.inverse(a)]
        below = [a.base ** -a.exp for a in expr.args if self.inverse(a)]
        tops = [self.node(self.value(a)) for a in above]
        top = self.times(tops) if tops else self.add("constant", (), ("1.0",), 0)
        if not below:
            return top
        return self.add("quotient", (top, self.times([self.node(self.value(b)) for b in below])))

    @staticmethod
    def inverse(factor: Any) -> bool:
        """Return whether a factor stands below a division."""
        return bool(factor.is_Pow and factor.exp.is_Rational and factor.exp.is_negative)

    def times(self, factors: Sequence[int]) -> int:
        """Return the product of some nodes."""
        made = factors[0]
        for other in factors[1:]:
            if other == made:
                made = self.add("square", (made,), (), 2 * self.nodes[made].degree)
            else:
                made = self.add("product", sorted((made, other)), (),
                                self.nodes[made].degree + self.nodes[other].degree)
        return made

    def power(self, base: Any, exponent: Any) -> int:
        """Return a power: products, a root, the recurrence of u^a, or exp(a log u)."""
        if base.is_NumberSymbol and str(base) == "E":
            return self.function("exp", self.node(self.value(exponent))) or 0
        if exponent.is_Rational and exponent < 0:
            one = self.add("constant", (), ("1.0",), 0)
            return self.add("quotient", (one, self.node(self.value(base ** -exponent))))
        u = self.value(base)
        if exponent.is_Integer and exponent <= LONGEST_PRODUCT:
            return self.whole_power(self.node(u), int(exponent))
        if exponent.is_Rational and exponent.q == 2 and exponent.p <= LONGEST_PRODUCT:
            root = self.add("sqrt", (self.node(u),))
            whole = int(exponent.p) // 2
            return self.times([self.whole_power(self.node(u), whole), root]) if whole else root
        if isinstance(u, int) and not self.moves(exponent):
            return self.add("power", (u,), (str(self.value(exponent)),))
        a = self.node(self.value(exponent))
        if isinstance(u, str):
            log = self.named(f"math.log({u})")
            return self.function("exp", self.add("sum", (a,), (log, "0.0"), self.degree(a))) or 0
        both = self.times([a, self.add("log", (u, u))])
        return self.function("exp", both) or 0

    def whole_power(self, u: int, exponent: int) -> int:
        """Return u ** exponent by repeated squaring."""
        if exponent == 1:
            return u
        half = self.times([self.whole_power(u, exponent // 2)] * 2)
        return self.times([half, u]) if exponent % 2 else half

    def function(self, kind: str, u: int) -> int | None:
        """Return the node of a function of one argument, or None if there is no recurrence."""
        if kind in PAIRS:
            pair = self.add("sincos" if kind in ("sin", "cos") else "sinhcosh",
                            (self.slope(u),), (str(u),))
            return self.add(kind, (pair,))
        if kind == "exp":
            return self.add("exp", (u, self.slope(u)))
        if kind in ("tan", "tanh"):
            return self.add(kind, (u, self.slope(u)))
        if kind == "erf":
            square = self.times([u, u])
            bell = self.function("exp", self.add("sum", (square,), ("-1.0", "0.0"),
                                                 self.degree(square)))
            return self.add("erf", (u, self.slope(u), bell or 0))
        if kind not in QUOTIENTS:
            return None
        if kind == "log":
            return self.add("log", (u, u))
        square = self.times([u, u])
        sign, one = {"atan": ("1.0", "1.0"), "asinh": ("1.0", "1.0"),
                     "acosh": ("1.0", "-1.0")}.get(kind, ("-1.0", "1.0"))
        inner = self.add("sum", (square,), (sign, one), self.degree(square))
        below = inner if kind in ("atan", "atanh") else self.add("sqrt", (inner,))
        return self.add(kind, (u, below))

    def slope(self, u: int) -> int:
        """Return the node of k u_k, which derivatives need."""
        return self.add("slope", (u,), (), self.nodes[u].degree)


def series_source(outputs: Sequence[Any], slots: Mapping[Any, tuple[str, int]],
                  definitions: Mapping[Any, Any], order: int, width: int
                  ) -> tuple[str, dict[str, int]]:
    """Return the source of the kernel of the coefficients 1 … order, and what is to know of it.

    That is how many rows of `scratch` it needs, and whether F may be `singular`.

    The kernel reads σ behind the times of the lanes: t is (2, W). Row i of coefficient k stands at
    ``(k - 1) * size + i * W`` of the result, where size is that of a block of the steppers: m·W,
    and for one lane m rounded up to a multiple of 4. Behind the coefficients is scratch.
    """
    from flowopt.symbolic.recurrences import looped, unrolled

    steps, final = ordered_steps(outputs, definitions)
    tape = Tape(slots, width)
    for symbol, expr in steps:
        tape.define(symbol, expr)
    results = [tape.node(tape.value(expr)) for expr in final]
    sums = sum(node.op not in ("state", "time", "constant", "sum", "select", "slope", "sin", "cos",
                               "sinh", "cosh") for node in tape.nodes)
    lines = len(tape.nodes) * order + sums * order * order // 2
    make = unrolled if lines <= MOST_LINES else looped
    source, scratch = make(tape, results, order, width)
    singular = any(node.op in SINGULAR for node in tape.nodes)
    return source, {"scratch": scratch, "singular": int(singular)}
