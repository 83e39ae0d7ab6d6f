"""The products of a paper: made of results alone, written whole or not at all.

What is committed (``numbers.tex``, ``tables``, ``manifest.json``) holds nothing that depends on the
machine, the time or the commit, so that a change of a result is a change of a line. The key in the
manifest is that of the configuration and of the experiment's sources; the key under which a result
is kept, which knows the code, the libraries and the machine too, stands in ``build/results.json``,
which is not committed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowopt import asking, experiment, keeping
from flowopt.paper import tex
from flowopt.paper.contents import Refused, Wanted, WantedTable, known, short_slug, slug
from flowopt.reporting import Table
from flowopt.results import figure_files, plain, write_all

NUMBERS, MANIFEST, RECORD = "numbers.tex", "manifest.json", "build/results.json"
#: what gives a text its numbers: a copy of the file beside this one
STYLE = "flowopt.sty"
HEADER = "% Made by `flowopt paper` from the results of experiments; do not edit.\n"


@dataclass(frozen=True)
class Products:
    """Every product of a paper.

    Parameters
    ----------
    numbers : dict
        TeX of every number and option that the experiments offer, by the name that a text uses.
    quoted : dict
        Those that the text quotes: they stand in `NUMBERS`.
    files : dict
        The bytes of every file, by its path in the paper's folder; all but `RECORD` are products.
    notes : list of str
        What there is to say about kept results.
    """

    numbers: dict[str, str]
    quoted: dict[str, str]
    files: dict[str, bytes]
    notes: list[str] = field(default_factory=list)

    @property
    def shown(self) -> list[str]:
        """The paths of the figures and the tables."""
        return [name for name in self.files if name.startswith(("figures/", "tables/"))]


@dataclass(frozen=True)
class _Part:
    """What one experiment gives: numbers, files, and its entries in the manifest."""

    numbers: dict[str, str]
    files: dict[str, bytes]
    origin: dict[str, Any]
    listed: dict[str, dict[str, Any]]


def make(wanted: list[Wanted], results: Path, names: Collection[str],
         show: Callable[[float, str], None] = lambda share, text: None) -> Products:
    """Return the products of a paper; results are loaded where they are kept, else made and kept.

    Parameters
    ----------
    wanted : list of Wanted
        From `flowopt.paper.contents.read`.
    results : Path
        The folder of results. The paper shares the kept values of ``flowopt run`` in
        ``NAME/.kept``, where each configuration has its own, and writes nothing else there: the
        figures and numbers of another configuration stay as they are.
    names : collection of str
        The numbers that the text quotes; what no experiment offers is left out.
    show : callable, optional
        ``show(share, text)``: the progress.

    Raises
    ------
    Refused
        When a result has no such figure, table or column, or a text that TeX cannot print.
    Failed
        When a function of an experiment goes wrong.
    """
    parts: dict[str, _Part] = {}
    made_by: dict[str, Any] = {}
    notes: list[str] = []
    for i, one in enumerate(wanted):
        def shown(share: float, text: str, i: int = i, name: str = one.name) -> None:
            show((i + share) / len(wanted), f"{name}: {text}" if text else name)

        folder = results / one.entry.name / experiment.KEPT
        result, about, said = experiment.result_of(one.entry, one.module, one.config, folder, shown)
        notes += [f"{one.name}: {line}" for line in said if not line.startswith("loaded")]
        made_by[one.name] = about
        shown(0.92, "products")
        parts[one.name] = _part(one, result)
    numbers = {name: text for part in parts.values() for name, text in part.numbers.items()}
    files = {name: data for part in parts.values() for name, data in part.files.items()}
    quoted = {name: numbers[name] for name in sorted(names) if name in numbers}
    files[NUMBERS] = numbers_file(quoted)
    listed = {name: entry for part in parts.values() for name, entry in part.listed.items()}
    manifest = {"experiments": {name: part.origin for name, part in parts.items()},
                "numbers": {"sha256": sha256(files[NUMBERS])},
                "products": dict(sorted(listed.items()))}
    files[MANIFEST] = _json(manifest)
    files[STYLE] = (Path(__file__).parent / STYLE).read_bytes()
    files[RECORD] = _json(plain(made_by))
    return Products(numbers, quoted, files, notes)


def _part(one: Wanted, result: dict[str, Any]) -> _Part:
    """Return what an experiment gives to the paper."""
    where = f"contents.toml: experiments.{one.name}"
    try:
        numbers = {f"{one.name}/config/{k}": v for k, v in tex.options(one.config).items()}
    except ValueError as problem:
        raise Refused(f"{where}: {problem}") from None
    for name, value in experiment.numbers_from(one.entry, one.module, result).items():
        if not value.tex.isascii():
            raise Refused(f"{where}: the number {name!r} is {value.tex!r}, which is no ASCII")
        numbers[f"{one.name}/{name}"] = value.tex
    files: dict[str, bytes] = {}
    listed: dict[str, dict[str, Any]] = {}
    for name, figure in _figures(one, result, where).items():
        path = f"figures/{one.name}-{name}.pdf"
        files[path] = figure_files(name, figure, ("pdf",))[f"{name}.pdf"]
        listed[path] = {"experiment": one.name, "figure": name}
    every = experiment.tables_from(one.entry, one.module, result)
    for_print = _for_print(one, result)
    for want in one.tables:
        table = for_print.get(want.which) or _chosen(f"{where}.tables", want, every)
        path = f"tables/{one.name}-{want.name or short_slug(table.caption)}.tex"
        if path in files:
            raise Refused(f"{where}.tables has two of the name {path}; give one a name")
        places = _columns(f"{where}.tables: {slug(table.caption)}", want, list(table.columns))
        try:
            files[path] = (HEADER + tex.tabular(table, places) + "\n").encode()
        except ValueError as problem:
            raise Refused(f"{where}.tables: {problem}") from None
        listed[path] = {"experiment": one.name, "caption": table.caption,
                        "columns": [table.columns[j] for j in places],
                        "sha256": sha256(files[path])}
    settings = plain(one.config)
    key = keeping.key_of(one.entry.name.encode(), json.dumps(settings, sort_keys=True).encode(),
                         keeping.sources_of(one.entry.path))
    origin = {"experiment": one.entry.name, "source": one.entry.path.name, "config": settings,
              "key": key}
    return _Part(numbers, files, origin, listed)


def _for_print(one: Wanted, result: dict[str, Any]) -> dict[Any, Table]:
    """Return the tables that the experiment makes for print, by name."""
    if not hasattr(one.module, "paper_tables"):
        return {}
    source = one.entry.path
    made = asking.ask(source, "paper_tables", one.module.paper_tables, result)
    if not isinstance(made, dict):
        raise asking.Failed(f"paper_tables of {source.name} must return a dict of tables by name")
    asking.tables(source, list(made.values()), "paper_tables")
    return made


def _figures(one: Wanted, result: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the figures that are wanted, drawn."""
    if not one.figures:
        return {}
    drawn = experiment.figures_from(one.entry, one.module, result)
    for name in one.figures:
        known(where, name, drawn, "figure")
    return {name: drawn[name] for name in one.figures}


def _chosen(where: str, want: WantedTable, tables: list[Table]) -> Table:
    """Return the table of a place or of the beginning of its caption."""
    slugs = [slug(table.caption) for table in tables]
    if isinstance(want.which, int):
        if not 1 <= want.which <= len(tables):
            raise Refused(f"{where} has no table {want.which}; there are {len(tables)}")
        return tables[want.which - 1]
    found = [t for t, s in zip(tables, slugs, strict=True) if s.startswith(want.which)]
    if len(found) > 1:
        raise Refused(f"{where}: {len(found)} captions begin with {want.which}; say more of it, or "
                      "give its place")
    if not found:
        known(where, want.which, slugs, "table")
    return found[0]


def _columns(where: str, want: WantedTable, names: list[str]) -> list[int]:
    """Return the places of the columns that are wanted, from 0."""
    if want.columns is None:
        return list(range(len(names)))
    for column in want.columns:
        if isinstance(column, int):
            if not 1 <= column <= len(names):
                raise Refused(f"{where} has no column {column}; there are {len(names)}")
            continue
        known(where, column, names, "column")
        if names.count(column) > 1:
            raise Refused(f"{where} has {names.count(column)} columns called {column!r}; give the "
                          "place of one, from 1")
    return [c - 1 if isinstance(c, int) else names.index(c) for c in want.columns]


def numbers_file(numbers: dict[str, str]) -> bytes:
    """Return ``numbers.tex``, sorted by name."""
    lines = (rf"\flowoptvalue{{{name}}}{{{text}}}" + "\n" for name, text in sorted(numbers.items()))
    return (HEADER + "".join(lines)).encode()


def read_numbers(text: str) -> dict[str, str]:
    r"""Return the numbers of a ``numbers.tex``.

    Examples
    --------
    >>> read_numbers(numbers_file({"a/p": r"\ensuremath{5\,\%}"}).decode())
    {'a/p': '\\ensuremath{5\\,\\%}'}
    """
    return dict(re.findall(r"^\\flowoptvalue\{([^}]*)\}\{(.*)\}$", text, re.M))


def write(folder: Path, products: Products) -> None:
    """Write every product under a temporary name, then rename all of them into place.

    Raises
    ------
    NotWritten
        When there is no space left, for example; the folder is as it was then.
    """
    write_all(folder, products.files)


def sha256(data: bytes) -> str:
    """Return the checksum of a product."""
    return hashlib.sha256(data).hexdigest()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
