"""The words of the steppers' language that Python does not have; see flowopt._compiler.

A function of the language is an ordinary Python function: with numpy arrays it runs as it is,
slowly. What is machine code by nature (an address, a kernel) has no meaning there.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

Int, Real, Truth = int, float, bool
#: eight doubles in one register (or two, four): what `eight` reads and `put_eight` writes
Eight = Any
#: addresses of 64-bit integers and of doubles; numpy arrays when run in Python
Ints = Reals = Any


class NotInLanguage(SyntaxError):
    """A function holds something that the small compiler does not know."""


def inline(function: Any) -> Any:
    """Mark a function that is to be copied to wherever it is called."""
    return function


def shift(array: Any, offset: int) -> Any:
    """Return the array that starts `offset` entries further on."""
    return array[offset:]


def muladd(a: Any, b: Any, c: Any) -> Any:
    """Return a·b + c, rounded once where the processor has an instruction for it.

    Of numbers; or of eights, entry by entry, among which a number counts as eight equal ones.
    """
    return a * b + c


def eight(array: Any, index: int) -> Any:
    """Return the entries index … index + 7 of an array."""
    return np.array(array[index:index + 8])


def put_eight(array: Any, index: int, value: Any) -> None:
    """Set the entries index … index + 7 of an array."""
    array[index:index + 8] = value


def same_eight(value: float) -> Any:
    """Return eight times the same number."""
    return np.full(8, value)


def sum_eight(value: Any) -> float:
    """Return the sum of the eight: of pairs, of pairs of these, and of the two."""
    v = [float(a) for a in value]
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]))


def bits(value: float) -> int:
    """Return the 64 bits of a double, as an integer."""
    made: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return made


def from_bits(pattern: int) -> float:
    """Return the double whose 64 bits these are."""
    made: float = struct.unpack("<d", struct.pack("<q", pattern))[0]
    return made


def call_kernel(address: int, context: Any, t: Any, y: Any, p: Any, s: Any, out: Any) -> None:
    """Call the kernel at an address.

    A kernel has the arguments ``(context, t, y, p, s, out)``: an int64 array of addresses that it
    may need, the times of the lanes (W,), the state (m, W), the parameters (P, W), the regime of
    each switching function (S, W) and the result (k, W).
    """
    raise NotImplementedError("a kernel is machine code")


def call_fortran(address: int, *arguments: Any) -> None:
    """Call the Fortran (or C) subroutine at an address; every argument is an array."""
    raise NotImplementedError("a subroutine is machine code")


def doubles(address: int) -> Any:
    """Return the array of doubles at an address."""
    raise NotImplementedError("an address has a meaning in machine code only")


def integers(address: int) -> Any:
    """Return the array of 64-bit integers at an address."""
    raise NotImplementedError("an address has a meaning in machine code only")
