"""StepLimit: the stable steps of an iteration, and how they are decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flowopt import _check
from flowopt.stability.algebra.schur import conditions as schur_conditions
from flowopt.stability.steps.decide import Decided, End, by_scale, by_signs, prepared
from flowopt.stability.steps.linearise import CURVATURE
from flowopt.stability.verdict import Verdict


@dataclass(frozen=True)
class StepLimit:
    """The steps for which an iteration on ½λx² is asymptotically stable.

    Attributes
    ----------
    subject : str
        The optimizer or flow, and the method.
    step : str
        The name of the step: ``lr`` for an optimizer with its own method, else ``h``.
    coefficients : tuple of sympy.Expr
        The characteristic polynomial of one step (or of one cycle) in ζ: polynomials, of ζⁿ first;
        roots ζ = 0 are left out. Empty for a rule without a derivative.
    limit : sympy.Expr or None
        The least upper bound of the first interval of stable steps, in closed form where it has
        one: ``oo`` when there is no limit, 0 when no step is stable, None when there is no closed
        form or it is not decided.
    intervals : tuple of (End, End), or None
        The stable steps as a union of open intervals; None when they are not decided.
    held : dict
        What the symbols stand for, where this is not their name.
    values : dict
        The numbers that the hyper-parameters have in the given optimizer.
    substituted : tuple of str
        Symbols whose numbers had to take their place in `limit`.
    domain : dict
        The range of each symbol.
    verdict : Verdict
        The claim, which can be checked again.
    notes : tuple of str
        What else there is to say.

    Examples
    --------
    >>> import flowopt as fo
    >>> found = fo.step_limit(fo.optimizers.sgd(lr=0.1, momentum=0.9))
    >>> found.limit
    2*(momentum + 1)/lam
    >>> found.at(lam=1).value, found.verdict.check()
    (3.8, True)
    """

    subject: str
    step: str
    coefficients: tuple[Any, ...]
    limit: Any
    intervals: tuple[tuple[End, End], ...] | None
    held: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    substituted: tuple[str, ...] = ()
    domain: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    notes: tuple[str, ...] = ()
    claim: Any = field(default=None, repr=False)
    argument: Decided | None = field(default=None, repr=False)

    @property
    def polynomial(self) -> Any:
        """The characteristic polynomial as an expression in ``zeta``."""
        import sympy

        zeta = sympy.Symbol("zeta")
        return sum((c * zeta**k for k, c in enumerate(reversed(self.coefficients))),
                   sympy.Integer(0))

    @property
    def conditions(self) -> tuple[Any, ...]:
        """What must be > 0: the iteration is asymptotically stable exactly where all are."""
        import sympy

        return tuple(sympy.factor(c) if len(sympy.Add.make_args(c)) < 60 else c
                     for c in map(sympy.expand, schur_conditions(self.coefficients)))

    @property
    def value(self) -> float | None:
        """The limit as a number: with the given hyper-parameters, and λ if it is a number.

        Where λ or the preconditioner P is a symbol, its factor is left out: 2 stands for 2/λ.
        """
        if self.intervals is None:
            return None
        if not self.intervals:
            return 0.0
        return _number(self.intervals[0][1], self.values)

    @property
    def stable(self) -> list[tuple[float, float]] | None:
        """The stable steps as pairs of numbers, in the units of `value`."""
        if self.intervals is None:
            return None
        made = [(_number(a, self.values), _number(b, self.values)) for a, b in self.intervals]
        return None if any(v is None for pair in made for v in pair) else made  # type: ignore

    @property
    def root(self) -> Any:
        """The limit as an algebraic number: its minimal polynomial and isolating interval."""
        return self.intervals[0][1].root if self.intervals else None

    def at(self, **numbers: Any) -> StepLimit:
        """Return it with numbers in place of symbols (λ is ``lam``), exactly.

        The hyper-parameters that are not named have the numbers of the given optimizer.

        Examples
        --------
        >>> import flowopt as fo
        >>> ball = fo.step_limit(fo.flows.HeavyBall(gamma=1.0), fo.RK4(h=0.1))
        >>> ball.limit is None, round(ball.at(lam=1).value, 6)
        (True, 2.622542)
        """
        return _at(self, numbers)

    def latex(self) -> str:
        r"""Return the stable steps in LaTeX.

        Examples
        --------
        >>> import flowopt as fo
        >>> print(fo.step_limit(fo.optimizers.gradient_descent()).latex())
        0 < \eta < \frac{2}{\lambda}
        """
        import sympy

        names = {"lam": r"\lambda", "lr": r"\eta", "momentum": r"\beta", "beta1": r"\beta_{1}",
                 "beta2": r"\beta_{2}", "slow_step_size": r"\alpha", "weight_decay": "w"}

        def tex(end: End) -> str:
            expr = end.expr
            if expr is None:
                expr = sympy.Float(float(end.root), 12) * end.scale  # type: ignore[arg-type]
            shown = {s: sympy.Symbol(names[str(s)]) for s in expr.free_symbols
                     if str(s) in names}
            return str(sympy.latex(expr.xreplace(shown)))

        step = names.get(self.step, self.step)
        if self.intervals is None:
            return str(r" \wedge ".join(f"{sympy.latex(c)} > 0" for c in self.conditions))
        if not self.intervals:
            return rf"{step} \in \emptyset"
        return r" \;\text{or}\; ".join(f"{tex(a)} < {step} < {tex(b)}"
                                       for a, b in self.intervals)

    def __repr__(self) -> str:
        if self.intervals is None:
            text = "not decided with symbols; give numbers with at(lam=...)"
        elif not self.intervals:
            text = "no step is stable"
        else:
            text = " or ".join(f"{_text(a)} < {self.step} < {_text(b)}"
                               for a, b in self.intervals)
        more = "".join(f"; {k} = {v}" for k, v in self.held.items())
        return f"<StepLimit of {self.subject}: {text}{more}>"


def _text(end: End) -> str:
    import sympy

    if end.expr is not None:
        return str(end.expr)
    number = sympy.Float(float(end.root), 12)  # type: ignore[arg-type]
    return str(number * end.scale)


def _number(end: End, values: Mapping[str, Any]) -> float | None:
    import sympy

    if end.root is not None:
        expr = sympy.sympify(end.scale) * float(end.root)
    else:
        expr = end.expr
    expr = expr.subs({s: values[str(s)] for s in expr.free_symbols if str(s) in values})
    expr = expr.subs(dict.fromkeys(expr.free_symbols, 1))
    return float(expr)


def settle(subject: str, step: str, coefficients: Sequence[Any], domain: Mapping[str, str],
           numbers: Mapping[str, Any], held: Mapping[str, str], notes: tuple[str, ...], lam: Any
           ) -> StepLimit:
    """Return the stable steps of a characteristic polynomial, by scale, by signs, by numbers."""
    import sympy

    u = sympy.Symbol(step, positive=True)
    curvature = sympy.Symbol(CURVATURE, positive=True)
    if lam is not None and not isinstance(lam, tuple):
        coefficients = [sympy.sympify(c).subs(curvature, lam) for c in coefficients]
    coefficients = prepared(coefficients, u, domain)
    used = {str(s) for c in coefficients for s in sympy.sympify(c).free_symbols}
    domain = {k: v for k, v in domain.items() if k in used}
    numbers = {k: v for k, v in numbers.items() if k in used}
    base = StepLimit(subject, step, tuple(coefficients), None, None, dict(held), numbers, (),
                     domain, None, notes)
    if isinstance(lam, tuple):
        return _interval(base, u, curvature, lam)
    return decided(base, u)


#: terms of the characteristic polynomial up to which conditions are looked at with symbols
MOST_TERMS = 60


def decided(base: StepLimit, u: Any) -> StepLimit:
    """Return `base` with its stable steps, where one of the arguments finds them."""
    import sympy

    found: Decided | None = by_scale(base.coefficients, u)
    terms = sum(len(sympy.Add.make_args(c)) for c in base.coefficients)
    if found is None and terms <= MOST_TERMS and all(
            len(str(n)) < 20 for c in base.coefficients for n in c.atoms(sympy.Rational)):
        found = by_signs([sympy.expand(c) for c in schur_conditions(base.coefficients)], u,
                         base.domain)
    if found is not None:
        return _with(base, found, ())
    exact = {s: base.values[str(s)] for c in base.coefficients for s in c.free_symbols
             if str(s) in base.values}
    if exact:
        found = by_scale([c.subs(exact) for c in base.coefficients], u)
        if found is not None:
            return _with(base, found, tuple(sorted(map(str, exact))))
    return base


def _with(base: StepLimit, found: Decided, substituted: tuple[str, ...]) -> StepLimit:
    import sympy

    limit = sympy.Integer(0) if not found.intervals else found.intervals[0][1].expr
    return replace(base, limit=limit, intervals=found.intervals, substituted=substituted,
                   argument=found)


def _interval(base: StepLimit, u: Any, curvature: Any, lam: tuple[Any, Any]) -> StepLimit:
    """Return the steps that are stable for every λ of [μ, ℓ]."""
    import sympy

    from flowopt.stability.algebra.domain import sign_on
    from flowopt.stability.steps.decide import _end
    from flowopt.stability.steps.over_interval import holds_for_all

    conditions = [sympy.expand(c) for c in schur_conditions(base.coefficients)]
    found = by_signs(conditions, u, base.domain)
    if found is not None and len(found.intervals) == 1:
        ends = found.intervals[0][1].expr
        parts = ends.args if isinstance(ends, sympy.Min) else (ends,)
        slopes = [sympy.fraction(sympy.together(sympy.diff(e, curvature))) for e in parts]
        if ends == sympy.oo:
            return _with(base, found, ())
        if all(n.is_polynomial() and d.is_polynomial()
               and (n == 0 or (sign_on(n, base.domain) or 0) * (sign_on(d, base.domain) or 0) < 0)
               for n, d in slopes):  # falls with λ: the largest λ decides
            limit = ends.subs(curvature, lam[1])
            return _with(base, Decided(((End(sympy.Integer(0)), End(limit)),), "signs",
                                       found.binding), ())
    exact = {s: base.values[str(s)] for c in conditions for s in c.free_symbols
             if str(s) in base.values}
    polys = [sympy.expand(c.subs(exact)) for c in conditions]
    if {s for p in polys for s in p.free_symbols} - {u, curvature}:
        return base
    pairs = holds_for_all(polys, u, curvature, *lam)
    made = tuple((_end(a, sympy.Integer(1), 0), _end(b, sympy.Integer(1), None)) for a, b in pairs)
    return _with(base, Decided(made, "interval"), tuple(sorted(map(str, exact))))


def _at(found: StepLimit, given: Mapping[str, Any]) -> StepLimit:
    import sympy

    from flowopt.stability.exact import rational

    if found.claim is None:
        raise ValueError("at takes numbers for the symbols of a limit, and there is none here: "
                         + getattr(found.verdict, "reason", ""))
    known = set(found.domain)
    numbers = {}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"at takes {', '.join(sorted(known)) or 'nothing'}, the symbols of "
                             f"this limit, got {name}")
        number = rational(_check.real(name, value) if not hasattr(value, "free_symbols")
                          and not isinstance(value, str) else value)
        if number <= 0 and (number < 0 or found.domain[name] != "unit"):
            raise ValueError(f"{name} must be > 0, got {value}")
        numbers[name] = number
    exact = {s: {**found.values, **numbers}[str(s)]
             for c in found.coefficients for s in c.free_symbols
             if str(s) in found.values or str(s) in numbers}
    u = sympy.Symbol(found.step, positive=True)
    cut = tuple(sympy.expand(c.subs(exact)) for c in found.coefficients)
    domain = {k: v for k, v in found.domain.items()
              if any(str(s) == k for c in cut for s in c.free_symbols)}
    made = decided(replace(found, coefficients=cut, domain=domain, values={}, substituted=(),
                           limit=None, intervals=None, verdict=None, argument=None), u)
    from flowopt.stability.steps.certify import certified_numbers

    return certified_numbers(made, found, exact)
