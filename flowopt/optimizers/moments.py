"""Adam and its kin.

Their states are the averages m and v, and the bias corrections c = 1 − β₁ᵏ and d = 1 − β₂ᵏ, which
obey ċ = a (1 − c), ḋ = b (1 − d) with a = (1 − β₁)/lr, b = (1 − β₂)/lr and t = k lr. So a step is
one of Gauss–Seidel Euler exactly: the states first, then θ with the new states.
"""

from __future__ import annotations

from typing import Any

from flowopt import _check
from flowopt.optimizers.define import defined, pair, rate, small
from flowopt.optimizers.optimizer import Optimizer

_AVERAGES = {"m": "a*(g - m)", "v": "b*(g**2 - v)"}
_FIRST, _SECOND = {"c": "a*(1 - c)"}, {"d": "b*(1 - d)"}
_RATES = {"a": "(1 - beta1)/lr", "b": "(1 - beta2)/lr"}
_POSITIVE = ("a", "b")
_KINGMA = "D. P. Kingma, J. Ba, ICLR 2015, Algorithm "


def _hyper(lr: float, betas: Any, eps: float) -> dict[str, Any]:
    beta1, beta2 = pair(betas)
    return {"lr": rate("lr", lr), "beta1": beta1, "beta2": beta2, "eps": small("eps", eps)}


def adam(lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
         weight_decay: float = 0.0, eps_root: float = 0.0) -> Optimizer:
    """Return Adam: m⁺ = β₁ m + (1 − β₁) g, v⁺ = β₂ v + (1 − β₂) g², bias-corrected.

    θ⁺ = θ − lr (m⁺/c)/(√(v⁺/d + ε_root) + ε), c = 1 − β₁ᵏ, d = 1 − β₂ᵏ in step k = 1, 2, ….

    The flow: θ̇ = −(m/c)/(√(v/d) + ε), ṁ = a (g − m), v̇ = b (g² − v), ċ = a (1 − c),
    ḋ = b (1 − d); a = (1 − β₁)/lr, b = (1 − β₂)/lr, t = k lr. torch.optim.Adam has no ε_root;
    optax.adam has no weight decay. ε is Kingma & Ba's ε̂ in neither.
    Source: Kingma & Ba, ICLR 2015, Algorithm 1; the flow: Barakat & Bianchi, SIAM J. Optim. 31
    (2021) 244, Eq. (1.3).

    Parameters
    ----------
    lr : float, > 0
        The step.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    eps, eps_root, weight_decay : float, >= 0
        ε outside and ε_root inside the root; coupled L2 (see `adamw` for the decoupled one).

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.adam(lr=0.125, eps=0.0)
    >>> opt.run("x**2/2", [1.0], steps=2).x[-1].round(8)
    array([0.75071035])
    >>> opt.flow.rules["theta"].text
    '-(m/c)/(sqrt(v/d) + eps)'
    """
    hyper = _hyper(lr, betas, eps)
    inside = "v/d"
    if small("eps_root", eps_root):
        hyper["eps_root"], inside = eps_root, "v/d + eps_root"
    states = {**_AVERAGES, **_FIRST, **_SECOND}
    return defined("adam", {"theta": f"-(m/c)/(sqrt({inside}) + eps)", **states}, hyper, "lr",
                   maps=_RATES, groups=(tuple(states), ("theta",)), positive=_POSITIVE,
                   weight_decay=weight_decay, flow_name="Adam's flow", reference=_KINGMA + "1")


def adamw(lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
          weight_decay: float = 1e-2, eps_root: float = 0.0) -> Optimizer:
    """Return AdamW: Adam's step and decoupled decay, θ⁺ = (1 − lr λ) θ − lr (…).

    The flow has −λθ added to Adam's. torch.optim.AdamW (λ = 1e-2 by default) and optax.adamw
    (λ = 1e-4). Source: Loshchilov & Hutter, ICLR 2019, Algorithm 2.

    Parameters
    ----------
    lr, betas, eps, eps_root
        As for `adam`.
    weight_decay : float, >= 0
        λ.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.adamw(lr=0.125, eps=0.0, weight_decay=0.8)
    >>> opt.run("x**2/2", [1.0], steps=1).x[:, 0]
    array([1.   , 0.775])
    """
    hyper = {**_hyper(lr, betas, eps), "weight_decay": small("weight_decay", weight_decay)}
    inside = "v/d"
    if small("eps_root", eps_root):
        hyper["eps_root"], inside = eps_root, "v/d + eps_root"
    states = {**_AVERAGES, **_FIRST, **_SECOND}
    return defined("adamw", {"theta": f"-(m/c)/(sqrt({inside}) + eps) - weight_decay*theta",
                             **states}, hyper, "lr", maps=_RATES,
                   groups=(tuple(states), ("theta",)), positive=_POSITIVE,
                   flow_name="AdamW's flow", note="decoupled weight decay",
                   reference="I. Loshchilov, F. Hutter, ICLR 2019, Algorithm 2")


def amsgrad(lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
            weight_decay: float = 0.0, convention: str = "torch") -> Optimizer:
    """Return AMSGrad: Adam with the largest v so far, w⁺ = max(w, v⁺).

    ``convention="torch"``: torch.optim.Adam(amsgrad=True), which takes the largest v and corrects
    its bias after that. ``"optax"``: optax.amsgrad, which takes the largest of v/d.

    w follows the maximum in one step: its rate holds 1/h, and for lr → 0 it is the running maximum,
    which is no ordinary differential equation. Source: Reddi, Kale & Kumar, ICLR 2018.

    Parameters
    ----------
    lr, betas, eps, weight_decay
        As for `adam`.
    convention : {"torch", "optax"}
        See above.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.amsgrad(lr=0.125, eps=0.0)
    >>> opt.run("x**2/2", [1.0], steps=2).x[-1].round(8)
    array([0.75071035])
    """
    _check.choice("convention", convention, ("torch", "optax"))
    states = {**_AVERAGES, **_FIRST, **_SECOND}
    top, inside = ("v", "w/d") if convention == "torch" else ("v/d", "w")
    return defined("amsgrad", {"theta": f"-(m/c)/(sqrt({inside}) + eps)", **states,
                               "w": f"Max({top} - w, 0)/h"},
                   {**_hyper(lr, betas, eps), "convention": convention}, "lr", maps=_RATES,
                   groups=(tuple(states), ("w",), ("theta",)), positive=(*_POSITIVE, "h"),
                   weight_decay=weight_decay, flow_name="AMSGrad's flow",
                   note="the maximum of v (torch)" if convention == "torch" else
                   "the maximum of v/d (optax)", reference="S. J. Reddi et al., ICLR 2018")


def adamax(lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
           weight_decay: float = 0.0) -> Optimizer:
    """Return Adamax: u⁺ = max(β₂ u, |g| + ε), θ⁺ = θ − lr m⁺/(c u⁺).

    torch.optim.Adamax and optax.adamax (lr must be given there); in Kingma & Ba ε is absent. The
    rate of u holds 1/h, as that of w in `amsgrad`. Source: Kingma & Ba, ICLR 2015, Algorithm 2.

    Parameters
    ----------
    lr, betas, eps, weight_decay
        As for `adam`.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.adamax(lr=0.125, eps=0.0).run("x**2/2", [1.0], steps=1).x[:, 0]
    array([1.   , 0.875])
    """
    states = {"m": "a*(g - m)", **_FIRST, "u": "Max((abs(g) + eps - u)/h, -b*u)"}
    return defined("adamax", {"theta": "-m/(c*u)", **states}, _hyper(lr, betas, eps), "lr",
                   maps=_RATES, groups=(tuple(states), ("theta",)), positive=(*_POSITIVE, "h"),
                   weight_decay=weight_decay, flow_name="Adamax's flow", reference=_KINGMA + "2")


def nadam(lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
          weight_decay: float = 0.0, momentum_decay: float = 4e-3, convention: str = "torch"
          ) -> Optimizer:
    """Return NAdam, Adam with Nesterov's look-ahead in m.

    ``convention="torch"``: torch.optim.NAdam, μ_k = β₁ (1 − ½ 0.96^{ψk}), P_k = μ₁ … μ_k, and
    θ⁺ = θ − lr [(1 − μ_k) g/(1 − P_k) + μ_{k+1} m⁺/(1 − P_{k+1})]/(√(v⁺/d) + ε). The state P
    starts at 1 (torch keeps it in single precision unless its default dtype is double).

    ``"optax"``: optax.nadam,
    θ⁺ = θ − lr [β₁ m⁺/(1 − β₁^{k+1}) + (1 − β₁) g/(1 − β₁ᵏ)]/(√(v⁺/d) + ε),
    without ψ. Source: Dozat, ICLR 2016 workshop.

    Parameters
    ----------
    lr, betas, eps, weight_decay
        As for `adam`.
    momentum_decay : float, >= 0
        ψ, of torch's convention.
    convention : {"torch", "optax"}
        See above.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.nadam(lr=0.125, eps=0.0, convention="optax")
    >>> opt.run("x**2/2", [1.0], steps=1).x[-1].round(8)
    array([0.81578947])
    """
    _check.choice("convention", convention, ("torch", "optax"))
    hyper = {**_hyper(lr, betas, eps), "convention": convention}
    scale, initial, limits = "(sqrt(v/d) + eps)", {}, {}
    if convention == "torch":
        hyper["momentum_decay"] = small("momentum_decay", momentum_decay)
        states = {**_AVERAGES, **_SECOND}
        now, after = (f"(1 - a*h)*(1 - exp(-decay*(t + {k}))/2)" for k in ("h", "2*h"))
        states["P"] = f"({now} - 1)/h*P"
        rule = f"-((1 - {now})*g/(1 - P) + {after}*m/(1 - {after}*P))/{scale}"
        initial = {"P": "1"}
        limits = {"theta": f"-(exp(-decay*t)*g/2 + (1 - exp(-decay*t)/2)*m)/{scale}",
                  **_AVERAGES, **_SECOND}
    else:
        if momentum_decay != 4e-3:
            raise ValueError("momentum_decay has no effect with convention='optax'; leave it out")
        states = {**_AVERAGES, **_FIRST, **_SECOND}
        rule = f"-((1 - a*h)*m/(c + a*h*(1 - c)) + a*h*g/c)/{scale}"
    return defined("nadam", {"theta": rule, **states}, hyper, "lr",
                   maps={**_RATES, "decay": "-log(0.96)*momentum_decay/lr"},
                   groups=(tuple(states), ("theta",)), initial=initial, limits=limits,
                   positive=_POSITIVE, weight_decay=weight_decay, flow_name="NAdam's flow",
                   note=f"the convention of {convention}", reference="T. Dozat, ICLR 2016 workshop")


def radam(lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
          weight_decay: float = 0.0, convention: str = "torch") -> Optimizer:
    """Return RAdam, Adam with the step rectified while v rests on few gradients.

    ρ∞ = 2/(1 − β₂) − 1, ρ = ρ∞ − 2k β₂ᵏ/(1 − β₂ᵏ); where ρ > 5, θ⁺ = θ − lr r (m⁺/c)/(√(v⁺/d) + ε)
    with r² = (ρ − 4)(ρ − 2) ρ∞/((ρ∞ − 4)(ρ∞ − 2) ρ); before that, θ⁺ = θ − lr m⁺/c.

    ``convention="torch"``: torch.optim.RAdam, which adds ε before the bias of v is corrected:
    √d/(√v + ε). ``"optax"``: optax.radam, as above. Source: Liu et al., ICLR 2020, Algorithm 2.

    Parameters
    ----------
    lr, betas, eps, weight_decay
        As for `adam`, with β₂ > 0.6, so that ρ∞ > 4.
    convention : {"torch", "optax"}
        See above.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.optimizers.radam(lr=0.125).run("x**2/2", [1.0], steps=2).x[-1].round(8)
    array([0.75822368])
    """
    _check.choice("convention", convention, ("torch", "optax"))
    hyper = {**_hyper(lr, betas, eps), "convention": convention}
    if hyper["beta2"] <= 0.6:
        raise ValueError(f"betas[1] must be > 0.6 for RAdam, got {hyper['beta2']:g}")
    states = {**_AVERAGES, **_FIRST, **_SECOND}
    scale = "sqrt(d)/(sqrt(v) + eps)" if convention == "torch" else "1/(sqrt(v/d) + eps)"
    most = "(2/(b*h) - 1)"
    rho = f"({most} - 2*(t/h + 1)*(1 - d)/d)"
    compare = "<=" if convention == "torch" else "<"
    factor = f"sqrt(({rho} - 4)*({rho} - 2)*{most}/(({most} - 4)*({most} - 2)*{rho}))"
    rule = f"-(m/c)*Piecewise((1, {rho} {compare} 5), ({factor}*{scale}, True))"
    limits = {"theta": f"-(m/c)*sqrt(1 - b*t*(1 - d)/d)*{scale}", **states}
    return defined("radam", {"theta": rule, **states}, hyper, "lr",
                   maps=_RATES,
                   groups=(tuple(states), ("theta",)), limits=limits, positive=_POSITIVE,
                   weight_decay=weight_decay, flow_name="RAdam's flow",
                   note="eps before the correction of v's bias (torch)" if convention == "torch"
                   else "eps after the correction of v's bias (optax)",
                   reference="L. Liu et al., ICLR 2020, Algorithm 2")
