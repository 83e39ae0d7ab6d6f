"""From the syntax tree of a function to LLVM's code; the language is told in flowopt._compiler."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from llvmlite import ir

from flowopt import _language
from flowopt._language import NotInLanguage

WORD = ir.IntType(64)
SLOT = ir.IntType(8).as_pointer()
KINDS: dict[str, Any] = {
    "Int": WORD, "Real": ir.DoubleType(), "Truth": ir.IntType(1), "None": ir.VoidType(),
    "Ints": WORD.as_pointer(), "Reals": ir.DoubleType().as_pointer(),
    "Eight": ir.VectorType(ir.DoubleType(), 8)}
ENTRY = {"Ints": "Int", "Reals": "Real"}


@dataclass(frozen=True)
class Value:
    """A value of one of the `KINDS`; `known` is its number when it is a constant."""

    kind: str
    code: Any
    known: Any = None


@dataclass(frozen=True)
class Lowered:
    """A function in LLVM's code, the kinds of its arguments and of its result."""

    code: Any
    kinds: list[str]
    result: str


def constant(number: Any) -> Value:
    """Return a number as a value."""
    kind = {bool: "Truth", int: "Int", float: "Real"}[type(number)]
    return Value(kind, KINDS[kind](number), number)


def _refusal(node: ast.AST) -> NotInLanguage:
    return NotInLanguage(f"line {getattr(node, 'lineno', '?')}: `{ast.unparse(node)[:80]}` is not "
                         "in the language of flowopt._compiler")


class Body:
    """One function on its way into LLVM's code."""

    def __init__(self, program: Any, names: Mapping[str, Any], node: ast.FunctionDef,
                 made: Lowered) -> None:
        self.program, self.names, self.code, self.result = program, names, made.code, made.result
        self.builder = ir.IRBuilder(self.code.append_basic_block("entry"))
        self.variables: dict[str, Value] = {}  # places on the stack; LLVM makes them registers
        self.loops: list[tuple[Any, Any]] = []  # where `continue` and `break` go
        for argument, kind, given in zip(node.args.args, made.kinds, self.code.args, strict=True):
            self.assign(argument.arg, Value(kind, given))
        self.block(node.body)
        if not self.builder.block.is_terminated:
            if self.result == "None":
                self.builder.ret_void()
            else:
                self.builder.unreachable()

    def new_blocks(self, *names: str) -> list[Any]:
        return [self.code.append_basic_block(name) for name in names]

    # ------------------------------------------------------------------------ statements
    def block(self, nodes: list[ast.stmt]) -> None:
        """Lower statements one after another; what stands behind a jump is dropped."""
        for node in nodes:
            if self.builder.block.is_terminated:
                return
            lower = getattr(self, f"do_{type(node).__name__}", None)
            if lower is None:
                raise _refusal(node)
            lower(node)

    def stack(self, kind: Any, name: str = "") -> Any:
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind, name=name)

    def assign(self, name: str, value: Value) -> None:
        place = self.variables.get(name)
        if place is None:
            place = Value(value.kind, self.stack(KINDS[value.kind], name))
            self.variables[name] = place
        self.builder.store(self.converted(value, place.kind).code, place.code)

    def store(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.assign(target.id, value)
        elif isinstance(target, ast.Subscript):
            place = self.place(target)
            self.builder.store(self.converted(value, place.kind).code, place.code)
        else:
            raise _refusal(target)

    def do_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            values = [self.value(v) for v in node.value.elts]
            for one, value in zip(node.targets[0].elts, values, strict=True):
                self.store(one, value)
            return
        value = self.value(node.value)
        for target in node.targets:
            self.store(target, value)

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        before = self.value(node.target)
        self.store(node.target, self.operate(node, node.op, before, self.value(node.value)))

    def do_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring has no code
            self.value(node.value)

    def do_Pass(self, node: ast.Pass) -> None:
        pass

    def do_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.builder.ret_void()
        else:
            self.builder.ret(self.converted(self.value(node.value), self.result).code)

    def do_Break(self, node: ast.Break) -> None:
        self.builder.branch(self.loops[-1][1])

    def do_Continue(self, node: ast.Continue) -> None:
        self.builder.branch(self.loops[-1][0])

    def do_If(self, node: ast.If) -> None:
        condition = self.truth(node.test)
        if condition.known is not None:  # the other branch is not compiled
            self.block(node.body if condition.known else node.orelse)
            return
        then, other, after = self.new_blocks("then", "else", "after")
        self.builder.cbranch(condition.code, then, other)
        for place, nodes in ((then, node.body), (other, node.orelse)):
            self.builder.position_at_end(place)
            self.block(nodes)
            if not self.builder.block.is_terminated:
                self.builder.branch(after)
        self.builder.position_at_end(after)

    def do_While(self, node: ast.While) -> None:
        test, body, after = self.new_blocks("test", "body", "after")
        self.builder.branch(test)
        self.builder.position_at_end(test)
        self.builder.cbranch(self.truth(node.test).code, body, after)
        self.builder.position_at_end(body)
        self.loop(node.body, test, after)

    def do_For(self, node: ast.For) -> None:
        call = node.iter
        if not isinstance(call, ast.Call) or self.meaning(call.func) is not range:
            raise _refusal(node)
        values = [self.value(a) for a in call.args]
        first, last = values[:2] if len(values) > 1 else (constant(0), values[0])
        step = values[2] if len(values) == 3 else constant(1)
        counter = self.stack(WORD)
        test, body, move, after = self.new_blocks("test", "body", "move", "after")
        self.builder.store(first.code, counter)
        self.builder.branch(test)
        self.builder.position_at_end(test)
        now = self.builder.load(counter, typ=WORD)
        self.builder.cbranch(self.builder.icmp_signed("<" if step.known > 0 else ">", now,
                                                      last.code), body, after)
        self.builder.position_at_end(move)
        further = self.builder.add(self.builder.load(counter, typ=WORD), step.code, flags=["nsw"])
        self.builder.store(further, counter)
        self.builder.branch(test)
        self.builder.position_at_end(body)
        self.store(node.target, Value("Int", now))
        self.loop(node.body, move, after)

    def loop(self, nodes: list[ast.stmt], again: Any, after: Any) -> None:
        """Lower the body of a loop, and go on behind the loop."""
        self.loops.append((again, after))
        self.block(nodes)
        self.loops.pop()
        if not self.builder.block.is_terminated:
            self.builder.branch(again)
        self.builder.position_at_end(after)

    # ----------------------------------------------------------------------- expressions
    def value(self, node: ast.expr) -> Value:
        """Lower an expression."""
        lower = getattr(self, f"of_{type(node).__name__}", None)
        if lower is None:
            raise _refusal(node)
        made: Value = lower(node)
        return made

    def truth(self, node: ast.expr) -> Value:
        """Lower a condition: an integer is true when it is not 0."""
        value = self.value(node)
        return self.compare("!=", value, constant(0)) if value.kind == "Int" else value

    def converted(self, value: Value, kind: str) -> Value:
        """Return the value as another kind; only an integer can become a real."""
        if value.kind == kind:
            return value
        if value.kind == "Int" and kind == "Real":
            if value.known is not None:
                return constant(float(value.known))
            return Value(kind, self.builder.sitofp(value.code, KINDS[kind]))
        raise NotInLanguage(f"{self.code.name}: a value of type {value.kind} stands where {kind} "
                            "was expected")

    def alike(self, a: Value, b: Value) -> tuple[Value, Value]:
        """Return both as reals if one of them is."""
        kind = "Real" if "Real" in (a.kind, b.kind) else a.kind
        return self.converted(a, kind), self.converted(b, kind)

    def meaning(self, node: ast.expr) -> Any:
        """Return the Python object behind a name or an attribute such as math.sqrt."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, BUILTINS.get(node.id))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return getattr(self.names.get(node.value.id), node.attr, None)
        return None

    def of_Constant(self, node: ast.Constant) -> Value:
        if type(node.value) not in (bool, int, float):
            raise _refusal(node)
        return constant(node.value)

    def of_Name(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name) and node.id in self.variables:
            place = self.variables[node.id]
            return Value(place.kind, self.builder.load(place.code, typ=KINDS[place.kind]))
        number = self.meaning(node)
        if not isinstance(number, bool | int | float):
            raise _refusal(node)
        return constant(number)

    of_Attribute = of_Name

    def at(self, array: Value, index: Value) -> Value:
        """Return the address of an entry."""
        kind = ENTRY[array.kind]
        return Value(array.kind, self.builder.gep(array.code, [index.code], inbounds=True,
                                                  source_etype=KINDS[kind]))

    def place(self, node: ast.Subscript) -> Value:
        array = self.value(node.value)
        if array.kind not in ENTRY:
            raise _refusal(node)
        return Value(ENTRY[array.kind], self.at(array, self.value(node.slice)).code)

    def of_Subscript(self, node: ast.Subscript) -> Value:
        place = self.place(node)
        return Value(place.kind, self.builder.load(place.code, typ=KINDS[place.kind]))

    def of_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            condition = self.truth(node.operand)
            if condition.known is not None:
                return constant(not condition.known)
            return Value("Truth", self.builder.not_(condition.code))
        value = self.value(node.operand)
        if not isinstance(node.op, ast.USub):
            raise _refusal(node)
        if value.known is not None:
            return constant(-value.known)
        negate = self.builder.fneg if value.kind == "Real" else self.builder.neg
        return Value(value.kind, negate(value.code))

    def of_BinOp(self, node: ast.BinOp) -> Value:
        spine: list[ast.BinOp] = []  # a long sum is a deep tree on its left
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            spine.append(first)
            first = first.left
        value = self.value(first)
        for one in reversed(spine):
            value = self.operate(one, one.op, value, self.value(one.right))
        return value

    def operate(self, node: ast.AST, op: ast.operator, a: Value, b: Value) -> Value:
        if isinstance(op, ast.Div):
            a, b = self.converted(a, "Real"), self.converted(b, "Real")
        a, b = self.alike(a, b)
        name = OPERATIONS.get((type(op), a.kind))
        if name is None:
            raise _refusal(node)
        return Value(a.kind, getattr(self.builder, name)(a.code, b.code))

    def of_Compare(self, node: ast.Compare) -> Value:
        if len(node.ops) != 1 or type(node.ops[0]) not in RELATIONS:
            raise _refusal(node)
        return self.compare(RELATIONS[type(node.ops[0])], self.value(node.left),
                            self.value(node.comparators[0]))

    def compare(self, sign: str, a: Value, b: Value) -> Value:
        if a.known is not None and b.known is not None:
            return constant(FOLDED[sign](a.known, b.known))
        a, b = self.alike(a, b)
        if a.kind == "Int":
            return Value("Truth", self.builder.icmp_signed(sign, a.code, b.code))
        # a NaN is different from everything, and in no other relation
        by = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        return Value("Truth", by(sign, a.code, b.code))

    def of_BoolOp(self, node: ast.BoolOp) -> Value:
        stops = isinstance(node.op, ast.Or)  # the value at which the rest is not looked at
        (after,) = self.new_blocks("decided")
        incoming = []
        for operand in node.values[:-1]:
            condition = self.truth(operand)
            incoming.append((constant(stops).code, self.builder.block))
            (further,) = self.new_blocks("further")
            self.builder.cbranch(condition.code, *((after, further) if stops else (further, after)))
            self.builder.position_at_end(further)
        incoming.append((self.truth(node.values[-1]).code, self.builder.block))
        self.builder.branch(after)
        self.builder.position_at_end(after)
        found = self.builder.phi(KINDS["Truth"])
        for code, block in incoming:
            found.add_incoming(code, block)
        return Value("Truth", found)

    def of_IfExp(self, node: ast.IfExp) -> Value:
        condition = self.truth(node.test)
        a, b = self.alike(self.value(node.body), self.value(node.orelse))
        return Value(a.kind, self.builder.select(condition.code, a.code, b.code))

    def of_Call(self, node: ast.Call) -> Value:
        called, values = self.meaning(node.func), [self.value(a) for a in node.args]
        if not callable(called):
            raise _refusal(node)
        primitive = PRIMITIVES.get(called)
        if primitive is not None:
            return primitive(self, *values)
        if not isinstance(called, FunctionType):
            raise _refusal(node)
        made = self.program.function(called)
        given = [self.converted(v, k).code for v, k in zip(values, made.kinds, strict=True)]
        return Value(made.result, self.builder.call(made.code, given))

    # ------------------------------------------------------------------------ primitives
    def intrinsic(self, name: str, *values: Value) -> Value:
        """Call LLVM's function `name` of doubles."""
        real = KINDS["Real"]
        function = self.program.module.declare_intrinsic(
            f"llvm.{name}", [real], ir.FunctionType(real, [real] * len(values)))
        return Value("Real", self.builder.call(
            function, [self.converted(v, "Real").code for v in values]))

    def product_sum(self, *values: Value) -> Value:
        """Return a·b + c of numbers, or of eights."""
        if all(v.kind != "Eight" for v in values):
            return self.intrinsic("fmuladd", *values)
        kind = KINDS["Eight"]
        name = "llvm.fmuladd.v8f64"
        function = self.program.module.globals.get(name) or ir.Function(
            self.program.module, ir.FunctionType(kind, [kind] * 3), name)
        return Value("Eight", self.builder.call(function, [self.alike_eight(v).code
                                                           for v in values]))

    def alike_eight(self, value: Value) -> Value:
        """Return eight times a number; eights as they are."""
        if value.kind == "Eight":
            return value
        kind = KINDS["Eight"]
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined),
                                          self.converted(value, "Real").code, WORD(0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8)
        return Value("Eight", self.builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined),
                                                          order))

    def eight_at(self, array: Value, index: Value) -> Any:
        return self.builder.bitcast(self.at(array, index).code, KINDS["Eight"].as_pointer())

    def eight(self, array: Value, index: Value) -> Value:
        return Value("Eight", self.builder.load(self.eight_at(array, index), align=8,
                                                typ=KINDS["Eight"]))

    def put_eight(self, array: Value, index: Value, value: Value) -> Value:
        place = self.eight_at(array, index)
        return Value("None", self.builder.store(self.alike_eight(value).code, place, align=8))

    def sum_eight(self, value: Value) -> Value:
        parts = [self.builder.extract_element(value.code, WORD(i)) for i in range(8)]
        while len(parts) > 1:
            parts = [self.builder.fadd(a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return Value("Real", parts[0])

    def library(self, name: str, *values: Value) -> Value:
        """Call a function of doubles of the C library."""
        real = KINDS["Real"]
        function = self.program.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(real, [real] * len(values))
            function = ir.Function(self.program.module, kind, name)
            function.attributes.add("nounwind")
            function.attributes.add("readnone")
        return Value("Real", self.builder.call(
            function, [self.converted(v, "Real").code for v in values]))

    def extremum(self, sign: str, a: Value, b: Value) -> Value:
        """Python's min and max: the second value only if it compares smaller (larger)."""
        a, b = self.alike(a, b)
        better = self.compare(sign, b, a)
        return Value(a.kind, self.builder.select(better.code, b.code, a.code))

    def kernel(self, address: Value, *arguments: Value) -> Value:
        """Call ``int32 f(result, error, arguments...)`` at an address."""
        if "kernel result" not in self.variables:
            slots = self.stack(ir.ArrayType(SLOT, 2))
            self.variables["kernel result"] = Value("Ints", slots)
        slots = self.builder.bitcast(self.variables["kernel result"].code, SLOT.as_pointer())
        error = self.builder.gep(slots, [WORD(1)], source_etype=SLOT)
        types = [SLOT.as_pointer(), SLOT.as_pointer(), *(KINDS[a.kind] for a in arguments)]
        kind = ir.FunctionType(ir.IntType(32), types)
        kernel = self.builder.inttoptr(address.code, kind.as_pointer())
        return Value("None", self.builder.call(kernel, [slots, error,
                                                        *(a.code for a in arguments)]))

    def truncated(self, value: Value) -> Value:
        """Python's int(value), for a value that 64 bits can hold."""
        if value.kind == "Int":
            return value
        return Value("Int", self.builder.fptosi(value.code, KINDS["Int"]))

    def subroutine(self, address: Value, *arguments: Value) -> Value:
        """Call ``void f(arguments...)`` at an address."""
        kind = ir.FunctionType(ir.VoidType(), [KINDS[a.kind] for a in arguments])
        code = self.builder.inttoptr(address.code, kind.as_pointer())
        return Value("None", self.builder.call(code, [a.code for a in arguments]))

    def cast(self, kind: str, address: Value) -> Value:
        return Value(kind, self.builder.inttoptr(address.code, KINDS[kind]))

    def reread(self, kind: str, value: Value) -> Value:
        """Return the value whose 64 bits are the same, as another kind."""
        before = self.converted(value, "Int" if kind == "Real" else "Real")
        return Value(kind, self.builder.bitcast(before.code, KINDS[kind]))


BUILTINS = {"abs": abs, "min": min, "max": max, "float": float, "int": int, "range": range}
OPERATIONS: dict[tuple[Any, str], str] = {
    (ast.Add, "Int"): "add", (ast.Sub, "Int"): "sub", (ast.Mult, "Int"): "mul",
    (ast.Add, "Real"): "fadd", (ast.Sub, "Real"): "fsub", (ast.Mult, "Real"): "fmul",
    (ast.Div, "Real"): "fdiv", (ast.BitAnd, "Int"): "and_", (ast.BitOr, "Int"): "or_",
    (ast.BitXor, "Int"): "xor", (ast.LShift, "Int"): "shl", (ast.RShift, "Int"): "ashr",
    (ast.BitAnd, "Truth"): "and_", (ast.BitOr, "Truth"): "or_"}
RELATIONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==",
             ast.NotEq: "!="}
FOLDED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne}
#: functions of math: those that LLVM knows, and those of the C library
KNOWN = "sqrt exp log sin cos pow floor ceil copysign".split()
LIBRARY = "tan asin acos atan sinh cosh tanh asinh acosh atanh erf atan2".split()


def _calls(method: Callable[..., Value], name: str) -> Callable[..., Value]:
    return lambda body, *values: method(body, name, *values)


PRIMITIVES: dict[Any, Callable[..., Value]] = {
    **{getattr(math, name): _calls(Body.intrinsic, name) for name in KNOWN},
    **{getattr(math, name): _calls(Body.library, name) for name in LIBRARY},
    abs: _calls(Body.intrinsic, "fabs"),
    min: _calls(Body.extremum, "<"),
    max: _calls(Body.extremum, ">"),
    float: lambda body, a: body.converted(a, "Real"),
    int: Body.truncated,
    _language.shift: Body.at,
    _language.muladd: Body.product_sum,
    _language.eight: Body.eight,
    _language.put_eight: Body.put_eight,
    _language.same_eight: Body.alike_eight,
    _language.sum_eight: Body.sum_eight,
    _language.bits: _calls(Body.reread, "Int"),
    _language.from_bits: _calls(Body.reread, "Real"),
    _language.call_kernel: Body.kernel,
    _language.call_fortran: Body.subroutine,
    _language.doubles: _calls(Body.cast, "Reals"),
    _language.integers: _calls(Body.cast, "Ints"),
}
