"""Kept values: exact, checked, loaded when nothing changed, and a killed run goes on after them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowopt import experiment, keeping
from flowopt.keeping import Broken, Keeper, KeepingReporter, NotKept, pack, unpack
from flowopt.results import prepare_folder

LEAF = (st.none() | st.booleans() | st.integers() | st.text() | st.floats() |
        st.builds(np.float64, st.floats()) |
        st.lists(st.floats(), max_size=4).map(np.array))
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3)
                     | st.lists(inner, max_size=3).map(tuple)
                     | st.dictionaries(st.text() | st.integers(), inner, max_size=3), max_leaves=12)


def same(a, b):
    """Equal with their types, bit for bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return a == b or (a != a and b != b)


@given(VALUE)
@settings(max_examples=200, deadline=None)
def test_what_is_packed_is_unpacked(value):
    assert same(unpack(pack(value)), value)


def test_arrays_keep_their_types_and_are_writable():
    value = {"i": np.arange(3, dtype=np.int8), "b": np.array([[True], [False]]),
             "t": np.array(["ab", "c"]), "f": np.zeros((2, 0)), "F": np.asfortranarray(np.eye(3)),
             "s": np.int32(7), "~": 1}
    made = unpack(pack(value))
    assert same({k: np.ascontiguousarray(v) if k == "F" else v for k, v in value.items()}, made)
    made["i"][0] = 5


@pytest.mark.parametrize("bad", [object(), {"a": [1, {2}]}, np.array([object()]), b"bytes",
                                 Path("x"), 1j, {"f": print}])
def test_what_cannot_be_kept_is_named(bad):
    with pytest.raises(NotKept, match="cannot be kept"):
        pack(bad)


def test_every_changed_byte_is_seen():
    data = pack({"x": np.arange(3.0), "text": "yes"})
    for k in range(len(data)):
        with pytest.raises(Broken):
            unpack(data[:k] + bytes([data[k] ^ 1]) + data[k + 1:])
    for k in range(len(data)):
        with pytest.raises(Broken):
            unpack(data[:k])


def test_a_broken_file_is_set_aside_and_made_again(tmp_path):
    said = []
    keeper = Keeper(tmp_path / "kept", said.append)
    assert KeepingReporter(keeper).piece("one", lambda: 1.5) == 1.5
    path = keeper.path("piece one")
    path.write_bytes(path.read_bytes()[:-3])
    assert KeepingReporter(keeper).piece("one", lambda: 2.5) == 2.5
    assert len(said) == 1 and "broken" in said[0] and "made again" in said[0]
    assert path.with_suffix(".broken").exists()
    assert KeepingReporter(keeper).piece("one", lambda: 9.9) == 2.5


def test_no_space_left(tmp_path, monkeypatch):
    said = []
    keeper = Keeper(tmp_path / "kept", said.append)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert KeepingReporter(keeper).piece("one", lambda: 1.5) == 1.5
    assert said == ["piece one is not kept, nor is what else cannot be written: No space left on "
                    "device"]
    assert not list((tmp_path / "kept").iterdir())


SCRIPT = '''
import time
from dataclasses import dataclass
import numpy as np
from flowopt.experiment import Claim
NAME = "slow"
@dataclass(frozen=True)
class Config:
    seed: int = 0
    pause: float = 0.0
    made: str = ""
def one(config, name):
    time.sleep(config.pause)
    if config.made:
        with open(config.made, "a") as file:
            file.write(name + "\\n")
    return np.random.default_rng([config.seed, int(name)]).normal(size=3), name
def run(config, progress):
    made = progress.pieces([str(k) for k in range(8)], lambda name: one(config, name))
    return {"x": np.array([made[k][0] for k in made]), "names": [made[k][1] for k in made]}
def claims(result):
    return [Claim("rows", len(result["x"]), 8, len(result["x"]) == 8)]
'''


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "slow.py"
    path.write_text(SCRIPT)
    return path


def executed(path, out, force=False, **values):
    entry = experiment.find(str(path))
    module = experiment.load(entry)
    prepare_folder(out)
    return experiment.execute(entry, module, module.Config(**values), out, force=force)


def test_unchanged_is_loaded_and_changed_is_run(script, tmp_path):
    out, made = tmp_path / "out", str(tmp_path / "made")

    def runs():
        return len(Path(made).read_text().split())

    first = executed(script, out, made=made)
    assert runs() == 8 and not first.note
    again = executed(script, out, made=made)
    assert runs() == 8 and "loaded" in again.note and same(first.result, again.result)
    record = json.loads((out / "slow.json").read_text())["provenance"]
    assert {"command", "commit", "dirty", "versions", "machine", "seconds_run",
            "key"} <= set(record)
    assert executed(script, out, seed=1, made=made).note == "" and runs() == 16
    assert "loaded" in executed(script, out, made=made).note and runs() == 16  # both are kept
    executed(script, out, force=True, made=made)
    assert runs() == 24
    script.write_text(SCRIPT + "\n# changed\n")
    executed(script, out, made=made)
    assert runs() == 32


def test_a_file_beside_the_script_counts_as_its_source(script, tmp_path):
    (tmp_path / "beside_it.py").write_text("VALUE = 1\n")
    script.write_text("import beside_it\n" + SCRIPT)
    entry = experiment.find(str(script))
    module = experiment.load(entry)
    before = experiment.key(entry, module.Config())
    assert experiment.key(entry, module.Config()) == before
    assert experiment.key(entry, module.Config(seed=1)) != before
    (tmp_path / "beside_it.py").write_text("VALUE = 2\n")
    assert experiment.key(entry, module.Config()) != before


def test_the_code_of_numbers_counts_and_pictures_do_not(tmp_path, monkeypatch):
    import shutil

    package = tmp_path / "flowopt"
    shutil.copytree(Path(keeping.__file__).parent, package,
                    ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(keeping, "__file__", str(package / "keeping.py"))
    before = keeping.code_of_numbers()
    (package / "plotting" / "figures.py").write_text("# other\n")
    assert keeping.code_of_numbers() == before
    (package / "losses" / "loss.py").write_text("# other\n")
    assert keeping.code_of_numbers() != before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_killed_run_goes_on_and_ends_the_same(script, tmp_path):
    made = tmp_path / "made"
    settings = ["--pause", "0.25", "--made", str(made)]
    command = [sys.executable, "-m", "flowopt.cli", "run", str(script), *settings,
               "--out", str(tmp_path / "killed")]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (made.exists() and len(made.read_text().split()) >= 3):
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = len(made.read_text().split())
    assert not (tmp_path / "killed" / "slow.json").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pieces were kept" in again.stderr
    total = len(made.read_text().split())
    assert done < 8 <= total <= 9  # at most the piece that was under way is made twice
    whole = executed(script, tmp_path / "whole", pause=0.25, made=str(made))
    went_on = executed(script, tmp_path / "killed", pause=0.25, made=str(made))
    assert "loaded" in went_on.note and pack(went_on.result) == pack(whole.result)
    one, other = ((tmp_path / name / "slow.json").read_text() for name in ("whole", "killed"))
    assert json.loads(one)["result"] == json.loads(other)["result"]


def test_the_oldest_keys_are_dropped(tmp_path):
    for k in range(keeping.MOST_KEYS + 5):
        (tmp_path / f"{k:016x}").mkdir()
        os.utime(tmp_path / f"{k:016x}", (k, k))
    keeping.prune(tmp_path, f"{0:016x}")
    left = sorted(int(p.name, 16) for p in tmp_path.iterdir())
    assert left == [0, *range(6, keeping.MOST_KEYS + 5)]


# ------------------------------------------------------------------ figures and claims again
def command(*arguments):
    from typer.testing import CliRunner

    from flowopt.cli import app

    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_figures_are_drawn_from_what_is_kept(script, tmp_path):
    script.write_text(SCRIPT + """
def figures(result):
    from flowopt.plotting import new_figure
    figure, axes = new_figure(3, 2)
    axes.plot(result["x"])
    return {"plot": figure}
""")
    out = tmp_path / "out"
    refused = command("figures", script, "--out", out)
    assert refused.exit_code == 2 and "no result of slow is kept" in refused.stderr
    made = tmp_path / "made"
    assert command("run", script, "--made", made, "--out", out).exit_code == 0
    (out / "plot.png").unlink()
    drawn = command("figures", script, "--made", made, "--out", out)
    assert drawn.exit_code == 0 and "plot.png" in drawn.stdout and (out / "plot.png").exists()
    assert len(made.read_text().split()) == 8  # nothing was computed again
    other = command("figures", script, "--made", made, "--seed", "5", "--out", out)
    assert other.exit_code == 2 and "for these options" in other.stderr
    assert "no effect" in command("figures", script, "--force", "--out", out).stderr


def test_claims_are_read_from_the_results(script, tmp_path):
    results = tmp_path / "results"
    assert command("run", script, "--out", results / "slow").exit_code == 0
    done = command("claims", "--results", results)
    assert done.exit_code == 0 and "[holds] rows: 8 (expected 8)" in done.stdout
    path = results / "slow" / "slow.json"
    path.write_text(path.read_text().replace('"holds": true', '"holds": false'))
    failed = command("claims", "slow", "--results", results)
    assert failed.exit_code == 1 and "[FAILS]" in failed.stdout
    unknown = command("claims", "slwo", "--results", results)
    assert unknown.exit_code == 2 and "did you mean slow?" in unknown.stderr
    path.write_text('{"experiment": "slow"')
    broken = command("claims", "--results", results)
    assert broken.exit_code == 2 and "cannot be read as a result" in broken.stderr
    assert command("claims", "--results", tmp_path / "none").exit_code == 2


def test_a_kept_value_that_is_no_result_is_made_again(tmp_path):
    """Its checksum is right, but it is not what a run keeps."""
    script = tmp_path / "one.py"
    script.write_text("def run(config, progress):\n    return {'a': 0.5}\n")
    entry = experiment.find(str(script))
    for bad in ({"a": 1}, ({}, {}), ([], {"started": "", "seconds_run": 1.0})):
        Keeper(tmp_path / "kept" / experiment.key(entry, None)).put("result", bad)
        made, _, said = experiment.result_of(entry, experiment.load(entry), None, tmp_path / "kept")
        assert made == {"a": 0.5} and "holds something else" in said[0]


def test_what_cannot_be_written_is_said_once(tmp_path):
    (tmp_path / "file").write_text("")
    said = []
    keeper = Keeper(tmp_path / "file", said.append)
    assert not keeper.put("a", 1) and not keeper.put("b", 2)
    assert len(said) == 1 and said[0].startswith("a is not kept, nor is what else")
