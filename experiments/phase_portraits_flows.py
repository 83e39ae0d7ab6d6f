"""The flows and landscapes of phase-portraits, and Newton's field as expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flowopt as fo

#: a double well whose valley y = x/2 is oblique, so that sign flow slides along it: minima of
#: value 0 at ±(1, 1/2) and a saddle of value 1/4 at 0
OBLIQUE_WELL = "(x**2 - 1)**2/4 + (y - x/2)**2/2"
TEXTS = {"himmelblau": "(x**2 + y - 11)**2 + (x + y**2 - 7)**2", "double-well": OBLIQUE_WELL,
         "saddle": "(x**2 - y**2)/2"}
LANDSCAPES: dict[str, Callable[[], Any]] = {
    "himmelblau": fo.losses.himmelblau,
    "double-well": lambda: fo.Loss(OBLIQUE_WELL, variables=("x", "y"), minimum=0.0,
                                   name="oblique double well"),
    "saddle": fo.losses.saddle}
#: half the side of the square that is drawn
SIDE = {"himmelblau": 6.0, "double-well": 2.0, "saddle": 2.0}
#: minima, saddles and maxima: Himmelblau's are well known, the others are done by hand
KINDS = {"himmelblau": {"minimum": 4, "saddle": 4, "maximum": 1},
         "double-well": {"minimum": 2, "saddle": 1, "maximum": 0},
         "saddle": {"minimum": 0, "saddle": 1, "maximum": 0}}

FLOWS: dict[str, Callable[[], Any]] = {
    "gradient": fo.flows.GradientFlow,
    "normalised": fo.flows.NormalizedFlow,
    "rescaled": lambda: fo.Flow(
        "-g/sqrt(norm(g))", name="rescaled flow, q = 3",
        reference="O. Romero & M. Benosman, ICML 2020"),
    "fixed-time": lambda: fo.Flow(
        "-g/sqrt(norm(g)) - sqrt(norm(g))*g", name="fixed-time flow, p = 3 and 3/2",
        reference="K. Garg & D. Panagou, IEEE Trans. Autom. Control 66 (2021) 2002"),
    "loss-normalised": lambda: fo.flows.LossNormalizedFlow(M=1000.0),
    "sign": fo.flows.SignFlow}
#: those that go along −g, each with a clock of its own
ALONG = ("gradient", "normalised", "rescaled", "fixed-time", "loss-normalised")


def expressions(loss: Any) -> tuple[Any, list[Any], list[Any], Any]:
    """x and y, g, −adj(H) g and det H as expressions."""
    import sympy

    L, variables = loss._real[0], loss._real[1]
    g = sympy.Matrix([L.diff(v) for v in variables])
    H = sympy.hessian(L, variables)
    return (list(variables), list(g), [sympy.expand(v) for v in -H.adjugate() * g],
            sympy.expand(H.det()))


def newton(loss: Any) -> Any:
    """Newton's flow −H⁻¹ g as a rational field, for exact equilibria."""
    variables, _, parts, det = expressions(loss)
    return fo.VectorField([p / det for p in parts], variables, name="Newton flow")


def branin(loss: Any, side: int) -> Any:
    """Newton's orbits where det H has the given sign, in a clock without poles.

    θ' = −side adj(H) g/√(1 + ‖adj(H) g‖²): Branin's way round the division by det H (IBM J. Res.
    Dev. 16, 1972). Where side det H > 0 it moves as Newton's flow does, and ends where that ends.
    """
    import sympy

    variables, _, parts, _ = expressions(loss)
    size = sympy.sqrt(1 + sympy.expand(sum(p**2 for p in parts)))
    return fo.VectorField([side * p / size for p in parts], variables, name="Newton flow")
