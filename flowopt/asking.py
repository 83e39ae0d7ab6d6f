"""What an experiment's own functions give, asked for and checked.

A mistake in one of them is a sentence that names the function, and nothing wrong is written.
"""

from __future__ import annotations

import dataclasses
import os
import re
import traceback
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.options import Options
from flowopt.quoting import Number
from flowopt.reporting import Table

#: the options that every experiment has
TAKEN = ("out", "set", "quick", "force", "help")
#: the most letters of an exception's text that a sentence repeats
_MOST = 300


class Failed(Exception):
    """A function of an experiment went wrong; the message says which and why in one sentence."""


def file_name(name: Any) -> bool:
    """Return whether a text can be a part of a file's name: no folders, nothing hidden.

    Examples
    --------
    >>> file_name("1-map"), file_name("größe"), file_name("../map"), file_name(".map")
    (True, True, False, False)
    """
    return (isinstance(name, str) and name.isprintable() and len(name.encode()) <= 200
            and name == name.strip() and name != "" and not name.startswith(".")
            and not re.search(r"[/\\]", name))


def ask(source: Path, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function of an experiment returns.

    Parameters
    ----------
    source : Path
        The file of the experiment.
    name : str
        How a message calls the function.
    function : callable
        The function, called with `arguments`.

    Raises
    ------
    Failed
        When it raises, with the line of the experiment where.
    """
    try:
        return function(*arguments)
    except (Exception, SystemExit) as problem:
        raise Failed(f"{name} of {source.name} failed with {reason(problem)}"
                     f"{place(source, problem)}") from problem


def reason(problem: BaseException) -> str:
    """Return the type of an exception and the first line of its text.

    Examples
    --------
    >>> reason(ValueError("too small")), reason(ZeroDivisionError())
    ('ValueError: too small', 'ZeroDivisionError')
    """
    lines = str(problem).strip().splitlines()
    text = lines[0] if lines else ""
    text = text if len(text) <= _MOST else f"{text[:_MOST]}…"
    return f"{type(problem).__name__}{f': {text}' if text else ''}"


def place(source: Path, problem: BaseException) -> str:
    """Return the lines of the experiment, and of files beside it, that led to an exception."""
    folder = f"{source.parent}{os.sep}"
    frames = [(Path(frame.filename).name, frame.lineno)
              for frame in traceback.extract_tb(problem.__traceback__)
              if frame.filename.startswith(folder)]
    shown = dict.fromkeys(f"line {line} of {file}" for file, line in frames[-3:])
    return f", in {', from '.join(reversed(shown))}" if shown else ""


def config(kind: Any, quick: Any) -> str | None:  # noqa: PLR0911
    """Return what is wrong with the Config of an experiment and its QUICK, or None."""
    if kind is None:
        return "its QUICK has no effect without a Config" if quick else None
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return "its Config is not a dataclass"
    if not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "its Config is not frozen, so that a run could change what is recorded of it"
    fields = [f for f in dataclasses.fields(kind) if f.init]
    for f in fields:
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            return f"the field {f.name} of its Config has no default"
        if f.name in TAKEN:
            return (f"--{f.name} is an option of every experiment; call the field of its Config "
                    "otherwise")
        if "range" in f.metadata and not issubclass(kind, Options):
            return (f"the range of {f.name} has no effect; derive its Config from "
                    "flowopt.options.Options")
    try:
        typing.get_type_hints(kind)
    except Exception as problem:
        return f"the types of its Config are not known: {reason(problem)}"
    if quick is not None and not isinstance(quick, dict):
        return f"its QUICK must be a dict of values of Config, got {_shown(quick)}"
    for name in quick or ():
        if name not in [f.name for f in fields]:
            return f"its QUICK names {_check.shown(name)}, which its Config does not have"
    return None


def result(source: Path, made: Any) -> dict[str, Any]:
    """Return what `run` returned, a dict with names of text."""
    if not isinstance(made, dict) or not all(isinstance(key, str) for key in made):
        raise Failed(f"run of {source.name} must return a dict of numbers, arrays and texts by "
                     f"name, got {_shown(made)}")
    return made


def summary(source: Path, made: Any) -> str:
    """Return what `summary` returned, a text."""
    if not isinstance(made, str):
        raise Failed(f"summary of {source.name} must return a text, got {_shown(made)}")
    return made


def claims(source: Path, made: Any, kind: type) -> tuple[Any, ...]:
    """Return what `claims` returned, in a tuple: claims that hold, fail or do not apply."""
    if not isinstance(made, (list, tuple)) or not all(isinstance(one, kind) for one in made):
        raise Failed(f"claims of {source.name} must return a list of Claim, got {_shown(made)}")
    for one in made:
        if one.holds is not None and not isinstance(one.holds, (bool, np.bool_)):
            raise Failed(f"claims of {source.name} must say of each claim whether it holds with "
                         f"True, False or None, got {_shown(one.holds)} of "
                         f"{_check.shown(one.text)}")
    return tuple(made)


def tables(source: Path, made: Any, name: str = "table") -> list[Table]:
    """Return what `table` returned, in a list: tables with rows as long as their columns."""
    made = [made] if isinstance(made, Table) else made
    if not isinstance(made, (list, tuple)) or not all(isinstance(one, Table) for one in made):
        raise Failed(f"{name} of {source.name} must return a Table or a list of them, got "
                     f"{_shown(made)}")
    for one in made:
        for row in one.rows:
            if len(row) != len(one.columns):
                raise Failed(f"{name} of {source.name} must have rows as long as its "
                             f"{len(one.columns)} columns, got one of {len(row)} in "
                             f"{_check.shown(one.caption)}")
    return list(made)


def numbers(source: Path, made: Any) -> dict[str, Number]:
    """Return what `numbers` returned: numbers by names that a text can quote."""
    if not isinstance(made, Mapping):
        raise Failed(f"numbers of {source.name} must return a dict of numbers by name, got "
                     f"{_shown(made)}")
    for name, value in made.items():
        if (not isinstance(value, Number) or not isinstance(name, str)
                or not re.fullmatch(r"[A-Za-z0-9.+-]+", name)):
            raise Failed(f"numbers of {source.name}: the number {_check.shown(name)} must have a "
                         "name of letters, digits and hyphens, and be made with flowopt.quoting")
    return dict(made)


def figures(source: Path, made: Any) -> dict[str, Any]:
    """Return what `figures` returned: figures by names that files can have."""
    if not isinstance(made, Mapping):
        raise Failed(f"figures of {source.name} must return a dict of matplotlib figures by name, "
                     f"got {_shown(made)}")
    for name, figure in made.items():
        if not file_name(name):
            raise Failed(f"figures of {source.name} must have names that files can have, without "
                         f"folders, got {_shown(name)}")
        if not callable(getattr(figure, "savefig", None)):
            raise Failed(f"figures of {source.name}: {name} must be a matplotlib figure, got "
                         f"{_shown(figure)}")
    return dict(made)


def _shown(value: Any) -> str:
    """Return a value as a message shows it: short values as they are, others by type."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return _check.shown(value)
    kinds = {type(one).__name__ for one in value} if isinstance(value, (list, tuple)) else set()
    inside = f" of {', '.join(sorted(kinds))}" if kinds else ""
    return f"one of type {type(value).__name__}{inside}"
