"""The command line: what it lists, runs, refuses and writes."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flowopt import __version__, experiment, provenance, results
from flowopt.cli import app

ROOT = Path(experiment.__file__).resolve().parent.parent
SCRIPT = '''
from dataclasses import dataclass, field
from helper_of_mine import QUESTIONED
import numpy as np
from flowopt.experiment import Claim

NAME = "mine"
QUESTION = "Does my own script run?"


@dataclass(frozen=True)
class Config:
    a: float = field(default=1.5, metadata={"help": "a number"})
    n: int = 3
    word: str = "x"
    flag: bool = False
    values: tuple[float, ...] = (1.0, 2.0)
    long_name: int = 7
    seed: int = 4

    def __post_init__(self):
        if self.n < 1:
            raise ValueError(f"n must be >= 1, got {self.n}")


def run(config, progress):
    progress(0.5, "half")
    return {"sum": config.a + sum(config.values), "nan": float("nan"), "array": np.arange(config.n),
            "inf": np.inf, "nested": {0.1: (np.float64(0.1), np.bool_(True))}, "flag": config.flag,
            "word": config.word, "long": config.long_name, "helper": QUESTIONED}


def figures(result):
    from flowopt.plotting import new_figure
    figure, axes = new_figure(3.0, 2.0)
    axes.plot(result["array"])
    return {"line": figure}


def summary(result):
    return f"the sum is {result['sum']}"


def claims(result):
    return [Claim("one", 1, 1, True), Claim("two", 2, 3, False, "as meant"),
            Claim("three", 3, 3, None)]
'''


@pytest.fixture
def script(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "helper_of_mine.py").write_text("QUESTIONED = 42\n")
    path = folder / "my_script.py"
    path.write_text(SCRIPT)
    return path


def call(*tokens):
    return CliRunner().invoke(app, [str(token) for token in tokens])


def refused(result, *words, code=2):
    """One sentence on stderr, no traceback, nothing on stdout."""
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


# ------------------------------------------------------------------ list, help, version
def test_list():
    result = call("list")
    assert result.exit_code == 0
    entries = experiment.catalogue()
    assert "two-minima" in [entry.name for entry in entries]
    assert len(result.stdout.splitlines()) == len(entries)
    for entry, line in zip(entries, result.stdout.splitlines(), strict=True):
        assert line.startswith(entry.name) and line.endswith(entry.question) and entry.question


def test_version():
    assert call("--version").stdout == f"flowopt {__version__}\n"


def test_help_shows_the_options():
    text = call("run", "two-minima", "--help").stdout
    for word in ("--x0", "--h ", "--M", "--steps", "--seed", "--out", "default: 2500", "results"):
        assert word in text
    assert "two-minima" in call("run", "--help").stdout
    assert "run" in call("--help").stdout


@pytest.mark.parametrize("tokens", [["list"], ["run", "two-minima", "--help"],
                                    ["run", "two-minima", "--h", "0"]])
def test_starts_light(tokens):
    code = ("import sys\nfrom flowopt.cli import app\ntry:\n    app(sys.argv[1:])\n"
            "except SystemExit:\n    pass\n"
            "print([m for m in ('matplotlib', 'sympy', 'scipy', 'numba', 'rich') "
            "if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code, *tokens], capture_output=True, text=True,
                          cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# ------------------------------------------------------------------ refusals
@pytest.mark.parametrize(("tokens", "words"), [
    ("--h 0", ["h must be", "> 0", "0.0"]),
    ("--h -0.1", ["h must be", "> 0", "-0.1"]),
    ("--h nan", ["h must be", "nan"]),
    ("--h inf", ["h must be", "finite"]),
    ("--h big", ["h must be a number", "'big'"]),
    ("--h 1e-300", ["h must lie between"]),
    ("--M 0", ["M must be", "> 0"]),
    ("--M -1000", ["M must be", "> 0", "-1000"]),
    ("--M inf", ["M must be", "finite"]),
    ("--steps 0", ["steps must be an integer >= 1", "0"]),
    ("--steps -5", ["steps must be an integer >= 1", "-5"]),
    ("--steps 2.5", ["steps must be an integer", "'2.5'"]),
    ("--steps 10000000000", ["steps must be", "<= 1000000"]),
    ("--x0 inf", ["x0 must be a finite number"]),
    ("--x0 nan", ["x0 must be a finite number"]),
    ("--x0 1e200", ["x0 must lie between"]),
    ("--seed -1", ["seed must be an integer >= 0"]),
    ("--seed 0.5", ["seed must be an integer"]),
    ("--stepz 3", ["no option --stepz", "--steps"]),
    ("--h", ["--h needs a value"]),
    ("--h --M 3", ["--h needs a value"]),
    ("--h=", ["--h needs a value"]),
    ("--h 0.1 --h 0.2", ["--h is given twice"]),
    ("spare", ["'spare'", "too many"]),
])
def test_bad_options_are_refused(tokens, words, tmp_path):
    out = tmp_path / "out"
    refused(call("run", "two-minima", "--out", out, *shlex.split(tokens)), *words)
    assert not out.exists()


def test_out_must_be_a_folder_that_can_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    refused(call("run", "two-minima", "--out", file), "out must be a folder", "is a file")
    refused(call("run", "two-minima", "--out", file / "deeper"), "out must be a folder")
    assert file.read_text() == "kept"
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    if not os.access(locked, os.W_OK):  # root may write anywhere
        refused(call("run", "two-minima", "--out", locked), "can be written", "denied")
        refused(call("run", "two-minima", "--out", locked / "a" / "b"), "can be written")
    locked.chmod(0o755)


def test_folders_that_cannot_be_made_leave_nothing(tmp_path, monkeypatch):
    real = Path.mkdir

    def mkdir(self, *args, **options):
        if self.name == "b":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    refused(call("run", "two-minima", "--out", tmp_path / "a" / "b"), "Permission denied")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "words"), [
    ("two-minma", ["'two-minma'", "did you mean two-minima?"]),
    ("zzz", ["'zzz'", "two-minima"]),
    ("./missing.py", ["./missing.py", "does not exist"]),
    ("/", ["is not a file"]),
])
def test_unknown_experiments(name, words):
    refused(call("run", name), *words)


def test_run_needs_a_name():
    refused(call("run"), "needs the name of an experiment")


def test_unknown_command():
    result = call("lst")
    assert result.exit_code == 2 and "lst" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(("text", "words"), [
    ("def run(config, progress:\n", ["is not Python", "line 1"]),
    ("x = 1\n", ["no function run"]),
    ("import nothing_of_that_name\n", ["cannot be loaded", "nothing_of_that_name"]),
    ("Config = 3\ndef run(config, progress):\n    return {}\n", ["Config is not a dataclass"]),
])
def test_scripts_that_are_no_experiments(text, words, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(text)
    refused(call("run", path, "--out", tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------ running a script
def test_script_by_path(script, tmp_path):
    out = tmp_path / "a" / "b"
    result = call("run", script, "--a", "-2", "--n=5", "--word", "two words", "--flag", "yes",
                  "--values", "1,2.5", "--long-name", "9", "--out", out)
    assert result.exit_code == 0, result.output
    assert "the sum is 1.5" in result.stdout and "[holds] one" in result.stdout
    assert "[FAILS] two: 2 (expected 3); as meant" in result.stdout
    assert "[does not apply] three" in result.stdout and str(out) in result.stdout
    assert "half" in result.stderr
    assert sorted(p.name for p in out.iterdir()) == [".kept", "line.pdf", "line.png", "mine.json",
                                                     "summary.txt"]
    assert (out / "line.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "line.pdf").read_bytes().startswith(b"%PDF")
    assert "the sum is 1.5" in (out / "summary.txt").read_text()

    def strict(constant):
        raise AssertionError(f"{constant} is no JSON")

    record = json.loads((out / "mine.json").read_text(), parse_constant=strict)
    assert record["experiment"] == "mine" and record["question"] == "Does my own script run?"
    assert record["config"] == {"a": -2.0, "n": 5, "word": "two words", "flag": True,
                                "values": [1.0, 2.5], "long_name": 9, "seed": 4}
    assert record["seeds"] == {"seed": 4}
    assert record["result"] == {"sum": 1.5, "nan": None, "array": [0, 1, 2, 3, 4], "inf": "inf",
                                "nested": {"0.1": [0.1, True]}, "flag": True, "word": "two words",
                                "long": 9, "helper": 42}
    assert [claim["holds"] for claim in record["claims"]] == [True, False, None]
    about = record["provenance"]
    assert about["versions"]["flowopt"] == __version__
    assert about["versions"]["numpy"] == np.__version__
    assert {"python", "scipy", "sympy", "numba"} <= set(about["versions"])
    assert about["seconds"] > 0 and about["platform"] and about["command"]
    assert {"commit", "dirty"} <= set(about)
    assert record["files"] == ["line.pdf", "line.png"]


@pytest.mark.parametrize(("tokens", "words"), [
    ("--n 0", ["n must be >= 1, got 0"]),
    ("--flag maybe", ["flag must be yes or no"]),
    ("--values 1,b", ["values must be a number", "'b'"]),
    ("--nn 3", ["no option --nn"]),
])
def test_options_of_a_script(tokens, words, script, tmp_path):
    refused(call("run", script, "--out", tmp_path / "out", *tokens.split()), *words)


def test_script_without_anything_but_run(tmp_path):
    path = tmp_path / "bare_script.py"
    path.write_text("def run(config, progress):\n    return {'config': config}\n")
    result = call("run", path, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "bare-script.json").read_text())["config"] is None
    refused(call("run", path, "--x0", "1"), "no option --x0")


def test_default_folder_is_results(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("run", script).exit_code == 0
    assert (tmp_path / "results" / "mine" / "mine.json").exists()


def test_an_error_inside_a_script_is_shown_with_its_lines(tmp_path):
    path = tmp_path / "fails.py"
    path.write_text("def run(config, progress):\n    inner()\ndef inner():\n"
                    "    raise ValueError('a bug of mine')\n")
    result = call("run", path, "--out", tmp_path / "out")
    assert result.exit_code == 1 and result.stderr.endswith(
        "Error: run of fails.py failed with ValueError: a bug of mine, in line 4 of fails.py, "
        "from line 2 of fails.py\n")
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------ interruptions
def test_no_space_left(script, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert call("run", script, "--out", out).exit_code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    real = Path.write_bytes

    def write(self, data):
        if self.name.endswith(".json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    refused_ = call("run", script, "--a", "9", "--out", out)
    assert refused_.exit_code == 1
    assert refused_.stderr.splitlines()[-1].startswith("Error: the results could not be written")
    assert "no space left" in refused_.stderr and "Traceback" not in refused_.output
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    assert call("run", script, "--a", "9", "--out", tmp_path / "new").exit_code == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".kept"]  # not computed twice
    monkeypatch.undo()
    assert "loaded" in call("run", script, "--a", "9", "--out", tmp_path / "new").stderr


def test_interrupted_in_process(tmp_path):
    path = tmp_path / "stops.py"
    path.write_text("def run(config, progress):\n    raise KeyboardInterrupt\n")
    result = call("run", path, "--out", tmp_path / "x" / "y")
    assert result.exit_code == 130
    assert result.stderr == "Interrupted: nothing was written.\n"
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_ctrl_c(tmp_path):
    path = tmp_path / "waits.py"
    path.write_text("import time\n\ndef run(config, progress):\n    progress(0.1, 'waiting')\n"
                    "    time.sleep(60)\n")
    # the handler is set in the child itself: code between fork and exec is not safe beside threads
    start = ("import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
             "from flowopt.cli import main; main()")
    process = subprocess.Popen([sys.executable, "-c", start, "run", str(path), "--out",
                                str(tmp_path / "out")], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert "waiting" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    begun = time.perf_counter()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == ""
    assert err == "Interrupted: nothing was written.\n"
    assert time.perf_counter() - begun < 10
    assert not (tmp_path / "out").exists()


def test_ctrl_c_while_files_are_renamed_waits(tmp_path, monkeypatch):
    real = os.replace

    def replace(source, target):
        signal.raise_signal(signal.SIGINT)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        results.write_all(tmp_path, {"a": b"1", "b": b"2"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_constants_are_read_without_running(tmp_path):
    path = tmp_path / "bomb.py"
    path.write_text("raise SystemExit\nNAME = 'bomb'\nQUESTION = 'Does it ' 'go off?'\n")
    assert experiment.constants(path) == {"NAME": "bomb", "QUESTION": "Does it go off?"}
    assert [entry.name for entry in experiment.catalogue(tmp_path)] == ["bomb"]
    assert experiment.catalogue(tmp_path / "missing") == []


def test_without_git(monkeypatch, script, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit() == (None, None)
