"""Links of the documentation lead somewhere, its reference is complete, its pages are results."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import flowopt as fo
from flowopt import experiment
from flowopt.gallery import readme, site
from flowopt.gallery.__main__ import app
from flowopt.gallery.made import make
from flowopt.gallery.page import page
from flowopt.gallery.rst import escaped, prose, table
from flowopt.gallery.shrinking import shrunk

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCE = ROOT / "docs" / "source"
PAGES = sorted(path for path in SOURCE.rglob("*.rst")
               if not {"generated", "experiments", "_templates"} & set(path.parts))
#: what `make docs` writes
MADE = {"gallery", "dictionary", "atlas"}

SCRIPT = '''"""What *this* asks: |x|, x_ and `run`."""
NAME = "tiny-pages"
QUESTION = "Is a_b * |c| shown as it stands?"
QUICK = {"n": 2}
from dataclasses import dataclass
from flowopt.experiment import Claim
from flowopt.options import Options, option
from flowopt.plotting import new_figure
from flowopt.reporting import Table


@dataclass(frozen=True)
class Config(Options):
    n: int = option(5, "points_", at_least=1, at_most=9)
    fail: bool = option(False, "fail")


def run(config, progress):
    if config.n == 3:
        raise ZeroDivisionError("one line\\nand another")
    return {"n": config.n}


def figures(result):
    figure, axes = new_figure(6.5, 2.5)
    axes.plot(range(result["n"]))
    return {"b-first": figure}


def table(result):
    return Table("Of | all", ("name", "p_"), [("- a", (0.5, 0.25, 0.75)), ("*", float("nan"))])


def claims(result):
    return [Claim("true", result["n"], result["n"] + 1 / 3, True, "(x_)"),
            Claim("false", 1, 2, False), Claim("other", 0, "> 1", None)]
'''


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny_pages.py"
    path.write_text(SCRIPT)
    return experiment.find(str(path))


@pytest.fixture
def docs(tmp_path):
    (tmp_path / "docs" / "source").mkdir(parents=True)
    (tmp_path / "docs" / "source" / "conf.py").write_text("")
    return tmp_path / "docs"


def refused(arguments, code, *words):
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == code, done.output
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


# ------------------------------------------------------------------ links
def anchors(text):
    """The anchors of the headings of a Markdown page."""
    return {re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-")
            for line in re.findall(r"^#+ (.*)$", text, re.M)}


def test_links_of_the_readme():
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    assert links
    for link in links:
        if re.match(r"[a-z]+:", link):
            assert re.fullmatch(r"https://[\w.-]+\.\w+(/[^\s]*)?", link), link
            continue
        path, _, anchor = link.partition("#")
        assert not path or (ROOT / path).exists(), link
        assert not anchor or path or anchor in anchors(README), link


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_links_of_the_pages(path):
    text = path.read_text(encoding="utf-8")
    names = {entry.name for entry in experiment.catalogue()}
    for title, target in re.findall(r":doc:`(?:([^<`]*)<)?([^`>]+)>?`", text):
        place = target.removeprefix("/")
        if place.startswith("experiments/"):
            assert place.removeprefix("experiments/") in names, target
        elif place not in MADE:
            folder = SOURCE if target.startswith("/") else path.parent
            assert (folder / f"{place}.rst").is_file(), (title, target)
    for target in re.findall(r"(?:image|figure):: (\S+)", text):
        assert (SOURCE / target.lstrip("/")).resolve().is_file(), target
    for target in re.findall(r":download:`[^<`]*<([^>]+)>`|literalinclude:: (\S+)", text):
        assert (path.parent / (target[0] or target[1])).resolve().is_file(), target
    known = r"https://(doi\.org/10\.\d{4,}/\S+|arxiv\.org/abs/\d{4}\.\d{4,5})"
    for link in re.findall(r"<(https?:[^>]*)>", text):
        assert re.fullmatch(known, link), link


# ------------------------------------------------------------------ the reference
def documented():
    """The full names in the tables of the reference."""
    found = set()
    for path in (SOURCE / "api").glob("*.rst"):
        module = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if place := re.match(r"\.\. (?:current)?module:: (\S+)", line):
                module = place[1]
                found.add(module)
            elif name := re.match(r"   ([A-Za-z_][\w.]*)$", line):
                found.add(f"{module}.{name[1]}")
    return found


def test_every_public_name_is_in_the_reference():
    known = documented()
    text = (SOURCE / "api" / "modules.rst").read_text(encoding="utf-8")
    for name in fo.__all__:
        assert f"flowopt.{name}" in known or f"fo.{name}" in text or f"flowopt.{name}" in text, name
    for module in (fo.losses, fo.flows, fo.optimizers, fo.stability):
        for name in module.__all__:
            assert {f"{module.__name__}.{name}", f"flowopt.{name}"} & known, (module, name)
    for name, value in vars(fo.reduce).items():
        if name[0] != "_" and getattr(value, "__module__", "") == fo.reduce.__name__:
            assert f"{fo.reduce.__name__}.{name}" in known, name


# ------------------------------------------------------------------ the README's gallery
def test_the_gallery_of_the_readme_is_as_it_is_made():
    assert readme.table() in README
    for picture in readme.PICTURES:
        data = (ROOT / "docs" / "images" / picture.file).read_bytes()
        assert data.startswith(b"\x89PNG") and 5_000 < len(data) < readme.MOST
        assert int.from_bytes(data[16:20], "big") == readme.WIDTH
        assert picture.experiment in {entry.name for entry in experiment.catalogue()}


def test_pictures_are_made_and_the_text_around_the_table_stays(tiny, tmp_path, monkeypatch):
    file = tmp_path / "README.md"
    file.write_text(f"above\n{readme.START}\nold\n{readme.END}\nbelow\n")
    monkeypatch.setattr(readme.experiment, "find", lambda name: tiny)
    one = (readme.Picture("tiny-pages", "b-first", "a line"),)
    readme.write(file, tmp_path / "results", lambda text: None, one)
    text = file.read_text()
    assert text.startswith("above\n") and text.endswith("\nbelow\n") and "old" not in text
    assert "![tiny-pages: a line](docs/images/tiny-pages.png)" in text
    assert (tmp_path / "docs" / "images" / "tiny-pages.png").is_file()
    with pytest.raises(ValueError, match="tiny-pages has no figure b-fist; did you mean b-first"):
        readme.write(file, tmp_path / "results", lambda text: None,
                     (readme.Picture("tiny-pages", "b-fist", ""),))


def test_a_picture_that_cannot_be_made_small():
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    small = shrunk(buffer.getvalue(), 100, 100_000)
    assert Image.open(io.BytesIO(small)).size == (100, 67)
    noise[:] = noise // 8 + 200
    noise[50:60, 50:60] = 213, 94, 0  # a mark stays as it is, whatever is around it
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    mark = Image.open(io.BytesIO(shrunk(buffer.getvalue(), 300, 45_000))).convert("RGB")
    assert np.abs(np.array(mark)[55, 55] - np.array([213.0, 94, 0])).max() < 20
    with pytest.raises(ValueError, match="more than 1000; take one with less"):
        shrunk(buffer.getvalue(), 300, 1000)


# ------------------------------------------------------------------ the pages
def test_the_page_of_an_experiment(tiny, tmp_path):
    made = make(tiny, tmp_path / "results", quick=True)
    assert made.pictures == ["b-first"] and made.config.n == 2
    assert (tmp_path / "results" / "quick" / "tiny-pages" / "tiny-pages.json").is_file()
    text = page(made)
    for part in (r"**Is a\_b \* \|c\| shown as it stands?**", r"What \*this\* asks: \|x\|, x\_ and "
                 "``run``.", "tiny-pages/b-first.png", ":holds:`✓ holds`", ":fails:`✗ FAILS`",
                 ":aside:`does not apply`", r":aside:`(x\_)`",
                 "flowopt run tiny-pages --quick", "``--n``",
                 r"points\_", "0.5 [0.25, 0.75]", r"\ - a", "tiny-pages/tiny_pages.py",
                 "Of 3 claims 1 fails: what came out", "- :number:`2.33333333`\n"):
        assert part in text, part
    said = []
    make(tiny, tmp_path / "results", quick=True, say=said.append)
    assert said == ["tiny-pages: loaded"]


def test_what_is_unchanged_is_not_written_again(tmp_path):
    path = tmp_path / "a" / "b.txt"
    site.put(path, b"1")
    before = path.stat().st_mtime_ns
    site.put(path, b"1")
    assert path.stat().st_mtime_ns == before
    site.put(path, b"2")
    assert path.read_bytes() == b"2" and [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_text_is_escaped():
    assert escaped("a*b `c` |d| e_") == r"a\*b \`c\` \|d\| e\_"
    assert escaped("1. no list") == r"\ 1. no list" and escaped("-") == r"\ -"
    assert escaped("L''(3), a'b") == r"L\'\'(3), a'b"
    assert escaped("") == "" and escaped("0.5 x") == "0.5 x"
    assert prose("- a\n- b\n\n1. c::\n\n    x = 1") == (
        "\\ - a - b\n\n\\ 1. c:\n\n::\n\n   x = 1")
    assert prose("two `run`s, a`b` `c`") == r"two ``run``\ s, a\ ``b`` ``c``"
    assert table(["a"], [["x\ny"]], ready=True).endswith("* - | x\n       | y")


# ------------------------------------------------------------------ refusals
def test_refusals(docs, tiny, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    refused(["docs", "--docs", file], 2, "docs must be the folder", "is a file")
    refused(["docs", "--docs", tmp_path / "none"], 2, "has no source/conf.py")
    refused(["docs", "step-limit", "--docs", docs], 2, "no experiment is called 'step-limit'",
            "step-limits")
    refused(["docs", tiny.path, "--docs", docs, "--results", file], 2, "must be a folder",
            "is a file")
    refused(["readme", "--readme", tmp_path], 2, "readme must be a text file", "is a folder")
    refused(["readme", "--readme", file], 2, "must have the lines")
    tiny.path.write_text(SCRIPT.replace('"n": 2', '"n": 3'))
    refused(["docs", tiny.path, "--docs", docs, "--results", tmp_path / "r", "--quick"], 1,
            "the experiment tiny-pages failed: run of ",
            "failed with ZeroDivisionError: one line, in line ")
    assert not (docs / "source" / "experiments").exists()
    (docs / "source" / "experiments").write_text("")
    tiny.path.write_text(SCRIPT)
    refused(["docs", tiny.path, "--docs", docs, "--results", tmp_path / "r", "--quick"], 1,
            "could not be written")
