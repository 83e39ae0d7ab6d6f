"""Experiments: one question, a frozen configuration, a result, figures, claims.

An experiment is a Python file. It has

``run(config, progress)``
    returns a dict of numbers, arrays, texts and dicts of these; calls
    ``progress(share, text)`` now and then, with the share of the work done, 0 to 1, or hands its
    pieces to ``progress.pieces(names, make)``.

and may have

``NAME``, ``QUESTION``
    text constants: what `flowopt list` shows (NAME defaults to the name of the file);
``Config``
    a frozen dataclass whose fields have defaults: each becomes an option of `flowopt run`. Derived
    from `flowopt.options.Options`, it refuses bad values by itself, and a field says what it means
    and may be in one place: ``seeds: int = option(50, "repetitions", at_least=2)``. What needs
    more, and any other dataclass, refuses bad values in ``__post_init__``, with a ValueError or
    TypeError of one sentence;
``QUICK``
    a dict of values of Config with which a run takes seconds: `flowopt run NAME --quick`;
``figures(result)``
    returns a dict of names and matplotlib figures; ``summary(result)`` a text to print;
    ``table(result)`` a `Table` or a list of them; ``claims(result)`` a list of `Claim`.

Figures, tables and claims are made of the result alone, so that a result that was kept gives the
same. `execute` runs an experiment and writes everything into one folder.

Experiments are looked for in ``flowopt/_experiments``, where a wheel has them, and else in
``experiments`` beside the package, as in a clone.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import errno
import hashlib
import importlib.util
import io
import json
import math
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.options import Options
from flowopt.reporting import Reporter, Table

#: the folder that holds the package: a clone, or site-packages
ROOT = Path(__file__).resolve().parent.parent
#: the experiments that come with flowopt: of a wheel, or of a clone
SHIPPED = Path(__file__).resolve().parent / "_experiments"
EXPERIMENTS = SHIPPED if SHIPPED.is_dir() else ROOT / "experiments"
#: what a run is told when it need not report
SILENT = Reporter()
#: libraries of which the version is recorded when an experiment has loaded them, with their module
PEERS = {"scikit-learn": "sklearn", "torch": "torch", "jax": "jax", "optax": "optax"}


@dataclass(frozen=True)
class Claim:
    """A statement with its evidence.

    Parameters
    ----------
    text : str
        The statement.
    computed, expected : float or str
        What came out, and what theory or the publication says.
    holds : bool or None
        None: the statement does not apply to this configuration.
    note : str
        The tolerance, or why it does not hold.

    Examples
    --------
    >>> Claim("one and one", 2, 2, True).line
    '[holds] one and one: 2 (expected 2)'
    """

    text: str
    computed: Any
    expected: Any
    holds: bool | None
    note: str = ""

    @property
    def line(self) -> str:
        """The claim in one line."""
        mark = {True: "holds", False: "FAILS", None: "does not apply"}[self.holds]
        end = f"; {self.note}" if self.note else ""
        return f"[{mark}] {self.text}: {self.computed} (expected {self.expected}){end}"


class NotWritten(Exception):
    """The results could not be written; the message says why in one sentence."""


@dataclass(frozen=True)
class Entry:
    """An experiment that was found: its name, its question, its file."""

    name: str
    question: str
    path: Path


def constants(path: Path) -> dict[str, str]:
    """Return the text constants NAME and QUESTION of a file, without running it.

    Examples
    --------
    >>> constants(Path(__file__))
    {}
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id in ("NAME", "QUESTION"):
                with contextlib.suppress(ValueError):
                    found[target.id] = str(ast.literal_eval(node.value))
    return found


def catalogue(folder: Path | None = None) -> list[Entry]:
    """Return the experiments of a folder (default: those that come with flowopt), by name.

    A file is an experiment when it has the constant NAME.
    """
    folder = EXPERIMENTS if folder is None else folder
    found = [(path, constants(path)) for path in sorted(folder.glob("[!_]*.py"))]
    return sorted((Entry(known["NAME"], known.get("QUESTION", ""), path)
                   for path, known in found if "NAME" in known), key=lambda entry: entry.name)


def find(target: str) -> Entry:
    """Return the experiment of a name or of a path to a script.

    Raises
    ------
    ValueError
        When there is none, with the nearest names.
    """
    path = Path(target)
    if target.endswith(".py") or os.sep in target:
        if not path.is_file():
            raise ValueError(f"the script {target} does not exist" if not path.exists()
                             else f"{target} is not a file, so it cannot be run as a script")
        known = constants(path)
        return Entry(known.get("NAME", path.stem.replace("_", "-")), known.get("QUESTION", ""),
                     path.resolve())
    entries = {entry.name: entry for entry in catalogue()}
    wanted = target.replace("_", "-")
    if wanted in entries:
        return entries[wanted]
    if not entries:
        raise ValueError(f"no experiment is called {_check.shown(target)}: no experiments came "
                         "with flowopt; give the path of a script")
    raise ValueError(f"no experiment is called {_check.shown(target)}; "
                     f"{_check.nearest(wanted, entries)}")


def load(entry: Entry) -> Any:
    """Return the module of an experiment, its folder first on the import path as for a script.

    Raises
    ------
    ValueError
        When the file cannot be read as an experiment.
    """
    folder = str(entry.path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = f"flowopt_experiment_{entry.path.stem}"  # a script called json.py must not hide json
    spec = importlib.util.spec_from_file_location(name, entry.path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{entry.path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except SyntaxError as problem:
        raise ValueError(f"{entry.path} is not Python: {problem.msg} in line {problem.lineno}"
                         ) from None
    except ImportError as problem:
        raise ValueError(f"{entry.path} cannot be loaded: {problem}") from None
    if not callable(getattr(module, "run", None)):
        raise ValueError(f"{entry.path} is not an experiment: it has no function "
                         "run(config, progress)")
    config = getattr(module, "Config", None)
    if config is not None and not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise ValueError(f"{entry.path} is not an experiment: its Config is not a dataclass")
    if config is not None and not issubclass(config, Options):
        ranged = [f.name for f in dataclasses.fields(config) if "range" in f.metadata]
        if ranged:
            raise ValueError(f"{entry.path} is not an experiment: the range of {ranged[0]} has no "
                             "effect; derive its Config from flowopt.options.Options")
    return module


# ------------------------------------------------------------------ the folder of results
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

    A failure or Ctrl-C on the way leaves the folder as it was.

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
            (waiting / name).write_bytes(data)
            (waiting / name).chmod(0o644)
        with _without_interruption():
            for name in files:
                os.replace(waiting / name, folder / name)
    except OSError as problem:
        why = ("there is no space left on the disk" if problem.errno == errno.ENOSPC
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
    if isinstance(value, np.generic):
        return plain(value.item())
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


def figure_files(name: str, figure: Any) -> dict[str, bytes]:
    """Return a figure as PNG (200 dots per inch) and PDF; equal figures give equal bytes."""
    from flowopt.plotting import style

    files = {}
    for kind, about in (("png", {"Software": None}), ("pdf", {"CreationDate": None})):
        buffer = io.BytesIO()
        with style():
            figure.savefig(buffer, format=kind, dpi=200, metadata=about)
        figure.set_layout_engine("none")  # laid out once: the second file has the same places
        files[f"{name}.{kind}"] = buffer.getvalue()
    return files


# ------------------------------------------------------------------ where numbers come from
def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True,
                              timeout=20, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def commit() -> tuple[str | None, bool | None]:
    """Return the commit of the clone and whether files differ from it; None without git."""
    top = _git("rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != ROOT:  # installed somewhere inside another repository
        return None, None
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return head, None if changes is None else bool(changes)


def versions() -> dict[str, str | None]:
    """Return the versions of Python, flowopt and the libraries that numbers depend on."""
    from flowopt import __version__

    made: dict[str, str | None] = {"python": platform.python_version(), "flowopt": __version__}
    peers = [name for name, module in PEERS.items() if module in sys.modules]
    for name in ("numpy", "scipy", "sympy", "numba", "llvmlite", "matplotlib", *peers):
        try:
            made[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            made[name] = None
    made["libc"] = " ".join(platform.libc_ver()).strip() or None
    return made


def provenance(source: Path, command: list[str] | None = None) -> dict[str, Any]:
    """Return what is needed to run an experiment again: versions, commit, command, platform."""
    head, dirty = commit()
    return {"versions": versions(), "commit": head, "dirty": dirty,
            "command": shlex.join(sys.argv if command is None else command),
            "platform": platform.platform(), "machine": platform.machine(),
            "processors": os.cpu_count(),
            "source": source.name,
            "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "started": datetime.now(UTC).isoformat(timespec="seconds")}


@dataclass(frozen=True)
class Outcome:
    """What `execute` returns: the result, the printed summary, the claims, the files written."""

    result: dict[str, Any]
    summary: str
    claims: tuple[Claim, ...]
    files: tuple[str, ...]


def execute(entry: Entry, module: Any, config: Any, out: Path,
            progress: Callable[[float, str], None] = SILENT, quick: bool = False) -> Outcome:
    """Run an experiment and write its folder: figures, one json with every number, the summary.

    Parameters
    ----------
    entry, module
        From `find` and `load`.
    config : object
        An instance of the module's Config, or None.
    out : Path
        A folder that `prepare_folder` has checked.
    progress : callable
        ``progress(share, text)``.
    quick : bool
        Whether the configuration is the quick one, to be recorded.

    Returns
    -------
    Outcome

    Raises
    ------
    NotWritten
        When the files cannot be written; the folder is as it was then.
    """
    about = provenance(entry.path)
    clock = time.perf_counter()
    progress = progress if isinstance(progress, Reporter) else Reporter(progress)
    result = module.run(config, progress)
    seconds = time.perf_counter() - clock
    about["versions"] = versions()  # with the libraries that the run has loaded
    progress(0.92, "figures")
    claims = tuple(module.claims(result)) if hasattr(module, "claims") else ()
    text = module.summary(result) if hasattr(module, "summary") else ""
    made = module.table(result) if hasattr(module, "table") else []
    tables = [made] if isinstance(made, Table) else list(made)
    text = "\n\n".join([*([text.rstrip()] if text else []), *(table.text for table in tables)])
    files: dict[str, bytes] = {}
    if hasattr(module, "figures"):
        from flowopt.plotting import style

        with style():
            drawn = module.figures(result)
        for name, figure in drawn.items():
            files |= figure_files(name, figure)
    about |= {"seconds_run": seconds, "seconds": time.perf_counter() - clock}
    settings = None if config is None else plain(config)
    seed = getattr(config, "seed", None)
    record = {"experiment": entry.name, "question": entry.question, "config": settings,
              "quick": quick,
              "seeds": result.get("seeds", {} if seed is None else {"seed": seed}),
              "result": result, "tables": tables, "claims": claims, "provenance": about,
              "files": sorted(files)}
    lines = "\n".join([text.rstrip(), *(["", "Checks"] if claims else []),
                       *(f"   {claim.line}" for claim in claims)]).strip()
    files["summary.txt"] = f"{lines}\n".encode()
    files[f"{entry.name}.json"] = (json.dumps(plain(record), indent=1, allow_nan=False)
                                   + "\n").encode()
    written = write_all(out, files)
    progress(1.0, "written")
    return Outcome(result, lines, claims, tuple(written))
