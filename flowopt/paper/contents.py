"""What a paper takes from which experiments: ``contents.toml``.

.. code-block:: toml

    [experiments.step-limits]                # flowopt list shows the names
    set = { points = 17 }                    # options that are not the default
    figures = ["limits"]
    tables = [1, "limits-of", { table = 1, name = "short", columns = ["rule", "exact"] }]

A table is chosen by its place (from 1) or by the beginning of its caption, in small letters with
hyphens; a column by its name or, where two have it, by its place. ``experiment = "..."`` gives the
experiment where the heading is another name: of a second configuration, or of a script, whose path
is relative to ``contents.toml``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowopt import _check, experiment

_KEYS = ("experiment", "set", "figures", "tables")
_TABLE_KEYS = ("table", "name", "columns")
#: the longest name that is made of a caption
_MOST_LETTERS = 40


class Refused(ValueError):
    """The contents ask for what there is not; the message says it in one sentence."""


@dataclass(frozen=True)
class WantedTable:
    """A table by place or beginning of caption, its name in the paper, and its columns."""

    which: int | str
    name: str | None = None
    columns: tuple[str | int, ...] | None = None


@dataclass(frozen=True)
class Wanted:
    """An experiment of the paper: its name there, its configuration, its figures and tables."""

    name: str
    entry: experiment.Entry
    module: Any
    config: Any
    figures: tuple[str, ...] = ()
    tables: tuple[WantedTable, ...] = ()


def slug(text: str) -> str:
    """Return a text in small letters and digits with hyphens.

    Examples
    --------
    >>> slug("Limits of lr, exact & measured (β = 0.5)")
    'limits-of-lr-exact-measured-0-5'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))


def short_slug(text: str) -> str:
    """Return the first words of a slug, about forty letters of them."""
    words = slug(text).split("-")
    while len(words) > 1 and len("-".join(words)) > _MOST_LETTERS:
        words.pop()
    return "-".join(words)


def known(where: str, name: Any, names: Collection[str], kind: str = "key") -> None:
    """Refuse a name that is not among those known, with the nearest of them."""
    if name not in names:
        hint = _check.nearest(str(name), names) if names else "there is none"
        raise Refused(f"{where} has no {kind} {_check.shown(name)}; {hint}")


def read(path: Path) -> list[Wanted]:
    """Return what ``contents.toml`` asks for.

    Raises
    ------
    Refused
        When it cannot be read, or asks for an experiment, a key or an option that is unknown.
    """
    try:
        made = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"a paper is a folder with a contents.toml, and there is no {path}; "
                      "--folder names another folder") from None
    except OSError as problem:
        raise Refused(f"{path} cannot be read: {problem.strerror or problem}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise Refused(f"{path} is not TOML: {problem}") from None
    for key in made:
        known(path.name, key, ("experiments",))
    experiments = made.get("experiments")
    if not isinstance(experiments, dict) or not experiments:
        raise Refused(f"{path.name} must name its experiments, as [experiments.NAME]")
    return [_wanted(path, name, what) for name, what in experiments.items()]


def _wanted(path: Path, name: str, what: Any) -> Wanted:
    where = f"{path.name}: experiments.{name}"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise Refused(f"{where} must be called by small letters, digits and hyphens")
    if not isinstance(what, dict):
        raise Refused(f"{where} must be a table, as [experiments.{name}], got "
                      f"{_check.shown(what)}")
    for key in what:
        known(where, key, _KEYS)
    target = what.get("experiment", name)
    if not isinstance(target, str):
        raise Refused(f"{where}.experiment must be a name or a path, got {_check.shown(target)}")
    if target.endswith(".py"):
        target = str(path.parent / target)
    options = what.get("set", {})
    if not isinstance(options, dict):
        raise Refused(f"{where}.set must be a table of options, got {_check.shown(options)}")
    try:
        entry = experiment.find(target)
        module = experiment.load(entry)
        config = _configured(getattr(module, "Config", None), options)
    except (ValueError, TypeError) as problem:
        raise Refused(f"{where}: {problem}") from None
    figures = what.get("figures", [])
    if not (isinstance(figures, list) and all(isinstance(f, str) for f in figures)):
        raise Refused(f"{where}.figures must be a list of names, got {_check.shown(figures)}")
    tables = what.get("tables", [])
    if not isinstance(tables, list):
        raise Refused(f"{where}.tables must be a list, got {_check.shown(tables)}")
    return Wanted(name, entry, module, config, tuple(figures),
                  tuple(_table(f"{where}.tables", one) for one in tables))


def _configured(config_type: Any, options: dict[str, Any]) -> Any:
    """Return the Config of options, through the same door as those of the command line."""
    from flowopt.cli import configured

    def text(value: Any) -> str:
        if isinstance(value, list):
            return ",".join(map(text, value))
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)

    return configured(config_type, {key: text(value) for key, value in options.items()})


def _table(where: str, what: Any) -> WantedTable:
    given = what if isinstance(what, dict) else {"table": what}
    for key in given:
        known(where, key, _TABLE_KEYS)
    which = given.get("table")
    if isinstance(which, bool) or not isinstance(which, (int, str)) or which in (0, ""):
        raise Refused(f"{where} must hold places from 1, beginnings of captions, or "
                      f"{{ table = ..., name = ..., columns = [...] }}, got {_check.shown(what)}")
    name = given.get("name", which if isinstance(which, str) else None)
    if name is not None and (not isinstance(name, str) or slug(name) != name):
        raise Refused(f"{where} must have names of small letters, digits and hyphens, got "
                      f"{_check.shown(name)}")
    columns = given.get("columns")
    if columns is not None and not (isinstance(columns, list) and columns and
                                    all(type(c) in (str, int) for c in columns)):
        raise Refused(f"{where} must have columns that are a list of names or places, got "
                      f"{_check.shown(columns)}")
    return WantedTable(which, name, None if columns is None else tuple(columns))
