"""Table 3b as data: Lyapunov functions of optimizers as maps, with conditions and sources.

Each row states the decrease for all parameters that its conditions admit, in any dimension, and
carries the multipliers that prove it; `Row.verdict` runs the check. The equations come from the
optimizers of the dictionary, or are written out where the dictionary has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowopt.stability.verdict import Evidence, Verdict

#: factors of the inequalities: kind, point, point, factor
Multipliers = Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes
    ----------
    number, method : str
        The row, such as ``"d7"``, and the method in words.
    V, bound : str
        The Lyapunov function, and the claimed bound of V⁺ − V (or of V⁺, for a recursion).
    conditions : tuple of str
        What is assumed of the loss and of the parameters.
    source : str
        Where it is from.
    note : str
        What is to be known of it: how it differs from the literature, or what follows from it.
    """

    number: str
    method: str
    V: str
    bound: str
    conditions: tuple[str, ...]
    source: str
    note: str = ""
    claim: str = "nonincreasing"
    system: Callable[[], Mapping[str, Any]] | None = field(default=None, repr=False)
    multipliers: Multipliers = field(default=(), repr=False)
    squares: Sequence[tuple[str, str]] = field(default=(), repr=False)
    equalities: Sequence[tuple[int, str]] = field(default=(), repr=False)
    sign: Sequence[tuple[str, str]] = field(default=(), repr=False)
    settle: Callable[[], Verdict] | None = field(default=None, repr=False)

    def verdict(self) -> Verdict:
        """Return what is known of the row, after its check.

        Examples
        --------
        >>> print(rows()[0].verdict().status)
        proved
        """
        from flowopt.stability.statement import statement
        from flowopt.stability.verdict import proved

        if self.settle is not None:
            return self.settle()
        assert self.system is not None
        made = statement(self.claim, self.system(), self.V, assumptions=self.conditions,
                         bound=self.bound or None)
        data = {"multipliers": [list(m) for m in self.multipliers],
                "squares": [list(s) for s in self.squares],
                "equalities": [list(e) for e in self.equalities],
                "bound": [list(s) for s in self.sign]}
        return proved(made, "an identity with interpolation inequalities of the loss", "A",
                      Evidence("interpolation", data))


def rows() -> tuple[Row, ...]:
    """Return the table 3b, d1 to d14; a row with more than one statement has several entries.

    Examples
    --------
    >>> [row.number for row in rows()][:3]
    ['d1', 'd1', 'd2']
    """
    from flowopt.stability.iterations.atlas_discrete_convex import CONVEX
    from flowopt.stability.iterations.atlas_discrete_other import OTHER

    made = [*CONVEX, *OTHER]
    return tuple(sorted(made, key=lambda row: int(row.number[1:])))


def dictionary(name: str, keep: Sequence[str], change: Mapping[str, str] | None = None,
               more: Sequence[str] = (), points: Mapping[str, str] | None = None,
               **options: Any) -> Callable[[], dict[str, Any]]:
    """Return what makes the system of an optimizer of the dictionary.

    Hyper-parameters of `keep` are symbols, `change` replaces some of them by formulas, `more` are
    further positive names, and `points` further points where V takes values of L.
    """
    def make() -> dict[str, Any]:
        from flowopt import optimizers
        from flowopt.stability.exact import read, symbol, write
        from flowopt.stability.iterations.discrete import optimizer_system

        made = optimizer_system(getattr(optimizers, name)(**options), keep=keep)
        positive = sorted({*keep, *more} - set(change or {}))
        if change:
            names = [*keep, *more, *made["variables"], *made["gradients"], "k"]
            new = {symbol(k, [k]): read(v, positive, positive) for k, v in change.items()}
            made["equations"] = [write(read(e, names, [*keep, *more]).xreplace(new))
                                 for e in made["equations"]]
        made["gradients"] = {**made["gradients"], **(points or {})}
        return {**made, "positive": positive}

    return make


def written(variables: Sequence[str], equations: Sequence[str], gradients: Mapping[str, str],
            positive: Sequence[str]) -> Callable[[], dict[str, Any]]:
    """Return what makes the system of a method that the dictionary does not have."""
    def make() -> dict[str, Any]:
        from flowopt.stability.iterations.discrete import written_system

        return written_system(variables, equations, gradients, positive)

    return make
