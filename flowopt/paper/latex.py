"""The PDF: what TeX needs, latexmk, and what its log complains about."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import subprocess
from pathlib import Path

from flowopt.paper.products import STYLE
from flowopt.paper.source import read

#: Debian's and Ubuntu's packages that hold all that the paper needs
DEBIAN = "latexmk texlive-latex-recommended lmodern"
PDF = "paper.pdf"
#: a disk with less than this left is full (bytes)
_ROOM = 65536
#: overfull by no more than this is not seen (pt)
SLACK = 1.0


class NotBuilt(Exception):
    """The PDF could not be built; the message says why in one sentence."""


def missing(main: Path) -> str | None:
    """Return a sentence about what TeX lacks for a text, or None."""
    programs = [name for name in ("latexmk", "pdflatex", "bibtex") if shutil.which(name) is None]
    if programs:
        return (f"the paper needs {_list(programs)}, which {_are(programs)} not installed; on "
                f"Debian and Ubuntu: apt-get install --no-install-recommends {DEBIAN}")
    files, _ = read(main)
    wanted = dict.fromkeys(
        f"{place.what}.{kind}" for one in files for command, kind in (
            ("usepackage|RequirePackage", "sty"), ("documentclass", "cls"),
            ("bibliographystyle", "bst")) for place in one.arguments(command))
    if shutil.which("kpsewhich") is None or not wanted:
        return None
    known = {Path(line).name for line in _run(["kpsewhich", *wanted], main.parent).splitlines()}
    lacking = [name for name in wanted if name not in known and name != STYLE]  # which we bring
    if not lacking:
        return None
    return (f"the paper needs {_list(lacking)}, which this TeX does not have; on Debian and "
            f"Ubuntu: apt-get install --no-install-recommends {DEBIAN}")


def build(main: Path) -> list[str]:
    """Build the PDF of a text and return what its log complains about.

    Everything is made in ``build`` beside the text; the PDF is copied to `PDF` beside it when
    LaTeX could make one.

    Raises
    ------
    NotBuilt
        When latexmk cannot be started, or a file cannot be written, as on a full disk.
    """
    folder, out = main.parent, main.parent / "build"
    log, made = out / f"{main.stem}.log", out / f"{main.stem}.pdf"
    try:
        out.mkdir(exist_ok=True)
        log.unlink(missing_ok=True)
    except OSError as problem:
        raise NotBuilt(f"{out} cannot be written: {problem.strerror or problem}") from None
    # -g: one run at least, so that there is a log of this text
    said = _run(["latexmk", "-norc", "-g", "-pdf", "-halt-on-error", "-interaction=nonstopmode",
                 "-file-line-error", "-outdir=build", main.name], folder)
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    blg = out / f"{main.stem}.blg"
    of_bibliography = blg.read_text(encoding="utf-8", errors="replace") if blg.is_file() else ""
    found = complaints(text) + [f"{blg.name}: {line.removeprefix('Warning--')}" for line in
                                of_bibliography.splitlines() if line.startswith("Warning--")]
    if "Output written on" not in text:
        if shutil.disk_usage(out).free < _ROOM:  # TeX does not say so
            raise NotBuilt(f"{out} cannot be written: there is no space left on the disk")
        return found or [f"latexmk made no PDF: {(said.strip().splitlines() or ['no word'])[-1]}; "
                         f"see {log}"]
    waiting = out / f".{PDF}"
    try:
        shutil.copyfile(made, waiting)
        os.replace(waiting, folder / PDF)
    except OSError as problem:
        with contextlib.suppress(OSError):
            waiting.unlink()
        why = ("there is no space left on the disk" if problem.errno == errno.ENOSPC
               else problem.strerror or problem)
        raise NotBuilt(f"{folder / PDF} could not be written: {why}") from None
    return found


def complaints(log: str) -> list[str]:
    r"""Return the errors of a log, what is undefined or not printed, and what is too large.

    Examples
    --------
    >>> complaints("Overfull \\hbox (7.2pt too wide) in paragraph at lines 3--4\n"
    ...            "LaTeX Warning: Reference `fig' on page 1 undefined on input line 9.\n")
    ['main.log: Overfull \\hbox (7.2pt too wide) in paragraph at lines 3--4',
     "main.log: Reference `fig' on page 1 undefined on input line 9"]
    """
    found = []
    for line in dict.fromkeys(log.splitlines()):
        over = re.match(r"Overfull \\[hv]box \(([\d.]+)pt too", line)
        warned = re.match(r"(?:LaTeX|Package \w+) Warning: ((?:Citation|Reference|Label|Hyper "
                          r"reference) .*(?:undefined|multiply).*)", line)
        lost = re.match(r"(?:LaTeX Warning: )?(Missing character: .*|Float too large .*)", line)
        error = re.match(r"(?:\./)?([^:\s]+\.\w+:\d+: .*)|! (.*)", line)
        if over and float(over[1]) > SLACK:
            found.append(f"main.log: {line}")
        elif what := warned or lost:
            found.append(f"main.log: {what[1].rstrip('.')}")
        elif error and "==>" not in line:
            found.append(error[1] or error[2])
    return found


def _run(command: list[str], folder: Path) -> str:
    """Return what a command prints; its lines are not broken."""
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "max_print_line": "10000"})
    except OSError as problem:
        raise NotBuilt(f"{command[0]} could not be started: {problem.strerror or problem}"
                       ) from None
    return done.stdout


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
