"""The paper: products of experiments, and each finding of ``flowopt paper --check`` provoked."""

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
from test_cli import call, refused

from flowopt.paper import bibliography, checking, latex, products, source, tex
from flowopt.reporting import Table

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = '''
from dataclasses import dataclass
import os
from flowopt.options import Options, option
from flowopt.quoting import count, percent, scientific, word
from flowopt.reporting import Table

NAME = "coin"


@dataclass(frozen=True)
class Config(Options):
    runs: int = option(20_000, "tosses", at_least=1)
    bias: float = option(0.5, "probability of heads", above=0.0, at_most=1.0)
    tolerance: float = option(1e-9, "to print")
    fair_play: bool = option(True, "to print")
    scales: tuple[float, ...] = option((0.1, 10.0), "to print")


def run(config, progress):
    if os.environ.get("COIN_STOPS"):
        raise KeyboardInterrupt
    return progress.piece("toss", lambda: {"heads": config.bias, "runs": config.runs})


def numbers(result):
    return {"heads": percent(result["heads"]), "runs": count(result["runs"]),
            "error": scientific(1.25e-7, 2), "status": word("REACHED_END")}


def table(result):
    return [Table("Tosses & what came of them", ("side", "p", "β ≤ 1", "runs"),
                  [("heads", (result["heads"], 0.4, 0.6), 1.5e-5, result["runs"]),
                   ("10⁻³ of x_1", (0.5, float("nan"), 1.0), float("nan"), 3)]),
            Table("Tosses again", ("side",), [("tails",)])]


def figures(result):
    from flowopt.plotting import new_figure
    figure, axes = new_figure(3.0, 2.0)
    axes.plot([0.0, result["heads"]])
    return {"line": figure, "other": figure}
'''
CONTENTS = '''
[experiments.coin]
experiment = "coin_of_mine.py"
set = { bias = 0.25 }
figures = ["line"]
tables = [{ table = 1, name = "tosses" }]
'''
MAIN = r'''\documentclass[12.5pt]{article}
\usepackage{booktabs, graphicx, flowopt}
\begin{document}
Of \val{coin/runs} tosses \val{coin/heads} were heads \cite[p.~17]{Known1964}. % not 25 %
\begin{figure}[h] \includegraphics[width=0.75\textwidth]{figures/coin-line} \end{figure}
\vspace{2.5cm} \begin{tabular}{p{3.5cm}} a \\[2.5pt] \end{tabular}
\input{tables/coin-tosses}\par
With $\beta = \given{0.999}$ and $2 \cdot 10^{-9} x_{12} + \frac{1}{2}$.
\bibliographystyle{plain}\bibliography{references}
\val{coin/error} \val{coin/status} \val{coin/config/bias} \val{coin/config/runs}
\val{coin/config/tolerance} \val{coin/config/fair-play}
\end{document}
'''
BIB = '''@article{Known1964, author = {A. Author}, title = "On {Coins}", year = 1964,
  journal = {Journal of Coins}, doi = {10.1000/1}}
'''


def a_paper(made):
    """Write a paper of one experiment."""
    made.mkdir()
    for name, text in (("coin_of_mine.py", SCRIPT), ("contents.toml", CONTENTS),
                       ("main.tex", MAIN), ("references.bib", BIB)):
        (made / name).write_text(text)
    return made


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A paper whose products are not made."""
    monkeypatch.chdir(tmp_path)
    return a_paper(tmp_path / "paper")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """A folder with a paper, its products and the results beside it."""
    top = tmp_path_factory.mktemp("pattern")
    done = call("paper", "--no-pdf", "--folder", a_paper(top / "paper"), "--results",
                top / "results")
    assert done.exit_code == 0, done.output
    return top


@pytest.fixture
def built(pattern, tmp_path, monkeypatch):
    """A paper whose products are made, to change something in it."""
    shutil.copytree(pattern, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "paper"


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def findings(*flags, code=1):
    done = call("paper", "--check", *flags)
    assert done.exit_code == code, done.output
    return done.stdout.splitlines()


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


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


# ------------------------------------------------------------------ findings
def test_all_is_well(built):
    assert findings(code=0) == ["8 numbers, 2 figures and tables: the text, the products and the "
                                "results agree"]
    assert "agree" in findings("--text", code=0)[0]
    shutil.rmtree(built / "figures")  # not committed: no finding
    assert "agree" in findings(code=0)[0]


def test_a_number_edited_by_hand(built):
    replace(built / "numbers.tex", r"25.0\,\%", r"25.3\,\%")
    assert findings() == ["numbers.tex says coin/heads is 25.3 %, the experiment gives 25.0 %; "
                          "run make paper"]
    done = call("paper", "--no-pdf")
    assert done.stdout.splitlines()[0] == "coin/heads was 25.3 % and is 25.0 %"
    assert findings(code=0)


def test_products_edited_by_hand_are_seen_without_the_experiments(built):
    assert "agree" in findings("--text", code=0)[0]
    replace(built / "numbers.tex", r"25.0\,\%", r"25.3\,\%")
    replace(built / "tables" / "coin-tosses.tex", "0.25 [", "0.27 [")
    assert findings("--text") == [
        f"{name} was changed after manifest.json was made; run make paper"
        for name in ("numbers.tex", "tables/coin-tosses.tex")]
    (built / "numbers.tex").unlink()
    assert "numbers.tex cannot be read; run make paper" in findings("--text")
    (built / "manifest.json").write_text("[]")
    assert "manifest.json cannot be read; run make paper" in findings("--text")


def test_numbers_without_the_package(built):
    replace(built / "main.tex", "flowopt}", "amsmath}")
    assert any("unknown without \\usepackage{flowopt}" in line for line in findings("--text"))


def test_a_folder_in_the_place_of_a_product(built):
    before = (built / "tables" / "coin-tosses.tex").read_bytes()
    (built / "numbers.tex").unlink()
    (built / "numbers.tex").mkdir()
    replace(built / "contents.toml", "0.25", "0.75")
    done = call("paper", "--no-pdf")
    assert done.exit_code == 1 and "numbers.tex is in the way" in done.stderr
    assert (built / "tables" / "coin-tosses.tex").read_bytes() == before


def test_a_number_that_is_gone_and_one_that_is_new(built):
    replace(built / "numbers.tex", "{coin/heads}", "{coin/tails}")
    assert findings() == [
        "numbers.tex lacks coin/heads, the experiment gives 25.0 %; run make paper",
        "numbers.tex has coin/tails, which the text does not quote; run make paper"]
    replace(built / "numbers.tex", "do not edit", "edit")
    replace(built / "numbers.tex", "{coin/tails}", "{coin/heads}")
    assert findings() == ["numbers.tex is not what the experiments give; run make paper"]


def test_stale_products(built):
    replace(built / "tables" / "coin-tosses.tex", "0.25 [", "0.27 [")
    (built / "figures" / "coin-line.pdf").write_bytes(b"old")
    (built / "tables" / "old.tex").write_text("")
    (built / "manifest.json").unlink()
    found = findings()
    assert len(found) == 4
    for words in (("tables/coin-tosses.tex:6 has heads & 0.27", "gives heads & 0.25"),
                  ("figures/coin-line.pdf is not what",), ("tables/old.tex is no product",),
                  ("manifest.json does not exist", "make paper")):
        assert any(all(word in line for word in words) for line in found)


def test_a_change_of_the_experiment_is_seen(built):
    replace(built / "contents.toml", "0.25", "0.75")
    found = findings()
    assert any("coin/heads is 25.0 %, the experiment gives 75.0 %" in line for line in found)
    assert any("manifest.json" in line for line in found)


@pytest.mark.parametrize("typed", [
    "0.83", "$p=0.83$", "$x\\approx0.83$", "17", r"5\,\%", r"5\%", r"$5$~\%", "5 per cent",
    "5 percent", r"65\,536", "1e-9", "$10^{16}$", "-.5", "(3.5)", r"\textbf{40}", "$1{,}000$",
    "\\newcommand{\\p}{0.5}", "in 1964",
    "$3{,}5$", "$0{.}7$", "1~000", r"1\ 500", "7 per-cent",
    r"\begin{proof}[rate 0.75] x\end{proof}"])
def test_typed_numbers(built, typed):
    replace(built / "main.tex", "With $", f"It is {typed} here.\nWith $")
    found = findings("--text")
    assert len(found) == 1 and found[0].startswith("main.tex:8: the number ")
    assert "is typed" in found[0] and r"\val{...}" in found[0] and r"\given{...}" in found[0]


@pytest.mark.parametrize("fine", [
    "2, 7 and 12", r"\renewcommand{\arraystretch}{1.15}", r"\clubpenalty=10000",
    r"\renewcommand\topfraction{0.9}", r"\tolerance 2000", "$x^{10}$", "% 0.83",
    r"\given{0.83 and 1.62276}", r"\label{eq:0.83}",
    r"\ref{fig:25}, \eqref{a17}, \cref{b18}", r"\hspace*{0.5em}", r"\includegraphics[scale=0.5]"
    "{figures/coin-line}", r"\setlength{\parindent}{15pt}", r"\verb|M=1000.0|", "x86 and T1000",
    r"\begin{minipage}[t]{0.45\textwidth} a \end{minipage}", r"\vskip 12.5pt", r"a \\[1.5ex] b",
    r"\citep[Theorem~4.17]{Known1964}", r"\rule{0.4pt}{12.5pt}", r"\url{https://x.org/2024/15}",
    "\\begin{verbatim}\n h = 0.01\n\\end{verbatim}", r"\begin{tabular}{lp{0.3\textwidth}} a "
    r"\end{tabular}", r"\resizebox{0.9\textwidth}{!}{a}",
    r"$\tfrac34$", r"\textcolor{red!50}{a}", r"\newcommand{\x}[1]{#1}"])
def test_numbers_that_may_be_typed(built, fine):
    replace(built / "main.tex", "With $", f"{fine}\nWith $")
    assert "agree" in findings("--text", code=0)[0]


def test_unknown_names(built):
    replace(built / "main.tex", r"\val{coin/heads}", r"\val{coin/haeds}")
    replace(built / "main.tex", "figures/coin-line", "figures/coin-lime")
    replace(built / "main.tex", "tables/coin-tosses", "tables/coin-losses.tex")
    for flags in ((), ("--text",)):
        done = call("paper", "--check", *flags)
        assert done.exit_code == 1
        found = done.stdout.splitlines()
        if not flags:
            assert found.pop(0) == ("numbers.tex has coin/heads, which the text does not quote; "
                                    "run make paper")
        assert found == [
            "main.tex:4: coin gives no number haeds; did you mean heads?",
            "main.tex:5: figures/coin-lime.pdf is no product of contents.toml; did you mean "
            "figures/coin-line.pdf?",
            "main.tex:7: tables/coin-losses.tex is no product of contents.toml; did you mean "
            "tables/coin-tosses.tex?"]
        assert "warning: figures/coin-line.pdf is not used in the text" in done.stderr


def test_products_that_are_not_used_are_no_failure(built):
    replace(built / "main.tex", r"\input{tables/coin-tosses}", "")
    done = call("paper", "--check")
    assert done.exit_code == 0
    assert "warning: tables/coin-tosses.tex is not used in the text" in done.stderr


def test_files_that_are_taken_in(built):
    replace(built / "main.tex", "With $", "\\input{part}\n\\include{none}\nWith $")
    (built / "part.tex").write_text("One.\n\n\\val{coin/runz} of 0.5\n")
    found = findings("--text")
    assert any(line.startswith("main.tex:9: none.tex cannot be read") for line in found)
    assert any(line.startswith("part.tex:3: the number 0.5") for line in found)
    assert "part.tex:3: coin gives no number runz; did you mean runs?" in found
    assert len(found) == 3
    replace(built / "part.tex", "coin/runz", "coim/runs")
    assert ("part.tex:3: no experiment of contents.toml is called coim; did you mean coin?"
            in findings("--text"))


def test_citations(built):
    replace(built / "main.tex", "{Known1964}", "{Known1964,Unknown1965}")
    (built / "references.bib").write_text(BIB + BIB + "@comment{x, y}\n@book{Bare, title={T},\n"
                                          " year = 2001, author = {}}\n")
    assert findings("--text") == [
        "references.bib:3: Known1964 is there twice; remove one",
        "references.bib:6: Bare has no author, no doi, eprint or url",
        "references.bib:6: Bare is not cited; remove it",
        "main.tex:4: Unknown1965 is in no bibliography; did you mean Known1964?"]
    replace(built / "main.tex", r"\bibliography{", r"\bibliography{more,")
    assert any("more.bib cannot be read" in line for line in findings("--text"))


def test_fields_of_entries():
    made = bibliography.entries('''@Article { K1 ,
  TITLE = {On {N}esterov's "step" \\"{o}, 2.0}, author = "A {\\"O} and B", year=1983,
  url = {https://x.org/a,b=c}}
@string{j = {Journal}}
@misc{K2, title={T}}''')
    assert [e.key for e in made] == ["K1", "K2"]
    assert made[0].fields == {"title": "On {N}esterov's \"step\" \\\"{o}, 2.0",
                              "author": "A {\\\"O} and B", "year": "1983",
                              "url": "https://x.org/a,b=c"}
    assert made[0].missing == [] and made[0].line == 1 and made[1].line == 5
    assert made[1].missing == ["author", "year", "doi, eprint or url"]


def test_masks_keep_places():
    text = MAIN + "\\given{\n0.5\n} 0.25"
    assert len(source.masked(text)) == len(text) == len(source.without_comments(text))
    assert source.masked(text).count("\n") == text.count("\n")
    assert list(source.groups("[a]{b{c}\\}}{d}", 0, 1)) == [(0, 3), (3, 11)]


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
