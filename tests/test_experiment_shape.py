"""Options of every experiment: --set, --quick; tables, pieces, and where experiments are found."""

import importlib
import json
import sys

import pytest
from test_cli import call, refused

from flowopt import experiment, provenance
from flowopt.reporting import Reporter, Table

SCRIPT = '''
from dataclasses import dataclass
from flowopt.quoting import percent
from flowopt.reporting import Table

QUICK = {"runs": 3}


@dataclass(frozen=True)
class Config:
    runs: int = 500
    word: str = "x"
    seed: int = 0


def run(config, progress):
    made = progress.pieces(["a", "b"], lambda name: name + config.word)
    return {"pieces": made, "runs": config.runs, "p": (0.5, 0.25, 0.75)}


def table(result):
    return Table("What came out", ("name", "p", "runs"), [("a", result["p"], result["runs"])])


def numbers(result):
    return {"p": percent(result["p"][0])}
'''


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "of_pieces.py"
    path.write_text(SCRIPT)
    return path


def record(folder):
    return json.loads((folder / "of-pieces.json").read_text())


def test_set_and_quick(script, tmp_path):
    out = tmp_path / "out"
    done = call("run", script, "--quick", "--set", "word=y", "seed=4", "--out", out)
    assert done.exit_code == 0, done.output
    made = record(out)
    assert made["config"] == {"runs": 3, "word": "y", "seed": 4} and made["quick"] is True
    assert made["seeds"] == {"seed": 4}
    assert made["result"]["pieces"] == {"a": "ay", "b": "by"}
    assert made["numbers"] == {"p": {"value": 0.5, "tex": r"\ensuremath{50.0\,\%}",
                                     "text": "50.0 %"}}
    assert made["tables"] == [{"caption": "What came out", "columns": ["name", "p", "runs"],
                               "rows": [["a", [0.5, 0.25, 0.75], 3]]}]
    assert "a     0.5 [0.25, 0.75]     3" in done.stdout
    assert done.stdout.split("\n\n")[0] + "\n" == (out / "summary.txt").read_text()
    assert "] a" in done.stderr and "] b" in done.stderr  # the progress of the pieces
    done = call("run", script, "--quick", "--set", "runs=7", "--set", "seed=2", "--out", out)
    assert record(out)["config"] == {"runs": 7, "word": "x", "seed": 2}
    call("run", script, "--out", out)
    assert record(out)["config"]["runs"] == 500 and record(out)["quick"] is False


@pytest.mark.parametrize(("tokens", "words"), [
    ("--set runz=3", ["no option --runz", "--runs"]),
    ("--set runs=many", ["runs must be an integer", "'many'"]),
    ("--set runs", ["--set needs key=value"]),
    ("--set", ["--set needs key=value"]),
    ("--set runs=", ["--set runs= needs a value"]),
    ("--set runs=1 runs=2", ["--runs is given twice"]),
    ("--set runs=1 --runs 2", ["--runs is given twice"]),
    ("--quik 1", ["no option --quik", "--quick"]),
    ("--quick 1", ["'1' is one argument too many"]),
])
def test_refusals(tokens, words, script, tmp_path):
    refused(call("run", script, "--out", tmp_path / "out", *tokens.split()), *words)
    assert not (tmp_path / "out").exists()


def test_quick_without_a_quick_configuration(tmp_path):
    path = tmp_path / "slow.py"
    path.write_text("def run(config, progress):\n    return {}\n")
    refused(call("run", path, "--quick"), "--quick has no effect on slow")


def test_pieces_are_made_in_order_and_may_be_kept():
    class Kept(Reporter):
        def piece(self, name, make):
            return f"kept {name}" if name == "b" else make()

    shown = []
    kept = Kept(lambda share, text: shown.append((round(share, 2), text)))
    assert kept.pieces("abc", str.upper, 0.3, 0.6) == {"a": "A", "b": "kept b", "c": "C"}
    assert shown == [(0.3, "a"), (0.4, "b"), (0.5, "c")]
    assert Reporter().pieces([], str.upper) == {}


def test_table_of_nothing():
    assert Table("Nothing", ("a", "b"), []).text == "Nothing\n   a  b"


def test_experiments_inside_the_package_come_first(tmp_path, monkeypatch):
    inside = tmp_path / "flowopt" / "_experiments"
    inside.mkdir(parents=True)
    (inside / "theirs.py").write_text('NAME = "theirs"\n')
    source = experiment.Path(experiment.__file__).read_text()
    (tmp_path / "flowopt" / "experiment.py").write_text(source)
    spec = importlib.util.spec_from_file_location("as_installed",
                                                  tmp_path / "flowopt" / "experiment.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "as_installed", module)
    spec.loader.exec_module(module)
    assert [entry.name for entry in module.catalogue()] == ["theirs"]
    assert experiment.EXPERIMENTS == provenance.ROOT / "experiments"


def test_none_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(experiment, "EXPERIMENTS", tmp_path)
    assert "No experiments came with flowopt" in call("list").stderr
    refused(call("run", "two-minima"), "no experiments came with flowopt")
