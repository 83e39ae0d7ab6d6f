"""Numbers as a text quotes them: a value with the digits that are printed, in TeX and plain.

An experiment names the numbers that a text may quote in ``numbers(result)``, each made by one of
the functions here. A value that is not finite is refused: a text has no place for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flowopt import _check


@dataclass(frozen=True)
class Number:
    r"""A number as a text quotes it.

    Parameters
    ----------
    value : float, int or str
        The value, unrounded.
    tex, text : str
        How it is printed in TeX, in text and in formulae alike, and as plain text.

    Examples
    --------
    >>> decimal(0.40692966, 4)
    Number(value=0.40692966, tex='\\ensuremath{0.4069}', text='0.4069')
    """

    value: float | int | str
    tex: str
    text: str


def _maths(value: float | int | str, tex: str, text: str) -> Number:
    return Number(value, rf"\ensuremath{{{tex}}}", text)


def decimal(value: float, places: int) -> Number:
    r"""Return a number with so many decimal places.

    Raises
    ------
    ValueError, TypeError
        When the value is not finite, or `places` is negative.

    Examples
    --------
    >>> decimal(-1.5, 2).tex, decimal(-1.5, 2).text, decimal(-1e-9, 2).text
    ('\\ensuremath{-1.50}', '-1.50', '0.00')
    """
    value = _check.real("value", value)
    shown = f"{value:.{_check.integer('places', places, at_least=0)}f}"
    shown = shown.lstrip("-") if float(shown) == 0.0 else shown
    return _maths(value, shown, shown)


def count(value: int) -> Number:
    r"""Return a whole number, with a thin space between groups of three digits from 10 000 on.

    Examples
    --------
    >>> count(2500).text, count(17500000).text, count(65536).tex
    ('2500', '17 500 000', '\\ensuremath{65\\,536}')
    """
    value = _check.integer("value", value)
    groups = f"{value:,}" if abs(value) >= 10_000 else str(value)
    return _maths(value, groups.replace(",", r"\,"), groups.replace(",", " "))


def scientific(value: float, digits: int) -> Number:
    r"""Return a number with so many digits; far from 1 as a mantissa times a power of ten.

    Examples
    --------
    >>> scientific(2.7712e-6, 2).text, scientific(5.5336e-7, 3).tex, scientific(9999.0, 2).text
    ('2.8e-6', '\\ensuremath{5.53\\cdot10^{-7}}', '1.0e4')
    >>> scientific(3.14, 2).text, scientific(0.8378, 1).text, scientific(14.36, 3).text
    ('3.1', '0.8', '14.4')
    """
    value = _check.real("value", value)
    digits = _check.integer("digits", digits, at_least=1)
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    if -2 <= int(power) <= min(2, digits - 1) or value == 0:
        return decimal(value, max(0, digits - 1 - int(power)))
    return _maths(value, with_power(mantissa, int(power)), f"{mantissa}e{int(power)}")


def with_power(mantissa: str, power: int) -> str:
    r"""Return a mantissa times a power of ten in TeX; a mantissa of one is left out.

    Examples
    --------
    >>> with_power("2.5", -7), with_power("1", -9)
    ('2.5\\cdot10^{-7}', '10^{-9}')
    """
    times = {"1": "", "-1": "-"}.get(mantissa, rf"{mantissa}\cdot")
    return rf"{times}10^{{{power}}}"


def percent(share: float, places: int = 1) -> Number:
    r"""Return a share, 0 to 1, in per cent.

    Examples
    --------
    >>> percent(0.8333).text, percent(0.5, 0).tex
    ('83.3 %', '\\ensuremath{50\\,\\%}')
    """
    shown = decimal(100.0 * _check.real("share", share), places).text
    return _maths(share, rf"{shown}\,\%", f"{shown} %")


def word(text: str) -> Number:
    r"""Return a word, such as a status, in typewriter letters.

    Examples
    --------
    >>> word("REACHED_END").tex
    '\\texttt{REACHED\\_END}'
    """
    escaped = "".join("\\" + c if c in "_%&#$" else c for c in text)
    return Number(text, rf"\texttt{{{escaped}}}", text)


def formula(tex: str, text: str) -> Number:
    r"""Return a formula, for the cell of a table: TeX without dollars, and plain text.

    Examples
    --------
    >>> formula(r"\dot V \le 0", "V' <= 0").tex
    '\\ensuremath{\\dot V \\le 0}'
    """
    return _maths(text, tex, text)


class Quotes(dict[str, Number]):
    """The numbers of an experiment by name; what is not known, None or not finite, is left out.

    Examples
    --------
    >>> quotes = Quotes()
    >>> quotes.add("error", scientific, 2.5e-13, 1)
    >>> quotes.add("arrival", decimal, math.nan, 4)
    >>> quotes.estimate("chance", percent, (0.5, 0.25, 0.75), 0)
    >>> {name: number.text for name, number in quotes.items()}
    {'error': '2e-13', 'chance': '50 %', 'chance-low': '25 %', 'chance-high': '75 %'}
    """

    def add(self, name: str, make: Callable[..., Number], value: Any, *digits: int) -> None:
        """Add ``make(value, *digits)`` under a name of small letters, digits and hyphens.

        Raises
        ------
        ValueError
            When the name is not such a name, or is taken.
        """
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
            raise ValueError("name must be small letters, digits and single hyphens, beginning "
                             f"with a letter, got {name!r}")
        if name in self:
            raise ValueError(f"name must be one that is not taken, got {name!r} twice")
        if value is None or not isinstance(value, str) and not math.isfinite(value):
            return
        self[name] = make(value, *digits)

    def estimate(self, name: str, make: Callable[..., Number], values: Sequence[float],
                 *digits: int) -> None:
        """Add an estimate and the ends of its interval, as name, name-low and name-high."""
        for end, value in zip(("", "-low", "-high"), values, strict=True):
            self.add(name + end, make, value, *digits)


def slug(text: str) -> str:
    """Return a name made of a text: small letters and digits, hyphens for all else.

    Examples
    --------
    >>> slug("scipy RK45, rtol 1e-3"), slug("average (EMA)")
    ('scipy-rk45-rtol-1e-3', 'average-ema')
    """
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
