"""The quotient algebra Q[x]/I of an ideal with finitely many zeros, in its standard monomials.

Its dimension is the number of complex zeros with multiplicity. A linear form u acts on it; the
first dependence among 1, u, u², ... is the minimal polynomial of u (Cox, Little and O'Shea, Using
Algebraic Geometry, 2nd ed. (2005), chapter 2, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

#: the number of complex zeros beyond which no algebra is made
MOST = 130


class Algebra:
    """The quotient algebra Q[x]/I in its basis of standard monomials."""

    def __init__(self, ring: Any, basis: Sequence[Any], ask: Any) -> None:
        self.ring, self.basis, self.ask = ring, list(basis), ask
        self.n = ring.ngens
        leads = [p.LM for p in basis]
        found = [(0,) * self.n]
        seen = set(found)
        for m in found:  # grows while it is walked
            if len(found) > 4 * MOST:
                break
            for i in range(self.n):
                up = tuple(a + (i == j) for j, a in enumerate(m))
                if up not in seen and not any(
                        all(a >= b for a, b in zip(up, lead, strict=True)) for lead in leads):
                    seen.add(up)
                    found.append(up)
        self.monomials = sorted(found, key=lambda m: (sum(m), m))
        self.place = {m: k for k, m in enumerate(self.monomials)}
        self.size = len(found)
        self._columns: dict[tuple[int, int], dict[int, Any]] = {}

    def vector(self, polynomial: Any) -> dict[int, Any]:
        """Return the normal form of a polynomial as a sparse vector."""
        self.ask()
        return {self.place[m]: c for m, c in polynomial.rem(self.basis).terms()}

    def unit(self, i: int) -> list[int]:
        """Return the linear form x_i."""
        return [int(i == j) for j in range(self.n)]

    def column(self, i: int, k: int) -> dict[int, Any]:
        """Return x_i times the k-th monomial."""
        if (i, k) not in self._columns:
            up = tuple(a + (i == j) for j, a in enumerate(self.monomials[k]))
            if up in self.place:
                self._columns[i, k] = {self.place[up]: self.ring.domain.one}
            else:
                self._columns[i, k] = self.vector(self.ring({up: self.ring.domain.one}))
        return self._columns[i, k]

    def times(self, form: Sequence[int], v: dict[int, Any]) -> dict[int, Any]:
        """Return (Σ form_i x_i) v."""
        made: dict[int, Any] = {}
        for k, c in v.items():
            for i, a in enumerate(form):
                if a:
                    for place, value in self.column(i, k).items():
                        made[place] = made.get(place, 0) + a * c * value
        return {k: c for k, c in made.items() if c}

    def form(self, form: Sequence[int]) -> list[dict[int, Any]]:
        """Return the matrix of a linear form, column by column."""
        one = self.ring.domain.one
        return [self.times(form, {k: one}) for k in range(self.size)]

    def krylov(self, form: Sequence[int]) -> tuple[Any, list[Any]]:
        """Return the elimination of 1, u, u², ... up to the first dependence, and p of u."""
        space = Elimination(self.ring.domain)
        v: dict[int, Any] = {0: self.ring.domain.one}
        while True:
            self.ask()
            relation = space.add(v)
            if relation is not None:
                return space, [-c for c in relation] + [self.ring.domain.one]
            v = self.times(form, v)

    def minimal(self, form: Sequence[int]) -> list[Any]:
        """Return the minimal polynomial of a linear form, ascending."""
        return self.krylov(form)[1]

    def characteristic(self, columns: list[dict[int, Any]]) -> list[Any]:
        """Return the characteristic polynomial of a matrix, ascending."""
        from sympy.polys.matrices import DomainMatrix

        self.ask()
        rows = [[columns[j].get(i, self.ring.domain.zero) for j in range(self.size)]
                for i in range(self.size)]
        made = DomainMatrix(rows, (self.size, self.size), self.ring.domain)
        return [fraction(c) for c in reversed(made.charpoly())]


def fraction(c: Any) -> Fraction:
    """Return an element of sympy's QQ as a fraction."""
    return Fraction(int(c.numerator), int(c.denominator))


class Elimination:
    """Vectors added one by one, kept in echelon form with what they are made of."""

    def __init__(self, domain: Any) -> None:
        self.domain = domain
        self.rows: list[tuple[int, dict[int, Any], dict[int, Any]]] = []
        self.count = 0

    def reduced(self, v: dict[int, Any]) -> tuple[dict[int, Any], dict[int, Any]]:
        """Return v less the rows, and the combination of added vectors that was taken away."""
        v = dict(v)
        taken: dict[int, Any] = {}
        for pivot, row, made in self.rows:
            c = v.get(pivot)
            if c:
                for k, a in row.items():
                    value = v.get(k, 0) - c * a
                    if value:
                        v[k] = value
                    else:
                        v.pop(k, None)
                for k, a in made.items():
                    taken[k] = taken.get(k, 0) + c * a
        return v, taken

    def add(self, v: dict[int, Any]) -> list[Any] | None:
        """Add a vector; when it depends on the others return the combination that it is."""
        rest, taken = self.reduced(v)
        if not rest:
            return [taken.get(k, self.domain.zero) for k in range(self.count)]
        pivot = min(rest)
        scale = self.domain.one / rest[pivot]
        made = {k: -c * scale for k, c in taken.items()}
        made[self.count] = scale
        self.rows.append((pivot, {k: c * scale for k, c in rest.items()}, made))
        self.count += 1
        return None

    def express(self, v: dict[int, Any]) -> list[Any] | None:
        """Return v as a combination of the added vectors, or None."""
        rest, taken = self.reduced(v)
        return None if rest else [taken.get(k, self.domain.zero) for k in range(self.count)]
