"""Optimizers that scale each coordinate by its squared gradients: Adagrad, RMSProp, Adadelta."""

from __future__ import annotations

from flowopt import _check
from flowopt.optimizers.define import defined, fraction, rate, small
from flowopt.optimizers.optimizer import Optimizer


def adagrad(lr: float = 0.01, lr_decay: float = 0.0, weight_decay: float = 0.0,
            initial_accumulator_value: float = 0.0, eps: float = 1e-10,
            eps_inside: bool = False) -> Optimizer:
    """Return Adagrad: S⁺ = S + g², θ⁺ = θ − lr g/(√S⁺ + ε).

    The flow is θ̇ = −g/(√V + ε'), V̇ = g² with V = lr² S, ε' = lr ε and t = k lr²; V first, then θ.

    torch.optim.Adagrad has ε outside the root, S = 0 at the start, and lr/(1 + k lr_decay) in step
    k = 0, 1, …. optax.adagrad has ε inside (``eps_inside=True``), ε = 1e-7 and S = 0.1 at the
    start. Source: Duchi, Hazan & Singer, JMLR 12 (2011) 2121.

    Parameters
    ----------
    lr : float, > 0
        The step.
    lr_decay, weight_decay, initial_accumulator_value, eps : float, >= 0
        As in torch.
    eps_inside : bool
        g/√(S + ε), as optax does.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.adagrad(lr=0.5, eps=0.0).run("x**2/2", [1.0], steps=2).x[:, 0].round(6)
    array([1.      , 0.5     , 0.276393])
    """
    hyper = {"lr": rate("lr", lr), "lr_decay": small("lr_decay", lr_decay),
             "initial_accumulator_value": small("initial_accumulator_value",
                                                initial_accumulator_value),
             "eps": small("eps", eps), "eps_inside": _check.flag("eps_inside", eps_inside)}
    root = "sqrt(V + e)" if eps_inside else "(sqrt(V) + e)"
    rule = f"-g/({root}*(1 + decay*t))" if lr_decay else f"-g/{root}"
    return defined("adagrad", {"theta": rule, "V": "g**2"}, hyper, "lr**2",
                   maps={"e": "lr**2*eps" if eps_inside else "lr*eps", "decay": "lr_decay/lr**2"},
                   groups=(("V",), ("theta",)), weight_decay=weight_decay,
                   initial={"V": "lr**2*initial_accumulator_value"}
                   if initial_accumulator_value else {},
                   flow_name="Adagrad's flow",
                   note="eps inside the root (optax)" if eps_inside else
                   "eps outside the root (torch)",
                   reference="J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011) 2121-2159")


def rmsprop(lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0,
            momentum: float = 0.0, centered: bool = False, eps_inside: bool = False,
            initial_scale: float = 0.0, bias_correction: bool = False) -> Optimizer:
    """Return RMSProp: v⁺ = α v + (1 − α) g², θ⁺ = θ − lr g/(√v⁺ + ε).

    The flow is θ̇ = −g/(√v + ε), v̇ = b (g² − v) with b = (1 − α)/lr, t = k lr; v first, then θ.
    ``centered`` takes v − m² for v, with the average m of g. With ``momentum`` μ the step is lr B,
    B⁺ = μ B + g/(√v⁺ + ε); the flow is θ̇ = −w, ẇ = a (g/(√v + ε) − w) with w = (1 − μ) B,
    a = (1 − μ)/h and b = (1 − α)/h at the clock t = k h, h = lr/(1 − μ).

    torch.optim.RMSprop has ε outside the root. optax.rmsprop (decay = α) has it inside
    (``eps_inside=True``), and options for the value of v at the start and bias correction.
    Source: Tieleman & Hinton, Coursera lecture 6.5 (2012); Graves, arXiv 1308.0850, Eq. (38)–(45).

    Parameters
    ----------
    lr : float, > 0
        The step.
    alpha, momentum : float in [0, 1)
        α and μ.
    eps, weight_decay, initial_scale : float, >= 0
        ε; coupled L2; v at the start.
    centered, eps_inside, bias_correction : bool
        See above; ``bias_correction`` divides v (and m) by 1 − αᵏ.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.rmsprop(lr=0.1, alpha=0.75, eps=0.0).run("x**2/2", [1.0], steps=1).x[:, 0]
    array([1. , 0.8])
    """
    hyper = {"lr": rate("lr", lr), "alpha": fraction("alpha", alpha), "eps": small("eps", eps),
             "momentum": fraction("momentum", momentum),
             "centered": _check.flag("centered", centered),
             "eps_inside": _check.flag("eps_inside", eps_inside),
             "initial_scale": small("initial_scale", initial_scale),
             "bias_correction": _check.flag("bias_correction", bias_correction)}
    rules = {"v": "b*(g**2 - v)"}
    square = "v/c" if bias_correction else "v"
    if centered:
        rules["m"] = "b*(g - m)"
        square += " - (m/c)**2" if bias_correction else " - m**2"
    if bias_correction:
        rules["c"] = "b*(1 - c)"
    groups = [tuple(rules)]
    scaled = f"g/sqrt({square} + eps)" if eps_inside else f"g/(sqrt({square}) + eps)"
    if momentum:
        rules["w"] = f"a*({scaled} - w)"
        groups.append(("w",))
    rules = {"theta": "-w" if momentum else f"-{scaled}"} | rules
    maps = {"b": "(1 - alpha)*(1 - momentum)/lr", "a": "(1 - momentum)**2/lr"} if momentum else \
        {"b": "(1 - alpha)/lr"}
    return defined("rmsprop", rules, hyper, "lr/(1 - momentum)" if momentum else "lr", maps=maps,
                   groups=(*groups, ("theta",)), positive=("a", "b"),
                   initial={"v": "initial_scale"} if initial_scale else {},
                   weight_decay=weight_decay, flow_name="RMSProp's flow",
                   note="eps inside the root (optax)" if eps_inside else
                   "eps outside the root (torch)",
                   reference="T. Tieleman, G. Hinton, Coursera lecture 6.5 (2012)")


def adadelta(lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
             ) -> Optimizer:
    """Return Adadelta: v⁺ = ρ v + (1 − ρ) g², Δ = √(u + ε)/√(v⁺ + ε) g, u⁺ = ρ u + (1 − ρ) Δ².

    θ⁺ = θ − lr Δ: u is the average of Δ², without lr. The flow is θ̇ = −Δ, v̇ = b (g² − v),
    u̇ = b (Δ² − u) with b = (1 − ρ)/lr, t = k lr; v first, then u and θ together.

    torch.optim.Adadelta and optax.adadelta (whose lr must be given; with weight_decay it adds
    decay to Δ, which is another thing). Source: Zeiler, arXiv 1212.5701, Algorithm 1.

    Parameters
    ----------
    lr : float, > 0
        The step; Zeiler's algorithm has 1.
    rho : float in [0, 1)
        ρ.
    eps, weight_decay : float, >= 0
        ε, inside both roots; coupled L2.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.adadelta(rho=0.75, eps=1.0).run("x**2", [0.5], steps=1).x[:, 0].round(6)
    array([ 0.5     , -0.394427])
    """
    hyper = {"lr": rate("lr", lr), "rho": fraction("rho", rho), "eps": small("eps", eps)}
    return defined("adadelta", {"theta": "-sqrt(u + eps)/sqrt(v + eps)*g", "v": "b*(g**2 - v)",
                                "u": "b*((u + eps)/(v + eps)*g**2 - u)"}, hyper, "lr",
                   maps={"b": "(1 - rho)/lr"}, groups=(("v",), ("u", "theta")), positive=("b",),
                   weight_decay=weight_decay, flow_name="Adadelta's flow",
                   note="eps inside the roots (torch and optax)",
                   reference="M. D. Zeiler, arXiv:1212.5701, Algorithm 1")
