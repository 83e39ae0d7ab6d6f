"""The flows of the essay, as data: each is one rule and its source.

With L* the least loss, and g = ∇L, along each flow dL/dt = ⟨g, θ̇⟩ is known:

    gradient flow −‖g‖²;  sign flow −‖g‖₁;  normalised flow −‖g‖;
    loss-normalised flow −(L − L*) wherever the clip does not act.
"""

from __future__ import annotations

from flowopt import _check
from flowopt.flows.flow import Flow, KernelFlow


def GradientFlow() -> Flow:
    """Return gradient flow, θ̇ = −∇L.

    dL/dt = −‖∇L‖². Source: Cauchy, Comptes Rendus 25 (1847) 536.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.flows.GradientFlow().on(fo.Loss("x**2"))(0.0, [3.0])
    array([-6.])
    """
    return Flow("-g", name="gradient flow",
                reference="A. Cauchy, Comptes Rendus 25 (1847) 536-538")


def SignFlow() -> Flow:
    """Return sign flow, θ̇ = −sign(∇L), coordinate by coordinate.

    dL/dt = −‖∇L‖₁; the field jumps where a coordinate of the gradient is zero, and the motion
    is that of Filippov. Source: Cortés, Automatica 42 (2006) 1993, Eq. (6b).

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.flows.SignFlow().on(fo.Loss("x**2 - 4*y"))(0.0, [3.0, 1.0])
    array([-1.,  1.])
    """
    return Flow("-sign(g)", name="sign flow",
                reference="J. Cortes, Automatica 42 (2006) 1993-2000, Eq. (6b)")


def NormalizedFlow() -> Flow:
    """Return normalised flow, θ̇ = −∇L/‖∇L‖ (0 where ∇L = 0).

    dL/dt = −‖∇L‖. Source: Cortés, Automatica 42 (2006) 1993, Eq. (6a).

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.flows.NormalizedFlow().on(fo.Loss("x**2/2 + y**2/2"))(0.0, [3.0, 4.0])
    array([-0.6, -0.8])
    """
    return Flow("-unit(g)", name="normalised flow",
                reference="J. Cortes, Automatica 42 (2006) 1993-2000, Eq. (6a)")


def LossNormalizedFlow(M: float = 1000.0, minimum: float = 0.0, clip: str = "norm") -> Flow:
    """Return the loss-normalised flow with clipping M.

    ``clip="norm"``: θ̇ = −(g/‖g‖) min(1/‖g‖, M) (L − L*), the essay's form.
    ``clip="rate"``: θ̇ = −min((L − L*)/‖g‖², M) g, the form of optax's ``polyak_sgd``.

    Where the clip does not act, dL/dt = −(L − L*), so L − L* = (L₀ − L*) e^{−t} whatever the
    landscape; at a critical point with L > L* the unclipped field is infinite.

    Parameters
    ----------
    M : float, > 0
        The clip: on 1/‖g‖ ("norm") or on the rate (L − L*)/‖g‖² ("rate").
    minimum : float
        L*, the least value of the loss (0 in the essay).
    clip : {"norm", "rate"}
        Which of the two forms.

    Examples
    --------
    >>> import flowopt as fo
    >>> flow = fo.flows.LossNormalizedFlow(M=1000.0)
    >>> flow.on(fo.losses.two_minima())(0.0, [4.0])
    array([-0.43944387])
    """
    _check.real("M", M, above=0.0, finite=False)
    _check.real("minimum", minimum)
    _check.choice("clip", clip, ("norm", "rate"))
    rule = ("-unit(g)*Min(1/norm(g), M)*(L - minimum)" if clip == "norm"
            else "-Min((L - minimum)/dot(g, g), M)*g")
    return Flow(rule, parameters={"M": M, "minimum": minimum}, positive=("M",),
                name="loss-normalised flow",
                reference="the essay on optimization seen from dynamics"
                if clip == "norm" else "optax.polyak_sgd; Loizou et al., AISTATS 2021")


def HeavyBall(gamma: float = 1.0) -> Flow:
    """Return the heavy ball with friction, θ̇ = v, v̇ = −γ v − ∇L.

    d/dt (½‖v‖² + L) = −γ‖v‖². The state is v, at rest by default.
    Source: Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1, Eq. (9).

    Parameters
    ----------
    gamma : float, >= 0
        The friction γ, in 1/time.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.flows.HeavyBall(gamma=0.5).on(fo.Loss("x**2/2"))(0.0, [1.0, 2.0])
    array([ 2., -2.])
    """
    _check.real("gamma", gamma, at_least=0.0)
    return Flow({"theta": "v", "v": "-gamma*v - g"}, parameters={"gamma": gamma},
                name="heavy ball", reference="B. T. Polyak, USSR Comput. Math. Math. Phys. 4 "
                "(1964) 1-17, Eq. (9)")


def NewtonFlow(weight_decay: float = 0.0) -> Flow:
    """Return Newton's flow, θ̇ = −(∇²L)⁻¹ ∇L, along which g(t) = g₀ e^{−t}.

    With ``weight_decay`` w it is that of L + ½ w ‖θ‖²: −(∇²L + w)⁻¹ (∇L + w θ).

    Where the Hessian is singular the field is not a number and a run ends as DIVERGED.
    Source: Smale, J. Math. Econ. 3 (1976) 107.

    Parameters
    ----------
    weight_decay : float, >= 0
        w.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.flows.NewtonFlow().on(fo.Loss("x**2 + 5*y**2 + x*y"))(0.0, [1.0, 2.0])
    array([-1., -2.])
    """
    from flowopt.flows.newton import newton_rule, penalised_rule

    weight_decay = _check.real("weight_decay", weight_decay, at_least=0.0)
    if weight_decay:
        return KernelFlow(penalised_rule, hessian=True, name="Newton flow",
                          parameters={"weight_decay": weight_decay},
                          reference="S. Smale, J. Math. Econ. 3 (1976) 107-120")
    return KernelFlow(newton_rule, hessian=True, name="Newton flow",
                      reference="S. Smale, J. Math. Econ. 3 (1976) 107-120")
