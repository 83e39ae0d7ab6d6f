r"""Texts, cells and tables in TeX. What is not known here is refused, not dropped.

Numbers are rounded as in the tables that ``flowopt run`` prints.
"""

from __future__ import annotations

import dataclasses
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowopt.quoting import Number, count, with_power
from flowopt.reporting import Table, cell, is_number

#: what TeX reads as something else
_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
            **{c: "\\" + c for c in "{}$&#_%"}, **{c: rf"\ensuremath{{{c}}}" for c in "<>|"}}
_MATHS = {
    **dict(zip("αβγδεζηθκλμνξπρστφχψω",
               r"\alpha \beta \gamma \delta \varepsilon \zeta \eta \theta \kappa \lambda \mu \nu "
               r"\xi \pi \rho \sigma \tau \varphi \chi \psi \omega".split(), strict=True)),
    **dict(zip("ΓΔΘΛΞΠΣΦΨΩ", (rf"\{name}" for name in "Gamma Delta Theta Lambda Xi Pi Sigma Phi "
               "Psi Omega".split()), strict=True)),
    "ℓ": r"\ell", "∇": r"\nabla", "∂": r"\partial", "∞": r"\infty", "√": r"\surd", "∫": r"\int",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "∼": r"\sim", "∝": r"\propto",
    "−": "-", "±": r"\pm", "·": r"\cdot", "×": r"\times", "÷": r"\div", "∘": r"\circ",
    "→": r"\to", "∈": r"\in", "½": r"\tfrac12", "¼": r"\tfrac14", "°": r"^{\circ}", "′": "'",
    "ẋ": r"\dot{x}", "ẏ": r"\dot{y}", "ż": r"\dot{z}", "ẍ": r"\ddot{x}",
}
_TEXT = {"–": "--", "—": "---", "…": r"\dots{}", "’": "'", "‘": "`", "“": "``", "”": "''",
         "\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,"}
#: as formulae are written in code
_PAIRS = {"<=": r"\le", ">=": r"\ge", "->": r"\to", "!=": r"\ne"}
_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot", "\u0308": "ddot"}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-")
_TOKEN = re.compile(r"√(?P<root>\w)|(?P<pair><=|>=|->|!=)|"
                    r"(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+)|(?P<lowered>[₀-₉₊₋]+)|"
                    r"(?P<base>\S)(?P<accent>[\u0302\u0303\u0304\u0307\u0308])|(?P<one>.)", re.S)


def escaped(text: str) -> str:
    r"""Return a text as TeX prints it.

    Raises
    ------
    ValueError
        When it holds a character that is not known here.

    Examples
    --------
    >>> escaped("θ̇ = −β² & 10⁻³")
    '\\ensuremath{\\dot{\\theta}} = \\ensuremath{-}\\ensuremath{\\beta}\\ensuremath{^{2}} \\& 10\\ensuremath{^{-3}}'
    """  # noqa: E501

    def symbol(c: str) -> str:
        return _MATHS.get(c, c)

    def one(found: re.Match[str]) -> str:
        if found["root"]:
            return rf"\ensuremath{{\sqrt{{{symbol(found['root'])}}}}}"
        if found["pair"]:
            return rf"\ensuremath{{{_PAIRS[found['pair']]}}}"
        if found["raised"]:
            return rf"\ensuremath{{^{{{found['raised'].translate(_RAISED)}}}}}"
        if found["lowered"]:
            return rf"\ensuremath{{_{{{found['lowered'].translate(_LOWERED)}}}}}"
        if found["accent"]:
            return rf"\ensuremath{{\{_ACCENTS[found['accent']]}{{{symbol(found['base'])}}}}}"
        c = found["one"]
        if c in _MATHS:
            return rf"\ensuremath{{{_MATHS[c]}}}"
        return _SPECIAL.get(c) or _TEXT.get(c) or c

    made = _TOKEN.sub(one, unicodedata.normalize("NFC", text))
    for c in made:
        if not (" " <= c <= "~" or "À" <= c <= "ÿ"):  # LaTeX reads Latin letters as they are
            raise ValueError(f"{text!r} holds {c!r} (U+{ord(c):04X}, "
                             f"{unicodedata.name(c, 'no letter')}), which flowopt.paper.tex has no "
                             "TeX for; add it there or write it otherwise")
    return made


def number(text: str) -> str:
    r"""Return a number that is written as Python writes it.

    Examples
    --------
    >>> number("0.83"), number("-1.2e-05"), number("inf"), number("1e-09")
    ('0.83', '\\ensuremath{-1.2\\cdot10^{-5}}', '\\ensuremath{\\infty}', '\\ensuremath{10^{-9}}')
    """
    if "inf" in text:
        return rf"\ensuremath{{{text.replace('inf', chr(92) + 'infty')}}}"
    mantissa, exponent, power = text.partition("e")
    if not exponent:
        return rf"\ensuremath{{{text}}}" if text.startswith("-") else text
    return rf"\ensuremath{{{with_power(mantissa, int(power))}}}"


def table_cell(value: Any) -> str:
    r"""Return a cell of a table.

    Examples
    --------
    >>> table_cell((0.8312, 0.81, 0.85)), table_cell(float("nan")), table_cell(17500000)
    ('0.8312 [0.81, 0.85]', '--', '\\ensuremath{17\\,500\\,000}')
    """
    if isinstance(value, Number):
        return value.tex
    if isinstance(value, (tuple, list, np.ndarray)) and len(value) == 3:
        middle, low, high = map(table_cell, value)
        return f"{middle} [{low}, {high}]"
    if isinstance(value, (float, np.floating)):
        return "--" if math.isnan(value) else number(cell(value))
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return str(value) if 0 <= value < 10_000 else count(int(value)).tex
    return escaped(cell(value))


def tabular(table: Table, places: Sequence[int] | None = None) -> str:
    """Return the rows of a table between rules (booktabs), numbers to the right.

    Parameters
    ----------
    table : Table
        What to print; its caption is left to the text.
    places : sequence of int, optional
        The places of the columns to print, from 0, in this order; all by default.
    """
    chosen = range(len(table.columns)) if places is None else places
    cells = [[row[j] for j in chosen] for row in table.rows]

    def right(j: int) -> bool:
        found = [row[j] for row in cells if row[j] is not None]
        return bool(found) and all(map(is_number, found))

    def line(row: list[str]) -> str:
        tall = r" \addlinespace[3pt]" if any(r"\\" in text for text in row) else ""
        return "  " + " & ".join(row) + r" \\" + tall  # formulae of several lines stand apart

    return "\n".join([
        rf"\begin{{tabular}}{{@{{}}{''.join('lr'[right(j)] for j in range(len(chosen)))}@{{}}}}",
        r"  \toprule", line([escaped(table.columns[j]) for j in chosen]), r"  \midrule",
        *(line([table_cell(v) for v in row]) for row in cells), r"  \bottomrule",
        r"\end{tabular}"])


# ------------------------------------------------------------------ values of a configuration
def option_value(value: Any) -> str:
    r"""Return the value of an option, exactly.

    Examples
    --------
    >>> option_value(0.01), option_value(1e-9), option_value(1000.0), option_value(20000.0)
    ('0.01', '\\ensuremath{10^{-9}}', '1000', '\\ensuremath{20\\,000}')
    >>> option_value(True), option_value((0.1, 10.0)), option_value("no_noise")
    ('yes', '0.1, 10', '\\texttt{no\\_noise}')
    """
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list, np.ndarray)):
        return ", ".join(map(option_value, value)) if len(value) else "none"
    if value is None:
        return "none"
    if isinstance(value, (float, np.floating)):
        value = float(value)
        if value.is_integer() and abs(value) < 1e6:
            return option_value(int(value))
        if not math.isfinite(value):
            return escaped(str(value)) if math.isnan(value) else number(str(value))
        plain = np.format_float_positional(value, trim="-")
        short = np.format_float_scientific(value, trim="-", exp_digits=1)
        return number(plain if 1e-4 <= abs(value) < 1e6 or len(plain) <= len(short) else short)
    if isinstance(value, (int, np.integer)):
        return str(value) if 0 <= value < 10_000 else count(int(value)).tex
    return rf"\texttt{{{escaped(str(value))}}}"


def options(config: Any) -> dict[str, str]:
    """Return the fields of a configuration in TeX, by name with hyphens."""
    if config is None:
        return {}
    return {f.name.replace("_", "-"): option_value(getattr(config, f.name))
            for f in dataclasses.fields(config)}


def plain(text: str) -> str:
    r"""Return a number in TeX as a message shows it.

    Examples
    --------
    >>> plain(r"\ensuremath{83.3\,\%}"), plain(r"\ensuremath{5.5\cdot10^{-7}}")
    ('83.3 %', '5.5e-7')
    """
    text = re.sub(r"\\(ensuremath|texttt)\{(.*)\}", r"\2", text)
    text = re.sub(r"\\cdot10\^\{(-?\d+)\}", r"e\1", text)
    return re.sub(r"\\([%_&#$])", r"\1", text.replace(r"\,", " ").replace(r"\infty", "inf"))
