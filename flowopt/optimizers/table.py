"""The dictionary as a table, printed from the definitions of the optimizers themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flowopt import _check
from flowopt.integrators.composed import ComposedEuler
from flowopt.optimizers import adaptive, compose, first_order, jumping, moments, noisy
from flowopt.optimizers.optimizer import Optimizer

#: every optimizer of the dictionary, with the options that make another rule of it
CATALOGUE: tuple[Callable[[], Optimizer], ...] = (
    first_order.gradient_descent,
    partial(first_order.sgd, momentum=0.9),
    partial(first_order.sgd, momentum=0.9, nesterov=True),
    first_order.heavy_ball,
    partial(first_order.nesterov, mu=1.0),
    partial(first_order.nesterov, r=3.0),
    first_order.signsgd,
    first_order.signum,
    partial(first_order.lion, weight_decay=0.1),
    first_order.normalized_gd,
    first_order.polyak,
    partial(first_order.polyak, clip="norm"),
    first_order.newton,
    first_order.proximal_point,
    adaptive.adagrad,
    partial(adaptive.adagrad, eps=1e-7, initial_accumulator_value=0.1, eps_inside=True),
    adaptive.rmsprop,
    partial(adaptive.rmsprop, eps_inside=True),
    partial(adaptive.rmsprop, centered=True, momentum=0.9),
    adaptive.adadelta,
    moments.adam,
    moments.adamw,
    moments.amsgrad,
    partial(moments.amsgrad, convention="optax"),
    moments.adamax,
    moments.nadam,
    partial(moments.nadam, convention="optax"),
    moments.radam,
    partial(moments.radam, convention="optax"),
    lambda: compose.lookahead(first_order.gradient_descent()),
    noisy.sgld,
    noisy.annealing,
    jumping.metropolis,
)
SPLITTINGS = {"Euler": "explicit Euler", "ImplicitEuler": "implicit Euler",
              "EulerMaruyama": "Euler-Maruyama", "MetropolisStep": "one proposal in a step"}
_REDUCTIONS = {"dot": r"\langle {0}, {1} \rangle", "norm": r"\lVert {0} \rVert",
               "norm1": r"\lVert {0} \rVert_1", "maxabs": r"\lVert {0} \rVert_\infty",
               "unit": r"\frac{{{0}}}{{\lVert {0} \rVert}}"}
FORMATS = ("text", "markdown", "latex")


@dataclass(frozen=True)
class Row:
    """One line of the dictionary, made from an optimizer."""

    optimizer: Optimizer

    @property
    def title(self) -> str:
        """The name, with the options that are not numbers."""
        options = [key if value is True else f"{key}={value}"
                   for key, value in self.optimizer.hyper.items()
                   if value is True or (isinstance(value, str) and key != "temperature")]
        return self.optimizer.name + (f" ({', '.join(options)})" if options else "")

    @property
    def splitting(self) -> str:
        """What is updated together, and in which order."""
        method = self.optimizer.method
        if method.name in SPLITTINGS:
            return SPLITTINGS[method.name]
        groups = getattr(method, "groups", None) or ()
        made = [" and ".join(g) for g in groups]
        if isinstance(method, ComposedEuler):
            noise = [f"draw {d.state}" for d in method.draws if d.state]
            made = [*noise, *(made or ["explicit Euler"]),
                    *["thresholds of theta"] * (method.shrink is not None),
                    *["kicks of theta" for d in method.draws if not d.state]]
        return ", then ".join(made)

    @property
    def clock(self) -> str:
        """The time after k steps."""
        formula = self.optimizer.clock.formula
        whole = re.fullmatch(r"\w+(\*\*\d+)?|\w+\([^()]*(\([^()]*\))?[^()]*\)", formula)
        return f"t = k*{formula}" if whole else f"t = k*({formula})"

    @property
    def parameters(self) -> list[str]:
        """The parameters of the flow in terms of the hyper-parameters."""
        return [f"{name} = {formula}" for name, formula in self.optimizer.maps.items()
                if name != formula]

    @property
    def initial(self) -> list[str]:
        """The states that do not start at 0."""
        return [f"{name}(0) = {formula}" for name, formula in self.optimizer.initial.items()]

    @property
    def equations(self) -> list[str]:
        """The rules of θ and of the states."""
        rules = self.optimizer.flow.rules
        if not rules:  # a kernel has no text
            return [self.optimizer.flow.name]
        return [f"{name}' = {rule.text}" for name, rule in rules.items()]

    @property
    def latex(self) -> dict[str, str]:
        """LaTeX of the flow, the splitting, the clock, and what the parameters are."""
        flow = self.optimizer.flow
        lines = ([rf"\dot{{{_name(key)}}} &= {_tex(rule)}"
                  for key, rule in flow.abstract_rules().items()] if flow.rules else [])
        given = ", ".join(f"${_name(key)} = {_formula(formula)}$"
                          for key, formula in self.optimizer.maps.items() if key != formula)
        return {"flow": r"$\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}$" if lines
                else flow.name,
                "splitting": self.splitting.replace("theta", r"$\theta$"),
                "clock": rf"$t = k\,{_formula(self.optimizer.clock.formula)}$",
                "with": given}


def rows(names: Sequence[Any] = ()) -> list[Row]:
    """Return the lines of the dictionary, of all optimizers or of those named or given."""
    given = [Row(name) for name in names if isinstance(name, Optimizer)]
    if given:
        return [*given, *rows(rest)] if (rest := [n for n in names if not isinstance(
            n, Optimizer)]) else given
    made = [Row(make()) for make in CATALOGUE]
    known = list(dict.fromkeys(row.optimizer.name for row in made))
    for name in names:
        if name not in known:
            raise ValueError(f"there is no optimizer {name}; {_check.nearest(name, known)}")
    return [row for row in made if not names or row.optimizer.name in names]


def dictionary(format: str = "text", names: Sequence[str | Optimizer] = ()) -> str:
    """Return the table of optimizers, flows, splittings and clocks.

    Parameters
    ----------
    format : {"text", "markdown", "latex"}
        How it is written.
    names : sequence of str or Optimizer, optional
        Only these optimizers: names of the dictionary, or optimizers of one's own.

    Returns
    -------
    str

    Examples
    --------
    >>> import flowopt as fo
    >>> print(fo.optimizers.dictionary(names=["signum"]))
    signum
      flow       theta' = -sign(m)
                 m' = a*(g - m)
      splitting  m, then theta
      clock      t = k*lr
      with       a = (1 - momentum)/lr
      source     J. Bernstein et al., ICML 2018
    >>> sparse = fo.optimizers.signsgd(lr=0.1).with_l1(0.5, proximal=True)
    >>> print(fo.optimizers.dictionary(names=[sparse]))
    signsgd
      flow       theta' = -sign(g) - kappa*sign(theta)
      splitting  explicit Euler, then thresholds of theta
      clock      t = k*lr
      with       kappa = l1
      note       the proximal step of L1 after each step
      source     J. Bernstein et al., ICML 2018
    """
    _check.choice("format", format, FORMATS)
    wanted = rows(names)
    if format == "text":
        return "\n\n".join(map(_text, wanted))
    return (_markdown if format == "markdown" else _latex)(wanted)


def _text(row: Row) -> str:
    lines = [("flow", row.equations), ("splitting", [row.splitting]), ("clock", [row.clock]),
             ("with", row.parameters), ("start", row.initial), ("note", [row.optimizer.note]),
             ("source", [row.optimizer.reference])]
    made = [row.title]
    for title, entries in lines:
        for i, entry in enumerate(e for e in entries if e):
            made.append(f"  {title if i == 0 else '':<10} {entry}")
    return "\n".join(made)


def _markdown(wanted: list[Row]) -> str:
    made = ["| optimizer | flow | splitting | clock | with |", "|---|---|---|---|---|"]
    for row in wanted:
        flow, more = ("<br>".join(f"`{e}`" for e in entries)
                      for entries in (row.equations, row.parameters + row.initial))
        made.append(f"| {row.title} | {flow} | {row.splitting} | `{row.clock}` | {more} |")
    return "\n".join(made)


def _latex(wanted: list[Row]) -> str:
    made = [r"\begin{tabular}{lllll}", r"optimizer & flow & splitting & clock & with \\ \hline"]
    for row in wanted:
        made.append(" & ".join([row.title.replace("_", r"\_"), *row.latex.values()]) + r" \\")
    return "\n".join([*made, r"\end{tabular}"])


def _formula(text: str) -> str:
    import sympy

    from flowopt.symbolic.parse import parse

    parsed = parse(text, what="the formula")
    return _tex(parsed.to_sympy({n: sympy.Symbol(n, positive=True) for n in parsed.names}))


def _name(name: str) -> str:
    import sympy

    known = {"eps": r"\varepsilon", "lr": r"\eta", "weight_decay": r"\lambda", "minimum": "L^*"}
    split = re.fullmatch(r"([a-z]+?)_(.+)", name)
    if name in known or split:
        return known.get(name) or f"{split[1]}_{{\\mathrm{{{split[2]}}}}}"  # type: ignore[index]
    made = str(sympy.latex(sympy.Symbol(name)))
    return rf"\mathrm{{{name}}}" if made == name and len(name) > 1 else made


def _tex(expr: Any) -> str:
    """Return LaTeX with our names and reductions."""
    from sympy.printing.latex import LatexPrinter

    class Printer(LatexPrinter):
        def _print_Symbol(self, symbol: Any, style: str = "plain") -> str:
            return _name(str(symbol))

        def _print_Function(self, call: Any, exp: Any = None) -> str:
            form = _REDUCTIONS.get(call.func.__name__)
            if form is None:
                return str(super()._print_Function(call, exp))
            text = form.format(*map(self._print, call.args))
            return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    return str(Printer().doprint(expr))
