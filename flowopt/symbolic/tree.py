"""Whether every node of Python's tree is allowed, and the steps of the formula in order.

The tree is walked against a whitelist and written in postfix order (operands before their
operator), without recursion; `bounds` is asked about each step on the way.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Collection, Mapping

from flowopt.symbolic.bounds import Bound, bound_of, exact_number
from flowopt.symbolic.language import (
    CONSTANTS,
    FUNCTIONS,
    MAX_CHARACTERS,
    MAX_DEPTH,
    Step,
    fail,
    quote,
)

_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_SPELLING = {
    "ln": "log", "log10": "log(x)/log(10)", "log2": "log(x)/log(2)", "pow": "x**y",
    "arctan2": "atan2", "where": "Piecewise", "step": "Heaviside",
}  # fmt: skip


def check(
    body: ast.expr, source: str, what: str, functions: Collection[str]
) -> tuple[list[Step], set[str], set[str]]:
    """The steps of a tree, its names and the functions it calls.

    The walk is not recursive: a node is first expanded, then its step is emitted.
    """
    encoded = source.encode()  # the offsets of ast count bytes
    steps: list[Step] = []
    bounds: list[Bound] = []
    names: set[str] = set()
    calls: set[str] = set()
    todo: list[tuple[ast.expr, int, Step | None]] = [(body, 1, None)]
    while todo:
        node, depth, step = todo.pop()
        piece = encoded[node.col_offset : node.end_col_offset].decode().replace(" ", "")
        if step is None:
            if depth > MAX_DEPTH:
                fail(what, f"is nested more than {MAX_DEPTH} levels deep", "use fewer levels")
            step, children = _expand(node, piece, what, functions)
            todo.append((node, depth, step))
            todo += [(child, depth + 1, ready) for child, ready in reversed(children)]
            continue
        cut = len(bounds) - step.arity
        bounds[cut:] = [bound_of(step, bounds[cut:], piece, what)]
        steps.append(step)
        if step.op == "name":
            names.add(step.value)
        elif step.op in ("call", "Piecewise"):
            calls.add(step.value)
    return steps, names, calls


_Child = tuple[ast.expr, Step | None]  #: a node, and its step when it needs no expansion


def _expand(
    node: ast.expr, piece: str, what: str, functions: Collection[str]
) -> tuple[Step, list[_Child]]:
    """The step of a node and the nodes (or ready steps) that must come before it."""
    children: list[_Child] = []
    match node:
        case ast.Constant(value=bool() | None):
            fail(what, f"uses {piece} as a number", "True may only end a Piecewise")
        case ast.Constant():
            return Step("number", exact_number(piece, what), 0), []
        case ast.Name(id=name):
            if name in FUNCTIONS or name in functions or name == "Piecewise":
                fail(what, f"uses the function {name!r} as a name", f"write {name}(...)")
            return Step("constant" if name in CONSTANTS else "name", name, 0), []
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Step("neg", None, 1), [(operand, None)]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return Step("+", None, 1), [(operand, None)]
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            return Step("**", None, 2), [(left, None), (right, None)]
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return _chain(node, "+", (ast.Add, ast.Sub), "neg")
        case ast.BinOp(op=ast.Mult() | ast.Div()):
            return _chain(node, "*", (ast.Mult, ast.Div), "inv")
        case ast.Call(func=ast.Name(id="Piecewise"), args=args, keywords=[]):
            for number, pair in enumerate(args, 1):
                if not (isinstance(pair, ast.Tuple) and len(pair.elts) == 2):
                    fail(what, "has a Piecewise part that is no pair", "write (value, condition)")
                children.append((pair.elts[0], None))
                children.extend(_condition(pair.elts[1], number == len(args), what))
            if not args:
                fail(what, "has an empty Piecewise", "write (value, condition) pairs in it")
            return Step("Piecewise", "Piecewise", 2 * len(args)), children
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            args = _merge_nested(name, args)
            _check_call(name, len(args), what, functions)
            return Step("call", name, len(args)), [(a, None) for a in args]
        case ast.Compare():
            fail(what, f"compares in {quote(piece)}", "comparisons stand in Piecewise only")
        case ast.Tuple():
            trouble = f"has a comma in {quote(piece)}" if node.elts else "has empty brackets"
            fail(what, trouble, "commas only separate the arguments of a function")
    fail(what, f"has {quote(piece)}, which is not allowed", "use + - * / ** and known functions")


def _chain(
    node: ast.expr, op: str, kinds: tuple[type, type], other: str
) -> tuple[Step, list[_Child]]:
    """Left-deep ``a + b - c`` as one step with three operands, of which c is negated first."""
    operands: list[tuple[ast.expr, bool]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        operands.append((node.right, isinstance(node.op, kinds[1])))
        node = node.left
    operands.append((node, False))
    children: list[_Child] = []
    for operand, inverted in reversed(operands):
        children.append((operand, None))
        if inverted:
            children.append((operand, Step(other, None, 1)))
    return Step(op, None, len(operands)), children


def _merge_nested(name: str, args: list[ast.expr]) -> list[ast.expr]:
    """Max(a, Max(b, c)) -> a, b, c: sympy compares all pairs again at each level."""
    lattice = FUNCTIONS[name][2] if name in ("Min", "min", "Max", "max") else None
    merged: list[ast.expr] = []
    todo = args[::-1]
    while todo:
        match todo.pop():
            case ast.Call(func=ast.Name(id=inner), args=[_, _, *_] as more) if (
                inner in FUNCTIONS and FUNCTIONS[inner][2] is lattice
            ):
                todo += more[::-1]
            case arg:
                merged.append(arg)
    return merged


def _condition(node: ast.expr, last: bool, what: str) -> list[_Child]:
    true = isinstance(node, ast.Constant) and node.value is True
    if last != true:
        hint = "write Piecewise((value, condition), ..., (value, True))"
        fail(what, "has a Piecewise whose last condition alone must be True", hint)
    if true:
        return [(node, Step("true", None, 0))]
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE):
        hint = "write one comparison with < <= > or >="
        fail(what, "has a Piecewise condition that is not a plain comparison", hint)
    if any(isinstance(n, ast.Name) and n.id == "Piecewise" for n in ast.walk(node)):
        # sympy would factor polynomials to unfold it, and may not come back
        fail(what, "has a Piecewise inside a condition", "compare plain formulas")
    sign = _COMPARE[type(node.ops[0])]
    return [(node.left, None), (node.comparators[0], None), (node, Step(sign, None, 2))]


def _check_call(name: str, count: int, what: str, functions: Collection[str]) -> None:
    if name in functions:
        wanted = functions[name] if isinstance(functions, Mapping) else None
        fewest, most = (1, MAX_CHARACTERS) if wanted is None else (wanted, wanted)
    elif name in FUNCTIONS:
        fewest, most, _ = FUNCTIONS[name]
    else:
        near = _SPELLING.get(name) or ", ".join(
            difflib.get_close_matches(name[:40], [*FUNCTIONS, *functions, "Piecewise"], 3)
        )
        hint = f"try {near}" if near else "write '*' for a product, or build it from known ones"
        fail(what, f"calls the unknown function {quote(name)}", hint)
    if not fewest <= count <= most:
        wants = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        fail(what, f"gives {name} {count} argument(s)", f"it takes {wants}")
