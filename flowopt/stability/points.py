"""An exact point as the options of a statement: polynomials in one algebraic number alpha.

    "root": q, ascending    "cell": [k, e]: alpha is the root of q in (k/2^e, (k + 1)/2^e)
    "coordinates": the polynomials h_i with x_i = h_i(alpha)
    "at": the same as a text for readers; all numbers are texts.

A rational point has q = alpha, so that alpha = 0 and each h_i is a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def encoded(coordinates: Sequence[Any]) -> dict[str, Any]:
    """Return the options of a statement about a point given by `Number`s of one field."""
    values = [c.fraction for c in coordinates]
    if None not in values:
        q, cell, rows = ["0", "1"], ["0", "0"], [[str(v)] for v in values]
    else:
        root = coordinates[0].root
        q, cell = [str(c) for c in root.q], [str(root.k), str(root.e)]
        rows = [[str(v) for v in c.p] or ["0"] for c in coordinates]
    return {"root": q, "cell": cell, "coordinates": rows, "at": shown(q, cell, rows)}


def shown(q: Sequence[str], cell: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the text of a point.

    Examples
    --------
    >>> shown(["-2", "0", "1"], ["1", "0"], [["0", "1"], ["1", "1/2"]])
    '(alpha, 1 + 1/2*alpha) with alpha the root of -2 + alpha**2 in (1, 2)'
    """
    texts = [polynomial(r) for r in rows]
    point = texts[0] if len(texts) == 1 else "(" + ", ".join(texts) + ")"
    if list(q) == ["0", "1"]:
        return point
    k, e = int(cell[0]), int(cell[1])
    ends = ", ".join(str(Fraction(v, 2**e)) for v in (k, k + 1))
    return f"{point} with alpha the root of {polynomial(q)} in ({ends})"


def polynomial(p: Sequence[str], name: str = "alpha") -> str:
    """Return the text of a polynomial given by its ascending coefficients."""
    parts = []
    for power, c in enumerate(p):
        value = Fraction(c)
        if not value:
            continue
        symbol = "" if not power else name if power == 1 else f"{name}**{power}"
        sign, size = ("-" if value < 0 else "+"), str(abs(value))
        body = size if not symbol else symbol if size == "1" else f"{size}*{symbol}"
        parts.append((sign, body))
    if not parts:
        return "0"
    first = ("-" if parts[0][0] == "-" else "") + parts[0][1]
    return " ".join([first, *(f"{s} {b}" for s, b in parts[1:])])
