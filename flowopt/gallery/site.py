"""The generated pages of the documentation, written where something changed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from flowopt import experiment
from flowopt.gallery import tables
from flowopt.gallery.made import make
from flowopt.gallery.page import files_of, page
from flowopt.gallery.rst import escaped, heading
from flowopt.results import NotWritten


def source_of(docs: Path) -> Path:
    """Return the folder of the sources of the documentation.

    Raises
    ------
    ValueError
        When there is none.
    """
    if docs.exists() and not docs.is_dir():
        raise ValueError(f"docs must be the folder of the documentation, and {docs} is a file")
    if not (docs / "source" / "conf.py").is_file():
        raise ValueError(f"docs must be the folder of the documentation, and {docs} has no "
                         "source/conf.py; run this in a clone of flowopt, or say --docs")
    return docs / "source"


def put(path: Path, data: bytes) -> None:
    """Write a file whole, if it is not there as it should be: what is unchanged is not read again.

    Raises
    ------
    NotWritten
        When it cannot be written.
    """
    waiting = path.with_name(f".{path.name}.part")
    try:
        if path.is_file() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting.write_bytes(data)
        os.replace(waiting, path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            waiting.unlink()
        why = ("there is no space left on the disk" if problem.errno == errno.ENOSPC
               else problem.strerror or str(problem))
        raise NotWritten(f"{path} could not be written: {why}") from problem


def write(source: Path, entries: list[experiment.Entry], quick: bool, results: Path,
          say: Callable[[str], None]) -> None:
    """Write the generated pages; what is missing is run first.

    Parameters
    ----------
    source : Path
        From `source_of`.
    entries : list of Entry
        The experiments whose pages are made; those of others stay as they are.
    quick : bool
        Whether they run in their quick configurations.
    results : Path
        The folder of the results.
    say : callable
        Takes a line on what was done.
    """
    folder = source / "experiments"
    for entry in entries:
        made = make(entry, results, quick, say)
        files = files_of(made)
        for name, data in files.items():
            put(folder / entry.name / name, data)
        for path in (folder / entry.name).iterdir():
            if path.name not in files:
                path.unlink()
        put(folder / f"{entry.name}.rst", page(made).encode())
    known = {entry.name: entry for entry in [*experiment.catalogue(), *entries]}
    for path in folder.glob("*.rst"):
        if path.stem not in known:  # an experiment that is no more
            path.unlink()
            shutil.rmtree(folder / path.stem, ignore_errors=True)
    shown = [entry for name, entry in sorted(known.items()) if (folder / f"{name}.rst").is_file()]
    put(source / "gallery.rst", gallery(shown, folder).encode())
    put(source / "dictionary.rst", tables.dictionary().encode())
    put(source / "atlas.rst", tables.atlas(results / ".atlas", say).encode())


def gallery(entries: list[experiment.Entry], folder: Path) -> str:
    """Return the page with a small picture and the question of each experiment."""
    parts = [tables.NOTE, heading("The gallery", "="),
             "Each experiment is one question with a configuration, and its claims hold or fail. "
             "The pages are made from\nthe results, nothing on them is written by hand; "
             "``flowopt run NAME`` makes the same again.",
             ".. container:: pictures"]
    for entry in entries:
        if (folder / entry.name / "thumbnail.png").is_file():
            parts.append(f"   .. figure:: experiments/{entry.name}/thumbnail.png\n"
                         f"      :alt: {escaped(f'The first figure of {entry.name}')}\n"
                         f"      :target: experiments/{entry.name}.html\n\n"
                         f"      :doc:`experiments/{entry.name}`\n\n"
                         f"      {escaped(entry.question)}")
        else:
            parts.append(f"   :doc:`experiments/{entry.name}`: {escaped(entry.question)}")
    names = "\n".join(f"   experiments/{entry.name}" for entry in entries)
    parts.append(f".. toctree::\n   :hidden:\n\n{names}")
    return "\n\n".join(parts) + "\n"
