"""The entries of a bibliography: read, and asked for what a reader needs to find the work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_NEEDED = ("author", "title", "year")
_FINDABLE = ("doi", "eprint", "url")


@dataclass(frozen=True)
class Entry:
    """An entry: its key, its fields by name in small letters, its line."""

    key: str
    fields: dict[str, str]
    line: int

    @property
    def missing(self) -> list[str]:
        """What the entry lacks."""
        lacks = [name for name in _NEEDED if not self.fields.get(name)]
        return lacks + ([] if any(self.fields.get(name) for name in _FINDABLE)
                        else ["doi, eprint or url"])


def read(path: Path) -> list[Entry]:
    """Return the entries of a file.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    return entries(path.read_text(encoding="utf-8"))


def entries(text: str) -> list[Entry]:
    """Return the entries of a bibliography.

    Examples
    --------
    >>> entries('@book{a, title={The {B}}, year=1964, author = "A. B",}')
    [Entry(key='a', fields={'title': 'The {B}', 'year': '1964', 'author': 'A. B'}, line=1)]
    """
    made = []
    for found in re.finditer(r"^[ \t]*@(\w+)\s*\{\s*([^,\s}]+)\s*,", text, re.M):
        if found[1].lower() not in ("comment", "string", "preamble"):
            made.append(Entry(found[2], _fields(text, found.end()),
                              text.count("\n", 0, found.start()) + 1))
    return made


def _fields(text: str, place: int) -> dict[str, str]:
    """Return the fields of an entry from a place after its key."""
    made: dict[str, str] = {}
    while found := re.compile(r"[\s,]*([A-Za-z][\w-]*)\s*=\s*").match(text, place):
        start = place = found.end()
        depth = 0
        quoted = text[place:place + 1] == '"'
        while place < len(text):
            c = text[place]
            if depth == 0 and place > start and quoted and c == '"':
                place += 1
                break
            if depth == 0 and not quoted and c in ",}":
                break
            depth += (c == "{") - (c == "}")
            place += 2 if c == "\\" else 1
        value = text[start:place].strip()
        made[found[1].lower()] = value[1:-1] if value[:1] in ('"', "{") else value
    return made
