"""Equilibria on a line: the marks of a phase line with their kinds, eigenvalues and verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.rest.equilibrium import Equilibria, Equilibrium, bounds
from flowopt.stability.rest.forms import value
from flowopt.stability.rest.judge import by_signs
from flowopt.stability.rest.kinds import loss_at
from flowopt.stability.rest.line import Line, Mark, between, phase_line
from flowopt.stability.rest.pieces import Pieces
from flowopt.stability.rest.target import Target
from flowopt.stability.statement import field_system


def find(asked: Target) -> Equilibria:
    """Return the equilibria of a field on a line."""
    F, x = asked.equations[0], asked.variables[0]
    line = phase_line(F, x)
    slopes = None if asked.loss is None else phase_line(asked.loss.diff(x), x)
    pieces = Pieces(F, x)
    system = field_system(asked.field)
    points = [_point(asked, m, slopes, pieces, system) for m in line.marks
              if m.rest or m.singular]
    sets = _intervals(line, x)
    reason = ("F vanishes on whole intervals" if sets else
              "exact roots of all numerators, denominators and switching functions")
    return Equilibria(points, not sets, reason, sets, asked.field.name)


def _point(asked: Target, mark: Mark, slopes: Line | None, pieces: Pieces, system: Any
           ) -> Equilibrium:
    number = mark.x
    eigenvalue = _slope(pieces, mark)
    moves = _motion(mark, eigenvalue)
    of_loss = None if slopes is None else _critical(asked, slopes, mark)
    if of_loss is None:
        kinds: tuple[str, ...] = (moves,)
    elif asked.about_loss:
        kinds = of_loss
    elif mark.singular or mark.jump:
        kinds = (moves, *of_loss)
    else:
        kinds = (*of_loss, moves)
    values = radii = None
    if eigenvalue is not None:
        sign = -1 if asked.about_loss else 1  # the Hessian is minus the Jacobian of the flow
        values = np.array([sign * float(eigenvalue) + 0.0 + 0j])
        radii = np.abs(values) * 2.0**-52
    orders = {s.order for s in (mark.left, mark.right)}
    whole = len(orders) == 1 and None not in orders and not mark.jump and not mark.singular
    loss = None if asked.loss is None else loss_at(asked, {asked.variables[0]: number})
    return Equilibrium(np.array([float(number)]), 1, bounds([number]), kinds,
                       by_signs(system, mark), values, radii,
                       int(orders.pop()) if whole else None, loss, (number,))  # type: ignore


def _motion(mark: Mark, eigenvalue: Number | None) -> str:
    if mark.singular:
        return "singular"
    if mark.jump:
        return "repelling rest" if mark.repels else "sliding rest"
    if mark.left.order == mark.right.order == 1 or (eigenvalue is not None
                                                    and not eigenvalue.zero):
        return "node"
    return "non-hyperbolic"


def _slope(pieces: Pieces, mark: Mark) -> Number | None:
    """Return F' at the mark where it is the same from both sides, else None."""
    if mark.singular or mark.jump:
        return None
    import sympy

    found = []
    for side in (0, 1):
        at = _near(pieces, mark, side)
        F, _, _, lift = pieces.form(pieces.sides(at))
        if lift.roots:
            return None
        try:
            found.append(value(sympy.cancel(F).diff(pieces.x), {pieces.x: mark.x}))
        except ZeroDivisionError:
            return None
    return found[0] if (found[0] - found[1]).zero else None


def _near(pieces: Pieces, mark: Mark, side: int) -> Any:
    """Return a rational point beside the mark, before the next one."""
    roots = pieces.marks()
    index = next(k for k, r in enumerate(roots) if (r.q, r.k, r.e) == (
        mark.root.q, mark.root.k, mark.root.e))
    if side == 0:
        return between(roots[index - 1] if index else None, mark.root)
    return between(mark.root, roots[index + 1] if index + 1 < len(roots) else None)


def _critical(asked: Target, slopes: Line, mark: Mark) -> tuple[str, ...] | None:
    """Return the kind of a critical point of the loss, or None where it is none."""
    for m in slopes.marks:
        if (m.root.q, m.root.k, m.root.e) == (mark.root.q, mark.root.k, mark.root.e):
            break
    else:
        return None
    left, right = m.left.sign, m.right.sign
    word = ("minimum" if left < 0 < right else "maximum" if left > 0 > right else
            "inflection" if left == right else "edge of a flat part")
    if m.jump and left * right > 0:
        return None
    plain = m.left.order == m.right.order == 1 or m.jump
    return (word,) if plain else ("degenerate", word)


def _intervals(line: Line, x: Any) -> tuple[str, ...]:
    """Return the intervals on which F is 0."""
    made = []
    marks = line.marks
    for k, sign in enumerate(line.signs):
        if sign == 0:
            low = f"{float(marks[k - 1].x):.17g} <= " if k else ""
            high = f" <= {float(marks[k].x):.17g}" if k < len(marks) else ""
            made.append(f"{low}{x}{high}" if low or high else f"all {x}")
    return tuple(made)
