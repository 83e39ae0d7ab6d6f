"""Text as reStructuredText: escaped, as a heading, as a table."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

from flowopt.reporting import cell

#: how an item of a list begins
_LIST = re.compile(r"[-+•](\s|$)|\(?\w+[.)](\s|$)|\.\. ")


def escaped(text: str) -> str:
    r"""Return text that reads as it stands, whatever it holds.

    Examples
    --------
    >>> print(escaped("a_b * |c|"), escaped("- no list"))
    a\_b \* \|c\| \ - no list
    """
    # two apostrophes are a second derivative, L''; Sphinx would make a quotation mark of them
    made = re.sub(r"([\\`*_|]|'(?=')|(?<=')')", r"\\\1", " ".join(text.split()))
    return rf"\ {made}" if re.match(r"\W", made) or _LIST.match(made) else made


def prose(text: str) -> str:
    r"""Return the paragraphs of a docstring; what stands between backticks is code.

    Examples
    --------
    >>> print(prose("See `run` and ``x*y``; a*b."))
    See ``run`` and ``x*y``; a\*b.
    """
    made = []
    for block in re.split(r"\n\s*\n", textwrap.dedent(text).strip()):
        if block.startswith(" "):
            made.append("::\n\n" + textwrap.indent(textwrap.dedent(block), "   "))
            continue
        parts = re.split(r"``(.+?)``|`(.+?)`", " ".join(block.split()))
        line = ""
        for plain, double, single in zip(parts[::3], [*parts[1::3], ""], [*parts[2::3], ""],
                                         strict=True):
            said = re.sub(r"([\\`*_|])", r"\\\1", plain)
            apart = [r"\ " * bool(w) for w in (re.match(r"\w", said), re.search(r"\w$", said))]
            between = double or single
            line += (apart[0] if line else "") + said  # code ends where no letter follows
            line += f"{apart[1]}``{between}``" if between else ""
        line = re.sub("::$", ":", line if not _LIST.match(line) else rf"\ {line}")
        made.append("\n".join(textwrap.wrap(line, 98, break_long_words=False,
                                            break_on_hyphens=False)))
    return "\n\n".join(made)


def code(text: str) -> str:
    """Return code in a line.

    Examples
    --------
    >>> code("x**2"), code("")
    ('``x**2``', '')
    """
    return f"``{text}``" if text.strip() else ""


def aside(text: str) -> str:
    r"""Return a remark in a fainter colour; the page defines the role.

    Examples
    --------
    >>> print(aside("(to 1e-9)"))
    :aside:`(to 1e-9)`
    """
    made = escaped(text).removeprefix("\\ ")
    return f":aside:`{made}`" if made else ""


def heading(text: str, mark: str) -> str:
    """Return a heading, its text as it stands.

    Examples
    --------
    >>> print(heading("Claims", "-"))
    Claims
    ------
    """
    line = escaped(text)
    return f"{line}\n{mark * len(line)}"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "",
          ready: bool = False, kind: str = "") -> str:
    """Return a table; cells are numbers, estimates and texts, or markup that is `ready`.

    A line break in a ready cell stays one.

    Examples
    --------
    >>> print(table(["a", "p"], [["x", (0.5, 0.25, 0.75)]]))
    .. list-table::
       :header-rows: 1
       :widths: auto
    <BLANKLINE>
       * - a
         - p
       * - x
         - 0.5 [0.25, 0.75]
    """
    def body(value: Any) -> str:
        if not ready:
            return escaped(cell(value))
        lines = str(value).split("\n")
        return lines[0] if len(lines) == 1 else "\n       ".join(f"| {line}" for line in lines)

    made = [f".. list-table:: {escaped(caption)}".rstrip() if caption else ".. list-table::",
            "   :header-rows: 1", "   :widths: auto", *([f"   :class: {kind}"] if kind else []), ""]
    for row in [[escaped(name) for name in columns], *([body(v) for v in row] for row in rows)]:
        made += [f"   {'* -' if j == 0 else '  -'} {text}".rstrip() for j, text in enumerate(row)]
    return "\n".join(made)
