"""The kernel of an elementwise rule as a loop over coordinates, for losses that are kernels.

The same text that `flowopt.flows.flow.coordinates` writes out coordinate by coordinate is here
one loop for each reduction and one for the result.

The kernel of F evaluates the loss once. So does that of a step of a splitting, y⁺ = y + h F block
by block, when θ is in its last group: until then the gradient stays what it was. Such a step can be
taken in place: a coordinate is read before it is written, and no other one is read with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowopt.flows.flow import REDUCTIONS, RESERVED, Flow

#: the largest finite number
LARGEST = 1.7976931348623157e308
#: indents of the source: in the loop over the lanes, and in a loop over the coordinates in there
LANE, COORDINATE = " " * 8, " " * 12


def rule_source(flow: Flow, n: int, offset: int, width: int,
                groups: Sequence[Sequence[str]] | None = None, in_place: bool = False) -> str:
    """Return the source of the kernel of F, or with `groups` of a step of the splitting.

    `offset` is the number of the loss's parameters. A group's rules see the new values of the
    groups before it; the step h is in the array s. A step `in_place` writes y⁺ over y, and sets
    out to whether y⁺ is finite (1 or 0 for each lane).
    """
    body = _Body(flow, n, width, in_place)
    for group in groups or [["theta", *flow.states]]:
        body.group(group, step=groups is not None)
    lines = [*_head(flow, offset, width, groups is not None), *body.lines]
    if in_place:
        lines.insert(-len(body.lines), f"{LANE}good = True")
        lines.append(f"{LANE}out_[lane] = 1.0 if good else 0.0")
    return "\n".join(lines) + "\n"


def _head(flow: Flow, offset: int, width: int, step: bool) -> list[str]:
    """Return the lines before the first loop over coordinates: the loss, t, h, the parameters."""
    return ["def kernel(context, t_, y_, p_, s_, out_):",
            "    block = doubles(context[1])",
            "    call_kernel(context[2], integers(context[3]), t_, y_, p_, s_, block)",
            f"    for lane in range({width}):",
            f"{LANE}L = block[lane]",
            f"{LANE}t = t_[lane]",
            *([f"{LANE}h_ = s_[lane]"] if step else []),
            *(f"{LANE}p_{name} = p_[{offset + k} * {width} + lane]"
              for k, name in enumerate(flow.parameters))]


class _Body:
    """The loops over the coordinates of one lane, written group by group."""

    def __init__(self, flow: Flow, n: int, width: int, in_place: bool) -> None:
        import sympy

        self.flow, self.n, self.width, self.in_place = flow, n, width, in_place
        self.out = "y_" if in_place else "out_"
        self.rules = flow.abstract_rules()
        #: how the source calls a symbol
        self.names: dict[Any, str] = {sympy.Symbol(s, real=True): s for s in RESERVED}
        self.names |= {sympy.Symbol(s, real=True): f"state_{s}" for s in flow.states}
        self.names |= {s: f"p_{k}" for k, s in flow.parameter_symbols().items()}
        #: the first row of a block in y
        self.rows = {key: k * n for k, key in enumerate(["theta", *flow.states])}
        self.new: set[str] = set()  # the blocks that are updated already
        self.lines: list[str] = []
        self.reductions: dict[tuple[Any, str], Any] = {}
        self.count = 0  # of all reductions so far
        self.end = -1  # lines at the end of the last group

    def group(self, group: Sequence[str], step: bool) -> None:
        """Write the rules of a group, which are evaluated together; or y + h times them."""
        from flowopt.symbolic.source import Printer

        self.reductions.clear()  # of values that are old now
        made = {key: self.reduced(self.rules[key]) for key in group}
        if len(self.lines) != self.end:
            self.loop()
        else:  # no sum stands between: the loop of the last group goes on
            self.load()
        for key in group:
            printer = Printer(self.names)
            printer.count = 1000 * (1 + self.rows[key] // self.n)
            text = printer.print(made[key])
            if step:
                text = f"{'theta' if key == 'theta' else f'state_{key}'} + h_*{text}"
            self.inside(*printer.lines, f"new = {text}",
                        f"{self.out}[({self.rows[key]} + i) * {self.width} + lane] = new")
            if self.in_place:
                self.inside(f"good = good & (abs(new) <= {LARGEST!r})")
        self.new |= set(group)
        self.end = len(self.lines)

    def loop(self) -> None:
        """Begin a loop over the coordinates, with g, θ and the states of each."""
        self.lines.append(f"{LANE}for i in range({self.n}):")
        self.load()

    def load(self) -> None:
        """Read g, θ and the states of a coordinate."""
        self.inside(f"g = block[(1 + i) * {self.width} + lane]",
                    f"theta = y_[i * {self.width} + lane]")
        for s in self.flow.states:
            self.inside(f"state_{s} = {self.out if s in self.new else 'y_'}"
                        f"[({self.rows[s]} + i) * {self.width} + lane]")

    def inside(self, *lines: str) -> None:
        """Write lines of a loop over the coordinates."""
        self.lines += [COORDINATE + line for line in lines]

    def reduced(self, expr: Any) -> Any:
        """Return `expr` with a symbol for each of its reductions, whose loops are written."""
        import sympy

        name = getattr(expr.func, "__name__", "")
        if name not in REDUCTIONS:
            return expr.func(*[self.reduced(a) for a in expr.args]) if expr.args else expr
        a = expr.args[0]
        if name == "dot":
            return self.total(a * expr.args[1], "sum")
        if name == "norm1":
            return self.total(sympy.Abs(a), "sum")
        if name == "maxabs":
            return self.total(sympy.Abs(a), "max")
        if self.n == 1:
            return sympy.Abs(self.reduced(a)) if name == "norm" else sympy.sign(self.reduced(a))
        square = self.total(a**2, "sum")
        if name == "norm":
            return sympy.sqrt(square)
        unit = self.reduced(a) / sympy.sqrt(square)
        return sympy.Piecewise((0, sympy.Eq(square, 0)), (unit, True))

    def total(self, expr: Any, kind: str) -> Any:
        """Return the symbol of Σᵢ or maxᵢ of `expr`, writing its loop the first time."""
        import sympy

        from flowopt.symbolic.source import Printer

        expr = self.reduced(expr)
        if (expr, kind) not in self.reductions:
            symbol = sympy.Symbol(f"R[{self.count}]", nonnegative=True)
            printer = Printer(self.names)
            text = printer.print(expr)
            name = f"r{self.count}"
            self.count += 1
            self.lines.append(f"{LANE}{name} = 0.0")
            self.loop()
            self.inside(*printer.lines, f"{name} = {name} if {name} > {text} else {text}"
                        if kind == "max" else f"{name} += {text}")
            self.names[symbol] = name
            self.reductions[expr, kind] = symbol
        return self.reductions[expr, kind]
