"""The modified equation: the field whose exact flow the steps of a method follow.

f̃ = f + h f₂ + h² f₃ + …: with the terms up to hᵏ, the steps of a method stay within O(hᵏ⁺¹) of
its solution over a fixed time (within O(hᵖ), if the order p of the method is larger).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from flowopt import _check
from flowopt.flows.field import VectorField
from flowopt.flows.flow import Flow, KernelFlow

#: powers of h beyond this one are not offered: the trees would be hundreds
MOST = 4


@dataclass(frozen=True)
class ModifiedEquation:
    """A modified field, term by term.

    Attributes
    ----------
    name : str
        The flow or field, and the method.
    order : int
        The highest power of the step that is kept.
    accuracy : int
        The distance of the steps to the modified flow over a fixed time is O(h^accuracy).
    terms : tuple of dict
        ``terms[k]["theta"]`` is the coefficient of hᵏ in θ̇ (and so for each state, or variable):
        a sympy expression. For a flow on any loss it is one coordinate of a vector, with
        ``D2L(u)`` = ∇²L u, ``D3L(u, v)`` = ∇³L(u, v, ·), …, dot, norm and norm1.
    series : tuple of (str, int, Fraction)
        The elementary differentials as LaTeX, the power of h and the coefficient.
    step : sympy.Symbol
        The symbol of the step.
    step_size : float or None
        Its value.
    source : Flow or VectorField
        What was discretised.
    parameters : dict
        The values of the other parameters.
    states : dict
        For a reduced equation: the states as functions of θ, by powers of the step.

    Examples
    --------
    >>> import flowopt as fo
    >>> made = fo.modified_equation(fo.flows.GradientFlow(), fo.Euler(h=0.1), order=2)
    >>> made.terms[1]["theta"], made.terms[2]["theta"]
    (-D2L(g)/2, -D2L(D2L(g))/3 - D3L(g, g)/12)
    >>> [(text, str(coefficient)) for text, _, coefficient in made.series]
    [('f', '1'), ("f'f", '-1/2'), ("f'f'f", '1/3'), ("f''(f,f)", '1/12')]
    """

    name: str
    order: int
    accuracy: int
    terms: tuple[Mapping[str, Any], ...]
    series: tuple[tuple[str, int, Fraction], ...]
    step: Any
    step_size: float | None
    source: Any
    parameters: Mapping[str, float] = field(default_factory=dict)
    states: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    _potential: Any = None

    @property
    def abstract(self) -> bool:
        """Whether it stands for every loss."""
        return isinstance(self.source, Flow)

    @cached_property
    def rules(self) -> dict[str, Any]:
        """The truncated right-hand side of each block, with the step as a symbol."""
        made = {}
        for key in self.terms[0]:
            made[key] = sum(self.step**k * term[key] for k, term in enumerate(self.terms))
        return made

    def on(self, loss: Any, h: float | None = None) -> VectorField:
        """Return the modified field on a loss, with the step as a parameter.

        Parameters
        ----------
        loss : Loss or str
            The loss, an expression.
        h : float, > 0, optional
            The step; by default that of the method.

        Examples
        --------
        >>> import flowopt as fo
        >>> made = fo.modified_equation(fo.flows.GradientFlow(), fo.Euler(h=0.1), order=1)
        >>> made.on("x**2/2")(0.0, [1.0])
        array([-1.05])
        """
        from flowopt.stability.backward.modified_field import on_loss

        if not self.abstract:
            raise ValueError(f"{self.name} is a field already, and no flow that is put on a loss; "
                             "use .field")
        return on_loss(self, loss, h)

    def settled(self, loss: Any, x0: Any, h: float | None = None) -> Any:
        """Return y0 (m,) of an optimizer whose states have settled at θ = x0 (n,).

        Only for a reduced equation: a run of the optimizer from there has no transient.

        Examples
        --------
        >>> import flowopt as fo
        >>> ball = fo.optimizers.sgd(lr=0.01, momentum=0.5)
        >>> fo.modified_equation(ball, order=0, reduced=True).settled("x**2/2", [1.0])
        array([ 1. , -0.2])
        """
        from flowopt.stability.backward.modified_field import settled

        return settled(self, loss, x0, h)

    @cached_property
    def field(self) -> VectorField:
        """The modified field, which `fo.integrate` takes; the step is one of its parameters."""
        from flowopt.stability.backward.modified_field import of_equations, on_loss

        if self.abstract:
            raise ValueError(f"{self.name} has no loss yet; use .on(loss), or give a field to "
                             "modified_equation")
        if getattr(self.source, "loss", None) is not None:
            return on_loss(self, self.source.loss, None)
        return of_equations(self, None)

    @cached_property
    def modified_loss(self) -> Any:
        """The loss L̃ with θ̇ = −∇L̃, or None where the modified field is no gradient.

        For a flow, an expression that holds for every loss; for a field, a `Loss` with the step
        as a parameter. `why_no_loss` says why there is none.
        """
        return self._loss_and_reason[0]

    @property
    def why_no_loss(self) -> str:
        """Why there is no modified loss; else empty."""
        return str(self._loss_and_reason[1])

    @cached_property
    def _loss_and_reason(self) -> tuple[Any, str]:
        from flowopt.stability.backward.modified_loss import potential

        return potential(self)

    def latex(self) -> str:
        r"""Return the equation as LaTeX.

        Examples
        --------
        >>> import flowopt as fo
        >>> print(fo.modified_equation(fo.flows.GradientFlow(), fo.Euler(h=0.1), order=1).latex())
        \begin{aligned}
        \dot{\theta} &= - g + h\left(- \frac{H g}{2}\right) + O(h^{2})
        \end{aligned}
        """
        from flowopt.stability.backward.jets import latex

        step = latex(self.step)
        lines = []
        for key in self.terms[0]:
            parts = []
            for k, term in enumerate(self.terms):
                if term[key] != 0:
                    power = "" if k == 0 else step if k == 1 else f"{step}^{{{k}}}"
                    text = latex(term[key])
                    parts.append(text if k == 0 else rf"{power}\left({text}\right)")
            right = " + ".join(parts) or "0"
            name = r"\theta" if key == "theta" and self._of_flow else key
            lines.append(rf"\dot{{{name}}} &= {right} + O({step}^{{{self.order + 1}}})")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    @property
    def _of_flow(self) -> bool:
        return self.abstract or getattr(self.source, "flow", None) is not None

    def __repr__(self) -> str:
        return f"<ModifiedEquation of {self.name}, up to {self.step}^{self.order}>"


def modified_equation(system: Any, method: Any = None, order: int = 1, *, reduced: bool = False
                      ) -> ModifiedEquation:
    r"""Return the modified equation of a method on a flow or field, or of an optimizer.

    f̃ = Σ_τ h^(|τ|−1) b(τ)/σ(τ) F(τ), over rooted trees, with exact rational b(τ). Explicit Euler:
    f − (h/2) f'f + h² (f''(f,f)/12 + f'f'f/3) + …; for gradient flow that is −∇(L + (h/4)‖∇L‖²)
    up to h.

    Parameters
    ----------
    system : Flow, VectorField or Optimizer
        A flow: the terms hold for every loss. A flow on a loss, or any smooth ODE. An optimizer:
        its flow with its splitting.
    method : Method, Tableau or `fo.stability.runge_kutta`
        Any Runge–Kutta method, `SequentialEuler` or `SymplecticEuler`; not for an optimizer.
    order : int, 0 to 4
        The highest power of the step that is kept.
    reduced : bool
        For an optimizer with memory (momentum, averages): the equation of θ alone, after the
        states have settled to what the motion of θ makes of them, with the learning rate as the
        step, t = k·lr, at fixed decays. `.states` are these values of the states.

    Returns
    -------
    ModifiedEquation

    Raises
    ------
    ValueError, TypeError
        For what has no expression or is not smooth, and for methods that are no Runge–Kutta
        methods.

    Notes
    -----
    Where a rule of an optimizer holds the step itself, it stays inside the terms. The equation is
    that of θ and the states, also where a run reports another point (Nesterov's iterates).

    References
    ----------
    Hairer, Lubich & Wanner, Geometric Numerical Integration (2006), IX.9.1. Reduced: Ghosh et al.,
    arXiv 2302.00849 (heavy ball); Cattaneo, Klusowski & Shigida, arXiv 2309.00079 (Adam).

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.modified_equation(fo.flows.GradientFlow(), fo.Euler(h=0.1), order=1).modified_loss
    L + h*dot(g, g)/4
    >>> ball = fo.optimizers.sgd(lr=0.1, momentum=0.9)
    >>> fo.modified_equation(ball, order=0, reduced=True).terms[0]["theta"]
    g/(momentum - 1)
    >>> field = fo.VectorField(["v", "-sin(q)"], ["q", "v"])
    >>> fo.modified_equation(field, fo.SymplecticEuler(h=0.1), order=1).terms[1]
    {'q': -sin(q)/2, 'v': v*cos(q)/2}
    """
    from flowopt.optimizers.optimizer import Optimizer

    order = _check.integer("order", order, at_least=0, at_most=MOST)
    reduced = _check.flag("reduced", reduced)
    if isinstance(system, Optimizer):
        if method is not None:
            raise ValueError(f"method has no effect for {system.name}, which has the splitting "
                             f"{system.method.name}; leave it out, or give the flow")
        if reduced:
            from flowopt.stability.backward.reduced import reduced_equation

            return reduced_equation(system, order)
        _refuse_noise(system)
        return _assembled(system.flow, system.method, order, of_step=True)
    if reduced:
        raise ValueError("reduced needs an optimizer, whose memory it removes, got "
                         f"{_check.shown(system)}; give fo.optimizers.sgd(...) or the like")
    if not isinstance(system, (Flow, VectorField)):
        raise TypeError("system must be a flow, a vector field or an optimizer, got "
                        f"{_check.shown(system)}; try fo.flows.GradientFlow()")
    if method is None:
        raise TypeError("method must be given for a flow or field, for example fo.Euler(h=0.1)")
    return _assembled(system, method, order)


def _refuse_noise(optimizer: Any) -> None:
    if optimizer.noisy:
        raise ValueError(f"{optimizer.name} draws random numbers, and its steps follow no "
                         "ordinary differential equation; take the noise out")


def _assembled(system: Any, method: Any, order: int, of_step: bool = False) -> ModifiedEquation:
    """Return the modified equation through the trees whose differentials are not 0.

    `of_step` says that a parameter h of the rule is the step of the method.
    """
    import sympy

    from flowopt.stability.backward import trees
    from flowopt.stability.backward.differentials import AbstractDifferentials, of_field
    from flowopt.stability.backward.schemes import scheme_of

    flow = system if isinstance(system, Flow) else system.flow
    if isinstance(flow, KernelFlow) or (system is not flow and system.is_kernel):
        raise ValueError(f"{system.name} is a kernel and has no expression; give its rule as text "
                         "for anything symbolic")
    if flow is not None:
        blocks = ["theta", *flow.states]
        scheme = scheme_of(method, blocks)
        differentials: Any = AbstractDifferentials(flow, scheme.groups)
    else:
        blocks = list(system.names)
        scheme = scheme_of(method, blocks, system)
        differentials = of_field(system, scheme.groups)
    series = scheme.series()
    levels = trees.grown(scheme.colours, order + 1, lambda tree: bool(differentials(tree)))
    symbol = {str(block): block for block in differentials.rules}
    names = ["f"] if scheme.colours == 1 else [f"f_{{{i + 1}}}" for i in range(scheme.colours)]
    terms: list[dict[str, Any]] = []
    found: list[tuple[str, int, Fraction]] = []
    for power, level in enumerate(levels):
        total = {key: sympy.S.Zero for key in blocks}
        for tree in level:
            value = series.modified(tree) / trees.symmetry(tree)
            if not value:
                continue
            found.append((trees.text(tree, names), power, value))
            for key in blocks:
                part = differentials(tree).get(symbol[key], 0)
                total[key] += sympy.Rational(value.numerator, value.denominator) * part
        terms.append({key: sympy.expand(e) if e.is_polynomial() else e
                      for key, e in total.items()})
    parameters = dict(system.parameters if flow is None else flow.parameters)
    step = flow.parameter_symbols().get("h") if of_step else None
    if of_step:
        parameters.pop("h", None)
    taken = {*system.parameters, *blocks, *([] if flow is system else system.names)}
    step = step or sympy.Symbol("h" if "h" not in taken else "h_step", positive=True)
    return ModifiedEquation(
        f"{system.name} by {scheme.name}", order, max(order + 1, scheme.order), tuple(terms),
        tuple(found), step, scheme.step, system, parameters, _potential=(series, flow))
