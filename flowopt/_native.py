"""The one door to compiled code: numba compiles once, the machine code is kept on disk.

A *unit* is a few compiled functions under one key. On a cold start numba compiles the unit and
its machine code goes into one file of the cache. On a warm start the file is handed to LLVM
(through llvmlite) and numba is never imported: that import alone costs more than most answers.

Every compiled function takes only addresses, 64-bit integers and doubles, so it can be called
from Python through ctypes (which releases the GIL), from other compiled code by its address, and
a Python function can stand in for it. The calling convention is numba's own:
``int32 f(void* result, void* error, arguments...)``.

The cache folder is ``FLOWOPT_CACHE_DIR``, else ``$XDG_CACHE_HOME/flowopt``, else
``~/.cache/flowopt``. The name of a file holds a hash of everything that its content depends on:
the sources of the kernels, the versions of numba and llvmlite, the processor. A file that does
not match its checksum is recompiled and replaced.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.util
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = b"flowopt-unit-1\n"
PACKAGE = Path(__file__).resolve().parent
#: the files of our own compiler, on which all that it makes depends
COMPILER = ("_compiler.py", "_language.py", "_lowering.py")
#: functions of numbers that kernels of several folders use
NUMBERS = ("_elementary.py", "_philox.py")
#: symbols that machine code may leave open: what every process has (libm and memory moves)
OPEN_SYMBOLS = frozenset(
    "acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor "
    "fmod hypot log log10 log1p log2 lgamma pow sin sincos sinh sqrt tan tanh tgamma "
    "memcpy memmove memset".split()
)


@dataclass(frozen=True)
class Unit:
    """Loaded machine code: the address of each function, and the data kept beside it."""

    addresses: dict[str, int]
    meta: dict[str, Any]
    keep: tuple[Any, ...] = field(default=(), repr=False)


class Machine:
    """The processor and LLVM's view of it (made once, on first use)."""

    def __init__(self) -> None:
        import llvmlite
        import llvmlite.binding as llvm

        self.llvm = llvm
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features().flatten()
        self.name = "|".join([llvm.get_process_triple(), llvm.get_host_cpu_name(), features,
                              llvmlite.__version__])

    def load(self, code: bytes) -> Any:
        """Return an engine that holds the object file `code`, linked and ready."""
        llvm = self.llvm
        target = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine()
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        return engine


@functools.cache
def machine() -> Machine:
    """Return the machine, asking LLVM once."""
    return Machine()


def version_stamp(package: str, files: Sequence[str]) -> bytes:
    """Return the bytes that name the version of `package`, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return b"missing"
    folder = Path(spec.origin).parent
    return b"".join((folder / name).read_bytes() for name in files if (folder / name).exists())


@functools.cache
def fingerprint(*folders: str) -> str:
    """Return a hash of our sources in `folders` (or files), of numba and of the processor."""
    digest = hashlib.sha256(machine().name.encode())
    digest.update(version_stamp("numba", ["_version.py"]))
    sources = [PACKAGE / "_native.py"]
    for folder in folders:
        place = PACKAGE / folder
        sources += [place] if place.is_file() else sorted(place.rglob("*.py"))
    for path in sources:
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]


def cache_folder() -> Path:
    """Return the folder of the compile cache (it may not exist yet)."""
    given = os.environ.get("FLOWOPT_CACHE_DIR")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "flowopt"


def _pack(meta: dict[str, Any], codes: dict[str, tuple[str, bytes]]) -> bytes:
    """Return the file's bytes: magic, SHA-256 of the rest, length of the header, header, code."""
    table, blob = [], b""
    for name, (symbol, code) in codes.items():
        table.append([name, symbol, len(blob), len(code)])
        blob += code
    header = json.dumps({"meta": meta, "table": table}).encode()
    body = len(header).to_bytes(8, "little") + header + blob
    return MAGIC + hashlib.sha256(body).digest() + body


def _unpack(data: bytes) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]] | None:
    """Return what `_pack` was given, or None when the bytes are damaged."""
    start = len(MAGIC) + 32
    body = data[start:]
    if data[:len(MAGIC)] != MAGIC or hashlib.sha256(body).digest() != data[len(MAGIC):start]:
        return None
    size = int.from_bytes(body[:8], "little")
    header = json.loads(body[8:8 + size])
    blob = body[8 + size:]
    codes = {name: (symbol, blob[at:at + length]) for name, symbol, at, length in header["table"]}
    return header["meta"], codes


def _load(meta: dict[str, Any], codes: dict[str, tuple[str, bytes]]) -> Unit:
    engines: list[Any] = []
    addresses: dict[str, int] = {}
    by_code: dict[bytes, Any] = {}
    for name, (symbol, code) in codes.items():
        engine = by_code.get(code)
        if engine is None:
            engine = by_code[code] = machine().load(code)
            engines.append(engine)
        addresses[name] = engine.get_function_address(symbol)
    return Unit(addresses, meta, tuple(engines))


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to a temporary name beside `path`, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


_units: dict[str, Unit] = {}
_lock = threading.RLock()


def unit(key: str, stamp: str, build: Callable[[], tuple[dict[str, Any], dict[str, Any]]]) -> Unit:
    """Return the unit of `key`, from memory, from the cache file, or compiled now.

    Parameters
    ----------
    key : str
        Names the definition; two different definitions must have two different keys.
    stamp : str
        Hash of what the compiled code depends on besides the definition (`fingerprint`).
    build : callable
        Returns ``(meta, functions)``: data that json can hold, and numba dispatchers by name,
        each compiled for exactly one signature. Called on a cold start only.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    name = f"{stamp}/{digest}"
    found = _units.get(name)
    if found is not None:
        return found
    with _lock:
        if name in _units:
            return _units[name]
        path = cache_folder() / stamp / f"{digest}.unit"
        content = None
        try:
            content = _unpack(path.read_bytes())
        except (OSError, ValueError, KeyError):
            content = None
        if content is None:
            meta, functions = build()
            meta = json.loads(json.dumps(meta))
            content = meta, {name: machine_code(f) for name, f in functions.items()}
            try:
                write_atomically(path, _pack(*content))
            except OSError:  # a full or read-only disk costs a recompile next time, no more
                pass
        loaded = _load(*content)
        _units[name] = loaded
        return loaded


def machine_code(dispatcher: Any) -> tuple[str, bytes]:
    """Return the symbol and the object file of a compiled dispatcher of one signature."""
    import re

    if hasattr(dispatcher, "code"):  # of our own compiler
        return dispatcher.symbol, dispatcher.code
    (signature,) = dispatcher.signatures
    result = dispatcher.overloads[signature]
    declared = re.findall(r"^declare .*?@\"?([\w.$]+)\"?\(", result.library.get_llvm_str(), re.M)
    strange = {name for name in declared if not name.startswith("llvm.")} - OPEN_SYMBOLS
    if strange:
        raise RuntimeError(f"compiled code needs {sorted(strange)}, which a later process would "
                           "not have; this is a bug in flowopt")
    return result.fndesc.llvm_func_name, result.library._get_compiled_object()


def resident(meta: dict[str, Any], functions: dict[str, Any]) -> Unit:
    """Return a unit that lives in this process only (it holds a user's own compiled function)."""
    if any(hasattr(made, "code") for made in functions.values()):
        return _load(meta, {name: (made.symbol, made.code) for name, made in functions.items()})
    addresses = {}
    for name, dispatcher in functions.items():
        (signature,) = dispatcher.signatures
        result = dispatcher.overloads[signature]
        addresses[name] = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
    return Unit(addresses, meta, tuple(functions.values()))


def options() -> dict[str, Any]:
    """Return numba's options for our functions: IEEE arithmetic, no wrappers, no allocation.

    No flag lets the compiler change the arithmetic. Letting it fuse multiplications into
    additions makes a block of lanes and a single lane differ in the last bit.
    """
    return {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
            "_nrt": False}


class Portable:
    """An object that goes to other processes as its definition: addresses mean nothing there."""

    def __getstate__(self) -> dict[str, Any]:
        made = {name for kind in type(self).__mro__ for name, value in vars(kind).items()
                if isinstance(value, functools.cached_property)}
        return {name: {} if name == "_addresses" else value
                for name, value in self.__dict__.items() if name not in made}

    def __copy__(self) -> Any:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made


# ----------------------------------------------------------------- calling compiled code
POINTER = ctypes.c_void_p
INTEGER = ctypes.c_int64
DOUBLE = ctypes.c_double
KERNEL_ARGUMENTS = 6  # context, t, y, p, s, out


@functools.cache
def prototype(kinds: str) -> Any:
    """Return the ctypes prototype of a function whose arguments are 'p', 'i' or 'd'."""
    types = {"p": POINTER, "i": INTEGER, "d": DOUBLE}
    return ctypes.CFUNCTYPE(ctypes.c_int32, POINTER, POINTER, *(types[kind] for kind in kinds))


def address(array: np.ndarray) -> int:
    """Return the address of an array's data (0 if it is empty), quicker than ``ctypes.data``."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # it is read-only, not contiguous, or empty
        return int(array.ctypes.data) if array.size else 0


def addresses(arguments: Sequence[Any]) -> list[Any]:
    """Return the arguments with the address in place of each array (which the caller keeps)."""
    return [address(a) if isinstance(a, np.ndarray) else a for a in arguments]


def aligned(length: int) -> np.ndarray:
    """Return zeros that start on a line of the cache (64 bytes), as vector units like it."""
    room = np.zeros(length + 8)
    first = -address(room) % 64 // 8
    return room[first:first + length]


class Function:
    """A compiled function as a Python callable; arrays are passed by their address."""

    __slots__ = ("address", "call")

    def __init__(self, address: int, kinds: str) -> None:
        self.address = address
        self.call = prototype(kinds)(address)

    def __call__(self, *arguments: Any) -> int:
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        self.call(ctypes.addressof(result), ctypes.addressof(error), *addresses(arguments))
        return result.value
