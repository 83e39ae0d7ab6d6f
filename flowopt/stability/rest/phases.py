"""`basins`: which starts tend where; exact on a line, a picture in more dimensions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from flowopt import _check
from flowopt.stability.algebra.algebraic import Number
from flowopt.stability.rest.basin import Basin, Basins
from flowopt.stability.rest.forms import NotAlgebraic
from flowopt.stability.rest.line import Line, Mark, between, phase_line
from flowopt.stability.rest.pieces import Pieces, compare
from flowopt.stability.rest.target import Target, checked_box, target


def basins(field: Any, box: Any = None, *, resolution: int | None = None,
           time: float | None = None) -> Any:
    """Return which starts go where.

    On a line the answer is exact: the field has one sign between its zeros, jumps and poles, so
    that each basin is an interval whose ends are algebraic numbers. In more dimensions runs from a
    grid give a picture, which is evidence and no proof.

    Parameters
    ----------
    field : VectorField or Loss
        A field that does not depend on time (of a `Loss` the gradient flow).
    box : sequence of pairs, optional
        (low, high) for each coordinate; needed by fields with exp, sin and the like, and in more
        than one dimension.
    resolution : int, optional
        Starts along each axis of the picture, 41 by default; only beyond one dimension.
    time : float, optional
        The span of the runs of the picture, 100 by default; only beyond one dimension.

    Returns
    -------
    Basins or BasinPicture

    Raises
    ------
    TypeError, ValueError
        For a kernel, a field that depends on time, a missing or empty box, and an option without
        effect.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.basins(fo.flows.SignFlow().on(fo.losses.two_minima()))
    basins of sign flow on two_minima (complete: exact signs between exact zeros)
    (-inf, 1.843070331): reaches 0.4069296692 in finite time
    [1.843070331, 1.843070331]: rests, unstable
    (1.843070331, inf): reaches 3 in finite time
    """
    asked = target(field)
    bounds = checked_box(box, asked.variables, asked.n)
    if len(asked.variables) > 1:
        from flowopt.stability.rest.picture import picture

        return picture(asked, bounds, resolution, time)
    for name, value in (("resolution", resolution), ("time", time)):
        if value is not None:
            raise ValueError(f"{name} has no effect on a line, where basins are exact; leave it "
                             f"out, got {_check.shown(value)}")
    try:
        return _exact(asked, bounds)
    except NotAlgebraic as error:
        if bounds is None:
            raise ValueError(f"box must be given, as {asked.field.name} is not algebraic (it holds "
                             f"{error}) and is searched with intervals; try box=(-5, 5)") from None
        return _enclosed(asked, bounds)


def _exact(asked: Target, bounds: Any) -> Basins:
    from flowopt.stability.rest import line_points
    from flowopt.stability.rest.finding import within

    x = asked.variables[0]
    line = phase_line(asked.equations[0], x)
    found = line_points.find(asked)
    at = {_key(e.numbers[0].root): e for e in found if e.numbers}
    rests = [at.get(_key(m.root)) for m in line.marks]
    pieces = Pieces(asked.equations[0], x)
    parts = _parts(line, rests, pieces)
    if bounds is not None:
        parts = [p for p in (_cut(b, *bounds[0]) for b in parts) if p is not None]
        found = within(found, bounds)
    return Basins(parts, found, True, "exact signs between exact zeros")


def _key(root: Any) -> Any:
    return tuple(root.q), root.k, root.e


def _parts(line: Line, rests: list[Any], pieces: Pieces) -> list[Basin]:
    marks, signs = line.marks, line.signs
    made: list[Basin] = []
    for k in range(len(signs)):
        low = marks[k - 1] if k else None
        high = marks[k] if k < len(marks) else None
        if signs[k] == 0:
            made.append(_basin(low, high, (False, False), None, "rests"))
        elif signs[k] > 0:
            fate = _arrival(high, high.left, rests[k]) if high else _escape(pieces, 1)
            made.append(_basin(low, high, (False, False), rests[k] if high else None, fate))
        else:
            fate = _arrival(low, low.right, rests[k - 1]) if low else _escape(pieces, -1)
            made.append(_basin(low, high, (False, False), rests[k - 1] if low else None, fate))
        if high is not None:
            made.append(_basin(high, high, (True, True), rests[k], _stays(high)))
    return _merged(made)


def _stays(mark: Mark) -> str:
    if mark.singular:
        return "singular: the field is infinite there"
    return "rests, unstable" if mark.repels else "rests"


def _arrival(mark: Mark, side: Any, rest: Any) -> str:
    name = f"{float(mark.x):.10g}"
    if side.order is None:
        return f"goes to {name}"
    if side.order < 0:
        return f"reaches {name} in finite time with infinite speed, and ends there"
    if side.order < 1:
        return f"reaches {name} in finite time"
    return f"tends to {name}"


def _escape(pieces: Pieces, side: int) -> str:
    """Return how motions go to ±infinity: F ~ c |x|^d with d > 1 means in finite time."""
    import sympy

    roots = pieces.marks()
    at = between(roots[-1], None) if roots and side > 0 else between(None, roots[0]) if roots \
        else between(None, None)
    _, top, bottom, lift = pieces.form(pieces.sides(at))
    word = "infinity" if side > 0 else "-infinity"
    if lift.roots:
        return f"goes to {word}"
    degree = (sympy.Poly(top, pieces.x).degree() - sympy.Poly(bottom, pieces.x).degree())
    return f"goes to {word}" + (" in finite time" if degree > 1 else "")


def _basin(low: Mark | None, high: Mark | None, closed: tuple[bool, bool], to: Any, fate: str
           ) -> Basin:
    ends = (None if low is None else low.x, None if high is None else high.x)
    return Basin(-math.inf if low is None else float(low.x),
                 math.inf if high is None else float(high.x), closed, to, fate, ends)


def _merged(parts: list[Basin]) -> list[Basin]:
    """Give each rest to a basin beside it that goes there; two that go there alike are one.

    The parts are an interval, a point, an interval, and so on.
    """
    made = parts[:1]
    for point, after in zip(parts[1::2], parts[2::2], strict=True):
        before = made.pop()
        left, right = (point.fate == "rests" and point.to is not None and b.to is point.to
                       for b in (before, after))
        if left and right and before.fate == after.fate:
            made.append(Basin(before.low, after.high, (before.closed[0], after.closed[1]),
                              point.to, after.fate, (before.ends[0], after.ends[1])))
        elif left:
            made += [replace(before, closed=(before.closed[0], True)), after]
        elif right:
            made += [before, replace(after, closed=(True, after.closed[1]))]
        else:
            made += [before, point, after]
    return made


def _cut(part: Basin, low: Any, high: Any) -> Basin | None:
    """Return the part of a basin in a closed box."""
    from flowopt.stability.algebra.algebraic import number

    a, b = part.ends
    closed = list(part.closed)
    if a is None or (a - low).sign() < 0:
        a, closed[0] = number(low), True
    if b is None or (b - high).sign() > 0:
        b, closed[1] = number(high), True
    order = _difference(b, a)
    if order < 0 or (order == 0 and not all(closed)):
        return None
    return Basin(float(a), float(b), (closed[0], closed[1]), part.to, part.fate, (a, b))


def _difference(b: Number, a: Number) -> int:
    """Return the sign of b − a, of which one is rational, or both are the same, or apart."""
    for one, other, flip in ((b, a, 1), (a, b, -1)):
        if other.fraction is not None:
            return flip * (one - other.fraction).sign()
    if a.root is b.root:
        return (b - a).sign()
    return compare(b.root, a.root)


def _enclosed(asked: Target, bounds: Any) -> Basins:
    """Return basins in a box between zeros that are enclosed by intervals."""
    from flowopt.stability.algebra.intervals import Interval
    from flowopt.stability.algebra.programs import Program
    from flowopt.stability.rest import boxes

    found = boxes.find(asked, bounds, math.inf)
    low, high = (float(v) for v in bounds[0])
    if not found.complete or any("surface" in k for e in found for k in e.kinds):
        return Basins((), found, False, "the zeros in the box are not all told apart, or the field "
                      f"jumps: {found.reason}")
    F = Program(asked.equations, asked.variables)
    inner = [e for e in found if low < e.x[0] < high]
    cuts = [low, *(float(e.x[0]) for e in inner), high]
    signs = []
    for a, b in zip(cuts, cuts[1:], strict=False):
        value = F([Interval((a + b) / 2)])[0]
        signs.append(1 if value.low > 0 else -1 if value.high < 0 else 0)
    if 0 in signs:
        return Basins((), found, False, "a sign of the field between its zeros is not settled")
    made = []
    for k, sign in enumerate(signs):
        at = k if sign > 0 else k - 1
        to = inner[at] if 0 <= at < len(inner) else None
        fate = f"tends to {to.x[0]:.10g}" if to is not None else "leaves the box"
        made.append(Basin(cuts[k], cuts[k + 1], (k == 0, k == len(signs) - 1), to, fate))
        if k < len(inner):
            attracts = sign > 0 > signs[k + 1]
            made.append(Basin(cuts[k + 1], cuts[k + 1], (True, True), inner[k],
                              "rests" if attracts else "rests, unstable"))
    return Basins(_merged(made), found, True, "signs in intervals between enclosed zeros; the ends "
                  "are doubles near the exact ones")


