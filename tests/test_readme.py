"""The README's Python runs as it is written, and prints what it says."""

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)


def test_there_are_blocks():
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_runs(number, tmp_path, monkeypatch):
    # numba reads the source of a function from its file
    monkeypatch.chdir(tmp_path)
    script = tmp_path / f"block{number}.py"
    script.write_text(BLOCKS[number], encoding="utf-8")
    exec(compile(BLOCKS[number], str(script), "exec"), {"__name__": "readme"})


def test_tour_prints_what_it_says(capsys):
    exec(compile(BLOCKS[0], "tour", "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert "2.12761354574" in printed and "[3.]" in printed
    assert "STUCK" in printed and "NOT to be trusted" in printed
    left = float(printed.strip().splitlines()[-1])
    assert 0.80 < left < 0.87  # 0.833 ± 3.5 standard errors of 4000 runs


def test_the_tour_is_short():
    lines = [line for line in BLOCKS[0].splitlines() if line.strip()]
    assert len(lines) <= 20


def test_pictures_exist():
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT):
        assert (README.parent / name).stat().st_size > 5000, name
