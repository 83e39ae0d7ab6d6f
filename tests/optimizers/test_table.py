"""The dictionary is printed from the definitions."""

import json
import re
import shutil
import subprocess

import pytest
from typer.testing import CliRunner

import flowopt as fo
from flowopt.cli import app
from flowopt.optimizers import table


def test_every_optimizer_of_the_module_is_in_it():
    made = {row.optimizer.name for row in table.rows()}
    functions = {name for name in fo.optimizers.__all__ if name.islower()}
    assert made == functions - {"best_of", "dictionary", "from_flow", "random_starts", "scheduled",
                                "schedules", "switch"}


@pytest.mark.parametrize("row", table.rows(), ids=lambda row: row.title)
def test_the_numbers_of_the_flow_are_the_formulas_of_the_table(row):
    optimizer = row.optimizer
    if not optimizer.maps:
        return
    assert set(optimizer.maps) == set(optimizer.flow.parameters)
    from flowopt.optimizers.formula import value_of

    numbers = {k: v for k, v in optimizer.hyper.items() if not isinstance(v, (str, bool))}
    for name, formula in optimizer.maps.items():
        assert value_of(formula, numbers) == optimizer.flow.parameters[name]
    assert value_of(optimizer.clock.formula, numbers) == optimizer.clock.step
    assert optimizer.clock.step == optimizer.method.h


def test_formats():
    text, markdown, latex = (fo.optimizers.dictionary(f) for f in table.FORMATS)
    assert "theta' = -(m/c)/(sqrt(v/d) + eps)" in text
    assert "`a = (1 - beta1)/lr`" in markdown
    assert r"a = \frac{1 - \beta_{1}}{\eta}" in latex
    assert len({line.count("|") for line in markdown.splitlines()}) == 1
    assert latex.count(r"\begin{aligned}") == latex.count(r"\end{aligned}") > 20
    assert latex.count("{") == latex.count("}")


def test_latex_compiles(tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("there is no pdflatex")
    body = fo.optimizers.dictionary("latex")
    (tmp_path / "a.tex").write_text(r"\documentclass{article}\usepackage{amsmath}\begin{document}"
                                    + body + r"\end{document}", encoding="utf-8")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "a.tex"], cwd=tmp_path,
                          capture_output=True, check=False)
    assert done.returncode == 0


def formulas():
    """What stands between dollars in the LaTeX table, once each."""
    return list(dict.fromkeys(re.findall(r"\$(.+?)\$", fo.optimizers.dictionary("latex"))))


def test_every_formula_is_latex_that_matplotlib_reads():
    """Its reader knows no environments: those are taken apart, and each line is read."""
    from matplotlib.mathtext import MathTextParser

    parser, read = MathTextParser("path"), 0
    for formula in formulas():
        assert formula.count(r"\begin") == formula.count(r"\end")
        # the cases of a Piecewise stand in brackets of their own
        text = re.sub(r"\\begin\{cases\}(.*?)\\end\{cases\}",
                      lambda m: m[1].replace(r"\\", ";").replace("&", ","), formula)
        assert "cases" not in text  # none inside another
        text = re.sub(r"\\(begin|end)\{aligned\}", "", text)
        text = re.sub(r"\\[lr]Vert", r"\\|", text)  # of amsmath
        for line in text.split(r"\\"):
            parser.parse(f"${line.replace('&', '')}$")
            read += 1
    assert read > 100


def test_every_formula_is_latex_that_katex_reads():
    """Where node has katex: strictly, so an unknown command or environment is an error."""
    script = ("const k = require('katex'); JSON.parse(require('fs').readFileSync(0))"
              ".forEach(f => k.renderToString(f, {throwOnError: true, strict: 'error'}))")
    if shutil.which("node") is None or subprocess.run(
            ["node", "-e", "require('katex')"], capture_output=True, check=False).returncode:
        pytest.skip("there is no katex")
    done = subprocess.run(["node", "-e", script], input=json.dumps(formulas()), text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def test_composed_optimizers_have_a_row():
    o = fo.optimizers
    optimizer = o.adam().with_noise(0.3).with_kicks(0.1, every=5).with_average(o.TailAverage(9))
    for format in table.FORMATS:
        text = fo.optimizers.dictionary(format, names=["sgd", optimizer])
        assert "kicks of" in text and "total" in text and "average" in text
        assert text.count("t = k") == 3  # two rows of sgd
    with pytest.raises(ValueError, match="opt.parts"):
        o.dictionary(names=[o.switch(o.adam(), o.sgd(), at=3)])


def test_command():
    run = CliRunner().invoke(app, ["dictionary", "adam", "--format", "markdown"])
    assert run.exit_code == 0 and "`t = k*lr`" in run.output
    for arguments, word in ((["dictionary", "adm"], "did you mean adam"),
                            (["dictionary", "--format", "html"], "'markdown'")):
        run = CliRunner().invoke(app, arguments)
        assert run.exit_code == 2 and word in run.output
