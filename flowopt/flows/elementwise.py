"""The kernel of an elementwise rule as a loop over coordinates, for losses that are kernels.

The same text that `flowopt.flows.flow.coordinates` writes out coordinate by coordinate is here
one loop for each reduction and one for the result.
"""

from __future__ import annotations

from typing import Any

from flowopt.flows.flow import REDUCTIONS, RESERVED, Flow


def rule_source(flow: Flow, n: int, offset: int, width: int) -> str:
    """Return the source of the kernel; `offset` is the number of the loss's parameters."""
    import sympy

    from flowopt.symbolic.source import Printer

    symbols = {s: sympy.Symbol(s, real=True) for s in (*RESERVED, *flow.states)}
    names: dict[Any, str] = {symbols[s]: s for s in RESERVED}
    names |= {symbols[s]: f"state_{s}" for s in flow.states}
    names |= {s: f"p_{k}" for k, s in flow.parameter_symbols().items()}
    loops: list[str] = []
    reductions: dict[tuple[Any, str], Any] = {}

    def load(indent: str) -> list[str]:
        lines = [f"g = block[(1 + i) * {width} + lane]", f"theta = y_[i * {width} + lane]"]
        lines += [f"state_{s} = y_[({(k + 1) * n} + i) * {width} + lane]"
                  for k, s in enumerate(flow.states)]
        return [indent + line for line in lines]

    def total(expr: Any, kind: str) -> Any:
        expr = reduced(expr)
        if (expr, kind) not in reductions:
            symbol = sympy.Symbol(f"R[{len(reductions)}]", nonnegative=True)
            printer = Printer(names)
            text = printer.print(expr)
            name = f"r{len(reductions)}"
            update = (f"{name} = {name} if {name} > {text} else {text}" if kind == "max"
                      else f"{name} += {text}")
            loops.extend([f"        {name} = 0.0", f"        for i in range({n}):",
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

    rules = {key: reduced(rule) for key, rule in flow.abstract_rules().items()}
    body = load("            ")
    for k, key in enumerate(["theta", *flow.states]):
        printer = Printer(names)
        printer.count = 1000 * k
        text = printer.print(rules[key])
        body += ["            " + line for line in
                 [*printer.lines, f"out_[({k * n} + i) * {width} + lane] = {text}"]]
    head = [
        "def kernel(context, t_, y_, p_, s_, out_):",
        "    block = as_doubles(context[1])",
        "    call_kernel(context[2], as_integers(context[3]), t_, y_, p_, s_, block)",
        f"    for lane in range({width}):",
        "        L = block[lane]",
        "        t = t_[lane]",
    ]
    head += [f"        p_{name} = p_[{offset + k} * {width} + lane]"
             for k, name in enumerate(flow.parameters)]
    return "\n".join([*head, *loops, f"        for i in range({n}):", *body]) + "\n"
