"""Rooted trees with coloured vertices, and the series that a method's step and its field are.

A tree is a pair (colour, children), the children in one fixed order. With the elementary
differential F(τ) of a tree (F(•) = f, F([τ₁…τₖ]) = f⁽ᵏ⁾(F(τ₁), …, F(τₖ))), a step of a
Runge–Kutta method, partitioned or not, and its modified field are

    y⁺ = y + Σ_τ h^|τ| a(τ)/σ(τ) F(τ),        f̃ = Σ_τ h^(|τ|−1) b(τ)/σ(τ) F(τ),

where σ counts the symmetries. That the flow of f̃ takes y to y⁺ in time h means

    a(τ) = b(τ) + Σ_{j=2}^{|τ|} (1/j!) (∂_b^{j−1} b)(τ),      (∂_b c)(τ) = Σ c(τ∖s) b(s),

the last sum over all edges of τ: s is the subtree that is cut off.

Source: Hairer, Lubich & Wanner, Geometric Numerical Integration (2006), Theorem IX.9.2 and
Lemma IX.9.1; with colours (P-series), section III.2.1. All numbers are rational and exact.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

Tree = tuple[int, tuple]  # type: ignore[type-arg]
Matrix = tuple[tuple[Fraction, ...], ...]

#: a coefficient of a published decimal tableau that the order conditions make 0 is below this
_ROUNDING = Fraction(1, 10**12)


@functools.cache
def size(tree: Tree) -> int:
    """Return the number of vertices |τ|."""
    return 1 + sum(size(child) for child in tree[1])


@functools.cache
def symmetry(tree: Tree) -> int:
    """Return σ(τ), the number of symmetries.

    Examples
    --------
    >>> leaf = (0, ())
    >>> symmetry((0, (leaf, leaf)))
    2
    """
    made = math.prod(symmetry(child) for child in tree[1])
    return made * math.prod(math.factorial(k) for k in Counter(tree[1]).values())


def grown(colours: int, order: int, keep: Callable[[Tree], bool] | None = None
          ) -> list[list[Tree]]:
    """Return the trees with 1, 2, … `order` vertices; those that `keep` refuses grow no further.

    Examples
    --------
    >>> [len(level) for level in grown(1, 5)], [len(level) for level in grown(2, 4)]
    ([1, 1, 2, 4, 9], [2, 4, 14, 52])
    """
    levels: list[list[Tree]] = []
    for n in range(1, order + 1):
        made = [(colour, children) for colour in range(colours)
                for children in _forests(levels, n - 1)]
        levels.append([tree for tree in made if keep is None or keep(tree)])
    return levels


def _forests(levels: Sequence[Sequence[Tree]], total: int) -> Iterator[tuple[Tree, ...]]:
    """Yield the multisets of trees with `total` vertices together, each sorted."""
    def parts(left: int, most: int) -> Iterator[list[int]]:
        if left == 0:
            yield []
        for first in range(min(left, most), 0, -1):
            for rest in parts(left - first, first):
                yield [first, *rest]

    for partition in parts(total, total):
        groups = [itertools.combinations_with_replacement(levels[n - 1], k)
                  for n, k in Counter(partition).items()]
        for chosen in itertools.product(*groups):
            yield tuple(sorted(itertools.chain(*chosen)))


@functools.cache
def cuts(tree: Tree) -> tuple[tuple[Tree, Tree], ...]:
    """Return for each edge the part that holds the root, and the subtree that is cut off."""
    colour, children = tree
    made: list[tuple[Tree, Tree]] = []
    for i, child in enumerate(children):
        others = children[:i] + children[i + 1:]
        made.append(((colour, others), child))
        made += [((colour, tuple(sorted((*others, rest)))), cut) for rest, cut in cuts(child)]
    return tuple(made)


def joined(left: Tree, right: Tree) -> Tree:
    """Return Butcher's product: `right` becomes a child of the root of `left`."""
    return left[0], tuple(sorted((*left[1], right)))


def text(tree: Tree, names: Sequence[str] = ("f",)) -> str:
    r"""Return the elementary differential as LaTeX.

    Examples
    --------
    >>> leaf = (0, ())
    >>> text((0, ((0, (leaf,)),))), text((0, (leaf, leaf)))
    ("f'f'f", "f''(f,f)")
    """
    name, children = names[tree[0]], tree[1]
    if not children:
        return name
    primes = "'" * len(children) if len(children) < 4 else f"^{{({len(children)})}}"
    inner = [text(child, names) for child in children]
    return f"{name}{primes}" + (inner[0] if len(children) == 1 else f"({','.join(inner)})")


@dataclass(frozen=True)
class Scheme:
    """A Runge–Kutta method in exact numbers, one tableau for each colour (group of blocks).

    Attributes
    ----------
    name : str
        The method's name.
    groups : tuple of tuples of str
        The names of the blocks of each colour, or empty: one colour for all blocks.
    a : tuple of matrices
        ``a[c][i][j]``: the weight of stage j's slope of colour c in the argument of stage i.
    b : tuple of tuples
        ``b[c][j]``: its weight in the step.
    order : int
        The order of the method.
    rounded : bool
        Whether the numbers are decimals, rounded; the order conditions then hold by definition.
    step : float or None
        The step h, where the method has one.
    """

    name: str
    groups: tuple[tuple[str, ...], ...]
    a: tuple[Matrix, ...]
    b: tuple[tuple[Fraction, ...], ...]
    order: int
    rounded: bool = False
    step: float | None = None

    @property
    def colours(self) -> int:
        """The number of colours."""
        return len(self.b)

    def series(self) -> ModifiedSeries:
        """Return the coefficients of its step and of its modified field."""
        return ModifiedSeries(self)


class ModifiedSeries:
    """The coefficients a(τ) of a step, and b(τ) of the modified field.

    Examples
    --------
    >>> from flowopt.stability.backward.schemes import scheme_of
    >>> import flowopt as fo
    >>> series = scheme_of(fo.Euler(0.1)).series()
    >>> leaf = (0, ())
    >>> series.modified((0, (leaf,))), series.modified((0, (leaf, leaf)))
    (Fraction(-1, 2), Fraction(1, 6))
    """

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self._inner: dict[Tree, tuple[Fraction, ...]] = {}
        self._lie: dict[tuple[int, Tree], Fraction] = {}

    def inner(self, tree: Tree) -> tuple[Fraction, ...]:
        """Return u_i(τ) = Σ_j a_ij Πₖ u_j(τₖ), the coefficient of τ in the argument of stage i."""
        if tree not in self._inner:
            slopes = self.slopes(tree)
            self._inner[tree] = tuple(
                sum((w * s for w, s in zip(row, slopes, strict=True)), Fraction(0))
                for row in self.scheme.a[tree[0]])
        return self._inner[tree]

    def slopes(self, tree: Tree) -> list[Fraction]:
        """Return Πₖ u_j(τₖ) for each stage j."""
        stages = len(self.scheme.b[0])
        children = [self.inner(child) for child in tree[1]]
        return [math.prod((u[j] for u in children), start=Fraction(1)) for j in range(stages)]

    def step(self, tree: Tree) -> Fraction:
        """Return a(τ) = Σ_j b_j Πₖ u_j(τₖ)."""
        return sum((w * s for w, s in zip(self.scheme.b[tree[0]], self.slopes(tree),
                                          strict=True)), Fraction(0))

    def modified(self, tree: Tree) -> Fraction:
        """Return b(τ)."""
        return self.lie(0, tree)

    def lie(self, times: int, tree: Tree) -> Fraction:
        """Return (∂_b^times b)(τ)."""
        key = times, tree
        if key not in self._lie:
            self._lie[key] = self._made(times, tree)
        return self._lie[key]

    def _made(self, times: int, tree: Tree) -> Fraction:
        if times:
            return sum((self.lie(times - 1, rest) * self.modified(cut)
                        for rest, cut in cuts(tree)), Fraction(0))
        made = self.step(tree) - sum(
            (self.lie(j - 1, tree) / math.factorial(j) for j in range(2, size(tree) + 1)),
            Fraction(0))
        if self.scheme.rounded and 1 < size(tree) <= self.scheme.order:
            if abs(made) > _ROUNDING:
                raise AssertionError(f"{self.scheme.name} is not of order {self.scheme.order}")
            return Fraction(0)
        return made
