"""Checker of the spectrum at an equilibrium: the first column of Routh's array, exactly.

data = {"characteristic": [1, c₁, …, cₙ], "shift": σ, "column": [...]}: the coefficients of
det(sI − J), and the column of the polynomial in s + σ. No entry being zero, its sign changes are
the eigenvalues with a real part above σ.

References: E. J. Routh (1877); F. R. Gantmacher, The Theory of Matrices II, ch. XV, §4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.checks import algebra
from flowopt.stability.checks.algebra import at
from flowopt.stability.exact import Refused, fraction

TRUST = "A"
SHOWS = ("proved", "disproved")


def jacobian(field: algebra.Field, point: Sequence[Any]) -> list[list[Fraction]]:
    """Return the Jacobian of P/D at an equilibrium, exactly.

    Raises
    ------
    Refused
        When the point is no equilibrium, or the field has no value there.

    Examples
    --------
    >>> statement = {"V": None, "system": {"kind": "field", "equations": ["y", "-x - y + x**3"],
    ...              "variables": ["x", "y"], "parameters": {}}}
    >>> [[str(a) for a in row] for row in jacobian(algebra.field(statement), (0, 0))]
    [['0', '1'], ['-1', '-1']]
    """
    bottom = at(field.D, point)
    if bottom == 0 or any(at(p, point) for p in field.P):
        raise Refused("the point is no equilibrium")
    return [[at(p.diff(g), point) / bottom for g in field.ring.gens] for p in field.P]


def characteristic(J: Sequence[Sequence[Fraction]]) -> list[Fraction]:
    """Return the coefficients of det(sI − J), from sⁿ down (Faddeev and LeVerrier).

    Examples
    --------
    >>> [int(c) for c in characteristic([[Fraction(0), Fraction(1)], [Fraction(-2), Fraction(-3)]])]
    [1, 3, 2]
    """
    n = len(J)
    made, M = [Fraction(1)], [[Fraction(0)] * n for _ in range(n)]
    for k in range(1, n + 1):
        M = [[sum((J[i][m] * M[m][j] for m in range(n)), Fraction(0))
              + (made[-1] if i == j else 0) for j in range(n)] for i in range(n)]
        trace = sum((J[i][m] * M[m][i] for i in range(n) for m in range(n)), Fraction(0))
        made.append(-trace / k)
    return made


def column(coefficients: Sequence[Fraction], shift: Fraction) -> list[Fraction]:
    """Return the first column of Routh's array of p(s + σ).

    Raises
    ------
    Refused
        When an entry is zero, so that the column counts nothing.

    Examples
    --------
    >>> [int(c) for c in column([Fraction(1), Fraction(3), Fraction(2)], Fraction(0))]
    [1, 3, 2]
    """
    p = list(coefficients)
    n = len(p) - 1
    for last in range(n, 0, -1):  # Taylor's shift by Horner's rule
        for k in range(1, last + 1):
            p[k] += shift * p[k - 1]
    above, here = p[0::2], p[1::2]
    made = [above[0]]
    for _ in range(n):
        here = here + [Fraction(0)] * (len(above) - len(here))
        if here[0] == 0:
            raise Refused("Routh's array has a zero in its first column")
        made.append(here[0])
        below = [(here[0] * above[k + 1] - above[0] * here[k + 1]) / here[0]
                 for k in range(len(above) - 1)]
        above, here = here[:max(1, len(below) + 1)], below or [Fraction(0)]
    if made[0] == 0:
        raise Refused("the leading coefficient is zero")
    return made


def check(statement: Mapping[str, Any], data: Mapping[str, Any], status: str) -> None:
    """Refuse unless the spectrum proves, or refutes, the statement.

    Raises
    ------
    Refused
        With what does not hold.
    """
    if set(data) != {"characteristic", "shift", "column"}:
        raise Refused("the certificate must hold a polynomial, a shift and a column")
    field = algebra.field({**statement, "V": None})
    made = characteristic(jacobian(field, algebra.equilibrium(statement)))
    shift = fraction(data["shift"])
    if made != [fraction(c) for c in data["characteristic"]]:
        raise Refused("this is not the characteristic polynomial at the equilibrium")
    entries = column(made, shift)
    if entries != [fraction(c) for c in data["column"]]:
        raise Refused("this is not the first column of Routh's array")
    attracts = shift == 0 and all(c > 0 for c in entries)
    repels = shift > 0 and any(c < 0 for c in entries)
    claim, scope = statement["claim"], statement["options"].get("scope", "local")
    if field.D.is_ground and all(algebra.degree(p) <= 1 for p in field.P) and (
            algebra.box(statement) is None):
        scope = "local"  # of a linear field what holds near the point holds everywhere
    if status == "proved":
        if statement["V"] is not None:
            raise Refused("the spectrum says nothing about the V of the statement")
        holds = (attracts and (claim == "stable" or claim == "asymptotically_stable"
                               and scope == "local")) or (repels and claim == "unstable")
    else:
        holds = (repels and claim in ("stable", "asymptotically_stable")) or (
            attracts and claim == "unstable")
    if not holds:
        raise Refused(f"the spectrum does not show that {claim} is {status}")


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    n = len(data["characteristic"]) - 1
    p = " + ".join(f"({c})*s^{n - k}" for k, c in enumerate(data["characteristic"]))
    entries = [fraction(c) for c in data["column"]]
    changes = sum((a > 0) != (b > 0) for a, b in zip(entries, entries[1:], strict=False))
    first = f"The Jacobian at the equilibrium has the characteristic polynomial {p}."
    if fraction(data["shift"]) == 0:
        return [first, f"Routh's array has the first column {', '.join(data['column'])}, all "
                "positive: every eigenvalue has a negative real part.",
                "So the equilibrium is asymptotically stable (Lyapunov's indirect method)."]
    return [first, f"With s + {data['shift']} for s, Routh's array has the first column "
            f"{', '.join(data['column'])} with {changes} sign changes: so many eigenvalues have a "
            f"real part above {data['shift']} > 0.",
            "So the equilibrium is unstable (Lyapunov's indirect method)."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    n = len(data["characteristic"]) - 1
    p = " + ".join(f"({c}) s^{{{n - k}}}" for k, c in enumerate(data["characteristic"]))
    return [rf"$\det(sI - J) = {p}$.",
            rf"The first column of Routh's array at shift ${data['shift']}$ is "
            rf"$({', '.join(data['column'])})$."]
