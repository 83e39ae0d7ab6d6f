"""Where a paper, its products and the results of its experiments disagree: one line for each."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from flowopt import _check
from flowopt.paper import bibliography, source, tex
from flowopt.paper.products import MANIFEST, NUMBERS, RECORD, Products, read_numbers, sha256
from flowopt.paper.source import Place, Source

AGAIN = "run make paper"


@dataclass
class Findings:
    """What was found: failures, and warnings, which are none."""

    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def on_disk(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the numbers of the products on disk, and the paths of their figures and tables."""
    try:
        numbers = read_numbers((folder / NUMBERS).read_text(encoding="utf-8"))
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["products"]
        return numbers, list(listed)
    except (OSError, ValueError, KeyError, TypeError):
        return {}, []


def changed(folder: Path) -> list[str]:
    """Return the products on disk that are not those of which the manifest tells."""
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sums = {NUMBERS: listed["numbers"]["sha256"]} | {
            name: one["sha256"] for name, one in listed["products"].items() if "sha256" in one}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [f"{MANIFEST} cannot be read; {AGAIN}"]
    found = []
    for name, wanted in sums.items():
        try:
            same = sha256((folder / name).read_bytes()) == wanted
        except OSError:
            found.append(f"{name} cannot be read; {AGAIN}")
            continue
        if not same:
            found.append(f"{name} was changed after {MANIFEST} was made; {AGAIN}")
    return found


def products(folder: Path, made: Products) -> list[str]:
    """Return where the products on disk are not those that the results give.

    A figure that is not on disk is no finding: figures are not committed, and every build makes
    them.
    """
    found = []
    for name, data in made.files.items():
        if name == RECORD:
            continue
        try:
            before = (folder / name).read_bytes()
        except OSError:
            if not name.startswith("figures/"):
                found.append(f"{name} does not exist; {AGAIN}")
            continue
        if before == data or name == MANIFEST and found and _but_numbers(before, data):
            continue
        lines = (numbers(read_numbers(before.decode(errors="replace")), made.quoted)
                 if name == NUMBERS else rows(name, before, data) if name.startswith("tables/")
                 else [])
        found += [f"{line}; {AGAIN}" for line in lines] or [
            f"{name} is not what the experiments give; {AGAIN}"]
    for folder_of, kind in (("tables", "tex"), ("figures", "pdf")):
        found += [f"{folder_of}/{path.name} is no product of contents.toml; remove it"
                  for path in sorted((folder / folder_of).glob(f"*.{kind}"))
                  if f"{folder_of}/{path.name}" not in made.files]
    return found


def _but_numbers(before: bytes, now: bytes) -> bool:
    """Return whether manifests differ in the checksum of the numbers at most: those are told."""
    try:
        was, gives = json.loads(before), json.loads(now)
        return bool({**was, "numbers": None} == {**gives, "numbers": None})
    except (ValueError, TypeError):
        return False


def changes(before: dict[str, str], now: dict[str, str]
            ) -> list[tuple[str, str | None, str | None]]:
    """Return the names of numbers that differ, with what each was and is, as plain text.

    Examples
    --------
    >>> changes({"a/p": "5", "a/q": "1"}, {"a/p": "6", "a/r": "2"})
    [('a/p', '5', '6'), ('a/q', '1', None), ('a/r', None, '2')]
    """
    def shown(numbers: dict[str, str], name: str) -> str | None:
        return tex.plain(numbers[name]) if name in numbers else None

    return [(name, shown(before, name), shown(now, name)) for name in sorted({*before, *now})
            if before.get(name) != now.get(name)]


def numbers(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return how the numbers on disk differ from those that the text quotes."""
    return [f"{NUMBERS} says {name} is {was}, the experiment gives {value}"
            if was is not None and value is not None
            else f"{NUMBERS} has {name}, which the text does not quote" if value is None
            else f"{NUMBERS} lacks {name}, the experiment gives {value}"
            for name, was, value in changes(before, now)]


def rows(name: str, before: bytes, now: bytes) -> list[str]:
    """Return the first line of a table that differs."""
    old, new = before.decode(errors="replace").splitlines(), now.decode().splitlines()
    for k in range(max(len(old), len(new))):
        was, gives = (part[k].strip() if k < len(part) else "no line" for part in (old, new))
        if was != gives:
            return [f"{name}:{k + 1} has {was} and the experiment gives {gives}"]
    return []


def text(main: Path, known_numbers: Collection[str], known_files: Collection[str]) -> Findings:
    """Return what is wrong in the text: typed numbers, unknown names, citations.

    Parameters
    ----------
    main : Path
        The text; files that it takes in are read too.
    known_numbers, known_files : collection of str
        The names of the numbers, and the paths of the figures and tables.
    """
    found = Findings()
    if not main.is_file():
        found.failures.append(f"{main.name} does not exist in {main.parent}")
        return found
    files, missing = source.read(main)
    for place in missing:
        found.failures.append(f"{place.at}: {place.what} cannot be read")
    for one in files:
        found.failures += [
            f"{place.at}: the number {place.what} is typed; take it from an experiment with "
            r"\val{...}, or, if it is a definition, write \given{...}"
            for place in one.typed_numbers()]
    values = _every(files, "val")
    if values and "flowopt" not in {one.what for one in _every(files, "usepackage")}:
        found.failures.append(rf"{values[0].at}: \val is unknown without \usepackage{{flowopt}}")
    _products_used(files, known_numbers, known_files, found)
    _citations(main.parent, files, found)
    return found


def _every(files: list[Source], command: str) -> list[Place]:
    return [place for one in files for place in one.arguments(command)]


def _products_used(files: list[Source], known_numbers: Collection[str],
                   known_files: Collection[str], found: Findings) -> None:
    for place in _every(files, "val"):
        if place.what not in known_numbers:
            found.failures.append(f"{place.at}: {_unknown(place.what, known_numbers)}")
    used = set()
    for place in _every(files, "includegraphics") + [
            p for p in _every(files, "input") if p.what.startswith("tables/")]:
        kind = ".tex" if place.what.startswith("tables/") else ".pdf"
        name = place.what if place.what.endswith(kind) else place.what + kind
        used.add(name)
        if name not in known_files:
            found.failures.append(f"{place.at}: {name} is no product of contents.toml; "
                                  + _nearest(name, known_files))
    found.warnings += [f"{name} is not used in the text" for name in known_files
                       if name not in used]


def _unknown(name: str, known: Collection[str]) -> str:
    """Return a sentence about a number that there is not, with the nearest of its experiment."""
    of, _, number = name.partition("/")
    beside = [other.partition("/")[2] for other in known if other.startswith(f"{of}/")]
    if beside:
        return f"{of} gives no number {number}; {_check.nearest(number, beside)}"
    return (f"no experiment of contents.toml is called {of}; "
            + _nearest(of, {other.partition("/")[0] for other in known}))


def _nearest(name: str, known: Collection[str]) -> str:
    return _check.nearest(name, known) if known else f"there is none: {AGAIN}"


def _citations(folder: Path, files: list[Source], found: Findings) -> None:
    cited = _every(files, r"(?:[Cc]ite\w*|nocite)")
    entries: dict[str, bibliography.Entry] = {}
    for place in _every(files, "bibliography|addbibresource"):
        name = place.what if place.what.endswith(".bib") else f"{place.what}.bib"
        try:
            made = bibliography.read(folder / name)
        except (OSError, UnicodeDecodeError):
            found.failures.append(f"{place.at}: {name} cannot be read")
            continue
        for entry in made:
            at = f"{name}:{entry.line}: {entry.key}"
            if entry.key in entries:
                found.failures.append(f"{at} is there twice; remove one")
            if entry.missing:
                found.failures.append(f"{at} has no {', no '.join(entry.missing)}")
            if entry.key not in (keys := {c.what for c in cited}) and "*" not in keys:
                found.failures.append(f"{at} is not cited; remove it")
            entries[entry.key] = entry
    found.failures += [f"{place.at}: {place.what} is in no bibliography; "
                       + (_check.nearest(place.what, entries) if entries else "there is none")
                       for place in cited if place.what not in entries and place.what != "*"]
