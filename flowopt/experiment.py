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
    ``table(result)`` a `Table` or a list of them; ``claims(result)`` a list of `Claim`;
    ``numbers(result)`` a dict of the numbers that a text may quote, by name, made with
    `flowopt.quoting`;
``paper_tables(result)``
    a dict of tables by name that are made for print, with formulae: they are not shown in the
    terminal.

Figures, tables, claims and numbers are made of the result alone, so that a result that was kept
gives the same. `execute` runs an experiment and writes everything into one folder. A result is kept
there under the key of its configuration, its sources and the code that makes numbers; with the same
key it is loaded. So are the pieces of a run that was stopped, which then goes on.

Experiments are looked for in ``flowopt/_experiments``, where a wheel has them, and else in
``experiments`` beside the package, as in a clone.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowopt import _check, asking, keeping
from flowopt.provenance import ROOT, provenance, versions
from flowopt.quoting import Number
from flowopt.reporting import Reporter, Table
from flowopt.results import figure_files, plain, write_all

#: the experiments that come with flowopt: of a wheel, or of a clone
SHIPPED = Path(__file__).resolve().parent / "_experiments"
EXPERIMENTS = SHIPPED if SHIPPED.is_dir() else ROOT / "experiments"
#: the folder of kept values in a folder of results
KEPT = ".kept"
#: what a run is told when it need not report
SILENT = Reporter()


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
        When there is none, with the nearest names; when its NAME cannot be that of a file.
    """
    path = Path(target)
    if target.endswith(".py") or os.sep in target:
        if not path.is_file():
            raise ValueError(f"the script {target} does not exist" if not path.exists()
                             else f"{target} is not a file, so it cannot be run as a script")
        known = constants(path)
        name = known.get("NAME", path.stem.replace("_", "-"))
        if not asking.file_name(name):
            raise ValueError(f"{target} is not an experiment: its NAME must be one that a file can "
                             f"have, without folders, got {_check.shown(name)}")
        return Entry(name, known.get("QUESTION", ""), path.resolve())
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
    except (Exception, SystemExit) as problem:
        raise ValueError(f"{entry.path} cannot be loaded: {asking.reason(problem)}"
                         f"{asking.place(entry.path, problem)}") from problem
    if not callable(getattr(module, "run", None)):
        raise ValueError(f"{entry.path} is not an experiment: it has no function "
                         "run(config, progress)")
    lacks = asking.config(getattr(module, "Config", None), getattr(module, "QUICK", None))
    if lacks:
        raise ValueError(f"{entry.path} is not an experiment: {lacks}")
    return module


@dataclass(frozen=True)
class Outcome:
    """What `execute` returns: the result, the printed summary, the claims, the files written.

    ``note`` says where the result comes from, when it was not made now, and what went wrong with
    kept values.
    """

    result: dict[str, Any]
    summary: str
    claims: tuple[Claim, ...]
    files: tuple[str, ...]
    note: str = ""


def key(entry: Entry, config: Any) -> str:
    """Return the key of a result: of the configuration, the sources, the code, the libraries."""
    settings = json.dumps([type(config).__name__, plain(config)], sort_keys=True).encode()
    found = json.dumps({k: v for k, v in versions().items()
                        if k in ("python", "numpy", "scipy", "sympy", "numba", "llvmlite",
                                 "libc")}).encode()
    return keeping.key_of(entry.name.encode(), settings,
                          keeping.sources_of(entry.path), keeping.code_of_numbers(),
                          found, platform.machine().encode())


def _is_result(value: Any) -> bool:
    """Return whether a kept value is a result, with where it comes from."""
    return (isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], dict)
            and isinstance(value[1], dict) and {"started", "seconds_run"} <= set(value[1]))


def is_kept(entry: Entry, config: Any, out: Path) -> bool:
    """Return whether a result of this configuration and this code is kept in a folder."""
    return keeping.Keeper(out / KEPT / key(entry, config)).get("result", _is_result) is not None


def claims_of(folder: Path, names: list[str]) -> dict[str, list[Claim]]:
    """Return the claims of the results in a folder, by the names of their experiments.

    Raises
    ------
    ValueError
        When there is no such folder or result, or one cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"results must be a folder of results, and {folder} is none; flowopt run "
                         "NAME makes one")
    made = {}
    for path in sorted(folder.glob("*/*.json")):
        if path.parent.name.startswith("."):
            continue
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(record, dict) or "experiment" not in record:
                continue
            made[record["experiment"]] = [Claim(c["text"], c["computed"], c["expected"],
                                                c["holds"], c["note"]) for c in record["claims"]]
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ValueError(f"{path} cannot be read as a result ({problem}); run its experiment "
                             "again") from None
    for name in names:
        if name not in made:
            raise ValueError(f"there is no result of {name} in {folder}; "
                             f"{_check.nearest(name, made or ['(none)'])}")
    return {name: lines for name, lines in made.items() if not names or name in names}


def result_of(entry: Entry, module: Any, config: Any, folder: Path,
              show: Callable[[float, str], None] | None = None, force: bool = False
              ) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the result of an experiment, where it comes from, and what there is to say.

    It is loaded when one with the same key is kept in `folder`; else it is made, from the pieces
    that are kept already, and kept.

    Parameters
    ----------
    entry, module, config
        The experiment.
    folder : Path
        Where values are kept.
    show : callable, optional
        ``show(share, text)``.
    force : bool
        Make it anew, whatever is kept.
    """
    said: list[str] = []
    mine = key(entry, config)
    keeper = keeping.Keeper(folder / mine, said.append)
    if force:
        keeping.forget(folder, [p.name for p in folder.glob("*") if p.name != mine])
    kept = None if force else keeper.get("result", _is_result)
    if kept is not None:
        result, about = kept[0]
        return result, about, [*said, f"loaded: made on {about['started']} with the same "
                               "configuration, sources and code; --force makes it again"]
    about = provenance(entry.path) | {"key": mine}
    clock = time.perf_counter()
    progress = keeping.KeepingReporter(keeper, show)
    result = asking.result(entry.path, asking.ask(entry.path, "run", module.run, config, progress))
    about["seconds_run"] = time.perf_counter() - clock
    about["versions"] = versions()  # with the libraries that the run has loaded
    if progress.loaded:
        said.append(f"gone on after a run that was stopped: {progress.loaded} of "
                    f"{progress.loaded + progress.made} pieces were kept")
    if keeper.put("result", (result, about)):
        result = keeping.unpack(keeping.pack(result))  # as a run that loads it sees it
        keeper.drop_pieces()
    keeping.prune(folder, mine)
    return result, about, said


def claims_from(entry: Entry, module: Any, result: dict[str, Any]) -> tuple[Claim, ...]:
    """Return the claims of a result; raise `asking.Failed` when they are none."""
    if not hasattr(module, "claims"):
        return ()
    made = asking.ask(entry.path, "claims", module.claims, result)
    return asking.claims(entry.path, made, Claim)


def tables_from(entry: Entry, module: Any, result: dict[str, Any]) -> list[Table]:
    """Return the tables of a result; raise `asking.Failed` when they are none."""
    if not hasattr(module, "table"):
        return []
    return asking.tables(entry.path, asking.ask(entry.path, "table", module.table, result))


def numbers_from(entry: Entry, module: Any, result: dict[str, Any]) -> dict[str, Number]:
    """Return the numbers that a text may quote; raise `asking.Failed` when they are none."""
    if not hasattr(module, "numbers"):
        return {}
    return asking.numbers(entry.path, asking.ask(entry.path, "numbers", module.numbers, result))


def figures_from(entry: Entry, module: Any, result: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a result, drawn; raise `asking.Failed` when they are none."""
    if not hasattr(module, "figures"):
        return {}
    from flowopt.plotting import style

    with style():
        made = asking.ask(entry.path, "figures", module.figures, result)
    return asking.figures(entry.path, made)


def execute(entry: Entry, module: Any, config: Any, out: Path,
            progress: Callable[[float, str], None] = SILENT, quick: bool = False,
            force: bool = False) -> Outcome:
    """Run an experiment, or load its kept result, and write its folder.

    The folder has the figures, one json with every number, and the summary; ``.kept`` in it has
    the kept values.

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
    force : bool
        Run it even if a result with the same key is kept.

    Returns
    -------
    Outcome

    Raises
    ------
    NotWritten
        When the files cannot be written; the folder is as it was then.
    Failed
        When a function of the experiment goes wrong; the same.
    """
    clock = time.perf_counter()
    show = progress.show if type(progress) is Reporter else progress
    result, about, said = result_of(entry, module, config, out / KEPT, show, force)
    progress(0.92, "figures")
    claims = claims_from(entry, module, result)
    text = (asking.summary(entry.path, asking.ask(entry.path, "summary", module.summary, result))
            if hasattr(module, "summary") else "")
    tables, numbers = tables_from(entry, module, result), numbers_from(entry, module, result)
    text = "\n\n".join([*([text.rstrip()] if text else []), *(table.text for table in tables)])
    files: dict[str, bytes] = {}
    for name, figure in figures_from(entry, module, result).items():
        files |= asking.ask(entry.path, f"the figure {name}", figure_files, name, figure)
    about = about | {"seconds": about["seconds_run"] + time.perf_counter() - clock
                     if said and said[-1].startswith("loaded") else time.perf_counter() - clock}
    settings = None if config is None else plain(config)
    seed = getattr(config, "seed", None)
    record = {"experiment": entry.name, "question": entry.question, "config": settings,
              "quick": quick,
              "seeds": result.get("seeds", {} if seed is None else {"seed": seed}),
              "result": result, "tables": tables, "claims": claims, "numbers": numbers,
              "provenance": about, "files": sorted(files)}
    lines = "\n".join([text.rstrip(), *(["", "Checks"] if claims else []),
                       *(f"   {claim.line}" for claim in claims)]).strip()
    files["summary.txt"] = f"{lines}\n".encode()
    try:
        files[f"{entry.name}.json"] = (json.dumps(plain(record), indent=1, allow_nan=False)
                                       + "\n").encode()
    except RecursionError:
        raise asking.Failed(f"run of {entry.path.name} must return a dict that does not hold "
                            "itself") from None
    except ValueError as problem:
        raise asking.Failed(f"what {entry.path.name} gives cannot be written: "
                            f"{asking.reason(problem)}") from None
    written = write_all(out, files)
    progress(1.0, "written")
    return Outcome(result, lines, claims, tuple(written), "\n".join(said))
