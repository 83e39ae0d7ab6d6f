"""The folder of an experiment's results: checked before the work, written whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import math
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: a file stands where a folder must, or the other way round
_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST)


class NotWritten(Exception):
    """The results could not be written; the message says why in one sentence."""


def prepare_folder(folder: Path) -> list[Path]:
    """Make `folder` and check that files can be written there; return the folders that were made.

    Raises
    ------
    ValueError
        When it is a file, or cannot be made or written; nothing is left behind then.
    """
    made: list[Path] = []
    for part in [*reversed(folder.parents), folder]:
        if part.exists() and not part.is_dir():
            raise ValueError(f"out must be a folder, and {part} is a file")
    try:
        for part in [*reversed(folder.parents), folder]:
            if not part.exists():
                part.mkdir()
                made.append(part)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".probe-")
        os.close(handle)
        os.unlink(name)
    except OSError as problem:
        remove_empty(made)
        raise ValueError(f"out must be a folder that can be written, and {folder} is not: "
                         f"{problem.strerror or problem}") from None
    return made


def remove_empty(folders: list[Path]) -> None:
    """Remove folders that were made for a run which then wrote nothing."""
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def _without_interruption() -> Iterator[None]:
    """Hold Ctrl-C back while files are renamed into place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


def write_all(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Write files under temporary names, then rename all of them into place.

    A name may have folders, which are made. A failure or Ctrl-C on the way leaves the files as
    they were.

    Raises
    ------
    NotWritten
        When there is no space left, for example.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> write_all(place, {"a.txt": b"1", "b.txt": b"2"})
    ['a.txt', 'b.txt']
    >>> sorted(path.name for path in place.iterdir())
    ['a.txt', 'b.txt']
    """
    waiting = None
    try:
        waiting = Path(tempfile.mkdtemp(dir=folder, prefix=".part-"))
        for name, data in files.items():
            (waiting / name).parent.mkdir(parents=True, exist_ok=True)
            (waiting / name).write_bytes(data)
            (waiting / name).chmod(0o644)
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (folder / name).is_dir():  # before the first file takes its place
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), folder / name)
        with _without_interruption():
            for name in files:
                os.replace(waiting / name, folder / name)
    except OSError as problem:
        why = ("there is no space left on the disk" if problem.errno == errno.ENOSPC
               else f"{problem.filename} is in the way" if problem.errno in _IN_THE_WAY
               else problem.strerror or str(problem))
        raise NotWritten(f"the results could not be written to {folder}: {why}") from problem
    finally:
        if waiting is not None:
            shutil.rmtree(waiting, ignore_errors=True)
    return list(files)


def plain(value: Any) -> Any:
    """Return `value` as json can hold it: arrays as lists, NaN as None, infinities as text.

    Examples
    --------
    >>> plain({"a": np.array([1.0, np.nan]), 0.5: (np.int64(2), np.inf)})
    {'a': [1.0, None], '0.5': [2, 'inf']}
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.longdouble):  # its item is itself
        return plain(float(value))
    if isinstance(value, np.generic):
        item = value.item()
        return str(item) if isinstance(item, np.generic) else plain(item)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def figure_files(name: str, figure: Any, kinds: Sequence[str] = ("png", "pdf")
                 ) -> dict[str, bytes]:
    """Return a figure as PNG (200 dots per inch) and PDF; equal figures give equal bytes."""
    from flowopt.plotting import style

    files = {}
    for kind in kinds:
        about = {"png": {"Software": None}, "pdf": {"CreationDate": None}}[kind]
        buffer = io.BytesIO()
        with style():
            figure.savefig(buffer, format=kind, dpi=200, metadata=about)
        figure.set_layout_engine("none")  # laid out once: the second file has the same places
        files[f"{name}.{kind}"] = buffer.getvalue()
    return files
