"""Check the exact set of stable steps of a linear map, or of a method on a linear field.

The characteristic polynomial is made again from the equations of the statement. *Numbers*: the
roots of its resultant with its reciprocal are the only places where an eigenvalue can meet the
unit circle; between them one step each is tried by the Schur–Cohn recursion, in rationals.
*Signs*: each condition of Jury's table is split into factors; all but the binding ones have one
sign on the domain, by the signs of their coefficients; a binding one changes sign once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.checks.step_claim import Claim, same_polynomial
from flowopt.stability.checks.step_interval import check_interval
from flowopt.stability.checks.step_numbers import check_numbers
from flowopt.stability.checks.step_signs import check_signs
from flowopt.stability.exact import Refused, read

TRUST = "A"


def bound_text(step: str, intervals: Any) -> str:
    """Return the sentence's words for a set of steps, from its data."""
    if not intervals:
        return f"no {step} > 0"
    return " or ".join(f"{_end_text(a)} < {step} < {_end_text(b)}" for a, b in intervals)


def _end_text(end: Any) -> str:
    if isinstance(end, str):
        return end
    coefficients, low, high, scale = end
    n = len(coefficients) - 1
    terms = " + ".join(f"{c}*z**{n - i}" for i, c in enumerate(coefficients) if c != "0")
    factor = "" if scale == "1" else f" times {scale}"
    return f"(the root of {terms} in [{low}, {high}]{factor})"


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse when the evidence does not prove the statement."""
    if statement["claim"] != "step_limit" or statement["V"] is not None:
        raise Refused("this evidence is for a set of stable steps")
    if set(data) != {"characteristic", "binding"}:
        raise Refused("the evidence must hold the characteristic polynomial and what binds")
    options = statement["options"]
    if set(options) - {"numerator", "denominator"} != {"bound", "step", "intervals", "scale"}:
        raise Refused("the options must be the step, its scale, its intervals and their words")
    if options["bound"] != bound_text(options["step"], options["intervals"]):
        raise Refused("the words for the set are not those of its data")
    claim = Claim(statement)
    given = data["characteristic"]
    if claim.between is None and not data["binding"] and all(isinstance(c, list) for c in given):
        check_numbers(claim, given, options["intervals"])
        return
    claim.coefficients = claim.characteristic()
    same_polynomial(claim, given)
    if claim.between is not None:
        check_interval(claim, data["binding"])
    else:
        check_signs(claim, data["binding"])


# ------------------------------------------------------------------ words
def _in_words(row: Any) -> str:
    """Return a coefficient of ζ as text: it is text, or a list of coefficients of z."""
    if isinstance(row, str):
        return row
    n = len(row) - 1
    return " + ".join(f"({c})*z**{n - i}" for i, c in enumerate(row) if c != "0") or "0"


def _shown(data: Mapping[str, Any]) -> list[str]:
    words = [_in_words(row) for row in data["characteristic"]]
    return [w if len(w) <= 300 else "..." for w in words]


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, a sentence a step."""
    words, options = _shown(data), statement["options"]
    n = len(words) - 1
    poly = " + ".join(f"({c})*zeta**{n - i}" for i, c in enumerate(words) if c != "0")
    scale = options["scale"]
    where = "" if isinstance(data["characteristic"][0], str) else (
        f" with z = {options['step']}" + ("" if scale == "1" else f"/({scale})"))
    steps = [f"But for a factor, the characteristic polynomial of one step is {poly}{where}."]
    if data["binding"]:
        steps.append("Every factor of Jury's conditions has one sign for all parameters, by the "
                     "signs of its coefficients, except " + ", ".join(data["binding"])
                     + ", which changes its sign once in the step.")
    else:
        steps.append("Where two eigenvalues have product 1, or one is 1 or -1, a polynomial in "
                     "the step vanishes; its positive roots are isolated exactly.")
        steps.append("Between two roots the Schur-Cohn recursion decides at one rational step.")
    return [*steps, f"So all eigenvalues have modulus < 1 exactly for {options['bound']}."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    import sympy

    words = _shown(data)
    n, parts = len(words) - 1, []
    names = {"z", *Claim(statement).names}
    for i, text in enumerate(words):
        if text != "0":
            shown = r"\dots" if text == "..." else sympy.latex(read(text, names, positive=names))
            parts.append(rf"\left({shown}\right)\zeta^{{{n - i}}}")
    return ["But for a factor, the characteristic polynomial of one step is $"
            + " + ".join(parts) + "$.",
            "All its roots have modulus less than 1 exactly for the steps of the claim, by "
            + ("the signs of Jury's conditions." if data["binding"] else
               "its meetings with the unit circle, isolated exactly.")]
