"""Optimizers without adaptive scaling: descent, momentum, signs, Polyak's step, Newton."""

from __future__ import annotations

from dataclasses import replace

from flowopt import _check
from flowopt.flows.catalogue import GradientFlow, NewtonFlow
from flowopt.integrators.methods import Euler
from flowopt.integrators.structured import ImplicitEuler
from flowopt.optimizers.define import defined, fraction, pair, rate, small
from flowopt.optimizers.optimizer import Clock, Optimizer


def gradient_descent(lr: float = 1e-3, weight_decay: float = 0.0, l1: float = 0.0) -> Optimizer:
    """Return gradient descent, θ⁺ = θ − lr g: explicit Euler of gradient flow, t = k lr.

    torch.optim.SGD(lr), optax.sgd(lr). With a loss of mini-batches it is stochastic gradient
    descent. Source: Cauchy, Comptes Rendus 25 (1847) 536.

    Parameters
    ----------
    lr : float, > 0
        The step.
    weight_decay, l1 : float, >= 0
        Penalties ½ weight_decay‖θ‖² and l1‖θ‖₁, whose gradients are added to g.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.gradient_descent(lr=0.25).run("x**2/2", [1.0], steps=2).x[:, 0]
    array([1.    , 0.75  , 0.5625])
    """
    return defined("gradient_descent", {"theta": "-g"}, {"lr": rate("lr", lr)}, "lr",
                   weight_decay=weight_decay, l1=l1, flow_name="gradient flow",
                   reference="A. Cauchy, Comptes Rendus 25 (1847) 536-538")


def sgd(lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Return gradient descent with momentum μ, in torch's convention.

    d = g + weight_decay θ;  b⁺ = μ b + (1 − dampening) d (in the first step b⁺ = d);
    θ⁺ = θ − lr b⁺, or θ − lr (d + μ b⁺) with ``nesterov``.

    The flow is the heavy ball θ̇ = v, v̇ = −γ v − g with v = −√lr b, γ = (1 − μ)/√lr and t = k √lr;
    the splitting is v first, then θ. This is torch.optim.SGD. optax.sgd(lr, momentum, nesterov)
    is the same with dampening = 0 and no weight decay. The *average* form m⁺ = β m + (1 − β) g is
    dampening = β, but for the first step. Source: Polyak (1964) Eq. (9); Sutskever et al. (2013).

    Parameters
    ----------
    lr : float, > 0
        The step.
    momentum, dampening : float in [0, 1)
        μ, and the part of a new gradient that is left out.
    weight_decay : float, >= 0
        Coupled L2.
    nesterov : bool
        Nesterov's form; see also `nesterov`.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.sgd(lr=0.1, momentum=0.5).run("x**2/2", [1.0], steps=3).x[:, 0]
    array([1.   , 0.9  , 0.76 , 0.614])
    """
    hyper = {"lr": rate("lr", lr), "momentum": fraction("momentum", momentum),
             "dampening": fraction("dampening", dampening)}
    nesterov = _check.flag("nesterov", nesterov)
    if momentum == 0.0:
        if dampening or nesterov:
            raise ValueError(f"{'nesterov' if nesterov else 'dampening'} has no effect without "
                             "momentum; give momentum > 0 or leave it out")
        return replace(gradient_descent(lr, weight_decay), name="sgd")
    if nesterov and dampening:
        raise ValueError(f"dampening must be 0 with nesterov, got {dampening:g}")
    force = "keep*g" if dampening else "g"
    rules = {"theta": "(1 - gamma*h)*v - h*g" if nesterov else "v", "v": f"-gamma*v - {force}"}
    return defined("sgd", rules, hyper | {"nesterov": nesterov}, "sqrt(lr)",
                   maps={"gamma": "(1 - momentum)/sqrt(lr)", "keep": "1 - dampening"},
                   groups=(("v",), ("theta",)), positive=("gamma",),
                   initial={"v": "-h*(1 - keep)/(1 - gamma*h)*g"} if dampening else {},
                   weight_decay=weight_decay, flow_name="heavy ball",
                   note="b⁺ = momentum b + (1 - dampening) g, as in torch and optax",
                   reference="B. T. Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1-17, Eq. (9)")


def heavy_ball(lr: float = 1e-3, momentum: float = 0.9, start: str = "rest",
               weight_decay: float = 0.0) -> Optimizer:
    """Return Polyak's heavy ball x⁺ = x − α g + β (x − x⁻) with the clock that makes it order 2.

    It is the central difference of ẍ + γ ẋ + g = 0 with the step δ, δ² = 2α/(1 + β), and
    γ = 2 (1 − β)/((1 + β) δ); the state v is (x − x⁻)/δ, the velocity half a step before. The same
    iterates as `sgd` with momentum, whose clock k √lr is of order 1.

    Source: Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1, Eq. (9).

    Parameters
    ----------
    lr, momentum : float
        α > 0, and β in [0, 1).
    start : {"rest", "centred"}
        "rest" is the published x⁻ = x at the start: its path is a first-order one, since the ball
        is at rest half a step too early. "centred" starts with v = δ g/2, and is of order 2.
    weight_decay : float, >= 0
        Coupled L2.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.heavy_ball(lr=0.1, momentum=0.5).run("x**2/2", [1.0], steps=3).x[:, 0]
    array([1.   , 0.9  , 0.76 , 0.614])
    """
    _check.choice("start", start, ("rest", "centred"))
    step = "sqrt(2*lr/(1 + momentum))"
    return defined("heavy_ball", {"theta": "v", "v": "-(gamma*v + g)/(1 + gamma*h/2)"},
                   {"lr": rate("lr", lr), "momentum": fraction("momentum", momentum),
                    "start": start}, step,
                   maps={"gamma": f"2*(1 - momentum)/((1 + momentum)*{step})"},
                   groups=(("v",), ("theta",)), weight_decay=weight_decay, positive=("gamma",),
                   initial={"v": "h*g/2"} if start == "centred" else {}, flow_name="heavy ball",
                   note="x⁺ = x - lr g + momentum (x - x⁻)",
                   reference="B. T. Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1-17, Eq. (9)")


def nesterov(lr: float = 1e-3, momentum: float | None = None, mu: float | None = None,
             r: float | None = None, form: str = "look-ahead") -> Optimizer:
    """Return Nesterov's accelerated gradient.

    x_{k+1} = y_k − s g(y_k),  y_{k+1} = x_{k+1} + β_{k+1} (x_{k+1} − x_k),  s = lr, with one of

    - ``momentum``: a fixed β;
    - ``mu``: β = (1 − √(μs))/(1 + √(μs)), for losses that are μ-strongly convex;
    - ``r`` (default 3): β_k = (k − 1)/(k + r − 1), for convex losses.

    θ is the point y at which gradients are taken, and v = (x⁺ − x)/√s; t = k √s. The limits for
    s → 0 are ẍ + γ ẋ + g = 0, ẍ + 2√μ ẋ + g = 0 and ẍ + (r/t) ẋ + g = 0. With ``momentum`` and
    ``form="torch"`` it is torch.optim.SGD(nesterov=True) and optax.sgd(nesterov=True).

    Source: Nesterov, Soviet Math. Dokl. 27 (1983) 372; Su, Boyd & Candès, JMLR 17 (2016) 153.

    Parameters
    ----------
    lr : float, > 0
        The step s.
    momentum, mu, r : float, optional
        One of the three schedules: β in [0, 1), μ > 0 with μ s <= 1, or r > 1.
    form : {"look-ahead", "torch"}
        What a run reports: the iterates x, or (as torch does) the points y.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.nesterov(lr=0.5, mu=0.5).run("x**2/2", [1.0], steps=2).x[:, 0].round(12)
    array([1.        , 0.5       , 0.16666667])
    """
    _check.choice("form", form, ("look-ahead", "torch"))
    given = [k for k, v in (("momentum", momentum), ("mu", mu), ("r", r)) if v is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} name two schedules; give one of momentum, mu, r")
    hyper: dict[str, object] = {"lr": rate("lr", lr), "form": form}
    if momentum is not None:
        hyper["momentum"] = fraction("momentum", momentum)
        maps, friction, now, new = ({"gamma": "(1 - momentum)/sqrt(lr)"}, "gamma",
                                    "(1 - gamma*h)", "(1 - gamma*h)")
    elif mu is not None:
        hyper["mu"] = rate("mu", mu)
        if mu * lr > 1.0:
            raise ValueError(f"mu must be at most 1/lr={1 / lr:g}, got {mu:g}")
        maps = {"root": "sqrt(mu)"}
        friction, now = "2*root/(1 + root*h)", "(1 - root*h)/(1 + root*h)"
        new = now
    else:
        hyper["r"] = _check.real("r", 3.0 if r is None else r, above=1.0)
        maps, friction = {}, "r/(t + (r - 1)*h)"
        now, new = "(t - h)/(t + (r - 1)*h)", "t/(t + r*h)"
    return defined("nesterov", {"theta": f"{new}*v - h*g", "v": f"-({friction})*v - g"}, hyper,
                   "sqrt(lr)", maps=maps, groups=(("v",), ("theta",)),
                   report=f"theta - h*{now}*v" if form == "look-ahead" else "",
                   positive=("gamma", "root", "r"), flow_name="Nesterov's flow",
                   note="x reports the iterates" if form == "look-ahead" else
                   "x reports the points of the gradients, as torch and optax do",
                   reference="Y. Nesterov, Soviet Math. Dokl. 27 (1983) 372-376")


def signsgd(lr: float = 1e-3) -> Optimizer:
    """Return sign descent, θ⁺ = θ − lr sign(g): explicit Euler of sign flow, t = k lr.

    optax.sign_sgd. It never settles: near a minimum it goes to and fro by lr.
    Source: Bernstein et al., ICML 2018.

    Parameters
    ----------
    lr : float, > 0
        The step of each coordinate.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.signsgd(lr=0.5).run("x**2/2", [1.2], steps=4).x[:, 0].round(6)
    array([ 1.2,  0.7,  0.2, -0.3,  0.2])
    """
    return defined("signsgd", {"theta": "-sign(g)"}, {"lr": rate("lr", lr)}, "lr",
                   flow_name="sign flow", reference="J. Bernstein et al., ICML 2018")


def signum(lr: float = 1e-3, momentum: float = 0.9) -> Optimizer:
    """Return Signum: m⁺ = β m + (1 − β) g, θ⁺ = θ − lr sign(m⁺); t = k lr, τ = lr/(1 − β).

    optax.signum; the same signs as with optax.trace(β) before optax.scale_by_sign (b = m/(1 − β)).
    Source: Bernstein et al., ICML 2018, Algorithm 2.

    Parameters
    ----------
    lr, momentum : float
        The step > 0, and β in [0, 1).

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.signum(lr=0.25, momentum=0.5).run("x**2/2", [1.0], steps=3).x[:, 0]
    array([1.  , 0.75, 0.5 , 0.25])
    """
    return defined("signum", {"theta": "-sign(m)", "m": "a*(g - m)"},
                   {"lr": rate("lr", lr), "momentum": fraction("momentum", momentum)}, "lr",
                   maps={"a": "(1 - momentum)/lr"}, groups=(("m",), ("theta",)), positive=("a",),
                   flow_name="sign flow of averages", reference="J. Bernstein et al., ICML 2018")


def lion(lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99),
         weight_decay: float = 0.0) -> Optimizer:
    """Return Lion: θ⁺ = θ − lr (sign(β₁ m + (1 − β₁) g) + λ θ), m⁺ = β₂ m + (1 − β₂) g.

    Both from the old values: explicit Euler of θ̇ = −sign(β₁ m + (1 − β₁) g) − λθ, ṁ = a (g − m),
    with a = (1 − β₂)/lr and t = k lr. optax.lion (whose weight_decay is 1e-3 by default; it is
    decoupled, as here). Source: Chen et al., arXiv 2302.06675, Algorithm 2.

    Parameters
    ----------
    lr : float, > 0
        The step of each coordinate.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    weight_decay : float, >= 0
        λ, decoupled.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.lion(lr=0.25).run("x**2/2", [1.0], steps=3).x[:, 0]
    array([1.  , 0.75, 0.5 , 0.25])
    """
    beta1, beta2 = pair(betas)
    decay = " - weight_decay*theta" if small("weight_decay", weight_decay) else ""
    return defined("lion", {"theta": f"-sign(beta1*m + (1 - beta1)*g){decay}", "m": "a*(g - m)"},
                   {"lr": rate("lr", lr), "beta1": beta1, "beta2": beta2,
                    "weight_decay": weight_decay}, "lr",
                   maps={"a": "(1 - beta2)/lr"}, positive=("a",), flow_name="Lion's flow",
                   note="decoupled weight decay", reference="X. Chen et al., arXiv:2302.06675")


def normalized_gd(lr: float = 1e-3) -> Optimizer:
    """Return normalised gradient descent, θ⁺ = θ − lr g/‖g‖: Euler of normalised flow, t = k lr.

    Source: Cortés, Automatica 42 (2006) 1993, Eq. (6a), for the flow.

    Parameters
    ----------
    lr : float, > 0
        The length of a step.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.normalized_gd(lr=1.0).run("x**2/2 + y**2/2", [3.0, 4.0], steps=1).x[-1]
    array([2.4, 3.2])
    """
    return defined("normalized_gd", {"theta": "-unit(g)"}, {"lr": rate("lr", lr)}, "lr",
                   flow_name="normalised flow",
                   reference="J. Cortes, Automatica 42 (2006) 1993-2000, Eq. (6a)")


def polyak(lr: float = 1.0, minimum: float = 0.0, max_learning_rate: float = 1.0,
           eps: float = 0.0, clip: str = "rate", variant: str = "sps") -> Optimizer:
    """Return Polyak's step: explicit Euler of the loss-normalised flow, t = k lr.

    ``clip="rate"``: θ⁺ = θ − lr min((L − L*)/(‖g‖² + ε), M) g, and no step where ‖g‖² + ε is at
    most 2⁻⁵². With lr = 1 this is optax.polyak_sgd(M, f_min=L*, eps=ε). With a ``scaling`` s optax
    divides by the norm of the scaled gradient, θ⁺ = θ − s min((L − L*)/(s²‖g‖² + ε), M) g: that is
    ``polyak(lr=1/s, max_learning_rate=s**2*M, eps=eps/s**2)`` here.

    ``clip="norm"``: θ⁺ = θ − lr (g/‖g‖) min(1/‖g‖, M) (L − L*), the two-minima example.

    Source: Polyak, Introduction to Optimization (1987), Eq. (5.3.8); Loizou et al., AISTATS 2021.

    Parameters
    ----------
    lr : float, > 0
        The step of the flow; 1 is Polyak's.
    minimum : float
        L*.
    max_learning_rate : float, > 0
        M.
    eps : float, >= 0
        ε; only with ``clip="rate"``.
    clip : {"rate", "norm"}
        What M bounds.
    variant : {"sps", "sps+"}
        "sps+" takes L − L* as 0 where it is negative.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.polyak(lr=1.0).run("x**2/2", [1.0], steps=2).x[:, 0]
    array([1.  , 0.5 , 0.25])
    """
    _check.choice("clip", clip, ("rate", "norm"))
    _check.choice("variant", variant, ("sps", "sps+"))
    hyper = {"lr": rate("lr", lr), "minimum": _check.real("minimum", minimum),
             "max_learning_rate": _check.real("max_learning_rate", max_learning_rate, above=0.0,
                                              finite=False), "eps": small("eps", eps),
             "clip": clip, "variant": variant}
    gap = "(L - minimum)" if variant == "sps" else "Max(L - minimum, 0)"
    if clip == "norm":
        if eps:
            raise ValueError("eps has no effect with clip='norm'; leave it out")
        del hyper["eps"]
        rule = f"-unit(g)*Min(1/norm(g), M)*{gap}"
    else:
        square = "dot(g, g) + eps" if eps else "dot(g, g)"
        rule = (f"-Piecewise((0, {square} <= tiny), (Min({gap}/({square}), M), True))*g")
    return defined("polyak", {"theta": rule}, hyper, "lr",
                   maps={"M": "max_learning_rate", "tiny": "2**(-52)"}, positive=("M",),
                   flow_name="loss-normalised flow",
                   note="optax's polyak_sgd" if clip == "rate" else "the two-minima example",
                   reference="B. T. Polyak, Introduction to Optimization (1987), Eq. (5.3.8)")


def newton(lr: float = 1.0, weight_decay: float = 0.0) -> Optimizer:
    """Return Newton's method, θ⁺ = θ − lr H⁻¹ g: explicit Euler of Newton's flow, t = k lr.

    With ``weight_decay`` w it is that for L + ½ w ‖θ‖², with H + w I and g + w θ.

    Source: Smale, J. Math. Econ. 3 (1976) 107, for the flow.

    Parameters
    ----------
    lr : float, > 0
        1 is Newton's method, less is the damped one.
    weight_decay : float, >= 0
        Coupled L2.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.newton().run("x**2 + 3*x*y + 5*y**2", [1.0, 2.0], steps=1).x[-1]
    array([0., 0.])
    """
    step, weight = rate("lr", lr), small("weight_decay", weight_decay)
    hyper = {"lr": step, **({"weight_decay": weight} if weight else {})}
    return Optimizer("newton", NewtonFlow(weight), Euler(step), Clock(step, "lr"), hyper,
                     {"weight_decay": "weight_decay"} if weight else {},
                     reference="S. Smale, J. Math. Econ. 3 (1976) 107-120")


def proximal_point(lr: float = 1e-3) -> Optimizer:
    """Return the proximal point method, θ⁺ = argmin L(z) + ‖z − θ‖²/(2 lr): implicit Euler.

    On gradient flow, t = k lr. Source: Rockafellar, SIAM J. Control Optim. 14 (1976) 877.

    Parameters
    ----------
    lr : float, > 0
        The step.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.proximal_point(lr=1.0).run("x**2/2", [1.0], steps=2).x[:, 0]
    array([1.  , 0.5 , 0.25])
    """
    step = rate("lr", lr)
    return Optimizer("proximal_point", GradientFlow(), ImplicitEuler(step), Clock(step, "lr"),
                     {"lr": step}, reference="R. T. Rockafellar, SIAM J. Control Optim. 14 (1976) "
                     "877-898")
