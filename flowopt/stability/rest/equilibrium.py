"""What is known of one equilibrium, and of all of them: plain results with a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.verdict import Verdict


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """An equilibrium, a rest on a switching surface, or a point where the field is singular.

    Attributes
    ----------
    y : ndarray, shape (m,)
        The point in doubles: θ and then the states.
    n : int
        The dimension of θ.
    enclosure : ndarray, shape (m, 2)
        Bounds that hold the exact point.
    kind : str
        The first of `kinds`.
    kinds : tuple of str
        All that it is: minimum, maximum, saddle, degenerate (of the loss); node, focus, centre,
        saddle, non-hyperbolic (of the motion); sliding rest, repelling rest, singular.
    eigenvalues : ndarray of complex, shape (m,), or None
        Those of the Jacobian of the field; None where it has none. For a `Loss`, of its Hessian.
    radii : ndarray, shape (m,), or None
        A disc of this radius about each eigenvalue holds an exact one.
    verdict : Verdict
        Whether it is stable.
    multiplicity : int or None
        The multiplicity as a zero of the equations.
    loss : float or None
        The loss there.
    """

    y: np.ndarray
    n: int
    enclosure: np.ndarray
    kinds: tuple[str, ...]
    verdict: Verdict
    eigenvalues: np.ndarray | None = None
    radii: np.ndarray | None = None
    multiplicity: int | None = None
    loss: float | None = None
    numbers: tuple[Number, ...] | None = field(default=None, repr=False)

    @property
    def x(self) -> np.ndarray:
        """The point θ in doubles, shape (n,)."""
        return self.y[:self.n]

    @property
    def kind(self) -> str:
        """The first of `kinds`."""
        return self.kinds[0]

    @cached_property
    def exact(self) -> tuple[Any, ...] | None:
        """The coordinates of y as exact sympy numbers, or None where only bounds are known.

        A rational number as itself, another one as a polynomial in a ``sympy.CRootOf`` (with
        square roots where its degree is two).
        """
        if self.numbers is None:
            return None
        return tuple(as_sympy(c) for c in self.numbers)

    def __repr__(self) -> str:
        point = ", ".join(f"{v:.6g}" for v in self.x)
        return f"<Equilibrium ({point}): {', '.join(self.kinds)}; {standing(self.verdict)}>"


def as_sympy(c: Number) -> Any:
    """Return an exact number in sympy's form."""
    import sympy

    value = c.fraction
    if value is not None:
        return sympy.Rational(value.numerator, value.denominator)
    t = sympy.Symbol("t")
    q = sympy.Poly(list(reversed(c.root.q)), t)
    cell = Fraction(c.root.k, 2**c.root.e)
    below = q.count_roots(None, sympy.Rational(cell.numerator, cell.denominator))
    if c.root.degree == 2:
        a0, a1, a2 = c.root.q
        side = 2 * int(below) - 1
        root = (-a1 + side * sympy.sqrt(a1**2 - 4 * a2 * a0)) / (2 * a2)
    else:
        root = sympy.CRootOf(q, int(below))
    made = sympy.Add(*[sympy.Rational(a.numerator, a.denominator) * root**k
                       for k, a in enumerate(c.p)])
    return sympy.expand(made)


def bounds(numbers: Sequence[Number]) -> np.ndarray:
    """Return doubles around exact numbers, shape (m, 2)."""
    made = []
    for c in numbers:
        float(c)  # refines the cell
        low, high = c.within(Fraction(1, 2**1100) if c.zero else
                             Fraction(abs(float(c)) or 1.0) / 2**60)
        made.append([_outward(low, -1), _outward(high, 1)])
    return np.array(made)


def _outward(value: Fraction, side: int) -> float:
    near = float(value)
    if (Fraction(near) - value) * side >= 0:
        return near
    return math.nextafter(near, side * math.inf)


def standing(verdict: Verdict) -> str:
    """Return what a verdict on stability says, in a word or two."""
    if verdict.unknown:
        return "unknown"
    words = {"asymptotically_stable": "asymptotically stable", "stable": "stable",
             "finite_time_stable": "finite-time stable", "unstable": "unstable"}
    claim = words.get(verdict.statement["claim"], verdict.statement["claim"])
    return claim if verdict.proved else f"not {claim}"


class Equilibria(Sequence[Equilibrium]):
    """The equilibria that were found, and whether these are all.

    Attributes
    ----------
    complete : bool
        Whether every equilibrium (in the box, if there is one) is among them.
    reason : str
        One sentence: why it is complete, or what is missing.
    sets : tuple of str
        Where the equilibria are not isolated: equations of the sets that they fill.
    undefined : tuple of str
        Equations of the sets on which the field is not defined (a denominator is 0).
    """

    def __init__(self, points: Sequence[Equilibrium], complete: bool, reason: str,
                 sets: Sequence[str] = (), name: str = "field",
                 undefined: Sequence[str] = ()) -> None:
        self._points = tuple(points)
        self.complete, self.reason, self.sets, self.name = complete, reason, tuple(sets), name
        self.undefined = tuple(undefined)

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, index: Any) -> Any:
        return self._points[index]

    def __iter__(self) -> Iterator[Equilibrium]:
        return iter(self._points)

    def __repr__(self) -> str:
        word = "equilibrium" if len(self) == 1 else "equilibria"
        lines = [f"{len(self)} {word} of {self.name} ("
                 + ("complete" if self.complete else "not complete") + f": {self.reason})"]
        rows = [[f"({', '.join(f'{v:.8g}' for v in e.x)})" if e.n > 1 else f"{e.x[0]:.10g}",
                 ", ".join(e.kinds), standing(e.verdict)
                 + (f" ({e.verdict.trust})" if e.verdict.trust else ""),
                 "" if e.eigenvalues is None else ", ".join(map(_short, e.eigenvalues))]
                for e in self]
        head = ["x", "kind", "verdict", "eigenvalues"]
        if rows:
            widths = [max(len(r[k]) for r in [head, *rows]) for k in range(4)]
            lines += ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip()
                      for r in [head, *rows]]
        lines += [f"a set of equilibria: {s}" for s in self.sets]
        lines += [f"not defined where {s}" for s in self.undefined]
        return "\n".join(lines)


def _short(value: complex) -> str:
    if value.imag == 0:
        return f"{value.real:.5g}"
    return f"{value.real:.5g}{value.imag:+.5g}i"
