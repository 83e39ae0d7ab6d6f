"""The recurrences of `flowopt.symbolic.series` written out as the source of a kernel.

Two forms: unrolled, where each coefficient of each node is a variable; and looped, for large
fields, where the nodes' series stand in the scratch of the kernel. One field and order always has
the same form, so that one lane and many agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

HEAD = "def kernel(context, t_, y_, p_, s_, out_):\n"
FIRST = {"exp": "math.exp", "tan": "math.tan", "tanh": "math.tanh", "erf": "math.erf",
         "log": "math.log", "atan": "math.atan", "asin": "math.asin", "acos": "math.acos",
         "asinh": "math.asinh", "acosh": "math.acosh", "atanh": "math.atanh", "sqrt": "math.sqrt"}
#: 2/√π
BELL = "1.1283791670955126"


def size_of(m: int, width: int) -> int:
    """Return the numbers of a block: four rows at a time are worked on for one lane."""
    return m * width if width > 1 else -(-m // 4) * 4


def unrolled(tape: Any, results: Sequence[int], order: int, width: int) -> tuple[str, int]:
    """Return the source in which every coefficient is a variable; it needs no scratch."""
    writer = _Unrolled(tape, order, width)
    size, m = size_of(len(results), width), len(results)
    lane = " + lane" if width > 1 else ""
    lines = [*tape.printer.lines, f"scale = t_[{width} + lane]" if width > 1 else "scale = t_[1]"]
    writer.lines = lines
    for k in range(order):
        for i in range(len(tape.nodes)):
            writer.coefficient(i, k)
        lines.append(f"h{k} = scale*{1.0 / (k + 1)!r}")
        for i in range(m):
            f = writer.at(results[i], k)
            at = f"{k * size + i * (width if width > 1 else 1)}{lane}"
            lines.append(f"y{i}_{k + 1} = " + (f"h{k}*{f}" if f else "0.0"))
            lines.append(f"out_[{at}] = y{i}_{k + 1}")
    indent = "        " if width > 1 else "    "
    loop = f"    for lane in range({width}):\n" if width > 1 else ""
    return HEAD + loop + "".join(f"{indent}{line}\n" for line in lines), 0


class _Unrolled:
    """The text of each coefficient; None where it is 0 by the degree of the series."""

    def __init__(self, tape: Any, order: int, width: int) -> None:
        self.nodes, self.order, self.width = tape.nodes, order, width
        self.lines: list[str] = []
        self.states: dict[int, str] = {}

    def at(self, i: int, k: int) -> str | None:
        """Return the name of coefficient k of node i."""
        node = self.nodes[i]
        if k > node.degree:
            return None
        if node.op == "state":
            return f"y{node.texts[0]}_{k}"
        if node.op in ("sin", "sinh"):
            return f"n{node.nodes[0]}_{k}"
        if node.op in ("cos", "cosh"):
            return f"m{node.nodes[0]}_{k}"
        return f"n{i}_{k}"

    def let(self, name: str, text: str) -> str:
        self.lines.append(f"{name} = {text}")
        return name

    def sum(self, name: str, terms: Sequence[tuple[str | None, str | None]]) -> str | None:
        """Write Σ a b; a term is added as soon as it is known, so the newest come last."""
        kept = [(a, b) for a, b in terms if a is not None and b is not None]
        kept.sort(key=lambda term: max(int(x.rsplit("_", 1)[1]) for x in term))
        if not kept:
            return None
        self.let(name, "{}*{}".format(*kept[0]))
        for a, b in kept[1:]:
            self.let(name, f"muladd({a}, {b}, {name})")
        return name

    def coefficient(self, i: int, k: int) -> None:
        """Write coefficient k of node i."""
        node = self.nodes[i]
        if k <= node.degree and node.op not in ("sin", "cos", "sinh", "cosh"):
            getattr(self, f"do_{node.op}", self.do_quotient_of_slopes)(node, f"n{i}_{k}", i, k)

    def do_state(self, node: Any, name: str, i: int, k: int) -> None:
        if k == 0:
            row = node.texts[0]
            at = f"{int(row) * self.width} + lane" if self.width > 1 else row
            self.let(f"y{row}_0", f"y_[{at}]")

    def do_time(self, node: Any, name: str, i: int, k: int) -> None:
        self.let(name, "scale" if k else "t_[lane]" if self.width > 1 else "t_[0]")

    def do_constant(self, node: Any, name: str, i: int, k: int) -> None:
        self.let(name, node.texts[0])

    def do_slope(self, node: Any, name: str, i: int, k: int) -> None:
        u = self.at(node.nodes[0], k)
        self.let(name, f"{float(k)!r}*{u}" if k != 1 else f"{u}")

    def do_select(self, node: Any, name: str, i: int, k: int) -> None:
        a, b = (self.at(j, k) or "0.0" for j in node.nodes)
        self.let(name, f"{a} if {node.texts[0]} < 0.0 else {b}")

    def do_sum(self, node: Any, name: str, i: int, k: int) -> None:
        *factors, constant = node.texts
        text = constant if k == 0 and constant != "0.0" else ""
        for j, factor in zip(node.nodes, factors, strict=True):
            u = self.at(j, k)
            if u is None:
                continue
            if factor == "-1.0":
                text = f"{text} - {u}" if text else f"-{u}"
            elif factor == "1.0":
                text = f"{text} + {u}" if text else u
            elif not text:
                text = f"{factor}*{u}"
            else:
                text = f"muladd({factor}, {u}, {text})"
        self.let(name, text or "0.0")

    def do_product(self, node: Any, name: str, i: int, k: int) -> None:
        a, b = node.nodes
        if self.sum(name, [(self.at(a, j), self.at(b, k - j)) for j in range(k + 1)]) is None:
            self.let(name, "0.0")

    def do_square(self, node: Any, name: str, i: int, k: int) -> None:
        (a,) = node.nodes
        half = self.sum(name, [(self.at(a, j), self.at(a, k - j)) for j in range((k + 1) // 2)])
        middle = self.at(a, k // 2) if k % 2 == 0 else None
        if half and middle:
            self.let(name, f"muladd(2.0, {name}, {middle}*{middle})")
        elif half:
            self.let(name, f"2.0*{name}")
        else:
            self.let(name, f"{middle}*{middle}" if middle else "0.0")

    def less(self, name: str, terms: Sequence[tuple[str | None, str | None]], u: str | None,
             part: str = "") -> str:
        """Return the text of u − part·Σ a b."""
        total = self.sum(name, terms)
        if total is None:
            return u or "0.0"
        total = f"{part}{total}" if part else total
        return f"({u} - {total})" if u else f"(-{total})"

    def do_quotient(self, node: Any, name: str, i: int, k: int) -> None:
        a, b = node.nodes
        if k == 0:
            self.let(f"r{i}", f"1.0/{self.at(b, 0)}")
            self.let(name, f"{self.at(a, 0)}/{self.at(b, 0)}")
            return
        terms = [(f"n{i}_{j}", self.at(b, k - j)) for j in range(k)]
        self.let(name, f"r{i}*{self.less(name, terms, self.at(a, k))}")

    def do_sqrt(self, node: Any, name: str, i: int, k: int) -> None:
        u = self.at(node.nodes[0], k)
        if k == 0:
            self.let(name, f"math.sqrt({u})")
            self.let(f"r{i}", f"0.5/{name}")
            return
        half = self.sum(name, [(f"n{i}_{j}", f"n{i}_{k - j}") for j in range(1, (k + 1) // 2)])
        total = f"2.0*{half}" if half else ""
        if k % 2 == 0:
            middle = f"n{i}_{k // 2}"
            total = f"muladd({middle}, {middle}, {total})" if half else f"{middle}*{middle}"
        text = f"({u} - {total})" if u and total else u or (f"(-{total})" if total else "0.0")
        self.let(name, f"r{i}*{text}")

    def do_power(self, node: Any, name: str, i: int, k: int) -> None:
        (u,), (a,) = node.nodes, node.texts
        if k == 0:
            self.let(f"r{i}", f"1.0/{self.at(u, 0)}")
            self.let(name, f"math.pow({self.at(u, 0)}, {a})")
            return
        terms: list[tuple[str | None, str | None]] = []
        for j in range(k):
            v = self.at(u, k - j)
            if v is not None:
                weight = f"({a}*{float(k - j)!r} - {float(j)!r})"
                terms.append((self.let(f"v{i}_{j}_{k - j}", f"{weight}*{v}"), f"n{i}_{j}"))
        total = self.sum(name, terms)
        self.let(name, f"r{i}*({1.0 / k!r}*{total})" if total else "0.0")

    def integral(self, name: str, slope: int, k: int, g: Callable[[int], str | None]
                 ) -> str | None:
        """Write Σ_{1≤j≤k} j u_j g_{k−j}, k times the coefficient of w with w' = g u'."""
        return self.sum(name, [(self.at(slope, j), g(k - j)) for j in range(1, k + 1)])

    def do_exp(self, node: Any, name: str, i: int, k: int) -> None:
        u, slope = node.nodes
        if k == 0:
            self.let(name, f"math.exp({self.at(u, 0)})")
            return
        total = self.integral(name, slope, k, lambda j: f"n{i}_{j}")
        self.let(name, f"{1.0 / k!r}*{total}" if total else "0.0")

    def do_erf(self, node: Any, name: str, i: int, k: int) -> None:
        u, slope, bell = node.nodes
        if k == 0:
            self.let(name, f"math.erf({self.at(u, 0)})")
            return
        total = self.integral(name, slope, k, lambda j: self.at(bell, j))
        self.let(name, f"({BELL}*{1.0 / k!r})*{total}" if total else "0.0")

    def do_tan(self, node: Any, name: str, i: int, k: int) -> None:
        """Tan' = (1 + tan²) u', tanh' = (1 − tanh²) u'; g_{k−1} is made before w_k."""
        u, slope = node.nodes
        if k == 0:
            self.let(name, f"math.{node.op}({self.at(u, 0)})")
        else:
            total = self.integral(name, slope, k, lambda j: f"g{i}_{j}")
            self.let(name, f"{1.0 / k!r}*{total}" if total else "0.0")
        g, sign = f"g{i}_{k}", "" if node.op == "tan" else "-"
        half = self.sum(g, [(f"n{i}_{j}", f"n{i}_{k - j}") for j in range((k + 1) // 2)])
        total = f"2.0*{half}" if half else ""
        if k % 2 == 0:
            middle = f"n{i}_{k // 2}"
            total = f"muladd({middle}, {middle}, {total})" if half else f"{middle}*{middle}"
        self.let(g, f"1.0 {sign or '+'} {total}" if k == 0 else f"{sign}{total}")

    do_tanh = do_tan

    def do_sincos(self, node: Any, name: str, i: int, k: int) -> None:
        self._pair(node, i, k, "math.sin", "math.cos", "-")

    def do_sinhcosh(self, node: Any, name: str, i: int, k: int) -> None:
        self._pair(node, i, k, "math.sinh", "math.cosh", "")

    def _pair(self, node: Any, i: int, k: int, first: str, second: str, sign: str) -> None:
        if k == 0:
            u = self.at(int(node.texts[0]), 0)
            self.let(f"n{i}_0", f"{first}({u})")
            self.let(f"m{i}_0", f"{second}({u})")
            return
        slope = node.nodes[0]
        a = self.integral(f"n{i}_{k}", slope, k, lambda j: f"m{i}_{j}")
        b = self.integral(f"m{i}_{k}", slope, k, lambda j: f"n{i}_{j}")
        self.let(f"n{i}_{k}", f"{1.0 / k!r}*{a}" if a else "0.0")
        self.let(f"m{i}_{k}", f"{sign}{1.0 / k!r}*{b}" if b else "0.0")

    def do_quotient_of_slopes(self, node: Any, name: str, i: int, k: int) -> None:
        """V w' = u' (log, atan, asin …), and −u' for acos; d holds j w_j."""
        u, below = node.nodes
        if k == 0:
            self.let(name, f"math.{node.op}({self.at(u, 0)})")
            self.let(f"r{i}", f"{'-' if node.op == 'acos' else ''}1.0/{self.at(below, 0)}")
            return
        terms = [(f"d{i}_{j}", self.at(below, k - j)) for j in range(1, k)]
        own = self.at(u, k)
        if node.op == "acos":  # the sum belongs to w = −asin
            total = self.sum(name, terms)
            text = (own or "0.0") if total is None else (
                f"({own} + {1.0 / k!r}*{total})" if own else f"({1.0 / k!r}*{total})")
        else:
            text = self.less(name, terms, own, f"{1.0 / k!r}*")
        self.let(name, f"r{i}*{text}")
        self.let(f"d{i}_{k}", f"{float(k)!r}*{name}")


def looped(tape: Any, results: Sequence[int], order: int, width: int) -> tuple[str, int]:
    """Return the source with loops over the coefficients, and the rows of scratch it needs."""
    writer = _Looped(tape, order, width, size_of(len(results), width))
    scale = f"t_[lane + {width}]" if width > 1 else "t_[1]"
    writer.each(tape.printer.lines + writer.start())
    depth = writer.depth
    for k, last in (("k", False), (str(order), True)):
        if not last:
            writer.line(f"for k in range(1, {order}):")
            writer.depth += 1
        for i, f in enumerate(results):
            made = [f"made = {scale}/{k}*{writer.at(f, f'{k} - 1')}",
                    f"{writer.row(f'({k} - 1)*{writer.size} + {i * width}')} = made"]
            if not last:
                made.append(f"{writer.at(writer.states[i], k)} = made")
            writer.each(made)
        if not last:
            for i in range(len(tape.nodes)):
                writer.coefficient(i)
        writer.depth = depth
    return HEAD + "".join(writer.lines), writer.series * order


class _Looped:
    """Statements for coefficient 0, and for coefficient k of a loop."""

    def __init__(self, tape: Any, order: int, width: int, size: int) -> None:
        self.tape, self.nodes = tape, tape.nodes
        self.order, self.width, self.size = order, width, size
        self.lines: list[str] = []
        self.depth, self.series = 1, 0
        self.number: dict[tuple[int, str], int] = {}  # of each node's series, and its other ones
        self.states: dict[int, int] = {}
        for i, node in enumerate(self.nodes):
            if node.op == "state":
                self.states[int(node.texts[0])] = i

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text + "\n")

    def each(self, lines: Sequence[str]) -> None:
        """Write statements for every lane."""
        if self.width > 1:
            self.line(f"for lane in range({self.width}):")
        self.depth += self.width > 1
        for line in lines:
            self.line(line)
        self.depth -= self.width > 1

    def row(self, at: str) -> str:
        return f"out_[{at} + lane]" if self.width > 1 else f"out_[{at}]"

    def at(self, i: int, k: str, which: str = "") -> str:
        """Return coefficient k of a node, or of another series that belongs to it."""
        node = self.nodes[i]
        if not which and node.op in ("sin", "cos", "sinh", "cosh"):
            i, which = node.nodes[0], "other" if node.op in ("cos", "cosh") else ""
        if (i, which) not in self.number:
            self.number[i, which] = self.series
            self.series += 1
        base = self.order * self.size + self.number[i, which] * self.order * self.width
        return self.row(f"{base} + ({k})*{self.width}")

    def start(self) -> list[str]:
        """Return the statements of all coefficients 0; `rest` keeps 1/v_0 of a quotient."""
        made: list[str] = []
        for i, node in enumerate(self.nodes):
            own, u = self.at(i, "0"), [self.at(j, "0") for j in node.nodes]
            if node.op == "state":
                at = f"{int(node.texts[0]) * self.width} + lane" if self.width > 1 else \
                    node.texts[0]
                made.append(f"{own} = y_[{at}]")
            elif node.op == "time":
                made.append(f"{own} = " + ("t_[lane]" if self.width > 1 else "t_[0]"))
            elif node.op == "constant":
                made.append(f"{own} = {node.texts[0]}")
            elif node.op == "slope":
                made.append(f"{own} = 0.0")
            elif node.op == "select":
                made.append(f"{own} = {u[0]} if {node.texts[0]} < 0.0 else {u[1]}")
            elif node.op == "sum":
                made.append(f"{own} = {node.texts[-1]}{self.terms(node, u)}")
            elif node.op in ("product", "square"):
                made.append(f"{own} = {u[0]}*{u[-1]}")
            elif node.op == "quotient":
                made += [f"{own} = {u[0]}/{u[1]}", f"{self.at(i, '0', 'rest')} = 1.0/{u[1]}"]
            elif node.op == "sqrt":
                made += [f"{own} = math.sqrt({u[0]})", f"{self.at(i, '0', 'rest')} = 0.5/{own}"]
            elif node.op == "power":
                made += [f"{own} = math.pow({u[0]}, {node.texts[0]})",
                         f"{self.at(i, '0', 'rest')} = 1.0/{u[0]}"]
            elif node.op in ("sincos", "sinhcosh"):
                first, second = ("sin", "cos") if node.op == "sincos" else ("sinh", "cosh")
                inner = self.at(int(node.texts[0]), "0")
                made += [f"{own} = math.{first}({inner})",
                         f"{self.at(i, '0', 'other')} = math.{second}({inner})"]
            elif node.op not in ("sin", "cos", "sinh", "cosh"):
                made.append(f"{own} = math.{node.op}({u[0]})")
                if node.op in ("tan", "tanh"):
                    sign = "+" if node.op == "tan" else "-"
                    made.append(f"{self.at(i, '0', 'other')} = 1.0 {sign} {own}*{own}")
                elif node.op not in ("exp", "erf"):
                    sign = "-" if node.op == "acos" else ""
                    made += [f"{self.at(i, '0', 'rest')} = {sign}1.0/{u[1]}",
                             f"{self.at(i, '0', 'other')} = 0.0"]
        return made

    def terms(self, node: Any, u: Sequence[str]) -> str:
        return "".join(f" + {factor}*{v}" for v, factor in zip(u, node.texts, strict=False))

    def sum(self, out: str, low: str, high: str, a: str, b: str) -> None:
        """Write out = Σ a b over j from low to high − 1."""
        inside = out if self.width > 1 else "total"
        self.each([f"{inside} = 0.0"])
        self.line(f"for j in range({low}, {high}):")
        self.depth += 1
        self.each([f"{inside} = muladd({a}, {b}, {inside})"])
        self.depth -= 1
        if self.width == 1:
            self.line(f"{out} = total")

    def coefficient(self, i: int) -> None:
        """Write coefficient k of node i, 0 < k."""
        node = self.nodes[i]
        if node.op in ("state", "sin", "cos", "sinh", "cosh"):
            return
        own, u = self.at(i, "k"), [self.at(j, "k") for j in node.nodes]
        scale = f"t_[lane + {self.width}]" if self.width > 1 else "t_[1]"
        simple = {
            "time": f"{scale} if k == 1 else 0.0",
            "constant": "0.0", "slope": f"k*{u[0]}" if u else "",
            "select": f"{u[0]} if {node.texts[0]} < 0.0 else {u[-1]}"
            if node.op == "select" else "",
            "sum": f"0.0{self.terms(node, u)}"}
        if node.op in simple:
            self.each([f"{own} = {simple[node.op]}"])
            return
        rest, other = (f"{own} = {self.at(i, '0', 'rest')}*" if node.op in (
            "quotient", "sqrt", "power") or len(u) == 2 and node.op not in (
            "product", "exp", "tan", "tanh") else ""), ""
        if node.op in ("product", "square"):
            a, b = node.nodes[0], node.nodes[-1]
            self.sum(own, "0", "k + 1", self.at(a, "j"), self.at(b, "k - j"))
        elif node.op == "quotient":
            self.sum(own, "0", "k", self.at(i, "j"), self.at(node.nodes[1], "k - j"))
            self.each([f"{rest}({u[0]} - {own})"])
        elif node.op == "sqrt":
            self.sum(own, "1", "k", self.at(i, "j"), self.at(i, "k - j"))
            self.each([f"{rest}({u[0]} - {own})"])
        elif node.op == "power":
            weight = f"({node.texts[0]}*(k - j) - j)*"
            self.sum(own, "0", "k", weight + self.at(node.nodes[0], "k - j"), self.at(i, "j"))
            self.each([f"{rest}({own}/k)"])
        elif node.op in ("exp", "erf", "tan", "tanh"):
            slope = self.at(node.nodes[1], "j")
            g = {"exp": self.at(i, "k - j"), "erf": self.at(node.nodes[-1], "k - j")}.get(
                node.op, self.at(i, "k - j", "other") if "tan" in node.op else "")
            self.sum(own, "1", "k + 1", slope, g)
            factor = f"{BELL}*" if node.op == "erf" else ""
            self.each([f"{own} = {factor}{own}/k"])
            if node.op in ("tan", "tanh"):
                other = self.at(i, "k", "other")
                self.sum(other, "0", "k + 1", self.at(i, "j"), self.at(i, "k - j"))
                if node.op == "tanh":
                    self.each([f"{other} = -{other}"])
        elif node.op in ("sincos", "sinhcosh"):
            slope, other = self.at(node.nodes[0], "j"), self.at(i, "k", "other")
            self.sum(own, "1", "k + 1", slope, self.at(i, "k - j", "other"))
            self.sum(other, "1", "k + 1", slope, self.at(i, "k - j"))
            sign = "-" if node.op == "sincos" else ""
            self.each([f"{own} = {own}/k", f"{other} = {sign}{other}/k"])
        else:  # v w' = u'; the other series is k w_k
            other = self.at(i, "k", "other")
            self.sum(own, "1", "k", self.at(i, "j", "other"), self.at(node.nodes[1], "k - j"))
            sign = "+" if node.op == "acos" else "-"
            self.each([f"{rest}({u[0]} {sign} {own}/k)", f"{other} = k*{own}"])
