"""Each finding of ``flowopt paper --check``, provoked on a small paper."""

import shutil

import pytest
from paper_on_trial import BIB, MAIN, built, findings, folder, pattern, replace
from test_cli import call

from flowopt.paper import bibliography, source

__all__ = ["built", "folder", "pattern"]  # fixtures


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
