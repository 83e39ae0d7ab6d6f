"""All zeros of a smooth system in a box, by bisection and Krawczyk's test.

With Y near J(m)⁻¹ the operator K(X) = m − Y f(m) + (1 − Y J(X))(X − m) holds every zero that X
holds; when K(X) lies in the interior of X there is exactly one, and J is regular on all of X
(Krawczyk, Computing 4 (1969) 187; Moore, SIAM J. Numer. Anal. 14 (1977) 611).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt.stability.algebra.intervals import Interval
from flowopt.stability.algebra.programs import Program

#: sub-boxes narrower than this (beside their size) are given up as undecided
NARROW = 2.0**-30


@dataclass(frozen=True)
class Found:
    """The zeros of a system in a box.

    Attributes
    ----------
    zeros : list of list of Interval
        A box for each zero, in which it is the only one.
    undecided : list of list of Interval
        Sub-boxes of which it is not known whether they hold a zero.
    """

    zeros: list[list[Interval]]
    undecided: list[list[Interval]]
    boxes: int


class System:
    """f and its Jacobian as interval programs.

    Parameters
    ----------
    exprs : sequence of sympy.Expr
        f, as many as variables.
    variables : sequence of sympy.Symbol
        The unknowns.

    Examples
    --------
    >>> import sympy
    >>> from flowopt.stability.algebra.intervals import Interval
    >>> x = sympy.Symbol("x", real=True)
    >>> found = System([sympy.sin(x)], [x]).zeros([Interval(2.0, 7.0)], float("inf"))
    >>> [round(z[0].middle, 6) for z in found.zeros], found.undecided
    ([3.141593, 6.283185], [])
    """

    def __init__(self, exprs: Sequence[Any], variables: Sequence[Any]) -> None:
        self.n = len(variables)
        self.f = Program(exprs, variables)
        self.j = Program([e.diff(v) for e in exprs for v in variables], variables)

    def jacobian(self, box: Sequence[Interval]) -> list[list[Interval]]:
        """Return J over a box."""
        flat = self.j(box)
        return [flat[i * self.n:(i + 1) * self.n] for i in range(self.n)]

    def operator(self, box: Sequence[Interval]) -> list[Interval] | None:
        """Return K(box), or None where J has no finite approximate inverse."""
        middle = [b.middle for b in box]
        points = [Interval(m) for m in middle]
        j = self.jacobian(box)
        near = np.array([[e.middle for e in row] for row in j])
        if not np.isfinite(near).all():
            return None
        try:
            y = np.linalg.inv(near)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(y).all():
            return None
        f = self.f(points)
        made = []
        for i in range(self.n):
            total = points[i]
            for k in range(self.n):
                total = total - Interval(y[i, k]) * f[k]
            for k in range(self.n):
                entry = Interval(float(i == k))
                for m in range(self.n):
                    entry = entry - Interval(y[i, m]) * j[m][k]
                total = total + entry * (box[k] - points[k])
            made.append(total)
        return made

    def zeros(self, box: Sequence[Interval], end: float) -> Found:
        """Return every zero in a closed box (and maybe some beside it), and what is undecided."""
        todo = [list(box)]
        zeros: list[list[Interval]] = []
        undecided: list[list[Interval]] = []
        count = 0
        scale = [max(b.size, 1e-3) for b in box]
        while todo:
            x = todo.pop()
            count += 1
            if count % 64 == 0 and time.monotonic() > end:
                undecided += [x, *todo]
                break
            if any(0.0 not in v for v in self.f(x)):
                continue
            wide = [Interval(b.low - 0.1 * b.width, b.high + 0.1 * b.width) for b in x]
            k = self.operator(wide)
            if k is not None:
                if all(a.inside(b) for a, b in zip(k, wide, strict=True)):
                    self._record(zeros, wide, k)
                    continue
                met = [a.meet(b) for a, b in zip(k, x, strict=True)]
                if None in met:
                    continue
                smaller: list[Interval] = met  # type: ignore[assignment]
                if all(a.width < 0.5 * b.width for a, b in zip(smaller, x, strict=True)):
                    todo.append(smaller)
                    continue
                x = smaller
            widths = [b.width / s for b, s in zip(x, scale, strict=True)]
            axis = int(np.argmax(widths))
            if widths[axis] < NARROW:
                undecided.append(x)
                if len(undecided) > 4000:
                    undecided += todo
                    break
                continue
            middle = x[axis].middle
            for half in (Interval(x[axis].low, middle), Interval(middle, x[axis].high)):
                todo.append([half if i == axis else b for i, b in enumerate(x)])
        zeros.sort(key=lambda z: [b.low for b in z])
        return Found(zeros, undecided, count)

    def _record(self, zeros: list[list[Interval]], unique: list[Interval], k: list[Interval]
                ) -> None:
        """Add the zero of a box in which it is unique, unless it is known."""
        tight = self.refined(k)
        for known in zeros:
            if all(a.meet(b) is not None for a, b in zip(known, tight, strict=True)):
                joint = [Interval(min(a.low, b.low), max(a.high, b.high))
                         for a, b in zip(known, tight, strict=True)]
                # both zeros lie in a box with one zero only
                if all(u.low <= a.low and a.high <= u.high
                       for a, u in zip(joint, unique, strict=True)):
                    return
        zeros.append(tight)

    def refined(self, box: Sequence[Interval]) -> list[Interval]:
        """Return the enclosure of the zero of a box after repeated Krawczyk steps."""
        now = list(box)
        for _ in range(30):
            k = self.operator(now)
            if k is None:
                break
            met = [a.meet(b) for a, b in zip(k, now, strict=True)]
            if None in met:
                break
            smaller: list[Interval] = met  # type: ignore[assignment]
            if sum(a.width for a in smaller) > 0.9 * sum(b.width for b in now):
                break
            now = smaller
        return now
