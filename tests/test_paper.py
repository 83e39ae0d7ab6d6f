"""The paper: products of experiments, TeX, interruptions, and the build of the PDF."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from paper_on_trial import ROOT, built, files, findings, folder, pattern, replace
from test_cli import call, refused

from flowopt.paper import checking, latex, products, tex
from flowopt.reporting import Table

__all__ = ["built", "folder", "pattern"]  # fixtures


# ------------------------------------------------------------------ products
def test_numbers(built):
    assert products.read_numbers((built / "numbers.tex").read_text()) == {
        "coin/heads": r"\ensuremath{25.0\,\%}", "coin/runs": r"\ensuremath{20\,000}",
        "coin/error": r"\ensuremath{1.2\cdot10^{-7}}", "coin/status": r"\texttt{REACHED\_END}",
        "coin/config/runs": r"\ensuremath{20\,000}", "coin/config/bias": "0.25",
        "coin/config/tolerance": r"\ensuremath{10^{-9}}", "coin/config/fair-play": "yes"}
    lines = (built / "numbers.tex").read_text().splitlines()
    assert "flowopt paper" in lines[0] and lines[1:] == sorted(lines[1:])


def test_table(built):
    assert (built / "tables" / "coin-tosses.tex").read_text().splitlines()[1:] == [
        r"\begin{tabular}{@{}llrr@{}}", r"  \toprule",
        r"  side & p & \ensuremath{\beta} \ensuremath{\le} 1 & runs \\", r"  \midrule",
        r"  heads & 0.25 [0.4, 0.6] & \ensuremath{1.5\cdot10^{-5}} & \ensuremath{20\,000} \\",
        r"  10\ensuremath{^{-3}} of x\_1 & 0.5 [--, 1] & -- & 3 \\", r"  \bottomrule",
        r"\end{tabular}"]


def test_manifest_and_what_is_committed(built):
    manifest = json.loads((built / "manifest.json").read_text())
    coin = manifest["experiments"]["coin"]
    assert coin["config"]["bias"] == 0.25 and coin["source"] == "coin_of_mine.py"
    assert set(manifest["products"]) == {"figures/coin-line.pdf", "tables/coin-tosses.tex"}
    assert manifest["products"]["tables/coin-tosses.tex"]["experiment"] == "coin"
    record = json.loads((built / "build" / "results.json").read_text())
    committed = "".join((built / name).read_text() for name in
                        ("numbers.tex", "tables/coin-tosses.tex", "manifest.json"))
    for secret in (record["coin"]["key"], record["coin"]["started"], str(built),
                   record["coin"]["platform"]):
        assert secret not in committed
    before = files(built)
    assert call("paper", "--no-pdf").exit_code == 0
    assert files(built) == before  # loaded, and made of the result alone
    shutil.rmtree(built.parent / "results")
    assert call("paper", "--no-pdf").exit_code == 0
    again = files(built)
    assert again.pop("build/results.json") != before.pop("build/results.json")
    assert again == before


def test_a_users_results_stay(folder):
    assert call("run", folder / "coin_of_mine.py", "--bias", "0.75").exit_code == 0
    out = folder.parent / "results" / "coin"
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    assert call("paper", "--no-pdf").exit_code == 0
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before
    assert "loaded" in call("run", folder / "coin_of_mine.py", "--bias", "0.75").stderr
    assert "loaded" in call("run", folder / "coin_of_mine.py", "--bias", "0.25").stderr


@pytest.mark.parametrize(("old", "new", "words"), [
    ("[experiments.coin]", "[experimints.coin]", ["experimints", "did you mean experiments?"]),
    ("figures =", "figurez =", ["experiments.coin has no key 'figurez'", "figures?"]),
    ('"coin_of_mine.py"', '"two-minimas"', ["'two-minimas'", "two-minima"]),
    ('"coin_of_mine.py"', '"nowhere.py"', ["nowhere.py does not exist"]),
    ("bias = 0.25", "bios = 0.25", ["--bios", "--bias"]),
    ("bias = 0.25", 'bias = "much"', ["bias must be a number", "'much'"]),
    ("bias = 0.25", "bias = 1.25", ["bias must be", "1.25"]),
    ("{ bias = 0.25 }", "3", ["set must be a table of options", "3"]),
    ('["line"]', '"line"', ["figures must be a list", "'line'"]),
    ('["line"]', '["lines"]', ["no figure 'lines'", "did you mean line?"]),
    ("table = 1", "table = 3", ["no table 3", "there are 2"]),
    ("table = 1", 'table = "tosses"', ["2 captions begin with tosses"]),
    ("table = 1", 'table = "tosses-and"', ["no table 'tosses-and'", "tosses-again"]),
    ("table = 1", "table = 0", ["places from 1"]),
    ("table = 1", "tabel = 1", ["no key 'tabel'", "did you mean table?"]),
    ('name = "tosses"', 'name = "To Ss"', ["'To Ss'", "small letters"]),
    ('name = "tosses"', 'columns = ["sides"]', ["no column 'sides'", "did you mean side?"]),
    ('name = "tosses"', "columns = []", ["columns that are a list"]),
    ('name = "tosses"', "columns = [5]", ["no column 5", "there are 4"]),
    ('name = "tosses"', "columns = [true]", ["columns that are a list"]),
    ("[experiments.coin]", "[experiments.Coin]", ["small letters"]),
    ("set =", "set", ["is not TOML"]),
])
def test_contents_are_refused(folder, old, new, words):
    replace(folder / "contents.toml", old, new)
    done = call("paper", "--no-pdf")
    assert done.exit_code == 2 and done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ") and "Traceback" not in done.output
    for word in words:
        assert word in last
    assert not (folder / "numbers.tex").exists()


def test_refusals(folder, tmp_path):
    refused(call("paper", "--folder", tmp_path / "none"), "contents.toml", "none")
    refused(call("paper", "--text"), "--text has no effect without --check")
    refused(call("paper", "--check", "--no-pdf"), "--no-pdf has no effect on --check")
    (folder / "main.tex").rename(folder / "other.tex")
    refused(call("paper"), "there is no paper/main.tex", "--no-pdf")
    (folder / "contents.toml").write_text("")
    refused(call("paper", "--no-pdf"), "must name its experiments")


def test_a_table_by_its_caption_and_columns(folder):
    replace(folder / "contents.toml", '{ table = 1, name = "tosses" }',
            '2, { table = "tosses-what", columns = ["runs", "side"] }')
    assert call("paper", "--no-pdf").exit_code == 0
    assert (folder / "tables" / "coin-tosses-again.tex").exists()
    text = (folder / "tables" / "coin-tosses-what.tex").read_text()
    assert "runs & side" in text and r"{@{}rl@{}}" in text


def test_columns_of_one_name(folder):
    replace(folder / "coin_of_mine.py", '("side", "p", "β ≤ 1", "runs")', '("side", "p", "p", "p")')
    assert call("paper", "--no-pdf").exit_code == 0
    assert " & 0.5 [--, 1] & -- & 3 " in (folder / "tables" / "coin-tosses.tex").read_text()
    replace(folder / "contents.toml", 'name = "tosses"', 'name = "tosses", columns = ["side", "p"]')
    done = call("paper", "--no-pdf")
    assert done.exit_code == 2 and "3 columns called 'p'" in done.stderr
    replace(folder / "contents.toml", '"side", "p"]', '"side", 4]')
    assert call("paper", "--no-pdf").exit_code == 0
    assert "& 3" in (folder / "tables" / "coin-tosses.tex").read_text()


# ------------------------------------------------------------------ TeX
def test_every_known_character_is_ascii_in_tex():
    known = "".join([*tex._MATHS, *tex._TEXT, *tex._SPECIAL])
    made = tex.escaped(known)
    assert made.isascii()
    assert tex.escaped("Gröbner, é") == "Gröbner, é"
    assert tex.escaped("a <= b -> c < d") == (
        r"a \ensuremath{\le} b \ensuremath{\to} c \ensuremath{<} d")
    assert tex.escaped("θ̇ ẋ √h √(2) x₁₀") == (
        r"\ensuremath{\dot{\theta}} \ensuremath{\dot{x}} \ensuremath{\sqrt{h}} "
        r"\ensuremath{\surd}(2) x\ensuremath{_{10}}")


@pytest.mark.parametrize(("bad", "code"), [("a ☃", "2603"), ("日", "65E5"), ("a\nb", "000A"),
                                           ("Ж", "0416"), ("x\u0301̇", "0301")])
def test_an_unknown_character_is_named(bad, code):
    with pytest.raises(ValueError, match=rf"U\+{code}"):
        tex.escaped(bad)


def test_an_unknown_character_in_a_table(folder):
    replace(folder / "coin_of_mine.py", '"heads", (', '"h☃ads", (')
    done = call("paper", "--no-pdf")
    assert done.exit_code == 2 and "U+2603" in done.stderr and "SNOWMAN" in done.stderr


def test_numbers_look_as_in_the_text_table():
    for value in (0.0, 1.0, -2.5, 1.23456, 123456.0, 1e-12, -3e20, np.float64(0.1), 7):
        shown = tex.plain(tex.table_cell(value))
        assert float(shown.replace("10^{", "1e").replace("}", "")) == pytest.approx(
            float(f"{value:.4g}"))
    table = Table("c", ("a", "b"), [(None, True), (1.5, "x")])
    assert "{@{}rl@{}}" in tex.tabular(table)


# ------------------------------------------------------------------ interruptions, full disks
def test_no_space_left(built, monkeypatch):
    before = files(built)
    replace(built / "contents.toml", "0.25", "0.75")
    real = Path.write_bytes

    def write(self, data):
        if self.name == "numbers.tex":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    done = call("paper", "--no-pdf")
    assert done.exit_code == 1 and "no space left" in done.stderr.splitlines()[-1]
    after = files(built)
    assert {**after, "contents.toml": b""} == {**before, "contents.toml": b""}


def test_interrupted(built, monkeypatch):
    before = files(built)
    replace(built / "contents.toml", "0.25", "0.75")
    monkeypatch.setenv("COIN_STOPS", "1")
    done = call("paper", "--no-pdf")
    assert done.exit_code == 130 and done.stderr.splitlines()[-1].startswith("Interrupted")
    after = files(built)
    assert {**after, "contents.toml": b""} == {**before, "contents.toml": b""}


def test_no_space_left_for_the_pdf(built, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(latex, "missing", lambda main: None)
    monkeypatch.setattr(Path, "unlink", full)
    done = call("paper")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == ("Error: paper/build cannot be written: No space left "
                                            "on device")


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_killed_while_writing(built):
    before = files(built)
    replace(built / "contents.toml", "0.25", "0.75")
    code = ("import os, signal\nfrom pathlib import Path\nreal = Path.write_bytes\n"
            "def write(self, data):\n    if self.name == 'manifest.json':\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n    return real(self, data)\n"
            "Path.write_bytes = write\nfrom flowopt.cli import app\napp(['paper', '--no-pdf'])\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=built.parent, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == -9
    after = {name: data for name, data in files(built).items() if not name.startswith(".part-")}
    assert {**after, "contents.toml": b""} == {**before, "contents.toml": b""}
    assert call("paper", "--no-pdf").exit_code == 0 and findings(code=0)


# ------------------------------------------------------------------ LaTeX
def test_without_tex(folder, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    refused(call("paper"), "latexmk, pdflatex and bibtex", "are not installed", "Debian",
            latex.DEBIAN, "--no-pdf")
    assert not (folder / "numbers.tex").exists()
    assert call("paper", "--no-pdf").exit_code == 0


def test_a_missing_package_is_named(folder, monkeypatch):
    monkeypatch.setattr(latex.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(latex, "_run", lambda command, where: "\n".join(
        f"/tex/{name}" for name in command[1:] if name != "booktabs.sty"))
    sentence = latex.missing(folder / "main.tex")
    assert sentence.startswith("the paper needs booktabs.sty, which") and latex.DEBIAN in sentence


def test_what_the_log_complains_about():
    log = r'''This is pdfTeX
Overfull \hbox (0.9pt too wide) in paragraph at lines 1--2
Overfull \hbox (12.25pt too wide) in paragraph at lines 3--4
Overfull \vbox (3.0pt too high) has occurred while \output is active
LaTeX Warning: Reference `a' on page 1 undefined on input line 9.
Package natbib Warning: Citation `b' on page 1 undefined on input line 8.
LaTeX Warning: Label `c' multiply defined.
Missing character: There is no ẋ in font ec-lmr10!
LaTeX Warning: Float too large for page by 12.0pt on input line 7.
LaTeX Warning: There were undefined references.
./main.tex:27: Package flowopt Error: No experiment gives the number `d'.
./main.tex:27:  ==> Fatal error occurred, no output PDF file produced!
! Emergency stop.
'''
    assert [line.split(": ", 1)[1] for line in latex.complaints(log)[:7]] == [
        r"Overfull \hbox (12.25pt too wide) in paragraph at lines 3--4",
        r"Overfull \vbox (3.0pt too high) has occurred while \output is active",
        "Reference `a' on page 1 undefined on input line 9",
        "Citation `b' on page 1 undefined on input line 8", "Label `c' multiply defined",
        "Missing character: There is no ẋ in font ec-lmr10!",
        "Float too large for page by 12.0pt on input line 7"]
    assert latex.complaints(log)[7:] == [
        "main.tex:27: Package flowopt Error: No experiment gives the number `d'.",
        "Emergency stop."]


def test_a_full_disk_is_told_when_tex_does_not(folder, monkeypatch):
    monkeypatch.setattr(latex, "_run", lambda command, where: "")
    monkeypatch.setattr(latex.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(latex.NotBuilt, match="build cannot be written: there is no space left"):
        latex.build(folder / "main.tex")


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="latexmk is not installed")
def test_the_pdf(folder):
    done = call("paper")
    assert done.exit_code == 0, done.output
    assert (folder / "paper.pdf").read_bytes().startswith(b"%PDF")
    assert call("paper").exit_code == 0  # nothing to do
    replace(folder / "main.tex", "With $", "\\ref{nowhere}\\hbox{\\rule{50cm}{1pt}}\n\nWith $")
    done = call("paper")
    assert done.exit_code == 1 and "`nowhere'" in done.stdout and "Overfull" in done.stdout
    before = (folder / "paper.pdf").read_bytes()
    replace(folder / "main.tex", "With $", "\\val{coin/haeds}\nWith $")
    done = call("paper")
    assert done.exit_code == 1
    assert "main.tex:10: Package flowopt Error: No experiment gives the number" in done.stdout
    assert (folder / "paper.pdf").read_bytes() == before


# ------------------------------------------------------------------ this paper
def test_the_text_agrees_with_what_is_committed():
    numbers, shown = checking.on_disk(ROOT / "paper")
    assert numbers and shown
    assert checking.text(ROOT / "paper" / "main.tex", numbers, shown).failures == []


def test_the_packages_of_tex_are_named_where_they_are_needed():
    for name in ("README.md", ".ci/run"):
        assert latex.DEBIAN in (ROOT / name).read_text(encoding="utf-8"), name
