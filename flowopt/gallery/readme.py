"""The README's gallery: small pictures in docs/images, and the table that shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flowopt import _check, experiment
from flowopt.gallery.made import Made, make
from flowopt.gallery.shrinking import shrunk
from flowopt.gallery.site import put

#: pixels of a row, and the most bytes of a picture
WIDTH, MOST = 900, 120_000
COLUMNS = 2
START, END = "<!-- the gallery: made by `make gallery` -->", "<!-- end of the gallery -->"


class Picture(NamedTuple):
    """A picture of the README: a figure of an experiment, and the sentence under it."""

    experiment: str
    figure: str
    caption: str

    @property
    def file(self) -> str:
        """The name of the picture in docs/images."""
        return f"{self.experiment}.png"


#: what the README shows, row by row; a line more is a picture more
PICTURES = (
    Picture("phase-portraits", "himmelblau", "where six flows end"),
    Picture("standard-solvers", "1-solvers", "scipy's on flows that jump"),
    Picture("escape-map", "1-map", "where Euler steps leave a well"),
    Picture("langevin-versus-clip", "1-success", "at equal cost"),
    Picture("saddles", "times", "the time to leave, on exact laws"),
    Picture("step-limits", "limits", "where optimizers diverge"),
    Picture("implicit-regularisation", "orders", "orders 1, 2, 3 in the step"),
    Picture("optimizers-and-their-flows", "1-rosenbrock", "side by side"),
)


def table(pictures: tuple[Picture, ...] = PICTURES) -> str:
    """Return the README's table of pictures, with its marks.

    Examples
    --------
    >>> print(table((Picture("atlas", "times", "all proofs"),)))
    <!-- the gallery: made by `make gallery` -->
    <BLANKLINE>
    | | |
    |:---:|:---:|
    | ![atlas: all proofs](docs/images/atlas.png)<br>`atlas`: all proofs | |
    <BLANKLINE>
    <!-- end of the gallery -->
    """
    cells = [f"![{p.experiment}: {p.caption}](docs/images/{p.file})<br>"
             f"`{p.experiment}`: {p.caption}" for p in pictures]
    cells += [""] * (-len(cells) % COLUMNS)
    rows = [f"| {' | '.join(cells[k:k + COLUMNS])} |".replace("  |", " |")
            for k in range(0, len(cells), COLUMNS)]
    return "\n".join([START, "", "| " * COLUMNS + "|", "|:---:" * COLUMNS + "|", *rows, "", END])


def write(file: Path, results: Path, say: Callable[[str], None],
          pictures: tuple[Picture, ...] = PICTURES) -> None:
    """Make the pictures, and put the table between its marks in the README.

    Raises
    ------
    ValueError
        When the README is no file or has not both marks, a figure is unknown, or a picture is
        too large.
    """
    if not file.is_file():
        raise ValueError(f"readme must be a text file, and {file} "
                         f"{'is a folder' if file.is_dir() else 'does not exist'}")
    text = file.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"{file} must have the lines {START} and {END} once, in this order")
    done: dict[str, Made] = {}
    made: dict[str, bytes] = {}
    for picture in pictures:
        name = picture.experiment
        if name not in done:
            done[name] = make(experiment.find(name), results, say=say)
        if picture.figure not in done[name].pictures:
            raise ValueError(f"{name} has no figure {picture.figure}; "
                             f"{_check.nearest(picture.figure, done[name].pictures)}")
        made[picture.file] = shrunk(done[name].picture(picture.figure), WIDTH, MOST)
    for name, data in made.items():
        put(file.parent / "docs" / "images" / name, data)
    before, after = text.split(START)[0], text.split(END)[1]
    put(file, f"{before}{table(pictures)}{after}".encode())
    say(f"{len(made)} pictures in {file.parent / 'docs' / 'images'}")
