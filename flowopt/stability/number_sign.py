"""The sign of a number given by roots, from ever narrower balls."""

from __future__ import annotations

from typing import Any


def number_sign(expr: Any) -> int:
    """Return the sign of a real algebraic number given by roots; it must not be 0.

    Raises
    ------
    ValueError
        When the number is not real, or not told from 0 within 4000 bits.

    Examples
    --------
    >>> import sympy
    >>> number_sign(sympy.sqrt(2) + sympy.sqrt(3) - sympy.sqrt(10))
    -1
    """
    from mpmath import iv

    def visit(e: Any) -> Any:
        if e.is_Rational:
            return iv.mpf(int(e.p)) / int(e.q)
        if e.is_Add or e.is_Mul:
            made = visit(e.args[0])
            for a in e.args[1:]:
                made = made + visit(a) if e.is_Add else made * visit(a)
            return made
        if e.is_Pow and e.exp.is_Rational:
            base = visit(e.base)
            if e.exp.q != 1 and base.a < 0:
                raise ValueError(f"{e} is not real")
            return base ** int(e.exp) if e.exp.q == 1 else iv.exp(
                iv.log(base) * int(e.exp.p) / int(e.exp.q))
        if e.func.__name__ == "sign":
            made = visit(e.args[0])
            return iv.mpf(1) if made.a > 0 else iv.mpf(-1) if made.b < 0 else iv.mpf([-1, 1])
        if e.func.__name__ == "Abs":
            return abs(visit(e.args[0]))
        raise ValueError(f"{e} is no number given by roots")

    old = iv.prec
    try:
        bits = 80
        while bits <= 4000:
            iv.prec = bits
            made = visit(expr)
            if made.a > 0 or made.b < 0:
                return 1 if made.a > 0 else -1
            bits *= 2
    finally:
        iv.prec = old
    raise ValueError(f"the sign of {expr} is not settled by 4000 bits")
