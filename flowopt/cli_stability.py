"""The commands of the stability analysis: ``flowopt analyze`` and ``flowopt atlas``."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, NoReturn

import typer

from flowopt import _check
from flowopt.reporting import Reporter

#: names of flows, with the function of `flowopt.flows` and the options that it takes
FLOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "gradient": ("GradientFlow", ()),
    "sign": ("SignFlow", ()),
    "normalized": ("NormalizedFlow", ()),
    "loss-normalized": ("LossNormalizedFlow", ("M", "minimum")),
    "heavy-ball": ("HeavyBall", ("gamma",)),
}


def refuse(sentence: str, code: int = 2) -> NoReturn:
    """Print one sentence and leave."""
    typer.echo(f"Error: {sentence}", err=True)
    raise typer.Exit(code)


def flow_of(name: str, options: dict[str, float | None]) -> Any:
    """Return a flow by its name, with those of its options that are given.

    Raises
    ------
    ValueError
        For an unknown name, and an option that has no effect on this flow.

    Examples
    --------
    >>> flow_of("heavy-ball", {"gamma": 0.5, "M": None}).parameters
    {'gamma': 0.5}
    """
    import flowopt.flows

    wanted = name.lower().replace("_", "-").removesuffix("-flow").replace("normalised",
                                                                          "normalized")
    if wanted not in FLOWS:
        near = difflib.get_close_matches(wanted, FLOWS, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(FLOWS)}"
        raise ValueError(f"no flow is called {_check.shown(name)}; {hint}")
    function, takes = FLOWS[wanted]
    given = {k: v for k, v in options.items() if v is not None}
    for option in given:
        if option not in takes:
            raise ValueError(f"--{option} has no effect on {wanted}, which takes "
                             f"{', '.join(f'--{t}' for t in takes) or 'no options'}; leave it out")
    return getattr(flowopt.flows, function)(**given)


def pair_of(name: str, text: str) -> tuple[float, float]:
    """Return the pair of numbers that ``low,high`` means.

    Examples
    --------
    >>> pair_of("box", "-2,2")
    (-2.0, 2.0)
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--{name} must be two numbers with a comma, such as --{name}=-2,2, got "
                         f"{_check.shown(text)}") from None
    return low, high


def numbers_of(name: str, text: str) -> list[float]:
    """Return the numbers that are written with commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--{name} must be numbers with commas, got {_check.shown(text)}"
                         ) from None


def analyze(
        expression: str = typer.Argument(..., help="The loss, such as 'x**4/4 - x**2/2'."),
        flow: str = typer.Option(..., "--flow", help=f"One of {', '.join(FLOWS)}."),
        M: float = typer.Option(None, "--M", help="The clip of loss-normalized."),
        minimum: float = typer.Option(None, "--minimum", help="L* of loss-normalized."),
        gamma: float = typer.Option(None, "--gamma", help="The friction of heavy-ball."),
        box: list[str] = typer.Option(None, "--box", metavar="LOW,HIGH",
                                      help="Range of a variable; once for each."),
        x0: list[str] = typer.Option(None, "--x0", metavar="X,...",
                                     help="A start whose arrival is told; may be repeated."),
        seconds: float = typer.Option(60.0, "--seconds", help="The budget; what is not settled "
                                                              "by then is unknown."),
        as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
        figures: bool = typer.Option(False, "--figures", help="Draw the phase portrait."),
        out: Path = typer.Option(Path("results/analyze"), "--out", help="Where figures are "
                                                                        "written.")) -> None:
    """Tell what is known of a flow on a loss: equilibria, proofs, basins, step limits, arrivals."""
    from flowopt.analysis import analyze as analysed
    from flowopt.cli import Progress
    from flowopt.results import NotWritten, figure_files, prepare_folder, remove_empty, write_all

    made: list[Path] = []
    bar: Reporter | None = None
    try:
        chosen = flow_of(flow, {"M": M, "minimum": minimum, "gamma": gamma})
        ranges = [pair_of("box", b) for b in box] if box else None
        starts = [numbers_of("x0", x) for x in x0] if x0 else None
        if figures:
            made = prepare_folder(out)
        bar = Progress()
        found = analysed(expression, chosen, ranges, x0=starts, seconds=seconds, progress=bar)
        files: dict[str, bytes] = {}
        if figures:
            bar(0.95, "figures")
            for name, figure in found.figures().items():
                files |= figure_files(name, figure)
        bar.close()
        typer.echo(found.to_json() if as_json else found.text)
        if figures:
            written = write_all(out, files)
            made = []
            typer.echo(f"\n{len(written)} files in {out}", err=as_json)
    except KeyboardInterrupt:
        typer.echo("Interrupted: nothing was written.", err=True)
        raise typer.Exit(130) from None
    except NotWritten as problem:
        refuse(str(problem), 1)
    except (ValueError, TypeError) as problem:
        refuse(str(problem))
    finally:
        if isinstance(bar, Progress):
            bar.close()
        remove_empty(made)


def atlas(names: list[str] = typer.Argument(None, help="Only these rows, such as 15 28 d1."),
          format: str = typer.Option("text", "--format", help="text, markdown or json.")) -> None:
    """Prove the tables of Lyapunov functions, row by row, and print the verdicts."""
    from flowopt.stability import print_atlas

    try:
        print_atlas(names or None, format)
    except ValueError as problem:
        refuse(str(problem))
