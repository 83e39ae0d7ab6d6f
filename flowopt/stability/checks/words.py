"""How an inequality is shown, in words and in LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowopt.stability.checks.inequality import NONNEGATIVE, OFF, POSITIVE


def describe(p: Any, relation: str, proof: Mapping[str, Any]) -> str:
    """Return in words how an inequality is shown."""
    if proof["by"] == "zero":
        return "the polynomial is identically zero."
    sign = {NONNEGATIVE: ">= 0", POSITIVE: "> 0", OFF: "> 0 off x*"}[relation]
    if proof["by"] == "sturm":
        counted = [f for f in proof["factors"] if len(f["chain"]) > 1 or f["power"] % 2]
        return (f"{short(p)} {sign}, as the Sturm chains of its {len(counted)} factor"
                f"{'s' * (len(counted) != 1)} count no root there that changes the sign.")
    R = p.ring
    parts = []
    if proof["constant"] != "0":
        parts.append(proof["constant"])
    if isinstance(proof["strict"], list):
        parts += [f"{c}*u_{g}^{2 * d}" for g, (c, d) in zip(R.gens, proof["strict"],
                                                           strict=False)]
    for term in proof["terms"]:
        basis = ", ".join(term["basis"])
        gram = "; ".join(", ".join(row) for row in term["gram"])
        name = "" if term["of"] == 0 else f"g{term['of']}*"
        parts.append(f"{name}z'Qz with z = ({basis}), Q = [{gram}] >= 0")
    weight = f"|u|^{2 * proof['power']} times " if proof["power"] else ""
    end = (" The squares have no common zero but u = 0." if proof["strict"] == "squares" else "")
    return f"with u = x - x*, {weight}the polynomial is {' + '.join(parts) or '0'}.{end}"


def escaped(steps: Sequence[str]) -> list[str]:
    r"""Return sentences with formulae as text, as LaTeX sets them.

    Examples
    --------
    >>> escaped(["V = v_x**2"])
    ['V = v\\_x\\^{}2']
    """
    return [s.replace("_", r"\_").replace("**", r"\^{}") for s in steps]


def short(expr: Any) -> str:
    """Return the text of an expression, cut when it is long."""
    text = str(expr)
    return text if len(text) < 300 else text[:280] + f"... ({len(text)} characters)"


def describe_latex(proof: Mapping[str, Any]) -> str:
    """Return in LaTeX how an inequality is shown."""
    import sympy

    from flowopt.stability.exact import read

    if proof["by"] == "zero":
        return "it is identically zero."
    if proof["by"] == "sturm":
        return "no real root that changes the sign, by Sturm's theorem."
    parts = [proof["constant"]] if proof["constant"] != "0" else []
    if isinstance(proof["strict"], list):
        parts += [f"{c} u_{{{i + 1}}}^{{{2 * d}}}" for i, (c, d) in enumerate(proof["strict"])]
    for term in proof["terms"]:
        names = {c for t in term["basis"] for c in _names(t)}
        z = r" \\ ".join(sympy.latex(read(t, names)) for t in term["basis"])
        Q = r" \\ ".join(" & ".join(row) for row in term["gram"])
        z = rf"\begin{{pmatrix}}{z}\end{{pmatrix}}"
        g = "" if term["of"] == 0 else f"g_{{{term['of']}}}"
        parts.append(rf"{g}{z}^\top\begin{{pmatrix}}{Q}\end{{pmatrix}}{z}")
    weight = rf"|u|^{{{2 * proof['power']}}} p = " if proof["power"] else "p = "
    return f"${weight}{' + '.join(parts)}$, every matrix being positive semidefinite."


def _names(text: str) -> list[str]:
    import re

    return re.findall(r"[A-Za-z_]\w*", text)
