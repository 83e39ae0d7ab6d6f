"""Signs of polynomials in parameters of known range, by the signs of their coefficients.

A parameter in [0, 1) is s/(1 + s) and one in (0, 1] is 1/(1 + s), with s >= 0. When all
coefficients of what comes out have one sign, the polynomial has it everywhere. No search.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: hyper-parameters in [0, 1), and those in (0, 1]; all others are > 0
DECAYS = frozenset({"momentum", "dampening", "beta1", "beta2", "beta", "alpha", "rho"})
PORTIONS = frozenset({"slow_step_size"})


def ranges(names: Any) -> dict[str, str]:
    """Return the range of each hyper-parameter by its name: "unit", "portion" or "positive"."""
    return {n: "unit" if n in DECAYS else "portion" if n in PORTIONS else "positive"
            for n in names}


def assumptions(domain: Mapping[str, str]) -> list[str]:
    """Return the ranges as texts: 0 <= beta < 1, 0 < alpha <= 1, lam > 0.

    Examples
    --------
    >>> assumptions({"beta": "unit", "lam": "positive"})
    ['0 <= beta < 1', 'lam > 0']
    """
    words = {"unit": "0 <= {0} < 1", "portion": "0 < {0} <= 1",
             "inner": "0 < {0} < 1", "positive": "{0} > 0"}
    return [words[kind].format(name) for name, kind in domain.items()]


def sign_on(poly: Any, domain: Mapping[str, str]) -> int | None:
    """Return the sign that a polynomial has on all of a domain: 1, −1, 0, or None for unknown.

    Parameters
    ----------
    poly : sympy.Expr
        A polynomial over the names of the domain.
    domain : mapping of str to str
        The range of each name.

    Examples
    --------
    >>> import sympy
    >>> beta, x = sympy.symbols("beta x")
    >>> sign_on(2 + beta - beta**2, {"beta": "unit"})
    1
    >>> sign_on(x - 1, {"x": "positive"}) is None
    True
    """
    import sympy

    poly = sympy.sympify(poly)
    if poly.is_Rational:
        return int(sympy.sign(poly))
    names = sorted(poly.free_symbols, key=str)
    made = sympy.Poly(poly, *names)
    kinds = [domain[str(s)] for s in names]
    total = sympy.Poly(0, *names)
    degrees = [made.degree(s) for s in names]
    for powers, c in made.terms():
        # s^k (1 + s)^(d − k) for x = s/(1 + s); (1 + s)^(d − k) for x = 1/(1 + s)
        term = sympy.Poly(c, *names)
        for s, kind, k, d in zip(names, kinds, powers, degrees, strict=True):
            if kind == "positive":
                term *= sympy.Poly(s**k, *names)
            else:
                moved = 1 if kind == "portion" else s**k
                term *= sympy.Poly(moved * (1 + s)**(d - k), *names)
        total += term
    if total.is_zero:
        return 0
    signs = {bool(c > 0) for c in total.coeffs()}
    if len(signs) > 1:
        return None
    # strict where a term has no power of an s that may be 0
    strict = any(all(k == 0 or kind in ("positive", "inner")
                     for k, kind in zip(powers, kinds, strict=True))
                 for powers in total.monoms())
    return (1 if signs.pop() else -1) if strict else None
