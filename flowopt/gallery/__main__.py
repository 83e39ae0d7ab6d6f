"""The commands of the gallery: ``python -m flowopt.gallery docs`` and ``readme``.

Exit codes: 0 done, 1 an experiment failed or a file could not be written, 2 refused before any
work, 130 Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from flowopt import _blas, experiment  # noqa: F401  (_blas before what imports numpy)
from flowopt.gallery import readme as pictures
from flowopt.gallery import site
from flowopt.gallery.made import NotMade
from flowopt.results import NotWritten

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
                  no_args_is_help=True, help="Pages and pictures from the results of experiments.")


def _guarded(work: Callable[[], None]) -> None:
    """Do it; what goes wrong is one sentence."""
    try:
        work()
    except KeyboardInterrupt:
        typer.echo("Interrupted: the same command goes on from what is kept.", err=True)
        raise typer.Exit(130) from None
    except (NotMade, NotWritten) as problem:
        typer.echo(f"Error: {problem}", err=True)
        raise typer.Exit(1) from None
    except (ValueError, TypeError) as problem:
        typer.echo(f"Error: {problem}", err=True)
        raise typer.Exit(2) from None


@app.command("docs")
def docs(names: list[str] = typer.Argument(None, help="Only the pages of these experiments."),
         quick: bool = typer.Option(False, "--quick", help="The quick configurations."),
         docs: Path = typer.Option(Path("docs"), "--docs", help="The folder of the documentation."),
         results: Path = typer.Option(Path("results"), "--results",
                                      help="The folder of the results.")) -> None:
    """Write the pages of the experiments, the gallery, the dictionary and the atlas."""
    def work() -> None:
        source = site.source_of(docs)
        entries = [experiment.find(name) for name in names or []] or experiment.catalogue()
        site.write(source, entries, quick, results, typer.echo)

    _guarded(work)


@app.command("readme")
def readme(file: Path = typer.Option(Path("README.md"), "--readme", help="The README."),
           results: Path = typer.Option(Path("results"), "--results",
                                        help="The folder of the results.")) -> None:
    """Make the pictures of the README's gallery, and its table of them."""
    _guarded(lambda: pictures.write(file, results, typer.echo))


if __name__ == "__main__":
    app(prog_name="python -m flowopt.gallery")
