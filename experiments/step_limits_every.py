"""Every optimizer of the dictionary that has a stable step: its exact limit, and where it diverges.

On x**2/2 near 0 the adaptive optimizers are momentum with a preconditioner P, which tends to eps
(sqrt(eps) for Adadelta's quotient): with eps = 1 the limit stands in the units of the others. They
start at 1e-100, so that the squares in their averages stay below rounding until a growth has been
seen. RAdam takes beta2 = 0.9, whose rectification ends after some tens of steps; NAdam is optax's,
whose momentum is constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import flowopt as fo
from flowopt.quoting import Number, decimal, formula
from flowopt.reporting import Table

o = fo.optimizers

#: each optimizer by its step and its momentum
EVERY: dict[str, Callable[[float, float], Any]] = {
    "gradient descent": lambda lr, beta: o.gradient_descent(lr),
    "heavy ball": lambda lr, beta: o.sgd(lr=lr, momentum=beta),
    "Nesterov": lambda lr, beta: o.sgd(lr=lr, momentum=beta, nesterov=True),
    "average (EMA)": lambda lr, beta: o.sgd(lr=lr, momentum=beta, dampening=beta),
    "Newton": lambda lr, beta: o.newton(lr),
    "Polyak step": lambda lr, beta: o.polyak(lr),
    "lookahead, k = 5": lambda lr, beta: o.lookahead(o.sgd(lr=lr), sync_period=5,
                                                     slow_step_size=0.5),
    "Adagrad": lambda lr, beta: o.adagrad(lr, eps=1.0),
    "RMSprop, momentum": lambda lr, beta: o.rmsprop(lr, alpha=0.99, eps=1.0, momentum=beta),
    "Adadelta": lambda lr, beta: o.adadelta(lr, rho=0.9, eps=1.0),
    "Adam": lambda lr, beta: o.adam(lr, betas=(beta, 0.999), eps=1.0),
    "AdamW, decay 0.1": lambda lr, beta: o.adamw(lr, betas=(beta, 0.999), eps=1.0,
                                                 weight_decay=0.1),
    "AMSGrad": lambda lr, beta: o.amsgrad(lr, betas=(beta, 0.999), eps=1.0),
    "Adamax": lambda lr, beta: o.adamax(lr, betas=(beta, 0.999), eps=1.0),
    "NAdam": lambda lr, beta: o.nadam(lr, betas=(beta, 0.999), eps=1.0, convention="optax"),
    "RAdam": lambda lr, beta: o.radam(lr, betas=(beta, 0.9), eps=1.0),
}
#: those that no step makes stable: their maps never rest
NEVER: dict[str, Callable[[float], Any]] = {
    "sign descent": lambda lr: o.signsgd(lr),
    "Signum": lambda lr: o.signum(lr),
    "Lion": lambda lr: o.lion(lr),
    "normalised descent": lambda lr: o.normalized_gd(lr),
}
START = 1e-100
GROWN = 1e40  # far beyond what a transient reaches, far below where the averages matter


def diverges(x: np.ndarray) -> bool:
    """Whether |x| grows: beyond any transient, or late in the run against its middle."""
    size = np.abs(x)
    if not np.isfinite(size).all() or size.max() > GROWN * size[0]:
        return True
    part = len(x) // 5
    return bool(size[-part:].max() > size[2 * part:3 * part].max())


def bisected(exact: float, halvings: int, moves: Callable[[float], np.ndarray]) -> float:
    """The step between growth and decay, sought from about half to twice the exact limit."""
    low, high = 0.53 * exact, 1.91 * exact
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (low, middle) if diverges(moves(middle)) else (middle, high)
    return (low + high) / 2


def limit_of(name: str, beta: float, steps: int, halvings: int) -> dict[str, Any]:
    """The exact limit of one optimizer, symbolic and at one momentum, and the measured one."""
    make = EVERY[name]
    found = fo.step_limit(make(0.1, beta))
    exact = (found.at(lam=1) if "lam" in str(found.limit) and found.coefficients
             else found).value
    start = 1.0 if name == "Polyak step" else START  # its rule stops where g**2 < 2**-52
    measured = bisected(exact, halvings, lambda lr: make(lr, beta).run(
        "x**2/2", [start], steps=steps).x[:, 0])
    return {"text": str(found.limit), "tex": bound_tex(found.limit), "exact": float(exact),
            "measured": measured,
            "proved": bool(found.verdict.proved and found.verdict.check())}


def never_of(name: str) -> dict[str, Any]:
    """That no step is stable, and how far from 0 a run of small steps ends, in steps."""
    found = fo.step_limit(NEVER[name](0.1))
    lr = 1e-3
    x = NEVER[name](lr).run("x**2/2", [0.7501234], steps=4000).x[-200:, 0]
    return {"proved": bool(found.verdict.proved and found.verdict.check()),
            "empty": found.stable == [], "swing": float(np.ptp(x) / lr)}


def table(every: dict[str, Any], never: dict[str, Any]) -> Table:
    """The limits as text: exact and measured."""
    rows = [(name, of["text"], of["exact"], of["measured"]) for name, of in every.items()]
    rows += [(name, "no step", None, None) for name in never]
    return Table("Every optimizer: the limit of lr, and its value where lam = P = 1",
                 ("optimizer", "lr <", "exact", "measured"), rows)


def bound_tex(limit: Any) -> str:
    """A limit in TeX on one line: numerator/(denominator), with the names of the text."""
    import sympy

    names = {"lam": r"\lambda", "momentum": r"\beta", "dampening": r"\beta", "beta1": r"\beta",
             "slow_step_size": r"\alpha", "weight_decay": "w", "max_learning_rate": r"\eta_{\max}"}
    shown = {s: sympy.Symbol(names[str(s)]) for s in limit.free_symbols if str(s) in names}
    limit = limit.xreplace(shown)
    if isinstance(limit, sympy.Max):
        return rf"\max({', '.join(bound_tex(one) for one in limit.args)})"
    over, under = sympy.fraction(sympy.together(limit))
    over = sympy.factor(over)
    if under == 1:
        return str(sympy.latex(over))
    top, bottom = (rf"({sympy.latex(part)})" if part.is_Add or part is under and not part.is_Symbol
                   else sympy.latex(part) for part in (over, under))
    return rf"{top}\,/\,{bottom}".replace(r"\left", "").replace(r"\right", "")


def paper_table(every: dict[str, Any], never: dict[str, Any]) -> Table:
    """The same for print; optimizers of one limit share a row."""
    rows: list[tuple[Any, ...]] = []
    shared: dict[tuple[str, float], list[str]] = {}
    for name, of in every.items():
        shared.setdefault((of["tex"], of["exact"]), []).append(name)
    for (bound, exact), names in shared.items():
        farthest = max((every[name]["measured"] for name in names), key=lambda m: abs(m - exact))
        rows.append((", ".join(names), formula(bound, every[names[0]]["text"]), decimal(exact, 4),
                     decimal(farthest, 4)))
    nothing = Number("", "--", "-")
    rows.append((", ".join(never), Number("none", "none", "none"), nothing, nothing))
    return Table("Every optimizer", ("optimizers", "largest stable step", "value", "measured"),
                 rows)
