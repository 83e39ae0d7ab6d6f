"""The kernel of an elementwise rule as a loop over coordinates, for losses that are kernels.

The same text that `flowopt.flows.flow.coordinates` writes out coordinate by coordinate is here
one loop for each reduction and one for the result.

The kernel of F evaluates the loss once. So does that of a step of a splitting, y⁺ = y + h F block
by block, when θ is in its last group: until then the gradient stays what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowopt.flows.flow import REDUCTIONS, RESERVED, Flow


def rule_source(flow: Flow, n: int, offset: int, width: int,
                groups: Sequence[Sequence[str]] | None = None) -> str:
    """Return the source of the kernel of F, or with `groups` of a step of the splitting.

    `offset` is the number of the loss's parameters. A group's rules see the new values of the
    groups before it; the step h is in the array s.
    """
    import sympy

    from flowopt.symbolic.source import Printer

    symbols = {s: sympy.Symbol(s, real=True) for s in (*RESERVED, *flow.states)}
    names: dict[Any, str] = {symbols[s]: s for s in RESERVED}
    names |= {symbols[s]: f"state_{s}" for s in flow.states}
    names |= {s: f"p_{k}" for k, s in flow.parameter_symbols().items()}
    places = {key: k * n for k, key in enumerate(["theta", *flow.states])}
    new: set[str] = set()  # the blocks that are updated already
    lines: list[str] = []
    reductions: dict[tuple[Any, str], Any] = {}
    numbers = 0

    def load(indent: str) -> list[str]:
        made = [f"g = block[(1 + i) * {width} + lane]", f"theta = y_[i * {width} + lane]"]
        made += [f"state_{s} = {'out_' if s in new else 'y_'}[({places[s]} + i) * {width} + lane]"
                 for s in flow.states]
        return [indent + line for line in made]

    def total(expr: Any, kind: str) -> Any:
        nonlocal numbers
        expr = reduced(expr)
        if (expr, kind) not in reductions:
            symbol = sympy.Symbol(f"R[{numbers}]", nonnegative=True)
            printer = Printer(names)
            text = printer.print(expr)
            name = f"r{numbers}"
            numbers += 1
            update = (f"{name} = {name} if {name} > {text} else {text}" if kind == "max"
                      else f"{name} += {text}")
            lines.extend([f"        {name} = 0.0", f"        for i in range({n}):",
                          *load("            "),
                          *("            " + line for line in [*printer.lines, update])])
            names[symbol] = name
            reductions[expr, kind] = symbol
        return reductions[expr, kind]

    def reduced(expr: Any) -> Any:
        name = getattr(expr.func, "__name__", "")
        if name not in REDUCTIONS:
            return expr.func(*[reduced(a) for a in expr.args]) if expr.args else expr
        a = expr.args[0]
        if name == "dot":
            return total(a * expr.args[1], "sum")
        if name == "norm1":
            return total(sympy.Abs(a), "sum")
        if name == "maxabs":
            return total(sympy.Abs(a), "max")
        if n == 1:
            return sympy.Abs(reduced(a)) if name == "norm" else sympy.sign(reduced(a))
        square = total(a**2, "sum")
        if name == "norm":
            return sympy.sqrt(square)
        return sympy.Piecewise((0, sympy.Eq(square, 0)), (reduced(a) / sympy.sqrt(square), True))

    rules = flow.abstract_rules()
    end = -1
    for group in groups or [list(places)]:
        reductions.clear()  # of values that are old now
        made = {key: reduced(rules[key]) for key in group}
        if len(lines) != end:  # else no sum stands between: the loop of the last group goes on
            lines += [f"        for i in range({n}):"]
        lines += load("            ")
        for key in group:
            printer = Printer(names)
            printer.count = 1000 * (1 + places[key] // n)
            text = printer.print(made[key])
            if groups is not None:
                text = f"{'theta' if key == 'theta' else f'state_{key}'} + h_*{text}"
            lines += ["            " + line for line in
                      [*printer.lines, f"out_[({places[key]} + i) * {width} + lane] = {text}"]]
        new |= set(group)
        end = len(lines)
    head = [
        "def kernel(context, t_, y_, p_, s_, out_):",
        "    block = doubles(context[1])",
        "    call_kernel(context[2], integers(context[3]), t_, y_, p_, s_, block)",
        f"    for lane in range({width}):",
        "        L = block[lane]",
        "        t = t_[lane]",
    ]
    head += ["        h_ = s_[lane]"] * (groups is not None)
    head += [f"        p_{name} = p_[{offset + k} * {width} + lane]"
             for k, name in enumerate(flow.parameters)]
    return "\n".join([*head, *lines]) + "\n"
