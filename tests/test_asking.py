"""A mistake in an experiment's own code is one sentence that says where; nothing is written."""

import numpy as np
import pytest
from typer.testing import CliRunner

from flowopt import asking, experiment
from flowopt.cli import app
from flowopt.results import plain

RUN = "def run(config, progress):\n    return {'a': 1}\n"
TABLE = "from flowopt.reporting import Table\n"
CONFIG = ("from dataclasses import dataclass\nfrom flowopt.options import option\n"
          "@dataclass(frozen={frozen})\nclass Config:\n    {field}\n")


def refused(tmp_path, text, code, *words):
    """The command says one sentence with these words, and writes no result."""
    script, out = tmp_path / "one.py", tmp_path / "out"
    script.write_text(text)
    done = CliRunner().invoke(app, ["run", str(script), "--out", str(out)])
    assert done.exit_code == code, done.output
    last = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert len(last) == 1 and last[0].startswith("Error: "), done.output
    for word in words:
        assert word in last[0]
    assert not list(out.glob("[!.]*")) and "Traceback" not in done.output


@pytest.mark.parametrize(("body", "word"), [
    ("return None", "got None"), ("return [1, 2]", "got one of type list of int"),
    ("return object()", "one of type object"), ("return {1: 2}", "by name"),
    ("a = {}; a['a'] = a; return a", "hold itself")])
def test_run_returns_a_dict(tmp_path, body, word):
    refused(tmp_path, f"def run(config, progress):\n    {body}\n", 1, "run of one.py must return",
            word)
    assert not (tmp_path / "out").exists()


def test_two_pieces_of_one_name(tmp_path):
    """The second would have been loaded with the value of the first."""
    refused(tmp_path, "def run(config, progress):\n"
            "    a = progress.pieces(['x'], lambda name: 1)\n"
            "    return {'a': a, 'b': progress.pieces(['x'], lambda name: 2)}\n", 1,
            "pieces must have names of their own, got 'x' twice", "in line 3")


def test_a_number_that_is_too_long_to_write(tmp_path):
    refused(tmp_path, "def run(config, progress):\n    return {'a': 10**5000}\n", 1,
            "what one.py gives cannot be written")


@pytest.mark.parametrize(("more", "words"), [
    ("def figures(result):\n    raise KeyError('x')", ["figures of one.py failed with KeyError: "
                                                        "'x', in line 4 of one.py"]),
    ("def figures(result):\n    return [1]", ["figures of one.py must return a dict"]),
    ("def figures(result):\n    return {'a': 1}", ["a must be a matplotlib figure, got 1"]),
    ("def figures(result):\n    return {'../a': 1}", ["without folders", "'../a'"]),
    ("def claims(result):\n    return 1 / 0", ["claims of one.py failed with ZeroDivisionError",
                                               "line 4"]),
    ("def claims(result):\n    return None", ["claims of one.py must return a list", "None"]),
    ("def claims(result):\n    return ['x']", ["a list of Claim", "list of str"]),
    ("def numbers(result):\n    return [1]", ["numbers of one.py must return a dict"]),
    ("def numbers(result):\n    return {'a': 0.5}", ["the number 'a' must", "flowopt.quoting"]),
    ("def summary(result):\n    return 5", ["summary of one.py must return a text, got 5"]),
    ("def table(result):\n    return [1]", ["table of one.py must return a Table"]),
    (f"{TABLE}def table(result):\n    return Table('c', ('a', 'b'), [[1]])",
     ["rows as long as its 2 columns, got one of 1 in 'c'"])])
def test_the_other_functions(tmp_path, more, words):
    refused(tmp_path, f"{RUN}{more}\n", 1, *words)


def test_a_claim_says_whether_it_holds():
    claim = experiment.Claim("x", 1, 1, "yes")
    with pytest.raises(asking.Failed, match="True, False or None, got 'yes' of 'x'"):
        asking.claims(asking.Path("one.py"), [claim], experiment.Claim)
    for holds in (True, None, np.bool_(False)):
        claim = experiment.Claim("x", 1, 1, holds)
        assert asking.claims(asking.Path("one.py"), [claim], experiment.Claim) == (claim,)


@pytest.mark.parametrize(("text", "words"), [
    ("import sys\nsys.exit(0)\n", ["cannot be loaded: SystemExit: 0, in line 2"]),
    (f"1 / 0\n{RUN}", ["cannot be loaded: ZeroDivisionError", "line 1"]),
    (f"NAME = 'a/../b'\n{RUN}", ["NAME must be one that a file can have", "'a/../b'"]),
    (f"QUICK = {{'a': 1}}\n{RUN}", ["QUICK has no effect without a Config"]),
    (CONFIG.format(frozen=False, field="a: int = 1") + RUN, ["Config is not frozen"]),
    (CONFIG.format(frozen=True, field="a: int") + RUN,
     ["the field a of its Config has no default"]),
    (CONFIG.format(frozen=True, field="out: int = 1") + RUN, ["--out is an option of every"]),
    (CONFIG.format(frozen=True, field="a: 'Nope' = 1") + RUN,
     ["types of its Config are not known"]),
    (CONFIG.format(frozen=True, field="a: int = 1") + "QUICK = {'b': 1}\n" + RUN,
     ["QUICK names 'b', which its Config does not have"]),
    (CONFIG.format(frozen=True, field="a: int = 1") + "QUICK = [1]\n" + RUN,
     ["QUICK must be a dict"]),
    (CONFIG.format(frozen=True, field="def __post_init__(self): 1 / 0") + RUN,
     ["the options are refused with ZeroDivisionError"])])
def test_what_is_no_experiment(tmp_path, text, words):
    refused(tmp_path, text, 2, *words)
    assert not (tmp_path / "out").exists()


def test_a_flag_is_not_set(tmp_path):
    script = tmp_path / "one.py"
    script.write_text(CONFIG.format(frozen=True, field="a: int = 1") + RUN)
    done = CliRunner().invoke(app, ["run", str(script), "--set", "quick=yes"])
    assert done.exit_code == 2
    assert "--quick is no option of the experiment and takes no value" in done.stderr


def test_every_number_can_be_written():
    assert plain(np.longdouble(0.5)) == 0.5
    assert plain(np.array([1, 2], dtype=np.longdouble)) == [1.0, 2.0]
    assert isinstance(plain(np.array(0, dtype="m8[ns]")[()]), (int, str))
