"""The command ``flowopt paper``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def paper(
        check: bool = typer.Option(False, "--check", help="Write nothing; tell where the text, "
                                   "the products and the results disagree."),
        text: bool = typer.Option(False, "--text", help="With --check: the text and the products "
                                  "on disk alone, without the experiments."),
        pdf: bool = typer.Option(True, "--pdf/--no-pdf", help="Build the PDF, or only the "
                                 "products."),
        folder: Path = typer.Option(Path("paper"), "--folder", help="The folder of the paper, "
                                    "with contents.toml and main.tex."),
        results: Path = typer.Option(Path("results"), "--results", help="The folder of the "
                                     "results.")) -> None:
    """Make the numbers, tables and figures of the paper from the experiments, and its PDF."""
    from flowopt.asking import Failed
    from flowopt.cli import Progress
    from flowopt.paper import checking, contents, latex, products, source
    from flowopt.results import NotWritten

    bar: Any = None
    main = folder / "main.tex"
    try:
        if text and not check:
            raise contents.Refused("--text has no effect without --check; give both")
        if check and not pdf:
            raise contents.Refused("--no-pdf has no effect on --check, which builds nothing; leave "
                                   "it out")
        wanted = contents.read(folder / "contents.toml") if not text else []
        if pdf and not check and not main.is_file():
            raise contents.Refused(f"there is no {main}; --no-pdf makes the products alone")
        lacks = None if check or not pdf else latex.missing(main)
        if lacks:
            raise contents.Refused(f"{lacks}; --no-pdf makes the products alone")
        made = None
        if not text:
            bar = Progress()
            made = products.make(wanted, results, source.quoted(main), bar)
            bar.close()
            for note in made.notes:
                typer.echo(f"({note})", err=True)
        if check:
            found = checking.Findings(checking.changed(folder) if made is None
                                      else checking.products(folder, made))
            names, shown = (checking.on_disk(folder) if made is None
                            else (made.numbers, made.shown))
            of_text = checking.text(main, names, shown)
            _tell(found.failures + of_text.failures, of_text.warnings)
            what = ("the text and the products on disk" if made is None
                    else "the text, the products and the results")
            quoted = names if made is None else made.quoted
            typer.echo(f"{len(quoted)} numbers, {len(shown)} figures and tables: {what} agree")
            return
        assert made is not None
        before, _ = checking.on_disk(folder)
        products.write(folder, made)
        for name, was, value in checking.changes(before, made.quoted) if before else ():
            typer.echo(f"{name} was {was or 'not there'} and is {value or 'gone'}")
        typer.echo(f"{len(made.quoted)} numbers, {len(made.shown)} figures and tables in {folder}")
        if pdf:
            _tell(latex.build(main), [])
            typer.echo(f"{folder / latex.PDF}")
    except KeyboardInterrupt:
        _leave(bar, "Interrupted: what was written is whole, and the same command goes on.", 130)
    except (NotWritten, latex.NotBuilt, Failed) as problem:
        _leave(bar, f"Error: {problem}", 1)
    except contents.Refused as problem:
        _leave(bar, f"Error: {problem}", 2)
    finally:
        if bar is not None:
            bar.close()


def _tell(failures: list[str], warnings: list[str]) -> None:
    """Print what was found; leave with 1 when something failed."""
    for line in warnings:
        typer.echo(f"warning: {line}", err=True)
    for line in failures:
        typer.echo(line)
    if failures:
        typer.echo(f"{len(failures)} found", err=True)
        raise typer.Exit(1)


def _leave(bar: Any, sentence: str, code: int) -> None:
    if bar is not None:
        bar.close()
    typer.echo(sentence, err=True)
    raise typer.Exit(code) from None
