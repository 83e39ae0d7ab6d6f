"""Options of an experiment: the range stated at a field is checked, and nothing else is needed."""

import math
import typing
from dataclasses import FrozenInstanceError, dataclass, field, fields
from pathlib import Path

import numpy as np
import pytest
from test_cli import call, refused

from flowopt import experiment
from flowopt.options import Options, option


@dataclass(frozen=True)
class Config(Options):
    runs: int = option(10, "repetitions", at_least=2, at_most=99)
    lr: float = option(0.1, "learning rate", above=0.0)
    share: float = option(0.5, "of all", at_least=0.0, at_most=1.0)
    free: float = option(0.0, "any number")
    flag: bool = option(True, "or not")
    word: str = option("x", "any text")
    where: Path = Path("here")
    values: tuple[float, ...] = option((1.0, 2.0), "some")
    made: float = field(init=False, default=-1.0)


def test_values_are_kept_as_their_type():
    config = Config(runs=np.int64(3), lr=1, free=np.float32(0.5), flag=np.bool_(False))
    assert config == Config(3, 1.0, 0.5, 0.5, False)
    assert [type(value) for value in (config.runs, config.lr, config.free, config.flag)] == [
        int, float, float, bool]
    assert {f.name: f.metadata.get("help") for f in fields(Config)}["lr"] == "learning rate"
    with pytest.raises(FrozenInstanceError):
        config.lr = 2.0


@pytest.mark.parametrize("values", [
    {"runs": 2}, {"runs": 99}, {"lr": 5e-324}, {"share": 0.0}, {"share": 1.0}], ids=str)
def test_closed_bounds_belong_to_the_range(values):
    assert Config(**values)


@pytest.mark.parametrize(("values", "kind", "sentence"), [
    ({"runs": 1}, ValueError, "runs must be an integer >= 2 and <= 99, got 1"),
    ({"runs": 100}, ValueError, "runs must be an integer >= 2 and <= 99, got 100"),
    ({"runs": 2.0}, TypeError, "runs must be an integer >= 2 and <= 99, got 2.0"),
    ({"runs": True}, TypeError, "runs must be an integer >= 2 and <= 99, got True"),
    ({"lr": 0.0}, ValueError, "lr must be a finite number > 0, got 0.0"),
    ({"share": -0.1}, ValueError, "share must be a finite number >= 0 and <= 1, got -0.1"),
    ({"share": 1.1}, ValueError, "share must be a finite number >= 0 and <= 1, got 1.1"),
    ({"free": math.nan}, ValueError, "free must be a finite number, got nan"),
    ({"free": "1"}, TypeError, "free must be a finite number, got '1'"),
    ({"flag": 1}, TypeError, "flag must be True or False, got 1"),
    ({"share": 2.0, "runs": 0}, ValueError, "runs must be an integer >= 2 and <= 99, got 0"),
], ids=str)
def test_refusals(values, kind, sentence):
    with pytest.raises(kind) as caught:
        Config(**values)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("bounds", "kind", "words"), [
    ({"at_least": 0, "above": 0}, ValueError, "above must not be given together with at_least"),
    ({"at_least": "0"}, TypeError, "at_least must be a finite number, got '0'"),
    ({"at_most": math.inf}, ValueError, "at_most must be a finite number, got inf"),
], ids=str)
def test_bounds_that_are_none(bounds, kind, words):
    with pytest.raises(kind, match=words):
        option(1, "a number", **bounds)


@pytest.mark.parametrize(("kind", "bounds", "words"), [
    (int, {"above": 0}, "the option n must not have above: a field of type int can have at_least "
     "and at_most; check it in __post_init__"),
    (str, {"at_least": 0}, "type str has no range"),
    (bool, {"at_most": 1}, "type bool has no range"),
    (tuple[int, ...], {"at_most": 1}, "has no range"),
    (typing.Optional[int], {"at_least": 1}, "has no range"),  # noqa: UP045
], ids=str)
def test_a_range_that_a_type_cannot_have(kind, bounds, words):
    class Ranged(Options):
        n = option(1, "a number", **bounds)

    Ranged.__annotations__ = {"n": kind}
    with pytest.raises(TypeError) as caught:
        dataclass(frozen=True)(Ranged)()
    assert words in str(caught.value)


# ------------------------------------------------------------------ as a script
SCRIPT = '''
from __future__ import annotations

from dataclasses import dataclass
from flowopt.options import Options, option


@dataclass(frozen=True)
class Config({base}):
    low: int = option(1, "the lower end", at_least=0)
    high: int = option(5, "the upper end")
{more}

def run(config, progress):
    return {{"width": config.high - config.low}}
'''
ORDERED = '''
    def __post_init__(self):
        super().__post_init__()
        if self.high < self.low:
            raise ValueError(f"high must be >= low, got {self.high} < {self.low}")
'''


def script(tmp_path, base="Options", more=""):
    path = tmp_path / "ranged.py"
    path.write_text(SCRIPT.format(base=base, more=more))
    return path


def test_a_script(tmp_path):
    path, out = script(tmp_path, more=ORDERED), tmp_path / "out"
    assert "--low    int     the lower end (default: 1)" in call("run", path, "--help").stdout
    assert call("run", path, "--high", "7", "--out", out).exit_code == 0
    for tokens, words in ((["--low", "-1"], "low must be an integer >= 0, got -1"),
                          (["--low", "9"], "high must be >= low, got 5 < 9")):
        refused(call("run", path, *tokens, "--out", tmp_path / "none"), words)
    assert not (tmp_path / "none").exists()


def test_a_range_that_nothing_would_check(tmp_path):
    refused(call("run", script(tmp_path, base="")), "the range of low has no effect",
            "flowopt.options.Options")


@pytest.mark.parametrize("entry", experiment.catalogue(), ids=lambda entry: entry.name)
def test_every_experiment_explains_and_checks_its_options(entry):
    """Each number but a place has a range, and one beyond it is refused by name."""
    module = experiment.load(entry)
    assert issubclass(module.Config, Options)
    for f in fields(module.Config):
        assert f.metadata["help"]
        if isinstance(f.default, bool):
            with pytest.raises(TypeError, match=f"{f.name} must be True or False"):
                module.Config(**{f.name: 1})
        if isinstance(f.default, bool) or not isinstance(f.default, (int, float)):
            continue
        bounds = f.metadata.get("range", {})
        assert bounds or f.name == "x0", f.name
        low = bounds.get("at_least", bounds.get("above"))
        bad = [] if low is None else [type(f.default)(low - 1)]
        bad += [bounds["at_most"] + 1] if "at_most" in bounds else []
        for value in bad:
            with pytest.raises(ValueError, match=f"{f.name} must be"):
                module.Config(**{f.name: value})
