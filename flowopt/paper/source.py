r"""The text of a paper: its files, the products it uses, and numbers that are typed in it.

A typed number is a decimal number, an integer above twelve, or any number in per cent, where the
text could have a measured one: not in comments, listings, lengths, and the arguments of commands
that take labels, files and options. ``\given{...}`` marks a number that is a definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: commands whose arguments hold no numbers of the text, with how many arguments in braces
_EXEMPT = {
    "given": 1, "val": 1, "label": 1, "input": 1, "include": 1, "includegraphics": 1,
    "usepackage": 1, "RequirePackage": 1, "documentclass": 1, "bibliography": 1,
    "bibliographystyle": 1, "vspace": 1, "hspace": 1, "setlength": 2, "addtolength": 2,
    "setcounter": 2, "geometry": 1, "hypersetup": 1, "captionsetup": 1, "setlist": 1,
    "definecolor": 3, "url": 1, "href": 1, "doi": 1, "rule": 2, "linespread": 1, "parbox": 1,
    "resizebox": 2, "scalebox": 1, "raisebox": 1, "cmidrule": 1, "newtheorem": 1,
    "textcolor": 1, "color": 1,
}
#: environments with an argument for their columns or width
_SHAPED = {"tabular", "tabularx", "array", "minipage", "longtable", "thebibliography"}
_COMMAND = re.compile(r"\\([A-Za-z@]+)\*?")
_UNIT = r"(?:pt|em|ex|cm|mm|in|bp|mu)\b|\\(?:text|line|column|page)(?:width|height)|\\baselineskip"
_PERCENT = r"(?:\\,|\\ |~|\s|\}|\$)*(?:\\%|per(?:\s|-|~)?cent\b)"
_NUMBER = re.compile(
    # with spaces or commas between groups of three, a point or a comma before decimals, a power
    r"(?<![A-Za-z#\d.])(?P<number>\d+(?:(?:\\[,;: ]|\{,\}|,|~)\d{3}(?!\d))*"
    r"(?:(?:\.|\{[.,]\})\d+)?(?:[eE][-+]?\d+)?|\.\d+)"
    rf"(?P<unit>{_UNIT})?(?P<percent>{_PERCENT})?")
#: settings of TeX whose values are numbers
_SETTING = re.compile(r"\\(?:\w*penalty|(?:pre)?tolerance|\w*demerits)\s*=?\s*-?\d+|"
                      r"\\renewcommand\*?\s*\{?\\(?:arraystretch|baselinestretch|\w+fraction)\}?"
                      r"\s*\{[^}]*\}")
#: the largest integer that may be typed
MOST = 12


@dataclass(frozen=True)
class Place:
    """Something in the text, with its file and line."""

    what: str
    file: str
    line: int

    @property
    def at(self) -> str:
        """The file and the line."""
        return f"{self.file}:{self.line}" if self.file else "the paper"


@dataclass(frozen=True)
class Source:
    """A file of the text, without its comments: every place as in the file."""

    file: str
    text: str

    def arguments(self, command: str) -> list[Place]:
        r"""Return the arguments of a command, such as ``\val`` (a pattern), split at commas."""
        found = re.finditer(rf"\\(?:{command})\*?(?:\s*\[[^\]]*\])*\s*\{{([^}}]*)\}}", self.text)
        return [Place(one.strip(), self.file, self._line(m.start()))
                for m in found for one in m[1].split(",") if one.strip() and "#" not in one]

    def typed_numbers(self) -> list[Place]:
        """Return the numbers that are typed where a generated one could stand."""
        made = []
        for found in _NUMBER.finditer(masked(self.text)):
            if found["unit"]:
                continue
            whole = re.sub(r"\D", "", found["number"])
            small = re.fullmatch(r"\d+", found["number"]) and int(whole) <= MOST
            if not small or found["percent"]:
                text = self.text[found.start():found.end()].strip()
                made.append(Place(" ".join(text.split()), self.file, self._line(found.start())))
        return made

    def _line(self, place: int) -> int:
        return self.text.count("\n", 0, place) + 1


def read(main: Path) -> tuple[list[Source], list[Place]]:
    r"""Return the files of a text, and the files that it names and that do not exist.

    ``\input`` and ``\include`` are followed, but for products: their numbers are generated.
    """
    folder, waiting, found, missing = main.parent, [(main.name, Place("", "", 0))], {}, []
    while waiting:
        name, place = waiting.pop(0)
        name = name if name.endswith(".tex") else f"{name}.tex"
        if name in found or name.startswith("tables/") or name == "numbers.tex":
            continue
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            missing.append(Place(name, place.file, place.line))
            continue
        found[name] = Source(name, without_comments(text))
        waiting += [(one.what, one) for one in found[name].arguments("input|include")]
    return list(found.values()), missing


def quoted(main: Path) -> set[str]:
    r"""Return the names of the numbers that a text quotes with ``\val``."""
    return {place.what for one in read(main)[0] for place in one.arguments("val")}


def without_comments(text: str) -> str:
    r"""Return a text of TeX with blanks for its comments.

    Examples
    --------
    >>> without_comments("5\\% of it % 83\nnext")
    '5\\% of it     \nnext'
    """
    return re.sub(r"(?<!\\)((?:\\\\)*)(%.*)", lambda m: m[1] + " " * len(m[2]), text)


def masked(text: str) -> str:
    r"""Return a text with blanks for commands, and for arguments that hold no numbers of its own.

    Examples
    --------
    >>> masked(r"in \cite{a1964} $x=\given{0.5}$").split()
    ['in', '$x=', '$']
    """
    shown = list(text)

    def hide(start: int, end: int) -> None:
        shown[start:end] = ["\n" if c == "\n" else " " for c in text[start:end]]

    for m in re.finditer(r"\\verb\*?([^A-Za-z\s*]).*?\1|"
                         r"\\begin\{(verbatim|lstlisting)\}.*?\\end\{\2\}", text, re.S):
        hide(*m.span())
    for m in [*re.finditer(r"\\[td]?frac\s*\d\d(?!\d)", text),
              *re.finditer(r"\\\\\*?\[[^\]]*\]", text), *_SETTING.finditer(text)]:
        hide(*m.span())
    for m in _COMMAND.finditer(text):
        name, end = m[1], m.end()
        most = _EXEMPT.get(name, 1 if re.fullmatch(r"[Cc]ite\w*|nocite|\w*ref", name) else 0)
        if name in ("begin", "end"):
            inside = re.match(r"\s*\{(\w+)\*?\}", text[end:])
            most = 2 if inside and inside[1] in _SHAPED and name == "begin" else 1
        for start, stop in groups(text, end, most) if most else ():
            # the note of \begin{theorem}[...] is text, options are not
            if name != "begin" or text[start] == "{" or re.match(r"\[[^]\s]*(?:=|\])",
                                                                text[start:stop]):
                hide(start, stop)
        hide(m.start(), end)
    return "".join(shown)


def groups(text: str, place: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of the arguments that follow: any in brackets, and so many in braces."""
    while place < len(text):
        start = place + len(text[place:]) - len(text[place:].lstrip())
        opening = text[start:start + 1]
        if opening not in ("[", "{") or (opening == "{" and most == 0):
            return
        closing, depth, place = {"[": "]", "{": "}"}[opening], 0, start
        while place < len(text):
            c = text[place]
            depth += (c == opening) - (c == closing)
            place += 2 if c == "\\" else 1
            if depth == 0:
                break
        most -= opening == "{"
        yield start, place
