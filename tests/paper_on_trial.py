"""A paper of one small experiment, its products made or not, for the tests of ``flowopt paper``."""

import shutil
from pathlib import Path

import pytest
from test_cli import call

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
