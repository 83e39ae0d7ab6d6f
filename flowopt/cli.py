"""The command line: ``flowopt list``, ``flowopt run NAME|PATH [options]``, ``flowopt dictionary``.

Nothing heavy is imported here: `list` and `--help` read the experiments without running them.
Exit codes: 0 done, 1 the experiment failed or its results could not be written, 2 refused before
any work, 130 Ctrl-C.
"""

from __future__ import annotations

import dataclasses
import sys
import time
import typing
from pathlib import Path
from typing import Any

import typer

# _blas before what imports numpy
from flowopt import __version__, _blas, _check, asking, cli_stability, experiment  # noqa: F401
from flowopt.paper import command
from flowopt.reporting import Reporter
from flowopt.results import NotWritten, prepare_folder, remove_empty

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
                  no_args_is_help=True, help="Optimizers as dynamical systems: experiments.")

#: the tokens after `run` are options of the experiment, so they are read here, not by typer
_RAW = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flowopt {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True,
                                          help="Print the version.")) -> None:
    """Optimizers as dynamical systems: experiments."""


@app.command("list")
def list_experiments() -> None:
    """List the experiments, one line each."""
    entries = experiment.catalogue()
    if not entries:
        typer.echo("No experiments came with flowopt; "
                   "flowopt run PATH runs a script.", err=True)
        return
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        typer.echo(f"{entry.name:<{width}}  {entry.question}")


@app.command("dictionary")
def dictionary(names: list[str] = typer.Argument(None, help="Only these optimizers."),
               format: str = typer.Option("text", "--format", help="text, markdown or latex.")
               ) -> None:
    """Print the dictionary: each optimizer's flow, splitting and clock."""
    from flowopt.optimizers import table

    try:
        typer.echo(table.dictionary(format, names or ()))
    except ValueError as problem:
        _give_up(None, f"Error: {problem}", 2)


app.command("analyze")(cli_stability.analyze)
app.command("atlas")(cli_stability.atlas)
app.command("paper")(command.paper)


@app.command("run", context_settings=_RAW, add_help_option=False)
def run(context: typer.Context) -> None:
    """Run an experiment by its name, or a script by its path (run NAME --help: its options)."""
    made: list[Path] = []
    bar: Any = None
    try:
        target, options, flags = split(list(context.args))
        wants_help = "help" in flags
        if target is None:
            if wants_help:
                typer.echo(general_help())
                return
            raise ValueError("run needs the name of an experiment or the path of a script; "
                             "flowopt list shows the names")
        entry = experiment.find(target)
        module = experiment.load(entry)
        config_type = getattr(module, "Config", None)
        if wants_help:
            typer.echo(help_of(entry, config_type))
            return
        out = Path(options.pop("out", str(Path("results") / entry.name)))
        config = configured(config_type, options, quick_values(entry, module, flags))
        made = prepare_folder(out)
        bar = Progress()
        done = experiment.execute(entry, module, config, out, bar, "quick" in flags,
                                  "force" in flags)
        bar.close()
        made = []
        typer.echo(done.summary)
        if done.note:
            typer.echo(f"\n({done.note.replace(chr(10), '; ')})", err=True)
        typer.echo(f"\n{len(done.files)} files in {out} ({bar.seconds:.0f} s)")
    except KeyboardInterrupt:
        kept = bar is not None and any((out / experiment.KEPT).glob("*/*.kept"))
        _give_up(bar, "Interrupted: no results were written, and the same command goes on from "
                 "what is kept." if kept else "Interrupted: nothing was written.", 130)
    except (NotWritten, asking.Failed) as problem:
        _give_up(bar, f"Error: {problem}", 1)
    except (ValueError, TypeError) as problem:
        if bar is not None:  # not a refusal
            raise
        _give_up(bar, f"Error: {problem}", 2)
    finally:
        if bar is not None:
            bar.close()
        remove_empty(made)


@app.command("figures", context_settings=_RAW, add_help_option=False)
def figures(context: typer.Context) -> None:
    """Draw the figures of a kept result again (same options as run)."""
    bar: Any = None
    try:
        target, options, flags = split(list(context.args))
        if target is None or "help" in flags:
            typer.echo("Usage: flowopt figures NAME|PATH [--option value ...]\n\nDraw the figures "
                       "of the result that `flowopt run` kept for these options; nothing is "
                       "computed.")
            return
        if "force" in flags:
            raise ValueError("--force has no effect on figures, which are always drawn; leave it "
                             "out")
        entry = experiment.find(target)
        module = experiment.load(entry)
        out = Path(options.pop("out", str(Path("results") / entry.name)))
        config = configured(getattr(module, "Config", None), options,
                            quick_values(entry, module, flags))
        if not experiment.is_kept(entry, config, out):
            raise ValueError(f"no result of {entry.name} is kept in {out} for these options and "
                             f"this code; flowopt run {target} makes it")
        bar = Progress()
        done = experiment.execute(entry, module, config, out, bar, "quick" in flags)
        bar.close()
        typer.echo("\n".join(name for name in done.files if name.endswith((".png", ".pdf"))))
    except KeyboardInterrupt:
        _give_up(bar, "Interrupted: nothing was written.", 130)
    except (NotWritten, asking.Failed) as problem:
        _give_up(bar, f"Error: {problem}", 1)
    except (ValueError, TypeError) as problem:
        if bar is not None:
            raise
        _give_up(bar, f"Error: {problem}", 2)


@app.command("claims")
def claims(names: list[str] = typer.Argument(None, help="Only these experiments."),
           results: Path = typer.Option(Path("results"), "--results",
                                        help="The folder of the results.")) -> None:
    """Print the claims of the results that were written; exit 1 when one of them fails."""
    try:
        found = experiment.claims_of(results, names or [])
    except ValueError as problem:
        _give_up(None, f"Error: {problem}", 2)
        return
    for name, lines in found.items():
        typer.echo("\n".join([name, *(f"   {claim.line}" for claim in lines)]))
    if any(claim.holds is False for lines in found.values() for claim in lines):
        raise typer.Exit(1)


def _give_up(bar: Any, sentence: str, code: int) -> None:
    if bar is not None:
        bar.close()
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


# ------------------------------------------------------------------ options from a dataclass
def split(tokens: list[str]) -> tuple[str | None, dict[str, str], set[str]]:
    """Return the target, the options as text, and the flags (help, quick, force).

    ``--set a=1 b=2`` is the same as ``--a 1 --b 2``.

    Examples
    --------
    >>> split(["two-minima", "--x0", "-1", "--h=0.1", "--set", "M=10", "steps=5"])
    ('two-minima', {'x0': '-1', 'h': '0.1', 'M': '10', 'steps': '5'}, set())
    >>> split(["two-minima", "--quick"])
    ('two-minima', {}, {'quick'})
    """
    target: str | None = None
    options: dict[str, str] = {}
    flags: set[str] = set()
    rest = list(tokens)

    def put(key: str, value: str, said: str) -> None:
        if value == "":
            raise ValueError(f"{said} needs a value")
        if key in options:
            raise ValueError(f"--{key} is given twice")
        options[key] = value

    while rest:
        token = rest.pop(0)
        if token in ("--help", "-h", "--quick", "--force"):
            flags.add("help" if token == "-h" else token[2:])
        elif token == "--set":
            if not (rest and "=" in rest[0] and not rest[0].startswith("-")):
                raise ValueError("--set needs key=value")
            while rest and "=" in rest[0] and not rest[0].startswith("-"):
                key, _, value = rest.pop(0).partition("=")
                put(key, value, f"--set {key}=")
        elif token.startswith("--"):
            key, equals, value = token[2:].partition("=")
            if not equals:
                value = rest.pop(0) if rest and not rest[0].startswith("--") else ""
            put(key, value, f"--{key}")
        elif target is None:
            target = token
        else:
            raise ValueError(f"{_check.shown(token)} is one argument too many; options are written "
                             "--name value, or --set name=value")
    return target, options, flags


def quick_values(entry: experiment.Entry, module: Any, flags: set[str]) -> dict[str, Any]:
    """Return the values of the quick configuration where it is asked for.

    Raises
    ------
    ValueError
        When the experiment has none.
    """
    if "quick" not in flags:
        return {}
    values = getattr(module, "QUICK", None)
    if not isinstance(values, dict):
        raise ValueError(f"--quick has no effect on {entry.name}, which has no quick "
                         "configuration; leave it out")
    return values


def _fields(config_type: Any) -> list[tuple[Any, Any]]:
    """Return the fields of a Config with their types."""
    if config_type is None:
        return []
    types = typing.get_type_hints(config_type)
    return [(f, types[f.name]) for f in dataclasses.fields(config_type) if f.init]


def configured(config_type: Any, options: dict[str, str],
               base: dict[str, Any] | None = None) -> Any:
    """Return a Config from options as text, which take the place of the values in `base`.

    Raises
    ------
    ValueError, TypeError
        When an option is unknown or has a bad value.
    """
    fields = {f.name: kind for f, kind in _fields(config_type)}
    values = dict(base or {})
    for key, text in options.items():
        name = key if key in fields else key.replace("-", "_")
        if key in asking.TAKEN:
            raise ValueError(f"--{key} is no option of the experiment and takes no value here")
        if name not in fields:
            raise ValueError(f"there is no option --{key}; " + _check.nearest(
                f"--{key}", [f"--{known}" for known in [*fields, "out", "set", "quick", "force"]]))
        values[name] = _converted(name, text, fields[name])
    try:
        return None if config_type is None else config_type(**values)
    except (ValueError, TypeError):
        raise
    except Exception as problem:
        raise ValueError(f"the options are refused with {asking.reason(problem)}") from problem


def _converted(name: str, text: str, kind: Any) -> Any:
    """Return the value that `text` means for an option of type `kind`."""
    if kind is str:
        return text
    if kind is Path:
        return Path(text)
    if kind is bool:
        if text.lower() not in ("yes", "no", "true", "false"):
            raise ValueError(f"{name} must be yes or no, got {_check.shown(text)}")
        return text.lower() in ("yes", "true")
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_converted(name, part.strip(), inner) for part in text.split(","))
    if kind not in (int, float):
        raise TypeError(f"the field {name} of Config must be of type int, float, bool, str, Path "
                        f"or a tuple of these, got {kind}")
    try:
        return kind(text)
    except ValueError:
        what = "an integer" if kind is int else "a number"
        raise ValueError(f"{name} must be {what}, got {_check.shown(text)}") from None


def general_help() -> str:
    """Return the help of `flowopt run` alone."""
    lines = ["Usage: flowopt run NAME|PATH [--option value ...] [--set option=value ...] "
             "[--quick] [--force]", "",
             "Run an experiment by its name, or a script by its path.", "",
             "flowopt run NAME --help shows the options of one experiment.", "", "Experiments:"]
    return "\n".join([*lines, *(f"  {entry.name}  {entry.question}"
                                for entry in experiment.catalogue())])


def help_of(entry: experiment.Entry, config_type: Any) -> str:
    """Return the help of one experiment: its question and its options."""
    rows = [(f"--{f.name}", getattr(kind, "__name__", str(kind)), f.default,
             f.metadata.get("help", "")) for f, kind in _fields(config_type)]
    rows.append(("--out", "folder", Path("results") / entry.name, "where everything is written"))
    rows.append(("--quick", "", "off", "a small configuration that takes seconds, if there is one"))
    rows.append(("--force", "", "off", "run it even if a result of the same code is kept"))
    wide = max(len(row[0]) for row in rows)
    kinds = max(len(row[1]) for row in rows)
    return "\n".join([f"Usage: flowopt run {entry.name} [--option value ...]", "",
                      entry.question, "", "Options:",
                      *(f"  {key:<{wide}}  {kind:<{kinds}}  {about} (default: {default})"
                        for key, kind, default, about in rows)])


class Progress(Reporter):
    """A bar on stderr, or one line for each stage where stderr is not a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.perf_counter()
        self.seconds = 0.0
        self.last = ""
        self.bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=100, leave=False,
                            bar_format="{l_bar}{bar:30}| {elapsed} {postfix}")

    def __call__(self, share: float, text: str) -> None:
        """Show that `share` (0 to 1) of the work is done and `text` comes next."""
        if self.bar is not None:
            self.bar.n = round(100 * share)
            self.bar.set_postfix_str(text)
        elif text != self.last:
            typer.echo(f"[{100 * share:3.0f} %  {time.perf_counter() - self.start:5.1f} s] {text}",
                       err=True)
        self.last = text

    def close(self) -> None:
        """Remove the bar and stop the clock."""
        self.seconds = self.seconds or time.perf_counter() - self.start
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def main() -> None:
    """Run the command line (the `flowopt` command)."""
    app(prog_name="flowopt")


if __name__ == "__main__":
    main()
