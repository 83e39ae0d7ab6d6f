"""What a statement's assumptions and box may not take away from a claim about a field.

A proof that something holds for all motions holds for those that meet the assumptions. That some
motion moves away is another matter: it may not be among them. And a claim about motions near an
equilibrium says nothing sound on a box that cuts its neighbourhoods: x' = -x**2 leaves 0 on one
side only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowopt.stability.exact import Refused

#: claims about the motions near one equilibrium
AT_A_POINT = ("stable", "asymptotically_stable", "finite_time_stable", "unstable")


def beyond(statement: Mapping[str, Any], status: str = "proved") -> str:
    """Return why no evidence for this status can be about the statement, or an empty text.

    Examples
    --------
    >>> field = {"kind": "field", "equations": ["-x**2"], "variables": ["x"], "parameters": {}}
    >>> beyond({"claim": "unstable", "system": field, "V": None, "assumptions": [], "options": {},
    ...         "domain": {"box": [["0", "1"]]}})
    'the equilibrium is not inside the box'
    """
    from flowopt.stability.checks import algebra

    claim = statement["claim"]
    if statement["system"]["kind"] != "field" or claim == "step_limit":
        return ""
    if statement["assumptions"] and (claim == "unstable" or status == "disproved"):
        return ("a motion that moves away, or a point, may not meet the assumptions, which are not "
                "read for a field")
    if statement["domain"] and claim in AT_A_POINT:
        try:
            point, box = algebra.equilibrium(statement), algebra.box(statement) or ()
        except Refused as error:
            return str(error)
        if not all(a < x < b for x, (a, b) in zip(point, box, strict=True)):
            return "the equilibrium is not inside the box"
    return ""
