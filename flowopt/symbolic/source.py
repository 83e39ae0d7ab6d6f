"""From sympy expressions to the source of a kernel, through a closed table of nodes.

A node that is not in the table is an error that names it. Numbers are printed as the nearest
double; integer powers are products; Min and Max ignore a NaN on one side, as C's fmin does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

FUNCTIONS = {
    "sin": "math.sin", "cos": "math.cos", "tan": "math.tan", "asin": "math.asin",
    "acos": "math.acos", "atan": "math.atan", "sinh": "math.sinh", "cosh": "math.cosh",
    "tanh": "math.tanh", "asinh": "math.asinh", "acosh": "math.acosh", "atanh": "math.atanh",
    "exp": "math.exp", "log": "math.log", "erf": "math.erf", "Abs": "abs", "atan2": "math.atan2",
    "floor": "math.floor", "ceiling": "math.ceil",
}
RELATIONS = {"StrictLessThan": "<", "LessThan": "<=", "StrictGreaterThan": ">",
             "GreaterThan": ">=", "Equality": "==", "Unequality": "!="}
#: integer powers up to this one are written as products; beyond, pow is called
LONGEST_PRODUCT = 64


class UnknownNode(ValueError):
    """An expression holds a sympy node that has no compiled form."""


class Printer:
    """Print expressions as statements; a value that is needed twice gets a name of its own."""

    def __init__(self, names: Mapping[Any, str]) -> None:
        self.names = dict(names)
        self.settled: set[Any] = set()  # symbols of parameters
        self.lines: list[str] = []
        self.count = 0

    def named(self, text: str) -> str:
        """Return a name for the value `text`, writing its assignment."""
        if text.isidentifier():
            return text
        self.count += 1
        self.lines.append(f"q{self.count} = {text}")
        return f"q{self.count}"

    def power(self, base: str, exponent: int) -> str:
        """Return the product for ``base ** exponent``, exponent >= 1, by repeated squaring."""
        base = self.named(base)
        if exponent <= 3:
            return "(" + "*".join([base] * exponent) + ")"
        square = self.named(self.power(base, 2))
        half = self.power(square, exponent // 2)
        return f"({half}*{base})" if exponent % 2 else half

    def print(self, expr: Any) -> str:
        """Return `expr` as a Python expression over the names so far."""
        kind = type(expr).__name__
        if expr in self.names:
            return self.names[expr]
        if expr.is_Rational:
            value = expr.p / expr.q
            return f"({value!r})" if value < 0 else repr(value)
        if expr.is_Float or expr.is_NumberSymbol:
            return f"({float(expr)!r})"
        if expr.is_Add:
            return "(" + " + ".join(self.print(a) for a in expr.args) + ")"
        if expr.is_Mul:
            return self.product(expr)
        if expr.is_Pow:
            return self.pow(expr)
        if kind == "Select":
            regime, below, above = (self.print(a) for a in expr.args)
            return f"({self.named(below)} if {regime} < 0.0 else {self.named(above)})"
        if kind == "Even":
            return f"abs({self.print(expr.args[1])})"
        if kind in ("Min", "Max"):
            return self.extremum(expr, "<" if kind == "Min" else ">")
        if kind == "sign":
            q = self.named(self.print(expr.args[0]))
            return f"(math.copysign(1.0, {q}) if abs({q}) > 0.0 else {q})"
        if kind == "Heaviside":
            q = self.named(self.print(expr.args[0]))
            return f"(1.0 if {q} > 0.0 else (0.0 if {q} < 0.0 else 0.5 + {q}*0.0))"
        if kind == "Piecewise":
            return self.piecewise(expr)
        if kind in RELATIONS:
            left, right = (self.print(a) for a in expr.args)
            return f"({left} {RELATIONS[kind]} {right})"
        if kind in ("And", "Or"):
            return "(" + f" {kind.lower()} ".join(self.print(a) for a in expr.args) + ")"
        if kind == "Not":
            return f"(not {self.print(expr.args[0])})"
        if kind == "ITE":
            test, then, otherwise = (self.print(a) for a in expr.args)
            return f"({then} if {test} else {otherwise})"
        if kind in ("BooleanTrue", "BooleanFalse"):
            return kind.removeprefix("Boolean")
        if kind == "exp":  # sympy prints E**x as exp(x)
            return f"math.exp({self.print(expr.args[0])})"
        if kind in FUNCTIONS:
            return f"{FUNCTIONS[kind]}({', '.join(self.print(a) for a in expr.args)})"
        if expr.is_Symbol:
            raise UnknownNode(f"the expression holds the symbol {expr}, which is neither a "
                              "variable nor a parameter; declare it as one of them")
        if expr.has(*_infinities()):
            raise UnknownNode(f"the expression holds {expr}, which is not a finite number")
        raise UnknownNode(f"the expression holds {kind} ({str(expr)[:60]}), which has no compiled "
                          f"form; write it with + - * / **, Min, Max, Piecewise, sign or one of "
                          f"{', '.join(sorted(FUNCTIONS))}")

    def product(self, expr: Any) -> str:
        """Return a product; factors with negative exponents go below one division."""
        above, below, sign = [], [], ""
        for factor in expr.args:
            if factor == -1:
                sign = "-"
                continue
            if factor.is_Pow and factor.exp.is_number and factor.exp.is_negative:
                below.append(self.print(factor.base ** -factor.exp))
            elif factor.is_Rational and factor.p == 1 and factor.q < 2**53:
                below.append(repr(float(factor.q)))  # x/3 is rounded once, x*(1/3) twice
            else:
                above.append(self.print(factor))
        top = "*".join(above) or "1.0"
        text = f"({top}/({'*'.join(below)}))" if below else f"({top})"
        return f"({sign}{text})" if sign else text

    def pow(self, expr: Any) -> str:
        """Return a power: a product, a square root, exp, or pow."""
        base, exponent = expr.args
        if base.is_NumberSymbol and str(base) == "E":
            return f"math.exp({self.print(exponent)})"
        if exponent.is_Rational and exponent < 0:
            return f"(1.0/{self.print(base ** -exponent)})"
        if exponent.is_Integer and exponent <= LONGEST_PRODUCT:
            return self.power(self.print(base), int(exponent))
        if exponent.is_Rational and exponent.q == 2 and exponent.p <= LONGEST_PRODUCT:
            root = f"math.sqrt({self.named(self.print(base))})"
            whole = exponent.p // 2
            return root if not whole else f"({self.power(self.print(base), whole)}*{root})"
        return f"math.pow({self.print(base)}, {self.print(exponent)})"

    def extremum(self, expr: Any, relation: str) -> str:
        """Return Min or Max, ignoring a NaN on one side.

        A parameter or a number is none, so one comparison is enough for a pair with one.
        """
        settled = [a for a in expr.args if a.is_number or a in self.settled]
        best, *others = [self.named(self.print(a)) for a in sorted(
            expr.args, key=lambda a: a not in settled)]
        for b in others:
            if settled and b is others[0]:
                best = self.named(f"({b} if {b} {relation}= {best} else {best})")
                continue
            best = self.named(f"({best} if ({best} {relation} {b}) or ({b} != {b}) else {b})")
        return best

    def piecewise(self, expr: Any) -> str:
        """Return a Piecewise: the first piece whose condition holds, NaN if none does."""
        pieces = [(self.named(self.print(value)), condition) for value, condition in expr.args]
        text = "math.nan"
        for value, condition in reversed(pieces):
            certain = condition is True or str(condition) == "True"
            text = value if certain else f"({value} if {self.print(condition)} else {text})"
        return text


def _infinities() -> tuple[Any, ...]:
    import sympy

    return sympy.oo, -sympy.oo, sympy.zoo, sympy.nan


def ordered_steps(outputs: Sequence[Any], definitions: Mapping[Any, Any]
                  ) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Return assignments in an order in which each stands after what it needs, and the outputs.

    Only the definitions that the outputs need are kept; sub-expressions that several of them
    share are named once.
    """
    import sympy

    needed: dict[Any, Any] = {}
    # sorted: the order of a set differs from process to process, and with it the rounding
    queue = [s for expr in outputs for s in sorted(expr.free_symbols, key=str)]
    while queue:
        symbol = queue.pop()
        if symbol in definitions and symbol not in needed:
            needed[symbol] = definitions[symbol]
            queue.extend(sorted(needed[symbol].free_symbols, key=str))
    shared, reduced = sympy.cse([*needed.values(), *outputs],
                                symbols=sympy.numbered_symbols("c_"), order="none")
    meaning = dict(shared) | dict(zip(needed, reduced[:len(needed)], strict=True))
    done: set[Any] = set()
    steps: list[tuple[Any, Any]] = []

    def place(symbol: Any) -> None:
        stack = [(symbol, False)]
        while stack:
            top, ready = stack.pop()
            if ready:
                if top not in done:
                    done.add(top)
                    steps.append((top, meaning[top]))
                continue
            if top in done:
                continue
            stack.append((top, True))
            stack.extend((s, False) for s in sorted(meaning[top].free_symbols, key=str)
                         if s in meaning and s not in done)

    final = reduced[len(needed):]
    for expr in final:
        for symbol in sorted(expr.free_symbols, key=str):
            if symbol in meaning:
                place(symbol)
    return steps, list(final)


def kernel_source(outputs: Sequence[Any], slots: Mapping[Any, tuple[str, int]],
                  definitions: Mapping[Any, Any], width: int, name: str = "kernel") -> str:
    """Return the source of a kernel that writes `outputs` for a block of `width` lanes.

    Parameters
    ----------
    outputs : sequence of sympy.Expr
        Row k of the result is ``outputs[k]``.
    slots : mapping
        For each input symbol the array that holds it ('t', 'y', 'p', 's') and its row there.
    definitions : mapping
        Symbols that stand for expressions (the loss, its gradient, reductions).
    width : int
        The number of lanes; it is a constant of the compiled code.
    """
    steps, final = ordered_steps(outputs, definitions)
    used = set().union(*(e.free_symbols for _, e in steps), *(e.free_symbols for e in final))
    printer = Printer({})
    for number, (symbol, (array, row)) in enumerate(slots.items()):
        if symbol in used:
            printer.names[symbol] = f"a{number}"
            if array == "p":
                printer.settled.add(symbol)
            at = f"{row * width} + lane" if width > 1 else f"{row}"
            printer.lines.append(f"a{number} = {array}_[{at}]")
    for number, (symbol, expr) in enumerate(steps):
        text = printer.print(expr)
        printer.names[symbol] = f"d{number}"
        printer.lines.append(f"d{number} = {text}")
    for row, expr in enumerate(final):
        at = f"{row * width} + lane" if width > 1 else f"{row}"
        text = printer.print(expr)
        printer.lines.append(f"out_[{at}] = {text}")
    indent = "        " if width > 1 else "    "
    head = f"def {name}(context, t_, y_, p_, s_, out_):\n"
    loop = f"    for lane in range({width}):\n" if width > 1 else ""
    return head + loop + "".join(f"{indent}{line}\n" for line in printer.lines or ["pass"])


def compile_kernel(source: str, name: str = "kernel", extra: Mapping[str, Any] | None = None,
                   allocate: bool = False) -> Any:
    """Return the machine code of a kernel's source (written by us, never by a user).

    A kernel that calls a user's compiled function, which `extra` holds, is compiled by numba.
    """
    if extra is None:
        from flowopt._compiler import compiled_kernel

        return compiled_kernel(source, name, vectorise="for lane in" in source)
    import math

    import numba

    from flowopt import _pointers
    from flowopt._native import options

    namespace: dict[str, Any] = {"math": math, **extra}
    exec(compile(source, f"<flowopt {name}>", "exec"), namespace)
    flags = options()
    if allocate:
        flags.pop("_nrt")
    return numba.njit(_pointers.KERNEL, **flags)(namespace[name])


def euler_map(source: str) -> str:
    """Turn the source of a kernel of F into that of the map y + h F, with h in the array s.

    The value of F is computed by the same statements, so the map is equal to F's kernel followed
    by an update, to the last bit; it saves a pass over the block.
    """
    return re.sub(r"^( +)out_\[(.*)\] = (.*)$", lambda m: f"{m[1]}out_[{m[2]}] = y_[{m[2]}] + "
                  f"s_[{'lane' if 'lane' in m[2] else '0'}]*{m[3]}", source, flags=re.MULTILINE)
