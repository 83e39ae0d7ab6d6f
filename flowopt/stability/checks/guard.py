"""Malformed data is refused, whatever error it brings about in algebra."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flowopt.stability.exact import Refused


def guarded(check: Callable[..., None]) -> Callable[..., None]:
    """Return a check that turns errors of polynomial algebra into a refusal.

    Examples
    --------
    >>> @guarded
    ... def check(statement, data):
    ...     raise NotImplementedError("no such root")
    >>> try:
    ...     check({}, {})
    ... except Refused as error:
    ...     print(error)
    the evidence is malformed (NotImplementedError: no such root)
    """
    @functools.wraps(check)
    def made(*arguments: Any) -> None:
        from sympy.polys.polyerrors import BasePolynomialError

        try:
            check(*arguments)
        except (BasePolynomialError, NotImplementedError, RecursionError) as error:
            raise Refused(f"the evidence is malformed ({type(error).__name__}: {error})") from None

    return made
