"""From the flow's parameters and its step back to the hyper-parameters and the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowopt.stability.algebra.domain import ranges


def formulas(own: Any) -> tuple[dict[str, Any], Any, Any, dict[str, Any]]:
    """Return parameter -> formula in (h or lr, hyper), the clock, h's symbol and the numbers."""
    import sympy

    from flowopt.stability.exact import rational
    from flowopt.symbolic.parse import parse

    numbers = {k: rational(v) for k, v in own.hyper.items()
               if isinstance(v, (int, float)) and not isinstance(v, bool)
               and abs(v) < float("inf")}
    symbols = {k: (sympy.Symbol(k, positive=True) if v > 0 or k in ranges([k])
                   and ranges([k])[k] == "unit" else sympy.Integer(0) if v == 0 else
                   sympy.Symbol(k, real=True)) for k, v in numbers.items()}
    h = sympy.Symbol("h", positive=True)
    if "h" in symbols:
        symbols["h"] = h

    def formula(text: str) -> Any:
        made = parse(text, what="the formula")
        return made.to_sympy({n: symbols.get(n, sympy.Symbol(n, positive=True))
                              for n in made.names})

    return {k: formula(v) for k, v in own.maps.items()}, formula(own.clock.formula), h, numbers


def in_terms(own: Any) -> tuple[dict[Any, Any], dict[Any, Any], dict[str, Any]]:
    """Return what takes the place of the flow's symbols, what then of h, and the numbers.

    A clock with a root, such as √lr, is undone: lr is written by h, so that all is rational.
    """
    import sympy

    maps, clock, h, numbers = formulas(own)
    lr = sympy.Symbol("lr", positive=True)
    inside: dict[Any, Any] = {}
    back: dict[Any, Any] = {}
    if not clock.has(lr):
        pass
    elif any(p.exp == sympy.Rational(1, 2) and p.has(lr) for p in clock.atoms(sympy.Pow)):
        inside[lr] = h**2 / sympy.cancel(clock**2 / lr)
        back = {h: clock}
    else:
        inside[h] = clock
    made = {}
    for key, expr in maps.items():
        if key != "h":
            changed = sympy.powdenest(expr.subs(inside), force=True)
            rooted = any(p.exp.is_Rational and not p.exp.is_Integer
                         for p in changed.atoms(sympy.Pow))
            made[sympy.Symbol(key, positive=True)] = (
                sympy.simplify(expr.subs(inside)) if rooted else sympy.cancel(changed))
    if h in inside:
        made[h] = clock
    return made, back, numbers


def in_hyper(own: Any, coefficients: Sequence[Any], pencil: Any, made: Any) -> Any:
    """Return the coefficients in terms of lr and the hyper-parameters, and what replaced what."""
    import sympy

    from flowopt.stability.steps.rescale import rates_of_scales, roots_of_parameters

    inside, back, numbers = in_terms(own)
    held = dict(pencil.held)
    scale = rates_of_scales(made, pencil, inside, held)
    if scale is not None:
        inside = {**inside, **scale}
    step = "lr" if back or any(v.has(sympy.Symbol("lr", positive=True))
                               for v in inside.values()) else "h"
    done = [sympy.cancel(sympy.together(sympy.sympify(c).subs(inside, simultaneous=True)))
            for c in coefficients]
    done = [sympy.cancel(c / done[0]) for c in done]  # takes out odd powers of h they share
    after: dict[Any, Any] = dict(back)
    if back:
        (h, clock), = back.items()
        polys = [sympy.Poly(p, h) for c in done for p in sympy.fraction(sympy.together(c))]
        if any(m[0] % 2 for p in polys for m in p.monoms()):
            done, inside, after, step, more = roots_of_parameters(done, inside, h, own)
            held |= more
        else:
            square = clock**2
            done = [sympy.cancel(_halved(a, h, square) / _halved(b, h, square))
                    for a, b in zip(polys[::2], polys[1::2], strict=True)]
    numbers = {k: v for k, v in numbers.items() if k not in ("lr", "h") and (
        v != 0 or ranges([k])[k] == "unit")}  # a decay that is 0 is still in its range
    numbers |= {k: v for k, v in made.numbers.items() if k not in own.maps and k != "h"}
    return done, numbers, step, held, (inside, after)


def _halved(poly: Any, h: Any, square: Any) -> Any:
    import sympy

    return sum((c * square**(m[0] // 2) for m, c in poly.terms()), sympy.Integer(0))
