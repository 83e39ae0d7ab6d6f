"""Optimizers with noise: stochastic gradient Langevin dynamics and annealing."""

from __future__ import annotations

from typing import Any

from flowopt.flows.catalogue import GradientFlow
from flowopt.integrators.stochastic import EulerMaruyama
from flowopt.optimizers.define import rate
from flowopt.optimizers.optimizer import Clock, Optimizer
from flowopt.optimizers.schedules import Schedule, cooled


def sgld(lr: float = 1e-3, temperature: float = 1.0) -> Optimizer:
    """Return Langevin dynamics, θ⁺ = θ − lr g + √(2 lr T) N(0, 1): Euler–Maruyama, t = k lr.

    The law tends to exp(−L/T) up to the step's bias. Welling & Teh's ε is 2 lr, and T = 1 with L
    the negative log posterior. Source: Welling & Teh, ICML 2011, Eq. (4).

    Parameters
    ----------
    lr : float, > 0
        The step.
    temperature : float, >= 0
        T, in units of the loss.

    Examples
    --------
    >>> import flowopt as fo
    >>> run = fo.optimizers.sgld(lr=0.01, temperature=0.1).run("x**2/2", [1.0], steps=100, seed=1)
    >>> run.status.name, run.seed
    ('REACHED_END', 1)
    """
    step = rate("lr", lr)
    return Optimizer("sgld", GradientFlow(), EulerMaruyama(step, temperature=temperature),
                     Clock(step, "lr"), {"lr": step, "temperature": temperature},
                     note="dθ = −∇L dt + √(2T) dW",
                     reference="M. Welling, Y. W. Teh, ICML 2011, Eq. (4)")


def annealing(lr: float = 1e-3, temperature: Any = "1/log(t + 2)",
              cooling: Schedule | None = None) -> Optimizer:
    """Return simulated annealing in continuous time: Langevin dynamics with a falling temperature.

    dθ = −∇L dt + √(2 T(t)) dW with T = c/log(t + 2) ends at a global minimum if and only if c is
    at least the depth of the deepest other well (Hajek). Euler–Maruyama, t = k lr.

    Source: Geman & Hwang, SIAM J. Control Optim. 24 (1986) 1031; Hajek, Math. Oper. Res. 13 (1988)
    311.

    Parameters
    ----------
    lr : float, > 0
        The step.
    temperature : float >= 0, str or sympy expression
        T, or a formula of the flow's time t.
    cooling : Schedule, optional
        A factor of T in step k, one of `flowopt.optimizers.schedules`.

    Examples
    --------
    >>> import flowopt as fo
    >>> opt = fo.optimizers.annealing(lr=0.01, temperature="2.5/log(t + 2)")
    >>> ens = opt.ensemble(fo.losses.two_minima(), [[3.0]] * 100, steps=20_000, seed=1)
    >>> bool((ens.x < 1.843).mean() > 0.5)
    True
    """
    step = rate("lr", lr)
    temperature = cooled(temperature, cooling, step)
    return Optimizer("annealing", GradientFlow(), EulerMaruyama(step, temperature=temperature),
                     Clock(step, "lr"), {"lr": step, "temperature": str(temperature)},
                     note="dθ = −∇L dt + √(2T(t)) dW",
                     reference="S. Geman, C.-R. Hwang, SIAM J. Control Optim. 24 (1986) 1031-1043")
