"""The result of an experiment for a page: loaded when it is kept, else made now."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowopt import experiment
from flowopt.asking import Failed
from flowopt.results import NotWritten, prepare_folder, remove_empty


class NotMade(Exception):
    """An experiment failed; the message says which and why in one sentence."""


@dataclass(frozen=True)
class Made:
    """An experiment with its result, and the folder that `flowopt run` writes."""

    entry: experiment.Entry
    module: Any
    config: Any
    quick: bool
    outcome: experiment.Outcome
    folder: Path

    @property
    def record(self) -> dict[str, Any]:
        """What was written of it: tables, claims, configuration, provenance."""
        text = (self.folder / f"{self.entry.name}.json").read_text(encoding="utf-8")
        return dict(json.loads(text))

    @property
    def pictures(self) -> list[str]:
        """The names of the figures in the order in which they were drawn."""
        return [name.removesuffix(".png") for name in self.outcome.files if name.endswith(".png")]

    def picture(self, name: str) -> bytes:
        """Return a figure as PNG."""
        return (self.folder / f"{name}.png").read_bytes()

    @property
    def command(self) -> str:
        """The command that makes the same result."""
        return f"flowopt run {self.entry.name}{' --quick' if self.quick else ''}"


def make(entry: experiment.Entry, results: Path, quick: bool = False,
         say: Callable[[str], None] = lambda text: None) -> Made:
    """Run an experiment, or load its result.

    Parameters
    ----------
    entry : Entry
        From `flowopt.experiment.find`.
    results : Path
        The folder of the results; those of quick configurations stand in ``quick`` in it, so that
        they take no other's place.
    quick : bool
        The quick configuration; an experiment that has none runs as it is.
    say : callable, optional
        Takes a line on what was done.

    Raises
    ------
    NotMade
        When the experiment fails, with its reason.
    ValueError
        When it cannot be loaded, or the results cannot be written there.
    """
    module = experiment.load(entry)
    values = getattr(module, "QUICK", None) if quick else None
    config_type = getattr(module, "Config", None)
    folder = results / "quick" / entry.name if values is not None else results / entry.name
    made = prepare_folder(folder)
    try:
        config = None if config_type is None else config_type(**(values or {}))
        outcome = experiment.execute(entry, module, config, folder, quick=values is not None)
    except NotWritten:
        raise
    except Failed as problem:
        raise NotMade(f"the experiment {entry.name} failed: {problem}") from problem
    except Exception as problem:
        why = str(problem).strip().splitlines()
        flag = " --quick" if values is not None else ""
        raise NotMade(f"the experiment {entry.name} failed with {type(problem).__name__}"
                      f"{': ' + why[0] if why else ''}; flowopt run {entry.name}{flag} shows where"
                      ) from problem
    finally:
        remove_empty(made)
    done = Made(entry, module, config, values is not None, outcome, folder)
    loaded = "loaded: made" in outcome.note
    seconds = done.record["provenance"]["seconds_run"]
    say(f"{entry.name}: {'loaded' if loaded else f'made in {seconds:.1f} s'}")
    return done
