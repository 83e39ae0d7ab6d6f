"""Addresses in compiled code: read, write, move along, and call a kernel by its address.

A kernel has the arguments ``(context, t, y, p, s, out)``: an int64 array of addresses that it
may need, the times of the lanes (W,), the state (m, W), the parameters (P, W), the regime of
each switching function (S, W) and the result (k, W).
"""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin

F8 = types.CPointer(types.float64)
I8 = types.CPointer(types.int64)
KERNEL = types.void(I8, F8, F8, F8, F8, F8)


@infer_global(operator.getitem)
class _Read(AbstractTemplate):
    def generic(self, args, kws):
        pointer, index = args
        if isinstance(pointer, types.CPointer) and isinstance(index, types.Integer):
            return signature(pointer.dtype, pointer, types.int64)
        return None


@infer_global(operator.setitem)
class _Write(AbstractTemplate):
    def generic(self, args, kws):
        pointer, index, value = args
        if isinstance(pointer, types.CPointer) and isinstance(index, types.Integer):
            return signature(types.void, pointer, types.int64, pointer.dtype)
        return None


@lower_builtin(operator.getitem, types.CPointer, types.Integer)
def _load(context, builder, sig, args):
    return builder.load(builder.gep(args[0], [args[1]]))


@lower_builtin(operator.setitem, types.CPointer, types.Integer, types.Any)
def _store(context, builder, sig, args):
    builder.store(args[2], builder.gep(args[0], [args[1]]))
    return context.get_dummy_value()


@intrinsic
def shift(typingctx, pointer, offset):
    """Return the address `offset` entries further on."""

    def codegen(context, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.int64), codegen


@intrinsic
def as_integers(typingctx, address):
    """Return the int64 array at `address`."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(I8))

    return I8(types.int64), codegen


@intrinsic
def as_doubles(typingctx, address):
    """Return the float64 array at `address`."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(F8))

    return F8(types.int64), codegen


@intrinsic
def call_kernel(typingctx, address, context_, t, y, p, s, out):
    """Call the kernel at `address` (numba's convention: result and error slots come first)."""
    kernel_signature = types.void(types.int64, I8, F8, F8, F8, F8, F8)

    def codegen(context, builder, signature, args):
        slot = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.IntType(32), [slot.as_pointer(), slot.as_pointer()]
                               + [a.type for a in args[1:]])
        kernel = builder.inttoptr(args[0], kind.as_pointer())
        result = cgutils.alloca_once(builder, slot)
        error = cgutils.alloca_once(builder, slot)
        builder.call(kernel, [result, error, *args[1:]])
        return context.get_dummy_value()

    return kernel_signature, codegen
