"""Classical best parameters for curvatures in [μ, ℓ], with their rate proved for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowopt import _check
from flowopt.stability.statement import map_system, statement
from flowopt.stability.verdict import Evidence, Verdict, proved

METHODS = ("gradient_descent", "heavy_ball", "nesterov")


@dataclass(frozen=True)
class OptimalParameters:
    """Parameters and rate of a method for all curvatures in [μ, ℓ].

    Attributes
    ----------
    method : str
        gradient_descent, heavy_ball or nesterov.
    exact : dict
        lr (and momentum) as exact numbers.
    rate : sympy.Expr
        The spectral radius over λ ∈ [μ, ℓ], exactly: at most this for every λ, and this at λ = μ.
    verdict : Verdict
        The rate, proved for all 0 < μ <= ℓ.
    """

    method: str
    exact: Mapping[str, Any]
    rate: Any
    mu: Any
    ell: Any
    verdict: Verdict

    @property
    def hyper(self) -> dict[str, float]:
        """The parameters as numbers."""
        return {k: float(v) for k, v in self.exact.items()}

    def optimizer(self) -> Any:
        """Return the optimizer with these parameters."""
        from flowopt.optimizers import gradient_descent, heavy_ball, nesterov

        make = {"gradient_descent": gradient_descent, "heavy_ball": heavy_ball,
                "nesterov": nesterov}[self.method]
        return make(**self.hyper)  # type: ignore[operator]

    def __repr__(self) -> str:
        text = ", ".join(f"{k} = {v}" for k, v in self.exact.items())
        return f"<OptimalParameters of {self.method}: {text}; rate {self.rate}>"


def optimal_parameters(optimizer: Any, mu: float, ell: float) -> OptimalParameters:
    """Return the classical best parameters for curvatures in [μ, ℓ], with the proved rate.

    - gradient descent: α = 2/(μ + ℓ), rate (κ − 1)/(κ + 1);
    - Polyak's heavy ball: α = 4/(√ℓ + √μ)², β = ((√κ − 1)/(√κ + 1))², rate √β;
    - Nesterov's, constant β: α = 4/(3ℓ + μ), β = (√(3κ + 1) − 2)/(√(3κ + 1) + 2), rate
      1 − 2/√(3κ + 1); κ = ℓ/μ.

    The rate is that of quadratics: the spectral radius for every λ ∈ [μ, ℓ]. On other convex losses
    the heavy ball with these parameters need not converge.

    Parameters
    ----------
    optimizer : str or Optimizer
        One of the three, by name or as an optimizer of the dictionary.
    mu, ell : float
        0 < mu <= ell.

    Raises
    ------
    TypeError, ValueError
        For another optimizer, and numbers that are not 0 < mu <= ell.

    Notes
    -----
    Source: Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1; Lessard, Recht & Packard, SIAM J.
    Optim. 26 (2016) 57, Proposition 1.

    Examples
    --------
    >>> import flowopt as fo
    >>> best = fo.stability.optimal_parameters("heavy_ball", mu=1, ell=100)
    >>> best.exact["lr"], best.exact["momentum"], best.rate
    (4/121, 81/121, 9/11)
    >>> best.verdict.check()
    True
    """
    import sympy

    from flowopt.optimizers.optimizer import Optimizer
    from flowopt.stability.exact import rational

    name = optimizer.name if isinstance(optimizer, Optimizer) else optimizer
    if not isinstance(name, str):
        raise TypeError("optimizer must be an Optimizer or the name of one, got "
                        f"{_check.shown(optimizer)}")
    if name == "sgd" and isinstance(optimizer, Optimizer):
        name = ("nesterov" if optimizer.hyper.get("nesterov") else
                "heavy_ball" if optimizer.hyper.get("momentum") else "gradient_descent")
    _check.choice("optimizer", name, METHODS)
    low, high = (rational(_check.real(k, v, above=0.0)) for k, v in (("mu", mu), ("ell", ell)))
    if low > high:
        raise ValueError(f"mu must be at most ell, got mu={mu:g} and ell={ell:g}")
    kappa = high / low
    if name == "gradient_descent":
        exact = {"lr": 2 / (low + high)}
        rate = (kappa - 1) / (kappa + 1)
    elif name == "heavy_ball":
        root = sympy.sqrt(kappa)
        rate = (root - 1) / (root + 1)
        exact = {"lr": 4 / (low * (root + 1)**2), "momentum": rate**2}
    else:
        root = sympy.sqrt(3 * kappa + 1)
        rate = 1 - 2 / root
        exact = {"lr": 4 / (3 * high + low), "momentum": (root - 2) / (root + 2)}
    exact = {k: sympy.radsimp(sympy.simplify(v)) for k, v in exact.items()}
    return OptimalParameters(name, exact, sympy.radsimp(sympy.simplify(rate)), low, high,
                             _proof(name))


#: with units in which μ = 1: ℓ, lr, momentum and the rate in terms of a root k
PARAMETERS = {
    "gradient_descent": ("k", "2/(1 + k)", "0", "(k - 1)/(k + 1)"),
    "heavy_ball": ("k**2", "4/(1 + k)**2", "((k - 1)/(k + 1))**2", "(k - 1)/(k + 1)"),
    "nesterov": ("(k**2 - 1)/3", "4/k**2", "(k - 2)/(k + 2)", "1 - 2/k"),
}
EQUATIONS = {
    "gradient_descent": ["x - lr*lam*x"],
    "heavy_ball": ["x - lr*lam*x + momentum*(x - last)", "x"],
    "nesterov": ["(1 + momentum)*(1 - lr*lam)*x - momentum*(1 - lr*lam)*last", "x"],
}


def _proof(name: str) -> Verdict:
    """Return the verdict that the rate holds for all curvatures, in units with μ = 1."""
    from flowopt.stability.exact import read

    ell, lr, momentum, rate = PARAMETERS[name]
    variables = ["x", "last"][:len(EQUATIONS[name])]
    known = {*variables, "lam", "k"}
    equations = []
    for text in EQUATIONS[name]:
        made = read(text, {*known, "lr", "momentum"})
        values = {s: read({"lr": lr, "momentum": momentum}[str(s)], {"k"})
                  for s in made.free_symbols if str(s) in ("lr", "momentum")}
        equations.append(made.subs(values))
    least = "k >= 2" if name == "nesterov" else "k >= 1"
    made = statement("spectral_radius", map_system(equations, variables), rate=rate, ell=ell,
                     assumptions=[least, f"1 <= lam <= {ell}"], at="lam = 1")
    return proved(made, "the conditions for |ζ| <= r are linear in λ: they hold at both ends", "A",
                  Evidence("quadratic_rate", {"attained": "1"}))
