"""A small compiler: Python functions on numbers and addresses become machine code.

numba would need some 5 s for a stepper, most of it to find out types that are known from the
start. Here the arguments say their types, any other variable has the type of the first value it
is given, and one walk over the syntax tree writes LLVM's code.

The language is a part of Python, with Python's meaning:

- types `Int` (64 bits), `Real` (double), `Truth`, and `Ints` and `Reals` (addresses of arrays),
  written as annotations of the arguments and of the result;
- numbers, names, ``+ - * / & | ^ << >>``, one comparison at a time, ``and or not``, ``x[i]``;
- assignment, ``if``, ``while``, ``for i in range(...)``, break, continue, return;
- the functions of `PRIMITIVES`, and other functions of the language by their name.

Three things are different. Both values of ``a if c else b`` are computed. A global name must be
a number; the `constants` of a compilation replace globals of that name. As in Fortran, an array
that a function writes must not overlap another of its arguments. Arithmetic is IEEE's, in the
order that is written: no flag lets LLVM change it, so a result cannot depend on vectorisation.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from llvmlite import ir

from flowopt import _language
from flowopt._language import NotInLanguage
from flowopt._lowering import ENTRY, KINDS, SLOT, Body, Lowered

#: the words that the source of a kernel may use besides Python's
WORDS = {name: getattr(_language, name)
         for name in ("call_kernel", "doubles", "integers", "muladd")}


@dataclass(frozen=True)
class Code:
    """Machine code of one function: its symbol and the object file."""

    symbol: str
    code: bytes


def compiled(function: FunctionType, constants: Mapping[str, int], vectorise: bool) -> Code:
    """Return the machine code of `function` under the calling convention of `_native`."""
    program = Program(constants)
    program.function(function)
    symbol = program.export(function.__name__)
    return Code(symbol, object_file(str(program.module), vectorise))


def compiled_together(functions: Sequence[FunctionType], constants: Mapping[str, int]
                      ) -> dict[str, Code]:
    """Return the machine code of functions by name; what they share is compiled once."""
    program = Program(constants)
    for function in functions:
        program.function(function)
    symbols = {function.__name__: program.export(function.__name__) for function in functions}
    code = object_file(str(program.module), True, unrolled=False)
    return {name: Code(symbol, code) for name, symbol in symbols.items()}


def compiled_kernel(source: str, name: str, vectorise: bool) -> Code:
    """Return the machine code of a kernel's source (its arguments: `_language.call_kernel`)."""
    (node,) = ast.parse(source).body
    if not isinstance(node, ast.FunctionDef) or node.name != name:
        raise NotInLanguage(f"the source must be one function {name}")
    program = Program({})
    program.lower(node, {"math": math, **WORDS}, ["Ints", *["Reals"] * 5], "None")
    symbol = program.export(name)
    return Code(symbol, object_file(str(program.module), vectorise))


def object_file(text: str, vectorise: bool, unrolled: bool = True) -> bytes:
    """Return the object file of LLVM's code, optimised for this processor.

    Loops over rows that are short, or written out already, gain nothing from being unrolled, and
    compile in two thirds of the time without.
    """
    from flowopt._native import machine

    llvm = machine().llvm
    level = 3 if vectorise else 2
    found = llvm.get_host_cpu_features()
    # LLVM would use half of a 512-bit unit, lest the clock go down for code around such a loop
    features = found.flatten() + (",-prefer-256-bit" if found.get("avx512f") else "")
    target = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features,
        opt=level, reloc="static", codemodel="jitdefault", jit=True)
    tuning = llvm.create_pipeline_tuning_options(speed_level=level)
    tuning.loop_vectorization = vectorise
    tuning.loop_unrolling = tuning.loop_interleaving = vectorise and unrolled
    tuning.slp_vectorization = False
    module = llvm.parse_assembly(text)
    builder = llvm.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(module, builder)
    return bytes(target.emit_object(module))


@functools.cache
def syntax(filename: str) -> dict[str, ast.FunctionDef]:
    """Return the functions at the top of a source file."""
    with open(filename, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


class Program:
    """A module of LLVM's code, to which functions are added as they are called."""

    def __init__(self, constants: Mapping[str, int]) -> None:
        self.module = ir.Module()
        self.constants = constants
        self.functions: dict[str, Lowered] = {}

    def function(self, made: FunctionType) -> Lowered:
        """Return the code of a Python function, lowered on first use."""
        if made.__name__ in self.functions:
            return self.functions[made.__name__]
        node = syntax(made.__code__.co_filename)[made.__name__]
        kinds = [_annotation(a.annotation) for a in node.args.args]
        return self.lower(node, made.__globals__, kinds, _annotation(node.returns))

    def lower(self, node: ast.FunctionDef, names: Mapping[str, Any], kinds: list[str],
              result: str) -> Lowered:
        """Lower a function; `names` is what its global names stand for."""
        if "None" in kinds:
            raise NotInLanguage(f"every argument of {node.name} must say its type")
        kind = ir.FunctionType(KINDS[result], [KINDS[k] for k in kinds])
        code = ir.Function(self.module, kind, node.name)
        code.linkage = "internal"
        code.attributes.add("nounwind")
        if any(ast.unparse(d) == "inline" for d in node.decorator_list):
            code.attributes.add("alwaysinline")
        for argument, k in zip(code.args, kinds, strict=True):
            if k in ENTRY:
                argument.add_attribute("noalias")
        made = self.functions[node.name] = Lowered(code, kinds, result)
        Body(self, {**names, **self.constants}, node, made)
        return made

    def export(self, name: str) -> str:
        """Add ``int32 f(result, error, arguments...)`` for a function and return its symbol."""
        inner = self.functions[name]
        kinds = [KINDS[k] for k in inner.kinds]
        outer = ir.Function(self.module, ir.FunctionType(ir.IntType(32), [SLOT, SLOT, *kinds]),
                            f"flowopt_{name}")
        builder = ir.IRBuilder(outer.append_basic_block())
        returned = builder.call(inner.code, outer.args[2:])
        if inner.result == "Int":
            builder.store(returned, builder.bitcast(outer.args[0], KINDS["Ints"]))
        builder.ret(ir.IntType(32)(0))
        return str(outer.name)


def _annotation(node: ast.expr | None) -> str:
    name = "None" if node is None else ast.unparse(node)
    if name not in KINDS:
        raise NotInLanguage(f"the annotation {name} is none of {', '.join(KINDS)}")
    return name
