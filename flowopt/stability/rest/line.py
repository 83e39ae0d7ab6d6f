"""The phase line: where a field in one dimension vanishes, jumps or is infinite, and its signs.

On each choice of sides F is an algebraic function. The zeros of its numerators, denominators and
switching functions cut the line into intervals on which F has one sign, which is decided at one
rational point. At such a *mark* F behaves on either side like c |x − x*|^order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flowopt.stability.algebra.algebraic import Number, Root
from flowopt.stability.rest.pieces import Pieces


@dataclass(frozen=True)
class Side:
    """How F behaves beside a mark.

    Attributes
    ----------
    sign : int
        Its sign there; 0: F is 0 all along.
    order : Fraction or None
        F ~ c |x - x*|^order; None where F is 0, or where roots hide it.
    """

    sign: int
    order: Fraction | None


@dataclass(frozen=True)
class Mark:
    """A point where F vanishes, jumps, kinks or is infinite."""

    root: Root
    left: Side
    right: Side

    @property
    def x(self) -> Number:
        """The point as an exact number."""
        return Number(self.root, [0, 1])

    @property
    def singular(self) -> bool:
        """Whether F is infinite on one side."""
        return any(s.order is not None and s.order < 0 for s in (self.left, self.right))

    @property
    def jump(self) -> bool:
        """Whether F has a limit other than 0 on one side."""
        return any(s.order == 0 for s in (self.left, self.right))

    @property
    def rest(self) -> bool:
        """Whether 0 lies between the limits of F from both sides (and F is finite)."""
        if self.singular:
            return False
        if self.jump and self.left.order == self.right.order == 0:
            return self.left.sign != self.right.sign
        return True

    @property
    def attracts(self) -> bool:
        """Whether F points at the mark from both sides."""
        return self.left.sign > 0 > self.right.sign

    @property
    def repels(self) -> bool:
        """Whether F points away from the mark on one side at least."""
        return self.left.sign < 0 or self.right.sign > 0


@dataclass(frozen=True)
class Line:
    """The marks in order, and the sign of F on the intervals between (one more than marks)."""

    marks: tuple[Mark, ...]
    signs: tuple[int, ...]
    smooth: tuple[Any, ...] = field(default=(), repr=False)


def bracket(root: Root, bits: int) -> tuple[Fraction, Fraction]:
    """Return rational bounds of a root, equal when it is rational."""
    exact = root.rational
    if exact is not None:
        return exact, exact
    k, e = root.cell(bits)
    return Fraction(k, 2**e), Fraction(k + 1, 2**e)


def between(a: Root | None, b: Root | None) -> Fraction:
    """Return a rational number strictly between two roots; None is infinity on that side."""
    if a is None and b is None:
        return Fraction(0)
    if a is None:
        return Fraction(bracket(b, 4)[0].__floor__() - 1)  # type: ignore[arg-type]
    if b is None:
        return Fraction(bracket(a, 4)[1].__ceil__() + 1)
    bits = 4
    while bracket(a, bits)[1] >= bracket(b, bits)[0]:
        bits *= 2
    return _simplest(bracket(a, bits)[1], bracket(b, bits)[0])


def _simplest(a: Fraction, b: Fraction) -> Fraction:
    """Return the midpoint of (a, b) to the fewest bits."""
    bits = 0
    while True:
        low = (a * 2**bits).__floor__() + 1
        if Fraction(low, 2**bits) < b:
            return Fraction(low, 2**bits)
        bits += 1


def phase_line(F: Any, x: Any) -> Line:
    """Return the marks of F and its signs between them.

    Raises
    ------
    NotAlgebraic
        When F holds exp, sin, and the like.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> line = phase_line(-sympy.sign(x)*(x - 1), x)
    >>> [float(m.x) for m in line.marks], line.signs
    ([0.0, 1.0], (-1, 1, -1))
    """
    pieces = Pieces(F, x)
    roots = pieces.marks()
    samples = [between(a, b) for a, b in zip([None, *roots], [*roots, None], strict=True)]
    sides = [pieces.sides(s) for s in samples]
    signs = [pieces.sign(c, s) for c, s in zip(sides, samples, strict=True)]
    marks = []
    for k, root in enumerate(roots):
        left, right = (Side(signs[j], pieces.order(sides[j], root) if signs[j] else None)
                       for j in (k, k + 1))
        if left.order == right.order == 0 and signs[k] == signs[k + 1]:
            continue  # F passes through without vanishing: a jump or a kink
        marks.append((k, Mark(root, left, right)))
    kept = [signs[0], *(signs[k + 1] for k, _ in marks)]
    return Line(tuple(m for _, m in marks), tuple(kept))
