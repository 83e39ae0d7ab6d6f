"""The page of one experiment: its question, pictures, tables, claims, and how it was made."""

from __future__ import annotations

import ast
import dataclasses
import textwrap
from pathlib import Path
from typing import Any

from flowopt.gallery.made import Made
from flowopt.gallery.rst import aside, code, escaped, heading, prose, table
from flowopt.gallery.tables import NOTE, ROLES

#: how a claim is marked, by whether it holds
MARKS = {True: ":holds:`✓ holds`", False: ":fails:`✗ FAILS`", None: ":aside:`does not apply`"}

#: a table of more columns is set smaller, its cells in one line
MANY = 7


def page(made: Made) -> str:
    """Return the page of an experiment; its files stand in a folder of its name beside it."""
    record = made.record
    name = made.entry.name
    parts = [f"{NOTE}\n\n{ROLES}", heading(name, "="),
             f"**{escaped(made.entry.question)}**" if made.entry.question else ""]
    if made.quick:
        parts.append(".. note::\n\n   Made with the quick configuration. Claims that need the full "
                     "one do not apply.")
    parts.append(prose(ast.get_docstring(ast.parse(made.entry.path.read_bytes())) or ""))
    pictures = [f".. image:: {name}/{picture}.png\n   :class: result\n   :alt: "
                f"{escaped(f'Figure {picture} of the experiment {name}')}"
                for picture in made.pictures]
    if pictures:
        parts += [heading("Pictures" if len(pictures) > 1 else "Picture", "-"), *pictures]
    if record["claims"]:
        parts += [heading("Claims", "-"), _claims(record["claims"])]
    tables = [table(t["columns"], t["rows"], t["caption"],
                    kind="many" if len(t["columns"]) > MANY else "") for t in record["tables"]]
    if tables:
        parts += [heading("Tables" if len(tables) > 1 else "Table", "-"), *tables]
    if hasattr(made.module, "summary"):
        text = made.module.summary(made.outcome.result)
        parts += [heading("What the run says", "-"),
                  ".. code-block:: text\n\n" + textwrap.indent(text.strip(), "   ")]
    parts += [heading("How it was made", "-"), _provenance(made, record), _source(made)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _claims(claims: list[dict[str, Any]]) -> str:
    rows = []
    for claim in claims:
        note = "\n" + aside(claim["note"]) if claim["note"] else ""
        rows.append((MARKS[claim["holds"]], escaped(claim["text"]) + note,
                     _shown(claim["computed"]), _shown(claim["expected"])))
    made = table(["", "claim", "came out", "expected"], rows, ready=True)
    failed = sum(claim["holds"] is False for claim in claims)
    if not failed:
        return made
    return (f"Of {len(claims)} claims {failed} fail{'s' * (failed == 1)}: what came out there is "
            f"not what was expected. The answer\nto a question may be no.\n\n{made}")


def _shown(value: Any) -> str:
    """Return a value of a claim; of a number nine digits in a line, the JSON has all."""
    return f":number:`{value:.9g}`" if isinstance(value, float) else escaped(str(value))


def _provenance(made: Made, record: dict[str, Any]) -> str:
    about = record["provenance"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items()
                         if version)
    processors = about["processors"]
    lines = [f".. code-block:: sh\n\n   {made.command}",
             f"The run took {about['seconds_run']:.1f} s on {about['machine']} with {processors} "
             f"processor{'s' if processors != 1 else ''}, with {escaped(versions)}."]
    if made.config is not None:
        help_of = {f.name: f.metadata.get("help", "") for f in dataclasses.fields(made.config)}
        rows = [(code(f"--{name}"), escaped(_value(value)), escaped(help_of.get(name, "")))
                for name, value in record["config"].items()]
        if rows:
            lines.append(table(["option", "value", "meaning"], rows, ready=True))
    return "\n\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "(all)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def sources(script: Path) -> list[Path]:
    """Return the file of an experiment and those beside it that it imports.

    Examples
    --------
    >>> [path.name for path in sources(Path(__file__))]
    ['page.py']
    """
    names = [alias.name if isinstance(node, ast.Import) else node.module
             for node in ast.walk(ast.parse(script.read_bytes()))
             if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
    beside = sorted({script.parent / f"{name}.py" for name in names if name})
    return [script, *(path for path in beside if path.is_file() and path != script)]


def _source(made: Made) -> str:
    name = made.entry.name
    files = sources(made.entry.path)
    links = ", ".join(f":download:`{path.name} <{name}/{path.name}>`" for path in files)
    return "\n\n".join([
        heading("Source", "-"), links,
        f".. raw:: html\n\n   <details><summary>{files[0].name}</summary>",
        f".. literalinclude:: {name}/{files[0].name}\n   :language: python",
        ".. raw:: html\n\n   </details>"])


def files_of(made: Made) -> dict[str, bytes]:
    """Return what the page shows: the pictures, a thumbnail of the first, the sources."""
    from flowopt.gallery.shrinking import shrunk

    files = {f"{picture}.png": made.picture(picture) for picture in made.pictures}
    if made.pictures:
        files["thumbnail.png"] = shrunk(made.picture(made.pictures[0]), 560, 90_000)
    return files | {path.name: path.read_bytes() for path in sources(made.entry.path)}
