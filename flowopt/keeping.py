"""What an experiment computed, kept on disk under a key: loaded when nothing changed, else made.

A kept value is one file: a line that names the format, the checksum of the rest, and the value as
JSON with its arrays behind it. It holds no code and is never run. Files are written to a temporary
name and renamed, so that a run that is killed leaves whole files or none.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from flowopt.reporting import Reporter

T = TypeVar("T")
FORMAT = b"flowopt kept value 1\n"
#: the packages of flowopt that no kept number depends on
LEAVES = ("plotting", "cli.py", "experiment.py", "keeping.py", "reporting.py", "options.py",
          "portraits.py", "provenance.py", "results.py", "analysis.py", "deadline.py",
          "quoting.py", "asking.py", "_blas.py", "paper", "gallery")


class NotKept(TypeError):
    """A value holds something that cannot be kept."""


class Broken(ValueError):
    """A file is no kept value: cut off, changed, or of another format."""


# ------------------------------------------------------------------ a value as bytes
def pack(value: Any) -> bytes:
    """Return a value as bytes: equal values give equal bytes.

    Parameters
    ----------
    value : object
        None, bool, int, float, complex-free numpy arrays and scalars, str, and lists, tuples and
        dicts of these.

    Raises
    ------
    NotKept
        For anything else.

    Examples
    --------
    >>> unpack(pack({"x": np.arange(3.0), 1: (2, None), "bad": float("nan")}))
    {'x': array([0., 1., 2.]), 1: (2, None), 'bad': nan}
    """
    arrays: list[bytes] = []

    def tree(v: Any, where: str) -> Any:
        if v is None or isinstance(v, (bool, int, float, str)) and not isinstance(v, np.generic):
            return v
        if isinstance(v, (np.ndarray, np.generic)):
            a = np.asarray(v)
            if a.dtype.kind not in "biufcSU":
                raise NotKept(f"{where} is an array of {a.dtype}, which cannot be kept")
            arrays.append(np.ascontiguousarray(a).tobytes())
            return {"~": "array" if isinstance(v, np.ndarray) else "scalar",
                    "dtype": a.dtype.str, "shape": list(a.shape)}
        if isinstance(v, (list, tuple)):
            made = [tree(item, f"{where}[{k}]") for k, item in enumerate(v)]
            return made if isinstance(v, list) else {"~": "tuple", "items": made}
        if isinstance(v, Mapping):
            if all(isinstance(k, str) and k != "~" for k in v):
                return {k: tree(item, f"{where}[{k!r}]") for k, item in v.items()}
            return {"~": "dict", "items": [[tree(k, where), tree(item, f"{where}[{k!r}]")]
                                           for k, item in v.items()]}
        raise NotKept(f"{where} is a {type(v).__name__}, which cannot be kept")

    try:
        head = json.dumps(tree(value, "the value")).encode()
    except RecursionError:
        raise NotKept("it holds itself, or too many levels, which cannot be kept") from None
    except ValueError as problem:  # a whole number of thousands of digits
        raise NotKept(f"it cannot be kept: {problem}") from None
    body = struct.pack("<Q", len(head)) + head + b"".join(arrays)
    return FORMAT + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpack(data: bytes) -> Any:
    """Return the value of bytes that `pack` made.

    Raises
    ------
    Broken
        When they are anything else, or were changed.
    """
    start = len(FORMAT) + 65
    body = data[start:]
    if not data.startswith(FORMAT) or len(body) < 8:
        raise Broken("it is cut off, or of another format")
    if hashlib.sha256(body).hexdigest().encode() + b"\n" != data[len(FORMAT):start]:
        raise Broken("its checksum is another one")
    length = struct.unpack("<Q", body[:8])[0]
    place = 8 + length

    def value(v: Any) -> Any:
        nonlocal place
        if isinstance(v, list):
            return [value(item) for item in v]
        if not isinstance(v, dict):
            return v
        kind = v.get("~")
        if kind is None:
            return {k: value(item) for k, item in v.items()}
        if kind == "tuple":
            return tuple(value(item) for item in v["items"])
        if kind == "dict":
            return {value(k): value(item) for k, item in v["items"]}
        dtype = np.dtype(v["dtype"])
        count = int(np.prod(v["shape"], dtype=int))
        a = np.frombuffer(body, dtype, count, place).reshape(v["shape"]).copy()
        place += count * dtype.itemsize
        return a if kind == "array" else a[()]

    return value(json.loads(body[8:place]))


# ------------------------------------------------------------------ keys
def key_of(*parts: bytes) -> str:
    """Return the key of some parts: 16 hexadecimal digits."""
    made = hashlib.sha256()
    for part in parts:
        made.update(struct.pack("<Q", len(part)))
        made.update(part)
    return made.hexdigest()[:16]


def sources_of(script: Path) -> bytes:
    """Return the fingerprint of an experiment: its file, and those beside it that it imports."""
    folder = script.resolve().parent
    found: dict[Path, bytes] = {}
    waiting = [script.resolve()]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found[path] = path.read_bytes()
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.walk(ast.parse(found[path])):
                names = ([a.name for a in node.names] if isinstance(node, ast.Import)
                         else [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
                waiting += [folder / f"{name.partition('.')[0]}.py" for name in names]
    return b"".join(hashlib.sha256(path.name.encode() + b"\0" + found[path]).digest()
                    for path in sorted(found))


def code_of_numbers() -> bytes:
    """Return the fingerprint of the code that makes numbers: flowopt without its leaves."""
    root = Path(__file__).resolve().parent
    made = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] not in (*LEAVES, "_experiments"):
            made.update(inside.as_posix().encode() + b"\0" + path.read_bytes())
    return made.digest()


# ------------------------------------------------------------------ the folder
class Keeper:
    """A folder of kept values.

    Parameters
    ----------
    folder : Path
        It is made when the first value is kept.
    say : callable, optional
        Takes a sentence about what went wrong with a file.

    Examples
    --------
    >>> import tempfile
    >>> keeper = Keeper(Path(tempfile.mkdtemp()))
    >>> keeper.get("seed 1") is None, keeper.put("seed 1", 2.5), keeper.get("seed 1")
    (True, True, (2.5,))
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda text: None) -> None:
        self.folder, self.say = folder, say
        self.said: set[str] = set()

    def path(self, name: str) -> Path:
        """Return where the value of a name is kept."""
        return self.folder / f"{key_of(name.encode())}.kept"

    def get(self, name: str, whole: Callable[[Any], bool] = lambda value: True
            ) -> tuple[Any] | None:
        """Return the kept value in a tuple, or None; a broken file is set aside.

        So is one with a value that is not `whole`.
        """
        path = self.path(name)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            value = unpack(data)
            if not whole(value):
                raise Broken("it holds something else")
            return (value,)
        except (Broken, ValueError, KeyError, TypeError, struct.error) as problem:
            aside = path.with_suffix(".broken")
            with contextlib.suppress(OSError):
                os.replace(path, aside)
            self.say(f"the kept value of {name} is broken ({problem}); it is set aside as "
                     f"{aside.name} and made again")
            return None

    def drop_pieces(self) -> None:
        """Remove all but the result: it holds what the pieces were for."""
        result = self.path("result")
        for path in self.folder.glob("*"):
            if path != result and not path.name.endswith(".broken"):
                with contextlib.suppress(OSError):
                    path.unlink()

    def put(self, name: str, value: Any) -> bool:
        """Keep a value; return whether it is kept. What cannot be is said."""
        try:
            data = pack(value)
        except NotKept as problem:
            self.say(f"{name} is not kept: {problem}")
            return False
        waiting = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, waiting = tempfile.mkstemp(dir=self.folder, prefix=".part-")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(waiting, self.path(name))
            return True
        except OSError as problem:
            why = problem.strerror or str(problem)
            if why not in self.said:  # once, and not for every piece
                self.said.add(why)
                self.say(f"{name} is not kept, nor is what else cannot be written: {why}")
            return False
        finally:
            if waiting is not None:
                with contextlib.suppress(OSError):
                    os.unlink(waiting)


class KeepingReporter(Reporter):
    """A reporter whose pieces are loaded when they are kept, and kept when they are made.

    A run that was killed goes on after its last piece, with the same numbers: a piece depends on
    the configuration and on its name alone.
    """

    def __init__(self, keeper: Keeper, show: Callable[[float, str], None] | None = None) -> None:
        super().__init__(show)
        self.keeper = keeper
        self.loaded = self.made = 0
        self.names: set[str] = set()

    def piece(self, name: str, make: Callable[[], T]) -> T:
        """Return the kept value of the piece, or make and keep it.

        Raises
        ------
        ValueError
            When a piece of this name was asked for before: it would have the value of the first.
        """
        if name in self.names:
            raise ValueError(f"pieces must have names of their own, got {name!r} twice; say with "
                             "what they differ")
        self.names.add(name)
        kept = self.keeper.get(f"piece {name}")
        if kept is not None:
            self.loaded += 1
            return kept[0]  # type: ignore[no-any-return]
        value = make()
        self.made += 1
        # what is kept is what goes on: a run that loads it sees the same types
        return value if not self.keeper.put(f"piece {name}", value) else unpack(pack(value))


#: the most keys of which values are kept
MOST_KEYS = 20


def forget(folder: Path, keep: Iterable[str]) -> None:
    """Remove the kept values of all keys but those to keep."""
    wanted = set(keep)
    for path in folder.glob("*"):
        if path.is_dir() and path.name not in wanted:
            shutil.rmtree(path, ignore_errors=True)


def prune(folder: Path, mine: str) -> None:
    """Remove the kept values of the oldest keys where there are too many."""
    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0

    others = sorted((p for p in folder.glob("*") if p.is_dir() and p.name != mine), key=age)
    forget(folder, [mine, *(p.name for p in others[-(MOST_KEYS - 1):])])
